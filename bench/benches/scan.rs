//! Streams over every corpus, whole and in chunks, beside aho-corasick's DFA over the same literals and memchr.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use exfilter_bench::{CHUNK, baseline, baseline_scan, corpus, engine, memchr_scan, scan};

const MOST: usize = 4_000_000;

fn benches(c: &mut Criterion) {
    let dfa = baseline(&exfilter::rules::builtin());
    let engines = [("rules", engine(0)), ("rules+1000", engine(1000))];
    for (name, _) in corpus::ALL {
        let body = corpus::read(name, MOST);
        let mut group = c.benchmark_group(format!("scan/{name}"));
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("memchr", |b| b.iter(|| memchr_scan(black_box(&body))));
        group.bench_function("aho-corasick-dfa", |b| b.iter(|| baseline_scan(&dfa, black_box(&body), CHUNK)));
        for (what, engine) in &engines {
            for (chunks, size) in [("whole", body.len()), ("64KiB", CHUNK), ("1460B", 1460)] {
                group.bench_with_input(BenchmarkId::new(*what, chunks), &size, |b, size| {
                    b.iter(|| scan(engine, black_box(&body), *size))
                });
            }
        }
        group.finish();
    }
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! { name = group; config = config(); targets = benches }
criterion_main!(group);
