//! Secrets that leave a piece at a time, over requests and within one.

use std::time::Duration;

use exfilter::{
    Audience, Binding, BlockReason, Engine, HostPattern, Inspector, KnownSecrets, Quarantine, Session, Slot,
    StoreKey, Verdict,
};
use exfilter_testing::{Rng, canary, keys};

use super::Request;

const TO: &str = "https://example.com";

fn engine(value: &[u8]) -> Engine {
    canary::note([value]);
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[5; 32]).unwrap());
    let home = |slot: &[u8]| Binding {
        host: HostPattern::parse(b"example.com").unwrap(),
        slot: Slot::parse(slot).unwrap(),
    };
    let homes = vec![home(b"header:authorization:bearer"), home(b"form:token")];
    known.fragments(true).add("S", value, homes).unwrap();
    Engine::builder().known_secrets(known).build().unwrap()
}

/// Sends a request in a session; whether it was refused.
fn send(engine: &Engine, session: &mut Session, request: &Request) -> bool {
    let mut inspection = request.inspection();
    inspection.session(session);
    let mut inspector = Inspector::new(engine, &inspection, request.head()).unwrap();
    let _ = inspector.push(&request.body);
    let is_refused = inspector.finish().is_block();
    session.merge(inspector.session());
    is_refused
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn pieces_are_counted_over_places_and_requests() {
    let mut rng = Rng::new(71);
    let value = rng.text(keys::BASE62, 40);
    let engine = engine(&value);
    let post = || Request::new(TO, "POST", "/notes");
    let get = |target: String| Request::new(TO, "GET", target);
    let mut session = Session::new();
    // A bearer that is at home shows nothing.
    let login = post().field("authorization", [b"Bearer ", &value[..]].concat());
    assert!(!send(&engine, &mut session, &login) && session.is_empty());
    assert!(!send(&engine, &mut session, &get(format!("/a?q={}", text(&value[..10])))));
    assert!(!send(&engine, &mut session, &post().body(&value[10..20])));
    assert!(send(&engine, &mut session, &post().field("x-note", &value[20..30])));
    assert!(!send(&engine, &mut session, &post().body("clean")), "what others have shown is no reason alone");
    assert!(!send(&engine, &mut session, &login), "it may still log in");
    // All in one request, in three places.
    let request = get(format!("/a?q={}", text(&value[..10])));
    let request = request.field("x-note", &value[10..20]).body(&value[20..30]);
    assert!(send(&engine, &mut Session::new(), &request));
}

#[test]
fn a_form_with_the_secret_at_home_may_not_carry_a_piece_beside_it() {
    let mut rng = Rng::new(72);
    let value = rng.text(keys::BASE62, 40);
    let engine = engine(&value);
    let form = |rest: &[u8]| {
        let body = [b"token=", &value[..], b"&note=", rest].concat();
        let request = Request::new(TO, "POST", "/form").field("content-length", body.len().to_string());
        request.field("content-type", "application/x-www-form-urlencoded").body(body)
    };
    let mut session = Session::new();
    assert!(!send(&engine, &mut session, &form(b"clean")) && session.is_empty());
    assert!(send(&engine, &mut session, &form(&value[..30])));
    assert!(send(&engine, &mut session, &form(&value[..10])));
    assert!(!send(&engine, &mut session, &form(b"clean")));
}

#[test]
fn in_quarantine_all_is_refused_in_the_words_of_a_hit() {
    let mut rng = Rng::new(73);
    let value = rng.text(keys::BASE62, 40);
    let engine = engine(&value);
    let mut quarantine = Quarantine::new(2, Duration::from_secs(60));
    let mut now = 0;
    let mut send = |quarantine: &mut Quarantine, request: &Request| {
        let mut inspection = request.inspection();
        now += 1;
        // Each refusal has its own number: the same one twice would count once.
        inspection.reference(now);
        if quarantine.is_active() {
            inspection.quarantined();
        }
        let mut inspector = Inspector::new(&engine, &inspection, request.head()).unwrap();
        let _ = inspector.push(&request.body);
        let _ = inspector.finish();
        let Verdict::Block(block) = inspector.verdict() else { return None };
        if inspector.counts() {
            quarantine.note(block.reference(), Duration::from_secs(now));
        }
        let reply = inspector.reply(Audience::Subject).unwrap();
        let text = inspector.text(Audience::Subject).unwrap();
        let told = inspector.text(Audience::Operator).unwrap();
        assert!(text.starts_with("blocked by policy, reference ") && told != text);
        Some((reply.status, reply.body.len(), text.len(), block.reason(), inspector.is_hit()))
    };
    let clean = Request::new(TO, "POST", "/notes").body("clean");
    let login = Request::new(TO, "POST", "/notes").field("authorization", [b"Bearer ", &value[..]].concat());
    let hit = Request::new(TO, "POST", "/notes").body(&value);
    assert!(send(&mut quarantine, &clean).is_none() && send(&mut quarantine, &login).is_none());
    let told = send(&mut quarantine, &hit).unwrap();
    assert!(!quarantine.is_active() && send(&mut quarantine, &clean).is_none());
    assert_eq!(send(&mut quarantine, &hit).unwrap(), told);
    assert!(quarantine.is_active());
    for (request, is_hit) in [(&clean, false), (&login, false), (&hit, true)] {
        let refused = send(&mut quarantine, request).unwrap();
        assert_eq!((refused.0, refused.1, refused.2), (told.0, told.1, told.2));
        assert_eq!((refused.3, refused.4), (BlockReason::Quarantine, is_hit));
    }
    quarantine.lift();
    assert!(send(&mut quarantine, &clean).is_none());
}
