//! Zstandard: what is broken, or over a limit.

use exfilter_codec::zstd::Zstd;
use exfilter_codec::{Decoder as _, Fault};
use proptest::prelude::*;

use crate::support::{End, Rng, bytewise, cap, cases, cut, lens, places, run, whole};
use crate::zstd_frames::{ByHand, Layout, Options, compress, single, skippable};

const LIMIT: u64 = 8 << 20;

/// A limit that libzstd's usual windows are over.
const MIB: u64 = 1 << 20;

fn end_of(input: &[u8]) -> End {
    whole(&mut Zstd::new(LIMIT), input).end
}

#[test]
fn every_flipped_bit() {
    let text = Rng(30).text(900);
    let (mut packed, _) =
        compress(&text, Options { checksum: true, size: true, flush: Some(300), ..Options::default() });
    for bit in places(packed.len() * 8) {
        packed[bit / 8] ^= 1 << (bit % 8);
        let once = whole(&mut Zstd::new(LIMIT), &packed);
        assert!(!(once.end == End::Whole && once.out != text), "bit {bit} goes unnoticed");
        assert!(bytewise(&mut Zstd::new(LIMIT), &packed).result() == once.result(), "bit {bit}");
        assert!(run(&mut Zstd::new(LIMIT), packed.chunks(5), 3).result() == once.result(), "bit {bit}");
        packed[bit / 8] ^= 1 << (bit % 8);
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn flipped_bytes(seed: u64, flips in 1..5usize, size: bool, lens in lens(), cap in cap()) {
        let mut rng = Rng(seed);
        let text = rng.text(300_000);
        let (mut packed, _) = compress(&text, Options { checksum: true, size, flush: Some(30_000), ..Options::default() });
        for _ in 0..flips {
            let at = rng.below(packed.len());
            packed[at] = rng.next() as u8;
        }
        let finest = bytewise(&mut Zstd::new(LIMIT), &packed);
        let sliced = run(&mut Zstd::new(LIMIT), cut(&packed, &lens), cap);
        prop_assert!(sliced.result() == finest.result());
        sliced.assert_trace_within(&finest);
        prop_assert!(finest.end != End::Whole || finest.out == text);
    }

    #[test]
    fn noise_after_a_header(seed: u64, len in 0..3000usize, lens in lens(), cap in cap()) {
        let packed = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 0x40][..], &Rng(seed).noise(len)].concat();
        let finest = bytewise(&mut Zstd::new(LIMIT), &packed);
        let sliced = run(&mut Zstd::new(LIMIT), cut(&packed, &lens), cap);
        prop_assert!(sliced.result() == finest.result());
    }
}

#[test]
fn blocks_before_a_fault_come_out() {
    let mut rng = Rng(31);
    let text = rng.text(100_000);
    let (mut packed, _) = compress(&text, Options { flush: Some(10_000), ..Options::default() });
    let layout = Layout::of(&packed);
    let before = layout.content_of_first(&packed, 7);
    assert!(before.len() > 10_000);
    // Block 7 gets a literals section of an impossible size.
    let (start, end, kind) = layout.blocks[7];
    assert_eq!(kind, 2);
    packed[start + 3..end].fill(0xff);
    for cap in [1, 777, usize::MAX] {
        let run = run(&mut Zstd::new(LIMIT), [&packed[..]], cap);
        assert!(run.out == before);
        assert_eq!(run.end, End::Bad(end as u64, Fault::Corrupt));
        assert!(run.established);
    }
}

#[test]
fn a_wrong_size_or_checksum_hides_nothing() {
    let text = Rng(32).text(3000);
    let (packed, _) = compress(&text, Options { checksum: true, size: true, ..Options::default() });
    let layout = Layout::of(&packed);
    let mut wrong_size = packed.clone();
    wrong_size[layout.header_end - 1] ^= 1;
    let run = whole(&mut Zstd::new(LIMIT), &wrong_size);
    assert_eq!((run.out == text, run.end), (true, End::Bad(packed.len() as u64 - 4, Fault::Corrupt)));
    let mut wrong_sum = packed.clone();
    wrong_sum[packed.len() - 1] ^= 1;
    let run = whole(&mut Zstd::new(LIMIT), &wrong_sum);
    assert_eq!((run.out == text, run.end), (true, End::Bad(packed.len() as u64, Fault::Corrupt)));
}

#[test]
fn a_window_over_the_limit_is_decoded_as_far_as_nothing_can_refer_beyond_it() {
    // The windows of 1 MiB, of an eighth more, and of the largest size there is.
    for (descriptor, fits) in [(10 << 3, true), (10 << 3 | 1, false), (0xff, false)] {
        let few = ByHand::new(&[0, descriptor]).raw(b"content", true).bytes();
        assert_eq!(whole(&mut Zstd::new(MIB), &few).end, End::Whole);
        let mut many = ByHand::new(&[0, descriptor]);
        // Seven blocks reach 896 KiB; what the eighth one refers to is kept, what a ninth one could is not.
        for _ in 0..8 {
            many = many.block(1, 128 * 1024, b"x", false);
        }
        let packed = many.block(1, 5, b"y", true).bytes();
        let reached = packed.len() as u64 - 1;
        let run = whole(&mut Zstd::new(MIB), &packed);
        assert_eq!(run.end, if fits { End::Whole } else { End::Bad(reached, Fault::WindowTooLarge) });
        assert_eq!(run.out.len(), (1 << 20) + if fits { 5 } else { 0 });
    }
    // Single segments: the content is the window.
    for (size, fits) in [(1u64 << 20, true), ((1 << 20) + 1, false), (u64::MAX, false)] {
        let mut packed = ByHand::new(&[&[0xe0][..], &size.to_le_bytes()].concat());
        for _ in 0..8 {
            packed = packed.block(1, 128 * 1024, b"x", false);
        }
        let packed = packed.raw(b"y", false).bytes();
        let run = whole(&mut Zstd::new(MIB), &packed);
        // Decoding checks the size of the content at its end only.
        let fault = if fits { Fault::Truncated } else { Fault::WindowTooLarge };
        assert_eq!(run.end, End::Bad(packed.len() as u64 - u64::from(!fits), fault));
    }
}

#[test]
fn a_limit_below_a_block_refuses_larger_windows_at_once() {
    let at = |len: usize| End::Bad(4 + len as u64, Fault::WindowTooLarge);
    for (limit, header) in [(0, &[0, 0][..]), (1 << 16, &[0, 0x38]), (1 << 16, &[0xa0, 0, 0, 2, 0])] {
        let mut decoder = Zstd::new(limit);
        assert_eq!(whole(&mut decoder, &ByHand::new(header).raw(b"", true).bytes()).end, at(header.len()));
        assert_eq!(decoder.window_bytes(), 0);
    }
    assert_eq!(whole(&mut Zstd::new(0), &ByHand::new(&[0x20, 0]).raw(b"", true).bytes()).end, End::Whole);
}

/// What refers back as far as it can, with a window of twice the limit.
#[test]
fn a_clamped_window_decodes_the_same() {
    let text = Rng(35).text(MIB as usize);
    let text = [&text[..], &text[..]].concat();
    let (packed, _) = compress(&text, Options { window_log: Some(21), ..Options::default() });
    assert!(whole(&mut Zstd::new(2 * MIB), &packed).out == text);
    let run = whole(&mut Zstd::new(MIB), &packed);
    assert!(matches!(run.end, End::Bad(_, Fault::WindowTooLarge)));
    assert!(run.out.len() as u64 > MIB - 2 * 128 * 1024);
    assert!(text.starts_with(&run.out));
}

#[test]
fn the_window_is_what_the_header_declares() {
    let text = Rng(33).text(3_000_000);
    let (packed, _) = compress(&text, Options { window_log: Some(20), ..Options::default() });
    let mut decoder = Zstd::new(MIB);
    assert!(whole(&mut decoder, &packed).out == text);
    let memory = decoder.window_bytes();
    assert!((1 << 20..(1 << 20) + 700_000).contains(&memory), "{memory}");
}

#[test]
fn dictionaries_are_missing() {
    for header in [&[1, 0, 7][..], &[2, 0, 0, 7], &[3, 0, 0, 0, 0, 7], &[0x21, 7, 1]] {
        let len = 4 + header.len() as u64;
        let one = |last| ByHand::new(header).raw(b"content", last);
        let missing = |at| End::Bad(len + at, Fault::MissingDictionary);
        assert_eq!(end_of(&one(true).bytes()), missing(10));
        assert_eq!(end_of(&one(false).raw(b"more", true).bytes()), missing(13));
        assert_eq!(end_of(&one(false).bytes()), End::Bad(len + 10, Fault::Truncated));
        // What follows is no block: then this was no frame.
        assert_eq!(end_of(&one(false).block(3, 5, b"", true).bytes()), End::Bad(len + 13, Fault::Corrupt));
        assert_eq!(
            end_of(&ByHand::new(header).block(3, 5, b"", true).bytes()),
            End::Bad(len + 3, Fault::Corrupt)
        );
    }
    assert_eq!(end_of(&ByHand::new(&[3, 0, 0, 0, 0, 0]).raw(b"content", true).bytes()), End::Whole);
}

#[test]
fn blocks_that_are_none() {
    let bad = |packed: &[u8]| End::Bad(packed.len() as u64, Fault::Corrupt);
    for packed in [
        ByHand::new(&[0, 0]).block(3, 5, b"", true).bytes(),
        ByHand::new(&[0, 0]).block(0, 1025, b"", true).bytes(),
        ByHand::new(&[0, 0]).block(1, 1025, b"", true).bytes(),
        ByHand::new(&[0, 0x50]).block(2, 128 * 1024 + 1, b"", true).bytes(),
        ByHand::new(&[8, 0]).bytes(),
        ByHand::new(&[0x20, 8]).raw(b"content", true).bytes(),
    ] {
        assert_eq!(end_of(&packed), bad(&packed), "{packed:02x?}");
    }
    assert_eq!(end_of(b"\x28\xb5\x2f\xfc"), End::Bad(3, Fault::Corrupt));
    assert_eq!(end_of(b""), End::Bad(0, Fault::Truncated));
}

#[test]
fn the_largest_block_is_released_whole() {
    let packed = ByHand::new(&[0, 0x38]).block(1, 128 * 1024, b"x", true).bytes();
    let run = whole(&mut Zstd::new(LIMIT), &packed);
    assert_eq!((run.out.len(), run.end), (128 * 1024, End::Whole));
    assert_eq!(Zstd::new(LIMIT).block_max(), 128 * 1024 + 3);
}

#[test]
fn skippable_frames() {
    let frame = single(b"content", 3);
    let packed = [&skippable(0, &[9; 70_000])[..], &frame, &skippable(7, b"x")].concat();
    let run = run(&mut Zstd::new(LIMIT), cut(&packed, &[1000, 1]), usize::MAX);
    assert_eq!((&run.out[..], run.end), (&b"content"[..], End::Whole));
    for cut in [3, 4, 7, 8, 9] {
        let run = whole(&mut Zstd::new(LIMIT), &skippable(1, b"ab")[..cut]);
        assert_eq!(run.end, End::Bad(cut as u64, Fault::Truncated));
    }
    assert_eq!(whole(&mut Zstd::new(LIMIT), &skippable(1, b"ab")).end, End::Whole);
}
