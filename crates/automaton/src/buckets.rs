//! [`Buckets`]: which bytes literals begin with, in a form that vectors can test.

/// For each of the first places of a literal, the set of bytes there, literals being spread over eight buckets: a position passes if
/// one bucket has all of its bytes. Gated and loose literals have eight each.
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
    pub(crate) gated: Halves,
    pub(crate) loose: Halves,
    pub(crate) gated_seven: Seven,
    pub(crate) loose_seven: Seven,
}

/// Bucket bits by low nibble and by high nibble, per place.
#[derive(Clone, Debug)]
pub(crate) struct Halves {
    pub(crate) low: [[u8; 16]; PLACES],
    pub(crate) high: [[u8; 16]; PLACES],
}

/// Bytes of a literal that are tested by their nibbles. A fourth one costs more than what it keeps out.
pub(crate) const PLACES: usize = 3;

/// Bytes of a literal that are tested by their low seven bits.
pub(crate) const SEVEN_PLACES: usize = 4;

/// Bucket bits by the low seven bits, per place.
#[derive(Clone, Debug)]
pub(crate) struct Seven {
    pub(crate) tables: [[u8; 128]; SEVEN_PLACES],
    /// Whether there are no literals.
    #[cfg_attr(not(any(target_arch = "x86_64", test)), expect(dead_code, reason = "one tier asks for it"))]
    pub(crate) is_empty: bool,
}

/// How often a byte stands in text, roughly, and which are such: what a bucket lets through is weighed by it.
const WEIGHTS: [(f32, u128); 6] = {
    let mut weights = [(6.0, 0), (2.5, 0), (1.5, 0), (0.8, 0), (0.7, 0), (0.1, 0)];
    let mut byte = 0;
    while byte < 128 {
        let kind = match byte as u8 {
            b'a' | b'e' | b'i' | b'n' | b'o' | b'r' | b's' | b't' => 0,
            b'a'..=b'z' => 1,
            b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b' ' => 2,
            b'A'..=b'Z' => 3,
            b'!'..=b'~' => 4,
            _ => 5,
        };
        weights[kind].1 |= 1u128 << byte;
        byte += 1;
    }
    weights
};

/// How often a byte of a set stands in text: a part of one.
fn weight(set: u128) -> f32 {
    let sum = |of: u128| -> f32 {
        WEIGHTS.iter().map(|(weight, bytes)| weight * (bytes & of).count_ones() as f32).sum()
    };
    sum(set) / sum(u128::MAX)
}

/// What a bucket is made of, as sets, by place.
trait Content: Copy + Default {
    fn add(&mut self, quad: u32);

    fn with(&self, other: &Self) -> Self;

    /// How often it lets a position of text through.
    fn passes(&self) -> f32;
}

/// The nibbles of its literals.
#[derive(Clone, Copy, Default)]
struct Nibbles {
    low: [u16; PLACES],
    high: [u16; PLACES],
}

impl Content for Nibbles {
    fn add(&mut self, quad: u32) {
        for (place, byte) in quad.to_le_bytes().into_iter().take(PLACES).enumerate() {
            self.low[place] |= 1 << (byte & 15);
            self.high[place] |= 1 << (byte >> 4);
        }
    }

    fn with(&self, other: &Nibbles) -> Nibbles {
        let both = |a: &[u16; PLACES], b: &[u16; PLACES]| std::array::from_fn(|place| a[place] | b[place]);
        Nibbles { low: both(&self.low, &other.low), high: both(&self.high, &other.high) }
    }

    fn passes(&self) -> f32 {
        let passes = |place: usize| {
            let low = u128::from(self.low[place]);
            let row = |high: usize| if self.high[place] >> high & 1 != 0 { low << (16 * high) } else { 0 };
            weight((0..8).map(row).fold(0, |set, row| set | row))
        };
        (0..PLACES).map(passes).product()
    }
}

/// The low seven bits of its literals.
#[derive(Clone, Copy, Default)]
struct Sevens([u128; SEVEN_PLACES]);

impl Content for Sevens {
    fn add(&mut self, quad: u32) {
        for (set, byte) in self.0.iter_mut().zip(quad.to_le_bytes()) {
            *set |= 1 << (byte & 127);
        }
    }

    fn with(&self, other: &Sevens) -> Sevens {
        Sevens(std::array::from_fn(|place| self.0[place] | other.0[place]))
    }

    fn passes(&self) -> f32 {
        self.0.iter().map(|set| weight(*set)).product()
    }
}

/// Buckets of each kind.
const BUCKETS: usize = 8;

/// The literals in at most [`BUCKETS`] buckets: those that begin with the same byte together, and then, again and
/// again, the two whose union lets the least more through.
fn spread<C: Content>(quads: &[u32]) -> Vec<C> {
    let mut by_first = std::collections::BTreeMap::<u8, C>::new();
    for quad in quads {
        by_first.entry(*quad as u8).or_default().add(*quad);
    }
    // None where it was united with another one; and how much more the union of two lets through than they do.
    let mut contents: Vec<Option<(C, f32)>> = by_first.into_values().map(|c| Some((c, c.passes()))).collect();
    let len = contents.len();
    let more = |contents: &[Option<(C, f32)>], a: usize, b: usize| match (&contents[a], &contents[b]) {
        (Some((first, one)), Some((second, other))) => first.with(second).passes() - one - other,
        _ => f32::INFINITY,
    };
    let mut pairs = vec![f32::INFINITY; len * len];
    for (a, b) in (0..len).flat_map(|b| (0..b).map(move |a| (a, b))) {
        pairs[a * len + b] = more(&contents, a, b);
    }
    let mut left = len;
    while left > BUCKETS {
        let least = pairs.iter().enumerate().min_by(|x, y| x.1.total_cmp(y.1)).map_or(0, |(at, _)| at);
        let (a, b) = (least / len, least % len);
        if let (Some((first, _)), Some((second, _))) = (contents[a], contents[b].take()) {
            let union = first.with(&second);
            contents[a] = Some((union, union.passes()));
        }
        left -= 1;
        for other in 0..len {
            pairs[other.min(b) * len + other.max(b)] = f32::INFINITY;
            if other != a && other != b {
                pairs[other.min(a) * len + other.max(a)] = more(&contents, other, a);
            }
        }
    }
    contents.iter().flatten().map(|(content, _)| *content).collect()
}

impl Buckets {
    /// Spreads the beginnings of literals, four bytes each, over buckets.
    pub(crate) fn new(gated: &[u32], loose: &[u32]) -> Buckets {
        Buckets {
            gated: Halves::new(gated),
            loose: Halves::new(loose),
            gated_seven: Seven::new(gated),
            loose_seven: Seven::new(loose),
        }
    }

    /// The tables as bytes, of which [`Buckets::from_bytes`] makes them again.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let halves = [&self.gated, &self.loose].into_iter().flat_map(|halves| [&halves.low, &halves.high]);
        let mut bytes: Vec<u8> = halves.flatten().flatten().copied().collect();
        for seven in [&self.gated_seven, &self.loose_seven] {
            seven.tables.iter().for_each(|table| bytes.extend(table));
        }
        bytes
    }

    /// The tables of such bytes; none if they are not tables, or would pass over one of the literals that begin like this.
    pub(crate) fn from_bytes(bytes: &[u8], gated: &[u32], loose: &[u32]) -> Option<Buckets> {
        let mut rest = bytes;
        let seven = |quads: &[u32]| Seven { tables: [[0; 128]; SEVEN_PLACES], is_empty: quads.is_empty() };
        let mut buckets = Buckets {
            gated: Halves::empty(),
            loose: Halves::empty(),
            gated_seven: seven(gated),
            loose_seven: seven(loose),
        };
        fn take<const N: usize>(table: &mut [u8; N], rest: &mut &[u8]) -> Option<()> {
            let (first, more) = rest.split_first_chunk()?;
            (*table, *rest) = (*first, more);
            Some(())
        }
        for halves in [&mut buckets.gated, &mut buckets.loose] {
            halves.low.iter_mut().try_for_each(|table| take(table, &mut rest))?;
            halves.high.iter_mut().try_for_each(|table| take(table, &mut rest))?;
        }
        for seven in [&mut buckets.gated_seven, &mut buckets.loose_seven] {
            seven.tables.iter_mut().try_for_each(|table| take(table, &mut rest))?;
        }
        let have = |quads: &[u32], halves: &Halves, seven: &Seven| {
            quads.iter().all(|quad| halves.of(&quad.to_le_bytes()) != 0 && seven.has(*quad))
        };
        let sound = have(gated, &buckets.gated, &buckets.gated_seven)
            && have(loose, &buckets.loose, &buckets.loose_seven);
        (rest.is_empty() && sound).then_some(buckets)
    }
}

impl Halves {
    /// Spreads beginnings, of whose four bytes three count, over the buckets.
    pub(crate) fn new(quads: &[u32]) -> Halves {
        let mut halves = Halves::empty();
        for (bucket, content) in spread::<Nibbles>(quads).iter().enumerate() {
            let bit = 1u8 << bucket;
            for place in 0..PLACES {
                for nibble in 0..16 {
                    let has = |set: u16| if set >> nibble & 1 != 0 { bit } else { 0 };
                    halves.low[place][nibble] |= has(content.low[place]);
                    halves.high[place][nibble] |= has(content.high[place]);
                }
            }
        }
        halves
    }

    fn empty() -> Halves {
        Halves { low: [[0; 16]; PLACES], high: [[0; 16]; PLACES] }
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

impl Seven {
    fn new(quads: &[u32]) -> Seven {
        let mut seven = Seven { tables: [[0; 128]; SEVEN_PLACES], is_empty: quads.is_empty() };
        for (bucket, content) in spread::<Sevens>(quads).iter().enumerate() {
            for (table, set) in seven.tables.iter_mut().zip(content.0) {
                for (byte, bits) in table.iter_mut().enumerate() {
                    *bits |= u8::from(set >> byte & 1 != 0) << bucket;
                }
            }
        }
        seven
    }

    /// Whether a bucket has these four bytes.
    fn has(&self, quad: u32) -> bool {
        let bytes = quad.to_le_bytes();
        let bits = |place: usize| self.tables[place][usize::from(bytes[place] & 127)];
        (0..SEVEN_PLACES).fold(u8::MAX, |all, place| all & bits(place)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quads(words: &[&str]) -> Vec<u32> {
        words
            .iter()
            .map(|word| u32::from_le_bytes(*word.as_bytes().first_chunk().expect("four bytes")))
            .collect()
    }

    #[test]
    fn every_literal_is_in_a_bucket_of_its_kind() {
        let gated = quads(&["ghp_", "glpa", "sk-a", "AKIA", "npm_", "xoxb", "AIza", "ya29", "pypi", "dckr"]);
        let loose = quads(&["key:", "toke", "secr", "pass", "://a", "api_", "auth", "cred", "acce", "bear"]);
        for (gated, loose) in [(&gated[..], &loose[..]), (&gated, &[]), (&[], &loose), (&[], &[])] {
            let buckets = Buckets::new(gated, loose);
            for (quads, halves) in [(gated, &buckets.gated), (loose, &buckets.loose)] {
                for quad in quads {
                    assert!(halves.of(&quad.to_le_bytes()) != 0, "{quad:x}");
                }
            }
            for (quads, seven) in [(gated, &buckets.gated_seven), (loose, &buckets.loose_seven)] {
                assert_eq!(seven.is_empty, quads.is_empty());
                quads.iter().for_each(|quad| assert!(seven.has(*quad), "{quad:x}"));
            }
            let bytes = buckets.to_bytes();
            let again = Buckets::from_bytes(&bytes, gated, loose).expect("tables were written");
            assert_eq!(again.to_bytes(), bytes);
            for len in [0, 1, bytes.len() - 1] {
                assert!(Buckets::from_bytes(&bytes[..len], gated, loose).is_none());
            }
            // A literal that no bucket has would be passed over for ever.
            let other = [gated, &[u32::from_le_bytes([0xc3; 4])]].concat();
            assert!(Buckets::from_bytes(&bytes, &other, loose).is_none());
        }
    }

    #[test]
    fn little_else_is() {
        let words = ["ghp_", "glpa", "sk-a", "AKIA", "npm_", "xoxb", "AIza", "ya29", "pypi", "dckr"];
        let halves = Halves::new(&quads(&words));
        let text = b"const client = new Client({ region: process.env.REGION, retries: 3, timeout: 1000 })";
        assert!(text.windows(3).filter(|three| halves.of(three) != 0).count() <= 3);
    }
}
