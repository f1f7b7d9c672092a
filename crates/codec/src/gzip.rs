//! gzip ([RFC 1952]), all members as one output.
//!
//! ```text
//! +----+----+----+----+---------------+-----+----+
//! | 1f | 8b | 08 |FLG |     MTIME     | XFL | OS |            FLG: 01 text, 02 FHCRC, 04 FEXTRA, 08 FNAME,
//! +----+----+----+----+---------------+-----+----+                 10 FCOMMENT, the upper three bits are zero
//! | FEXTRA: XLEN (2, LE) and XLEN bytes | FNAME .. 0 | FCOMMENT .. 0 | FHCRC (2, LE) |      each only if its flag is set
//! +-------------------------------------+------------+---------------+---------------+
//! | deflate blocks ...                  | CRC32 (4, LE) | ISIZE (4, LE) |
//! +-------------------------------------+---------------+---------------+
//! ```
//!
//! Another member may follow at once; it begins where the four bytes `1f 8b 08 FLG` stand with a valid `FLG`.
//!
//! [RFC 1952]: https://www.rfc-editor.org/rfc/rfc1952

use crc32fast::Hasher;

use crate::decoder::{Decoder, Fault, Next, Step, take_turns};
use crate::inflate::{Inflated, Inflater};

/// The bytes every member begins with: the two identification bytes and the only compression method.
pub const MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Bytes that [`starts`] wants to see.
pub const PROBE_LEN: usize = 4;

const FHCRC: u8 = 0x02;
const FEXTRA: u8 = 0x04;
const FNAME: u8 = 0x08;
const FCOMMENT: u8 = 0x10;
const RESERVED: u8 = 0xe0;

/// The optional fields in the order in which they stand.
const FIELDS: [u8; 4] = [FEXTRA, FNAME, FCOMMENT, FHCRC];

/// Whether `prefix` begins with a member's first four bytes. Of random data one place in 2^27 does.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    prefix.starts_with(&MAGIC) && prefix.get(3).is_some_and(|flags| flags & RESERVED == 0)
}

/// A push decoder for gzip.
///
/// # Latency
///
/// None: a byte is handed out as soon as the last bit of the symbol that yields it has been given, so
/// [`Decoder::unreleased`] is 0 whenever the decoder is drained (its last step was not [`Step::Full`]).
///
/// # Checks
///
/// The CRC-32 and the length of each member are verified. A header checksum that does not fit is reported at the end of
/// its member, as [`Fault::Corrupt`], because there are receivers that do not look at it. Distances that reach before the
/// member's beginning are [`Fault::Corrupt`], as they are for zlib.
///
/// # End
///
/// What follows a member and is not the start of another one ends the content. [`Step::Done`] is reported at the first
/// byte that cannot belong to a further member's first four bytes; up to three bytes before it may have looked like them.
///
/// # Resource usage
///
/// 32 KiB for the window and about 11 KiB for tables, whatever the input. The window is wiped by [`Gzip::reset`] and on
/// drop.
pub struct Gzip {
    state: State,
    inflater: Inflater,
    /// Of the header while that is read, then of the member's output.
    crc: Hasher,
    flags: u8,
    /// Whether this member's header checksum did not fit.
    bad_header: bool,
    /// This member's output, modulo 2^32.
    isize: u32,
    /// Input consumed since the beginning.
    total_in: u64,
    /// `total_in` when nothing was waiting for the last time.
    drained_in: u64,
    established: bool,
    starts: Vec<u64>,
}

#[derive(Clone, Copy)]
enum State {
    /// `at` of the ten fixed bytes have been seen.
    Fixed {
        at: u8,
    },
    /// The length of FEXTRA; `low` once its first byte has been seen.
    ExtraLen {
        low: Option<u8>,
    },
    Extra {
        left: u16,
    },
    /// FNAME or FCOMMENT, up to a zero; `next` is the field after it.
    Text {
        next: u8,
    },
    HeaderCrc {
        low: Option<u8>,
    },
    Body,
    /// `at` of the eight bytes after the body have been seen; `sum` holds them, the newest highest.
    Trailer {
        at: u8,
        sum: u64,
    },
    /// `at` of a further member's first four bytes have been seen.
    Next {
        at: u8,
    },
    Ended,
    Failed(Fault),
}

impl Gzip {
    /// A decoder that expects the first byte of a member.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Fixed { at: 0 },
            inflater: Inflater::new(),
            crc: Hasher::new(),
            flags: 0,
            bad_header: false,
            isize: 0,
            total_in: 0,
            drained_in: 0,
            established: false,
            starts: Vec::new(),
        }
    }

    /// Forgets everything and wipes the window; the allocations stay.
    pub fn reset(&mut self) {
        self.inflater.reset();
        self.crc = Hasher::new();
        (self.flags, self.bad_header, self.isize) = (0, false, 0);
        (self.total_in, self.drained_in, self.established) = (0, 0, false);
        self.starts.clear();
        self.state = State::Fixed { at: 0 };
    }

    /// Reads header bytes until the header or the input ends; returns how many.
    fn header(&mut self, input: &[u8]) -> usize {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            let rest = &input[at..];
            // `hashed` bytes are consumed and belong to the header checksum.
            let mut hashed = 1;
            self.state = match self.state {
                State::Fixed { at } if at < 4 && !fits(at, byte) => {
                    // The byte at fault is not consumed.
                    self.state = State::Failed(Fault::Corrupt);
                    break;
                }
                State::Fixed { at: 9 } => self.after_field(FEXTRA),
                State::Fixed { at } => {
                    if at == 3 {
                        self.flags = byte;
                    }
                    State::Fixed { at: at + 1 }
                }
                State::ExtraLen { low: None } => State::ExtraLen { low: Some(byte) },
                State::ExtraLen { low: Some(low) } => match u16::from_le_bytes([low, byte]) {
                    0 => self.after_field(FNAME),
                    left => State::Extra { left },
                },
                State::Extra { left } => {
                    hashed = rest.len().min(usize::from(left));
                    match left - hashed as u16 {
                        0 => self.after_field(FNAME),
                        left => State::Extra { left },
                    }
                }
                State::Text { next } => match rest.iter().position(|&b| b == 0) {
                    Some(zero) => {
                        hashed = zero + 1;
                        self.after_field(next)
                    }
                    None => {
                        hashed = rest.len();
                        State::Text { next }
                    }
                },
                State::HeaderCrc { low: None } => {
                    at += 1;
                    hashed = 0;
                    State::HeaderCrc { low: Some(byte) }
                }
                State::HeaderCrc { low: Some(low) } => {
                    at += 1;
                    hashed = 0;
                    let sum = self.crc.clone().finalize() as u16;
                    self.bad_header = sum != u16::from_le_bytes([low, byte]);
                    State::Body
                }
                State::Body
                | State::Trailer { .. }
                | State::Next { .. }
                | State::Ended
                | State::Failed(_) => break,
            };
            self.crc.update(&rest[..hashed]);
            at += hashed;
            if matches!(self.state, State::Body) {
                self.begin_body();
                break;
            }
        }
        at
    }

    /// The state for the first optional field, from `field` on, that the flags announce.
    fn after_field(&self, field: u8) -> State {
        let announced = |f: &u8| self.flags & f != 0;
        match FIELDS.into_iter().skip_while(|&f| f != field).find(announced) {
            Some(FEXTRA) => State::ExtraLen { low: None },
            Some(FNAME) => State::Text { next: FCOMMENT },
            Some(FCOMMENT) => State::Text { next: FHCRC },
            Some(_) => State::HeaderCrc { low: None },
            None => State::Body,
        }
    }

    fn begin_body(&mut self) {
        self.inflater.begin();
        self.crc = Hasher::new();
        self.isize = 0;
    }

    /// Inflates `input` until it, the body or the room ends; returns what was consumed and why.
    fn body(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        let start = out.len();
        let (used, inflated) = self.inflater.inflate(input, out, limit);
        let made = &out[start..];
        self.crc.update(made);
        self.isize = self.isize.wrapping_add(made.len() as u32);
        match inflated {
            Inflated::Input | Inflated::Room => {}
            Inflated::Done => {
                self.established = true;
                self.state = State::Trailer { at: 0, sum: 0 };
            }
            Inflated::Bad(fault) => self.state = State::Failed(fault),
        }
        (used, inflated.next())
    }

    fn trailer_byte(&mut self, at: u8, sum: u64, byte: u8) -> State {
        let sum = sum >> 8 | u64::from(byte) << 56;
        if at < 7 {
            return State::Trailer { at: at + 1, sum };
        }
        let declared = (sum as u32, (sum >> 32) as u32);
        if declared == (self.crc.clone().finalize(), self.isize) && !self.bad_header {
            State::Next { at: 0 }
        } else {
            State::Failed(Fault::Corrupt)
        }
    }

    /// Counts `byte` as the next one of a further member's first four; false if it does not fit.
    fn next_byte(&mut self, at: u8, byte: u8) -> bool {
        if !fits(at, byte) {
            self.state = State::Ended;
            return false;
        }
        self.state = State::Next { at: at + 1 };
        if at == 3 {
            self.starts.push(self.total_in - 3);
            self.flags = byte;
            self.bad_header = false;
            self.crc = Hasher::new();
            self.crc.update(&MAGIC);
            self.crc.update(&[byte]);
            self.state = State::Fixed { at: 4 };
        }
        true
    }
}

impl Default for Gzip {
    fn default() -> Self {
        Self::new()
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Gzip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gzip").field("total_in", &self.total_in).finish_non_exhaustive()
    }
}

impl Decoder for Gzip {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        let limit = out.len().saturating_add(cap);
        take_turns(input, |rest| {
            let (used, next) = match (self.state, rest.first()) {
                (State::Ended, _) => (0, Next::Done),
                (State::Failed(fault), _) => (0, Next::Bad(fault)),
                (State::Body, _) => self.body(rest, out, limit),
                (_, None) => (0, Next::Input),
                (State::Trailer { at, sum }, Some(&byte)) => {
                    self.state = self.trailer_byte(at, sum, byte);
                    (1, Next::State)
                }
                (State::Next { at }, Some(&byte)) => (usize::from(self.next_byte(at, byte)), Next::State),
                _ => (self.header(rest), Next::State),
            };
            self.total_in += used as u64;
            if !self.inflater.is_waiting() {
                self.drained_in = self.total_in;
            }
            (used, next)
        })
    }

    fn end(&mut self) -> Result<(), Fault> {
        if matches!(self.state, State::Next { .. }) {
            self.state = State::Ended;
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
        Gzip::reset(self);
    }

    fn window_bytes(&self) -> u64 {
        Inflater::MEMORY
    }

    fn is_established(&self) -> bool {
        self.established
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}

/// Whether `byte` can be byte `at` (0..=3) of a member.
fn fits(at: u8, byte: u8) -> bool {
    match at {
        3 => byte & RESERVED == 0,
        at => MAGIC.get(usize::from(at)) == Some(&byte),
    }
}
