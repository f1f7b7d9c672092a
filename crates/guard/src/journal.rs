//! [`Journal`]: records as lines of JSON, each with a hash of all before it.
//!
//! ```text
//! {"n":1,"time":1795900000,...,"outcome":"sent",...,"hash":"1f3a..."}
//! `--------------------- text ---------------------´        |
//!          hash = BLAKE3(hash of the line before, or 32 zeros; text)
//! ```
//!
//! Whoever changes, removes or inserts a line breaks the chain from there on. Whoever can write the file can also write all of it anew, or cut its end: what
//! [`Journal::head`] says must be kept elsewhere to see that.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::record::{Outcome, Record, Sink};

/// The longest line, in bytes: a record has at most a few thousand findings.
const LINE_MAX: u64 = 4 << 20;

/// The most findings of a record that are listed, and the most parts that were not examined; more are counted.
const LISTED: usize = 200;

/// What stands before a line's hash.
const MARK: &str = ",\"hash\":\"";

/// The end of a chain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Head {
    lines: u64,
    hash: [u8; 32],
}

/// Why a file is no journal, or no longer the one that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalError {
    line: u64,
    kind: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Io(io::ErrorKind),
    Form,
    Chain,
    Cut,
    Busy,
}

impl JournalError {
    fn new(line: u64, kind: Fault) -> JournalError {
        JournalError { line, kind }
    }

    fn io(line: u64, error: &io::Error) -> JournalError {
        JournalError::new(line, Fault::Io(error.kind()))
    }

    /// The line, from 1; 0 for the file itself.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }
}

impl std::fmt::Display for JournalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            Fault::Io(kind) => write!(f, "the file cannot be read or written: {kind}"),
            Fault::Form => f.write_str("this is no line of a journal"),
            Fault::Chain => f.write_str("this line, or one before it, was changed, removed or inserted"),
            Fault::Cut => f.write_str("the last line was not written to its end"),
            Fault::Busy => f.write_str("another process writes this file"),
        }
    }
}

impl std::error::Error for JournalError {}

impl Head {
    const EMPTY: Head = Head { lines: 0, hash: [0; 32] };

    /// How many lines there are.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    fn next(&self, text: &str) -> Head {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.hash).update(text.as_bytes());
        Head { lines: self.lines + 1, hash: *hasher.finalize().as_bytes() }
    }
}

/// The hash of the last line, in hexadecimal digits.
impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Head({} lines, {self})", self.lines)
    }
}

/// A file to which records are added. Each is handed to the system before its request leaves, so that what was sent is told of even if this process is killed.
pub struct Journal {
    inner: Mutex<(File, Head)>,
}

impl Journal {
    /// Opens a file, which is made for its owner alone if there is none, and goes on behind its last line. No other process may write it meanwhile.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, is written by another process, or its chain is broken.
    pub fn open(path: &Path) -> Result<Journal, JournalError> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| JournalError::io(0, &error))?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => JournalError::new(0, Fault::Busy),
            std::fs::TryLockError::Error(error) => JournalError::io(0, &error),
        })?;
        let head = verify(BufReader::new(&file))?;
        Ok(Journal { inner: Mutex::new((file, head)) })
    }

    /// The end of the chain.
    pub fn head(&self) -> Head {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

impl Sink for Journal {
    fn record(&self, record: &Record) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, head) = &mut *inner;
        let text = text(record, head.lines + 1);
        let next = head.next(&text);
        // In one piece: a line is there or it is not.
        file.write_all(format!("{text}{MARK}{next}\"}}\n").as_bytes())?;
        *head = next;
        Ok(())
    }
}

/// A line without its hash.
fn text(record: &Record, n: u64) -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let why = match &record.outcome {
        Outcome::Opened | Outcome::Sent => None,
        Outcome::Refused { why } => Some(why.as_str()),
        Outcome::Failed { why } => Some(*why),
    };
    let found: Vec<_> = record
        .noted
        .iter()
        .take(LISTED)
        .map(|noted| {
            json!({
                "what": noted.what, "enrolled": noted.enrolled, "place": noted.place,
                "confidence": noted.confidence.as_str(), "action": noted.action.as_str(),
            })
        })
        .collect();
    let unseen: Vec<_> = record
        .unseen
        .iter()
        .take(LISTED)
        .map(|unseen| {
            json!({ "reason": unseen.reason.as_str(), "place": unseen.place, "action": unseen.action.as_str() })
        })
        .collect();
    let more = record.noted.len().saturating_sub(LISTED) + record.unseen.len().saturating_sub(LISTED);
    let mut line = json!({
        "n": n, "time": time, "to": record.to, "conversation": record.conversation, "outcome": record.outcome.as_str(), "why": why,
        "bytes": record.bytes, "injected": record.injected, "found": found, "unseen": unseen, "more": more,
    });
    if record.quarantine {
        line["quarantine"] = true.into();
    }
    let mut text = line.to_string();
    // The hash comes behind the last member.
    text.pop();
    text
}

/// Reads a journal and says where its chain ends.
///
/// # Errors
///
/// The first line that is none, or does not follow from those before it.
pub fn verify(mut reader: impl BufRead) -> Result<Head, JournalError> {
    let mut head = Head::EMPTY;
    let mut line = Vec::new();
    loop {
        line.clear();
        let n = head.lines + 1;
        let read = reader.by_ref().take(LINE_MAX + 1).read_until(b'\n', &mut line);
        let read = read.map_err(|error| JournalError::io(n, &error))?;
        if read == 0 {
            return Ok(head);
        }
        if read as u64 > LINE_MAX {
            return Err(JournalError::new(n, Fault::Form));
        }
        let Some(whole) = line.strip_suffix(b"\n") else { return Err(JournalError::new(n, Fault::Cut)) };
        let form = || JournalError::new(n, Fault::Form);
        let whole = str::from_utf8(whole).map_err(|_| form())?;
        let (text, hash) = whole.rsplit_once(MARK).ok_or_else(form)?;
        let hash = hash.strip_suffix("\"}").ok_or_else(form)?;
        let next = head.next(text);
        if next.to_string() != hash {
            return Err(JournalError::new(n, Fault::Chain));
        }
        head = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(records: usize) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("log");
        for _ in 0..records {
            // Opened anew each time: it goes on where it was.
            let journal = Journal::open(&path).expect("it opens");
            let to = Some("https://example.com:443".to_owned());
            journal.record(&Record::new(to, "plain", Outcome::Sent)).expect("it is written");
        }
        (dir, path)
    }

    fn check(bytes: &[u8]) -> Result<Head, JournalError> {
        verify(bytes)
    }

    #[test]
    fn a_chain_goes_on_and_every_change_is_seen() {
        let (_dir, path) = written(4);
        let bytes = std::fs::read(&path).expect("it is there");
        assert_eq!(check(&bytes).expect("it is whole").lines(), 4);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(check(&changed).is_err(), "{at}");
        }
        let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
        for (order, first_bad) in
            [([0, 2, 3].as_slice(), 2), (&[0, 1, 1, 2, 3], 3), (&[1, 0, 2, 3], 1), (&[1, 2, 3], 1)]
        {
            let moved: Vec<u8> = order.iter().flat_map(|n| lines[*n].to_vec()).collect();
            assert_eq!(check(&moved).expect_err("it is broken").line(), first_bad);
        }
        let cut = check(&bytes[..bytes.len() - 1]).expect_err("it is cut");
        assert_eq!((cut.line(), cut.kind), (4, Fault::Cut));
        // The end can be cut between lines: then the head is another one.
        let less: Vec<u8> = lines[..3].concat();
        assert_ne!(check(&less), check(&bytes));
        assert!(check(b"").is_ok() && check(b"\n").is_err() && check(b"{}\n").is_err());
    }

    #[test]
    fn a_broken_or_busy_file_is_not_written() {
        let (_dir, path) = written(2);
        let first = Journal::open(&path).expect("it opens");
        assert_eq!(Journal::open(&path).err().map(|error| error.kind), Some(Fault::Busy));
        drop(first);
        let mut bytes = std::fs::read(&path).expect("it is there");
        bytes[10] ^= 1;
        std::fs::write(&path, bytes).expect("it can be written");
        assert!(Journal::open(&path).is_err());
    }
}
