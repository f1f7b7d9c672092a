//! Saved engines: any bytes are refused or read; changed ones whose MAC is right are refused, or make an engine that can be saved again and scans without a panic.
#![no_main]

use std::sync::LazyLock;

use arbitrary::Unstructured;
use exfilter_engine::{Engine, Flow, Profile, StoreKey};
use exfilter_fuzz::engines::SECRETS;
use libfuzzer_sys::fuzz_target;

const KEY: [u8; 32] = [9; 32];

fn key() -> StoreKey {
    StoreKey::from_bytes(&KEY).expect("32 bytes are a key")
}

/// Without the MAC, and the part that is sealed: a change there never opens.
static SAVED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let rules = exfilter_testing::rules::features();
    let engine = Engine::builder().rules(rules).profile(Profile::Thorough).build().expect("the rules build");
    let mut bytes = engine.to_bytes(&key()).expect("there are no secrets");
    bytes.truncate(bytes.len() - 32);
    bytes
});

fuzz_target!(|data: &[u8]| {
    let _ = Engine::from_bytes(data, &key());
    let mut bytes = SAVED.clone();
    let mut u = Unstructured::new(data);
    let mut change = || -> arbitrary::Result<()> {
        for _ in 0..u.int_in_range(1..=4u8)? {
            let at = u.choose_index(bytes.len())?;
            match u.int_in_range(0..=3u8)? {
                0 => bytes[at] = u.arbitrary()?,
                1 => bytes[at] ^= 1 << u.int_in_range(0..=7)?,
                2 => drop(bytes.drain(at..(at + u.int_in_range(0..=8usize)?).min(bytes.len()))),
                _ => bytes.insert(at, u.arbitrary()?),
            }
        }
        Ok(())
    };
    if change().is_err() {
        return;
    }
    let mac = blake3::keyed_hash(&blake3::derive_key("exfilter 2026-11 saved engine MAC", &KEY), &bytes);
    bytes.extend(mac.as_bytes());
    let Ok(engine) = Engine::from_bytes(&bytes, &key()) else { return };
    assert!(engine.to_bytes(&key()).expect("there are no secrets") == bytes, "what was read is written");
    let mut stream = engine.stream(Flow::outbound_unknown());
    for chunk in [data, &SECRETS[0], b" ghp_", &SECRETS[1], b"\n", data] {
        let _ = stream.push(chunk);
    }
    let _ = stream.finish();
});
