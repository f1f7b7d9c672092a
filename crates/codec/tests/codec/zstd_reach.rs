//! Zstandard: matches that refer back farther than their window, which the format forbids and libzstd reads as it can.

use exfilter_codec::Fault;
use exfilter_codec::zstd::Zstd;
use proptest::prelude::*;
use zstd_safe::{CCtx, CParameter};

use crate::support::{End, Rng, bytewise, cap, cases, cut, lens, run, whole};
use crate::zstd_frames::{ByHand, Layout, Options, compress};

const LIMIT: u64 = 8 << 20;

/// What a program reads that decodes a frame at once.
fn at_once(frame: &[u8], room: usize) -> Vec<u8> {
    let mut out = vec![0; room];
    let len = zstd_safe::decompress(&mut out[..], frame).unwrap();
    out.truncate(len);
    out
}

/// A frame that says that it refers back as far as `descriptor` stands for.
fn declaring(descriptor: u8, mut frame: Vec<u8>) -> Vec<u8> {
    assert_eq!(frame[4] & !4, 0, "a window and no size");
    frame[5] = descriptor;
    frame
}

/// After three blocks of the size of its window libzstd's memory for output is full and it begins anew there. What a match takes from where the frame began is
/// then what has just been written, for who decodes piece by piece.
#[test]
fn a_match_that_readers_take_from_different_places() {
    let mut rng = Rng(60);
    let (blocks, literals) = (rng.text(3 * 1024), rng.text(100));
    let frame = |offset, last| {
        let header = ByHand::new(&[0, 0]);
        let frame = blocks.chunks(1024).fold(header, |frame, block| frame.raw(block, false));
        frame.matched(&literals, offset, 70, last)
    };

    // As far as the window goes, all read the same.
    let packed = frame(1024, true).bytes();
    let content = [&blocks[..], &literals, &blocks[3 * 1024 + 100 - 1024..][..70]].concat();
    assert!(at_once(&packed, 4096) == content);
    let read = whole(&mut Zstd::new(LIMIT), &packed);
    assert!(read.out == content);
    assert_eq!(read.end, End::Whole);

    // To the frame's first byte, and one byte beyond the window.
    for (offset, from) in [(3 * 1024 + 100, 0), (1025, 3 * 1024 + 100 - 1025)] {
        let packed = frame(offset, true).bytes();
        assert!(at_once(&packed, 4096) == [&blocks[..], &literals, &blocks[from..][..70]].concat());
        for more in [&b""[..], b"\x01\0\0"] {
            let packed = [&frame(offset, more.is_empty()).bytes()[..], more].concat();
            let bad = End::Bad((packed.len() - more.len()) as u64, Fault::Ambiguous);
            let finest = bytewise(&mut Zstd::new(LIMIT), &packed);
            for lens in [&[1000][..], &[1], &[7, 200]] {
                for cap in [1, 777, usize::MAX] {
                    let read = run(&mut Zstd::new(LIMIT), cut(&packed, lens), cap);
                    assert_eq!((read.out == blocks, read.end), (true, bad));
                    read.assert_trace_within(&finest);
                }
            }
        }
    }
}

/// What nobody can read is no match from beyond the window, but nothing.
#[test]
fn a_match_from_before_the_beginning() {
    let packed = ByHand::new(&[0, 8]).matched(&[b'x'; 100], 5000, 70, true).bytes();
    let read = whole(&mut Zstd::new(LIMIT), &packed);
    assert_eq!(read.end, End::Bad(packed.len() as u64, Fault::Corrupt));
    assert!(!read.established);
}

/// A first block that older releases of libzstd take is no noise, and one that none takes is.
#[test]
fn what_only_older_releases_take() {
    for header in [&[0, 0x38][..], &[0x60, 100, 0]] {
        let packed = |change: fn(&mut Vec<u8>)| {
            let frame = ByHand::new(header).raw(&[b'a'; 100], false);
            let start = frame.bytes().len() + 3;
            let mut packed =
                ByHand::new(header).raw(&[b'a'; 100], false).matched(&[b'x'; 100], 30, 70, true).bytes();
            let mut block = packed.split_off(start);
            change(&mut block);
            packed[start - 3] = ((block.len() as u32) << 3 | 5) as u8;
            packed[start - 2] = (block.len() >> 5) as u8;
            packed.extend(block);
            packed
        };
        // A reserved bit of the modes, behind 2 and 100 bytes and a number.
        let reserved = packed(|block| block[103] |= 1);
        // The mark some bits earlier.
        let short = packed(|block| {
            block.pop();
            block.push(1);
        });
        for packed in [reserved, short] {
            let bad = End::Bad(packed.len() as u64, Fault::Ambiguous);
            for read in [whole(&mut Zstd::new(LIMIT), &packed), bytewise(&mut Zstd::new(LIMIT), &packed)] {
                assert_eq!((&read.out[..], read.end), (&[b'a'; 100][..], bad));
            }
        }
        for noise in [packed(|block| block[103] |= 0xc0), packed(|block| block.push(7))] {
            let bad = End::Bad(noise.len() as u64, Fault::Corrupt);
            assert_eq!(whole(&mut Zstd::new(LIMIT), &noise).end, bad);
            assert_eq!(bytewise(&mut Zstd::new(LIMIT), &noise).end, bad);
        }
    }
}

proptest! {
    #![proptest_config(cases(200))]

    /// Frames of libzstd, whose header says that they refer back less far than they do.
    #[test]
    fn what_is_read_is_what_all_read(
        seed: u64, level in -3..=19i32, checksum: bool, small in 0..=4u8, eighths in 0..=7u8, part in 1..=8usize,
        lens in lens(), cap in cap(),
    ) {
        let mut rng = Rng(seed);
        let window = 1024usize << small;
        let (few, many) = (rng.text(3 * window), rng.text(window / 2));
        let content = [&few[..], &many, &few[window..], &many, &few, &many].concat();
        let flush = Some(window * part / 8);
        let options = Options { level, checksum, window_log: Some(20), flush, ..Options::default() };
        let packed = declaring(small << 3 | eighths, compress(&content, options).0);
        prop_assert!(at_once(&packed, content.len()) == content);

        let read = run(&mut Zstd::new(LIMIT), cut(&packed, &lens), cap);
        prop_assert!(content.starts_with(&read.out));
        match read.end {
            End::Whole => prop_assert!(read.out == content),
            end => prop_assert!(matches!(end, End::Bad(_, Fault::Ambiguous)), "{:?}", end),
        }
        let finest = bytewise(&mut Zstd::new(LIMIT), &packed);
        prop_assert!(read.result() == finest.result());
        read.assert_trace_within(&finest);
    }
}

/// How the codes of offsets are told in the compressed blocks of a frame: not at all, by one code, described, as before.
fn modes(frame: &[u8]) -> [usize; 4] {
    let mut modes = [0; 4];
    for &(start, end, kind) in &Layout::of(frame).blocks {
        let block = &frame[start + 3..end];
        let header =
            |len: usize| block[..len].iter().rev().fold(0usize, |all, byte| all << 8 | usize::from(*byte));
        if kind != 2 {
            continue;
        }
        let literals = match (block[0] & 3, block[0] >> 2 & 3) {
            (0, 0 | 2) => 1 + (header(1) >> 3),
            (0, 1) => 2 + (header(2) >> 4),
            (0, _) => 3 + (header(3) >> 4),
            (1, 0 | 2) => 2,
            (1, 1) => 3,
            (1, _) => 4,
            (_, 0 | 1) => 3 + (header(3) >> 14),
            (_, 2) => 4 + (header(4) >> 18),
            (_, _) => 5 + (header(5) >> 22),
        };
        let sequences = &block[literals..];
        let at = match sequences[0] {
            0 => continue,
            1..=127 => 1,
            128..=254 => 2,
            255 => 3,
        };
        modes[usize::from(sequences[at] >> 4 & 3)] += 1;
    }
    modes
}

/// However the codes of offsets are told, an offset beyond the window is seen.
#[test]
fn every_way_to_tell_the_codes() {
    let mut rng = Rng(61);
    let mut seen = [0; 4];
    for (len, flush) in [(2000, 100), (2000, 600), (300_000, 16_000), (300_000, 40_000)] {
        for level in [1, 3, 9, 15] {
            let text = rng.text(len);
            // Short repetitions nearby, and the whole once more from afar.
            let content = [&text[..], &text[..]].concat();
            let options = Options { level, flush: Some(flush), window_log: Some(20), ..Options::default() };
            let packed = compress(&content, options).0;
            assert!(whole(&mut Zstd::new(LIMIT), &packed).out == content);
            let (descriptor, window) = if len == 2000 { (0, 1 << 10) } else { (6 << 3, 1 << 16) };
            let read = whole(&mut Zstd::new(LIMIT), &declaring(descriptor, packed.clone()));
            assert!(
                matches!(read.end, End::Bad(_, Fault::Ambiguous)),
                "{len} {flush} {level}: {:?}",
                read.end
            );
            assert!(content.starts_with(&read.out) && read.out.len() + flush > window);
            let count = modes(&packed);
            seen.iter_mut().zip(count).for_each(|(all, more)| *all += more);
        }
    }
    let [usual, _, described, _] = seen;
    assert!(usual > 10 && described > 10, "{seen:?}");
}

/// What libzstd makes refers back no farther than its window, and sometimes exactly as far.
#[test]
fn what_libzstd_makes_is_within_its_window() {
    let mut rng = Rng(62);
    let part = rng.text(1 << 15);
    let content = [part.repeat(4), rng.text(20_000), part[1..].repeat(4), rng.noise(30_000), part].concat();
    for level in [-5, 1, 3, 5, 7, 9, 13, 16, 19, 22] {
        for (long, log) in [(false, 15), (true, 15), (false, 14), (true, 16)] {
            let mut context = CCtx::create();
            context.set_parameter(CParameter::CompressionLevel(level)).unwrap();
            context.set_parameter(CParameter::WindowLog(log)).unwrap();
            context.set_parameter(CParameter::EnableLongDistanceMatching(long)).unwrap();
            context.set_parameter(CParameter::ContentSizeFlag(false)).unwrap();
            let mut packed = vec![0; zstd_safe::compress_bound(content.len())];
            let len = context.compress2(&mut packed[..], &content).unwrap();
            packed.truncate(len);
            let read = whole(&mut Zstd::new(LIMIT), &packed);
            assert!(
                read.out == content && read.end == End::Whole,
                "level {level}, {long} {log}: {:?}",
                read.end
            );
        }
    }
}

/// A decoder that has given up is a new one after a reset, with nothing left of the block.
#[test]
fn a_reset_forgets_the_frame() {
    let blocks = Rng(63).text(2048);
    let header = ByHand::new(&[0, 0]);
    let frame = blocks.chunks(1024).fold(header, |frame, block| frame.raw(block, false));
    let packed = frame.matched(&[b'x'; 100], 1030, 70, true).bytes();
    let mut decoder = Zstd::new(LIMIT);
    for end in [packed.len(), packed.len() - 5, packed.len()] {
        assert!(whole(&mut decoder, &packed[..end]).end != End::Whole);
        decoder.reset();
    }
    let whole_frame = compress(&blocks, Options::default()).0;
    assert!(whole(&mut decoder, &whole_frame).out == blocks);
}
