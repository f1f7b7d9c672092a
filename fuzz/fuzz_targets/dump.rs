//! Dumps of characters: output, end and latency do not depend on slices or caps; what is well formed comes back.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::dump::Dump;
use exfilter_fuzz::decoder::DecoderInput;
use exfilter_testing::wrap;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct DumpInput(DecoderInput);

impl<'a> Arbitrary<'a> for DumpInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<DumpInput> {
        DecoderInput::new(u, b"0000000   a", |_, content| wrap::character_dump(content)).map(DumpInput)
    }
}

fuzz_target!(|input: DumpInput| input.0.check(Dump::new, Dump::reset));
