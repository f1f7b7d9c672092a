//! One header block.

use super::BLOCK;
use crate::segmenter::before_zero;

/// A view of a header block.
pub(super) struct Header<'a>(pub(super) &'a [u8; BLOCK]);

/// What follows a header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// Content of the given size.
    Content,
    /// Nothing, whatever the size field says: links, devices, directories, fifos.
    NoContent,
    /// Content after possible extension blocks.
    OldSparse,
    Pax {
        global: bool,
    },
    LongName,
    LongLink,
}

impl Header<'_> {
    pub(super) fn is_zero(&self) -> bool {
        self.0.iter().all(|&b| b == 0)
    }

    /// Whether the sum over all bytes, with the checksum field taken as spaces, is what the field says. Some old writers
    /// summed signed bytes.
    pub(super) fn checksum_fits(&self) -> bool {
        let Some(declared) = number(self.field(148, 8)) else { return false };
        let rest = || self.0[..148].iter().chain(&self.0[156..]);
        let unsigned = 8 * u64::from(b' ') + rest().map(|&b| u64::from(b)).sum::<u64>();
        let signed = 8 * i64::from(b' ') + rest().map(|&b| i64::from(b.cast_signed())).sum::<i64>();
        declared == unsigned || i64::try_from(declared) == Ok(signed)
    }

    /// See [`Tar::sniff`](super::Tar::sniff).
    pub(super) fn is_plausible(&self) -> bool {
        if !self.checksum_fits() {
            return false;
        }
        if self.has_magic() {
            return true;
        }
        let name = before_zero(self.field(0, 100));
        let numbers = [(100, 8), (108, 8), (116, 8), (124, 12), (136, 12)];
        !name.is_empty()
            && name.iter().all(|&b| b >= b' ' && b != 0x7f)
            && matches!(self.0[156], 0 | b'0'..=b'2')
            && numbers.iter().all(|&(at, len)| number(self.field(at, len)).is_some())
    }

    /// The size field; nothing if it is no number below 2^63.
    pub(super) fn size(&self) -> Option<u64> {
        number(self.field(124, 12))
    }

    pub(super) fn kind(&self) -> Type {
        match self.0[156] {
            b'1'..=b'6' => Type::NoContent,
            b'x' | b'X' => Type::Pax { global: false },
            b'g' => Type::Pax { global: true },
            b'L' => Type::LongName,
            b'K' => Type::LongLink,
            b'S' => Type::OldSparse,
            _ => Type::Content,
        }
    }

    /// The name with, for POSIX headers, its prefix.
    pub(super) fn name(&self) -> Vec<u8> {
        let name = before_zero(self.field(0, 100));
        let prefix = if self.field(257, 6) == b"ustar\0" { before_zero(self.field(345, 155)) } else { &[] };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    /// Whether extension blocks follow an old GNU sparse header.
    pub(super) fn sparse_goes_on(&self) -> bool {
        self.0[482] != 0
    }

    /// Whether another extension block follows this one.
    pub(super) fn extension_goes_on(&self) -> bool {
        self.0[504] != 0
    }

    fn has_magic(&self) -> bool {
        self.field(257, 5) == b"ustar"
    }

    fn field(&self, at: usize, len: usize) -> &[u8] {
        &self.0[at..at + len]
    }
}

/// A number field: octal digits between spaces and zeros (none: 0), or, if the first bit is set, GNU's big-endian binary.
/// Nothing if it is neither, or not below 2^63.
fn number(field: &[u8]) -> Option<u64> {
    let (&first, rest) = field.split_first()?;
    let value = if first & 0x80 != 0 {
        // The bit after the mark is the sign.
        if first & 0x40 != 0 {
            return None;
        }
        rest.iter().try_fold(u64::from(first & 0x3f), |value, &byte| {
            (value >> 56 == 0).then_some(value << 8 | u64::from(byte))
        })?
    } else {
        let blank = |b: &u8| matches!(b, 0 | b' ');
        let start = field.iter().position(|b| !blank(b)).unwrap_or(field.len());
        let digits = field[start..].iter().take_while(|b| matches!(b, b'0'..=b'7')).count();
        if !field[start + digits..].iter().next().is_none_or(blank) {
            return None;
        }
        // Twelve digits at most: 36 bits.
        field[start..start + digits].iter().fold(0, |value, &digit| value << 3 | u64::from(digit - b'0'))
    };
    (value >> 63 == 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (field, value) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"    644 ", Some(0o644)),
            (b"644\0\0\0\0\0", Some(0o644)),
            (b"777777777777", Some(0o777_777_777_777)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"        ", Some(0)),
            (b"00006x4\0", None),
            (b"00000000008\0", None),
            (b"-1\0\0\0\0\0\0", None),
            (b"\x80\0\0\0\0\0\0\0\0\0\x01\x02", Some(0x102)),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", Some(u64::MAX >> 1)),
            (b"\x80\0\0\0\x80\0\0\0\0\0\0\0", None),
            (b"\x80\0\0\x01\0\0\0\0\0\0\0\0", None),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
        ] {
            assert_eq!(number(field), value, "{field:?}");
        }
    }
}
