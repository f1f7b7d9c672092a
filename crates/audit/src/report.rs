//! [`Report`]: what the audit has to tell. Plain data, no content.

use exfilter::{Confidence, KeyClass};

use crate::advice::Advice;
use crate::names::Masked;
use crate::severity::Severity;

/// Everything the audit found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// One entry per value, the worst first; within one severity, admin keys first.
    pub finds: Vec<Find>,
    /// What the environment can do that no value stands for: sockets, routes, identities.
    pub capabilities: Vec<Capability>,
    /// What should have been examined and was not.
    pub gaps: Vec<Gap>,
    /// Gaps beyond those listed.
    pub unlisted_gaps: u64,
    /// What was left out by the rules of the audit: files that were read in part, folders that are passed over.
    pub skipped: Vec<Skipped>,
    /// Per reason: how many were skipped, and bytes of them that were not read. Counts also what is not listed.
    pub skips: Vec<(Skip, u64, u64)>,
    /// Sums.
    pub totals: Totals,
}

/// Sums of an audit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Files read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Files that a table of known places described.
    pub known_places: u64,
    /// Processes whose environment or arguments were read.
    pub processes: u64,
    /// Files and processes that exist and that the audited user cannot read.
    pub closed: u64,
    /// Findings beyond those that are listed.
    pub unlisted_finds: u64,
}

/// A value that can be read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Find {
    /// How bad it is.
    pub severity: Severity,
    /// The rule's id, or that of what the field opens.
    pub id: String,
    /// Who issues it; empty where not known.
    pub provider: String,
    /// What it opens.
    pub opens: String,
    /// How much it opens.
    pub class: KeyClass,
    /// How sure it is.
    pub confidence: Confidence,
    /// The provider's documentation shows it.
    pub documented: bool,
    /// Seconds since 1970 at which it ends, where it says so.
    pub expires: Option<i64>,
    /// It has ended.
    pub expired: bool,
    /// A passphrase locks it.
    pub locked: bool,
    /// What to do about this kind, and about where it stands.
    pub advice: Vec<Advice>,
    /// How to revoke it: an address or a sentence.
    pub revoke: String,
    /// The public prefix; never a byte of the secret part.
    pub preview: String,
    /// Where it stands, the most exposed first; at most [`Find::MAX_PLACES`].
    pub places: Vec<FoundAt>,
    /// Places beyond those listed.
    pub more_places: u64,
}

impl Find {
    /// Places listed per find.
    pub const MAX_PLACES: usize = 32;

    /// In how many places the value stands.
    pub fn count(&self) -> u64 {
        self.places.len() as u64 + self.more_places
    }
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundAt {
    /// What kind of source it is.
    pub source: SourceKind,
    /// The tool that the place belongs to; empty for other files.
    pub tool: &'static str,
    /// The path inside the audited view, or `environment`, `process 12 (node)`.
    pub name: Masked,
    /// The field; empty where a rule found it in text.
    pub field: Masked,
    /// Line and column from 1.
    pub line: Option<(u64, u64)>,
    /// The way through decoders; empty for the content itself.
    pub lane: String,
    /// Permission bits of the file.
    pub mode: Option<u32>,
    /// Who else can read it.
    pub exposure: Exposure,
}

/// What kind of source a value stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SourceKind {
    /// The environment of the audited process.
    Environment,
    /// The environment of another process.
    ProcessEnvironment,
    /// The arguments of a process.
    ProcessArguments,
    /// A file.
    File,
}

impl SourceKind {
    /// A stable word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            SourceKind::Environment => "environment",
            SourceKind::ProcessEnvironment => "process-environment",
            SourceKind::ProcessArguments => "process-arguments",
            SourceKind::File => "file",
        }
    }
}

/// Who else can read a place, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exposure {
    /// Its owner.
    Owner,
    /// Its group too.
    Group,
    /// Every user of the machine.
    All,
}

impl Exposure {
    /// A stable word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Exposure::Owner => "owner",
            Exposure::Group => "group",
            Exposure::All => "all",
        }
    }
}

/// Something that a process can do, and no value stands for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Capability {
    /// How bad it is.
    pub severity: Severity,
    /// A stable id.
    pub id: &'static str,
    /// What it opens.
    pub opens: String,
    /// Where it is: a path, a variable.
    pub name: Masked,
    /// What to do about it.
    pub advice: Advice,
}

/// Something that should have been examined and was not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Gap {
    /// Its name.
    pub name: Masked,
    /// A stable word.
    pub reason: &'static str,
    /// One clause for people.
    pub what: String,
}

/// Something that was left out by the rules of the audit.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Skipped {
    /// Its name.
    pub name: Masked,
    /// Why.
    pub reason: Skip,
    /// Bytes of it that were not read.
    pub bytes: u64,
}

/// Why something was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Skip {
    /// Its beginning was read, the rest is over the budget of a file.
    OverBudget,
    /// Git's object store.
    GitObjects,
    /// A symbolic link met on the walk; links that lead to known places are followed.
    Link,
    /// A named pipe, a socket or a device.
    Special,
    /// A file system of the kernel.
    Kernel,
    /// Other files were left out altogether.
    NotAsked,
}

impl Skip {
    /// A stable word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Skip::OverBudget => "over-budget",
            Skip::GitObjects => "git-objects",
            Skip::Link => "symlink",
            Skip::Special => "special",
            Skip::Kernel => "kernel",
            Skip::NotAsked => "not-asked",
        }
    }

    /// One clause for people.
    pub fn describe(self) -> &'static str {
        match self {
            Skip::OverBudget => "read in part: the rest is over the budget of a file",
            Skip::GitObjects => {
                "git's object store, where what was committed, stashed and removed is; --git-objects reads it"
            }
            Skip::Link => "a symbolic link; what it leads to is read where it lies",
            Skip::Special => "a named pipe, a socket or a device",
            Skip::Kernel => "a file system of the kernel",
            Skip::NotAsked => "only known places were asked for",
        }
    }
}
