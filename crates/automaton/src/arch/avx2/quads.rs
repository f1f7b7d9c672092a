//! What base64 characters may decode to, 32 at a time.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm256_add_epi8, _mm256_and_si256, _mm256_blendv_epi8,
    _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8,
    _mm256_or_si256, _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi16,
    _mm256_srli_epi16, _mm256_storeu_si256,
};
use std::mem::MaybeUninit;

use super::super::narrow::TO_VALUE;
use crate::buckets::Halves;
use crate::quads::{PADDING, Quads, Seen};

/// Values of characters, and as many behind them as decisions look at.
pub(super) const VALUES: usize = Quads::MAX + 64;

/// The values of 32 base64 characters.
///
/// # Safety
///
/// The machine must have AVX2; inlined as all of this tier is.
#[inline(always)]
unsafe fn values_of(x: __m256i) -> __m256i {
    // SAFETY: the caller's promise, and the tables have 16 bytes each.
    unsafe {
        let table =
            |n: usize| _mm256_broadcastsi128_si256(_mm_loadu_si128(TO_VALUE[n].as_ptr().cast::<__m128i>()));
        let high = _mm256_and_si256(_mm256_srli_epi16::<4>(x), _mm256_set1_epi8(0x0f));
        let by_row = _mm256_shuffle_epi8(table(0), high);
        let signs = _mm256_shuffle_epi8(table(1), x);
        let is_sign = _mm256_cmpeq_epi8(high, _mm256_set1_epi8(2));
        let value = _mm256_add_epi8(x, _mm256_blendv_epi8(by_row, signs, is_sign));
        let is_line = _mm256_cmpeq_epi8(x, _mm256_set1_epi8(b'_' as i8));
        _mm256_blendv_epi8(value, _mm256_set1_epi8(PADDING as i8), is_line)
    }
}

/// What base64 characters may decode to, see [`crate::quads::look`]. `values` becomes anything.
///
/// # Safety
///
/// The machine must have AVX2; inlined as all of this tier is.
#[inline(always)]
pub(super) unsafe fn look(run: &[u8], buckets: &Halves, values: &mut [MaybeUninit<u8>; VALUES]) -> Seen {
    assert!(run.len() <= Quads::MAX, "the values have room for no more");
    let values = values.as_mut_ptr().cast::<u8>();
    // SAFETY: AVX2 is the caller's promise. Characters are loaded by 32 while as many are there, and from a copy otherwise. Values are stored by 32 from
    // multiples of 32 below the length on, and once behind them, which is 64 bytes behind the longest run at the most; those that are loaded begin at
    // most 10 behind such a multiple, where values were stored before. The tables have 16 bytes each.
    unsafe {
        let load = |at: *const u8| _mm256_loadu_si256(at.cast::<__m256i>());
        let padding = _mm256_set1_epi8(PADDING as i8);
        let (whole, rest) = run.as_chunks::<32>();
        let mut end = 0;
        for chunk in whole {
            _mm256_storeu_si256(values.add(end).cast::<__m256i>(), values_of(load(chunk.as_ptr())));
            end += 32;
        }
        if !rest.is_empty() {
            let mut copy = [b'_'; 32];
            copy[..rest.len()].copy_from_slice(rest);
            _mm256_storeu_si256(values.add(end).cast::<__m256i>(), values_of(load(copy.as_ptr())));
            end += 32;
        }
        _mm256_storeu_si256(values.add(end).cast::<__m256i>(), padding);

        let and = |a, b| _mm256_and_si256(a, b);
        let or = |a, b| _mm256_or_si256(a, b);
        let each = |n: u8| _mm256_set1_epi8(n as i8);
        // Shifts cross between bytes; what comes from the neighbour is masked.
        let first = |a, b| or(_mm256_slli_epi16::<2>(a), and(_mm256_srli_epi16::<4>(b), each(0x03)));
        let second =
            |a, b| or(and(_mm256_slli_epi16::<4>(a), each(0xf0)), and(_mm256_srli_epi16::<2>(b), each(0x0f)));
        let third = |a, b| or(and(_mm256_slli_epi16::<6>(a), each(0xc0)), b);
        let nibble = each(0x0f);
        let place = |n: usize, x| {
            let table = |table: &[u8; 16]| {
                _mm256_broadcastsi128_si256(_mm_loadu_si128(table.as_ptr().cast::<__m128i>()))
            };
            let low = _mm256_shuffle_epi8(table(&buckets.low[n]), and(x, nibble));
            and(low, _mm256_shuffle_epi8(table(&buckets.high[n]), and(_mm256_srli_epi16::<4>(x), nibble)))
        };
        let none = _mm256_setzero_si256();
        let (mut texts, mut triples) = (0, none);
        for at in (0..end).step_by(32) {
            let v = |n: usize| load(values.add(at + n));
            let three = |n: usize, bit: u8| and(or(or(v(n), v(n + 4)), v(n + 8)), each(bit));
            let not_clear = or(or(three(0, 1 << 5), three(1, 1 << 3)), three(2, 1 << 1));
            texts |= _mm256_movemask_epi8(_mm256_cmpeq_epi8(not_clear, none)) as u32;
            let (v0, v1, v2, v3, v4) = (v(0), v(1), v(2), v(3), v(4));
            let at_0 = and(and(place(0, first(v0, v1)), place(1, second(v1, v2))), place(2, third(v2, v3)));
            let at_1 = and(and(place(0, second(v0, v1)), place(1, third(v1, v2))), place(2, first(v3, v4)));
            let at_2 = and(and(place(0, third(v0, v1)), place(1, first(v2, v3))), place(2, second(v3, v4)));
            triples = or(triples, or(at_0, or(at_1, at_2)));
        }
        let texts = texts | texts >> 16;
        let texts = texts | texts >> 8;
        let texts = (texts | texts >> 4) as u8 & 0xf;
        Seen { texts, triples: _mm256_movemask_epi8(_mm256_cmpeq_epi8(triples, none)) != -1 }
    }
}
