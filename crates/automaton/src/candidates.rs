//! [`masked`]: from class masks to hits, a batch of blocks at a time.
//!
//! A mask is turned into a list of positions, and each test runs over a whole list. Which positions pass a test cannot be predicted, so
//! none of this has a branch that depends on it; only what passed all tests, which is little, is looked at one by one.

use crate::anchors::Filter as AnchorFilter;
use crate::arch::Vector;
use crate::class::{ALNUM, BASE64, ESCAPE, TABLE, is_escape};
use crate::list::{self, List};
use crate::literals::Filter;
use crate::scan::{Automaton, Hit, Job, Masks, What, is_wide, list_window, load, wide_units};

/// Blocks of 64 bytes in a batch.
const BLOCKS: usize = 16;

/// Bytes that the decisions of a batch read.
const WINDOW: usize = 64 * BLOCKS + REACH;

/// Base64 characters of a run that the masks look for; the few that have as many are measured.
pub(crate) const RUN_MIN: usize = 16;

/// Bytes behind the last block of a batch that its decisions read: a block of masks, and a load at the last position.
const REACH: usize = 64 + 8;

/// The part of a scan that works on masks. Appends hits in order of position.
#[inline(always)]
pub(crate) fn masked<V: Vector>(v: V, job: &Job<'_>, work: &mut Workspace, hits: &mut Vec<Hit>) {
    let Job { hay, from, to, .. } = *job;
    work.grow();
    let has = |back: usize, class: u8| {
        let before = from.checked_sub(back).map_or(0, |at| TABLE[usize::from(hay[at])]);
        u64::from(before & class != 0)
    };
    let mut batch = Batch {
        at: from,
        shown: WINDOW,
        base64: has(1, BASE64),
        alnum: has(1, ALNUM),
        escapes: has(2, ESCAPE) | has(1, ESCAPE) << 1,
    };
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
    /// Whether the byte before them is a base64 character; a letter or digit.
    base64: u64,
    alnum: u64,
    /// Bit 0, 1: whether the second byte before them, the first one, may begin an escape.
    escapes: u64,
}

/// The 64 bytes of `bytes` from `at` on.
#[inline(always)]
pub(crate) fn block(bytes: &[u8], at: usize) -> &[u8; 64] {
    bytes[at..at + 64].try_into().expect("64 bytes were taken")
}

/// Working memory of scans: positions at which something may stand, for each set of tests. Made once, used for many scans.
///
/// # Resource usage
///
/// 10 KiB from the first scan on. It holds no bytes of what was scanned, and nothing from one scan to the next.
#[derive(Debug, Default)]
pub struct Workspace {
    literals: Positions,
    non_lower: Positions,
    token: Positions,
    /// A window of NUL bytes, for content that ends before a window does.
    padded: Vec<u8>,
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
        let blocks = (job.to - batch.at).div_ceil(64).min(BLOCKS);
        (self.literals.len, self.non_lower.len, self.token.len) = (0, 0, 0);
        let mut gates = [0; BLOCKS];
        let mut here = v.classify(block(window, 0));
        for (n, open) in gates.iter_mut().enumerate().take(blocks) {
            let (i, at) = (64 * n, batch.at + 64 * n);
            let there = v.classify(block(window, i + 64));
            let wanted = first_bits(job.to - at);
            // Bit i: a run of at least GATE token characters, or of RUN_MIN base64 characters, continues at i.
            let (gate, long) = v.runs([here.token, there.token], [here.base64, there.base64]);
            let gate = gate & wanted;
            *open = gate;
            let (gated, loose) = v.beginnings(&window[i..], &automaton.buckets);
            self.literals.push::<4>(i, gate & gated | loose & wanted);
            if !automaton.non_lower.is_empty() {
                self.non_lower.push::<8>(i, gate & !here.lower);
            }
            if !automaton.token.is_empty() {
                self.token.push::<16>(i, gate);
            }
            let starts = long & !(here.base64 << 1 | batch.base64) & wanted;
            if starts != 0 && automaton.run_min > 0 {
                let base64 = u128::from(here.base64) | u128::from(there.base64) << 64;
                let is_long = |i: &usize| (base64 >> i).trailing_ones() as usize >= automaton.run_min;
                hits.extend(bits(starts).filter(is_long).map(|i| Hit { at: at + i, what: What::Run }));
            }
            let escapes = here.escape & (here.follow >> 1 | there.follow << 63) & wanted;
            if escapes != 0 && automaton.escapes {
                let window = &window[i..i + 66];
                let escapes = bits(escapes).filter(|i| is_escape([window[*i], window[i + 1], window[i + 2]]));
                hits.extend(escapes.map(|i| Hit { at: at + i, what: What::Escape }));
            }
            if automaton.lists {
                // Numbers follow no letter or digit, but for the one behind what may be a backslash.
                let begins = |masks: &Masks, part: u64, escapes: u64| {
                    masks.digit & (!(masks.alnum << 1 | part) | masks.escape << 2 | escapes)
                };
                let numbers = begins(&here, batch.alnum, batch.escapes);
                (batch.alnum, batch.escapes) = (here.alnum >> 63, here.escape >> 62);
                // The first one of a list has two characters or more.
                let first = numbers & (here.alnum >> 1 | there.alnum << 63) & wanted;
                if first != 0 {
                    let next = begins(&there, batch.alnum, batch.escapes);
                    let numbers = u128::from(numbers) | u128::from(next) << 64;
                    for i in bits(first).filter(|i| ((numbers >> i) as u32).count_ones() >= list::NUMBERS) {
                        let place = at + i;
                        if list::is_beginning(job.hay, place)
                            && list::list(list_window(job.hay, place)) == List::Begins
                        {
                            hits.push(Hit { at: place, what: What::Codes });
                        }
                    }
                }
            }
            if here.nul | there.nul != 0 && automaton.wide {
                let nul = u128::from(here.nul) | u128::from(there.nul) << 64;
                let mut units = !nul & nul >> 1;
                for by in [2, 4, 8, 16] {
                    units &= units >> by;
                }
                for unit in bits(units as u64 & wanted) {
                    let place = at + unit;
                    let follows = place >= 2 && is_wide(job.hay[place - 2]) && job.hay[place - 1] == 0;
                    if !follows && wide_units(&job.hay[place..]) == Automaton::WIDE {
                        hits.push(Hit { at: place, what: What::Wide });
                    }
                }
            }
            if here.nul | there.nul != 0 && !automaton.utf16.is_empty() {
                // What pads the content looks like NUL bytes of it.
                let shown = |at: usize| first_bits(batch.shown.saturating_sub(at));
                let nul = u128::from(here.nul & shown(i)) | u128::from(there.nul & shown(i + 64)) << 64;
                let token = u128::from(here.token) | u128::from(there.token) << 64;
                let mut units = token & nul >> 1;
                units &= units >> 2;
                units &= units >> 4;
                for unit in bits(units as u64 & wanted) {
                    let bytes = load(&window[i + unit..]);
                    if automaton.utf16.filter().maybe(bytes) {
                        automaton.utf16.check(bytes, at + unit, hits);
                    }
                }
            }
            batch.base64 = here.base64 >> 63;
            here = there;
        }
        let word = |i: usize| load(&window[i..]);
        keep_literals(&mut self.literals, window, &automaton.filter);
        for i in self.literals.iter() {
            let (at, word) = (batch.at + i, word(i));
            let found = |id| hits.push(Hit { at, what: What::Literal(id) });
            if gates[i / 64] >> (i % 64) & 1 != 0 {
                automaton.gated.check(job.hay, at, word, found);
            }
            let found = |id| hits.push(Hit { at, what: What::Literal(id) });
            automaton.loose.check(job.hay, at, word, found);
        }
        let anchors = [(&mut self.non_lower, &automaton.non_lower), (&mut self.token, &automaton.token)];
        for (positions, anchors) in anchors {
            if !anchors.is_empty() {
                keep_anchors(positions, window, anchors.filter());
                for i in positions.iter() {
                    anchors.check(word(i), batch.at + i, hits);
                }
            }
        }
        // Few: cheaper here than all hits of a scan at once.
        hits[first..].sort_unstable();
        batch.at += 64 * blocks;
    }
}

/// Keeps the positions whose four bytes may begin a literal. Not inlined, so that the loop has the registers to itself; so is the next one.
#[inline(never)]
fn keep_literals(positions: &mut Positions, window: &[u8; WINDOW], filter: &Filter) {
    positions.retain(|i| filter.maybe(load(&window[i..]) as u32));
}

/// Keeps the positions whose eight bytes may be an anchor.
#[inline(never)]
fn keep_anchors(positions: &mut Positions, window: &[u8; WINDOW], filter: AnchorFilter<'_>) {
    positions.retain(|i| filter.maybe(load(&window[i..])));
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

/// The bits of the first word at which `least` set bits begin, 1 to 64, where the second one follows.
#[inline(always)]
pub(crate) fn run_mask([here, there]: [u64; 2], least: usize) -> u64 {
    let mut run = u128::from(here) | u128::from(there) << 64;
    let mut have = 1;
    while have < least {
        let more = have.min(least - have);
        run &= run >> more;
        have += more;
    }
    run as u64
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

    /// Adds the bits of `mask`, counted from `at`, `N` at a time.
    #[inline(always)]
    fn push<const N: usize>(&mut self, at: usize, mask: u64) {
        let free = &mut self.list[self.len..self.len + 64];
        let mut left = mask;
        for group in free.chunks_exact_mut(N) {
            for place in group {
                *place = (at + left.trailing_zeros() as usize) as u16;
                left &= left.wrapping_sub(1);
            }
            if left == 0 {
                break;
            }
        }
        self.len += mask.count_ones() as usize;
    }

    /// Keeps those that pass `test`.
    #[inline(always)]
    fn retain(&mut self, test: impl Fn(usize) -> bool) {
        let list = &mut self.list[..self.len];
        let mut kept = 0;
        for n in 0..list.len() {
            let i = list[n];
            list[kept] = i;
            // All are less; so that the compiler knows.
            kept += usize::from(test(usize::from(i) % (64 * BLOCKS)));
        }
        self.len = kept;
    }
}
