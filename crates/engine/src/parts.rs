//! Parts of long values: short windows, so that a piece which was cut out of a key's middle is found.
//!
//! ```text
//! line of a key   |-------------------------------64--------------------------------|
//! parts           |--------------32---------------|--------------32----------------|     of a line of 70 characters a third one, at its end
//! cut out                            ...-------------------------------| line break |---------------------------...
//!                                                  a part is whole on one side of the break
//! ```
//!
//! Of [`GUARANTEED`] characters in a row of the secret part of a value, as they stand, in its own lines or in none, a part is among them: where a break parts them, one side has 32, and begins or ends with the line.
//!
//! What stands in the public key too, or in everybody's key, is no part: of keys in PEM the secret numbers count, of other values nothing that stands in front or is text in base64.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::{secrets, weak};

/// Characters of a part: in base64 192 bits, of which an anchor and a MAC leave more than enough.
pub(crate) const LEN: usize = 32;
/// What is found of a value's secret part wherever it is cut.
#[cfg(test)]
pub(crate) const GUARANTEED: usize = 64;
/// The most parts of a value.
const MAX: usize = 1024;
/// Characters in front of a value that is no key in PEM, among which there are no parts: issuers write there what all their tokens have.
const FRONT: usize = 64;
/// Characters in a row by which [`is_drawn`] tells, and the fewest neighbours among them that are letters and digits.
const RUN: usize = 12;
const PAIRS: usize = 8;
/// How armour begins.
const BEGIN: &[u8] = b"-----BEGIN ";
/// The least estimate for a part, in bits: what is less looks like no part of a key.
const BITS: f64 = 112.0;

/// The parts of a value; none of a short one.
pub(crate) fn of(value: &[u8]) -> Vec<&[u8]> {
    let ranges: Vec<Range<usize>> = match key(value) {
        Some(key) => key.secret_segments(value).into_iter().flat_map(windows).collect(),
        // What is armoured and no key, or none of a known form.
        None if find(value, 0, BEGIN).is_some() || value.len() <= secrets::PIECE => Vec::new(),
        None => {
            let drawn = |run: Range<usize>| {
                let around = move |part: &Range<usize>| {
                    let (start, end) = (part.start.saturating_sub(LEN), part.end + LEN);
                    weak::looks_drawn(&value[start.max(run.start)..end.min(run.end)])
                };
                windows(run.clone()).filter(around).collect::<Vec<_>>()
            };
            runs(value).into_iter().flat_map(drawn).collect()
        }
    };
    let parts = ranges.into_iter().map(|range| &value[range]);
    parts.filter(|part| weak::bits(part) >= BITS && !is_coded_text(part)).take(MAX).collect()
}

/// Windows of a segment: one behind the other, and the last one at its end.
fn windows(segment: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let last = segment.len().checked_sub(LEN).map(|at| segment.start + at);
    let steps = (segment.start..segment.end).step_by(LEN).filter(move |at| Some(*at) < last);
    steps.chain(last).map(|at| at..at + LEN)
}

/// Whether some characters in a row look drawn, and are no text in base64: what somebody made up has none such, and what was drawn nearly always has.
pub(crate) fn is_drawn(value: &[u8]) -> bool {
    let is_telling =
        |run: &[u8]| run.windows(2).filter(|two| two.iter().all(u8::is_ascii_alphanumeric)).count() >= PAIRS;
    value
        .windows(RUN.min(value.len().max(1)))
        .any(|run| is_telling(run) && weak::looks_drawn(run) && !is_coded_text(run))
}

/// Whether base64 stands for text, at one of its alignments.
fn is_coded_text(part: &[u8]) -> bool {
    (0..4).any(|skipped| {
        let bytes = decode(&part[skipped..]);
        bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    })
}

/// Runs of characters of base64, but for what stands in front.
fn runs(value: &[u8]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for at in (FRONT..value.len()).filter(|at| is_base64(value[*at])) {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

/// What base64 stands for, in either alphabet; signs that are none of it are passed over.
fn decode(chars: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(chars.len()));
    let (mut bits, mut have) = (0u32, 0);
    for char in chars {
        let value = match char {
            b'A'..=b'Z' => char - b'A',
            b'a'..=b'z' => char - b'a' + 26,
            b'0'..=b'9' => char - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            bytes.push((bits >> have) as u8);
        }
    }
    bytes
}

/// A private key in PEM.
struct Key<'a> {
    label: &'a [u8],
    /// Where the lines of its body stand in the value.
    lines: Vec<Range<usize>>,
    /// Whether it is encrypted as a whole, as its headers say.
    encrypted: bool,
}

fn find(value: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    value.get(from..)?.windows(what.len()).position(|there| there == what).map(|at| from + at)
}

/// The first private key that a value is or holds.
fn key(value: &[u8]) -> Option<Key<'_>> {
    const DASHES: &[u8] = b"-----";
    let mut from = 0;
    loop {
        let start = find(value, from, BEGIN)? + BEGIN.len();
        let end = find(value, start, DASHES)?;
        from = end + DASHES.len();
        let label = &value[start..end];
        if label.ends_with(b"PRIVATE KEY") {
            let end = find(value, from, DASHES).unwrap_or(value.len());
            let encrypted = find(&value[..end], from, b"ENCRYPTED").is_some();
            return Some(Key { label, lines: lines(value, from..end), encrypted });
        }
    }
}

/// The lines of a body, whose breaks may be written as `\n`; without headers.
fn lines(value: &[u8], body: Range<usize>) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut at = body.start;
    while at < body.end {
        let len = value[at..body.end].iter().take_while(|byte| is_base64(**byte)).count();
        let end = at + len;
        // A header has a colon behind its first word, and what is not base64 behind that.
        let is_header = |byte: u8| !matches!(byte, b'\n' | b'\r' | b'\\' | b'=');
        if value[end..body.end].first().is_some_and(|byte| is_header(*byte) && *byte != b' ') {
            at = end + value[end..body.end].iter().take_while(|byte| is_header(**byte)).count();
            continue;
        }
        if len > 0 {
            lines.push(at..end);
        }
        let escaped = value[end..body.end].starts_with(b"\\") && end + 1 < body.end;
        at = end + if escaped { 2 } else { 1 };
    }
    lines
}

impl Key<'_> {
    /// Where characters of its secret numbers stand, line by line; nowhere in a key of a form that is not known, whose public part cannot be told.
    fn secret_segments(&self, value: &[u8]) -> Vec<Range<usize>> {
        let chars = Zeroizing::new(
            self.lines.iter().flat_map(|line| &value[line.clone()]).copied().collect::<Vec<u8>>(),
        );
        let bytes = decode(&chars);
        let secret = match self.label {
            _ if self.encrypted && self.label != b"ENCRYPTED PRIVATE KEY" => Some(0..bytes.len()),
            b"OPENSSH PRIVATE KEY" => openssh(&bytes),
            b"ENCRYPTED PRIVATE KEY" => encrypted(&bytes),
            _ => der(&bytes),
        };
        let Some(secret) = secret else { return Vec::new() };
        let (start, end) = ((8 * secret.start).div_ceil(6), 8 * secret.end / 6);
        let mut before = 0;
        let mut segments = Vec::new();
        for line in &self.lines {
            let (from, to) =
                (start.clamp(before, before + line.len()), end.clamp(before, before + line.len()));
            if from < to {
                segments.push(line.start + from - before..line.start + to - before);
            }
            before += line.len();
        }
        segments
    }
}

/// An element of DER: its tag, and where its content stands.
fn element(bytes: &[u8], at: usize, end: usize) -> Option<(u8, Range<usize>)> {
    let bytes = bytes.get(..end)?;
    let (tag, first) = (*bytes.get(at)?, *bytes.get(at + 1)?);
    let (len, start) = match first {
        0..=0x7f => (usize::from(first), at + 2),
        0x81..=0x83 => {
            let digits = bytes.get(at + 2..at + 2 + usize::from(first & 0x7f))?;
            let len = digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit));
            (len, at + 2 + digits.len())
        }
        _ => return None,
    };
    (start.checked_add(len)? <= bytes.len()).then(|| (tag, start..start + len))
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The secret numbers of a key as PKCS#1, PKCS#8 (RFC 5208), SEC 1 (RFC 5915) or OpenSSL's DSA have it.
fn der(bytes: &[u8]) -> Option<Range<usize>> {
    let mut whole = 0..bytes.len();
    // A key of PKCS#8 holds one of another form.
    for _ in 0..2 {
        let (SEQUENCE, inside) = element(bytes, whole.start, whole.end)? else { return None };
        let (INTEGER, version) = element(bytes, inside.start, inside.end)? else { return None };
        let (tag, first) = element(bytes, version.end, inside.end)?;
        match tag {
            SEQUENCE => {
                let (OCTETS, key) = element(bytes, first.end, inside.end)? else { return None };
                match element(bytes, key.start, key.end)? {
                    (SEQUENCE, _) => whole = key,
                    // A number by itself, as Curve25519 has it.
                    (OCTETS, number) => return Some(number),
                    _ => return None,
                }
            }
            OCTETS => return Some(first),
            INTEGER => {
                let mut numbers = vec![first];
                while let Some((INTEGER, number)) =
                    numbers.last().and_then(|last| element(bytes, last.end, inside.end))
                {
                    numbers.push(number);
                }
                return match numbers.len() {
                    // Modulus and public exponent; prime, subgroup, generator and public key.
                    8.. => Some(numbers[2].start..inside.end),
                    5 => Some(numbers[4].clone()),
                    _ => None,
                };
            }
            _ => return None,
        }
    }
    None
}

/// The ciphertext of an encrypted key of PKCS#8: what stands before it, all keys of a kind have.
fn encrypted(bytes: &[u8]) -> Option<Range<usize>> {
    let (SEQUENCE, inside) = element(bytes, 0, bytes.len())? else { return None };
    let (SEQUENCE, how) = element(bytes, inside.start, inside.end)? else { return None };
    let (OCTETS, key) = element(bytes, how.end, inside.end)? else { return None };
    Some(key)
}

/// The secret numbers of a key as OpenSSH has it (PROTOCOL.key).
fn openssh(bytes: &[u8]) -> Option<Range<usize>> {
    let string = |at: usize| {
        let len = bytes.get(at..at + 4)?.iter().fold(0, |len, digit| len << 8 | usize::from(*digit));
        let end = (at + 4).checked_add(len)?;
        (end <= bytes.len()).then_some(at + 4..end)
    };
    let cipher = string(bytes.starts_with(b"openssh-key-v1\0").then_some(15)?)?;
    let options = string(string(cipher.end)?.end)?;
    // One key, as it always is.
    let public = string(options.end + 4)?;
    let private = string(public.end)?;
    if &bytes[cipher] != b"none" {
        return Some(private);
    }
    let kind = string(private.start + 8)?;
    let nth = |n: usize| (0..n).try_fold(kind.clone(), |before, _| string(before.end));
    match &bytes[kind.clone()] {
        // The public key stands behind the secret one once more.
        b"ssh-ed25519" => nth(2).map(|key| key.start..key.end.min(key.start + 32)),
        b"ssh-rsa" => Some(nth(3)?.start..nth(6)?.end),
        b"ssh-dss" => nth(5),
        kind if kind.starts_with(b"ecdsa-sha2-") => nth(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(len: usize) -> Vec<u8> {
        match len {
            0..=0x7f => vec![len as u8],
            _ => vec![0x82, (len >> 8) as u8, len as u8],
        }
    }

    fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag][..], &length(content.len()), content].concat()
    }

    fn noise(len: usize, seed: u32) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn what_was_drawn_is_told_from_what_was_made_up() {
        let alphabets: [&[u8]; 4] = [
            b"0123456789abcdef",
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
            b"abcdefghijklmnopqrstuvwxyz0123456789",
        ];
        for alphabet in alphabets {
            let draw = |seed: u32| {
                let bytes = noise(4 * 32, 7 * seed).into_iter().step_by(4);
                bytes.map(|byte| alphabet[usize::from(byte) % alphabet.len()]).collect::<Vec<u8>>()
            };
            let missed = (1..1000).filter(|seed| !is_drawn(&draw(*seed))).count();
            assert!(missed <= 15, "{missed} of {}", alphabet.len());
        }
        for text in [
            "",
            "application/x-www-form-urlencoded",
            "claude-sonnet-4-20250514-latest",
            "x86_64-unknown-linux-gnu-toolchain",
            "org.apache.commons:commons-lang3:3.14.0",
            "https://api.example.com/v1/messages/2024-01-01",
            "SELECT_ALL_FROM_USERS_WHERE_ID_IS_1",
            "2026-11-30T16:33:46.123456789+00:00",
        ] {
            assert!(!is_drawn(text.as_bytes()), "{text}");
        }
    }

    fn armour(label: &str, bytes: &[u8], width: usize, end: &str) -> Vec<u8> {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bits: Vec<u8> = bytes.iter().flat_map(|b| (0..8).map(move |i| b >> (7 - i) & 1)).collect();
        let chars: Vec<u8> = bits
            .chunks(6)
            .map(|c| ALPHABET[(0..6).fold(0, |s, i| s << 1 | usize::from(*c.get(i).unwrap_or(&0)))])
            .collect();
        let mut text = format!("-----{} {label}-----{end}", "BEGIN").into_bytes();
        for line in chars.chunks(width) {
            text.extend(line);
            text.extend(end.bytes());
        }
        text.extend(format!("-----END {label}-----{end}").bytes());
        text
    }

    /// PKCS#1 or, inside of it, PKCS#8; and where the secret numbers begin.
    fn rsa(pkcs8: bool) -> (Vec<u8>, usize) {
        let public = [tagged(2, &[0]), tagged(2, &noise(257, 1)), tagged(2, &[1, 0, 1])].concat();
        let secret = [256, 129, 129, 128, 128, 129].into_iter().zip(2..);
        let secret: Vec<u8> = secret.flat_map(|(len, seed)| tagged(2, &noise(len, seed))).collect();
        let inner = tagged(0x30, &[&public[..], &secret].concat());
        let head = inner.len() - secret.len() + 4;
        if !pkcs8 {
            return (inner, head);
        }
        let algorithm = tagged(0x30, &[tagged(6, &noise(9, 9)), tagged(5, &[])].concat());
        let outer = tagged(0x30, &[tagged(2, &[0]), algorithm, tagged(4, &inner)].concat());
        let head = outer.len() - inner.len() + head;
        (outer, head)
    }

    #[test]
    fn of_any_64_characters_of_the_secret_part_a_part_is_whole() {
        for (pkcs8, width, end) in [
            (false, 64, "\n"),
            (true, 64, "\r\n"),
            (true, 70, "\n"),
            (false, 76, "\n"),
            (true, 64, "\\n"),
            (true, 4000, "\n"),
        ] {
            let (bytes, head) = rsa(pkcs8);
            let label = if pkcs8 { "PRIVATE KEY" } else { "RSA PRIVATE KEY" };
            let text = armour(label, &bytes, width, end);
            let parts = of(&text);
            let body =
                21 + label.len() + end.len() - 5..text.len() - format!("-----END {label}-----{end}").len();
            let is_break = |at: usize| end == "\\n" && text[at] == b'n' && text[at - 1] == b'\\';
            let chars: Vec<usize> = body.filter(|at| is_base64(text[*at]) && !is_break(*at)).collect();
            let secret = (8 * head).div_ceil(6);
            for run in chars[secret..].windows(GUARANTEED) {
                let cut = &text[run[0]..=run[GUARANTEED - 1]];
                let is_found = parts.iter().any(|part| find(cut, 0, part).is_some());
                assert!(is_found, "{label}, {width}, at {}", run[0]);
            }
            assert!(chars.len() - secret > 1200);
            // The modulus is in the public key too.
            let public = &text[..chars[secret]];
            assert!(!parts.iter().any(|part| find(public, 0, part).is_some()), "{label}, {width}");
        }
    }

    #[test]
    fn forms_that_are_not_known_and_short_values_have_none() {
        assert!(of(b"q8Zt4LmN0pR7sVx2Yb5Kd9Fg3Hj6Wc1A").is_empty());
        for label in ["PGP PRIVATE KEY BLOCK", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PUBLIC KEY"] {
            assert!(of(&armour(label, &noise(600, 3), 64, "\n")).is_empty(), "{label}");
        }
        // Curve25519 in PKCS#8: 42 characters are secret, in one line.
        let algorithm = tagged(0x30, &tagged(6, &[0x2b, 0x65, 0x70]));
        let number = tagged(4, &tagged(4, &noise(32, 5)));
        let key = tagged(0x30, &[tagged(2, &[0]), algorithm, number].concat());
        assert!((1..=2).contains(&of(&armour("PRIVATE KEY", &key, 64, "\n")).len()));
    }

    #[test]
    fn an_encrypted_key_is_its_ciphertext() {
        let how = tagged(0x30, &noise(70, 4));
        let key = tagged(0x30, &[how, tagged(4, &noise(1200, 5))].concat());
        let text = armour("ENCRYPTED PRIVATE KEY", &key, 64, "\n");
        assert!(of(&text).len() > 40);
        assert!(!of(&text).iter().any(|part| find(&text[..130], 0, part).is_some()));
        let old = armour("RSA PRIVATE KEY", &noise(1200, 6), 64, "\n");
        let (begin, body) = old.split_at(32);
        let headers = b"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n";
        let text = [begin, headers, body].concat();
        assert!(of(&text).len() > 40, "{}", of(&text).len());
    }

    #[test]
    fn what_is_public_in_other_values_is_no_part() {
        let drawn = armour("X", &noise(600, 8), 4000, "");
        let drawn = &drawn[13..700];
        let parts = of(drawn);
        assert!(parts.len() >= 18 && !parts.iter().any(|part| find(&drawn[..90], 0, part).is_some()));
        // What is text in base64 is known to others.
        let text = "apiVersion: v1\nclusters:\n- cluster:\n    server: https://10.0.0.1:6443\n".repeat(8);
        let coded = armour("X", text.as_bytes(), 4000, "");
        assert!(of(&coded[13..700]).is_empty());
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            cases: 300,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..proptest::prelude::ProptestConfig::default()
        })]

        /// Whatever a value holds: no panic, and parts are what they should be.
        #[test]
        fn keys_of_any_bytes_are_read(mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400), at: proptest::sample::Index, to: u8, form in 0usize..3, width in 1usize..90) {
            if form == 0 {
                bytes = rsa(true).0;
                let at = at.index(bytes.len());
                bytes[at] = to;
            } else if form == 1 {
                bytes.splice(0..0, *b"openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none\0\0\0\0\0\0\0\x01\0\0\0\x02ab\0\0\0\x30");
            }
            let label = ["PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY"][form];
            let text = armour(label, &bytes, width, "\n");
            let cut = &text[..at.index(text.len() + 1)];
            for value in [&text[..], cut, &bytes] {
                assert!(of(value).iter().all(|part| part.len() == LEN));
            }
        }
    }
}
