//! Base58check.

use exfilter_codec::base58;
use sha2::{Digest, Sha256};

/// The longest token, in characters: an extended key has 111. The work grows with the square.
const LONGEST: usize = 128;

pub(super) fn verify(token: &[u8]) -> bool {
    let mut bytes = Vec::with_capacity(LONGEST);
    if token.len() > LONGEST || base58::decode(token, &mut bytes).is_err() {
        return false;
    }
    let valid = bytes
        .split_last_chunk::<4>()
        .is_some_and(|(body, sum)| !body.is_empty() && Sha256::digest(Sha256::digest(body)).starts_with(sum));
    zeroize::Zeroize::zeroize(&mut bytes);
    valid
}

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The token of these bytes, or `None` if it would be longer than any.
pub(super) fn spell(bytes: &[u8]) -> Option<Vec<u8>> {
    let sum = Sha256::digest(Sha256::digest(bytes));
    let all = [bytes, &sum[..4]].concat();
    let mut digits = vec![0u8; 0];
    for byte in &all {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while carry > 0 {
            digits.push((carry % 58) as u8);
            carry /= 58;
        }
    }
    let zeros = all.iter().take_while(|byte| **byte == 0).count();
    digits.extend(std::iter::repeat_n(0, zeros));
    let token: Vec<u8> = digits.iter().rev().map(|digit| ALPHABET[usize::from(*digit)]).collect();
    (token.len() <= LONGEST).then_some(token)
}
