//! How long a request waits: the time from a body's first byte to the verdict, for bodies of the sizes that proxies see.
//!
//! `latency [--known 1000] [--chunk 65536] [--requests 200]`
//!
//! Every request is a stream of its own: opened, fed in chunks, ended, dropped. Bodies are pieces of the JSON corpus, each request another one. Columns are median
//! and 99th percentile in microseconds of thread CPU time, interleaved, and the median as so many times that of memchr and of aho-corasick's DFA over the
//! same bytes; where the body is compressed, those get what it inflates to.

use std::time::Duration;

use exfilter::{Limits, Profile};
use exfilter_bench::timing::{cpu, option};
use exfilter_bench::{CHUNK, baseline, baseline_scan, corpus, limited, memchr_scan, scan};

const MAX: usize = 16_000_000;

fn main() {
    let known: usize = option("--known", 1000);
    let chunk: usize = option("--chunk", CHUNK);
    let requests: usize = option("--requests", 200);
    let json = corpus::read("json", MAX);
    let dfa = baseline(&exfilter::rules::builtin());
    let mut none = Limits::default();
    (none.containers, none.shapes) = (0, 0);
    let identity = limited(known, Profile::Inline, none);
    let inline = limited(known, Profile::Inline, Limits::default());
    // What is built on first use is no request's affair.
    for engine in [&identity, &inline] {
        scan(engine, &json, chunk);
    }
    println!(
        "all shipped rules, {known} known secrets, chunks of {chunk} bytes; microseconds of thread CPU time, a stream a request\n"
    );
    println!(
        "{:22} {:>8} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>11} {:>8} {:>11} {:>8}",
        "body",
        "requests",
        "memchr",
        "AC-DFA",
        "id. p50",
        "id. p99",
        "inl. p50",
        "inl. p99",
        "id./memchr",
        "id./AC",
        "inl./memchr",
        "inl./AC"
    );
    for (name, len, compressed) in [
        ("2 KB", 2_000, false),
        ("20 KB", 20_000, false),
        ("200 KB", 200_000, false),
        ("560 KB in zstd", 560_000, true),
        ("3.5 MB", 3_500_000, false),
    ] {
        let count = requests.min(200_000_000 / len).max(1);
        let step = (json.len() - len) / count.max(2);
        let mut times = [const { Vec::<Duration>::new() }; 4];
        for i in 0..=count {
            let plain = &json[(i * step).min(json.len() - len)..][..len];
            let sent = if compressed { corpus::zstd(plain) } else { plain.to_vec() };
            let took = [
                cpu(|| memchr_scan(plain)).0,
                cpu(|| baseline_scan(&dfa, plain, chunk)).0,
                cpu(|| scan(&identity, &sent, chunk)).0,
                cpu(|| scan(&inline, &sent, chunk)).0,
            ];
            // The first is there to warm the caches.
            if i > 0 {
                times.iter_mut().zip(took).for_each(|(times, took)| times.push(took));
            }
        }
        times.iter_mut().for_each(|times| times.sort_unstable());
        let at = |times: &[Duration], part: f64| {
            times[((times.len() - 1) as f64 * part).round() as usize].as_secs_f64() * 1e6
        };
        let [mem, ac, id, full] = [0, 1, 2, 3].map(|n| at(&times[n], 0.5));
        println!(
            "{name:22} {count:>8} {mem:>10.1} {ac:>10.1} {id:>10.1} {:>10.1} {full:>10.1} {:>10.1} {:>11.1} {:>8.2} {:>11.1} {:>8.2}",
            at(&times[2], 0.99),
            at(&times[3], 0.99),
            id / mem,
            id / ac,
            full / mem,
            full / ac
        );
    }
    println!(
        "\nthe identity lane alone does not look into zstd; its row there is what the compressed bytes cost"
    );
}
