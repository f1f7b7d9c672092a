//! tar: parts do not depend on slices, lie in order and within the input; plain members are all named.
#![no_main]

use exfilter_codec::tar::Tar;
use exfilter_codec::{Fault, Part, Segmenter};
use exfilter_fuzz::archive::Archive;
use exfilter_fuzz::slices::cut;
use libfuzzer_sys::fuzz_target;

type End = Result<(), (u64, Fault)>;

const MEMBERS: u64 = 4;

fn read(slices: &[&[u8]]) -> (Vec<Part>, End) {
    let mut tar = Tar::new(MEMBERS);
    let mut parts = Vec::new();
    for slice in slices {
        if let Err(fault) = tar.feed(slice, &mut |part| parts.push(part)) {
            return (parts, Err(fault));
        }
    }
    let end = tar.finish(&mut |part| parts.push(part));
    (parts, end)
}

fuzz_target!(|input: Archive| {
    let bytes = &input.bytes[..];
    let whole = read(&[bytes]);
    let sliced = read(&cut(bytes, &input.slices.of(bytes.len())));
    assert!(whole == sliced, "{:?} and {:?}", whole.1, sliced.1);
    ordered(&whole, bytes.len() as u64);

    let short = read(&[&bytes[..input.keep % (bytes.len() + 1)]]);
    assert!(whole.0.starts_with(&short.0), "a beginning has the first parts");

    if let Some(lens) = &input.plain {
        let named = whole.0.iter().filter_map(|part| match part {
            Part::Begin { len, .. } => Some(*len),
            Part::End { .. } => None,
        });
        if lens.len() as u64 <= MEMBERS {
            assert_eq!(whole.1, Ok(()));
            assert_eq!(named.collect::<Vec<_>>(), *lens);
        } else {
            assert!(matches!(whole.1, Err((_, Fault::Members))));
            assert_eq!(named.count() as u64, MEMBERS);
        }
    }
});

/// Parts are in order, in pairs, and within the input.
fn ordered((parts, end): &(Vec<Part>, End), input: u64) {
    let mut last = 0;
    let mut open = None;
    for part in parts {
        let at = match part {
            Part::Begin { at, header, len, name } => {
                // A name may come from a global header, long before.
                assert!(open.is_none() && header < at);
                assert!(name.len() <= Part::NAME_MAX);
                open = Some(at.saturating_add(*len));
                *at
            }
            Part::End { at } => {
                assert_eq!(open.take(), Some(*at));
                *at
            }
        };
        assert!(last <= at && at <= input);
        last = at;
    }
    match end {
        Ok(()) => assert!(open.is_none(), "a member that does not end is a fault"),
        Err((at, _)) => assert!(*at <= input),
    }
}
