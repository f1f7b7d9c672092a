//! Known secrets at scale: memory, time to build and speed by their number, beside the same engine without any.
//!
//! `known [--sizes 10,1000,10000:few,100000:few,1000000:raw] [--repeat 3] [--mb 4] [--chunk 65536]`
//!
//! Behind a number stands in which spellings the secrets are enrolled: `all` (about ninety needles for a value of token characters) unless it says `few` (raw and five forms, about
//! fifteen needles) or `raw` (one). The engine has no rules, and works on the identity lane alone, so that the speed is that of looking for the secrets. "bytes each" is what the allocator counts for
//! the finished engine by secret, names included; "by needle" what its tables take, without names.

use std::alloc::System;
use std::time::{Duration, Instant};

use exfilter::{Engine, Limits, Spellings};
use exfilter_bench::timing::{cpu, median, option, speed};
use exfilter_bench::{CHUNK, corpus, scan, secrets};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn live() -> f64 {
    let stats = HEAP.stats();
    stats.bytes_allocated as f64 - stats.bytes_deallocated as f64
}

fn main() {
    let repeat: usize = option("--repeat", 3);
    let chunk: usize = option("--chunk", CHUNK);
    let most = option("--mb", 4usize) * 1_000_000;
    let sizes: String = option("--sizes", "10,1000,10000:few,100000:few,1000000:raw".to_string());
    let sizes: Vec<(usize, &str, Spellings)> = sizes.split(',').map(size).collect();
    let bodies: Vec<(&str, Vec<u8>)> =
        corpus::ALL.iter().map(|(name, _)| (*name, corpus::read(name, most))).collect();

    let mut engines =
        vec![(0, "", Engine::builder().limits(none()).build().expect("an empty engine builds"))];
    println!("no rules, identity lane, chunks of {chunk} bytes, medians of {repeat} interleaved repeats\n");
    println!(
        "{:>9} {:>5} {:>12} {:>11} {:>14} {:>12} {:>10}",
        "secrets", "", "enrol, ms", "build, ms", "bytes each", "tables, MB", "by needle"
    );
    for (size, word, spellings) in sizes {
        let before = live();
        let start = Instant::now();
        let known = secrets::enrol_in(size, spellings);
        let enrolled = start.elapsed();
        let mut builder = Engine::builder();
        builder.limits(none()).known_secrets(known);
        let start = Instant::now();
        let engine = builder.build().expect("known secrets compile");
        let built = start.elapsed();
        drop(builder);
        println!(
            "{size:>9} {word:>5} {:>12.1} {:>11.1} {:>14.0} {:>12.2} {:>10.1}",
            millis(enrolled),
            millis(built),
            (live() - before) / size as f64,
            engine.memory() as f64 / 1e6,
            engine.memory() as f64 / engine.needles().max(1) as f64
        );
        engines.push((size, word, engine));
    }
    print!("\n{:>9} {:>5}", "MB/s", "");
    bodies.iter().for_each(|(name, _)| print!(" {name:>9}"));
    println!("   and as a part of the speed at the second size");
    let mut times = vec![vec![Vec::new(); bodies.len()]; engines.len()];
    for _ in 0..repeat {
        for ((_, _, engine), times) in engines.iter().zip(&mut times) {
            for ((_, body), times) in bodies.iter().zip(times) {
                times.push(cpu(|| scan(engine, body, chunk)).0);
            }
        }
    }
    let speeds: Vec<Vec<f64>> = times
        .iter_mut()
        .map(|row| row.iter_mut().zip(&bodies).map(|(t, (_, body))| speed(body.len(), median(t))).collect())
        .collect();
    let base = speeds.get(2).unwrap_or(&speeds[0]);
    for ((size, word, _), speeds) in engines.iter().zip(&speeds) {
        print!("{size:>9} {word:>5}");
        speeds.iter().for_each(|speed| print!(" {speed:>9.0}"));
        speeds.iter().zip(base).for_each(|(speed, base)| print!(" {:>6.2}", speed / base));
        println!();
    }
}

fn size(text: &str) -> (usize, &str, Spellings) {
    let (number, word) = text.trim().split_once(':').unwrap_or((text, "all"));
    let spellings = match word {
        "all" => Spellings::All,
        "few" => Spellings::Few,
        "raw" => Spellings::Raw,
        _ => panic!("spellings are all, few or raw, not {word}"),
    };
    (number.trim().parse().expect("--sizes takes numbers with commas between them"), word, spellings)
}

fn none() -> Limits {
    let mut limits = Limits::default();
    (limits.containers, limits.shapes) = (0, 0);
    limits
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
