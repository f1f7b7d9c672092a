//! zip: output, end and latency do not depend on slices or caps; what is well formed comes back. Directories: what is listed does not depend on
//! slices.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::zip::{Directory, Progress, ZipEntry};
use exfilter_fuzz::decoder::DecoderInput;
use exfilter_fuzz::encode;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct ZipInput(DecoderInput);

const WINDOW: u64 = 8 << 20;

impl<'a> Arbitrary<'a> for ZipInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<ZipInput> {
        DecoderInput::new(u, b"PK\x03\x04\x14\0\0\0", encode::zip).map(ZipInput)
    }
}

/// Reads a directory in slices of `len` bytes.
fn read(bytes: &[u8], len: usize) -> impl PartialEq + std::fmt::Debug {
    let (mut directory, mut listed, mut at) = (Directory::new(), Vec::new(), 0);
    for slice in bytes.chunks(len) {
        match directory.read(slice, &mut listed) {
            Progress::More => at += slice.len(),
            Progress::End(taken, end) => return (listed, at + taken, Some(end)),
            Progress::Bad => return (listed, usize::MAX, None),
        }
    }
    (listed, at, None)
}

fuzz_target!(|input: ZipInput| {
    input.0.check(|| ZipEntry::new(WINDOW), ZipEntry::reset);
    let mut directory = input.0.bytes;
    for magic in [[1, 2], [6, 6], [5, 6]] {
        let Some(place) = directory.get_mut(2..4) else { return };
        place.copy_from_slice(&magic);
        let whole = read(&directory, directory.len());
        for len in [1, 7] {
            assert_eq!(whole, read(&directory, len));
        }
    }
});
