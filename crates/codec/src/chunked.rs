//! HTTP/1.1 chunks ([RFC 9112 section 7.1]).
//!
//! ```text
//! +------+------------+------+-------------+------+-----+---+------------+------+----------+------+
//! | size | extensions | CRLF | size bytes  | CRLF | ... | 0 | extensions | CRLF | trailers | CRLF |    size: hexadecimal digits
//! +------+------------+------+-------------+------+-----+---+------------+------+----------+------+
//! ```
//!
//! Extensions and trailers are passed over. A line may end with a line feed alone, as receivers accept it, but not the first one.
//!
//! [RFC 9112 section 7.1]: https://www.rfc-editor.org/rfc/rfc9112#section-7.1

use crate::decoder::{Decoder, Fault, Next, Piece, Step, take_turns};
use crate::framing::Pieces;

/// The longest line of a size and its extensions, in bytes.
pub const LINE_MAX: u32 = 4096;

/// Bytes of all trailers.
pub const TRAILERS_MAX: u32 = 64 << 10;

/// Digits of a size, leading zeros among them.
const DIGITS: u32 = 16;

/// Whether `prefix` may begin a body in chunks, as far as it goes: a size that is not zero, and what it says.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    if !prefix.first().is_some_and(u8::is_ascii_hexdigit) {
        return false;
    }
    let step = Chunked::new().decode(prefix, &mut Vec::new(), usize::MAX >> 1);
    matches!(step, Step::More | Step::Done { .. })
}

/// A push decoder for a body in chunks.
///
/// # Latency
///
/// None.
///
/// # End
///
/// [`Step::Done`] is reported with the line feed behind the trailers.
///
/// # Resource usage
///
/// Less than 200 bytes, and the pieces that have not been drained.
///
/// # Examples
///
/// ```
/// use exfilter_codec::chunked::{self, Chunked};
/// use exfilter_codec::{Decoder, Step};
///
/// let body = b"4\r\nfram\r\n3;a=b\r\ning\r\n0\r\n\r\n";
/// assert!(chunked::starts(body));
/// let mut out = Vec::new();
/// assert_eq!(Chunked::new().decode(body, &mut out, 100), Step::Done { consumed: body.len() });
/// assert_eq!(out, b"framing");
/// ```
pub struct Chunked {
    state: State,
    total_in: u64,
    /// Whole ones.
    chunks: u64,
    pieces: Pieces,
    starts: Vec<u64>,
}

#[derive(Clone, Copy)]
enum State {
    /// A size's digits, of which there were `digits` so far.
    Size {
        digits: u32,
        size: u64,
    },
    /// What follows them, `len` bytes into the line; `cr` if the last one was a carriage return.
    Line {
        len: u32,
        size: u64,
        cr: bool,
    },
    Data {
        left: u64,
    },
    /// Behind the data; `cr` if a carriage return has been seen.
    Behind {
        cr: bool,
    },
    /// `line` bytes of a trailer, carriage returns apart, and `total` of all of them.
    Trailers {
        line: u32,
        total: u32,
    },
    Ended,
    Failed(Fault),
}

impl State {
    const NEXT: State = State::Size { digits: 0, size: 0 };
}

impl Chunked {
    /// A decoder that expects the first byte of a size.
    #[must_use]
    pub fn new() -> Self {
        Self { state: State::NEXT, total_in: 0, chunks: 0, pieces: Pieces::default(), starts: Vec::new() }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// The state after `byte`, which is not data; none if it does not belong there.
    fn after(&mut self, byte: u8) -> Option<State> {
        Some(match self.state {
            State::Size { digits, size } => match (char::from(byte).to_digit(16), byte) {
                (Some(digit), _) if digits < DIGITS => {
                    State::Size { digits: digits + 1, size: size << 4 | u64::from(digit) }
                }
                _ if digits == 0 => return None,
                (None, b'\r' | b'\n' | b' ' | b'\t' | b';') => {
                    self.state = State::Line { len: digits, size, cr: false };
                    return self.after(byte);
                }
                _ => return None,
            },
            // A text that begins with a number goes on like that, and not with a carriage return.
            State::Line { cr: false, .. } if byte == b'\n' && self.chunks == 0 => return None,
            State::Line { size, .. } if byte == b'\n' => match size {
                0 if self.chunks == 0 => return None,
                0 => State::Trailers { line: 0, total: 0 },
                left => State::Data { left },
            },
            State::Line { cr: true, .. } => return None,
            State::Line { len, size, .. } if len < LINE_MAX => {
                State::Line { len: len + 1, size, cr: byte == b'\r' }
            }
            State::Behind { cr: false } if byte == b'\r' => State::Behind { cr: true },
            State::Behind { .. } if byte == b'\n' => {
                self.chunks += 1;
                State::NEXT
            }
            State::Trailers { line: 0, .. } if byte == b'\n' => State::Ended,
            State::Trailers { line, total } if total < TRAILERS_MAX => State::Trailers {
                line: match byte {
                    b'\n' => 0,
                    b'\r' => line,
                    _ => line + 1,
                },
                total: total + 1,
            },
            _ => return None,
        })
    }
}

impl Default for Chunked {
    fn default() -> Self {
        Self::new()
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Chunked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunked").field("total_in", &self.total_in).finish_non_exhaustive()
    }
}

impl Decoder for Chunked {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        let limit = out.len().saturating_add(cap);
        take_turns(input, |rest| {
            let (used, next) = match (self.state, rest.first()) {
                (State::Ended, _) => (0, Next::Done),
                (State::Failed(fault), _) => (0, Next::Bad(fault)),
                (State::Data { left: 0 }, _) => {
                    self.state = State::Behind { cr: false };
                    (0, Next::State)
                }
                (State::Data { left }, _) => {
                    let (taken, next) = self.pieces.copy(left, rest, self.total_in, out, limit);
                    self.state = State::Data { left: left - taken as u64 };
                    (taken, next)
                }
                (_, None) => (0, Next::Input),
                (_, Some(byte)) => match self.after(*byte) {
                    Some(state) => {
                        self.state = state;
                        (1, Next::State)
                    }
                    None => {
                        self.state = State::Failed(Fault::Corrupt);
                        (0, Next::State)
                    }
                },
            };
            self.total_in += used as u64;
            (used, next)
        })
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.state = State::Failed(Fault::Truncated);
        Err(Fault::Truncated)
    }

    fn unreleased(&self) -> u64 {
        0
    }

    fn block_max(&self) -> u64 {
        0
    }

    fn reset(&mut self) {
        Chunked::reset(self);
    }

    fn window_bytes(&self) -> u64 {
        0
    }

    /// Whether two chunks were whole, or all of it.
    fn is_established(&self) -> bool {
        self.chunks >= 2 || matches!(self.state, State::Ended)
    }

    fn pieces(&mut self) -> Option<&mut Vec<Piece>> {
        Some(&mut self.pieces.list)
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}
