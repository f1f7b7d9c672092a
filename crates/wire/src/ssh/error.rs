//! [`SshError`]: why bytes are not what a channel is for.

use std::fmt;

/// Why bytes are no part of what a channel is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SshError {
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Line,
    Size,
    Packet,
    Length,
}

impl SshError {
    pub(crate) const fn line() -> SshError {
        SshError { kind: Kind::Line }
    }

    pub(crate) const fn size() -> SshError {
        SshError { kind: Kind::Size }
    }

    pub(crate) const fn packet() -> SshError {
        SshError { kind: Kind::Packet }
    }

    pub(crate) const fn length() -> SshError {
        SshError { kind: Kind::Length }
    }
}

impl fmt::Display for SshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Line => "a line is none of scp's",
            Kind::Size => "the size of a file is no number",
            Kind::Packet => "a packet is none of sftp's version 3",
            Kind::Length => "a line or packet is longer than they are",
        })
    }
}

impl std::error::Error for SshError {}
