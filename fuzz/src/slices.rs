//! [`Slices`]: ways to cut bytes that are kept as a few numbers.

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_testing::Rng;
use exfilter_testing::split::{self, Chunks};

/// How bytes of any length are cut.
#[derive(Clone, Copy, Debug)]
pub enum Slices {
    /// Pieces of one size.
    Every(usize),
    /// Two pieces.
    Two(usize),
    /// Pieces of up to `max` bytes, some of them empty.
    Random {
        /// What the lengths follow from.
        seed: u64,
        /// The longest one.
        max: usize,
    },
}

/// From this length on, pieces have a few bytes at least: what byte by byte shows is shown by less.
const LONG: usize = 4 << 10;

impl Slices {
    /// Lengths that add up to `len`.
    pub fn of(self, len: usize) -> Chunks {
        let least = if len > LONG { 17 } else { 1 };
        match self {
            Slices::Every(size) => split::every(len, size.max(least)),
            Slices::Two(at) => split::two(len, at % (len + 1)),
            Slices::Random { seed, max } => split::random(&mut Rng::new(seed), len, max.max(2 * least)),
        }
    }
}

impl<'a> Arbitrary<'a> for Slices {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Slices> {
        Ok(match u.int_in_range(0..=3u8)? {
            0 => Slices::Every(1),
            1 => Slices::Every(u.int_in_range(2..=129)?),
            2 => Slices::Two(u.arbitrary::<u16>()?.into()),
            _ => Slices::Random {
                seed: u.arbitrary::<u16>()?.into(),
                max: *u.choose(&[3, 20, 65, 300, 2000, 20_000])?,
            },
        })
    }
}

/// `bytes` in pieces.
pub fn cut<'a>(bytes: &'a [u8], cuts: &Chunks) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    cuts.iter()
        .map(|n| {
            let (piece, after) = rest.split_at(*n);
            rest = after;
            piece
        })
        .collect()
}
