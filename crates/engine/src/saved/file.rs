//! The file: sections, the seal of known secrets, the MAC.

use std::sync::Arc;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use super::bytes::{Reader, Writer};
use super::{rules, secrets, settings};
use crate::engine::{Core, Engine};
use crate::error::SavedError;
use crate::secrets::{Keys, StoreKey};

const MAGIC: &[u8; 16] = b"exfilter engine\n";
const FORMAT: u16 = 5;
/// Tables mean what this version of the crate takes them for.
const VERSION: &str = env!("CARGO_PKG_VERSION");
const MAC: usize = 32;
const NONCE: usize = 24;

const SETTINGS: u8 = 1;
const RULES: u8 = 2;
const TABLES: u8 = 3;
const KNOWN: u8 = 4;

impl Engine {
    /// The compiled engine as bytes, for [`Engine::from_bytes`] of the same version of this crate, on any machine. They hold no plaintext of known secrets, and of what is kept of them
    /// nothing that can be read without the key.
    ///
    /// # Errors
    ///
    /// [`SavedError`] if the engine's known secrets were enrolled under another key.
    ///
    /// ```
    /// use exfilter_engine::{Engine, Rule, StoreKey};
    ///
    /// let engine = Engine::builder().rules([Rule::new("acme-key", "acme_", "acme_[0-9a-f]{32}")]).build()?;
    /// let key = StoreKey::from_bytes(&[7; 32])?;
    /// let again = Engine::from_bytes(&engine.to_bytes(&key)?, &key)?;
    /// assert_eq!(again.rules().next().map(|rule| rule.id.as_str()), Some("acme-key"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_bytes(&self, key: &StoreKey) -> Result<Vec<u8>, SavedError> {
        let core = &self.core;
        let mut out = Writer::default();
        out.0.extend(MAGIC);
        out.0.extend(FORMAT.to_le_bytes());
        out.u8(VERSION.len() as u8);
        out.0.extend(VERSION.as_bytes());
        section(&mut out, SETTINGS, |out| settings::write(out, core.profile, &core.limits, &core.policy));
        section(&mut out, RULES, |out| out.list(&core.rules, |out, rule| rules::write(out, rule)));
        section(&mut out, TABLES, |out| out.0.extend(core.automaton.plan()));
        if let Some(known) = &core.known {
            if !known.keys.are_of(key) {
                return Err(SavedError::OTHER_KEY);
            }
            let mut body = Writer::default();
            secrets::write(&mut body, known);
            let body = Zeroizing::new(body.0);
            let sealed = Seal::of(key).seal(&body);
            section(&mut out, KNOWN, |out| out.0.extend(sealed));
        }
        let mac = mac(key, &out.0);
        out.0.extend(mac.as_bytes());
        Ok(out.0)
    }

    /// The engine that [`Engine::to_bytes`] wrote, under the same key. A tenth of the time of building it, or less.
    ///
    /// Read the file into memory that no one else can write to.
    ///
    /// # Errors
    ///
    /// [`SavedError`] for anything else: other bytes, another version, another key, a single changed bit. Nothing is read of it then; build the engine anew.
    pub fn from_bytes(bytes: &[u8], key: &StoreKey) -> Result<Engine, SavedError> {
        let (signed, found) = bytes.split_last_chunk::<MAC>().ok_or(SavedError::NO_ENGINE)?;
        let mut from = Reader(signed);
        if from.take(MAGIC.len()) != Some(MAGIC) {
            return Err(SavedError::NO_ENGINE);
        }
        let version = |from: &mut Reader<'_>| {
            let format = from.u16()?;
            let len = from.u8()?;
            Some(format == FORMAT && from.take(len.into())? == VERSION.as_bytes())
        };
        if !version(&mut from).ok_or(SavedError::NO_ENGINE)? {
            return Err(SavedError::OTHER_VERSION);
        }
        if !bool::from(mac(key, signed).as_bytes().ct_eq(found)) {
            return Err(SavedError::OTHER_KEY);
        }
        read(from, key).ok_or(SavedError::BROKEN)
    }
}

fn read(mut from: Reader<'_>, key: &StoreKey) -> Option<Engine> {
    let (profile, limits, policy) = whole(open(&mut from, SETTINGS)?, settings::read)?;
    let rules = whole(open(&mut from, RULES)?, |from| from.list(|from| rules::read(from).map(Arc::new)))?;
    let plan = open(&mut from, TABLES)?;
    let known = if from.0.is_empty() {
        None
    } else {
        let body = Seal::of(key).open(open(&mut from, KNOWN)?)?;
        Some(whole(&body, |from| secrets::read(from, Keys::derive(key)))?)
    };
    let core = Core::new(rules, known, profile, &limits, &policy, Some(plan)).ok()?;
    from.0.is_empty().then(|| Engine { core: Arc::new(core) })
}

fn section(out: &mut Writer, tag: u8, write: impl FnOnce(&mut Writer)) {
    out.u8(tag);
    let mut body = Writer::default();
    write(&mut body);
    out.bytes(&body.0);
}

/// The body of the next section, if it is this one.
fn open<'a>(from: &mut Reader<'a>, tag: u8) -> Option<&'a [u8]> {
    if from.u8()? == tag { from.bytes() } else { None }
}

/// What all of some bytes say.
fn whole<'a, T>(body: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Option<T>) -> Option<T> {
    let mut from = Reader(body);
    let value = read(&mut from)?;
    from.0.is_empty().then_some(value)
}

fn mac(key: &StoreKey, bytes: &[u8]) -> blake3::Hash {
    let key = Zeroizing::new(key.derive("exfilter 2026-11 saved engine MAC"));
    blake3::keyed_hash(&key, bytes)
}

/// The keys of the seal.
struct Seal {
    cipher: [u8; 32],
    nonce: [u8; 32],
}

impl Seal {
    fn of(key: &StoreKey) -> Seal {
        Seal {
            cipher: key.derive("exfilter 2026-11 saved engine cipher"),
            nonce: key.derive("exfilter 2026-11 saved engine nonce"),
        }
    }

    fn seal(&self, body: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&blake3::keyed_hash(&self.nonce, body).as_bytes()[..NONCE]);
        let payload = Payload { msg: body, aad: MAGIC };
        let sealed = XChaCha20Poly1305::new(&self.cipher.into()).encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.expect("a body is far shorter than what the cipher can take");
        [&nonce[..], &sealed].concat()
    }

    fn open(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg, aad: MAGIC };
        let body = XChaCha20Poly1305::new(&self.cipher.into()).decrypt(&XNonce::from(*nonce), payload);
        body.ok().map(Zeroizing::new)
    }
}

impl Drop for Seal {
    fn drop(&mut self) {
        self.cipher.zeroize();
        self.nonce.zeroize();
    }
}
