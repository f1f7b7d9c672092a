//! What enrolling derived from values, as bytes: a store that keeps the values, sealed, keeps this beside them and opens without deriving it again.
//!
//! ```text
//! derivation (2) | MAC of a fixed text, which tells the key (16) | spellings (1) | whether pieces are counted (1)
//! MAC and length of each value | needles | ends of anchors and scattered needles | first differences and needles of differences | pieces
//! ```
//!
//! No names, bindings or keys, and nothing that an engine does not hold. Whoever keeps the bytes seals them, and checks a MAC before they are read.

use subtle::ConstantTimeEq as _;

use super::bytes::{Reader, Writer, codes};
use super::needles;
use crate::error::SavedError;
use crate::secrets::{Binding, Enrolled, Keys, KnownSecrets, Spellings, StoreKey};

codes! {
    Spellings: All, ButBase64, Few, Raw;
}

/// Raised whenever other needles are derived from the same value, or they are written otherwise; a test has a digest of them.
const DERIVATION: u16 = 2;

const KEY_TEXT: &[u8] = b"exfilter 2026-11 derived known secrets";

impl KnownSecrets {
    /// What was derived from the values, for [`KnownSecrets::from_derived`] of this derivation, of which one that [somebody else may have chosen](KnownSecrets::add_chosen) comes back as any other. As secret as a stored fingerprint of each would be if it had an anchor for every spelling: seal it.
    pub fn derived(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.0.extend(DERIVATION.to_le_bytes());
        out.0.extend(self.keys.mac(KEY_TEXT));
        out.code(self.spellings);
        out.u8(u8::from(self.fragments));
        out.list(&self.enrolled, |out, enrolled| {
            let (mac, len) = enrolled.whole;
            out.0.extend(mac);
            out.u64(len as u64);
        });
        needles::write_needles(&mut out, &self.needles);
        needles::write_set(&mut out, &self.ends);
        needles::write_scattered(&mut out, &self.scattered);
        needles::write_set(&mut out, &self.first_deltas);
        needles::write_deltas(&mut out, &self.deltas);
        needles::write_fragmented(&mut out, &self.fragmented);
        out.0
    }

    /// The set of which [`KnownSecrets::derived`] wrote the bytes, under the same key: `secrets` tell, in the order in which the values were enrolled, name and bindings of
    /// each, and whether it is a canary. A tenth of the time of enrolling the values, or less; more can be enrolled.
    ///
    /// # Errors
    ///
    /// [`SavedError`] for another derivation, another key, as many secrets as there are not, or anything else: enrol the values anew.
    pub fn from_derived(
        key: &StoreKey,
        bytes: &[u8],
        secrets: Vec<(String, Vec<Binding>, bool)>,
    ) -> Result<KnownSecrets, SavedError> {
        read(key, Reader(bytes), secrets).ok_or(SavedError::OTHER_DERIVATION)
    }

    /// Whether bytes begin as [`KnownSecrets::derived`] writes them now, under this key.
    pub fn is_derived(key: &StoreKey, bytes: &[u8]) -> bool {
        begin(&Keys::derive(key), &mut Reader(bytes)).is_some()
    }
}

fn begin(keys: &Keys, from: &mut Reader<'_>) -> Option<()> {
    let is_of_now = from.u16()? == DERIVATION;
    let is_of_key = keys.mac(KEY_TEXT).ct_eq(from.take(16)?);
    (is_of_now && bool::from(is_of_key)).then_some(())
}

fn read(
    key: &StoreKey,
    mut from: Reader<'_>,
    secrets: Vec<(String, Vec<Binding>, bool)>,
) -> Option<KnownSecrets> {
    let mut set = KnownSecrets::under(Keys::derive(key));
    begin(&set.keys, &mut from)?;
    set.spellings(from.code()?).fragments(from.bool()?);
    let wholes = from.list(|from| Some((from.array()?, from.size()?)))?;
    if wholes.len() != secrets.len() {
        return None;
    }
    let named = secrets.into_iter().zip(wholes);
    let enrolled =
        |((name, bindings, canary), whole)| Enrolled { name, bindings, whole, canary, chosen: false };
    set.enrolled = named.map(enrolled).collect();
    let count = set.enrolled.len();
    set.needles = needles::read_needles(&mut from, count)?;
    set.ends = needles::read_set(&mut from)?;
    set.scattered = needles::read_scattered(&mut from, count)?;
    set.first_deltas = needles::read_set(&mut from)?;
    set.deltas = needles::read_deltas(&mut from, count)?;
    set.fragmented = needles::read_fragmented(&mut from, count)?;
    set.is_counted = false;
    from.0.is_empty().then_some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> StoreKey {
        StoreKey::from_bytes(&[7; 32]).expect("a key has 32 bytes")
    }

    /// A set of values of all kinds, in some spellings.
    fn set(spellings: Spellings) -> KnownSecrets {
        let mut known = KnownSecrets::new(key());
        known.spellings(spellings).fragments(true);
        let body = "q8Zt4LmN0pR7sVx2Yb5Kd9Fg3Hj6Wc1A";
        let lines = [body, "nB7Zt4LmN0pR7sVx2Yb5Kd9Fg3Hj6Wc1Aq"].map(|line| line.repeat(2)).join("\n");
        let values = [
            format!("ghp_{body}"),
            "3f9c1d7be24a68051c3d9e0f7a6b5c4d".to_owned(),
            "correct horse battery staple".to_owned(),
            "Tr0ub4dor&3<xyz>\u{e4}!".to_owned(),
            format!("postgres://application:{body}@db.example.com/main"),
            format!("-----BEGIN {0} KEY-----\n{lines}\n-----END {0} KEY-----", "PRIVATE"),
            body.repeat(9),
        ];
        for (n, value) in values.iter().enumerate() {
            known.add(&format!("SECRET_{n}"), value.as_bytes(), vec![]).expect("it may be enrolled");
        }
        known
    }

    fn names(n: usize) -> Vec<(String, Vec<Binding>, bool)> {
        (0..n).map(|n| (format!("SECRET_{n}"), vec![], n == 0)).collect()
    }

    #[test]
    fn what_a_derivation_gives_is_fixed() {
        let all = [Spellings::All, Spellings::ButBase64, Spellings::Few, Spellings::Raw];
        let bytes: Vec<u8> = all.into_iter().flat_map(|spellings| set(spellings).derived()).collect();
        let digest = blake3::hash(&bytes).to_hex();
        assert_eq!(
            &digest[..16],
            "62a812535fd54452",
            "other needles are derived than before, so stores that keep the old ones must derive anew: raise DERIVATION, then write the new digest here"
        );
    }

    #[test]
    fn a_set_from_what_was_derived_is_the_same_and_goes_on_as_the_same() {
        for spellings in [Spellings::All, Spellings::ButBase64] {
            let mut set = set(spellings);
            let bytes = set.derived();
            let mut again =
                KnownSecrets::from_derived(&key(), &bytes, names(set.len())).expect("it was derived");
            assert!(again.derived() == bytes && again.enrolled[0].canary, "{spellings:?}");
            for known in [&mut set, &mut again] {
                // Anchors that many share are passed over, so what was counted before matters.
                for n in 10..30 {
                    let value = format!("q8Zt4LmN0pR7sVx2-{n}-Yb5Kd9Fg3Hj6Wc1A");
                    known.add(&format!("MORE_{n}"), value.as_bytes(), vec![]).expect("it may be enrolled");
                }
            }
            assert!(again.derived() == set.derived(), "{spellings:?}");
        }
    }

    #[test]
    fn nothing_else_is_taken_for_it() {
        let set = set(Spellings::ButBase64);
        let bytes = set.derived();
        let read = |key: &StoreKey, bytes: &[u8], n| KnownSecrets::from_derived(key, bytes, names(n)).is_ok();
        assert!(read(&key(), &bytes, set.len()));
        assert!(!read(&StoreKey::from_bytes(&[8; 32]).expect("a key has 32 bytes"), &bytes, set.len()));
        assert!(!read(&key(), &bytes, set.len() - 1) && !read(&key(), &bytes, set.len() + 1));
        let mut newer = bytes.clone();
        newer[0] ^= 0x40;
        assert!(!read(&key(), &newer, set.len()));
        assert!(!read(&key(), &[&bytes[..], b"x"].concat(), set.len()));
        for len in 0..bytes.len() {
            assert!(!read(&key(), &bytes[..len], set.len()), "{len} bytes of it");
        }
    }
}
