//! AVX2: two nibble look-ups classify 32 bytes.
//!
//! Each token character is the meeting of a row (high nibble) and a column (low nibble). One bit stands for a set of rows that share
//! their columns:
//!
//! ```text
//! bit 0  row 2      columns b d f     + - /        base64
//! bit 1  row 3      columns 0-9       digits       base64
//! bit 2  rows 4 6   columns 1-f       A-O a-o      base64
//! bit 3  rows 5 7   columns 0-a       P-Z p-z      base64
//! bit 4  row 5      column  f         _            base64
//! bit 5  rows 2 7   column  e         . ~          token only
//! bit 6  row 3      column  d         =            token only
//! bit 7  row 2      column  5         %            token only
//! ```
//!
//! A second pair of look-ups tells what begins escapes and what may follow it:
//!
//! ```text
//! bit 0  row 2      columns 3 f     # /            follow
//! bit 1  row 3      columns 0-7     0-7            follow
//! bit 2  rows 5 7   columns 5 8     U X u x        follow
//! bit 3  row 0      columns a d     LF CR          follow
//! bit 4  row 5      column  c       \              escape
//! bit 5  row 2      columns 5 6     % &            escape
//! bit 6  row 3      column  d       =              escape
//! bit 7  rows 4 6   columns 2 6     B F b f        follow
//! ```
//!
//! Bytes from 128 on have a high nibble of 8 or more, whose row is empty.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8,
    _mm256_extract_epi64, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
    _mm256_setr_epi64x, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi16, _mm256_slli_epi64,
    _mm256_sllv_epi64, _mm256_srli_epi16, _mm256_srli_epi64, _mm256_srlv_epi64, _mm256_unpackhi_epi64,
};

use super::Vector;
use crate::buckets::{Buckets, GATED, LOOSE, PLACES};
use crate::candidates::{RUN_MIN, Workspace};
use crate::scan::{Hit, Job, Masks};

/// Bits 0-4: the base64 characters.
const BASE64_BITS: i8 = 0x1f;

/// Bit 1: the digits.
const DIGIT_BITS: i8 = 0x02;

/// Bits 1-3: letters and digits.
const ALNUM_BITS: i8 = 0x0e;

/// Bits 4-6 of the second look-up: the characters that begin escapes.
const ESCAPE_BITS: i8 = 0x70;

/// Bits 0-3 and 7 of the second look-up: the characters that may follow those.
const FOLLOW_BITS: i8 = 0x0f | -0x80;

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

impl Vector for Avx2 {
    #[inline(always)]
    fn classify(self, block: &[u8; 64]) -> Masks {
        // SAFETY: an `Avx2` exists only inside the two functions above, which enable AVX2; the loads read the 64 bytes
        // of `block` and need no alignment.
        unsafe {
            let low = _mm256_loadu_si256(block.as_ptr().cast::<__m256i>());
            let high = _mm256_loadu_si256(block.as_ptr().add(32).cast::<__m256i>());
            let (low, high) = (half(low), half(high));
            let [token, base64, nul, lower, escape, follow, digit, alnum] =
                std::array::from_fn(|i| u64::from(low[i]) | u64::from(high[i]) << 32);
            Masks { token, base64, nul, lower, escape, follow, digit, alnum }
        }
    }

    #[inline(always)]
    fn runs(self, token: [u64; 2], base64: [u64; 2]) -> (u64, u64) {
        // Runs of 2, 4 and 8 in steps that are the same for both; then of 10 and 16.
        const { assert!(crate::Automaton::GATE == 8 + 2 && RUN_MIN == 8 + 8) };
        // SAFETY: as in `classify`; nothing is read from memory.
        unsafe {
            let lanes = [token[0], token[1], base64[0], base64[1]].map(|mask| mask as i64);
            let mut x = _mm256_setr_epi64x(lanes[0], lanes[1], lanes[2], lanes[3]);
            // The next block's bits come in from the left; behind that there are none.
            let next = |x| _mm256_unpackhi_epi64(x, _mm256_setzero_si256());
            x = _mm256_and_si256(
                x,
                _mm256_or_si256(_mm256_srli_epi64::<1>(x), _mm256_slli_epi64::<63>(next(x))),
            );
            x = _mm256_and_si256(
                x,
                _mm256_or_si256(_mm256_srli_epi64::<2>(x), _mm256_slli_epi64::<62>(next(x))),
            );
            x = _mm256_and_si256(
                x,
                _mm256_or_si256(_mm256_srli_epi64::<4>(x), _mm256_slli_epi64::<60>(next(x))),
            );
            let (right, left) = (_mm256_setr_epi64x(2, 2, 8, 8), _mm256_setr_epi64x(62, 62, 56, 56));
            x = _mm256_and_si256(
                x,
                _mm256_or_si256(_mm256_srlv_epi64(x, right), _mm256_sllv_epi64(next(x), left)),
            );
            (_mm256_extract_epi64::<0>(x) as u64, _mm256_extract_epi64::<2>(x) as u64)
        }
    }

    #[inline(always)]
    fn beginnings(self, window: &[u8], buckets: &Buckets) -> (u64, u64) {
        let window: &[u8; 66] = window.first_chunk().expect("the caller shows 66 bytes");
        // SAFETY: as in `classify`; the farthest load reads the bytes 34 to 65 of `window`.
        unsafe {
            let (g0, l0) = begin(window.as_ptr(), buckets);
            let (g1, l1) = begin(window.as_ptr().add(32), buckets);
            (u64::from(g0) | u64::from(g1) << 32, u64::from(l0) | u64::from(l1) << 32)
        }
    }
}

/// The masks of 32 positions whose three bytes share a bucket: of gated literals, of loose ones.
///
/// # Safety
///
/// 34 bytes must be readable at `at`, and the machine must have AVX2. Inlined into a function that enables it, as it must be for the vectors to
/// stay in registers; a function that enables features itself cannot be made to.
#[inline(always)]
unsafe fn begin(at: *const u8, buckets: &Buckets) -> (u32, u32) {
    // SAFETY: the caller's promise, and the tables have 16 bytes each.
    unsafe {
        let nibble = _mm256_set1_epi8(0x0f);
        let mut bits = _mm256_set1_epi8(-1);
        for place in 0..PLACES {
            let x = _mm256_loadu_si256(at.add(place).cast::<__m256i>());
            let low = _mm_loadu_si128(buckets.low[place].as_ptr().cast::<__m128i>());
            let high = _mm_loadu_si128(buckets.high[place].as_ptr().cast::<__m128i>());
            let low = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(low), _mm256_and_si256(x, nibble));
            let x = _mm256_and_si256(_mm256_srli_epi16::<4>(x), nibble);
            let high = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(high), x);
            bits = _mm256_and_si256(bits, _mm256_and_si256(low, high));
        }
        let none = |these: u8| {
            let some = _mm256_and_si256(bits, _mm256_set1_epi8(these as i8));
            _mm256_movemask_epi8(_mm256_cmpeq_epi8(some, _mm256_setzero_si256())) as u32
        };
        (!none(GATED), !none(LOOSE))
    }
}

const D: i8 = 0x02 | 0x08;
const A: i8 = D | 0x04;

/// The first pair of look-ups: by high nibble, by low nibble.
#[rustfmt::skip]
const CLASS: [[i8; 16]; 2] = [
    [0, 0, 0x01 | 0x20 | -0x80, 0x02 | 0x40, 0x04, 0x08 | 0x10, 0x04, 0x08 | 0x20, 0, 0, 0, 0, 0, 0, 0, 0],
    [D, A, A, A, A, A | -0x80, A, A, A, A, 0x08 | 0x04, 0x01 | 0x04, 0x04, 0x01 | 0x04 | 0x40, 0x04 | 0x20, 0x01 | 0x04 | 0x10],
];

/// The second pair.
#[rustfmt::skip]
const ESCAPES: [[i8; 16]; 2] = [
    [0x08, 0, 0x01 | 0x20, 0x02 | 0x40, -0x80, 0x04 | 0x10, -0x80, 0x04, 0, 0, 0, 0, 0, 0, 0, 0],
    [0x02, 0x02, 0x02 | -0x80, 0x01 | 0x02, 0x02, 0x02 | 0x04 | 0x20, 0x02 | 0x20 | -0x80, 0x02, 0x04, 0, 0x08, 0, 0x10, 0x08 | 0x40, 0, 0x01],
];

/// Token, base64, NUL, lower-case, escape, follow, digit and alphanumeric masks of 32 bytes.
///
/// # Safety
///
/// The machine must have AVX2; inlined as [`begin`] is.
#[inline(always)]
unsafe fn half(x: __m256i) -> [u32; 8] {
    // SAFETY: the caller's promise, and the tables have 16 bytes each.
    unsafe {
        let zero = _mm256_setzero_si256();
        let nibble = _mm256_set1_epi8(0x0f);
        let low = _mm256_and_si256(x, nibble);
        let high = _mm256_and_si256(_mm256_srli_epi16::<4>(x), nibble);
        let bits = |table: &[[i8; 16]; 2]| {
            let [rows, columns] = table
                .each_ref()
                .map(|t| _mm256_broadcastsi128_si256(_mm_loadu_si128(t.as_ptr().cast::<__m128i>())));
            _mm256_and_si256(_mm256_shuffle_epi8(rows, high), _mm256_shuffle_epi8(columns, low))
        };
        let mask = |v| _mm256_movemask_epi8(_mm256_cmpeq_epi8(v, zero)) as u32;
        let some_of = |bits, these| !mask(_mm256_and_si256(bits, _mm256_set1_epi8(these)));
        let class = bits(&CLASS);
        let escapes = bits(&ESCAPES);
        // Shifts move bits 6 and 5 to where the mask is taken; what crosses between bytes lands lower.
        let lower = _mm256_and_si256(_mm256_slli_epi16::<1>(x), _mm256_slli_epi16::<2>(x));
        [
            !mask(class),
            some_of(class, BASE64_BITS),
            mask(x),
            _mm256_movemask_epi8(lower) as u32,
            some_of(escapes, ESCAPE_BITS),
            some_of(escapes, FOLLOW_BITS),
            some_of(class, DIGIT_BITS),
            some_of(class, ALNUM_BITS),
        ]
    }
}
