//! [`RuleError`]: what is wrong with a rule file, and what to write instead.

use std::fmt;

/// A fault in a rule file. It has the file, the line, the field and the remedy.
///
/// Displayed as `rules/acme.toml:7: pattern: has no upper bound; write {20,200} instead of {20,}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    file: String,
    line: usize,
    field: String,
    message: String,
}

impl RuleError {
    pub(crate) fn new(file: &str, line: usize, field: &str, message: impl Into<String>) -> RuleError {
        RuleError { file: file.into(), line, field: field.into(), message: message.into() }
    }

    /// The name under which the text was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The field, or the name that was not known; empty where the text is not TOML.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong and what to write instead.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for RuleError {}
