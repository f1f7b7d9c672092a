//! Base32 of bytes that end with their CRC-16, as NATS and Stellar write seeds.

use std::ops::Range;

use super::{BASE32, Text};

/// The longest token, in characters: seeds have 56 and 58.
const LONGEST: usize = 128;

/// Where the characters begin that hold a bit of the checksum. The first of them may hold some of the byte before as well.
pub(super) fn place(token: &[u8]) -> Option<Range<usize>> {
    let bytes = token.len() * 5 / 8;
    // No character is without a bit of a byte.
    let whole = (bytes * 8).div_ceil(5) == token.len();
    (whole && bytes > 2 && token.len() <= LONGEST).then(|| (bytes - 2) * 8 / 5..token.len())
}

/// What has to stand there. Bits that are none of the checksum are those of the token.
pub(super) fn text(token: &[u8], place: Range<usize>) -> Option<Text> {
    let mut crc = 0u16;
    let (mut bits, mut held) = (0u32, 0);
    let body = (token.len() * 5 / 8 - 2) * 8;
    let mut done = 0;
    for (at, byte) in token[..body.div_ceil(5)].iter().enumerate() {
        // What stands at the place may be anything while it is filled.
        let digit = digit(*byte).or((at == place.start).then_some(0))?;
        bits = bits << 5 | digit;
        held += 5;
        if held >= 8 && done < body {
            held -= 8;
            done += 8;
            crc = step(crc, (bits >> held) as u8);
        }
    }
    // The bits of the place: those before the checksum, the checksum from its lower byte on, zeros.
    let before = body - place.start * 5;
    let first = token.get(place.start).and_then(|byte| digit(*byte)).unwrap_or(0) as u64;
    let total = place.len() * 5;
    let kept = if before == 0 { 0 } else { first >> (5 - before) };
    let bits = (kept << 16 | u64::from(crc.swap_bytes())) << (total - before - 16);
    Some(Text::new(place.len(), |i| BASE32[(bits >> (total - 5 - 5 * i)) as usize & 31]))
}

fn digit(byte: u8) -> Option<u32> {
    match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'2'..=b'7' => Some(u32::from(byte - b'2') + 26),
        _ => None,
    }
}

/// CRC-16/XMODEM: polynomial 0x1021, from zero on, most significant bit first.
pub(super) fn step(crc: u16, byte: u8) -> u16 {
    let mut crc = crc ^ u16::from(byte) << 8;
    for _ in 0..8 {
        crc = if crc >> 15 == 1 { crc << 1 ^ 0x1021 } else { crc << 1 };
    }
    crc
}
