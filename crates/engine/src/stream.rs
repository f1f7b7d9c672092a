//! [`Stream`]: bytes in, verdicts out.
//!
//! # The laws
//!
//! Each has a test of its name under `tests/laws/`.
//!
//! 1. **Split-blind.** The set of findings, the final verdict and the final coverage are functions of the byte sequence, the flow and the
//!    engine. Where chunks end changes the order of events and intermediate `through` at most; every limit is looked at where the bytes
//!    say. A verdict is sticky; scanning goes on after a block, so that the set is complete.
//! 2. **Watermark.** `through` never decreases, and whoever has the bytes before it can decode no byte of a value that the policy
//!    blocks or edits.
//! 3. **Total.** No input makes a push panic, fail, or take more than linear time.
//! 4. **Bounded.** Memory is a function of [`Limits`](crate::Limits); [`Stream::memory`] says how much it is. Caps on events stop no scan and
//!    soften no verdict.
//! 5. **Mute.** No content byte is in an event, an error or a `Debug` text.
//! 6. **Covered.** What was not examined is an [`Opaque`](crate::Opaque) range with a reason, and the policy decides on it.
//! 7. **One engine.** Every user of the project runs this stream; there is no second path.
//!
//! # The schedule
//!
//! ```text
//! pushed bytes   |---------------- batch ----------------|--w--|--w--|--w--| partial |
//!                 no child lane alive: scanned at once     a child is alive:   waits for
//!                 up to the window in which one begins     window by window    its window
//! ```
//!
//! The tree of lanes is stepped on absolute windows of the outer stream (64 bytes where bytes wait for the verdict, 192 in a long run or in compressed content). While only the root is
//! alive, stepping window by window and scanning a batch come to the same, so batches are scanned at once.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroize;

use crate::context::{Context, Facts, Live, Scratch};
use crate::coverage::Coverage;
use crate::engine::Engine;
use crate::event::{Edit, Event};
use crate::finding::{PathId, RuleId, SecretId};
use crate::flow::{Direction, Flow};
use crate::lane::Lane;
use crate::ledger::Ledger;
use crate::path::LanePath;
use crate::scanner::Scanner;
use crate::session::Session;
use crate::unpack::{Unpacker, Unpackings};
use crate::verdict::{BlockReason, Reference, Verdict};

/// Bytes fed at once while no child lane is alive: a multiple of every window, small enough to stay in the first-level cache
/// with the tables.
const BATCH: usize = 16 << 10;

/// The same at the beginning of a chunk, which is copied behind what was kept of the chunk before, if anything was.
const FIRST_BATCH: usize = 1 << 10;

/// The window inside of a long run and of compressed content, a multiple of the shortest one: as long as it can be with 99 of 100 offsets of code held back by 256 bytes at most.
const LONG_WINDOW: u64 = 192;

/// Offsets of a stream stay below this.
const OFFSET_MAX: u64 = 1 << 62;

/// How long nothing must have been under way for a stream to settle, in bytes: as much may be pushed once more behind it, and nothing is cut in two then.
const QUIET: u64 = 5 << 10;

/// Bytes between looks at [`Limits::max_hold`](crate::Limits::max_hold).
const HOLD_CHECK: u64 = 4096;

/// One stream of bytes on its way.
///
/// The embedder keeps the bytes. After each [`push`](Stream::push) it may forward those before `through`; after
/// [`finish`](Stream::finish) all of them, or none more. An engine that is replaced does not affect streams that are open.
///
/// # Resource usage
///
/// [`Stream::memory`]: less than 1 KiB for text in which nothing stands out, less than 4 KiB with a candidate pending. A run of base64 characters
/// adds 3 KiB while it goes on, 1.5 KiB more if it begins with hexadecimal digits, and 1 KiB if it begins with base32. A decoder adds its
/// window (gzip 43 KiB, zstd as the frame declares, up to the limits).
pub struct Stream {
    engine: Engine,
    facts: Arc<Facts>,
    root: Lane,
    /// Bytes of the window that is not complete.
    partial: Vec<u8>,
    pushed: u64,
    through: u64,
    live: Live,
    ledger: Ledger,
    events: VecDeque<Event>,
    state: State,
    /// Whether it began with a slot that is watched.
    has_slot: bool,
    /// Where a child lane was alive last, in kibibytes, rounded up.
    alive: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Blocked, and the rest is not to be scanned.
    Discarded,
    Finished,
}

impl Stream {
    pub(crate) fn new(engine: Engine, flow: Flow) -> Stream {
        let facts = Arc::new(Facts::new(&engine.core, flow));
        Stream::open(engine, facts)
    }

    fn open(engine: Engine, facts: Arc<Facts>) -> Stream {
        let reference = engine.next_reference(facts.flow.reference_seed());
        let ledger = Ledger::new(&engine.core, &facts, reference);
        Stream {
            engine,
            root: Lane::root(&facts.flow),
            facts,
            partial: Vec::new(),
            pushed: 0,
            through: 0,
            live: Live::default(),
            has_slot: ledger.has_slot(),
            ledger,
            events: VecDeque::new(),
            state: State::Open,
            alive: 0,
        }
    }

    /// Examines the next bytes and says how far the stream may leave. Events wait for [`poll_event`](Stream::poll_event).
    ///
    /// After [`finish`](Stream::finish) the answer is a block for misuse.
    pub fn push(&mut self, chunk: &[u8]) -> Verdict {
        self.with_queue(|stream, scratch, on_event| stream.push_with(scratch, chunk, on_event))
    }

    /// The primitive behind [`push`](Stream::push): working memory comes from the caller, and events go to `on_event`; nothing is queued.
    pub fn push_with(
        &mut self,
        scratch: &mut Scratch,
        chunk: &[u8],
        on_event: &mut dyn FnMut(Event),
    ) -> Verdict {
        if self.state != State::Open {
            if self.state == State::Discarded {
                self.pushed = self.pushed.saturating_add(chunk.len() as u64);
                self.live.discarded = self.live.discarded.saturating_add(chunk.len() as u64);
            }
            return Verdict::Block(self.ledger.block(BlockReason::Misuse));
        }
        self.take(scratch, chunk, false, on_event);
        self.verdict(scratch)
    }

    /// Examines all of a new stream and ends it, as one push and a finish do, but for how far it might have left in between. What is left of the last window is fed where it lies.
    pub(crate) fn push_whole_with(
        &mut self,
        scratch: &mut Scratch,
        bytes: &[u8],
        on_event: &mut dyn FnMut(Event),
    ) -> Verdict {
        debug_assert!(self.pushed == 0 && self.state == State::Open, "nothing was pushed before");
        let is_over = self.take(scratch, bytes, true, on_event);
        self.end(is_over, scratch, on_event)
    }

    /// Feeds the next bytes, those of the last window too if nothing follows; whether it has fed those.
    fn take(
        &mut self,
        scratch: &mut Scratch,
        chunk: &[u8],
        is_last: bool,
        on_event: &mut dyn FnMut(Event),
    ) -> bool {
        self.ledger.watch_slot(&self.engine.core, &self.facts, chunk, on_event);
        self.pushed += chunk.len() as u64;
        scratch.ahead.clear();
        let mut rest = chunk;
        while !rest.is_empty() {
            let fed = chunk.len() - rest.len();
            let window = self.window() as usize;
            // A whole window, but for the first one after a gap.
            let room = window - (self.root.pos() % window as u64) as usize;
            if is_last && self.partial.is_empty() && rest.len() < room {
                scratch.ahead.clear();
                self.feed(chunk, fed..chunk.len(), true, None, scratch, on_event);
                return true;
            }
            if !self.partial.is_empty() || rest.len() < room || room < window {
                let n = rest.len().min(room - self.partial.len());
                self.partial.extend_from_slice(&rest[..n]);
                rest = &rest[n..];
                if self.partial.len() == room {
                    self.feed_partial(false, scratch, on_event);
                }
                continue;
            }
            // Nothing waits, so what stands before in the chunk was fed last.
            let taken = if self.root.has_children() {
                self.feed(chunk, fed..fed + window, false, None, scratch, on_event)
            } else {
                let most = if fed == 0 && self.root.pos() > 0 { FIRST_BATCH } else { BATCH };
                let n = (rest.len().min(most) / window).max(1) * window;
                self.feed(chunk, fed..fed + n, false, Some(window as u64), scratch, on_event)
            };
            debug_assert!(taken > 0, "a feed takes a window at least");
            rest = &rest[taken..];
        }
        scratch.ahead.clear();
        false
    }

    /// Ends the stream: `through` is its length, or it is blocked. Calling it again repeats the answer; a push in
    /// between is misuse and blocks for good.
    pub fn finish(&mut self) -> Verdict {
        self.with_queue(|stream, scratch, on_event| stream.finish_with(scratch, on_event))
    }

    /// The primitive behind [`finish`](Stream::finish).
    pub fn finish_with(&mut self, scratch: &mut Scratch, on_event: &mut dyn FnMut(Event)) -> Verdict {
        self.end(false, scratch, on_event)
    }

    /// Ends the stream, if it is open; `is_over` says that the lanes know already that nothing follows.
    fn end(&mut self, is_over: bool, scratch: &mut Scratch, on_event: &mut dyn FnMut(Event)) -> Verdict {
        if self.state == State::Open {
            self.state = State::Finished;
            if !is_over {
                self.feed_partial(true, scratch, on_event);
            }
            self.live.unpacking = None;
            self.ledger.close_slot(&self.engine.core, &self.facts, on_event);
            if self.ledger.blocked().is_none() {
                self.ledger.release_edits(self.through);
                self.through = self.pushed;
            }
        }
        match self.ledger.blocked() {
            Some(block) => Verdict::Block(block),
            None if self.ledger.edits().is_empty() => Verdict::Forward { through: self.through },
            None => Verdict::Edit { through: self.through },
        }
    }

    /// Examines at once what would be examined with the window that it stands in, where the bytes so far must leave before others come: at the end of a part that is
    /// sent by itself. What is undecided stays held, and `through` says so.
    ///
    /// Where it is called is one more thing, beside the bytes, on which the outcome depends; whoever may choose does without.
    pub fn catch_up(&mut self) -> Verdict {
        self.with_queue(|stream, scratch, on_event| {
            if stream.state == State::Open && !stream.partial.is_empty() {
                stream.feed_partial(false, scratch, on_event);
            }
            stream.push_with(scratch, &[], on_event)
        })
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Says that `len` bytes were lost before they reached the stream. What was under way is given up, and the range is opaque. A stream of more than
    /// 2^62 bytes is misuse, which blocks.
    pub fn gap(&mut self, len: u64) -> Verdict {
        self.with_queue(|stream, scratch, on_event| {
            if stream.state == State::Open && len > OFFSET_MAX.saturating_sub(stream.pushed) {
                stream.state = State::Finished;
            }
            if stream.state != State::Open {
                return stream.push_with(scratch, &[], on_event);
            }
            stream.feed_partial(true, scratch, on_event);
            let start = stream.pushed;
            stream.pushed = stream.pushed.saturating_add(len);
            stream.ledger.spoil_slot();
            let mut cx = Context {
                core: &stream.engine.core,
                facts: &stream.facts,
                live: &mut stream.live,
                scratch,
                when: start,
            };
            stream.root.gap(len, &mut cx);
            cx.opaque(crate::OpaqueReason::Gap, start..start.saturating_add(len), None, start);
            stream.ledger.settle(&stream.engine.core, &stream.facts, scratch, on_event);
            stream.ledger.close_slot(&stream.engine.core, &stream.facts, on_event);
            stream.verdict(scratch)
        })
    }

    /// Where a stream of the same flow can go on in this one's place ([`Stream::resume`]): nothing was found in it, not even a piece of a secret, every byte before the offset is decided, nothing was under way in the 5 KiB before it, and what comes is examined
    /// as it would be here. None in between, where something is under way; for flows that are not outbound; and in the thorough profile, which joins what is far apart.
    pub fn settled(&mut self) -> Option<u64> {
        let is_outbound = self.facts.flow.direction() == Direction::Outbound;
        let is_open = self.state == State::Open && is_outbound;
        let inline = self.engine.core.profile == crate::policy::Profile::Inline;
        if !(is_open && inline && self.ledger.is_spotless() && self.root.is_plain()) {
            return None;
        }
        let engine = self.engine.clone();
        let mut scratch = engine.borrow_scratch();
        let decided = self.held_from(&mut scratch).max(self.through);
        engine.return_scratch(scratch);
        let alive = u64::from(self.alive) << 10;
        (alive == 0 || self.alive < u32::MAX && decided >= alive + QUIET).then_some(decided)
    }

    /// Says that the stream begins at an offset, before the first push: another one of the same engine and flow has examined what stands before, and had settled there
    /// ([`Stream::settled`]) or behind. Some kibibytes before that, pushed once more, are what matches may look back at. Coverage counts the bytes, not what they decoded to.
    ///
    /// # Panics
    ///
    /// If bytes were pushed before.
    pub fn resume(&mut self, offset: u64) {
        assert!(self.pushed == 0 && self.state == State::Open, "a stream is resumed before its first push");
        let offset = offset.min(OFFSET_MAX);
        let _ = self.with_queue(|stream, scratch, on_event| {
            stream.ledger.spoil_slot();
            let mut cx = Context {
                core: &stream.engine.core,
                facts: &stream.facts,
                live: &mut stream.live,
                scratch,
                when: 0,
            };
            stream.root.gap(offset, &mut cx);
            stream.pushed = offset;
            stream.through = offset;
            stream.ledger.close_slot(&stream.engine.core, &stream.facts, on_event);
            stream.verdict(scratch)
        });
    }

    /// Says that a range of the stream was not examined as what it is, for a reason that only the embedder knows: a push that is none, a tunnel.
    /// The policy decides, also after [`finish`](Stream::finish).
    pub fn unexamined(&mut self, reason: crate::OpaqueReason, outer: std::ops::Range<u64>) -> Verdict {
        self.with_queue(|stream, _, on_event| {
            let outer = crate::finding::Range64 { start: outer.start, end: outer.end };
            let unseen = crate::context::Unseen { when: stream.pushed, outer, reason, trail: None };
            stream.ledger.settle_unseen(&stream.engine.core, &stream.facts, unseen, on_event);
            match stream.ledger.blocked() {
                Some(block) => Verdict::Block(block),
                None if stream.edits().is_empty() => Verdict::Forward { through: stream.through },
                None => Verdict::Edit { through: stream.through },
            }
        })
    }

    /// Has what the content is compressed in (gzip, Zstandard, bzip2, xz) decoded by another one, which is returned: it must be given all that is pushed here, ahead of that and on another
    /// thread, and what it yields must come out of `next`, which may wait for it. To be called before the first push, with what that begins with.
    ///
    /// What comes of the stream is the same with it and without, and it takes as long as the slower one of the two: inflating, or looking at what was inflated. If something else comes out of `next`,
    /// or too little, the content counts as truncated, and so does what is skipped or examined at once ([`Stream::gap`], [`Stream::catch_up`]).
    ///
    /// None where that cannot be done: the content does not begin with one of these, the flow names codings, or a part of it may leave while the rest is held back.
    ///
    /// # Panics
    ///
    /// If bytes were pushed before.
    pub fn unpack_ahead(&mut self, beginning: &[u8], next: Unpackings) -> Option<Unpacker> {
        assert!(self.pushed == 0 && self.state == State::Open, "a stream is unpacked from its first byte on");
        let (unpacker, unpacking) = Unpacker::new(beginning, &self.facts, &self.engine.core.limits, next)?;
        self.live.unpacking = Some(unpacking);
        Some(unpacker)
    }

    /// Ends scanning of a blocked stream: bytes pushed from now on are not examined ([`Coverage::discarded`] counts them) and the block stays.
    /// Does nothing before a block.
    pub fn discard(&mut self) {
        if self.ledger.blocked().is_some() && self.state == State::Open {
            self.state = State::Discarded;
            self.live.discarded = self.pushed - self.root.pos().min(self.pushed);
            self.live.unpacking = None;
            self.root = Lane::root(&self.facts.flow);
            self.partial.zeroize();
            self.partial = Vec::new();
        }
    }

    /// Makes the stream new for the same flow; everything of the old one is wiped. Keeps its buffers, so that it costs less than to open another one.
    pub fn reset(&mut self) {
        self.root.restart_root(&self.facts.flow);
        self.partial.zeroize();
        (self.pushed, self.through) = (0, 0);
        self.live = Live::default();
        let reference = self.engine.next_reference(self.facts.flow.reference_seed());
        self.ledger.renew(&self.engine.core, &self.facts, self.has_slot, reference);
        self.events.clear();
        (self.state, self.alive) = (State::Open, 0);
    }

    /// Whether nothing was found so far, not even a piece of a known secret, and nothing was left unexamined.
    pub fn is_spotless(&self) -> bool {
        self.ledger.is_spotless()
    }

    /// A scanner of buffers that are this stream's flow; everything of the stream is wiped.
    #[must_use]
    pub fn into_scanner(mut self) -> Scanner {
        self.reset();
        Scanner::new(self)
    }

    /// The edits to apply before the bytes up to `through` of the last verdict leave: ordered, not overlapping.
    pub fn edits(&self) -> &[Edit] {
        let released = self.ledger.edits().partition_point(|e| e.range.end <= self.through);
        &self.ledger.edits()[..released]
    }

    /// What this stream adds to its session: the pieces of known secrets that it has shown so far, whatever became of them. To be merged after [`finish`](Stream::finish), or when the stream is given up.
    /// Those of a secret in the slot where it is at home are none.
    pub fn contribution(&self) -> Session {
        self.ledger.contribution(&self.engine.core)
    }

    /// What has been examined.
    pub fn coverage(&self) -> Coverage {
        self.ledger.coverage(self.pushed, &self.live)
    }

    /// The path behind an id of this stream.
    pub fn path(&self, id: PathId) -> &LanePath {
        self.ledger.path(id)
    }

    /// Findings beyond [`Limits::findings`](crate::Limits::findings), counted per rule.
    pub fn suppressed(&self) -> impl Iterator<Item = (RuleId, u64)> + '_ {
        self.ledger.suppressed()
    }

    /// The same for enrolled secrets.
    pub fn suppressed_secrets(&self) -> impl Iterator<Item = (SecretId, u64)> + '_ {
        self.ledger.suppressed_secrets()
    }

    /// The number under which this stream's block would be logged.
    pub fn reference(&self) -> Reference {
        self.ledger.reference()
    }

    /// The engine that the stream was opened with.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether the stream was opened with this engine, or a clone of it.
    pub fn is_of(&self, engine: &Engine) -> bool {
        self.engine.is_same(engine)
    }

    /// Memory held by the stream in bytes, the engine, the event queue and decoders' windows and kept objects apart; those are [`Stream::windows`]
    /// and [`Stream::kept`].
    pub fn memory(&self) -> usize {
        size_of::<Stream>()
            + size_of::<Facts>()
            + self.root.memory()
            + self.partial.capacity()
            + self.ledger.memory()
    }

    /// Memory of decoders' windows, in bytes.
    pub fn windows(&self) -> u64 {
        self.root.windows()
    }

    /// Memory of objects that are kept for deltas, in bytes, of each pack rounded down to 1 KiB: at most [`Limits::bases`](crate::Limits::bases), and what the last push brought.
    pub fn kept(&self) -> u64 {
        u64::from(self.live.kept) << 10
    }

    fn with_queue(
        &mut self,
        run: impl FnOnce(&mut Stream, &mut Scratch, &mut dyn FnMut(Event)) -> Verdict,
    ) -> Verdict {
        let engine = self.engine.clone();
        let mut scratch = engine.borrow_scratch();
        let mut events = std::mem::take(&mut self.events);
        let verdict = run(self, &mut scratch, &mut |event| events.push_back(event));
        self.events = events;
        engine.return_scratch(scratch);
        verdict
    }

    /// The window that comes next. In a long run or container three are one: each lane of it is fed as seldom, and what little of it waits at the end of a push
    /// is what must wait anyway, or follows soon.
    fn window(&self) -> u64 {
        let window = self.facts.window;
        if self.root.is_in_long_run() { window.max(LONG_WINDOW) } else { window }
    }

    /// Feeds the window that was being collected, and wipes it.
    fn feed_partial(&mut self, eof: bool, scratch: &mut Scratch, on_event: &mut dyn FnMut(Event)) {
        let mut partial = std::mem::take(&mut self.partial);
        scratch.ahead.clear();
        self.feed(&partial, 0..partial.len(), eof, None, scratch, on_event);
        scratch.ahead.clear();
        partial.zeroize();
        self.partial = partial;
    }

    /// Feeds the tree the bytes in the range `new`, before which stands what was fed last and behind which what comes next, and settles what was found. Returns how much
    /// was taken.
    fn feed(
        &mut self,
        bytes: &[u8],
        new: Range<usize>,
        eof: bool,
        batch: Option<u64>,
        scratch: &mut Scratch,
        on_event: &mut dyn FnMut(Event),
    ) -> usize {
        let mut cx = Context {
            core: &self.engine.core,
            facts: &self.facts,
            live: &mut self.live,
            scratch,
            when: u64::MAX,
        };
        let (before, was_alive) = (self.root.pos(), self.root.has_children());
        let taken = self.root.feed_from(bytes, new, eof, batch, &mut cx);
        // Of a batch, only the last window counts: what begins begins there.
        let pos = self.root.pos();
        if was_alive || self.root.has_children() {
            self.alive = pos.div_ceil(1 << 10).try_into().unwrap_or(u32::MAX);
        }
        let last = batch.map_or(before, |window| before.max(pos.saturating_sub(window)));
        let is_due = pos / HOLD_CHECK != last / HOLD_CHECK;
        if self.facts.holds() && is_due && self.root.has_containers() {
            self.root.give_up(&mut cx);
        }
        self.ledger.settle(&self.engine.core, &self.facts, scratch, on_event);
        taken
    }

    /// The least offset of what is undecided: everything before it is decided.
    fn held_from(&mut self, scratch: &mut Scratch) -> u64 {
        let cx = Context {
            core: &self.engine.core,
            facts: &self.facts,
            live: &mut self.live,
            scratch,
            when: u64::MAX,
        };
        self.root.hold(&self.partial, &cx).min(self.pushed)
    }

    /// The verdict at the end of a push.
    fn verdict(&mut self, scratch: &mut Scratch) -> Verdict {
        if let Some(block) = self.ledger.blocked() {
            return Verdict::Block(block);
        }
        self.ledger.release_edits(self.through);
        let mut hold = self.pushed;
        if self.ledger.is_waiting() || self.facts.flow.is_whole() {
            hold = self.through;
        } else if self.facts.holds() {
            hold = self.held_from(scratch);
        }
        debug_assert!(hold >= self.through, "through would run backwards: {hold} after {}", self.through);
        self.through = self.ledger.clamp(hold.max(self.through)).max(self.through);
        if self.edits().is_empty() {
            Verdict::Forward { through: self.through }
        } else {
            Verdict::Edit { through: self.through }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.partial.zeroize();
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("pushed", &self.pushed)
            .field("through", &self.through)
            .field("blocked", &self.ledger.blocked())
            .finish_non_exhaustive()
    }
}
