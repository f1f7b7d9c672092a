//! The key in the desktop's keyring (Secret Service, Keychain, Credential Manager), instead of a file.

use std::path::Path;

use keyring::{Entry, Error};
use zeroize::Zeroizing;

use super::error::OsError;

/// The name of the program in the keyring.
const SERVICE: &str = "exfilter";

/// Whether there is a keyring that answers.
pub(crate) fn is_there(user: &str) -> bool {
    matches!(entry(user).map(|entry| entry.get_secret().map(Zeroizing::new)), Ok(Ok(_) | Err(Error::NoEntry)))
}

/// What the keyring has for `user`; none without a keyring or an entry.
pub(crate) fn read(user: &str, store: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, OsError> {
    let Ok(entry) = entry(user) else { return Ok(None) };
    match entry.get_secret() {
        Ok(secret) => Ok(Some(Zeroizing::new(secret))),
        Err(Error::NoEntry) => Ok(None),
        Err(_) => Err(locked(store)),
    }
}

/// Keeps `secret` for `user`, and looks whether it is there.
pub(crate) fn write(user: &str, secret: &[u8], store: &Path) -> Result<(), OsError> {
    let written = entry(user).and_then(|entry| {
        entry.set_secret(secret)?;
        entry.get_secret().map(Zeroizing::new)
    });
    match written {
        Ok(there) if *there == secret => Ok(()),
        _ => Err(locked(store)),
    }
}

fn entry(user: &str) -> keyring::Result<Entry> {
    Entry::new(SERVICE, user)
}

fn locked(store: &Path) -> OsError {
    OsError::exposed(
        store,
        "its key is in the keyring, which is locked or does not answer",
        "unlock the keyring",
    )
}
