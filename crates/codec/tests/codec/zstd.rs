//! Zstandard: what is valid, in any slicing, and how soon it comes out.

use exfilter_codec::zstd::{Zstd, starts};
use exfilter_codec::{Decoder as _, Fault, Step};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{End, Rng, bytewise, cap, cases, content, cut, lens, run, whole};
use crate::zstd_frames::{ByHand, Layout, Options, compress, single, skippable};

const LIMIT: u64 = 8 << 20;

fn options() -> impl Strategy<Value = Options> {
    let flush = proptest::option::of(prop_oneof![1..=40usize, 1000..=70_000usize]);
    let window_log = proptest::option::of(10..=20u32);
    (-3..=12i32, any::<bool>(), any::<bool>(), window_log, flush).prop_map(
        |(level, checksum, size, window_log, flush)| Options { level, checksum, size, window_log, flush },
    )
}

fn textures(rng: &mut Rng) -> Vec<u8> {
    [
        rng.text(200_000),
        rng.noise(20_000),
        vec![0; 300_000],
        rng.text(200_000),
        rng.noise(140_000),
        rng.text(99),
    ]
    .concat()
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn slicing_changes_nothing(
        frames in vec((content(150_000), options(), proptest::option::of(0..30usize)), 1..4),
        tail in prop_oneof![
            Just(vec![]), Just(vec![0; 9]), Just(vec![0x28]), Just(vec![0x28, 0xb5, 0x2f]), Just(vec![0x5f, 0x2a]),
            Just(vec![0x28, 0x2a, 0x4d]), Just(vec![0x50, 0xb5]),
        ],
        lens in lens(),
        cap in cap(),
    ) {
        let mut packed = Vec::new();
        let mut content = Vec::new();
        let mut starts = Vec::new();
        for (text, options, skipped) in &frames {
            if let Some(len) = skipped {
                starts.push(packed.len() as u64);
                packed.extend(skippable(3, &vec![0x28; *len]));
            }
            starts.push(packed.len() as u64);
            packed.extend(compress(text, *options).0);
            content.extend_from_slice(text);
        }
        let alike = |magic: &[u8]| tail.iter().zip(magic).take_while(|(a, b)| a == b).count();
        let alike = [&[0x28, 0xb5, 0x2f][..], &[0x5f, 0x2a, 0x4d], &[0x50]].map(alike).into_iter().max().unwrap();
        let end = packed.len() + alike;
        packed.extend(&tail);

        let sliced = run(&mut Zstd::new(LIMIT), cut(&packed, &lens), cap);
        prop_assert!(sliced.out == content);
        prop_assert_eq!(&sliced.starts[..], &starts[1..]);
        prop_assert!(sliced.established);
        prop_assert_eq!(sliced.end, if end == packed.len() { End::Whole } else { End::At(end as u64) });
        let finest = bytewise(&mut Zstd::new(LIMIT), &packed);
        prop_assert!(sliced.result() == finest.result());
        sliced.assert_trace_within(&finest);
    }
}

#[test]
fn every_block_comes_out_with_its_last_byte() {
    let mut rng = Rng(20);
    let content = textures(&mut rng);
    for level in [-5, 1, 3, 7, 12, 19] {
        for flush in [None, Some(50_001)] {
            let (frame, _) = compress(&content, Options { level, flush, ..Options::default() });
            let layout = Layout::of(&frame);
            let upto: Vec<usize> =
                (0..=layout.blocks.len()).map(|count| layout.content_of_first(&frame, count).len()).collect();
            for slices in [&[1][..], &[64], &[7, 1, 600]] {
                let run = run(&mut Zstd::new(LIMIT), cut(&frame, slices), usize::MAX);
                assert!(run.out == content);
                for &(seen, made, unreleased) in &run.trace {
                    let seen = seen as usize;
                    let blocks = layout.blocks.partition_point(|block| block.1 <= seen);
                    let raw = match layout.blocks.get(blocks) {
                        Some(&(start, _, 0)) => seen.saturating_sub(start + 3),
                        _ => 0,
                    };
                    assert_eq!(made as usize, upto[blocks] + raw, "level {level}, after {seen} bytes");
                    assert_eq!(
                        unreleased,
                        layout.unreleased_after(seen),
                        "level {level}, after {seen} bytes"
                    );
                }
            }
        }
    }
}

#[test]
fn what_was_flushed_comes_out() {
    let mut rng = Rng(21);
    let text = rng.text(30_000);
    for len in [1, 13, 500] {
        let (frame, seams) = compress(&text, Options { flush: Some(len), ..Options::default() });
        let run = bytewise(&mut Zstd::new(LIMIT), &frame);
        assert!(run.out == text);
        for (seen, made) in seams {
            assert!(run.trace.contains(&(seen as u64, made as u64, 0)), "after {seen} bytes");
        }
    }
}

#[test]
fn every_truncation_hands_out_whole_blocks() {
    let mut rng = Rng(22);
    let text = [rng.text(900), rng.noise(300), vec![1; 2000], rng.text(900)].concat();
    for checksum in [false, true] {
        let (frame, _) = compress(&text, Options { checksum, flush: Some(400), ..Options::default() });
        let finest = bytewise(&mut Zstd::new(LIMIT), &frame);
        for len in 0..frame.len() {
            let run = whole(&mut Zstd::new(LIMIT), &frame[..len]);
            assert_eq!(run.end, End::Bad(len as u64, Fault::Truncated));
            let made = len.checked_sub(1).map_or(0, |last| finest.trace[last].1 as usize);
            assert!(run.out == text[..made], "cut at {len}");
        }
    }
}

#[test]
fn every_split_of_small_inputs() {
    let text = Rng(23).text(80);
    let first = compress(&text, Options { checksum: true, flush: Some(50), ..Options::default() }).0;
    let packed =
        [&skippable(0, b"xyz")[..], &first, &skippable(15, b""), &single(&[7; 40], 1), b"\x28\xb5\x2f\xfe"]
            .concat();
    let once = whole(&mut Zstd::new(LIMIT), &packed);
    assert_eq!(once.out, [&text[..], &[7; 40]].concat());
    assert_eq!(once.end, End::At(packed.len() as u64 - 1));
    assert_eq!(once.starts, [11, 11 + first.len() as u64, 19 + first.len() as u64]);
    for a in 0..=packed.len() {
        for b in a..=packed.len() {
            let slices = [&packed[..a], &packed[a..b], &packed[b..]];
            assert!(run(&mut Zstd::new(LIMIT), slices, 9).result() == once.result(), "cut at {a} and {b}");
        }
    }
}

#[test]
fn bombs_stay_within_the_cap() {
    let zeros = vec![0; 20_000_000];
    let mut decoder = Zstd::new(LIMIT);
    for size in [false, true] {
        let (packed, _) = compress(&zeros, Options { level: 9, size, ..Options::default() });
        assert!(packed.len() * 5000 < zeros.len());
        for cap in [37, 4096, 100_000] {
            decoder.reset();
            let run = run(&mut decoder, [&packed[..]], cap);
            assert!(run.out == zeros);
            assert_eq!(run.end, End::Whole);
            assert!(decoder.window_bytes() < LIMIT + (1 << 20));
        }
    }
}

#[test]
fn the_last_block_waits_for_room() {
    // Without a checksum nothing follows the block, which is where libzstd keeps a byte of the input back.
    let text = Rng(24).text(5000);
    let (frame, _) = compress(&text, Options::default());
    for cap in 1..40 {
        let run = run(&mut Zstd::new(LIMIT), [&frame[..], b"rest"], cap);
        assert!(run.out == text);
        assert_eq!(run.end, End::At(frame.len() as u64));
    }
}

#[test]
fn nothing_waits_unseen_when_the_caller_drains_with_empty_input() {
    let text = Rng(25).text(5000);
    let (frame, _) = compress(&text, Options { checksum: false, ..Options::default() });
    let mut decoder = Zstd::new(LIMIT);
    let mut out = Vec::new();
    let Step::Full { mut consumed } = decoder.decode(&frame, &mut out, 100) else { panic!("not full") };
    while let Step::Full { consumed: more } = decoder.decode(&[], &mut out, 100) {
        consumed += more;
    }
    assert_eq!(out, text);
    assert_eq!(decoder.decode(&frame[consumed..], &mut out, 100), Step::More);
    assert_eq!(decoder.unreleased(), 0);
    assert_eq!(decoder.finish(&mut out, 100), Step::Done { consumed: 0 });
    assert_eq!(out, text);
}

#[test]
fn many_tiny_blocks() {
    let mut frame = ByHand::new(&[0, 0]);
    let mut content = Vec::new();
    for i in 0..30_000u32 {
        frame = match i % 3 {
            0 => frame.raw(&[], false),
            1 => frame.raw(&i.to_le_bytes(), false),
            _ => frame.block(1, 3, &[i as u8], false),
        };
        match i % 3 {
            0 => {}
            1 => content.extend(i.to_le_bytes()),
            _ => content.extend([i as u8; 3]),
        }
    }
    let packed = frame.raw(b"", true).bytes();
    for cap in [1, 5, usize::MAX] {
        let run = run(&mut Zstd::new(LIMIT), cut(&packed, &[64]), cap);
        assert!(run.out == content);
        assert_eq!(run.end, End::Whole);
    }
}

#[test]
fn the_probe_wants_the_magic_number() {
    assert!(starts(&[0x28, 0xb5, 0x2f, 0xfd]));
    assert!(!starts(&[0x28, 0xb5, 0x2f]) && !starts(&[0x50, 0x2a, 0x4d, 0x18]) && !starts(b""));
}

#[test]
fn a_reset_decoder_is_a_new_one() {
    let text = textures(&mut Rng(26));
    let (packed, _) = compress(&text, Options { checksum: true, ..Options::default() });
    let fresh = whole(&mut Zstd::new(LIMIT), &packed);
    let mut decoder = Zstd::new(LIMIT);
    for len in [0, 3, 11, 5000, packed.len() - 3, packed.len()] {
        whole(&mut decoder, &packed[..len]);
        decoder.reset();
        assert!(whole(&mut decoder, &packed) == fresh, "after {len} bytes");
        let memory = decoder.window_bytes();
        decoder.reset();
        assert_eq!(decoder.window_bytes(), 0);
        whole(&mut decoder, &packed);
        assert_eq!(decoder.window_bytes(), memory, "what it was used for does not count");
    }
}

#[test]
fn it_can_be_sent() {
    fn assert_send<T: Send + Sync + std::panic::UnwindSafe>() {}
    assert_send::<Zstd>();
}
