//! Lanes that live only while they are fed: of what is decoded when all of it is there, base58 and base85.

use std::ops::Range;

use super::{Depth, Lane, LaneKind};
use crate::confirm::View;
use crate::context::Context;
use crate::map::{Origin, OuterMap};

impl Lane {
    /// Reads what all of `range`, which begins at outer offset `src`, stands for as a lane of its own, if there may be one. The bytes before `decided` tell
    /// that it is this.
    #[expect(clippy::too_many_arguments, reason = "two places call it, with what each of them knows")]
    pub(super) fn feed_whole(
        &mut self,
        kind: LaneKind,
        range: Range<u64>,
        src: u64,
        decoded: &[u8],
        decided: u64,
        (view, eof): (View<'_>, bool),
        cx: &mut Context<'_>,
    ) {
        let Range { start, end } = range;
        if self.depth.shapes >= cx.core.limits.shapes || cx.core.limits.lanes == 0 {
            if !self.refused_tokens {
                self.refused_tokens = true;
                self.refuse_shape(start, src, view.index(end), view, eof, cx);
            }
            return;
        }
        let depth = Depth { shapes: self.depth.shapes + 1, ..self.depth };
        let mut lane = Lane::new(kind, depth, self.trail_at(start), OuterMap::segments());
        lane.map.push(0, Origin::Const { start: src, end: self.map.end(end) });
        let found = cx.scratch.found.len();
        // Which other lanes are alive depends on what stands around it, and on pieces; those below it are gone when it is read.
        let lanes = std::mem::replace(&mut cx.live.lanes, 1);
        let when = self.when(decided, cx);
        let when = std::mem::replace(&mut cx.when, when);
        lane.feed(decoded, true, cx);
        lane.release_children(cx);
        (cx.live.lanes, cx.when) = (lanes, when);
        if cx.scratch.found.len() > found {
            self.archive.mask(start, end);
        }
    }
}
