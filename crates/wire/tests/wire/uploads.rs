//! The body of `cargo publish`: parts in any chunking.

use exfilter_testing::{Rng, split};
use exfilter_wire::{CrateUpload, Section};
use proptest::prelude::*;

fn parts(body: &[u8], chunks: &[usize]) -> ([Vec<u8>; 4], bool) {
    let mut upload = CrateUpload::new();
    let mut out = <[Vec<u8>; 4]>::default();
    let mut at = 0;
    for n in chunks {
        let mut rest = &body[at..at + n];
        at += n;
        while let Some((section, bytes)) = upload.next(&mut rest) {
            out[section as usize].extend(bytes);
        }
    }
    (out, upload.is_whole())
}

proptest! {
    #[test]
    fn parts_come_back_in_any_chunking(metadata in prop::collection::vec(any::<u8>(), 0..50), package in prop::collection::vec(any::<u8>(), 0..50), after in prop::collection::vec(any::<u8>(), 0..5), cut in 0..200usize, seed in any::<u64>()) {
        let len = |part: &[u8]| (part.len() as u32).to_le_bytes();
        let body = [&len(&metadata)[..], &metadata, &len(&package), &package, &after].concat();
        let body = &body[..cut.min(body.len())];
        let mut rng = Rng::new(seed);
        let whole = parts(body, &[body.len()]);
        for chunks in split::standard(&mut rng, body.len()) {
            prop_assert_eq!(&parts(body, &chunks), &whole);
        }
        prop_assert_eq!(whole.0.iter().map(Vec::len).sum::<usize>(), body.len());
        let is_whole = body.len() >= 8 + metadata.len() + package.len();
        prop_assert_eq!(whole.1, is_whole);
        if is_whole {
            prop_assert_eq!(&whole.0[Section::Metadata as usize], &metadata);
            prop_assert_eq!(&whole.0[Section::Package as usize], &package);
        }
    }
}
