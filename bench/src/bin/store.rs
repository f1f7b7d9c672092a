//! Opening a store: from the bytes of its file to known secrets, and to an engine; and what fingerprints cost a stream.
//!
//! `store [--sizes 100,1000,10000] [--repeat 9]`
//!
//! Fingerprints have one needle each, with 16 bits of its anchor; sealed values have needles for all forms, or for all but base64, as a scan does: those are in the
//! file, and "anew" derives them from the opened values, as it is after a change. "file" is the MAC, the cipher
//! and the parser; "secrets" is that and the set of known secrets; "engine" is the build that follows. Times are of one thread's CPU. Speeds are on the corpora
//! of code and of lock files, on the identity lane alone, beside an engine without any secret.

use std::time::Duration;

use exfilter::{Engine, KnownSecrets, Limits};
use exfilter_bench::timing::{cpu, median, option, speed};
use exfilter_bench::{CHUNK, corpus, scan, secrets};
use exfilter_store::{Entropy, KeyRing, NewRecord, Source, Store, StoreError, Use};
use exfilter_testing::Rng;

struct Seed(Rng);

impl Entropy for Seed {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        let random = self.0.bytes(bytes.len());
        bytes.copy_from_slice(&random);
        Ok(())
    }
}

fn main() {
    let repeat: usize = option("--repeat", 9);
    let sizes: String = option("--sizes", "100,1000,10000".to_string());
    println!("milliseconds, medians of {repeat}\n");
    println!(
        "{:>12} {:>8} {:>9} {:>8} {:>9} {:>8} {:>10} {:>10}",
        "mode", "secrets", "file, KB", "file", "secrets", "engine", "code, GB/s", "lock, GB/s"
    );
    let bodies = [corpus::read("code", 4_000_000), corpus::read("lock", 4_000_000)];
    row("none", 0, 0, [Duration::ZERO; 2], repeat, &bodies, None);
    for size in sizes.split(',') {
        let size: usize = size.trim().parse().expect("--sizes takes numbers with commas between them");
        for (mode, sealed, which, anew) in [
            ("fingerprint", false, Use::All, false),
            ("sealed", true, Use::AtOnce, false),
            ("sealed, anew", true, Use::AtOnce, true),
            ("sealed, all", true, Use::All, false),
        ] {
            let (ring, file) = store(size, sealed);
            let open = || Store::open(&file, &ring, 1).expect("it was written under this key");
            let mut opened: Vec<Duration> = (0..repeat).map(|_| cpu(open).0).collect();
            let known = || {
                let mut store = open();
                if anew {
                    store.remove("SECRET_0").expect("it was added");
                }
                store.known_secrets(which).expect("sealed values open")
            };
            let mut enrolled: Vec<Duration> =
                (0..repeat.min(if sealed { 3 } else { repeat })).map(|_| cpu(known).0).collect();
            let times = [median(&mut opened), median(&mut enrolled)];
            row(mode, size, file.len(), times, repeat, &bodies, Some(known()));
        }
    }
}

fn row(
    mode: &str,
    size: usize,
    file: usize,
    [open, known]: [Duration; 2],
    repeat: usize,
    bodies: &[Vec<u8>],
    secrets: Option<KnownSecrets>,
) {
    let mut limits = Limits::default();
    (limits.shapes, limits.containers) = (0, 0);
    let mut builder = Engine::builder();
    builder.limits(limits);
    if let Some(secrets) = secrets {
        builder.known_secrets(secrets);
    }
    let (build, engine) = cpu(|| builder.build().expect("known secrets compile"));
    let speeds = bodies.iter().map(|body| {
        let mut times: Vec<Duration> = (0..repeat).map(|_| cpu(|| scan(&engine, body, CHUNK)).0).collect();
        speed(body.len(), median(&mut times)) / 1000.0
    });
    let speeds: Vec<f64> = speeds.collect();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "{mode:>12} {size:>8} {:>9.0} {:>8.2} {:>9.2} {:>8.2} {:>10.2} {:>10.2}",
        file as f64 / 1000.0,
        ms(open),
        ms(known),
        ms(build),
        speeds[0],
        speeds[1]
    );
}

/// A store of made-up secrets.
fn store(size: usize, sealed: bool) -> (KeyRing, Vec<u8>) {
    let mut entropy = Seed(Rng::new(7));
    let ring = KeyRing::generate(&mut entropy).expect("a seed gives random numbers");
    let mut store = Store::new(&ring, 0);
    for (i, value) in secrets::values(size).iter().enumerate() {
        let mut new = NewRecord::new(&format!("SECRET_{i}"), Source::Env(format!("SECRET_{i}")), 0);
        new.sealed = sealed;
        store.add(new, value, false, &mut entropy).expect("it is a strong value");
    }
    let file = store.to_bytes(&mut entropy).expect("it is not too large");
    (ring, file)
}
