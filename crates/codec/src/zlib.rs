//! zlib ([RFC 1950]): one deflate stream with a header and a checksum.
//!
//! ```text
//! +-----+-----+-------------+--------------------+-----------------+
//! | CMF | FLG | DICTID (4)  | deflate blocks ... | ADLER32 (4, BE) |      DICTID only if FDICT is set
//! +-----+-----+-------------+--------------------+-----------------+
//!   CMF: bits 7-4 log2 of the window less 8, at most 7; bits 3-0 method, 8
//!   FLG: bits 7-6 level, 5 FDICT, 4-0 such that CMF * 256 + FLG is a multiple of 31
//! ```
//!
//! [RFC 1950]: https://www.rfc-editor.org/rfc/rfc1950

use adler2::Adler32;

use crate::decoder::{Decoder, Fault, Next, Step, take_turns};
use crate::inflate::{self, Inflated, Inflater};

/// Bytes that [`starts`] wants to see.
pub const PROBE_LEN: usize = 2;

/// The first byte of what compressors write: deflate with a window of 32 KiB.
pub const CMF: u8 = 0x78;

/// The headers that compressors write, for each of the four levels.
pub const HEADERS: [[u8; 2]; 4] = [[CMF, 0x01], [CMF, 0x5e], [CMF, 0x9c], [CMF, 0xda]];

const FDICT: u8 = 0x20;

/// Whether `prefix` begins with one of the four headers that compressors write. Of random data one place in 2^14 does, so
/// this is a weak guess; other headers are valid too, and [`Zlib`] takes them.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    prefix.first_chunk().is_some_and(|header| HEADERS.contains(header))
}

/// Whether `prefix` begins with one of those headers and a block of deflate that [makes sense](crate::deflate::may_start): a guess for any place in content.
#[must_use]
pub fn may_start(prefix: &[u8]) -> bool {
    starts(prefix) && inflate::may_start(&prefix[PROBE_LEN..])
}

/// Whether `prefix` begins with a header: deflate, a window that exists, and check bits that fit. Of random data one place in 2^10 does.
#[must_use]
pub fn is_header(prefix: &[u8]) -> bool {
    matches!(prefix, [cmf, flags, ..] if cmf & 0x0f == 8 && cmf >> 4 <= 7 && u16::from_be_bytes([*cmf, *flags]).is_multiple_of(31))
}

/// A push decoder for zlib.
///
/// # Latency
///
/// None: a byte is handed out as soon as the last bit of the symbol that yields it has been given, so
/// [`Decoder::unreleased`] is 0 whenever the decoder is drained (its last step was not [`Step::Full`]).
///
/// # Checks
///
/// The header's check bits and the Adler-32 are verified. Distances that reach before the beginning are
/// [`Fault::Corrupt`]; those that reach beyond a declared window of less than 32 KiB are followed, as most receivers do. A
/// preset dictionary is not supported ([`Fault::MissingDictionary`]).
///
/// # End
///
/// [`Step::Done`] is reported with the last byte of the checksum, without a look at what follows.
///
/// # Resource usage
///
/// 32 KiB for the window and about 11 KiB for tables, whatever the input. The window is wiped by [`Zlib::reset`] and on
/// drop.
pub struct Zlib {
    state: State,
    inflater: Inflater,
    adler: Adler32,
    /// Input consumed since the beginning.
    total_in: u64,
    /// `total_in` when nothing was waiting for the last time.
    drained_in: u64,
    established: bool,
    starts: Vec<u64>,
}

#[derive(Clone, Copy)]
enum State {
    /// CMF, once it has been seen.
    Header {
        cmf: Option<u8>,
    },
    Body,
    /// `at` bytes of the checksum have been seen.
    Trailer {
        at: u8,
        sum: u32,
    },
    Ended,
    Failed(Fault),
}

impl Zlib {
    /// A decoder that expects the first byte of a header.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Header { cmf: None },
            inflater: Inflater::new(),
            adler: Adler32::new(),
            total_in: 0,
            drained_in: 0,
            established: false,
            starts: Vec::new(),
        }
    }

    /// Forgets everything and wipes the window; the allocations stay.
    pub fn reset(&mut self) {
        self.inflater.reset();
        self.adler = Adler32::new();
        (self.total_in, self.drained_in, self.established) = (0, 0, false);
        self.state = State::Header { cmf: None };
    }

    /// Inflates `input` until it, the body or the room ends; returns what was consumed and why.
    fn body(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        let start = out.len();
        let (used, inflated) = self.inflater.inflate(input, out, limit);
        self.adler.write_slice(&out[start..]);
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

    /// Reads a byte of what is around the body; false if it was at fault, which is not consumed then.
    fn structure(&mut self, byte: u8) -> bool {
        self.state = match self.state {
            State::Header { cmf: None } if byte & 0x0f == 8 && byte >> 4 <= 7 => {
                State::Header { cmf: Some(byte) }
            }
            State::Header { cmf: Some(cmf) } if u16::from_be_bytes([cmf, byte]).is_multiple_of(31) => {
                match byte & FDICT {
                    0 => State::Body,
                    _ => State::Failed(Fault::MissingDictionary),
                }
            }
            State::Header { .. } => {
                self.state = State::Failed(Fault::Corrupt);
                return false;
            }
            State::Trailer { at, sum } => {
                let sum = sum << 8 | u32::from(byte);
                match at {
                    3 if sum == self.adler.checksum() => State::Ended,
                    3 => State::Failed(Fault::Corrupt),
                    _ => State::Trailer { at: at + 1, sum },
                }
            }
            State::Body | State::Ended | State::Failed(_) => return false,
        };
        true
    }
}

impl Default for Zlib {
    fn default() -> Self {
        Self::new()
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Zlib {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Zlib").field("total_in", &self.total_in).finish_non_exhaustive()
    }
}

impl Decoder for Zlib {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        let limit = out.len().saturating_add(cap);
        take_turns(input, |rest| {
            let (used, next) = match (self.state, rest.first()) {
                (State::Ended, _) => (0, Next::Done),
                (State::Failed(fault), _) => (0, Next::Bad(fault)),
                (State::Body, _) => self.body(rest, out, limit),
                (State::Header { .. } | State::Trailer { .. }, None) => (0, Next::Input),
                (State::Header { .. } | State::Trailer { .. }, Some(&byte)) => {
                    (usize::from(self.structure(byte)), Next::State)
                }
            };
            self.total_in += used as u64;
            if !self.inflater.is_waiting() {
                self.drained_in = self.total_in;
            }
            (used, next)
        })
    }

    fn end(&mut self) -> Result<(), Fault> {
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
        Zlib::reset(self);
    }

    fn window_bytes(&self) -> u64 {
        Inflater::MEMORY
    }

    /// Whether the final block has ended.
    fn is_established(&self) -> bool {
        self.established
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}
