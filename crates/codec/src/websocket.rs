//! WebSocket frames as clients send them ([RFC 6455 section 5.2]), and messages compressed with permessage-deflate ([RFC 7692 section 7]).
//!
//! ```text
//! +-----------------+----------+------------------+----------+-------------------+
//! | F 1 2 3  OPCODE | 1  LEN   | longer LEN (0, 2 | MASK (4) | payload, masked   |      F: the last of its message
//! | 4 bits   4 bits |   7 bits | or 8, BE)        |          |                   |      1: the message is compressed
//! +-----------------+----------+------------------+----------+-------------------+
//!   OPCODE: 0 goes on with a message, 1 begins a text, 2 binary; 8, 9 and 10 control, also between the frames of a message
//!   LEN: up to 125, 126 and 127 for a longer one of 2 and 8 bytes
//! ```
//!
//! The frames of a message are joined. Binary messages are joined too, for what is tunnelled is cut anywhere; a line feed stands behind a text. What a control
//! frame holds is handed out between messages, and passed over between the frames of one.
//!
//! [RFC 6455 section 5.2]: https://www.rfc-editor.org/rfc/rfc6455#section-5.2
//! [RFC 7692 section 7]: https://www.rfc-editor.org/rfc/rfc7692#section-7

use crate::decoder::{Decoder, Fault, Next, Piece, Source, Step, take_turns};
use crate::framing::Pieces;
use crate::inflate::{Inflated, Inflater};

/// Frames that must be whole until they are believed: about one place in 40 of random data looks like the header of one.
const ESTABLISHED: u64 = 4;

/// What a sender takes off the end of a compressed message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The longest header.
const HEAD_MAX: usize = 14;

/// Whether `prefix` may begin a client's frames, as far as it goes: headers that make sense, and text that is UTF-8.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    // What the header below would say too, without a decoder.
    let is_first =
        |byte: &u8| matches!(byte, 0x01 | 0x02 | 0x41 | 0x42 | 0x81 | 0x82 | 0xc1 | 0xc2 | 0x88..=0x8a);
    if !prefix.first().is_some_and(is_first) || prefix.get(1).is_some_and(|byte| *byte < 0x80) {
        return false;
    }
    let mut out = Vec::new();
    let mut decoder = WebSocket::new();
    // Archives in text frames are not for people to read, but they are no noise.
    let is_text = |out: &[u8]| str::from_utf8(out).map_or_else(|error| error.error_len().is_none(), |_| true);
    if decoder.decode(prefix, &mut out, usize::MAX >> 1) != Step::More {
        return false;
    }
    let first = prefix.get(1).map_or(0, |len| usize::from(len & 0x7f));
    prefix[0] & 0x4f != TEXT || is_text(&out[..first.min(out.len())])
}

const TEXT: u8 = 1;

/// A push decoder for a client's frames.
///
/// # Checks
///
/// A frame without a mask, a length that is longer than it need be, a reserved bit or opcode, and frames in an order that is none are [`Fault::Corrupt`], as is
/// a compressed message that does not decode. Text is not checked.
///
/// A compressed message may refer to those before it, whatever has been negotiated.
///
/// # Latency
///
/// None.
///
/// # End
///
/// That of the input, behind a frame.
///
/// # Resource usage
///
/// Less than 250 bytes, and the pieces that have not been drained; 43 KiB more from the first compressed message on.
///
/// # Examples
///
/// ```
/// use exfilter_codec::Decoder;
/// use exfilter_codec::websocket::{self, WebSocket};
///
/// // Two frames of a text, with masks of zeros.
/// let frames = b"\x01\x84\0\0\0\0fram\x80\x83\0\0\0\0ing";
/// assert!(websocket::starts(frames));
/// let mut out = Vec::new();
/// let _ = WebSocket::new().decode(frames, &mut out, 100);
/// assert_eq!(out, b"framing\n");
/// ```
pub struct WebSocket {
    state: State,
    /// A header, of which the first `have` bytes are there.
    head: [u8; HEAD_MAX],
    have: usize,
    frame: Frame,
    message: Option<Message>,
    inflater: Option<Inflater>,
    /// Whether the output is behind a message, so that nothing need stand between.
    is_apart: bool,
    /// Whole ones.
    frames: u64,
    total_in: u64,
    /// `total_in` when nothing was waiting for the last time.
    drained_in: u64,
    pieces: Pieces,
    starts: Vec<u64>,
}

/// The frame that is being read.
#[derive(Clone, Copy, Default)]
struct Frame {
    fin: bool,
    control: bool,
    /// Whether there is something in it.
    full: bool,
    mask: [u8; 4],
    /// The place in the mask of the next byte.
    at: usize,
    left: u64,
}

/// The message that is being read.
#[derive(Clone, Copy)]
struct Message {
    text: bool,
    compressed: bool,
}

#[derive(Clone, Copy)]
enum State {
    Head,
    /// A boundary before what a control frame holds.
    Before,
    Payload,
    /// From there on, what was taken off the end of a compressed message.
    Tail(usize),
    /// A boundary behind a message, or behind what a control frame holds.
    After,
    Failed(Fault),
}

impl WebSocket {
    /// A decoder that expects the first byte of a frame.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Head,
            head: [0; HEAD_MAX],
            have: 0,
            frame: Frame::default(),
            message: None,
            inflater: None,
            is_apart: true,
            frames: 0,
            total_in: 0,
            drained_in: 0,
            pieces: Pieces::default(),
            starts: Vec::new(),
        }
    }

    /// Forgets everything and wipes the window; its allocation stays.
    pub fn reset(&mut self) {
        let mut inflater = self.inflater.take();
        if let Some(inflater) = &mut inflater {
            inflater.reset();
        }
        *self = Self { inflater, ..Self::new() };
    }

    /// Reads the header as far as it is there; whether it makes sense.
    fn header(&mut self) -> bool {
        let head = &self.head[..self.have];
        let first = head[0];
        let (fin, rsv1, opcode) = (first & 0x80 != 0, first & 0x40 != 0, first & 0x0f);
        let control = opcode & 8 != 0;
        let in_order = match opcode {
            0 => self.message.is_some() && !rsv1,
            1 | 2 => self.message.is_none(),
            8..=10 => fin && !rsv1,
            _ => false,
        };
        if !in_order || first & 0x30 != 0 {
            return false;
        }
        let Some(&second) = head.get(1) else { return true };
        let (masked, short) = (second & 0x80 != 0, second & 0x7f);
        if !masked || control && short > 125 {
            return false;
        }
        let more = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if head.len() < 2 + more {
            return true;
        }
        let length = head[2..2 + more].iter().fold(0, |length: u64, byte| length << 8 | u64::from(*byte));
        let (length, least) = match more {
            0 => (short.into(), 0),
            2 => (length, 126),
            _ => (length, 1 << 16),
        };
        if length < least || length >> 63 != 0 {
            return false;
        }
        let Some(mask) = head[2 + more..].first_chunk() else { return true };
        self.frame = Frame { fin, control, full: length > 0, mask: *mask, at: 0, left: length };
        if matches!(opcode, 1 | 2) {
            self.message = Some(Message { text: opcode == TEXT, compressed: rsv1 });
        }
        let apart = control && length > 0 && self.message.is_none() && !self.is_apart;
        self.state = if apart { State::Before } else { State::Payload };
        self.have = 0;
        true
    }

    /// Whether the frame's payload is passed over.
    fn is_between(&self) -> bool {
        self.frame.control && self.message.is_some()
    }

    /// The state behind the frame's payload.
    fn behind(&mut self) -> State {
        self.frames += 1;
        match self.message {
            _ if self.is_between() => State::Head,
            None if self.frame.full => State::After,
            None => State::Head,
            Some(_) if !self.frame.fin => State::Head,
            Some(Message { compressed: true, .. }) => State::Tail(0),
            Some(_) => self.behind_message(),
        }
    }

    /// The state behind a message.
    fn behind_message(&mut self) -> State {
        let text = self.message.take().is_some_and(|message| message.text);
        if text && !self.is_apart { State::After } else { State::Head }
    }

    /// Inflates `input`; returns what was consumed, and how decoding goes on if that is not all.
    fn inflate(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        let inflater = self.inflater.get_or_insert_with(Inflater::new);
        let before = out.len();
        let (used, inflated) = inflater.inflate(input, out, limit);
        match inflated {
            Inflated::Input | Inflated::Room => {}
            // The next block begins another stream, with the same window.
            Inflated::Done => inflater.go_on(),
            Inflated::Bad(fault) => self.state = State::Failed(fault),
        }
        let made = out.len() - before;
        self.pieces.note(Source::Made, made);
        self.is_apart &= made == 0;
        (used, inflated.next())
    }

    fn is_waiting(&self) -> bool {
        self.inflater.as_ref().is_some_and(Inflater::is_waiting)
    }

    /// Takes some of the payload.
    fn payload(&mut self, rest: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        let most = usize::try_from(self.frame.left).unwrap_or(usize::MAX);
        let input = &rest[..rest.len().min(most)];
        let compressed = !self.frame.control && self.message.is_some_and(|message| message.compressed);
        let (used, next) = if self.is_between() {
            (input.len(), if input.is_empty() { Next::Input } else { Next::State })
        } else if compressed {
            let mut plain = [0; 512];
            let input = &input[..input.len().min(plain.len())];
            for (i, (plain, byte)) in plain.iter_mut().zip(input).enumerate() {
                *plain = byte ^ self.frame.mask[(self.frame.at + i) % 4];
            }
            match self.inflate(&plain[..input.len()], out, limit) {
                // Behind the payload, or where more of it is at hand.
                (used, Next::Input) if used > 0 || self.frame.left == 0 => (used, Next::State),
                taken => taken,
            }
        } else {
            let room = limit - out.len();
            let input = &input[..input.len().min(room)];
            let masked = input.iter().enumerate().map(|(i, b)| b ^ self.frame.mask[(self.frame.at + i) % 4]);
            out.extend(masked);
            self.pieces.note(Source::Changed(self.total_in), input.len());
            self.is_apart &= input.is_empty();
            match input.len() {
                0 => (0, if rest.is_empty() { Next::Input } else { Next::Room }),
                used => (used, Next::State),
            }
        };
        self.frame.left -= used as u64;
        self.frame.at = (self.frame.at + used) % 4;
        (used, next)
    }

    fn turn(&mut self, rest: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        match self.state {
            State::Failed(fault) => (0, Next::Bad(fault)),
            State::Head => {
                let Some(byte) = rest.first() else { return (0, Next::Input) };
                self.head[self.have] = *byte;
                self.have += 1;
                if !self.header() {
                    // The byte at fault is not consumed.
                    self.state = State::Failed(Fault::Corrupt);
                    return (0, Next::State);
                }
                (1, Next::State)
            }
            State::Before | State::After => {
                if !self.pieces.separate(self.total_in - 1, out, limit) {
                    return (0, Next::Room);
                }
                self.is_apart = true;
                self.state = if matches!(self.state, State::Before) { State::Payload } else { State::Head };
                (0, Next::State)
            }
            State::Payload if self.frame.left == 0 && !self.is_waiting() => {
                self.state = self.behind();
                (0, Next::State)
            }
            State::Payload => self.payload(rest, out, limit),
            State::Tail(at) => {
                let (used, next) = self.inflate(&TAIL[at..], out, limit);
                if matches!(self.state, State::Failed(_)) {
                    return (0, Next::State);
                }
                self.state = match next {
                    Next::Input => self.behind_message(),
                    _ => State::Tail(at + used),
                };
                (0, if matches!(next, Next::Room) { Next::Room } else { Next::State })
            }
        }
    }
}

impl Default for WebSocket {
    fn default() -> Self {
        Self::new()
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSocket").field("total_in", &self.total_in).finish_non_exhaustive()
    }
}

impl Decoder for WebSocket {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        let limit = out.len().saturating_add(cap);
        let step = take_turns(input, |rest| {
            let (used, next) = self.turn(rest, out, limit);
            self.total_in += used as u64;
            (used, next)
        });
        if !matches!(step, Step::Full { .. }) {
            self.drained_in = self.total_in;
        }
        step
    }

    fn end(&mut self) -> Result<(), Fault> {
        if matches!(self.state, State::Head) && self.have == 0 {
            return Ok(());
        }
        self.state = State::Failed(Fault::Truncated);
        Err(Fault::Truncated)
    }

    fn unreleased(&self) -> u64 {
        self.total_in - self.drained_in
    }

    fn block_max(&self) -> u64 {
        0
    }

    fn reset(&mut self) {
        WebSocket::reset(self);
    }

    fn window_bytes(&self) -> u64 {
        self.inflater.as_ref().map_or(0, |_| Inflater::MEMORY)
    }

    /// Whether four frames have been whole.
    fn is_established(&self) -> bool {
        self.frames >= ESTABLISHED
    }

    fn pieces(&mut self) -> Option<&mut Vec<Piece>> {
        Some(&mut self.pieces.list)
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}
