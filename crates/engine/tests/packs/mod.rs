//! Packs of git: what is found in their objects, where, and what is said of deltas without a base.

use exfilter_engine::{BlockReason, Direction, Event, Flow, Limits, OpaqueReason, Verdict};
use exfilter_testing::pack::{self, BLOB, Object};
use exfilter_testing::{Rng, keys, run, split, wrap};

use crate::laws::outbound;
use crate::support;

fn in_any_chunks(limits: &Limits, flow: &Flow, content: &[u8], check: impl Fn(&run::Run)) {
    let engine = support::engine(&[], limits.clone());
    let mut rng = Rng::new(9);
    let mut facts = None;
    for chunks in split::standard(&mut rng, content.len()) {
        let run = run::run(&engine, flow, content, &chunks);
        let through: Vec<_> = run.verdicts.iter().filter_map(|v| v.1.through()).collect();
        assert!(through.is_sorted(), "through ran backwards");
        for found in run.findings().filter(|_| flow.direction() == Direction::Outbound) {
            assert!(
                through.iter().all(|through| *through <= found.outer().start),
                "{through:?} {:?}",
                run.events
            );
        }
        check(&run);
        let now = run.facts();
        assert_eq!(*facts.get_or_insert_with(|| now.clone()), now, "chunks change what is said");
    }
}

/// Paths and lines of what was found in objects.
fn in_objects(run: &run::Run) -> impl Iterator<Item = (String, Option<(u64, u64)>)> {
    run.events.iter().filter_map(|(event, path)| match event {
        Event::Finding(found) if path.starts_with("pack") => Some((path.clone(), found.line())),
        _ => None,
    })
}

fn name(content: &[u8]) -> String {
    let id = pack::blob_id(content);
    format!("pack > blob {:02x}{:02x}{:02x}{:02x}", id[0], id[1], id[2], id[3])
}

#[test]
fn findings_name_the_object_and_the_line() {
    let mut rng = Rng::new(1);
    let token = keys::github(&mut rng, "ghp_");
    let base = b"one\ntwo\n".repeat(6);
    let new = [b"token: ", &token[..], b"\n"].concat();
    let made = [&base[..8], &new[..], &base[8..]].concat();
    let delta = pack::inserting(base.len(), 8, &new);
    let plain = Object::Whole(BLOB, base.clone());
    let packs = [
        vec![plain.clone(), Object::Back(1, delta.clone())],
        vec![Object::On(pack::blob_id(&base), delta), plain.clone()],
        vec![plain, Object::Whole(BLOB, made.clone())],
    ];
    for flow in [outbound().lines(), Flow::at_rest().lines()] {
        for objects in &packs {
            let content = [b"before ", &pack::seal(objects)[..], b" after"].concat();
            in_any_chunks(&Limits::default(), &flow, &content, |run| {
                // Deflate leaves what is short as it is, so it is found there too.
                let found: Vec<_> = in_objects(run).collect();
                assert_eq!(found, [(name(&made), Some((3, 8)))]);
                assert!(run.coverage.is_complete());
                assert_eq!((run.coverage.containers, run.coverage.members), (1, 2));
            });
        }
    }
}

#[test]
fn objects_are_content_of_their_own() {
    let mut rng = Rng::new(2);
    let token = keys::github(&mut rng, "ghp_");
    let (first, second) = token.split_at(20);
    let inner = wrap::gzip(&mut rng, &[b"x = ", &token[..], b"\n"].concat());
    // No key runs from one object into the next; what has no line break at its end ends all the same.
    let whole = |content: &[u8]| Object::Whole(BLOB, content.to_vec());
    let content = pack::seal(&[whole(first), whole(second), whole(&token), whole(b"and"), whole(&inner)]);
    in_any_chunks(&Limits::default(), &outbound(), &content, |run| {
        let paths: Vec<_> = in_objects(run).map(|found| found.0).collect();
        assert_eq!(paths, [name(&token), format!("{} > gzip", name(&inner))]);
    });
}

#[test]
fn a_delta_without_its_base_is_examined_as_far_as_it_goes() {
    let mut rng = Rng::new(3);
    let token = keys::github(&mut rng, "ghp_");
    let with = Object::On([9; 20], pack::inserting(500, 77, &token));
    let without = Object::On([9; 20], pack::inserting(500, 77, b"nothing to see"));
    let content = pack::seal(&[with]);
    in_any_chunks(&Limits::default(), &outbound(), &content, |run| {
        assert_eq!(in_objects(run).map(|found| found.0).collect::<Vec<_>>(), ["pack > delta at 12"]);
        assert_eq!(run.coverage.opaque(OpaqueReason::UnresolvedBase), 1);
    });
    let content = pack::seal(&[without, Object::Whole(BLOB, b"something else".to_vec())]);
    in_any_chunks(&Limits::default(), &outbound(), &content, |run| {
        let Verdict::Block(block) = run.last else { panic!("not everything was examined") };
        assert_eq!(block.reason(), BlockReason::Opaque(OpaqueReason::UnresolvedBase));
        assert_eq!(run.coverage.opaque(OpaqueReason::UnresolvedBase), 1);
        assert_eq!(run.events[0].1, "pack > delta at 12");
    });
}

#[test]
fn what_is_kept_for_deltas_is_bounded() {
    let mut rng = Rng::new(4);
    let mut limits = Limits::default();
    limits.bases = 20_000;
    let blobs: Vec<Vec<u8>> = (0..40).map(|_| rng.text(keys::BASE62, 2000)).collect();
    let mut objects: Vec<_> = blobs.iter().map(|blob| Object::Whole(BLOB, blob.clone())).collect();
    objects.push(Object::Back(1, pack::inserting(2000, 5, b" kept ")));
    objects.push(Object::Back(41, pack::inserting(2000, 5, b" gone ")));
    let content = pack::seal(&objects);
    let engine = support::engine(&[], limits.clone());
    let mut stream = engine.stream(Flow::at_rest());
    let mut most = 0;
    for chunk in content.chunks(700) {
        let _ = stream.push(chunk);
        most = most.max(stream.kept());
        assert!(stream.kept() <= limits.bases);
    }
    assert!(most > limits.bases / 2);
    let _ = stream.finish();
    assert_eq!(stream.kept(), 0);
    in_any_chunks(&limits, &outbound(), &content, |run| {
        assert_eq!(run.coverage.opaque(OpaqueReason::UnresolvedBase), 1);
    });
}

#[test]
fn an_object_larger_than_windows_is_kept_and_examined() {
    let mut rng = Rng::new(7);
    let token = keys::github(&mut rng, "ghp_");
    let line = [&rng.text(keys::BASE62, 60)[..], b" and more text\n"].concat();
    let large = line.repeat(11 << 20 >> 6);
    let delta = pack::inserting(large.len(), line.len(), &[&token[..], b"\n"].concat());
    let content = pack::seal(&[Object::Whole(BLOB, large), Object::Back(1, delta)]);
    let mut limits = Limits::default();
    limits.ratio = 2000;
    let engine = support::engine(&[], limits.clone());
    let run = run::run(&engine, &Flow::at_rest().lines(), &content, &split::every(content.len(), 5000));
    assert!(run.coverage.is_complete(), "{:?}", run.events);
    let found: Vec<_> = in_objects(&run).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1, Some((2, 1)));
}

#[test]
fn a_broken_pack_is_told_of_and_words_that_look_like_one_are_not() {
    let mut rng = Rng::new(5);
    let first = Object::Whole(BLOB, wrap::text(&mut rng));
    let second = Object::Whole(BLOB, rng.text(keys::BASE62, 300));
    let content = pack::seal(&[first, second]);
    let cut = &content[..content.len() - 60];
    in_any_chunks(&Limits::default(), &outbound(), cut, |run| {
        assert_eq!(run.coverage.opaque(OpaqueReason::Truncated), 1, "{:?}", run.events);
    });
    let mut wrong = content.clone();
    let last = wrong.len() - 1;
    wrong[last] ^= 1;
    wrong.extend([b'.'; 20]);
    in_any_chunks(&Limits::default(), &outbound(), &wrong, |run| {
        assert_eq!(run.coverage.opaque(OpaqueReason::Corrupt), 1, "{:?}", run.events);
    });
    let chance = [&b"text PACK\0\0\0\x02\0\0\0\x03\x35\x78\x9c"[..], &rng.text(keys::BASE62, 300)].concat();
    in_any_chunks(&Limits::default(), &outbound(), &chance, |run| {
        assert!(run.events.is_empty() && run.coverage.is_complete(), "{:?}", run.events);
    });
}
