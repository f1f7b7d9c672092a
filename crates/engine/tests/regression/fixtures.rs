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

/// Confidence, whether it is lower for its place, and the name of the member.
type Found = (Confidence, bool, String);

/// Each finding, however the content is cut.
fn found(engine: &Engine, flow: &Flow, content: &[u8]) -> Vec<Found> {
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
    for (path, fixture) in [("tests/key.pem", true), ("deploy/key.pem", false), ("tests/.ssh/id_rsa", false)]
    {
        let confidence = if fixture { Confidence::Medium } else { Confidence::High };
        let found = found(&engine(false), &outbound().file(path.as_bytes()), &made);
        assert_eq!(found, [(confidence, fixture, String::new())]);
    }
    let issued = found(&engine(false), &outbound().file(b"tests/key.pem"), &key("issued_", 4));
    assert_eq!(issued, [(Confidence::High, false, String::new())]);
}

#[test]
fn tests_begin_behind_their_mark_and_end_with_the_file() {
    let (made, issued) = (key("made_", 5), key("issued_", 6));
    let lines = b"    // a line of it\n".repeat(400);
    let mark = &b"\n#[cfg(test)]\nmod tests {\n"[..];
    let text = [&made[..], mark, &lines, &made, b"\n", &issued, b"\n", mark, &made, b"}\n"].concat();
    let lowered = |found: &[Found]| found.iter().map(|found| found.1).collect::<Vec<_>>();
    let alone = |path: &str| lowered(&found(&engine(false), &outbound().file(path.as_bytes()), &text));
    assert_eq!(alone("src/key.rs"), [false, true, false, true]);
    // Elsewhere it is quoted.
    assert_eq!(alone("src/key.md"), [false; 4]);
    assert_eq!(lowered(&found(&engine(false), &outbound(), &text)), [false; 4]);
    let archive = wrap::tar(&[(&b"a.rs"[..], &text[..]), (b"b.rs", &made), (b"c.txt", &text)]);
    let in_archive = found(&engine(false), &outbound(), &archive);
    assert_eq!(lowered(&in_archive), [&[false, true, false, true][..], &[false; 5]].concat());
}

/// A mark in what a rule matches is none that stands before it, however it is cut.
#[test]
fn a_mark_in_a_key_changes_nothing() {
    let mut rule = Rule::new("made-key", "made_", r"made_[a-z#\[\]()]{12,60}:[A-Za-z0-9]{24}");
    (rule.confidence, rule.self_issued) = (Confidence::High, true);
    let engine = Engine::builder().rules([rule]).build().unwrap();
    let value = Rng::new(11).text(keys::BASE62, 24);
    let marked = [&b"made_abc#[cfg(test)]abc:"[..], &value].concat();
    for (before, fixture) in [(&b"#[cfg(test)]\n"[..], true), (b"// \n", false)] {
        let text = [before, &marked, b"\n"].concat();
        let told = found(&engine, &outbound().file(b"src/key.rs"), &text);
        assert_eq!(told.iter().map(|found| found.1).collect::<Vec<_>>(), [fixture]);
    }
}

/// What a sender calls the parts of a form says nothing.
#[test]
fn parts_of_forms_are_no_tests() {
    let made = key("made_", 12);
    let form = [
        &b"--x\r\nContent-Disposition: form-data; name=\"tests\"; filename=\"tests/key.pem\"\r\n\r\n"[..],
        &made,
        b"\r\n--x--\r\n",
    ]
    .concat();
    let found = found(&engine(false), &outbound(), &form);
    assert_eq!(found, [(Confidence::High, false, "tests/key.pem".into())]);
}

/// A word in a name is no reason to hide it, a key is, in whatever it stands; nor is half a key shown.
#[test]
fn names_with_words_are_shown() {
    let issued = key("issued_", 7);
    let dashed = [b"issued_ab-", &key("", 13)[..]].concat();
    let between = [b"old_", &key("issued_", 14)[..], b"_bak.txt"].concat();
    let named = key("token=", 10);
    let hidden: [&[u8]; 6] = [&named, &named[..18], &key("issued_", 8)[..19], &issued, &dashed, &between];
    for name in hidden {
        let archive = wrap::tar(&[(name, &issued[..])]);
        let found = found(&engine(false), &Flow::at_rest(), &archive);
        assert!(found.iter().all(|(.., path)| path.is_empty() || path == "<masked>"), "{}", name.len());
        assert!(found.iter().any(|(.., path)| path == "<masked>"), "{}", name.len());
    }
    for name in [
        "src/token/key.rs",
        "src/tokenProviderFactory.java",
        "issued_keys/issued_policies.rs",
        "token_20240115T101500.json",
    ] {
        let found = found(&engine(false), &Flow::at_rest(), &wrap::tar(&[(name.as_bytes(), &issued[..])]));
        assert_eq!(found, [(Confidence::High, false, name.into())]);
    }
}
