//! The character classes of the masks.

use crate::byte_set::ByteSet;

/// Bit of token characters in [`TABLE`].
pub(crate) const TOKEN: u8 = 1;
/// Bit of base64 and base64url characters, without padding.
pub(crate) const BASE64: u8 = 2;
/// Bit of NUL.
pub(crate) const NUL: u8 = 4;
/// Bit of lower-case letters and what else stands from 0x60 on in ASCII.
pub(crate) const LOWER: u8 = 8;

/// Bit of the characters that begin an escape: `\\ % & =`.
pub(crate) const ESCAPE: u8 = 16;

/// Bit of the characters that may follow those in an escape for a token character, and of some more: `:` and a few control characters, which lets the
/// tiers tell the class from few sets.
pub(crate) const FOLLOW: u8 = 32;

/// Bit of decimal digits.
pub(crate) const DIGIT: u8 = 64;

/// Bit of letters and digits.
pub(crate) const ALNUM: u8 = 128;

/// Class bits of every byte: the definition that all vector tiers must agree with.
pub(crate) const TABLE: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut b = 0usize;
    while b < 256 {
        let c = b as u8;
        if c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'+' | b'/') {
            table[b] = TOKEN | BASE64;
        } else if matches!(c, b'.' | b'=' | b'%' | b'~') {
            table[b] = TOKEN;
        } else if c == 0 {
            table[b] = NUL;
        }
        if matches!(c, b'\\' | b'%' | b'&' | b'=') {
            table[b] |= ESCAPE;
        }
        if matches!(
            c,
            b'0'..=b'7' | b'u' | b'U' | b'x' | b'X' | b'/' | b'#' | b'B' | b'F' | b'b' | b'f' | b':' | 0..=7 | b'\r' | b'\n'
        ) {
            table[b] |= FOLLOW;
        }
        if matches!(c, 0x60..=0x7f) {
            table[b] |= LOWER;
        }
        if c.is_ascii_digit() {
            table[b] |= DIGIT;
        }
        if c.is_ascii_alphanumeric() {
            table[b] |= ALNUM;
        }
        b += 1;
    }
    table
};

/// Whether `b` is a token character: `[A-Za-z0-9_.+/=%~-]`.
#[inline]
pub const fn is_token(b: u8) -> bool {
    TABLE[b as usize] & TOKEN != 0
}

/// Whether `b` is a base64 or base64url character, padding aside.
#[inline]
pub const fn is_base64(b: u8) -> bool {
    TABLE[b as usize] & BASE64 != 0
}

/// Whether `b` may be the first digit after `%` or `=` in an escape that matters, see [`is_pair`].
#[inline]
fn is_high_digit(b: u8) -> bool {
    matches!(b, b'0'..=b'7' | b'B' | b'b' | b'F' | b'f')
}

/// Whether two digits stand for a token character, or for the first byte of a magic number that is none: `1f` of gzip, `fd` of xz, `b5` and `03` of
/// zstd and zip, before which `(` and `PK` may stand as they are.
#[inline]
fn is_pair(high: u8, low: u8) -> bool {
    match high {
        b'1'..=b'7' => low.is_ascii_hexdigit(),
        b'0' => low == b'3',
        b'B' | b'b' => low == b'5',
        b'F' | b'f' => matches!(low, b'D' | b'd'),
        _ => false,
    }
}

/// Whether `bytes`, whose first one begins an escape, may stand for a token character: `\` with one of `u U x X /`, an octal digit or the end of a line, `%` and
/// `=` with the digits of one, `&#`, and `=` at the end of a line. Other escapes stand for what ends a token anyway. So may, in UTF-8, a character without
/// width, which stands for nothing, a fullwidth form of a token character, and a tag or a variation selector (U+E0000 to U+E007F, U+E0100 to
/// U+E017F), which show nothing and spell an ASCII character.
#[inline]
pub fn is_escape(bytes: [u8; 3]) -> bool {
    let [first, second, third] = bytes;
    match first {
        b'\\' => matches!(second, b'u' | b'U' | b'x' | b'X' | b'/' | b'0'..=b'7' | b'\r' | b'\n'),
        b'%' => is_pair(second, third),
        b'=' => {
            is_pair(second, third) && !second.is_ascii_lowercase() && !third.is_ascii_lowercase()
                || matches!(second, b'\r' | b'\n')
        }
        b'&' => second == b'#',
        // U+00AD, U+200B to U+200F, U+202A to U+202E, U+2060 to U+2064, U+2066 to U+2069, U+FE00 to U+FE0F, U+FEFF; U+FF01 to U+FF5E.
        0xc2 => second == 0xad,
        0xe2 => {
            matches!((second, third), (0x80, 0x8b..=0x8f | 0xaa..=0xae) | (0x81, 0xa0..=0xa4 | 0xa6..=0xa9))
        }
        0xef => match (second, third) {
            (0xbb, 0xbf) | (0xb8, 0x80..=0x8f) => true,
            (0xbc, 0x81..=0xbf) => is_token(third - 0x60),
            (0xbd, 0x80..=0x9e) => is_token(third - 0x20),
            _ => false,
        },
        // What it spells is in its last byte.
        0xf3 => second == 0xa0 && matches!(third, 0x80 | 0x81 | 0x84 | 0x85),
        _ => false,
    }
}

/// Whether `bytes` may become what [`is_escape`] tells of if more bytes follow.
#[inline]
pub(crate) fn may_become_escape(bytes: &[u8]) -> bool {
    match *bytes {
        [first] => matches!(first, b'\\' | b'%' | b'&' | b'=') || LEADS.contains(first),
        [b'%' | b'=', second] => is_high_digit(second),
        [0xe2, second] => matches!(second, 0x80 | 0x81),
        [0xef, second] => matches!(second, 0xb8 | 0xbb..=0xbd),
        [0xf3, second] => second == 0xa0,
        _ => false,
    }
}

/// The first bytes of the characters of [`is_escape`] that are not ASCII.
pub(crate) const LEADS: ByteSet = ByteSet::new(&LEADS_OF);
pub(crate) const LEADS_OF: [u8; 4] = *b"\xc2\xe2\xef\xf3";

/// Whether `b` may begin an anchor of [`Gate::NonLower`](crate::Gate::NonLower): a token character that is no lower-case letter.
#[inline]
pub const fn is_non_lower(b: u8) -> bool {
    TABLE[b as usize] & (TOKEN | LOWER) == TOKEN
}

/// Whether `b` may begin an anchor of [`Gate::UpperOrDigit`](crate::Gate::UpperOrDigit).
#[inline]
pub const fn is_upper_or_digit(b: u8) -> bool {
    TABLE[b as usize] & (ALNUM | LOWER) == ALNUM
}
