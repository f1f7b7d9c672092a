//! Where candidates are dense: near misses, real matches of every rule, and enrolled values with one character missing.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use exfilter::rules::{builtin_entries, example};
use exfilter_bench::secrets::{Rng, alnum, values};
use exfilter_bench::{CHUNK, engine, literals, scan};

const SIZE: usize = 1_000_000;

/// Literal and some token characters, a line each: a candidate every few dozen bytes, hardly a match.
fn near_misses() -> Vec<u8> {
    let all = literals(&exfilter::rules::builtin());
    let mut rng = Rng::new(21);
    let mut out = Vec::new();
    while out.len() < SIZE {
        let (literal, _) = &all[rng.below(all.len())];
        out.extend_from_slice(b"token = \"");
        out.extend_from_slice(literal.as_bytes());
        let n = rng.below(12);
        out.extend(alnum(&mut rng, n));
        out.extend_from_slice(b"\"\n");
    }
    out
}

/// The rules' own examples, expanded afresh.
fn matches() -> Vec<u8> {
    let entries = builtin_entries();
    let mut out = Vec::new();
    let mut seed = 0;
    while out.len() < SIZE {
        for entry in &entries {
            for template in &entry.examples {
                seed += 1;
                out.extend(
                    example::expand(template, entry.rule.checksum, seed).expect("a built-in example expands"),
                );
                out.push(b'\n');
            }
        }
    }
    out
}

/// Enrolled values cut short by a character: every anchor is looked up, none matches.
fn cut_values() -> Vec<u8> {
    let all: Vec<u8> = values(1000).iter().flat_map(|v| [&v[..v.len() - 1], b"\n"].concat()).collect();
    all.iter().copied().cycle().take(SIZE).collect()
}

fn benches(c: &mut Criterion) {
    let engine = engine(1000);
    let mut group = c.benchmark_group("confirm");
    for (name, body) in [
        ("near-misses", near_misses()),
        ("matches", matches()),
        ("cut-values", cut_values()),
        ("ghp_ghp_", b"ghp_".iter().copied().cycle().take(SIZE).collect()),
    ] {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |b| b.iter(|| scan(&engine, black_box(&body), CHUNK)));
    }
    group.finish();
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! { name = group; config = config(); targets = benches }
criterion_main!(group);
