//! tar: what is broken, or over a limit.

use exfilter_codec::tar::Tar;
use exfilter_codec::{Fault, Part};
use proptest::prelude::*;

use crate::support::{Rng, cases, cut, lens, places, segment};
use crate::tar::{MAPPED, block, padded, pax, record, set_checksum};

/// Members of all kinds, without the zero blocks at the end, and where each of them, headers and all, begins.
fn archive() -> (Vec<u8>, Vec<usize>) {
    let records = [record(b"path", b"pax"), record(b"size", b"4")].concat();
    let mapped = [&padded(b"2\n0\n3\n90000\n600\n")[..], &[3; 603]].concat();
    let parts: [Vec<Vec<u8>>; 5] = [
        vec![block(b"file", b'0', 600, |_| ()), padded(&[1; 600])],
        vec![
            block(b"x", b'x', records.len() as u64, |_| ()),
            padded(&records),
            block(b"f", b'0', 0, |_| ()),
            padded(b"abcd"),
        ],
        vec![block(b"directory", b'5', 0, |_| ())],
        vec![
            block(b"L", b'L', 5, |_| ()),
            padded(b"long\0"),
            block(b"sparse", b'S', 513, |block| block[482] = 1),
            vec![0; 512],
            padded(&[2; 513]),
        ],
        vec![pax(&MAPPED), block(b"mapped", b'0', mapped.len() as u64, |_| ()), padded(&mapped)],
    ];
    let mut archive = Vec::new();
    let mut starts = Vec::new();
    for part in parts {
        starts.push(archive.len());
        archive.extend(part.concat());
    }
    (archive, starts)
}

fn result(archive: &[u8]) -> Result<(), (u64, Fault)> {
    let whole = segment(&mut Tar::new(100), [archive]);
    assert_eq!(segment(&mut Tar::new(100), archive.chunks(1)), whole);
    whole.1
}

#[test]
fn every_truncation() {
    let (archive, starts) = archive();
    let (parts, _) = segment(&mut Tar::new(100), [&archive[..]]);
    let ends: Vec<usize> = parts
        .iter()
        .filter_map(|part| match part {
            Part::End { at } => Some(*at as usize),
            Part::Begin { .. } => None,
        })
        .collect();
    assert_eq!(ends.len(), starts.len());
    for len in places(archive.len() + 1) {
        let (found, result) = segment(&mut Tar::new(100), [&archive[..len]]);
        assert_eq!(segment(&mut Tar::new(100), archive[..len].chunks(1)), (found.clone(), result));
        assert_eq!(found, parts[..found.len()]);
        // The padding after a content may be missing.
        let inside = starts.iter().zip(&ends).find(|&(&start, &end)| start < len && len < end);
        match inside {
            Some((&start, _)) => assert_eq!(result, Err((start as u64, Fault::Truncated)), "cut at {len}"),
            None => assert_eq!(result, Ok(()), "cut at {len}"),
        }
    }
}

#[test]
fn every_flipped_bit() {
    let (mut archive, starts) = archive();
    for bit in places(archive.len() * 8) {
        archive[bit / 8] ^= 1 << (bit % 8);
        let whole = segment(&mut Tar::new(100), [&archive[..]]);
        assert_eq!(segment(&mut Tar::new(100), archive.chunks(7)), whole, "bit {bit}");
        if let Some(start) = starts.iter().find(|&&start| (start..start + 512).contains(&(bit / 8))) {
            // Only the checksum's own blanks and leading zeros can go unnoticed.
            let padding = (start + 148..start + 156).contains(&(bit / 8));
            assert!(padding || whole.1.is_err(), "bit {bit}");
        }
        archive[bit / 8] ^= 1 << (bit % 8);
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn damaged_headers_with_right_checksums(seed: u64, flips in 1..6usize, lens in lens()) {
        let (mut archive, _) = archive();
        let mut rng = Rng(seed);
        for _ in 0..flips {
            let at = rng.below(archive.len());
            archive[at] = if rng.below(2) == 0 { rng.next() as u8 } else { b"\0 0179xgLKS5\xff"[rng.below(13)] };
            if rng.below(4) != 0 {
                set_checksum(&mut archive[at / 512 * 512..][..512]);
            }
        }
        let (parts, result) = segment(&mut Tar::new(100), [&archive[..]]);
        prop_assert_eq!(segment(&mut Tar::new(100), cut(&archive, &lens)), (parts.clone(), result));
        let mut last = 0;
        for part in parts {
            match part {
                Part::Begin { at, header, name, .. } => {
                    prop_assert!(last <= header && header < at && name.len() <= Part::NAME_MAX);
                    last = at;
                }
                Part::End { at } => {
                    prop_assert!(last <= at && at <= archive.len() as u64);
                    last = at;
                }
            }
        }
    }

    #[test]
    fn noise(seed: u64, len in 0..3000usize, lens in lens()) {
        let noise = Rng(seed).noise(len);
        let whole = segment(&mut Tar::new(100), [&noise[..]]);
        prop_assert_eq!(segment(&mut Tar::new(100), cut(&noise, &lens)), whole);
    }
}

#[test]
fn no_header_where_one_belongs() {
    let member = [block(b"n", b'0', 3, |_| ()), padded(b"abc")].concat();
    let broken = [&member[..], &[b'x'; 512], &member].concat();
    assert_eq!(result(&broken), Err((1024, Fault::Corrupt)));
    let no_size = [&member[..], &block(b"n", b'0', 0, |block| block[124..136].fill(b'9'))].concat();
    assert_eq!(result(&no_size), Err((1024, Fault::Corrupt)));
    let negative = block(b"n", b'0', 0, |block| block[124..136].fill(0xff));
    assert_eq!(result(&negative), Err((0, Fault::Corrupt)));
}

#[test]
fn the_end_between_the_headers_of_a_member() {
    let records = record(b"path", b"p");
    let pax = [block(b"x", b'x', records.len() as u64, |_| ()), padded(&records)].concat();
    assert_eq!(result(&pax), Err((0, Fault::Truncated)));
    assert_eq!(result(&[&pax[..], &[0; 1024]].concat()), Err((0, Fault::Truncated)));
    // Records for all members need none.
    let global = [block(b"g", b'g', records.len() as u64, |_| ()), padded(&records)].concat();
    assert_eq!(result(&global), Ok(()));
    assert_eq!(result(&global[..515]), Err((0, Fault::Truncated)));
}

#[test]
fn records_that_are_none() {
    let good = record(b"path", b"p");
    for records in [
        &b"8 path=p\n"[..],
        b"11 path=p\n",
        b"x path=p\n",
        b"\n",
        b" 10 path=p\n",
        b"4 a\n",
        b"8 abcde\n",
        b"6 abc=",
        b"10 path=pp",
        b"99999999999999999999 path=p\n",
        b"10 size=x\n",
        b"11 size=+1\n",
        b"30 size=99999999999999999999999\n",
    ] {
        let records = [&good[..], records].concat();
        let archive = [
            block(b"n", b'0', 0, |_| ()),
            block(b"x", b'x', records.len() as u64, |_| ()),
            padded(&records),
            block(b"n", b'0', 0, |_| ()),
        ]
        .concat();
        assert_eq!(result(&archive), Err((512, Fault::Corrupt)), "{:?}", String::from_utf8_lossy(&records));
    }
}

#[test]
fn members_over_the_limit() {
    let (archive, starts) = archive();
    for max in 0..=6 {
        let (parts, result) = segment(&mut Tar::new(max), [&archive[..]]);
        let fits = starts.len().min(max as usize);
        assert_eq!(parts.len(), fits * 2);
        let expected = starts.get(fits).map_or(Ok(()), |&at| Err((at as u64, Fault::Members)));
        assert_eq!(result, expected);
    }
}

#[test]
fn endless_sizes() {
    let huge = |kind, magnitude: u8| {
        block(b"n", kind, 0, |block| {
            block[124..136].copy_from_slice(&[0x80, 0, 0, 0, magnitude, 255, 255, 255, 255, 255, 255, 255])
        })
    };
    for kind in *b"0LKxg" {
        let archive = [huge(kind, 0x7f), b"20 something else=1\n".repeat(200)].concat();
        assert!(matches!(result(&archive), Err((0, Fault::Truncated))), "{kind}: {:?}", result(&archive));
        assert_eq!(result(&huge(kind, 0x80)), Err((0, Fault::Corrupt)));
    }
    // A map that has no end.
    let endless =
        [&pax(&MAPPED)[..], &huge(b'0', 0x7f), b"999999999999999999\n", &b"1\n".repeat(1000)].concat();
    assert_eq!(result(&endless), Err((0, Fault::Truncated)));
}

#[test]
fn it_can_be_sent() {
    fn assert_send<T: Send + Sync + std::panic::UnwindSafe>() {}
    assert_send::<Tar>();
    assert!(size_of::<Tar>() < 1024);
}
