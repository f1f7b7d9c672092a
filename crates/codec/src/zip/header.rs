//! Local file headers and their extra fields.

/// What an entry begins with.
pub(super) const MAGIC: [u8; 4] = *b"PK\x03\x04";

/// Bytes of a header up to the name.
pub(super) const LEN: usize = 30;

/// General purpose flags ([APPNOTE.TXT](https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT) 4.4.4).
pub(super) const ENCRYPTED: u16 = 1;
const DESCRIPTOR: u16 = 1 << 3;
const PATCHED: u16 = 1 << 5;
pub(super) const STRONG: u16 = 1 << 6;
const UTF8: u16 = 1 << 11;
pub(super) const MASKED: u16 = 1 << 13;

/// Flags that are in use: those above, and the two of a method and "enhanced deflating" (1, 2, 4).
const KNOWN_FLAGS: u16 = ENCRYPTED | DESCRIPTOR | PATCHED | STRONG | UTF8 | MASKED | 0b1_0110;

/// The newest version of the format that an entry can need, 6.3.
const NEWEST: u8 = 63;

/// Names that are longer are taken for noise by [`is_plausible`].
const LONGEST_NAME: u16 = 4096;

/// Ids of extra fields (4.5.2).
pub(super) const ZIP64: u16 = 0x0001;
const UNICODE_PATH: u16 = 0x7075;

/// AES encryption, written in place of the method.
pub(super) const AES: u16 = 99;

/// The header of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    /// Size of the body, or 0 if a descriptor tells it.
    pub(super) packed: u64,
    /// Size of the content, or 0 if a descriptor tells it.
    pub(super) size: u64,
    /// Whether there is an extra field with sizes of 64 bits.
    pub(super) zip64: bool,
    pub(super) name_len: u16,
    pub(super) extra_len: u16,
}

impl Header {
    pub(super) fn parse(bytes: &[u8; LEN]) -> Self {
        Self {
            flags: u16_at(bytes, 6),
            method: u16_at(bytes, 8),
            crc: u32_at(bytes, 14),
            packed: u32_at(bytes, 18).into(),
            size: u32_at(bytes, 22).into(),
            zip64: false,
            name_len: u16_at(bytes, 26),
            extra_len: u16_at(bytes, 28),
        }
    }

    /// Reads the extra fields, as far as they are well formed. Returns another name for the entry, if there is one.
    pub(super) fn read_extra<'a>(&mut self, mut extra: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
        let mut other = None;
        while let Some((head, rest)) = extra.split_at_checked(4) {
            let (id, len) = (u16_at(head, 0), u16_at(head, 2).into());
            let Some((field, rest)) = rest.split_at_checked(len) else { break };
            match id {
                ZIP64 => {
                    self.zip64 = true;
                    widen(field, [&mut self.size, &mut self.packed]);
                }
                // Version 1, then the checksum of the name in the header, which it stands for.
                UNICODE_PATH
                    if field.len() >= 5 && field[0] == 1 && u32_at(field, 1) == crc32fast::hash(name) =>
                {
                    other = Some(&field[5..]);
                }
                _ => {}
            }
            extra = rest;
        }
        other
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & (ENCRYPTED | STRONG | MASKED) != 0 || self.method == AES
    }

    /// Whether the content is a patch of something that is not here.
    pub(super) fn is_patch(&self) -> bool {
        self.flags & PATCHED != 0
    }

    /// Whether a data descriptor follows the body.
    pub(super) fn has_descriptor(&self) -> bool {
        self.flags & DESCRIPTOR != 0
    }

    /// The size of the body, if the header tells it.
    pub(super) fn body_len(&self) -> Option<u64> {
        (!self.has_descriptor() || self.packed != 0).then_some(self.packed)
    }
}

/// Whether `bytes`, of which [`LEN`] are wanted, can be a header.
pub(super) fn is_plausible(bytes: &[u8]) -> bool {
    bytes.len() >= LEN
        && bytes.starts_with(&MAGIC)
        && bytes[4] <= NEWEST
        && u16_at(bytes, 6) & !KNOWN_FLAGS == 0
        && matches!(u16_at(bytes, 8), 0..=20 | 93..=99)
        && (1..=LONGEST_NAME).contains(&u16_at(bytes, 26))
}

/// Takes the values of 64 bits for those of 32 that are all ones, in this order.
pub(super) fn widen<const N: usize>(field: &[u8], values: [&mut u64; N]) {
    let mut wide = field.chunks_exact(8);
    for value in values {
        if *value == u32::MAX.into()
            && let Some(wide) = wide.next()
        {
            *value = u64_at(wide, 0);
        }
    }
}

/// Reads `N` bytes at `at`; there are that many.
fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, at))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}
