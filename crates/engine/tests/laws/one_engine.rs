//! Law 7: whatever one calls, the same stream answers.

use exfilter_engine::{Event, Flow, Limits, Scratch, Verdict};
use exfilter_testing::{Rng, keys, run, split, wrap};

use super::split_blind::{cases, nested, outbound};
use crate::support;

/// Events as text, in the order in which they came.
fn told(events: impl IntoIterator<Item = Event>) -> Vec<String> {
    events.into_iter().map(|event| format!("{event:?}")).collect()
}

#[test]
fn push_push_with_and_scanner_say_the_same() {
    for case in cases(4) {
        let mut rng = Rng::new(case << 8 | 7);
        let secrets: Vec<Vec<u8>> = (0..2).map(|_| keys::secret(&mut rng)).collect();
        let engine = support::engine(&secrets, Limits::default());
        let planted = if rng.one_in(2) { keys::token(&mut rng) } else { secrets[0].clone() };
        let (content, layers) = nested(&mut rng, &planted);
        let flow = if rng.one_in(2) { outbound() } else { Flow::at_rest().reference(1).lines() };

        let pushed = run::run(&engine, &flow, &content, &split::whole(content.len()));
        let expected = told(pushed.events.iter().map(|e| e.0.clone()));

        // A scanner that has seen other content before.
        let mut scanner = engine.scanner(flow.clone());
        let (other, _) = nested(&mut rng, &secrets[1]);
        let _ = scanner.scan(&other, &mut |_| {});
        let mut events = Vec::new();
        let verdict = scanner.scan(&content, &mut |event| events.push(event));
        assert_eq!(told(events), expected, "case {case}, {layers:?}: scanner");
        assert_eq!(verdict, pushed.last, "case {case}, {layers:?}");
        assert_eq!(scanner.coverage(), pushed.coverage, "case {case}, {layers:?}");

        // The primitive, with one working memory for two streams that take turns.
        let mut scratch = Scratch::new();
        let mut first = engine.stream(flow.clone());
        let mut second = engine.stream(flow.clone());
        let mut events = [Vec::new(), Vec::new()];
        let mut rest = &content[..];
        for n in split::random(&mut rng, content.len(), 500) {
            let (chunk, after) = rest.split_at(n);
            rest = after;
            let _ = first.push_with(&mut scratch, chunk, &mut |event| events[0].push(event));
            let _ = second.push_with(&mut scratch, chunk, &mut |event| events[1].push(event));
        }
        let last = first.finish_with(&mut scratch, &mut |event| events[0].push(event));
        assert_eq!(second.finish_with(&mut scratch, &mut |event| events[1].push(event)), last);
        assert_eq!(last, pushed.last);
        assert!(first.poll_event().is_none(), "the primitive queues nothing");
        let mut expected = expected;
        expected.sort();
        for events in events {
            let mut events = told(events);
            events.sort();
            assert_eq!(events, expected, "case {case}, {layers:?}: push_with");
        }
    }
}

/// What is called spotless is what another look tells nothing of, one buffer after another and however they end.
#[test]
fn a_spotless_buffer_is_one_of_which_nothing_is_told() {
    let mut spotless = [0, 0];
    for case in cases(4) {
        let mut rng = Rng::new(case << 8 | 9);
        let secrets: Vec<Vec<u8>> = (0..2).map(|_| keys::secret(&mut rng)).collect();
        let engine = support::engine(&secrets, Limits::default());
        let flow = [outbound(), outbound().whole(), outbound().editable(), Flow::at_rest()]
            [case as usize % 4]
            .clone();
        let mut scanner = engine.stream(flow.clone()).into_scanner();
        for _ in 0..6 {
            let planted = if rng.one_in(2) { keys::token(&mut rng) } else { secrets[0].clone() };
            let (mut content, layers) = nested(&mut rng, &planted);
            let text = wrap::text(&mut rng);
            match rng.below(4) {
                0 => content = text,
                1 => content.truncate(rng.below(content.len() + 1)),
                2 => content = [text, content].concat(),
                _ => {}
            }
            let mut stream = engine.stream(flow.clone());
            let _ = (stream.push(&content), stream.finish());
            let is_silent = stream.poll_event().is_none()
                && stream.contribution().is_empty()
                && stream.coverage().is_complete();
            assert_eq!(stream.is_spotless(), is_silent, "case {case}, {layers:?}");
            assert_eq!(scanner.is_spotless(&content), is_silent, "case {case}, {layers:?}");
            spotless[usize::from(is_silent)] += 1;
        }
    }
    assert!(spotless.iter().all(|n| *n > 0), "{spotless:?}");
}

#[test]
fn a_stream_that_was_reset_is_new() {
    for case in cases(8) {
        let mut rng = Rng::new(case << 8 | 8);
        let secrets: Vec<Vec<u8>> = (0..2).map(|_| keys::secret(&mut rng)).collect();
        let engine = support::engine(&secrets, Limits::default());
        let flow = outbound();
        let mut stream = engine.stream(flow.clone());
        let (before, _) = nested(&mut rng, &secrets[0]);
        let _ = stream.push(&before[..rng.below(before.len() + 1)]);
        stream.reset();
        let (content, layers) = nested(&mut rng, &secrets[1]);
        let _ = stream.push(&content);
        let last = stream.finish();
        let events: Vec<_> = std::iter::from_fn(|| stream.poll_event()).collect();
        let fresh = run::run(&engine, &flow, &content, &split::whole(content.len()));
        assert_eq!(told(events), told(fresh.events.into_iter().map(|e| e.0)), "case {case}, {layers:?}");
        assert_eq!((last, stream.coverage()), (fresh.last, fresh.coverage), "case {case}, {layers:?}");
    }
}

#[test]
fn a_stream_keeps_its_engine() {
    let mut rng = Rng::new(9);
    let secret = keys::secret(&mut rng);
    let engine = support::engine(std::slice::from_ref(&secret), Limits::default());
    let mut stream = engine.stream(outbound());
    drop(engine);
    let _ = stream.push(&secret);
    assert!(stream.finish().is_block());
}

#[test]
fn misuse_is_a_block() {
    let engine = support::engine(&[], Limits::default());
    let mut stream = engine.stream(outbound());
    let _ = stream.push(b"text");
    assert_eq!(stream.finish(), Verdict::Forward { through: 4 });
    assert_eq!(stream.finish(), Verdict::Forward { through: 4 }, "finishing twice repeats the answer");
    assert!(stream.push(b"more").is_block());
    assert!(stream.finish().is_block(), "and stays so");
}

#[test]
fn public_types_cross_threads_and_unwinding() {
    use std::panic::UnwindSafe;
    fn everywhere<T: Send + Sync + 'static>() {}
    fn moves<T: Send + 'static>() {}
    fn unwinds<T: UnwindSafe>() {}
    everywhere::<exfilter_engine::Engine>();
    everywhere::<exfilter_engine::Finding>();
    everywhere::<exfilter_engine::Event>();
    everywhere::<exfilter_engine::Coverage>();
    everywhere::<exfilter_engine::LanePath>();
    everywhere::<exfilter_engine::Policy>();
    everywhere::<exfilter_engine::BuildError>();
    moves::<exfilter_engine::Stream>();
    moves::<exfilter_engine::Scanner>();
    moves::<Scratch>();
    unwinds::<exfilter_engine::Finding>();
    unwinds::<exfilter_engine::Event>();
    unwinds::<exfilter_engine::BuildError>();
}

/// An engine that was taken apart and put together again, with one secret more, finds what both do.
#[test]
fn an_engine_with_something_more_is_the_same_engine() {
    let mut rng = Rng::new(9);
    let secrets: Vec<Vec<u8>> = (0..2).map(|_| keys::secret(&mut rng)).collect();
    let key = || exfilter_engine::StoreKey::from_bytes(&[7; 32]).unwrap();
    for profile in [exfilter_engine::Profile::Inline, exfilter_engine::Profile::Thorough] {
        let set = |values: &[Vec<u8>]| {
            let mut known = exfilter_engine::KnownSecrets::new(key());
            known.fragments(true);
            for (n, value) in values.iter().enumerate() {
                known.add(&format!("S{n}"), value, Vec::new()).unwrap();
            }
            known
        };
        let engine = |known| {
            let mut builder = exfilter_engine::Engine::builder();
            builder
                .rules(exfilter_testing::rules::features())
                .profile(profile)
                .known_secrets(known)
                .build()
                .unwrap()
        };
        let whole = engine(set(&secrets));
        let first = engine(set(&secrets[..1]));
        let mut known = first.known_secrets().unwrap();
        known.add("S1", &secrets[1], Vec::new()).unwrap();
        let both = first.to_builder().known_secrets(known).build().unwrap();
        let again = whole.to_builder().build().unwrap();
        for case in 0..40 {
            let mut rng = Rng::new(case << 8 | 3);
            let planted = if rng.one_in(3) { keys::token(&mut rng) } else { secrets[rng.below(2)].clone() };
            let (mut content, _) = nested(&mut rng, &planted);
            content.extend(planted.iter().rev());
            let expected = run::run(&whole, &outbound(), &content, &split::whole(content.len())).facts();
            for other in [&both, &again] {
                let found = run::run(other, &outbound(), &content, &split::whole(content.len())).facts();
                assert_eq!(found, expected, "case {case}");
            }
        }
    }
    assert!(exfilter_engine::Engine::builder().build().unwrap().known_secrets().is_none());
}
