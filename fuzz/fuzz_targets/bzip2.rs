//! bzip2: output, end and latency do not depend on slices or caps; what is well formed comes back.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::bzip2::Bzip2;
use exfilter_fuzz::decoder::DecoderInput;
use exfilter_fuzz::encode;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct Bzip2Input(DecoderInput);

impl<'a> Arbitrary<'a> for Bzip2Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Bzip2Input> {
        DecoderInput::new(u, b"BZh91AY&SY", encode::bzip2).map(Bzip2Input)
    }
}

fuzz_target!(|input: Bzip2Input| input.0.check(Bzip2::new, Bzip2::reset));
