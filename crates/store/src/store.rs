//! [`Store`]: the secrets of a person, or an export of them, and the file that keeps them.
//!
//! # Format
//!
//! ```text
//! 0    magic "EXFSTORE"             8    major version (2)      10   minor version (2)     12   suite (2)
//! 14   kind: 1 a person's, 2 an export (2)                      16   store id (16)
//! 32   key id (8)                   40   generation (8)         48   created (8)           56   expires, or 0 (8)
//! 64   nonce (24)                   88   length of the body (8)
//! 96   body: fields (see `tlv.rs`), one per record, encrypted with XChaCha20-Poly1305; bytes 0 to 96 are authenticated with it
//! ...  MAC (32): keyed BLAKE3 over everything before it
//! ```
//!
//! Numbers are little-endian. Suite 1 is BLAKE3 for sub-keys, MAC and fingerprints, and XChaCha20-Poly1305 for the body and, once more, each
//! sealed value. Beside the records, the body may hold what was derived from the sealed ones when the store was written
//! ([`KnownSecrets::derived`]), so that opening deciphers and inserts only: with the generation in which it was written, for versions that do not know the
//! section keep it as it is. Another generation, or another derivation, and it is derived anew. Nothing behind the first 96 bytes is looked at before the MAC is found right, and of those only what is needed to find the key. Names and
//! sources are in the body: that there is a `PROD_DB_PASSWORD` is a secret too.

mod derived;

use std::collections::HashSet;
use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use exfilter_engine::{KnownSecrets, Strength};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::key::{Entropy, Key, KeyId, KeyRing, Purpose};
use crate::record::{Mode, NewRecord, Record};
use crate::tlv::{self, Fields, OPTIONAL};

/// Whom a store is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The person whose secrets they are.
    Owner,
    /// Whoever was given an export and its key: a CI, a fleet.
    Recipient,
}

/// A store of known secrets, opened with its key.
///
/// # Resource usage
///
/// Everything is in memory, but no value: a sealed one is opened when it is needed, and wiped. At most [`Store::MAX_RECORDS`] records and [`Store::MAX_LEN`] bytes.
pub struct Store {
    key: Key,
    audience: Audience,
    id: [u8; 16],
    generation: u64,
    created: u64,
    expires: Option<u64>,
    records: Vec<Record>,
    /// What [`KnownSecrets::derived`] says of the sealed records as they are, in the spellings of [`Use::AtOnce`].
    derived: Option<Zeroizing<Vec<u8>>>,
    /// Sections that this version does not know and may keep as they are.
    others: Vec<(u16, Vec<u8>)>,
}

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is kept.
    New,
    /// There was another value of that name, which it replaces.
    Replaced,
    /// That value is kept under that name already.
    Unchanged,
}

/// Which records a set of known secrets is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// All of them; sealed ones with every spelling that their plaintext gives, and in pieces ([`KnownSecrets::fragments`]).
    All,
    /// All of them; sealed ones without those in base64, which are found by decoding ([`Spellings::ButBase64`](exfilter_engine::Spellings::ButBase64)). Opens fifty times as fast: what it takes is kept in the store.
    AtOnce,
    /// No sealed one: for whoever must not hold plaintext.
    FingerprintsOnly,
}

/// The least bits of a value that may leave its owner, even as a fingerprint.
const EXPORT_BITS: u32 = 112;

const MAGIC: &[u8; 8] = b"EXFSTORE";
const MAJOR: u16 = 1;
const MINOR: u16 = 0;
const SUITE: u16 = 1;
const HEAD: usize = 96;
const MAC: usize = 32;
const NONCE: usize = 24;
/// What a body has beside records.
const REST: usize = 4096;
const RECORD: u16 = 1;

impl Store {
    /// The largest store, in bytes.
    pub const MAX_LEN: usize = 64 << 20;
    /// The most records.
    pub const MAX_RECORDS: usize = 100_000;

    /// An empty store of the owner of `ring`.
    pub fn new(ring: &KeyRing, now: u64) -> Store {
        Store {
            key: ring.current().clone(),
            audience: Audience::Owner,
            id: ring.store_id(),
            generation: ring.floor(),
            created: now,
            expires: None,
            records: Vec::new(),
            derived: None,
            others: Vec::new(),
        }
    }

    /// An empty store for somebody else, under a key of its own, that ends at `expires`.
    ///
    /// # Errors
    ///
    /// Without random numbers.
    pub fn export(key: Key, now: u64, expires: u64, entropy: &mut dyn Entropy) -> Result<Store, StoreError> {
        let mut id = [0; 16];
        entropy.fill(&mut id)?;
        let (audience, expires) = (Audience::Recipient, Some(expires));
        let (generation, records, others) = (0, Vec::new(), Vec::new());
        Ok(Store { key, audience, id, generation, created: now, expires, records, derived: None, others })
    }

    /// Opens what [`Store::to_bytes`] wrote with the key of `ring` that it names.
    ///
    /// # Errors
    ///
    /// Not a store, cut off, of an unknown format, under another key, damaged, of another owner, or older than `ring` has seen.
    pub fn open(bytes: &[u8], ring: &KeyRing, now: u64) -> Result<Store, StoreError> {
        let head = Head::parse(bytes)?;
        if head.audience != Audience::Owner {
            return Err(StoreError::exported());
        }
        let key = ring.with_id(head.key).ok_or(StoreError::unknown_key())?;
        let store = Store::open_with(bytes, head, key, now)?;
        if store.id != ring.store_id() {
            return Err(StoreError::other_store());
        }
        if store.generation < ring.floor() {
            return Err(StoreError::downgraded(store.generation, ring.floor()));
        }
        Ok(store)
    }

    /// Opens an export with the key that came with it.
    ///
    /// # Errors
    ///
    /// As [`Store::open`] has it, and when it has expired.
    pub fn open_export(bytes: &[u8], key: &Key, now: u64) -> Result<Store, StoreError> {
        let head = Head::parse(bytes)?;
        if head.key != key.id() {
            return Err(StoreError::unknown_key());
        }
        if head.audience != Audience::Recipient {
            return Err(StoreError::other_store());
        }
        Store::open_with(bytes, head, key, now)
    }

    fn open_with(bytes: &[u8], head: Head, key: &Key, now: u64) -> Result<Store, StoreError> {
        let (text, mac) = bytes.split_at(bytes.len() - MAC);
        if !bool::from(mac_of(key, text).ct_eq(mac)) {
            return Err(StoreError::damaged());
        }
        if head.expires.is_some_and(|end| now >= end) {
            return Err(StoreError::expired());
        }
        let (head_bytes, body) = text.split_at(HEAD);
        let cipher = XChaCha20Poly1305::new(&(*key.derive(Purpose::Body)).into());
        let payload = Payload { msg: body, aad: head_bytes };
        let body = cipher.decrypt(&XNonce::from(head.nonce), payload).map_err(|_| StoreError::damaged())?;
        let body = Zeroizing::new(body);
        let Head { audience, store: id, generation, created, expires, .. } = head;
        let (key, records, others) = (key.clone(), Vec::new(), Vec::new());
        let mut store =
            Store { key, audience, id, generation, created, expires, records, derived: None, others };
        store.read(&body)?;
        Ok(store)
    }

    fn read(&mut self, body: &[u8]) -> Result<(), StoreError> {
        let mut sections = Fields::new(body);
        while let Some((tag, bytes)) = sections.next()? {
            match tag {
                RECORD if self.records.len() < Store::MAX_RECORDS => self.records.push(Record::parse(bytes)?),
                RECORD => return Err(StoreError::malformed("more records")),
                derived::TAG => self.read_derived(bytes),
                tag if tag & OPTIONAL != 0 => self.others.push((tag, bytes.to_vec())),
                _ => return Err(StoreError::newer()),
            }
        }
        let mut names = HashSet::with_capacity(self.records.len());
        if !self.records.iter().all(|record| names.insert(record.name())) {
            return Err(StoreError::malformed("a name twice"));
        }
        Ok(())
    }

    /// The bytes to keep: the next generation, under a fresh nonce.
    ///
    /// # Errors
    ///
    /// Too large, or without random numbers.
    pub fn to_bytes(&mut self, entropy: &mut dyn Entropy) -> Result<Vec<u8>, StoreError> {
        self.derive();
        let room = 256 * self.records.len() + self.derived.as_ref().map_or(0, |derived| derived.len());
        let mut body = Zeroizing::new(Vec::with_capacity(room));
        let mut record_bytes = Zeroizing::new(Vec::new());
        for record in &self.records {
            record_bytes.clear();
            record.write(&mut record_bytes);
            tlv::put(&mut body, RECORD, &record_bytes);
        }
        self.others.iter().for_each(|(tag, bytes)| tlv::put(&mut body, *tag, bytes));
        if body.len() > Store::MAX_LEN - REST {
            return Err(StoreError::too_large("a store has at most 64 MiB"));
        }
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce)?;
        self.generation += 1;
        self.write_derived(&mut body);
        let mut out = Vec::with_capacity(HEAD + body.len() + 16 + MAC);
        out.extend(MAGIC);
        out.extend([MAJOR, MINOR, SUITE].into_iter().flat_map(u16::to_le_bytes));
        out.extend((self.audience as u16 + 1).to_le_bytes());
        out.extend(self.id);
        out.extend(self.key.id().0);
        out.extend(
            [self.generation, self.created, self.expires.unwrap_or(0)].into_iter().flat_map(u64::to_le_bytes),
        );
        out.extend(nonce);
        out.extend((body.len() as u64 + 16).to_le_bytes());
        let cipher = XChaCha20Poly1305::new(&(*self.key.derive(Purpose::Body)).into());
        let body = cipher.encrypt(&XNonce::from(nonce), Payload { msg: &body, aad: &out });
        out.extend(body.map_err(|_| StoreError::too_large("a store"))?);
        let mac = mac_of(&self.key, &out);
        out.extend(mac);
        Ok(out)
    }

    /// Keeps a value. A name that is taken by another value is an error, unless it is to be replaced: then it is at home where the other one was, as long as the same rule knows both.
    ///
    /// # Errors
    ///
    /// The value is refused, the name is taken, something about it is too large; for an export also if the value is not strong enough to leave its owner.
    pub fn add(
        &mut self,
        new: NewRecord,
        value: &[u8],
        replace: bool,
        entropy: &mut dyn Entropy,
    ) -> Result<Added, StoreError> {
        if self.audience == Audience::Recipient {
            let strength = Strength::of(value)?;
            if strength.bits() < EXPORT_BITS || !strength.allows_fingerprint() || new.sealed || new.canary {
                return Err(StoreError::not_exportable(
                    "only fingerprints of 112 bits or more may be exported",
                ));
            }
        }
        let at = self.records.iter().position(|record| record.name() == new.name);
        if let Some(at) = at {
            let record = &self.records[at];
            let same_mode = !new.sealed || record.mode() == Mode::Sealed;
            if record.is_of(&self.key, value)? && same_mode && record.is_canary() == new.canary {
                return Ok(Added::Unchanged);
            }
            if !replace {
                return Err(StoreError::name_taken());
            }
        } else if self.records.len() == Store::MAX_RECORDS {
            return Err(StoreError::too_large("a store has at most 100 000 records"));
        }
        let mut record = Record::new(&self.key, new, value, entropy)?;
        match at {
            Some(at) => {
                self.derived = None;
                record.stay_at_home(&self.records[at]);
                self.records[at] = record;
                Ok(Added::Replaced)
            }
            None => {
                self.derived = None;
                self.records.push(record);
                Ok(Added::New)
            }
        }
    }

    /// Forgets a record, by its name or id.
    ///
    /// # Errors
    ///
    /// There is none, or several have that id.
    pub fn remove(&mut self, name: &str) -> Result<Record, StoreError> {
        let at = self.position(name)?;
        self.derived = None;
        Ok(self.records.remove(at))
    }

    /// A record, by its name or id.
    ///
    /// # Errors
    ///
    /// There is none, or several have that id.
    pub fn record_mut(&mut self, name: &str) -> Result<&mut Record, StoreError> {
        let at = self.position(name)?;
        Ok(&mut self.records[at])
    }

    /// Takes over a sealed record of the same owner's store under another key; false for a fingerprint, which only its value could move.
    ///
    /// # Errors
    ///
    /// The name is taken, the record cannot be opened, or this store is an export, which holds no value.
    pub fn take_over(
        &mut self,
        from: &Store,
        name: &str,
        entropy: &mut dyn Entropy,
    ) -> Result<bool, StoreError> {
        let record = &from.records[from.position(name)?];
        if self.audience == Audience::Recipient {
            return Err(StoreError::not_exportable("a sealed value does not leave its owner"));
        }
        if self.records.iter().any(|there| there.name() == record.name()) {
            return Err(StoreError::name_taken());
        }
        let Some(moved) = record.resealed(&from.key, &self.key, entropy)? else { return Ok(false) };
        self.derived = None;
        self.records.push(moved);
        Ok(true)
    }

    /// The same owner's empty store under another key, for moving to it.
    pub fn successor(&self, key: Key) -> Store {
        let Store { audience, id, generation, created, expires, .. } = *self;
        Store {
            key,
            audience,
            id,
            generation,
            created,
            expires,
            records: Vec::new(),
            derived: None,
            others: self.others.clone(),
        }
    }

    /// Counts on from another generation, if that is later.
    pub fn catch_up(&mut self, generation: u64) {
        self.generation = self.generation.max(generation);
    }

    /// The name under which a value is kept, if it is.
    ///
    /// # Errors
    ///
    /// A sealed record cannot be opened.
    pub fn name_of(&self, value: &[u8]) -> Result<Option<&str>, StoreError> {
        for record in &self.records {
            if record.is_of(&self.key, value)? {
                return Ok(Some(record.name()));
            }
        }
        Ok(None)
    }

    /// Whether a record, by its name or id, is of `value`.
    ///
    /// # Errors
    ///
    /// There is no such record, or it cannot be opened.
    pub fn is_of(&self, name: &str, value: &[u8]) -> Result<bool, StoreError> {
        self.records[self.position(name)?].is_of(&self.key, value)
    }

    /// The value of a sealed record, wiped on drop; none of a fingerprint.
    ///
    /// # Errors
    ///
    /// There is no such record, or it cannot be opened.
    pub fn unseal(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.records[self.position(name)?].open(&self.key)
    }

    /// What an engine looks for.
    ///
    /// # Errors
    ///
    /// A sealed record cannot be opened.
    pub fn known_secrets(&self, which: Use) -> Result<KnownSecrets, StoreError> {
        let mut secrets = self.sealed_secrets(which)?;
        for record in &self.records {
            if let Some(kept) = record.fingerprint() {
                secrets.add_fingerprint(record.name(), kept, record.homes()?);
            }
        }
        Ok(secrets)
    }

    /// The records, in the order in which they came.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Whom it is for.
    pub fn audience(&self) -> Audience {
        self.audience
    }

    /// How often it was written.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// When it was made, in seconds since 1970.
    pub fn created(&self) -> u64 {
        self.created
    }

    /// When it ends, in seconds since 1970.
    pub fn expires(&self) -> Option<u64> {
        self.expires
    }

    /// Its key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Forgets the record of that name, if there is one; an id is none.
    #[cfg(feature = "os")]
    pub(crate) fn remove_named(&mut self, name: &str) {
        self.derived = None;
        self.records.retain(|record| record.name() != name);
    }

    /// The record of that name; an id is none.
    #[cfg(feature = "os")]
    pub(crate) fn named_mut(&mut self, name: &str) -> Option<&mut Record> {
        self.records.iter_mut().find(|record| record.name() == name)
    }

    fn position(&self, name: &str) -> Result<usize, StoreError> {
        if let Some(at) = self.records.iter().position(|record| record.name() == name) {
            return Ok(at);
        }
        // Ids are short: of a hundred thousand records two may share one.
        let mut of_id = self.records.iter().enumerate().filter(|(_, record)| record.id() == name);
        let (at, _) = of_id.next().ok_or(StoreError::no_such_record())?;
        if of_id.next().is_some() {
            return Err(StoreError::ambiguous());
        }
        Ok(at)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({} records, generation {})", self.records.len(), self.generation)
    }
}

/// Whom a store says that it is for, without its key.
///
/// # Errors
///
/// Not a store, cut off, or of an unknown format.
pub fn audience_of(bytes: &[u8]) -> Result<Audience, StoreError> {
    Head::parse(bytes).map(|head| head.audience)
}

/// What stands before the body. Not to be believed before the MAC is.
struct Head {
    audience: Audience,
    store: [u8; 16],
    key: KeyId,
    generation: u64,
    created: u64,
    expires: Option<u64>,
    nonce: [u8; NONCE],
}

impl Head {
    fn parse(bytes: &[u8]) -> Result<Head, StoreError> {
        if !bytes.starts_with(MAGIC) {
            return Err(if MAGIC.starts_with(bytes) {
                StoreError::truncated()
            } else {
                StoreError::foreign()
            });
        }
        if bytes.len() > Store::MAX_LEN {
            return Err(StoreError::too_large("a store has at most 64 MiB"));
        }
        let head = bytes.get(..HEAD).ok_or(StoreError::truncated())?;
        let short = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let long = |at: usize| u64::from_le_bytes(*head[at..].first_chunk().expect("the head holds it"));
        if short(8) != MAJOR || short(12) != SUITE {
            return Err(StoreError::newer());
        }
        let audience = match short(14) {
            1 => Audience::Owner,
            2 => Audience::Recipient,
            _ => return Err(StoreError::newer()),
        };
        let rest = (bytes.len() - HEAD) as u64;
        match long(88).checked_add(MAC as u64) {
            Some(len) if len == rest => {}
            Some(len) if len > rest => return Err(StoreError::truncated()),
            _ => return Err(StoreError::damaged()),
        }
        Ok(Head {
            audience,
            store: *head[16..].first_chunk().expect("the head holds it"),
            key: KeyId(*head[32..].first_chunk().expect("the head holds it")),
            generation: long(40),
            created: long(48),
            expires: Some(long(56)).filter(|end| *end != 0),
            nonce: *head[64..].first_chunk().expect("the head holds it"),
        })
    }
}

fn mac_of(key: &Key, text: &[u8]) -> [u8; MAC] {
    *blake3::keyed_hash(&key.derive(Purpose::File), text).as_bytes()
}

/// For fuzzing: a store whose body is `body`, with a right MAC.
#[doc(hidden)]
pub fn sealed_body(ring: &KeyRing, body: &[u8]) -> Vec<u8> {
    struct Zeros;
    impl Entropy for Zeros {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
            bytes.fill(0);
            Ok(())
        }
    }
    let mut store = Store::new(ring, 0);
    let empty = store.to_bytes(&mut Zeros).expect("an empty store is written");
    let mut out = empty[..HEAD].to_vec();
    out[88..].copy_from_slice(&(body.len() as u64 + 16).to_le_bytes());
    let key = ring.current();
    let cipher = XChaCha20Poly1305::new(&(*key.derive(Purpose::Body)).into());
    let text = cipher.encrypt(&XNonce::from([0; NONCE]), Payload { msg: body, aad: &out });
    out.extend(text.expect("a short body is encrypted"));
    let mac = mac_of(key, &out);
    out.extend(mac);
    out
}
