//! What it takes to open a large store.

use std::time::{Duration, Instant};

use exfilter_engine::{Engine, Profile};
use exfilter_store::{Store, Use};
use exfilter_testing::{Rng, keys};

use crate::support::{seed, store_of};

/// The processor time of this thread, or what a clock says where the system does not tell.
fn spent(begun: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let told = told.split(' ').next().and_then(|nanos| nanos.parse().ok());
    told.map_or(begun.elapsed(), Duration::from_nanos)
}

/// The shortest of some tries: whatever else runs here only makes them longer.
fn shortest(mut step: impl FnMut()) -> Duration {
    let begun = Instant::now();
    let times = (0..15).map(|_| {
        let before = spent(begun);
        step();
        spent(begun) - before
    });
    times.min().unwrap()
}

#[test]
#[ignore = "measures, by hand: cargo test --release -p exfilter-store --test store -- --ignored --nocapture ten_thousand"]
fn ten_thousand_records_are_opened() {
    let mut rng = Rng::new(61);
    let values: Vec<Vec<u8>> = (0..10_000).map(|_| rng.text(keys::BASE62, 40)).collect();
    for sealed in [false, true] {
        let mut entropy = seed(62);
        let (ring, mut store) = store_of(&values, sealed, &mut entropy);
        let bytes = store.to_bytes(&mut entropy).unwrap();
        let open = || Store::open(&bytes, &ring, 7).unwrap();
        let store = open();
        let secrets = || store.known_secrets(Use::AtOnce).unwrap();
        let build = || Engine::builder().known_secrets(secrets()).profile(Profile::Thorough).build().unwrap();
        let reading = shortest(|| assert_eq!(open().records().len(), 10_000));
        let deriving = shortest(|| assert_eq!(secrets().len(), 10_000));
        let all = shortest(|| assert!(build().needles() >= 10_000));
        // As after a change: what the file has of the needles counts no more.
        let mut changed = open();
        changed.remove("SECRET_0").unwrap();
        let anew = shortest(|| assert_eq!(changed.known_secrets(Use::AtOnce).unwrap().len(), 9_999));
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "10 000 {}: file {:.1} ms ({:.1} MB), secrets from it {:.1} ms, anew {:.1} ms, with the engine's tables {:.1} ms; {} needles",
            if sealed { "sealed" } else { "fingerprints" },
            ms(reading),
            bytes.len() as f64 / 1e6,
            ms(deriving),
            ms(anew),
            ms(all),
            build().needles()
        );
    }
}
