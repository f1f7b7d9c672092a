//! The header of one object of a pack, of which all bytes are at hand. `exfilter_codec::pack` reads the same as it comes.
//!
//! ```text
//!  first byte            further bytes          offset of a base           id of a base
//! +-+---+----+          +-+-------+            +-+-------+                +----------------+
//! |m|typ|size|   m ->   |m| size  |  ...       |m| bits  | ...            | 20 or 32 bytes |
//! +-+---+----+          +-+-------+            +-+-------+                +----------------+
//!  bit 7: more           7 bits, low first      7 bits, high first, +1     SHA-1 or SHA-256
//! ```

use crate::id::{Hash, Kind};

/// The longest header: ten bytes of a size, and an id or ten bytes of an offset.
pub(crate) const HEADER_MAX: usize = 10 + 32;

/// How an object is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored<'a> {
    Whole(Kind),
    /// Based on what stands at this offset.
    OnOffset(u64),
    /// Based on the object of this id.
    OnId(&'a [u8]),
}

/// A header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) stored: Stored<'a>,
    /// Bytes that the body inflates to.
    pub(crate) size: u64,
    /// Bytes of the header.
    pub(crate) len: usize,
}

/// Reads the header at the beginning of `bytes`, which stands at offset `at` of the pack.
pub(crate) fn parse(bytes: &[u8], at: u64, hash: Hash) -> Option<Header<'_>> {
    let first = *bytes.first()?;
    let mut size = u64::from(first & 0x0f);
    let (mut len, mut shift, mut more) = (1, 4, first & 0x80 != 0);
    while more {
        let byte = *bytes.get(len)?;
        let bits = u64::from(byte & 0x7f);
        if shift > 60 || bits << shift >> shift != bits {
            return None;
        }
        size |= bits << shift;
        shift += 7;
        len += 1;
        more = byte & 0x80 != 0;
    }
    let stored = match first >> 4 & 7 {
        1 => Stored::Whole(Kind::Commit),
        2 => Stored::Whole(Kind::Tree),
        3 => Stored::Whole(Kind::Blob),
        4 => Stored::Whole(Kind::Tag),
        6 => {
            let (distance, used) = distance(&bytes[len..])?;
            len += used;
            Stored::OnOffset(at.checked_sub(distance).filter(|_| distance > 0)?)
        }
        7 => {
            let id = bytes.get(len..len + hash.len())?;
            len += hash.len();
            Stored::OnId(id)
        }
        _ => return None,
    };
    Some(Header { stored, size, len })
}

/// How far before an object its base stands, and the bytes that say so.
fn distance(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut distance = 0_u64;
    for (i, byte) in bytes.iter().enumerate() {
        if distance >= 1 << 55 {
            return None;
        }
        let bits = u64::from(byte & 0x7f);
        distance = if i == 0 { bits } else { (distance + 1) << 7 | bits };
        if byte & 0x80 == 0 {
            return Some((distance, i + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_git_writes_them() {
        let header =
            |bytes, at| parse(bytes, at, Hash::Sha1).map(|header| (header.stored, header.size, header.len));
        assert_eq!(header(&[0x35], 12), Some((Stored::Whole(Kind::Blob), 5, 1)));
        assert_eq!(header(&[0xbf, 0x01], 12), Some((Stored::Whole(Kind::Blob), 31, 2)));
        assert_eq!(header(&[0x65, 0x0a], 30), Some((Stored::OnOffset(20), 5, 2)));
        assert_eq!(header(&[0x65, 0x80, 0x00], 200), Some((Stored::OnOffset(72), 5, 3)));
        let on_id = [&[0x75][..], &[7; 20]].concat();
        assert_eq!(header(&on_id, 12), Some((Stored::OnId(&[7; 20]), 5, 21)));
        for bad in
            [&[0x65, 0x1f][..], &[0x65, 0x00], &[0x55], &[0xb5], &[], &on_id[..20], &[0xff; 40], &[0x05]]
        {
            assert_eq!(header(bad, 30), None, "{bad:?}");
        }
    }
}
