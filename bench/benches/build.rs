//! Compiling an engine: the built-in rules, then 1 000 and 10 000 known secrets with them. Enrolment apart.

use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use exfilter::Engine;
use exfilter_bench::{engine, secrets};

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("build");
    group.bench_function("rules", |b| b.iter(|| engine(0)));
    for count in [1_000usize, 10_000] {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("enrol/{count}"), |b| b.iter(|| secrets::enrol(count)));
        group.bench_function(format!("rules+{count}"), |b| {
            b.iter_batched(
                || {
                    let mut builder = Engine::builder();
                    builder.rules(exfilter::rules::builtin()).known_secrets(secrets::enrol(count));
                    builder
                },
                |mut builder| builder.build().expect("the built-in rules compile"),
                BatchSize::PerIteration,
            )
        });
    }
    group.finish();
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(3))
}

criterion_group! { name = group; config = config(); targets = benches }
criterion_main!(group);
