//! xz.

use std::io::{Read as _, Write as _};
use std::num::NonZeroU64;

use exfilter_codec::xz::{MAGIC, Xz, starts};
use exfilter_codec::{Decoder as _, Fault};
use lzma_rust2::{CheckType, FilterType, XzOptions, XzReader, XzWriter};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{
    End, Rng, assert_can_be_sent, blind, bytewise, cap, cases, content, cut, every_flipped_bit,
    every_truncation, lens, resets, run, whole,
};

const LIMIT: u64 = 8 << 20;
const MIB: u64 = 1 << 20;

fn new() -> Xz {
    Xz::new(LIMIT)
}

/// How a stream is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    preset: u32,
    check: CheckType,
    /// Log2 of the dictionary's size.
    dictionary: u32,
    /// Content after which a chunk ends.
    flush: usize,
    /// Content after which a block ends.
    block: Option<u64>,
    filter: Option<FilterType>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            preset: 6,
            check: CheckType::Crc64,
            dictionary: 23,
            flush: usize::MAX,
            block: None,
            filter: None,
        }
    }
}

pub(crate) fn compress(content: &[u8], layout: &Layout) -> Vec<u8> {
    let mut options = XzOptions::with_preset(layout.preset);
    options.set_check_sum_type(layout.check);
    options.lzma_options.dict_size = 1 << layout.dictionary;
    options.set_block_size(layout.block.and_then(NonZeroU64::new));
    if let Some(filter) = layout.filter {
        options.prepend_pre_filter(filter, if filter == FilterType::Delta { 3 } else { 0 });
    }
    let mut writer = XzWriter::new(Vec::new(), options).unwrap();
    for part in content.chunks(layout.flush) {
        writer.write_all(part).unwrap();
        if layout.flush != usize::MAX {
            writer.flush().unwrap();
        }
    }
    writer.finish().unwrap()
}

fn layout() -> impl Strategy<Value = Layout> {
    let check = prop_oneof![
        Just(CheckType::None),
        Just(CheckType::Crc32),
        Just(CheckType::Crc64),
        Just(CheckType::Sha256)
    ];
    let flush = prop_oneof![Just(usize::MAX), 1..=400usize, 1000..=20_000usize];
    let block = proptest::option::of(4096..20_000u64);
    let filter = proptest::option::of(Just(FilterType::Delta));
    (0..=6u32, check, 12..=20u32, flush, block, filter).prop_map(
        |(preset, check, dictionary, flush, block, filter)| Layout {
            preset,
            check,
            dictionary,
            flush,
            block,
            filter,
        },
    )
}

/// What a stream is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    BlockHeader,
    /// Size of the content, and whether it is a range code.
    Chunk(usize, bool),
    /// From the index on.
    Index,
}

/// Where each part of a stream begins, the body of a chunk. Checks are of 8 bytes.
fn parts(packed: &[u8]) -> Vec<(usize, Part)> {
    let mut at = 12;
    let mut parts = Vec::new();
    while packed[at] != 0 {
        parts.push((at, Part::BlockHeader));
        at += (usize::from(packed[at]) + 1) * 4;
        let start = at;
        while packed[at] != 0 {
            let control = packed[at];
            let short = |at| usize::from(u16::from_be_bytes([packed[at], packed[at + 1]])) + 1;
            let (head, len, size) = match control {
                1 | 2 => (3, short(at + 1), short(at + 1)),
                _ => {
                    let size = short(at + 1) + (usize::from(control & 0x1f) << 16);
                    (if control >= 0xc0 { 6 } else { 5 }, short(at + 3), size)
                }
            };
            parts.push((at + head, Part::Chunk(size, control > 2)));
            at += head + len;
        }
        at += 1;
        at += (4 - (at - start) % 4) % 4 + 8;
    }
    parts.push((at, Part::Index));
    parts
}

/// The longest match that one symbol of LZMA stands for, in bytes.
const SYMBOL_MAX: usize = 273;

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn slicing_changes_nothing(
        streams in vec((content(30_000), layout(), 0..3usize), 1..4),
        tail in prop_oneof![
            Just(vec![]), Just(vec![0; 9]), Just(vec![0xfd]), Just(b"\xfd7zXZ".to_vec()), Just(b"\xfd7zXZ\x01".to_vec()),
            Just(b"\0\0\0\xfd8".to_vec()),
        ],
        lens in lens(),
        cap in cap(),
    ) {
        let mut packed = Vec::new();
        let mut content = Vec::new();
        let mut starts = Vec::new();
        for (i, (text, layout, padding)) in streams.iter().enumerate() {
            packed.extend(vec![0; if i == 0 { 0 } else { 4 * padding }]);
            starts.push(packed.len() as u64);
            packed.extend(compress(text, layout));
            content.extend_from_slice(text);
        }
        let zeros = tail.iter().take_while(|byte| **byte == 0).count();
        let end = packed.len() + zeros + tail[zeros..].iter().zip(&MAGIC).take_while(|(a, b)| a == b).count();
        packed.extend(&tail);
        let run = blind(new, &packed, &lens, cap);
        prop_assert!(run.out == content);
        prop_assert_eq!(&run.starts[..], &starts[1..]);
        prop_assert_eq!(run.end, if end == packed.len() { End::Whole } else { End::At(end as u64) });
        prop_assert!(run.established);
        prop_assert!(run.trace.iter().all(|&(_, _, unreleased)| unreleased <= new().block_max()));
    }

    #[test]
    fn flipped_bytes(seed: u64, layout in layout(), flips in 1..4usize, lens in lens(), cap in cap()) {
        let mut rng = Rng(seed);
        let text = [rng.text(20_000), rng.noise(500), rng.text(9000)].concat();
        let mut packed = compress(&text, &layout);
        for _ in 0..flips {
            let at = rng.below(packed.len());
            packed[at] = rng.next() as u8;
        }
        let run = blind(new, &packed, &lens, cap);
        let whole = matches!(run.end, End::Whole | End::At(_));
        prop_assert!(!whole || layout.check == CheckType::None || run.out == text);
        // The independent decoder knows no more of it.
        let mut theirs = Vec::new();
        let result = XzReader::new(&packed[..], true).read_to_end(&mut theirs);
        prop_assert!(result.is_err() || theirs == run.out);
        let same = theirs.iter().zip(&text).take_while(|(a, b)| a == b).count();
        // But for the symbol at fault, which may be right by chance.
        prop_assert!(run.out.len() + SYMBOL_MAX >= same, "{} and {same}", run.out.len());
    }

    #[test]
    fn noise_in_a_chunk(seed: u64, size in 1..=9u8, len in 0..3000usize, lens in lens(), cap in cap()) {
        let packed = compress(b"content", &Layout::default());
        let [_, (body, Part::Chunk(..)), ..] = parts(&packed)[..] else { panic!("a chunk") };
        let head = [&packed[..body - 6], &[0xe0, size, 0, 0xff, 0xff, 0x5d, 0]].concat();
        let packed = [&head[..], &Rng(seed).noise(len)].concat();
        blind(new, &packed, &lens, cap);
    }
}

#[test]
fn chunks_come_out_as_they_are_read() {
    let mut rng = Rng(60);
    let content = [rng.text(150_000), rng.noise(90_000), rng.text(50_000)].concat();
    for layout in [
        Layout { flush: 30_000, ..Layout::default() },
        Layout { block: Some(100_000), dictionary: 16, ..Layout::default() },
    ] {
        let packed = compress(&content, &layout);
        let parts = parts(&packed);
        let run = bytewise(&mut new(), &packed);
        assert!(run.out == content);
        let mut made = 0;
        for pair in parts.windows(2) {
            let (body, Part::Chunk(size, coded)) = pair[0] else { continue };
            // The next chunk's header has six bytes at most.
            let end = pair[1].0;
            let mut last = made as u64;
            for &(seen, out, unreleased) in &run.trace[body - 1..end - 1] {
                let taken = seen - body as u64;
                if coded {
                    assert!(unreleased == taken.min(5) || unreleased == 0 && out as usize == made + size);
                    assert!(taken < 20 || out > made as u64, "something has come out after {taken} bytes");
                } else {
                    assert!(out as usize == made + size.min(taken as usize) && unreleased == 0);
                }
                last = out;
            }
            assert_eq!(last as usize, made + size, "a chunk is handed out when it is complete");
            made += size;
        }
        assert!(parts.contains(&(parts.last().unwrap().0, Part::Index)));
    }
}

#[test]
fn broken_in_every_place() {
    let mut rng = Rng(61);
    let text = [rng.text(500), rng.noise(100), rng.text(200)].concat();
    for check in [CheckType::Crc32, CheckType::Sha256] {
        let layout = Layout { check, flush: 300, ..Layout::default() };
        let packed = compress(&text, &layout);
        every_truncation(new, &packed, &text);
        every_flipped_bit(new, &packed, &text, |_| true);
    }
    every_truncation(new, &compress(b"", &Layout::default()), b"");
}

#[test]
fn every_split_of_small_inputs() {
    let layout = Layout::default();
    let packed = [&compress(b"one", &layout)[..], &[0; 8], &compress(b"two", &layout), b"\xfd7zY"].concat();
    let once = whole(&mut new(), &packed);
    assert_eq!((&once.out[..], once.end), (&b"onetwo"[..], End::At(packed.len() as u64 - 1)));
    for a in 0..=packed.len() {
        for b in a..=packed.len() {
            let slices = [&packed[..a], &packed[a..b], &packed[b..]];
            assert!(run(&mut new(), slices, 2).result() == once.result(), "cut at {a} and {b}");
        }
    }
}

#[test]
fn all_before_a_fault_comes_out() {
    let text = Rng(62).text(300_000);
    let mut packed = compress(&text, &Layout { flush: 50_000, ..Layout::default() });
    let parts = parts(&packed);
    let (body, Part::Chunk(..)) = parts[4] else { panic!("a chunk") };
    let before: usize =
        parts[..4].iter().map(|part| if let Part::Chunk(size, _) = part.1 { size } else { 0 }).sum();
    // What the broken chunk decodes to at first is what any decoder makes of it.
    packed[body + 1000..body + 1100].fill(0xff);
    let expected = bytewise(&mut new(), &packed);
    assert!(expected.out.len() > before && expected.out[..before] == text[..before]);
    for cap in [1, 777, usize::MAX] {
        let run = run(&mut new(), [&packed[..]], cap);
        assert!(run.out == expected.out && run.end == expected.end);
        assert!(matches!(run.end, End::Bad(_, Fault::Corrupt)));
    }
}

#[test]
fn a_wrong_check_or_index_hides_nothing() {
    let text = Rng(63).text(3000);
    let packed = compress(&text, &Layout::default());
    let (index, _) = *parts(&packed).last().unwrap();
    for at in [index - 1, index + 2, packed.len() - 1, packed.len() - 5] {
        let mut broken = packed.clone();
        broken[at] ^= 1;
        let run = whole(&mut new(), &broken);
        assert!(run.out == text && matches!(run.end, End::Bad(_, Fault::Corrupt)), "{at}: {:?}", run.end);
        assert_eq!(run.established, at > index);
    }
}

#[test]
fn a_dictionary_over_the_limit_is_decoded_as_far_as_nothing_can_refer_beyond_it() {
    let text = Rng(64).text(MIB as usize);
    let text = [&text[..], &text[..]].concat();
    for (dictionary, limit, fits) in
        [(20, MIB, true), (21, MIB, false), (21, 2 * MIB, true), (26, 8 * MIB, true)]
    {
        let packed = compress(&text, &Layout { preset: 3, dictionary, ..Layout::default() });
        let run = run(&mut Xz::new(limit), packed.chunks(999), usize::MAX);
        assert!(text.starts_with(&run.out));
        if fits {
            assert!(run.end == End::Whole && run.out == text);
        } else {
            assert!(matches!(run.end, End::Bad(_, Fault::WindowTooLarge)), "{:?}", run.end);
            assert!(run.out.len() as u64 > MIB / 4);
            let finest = bytewise(&mut Xz::new(limit), &packed);
            assert!(finest.result() == run.result());
        }
    }
    let small = compress(b"content", &Layout::default());
    let mut decoder = Xz::new(4095);
    assert!(matches!(whole(&mut decoder, &small).end, End::Bad(_, Fault::WindowTooLarge)));
    assert_eq!(whole(&mut Xz::new(4096), &small).end, End::Whole);
}

#[test]
fn the_memory_is_what_the_header_declares() {
    let text = Rng(65).text(300_000);
    let packed = compress(&text, &Layout { preset: 3, dictionary: 16, ..Layout::default() });
    let mut decoder = new();
    assert_eq!(decoder.window_bytes(), 0);
    whole(&mut decoder, &packed[..5000]);
    assert_eq!(decoder.window_bytes(), 2 * 65536);
    decoder.reset();
    assert!(whole(&mut decoder, &packed).out == text);
    assert_eq!(decoder.window_bytes(), 0);
}

#[test]
fn filters_for_machine_code_are_not_looked_into() {
    for filter in [FilterType::BcjX86, FilterType::BcjArm, FilterType::BcjPpc] {
        let packed = compress(b"content", &Layout { filter: Some(filter), ..Layout::default() });
        let end = 12 + (u64::from(packed[12]) + 1) * 4;
        assert_eq!(whole(&mut new(), &packed).end, End::Bad(end, Fault::Unsupported));
    }
}

#[test]
fn bombs_stay_within_the_cap() {
    let zeros = vec![0; 5_000_000];
    let packed = compress(&zeros, &Layout { preset: 3, ..Layout::default() });
    let mut decoder = new();
    for cap in [37, 4096, 100_000] {
        decoder.reset();
        let run = run(&mut decoder, [&packed[..]], cap);
        assert!(run.out == zeros && run.end == End::Whole);
    }
}

#[test]
fn the_probe_wants_flags_too() {
    assert!(starts(b"\xfd7zXZ\0\0\x04") && starts(&compress(b"", &Layout::default())));
    assert!(
        !starts(b"\xfd7zXZ\0\0")
            && !starts(b"\xfd7zXZ\0\x01\x04")
            && !starts(b"\xfd7zXZ\0\0\x10")
            && !starts(b"")
    );
    assert_eq!(whole(&mut new(), b"\xfd7zXY").end, End::Bad(4, Fault::Corrupt));
    assert_eq!(whole(&mut new(), b"\0").end, End::Bad(0, Fault::Corrupt));
    assert_eq!(whole(&mut new(), b"").end, End::Bad(0, Fault::Truncated));
}

#[test]
fn many_small_chunks_and_streams() {
    let text = Rng(66).text(20_000);
    let packed = compress(&text, &Layout { flush: 3, ..Layout::default() });
    let one = compress(b"x", &Layout::default());
    let packed = [&packed[..], &one.repeat(500)].concat();
    let run = run(&mut new(), cut(&packed, &[64]), 100);
    assert!(run.end == End::Whole && run.out == [&text[..], &[b'x'; 500]].concat());
    assert_eq!(run.starts.len(), 500);
}

#[test]
fn reset_and_sent() {
    resets(new, Xz::reset, &compress(&Rng(67).text(70_000), &Layout::default()));
    assert_can_be_sent::<Xz>();
}
