//! The character classes of the masks.

/// Bit of token characters in [`TABLE`].
pub(crate) const TOKEN: u8 = 1;
/// Bit of base64 and base64url characters, without padding.
pub(crate) const BASE64: u8 = 2;
/// Bit of NUL.
pub(crate) const NUL: u8 = 4;
/// Bit of lower-case letters and what shares bits 5 and 6 with them.
pub(crate) const LOWER: u8 = 8;

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
        if c & 0x60 == 0x60 {
            table[b] |= LOWER;
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

/// Whether `b` may begin an anchor of [`Gate::NonLower`](crate::Gate::NonLower): a token character that is no lower-case letter.
#[inline]
pub const fn is_non_lower(b: u8) -> bool {
    TABLE[b as usize] & (TOKEN | LOWER) == TOKEN
}
