//! Content that is unpacked ahead of its stream ([`Stream::unpack_ahead`](exfilter_engine::Stream::unpack_ahead)): nothing that comes of it is different.

use exfilter_engine::{Engine, Flow, Limits, OpaqueReason, Stream};
use exfilter_testing::run::{self, Input};
use exfilter_testing::{Rng, keys, split, wrap};

use crate::laws::{cases, outbound};
use crate::support;

/// An archive with a token and `secret` in it, and much else.
fn archive(rng: &mut Rng, secret: &[u8]) -> Vec<u8> {
    let mut members: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for n in 0..1 + rng.below(6) {
        let mut content = Vec::new();
        while rng.below(8) > 0 {
            content.extend(wrap::text(rng));
            match rng.below(12) {
                0 => content.extend(keys::token(rng)),
                1 => content.extend(secret),
                2 => {
                    let packed = wrap::gzip(rng, secret);
                    content.extend(wrap::base64(&packed, false, true));
                }
                3 => content.extend(std::iter::repeat_n(b' ', rng.below(20_000))),
                _ => {}
            }
            content.push(b'\n');
        }
        members.push((format!("package/{n}.txt").into_bytes(), content));
    }
    wrap::tar(&members)
}

/// What it may be packed in, and what may become of that.
fn packed(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    let mut packed = match rng.below(4) {
        0 => wrap::xz(content),
        1 => wrap::zstd(rng, content),
        _ => wrap::gzip(rng, content),
    };
    match rng.below(8) {
        0 => packed.truncate(rng.below(packed.len())),
        1 => {
            let at = rng.below(packed.len());
            packed[at] ^= 1 << rng.below(8);
        }
        2 => packed.extend(wrap::gzip(rng, content)),
        3 => packed.extend(wrap::text(rng)),
        4 => packed.extend(wrap::zstd(rng, content)),
        _ => {}
    }
    packed
}

fn inputs<'a>(content: &'a [u8], chunks: &[usize]) -> Vec<Input<'a>> {
    let mut rest = content;
    chunks
        .iter()
        .map(|n| {
            let (chunk, behind) = rest.split_at(*n);
            rest = behind;
            Input::Chunk(chunk)
        })
        .collect()
}

#[test]
fn what_is_unpacked_ahead_comes_to_the_same() {
    let (mut unpacked, mut findings, mut opaque) = (0, 0, 0);
    for case in cases(6) {
        let mut rng = Rng::new(case << 8 | 23);
        let secret = keys::secret(&mut rng);
        let mut limits = Limits::default();
        match rng.below(6) {
            0 => (limits.ratio, limits.ratio_grace) = (2, 4096),
            1 => limits.output = 10_000,
            2 => limits.containers = 0,
            3 => limits.windows = 1024,
            _ => {}
        }
        let secrets = [secret];
        let engine = if rng.one_in(2) {
            support::engine(&secrets, limits)
        } else {
            support::thorough_engine(&secrets, limits)
        };
        let content = archive(&mut rng, &secrets[0]);
        let content = packed(&mut rng, &content);
        let flow = if rng.one_in(2) { Flow::at_rest().lines() } else { outbound().whole() };
        let plain = run::run(&engine, &flow, &content, &split::random(&mut rng, content.len(), 70_000));
        let chunks = split::random(&mut rng, content.len(), 3000);
        let Some(ahead) = run::unpacked(&engine, &flow, &content, &inputs(&content, &chunks)) else {
            continue;
        };
        assert_eq!(plain.facts(), ahead.facts(), "case {case}");
        unpacked += 1;
        findings += ahead.findings().count();
        opaque += ahead.opaques().count();
    }
    assert!(unpacked > 4 && findings > 4 && opaque > 0, "{unpacked} {findings} {opaque}");
}

#[test]
fn only_what_waits_for_its_end_and_is_compressed_is_unpacked_ahead() {
    let mut rng = Rng::new(5);
    let engine = support::engine(&[], Limits::default());
    let packed = wrap::gzip(&mut rng, b"content");
    let is_unpacked = |flow: Flow, content: &[u8]| {
        let mut stream: Stream = engine.stream(flow);
        stream.unpack_ahead(content, Box::new(|| None)).is_some()
    };
    assert!(is_unpacked(Flow::at_rest(), &packed));
    assert!(is_unpacked(outbound().whole(), &packed));
    assert!(!is_unpacked(outbound(), &packed), "what waits depends on what leaves");
    assert!(!is_unpacked(Flow::at_rest().content_encoding(b"gzip"), &packed), "codings are the flow's");
    assert!(!is_unpacked(Flow::at_rest(), b"text"));
    assert!(!is_unpacked(Flow::at_rest(), b""));
    assert!(!is_unpacked(Flow::at_rest(), &[0x1f, 0x8b, 8, 0xff]), "no such flags");
}

/// Runs `content` with the first `batches` of what was unpacked of `other`.
fn with_others(engine: &Engine, content: &[u8], other: &[u8], batches: usize) -> Vec<OpaqueReason> {
    let mut stream = engine.stream(Flow::at_rest());
    let (give, take) = std::sync::mpsc::channel();
    let mut unpacker = stream.unpack_ahead(content, Box::new(move || take.recv().ok())).unwrap();
    let mut left = batches;
    let mut hand = |batch| {
        left = left.saturating_sub(1);
        left > 0 && give.send(batch).is_ok()
    };
    let is_wanted = unpacker.push(other, &mut hand);
    assert!(is_wanted || batches < 100, "it stops where nothing is wanted");
    if is_wanted {
        unpacker.finish(&mut hand);
    }
    drop(give);
    let _ = stream.push(content);
    let _ = stream.finish();
    let mut reasons = Vec::new();
    while let Some(event) = stream.poll_event() {
        if let exfilter_engine::Event::Opaque(opaque) = event {
            reasons.push(opaque.reason());
        }
    }
    reasons
}

#[test]
fn what_does_not_come_or_is_of_something_else_is_told_of() {
    let mut rng = Rng::new(6);
    let engine = support::engine(&[], Limits::default());
    let text = rng.text(b"some words of any text\n", 400_000);
    let (content, other) = (wrap::gzip(&mut rng, &text), wrap::gzip(&mut rng, &text[..100]));
    assert_eq!(with_others(&engine, &content, &content, 1000), []);
    assert_eq!(with_others(&engine, &content, &content, 2), [OpaqueReason::Truncated]);
    assert_eq!(with_others(&engine, &content, &content, 0), [OpaqueReason::Truncated]);
    assert_eq!(with_others(&engine, &content, &other, 1000), [OpaqueReason::Truncated]);
}

#[test]
fn a_batch_is_small_however_much_content_expands() {
    let mut rng = Rng::new(7);
    let engine = support::engine(&[], Limits::default());
    let bomb = wrap::gzip(&mut rng, &vec![b'a'; 20 << 20]);
    let mut stream = engine.stream(Flow::at_rest());
    let (give, take) = std::sync::mpsc::sync_channel(1 << 12);
    let mut unpacker = stream.unpack_ahead(&bomb, Box::new(move || take.recv().ok())).unwrap();
    let mut batches = 0;
    let _ = unpacker.push(&bomb, &mut |batch| {
        batches += 1;
        give.send(batch).is_ok()
    });
    drop(give);
    assert!(batches >= (20 << 20) / (72 << 10), "{batches}");
}
