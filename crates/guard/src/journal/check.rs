//! [`verify`]: a journal, read from its beginning.

use std::fmt;
use std::io::{BufRead, Read as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;

use super::error::{Fault, JournalError};
use super::{LINE_MAX, MARK, SIGN, hex};

/// The end of a chain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Head {
    lines: u64,
    hash: [u8; 32],
    /// The last line's signature, which the next line's hash covers too.
    sign: Option<[u8; 64]>,
}

impl Head {
    pub(super) const EMPTY: Head = Head { lines: 0, hash: [0; 32], sign: None };

    /// How many lines there are.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    pub(super) fn next(&self, text: &str) -> Head {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.hash);
        if let Some(sign) = &self.sign {
            hasher.update(sign);
        }
        Head {
            lines: self.lines + 1,
            hash: *hasher.update(text.as_bytes()).finalize().as_bytes(),
            sign: None,
        }
    }

    /// What is signed of the last line.
    pub(super) fn message(&self) -> [u8; 56] {
        let mut out = [0; 56];
        out[..16].copy_from_slice(b"exfilter journal");
        out[16..24].copy_from_slice(&self.lines.to_le_bytes());
        out[24..].copy_from_slice(&self.hash);
        out
    }

    pub(super) fn signed(&mut self, sign: [u8; 64]) {
        self.sign = Some(sign);
    }
}

/// The hash of the last line, in hexadecimal digits.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.hash))
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({} lines, {self})", self.lines)
    }
}

/// A journal that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// Where its chain ends.
    pub head: Head,
    /// The runs that wrote it, in order.
    pub runs: Vec<SignedRun>,
    /// Lines that no run has signed: they come from an earlier version, or from somebody else.
    pub unsigned: u64,
}

/// The lines of one run, all signed by its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedRun {
    /// Its public key, in hexadecimal digits.
    pub key: String,
    /// How many lines it wrote, its first and last among them.
    pub lines: u64,
    /// Whether its last line says that it ended in order. If not, it goes on, was killed, or its end was cut off.
    pub ended: bool,
}

/// What was read of a file.
pub(super) struct ReadFile {
    pub(super) checked: Checked,
    /// Bytes of whole lines.
    pub(super) whole: u64,
    /// Bytes behind them.
    pub(super) rest: u64,
}

/// Reads a journal, and says where its chain ends and who signed it. That the last line of each run is signed is looked at; the chain stands for those before it.
///
/// # Errors
///
/// The first line that is none, does not follow from those before it, or is not signed by its run.
pub fn verify(reader: impl BufRead) -> Result<Checked, JournalError> {
    let file = read(reader)?;
    match file.rest {
        0 => Ok(file.checked),
        _ => Err(JournalError::new(file.checked.head.lines + 1, Fault::Cut)),
    }
}

/// The same of a file whose last line may not have been written to its end.
pub(super) fn read(mut reader: impl BufRead) -> Result<ReadFile, JournalError> {
    let mut checked = Checked { head: Head::EMPTY, runs: Vec::new(), unsigned: 0 };
    let (mut whole_bytes, mut line) = (0, Vec::new());
    loop {
        line.clear();
        let n = checked.head.lines + 1;
        let read = reader.by_ref().take(LINE_MAX + 1).read_until(b'\n', &mut line);
        let read = read.map_err(|error| JournalError::io(n, &error))? as u64;
        if read > LINE_MAX {
            return Err(JournalError::new(n, Fault::Form));
        }
        let Some(whole) = line.strip_suffix(b"\n") else {
            is_signed(&checked)?;
            return Ok(ReadFile { checked, whole: whole_bytes, rest: read });
        };
        let form = || JournalError::new(n, Fault::Form);
        let whole = str::from_utf8(whole).map_err(|_| form())?;
        let (text, rest) = whole.rsplit_once(MARK).ok_or_else(form)?;
        let rest = rest.strip_suffix("\"}").ok_or_else(form)?;
        let (hash, sign) = rest.split_once(SIGN).map_or((rest, None), |(hash, sign)| (hash, Some(sign)));
        let next = checked.head.next(text);
        if next.to_string() != hash {
            return Err(JournalError::new(n, Fault::Chain));
        }
        let event = event(text).ok_or_else(form)?;
        if let Some(Event::Start(key)) = &event {
            is_signed(&checked)?;
            checked.runs.push(SignedRun { key: key.clone(), lines: 0, ended: false });
        }
        checked.head = next;
        whole_bytes += read;
        let signature = || JournalError::new(n, Fault::Signature);
        let sign = sign.map(|sign| decoded(sign).ok_or_else(signature)).transpose()?;
        match (checked.runs.last_mut(), sign) {
            (None, None) => checked.unsigned += 1,
            (Some(run), Some(sign)) => {
                checked.head.signed(sign);
                run.lines += 1;
                run.ended = event == Some(Event::End);
            }
            _ => return Err(signature()),
        }
    }
}

/// Whether the last run has signed all that was read so far.
fn is_signed(checked: &Checked) -> Result<(), JournalError> {
    let (Some(run), Some(sign)) = (checked.runs.last(), checked.head.sign) else { return Ok(()) };
    let key = UnparsedPublicKey::new(&ED25519, bytes(&run.key).unwrap_or_default());
    let verified = key.verify(&checked.head.message(), &sign);
    verified.map_err(|_| JournalError::new(checked.head.lines, Fault::Signature))
}

fn decoded(sign: &str) -> Option<[u8; 64]> {
    BASE64_STANDARD_NO_PAD.decode(sign).ok()?.try_into().ok()
}

#[derive(PartialEq, Eq)]
enum Event {
    Start(String),
    End,
    Other,
}

/// What a line tells of the guard itself; `Some(None)` where it tells of a request, and `None` where it cannot be read.
fn event(text: &str) -> Option<Option<Event>> {
    // Within strings quotes are escaped, so nobody else writes this.
    if !text.contains("\"event\":") {
        return Some(None);
    }
    let line: Value = serde_json::from_str(&format!("{text}}}")).ok()?;
    Some(Some(match line["event"].as_str()? {
        "start" => Event::Start(line["key"].as_str().filter(|key| bytes(key).is_some())?.to_owned()),
        "end" => Event::End,
        _ => Event::Other,
    }))
}

/// A public key from its digits.
fn bytes(digits: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != out.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(pairs) {
        let digit = |b: u8| (b as char).to_digit(16).filter(|_| !b.is_ascii_uppercase());
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(out)
}
