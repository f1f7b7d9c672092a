//! zstd: output, end and latency do not depend on slices or caps; what is well formed comes back.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::zstd::Zstd;
use exfilter_fuzz::decoder::DecoderInput;
use exfilter_testing::wrap;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct ZstdInput(DecoderInput);

const WINDOW: u64 = 1 << 20;

impl<'a> Arbitrary<'a> for ZstdInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<ZstdInput> {
        DecoderInput::new(u, b"\x28\xb5\x2f\xfd", wrap::zstd).map(ZstdInput)
    }
}

fuzz_target!(|input: ZstdInput| input.0.check(|| Zstd::new(WINDOW), Zstd::reset));
