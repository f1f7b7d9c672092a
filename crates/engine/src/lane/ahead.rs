//! [`Ahead`]: what a scan of the root lane has seen that is not asked for yet.
//!
//! What stands at a position is told by the bytes around it alone, so it is told once. A batch that is cut where a child lane begins was scanned beyond the cut, and
//! while that child lives, windows of 64 bytes are fed, for which a scan of their own would take as long as one of several hundred.

use std::ops::Range;

use exfilter_automaton::{Automaton, Hit};

use crate::confirm::View;
use crate::context::{Context, Scratch};

/// Bytes that are scanned at once.
const SPAN: usize = 2048;

/// Hits of the root lane. It is empty between pushes: they are of one stream.
#[derive(Default)]
pub(crate) struct Ahead {
    /// In order; their positions count from `base` on.
    hits: Vec<Hit>,
    base: u64,
    /// The lane offsets of which they tell.
    seen: Range<u64>,
}

impl Ahead {
    pub(crate) fn clear(&mut self) {
        self.hits.clear();
        self.seen = 0..0;
    }
}

/// Appends what the root lane has at the indices `wanted` of `view`, or at the first of them, to `hits`. Returns the index up to which it does. All of them are decided by what
/// `view` holds, or nothing follows it.
pub(super) fn scan(view: View<'_>, wanted: Range<usize>, hits: &mut Vec<Hit>, cx: &mut Context<'_>) -> usize {
    let Scratch { ahead, work, .. } = &mut *cx.scratch;
    let from = view.base + wanted.start as u64;
    if !ahead.seen.contains(&from) {
        // As far as windows that are whole decide; what follows them may be shown again with what comes next.
        let windows = view.index(view.end() / cx.facts.window * cx.facts.window);
        let last = windows.saturating_sub(Automaton::LOOKAHEAD).max(wanted.end);
        let end = last.min(wanted.start + SPAN);
        ahead.clear();
        cx.core.automaton.scan(view.bytes, wanted.start, end, work, &mut ahead.hits);
        ahead.base = view.base;
        ahead.seen = from..view.base + end as u64;
    }
    let end = view.index(ahead.seen.end).min(wanted.end);
    let at = |hit: &Hit| ahead.base + hit.at as u64;
    let first = ahead.hits.partition_point(|hit| at(hit) < from);
    let last = ahead.hits.partition_point(|hit| at(hit) < view.base + end as u64);
    hits.extend(ahead.hits[first..last].iter().map(|hit| Hit { at: view.index(at(hit)), what: hit.what }));
    end
}
