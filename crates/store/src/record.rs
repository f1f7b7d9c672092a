//! [`Record`]: one secret as it is kept, and [`Source`]: where its value came from.

use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use exfilter_engine::{Binding, Fingerprint, HostPattern, KeyClass, Slot, Strength};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::key::{Entropy, Key, Purpose};
use crate::tlv::{self, Fields, OPTIONAL};

/// Where the value of a secret came from, so that it can be read again. Names only.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// It was typed, or came through standard input.
    Typed,
    /// A variable of the environment.
    Env(String),
    /// A variable in a file of variables (`.env`).
    EnvFile {
        /// The file.
        path: String,
        /// The variable.
        name: String,
    },
    /// A whole file, the line break at its end apart.
    File(String),
    /// What another program wrote.
    Import {
        /// The program: `vault`, `op`.
        tool: String,
        /// The field in what it wrote.
        field: String,
    },
    /// Whatever else found it.
    Other {
        /// What found it: `audit`.
        finder: String,
        /// Where it stood.
        place: String,
    },
    /// It was minted here.
    Minted,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Typed => f.write_str("typed"),
            Source::Env(name) => write!(f, "${name}"),
            Source::EnvFile { path, name } => write!(f, "{path}: {name}"),
            Source::File(path) => f.write_str(path),
            Source::Import { tool, field } => write!(f, "{tool}: {field}"),
            Source::Other { finder, place } => write!(f, "{finder}: {place}"),
            Source::Minted => f.write_str("minted"),
        }
    }
}

impl Source {
    fn parts(&self) -> (u8, [&str; 2]) {
        match self {
            Source::Typed => (0, [""; 2]),
            Source::Env(name) => (1, [name, ""]),
            Source::EnvFile { path, name } => (2, [path, name]),
            Source::File(path) => (3, [path, ""]),
            Source::Import { tool, field } => (4, [tool, field]),
            Source::Other { finder, place } => (5, [finder, place]),
            Source::Minted => (6, [""; 2]),
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let (kind, [first, second]) = self.parts();
        [&[kind], first.as_bytes(), b"\0", second.as_bytes()].concat()
    }

    fn parse(bytes: &[u8]) -> Option<Source> {
        let (kind, rest) = bytes.split_first()?;
        let (first, second) = std::str::from_utf8(rest).ok()?.split_once('\0')?;
        let [first, second] = [first, second].map(String::from);
        Some(match kind {
            0 => Source::Typed,
            1 => Source::Env(first),
            2 => Source::EnvFile { path: first, name: second },
            3 => Source::File(first),
            4 => Source::Import { tool: first, field: second },
            5 => Source::Other { finder: first, place: second },
            6 => Source::Minted,
            _ => return None,
        })
    }
}

/// How a secret is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// As a keyed fingerprint: whoever steals file and key must still guess it.
    Fingerprint,
    /// Encrypted: whoever steals file and key has it.
    Sealed,
}

impl Mode {
    /// The word used in lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Fingerprint => "fingerprint",
            Mode::Sealed => "sealed",
        }
    }
}

/// A secret that is to be kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewRecord {
    /// Its name, unique in the store.
    pub name: String,
    /// Where the value came from.
    pub source: Source,
    /// The rule that knows its format.
    pub rule: Option<String>,
    /// How much it opens.
    pub class: Option<KeyClass>,
    /// Host and slot of each place where it is at home, in the grammars of [`HostPattern`] and [`Slot`].
    pub bindings: Vec<(String, String)>,
    /// Whether it is to be sealed although a fingerprint would do.
    pub sealed: bool,
    /// Whether it is a canary: nobody uses it, so its appearance is an alarm. Canaries are sealed.
    pub canary: bool,
    /// Seconds since 1970.
    pub created: u64,
}

impl NewRecord {
    /// A secret with a name and a source, and nothing else known of it.
    pub fn new(name: &str, source: Source, created: u64) -> NewRecord {
        NewRecord {
            name: name.into(),
            source,
            rule: None,
            class: None,
            bindings: Vec::new(),
            sealed: false,
            canary: false,
            created,
        }
    }
}

/// A secret as it is kept. Its name and source are told; of its value there is at most a fingerprint or a ciphertext.
#[derive(Clone)]
pub struct Record {
    id: [u8; 16],
    name: String,
    source: Source,
    rule: Option<String>,
    class: Option<KeyClass>,
    bindings: Vec<(String, String)>,
    canary: bool,
    created: u64,
    bits: u32,
    remaining: u32,
    content: Content,
    /// Fields that this version does not know and may keep as they are.
    others: Vec<(u16, Vec<u8>)>,
}

#[derive(Clone)]
enum Content {
    Fingerprint(Fingerprint),
    /// Nonce, ciphertext and tag.
    Sealed(Vec<u8>),
}

/// The longest texts, in bytes.
const NAME_MAX: usize = 512;
const SOURCE_MAX: usize = 8 << 10;
const RULE_MAX: usize = 256;
const BINDING_MAX: usize = 1024;
const BINDINGS_MAX: usize = 256;
/// The longest value, nonce and tag, in bytes; and the longest fingerprint.
const CONTENT_MAX: usize = (64 << 10) + NONCE + 16;
const NONCE: usize = 24;

const ID: u16 = 1;
const NAME: u16 = 2;
const SOURCE: u16 = 3;
const CREATED: u16 = 4;
const BITS: u16 = 5;
const REMAINING: u16 = 6;
const FINGERPRINT: u16 = 7;
const SEALED: u16 = 8;
const CANARY: u16 = 9;
const RULE: u16 = OPTIONAL | 10;
const CLASS: u16 = OPTIONAL | 11;
const BINDING: u16 = 12;
/// Those that this version knows; their numbers differ without [`OPTIONAL`] too, and are less than 32.
const KNOWN: [u16; 12] =
    [ID, NAME, SOURCE, CREATED, BITS, REMAINING, FINGERPRINT, SEALED, CANARY, RULE, CLASS, BINDING];

impl Record {
    /// Keeps a value: as a fingerprint if that leaves [`Strength::FLOOR`] bits to guess and nothing else is asked, sealed otherwise.
    pub(crate) fn new(
        key: &Key,
        new: NewRecord,
        value: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<Record, StoreError> {
        let strength = Strength::of(value)?;
        let mut id = [0; 16];
        entropy.fill(&mut id)?;
        let fingerprinted = strength.allows_fingerprint() && !new.sealed && !new.canary;
        let content = if fingerprinted {
            Content::Fingerprint(Fingerprint::new(&key.engine_key(), value)?)
        } else {
            Content::Sealed(seal(key, &id, value, entropy)?)
        };
        let NewRecord { name, source, rule, class, bindings, canary, created, .. } = new;
        let record = Record {
            id,
            name,
            source,
            rule,
            class,
            bindings,
            canary,
            created,
            bits: strength.bits(),
            remaining: if fingerprinted { strength.remaining() } else { 0 },
            content,
            others: Vec::new(),
        };
        record.check()?;
        Ok(record)
    }

    /// Its id: eight hexadecimal digits.
    pub fn id(&self) -> String {
        self.id[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its value came from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The rule that knows its format.
    pub fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
    }

    /// How much it opens.
    pub fn class(&self) -> Option<KeyClass> {
        self.class
    }

    /// Host and slot of each place where it is at home.
    pub fn bindings(&self) -> &[(String, String)] {
        &self.bindings
    }

    /// Whether it is a canary.
    pub fn is_canary(&self) -> bool {
        self.canary
    }

    /// When it was enrolled, in seconds since 1970.
    pub fn created(&self) -> u64 {
        self.created
    }

    /// How it is kept.
    pub fn mode(&self) -> Mode {
        match self.content {
            Content::Fingerprint(_) => Mode::Fingerprint,
            Content::Sealed(_) => Mode::Sealed,
        }
    }

    /// The estimate for the value's secret part when it was enrolled, in bits.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// What has to be guessed by whoever has stolen the store and its key, in bits: none of a sealed value.
    pub fn remaining(&self) -> u32 {
        self.remaining
    }

    /// Is at home where `before` was, whose value it replaces: a person may have bound it, or unbound it. A value that another rule knows is of another service.
    pub(crate) fn stay_at_home(&mut self, before: &Record) {
        if self.rule == before.rule {
            self.bindings.clone_from(&before.bindings);
        }
    }

    /// Adds a place where it is at home; false if it was at home there.
    ///
    /// # Errors
    ///
    /// Host or slot do not parse, or there are too many.
    pub fn bind(&mut self, host: &str, slot: &str) -> Result<bool, StoreError> {
        let place = (host.to_owned(), slot.to_owned());
        parse_binding(&place)?;
        if self.bindings.contains(&place) {
            return Ok(false);
        }
        if self.bindings.len() == BINDINGS_MAX {
            return Err(StoreError::too_large("a secret has at most 256 bindings"));
        }
        self.bindings.push(place);
        Ok(true)
    }

    /// Takes away the places at `host`, or those of them at `slot`; how many there were.
    pub fn unbind(&mut self, host: &str, slot: Option<&str>) -> usize {
        let before = self.bindings.len();
        self.bindings.retain(|(h, s)| h != host || slot.is_some_and(|slot| slot != s));
        before - self.bindings.len()
    }

    /// Whether it is of `value`; compares in constant time.
    pub(crate) fn is_of(&self, key: &Key, value: &[u8]) -> Result<bool, StoreError> {
        match &self.content {
            Content::Fingerprint(kept) => Ok(kept.is_of(&key.engine_key(), value)),
            // Of another length it is none, and lengths are told by the ciphertext anyway.
            Content::Sealed(sealed) if sealed.len() != NONCE + value.len() + 16 => Ok(false),
            Content::Sealed(_) => Ok(self.open(key)?.is_some_and(|there| there.ct_eq(value).into())),
        }
    }

    /// The value of a sealed record; none of a fingerprint.
    pub(crate) fn open(&self, key: &Key) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.open_with(&cipher(key))
    }

    /// The same, with [`cipher`] at hand.
    pub(crate) fn open_with(
        &self,
        cipher: &XChaCha20Poly1305,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let Content::Sealed(sealed) = &self.content else { return Ok(None) };
        let (nonce, text) = sealed.split_first_chunk::<NONCE>().ok_or(StoreError::damaged())?;
        let opened = cipher.decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: &self.id });
        opened.map(|value| Some(Zeroizing::new(value))).map_err(|_| StoreError::damaged())
    }

    /// The same record sealed under another key; none of a fingerprint, which only its value could move.
    pub(crate) fn resealed(
        &self,
        from: &Key,
        to: &Key,
        entropy: &mut dyn Entropy,
    ) -> Result<Option<Record>, StoreError> {
        let Some(value) = self.open(from)? else { return Ok(None) };
        let content = Content::Sealed(seal(to, &self.id, &value, entropy)?);
        Ok(Some(Record { content, ..self.clone() }))
    }

    pub(crate) fn fingerprint(&self) -> Option<&Fingerprint> {
        match &self.content {
            Content::Fingerprint(kept) => Some(kept),
            Content::Sealed(_) => None,
        }
    }

    /// Where it is at home, as an engine takes it; a canary is nowhere.
    pub(crate) fn homes(&self) -> Result<Vec<Binding>, StoreError> {
        let bindings = if self.canary { &[][..] } else { &self.bindings };
        bindings.iter().map(parse_binding).collect()
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        tlv::put(out, ID, &self.id);
        tlv::put(out, NAME, self.name.as_bytes());
        tlv::put(out, SOURCE, &self.source.to_bytes());
        tlv::put(out, CREATED, &self.created.to_le_bytes());
        tlv::put(out, BITS, &self.bits.to_le_bytes());
        tlv::put(out, REMAINING, &self.remaining.to_le_bytes());
        match &self.content {
            Content::Fingerprint(kept) => tlv::put(out, FINGERPRINT, &kept.to_bytes()),
            Content::Sealed(sealed) => tlv::put(out, SEALED, sealed),
        }
        if self.canary {
            tlv::put(out, CANARY, &[]);
        }
        if let Some(rule) = &self.rule {
            tlv::put(out, RULE, rule.as_bytes());
        }
        if let Some(class) = self.class {
            tlv::put(out, CLASS, class.as_str().as_bytes());
        }
        for (host, slot) in &self.bindings {
            tlv::put(out, BINDING, &[host.as_bytes(), b"\0", slot.as_bytes()].concat());
        }
        for (tag, bytes) in &self.others {
            tlv::put(out, *tag, bytes);
        }
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Record, StoreError> {
        let mut record = Record {
            id: [0; 16],
            name: String::new(),
            source: Source::Typed,
            rule: None,
            class: None,
            bindings: Vec::new(),
            canary: false,
            created: 0,
            bits: 0,
            remaining: 0,
            content: Content::Sealed(Vec::new()),
            others: Vec::new(),
        };
        let bad = || StoreError::malformed("a record");
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(String::from).map_err(|_| bad());
        let (mut fields, mut seen) = (Fields::new(bytes), 0u32);
        while let Some((tag, bytes)) = fields.next()? {
            let number = |bytes: &[u8]| bytes.try_into().map(u32::from_le_bytes).map_err(|_| bad());
            // Those that are not known may come in any number.
            let once = if KNOWN.contains(&tag) { 1u32 << (tag & !OPTIONAL) } else { 0 };
            let repeats = seen & once != 0 && tag != BINDING;
            if repeats {
                return Err(bad());
            }
            seen |= once;
            match tag {
                ID => record.id = bytes.try_into().map_err(|_| bad())?,
                NAME => record.name = text(bytes)?,
                SOURCE if bytes.len() <= SOURCE_MAX => {
                    record.source = Source::parse(bytes).ok_or_else(bad)?
                }
                CREATED => record.created = bytes.try_into().map(u64::from_le_bytes).map_err(|_| bad())?,
                BITS => record.bits = number(bytes)?,
                REMAINING => record.remaining = number(bytes)?,
                FINGERPRINT => {
                    let kept = Fingerprint::from_bytes(bytes).map_err(|_| bad())?;
                    record.content = Content::Fingerprint(kept);
                }
                SEALED if bytes.len() <= CONTENT_MAX => record.content = Content::Sealed(bytes.to_vec()),
                CANARY => record.canary = true,
                RULE => record.rule = Some(text(bytes)?),
                CLASS => record.class = class(bytes),
                BINDING => {
                    let (host, slot) = bytes.split_at(bytes.iter().position(|b| *b == 0).ok_or_else(bad)?);
                    record.bindings.push((text(host)?, text(&slot[1..])?));
                }
                tag if tag & OPTIONAL != 0 => record.others.push((tag, bytes.to_vec())),
                _ => return Err(bad()),
            }
        }
        let has = |tag: u16| seen & 1 << (tag & !OPTIONAL) != 0;
        let is_whole = [ID, NAME, SOURCE].into_iter().all(has) && has(FINGERPRINT) != has(SEALED);
        let is_sealed = matches!(&record.content, Content::Sealed(sealed) if sealed.len() > NONCE + 16);
        if !is_whole || (has(SEALED) && !is_sealed) || record.check().is_err() {
            return Err(bad());
        }
        Ok(record)
    }

    /// What holds for every record, whoever made it.
    fn check(&self) -> Result<(), StoreError> {
        if self.name.is_empty() || self.name.len() > NAME_MAX {
            return Err(StoreError::too_large("a name has 1 to 512 bytes"));
        }
        if self.source.to_bytes().len() > SOURCE_MAX
            || self.rule.as_ref().is_some_and(|rule| rule.len() > RULE_MAX)
        {
            return Err(StoreError::too_large("a source has at most 8 KiB, the id of a rule 256 bytes"));
        }
        if self.bindings.len() > BINDINGS_MAX {
            return Err(StoreError::too_large("a secret has at most 256 bindings"));
        }
        self.bindings.iter().try_for_each(|place| parse_binding(place).map(drop))
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({:?}, {})", self.name, self.mode().as_str())
    }
}

/// The cipher of sealed values under a key.
pub(crate) fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(*key.derive(Purpose::Seal)).into())
}

fn seal(key: &Key, id: &[u8; 16], value: &[u8], entropy: &mut dyn Entropy) -> Result<Vec<u8>, StoreError> {
    let mut nonce = [0; NONCE];
    entropy.fill(&mut nonce)?;
    let text = cipher(key).encrypt(&XNonce::from(nonce), Payload { msg: value, aad: id });
    Ok([&nonce[..], &text.map_err(|_| StoreError::too_large("a value"))?].concat())
}

fn parse_binding((host, slot): &(String, String)) -> Result<Binding, StoreError> {
    if host.len() + slot.len() > BINDING_MAX || host.contains('\0') {
        return Err(StoreError::too_large("a binding has at most 1 KiB"));
    }
    Ok(Binding { host: HostPattern::parse(host.as_bytes())?, slot: Slot::parse(slot.as_bytes())? })
}

fn class(text: &[u8]) -> Option<KeyClass> {
    let classes = [KeyClass::Admin, KeyClass::User, KeyClass::Service, KeyClass::Test, KeyClass::Publishable];
    classes.into_iter().find(|class| class.as_str().as_bytes() == text)
}
