//! Law 4: caps on events stop no scan and soften no verdict, and the memory that a stream says it has is bounded by its limits. The heap
//! itself is measured in `tests/memory.rs`.

use exfilter_engine::{Event, Flow, Kind, Limits, Scratch};
use exfilter_testing::{Rng, keys, run, split, wrap};

use super::split_blind::{cases, nested, outbound};
use crate::support;

#[test]
fn caps_neither_stop_the_scan_nor_soften_the_verdict() {
    let mut rng = Rng::new(41);
    let secret = keys::secret(&mut rng);
    for cap in [0, 1, 2, 10] {
        let mut limits = Limits::default();
        limits.findings = cap;
        let engine = support::engine(std::slice::from_ref(&secret), limits);
        // Ten that are reported only, then one that blocks, then ten of an enrolled one.
        let mut content = Vec::new();
        for _ in 0..10 {
            content.extend([b"ghp_", &rng.text(keys::BASE62, 36)[..], b"\n"].concat());
        }
        content.extend(keys::github(&mut rng, "ghp_"));
        content.push(b' ');
        for _ in 0..10 {
            content.extend([&secret[..], b", "].concat());
        }
        let all = run::run(
            &support::engine(std::slice::from_ref(&secret), Limits::default()),
            &outbound(),
            &content,
            &[content.len()],
        );
        for chunks in split::standard(&mut rng, content.len()) {
            let run = run::run(&engine, &outbound(), &content, &chunks);
            assert!(run.last.is_block());
            assert_eq!(run.findings().count(), cap as usize);
            assert_eq!(run.findings().count() as u64 + run.suppressed, all.findings().count() as u64);
            // Those with the first ends are the ones delivered.
            let first: Vec<_> = all.findings().take(cap as usize).map(|f| f.outer()).collect();
            let delivered: Vec<_> = run.findings().map(|f| f.outer()).collect();
            assert_eq!(delivered, first, "cap {cap}");
        }
    }
}

#[test]
fn suppressed_findings_are_counted_by_what_they_are() {
    let mut rng = Rng::new(42);
    let secret = rng.text(keys::BASE62, 24);
    let mut limits = Limits::default();
    limits.findings = 1;
    let engine = support::engine(std::slice::from_ref(&secret), limits);
    let mut stream = engine.stream(outbound());
    for _ in 0..5 {
        let _ = stream.push(&keys::github(&mut rng, "ghp_"));
        let _ = stream.push(b"\n");
        let _ = stream.push(&secret);
        let _ = stream.push(b"\n");
    }
    assert!(stream.finish().is_block());
    let rules: Vec<_> = stream.suppressed().map(|(id, n)| (engine.rule(id).id.clone(), n)).collect();
    assert_eq!(rules, [("github".to_string(), 4)]);
    let secrets: Vec<_> =
        stream.suppressed_secrets().map(|(id, n)| (engine.secret_name(id).to_string(), n)).collect();
    assert_eq!(secrets, [("SECRET_0".to_string(), 5)]);
}

#[test]
fn discard_ends_the_scan_and_not_the_block() {
    let mut rng = Rng::new(43);
    let engine = support::engine(&[], Limits::default());
    let mut stream = engine.stream(outbound());
    stream.discard();
    let _ = stream.push(&keys::github(&mut rng, "ghp_"));
    assert!(stream.push(b" and so on, with more text than is looked ahead").is_block());
    stream.discard();
    assert!(stream.push(&keys::github(&mut rng, "ghp_")).is_block());
    assert!(stream.finish().is_block());
    let found = std::iter::from_fn(|| stream.poll_event())
        .filter(|e| matches!(e, Event::Finding(f) if matches!(f.kind(), Kind::Rule(_))));
    assert_eq!(found.count(), 1);
}

/// What a stream may hold by its own account: its limit on lanes times what a lane may have, and what findings leave behind.
fn most(limits: &Limits) -> usize {
    // A lane keeps its tail (a match and its lead, or the longest spelling of a secret, and what was not decided), its map, and its pending
    // confirms.
    let lane = 16 << 10;
    let paths = (limits.findings + limits.opaques) as usize * 512;
    (limits.lanes as usize + 1) * lane + paths + (16 << 10)
}

#[test]
fn memory_is_bounded_by_the_limits() {
    let mut worst = 0;
    for case in cases(4) {
        let mut rng = Rng::new(case << 8 | 12);
        let secrets: Vec<Vec<u8>> = (0..3).map(|_| keys::secret(&mut rng)).collect();
        let limits = Limits::default();
        let engine = support::engine(&secrets, limits.clone());
        let mut content = nested(&mut rng, &secrets[0]).0;
        content.extend(match rng.below(5) {
            0 => b"ghp_sk-live-".repeat(500),
            1 => wrap::base64(&b"\x1f\x8b\x08\0\0\0\0\0\0\x03".repeat(400), false, false),
            2 => b"VVVV".repeat(2000),
            3 => b"\x1f\x8b\x08\x08\0\0\0\0\0\x03\x28\xb5\x2f\xfd".repeat(300),
            _ => nested(&mut rng, &secrets[1]).0,
        });
        let mut scratch = Scratch::new();
        let flow = if rng.one_in(2) { outbound() } else { Flow::at_rest().lines() };
        let mut stream = engine.stream(flow);
        let mut rest = &content[..];
        for n in split::random(&mut rng, content.len(), 300) {
            let (chunk, after) = rest.split_at(n);
            rest = after;
            let _ = stream.push_with(&mut scratch, chunk, &mut |_| {});
            worst = worst.max(stream.memory());
            assert!(stream.memory() <= most(&limits), "case {case}: {} bytes", stream.memory());
            assert!(stream.windows() <= limits.windows);
        }
        let _ = stream.finish_with(&mut scratch, &mut |_| {});
        assert!(stream.memory() <= most(&limits), "case {case}");
    }
    assert!(worst > 1000, "the contents are to make streams work");
}
