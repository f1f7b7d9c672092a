//! The directories of zip archives, which most readers go by, and what streams decode.

use exfilter_engine::{Engine, Limits, OpaqueReason};
use exfilter_testing::{Rng, keys, run, split, wrap};

use crate::laws::outbound;
use crate::support;

fn plain() -> Engine {
    support::engine(&[], Limits::default())
}

/// The reasons for which something of `content` was not examined, the same in any chunking.
fn reasons(content: &[u8]) -> Vec<OpaqueReason> {
    let (engine, flow) = (plain(), outbound());
    let whole = run::run(&engine, &flow, content, &split::whole(content.len()));
    for size in [1, 7, 64, 200, 1000] {
        let other = run::run(&engine, &flow, content, &split::every(content.len(), size));
        assert_eq!(whole.facts(), other.facts(), "in chunks of {size}");
    }
    whole.opaques().map(|opaque| opaque.reason()).collect()
}

/// Raw deflate in one stored block.
fn unpacked(content: &[u8]) -> Vec<u8> {
    let len = content.len() as u16;
    [&[1], &len.to_le_bytes()[..], &(!len).to_le_bytes(), content].concat()
}

fn entry(name: &[u8], content: &[u8], method: u16) -> Vec<u8> {
    let body = if method == 8 { unpacked(content) } else { content.to_vec() };
    wrap::zip_entry(name, &body, content, method)
}

fn entries() -> Vec<Vec<u8>> {
    let mut rng = Rng::new(401);
    let text = |rng: &mut Rng, n| rng.text(b"etaoin shrdlu\n", n);
    vec![
        entry(b"a", &text(&mut rng, 90), 0),
        entry(b"dir/", b"", 0),
        entry(b"dir/b", &text(&mut rng, 300), 8),
        entry(b"none", b"", 8),
        entry(b"dir/c", &text(&mut rng, 40), 0),
    ]
}

fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), wrap::zip_directory(entries)].concat()
}

/// Whether anything of `content` is said to be broken, and nothing else.
fn is_broken(content: &[u8]) -> bool {
    let reasons = reasons(content);
    assert!(reasons.iter().all(|reason| *reason == OpaqueReason::Corrupt), "{reasons:?}");
    !reasons.is_empty()
}

#[test]
fn a_directory_that_lists_what_there_is() {
    let whole = archive(&entries());
    assert!(!is_broken(&whole));
    let with = |before: &[u8], after: &[u8]| [before, &whole, after].concat();
    assert!(!is_broken(&with(b"#!/bin/sh\nunzip $0; exit\n", b"")));
    assert!(!is_broken(&with(b"", b"a comment")));
    assert!(!is_broken(&with(&whole, &whole)), "one behind the other");
    assert!(!is_broken(&wrap::tar(&[("a.whl", &whole), ("b.txt", &b"text".to_vec()), ("c.whl", &whole)])));
    for nested in [entry(b"a.jar", &whole, 0), entry(b"a.jar", &whole, 8)] {
        assert!(!is_broken(&archive(&[nested.clone(), entry(b"b", b"text", 0)])));
        let inner = archive(&[entry(b"b", b"text", 0), nested]);
        assert!(!is_broken(&archive(&[entry(b"b.jar", &inner, 0)])), "stored in a stored one");
    }
    assert!(!is_broken(&archive(&[])), "no entries at all");
}

#[test]
fn in_any_order_of_the_headers() {
    let all = entries();
    let (mut headers, mut offset) = (Vec::new(), 0u32);
    for one in &all {
        let mut header = wrap::zip_directory(std::slice::from_ref(one));
        header.truncate(header.len() - 22);
        header[42..46].copy_from_slice(&offset.to_le_bytes());
        headers.push(header);
        offset += one.len() as u32;
    }
    headers.reverse();
    let directory = wrap::zip_directory(&all);
    let end = &directory[directory.len() - 22..];
    assert!(!is_broken(&[all.concat(), headers.concat(), end.to_vec()].concat()));
}

/// Each of these shows readers something else than was decoded.
#[test]
fn a_directory_that_lies() {
    let all = entries();
    let content = all.concat();
    let directory = wrap::zip_directory(&all);
    let second = 46 + 1;
    let third = second + 46 + 4;
    for (what, at, byte) in [
        ("the method", 10, 8),
        ("a method", third + 10, 0),
        ("encryption", 8, 1),
        ("a checksum", 16, 1),
        ("the length of a body", 20, 1),
        ("the length of a content", third + 24, 1),
        ("where an entry stands", third + 42, 1),
    ] {
        let mut lies = directory.clone();
        lies[at] ^= byte;
        if what == "a method" {
            lies[at] = 0;
        }
        assert!(is_broken(&[&content[..], &lies].concat()), "{what}");
    }
    let end = directory.len() - 22;
    for (what, at) in [("entries", 10), ("the length of the headers", 12), ("where the headers stand", 16)] {
        let mut lies = directory.clone();
        lies[end + at] ^= 1;
        if what == "entries" {
            lies[end + 8] ^= 1;
        }
        assert!(is_broken(&[&content[..], &lies].concat()), "{what}");
    }
}

/// The first says that what the second holds compressed is stored, and the other way round: only places differ.
#[test]
fn two_entries_in_each_others_place() {
    let mut rng = Rng::new(402);
    let text = rng.text(b"etaoin shrdlu\n", 60);
    let two = [entry(b"a", &text, 0), entry(b"b", &text, 8)];
    let mut directory = wrap::zip_directory(&two);
    let first: [u8; 4] = directory[42..46].try_into().unwrap();
    let other: [u8; 4] = directory[89..93].try_into().unwrap();
    directory[42..46].copy_from_slice(&other);
    directory[89..93].copy_from_slice(&first);
    assert!(is_broken(&[two.concat(), directory].concat()));
}

/// A key that is compressed, in an entry whose own header says that it is stored: readers who go by the directory unpack it.
#[test]
fn a_key_that_only_the_directory_leads_to() {
    let mut rng = Rng::new(403);
    let key = [b"key = ", &keys::github(&mut rng, "ghp_")[..], b"\n"].concat();
    let body = wrap::deflate(&mut Rng::new(4), &key.repeat(3));
    let honest = wrap::zip_entry(b"a", &body, &key.repeat(3), 8);
    let lie = wrap::zip_entry(b"a", &body, &body, 0);
    assert!(reasons(&archive(std::slice::from_ref(&honest))).is_empty());
    assert!(is_broken(&[lie, wrap::zip_directory(&[honest])].concat()));
}

/// What readers find by a directory of which something else is wrong as well, or behind one that is no directory.
#[test]
fn a_lie_beside_others() {
    let mut rng = Rng::new(408);
    let text = rng.text(b"etaoin shrdlu\n", 60);
    let body = wrap::deflate(&mut Rng::new(4), &text);
    let (honest, lie) = (wrap::zip_entry(b"a", &body, &text, 8), wrap::zip_entry(b"a", &body, &body, 0));
    let directory = wrap::zip_directory(std::slice::from_ref(&honest));
    let (headers, end) = directory.split_at(directory.len() - 22);
    let with = |from: usize, bytes: &[u8]| {
        let mut end = end.to_vec();
        end[from..from + bytes.len()].copy_from_slice(bytes);
        end
    };
    // Some readers count headers themselves.
    let none = with(8, &[0; 4]);
    assert!(is_broken(&[&lie, headers, &none].concat()), "no entries");
    assert!(is_broken(&[&honest, headers, &none].concat()), "no entries, and nothing hidden");
    // Some go by the offset, whatever the size is, and some by the size, whatever the offset is.
    for end in [with(12, &[0; 4]), with(12, &[0xff; 4]), with(16, &[0xff; 4])] {
        assert!(is_broken(&[&lie, headers, &end].concat()), "{end:?}");
        let junk = if end[16..20] == [0xff; 4] { &b""[..] } else { b"-" };
        assert!(is_broken(&[&lie, headers, junk, &end].concat()), "{end:?} behind something");
    }
    // What looks like a header swallows the directory.
    let mut decoy = headers.to_vec();
    decoy[32..34].fill(0xff);
    let moved = with(16, &((lie.len() + decoy.len()) as u32).to_le_bytes());
    assert!(is_broken(&[&lie, &decoy, headers, &moved].concat()), "in a comment");
    assert!(is_broken(&[&lie, &decoy, headers, &with(12, &[0; 4])].concat()), "in a comment, without a size");
}

/// An entry that is not understood, which is told of, does not keep the others from being compared.
#[test]
fn beside_a_method_that_is_not_known() {
    let mut rng = Rng::new(409);
    let text = rng.text(b"etaoin shrdlu\n", 60);
    let body = wrap::deflate(&mut Rng::new(4), &text);
    let odd = wrap::zip_entry(b"odd", &rng.bytes(50), &text, 9);
    let (honest, lie) = (wrap::zip_entry(b"a", &body, &text, 8), wrap::zip_entry(b"a", &body, &body, 0));
    let all = [odd, honest];
    assert_eq!(reasons(&archive(&all)), [OpaqueReason::UnsupportedFormat]);
    let lies = [&all[0], &lie[..], &wrap::zip_directory(&all)].concat();
    assert_eq!(reasons(&lies), [OpaqueReason::UnsupportedFormat, OpaqueReason::Corrupt]);
}

/// Readers look for the record at the end from the end on, and go where it says.
#[test]
fn a_directory_that_stands_elsewhere() {
    let all = entries();
    let directory = wrap::zip_directory(&all);
    let (headers, end) = directory.split_at(directory.len() - 22);
    let content = all.concat();
    assert!(is_broken(&[&content[..], headers, b"some bytes", end].concat()), "before it");
    // In an entry, or in what looks like one.
    for wrong in [false, true] {
        let mut cover = entry(b"cover", &[headers, b"and some more bytes"].concat(), 0);
        cover[14] ^= u8::from(wrong);
        let mut pointing = end.to_vec();
        pointing[16..20].copy_from_slice(&(content.len() as u32 + 35).to_le_bytes());
        assert!(is_broken(&[&content[..], &cover, &pointing].concat()));
    }
    let another = wrap::zip_directory(&all[..2]);
    assert!(is_broken(&[&content[..], &directory, &another].concat()), "a second one");
}

/// Sizes of 64 bits: the record and its locator have to agree with the rest.
#[test]
fn records_of_64_bits() {
    let all = entries();
    let directory = wrap::zip_directory(&all);
    let (headers, end) = directory.split_at(directory.len() - 22);
    let content = all.concat();
    let (count, size, offset) = (all.len() as u64, headers.len() as u64, content.len() as u64);
    let with = |size: u64, located: u64, ones: bool| {
        let record = [
            b"PK\x06\x06".as_slice(),
            &44u64.to_le_bytes(),
            &[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &[count.to_le_bytes(), count.to_le_bytes(), size.to_le_bytes(), offset.to_le_bytes()].concat(),
        ];
        let locator = [b"PK\x06\x07\0\0\0\0".as_slice(), &located.to_le_bytes(), &[1, 0, 0, 0]];
        let mut end = end.to_vec();
        if ones {
            end[8..20].fill(0xff);
        }
        [&content[..], headers, &record.concat(), &locator.concat(), &end].concat()
    };
    let located = offset + size;
    assert!(!is_broken(&with(size, located, true)));
    assert!(!is_broken(&with(size, located, false)));
    assert!(is_broken(&with(size + 1, located, true)));
    assert!(is_broken(&with(size + 1, located, false)), "the two say different things");
    assert!(is_broken(&with(size, located + 1, true)), "the locator leads elsewhere");
}

/// What a zip library has as a constant is no directory.
#[test]
fn magic_numbers_are_no_directory() {
    let mut rng = Rng::new(405);
    for magic in [&b"PK\x01\x02"[..], b"PK\x05\x06"] {
        let code: Vec<u8> = (0..40).flat_map(|_| [&rng.bytes(100)[..], magic].concat()).collect();
        assert!(reasons(&code).is_empty());
        let mut rng = Rng::new(406);
        assert!(reasons(&wrap::gzip(&mut rng, &code)).is_empty());
    }
    // What stands behind the last one says, by chance, where there is room for headers.
    let ends = b"PK\x05\x06anything\x5c\0\0\0\x16\0\0\0and more";
    for header in [&b""[..], b"PK\x01\x02 and others"] {
        let code = [&rng.bytes(700)[..], header, &rng.bytes(300), ends, &rng.bytes(300)].concat();
        assert!(reasons(&code).is_empty(), "{header:?}");
    }
}

/// In base64 the archive is seen whole, or in pieces.
#[test]
fn in_base64_too() {
    let all = entries();
    let mut lies = archive(&all);
    assert!(!is_broken(&wrap::base64(&lies, false, true)));
    let at = all.concat().len() + 10;
    lies[at] ^= 8;
    assert!(is_broken(&wrap::base64(&lies, false, true)));
    // Nothing but the last record: there is no room for what it says.
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x40\0\0\0\0\0\0\0\0\0".as_slice(), b"end"].concat();
    assert!(!is_broken(&wrap::base64(&end, false, true)));
}

/// gzip leaves what is packed already as it is, in stored blocks; their headers cut it. What the raw bytes then look like is nothing to tell of.
#[test]
fn an_archive_that_gzip_stores() {
    let mut rng = Rng::new(407);
    let small: Vec<Vec<u8>> = (0..600)
        .map(|_| {
            let (name, text) = (rng.text(b"abcdefghijklmnop", 7), rng.text(b"abcdef", 20));
            entry(&name, &text, 0)
        })
        .collect();
    let inner = archive(&small);
    for lead in [10_000, 30_000, 50_000, 60_000] {
        let body = wrap::deflate(&mut Rng::new(4), &inner);
        let outer =
            archive(&[entry(b"noise", &rng.bytes(lead), 0), wrap::zip_entry(b"a.zip", &body, &inner, 8)]);
        for level in [0, 1] {
            let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::new(level));
            std::io::Write::write_all(&mut encoder, &outer).unwrap();
            let packed = encoder.finish().unwrap();
            let run = run::run(&plain(), &outbound(), &packed, &split::every(packed.len(), 4096));
            let told: Vec<_> = run.opaques().map(|o| (o.reason(), o.outer())).collect();
            assert!(told.is_empty() && run.coverage.is_complete(), "{lead}, level {level}: {told:?}");
        }
    }
}
