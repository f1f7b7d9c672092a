//! [`Quads`]: at which alignments base64 characters may decode to text, and whether something with certain beginnings may stand in what they decode to.
//!
//! ```text
//! characters   c0       c1       c2       c3         a quad is ASCII text if the highest bit of each byte is clear:
//! bits         Aaaaaa   aaBbbb   bbbbCc   cccccc     bit 5 of c0, bit 3 of c1, bit 1 of c2
//!
//! byte 0 = c0, c1        each of the four alignments has every third of the bytes that two neighbours stand for in these three ways;
//! byte 1 = c1, c2        three bytes in a row are three ways in turn, and c0 of the next quad stands two characters behind c2
//! byte 2 = c2, c3
//! ```

use crate::arch::Tier;
use crate::buckets::Halves;
use crate::class::is_base64;

/// Bytes that [`Quads::look`] asks for beginnings of, behind which may stand anything.
pub type Triple = [u8; 3];

/// What [`Quads::look`] saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The alignments, as bits, at which three quads of ASCII text may stand; the last of the nine bytes may be missing.
    pub texts: u8,
    /// Whether one of the triples may stand at some alignment.
    pub triples: bool,
}

/// Compiled triples. Both answers may be yes too often, never no.
#[derive(Clone, Debug)]
pub struct Quads {
    pub(crate) tier: Tier,
    buckets: Halves,
}

/// The value of what stands behind the last character: no part of text.
pub(crate) const PADDING: u8 = 63;

impl Quads {
    /// The most characters that can be looked at.
    pub const MAX: usize = 640;

    /// Compiles triples.
    #[must_use]
    pub fn new(triples: &[Triple]) -> Quads {
        let words: Vec<u32> = triples.iter().map(|&[a, b, c]| u32::from_le_bytes([a, b, c, 0])).collect();
        Quads { tier: Tier::detect(), buckets: Halves::new(&words) }
    }

    /// Looks at a run of base64 characters of either alphabet, mixed or not. Alignment `n` is that of quads of which one begins `n` characters after
    /// the beginning of `run`.
    ///
    /// # Panics
    ///
    /// If there are more than [`Quads::MAX`].
    #[must_use]
    pub fn look(&self, run: &[u8]) -> Seen {
        assert!(run.len() <= Quads::MAX, "so many characters are not looked at");
        debug_assert!(run.iter().all(|byte| is_base64(*byte)), "only base64 characters have a value");
        self.tier.quads(run, &self.buckets)
    }
}

/// The definition, a character at a time, which the other tiers must agree with.
pub(crate) fn look(run: &[u8], buckets: &Halves) -> Seen {
    let value = |at: usize| run.get(at).map_or(PADDING, |char| value(*char));
    let mut seen = Seen::default();
    for at in 0..run.len() {
        let [v0, v1, v2, v3, v4] = [0, 1, 2, 3, 4].map(|n| value(at + n));
        let clear = |from: usize, bit: u8| [0, 4, 8].iter().all(|quad| value(at + from + quad) & bit == 0);
        if clear(0, 1 << 5) && clear(1, 1 << 3) && clear(2, 1 << 1) {
            seen.texts |= 1 << (at % 4);
        }
        let first = |a: u8, b: u8| a << 2 | b >> 4;
        let second = |a: u8, b: u8| a << 4 | b >> 2;
        let third = |a: u8, b: u8| a << 6 | b;
        seen.triples |= buckets.of(&[first(v0, v1), second(v1, v2), third(v2, v3)]) != 0
            || buckets.of(&[second(v0, v1), third(v1, v2), first(v3, v4)]) != 0
            || buckets.of(&[third(v0, v1), first(v2, v3), second(v3, v4)]) != 0;
    }
    seen
}

/// The six bits of a base64 character.
pub(crate) const fn value(char: u8) -> u8 {
    match char {
        b'A'..=b'Z' => char - b'A',
        b'a'..=b'z' => char - b'a' + 26,
        b'0'..=b'9' => char - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRIPLES: [Triple; 5] = [*b"\x1f\x8b\x08", *b"PK\x03", *b"\\u0", *b"%67", *b"\xfd7z"];

    fn encode(bytes: &[u8], before: &[u8]) -> Vec<u8> {
        let alphabet: Vec<u8> = (0u8..=255).filter(|b| is_base64(*b)).collect();
        let char =
            |value: u32| *alphabet.iter().find(|c| u32::from(super::value(**c)) == value).expect("64 values");
        let mut run = before.to_vec();
        for three in bytes.chunks(3) {
            let bits =
                three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
            run.extend([18, 12, 6, 0].iter().take(three.len() + 1).map(|shift| char(bits >> shift & 63)));
        }
        run
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2000,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn tiers_agree(run in "[A-Za-z0-9+/_-]{0,640}") {
            for tier in Tier::all() {
                let quads = Quads { tier, ..Quads::new(&TRIPLES) };
                let portable = Quads { tier: Tier::Portable, ..Quads::new(&TRIPLES) };
                for len in [run.len(), run.len() % 100] {
                    prop_assert_eq!(quads.look(&run.as_bytes()[..len]), portable.look(&run.as_bytes()[..len]));
                }
            }
        }

        #[test]
        fn what_stands_there_is_seen(
            noise in proptest::collection::vec(any::<u8>(), 0..200),
            text in "[ -~]{11}",
            before in "[A-Za-z0-9+/]{0,3}",
            triple in prop::sample::select(TRIPLES.to_vec()),
            at in any::<prop::sample::Index>(),
        ) {
            let at = at.index(noise.len() + 1);
            let with = |what: &[u8]| encode(&[&noise[..at], what, &noise[at..]].concat(), before.as_bytes());
            for tier in Tier::all() {
                let quads = Quads { tier, ..Quads::new(&TRIPLES) };
                prop_assert!(quads.look(&with(&triple)).triples);
                prop_assert!(quads.look(&with(text.as_bytes())).texts >> before.len() & 1 != 0);
            }
        }
    }

    #[test]
    fn little_of_what_stands_for_noise_passes() {
        let quads = Quads::new(&TRIPLES);
        let mut state = 1u64;
        let chars: Vec<u8> = (0..=255).filter(|b| is_base64(*b)).collect();
        let mut run = || -> Vec<u8> {
            (0..40)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    chars[(state >> 33) as usize % chars.len()]
                })
                .collect()
        };
        let passed = (0..1000).filter(|_| quads.look(&run()) != Seen::default()).count();
        assert!(passed < 200, "{passed} of 1000");
    }
}
