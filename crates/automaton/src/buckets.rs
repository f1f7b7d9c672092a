//! [`Buckets`]: which bytes gated literals begin with, in a form that vectors can test.

/// For each of the first four places of a literal, the set of bytes there, literals being spread over eight buckets: a position passes if
/// one bucket has all four of its bytes.
///
/// ```text
///            place 0         place 1         place 2         place 3
/// byte   ->  bucket bits  &  bucket bits  &  bucket bits  &  bucket bits   != 0
/// ```
///
/// Vectors test a byte by its nibbles: bits of the low nibble AND bits of the high one, which lets some more bytes through.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    /// Bucket bits by low nibble and by high nibble, per place.
    pub(crate) low: [[u8; 16]; PLACES],
    pub(crate) high: [[u8; 16]; PLACES],
}

/// Bytes of a literal that are tested.
pub(crate) const PLACES: usize = 4;

impl Buckets {
    /// Spreads the beginnings of literals, four bytes each, over the buckets by their first byte.
    pub(crate) fn new(quads: &[u32]) -> Buckets {
        let mut firsts: Vec<u8> = quads.iter().map(|q| *q as u8).collect();
        firsts.sort_unstable();
        firsts.dedup();
        let mut buckets = Buckets { low: [[0; 16]; PLACES], high: [[0; 16]; PLACES] };
        for quad in quads {
            let bytes = quad.to_le_bytes();
            let rank = firsts.binary_search(&bytes[0]).unwrap_or(0);
            let bit = 1u8 << (rank * 8 / firsts.len().max(1));
            for (place, byte) in bytes.into_iter().take(PLACES).enumerate() {
                buckets.low[place][usize::from(byte & 15)] |= bit;
                buckets.high[place][usize::from(byte >> 4)] |= bit;
            }
        }
        buckets
    }

    /// Whether the four bytes may begin a literal.
    #[inline(always)]
    pub(crate) fn maybe(&self, bytes: &[u8]) -> bool {
        let bits = |place: usize| {
            let b = bytes[place];
            self.low[place][usize::from(b & 15)] & self.high[place][usize::from(b >> 4)]
        };
        bits(0) & bits(1) & bits(2) & bits(3) != 0
    }
}
