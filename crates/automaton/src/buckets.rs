//! [`Buckets`]: which bytes literals begin with, in a form that vectors can test.

/// For each of the first three places of a literal, the set of bytes there, literals being spread over eight buckets: a position passes if
/// one bucket has all three of its bytes.
///
/// ```text
///            place 0         place 1         place 2
/// byte   ->  bucket bits  &  bucket bits  &  bucket bits
/// ```
///
/// Vectors test a byte by its nibbles: bits of the low nibble AND bits of the high one, which lets some more bytes through.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    /// Bucket bits by low nibble and by high nibble, per place.
    pub(crate) low: [[u8; 16]; PLACES],
    pub(crate) high: [[u8; 16]; PLACES],
}

/// Bytes of a literal that are tested. A fourth one costs more than what it keeps out.
pub(crate) const PLACES: usize = 3;

/// The buckets of gated literals.
pub(crate) const GATED: u8 = 0x3f;
/// The buckets of those that may stand anywhere.
pub(crate) const LOOSE: u8 = 0xc0;

impl Buckets {
    /// Spreads the beginnings of literals, four bytes each, over the buckets of their kind by their first byte.
    pub(crate) fn new(gated: &[u32], loose: &[u32]) -> Buckets {
        let mut buckets = Buckets { low: [[0; 16]; PLACES], high: [[0; 16]; PLACES] };
        for (quads, bits) in [(gated, GATED), (loose, LOOSE)] {
            let mut firsts: Vec<u8> = quads.iter().map(|q| *q as u8).collect();
            firsts.sort_unstable();
            firsts.dedup();
            for quad in quads {
                let bytes = quad.to_le_bytes();
                let rank = firsts.binary_search(&bytes[0]).unwrap_or(0);
                let bucket = rank * bits.count_ones() as usize / firsts.len();
                let bit = 1u8 << (bits.trailing_zeros() as usize + bucket);
                for (place, byte) in bytes.into_iter().take(PLACES).enumerate() {
                    buckets.low[place][usize::from(byte & 15)] |= bit;
                    buckets.high[place][usize::from(byte >> 4)] |= bit;
                }
            }
        }
        buckets
    }

    /// The buckets that have the three bytes.
    #[inline(always)]
    pub(crate) fn of(&self, bytes: &[u8]) -> u8 {
        let bits = |place: usize| {
            let b = bytes[place];
            self.low[place][usize::from(b & 15)] & self.high[place][usize::from(b >> 4)]
        };
        bits(0) & bits(1) & bits(2)
    }
}
