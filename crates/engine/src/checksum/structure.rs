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

/// The longest second part of a JSON web token that a signature has to follow, in characters.
const JWT_PAYLOAD: usize = 1000;

pub(super) fn jwt(value: &[u8]) -> bool {
    let mut buffer = [0; JWT_HEADER / 4 * 3];
    let Some((alg, payload)) = jwt_alg(value, &mut buffer) else { return false };
    match payload.iter().position(|&b| b == b'.') {
        Some(dot) => payload.len() - dot > shortest_signature(alg),
        None => payload.len() >= JWT_PAYLOAD,
    }
}

/// Whether a JSON web token says that nobody has signed it: no server that is worth anything takes it.
pub(super) fn jwt_unsigned(value: &[u8]) -> bool {
    let mut buffer = [0; JWT_HEADER / 4 * 3];
    jwt_alg(value, &mut buffer).is_some_and(|(alg, _)| alg.eq_ignore_ascii_case(b"none"))
}

/// The algorithm that the header of a JSON web token names, and what stands behind the header. `buffer` takes the header.
fn jwt_alg<'a, 'b>(
    value: &'a [u8],
    buffer: &'b mut [u8; JWT_HEADER / 4 * 3],
) -> Option<(&'b [u8], &'a [u8])> {
    let end = value.iter().take(JWT_HEADER + 1).position(|&b| b == b'.')?;
    let header: &'b [u8] = base64url(&value[..end], buffer)?;
    let alg = (Json { rest: header }).alg().filter(|_| str::from_utf8(header).is_ok())?;
    Some((alg, &value[end + 1..]))
}

/// What has expired before this time was so when these rules were written, whatever a clock says: the beginning of 2026, in seconds since 1970.
const WRITTEN: u64 = 1_767_225_600;

/// What is no time of a token, but a number of another meaning (0 for never): 2001.
const NO_TIME: u64 = 1_000_000_000;

/// Whether a JSON web token says that it expired before these rules were written. What is not seen to its end does not say so.
pub(super) fn jwt_expired(value: &[u8]) -> bool {
    let Some(payload) = value.split(|b| *b == b'.').nth(1).filter(|text| text.len() < JWT_PAYLOAD) else {
        return false;
    };
    let mut buffer = [0; JWT_PAYLOAD / 4 * 3];
    let claims = base64url(payload, &mut buffer);
    let exp = claims.and_then(|claims| str::from_utf8((Json { rest: claims }).exp()?).ok()?.parse().ok());
    exp.is_some_and(|exp: u64| (NO_TIME..WRITTEN).contains(&exp))
}

/// The characters of the shortest signature of an algorithm of [RFC 7518] and [RFC 8037]; RSA keys have 1024 bits or more.
///
/// [RFC 7518]: https://www.rfc-editor.org/rfc/rfc7518#section-3.1
/// [RFC 8037]: https://www.rfc-editor.org/rfc/rfc8037#section-3.1
fn shortest_signature(alg: &[u8]) -> usize {
    match alg {
        b"none" => 0,
        b"HS256" => 43,
        b"HS384" => 64,
        b"HS512" | b"ES256" | b"ES256K" | b"EdDSA" | b"Ed25519" => 86,
        b"ES384" => 128,
        b"ES512" => 176,
        _ if alg.starts_with(b"RS") || alg.starts_with(b"PS") => 171,
        _ => 22,
    }
}

pub(super) fn pypi_macaroon(value: &[u8]) -> bool {
    let Some(text) = value.strip_prefix(b"pypi-") else { return false };
    let mut buffer = [0; PYPI / 4 * 3];
    let Some(bytes) = base64url(text, &mut buffer) else { return false };
    // version, then the field `location` (1), then the field `identifier` (2), each with its length.
    let issuers = [&b"\x02\x01\x08pypi.org\x02"[..], b"\x02\x01\x0dtest.pypi.org\x02"];
    let Some(head) = issuers.into_iter().find(|head| bytes.starts_with(head)) else { return false };
    // What is longer than the buffer is not cut in half.
    text.len() >= PYPI || fields_to_signature(&bytes[head.len() - 1..]).is_some()
}

/// How much of a token of PyPI is looked at, in characters: with a caveat for each of some projects it has some hundred.
const PYPI: usize = 1024;

/// The fields of a version 2 macaroon from its identifier on: a type, a length, the value; 0 ends a section. The last is the signature (6), which has 32 bytes.
fn fields_to_signature(mut bytes: &[u8]) -> Option<()> {
    loop {
        let (kind, rest) = bytes.split_first()?;
        bytes = rest;
        if *kind == 0 {
            continue;
        }
        // A number of seven bits, or of twice seven.
        let (low, rest) = bytes.split_first()?;
        let (len, rest) = match low {
            0..0x80 => (usize::from(*low), rest),
            _ => {
                let (high, rest) = rest.split_first()?;
                (usize::from(low & 0x7f) | usize::from(high & 0x7f) << 7, rest)
            }
        };
        let (_, rest) = rest.split_at_checked(len)?;
        if *kind == 6 {
            return (len == 32 && rest.is_empty()).then_some(());
        }
        bytes = rest;
    }
}

/// How much of a macaroon is looked at, in characters, and how much of one that is cut there is as much as a whole one.
const MACAROON: usize = 1024;
const MACAROON_CUT: usize = 800;

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
    let mut text = &text[..len - padding];
    if text.len() % 4 == 1 {
        text = &text[..text.len() - 1];
    }
    let mut buffer = [0; MACAROON / 4 * 3];
    let Some(bytes) = base64url(text, &mut buffer) else { return false };
    let Some((location, mut rest)) = packet(bytes) else { return false };
    let printable = |text: &[u8]| text.iter().all(|b| matches!(b, b' '..=b'~'));
    if !location.strip_prefix(b"location ").is_some_and(|of| !of.is_empty() && printable(of)) {
        return false;
    }
    let mut first = true;
    while let Some((next, behind)) = packet(rest) {
        if next.starts_with(b"signature ") {
            return next.len() == b"signature ".len() + 32;
        }
        if first && !next.starts_with(b"identifier ") {
            return false;
        }
        first = false;
        rest = behind;
    }
    value.len() >= MACAROON_CUT
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

/// Base64 of `OpenAI`.
const OPENAI: &[u8; 8] = b"T3BlbkFJ";

pub(super) fn openai(value: &[u8]) -> bool {
    // A random part may hold the marker too, so it is looked for where it belongs.
    [20, 58, 74].into_iter().any(|side| {
        let Some(start) = value.len().checked_sub(side * 2 + OPENAI.len()) else { return false };
        value[..start].ends_with(b"-") && value[start + side..].starts_with(OPENAI)
    })
}

/// The longest object in base64 that is looked at, in characters: what is longer is not cut in half.
const OBJECT: usize = 1600;

pub(super) fn base64_json(value: &[u8]) -> bool {
    let Some(start) = value.windows(3).position(|three| three == b"eyJ") else { return false };
    let mut text = [0; OBJECT];
    let value = &value[start..];
    let padding = value.iter().rev().take(2).take_while(|b| **b == b'=').count();
    let value = &value[..value.len() - padding];
    if value.len() >= OBJECT {
        return true;
    }
    for (to, from) in text.iter_mut().zip(value) {
        *to = match from {
            b'+' => b'-',
            b'/' => b'_',
            other => *other,
        };
    }
    let mut buffer = [0; OBJECT / 4 * 3];
    base64url(&text[..value.len()], &mut buffer).is_some_and(|json| Json { rest: json }.is_object())
}
