//! The checksums of Azure's keys, [as Microsoft computes them].
//!
//! ```text
//! older   rrrrrrrr.....rrrrrrrr SSSS CCCCCC ==     S: the service; C: four bytes, aligned to end with the key
//! newer   rrrr....rrrr JQQJ99 mmmmm...m SSSS CCCC  C: four of the characters of base62, or six and two `=`
//! ```
//!
//! [as Microsoft computes them]: https://github.com/microsoft/security-utilities

use std::ops::Range;

use super::{BASE62, BASE64, Text};

/// The seeds with which a service's keys are hashed, by the characters that name it: eight letters and digits, read as one number.
const SEEDS: &[(&[u8; 4], &[&[u8; 8]])] = &[
    (b"+ASt", &[b"Default0"]),
    (b"ACDb", &[b"MastRW00", b"MastRO00", b"SysAll00", b"SystRW00", b"SystRO00", b"Resour00", b"Encryp00"]),
    (b"+ABa", &[b"AbAcct00"]),
    (b"AzFu", &[b"Functi00", b"Master00", b"System00"]),
    (b"+ASb", MESSAGING),
    (b"+AEh", MESSAGING),
    (b"+ARm", MESSAGING),
    (b"+ACR", &[b"ACRDflt0"]),
    (b"AIoT", &[b"IoTHub00", b"DpsKey00", b"Device00"]),
    (b"AzSe", &[b"PAdmin00", b"Query000"]),
    (b"APIM", &[b"IoTHub00", b"Tenant00", b"Gatewy00", b"GitKey00"]),
    (b"+AMC", &[b"Classic0"]),
];

const MESSAGING: &[&[u8; 8]] = &[b"Manage00", b"Send0000", b"Listen00", b"System00", b"Unknown0"];

/// The seed of the newer layout.
const NEWER: &[u8; 8] = b"Default0";

/// The characters of a key in the newer layout before its checksum: 60 bytes.
const NEWER_BODY: usize = 80;

/// The bytes of the longest key.
const LONGEST: usize = 64;

pub(super) fn verify(key: &[u8]) -> bool {
    let Some(place) = place(key) else { return false };
    let found = key.get(place);
    let fits = |text: Option<Text>| text.is_some_and(|text| Some(text.as_bytes()) == found);
    if is_newer(key) {
        return fits(newer(key)) || fits(newer_base64(key));
    }
    seeds(key).iter().any(|seed| fits(older(key, seed)))
}

pub(super) fn place(key: &[u8]) -> Option<Range<usize>> {
    if is_newer(key) {
        return Some(NEWER_BODY..key.len());
    }
    let len = without_padding(key);
    (matches!(len, 43 | 52 | 54 | 86) && !seeds(key).is_empty()).then(|| len - 6..len)
}

/// The checksum of a fresh key.
pub(super) fn text(key: &[u8]) -> Option<Text> {
    if is_newer(key) { newer(key) } else { older(key, seeds(key).first()?) }
}

fn is_newer(key: &[u8]) -> bool {
    matches!((key.len(), key.get(52..57)), (84 | 88, Some(b"JQQJ9")))
}

fn without_padding(key: &[u8]) -> usize {
    key.len() - key.iter().rev().take(2).take_while(|b| **b == b'=').count()
}

fn seeds(key: &[u8]) -> &'static [&'static [u8; 8]] {
    let end = without_padding(key);
    let name = end.checked_sub(10).and_then(|start| key.get(start..end - 6));
    SEEDS.iter().find(|(service, _)| name == Some(service.as_slice())).map_or(&[], |(_, seeds)| seeds)
}

/// The six characters that end a key of the older layout.
fn older(key: &[u8], seed: &[u8; 8]) -> Option<Text> {
    let body = without_padding(key).checked_sub(6)?;
    let mut bytes = [0; LONGEST];
    let len = (body * 6).div_ceil(8);
    decode(&key[..body], &mut bytes)?;
    let sum = marvin(&bytes[..len], seed).swap_bytes();
    // Behind the zero bits that fill the last byte of the body.
    let zeros = len * 8 - body * 6;
    let bits = u64::from(sum) << (4 - zeros);
    // The keys of functions are base64url.
    let url = key[..body].ends_with(b"AzFu") || key.iter().any(|b| matches!(b, b'-' | b'_'));
    Some(Text::new(6, |i| match BASE64[(bits >> (30 - 6 * i)) as usize & 63] {
        b'+' if url => b'-',
        b'/' if url => b'_',
        char => char,
    }))
}

/// The characters that end a key of the newer layout: digits of base62, cut or read as base64.
fn newer(key: &[u8]) -> Option<Text> {
    let sum = newer_sum(key)?;
    // The hash's bytes are a number as they stand, and each zero byte in front is a digit.
    let mut text = [b'0'; 6];
    let zeros = sum.iter().take(3).take_while(|b| **b == 0).count();
    let digits = Text::number(u32::from_be_bytes(sum), BASE62, 6);
    let digits = digits.as_bytes();
    let first = digits.iter().position(|b| *b != b'0').unwrap_or(5);
    for (to, from) in text[zeros..].iter_mut().zip(&digits[first..]) {
        *to = *from;
    }
    if key.len() == 84 {
        return Some(Text::new(4, |i| text[i]));
    }
    // Four bytes end two bits into the sixth character.
    let last = BASE64.iter().position(|b| *b == text[5])?;
    text[5] = BASE64[last & 0b11_0000];
    Some(Text::new(8, |i| text.get(i).copied().unwrap_or(b'=')))
}

/// The first form of the same: base64 of the hash.
fn newer_base64(key: &[u8]) -> Option<Text> {
    let bits = u64::from(u32::from_be_bytes(newer_sum(key)?)) << 4;
    let char = |i: usize| BASE64[(bits >> (30 - 6 * i)) as usize & 63];
    Some(match key.len() {
        84 => Text::new(4, char),
        _ => Text::new(8, |i| if i < 6 { char(i) } else { b'=' }),
    })
}

fn newer_sum(key: &[u8]) -> Option<[u8; 4]> {
    let mut bytes = [0; LONGEST];
    decode(key.get(..NEWER_BODY)?, &mut bytes)?;
    Some(marvin(&bytes[..NEWER_BODY / 4 * 3], NEWER).to_le_bytes())
}

/// Decodes base64 or base64url; the bits of a last group that make no byte are at the front of one more, if there are any.
fn decode(text: &[u8], out: &mut [u8; LONGEST]) -> Option<()> {
    let (mut bits, mut held, mut len) = (0u32, 0, 0);
    for byte in text {
        let digit = match byte {
            b'-' => 62,
            b'_' => 63,
            _ => BASE64.iter().position(|b| b == byte)? as u32,
        };
        bits = bits << 6 | digit;
        held += 6;
        if held >= 8 {
            held -= 8;
            *out.get_mut(len)? = (bits >> held) as u8;
            len += 1;
        }
    }
    if held > 0 {
        *out.get_mut(len)? = (bits << (8 - held)) as u8;
    }
    Some(())
}

/// Marvin32, both halves of its state put together.
fn marvin(bytes: &[u8], seed: &[u8; 8]) -> u32 {
    let state = marvin64(bytes, u64::from_be_bytes(*seed));
    state as u32 ^ (state >> 32) as u32
}

/// Marvin: 32-bit words, least byte first, go into a state of two; the end is marked by a byte 0x80.
pub(super) fn marvin64(bytes: &[u8], seed: u64) -> u64 {
    let (mut low, mut high) = (seed as u32, (seed >> 32) as u32);
    let mut mix = |word: u32| {
        low = low.wrapping_add(word);
        high ^= low;
        low = low.rotate_left(20).wrapping_add(high);
        high = high.rotate_left(9) ^ low;
        low = low.rotate_left(27).wrapping_add(high);
        high = high.rotate_left(19);
    };
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        mix(u32::from_le_bytes(*word));
    }
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = 0x80;
    mix(u32::from_le_bytes(last));
    mix(0);
    u64::from(high) << 32 | u64::from(low)
}
