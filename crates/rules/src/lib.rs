//! Key-pattern rules: TOML text in, [`exfilter_engine::Rule`] out.
#![forbid(unsafe_code)]

mod builtin;
mod error;
mod format;

pub use builtin::{builtin, builtin_entries, builtin_files};
pub use error::RuleError;
pub use format::{RuleEntry, parse};
