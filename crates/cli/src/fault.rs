//! [`Fault`]: an error for a person: what, where, and what to do about it.

use std::fmt;

/// One error. Holds names, never content of scanned files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    what: String,
    place: String,
    remedy: String,
}

impl Fault {
    /// An error at a place (a path, an option, `FILE:LINE`), with what to do about it.
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) -> Fault {
        Fault { what: what.into(), place: place.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
