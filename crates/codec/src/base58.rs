//! Base58, the number that a whole token makes.
//!
//! Bitcoin's [alphabet] is the digits and letters without `0`, `O`, `I` and `l`. A token is one number to the base of 58, so every byte
//! depends on every character: there are no alignments and no pieces, and a token is decoded at once. Zero bytes at the beginning are
//! written as as many `1`s. Base58check is base58 of bytes that end with four bytes of a checksum; they are handed out like the others.
//!
//! The work grows with the square of the length, which is why it is bounded by [`MAX_LEN`].
//!
//! # Examples
//!
//! ```
//! use exfilter_codec::base58::decode;
//!
//! let mut out = Vec::new();
//! assert_eq!(decode(b"1NvLz", &mut out), Ok(()));
//! assert_eq!(out, b"\0ABC");
//! ```
//!
//! [alphabet]: https://www.ietf.org/archive/id/draft-msporny-base58-03.html

use crate::Fault;

/// The longest token that is decoded, in characters.
pub const MAX_LEN: usize = 512;

/// Marks what is no character.
const NONE: u8 = 0xff;

/// The value of every character; [`NONE`] for all others.
const VALUES: [u8; 256] = values();

/// Limbs of 32 bits for the largest token: a character holds less than 5.86 bits.
const LIMBS: usize = (MAX_LEN * 586).div_ceil(100 * 32);

/// Whether `byte` is a character of base58 (`1-9 A-H J-N P-Z a-k m-z`).
#[inline]
#[must_use]
pub const fn is_char(byte: u8) -> bool {
    VALUES[byte as usize] != NONE
}

/// Decodes `token`, appending its bytes, at most one per character.
///
/// # Errors
///
/// [`Fault::Unsupported`] for a token longer than [`MAX_LEN`], [`Fault::Corrupt`] for one with a byte for which [`is_char`] does not hold.
/// Nothing is appended then.
pub fn decode(token: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    if token.len() > MAX_LEN {
        return Err(Fault::Unsupported);
    }
    if !token.iter().copied().all(is_char) {
        return Err(Fault::Corrupt);
    }
    let zeros = token.iter().take_while(|char| **char == b'1').count();
    // The number, the lowest limb first. Five characters are a digit to the base of 58^5, which is less than 2^32.
    let mut limbs = [0u32; LIMBS];
    let mut used = 0;
    for five in token[zeros..].chunks(5) {
        let (mut base, mut carry) = (1, 0);
        for char in five {
            base *= 58;
            carry = carry * 58 + u64::from(VALUES[usize::from(*char)]);
        }
        for limb in &mut limbs[..used] {
            carry += u64::from(*limb) * base;
            *limb = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            limbs[used] = carry as u32;
            used += 1;
        }
    }
    let mut bytes = [0; 4 * LIMBS];
    let (fours, _) = bytes.as_chunks_mut::<4>();
    for (four, limb) in fours.iter_mut().zip(limbs[..used].iter().rev()) {
        *four = limb.to_be_bytes();
    }
    let number = &bytes[..4 * used];
    let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    out.resize(out.len() + zeros, 0);
    out.extend_from_slice(&number[first..]);
    Ok(())
}

const fn values() -> [u8; 256] {
    let chars = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut table = [NONE; 256];
    let mut i = 0;
    while i < chars.len() {
        table[chars[i] as usize] = i as u8;
        i += 1;
    }
    table
}
