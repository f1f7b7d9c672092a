//! Brotli.

use brotli::enc::BrotliEncoderParams;
use exfilter_codec::brotli::Brotli;
use exfilter_codec::{Decoder as _, Fault, Step};
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::Write as _;

use crate::support::{
    End, Rng, assert_can_be_sent, blind, bytewise, cap, cases, content, every_truncation, lens, places,
    resets, run, whole,
};

const LIMIT: u64 = 16 << 20;

fn new() -> Brotli {
    Brotli::new(LIMIT)
}

/// Compresses `content`, with a flush after every `flush` bytes. Returns where flushes ended too: input and output so far.
fn compress(content: &[u8], quality: u32, window: u32, flush: usize) -> (Vec<u8>, Vec<(usize, usize)>) {
    let params = BrotliEncoderParams { quality: quality as i32, lgwin: window as i32, ..Default::default() };
    let mut writer = brotli::CompressorWriter::with_params(Vec::new(), 4096, &params);
    let mut seams = Vec::new();
    let mut made = 0;
    for part in content.chunks(flush) {
        writer.write_all(part).unwrap();
        made += part.len();
        if flush != usize::MAX {
            writer.flush().unwrap();
            seams.push((writer.get_ref().len(), made));
        }
    }
    (writer.into_inner(), seams)
}

/// Writes bits, the lowest first.
#[derive(Default)]
struct Bits {
    out: Vec<u8>,
    bit: usize,
}

impl Bits {
    fn put(&mut self, value: usize, count: usize) {
        for i in 0..count {
            if self.bit.is_multiple_of(8) {
                self.out.push(0);
            }
            let last = self.out.len() - 1;
            self.out[last] |= ((value >> i & 1) as u8) << (self.bit % 8);
            self.bit += 1;
        }
    }

    /// A meta-block of `content` as it is.
    fn plain(&mut self, content: &[u8]) {
        self.put(0, 1);
        self.put(0, 2);
        self.put(content.len() - 1, 16);
        self.put(1, 1);
        self.bit = self.bit.next_multiple_of(8);
        content.iter().for_each(|&byte| self.put(byte.into(), 8));
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn slicing_changes_nothing(
        content in content(40_000),
        quality in 0..=11u32,
        window in 10..=24u32,
        flush in prop_oneof![Just(usize::MAX), 1..3000usize],
        tail in vec(any::<u8>(), 0..20),
        lens in lens(),
        cap in cap(),
    ) {
        let (mut packed, seams) = compress(&content, quality, window, flush);
        let end = packed.len();
        packed.extend(&tail);
        let run = blind(new, &packed, &lens, cap);
        prop_assert!(run.out == content && run.established);
        prop_assert_eq!(run.end, End::At(end as u64));
        prop_assert!(run.trace.iter().all(|&(_, _, unreleased)| unreleased == 0));
        for (seen, made) in seams {
            let at = run.trace.iter().find(|at| at.0 == seen as u64);
            prop_assert!(at.is_none_or(|at| at.1 == made as u64), "after a flush all is out");
        }
    }

    #[test]
    fn flipped_bytes(seed: u64, quality in 0..=11u32, flips in 1..5usize, lens in lens(), cap in cap()) {
        let mut rng = Rng(seed);
        let text = rng.text(20_000);
        let (mut packed, _) = compress(&text, quality, 16, 9000);
        for _ in 0..flips {
            let at = rng.below(packed.len());
            packed[at] = rng.next() as u8;
        }
        let run = blind(new, &packed, &lens, cap);
        // What the library makes of all of it at once is no more.
        let mut theirs = Vec::new();
        let _ = brotli::BrotliDecompress(&mut &packed[..], &mut theirs);
        prop_assert!(run.out.starts_with(&theirs), "{} and {}", run.out.len(), theirs.len());
    }

    #[test]
    fn noise(seed: u64, len in 0..3000usize, lens in lens(), cap in cap()) {
        blind(new, &Rng(seed).noise(len), &lens, cap);
    }
}

#[test]
fn broken_in_every_place() {
    let text = Rng(70).text(900);
    for quality in [1, 5, 11] {
        let (packed, _) = compress(&text, quality, 22, 300);
        every_truncation(new, &packed, &text);
        let mut broken = packed.clone();
        for bit in places(packed.len() * 8) {
            broken[bit / 8] ^= 1 << (bit % 8);
            blind(new, &broken, &[7, 64, 1], 13);
            broken[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn all_before_a_fault_comes_out() {
    let text = Rng(71).text(60_000);
    let (mut packed, seams) = compress(&text, 5, 18, 20_000);
    let (seen, made) = seams[1];
    // A meta-block of reserved kind: not last, three nibbles' worth of nothing, and the bit that must be zero.
    packed.truncate(seen);
    packed.push(0b0000_1110);
    for cap in [1, 777, usize::MAX] {
        let run = run(&mut new(), [&packed[..]], cap);
        assert!(run.out == text[..made]);
        assert_eq!(run.end, End::Bad(seen as u64 + 1, Fault::Corrupt));
    }
}

#[test]
fn as_it_is() {
    let mut rng = Rng(72);
    let mut bits = Bits::default();
    bits.put(0, 1);
    let mut content = Vec::new();
    for len in [1, 7, 300, 65_536, 65_536, 5] {
        let part = rng.noise(len);
        bits.plain(&part);
        content.extend(part);
    }
    bits.put(0b11, 2);
    let packed = bits.out;
    let run = bytewise(&mut new(), &packed);
    assert!(run.out == content);
    assert_eq!(run.end, End::At(packed.len() as u64));
    assert_eq!(whole(&mut new(), &packed).result(), run.result());
    assert!(run.trace.iter().all(|&(seen, made, _)| seen - made < 32), "a byte in is a byte out");
}

#[test]
fn windows() {
    // "Large windows" are another format.
    for first in [0x11, 0x91] {
        let run = whole(&mut new(), &[first, 30, 0, 0]);
        assert_eq!((run.end, run.out.len()), (End::Bad(1, Fault::WindowTooLarge), 0));
    }
    let text = Rng(73).noise(3 << 20);
    for (limit, fits) in [(1 << 20, false), (4 << 20, true)] {
        let (packed, _) = compress(&text, 1, 24, usize::MAX);
        let mut decoder = Brotli::new(limit);
        let run = run(&mut decoder, packed.chunks(70_000), 1000);
        assert!(text.starts_with(&run.out));
        if fits {
            assert!(run.out == text && matches!(run.end, End::Whole | End::At(_)));
            assert!(decoder.window_bytes() < limit + (1 << 20));
        } else {
            assert!(matches!(run.end, End::Bad(_, Fault::WindowTooLarge)), "{:?}", run.end);
            assert!(run.out.len() as u64 <= limit);
        }
    }
    // A declared window that is not used takes nothing.
    let (packed, _) = compress(b"content", 5, 24, usize::MAX);
    let mut decoder = Brotli::new(4096);
    assert_eq!(decoder.window_bytes(), 0);
    assert_eq!(whole(&mut decoder, &packed).out, b"content");
    assert!(decoder.window_bytes() < 100_000);
}

#[test]
fn bombs_stay_within_the_cap() {
    let zeros = vec![0; 20_000_000];
    let (packed, _) = compress(&zeros, 9, 22, usize::MAX);
    assert!(packed.len() < 1000);
    let mut decoder = new();
    for cap in [37, 4096, 100_000] {
        decoder.reset();
        let run = run(&mut decoder, [&packed[..]], cap);
        assert!(run.out == zeros && run.end == End::Whole || run.end == End::At(packed.len() as u64));
        assert!(decoder.window_bytes() < 5 << 20);
    }
}

#[test]
fn the_end_needs_no_look_at_what_follows() {
    for quality in [0, 5, 11] {
        for content in [&b""[..], b"x", b"content, content, content"] {
            let (packed, _) = compress(content, quality, 22, usize::MAX);
            let mut out = Vec::new();
            let mut decoder = new();
            assert_eq!(decoder.decode(&packed, &mut out, 100), Step::Done { consumed: packed.len() });
            assert_eq!(decoder.finish(&mut out, 100), Step::Done { consumed: 0 });
            assert!(out == content && decoder.is_established());
        }
    }
}

#[test]
fn reset_and_sent() {
    let (packed, _) = compress(&Rng(74).text(70_000), 5, 18, usize::MAX);
    resets(new, Brotli::reset, &packed);
    assert_can_be_sent::<Brotli>();
}
