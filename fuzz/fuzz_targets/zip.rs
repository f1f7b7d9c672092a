//! zip: output, end and latency do not depend on slices or caps; what is well formed comes back.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::zip::ZipEntry;
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

fuzz_target!(|input: ZipInput| input.0.check(|| ZipEntry::new(WINDOW), ZipEntry::reset));
