//! uuencode ([POSIX], "historical algorithm").
//!
//! ```text
//! begin 644 name        mode: three or four octal digits
//! #86)C                 a line: its length in bytes, then four characters for three of them
//! `                     a line of no bytes
//! end
//! ```
//!
//! A character stands for the six bits that it is more than a blank; a grave accent is another blank. Blanks at the end of a line may be missing, as mail takes them
//! away; a checksum, and whatever else an encoder pads with, may follow the data, [`EXTRA_MAX`] characters of it.
//!
//! [POSIX]: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/uuencode.html

use crate::decoder::{Decoder, Fault, Next, Step, take_turns};

/// What the content begins with.
pub const MAGIC: [u8; 6] = *b"begin ";

/// Bytes that [`starts`] looks at.
pub const PROBE_LEN: usize = MAGIC.len() + MODE_MAX + 1;

/// The longest name, in bytes.
pub const NAME_MAX: u16 = 1024;

/// Characters behind the data of a line.
pub const EXTRA_MAX: u8 = 4;

/// Digits of a mode.
const MODE_MIN: usize = 3;
const MODE_MAX: usize = 4;

/// What the last line is.
const END: &[u8; 3] = b"end";

/// Whether `prefix` may begin uuencoded content, as far as it goes.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    let magic = prefix.len().min(MAGIC.len());
    if prefix[..magic] != MAGIC[..magic] {
        return false;
    }
    let mode = &prefix[magic..];
    let digits = mode.iter().take(MODE_MAX).take_while(|b| is_digit(**b)).count();
    mode.get(digits).is_none_or(|behind| digits >= MODE_MIN && *behind == b' ')
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'7')
}

/// The six bits of a character.
fn value(byte: u8) -> Option<u8> {
    matches!(byte, b' '..=b'`').then(|| (byte - b' ') & 63)
}

/// A push decoder for uuencoded content.
///
/// # Latency
///
/// None, but for a byte of which the first bits are known.
///
/// # End
///
/// [`Step::Done`] is reported with the last letter of `end`; behind a line of no bytes also where neither that nor another line follows. The input may end there too.
///
/// # Resource usage
///
/// Less than 100 bytes.
///
/// # Examples
///
/// ```
/// use exfilter_codec::uuencode::{self, Uuencode};
/// use exfilter_codec::{Decoder, Step};
///
/// let content = b"begin 644 name\n#86)C\n`\nend\n";
/// assert!(uuencode::starts(content));
/// let mut out = Vec::new();
/// assert_eq!(Uuencode::new().decode(content, &mut out, 100), Step::Done { consumed: content.len() - 1 });
/// assert_eq!(out, b"abc");
/// ```
pub struct Uuencode {
    state: State,
    /// Whether a line of data was as long as it said.
    whole_line: bool,
    /// Whether the last line had no bytes.
    complete: bool,
    starts: Vec<u64>,
}

#[derive(Clone, Copy)]
enum State {
    /// So many bytes of the magic number.
    Magic(usize),
    /// So many digits of the mode.
    Mode(usize),
    /// So many bytes of the name.
    Name(u16),
    /// Before the length of a line.
    Length,
    /// Data of a line.
    Data(Data),
    /// So many characters behind the data.
    Extra(u8),
    /// Before the line feed of a line that ends before its data does.
    Cut(Data),
    /// Blanks that such a line has lost.
    Blanks(Data),
    /// So many letters of the last line.
    End(usize),
    Ended,
    Failed(Fault),
}

/// What is left of a line.
#[derive(Clone, Copy)]
struct Data {
    /// Bytes to be made.
    bytes: u8,
    /// Characters to come.
    chars: u8,
    /// Bits of the last character that belong to the next byte, and how many.
    bits: u8,
    pending: u8,
}

impl Data {
    fn new(len: u8) -> Data {
        Data { bytes: len, chars: 4 * len.div_ceil(3), bits: 0, pending: 0 }
    }

    /// Takes the six bits of a character; returns the byte that they complete.
    fn take(&mut self, six: u8) -> Option<u8> {
        self.chars -= 1;
        let word = u16::from(self.bits) << 6 | u16::from(six);
        let many = self.pending + 6;
        let byte = many >= 8 && self.bytes > 0;
        self.pending = many % 8;
        self.bits = word as u8 & ((1u16 << self.pending) - 1) as u8;
        self.bytes -= u8::from(byte);
        byte.then_some((word >> self.pending) as u8)
    }
}

impl Uuencode {
    /// A decoder that expects the first byte of the magic number.
    #[must_use]
    pub fn new() -> Self {
        Self { state: State::Magic(0), whole_line: false, complete: false, starts: Vec::new() }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// The state after `byte`, which completes a byte of `out` at most; none if it does not belong there.
    fn after(&mut self, byte: u8, out: &mut Vec<u8>) -> Option<State> {
        Some(match self.state {
            State::Magic(n) if byte == MAGIC[n] && n + 1 == MAGIC.len() => State::Mode(0),
            State::Magic(n) if byte == MAGIC[n] => State::Magic(n + 1),
            State::Mode(n) if n < MODE_MAX && is_digit(byte) => State::Mode(n + 1),
            State::Mode(n) if n >= MODE_MIN && byte == b' ' => State::Name(0),
            State::Name(n) if byte == b'\n' && n > 0 => State::Length,
            State::Name(n) if byte != b'\n' && n < NAME_MAX => State::Name(n + 1),
            State::Length => self.line(byte)?,
            State::Data(data) | State::Cut(data) if byte == b'\n' => State::Blanks(data),
            State::Data(data) if byte == b'\r' => State::Cut(data),
            State::Data(mut data) => {
                out.extend(data.take(value(byte)?));
                match data.chars {
                    0 => State::Extra(0),
                    _ => State::Data(data),
                }
            }
            State::Extra(_) if byte == b'\n' => {
                self.whole_line |= !self.complete;
                State::Length
            }
            State::Extra(n) if n < EXTRA_MAX && (byte == b'\r' || value(byte).is_some()) => {
                State::Extra(n + 1)
            }
            State::End(n) if byte == END[n] && n + 1 == END.len() => State::Ended,
            State::End(n) if byte == END[n] => State::End(n + 1),
            _ => return None,
        })
    }

    /// The state after the first byte of a line.
    fn line(&mut self, byte: u8) -> Option<State> {
        let len = match byte {
            // The blank that is its length was taken away.
            b'\n' => {
                self.complete = true;
                return Some(State::Length);
            }
            b'\r' => 0,
            b'e' => return Some(State::End(1)),
            _ => value(byte)?,
        };
        self.complete = len == 0;
        Some(if len == 0 { State::Extra(0) } else { State::Data(Data::new(len)) })
    }
}

impl Default for Uuencode {
    fn default() -> Self {
        Self::new()
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Uuencode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uuencode").field("complete", &self.complete).finish_non_exhaustive()
    }
}

impl Decoder for Uuencode {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        let limit = out.len().saturating_add(cap);
        take_turns(input, |rest| match (self.state, rest.first()) {
            (State::Ended, _) => (0, Next::Done),
            (State::Failed(fault), _) => (0, Next::Bad(fault)),
            (State::Blanks(Data { bytes: 0, .. }), _) => {
                self.state = State::Length;
                (0, Next::State)
            }
            (State::Blanks(_), _) if out.len() >= limit => (0, Next::Room),
            (State::Blanks(mut data), _) => {
                out.extend(data.take(0));
                self.state = State::Blanks(data);
                (0, Next::State)
            }
            (_, None) => (0, Next::Input),
            (State::Data(_), _) if out.len() >= limit => (0, Next::Room),
            (_, Some(byte)) => match self.after(*byte, out) {
                Some(state) => {
                    self.state = state;
                    (1, Next::State)
                }
                None => {
                    self.state = if self.complete { State::Ended } else { State::Failed(Fault::Corrupt) };
                    (0, Next::State)
                }
            },
        })
    }

    fn end(&mut self) -> Result<(), Fault> {
        if self.complete || matches!(self.state, State::Ended) {
            return Ok(());
        }
        self.state = State::Failed(Fault::Truncated);
        Err(Fault::Truncated)
    }

    fn unreleased(&self) -> u64 {
        match self.state {
            State::Data(data) | State::Cut(data) => u64::from(data.bytes > 0 && data.pending > 0),
            _ => 0,
        }
    }

    fn block_max(&self) -> u64 {
        1
    }

    fn reset(&mut self) {
        Uuencode::reset(self);
    }

    fn window_bytes(&self) -> u64 {
        0
    }

    /// Whether a line was as long as it said.
    fn is_established(&self) -> bool {
        self.whole_line
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}
