//! Stores: any file is opened or refused; a body with a right MAC is read or refused, and what is read is written and read again, and builds an engine.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter_engine::{Engine, Fingerprint, StoreKey};
use exfilter_store::{Entropy, Key, KeyRing, Store, StoreError, Use, sealed_body};
use libfuzzer_sys::fuzz_target;

/// No random numbers: the same in every run.
struct Zeros(u8);

impl Entropy for Zeros {
    fn fill(&mut self, bytes: &mut [u8]) -> std::result::Result<(), StoreError> {
        self.0 = self.0.wrapping_add(1);
        bytes.fill(self.0);
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let mut entropy = Zeros(0);
    let ring = KeyRing::generate(&mut entropy).expect("there are numbers");
    // The file, the key and an export as they are.
    let _ = Store::open(data, &ring, 1);
    let _ = Store::open_export(data, ring.current(), 1);
    if let Ok(read) = KeyRing::from_bytes(data) {
        assert_eq!(&read.to_bytes()[..], data);
    }
    let _ = Key::from_text(data);
    if let Ok(read) = Fingerprint::from_bytes(data) {
        assert_eq!(read.to_bytes(), data);
    }
    // The parser behind the MAC.
    let body = structured(&mut Unstructured::new(data)).unwrap_or_default();
    for body in [data, &body] {
        let Ok(mut store) = Store::open(&sealed_body(&ring, body), &ring, 1) else { continue };
        let file = store.to_bytes(&mut entropy).expect("what was read is not too large");
        let again = Store::open(&file, &ring, 1).expect("what was written is read");
        assert_eq!(again.records().len(), store.records().len());
        for (one, other) in store.records().iter().zip(again.records()) {
            assert_eq!(
                (one.name(), one.source(), one.bindings()),
                (other.name(), other.source(), other.bindings())
            );
        }
        if let Ok(secrets) = again.known_secrets(Use::FingerprintsOnly) {
            let engine = Engine::builder().known_secrets(secrets).build().expect("fingerprints compile");
            let mut stream = engine.stream(exfilter_engine::Flow::outbound_unknown());
            let _ = stream.push(data);
            let _ = stream.finish();
        }
        let _ = again.known_secrets(Use::All);
    }
});

/// A body of records of fields that are nearly right.
fn structured(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    for n in 0..u.int_in_range(0..=4u8)? {
        let mut record = Vec::new();
        field(&mut record, 1, &u64::from(n).to_le_bytes().repeat(2));
        field(&mut record, 2, format!("NAME_{}", if u.ratio(1, 8)? { 0 } else { n }).as_bytes());
        let source = *u.choose(&[
            &b"\x00\0"[..],
            b"\x01HOME\0",
            b"\x02/x/.env\0A",
            b"\x04vault\0a.b",
            b"\x09\0",
            b"\x01A",
        ])?;
        field(&mut record, 3, source);
        for _ in 0..u.int_in_range(0..=5u8)? {
            let bytes = match u.int_in_range(0..=6u8)? {
                0 => fingerprint(u)?,
                1 => b"api.example.com\0header:authorization:bearer".to_vec(),
                2 => 7u64.to_le_bytes().to_vec(),
                3 => 7u32.to_le_bytes().to_vec(),
                _ => <Vec<u8>>::arbitrary(u)?,
            };
            let tag =
                *u.choose(&[4u16, 5, 6, 7, 7, 8, 9, 10 | 1 << 15, 11 | 1 << 15, 12, 12, 13, 77 | 1 << 15])?;
            field(&mut record, tag, &bytes);
        }
        field(&mut body, *u.choose(&[1u16, 1, 1, 2, 3 | 1 << 15])?, &record);
    }
    Ok(body)
}

fn field(out: &mut Vec<u8>, tag: u16, bytes: &[u8]) {
    out.extend(tag.to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

/// A fingerprint, perhaps with a changed byte.
fn fingerprint(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let key = StoreKey::from_bytes(&[7; 32]).expect("32 bytes");
    let value: Vec<u8> = (0..u.int_in_range(20..=60u8)?).map(|i| b'A' + (i * 7) % 26).collect();
    let Ok(kept) = Fingerprint::new(&key, &value) else { return Ok(Vec::new()) };
    let mut bytes = kept.to_bytes();
    let at = u.choose_index(bytes.len())?;
    bytes[at] ^= u8::arbitrary(u)?;
    Ok(bytes)
}
