//! What is derived from sealed records when a store is written, so that opening it derives nothing.
//!
//! ```text
//! generation in which it was written (8) | what `KnownSecrets::derived` says of the sealed records, in their order
//! ```
//!
//! It stands in the body, under the store's MAC and cipher. A version that does not know the section keeps it as it is while it changes the records, and counts the
//! generation on: so one of another generation is passed over, as is one of another key or derivation, and what it said is derived anew.

use exfilter_engine::{KnownSecrets, Spellings};
use zeroize::Zeroizing;

use super::{REST, Store, Use};
use crate::error::StoreError;
use crate::record::{self, Mode, Record};
use crate::tlv::{self, OPTIONAL};

/// The section's.
pub(super) const TAG: u16 = OPTIONAL | 2;

/// Of so many sealed values pieces are counted where a store is to open at once: they take a kilobyte a value of what it keeps.
const COUNTED_MAX: usize = 1000;

impl Store {
    /// Those of sealed records, if they are wanted.
    pub(super) fn sealed_secrets(&self, which: Use) -> Result<KnownSecrets, StoreError> {
        let wanted = |record: &&Record| record.mode() == Mode::Sealed && which != Use::FingerprintsOnly;
        let sealed = || self.records.iter().filter(wanted);
        let key = self.key.engine_key();
        if let (Use::AtOnce, Some(derived)) = (which, &self.derived) {
            let named =
                sealed().map(|record| Ok((record.name().into(), record.homes()?, record.is_canary())));
            let named = named.collect::<Result<_, StoreError>>()?;
            // If not, the values are at hand.
            if let Ok(secrets) = KnownSecrets::from_derived(&key, derived, named) {
                return Ok(secrets);
            }
        }
        let mut secrets = KnownSecrets::new(key);
        match which {
            Use::AtOnce => secrets.spellings(Spellings::ButBase64).fragments(sealed().count() <= COUNTED_MAX),
            Use::All | Use::FingerprintsOnly => secrets.fragments(true),
        };
        secrets.reserve(sealed().count());
        let cipher = record::cipher(&self.key);
        for record in sealed() {
            let Some(value) = record.open_with(&cipher)? else { continue };
            secrets.add_kept(record.name(), &value, record.homes()?, record.is_canary())?;
        }
        Ok(secrets)
    }

    /// Takes what was derived if it is of these records, of this key and of the derivation of now.
    pub(super) fn read_derived(&mut self, section: &[u8]) {
        let fresh = section.strip_prefix(&self.generation.to_le_bytes());
        let fresh = fresh.filter(|bytes| KnownSecrets::is_derived(&self.key.engine_key(), bytes));
        self.derived = fresh.map(|bytes| Zeroizing::new(bytes.to_vec()));
    }

    /// Derives what is kept of the sealed records, unless it is there.
    pub(super) fn derive(&mut self) {
        let is_sealed = self.records.iter().any(|record| record.mode() == Mode::Sealed);
        if self.derived.is_none() && is_sealed {
            // A record that cannot be opened is told of where it is used.
            let secrets = self.sealed_secrets(Use::AtOnce);
            self.derived = secrets.ok().map(|secrets| Zeroizing::new(secrets.derived()));
        }
    }

    /// Appends it, if there is room. A store is as good without it, and slower to open.
    pub(super) fn write_derived(&self, body: &mut Vec<u8>) {
        if let Some(derived) = &self.derived
            && body.len() + derived.len() < Store::MAX_LEN - REST
        {
            let generation = self.generation.to_le_bytes();
            tlv::put(body, TAG, &Zeroizing::new([&generation[..], derived].concat()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Entropy, Key, KeyRing};
    use crate::record::{NewRecord, Source};

    /// Numbers that are enough to tell keys and nonces apart.
    struct Count(u8);

    impl Entropy for Count {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
            self.0 += 1;
            bytes.fill(self.0);
            Ok(())
        }
    }

    fn value(n: usize) -> Vec<u8> {
        format!("q8Zt4LmN0pR7sVx2{n:02}Yb5Kd9Fg3Hj6Wc1A").into_bytes()
    }

    fn add(store: &mut Store, n: usize, sealed: bool) {
        let mut new = NewRecord::new(&format!("SECRET_{n}"), Source::Typed, 7);
        new.sealed = sealed;
        store.add(new, &value(n), true, &mut Count(100)).expect("it is a strong value");
    }

    /// A store of two sealed values, and a fingerprint between them.
    fn store() -> (KeyRing, Store) {
        let ring = KeyRing::generate(&mut Count(0)).expect("there are random numbers");
        let mut store = Store::new(&ring, 7);
        (0..3).for_each(|n| add(&mut store, n, n != 1));
        (ring, store)
    }

    fn reopened(ring: &KeyRing, store: &mut Store) -> Store {
        let bytes = store.to_bytes(&mut Count(50)).expect("it is written");
        Store::open(&bytes, ring, 8).expect("it is opened")
    }

    /// What an engine would be made of.
    fn known(store: &Store) -> Vec<u8> {
        store.known_secrets(Use::AtOnce).expect("sealed values open").derived()
    }

    #[test]
    fn what_was_written_is_what_would_be_derived() {
        let (ring, mut store) = store();
        let want = known(&store);
        let mut again = reopened(&ring, &mut store);
        assert!(again.derived.is_some() && known(&again) == want);
        // A change of no value, and another version's generation: it is kept, and good.
        again.record_mut("SECRET_0").expect("it is there").bind("example.com", "body").expect("it parses");
        assert!(again.derived.is_some() && known(&again) == want);
        let again = reopened(&ring, &mut again);
        assert!(again.derived.is_some() && known(&again) == want);
    }

    #[test]
    fn every_change_of_a_value_derives_anew() {
        let (ring, mut store) = store();
        let other = reopened(&ring, &mut store);
        let changes: [fn(&mut Store); 4] = [
            |store| add(store, 3, true),
            |store| {
                let mut new = NewRecord::new("SECRET_0", Source::Typed, 7);
                new.sealed = true;
                store.add(new, &value(9), true, &mut Count(90)).expect("it is a strong value");
            },
            |store| drop(store.remove("SECRET_2").expect("it is there")),
            |store| {
                store.remove("SECRET_0").expect("it is there");
                store.remove("SECRET_2").expect("it is there");
            },
        ];
        for change in changes {
            let mut changed = reopened(&ring, &mut store);
            assert!(changed.derived.is_some());
            change(&mut changed);
            assert!(changed.derived.is_none());
            let want = known(&changed);
            assert!(want != known(&other));
            assert!(known(&reopened(&ring, &mut changed)) == want);
        }
        // Moved to another key, of which nothing may be left.
        let mut next = store.successor(Key::generate(&mut Count(70)).expect("there are random numbers"));
        assert!(next.derived.is_none());
        assert!(next.take_over(&store, "SECRET_0", &mut Count(80)).expect("it is opened"));
        assert!(next.derived.is_none() && known(&next) != known(&other));
    }

    #[test]
    fn what_is_not_of_this_state_is_passed_over() {
        let (ring, mut store) = store();
        let want = known(&store);
        let store = reopened(&ring, &mut store);
        let derived = store.derived.clone().expect("it was derived");
        let other_key =
            KnownSecrets::new(Key::generate(&mut Count(30)).expect("random numbers").engine_key());
        let generation = store.generation.to_le_bytes();
        let earlier = (store.generation - 1).to_le_bytes();
        let mut newer = derived.to_vec();
        newer[0] ^= 0x10;
        let sections: [Vec<u8>; 6] = [
            [&earlier[..], &derived].concat(),
            [&generation[..], &newer].concat(),
            [&generation[..], &other_key.derived()].concat(),
            generation.to_vec(),
            generation[..3].to_vec(),
            vec![],
        ];
        for (n, section) in sections.iter().enumerate() {
            let mut store = Store { records: store.records.clone(), ..store.successor(store.key.clone()) };
            store.read_derived(section);
            assert!(store.derived.is_none() && known(&store) == want, "{n}");
        }
        // Of this state by its beginning, and broken: only whoever has the key can have written that.
        let cut = [&generation[..], &derived[..derived.len() - 1]].concat();
        let mut store = Store { records: store.records.clone(), ..store.successor(store.key.clone()) };
        store.read_derived(&cut);
        assert!(store.derived.is_some() && known(&store) == want);
    }
}
