//! base64: output does not depend on slices and is what the definition says.
#![no_main]

use exfilter_codec::base64::{Phase, is_char};
use exfilter_fuzz::Choices;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let skip = choices.byte() % 4;
    let slices: Vec<usize> = (0..8).map(|_| 1 + choices.below(50)).collect();
    let chars: Vec<u8> = choices.0.iter().copied().filter(|b| is_char(*b)).collect();
    let mut out = Vec::new();
    let mut phase = Phase::new(skip);
    let mut rest = &chars[..];
    let mut sizes = slices.iter().cycle();
    while !rest.is_empty() {
        let n = sizes.next().map_or(1, |n| (*n).min(rest.len()));
        phase.decode(&rest[..n], &mut out);
        rest = &rest[n..];
    }
    phase.finish(&mut out);
    let value = |b: u8| match b {
        b'A'..=b'Z' => u32::from(b - b'A'),
        b'a'..=b'z' => u32::from(b - b'a') + 26,
        b'0'..=b'9' => u32::from(b - b'0') + 52,
        b'+' | b'-' => 62,
        _ => 63,
    };
    let (mut bits, mut have, mut want) = (0u32, 0, Vec::new());
    for c in chars.iter().skip(usize::from(skip)) {
        bits = bits << 6 | value(*c);
        have += 6;
        if have >= 8 {
            have -= 8;
            want.push((bits >> have) as u8);
        }
    }
    assert_eq!(out, want);
});
