//! base32 and base32hex at every alignment.

use data_encoding::{BASE32, BASE32_NOPAD, BASE32HEX, BASE32HEX_NOPAD, Encoding};
use exfilter_codec::base32::{Alphabet, Phase};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Rng, cases, cut, lens};

/// Each alphabet, its characters, and the independent encodings with and without padding.
const ALPHABETS: [(Alphabet, &[u8; 32], Encoding, Encoding); 2] = [
    (Alphabet::Base32, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", BASE32, BASE32_NOPAD),
    (Alphabet::Base32Hex, b"0123456789ABCDEFGHIJKLMNOPQRSTUV", BASE32HEX, BASE32HEX_NOPAD),
];

/// What comes out, and how many bytes were characters.
fn decode(alphabet: Alphabet, skip: u8, slices: &[&[u8]]) -> (Vec<u8>, usize) {
    let mut out = b"before".to_vec();
    let mut phase = Phase::new(alphabet, skip);
    let mut taken = 0;
    for slice in slices {
        let more = phase.decode(slice, &mut out);
        taken += more;
        let bits = 5 * taken.saturating_sub(skip.into());
        assert_eq!((out.len() - 6, phase.pending()), (bits / 8, (bits % 8).div_ceil(5)));
        if more < slice.len() {
            break;
        }
    }
    (out.split_off(6), taken)
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_an_encoder_wrote(bytes in vec(any::<u8>(), 0..400), glue in 0..8usize, lower: bool, lens in lens()) {
        for (alphabet, chars, padded, plain) in &ALPHABETS {
            for text in [padded.encode(&bytes), plain.encode(&bytes)] {
                let mut run = [&chars[..glue], text.as_bytes()].concat();
                if lower {
                    run.make_ascii_lowercase();
                }
                let whole = run.iter().position(|b| *b == b'=').unwrap_or(run.len());
                let expected = (bytes.clone(), whole);
                prop_assert_eq!(&decode(*alphabet, glue as u8, &cut(&run, &lens)), &expected);
                prop_assert_eq!(&decode(*alphabet, glue as u8, &[&run]), &expected);
            }
        }
    }

    #[test]
    fn any_characters_at_any_phase(seed: u64, len in 0..200usize, lens in lens()) {
        let mut rng = Rng(seed);
        for (alphabet, chars, _, plain) in &ALPHABETS {
            let run: Vec<u8> = (0..len).map(|_| chars[rng.below(32)]).collect();
            for skip in 0..8u8 {
                // The oracle wants whole groups; what fills up the last one makes the bytes that are left out.
                let mut rest = run[len.min(usize::from(skip))..].to_vec();
                let made = rest.len() * 5 / 8;
                rest.resize(rest.len().next_multiple_of(8), chars[0]);
                let mut expected = plain.decode(&rest).unwrap();
                expected.truncate(made);
                let expected = (expected, len);
                prop_assert_eq!(&decode(*alphabet, skip, &[&run]), &expected);
                prop_assert_eq!(&decode(*alphabet, skip, &cut(&run, &lens)), &expected);
                prop_assert_eq!(&decode(*alphabet, skip, &cut(&run, &[1])), &expected);
            }
        }
    }

    #[test]
    fn the_first_other_byte_ends_it(seed: u64, len in 0..60usize, other: u8, skip in 0..=255u8, lens in lens()) {
        let mut rng = Rng(seed);
        for (alphabet, chars, ..) in &ALPHABETS {
            prop_assume!(!alphabet.contains(other));
            let mut run: Vec<u8> = (0..len).map(|_| chars[rng.below(32)]).collect();
            let plain = decode(*alphabet, skip, &[&run]);
            run.push(other);
            run.extend(*chars);
            prop_assert_eq!(&decode(*alphabet, skip, &[&run]), &plain);
            prop_assert_eq!(&decode(*alphabet, skip, &cut(&run, &lens)), &plain);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200), skip in 0..=255u8, lens in lens()) {
        for (alphabet, ..) in &ALPHABETS {
            prop_assert_eq!(decode(*alphabet, skip, &[&bytes]), decode(*alphabet, skip, &cut(&bytes, &lens)));
        }
    }
}

#[test]
fn the_alphabets() {
    for (alphabet, chars, ..) in ALPHABETS {
        assert!((0..=255u8).all(|b| alphabet.contains(b) == chars.contains(&b.to_ascii_uppercase())));
    }
}

#[test]
fn output_bytes_come_from_the_documented_characters() {
    let chars = vec![b'A'; 37];
    for skip in 0..8u8 {
        let (plain, _) = decode(Alphabet::Base32, skip, &[&chars]);
        for at in 0..chars.len() {
            let mut changed = chars.clone();
            changed[at] = b'7';
            let (out, _) = decode(Alphabet::Base32, skip, &[&changed]);
            for i in 0..plain.len() {
                let from = usize::from(skip) + 8 * i / 5;
                let to = usize::from(skip) + (8 * (i + 1)).div_ceil(5);
                assert_eq!(
                    out[i] != plain[i],
                    (from..to).contains(&at),
                    "byte {i}, character {at}, phase {skip}"
                );
            }
        }
    }
}
