//! Encoders for [`crate::decoder::DecoderInput`]: content in one of many spellings of a format.

use std::io::Write;

use exfilter_testing::framing::{self, Framing};
use exfilter_testing::{Rng, wrap};
use flate2::Compression;
use flate2::write::{DeflateEncoder, ZlibEncoder};
use lzma_rust2::{CheckType, FilterType, XzOptions, XzWriter};
use zstd_safe::zstd_sys::ZSTD_EndDirective::{ZSTD_e_end, ZSTD_e_flush};
use zstd_safe::{CParameter, InBuffer, OutBuffer};

const MEMORY: &str = "writing to memory";

/// An encoder.
pub type Encode = fn(&mut Rng, &[u8]) -> Vec<u8>;

/// HTTP chunks.
pub fn chunked(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    framing::frame(rng, Framing::Chunked, content, &cuts(content))
}

/// Server-sent events; what they cannot hold comes back otherwise.
pub fn events(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    framing::frame(rng, Framing::Events, content, &cuts(content))
}

/// gRPC messages.
pub fn grpc(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    framing::frame(rng, Framing::Grpc, content, &cuts(content))
}

/// WebSocket frames.
pub fn websocket(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    framing::frame(rng, Framing::WebSocket, content, &cuts(content))
}

/// Some places in content, as its bytes have it.
fn cuts(content: &[u8]) -> Vec<usize> {
    let is_cut = |(_, byte): &(usize, &u8)| **byte % 61 == 7;
    content.iter().enumerate().filter(is_cut).map(|(at, _)| at).collect()
}

/// Raw deflate.
pub fn deflate(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(rng.below(10) as u32));
    pieces(rng, content, &mut encoder);
    encoder.finish().expect(MEMORY)
}

/// zlib.
pub fn zlib(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(rng.below(10) as u32));
    pieces(rng, content, &mut encoder);
    encoder.finish().expect(MEMORY)
}

/// bzip2, in one or two streams.
pub fn bzip2(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    parts(rng, content).iter().flat_map(|part| one_bzip2(rng, part)).collect()
}

fn one_bzip2(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let mut encoder =
        bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::new(1 + rng.below(9) as u32));
    encoder.write_all(content).expect(MEMORY);
    encoder.finish().expect(MEMORY)
}

/// xz, in one or two streams, at times with padding, filters and several blocks.
pub fn xz(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts(rng, content) {
        out.resize(out.len().next_multiple_of(4) + if out.is_empty() { 0 } else { 4 * rng.below(3) }, 0);
        out.extend(one_xz(rng, part));
    }
    out
}

fn one_xz(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let mut options = XzOptions::with_preset(rng.below(4) as u32);
    options.set_check_sum_type(*rng.pick(&[
        CheckType::None,
        CheckType::Crc32,
        CheckType::Crc64,
        CheckType::Sha256,
    ]));
    options.lzma_options.dict_size = 1 << (12 + rng.below(9));
    if rng.one_in(3) {
        options.set_block_size(std::num::NonZeroU64::new(5000));
    }
    if rng.one_in(4) {
        options.prepend_pre_filter(FilterType::Delta, 1 + rng.below(4) as u32);
    }
    let mut writer = XzWriter::new(Vec::new(), options).expect("the options are sound");
    pieces(rng, content, &mut writer);
    writer.finish().expect(MEMORY)
}

/// Brotli.
pub fn brotli(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: rng.below(10) as i32,
        lgwin: 10 + rng.below(15) as i32,
        ..Default::default()
    };
    let mut writer = brotli::CompressorWriter::with_params(Vec::new(), 4096, &params);
    pieces(rng, content, &mut writer);
    writer.into_inner()
}

/// Frames of zstd: with the length of the content in their heads, or with a window.
pub fn zstd(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    if rng.one_in(2) {
        return wrap::zstd(rng, content);
    }
    let mut context = zstd_safe::CCtx::create();
    let log = 10 + rng.below(8) as u32;
    let mut set = |parameter| context.set_parameter(parameter).expect("it has this parameter");
    set(CParameter::CompressionLevel(1 + rng.below(12) as i32));
    set(CParameter::ContentSizeFlag(false));
    set(CParameter::ChecksumFlag(rng.one_in(2)));
    set(CParameter::WindowLog(log));
    let part = 1 + rng.below(2 << log);
    let mut out = vec![0; zstd_safe::compress_bound(content.len()) + 64 + content.len() / part * 16];
    let mut target = OutBuffer::around(&mut out[..]);
    for part in content.chunks(part) {
        context
            .compress_stream2(&mut target, &mut InBuffer::around(part), ZSTD_e_flush)
            .expect("there is room");
    }
    context.compress_stream2(&mut target, &mut InBuffer::around(&[]), ZSTD_e_end).expect("there is room");
    let len = target.pos();
    out.truncate(len);
    out
}

/// An entry of a zip archive.
pub fn zip(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let method = *rng.pick(&[0u16, 8, 12, 93, 95]);
    // Where the header does not tell the size, the body is one frame; those of zstd may be two.
    let descriptor = !matches!(method, 0 | 93) && rng.one_in(2);
    let body = match method {
        8 => deflate(rng, content),
        12 if descriptor => one_bzip2(rng, content),
        12 => bzip2(rng, content),
        93 => wrap::zstd(rng, content),
        95 if descriptor => one_xz(rng, content),
        95 => xz(rng, content),
        _ => content.to_vec(),
    };
    let (crc, packed, size) = (crc32fast::hash(content), body.len() as u64, content.len() as u64);
    let wide = rng.one_in(2);
    let mut extra = if rng.one_in(3) { b"\x75\x70\x02\0ab".to_vec() } else { Vec::new() };
    let mut head = [crc, packed as u32, size as u32];
    if wide {
        head = [crc, u32::MAX, u32::MAX];
        extra.extend(b"\x01\0\x10\0");
        let sizes = if descriptor { [0; 2] } else { [size, packed] };
        extra.extend(sizes.map(u64::to_le_bytes).concat());
    }
    if descriptor {
        head = if wide { [0, u32::MAX, u32::MAX] } else { [0; 3] };
    }
    let name = &b"a/name/of/a/file.txt"[..1 + rng.below(20)];
    let mut out = b"PK\x03\x04\x14\0".to_vec();
    out.extend([if descriptor { 8 } else { 0 }, 0]);
    out.extend(method.to_le_bytes());
    out.extend([0; 4]);
    out.extend(head.map(u32::to_le_bytes).concat());
    out.extend([name.len() as u16, extra.len() as u16].map(u16::to_le_bytes).concat());
    out.extend([name, &extra, &body].concat());
    if descriptor {
        if rng.one_in(2) {
            out.extend(b"PK\x07\x08");
        }
        out.extend(crc.to_le_bytes());
        for size in [packed, size] {
            out.extend(&size.to_le_bytes()[..if wide { 8 } else { 4 }]);
        }
    }
    out
}

/// Writes `content` in pieces, with a flush here and there.
fn pieces(rng: &mut Rng, content: &[u8], writer: &mut impl Write) {
    let len = *rng.pick(&[7, 100, 1000, 100_000]);
    for piece in content.chunks(len) {
        writer.write_all(piece).expect(MEMORY);
        if rng.one_in(8) {
            writer.flush().expect(MEMORY);
        }
    }
}

/// `content`, or it in two parts.
fn parts<'a>(rng: &mut Rng, content: &'a [u8]) -> Vec<&'a [u8]> {
    if !rng.one_in(3) {
        return vec![content];
    }
    let (first, second) = content.split_at(rng.below(content.len() + 1));
    vec![first, second]
}
