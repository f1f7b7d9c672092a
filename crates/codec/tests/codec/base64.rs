//! base64 at every alignment.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use exfilter_codec::base64::{Phase, is_char};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Rng, cases, cut, lens};

const ALPHABETS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";

fn decode(skip: u8, slices: &[&[u8]]) -> Vec<u8> {
    let mut out = b"before".to_vec();
    let mut phase = Phase::new(skip);
    for slice in slices {
        phase.decode(slice, &mut out);
    }
    phase.finish(&mut out);
    assert_eq!(phase.pending(), 0);
    out.split_off(6)
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_an_encoder_wrote(bytes in vec(any::<u8>(), 0..400), glue in "[A-Za-z0-9+/_-]{0,3}", lens in lens()) {
        for text in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            let run = format!("{glue}{text}");
            prop_assert_eq!(&decode(glue.len() as u8, &cut(run.as_bytes(), &lens)), &bytes);
        }
    }

    #[test]
    fn any_characters_at_any_phase(seed: u64, len in 0..300usize, lens in lens()) {
        let mut rng = Rng(seed);
        let chars: Vec<u8> = (0..len).map(|_| ALPHABETS[rng.below(ALPHABETS.len())]).collect();
        for skip in 0..4u8 {
            let rest = &chars[chars.len().min(usize::from(skip))..];
            let standard: Vec<u8> = rest.iter().map(|&c| match c { b'-' => b'+', b'_' => b'/', c => c }).collect();
            // A lone last character holds no byte, and encoders leave the unused bits of others zero.
            let whole = &standard[..standard.len() & !3];
            let mut expected = STANDARD_NO_PAD.decode(whole).unwrap();
            let tail = &standard[whole.len()..];
            if tail.len() > 1 {
                let padded = [tail, &b"AAAA"[tail.len()..]].concat();
                expected.extend(&STANDARD_NO_PAD.decode(padded).unwrap()[..tail.len() - 1]);
            }
            prop_assert_eq!(&decode(skip, &[&chars]), &expected);
            prop_assert_eq!(&decode(skip, &cut(&chars, &lens)), &expected);
            prop_assert_eq!(&decode(skip, &cut(&chars, &[1])), &expected);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200), skip in 0..=255u8, lens in lens()) {
        prop_assert_eq!(decode(skip, &[&bytes]), decode(skip, &cut(&bytes, &lens)));
    }
}

#[test]
fn the_alphabets() {
    assert!((0..=255).all(|byte| is_char(byte) == ALPHABETS.contains(&byte)));
}

#[test]
fn output_bytes_come_from_the_documented_characters() {
    let chars = vec![b'A'; 37];
    for skip in 0..4u8 {
        let plain = decode(skip, &[&chars]);
        for at in 0..chars.len() {
            let mut changed = chars.clone();
            changed[at] = b'_';
            let out = decode(skip, &[&changed]);
            for i in 0..plain.len() {
                let from = usize::from(skip) + 8 * i / 6;
                let to = usize::from(skip) + (8 * (i + 1)).div_ceil(6);
                assert_eq!(
                    out[i] != plain[i],
                    (from..to).contains(&at),
                    "byte {i}, character {at}, phase {skip}"
                );
            }
        }
    }
}

#[test]
fn only_an_incomplete_quad_is_pending() {
    for skip in 0..4usize {
        let mut phase = Phase::new(skip as u8);
        let mut out = Vec::new();
        for seen in 1..40usize {
            phase.decode(b"x", &mut out);
            let decoded = seen.saturating_sub(skip);
            assert_eq!((phase.pending(), out.len()), (decoded % 4, decoded / 4 * 3));
        }
    }
}
