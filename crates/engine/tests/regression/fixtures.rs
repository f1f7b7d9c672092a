//! Keys that anybody can make, in tests and examples, and names of members beside them.

use exfilter_engine::{Confidence, Engine, Event, Finding, Flow, Policy, Rule};
use exfilter_testing::{Rng, keys, run, split, wrap};

use super::outbound;

/// A rule of high confidence whose keys anybody can make, and one whose keys a provider issues.
fn rules() -> Vec<Rule> {
    let mut made = Rule::new("made-key", "made_", "made_[A-Za-z0-9]{24}");
    made.self_issued = true;
    let issued = Rule::new("issued-key", "issued_", "issued_[A-Za-z0-9]{24}");
    let named = Rule::new("named-key", "token", "token=(?P<value>[A-Za-z0-9]{24})");
    let mut rules = vec![made, issued, named];
    rules.iter_mut().for_each(|rule| rule.confidence = Confidence::High);
    rules
}

fn engine(strict: bool) -> Engine {
    let mut policy = Policy::default();
    policy.strict_examples(strict);
    Engine::builder().rules(rules()).policy(policy).build().unwrap()
}

fn key(prefix: &str, seed: u64) -> Vec<u8> {
    [prefix.as_bytes(), &Rng::new(seed).text(keys::BASE62, 24)].concat()
}

/// Confidence, whether it is lower for its place, and the name of the member, of each finding, however the content is cut.
fn found(engine: &Engine, flow: &Flow, content: &[u8]) -> Vec<(Confidence, bool, String)> {
    let mut all = split::standard(&mut Rng::new(9), content.len()).into_iter().map(|chunks| {
        let run = run::run(engine, flow, content, &chunks);
        let told = |(event, path): &(Event, String)| match event {
            Event::Finding(finding) => Some((finding.confidence(), Finding::fixture(finding), path.clone())),
            _ => None,
        };
        let blocked = run.last.is_block();
        let found: Vec<_> = run.events.iter().filter_map(told).collect();
        let high = found.iter().any(|(confidence, ..)| *confidence >= Confidence::High);
        assert_eq!(blocked, high && flow.direction() == exfilter_engine::Direction::Outbound);
        found
    });
    let first = all.next().unwrap();
    assert!(all.all(|other| other == first));
    first
}

#[test]
fn a_key_that_anybody_can_make_is_less_sure_in_a_path_of_tests() {
    let (made, issued) = (key("made_", 1), key("issued_", 2));
    let archive = wrap::tar(&[
        (&b"pkg/src/key.pem"[..], &made[..]),
        (b"pkg/tests/key.pem", &made),
        (b"pkg/tests/token.txt", &issued),
        (b"pkg/latest/key.pem", &made),
    ]);
    for flow in [outbound(), Flow::at_rest()] {
        let found = found(&engine(false), &flow, &archive);
        assert_eq!(
            found,
            [
                (Confidence::High, false, "pkg/src/key.pem".into()),
                (Confidence::Medium, true, "pkg/tests/key.pem".into()),
                (Confidence::High, false, "pkg/tests/token.txt".into()),
                (Confidence::High, false, "pkg/latest/key.pem".into()),
            ]
        );
    }
    let strict = found(&engine(true), &outbound(), &archive);
    assert!(strict.iter().all(|(confidence, fixture, _)| *confidence == Confidence::High && !fixture));
}

#[test]
fn the_flow_says_that_its_file_is_a_test() {
    let made = key("made_", 3);
    for (fixture, confidence) in [(true, Confidence::Medium), (false, Confidence::High)] {
        let found = found(&engine(false), &outbound().fixture(fixture), &made);
        assert_eq!(found, [(confidence, fixture, String::new())]);
    }
    let issued = found(&engine(false), &outbound().fixture(true), &key("issued_", 4));
    assert_eq!(issued, [(Confidence::High, false, String::new())]);
}

#[test]
fn tests_begin_behind_their_mark_and_end_with_the_file() {
    let (made, issued) = (key("made_", 5), key("issued_", 6));
    let text = [
        &made[..],
        b"\n#[cfg(test)]\nmod tests {\n",
        &b"    // a line of it\n".repeat(400),
        &made,
        b"\n",
        &issued,
        b"\n}\n",
    ]
    .concat();
    let lowered =
        |found: &[(Confidence, bool, String)]| found.iter().map(|found| found.1).collect::<Vec<_>>();
    assert_eq!(lowered(&found(&engine(false), &outbound(), &text)), [false, true, false]);
    let archive = wrap::tar(&[(&b"a.rs"[..], &text[..]), (b"b.rs", &made)]);
    assert_eq!(lowered(&found(&engine(false), &outbound(), &archive)), [false, true, false, false]);
}

/// A word in a name is no reason to hide it, a key is; nor is half a key shown.
#[test]
fn names_with_words_are_shown() {
    let issued = key("issued_", 7);
    let half = &key("issued_", 8)[..16];
    let named = key("token=", 10);
    let names: [&[u8]; 4] = [b"src/token/key.rs", &named, half, &issued];
    let archive = wrap::tar(&names.map(|name| (name, &issued[..])));
    let found = found(&engine(false), &Flow::at_rest(), &archive);
    let mut shown: Vec<_> =
        found.into_iter().map(|(.., path)| path).filter(|path| !path.is_empty()).collect();
    shown.dedup();
    assert_eq!(shown, ["src/token/key.rs", "<masked>"]);
}
