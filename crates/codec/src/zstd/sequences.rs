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
    One(u8),
    Many(Distribution),
}

impl Codes {
    fn uses(&self, wanted: impl Fn(u8) -> bool) -> bool {
        match self {
            Codes::One(code) => wanted(*code),
            Codes::Many(distribution) => distribution.codes().any(wanted),
        }
    }

    fn decoding(&self) -> Decoding {
        match self {
            Codes::One(code) => Decoding::of_one(*code),
            Codes::Many(distribution) => Decoding::new(distribution),
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
    usual: Distribution,
}

const LITERAL_LENGTHS: Kind = Kind {
    last: 35,
    accuracy: 9,
    usual: Distribution::usual(
        6,
        &[
            4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1,
            -1, -1, -1, -1,
        ],
    ),
};

const OFFSETS: Kind = Kind {
    last: 31,
    accuracy: 8,
    usual: Distribution::usual(
        5,
        &[1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
    ),
};

const MATCH_LENGTHS: Kind = Kind {
    last: 52,
    accuracy: 9,
    usual: Distribution::usual(
        6,
        &[
            1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
        ],
    ),
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

impl Sequences {
    /// How far the content of the next compressed block refers back, where `window` bytes are allowed.
    pub(super) fn reach(&mut self, block: &[u8], window: u64) -> Reach {
        match self.is_within(block, window) {
            Some(true) => Reach::Within,
            Some(false) => Reach::Beyond,
            None => Reach::Broken,
        }
    }

    fn is_within(&mut self, block: &[u8], window: u64) -> Option<bool> {
        let section = block.get(literals_len(block)?..)?;
        let (count, mut rest) = match *section {
            // Literals alone.
            [0, ..] => return Some(true),
            [count @ ..=0x7f, ref rest @ ..] => (u32::from(count), rest),
            [0xff, low, high, ref rest @ ..] => (u32::from(u16::from_le_bytes([low, high])) + 0x7f00, rest),
            [high @ 0x80..=0xfe, low, ref rest @ ..] => {
                ((u32::from(high) - 0x80) << 8 | u32::from(low), rest)
            }
            _ => return None,
        };
        if count == 0 {
            return Some(true);
        }
        let modes = *rest.split_off_first()?;
        let kinds = [
            (&mut self.literals, &LITERAL_LENGTHS, modes >> 6),
            (&mut self.offsets, &OFFSETS, modes >> 4 & 3),
            (&mut self.matches, &MATCH_LENGTHS, modes >> 2 & 3),
        ];
        for (codes, kind, mode) in kinds {
            match mode {
                0 => *codes = Some(Codes::Many(kind.usual)),
                1 => *codes = Some(Codes::One(*rest.split_off_first().filter(|code| **code <= kind.last)?)),
                2 => {
                    let (distribution, len) = Distribution::parse(rest, kind.last, kind.accuracy)?;
                    *codes = Some(Codes::Many(distribution));
                    rest = &rest[len..];
                }
                _ => {}
            }
        }
        let (literals, offsets, matches) =
            (self.literals.as_ref()?, self.offsets.as_ref()?, self.matches.as_ref()?);
        if !offsets.uses(|code| largest(code) > window) {
            return Some(true);
        }
        is_within(&literals.decoding(), &offsets.decoding(), &matches.decoding(), count, rest, window)
    }
}

/// The largest offset of a code; 0 if it stands for one that was used before.
fn largest(code: u8) -> u64 {
    ((2u64 << code) - 1).saturating_sub(REPEATED)
}

/// Reads `count` sequences; none if they are not all that there is.
fn is_within(
    literals: &Decoding,
    offsets: &Decoding,
    matches: &Decoding,
    count: u32,
    bits: &[u8],
    window: u64,
) -> Option<bool> {
    let mut bits = Backwards::new(bits)?;
    let mut literal = literals.begin(&mut bits)?;
    let mut offset = offsets.begin(&mut bits)?;
    let mut length = matches.begin(&mut bits)?;
    let mut within = true;
    for left in (0..count).rev() {
        let code = offset.code;
        within &= (1u64 << code) + u64::from(bits.take(code)?) <= window + REPEATED;
        bits.skip(match_bits(length.code) + literal_bits(literal.code))?;
        // The last one says nothing of a next one.
        if left > 0 {
            literal = literals.next(literal, &mut bits)?;
            length = matches.next(length, &mut bits)?;
            offset = offsets.next(offset, &mut bits)?;
        }
    }
    bits.is_empty().then_some(within)
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
