//! Engines that were saved: the same answers, and nothing else is taken for one.

use exfilter_engine::{
    Action, Binding, Confidence, Engine, Fingerprint, HostPattern, KnownSecrets, Limits, OpaqueReason,
    Policy, Profile, SavedError, Slot, StoreKey,
};
use exfilter_testing::{Rng, canary, keys, rules, run, split};

use crate::laws::{cases, nested, outbound};

fn key() -> StoreKey {
    StoreKey::from_bytes(&[7; 32]).unwrap()
}

/// Values of every kind: enrolled by plaintext, by fingerprint, as a canary, with a binding.
fn secrets(values: &[Vec<u8>]) -> KnownSecrets {
    canary::note(values.iter().map(Vec::as_slice));
    let mut secrets = KnownSecrets::new(key());
    for (i, value) in values.iter().enumerate() {
        let slots = ["header:x-key:bearer", "cookie:a", "query:b", "path:3", "form:c", "json:/d", "body"];
        let slot = Slot::parse(slots[i % slots.len()].as_bytes()).unwrap();
        let binding = Binding { host: HostPattern::parse(b"*.example.com").unwrap(), slot };
        match i % 5 {
            0 => secrets.add_canary(&format!("SECRET_{i}"), value).unwrap(),
            4 => secrets.add_chosen(&format!("SECRET_{i}"), value, vec![binding]).unwrap(),
            1 => {
                let kept = Fingerprint::new(&key(), value).unwrap();
                secrets.add_fingerprint(&format!("SECRET_{i}"), &kept, vec![binding]);
            }
            _ => secrets.add(&format!("SECRET_{i}"), value, vec![binding]).unwrap(),
        }
    }
    secrets
}

fn engine(values: &[Vec<u8>], profile: Profile) -> Engine {
    let mut policy = Policy::default();
    policy.action(Confidence::Medium, Action::Block).opaque(OpaqueReason::Depth, Action::Report);
    policy.llm_hosts(vec![HostPattern::parse(b"llm.example").unwrap()]);
    let mut limits = Limits::default();
    (limits.lanes, limits.max_hold) = (40, 50_000);
    let mut builder = Engine::builder();
    builder.rules(rules::features()).policy(policy).limits(limits).profile(profile);
    if !values.is_empty() {
        builder.known_secrets(secrets(values));
    }
    builder.build().unwrap()
}

#[test]
fn a_saved_engine_is_the_same_engine() {
    for case in cases(8) {
        let mut rng = Rng::new(case << 8 | 71);
        let values: Vec<Vec<u8>> = (0..8).map(|_| rng.text(keys::BASE62, 30)).collect();
        let profile = if rng.one_in(2) { Profile::Inline } else { Profile::Thorough };
        let engine = engine(&values, profile);
        let bytes = engine.to_bytes(&key()).unwrap();
        let again = Engine::from_bytes(&bytes, &key()).unwrap();
        assert!(again.to_bytes(&key()).unwrap() == bytes, "case {case}: saved again");
        assert!(again.rules().eq(engine.rules()), "case {case}");
        assert_eq!(format!("{:?}", again.limits()), format!("{:?}", engine.limits()));
        assert_eq!(again.memory(), engine.memory(), "case {case}");
        for _ in 0..3 {
            let planted = if rng.one_in(3) { keys::token(&mut rng) } else { rng.pick(&values).clone() };
            let (content, layers) = nested(&mut rng, &planted);
            let chunks = split::random(&mut rng, content.len(), 700);
            let [want, got] =
                [&engine, &again].map(|engine| run::run(engine, &outbound(), &content, &chunks));
            assert_eq!(got.facts(), want.facts(), "case {case}: {layers:?}");
        }
    }
}

#[test]
fn an_engine_of_rules_alone_is_saved_too() {
    let saved = engine(&[], Profile::Inline).to_bytes(&key()).unwrap();
    let again = Engine::from_bytes(&saved, &key()).unwrap();
    let mut rng = Rng::new(5);
    let content = keys::token(&mut rng);
    let found = run::run(&again, &outbound(), &content, &split::whole(content.len()));
    assert_eq!(found.findings().count(), 1);
    // Rules stand in the clear, so that one can see what a file looks for.
    assert!(saved.windows(9).any(|nine| nine == b"[A-Za-z0-"), "the patterns can be read");
}

#[test]
fn no_changed_byte_and_no_other_key_goes_unseen() {
    let mut rng = Rng::new(72);
    let values: Vec<Vec<u8>> = (0..4).map(|_| rng.text(keys::BASE62, 30)).collect();
    let engine = engine(&values, Profile::Thorough);
    let bytes = engine.to_bytes(&key()).unwrap();
    let other = StoreKey::from_bytes(&[8; 32]).unwrap();
    let fails = |bytes: &[u8], key: &StoreKey| Engine::from_bytes(bytes, key).err().map(|e| e.to_string());
    assert!(fails(&bytes, &other).is_some_and(|text| text.contains("another key")));
    assert!(
        engine.to_bytes(&other).is_err_and(|error: SavedError| error.to_string().contains("another key"))
    );
    assert!(fails(b"", &key()).is_some_and(|text| text.contains("no saved engine")));
    let mut newer = bytes.clone();
    newer[16] ^= 2;
    assert!(fails(&newer, &key()).is_some_and(|text| text.contains("another version")));
    for _ in 0..300 {
        let mut changed = bytes.clone();
        let at = rng.below(bytes.len());
        changed[at] ^= 1 << rng.below(8);
        assert!(fails(&changed, &key()).is_some(), "the byte at {at}");
        assert!(fails(&bytes[..at], &key()).is_some(), "cut at {at}");
    }
    assert!(fails(&[&bytes[..], b"x"].concat(), &key()).is_some());
}

#[test]
fn names_and_anchors_are_sealed() {
    let mut rng = Rng::new(73);
    let values: Vec<Vec<u8>> = (0..4).map(|_| rng.text(keys::BASE62, 30)).collect();
    let bytes = engine(&values, Profile::Thorough).to_bytes(&key()).unwrap();
    let stands = |needle: &[u8]| bytes.windows(needle.len()).any(|there| there == needle);
    assert!(!stands(b"SECRET_") && !stands(b"example.com"), "names and bindings are sealed");
    assert!(values.iter().all(|value| !stands(&value[..8])), "no value is there in any case");
}
