//! NEON, which every 64-bit ARM processor has.

use std::arch::aarch64::{
    uint8x16_t, vaddq_u8, vandq_u8, vceqq_u8, vcgtq_s8, vdupq_n_u8, veorq_u8, vgetq_lane_u64, vld1q_u8,
    vorrq_u8, vpaddq_u8, vqtbl1q_u8, vreinterpretq_s8_u8, vreinterpretq_u64_u8, vshlq_n_u8, vshrq_n_u8,
    vst1q_u8,
};

use super::narrow::{Narrow, Sixteen};

/// Sixteen bytes in a register of NEON.
#[derive(Clone, Copy)]
pub(super) struct Neon(());

/// The tier.
pub(super) const NEON: Narrow<Neon> = Narrow(Neon(()));

const _: () = assert!(cfg!(target_feature = "neon"), "the targets for 64-bit ARM have it");

/// The bit of each place of eight.
const BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

impl Sixteen for Neon {
    type Bytes = uint8x16_t;

    #[inline(always)]
    fn load(self, bytes: &[u8; 16]) -> uint8x16_t {
        // SAFETY: the whole build has NEON, as is asserted above; the load reads the 16 bytes and needs no alignment.
        unsafe { vld1q_u8(bytes.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, bytes: uint8x16_t, into: &mut [u8; 16]) {
        // SAFETY: as in `load`; the store writes the 16 bytes.
        unsafe { vst1q_u8(into.as_mut_ptr(), bytes) }
    }

    #[inline(always)]
    fn each(self, byte: u8) -> uint8x16_t {
        // SAFETY: the whole build has NEON, as is asserted above; nothing is read from memory. So it is below.
        unsafe { vdupq_n_u8(byte) }
    }

    #[inline(always)]
    fn and(self, a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
        // SAFETY: as in `each`.
        unsafe { vandq_u8(a, b) }
    }

    #[inline(always)]
    fn or(self, a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
        // SAFETY: as in `each`.
        unsafe { vorrq_u8(a, b) }
    }

    #[inline(always)]
    fn xor(self, a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
        // SAFETY: as in `each`.
        unsafe { veorq_u8(a, b) }
    }

    #[inline(always)]
    fn add(self, a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
        // SAFETY: as in `each`.
        unsafe { vaddq_u8(a, b) }
    }

    #[inline(always)]
    fn down<const BY: i32>(self, a: uint8x16_t) -> uint8x16_t {
        // SAFETY: as in `each`.
        unsafe { vshrq_n_u8::<BY>(a) }
    }

    #[inline(always)]
    fn up<const BY: i32>(self, a: uint8x16_t) -> uint8x16_t {
        // SAFETY: as in `each`.
        unsafe { vshlq_n_u8::<BY>(a) }
    }

    #[inline(always)]
    fn equal(self, a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
        // SAFETY: as in `each`.
        unsafe { vceqq_u8(a, b) }
    }

    #[inline(always)]
    fn above(self, a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
        // SAFETY: as in `each`.
        unsafe { vcgtq_s8(vreinterpretq_s8_u8(a), vreinterpretq_s8_u8(b)) }
    }

    #[inline(always)]
    fn look_up(self, table: uint8x16_t, at: uint8x16_t) -> uint8x16_t {
        // SAFETY: as in `each`.
        unsafe { vqtbl1q_u8(table, at) }
    }

    #[inline(always)]
    fn mask(self, [a, b, c, d]: [uint8x16_t; 4]) -> u64 {
        // A bit of each byte, and sums of neighbours until eight of them are one byte.
        let bits = self.load(&BITS);
        // SAFETY: as in `each`.
        unsafe {
            let ab = vpaddq_u8(vandq_u8(a, bits), vandq_u8(b, bits));
            let cd = vpaddq_u8(vandq_u8(c, bits), vandq_u8(d, bits));
            let all = vpaddq_u8(ab, cd);
            vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(all, all)))
        }
    }
}
