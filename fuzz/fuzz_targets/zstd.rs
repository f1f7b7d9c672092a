//! zstd: output, end and latency do not depend on slices or caps; what is well formed comes back; what is read is what a program reads that decodes
//! it at once.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_codec::zstd::Zstd;
use exfilter_codec::{Decoder as _, Step};
use exfilter_fuzz::decoder::DecoderInput;
use exfilter_fuzz::encode;
use exfilter_testing::Rng;
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct ZstdInput(DecoderInput);

const WINDOW: u64 = 1 << 20;

/// Content that is decoded at once.
const OUTPUT: usize = 1 << 20;

impl<'a> Arbitrary<'a> for ZstdInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<ZstdInput> {
        let mut input = DecoderInput::new(u, b"\x28\xb5\x2f\xfd", encode::zstd)?;
        // What comes again after a while.
        if u.ratio(1, 4)? {
            let mut rng = Rng::new(u.arbitrary::<u16>()?.into());
            let (part, other) = (rng.below(2000), rng.below(5000));
            let (part, other) = (rng.bytes(part), rng.bytes(other));
            let content = [&part[..], &other, &part, &other[other.len() / 2..], &part].concat();
            input.bytes = encode::zstd(&mut rng, &content);
            input.content = Some(content);
        }
        // A frame that says that it refers back less far than it does.
        if let [_, _, _, _, descriptor, window, ..] = &mut input.bytes[..]
            && *descriptor & !4 == 0
            && u.ratio(1, 2)?
        {
            (*window, input.content) = (u.int_in_range(0..=40u8)?, None);
        }
        Ok(ZstdInput(input))
    }
}

fuzz_target!(|input: ZstdInput| {
    input.0.check(|| Zstd::new(WINDOW), Zstd::reset);

    let (mut decoder, mut out) = (Zstd::new(WINDOW), Vec::new());
    let step = decoder.decode(&input.0.bytes, &mut out, OUTPUT);
    if step == Step::More && decoder.end().is_ok() {
        let mut at_once = vec![0; OUTPUT];
        if let Ok(len) = zstd_safe::decompress(&mut at_once[..], &input.0.bytes) {
            assert!(at_once[..len] == out, "{} bytes at once, and {}", len, out.len());
        }
    }
});
