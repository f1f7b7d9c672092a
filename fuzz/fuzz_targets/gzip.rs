//! gzip: output, end and latency do not depend on slices or caps; what is well formed comes back.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::gzip::{Gzip, MAGIC};
use exfilter_fuzz::decoder::DecoderInput;
use exfilter_testing::wrap;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct GzipInput(DecoderInput);

impl<'a> Arbitrary<'a> for GzipInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<GzipInput> {
        DecoderInput::new(u, &MAGIC, wrap::gzip).map(GzipInput)
    }
}

fuzz_target!(|input: GzipInput| input.0.check(Gzip::new, Gzip::reset));
