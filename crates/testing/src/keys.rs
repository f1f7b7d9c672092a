//! Keys made from a seed, with valid checksums where the format has one. None of them was ever issued.

use crate::rng::Rng;

/// `[0-9A-Za-z]`, in the order of base62.
pub const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Base64url characters.
pub const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Lower-case hexadecimal digits.
pub const HEX: &[u8; 16] = b"0123456789abcdef";

/// A classic GitHub token: `prefix` (`ghp_`), 30 random characters and their [`github_checksum`].
pub fn github(rng: &mut Rng, prefix: &str) -> Vec<u8> {
    let body = rng.text(BASE62, 30);
    [prefix.as_bytes(), &body, &github_checksum(&body)].concat()
}

/// `ATATT3`, a body of varying length and its checksum, as Atlassian's tokens have it.
pub fn varying(rng: &mut Rng) -> Vec<u8> {
    let len = 20 + rng.below(20);
    let mut token = [b"ATATT3", &rng.text(BASE64URL, len)[..], b"="].concat();
    let sum = crc32fast::hash(&token);
    token.extend(format!("{sum:08X}").into_bytes());
    token
}

/// A key that a rule of [`features`](crate::rules::features) finds: of fixed length, of varying length, or behind its own beginning.
pub fn token(rng: &mut Rng) -> Vec<u8> {
    match rng.below(4) {
        0 => varying(rng),
        1 => [&b"ATATT3".repeat(1 + rng.below(3))[..], &varying(rng)].concat(),
        _ => github(rng, "ghp_"),
    }
}

/// The six characters that end a classic GitHub token: base62 of the CRC-32 of its body.
pub fn github_checksum(body: &[u8]) -> [u8; 6] {
    let mut crc = crc32fast::hash(body);
    let mut sum = [b'0'; 6];
    for place in sum.iter_mut().rev() {
        *place = BASE62[(crc % 62) as usize];
        crc /= 62;
    }
    sum
}

/// A value as people have them in environment variables: one of several shapes, all random.
pub fn secret(rng: &mut Rng) -> Vec<u8> {
    match rng.below(5) {
        0 => github(rng, "ghp_"),
        1 => rng.text(HEX, 32),
        2 => rng.text(BASE64URL, 43),
        3 => rng.text(BASE62, 24),
        _ => [b"sk-live-", &rng.text(BASE62, 40)[..]].concat(),
    }
}
