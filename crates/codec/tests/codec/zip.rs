//! Zip entries: what is valid, in any slicing, and how soon it comes out.

use std::io::{Cursor, Read as _, Write as _};

use exfilter_codec::zip::{PROBE_LEN, ZipEntry, starts};
use exfilter_codec::{Decoder as _, Fault};
use proptest::collection::vec;
use proptest::prelude::*;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, ZipArchive};

use crate::gzip::deflate;
use crate::support::{
    End, Rng, assert_can_be_sent, blind, bytewise, cap, cases, content, every_truncation, lens, resets, run,
    whole,
};
use crate::zstd_frames::{Options, compress};

pub(crate) const LIMIT: u64 = 8 << 20;
pub(crate) const METHODS: [u16; 5] = [0, 8, 12, 93, 95];

pub(crate) fn new() -> ZipEntry {
    ZipEntry::new(LIMIT)
}

/// How an entry tells its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    Header,
    Zip64,
    /// In a descriptor: with its signature, and of 8 bytes.
    Descriptor {
        signature: bool,
        wide: bool,
    },
    /// Of the body in the header, and in a descriptor too.
    Both,
    /// In a descriptor of 8 bytes each, which an extra field without sizes announces.
    Announced,
}

/// An entry written by hand.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) name: Vec<u8>,
    pub(crate) extra: Vec<u8>,
    pub(crate) sizes: Sizes,
    pub(crate) content: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Entry {
    pub(crate) fn new(method: u16, content: &[u8], sizes: Sizes) -> Self {
        let body = pack(method, content);
        let (name, content) = (b"dir/file.txt".to_vec(), content.to_vec());
        Self { method, flags: 0, name, extra: Vec::new(), sizes, content, body }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let crc = crc32fast::hash(&self.content);
        let (packed, size) = (self.body.len() as u64, self.content.len() as u64);
        let mut extra = self.extra.clone();
        let (head_crc, head_packed, head_size, flag) = match self.sizes {
            Sizes::Header => (crc, packed as u32, size as u32, 0),
            Sizes::Zip64 => {
                extra.extend(b"\x01\0\x10\0");
                extra.extend([size.to_le_bytes(), packed.to_le_bytes()].concat());
                (crc, u32::MAX, u32::MAX, 0)
            }
            Sizes::Descriptor { .. } => (0, 0, 0, 8),
            Sizes::Both => (crc, packed as u32, size as u32, 8),
            Sizes::Announced => {
                extra.extend(b"\x01\0\x10\0");
                extra.extend([0; 16]);
                (0, u32::MAX, u32::MAX, 8)
            }
        };
        let mut out = b"PK\x03\x04\x14\0".to_vec();
        out.extend((self.flags | flag).to_le_bytes());
        out.extend(self.method.to_le_bytes());
        out.extend([1, 2, 3, 4]);
        for field in [head_crc, head_packed, head_size] {
            out.extend(field.to_le_bytes());
        }
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend((extra.len() as u16).to_le_bytes());
        out.extend([&self.name[..], &extra, &self.body].concat());
        let (signature, wide) = match self.sizes {
            Sizes::Descriptor { signature, wide } => (signature, wide),
            Sizes::Both => (true, false),
            Sizes::Announced => (true, true),
            Sizes::Header | Sizes::Zip64 => return out,
        };
        if signature {
            out.extend(b"PK\x07\x08");
        }
        out.extend(crc.to_le_bytes());
        for size in [packed, size] {
            out.extend(&size.to_le_bytes()[..if wide { 8 } else { 4 }]);
        }
        out
    }

    /// Where the body begins.
    pub(crate) fn body_at(&self) -> usize {
        let zip64 = if matches!(self.sizes, Sizes::Zip64 | Sizes::Announced) { 20 } else { 0 };
        PROBE_LEN + self.name.len() + self.extra.len() + zip64
    }
}

fn pack(method: u16, content: &[u8]) -> Vec<u8> {
    match method {
        8 => deflate(content, 6, None),
        12 => crate::bzip2::compress(content, 1),
        93 => compress(content, Options { checksum: true, ..Options::default() }).0,
        95 => crate::xz::compress(content, &crate::xz::Layout::default()),
        _ => content.to_vec(),
    }
}

fn sizes() -> impl Strategy<Value = Sizes> {
    prop_oneof![
        Just(Sizes::Header),
        Just(Sizes::Zip64),
        Just(Sizes::Both),
        Just(Sizes::Announced),
        (any::<bool>(), any::<bool>()).prop_map(|(signature, wide)| Sizes::Descriptor { signature, wide }),
    ]
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn slicing_changes_nothing(
        content in content(8000),
        method in prop::sample::select(&METHODS[..]),
        sizes in sizes(),
        name in vec(any::<u8>(), 0..300),
        extra in prop_oneof![Just(vec![]), Just(b"\x75\x70\x02\0ab".to_vec()), vec(any::<u8>(), 0..40)],
        tail in prop_oneof![Just(vec![]), Just(b"PK\x03\x04".to_vec()), Just(b"PK\x01\x02\x28\xb5\x2f".to_vec()),
            vec(any::<u8>(), 0..40)],
        lens in lens(),
        cap in cap(),
    ) {
        let known = !matches!(sizes, Sizes::Descriptor { .. } | Sizes::Announced) && (method != 0 || sizes != Sizes::Both || !content.is_empty());
        prop_assume!(method != 0 || known);
        // Of nothing, a descriptor of 64 bits begins with one of 32 bits.
        prop_assume!(!content.is_empty() || !matches!(sizes, Sizes::Descriptor { wide: true, .. }));
        // What stands before a zip64 field must not swallow it, nor look like one.
        prop_assume!(!matches!(sizes, Sizes::Zip64 | Sizes::Announced) || extra.is_empty() || extra.starts_with(b"\x75\x70"));
        let entry = Entry { name, extra, ..Entry::new(method, &content, sizes) };
        let packed = entry.bytes();
        let end = packed.len() as u64;
        let run = blind(new, &[&packed[..], &tail].concat(), &lens, cap);
        prop_assert_eq!(run.end, End::At(end));
        prop_assert!(run.out == content);
        prop_assert!(run.established, "checksum and sizes are right");
        let body = entry.body_at() as u64;
        prop_assert_eq!(&run.starts[..], if method < 12 { vec![] } else { vec![body] });
    }
}

#[test]
fn what_libraries_write() {
    let mut rng = Rng(80);
    for streamed in [false, true] {
        let mut contents = Vec::new();
        let methods = [
            CompressionMethod::Stored,
            CompressionMethod::Deflated,
            CompressionMethod::Bzip2,
            CompressionMethod::Zstd,
            CompressionMethod::Xz,
        ];
        let mut packed = Vec::new();
        for (i, method) in methods.into_iter().cycle().take(15).enumerate() {
            // Whoever writes as a stream cannot store.
            if streamed && method == CompressionMethod::Stored {
                continue;
            }
            let text = rng.text(700 * i);
            let options = SimpleFileOptions::default().compression_method(method).large_file(i % 2 == 1);
            contents.push((format!("a/{i}.txt"), text, options));
        }
        if streamed {
            let mut writer = ZipWriter::new_stream(Vec::new());
            for (name, text, options) in &contents {
                writer.start_file(name, *options).unwrap();
                writer.write_all(text).unwrap();
            }
            packed.extend(writer.finish().unwrap().into_inner());
        } else {
            let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
            for (name, text, options) in &contents {
                writer.start_file(name, *options).unwrap();
                writer.write_all(text).unwrap();
            }
            packed.extend(writer.finish().unwrap().into_inner());
        }
        let mut archive = ZipArchive::new(Cursor::new(&packed)).unwrap();
        let mut at = 0;
        for (i, (name, text, options)) in contents.iter().enumerate() {
            let mut expected = Vec::new();
            archive.by_index(i).unwrap().read_to_end(&mut expected).unwrap();
            assert!(expected == *text);
            assert!(starts(&packed[at..]), "{options:?}");
            let mut decoder = new();
            let run = bytewise(&mut decoder, &packed[at..]);
            assert!(run.out == *text, "{options:?}");
            assert_eq!(decoder.name(), Some(name.as_bytes()));
            let End::At(end) = run.end else { panic!("{:?} of {options:?}", run.end) };
            at += end as usize;
        }
        assert!(packed[at..].starts_with(b"PK\x01\x02"), "the entries stand one behind the other");
    }
}

#[test]
fn every_split_of_small_entries() {
    let text = Rng(81).text(90);
    for method in METHODS {
        for sizes in [Sizes::Zip64, Sizes::Descriptor { signature: true, wide: true }] {
            if method == 0 && sizes != Sizes::Zip64 {
                continue;
            }
            let packed = [&Entry::new(method, &text, sizes).bytes()[..], b"PK\x03\x04"].concat();
            let once = whole(&mut new(), &packed);
            assert!(once.out == text);
            assert_eq!(once.end, End::At(packed.len() as u64 - 4));
            for a in 0..=packed.len() {
                for b in [a, (a + 1).min(packed.len()), (a + 9).min(packed.len()), packed.len()] {
                    let slices = [&packed[..a], &packed[a..b], &packed[b..]];
                    assert!(run(&mut new(), slices, 9).result() == once.result(), "cut at {a} and {b}");
                }
            }
        }
    }
}

#[test]
fn every_truncation_hands_out_what_is_known() {
    let text = Rng(82).text(700);
    for method in METHODS {
        for sizes in [Sizes::Header, Sizes::Descriptor { signature: false, wide: false }] {
            if method != 0 || sizes == Sizes::Header {
                every_truncation(new, &Entry::new(method, &text, sizes).bytes(), &text);
            }
        }
    }
}

#[test]
fn latency_is_that_of_the_method() {
    let mut rng = Rng(83);
    let text = [rng.text(3000), rng.noise(500)].concat();
    for method in [0, 8] {
        let run = bytewise(&mut new(), &Entry::new(method, &text, Sizes::Header).bytes());
        assert!(run.trace.iter().all(|&(_, _, unreleased)| unreleased == 0));
    }
    let entry = Entry::new(0, &text, Sizes::Header);
    let body = entry.body_at() as u64;
    for &(seen, made, _) in &bytewise(&mut new(), &entry.bytes()).trace {
        assert_eq!(made, seen.saturating_sub(body));
    }
    let entry = Entry::new(12, &text, Sizes::Header);
    let run = bytewise(&mut new(), &entry.bytes());
    let last = run.trace.iter().rfind(|at| at.1 == 0).unwrap();
    assert!(last.2 > entry.body.len() as u64 - 40, "a block is held until it is complete");
}

#[test]
fn names() {
    let named = |entry: &Entry| {
        let mut decoder = new();
        assert_eq!(decoder.name(), None);
        let packed = entry.bytes();
        let at = entry.body_at();
        whole(&mut decoder, &packed[..at - 1]);
        assert_eq!(decoder.name(), None);
        decoder.reset();
        let mut out = Vec::new();
        decoder.decode(&packed[..at], &mut out, 1);
        decoder.name().unwrap().to_vec()
    };
    let plain = Entry::new(8, b"content", Sizes::Header);
    assert_eq!(named(&plain), b"dir/file.txt");
    let unicode = |version: u8, sum: u32, name: &[u8]| {
        let field = [&[version][..], &sum.to_le_bytes(), name].concat();
        [b"\x99\x99\x02\0zz\x75\x70", &(field.len() as u16).to_le_bytes()[..], &field].concat()
    };
    let sum = crc32fast::hash(b"dir/file.txt");
    for (extra, name) in [
        (unicode(1, sum, "dir/fiłe.txt".as_bytes()), "dir/fiłe.txt".as_bytes()),
        (unicode(1, sum ^ 1, b"other"), b"dir/file.txt"),
        (unicode(2, sum, b"other"), b"dir/file.txt"),
        (unicode(1, sum, b"other")[..12].to_vec(), b"dir/file.txt"),
        (b"\x75\x70\x04\0\x01abc".to_vec(), b"dir/file.txt"),
        (b"\x75".to_vec(), b"dir/file.txt"),
    ] {
        assert_eq!(named(&Entry { extra, ..plain.clone() }), name);
    }
    let long = Entry { name: vec![b'n'; 65535], extra: vec![0; 65535], ..plain };
    assert_eq!(named(&long).len(), 65535);
    let run = whole(&mut new(), &long.bytes());
    assert_eq!((&run.out[..], run.end), (&b"content"[..], End::At(long.bytes().len() as u64)));
    assert!(run.established, "checksum and sizes are right, whatever the name");
}

#[test]
fn empty_entries() {
    for method in METHODS {
        let mut entry = Entry::new(method, b"", Sizes::Header);
        let end = |entry: &Entry| whole(&mut new(), &[&entry.bytes()[..], b"PK"].concat()).end;
        assert_eq!(end(&entry), End::At(entry.bytes().len() as u64));
        entry.body.clear();
        match method {
            0 => assert_eq!(end(&entry), End::At(entry.bytes().len() as u64), "without a body"),
            _ => empty_without_a_body(&entry.bytes()),
        }
        for (signature, wide) in [(false, false), (true, false), (true, true)] {
            let entry = Entry::new(method, b"", Sizes::Descriptor { signature, wide });
            let expected = match method {
                0 => End::Bad(entry.body_at() as u64, Fault::Unsupported),
                _ => End::At(entry.bytes().len() as u64 - if wide { 8 } else { 0 }),
            };
            assert_eq!(end(&entry), expected);
        }
        if method != 0 {
            // With the extra field that says so, the longer form is meant.
            let entry = Entry::new(method, b"", Sizes::Announced);
            assert_eq!(end(&entry), End::At(entry.bytes().len() as u64));
        }
    }
}

/// What says to be empty and is compressed may be followed by what an archive goes on with, and by nothing else.
fn empty_without_a_body(entry: &[u8]) {
    let end = entry.len() as u64;
    for next in
        [&b""[..], b"PK", b"PK\x03\x04", b"PK\x01\x02and", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"]
    {
        let run = blind(new, &[entry, next].concat(), &[1, 3], 1);
        let seen = end + next.len().min(4) as u64;
        let expected = if next.len() < 4 { End::Whole } else { End::At(seen) };
        assert_eq!((run.out.len(), run.end), (0, expected));
    }
    for (next, fits) in [(&b"x"[..], 0), (b"PX", 1), (b"PK\x02", 2), (b"PK\x03\x02", 3)] {
        let run = blind(new, &[entry, next].concat(), &[1, 3], 1);
        assert_eq!(run.end, End::Bad(end + fits, Fault::Corrupt));
        assert!(run.established);
    }
}

#[test]
fn several_streams_in_a_body() {
    for method in [12, 93, 95] {
        let mut entry = Entry::new(method, b"first", Sizes::Header);
        let second = entry.body_at() + entry.body.len();
        entry.body.extend(pack(method, b"second"));
        entry.content.extend(b"second");
        let run = bytewise(&mut new(), &entry.bytes());
        assert_eq!((&run.out[..], run.end), (&b"firstsecond"[..], End::At(entry.bytes().len() as u64)));
        assert_eq!(run.starts, [entry.body_at() as u64, second as u64]);
    }
}

#[test]
fn what_looks_like_the_next_stream_is_a_descriptor() {
    // Contents whose checksums begin as a magic number does.
    for (method, first) in [(12, b'B'), (93, 0x28), (93, 0x50), (95, 0xfd), (95, 0)] {
        let content = (0u32..).map(u32::to_le_bytes).find(|c| crc32fast::hash(c) as u8 == first).unwrap();
        let entry = Entry::new(method, &content, Sizes::Descriptor { signature: false, wide: false });
        let run = bytewise(&mut new(), &entry.bytes());
        assert_eq!((&run.out[..], run.end), (&content[..], End::At(entry.bytes().len() as u64)));
    }
}

#[test]
fn bombs_stay_within_the_cap() {
    let zeros = vec![0; 2_000_000];
    for method in [8, 12, 93, 95] {
        let entry = Entry::new(method, &zeros, Sizes::Header);
        let mut decoder = new();
        for cap in [37, 4096] {
            decoder.reset();
            let run = run(&mut decoder, [&entry.bytes()[..]], cap);
            assert!(run.out == zeros && matches!(run.end, End::At(_)));
            assert!(decoder.window_bytes() <= LIMIT + (1 << 20));
        }
    }
}

#[test]
fn the_probe() {
    let good = Entry::new(8, b"content", Sizes::Header).bytes();
    assert!(starts(&good) && starts(&good[..PROBE_LEN]) && !starts(&good[..PROBE_LEN - 1]));
    for (at, value, fits) in [
        (3, 2, false),
        (4, 63, true),
        (4, 64, false),
        (6, 0x08, true),
        (6, 0x7f, true),
        (6, 0x80, false),
        (7, 0x28, true),
        (7, 0x01, false),
        (7, 0x10, false),
        (7, 0x40, false),
        (7, 0x80, false),
        (8, 99, true),
        (8, 7, true),
        (8, 20, true),
        (8, 21, false),
        (8, 92, false),
        (9, 1, false),
        (26, 0, false),
        (27, 0x10, false),
    ] {
        let mut changed = good.clone();
        changed[at] = value;
        assert_eq!(starts(&changed), fits, "{value:#x} at {at}");
    }
}

#[test]
fn reset_and_sent() {
    let text = Rng(84).text(9000);
    for method in METHODS {
        resets(new, ZipEntry::reset, &Entry::new(method, &text, Sizes::Header).bytes());
    }
    assert_can_be_sent::<ZipEntry>();
}
