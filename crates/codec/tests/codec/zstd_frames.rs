//! Zstandard frames: made by libzstd or by hand, and taken apart.

use std::io::Read as _;

use zstd_safe::zstd_sys::ZSTD_EndDirective::{ZSTD_e_end, ZSTD_e_flush};
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

/// How a frame is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) level: i32,
    pub(crate) checksum: bool,
    /// Whether the header says how long the content is.
    pub(crate) size: bool,
    pub(crate) window_log: Option<u32>,
    /// A block is ended after as many bytes of content.
    pub(crate) flush: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self { level: 3, checksum: false, size: false, window_log: None, flush: None }
    }
}

/// A frame, and where `(frame offset, content offset)` libzstd had written all blocks of what it was given.
pub(crate) fn compress(content: &[u8], options: Options) -> (Vec<u8>, Vec<(usize, usize)>) {
    let mut context = CCtx::create();
    let mut set = |parameter| context.set_parameter(parameter).unwrap();
    set(CParameter::CompressionLevel(options.level));
    set(CParameter::ChecksumFlag(options.checksum));
    set(CParameter::ContentSizeFlag(options.size));
    if let Some(log) = options.window_log {
        set(CParameter::WindowLog(log));
    }
    if options.size {
        context.set_pledged_src_size(Some(content.len() as u64)).unwrap();
    }
    let mut out = vec![
        0;
        zstd_safe::compress_bound(content.len())
            + 1024
            + content.len() / options.flush.unwrap_or(usize::MAX) * 16
    ];
    let mut target = OutBuffer::around(&mut out[..]);
    let mut seams = Vec::new();
    let mut done = 0;
    for part in content.chunks(options.flush.unwrap_or(usize::MAX)) {
        let mut source = InBuffer::around(part);
        assert_eq!(context.compress_stream2(&mut target, &mut source, ZSTD_e_flush).unwrap(), 0);
        done += part.len();
        seams.push((target.pos(), done));
    }
    assert_eq!(context.compress_stream2(&mut target, &mut InBuffer::around(&[]), ZSTD_e_end).unwrap(), 0);
    let len = target.pos();
    out.truncate(len);
    (out, seams)
}

/// A frame made in one go, with its size in the header.
pub(crate) fn single(content: &[u8], level: i32) -> Vec<u8> {
    let mut out = vec![0; zstd_safe::compress_bound(content.len())];
    let len = zstd_safe::compress(&mut out[..], content, level).unwrap();
    out.truncate(len);
    out
}

/// Where the parts of a frame stand.
#[derive(Debug)]
pub(crate) struct Layout {
    /// After the frame header.
    pub(crate) header_end: usize,
    /// `(start, end, type)` of the blocks, headers included.
    pub(crate) blocks: Vec<(usize, usize, u8)>,
}

impl Layout {
    /// Takes the valid frame at the beginning of `frame` apart.
    pub(crate) fn of(frame: &[u8]) -> Self {
        let descriptor = frame[4];
        let single = descriptor >> 5 & 1;
        let content = [single, 2, 4, 8][usize::from(descriptor >> 6)];
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let mut at = 5 + usize::from(1 - single) + dictionary + usize::from(content);
        let header_end = at;
        let mut blocks = Vec::new();
        loop {
            let header = u32::from_le_bytes([frame[at], frame[at + 1], frame[at + 2], 0]);
            let kind = (header >> 1 & 3) as u8;
            let len = if kind == 1 { 1 } else { (header >> 3) as usize };
            blocks.push((at, at + 3 + len, kind));
            at += 3 + len;
            if header & 1 != 0 {
                return Self { header_end, blocks };
            }
        }
    }

    /// What [`Decoder::unreleased`](exfilter_codec::Decoder::unreleased) should be after `seen` bytes.
    pub(crate) fn unreleased_after(&self, seen: usize) -> u64 {
        let Some(&(start, _, kind)) = self.blocks.iter().find(|block| block.0 < seen && seen < block.1)
        else {
            return 0;
        };
        if kind == 0 && seen >= start + 3 { 0 } else { (seen - start) as u64 }
    }

    /// What a second implementation makes of the first `count` blocks. The frame must say neither its size nor a checksum.
    pub(crate) fn content_of_first(&self, frame: &[u8], count: usize) -> Vec<u8> {
        let Some(last) = count.checked_sub(1) else { return Vec::new() };
        let mut cut = frame[..self.blocks[last].1].to_vec();
        cut[self.blocks[last].0] |= 1;
        let mut out = Vec::new();
        ruzstd::decoding::StreamingDecoder::new(&cut[..]).unwrap().read_to_end(&mut out).unwrap();
        out
    }
}

/// A frame made by hand of raw (`false`) and RLE (`true`) blocks, the latter of a byte and a count.
pub(crate) struct ByHand(Vec<u8>);

impl ByHand {
    /// Starts with the bytes after the magic number.
    pub(crate) fn new(header: &[u8]) -> Self {
        Self([&exfilter_codec::zstd::MAGIC[..], header].concat())
    }

    pub(crate) fn block(mut self, kind: u8, size: usize, content: &[u8], last: bool) -> Self {
        let header = (size as u32) << 3 | u32::from(kind) << 1 | u32::from(last);
        self.0.extend(&header.to_le_bytes()[..3]);
        self.0.extend(content);
        self
    }

    pub(crate) fn raw(self, content: &[u8], last: bool) -> Self {
        self.block(0, content.len(), content, last)
    }

    /// A compressed block of one match behind literals.
    pub(crate) fn matched(self, literals: &[u8], offset: u32, len: u32, last: bool) -> Self {
        let content = matched(literals, offset, len);
        self.block(2, content.len(), &content, last)
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Literals as they are (64 to 127 bytes) and a match (67 to 82 bytes), with a code of its own for each number.
fn matched(literals: &[u8], offset: u32, len: u32) -> Vec<u8> {
    let (value, count) = (offset + 3, literals.len() as u32);
    let code = value.ilog2();
    assert!((64..128).contains(&count) && (67..83).contains(&len));
    let mut block = (count << 4 | 1 << 2).to_le_bytes()[..2].to_vec();
    block.extend(literals);
    // One sequence; the codes of lengths and offset.
    block.extend([1, 0b0101_0100, 25, code as u8, 40]);
    // Read from the mark down: the rest of the offset, of the length of the match and of that of the literals.
    let bits = u64::from(count - 64) | u64::from(len - 67) << 6 | u64::from(value) << 10;
    let bytes = bits.to_le_bytes();
    let width = 10 + code as usize;
    block.extend(&bytes[..=width / 8]);
    block
}

pub(crate) fn skippable(nibble: u8, content: &[u8]) -> Vec<u8> {
    [&[0x50 | nibble, 0x2a, 0x4d, 0x18][..], &(content.len() as u32).to_le_bytes(), content].concat()
}
