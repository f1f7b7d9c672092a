//! The central directory ([APPNOTE.TXT] 4.3.12 to 4.3.16): what an archive says that it holds.
//!
//! ```text
//! +-------------+--------------------------------+------+-------+---------+
//! | PK 01 02    | 42 bytes, see below            | name | extra | comment |      once for each entry
//! +-------------+--------------------------------+------+-------+---------+
//! | PK 05 05    | len (2) | signature            |                               perhaps
//! +-------------+-------+----------------------------------------+
//! | PK 06 06    | size (8), then the same in 64 bits             |                perhaps, with a locator
//! | PK 06 07    | disk (4) | where that record stands (8) | disks (4)
//! +-------------+----------------------------------------+-----------------------+
//! | PK 05 06    | disks (4) | entries (2, 2) | size of the headers (4) | where they begin (4) | comment |
//! +-------------+----------------------------------------+-----------------------+
//! ```
//!
//! [APPNOTE.TXT]: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

use super::Entry;
use super::header::{AES, ENCRYPTED, MASKED, STRONG, ZIP64, u16_at, u32_at, u64_at, widen};

/// What the header of an entry in a directory begins with.
pub const DIRECTORY_MAGIC: [u8; 4] = *b"PK\x01\x02";

/// What the record at the end of a directory begins with, with which an archive without entries begins.
pub const END_MAGIC: [u8; 4] = *b"PK\x05\x06";

const SIGNATURE: [u8; 4] = *b"PK\x05\x05";
const END64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR: [u8; 4] = *b"PK\x06\x07";

/// Lengths of records, magic numbers included, without fields of variable length.
const HEADER_LEN: usize = 46;
const SIGNATURE_LEN: usize = 6;
const END64_LEN: usize = 56;
/// Length of what leads to the record of 64 bits.
pub const LOCATOR_LEN: usize = 20;
/// Length of the record at the end of a directory, without its comment.
pub const END_LEN: usize = 22;

/// An entry as a directory lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What it must have turned out to be.
    pub entry: Entry,
    /// Where its local header stands, from the beginning of the archive.
    pub offset: u64,
}

/// What the end of a directory says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// How many headers there are.
    pub entries: u64,
    /// How many bytes they take.
    pub size: u64,
    /// Where the first one stands, from the beginning of the archive.
    pub offset: u64,
    /// Whether the records at the end agree with each other, as readers may go by any of them: what is said twice is the same, the record of 64 bits stands
    /// where its locator says, and all is on one disk.
    pub consistent: bool,
}

/// Where readers look for the headers of a directory by the record at its end. Which of these a reader goes by differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// As many bytes before the record as it says that they take.
    pub before: Option<u64>,
    /// Where it says that they begin, from the beginning of the archive.
    pub offset: Option<u64>,
    /// Where the record of 64 bits says: its locator stands right in front.
    pub elsewhere: bool,
}

/// What a [`Directory`] did with its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All input was taken; more may come.
    More,
    /// The directory ended after so many bytes of the input; its comment follows.
    End(usize, End),
    /// This is no directory.
    Bad,
}

/// A push parser for a directory, from the first header on, or from the record at its end.
///
/// # Resource usage
///
/// The extra fields of one entry, 64 KiB at most.
#[derive(Debug, Default)]
pub struct Directory {
    /// The record being read, as far as it has come, without fields of variable length but for the extra fields of an entry.
    record: Vec<u8>,
    /// Bytes to pass over: before the extra fields of the entry in `record`, and behind the record.
    name: u64,
    skip: u64,
    entries: u64,
    /// Bytes taken, and those among them that are headers of entries.
    total: u64,
    headers: u64,
    /// The record of 64 bits, and where it stands.
    wide: Option<(End, u64)>,
    /// Where the locator says that it stands.
    located: Option<u64>,
}

impl Directory {
    /// A parser at the beginning of a directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Headers of entries that were read, and their bytes.
    #[must_use]
    pub fn headers(&self) -> (u64, u64) {
        (self.entries, self.headers)
    }

    /// Memory held, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.record.capacity()
    }

    /// Where readers would look for headers if `record`, which stands `at` bytes from the beginning of the content or the archive behind the bytes
    /// `before`, is one at the end of a directory; [`LOCATOR_LEN`] bytes before it are enough. A place is given only if a header has room between it and
    /// the record.
    #[must_use]
    pub fn places(before: &[u8], record: &[u8], at: u64) -> Headers {
        let Some(record) = record.get(..END_LEN).filter(|record| record.starts_with(&END_MAGIC)) else {
            return Headers::default();
        };
        let [size, offset] = [u32_at(record, 12).into(), u32_at(record, 16).into()];
        let has_room = |place: &u64| at.checked_sub(*place).is_some_and(|room| room >= HEADER_LEN as u64);
        let locator = before.len().checked_sub(LOCATOR_LEN).map(|from| &before[from..]);
        Headers {
            before: at.checked_sub(size).filter(has_room),
            offset: Some(offset).filter(has_room),
            elsewhere: locator.is_some_and(|locator| locator.starts_with(&LOCATOR)),
        }
    }

    /// Reads on. Entries are appended to `listed`.
    pub fn read(&mut self, input: &[u8], listed: &mut Vec<Listed>) -> Progress {
        let mut rest = input;
        loop {
            let skipped = rest.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
            (self.skip, rest) = (self.skip - skipped as u64, &rest[skipped..]);
            self.total += skipped as u64;
            if rest.is_empty() {
                return Progress::More;
            }
            if !self.collect(&mut rest) {
                if self.is_bad() {
                    return Progress::Bad;
                }
                continue;
            }
            let record = std::mem::take(&mut self.record);
            match record.first_chunk() {
                Some(&DIRECTORY_MAGIC) => listed.push(self.entry(&record)),
                Some(&SIGNATURE) => self.skip = u16_at(&record, 4).into(),
                Some(&END64) => {
                    let end = End {
                        entries: u64_at(&record, 32),
                        size: u64_at(&record, 40),
                        offset: u64_at(&record, 48),
                        consistent: u64_at(&record, 24) == u64_at(&record, 32)
                            && u64_at(&record, 16) == 0
                            && self.wide.is_none(),
                    };
                    self.wide = Some((end, self.total - END64_LEN as u64));
                    self.skip = u64_at(&record, 4).saturating_sub(END64_LEN as u64 - 12);
                }
                Some(&LOCATOR) => self.located = Some(u64_at(&record, 8)),
                _ => return Progress::End(input.len() - rest.len(), self.end(&record)),
            }
        }
    }

    /// Whether what has come of a record begins none.
    fn is_bad(&self) -> bool {
        let len = self.record.len().min(4);
        let magics = [DIRECTORY_MAGIC, SIGNATURE, END64, LOCATOR, END_MAGIC];
        // Behind the first record of the end, no entries stand.
        let is_over = self.wide.is_some() || self.located.is_some();
        !magics.iter().any(|m| m[..len] == self.record[..len] && !(is_over && *m == DIRECTORY_MAGIC))
    }

    /// Takes bytes of a record; whether it is whole.
    fn collect(&mut self, rest: &mut &[u8]) -> bool {
        let wanted = match self.record.first_chunk() {
            None => 4,
            Some(&DIRECTORY_MAGIC) if self.record.len() < HEADER_LEN => HEADER_LEN,
            Some(&DIRECTORY_MAGIC) => HEADER_LEN + usize::from(u16_at(&self.record, 30)),
            Some(&SIGNATURE) => SIGNATURE_LEN,
            Some(&END64) => END64_LEN,
            Some(&LOCATOR) => LOCATOR_LEN,
            Some(_) => END_LEN,
        };
        if self.record.len() >= HEADER_LEN && self.name > 0 {
            let passed = rest.len().min(usize::try_from(self.name).unwrap_or(usize::MAX));
            (self.name, *rest) = (self.name - passed as u64, &rest[passed..]);
            self.total += passed as u64;
            return self.name == 0 && self.record.len() == wanted;
        }
        let taken = rest.len().min(wanted - self.record.len());
        self.record.extend_from_slice(&rest[..taken]);
        *rest = &rest[taken..];
        self.total += taken as u64;
        if self.is_bad() || self.record.len() < wanted || wanted == 4 {
            return false;
        }
        if self.record.starts_with(&DIRECTORY_MAGIC) && wanted == HEADER_LEN {
            self.name = u16_at(&self.record, 28).into();
            return self.name == 0 && u16_at(&self.record, 30) == 0;
        }
        true
    }

    /// Reads the header of an entry with its extra fields.
    fn entry(&mut self, record: &[u8]) -> Listed {
        let comment = u16_at(record, 32);
        self.skip = comment.into();
        self.entries += 1;
        self.headers = self.total + u64::from(comment);
        let fields = [24, 20, 42].map(|at| u64::from(u32_at(record, at)));
        let [mut size, mut packed, mut offset] = fields;
        let mut extra = &record[HEADER_LEN..];
        while let Some((head, rest)) = extra.split_at_checked(4) {
            let Some((field, rest)) = rest.split_at_checked(u16_at(head, 2).into()) else { break };
            if u16_at(head, 0) == ZIP64 {
                widen(field, [&mut size, &mut packed, &mut offset]);
            }
            extra = rest;
        }
        let entry = Entry {
            method: u16_at(record, 10),
            encrypted: u16_at(record, 8) & (ENCRYPTED | STRONG | MASKED) != 0 || u16_at(record, 10) == AES,
            crc: u32_at(record, 16),
            packed,
            size,
        };
        Listed { entry, offset }
    }

    /// Reads the record at the end.
    fn end(&self, record: &[u8]) -> End {
        let [entries, size, offset] =
            [u16_at(record, 10).into(), u32_at(record, 12).into(), u32_at(record, 16).into()];
        let one_disk = [u16_at(record, 4), u16_at(record, 6)].iter().all(|disk| [0, u16::MAX].contains(disk));
        let same = one_disk && u16_at(record, 8) == u16_at(record, 10);
        let narrow = End { entries, size, offset, consistent: same };
        let Some((wide, at)) = self.wide else {
            return End { consistent: same && self.located.is_none(), ..narrow };
        };
        // All ones stand for "see there".
        let agrees = |narrow: u64, wide: u64, ones: u64| narrow == wide || narrow == ones;
        let agree = agrees(entries, wide.entries, u16::MAX.into())
            && agrees(size, wide.size, u32::MAX.into())
            && agrees(offset, wide.offset, u32::MAX.into());
        let located = self.located == Some(wide.offset.wrapping_add(at));
        End { consistent: same && wide.consistent && agree && located, ..wide }
    }
}
