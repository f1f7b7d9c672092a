//! The portable tier, a table look-up per byte; also the oracle of the other tiers.

use super::Vector;
use crate::buckets::Buckets;
use crate::class::{ALNUM, BASE64, DIGIT, ESCAPE, FOLLOW, LEADS, LOWER, NUL, TABLE, TOKEN};
use crate::scan::Masks;

/// Table look-ups.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Vector for Portable {
    #[inline(always)]
    fn classify(self, block: &[u8; 64]) -> Masks {
        let mut masks = Masks::default();
        for (i, byte) in block.iter().enumerate() {
            let class = TABLE[usize::from(*byte)];
            masks.token |= u64::from(class & TOKEN != 0) << i;
            masks.base64 |= u64::from(class & BASE64 != 0) << i;
            masks.lower |= u64::from(class & LOWER != 0) << i;
            masks.escape |= u64::from(class & ESCAPE != 0) << i;
            masks.follow |= u64::from(class & FOLLOW != 0) << i;
            masks.nul |= u64::from(class & NUL != 0) << i;
            masks.digit |= u64::from(class & DIGIT != 0) << i;
            masks.alnum |= u64::from(class & ALNUM != 0) << i;
        }
        masks
    }

    #[inline(always)]
    fn has_odd(self, bytes: &[u8]) -> bool {
        !bytes.is_ascii() || bytes.contains(&0)
    }

    #[inline(always)]
    fn odd(self, block: &[u8; 64]) -> (u64, u64) {
        let (mut nul, mut leads) = (0, 0);
        for (i, byte) in block.iter().enumerate() {
            nul |= u64::from(*byte == 0) << i;
            leads |= u64::from(LEADS.contains(*byte)) << i;
        }
        (nul, leads)
    }

    #[inline(always)]
    fn beginnings(self, window: &[u8], buckets: &Buckets) -> (u64, u64) {
        let (mut gated, mut loose) = (0, 0);
        for (i, bytes) in window.windows(3).take(64).enumerate() {
            gated |= u64::from(buckets.gated.of(bytes) != 0) << i;
            loose |= u64::from(buckets.loose.of(bytes) != 0) << i;
        }
        (gated, loose)
    }
}
