//! [`Key`]: the 256 bits that a store depends on. [`KeyRing`]: the keys of one store, and how far it has come.

use std::fmt;

use exfilter_engine::StoreKey;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::error::StoreError;

/// Where random numbers come from; a library has none of its own.
pub trait Entropy {
    /// Fills `bytes` with random numbers that nobody can foresee.
    ///
    /// # Errors
    ///
    /// [`StoreError::no_entropy`].
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StoreError>;
}

/// The key of a store. Wiped on drop; on the heap, so that no copy stays behind where it was moved from.
pub struct Key(Box<[u8; 32]>);

/// Which key a store was written with: eight bytes that say nothing else about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId(pub(crate) [u8; 8]);

impl Key {
    /// A fresh key.
    ///
    /// # Errors
    ///
    /// Without random numbers.
    pub fn generate(entropy: &mut dyn Entropy) -> Result<Key, StoreError> {
        let mut key = Key(Box::new([0; 32]));
        entropy.fill(&mut key.0[..])?;
        Ok(key)
    }

    /// Takes a key of exactly 32 bytes; the caller wipes its own copy.
    ///
    /// # Errors
    ///
    /// For any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Key, StoreError> {
        let mut key = Key(Box::new([0; 32]));
        if bytes.len() != key.0.len() {
            return Err(StoreError::bad_key("a key has exactly 32 bytes"));
        }
        key.0.copy_from_slice(bytes);
        Ok(key)
    }

    /// Reads a key of 64 hexadecimal digits, as [`Key::to_text`] writes it; blanks around it are passed over.
    ///
    /// # Errors
    ///
    /// For anything else.
    pub fn from_text(text: &[u8]) -> Result<Key, StoreError> {
        let digits = text.trim_ascii();
        let mut key = Key(Box::new([0; 32]));
        let bad = || StoreError::bad_key("a key is written as 64 hexadecimal digits");
        if digits.len() != 64 {
            return Err(bad());
        }
        for (byte, pair) in key.0.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16).ok_or_else(bad);
            *byte = (digit(0)? << 4 | digit(1)?) as u8;
        }
        Ok(key)
    }

    /// The key as 64 hexadecimal digits, for the secret variable of a CI. Wiped on drop.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(64));
        for byte in self.0.iter() {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).expect("four bits are a digit"));
            }
        }
        text
    }

    /// Which key it is.
    pub fn id(&self) -> KeyId {
        let mut id = [0; 8];
        id.copy_from_slice(&self.derive(Purpose::Id)[..8]);
        KeyId(id)
    }

    /// The key under which an engine fingerprints.
    pub fn engine_key(&self) -> StoreKey {
        StoreKey::from_bytes(&self.derive(Purpose::Fingerprints)[..]).expect("32 bytes were derived")
    }

    /// What stands for a name in an exported store: the same for the same name and key, and telling nothing of it.
    pub fn label(&self, name: &str) -> String {
        const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let hash = blake3::keyed_hash(&self.derive(Purpose::Labels), name.as_bytes());
        let text: String =
            hash.as_bytes()[..12].iter().map(|b| char::from(DIGITS[usize::from(b & 31)])).collect();
        format!("secret-{text}")
    }

    /// A sub-key. No two purposes share one.
    pub(crate) fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; 32]> {
        let context = match purpose {
            Purpose::Id => "exfilter 2026-11 store: key id",
            Purpose::Fingerprints => "exfilter 2026-11 store: fingerprints",
            Purpose::File => "exfilter 2026-11 store: MAC of the file",
            Purpose::Body => "exfilter 2026-11 store: cipher of the body",
            Purpose::Seal => "exfilter 2026-11 store: cipher of a sealed value",
            Purpose::Labels => "exfilter 2026-11 store: labels",
        };
        Zeroizing::new(blake3::derive_key(context, &self.0[..]))
    }

    /// The bytes, for locking them into memory.
    #[cfg(feature = "os")]
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What a sub-key is for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Id,
    Fingerprints,
    File,
    Body,
    Seal,
    Labels,
}

impl Clone for Key {
    fn clone(&self) -> Key {
        Key(Box::new(*self.0))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.0.ct_eq(&other.0[..]).into()
    }
}

impl Eq for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The keys of a store: one, or two while it is being moved to another one; and the latest generation of it that was seen, so that an older file in
/// its place is noticed.
///
/// ```text
/// 0   magic "EXFKEYS1"   8  number of keys (1)   9  zeros (7)   16  store id (16)   32  generation (8)   40  keys (32 each) | checksum (8)
/// ```
///
/// Numbers are little-endian. The checksum, the beginning of BLAKE3 over all before it, tells damage from a wrong key; it is no MAC, for whoever can
/// write the file has the key.
#[derive(Debug)]
pub struct KeyRing {
    keys: Vec<Key>,
    store: [u8; 16],
    floor: u64,
}

const MAGIC: &[u8; 8] = b"EXFKEYS1";
const HEAD: usize = 40;
const KEY: usize = 32;
const CHECKSUM: usize = 8;
/// The most keys: the one in use and the next one.
const KEYS_MAX: usize = 2;

impl KeyRing {
    /// The longest encoded ring, in bytes.
    pub const MAX_LEN: usize = HEAD + KEYS_MAX * KEY + CHECKSUM;

    /// A fresh key for a store that is to come.
    ///
    /// # Errors
    ///
    /// Without random numbers.
    pub fn generate(entropy: &mut dyn Entropy) -> Result<KeyRing, StoreError> {
        let mut ring = KeyRing { keys: vec![Key::generate(entropy)?], store: [0; 16], floor: 0 };
        entropy.fill(&mut ring.store)?;
        Ok(ring)
    }

    /// Reads what [`KeyRing::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// For anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<KeyRing, StoreError> {
        if !bytes.starts_with(MAGIC) {
            return Err(StoreError::bad_key("not a key of exfilter"));
        }
        let count = usize::from(*bytes.get(8).unwrap_or(&0));
        if count == 0 || count > KEYS_MAX || bytes.len() != HEAD + count * KEY + CHECKSUM {
            return Err(StoreError::bad_key("the key is cut off or damaged"));
        }
        let (body, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
        if blake3::hash(body).as_bytes()[..CHECKSUM] != *checksum {
            return Err(StoreError::bad_key("the key is damaged"));
        }
        let keys = body[HEAD..].chunks_exact(KEY).map(Key::from_bytes).collect::<Result<Vec<_>, _>>()?;
        let mut store = [0; 16];
        store.copy_from_slice(&body[16..32]);
        let mut floor = [0; 8];
        floor.copy_from_slice(&body[32..40]);
        Ok(KeyRing { keys, store, floor: u64::from_le_bytes(floor) })
    }

    /// The bytes to keep, where nobody else can read them. Wiped on drop.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(KeyRing::MAX_LEN));
        out.extend(MAGIC);
        out.push(self.keys.len() as u8);
        out.extend([0; 7]);
        out.extend(self.store);
        out.extend(self.floor.to_le_bytes());
        self.keys.iter().for_each(|key| out.extend(&key.0[..]));
        let checksum = blake3::hash(&out);
        out.extend(&checksum.as_bytes()[..CHECKSUM]);
        out
    }

    /// The key in use.
    pub fn current(&self) -> &Key {
        &self.keys[0]
    }

    /// The key that the store is being moved to, if it is.
    pub fn next(&self) -> Option<&Key> {
        self.keys.get(1)
    }

    /// Takes a key that the store is to be moved to; one that was there before is forgotten.
    pub fn begin_rotation(&mut self, next: Key) {
        self.keys.truncate(1);
        self.keys.push(next);
    }

    /// The store has the next key: forgets the other one.
    pub fn end_rotation(&mut self) {
        if self.keys.len() > 1 {
            self.keys.remove(0);
        }
    }

    /// The store has been seen in `generation`: true if that was new.
    pub fn note(&mut self, generation: u64) -> bool {
        let is_new = generation > self.floor;
        self.floor = self.floor.max(generation);
        is_new
    }

    pub(crate) fn with_id(&self, id: KeyId) -> Option<&Key> {
        self.keys.iter().find(|key| key.id() == id)
    }

    pub(crate) fn store_id(&self) -> [u8; 16] {
        self.store
    }

    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }
}
