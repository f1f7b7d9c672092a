//! Unpacking ahead: what a stream's content is compressed in is decoded by somebody else, on another thread, in the very steps in which the stream would do it.
//!
//! ```text
//! other thread   content --> Unpacker --> Unpacked, Unpacked, ..
//!                                             |
//! this thread    content --> Stream <-- takes them in the place of its decoder
//! ```
//!
//! Lanes see what they would have seen, byte for byte and slice for slice, so findings, verdict and coverage are the same.

use std::collections::VecDeque;
use std::panic::UnwindSafe;

use exfilter_codec::{Decoder, Fault, Step};
use zeroize::Zeroize;

use crate::context::Facts;
use crate::lane::{LaneKind, OUTPUT, compressed, decoder};
use crate::limits::Limits;

/// Decoded bytes that are handed on at once, and calls: what little content yields waits no longer than this.
const BATCH: usize = 64 << 10;
const CALLS: usize = 256;

/// Where a stream gets what was unpacked for it; none where nothing comes any more.
pub type Unpackings = Box<dyn FnMut() -> Option<Unpacked> + Send + UnwindSafe>;

/// Decodes what a stream's content is compressed in, ahead of the stream. See [`Stream::unpack_ahead`](crate::Stream::unpack_ahead).
pub struct Unpacker {
    decoder: Box<dyn Decoder>,
    /// The stream's window: it decodes one after the other.
    window: usize,
    partial: Vec<u8>,
    batch: Unpacked,
    /// Whether the content is over, broken, or not wanted.
    over: bool,
}

/// A part of what was unpacked: calls of a decoder, as they went. Wiped when it is dropped.
#[derive(Default)]
pub struct Unpacked {
    calls: VecDeque<Call>,
    output: Vec<u8>,
    /// How much of it has been taken.
    taken: usize,
}

/// One call of a decoder.
struct Call {
    /// How much input it was given; none says that no more follows.
    given: Option<u32>,
    step: Step,
    yielded: u32,
    state: State,
    starts: Vec<u64>,
}

/// What a decoder says of itself after a call.
#[derive(Clone, Copy, Default)]
struct State {
    unreleased: u64,
    block_max: u64,
    left: u64,
    windows: u64,
    kept: u64,
    established: bool,
    plain: bool,
}

impl State {
    fn of(decoder: &dyn Decoder) -> State {
        State {
            unreleased: decoder.unreleased(),
            block_max: decoder.block_max(),
            left: decoder.left(),
            windows: decoder.window_bytes(),
            kept: decoder.kept_bytes(),
            established: decoder.is_established(),
            plain: decoder.is_plain(),
        }
    }
}

impl Unpacker {
    /// For content that begins with `beginning`, in a stream of these facts and limits, with what takes its decoder's place there; none for content that is not compressed, and for streams whose
    /// windows depend on more than where they stand.
    pub(crate) fn new(
        beginning: &[u8],
        facts: &Facts,
        limits: &Limits,
        next: Unpackings,
    ) -> Option<(Unpacker, Box<Unpacking>)> {
        let kind = compressed(beginning).filter(|_| !facts.holds() && facts.flow.codings().is_empty())?;
        let decoder = decoder(kind, limits)?;
        let state = State::of(&*decoder);
        let replay = Replay { next, batch: Unpacked::default(), state, starts: Vec::new() };
        let window = usize::try_from(facts.window).ok()?;
        let unpacker =
            Unpacker { decoder, window, partial: Vec::new(), batch: Unpacked::default(), over: false };
        Some((unpacker, Box::new(Unpacking { kind, decoder: Box::new(replay) })))
    }

    /// Decodes the next bytes of the content, and gives what comes of them to `hand`, which says whether more is wanted. Whether more is.
    ///
    /// All windows of the stream that are whole with these bytes have been handed on when it returns; at most 64 KiB and what one call yields (8 KiB) at once, however much the content expands.
    pub fn push(&mut self, chunk: &[u8], hand: &mut dyn FnMut(Unpacked) -> bool) -> bool {
        let mut rest = chunk;
        while !self.over && !rest.is_empty() {
            if self.partial.is_empty() && rest.len() >= self.window {
                let (slice, behind) = rest.split_at(self.window);
                self.decode(Some(slice), hand);
                rest = behind;
                continue;
            }
            let (more, behind) = rest.split_at(rest.len().min(self.window - self.partial.len()));
            self.partial.extend_from_slice(more);
            rest = behind;
            if self.partial.len() == self.window {
                self.decode_partial(hand);
            }
        }
        // Whoever has pushed as much to the stream may wait for it.
        self.give(hand);
        !self.over
    }

    /// Says that nothing follows.
    pub fn finish(mut self, hand: &mut dyn FnMut(Unpacked) -> bool) {
        if !self.partial.is_empty() {
            self.decode_partial(hand);
        }
        self.decode(None, hand);
        self.give(hand);
    }

    fn decode_partial(&mut self, hand: &mut dyn FnMut(Unpacked) -> bool) {
        let mut partial = std::mem::take(&mut self.partial);
        self.decode(Some(&partial), hand);
        partial.zeroize();
        self.partial = partial;
    }

    /// Decodes a slice, or says that there is none, in the calls in which a container does.
    fn decode(&mut self, slice: Option<&[u8]>, hand: &mut dyn FnMut(Unpacked) -> bool) {
        let mut rest = slice.unwrap_or_default();
        while !self.over {
            let before = self.batch.output.len();
            let step = match slice {
                Some(_) => self.decoder.decode(rest, &mut self.batch.output, OUTPUT),
                None => self.decoder.finish(&mut self.batch.output, OUTPUT),
            };
            self.batch.calls.push_back(Call {
                given: slice.map(|_| rest.len() as u32),
                step,
                yielded: (self.batch.output.len() - before) as u32,
                state: State::of(&*self.decoder),
                starts: std::mem::take(self.decoder.member_starts()),
            });
            let is_full = self.batch.output.len() >= BATCH || self.batch.calls.len() >= CALLS;
            let is_last = matches!(step, Step::Done { .. } | Step::Bad { .. });
            if is_full || is_last {
                self.give(hand);
            }
            // Nobody asks after the last one.
            self.over |= is_last;
            match step {
                Step::Full { consumed } => rest = &rest[consumed..],
                _ => break,
            }
        }
    }

    fn give(&mut self, hand: &mut dyn FnMut(Unpacked) -> bool) {
        if !self.batch.calls.is_empty() {
            self.over |= !hand(std::mem::take(&mut self.batch));
            self.batch.output.reserve(BATCH + OUTPUT);
        }
    }
}

impl Drop for Unpacker {
    fn drop(&mut self) {
        self.partial.zeroize();
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        self.output.zeroize();
    }
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacker").field("over", &self.over).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Unpacked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacked").field("calls", &self.calls.len()).finish_non_exhaustive()
    }
}

/// What waits for the container with which a stream begins.
pub(crate) struct Unpacking {
    pub(crate) kind: LaneKind,
    pub(crate) decoder: Box<dyn Decoder>,
}

/// A decoder that does again what another one has done. Asked for anything else, and where nothing comes any more, it says that the content is cut short: what it stands for is told of as not examined.
struct Replay {
    next: Unpackings,
    batch: Unpacked,
    state: State,
    starts: Vec<u64>,
}

impl Replay {
    /// The call that was given so much input.
    fn call(&mut self, given: Option<usize>, out: &mut Vec<u8>) -> Step {
        const LOST: Step = Step::Bad { consumed: 0, fault: Fault::Truncated };
        while self.batch.calls.is_empty() {
            let Some(batch) = (self.next)() else { return LOST };
            self.batch = batch;
        }
        let batch = &mut self.batch;
        let is_same = |call: &Call| call.given.map(|n| n as usize) == given;
        let Some(call) = batch.calls.pop_front().filter(is_same) else { return LOST };
        let end = batch.taken + call.yielded as usize;
        out.extend_from_slice(&batch.output[batch.taken..end]);
        batch.taken = end;
        self.state = call.state;
        self.starts.extend(call.starts);
        call.step
    }
}

impl Decoder for Replay {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, _cap: usize) -> Step {
        self.call(Some(input.len()), out)
    }

    fn finish(&mut self, out: &mut Vec<u8>, _cap: usize) -> Step {
        self.call(None, out)
    }

    fn end(&mut self) -> Result<(), Fault> {
        match self.call(None, &mut Vec::new()) {
            Step::Done { .. } => Ok(()),
            Step::Bad { fault, .. } => Err(fault),
            Step::More | Step::Full { .. } => Err(Fault::Truncated),
        }
    }

    fn unreleased(&self) -> u64 {
        self.state.unreleased
    }

    fn block_max(&self) -> u64 {
        self.state.block_max
    }

    fn left(&self) -> u64 {
        self.state.left
    }

    fn window_bytes(&self) -> u64 {
        self.state.windows
    }

    fn is_established(&self) -> bool {
        self.state.established
    }

    fn is_plain(&self) -> bool {
        self.state.plain
    }

    fn kept_bytes(&self) -> u64 {
        self.state.kept
    }

    /// It cannot be: what was, is gone. Nobody keeps it for another container.
    fn reset(&mut self) {
        self.batch = Unpacked::default();
        self.next = Box::new(|| None);
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}
