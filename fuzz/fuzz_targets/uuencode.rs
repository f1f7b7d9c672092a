//! uuencode: output, end and latency do not depend on slices or caps; what is well formed comes back.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::uuencode::Uuencode;
use exfilter_fuzz::decoder::DecoderInput;
use exfilter_testing::wrap;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct UuencodeInput(DecoderInput);

impl<'a> Arbitrary<'a> for UuencodeInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<UuencodeInput> {
        DecoderInput::new(u, b"begin 644 x\n#", wrap::uuencode).map(UuencodeInput)
    }
}

fuzz_target!(|input: UuencodeInput| input.0.check(Uuencode::new, Uuencode::reset));
