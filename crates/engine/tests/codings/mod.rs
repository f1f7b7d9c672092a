//! Content codings that the flow tells of.

use exfilter_engine::{Engine, Flow, Limits, OpaqueReason};
use exfilter_testing::{Rng, keys, run, split, wrap};

use crate::laws::outbound;
use crate::support;

/// Content with a key in it, and an engine for its rule.
fn setup(seed: u64) -> (Engine, Rng, Vec<u8>) {
    let mut rng = Rng::new(seed);
    let token = keys::github(&mut rng, "ghp_");
    let content = [&wrap::text(&mut rng)[..], b" ", &token, b" ", &wrap::text(&mut rng)].concat();
    (support::engine(&[], Limits::default()), rng, content)
}

fn in_any_chunks(engine: &Engine, flow: &Flow, content: &[u8], check: impl Fn(&run::Run)) {
    let mut facts = None;
    for chunks in [
        split::whole(content.len()),
        split::every(content.len(), 1),
        split::every(content.len(), 7),
        split::every(content.len(), 100),
    ] {
        let run = run::run(engine, flow, content, &chunks);
        let through: Vec<_> = run.verdicts.iter().filter_map(|v| v.1.through()).collect();
        assert!(through.is_sorted(), "through ran backwards");
        for found in run.findings() {
            assert!(through.iter().all(|through| *through <= found.outer().start));
        }
        check(&run);
        let now = run.facts();
        assert_eq!(*facts.get_or_insert_with(|| now.clone()), now, "chunks change what is said");
    }
}

/// `content` in one coding.
fn coded(rng: &mut Rng, coding: &str, content: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" | "x-gzip" => wrap::gzip(rng, content),
        "deflate" if rng.one_in(2) => wrap::zlib(rng, content),
        "deflate" => wrap::deflate(rng, content),
        "br" => wrap::brotli(rng, content),
        "zstd" => wrap::zstd(rng, content),
        "xz" => wrap::xz(content),
        _ => content.to_vec(),
    }
}

#[test]
fn every_coding_and_two_stacked() {
    const CODINGS: [&str; 7] = ["identity", "gzip", "x-gzip", "deflate", "br", "zstd", "xz"];
    for (i, first) in CODINGS.iter().enumerate() {
        for second in CODINGS {
            let (engine, mut rng, content) = setup(300 + i as u64);
            let once = coded(&mut rng, first, &content);
            let twice = coded(&mut rng, second, &once);
            let value = format!("{} , {second}", first.to_ascii_uppercase());
            let flow = outbound().content_encoding(value.as_bytes());
            in_any_chunks(&engine, &flow, &twice, |run| {
                // A stored block shows it as it is, too.
                assert!(run.findings().count() >= 1, "{value}");
                assert!(run.last.is_block() && run.coverage.is_complete(), "{value} {:?}", run.events);
            });
        }
    }
}

#[test]
fn the_path_names_the_codings() {
    let (engine, mut rng, content) = setup(310);
    let inner = wrap::deflate(&mut rng, &content);
    let packed = wrap::brotli(&mut rng, &inner);
    let flow = outbound().content_encoding(b"deflate, br");
    in_any_chunks(&engine, &flow, &packed, |run| assert_eq!(run.events[0].1, "br > deflate"));
}

#[test]
fn an_unknown_coding_is_said_and_the_bytes_are_examined() {
    let (engine, mut rng, content) = setup(311);
    for value in ["compress", "gzip, zip2000", "br, nothing, identity"] {
        let flow = outbound().content_encoding(value.as_bytes());
        in_any_chunks(&engine, &flow, &content, |run| {
            assert_eq!(run.findings().count(), 1);
            assert_eq!(run.coverage.opaque(OpaqueReason::UnknownCoding), 1);
        });
        in_any_chunks(&engine, &flow, b"harmless", |run| {
            assert_eq!(run.coverage.opaque(OpaqueReason::UnknownCoding), 1);
            assert!(run.last.is_block(), "and blocks by default");
            assert_eq!(run.verdicts.iter().filter_map(|v| v.1.through()).max().unwrap_or(0), 0);
        });
    }
    // Below a known one.
    let packed = wrap::gzip(&mut rng, &content);
    let flow = outbound().content_encoding(b"unknown, gzip");
    in_any_chunks(&engine, &flow, &packed, |run| {
        assert_eq!(run.findings().count(), 1);
        let opaque = run.opaques().next().map(|opaque| opaque.reason());
        assert_eq!(opaque, Some(OpaqueReason::UnknownCoding));
    });
}

/// What says to be compressed and is not is no clean content, and is examined as it stands.
#[test]
fn a_hint_is_not_believed() {
    let (engine, mut rng, content) = setup(312);
    for coding in ["gzip", "br", "zstd", "deflate", "xz", "bzip2"] {
        let flow = outbound().content_encoding(coding.as_bytes());
        in_any_chunks(&engine, &flow, &content, |run| {
            assert!(run.findings().any(|found| found.outer().end - found.outer().start == 40), "{coding}");
            assert!(!run.coverage.is_complete(), "{coding}");
        });
        let packed = coded(&mut rng, coding, &content);
        if coding != "bzip2" {
            let cut = &packed[..packed.len() - 3];
            in_any_chunks(&engine, &flow, cut, |run| assert!(!run.coverage.is_complete(), "{coding}"));
        }
        in_any_chunks(&engine, &flow, b"", |run| assert!(run.coverage.is_complete(), "nothing is whole"));
    }
}
