//! The built-in rules on the identity lane, against a matcher of whole buffers that shares no code with the engine.

use std::collections::BTreeSet;

use exfilter::rules::{RuleEntry, builtin_entries, example, oracle::Oracle};
use exfilter::{Authority, Engine, Flow, Kind, Limits, Proof, Rule};
use exfilter_testing::{Rng, run, split};

/// (rule, start, end, whether its checksum verified).
type Match = (String, u64, u64, bool);

/// What stands between the pieces: everything a boundary rule has an opinion about.
const GLUE: [&str; 48] = [
    "",
    "",
    "",
    " ",
    "\n",
    "\r\n",
    "=",
    ":",
    ": ",
    "\"",
    "'",
    "`",
    ",",
    "&",
    "?key=",
    "&token=",
    "\\n",
    "\\t",
    "\\\"",
    "\\\\",
    "\\u000a",
    "\\x3d",
    "%3D",
    "%3d",
    "%20",
    "=3D",
    "{\"k\":\"",
    "\"}",
    "(",
    ")",
    "[",
    "]",
    "<b>",
    "</b>",
    "-",
    "_",
    ".",
    "/",
    "+",
    "a",
    "Z",
    "7",
    "x_",
    "\0",
    "\u{e9}",
    "\u{fffd}",
    "://",
    "@",
];

#[test]
fn builtin_rules_find_what_the_oracle_finds() {
    let entries = builtin_entries();
    let rules: Vec<Rule> = entries.iter().map(|entry| entry.rule.clone()).collect();
    let oracle = Oracle::new(&rules);
    let engine = engine(&rules);
    let mut rng = Rng::new(11);
    let mut found = 0;
    for case in 0..cases(400) {
        let content = content(&mut rng, &entries);
        let expected: BTreeSet<Match> = oracle
            .find_all(&content)
            .iter()
            .map(|m| (rules[m.rule].id.clone(), m.start as u64, m.end as u64, m.verified))
            .collect();
        found += expected.len();
        let flow = if rng.one_in(2) { Flow::at_rest() } else { outbound() };
        for chunks in [
            split::whole(content.len()),
            split::random(&mut rng, content.len(), 7),
            split::random(&mut rng, content.len(), 90),
            split::random(&mut rng, content.len(), 3000),
        ] {
            let seen = matches(&engine, &flow, &content, &chunks);
            // Only rule, place and proof are named, never the text: it holds keys.
            assert_eq!(
                seen.symmetric_difference(&expected).collect::<Vec<_>>(),
                Vec::<&Match>::new(),
                "case {case}, {} bytes, seen {} of {}",
                content.len(),
                seen.len(),
                expected.len()
            );
        }
    }
    assert!(found > 400, "the content is to have matches, it had {found}");
}

#[test]
fn every_example_of_every_builtin_rule_is_found_in_every_place() {
    let entries = builtin_entries();
    let rules: Vec<Rule> = entries.iter().map(|entry| entry.rule.clone()).collect();
    let engine = engine(&rules);
    let places = [
        ("", ""),
        ("key=", "&x=1"),
        ("{\"k\": \"", "\"}"),
        ("\\n", "\\n"),
        ("%3D", "%26"),
        (": '", "'\n"),
        ("\n", "\r\n"),
    ];
    let mut rng = Rng::new(12);
    for entry in &entries {
        for template in &entry.examples {
            let text = example::expand(template, entry.rule.checksum, rng.next_u64()).unwrap();
            for (before, after) in places {
                let content = [before.as_bytes(), &text, after.as_bytes()].concat();
                for chunks in [split::whole(content.len()), split::every(content.len(), 1)] {
                    let seen = matches(&engine, &outbound(), &content, &chunks);
                    assert!(
                        seen.iter().any(|m| m.0 == entry.rule.id),
                        "{} is not found between {before:?} and {after:?}",
                        entry.rule.id
                    );
                }
            }
        }
    }
}

#[test]
fn no_counter_example_of_a_builtin_rule_is_found() {
    let entries = builtin_entries();
    let rules: Vec<Rule> = entries.iter().map(|entry| entry.rule.clone()).collect();
    let engine = engine(&rules);
    for entry in &entries {
        for template in &entry.counter_examples {
            for seed in 0..3 {
                let content = example::expand(template, None, seed).unwrap();
                let seen = matches(&engine, &outbound(), &content, &split::every(content.len(), 1));
                assert!(
                    !seen.iter().any(|m| m.0 == entry.rule.id),
                    "{}: a counter-example is found",
                    entry.rule.id
                );
            }
        }
    }
}

/// Enough by default to meet every rule, `EXFILTER_CASES` of them in the long run.
fn cases(default: usize) -> usize {
    std::env::var("EXFILTER_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn outbound() -> Flow {
    Flow::outbound(Authority::parse(b"https://example.com").unwrap())
}

fn engine(rules: &[Rule]) -> Engine {
    let mut limits = Limits::default();
    limits.findings = u32::MAX;
    Engine::builder().rules(rules.iter().cloned()).limits(limits).build().unwrap()
}

/// The findings in the stream itself; what base64 inside it yields is not the oracle's business.
fn matches(engine: &Engine, flow: &Flow, content: &[u8], chunks: &[usize]) -> BTreeSet<Match> {
    let run = run::run(engine, flow, content, chunks);
    run.events
        .iter()
        .filter(|(_, path)| path.is_empty())
        .filter_map(|(event, _)| match event {
            exfilter::Event::Finding(finding) => Some(finding),
            _ => None,
        })
        .map(|finding| {
            let Kind::Rule(id) = finding.kind() else { panic!("no secret is enrolled") };
            let outer = finding.outer();
            (engine.rule(id).id.clone(), outer.start, outer.end, finding.proof() == Proof::Verified)
        })
        .collect()
}

/// A glue of keys, things that nearly are keys, and what stands around keys.
fn content(rng: &mut Rng, entries: &[RuleEntry]) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..2 + rng.below(30) {
        let entry = rng.pick(entries);
        let mut piece = match rng.below(8) {
            0 => rng.pick(&entry.rule.literals).as_bytes().to_vec(),
            1 => exfilter_testing::wrap::text(rng),
            2 if !entry.counter_examples.is_empty() => {
                example::expand(rng.pick(&entry.counter_examples[..]).as_str(), None, rng.next_u64()).unwrap()
            }
            _ => example::expand(rng.pick(&entry.examples[..]).as_str(), entry.rule.checksum, rng.next_u64())
                .unwrap(),
        };
        if rng.one_in(3) {
            mutate(rng, &mut piece, &entry.rule);
        }
        out.extend(rng.pick(&GLUE).as_bytes());
        out.extend(piece);
        if rng.one_in(2) {
            out.extend(rng.pick(&GLUE).as_bytes());
        }
    }
    out
}

fn mutate(rng: &mut Rng, piece: &mut Vec<u8>, rule: &Rule) {
    for _ in 0..1 + rng.below(2) {
        let at = rng.below(piece.len() + 1);
        match rng.below(6) {
            0 => piece.truncate(at),
            1 if at < piece.len() => drop(piece.remove(at)),
            2 if at < piece.len() => piece[at] = *rng.pick(b"aZ0_-+/=. \n%"),
            3 => piece.insert(at, *rng.pick(b"aZ0_-+/=. \n%")),
            // A literal inside a match, or before it: what a later start must not win against.
            4 => drop(piece.splice(at..at, rng.pick(&rule.literals).bytes())),
            _ => {
                let again = piece[at..].to_vec();
                piece.extend(again);
            }
        }
    }
}
