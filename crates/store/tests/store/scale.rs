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

/// The mean of many tries: the system counts in steps that are longer than some of them.
fn mean(mut step: impl FnMut()) -> Duration {
    const TRIES: u32 = 40;
    let begun = Instant::now();
    let before = spent(begun);
    (0..TRIES).for_each(|_| step());
    (spent(begun) - before) / TRIES
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
        let reading = mean(|| assert_eq!(open().records().len(), 10_000));
        let deriving = mean(|| assert_eq!(secrets().len(), 10_000));
        let all = mean(|| assert!(build().needles() >= 10_000));
        // As after a change: what the file has of the needles counts no more.
        let mut changed = open();
        changed.remove("SECRET_0").unwrap();
        let anew = mean(|| assert_eq!(changed.known_secrets(Use::AtOnce).unwrap().len(), 9_999));
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
