//! [`Buckets`]: which bytes literals begin with, in a form that vectors can test.

/// For each of the first three places of a literal, the set of bytes there, literals being spread over eight buckets: a position passes if
/// one bucket has all three of its bytes.
///
/// ```text
///            place 0         place 1         place 2
/// byte   ->  bucket bits  &  bucket bits  &  bucket bits
/// ```
///
/// Vectors test a byte by its nibbles: bits of the low nibble AND bits of the high one, which lets some more bytes through. Those that can look up 128 entries
/// test it by its low seven bits, which lets through hardly anything more in text.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    /// Bucket bits by low nibble and by high nibble, per place.
    pub(crate) low: [[u8; 16]; PLACES],
    pub(crate) high: [[u8; 16]; PLACES],
    /// Bucket bits by the low seven bits.
    pub(crate) seven: [[u8; 128]; PLACES],
}

/// Bytes of a literal that are tested. A fourth one costs more than what it keeps out.
pub(crate) const PLACES: usize = 3;

/// The buckets of gated literals.
pub(crate) const GATED: u8 = 0x3f;
/// The buckets of those that may stand anywhere.
pub(crate) const LOOSE: u8 = 0xc0;

/// How often a byte stands in text, roughly: what a bucket lets through is weighed by it.
const fn weight(byte: u8) -> f32 {
    match byte {
        b'a' | b'e' | b'i' | b'n' | b'o' | b'r' | b's' | b't' => 6.0,
        b'a'..=b'z' => 2.5,
        b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b' ' => 1.5,
        b'A'..=b'Z' => 0.8,
        b'!'..=b'~' => 0.7,
        _ => 0.1,
    }
}

/// What a bucket is made of: the nibbles of its literals and their low seven bits, as sets, by place.
#[derive(Clone, Copy, Default)]
struct Content {
    low: [u16; PLACES],
    high: [u16; PLACES],
    seven: [u128; PLACES],
}

impl Content {
    fn add(&mut self, quad: u32) {
        for (place, byte) in quad.to_le_bytes().into_iter().take(PLACES).enumerate() {
            self.low[place] |= 1 << (byte & 15);
            self.high[place] |= 1 << (byte >> 4);
            self.seven[place] |= 1 << (byte & 127);
        }
    }

    fn with(&self, other: &Content) -> Content {
        let both = |a: &[u16; PLACES], b: &[u16; PLACES]| std::array::from_fn(|place| a[place] | b[place]);
        let seven = std::array::from_fn(|place| self.seven[place] | other.seven[place]);
        Content { low: both(&self.low, &other.low), high: both(&self.high, &other.high), seven }
    }

    /// How often it lets a position of text through.
    fn passes(&self) -> f32 {
        let passes = |place: usize| -> f32 {
            let has = |b: &u8| self.low[place] >> (b & 15) & 1 != 0 && self.high[place] >> (b >> 4) & 1 != 0;
            (0..=127).filter(has).map(weight).sum()
        };
        (0..PLACES).map(passes).product()
    }
}

/// The literals in at most `most` buckets: those that begin with the same byte together, and then, again and again, the two whose union lets the least
/// more through.
fn spread(quads: &[u32], most: usize) -> Vec<Content> {
    let mut by_first = std::collections::BTreeMap::<u8, Content>::new();
    for quad in quads {
        by_first.entry(*quad as u8).or_default().add(*quad);
    }
    let mut contents: Vec<(Content, f32)> = by_first.into_values().map(|c| (c, c.passes())).collect();
    while contents.len() > most {
        let pairs = (1..contents.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
        let more = |&(a, b): &(usize, usize)| {
            contents[a].0.with(&contents[b].0).passes() - contents[a].1 - contents[b].1
        };
        let weighed = pairs.map(|pair| (more(&pair), pair));
        let Some((_, (a, b))) = weighed.min_by(|x, y| x.0.total_cmp(&y.0)) else { break };
        let other = contents.swap_remove(b).0;
        let union = contents[a].0.with(&other);
        contents[a] = (union, union.passes());
    }
    contents.into_iter().map(|(content, _)| content).collect()
}

impl Buckets {
    /// Spreads the beginnings of literals, four bytes each, over the buckets of their kind.
    pub(crate) fn new(gated: &[u32], loose: &[u32]) -> Buckets {
        Buckets::of_kinds(&[(gated, GATED), (loose, LOOSE)])
    }

    /// Spreads beginnings, of whose four bytes three count, over all buckets.
    pub(crate) fn of_all(quads: &[u32]) -> Buckets {
        Buckets::of_kinds(&[(quads, GATED | LOOSE)])
    }

    fn of_kinds(kinds: &[(&[u32], u8)]) -> Buckets {
        let mut buckets =
            Buckets { low: [[0; 16]; PLACES], high: [[0; 16]; PLACES], seven: [[0; 128]; PLACES] };
        for &(quads, bits) in kinds {
            for (bucket, content) in spread(quads, bits.count_ones() as usize).iter().enumerate() {
                let bit = 1u8 << (bits.trailing_zeros() as usize + bucket);
                for place in 0..PLACES {
                    for nibble in 0..16 {
                        let has = |set: u16| if set >> nibble & 1 != 0 { bit } else { 0 };
                        buckets.low[place][nibble] |= has(content.low[place]);
                        buckets.high[place][nibble] |= has(content.high[place]);
                    }
                    for (byte, bits) in buckets.seven[place].iter_mut().enumerate() {
                        *bits |= if content.seven[place] >> byte & 1 != 0 { bit } else { 0 };
                    }
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
