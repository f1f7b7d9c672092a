//! cpio: what is valid, in any slicing, and what is broken or over a limit.

use exfilter_codec::cpio::{
    BINARY_BE_MAGIC, BINARY_LE_MAGIC, CRC_MAGIC, Cpio, NEWC_MAGIC, ODC_MAGIC, PROBE_LEN, probe_len, starts,
};
use exfilter_codec::{Fault, Part};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{Rng, assert_can_be_sent, cases, cut, lens, places, segment};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Newc,
    Crc,
    Odc,
    Little,
    Big,
}

use Format::{Big, Crc, Little, Newc, Odc};

const FORMATS: [Format; 5] = [Newc, Crc, Odc, Little, Big];

const FILE: u32 = 0o100_644;

impl Format {
    fn header_len(self) -> usize {
        match self {
            Newc | Crc => 110,
            Odc => 76,
            Little | Big => 26,
        }
    }

    fn align(self) -> usize {
        match self {
            Newc | Crc => 4,
            Odc => 1,
            Little | Big => 2,
        }
    }

    /// A header by hand.
    fn header(self, mode: u32, name_size: u32, size: u32) -> Vec<u8> {
        match self {
            Newc | Crc => {
                let mut out = if self == Newc { NEWC_MAGIC } else { CRC_MAGIC }.to_vec();
                for field in [7, mode, 1000, 100, 1, 0x6512_abcd, size, 8, 1, 0, 0, name_size, 0] {
                    out.extend(format!("{field:08X}").bytes());
                }
                out
            }
            Odc => {
                let mut out = ODC_MAGIC.to_vec();
                for field in [8, 7, mode, 1000, 100, 1, 0] {
                    out.extend(format!("{field:06o}").bytes());
                }
                out.extend(format!("{:011o}{name_size:06o}{size:011o}", 0x6512_abcd).bytes());
                out
            }
            Little | Big => {
                let upper_first = |value: u32| [(value >> 16) as u16, value as u16];
                let mut words = vec![0o070_707, 8, 7, mode as u16, 1000, 100, 1, 0];
                words.extend(upper_first(0x6512_abcd));
                words.push(name_size as u16);
                words.extend(upper_first(size));
                let bytes = |word: u16| if self == Little { word.to_le_bytes() } else { word.to_be_bytes() };
                words.into_iter().flat_map(bytes).collect()
            }
        }
    }

    fn pad(self, out: &mut Vec<u8>) {
        out.resize(out.len().next_multiple_of(self.align()), 0);
    }

    /// A header with its name and padding; `name` with its zero.
    fn named(self, mode: u32, name: &[u8], size: usize) -> Vec<u8> {
        let mut out = [&self.header(mode, name.len() as u32, size as u32), name].concat();
        self.pad(&mut out);
        out
    }

    fn member(self, name: &str, content: &[u8]) -> Vec<u8> {
        let name = [name.as_bytes(), &[0]].concat();
        let mut out = [&self.named(FILE, &name, content.len()), content].concat();
        self.pad(&mut out);
        out
    }

    fn trailer(self) -> Vec<u8> {
        self.named(0, b"TRAILER!!!\0", 0)
    }

    fn archive(self, members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out: Vec<u8> =
            members.iter().flat_map(|(name, content)| self.member(name, content)).collect();
        out.extend(self.trailer());
        out
    }
}

/// `(name, length, offset)` of the members, for archives whose ends are right.
fn members(archive: &[u8]) -> Vec<(Vec<u8>, u64, u64)> {
    let (parts, result) = segment(&mut Cpio::new(1000), [archive]);
    assert_eq!(result, Ok(()));
    assert_eq!(segment(&mut Cpio::new(1000), archive.chunks(1)).0, parts);
    let mut members = Vec::new();
    for pair in parts.chunks(2) {
        let [Part::Begin { at, len, name, header }, Part::End { at: end }] = pair else { panic!("{pair:?}") };
        assert!(header + 26 < *at && *end == at + len);
        members.push((name.clone(), *len, *at));
    }
    members
}

fn names_of(archive: &[u8]) -> Vec<String> {
    members(archive).into_iter().map(|member| String::from_utf8(member.0).unwrap()).collect()
}

/// The result, in which slices play no part.
fn result(archive: &[u8]) -> Result<(), (u64, Fault)> {
    let whole = segment(&mut Cpio::new(100), [archive]);
    assert_eq!(segment(&mut Cpio::new(100), archive.chunks(1)), whole);
    whole.1
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_another_reader_finds(
        list in vec(("[a-z]{1,9}(/[a-zü]{1,40}){0,3}", vec(any::<u8>(), 0..300)), 0..8),
        zeros in 0..600usize,
        lens in lens(),
    ) {
        let mut archive = Vec::new();
        for (name, content) in &list {
            let builder = cpio::NewcBuilder::new(name).mode(FILE);
            let mut writer = builder.write(&mut archive, content.len() as u32);
            std::io::Write::write_all(&mut writer, content).unwrap();
            writer.finish().unwrap();
        }
        cpio::newc::trailer(&mut archive).unwrap();
        archive.resize(archive.len() + zeros, 0);
        prop_assert!(starts(&archive));
        let found = members(&archive);
        let mut rest = &archive[..];
        for (name, len, at) in &found {
            let mut reader = cpio::NewcReader::new(rest).unwrap();
            prop_assert_eq!(reader.entry().name().as_bytes(), &name[..]);
            prop_assert_eq!(u64::from(reader.entry().file_size()), *len);
            let mut content = Vec::new();
            std::io::copy(&mut reader, &mut content).unwrap();
            prop_assert!(archive[*at as usize..][..*len as usize] == content);
            rest = reader.finish().unwrap();
        }
        prop_assert!(cpio::NewcReader::new(rest).unwrap().entry().is_trailer());
        prop_assert_eq!(found.len(), list.len());
        let whole = segment(&mut Cpio::new(1000), [&archive[..]]);
        prop_assert_eq!(segment(&mut Cpio::new(1000), cut(&archive, &lens)), whole);
    }

    #[test]
    fn what_was_written(
        list in vec(("[a-z]{1,9}(/[a-zü]{1,40}){0,3}", vec(any::<u8>(), 0..300), select(&FORMATS[..])), 1..6),
        zeros in 0..9usize,
        lens in lens(),
    ) {
        // Runs of one format are an archive; after those in binary none may follow.
        let mut archive = Vec::new();
        let mut expected = Vec::new();
        let runs: Vec<_> = list.chunk_by(|a, b| a.2 == b.2).collect();
        for run in runs {
            let format = run[0].2;
            let mut packed = Vec::new();
            for (name, content, _) in run {
                let whole = format.member(name, content);
                let name_end = format.header_len() + name.len() + 1;
                let at = archive.len() + packed.len() + name_end.next_multiple_of(format.align());
                expected.push((name.clone().into_bytes(), content.len() as u64, at as u64));
                packed.extend(whole);
            }
            prop_assert!(starts(&packed));
            archive.extend(packed);
            archive.extend(format.trailer());
            archive.resize(archive.len() + zeros, 0);
            let next = expected.len();
            if list.get(next).is_some_and(|next| matches!(next.2, Little | Big)) {
                break;
            }
        }
        prop_assert_eq!(members(&archive), expected);
        let whole = segment(&mut Cpio::new(1000), [&archive[..]]);
        prop_assert_eq!(segment(&mut Cpio::new(1000), cut(&archive, &lens)), whole);
    }
}

#[test]
fn boundaries() {
    for (format, expected) in [
        (Newc, [(116, 0, 3), (236, 120, 0)]),
        (Crc, [(116, 0, 3), (236, 120, 0)]),
        (Odc, [(81, 0, 3), (163, 84, 0)]),
        (Little, [(32, 0, 3), (66, 36, 0)]),
        (Big, [(32, 0, 3), (66, 36, 0)]),
    ] {
        // Names of 4 and 2 bytes, and their zeros.
        let archive = format.archive(&[("name", b"abc"), ("no", b"")]);
        let (parts, _) = segment(&mut Cpio::new(2), [&archive[..]]);
        let at = |part: &Part| match part {
            Part::Begin { at, header, len, .. } => (*at, *header, *len),
            Part::End { at } => (*at, 0, 0),
        };
        let [(at_1, header_1, len_1), (at_2, header_2, len_2)] = expected;
        let expected =
            [(at_1, header_1, len_1), (at_1 + len_1, 0, 0), (at_2, header_2, len_2), (at_2 + len_2, 0, 0)];
        assert_eq!(parts.iter().map(at).collect::<Vec<_>>(), expected, "{format:?}");
    }
}

/// What a header of each format is, byte by byte.
#[test]
fn headers() {
    let newc = b"07070100000007000081A4000003E800000064000000016512ABCD\
        00000003000000080000000100000000000000000000000500000000name\0\0abc";
    let odc = b"070707000010000007100644001750000144000001000000\
        1450452571500000500000000003name\0abc";
    let big =
        b"\x71\xc7\0\x08\0\x07\x81\xa4\x03\xe8\0\x64\0\x01\0\0\x65\x12\xab\xcd\0\x05\0\0\0\x03name\0\0abc";
    let little =
        b"\xc7\x71\x08\0\x07\0\xa4\x81\xe8\x03\x64\0\x01\0\0\0\x12\x65\xcd\xab\x05\0\0\0\x03\0name\0\0abc";
    for (format, by_hand) in [(Newc, &newc[..]), (Odc, &odc[..]), (Big, &big[..]), (Little, &little[..])] {
        let mut by_hand = by_hand.to_vec();
        format.pad(&mut by_hand);
        let made = format.member("name", b"abc");
        assert_eq!(String::from_utf8_lossy(&made), String::from_utf8_lossy(&by_hand), "{format:?}");
        assert!(made == by_hand);
        by_hand.extend(format.trailer());
        assert_eq!(names_of(&by_hand), ["name"]);
    }
}

#[test]
fn large_binary_sizes_and_small_digits() {
    for format in [Little, Big] {
        let content = vec![b'x'; 0x0002_0003];
        let archive = format.archive(&[("large", &content), ("next", b"n")]);
        let found = members(&archive);
        assert_eq!((found[0].1, found[1].1), (0x0002_0003, 1));
    }
    let mut newc = Newc.archive(&[("n", &[b'x'; 0xab])]);
    newc[..110].make_ascii_lowercase();
    assert_eq!(members(&newc)[0].1, 0xab);
}

#[test]
fn links_and_directories() {
    for format in FORMATS {
        let archive = [
            format.named(0o040_755, b"directory\0", 0),
            {
                let mut link = [format.named(0o120_777, b"link\0", 6), b"target".to_vec()].concat();
                format.pad(&mut link);
                link
            },
            format.named(0o020_600, b"device\0", 0),
            format.trailer(),
        ]
        .concat();
        assert!(starts(&archive));
        let found = members(&archive);
        let lens: Vec<_> = found.iter().map(|member| member.1).collect();
        assert_eq!(lens, [0, 6, 0]);
        assert_eq!(names_of(&archive), ["directory", "link", "device"]);
    }
}

#[test]
fn names() {
    for format in FORMATS {
        // Filled up with zeros, as some writers do to have the content begin at a block; cut at a zero; not quite a trailer.
        let archive = [
            format.named(FILE, &[&b"padded"[..], &[0; 100]].concat(), 0),
            format.named(FILE, b"cut\0off\0", 0),
            format.named(FILE, b"\0", 0),
            format.named(FILE, b"TRAILER!!\0", 0),
            format.named(FILE, b"TRAILER!!!!\0", 0),
            format.trailer(),
        ]
        .concat();
        assert!(starts(&archive));
        assert_eq!(names_of(&archive), ["padded", "cut", "", "TRAILER!!", "TRAILER!!!!"]);

        for len in [Part::NAME_MAX - 1, Part::NAME_MAX, Part::NAME_MAX + 1, 3 * Part::NAME_MAX] {
            let name = "n".repeat(len);
            let archive = format.archive(&[(&name, b"abc"), ("next", b"")]);
            let found = members(&archive);
            assert!(found[0].0 == name.as_bytes()[..len.min(Part::NAME_MAX)] && found[1].0 == b"next");
            assert_eq!(starts(&archive), len < Part::NAME_MAX);
        }
    }
}

#[test]
fn archives_in_a_row() {
    let first = Newc.archive(&[("microcode", b"abc")]);
    for format in [Newc, Crc, Odc] {
        for zeros in [0, 1, 2, 3, 512, 5000] {
            let second = format.archive(&[("second", b"de")]);
            let archive = [&first[..], &vec![0; zeros], &second, &vec![0; zeros]].concat();
            assert_eq!(names_of(&archive), ["microcode", "second"]);
            // A broken or cut one is one all the same.
            let at = (first.len() + zeros) as u64;
            let mut broken = archive.clone();
            broken[at as usize + 20] = b'x';
            assert_eq!(result(&broken), Err((at, Fault::Corrupt)));
            for len in 6..second.len() - 10 {
                let end = result(&archive[..at as usize + len]);
                assert!(matches!(end, Err((_, Fault::Truncated))), "{end:?}");
            }
        }
    }
    // Anything else is not looked at.
    for other in [
        &b"\x1f\x8b\x08 compressed"[..],
        b"07070",
        b"070703 and more",
        b"0",
        b"\0\0\x0007070\0",
        &Little.archive(&[("n", b"")]),
        &Big.archive(&[("n", b"")]),
    ] {
        let archive = [&first[..], other, &first].concat();
        assert_eq!(names_of(&archive), ["microcode"]);
        assert_eq!(names_of(&[&first[..], other].concat()), ["microcode"]);
    }
    // What a trailer says of its content does not count.
    let sized = [&Newc.named(0, b"TRAILER!!!\0", 500)[..], &first].concat();
    assert_eq!(names_of(&sized), ["microcode"]);
}

#[test]
fn formats_do_not_mix() {
    for a in FORMATS {
        for b in FORMATS {
            let archive = [&a.member("a", b"abc")[..], &b.archive(&[("b", b"de")])].concat();
            if a == b || matches!((a, b), (Newc | Crc, Newc | Crc)) {
                assert_eq!(result(&archive), Ok(()));
            } else {
                let at = a.member("a", b"abc").len() as u64;
                assert_eq!(result(&archive), Err((at, Fault::Corrupt)), "{a:?} {b:?}");
            }
        }
    }
}

/// What has as many bytes as it wants to see is decided, and the first content begins no earlier.
#[test]
fn probes() {
    for format in FORMATS {
        for name in [&b"n\0"[..], b"a name\0", b"nn", b"n\x01\0", &[b'n'; 200]] {
            let archive = [format.named(FILE, name, 3), b"\x01\0z".repeat(90)].concat();
            let len = (0..).find(|len| *len >= probe_len(&archive[..*len])).expect("it ends");
            assert!(len <= PROBE_LEN.min(format.header_len() + name.len()), "{format:?}");
            for more in len..archive.len() {
                assert_eq!(probe_len(&archive[..more]), len, "{format:?}");
                assert_eq!(starts(&archive[..more]), starts(&archive[..len]), "{format:?}");
            }
        }
    }
    assert_eq!((probe_len(b""), probe_len(b"07"), probe_len(b"xy"), probe_len(b"07x")), (2, 6, 0, 6));
}

#[test]
fn beginnings() {
    for format in FORMATS {
        let archive = format.archive(&[("a name", b"abc")]);
        let len = format.header_len();
        for cut in 0..archive.len().min(PROBE_LEN) {
            assert_eq!(starts(&archive[..cut]), cut >= len, "{format:?} {cut}");
        }
        // An archive without members is one.
        assert!(starts(&format.trailer()));
        // The name is as long as the header says, and clean; bytes behind what is looked at do not matter.
        for (name, fits) in [
            (&b"n\0"[..], true),
            (b"n\0\0\0", true),
            (b"nn", false),
            (b"\0", false),
            (b"n\x01\0", false),
            (b"n\0n\0", false),
        ] {
            let seen = format != Newc && format != Crc;
            assert_eq!(
                starts(&format.named(FILE, name, 0)),
                fits || (!seen && name.len() > 1),
                "{format:?} {name:?}"
            );
        }
        assert!(starts(&format.named(FILE, &[&[b'n'; 4095][..], b"\0"].concat(), 0)));
        assert!(!starts(&format.named(FILE, &[b'n'; 4097], 0)));
        assert!(!starts(&format.named(0o170_000, b"n\0", 0)) && !starts(&format.named(0o110_000, b"n\0", 0)));
    }
    assert!(starts(&Odc.archive(&[(&"n".repeat(50), b"")])));
    for byte in [BINARY_LE_MAGIC, BINARY_BE_MAGIC] {
        assert!(!starts(&byte));
        assert!(!starts(&[&byte[..], &[0; 200]].concat()) && !starts(&[&byte[..], &[0xff; 200]].concat()));
    }
    assert_eq!(result(b""), Err((0, Fault::Truncated)));
    for other in [&b"xx"[..], b"070708", b"07070X00000000", b"070727", b"\0\0", b"\x71\x71"] {
        assert_eq!(result(other), Err((0, Fault::Corrupt)));
    }
}

/// An archive, and where each of its members and its trailer begin.
fn mixed(format: Format) -> (Vec<u8>, Vec<usize>) {
    let parts = [
        format.member("file", &[1; 201]),
        format.named(0o040_755, b"directory\0", 0),
        format.member("x", b"abc"),
        format.member("another/file", b"de"),
        format.trailer(),
    ];
    let mut starts = vec![0];
    for part in &parts[..parts.len() - 1] {
        starts.push(starts[starts.len() - 1] + part.len());
    }
    (parts.concat(), starts)
}

#[test]
fn every_truncation() {
    for format in FORMATS {
        let (archive, starts) = mixed(format);
        let (parts, _) = segment(&mut Cpio::new(100), [&archive[..]]);
        let ends = parts.iter().filter_map(|part| match part {
            Part::End { at } => Some(*at as usize),
            Part::Begin { .. } => None,
        });
        let ends: Vec<usize> = ends.collect();
        let trailer = *starts.last().unwrap();
        for len in 0..=archive.len() {
            let (found, result) = segment(&mut Cpio::new(100), [&archive[..len]]);
            assert_eq!(segment(&mut Cpio::new(100), archive[..len].chunks(1)), (found.clone(), result));
            assert_eq!(found, parts[..found.len()]);
            // Between members, in a member, in the trailer, after it.
            let inside = starts.iter().zip(&ends).find(|&(&start, &end)| start < len && len < end);
            let expected = match inside {
                Some((&start, _)) => Err((start as u64, Fault::Truncated)),
                None if len <= trailer => Err((len as u64, Fault::Truncated)),
                None if len < trailer + format.header_len() + 11 => Err((trailer as u64, Fault::Truncated)),
                None => Ok(()),
            };
            assert_eq!(result, expected, "{format:?} cut at {len}");
        }
    }
}

/// Parts are in pairs, in order, and within the input.
fn assert_ordered(parts: &[Part], end: Result<(), (u64, Fault)>, len: usize) {
    let (mut last, mut open) = (0, None);
    for part in parts {
        match part {
            Part::Begin { at, header, len, name } => {
                assert!(
                    open.is_none() && last <= *header && header + 26 < *at && name.len() <= Part::NAME_MAX
                );
                (last, open) = (*at, Some(at + len));
            }
            Part::End { at } => {
                assert_eq!(open.take(), Some(*at));
                last = *at;
            }
        }
    }
    assert!(last <= len as u64 && (end.is_err() || open.is_none()));
    assert!(end.err().is_none_or(|(at, _)| at <= len as u64));
}

#[test]
fn every_flipped_bit() {
    for format in FORMATS {
        let (mut archive, starts) = mixed(format);
        for bit in places(archive.len() * 8) {
            archive[bit / 8] ^= 1 << (bit % 8);
            let whole = segment(&mut Cpio::new(100), [&archive[..]]);
            assert_eq!(segment(&mut Cpio::new(100), archive.chunks(7)), whole, "{format:?} bit {bit}");
            assert_ordered(&whole.0, whole.1, archive.len());
            let magic = if matches!(format, Little | Big) { 2 } else { 6 };
            let of_magic = |start: &&usize| (**start..**start + magic).contains(&(bit / 8));
            if let Some(&start) = starts.iter().find(of_magic) {
                // newc for crc, or the other way round, or, in the first header, one of another format.
                let other = whole.1.is_ok() || start == 0;
                assert!(other || whole.1 == Err((start as u64, Fault::Corrupt)), "{format:?} bit {bit}");
                assert!(whole.1.is_err() || matches!(format, Newc | Crc), "{format:?} bit {bit}");
            }
            archive[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn damage(format in select(&FORMATS[..]), seed: u64, flips in 1..6usize, lens in lens()) {
        let (mut archive, starts) = mixed(format);
        let mut rng = Rng(seed);
        for _ in 0..flips {
            // In headers most of the time.
            let at = match rng.below(4) {
                0 => rng.below(archive.len()),
                _ => starts[rng.below(starts.len())] + rng.below(format.header_len()),
            };
            archive[at] = if rng.below(4) == 0 { rng.next() as u8 } else { b"\0\x0101237afAF!"[rng.below(12)] };
        }
        let whole = segment(&mut Cpio::new(100), [&archive[..]]);
        assert_ordered(&whole.0, whole.1, archive.len());
        prop_assert_eq!(segment(&mut Cpio::new(100), cut(&archive, &lens)), whole);
    }

    #[test]
    fn noise(format in select(&FORMATS[..]), seed: u64, len in 0..3000usize, lens in lens()) {
        let noise = Rng(seed).noise(len);
        for noise in [[&format.header(FILE, 2, 0)[..], b"n\0", &noise].concat(), noise] {
            let whole = segment(&mut Cpio::new(100), [&noise[..]]);
            prop_assert_eq!(segment(&mut Cpio::new(100), cut(&noise, &lens)), whole);
        }
    }
}

#[test]
fn headers_that_are_none() {
    for format in FORMATS {
        let good = format.member("good", b"abc");
        let corrupt = Err((good.len() as u64, Fault::Corrupt));
        let no_name = format.header(FILE, 0, 0);
        let open_name = format.named(FILE, b"name", 0);
        let long_open_name = format.named(FILE, &[b'n'; 5000], 0);
        for broken in [&no_name, &open_name, &long_open_name, &vec![0; 512], &vec![b'x'; 512]] {
            assert_eq!(result(&[&good[..], broken, &good].concat()), corrupt, "{format:?}");
        }
        if matches!(format, Little | Big) {
            continue;
        }
        let bad: &[u8] = if format == Odc { b"8 -+a\0" } else { b"g -+x\0" };
        for at in 6..format.header_len() {
            let mut broken = good.clone();
            broken[at] = bad[at % bad.len()];
            assert_eq!(result(&[&good[..], &broken].concat()), corrupt, "{format:?} {at}");
        }
    }
}

#[test]
fn endless_sizes() {
    for format in FORMATS {
        let longest = if format == Odc { 0o777_777 } else { u32::MAX };
        for (name_size, size) in [(longest, 0), (2, u32::MAX), (longest, u32::MAX)] {
            let archive = [&format.header(FILE, name_size, size)[..], b"n\0\0\0\0\0", &[b'x'; 2000]].concat();
            assert_eq!(result(&archive), Err((0, Fault::Truncated)), "{format:?} {name_size} {size}");
        }
    }
    let mut odc = Odc.header(FILE, 2, 0);
    odc[65..].fill(b'7');
    let (parts, result) = segment(&mut Cpio::new(1), [&[&odc[..], b"n\0abc"].concat()[..]]);
    assert_eq!(parts, [Part::Begin { at: 78, header: 0, len: (1 << 33) - 1, name: b"n".to_vec() }]);
    assert_eq!(result, Err((0, Fault::Truncated)));
}

#[test]
fn members_over_the_limit() {
    for format in [Newc, Odc] {
        let (archive, starts) = mixed(format);
        let length = archive.len();
        let archive = [&archive[..], &archive].concat();
        let starts: Vec<usize> =
            starts[..4].iter().copied().chain(starts[..4].iter().map(|at| at + length)).collect();
        for max in 0..=9 {
            let (parts, result) = segment(&mut Cpio::new(max), [&archive[..]]);
            let fits = starts.len().min(max as usize);
            assert_eq!(parts.len(), fits * 2);
            let expected = starts.get(fits).map_or(Ok(()), |&at| Err((at as u64, Fault::Members)));
            assert_eq!(result, expected);
        }
    }
}

#[test]
fn it_can_be_sent() {
    assert_can_be_sent::<Cpio>();
    assert!(size_of::<Cpio>() < 256);
}
