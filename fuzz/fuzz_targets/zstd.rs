//! zstd: output and end do not depend on slices or caps.
#![no_main]

use exfilter_codec::zstd::Zstd;
use exfilter_fuzz::{Choices, decode};
use exfilter_testing::{Rng, wrap};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let mut input = match choices.byte() % 2 {
        0 => choices.0.to_vec(),
        _ => {
            let mut rng = Rng::new(u64::from(choices.byte()));
            let n = choices.below(600);
            let content = choices.take(n);
            wrap::zstd(&mut rng, content)
        }
    };
    if !input.is_empty() && choices.byte() % 2 == 0 {
        let at = choices.below(input.len());
        input[at] ^= choices.byte();
    }
    let whole = decode(&mut Zstd::new(1 << 20), &input, || usize::MAX, 1 << 16);
    let cap = 1 + choices.below(3000);
    let sliced = decode(&mut Zstd::new(1 << 20), &input, || 1 + choices.below(40), cap);
    assert!(whole == sliced, "{} and {} bytes, {} and {}", whole.0.len(), sliced.0.len(), whole.1, sliced.1);
});
