//! Coded conversations that are sent again with every turn: what they decode to is compared, and the outcome is that of looking into all of the body.

use exfilter::inspector::Prefixes;
use exfilter::{Engine, Event, Inspector};
use exfilter_testing::{Rng, keys, split};

use super::bodies::{gzip, zstd};
use super::prefixes::{body, message, prose};
use super::{Outcome, Request, engine};

const TO: &str = "https://api.anthropic.com";

fn turn(coding: &str, coded: &[u8]) -> Request {
    Request::new(TO, "POST", "/v1/messages")
        .field("content-length", coded.len().to_string())
        .field("content-encoding", coding)
        .editable()
        .body(coded)
}

/// What was found, wherever it stands: in the coded body a finding stands elsewhere than in its text.
fn found(outcome: &Outcome) -> Vec<String> {
    let mut all: Vec<String> = outcome
        .sightings
        .iter()
        .filter_map(|sighting| match sighting.event() {
            Event::Finding(finding) => {
                Some(format!("{:?} {:?} {:?}", finding.kind(), finding.confidence(), finding.id()))
            }
            _ => None,
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The same request, of which no length is told: all of its body is looked into.
fn chunked(request: &Request) -> Request {
    let mut request = request.clone();
    request.fields[0] = ("transfer-encoding".into(), b"chunked".to_vec());
    request
}

/// What is different, without a byte of what was sent.
fn differ(one: &Outcome, other: &Outcome) -> Vec<&'static str> {
    let checks = [
        ("verdict", one.blocked == other.blocked),
        ("sent", one.sent == other.sent),
        ("replacement", one.replacement == other.replacement),
        ("head", one.head_left == other.head_left),
        ("coverage", one.complete == other.complete),
        ("findings", found(one) == found(other)),
    ];
    checks.iter().filter(|(_, same)| !same).map(|(name, _)| *name).collect()
}

/// Sends a request in some chunks, to an embedder that keeps the body and to one that does not, without a memory, and once more when its beginning is known: all of these are as if all of the body was looked into.
fn compare(engine: &Engine, prefixes: &Prefixes, request: &Request, rng: &mut Rng, what: &str) -> Outcome {
    let plain = chunked(request).run(engine);
    for (held, is_session) in [(false, true), (true, true), (true, true), (false, false)] {
        let chunks = match rng.below(3) {
            0 => split::whole(request.body.len()),
            1 => split::every(request.body.len(), 1000),
            _ => split::random(rng, request.body.len(), 9_000),
        };
        let mut inspection = request.inspection();
        if is_session {
            inspection.prefixes(prefixes);
        }
        if held {
            inspection.held();
        }
        let outcome = request.run_in(engine, &inspection, &chunks);
        let differ = differ(&outcome, &plain);
        assert!(differ.is_empty(), "{what}, held: {held}, a session: {is_session}: {differ:?}");
        assert!(!outcome.head_left, "{what}: a body that may be replaced has another head");
    }
    plain
}

#[test]
fn a_coded_conversation_has_the_same_outcome() {
    let mut rng = Rng::new(191);
    let value = rng.text(keys::BASE62, 40);
    let engine = engine(&[("DEPLOY", &value, &[])]);
    let prefixes = Prefixes::new();
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let (mut refused, mut replaced) = (0, 0);
    for round in 0..16 {
        let len = [900, 30_000, 90_000][rng.below(3)];
        messages.push(message(&prose(&mut rng, len)));
        let mut sent = messages.clone();
        if round % 3 == 1 {
            let mut secret = if rng.below(2) == 0 { keys::github(&mut rng, "ghp_") } else { value.clone() };
            if round % 2 == 0 {
                // Compressed in the text, where nothing can be redacted.
                secret = exfilter_testing::wrap::base64(&gzip(&secret), false, true);
            }
            let at = rng.below(sent.len());
            let place = 30 + rng.below(sent[at].len() - 34);
            sent[at].splice(place..place, [b" ", &secret[..], b" "].concat());
        }
        let text = body(&sent);
        let (coding, coded) = if round % 2 == 0 { ("zstd", zstd(&text)) } else { ("gzip", gzip(&text)) };
        let request = turn(coding, &coded);
        let plain = compare(&engine, &prefixes, &request, &mut rng, &format!("round {round}"));
        assert!(!plain.shows(&value));
        refused += usize::from(plain.blocked);
        replaced += usize::from(plain.replacement.is_some());
    }
    assert!(!prefixes.is_empty() && refused > 0 && replaced > 0, "{refused} refused, {replaced} replaced");
}

/// A conversation is the same one in whatever coding it comes.
#[test]
fn texts_are_compared_and_not_their_codings() {
    let mut rng = Rng::new(192);
    let engine = engine(&[]);
    let prefixes = Prefixes::new();
    let text = body(&[message(&prose(&mut rng, 200_000))]);
    let send = |request: &Request| {
        let mut inspection = request.inspection();
        inspection.prefixes(&prefixes);
        let outcome = request.run_in(&engine, &inspection, &split::whole(request.body.len()));
        assert!(!outcome.blocked && outcome.complete && outcome.sent == request.body);
        prefixes.len()
    };
    let known = send(&turn("gzip", &gzip(&text)));
    assert!(known > 4, "{known} blocks");
    assert_eq!(send(&turn("zstd", &zstd(&text))), known);
    let plain = Request::new(TO, "POST", "/v1/messages")
        .field("content-length", text.len().to_string())
        .editable()
        .body(&text);
    assert_eq!(send(&plain), known);
}

/// What stands beside the text of a coded body is examined, and what is no whole body of its coding is refused, whether or not its text is known.
#[test]
fn what_stands_beside_the_text_is_examined() {
    let mut rng = Rng::new(193);
    let token = keys::github(&mut rng, "ghp_");
    let engine = engine(&[]);
    let prefixes = Prefixes::new();
    let text = body(&[message(&prose(&mut rng, 120_000))]);
    let (gz, zs) = (gzip(&text), zstd(&text));
    for (coding, coded) in [("gzip", &gz), ("zstd", &zs)] {
        let clean = compare(&engine, &prefixes, &turn(coding, coded), &mut rng, coding);
        assert!(!clean.blocked && clean.complete && clean.sightings.is_empty());
    }
    // With a field of the header: its flag, and what stands behind the ten fixed bytes.
    let field = |flag: u8, field: &[u8]| [&gz[..3], &[flag], &gz[4..10], field, &gz[10..]].concat();
    let skippable = |len: usize, content: &[u8]| {
        [&[0x5a, 0x2a, 0x4d, 0x18], &(len as u32).to_le_bytes()[..], content].concat()
    };
    let extra = [&(token.len() as u16).to_le_bytes()[..], &token].concat();
    let corrupt = |coded: &[u8], at: usize| {
        let mut coded = coded.to_vec();
        let at = coded.len() - at;
        coded[at] ^= 1;
        coded
    };
    let named = [&token[..], b"\0"].concat();
    let with_key = body(&[message(&prose(&mut rng, 50_000)), message(&token)]);
    let beyond = exfilter_testing::zstd::beyond_window(&mut rng, &token);
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("gzip", "name", field(8, &named)),
        ("gzip", "comment", field(16, &named)),
        ("gzip", "extra field", field(4, &extra)),
        ("gzip", "a second member", [&gz[..], &gzip(&with_key)].concat()),
        ("gzip", "a second member with a name", [&gz[..], &field(8, &named)].concat()),
        ("gzip", "a tail", [&gz[..], b"\n", &token].concat()),
        ("gzip", "a wrong checksum", corrupt(&gz, 6)),
        ("gzip", "a wrong length", corrupt(&gz, 1)),
        ("gzip", "cut off", gz[..gz.len() - 9].to_vec()),
        ("gzip", "cut in its text", gz[..gz.len() / 2].to_vec()),
        ("gzip", "not coded", with_key.clone()),
        ("gzip", "in the other coding", zstd(&with_key)),
        ("gzip", "coded twice", gzip(&gzip(&with_key))),
        ("zstd", "a skippable frame before", [&skippable(token.len(), &token)[..], &zs].concat()),
        ("zstd", "a skippable frame behind", [&zs[..], &skippable(token.len(), &token)].concat()),
        ("zstd", "a second frame", [&zs[..], &zstd(&with_key)].concat()),
        ("zstd", "a tail", [&zs[..], b"\n", &token].concat()),
        ("zstd", "a match from beyond the window", beyond),
        ("zstd", "cut off", zs[..zs.len() - 20].to_vec()),
        ("zstd", "not coded", with_key),
    ];
    for (coding, what, coded) in cases {
        let request = turn(coding, &coded);
        let outcome = compare(&engine, &prefixes, &request, &mut rng, what);
        assert!(outcome.blocked || outcome.replacement.is_some(), "{what}");
        assert!(!outcome.sent.windows(token.len()).any(|w| w == token), "{what}");
    }
}

/// A text that is much longer than its coding is no conversation: the limits of a stream are those for it.
#[test]
fn long_texts_of_short_bodies_are_looked_into() {
    let mut rng = Rng::new(194);
    let token = keys::github(&mut rng, "ghp_");
    let engine = engine(&[]);
    let prefixes = Prefixes::new();
    let noise = rng.text(keys::BASE62, 14_000);
    let text = [&noise[..], b" ", &token, b" ", &b"x ".repeat(2 << 20)].concat();
    for (coding, coded) in [("gzip", gzip(&text)), ("zstd", zstd(&text))] {
        assert!(coded.len() > 9_000, "{} bytes are compared", coded.len());
        assert!(compare(&engine, &prefixes, &turn(coding, &coded), &mut rng, coding).blocked);
    }
}

#[test]
fn damaged_bodies_have_the_same_outcome() {
    let mut rng = Rng::new(195);
    let token = keys::github(&mut rng, "ghp_");
    let engine = engine(&[]);
    let prefixes = Prefixes::new();
    let text = body(&[message(&prose(&mut rng, 40_000)), message(&token), message(&prose(&mut rng, 5_000))]);
    for case in 0..24 {
        let (coding, mut coded) = if case % 2 == 0 { ("gzip", gzip(&text)) } else { ("zstd", zstd(&text)) };
        for _ in 0..=rng.below(2) {
            let at = if rng.below(3) == 0 { rng.below(16) } else { rng.below(coded.len()) };
            match rng.below(3) {
                0 => coded[at] ^= 1 << rng.below(8),
                1 => drop(coded.splice(at..at, rng.bytes(3))),
                _ => coded.truncate(at.max(9_000)),
            }
        }
        let outcome = compare(&engine, &prefixes, &turn(coding, &coded), &mut rng, &format!("case {case}"));
        assert!(outcome.blocked || outcome.replacement.is_some(), "case {case}");
    }
}

/// Whoever keeps the body and hands over another one, or none, gets a refusal where something is to be replaced, or the body has not been looked into yet.
#[test]
fn another_body_than_the_one_that_came_is_refused() {
    let mut rng = Rng::new(196);
    let engine = engine(&[]);
    let prefixes = Prefixes::new();
    let clean = body(&[message(&prose(&mut rng, 90_000))]);
    let with_key = body(&[message(&prose(&mut rng, 90_000)), message(&keys::github(&mut rng, "ghp_"))]);
    for (what, coded) in
        [("redacted", gzip(&with_key)), ("two members", [gzip(&clean), gzip(&clean)].concat())]
    {
        let request = turn("gzip", &coded);
        let run = |pieces: &[&[u8]]| {
            let mut inspection = request.inspection();
            inspection.held().prefixes(&prefixes);
            let mut inspector = Inspector::new(&engine, &inspection, request.head()).unwrap();
            for chunk in coded.chunks(5_000) {
                assert_eq!(inspector.push(chunk).through(), Some(0), "{what}");
            }
            inspector.finish_held(pieces).is_block()
        };
        let (first, rest) = coded.split_at(7);
        assert!(!run(&[&coded]) && !run(&[first, b"", rest]), "{what}");
        for other in [&[][..], &[first], &[rest], &[&coded[..], b"x"], &[&coded[..], &coded[..]]] {
            assert!(run(other), "{what}, {} pieces", other.len());
        }
    }
}

/// More bytes than the head said are examined too.
#[test]
fn bodies_that_are_longer_than_their_heads_say_are_examined() {
    let mut rng = Rng::new(197);
    let token = keys::github(&mut rng, "ghp_");
    let engine = engine(&[]);
    let prefixes = Prefixes::new();
    let coded = gzip(&body(&[message(&prose(&mut rng, 200_000)), message(&token)]));
    for held in [false, true] {
        let mut request = turn("gzip", &coded);
        request.fields[0].1 = b"9000".to_vec();
        let mut inspection = request.inspection();
        inspection.prefixes(&prefixes).replace_max(coded.len() - 100);
        if held {
            inspection.held();
        }
        let outcome = request.run_in(&engine, &inspection, &split::every(coded.len(), 4000));
        assert!(outcome.blocked, "held: {held}");
        assert!(outcome.sent.len() < coded.len(), "held: {held}");
    }
}

/// Of what is refused by its head nobody keeps the body, and it is examined to its end all the same.
#[test]
fn the_body_of_what_is_refused_already_is_looked_into() {
    let mut rng = Rng::new(198);
    let value = rng.text(keys::BASE62, 40);
    let token = keys::github(&mut rng, "ghp_");
    let engine = engine(&[("DEPLOY", &value, &[])]);
    let coded = gzip(&body(&[message(&prose(&mut rng, 60_000)), message(&value)]));
    let request = turn("gzip", &coded).field("x-note", &token);
    let mut inspection = request.inspection();
    inspection.held().prefixes(&Prefixes::new());
    let mut inspector = Inspector::new(&engine, &inspection, request.head()).unwrap();
    assert!(inspector.verdict().is_block());
    for chunk in coded.chunks(5_000) {
        assert!(inspector.push(chunk).is_block());
    }
    assert!(inspector.finish_held([] as [&[u8]; 0]).is_block());
    assert!(inspector.is_hit(), "the enrolled secret in the body counts");
}

#[test]
fn what_comes_behind_the_end_is_misuse() {
    let mut rng = Rng::new(199);
    let engine = engine(&[]);
    let coded = gzip(&body(&[message(&prose(&mut rng, 60_000))]));
    let request = turn("gzip", &coded);
    let mut inspector = Inspector::new(&engine, &request.inspection(), request.head()).unwrap();
    let _ = inspector.push(&coded);
    assert_eq!(inspector.finish().through(), Some(coded.len() as u64));
    assert!(inspector.push(b"x").is_block());
    assert!(inspector.finish().is_block());
}
