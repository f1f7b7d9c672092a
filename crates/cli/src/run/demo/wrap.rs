//! Spellings of a value: those that the program sends, and those that are searched for in what arrived.

use std::io::{self, Write as _};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use flate2::Compression;
use flate2::write::GzEncoder;
use zeroize::Zeroizing;

/// Backwards.
pub(super) fn reversed(value: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(value.iter().rev().copied().collect())
}

/// In hexadecimal digits.
pub(super) fn hex(value: &[u8]) -> Zeroizing<Vec<u8>> {
    let digit = |n: u8| b"0123456789abcdef"[usize::from(n)];
    Zeroizing::new(value.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

/// With every byte as `%XX`.
pub(super) fn percent(value: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(hex(value).chunks(2).flat_map(|digits| [b'%', digits[0], digits[1]]).collect())
}

/// In base64.
pub(super) fn base64(value: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(BASE64_STANDARD.encode(value).into_bytes())
}

/// The characters of base64 that only `value` decides, behind so many other bytes modulo three.
pub(super) fn inside_base64(value: &[u8], before: usize) -> Zeroizing<Vec<u8>> {
    let text = Zeroizing::new([&b"???"[..before], value].concat());
    let coded = Zeroizing::new(BASE64_STANDARD_NO_PAD.encode(&text[..]).into_bytes());
    let end = text.len() / 3 * 4;
    Zeroizing::new(coded[(before * 4).div_ceil(3)..end].to_vec())
}

/// As gzip.
///
/// # Errors
///
/// None that happens in memory.
pub(super) fn gzip(value: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(value)?;
    encoder.finish()
}

/// How often `needle` stands in `bytes`.
pub(super) fn occurrences(bytes: &[u8], needle: &[u8]) -> usize {
    bytes.windows(needle.len()).filter(|window| *window == needle).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_is_searched_for() {
        let value = b"correct horse battery staple";
        for before in 0..7 {
            let text = [&b"0123456"[..before], value, b" and more"].concat();
            let coded = base64(&text);
            assert_eq!(occurrences(&coded, &inside_base64(value, before % 3)), 1, "{before}");
        }
        assert_eq!(hex(b"\x00\xaf").as_slice(), b"00af");
        assert_eq!(percent(b"a/").as_slice(), b"%61%2f");
        assert_eq!(reversed(b"abc").as_slice(), b"cba");
        assert_eq!(occurrences(b"aaa", b"aa"), 2);
    }
}
