//! gzip: what is valid, in any slicing, and how soon it comes out.

use std::io::Write as _;

use exfilter_codec::gzip::{Gzip, MAGIC, starts};
use exfilter_codec::{Decoder as _, Step};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::deflate::{Oracle, OracleEnd, Writer};
use crate::support::{End, Rng, bytewise, cap, cases, content, cut, lens, run, whole};

/// The optional parts of a member's header.
#[derive(Clone, Debug, Default)]
pub(crate) struct Header {
    pub(crate) extra: Option<Vec<u8>>,
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) comment: Option<Vec<u8>>,
    pub(crate) checksum: bool,
}

impl Header {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let flags = flag(self.checksum, 2)
            | flag(self.extra.is_some(), 4)
            | flag(self.name.is_some(), 8)
            | flag(self.comment.is_some(), 16);
        let mut out = [&MAGIC[..], &[flags, 1, 2, 3, 4, 0, 255]].concat();
        if let Some(extra) = &self.extra {
            out.extend((extra.len() as u16).to_le_bytes());
            out.extend(extra);
        }
        for text in [&self.name, &self.comment].into_iter().flatten() {
            out.extend(text);
            out.push(0);
        }
        if self.checksum {
            let sum = crc32fast::hash(&out) as u16;
            out.extend(sum.to_le_bytes());
        }
        out
    }
}

fn header() -> impl Strategy<Value = Header> {
    let text = || proptest::option::of(vec(1..=255u8, 0..20));
    (proptest::option::of(vec(any::<u8>(), 0..300)), text(), text(), any::<bool>())
        .prop_map(|(extra, name, comment, checksum)| Header { extra, name, comment, checksum })
}

/// Deflates `content`, with a sync flush after every `flush` bytes.
pub(crate) fn deflate(content: &[u8], level: u32, flush: Option<usize>) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
    for part in content.chunks(flush.unwrap_or(usize::MAX)) {
        encoder.write_all(part).unwrap();
        if flush.is_some() {
            encoder.flush().unwrap();
        }
    }
    encoder.finish().unwrap()
}

pub(crate) fn wrap(header: &Header, deflated: &[u8], content: &[u8]) -> Vec<u8> {
    let sum = crc32fast::hash(content).to_le_bytes();
    let len = (content.len() as u32).to_le_bytes();
    [&header.bytes(), deflated, &sum, &len].concat()
}

/// Blocks of all three kinds, empty ones among them.
pub(crate) fn all_blocks(rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
    let mut writer = Writer::default();
    let mut content = Vec::new();
    for round in 0..6 {
        writer.stored(&[], false);
        let text = rng.text(37 * round);
        writer.stored(&text, false);
        content.extend(&text);
        writer.begin_fixed(false);
        for _ in 0..60 {
            if content.len() > 12 && rng.below(3) == 0 {
                let distance = 1 + rng.below(content.len().min(32768));
                let len = 3 + rng.below(8);
                writer.repeat(len, distance);
                (0..len).for_each(|_| content.push(content[content.len() - distance]));
            } else {
                let byte = rng.next() as u8;
                writer.literal(byte);
                content.push(byte);
            }
        }
        writer.end_fixed();
    }
    writer.begin_fixed(true);
    writer.end_fixed();
    (writer.finish(), content)
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn slicing_changes_nothing(
        members in vec((content(20_000), 0..=9u32, proptest::option::of(1..3000usize), header()), 1..4),
        tail in prop_oneof![
            Just(vec![]), Just(vec![0; 600]), Just(vec![0x1f]), Just(vec![0x1f, 0x8b]), Just(vec![0x1f, 0x8b, 8]),
            Just(vec![0x1f, 0x8b, 8, 0x20, 0, 0]), vec(any::<u8>(), 1..20),
        ],
        lens in lens(),
        cap in cap(),
    ) {
        let mut packed = Vec::new();
        let mut content = Vec::new();
        let mut starts = Vec::new();
        for (text, level, flush, header) in &members {
            starts.push(packed.len() as u64);
            let deflated = deflate(text, *level, *flush);
            packed.extend(wrap(header, &deflated, text));
            content.extend_from_slice(text);
        }
        let members_end = packed.len();
        packed.extend(&tail);
        let looks_alike = tail.iter().zip([0x1f, 0x8b, 8]).take_while(|(a, b)| *a == b).count();
        prop_assume!(looks_alike < 3 || tail.len() == 3 || tail[3] & 0xe0 != 0);

        let sliced = run(&mut Gzip::new(), cut(&packed, &lens), cap);
        prop_assert!(sliced.out == content);
        prop_assert_eq!(&sliced.starts[..], &starts[1..]);
        prop_assert!(sliced.established);
        let end = members_end + looks_alike;
        prop_assert_eq!(sliced.end, if end == packed.len() { End::Whole } else { End::At(end as u64) });
        let finest = bytewise(&mut Gzip::new(), &packed);
        prop_assert!(sliced.result() == finest.result());
        sliced.assert_trace_within(&finest);
        prop_assert!(finest.trace.iter().all(|&(_, _, unreleased)| unreleased == 0));
    }
}

#[test]
fn every_byte_comes_out_as_soon_as_it_is_known() {
    let mut rng = Rng(3);
    let mut streams = vec![all_blocks(&mut rng)];
    for level in 0..=9 {
        let text = [rng.text(30_000), rng.noise(3000), vec![0; 2000], rng.text(40_000)].concat();
        for flush in [None, Some(997)] {
            streams.push((deflate(&text, level, flush), text.clone()));
        }
    }
    for (deflated, content) in streams {
        let header = Header::default().bytes().len();
        let packed = wrap(&Header::default(), &deflated, &content);
        let oracle = Oracle::read(&deflated);
        assert_eq!(oracle.end, OracleEnd::Done(deflated.len()));
        assert!(oracle.out == content);
        for slices in [&[1][..], &[2], &[3, 1], &[17], &[64], &[1, 64, 5]] {
            let run = run(&mut Gzip::new(), cut(&packed, slices), usize::MAX);
            assert!(run.out == content);
            for &(seen, made, unreleased) in &run.trace {
                let expected = oracle.known_after((seen as usize).saturating_sub(header));
                assert_eq!((made, unreleased), (expected as u64, 0), "after {seen} bytes");
            }
        }
    }
}

#[test]
fn every_truncation_hands_out_what_is_known() {
    let mut rng = Rng(4);
    let (deflated, content) = all_blocks(&mut rng);
    let dynamic = rng.text(3000);
    for (deflated, content) in [(deflated, content), (deflate(&dynamic, 6, None), dynamic)] {
        let header = Header { name: Some(b"name".to_vec()), checksum: true, ..Header::default() };
        let packed = wrap(&header, &deflated, &content);
        let body = header.bytes().len();
        let oracle = Oracle::read(&deflated);
        for len in 0..packed.len() {
            let run = whole(&mut Gzip::new(), &packed[..len]);
            assert_eq!(run.end, End::Bad(len as u64, exfilter_codec::Fault::Truncated));
            assert!(run.out == content[..oracle.known_after(len.saturating_sub(body))], "cut at {len}");
        }
    }
}

#[test]
fn every_split_of_small_inputs() {
    let mut rng = Rng(5);
    let header = Header {
        extra: Some(b"ab\x02\0xy".to_vec()),
        name: Some(b"n".to_vec()),
        comment: Some(Vec::new()),
        checksum: true,
    };
    let text = rng.text(60);
    let first = wrap(&header, &deflate(&text, 6, Some(30)), &text);
    let packed =
        [&first[..], &wrap(&Header::default(), &deflate(b"second", 0, None), b"second"), b"\x1f\x8b\x08 "]
            .concat();
    let once = whole(&mut Gzip::new(), &packed);
    assert_eq!(once.out, [&text[..], b"second"].concat());
    assert_eq!((once.end, &once.starts[..]), (End::At(packed.len() as u64 - 1), &[first.len() as u64][..]));
    for a in 0..=packed.len() {
        for b in a..=packed.len() {
            let slices = [&packed[..a], &packed[a..b], &packed[b..]];
            assert!(
                run(&mut Gzip::new(), slices, usize::MAX).result() == once.result(),
                "cut at {a} and {b}"
            );
        }
    }
}

#[test]
fn bombs_stay_within_the_cap() {
    let zeros = vec![0; 8_000_000];
    let packed = wrap(&Header::default(), &deflate(&zeros, 9, None), &zeros);
    assert!(packed.len() * 900 < zeros.len());
    let mut decoder = Gzip::new();
    let memory = decoder.window_bytes();
    for cap in [7, 258, 4096, 100_000] {
        decoder.reset();
        let run = run(&mut decoder, [&packed[..]], cap);
        assert!(run.out == zeros);
        assert_eq!(run.end, End::Whole);
    }
    assert_eq!(decoder.window_bytes(), memory);
    assert!(memory < 48 * 1024);
}

#[test]
fn input_without_output() {
    let mut writer = Writer::default();
    writer.stored(b"before", false);
    (0..20_000).for_each(|_| writer.stored(b"", false));
    writer.stored(b"after", true);
    let packed = wrap(&Header::default(), &writer.finish(), b"beforeafter");
    let run = run(&mut Gzip::new(), packed.chunks(64), usize::MAX);
    assert_eq!((&run.out[..], run.end), (&b"beforeafter"[..], End::Whole));
    assert!(run.trace.iter().all(|&(_, _, unreleased)| unreleased == 0));
}

#[test]
fn a_cap_of_nothing_makes_no_output() {
    let packed = wrap(&Header::default(), &deflate(b"abc", 6, None), b"abc");
    let mut decoder = Gzip::new();
    let mut out = Vec::new();
    let Step::Full { consumed } = decoder.decode(&packed, &mut out, 0) else { panic!("not full") };
    assert!(out.is_empty());
    assert_eq!(decoder.decode(&packed[consumed..], &mut out, 3), Step::More);
    assert_eq!(out, b"abc");
}

#[test]
fn the_probe_wants_four_bytes() {
    assert!(starts(&[0x1f, 0x8b, 8, 0]) && starts(&[0x1f, 0x8b, 8, 0x1f, 0]));
    assert!(
        !starts(&MAGIC) && !starts(&[0x1f, 0x8b, 8, 0x20]) && !starts(&[0x1f, 0x8b, 7, 0]) && !starts(b"")
    );
}

#[test]
fn a_reset_decoder_is_a_new_one() {
    let mut rng = Rng(6);
    let text = rng.text(70_000);
    let packed = wrap(&Header::default(), &deflate(&text, 6, None), &text);
    let fresh = whole(&mut Gzip::new(), &packed);
    let mut decoder = Gzip::new();
    for len in [0, 3, 11, 5000, packed.len() - 3, packed.len()] {
        whole(&mut decoder, &packed[..len]);
        decoder.reset();
        assert!(whole(&mut decoder, &packed) == fresh, "after {len} bytes");
        decoder.reset();
    }
}

#[test]
fn it_can_be_sent() {
    fn assert_send<T: Send + Sync + std::panic::UnwindSafe>() {}
    assert_send::<Gzip>();
}
