//! [`Journal`]: records are written.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::check::{self, Head};
use super::error::{Fault, JournalError};
use super::{MARK, SIGN, hex};
use crate::record::{Record, Sink};

/// The most findings of a record that are listed, and the most parts that were not examined; more are counted.
const LISTED: usize = 200;

/// A file to which records are added. Each is handed to the system before its request leaves, so that what was sent is told of even if this process is killed.
pub struct Journal {
    key: Ed25519KeyPair,
    inner: Mutex<Inner>,
}

struct Inner {
    file: File,
    head: Head,
    /// Bytes of whole lines.
    len: u64,
    /// Whether the file ends with a line that could neither be written nor taken back.
    broken: bool,
}

impl Journal {
    /// Opens a file, which is made for its owner alone if there is none, and goes on behind its last line with one that tells of a new key. No other process may write it meanwhile. A last line that was not
    /// written to its end, for the process was killed, was acknowledged to nobody and is taken away.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or written, is written by another process, or its chain is broken.
    pub fn open(path: &Path) -> Result<Journal, JournalError> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let io = |error: io::Error| JournalError::io(0, &error);
        let file = options.open(path).map_err(io)?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => JournalError::new(0, Fault::Busy),
            std::fs::TryLockError::Error(error) => io(error),
        })?;
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut seed[..]).map_err(|_| JournalError::new(0, Fault::Random))?;
        let key = Ed25519KeyPair::from_seed_unchecked(&seed[..]);
        let key = key.map_err(|_| JournalError::new(0, Fault::Random))?;
        let found = check::read(BufReader::new(&file))?;
        if found.rest > 0 {
            file.set_len(found.whole).map_err(io)?;
        }
        let inner = Inner { file, head: found.checked.head, len: found.whole, broken: false };
        let journal = Journal { key, inner: Mutex::new(inner) };
        let mut start = json!({ "key": journal.key(), "version": env!("CARGO_PKG_VERSION") });
        if found.rest > 0 {
            start["unfinished"] = found.rest.into();
        }
        journal.event("start", start).map_err(io)?;
        Ok(journal)
    }

    /// The end of the chain.
    pub fn head(&self) -> Head {
        self.lock().head
    }

    /// The public key with which this run's lines are signed, in hexadecimal digits.
    pub fn key(&self) -> String {
        hex(self.key.public_key().as_ref())
    }

    /// Says that the settings were read anew, or why they stay as they were.
    ///
    /// # Errors
    ///
    /// It could not be written.
    pub fn reloaded(&self, failed: Option<&str>) -> io::Result<()> {
        let outcome = if failed.is_some() { "failed" } else { "done" };
        self.event("reload", json!({ "outcome": outcome, "why": failed }))
    }

    /// Says that the run ended in order.
    ///
    /// # Errors
    ///
    /// It could not be written.
    pub fn end(&self) -> io::Result<()> {
        self.event("end", json!({}))
    }

    fn event(&self, event: &str, mut line: Value) -> io::Result<()> {
        line["event"] = event.into();
        self.add(line)
    }

    /// Writes a line.
    fn add(&self, mut line: Value) -> io::Result<()> {
        let mut inner = self.lock();
        if inner.broken {
            return Err(io::Error::other("the journal cannot be gone on with"));
        }
        line["n"] = (inner.head.lines() + 1).into();
        line["time"] = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()).into();
        let mut text = line.to_string();
        // The hash comes behind the last member.
        text.pop();
        let mut next = inner.head.next(&text);
        let sign = self.key.sign(&next.message());
        let sign: [u8; 64] = sign.as_ref().try_into().map_err(io::Error::other)?;
        let coded = BASE64_STANDARD_NO_PAD.encode(sign);
        let whole = format!("{text}{MARK}{next}{SIGN}{coded}\"}}\n");
        next.signed(sign);
        // In one piece: a line is there or it is not.
        if let Err(error) = inner.file.write_all(whole.as_bytes()) {
            let len = inner.len;
            inner.broken = inner.file.set_len(len).is_err();
            return Err(error);
        }
        (inner.head, inner.len) = (next, inner.len + whole.len() as u64);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Journal {
    fn record(&self, record: &Record) -> io::Result<()> {
        self.add(record.to_json(LISTED))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Checked, verify};
    use super::*;
    use crate::record::Outcome;

    /// Each record in a run of its own: three lines.
    fn written(records: usize) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("log");
        for _ in 0..records {
            // Opened anew each time: it goes on where it was.
            let journal = Journal::open(&path).expect("it opens");
            let to = Some("https://example.com:443".to_owned());
            journal.record(&Record::new(to, "plain", Outcome::Sent)).expect("it is written");
            journal.end().expect("it is written");
        }
        (dir, path)
    }

    fn check(bytes: &[u8]) -> Result<Checked, JournalError> {
        verify(bytes)
    }

    #[test]
    fn a_chain_goes_on_and_every_change_is_seen() {
        let (_dir, path) = written(2);
        let bytes = std::fs::read(&path).expect("it is there");
        let whole = check(&bytes).expect("it is whole");
        assert_eq!((whole.head.lines(), whole.unsigned), (6, 0));
        assert!(whole.runs.iter().all(|run| run.lines == 3 && run.ended) && whole.runs.len() == 2);
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
        assert_eq!((cut.line(), cut.kind), (6, Fault::Cut));
        // The end can be cut between lines: then the head is another one, and the run did not end in order.
        let less = check(&lines[..5].concat()).expect("a chain");
        assert!(less.head != whole.head && !less.runs[1].ended);
        assert!(check(b"").is_ok() && check(b"\n").is_err() && check(b"{}\n").is_err());
    }

    /// Whoever can write the file can write another chain, but not with the key of the run.
    #[test]
    fn what_is_written_anew_is_not_signed_by_the_run() {
        let (_dir, path) = written(1);
        let text = std::fs::read_to_string(&path).expect("it is there");
        let key = check(text.as_bytes()).expect("it is whole").runs[0].key.clone();
        // Another record in the middle, all hashes made anew, the signatures as they were.
        let (mut head, mut forged) = (Head::EMPTY, String::new());
        for line in text.lines() {
            let (text, rest) = line.rsplit_once(MARK).expect("a hash");
            let (_, sign) = rest.split_once(SIGN).expect("a signature");
            let text = text.replace("\"sent\"", "\"lost\"");
            head = head.next(&text);
            forged.push_str(&format!("{text}{MARK}{head}{SIGN}{sign}\n"));
            let sign = BASE64_STANDARD_NO_PAD.decode(sign.trim_end_matches("\"}")).expect("a signature");
            head.signed(sign.try_into().expect("64 bytes"));
        }
        let error = check(forged.as_bytes()).expect_err("it is forged");
        assert_eq!((error.line(), error.kind), (3, Fault::Signature));
        // Without them.
        let (mut head, mut bare) = (Head::EMPTY, String::new());
        for line in forged.lines() {
            let (text, _) = line.rsplit_once(MARK).expect("a hash");
            head = head.next(text);
            bare.push_str(&format!("{text}{MARK}{head}\"}}\n"));
        }
        assert_eq!(check(bare.as_bytes()).expect_err("it is forged").kind, Fault::Signature);
        // With a key of its own.
        let (_other, path) = written(1);
        let other = check(&std::fs::read(path).expect("it is there")).expect("it is whole");
        assert_ne!(other.runs[0].key, key);
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

    /// As a process leaves it that is killed while it writes.
    #[test]
    fn an_unfinished_line_is_taken_away_and_told_of() {
        let (_dir, path) = written(1);
        let bytes = std::fs::read(&path).expect("it is there");
        std::fs::write(&path, [&bytes, &bytes[..30]].concat()).expect("it can be written");
        drop(Journal::open(&path).expect("it opens"));
        let after = std::fs::read(&path).expect("it is there");
        assert!(after.starts_with(&bytes));
        let checked = check(&after).expect("it is whole");
        assert_eq!((checked.head.lines(), checked.runs.len()), (4, 2));
        assert!(String::from_utf8_lossy(&after).contains("\"unfinished\":30"));
    }

    /// What a record costs, and what of it is its signature.
    #[test]
    #[ignore = "a measurement: cargo test -p exfilter-guard --lib -- --ignored --nocapture cost"]
    fn cost_of_a_record() {
        const RECORDS: u32 = 20_000;
        let dir = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&dir.path().join("log")).expect("it opens");
        let record = Record::new(Some("https://example.com:443".to_owned()), "plain", Outcome::Sent);
        let begun = std::time::Instant::now();
        (0..RECORDS).for_each(|_| journal.record(&record).expect("it is written"));
        let all = begun.elapsed() / RECORDS;
        let begun = std::time::Instant::now();
        (0..RECORDS).for_each(|_| {
            std::hint::black_box(journal.key.sign(&[7; 56]));
        });
        let sign = begun.elapsed() / RECORDS;
        let bytes = journal.lock().len / u64::from(RECORDS);
        std::println!("a record: {all:?} and {bytes} bytes; its signature: {sign:?}");
    }

    /// What an earlier version wrote has no signatures.
    #[test]
    fn lines_without_a_run_are_counted() {
        let (mut head, mut old) = (Head::EMPTY, String::new());
        for n in 1..3 {
            let text = format!("{{\"n\":{n}");
            head = head.next(&text);
            old.push_str(&format!("{text}{MARK}{head}\"}}\n"));
        }
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("log");
        std::fs::write(&path, &old).expect("it can be written");
        drop(Journal::open(&path).expect("it opens"));
        let checked = check(&std::fs::read(&path).expect("it is there")).expect("it is whole");
        assert_eq!((checked.unsigned, checked.runs[0].lines), (2, 1));
    }
}
