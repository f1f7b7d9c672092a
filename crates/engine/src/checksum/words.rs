//! Words of a wallet.

use bip39::Language;
use sha2::{Digest, Sha256};

/// The most words; each holds 11 bits.
const MOST: usize = 24;

/// Whether the words, with blanks or commas between them and in any case, are of the English list and hold their checksum.
pub(super) fn verify(text: &[u8]) -> bool {
    let list = Language::English.word_list();
    let mut bytes = [0u8; (MOST * 11).div_ceil(8)];
    let mut count = 0;
    let words = text.split(|b| !b.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    for word in words {
        let mut lower = [0; 8];
        let Some(lower) = lower.get_mut(..word.len()) else { return false };
        for (to, from) in lower.iter_mut().zip(word) {
            *to = from.to_ascii_lowercase();
        }
        let Ok(index) = list.binary_search_by(|known| known.as_bytes().cmp(lower)) else { return false };
        if count == MOST {
            return false;
        }
        for bit in 0..11 {
            let at = count * 11 + bit;
            bytes[at / 8] |= ((index >> (10 - bit) & 1) as u8) << (7 - at % 8);
        }
        count += 1;
    }
    if count < 12 || count % 3 != 0 {
        return false;
    }
    // 32 bits of every 33 are entropy; the rest begin its SHA-256.
    let entropy = count / 3 * 4;
    let sum = count / 3;
    let digest = Sha256::digest(&bytes[..entropy]);
    let valid = bytes[entropy] >> (8 - sum) == digest[0] >> (8 - sum);
    zeroize::Zeroize::zeroize(&mut bytes);
    valid
}

/// The words of this entropy, or `None` if its length is none that wallets have.
pub(super) fn spell(entropy: &[u8]) -> Option<Vec<u8>> {
    let count = entropy.len() / 4 * 3;
    if !matches!(entropy.len(), 16 | 20 | 24 | 28 | 32) {
        return None;
    }
    let list = Language::English.word_list();
    let bytes = [entropy, &Sha256::digest(entropy)[..1]].concat();
    let index = |word: usize| {
        (word * 11..word * 11 + 11).fold(0, |v, at| v << 1 | usize::from(bytes[at / 8] >> (7 - at % 8) & 1))
    };
    Some((0..count).map(|word| list[index(word)]).collect::<Vec<_>>().join(" ").into_bytes())
}
