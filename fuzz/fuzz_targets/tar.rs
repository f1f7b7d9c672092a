//! tar: parts do not depend on slices, lie in order and within the input.
#![no_main]

use exfilter_codec::tar::Tar;
use exfilter_codec::{Part, Segmenter};
use exfilter_fuzz::Choices;
use exfilter_testing::wrap;
use libfuzzer_sys::fuzz_target;

fn parts(input: &[u8], mut slice: impl FnMut() -> usize) -> (Vec<Part>, String) {
    let mut tar = Tar::new(1000);
    let mut parts = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(slice().clamp(1, rest.len()));
        rest = after;
        if let Err(fault) = tar.feed(part, &mut |p| parts.push(p)) {
            return (parts, format!("{fault:?}"));
        }
    }
    let end = tar.finish(&mut |p| parts.push(p));
    (parts, format!("{end:?}"))
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let mut input = match choices.byte() % 3 {
        0 => choices.0.to_vec(),
        _ => {
            let members: Vec<_> = (0..choices.below(4))
                .map(|_| {
                    let name = choices.below(120);
                    let content = choices.below(1200);
                    (choices.take(name).to_vec(), vec![b'x'; content])
                })
                .collect();
            wrap::tar(&members)
        }
    };
    for _ in 0..choices.below(3) {
        if !input.is_empty() {
            let at = choices.below(input.len());
            input[at] ^= choices.byte();
        }
    }
    let whole = parts(&input, || usize::MAX);
    let sliced = parts(&input, || 1 + choices.below(700));
    assert_eq!(whole, sliced);
    let mut last = 0;
    for part in &whole.0 {
        let at = match part {
            Part::Begin { at, header, .. } => {
                assert!(header <= at);
                *at
            }
            Part::End { at } => *at,
        };
        assert!(last <= at, "parts are in order");
        last = at;
    }
});
