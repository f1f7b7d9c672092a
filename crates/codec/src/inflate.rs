//! What gzip, zlib, raw deflate and zip entries share: inflate with its window.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_IGNORE_ADLER32, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
    TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress_with_limit};
use zeroize::Zeroize as _;

use crate::decoder::{Fault, Next};

/// The window of deflate, in bytes ([RFC 1951 section 2](https://www.rfc-editor.org/rfc/rfc1951#section-2)).
const WINDOW: usize = 32 * 1024;

/// Blocks that a stream may have, and one more for every [`BLOCK_LEN`] bytes. An empty block takes ten bits, and its two tables three microseconds: a
/// mebibyte of them took three seconds. Whoever flushes after each short message writes two blocks for nine bytes.
const BLOCKS: u64 = 4096;
const BLOCK_LEN: u64 = 4;

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
    /// Blocks of this stream that have ended, the last one apart, and bytes of it that have been consumed.
    blocks: u64,
    taken: u64,
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
            blocks: 0,
            taken: 0,
        }
    }

    /// Expects the first byte of another stream, which refers to nothing before it.
    pub(crate) fn begin(&mut self) {
        self.core.init();
        (self.at, self.wrapped, self.waiting) = (0, false, false);
        (self.blocks, self.taken) = (0, 0);
    }

    /// Expects the first byte of another stream, which may refer to what stands before it.
    pub(crate) fn go_on(&mut self) {
        self.core.init();
        (self.waiting, self.blocks, self.taken) = (false, 0, 0);
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
                    self.blocks += 1;
                    // What was consumed ends with the byte in which the block does, wherever input was cut.
                    if self.blocks > BLOCKS + self.taken / BLOCK_LEN {
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
