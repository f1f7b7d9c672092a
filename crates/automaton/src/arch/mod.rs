//! Vector tiers: the only place with `unsafe`.
//!
//! A tier supplies [`Vector::classify`], [`Vector::has_odd`], [`Vector::odd`] and [`Vector::beginnings`]; the algorithm in [`crate::candidates`] is generic over them and instantiated
//! once per tier. [`Tier::detect`] chooses at run time. Those with vectors of 16 bytes share [`narrow`].

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod narrow;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod sse;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;

use crate::anchors::{self, Filter};
use crate::buckets::{Buckets, Halves};
use crate::byte_set::{self, ByteSet};
use crate::candidates::{self, BLOCKS, Marks, RUN_MIN, WINDOW, Words, Workspace, block};
use crate::literals;
use crate::quads::Seen;
use crate::scan::{Hit, Job, Masks};

/// By how many bits masks are shifted, one shift after another, so that what is left of a run of token characters is where
/// [`Automaton::GATE`](crate::Automaton::GATE) of them begin; and the same for base64 characters and [`RUN_MIN`].
const GATE_STEPS: [usize; 4] = [1, 2, 4, 2];
const RUN_STEPS: [usize; 4] = [1, 2, 4, 8];
const _: () = assert!(crate::Automaton::GATE == 1 + 1 + 2 + 4 + 2 && RUN_MIN == 1 + 1 + 2 + 4 + 8);

/// A way to classify 64 bytes.
pub(crate) trait Vector: Copy {
    /// The class masks of a block; bit `i` belongs to byte `i`.
    fn classify(self, block: &[u8; 64]) -> Masks;

    /// Whether there is a NUL among bytes, a multiple of 64, or one that is not ASCII.
    fn has_odd(self, bytes: &[u8]) -> bool;

    /// Which of 64 bytes are NULs, and which of them are the first ones of escapes that are not ASCII, see [`LEADS`](crate::class::LEADS).
    fn odd(self, block: &[u8; 64]) -> (u64, u64);

    /// Marks the first `blocks` blocks of `window`, of a batch and perhaps the one behind it: their classes, and what literals begin with.
    #[inline(always)]
    fn mark(self, marks: &mut Marks, window: &[u8; WINDOW], blocks: usize, buckets: &Buckets) {
        assert!(blocks <= BLOCKS + 1, "a batch has no more blocks");
        for n in 0..blocks {
            let window = &window[64 * n..64 * n + 67];
            let Masks { token, base64, lower, escape, follow, digit, alnum, nul: _ } =
                self.classify(block(window, 0));
            let (begins, loose) = self.beginnings(window, buckets);
            let n = n + 1;
            (marks.token[n], marks.base64[n], marks.lower[n], marks.escape[n]) =
                (token, base64, lower, escape);
            (marks.follow[n], marks.digit[n], marks.alnum[n]) = (follow, digit, alnum);
            (marks.begins[n], marks.loose[n]) = (begins, loose);
        }
    }

    /// Computes what follows from the classes of the first `blocks` blocks; words behind the block after those may become anything. `signs` says whether anchors
    /// begin with some.
    #[inline(always)]
    fn derive(self, marks: &mut Marks, blocks: usize, signs: bool) {
        assert!(blocks <= BLOCKS, "a batch has no more blocks");
        let later = |words: &Words, n: usize, by: usize| words[n] >> by | words[n + 1] << (64 - by);
        let earlier = |words: &Words, n: usize, by: usize| words[n] << by | words[n - 1] >> (64 - by);
        (marks.gates, marks.runs) = (marks.token, marks.base64);
        for (words, steps) in [(&mut marks.gates, GATE_STEPS), (&mut marks.runs, RUN_STEPS)] {
            for by in steps {
                for n in 1..=blocks + 1 {
                    words[n] &= later(words, n, by);
                }
            }
        }
        for n in 1..=blocks + 1 {
            marks.literals[n] = marks.gates[n] & marks.begins[n] | marks.loose[n];
            let begin = if signs { u64::MAX } else { marks.alnum[n] };
            marks.non_lower[n] = marks.gates[n] & begin & !marks.lower[n];
            marks.runs[n] &= !earlier(&marks.base64, n, 1);
            marks.escapes[n] = marks.escape[n] & later(&marks.follow, n, 1);
            marks.numbers[n] = marks.digit[n] & (!earlier(&marks.alnum, n, 1) | earlier(&marks.escape, n, 2));
            marks.long_numbers[n] = marks.numbers[n] & later(&marks.alnum, n, 1);
        }
        let sets = [&marks.runs, &marks.escapes, &marks.long_numbers, &marks.literals, &marks.non_lower];
        for (words, some) in sets.into_iter().zip(&mut marks.some) {
            *some = (1..=blocks).fold(0, |some, n| some | u64::from(words[n] != 0) << n);
        }
    }

    /// The positions of the first 64 bytes whose first bytes may begin a gated literal, and those that may begin a loose one; may say yes too
    /// often. `window` has 67 bytes at least.
    fn beginnings(self, window: &[u8], buckets: &Buckets) -> (u64, u64);

    /// Moves those of the first `len` positions of `list`, all of one batch, to the front whose four bytes in `window` may begin a literal. Returns how many
    /// they are; what stands behind them is no matter. 16 positions more than `len` must be there.
    #[inline(always)]
    fn keep_literals(
        self,
        list: &mut [u16],
        len: usize,
        window: &[u8; WINDOW],
        filter: &literals::Filter,
    ) -> usize {
        candidates::literals_of(&mut list[..len], window, filter)
    }

    /// The same, of those whose eight bytes may be an anchor.
    #[inline(always)]
    fn keep_anchors(self, list: &mut [u16], len: usize, window: &[u8; WINDOW], filter: Filter<'_>) -> usize {
        candidates::anchors_of(&mut list[..len], window, filter)
    }

    /// Writes the places of the bits of `mask`, each with `base` added, and anything behind them.
    #[inline(always)]
    fn list(self, mask: u64, base: u16, into: &mut [u16; 64]) {
        // Most have few: no branch on how many until there are more. Four at a time in one number, which compilers do not take apart.
        let base = u64::from(base) * 0x0001_0001_0001_0001;
        let mut left = mask;
        for group in into.as_chunks_mut::<4>().0 {
            let mut four = 0;
            for place in 0..4 {
                four |= u64::from(left.trailing_zeros()) << (16 * place);
                left &= left.wrapping_sub(1);
            }
            let four = four.wrapping_add(base);
            *group = [four as u16, (four >> 16) as u16, (four >> 32) as u16, (four >> 48) as u16];
            if left == 0 {
                break;
            }
        }
    }
}

/// The tiers this build knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tier {
    #[default]
    Portable,
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Wasm,
    #[cfg(target_arch = "x86_64")]
    Sse,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Tier {
    /// The best tier of this machine; the one that `--cfg exfilter_tier="NAME"` names in a build that has it, by which tests of whole programs run on every tier.
    ///
    /// # Panics
    ///
    /// Where the build names a tier, if the machine lacks it.
    pub(crate) fn detect() -> Tier {
        let names = [
            ("portable", cfg!(exfilter_tier = "portable")),
            ("sse", cfg!(exfilter_tier = "sse")),
            ("avx2", cfg!(exfilter_tier = "avx2")),
        ];
        match names.iter().find(|(_, named)| *named) {
            None => Tier::available().last().unwrap_or_default(),
            Some((name, _)) => Tier::available()
                .find(|tier| tier.name() == *name)
                .expect("a build for a tier is for machines that have it"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Tier::Portable => "portable",
            #[cfg(target_arch = "aarch64")]
            Tier::Neon => "neon",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Tier::Wasm => "wasm",
            #[cfg(target_arch = "x86_64")]
            Tier::Sse => "sse",
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => "avx512",
        }
    }

    /// Every tier that runs on this machine, from the plainest on.
    fn available() -> impl Iterator<Item = Tier> {
        let tiers = [
            (Tier::Portable, true),
            #[cfg(target_arch = "aarch64")]
            (Tier::Neon, true),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            (Tier::Wasm, true),
            #[cfg(target_arch = "x86_64")]
            (Tier::Sse, sse::available()),
            #[cfg(target_arch = "x86_64")]
            (Tier::Avx2, avx2::available()),
            #[cfg(target_arch = "x86_64")]
            (Tier::Avx512, avx512::available()),
        ];
        tiers.into_iter().filter_map(|(tier, there)| there.then_some(tier))
    }

    /// Every tier that runs on this machine, for tests.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Tier> {
        Tier::available().collect()
    }

    /// Runs the masked part of a scan.
    pub(crate) fn run(self, job: &Job<'_>, work: &mut Workspace, hits: &mut Vec<Hit>) {
        match self {
            Tier::Portable => crate::candidates::masked(portable::Portable, job, work, hits),
            #[cfg(target_arch = "aarch64")]
            Tier::Neon => crate::candidates::masked(neon::NEON, job, work, hits),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Tier::Wasm => crate::candidates::masked(wasm::WASM, job, work, hits),
            #[cfg(target_arch = "x86_64")]
            Tier::Sse => sse::masked(job, work, hits),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => avx2::masked(job, work, hits),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => avx512::masked(job, work, hits),
        }
    }

    /// See [`crate::anchors::passing`].
    pub(crate) fn passing<const APART: usize>(
        self,
        filter: Filter<'_>,
        block: &[u8; anchors::PLACES + anchors::REACH],
    ) -> u64 {
        match self {
            Tier::Portable => anchors::passing::<APART>(filter, block),
            #[cfg(target_arch = "aarch64")]
            Tier::Neon => neon::NEON.passing::<APART>(filter, block),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Tier::Wasm => wasm::WASM.passing::<APART>(filter, block),
            #[cfg(target_arch = "x86_64")]
            Tier::Sse => sse::passing::<APART>(filter, block),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => avx2::passing::<APART>(filter, block),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => avx512::passing::<APART>(filter, block),
        }
    }

    /// See [`ByteSet::masks`].
    pub(crate) fn members<const N: usize>(self, sets: &[ByteSet; N], bytes: &[u8], masks: &mut [[u64; N]]) {
        match self {
            Tier::Portable => byte_set::members(sets, bytes, masks),
            #[cfg(target_arch = "aarch64")]
            Tier::Neon => neon::NEON.members(sets, bytes, masks),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Tier::Wasm => wasm::WASM.members(sets, bytes, masks),
            #[cfg(target_arch = "x86_64")]
            Tier::Sse => sse::members(sets, bytes, masks),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => avx2::members(sets, bytes, masks),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => avx512::members(sets, bytes, masks),
        }
    }

    /// See [`Quads::look`](crate::Quads::look).
    pub(crate) fn quads(self, run: &[u8], buckets: &Halves) -> Seen {
        match self {
            Tier::Portable => crate::quads::look(run, buckets),
            #[cfg(target_arch = "aarch64")]
            Tier::Neon => neon::NEON.quads(run, buckets),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Tier::Wasm => wasm::WASM.quads(run, buckets),
            #[cfg(target_arch = "x86_64")]
            Tier::Sse => sse::quads(run, buckets),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => avx2::quads(run, buckets),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => avx512::quads(run, buckets),
        }
    }

    /// The end of the base64 run that contains `from`.
    pub(crate) fn run_end(self, hay: &[u8], from: usize) -> usize {
        match self {
            Tier::Portable => crate::scan::run_end(portable::Portable, hay, from),
            #[cfg(target_arch = "aarch64")]
            Tier::Neon => crate::scan::run_end(neon::NEON, hay, from),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Tier::Wasm => crate::scan::run_end(wasm::WASM, hay, from),
            #[cfg(target_arch = "x86_64")]
            Tier::Sse => sse::run_end(hay, from),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => avx2::run_end(hay, from),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => avx512::run_end(hay, from),
        }
    }
}
