//! Fields of a tag, a length and bytes: read without allocating, every length checked against what is there.
//!
//! ```text
//! tag (2) | length (4) | bytes      little-endian; a tag with its highest bit set may be passed over by who does not know it
//! ```

use crate::error::StoreError;

/// Set in the tags of fields that need not be understood.
pub(crate) const OPTIONAL: u16 = 1 << 15;

/// Appends a field.
pub(crate) fn put(out: &mut Vec<u8>, tag: u16, bytes: &[u8]) {
    out.extend(tag.to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

/// The fields of a text of fields, in order.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Fields<'a> {
        Fields { rest: bytes }
    }

    /// The next field; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u16, &'a [u8])>, StoreError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let bad = || StoreError::malformed("a field");
        let (head, rest) = self.rest.split_at_checked(6).ok_or_else(bad)?;
        let tag = u16::from_le_bytes([head[0], head[1]]);
        let len = u32::from_le_bytes([head[2], head[3], head[4], head[5]]);
        let len = usize::try_from(len).map_err(|_| bad())?;
        let (bytes, rest) = rest.split_at_checked(len).ok_or_else(bad)?;
        self.rest = rest;
        Ok(Some((tag, bytes)))
    }
}
