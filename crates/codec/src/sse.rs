//! Server-sent events ([`text/event-stream`]).
//!
//! ```text
//! event: delta\n
//! data: one line of an event's data\n          output: one line of an event's dataand the next line\n
//! data: and the next line\n
//! \n
//! ```
//!
//! The lines of an event's data are joined without the line break that receivers put between them, so that what was cut there is whole again; a line feed
//! stands behind each event. Other fields and comments are passed over. Lines end with a line feed, a carriage return, or both.
//!
//! [`text/event-stream`]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

use memchr::memchr2;

use crate::decoder::{Decoder, Fault, Next, Piece, Step, take_turns};
use crate::framing::Pieces;

/// The fields there are.
const FIELDS: [&[u8]; 5] = [b"data", b"event", b"id", b"retry", b""];

/// The longest of their names.
const NAME_MAX: usize = 5;

const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Whether `prefix` may begin an event stream, as far as it goes: each line a field that exists, or a comment.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    matches!(prefix.first(), Some(b'd' | b'e' | b'i' | b'r' | b':' | 0xef))
        && Sse::new().decode(prefix, &mut Vec::new(), usize::MAX >> 1) == Step::More
}

/// A push decoder for event streams.
///
/// # Checks
///
/// A receiver takes any text for an event stream and passes over what it does not know. Here that is [`Fault::Corrupt`] before the first event with
/// data is whole.
///
/// # Latency
///
/// None.
///
/// # End
///
/// That of the input, anywhere.
///
/// # Resource usage
///
/// Less than 200 bytes, and the pieces that have not been drained.
///
/// # Examples
///
/// ```
/// use exfilter_codec::Decoder;
/// use exfilter_codec::sse::{self, Sse};
///
/// let stream = b"data: fram\ndata: ing\n\n: comment\ndata:it\n\n";
/// assert!(sse::starts(stream));
/// let mut out = Vec::new();
/// let _ = Sse::new().decode(stream, &mut out, 100);
/// assert_eq!(out, b"framing\nit\n");
/// ```
pub struct Sse {
    state: State,
    /// Whether the last byte was a carriage return that ended a line.
    cr: bool,
    /// Whether the event has data.
    has_data: bool,
    established: bool,
    total_in: u64,
    pieces: Pieces,
    starts: Vec<u64>,
}

#[derive(Clone, Copy)]
enum State {
    /// So many bytes of a byte order mark.
    Mark(usize),
    /// So many bytes of a field's name.
    Name {
        len: usize,
        name: [u8; NAME_MAX],
    },
    /// A value of data, before its first byte: one space does not belong to it.
    Space,
    Value,
    /// A line that is passed over.
    Other,
    Failed(Fault),
}

impl State {
    const LINE: State = State::Name { len: 0, name: [0; NAME_MAX] };
}

impl Sse {
    /// A decoder that expects the first byte of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Mark(0),
            cr: false,
            has_data: false,
            established: false,
            total_in: 0,
            pieces: Pieces::default(),
            starts: Vec::new(),
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// A line that begins with something else.
    fn unknown(&self) -> State {
        if self.established { State::Other } else { State::Failed(Fault::Corrupt) }
    }

    /// Takes `byte` of a name; whether it was taken, and did not want for room.
    fn name(
        &mut self,
        len: usize,
        mut name: [u8; NAME_MAX],
        byte: u8,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> bool {
        let is_known = FIELDS.contains(&&name[..len]);
        self.state = match byte {
            b'\r' | b'\n' if len == 0 => {
                if self.has_data {
                    if !self.pieces.separate(self.total_in, out, limit) {
                        return false;
                    }
                    self.established = true;
                }
                self.has_data = false;
                State::LINE
            }
            b':' if &name[..len] == b"data" => State::Space,
            b':' if is_known => State::Other,
            b'\r' | b'\n' if is_known => State::LINE,
            b':' | b'\r' | b'\n' => self.unknown(),
            _ if len < NAME_MAX => {
                name[len] = byte;
                if FIELDS.iter().any(|field| field.starts_with(&name[..=len])) {
                    State::Name { len: len + 1, name }
                } else {
                    self.unknown()
                }
            }
            _ => self.unknown(),
        };
        if matches!(self.state, State::Name { len: 0, .. }) {
            self.cr = byte == b'\r';
        }
        // A line that is passed over ends as others do.
        !(matches!(self.state, State::Other) && matches!(byte, b'\r' | b'\n')
            || matches!(self.state, State::Failed(_)))
    }

    fn turn(&mut self, rest: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        if let State::Failed(fault) = self.state {
            return (0, Next::Bad(fault));
        }
        let Some(&byte) = rest.first() else { return (0, Next::Input) };
        let is_rest_of_break = std::mem::take(&mut self.cr) && byte == b'\n';
        match self.state {
            State::Mark(at) if byte == MARK[at] => {
                self.state = if at + 1 == MARK.len() { State::LINE } else { State::Mark(at + 1) };
                (1, Next::State)
            }
            State::Mark(0) => {
                self.state = State::LINE;
                (0, Next::State)
            }
            State::Mark(_) => {
                self.state = State::Failed(Fault::Corrupt);
                (0, Next::State)
            }
            State::Name { len: 0, .. } if is_rest_of_break => (1, Next::State),
            State::Name { len, name } => {
                let taken = self.name(len, name, byte, out, limit);
                let waits = !taken && matches!(self.state, State::Name { .. });
                (usize::from(taken), if waits { Next::Room } else { Next::State })
            }
            State::Space => {
                self.has_data = true;
                self.state = State::Value;
                (usize::from(byte == b' '), Next::State)
            }
            State::Value | State::Other => {
                let end = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                if end == 0 {
                    self.state = State::LINE;
                    self.cr = byte == b'\r';
                    return (1, Next::State);
                }
                if matches!(self.state, State::Other) {
                    return (end, Next::State);
                }
                self.pieces.copy(end as u64, &rest[..end], self.total_in, out, limit)
            }
            State::Failed(fault) => (0, Next::Bad(fault)),
        }
    }
}

impl Default for Sse {
    fn default() -> Self {
        Self::new()
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Sse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sse").field("total_in", &self.total_in).finish_non_exhaustive()
    }
}

impl Decoder for Sse {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        let limit = out.len().saturating_add(cap);
        take_turns(input, |rest| {
            let (used, next) = self.turn(rest, out, limit);
            self.total_in += used as u64;
            (used, next)
        })
    }

    fn finish(&mut self, _out: &mut Vec<u8>, _cap: usize) -> Step {
        match self.end() {
            Ok(()) => Step::Done { consumed: 0 },
            Err(fault) => Step::Bad { consumed: 0, fault },
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        match self.state {
            State::Failed(fault) => Err(fault),
            _ => Ok(()),
        }
    }

    fn unreleased(&self) -> u64 {
        0
    }

    fn block_max(&self) -> u64 {
        0
    }

    fn reset(&mut self) {
        Sse::reset(self);
    }

    fn window_bytes(&self) -> u64 {
        0
    }

    /// Whether an event with data has been whole.
    fn is_established(&self) -> bool {
        self.established
    }

    fn pieces(&mut self) -> Option<&mut Vec<Piece>> {
        Some(&mut self.pieces.list)
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}
