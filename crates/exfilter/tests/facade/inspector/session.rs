//! Secrets that leave a piece at a time, over requests and within one.

use exfilter::{Binding, Engine, HostPattern, Inspector, KnownSecrets, Session, Slot, StoreKey};
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
