//! [`Lane`]: one view of the content, and the lanes decoded from it.
//!
//! A stream is a tree of lanes. The root sees the bytes as they are; a child sees what a codec made of a part of its parent. Every lane runs
//! the same matcher.
//!
//! # Invariants
//!
//! - I1 Every live thing (open position, pending confirm, half-consumed code unit) owns the outer offset of its first byte,
//!   resolved while that byte was at hand. A lane's hold is the least of them and of its children's.
//! - I2 A child starts at an input byte that has not been released.
//! - I3 Outer offsets never decrease along a lane, nor from a parent's byte to the child bytes made of it.
//! - I4 What can be decoded from the bytes before the hold has been scanned.
//! - I5 What a lane does is a function of the bytes it was fed and of the places where the schedule cut them, and the schedule cuts at
//!   absolute windows of the outer stream; nothing looks at where a chunk ended.
//! - I6 A hold ends when its owner is fed, ends, is refused with an event, or is dominated.
//! - I7 A lane that cannot go on leaves an [`Opaque`](crate::Opaque) range; its parent goes on scanning the same bytes.

mod ahead;
mod archive;
mod base32;
mod base58;
mod base85;
mod codes;
mod container;
mod delta;
mod escaped;
mod fold;
mod fragments;
mod framing;
mod glance;
mod hits;
mod joined;
mod kind;
mod late;
mod listing;
mod look;
mod matcher;
mod scattered;
mod sealed;
mod shape;
mod whole;
mod wide;
mod zlib;

use std::ops::Range;
use std::sync::Arc;

use exfilter_automaton::{Automaton, Hit, What};
use exfilter_codec::escape;
use zeroize::Zeroize;

pub(crate) use self::ahead::Ahead;
use self::archive::Archive;
use self::codes::Codes;
use self::container::Container;
pub(crate) use self::container::{MAGICS, OUTPUT, TEXTS, compressed, decoder, odds};
pub(crate) use self::delta::{char_deltas, deltas};
use self::escaped::Texts;
pub(crate) use self::escaped::{BACK as ESCAPE_BACK, Escaped, Touched};
pub(crate) use self::framing::Framing;
pub(crate) use self::glance::{Glance, TEXT as PIECE_TEXT};
use self::hits::{Pass, Start, start_of};
pub(crate) use self::kind::{Depth, LaneKind};
use self::late::{Beside, Late};
use self::listing::Listing;
pub(crate) use self::listing::{BACK as LISTING_BACK, DIRECTORIES, is_directory};
use self::matcher::Matcher;
pub(crate) use self::scattered::letters;
pub(crate) use self::shape::Group;
use self::wide::Wide;
use crate::confirm::View;
use crate::context::Context;
use crate::coverage::OpaqueReason;
use crate::fixture;
use crate::flow::Flow;
use crate::map::OuterMap;
use crate::path::Trail;

/// Bytes from a position on that have been fed when the position is decided: its lookahead, and one more.
pub(crate) const SEEN: u64 = Automaton::LOOKAHEAD as u64 + 1;

/// See [`Lane::is_in_long_run`].
const LONG_RUN: u64 = 1024;

/// Bytes of a tail that a stream keeps room for when it begins anew.
const TAIL_KEPT: usize = 4096;

/// Lane offsets at which content begins in the middle of the lane.
#[derive(Default)]
struct Starts(Vec<u64>);

/// Where lines and strings of a run begin that goes on in them.
#[derive(Default)]
struct Seams {
    /// Each may be a text of its own, until it is no longer at hand.
    all: Starts,
    /// Some content may begin there that is zlib's, until it is decided.
    zlib: Starts,
}

impl Starts {
    fn memory(&self) -> usize {
        size_of::<Starts>() + self.0.capacity() * size_of::<u64>()
    }
}

/// One lane.
pub(crate) struct Lane {
    kind: LaneKind,
    depth: Depth,
    up: Option<Arc<Trail>>,
    here: Option<Arc<Trail>>,
    /// Bytes fed so far.
    pos: u64,
    /// Positions before this one have been looked at by the automaton.
    decided: u64,
    /// The last bytes fed, up to `pos`.
    tail: Vec<u8>,
    map: OuterMap,
    matcher: Matcher,
    /// In the profile that looks for it, from the first byte on; in lanes that look for XORed secrets or pieces only, from the first of those on.
    beside: Option<Box<Beside>>,
    archive: Archive,
    group: Option<Box<Group>>,
    wide: Option<Box<Wide>>,
    codes: Option<Box<Codes>>,
    /// Where text ends, perhaps before the last byte; `u64::MAX` while that is not known.
    boundary: u64,
    /// Runs before this offset have been read.
    run_read: u64,
    /// Runs before this offset hold nothing.
    run_idle: u64,
    /// Where a run of unescaped text begins in which no escape has stood yet; `u64::MAX` if there is none.
    waiting: u64,
    seams: Option<Box<Seams>>,
    containers: Vec<Container>,
    /// From the first entry of a zip archive on.
    listing: Option<Box<Listing>>,
    /// Content codings of the flow that have not been undone in this content.
    codings: u8,
    /// Whether it may begin with frames.
    framed: bool,
    /// Whether the parent holds this content as it stands, for as long as an entry says that it is.
    stored: bool,
    /// Whether what digits stand for is a document.
    is_document: bool,
    /// Where members begin that a decoder has taken: their magic numbers begin no container.
    taken: Option<Box<Starts>>,
    /// Where the last container ended.
    ended: u64,
    /// Content before this offset was handed on as it stands by a decoder below: it begins its containers there.
    passed: u64,
    texts: Texts,
    /// In a lane of unescaped text, what escapes stand for; in one of hexadecimal digits, where their letters go over to the other case and where lines end.
    touched: Option<Box<Touched>>,
    /// Whether a token was reported in this lane for want of lanes; one is enough.
    refused_tokens: bool,
    late: Option<Box<Late>>,
    /// Whether such a run was reported in this lane already; one is enough.
    refused_shapes: bool,
}

/// Whether content that begins with these bytes may be something that its beginning alone tells.
pub(crate) fn may_begin(bytes: &[u8]) -> bool {
    container::zlib_at(bytes, 0).is_some()
        || archive::begins(bytes)
        || Framing::ALL.iter().any(|framing| framing.starts(bytes))
        || sealed::begins(bytes, false).is_some()
}

impl Lane {
    pub(crate) fn root(flow: &Flow) -> Lane {
        let mut root = Lane::new(LaneKind::Root, Depth::default(), None, OuterMap::Identity);
        root.be_root(flow);
        root
    }

    fn new(kind: LaneKind, depth: Depth, up: Option<Arc<Trail>>, map: OuterMap) -> Lane {
        Lane {
            kind,
            depth,
            up,
            here: None,
            pos: 0,
            decided: 0,
            tail: Vec::new(),
            map,
            matcher: Matcher::default(),
            beside: None,
            archive: Archive::default(),
            group: None,
            wide: None,
            codes: None,
            boundary: u64::MAX,
            run_read: 0,
            run_idle: 0,
            waiting: u64::MAX,
            seams: None,
            containers: Vec::new(),
            listing: None,
            codings: 0,
            framed: false,
            stored: false,
            is_document: false,
            taken: None,
            ended: 0,
            passed: 0,
            texts: Texts::default(),
            touched: None,
            refused_tokens: false,
            late: None,
            refused_shapes: false,
        }
    }

    /// Makes a used lane new again, keeping its buffers.
    fn restart(&mut self, kind: LaneKind, depth: Depth, up: Option<Arc<Trail>>) {
        self.tail.zeroize();
        self.map.clear();
        self.kind = kind;
        self.depth = depth;
        self.up = up;
        self.here = None;
        self.pos = 0;
        self.decided = 0;
        self.matcher.clear();
        self.beside = None;
        self.archive = Archive::default();
        (self.group, self.wide, self.codes) = (None, None, None);
        (self.run_read, self.run_idle, self.waiting, self.boundary) = (0, 0, u64::MAX, u64::MAX);
        self.seams = None;
        self.containers.clear();
        self.listing = None;
        (self.codings, self.framed, self.stored, self.is_document) = (0, false, false, false);
        self.taken = None;
        (self.ended, self.passed) = (0, 0);
        self.texts = Texts::default();
        self.touched = None;
        self.late = None;
        (self.refused_shapes, self.refused_tokens) = (false, false);
    }

    /// Makes the root of a stream new again for the same flow, keeping its buffers.
    pub(crate) fn restart_root(&mut self, flow: &Flow) {
        if self.tail.capacity() > TAIL_KEPT {
            self.tail.zeroize();
            self.tail = Vec::new();
        }
        self.restart(LaneKind::Root, Depth::default(), None);
        self.be_root(flow);
    }

    fn be_root(&mut self, flow: &Flow) {
        self.framed = true;
        self.codings = flow.codings().len().try_into().unwrap_or(u8::MAX);
    }

    /// Feeds the next bytes; `eof` says that nothing follows.
    pub(crate) fn feed(&mut self, input: &[u8], eof: bool, cx: &mut Context<'_>) {
        self.feed_from(input, 0..input.len(), eof, None, cx);
    }

    /// Feeds the bytes in the range `new`; what stands before them was fed last, and what stands behind them comes next. With `batch`, bytes after the window in which
    /// a child would begin are not taken. Returns how many were.
    ///
    /// `eof` says that nothing follows.
    pub(crate) fn feed_from(
        &mut self,
        bytes: &[u8],
        new: Range<usize>,
        eof: bool,
        batch: Option<u64>,
        cx: &mut Context<'_>,
    ) -> usize {
        let input = &bytes[new.clone()];
        let base = self.pos - self.tail.len() as u64;
        let mut copy = cx.scratch.buffer();
        let (work, shown) = match new.start.checked_sub(self.tail.len()) {
            // The tail stands before the input already.
            Some(from) => (&bytes[from..new.end], &bytes[from..]),
            None => {
                copy.extend_from_slice(&self.tail);
                copy.extend_from_slice(input);
                (&copy[..], &copy[..])
            }
        };
        debug_assert!(work.starts_with(&self.tail), "what was fed last stands before the input");
        let limit = |end: u64| if eof { end } else { end.saturating_sub(Automaton::LOOKAHEAD as u64) };
        let mut view = View { bytes: work, base };
        let from = view.index(self.decided);
        let to = view.index(limit(view.end())).max(from);
        if !eof && self.is_quiet() && self.is_idle(view.bytes, from, cx) && !self.may_have_zlib(view, from) {
            let fresh = self.pos;
            self.pos += input.len() as u64;
            self.feed_archive(view, fresh, false, cx);
            self.decided = limit(self.pos).max(self.decided);
            self.retain(view, cx);
            cx.scratch.give_buffer(copy);
            return input.len();
        }
        let mut hits = cx.scratch.hits();
        let mut pass = Pass {
            eof,
            batch,
            candidate: (!self.matcher.is_idle() || self.token().is_some()).then_some(0),
            keep: usize::MAX,
            cut: None,
            tokens: Vec::new(),
            token_end: None,
        };
        self.look_at_codes(view, &mut pass, cx);
        let mut scanned = from;
        while scanned < to.min(pass.keep) {
            let first = hits.len();
            let mut next = to;
            if self.kind == LaneKind::Root {
                next = ahead::scan(View { bytes: shown, base }, scanned..to, &mut hits, cx);
            } else {
                cx.core.automaton.scan(view.bytes, scanned, to, &mut cx.scratch.work, &mut hits);
            }
            if self.kind.is_digits() {
                self.leave_odd(&mut hits, first, view);
            }
            if base == 0 && scanned == 0 {
                self.begin(&mut hits, view, cx);
            }
            self.begin_again(&mut hits, view, to);
            self.dismiss(&mut hits, first, view, &mut pass, cx);
            scanned = next;
        }
        let mut taken = input.len();
        if let Some(end) = pass.cut {
            taken -= (view.end() - end) as usize;
            view.bytes = &work[..(end - base) as usize];
        }
        let fresh = self.pos;
        self.pos += taken as u64;
        // Decoders see slices cut on the schedule's windows, also where a batch held several.
        let mut sliced = fresh;
        if self.kind == LaneKind::Root {
            cx.when = if eof { u64::MAX } else { self.pos };
            sliced = batch.map_or(fresh, |window| fresh.max(self.pos.saturating_sub(window)));
        }
        self.feed_archive(view, fresh, eof, cx);
        self.settle_token(view, eof, cx);
        for run in &pass.tokens {
            self.start_token(*run, view, eof, cx);
        }
        self.run(view, fresh, sliced, &hits, eof, cx);
        self.decided = limit(self.pos).max(self.decided);
        if eof {
            self.end(view, cx);
        }
        self.retain(view, cx);
        cx.scratch.give_hits(hits);
        cx.scratch.give_buffer(copy);
        taken
    }

    /// Whether the lane is one of what a run was decoded to, where nothing is under way and nothing is asked for but what stands in it: then bytes in which
    /// nothing begins change nothing but how far it has come.
    fn is_quiet(&self) -> bool {
        matches!(self.kind, LaneKind::Base64 | LaneKind::Hex | LaneKind::Base32)
            && self.decided > 0
            && self.beside.is_none()
            && self.zlib_seams().is_empty()
            && self.listing.is_none()
            && self.archive.is_no_archive_yet()
            && self.waiting == u64::MAX
            && self.late.is_none()
            && self.matcher.is_empty()
            && self.denied_text() == u64::MAX
            && !self.has_children()
    }

    /// Whether nothing begins at the index `from` of `bytes` or later, nor goes on there, whatever follows. What is decided here has a lookahead, in which a magic
    /// number is whole, and text is as long as a glance asks for: of longer text that began before, as much as that stands around each of its bytes.
    fn is_idle(&self, bytes: &[u8], from: usize, cx: &Context<'_>) -> bool {
        let from = from.saturating_sub(PIECE_TEXT);
        look::glance(cx).is_some_and(|glance| glance.is_idle(&bytes[from..]))
    }

    /// Whether a child lane is alive.
    pub(crate) fn has_children(&self) -> bool {
        self.group.is_some()
            || self.wide.is_some()
            || self.codes.is_some()
            || self.texts.is_alive()
            || !self.containers.is_empty()
    }

    /// Whether what comes is examined in the same way as if it began here, but for what is held.
    pub(crate) fn is_plain(&self) -> bool {
        !self.has_children() && self.archive.is_none() && self.listing.is_none()
    }

    /// Whether the one thing that is being decoded, a run or compressed content, has gone on for [`LONG_RUN`] bytes.
    pub(crate) fn is_in_long_run(&self) -> bool {
        let is_long = |start| self.pos - start >= LONG_RUN;
        let only = match (&self.group, &self.containers[..]) {
            (Some(group), []) => is_long(group.start()),
            (None, [container]) => !container.is_framing() && is_long(container.start()),
            _ => false,
        };
        only && self.wide.is_none() && self.codes.is_none() && !self.texts.is_alive()
    }

    pub(crate) fn has_containers(&self) -> bool {
        !self.containers.is_empty()
            || self.group.as_ref().is_some_and(|g| g.has_containers())
            || self.wide.as_ref().is_some_and(|wide| wide.has_containers())
            || self.codes.as_ref().is_some_and(|codes| codes.has_containers())
            || self.texts.has_containers()
    }

    /// How many bytes follow that surely belong to a container.
    fn left(&self) -> u64 {
        self.containers.iter().map(Container::left).max().unwrap_or(0)
    }

    /// The least outer offset that must not leave yet; `partial` are bytes of this lane that have not been fed.
    pub(crate) fn hold(&self, partial: &[u8], cx: &Context<'_>) -> u64 {
        let mut hold = if self.waiting == u64::MAX { u64::MAX } else { self.map.src(self.waiting) };
        hold = hold.min(self.token().map_or(u64::MAX, |token| token.src));
        hold = hold.min(self.matcher.hold()).min(self.denied().map_or(u64::MAX, |d| d.1));
        hold = hold.min(self.scattered_src(partial, cx)).min(self.delta_src(partial, cx));
        hold = hold.min(self.joined_src(partial, cx)).min(self.base85_src(partial, cx));
        hold = hold.min(self.fragments_src(partial, cx));
        let base = self.pos - self.tail.len() as u64;
        if partial.is_empty() {
            hold = hold.min(self.open_src(View { bytes: &self.tail, base }, cx));
        } else {
            let mut bytes = [&self.tail[..], partial].concat();
            hold = hold.min(self.open_src(View { bytes: &bytes, base }, cx));
            bytes.zeroize();
            if self.has_children() {
                hold = hold.min(self.map.src(self.pos));
            }
        }
        if let Some(group) = &self.group {
            hold = hold.min(group.hold(&self.map, cx));
        }
        if let Some(wide) = &self.wide {
            hold = hold.min(wide.hold(&self.map, self.pos, cx));
        }
        hold = hold.min(self.waiting_codes().map_or(u64::MAX, |codes| codes.1));
        if let Some(codes) = &self.codes {
            hold = hold.min(codes.hold(&self.map, self.pos, cx));
        }
        hold = hold.min(self.texts.hold(&self.map, self.pos, cx));
        self.containers.iter().map(|c| c.hold(cx)).fold(hold, u64::min)
    }

    /// Gives up what has held back for longer than the limit allows: input came without output.
    pub(crate) fn give_up(&mut self, cx: &mut Context<'_>) {
        let limit = cx.core.limits.max_hold;
        let now = self.pos;
        let mut at = 0;
        while at < self.containers.len() {
            let container = &self.containers[at];
            if container.hold(cx) < now.saturating_sub(limit + container.block_max()) {
                let container = self.containers.remove(at);
                if container.kind() == LaneKind::Zip {
                    self.refuse_listing();
                }
                container.refuse(OpaqueReason::Hold, now, cx);
            } else {
                at += 1;
            }
        }
        if let Some(group) = &self.group
            && group.has_containers()
            && group.hold(&self.map, cx) < now.saturating_sub(limit + group.block_max())
            && let Some(group) = self.group.take()
        {
            cx.opaque(OpaqueReason::Hold, group.src()..now, self.trail_at(group.start()), now);
            group.release(cx);
        }
        if let Some(wide) = &self.wide
            && wide.has_containers()
            && wide.hold(&self.map, now, cx) < now.saturating_sub(limit + wide.block_max())
            && let Some(wide) = self.wide.take()
        {
            cx.opaque(OpaqueReason::Hold, wide.src()..now, self.trail_at(wide.start()), now);
            wide.release(cx);
        }
        if let Some(codes) = &self.codes
            && codes.has_containers()
            && codes.hold(&self.map, now, cx) < now.saturating_sub(limit + codes.block_max())
            && let Some(codes) = self.codes.take()
        {
            cx.opaque(OpaqueReason::Hold, codes.src()..now, self.trail_at(codes.start()), now);
            codes.release(cx);
        }
        while let Some(escaped) = self.texts.overdue(&self.map, now, cx) {
            cx.opaque(OpaqueReason::Hold, escaped.src()..now, self.trail_at(escaped.start()), now);
            escaped.release(cx);
        }
    }

    /// The longest input that a decoder below may take without output, in bytes of this lane's parent.
    fn block_max(&self) -> u64 {
        // The longest escape stands for one byte of it.
        let own = self.containers.iter().map(|c| c.block_max()).max().unwrap_or(0);
        let group = self.group.as_ref().map_or(0, |g| g.block_max());
        let wide = self.wide.as_ref().map_or(0, |wide| wide.block_max());
        let codes = self.codes.as_ref().map_or(0, |codes| codes.block_max());
        escape::MAX_LEN as u64 * own.max(group).max(wide).max(codes)
    }

    /// Memory held by this lane and its children, in bytes, windows of decoders apart.
    pub(crate) fn memory(&self) -> usize {
        // A step of the path, with its counts of references.
        let here = self.here.as_ref().map_or(0, |_| size_of::<Trail>() + 2 * size_of::<usize>());
        here + self.tail.capacity()
            + self.map.bytes()
            + self.matcher.memory()
            + self.beside.as_ref().map_or(0, |beside| beside.memory())
            + self.taken.as_ref().map_or(0, |starts| starts.memory())
            + self.seams.as_ref().map_or(0, |seams| seams.all.memory() + seams.zlib.memory())
            + self.late.as_ref().map_or(0, |late| late.memory())
            + self.archive.memory()
            + self.listing.as_ref().map_or(0, |listing| listing.memory())
            + self.group.as_ref().map_or(0, |g| g.memory())
            + self.wide.as_ref().map_or(0, |wide| wide.memory())
            + self.codes.as_ref().map_or(0, |codes| codes.memory())
            + self.texts.memory()
            + self.touched.as_ref().map_or(0, |t| t.memory())
            + (self.containers.capacity() - self.containers.len()) * size_of::<Container>()
            + self.containers.iter().map(|c| c.memory()).sum::<usize>()
    }

    /// Windows of all decoders below, in bytes.
    pub(crate) fn windows(&self) -> u64 {
        self.group.as_ref().map_or(0, |g| g.windows())
            + self.wide.as_ref().map_or(0, |wide| wide.windows())
            + self.codes.as_ref().map_or(0, |codes| codes.windows())
            + self.texts.windows()
            + self.containers.iter().map(|c| c.windows()).sum::<u64>()
    }

    /// Says that `len` bytes were lost: everything that was under way is given up.
    pub(crate) fn gap(&mut self, len: u64, cx: &mut Context<'_>) {
        let now = self.pos;
        for container in std::mem::take(&mut self.containers) {
            container.refuse(OpaqueReason::Gap, now, cx);
        }
        if let Some(group) = self.group.take() {
            group.release(cx);
        }
        if let Some(wide) = self.wide.take() {
            wide.release(cx);
        }
        if let Some(codes) = self.codes.take() {
            codes.release(cx);
        }
        self.texts.release(cx);
        self.matcher.clear();
        self.beside = None;
        self.late = None;
        self.listing = None;
        self.archive.gap();
        self.tail.zeroize();
        self.pos = self.pos.saturating_add(len);
        self.decided = self.pos;
    }

    pub(crate) fn pos(&self) -> u64 {
        self.pos
    }

    fn run(
        &mut self,
        view: View<'_>,
        fresh: u64,
        sliced: u64,
        hits: &[Hit],
        eof: bool,
        cx: &mut Context<'_>,
    ) {
        self.resume(view, fresh, eof, cx);
        let is_waited_for = self.late.is_some() || self.waiting != u64::MAX || self.denied_text() != u64::MAX;
        // Most lanes, most of the time, have nothing of all this.
        if self.has_children() || is_waited_for || self.listing.is_some() {
            self.go_on(view, fresh, eof, cx);
        }
        for hit in hits {
            let at = view.base + hit.at as u64;
            match (start_of(hit), hit.what) {
                (Some(Start::Run), _) => self.start_group(view, at, eof, cx),
                (Some(Start::Escape), _) => self.start_escaped(view, at, eof, cx),
                (Some(Start::Wide), _) => self.start_wide(view, at, eof, cx),
                (Some(Start::Codes), _) => self.start_codes(view, at, eof, cx),
                (Some(Start::Container(kind)), _) => self.start_container(kind, view, at, sliced, cx),
                (None, What::Literal(id)) if is_directory(id) => {
                    self.start_directory(id, view, at, eof, cx);
                }
                (None, What::Literal(id)) if id == fixture::MARK.1 => self.note_tests(at),
                (None, What::Literal(rule)) => self.start_confirm(rule, view, at, eof, cx),
                (None, What::Anchor(needle)) => self.start_known(needle, view, at, cx),
                (None, What::Run | What::Escape | What::Wide | What::Codes) => {}
            }
        }
        // Before the scattered ones, which are not told of where something else is found.
        self.feed_delta(view, fresh, cx);
        self.feed_scattered(view, fresh, eof, cx);
        self.feed_joined(view, fresh, eof, cx);
        self.feed_base85(view, eof, cx);
        self.feed_fragments(view, fresh, eof, cx);
    }

    /// Goes on with what began before, and was not decided or is being decoded.
    fn go_on(&mut self, view: View<'_>, fresh: u64, eof: bool, cx: &mut Context<'_>) {
        // One refusal is reported; what stands first comes first.
        let text_first = self.denied().is_some_and(|denied| self.denied_text() < denied.0);
        if text_first {
            self.settle_denied_texts(view, eof, cx);
        }
        self.settle_denied(view, eof, cx);
        self.settle_waiting(view, eof, cx);
        self.settle_denied_texts(view, eof, cx);
        self.feed_group(view, eof, cx);
        self.feed_wide(view, eof, cx);
        self.settle_codes(view, eof, cx);
        self.feed_codes(view, eof, cx);
        self.feed_texts(view, eof, cx);
        // Before the hits: a magic number that a decoder has taken as its next member begins no container.
        self.feed_containers(view, fresh, cx);
        self.read_directory(view, 0, eof, cx);
    }

    /// Ends the children, innermost output first.
    fn end(&mut self, view: View<'_>, cx: &mut Context<'_>) {
        self.finish_group(view, cx);
        self.finish_containers(cx);
        self.finish_archive(cx);
    }

    /// Keeps the tail that later decisions may look at.
    fn retain(&mut self, view: View<'_>, cx: &mut Context<'_>) {
        let mut keep = self.decided.saturating_sub(cx.core.reach.kept as u64);
        self.matcher.unpark(self.decided);
        let decided = self.decided;
        if let Some(taken) = &mut self.taken {
            taken.0.retain(|at| *at >= decided);
        }
        keep = keep.min(self.texts.first()).min(self.group.as_ref().map_or(u64::MAX, |group| group.fed()));
        keep = keep.min(self.wide.as_ref().map_or(u64::MAX, |wide| wide.fed()));
        keep = keep.min(self.codes.as_ref().map_or(u64::MAX, |codes| codes.fed()));
        keep = keep.min(self.matcher.first()).min(self.token().map_or(u64::MAX, |token| token.at));
        // A look at a run or a list reads what stands before it.
        let late = [self.denied(), self.waiting_codes()].into_iter().flatten().map(|late| late.0);
        keep = keep.min(late.fold(self.waiting, u64::min).saturating_sub(1));
        let scattered = self.scattered().map_or(u64::MAX, |scattered| scattered.first());
        keep = keep.min(scattered);
        keep = keep.min(self.joined().map_or(u64::MAX, |joined| joined.first()));
        keep = keep.min(self.base85().map_or(u64::MAX, |texts| texts.first())).min(self.first_of_pieces(cx));
        if self.archive.is_sniffing() {
            keep = 0;
        }
        let keep = keep.clamp(view.base, view.end());
        let kept = view.index(keep);
        if cx.facts.lines {
            self.archive.count_lines(view, keep);
        }
        self.archive.forget(keep);
        let kept = &view.bytes[kept..];
        if kept.len() > self.tail.capacity() {
            // What is left behind when it grows is wiped.
            self.tail.zeroize();
        } else if let Some(rest) = self.tail.get_mut(kept.len()..) {
            rest.zeroize();
        }
        self.tail.clear();
        self.tail.extend_from_slice(kept);
        let kept = self.decided.saturating_sub(cx.core.reach.kept as u64);
        let codes = self.waiting_codes().map_or(u64::MAX, |codes| codes.0);
        self.map.forget(kept.min(self.matcher.parked()).min(self.waiting).min(scattered).min(codes));
        if let Some(touched) = &mut self.touched {
            touched.forget(keep);
        }
        if let Some(seams) = &mut self.seams {
            seams.all.0.retain(|at| *at >= keep);
        }
        if let Some(joints) = self.joints_mut() {
            joints.forget(keep);
        }
    }

    /// The outer offset of the first position that may still become part of a candidate.
    fn open_src(&self, view: View<'_>, cx: &Context<'_>) -> u64 {
        self.open_at(view, cx).map_or(u64::MAX, |first| self.map.src(first))
    }

    /// The lane offset of that position.
    fn open_at(&self, view: View<'_>, cx: &Context<'_>) -> Option<u64> {
        let reach = &cx.core.reach;
        let bytes = view.bytes;
        let from = view.index(self.decided);
        let open = cx.core.automaton.open_from(bytes, from);
        // A candidate found at `open` or later may begin earlier: its lead, or the part of a needle before its anchor. Each of
        // these walks stops where a text of its kind must have begun, so that none ever goes back behind an earlier answer.
        let mut first = open;
        if open < bytes.len() {
            let before = bytes[..open].iter().rev().take(reach.token);
            first -= before.take_while(|b| exfilter_automaton::is_token(**b)).count();
            if reach.utf16 > 0 {
                let units = (open.saturating_sub(reach.utf16)..open).rev();
                let is_unit = |i: &usize| {
                    bytes[*i] == 0 || exfilter_automaton::is_token(bytes[*i]) && bytes[*i + 1] == 0
                };
                let units = units.take_while(is_unit).count();
                first = first.min(open - units);
            }
        }
        let escape = cx.core.automaton.escape_from(bytes, from);
        if escape < bytes.len() {
            let before = bytes[..escape].iter().rev().take(escaped::BACK);
            let token = before.take_while(|b| exfilter_automaton::is_token(**b)).count();
            let plain = bytes[..escape].last().is_some_and(|b| *b == escaped::BRACKET);
            first = first.min(escape - token.max(plain.into()));
        }
        if reach.mixed > 0 {
            first = first.min(open.saturating_sub(reach.mixed));
        }
        if reach.plain > 0 {
            first = first.min(from.saturating_sub(reach.plain));
        }
        if self.may_begin(bytes) {
            first = 0;
        }
        let seams = self.zlib_seams().iter().map(|at| view.index(*at));
        first = first.min(seams.min().unwrap_or(first));
        (first < bytes.len()).then(|| view.base + first as u64)
    }

    /// Whether the parent has seen a range as it is: unescaped text in which no escape stood.
    fn is_as_spelled(&self, start: u64, end: u64) -> bool {
        match self.kind {
            LaneKind::Escapes => self.touched.as_ref().is_some_and(|t| !t.meets(start, end)),
            LaneKind::Joined => self.joints().is_some_and(|j| !j.is_spanned(start, end)),
            _ => false,
        }
    }

    /// Notes that another line or string of a run begins at `at`: a list of texts has one on each, so a match may begin and end there.
    fn note_seam(&mut self, at: u64) {
        self.seams.get_or_insert_default().all.0.push(at);
    }

    fn zlib_seams(&self) -> &[u64] {
        self.seams.as_ref().map_or(&[], |seams| &seams.zlib.0)
    }

    /// Whether the lane begins where its text happens to: all other content begins where it begins.
    fn begins_anywhere(&self) -> bool {
        matches!(self.kind, LaneKind::Escapes | LaneKind::Joined)
    }

    /// Whether the parent has seen a range as it is: inside a frame. What begins there may go on in another.
    fn is_in_one_frame(&self, start: u64, end: u64) -> bool {
        matches!(self.kind, LaneKind::Framing(_))
            && self.touched.as_ref().is_some_and(|t| !t.meets(start, end))
    }

    /// Whether the content, of which nothing is decided yet, may be a container that no literal marks.
    fn may_begin(&self, bytes: &[u8]) -> bool {
        let unmarked = self.codings > 0
            || !self.begins_anywhere() && container::may_be_zlib(bytes)
            || self.framing(bytes).is_some();
        self.decided == 0 && unmarked && !bytes.is_empty()
    }

    /// Notes that tests follow; of several marks in a file the first one stays.
    fn note_tests(&mut self, at: u64) {
        if !self.is_in_tests(at) {
            self.late.get_or_insert_default().tests = Some(at);
        }
    }

    /// Whether a mark stands before `at` in the same file.
    fn is_in_tests(&self, at: u64) -> bool {
        self.late().tests.is_some_and(|mark| self.archive.are_in_one_part(mark, at))
    }

    /// The trail of a lane offset: this lane, and the member of its archive there.
    fn trail_at(&mut self, at: u64) -> Option<Arc<Trail>> {
        if let Some(member) = self.archive.trail_at(at) {
            return Some(member);
        }
        self.here()
    }

    fn here(&mut self) -> Option<Arc<Trail>> {
        if self.here.is_none()
            && let Some(step) = self.kind.step()
        {
            self.here = Some(Arc::new(Trail::new(self.up.clone(), step)));
        }
        self.here.clone()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.tail.zeroize();
    }
}
