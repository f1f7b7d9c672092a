//! Bombs: what is small and decodes to much, again and again until a mebibyte is full, and what that costs.
//!
//! `bombs [--known 1000] [--profile inline|thorough] [--only NAME]`: for each input its length, the bytes that were decoded of it, and the least CPU
//! time of three runs for each mebibyte of input. Goal: less than a second, and coverage that is incomplete where a limit was hit.

use exfilter::{Engine, Event, Flow, Profile};
use exfilter_bench::timing::{cpu, option};
use exfilter_bench::{CHUNK, corpus, flow, profiled};
use exfilter_testing::{rng::Rng, wrap};

const MIB: usize = 1 << 20;

/// `unit` over and over, as often as it fits into a mebibyte, once at least.
fn fill(unit: &[u8]) -> Vec<u8> {
    unit.repeat((MIB / unit.len()).max(1))
}

fn zeros(mib: usize) -> Vec<u8> {
    vec![0; mib * MIB]
}

/// A zip archive of one entry, deflated; only its local header.
fn zipped(name: &str, content: &[u8]) -> Vec<u8> {
    let gzip = corpus::gzip(content);
    // Ten bytes of header and eight of trailer stand around what deflate made.
    wrap::zip_entry(name.as_bytes(), &gzip[10..gzip.len() - 8], content, 8)
}

/// What is pushed, on which flow.
struct Bomb {
    name: &'static str,
    body: Vec<u8>,
    flow: Flow,
}

fn bombs() -> Vec<Bomb> {
    let plain = |name, body| Bomb { name, body, flow: flow() };
    let tiny_zip: Vec<u8> =
        (0..MIB / 32).flat_map(|n: usize| zipped(&format!("{n:x}"), b"")).take(MIB).collect();
    let zip_in_zip = (0..6).fold(zipped("0", &zeros(8)).repeat(16), |inner, _| zipped("a.zip", &inner));
    vec![
        plain("gzip, one of 512 MiB", corpus::gzip(&zeros(512))),
        plain("gzip, 1 MiB each", fill(&corpus::gzip(&zeros(1)))),
        plain("gzip, 2 MiB each, a byte between", fill(&[&corpus::gzip(&zeros(2))[..], b"."].concat())),
        plain(
            "gzip, 64 KiB each, a byte between",
            fill(&[&corpus::gzip(&zeros(1)[..64 << 10])[..], b"."].concat()),
        ),
        plain("gzip of gzip of gzip", fill(&corpus::gzip(&corpus::gzip(&corpus::gzip(&zeros(64)))))),
        plain("zstd, one of 512 MiB", corpus::zstd(&zeros(512))),
        plain("zstd, 1 MiB each", fill(&corpus::zstd(&zeros(1)))),
        plain("zstd, 64 MiB each", fill(&corpus::zstd(&zeros(64)))),
        plain("zstd, 1 MiB each, a byte between", fill(&[&corpus::zstd(&zeros(1))[..], b"."].concat())),
        Bomb {
            name: "brotli, declared, one of 256 MiB",
            body: wrap::brotli(&mut Rng::new(1), &zeros(256)),
            flow: flow().content_encoding(b"br"),
        },
        plain("zip in zip", fill(&zip_in_zip)),
        plain("zip of 1 MiB entries", fill(&zipped("a", &zeros(1)))),
        plain("zip of empty entries", tiny_zip),
        plain("tar of empty members, in gzip", corpus::gzip(&wrap::tar(&vec![("a", ""); 200_000]))),
        plain("xz, 1 MiB each", fill(&wrap::xz(&zeros(1)))),
        plain("zstd heads", fill(&[0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58])),
        plain("gzip heads", fill(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])),
        plain("zip heads", fill(&wrap::zip_entry(b"a", b"", b"", 8))),
        plain(
            "empty deflate blocks",
            [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &fill(&[0, 0, 0, 0xff, 0xff])].concat(),
        ),
        plain(
            "empty fixed blocks",
            [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &fill(&[0x02, 0x08, 0x20, 0x80, 0])].concat(),
        ),
        plain("base64 of gzip, 1 MiB each", fill(&corpus::base64(&corpus::gzip(&zeros(1))))),
    ]
}

/// Scans once: ranges not examined, and decoded bytes.
fn scan(engine: &Engine, bomb: &Bomb) -> (u64, u64, bool) {
    let mut stream = engine.stream(bomb.flow.clone());
    let mut opaque = 0;
    let mut drain = |stream: &mut exfilter::Stream| {
        while let Some(event) = stream.poll_event() {
            opaque += u64::from(matches!(event, Event::Opaque(_)));
        }
    };
    for part in bomb.body.chunks(CHUNK) {
        let _ = stream.push(part);
        drain(&mut stream);
    }
    let _ = stream.finish();
    drain(&mut stream);
    let coverage = stream.coverage();
    (opaque, coverage.decoded, coverage.is_complete())
}

fn main() {
    let known: usize = option("--known", 1000);
    let only: String = option("--only", String::new());
    let profile = match option("--profile", "inline".to_owned()).as_str() {
        "thorough" => Profile::Thorough,
        _ => Profile::Inline,
    };
    let engine = profiled(known, profile);
    println!("{known} known secrets and the built-in rules, {profile:?}, chunks of 64 KiB\n");
    println!(
        "{:36} {:>9} {:>12} {:>8} {:>10} {:>10}",
        "input", "bytes", "decoded MiB", "opaque", "complete", "s per MiB"
    );
    for bomb in bombs() {
        if !only.is_empty() && only != bomb.name {
            continue;
        }
        let mut best = f64::INFINITY;
        let mut last = (0, 0, false);
        for _ in 0..3 {
            let (time, outcome) = cpu(|| scan(&engine, &bomb));
            best = best.min(time.as_secs_f64());
            last = outcome;
        }
        let (opaque, decoded, complete) = last;
        let each = best * MIB as f64 / bomb.body.len().max(MIB) as f64;
        println!(
            "{:36} {:>9} {:>12.1} {opaque:>8} {:>10} {each:>10.3}{}",
            bomb.name,
            bomb.body.len(),
            decoded as f64 / MIB as f64,
            if complete { "yes" } else { "no" },
            if each > 1.0 { "  MORE THAN A SECOND" } else { "" }
        );
    }
}
