//! [`JournalError`]: what is wrong with a journal.

use std::{fmt, io};

/// Why a file is no journal, or no longer the one that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalError {
    line: u64,
    pub(super) kind: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Io(io::ErrorKind),
    Form,
    Chain,
    Signature,
    Cut,
    Busy,
    Random,
}

impl JournalError {
    pub(super) fn new(line: u64, kind: Fault) -> JournalError {
        JournalError { line, kind }
    }

    pub(super) fn io(line: u64, error: &io::Error) -> JournalError {
        JournalError::new(line, Fault::Io(error.kind()))
    }

    /// The line, from 1; 0 for the file itself.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Fault::Io(kind) => write!(f, "the file cannot be read or written: {kind}"),
            Fault::Form => f.write_str("this is no line of a journal"),
            Fault::Chain => f.write_str("this line, or one before it, was changed, removed or inserted"),
            Fault::Signature => f.write_str(
                "this line is not signed by its run, so it or lines before it were written by somebody else",
            ),
            Fault::Cut => f.write_str("the last line was not written to its end"),
            Fault::Busy => f.write_str("another process writes this file"),
            Fault::Random => f.write_str("the system has no random numbers for a key"),
        }
    }
}

impl std::error::Error for JournalError {}
