//! Errors of building and parsing. Scanning has none.

use std::fmt;

/// Why an [`Engine`](crate::Engine) could not be built. Names the rule or the secret, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    subject: String,
    message: String,
}

impl BuildError {
    pub(crate) fn rule(id: &str, message: impl Into<String>) -> BuildError {
        BuildError { subject: format!("rule {id}"), message: message.into() }
    }

    pub(crate) fn engine(message: impl Into<String>) -> BuildError {
        BuildError { subject: "engine".into(), message: message.into() }
    }

    /// What could not be built: `rule github-pat`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What is wrong with it and what to write instead.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)
    }
}

impl std::error::Error for BuildError {}

/// Why an authority, host pattern or slot was refused. Never repeats the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    message: &'static str,
}

impl ParseError {
    pub(crate) const fn new(message: &'static str) -> ParseError {
        ParseError { message }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for ParseError {}

/// Why a saved engine could not be written or read. Says nothing of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedError {
    message: &'static str,
}

impl SavedError {
    pub(crate) const NO_ENGINE: SavedError = SavedError { message: "these bytes are no saved engine" };
    pub(crate) const OTHER_VERSION: SavedError =
        SavedError { message: "the engine was saved by another version; build it anew and save that" };
    pub(crate) const OTHER_KEY: SavedError = SavedError {
        message: "the engine was made under another key, or its bytes were changed; build it anew with this key",
    };
    pub(crate) const BROKEN: SavedError =
        SavedError { message: "what was saved makes no engine, though its MAC is right; build it anew" };
    pub(crate) const OTHER_DERIVATION: SavedError = SavedError {
        message: "what was derived of known secrets is of another version, key or set; enrol the values anew",
    };
}

impl fmt::Display for SavedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for SavedError {}
