//! Bytes that a stream owns, by a counting allocator: what opening streams adds and what dropping them frees.
//!
//! `memory [--streams 16] [--known 1000]`, or `memory --idle [--streams 100000] [--known 1000]` for streams that wait: untouched, after the beginning of a
//! request, after one that was read to its end, in the middle of what may be a key. Goal: 4 KiB on the identity lane, the engine, the working memory that streams
//! share and the queue of events apart. Chunks are pushed in turn, as a proxy serves its connections.

use std::alloc::System;

use exfilter::{Engine, Stream};
use exfilter_bench::secrets::Rng;
use exfilter_bench::timing::{flag, option};
use exfilter_bench::{CHUNK, corpus, engine, flow, scan, secrets};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn live() -> i64 {
    let stats = HEAP.stats();
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}

/// Opens streams, gives each the body, and measures per stream: (grown, freed by the drop).
fn measure(engine: &Engine, streams: usize, body: &[u8], chunk: usize) -> (i64, i64) {
    let mut open: Vec<Stream> = Vec::with_capacity(streams);
    let start = live();
    open.extend((0..streams).map(|_| engine.stream(flow())));
    for part in body.chunks(chunk) {
        for stream in &mut open {
            let _verdict = stream.push(part);
            while stream.poll_event().is_some() {}
        }
    }
    let grown = live() - start;
    let before = live();
    open.clear();
    let freed = before - live();
    (grown / streams as i64, freed / streams as i64)
}

/// Many streams that wait for their next chunk.
fn idle(streams: usize, known: usize) {
    let engine = engine(known);
    let code = corpus::read("code", 1 << 20);
    let json = corpus::read("json", 1 << 20);
    let _warm = scan(&engine, &code, CHUNK);
    let inline = size_of::<Stream>() as i64;
    println!("{streams} idle streams, {known} known secrets; a Stream is {inline} bytes in place\n");
    println!("{:40} {:>14} {:>10} {:>12}", "after", "bytes a stream", "all, MB", "limit 4096 B");
    let token = [b"ghp_".as_slice(), &secrets::alnum(&mut Rng::new(3), 20)].concat();
    for (name, body) in [
        ("nothing", &[][..]),
        ("500 bytes of JSON", &json[..500]),
        ("20 KB of JSON", &json[..20_000]),
        ("20 KB of code", &code[..20_000]),
        ("half of a token", &token),
    ] {
        measure(&engine, streams.min(1000), body, CHUNK);
        let (grown, freed) = measure(&engine, streams, body, CHUNK);
        let total = grown.max(freed) + inline;
        let verdict = if total <= 4096 { "met" } else { "MORE" };
        println!("{name:40} {total:>14} {:>10.1} {verdict:>12}", (total * streams as i64) as f64 / 1e6);
    }
}

fn main() {
    if flag("--idle") {
        return idle(option("--streams", 100_000), option("--known", 1000));
    }
    let streams: usize = option("--streams", 16);
    let known: usize = option("--known", 1000);
    let empty = live();
    let engine = engine(known);
    let compiled = live() - empty;
    let mut rng = Rng::new(9);
    let random: Vec<u8> = (0..131_072).flat_map(|_| rng.next_u64().to_le_bytes()).collect();
    let code = corpus::read("code", 1 << 20);
    let json = corpus::read("json", 1 << 20);
    let tgz = corpus::packages(1 << 21).into_iter().max_by_key(Vec::len).unwrap_or_default();
    let _warm = scan(&engine, &code, CHUNK);

    let inline = size_of::<Stream>() as i64;
    println!(
        "engine {} KB; a Stream is {inline} bytes in place; {streams} streams at once\n",
        compiled / 1000
    );
    println!("{:34} {:>10} {:>10} {:>14}", "after", "grown B", "freed B", "with in place B");
    let rows: [(&str, Vec<u8>, usize, bool); 8] = [
        ("nothing", Vec::new(), CHUNK, true),
        ("1 KB of code", code[..1024].to_vec(), CHUNK, true),
        ("1 MB of code, 64 KiB chunks", code.clone(), CHUNK, true),
        ("1 MB of code, 1460 B chunks", code.clone(), 1460, true),
        ("1 MB of JSON", json.clone(), CHUNK, true),
        ("1 MB of random bytes", random, CHUNK, true),
        ("half of a tgz (gzip, tar)", tgz[..tgz.len() / 2].to_vec(), CHUNK, false),
        (
            "half of a zstd frame of code",
            {
                let z = corpus::zstd(&code);
                z[..z.len() / 2].to_vec()
            },
            CHUNK,
            false,
        ),
    ];
    for (name, body, chunk, goal) in rows {
        // The first round grows what streams share; the second shows what each owns.
        measure(&engine, streams, &body, chunk);
        let (grown, freed) = measure(&engine, streams, &body, chunk);
        let total = grown.max(freed) + inline;
        let verdict = match goal {
            true if total <= 4096 => "met",
            true => "MORE THAN 4 KiB",
            false => "",
        };
        println!("{name:34} {grown:>10} {freed:>10} {total:>14}  {verdict}");
    }
}
