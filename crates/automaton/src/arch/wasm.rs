//! WebAssembly's vectors, in builds that have them (`-C target-feature=+simd128`): a module cannot ask at run time.

use std::arch::wasm32::{
    i8x16_gt, u8x16_add, u8x16_bitmask, u8x16_eq, u8x16_shl, u8x16_shr, u8x16_splat, u8x16_swizzle, v128,
    v128_and, v128_load, v128_or, v128_store, v128_xor,
};

use super::narrow::{Narrow, Sixteen};

/// Sixteen bytes in a `v128`.
#[derive(Clone, Copy)]
pub(super) struct Wasm(());

/// The tier.
pub(super) const WASM: Narrow<Wasm> = Narrow(Wasm(()));

impl Sixteen for Wasm {
    type Bytes = v128;

    #[inline(always)]
    fn load(self, bytes: &[u8; 16]) -> v128 {
        // SAFETY: the load reads the 16 bytes and needs no alignment.
        unsafe { v128_load(bytes.as_ptr().cast::<v128>()) }
    }

    #[inline(always)]
    fn store(self, bytes: v128, into: &mut [u8; 16]) {
        // SAFETY: the store writes the 16 bytes.
        unsafe { v128_store(into.as_mut_ptr().cast::<v128>(), bytes) }
    }

    #[inline(always)]
    fn each(self, byte: u8) -> v128 {
        u8x16_splat(byte)
    }

    #[inline(always)]
    fn and(self, a: v128, b: v128) -> v128 {
        v128_and(a, b)
    }

    #[inline(always)]
    fn or(self, a: v128, b: v128) -> v128 {
        v128_or(a, b)
    }

    #[inline(always)]
    fn xor(self, a: v128, b: v128) -> v128 {
        v128_xor(a, b)
    }

    #[inline(always)]
    fn add(self, a: v128, b: v128) -> v128 {
        u8x16_add(a, b)
    }

    #[inline(always)]
    fn down<const BY: i32>(self, a: v128) -> v128 {
        u8x16_shr(a, BY as u32)
    }

    #[inline(always)]
    fn up<const BY: i32>(self, a: v128) -> v128 {
        u8x16_shl(a, BY as u32)
    }

    #[inline(always)]
    fn equal(self, a: v128, b: v128) -> v128 {
        u8x16_eq(a, b)
    }

    #[inline(always)]
    fn above(self, a: v128, b: v128) -> v128 {
        i8x16_gt(a, b)
    }

    #[inline(always)]
    fn look_up(self, table: v128, at: v128) -> v128 {
        u8x16_swizzle(table, at)
    }

    #[inline(always)]
    fn mask(self, [a, b, c, d]: [v128; 4]) -> u64 {
        let bits = u8x16_bitmask;
        u64::from(bits(a)) | u64::from(bits(b)) << 16 | u64::from(bits(c)) << 32 | u64::from(bits(d)) << 48
    }
}
