//! Bech32.

use std::ops::Range;

use super::Text;

const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// The six characters that make the text valid, in its case.
pub(super) fn text(token: &[u8], place: Range<usize>) -> Option<Text> {
    let separator = token[..place.start].iter().rposition(|&b| b == b'1')?;
    let upper = token[..separator].iter().any(u8::is_ascii_uppercase);
    let (readable, data) = (&token[..separator], token.get(separator + 1..place.start)?);
    if readable.is_empty() || !readable.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let mut state = 1u32;
    let mut step = |value: u8| {
        let top = state >> 25;
        state = (state & 0x1ff_ffff) << 5 ^ u32::from(value);
        for (i, generator) in
            [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3].iter().enumerate()
        {
            if top >> i & 1 == 1 {
                state ^= generator;
            }
        }
    };
    for byte in readable {
        step(byte.to_ascii_lowercase() >> 5);
    }
    step(0);
    for byte in readable {
        step(byte.to_ascii_lowercase() & 31);
    }
    for byte in data {
        if byte.is_ascii_uppercase() != upper && byte.is_ascii_alphabetic() {
            return None;
        }
        step(BECH32.iter().position(|b| *b == byte.to_ascii_lowercase())? as u8);
    }
    for _ in 0..6 {
        step(0);
    }
    let checksum = state ^ 1;
    Some(Text::new(6, |i| {
        let byte = BECH32[(checksum >> (25 - 5 * i)) as usize & 31];
        if upper { byte.to_ascii_uppercase() } else { byte }
    }))
}
