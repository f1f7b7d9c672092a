//! [`Fingerprint`]: what may be kept of a secret at rest; [`Strength`]: how much of the secret is left for whoever steals it, with the key.
//!
//! # What a fingerprint tells
//!
//! To whoever has no key, nothing. Whoever has the key can test guesses, so what counts is how many bits have to be guessed: those of the
//! secret part (no public prefix, no checksum), less what the fingerprint tells beforehand.
//!
//! ```text
//! per piece    length (2) | place of the anchor (2) | gate and facts (1) | tag of the anchor (2) | MAC (16)
//!                           tells what stands before    told anyway, or      16 bits               a test of guesses
//!                           it: COST_PER_PLACE each     COST_FACTS
//! ```
//!
//! A second anchor, or a MAC of another spelling, would each tell more; so encoded spellings are left to the lanes that decode them.

use std::fmt;

use exfilter_automaton::{Gate, is_token, is_upper_or_digit};

use crate::checksum::Checksum;
use crate::error::ParseError;
use crate::secrets::{self, Keys, Refusal, StoreKey};
use crate::{parts, weak};

/// What is left to be guessed of a fingerprinted secret by whoever has the key, in bits, at least.
const FLOOR: u32 = 80;
/// What the tag of an anchor tells, in bits.
const COST_TAG: f64 = 16.0;
/// What every place that was passed over on the way to the anchor tells: that no rare character stands there. Hexadecimal digits tell the most, 1.42 bits.
const COST_PER_PLACE: f64 = 1.5;
/// What the flags, and the rounded number of bits itself, tell.
const COST_FACTS: f64 = 6.0;
/// The most pieces: a value of 64 KiB in lines of 32 characters, and its parts.
const PIECES_MAX: usize = 4096;
/// The shortest piece.
const PIECE_MIN: usize = weak::MIN_LEN;

/// How hard a value is to guess, as far as its characters tell.
///
/// The estimate is an upper one: it takes the characters for random ones of the classes that it sees. The public prefix, and a checksum that verifies, count for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strength {
    bits: u32,
    remaining: u32,
}

impl Strength {
    /// What must remain of a secret of which a fingerprint and its key were stolen, in bits.
    pub const FLOOR: u32 = FLOOR;

    /// The strength of a value that may be enrolled.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for values that are too short, too weak or no secrets, as [`KnownSecrets::add`](crate::KnownSecrets::add) has it.
    pub fn of(value: &[u8]) -> Result<Strength, Refusal> {
        let pieces = secrets::enrollable(value)?;
        let shape = Shape::of(value, &pieces);
        let bits = pieces.iter().map(|piece| secret_bits(piece, shape)).fold(0.0, f64::max);
        let all = Kept::all(value, &pieces, shape);
        let remaining = || all.iter().map(|piece| piece.remaining);
        // A piece that is left out of the fingerprint tells nothing.
        let remaining = remaining().filter(|bits| *bits >= FLOOR).min().or_else(|| remaining().max());
        Ok(Strength { bits: bits as u32, remaining: remaining.unwrap_or(0) })
    }

    /// The estimate for the secret part, in bits; for a value in pieces, of the strongest one.
    pub fn bits(self) -> u32 {
        self.bits
    }

    /// What has to be guessed by whoever has stolen a fingerprint and its key, in bits; for a value in pieces, the least of those that are kept.
    pub fn remaining(self) -> u32 {
        self.remaining
    }

    /// Whether enough remains for a fingerprint: [`Strength::FLOOR`].
    pub fn allows_fingerprint(self) -> bool {
        self.remaining >= FLOOR
    }
}

/// What a store may keep of a secret: an anchor's 16 bits and a keyed 128-bit MAC for each piece, no plaintext.
///
/// An engine finds the value by it as it stands and through everything that its lanes decode. Spellings that no lane decodes (reversed, rot13, XOR, scattered
/// letters, escapes of characters that end a token) are found only for values whose plaintext is at hand ([`KnownSecrets::add`](crate::KnownSecrets::add)).
///
/// ```
/// use exfilter_engine::{Fingerprint, KnownSecrets, StoreKey};
///
/// let key = || StoreKey::from_bytes(&[7; 32]);
/// let kept = Fingerprint::new(&key()?, b"q8Zt4LmN0pR7sVx2Yb5Kd9Fg")?.to_bytes();
///
/// let mut secrets = KnownSecrets::new(key()?);
/// secrets.add_fingerprint("DEPLOY_TOKEN", &Fingerprint::from_bytes(&kept)?, vec![]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// MAC and length of the whole value.
    pub(crate) whole: ([u8; 16], u32),
    pub(crate) pieces: Vec<Piece>,
}

/// One needle of a fingerprint.
///
/// `anchor + 8 <= len`, and `PIECE_MIN <= len <= secrets::PIECE`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) len: u16,
    pub(crate) anchor: u16,
    pub(crate) gate: Gate,
    pub(crate) token_before: bool,
    pub(crate) ascii: bool,
    /// Whether it is a part of another one, or beside others of a long value.
    pub(crate) part: bool,
    pub(crate) tag: u16,
    pub(crate) mac: [u8; 16],
}

impl Fingerprint {
    /// Fingerprints a value under a key. The value is not kept; the caller wipes its own copy.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for values that may not be enrolled, and `E_GUESSABLE` for those of which less than [`Strength::FLOOR`] bits would remain.
    pub fn new(key: &StoreKey, value: &[u8]) -> Result<Fingerprint, Refusal> {
        let pieces = secrets::enrollable(value)?;
        let keys = Keys::derive(key);
        let shape = Shape::of(value, &pieces);
        let all = Kept::all(value, &pieces, shape);
        let strong = all.iter().filter(|piece| piece.remaining >= FLOOR);
        let pieces: Vec<Piece> = strong.filter_map(|piece| Piece::new(&keys, piece, shape)).collect();
        if pieces.is_empty() {
            return Err(Refusal::new(
                "E_GUESSABLE",
                "whoever steals its fingerprint and the key could guess the value",
                "seal it instead, or change it to a random one of 20 characters or more",
            ));
        }
        let whole = (keys.mac(value), value.len() as u32);
        Ok(Fingerprint { whole, pieces })
    }

    /// Whether it was made of `value` under `key`; compares in constant time.
    pub fn is_of(&self, key: &StoreKey, value: &[u8]) -> bool {
        value.len() == self.whole.1 as usize && Keys::derive(key).fits(value, &self.whole.0)
    }

    /// The bytes to keep.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD + PIECE_BYTES * self.pieces.len());
        out.extend(self.whole.0);
        out.extend(self.whole.1.to_le_bytes());
        for piece in &self.pieces {
            out.extend(piece.len.to_le_bytes());
            out.extend(piece.anchor.to_le_bytes());
            let flags = [piece.token_before, piece.ascii, piece.part].into_iter().zip(3..);
            out.push(
                flags.fold(gate_code(piece.gate), |facts, (flag, place)| facts | u8::from(flag) << place),
            );
            out.extend(piece.tag.to_le_bytes());
            out.extend(piece.mac);
        }
        out
    }

    /// Reads what [`Fingerprint::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// [`ParseError`] for anything else, before anything is allocated for it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Fingerprint, ParseError> {
        const BAD: ParseError = ParseError::new("not a fingerprint");
        let (head, rest) = bytes.split_at_checked(HEAD).ok_or(BAD)?;
        let (pieces, more) = rest.as_chunks::<PIECE_BYTES>();
        if !more.is_empty() || pieces.is_empty() || pieces.len() > PIECES_MAX {
            return Err(BAD);
        }
        let mut mac = [0; 16];
        mac.copy_from_slice(&head[..16]);
        let len = u32::from_le_bytes([head[16], head[17], head[18], head[19]]);
        let pieces =
            pieces.iter().map(|piece| Piece::parse(piece).ok_or(BAD)).collect::<Result<Vec<_>, _>>()?;
        let longest = pieces.iter().map(|piece| u32::from(piece.len)).max().unwrap_or(0);
        if len < longest || len as usize > weak::MAX_LEN {
            return Err(BAD);
        }
        Ok(Fingerprint { whole: (mac, len), pieces })
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

/// MAC and length of the whole value.
const HEAD: usize = 20;
const PIECE_BYTES: usize = 23;

impl Piece {
    fn new(keys: &Keys, kept: &Kept<'_>, shape: Shape) -> Option<Piece> {
        let bytes = kept.bytes;
        let (at, gate) = anchor(bytes, shape)?;
        Some(Piece {
            len: bytes.len() as u16,
            anchor: at as u16,
            gate,
            token_before: bytes[..at].iter().all(|b| is_token(*b)),
            ascii: bytes.is_ascii(),
            part: kept.part,
            tag: (keys.tag_at(bytes, at) >> 16) as u16,
            mac: keys.mac(bytes),
        })
    }

    fn parse(bytes: &[u8; PIECE_BYTES]) -> Option<Piece> {
        let number = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let (len, anchor, facts) = (number(0), number(2), bytes[4]);
        let is_sound = (PIECE_MIN..=secrets::PIECE).contains(&len.into()) && anchor + 8 <= len;
        let gate = [Gate::Token, Gate::NonLower, Gate::UpperOrDigit, Gate::Utf16, Gate::None];
        let gate = *gate.get(usize::from(facts & 7)).filter(|_| facts < 1 << 6 && is_sound)?;
        let mut mac = [0; 16];
        mac.copy_from_slice(&bytes[7..]);
        let [token_before, ascii, part] = [3, 4, 5].map(|place| facts >> place & 1 != 0);
        Some(Piece { len, anchor, gate, token_before, ascii, part, tag: number(5), mac })
    }
}

fn gate_code(gate: Gate) -> u8 {
    match gate {
        Gate::Token => 0,
        Gate::NonLower => 1,
        Gate::UpperOrDigit => 2,
        Gate::Utf16 => 3,
        Gate::None => 4,
    }
}

/// What is known of a value as a whole.
#[derive(Clone, Copy)]
struct Shape {
    /// Whether it is in one piece.
    whole: bool,
    /// What parts its words, if its form is a known one: in it, others than the secret are known to many.
    marks: Option<&'static [u8]>,
}

impl Shape {
    fn of(value: &[u8], pieces: &[&[u8]]) -> Shape {
        Shape { whole: pieces.len() == 1, marks: marks(value) }
    }
}

/// The public prefix of a piece.
fn public(piece: &[u8], shape: Shape) -> usize {
    if shape.whole { weak::public_prefix(piece) } else { 0 }
}

/// Where the anchor of a piece stands. By the value alone: what other secrets there are tells nothing of it.
fn anchor(piece: &[u8], shape: Shape) -> Option<(usize, Gate)> {
    secrets::choose_anchor(piece, public(piece, shape), |_| 0)
}

/// The bits of a piece, what is public or follows from the rest apart.
fn secret_bits(piece: &[u8], shape: Shape) -> f64 {
    if let Some(marks) = shape.marks {
        // Hosts, users and names of settings are known to many: the strongest word counts, and nothing else.
        return piece.split(|byte| marks.contains(byte)).map(weak::bits).fold(0.0, f64::max);
    }
    let secret = &piece[public(piece, shape)..];
    let derived = if shape.whole { derived(piece).min(secret.len()) } else { 0 };
    weak::bits(piece) * (secret.len() - derived) as f64 / secret.len().max(1) as f64
}

/// What parts a value whose form is known: an address, settings, JSON.
pub(crate) fn marks(value: &[u8]) -> Option<&'static [u8]> {
    let has = |text: &[u8]| value.windows(text.len()).any(|there| there == text);
    if value.starts_with(b"{") || value.starts_with(b"[") {
        Some(b"\" .-_")
    } else if has(b"://") {
        Some(b":/?#@&=;,.-_")
    } else if value.contains(&b'=')
        && (value.contains(&b';') || value.contains(&b'&') || value.contains(&b' '))
    {
        Some(b"=:;,& .-_")
    } else {
        None
    }
}

/// How many bytes of a value follow from the others, or are told to everybody.
fn derived(value: &[u8]) -> usize {
    let verified = Checksum::ALL.into_iter().filter(|checksum| checksum.verify(value));
    let signature = value.iter().rev().take_while(|byte| **byte != b'.').count();
    let len = |checksum| match checksum {
        // Head and claims can be known to anybody who has seen another one; the signature cannot.
        Checksum::Jwt => value.len() - signature,
        _ => checksum.len(value),
    };
    verified.map(len).max().unwrap_or(0)
}

/// A piece of a value, and what remains of it, in bits, rounded down: the number is kept at rest and tells of the value, too.
struct Kept<'a> {
    bytes: &'a [u8],
    part: bool,
    remaining: u32,
}

impl<'a> Kept<'a> {
    /// All pieces that are long enough to be kept, and the parts. What is kept of those that share characters tells of each of them.
    fn all(value: &'a [u8], pieces: &[&'a [u8]], shape: Shape) -> Vec<Kept<'a>> {
        let pieces = pieces.iter().map(|piece| (*piece, false));
        let parts = parts::of(value).into_iter().map(|part| (part, true));
        let all = pieces.chain(parts).filter_map(|(bytes, part)| Some((bytes, part, told(bytes, shape)?)));
        let mut all: Vec<(&[u8], bool, f64)> = all.collect();
        let place = |bytes: &[u8]| bytes.as_ptr().addr();
        all.sort_by_key(|(bytes, ..)| place(bytes));
        let reach = |n: usize| {
            let end = place(all[n].0) + all[n].0.len();
            let before =
                all[..n].iter().rev().take_while(|other| place(other.0) + secrets::PIECE > place(all[n].0));
            let before = before.filter(|other| place(other.0) + other.0.len() > place(all[n].0));
            let behind = all[n + 1..].iter().take_while(|other| place(other.0) < end);
            before.chain(behind).map(|other| other.2).sum::<f64>() + all[n].2
        };
        let kept = |n: usize| {
            let remaining = (secret_bits(all[n].0, shape) - reach(n)).max(0.0) as u32 & !3;
            Kept { bytes: all[n].0, part: all[n].1, remaining }
        };
        let mut kept: Vec<Kept<'a>> = (0..all.len()).map(kept).collect();
        // As they stand in the value, whole ones first.
        kept.sort_by_key(|piece| piece.part);
        kept
    }
}

/// What is told of a piece by its anchor and facts, in bits. None for a piece that is too short to be kept.
fn told(piece: &[u8], shape: Shape) -> Option<f64> {
    let (at, gate) = anchor(piece, shape).filter(|_| piece.len() >= PIECE_MIN)?;
    let public = public(piece, shape);
    let is_rare = |bytes: &[u8]| bytes.iter().any(|byte| is_upper_or_digit(*byte));
    let places = match gate {
        Gate::UpperOrDigit if at >= public => at - public + 1,
        // Where the class of characters says it already.
        Gate::Token if !is_rare(&piece[public..]) => 0,
        _ => secrets::SOON + 1,
    };
    Some(COST_TAG + COST_FACTS + COST_PER_PLACE * places as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn made(value: &[u8]) -> Result<Fingerprint, Refusal> {
        Fingerprint::new(&StoreKey::from_bytes(&KEY).unwrap(), value)
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let long: Vec<u8> = (0..2000u32).map(|i| b"q8Zt4LmN0pR7sVx2"[(i * i % 251 % 16) as usize]).collect();
        for value in [&b"q8Zt4LmN0pR7sVx2Yb5Kd9Fg"[..], &long] {
            let kept = made(value).unwrap();
            let bytes = kept.to_bytes();
            assert!(Fingerprint::from_bytes(&bytes).unwrap() == kept);
            let whole_pieces = |cut: &usize| *cut > HEAD && (cut - HEAD).is_multiple_of(PIECE_BYTES);
            for cut in (0..bytes.len()).filter(|cut| !whole_pieces(cut)) {
                assert!(Fingerprint::from_bytes(&bytes[..cut]).is_err());
            }
            let key = StoreKey::from_bytes(&KEY).unwrap();
            assert!(kept.is_of(&key, value) && !kept.is_of(&key, &value[1..]));
            assert!(!kept.is_of(&StoreKey::from_bytes(&[8; 32]).unwrap(), value));
        }
    }

    #[test]
    fn a_piece_must_hold_its_anchor() {
        let mut bytes = made(b"q8Zt4LmN0pR7sVx2Yb5Kd9Fg").unwrap().to_bytes();
        bytes[HEAD + 2] = 17;
        assert!(Fingerprint::from_bytes(&bytes).is_err());
        bytes[HEAD + 2] = 16;
        assert!(Fingerprint::from_bytes(&bytes).is_ok());
        bytes[HEAD + 4] = 5;
        assert!(Fingerprint::from_bytes(&bytes).is_err());
    }

    #[test]
    fn what_is_public_or_follows_counts_for_nothing() {
        let body = "q8Zt4LmN0pR7sVx2Yb5Kd9Fg3Hj6Wc1A";
        let bare = Strength::of(&body.as_bytes()[..30]).unwrap();
        let mut token = [b"ghp_", &body.as_bytes()[..30], b"000000"].concat();
        assert!(Checksum::Crc32Base62.fill(&mut token));
        let token = Strength::of(&token).unwrap();
        assert!(bare.bits().abs_diff(token.bits()) <= 2, "{bare:?} {token:?}");
        assert!(token.remaining() + 22 <= token.bits(), "{token:?}");
    }

    #[test]
    fn of_addresses_and_settings_the_strongest_part_counts() {
        let password = "q8Zt4LmN0pR7sVx2";
        let alone = Strength::of(password.as_bytes()).unwrap().bits();
        for value in [
            format!("postgres://application:{password}@db.internal.example.com:5432/production"),
            format!("Server=tcp:db.example.com;Database=production;User=application;Password={password};"),
            format!("{{\"host\": \"db.internal.example.com\", \"password\": \"{password}\"}}"),
            format!("host=db.internal.example.com user=application password={password}"),
        ] {
            let strength = Strength::of(value.as_bytes()).unwrap();
            assert!(strength.bits() <= alone && !strength.allows_fingerprint(), "{strength:?}");
        }
        let strong = format!("https://user:{password}{password}@example.com/");
        assert!(Strength::of(strong.as_bytes()).unwrap().allows_fingerprint());
    }

    #[test]
    fn what_could_be_guessed_is_not_fingerprinted() {
        // 16 characters of 62: 95 bits, of which less than 80 would remain.
        let weak = Strength::of(b"q8Zt4LmN0pR7sVx2").unwrap();
        assert!(!weak.allows_fingerprint(), "{weak:?}");
        assert_eq!(made(b"q8Zt4LmN0pR7sVx2").unwrap_err().code(), "E_GUESSABLE");
        assert!(Strength::of(b"q8Zt4LmN0pR7sVx2Yb5Kd9Fg").unwrap().allows_fingerprint());
        assert_eq!(made(b"short").unwrap_err().code(), "E_SHORT");
    }
}
