//! Law 6: what was not examined is said, and decided on.

use exfilter_engine::{Action, Confidence, Engine, Flow, Limits, OpaqueReason, Policy, Verdict};
use exfilter_testing::{Rng, keys, rules, run, split, wrap};

use super::outbound;
use crate::support;

/// A way to hide something behind a limit or a fault, and what has to be said about it.
struct Padding {
    reason: OpaqueReason,
    limits: Limits,
    content: Vec<u8>,
}

/// One or more for each reason that the lanes of this crate can come to, with a key behind it that cannot be seen.
fn paddings(rng: &mut Rng) -> Vec<Padding> {
    let key = keys::github(rng, "ghp_");
    let noise = rng.bytes(3000);
    let words = |rng: &mut Rng| rng.text(b"etaoin shrdlu\n", 4000);
    let mut out = Vec::new();
    let mut add = |reason, limit: fn(&mut Limits), content: Vec<u8>| {
        let mut limits = Limits::default();
        limit(&mut limits);
        out.push(Padding { reason, limits, content });
    };
    let none = |_: &mut Limits| {};
    let bomb = [vec![b'0'; 60_000], key.clone()].concat();
    let small = |l: &mut Limits| (l.ratio_grace, l.ratio) = (2000, 3);
    add(OpaqueReason::Ratio, small, plain_gzip(&bomb));
    add(OpaqueReason::Ratio, small, wrap::base64(&plain_gzip(&bomb), false, false));
    add(OpaqueReason::Ratio, small, plain_zstd(&bomb));
    // Many small ones, none of which is over the limit.
    let less = |l: &mut Limits| (l.ratio_grace, l.ratio) = (2000, 30);
    let many = [&plain_gzip(&[b'0'; 1800])[..], b"."].concat().repeat(40);
    add(OpaqueReason::Ratio, less, [many, plain_gzip(&[words(rng), key.clone()].concat())].concat());
    add(OpaqueReason::TotalOutput, |l| l.output = 3000, plain_gzip(&[words(rng), key.clone()].concat()));
    let nest = |rng: &mut Rng, n: usize, wrap: fn(&[u8]) -> Vec<u8>| {
        (0..n).fold(key.clone(), |inner, _| wrap(&[words(rng), inner, words(rng)].concat()))
    };
    add(OpaqueReason::Depth, |l| l.containers = 2, nest(rng, 3, plain_gzip));
    add(OpaqueReason::Depth, |l| l.containers = 2, nest(rng, 3, plain_zstd));
    add(OpaqueReason::Depth, none, nest(rng, 9, plain_gzip));
    add(OpaqueReason::Depth, |l| l.lanes = 2, nest(rng, 3, plain_gzip));
    let shapes = (0..4).fold([b"key: ", &key[..], b" "].concat(), |inner, _| {
        [b"a: ", &wrap::base64(&inner, false, false)[..], b" ;"].concat()
    });
    add(OpaqueReason::Depth, none, shapes);
    let members: Vec<_> = (0..5).map(|i| (format!("{i}").into_bytes(), b"words".to_vec())).collect();
    add(OpaqueReason::Members, |l| l.members = 3, wrap::tar(&members));
    add(OpaqueReason::Members, |l| l.members = 3, wrap::ar(&members));
    add(OpaqueReason::Members, |l| l.members = 3, wrap::bsd_ar(&members));
    for format in [wrap::Cpio::Newc, wrap::Cpio::Odc, wrap::Cpio::Old] {
        add(OpaqueReason::Members, |l| l.members = 3, wrap::cpio(format, &members));
        add(OpaqueReason::Members, |l| l.members = 0, wrap::cpio(format, &members));
    }
    let mut broken = plain_gzip(&[words(rng), key.clone()].concat());
    let middle = broken.len() / 2;
    broken[middle..middle + 40].fill(0xff);
    add(OpaqueReason::Corrupt, none, broken);
    let mut wrong_sum = plain_gzip(&words(rng));
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    add(OpaqueReason::Corrupt, none, wrong_sum);
    let mut header = wrap::tar(&[(b"a".to_vec(), words(rng)), (b"b".to_vec(), b"x".to_vec())]);
    let second = 512 + 4000usize.next_multiple_of(512);
    header[second + 20] = b'!';
    add(OpaqueReason::Corrupt, none, header);
    let two = [(b"a".to_vec(), words(rng)), (b"b".to_vec(), b"x".to_vec())];
    for mut archive in [wrap::ar(&two), wrap::bsd_ar(&two)] {
        let second = memchr::memmem::rfind(&archive, b"`\n").expect("a header has an end");
        archive[second] = b'!';
        add(OpaqueReason::Corrupt, none, archive);
    }
    for (format, header) in [(wrap::Cpio::Newc, 110 + 2 + 4000), (wrap::Cpio::Odc, 76 + 2 + 4000)] {
        let mut archive = wrap::cpio(format, &two);
        archive[header + 3] = b'x';
        add(OpaqueReason::Corrupt, none, archive);
    }
    let one = [(b"a".to_vec(), noise.clone())];
    let cpio = [wrap::Cpio::Newc, wrap::Cpio::Odc, wrap::Cpio::Old].map(|format| wrap::cpio(format, &one));
    let plain = [plain_gzip(&noise), plain_zstd(&noise), wrap::tar(&one), wrap::ar(&one), wrap::bsd_ar(&one)];
    for whole in plain.into_iter().chain(cpio) {
        add(OpaqueReason::Truncated, none, whole[..whole.len() - 2000].to_vec());
    }
    // Frame header: no size, window 16 MiB; or a dictionary id of one byte. One block of three bytes.
    let frame = |head: &[u8]| [b"\x28\xb5\x2f\xfd", head, b"\x19\0\0abc"].concat();
    add(OpaqueReason::WindowTooLarge, |l| l.window = 1 << 16, frame(b"\0\x70"));
    add(OpaqueReason::MissingDictionary, none, frame(b"\x01\0\x07"));
    // Blocks of 128 KiB of one letter.
    let mut long = b"\x28\xb5\x2f\xfd\0\x70".to_vec();
    (0..4).for_each(|_| long.extend(b"\x02\0\x10x"));
    long.extend(b"\x19\0\0abc");
    add(OpaqueReason::WindowTooLarge, |l| l.window = 1 << 18, long);
    // A stored block that ends in a candidate, and thousands of empty ones.
    let mut idle = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\0\x07\0\xf8\xffghp_abc".to_vec();
    (0..2000).for_each(|_| idle.extend(b"\0\0\0\xff\xff"));
    add(OpaqueReason::Hold, |l| l.max_hold = 300, idle);
    out
}

/// Gzip as the command makes it.
fn plain_gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, content).unwrap();
    encoder.finish().unwrap()
}

fn plain_zstd(content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; zstd_safe::compress_bound(content.len())];
    let n = zstd_safe::compress(&mut frame[..], content, 3).unwrap();
    frame.truncate(n);
    frame
}

#[test]
fn padding_past_a_limit_is_incomplete_and_does_not_leave() {
    let mut rng = Rng::new(61);
    for padding in paddings(&mut rng) {
        let reason = padding.reason;
        let engine = support::engine(&[], padding.limits);
        let content = [&padding.content[..], b"\nand what follows"].concat();
        // Only what begins with it is surely what its first bytes say; what follows ends a truncated file in another way.
        let contents = if reason == OpaqueReason::Truncated {
            vec![padding.content]
        } else {
            vec![padding.content, content]
        };
        for content in contents {
            let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
            assert!(!run.coverage.is_complete(), "{reason:?} is not told of");
            assert!(run.coverage.opaque(reason) > 0, "{reason:?}: {:?}", run.facts());
            assert!(run.opaques().any(|o| o.reason() == reason && o.action() == Action::Block), "{reason:?}");
            assert!(run.last.is_block(), "{reason:?} leaves");
            for opaque in run.opaques() {
                assert!(opaque.outer().start <= opaque.outer().end);
                assert!(opaque.outer().end <= content.len() as u64, "{reason:?}: {:?}", opaque.outer());
            }
            let rest = run::run(&engine, &Flow::at_rest(), &content, &split::whole(content.len()));
            assert!(!rest.coverage.is_complete(), "{reason:?} at rest");
            assert_eq!(rest.last, Verdict::Forward { through: content.len() as u64 });
        }
    }
}

#[test]
fn coverage_and_ranges_do_not_depend_on_chunks() {
    let mut rng = Rng::new(65);
    for padding in paddings(&mut rng) {
        let engine = support::engine(&[], padding.limits);
        let content = &padding.content;
        for flow in [outbound(), Flow::at_rest()] {
            let whole = run::run(&engine, &flow, content, &split::whole(content.len()));
            for chunks in split::standard(&mut rng, content.len()) {
                let run = run::run(&engine, &flow, content, &chunks);
                assert_eq!(run.coverage, whole.coverage, "{:?}", padding.reason);
                assert_eq!(run.facts(), whole.facts(), "{:?}", padding.reason);
            }
        }
    }
}

#[test]
fn a_policy_decides_on_each_reason() {
    let mut rng = Rng::new(63);
    for padding in paddings(&mut rng) {
        let mut policy = Policy::default();
        policy.action(Confidence::High, Action::Report);
        for reason in OpaqueReason::ALL {
            policy.opaque(reason, Action::Report);
        }
        let build = |policy: &Policy| {
            Engine::builder()
                .rules(rules::features())
                .policy(policy.clone())
                .limits(padding.limits.clone())
                .build()
        };
        let engine = build(&policy).unwrap();
        let content = &padding.content;
        let chunks = split::whole(content.len());
        let run = run::run(&engine, &outbound(), content, &chunks);
        assert!(!run.coverage.is_complete());
        assert_eq!(run.last, Verdict::Forward { through: content.len() as u64 }, "{:?}", padding.reason);
        policy.opaque(padding.reason, Action::Redact);
        assert!(
            run::run(&build(&policy).unwrap(), &outbound(), content, &chunks).last.is_block(),
            "{:?}: there is nothing to redact, so it blocks",
            padding.reason
        );
    }
}

#[test]
fn a_gap_is_counted_in_bytes() {
    let engine = support::engine(&[], Limits::default());
    let mut stream = engine.stream(outbound());
    let _ = stream.push(b"before");
    assert!(stream.gap(1000).is_block());
    let _ = stream.push(b"after");
    assert!(stream.finish().is_block());
    assert_eq!(stream.coverage().bytes, 1011);
    assert_eq!(stream.coverage().opaque(OpaqueReason::Gap), 1);
}

#[test]
fn a_cap_on_opaque_ranges_hides_none_from_the_count() {
    let mut rng = Rng::new(64);
    let mut limits = Limits::default();
    limits.opaques = 2;
    let engine = support::engine(&[], limits);
    let mut content = Vec::new();
    for _ in 0..6 {
        let mut broken = plain_gzip(&rng.text(b"etaoin shrdlu\n", 6000));
        let at = broken.len() - 6;
        broken[at] ^= 1;
        content.extend(broken);
        content.extend(b"\n--boundary--\n");
    }
    let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
    assert_eq!(run.opaques().count(), 2);
    assert_eq!(run.coverage.opaque(OpaqueReason::Corrupt), 6);
    assert!(run.last.is_block());
}

#[test]
fn only_two_reasons_let_pass_by_default() {
    let pass: Vec<_> = OpaqueReason::ALL.into_iter().filter(|r| !r.blocks_by_default()).collect();
    assert_eq!(pass, [OpaqueReason::UnsupportedFormat, OpaqueReason::HighEntropy]);
}

/// What an embedder says was not examined is decided on like what the engine says, before the end and after it.
#[test]
fn the_embedder_may_say_what_was_not_examined() {
    let mut observe = Policy::default();
    observe.mode(exfilter_engine::Mode::Observe);
    for (policy, blocks) in [(Policy::default(), true), (observe, false)] {
        let engine = Engine::builder().policy(policy).build().unwrap();
        for after in [false, true] {
            let mut stream = engine.stream(outbound());
            let _ = stream.push(b"some text");
            let ended = if after { stream.finish() } else { Verdict::Forward { through: 9 } };
            assert!(!ended.is_block());
            assert_eq!(stream.unexamined(OpaqueReason::Tunnel, 0..9).is_block(), blocks);
            assert!(stream.poll_event().is_some_and(|event| {
                matches!(event, exfilter_engine::Event::Opaque(opaque) if opaque.outer() == (0..9))
            }));
            assert_eq!(stream.finish().is_block(), blocks, "it stays");
            let mut sum = stream.coverage();
            assert_eq!((sum.opaque(OpaqueReason::Tunnel), sum.is_complete()), (1, false));
            sum.add(&stream.coverage());
            assert_eq!((sum.bytes, sum.opaque(OpaqueReason::Tunnel)), (18, 2));
        }
    }
}
