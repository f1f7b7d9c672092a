//! [`Scattered`]: letters and digits of known secrets in order, whatever stands between them.
//!
//! A value that a program joins from pieces, writes in groups or in the other case has the same letters and digits in the same order. So all
//! other bytes are passed over, letters count as lower case, and what is left is looked for by its own anchors:
//!
//! ```text
//! lane       "q8Zt4L" +   \n  "mN0pR7sVx2"
//! letters     111111            1111111111      a bit for each
//! ends        11 1 .            . 1  1   1      of those that are rare in text: digits, j, q, z
//! word           4l            mn0pr7           the eight up to one of them, looked up
//! ```
//!
//! The same is done with the letters and digits of what encodings make of the value, which are found as runs where nothing stands between them: base64 in lines of any length, base32 in labels of names,
//! hexadecimal digits in groups.
//!
//! Every anchor ends with such a letter, as far as the value has one in time, so that few places of text are looked at.
//! The letter behind a backslash is no letter either: `\\n` in a string is a line break. No more than [`GAP`] other bytes may stand between two of them, so what is held back has an end. Nothing is kept but offsets; the
//! letters are read again from the lane's tail.

use exfilter_automaton::{ByteSet, is_base64};

use super::{Lane, SEEN, delta};
use crate::confirm::View;
use crate::context::{Context, Found};
use crate::engine::Scattered as Needles;
use crate::finding::Range64;
use crate::secrets::{Form, PIECE};
use zeroize::Zeroize;

/// Other bytes that may stand between two letters or digits.
pub(crate) const GAP: u64 = 32;

/// How long matches as they are spelled are remembered, in bytes behind their end: the longest scattered one, which is in hexadecimal digits.
const REMEMBERED: u64 = 2 * PIECE as u64 * (GAP + 1);

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

/// Letters and digits.
const ALNUM: ByteSet = ByteSet::new(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
const BACKSLASH: ByteSet = ByteSet::new(b"\\");

/// Which of `len` bytes, of which `back` are backslashes, are escaped, a bit for each; `escaped` says whether the first one is, and is kept up.
fn escaped_by(back: u64, len: usize, escaped: &mut bool) -> u64 {
    let mut taken = u64::from(*escaped);
    let mut rest = back;
    while rest != 0 {
        let at = rest.trailing_zeros();
        rest &= rest - 1;
        // One that is escaped itself escapes nothing.
        if taken >> at & 1 == 0 {
            taken |= 2 << at;
        }
    }
    *escaped = (back & !taken) >> (len - 1) & 1 != 0;
    taken
}

/// Blocks of which masks are made at once.
const BLOCKS: usize = 32;

/// Which bytes are letters and digits that count, see [`letters`]: a bit for each of a block of 64, the first one lowest.
#[derive(Clone, Copy)]
struct Letters<'a>(&'a [u64]);

impl Letters<'_> {
    /// The last one before `at`, if no more than [`GAP`] bytes stand between.
    fn before(self, at: usize) -> Option<usize> {
        let (block, bit) = (at / 64, at % 64);
        let near = self.0.get(block).map_or(0, |mask| mask & ((1 << bit) - 1));
        let found = match near {
            0 => {
                let far = self.0[block.checked_sub(1)?];
                (far != 0).then(|| block * 64 - 1 - far.leading_zeros() as usize)?
            }
            near => block * 64 + 63 - near.leading_zeros() as usize,
        };
        (at - found <= GAP as usize + 1).then_some(found)
    }

    /// The one that is `n` back from `at`, or the first one behind a gap, if fewer stand before `at`.
    fn last(self, at: usize, n: usize) -> Option<usize> {
        let mut found = None;
        for _ in 0..n {
            let Some(before) = self.before(found.unwrap_or(at)) else { break };
            found = Some(before);
        }
        found
    }

    /// The first one behind `at`, whatever stands between.
    fn after(self, at: usize) -> Option<usize> {
        let (block, bit) = (at / 64, at % 64);
        let near = self.0[block] & !(u64::MAX >> (63 - bit));
        let others = self.0.iter().copied().enumerate().skip(block + 1);
        let (block, mask) = std::iter::once((block, near)).chain(others).find(|(_, mask)| *mask != 0)?;
        Some(block * 64 + mask.trailing_zeros() as usize)
    }

    /// The one that stands `n` before the one at `at`, if all between go on.
    fn back(self, at: usize, n: usize) -> Option<usize> {
        (0..n).try_fold(at, |at, _| self.before(at))
    }

    /// Where bits of a needle that begins at `start` may begin, if it shares a character with what stands before it.
    fn with_bits(self, start: usize, shares: bool) -> usize {
        if shares { self.before(start).unwrap_or(start) } else { start }
    }

    /// The 64 up to `at`, which is the highest.
    fn up_to(self, at: usize) -> u64 {
        let (block, bit) = (at / 64, at % 64);
        let here = self.0[block] << (63 - bit);
        let before = if bit < 63 && block > 0 { self.0[block - 1] >> (bit + 1) } else { 0 };
        here | before
    }

    /// The eight up to the one at `at`, the newest highest; those that are missing are zero.
    fn word(self, bytes: &[u8], at: usize) -> u64 {
        const LOWER: u64 = 0x2020_2020_2020_2020;
        let mut near = self.up_to(at);
        if near >> 56 == 0xff
            && let Some(eight) = bytes[..=at].last_chunk()
        {
            // Digits have the bit already.
            return u64::from_le_bytes(*eight) | LOWER;
        }
        let (mut word, mut at) = (0, at);
        if near.count_ones() >= 8 {
            for n in (0..8).rev() {
                // The newest of those that are left is brought to the top.
                let others = near.leading_zeros() as usize;
                near = near << others << 1;
                at -= others;
                word |= u64::from(bytes[at]) << (8 * n);
                at = at.wrapping_sub(1);
            }
            return word | LOWER;
        }
        let mut next = Some(at);
        for n in (0..8).rev() {
            let Some(at) = next else { break };
            word |= u64::from(bytes[at] | 0x20) << (8 * n);
            next = self.before(at);
        }
        word
    }
}

/// What a lane has seen.
pub(crate) struct Scattered {
    /// Lane offset of the first letter or digit that may stand in an anchor with what comes; `u64::MAX` without one.
    first: u64,
    /// Whether the last byte was a backslash that takes the next one away.
    escaped: bool,
    pending: Vec<Pending>,
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
    /// Lane offset of its last letter so far, and how many are to come.
    last: u64,
    left: u32,
}

/// A needle that is complete.
struct Match {
    secret: u32,
    start: u64,
    end: u64,
    outer: Range64,
}

/// What becomes of a needle that is begun.
enum Step {
    /// Its last letter stands here.
    Whole(u64),
    /// More bytes decide.
    Open,
    /// Too much stands between two letters.
    Over,
}

impl Pending {
    /// Goes on through letters of a lane, of which the first stands at `from`.
    fn go_on(&mut self, letters: Letters<'_>, from: u64) -> Step {
        while self.left > 0 {
            let Some(next) = letters.after((self.last - from) as usize).map(|next| from + next as u64) else {
                return Step::Open;
            };
            if next - self.last > GAP + 1 {
                return Step::Over;
            }
            (self.last, self.left) = (next, self.left - 1);
        }
        Step::Whole(self.last)
    }
}

impl Default for Scattered {
    fn default() -> Scattered {
        Scattered {
            first: u64::MAX,
            escaped: false,
            pending: Vec::new(),
            matched: Vec::new(),
            spelled: Vec::new(),
            xored: Vec::new(),
        }
    }
}

impl Scattered {
    /// Notes a secret that stands at a range of the lane as one of its needles spells it.
    pub(crate) fn note(&mut self, secret: u32, start: u64, end: u64) {
        self.spelled.push((secret, start, end));
    }

    /// The least lane offset whose byte is still needed.
    pub(crate) fn first(&self) -> u64 {
        let pending = self.pending.iter().map(|p| p.start);
        let matched = self.matched.iter().map(|m| m.start);
        let xored = self.xored.iter().map(|p| p.start);
        pending.chain(matched).chain(xored).fold(self.first, u64::min)
    }

    pub(crate) fn memory(&self) -> usize {
        size_of::<Scattered>()
            + self.pending.capacity() * size_of::<Pending>()
            + self.matched.capacity() * size_of::<Match>()
            + self.spelled.capacity() * size_of::<(u32, u64, u64)>()
            + self.xored.capacity() * size_of::<delta::Pending>()
    }
}

/// Writes which of `bytes` are letters and digits that count, and which of those from `fresh` on may end an anchor.
fn look_through(
    bytes: &[u8],
    fresh: usize,
    ends: &ByteSet,
    escaped: &mut bool,
    masks: &mut Vec<u64>,
    ending: &mut Vec<u64>,
) {
    let mut sets = [[0; 3]; BLOCKS];
    for stretch in bytes.chunks(64 * BLOCKS) {
        let sets = &mut sets[..stretch.len().div_ceil(64)];
        ByteSet::masks(&[ALNUM, *ends, BACKSLASH], stretch, sets);
        for ([alnum, ends, back], block) in sets.iter().zip(stretch.chunks(64)) {
            let at = 64 * masks.len();
            let mut letters = *alnum;
            if *back != 0 || *escaped {
                letters &= !escaped_by(*back, block.len(), escaped);
            }
            masks.push(letters);
            let mut some = letters & *ends;
            if at < fresh {
                some &= u64::MAX.checked_shl((fresh - at) as u32).unwrap_or(0);
            }
            ending.push(some);
        }
    }
}

/// The places of the bits of masks, in order.
fn places(masks: &[u64]) -> impl Iterator<Item = usize> + '_ {
    masks.iter().enumerate().flat_map(|(block, mask)| {
        let mut left = *mask;
        std::iter::from_fn(move || {
            let at = (left != 0).then(|| 64 * block + left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(at)
        })
    })
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
        if self.scattered().is_none() && fresh == view.end() {
            return;
        }
        let mut state = self.beside.get_or_insert_default().scattered.take().unwrap_or_default();
        // Letters before may stand in an anchor that ends now.
        let from = state.first.min(fresh);
        if state.first < fresh {
            state.escaped = false;
        }
        let bytes = view.get(from, view.end()).unwrap_or(&[]);
        let mut masks = std::mem::take(&mut cx.scratch.letters);
        let mut ending = std::mem::take(&mut cx.scratch.ending);
        look_through(
            bytes,
            (fresh - from) as usize,
            &needles.ends,
            &mut state.escaped,
            &mut masks,
            &mut ending,
        );
        let letters = Letters(&masks);
        let mut begun = std::mem::take(&mut state.pending);
        for at in places(&ending) {
            for id in needles.anchors.ids(letters.word(bytes, at)) {
                let needle = &needles.needles[*id as usize];
                let before = needle.anchor as usize + 7;
                let Some(start) = letters.back(at, before) else { continue };
                let src = self.map.src(from + letters.with_bits(start, needle.shares) as u64);
                let (last, left) = (from + at as u64, needle.len - before as u32 - 1);
                begun.push(Pending { needle: *id, start: from + start as u64, src, last, left });
            }
        }
        for mut pending in begun {
            match pending.go_on(letters, from) {
                Step::Over => {}
                Step::Open if view.end() - pending.last > GAP + 1 => {}
                Step::Open => state.pending.push(pending),
                Step::Whole(at) => {
                    let Pending { needle, start, src, .. } = pending;
                    let needle = &needles.needles[needle as usize];
                    let mut value = cx.scratch.buffer();
                    let range = view.get(start, at + 1).unwrap_or(&[]);
                    value.extend(self::letters(range, &mut false).map(|(_, letter)| letter));
                    // In one piece it is a run, and found there.
                    let is_run =
                        range.len() == needle.span as usize && range.iter().all(|byte| is_base64(*byte));
                    if !is_run && known.keys.fits(&value, &needle.mac) {
                        let outer = Range64 { start: src, end: self.map.end(at + 1) };
                        state.matched.push(Match { secret: needle.secret, start, end: at + 1, outer });
                    }
                    cx.scratch.give_buffer(value);
                }
            }
        }
        state.first = letters.last(bytes.len(), needles.reach - 1).map_or(u64::MAX, |at| from + at as u64);
        masks.clear();
        ending.clear();
        (cx.scratch.letters, cx.scratch.ending) = (masks, ending);
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
        // What no match may meet any more, neither one that waits nor one that is to come.
        state.spelled.retain(|(.., to)| to + REMEMBERED + SEEN >= view.end());
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
        let (first, escaped) = state.map_or((u64::MAX, false), |state| (state.first, state.escaped));
        let base = self.pos - self.tail.len() as u64;
        let (before, mut escaped) = match first {
            u64::MAX => (&[][..], escaped),
            first => (&self.tail[(first - base) as usize..], false),
        };
        let mut bytes = [before, partial].concat();
        let from = self.pos - before.len() as u64;
        let first = open_from(&bytes, before.len(), &mut escaped, needles);
        bytes.zeroize();
        first.map_or(hold, |first| hold.min(self.map.src(from + first as u64)))
    }
}

/// The place of the first letter that may belong to an anchor which ends behind `bytes`, or in them from `fresh` on.
fn open_from(bytes: &[u8], fresh: usize, escaped: &mut bool, needles: &Needles) -> Option<usize> {
    let (mut masks, mut ending) = (Vec::new(), Vec::new());
    look_through(bytes, fresh, &needles.ends, escaped, &mut masks, &mut ending);
    let letters = Letters(&masks);
    let begun = |at: usize| {
        let ids = needles.anchors.ids(letters.word(bytes, at)).iter();
        ids.filter_map(move |id| {
            let needle = &needles.needles[*id as usize];
            let start = letters.back(at, needle.anchor as usize + 7)?;
            let left = needle.len - needle.anchor - 8;
            let mut pending = Pending { needle: *id, start: start as u64, src: 0, last: at as u64, left };
            let start = letters.with_bits(start, needle.shares);
            (!matches!(pending.go_on(letters, 0), Step::Over)).then_some(start)
        })
    };
    let whole = places(&ending).flat_map(begun).min();
    // What was begun before a gap has ended.
    let open = letters.last(bytes.len(), needles.reach - 1);
    whole.into_iter().chain(open).min()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 1000,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn masks_have_the_letters_that_count(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\\'), Just(b' '), any::<u8>()], 0..400),
            gap in 0usize..80, fresh in 0usize..500, mut escaped: bool,
        ) {
            // Some lie far apart.
            let bytes = [&bytes[..bytes.len() / 2], &vec![b'.'; gap], &bytes[bytes.len() / 2..]].concat();
            let mut by_byte = escaped;
            let want: Vec<(usize, u8)> = letters(&bytes, &mut by_byte).collect();
            let (mut masks, mut ending) = (Vec::new(), Vec::new());
            let ends = ByteSet::new(b"05azAZ");
            look_through(&bytes, fresh, &ends, &mut escaped, &mut masks, &mut ending);
            prop_assert_eq!(escaped, by_byte);
            let masks = Letters(&masks);
            let ended = want.iter().filter(|(at, letter)| *at >= fresh && ends.contains(*letter));
            prop_assert_eq!(places(&ending).collect::<Vec<usize>>(), ended.map(|(at, _)| *at).collect::<Vec<usize>>());
            for (n, (at, letter)) in want.iter().enumerate() {
                let before = n.checked_sub(1).map(|n| want[n].0).filter(|before| at - before <= GAP as usize + 1);
                prop_assert_eq!(masks.before(*at), before);
                prop_assert_eq!(masks.after(*at), want.get(n + 1).map(|(next, _)| *next));
                let near = want[..=n].windows(2).rev().take(7).all(|two| two[1].0 - two[0].0 <= GAP as usize + 1);
                if n >= 7 && near {
                    let eight: Vec<u8> = want[n - 7..=n].iter().map(|(_, letter)| *letter).collect();
                    prop_assert_eq!(masks.word(&bytes, *at).to_le_bytes().to_vec(), eight);
                    prop_assert_eq!(masks.back(*at, 7), Some(want[n - 7].0));
                }
                prop_assert_eq!(masks.word(&bytes, *at) >> 56, u64::from(*letter));
            }
        }
    }
}
