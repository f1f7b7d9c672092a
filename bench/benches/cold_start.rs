//! From nothing to the verdict on 1 KB: parse the built-in rules, compile them, scan.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use exfilter_bench::{CHUNK, corpus, engine, scan};

fn benches(c: &mut Criterion) {
    let body = corpus::read("code", 1024);
    let ready = engine(0);
    let mut group = c.benchmark_group("cold_start");
    group.bench_function("parse rules", |b| b.iter(exfilter::rules::builtin));
    group.bench_function("engine", |b| b.iter(|| engine(0)));
    group.bench_function("engine, first 1 KB", |b| {
        b.iter(|| {
            let engine = engine(0);
            scan(&engine, black_box(&body), CHUNK)
        })
    });
    group.bench_function("engine at hand, 1 KB", |b| b.iter(|| scan(&ready, black_box(&body), CHUNK)));
    group.finish();
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! { name = group; config = config(); targets = benches }
criterion_main!(group);
