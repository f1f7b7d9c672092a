//! Keyed eight-byte anchors: a bitmap in front of a table of tags.

use crate::arch::Tier;
use crate::byte_set::ByteSet;
use crate::scan::{Hit, What};

/// A set of eight-byte anchors. Holds keyed hashes, cut to 32 bits, and no bytes of what they were made from.
///
/// For callers that look at words of their own making; an [`Automaton`](crate::Automaton) has its sets inside.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    pub(crate) tier: Tier,
    key: u64,
    /// A Bloom filter with two bits for each tag, both in the word at `tag >> shift`: one load tells.
    shift: u32,
    bitmap: Vec<u64>,
    /// Sorted; parallel to `ids`.
    tags: Vec<u32>,
    ids: Vec<u32>,
    /// `tag >> spread` says where its equals begin, and the next entry where they end at the latest.
    spread: u32,
    places: Vec<u32>,
    /// See [`Anchors::gated`].
    gate: Option<ByteSet>,
    /// Anchors of which only the highest 16 bits of the tag are known, sorted by them; parallel to `coarse_ids`.
    coarse: Vec<u16>,
    coarse_ids: Vec<u32>,
}

/// Words of the filter for each coarse tag, if it is to stay in the second-level cache: one in so many others passes.
const WORDS_PER_COARSE: usize = 64;

/// Words of the filter at which a coarse tag has one for itself: more of them tell no more.
const COARSE_WORDS: usize = 1 << 16;

/// Bits of the filter for each tag, at least: less than one in fifty others passes. A thousand secrets have some forty thousand tags.
const BITS_PER_TAG: usize = 16;

/// Words of the filter up to which each tag has one: 16 KiB.
const SMALL: usize = 2048;

/// The two bits of a tag; the highest bits of the tag choose the word.
#[inline(always)]
fn bits_of(tag: u32) -> (u32, u32) {
    (tag % 64, tag / 64 % 64)
}

impl Anchors {
    /// Compiles (tag, id) pairs whose tags were made by [`anchor_tag`] under `key`.
    pub fn new(key: u64, anchors: Vec<(u32, u32)>) -> Anchors {
        Anchors::with_coarse(key, anchors, Vec::new())
    }

    /// The same, with further anchors of which only the highest 16 bits of the tag are known: all that a fingerprint at rest may tell of a value.
    pub fn with_coarse(key: u64, mut anchors: Vec<(u32, u32)>, mut coarse: Vec<(u16, u32)>) -> Anchors {
        if anchors.is_empty() && coarse.is_empty() {
            return Anchors::default();
        }
        let words = (anchors.len() * BITS_PER_TAG / 64).max(anchors.len().clamp(32, SMALL));
        let for_coarse = (coarse.len() * WORDS_PER_COARSE).min(COARSE_WORDS);
        let words = words.max(for_coarse).next_power_of_two().min(1 << 20);
        let shift = 32 - words.trailing_zeros();
        let mut bitmap = vec![0u64; words];
        for (tag, _) in &anchors {
            let (first, second) = bits_of(*tag);
            bitmap[(tag >> shift) as usize] |= 1 << first | 1 << second;
        }
        for (tag, _) in &coarse {
            // What the other bits choose is not known: all that they could choose passes.
            let first = u32::from(*tag) << 16;
            bitmap[(first >> shift) as usize..=((first | 0xffff) >> shift) as usize].fill(u64::MAX);
        }
        coarse.sort_unstable();
        let (coarse, coarse_ids) = coarse.into_iter().unzip();
        anchors.sort_unstable();
        let (tags, ids): (Vec<u32>, Vec<u32>) = anchors.into_iter().unzip();
        // About one tag for each place.
        let depth = tags.len().max(1).ilog2().max(1);
        let spread = 32 - depth;
        let mut places = vec![0; (1 << depth) + 1];
        tags.iter().for_each(|tag| places[(tag >> spread) as usize + 1] += 1);
        for n in 0..1 << depth {
            places[n + 1] += places[n];
        }
        let (tier, key, gate) = (Tier::detect(), key | 1, None);
        Anchors { tier, key, shift, bitmap, tags, ids, spread, places, gate, coarse, coarse_ids }
    }

    /// The same anchors, of which it is known that each begins with a difference out of `gate`: [`Anchors::differences`] passes over all others.
    pub fn gated(mut self, gate: ByteSet) -> Anchors {
        self.gate = Some(gate);
        self
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.coarse.is_empty()
    }

    /// The test in front of [`Anchors::check`]; must not be used on an empty set.
    #[inline(always)]
    pub(crate) fn filter(&self) -> Filter<'_> {
        Filter { key: self.key, shift: self.shift, bitmap: &self.bitmap, gate: self.gate.as_ref() }
    }

    /// The ids whose tag fits the eight bytes, which are little-endian; none of a coarse anchor.
    #[inline]
    pub fn ids(&self, bytes: u64) -> &[u32] {
        if self.is_empty() || !self.filter().maybe(bytes) { &[] } else { self.fitting(bytes) }
    }

    /// Calls `found` for every place of `bytes` where eight differences in a row fit a tag, with the ids: a difference is a byte XOR the one
    /// `APART` bytes on, 1 to 4. Eight zeros fit none.
    pub fn differences<const APART: usize>(&self, bytes: &[u8], mut found: impl FnMut(usize, &[u32])) {
        const { assert!(0 < APART && APART <= APART_MAX, "a block holds all that its places look at") };
        if self.is_empty() {
            return;
        }
        let last = bytes.len().saturating_sub(7 + APART);
        let mut padded = [0; PLACES + REACH];
        for from in (0..last).step_by(PLACES) {
            // What passes cannot be predicted, so there is no branch on a single place.
            let block = bytes[from..].first_chunk().unwrap_or_else(|| {
                padded[..bytes.len() - from].copy_from_slice(&bytes[from..]);
                &padded
            });
            let mut passed = self.tier.passing::<APART>(self.filter(), block);
            if last - from < PLACES {
                passed &= (1 << (last - from)) - 1;
            }
            while passed != 0 {
                let at = from + passed.trailing_zeros() as usize;
                passed &= passed - 1;
                let word = word::<APART>(bytes, at);
                let ids = if word == 0 { &[] } else { self.fitting(word) };
                if !ids.is_empty() {
                    found(at, ids);
                }
            }
        }
    }

    fn fitting(&self, bytes: u64) -> &[u32] {
        let tag = mix(self.key, bytes);
        let place = (tag >> self.spread) as usize;
        let range = self.places[place] as usize..self.places[place + 1] as usize;
        let tags = &self.tags[range.clone()];
        let from = tags.iter().take_while(|there| **there < tag).count();
        let len = tags[from..].iter().take_while(|there| **there == tag).count();
        &self.ids[range][from..from + len]
    }

    /// Adds a hit at `at` for every anchor whose tag fits the eight bytes.
    pub(crate) fn check(&self, bytes: u64, at: usize, hits: &mut Vec<Hit>) {
        let hit = |id: &u32| Hit { at, what: What::Anchor(*id) };
        hits.extend(self.fitting(bytes).iter().map(hit));
        if !self.coarse.is_empty() {
            let tag = (mix(self.key, bytes) >> 16) as u16;
            let from = self.coarse.partition_point(|there| *there < tag);
            let len = self.coarse[from..].iter().take_while(|there| **there == tag).count();
            hits.extend(self.coarse_ids[from..from + len].iter().map(hit));
        }
    }

    /// Memory of the tables, in bytes.
    pub fn memory(&self) -> usize {
        self.bitmap.len() * 8 + self.tags.len() * 8 + self.places.len() * 4 + self.coarse.len() * 6
    }
}

/// The bitmap of a set of anchors, at hand for a loop.
#[derive(Clone, Copy)]
pub(crate) struct Filter<'a> {
    pub(crate) key: u64,
    /// Less than 32, and no word is farther than `u32::MAX >> shift`.
    pub(crate) shift: u32,
    pub(crate) bitmap: &'a [u64],
    pub(crate) gate: Option<&'a ByteSet>,
}

impl Filter<'_> {
    /// Whether the bitmap has the eight bytes.
    #[inline(always)]
    pub(crate) fn maybe(self, bytes: u64) -> bool {
        self.has(self.tag(bytes))
    }

    /// The tag of eight bytes.
    #[inline(always)]
    pub(crate) fn tag(self, bytes: u64) -> u32 {
        mix(self.key, bytes)
    }

    /// Whether the bitmap has a tag.
    #[inline(always)]
    pub(crate) fn has(self, tag: u32) -> bool {
        has(self.bitmap[(tag >> self.shift) as usize], tag)
    }
}

/// Whether a word of a bitmap has the two bits of a tag.
#[inline(always)]
pub(crate) fn has(word: u64, tag: u32) -> bool {
    let (first, second) = bits_of(tag);
    word >> first & word >> second & 1 != 0
}

/// The keyed tag under which an anchor is compiled: 32 bits of a keyed mix of its eight bytes.
///
/// The mix alone is no one-way function; half of it is thrown away here, so that a tag says at most 32 bits about the bytes to
/// whoever has the key.
pub fn anchor_tag(key: u64, bytes: [u8; 8]) -> u32 {
    mix(key | 1, u64::from_le_bytes(bytes))
}

/// Places that are looked at at once, and the bytes behind the last one that belong to it.
pub(crate) const PLACES: usize = 64;
pub(crate) const REACH: usize = 16;

/// See [`Anchors::differences`].
const APART_MAX: usize = REACH - 8 - 4;

/// Eight differences from `at` on.
#[inline(always)]
fn word<const APART: usize>(bytes: &[u8], at: usize) -> u64 {
    let eight = |at: usize| u64::from_le_bytes(*bytes[at..].first_chunk().expect("eight bytes are there"));
    eight(at) ^ eight(at + APART)
}

/// Which of the places `some` the filter lets through.
#[inline(always)]
pub(crate) fn passing_of<const APART: usize>(
    filter: Filter<'_>,
    block: &[u8; PLACES + REACH],
    mut some: u64,
) -> u64 {
    let mut passed = 0;
    while some != 0 {
        let at = some.trailing_zeros() as usize;
        some &= some - 1;
        passed |= u64::from(filter.maybe(word::<APART>(block, at))) << at;
    }
    passed
}

/// The definition of what a tier tells of a block: a bit for each place that gate and filter let through.
pub(crate) fn passing<const APART: usize>(filter: Filter<'_>, block: &[u8; PLACES + REACH]) -> u64 {
    let begins = |gate: &ByteSet| {
        let bit = |at: usize| u64::from(gate.contains(block[at] ^ block[at + APART])) << at;
        (0..PLACES).map(bit).fold(0, |mask, bit| mask | bit)
    };
    passing_of::<APART>(filter, block, filter.gate.map_or(u64::MAX, begins))
}

#[inline(always)]
fn mix(key: u64, bytes: u64) -> u32 {
    let product = bytes.wrapping_mul(key);
    ((product ^ (product >> 32)).wrapping_mul(key) >> 32) as u32
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
            bytes in proptest::collection::vec(any::<u8>(), PLACES + REACH), key: u64, few in 1usize..400,
            at in 0..PLACES, gate in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let block: &[u8; PLACES + REACH] = bytes.first_chunk().expect("a block was made");
            // Dense enough that a part of the places pass.
            let tags = (0..few as u32).map(|n| (n.wrapping_mul(0x9e37_79b9), n));
            let one = [word::<1>(block, at), word::<4>(block, at)];
            let one = one.map(|word| (anchor_tag(key, word.to_le_bytes()), 0));
            let anchors = Anchors::new(key, tags.chain(one).collect());
            let mut gate = ByteSet::new(&gate);
            gate.insert(block[at] ^ block[at + 1]);
            gate.insert(block[at] ^ block[at + 4]);
            for mut anchors in [anchors.clone(), anchors.gated(gate)] {
                for tier in Tier::all() {
                    anchors.tier = tier;
                    let passed =
                        [tier.passing::<1>(anchors.filter(), block), tier.passing::<4>(anchors.filter(), block)];
                    let want = [passing::<1>(anchors.filter(), block), passing::<4>(anchors.filter(), block)];
                    prop_assert_eq!(passed, want);
                    prop_assert!(passed.iter().all(|passed| passed >> at & 1 != 0));
                }
            }
        }
    }

    #[test]
    fn differences_are_found_whatever_all_bytes_were_xored_with() {
        let value = b"nine or more bytes";
        let eight: Vec<u8> = value.windows(2).skip(3).take(8).map(|two| two[0] ^ two[1]).collect();
        let tag = anchor_tag(41, *eight.first_chunk().expect("there are eight"));
        // Equal bytes have no place even if a tag says so.
        let anchors = Anchors::new(41, vec![(tag, 7), (anchor_tag(41, [0; 8]), 8)]);
        for key in 0..=255 {
            let xored: Vec<u8> = value.iter().map(|b| b ^ key).collect();
            let bytes = [&[key; 120][..], &xored, b"."].concat();
            let mut found = Vec::new();
            anchors.differences::<1>(&bytes, |at, ids| found.push((at, ids.to_vec())));
            assert_eq!(found, [(123, vec![7])], "key {key}");
            anchors.differences::<1>(&bytes[..131], |at, _| panic!("the ninth byte is missing at {at}"));
        }
        for key in [0, 77] {
            // In base64 the key comes back every four characters.
            let tag = anchor_tag(41, *b"abcdefgh");
            let mut bytes: Vec<u8> = (0..200).map(|n| n as u8 ^ key).collect();
            for n in 0..8 {
                bytes[84 + n + 4] = bytes[84 + n] ^ b"abcdefgh"[n];
            }
            let mut found = Vec::new();
            Anchors::new(41, vec![(tag, 9)])
                .differences::<4>(&bytes, |at, ids| found.push((at, ids.to_vec())));
            assert_eq!(found, [(84, vec![9])]);
        }
        Anchors::default().differences::<1>(value, |_, _| panic!("there are no anchors"));
    }
}
