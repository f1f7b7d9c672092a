//! Thread CPU time, medians, and the few words that every report prints first.

use std::hint::black_box;
use std::time::Duration;

use cpu_time::ThreadTime;

/// CPU time of this thread for one call.
pub fn cpu<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = ThreadTime::now();
    let out = black_box(work());
    (start.elapsed(), out)
}

/// The middle of the samples.
pub fn median(samples: &mut [Duration]) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}

/// Megabytes (10^6) per second.
pub fn speed(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / 1e6 / time.as_secs_f64().max(1e-9)
}

/// The value of `--name VALUE` among the program's arguments.
pub fn option<T: std::str::FromStr>(name: &str, default: T) -> T {
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        if arg == name {
            return args
                .next()
                .and_then(|v| v.parse().ok())
                .unwrap_or_else(|| panic!("{name} needs a value"));
        }
    }
    default
}

/// Whether `--name` is among the program's arguments.
pub fn flag(name: &str) -> bool {
    std::env::args().skip(1).any(|arg| arg == name)
}
