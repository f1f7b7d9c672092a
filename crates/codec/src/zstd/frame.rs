//! Headers of frames and blocks ([RFC 8878 section 3.1.1.1](https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1)).

use crate::decoder::Fault;

/// The longest frame header after the magic number: descriptor, window, dictionary, content size.
pub(super) const FRAME_HEADER: usize = 1 + 1 + 4 + 8;

/// The longest block content, in bytes ([RFC 8878 section 3.1.1.2.4]).
///
/// [RFC 8878 section 3.1.1.2.4]: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.2.4
pub(super) const BLOCK: usize = 128 * 1024;

/// Bytes of a block's header.
pub(super) const BLOCK_HEADER: usize = 3;

const CHECKSUM: u8 = 0x04;
const RESERVED: u8 = 0x08;
const SINGLE_SEGMENT: u8 = 0x20;

/// What a frame header says.
#[derive(Clone, Copy, Default)]
pub(super) struct FrameHeader {
    pub(super) checksum: bool,
    pub(super) dictionary: u64,
    pub(super) content_size: Option<u64>,
    /// In bytes.
    pub(super) window: u64,
    /// The descriptor of a window of at least that size.
    pub(super) window_byte: u8,
}

impl FrameHeader {
    /// Reads the header at the beginning of `head`, which holds at least [`header_len`] bytes of it.
    pub(super) fn parse(head: &[u8; FRAME_HEADER]) -> Result<Self, Fault> {
        let descriptor = head[0];
        if descriptor & RESERVED != 0 {
            return Err(Fault::Corrupt);
        }
        let sizes = Sizes::of(descriptor);
        let field = |from: usize, len: usize| {
            let mut bytes = [0; 8];
            bytes[..len].copy_from_slice(&head[from..from + len]);
            u64::from_le_bytes(bytes)
        };
        let dictionary = field(1 + sizes.window, sizes.dictionary);
        let content_size = match (sizes.content, field(1 + sizes.window + sizes.dictionary, sizes.content)) {
            (0, _) => None,
            (2, size) => Some(size + 256),
            (_, size) => Some(size),
        };
        // Without a window descriptor, the content is the window; its size is there then.
        let (window, window_byte) = match content_size {
            Some(size) if sizes.window == 0 => (size, window_byte(size)),
            _ => (window_size(head[1]), head[1]),
        };
        let checksum = descriptor & CHECKSUM != 0;
        Ok(Self { checksum, dictionary, content_size, window, window_byte })
    }

    /// Whether the frame may be longer than its window, so that something in it could refer beyond that.
    pub(super) fn may_exceed_window(&self) -> bool {
        self.content_size.is_none_or(|size| size > self.window)
    }

    /// The largest block of the frame, in bytes.
    pub(super) fn block_max(&self) -> usize {
        window_size(self.window_byte).min(BLOCK as u64) as usize
    }
}

/// What a block is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Raw,
    Rle,
    Compressed,
}

/// What a block header says.
pub(super) struct BlockHeader {
    pub(super) kind: Kind,
    /// Bytes of content.
    pub(super) left: usize,
    pub(super) last: bool,
}

impl BlockHeader {
    /// Reads a header; a block larger than `max` or of the reserved type is none.
    pub(super) fn parse(bytes: [u8; BLOCK_HEADER], max: usize) -> Result<Self, Fault> {
        let bits = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
        let size = (bits >> 3) as usize;
        if size > max {
            return Err(Fault::Corrupt);
        }
        let (kind, left) = match bits >> 1 & 3 {
            0 => (Kind::Raw, size),
            1 => (Kind::Rle, 1),
            2 => (Kind::Compressed, size),
            _ => return Err(Fault::Corrupt),
        };
        Ok(Self { kind, left, last: bits & 1 != 0 })
    }
}

/// The length of the header that begins with `descriptor`, itself included; at most [`FRAME_HEADER`].
pub(super) fn header_len(descriptor: u8) -> usize {
    let sizes = Sizes::of(descriptor);
    1 + sizes.window + sizes.dictionary + sizes.content
}

/// A descriptor that announces a checksum or not, and nothing else.
pub(super) fn checksum_flag(checksum: bool) -> u8 {
    if checksum { CHECKSUM } else { 0 }
}

/// What a window descriptor stands for, in bytes: `2^(10 + upper five bits)`, and as many eighths of it as the lower three
/// bits say.
pub(super) fn window_size(descriptor: u8) -> u64 {
    let base = 1u64 << (10 + (descriptor >> 3));
    base + base / 8 * u64::from(descriptor & 7)
}

/// The descriptor of the largest window of at most `limit` bytes, if there is one.
pub(super) fn largest_window(limit: u64) -> Option<u8> {
    (0..=u8::MAX).rev().find(|&descriptor| window_size(descriptor) <= limit)
}

/// The descriptor of the smallest window of at least `size` bytes (the largest one if there is none).
fn window_byte(size: u64) -> u8 {
    (0..=u8::MAX).find(|&descriptor| window_size(descriptor) >= size).unwrap_or(u8::MAX)
}

/// The lengths of a frame header's optional fields, which its first byte gives away.
struct Sizes {
    window: usize,
    dictionary: usize,
    content: usize,
}

impl Sizes {
    fn of(descriptor: u8) -> Self {
        let single_segment = descriptor & SINGLE_SEGMENT != 0;
        let content = match descriptor >> 6 {
            0 => usize::from(single_segment),
            power => 1 << power,
        };
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 0x03)];
        Self { window: usize::from(!single_segment), dictionary, content }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows() {
        assert_eq!(
            [0, 1, 8, 10 << 3, 0xff].map(window_size),
            [1024, 1152, 2048, 1 << 20, (1 << 41) + (7 << 38)]
        );
        for (size, byte) in
            [(0, 0), (1024, 0), (1025, 1), (1 << 20, 10 << 3), ((1 << 20) + 1, 10 << 3 | 1), (u64::MAX, 255)]
        {
            assert_eq!(window_byte(size), byte);
        }
        assert_eq!(
            [0, 1023, 1024, 1151, 1152, (1 << 20) + 1].map(largest_window),
            [None, None, Some(0), Some(0), Some(1), Some(10 << 3)]
        );
    }

    #[test]
    fn lengths() {
        for (descriptor, len) in [(0, 2), (0x20, 2), (0x40, 4), (0x60, 3), (0xa0, 5), (0xe3, 13), (0xc3, 14)]
        {
            assert_eq!(header_len(descriptor), len);
        }
    }
}
