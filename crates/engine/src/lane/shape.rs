//! Runs of base64 characters: a group of four lanes, one per alignment, and two more where the run begins with hexadecimal digits.
//!
//! A run is a maximal stretch of base64 characters of at least the length that the shortest match would be encoded to. Where its text began
//! cannot be known (`\nQUJD` has the `n` in front), so it is decoded at all four alignments; three of them yield noise that no rule fits.

use exfilter_automaton::What;
use exfilter_codec::base64::Phase;
use exfilter_codec::hex;

use crate::confirm::View;
use crate::context::Context;
use crate::coverage::OpaqueReason;
use crate::lane::escaped::{self, Begins, Look};
use crate::lane::{Depth, Lane, LaneKind, SEEN};
use crate::lane::{archive, container};
use crate::map::{Origin, OuterMap};

/// A run being decoded.
pub(crate) struct Group {
    start: u64,
    /// Characters before this lane offset have been taken.
    fed: u64,
    src: u64,
    phases: [PhaseLane; 4],
    /// The lanes of a run of digits, while digits go on.
    digits: [HexLane; 2],
    /// Whether they are in use, and where the digits begin.
    hex: bool,
    digits_at: u64,
}

struct HexLane {
    skip: u64,
    phase: hex::Phase,
    lane: Lane,
    /// Whether all digits so far were followed by more.
    open: bool,
    /// Whether the last letter was a capital.
    capital: Option<bool>,
}

/// Digits with which a run begins if it is one of hexadecimal digits: a position is decided when as many bytes of it are at hand. What is
/// blocked is longer.
const HEX_MIN: usize = 32;

/// Where the hexadecimal digits of the run at `at` begin, if it begins with some, or with `0x` and some.
fn digits_at(bytes: &[u8], at: usize) -> Option<usize> {
    let from = if matches!(bytes.get(at..at + 2), Some(b"0x" | b"0X")) { at + 2 } else { at };
    let digits = bytes.get(from..at + HEX_MIN)?;
    digits.iter().all(u8::is_ascii_hexdigit).then_some(from)
}

struct PhaseLane {
    skip: u64,
    phase: Phase,
    lane: Lane,
}

/// Longest run, in characters, that [`is_idle`] decodes.
const QUICK: usize = 640;

/// Whether the run at `at` is over within `bytes` and holds nothing at any alignment: no candidate, no magic number, no archive, no further run. Such a run
/// needs no lanes; what they would report is nothing.
pub(crate) fn is_idle(bytes: &[u8], at: usize, eof: bool, cx: &mut Context<'_>) -> bool {
    let end = cx.core.automaton.run_end(bytes, at);
    if (end == bytes.len() && !eof) || end - at > QUICK {
        return false;
    }
    let mut decoded = cx.scratch.buffer();
    let mut hits = cx.scratch.hits();
    let mut packed = false;
    for skip in 0..4u8 {
        let start = decoded.len();
        let mut phase = Phase::new(skip);
        phase.decode(&bytes[at..end], &mut decoded);
        phase.finish(&mut decoded);
        packed |= container::zlib_at(&decoded[start..]).is_some() || archive::begins(&decoded[start..]);
        // Belongs to no token and no literal, so that one scan serves all four.
        decoded.push(0xff);
    }
    for (from, skip) in digits_at(bytes, at).into_iter().flat_map(|from| [(from, 0), (from, 1)]) {
        let start = decoded.len();
        hex::Phase::new(skip).decode(&bytes[from..end], &mut decoded);
        packed |= container::zlib_at(&decoded[start..]).is_some() || archive::begins(&decoded[start..]);
        decoded.push(0xff);
    }
    cx.core.automaton.scan(&decoded, 0, decoded.len(), &mut hits);
    let idle = !packed
        && hits.iter().all(|hit| {
            hit.what == What::Escape
                && match escaped::begins(&decoded, hit.at) {
                    None => true,
                    Some(Begins::Magic(_)) => false,
                    Some(Begins::Text) => escaped::look(&decoded, hit.at, true, cx) == Look::Idle,
                }
        });
    cx.scratch.give_hits(hits);
    cx.scratch.give_buffer(decoded);
    idle
}

impl Group {
    fn new() -> Group {
        Group {
            start: 0,
            fed: 0,
            src: 0,
            phases: [0, 1, 2, 3].map(|skip| PhaseLane {
                skip,
                phase: Phase::new(skip as u8),
                lane: Lane::new(LaneKind::Base64, Depth::default(), None, OuterMap::segments()),
            }),
            digits: [0, 1].map(|skip| HexLane {
                skip,
                phase: hex::Phase::new(skip as u8),
                lane: Lane::new(LaneKind::Hex, Depth::default(), None, OuterMap::segments()),
                open: false,
                capital: None,
            }),
            hex: false,
            digits_at: 0,
        }
    }

    /// Its lanes.
    fn lanes(&self) -> impl Iterator<Item = &Lane> {
        let digits = self.digits.iter().filter(|_| self.hex).map(|d| &d.lane);
        self.phases.iter().map(|p| &p.lane).chain(digits)
    }

    fn count(&self) -> u32 {
        if self.hex { 6 } else { 4 }
    }

    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    pub(crate) fn src(&self) -> u64 {
        self.src
    }

    /// Takes characters up to `to`; with `end` the run is over.
    fn feed(&mut self, map: &OuterMap, view: View<'_>, to: u64, end: bool, cx: &mut Context<'_>) {
        let chars = view.get(self.fed, to).unwrap_or(&[]);
        for PhaseLane { skip, phase, lane } in &mut self.phases {
            let mut decoded = cx.scratch.buffer();
            let first = self.fed.saturating_sub(phase.pending() as u64).max(self.start + *skip);
            phase.decode(chars, &mut decoded);
            if end {
                phase.finish(&mut decoded);
            }
            if !map.is_identity() {
                // Each byte is attributed to its group of four characters; equal origins merge.
                let mut at = lane.pos;
                let mut quad = first;
                while at < lane.pos + decoded.len() as u64 {
                    let start = map.src(quad);
                    let after = map.end((quad + 4).min(to.max(quad + 1)));
                    lane.map.push(at, Origin::Const { start, end: after });
                    at += 3;
                    quad += 4;
                }
            }
            lane.feed(&decoded, end, None, cx);
            cx.scratch.give_buffer(decoded);
        }
        for digits in self.digits.iter_mut().filter(|digits| self.hex && digits.open) {
            let fed = self.fed.max(self.digits_at);
            let chars = view.get(fed, to).unwrap_or(&[]);
            digits.feed(self.digits_at, fed, chars, map, end, cx);
        }
        self.fed = to;
    }

    pub(crate) fn hold(&self, map: &OuterMap, cx: &Context<'_>) -> u64 {
        let mut hold = u64::MAX;
        for digits in self.digits.iter().filter(|digits| self.hex && digits.open) {
            if digits.phase.pending() > 0 {
                hold = hold.min(map.src(self.fed.saturating_sub(1)));
            }
            hold = hold.min(digits.lane.hold(&[], cx));
        }
        for phase in &self.phases {
            let pending = phase.phase.pending() as u64;
            if pending > 0 {
                hold = hold.min(map.src(self.fed.saturating_sub(pending)));
            }
            hold = hold.min(phase.lane.hold(&[], cx));
        }
        hold
    }

    pub(crate) fn has_containers(&self) -> bool {
        self.lanes().any(|lane| lane.has_containers())
    }

    pub(crate) fn block_max(&self) -> u64 {
        // Blocks of a nested codec arrive through base64, four characters for three bytes, at most three layers deep.
        4 * self.lanes().flat_map(|lane| lane.containers.iter().map(|c| c.block_max())).max().unwrap_or(0)
    }

    pub(crate) fn memory(&self) -> usize {
        // The lanes that are not in use keep their buffers.
        let all = self.phases.iter().map(|p| &p.lane).chain(self.digits.iter().map(|d| &d.lane));
        size_of::<Group>() + all.map(Lane::memory).sum::<usize>()
    }

    pub(crate) fn windows(&self) -> u64 {
        self.lanes().map(Lane::windows).sum()
    }

    /// Gives the group's lanes back.
    pub(crate) fn release(mut self: Box<Group>, cx: &mut Context<'_>) {
        cx.live.lanes -= self.count();
        for phase in &mut self.phases {
            phase.lane.release_children(cx);
        }
        for digits in &mut self.digits {
            digits.lane.release_children(cx);
        }
        cx.scratch.give_group(self);
    }
}

impl HexLane {
    /// Takes the digits with which `chars`, which stand at `fed`, begin; with `end` the run is over.
    fn feed(&mut self, start: u64, fed: u64, chars: &[u8], map: &OuterMap, end: bool, cx: &mut Context<'_>) {
        let mut decoded = cx.scratch.buffer();
        let first = fed.saturating_sub(self.phase.pending() as u64).max(start + self.skip);
        let taken = self.phase.decode(chars, &mut decoded);
        self.open = !end && taken == chars.len();
        for (i, digit) in chars.iter().enumerate().filter(|(_, digit)| digit.is_ascii_alphabetic()) {
            let capital = Some(digit.is_ascii_uppercase());
            if self.capital.is_some() && self.capital != capital {
                let at = (fed + i as u64).saturating_sub(start + self.skip) / 2;
                self.lane.touched.get_or_insert_default().add(at, at + 1);
            }
            self.capital = capital;
        }
        if !map.is_identity() {
            for i in 0..decoded.len() as u64 {
                let pair = first + 2 * i;
                self.lane
                    .map
                    .push(self.lane.pos + i, Origin::Const { start: map.src(pair), end: map.end(pair + 2) });
            }
        }
        self.lane.feed(&decoded, !self.open, None, cx);
        cx.scratch.give_buffer(decoded);
    }
}

impl Lane {
    /// Feeds the open run, and ends it if it is over.
    pub(crate) fn feed_group(&mut self, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        let Some(mut group) = self.group.take() else { return };
        let from = view.index(group.fed);
        let to = view.base + cx.core.automaton.run_end(view.bytes, from) as u64;
        let end = to < view.end() || eof;
        let found = cx.scratch.found.len();
        group.feed(&self.map, view, to, end, cx);
        if cx.scratch.found.len() > found {
            self.archive.mask(group.start, to);
        }
        if end {
            group.release(cx);
        } else {
            self.group = Some(group);
        }
    }

    /// A run begins at `at`.
    pub(crate) fn start_group(&mut self, view: View<'_>, at: u64, eof: bool, cx: &mut Context<'_>) {
        let end = view.base + cx.core.automaton.run_end(view.bytes, view.index(at)) as u64;
        if (end < view.end() || eof) && self.is_as_spelled(at, end) {
            return;
        }
        let digits = digits_at(view.bytes, view.index(at)).map(|from| view.base + from as u64);
        let lanes = if digits.is_some() { 6 } else { 4 };
        if self.depth.shapes >= cx.core.limits.shapes || cx.live.lanes + lanes > cx.core.limits.lanes {
            if !self.refused_shapes {
                self.denied = Some((at, self.map.src(at)));
                self.settle_denied(view, eof, cx);
            }
            return;
        }
        cx.live.lanes += lanes;
        let mut group = cx.scratch.group().unwrap_or_else(|| Box::new(Group::new()));
        let depth = Depth { shapes: self.depth.shapes + 1, ..self.depth };
        let up = self.trail_at(at);
        group.start = at;
        group.fed = at;
        group.src = self.map.src(at);
        group.hex = digits.is_some();
        group.digits_at = digits.unwrap_or(at);
        let digits_at = group.digits_at;
        for HexLane { skip, phase, lane, open, capital } in
            group.digits.iter_mut().filter(|_| digits.is_some())
        {
            *phase = hex::Phase::new(*skip as u8);
            (*open, *capital) = (true, None);
            lane.restart(LaneKind::Hex, depth, up.clone());
            if self.map.is_identity() {
                lane.map.push(0, Origin::Hex { outer: digits_at + *skip });
            }
        }
        for PhaseLane { skip, phase, lane } in &mut group.phases {
            *phase = Phase::new(*skip as u8);
            lane.restart(LaneKind::Base64, depth, up.clone());
            if self.map.is_identity() {
                lane.map.push(0, Origin::Base64 { outer: at + *skip });
            }
        }
        self.group = Some(group);
        self.feed_group(view, eof, cx);
    }

    /// Decides about a run for which no lanes could be had: it matters only if lanes would have found something in it. That is known when it
    /// ends; a run that is too long for a look counts as if they had.
    pub(crate) fn settle_denied(&mut self, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        let Some((at, start)) = self.denied else { return };
        let from = view.index(at);
        let end = cx.core.automaton.run_end(view.bytes, from).min(from + QUICK + 1);
        if end == view.bytes.len() && !eof && end - from <= QUICK {
            return;
        }
        self.denied = None;
        if is_idle(view.bytes, from, eof, cx) {
            return;
        }
        self.refuse_shape(at, start, end, view, eof, cx);
    }

    /// Says that what stands from `at` to `end` of the view could not be decoded for want of lanes; `start` is its outer offset.
    pub(crate) fn refuse_shape(
        &mut self,
        at: u64,
        start: u64,
        end: usize,
        view: View<'_>,
        eof: bool,
        cx: &mut Context<'_>,
    ) {
        self.refused_shapes = true;
        let end = view.base + end as u64;
        let decided = if eof && end == view.end() { u64::MAX } else { (end + 1).max(at + SEEN) };
        let end = self.map.end(end);
        let trail = self.trail_at(at);
        let when = self.when(decided, cx);
        cx.opaque(OpaqueReason::Depth, start..end, trail, when);
    }

    pub(crate) fn finish_group(&mut self, view: View<'_>, cx: &mut Context<'_>) {
        if let Some(mut group) = self.group.take() {
            group.feed(&self.map, view, group.fed, true, cx);
            group.release(cx);
        }
    }

    /// Drops all children without their events; for a lane that is itself dropped.
    pub(crate) fn release_children(&mut self, cx: &mut Context<'_>) {
        if let Some(group) = self.group.take() {
            group.release(cx);
        }
        self.texts.release(cx);
        for container in std::mem::take(&mut self.containers) {
            container.release(cx);
        }
    }
}
