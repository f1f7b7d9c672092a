//! Dumps of characters, as `od -c`, `od -a` and `hexdump -c` write them.
//!
//! ```text
//! 0000000   g   h   p   _       1  \n 303 251      an offset of six to eight digits, then four columns for each byte, of which the first is blank
//! 0000020  nl  sp nul                              names of `od -a`
//! 0000023                                          where it ends
//! ```
//!
//! A line that stands for others (`*`) is passed over. Where a string in JSON holds a dump, its line breaks are `\n` and its backslashes and quotes have another backslash.
//! Dumps of numbers are lists of [character codes](crate::charcodes).

use crate::decoder::{Decoder, Fault, Next, Step, take_turns};

/// What the content begins with, but for one or two zeros more before it.
pub const MAGIC: [u8; 8] = *b"000000  ";

/// Bytes that [`starts`] looks at.
pub const PROBE_LEN: usize = MAGIC.len() + 4;

/// Digits of an offset.
const OFFSET: std::ops::RangeInclusive<u8> = 6..=8;

/// Columns of a byte, the first one apart.
const COLUMNS: usize = 3;

/// What is held back at most: a byte's columns, with backslashes.
const HELD: u64 = 2 + 2 * COLUMNS as u64;

/// Names of `od -a`, and its control characters in order.
const NAMES: [&str; 33] = [
    "nul", "soh", "stx", "etx", "eot", "enq", "ack", "bel", "bs", "ht", "nl", "vt", "ff", "cr", "so", "si",
    "dle", "dc1", "dc2", "dc3", "dc4", "nak", "syn", "etb", "can", "em", "sub", "esc", "fs", "gs", "rs",
    "us", "sp",
];

/// Whether `prefix` begins with [`MAGIC`] and the columns of a character.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    let Some(rest) = prefix.strip_prefix(&MAGIC) else { return false };
    // One blank or two belong to the columns of the first byte.
    match rest {
        [b' ', b'!'..=b'~', b' ' | b'\n' | b'\r' | b'\\', ..] => true,
        [b'\\', b'0' | b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v', b' ' | b'\n', ..] => true,
        [first @ b'a'..=b'z', second @ b'a'..=b'z', b' ' | b'\n', ..] => {
            byte_of(&[b' ', *first, *second]).is_some()
        }
        _ => false,
    }
}

/// What the columns of a byte stand for.
fn byte_of(columns: &[u8; COLUMNS]) -> Option<u8> {
    let blanks = columns.iter().take_while(|b| **b == b' ').count();
    match &columns[blanks..] {
        [] => Some(b' '),
        [one @ b'!'..=b'~'] => Some(*one),
        [b'\\', letter] => Some(match letter {
            b'0' => 0,
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            _ => return None,
        }),
        [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7'] => {
            Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
        }
        b"del" => Some(0x7f),
        name => NAMES.iter().position(|of| of.as_bytes() == name).map(|code| code as u8),
    }
}

/// A push decoder for a dump of characters, from [`MAGIC`] on.
///
/// # Latency
///
/// A byte is handed out with the last of its columns.
///
/// # End
///
/// [`Step::Done`] is reported with the line break behind an offset that has nothing behind it. The input may end behind any byte.
///
/// # Resource usage
///
/// Less than 100 bytes.
///
/// # Examples
///
/// ```
/// use exfilter_codec::dump::{self, Dump};
/// use exfilter_codec::{Decoder, Step};
///
/// let content = b"000000   a   b   c  \\n\n000004\n";
/// assert!(dump::starts(content));
/// let mut out = Vec::new();
/// assert_eq!(Dump::new().decode(content, &mut out, 100), Step::Done { consumed: content.len() });
/// assert_eq!(out, b"abc\n");
/// ```
pub struct Dump {
    state: State,
    /// Columns of a byte.
    columns: [u8; COLUMNS],
    /// Input bytes since they began.
    held: u64,
    /// Lines that were whole.
    lines: bool,
    starts: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many digits of an offset.
    Offset(u8),
    /// Before the first column of a byte, the first one of a line or not.
    Byte(bool),
    /// So many of the others; whether a backslash has come that may stand for itself.
    Columns(usize, bool),
    /// After a line break's backslash, or its carriage return; with an offset before it or a byte.
    Break(bool),
    /// Behind `*`.
    Others,
    Ended,
    Failed(Fault),
}

impl Dump {
    /// A decoder that expects the first byte of the magic number.
    #[must_use]
    pub fn new() -> Self {
        Self { state: State::Offset(0), columns: [0; COLUMNS], held: 0, lines: false, starts: Vec::new() }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// The state after `byte`, which completes a byte of `out` at most; none if it does not belong there.
    fn after(&mut self, byte: u8, out: &mut Vec<u8>) -> Option<State> {
        Some(match self.state {
            State::Offset(n) if byte.is_ascii_hexdigit() && n < *OFFSET.end() => State::Offset(n + 1),
            State::Offset(0) if byte == b'*' => State::Others,
            State::Offset(n) if OFFSET.contains(&n) => self.byte(true, byte)?,
            State::Byte(first) => self.byte(first, byte)?,
            State::Columns(n, true) if matches!(byte, b'\\' | b'"') => self.column(n, byte, out)?,
            State::Columns(n, true) => {
                // It stood for itself.
                let state = self.column(n, b'\\', out)?;
                match state {
                    State::Columns(n, _) => self.column(n, byte, out)?,
                    _ => self.byte(false, byte)?,
                }
            }
            State::Columns(n, false) if byte == b'\\' => State::Columns(n, true),
            State::Columns(n, false) => self.column(n, byte, out)?,
            State::Break(over) if matches!(byte, b'\n' | b'n') => self.line(over),
            // A carriage return before it, as it is written in a string.
            State::Break(over) if matches!(byte, b'r' | b'\\') => State::Break(over),
            State::Others if matches!(byte, b'\r' | b'\\') => State::Others,
            State::Others if matches!(byte, b'\n' | b'n') => State::Offset(0),
            _ => return None,
        })
    }

    /// The state after `byte` where the first column of a byte may stand, or the end of a line.
    fn byte(&mut self, first: bool, byte: u8) -> Option<State> {
        match byte {
            b' ' => {
                self.held = 0;
                Some(State::Columns(0, false))
            }
            b'\n' => Some(self.line(first)),
            b'\r' | b'\\' => Some(State::Break(first)),
            _ => None,
        }
    }

    /// The state after a column, which may be the last one.
    fn column(&mut self, n: usize, byte: u8, out: &mut Vec<u8>) -> Option<State> {
        self.columns[n] = byte;
        if n + 1 < COLUMNS {
            return Some(State::Columns(n + 1, false));
        }
        out.push(byte_of(&self.columns)?);
        self.held = 0;
        Some(State::Byte(false))
    }

    /// The state after a line break, before which there was only an offset or not.
    fn line(&mut self, over: bool) -> State {
        self.lines |= !over;
        if over { State::Ended } else { State::Offset(0) }
    }
}

impl Default for Dump {
    fn default() -> Self {
        Self::new()
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Dump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dump").field("lines", &self.lines).finish_non_exhaustive()
    }
}

impl Decoder for Dump {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        let limit = out.len().saturating_add(cap);
        take_turns(input, |rest| match (self.state, rest.first()) {
            (State::Ended, _) => (0, Next::Done),
            (State::Failed(fault), _) => (0, Next::Bad(fault)),
            (_, None) => (0, Next::Input),
            (State::Columns(..), _) if out.len() >= limit => (0, Next::Room),
            (_, Some(byte)) => match self.after(*byte, out) {
                Some(state) => {
                    if matches!(state, State::Columns(..)) {
                        self.held += 1;
                    }
                    self.state = state;
                    (1, Next::State)
                }
                None => {
                    self.held = 0;
                    self.state = State::Failed(Fault::Corrupt);
                    (0, Next::State)
                }
            },
        })
    }

    fn end(&mut self) -> Result<(), Fault> {
        match self.state {
            State::Byte(_) | State::Ended | State::Break(_) => return Ok(()),
            State::Offset(n) if n == 0 || OFFSET.contains(&n) => return Ok(()),
            _ => {}
        }
        self.state = State::Failed(Fault::Truncated);
        Err(Fault::Truncated)
    }

    fn unreleased(&self) -> u64 {
        self.held
    }

    fn block_max(&self) -> u64 {
        HELD
    }

    fn reset(&mut self) {
        Dump::reset(self);
    }

    fn window_bytes(&self) -> u64 {
        0
    }

    /// Whether a line was whole.
    fn is_established(&self) -> bool {
        self.lines
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}
