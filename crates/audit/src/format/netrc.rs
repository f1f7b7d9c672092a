//! `.netrc` and Emacs' `.authinfo`: words in pairs, a macro up to an empty line.

use super::Sink;
use super::path::Trail;

/// Reads `bytes`.
pub(super) fn read(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut trail = Trail::new();
    let mut at = 0;
    while let Some((word, start)) = word(bytes, &mut at) {
        match word {
            b"machine" | b"host" => {
                trail.pop_to(0);
                let name = self::word(bytes, &mut at).map_or(&b""[..], |(name, _)| name);
                trail.push(name);
            }
            b"default" => {
                trail.pop_to(0);
                trail.push(b"default");
            }
            b"macdef" => {
                let rest = &bytes[at..];
                at += memchr::memmem::find(rest, b"\n\n").map_or(rest.len(), |n| n + 2);
            }
            b"login" | b"user" | b"account" | b"password" | b"passwd" | b"port" => {
                let Some((value, value_at)) = self::word(bytes, &mut at) else { return };
                trail.push(word);
                sink(trail.name(), value, value_at);
                trail.pop();
            }
            _ if word.starts_with(b"#") => {
                at = start + memchr::memchr(b'\n', &bytes[start..]).unwrap_or(bytes.len() - start);
            }
            _ => {}
        }
    }
}

/// The next word, quoted or not, and where it begins.
fn word<'a>(bytes: &'a [u8], at: &mut usize) -> Option<(&'a [u8], usize)> {
    *at += bytes[*at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let start = *at;
    if bytes.get(start) == Some(&b'"') {
        let line = memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |n| start + n);
        if let Some(len) = memchr::memchr(b'"', &bytes[start + 1..line]) {
            *at = start + 1 + len + 1;
            return Some((&bytes[start + 1..start + 1 + len], start + 1));
        }
    }
    *at += bytes[start..].iter().take_while(|b| !b.is_ascii_whitespace()).count();
    (*at > start).then(|| (&bytes[start..*at], start))
}
