//! Where credentials are kept: the [`table`], and how a file is recognised by its path.

mod glob;
mod index;
mod overrides;
mod table;

use crate::advice::Advice;
use crate::format::Format;
use crate::grant::{FieldSpec, GITHUB_LOGIN, Grant};

pub(crate) use glob::matches;
pub(crate) use index::Index;
pub(crate) use overrides::{FILES, FOLDERS};
pub(crate) use table::PLACES;

/// What is kept in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A tool keeps its credentials there.
    Credentials,
    /// Private keys.
    Keys,
    /// What was typed, pasted or printed.
    History,
    /// Settings that should hold no secret, and often do.
    Project,
}

/// A place where a tool keeps credentials.
#[derive(Debug)]
pub(crate) struct Place {
    /// The tool, or what the file is.
    pub(crate) tool: &'static str,
    /// What is kept there.
    pub(crate) kind: Kind,
    /// How the file is written.
    pub(crate) format: Format,
    /// What to do about a credential in it that says nothing better itself.
    pub(crate) advice: Advice,
    /// Patterns of its path: see [`table`].
    pub(crate) paths: &'static [&'static str],
    /// The fields that hold credentials by what the tool is.
    pub(crate) fields: &'static [FieldSpec],
}

impl Place {
    /// Whether agents or the clients of language models keep logins there.
    pub(crate) fn has_logins(&self) -> bool {
        let is_one = |grant: &Grant| matches!(grant.advice, Advice::Agent) || grant.id == GITHUB_LOGIN.id;
        self.fields.iter().any(|field| is_one(field.grant))
    }

    /// What a field opens by what the tool is.
    pub(crate) fn field(&self, name: &[u8]) -> Option<&'static FieldSpec> {
        self.fields.iter().find(|field| matches(field.name.as_bytes(), name, true))
    }
}
