//! [`masked`]: from class masks to hits, a batch of blocks at a time.
//!
//! A mask is turned into a list of positions, and each test runs over a whole list. Which positions pass a test cannot be predicted, so
//! none of this has a branch that depends on it; only what passed all tests, which is little, is looked at one by one.

use crate::anchors::Filter as AnchorFilter;
use crate::arch::Vector;
use crate::class::{ALNUM, BASE64, ESCAPE, TABLE, is_escape};
use crate::list::{self, List};
use crate::literals::Filter;
use crate::scan::{Automaton, Hit, Job, What, is_wide_text, list_window, load};

/// Blocks of 64 bytes in a batch.
pub(crate) const BLOCKS: usize = 32;

/// Bytes that the decisions of a batch read.
pub(crate) const WINDOW: usize = PLACES + REACH;

/// Positions of a batch.
pub(crate) const PLACES: usize = 64 * BLOCKS;

/// Base64 characters of a run that the masks look for; the few that have as many are measured.
pub(crate) const RUN_MIN: usize = 16;

/// Bytes behind the last block of a batch that its decisions read: a block of masks, and a load at the last position.
const REACH: usize = 64 + 8;

/// The part of a scan that works on masks. Appends hits in order of position.
#[inline(always)]
pub(crate) fn masked<V: Vector>(v: V, job: &Job<'_>, work: &mut Workspace, hits: &mut Vec<Hit>) {
    let Job { hay, from, to, .. } = *job;
    work.grow();
    // The last bits of a block that would stand before.
    let before = |back: usize, class: u8| {
        let byte = from.checked_sub(back).map_or(0, |at| TABLE[usize::from(hay[at])]);
        u64::from(byte & class != 0) << (64 - back)
    };
    work.marks.base64[0] = before(1, BASE64);
    work.marks.alnum[0] = before(1, ALNUM);
    work.marks.escape[0] = before(1, ESCAPE) | before(2, ESCAPE);
    let mut batch = Batch { at: from, shown: WINDOW };
    while batch.at < to {
        let there = &hay[batch.at..];
        if let Some(window) = there.first_chunk() {
            work.step(v, job, window, &mut batch, hits);
            continue;
        }
        // What is scanned is often short: only as much is written as stands there.
        let mut padded = std::mem::take(&mut work.padded);
        batch.shown = there.len();
        padded[..there.len()].copy_from_slice(there);
        let window = padded.first_chunk().expect("it is as long as a window");
        work.step(v, job, window, &mut batch, hits);
        padded[..there.len()].fill(0);
        work.padded = padded;
    }
}

/// The blocks that are decided together.
struct Batch {
    /// Where they begin in the slice.
    at: usize,
    /// What stands in the window from here on is no content.
    shown: usize,
}

/// The 64 bytes of `bytes` from `at` on.
#[inline(always)]
pub(crate) fn block(bytes: &[u8], at: usize) -> &[u8; 64] {
    bytes[at..at + 64].try_into().expect("64 bytes were taken")
}

/// Working memory of scans: masks of a batch, and positions at which something may stand, for each set of tests. Made once, used for many scans.
///
/// # Resource usage
///
/// 23 KiB, most of it from the first scan on. It holds no bytes of what was scanned, and nothing from one scan to the next.
#[derive(Debug, Default)]
pub struct Workspace {
    marks: Box<Marks>,
    literals: Positions,
    non_lower: Positions,
    token: Positions,
    /// A window of NUL bytes, for content that ends before a window does.
    padded: Vec<u8>,
}

/// A word for each block of a batch, at 1 and up, a bit for every byte; before them the last bits of what stands there, behind them the block that the
/// decisions of the last one look at, and some that no bit which counts depends on, so that words are worked on by fours.
pub(crate) type Words = [u64; BLOCKS + 12];

/// What stands where in a batch.
#[derive(Debug)]
pub(crate) struct Marks {
    // As the tiers tell it.
    pub(crate) token: Words,
    pub(crate) base64: Words,
    pub(crate) lower: Words,
    pub(crate) escape: Words,
    pub(crate) follow: Words,
    pub(crate) digit: Words,
    pub(crate) alnum: Words,
    pub(crate) begins: Words,
    pub(crate) loose: Words,
    // What follows from that: [`Vector::derive`].
    /// Where a run of [`Automaton::GATE`] token characters begins or goes on.
    pub(crate) gates: Words,
    /// Beginnings of literals, gated and loose ones.
    pub(crate) literals: Words,
    /// Gates that are no lower-case letters, nor signs if those are not asked for.
    pub(crate) non_lower: Words,
    /// The first characters of runs of [`RUN_MIN`] base64 characters.
    pub(crate) runs: Words,
    pub(crate) escapes: Words,
    /// Digits that follow no letter or digit, but for the one behind what may be a backslash.
    pub(crate) numbers: Words,
    /// Numbers of two characters or more.
    pub(crate) long_numbers: Words,
    /// Which words of `runs`, `escapes`, `long_numbers`, `literals` and `non_lower` are not zero: a bit for each index.
    pub(crate) some: [u64; 5],
}

impl Default for Marks {
    fn default() -> Marks {
        const NONE: Words = [0; BLOCKS + 12];
        Marks {
            token: NONE,
            base64: NONE,
            lower: NONE,
            escape: NONE,
            follow: NONE,
            digit: NONE,
            alnum: NONE,
            begins: NONE,
            loose: NONE,
            gates: NONE,
            literals: NONE,
            non_lower: NONE,
            runs: NONE,
            escapes: NONE,
            numbers: NONE,
            long_numbers: NONE,
            some: [0; 5],
        }
    }
}

impl Marks {
    /// Marks the first `blocks` blocks of `window`, in which `shown` bytes stand. There is no branch on what they are.
    #[inline(always)]
    fn set<V: Vector>(
        &mut self,
        v: V,
        window: &[u8; WINDOW],
        blocks: usize,
        shown: usize,
        automaton: &Automaton,
    ) {
        // The block behind them too; what begins there is for the next batch to say.
        let there = shown.div_ceil(64).min(blocks + 1);
        v.mark(self, window, there, &automaton.buckets);
        // Short pieces are scanned often: what stands behind them is marked as nothing, at less cost.
        if there == blocks {
            self.forget(blocks + 1);
        }
        v.derive(self, blocks, automaton.signs);
    }

    /// Marks a block in which nothing stands.
    #[inline(always)]
    fn forget(&mut self, n: usize) {
        let classes = [
            &mut self.token,
            &mut self.base64,
            &mut self.lower,
            &mut self.escape,
            &mut self.follow,
            &mut self.digit,
            &mut self.alnum,
        ];
        for class in classes {
            class[n] = 0;
        }
    }

    /// Forgets what is behind the first `wanted` bits of the last block.
    #[inline(always)]
    fn cut(&mut self, last: usize, wanted: u64) {
        let sets = [
            &mut self.gates,
            &mut self.literals,
            &mut self.non_lower,
            &mut self.runs,
            &mut self.escapes,
            &mut self.long_numbers,
        ];
        for set in sets {
            set[last] &= wanted;
        }
    }

    /// What the next batch has to know about the last block of this one.
    #[inline(always)]
    fn carry(&mut self, last: usize) {
        for class in [&mut self.base64, &mut self.alnum, &mut self.escape] {
            class[0] = class[last];
        }
    }
}

/// The 64 bits from the place `i` of a batch on.
#[inline(always)]
fn from(words: &Words, i: usize) -> u64 {
    let (n, by) = (1 + i / 64, i % 64);
    words[n] >> by | words[n + 1] << 1 << (63 - by)
}

/// Calls `found` with the places of the set bits of the words at the indices in `some`, few as they are.
#[inline(always)]
fn places(words: &Words, some: u64, mut found: impl FnMut(usize)) {
    let mut some = some;
    while some != 0 {
        let n = some.trailing_zeros() as usize % words.len();
        some &= some - 1;
        let mut left = words[n];
        while left != 0 {
            found(64 * (n - 1) + left.trailing_zeros() as usize);
            left &= left - 1;
        }
    }
}

impl Workspace {
    fn grow(&mut self) {
        self.padded.resize(WINDOW, 0);
        for positions in [&mut self.literals, &mut self.non_lower, &mut self.token] {
            positions.list.resize(64 * BLOCKS + 64, 0);
        }
    }

    /// Decides a batch, which stands in `window`, and moves it on.
    #[inline(always)]
    fn step<V: Vector>(
        &mut self,
        v: V,
        job: &Job<'_>,
        window: &[u8; WINDOW],
        batch: &mut Batch,
        hits: &mut Vec<Hit>,
    ) {
        let automaton = job.automaton;
        let first = hits.len();
        let wanted = (job.to - batch.at).min(64 * BLOCKS);
        let blocks = wanted.div_ceil(64);
        self.marks.set(v, window, blocks, batch.shown, automaton);
        self.marks.cut(blocks, first_bits(wanted - 64 * (blocks - 1)));
        let marks = &*self.marks;
        let word = |i: usize| load(&window[i..]);
        // Those of the blocks from index 1 on.
        let [runs, escapes, long_numbers, literals, non_lower] =
            marks.some.map(|some| some & ((2 << blocks) - 2));

        self.literals.fill(v, &marks.literals, literals);
        keep_literals(v, &mut self.literals, window, &automaton.filter);
        for i in self.literals.iter() {
            let (at, word) = (batch.at + i, word(i));
            let gate = marks.gates[1 + i / 64] >> (i % 64) & 1 != 0;
            let found = |id| hits.push(Hit { at, what: What::Literal(id) });
            automaton.literals.check(job.hay, at, word, gate, found);
        }
        if !automaton.non_lower.is_empty() {
            self.non_lower.fill(v, &marks.non_lower, non_lower);
            keep_anchors(v, &mut self.non_lower, window, automaton.non_lower.filter());
            for i in self.non_lower.iter() {
                automaton.non_lower.check(word(i), batch.at + i, hits);
            }
        }
        if !automaton.token.is_empty() {
            self.token.fill(v, &marks.gates, (2 << blocks) - 2);
            keep_anchors(v, &mut self.token, window, automaton.token.filter());
            for i in self.token.iter() {
                automaton.token.check(word(i), batch.at + i, hits);
            }
        }
        if automaton.run_min > 0 {
            places(&marks.runs, runs, |i| {
                if from(&marks.base64, i).trailing_ones() as usize >= automaton.run_min {
                    hits.push(Hit { at: batch.at + i, what: What::Run });
                }
            });
        }
        if automaton.escapes {
            places(&marks.escapes, escapes, |i| {
                if is_escape([window[i], window[i + 1], window[i + 2]]) {
                    hits.push(Hit { at: batch.at + i, what: What::Escape });
                }
            });
        }
        if automaton.lists {
            places(&marks.long_numbers, long_numbers, |i| {
                let at = batch.at + i;
                let numbers = from(&marks.numbers, i) as u32;
                if numbers.count_ones() >= list::NUMBERS
                    && may_list(numbers, from(&marks.alnum, i), from(&marks.base64, i))
                    && list::is_beginning(job.hay, at)
                    && list::list(list_window(job.hay, at)) == List::Begins
                {
                    hits.push(Hit { at, what: What::Codes });
                }
            });
        }
        // What pads the content looks like NUL bytes of it.
        let shown = batch.shown.min(64 * (blocks + 1));
        let (whole, rest) = (shown / 64 * 64, first_bits(shown % 64));
        let in_rest = rest != 0
            && (v.classify(block(window, whole)).nul & rest != 0 || !window[whole..shown].is_ascii());
        if in_rest || v.has_odd(&window[..whole]) {
            odd(v, job, window, blocks, batch, hits);
        }
        // Few: cheaper here than all hits of a scan at once.
        hits[first..].sort_unstable();
        self.marks.carry(blocks);
        batch.at += 64 * blocks;
    }
}

/// Whether there is a list at a number with enough others, as far as masks from it on tell: numbers, some of which may be none, letters and digits, and base64 characters.
#[inline(always)]
fn may_list(numbers: u32, alnum: u64, base64: u64) -> bool {
    // Those behind a letter are perhaps part of an escape, those behind `_` of another number. The rest are numbers of the list, if it goes on so far.
    let certain = numbers & !((base64 << 1) as u32) | 1;
    let behind = (1..list::NUMBERS).fold(certain, |left, _| left & left.wrapping_sub(1));
    let first = behind ^ behind.wrapping_sub(1);
    let long = numbers & (alnum >> 1) as u32 & first;
    long.count_ones() >= list::LONG
}

/// What stands in UTF-16 or UTF-32 text, literals that count where something is no text, and escapes that are characters and not ASCII.
#[inline(always)]
fn odd<V: Vector>(
    v: V,
    job: &Job<'_>,
    window: &[u8; WINDOW],
    blocks: usize,
    batch: &Batch,
    hits: &mut Vec<Hit>,
) {
    let automaton = job.automaton;
    let mut has_nul = false;
    for n in 0..blocks + 1 {
        let (nul, leads) = v.odd(block(window, 64 * n));
        has_nul |= nul & first_bits(batch.shown.saturating_sub(64 * n)) != 0;
        let wanted = first_bits((job.to - batch.at).saturating_sub(64 * n));
        if automaton.escapes && n < blocks {
            for i in bits(leads & wanted).map(|i| 64 * n + i) {
                if is_escape([window[i], window[i + 1], window[i + 2]]) {
                    hits.push(Hit { at: batch.at + i, what: What::Escape });
                }
            }
        }
    }
    let to = job.to.min(batch.at + 64 * blocks);
    automaton.odd.scan(job.hay, batch.at, to, |at, id| {
        if Automaton::is_odd(&job.hay[at..]) {
            hits.push(Hit { at, what: What::Literal(id) });
        }
    });
    if has_nul {
        for n in 0..blocks {
            wide(v, job, window, n, batch, hits);
        }
    }
}

/// What stands in UTF-16 or UTF-32 text of block `n`.
#[inline(always)]
fn wide<V: Vector>(v: V, job: &Job<'_>, window: &[u8; WINDOW], n: usize, batch: &Batch, hits: &mut Vec<Hit>) {
    let automaton = job.automaton;
    let (i, at) = (64 * n, batch.at + 64 * n);
    let (here, there) = (v.classify(block(window, i)), v.classify(block(window, i + 64)));
    if here.nul | there.nul == 0 {
        return;
    }
    let wanted = first_bits(job.to - at);
    let two = |here: u64, there: u64| u128::from(here) | u128::from(there) << 64;
    if automaton.wide {
        let nul = two(here.nul, there.nul);
        let mut units = !nul & nul >> 1;
        for by in [2, 4, 8, 16] {
            units &= units >> by;
        }
        let mut long_units = !nul & nul >> 1 & nul >> 2 & nul >> 3;
        for by in [4, 8, 16] {
            long_units &= long_units >> by;
        }
        for (units, size) in [(units, 2), (long_units, 4)] {
            for place in bits(units as u64 & wanted).map(|unit| at + unit) {
                if is_wide_text(job.hay, place, size) {
                    hits.push(Hit { at: place, what: What::Wide });
                }
            }
        }
    }
    if !automaton.utf16.is_empty() {
        // What pads the content looks like NUL bytes of it.
        let shown = |at: usize| first_bits(batch.shown.saturating_sub(at));
        let nul = two(here.nul & shown(i), there.nul & shown(i + 64));
        let mut units = two(here.token, there.token) & nul >> 1;
        units &= units >> 2;
        units &= units >> 4;
        for unit in bits(units as u64 & wanted) {
            let bytes = load(&window[i + unit..]);
            if automaton.utf16.filter().maybe(bytes) {
                automaton.utf16.check(bytes, at + unit, hits);
            }
        }
    }
}

/// Keeps the positions whose four bytes may begin a literal.
#[inline(always)]
fn keep_literals<V: Vector>(v: V, positions: &mut Positions, window: &[u8; WINDOW], filter: &Filter) {
    positions.len = v.keep_literals(&mut positions.list, positions.len, window, filter);
}

/// Keeps the positions whose eight bytes may be an anchor.
#[inline(always)]
fn keep_anchors<V: Vector>(v: V, positions: &mut Positions, window: &[u8; WINDOW], filter: AnchorFilter<'_>) {
    positions.len = v.keep_anchors(&mut positions.list, positions.len, window, filter);
}

/// See [`Vector::keep_literals`]. Not inlined, so that the loop has the registers to itself; so is the next one.
#[inline(never)]
pub(crate) fn literals_of(list: &mut [u16], window: &[u8; WINDOW], filter: &Filter) -> usize {
    retain_literals(list, window, filter)
}

/// See [`Vector::keep_anchors`].
#[inline(never)]
pub(crate) fn anchors_of(list: &mut [u16], window: &[u8; WINDOW], filter: AnchorFilter<'_>) -> usize {
    let mut kept = 0;
    for n in 0..list.len() {
        let i = list[n];
        list[kept] = i;
        kept += usize::from(filter.maybe(load(&window[place_of(i)..])));
    }
    kept
}

/// Moves the positions whose four bytes may begin a literal to the front; how many they are.
#[inline(always)]
pub(crate) fn retain_literals(list: &mut [u16], window: &[u8; WINDOW], filter: &Filter) -> usize {
    let mut kept = 0;
    for n in 0..list.len() {
        let i = list[n];
        list[kept] = i;
        kept += usize::from(filter.maybe(load(&window[place_of(i)..]) as u32));
    }
    kept
}

/// The place of a position. All are less; so that the compiler knows.
#[inline(always)]
pub(crate) fn place_of(i: u16) -> usize {
    usize::from(i) % PLACES
}

/// The lowest `n` bits.
#[inline(always)]
fn first_bits(n: usize) -> u64 {
    if n >= 64 { u64::MAX } else { (1 << n) - 1 }
}

/// The places of the bits of `mask`; for those that are few.
#[inline(always)]
fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (mask != 0).then(|| {
            let i = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            i
        })
    })
}

/// Positions of a batch, in order.
#[derive(Debug, Default)]
struct Positions {
    /// As long as a batch, and a block more, once [`Workspace::grow`] was called.
    list: Vec<u16>,
    len: usize,
}

impl Positions {
    #[inline(always)]
    fn iter(&self) -> impl Iterator<Item = usize> {
        self.list[..self.len].iter().map(|i| usize::from(*i))
    }

    /// Takes the bits of the words at the indices in `some`.
    #[inline(always)]
    fn fill<V: Vector>(&mut self, v: V, words: &Words, some: u64) {
        let (mut len, mut some) = (0, some);
        while some != 0 {
            let n = some.trailing_zeros() as usize % words.len();
            some &= some - 1;
            let free: &mut [u16; 64] = self.list[len..].first_chunk_mut().expect("a block more is there");
            v.list(words[n], 64 * (n - 1) as u16, free);
            len += words[n].count_ones() as usize;
        }
        self.len = len;
    }
}
