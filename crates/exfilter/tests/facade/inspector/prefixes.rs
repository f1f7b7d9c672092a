//! Conversations that are sent again with every turn: what was found clean before is compared, and the outcome is that of examining all of it.

use exfilter::inspector::Prefixes;
use exfilter::{Authority, Flow, Inspection, Inspector};
use exfilter_testing::wrap::{self, LAYERS};
use exfilter_testing::{Rng, keys, split};

use super::{Outcome, Request, engine};

const TO: &str = "https://api.anthropic.com";

fn turn(body: &[u8]) -> Request {
    Request::new(TO, "POST", "/v1/messages")
        .field("content-length", body.len().to_string())
        .editable()
        .body(body)
}

/// Text as it stands in messages: prose and code, with names, digests and escapes.
pub(super) fn prose(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 64);
    while out.len() < len {
        match rng.below(12) {
            0 => out.extend(rng.text(keys::HEX, 40)),
            1 => out.extend(wrap::base64(&rng.bytes(30), false, true)),
            2 => out.extend(b"\\n    let value = \\\"a\\\";"),
            3 => out.extend(b"https://docs.example.com/a/b?c=d"),
            _ => {
                let n = 2 + rng.below(9);
                out.extend(rng.text(keys::BASE62, n));
            }
        }
        out.push(b' ');
    }
    out
}

/// What is different, without a byte of what was sent.
fn differ(one: &Outcome, other: &Outcome) -> Vec<&'static str> {
    let checks = [
        ("verdict", one.blocked == other.blocked),
        // What has left before a refusal goes by how the body was cut.
        ("sent", one.sent == other.sent || one.blocked && other.blocked),
        ("sightings", one.sightings == other.sightings),
        ("text", one.text == other.text),
        ("coverage", one.complete == other.complete),
        ("replacement", one.replacement == other.replacement),
        ("head", one.head == other.head && one.head_left == other.head_left),
        ("reply", one.subject == other.subject && one.operator == other.operator),
    ];
    checks.iter().filter(|(_, same)| !same).map(|(name, _)| *name).collect()
}

pub(super) fn message(text: &[u8]) -> Vec<u8> {
    [b"{\"role\": \"user\", \"content\": \"", text, b"\"}"].concat()
}

pub(super) fn body(messages: &[Vec<u8>]) -> Vec<u8> {
    [b"{\"model\": \"m\", \"messages\": [", &messages.join(&b", "[..])[..], b"]}"].concat()
}

#[test]
fn a_conversation_that_is_sent_again_has_the_same_outcome() {
    let mut rng = Rng::new(81);
    let value = rng.text(keys::BASE62, 40);
    let engine = engine(&[("DEPLOY", &value, &[])]);
    let prefixes = Prefixes::new();
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let (mut refused, mut edited) = (0, 0);
    for round in 0..40 {
        let len = [500, 9_000, 70_000, 30_000][rng.below(4)];
        messages.push(message(&prose(&mut rng, len)));
        let mut sent = messages.clone();
        if round % 3 == 1 {
            // Something that must not leave, at the end, or anywhere in what was clean before.
            let mut secret = if rng.below(2) == 0 { keys::github(&mut rng, "ghp_") } else { value.clone() };
            for _ in 0..rng.below(2) {
                let layer = LAYERS[rng.below(LAYERS.len())];
                secret = wrap::wrap(&mut rng, layer, &secret);
            }
            let at = if rng.below(2) == 0 { sent.len() - 1 } else { rng.below(sent.len()) };
            let place = 30 + rng.below(sent[at].len() - 34);
            sent[at].splice(place..place, [b" ", &secret[..], b" "].concat());
        }
        let request = turn(&body(&sent));
        let plain = request.run(&engine);
        let chunks = if round % 2 == 0 {
            split::whole(request.body.len())
        } else {
            split::random(&mut rng, request.body.len(), 50_000)
        };
        let mut inspection = request.inspection();
        inspection.prefixes(&prefixes);
        let outcome = request.run_in(&engine, &inspection, &chunks);
        assert!(differ(&outcome, &plain).is_empty(), "round {round}: {:?}", differ(&outcome, &plain));
        assert!(
            !outcome.blocked || request.body.starts_with(&outcome.sent) && !outcome.shows(&value),
            "round {round}"
        );
        refused += usize::from(plain.blocked);
        edited += usize::from(!plain.blocked && plain.sent != request.body);
        if round == 30 {
            // Another conversation of the same session.
            messages.clear();
        }
    }
    assert!(
        !prefixes.is_empty() && refused + edited > 6,
        "{} blocks, {refused} refused, {edited} edited",
        prefixes.len()
    );
}

/// What stands over the end of a block, or of what was clean, is found wherever it is cut.
#[test]
fn nothing_hides_where_a_prefix_ends() {
    let mut rng = Rng::new(82);
    let engine = engine(&[]);
    let clean = prose(&mut rng, 200_000);
    for at in (0..60).map(|n| (64 << 10) - 50 + n).chain([98_304, 131_072 - 20, 131_072 + 1]) {
        let prefixes = Prefixes::new();
        let key = keys::github(&mut rng, "ghp_");
        // The key's beginning is clean and known, and what makes it a key comes with the next turn.
        let known = [&clean[..at], b" ", &key[..at % 30], b" ", &clean[at..]].concat();
        let whole = [&clean[..at], b" ", &key[..], b" ", &clean[at..]].concat();
        for (bytes, is_found) in [(&known, false), (&whole, true), (&known, false)] {
            let request = turn(bytes);
            let mut inspection = request.inspection();
            inspection.prefixes(&prefixes);
            let outcome = request.run_in(&engine, &inspection, &split::whole(bytes.len()));
            assert_eq!(!outcome.sightings.is_empty(), is_found, "at {at}");
            let plain = request.run(&engine);
            assert!(differ(&outcome, &plain).is_empty(), "at {at}: {:?}", differ(&outcome, &plain));
        }
    }
}

#[test]
fn another_host_and_another_engine_know_nothing() {
    let mut rng = Rng::new(83);
    let engine = engine(&[]);
    let clean = body(&[message(&prose(&mut rng, 200_000))]);
    let prefixes = Prefixes::new();
    let send = |to, engine| {
        let request = Request { to, ..turn(&clean) };
        let mut inspection = request.inspection();
        inspection.prefixes(&prefixes);
        assert!(!request.run_in(engine, &inspection, &split::whole(clean.len())).blocked);
        prefixes.len()
    };
    let blocks = send(TO, &engine);
    assert_eq!(blocks, clean.len() / (32 << 10));
    assert_eq!(send(TO, &engine), blocks, "they are known");
    assert_eq!(send("https://other.example", &engine), 2 * blocks);
    // A secret that is enrolled later has to be found in what was clean before.
    let value = &clean[100_000..100_030];
    let later = super::engine(&[("LATER", value, &[])]);
    let request = turn(&clean);
    let mut inspection = request.inspection();
    inspection.prefixes(&prefixes);
    let outcome = request.run_in(&later, &inspection, &split::whole(clean.len()));
    assert_eq!(differ(&outcome, &request.run(&later)), [""; 0]);
    assert!(!outcome.sightings.is_empty());
}

/// What was found is found again with every turn, as long as it stands there.
#[test]
fn nothing_is_remembered_behind_a_finding() {
    let mut rng = Rng::new(84);
    let engine = engine(&[]);
    let token = keys::github(&mut rng, "ghp_");
    let mut text = prose(&mut rng, 400_000);
    text.splice(100_000..100_000, [b" ", &token[..], b" "].concat());
    let prefixes = Prefixes::new();
    for _ in 0..3 {
        let request = turn(&text);
        let mut inspection = request.inspection();
        inspection.prefixes(&prefixes);
        let outcome = request.run_in(&engine, &inspection, &split::whole(text.len()));
        assert_eq!(outcome.sightings.len(), 1);
        assert_eq!(differ(&outcome, &request.run(&engine)), [""; 0]);
    }
}

/// A body that is under way goes by its own engine alone, whatever engine the session has had since.
#[test]
fn what_another_engine_found_clean_is_not_believed() {
    let mut rng = Rng::new(87);
    let value = rng.text(keys::BASE62, 40);
    let (before, after) = (engine(&[]), engine(&[("LATER", &value, &[])]));
    let mut text = prose(&mut rng, 200_000);
    text.splice(50_000..50_000, [b" ", &value[..], b" "].concat());
    let prefixes = Prefixes::new();
    let request = turn(&text);
    let mut inspection = request.inspection();
    inspection.prefixes(&prefixes);
    let mut under_way = Inspector::new(&after, &inspection, request.head()).unwrap();
    assert!(!request.run_in(&before, &inspection, &split::whole(text.len())).blocked);
    assert!(!prefixes.is_empty());
    let _ = under_way.push(&text);
    let _ = under_way.finish();
    assert!(under_way.poll().is_some(), "it is found");
}

/// What is cut in two by a turn's end, or was decoded just before, is no reason to refuse the next turn.
#[test]
fn attachments_that_end_near_a_block_stay_clean() {
    let mut rng = Rng::new(88);
    let engine = engine(&[]);
    let noise = rng.bytes(6_000);
    let zip = wrap::zip(&mut rng, &noise);
    let zip = wrap::base64(&zip, false, true);
    let codes: Vec<u8> = (0..900).flat_map(|_| format!("{}, ", 60 + rng.below(60)).into_bytes()).collect();
    let hex = rng.text(keys::HEX, 4_000);
    for attachment in [&zip, &codes, &hex] {
        for back in (0..6_000).step_by(229) {
            let at = (64_usize << 10) - back;
            let before = prose(&mut rng, at.saturating_sub(attachment.len()));
            let mut text =
                [&before[..at.saturating_sub(attachment.len() + 1)], b"\"", attachment, b"\" "].concat();
            text.extend(prose(&mut rng, 120_000));
            let prefixes = Prefixes::new();
            let request = turn(&text);
            let plain = request.run(&engine);
            for _ in 0..2 {
                let mut inspection = request.inspection();
                inspection.prefixes(&prefixes);
                let outcome = request.run_in(&engine, &inspection, &split::whole(text.len()));
                assert!(differ(&outcome, &plain).is_empty(), "{back}: {:?}", differ(&outcome, &plain));
            }
        }
    }
}

/// An empty chunk changes nothing.
#[test]
fn empty_chunks_take_nothing_back() {
    let mut rng = Rng::new(89);
    let engine = engine(&[]);
    let text = prose(&mut rng, 200_000);
    let request = turn(&text);
    let mut inspection = request.inspection();
    inspection.prefixes(&Prefixes::new());
    for _ in 0..2 {
        let mut inspector = Inspector::new(&engine, &inspection, request.head()).unwrap();
        let mut through = 0;
        for chunk in text.chunks(30_000) {
            for chunk in [chunk, b""] {
                let now = inspector.push(chunk).through().unwrap();
                assert!(now >= through, "{now} after {through}");
                through = now;
            }
        }
        assert_eq!(inspector.finish().through(), Some(text.len() as u64));
    }
}

/// The stream that goes on finds what the one that was left would have found.
#[test]
fn a_stream_goes_on_where_another_one_settled() {
    let mut rng = Rng::new(85);
    let engine = engine(&[]);
    let flow = || Flow::outbound(Authority::parse(TO.as_bytes()).unwrap()).reference(7);
    let (mut settled, mut tried) = (0, 0);
    for _ in 0..60 {
        let mut bytes = prose(&mut rng, 12_000);
        let at = rng.below(8_000);
        let mut first = engine.stream(flow());
        let _ = first.push(&bytes[..at]);
        tried += 1;
        let Some(decided) = first.settled() else { continue };
        settled += 1;
        assert!(decided <= at as u64);
        let key = keys::github(&mut rng, "ghp_");
        let place = at + rng.below(bytes.len() - at);
        bytes.splice(place..place, [b" ", &key[..], b" "].concat());
        let from = decided.saturating_sub(4096);
        let mut second = engine.stream(flow());
        second.resume(from);
        let _ = first.push(&bytes[at..]);
        let _ = second.push(&bytes[from as usize..]);
        assert_eq!(first.finish(), second.finish());
        let found = |stream: &mut exfilter::Stream| {
            std::iter::from_fn(|| stream.poll_event()).map(|event| format!("{event:?}")).collect::<Vec<_>>()
        };
        assert_eq!(found(&mut first), found(&mut second));
        assert_eq!(first.settled(), None);
    }
    assert!(settled * 4 > tried, "{settled} of {tried}");
}

#[test]
fn what_is_under_way_is_not_settled() {
    let engine = engine(&[]);
    let mut rng = Rng::new(86);
    let flow = || Flow::outbound(Authority::parse(TO.as_bytes()).unwrap()).reference(7);
    let settled = |bytes: &[u8]| {
        let mut stream = engine.stream(flow());
        let _ = stream.push(bytes);
        stream.settled()
    };
    let text = b"nothing to see here, ".repeat(400);
    let behind = |bytes: &[u8]| settled(&[&text[..], bytes].concat());
    assert!(behind(b"").is_some_and(|at| at > text.len() as u64 - 64));
    let noise = rng.bytes(5000);
    assert_eq!(behind(&wrap::gzip(&mut rng, &noise)[..3000]), None);
    assert_eq!(behind(&wrap::base64(&rng.bytes(5000), false, true)), None, "a run goes on");
    let token = keys::github(&mut rng, "ghp_");
    assert_eq!(behind(&[&token[..], &b" and more".repeat(30)].concat()), None, "found");
    for piece in [&token[..20], &token] {
        assert!(behind(piece).is_none_or(|at| at <= text.len() as u64), "it may become a key");
    }
    let mut at_rest = engine.stream(Flow::at_rest());
    let _ = at_rest.push(&text);
    assert_eq!(at_rest.settled(), None);
}

#[test]
fn a_head_that_is_sent_again_has_the_same_outcome() {
    let mut rng = Rng::new(86);
    let (value, other) = (rng.text(keys::BASE62, 40), rng.text(keys::BASE62, 40));
    let first = engine(&[("DEPLOY", &value, &[])]);
    // As after a reload: what was clean is no more.
    let second = engine(&[("DEPLOY", &value, &[]), ("OTHER", &other, &[])]);
    let prefixes = Prefixes::new();
    let request = |to: &'static str, path: &str, fields: &[(&str, &str)], len: &str| {
        let mut request = Request::new(to, "POST", path).field("content-length", len);
        for (name, value) in fields {
            request = request.field(name, value);
        }
        request.body(vec![b'.'; len.parse().expect("a length")])
    };
    let (secret, hidden) = (super::text(&value), super::text(&other));
    let (secret, hidden) = (secret.as_str(), hidden.as_str());
    let plain = [("x-app", "cli"), ("user-agent", "claude-cli/2.0"), ("x-b", "c")];
    let cases = [
        (TO, "/v1/messages", plain.to_vec(), "20"),
        // Another length, another order, the same bytes in other fields, another host, another path.
        (TO, "/v1/messages", plain.to_vec(), "21"),
        (TO, "/v1/messages", vec![plain[1], plain[0], plain[2]], "20"),
        (TO, "/v1/messages", vec![plain[0], plain[1], ("x-bc", "")], "20"),
        ("https://api.openai.com", "/v1/messages", plain.to_vec(), "20"),
        (TO, "/v1/messages?beta=true", plain.to_vec(), "20"),
        // What must not leave, and what only the second engine knows.
        (TO, "/v1/messages", vec![plain[0], plain[1], ("x-b", secret)], "20"),
        (TO, "/v1/messages", vec![plain[0], plain[1], ("x-b", hidden)], "20"),
    ];
    for engine in [&first, &second, &first] {
        for (to, path, fields, len) in cases.iter().chain(&cases) {
            let request = request(to, path, fields, len);
            let mut inspection = request.inspection();
            inspection.prefixes(&prefixes);
            let outcome = request.run_in(engine, &inspection, &split::whole(request.body.len()));
            let wanted = request.run(engine);
            let is_known = |value: &str| value == secret || value == hidden && engine.is_same(&second);
            let stands = fields.iter().any(|(_, value)| is_known(value));
            assert_eq!((outcome.blocked, wanted.blocked), (stands, stands));
            assert!(differ(&outcome, &wanted).is_empty(), "{path}: {:?}", differ(&outcome, &wanted));
            // A head that is known for one host is none for another.
            let elsewhere = if *to == TO { "https://api.openai.com" } else { TO };
            let mut inspection =
                Inspection::new(Authority::parse(elsewhere.as_bytes()).expect("an authority"));
            inspection.prefixes(&prefixes);
            assert!(Inspector::new(engine, &inspection, request.head()).is_err());
        }
    }
}
