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
