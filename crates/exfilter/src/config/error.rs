//! [`ConfigError`]: what is wrong with a policy file, and what to write instead.

use std::fmt;

/// A fault in a policy file: the file, the line, the field and the remedy. Repeats no value.
///
/// Displayed as `policy.toml:7: actions.high: is no action; write "allow", "report", "redact" or "block"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    file: String,
    line: usize,
    field: String,
    message: String,
}

impl ConfigError {
    pub(super) fn new(file: &str, line: usize, field: String, message: String) -> ConfigError {
        ConfigError { file: file.into(), line, field, message }
    }

    /// The name under which the text was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The field with its tables, as in `actions.high`; empty where the text is not TOML.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong and what to write instead.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}
