//! Files that are none, or not this one: each is told by its code, and none is read.

use exfilter_store::{KeyRing, Store, audience_of, sealed_body};
use proptest::prelude::*;

use crate::support::{seed, store_of, values};

/// A store of three, and its keys.
fn file() -> (KeyRing, Vec<u8>) {
    let mut entropy = seed(21);
    let values = values(&mut entropy.0, 3);
    let (ring, mut store) = store_of(&values, false, &mut entropy);
    (ring, store.to_bytes(&mut entropy).unwrap())
}

fn code(bytes: &[u8], ring: &KeyRing) -> &'static str {
    Store::open(bytes, ring, 8).map_or_else(|error| error.code(), |_| "opened")
}

#[test]
fn every_changed_bit_is_noticed() {
    let (ring, file) = file();
    for at in 0..file.len() {
        for bit in [0, 7] {
            let mut changed = file.clone();
            changed[at] ^= 1 << bit;
            let code = code(&changed, &ring);
            let want: &[&str] = match at {
                0..8 => &["E_FOREIGN"],
                8..10 | 12..14 => &["E_NEWER"],
                14..16 => &["E_NEWER"],
                32..40 => &["E_KEY"],
                88..96 => &["E_TRUNCATED", "E_DAMAGED"],
                _ => &["E_DAMAGED"],
            };
            assert!(want.contains(&code), "byte {at}, bit {bit}: {code}");
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    let (ring, file) = file();
    for at in 1..file.len() {
        assert_eq!(code(&file[..at], &ring), "E_TRUNCATED", "after {at} bytes");
    }
    assert_eq!(code(&[&file[..], b"x"].concat(), &ring), "E_DAMAGED");
    assert_eq!(code(b"something else", &ring), "E_FOREIGN");
    assert!(audience_of(&file).is_ok());
}

#[test]
fn an_older_file_and_another_owners_are_noticed() {
    let mut entropy = seed(22);
    let (mut ring, mut store) = store_of(&values(&mut entropy.0, 1), false, &mut entropy);
    let old = store.to_bytes(&mut entropy).unwrap();
    let new = store.to_bytes(&mut entropy).unwrap();
    ring.note(store.generation());
    assert_eq!(code(&new, &ring), "opened");
    assert_eq!(code(&old, &ring), "E_DOWNGRADED");
    let (_, file) = file();
    assert_eq!(code(&file, &ring), "E_KEY");
    let errors = [old, file].map(|bytes| Store::open(&bytes, &ring, 8).unwrap_err());
    assert!(errors.iter().all(|error| !error.to_string().is_empty() && !error.remedy().is_empty()));
}

#[test]
fn a_minor_version_and_unknown_optional_fields_are_no_obstacle() {
    let mut entropy = seed(23);
    let ring = KeyRing::generate(&mut entropy).unwrap();
    // A section with the bit that lets it be passed over, then one without.
    let optional = [0x09, 0x80, 2, 0, 0, 0, 1, 2];
    let critical = [0x09, 0x00, 2, 0, 0, 0, 1, 2];
    let mut store = Store::open(&sealed_body(&ring, &optional), &ring, 8).unwrap();
    // It is still there when the store is written again.
    let before = store.to_bytes(&mut entropy).unwrap().len();
    assert_eq!(before, sealed_body(&ring, &optional).len());
    assert_eq!(code(&sealed_body(&ring, &critical), &ring), "E_NEWER");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    /// A body of fields that are nearly records, whose MAC is right.
    #[test]
    fn any_body_is_read_or_refused(
        fields in proptest::collection::vec((0u16..14, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..50)), 0..12),
        cut in 0usize..20,
    ) {
        let mut entropy = seed(24);
        let ring = KeyRing::generate(&mut entropy).unwrap();
        let mut record = Vec::new();
        for (tag, optional, bytes) in &fields {
            record.extend((tag | u16::from(*optional) << 15).to_le_bytes());
            record.extend((bytes.len() as u32).to_le_bytes());
            record.extend(bytes);
        }
        record.truncate(record.len().saturating_sub(cut));
        let section = [&1u16.to_le_bytes()[..], &(record.len() as u32).to_le_bytes(), &record].concat();
        for body in [&section, &record] {
            if let Ok(mut store) = Store::open(&sealed_body(&ring, body), &ring, 8) {
                let file = store.to_bytes(&mut entropy).unwrap();
                prop_assert!(Store::open(&file, &ring, 8).is_ok());
            }
        }
    }
}
