//! Raw deflate ([RFC 1951]): one stream of blocks with nothing around it.
//!
//! ```text
//! +---+----+------------------------------------------------------------+
//! | F | BT | block, up to the next one's first bit                      |      the lowest bit of a byte comes first
//! +---+----+------------------------------------------------------------+
//!   F: 1 in the final block      BT: 0 stored, 1 fixed codes, 2 codes in the block, 3 invalid
//!   stored: to the next byte; LEN (2, LE), its complement (2, LE), LEN bytes
//! ```
//!
//! Nothing marks such a stream: it is decoded where something else (a zip entry, a declared content coding) says that it
//! stands, or where its first block [makes sense](may_start).
//!
//! [RFC 1951]: https://www.rfc-editor.org/rfc/rfc1951

use crate::decoder::{Decoder, Fault, Step};
pub use crate::inflate::may_start;
use crate::inflate::{Inflated, Inflater};

/// A push decoder for raw deflate.
///
/// # Latency
///
/// None: a byte is handed out as soon as the last bit of the symbol that yields it has been given, so
/// [`Decoder::unreleased`] is 0 whenever the decoder is drained (its last step was not [`Step::Full`]).
///
/// # Checks
///
/// The format has no checksum. Distances that reach before the beginning are [`Fault::Corrupt`], as they are for zlib.
///
/// # End
///
/// [`Step::Done`] is reported with the last byte of the final block, without a look at what follows.
///
/// # Resource usage
///
/// 32 KiB for the window and about 11 KiB for tables, whatever the input. The window is wiped by [`Deflate::reset`] and on
/// drop.
pub struct Deflate {
    state: State,
    inflater: Inflater,
    /// Input consumed since the beginning.
    total_in: u64,
    /// `total_in` when nothing was waiting for the last time.
    drained_in: u64,
    starts: Vec<u64>,
}

#[derive(Clone, Copy)]
enum State {
    Body,
    Ended,
    Failed(Fault),
}

impl Deflate {
    /// A decoder that expects the first byte of a block.
    #[must_use]
    pub fn new() -> Self {
        Self { state: State::Body, inflater: Inflater::new(), total_in: 0, drained_in: 0, starts: Vec::new() }
    }

    /// Forgets everything and wipes the window; the allocations stay.
    pub fn reset(&mut self) {
        self.inflater.reset();
        (self.total_in, self.drained_in) = (0, 0);
        self.state = State::Body;
    }
}

impl Default for Deflate {
    fn default() -> Self {
        Self::new()
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Deflate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deflate").field("total_in", &self.total_in).finish_non_exhaustive()
    }
}

impl Decoder for Deflate {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        match self.state {
            State::Ended => return Step::Done { consumed: 0 },
            State::Failed(fault) => return Step::Bad { consumed: 0, fault },
            State::Body => {}
        }
        let limit = out.len().saturating_add(cap);
        let (consumed, inflated) = self.inflater.inflate(input, out, limit);
        self.total_in += consumed as u64;
        if !self.inflater.is_waiting() {
            self.drained_in = self.total_in;
        }
        match inflated {
            Inflated::Input => Step::More,
            Inflated::Room => Step::Full { consumed },
            Inflated::Done => {
                self.state = State::Ended;
                Step::Done { consumed }
            }
            Inflated::Bad(fault) => {
                self.state = State::Failed(fault);
                Step::Bad { consumed, fault }
            }
        }
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
        Deflate::reset(self);
    }

    fn window_bytes(&self) -> u64 {
        Inflater::MEMORY
    }

    /// Whether the final block has ended: nothing before it tells a stream from noise.
    fn is_established(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}
