//! Known secrets of which every byte was XORed with one and the same.
//!
//! The key is none of the differences between neighbours, so those are looked for:
//!
//! ```text
//! value         v0    v1    v2    v3         word: eight differences in a row, looked up like an anchor
//! as it leaves  v0^k  v1^k  v2^k  v3^k
//! differences      v0^v1 v1^v2 v2^v3         MAC: of all of them
//! ```
//!
//! A value whose key is zero stands there as it is, and is found as that.
//!
//! What base64 and hexadecimal digits stand for is read too, and the look that passes over runs must not pass over one that holds a needle. In base64
//! the key comes back every three bytes, four characters, so characters that far apart are compared, and nothing need be decoded: each needle has an
//! anchor for each alignment.

use zeroize::Zeroize;

use super::{Lane, LaneKind};
use crate::confirm::View;
use crate::context::{Context, Found};
use crate::engine::Deltas;
use crate::finding::Range64;
use crate::secrets::Form;

/// The differences of `bytes`, one fewer than those.
pub(crate) fn deltas(bytes: &[u8]) -> impl Iterator<Item = u8> + '_ {
    bytes.windows(2).map(|two| two[0] ^ two[1])
}

/// The differences of values of base64 characters, four fewer than those.
pub(crate) fn char_deltas(values: &[u8]) -> impl Iterator<Item = u8> + '_ {
    values.windows(5).map(|five| five[0] ^ five[4])
}

/// A needle whose anchor is there, and of which more bytes are to come.
pub(super) struct Pending {
    needle: u32,
    pub(super) start: u64,
    end: u64,
    /// Outer offset of its first byte.
    src: u64,
}

impl Deltas {
    /// Whether the anchor of a needle stands in `bytes`.
    pub(crate) fn stand_in(&self, bytes: &[u8]) -> bool {
        let mut found = false;
        self.anchors.differences::<1>(bytes, |_, _| found = true);
        found
    }

    /// Whether one stands in base64 of characters with these values, at any alignment.
    pub(crate) fn stand_in_base64(&self, values: &[u8]) -> bool {
        let mut found = false;
        self.runs.differences::<4>(values, |_, _| found = true);
        found
    }

    /// Where a needle would begin whose anchor stands at `at`, if not before `base`.
    fn start(&self, id: u32, at: u64, base: u64) -> Option<u64> {
        at.checked_sub(u64::from(self.needles[id as usize].anchor)).filter(|start| *start >= base)
    }
}

impl Lane {
    /// The differences that are looked for in this lane, if any are.
    fn deltas<'a>(&self, cx: &Context<'a>) -> Option<&'a Deltas> {
        // Escapes that stand for other characters than those of tokens begin no lane, so that one would be a matter of luck.
        let is_read = !self.kind.is_spelled()
            || matches!(self.kind, LaneKind::Base64 | LaneKind::Hex | LaneKind::Codes);
        cx.core.known.as_ref().filter(|_| is_read)?.deltas.as_ref()
    }

    /// Takes the bytes from `fresh` on.
    pub(crate) fn feed_delta(&mut self, view: View<'_>, fresh: u64, cx: &mut Context<'_>) {
        let Some(deltas) = self.deltas(cx) else { return };
        let from = fresh.saturating_sub(8).max(view.base);
        let Some(bytes) = view.get(from, view.end()) else { return };
        deltas.anchors.differences::<1>(bytes, |at, ids| {
            for id in ids {
                let Some(start) = deltas.start(*id, from + at as u64, view.base) else { continue };
                let end = start + u64::from(deltas.needles[*id as usize].len);
                let pending = Pending { needle: *id, start, end, src: self.map.src(start) };
                self.beside.get_or_insert_default().scattered.get_or_insert_default().xored.push(pending);
            }
        });
        let Some(state) = self
            .beside
            .as_mut()
            .and_then(|beside| beside.scattered.as_mut())
            .filter(|state| !state.xored.is_empty())
        else {
            return;
        };
        let (due, pending): (Vec<_>, Vec<_>) =
            state.xored.drain(..).partition(|pending| pending.end <= view.end());
        state.xored = pending;
        for pending in due {
            self.check_delta(deltas, &pending, view, cx);
        }
    }

    fn check_delta(&mut self, among: &Deltas, pending: &Pending, view: View<'_>, cx: &mut Context<'_>) {
        let core = cx.core;
        let Some(known) = &core.known else { return };
        let Some(bytes) = view.get(pending.start, pending.end) else { return };
        let needle = &among.needles[pending.needle as usize];
        let mut value = cx.scratch.buffer();
        value.extend(deltas(bytes));
        let fits = known.keys.fits(&value, &needle.mac) && !known.keys.fits(bytes, &needle.raw);
        cx.scratch.give_buffer(value);
        if !fits {
            return;
        }
        let outer = Range64 { start: pending.src, end: self.map.end(pending.end) };
        let inner = Range64 { start: pending.start, end: pending.end };
        if known.scattered.is_some() && !self.kind.is_spelled() {
            // In the other case, perhaps.
            self.beside.get_or_insert_default().scattered.get_or_insert_default().note(
                needle.secret,
                pending.start,
                pending.end,
            );
        }
        // It need not be text, so no edit can be made.
        let when = self.when(pending.end, cx);
        self.report(Found::known(when, outer, inner, needle.secret, Form::Xor), view, cx);
    }

    /// The outer offset before which no such secret begins; `partial` are bytes of this lane that have not been fed.
    pub(crate) fn delta_src(&self, partial: &[u8], cx: &Context<'_>) -> u64 {
        let Some(deltas) = self.deltas(cx).filter(|_| cx.facts.known_may_act) else { return u64::MAX };
        let pending = self.scattered().into_iter().flat_map(|state| &state.xored).map(|p| p.src);
        let hold = pending.min().unwrap_or(u64::MAX);
        let base = self.pos - self.tail.len() as u64;
        let end = self.pos + partial.len() as u64;
        if end == base {
            return hold;
        }
        // The last byte of an anchor is to come, or it is there and has not been fed.
        let mut first = end.saturating_sub(deltas.reach as u64 - 1).max(base);
        if !partial.is_empty() {
            let from = self.tail.len().saturating_sub(8);
            let mut bytes = [&self.tail[from..], partial].concat();
            deltas.anchors.differences::<1>(&bytes, |at, ids| {
                let starts = ids.iter().filter_map(|id| deltas.start(*id, base + (from + at) as u64, base));
                first = starts.fold(first, u64::min);
            });
            bytes.zeroize();
        }
        hold.min(self.map.src(first))
    }
}
