//! Sets of bytes, and which bytes of a text are in which of them.

use crate::arch::Tier;

/// Bytes that are looked at together: a bit for each in a `u64`, the first one lowest.
pub(crate) const BLOCK: usize = 64;

/// A set of bytes, as vector look-ups want it: for each low nibble the high ones, below 8 and from 8 on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteSet {
    pub(crate) low: [u8; 16],
    pub(crate) high: [u8; 16],
}

impl ByteSet {
    /// The set of these bytes.
    pub const fn new(bytes: &[u8]) -> ByteSet {
        let mut set = ByteSet { low: [0; 16], high: [0; 16] };
        let mut i = 0;
        while i < bytes.len() {
            set.insert(bytes[i]);
            i += 1;
        }
        set
    }

    /// Adds a byte.
    pub const fn insert(&mut self, byte: u8) {
        let row = 1 << (byte >> 4 & 7);
        let columns = if byte < 0x80 { &mut self.low } else { &mut self.high };
        columns[byte as usize & 15] |= row;
    }

    /// Whether a byte is in the set.
    #[inline]
    pub const fn contains(&self, byte: u8) -> bool {
        let columns = if byte < 0x80 { &self.low } else { &self.high };
        columns[byte as usize & 15] >> (byte >> 4 & 7) & 1 != 0
    }

    /// Writes for every 64 of `bytes` which of them are in which set: a bit for each byte, the first one lowest; bits behind the last byte are zero.
    ///
    /// # Panics
    ///
    /// If `masks` has not as many entries as `bytes` has blocks, the last one perhaps in part.
    pub fn masks<const N: usize>(sets: &[ByteSet; N], bytes: &[u8], masks: &mut [[u64; N]]) {
        assert_eq!(masks.len(), bytes.len().div_ceil(BLOCK), "a mask for each block");
        Tier::detect().members(sets, bytes, masks);
    }
}

/// Sets that are asked for again and again: what the processor can do is asked once.
#[derive(Clone, Copy, Debug)]
pub struct ByteSets<const N: usize> {
    tier: Tier,
    sets: [ByteSet; N],
}

impl<const N: usize> ByteSets<N> {
    /// These sets.
    pub fn new(sets: [ByteSet; N]) -> ByteSets<N> {
        ByteSets { tier: Tier::detect(), sets }
    }

    /// As [`ByteSet::masks`].
    ///
    /// # Panics
    ///
    /// As that.
    #[inline]
    pub fn masks(&self, bytes: &[u8], masks: &mut [[u64; N]]) {
        assert_eq!(masks.len(), bytes.len().div_ceil(BLOCK), "a mask for each block");
        self.tier.members(&self.sets, bytes, masks);
    }

    /// The set at an index.
    #[inline]
    pub const fn set(&self, at: usize) -> &ByteSet {
        &self.sets[at]
    }
}

/// The definition of what a tier writes.
pub(crate) fn members<const N: usize>(sets: &[ByteSet; N], bytes: &[u8], masks: &mut [[u64; N]]) {
    for (block, masks) in bytes.chunks(BLOCK).zip(masks) {
        *masks = sets.map(|set| {
            let bit = |(i, byte): (usize, &u8)| u64::from(set.contains(*byte)) << i;
            block.iter().enumerate().map(bit).fold(0, |mask, bit| mask | bit)
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 300,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn tiers_agree(
            some in proptest::collection::vec(any::<u8>(), 0..300),
            sets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 3),
        ) {
            let sets: [ByteSet; 3] = std::array::from_fn(|n| ByteSet::new(&sets[n]));
            let mut want = vec![[0; 3]; some.len().div_ceil(BLOCK)];
            members(&sets, &some, &mut want);
            for (i, byte) in some.iter().enumerate() {
                for (n, set) in sets.iter().enumerate() {
                    prop_assert_eq!(want[i / BLOCK][n] >> (i % BLOCK) & 1 != 0, set.contains(*byte));
                }
            }
            for tier in Tier::all() {
                let mut masks = vec![[!0; 3]; want.len()];
                tier.members(&sets, &some, &mut masks);
                prop_assert_eq!(&masks, &want);
                let mut masks = vec![[!0; 3]; want.len()];
                ByteSets { tier, sets }.masks(&some, &mut masks);
                prop_assert_eq!(&masks, &want);
            }
        }
    }

    #[test]
    fn a_set_has_what_was_put_in() {
        for byte in 0..=255 {
            let others: Vec<u8> = (0..=255).filter(|other| *other != byte).collect();
            assert!(ByteSet::new(&[byte]).contains(byte) && !ByteSet::new(&others).contains(byte));
        }
    }
}
