//! How far the matches of a block refer back ([RFC 8878 section 3.1.1.3]).
//!
//! ```text
//! +----------+-------------------+-------+---------------------------------+-----------------------------------+
//! | literals | number (1, 2, 3)  | modes | literal lengths, offsets, match | bits, read from the last one back |
//! | section  | of sequences      | (1)   | lengths: what their codes are   |                                   |
//! +----------+-------------------+-------+---------------------------------+-----------------------------------+
//! ```
//!
//! Only offsets are of interest, and most blocks give away with the codes that they use for these that none of them is
//! large. Where one may be, the sequences are read; nothing is decoded.
//!
//! [RFC 8878 section 3.1.1.3]: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.3

use std::borrow::Cow;

use super::fse::{Backwards, Decoding, Distribution};

/// What an offset's value is more than the offset; lower ones stand for offsets that were used before.
const REPEATED: u64 = 3;

/// How far a block refers back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nowhere beyond the window.
    Within,
    /// Beyond the window, in a block whose sequences are well formed.
    Beyond,
    /// The block is none.
    Broken,
}

/// The codes of one of the three kinds of numbers.
#[derive(Clone, Copy)]
enum Codes {
    /// What is used where a block describes none.
    Usual(&'static Decoding),
    One(u8),
    Described(Distribution),
}

impl Codes {
    fn any(&self, is_it: impl Fn(u8) -> bool) -> bool {
        match self {
            Codes::Usual(decoding) => decoding.codes().any(is_it),
            Codes::One(code) => is_it(*code),
            Codes::Described(distribution) => distribution.codes().any(is_it),
        }
    }

    fn decoding(&self) -> Cow<'static, Decoding> {
        match self {
            Codes::Usual(decoding) => Cow::Borrowed(decoding),
            Codes::One(code) => Cow::Owned(Decoding::of_one(*code)),
            Codes::Described(distribution) => Cow::Owned(Decoding::new(distribution)),
        }
    }
}

/// What one of the three kinds of numbers may be.
struct Kind {
    /// The largest code.
    last: u8,
    /// The largest accuracy, as a power of two.
    accuracy: u8,
    /// What is used where a block describes none.
    usual: Decoding,
}

static LITERAL_LENGTHS: Kind = Kind {
    last: 35,
    accuracy: 9,
    usual: Decoding::new(&Distribution::usual(
        6,
        &[
            4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1,
            -1, -1, -1, -1,
        ],
    )),
};

static OFFSETS: Kind = Kind {
    last: 31,
    accuracy: 8,
    usual: Decoding::new(&Distribution::usual(
        5,
        &[1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
    )),
};

static MATCH_LENGTHS: Kind = Kind {
    last: 52,
    accuracy: 9,
    usual: Decoding::new(&Distribution::usual(
        6,
        &[
            1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
        ],
    )),
};

/// The bits that follow the code of a literal length.
fn literal_bits(code: u8) -> u8 {
    match code {
        0..=15 => 0,
        16..=19 => 1,
        20..=21 => 2,
        22..=23 => 3,
        24 => 4,
        _ => code - 19,
    }
}

/// The bits that follow the code of a match length.
fn match_bits(code: u8) -> u8 {
    match code {
        0..=31 => 0,
        32..=35 => 1,
        36..=37 => 2,
        38..=39 => 3,
        40..=41 => 4,
        42 => 5,
        _ => code - 36,
    }
}

/// What the blocks of a frame have described, and later ones may use again.
#[derive(Clone, Copy, Default)]
pub(super) struct Sequences {
    literals: Option<Codes>,
    offsets: Option<Codes>,
    matches: Option<Codes>,
}

/// The sequences of a block.
struct Section<'a> {
    count: u32,
    bits: &'a [u8],
}

/// What was read of them.
struct Read {
    farthest: u64,
    /// Whether there were bits for all of the last one.
    is_whole: bool,
}

impl Sequences {
    /// How far the content of the next compressed block refers back, where `window` bytes are allowed.
    pub(super) fn reach(&mut self, block: &[u8], window: u64) -> Reach {
        let Some(section) = self.section(block) else { return Reach::Broken };
        let is_far = |code| largest(code) > window;
        if section.count == 0 || self.offsets.as_ref().is_some_and(|offsets| !offsets.any(is_far)) {
            return Reach::Within;
        }
        match self.read(&section) {
            Some(read) if read.is_whole && read.farthest <= window => Reach::Within,
            Some(read) if read.is_whole => Reach::Beyond,
            _ => Reach::Broken,
        }
    }

    /// Whether some library may take the last block, which libzstd refuses: it has sequences that refer back `most` bytes at most. Older releases pass over bits
    /// of the modes that must not be set and over the last sequence's missing bits.
    pub(super) fn may_be_read(&mut self, block: &[u8], most: u64) -> bool {
        let Some(section) = self.section(block) else { return false };
        match section.count {
            // Not without any, but with a number that says so in two bytes.
            0 => !section.bits.is_empty(),
            _ => self.read(&section).is_some_and(|read| read.farthest <= most),
        }
    }

    /// Reads what the codes of the next block are.
    fn section<'a>(&mut self, block: &'a [u8]) -> Option<Section<'a>> {
        let section = block.get(literals_len(block)?..)?;
        let (count, mut bits) = match *section {
            [0] => return Some(Section { count: 0, bits: &[] }),
            [0, ..] => return None,
            [count @ ..=0x7f, ref bits @ ..] => (u32::from(count), bits),
            [0xff, low, high, ref bits @ ..] => (u32::from(u16::from_le_bytes([low, high])) + 0x7f00, bits),
            [high @ 0x80..=0xfe, low, ref bits @ ..] => {
                ((u32::from(high) - 0x80) << 8 | u32::from(low), bits)
            }
            _ => return None,
        };
        let modes = *bits.split_off_first()?;
        let kinds = [
            (&mut self.literals, &LITERAL_LENGTHS, modes >> 6),
            (&mut self.offsets, &OFFSETS, modes >> 4 & 3),
            (&mut self.matches, &MATCH_LENGTHS, modes >> 2 & 3),
        ];
        for (codes, kind, mode) in kinds {
            match mode {
                0 => *codes = Some(Codes::Usual(&kind.usual)),
                1 => *codes = Some(Codes::One(*bits.split_off_first().filter(|code| **code <= kind.last)?)),
                2 => {
                    let (distribution, len) = Distribution::parse(bits, kind.last, kind.accuracy)?;
                    *codes = Some(Codes::Described(distribution));
                    bits = &bits[len..];
                }
                _ if codes.is_none() => return None,
                _ => {}
            }
        }
        Some(Section { count, bits })
    }

    /// Reads all sequences; none if there are not bits enough for them, or more.
    fn read(&self, section: &Section<'_>) -> Option<Read> {
        let literals = self.literals.as_ref()?.decoding();
        let offsets = self.offsets.as_ref()?.decoding();
        let matches = self.matches.as_ref()?.decoding();
        let mut bits = Backwards::new(section.bits)?;
        let mut literal = literals.begin(&mut bits)?;
        let mut offset = offsets.begin(&mut bits)?;
        let mut length = matches.begin(&mut bits)?;
        let mut farthest = 0;
        for _ in 1..section.count {
            farthest = farthest.max(far(offset.code, bits.take(offset.code)?));
            bits.skip(match_bits(length.code) + literal_bits(literal.code))?;
            literal = literals.next(literal, &mut bits)?;
            length = matches.next(length, &mut bits)?;
            offset = offsets.next(offset, &mut bits)?;
        }
        // The last one says nothing of a next one.
        let last = bits.take(offset.code);
        let is_whole =
            last.is_some() && bits.skip(match_bits(length.code) + literal_bits(literal.code)).is_some();
        farthest = farthest.max(last.map_or(0, |last| far(offset.code, last)));
        (bits.is_empty() || !is_whole).then_some(Read { farthest, is_whole })
    }
}

/// The offset of a code and the bits behind it; 0 if they stand for one that was used before.
fn far(code: u8, bits: u32) -> u64 {
    ((1 << code) + u64::from(bits)).saturating_sub(REPEATED)
}

/// The largest offset of a code.
fn largest(code: u8) -> u64 {
    far(code, ((1u64 << code) - 1) as u32)
}

/// The length of the literals section at the beginning of a block ([RFC 8878 section 3.1.1.3.1]).
///
/// [RFC 8878 section 3.1.1.3.1]: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.3.1
fn literals_len(block: &[u8]) -> Option<usize> {
    let first = *block.first()?;
    let format = first >> 2 & 3;
    let header = |len: usize| {
        let mut bytes = [0; 8];
        bytes[..len].copy_from_slice(block.get(..len)?);
        Some(u64::from_le_bytes(bytes))
    };
    let (len, content) = match (first & 3, format) {
        (0 | 1, 0 | 2) => (1, header(1)? >> 3),
        (0 | 1, 1) => (2, header(2)? >> 4),
        (0 | 1, _) => (3, header(3)? >> 4),
        // The size of the content, and the compressed one.
        (_, 0 | 1) => (3, header(3)? >> 14),
        (_, 2) => (4, header(4)? >> 18),
        (_, _) => (5, header(5)? >> 22),
    };
    // One byte stands for all of them.
    let content = if first & 3 == 1 { 1 } else { content };
    Some(len + content as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block without literals whose codes are single ones and whose bits are `bits`.
    fn block(offset: u8, bits: &[u8]) -> Vec<u8> {
        [&[0, 1, 0b0101_0100, 0, offset, 0][..], bits].concat()
    }

    #[test]
    fn an_offset_of_the_window_is_within() {
        // Ten bits for what the value is more than 1024, below the mark.
        let value = |more: u16| block(10, &(1 << 10 | more).to_le_bytes());
        for (offset, reach) in
            [(1021, Reach::Within), (1024, Reach::Within), (1025, Reach::Beyond), (2044, Reach::Beyond)]
        {
            assert_eq!(Sequences::default().reach(&value(offset + 3 - 1024), 1024), reach, "{offset}");
        }
    }

    #[test]
    fn offsets_that_were_used_before_are_within() {
        for (code, bits) in [(0, &[1u8][..]), (1, &[2]), (1, &[3])] {
            assert_eq!(Sequences::default().reach(&block(code, bits), 1024), Reach::Within);
        }
        assert_eq!([0, 1, 2, 9, 10].map(largest), [0, 0, 4, 1020, 2044]);
    }

    /// What libzstd takes, what only older releases took, and what none takes.
    #[test]
    fn what_others_may_read() {
        let read = |block: &[u8]| {
            (Sequences::default().reach(block, 1024), Sequences::default().may_be_read(block, 2000))
        };
        assert_eq!(read(&block(10, &[0, 0b100])), (Reach::Within, true));
        assert_eq!(read(&block(10, &[0xff, 0b111])), (Reach::Beyond, false));
        // Two bits are missing.
        assert_eq!(read(&block(10, &[0, 1])), (Reach::Broken, true));
        // One is left over.
        assert_eq!(read(&block(10, &[0, 0b1000])), (Reach::Broken, false));
        // A reserved bit of the modes.
        let mut reserved = block(10, &[0, 0b100]);
        reserved[2] |= 1;
        assert_eq!(read(&reserved), (Reach::Within, true));
        // No sequences.
        assert_eq!(read(&[0, 0]), (Reach::Within, false));
        assert_eq!(read(&[0, 0, 1]), (Reach::Broken, false));
        assert_eq!(read(&[0, 0x80, 0, 0, 1]), (Reach::Within, true));
        // Two sequences, and bits for one.
        let mut two = block(10, &[0, 0b100]);
        two[1] = 2;
        assert_eq!(read(&two), (Reach::Broken, true));
        two[1] = 3;
        assert_eq!(read(&two), (Reach::Broken, false));
    }

    #[test]
    fn what_is_none() {
        for block in [
            &block(10, &[0, 0b1000])[..],
            &block(10, &[0, 0]),
            &block(10, &[0, 0b1000, 0]),
            &block(10, &[]),
            &block(32, &[1]),
            // Codes of a block before, of which there is none.
            &[0, 1, 0xfc, 1],
            &[0],
            &[],
            &[0x18, 1, 2],
            &[0, 0xff, 0],
            &[0, 0x80],
        ] {
            assert_eq!(Sequences::default().reach(block, 1024), Reach::Broken, "{block:02x?}");
        }
    }
}
