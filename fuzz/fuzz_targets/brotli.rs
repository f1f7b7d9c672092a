//! brotli: output, end and latency do not depend on slices or caps; what is well formed comes back.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::brotli::Brotli;
use exfilter_fuzz::decoder::DecoderInput;
use exfilter_fuzz::encode;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct BrotliInput(DecoderInput);

const WINDOW: u64 = 16 << 20;

impl<'a> Arbitrary<'a> for BrotliInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<BrotliInput> {
        DecoderInput::new(u, b"", encode::brotli).map(BrotliInput)
    }
}

fuzz_target!(|input: BrotliInput| input.0.check(|| Brotli::new(WINDOW), Brotli::reset));
