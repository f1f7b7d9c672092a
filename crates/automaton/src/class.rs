//! The character classes of the masks.

/// Bit of token characters in [`TABLE`].
pub(crate) const TOKEN: u8 = 1;
/// Bit of base64 and base64url characters, without padding.
pub(crate) const BASE64: u8 = 2;
/// Bit of NUL.
pub(crate) const NUL: u8 = 4;

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
