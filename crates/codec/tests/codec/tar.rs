//! tar: what is valid, in any slicing.

use exfilter_codec::Part;
use exfilter_codec::tar::{BLOCK, Tar};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{cases, cut, lens, segment};

/// A header block by hand: GNU magic, and the checksum set.
pub(crate) fn block(name: &[u8], kind: u8, size: u64, change: impl FnOnce(&mut [u8; BLOCK])) -> Vec<u8> {
    let mut block = [0; BLOCK];
    block[..name.len()].copy_from_slice(name);
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar  \0");
    change(&mut block);
    set_checksum(&mut block);
    block.to_vec()
}

pub(crate) fn set_checksum(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block[..BLOCK].iter().map(|&b| u32::from(b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

pub(crate) fn padded(content: &[u8]) -> Vec<u8> {
    let mut out = content.to_vec();
    out.resize(content.len().next_multiple_of(BLOCK), 0);
    out
}

/// `LEN KEY=VALUE\n`
pub(crate) fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut len = rest;
    while len != rest + len.to_string().len() {
        len = rest + len.to_string().len();
    }
    [len.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

/// `(name, length, offset)` of the members, for archives whose ends are right.
pub(crate) fn members(archive: &[u8]) -> Vec<(Vec<u8>, u64, u64)> {
    let (parts, result) = segment(&mut Tar::new(1000), [archive]);
    assert_eq!(result, Ok(()));
    assert_eq!(segment(&mut Tar::new(1000), archive.chunks(1)).0, parts);
    let mut members = Vec::new();
    for pair in parts.chunks(2) {
        let [Part::Begin { at, len, name, header }, Part::End { at: end }] = pair else { panic!("{pair:?}") };
        assert!(header < at && *end == at + len);
        members.push((name.clone(), *len, *at));
    }
    members
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,10}", "[a-z]{1,9}(/[a-zü]{1,40}){1,3}", "[a-z]{1,9}(/[a-z ]{20,90}){2,6}"]
}

#[derive(Clone, Debug)]
enum Member {
    File { content: Vec<u8>, gnu: bool, pax: bool },
    Directory,
    Link { target: String, hard: bool },
}

fn member() -> impl Strategy<Value = Member> {
    prop_oneof![
        3 => (vec(any::<u8>(), 0..1500), any::<bool>(), any::<bool>())
            .prop_map(|(content, gnu, pax)| Member::File { content, gnu, pax }),
        1 => Just(Member::Directory),
        1 => (name(), any::<bool>()).prop_map(|(target, hard)| Member::Link { target, hard }),
    ]
}

fn build(list: &[(String, Member)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, member) in list {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(0);
        match member {
            Member::File { content, gnu, pax } => {
                if *pax {
                    let records =
                        [("comment", name.as_bytes()), ("path", name.as_bytes()), ("mtime", b"17.5")];
                    builder.append_pax_extensions(records).unwrap();
                }
                if !gnu {
                    header = tar::Header::new_ustar();
                }
                header.set_size(content.len() as u64);
                if *pax || (!gnu && header.set_path(name).is_err()) {
                    header = tar::Header::new_gnu();
                    header.set_size(content.len() as u64);
                }
                builder.append_data(&mut header, name, &content[..]).unwrap();
            }
            Member::Directory => {
                header.set_entry_type(tar::EntryType::Directory);
                builder.append_data(&mut header, name, &[][..]).unwrap();
            }
            Member::Link { target, hard } => {
                header.set_entry_type(if *hard { tar::EntryType::Link } else { tar::EntryType::Symlink });
                builder.append_link(&mut header, name, target).unwrap();
            }
        }
    }
    builder.into_inner().unwrap()
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_another_reader_finds(list in vec((name(), member()), 0..8), lens in lens()) {
        let archive = build(&list);
        let mut expected = Vec::new();
        let mut reader = tar::Archive::new(&archive[..]);
        for entry in reader.entries().unwrap() {
            let entry = entry.unwrap();
            expected.push((entry.path_bytes().into_owned(), entry.size(), entry.raw_file_position()));
        }
        prop_assert_eq!(expected.len(), list.len());
        prop_assert_eq!(members(&archive), expected);
        let whole = segment(&mut Tar::new(1000), [&archive[..]]);
        prop_assert_eq!(segment(&mut Tar::new(1000), cut(&archive, &lens)), whole);
        prop_assert!(list.is_empty() || Tar::sniff(&archive));
    }
}

#[test]
fn a_header_names_the_first_of_its_headers() {
    let long = "a long name/".repeat(30);
    let mut builder = tar::Builder::new(Vec::new());
    for name in ["short", &long] {
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        builder.append_data(&mut header, name, &b"abc"[..]).unwrap();
    }
    let archive = builder.into_inner().unwrap();
    let (parts, _) = segment(&mut Tar::new(2), [&archive[..]]);
    assert_eq!(parts[0], Part::Begin { at: 512, header: 0, len: 3, name: b"short".to_vec() });
    assert_eq!(parts[1], Part::End { at: 515 });
    assert_eq!(parts[2], Part::Begin { at: 2560, header: 1024, len: 3, name: long.into_bytes() });
}

#[test]
fn pax_names_and_sizes() {
    let records =
        [record(b"path", b"from pax"), record(b"size", b"5"), record(b"SCHILY.xattr.x", &[0; 99_999])]
            .concat();
    let pax = [block(b"PaxHeaders", b'x', records.len() as u64, |_| ()), padded(&records)].concat();
    let plain = |name: &[u8]| [block(name, b'0', 3, |_| ()), padded(b"abc")].concat();
    let sized = [block(b"name", b'0', 0, |_| ()), padded(b"abcde")].concat();
    let archive = [&pax[..], &sized, &plain(b"next")].concat();
    let at = pax.len() as u64 + 512;
    assert_eq!(members(&archive), [(b"from pax".to_vec(), 5, at), (b"next".to_vec(), 3, at + 1024)]);

    // A sparse member's own name comes before its path, pax before GNU, and `g` records are for all after them.
    let global = record(b"path", b"for all");
    let sparse = [record(b"GNU.sparse.name", b"real"), record(b"path", b"GNUSparseFile.1/real")].concat();
    let archive = [
        block(b"g", b'g', global.len() as u64, |_| ()),
        padded(&global),
        plain(b"one"),
        block(b"x", b'x', sparse.len() as u64, |_| ()),
        padded(&sparse),
        block(b"././@LongLink", b'L', 5, |_| ()),
        padded(b"long\0"),
        plain(b"two"),
        block(b"././@LongLink", b'L', 5, |_| ()),
        padded(b"long\0"),
        block(b"././@LongLink", b'K', 700, |_| ()),
        padded(&[b'k'; 700]),
        plain(b"three"),
    ]
    .concat();
    let names: Vec<_> = members(&archive).into_iter().map(|member| member.0).collect();
    assert_eq!(names, [&b"for all"[..], b"real", b"long"]);
}

#[test]
fn records_filled_up_with_zeros() {
    let records = [&record(b"path", b"p")[..], &[0; 100]].concat();
    let archive =
        [block(b"x", b'x', records.len() as u64, |_| ()), padded(&records), block(b"n", b'0', 0, |_| ())]
            .concat();
    assert_eq!(members(&archive), [(b"p".to_vec(), 0, 1536)]);
}

#[test]
fn names_are_cut() {
    let name = vec![b'n'; 3 * Part::NAME_MAX];
    let records = record(b"path", &name);
    for header in [
        [block(b"x", b'x', records.len() as u64, |_| ()), padded(&records)].concat(),
        [block(b"L", b'L', name.len() as u64, |_| ()), padded(&name)].concat(),
    ] {
        let archive = [&header[..], &block(b"n", b'0', 0, |_| ())].concat();
        assert_eq!(members(&archive)[0].0, name[..Part::NAME_MAX]);
    }
}

#[test]
fn the_ustar_prefix() {
    let posix = |block: &mut [u8; BLOCK]| {
        block[257..265].copy_from_slice(b"ustar\x0000");
        block[345..351].copy_from_slice(b"prefix");
    };
    let gnu = |block: &mut [u8; BLOCK]| block[345..351].copy_from_slice(b"prefix");
    let full = [b'f'; 100];
    let archive = [block(&full, b'0', 0, posix), block(&full, b'0', 0, gnu)].concat();
    let names: Vec<_> = members(&archive).into_iter().map(|member| member.0).collect();
    assert_eq!(names, [[&b"prefix/"[..], &full].concat(), full.to_vec()]);
}

#[test]
fn names_split_over_prefix_and_name() {
    let (full_prefix, full_name) = ("p".repeat(155), "n".repeat(100));
    let long = "l".repeat(300);
    for (prefix, name, joined) in [
        ("", "name", "name".to_owned()),
        ("a/b", "c/d", "a/b/c/d".to_owned()),
        // The split is at any slash, that of a directory's name at its end among them.
        ("a/b/c", "d/", "a/b/c/d/".to_owned()),
        ("a/", "b", "a//b".to_owned()),
        (&full_prefix, "n", format!("{full_prefix}/n")),
        ("p", &full_name, format!("p/{full_name}")),
        (&full_prefix, &full_name, format!("{full_prefix}/{full_name}")),
    ] {
        let split = block(name.as_bytes(), b'0', 3, |block| {
            block[257..265].copy_from_slice(b"ustar\x0000");
            block[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
        });
        assert!(Tar::sniff(&split));
        let records = record(b"path", long.as_bytes());
        let pax = [block(b"x", b'x', records.len() as u64, |_| ()), padded(&records)].concat();
        let archive = [&split, &padded(b"abc"), &pax, &split, &padded(b"abc")].map(|part| &part[..]).concat();
        let names: Vec<_> = members(&archive).into_iter().map(|member| member.0).collect();
        assert_eq!(names, [joined.as_bytes(), long.as_bytes()]);
    }
}

/// A pax header with these records.
pub(crate) fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let records: Vec<_> =
        records.iter().map(|(key, value)| record(key.as_bytes(), value.as_bytes())).collect();
    let records = records.concat();
    [block(b"PaxHeaders", b'x', records.len() as u64, |_| ()), padded(&records)].concat()
}

/// What the records of a sparse member say whose map stands in front of its content.
pub(crate) const MAPPED: [(&str, &str); 4] = [
    ("GNU.sparse.major", "1"),
    ("GNU.sparse.minor", "0"),
    ("GNU.sparse.name", "real/name"),
    ("GNU.sparse.realsize", "100000"),
];

#[test]
fn sparse_members_of_every_format() {
    type Records<'a> = &'a [(&'a str, &'a str)];
    let made_up = b"GNUSparseFile.123/name";
    // 0.0 and 0.1 have the map in the records, 1.0 in front of the content.
    let formats: [(Records<'_>, &[u8], &[u8]); 3] = [
        (
            &[
                ("GNU.sparse.size", "100000"),
                ("GNU.sparse.numblocks", "2"),
                ("GNU.sparse.offset", "0"),
                ("GNU.sparse.numbytes", "3"),
                ("GNU.sparse.offset", "90000"),
                ("GNU.sparse.numbytes", "3"),
            ],
            b"real/name",
            b"",
        ),
        (
            &[
                ("GNU.sparse.size", "100000"),
                ("GNU.sparse.numblocks", "2"),
                ("GNU.sparse.name", "real/name"),
                ("GNU.sparse.map", "0,3,90000,3"),
            ],
            made_up,
            b"",
        ),
        (&MAPPED, made_up, b"2\n0\n3\n90000\n3\n"),
    ];
    for (records, name, map) in formats {
        let content = [&padded(map)[..], b"abcdef"].concat();
        let member = [block(name, b'0', content.len() as u64, |_| ()), padded(&content)].concat();
        let headers = pax(records);
        let next = [block(b"next", b'0', 3, |_| ()), padded(b"xyz")].concat();
        let found = members(&[&headers[..], &member, &next].concat());
        let at = headers.len() + 512 + padded(map).len();
        assert_eq!(found[0], (b"real/name".to_vec(), 6, at as u64));
        assert_eq!(found[1], (b"next".to_vec(), 3, at as u64 + 1024));
    }

    // The old kind: 21 pieces in each block of the map behind the header, and the name as it is.
    for extensions in 0..4 {
        let header = block(b"old", b'S', 600, |block| {
            block[386..398].copy_from_slice(b"00000000000\0");
            block[398..410].copy_from_slice(b"00000001130\0");
            block[482] = u8::from(extensions > 0);
            block[483..495].copy_from_slice(b"00000303240\0");
        });
        let mut blocks = Vec::new();
        for left in (0..extensions).rev() {
            let mut block = b"00000000000\0".repeat(42);
            block.resize(BLOCK, 0);
            block[504] = u8::from(left > 0);
            blocks.extend(block);
        }
        let next = [block(b"next", b'0', 3, |_| ()), padded(b"xyz")].concat();
        let archive = [&header[..], &blocks, &padded(&[b'x'; 600]), &next].concat();
        let at = 512 + 512 * extensions;
        assert_eq!(members(&archive), [(b"old".to_vec(), 600, at), (b"next".to_vec(), 3, at + 1536)]);
    }
}

#[test]
fn maps_of_sparse_members() {
    let exact = format!("63\n{}", "123\n".repeat(126)).into_bytes();
    assert_eq!(exact.len(), 507);
    let exact = [b"00000".to_vec(), exact].concat();
    let long = format!("500\n{}", "1234567\n".repeat(1000)).into_bytes();
    for (map, blocks) in [
        (&b"0\n"[..], 1),
        (b"1\n0\n3\n", 1),
        (&exact, 1),
        (&long, 16),
        // What is no map ends with its block.
        (b"", 1),
        (b"\n", 1),
        (b"abc", 1),
        (b"2\n0\n\n", 1),
        (b"1\n-1\n3\n", 1),
        (b"9999999999999999999\n", 1),
        (&[&long[..4000], b"x"].concat(), 8),
    ] {
        for content in [&b""[..], b"abc", &[b'x'; 1500]] {
            let whole = [&padded(&[map, &[0; 1]].concat()[..map.len().max(1)]), content].concat();
            let next = [block(b"next", b'0', 3, |_| ()), padded(b"xyz")].concat();
            let headers = [pax(&MAPPED), block(b"n", b'0', whole.len() as u64, |_| ())].concat();
            let found = members(&[&headers[..], &padded(&whole), &next].concat());
            let at = headers.len() as u64 + 512 * blocks;
            assert_eq!(found[0], (b"real/name".to_vec(), content.len() as u64, at));
            assert_eq!(found[1].0, b"next");
        }
    }
    // A member that is nothing but a map, cut anywhere; and one that holds nothing, or has no content to hold it.
    for len in [0, 1, 7, 9, 500, 511, 512] {
        let whole = &padded(b"2\n0\n3\n90000\n3\n")[..len];
        let next = [block(b"next", b'0', 3, |_| ()), padded(b"xyz")].concat();
        for kind in *b"05" {
            let content = if kind == b'0' { padded(whole) } else { Vec::new() };
            let header = block(b"n", kind, len as u64, |_| ());
            let found = members(&[&pax(&MAPPED)[..], &header, &content, &next].concat());
            assert_eq!((&found[0].0[..], found[0].1), (&b"real/name"[..], 0), "{len}");
            assert_eq!((&found[1].0[..], found[1].1), (&b"next"[..], 3), "{len}");
        }
    }
    // Records for one member are not for the next, and another version has no map there.
    let plain = [block(b"n", b'0', 4, |_| ()), padded(b"0\nab")].concat();
    let other = pax(&[("GNU.sparse.major", "0"), ("GNU.sparse.minor", "1")]);
    let mapped =
        [pax(&MAPPED), block(b"n", b'0', 515, |_| ()), padded(&[&padded(b"0\n"), &b"abc"[..]].concat())];
    let lens: Vec<_> =
        members(&[&mapped.concat()[..], &plain, &other, &plain].concat()).iter().map(|m| m.1).collect();
    assert_eq!(lens, [3, 4, 4]);
}

#[test]
fn sizes_in_binary_and_sparse_members() {
    let binary = |block: &mut [u8; BLOCK]| block[124..136].copy_from_slice(b"\x80\0\0\0\0\0\0\0\0\0\x02\x58");
    let sparse = |block: &mut [u8; BLOCK]| block[482] = 1;
    let mut extension = vec![0; BLOCK];
    extension[504] = 1;
    let archive = [
        block(b"binary", b'0', 0, binary),
        padded(&[1; 600]),
        block(b"sparse", b'S', 700, sparse),
        extension,
        vec![0; BLOCK],
        padded(&[2; 700]),
        block(b"directory", b'5', 4000, |_| ()),
        block(b"link", b'2', 4000, |_| ()),
        block(b"contiguous", b'7', 1, |_| ()),
        padded(b"c"),
    ]
    .concat();
    let expected =
        [(&b"binary"[..], 600, 512), (b"sparse", 700, 3072), (b"directory", 0, 4608), (b"link", 0, 5120)];
    let found = members(&archive);
    for (member, (name, len, at)) in found.iter().zip(expected) {
        assert_eq!((&member.0[..], member.1, member.2), (name, len, at));
    }
    assert_eq!(found.len(), 5);
}

#[test]
fn everything_after_the_end_is_ignored() {
    let member = [block(b"n", b'0', 3, |_| ()), padded(b"abc")].concat();
    let archive = [&member[..], &[0; 1024], b"anything", &member].concat();
    assert_eq!(members(&archive).len(), 1);
    assert!(members(&[0; 2048]).is_empty());
    assert!(members(b"").is_empty());
}

#[test]
fn sniffing() {
    let gnu = block(b"name", b'0', 3, |_| ());
    let v7 = |name: &[u8]| block(name, 0, 3, |block| block[257..265].fill(0));
    assert!(Tar::sniff(&gnu) && Tar::sniff(&v7(b"name")));
    assert!(!Tar::sniff(&gnu[..511]) && !Tar::sniff(&[0; 512]) && !Tar::sniff(b""));
    assert!(!Tar::sniff(&v7(b"n\x01me")) && !Tar::sniff(&v7(b"")));
    let mut broken = gnu.clone();
    broken[0] ^= 1;
    assert!(!Tar::sniff(&broken));
    // Some old writers summed signed bytes.
    let mut signed = block(b"na\xefve", b'0', 3, |_| ());
    let sum: i32 = signed
        .iter()
        .enumerate()
        .map(|(i, &b)| if (148..156).contains(&i) { 32 } else { i32::from(b as i8) })
        .sum();
    signed[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert!(Tar::sniff(&signed));
}
