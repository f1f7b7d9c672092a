//! Made-up secrets in the shapes that people enrol, from a seed. They open nothing.

use exfilter::{KnownSecrets, Spellings, StoreKey};
pub use exfilter_testing::Rng;
use exfilter_testing::keys::{BASE62, HEX};

const URL64: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

/// `n` letters and digits.
pub fn alnum(rng: &mut Rng, n: usize) -> Vec<u8> {
    rng.text(BASE62, n)
}

/// One value; `i` decides its shape: prefixed tokens, hex, base64url, bare letters and digits.
fn value(rng: &mut Rng, i: usize) -> Vec<u8> {
    let prefixed = |prefix: &str, mut rest: Vec<u8>| {
        let mut out = prefix.as_bytes().to_vec();
        out.append(&mut rest);
        out
    };
    match i % 8 {
        0 => prefixed("ghp_", alnum(rng, 36)),
        1 => rng.text(HEX, 32),
        2 => rng.text(URL64, 43),
        3 => alnum(rng, 24),
        4 => prefixed("sk-proj-", rng.text(URL64, 48)),
        5 => rng.text(HEX, 64),
        6 => alnum(rng, 20),
        _ => prefixed("npm_", alnum(rng, 36)),
    }
}

/// `count` values, always the same ones.
pub fn values(count: usize) -> Vec<Vec<u8>> {
    let mut rng = Rng::new(0x0e0f_1175);
    (0..count).map(|i| value(&mut rng, i)).collect()
}

/// Enrols `count` made-up values in all their spellings.
pub fn enrol(count: usize) -> KnownSecrets {
    enrol_in(count, Spellings::All)
}

/// Enrols `count` made-up values.
pub fn enrol_in(count: usize, spellings: Spellings) -> KnownSecrets {
    let key = StoreKey::from_bytes(&[0x5A; 32]).expect("32 bytes are a key");
    let mut known = KnownSecrets::new(key);
    known.spellings(spellings);
    for (i, value) in values(count).iter().enumerate() {
        known
            .add(&format!("secret-{i}"), value, Vec::new())
            .unwrap_or_else(|refusal| panic!("made-up value {i} was refused: {refusal}"));
    }
    assert_eq!(known.len(), count, "every made-up value is enrolled");
    known
}
