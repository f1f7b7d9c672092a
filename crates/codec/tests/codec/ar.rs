//! ar: what is valid, in any slicing, and what is broken or over a limit.

use std::collections::BTreeMap;

use exfilter_codec::ar::{Ar, MAGIC, NAMES_MAX, PROBE_LEN, THIN_MAGIC, starts};
use exfilter_codec::{Fault, Part, Segmenter};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::support::{Rng, assert_can_be_sent, cases, cut, lens, places, segment};

/// A header by hand, of text.
fn header(name: &str, size: u64) -> Vec<u8> {
    format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 1_700_000_000, 0, 0, 100_644).into_bytes()
}

/// A member with its padding.
fn member(name: &str, content: &[u8]) -> Vec<u8> {
    let mut out = [&header(name, content.len() as u64), content].concat();
    out.resize(out.len().next_multiple_of(2), b'\n');
    out
}

fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    [&MAGIC[..], &members.concat()].concat()
}

/// `(name, length, offset)` of the members, for archives whose ends are right.
fn members(archive: &[u8]) -> Vec<(Vec<u8>, u64, u64)> {
    let (parts, result) = segment(&mut Ar::new(1000), [archive]);
    assert_eq!(result, Ok(()));
    assert_eq!(segment(&mut Ar::new(1000), archive.chunks(1)).0, parts);
    let mut members = Vec::new();
    for pair in parts.chunks(2) {
        let [Part::Begin { at, len, name, header }, Part::End { at: end }] = pair else { panic!("{pair:?}") };
        assert!(header + 60 <= *at && *end == at + len);
        members.push((name.clone(), *len, *at));
    }
    members
}

fn names(archive: &[u8]) -> Vec<String> {
    members(archive).into_iter().map(|member| String::from_utf8(member.0).unwrap()).collect()
}

/// The result, in which slices play no part.
fn result(archive: &[u8]) -> Result<(), (u64, Fault)> {
    let whole = segment(&mut Ar::new(100), [archive]);
    assert_eq!(segment(&mut Ar::new(100), archive.chunks(1)), whole);
    whole.1
}

fn build(list: &BTreeMap<String, Vec<u8>>, gnu: bool) -> Vec<u8> {
    let identifiers = list.keys().map(|name| name.clone().into_bytes());
    let headers = list.iter().map(|(name, content)| {
        (ar::Header::new(name.clone().into_bytes(), content.len() as u64), &content[..])
    });
    if gnu {
        let mut builder = ar::GnuBuilder::new(Vec::new(), identifiers.collect());
        headers.for_each(|(header, content)| builder.append(&header, content).unwrap());
        builder.into_inner().unwrap()
    } else {
        let mut builder = ar::Builder::new(Vec::new());
        headers.for_each(|(header, content)| builder.append(&header, content).unwrap());
        builder.into_inner().unwrap()
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_another_reader_finds(
        list in btree_map("[a-z][a-z._ü-]{0,12}[a-z]|[a-z][a-z._ -]{10,90}[a-z]", vec(any::<u8>(), 0..300), 1..8),
        gnu: bool,
        lens in lens(),
    ) {
        let packed = build(&list, gnu);
        prop_assert!(starts(&packed));
        let found = members(&packed);
        let mut found = found.iter().filter(|member| member.0 != b"//");
        let mut reader = ar::Archive::new(&packed[..]);
        let mut count = 0;
        while let Some(entry) = reader.next_entry() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            std::io::copy(&mut entry, &mut content).unwrap();
            let (name, len, at) = found.next().unwrap();
            prop_assert_eq!(&name[..], entry.header().identifier());
            prop_assert_eq!(*len, entry.header().size());
            prop_assert!(packed[*at as usize..][..*len as usize] == content);
            count += 1;
        }
        prop_assert_eq!(count, list.len());
        prop_assert!(found.next().is_none());
        let whole = segment(&mut Ar::new(1000), [&packed[..]]);
        prop_assert_eq!(segment(&mut Ar::new(1000), cut(&packed, &lens)), whole);
    }
}

#[test]
fn boundaries() {
    let packed = archive(&[member("a/", b"abc"), member("b/", b""), member("#1/6", b"name\0\0de")]);
    let (parts, _) = segment(&mut Ar::new(3), [&packed[..]]);
    let expected = [
        Part::Begin { at: 68, header: 8, len: 3, name: b"a".to_vec() },
        Part::End { at: 71 },
        Part::Begin { at: 132, header: 72, len: 0, name: b"b".to_vec() },
        Part::End { at: 132 },
        Part::Begin { at: 198, header: 132, len: 2, name: b"name".to_vec() },
        Part::End { at: 200 },
    ];
    assert_eq!(parts, expected);
}

#[test]
fn names_in_the_header() {
    for (field, name) in [
        ("short/", "short"),
        ("debian-binary", "debian-binary"),
        ("sixteen.bytes.xx", "sixteen.bytes.xx"),
        ("fifteen.bytes.x/", "fifteen.bytes.x"),
        ("with a space/", "with a space"),
        (" spaces", " spaces"),
        ("slash//", "slash/"),
        ("", ""),
        // Tables of symbols, and what else begins with a slash.
        ("/", "/"),
        ("//", "//"),
        ("/SYM64/", "/SYM64/"),
        ("__.SYMDEF", "__.SYMDEF"),
        ("__.SYMDEF SORTED", "__.SYMDEF SORTED"),
        ("/<ECSYMBOLS>/", "/<ECSYMBOLS>/"),
        // References to nothing.
        ("/7", "/7"),
        ("/7x", "/7x"),
        ("/ 7", "/ 7"),
        ("#1/", "#1"),
        ("#1/x", "#1/x"),
        ("#1/-1", "#1/-1"),
        ("#2/1", "#2/1"),
    ] {
        assert_eq!(names(&archive(&[member(field, b"abc")])), [name], "{field:?}");
    }
}

#[test]
fn names_in_a_table() {
    let table = b"a rather long name.o/\nanother/with/directories.o/\nof windows.obj\0/\nno end.o";
    let long = |at: usize| member(&format!("/{at}"), b"abc");
    let start = |text: &str| String::from_utf8_lossy(table).find(text).unwrap();
    let packed = archive(&[
        long(0),
        member("/", b"\0\0\0\0"),
        member("//", table),
        long(0),
        long(start("another")),
        long(start("directories")),
        long(start("of windows")),
        long(start("/\nno end")),
        long(start("no end")),
        long(table.len()),
        member("/0:17", b""),
        member("/0:", b""),
        member("/99999999999999", b""),
    ]);
    let expected = [
        "/0",
        "/",
        "//",
        "a rather long name.o",
        "another/with/directories.o",
        "directories.o",
        "of windows.obj",
        &format!("/{}", start("/\nno end")),
        "no end.o",
        &format!("/{}", table.len()),
        "a rather long name.o",
        "/0:",
        "/99999999999999",
    ];
    assert_eq!(names(&packed), expected);
    // A second table takes the place of the first.
    let packed = archive(&[member("//", b"first/\n"), long(0), member("//", b"2/\n"), long(0), long(3)]);
    assert_eq!(names(&packed), ["//", "first", "//", "2", "/3"]);
    let packed = archive(&[member("//", b"first/\n"), member("//", b""), long(0)]);
    assert_eq!(names(&packed), ["//", "//", "/0"]);
}

#[test]
fn names_in_the_content() {
    let packed = archive(&[
        member("#1/20", b"__.SYMDEF SORTED\0\0\0\0ranlib"),
        member("#1/3", b"abc"),
        member("#1/0", b"abc"),
        member("#1/4", b"\0abcd"),
        member("#1/5", b"a\0b\0cd"),
    ]);
    let expected: [(&[u8], u64, u64); 5] =
        [(b"__.SYMDEF SORTED", 6, 88), (b"abc", 0, 157), (b"", 3, 218), (b"", 1, 286), (b"a", 1, 353)];
    for (member, expected) in members(&packed).iter().zip(expected) {
        assert_eq!((&member.0[..], member.1, member.2), expected);
    }
    let after = [&packed[..], &member("#1/5", b"four")].concat();
    assert_eq!(result(&after), Err((packed.len() as u64, Fault::Corrupt)));
}

#[test]
fn thin_archives() {
    let packed = [
        &THIN_MAGIC[..],
        &member("/", b"\0\0\0\0"),
        &member("//", b"dir/a.o/\ndir/lib.a/\n"),
        &header("/0", 12_345),
        &header("/9:68", 777),
        // As binutils writes it.
        &header("/0             /", 1),
        &header("/9:68          /", 1),
        &header("short/", 9_999_999_999),
        &header("#1/4", 8),
    ]
    .concat();
    assert!(starts(&packed));
    let found = members(&packed);
    let lens: Vec<u64> = found.iter().map(|member| member.1).collect();
    assert_eq!(lens, [4, 20, 0, 0, 0, 0, 0, 0]);
    assert_eq!(names(&packed), ["/", "//", "dir/a.o", "dir/lib.a", "dir/a.o", "dir/lib.a", "short", "#1/4"]);
}

#[test]
fn names_are_cut() {
    let name = vec![b'n'; 3 * Part::NAME_MAX];
    assert_eq!(members(&archive(&[member("#1/12288", &name)])), [(name[..Part::NAME_MAX].into(), 0, 12_356)]);
    for len in [Part::NAME_MAX - 1, Part::NAME_MAX, Part::NAME_MAX + 1, 3 * Part::NAME_MAX] {
        let table = [&name[..len], b"/\n"].concat();
        let packed = archive(&[member("//", &table), member("/0", b"")]);
        assert!(members(&packed)[1].0 == name[..len.min(Part::NAME_MAX)], "{len}");
    }
    // A slash where it is cut is not that of its end.
    let directory = [&name[..Part::NAME_MAX - 1], b"/"].concat();
    let packed = archive(&[member("//", &[&directory[..], b"name/\n"].concat()), member("/0", b"")]);
    assert!(members(&packed)[1].0 == directory);
}

#[test]
fn a_long_table() {
    // The last name that ends within what is kept, and the first that does not.
    let mut table = b"0123456/\n".repeat(NAMES_MAX / 9 + 2);
    let last = NAMES_MAX / 9 * 9 - 9;
    table[..4].copy_from_slice(b"name");
    let long = |at: usize| member(&format!("/{at}"), b"");
    let packed = archive(&[member("//", &table), long(0), long(last), long(last + 9), long(last + 18)]);
    let expected = ["//", "name456", "0123456", &format!("/{}", last + 9), &format!("/{}", last + 18)];
    for slices in [vec![&packed[..]], packed.chunks(10_000).collect(), packed.chunks(1).collect()] {
        let mut ar = Ar::new(100);
        let mut names = Vec::new();
        for slice in slices {
            let mut sink = |part| {
                if let Part::Begin { name, .. } = part {
                    names.push(String::from_utf8(name).unwrap());
                }
            };
            ar.feed(slice, &mut sink).unwrap();
            assert!(ar.memory() <= NAMES_MAX);
        }
        assert_eq!(names, expected);
    }
}

#[test]
fn beginnings() {
    let packed = archive(&[member("a/", b"abc")]);
    for len in 0..packed.len() {
        assert_eq!(starts(&packed[..len]), len >= PROBE_LEN);
    }
    for at in 0..PROBE_LEN {
        let mut broken = packed.clone();
        broken[at] ^= 0x80;
        // Only the magic number, the size and the header's end tell.
        assert_eq!(starts(&broken), (8..56).contains(&at), "{at}");
    }
    assert_eq!(result(&MAGIC), Ok(()));
    assert_eq!(result(&THIN_MAGIC), Ok(()));
    assert_eq!(result(b""), Err((0, Fault::Truncated)));
    assert_eq!(result(b"!<bigaf>\n"), Err((0, Fault::Corrupt)));
}

/// Members with every kind of name, and where each of them begins.
fn mixed() -> (Vec<u8>, Vec<usize>) {
    let members = [
        member("/", b"\0\0\0\x01\0\0\0\x08a\0"),
        member("//", b"a rather long name.o/\nanother.o/\n"),
        member("/0", b"abc"),
        member("short/", b""),
        member("#1/8", b"embedded content!"),
        member("/22", b"even"),
    ];
    let mut starts = vec![MAGIC.len()];
    for member in &members {
        starts.push(starts.last().unwrap() + member.len());
    }
    starts.pop();
    (archive(&members), starts)
}

#[test]
fn every_truncation() {
    let (packed, starts) = mixed();
    let (parts, end) = segment(&mut Ar::new(100), [&packed[..]]);
    assert_eq!((parts.len(), end), (2 * starts.len(), Ok(())));
    let ends = parts.iter().filter_map(|part| match part {
        Part::End { at } => Some(*at as usize),
        Part::Begin { .. } => None,
    });
    let ends: Vec<usize> = ends.collect();
    for len in 0..=packed.len() {
        let (found, result) = segment(&mut Ar::new(100), [&packed[..len]]);
        assert_eq!(segment(&mut Ar::new(100), packed[..len].chunks(1)), (found.clone(), result));
        assert_eq!(found, parts[..found.len()]);
        // The padding after a content may be missing.
        let inside = starts.iter().zip(&ends).find(|&(&start, &end)| start < len && len < end);
        match inside {
            _ if len < MAGIC.len() => assert_eq!(result, Err((0, Fault::Truncated)), "cut at {len}"),
            Some((&start, _)) => assert_eq!(result, Err((start as u64, Fault::Truncated)), "cut at {len}"),
            None => assert_eq!(result, Ok(()), "cut at {len}"),
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
                    open.is_none() && last <= *header && header + 60 <= *at && name.len() <= Part::NAME_MAX
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
    let (mut packed, starts) = mixed();
    for bit in places(packed.len() * 8) {
        packed[bit / 8] ^= 1 << (bit % 8);
        let whole = segment(&mut Ar::new(100), [&packed[..]]);
        assert_eq!(segment(&mut Ar::new(100), packed.chunks(7)), whole, "bit {bit}");
        assert_ordered(&whole.0, whole.1, packed.len());
        let end = |start: &&usize| (**start + 58..**start + 60).contains(&(bit / 8));
        if let Some(&start) = starts.iter().find(end) {
            assert_eq!(whole.1, Err((start as u64, Fault::Corrupt)), "bit {bit}");
        }
        packed[bit / 8] ^= 1 << (bit % 8);
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn damage(seed: u64, flips in 1..6usize, lens in lens()) {
        let (mut packed, starts) = mixed();
        let mut rng = Rng(seed);
        for _ in 0..flips {
            // In headers most of the time.
            let at = match rng.below(4) {
                0 => rng.below(packed.len()),
                _ => starts[rng.below(starts.len())] + [0, 1, 2, 3, 48, 49, 50, 57][rng.below(8)],
            };
            packed[at] = if rng.below(4) == 0 { rng.next() as u8 } else { b" /#0123479:`\n"[rng.below(13)] };
        }
        let whole = segment(&mut Ar::new(100), [&packed[..]]);
        assert_ordered(&whole.0, whole.1, packed.len());
        prop_assert_eq!(segment(&mut Ar::new(100), cut(&packed, &lens)), whole);
    }

    #[test]
    fn noise(seed: u64, len in 0..3000usize, thin: bool, lens in lens()) {
        let noise = Rng(seed).noise(len);
        let magic = if thin { THIN_MAGIC } else { MAGIC };
        for noise in [[&magic[..], &noise].concat(), noise] {
            let whole = segment(&mut Ar::new(100), [&noise[..]]);
            prop_assert_eq!(segment(&mut Ar::new(100), cut(&noise, &lens)), whole);
        }
    }
}

#[test]
fn sizes_that_are_none() {
    for size in ["", "-1", "+1", "0x1", "1 1", " 1", "1\0", "1.0", "a"] {
        let mut header = header("a/", 0);
        header[48..58].copy_from_slice(format!("{size:<10}").as_bytes());
        let packed = archive(&[member("a/", b"abc"), header]);
        assert_eq!(result(&packed), Err((72, Fault::Corrupt)), "{size:?}");
    }
}

#[test]
fn endless_sizes() {
    for name in ["a/", "/", "//", "/0", "#1/9999999999", "#1/7", "__.SYMDEF"] {
        let packed = archive(&[header(name, 9_999_999_999), b"name/\n".repeat(1000)]);
        assert_eq!(result(&packed), Err((8, Fault::Truncated)), "{name}");
    }
}

#[test]
fn members_over_the_limit() {
    let (packed, starts) = mixed();
    for max in 0..=7 {
        let (parts, result) = segment(&mut Ar::new(max), [&packed[..]]);
        let fits = starts.len().min(max as usize);
        assert_eq!(parts.len(), fits * 2);
        let expected = starts.get(fits).map_or(Ok(()), |&at| Err((at as u64, Fault::Members)));
        assert_eq!(result, expected);
    }
}

#[test]
fn it_can_be_sent() {
    assert_can_be_sent::<Ar>();
    assert!(size_of::<Ar>() < 256);
}
