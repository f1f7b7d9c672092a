//! gzip: what is broken.

use exfilter_codec::Fault;
use exfilter_codec::gzip::Gzip;
use proptest::prelude::*;

use crate::deflate::{Oracle, OracleEnd, Writer};
use crate::gzip::{Header, all_blocks, deflate, wrap};
use crate::support::{End, Rng, bytewise, cap, cases, cut, lens, places, run, whole};

const HEADER: usize = 10;

/// Decodes `packed` (one member with a bare header), and checks it against the oracle and against itself.
fn check(packed: &[u8]) {
    let finest = bytewise(&mut Gzip::new(), packed);
    let sliced = run(&mut Gzip::new(), cut(packed, &[7, 64, 1]), 13);
    let once = whole(&mut Gzip::new(), packed);
    assert!(finest.result() == once.result() && sliced.result() == once.result());
    if !exfilter_codec::gzip::starts(packed) || packed[3] != 0 {
        return;
    }
    let oracle = Oracle::read(&packed[HEADER..]);
    match oracle.end {
        OracleEnd::Done(len) => {
            let len = HEADER + len;
            assert!(once.out.starts_with(&oracle.out), "a whole member comes out whole");
            let sums = [crc32fast::hash(&oracle.out).to_le_bytes(), (oracle.out.len() as u32).to_le_bytes()]
                .concat();
            match packed.get(len..len + 8) {
                Some(found) if found == sums => {
                    assert!(matches!(once.end, End::Whole | End::At(_) | End::Bad(..)))
                }
                Some(_) => assert_eq!(once.end, End::Bad(len as u64 + 8, Fault::Corrupt)),
                None => assert_eq!(once.end, End::Bad(packed.len() as u64, Fault::Truncated)),
            }
        }
        OracleEnd::NeedsMore => {
            assert_eq!(once.end, End::Bad(packed.len() as u64, Fault::Truncated));
            assert!(once.out == oracle.out);
        }
        OracleEnd::Corrupt => {
            assert!(matches!(once.end, End::Bad(_, Fault::Corrupt)), "{:?}", once.end);
            let same = once.out.iter().zip(&oracle.out).take_while(|(a, b)| a == b).count();
            assert!(
                once.out == oracle.out,
                "all before the fault comes out: {} of {} bytes, the first {same} alike",
                once.out.len(),
                oracle.out.len()
            );
        }
    }
}

#[test]
fn every_flipped_bit() {
    let mut rng = Rng(10);
    let text = rng.text(700);
    let (deflated, content) = all_blocks(&mut rng);
    for mut packed in [
        wrap(&Header::default(), &deflate(&text, 6, None), &text),
        wrap(&Header::default(), &deflated, &content),
    ] {
        for bit in places(packed.len() * 8) {
            packed[bit / 8] ^= 1 << (bit % 8);
            check(&packed);
            packed[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn flipped_bytes(seed: u64, level in 0..=9u32, flips in 1..6usize) {
        let mut rng = Rng(seed);
        let text = rng.text(40_000);
        let mut packed = wrap(&Header::default(), &deflate(&text, level, Some(9000)), &text);
        for _ in 0..flips {
            let at = rng.below(packed.len());
            packed[at] = rng.next() as u8;
        }
        check(&packed);
    }

    #[test]
    fn noise_after_a_header(seed: u64, len in 0..3000usize, lens in lens(), cap in cap()) {
        let packed = [Header::default().bytes(), Rng(seed).noise(len)].concat();
        check(&packed);
        let sliced = run(&mut Gzip::new(), cut(&packed, &lens), cap);
        prop_assert!(sliced.result() == whole(&mut Gzip::new(), &packed).result());
    }
}

#[test]
fn a_fault_loses_no_output_whatever_the_cap() {
    // More than a window of output stands before the fault, and all of it is made by the last few input bytes.
    let mut writer = Writer::default();
    writer.begin_fixed(false);
    writer.literal(b'x');
    (0..9000).for_each(|_| writer.repeat(10, 1));
    writer.end_fixed();
    writer.bits(7, 3);
    let packed = [Header::default().bytes(), writer.finish()].concat();
    for cap in [1, 1000, 40_000, usize::MAX] {
        let run = run(&mut Gzip::new(), [&packed[..]], cap);
        assert_eq!(run.out.len(), 90_001);
        assert!(matches!(run.end, End::Bad(_, Fault::Corrupt)));
    }
}

#[test]
fn distances_end_at_the_member() {
    let text = b"what stands in the first member";
    let mut writer = Writer::default();
    writer.begin_fixed(true);
    writer.literal(b'a');
    writer.repeat(5, 2);
    writer.end_fixed();
    let first = wrap(&Header::default(), &deflate(text, 6, None), text);
    let packed = [&first[..], &Header::default().bytes(), &writer.finish(), &[0; 8]].concat();
    let run = whole(&mut Gzip::new(), &packed);
    assert_eq!(run.out, [&text[..], b"a"].concat());
    assert!(matches!(run.end, End::Bad(_, Fault::Corrupt)));
    assert_eq!(run.starts, [first.len() as u64]);
}

#[test]
fn distances_reach_a_whole_window_back() {
    let mut rng = Rng(12);
    let mut content = rng.noise(32_768);
    let mut writer = Writer::default();
    writer.stored(&content, false);
    writer.begin_fixed(true);
    for _ in 0..20_000 {
        writer.repeat(7, 32_768);
        (0..7).for_each(|_| content.push(content[content.len() - 32_768]));
    }
    writer.end_fixed();
    let packed = wrap(&Header::default(), &writer.finish(), &content);
    for cap in [1, 777, usize::MAX] {
        let run = run(&mut Gzip::new(), cut(&packed, &[1000, 3]), cap);
        assert!(run.out == content);
        assert_eq!(run.end, End::Whole);
    }
}

#[test]
fn a_broken_header_checksum_hides_nothing() {
    let header = Header { checksum: true, ..Header::default() };
    let mut packed = wrap(&header, &deflate(b"content", 6, None), b"content");
    packed[HEADER] ^= 1;
    let run = whole(&mut Gzip::new(), &packed);
    assert_eq!((&run.out[..], run.end), (&b"content"[..], End::Bad(packed.len() as u64, Fault::Corrupt)));
    assert!(run.established);
}

#[test]
fn not_gzip() {
    for (input, at) in [(&b"PK"[..], 0), (b"\x1f\x8c", 1), (b"\x1f\x8b\x07\0", 2), (b"\x1f\x8b\x08\x80", 3)] {
        let run = whole(&mut Gzip::new(), input);
        assert_eq!((run.end, run.established), (End::Bad(at, Fault::Corrupt), false));
    }
    assert_eq!(whole(&mut Gzip::new(), b"").end, End::Bad(0, Fault::Truncated));
}
