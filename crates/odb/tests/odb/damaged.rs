//! Packs, indexes and loose objects with something wrong: told, never taken for sound, and nothing panics.

use std::collections::BTreeMap;
use std::fs;

use exfilter_odb::{Damage, HEAD, Hash, Index, Walker, parse_id};
use exfilter_testing::Rng;
use proptest::prelude::*;

use crate::repository::{LARGEST, Object, Repository, read, word};

/// A pack, its index and what is in it.
struct Packed {
    pack: Vec<u8>,
    index: Vec<u8>,
    expected: BTreeMap<String, Object>,
}

fn packed(seed: u64, offsets: bool) -> Option<Packed> {
    let repository = Repository::new(&mut Rng::new(seed), Hash::Sha1)?;
    let offsets = format!("repack.useDeltaBaseOffset={offsets}");
    repository.git(&["-c", &offsets, "repack", "-q", "-adf", "--window=20"], b"");
    let pack = repository.packs().remove(0);
    let index = fs::read(pack.with_extension("idx")).unwrap();
    Some(Packed { pack: fs::read(pack).unwrap(), index, expected: repository.expected() })
}

/// What is read is what was there, and the rest is told; how many objects were read.
fn check(packed: &Packed, pack: &[u8], index: Vec<u8>) -> usize {
    let Ok(objects) = read(pack, index, Hash::Sha1) else { return 0 };
    let read = objects.iter().filter_map(|(id, object)| Some((id, object.as_ref().ok()?)));
    read.inspect(|(id, object)| assert_eq!(packed.expected.get(*id), Some(*object))).count()
}

fn change(bytes: &mut Vec<u8>, at: prop::sample::Index, how: u8, value: u8) {
    let at = at.index(bytes.len());
    match how {
        0 => bytes[at] ^= 1 << (value % 8),
        1 => bytes[at] = value,
        2 => bytes.truncate(at),
        3 => {
            bytes.insert(at, value);
        }
        _ => {
            let end = bytes.len().min(at + usize::from(value));
            bytes.drain(at..end);
        }
    }
}

#[test]
fn what_is_damaged_is_told_and_nothing_else_is_lost() {
    let all: Vec<Packed> = (0..6).filter_map(|seed| packed(seed, seed % 2 == 0)).collect();
    if all.is_empty() {
        return;
    }
    let changes = || prop::collection::vec((any::<prop::sample::Index>(), 0_u8..5, any::<u8>()), 0..4);
    proptest!(ProptestConfig::with_cases(400), |(which in 0..all.len(), in_pack in changes(), in_index in changes())| {
        let packed = &all[which];
        let (mut pack, mut index) = (packed.pack.clone(), packed.index.clone());
        for (at, how, value) in in_pack {
            if !pack.is_empty() {
                change(&mut pack, at, how, value);
            }
        }
        for (at, how, value) in in_index {
            if !index.is_empty() {
                change(&mut index, at, how, value);
            }
        }
        check(packed, &pack, index);
    });
    let packed = &all[0];
    assert_eq!(check(packed, &packed.pack, packed.index.clone()), packed.expected.len());
    // A bit in the middle of the pack is one object, and what is based on it.
    let mut pack = packed.pack.clone();
    let middle = pack.len() / 2;
    pack[middle] ^= 0x10;
    let left = check(packed, &pack, packed.index.clone());
    assert!(left > 0 && left < packed.expected.len(), "{left} of {}", packed.expected.len());
}

#[test]
fn an_index_that_lies_is_found_out() {
    let Some(packed) = packed(3, true) else { return };
    let n = packed.expected.len();
    let mut index = packed.index.clone();
    // Two ids change places: each names the other one's content.
    let (first, second) = (HEAD + n * 24, HEAD + n * 24 + 4);
    let mut swapped = index.clone();
    swapped[first..second].copy_from_slice(&index[second..second + 4]);
    swapped[second..second + 4].copy_from_slice(&index[first..second]);
    let objects = read(&packed.pack, swapped, Hash::Sha1).unwrap();
    assert_eq!(objects.values().filter(|object| **object == Err(Damage::Id)).count(), 2);
    assert_eq!(objects.values().filter(|object| object.is_ok()).count(), n - 2);
    // Both name the same.
    index.copy_within(first..second, second);
    let objects = read(&packed.pack, index.clone(), Hash::Sha1).unwrap();
    assert_eq!(objects.values().filter(|object| **object == Err(Damage::Offset)).count(), 1);
    // Beyond the end, with an offset of 31 bits and with one of 64 that is not there.
    for offset in [0x7fff_ffff_u32, 0x8000_0000, 0xffff_ffff] {
        index[first..second].copy_from_slice(&offset.to_be_bytes());
        let objects = read(&packed.pack, index.clone(), Hash::Sha1).unwrap();
        assert!(objects.values().any(|object| *object == Err(Damage::Offset)));
    }
}

#[test]
fn more_objects_than_a_pack_can_have_are_refused_before_they_are_read() {
    let mut head = [&b"\xfftOc\0\0\0\x02"[..], &[0; 1020], &u32::MAX.to_be_bytes()].concat();
    assert_eq!(head.len(), HEAD);
    assert_eq!(Index::size(&head, Hash::Sha1, 1 << 20), Err(Damage::Index));
    head[8 + 255 * 4..].copy_from_slice(&100_u32.to_be_bytes());
    assert_eq!(Index::size(&head, Hash::Sha1, 899), Err(Damage::Index));
    assert_eq!(Index::size(&head, Hash::Sha1, 900), Ok(HEAD as u64 + 2800 + 40));
    assert!(Index::parse(head.clone(), Hash::Sha1, 900).is_err());
    head[8] = 1;
    assert_eq!(Index::size(&head, Hash::Sha1, 1 << 20), Err(Damage::Index));
    assert_eq!(Index::size(b"\xfftOc", Hash::Sha1, 1 << 20), Err(Damage::Index));
}

#[test]
fn loose_objects_are_read_or_refused() {
    use std::io::Write as _;
    let deflate = |bytes: &[u8]| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let mut walker = Walker::new(LARGEST);
    let long = [&b"blob 5000\0"[..], &[b'a'; 5000]].concat();
    for (good, kind, content) in [
        (&b"blob 0\0"[..], "blob", &b""[..]),
        (b"commit 3\0abc", "commit", b"abc"),
        (&long, "blob", &[b'a'; 5000]),
    ] {
        let file = deflate(good);
        let (found, bytes) = walker.loose(&file).unwrap();
        assert_eq!((word(found), bytes), (kind, content));
        for len in 0..file.len() {
            assert!(walker.loose(&file[..len]).is_err());
        }
    }
    for bad in [
        &b"blob 3\0ab"[..],
        b"blob 3\0abcd",
        b"blub 3\0abc",
        b"blob -1\0",
        b"blob x\0",
        b"blob",
        b"",
        b"blob 1048577\0a",
        b"blob 99999999999999999999\0",
    ] {
        assert!(walker.loose(&deflate(bad)).is_err(), "{bad:?}");
    }
    assert!(walker.loose(b"").is_err() && walker.loose(b"no zlib").is_err());
    assert_eq!(parse_id("0g"), None);
}
