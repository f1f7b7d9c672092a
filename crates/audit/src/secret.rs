//! [`Value`]: bytes that may be a secret. [`FoundValue`]: what the audit hands to whoever enrols it.

use zeroize::Zeroizing;

use exfilter::{Confidence, Rule};

/// Bytes that may be a secret: wiped when dropped, with no `Debug`, no `Display` and no `Clone`.
pub struct Value(Zeroizing<Vec<u8>>);

impl Value {
    /// Takes bytes; the caller wipes its own copy.
    pub fn new(bytes: &[u8]) -> Value {
        Value(Zeroizing::new(bytes.to_vec()))
    }

    /// The bytes. Whoever calls this answers for them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Zeroizing<Vec<u8>>> for Value {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Value {
        Value(bytes)
    }
}

/// A value that the audit found, for whoever enrols values in a store. It lives while the callback runs, has no `Debug`, and is wiped
/// with the buffer it stands in.
///
/// The same value comes once for every place it stands in; documented examples, public keys and values of low confidence come too: whoever enrols decides what is enrolled.
pub struct FoundValue<'a> {
    pub(crate) value: &'a [u8],
    pub(crate) source: &'a str,
    pub(crate) field: &'a str,
    pub(crate) grant: Option<&'a str>,
    pub(crate) rule: Option<&'a Rule>,
    pub(crate) confidence: Confidence,
    pub(crate) whole: bool,
}

impl FoundValue<'_> {
    /// The bytes. Whoever calls this answers for them.
    pub fn expose(&self) -> &[u8] {
        self.value
    }

    /// Where it stands: the path of a file inside the audited view, `environment`, `process 12`. Masked: safe to store and to print.
    pub fn source(&self) -> &str {
        self.source
    }

    /// The field that holds it, masked; empty where a rule found it in text.
    pub fn field(&self) -> &str {
        self.field
    }

    /// What it opens, by what the tool is that keeps it there: an id as [`Find::id`](crate::Find::id) has it. None where the place says nothing of it.
    pub fn grant(&self) -> Option<&str> {
        self.grant
    }

    /// The rule that knows it, if one does: its hosts and slots are what the secret may be bound to.
    pub fn rule(&self) -> Option<&Rule> {
        self.rule
    }

    /// How sure it is that this is a secret. What a name alone says of an everyday value is low: an engine that knew that value would find it everywhere.
    pub fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// Whether it is the whole credential. The rest of one whose rule knows only its beginning may lie beyond what was read.
    pub fn is_whole(&self) -> bool {
        self.whole
    }
}

/// A number for a value that tells equal ones: a keyed digest under a random key that lives as long as one audit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Digest([u8; 16]);

/// The key of an audit.
pub(crate) struct DigestKey(Zeroizing<[u8; 32]>);

impl DigestKey {
    /// A key of the system's random numbers.
    pub(crate) fn random() -> Option<DigestKey> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut key[..]).ok()?;
        Some(DigestKey(key))
    }

    /// The digest of a value.
    pub(crate) fn of(&self, value: &[u8]) -> Digest {
        let hash = blake3::keyed_hash(&self.0, value);
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.as_bytes()[..16]);
        Digest(digest)
    }
}
