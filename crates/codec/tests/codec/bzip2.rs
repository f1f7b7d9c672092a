//! bzip2.

use std::io::Write as _;

use bzip2::Compression;
use bzip2::write::BzEncoder;
use exfilter_codec::bzip2::{BLOCK_MAGIC, Bzip2, END_MAGIC, MAGIC, PROBE_LEN, starts};
use exfilter_codec::{Decoder as _, Fault};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{
    End, Rng, assert_can_be_sent, blind, bytewise, cap, cases, content, cut, every_flipped_bit,
    every_truncation, lens, resets, run, whole,
};

pub(crate) fn compress(content: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Writes bits, the highest first.
#[derive(Default)]
struct Bits {
    out: Vec<u8>,
    bit: usize,
}

impl Bits {
    fn put(&mut self, value: u64, count: usize) {
        for i in (0..count).rev() {
            if self.bit.is_multiple_of(8) {
                self.out.push(0);
            }
            let last = self.out.len() - 1;
            self.out[last] |= ((value >> i & 1) as u8) << (7 - self.bit % 8);
            self.bit += 1;
        }
    }

    fn header(&mut self) {
        self.put(u64::from_be_bytes(*b"\0\0\0\0BZh1"), 32);
    }

    /// A block up to its code lengths, of the bytes in `used`, with two tables and one selector.
    fn block(&mut self, sum: u32, origin: u64, used: &[u8]) {
        self.put(0x3141_5926_5359, 48);
        self.put(sum.into(), 32);
        self.put(0, 1);
        self.put(origin, 24);
        let rows = |row: u8| used.iter().any(|byte| byte >> 4 == row);
        (0..16).for_each(|row| self.put(rows(row).into(), 1));
        for row in (0..16).filter(|row| rows(*row)) {
            (0..16).for_each(|low| self.put(used.contains(&(row << 4 | low)).into(), 1));
        }
        self.put(2, 3);
        self.put(1, 15);
        self.put(0, 1);
    }

    /// Two tables in which `count` symbols have codes of two bits each: 0, 1, 2, 3.
    fn tables(&mut self, count: usize) {
        for _ in 0..2 {
            self.put(2, 5);
            self.put(0, count);
        }
    }

    fn end(&mut self, sum: u32) {
        self.put(0x1772_4538_5090, 48);
        self.put(sum.into(), 32);
    }
}

/// bzip2's CRC-32: the usual polynomial, the highest bit first.
fn crc(content: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    };
    !content.iter().fold(!0, step)
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn slicing_changes_nothing(
        streams in vec((content(30_000), 1..=9u32), 1..4),
        tail in prop_oneof![
            Just(vec![]), Just(vec![0; 9]), Just(b"B".to_vec()), Just(b"BZh".to_vec()), Just(b"BZh0".to_vec()),
            Just(b"BZh91AY&SX".to_vec()), Just(b"BZh9\x17\x72\x45\x38\x50".to_vec()),
        ],
        lens in lens(),
        cap in cap(),
    ) {
        let mut packed = Vec::new();
        let mut content = Vec::new();
        let mut starts = Vec::new();
        for (text, level) in &streams {
            starts.push(packed.len() as u64);
            packed.extend(compress(text, *level));
            content.extend_from_slice(text);
        }
        let alike = |end: &[u8; 6]| {
            let magic = [&MAGIC[..], b"9", end].concat();
            tail.iter().zip(&magic).take_while(|(a, b)| a == b).count()
        };
        let end = packed.len() + alike(&BLOCK_MAGIC).max(alike(&END_MAGIC));
        packed.extend(&tail);
        let run = blind(Bzip2::new, &packed, &lens, cap);
        prop_assert!(run.out == content && run.established);
        prop_assert_eq!(&run.starts[..], &starts[1..]);
        prop_assert_eq!(run.end, if end == packed.len() { End::Whole } else { End::At(end as u64) });
    }

    #[test]
    fn flipped_bytes(seed: u64, flips in 1..4usize, lens in lens(), cap in cap()) {
        let mut rng = Rng(seed);
        let text = [rng.text(110_000), vec![b'x'; 3000], rng.text(60_000)].concat();
        let mut packed = compress(&text, 1);
        for _ in 0..flips {
            let at = rng.below(packed.len());
            packed[at] = rng.next() as u8;
        }
        let run = blind(Bzip2::new, &packed, &lens, cap);
        prop_assert!(!matches!(run.end, End::Whole | End::At(_)) || run.out == text);
    }

    #[test]
    fn noise_after_a_header(seed: u64, len in 0..3000usize, lens in lens(), cap in cap()) {
        let packed = [&b"BZh31AY&SY"[..], &Rng(seed).noise(len)].concat();
        blind(Bzip2::new, &packed, &lens, cap);
    }
}

/// Where the blocks of a stream end: the first offset at which a later magic number has been seen in full begins less than a
/// byte after them.
fn ends_of_blocks(packed: &[u8]) -> Vec<usize> {
    let magics = [0x3141_5926_5359u64, 0x1772_4538_5090];
    let bit = |i: usize| u64::from(packed[i / 8] >> (7 - i % 8) & 1);
    let mut window = 0;
    let mut ends = Vec::new();
    for i in 0..packed.len() * 8 {
        window = (window << 1 | bit(i)) & ((1 << 48) - 1);
        if magics.contains(&window) {
            ends.push((i + 1 - 48).div_ceil(8));
        }
    }
    ends.remove(0);
    ends
}

#[test]
fn every_block_comes_out_with_its_last_byte() {
    let mut rng = Rng(50);
    let content = [rng.text(180_000), rng.noise(50_000), vec![b'x'; 200_000], rng.text(130_000)].concat();
    let packed = compress(&content, 1);
    let ends = ends_of_blocks(&packed);
    assert!(ends.len() > 3);
    for slices in [&[1][..], &[64], &[7, 1, 6000]] {
        let run = run(&mut Bzip2::new(), cut(&packed, slices), usize::MAX);
        assert!(run.out == content);
        for pair in run.trace.windows(2) {
            let [(before, made_before, _), (seen, made, unreleased)] = [pair[0], pair[1]];
            let ended = ends.iter().any(|&end| end as u64 > before && end as u64 <= seen);
            assert_eq!(made > made_before, ended, "after {seen} bytes");
            let start = ends.iter().rev().find(|&&end| end as u64 <= seen).map_or(10, |&end| end as u64);
            if seen < packed.len() as u64 {
                assert_eq!(unreleased, seen.saturating_sub(start), "after {seen} bytes");
            }
        }
    }
}

#[test]
fn broken_in_every_place() {
    let text = Rng(51).text(900);
    let packed = compress(&text, 9);
    every_truncation(Bzip2::new, &packed, &text);
    every_flipped_bit(Bzip2::new, &packed, &text, |_| true);
    every_truncation(Bzip2::new, &compress(b"", 1), b"");
    every_flipped_bit(Bzip2::new, &compress(b"", 1), b"", |_| true);
}

#[test]
fn every_split_of_small_inputs() {
    let packed =
        [&compress(b"one", 9)[..], &compress(b"", 5), &compress(b"two", 1), b"BZh7\x31\x42"].concat();
    let once = whole(&mut Bzip2::new(), &packed);
    assert_eq!((&once.out[..], once.end), (&b"onetwo"[..], End::At(packed.len() as u64 - 1)));
    for a in 0..=packed.len() {
        for b in a..=packed.len() {
            let slices = [&packed[..a], &packed[a..b], &packed[b..]];
            assert!(run(&mut Bzip2::new(), slices, 2).result() == once.result(), "cut at {a} and {b}");
        }
    }
}

#[test]
fn a_wrong_checksum_hides_nothing() {
    let text = Rng(52).text(50_000);
    let packed = compress(&text, 9);
    for at in [10, packed.len() - 2] {
        let mut broken = packed.clone();
        broken[at] ^= 1;
        for cap in [1, 777, usize::MAX] {
            let run = run(&mut Bzip2::new(), [&broken[..]], cap);
            assert!(run.out == text, "{} of {}", run.out.len(), text.len());
            assert!(matches!(run.end, End::Bad(_, Fault::Corrupt)));
        }
    }
}

#[test]
fn blocks_before_a_fault_come_out() {
    let text = Rng(53).text(450_000);
    let mut packed = compress(&text, 1);
    let ends = ends_of_blocks(&packed);
    let before = bytewise(&mut Bzip2::new(), &packed[..ends[2]]).out;
    assert!(before.len() > 200_000);
    packed[ends[2] + 30..].fill(0xff);
    for cap in [1, 777, usize::MAX] {
        let run = run(&mut Bzip2::new(), [&packed[..]], cap);
        assert!(run.out == before);
        assert!(matches!(run.end, End::Bad(_, Fault::Corrupt)) && run.established);
    }
}

/// The library's faster algorithm forgets what it made in the call in which it finds a block that ends within a run.
#[test]
fn a_block_that_ends_within_a_run_is_handed_out() {
    // The sorted rotations of `aaaa` end in `aaaa`; a count should follow. As first symbols these are RUNB, RUNA... of the only
    // byte: 4 = 2 * 1 + 1 * 2, RUNB then RUNA is 2 + 2.
    for wanted in [&b"aaaa"[..], b"aaa"] {
        let mut bits = Bits::default();
        bits.header();
        bits.block(crc(wanted), 0, b"a");
        bits.tables(3);
        // Symbols: RUNA 0, RUNB 1, the end 2; a run is a number in bijective base 2.
        let runs: &[u64] = if wanted.len() == 4 { &[1, 0] } else { &[0, 0] };
        runs.iter().for_each(|&run| bits.put(run, 2));
        bits.put(2, 2);
        bits.end(crc(wanted));
        for cap in [1, 3, usize::MAX] {
            let run = run(&mut Bzip2::new(), [&bits.out[..]], cap);
            assert!(run.out.starts_with(wanted), "{:?} of {wanted:?}, {:?}", run.out, run.end);
            assert_eq!(run.end == End::Whole, wanted.len() == 3);
        }
    }
}

#[test]
fn a_block_that_does_not_end_is_refused() {
    let mut bits = Bits::default();
    bits.header();
    bits.block(0, 0, b"a");
    bits.put(2, 5);
    // A code length that goes up and down.
    for _ in 0..3_000_000 {
        bits.put(0b1011, 4);
    }
    let packed = bits.out;
    assert!(packed.len() > 1_400_000);
    let packed = [&packed[..], &packed[packed.len() - 1_000_000..]].concat();
    let max = Bzip2::new().block_max();
    let mut decoder = Bzip2::new();
    let run = run(&mut decoder, packed.chunks(70_001), usize::MAX);
    assert_eq!(run.end, End::Bad(max + 10, Fault::Corrupt));
    assert!(run.trace.iter().all(|&(_, _, unreleased)| unreleased <= max));
}

#[test]
fn the_longest_blocks_are_within_the_bound() {
    let mut rng = Rng(54);
    let packed = compress(&rng.noise(2_000_000), 9);
    let run = run(&mut Bzip2::new(), packed.chunks(1000), usize::MAX);
    let most = run.trace.iter().map(|at| at.2).max().unwrap();
    assert!((800_000..1_000_000).contains(&most) && most <= Bzip2::new().block_max());
}

#[test]
fn bombs_stay_within_the_cap() {
    let zeros = vec![0; 20_000_000];
    let packed = compress(&zeros, 9);
    assert!(packed.len() < 200);
    let mut decoder = Bzip2::new();
    for cap in [37, 4096, 100_000] {
        decoder.reset();
        assert_eq!(decoder.window_bytes(), 0);
        let run = run(&mut decoder, [&packed[..]], cap);
        assert!(run.out == zeros && run.end == End::Whole);
        whole(&mut decoder, b"");
    }
    decoder.reset();
    whole(&mut decoder, &packed[..40]);
    assert_eq!(decoder.window_bytes(), 2_250_000 + 64 * 1024);
}

#[test]
fn the_probe_wants_the_magic_numbers() {
    for level in 1..=9u8 {
        let level = [b'0' + level];
        for magic in [BLOCK_MAGIC, END_MAGIC] {
            let packed = [&MAGIC[..], &level, &magic].concat();
            assert!(starts(&packed) && !starts(&packed[..PROBE_LEN - 1]));
        }
    }
    assert!(!starts(b"BZh01AY&SY") && !starts(b"BZh9\x31\x72\x45\x38\x50\x90") && !starts(b""));
    assert!(starts(&compress(b"content", 3)) && starts(&compress(b"", 3)));
    assert_eq!(whole(&mut Bzip2::new(), b"BZi").end, End::Bad(2, Fault::Corrupt));
    assert_eq!(whole(&mut Bzip2::new(), b"BZh1\x17\x73").end, End::Bad(5, Fault::Corrupt));
    assert_eq!(whole(&mut Bzip2::new(), b"").end, End::Bad(0, Fault::Truncated));
}

#[test]
fn reset_and_sent() {
    resets(Bzip2::new, Bzip2::reset, &compress(&Rng(55).text(70_000), 1));
    assert_can_be_sent::<Bzip2>();
}
