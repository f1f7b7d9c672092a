//! What a scan adds to inflating: npm tarballs through a stream, and through the same inflate library alone.
//!
//! `inflate [--known 1000] [--repeat 5] [--mb 130]`: times of inflating alone (flate2, on the same miniz_oxide), medians of interleaved
//! repeats: of processor time, where nothing is held back and where everything waits for its verdict, and of wall time, where a second thread unpacks ahead of the stream. Goal: 1.3.

use std::io::Read;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use exfilter::{Engine, Flow, Scratch};
use exfilter_bench::timing::{cpu, median, option};
use exfilter_bench::{CHUNK, corpus, engine, flow};
use flate2::read::MultiGzDecoder;

/// Scans every tarball in a stream of its own.
fn scan(engine: &Engine, tarballs: &[Vec<u8>], flow: &Flow) {
    let mut scratch = Scratch::new();
    for tarball in tarballs {
        let mut stream = engine.stream(flow.clone());
        for chunk in tarball.chunks(CHUNK) {
            let _ = stream.push_with(&mut scratch, chunk, &mut |_| {});
        }
        let _ = stream.finish_with(&mut scratch, &mut |_| {});
    }
}

/// The same, with a second thread that unpacks what the stream looks at, as the command has it.
fn scan_ahead(engine: &Engine, tarballs: &[Vec<u8>], flow: &Flow) {
    let mut scratch = Scratch::new();
    for tarball in tarballs {
        let mut stream = engine.stream(flow.clone());
        let (give, take) = sync_channel(8);
        let next = AssertUnwindSafe(take);
        let next = move || {
            let AssertUnwindSafe(next) = &next;
            next.recv().ok()
        };
        let mut unpacker = stream.unpack_ahead(tarball, Box::new(next)).expect("a tarball is gzip");
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut hand = |batch| give.send(batch).is_ok();
                if tarball.chunks(CHUNK).all(|chunk| unpacker.push(chunk, &mut hand)) {
                    unpacker.finish(&mut hand);
                }
            });
            for chunk in tarball.chunks(CHUNK) {
                let _ = stream.push_with(&mut scratch, chunk, &mut |_| {});
            }
            let _ = stream.finish_with(&mut scratch, &mut |_| {});
        });
    }
}

/// The time that `work` takes on the clock.
fn wall<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    let _ = std::hint::black_box(work());
    begun.elapsed()
}

/// Inflates every tarball; returns the bytes that came out.
fn inflate(tarballs: &[Vec<u8>]) -> usize {
    let mut out = vec![0; CHUNK];
    let mut inflated = 0;
    for tarball in tarballs {
        let mut decoder = MultiGzDecoder::new(&tarball[..]);
        while let Ok(n) = decoder.read(&mut out)
            && n > 0
        {
            inflated += n;
        }
    }
    inflated
}

fn main() {
    let repeat: usize = option("--repeat", 5);
    let engine = engine(option("--known", 1000));
    let tarballs = corpus::packages(option("--mb", 130usize) * 1_000_000);
    let mut times = [const { Vec::<Duration>::new() }; 5];
    let mut inflated = 0;
    for _ in 0..repeat {
        let (time, n) = cpu(|| inflate(&tarballs));
        inflated = n;
        times[0].push(time);
        times[1].push(cpu(|| scan(&engine, &tarballs, &Flow::at_rest())).0);
        times[2].push(cpu(|| scan(&engine, &tarballs, &flow())).0);
        times[3].push(wall(|| inflate(&tarballs)));
        times[4].push(wall(|| scan_ahead(&engine, &tarballs, &Flow::at_rest())));
    }
    let spread = |scan: &[Duration], alone: &[Duration]| {
        let mut ratios: Vec<f64> =
            scan.iter().zip(alone).map(|(scan, alone)| scan.as_secs_f64() / alone.as_secs_f64()).collect();
        ratios.sort_by(f64::total_cmp);
        (ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1])
    };
    let packed: usize = tarballs.iter().map(Vec::len).sum();
    println!(
        "{} tarballs, {:.0} MB, {:.0} MB inflated, in {:.2} s; medians of {repeat} interleaved repeats\n",
        tarballs.len(),
        packed as f64 / 1e6,
        inflated as f64 / 1e6,
        median(&mut times[0].clone()).as_secs_f64(),
    );
    println!(
        "{:12} {:>8} {:>8} {:>8}   times of inflating alone (goal: 1.3)",
        "flow", "least", "median", "most"
    );
    for (name, scan, alone) in [
        ("at rest", &times[1], &times[0]),
        ("outbound", &times[2], &times[0]),
        ("two threads", &times[4], &times[3]),
    ] {
        let (least, middle, most) = spread(scan, alone);
        println!("{name:12} {least:>8.2} {middle:>8.2} {most:>8.2}");
    }
}
