//! What a thief can do with the file.

use exfilter_store::{Key, KeyRing, Store};
use exfilter_testing::{Rng, canary, keys};

use crate::support::{Seed, named, seed, store_of, values};

/// A store of weak values, words of a dictionary among them, sealed and fingerprinted ones.
fn stolen(words: &[Vec<u8>], entropy: &mut Seed) -> Vec<u8> {
    let (_, mut store) = store_of(&values(&mut entropy.0, 50), false, entropy);
    for (i, word) in words.iter().enumerate() {
        store.add(named(&format!("WORD_{i}")), word, false, entropy).unwrap();
    }
    store.to_bytes(entropy).unwrap()
}

/// The `n`-th word of a dictionary of passphrases.
fn word(n: u64) -> Vec<u8> {
    let mut rng = Rng::new(n ^ 0x5eed);
    let part = |rng: &mut Rng| String::from_utf8(rng.text(b"abcdefghijklmnopqrstuvwxyz", 5)).unwrap();
    format!("{}-{}-{}", part(&mut rng), part(&mut rng), n % 1000).into_bytes()
}

/// Goes through a dictionary as a thief would, who has the file and no key: with keys of his own, and by comparing bytes.
///
/// There is no function of a word and the file to try: everything in the file is under sub-keys of a random key. What can be tried is that the bytes tell a word from
/// another, so each guess is hashed in every way that a store without a key would have used, and looked for in the file; and taken for the key itself.
fn accepts(file: &[u8], guesses: u64) -> u64 {
    let mut places: Vec<u64> = file.windows(8).map(|w| u64::from_le_bytes(w.try_into().unwrap())).collect();
    places.sort_unstable();
    let is_there =
        |bytes: &[u8]| places.binary_search(&u64::from_le_bytes(bytes[..8].try_into().unwrap())).is_ok();
    let unkeyed = [0; 32];
    let as_key = |word: &[u8]| *blake3::hash(word).as_bytes();
    (0..guesses)
        .filter(|n| {
            let word = word(*n);
            is_there(blake3::hash(&word).as_bytes())
                || is_there(blake3::keyed_hash(&unkeyed, &word).as_bytes())
                || is_there(blake3::keyed_hash(&as_key(&word), &word).as_bytes())
                || is_there(&word)
                || Key::from_bytes(&as_key(&word)).is_ok_and(|key| Store::open_export(file, &key, 8).is_ok())
        })
        .count() as u64
}

fn words(of: &[u64]) -> Vec<Vec<u8>> {
    let words: Vec<_> = of.iter().map(|n| word(*n)).collect();
    canary::note(words.iter().map(Vec::as_slice));
    words
}

#[test]
fn a_stolen_file_accepts_no_guess() {
    let file = stolen(&words(&[3, 50_000, 99_999]), &mut seed(41));
    assert_eq!(accepts(&file, 100_000), 0);
}

#[test]
#[ignore = "ten million guesses take half a minute in a release build"]
fn a_stolen_file_accepts_no_guess_of_ten_million() {
    let file = stolen(&words(&[3, 5_000_000, 9_999_999]), &mut seed(42));
    assert_eq!(accepts(&file, 10_000_000), 0);
}

#[test]
fn a_thiefs_own_key_opens_nothing() {
    let mut entropy = seed(43);
    let file = stolen(&words(&[1]), &mut entropy);
    for _ in 0..20 {
        let ring = KeyRing::generate(&mut entropy).unwrap();
        assert_eq!(Store::open(&file, &ring, 8).unwrap_err().code(), "E_KEY");
        // With the id of the key forged too, the MAC is wrong.
        let mut forged = file.clone();
        let (_, mut own) = store_of(&[], false, &mut entropy);
        let head = own.to_bytes(&mut entropy).unwrap();
        forged[32..40].copy_from_slice(&head[32..40]);
        assert!(Store::open(&forged, &ring, 8).is_err());
    }
}

#[test]
fn equal_secrets_of_two_people_have_nothing_in_common() {
    let mut entropy = seed(44);
    let values = values(&mut entropy.0, 20);
    let files: Vec<Vec<u8>> = (0..2)
        .map(|_| {
            let (_, mut store) = store_of(&values, false, &mut entropy);
            store.to_bytes(&mut entropy).unwrap()
        })
        .collect();
    let body = |file: &'_ Vec<u8>| {
        file[96..].windows(8).map(<[u8]>::to_vec).collect::<std::collections::HashSet<_>>()
    };
    assert!(body(&files[0]).is_disjoint(&body(&files[1])));
}

#[test]
fn with_file_and_key_eighty_bits_remain_of_every_fingerprint() {
    let mut entropy = seed(45);
    let (_, mut store) = store_of(&[], false, &mut entropy);
    for n in 0..300 {
        let len = 12 + entropy.0.below(40);
        let alphabets: [&[u8]; 4] = [keys::BASE62, keys::HEX, keys::BASE64URL, b"abcdefghijklmnopqrstuvwxyz"];
        let alphabet = *entropy.0.pick(&alphabets);
        let value = entropy.0.text(alphabet, len);
        canary::note([&value[..]]);
        let bits = len as f64 * (alphabet.len() as f64).log2();
        if store.add(named(&format!("S{n}")), &value, false, &mut entropy).is_ok() {
            let record = store.records().last().unwrap();
            let kept = record.mode() == exfilter_store::Mode::Fingerprint;
            assert!(
                !kept || (record.remaining() >= 80 && f64::from(record.remaining()) <= bits - 16.0),
                "{len}"
            );
        }
    }
    assert!(store.records().iter().filter(|r| r.mode() == exfilter_store::Mode::Fingerprint).count() > 100);
}
