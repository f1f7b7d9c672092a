//! AVX2: two nibble look-ups classify 32 bytes, as [`super::narrow`] tells.

mod quads;

use std::arch::x86_64::{
    __m128i, __m256i, _MM_HINT_T0, _mm_cvtsi32_si128, _mm_loadu_si128, _mm_prefetch, _mm_xor_si128,
    _mm256_add_epi64, _mm256_and_si256, _mm256_andnot_si256, _mm256_broadcastsi128_si256,
    _mm256_castsi256_pd, _mm256_cmpeq_epi8, _mm256_cmpeq_epi64, _mm256_cmpgt_epi8, _mm256_i64gather_epi64,
    _mm256_loadu_si256, _mm256_min_epi8, _mm256_movemask_epi8, _mm256_movemask_pd, _mm256_mul_epu32,
    _mm256_or_si256, _mm256_set1_epi8, _mm256_set1_epi64x, _mm256_setr_epi8, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_slli_epi64, _mm256_srl_epi64, _mm256_srli_epi16, _mm256_srli_epi64,
    _mm256_srlv_epi64, _mm256_storeu_si256, _mm256_xor_si256,
};

use std::mem::MaybeUninit;

use super::Vector;
use super::narrow::{CLASS, ESCAPES, ROWS};
use crate::anchors::{self, Filter, PLACES, REACH};
use crate::buckets::{self, Buckets, Halves};
use crate::byte_set::ByteSet;
use crate::candidates::{self, BLOCKS, Marks, WINDOW, Words, Workspace};
use crate::class::LEADS_OF;
use crate::quads::Seen;
use crate::scan::{Hit, Job, Masks, load};

/// Proof that AVX2 and the bit-manipulation extensions are there.
#[derive(Clone, Copy)]
struct Avx2(());

/// Whether this machine has what the tier needs.
pub(super) fn available() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("bmi1")
        && std::arch::is_x86_feature_detected!("bmi2")
        && std::arch::is_x86_feature_detected!("lzcnt")
        && std::arch::is_x86_feature_detected!("popcnt")
}

/// The masked scan. Only reached through a tier that [`available`] has admitted.
pub(super) fn masked(job: &Job<'_>, work: &mut Workspace, hits: &mut Vec<Hit>) {
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn inner(job: &Job<'_>, work: &mut Workspace, hits: &mut Vec<Hit>) {
        crate::candidates::masked(Avx2(()), job, work, hits);
    }
    debug_assert!(available());
    // SAFETY: `Tier::detect` yields this tier only if `available` found every feature named above.
    unsafe { inner(job, work, hits) }
}

/// The end of a base64 run, see [`crate::scan::run_end`].
pub(super) fn run_end(hay: &[u8], from: usize) -> usize {
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn inner(hay: &[u8], from: usize) -> usize {
        crate::scan::run_end(Avx2(()), hay, from)
    }
    debug_assert!(available());
    // SAFETY: as in `masked`.
    unsafe { inner(hay, from) }
}

/// See [`crate::anchors::passing`].
pub(super) fn passing<const APART: usize>(filter: Filter<'_>, block: &[u8; PLACES + REACH]) -> u64 {
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn inner<const APART: usize>(filter: Filter<'_>, block: &[u8; PLACES + REACH]) -> u64 {
        let Some(gate) = filter.gate else {
            // SAFETY: this function has AVX2.
            return unsafe { passing_at::<APART>(filter, block) };
        };
        // SAFETY: as above.
        let some = unsafe { gate_of::<APART>(gate, block) };
        if some.count_ones() > GATED {
            // SAFETY: as above.
            return some & unsafe { passing_at::<APART>(filter, block) };
        }
        anchors::passing_of::<APART>(filter, block, some)
    }
    debug_assert!(available());
    // SAFETY: as in `masked`.
    unsafe { inner::<APART>(filter, block) }
}

/// See [`ByteSet::masks`].
pub(super) fn members<const N: usize>(sets: &[ByteSet; N], bytes: &[u8], masks: &mut [[u64; N]]) {
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn inner<const N: usize>(sets: &[ByteSet; N], bytes: &[u8], masks: &mut [[u64; N]]) {
        let (whole, rest) = bytes.as_chunks::<64>();
        for (block, masks) in whole.iter().zip(&mut *masks) {
            // SAFETY: this function has AVX2.
            *masks = unsafe { members_of(sets, block) };
        }
        if let Some(masks) = masks.get_mut(whole.len()).filter(|_| !rest.is_empty()) {
            let mut block = [0; 64];
            block[..rest.len()].copy_from_slice(rest);
            // SAFETY: as above.
            *masks = unsafe { members_of(sets, &block) }.map(|mask| mask & ((1 << rest.len()) - 1));
        }
    }
    debug_assert!(available());
    // SAFETY: as in `masked`.
    unsafe { inner(sets, bytes, masks) }
}

/// See [`crate::Quads::look`].
pub(super) fn quads(run: &[u8], buckets: &Halves) -> Seen {
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn inner(run: &[u8], buckets: &Halves) -> Seen {
        let mut values = [MaybeUninit::uninit(); quads::VALUES];
        // SAFETY: this function has AVX2.
        unsafe { quads::look(run, buckets, &mut values) }
    }
    debug_assert!(available());
    // SAFETY: as in `masked`.
    unsafe { inner(run, buckets) }
}

/// Bits of `$here`, and behind them of `$next`, moved down by `$by`.
macro_rules! later {
    ($here:expr, $next:expr, $by:literal) => {
        _mm256_or_si256(_mm256_srli_epi64::<$by>($here), _mm256_slli_epi64::<{ 64 - $by }>($next))
    };
}

/// Bits of `$here`, and before them of `$last`, moved up by `$by`.
macro_rules! earlier {
    ($here:expr, $last:expr, $by:literal) => {
        _mm256_or_si256(_mm256_slli_epi64::<$by>($here), _mm256_srli_epi64::<{ 64 - $by }>($last))
    };
}

/// Leaves the bits of two words that are followed by others `$by` bits on; behind the second word there are none.
macro_rules! shrink {
    ($two:ident, $by:literal) => {
        $two.0 = _mm256_and_si256($two.0, later!($two.0, $two.1, $by));
        $two.1 = _mm256_and_si256($two.1, _mm256_srli_epi64::<$by>($two.1));
    };
}

impl Vector for Avx2 {
    #[inline(always)]
    fn classify(self, block: &[u8; 64]) -> Masks {
        // SAFETY: an `Avx2` exists only inside the two functions above, which enable AVX2; the loads read the 64 bytes
        // of `block` and need no alignment.
        unsafe {
            let low = _mm256_loadu_si256(block.as_ptr().cast::<__m256i>());
            let high = _mm256_loadu_si256(block.as_ptr().add(32).cast::<__m256i>());
            let (low, high) = (half(low), half(high));
            // Spelled out: what is not inlined here is compiled without AVX2.
            let escape = join(low[4], high[4]);
            Masks {
                token: join(low[0], high[0]),
                base64: join(low[1], high[1]),
                nul: join(low[2], high[2]),
                lower: join(low[3], high[3]),
                escape,
                follow: join(low[5], high[5]) & !escape,
                digit: join(low[6], high[6]),
                alnum: join(low[7], high[7]),
            }
        }
    }

    #[inline(always)]
    fn has_odd(self, bytes: &[u8]) -> bool {
        // SAFETY: as in `classify`; the loads read the 64 bytes of each chunk.
        unsafe {
            // As signed numbers, those bytes are the ones below 1.
            let one = _mm256_set1_epi8(1);
            let mut least = one;
            for block in bytes.chunks_exact(64) {
                let low = _mm256_loadu_si256(block.as_ptr().cast::<__m256i>());
                let high = _mm256_loadu_si256(block.as_ptr().add(32).cast::<__m256i>());
                least = _mm256_min_epi8(least, _mm256_min_epi8(low, high));
            }
            _mm256_movemask_epi8(_mm256_cmpgt_epi8(one, least)) != 0
        }
    }

    #[inline(always)]
    fn odd(self, block: &[u8; 64]) -> (u64, u64) {
        // SAFETY: as in `classify`; the loads read the 64 bytes of `block`.
        unsafe {
            let x = [0, 32].map(|at| _mm256_loadu_si256(block.as_ptr().add(at).cast::<__m256i>()));
            let is = |x, byte: u8| _mm256_cmpeq_epi8(x, _mm256_set1_epi8(byte as i8));
            let mask = |x| _mm256_movemask_epi8(x) as u32;
            let [a, b, c, d] = LEADS_OF;
            let two = |x, a, b| _mm256_or_si256(is(x, a), is(x, b));
            let leads = |x| mask(_mm256_or_si256(two(x, a, b), two(x, c, d)));
            (join(mask(is(x[0], 0)), mask(is(x[1], 0))), join(leads(x[0]), leads(x[1])))
        }
    }

    #[inline(always)]
    fn derive(self, marks: &mut Marks, blocks: usize, signs: bool) {
        assert!(blocks <= BLOCKS, "a batch has no more blocks");
        // The block behind the last one too.
        let fours = (blocks + 1).div_ceil(4);
        const { assert!((BLOCKS + 1).div_ceil(4) * 4 + 4 < size_of::<Words>() / 8) };
        // SAFETY: AVX2 as in `classify`. Words are loaded by fours from the indices 0 to 4 * `fours` - 2 on, and stored from those up to 4 * `fours` - 3; the
        // farthest is 4 * `fours` + 1, which lies inside of `Words`, as is asserted.
        unsafe {
            let load = |words: &Words, n: usize| _mm256_loadu_si256(words.as_ptr().add(n).cast::<__m256i>());
            let store = |words: &mut Words, n: usize, x| {
                _mm256_storeu_si256(words.as_mut_ptr().add(n).cast::<__m256i>(), x);
            };
            let and = |a, b| _mm256_and_si256(a, b);
            let some = |x, n: usize| {
                let none = _mm256_cmpeq_epi64(x, _mm256_setzero_si256());
                (_mm256_movemask_pd(_mm256_castsi256_pd(none)) as u64 ^ 0xf) << n
            };
            let mut found = [0; 5];
            let signs = _mm256_set1_epi8(if signs { -1 } else { 0 });
            for n in (1..).step_by(4).take(fours) {
                let mut gates = (load(&marks.token, n), load(&marks.token, n + 1));
                let mut runs = (load(&marks.base64, n), load(&marks.base64, n + 1));
                shrink!(gates, 1);
                shrink!(runs, 1);
                shrink!(gates, 2);
                shrink!(runs, 2);
                shrink!(gates, 4);
                shrink!(runs, 4);
                shrink!(gates, 2);
                shrink!(runs, 8);
                let gates = gates.0;
                store(&mut marks.gates, n, gates);
                // Those two are the places where no literal begins, see `mark`.
                let gated = _mm256_andnot_si256(load(&marks.begins, n), gates);
                let loose = _mm256_xor_si256(load(&marks.loose, n), _mm256_set1_epi8(-1));
                let literals = _mm256_or_si256(gated, loose);
                store(&mut marks.literals, n, literals);
                let base64 = load(&marks.base64, n);
                let inside = earlier!(base64, load(&marks.base64, n - 1), 1);
                let runs = _mm256_andnot_si256(inside, runs.0);
                store(&mut marks.runs, n, runs);
                let escape = load(&marks.escape, n);
                // Here those that begin escapes are among the ones that follow; two of them make none.
                let follow = later!(load(&marks.follow, n), load(&marks.follow, n + 1), 1);
                let again = later!(escape, load(&marks.escape, n + 1), 1);
                let escapes = and(escape, _mm256_andnot_si256(again, follow));
                store(&mut marks.escapes, n, escapes);
                let alnum = load(&marks.alnum, n);
                let begin = and(gates, _mm256_or_si256(alnum, signs));
                let non_lower = _mm256_andnot_si256(load(&marks.lower, n), begin);
                store(&mut marks.non_lower, n, non_lower);
                let digit = load(&marks.digit, n);
                let after_alnum = earlier!(alnum, load(&marks.alnum, n - 1), 1);
                let after_escape = earlier!(escape, load(&marks.escape, n - 1), 2);
                let numbers =
                    _mm256_or_si256(_mm256_andnot_si256(after_alnum, digit), and(digit, after_escape));
                store(&mut marks.numbers, n, numbers);
                let more = later!(alnum, load(&marks.alnum, n + 1), 1);
                let long = and(numbers, more);
                store(&mut marks.long_numbers, n, long);
                found[0] |= some(runs, n);
                found[1] |= some(escapes, n);
                found[2] |= some(long, n);
                found[3] |= some(literals, n);
                found[4] |= some(non_lower, n);
            }
            marks.some = found;
        }
    }

    #[inline(always)]
    fn beginnings(self, window: &[u8], buckets: &Buckets) -> (u64, u64) {
        let window: &[u8; 66] = window.first_chunk().expect("the caller shows 66 bytes");
        // SAFETY: as in `classify`.
        let [gated, loose] = unsafe { no_beginnings(window, &Complements::of(buckets)) };
        (!join(gated[0], gated[1]), !join(loose[0], loose[1]))
    }

    #[inline(always)]
    fn mark(self, marks: &mut Marks, window: &[u8; WINDOW], blocks: usize, buckets: &Buckets) {
        assert!(blocks <= BLOCKS + 1, "a batch has no more blocks");
        const { assert!(BLOCKS + 1 < size_of::<Words>() / 8 && 64 * BLOCKS + 66 <= WINDOW) };
        // Halves of words, the lower one first as the processor has them: to put two together takes as many instructions as to tell them.
        let [token, base64, lower, escape, follow, digit, alnum, begins, loose] = [
            &mut marks.token,
            &mut marks.base64,
            &mut marks.lower,
            &mut marks.escape,
            &mut marks.follow,
            &mut marks.digit,
            &mut marks.alnum,
            &mut marks.begins,
            &mut marks.loose,
        ]
        .map(|words| words.as_mut_ptr().cast::<[u32; 2]>());
        // SAFETY: as in `classify`. 66 bytes are read from `64 * n` on, and a word is written at `n + 1`, which are there, as is asserted.
        unsafe {
            let complements = Complements::of(buckets);
            for n in 0..blocks {
                let window = &*window.as_ptr().add(64 * n).cast::<[u8; 66]>();
                let n = n + 1;
                // All that is read is read before anything is written, so that the compiler need not read it again.
                let low = half(_mm256_loadu_si256(window.as_ptr().cast::<__m256i>()));
                let high = half(_mm256_loadu_si256(window.as_ptr().add(32).cast::<__m256i>()));
                let [[gated_low, gated_high], [loose_low, loose_high]] = no_beginnings(window, &complements);
                *token.add(n) = [low[0], high[0]];
                *base64.add(n) = [low[1], high[1]];
                *lower.add(n) = [low[3], high[3]];
                *escape.add(n) = [low[4], high[4]];
                *follow.add(n) = [low[5], high[5]];
                *digit.add(n) = [low[6], high[6]];
                *alnum.add(n) = [low[7], high[7]];
                *begins.add(n) = [gated_low, gated_high];
                *loose.add(n) = [loose_low, loose_high];
            }
        }
    }

    #[inline(always)]
    fn keep_anchors(self, list: &mut [u16], len: usize, window: &[u8; WINDOW], filter: Filter<'_>) -> usize {
        // SAFETY: as in `classify`.
        unsafe { anchors_of(&mut list[..len], window, filter) }
    }
}

#[inline(always)]
fn join(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// The buckets that do *not* have a nibble, low and high ones, twice in a row: of a byte from 128 on, a look-up by the byte itself makes zero of the low one, and it
/// counts as one that every bucket has.
struct Complements {
    gated: [[__m256i; 2]; buckets::PLACES],
    loose: [[__m256i; 2]; buckets::PLACES],
}

impl Complements {
    /// Those of `buckets`.
    ///
    /// # Safety
    ///
    /// The machine must have AVX2. Inlined into a function that enables it, as it must be for the vectors to stay in registers; a function that enables features
    /// itself cannot be made to.
    #[inline(always)]
    unsafe fn of(buckets: &Buckets) -> Complements {
        // SAFETY: the caller's promise, and the tables have 16 bytes each.
        let not = |table: &[u8; 16]| unsafe {
            let table = _mm256_broadcastsi128_si256(_mm_loadu_si128(table.as_ptr().cast::<__m128i>()));
            _mm256_xor_si256(table, _mm256_set1_epi8(-1))
        };
        let gated = |place: usize| [not(&buckets.gated.low[place]), not(&buckets.gated.high[place])];
        let loose = |place: usize| [not(&buckets.loose.low[place]), not(&buckets.loose.high[place])];
        // Spelled out: what is not inlined here is compiled without AVX2.
        Complements { gated: [gated(0), gated(1), gated(2)], loose: [loose(0), loose(1), loose(2)] }
    }
}

/// The positions whose three bytes share no bucket of gated literals, and of loose ones, each in halves. Both halves of a block at once, so that each table is loaded once.
///
/// # Safety
///
/// As of [`Complements::of`].
#[inline(always)]
unsafe fn no_beginnings(window: &[u8; 66], complements: &Complements) -> [[u32; 2]; 2] {
    const { assert!(buckets::PLACES == 3, "the farthest load reads the bytes 34 to 65") };
    // SAFETY: the caller's promise.
    unsafe {
        let nibble = _mm256_set1_epi8(0x0f);
        let none = _mm256_setzero_si256();
        // The buckets that lack one of the bytes.
        let (mut gated, mut loose) = ([none; 2], [none; 2]);
        for place in 0..buckets::PLACES {
            for half in 0..2 {
                let x = _mm256_loadu_si256(window.as_ptr().add(place + 32 * half).cast::<__m256i>());
                let row = _mm256_and_si256(_mm256_srli_epi16::<4>(x), nibble);
                let lack = |[low, high]: [__m256i; 2]| {
                    _mm256_or_si256(_mm256_shuffle_epi8(low, x), _mm256_shuffle_epi8(high, row))
                };
                loose[half] = _mm256_or_si256(loose[half], lack(complements.loose[place]));
                gated[half] = _mm256_or_si256(gated[half], lack(complements.gated[place]));
            }
        }
        let all = _mm256_set1_epi8(-1);
        let none = |lacking| _mm256_movemask_epi8(_mm256_cmpeq_epi8(lacking, all)) as u32;
        [[none(gated[0]), none(gated[1])], [none(loose[0]), none(loose[1])]]
    }
}

/// Positions whose words of a bitmap are asked for before the first of them is looked at.
const AHEAD: usize = 32;

/// See [`Vector::keep_anchors`], by the instructions of this tier: what all share is compiled for any processor. With many anchors the bitmap is in no near cache, so its words
/// are asked for ahead.
///
/// # Safety
///
/// The machine must have what [`available`] asks for.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn anchors_of(list: &mut [u16], window: &[u8; WINDOW], filter: Filter<'_>) -> usize {
    let Filter { shift, bitmap, .. } = filter;
    assert!(shift < 32 && bitmap.len() > (u32::MAX >> shift) as usize, "every tag has a word");
    // SAFETY: every tag has a word, as is asserted.
    let word = |tag: u32| unsafe { bitmap.as_ptr().add((tag >> shift) as usize) };
    let (mut kept, mut from) = (0, 0);
    let (mut tags, mut places) = ([0; AHEAD], [0; AHEAD]);
    while from < list.len() {
        let some = &list[from..list.len().min(from + AHEAD)];
        for ((tag, place), i) in tags.iter_mut().zip(&mut places).zip(some) {
            *place = *i;
            *tag = filter.tag(load(&window[candidates::place_of(*i)..]));
            _mm_prefetch::<_MM_HINT_T0>(word(*tag).cast::<i8>());
        }
        from += some.len();
        let count = some.len();
        for (tag, place) in tags.iter().zip(&places).take(count) {
            list[kept] = *place;
            // SAFETY: as above.
            kept += usize::from(anchors::has(unsafe { *word(*tag) }, *tag));
        }
    }
    kept
}

/// Which places of a block the filter lets through, four at a time.
///
/// # Safety
///
/// The machine must have AVX2; inlined as [`Complements::of`] is.
#[inline(always)]
unsafe fn passing_at<const APART: usize>(filter: Filter<'_>, block: &[u8; PLACES + REACH]) -> u64 {
    const { assert!(PLACES - 4 + APART + 16 <= PLACES + REACH) };
    let Filter { key, shift, bitmap, .. } = filter;
    assert!(shift < 32 && bitmap.len() > (u32::MAX >> shift) as usize, "every tag has a word");
    // SAFETY: AVX2 is the caller's promise. The farthest load reads 16 bytes from `PLACES - 4 + APART` on, as is asserted; a tag has 32 bits, so the words that are
    // gathered lie within the bitmap, as is asserted too.
    unsafe {
        let keys = [key & u64::from(u32::MAX), key >> 32].map(|half| _mm256_set1_epi64x(half as i64));
        let windows = _mm256_setr_epi8(
            0, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 8, 2, 3, 4, 5, 6, 7, 8, 9, 3, 4, 5, 6, 7, 8, 9, 10,
        );
        let low = _mm256_set1_epi64x(u32::MAX.into());
        let shift = _mm_cvtsi32_si128(shift as i32);
        let six = _mm256_set1_epi64x(63);
        // The product with the key, of which the lowest half counts, in two parts: the lowest bits with the lowest ones, and the rest, 32 bits higher.
        let product = |x| {
            let across = _mm256_add_epi64(
                _mm256_mul_epu32(x, keys[1]),
                _mm256_mul_epu32(_mm256_srli_epi64::<32>(x), keys[0]),
            );
            (_mm256_mul_epu32(x, keys[0]), across)
        };
        let mut passed = 0;
        for at in (0..PLACES).step_by(4) {
            let load = |at: usize| _mm_loadu_si128(block.as_ptr().add(at).cast::<__m128i>());
            let bytes = _mm_xor_si128(load(at), load(at + APART));
            let words = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), windows);
            let (lowest, across) = product(words);
            let first = _mm256_add_epi64(lowest, _mm256_slli_epi64::<32>(across));
            let (lowest, across) = product(_mm256_xor_si256(first, _mm256_srli_epi64::<32>(first)));
            let tags = _mm256_and_si256(_mm256_add_epi64(_mm256_srli_epi64::<32>(lowest), across), low);
            let words =
                _mm256_i64gather_epi64::<8>(bitmap.as_ptr().cast::<i64>(), _mm256_srl_epi64(tags, shift));
            let bit = |n| _mm256_srlv_epi64(words, _mm256_and_si256(n, six));
            let both = _mm256_and_si256(bit(tags), bit(_mm256_srli_epi64::<6>(tags)));
            let four = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_slli_epi64::<63>(both)));
            passed |= (four as u64) << at;
        }
        passed
    }
}

/// Which bytes of a block are in which set.
///
/// # Safety
///
/// The machine must have AVX2; inlined as [`Complements::of`] is.
#[inline(always)]
unsafe fn members_of<const N: usize>(sets: &[ByteSet; N], block: &[u8; 64]) -> [u64; N] {
    let mut masks = [0; N];
    for at in [0, 32] {
        // SAFETY: AVX2 is the caller's promise; the load reads 32 of the 64 bytes of the block.
        let halves =
            unsafe { members_in(sets, _mm256_loadu_si256(block.as_ptr().add(at).cast::<__m256i>())) };
        for (mask, half) in masks.iter_mut().zip(halves) {
            *mask |= u64::from(half) << at;
        }
    }
    masks
}

/// Which of 32 bytes are in which set.
///
/// # Safety
///
/// The machine must have AVX2; inlined as [`Complements::of`] is.
#[inline(always)]
unsafe fn members_in<const N: usize>(sets: &[ByteSet; N], x: __m256i) -> [u32; N] {
    // SAFETY: AVX2 is the caller's promise, and the tables have 16 bytes each.
    unsafe {
        let table = |at: *const u8| _mm256_broadcastsi128_si256(_mm_loadu_si128(at.cast::<__m128i>()));
        // A look-up makes zero of bytes from 128 on.
        let other = _mm256_xor_si256(x, _mm256_set1_epi8(-128));
        let row = _mm256_and_si256(_mm256_srli_epi16::<4>(x), _mm256_set1_epi8(0x0f));
        let row = _mm256_shuffle_epi8(table(ROWS.as_ptr()), row);
        let mut masks = [0; N];
        for (mask, set) in masks.iter_mut().zip(sets) {
            let low = _mm256_shuffle_epi8(table(set.low.as_ptr()), x);
            let high = _mm256_shuffle_epi8(table(set.high.as_ptr()), other);
            let found = _mm256_and_si256(_mm256_or_si256(low, high), row);
            *mask = !_mm256_movemask_epi8(_mm256_cmpeq_epi8(found, _mm256_setzero_si256())) as u32;
        }
        masks
    }
}

/// Places that pass a gate up to which each is looked at alone.
const GATED: u32 = 32;

/// Which places of a block begin with a difference out of a set.
///
/// # Safety
///
/// The machine must have AVX2; inlined as [`Complements::of`] is.
#[inline(always)]
unsafe fn gate_of<const APART: usize>(gate: &ByteSet, block: &[u8; PLACES + REACH]) -> u64 {
    const { assert!(PLACES == 64 && APART <= REACH) };
    let mut halves = [0; 2];
    for (at, half) in [0, 32].into_iter().zip(&mut halves) {
        // SAFETY: AVX2 is the caller's promise; the farthest load reads 32 bytes from 32 + `APART` on, no more than the block has.
        unsafe {
            let here = _mm256_loadu_si256(block.as_ptr().add(at).cast::<__m256i>());
            let there = _mm256_loadu_si256(block.as_ptr().add(at + APART).cast::<__m256i>());
            [*half] = members_in(&[*gate], _mm256_xor_si256(here, there));
        }
    }
    join(halves[0], halves[1])
}

/// Token, base64, NUL, lower-case, escape, escape or follow, digit and alphanumeric masks of 32 bytes.
///
/// # Safety
///
/// The machine must have AVX2; inlined as [`Complements::of`] is.
#[inline(always)]
unsafe fn half(x: __m256i) -> [u32; 8] {
    // SAFETY: the caller's promise, and the tables have 16 bytes each.
    unsafe {
        // A look-up takes the low nibble itself, but for bytes from 128 on, which it makes zero; those are in no class.
        let high = _mm256_and_si256(_mm256_srli_epi16::<4>(x), _mm256_set1_epi8(0x0f));
        let bits = |table: &[[u8; 16]; 2]| {
            let rows = _mm256_broadcastsi128_si256(_mm_loadu_si128(table[0].as_ptr().cast::<__m128i>()));
            let columns = _mm256_broadcastsi128_si256(_mm_loadu_si128(table[1].as_ptr().cast::<__m128i>()));
            _mm256_and_si256(_mm256_shuffle_epi8(rows, high), _mm256_shuffle_epi8(columns, x))
        };
        let above = |v, n| _mm256_movemask_epi8(_mm256_cmpgt_epi8(v, _mm256_set1_epi8(n))) as u32;
        let class = bits(&CLASS);
        let escapes = bits(&ESCAPES);
        [
            above(class, 0),
            above(class, 3),
            _mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_setzero_si256())) as u32,
            above(x, 0x5f),
            above(escapes, 15),
            above(escapes, 0),
            above(class, 63),
            above(class, 15),
        ]
    }
}
