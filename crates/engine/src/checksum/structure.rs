//! Structures: tokens of which the beginning says what they are.

use super::json::Json;

/// Decodes unpadded base64url into `out`, as far as it has room for whole groups of four characters; `None` for
/// a character outside the alphabet or an impossible length.
pub(super) fn base64url<'a>(text: &[u8], out: &'a mut [u8]) -> Option<&'a [u8]> {
    let text = &text[..text.len().min(out.len() / 3 * 4)];
    if text.len() % 4 == 1 {
        return None;
    }
    let mut len = 0;
    for group in text.chunks(4) {
        let mut bits = 0u32;
        for &byte in group {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(digit);
        }
        bits <<= 6 * (4 - group.len());
        for i in 0..group.len() - 1 {
            out[len] = (bits >> (16 - 8 * i)) as u8;
            len += 1;
        }
    }
    Some(&out[..len])
}

/// The longest header of a JSON web token that is looked at, in characters of base64url.
const JWT_HEADER: usize = 1024;

pub(super) fn jwt(value: &[u8]) -> bool {
    let Some(end) = value.iter().take(JWT_HEADER + 1).position(|&b| b == b'.') else { return false };
    let mut buffer = [0; JWT_HEADER / 4 * 3];
    base64url(&value[..end], &mut buffer).is_some_and(|header| {
        str::from_utf8(header).is_ok() && Json { rest: header }.has_alg().unwrap_or(false)
    })
}

pub(super) fn pypi_macaroon(value: &[u8]) -> bool {
    let Some(text) = value.strip_prefix(b"pypi-") else { return false };
    let mut buffer = [0; 48];
    let Some(bytes) = base64url(text, &mut buffer) else { return false };
    // version, then the field `location` (1), then the field `identifier` (2), each with its length.
    [&b"\x02\x01\x08pypi.org\x02"[..], b"\x02\x01\x0dtest.pypi.org\x02"]
        .iter()
        .any(|head| bytes.starts_with(head))
}

/// How much of a macaroon is looked at, in characters: a location and an identifier have hardly more.
const MACAROON: usize = 512;

/// Packets of a version 1 macaroon: four hexadecimal digits of its length, all of it counted, a name, a blank, the value, a line break.
pub(super) fn macaroon(value: &[u8]) -> bool {
    let mut text = [0; MACAROON];
    let len = value.len().min(MACAROON);
    for (to, from) in text.iter_mut().zip(value) {
        *to = match from {
            b'+' => b'-',
            b'/' => b'_',
            other => *other,
        };
    }
    let padding = text[..len].iter().rev().take_while(|b| **b == b'=').count();
    let text = &text[..(len - padding) / 4 * 4];
    let mut buffer = [0; MACAROON / 4 * 3];
    let Some(bytes) = base64url(text, &mut buffer) else { return false };
    let Some((location, rest)) = packet(bytes) else { return false };
    let printable = |text: &[u8]| text.iter().all(|b| matches!(b, b' '..=b'~'));
    let names_a_place = location.strip_prefix(b"location ").is_some_and(|of| !of.is_empty() && printable(of));
    // What follows may be cut.
    let next = rest.get(4..).unwrap_or_default();
    let name = b"identifier ";
    names_a_place && next.len().min(name.len()) > 0 && name.starts_with(&next[..next.len().min(name.len())])
}

/// The first packet without its length and its line break, and what follows it.
fn packet(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut len = 0;
    for digit in bytes.get(..4)? {
        len = len << 4 | char::from(*digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase())? as usize;
    }
    let (packet, rest) = bytes.split_at_checked(len)?;
    Some((packet.get(4..)?.strip_suffix(b"\n")?, rest))
}
