//! Bodies behind a head that was found clean before: what is called clean is what an inspector of the whole request has nothing to tell of.

use std::sync::Arc;

use exfilter::inspector::{Prefixes, Repeat, Uploads};
use exfilter::substitute::{AwsKeys, Substitutes};
use exfilter::{Action, Binding, FindingId, HostPattern, Inspection, Inspector, Session, Slot};
use exfilter_testing::wrap::{self, LAYERS};
use exfilter_testing::{Rng, canary, framing, keys, split};

use super::prefixes::{body, message, prose};
use super::{Request, engine, text};

const TO: &str = "https://api.anthropic.com";

fn post(to: &'static str) -> Request {
    Request::new(to, "POST", "/v1/messages").field("content-type", "application/json").editable()
}

fn repeat_of(engine: &exfilter::Engine, inspection: &Inspection, request: &Request) -> Option<Repeat> {
    let mut inspector = Inspector::new(engine, inspection, request.head()).unwrap();
    let _ = inspector.push(&request.body);
    let _ = inspector.finish();
    while inspector.poll().is_some() {}
    inspector.into_repeat()
}

#[test]
fn a_body_is_clean_where_an_inspector_finds_nothing() {
    let mut rng = Rng::new(701);
    let value = rng.text(keys::BASE62, 40);
    let engine = engine(&[("DEPLOY", &value, &["api.anthropic.com form:token"])]);
    let (mut clean, mut others) = (0, 0);
    for held in [false, true] {
        let first = post(TO).body("{}");
        let inspection = || {
            let mut inspection = first.inspection();
            if held {
                inspection.held();
            }
            inspection
        };
        let mut repeat = repeat_of(&engine, &inspection(), &first).expect("it was clean");
        for round in 0..250 {
            let len = [0, 3, 200, 5_000, 20_000, 60_000][rng.below(6)];
            let mut sent = match rng.below(4) {
                0 => rng.bytes(len),
                1 => prose(&mut rng, len),
                2 => wrap::text(&mut rng),
                _ => body(&[message(&prose(&mut rng, len))]),
            };
            if rng.one_in(2) {
                let mut secret = if rng.one_in(2) { keys::github(&mut rng, "ghp_") } else { value.clone() };
                for _ in 0..rng.below(3) {
                    let layer = LAYERS[rng.below(LAYERS.len())];
                    secret = wrap::wrap(&mut rng, layer, &secret);
                }
                if rng.one_in(4) {
                    secret = framing::any(&mut rng, &secret).1;
                }
                let at = [0, rng.below(sent.len() + 1), sent.len()][rng.below(3)];
                // A beginning of one, too.
                let end = if rng.one_in(3) { rng.below(secret.len() + 1) } else { secret.len() };
                sent.splice(at..at, secret[..end].iter().copied());
            }
            let request = first.clone().body(&sent);
            let outcome = request.run_in(&engine, &inspection(), &split::whole(sent.len()));
            let is_clean = !outcome.blocked
                && outcome.sightings.is_empty()
                && outcome.complete
                && outcome.sent == sent
                && outcome.replacement.is_none();
            let is_short = sent.len() < 64 << 10;
            assert_eq!(repeat.is_clean(&sent), is_clean && is_short, "round {round}, {} bytes", sent.len());
            *(if is_clean { &mut clean } else { &mut others }) += 1;
        }
    }
    assert!(clean > 100 && others > 100, "{clean} clean, {others} not");
}

#[test]
fn a_secret_that_another_body_began_is_none() {
    let mut rng = Rng::new(702);
    let engine = engine(&[]);
    let first = post(TO).body("{}");
    let key = keys::github(&mut rng, "ghp_");
    let mut repeat = repeat_of(&engine, &first.inspection(), &first).unwrap();
    for at in 0..=key.len() {
        let (begin, end) = key.split_at(at);
        let is_whole = at == 0 || at == key.len();
        assert_eq!(repeat.is_clean(begin) && repeat.is_clean(end), !is_whole, "cut at {at}");
        assert!(!repeat.is_clean(&key) && repeat.is_clean(b"nothing"));
    }
}

#[test]
fn what_is_at_home_in_a_head_repeats() {
    let mut rng = Rng::new(703);
    let (value, token) = (rng.text(keys::BASE62, 40), keys::github(&mut rng, "ghp_"));
    let engine = engine(&[("S", &value, &["api.anthropic.com header:x-api-key"])]);
    let at_home = post(TO).field("x-api-key", &value).body("{}");
    let own = post("https://api.github.com").field("authorization", [b"Bearer ", &token[..]].concat());
    for request in [&at_home, &own] {
        let outcome = request.run(&engine);
        assert!(!outcome.blocked && outcome.sightings.iter().all(|sighting| sighting.is_at_home()));
        assert_eq!(outcome.sightings.len(), 1);
        let mut repeat = repeat_of(&engine, &request.inspection(), request).expect("nothing else is in it");
        assert!(repeat.is_clean(b"clean"));
        // Where it is not at home it is a finding as any other.
        assert!(!repeat.is_clean(&value) && !repeat.is_clean(&token));
    }
}

#[test]
fn a_placeholder_that_is_exchanged_repeats_and_a_signature_that_is_made_anew_does_not() {
    let mut rng = Rng::new(706);
    let (value, secret) = (rng.text(keys::BASE62, 40), rng.text(keys::BASE62, 40));
    canary::note([&value[..], &secret[..]]);
    let binding = |host: &[u8], slot: &[u8]| Binding {
        host: HostPattern::parse(host).unwrap(),
        slot: Slot::parse(slot).unwrap(),
    };
    let mut substitutes = Substitutes::new([5; 32]);
    let bindings = vec![
        binding(b"api.anthropic.com", b"header:x-api-key"),
        binding(b"sts.amazonaws.com", b"header:x-api-key"),
    ];
    let placeholder = substitutes.add("KEY", &value, bindings).unwrap().to_owned();
    let id = [&b"AKIA"[..], &rng.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)].concat();
    let made = substitutes.add_aws("AWS", AwsKeys { id: &id, secret: &secret, token: None }).unwrap();
    let substitutes = Arc::new(substitutes);
    let engine = engine(&[]);
    let repeat = |request: &Request| {
        let mut inspection = request.inspection();
        inspection.substitutes(&substitutes);
        let inspector = Inspector::new(&engine, &inspection, request.head()).unwrap();
        assert!(!inspector.verdict().is_block());
        repeat_of(&engine, &inspection, request)
    };
    let exchanged = post(TO).field("x-api-key", &placeholder).body("{}");
    let mut clean = repeat(&exchanged).expect("its head alone decides what becomes of it");
    assert!(clean.is_clean(b"clean") && !clean.is_clean(&keys::github(&mut rng, "ghp_")));
    // At the same host, with the same set.
    let at_aws = post("https://sts.amazonaws.com").field("x-api-key", &placeholder).body("{}");
    assert!(repeat(&at_aws).is_some());
    let signature = format!(
        "AWS4-HMAC-SHA256 Credential={}/20261129/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature={}",
        made.id,
        text(&rng.text(b"0123456789abcdef", 64)),
    );
    assert!(
        repeat(&at_aws.field("authorization", signature)).is_none(),
        "it has the time and the body in it"
    );
}

#[test]
fn a_head_with_a_placeholder_is_known_to_no_other_set() {
    let mut rng = Rng::new(707);
    let token = keys::github(&mut rng, "ghp_");
    canary::note([&token[..]]);
    let binding = |slot: &[u8]| Binding {
        host: HostPattern::parse(b"api.github.com").unwrap(),
        slot: Slot::parse(slot).unwrap(),
    };
    let mut set = Substitutes::new([5; 32]);
    let slots: [&[u8]; 3] = [b"header:authorization:bearer", b"cookie:key", b"query:key"];
    let placeholder = set.add("KEY", &token, slots.map(binding).to_vec()).unwrap().to_owned();
    let (set, none) = (Arc::new(set), Arc::new(Substitutes::new([5; 32])));
    let (engine, prefixes) = (engine(&[]), Prefixes::new());
    let blocked = |set: &Arc<Substitutes>, request: &Request| {
        let mut inspection = request.inspection();
        inspection.substitutes(set).prefixes(&prefixes).own_keys(Action::Block);
        Inspector::new(&engine, &inspection, request.head()).unwrap().verdict().is_block()
    };
    let to =
        |target: String| Request::new("https://api.github.com", "GET", target).field("accept", "text/plain");
    for _ in 0..3 {
        for request in [
            to("/a".into()).field("authorization", format!("Bearer {placeholder}")),
            to("/a".into()).field("cookie", format!("a=b; key={placeholder}; c=d")),
            to(format!("/a?b=c&key={placeholder}")),
        ] {
            assert!(!blocked(&set, &request) && blocked(&none, &request));
            // Beside it, everything is examined.
            for beside in [&placeholder, text(&token).as_str()] {
                assert!(blocked(&set, &request.clone().field("x-note", beside)));
            }
        }
    }
}

#[test]
fn what_is_decided_by_more_than_its_head_does_not_repeat() {
    let mut rng = Rng::new(704);
    let value = rng.text(keys::BASE62, 40);
    let engine = engine(&[("S", &value, &[])]);
    let clean = || post(TO).body("{}");
    let repeats =
        |request: &Request, inspection: &Inspection| repeat_of(&engine, inspection, request).is_some();
    assert!(repeats(&clean(), &clean().inspection()));
    assert!(!repeats(&clean().body(&value), &clean().inspection()), "a finding");
    let elsewhere = clean().field("x-note", &value);
    assert!(!repeats(&elsewhere, &elsewhere.inspection()), "a finding in the head");
    for (name, field) in [
        ("content-encoding", "gzip"),
        ("upgrade", "something"),
        ("upgrade", "h2c"),
        ("content-range", "bytes 1-2/9"),
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
    ] {
        let request = clean().field(name, field).body("");
        let mut inspection = request.inspection();
        inspection.uploads(&Uploads::new());
        assert!(!repeats(&request, &inspection), "{name}: {field}");
    }
    let push = |target| Request::new("https://github.com", "GET", target);
    let refs = push("/a/b.git/info/refs?service=git-receive-pack");
    assert!(!repeats(&refs, &refs.inspection()), "its answer is rewritten");
    let mut inspection = clean().inspection();
    inspection.quarantined();
    assert!(!repeats(&clean(), &inspection));
    let mut inspection = clean().inspection();
    let id: FindingId = format!("exf1-{}", "a".repeat(26)).parse().unwrap();
    inspection.approved(&[id]);
    assert!(!repeats(&clean(), &inspection));
    let inspector = Inspector::new(&engine, &clean().inspection(), clean().head()).unwrap();
    assert!(inspector.into_repeat().is_none(), "it is not over");
}

#[test]
fn a_session_that_has_shown_something_does_not_repeat() {
    use exfilter::{Engine, KnownSecrets, StoreKey};
    let mut rng = Rng::new(705);
    let value = rng.text(keys::BASE62, 40);
    exfilter_testing::canary::note([&value[..]]);
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[5; 32]).unwrap());
    known.fragments(true).add("S", &value, Vec::new()).unwrap();
    let engine = Engine::builder().known_secrets(known).build().unwrap();
    let (clean, piece) = (post(TO).body("{}"), post(TO).body(&value[..12]));
    let mut repeat = repeat_of(&engine, &clean.inspection(), &clean).unwrap();
    assert!(!repeat.is_clean(&piece.body), "a piece is counted by an inspector");
    let mut session = Session::new();
    let mut inspector = Inspector::new(&engine, &piece.inspection(), piece.head()).unwrap();
    let _ = inspector.push(&piece.body);
    assert!(!inspector.finish().is_block());
    session.merge(inspector.session());
    assert!(!session.is_empty() && inspector.into_repeat().is_none());
    let mut inspection = clean.inspection();
    inspection.session(&session);
    assert!(repeat_of(&engine, &inspection, &clean).is_none());
}
