//! [`Index`]: where the objects of a pack are ([gitformat-pack](https://git-scm.com/docs/gitformat-pack), version 2).
//!
//! ```text
//! | ff 74 4f 63 | 2 (4) | fan-out: 256 x 4 | ids, sorted: n x 20 or 32 | crc32: n x 4 | offsets: n x 4 | long offsets: m x 8 | pack's sum | sum |
//!    fan-out[b]: how many ids have a first byte of at most b            an offset with bit 31 set is a number of a long one
//! ```

use crate::damage::Damage;
use crate::id::Hash;

/// Bytes of the beginning by which [`Index::size`] tells how long it is at least.
pub const HEAD: usize = 8 + 256 * 4;

/// The fewest bytes of an entry: a header, and zlib's own header, end of block and checksum.
const ENTRY_MIN: u64 = 9;

/// More objects than any pack that is read here has.
const OBJECTS_MAX: u64 = 1 << 26;

/// An index in memory.
pub struct Index {
    bytes: Vec<u8>,
    hash: Hash,
    count: u32,
}

impl Index {
    /// How long an index must be at least whose first [`HEAD`] bytes are given: to be asked before the rest is read.
    ///
    /// # Errors
    ///
    /// When it is no index, or speaks of more objects than a pack of `pack_len` bytes can have.
    pub fn size(head: &[u8], hash: Hash, pack_len: u64) -> Result<u64, Damage> {
        if head.len() < HEAD || head[..8] != [0xff, b't', b'O', b'c', 0, 0, 0, 2] {
            return Err(Damage::Index);
        }
        let fan_out = |byte: usize| number(head, 8 + 4 * byte).unwrap_or_default();
        if (1..256).any(|byte| fan_out(byte) < fan_out(byte - 1)) {
            return Err(Damage::Index);
        }
        let count = u64::from(fan_out(255));
        if count > OBJECTS_MAX || count > pack_len / ENTRY_MIN {
            return Err(Damage::Index);
        }
        let hash = hash.len() as u64;
        Ok(HEAD as u64 + count * (hash + 8) + 2 * hash)
    }

    /// Reads an index of a pack of `pack_len` bytes.
    ///
    /// # Errors
    ///
    /// When it is none, or cut short. Whether its ids are sorted and its offsets right is not looked at: what is not found by it is not there, and what it names
    /// wrongly has another id than was asked for.
    pub fn parse(bytes: Vec<u8>, hash: Hash, pack_len: u64) -> Result<Index, Damage> {
        if (bytes.len() as u64) < Index::size(&bytes, hash, pack_len)? {
            return Err(Damage::Index);
        }
        let count = number(&bytes, HEAD - 4).ok_or(Damage::Index)?;
        Ok(Index { bytes, hash, count })
    }

    /// How many objects it names.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// What its ids are.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// What the pack says of itself at its end.
    #[must_use]
    pub fn pack_sum(&self) -> &[u8] {
        let hash = self.hash.len();
        let at = self.bytes.len().saturating_sub(2 * hash);
        &self.bytes[at..at + hash]
    }

    /// The id of number `n`; nothing beyond the last one.
    #[must_use]
    pub fn id(&self, n: u32) -> Option<&[u8]> {
        let at = HEAD + self.hash.len() * n as usize;
        (n < self.count).then(|| &self.bytes[at..at + self.hash.len()])
    }

    /// The number of an id, if it is there.
    #[must_use]
    pub fn find(&self, id: &[u8]) -> Option<u32> {
        let first = usize::from(*id.first()?);
        let mut from = if first == 0 { 0 } else { number(&self.bytes, 8 + 4 * (first - 1))? };
        let mut to = number(&self.bytes, 8 + 4 * first)?;
        while from < to {
            let middle = from + (to - from) / 2;
            match self.id(middle)?.cmp(id) {
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => to = middle,
            }
        }
        None
    }

    /// Where number `n` stands in the pack, if that can be said.
    #[must_use]
    pub fn offset(&self, n: u32) -> Option<u64> {
        if n >= self.count {
            return None;
        }
        let count = self.count as usize;
        let offsets = HEAD + count * (self.hash.len() + 4);
        let offset = number(&self.bytes, offsets + 4 * n as usize)?;
        if offset & 1 << 31 == 0 {
            return Some(u64::from(offset));
        }
        let long = (offsets + 4 * count) as u64 + 8 * u64::from(offset & !(1 << 31));
        let long = usize::try_from(long).ok()?;
        let end = self.bytes.len() - 2 * self.hash.len();
        let bytes = self.bytes.get(long..long.checked_add(8)?).filter(|_| long + 8 <= end)?;
        bytes.try_into().ok().map(u64::from_be_bytes)
    }
}

/// Four bytes, big end first.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

/// Says how much it names, not what.
impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("hash", &self.hash).field("count", &self.count).finish_non_exhaustive()
    }
}
