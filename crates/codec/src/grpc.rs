//! gRPC's length-prefixed messages ([gRPC over HTTP2]), of [Protocol Buffers].
//!
//! ```text
//! +------+------------+-----------------------------------------+------+---
//! | FLAG | LEN (4, BE) | message, LEN bytes                      | FLAG | ...
//! +------+------------+-----------------------------------------+------+---
//!   FLAG: 1 if the message is compressed
//!   message: fields, each a tag (varint: number << 3 | type) and a value: type 0 varint, 1 of 8 bytes, 2 length (varint) and bytes, 5 of 4 bytes
//! ```
//!
//! What a client sends in pieces is a field of one message after the other. So the output is what fields of type 2 hold, those of one message apart by a
//! line feed; other fields are passed over. A message that does not read as fields is handed out as it stands from there on, as is one that begins with two
//! printable characters, and a compressed one.
//!
//! [gRPC over HTTP2]: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
//! [Protocol Buffers]: https://protobuf.dev/programming-guides/encoding/

use crate::decoder::{Decoder, Fault, Next, Piece, Source, Step, take_turns};
use crate::framing::Pieces;

/// Bytes of [`starts`]'s input in which the first message that is not empty begins.
const HEAD: usize = 32;

/// The longest message that a stream may begin with, in bytes: one limit up to which a length begins with a zero.
const FIRST_MAX: u32 = (16 << 20) - 1;

/// The longest tag and length of a field, in bytes.
const FIELD_MAX: usize = 10;

/// What a compressed message may begin with: gzip, Zstandard.
const COMPRESSED: [&[u8]; 2] = [&[0x1f, 0x8b, 8], &[0x28, 0xb5, 0x2f, 0xfd]];

/// Whether `prefix` may begin a stream of messages, as far as it goes: lengths that make sense, and a first message that begins with a field, printable text
/// or what compressors write.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    matches!(prefix, [0 | 1] | [0 | 1, 0, ..])
        && Grpc::new().decode(prefix, &mut Vec::new(), usize::MAX >> 1) == Step::More
        && !(prefix.len() >= HEAD && prefix[..HEAD].iter().all(|byte| *byte == 0))
}

/// A push decoder for a stream of messages.
///
/// # Checks
///
/// A flag that is neither 0 nor 1 is [`Fault::Corrupt`]; a compressed message that begins neither as gzip nor as Zstandard is [`Fault::Unsupported`].
/// Before two messages that are not empty have been whole, so is a message that is longer than 16 MiB or begins with nothing that messages do.
///
/// # Latency
///
/// None, but for tags and lengths.
///
/// # End
///
/// That of the input, behind a message.
///
/// # Resource usage
///
/// Less than 250 bytes, and the pieces that have not been drained.
///
/// # Examples
///
/// ```
/// use exfilter_codec::Decoder;
/// use exfilter_codec::grpc::{self, Grpc};
///
/// let stream = b"\0\0\0\0\x06\x0a\x04fram\0\0\0\0\x05\x0a\x03ing";
/// assert!(grpc::starts(stream));
/// let mut out = Vec::new();
/// let _ = Grpc::new().decode(stream, &mut out, 100);
/// assert_eq!(out, b"framing");
/// ```
pub struct Grpc {
    state: State,
    /// Bytes of a prefix, or of a tag with its length, or of the beginning of a compressed message; the first `have` are there, and stand from `head_at` on.
    head: [u8; FIELD_MAX],
    have: usize,
    head_at: u64,
    /// Bytes of the message that follow.
    left: u64,
    /// Whether the message has had a tag, and a field of type 2.
    has_tag: bool,
    has_field: bool,
    /// Whole ones that were not empty.
    messages: u64,
    total_in: u64,
    pieces: Pieces,
    starts: Vec<u64>,
}

#[derive(Clone, Copy)]
enum State {
    Prefix,
    /// The beginning of a compressed message.
    Magic,
    /// A tag, and a length.
    Tag,
    /// A boundary before a field of so many bytes.
    Before(u64),
    /// The bytes of a field.
    Field(u64),
    /// A varint that is passed over.
    Varint,
    /// Bytes that are passed over.
    Skip(u64),
    /// What is in `head` from there on is handed out, then the rest of the message.
    Head(usize),
    Raw,
    Failed(Fault),
}

/// What a tag says, with its length.
enum Tag {
    More,
    Varint,
    Fixed(u64),
    Bytes(u64),
    /// It is none.
    None,
}

fn varint(bytes: &[u8], max: usize) -> Option<(u64, usize)> {
    let len = bytes.iter().take(max).position(|byte| *byte < 0x80)? + 1;
    let value = bytes[..len].iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f));
    Some((value, len))
}

impl Tag {
    fn read(head: &[u8]) -> Tag {
        const MAX: usize = FIELD_MAX / 2;
        let Some((tag, len)) = varint(head, MAX) else {
            return if head.len() < MAX { Tag::More } else { Tag::None };
        };
        match tag & 7 {
            _ if tag >> 3 == 0 => Tag::None,
            0 => Tag::Varint,
            1 => Tag::Fixed(8),
            5 => Tag::Fixed(4),
            2 => match varint(&head[len..], MAX) {
                Some((len, _)) => Tag::Bytes(len),
                None if head.len() - len < MAX => Tag::More,
                None => Tag::None,
            },
            _ => Tag::None,
        }
    }
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

impl Grpc {
    /// A decoder that expects the first byte of a message's prefix.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Prefix,
            head: [0; FIELD_MAX],
            have: 0,
            head_at: 0,
            left: 0,
            has_tag: false,
            has_field: false,
            messages: 0,
            total_in: 0,
            pieces: Pieces::default(),
            starts: Vec::new(),
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    fn fail(&mut self, fault: Fault) -> (usize, Next) {
        self.state = State::Failed(fault);
        (0, Next::State)
    }

    /// Expects a tag, a magic number or a prefix.
    fn expect(&mut self, state: State) {
        self.have = 0;
        self.state = state;
    }

    /// A byte of a prefix.
    fn prefix(&mut self, byte: u8) -> (usize, Next) {
        let is_guess = !self.is_established();
        self.head[self.have] = byte;
        if self.have == 0 && byte > 1 {
            return self.fail(Fault::Corrupt);
        }
        self.have += 1;
        if let &[flag, a, b, c, d] = &self.head[..self.have] {
            let length = u32::from_be_bytes([a, b, c, d]);
            if is_guess && length > FIRST_MAX {
                return self.fail(Fault::Corrupt);
            }
            self.left = length.into();
            (self.has_tag, self.has_field) = (false, false);
            let state = match length {
                0 => State::Prefix,
                _ if flag == 1 => State::Magic,
                _ => State::Tag,
            };
            self.expect(state);
        }
        (1, Next::State)
    }

    /// A byte of the message that is kept in `head`.
    fn keep(&mut self, byte: u8) {
        if self.have == 0 {
            self.head_at = self.total_in;
        }
        self.head[self.have] = byte;
        self.have += 1;
        self.left -= 1;
    }

    /// A byte of a compressed message's beginning.
    fn magic(&mut self, byte: u8) -> (usize, Next) {
        self.keep(byte);
        let head = &self.head[..self.have];
        if COMPRESSED.iter().any(|magic| head.starts_with(magic)) {
            self.state = State::Head(0);
        } else if self.left == 0 || !COMPRESSED.iter().any(|magic| magic.starts_with(head)) {
            self.state = State::Failed(Fault::Unsupported);
        }
        (1, Next::State)
    }

    /// A byte of a tag and its length.
    fn tag(&mut self, byte: u8) -> (usize, Next) {
        self.keep(byte);
        let head = &self.head[..self.have];
        let is_first = !self.has_tag;
        if is_first && self.messages == 0 && head.len() == 1 {
            let is_tag = byte >> 3 > 0 && matches!(byte & 7, 0..=2 | 5);
            if !is_tag && !is_printable(byte) && !byte.is_ascii_whitespace() {
                // Noise begins with anything.
                self.state = State::Failed(Fault::Corrupt);
                return (1, Next::State);
            }
        }
        let printable = head.iter().take(2).all(|byte| is_printable(*byte));
        let state = match Tag::read(head) {
            _ if is_first && printable && head.len() == 1 && self.left > 0 => State::Tag,
            _ if is_first && printable => State::Head(0),
            Tag::More if self.left == 0 => State::Head(0),
            Tag::More => State::Tag,
            Tag::Varint if self.left > 0 => State::Varint,
            Tag::Fixed(len) if len <= self.left => State::Skip(len),
            Tag::Bytes(len) if len <= self.left && self.has_field && len > 0 => State::Before(len),
            Tag::Bytes(len) if len <= self.left => State::Field(len),
            _ => State::Head(0),
        };
        self.has_field |= matches!(state, State::Field(1..));
        if !matches!(state, State::Tag | State::Head(_)) {
            (self.have, self.has_tag) = (0, true);
        }
        self.state = state;
        (1, Next::State)
    }

    fn turn(&mut self, rest: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        match (self.state, rest.first()) {
            (State::Failed(fault), _) => (0, Next::Bad(fault)),
            (State::Head(from), _) => {
                let room = (limit - out.len()).min(self.have - from);
                if room == 0 && from < self.have {
                    return (0, Next::Room);
                }
                out.extend_from_slice(&self.head[from..from + room]);
                self.pieces.note(Source::Plain(self.head_at + from as u64), room);
                self.state = State::Head(from + room);
                if from + room == self.have {
                    self.expect(State::Raw);
                }
                (0, Next::State)
            }
            (State::Before(len), _) => {
                if !self.pieces.separate(self.total_in - 1, out, limit) {
                    return (0, Next::Room);
                }
                self.state = State::Field(len);
                (0, Next::State)
            }
            (State::Field(0) | State::Skip(0), _) => {
                self.expect(State::Tag);
                (0, Next::State)
            }
            (State::Raw | State::Tag, _) if self.left == 0 => {
                self.messages += 1;
                self.expect(State::Prefix);
                (0, Next::State)
            }
            (State::Raw, _) => {
                let (taken, next) = self.pieces.copy(self.left, rest, self.total_in, out, limit);
                self.left -= taken as u64;
                (taken, next)
            }
            (State::Field(len), _) => {
                let (taken, next) = self.pieces.copy(len, rest, self.total_in, out, limit);
                self.left -= taken as u64;
                self.state = State::Field(len - taken as u64);
                (taken, next)
            }
            (_, None) => (0, Next::Input),
            (State::Skip(len), _) => {
                let taken = (rest.len() as u64).min(len);
                self.left -= taken;
                self.state = State::Skip(len - taken);
                (taken as usize, Next::State)
            }
            (State::Prefix, Some(byte)) => self.prefix(*byte),
            (State::Magic, Some(byte)) => self.magic(*byte),
            (State::Tag, Some(byte)) => self.tag(*byte),
            (State::Varint, Some(byte)) => {
                self.left -= 1;
                if *byte < 0x80 || self.left == 0 {
                    self.expect(State::Tag);
                }
                (1, Next::State)
            }
        }
    }
}

impl Default for Grpc {
    fn default() -> Self {
        Self::new()
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Grpc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grpc").field("total_in", &self.total_in).finish_non_exhaustive()
    }
}

impl Decoder for Grpc {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        let limit = out.len().saturating_add(cap);
        take_turns(input, |rest| {
            let (used, next) = self.turn(rest, out, limit);
            self.total_in += used as u64;
            (used, next)
        })
    }

    fn finish(&mut self, out: &mut Vec<u8>, cap: usize) -> Step {
        if matches!(self.state, State::Tag | State::Magic) && self.have > 0 {
            // It is what it is.
            self.state = State::Head(0);
        }
        match self.decode(&[], out, cap) {
            Step::More => match self.end() {
                Ok(()) => Step::Done { consumed: 0 },
                Err(fault) => Step::Bad { consumed: 0, fault },
            },
            step => step,
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        if matches!(self.state, State::Prefix) && self.have == 0 {
            return Ok(());
        }
        self.state = State::Failed(Fault::Truncated);
        Err(Fault::Truncated)
    }

    fn unreleased(&self) -> u64 {
        match self.state {
            State::Tag | State::Magic => self.have as u64,
            State::Head(from) => (self.have - from) as u64,
            _ => 0,
        }
    }

    fn block_max(&self) -> u64 {
        FIELD_MAX as u64
    }

    fn reset(&mut self) {
        Grpc::reset(self);
    }

    fn window_bytes(&self) -> u64 {
        0
    }

    /// Whether two messages that are not empty have been whole.
    fn is_established(&self) -> bool {
        self.messages >= 2
    }

    fn pieces(&mut self) -> Option<&mut Vec<Piece>> {
        Some(&mut self.pieces.list)
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}
