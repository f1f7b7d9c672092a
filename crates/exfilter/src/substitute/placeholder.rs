//! Placeholders: a value's form with other characters.
//!
//! ```text
//! ghp_ qWeRtYuIoPaSdFgHjKlZxCvBnMqWeR 4fT9kL        sk-ant-api03- AbC-dEf_...
//! kept random of the same alphabet    its checksum   kept          signs stay where they are
//! ```

use exfilter_engine::{Checksum, Rule};
use zeroize::{Zeroize as _, Zeroizing};

use super::SubstituteError;

/// The least that it takes to guess a placeholder, in bits. A guess is worth nothing but a false alarm, and AWS's key ids have 80.
const MIN_BITS: f64 = 64.0;

/// How often a placeholder is drawn anew, where one comes out as the value itself or one that is there already.
const DRAWS: u64 = 16;

const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BECH32: &[u8] = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &[u8] = b"0123456789";

/// Makes a placeholder for `real`. The same seed, name and value give the same one.
pub(super) fn make(
    seed: &[u8; 32],
    name: &str,
    real: &[u8],
    rules: &[Rule],
    is_taken: impl Fn(&str) -> bool,
) -> Result<String, SubstituteError> {
    if real.is_empty() || !real.iter().all(u8::is_ascii_graphic) {
        return Err(SubstituteError::unprintable());
    }
    // Of an object in base64 every character may be telling, so its placeholder is only as long.
    let is_kept = |checksum: &Checksum| !matches!(checksum, Checksum::Base64Json | Checksum::Pem);
    let checksum = Checksum::ALL.into_iter().filter(is_kept).find(|checksum| checksum.verify(real));
    let kept = kept(real, checksum, rules);
    draw(seed, name, real, Form { kept, checksum }, is_taken)
}

/// The same for a token of a login: of a JSON web token the head and the claims stay, which clients read, and the signature is drawn anew.
pub(super) fn make_for_token(
    seed: &[u8; 32],
    name: &str,
    real: &[u8],
    rules: &[Rule],
    is_taken: impl Fn(&str) -> bool,
) -> Result<String, SubstituteError> {
    let kept = real.len() - secret_part(real).len();
    match kept {
        0 => make(seed, name, real, rules, is_taken),
        _ if !real.iter().all(u8::is_ascii_graphic) => Err(SubstituteError::unprintable()),
        _ => draw(seed, name, real, Form { kept, checksum: None }, is_taken),
    }
}

/// What its placeholder has not of a token: the signature of a JSON web token, or all of it.
pub(super) fn secret_part(real: &[u8]) -> &[u8] {
    let mut parts = real.split(|byte| *byte == b'.');
    let (Some(head), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return real;
    };
    // An object in base64.
    let is_object = |part: &[u8]| part.starts_with(b"ey") || part.starts_with(b"ew");
    let is_base64url =
        |part: &[u8]| part.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'='));
    let is_web_token = is_object(head) && is_object(claims) && !signature.is_empty();
    if is_web_token && [head, claims, signature].into_iter().all(is_base64url) { signature } else { real }
}

/// What stays of a value, and what is written over its end.
#[derive(Clone, Copy)]
struct Form {
    kept: usize,
    checksum: Option<Checksum>,
}

fn draw(
    seed: &[u8; 32],
    name: &str,
    real: &[u8],
    form: Form,
    is_taken: impl Fn(&str) -> bool,
) -> Result<String, SubstituteError> {
    let Form { kept, checksum } = form;
    let is_written = checksum.is_some_and(is_written);
    // Some keys end with zeros that base64 spells so, and those who check their form ask for them.
    let end = if real.ends_with(b"AA") { real.len() - 2 } else { real.len() };
    let parts = parts(&real[kept.min(end)..end], checksum);
    let drawn = |part: &Part<'_>| {
        let count = part.body.iter().filter(|byte| is_drawn(**byte, &part.alphabet)).count();
        count as f64 * (part.alphabet.len().max(1) as f64).log2()
    };
    let bits: f64 = parts.iter().map(drawn).sum();
    // Of what is drawn, a checksum takes 32 bits or 40 away.
    if bits - if is_written { 48.0 } else { 0.0 } < MIN_BITS {
        return Err(SubstituteError::guessable());
    }
    let mut failed = SubstituteError::guessable();
    for draw in 0..DRAWS {
        let mut bytes = Zeroizing::new(real.to_vec());
        let mut source = Source::new(seed, name, draw);
        let mut rest = &mut bytes[kept.min(end)..];
        for part in &parts {
            let (body, behind) = std::mem::take(&mut rest).split_at_mut(part.body.len());
            for byte in body.iter_mut().filter(|byte| is_drawn(**byte, &part.alphabet)) {
                *byte = source.pick(&part.alphabet);
            }
            rest = behind;
        }
        if checksum == Some(Checksum::OpenAi) {
            write_marks(&mut bytes, real);
        }
        if let Some(checksum) = checksum.filter(|_| is_written) {
            checksum.fill(&mut bytes);
        }
        // Some checks look at text within, or have no place of their own.
        if checksum.is_some_and(|checksum| !checksum.verify(&bytes)) {
            failed = SubstituteError::form();
            continue;
        }
        let is_other = bytes.as_slice() != real;
        let text = str::from_utf8(&bytes).expect("it is ASCII");
        if is_other && !is_taken(text) {
            return Ok(text.to_owned());
        }
    }
    Err(failed)
}

/// How much of a value's beginning everybody knows: it stays.
fn kept(real: &[u8], checksum: Option<Checksum>, rules: &[Rule]) -> usize {
    // What a program parses before it sends it: the head of a JSON web token, the issuer of a macaroon.
    match checksum {
        Some(Checksum::Jwt) => return real.iter().position(|byte| *byte == b'.').map_or(0, |dot| dot + 1),
        // All but the signature, of 32 bytes: the rest names a token and what it is for, and says nothing without it.
        Some(Checksum::PypiMacaroon) => return real.len() - 42,
        _ => {}
    }
    let literals = rules.iter().flat_map(|rule| &rule.literals).map(String::as_bytes);
    let literal = literals.filter(|literal| real.starts_with(literal)).map(<[u8]>::len).max().unwrap_or(0);
    // Issuers that no rule knows put their mark in front too.
    let mark = real.iter().take(12).rposition(|byte| matches!(byte, b'_' | b'-')).map_or(0, |at| at + 1);
    literal.max(mark)
}

/// Whether a checksum is one that can be written over a token's end.
fn is_written(checksum: Checksum) -> bool {
    !matches!(
        checksum,
        Checksum::Jwt | Checksum::PypiMacaroon | Checksum::Macaroon | Checksum::OpenAi | Checksum::Bip39
    )
}

/// Puts the mark in the middle of an OpenAI key back where it stands.
fn write_marks(bytes: &mut [u8], real: &[u8]) {
    const MARK: &[u8] = b"T3BlbkFJ";
    for at in 0..real.len() {
        if real[at..].starts_with(MARK) {
            bytes[at..at + MARK.len()].copy_from_slice(MARK);
        }
    }
}

/// A part of a value between signs that no alphabet has: each has an alphabet of its own.
struct Part<'a> {
    body: &'a [u8],
    alphabet: Vec<u8>,
}

fn parts(body: &[u8], checksum: Option<Checksum>) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for whole in body.split_inclusive(|byte| matches!(byte, b'.' | b'=' | b':')) {
        let wide = alphabet(whole, checksum);
        // Within it, numbers and digits between dashes stay such: `xoxb-1234-5678-...`.
        for piece in whole.split_inclusive(|byte| matches!(byte, b'-' | b'_')) {
            let own = alphabet(piece, checksum);
            let count = piece.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
            let is_number = count > 0 && piece.iter().all(|byte| !byte.is_ascii_alphabetic());
            let is_hex = count >= 8 && own.len() == 16;
            let alphabet = match (is_number, is_hex) {
                (true, _) => DIGITS.to_vec(),
                (_, true) => own,
                _ => wide.clone(),
            };
            parts.push(Part { body: piece, alphabet });
        }
    }
    parts
}

/// The characters that those of a part are drawn from: as narrow as its form may be.
fn alphabet(body: &[u8], checksum: Option<Checksum>) -> Vec<u8> {
    if checksum == Some(Checksum::Bech32) {
        return BECH32.to_vec();
    }
    let alphanumeric = || body.iter().filter(|byte| byte.is_ascii_alphanumeric());
    let all = |set: &[u8]| alphanumeric().all(|byte| set.contains(byte));
    if all(b"0123456789abcdef") {
        return b"0123456789abcdef".to_vec();
    }
    if all(b"0123456789ABCDEF") {
        return b"0123456789ABCDEF".to_vec();
    }
    if all(BASE32) {
        return BASE32.to_vec();
    }
    let mut alphabet = Vec::new();
    for class in [LOWER, UPPER, DIGITS] {
        if alphanumeric().any(|byte| class.contains(byte)) {
            alphabet.extend_from_slice(class);
        }
    }
    // In base64 they are digits like any other; alone, a sign stays where it is.
    if body.iter().any(|byte| matches!(byte, b'+' | b'/')) && alphabet.len() == 62 {
        alphabet.extend_from_slice(b"+/");
    }
    alphabet
}

/// Whether another character takes a byte's place.
fn is_drawn(byte: u8, alphabet: &[u8]) -> bool {
    byte.is_ascii_alphanumeric() || alphabet.contains(&byte)
}

/// Random bytes that a seed, a name and a number decide.
struct Source {
    reader: blake3::OutputReader,
}

impl Source {
    fn new(seed: &[u8; 32], name: &str, draw: u64) -> Source {
        let mut key = blake3::derive_key("exfilter 2026-11 placeholder", seed);
        let mut hasher = blake3::Hasher::new_keyed(&key);
        key.zeroize();
        hasher.update(&draw.to_le_bytes()).update(name.as_bytes());
        Source { reader: hasher.finalize_xof() }
    }

    /// One of `alphabet`, each as likely.
    fn pick(&mut self, alphabet: &[u8]) -> u8 {
        let even = 256 / alphabet.len() * alphabet.len();
        loop {
            let mut byte = [0];
            self.reader.fill(&mut byte);
            if usize::from(byte[0]) < even {
                return alphabet[usize::from(byte[0]) % alphabet.len()];
            }
        }
    }
}
