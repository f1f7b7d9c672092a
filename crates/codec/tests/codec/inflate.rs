//! Raw deflate and zlib.

use std::io::Write as _;

use exfilter_codec::deflate::Deflate;
use exfilter_codec::zlib::{Zlib, starts};
use exfilter_codec::{Decoder as _, Fault, Step};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::deflate::{Oracle, OracleEnd, Writer};
use crate::gzip::{all_blocks, deflate};
use crate::support::{
    End, Rng, assert_can_be_sent, blind, cap, cases, content, cut, every_flipped_bit, every_truncation, lens,
    places, resets, run, whole,
};

fn adler(content: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in content {
        a = (a + u32::from(byte)) % 65521;
        b = (b + a) % 65521;
    }
    b << 16 | a
}

/// Puts a header and a checksum around `deflated`.
fn wrap(deflated: &[u8], content: &[u8]) -> Vec<u8> {
    [&[0x78, 0x9c], deflated, &adler(content).to_be_bytes()].concat()
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn slicing_changes_nothing(
        content in content(40_000),
        level in 0..=9u32,
        flush in proptest::option::of(1..3000usize),
        tail in vec(any::<u8>(), 0..20),
        lens in lens(),
        cap in cap(),
    ) {
        let deflated = deflate(&content, level, flush);
        let zlib = wrap(&deflated, &content);
        let packed = [&deflated[..], &tail].concat();
        let run = blind(Deflate::new, &packed, &lens, cap);
        prop_assert!(run.out == content && run.established);
        prop_assert_eq!(run.end, End::At(deflated.len() as u64));
        prop_assert!(run.trace.iter().all(|&(_, _, unreleased)| unreleased == 0));
        let packed = [&zlib[..], &tail].concat();
        let run = blind(Zlib::new, &packed, &lens, cap);
        prop_assert!(run.out == content && run.established);
        prop_assert_eq!(run.end, End::At(zlib.len() as u64));
        prop_assert!(run.trace.iter().all(|&(_, _, unreleased)| unreleased == 0));
    }

    #[test]
    fn flipped_bytes(seed: u64, level in 0..=9u32, flips in 1..5usize, lens in lens(), cap in cap()) {
        let mut rng = Rng(seed);
        let text = rng.text(30_000);
        let mut packed = deflate(&text, level, Some(9000));
        for _ in 0..flips {
            let at = rng.below(packed.len());
            packed[at] = rng.next() as u8;
        }
        check(&packed, &lens, cap);
        check(&rng.noise(900), &lens, cap);
        let zlib = wrap(&packed, &text);
        let run = blind(Zlib::new, &zlib, &lens, cap);
        prop_assert!(!matches!(run.end, End::Whole | End::At(_)) || run.out == text);
    }
}

/// Compares with the oracle.
fn check(packed: &[u8], lens: &[usize], cap: usize) {
    let run = blind(Deflate::new, packed, lens, cap);
    let oracle = Oracle::read(packed);
    assert!(run.out == oracle.out, "all before a fault comes out: {} of {}", run.out.len(), oracle.out.len());
    match oracle.end {
        OracleEnd::Done(len) => assert_eq!(run.end, End::At(len as u64)),
        OracleEnd::NeedsMore => assert_eq!(run.end, End::Bad(packed.len() as u64, Fault::Truncated)),
        OracleEnd::Corrupt => assert!(matches!(run.end, End::Bad(_, Fault::Corrupt)), "{:?}", run.end),
    }
}

#[test]
fn every_byte_comes_out_as_soon_as_it_is_known() {
    let mut rng = Rng(40);
    let text = [rng.text(20_000), rng.noise(3000), vec![0; 2000]].concat();
    for (deflated, content) in [all_blocks(&mut rng), (deflate(&text, 6, Some(997)), text)] {
        let oracle = Oracle::read(&deflated);
        for (offset, run) in [
            (0, run(&mut Deflate::new(), cut(&deflated, &[3, 1]), usize::MAX)),
            (2, run(&mut Zlib::new(), cut(&wrap(&deflated, &content), &[64, 1, 5]), usize::MAX)),
        ] {
            assert!(run.out == content);
            for &(seen, made, _) in &run.trace {
                let expected = oracle.known_after((seen as usize).saturating_sub(offset));
                assert_eq!(made, expected as u64, "after {seen} bytes");
            }
        }
    }
}

/// Ten bits each: not the last one, of fixed codes, its end.
#[test]
fn nothing_but_empty_blocks_is_not_worth_the_time() {
    let empty = |n: usize| [0x02, 0x08, 0x20, 0x80, 0x00].repeat(n / 4);
    let last = [0x03, 0x00];
    let run = blind(Deflate::new, &[&empty(4000)[..], &last].concat(), &[1000, 7], usize::MAX);
    assert_eq!(run.end, End::At(5002));
    for lens in [&[usize::MAX][..], &[1], &[64, 3, 1000]] {
        let run = blind(Deflate::new, &empty(100_000), lens, usize::MAX);
        // 4096 blocks, and one more for four bytes: n = 4096 + 10 n / 32.
        assert!(matches!(run.end, End::Bad(7440..=7460, Fault::Members)), "{:?}", run.end);
    }
}

/// Short messages, each of them flushed.
#[test]
fn flushes_are_no_reason_to_stop() {
    let content = b"data: {}\n\n".repeat(20_000);
    let packed = deflate(&content, 6, Some(10));
    let run = whole(&mut Deflate::new(), &packed);
    assert!(run.out == content, "{:?} of {}", run.end, packed.len());
}

#[test]
fn a_real_encoder_writes_what_starts_and_decodes() {
    let text = Rng(41).text(5000);
    for level in 0..=9 {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(&text).unwrap();
        let packed = encoder.finish().unwrap();
        assert!(starts(&packed), "level {level}");
        let run = whole(&mut Zlib::new(), &packed);
        assert_eq!((run.out == text, run.end), (true, End::At(packed.len() as u64)));
    }
}

#[test]
fn broken_in_every_place() {
    let mut rng = Rng(42);
    let (deflated, content) = all_blocks(&mut rng);
    for bit in places(deflated.len() * 8) {
        let mut broken = deflated.clone();
        broken[bit / 8] ^= 1 << (bit % 8);
        check(&broken, &[7, 64, 1], 13);
    }
    every_truncation(Deflate::new, &deflated, &content);
    let zlib = wrap(&deflated, &content);
    every_truncation(Zlib::new, &zlib, &content);
    every_flipped_bit(Zlib::new, &zlib, &content, |_| true);
}

#[test]
fn all_headers_that_are_valid() {
    let deflated = deflate(b"content", 6, None);
    for (cmf, flags) in (0..=255u8).flat_map(|cmf| (0..=255u8).map(move |flags| (cmf, flags))) {
        let packed = [&[cmf, flags][..], &deflated, &adler(b"content").to_be_bytes()].concat();
        let run = whole(&mut Zlib::new(), &packed);
        let expected = match (cmf & 15 == 8 && cmf >> 4 <= 7, u16::from_be_bytes([cmf, flags]) % 31) {
            (false, _) => End::Bad(0, Fault::Corrupt),
            (_, 1..) => End::Bad(1, Fault::Corrupt),
            _ if flags & 0x20 != 0 => End::Bad(2, Fault::MissingDictionary),
            _ => End::At(packed.len() as u64),
        };
        assert_eq!(run.end, expected, "{cmf:02x} {flags:02x}");
        let usual = cmf == 0x78 && [0x01, 0x5e, 0x9c, 0xda].contains(&flags);
        assert_eq!(starts(&packed), usual);
        assert!(!usual || matches!(run.end, End::At(_)));
    }
    assert!(!starts(b"\x78") && !starts(b""));
}

#[test]
fn a_wrong_checksum_hides_nothing() {
    let mut packed = wrap(&deflate(b"content", 6, None), b"content");
    let len = packed.len();
    packed[len - 1] ^= 1;
    let run = whole(&mut Zlib::new(), &packed);
    assert_eq!((&run.out[..], run.end), (&b"content"[..], End::Bad(len as u64, Fault::Corrupt)));
    assert!(run.established);
}

#[test]
fn bombs_stay_within_the_cap() {
    let zeros = vec![0; 3_000_000];
    let deflated = deflate(&zeros, 9, None);
    let mut decoder = Deflate::new();
    for cap in [7, 258, 100_000] {
        decoder.reset();
        let run = run(&mut decoder, [&deflated[..]], cap);
        assert_eq!((run.out == zeros, run.end), (true, End::At(deflated.len() as u64)));
    }
    assert!(decoder.window_bytes() < 48 * 1024);
}

#[test]
fn the_end_needs_no_look_at_what_follows() {
    let mut writer = Writer::default();
    writer.begin_fixed(true);
    writer.literal(b'x');
    writer.end_fixed();
    let packed = writer.finish();
    let mut out = Vec::new();
    let mut decoder = Deflate::new();
    assert_eq!(decoder.decode(&packed, &mut out, 10), Step::Done { consumed: packed.len() });
    assert_eq!(decoder.finish(&mut out, 10), Step::Done { consumed: 0 });
    assert!(out == b"x" && decoder.is_established());
}

#[test]
fn reset_and_sent() {
    let text = Rng(43).text(70_000);
    let deflated = deflate(&text, 6, None);
    resets(Deflate::new, Deflate::reset, &deflated);
    resets(Zlib::new, Zlib::reset, &wrap(&deflated, &text));
    assert_can_be_sent::<Deflate>();
    assert_can_be_sent::<Zlib>();
}
