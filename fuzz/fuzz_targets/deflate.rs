//! deflate: output, end and latency do not depend on slices or caps; what is well formed comes back.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::deflate::Deflate;
use exfilter_fuzz::decoder::DecoderInput;
use exfilter_fuzz::encode;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct DeflateInput(DecoderInput);

impl<'a> Arbitrary<'a> for DeflateInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<DeflateInput> {
        DecoderInput::new(u, b"", encode::deflate).map(DeflateInput)
    }
}

fuzz_target!(|input: DeflateInput| input.0.check(Deflate::new, Deflate::reset));
