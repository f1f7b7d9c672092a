//! Packs of git: objects, their names, the end and the latency do not depend on slices or caps, whatever is damaged, and what is kept stays within its cap.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::Decoder;
use exfilter_codec::pack::{MAGIC, Pack};
use exfilter_fuzz::decoder::DecoderInput;
use exfilter_testing::pack;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct PackInput {
    input: DecoderInput,
    cap: u64,
}

impl<'a> Arbitrary<'a> for PackInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<PackInput> {
        let cap = *u.choose(&[0, 500, 3000, 1 << 20])?;
        Ok(PackInput { input: DecoderInput::new(u, &MAGIC, pack::any)?, cap })
    }
}

fuzz_target!(|input: PackInput| {
    input.input.check_blind(|| Pack::new(input.cap, 100), Decoder::reset);
    let mut decoder = Pack::new(input.cap, 100);
    let mut out = Vec::new();
    for chunk in input.input.bytes.chunks(100) {
        let _ = decoder.decode(chunk, &mut out, 1 << 16);
        assert!(decoder.kept_bytes() <= input.cap, "what is kept stays within its cap");
        out.clear();
    }
});
