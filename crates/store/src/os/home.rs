//! [`Home`]: a store and its key on the disk, read, edited under a lock, and moved to another key.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::OsError;
use super::health::{self, Health};
use super::keyfile::{make_folder, read_private, write_private};
use super::replace::Step;
use super::{SystemEntropy, now};
use crate::error::StoreError;
use crate::key::{Key, KeyRing};
use crate::record::{NewRecord, Record};
use crate::store::{Added, Audience, Store};

/// Where a store and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    store: PathBuf,
    key: PathBuf,
    /// The name under which a keyring may have the key.
    keyring: Option<String>,
}

/// A store that has been read, and its key.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    ring: KeyRing,
    next: Option<Store>,
    health: Health,
}

/// A store that is being changed: nobody else can, until it is committed or dropped.
#[derive(Debug)]
pub struct Edit {
    home: Home,
    opened: Opened,
    /// Whether there was a store before.
    existed: bool,
    _lock: File,
}

/// How often a store and a key that do not belong together are read again.
const READ_AGAIN: usize = 4;

/// How far a rotation of the key has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Names of the records that the next store has.
    pub moved: Vec<String>,
    /// Names of those whose values it still needs.
    pub missing: Vec<String>,
}

/// Where the file system is asked to fail: which of the files, and at which step.
type Hook<'a> = &'a mut dyn FnMut(&Path, Step) -> io::Result<()>;

impl Home {
    /// A store at a place of its own, with its key beside it: `PATH.key`.
    pub fn beside(store: PathBuf) -> Home {
        let mut key = OsString::from(&store);
        key.push(".key");
        Home::new(store, key.into())
    }

    /// A store and a key.
    pub fn new(store: PathBuf, key: PathBuf) -> Home {
        Home { store, key, keyring: None }
    }

    /// The usual place, from the variables that `variable` knows; none without a home. The key may be in the desktop's keyring, if this was built with the
    /// feature `keyring`: it is put there if a keyring answers when the store is made, and a key file always comes first.
    pub fn usual(variable: impl Fn(&str) -> Option<OsString>) -> Option<Home> {
        let home = variable("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let under = |name: &str, folder: &str| {
            let set = variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
            set.or_else(|| home.as_ref().map(|home| home.join(folder)))
        };
        let store = under("XDG_DATA_HOME", ".local/share")?.join("exfilter/store");
        let key = under("XDG_STATE_HOME", ".local/state")?.join("exfilter/store.key");
        let keyring = cfg!(feature = "keyring").then(|| format!("store {}", store.display()));
        Some(Home { store, key, keyring })
    }

    /// The store's path.
    pub fn store_path(&self) -> &Path {
        &self.store
    }

    /// The key's path.
    pub fn key_path(&self) -> &Path {
        &self.key
    }

    /// Whether the key is in a keyring, and in no file.
    pub fn is_key_in_keyring(&self) -> bool {
        self.keyring.is_some() && self.key.symlink_metadata().is_err() && self.exists()
    }

    /// Whether there is a store.
    pub fn exists(&self) -> bool {
        self.store.symlink_metadata().is_ok()
    }

    /// Opens the store.
    ///
    /// # Errors
    ///
    /// There is none, or no key to it, others can read the key, or any of [`Store::open`]'s.
    pub fn load(&self) -> Result<Opened, OsError> {
        let mut read = self.read();
        for _ in 0..READ_AGAIN {
            // A store and the key file that was written after the next one, or before: whoever changes it replaces both, and nobody waits for that, who may be asked for a value.
            match &read {
                Err(error) if matches!(error.code(), "E_DOWNGRADED" | "E_KEY") => read = self.read(),
                _ => break,
            }
        }
        read?.ok_or_else(|| OsError::no_store(&self.store))
    }

    /// Opens the store for a change, or makes one with a new key. Waits for whoever is changing it.
    ///
    /// # Errors
    ///
    /// As [`Home::load`] has it, and those of the file system.
    pub fn edit(&self) -> Result<Edit, OsError> {
        make_folder(&self.store)?;
        let lock = self.lock()?;
        if let Some(opened) = self.read()? {
            return Ok(Edit { home: self.clone(), opened, existed: true, _lock: lock });
        }
        let ring = match self.read_ring()? {
            // The key of a store that was removed, or was never written: it is kept, with what it has seen.
            Some(ring) => ring,
            None => {
                KeyRing::generate(&mut SystemEntropy).map_err(|error| OsError::store(&self.key, error))?
            }
        };
        let store = Store::new(&ring, now());
        let health = Health::of(&ring, &[store.key()], health::is_hardened());
        let opened = Opened { store, ring, next: None, health };
        Ok(Edit { home: self.clone(), opened, existed: false, _lock: lock })
    }

    fn read(&self) -> Result<Option<Opened>, OsError> {
        let Some(bytes) = read_store(&self.store)? else { return Ok(None) };
        // A wrong store is told of before a missing key: with the one of another, that key would not help.
        let audience = crate::store::audience_of(&bytes).and_then(|audience| match audience {
            Audience::Owner => Ok(()),
            Audience::Recipient => Err(StoreError::exported()),
        });
        audience.map_err(|error| OsError::store(&self.store, error))?;
        let mut ring = self.read_ring()?.ok_or_else(|| OsError::no_key(&self.key))?;
        let store = Store::open(&bytes, &ring, now()).map_err(|error| OsError::store(&self.store, error))?;
        if ring.next().is_some_and(|key| store.key() == key) {
            // A rotation was interrupted when the store had its new key already.
            ring.end_rotation();
        }
        let path = self.next_path();
        let next = match ring.next().and(read_store(&path)?) {
            Some(bytes) => match Store::open(&bytes, &ring, now()) {
                // Of an earlier rotation, which was interrupted before this one began.
                Err(error) if error.code() == "E_KEY" => None,
                next => Some(next.map_err(|error| OsError::store(&path, error))?),
            },
            None => None,
        };
        let mut keys = vec![store.key()];
        keys.extend(next.as_ref().map(Store::key));
        let health = Health::of(&ring, &keys, health::is_hardened());
        Ok(Some(Opened { store, ring, next, health }))
    }

    fn read_ring(&self) -> Result<Option<KeyRing>, OsError> {
        let bytes = match read_private(&self.key, KeyRing::MAX_LEN)? {
            Some(bytes) => Some(bytes),
            None => self.read_keyring()?,
        };
        let ring = bytes.map(|bytes| KeyRing::from_bytes(&bytes)).transpose();
        ring.map_err(|error| OsError::store(&self.key, error))
    }

    fn write_ring(&self, ring: &KeyRing, hook: Hook<'_>) -> Result<(), OsError> {
        let bytes = ring.to_bytes();
        if self.write_keyring(&bytes)? {
            return Ok(());
        }
        write_private(&self.key, &bytes, &mut |step| hook(&self.key, step))
    }

    #[cfg(feature = "keyring")]
    fn read_keyring(&self) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, OsError> {
        self.keyring.as_ref().map_or(Ok(None), |user| super::keyring::read(user, &self.store))
    }

    #[cfg(not(feature = "keyring"))]
    fn read_keyring(&self) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, OsError> {
        Ok(None)
    }

    /// False if the key belongs into a file.
    #[cfg(feature = "keyring")]
    fn write_keyring(&self, bytes: &[u8]) -> Result<bool, OsError> {
        let Some(user) = &self.keyring else { return Ok(false) };
        // Of a store that is there, a key that is in no file is in the keyring, whether that answers or not.
        if self.key.symlink_metadata().is_ok() || !(self.exists() || super::keyring::is_there(user)) {
            return Ok(false);
        }
        super::keyring::write(user, bytes, &self.store).map(|()| true)
    }

    #[cfg(not(feature = "keyring"))]
    fn write_keyring(&self, _bytes: &[u8]) -> Result<bool, OsError> {
        Ok(false)
    }

    fn next_path(&self) -> PathBuf {
        let mut path = OsString::from(&self.store);
        path.push(".next");
        path.into()
    }

    fn lock(&self) -> Result<File, OsError> {
        let mut path = OsString::from(&self.store);
        path.push(".lock");
        let path = PathBuf::from(path);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| OsError::io(&path, "opened", error))?;
        file.lock().map_err(|error| OsError::io(&path, "locked", error))?;
        Ok(file)
    }
}

impl Opened {
    /// What protects the keys in memory.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// How far a rotation of the key has come, if one is under way.
    pub fn rotation(&self) -> Option<Rotation> {
        let next = self.next.as_ref()?;
        let has = |name: &str| next.records().iter().any(|record| record.name() == name);
        let names = self.store.records().iter().map(|record| record.name().to_owned());
        let (moved, missing) = names.partition(|name| has(name));
        Some(Rotation { moved, missing })
    }
}

impl Edit {
    /// The store as it is so far.
    pub fn store(&self) -> &Store {
        &self.opened.store
    }

    /// What protects the keys in memory.
    pub fn health(&self) -> &Health {
        &self.opened.health
    }

    /// Whether there was a store before this change.
    pub fn existed(&self) -> bool {
        self.existed
    }

    /// How far a rotation of the key has come, if one is under way.
    pub fn rotation(&self) -> Option<Rotation> {
        self.opened.rotation()
    }

    /// Keeps a value, under both keys while the key is being rotated.
    ///
    /// # Errors
    ///
    /// As [`Store::add`] has it.
    pub fn add(&mut self, new: NewRecord, value: &[u8], replace: bool) -> Result<Added, StoreError> {
        let added = self.opened.store.add(new.clone(), value, replace, &mut SystemEntropy)?;
        if let Some(next) = &mut self.opened.next {
            next.add(new, value, true, &mut SystemEntropy)?;
        }
        Ok(added)
    }

    /// Forgets a record.
    ///
    /// # Errors
    ///
    /// There is none of that name or id.
    pub fn remove(&mut self, name: &str) -> Result<Record, StoreError> {
        let removed = self.opened.store.remove(name)?;
        if let Some(next) = &mut self.opened.next {
            // It may not have been found yet.
            next.remove_named(removed.name());
        }
        Ok(removed)
    }

    /// Changes a record in the store, and in the one that it is being moved to.
    ///
    /// # Errors
    ///
    /// There is none of that name or id, or those of `change`.
    pub fn change<T>(
        &mut self,
        name: &str,
        change: impl Fn(&mut Record) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let record = self.opened.store.record_mut(name)?;
        let name = record.name().to_owned();
        let done = change(record)?;
        if let Some(record) = self.opened.next.as_mut().and_then(|next| next.named_mut(&name)) {
            change(record)?;
        }
        Ok(done)
    }

    /// Begins to move the store to a new key, or goes on if that has begun: takes over what is sealed, and what `reread` has the value of among
    /// those that it offers.
    ///
    /// Fingerprints need their values. Until all are found, or given up with [`Edit::finish_rotation`], the store stays as it is, under its key, and
    /// both keys are kept.
    ///
    /// # Errors
    ///
    /// Without random numbers, or if a sealed record cannot be opened.
    pub fn rotate(
        &mut self,
        mut reread: impl FnMut(&Record) -> Vec<zeroize::Zeroizing<Vec<u8>>>,
    ) -> Result<Rotation, StoreError> {
        let Opened { store, ring, next, .. } = &mut self.opened;
        if next.is_none() {
            let key = Key::generate(&mut SystemEntropy)?;
            *next = Some(store.successor(key.clone()));
            ring.begin_rotation(key);
        }
        let next = next.as_mut().expect("it has just been made");
        for record in store.records() {
            if next.records().iter().any(|there| there.name() == record.name()) {
                continue;
            }
            if next.take_over(store, record.name(), &mut SystemEntropy)? {
                continue;
            }
            // Another value under the same name is not the one that was enrolled.
            let same =
                |value: &zeroize::Zeroizing<Vec<u8>>| record.is_of(store.key(), value).unwrap_or(false);
            if let Some(value) = reread(record).into_iter().find(same) {
                let mut new = NewRecord::new(record.name(), record.source().clone(), record.created());
                new.rule = record.rule().map(String::from);
                new.class = record.class();
                new.bindings = record.bindings().to_vec();
                next.add(new, &value, false, &mut SystemEntropy)?;
            }
        }
        Ok(self.opened.rotation().expect("a rotation is under way"))
    }

    /// Ends a rotation: the next store takes the place of this one, without the records that it has no value of.
    ///
    /// # Errors
    ///
    /// None is under way, or those of the file system. The old store is intact, or the new one is in its place.
    pub fn finish_rotation(self, hook: Hook<'_>) -> Result<(), OsError> {
        let Edit { home, opened, .. } = self;
        let Opened { store, mut ring, next, .. } = opened;
        let mut next = next.ok_or_else(|| OsError::not_rotating(&home.store))?;
        next.catch_up(store.generation());
        // With both keys on the disk, whichever store is there can be read.
        home.write_ring(&ring, hook)?;
        let bytes = next.to_bytes(&mut SystemEntropy).map_err(|error| OsError::store(&home.store, error))?;
        write_private(&home.store, &bytes, &mut |step| hook(&home.store, step))?;
        ring.end_rotation();
        ring.note(next.generation());
        home.write_ring(&ring, hook)?;
        match std::fs::remove_file(home.next_path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(OsError::io(&home.next_path(), "removed", error))
            }
            _ => Ok(()),
        }
    }

    /// Writes the changed store.
    ///
    /// # Errors
    ///
    /// Those of the file system; the old store is intact, or the new one is in its place.
    pub fn commit(self) -> Result<(), OsError> {
        self.commit_with(&mut |_, _| Ok(()))
    }

    /// The same, with a hook at every step of every file.
    ///
    /// # Errors
    ///
    /// As [`Edit::commit`] has it, and those of the hook.
    pub fn commit_with(self, hook: Hook<'_>) -> Result<(), OsError> {
        let Edit { home, opened, existed, .. } = self;
        let Opened { mut store, mut ring, next, .. } = opened;
        if !existed || next.is_some() {
            // A key that is lost when its store is there is worse than one without a store.
            home.write_ring(&ring, hook)?;
        }
        if let Some(mut next) = next {
            let path = home.next_path();
            // Whoever opens it compares with what has been seen of this one.
            next.catch_up(store.generation() + 1);
            let bytes = next.to_bytes(&mut SystemEntropy).map_err(|error| OsError::store(&path, error))?;
            write_private(&path, &bytes, &mut |step| hook(&path, step))?;
        }
        let bytes = store.to_bytes(&mut SystemEntropy).map_err(|error| OsError::store(&home.store, error))?;
        write_private(&home.store, &bytes, &mut |step| hook(&home.store, step))?;
        ring.note(store.generation());
        home.write_ring(&ring, hook)
    }
}

/// The bytes of a store, of the longest that one may be and one more; none if there is no file. Never waits for a writer.
///
/// # Errors
///
/// It is no regular file, or cannot be read.
pub fn read_store(path: &Path) -> Result<Option<Vec<u8>>, OsError> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        // Whoever opens a FIFO waits for its writer.
        let flags = rustix::fs::OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits() as i32);
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OsError::io(path, "opened", error)),
    };
    let meta = file.metadata().map_err(|error| OsError::io(path, "looked at", error))?;
    if !meta.is_file() {
        return Err(OsError::exposed(path, "the store is no regular file", "put a regular file there"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0).min(Store::MAX_LEN + 1));
    let read = file.take(Store::MAX_LEN as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| OsError::io(path, "read", error))?;
    Ok(Some(bytes))
}
