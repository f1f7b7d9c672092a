//! AVX-512 with VBMI: one look-up of 128 entries classifies 64 bytes, exactly.
//!
//! ```text
//!           64 bytes
//!              |  vpermi2b                    its 128 entries are those of the definition; bytes from 128 on are zeroed
//!        64 x 8 class bits
//!              |  vptestmb, once per class
//!        8 masks of 64 bits
//! ```
//!
//! Shifts across words are one instruction (`vpshldq`, `vpshrdq`), and so is turning a mask into a list of positions (`vpcompressb`).

use std::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm_cvtsi32_si128, _mm_loadu_si128, _mm_maskz_compress_epi16,
    _mm_storeu_si128, _mm256_loadu_si256, _mm256_maskz_compress_epi16, _mm256_storeu_si256, _mm512_add_epi16,
    _mm512_and_si512, _mm512_andnot_si512, _mm512_broadcast_i32x4, _mm512_broadcast_i64x2,
    _mm512_castsi512_si256, _mm512_cmpeq_epi8_mask, _mm512_cmplt_epi8_mask, _mm512_cvtepu8_epi16,
    _mm512_cvtepu16_epi32, _mm512_cvtepu16_epi64, _mm512_extracti64x4_epi64, _mm512_i32gather_epi32,
    _mm512_i64gather_epi64, _mm512_loadu_si512, _mm512_mask_loadu_epi8, _mm512_maskz_compress_epi8,
    _mm512_maskz_loadu_epi8, _mm512_maskz_permutex2var_epi8, _mm512_min_epi8, _mm512_movepi8_mask,
    _mm512_mullo_epi32, _mm512_mullo_epi64, _mm512_or_si512, _mm512_permutex2var_epi8,
    _mm512_permutexvar_epi8, _mm512_set1_epi8, _mm512_set1_epi16, _mm512_set1_epi32, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_shldi_epi64, _mm512_shrdi_epi64, _mm512_shuffle_epi8, _mm512_slli_epi16,
    _mm512_srl_epi64, _mm512_srli_epi16, _mm512_srli_epi32, _mm512_srli_epi64, _mm512_srlv_epi32,
    _mm512_srlv_epi64, _mm512_storeu_si512, _mm512_test_epi8_mask, _mm512_test_epi32_mask,
    _mm512_test_epi64_mask, _mm512_xor_si512,
};

use super::Vector;
use super::narrow::ROWS;
use crate::anchors::{self, Filter, PLACES, REACH};
use crate::buckets::{self, Buckets, Halves, Seven};
use crate::byte_set::ByteSet;
use crate::candidates::{BLOCKS, Marks, PLACES as PLACES_OF_BATCH, WINDOW, Words, Workspace};
use crate::class::{ALNUM, BASE64, DIGIT, ESCAPE, FOLLOW, LEADS_OF, LOWER, NUL, TABLE, TOKEN};
use crate::literals::{self, FOLD, HASH};
use crate::quads::{self, PADDING, Quads, Seen};
use crate::scan::{Hit, Job, Masks};

/// Proof that AVX-512 is there, with the extensions that [`available`] names.
#[derive(Clone, Copy)]
struct Avx512(());

/// Whether this machine has what the tier needs.
pub(super) fn available() -> bool {
    super::avx2::available()
        && std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("avx512vbmi")
        && std::arch::is_x86_feature_detected!("avx512vbmi2")
}

/// Defines a function whose body has what [`available`] asks for, and one that calls it.
macro_rules! entry {
    ($(#[$doc:meta])* fn $name:ident $(<const $n:ident: usize>)? ($($arg:ident: $type:ty),*) $(-> $out:ty)? $body:block) => {
        $(#[$doc])*
        pub(super) fn $name $(<const $n: usize>)? ($($arg: $type),*) $(-> $out)? {
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2")]
            fn inner $(<const $n: usize>)? ($($arg: $type),*) $(-> $out)? $body
            debug_assert!(available());
            // SAFETY: `Tier::detect` yields this tier only if `available` found every feature named above.
            unsafe { inner $(::<$n>)? ($($arg),*) }
        }
    };
}

entry! {
    /// The masked scan. Only reached through a tier that [`available`] has admitted, as all of these.
    fn masked(job: &Job<'_>, work: &mut Workspace, hits: &mut Vec<Hit>) {
        crate::candidates::masked(Avx512(()), job, work, hits);
    }
}

entry! {
    /// The end of a base64 run, see [`crate::scan::run_end`].
    fn run_end(hay: &[u8], from: usize) -> usize {
        crate::scan::run_end(Avx512(()), hay, from)
    }
}

entry! {
    /// See [`crate::anchors::passing`].
    fn passing<const APART: usize>(filter: Filter<'_>, block: &[u8; PLACES + REACH]) -> u64 {
        let Some(gate) = filter.gate else {
            // SAFETY: this function has AVX-512.
            return unsafe { passing_at::<APART>(filter, block) };
        };
        // SAFETY: as above; both loads read 64 bytes, the second one from `APART` on, which is less than `REACH`.
        let some = unsafe {
            const { assert!(PLACES == 64 && APART <= REACH) };
            let here = _mm512_loadu_si512(block.as_ptr().cast::<__m512i>());
            let there = _mm512_loadu_si512(block.as_ptr().add(APART).cast::<__m512i>());
            let [some] = members_of(&[*gate], _mm512_xor_si512(here, there));
            some
        };
        if some.count_ones() > GATED {
            // SAFETY: as above.
            return some & unsafe { passing_at::<APART>(filter, block) };
        }
        anchors::passing_of::<APART>(filter, block, some)
    }
}

/// Places that pass a gate up to which each is looked at alone.
const GATED: u32 = 32;

entry! {
    /// See [`ByteSet::masks`].
    fn members<const N: usize>(sets: &[ByteSet; N], bytes: &[u8], masks: &mut [[u64; N]]) {
        let (whole, rest) = bytes.as_chunks::<64>();
        for (block, masks) in whole.iter().zip(&mut *masks) {
            // SAFETY: this function has AVX-512; the load reads the 64 bytes of the block.
            *masks = unsafe { members_of(sets, _mm512_loadu_si512(block.as_ptr().cast::<__m512i>())) };
        }
        if let Some(masks) = masks.get_mut(whole.len()).filter(|_| !rest.is_empty()) {
            let there = u64::MAX >> (64 - rest.len());
            // SAFETY: as above; only the bytes of `rest` are read.
            *masks = unsafe { members_of(sets, _mm512_maskz_loadu_epi8(there, rest.as_ptr().cast::<i8>())) }
                .map(|mask| mask & there);
        }
    }
}

entry! {
    /// See [`crate::Quads::look`].
    fn quads(run: &[u8], buckets: &Halves) -> Seen {
        // SAFETY: this function has AVX-512.
        unsafe { look_at_quads(run, buckets) }
    }
}

/// The lowest `n` bits, or all.
#[inline(always)]
fn first(n: usize) -> u16 {
    if n >= 16 { u16::MAX } else { (1 << n) - 1 }
}

/// Positions 0 to 63, or `by` more.
const fn places(by: u8) -> [u8; 64] {
    let mut places = [0; 64];
    let mut i = 0;
    while i < 64 {
        places[i] = i as u8 + by;
        i += 1;
    }
    places
}

/// The first or the second half of a table of 128 bytes.
macro_rules! load_half {
    ($table:expr, $half:literal) => {
        _mm512_loadu_si512($table.as_ptr().add(64 * $half).cast::<__m512i>())
    };
}

impl Vector for Avx512 {
    #[inline(always)]
    fn classify(self, block: &[u8; 64]) -> Masks {
        // SAFETY: an `Avx512` exists only inside the functions above, which enable what is used here; the loads read the 64 bytes of `block` and the
        // first 128 of the table, and need no alignment.
        unsafe {
            let x = _mm512_loadu_si512(block.as_ptr().cast::<__m512i>());
            let ascii = !_mm512_movepi8_mask(x);
            let class = _mm512_maskz_permutex2var_epi8(ascii, load_half!(TABLE, 0), x, load_half!(TABLE, 1));
            let has = |bit: u8| _mm512_test_epi8_mask(class, _mm512_set1_epi8(bit as i8));
            Masks {
                token: has(TOKEN),
                base64: has(BASE64),
                nul: has(NUL),
                lower: has(LOWER),
                escape: has(ESCAPE),
                follow: has(FOLLOW),
                digit: has(DIGIT),
                alnum: has(ALNUM),
            }
        }
    }

    #[inline(always)]
    fn has_odd(self, bytes: &[u8]) -> bool {
        // SAFETY: as in `classify`; the loads read the 64 bytes of each chunk.
        unsafe {
            // As signed numbers, those bytes are the ones below 1.
            let one = _mm512_set1_epi8(1);
            let mut least = one;
            for block in bytes.as_chunks::<64>().0 {
                least = _mm512_min_epi8(least, _mm512_loadu_si512(block.as_ptr().cast::<__m512i>()));
            }
            _mm512_cmplt_epi8_mask(least, one) != 0
        }
    }

    #[inline(always)]
    fn odd(self, block: &[u8; 64]) -> (u64, u64) {
        // SAFETY: as in `classify`; the load reads the 64 bytes of `block`.
        unsafe {
            let x = _mm512_loadu_si512(block.as_ptr().cast::<__m512i>());
            let is = |byte: u8| _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(byte as i8));
            let [a, b, c, d] = LEADS_OF;
            (is(0), is(a) | is(b) | is(c) | is(d))
        }
    }

    #[inline(always)]
    fn derive(self, marks: &mut Marks, blocks: usize, signs: bool) {
        assert!(blocks <= BLOCKS, "a batch has no more blocks");
        // The block behind the last one too.
        let eights = (blocks + 1).div_ceil(8);
        const { assert!((BLOCKS + 1).div_ceil(8) * 8 + 2 <= size_of::<Words>() / 8) };
        // SAFETY: AVX-512 as in `classify`. Words are loaded by eights from the indices 0 to 8 * `eights` - 6 on and stored from those up to 8 * `eights` - 7; the
        // farthest is 8 * `eights` + 1, which lies inside of `Words`, as is asserted.
        unsafe {
            let load = |words: &Words, n: usize| _mm512_loadu_si512(words.as_ptr().add(n).cast::<__m512i>());
            let store = |words: &mut Words, n: usize, x| {
                _mm512_storeu_si512(words.as_mut_ptr().add(n).cast::<__m512i>(), x);
            };
            let and = |a, b| _mm512_and_si512(a, b);
            let or = |a, b| _mm512_or_si512(a, b);
            let and_not = |a, b| _mm512_andnot_si512(b, a);
            let some = |x, n: usize| u64::from(_mm512_test_epi64_mask(x, x)) << n;
            let mut found = [0; 5];
            let signs = _mm512_set1_epi8(if signs { -1 } else { 0 });
            for n in (1..).step_by(8).take(eights) {
                // Of two words each, those that are followed by others so many bits on; behind the second word there are none.
                macro_rules! shrink {
                    ($two:ident, $by:literal) => {
                        $two.0 = and($two.0, _mm512_shrdi_epi64::<$by>($two.0, $two.1));
                        $two.1 = and($two.1, _mm512_srli_epi64::<$by>($two.1));
                    };
                }
                let base64 = load(&marks.base64, n);
                let mut gates = (load(&marks.token, n), load(&marks.token, n + 1));
                let mut runs = (base64, load(&marks.base64, n + 1));
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
                let literals = or(and(gates, load(&marks.begins, n)), load(&marks.loose, n));
                store(&mut marks.literals, n, literals);
                let inside = _mm512_shldi_epi64::<1>(base64, load(&marks.base64, n - 1));
                let runs = and_not(runs.0, inside);
                store(&mut marks.runs, n, runs);
                let escape = load(&marks.escape, n);
                let follow = _mm512_shrdi_epi64::<1>(load(&marks.follow, n), load(&marks.follow, n + 1));
                let escapes = and(escape, follow);
                store(&mut marks.escapes, n, escapes);
                let alnum = load(&marks.alnum, n);
                let non_lower = and_not(and(gates, or(alnum, signs)), load(&marks.lower, n));
                store(&mut marks.non_lower, n, non_lower);
                let digit = load(&marks.digit, n);
                let after_alnum = _mm512_shldi_epi64::<1>(alnum, load(&marks.alnum, n - 1));
                let after_escape = _mm512_shldi_epi64::<2>(escape, load(&marks.escape, n - 1));
                let numbers = or(and_not(digit, after_alnum), and(digit, after_escape));
                store(&mut marks.numbers, n, numbers);
                let long = and(numbers, _mm512_shrdi_epi64::<1>(alnum, load(&marks.alnum, n + 1)));
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
        let window: &[u8; 67] = window.first_chunk().expect("the caller shows 67 bytes");
        const { assert!(buckets::SEVEN_PLACES == 4, "the farthest load reads the bytes 3 to 66") };
        // SAFETY: as in `classify`.
        unsafe {
            let gated = of_seven(window, &buckets.gated_seven);
            let loose = if buckets.loose_seven.is_empty { 0 } else { of_seven(window, &buckets.loose_seven) };
            (gated, loose)
        }
    }

    #[inline(always)]
    fn keep_literals(
        self,
        list: &mut [u16],
        len: usize,
        window: &[u8; WINDOW],
        filter: &literals::Filter,
    ) -> usize {
        const { assert!(literals::WORDS * 64 == 1 << (32 - HASH.1), "every hash has a bit") };
        assert!(len + 16 <= list.len(), "16 positions more are there");
        let words = filter.words().as_ptr().cast::<i32>();
        let mut kept = 0;
        // SAFETY: as in `classify`. 16 positions are loaded at a time, from indices below `len`, and stored no farther. Four bytes are gathered at positions that
        // are made less than `PLACES`, and bits at hashes of 17 bits, for which there are words, as is asserted.
        unsafe {
            let places = _mm512_set1_epi32(PLACES_OF_BATCH as i32 - 1);
            for from in (0..len).step_by(16) {
                let positions = _mm256_loadu_si256(list.as_ptr().add(from).cast::<__m256i>());
                let at = _mm512_and_si512(_mm512_cvtepu16_epi32(positions), places);
                let quads = _mm512_i32gather_epi32::<1>(at, window.as_ptr().cast::<i32>());
                let folded = _mm512_or_si512(quads, _mm512_set1_epi32(FOLD as i32));
                let hashes = _mm512_mullo_epi32(folded, _mm512_set1_epi32(HASH.0 as i32));
                let hashes = _mm512_srli_epi32::<{ HASH.1 }>(hashes);
                let words = _mm512_i32gather_epi32::<4>(_mm512_srli_epi32::<5>(hashes), words);
                let bits = _mm512_srlv_epi32(words, _mm512_and_si512(hashes, _mm512_set1_epi32(31)));
                let passed = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(1)) & first(len - from);
                let positions = _mm256_maskz_compress_epi16(passed, positions);
                _mm256_storeu_si256(list.as_mut_ptr().add(kept).cast::<__m256i>(), positions);
                kept += passed.count_ones() as usize;
            }
        }
        kept
    }

    #[inline(always)]
    fn keep_anchors(self, list: &mut [u16], len: usize, window: &[u8; WINDOW], filter: Filter<'_>) -> usize {
        let Filter { key, shift, bitmap, .. } = filter;
        assert!(shift < 32 && bitmap.len() > (u32::MAX >> shift) as usize, "every tag has a word");
        assert!(len + 16 <= list.len(), "16 positions more are there");
        let mut kept = 0;
        // SAFETY: as in `keep_literals`, by eights; eight bytes are gathered at positions below `PLACES`, and words at tags of 32 bits, for which there are some,
        // as is asserted.
        unsafe {
            let places = _mm512_set1_epi64(PLACES_OF_BATCH as i64 - 1);
            let (key, six, one) =
                (_mm512_set1_epi64(key as i64), _mm512_set1_epi64(63), _mm512_set1_epi64(1));
            let shift = _mm_cvtsi32_si128(shift as i32);
            for from in (0..len).step_by(8) {
                let positions = _mm_loadu_si128(list.as_ptr().add(from).cast::<__m128i>());
                let at = _mm512_and_si512(_mm512_cvtepu16_epi64(positions), places);
                let words = _mm512_i64gather_epi64::<1>(at, window.as_ptr().cast::<i64>());
                let first_product = _mm512_mullo_epi64(words, key);
                let mixed = _mm512_xor_si512(first_product, _mm512_srli_epi64::<32>(first_product));
                let tags = _mm512_srli_epi64::<32>(_mm512_mullo_epi64(mixed, key));
                let words =
                    _mm512_i64gather_epi64::<8>(_mm512_srl_epi64(tags, shift), bitmap.as_ptr().cast::<i64>());
                let bit = |n| _mm512_srlv_epi64(words, _mm512_and_si512(n, six));
                let both = _mm512_and_si512(bit(tags), bit(_mm512_srli_epi64::<6>(tags)));
                let passed = _mm512_test_epi64_mask(both, one) & first(len - from) as u8;
                let positions = _mm_maskz_compress_epi16(passed, positions);
                _mm_storeu_si128(list.as_mut_ptr().add(kept).cast::<__m128i>(), positions);
                kept += passed.count_ones() as usize;
            }
        }
        kept
    }

    #[inline(always)]
    fn list(self, mask: u64, base: u16, into: &mut [u16; 64]) {
        const PLACES: [u8; 64] = places(0);
        // SAFETY: as in `classify`; 32 numbers are stored at a time, and there is room for twice as many.
        unsafe {
            let places = _mm512_loadu_si512(PLACES.as_ptr().cast::<__m512i>());
            let places = _mm512_maskz_compress_epi8(mask, places);
            let base = _mm512_set1_epi16(base as i16);
            let first = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(places));
            _mm512_storeu_si512(into.as_mut_ptr().cast::<__m512i>(), _mm512_add_epi16(first, base));
            if mask.count_ones() > 32 {
                let second = _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64::<1>(places));
                _mm512_storeu_si512(
                    into.as_mut_ptr().add(32).cast::<__m512i>(),
                    _mm512_add_epi16(second, base),
                );
            }
        }
    }
}

/// The positions whose four bytes share a bucket. Inlined, as [`passing_at`] is.
///
/// # Safety
///
/// As of [`passing_at`].
#[inline(always)]
unsafe fn of_seven(window: &[u8; 67], seven: &Seven) -> u64 {
    // SAFETY: the caller's promise; the farthest load reads the bytes 3 to 66, and the tables have 128 bytes each.
    unsafe {
        let mut bits = _mm512_set1_epi8(-1);
        for (place, table) in seven.tables.iter().enumerate() {
            let x = _mm512_loadu_si512(window.as_ptr().add(place).cast::<__m512i>());
            let there = _mm512_permutex2var_epi8(load_half!(table, 0), x, load_half!(table, 1));
            bits = _mm512_and_si512(bits, there);
        }
        _mm512_test_epi8_mask(bits, bits)
    }
}

/// Which places of a block the filter lets through, eight at a time.
///
/// # Safety
///
/// The machine must have what [`available`] asks for. Inlined into a function that enables it, as it must be for the vectors to stay in registers; so are the next ones.
#[inline(always)]
unsafe fn passing_at<const APART: usize>(filter: Filter<'_>, block: &[u8; PLACES + REACH]) -> u64 {
    /// Eight bytes from each of eight places on.
    const WINDOWS: [u8; 64] = {
        let mut windows = [0; 64];
        let mut i = 0;
        while i < 64 {
            windows[i] = (i / 8 + i % 8) as u8;
            i += 1;
        }
        windows
    };
    const { assert!(PLACES - 8 + APART + 16 <= PLACES + REACH) };
    let Filter { key, shift, bitmap, .. } = filter;
    assert!(shift < 32 && bitmap.len() > (u32::MAX >> shift) as usize, "every tag has a word");
    // SAFETY: AVX-512 is the caller's promise. The farthest load reads 16 bytes from `PLACES - 8 + APART` on, as is asserted; a tag has 32 bits, so the words that
    // are gathered lie within the bitmap, as is asserted too.
    unsafe {
        let key = _mm512_set1_epi64(key as i64);
        let windows = _mm512_loadu_si512(WINDOWS.as_ptr().cast::<__m512i>());
        let shift = _mm_cvtsi32_si128(shift as i32);
        let six = _mm512_set1_epi64(63);
        let one = _mm512_set1_epi64(1);
        let mut passed = 0;
        for at in (0..PLACES).step_by(8) {
            let load = |at: usize| _mm_loadu_si128(block.as_ptr().add(at).cast::<__m128i>());
            let (here, there) = (load(at), load(at + APART));
            let bytes = _mm512_xor_si512(_mm512_broadcast_i64x2(here), _mm512_broadcast_i64x2(there));
            let words = _mm512_permutexvar_epi8(windows, bytes);
            let first = _mm512_mullo_epi64(words, key);
            let mixed = _mm512_xor_si512(first, _mm512_srli_epi64::<32>(first));
            let tags = _mm512_srli_epi64::<32>(_mm512_mullo_epi64(mixed, key));
            let words =
                _mm512_i64gather_epi64::<8>(_mm512_srl_epi64(tags, shift), bitmap.as_ptr().cast::<i64>());
            let bit = |n| _mm512_srlv_epi64(words, _mm512_and_si512(n, six));
            let both = _mm512_and_si512(bit(tags), bit(_mm512_srli_epi64::<6>(tags)));
            passed |= u64::from(_mm512_test_epi64_mask(both, one)) << at;
        }
        passed
    }
}

/// Four times the 16 bytes at a place.
///
/// # Safety
///
/// As of [`passing_at`]; 16 bytes must be readable.
#[inline(always)]
unsafe fn four_times(table: *const u8) -> __m512i {
    // SAFETY: the caller's promise.
    unsafe { _mm512_broadcast_i32x4(_mm_loadu_si128(table.cast::<__m128i>())) }
}

/// Which of 64 bytes are in which set.
///
/// # Safety
///
/// As of [`passing_at`].
#[inline(always)]
unsafe fn members_of<const N: usize>(sets: &[ByteSet; N], x: __m512i) -> [u64; N] {
    // SAFETY: the caller's promise, and the tables have 16 bytes each.
    unsafe {
        // A look-up makes zero of bytes from 128 on.
        let other = _mm512_xor_si512(x, _mm512_set1_epi8(-128));
        let row = _mm512_and_si512(_mm512_srli_epi16::<4>(x), _mm512_set1_epi8(0x0f));
        let row = _mm512_shuffle_epi8(four_times(ROWS.as_ptr()), row);
        let mut masks = [0; N];
        for (mask, set) in masks.iter_mut().zip(sets) {
            let low = _mm512_shuffle_epi8(four_times(set.low.as_ptr()), x);
            let high = _mm512_shuffle_epi8(four_times(set.high.as_ptr()), other);
            *mask = _mm512_test_epi8_mask(_mm512_or_si512(low, high), row);
        }
        masks
    }
}

/// The values of base64 characters, by character.
const VALUES: [u8; 128] = {
    let mut values = [0; 128];
    let mut char = 0;
    while char < 128 {
        values[char] = quads::value(char as u8);
        char += 1;
    }
    values
};

/// What base64 characters may decode to, see [`crate::quads::look`].
///
/// # Safety
///
/// As of [`passing_at`].
#[inline(always)]
unsafe fn look_at_quads(run: &[u8], buckets: &Halves) -> Seen {
    const BEHIND: [[u8; 64]; 5] = [places(0), places(1), places(2), places(3), places(4)];
    assert!(run.len() <= Quads::MAX, "no more are looked at");
    // SAFETY: AVX-512 is the caller's promise. Only the characters of `run` are read; the tables have 16, 64 or 128 bytes.
    unsafe {
        // The values of 64 characters, and of what stands behind the run.
        let values = |from: usize| {
            let left = run.len().saturating_sub(from);
            let there = if left >= 64 { u64::MAX } else { (1 << left) - 1 };
            let chars = if left >= 64 {
                _mm512_loadu_si512(run.as_ptr().add(from).cast::<__m512i>())
            } else {
                let start = run.as_ptr().add(from.min(run.len())).cast::<i8>();
                _mm512_mask_loadu_epi8(_mm512_set1_epi8(b'_' as i8), there, start)
            };
            const { assert!(quads::value(b'_') == PADDING) };
            _mm512_permutex2var_epi8(load_half!(VALUES, 0), chars, load_half!(VALUES, 1))
        };
        let and = |a, b| _mm512_and_si512(a, b);
        let or = |a, b| _mm512_or_si512(a, b);
        let each = |n: u8| _mm512_set1_epi8(n as i8);
        // Where the highest bit of one of the three bytes of a quad that begins there is set; what stands behind is no text.
        let not_text = |v: __m512i, behind: __m512i| {
            let has = |bit: u8, by: u32| {
                let bits = |v| u128::from(_mm512_test_epi8_mask(v, each(bit)));
                (bits(v) | bits(behind) << 64) >> by
            };
            let one = has(1 << 5, 0) | has(1 << 3, 1) | has(1 << 1, 2);
            (one | one >> 4 | one >> 8) as u64
        };
        // Shifts cross between bytes; what comes from the neighbour is masked.
        let first = |a, b| or(_mm512_slli_epi16::<2>(a), and(_mm512_srli_epi16::<4>(b), each(0x03)));
        let second =
            |a, b| or(and(_mm512_slli_epi16::<4>(a), each(0xf0)), and(_mm512_srli_epi16::<2>(b), each(0x0f)));
        let third = |a, b| or(and(_mm512_slli_epi16::<6>(a), each(0xc0)), b);
        let nibble = each(0x0f);
        let place = |n: usize, x| {
            let low = _mm512_shuffle_epi8(four_times(buckets.low[n].as_ptr()), and(x, nibble));
            let high = and(_mm512_srli_epi16::<4>(x), nibble);
            and(low, _mm512_shuffle_epi8(four_times(buckets.high[n].as_ptr()), high))
        };
        let (mut texts, mut triples) = (0, _mm512_setzero_si512());
        let mut next = values(0);
        for at in (0..run.len()).step_by(64) {
            let here = next;
            next = values(at + 64);
            texts |= !not_text(here, next);
            let v = |n: usize| {
                let places = _mm512_loadu_si512(BEHIND[n].as_ptr().cast::<__m512i>());
                _mm512_permutex2var_epi8(here, places, next)
            };
            let (v0, v1, v2, v3, v4) = (here, v(1), v(2), v(3), v(4));
            let at_0 = and(and(place(0, first(v0, v1)), place(1, second(v1, v2))), place(2, third(v2, v3)));
            let at_1 = and(and(place(0, second(v0, v1)), place(1, third(v1, v2))), place(2, first(v3, v4)));
            let at_2 = and(and(place(0, third(v0, v1)), place(1, first(v2, v3))), place(2, second(v3, v4)));
            triples = or(triples, or(at_0, or(at_1, at_2)));
        }
        let texts = texts | texts >> 32;
        let texts = texts | texts >> 16;
        let texts = texts | texts >> 8;
        let texts = (texts | texts >> 4) as u8 & 0xf;
        Seen { texts, triples: _mm512_test_epi8_mask(triples, triples) != 0 }
    }
}
