//! Block headers and the filters in them.

/// Bytes of the longest header.
pub(super) const MAX: usize = 1024;

/// Ids of filters ([section 5.3](https://tukaani.org/xz/xz-file-format.txt)).
const DELTA: u64 = 0x03;
const LZMA2: u64 = 0x21;

/// The largest code of a dictionary's size.
const LARGEST: u8 = 40;

/// Why a header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Corrupt,
    /// A filter that is not looked into.
    Filter,
}

/// What a block's header says that is of interest here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    /// Size of the dictionary, in bytes.
    pub(super) dictionary: u64,
    /// Where in the header its code stands.
    code_at: usize,
}

impl BlockHeader {
    /// Reads a whole header, with its checksum, as far as to the filters' properties.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let Some((body, sum)) = bytes.split_last_chunk::<4>() else { return Err(Refusal::Corrupt) };
        if u32::from_le_bytes(*sum) != crc32fast::hash(body) {
            return Err(Refusal::Corrupt);
        }
        let mut reader = Reader { bytes: body, at: 1 };
        let flags = reader.byte().ok_or(Refusal::Corrupt)?;
        for size in [0x40, 0x80] {
            if flags & size != 0 {
                reader.number().ok_or(Refusal::Corrupt)?;
            }
        }
        let filters = flags & 3;
        for _ in 0..filters {
            match reader.filter().ok_or(Refusal::Corrupt)? {
                (DELTA, _) => {}
                _ => return Err(Refusal::Filter),
            }
        }
        match reader.filter().ok_or(Refusal::Corrupt)? {
            (LZMA2, &[code]) => {
                let dictionary = dictionary_size(code).ok_or(Refusal::Corrupt)?;
                Ok(Self { dictionary, code_at: reader.at - 1 })
            }
            (LZMA2, _) => Err(Refusal::Corrupt),
            _ => Err(Refusal::Filter),
        }
    }

    /// Changes the header this was read from so that it declares the largest dictionary of at most `limit` bytes, of which it
    /// returns the size; none if there is no such dictionary.
    pub(super) fn shrink(&self, bytes: &mut [u8], limit: u64) -> Option<u64> {
        let fitting = |&code: &u8| dictionary_size(code).is_some_and(|size| size <= limit);
        let code = (0..=LARGEST).rev().find(fitting)?;
        bytes[self.code_at] = code;
        let (body, sum) = bytes.split_last_chunk_mut::<4>()?;
        *sum = crc32fast::hash(body).to_le_bytes();
        dictionary_size(code)
    }
}

/// The size of a dictionary whose code is `code`, in bytes.
fn dictionary_size(code: u8) -> Option<u64> {
    match code {
        0..LARGEST => Some((2 | u64::from(code & 1)) << (code / 2 + 11)),
        LARGEST => Some(u32::MAX.into()),
        _ => None,
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    /// A number of up to nine bytes, seven bits each, the lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for i in 0..9 {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A filter's id and properties.
    fn filter(&mut self) -> Option<(u64, &'a [u8])> {
        let id = self.number()?;
        let len = usize::try_from(self.number()?).ok()?;
        let properties = self.bytes.get(self.at..)?.get(..len)?;
        self.at += len;
        Some((id, properties))
    }
}
