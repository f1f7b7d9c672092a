//! [`KnownSecrets`]: a user's own secrets as keyed fingerprints. No plaintext is kept.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use exfilter_automaton::{Automaton, ByteSet, Gate, anchor_tag, is_non_lower, is_token, is_upper_or_digit};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::error::ParseError;
use crate::fingerprint::Fingerprint;
use crate::flow::{HostPattern, Slot};
use crate::fragments::Fragmented;
use crate::{lane, needle, parts, weak};

/// The 256-bit key under which secrets are fingerprinted. Wiped on drop.
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// Takes a key of exactly 32 bytes; the caller wipes its own copy.
    ///
    /// # Errors
    ///
    /// [`ParseError`] for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<StoreKey, ParseError> {
        let key: [u8; 32] =
            bytes.try_into().map_err(|_| ParseError::new("a store key has exactly 32 bytes (256 bits)"))?;
        Ok(StoreKey(key))
    }

    /// A key for one purpose.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, &self.0)
    }
}

impl Drop for StoreKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(..)")
    }
}

/// Where an enrolled secret is at home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The host.
    pub host: HostPattern,
    /// The slot; the secret must be its whole value.
    pub slot: Slot,
}

/// The spelling in which a secret was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Form {
    /// As it is.
    Raw,
    /// Base64 or base64url, this many layers deep.
    Base64(u8),
    /// Hexadecimal.
    Hex,
    /// Percent-encoded.
    Percent,
    /// With JSON escapes.
    Json,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// Back to front.
    Reversed,
    /// Its letters and digits in order, in either case, whatever stands between them; or, with something between them, those of its base64, base32 or hexadecimal digits.
    Scattered,
    /// With HTML's or XML's entities.
    Html,
    /// Quoted-printable.
    QuotedPrintable,
    /// As programs, shells and SQL write it in a string: `\'`, `\x26`, `''`.
    Quoted,
    /// Its letters thirteen places on in the alphabet.
    Rot13,
    /// Every byte XOR one and the same byte.
    Xor,
    /// As the number that its bytes make, in decimal digits or those of base36 or base62.
    Number,
    /// A part of a long one, as it is: 32 characters of a key that was cut out of its middle, say. What stands beside another finding of the same secret is not told of by itself.
    Part,
    /// In pieces, which this stream and others of its [`Session`](crate::Session) have shown: the last one that was needed, or one more.
    Fragments,
}

impl Form {
    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Form::Raw => "raw",
            Form::Base64(1) => "base64",
            Form::Base64(2) => "base64, two layers",
            Form::Base64(_) => "base64, three layers",
            Form::Hex => "hex",
            Form::Percent => "percent-encoded",
            Form::Json => "JSON-escaped",
            Form::Utf16Le => "UTF-16LE",
            Form::Utf16Be => "UTF-16BE",
            Form::Reversed => "reversed",
            Form::Scattered => "scattered",
            Form::Html => "HTML-escaped",
            Form::QuotedPrintable => "quoted-printable",
            Form::Quoted => "in a quoted string",
            Form::Rot13 => "rot13",
            Form::Xor => "XOR with a byte",
            Form::Number => "as a number",
            Form::Part => "a part of it",
            Form::Fragments => "in pieces",
        }
    }
}

/// In which spellings a value is looked for, beside what lanes decode. Each costs memory and a little speed, which counts from some thousand secrets on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Spellings {
    /// In all: about ninety for a value of token characters, and in the thorough profile scattered (its base64, base32 and digits too) and XORed. What is encoded in base64 is held back by as little as can
    /// be, and is edited as it stands.
    #[default]
    All,
    /// In all but base64, which the lanes decode (if [`Limits::shapes`](crate::Limits) allow layers): a tenth of the time to enrol, and of the memory. For whoever
    /// starts for one scan.
    ButBase64,
    /// As it is, in one layer of base64, in hexadecimal digits, percent-encoded, with JSON escapes and in UTF-16: some fifteen. What lanes decode is found as well; not so what is reversed, in rot13,
    /// scattered or XORed, and what escapes write of characters that end a token.
    Few,
    /// As it is: one. The same, and one of base64, digits or UTF-16 on their own is found where a lane decodes it.
    Raw,
}

/// Why a value was not enrolled. Never carries the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: &'static str,
    message: &'static str,
    remedy: &'static str,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: &'static str, remedy: &'static str) -> Refusal {
        Refusal { code, message, remedy }
    }

    /// A stable code: `E_SHORT`, `E_WEAK`, `E_GUESSABLE`, `E_COMMON`, `E_TEMPLATE`, `E_EXAMPLE`, `E_NOTSECRET`, `E_PUBLIC`, `E_LONG`, `E_BLOCK`, `E_CHOSEN`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What to do instead.
    pub fn remedy(&self) -> &'static str {
        self.remedy
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.code, self.message, self.remedy)
    }
}

impl std::error::Error for Refusal {}

/// One needle, compiled: what the engine keeps of a spelling.
#[derive(Clone, Debug)]
pub(crate) struct Needle {
    pub(crate) secret: u32,
    pub(crate) form: Form,
    /// Length in bytes.
    pub(crate) len: u32,
    /// Where its anchor stands in it.
    pub(crate) anchor: u32,
    /// Bytes directly before it that hold bits of the value too.
    pub(crate) before: u32,
    /// Whether only token characters stand before the anchor.
    pub(crate) token_before: bool,
    pub(crate) gate: Gate,
    /// Whether it is ASCII.
    pub(crate) ascii: bool,
    pub(crate) tag: Tag,
    /// Whether the value has no other needle: its other spellings are found by decoding alone.
    pub(crate) alone: bool,
    /// Whether it has none for base64.
    pub(crate) decoded: bool,
    pub(crate) mac: [u8; 16],
}

/// The hash of an anchor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tag {
    Whole(u32),
    /// Its highest bits: all that a stored fingerprint has.
    Coarse(u16),
}

/// The letters and digits of a value, in lower case: looked for in text of which nothing else is kept.
#[derive(Clone, Debug)]
pub(crate) struct ScatteredNeedle {
    pub(crate) secret: u32,
    /// How many there are.
    pub(crate) len: u32,
    /// Where its anchor stands among them.
    pub(crate) anchor: u32,
    pub(crate) tag: u32,
    /// Bytes from the first one to the last one where nothing stands between them, if they are those of the value in base64, base32 or hexadecimal digits, which is found in other ways there; else 0.
    pub(crate) span: u32,
    /// Whether the first of those shares a character with what stands before the value.
    pub(crate) shares: bool,
    pub(crate) mac: [u8; 16],
}

/// The differences of a value's bytes, each XOR the next one: what is left of it when all are XORed with one byte.
#[derive(Clone, Debug)]
pub(crate) struct DeltaNeedle {
    pub(crate) secret: u32,
    /// Length of the value, in bytes: one more than there are differences.
    pub(crate) len: u32,
    /// Where its anchor stands among them.
    pub(crate) anchor: u32,
    pub(crate) tag: u32,
    /// Of an anchor in base64, at each alignment.
    pub(crate) runs: [u32; 3],
    pub(crate) mac: [u8; 16],
    /// Of the value as it is.
    pub(crate) raw: [u8; 16],
}

/// The fewest letters and digits that are looked for among others.
const SCATTERED_MIN: usize = 16;

/// What is kept of an enrolled secret beside its needles.
#[derive(Clone, Debug)]
pub(crate) struct Enrolled {
    pub(crate) name: String,
    pub(crate) bindings: Vec<Binding>,
    /// MAC and length of the whole raw value, for bindings.
    pub(crate) whole: ([u8; 16], usize),
    pub(crate) canary: bool,
    /// Whether somebody else may have chosen it.
    pub(crate) chosen: bool,
}

impl Enrolled {
    fn new(name: &str, bindings: Vec<Binding>, canary: bool) -> Enrolled {
        Enrolled { name: name.into(), bindings, whole: ([0; 16], 0), canary, chosen: false }
    }
}

/// A set of enrolled secrets, ready to be compiled into an engine.
///
/// # What is kept
///
/// Per spelling: its length, 32 bits of a keyed hash of eight of its bytes (the anchor), and a 128-bit keyed BLAKE3 MAC. No plaintext;
/// spellings are wiped as soon as their fingerprints are made. If pieces are counted, see [`KnownSecrets::fragments`]. For all secrets together: which letters, and which differences of neighbouring characters, end or
/// begin an anchor, beside those that are rare in text. A value that has no rare one in its first letters adds one of its own, so that one
/// character of it, or a difference of two, is known to whoever reads the memory of an engine that holds few others.
///
/// # Limits
///
/// Values have 12 bytes to 64 KiB. A value longer than 192 bytes, and a PEM private key, is enrolled in pieces (lines, for PEM), any of which is
/// a finding of the secret; so is a part of 32 characters of its secret numbers or, in other long values, of what looks drawn and does not stand in front ([`Form::Part`]): of any 64 characters in a row
/// one is among them.
///
/// ```
/// use exfilter_engine::{KnownSecrets, StoreKey};
/// let mut secrets = KnownSecrets::new(StoreKey::from_bytes(&[7; 32])?);
/// secrets.add("DEPLOY_TOKEN", b"q8Zt4LmN0pR7sVx2", vec![])?;
/// assert_eq!(secrets.add("EDITOR", b"vim", vec![]).unwrap_err().code(), "E_SHORT");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KnownSecrets {
    pub(crate) keys: Keys,
    pub(crate) enrolled: Vec<Enrolled>,
    pub(crate) needles: Vec<Needle>,
    pub(crate) scattered: Vec<ScatteredNeedle>,
    pub(crate) deltas: Vec<DeltaNeedle>,
    /// The letters and digits with which anchors of `scattered` end, in both cases: those that are rare, and what a value needs that has none of them.
    pub(crate) ends: ByteSet,
    /// The same of the differences with which anchors of `deltas` begin.
    pub(crate) first_deltas: ByteSet,
    pub(crate) fragmented: Vec<Fragmented>,
    pub(crate) spellings: Spellings,
    /// Whether pieces are counted.
    pub(crate) fragments: bool,
    /// How many needles share a tag.
    tags: HashMap<u32, u32, BuildHasherDefault<TagHasher>>,
    /// Whether `tags` tells of the needles that are there.
    pub(crate) is_counted: bool,
}

/// Hashes tags, which are keyed hashes already, by spreading their bits.
#[derive(Clone, Copy, Default)]
struct TagHasher(u64);

impl Hasher for TagHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32((*byte).into()));
    }

    fn write_u32(&mut self, tag: u32) {
        self.0 = (self.0 ^ u64::from(tag)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

/// Sub-keys of the store key.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) anchor: u64,
    confirm: [u8; 32],
}

impl Keys {
    pub(crate) fn derive(key: &StoreKey) -> Keys {
        let mut anchor = blake3::derive_key("exfilter 2026-11 anchor hash", &key.0);
        let mut word = [0; 8];
        word.copy_from_slice(&anchor[..8]);
        anchor.zeroize();
        Keys {
            anchor: u64::from_le_bytes(word),
            confirm: blake3::derive_key("exfilter 2026-11 confirm MAC", &key.0),
        }
    }

    /// Whether they were derived from this key; compares in constant time.
    pub(crate) fn are_of(&self, key: &StoreKey) -> bool {
        let other = Keys::derive(key);
        (self.anchor.ct_eq(&other.anchor) & self.confirm.ct_eq(&other.confirm)).into()
    }

    /// The keyed MAC of a spelling.
    pub(crate) fn mac(&self, bytes: &[u8]) -> [u8; 16] {
        let mut mac = [0; 16];
        mac.copy_from_slice(&blake3::keyed_hash(&self.confirm, bytes).as_bytes()[..16]);
        mac
    }

    /// The tag of the anchor at `at`.
    pub(crate) fn tag_at(&self, bytes: &[u8], at: usize) -> u32 {
        let mut window = [0; 8];
        window.copy_from_slice(&bytes[at..at + 8]);
        anchor_tag(self.anchor, window)
    }

    /// Compares in constant time.
    pub(crate) fn fits(&self, bytes: &[u8], mac: &[u8; 16]) -> bool {
        self.mac(bytes).ct_eq(mac).into()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.anchor.zeroize();
        self.confirm.zeroize();
    }
}

/// Longest piece of a value that one needle covers, in bytes: its longest spelling (three layers of base64, or percent-encoding of every
/// byte) stays well within the tail that a lane keeps.
pub(crate) const PIECE: usize = 192;
/// The farthest from its needle's beginning that a gated anchor may stand; farther ones go to the ungated tier, so that little is held back.
const ANCHOR_REACH: usize = 64;
/// The farthest from its beginning that the first anchor of scattered letters and digits may stand, and how much farther another one that ends with a rare letter.
const SCATTERED_REACH: usize = 24;
const CHOICE: usize = 12;
/// The same of what is encoded.
const ENCODED_CHOICE: usize = 40;
/// The farthest behind the public prefix that the anchor of differences may stand: what stands before it is held wherever bytes go on.
const DELTA_REACH: usize = 8;
/// The same where nothing nearer has a difference that is rare in text.
const DELTA_REACH_MAX: usize = 24;
/// Letters and digits that make three of a hundred bytes of code, and one of four characters of a random value.
const RARE_LETTERS: ByteSet = {
    let mut set = ByteSet::new(b"0123456789");
    let letters = b"jqz";
    let mut n = 0;
    while n < letters.len() {
        set.insert(letters[n]);
        set.insert(letters[n].to_ascii_uppercase());
        n += 1;
    }
    set
};
/// The others, the rarest first.
const COMMON_LETTERS: &[u8] = b"kwxvybghfmpudclonisrate";
/// Differences of neighbours that make a tenth of those in code and JSON, and about half of those in a random value: those between a capital and a
/// small letter, and between a capital and a digit, apart from a few that are common in text.
const RARE_DELTAS: ByteSet = deltas_with(0x20, 0x20, &[0x23, 0x26, 0x2a, 0x31, 0x32, 0x70, 0x7e]);
/// Those that are common only in some text: between a small letter and a digit.
const NEXT_DELTAS: ByteSet = deltas_with(0x60, 0x40, &[0x41, 0x44, 0x45, 0x46, 0x49, 0x4e, 0x52, 0x53, 0x54]);

/// Differences of ASCII characters whose bits in `mask` are `bits`, but for a few.
const fn deltas_with(mask: u8, bits: u8, others: &[u8]) -> ByteSet {
    let others = ByteSet::new(others);
    let mut set = ByteSet::new(&[]);
    let mut n = 0;
    while n < 0x80 {
        if n & mask == bits && !others.contains(n) {
            set.insert(n);
        }
        n += 1;
    }
    set
}

/// Needles per anchor tag before another anchor is chosen.
const CHAIN: u32 = 8;
/// The farthest behind the public prefix that an anchor of rare characters is looked for first.
pub(crate) const SOON: usize = 16;

impl KnownSecrets {
    /// An empty set under a store key.
    pub fn new(key: StoreKey) -> KnownSecrets {
        KnownSecrets::under(Keys::derive(&key))
    }

    pub(crate) fn under(keys: Keys) -> KnownSecrets {
        KnownSecrets {
            keys,
            enrolled: Vec::new(),
            needles: Vec::new(),
            scattered: Vec::new(),
            deltas: Vec::new(),
            ends: RARE_LETTERS,
            first_deltas: RARE_DELTAS,
            fragmented: Vec::new(),
            spellings: Spellings::default(),
            fragments: false,
            tags: HashMap::default(),
            is_counted: true,
        }
    }

    /// Sets in which spellings the values that are enrolled from here on are looked for.
    pub fn spellings(&mut self, spellings: Spellings) -> &mut KnownSecrets {
        self.spellings = spellings;
        self
    }

    /// Sets whether pieces of the values that are enrolled from here on are counted over the streams of a [`Session`](crate::Session), and in each stream: eight characters or more behind the public
    /// prefix (eleven of hexadecimal digits), as they stand in text and in what containers hold. When those that were seen are sixteen or more, and three fifths of all, each
    /// piece is a finding ([`Form::Fragments`]).
    ///
    /// Only values of which sixteen characters or more are secret, and which look as if they were drawn: pieces of pass phrases stand in any text. Not counted are
    /// PEM keys, settings and JSON, other values of more than 192 bytes, and fingerprints; of an address its password is.
    ///
    /// For each character an engine keeps 32 bits of a keyed hash and a keyed MAC of the eight or more that follow: whoever reads the memory of the process, where the key is too, can guess the value
    /// piece by piece.
    pub fn fragments(&mut self, counted: bool) -> &mut KnownSecrets {
        self.fragments = counted;
        self
    }

    /// Makes room for so many more values, of one piece each, so that what is held does not move as it grows.
    pub fn reserve(&mut self, values: usize) -> &mut KnownSecrets {
        let (needles, others) = match self.spellings {
            Spellings::All => (96, 1),
            Spellings::ButBase64 => (13, 1),
            Spellings::Few => (15, 0),
            Spellings::Raw => (1, 0),
        };
        self.enrolled.reserve(values);
        self.needles.reserve(needles * values);
        self.scattered.reserve(10 * others * values);
        self.deltas.reserve(others * values);
        self.tags.reserve((needles + 14 * others) * values);
        self
    }

    /// Enrols a value under a name, at home where `bindings` say. The value is turned into needles at once and not kept; the
    /// caller wipes its own copy.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for values that are too short, too weak or no secrets.
    pub fn add(&mut self, name: &str, value: &[u8], bindings: Vec<Binding>) -> Result<(), Refusal> {
        let pieces = enrollable(value)?;
        self.enrol(Enrolled::new(name, bindings, false), value, pieces);
        Ok(())
    }

    /// Enrols a canary: a value that nobody uses, so that its appearance anywhere is an alarm. It is at home nowhere, and
    /// [`Engine::is_canary`](crate::Engine::is_canary) tells it from secrets.
    ///
    /// # Errors
    ///
    /// As [`KnownSecrets::add`] has it.
    pub fn add_canary(&mut self, name: &str, value: &[u8]) -> Result<(), Refusal> {
        let pieces = enrollable(value)?;
        self.enrol(Enrolled::new(name, Vec::new(), true), value, pieces);
        Ok(())
    }

    /// Enrols a value that was enrolled before, and kept: whether it is strong enough was judged then, and is not judged again.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for a length that no value has, and for a private key without a body.
    pub fn add_kept(
        &mut self,
        name: &str,
        value: &[u8],
        bindings: Vec<Binding>,
        canary: bool,
    ) -> Result<(), Refusal> {
        let pieces = weak::refuse_length(value).map_or_else(|| some_pieces(value), Err)?;
        self.enrol(Enrolled::new(name, bindings, canary), value, pieces);
        Ok(())
    }

    /// Enrols a value that somebody else may have chosen: a server that gives tokens, say, and is trusted with nothing else. What he chooses is refused from then on wherever it stands, so it must look drawn, and the refusals do
    /// not count for a [`Quarantine`](crate::Quarantine) ([`Block::counts`](crate::Block::counts)). Its pieces are not [counted](KnownSecrets::fragments), and of a long value those that look like text are not looked for.
    ///
    /// # Errors
    ///
    /// [`Refusal`] as [`KnownSecrets::add`] has it, and for what does not look drawn.
    pub fn add_chosen(&mut self, name: &str, value: &[u8], bindings: Vec<Binding>) -> Result<(), Refusal> {
        let mut pieces = enrollable(value)?;
        pieces.retain(|piece| parts::is_drawn(piece));
        if pieces.is_empty() {
            return Err(Refusal::new(
                "E_CHOSEN",
                "the value does not look drawn, and somebody else may have chosen it",
                "enrol it as a value of your own, if it opens something",
            ));
        }
        let fragments = std::mem::replace(&mut self.fragments, false);
        let enrolled = Enrolled { chosen: true, ..Enrolled::new(name, bindings, false) };
        self.enrol(enrolled, value, pieces);
        self.fragments = fragments;
        Ok(())
    }

    /// Enrols what was kept of a value by [`Fingerprint::new`], under the key of this set; one made under another key finds nothing.
    ///
    /// The value is found as it stands and in all that lanes decode to it, and in no spelling that only its plaintext gives: see [`Fingerprint`].
    pub fn add_fingerprint(&mut self, name: &str, kept: &Fingerprint, bindings: Vec<Binding>) {
        let secret = self.enrolled.len() as u32;
        let mut enrolled = Enrolled::new(name, bindings, false);
        enrolled.whole = (kept.whole.0, kept.whole.1 as usize);
        self.enrolled.push(enrolled);
        self.needles.extend(kept.pieces.iter().map(|piece| Needle {
            secret,
            form: if piece.part { Form::Part } else { Form::Raw },
            len: piece.len.into(),
            anchor: piece.anchor.into(),
            before: 0,
            token_before: piece.token_before,
            gate: piece.gate,
            ascii: piece.ascii,
            tag: Tag::Coarse(piece.tag),
            alone: true,
            decoded: true,
            mac: piece.mac,
        }));
    }

    fn enrol(&mut self, mut enrolled: Enrolled, value: &[u8], pieces: Vec<&[u8]>) {
        self.count_tags();
        let secret = self.enrolled.len() as u32;
        enrolled.whole = (self.keys.mac(value), value.len());
        self.enrolled.push(enrolled);
        if self.fragments {
            self.fragmented.extend(Fragmented::new(&self.keys, secret, value));
        }
        let whole = pieces.len() == 1;
        for piece in pieces {
            let public = if whole { weak::public_prefix(piece) } else { 0 };
            for spelling in needle::spellings(piece, public, self.spellings) {
                self.add_needle(secret, &spelling);
            }
            if matches!(self.spellings, Spellings::All | Spellings::ButBase64) {
                self.add_scattered(secret, piece, public, None);
                for (mut chars, public, shares) in needle::encoded(piece, public) {
                    self.add_scattered(secret, &chars, public, Some(shares));
                    chars.zeroize();
                }
                self.add_delta(secret, piece, public);
            }
        }
        for part in parts::of(value) {
            let bytes = part.to_vec();
            self.add_needle(secret, &needle::Spelling { form: Form::Part, bytes, public: 0, before: 0 });
        }
    }

    /// Counts the tags of needles that were not derived here, once, when more are.
    fn count_tags(&mut self) {
        if std::mem::replace(&mut self.is_counted, true) {
            return;
        }
        let needles = self.needles.iter().filter_map(|needle| match needle.tag {
            Tag::Whole(tag) => Some(tag),
            Tag::Coarse(_) => None,
        });
        let scattered = self.scattered.iter().map(|needle| needle.tag);
        let deltas = self.deltas.iter().flat_map(|needle| [needle.tag].into_iter().chain(needle.runs));
        for tag in needles.chain(scattered).chain(deltas) {
            *self.tags.entry(tag).or_default() += 1;
        }
    }

    /// How many secrets are enrolled.
    pub fn len(&self) -> usize {
        self.enrolled.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.enrolled.is_empty()
    }

    fn add_needle(&mut self, secret: u32, spelling: &needle::Spelling) {
        let bytes = &spelling.bytes;
        let Some((at, gate)) = self.choose_anchor(spelling) else { return };
        if spelling.form == Form::Number && gate == Gate::Token {
            // Of those without a digit or a capital where it counts, one of fifty in base36, every name in text would be asked for.
            return;
        }
        let tag = self.tag_at(bytes, at);
        *self.tags.entry(tag).or_default() += 1;
        self.needles.push(Needle {
            secret,
            form: spelling.form,
            len: bytes.len() as u32,
            anchor: at as u32,
            before: spelling.before as u32,
            token_before: bytes[..at].iter().all(|b| is_token(*b)),
            gate,
            ascii: bytes.is_ascii(),
            tag: Tag::Whole(tag),
            alone: self.spellings == Spellings::Raw || spelling.form == Form::Part,
            decoded: matches!(self.spellings, Spellings::ButBase64 | Spellings::Raw),
            mac: self.keys.mac(bytes),
        });
    }

    fn add_scattered(&mut self, secret: u32, piece: &[u8], public: usize, encoded: Option<bool>) {
        let mut letters = Vec::with_capacity(piece.len());
        letters.extend(lane::letters(piece, &mut false).map(|(_, letter)| letter));
        let is_letter = u8::is_ascii_alphanumeric;
        let span = piece.iter().position(is_letter).zip(piece.iter().rposition(is_letter));
        if letters.len() >= SCATTERED_MIN {
            // What stands before the anchor is held wherever text goes on, so it is as little as may be.
            let public = lane::letters(&piece[..public], &mut false).count();
            let first = public.min(letters.len() - 8).min(SCATTERED_REACH);
            let choice = if encoded.is_some() { ENCODED_CHOICE } else { CHOICE };
            let last = (letters.len() - 8).min(first + choice);
            let mut ending = (first..=last).filter(|at| self.ends.contains(letters[at + 7]));
            let anchor = ending.clone().find(|at| self.is_rare(&letters, *at)).or_else(|| ending.next());
            let anchor = match anchor {
                Some(anchor) => anchor,
                // No more letters are looked at for these: hardly one is without a rare one.
                None if encoded.is_some() => return letters.zeroize(),
                None => {
                    // One more letter is looked at wherever it stands: the rarest that is to be had.
                    let common =
                        |at: &usize| COMMON_LETTERS.iter().position(|letter| *letter == letters[at + 7]);
                    let at = (first..=last).min_by_key(common).unwrap_or(first);
                    self.ends.insert(letters[at + 7]);
                    self.ends.insert(letters[at + 7].to_ascii_uppercase());
                    at
                }
            };
            let tag = self.tag_at(&letters, anchor);
            *self.tags.entry(tag).or_default() += 1;
            self.scattered.push(ScatteredNeedle {
                secret,
                len: letters.len() as u32,
                anchor: anchor as u32,
                tag,
                span: encoded.and(span).map_or(0, |(first, last)| last - first + 1) as u32,
                shares: encoded.unwrap_or(false),
                mac: self.keys.mac(&letters),
            });
        }
        letters.zeroize();
    }

    fn add_delta(&mut self, secret: u32, piece: &[u8], public: usize) {
        let mut deltas = Vec::with_capacity(piece.len());
        deltas.extend(lane::deltas(piece));
        let anchor = self.choose_delta(&deltas, public, DELTA_REACH, Some(&self.first_deltas));
        // What a look would pass over must not be found elsewhere.
        if let Some((anchor, tag)) = anchor
            && let Some(runs) = self.base64_deltas(piece, public)
        {
            self.first_deltas.insert(deltas[anchor]);
            for tag in [tag].iter().chain(&runs) {
                *self.tags.entry(*tag).or_default() += 1;
            }
            self.deltas.push(DeltaNeedle {
                secret,
                len: piece.len() as u32,
                anchor: anchor as u32,
                tag,
                runs,
                mac: self.keys.mac(&deltas),
                raw: self.keys.mac(piece),
            });
        }
        deltas.zeroize();
    }

    /// The tags of an anchor in base64, at each alignment; none for a value that comes back every three bytes.
    fn base64_deltas(&self, piece: &[u8], public: usize) -> Option<[u32; 3]> {
        let mut tags = [0; 3];
        for (alignment, tag) in tags.iter_mut().enumerate() {
            let (mut values, public) = needle::base64_values(piece, public, alignment);
            let mut deltas = Vec::with_capacity(values.len());
            deltas.extend(lane::char_deltas(&values));
            let chosen = self.choose_delta(&deltas, public, deltas.len(), None);
            values.zeroize();
            deltas.zeroize();
            *tag = chosen?.1;
        }
        Some(tags)
    }

    /// The place behind the public prefix, no more than `reach` or, where only a farther one has a difference out of `gate`, [`DELTA_REACH_MAX`], that few needles share, at which a difference out of `gate` stands if there is one, and the most different ones follow; and its tag.
    fn choose_delta(
        &self,
        deltas: &[u8],
        public: usize,
        reach: usize,
        gate: Option<&ByteSet>,
    ) -> Option<(usize, u32)> {
        let last = deltas.len().checked_sub(8)?;
        let first = public.min(last);
        let passes = |at: usize| match gate {
            Some(gate) if !gate.contains(deltas[at]) => u8::from(NEXT_DELTAS.contains(deltas[at])),
            _ => 2,
        };
        let best = |at: &usize| (passes(*at), different(&deltas[*at..at + 8]), Reverse(*at));
        let rarest = |reach: usize| {
            // Equal bytes are everywhere.
            let places = || (first..=last.min(first + reach)).filter(|at| deltas[*at..at + 8] != [0; 8]);
            // The first one than which none is better ends the search.
            let (mut first, mut most) = (None, (0, 0));
            for at in places() {
                let (passes, different, _) = best(&at);
                if first.is_none() || (passes, different) > most {
                    (first, most) = (Some(at), (passes, different));
                }
                if most == (2, 8) {
                    break;
                }
            }
            // Nearly all are rare, and to ask takes longer than all else.
            let one = first.filter(|at| self.is_rare(deltas, *at));
            one.or_else(|| places().max_by_key(|at| (self.is_rare(deltas, *at), best(at))))
        };
        let near = rarest(reach).filter(|at| passes(*at) > 0);
        let at = near.or_else(|| rarest(DELTA_REACH_MAX.max(reach)))?;
        Some((at, self.tag_at(deltas, at)))
    }

    /// Whether few needles share the anchor at `at`.
    fn is_rare(&self, bytes: &[u8], at: usize) -> bool {
        self.tags.get(&self.tag_at(bytes, at)).is_none_or(|n| *n < CHAIN)
    }

    /// See [`choose_anchor`].
    fn choose_anchor(&self, spelling: &needle::Spelling) -> Option<(usize, Gate)> {
        let shared = |at: &usize| self.tags.get(&self.tag_at(&spelling.bytes, *at)).copied().unwrap_or(0);
        choose_anchor(&spelling.bytes, spelling.public, shared)
    }

    fn tag_at(&self, bytes: &[u8], at: usize) -> u32 {
        self.keys.tag_at(bytes, at)
    }
}

/// How many different bytes there are.
fn different(bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (0u128, 0u128);
    for byte in bytes {
        let bit = 1 << (byte & 127);
        if *byte < 128 { low |= bit } else { high |= bit }
    }
    low.count_ones() + high.count_ones()
}

/// The first place after the public prefix that a gate covers and that few needles share; an ungated one otherwise. `shared` tells how many needles
/// have the anchor at a place.
pub(crate) fn choose_anchor(
    bytes: &[u8],
    public: usize,
    shared: impl Fn(&usize) -> u32,
) -> Option<(usize, Gate)> {
    let last = bytes.len().checked_sub(8)?;
    let public = public.min(last);
    let units = |at: usize| (0..4).all(|u| is_token(bytes[at + 2 * u]) && bytes[at + 2 * u + 1] == 0);
    let gate = |at: usize| {
        if bytes[at..].iter().take(Automaton::GATE).filter(|b| is_token(**b)).count() == Automaton::GATE {
            Some(match bytes[at] {
                byte if is_upper_or_digit(byte) => Gate::UpperOrDigit,
                byte if is_non_lower(byte) => Gate::NonLower,
                _ => Gate::Token,
            })
        } else if units(at) && bytes[..at].iter().all(|b| *b == 0 || is_token(*b)) {
            Some(Gate::Utf16)
        } else {
            None
        }
    };
    let reach = |at: &usize| *at <= ANCHOR_REACH.max(public + 16);
    // In order of preference: soon after the public prefix, and there at a place that few positions of text pass; then anywhere.
    let after = || (public..=last).filter(reach).filter_map(|at| Some((at, gate(at)?)));
    let rare = |(_, gate): &(usize, Gate)| *gate != Gate::Token;
    let rarest = |(_, gate): &(usize, Gate)| matches!(gate, Gate::UpperOrDigit | Gate::Utf16);
    let soon = || after().filter(|(at, _)| *at <= public + SOON);
    let before = (0..public).rev().filter_map(|at| Some((at, gate(at)?)));
    let mut gated = soon().filter(rarest).chain(soon().filter(rare)).chain(after()).chain(before);
    let best = gated.clone().find(|(at, _)| shared(at) < CHAIN).or_else(|| gated.next());
    let ungated = public..=last;
    best.or_else(|| {
        // An anchor of other characters would take away what tells text by its ASCII.
        let plain = |at: &usize| bytes[*at..at + 8].is_ascii();
        let ascii = ungated.clone().filter(plain).find(|at| shared(at) < CHAIN);
        let any = || ungated.clone().find(|at| shared(at) < CHAIN);
        let at = ascii.or_else(any).or_else(|| ungated.clone().next());
        at.map(|at| (at, Gate::None))
    })
}

/// The pieces of a value that may be enrolled.
pub(crate) fn enrollable(value: &[u8]) -> Result<Vec<&[u8]>, Refusal> {
    if let Some(refusal) = weak::refuse(value) {
        return Err(refusal);
    }
    some_pieces(value)
}

/// The pieces of a value; an error if it has none.
fn some_pieces(value: &[u8]) -> Result<Vec<&[u8]>, Refusal> {
    let pieces = pieces(value);
    if pieces.is_empty() {
        return Err(Refusal::new(
            "E_BLOCK",
            "no line of the key's body could be read",
            "enrol the key as its file has it, or its body alone",
        ));
    }
    Ok(pieces)
}

/// The pieces of a value that get needles of their own.
fn pieces(value: &[u8]) -> Vec<&[u8]> {
    if value.starts_with(b"-----BEGIN") {
        // The armour is public and the line breaks change on the way; each body line of a private key identifies it. Breaks may be
        // written out, as `\\n` in an environment variable: the letter after the backslash is not part of the line.
        return value
            .split(|b| matches!(b, b'\n' | b'\r' | b' ' | b'-'))
            .flat_map(|line| {
                line.split(|b| *b == b'\\').enumerate().map(|(i, part)| match part {
                    [b'n' | b'r', rest @ ..] if i > 0 => rest,
                    part => part,
                })
            })
            .filter(|line| line.len() >= 32 && !line.contains(&b':') && !line.starts_with(OPENSSH))
            .flat_map(cut)
            .collect();
    }
    cut(value)
}

/// How the body of every private key of OpenSSH begins: `openssh-key-v1` in base64. That line is the same in all keys of a kind.
const OPENSSH: &[u8] = b"b3BlbnNzaC1rZXktdjEA";

fn cut(value: &[u8]) -> Vec<&[u8]> {
    if value.len() <= PIECE {
        return vec![value];
    }
    let mut pieces: Vec<&[u8]> = value.chunks(PIECE).collect();
    if let Some(last) = pieces.last_mut() {
        *last = &value[value.len() - PIECE..];
    }
    pieces
}

impl fmt::Debug for KnownSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownSecrets({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_written_line_breaks_have_the_pieces_of_their_lines() {
        let lines = ["q8Zt4LmN0pR7sVx2Yb5Kd9Fg3Hj6Wc1AqE", "nB7Zt4LmN0pR7sVx2Yb5Kd9Fg3Hj6Wc1Aq"];
        for separator in ["\n", "\\n", "\r\n", " "] {
            let armour = ["-----BEGIN PRIVATE KEY-----", lines[0], lines[1], "-----END PRIVATE KEY-----"];
            let value = armour.join(separator);
            assert_eq!(pieces(value.as_bytes()), [lines[0].as_bytes(), lines[1].as_bytes()], "{separator:?}");
        }
        let mut secrets = KnownSecrets::new(StoreKey::from_bytes(&[1; 32]).unwrap());
        let refusal =
            secrets.add("KEY", b"-----BEGIN PRIVATE KEY----- short -----END PRIVATE KEY-----", vec![]);
        assert_eq!(refusal.unwrap_err().code(), "E_BLOCK");
    }
}
