//! Engines that the tests share.

use exfilter_engine::{Engine, KnownSecrets, Limits, Profile, StoreKey};
use exfilter_testing::{canary, rules};

/// A set of known secrets under a fixed key.
pub(crate) fn known(values: &[Vec<u8>]) -> KnownSecrets {
    enrolled(values, false)
}

/// A set of known secrets under a fixed key, of which pieces may be counted.
pub(crate) fn enrolled(values: &[Vec<u8>], in_pieces: bool) -> KnownSecrets {
    canary::note(values.iter().map(Vec::as_slice));
    let mut secrets = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).expect("32 bytes"));
    secrets.fragments(in_pieces);
    for (i, value) in values.iter().enumerate() {
        secrets.add(&format!("SECRET_{i}"), value, vec![]).expect("a random value is accepted");
    }
    secrets
}

/// An engine that knows `values`, in the thorough profile, and no rule.
pub(crate) fn thorough(values: &[Vec<u8>]) -> Engine {
    Engine::builder()
        .known_secrets(known(values))
        .profile(Profile::Thorough)
        .build()
        .expect("values alone compile")
}

/// An engine of [`rules::features`] and `values`, of which pieces are counted, in the thorough profile.
pub(crate) fn thorough_engine(values: &[Vec<u8>], limits: Limits) -> Engine {
    Engine::builder()
        .rules(rules::features())
        .known_secrets(enrolled(values, true))
        .limits(limits)
        .profile(Profile::Thorough)
        .build()
        .expect("the test rules build")
}

/// An engine of [`rules::features`] and `values`, of which pieces are counted.
pub(crate) fn engine(values: &[Vec<u8>], limits: Limits) -> Engine {
    Engine::builder()
        .rules(rules::features())
        .known_secrets(enrolled(values, true))
        .limits(limits)
        .eager(true)
        .build()
        .expect("the test rules build")
}
