//! Random numbers from a seed, values, and engines.

use exfilter_engine::{Engine, Flow, Kind};
use exfilter_store::{Entropy, KeyRing, NewRecord, Source, Store, StoreError, Use};
use exfilter_testing::{Rng, canary, keys};

/// Random numbers that are the same in every run.
pub(crate) struct Seed(pub(crate) Rng);

impl Entropy for Seed {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        let random = self.0.bytes(bytes.len());
        bytes.copy_from_slice(&random);
        Ok(())
    }
}

pub(crate) fn seed(n: u64) -> Seed {
    Seed(Rng::new(n))
}

/// A record of a name, and nothing else.
pub(crate) fn named(name: &str) -> NewRecord {
    NewRecord::new(name, Source::Typed, 7)
}

/// `n` values that are fingerprinted.
pub(crate) fn values(rng: &mut Rng, n: usize) -> Vec<Vec<u8>> {
    let values: Vec<_> = (0..n).map(|_| rng.text(keys::BASE62, 32)).collect();
    canary::note(values.iter().map(Vec::as_slice));
    values
}

/// A store of values named `SECRET_0` and so on, and its keys.
pub(crate) fn store_of(values: &[Vec<u8>], sealed: bool, entropy: &mut Seed) -> (KeyRing, Store) {
    let ring = KeyRing::generate(entropy).unwrap();
    let mut store = Store::new(&ring, 7);
    for (i, value) in values.iter().enumerate() {
        let mut new = named(&format!("SECRET_{i}"));
        new.sealed = sealed;
        store.add(new, value, false, entropy).unwrap();
    }
    (ring, store)
}

/// Names of the secrets that an engine of the store finds in `content`.
pub(crate) fn found(store: &Store, content: &[u8]) -> Vec<String> {
    let secrets = store.known_secrets(Use::All).unwrap();
    let engine = Engine::builder().known_secrets(secrets).build().unwrap();
    let mut names = Vec::new();
    let _ = engine.scanner(Flow::at_rest()).scan(content, &mut |event| {
        if let exfilter_engine::Event::Finding(finding) = event
            && let Kind::Known(id, _) = finding.kind()
        {
            names.push(engine.secret_name(id).to_owned());
        }
    });
    names.sort();
    names.dedup();
    names
}
