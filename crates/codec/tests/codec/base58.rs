//! base58 of whole tokens.

use exfilter_codec::Fault;
use exfilter_codec::base58::{MAX_LEN, decode, is_char};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Rng, cases};

const CHARS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

fn decoded(token: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut out = b"before".to_vec();
    let result = decode(token, &mut out);
    let made = out.split_off(6);
    assert!(result.is_ok() || made.is_empty());
    result.map(|()| made)
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_an_encoder_wrote(bytes in vec(any::<u8>(), 0..180), zeros in 0..8usize) {
        let bytes = [&vec![0; zeros], &bytes[..]].concat();
        let token = bs58::encode(&bytes).into_string();
        prop_assume!(token.len() <= MAX_LEN);
        prop_assert_eq!(decoded(token.as_bytes()), Ok(bytes));
    }

    #[test]
    fn any_characters(seed: u64, len in 0..=MAX_LEN, ones in 0..4usize) {
        let mut rng = Rng(seed);
        let mut token: Vec<u8> = (0..len).map(|_| CHARS[rng.below(58)]).collect();
        token[..ones.min(len)].fill(b'1');
        prop_assert_eq!(decoded(&token), Ok(bs58::decode(&token).into_vec().unwrap()));
    }

    #[test]
    fn any_other_byte_is_a_fault(seed: u64, len in 1..=MAX_LEN, other: u8) {
        prop_assume!(!is_char(other));
        let mut rng = Rng(seed);
        let mut token: Vec<u8> = (0..len).map(|_| CHARS[rng.below(58)]).collect();
        token[rng.below(len)] = other;
        prop_assert_eq!(decoded(&token), Err(Fault::Corrupt));
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(decoded(&bytes).is_ok(), bytes.len() <= MAX_LEN && bytes.iter().all(|b| is_char(*b)));
    }
}

#[test]
fn the_alphabet() {
    assert!((0..=255).all(|byte| is_char(byte) == CHARS.contains(&byte)));
}

#[test]
fn the_longest_tokens() {
    for char in [b'1', b'2', b'z'] {
        let token = vec![char; MAX_LEN];
        assert_eq!(decoded(&token), Ok(bs58::decode(&token).into_vec().unwrap()));
        assert_eq!(decoded(&vec![char; MAX_LEN + 1]), Err(Fault::Unsupported));
    }
    assert_eq!(decoded(b""), Ok(vec![]));
}

/// From the draft that describes the encoding.
#[test]
fn published_vectors() {
    for (token, bytes) in [
        ("2NEpo7TZRRrLZSi2U", &b"Hello World!"[..]),
        (
            "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
            b"The quick brown fox jumps over the lazy dog.",
        ),
        ("11233QC4", b"\0\0\x28\x7f\xb4\xcd"),
    ] {
        assert_eq!(decoded(token.as_bytes()), Ok(bytes.to_vec()));
    }
}
