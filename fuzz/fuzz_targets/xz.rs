//! xz: output, end and latency do not depend on slices or caps; what is well formed comes back.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::xz::Xz;
use exfilter_fuzz::decoder::DecoderInput;
use exfilter_fuzz::encode;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct XzInput(DecoderInput);

const WINDOW: u64 = 1 << 20;

impl<'a> Arbitrary<'a> for XzInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<XzInput> {
        DecoderInput::new(u, b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46", encode::xz).map(XzInput)
    }
}

fuzz_target!(|input: XzInput| input.0.check(|| Xz::new(WINDOW), Xz::reset));
