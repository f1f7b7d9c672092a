//! Private keys in PEM, of which a match has the first line and some of the body.
//!
//! The body is looked at as the characters of base64 that it holds, however its lines are written: broken, quoted, with `\n` spelled out, or in percent.

/// Characters of the body that are as much as a key: half of a whole RSA key holds its private exponent.
const ENOUGH: usize = 400;

/// Fewer characters are no whole key either: the shortest, of an Ed25519 key, has 64.
const SHORTEST: usize = 60;

/// Characters of the body by which a key is known: the keys of OpenSSH differ from the 83rd on.
pub(super) const KNOWN_BY: usize = 200;

pub(super) fn verify(value: &[u8]) -> bool {
    let mut count = 0;
    let ended = body(value, ENOUGH, |_| count += 1);
    count >= ENOUGH || (ended && count >= SHORTEST)
}

/// How a key of OpenSSH begins, and goes on where no cipher is named: the magic words with their NUL, and the length and name of a cipher ([PROTOCOL.key]).
///
/// [PROTOCOL.key]: https://cvsweb.openbsd.org/src/usr.bin/ssh/PROTOCOL.key
const OPENSSH: [&[u8]; 2] = [b"b3BlbnNzaC1rZXktdjEAAAAA", b"BG5vbmU"];

/// Whether the key needs a passphrase: it says so in its first header, with the cipher in the next one ([RFC 1421 section 4.6](https://www.rfc-editor.org/rfc/rfc1421#section-4.6)), or names a cipher.
pub(super) fn is_locked(value: &[u8]) -> bool {
    let headers = behind_first_line(value).map(behind_breaks);
    if let Some(rest) = headers.and_then(|headers| headers.strip_prefix(b"Proc-Type: 4,ENCRYPTED")) {
        let next = behind_breaks(rest);
        return next.len() < rest.len() && next.starts_with(b"DEK-Info: ");
    }
    let mut begin = Vec::new();
    body(value, OPENSSH[0].len() + OPENSSH[1].len(), |char| begin.push(char));
    begin
        .strip_prefix(OPENSSH[0])
        .is_some_and(|cipher| cipher.len() == OPENSSH[1].len() && cipher != OPENSSH[1])
}

/// What stands behind the first line, which begins with five dashes and ends with five.
fn behind_first_line(value: &[u8]) -> Option<&[u8]> {
    let rest = value.get(5..)?;
    rest.windows(5).position(|five| five == b"-----").map(|at| &rest[at + 5..])
}

/// What stands behind line breaks, which may be spelled out, and be between strings of a program.
fn behind_breaks(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [b'\\', _, rest @ ..] | [b'\r' | b'\n' | b' ' | b'"' | b'\'' | b',' | b'+', rest @ ..] => rest,
            _ => return text,
        };
    }
}

/// Hands out at most `most` characters of the body, and says whether the line that ends a block stands behind what was read.
pub(super) fn body(value: &[u8], most: usize, mut out: impl FnMut(u8)) -> bool {
    let Some(mut rest) = behind_first_line(value) else { return false };
    let mut count = 0;
    while let Some((first, behind)) = rest.split_first() {
        if count == most {
            return false;
        }
        rest = behind;
        let char = match first {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => *first,
            b'-' => return behind.starts_with(b"----"),
            b'\\' => {
                // Of an escape for a line break or a tab the letter is no part of the body.
                rest = behind
                    .strip_prefix(b"n")
                    .or(behind.strip_prefix(b"r"))
                    .or(behind.strip_prefix(b"t"))
                    .unwrap_or(behind);
                continue;
            }
            b'%' => {
                let Some(code) = behind.get(..2) else { continue };
                rest = &behind[2..];
                match code.to_ascii_uppercase().as_slice() {
                    b"2B" => b'+',
                    b"2F" => b'/',
                    b"3D" => b'=',
                    _ => continue,
                }
            }
            _ => continue,
        };
        out(char);
        count += 1;
    }
    false
}
