//! [`ViewError`]: a view that could not be made.

use std::fmt;

/// Why a view could not be made. Holds no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewError {
    what: String,
}

impl ViewError {
    pub(super) fn new(what: impl Into<String>) -> ViewError {
        ViewError { what: what.into() }
    }
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for ViewError {}
