//! Where the store is, and the known secrets that a scan takes from it.

use std::path::{Path, PathBuf};

use exfilter::{Binding, HostPattern, KnownSecrets, Slot};
use exfilter_store::os::{Edit, Home, Opened, OsError, harden, now, read_private, read_store};
use exfilter_store::{Audience, Key, Store, StoreError, Use, audience_of};

use super::args::PlaceArgs;
use crate::fault::Fault;
use crate::text::{self, escape, path_bytes};

/// The variable that holds the key of an export.
pub(crate) const KEY_VARIABLE: &str = "EXFILTER_STORE_KEY";

/// Where the store is.
pub(crate) struct Place {
    home: Home,
}

impl Place {
    /// The place that the arguments name, or the usual one.
    ///
    /// # Errors
    ///
    /// There is no usual one.
    pub(crate) fn of(args: &PlaceArgs) -> Result<Place, Fault> {
        let home = match (&args.store, &args.key) {
            (Some(store), Some(key)) => Home::new(store.clone(), key.clone()),
            (Some(store), None) => Home::beside(store.clone()),
            (None, _) => usual().ok_or_else(|| {
                Fault::new("--store", "no usual place: neither HOME nor XDG_DATA_HOME is set", "name a file")
            })?,
        };
        Ok(Place { home })
    }

    /// Opens the store.
    ///
    /// # Errors
    ///
    /// It cannot be opened.
    pub(crate) fn load(&self) -> Result<Opened, Fault> {
        self.home.load().map_err(|error| fault(&error))
    }

    /// Opens the store for a change, or makes one.
    ///
    /// # Errors
    ///
    /// It cannot be opened or made.
    pub(crate) fn edit(&self) -> Result<Edit, Fault> {
        self.home.edit().map_err(|error| fault(&error))
    }

    /// Where it is.
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// The store's path, to be printed.
    pub(crate) fn name(&self) -> String {
        shown(self.home.store_path())
    }
}

/// The usual place.
fn usual() -> Option<Home> {
    Home::usual(|name| std::env::var_os(name))
}

/// A path, to be printed.
pub(crate) fn shown(path: &Path) -> String {
    text::shorten(&escape(path_bytes(path))).into_owned()
}

/// What went wrong with a file.
pub(crate) fn fault(error: &OsError) -> Fault {
    Fault::new(shown(error.path()), format!("{}: {error}", error.code()), error.remedy())
}

/// What went wrong with a secret of that name. The codes of refusals are in their texts.
pub(crate) fn secret_fault(name: &str, error: &StoreError) -> Fault {
    let name = text::shorten(&escape(name.as_bytes())).into_owned();
    match error.refusal() {
        Some(refusal) => Fault::new(name, refusal.to_string(), ""),
        None => Fault::new(name, format!("{}: {error}", error.code()), error.remedy()),
    }
}

/// Which store a scan takes known secrets from.
pub(crate) enum Choice<'a> {
    /// None.
    No,
    /// The usual one, if there is one.
    IfThere,
    /// The usual one.
    Usual,
    /// This one.
    At(&'a Path),
}

impl<'a> Choice<'a> {
    /// What `--store[=FILE]` and `--no-store` ask for.
    pub(crate) fn of(store: Option<&'a Option<PathBuf>>, none: bool) -> Choice<'a> {
        match store {
            _ if none => Choice::No,
            None => Choice::IfThere,
            Some(None) => Choice::Usual,
            Some(Some(path)) => Choice::At(path),
        }
    }
}

/// Known secrets from a store.
pub(crate) struct FromStore {
    /// The secrets, for the engine.
    pub(crate) secrets: KnownSecrets,
    /// What they were taken from, to be printed.
    pub(crate) note: String,
}

/// The known secrets that a scan looks for.
///
/// # Errors
///
/// The store is there, or was asked for, and cannot be opened.
pub(crate) fn known(choice: &Choice<'_>) -> Result<Option<FromStore>, Fault> {
    let Some((store, home)) = stored(choice)? else { return Ok(None) };
    let path = home.store_path();
    let secrets = store.known_secrets(Use::AtOnce).map_err(|error| secret_fault(&shown(path), &error))?;
    let count = text::count(secrets.len() as u64, "known secret", "known secrets");
    let note = format!("looking for {count} of {} too; --no-store leaves them out", shown(path));
    Ok(Some(FromStore { secrets, note }))
}

/// The store that is asked for, and where it is; none if none is, or the usual one is not there.
///
/// # Errors
///
/// The store is there, or was asked for, and cannot be opened.
pub(crate) fn stored(choice: &Choice<'_>) -> Result<Option<(Store, Home)>, Fault> {
    let home = match choice {
        Choice::No => return Ok(None),
        Choice::At(path) => Home::beside(path.to_path_buf()),
        Choice::IfThere | Choice::Usual => match usual() {
            Some(home) if home.exists() || matches!(choice, Choice::Usual) => home,
            Some(_) => return Ok(None),
            None if matches!(choice, Choice::IfThere) => return Ok(None),
            None => {
                return Err(Fault::new(
                    "--store",
                    "no usual place: neither HOME nor XDG_DATA_HOME is set",
                    "name it",
                ));
            }
        },
    };
    // Its key, and what is sealed in it, are in this process's memory from here on.
    harden();
    let store = match exported(&home)? {
        Some(store) => store,
        None => home.load().map_err(|error| fault(&error))?.store,
    };
    Ok(Some((store, home)))
}

/// The store if it is an export, opened with the key that came with it.
fn exported(home: &Home) -> Result<Option<Store>, Fault> {
    let path = home.store_path();
    let Some(bytes) = read_store(path).map_err(|error| fault(&error))? else { return Ok(None) };
    if !matches!(audience_of(&bytes), Ok(Audience::Recipient)) {
        return Ok(None);
    }
    let key = export_key(home.key_path())?;
    let store = Store::open_export(&bytes, &key, now());
    store.map(Some).map_err(|error| secret_fault(&shown(path), &error))
}

/// The key of an export: in a variable, or a file that only its owner can read.
fn export_key(file: &Path) -> Result<Key, Fault> {
    if let Some(text) = std::env::var_os(KEY_VARIABLE) {
        let text = zeroize::Zeroizing::new(text.into_encoded_bytes());
        return Key::from_text(&text).map_err(|error| secret_fault(KEY_VARIABLE, &error));
    }
    let text = read_private(file, 80).map_err(|error| fault(&error))?;
    let text = text.ok_or_else(|| {
        let what = format!("the store is an export, and there is neither {KEY_VARIABLE} nor this file");
        Fault::new(shown(file), what, "give the key that was written with the export")
    })?;
    Key::from_text(&text).map_err(|error| secret_fault(&shown(file), &error))
}

/// The absolute form of a path, so that it can be read again from anywhere.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// Hosts and slots as the store and the rules keep them, which checked each.
pub(crate) fn bindings(places: &[(String, String)]) -> Vec<Binding> {
    let parsed = |(host, slot): &(String, String)| {
        let (host, slot) = (HostPattern::parse(host.as_bytes()).ok()?, Slot::parse(slot.as_bytes()).ok()?);
        Some(Binding { host, slot })
    };
    places.iter().filter_map(parsed).collect()
}
