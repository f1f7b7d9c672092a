//! [`GuardLimits`]: how much and how long.

use std::time::Duration;

/// Limits of a guard. Whatever goes beyond one is refused or closed, and recorded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GuardLimits {
    /// Connections at once; more wait. As many more may have been upgraded to WebSocket; those beyond are refused. Default 512.
    pub connections: usize,
    /// Bytes of one body that are held in memory; what is longer goes to an unlinked file that only its owner can read. Default 8 MiB.
    pub memory_per_body: usize,
    /// Bytes of all bodies in memory; from then on bodies go to files at once. Default 256 MiB.
    pub memory: usize,
    /// The longest body, in bytes: a longer one is refused. Default 2 GiB.
    pub body: u64,
    /// Bytes of all bodies in files: a body that does not fit is refused. Default 8 GiB.
    pub spool: u64,
    /// The longest message over WebSocket, in bytes, held in memory: a longer one closes its connection. Default 16 MiB.
    pub message: usize,
    /// From one head to the next, and for a head to be complete. Default 60 s.
    pub head: Duration,
    /// Between two pieces of a body. Default 60 s.
    pub idle: Duration,
    /// To connect to a server, and for each TLS handshake. Default 15 s.
    pub connect: Duration,
    /// Until a server begins to answer: models think for minutes. Default 15 min.
    pub answer: Duration,
    /// How long the end of what a server says over SSH waits for how its command ended: OpenSSH closes a channel that has ended both ways at once, and what comes then is lost. Default 2 s.
    pub status: Duration,
    /// Looks into no body, so that a benchmark can tell what looking costs.
    #[cfg(feature = "unexamined")]
    #[doc(hidden)]
    pub unexamined: bool,
}

impl GuardLimits {
    /// Whether bodies are looked into.
    pub(crate) fn examines(&self) -> bool {
        #[cfg(feature = "unexamined")]
        return !self.unexamined;
        #[cfg(not(feature = "unexamined"))]
        true
    }
}

impl Default for GuardLimits {
    fn default() -> GuardLimits {
        GuardLimits {
            connections: 512,
            memory_per_body: 8 << 20,
            memory: 256 << 20,
            body: 2 << 30,
            spool: 8 << 30,
            message: 16 << 20,
            head: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            connect: Duration::from_secs(15),
            answer: Duration::from_secs(900),
            status: Duration::from_secs(2),
            #[cfg(feature = "unexamined")]
            unexamined: false,
        }
    }
}

/// The most bytes of a head that the HTTP parser keeps. A little more than [`exfilter::wire`] takes, so that its refusal is the one that is seen.
pub(crate) const HEAD_BUFFER: usize = 160 << 10;

/// The most requests at a time in one connection of HTTP/2.
pub(crate) const STREAMS: u32 = 100;

/// How many bytes of one of them may wait to be read, in bytes.
pub(crate) const STREAM_WINDOW: u32 = 128 << 10;

/// The most fields of a head.
pub(crate) const FIELDS: usize = 512;

/// The most certificates that are kept.
pub(crate) const CERTIFICATES: usize = 1024;

/// How much of a refused body is read, so that the client listens to the answer.
pub(crate) const DRAIN: u64 = 1 << 30;
