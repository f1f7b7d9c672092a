//! [`Journal`]: records as lines of JSON, each with a hash of all before it, and signed.
//!
//! ```text
//! {"event":"start","key":"9c0d...","n":1,...,"hash":"1f3a...","sign":"mQ0x..."}
//! {"outcome":"sent","to":"https://...","n":2,...,"hash":"77b0...","sign":"Xa3k..."}
//! `------------------- text -------------------´
//!        hash = BLAKE3(hash and signature of the line before, or 32 zeros; text)
//!        sign = Ed25519(key of the run; a word, number of the line, its hash)
//! ```
//!
//! A run begins with a line that names its public key; the other half is in memory alone and ends with the run. So every line is a checkpoint: whoever can write the file, but knows neither the memory of
//! the run nor can end it before it writes, cannot change, remove or insert a line without breaking the chain, and cannot write it anew without another key. What the key is, [`Journal::key`] says when
//! the run begins; it must be kept elsewhere. The end can be cut off behind any line: then the run's last line, which says that it ended in order, is missing, or the head is not the one that
//! [`Journal::head`] told.

mod check;
mod error;
mod write;

pub use check::{Checked, Head, SignedRun, verify};
pub use error::JournalError;
pub use write::Journal;

/// What stands before a line's hash.
const MARK: &str = ",\"hash\":\"";

/// What stands before its signature.
const SIGN: &str = "\",\"sign\":\"";

/// The longest line, in bytes: a record has at most a few thousand findings.
const LINE_MAX: u64 = 4 << 20;

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(2 * bytes.len());
    bytes.iter().for_each(|byte| {
        let _ = write!(out, "{byte:02x}");
    });
    out
}
