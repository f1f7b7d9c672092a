//! [`Scattered`]: letters and digits of known secrets in order, whatever stands between them.
//!
//! A value that a program joins from pieces, writes in groups or in the other case has the same letters and digits in the same order. So all
//! other bytes are passed over, letters count as lower case, and what is left is looked for by its own anchors:
//!
//! ```text
//! lane      "q8Zt4L" +   \n  "mN0pR7sVx2"
//! kept       q8zt4l            mn0pr7svx2        word: the last eight of them
//! ```
//!
//! The letter behind a backslash is no letter either: `\\n` in a string is a line break. No more than [`GAP`] other bytes may stand between two of them, so what is held back has an end. Nothing is kept but offsets; the
//! letters are read again from the lane's tail when the last one is there.

use super::{Lane, SEEN, delta};
use crate::confirm::View;
use crate::context::{Context, Found};
use crate::finding::Range64;
use crate::secrets::{Form, SCATTERED_REACH};

/// Other bytes that may stand between two letters or digits.
pub(crate) const GAP: u64 = 32;

/// How long matches as they are spelled are remembered, in bytes behind their end: the longest scattered one.
const REMEMBERED: u64 = 192 * (GAP + 1);

/// Bytes behind its last letter or digit after which a match as it is spelled may end and is known in time: its anchor has eight.
const LATE: u64 = 8;

/// The letters and digits of `bytes` that count, each with its place; `escaped` says whether the byte before is a backslash, and is kept up.
pub(crate) fn letters<'a>(bytes: &'a [u8], escaped: &'a mut bool) -> impl Iterator<Item = (usize, u8)> + 'a {
    bytes.iter().enumerate().filter_map(move |(i, byte)| {
        let counts = byte.is_ascii_alphanumeric() && !*escaped;
        *escaped = *byte == b'\\' && !*escaped;
        counts.then(|| (i, byte.to_ascii_lowercase()))
    })
}

/// The letter or digit that a byte counts as; 0 for all others.
const LETTERS: [u8; 256] = {
    let mut table = [0; 256];
    let mut b = 0;
    while b < 256 {
        if (b as u8).is_ascii_alphanumeric() {
            table[b] = (b as u8).to_ascii_lowercase();
        }
        b += 1;
    }
    table
};

/// Bytes of which letters and digits are listed at once.
const BLOCK: usize = 256;

/// The letters and digits of a block that count.
struct Kept {
    /// Their places in the block.
    places: [u8; BLOCK],
    /// The seven before them, and they: eight in a row end with each of them.
    letters: [u8; 7 + BLOCK],
    len: usize,
}

impl Kept {
    /// Lists those of no more than [`BLOCK`] bytes without a branch; `last` are the last eight before. See [`letters`].
    fn list(&mut self, bytes: &[u8], escaped: &mut bool, last: u64) {
        self.letters[..7].copy_from_slice(&last.to_le_bytes()[1..]);
        let letters = &mut self.letters[7..];
        let mut n = 0;
        let plain = !*escaped && !bytes.contains(&b'\\');
        for (i, byte) in bytes.iter().enumerate().take(BLOCK) {
            let letter = LETTERS[usize::from(*byte)];
            // There are no more than bytes; so that the compiler knows.
            (self.places[n % BLOCK], letters[n % BLOCK]) = (i as u8, letter);
            n += usize::from((letter != 0) & !*escaped);
            if !plain {
                *escaped = (*byte == b'\\') & !*escaped;
            }
        }
        self.len = n;
    }

    fn places(&self) -> &[u8] {
        &self.places[..self.len]
    }

    /// Those before and they.
    fn letters(&self) -> &[u8] {
        &self.letters[..7 + self.len]
    }

    /// The last eight.
    fn last(&self, before: u64) -> u64 {
        match self.letters().last_chunk() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => before,
        }
    }
}

/// Places that are kept: an anchor, and what may stand before it.
const PLACES: usize = SCATTERED_REACH + 8;

/// What a lane has seen.
#[derive(Default)]
pub(crate) struct Scattered {
    /// The last eight letters and digits, the newest highest.
    word: u64,
    /// Whether the last byte was a backslash that takes the next one away.
    escaped: bool,
    /// How many there were.
    count: u64,
    /// Lane offsets of the last ones, that of the n-th at n modulo their number; and how many of them go on.
    places: [u64; PLACES],
    held: usize,
    pending: Vec<Pending>,
    /// The least `due` of them.
    due: u64,
    /// Matches that wait until it is known whether the value stands there as it is spelled.
    matched: Vec<Match>,
    /// Secrets found in another spelling, and where.
    spelled: Vec<(u32, u64, u64)>,
    /// Secrets XORed with a byte that are under way.
    pub(super) xored: Vec<delta::Pending>,
}

/// A needle of which more letters are to come.
struct Pending {
    needle: u32,
    /// Lane offset of its first letter, and the outer one.
    start: u64,
    src: u64,
    /// The count at which it is complete.
    due: u64,
}

/// A needle that is complete.
struct Match {
    secret: u32,
    start: u64,
    end: u64,
    outer: Range64,
}

impl Scattered {
    /// Notes a secret that stands at a range of the lane as one of its needles spells it.
    pub(crate) fn note(&mut self, secret: u32, start: u64, end: u64) {
        self.spelled.retain(|(.., to)| to + REMEMBERED > start);
        self.spelled.push((secret, start, end));
    }

    /// The least lane offset whose byte is still needed.
    pub(crate) fn first(&self) -> u64 {
        let pending = self.pending.iter().map(|p| p.start);
        let matched = self.matched.iter().map(|m| m.start);
        let xored = self.xored.iter().map(|p| p.start);
        pending.chain(matched).chain(xored).chain(self.places().next()).min().unwrap_or(u64::MAX)
    }

    pub(crate) fn memory(&self) -> usize {
        size_of::<Scattered>()
            + self.pending.capacity() * size_of::<Pending>()
            + self.matched.capacity() * size_of::<Match>()
            + self.spelled.capacity() * size_of::<(u32, u64, u64)>()
            + self.xored.capacity() * size_of::<delta::Pending>()
    }

    /// The places that go on, in order.
    fn places(&self) -> impl Iterator<Item = u64> {
        let first = (self.count + 1 - self.held as u64) as usize;
        (0..self.held).map(move |i| self.places[(first + i) % PLACES])
    }

    /// Takes letters and digits at which nothing begins, ends or is complete; their places count from lane offset `from`.
    fn pass_over(&mut self, places: &[u8], from: u64, reach: usize) {
        let first = places.len().saturating_sub(PLACES);
        for (n, i) in places.iter().enumerate().skip(first) {
            self.places[(self.count + 1 + n as u64) as usize % PLACES] = from + u64::from(*i);
        }
        self.count += places.len() as u64;
        self.held = (self.held + places.len()).min(reach);
    }

    /// Whether letters and digits are so near to each other, and the first of them to the last one before, that what has begun goes on.
    fn goes_on(&self, places: &[u8], from: u64) -> bool {
        let Some(first) = places.first() else { return true };
        let before = from + u64::from(*first) - self.places[self.count as usize % PLACES];
        let apart = places.windows(2).fold(0, |apart, two| apart.max(two[1] - two[0]));
        u64::from(apart) <= GAP + 1 && (self.held == 0 || before <= GAP + 1)
    }

    /// Forgets what cannot go on at lane offset `at`.
    fn expire(&mut self, at: u64) {
        if self.held > 0 && at - self.places[self.count as usize % PLACES] > GAP + 1 {
            self.held = 0;
            self.pending.clear();
            self.due = u64::MAX;
        }
    }
}

impl Lane {
    /// Takes the bytes from `fresh` on.
    pub(crate) fn feed_scattered(&mut self, view: View<'_>, fresh: u64, eof: bool, cx: &mut Context<'_>) {
        if self.kind.is_spelled() {
            // Runs and texts that a look passes over have no lane; those that have one must say the same.
            return;
        }
        let core = cx.core;
        let Some(known) = &core.known else { return };
        let Some(needles) = &known.scattered else { return };
        let Some(bytes) = view.get(fresh, view.end()) else { return };
        if self.scattered().is_none() && bytes.is_empty() {
            return;
        }
        let mut state = self.beside.get_or_insert_default().scattered.take().unwrap_or_default();
        let mut kept = Kept { places: [0; BLOCK], letters: [0; 7 + BLOCK], len: 0 };
        // Few letters end an anchor.
        let mut anchors = Vec::new();
        for (block, from) in bytes.chunks(BLOCK).zip((fresh..).step_by(BLOCK)) {
            kept.list(block, &mut state.escaped, state.word);
            state.word = kept.last(state.word);
            anchors.clear();
            needles.anchors.words(kept.letters(), |n, ids| anchors.extend(ids.iter().map(|id| (n, *id))));
            let mut anchors = anchors.iter().copied().peekable();
            let places = kept.places();
            let goes_on = state.goes_on(places, from);
            let mut n = 0;
            while let Some(i) = places.get(n) {
                let quiet = anchors.peek().map_or(places.len(), |(at, _)| *at);
                if goes_on && quiet > n && state.pending.is_empty() {
                    state.pass_over(&places[n..quiet], from, needles.reach);
                    n = quiet;
                    continue;
                }
                let at = from + u64::from(*i);
                state.expire(at);
                state.count += 1;
                state.places[state.count as usize % PLACES] = at;
                state.held = (state.held + 1).min(needles.reach);
                while let Some((_, id)) = anchors.next_if(|(at, _)| *at == n) {
                    let needle = &needles.needles[id as usize];
                    let before = needle.anchor as usize + 8;
                    if state.held < before {
                        continue;
                    }
                    let start = state.places[(state.count + 1 - before as u64) as usize % PLACES];
                    let due = state.count + u64::from(needle.len) - before as u64;
                    state.pending.push(Pending { needle: id, start, src: self.map.src(start), due });
                    state.due = if state.pending.len() == 1 { due } else { state.due.min(due) };
                }
                n += 1;
                if state.count == state.due && !state.pending.is_empty() {
                    let (due, pending): (Vec<_>, Vec<_>) =
                        state.pending.drain(..).partition(|pending| pending.due == state.count);
                    state.pending = pending;
                    state.due = state.pending.iter().map(|p| p.due).min().unwrap_or(u64::MAX);
                    for Pending { needle, start, src, .. } in due {
                        let needle = &needles.needles[needle as usize];
                        let mut value = cx.scratch.buffer();
                        let range = view.get(start, at + 1).unwrap_or(&[]);
                        value.extend(letters(range, &mut false).map(|(_, letter)| letter));
                        if known.keys.fits(&value, &needle.mac) {
                            let outer = Range64 { start: src, end: self.map.end(at + 1) };
                            state.matched.push(Match { secret: needle.secret, start, end: at + 1, outer });
                        }
                        cx.scratch.give_buffer(value);
                    }
                }
            }
        }
        state.expire(view.end());
        // Whatever else the value is spelled as there has been found by then.
        let is_settled = |found: &Match| eof || found.end + SEEN <= view.end();
        let (settled, waiting): (Vec<Match>, Vec<Match>) =
            std::mem::take(&mut state.matched).into_iter().partition(is_settled);
        state.matched = waiting;
        let is_spelled = |found: &Match| {
            let meets = |(other, from, to): &(u32, u64, u64)| {
                // What ends later is not known yet, wherever bytes are cut.
                let is_known = *to <= found.end + LATE;
                *other == found.secret && *from < found.end && found.start < *to && is_known
            };
            state.spelled.iter().any(meets)
        };
        let settled: Vec<Match> = settled.into_iter().filter(|found| !is_spelled(found)).collect();
        self.beside.get_or_insert_default().scattered = Some(state);
        for Match { secret, start, end, outer } in settled {
            let inner = Range64 { start, end };
            // Its bytes do not stand together, so no edit can be made.
            let found = Found::known(self.when(end + SEEN, cx), outer, inner, secret, Form::Scattered);
            self.report(found, view, cx);
        }
    }

    /// The outer offset before which no scattered secret begins; `partial` are bytes of this lane that have not been fed.
    pub(crate) fn scattered_src(&self, partial: &[u8], cx: &Context<'_>) -> u64 {
        let needles = cx.core.known.as_ref().and_then(|known| known.scattered.as_ref());
        let Some(needles) = needles.filter(|_| cx.facts.known_may_act) else { return u64::MAX };
        let state = self.scattered();
        let pending = state.into_iter().flat_map(|state| state.pending.iter().map(|p| p.src));
        let matched = state.into_iter().flat_map(|state| state.matched.iter().map(|m| m.outer.start));
        let hold = pending.chain(matched).min().unwrap_or(u64::MAX);
        // Then the letters that may belong to an anchor: of which the last is to come, or which is there and has not been fed.
        let mut places: Vec<u64> = state.into_iter().flat_map(|state| state.places()).collect();
        let mut word = state.map_or(0, |state| state.word);
        let mut escaped = state.is_some_and(|state| state.escaped);
        let mut first = u64::MAX;
        for (i, letter) in letters(partial, &mut escaped) {
            let place = self.pos + i as u64;
            if places.last().is_some_and(|last| place - last > GAP + 1) {
                // What was begun has ended.
                places.clear();
                first = u64::MAX;
            }
            places.push(place);
            word = push(word, letter);
            for id in needles.anchors.ids(word) {
                let before = needles.needles[*id as usize].anchor as usize + 8;
                let start = places.len().checked_sub(before).map_or(u64::MAX, |at| places[at]);
                first = first.min(start);
            }
        }
        let mut next = self.pos + partial.len() as u64;
        for place in places.iter().rev().take(needles.reach - 1) {
            if next - place > GAP + 1 {
                break;
            }
            next = *place;
            first = first.min(next);
        }
        if first == u64::MAX { hold } else { hold.min(self.map.src(first)) }
    }
}

/// The word after one more letter or digit.
fn push(word: u64, letter: u8) -> u64 {
    word >> 8 | u64::from(letter) << 56
}
