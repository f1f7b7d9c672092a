//! What is kept of a value, and what an engine makes of it.

use exfilter_engine::KeyClass;
use exfilter_store::{Added, Key, KeyRing, Mode, Source, Store, Use};
use exfilter_testing::{keys, wrap};

use crate::support::{found, named, seed, store_of, values};

#[test]
fn what_is_kept_is_opened_and_found() {
    let mut entropy = seed(1);
    let values = values(&mut entropy.0, 5);
    for sealed in [false, true] {
        let (ring, mut store) = store_of(&values, sealed, &mut entropy);
        let file = store.to_bytes(&mut entropy).unwrap();
        let again = Store::open(&file, &ring, 8).unwrap();
        assert_eq!((again.records().len(), again.generation()), (5, 1));
        for (i, value) in values.iter().enumerate() {
            let name = format!("SECRET_{i}");
            assert_eq!(again.name_of(value).unwrap(), Some(name.as_str()));
            assert_eq!(again.unseal(&name).unwrap().map(|v| v.to_vec()), sealed.then(|| value.clone()));
            for content in
                [value.clone(), wrap::base64(value, false, true), wrap::gzip(&mut entropy.0, value)]
            {
                assert_eq!(found(&again, &content), [name.as_str()]);
            }
        }
        let plain = again.known_secrets(Use::FingerprintsOnly).unwrap();
        assert_eq!(plain.len(), if sealed { 0 } else { 5 });
    }
}

#[test]
fn everything_about_a_record_is_kept() {
    let mut entropy = seed(2);
    let value = values(&mut entropy.0, 1).remove(0);
    let (ring, mut store) = store_of(&[], false, &mut entropy);
    let sources = [
        Source::Typed,
        Source::Env("A".into()),
        Source::EnvFile { path: "/x/.env".into(), name: "A".into() },
        Source::File("/x/key.pem".into()),
        Source::Import { tool: "vault".into(), field: "a.b".into() },
        Source::Other { finder: "audit".into(), place: "~/.netrc".into() },
        Source::Minted,
    ];
    for (i, source) in sources.iter().enumerate() {
        let mut new = named(&format!("N{i}"));
        new.source = source.clone();
        new.rule = Some("github-pat".into());
        new.class = Some(KeyClass::User);
        new.created = 77;
        new.bindings = vec![("*.example.com".into(), "header:authorization:bearer".into())];
        store.add(new, &[&value[..], b"-", i.to_string().as_bytes()].concat(), false, &mut entropy).unwrap();
    }
    let file = store.to_bytes(&mut entropy).unwrap();
    let again = Store::open(&file, &ring, 8).unwrap();
    for (record, source) in again.records().iter().zip(&sources) {
        assert_eq!(record.source(), source);
        assert_eq!(
            (record.rule(), record.class(), record.created()),
            (Some("github-pat"), Some(KeyClass::User), 77)
        );
        assert_eq!(record.bindings().len(), 1);
        assert!(record.remaining() >= 80 && record.bits() > record.remaining(), "{record:?}");
        assert_eq!(record.mode(), Mode::Fingerprint);
    }
}

#[test]
fn values_that_could_be_guessed_are_sealed_and_weak_ones_refused() {
    let mut entropy = seed(3);
    let (_, mut store) = store_of(&[], false, &mut entropy);
    let value = entropy.0.text(keys::BASE62, 14);
    store.add(named("WEAK"), &value, false, &mut entropy).unwrap();
    let record = &store.records()[0];
    assert_eq!((record.mode(), record.remaining()), (Mode::Sealed, 0));
    assert!((60..90).contains(&record.bits()), "{}", record.bits());
    for (value, code) in [
        (&b"short"[..], "E_SHORT"),
        (b"aaaaaaaaaaaaaaaaaaaa", "E_WEAK"),
        (b"${DATABASE_PASSWORD}", "E_TEMPLATE"),
    ] {
        let error = store.add(named("X"), value, false, &mut entropy).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(!error.remedy().is_empty() && error.refusal().is_some());
    }
    assert_eq!(store.records().len(), 1);
}

#[test]
fn names_are_unique_and_values_replaced_when_asked() {
    let mut entropy = seed(4);
    let values = values(&mut entropy.0, 2);
    let (_, mut store) = store_of(&values[..1], false, &mut entropy);
    let mut add = |value: &[u8], replace| store.add(named("SECRET_0"), value, replace, &mut entropy);
    assert_eq!(add(&values[0], false).unwrap(), Added::Unchanged);
    assert_eq!(add(&values[1], false).unwrap_err().code(), "E_NAME");
    assert_eq!(add(&values[1], true).unwrap(), Added::Replaced);
    assert_eq!(found(&store, &values[0]), [""; 0]);
    assert_eq!(found(&store, &values[1]), ["SECRET_0"]);
    let id = store.records()[0].id();
    assert_eq!(store.remove("SECRET_1").unwrap_err().code(), "E_MISSING");
    assert_eq!(store.remove(&id).unwrap().name(), "SECRET_0");
}

#[test]
fn bindings_must_parse() {
    let mut entropy = seed(5);
    let values = values(&mut entropy.0, 1);
    let (_, mut store) = store_of(&values, false, &mut entropy);
    let record = store.record_mut("SECRET_0").unwrap();
    assert!(record.bind("api.example.com", "header:authorization:bearer").unwrap());
    assert!(!record.bind("api.example.com", "header:authorization:bearer").unwrap());
    assert!(record.bind("api.example.com", "nowhere").is_err());
    assert!(record.bind("https://x", "body").is_err());
    assert!(record.bind("api.example.com", "body").unwrap());
    assert_eq!(record.unbind("api.example.com", Some("body")), 1);
    assert_eq!(record.unbind("api.example.com", None), 1);
    assert_eq!(record.unbind("api.example.com", None), 0);
}

#[test]
fn an_export_has_its_own_key_hashed_labels_and_an_end() {
    let mut entropy = seed(6);
    let values = values(&mut entropy.0, 2);
    let (ring, _) = store_of(&[], false, &mut entropy);
    let key = Key::generate(&mut entropy).unwrap();
    let mut export = Store::export(key.clone(), 100, 200, &mut entropy).unwrap();
    let label = ring.current().label("PROD_DB_PASSWORD");
    assert!(!label.contains("PROD") && label == ring.current().label("PROD_DB_PASSWORD"));
    export.add(named(&label), &values[0], false, &mut entropy).unwrap();
    // 17 characters of 62 make 101 bits.
    let weaker = entropy.0.text(keys::BASE62, 17);
    assert_eq!(export.add(named("b"), &weaker, false, &mut entropy).unwrap_err().code(), "E_EXPORT");
    let mut sealed = named("c");
    sealed.sealed = true;
    assert_eq!(export.add(sealed, &values[1], false, &mut entropy).unwrap_err().code(), "E_EXPORT");
    let file = export.to_bytes(&mut entropy).unwrap();
    let text = key.to_text();
    let read = Key::from_text(text.as_bytes()).unwrap();
    assert_eq!(found(&Store::open_export(&file, &read, 199).unwrap(), &values[0]), [label]);
    assert_eq!(Store::open_export(&file, &key, 200).unwrap_err().code(), "E_EXPIRED");
    assert_eq!(Store::open_export(&file, ring.current(), 100).unwrap_err().code(), "E_KEY");
    assert_eq!(Store::open(&file, &ring, 100).unwrap_err().code(), "E_EXPORTED");
    assert!(Key::from_text(&text.as_bytes()[1..]).is_err());
}

#[test]
fn a_store_moves_to_another_key() {
    let mut entropy = seed(7);
    let values = values(&mut entropy.0, 2);
    let (_, mut store) = store_of(&values[..1], true, &mut entropy);
    store.add(named("KEPT"), &values[1], false, &mut entropy).unwrap();
    let mut next = store.successor(Key::generate(&mut entropy).unwrap());
    assert!(next.take_over(&store, "SECRET_0", &mut entropy).unwrap());
    assert!(!next.take_over(&store, "KEPT", &mut entropy).unwrap());
    assert_eq!(found(&next, &values[0]), ["SECRET_0"]);
    assert_eq!(next.records().len(), 1);
    // No value leaves with an export.
    let key = Key::generate(&mut entropy).unwrap();
    let mut export = Store::export(key, 100, 200, &mut entropy).unwrap();
    assert_eq!(export.take_over(&store, "SECRET_0", &mut entropy).unwrap_err().code(), "E_EXPORT");
}

#[test]
fn a_new_value_of_the_same_kind_is_at_home_where_the_old_one_was() {
    let mut entropy = seed(9);
    let values = values(&mut entropy.0, 4);
    let (_, mut store) = store_of(&[], false, &mut entropy);
    let with = |rule: &str| {
        let mut new = named("TOKEN");
        new.rule = Some(rule.into());
        new.bindings = vec![("api.example.com".into(), "body".into())];
        new
    };
    let homes =
        |store: &Store| store.records()[0].bindings().iter().map(|home| home.0.clone()).collect::<Vec<_>>();
    store.add(with("one"), &values[0], false, &mut entropy).unwrap();
    let record = store.record_mut("TOKEN").unwrap();
    record.bind("own.example.com", "body").unwrap();
    assert_eq!(record.unbind("api.example.com", None), 1);
    store.add(with("one"), &values[1], true, &mut entropy).unwrap();
    assert_eq!(homes(&store), ["own.example.com"]);
    store.add(with("other"), &values[2], true, &mut entropy).unwrap();
    assert_eq!(homes(&store), ["api.example.com"]);
}

#[test]
fn an_id_that_two_records_share_names_neither() {
    let mut entropy = seed(10);
    let values = values(&mut entropy.0, 2);
    let (_, mut store) = store_of(&[], false, &mut entropy);
    struct Same;
    impl exfilter_store::Entropy for Same {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), exfilter_store::StoreError> {
            bytes.fill(1);
            Ok(())
        }
    }
    store.add(named("A"), &values[0], false, &mut Same).unwrap();
    store.add(named("B"), &values[1], false, &mut Same).unwrap();
    let id = store.records()[0].id();
    assert_eq!(store.remove(&id).unwrap_err().code(), "E_AMBIGUOUS");
    assert_eq!(store.remove("A").unwrap().name(), "A");
    assert_eq!(store.remove(&id).unwrap().name(), "B");
}

#[test]
fn keys_are_read_back_and_say_nothing() {
    let mut entropy = seed(8);
    let mut ring = KeyRing::generate(&mut entropy).unwrap();
    assert!(ring.note(5) && !ring.note(4));
    ring.begin_rotation(Key::generate(&mut entropy).unwrap());
    let bytes = ring.to_bytes();
    let again = KeyRing::from_bytes(&bytes).unwrap();
    assert!(again.current() == ring.current() && again.next() == ring.next());
    assert_eq!(again.to_bytes(), bytes);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert_eq!(KeyRing::from_bytes(&changed).unwrap_err().code(), "E_KEY", "byte {at}");
        assert!(KeyRing::from_bytes(&bytes[..at]).is_err());
    }
    let said = format!("{ring:?} {:?}", ring.current());
    assert!(!said.contains("0x") && said.contains("Key(..)"), "{said}");
}
