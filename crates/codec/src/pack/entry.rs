//! The header of one object of a pack.
//!
//! ```text
//!  first byte            further bytes          offset of a base           id of a base
//! +-+---+----+          +-+-------+            +-+-------+                +----------------+
//! |m|typ|size|   m ->   |m| size  |  ...       |m| bits  | ...            | 20 or 32 bytes |
//! +-+---+----+          +-+-------+            +-+-------+                +----------------+
//!  bit 7: more           7 bits, low first      7 bits, high first, +1     SHA-1 or SHA-256
//! ```

use super::oid::{Format, Oid};
use crate::zlib;

/// The longest header that is read, in bytes: ten of a size, and an id with what tells how long it is.
pub(super) const HEADER_MAX: usize = 10 + 32 + zlib::PROBE_LEN;

/// Where the base of a delta is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Base {
    /// At this offset of the pack.
    Offset(u64),
    /// The object of this id, wherever it is.
    Id(Oid),
}

/// What an object is, deltas apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Commit,
    Tree,
    Blob,
    Tag,
}

impl Kind {
    /// The word in front of the content that ids are made of.
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Commit => "commit",
            Kind::Tree => "tree",
            Kind::Blob => "blob",
            Kind::Tag => "tag",
        }
    }
}

/// How an object is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Whole(Kind),
    Delta(Base),
}

/// A header that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) stored: Stored,
    /// Bytes that the body inflates to.
    pub(super) size: u64,
    /// Bytes of it that belong to the body already.
    pub(super) over: usize,
    /// What ids are, if it tells.
    pub(super) format: Option<Format>,
}

/// What the bytes read so far say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    More,
    Bad,
    Header(Header),
}

/// Reads a header, of which `bytes` have come, one after another; the object begins at offset `at`.
pub(super) fn parse(bytes: &[u8], at: u64, format: Option<Format>) -> Parsed {
    let Some((&first, mut rest)) = bytes.split_first() else { return Parsed::More };
    let mut size = u64::from(first & 0x0f);
    let mut more = first & 0x80 != 0;
    let mut shift = 4;
    while more {
        let Some((&byte, after)) = rest.split_first() else { return Parsed::More };
        rest = after;
        let bits = u64::from(byte & 0x7f);
        if shift > 60 || bits << shift >> shift != bits {
            return Parsed::Bad;
        }
        size |= bits << shift;
        shift += 7;
        more = byte & 0x80 != 0;
    }
    let whole = |kind| Parsed::Header(Header { stored: Stored::Whole(kind), size, over: 0, format: None });
    match first >> 4 & 7 {
        1 => whole(Kind::Commit),
        2 => whole(Kind::Tree),
        3 => whole(Kind::Blob),
        4 => whole(Kind::Tag),
        6 => offset(rest, at).map_or(Parsed::More, |base| match base {
            Some(base) => {
                let stored = Stored::Delta(Base::Offset(base));
                Parsed::Header(Header { stored, size, over: 0, format: None })
            }
            None => Parsed::Bad,
        }),
        7 => id(rest, size, format),
        _ => Parsed::Bad,
    }
}

/// The offset of a base: none while it is not whole, none within if there is nothing before it.
fn offset(bytes: &[u8], at: u64) -> Option<Option<u64>> {
    let mut distance = 0_u64;
    for (i, byte) in bytes.iter().enumerate() {
        let bits = u64::from(byte & 0x7f);
        if distance >= 1 << 55 {
            return Some(None);
        }
        distance = if i == 0 { bits } else { (distance + 1) << 7 | bits };
        if byte & 0x80 == 0 {
            return Some(at.checked_sub(distance).filter(|_| distance > 0));
        }
    }
    None
}

/// The id of a base. How long ids are is not said anywhere: the first one is followed by what a body begins with.
fn id(bytes: &[u8], size: u64, format: Option<Format>) -> Parsed {
    let header = |oid: Option<Oid>, over, format| match oid {
        Some(oid) => {
            Parsed::Header(Header { stored: Stored::Delta(Base::Id(oid)), size, over, format: Some(format) })
        }
        None => Parsed::More,
    };
    match format {
        Some(format) => header(Oid::read(format, bytes), 0, format),
        None => {
            let after = |len: usize| bytes.get(len..len + zlib::PROBE_LEN);
            if after(Format::Sha1.len()).is_some_and(zlib::starts) {
                header(Oid::read(Format::Sha1, bytes), zlib::PROBE_LEN, Format::Sha1)
            } else {
                match after(Format::Sha256.len()) {
                    None => Parsed::More,
                    Some(probe) if zlib::is_header(probe) => {
                        header(Oid::read(Format::Sha256, bytes), zlib::PROBE_LEN, Format::Sha256)
                    }
                    Some(_) => Parsed::Bad,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_offsets_are_read_as_git_writes_them() {
        let header = |bytes: &[u8], at| match parse(bytes, at, None) {
            Parsed::Header(header) => (header.stored, header.size),
            other => panic!("{other:?}"),
        };
        assert_eq!(header(&[0x35], 12), (Stored::Whole(Kind::Blob), 5));
        assert_eq!(header(&[0xbf, 0x01], 12), (Stored::Whole(Kind::Blob), 31));
        assert_eq!(header(&[0x65, 0x0a], 30), (Stored::Delta(Base::Offset(20)), 5));
        assert_eq!(header(&[0x65, 0x80, 0x00], 200), (Stored::Delta(Base::Offset(72)), 5));
        assert_eq!(parse(&[0x65, 0x1f], 30, None), Parsed::Bad);
        assert_eq!(parse(&[0x65, 0x00], 30, None), Parsed::Bad);
        assert_eq!(parse(&[0x55], 12, None), Parsed::Bad);
        assert_eq!(parse(&[0xb5], 12, None), Parsed::More);
        let endless = [0xb5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(parse(&endless, 12, None), Parsed::Bad);
    }
}
