//! [`OsError`]: what went wrong with which file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// Why a store or its key could not be read or written. What was there before still is.
#[derive(Debug)]
pub struct OsError {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Io(&'static str, io::Error),
    Store(StoreError),
    Open(&'static str, &'static str),
    NoKey,
    NoStore,
    Rotating,
}

impl OsError {
    pub(crate) fn io(path: &Path, action: &'static str, error: io::Error) -> OsError {
        OsError { path: path.into(), kind: Kind::Io(action, error) }
    }

    pub(crate) fn store(path: &Path, error: StoreError) -> OsError {
        OsError { path: path.into(), kind: Kind::Store(error) }
    }

    /// A file that others could read or write.
    pub(crate) fn exposed(path: &Path, what: &'static str, remedy: &'static str) -> OsError {
        OsError { path: path.into(), kind: Kind::Open(what, remedy) }
    }

    pub(crate) fn no_key(path: &Path) -> OsError {
        OsError { path: path.into(), kind: Kind::NoKey }
    }

    pub(crate) fn no_store(path: &Path) -> OsError {
        OsError { path: path.into(), kind: Kind::NoStore }
    }

    pub(crate) fn not_rotating(path: &Path) -> OsError {
        OsError { path: path.into(), kind: Kind::Rotating }
    }

    /// The file. Its name may hold anything.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A stable code: `E_IO`, `E_MODE`, `E_NOKEY`, `E_NOSTORE`, `E_ROTATING`, or that of a [`StoreError`].
    pub fn code(&self) -> &'static str {
        match &self.kind {
            Kind::Io(..) => "E_IO",
            Kind::Store(error) => error.code(),
            Kind::Open(..) => "E_MODE",
            Kind::NoKey => "E_NOKEY",
            Kind::NoStore => "E_NOSTORE",
            Kind::Rotating => "E_ROTATING",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match &self.kind {
            Kind::Io(..) => "check the path and who may write there",
            Kind::Store(error) => error.remedy(),
            Kind::Open(_, remedy) => remedy,
            Kind::NoKey => "put a backup of the key there; without it the store cannot be read",
            Kind::NoStore => "make one with `exfilter secrets add` or `exfilter secrets enroll`",
            Kind::Rotating => "begin one with `exfilter secrets rotate-key`",
        }
    }
}

impl fmt::Display for OsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Io(action, error) => write!(f, "it cannot be {action}: {error}"),
            Kind::Store(error) => write!(f, "{error}"),
            Kind::Open(what, _) => f.write_str(what),
            Kind::NoKey => f.write_str("the store is there, and its key is not"),
            Kind::NoStore => f.write_str("there is no store"),
            Kind::Rotating => f.write_str("no rotation of the key is under way"),
        }
    }
}

impl std::error::Error for OsError {}
