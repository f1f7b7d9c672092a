//! One header, in any of the formats.

use super::{BINARY_BE_MAGIC, BINARY_LE_MAGIC, CRC_MAGIC, NEWC_MAGIC, ODC_MAGIC};
use crate::segmenter::{Part, before_zero};

/// The longest header, that of newc and crc.
pub(super) const LONGEST: usize = 110;

/// How an archive's headers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// newc and crc: hexadecimal digits; names and contents are padded to 4.
    Newc,
    /// odc: octal digits; nothing is padded.
    Odc,
    /// Words of 16 bits; names and contents are padded to 2.
    BinaryLe,
    BinaryBe,
}

/// What a header says of what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Length of the name, its zero among it: at least 1.
    pub(super) name: u64,
    /// Length of the content.
    pub(super) size: u64,
    mode: u64,
}

/// What the first bytes of a header tell.
pub(super) enum Begins {
    As(Format),
    /// That many bytes must be seen.
    Wants(usize),
    Not,
}

impl Format {
    /// The format of a header that begins with `head`.
    pub(super) fn of(head: &[u8]) -> Begins {
        match head.first_chunk::<2>() {
            None => return Begins::Wants(2),
            Some(&BINARY_LE_MAGIC) => return Begins::As(Format::BinaryLe),
            Some(&BINARY_BE_MAGIC) => return Begins::As(Format::BinaryBe),
            Some(b"07") => {}
            Some(_) => return Begins::Not,
        }
        match head.first_chunk::<6>() {
            None => Begins::Wants(6),
            Some(&NEWC_MAGIC | &CRC_MAGIC) => Begins::As(Format::Newc),
            Some(&ODC_MAGIC) => Begins::As(Format::Odc),
            Some(_) => Begins::Not,
        }
    }

    /// The length of a header.
    pub(super) fn len(self) -> usize {
        match self {
            Format::Newc => LONGEST,
            Format::Odc => 76,
            Format::BinaryLe | Format::BinaryBe => 26,
        }
    }

    /// Bytes from `len`, counted from a place where padding ends, to the next such place.
    pub(super) fn padding(self, len: u64) -> u64 {
        let align = match self {
            Format::Newc => 4,
            Format::Odc => 1,
            Format::BinaryLe | Format::BinaryBe => 2,
        };
        len.wrapping_neg() % align
    }

    /// Reads a header; nothing if it is shorter than [`Format::len`], if digits are none, or if there is no name.
    pub(super) fn header(self, head: &[u8]) -> Option<Header> {
        let head = head.get(..self.len())?;
        let header = match self {
            Format::Newc => {
                let field = |index: usize| number(&head[6 + 8 * index..][..8], 16);
                head.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                Header { mode: field(1)?, size: field(6)?, name: field(11)? }
            }
            Format::Odc => {
                let field = |at: usize, len: usize| number(&head[at..at + len], 8);
                head.iter().all(|b| matches!(b, b'0'..=b'7')).then_some(())?;
                Header { mode: field(18, 6)?, name: field(59, 6)?, size: field(65, 11)? }
            }
            Format::BinaryLe | Format::BinaryBe => {
                let word = |index: usize| {
                    let bytes = [head[2 * index], head[2 * index + 1]];
                    u64::from(if self == Format::BinaryLe {
                        u16::from_le_bytes(bytes)
                    } else {
                        u16::from_be_bytes(bytes)
                    })
                };
                // The upper word of a number comes first in either order.
                Header { mode: word(3), name: word(10), size: word(11) << 16 | word(12) }
            }
        };
        (header.name > 0).then_some(header)
    }
}

/// See [`starts`](super::starts).
pub(super) fn is_plausible(prefix: &[u8]) -> bool {
    let prefix = &prefix[..prefix.len().min(LONGEST)];
    let Begins::As(format) = Format::of(prefix) else { return false };
    let Some(header) = format.header(prefix) else { return false };
    // A fifo, device, directory, file, link, socket, or, in the trailer, nothing.
    let has_type = matches!(header.mode >> 12, 0 | 1 | 2 | 4 | 6 | 8 | 10 | 12);
    let name_fits = (2..=Part::NAME_MAX as u64).contains(&header.name);
    let seen = &prefix[format.len()..];
    let name = &seen[..usize::try_from(header.name).map_or(seen.len(), |len| len.min(seen.len()))];
    // Some writers fill names up with zeros, to have the content begin at a block.
    let (text, zeros) = name.split_at(before_zero(name).len());
    let is_text = text.iter().all(|&b| b >= b' ') && zeros.iter().all(|&b| b == 0);
    let is_empty = text.is_empty() && !name.is_empty();
    let is_open = zeros.is_empty() && name.len() as u64 == header.name;
    has_type && name_fits && is_text && !is_empty && !is_open
}

/// The value of at most 11 digits; nothing if there is another byte among them.
fn number(digits: &[u8], radix: u32) -> Option<u64> {
    digits.iter().try_fold(0, |value: u64, &digit| {
        let digit = char::from(digit).to_digit(radix)?;
        Some(value * u64::from(radix) + u64::from(digit))
    })
}
