//! Made-up secrets in the shapes that people enrol, from a seed. They open nothing.

use exfilter::{KnownSecrets, StoreKey};

const ALNUM: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const URL64: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
const HEX: &[u8] = b"0123456789abcdef";

/// SplitMix64: small, and the same on every machine.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator from a seed.
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next_u64() % n as u64) as usize
    }

    /// `n` characters of an alphabet.
    pub fn pick(&mut self, alphabet: &[u8], n: usize) -> Vec<u8> {
        (0..n).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }

    /// `n` letters and digits.
    pub fn alnum(&mut self, n: usize) -> Vec<u8> {
        self.pick(ALNUM, n)
    }
}

/// One value; `i` decides its shape: prefixed tokens, hex, base64url, bare letters and digits.
fn value(rng: &mut Rng, i: usize) -> Vec<u8> {
    let prefixed = |prefix: &str, mut rest: Vec<u8>| {
        let mut out = prefix.as_bytes().to_vec();
        out.append(&mut rest);
        out
    };
    match i % 8 {
        0 => prefixed("ghp_", rng.alnum(36)),
        1 => rng.pick(HEX, 32),
        2 => rng.pick(URL64, 43),
        3 => rng.alnum(24),
        4 => prefixed("sk-proj-", rng.pick(URL64, 48)),
        5 => rng.pick(HEX, 64),
        6 => rng.alnum(20),
        _ => prefixed("npm_", rng.alnum(36)),
    }
}

/// `count` values, always the same ones.
pub fn values(count: usize) -> Vec<Vec<u8>> {
    let mut rng = Rng::new(0x0e0f_1175);
    (0..count).map(|i| value(&mut rng, i)).collect()
}

/// Enrols `count` made-up values.
pub fn enrol(count: usize) -> KnownSecrets {
    let key = StoreKey::from_bytes(&[0x5A; 32]).expect("32 bytes are a key");
    let mut known = KnownSecrets::new(key);
    for (i, value) in values(count).iter().enumerate() {
        known
            .add(&format!("secret-{i}"), value, Vec::new())
            .unwrap_or_else(|refusal| panic!("made-up value {i} was refused: {refusal}"));
    }
    assert_eq!(known.len(), count, "every made-up value is enrolled");
    known
}
