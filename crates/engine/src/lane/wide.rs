//! [`Wide`]: text in UTF-16 or UTF-32 of either byte order, as a lane of its characters.
//!
//! ```text
//! little-endian   g 0 h 0 p 0 _ 0        big-endian   0 g 0 h 0 p 0 _
//!                 ^ begins here                         ^ and here
//! lane            g   h   p   _                         g   h   p   _
//! ```
//!
//! Both are a character and a NUL, again and again, but for the last character of big-endian text, which has no NUL behind it. A NUL in front of
//! the first one tells that it is. Where big-endian text begins behind a character of one byte, that counts as the first one, and nothing tells: so a character that
//! stands alone at the end is taken too, and what ends before it has its boundary there. Only ASCII characters go on; any other ends the lane, and the next sixteen
//! begin another. UTF-32 is the same with three NULs, and told from UTF-16 by the second of them.

use exfilter_automaton::{Automaton, is_wide};

use super::{Depth, Lane, LaneKind};
use crate::confirm::View;
use crate::context::Context;
use crate::map::{Origin, OuterMap};

/// Text being read.
pub(crate) struct Wide {
    start: u64,
    src: u64,
    /// Characters before this lane offset have been taken.
    fed: u64,
    big_endian: bool,
    /// Bytes of a character.
    size: usize,
    lane: Lane,
}

impl Wide {
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    pub(crate) fn src(&self) -> u64 {
        self.src
    }

    pub(crate) fn fed(&self) -> u64 {
        self.fed
    }

    pub(crate) fn hold(&self, map: &OuterMap, pos: u64, cx: &Context<'_>) -> u64 {
        let half = if self.fed < pos { map.src(self.fed) } else { u64::MAX };
        half.min(self.lane.hold(&[], cx))
    }

    pub(crate) fn has_containers(&self) -> bool {
        self.lane.has_containers()
    }

    pub(crate) fn block_max(&self) -> u64 {
        self.size as u64 * self.lane.containers.iter().map(|c| c.block_max()).max().unwrap_or(0)
    }

    pub(crate) fn memory(&self) -> usize {
        size_of::<Wide>() + self.lane.memory()
    }

    pub(crate) fn windows(&self) -> u64 {
        self.lane.windows()
    }

    pub(crate) fn release(mut self: Box<Wide>, cx: &mut Context<'_>) {
        cx.live.lanes -= 1;
        self.lane.release_children(cx);
    }

    /// Takes the characters at hand; with `eof` nothing follows. Returns whether the text is over.
    fn feed(&mut self, map: &OuterMap, view: View<'_>, eof: bool, cx: &mut Context<'_>) -> bool {
        let bytes = view.get(self.fed, view.end()).unwrap_or(&[]);
        let mut characters = cx.scratch.buffer();
        let size = self.size;
        let is_unit = |unit: &&[u8]| is_wide(unit[0]) && unit[1..].iter().all(|byte| *byte == 0);
        let units = bytes.chunks_exact(size).take_while(is_unit);
        characters.extend(units.map(|unit| unit[0]));
        let taken = size * characters.len();
        let rest = &bytes[taken..];
        let is_cut = rest.len() < size && (rest.is_empty() || is_unit(&rest));
        let over = eof || !is_cut;
        if let Some(last) = rest.first().filter(|byte| over && is_wide(**byte)) {
            if !self.big_endian {
                self.lane.boundary = self.lane.pos + characters.len() as u64;
            }
            characters.push(*last);
        }
        // Where each character stands; the last one may have no other bytes.
        let whole = taken / size;
        let from = if map.is_identity() && size == 2 { whole } else { 0 };
        for i in from..characters.len() {
            let unit = self.fed + (size * i) as u64;
            let end = if i < whole { unit + size as u64 } else { unit + 1 };
            let origin = Origin::Const { start: map.src(unit), end: map.end(end) };
            self.lane.map.push(self.lane.pos + i as u64, origin);
        }
        self.lane.feed(&characters, over, cx);
        self.fed += taken as u64;
        cx.scratch.give_buffer(characters);
        over
    }
}

impl Lane {
    /// Text in UTF-16 or UTF-32 begins at `at`.
    pub(crate) fn start_wide(&mut self, view: View<'_>, at: u64, eof: bool, cx: &mut Context<'_>) {
        if self.wide.is_some() {
            return;
        }
        if self.depth.shapes >= cx.core.limits.shapes || cx.live.lanes >= cx.core.limits.lanes {
            if !self.refused_shapes {
                let end = view.index(at + 2 * Automaton::WIDE as u64);
                self.refuse_shape(at, self.map.src(at), end, view, eof, cx);
            }
            return;
        }
        cx.live.lanes += 1;
        let depth = Depth { shapes: self.depth.shapes + 1, ..self.depth };
        let (kind, size) = match view.get(at + 2, at + 3) {
            Some(&[0]) => (LaneKind::Utf32, 4),
            _ => (LaneKind::Utf16, 2),
        };
        let mut lane = Lane::new(kind, depth, self.trail_at(at), OuterMap::segments());
        if self.map.is_identity() && size == 2 {
            lane.map.push(0, Origin::Hex { outer: at });
        }
        let before = at.checked_sub(size as u64 - 1).and_then(|before| view.get(before, at));
        let big_endian = before.is_some_and(|before| before.iter().all(|byte| *byte == 0));
        self.wide =
            Some(Box::new(Wide { start: at, src: self.map.src(at), fed: at, big_endian, size, lane }));
        self.feed_wide(view, eof, cx);
    }

    /// Feeds the text that is being read, and ends it if it is over.
    pub(crate) fn feed_wide(&mut self, view: View<'_>, eof: bool, cx: &mut Context<'_>) {
        let Some(mut wide) = self.wide.take() else { return };
        let found = cx.scratch.found.len();
        let over = wide.feed(&self.map, view, eof, cx);
        if cx.scratch.found.len() > found {
            self.archive.mask(wide.start, wide.fed);
        }
        if over {
            wide.release(cx);
        } else {
            self.wide = Some(wide);
        }
    }
}
