//! What gzip, zlib, raw deflate and zip entries share: inflate with its window.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_IGNORE_ADLER32, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
    TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress_with_limit};
use zeroize::Zeroize as _;

use crate::decoder::{Fault, Next};

mod guess;

pub use self::guess::may_start;

/// The window of deflate, in bytes ([RFC 1951 section 2](https://www.rfc-editor.org/rfc/rfc1951#section-2)).
const WINDOW: usize = 32 * 1024;

/// Blocks of at most [`TINY`] bytes that a stream may have, and one more for every [`TINY_EACH`] bytes. An empty block takes ten bits, and its two tables three
/// microseconds: a mebibyte of them took three seconds. Whoever flushes after each few bytes writes a tiny block, and an empty one that is stored, for eight bytes.
const TINY_MAX: u64 = 4096;
const TINY: u64 = 3;
const TINY_EACH: u64 = 4;

/// Inflates one deflate stream after another. The window is wiped by [`Inflater::reset`] and on drop.
pub(crate) struct Inflater {
    core: Box<DecompressorOxide>,
    /// The last 32 KiB of the stream's output, in a ring; always `WINDOW` long.
    window: Box<[u8]>,
    /// Where in `window` the next byte goes; `at <= WINDOW`.
    at: usize,
    /// Whether the ring has been filled once in this stream: before that a distance beyond `at` is an error.
    wrapped: bool,
    /// How much of the window has ever been written.
    dirty: usize,
    /// Whether `core` stopped for want of room, or at the end of a block: it may go on without input.
    waiting: bool,
    /// Bytes of this stream that have been consumed, those of them before the last block that ended, and tiny blocks.
    taken: u64,
    ended: u64,
    tiny: u64,
}

/// Why [`Inflater::inflate`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inflated {
    /// All input was consumed.
    Input,
    /// Output is waiting.
    Room,
    /// The final block ended.
    Done,
    /// The input is broken ([`Fault::Corrupt`]), or of too many blocks ([`Fault::Members`]). All before that is in the output.
    Bad(Fault),
}

impl Inflated {
    /// How a decoder goes on that has taken over the end of the body into its state.
    pub(crate) fn next(self) -> Next {
        match self {
            Inflated::Input => Next::Input,
            Inflated::Room => Next::Room,
            Inflated::Done | Inflated::Bad(_) => Next::State,
        }
    }
}

impl Inflater {
    /// Memory held, in bytes.
    pub(crate) const MEMORY: u64 = (WINDOW + size_of::<DecompressorOxide>()) as u64;

    pub(crate) fn new() -> Self {
        Self {
            core: Box::default(),
            window: vec![0; WINDOW].into_boxed_slice(),
            at: 0,
            wrapped: false,
            dirty: 0,
            waiting: false,
            taken: 0,
            ended: 0,
            tiny: 0,
        }
    }

    /// Expects the first byte of another stream, which refers to nothing before it.
    pub(crate) fn begin(&mut self) {
        self.core.init();
        (self.at, self.wrapped, self.waiting) = (0, false, false);
        (self.taken, self.ended, self.tiny) = (0, 0, 0);
    }

    /// Expects the first byte of another stream, which may refer to what stands before it.
    pub(crate) fn go_on(&mut self) {
        self.core.init();
        self.waiting = false;
        (self.taken, self.ended, self.tiny) = (0, 0, 0);
    }

    /// Forgets everything and wipes the window; the allocations stay.
    pub(crate) fn reset(&mut self) {
        self.window[..self.dirty].zeroize();
        self.dirty = 0;
        self.begin();
    }

    /// Whether output may be waiting for room.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Inflates `input` until it, the stream or the room (`out` is as long as `limit`) ends. Returns what was consumed.
    pub(crate) fn inflate(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Inflated) {
        let mut used = 0;
        loop {
            if input.len() == used && !self.waiting {
                return (used, Inflated::Input);
            }
            if out.len() >= limit {
                self.waiting = true;
                return (used, Inflated::Room);
            }
            if self.at == WINDOW {
                (self.at, self.wrapped) = (0, true);
            }
            let mut flags =
                TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_IGNORE_ADLER32 | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
            if !self.wrapped {
                flags |= TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
            }
            let room = (limit - out.len()).min(WINDOW - self.at);
            let (status, consumed, made) =
                decompress_with_limit(&mut self.core, &input[used..], &mut self.window, self.at, room, flags);
            used += consumed;
            self.taken += consumed as u64;
            // All that was made is handed out before the status is looked at, so a fault loses nothing.
            out.extend_from_slice(&self.window[self.at..self.at + made]);
            self.at += made;
            self.dirty = self.dirty.max(self.at);
            self.waiting = matches!(status, TINFLStatus::HasMoreOutput | TINFLStatus::BlockBoundary);
            match status {
                TINFLStatus::HasMoreOutput | TINFLStatus::NeedsMoreInput => {}
                TINFLStatus::BlockBoundary => {
                    // What was consumed ends with the byte in which the block does, wherever input was cut.
                    self.tiny += u64::from(self.taken - self.ended <= TINY);
                    self.ended = self.taken;
                    if self.tiny > TINY_MAX + self.taken / TINY_EACH {
                        return (used, Inflated::Bad(Fault::Members));
                    }
                }
                TINFLStatus::Done => return (used, Inflated::Done),
                _ => return (used, Inflated::Bad(Fault::Corrupt)),
            }
        }
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        self.window[..self.dirty].zeroize();
    }
}
