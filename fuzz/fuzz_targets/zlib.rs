//! zlib: output, end and latency do not depend on slices or caps; what is well formed comes back.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::zlib::Zlib;
use exfilter_fuzz::decoder::DecoderInput;
use exfilter_fuzz::encode;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct ZlibInput(DecoderInput);

impl<'a> Arbitrary<'a> for ZlibInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<ZlibInput> {
        DecoderInput::new(u, b"\x78\x9c", encode::zlib).map(ZlibInput)
    }
}

fuzz_target!(|input: ZlibInput| input.0.check(Zlib::new, Zlib::reset));
