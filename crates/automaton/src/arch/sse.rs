//! SSE: processors for x86-64 of the second level, which is all since 2009 that lack AVX2.

use std::arch::x86_64::{
    __m128i, _mm_add_epi8, _mm_and_si128, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_loadu_si128, _mm_movemask_epi8,
    _mm_or_si128, _mm_set1_epi8, _mm_shuffle_epi8, _mm_slli_epi16, _mm_srli_epi16, _mm_storeu_si128,
    _mm_xor_si128,
};

use super::narrow::{Narrow, Sixteen};
use crate::anchors::{Filter, PLACES, REACH};
use crate::buckets::Halves;
use crate::byte_set::ByteSet;
use crate::candidates::Workspace;
use crate::quads::Seen;
use crate::scan::{Hit, Job};

/// Proof that SSSE3 and what came with it are there.
#[derive(Clone, Copy)]
struct Sse(());

/// Whether this machine has what the tier needs.
pub(super) fn available() -> bool {
    std::arch::is_x86_feature_detected!("ssse3")
        && std::arch::is_x86_feature_detected!("sse4.2")
        && std::arch::is_x86_feature_detected!("popcnt")
}

/// The masked scan. Only reached through a tier that [`available`] has admitted.
pub(super) fn masked(job: &Job<'_>, work: &mut Workspace, hits: &mut Vec<Hit>) {
    #[target_feature(enable = "ssse3,sse4.2,popcnt")]
    fn inner(job: &Job<'_>, work: &mut Workspace, hits: &mut Vec<Hit>) {
        crate::candidates::masked(Narrow(Sse(())), job, work, hits);
    }
    debug_assert!(available());
    // SAFETY: `Tier::detect` yields this tier only if `available` found every feature named above.
    unsafe { inner(job, work, hits) }
}

/// The end of a base64 run, see [`crate::scan::run_end`].
pub(super) fn run_end(hay: &[u8], from: usize) -> usize {
    #[target_feature(enable = "ssse3,sse4.2,popcnt")]
    fn inner(hay: &[u8], from: usize) -> usize {
        crate::scan::run_end(Narrow(Sse(())), hay, from)
    }
    debug_assert!(available());
    // SAFETY: as in `masked`.
    unsafe { inner(hay, from) }
}

/// See [`crate::anchors::passing`].
pub(super) fn passing<const APART: usize>(filter: Filter<'_>, block: &[u8; PLACES + REACH]) -> u64 {
    #[target_feature(enable = "ssse3,sse4.2,popcnt")]
    fn inner<const APART: usize>(filter: Filter<'_>, block: &[u8; PLACES + REACH]) -> u64 {
        Narrow(Sse(())).passing::<APART>(filter, block)
    }
    debug_assert!(available());
    // SAFETY: as in `masked`.
    unsafe { inner::<APART>(filter, block) }
}

/// See [`ByteSet::masks`].
pub(super) fn members<const N: usize>(sets: &[ByteSet; N], bytes: &[u8], masks: &mut [[u64; N]]) {
    #[target_feature(enable = "ssse3,sse4.2,popcnt")]
    fn inner<const N: usize>(sets: &[ByteSet; N], bytes: &[u8], masks: &mut [[u64; N]]) {
        Narrow(Sse(())).members(sets, bytes, masks);
    }
    debug_assert!(available());
    // SAFETY: as in `masked`.
    unsafe { inner(sets, bytes, masks) }
}

/// See [`crate::Quads::look`].
pub(super) fn quads(run: &[u8], buckets: &Halves) -> Seen {
    #[target_feature(enable = "ssse3,sse4.2,popcnt")]
    fn inner(run: &[u8], buckets: &Halves) -> Seen {
        Narrow(Sse(())).quads(run, buckets)
    }
    debug_assert!(available());
    // SAFETY: as in `masked`.
    unsafe { inner(run, buckets) }
}

impl Sixteen for Sse {
    type Bytes = __m128i;

    #[inline(always)]
    fn load(self, bytes: &[u8; 16]) -> __m128i {
        // SAFETY: an `Sse` exists only inside the functions above, which enable SSSE3; the load reads the 16 bytes and needs no alignment.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast::<__m128i>()) }
    }

    #[inline(always)]
    fn store(self, bytes: __m128i, into: &mut [u8; 16]) {
        // SAFETY: as in `load`; the store writes the 16 bytes.
        unsafe { _mm_storeu_si128(into.as_mut_ptr().cast::<__m128i>(), bytes) }
    }

    #[inline(always)]
    fn each(self, byte: u8) -> __m128i {
        // SAFETY: SSSE3 as in `load`; nothing is read from memory. So it is below.
        unsafe { _mm_set1_epi8(byte as i8) }
    }

    #[inline(always)]
    fn and(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: as in `each`.
        unsafe { _mm_and_si128(a, b) }
    }

    #[inline(always)]
    fn or(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: as in `each`.
        unsafe { _mm_or_si128(a, b) }
    }

    #[inline(always)]
    fn xor(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: as in `each`.
        unsafe { _mm_xor_si128(a, b) }
    }

    #[inline(always)]
    fn add(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: as in `each`.
        unsafe { _mm_add_epi8(a, b) }
    }

    #[inline(always)]
    fn down<const BY: i32>(self, a: __m128i) -> __m128i {
        // Shifts cross between bytes; what comes from the neighbour is masked.
        // SAFETY: as in `each`.
        unsafe { _mm_and_si128(_mm_srli_epi16::<BY>(a), _mm_set1_epi8((u8::MAX >> BY) as i8)) }
    }

    #[inline(always)]
    fn up<const BY: i32>(self, a: __m128i) -> __m128i {
        // SAFETY: as in `each`.
        unsafe { _mm_and_si128(_mm_slli_epi16::<BY>(a), _mm_set1_epi8((u8::MAX << BY) as i8)) }
    }

    #[inline(always)]
    fn equal(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: as in `each`.
        unsafe { _mm_cmpeq_epi8(a, b) }
    }

    #[inline(always)]
    fn above(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: as in `each`.
        unsafe { _mm_cmpgt_epi8(a, b) }
    }

    #[inline(always)]
    fn look_up(self, table: __m128i, at: __m128i) -> __m128i {
        // SAFETY: as in `each`.
        unsafe { _mm_shuffle_epi8(table, at) }
    }

    #[inline(always)]
    fn mask(self, [a, b, c, d]: [__m128i; 4]) -> u64 {
        // SAFETY: as in `each`.
        let bits = |bytes| unsafe { _mm_movemask_epi8(bytes) as u16 };
        u64::from(bits(a)) | u64::from(bits(b)) << 16 | u64::from(bits(c)) << 32 | u64::from(bits(d)) << 48
    }
}
