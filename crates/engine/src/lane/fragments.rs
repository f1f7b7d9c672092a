//! Pieces of known secrets in a lane: windows that stand on one *diagonal* (each as far from the others as in the secret) are one piece.
//!
//! ```text
//! secret     0123456789...              a window that stands at `at` and is the secret's `n`-th has the diagonal at - n
//! lane       ....2345678901.....        one piece
//!            ^ diagonal
//! ```
//!
//! A piece that is part of a whole value is none, whichever secret's that is: its needle has found it, and it may be at home. So a piece waits until the longest value that it could be part of
//! would have ended. Else it goes to the ledger, which knows what else was seen. Whether lanes of digits and escapes exist depends on what a look finds, so looks ask for
//! pieces too, and in such a lane a piece counts only if the look, and the glance that spares it, would have seen it: in text of eleven bytes, or with an escape in it.

use zeroize::Zeroize;

use super::{Lane, LaneKind, glance};
use crate::confirm::View;
use crate::context::{Context, Found, Fragment};
use crate::engine::Known;
use crate::finding::Range64;
use crate::fragments::{Fragmented, Fragments, KEY, Standing, WINDOW_MAX};
use crate::secrets::Form;
use crate::session::Covered;

/// Windows on one diagonal.
pub(super) struct Piece {
    number: u32,
    /// Lane offset of what would be the secret part's first character; it may be before the lane's first byte.
    diagonal: i64,
    covered: Covered,
    /// From the first window's beginning to the last one's end: in the lane, and outside.
    inner: Range64,
    outer: Range64,
}

impl Piece {
    /// The lane offsets between which the whole value would stand.
    fn whole(&self, of: &Fragmented) -> (i64, u64) {
        let start = self.diagonal - i64::from(of.start);
        (start, start.saturating_add(of.len.into()).max(0).cast_unsigned())
    }

    /// The lane offset up to which bytes must have come until nothing is added to it, and no whole value that it may be part of is unknown: every window of those has been looked at.
    fn due(&self, among: &Fragments) -> u64 {
        self.inner.start + (among.longest + WINDOW_MAX) as u64
    }
}

/// What a lane has seen of secrets.
#[derive(Default)]
pub(super) struct Pieces {
    open: Vec<Piece>,
    /// Where whole values stand, for as long as an open piece, or one that is to come, may be part of them.
    whole: Vec<Range64>,
}

impl Pieces {
    pub(super) fn memory(&self) -> usize {
        size_of::<Pieces>()
            + self.open.capacity() * size_of::<Piece>()
            + self.whole.capacity() * size_of::<Range64>()
    }

    /// Notes the whole values that have ended.
    fn note_whole(&mut self, known: &Known, fragments: &Fragments, view: View<'_>) {
        for piece in &self.open {
            let of = &fragments.secrets[piece.number as usize];
            let (start, end) = piece.whole(of);
            let Some(start) = u64::try_from(start).ok().filter(|start| *start >= view.base) else { continue };
            let range = Range64 { start, end };
            let is_new = end <= view.end() && !self.whole.contains(&range);
            if is_new && view.get(start, end).is_some_and(|there| known.keys.fits(there, &of.mac)) {
                self.whole.push(range);
            }
        }
    }

    fn is_part_of_whole(&self, piece: &Piece) -> bool {
        let inner = piece.inner;
        self.whole.iter().any(|whole| whole.start <= inner.start && inner.end <= whole.end)
    }
}

impl Lane {
    /// The pieces that are looked for in this lane, if any are.
    fn fragments<'a>(&self, cx: &Context<'a>) -> Option<(&'a Known, &'a Fragments)> {
        let known = cx.core.known.as_ref().filter(|_| self.kind != LaneKind::Joined)?;
        Some((known, known.fragments.as_ref()?))
    }

    /// Whether a window here is one that every look sees that decides about this lane: then it does not depend on chunks whether the lane is there. What no escape is part of, the parent sees.
    fn counts(&self, view: View<'_>, at: u64, len: u64) -> bool {
        match self.kind {
            LaneKind::Escapes => self.touched.as_ref().is_some_and(|touched| touched.meets(at, at + len)),
            kind if kind.is_digits() => glance::is_in_text(view.bytes, view.index(at)),
            _ => true,
        }
    }

    fn open_pieces(&self) -> &[Piece] {
        self.beside.as_ref().and_then(|beside| beside.pieces.as_ref()).map_or(&[], |pieces| &pieces.open)
    }

    /// Takes the bytes from `fresh` on.
    pub(crate) fn feed_fragments(&mut self, view: View<'_>, fresh: u64, eof: bool, cx: &mut Context<'_>) {
        let Some((known, fragments)) = self.fragments(cx) else { return };
        // A window is looked at when the longest one would be whole.
        let from = fresh.saturating_sub(WINDOW_MAX as u64 - 1).max(view.base);
        let bytes = view.get(from, view.end()).unwrap_or(&[]);
        let starts = if eof { usize::MAX } else { (bytes.len() + 1).saturating_sub(WINDOW_MAX) };
        fragments.keys_in(bytes, starts, |at, ids| {
            for standing in fragments.standing(&known.keys, &bytes[at..], ids) {
                let (at, len) = (from + at as u64, standing.window.len.into());
                if self.counts(view, at, len) {
                    self.note_window(&standing, at, fragments.longest as u64);
                }
            }
        });
        let Some(mut pieces) = self.beside.as_mut().and_then(|beside| beside.pieces.take()) else { return };
        pieces.note_whole(known, fragments, view);
        let is_due = |piece: &Piece| eof || piece.due(fragments) <= view.end();
        let (due, open): (Vec<Piece>, Vec<Piece>) = pieces.open.drain(..).partition(is_due);
        pieces.open = open;
        for piece in due.iter().filter(|piece| !pieces.is_part_of_whole(piece)) {
            self.settle_piece(piece, fragments, view, cx);
        }
        let reach = (fragments.longest + WINDOW_MAX) as u64;
        pieces.whole.retain(|whole| whole.end + reach > view.end());
        if !(pieces.open.is_empty() && pieces.whole.is_empty()) {
            self.beside.get_or_insert_default().pieces = Some(pieces);
        }
    }

    fn note_window(&mut self, standing: &Standing<'_>, at: u64, longest: u64) {
        let Standing { number, window, .. } = *standing;
        let (place, len) = (usize::from(window.at), u64::from(window.len));
        let diagonal = at.cast_signed() - place as i64;
        let covered = Covered::of(place..place + usize::from(window.len));
        let inner = Range64 { start: at, end: at + len };
        let outer = Range64 { start: self.map.src(at), end: self.map.end(at + len) };
        let pieces = &mut self.beside.get_or_insert_default().pieces.get_or_insert_default().open;
        // They are in the order of their beginnings, and one of this diagonal begins within a whole value: what hostile text has of them is not looked through.
        let mut near = pieces.iter_mut().rev().take_while(|piece| piece.inner.start + longest >= at);
        match near.find(|piece| (piece.number, piece.diagonal) == (number, diagonal)) {
            Some(piece) => {
                piece.covered.join(covered);
                piece.inner.end = piece.inner.end.max(inner.end);
                piece.outer.end = piece.outer.end.max(outer.end);
            }
            None => pieces.push(Piece { number, diagonal, covered, inner, outer }),
        }
    }

    fn settle_piece(&mut self, piece: &Piece, fragments: &Fragments, view: View<'_>, cx: &mut Context<'_>) {
        let of = &fragments.secrets[piece.number as usize];
        let when = self.when(piece.due(fragments), cx);
        let mut found = Found::known(when, piece.outer, piece.inner, of.secret, Form::Fragments);
        found.fragment = Some(Box::new(Fragment { number: piece.number, covered: piece.covered }));
        found.writable = self.writable(piece.inner.start, piece.inner.end);
        self.report(found, view, cx);
    }

    /// The least lane offset whose byte a piece still needs.
    pub(super) fn first_of_pieces(&self, cx: &Context<'_>) -> u64 {
        let Some((_, fragments)) = self.fragments(cx) else { return u64::MAX };
        let start =
            |piece: &Piece| piece.whole(&fragments.secrets[piece.number as usize]).0.max(0).cast_unsigned();
        self.open_pieces().iter().map(start).min().unwrap_or(u64::MAX)
    }

    /// The outer offset before which no piece begins that is not settled; `partial` are bytes of this lane that have not been fed.
    pub(crate) fn fragments_src(&self, partial: &[u8], cx: &Context<'_>) -> u64 {
        let Some((_, fragments)) = self.fragments(cx).filter(|_| cx.facts.known_may_act) else {
            return u64::MAX;
        };
        let hold = self.open_pieces().iter().map(|piece| piece.outer.start).min().unwrap_or(u64::MAX);
        let from = self.tail.len().saturating_sub(WINDOW_MAX - 1);
        let mut bytes = [&self.tail[from..], partial].concat();
        // A key may be under way, or is there and has not been looked at.
        let open =
            bytes.iter().rev().take(KEY - 1).take_while(|byte| exfilter_automaton::is_token(**byte)).count();
        let mut first = bytes.len() - open;
        fragments.keys_in(&bytes, usize::MAX, |at, _| first = first.min(at));
        let len = bytes.len();
        bytes.zeroize();
        if first == len {
            return hold;
        }
        let base = self.pos - (self.tail.len() - from) as u64;
        hold.min(self.map.src(base + first as u64))
    }
}
