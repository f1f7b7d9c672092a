//! Other settings for what begins from now on, while what is under way goes on.

use std::io::Write as _;

use exfilter::config::Config;
use exfilter::{Action, Confidence, Engine, KnownSecrets, Policy, StoreKey};
use exfilter_guard::Settings;
use exfilter_testing::{Rng, canary, keys};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::raw::{connect, head};
use crate::stage::{Stage, engine, ok};
use crate::websocket::{closed, echoed, plain};

/// An engine that knows these values, always under the same key.
fn knows(values: &[&str]) -> Engine {
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).unwrap());
    known.fragments(true);
    for (n, value) in values.iter().enumerate() {
        canary::note([value.as_bytes()]);
        known.add(&format!("TOKEN_{n}"), value.as_bytes(), Vec::new()).unwrap();
    }
    Engine::builder().rules(exfilter::rules::builtin()).known_secrets(known).build().unwrap()
}

fn value(seed: u64) -> String {
    String::from_utf8(Rng::new(seed).text(keys::BASE62, 40)).unwrap()
}

/// The first line of the answer to a request over a connection of its own.
fn post(stage: &Stage, body: &str) -> String {
    let mut stream = connect(stage);
    stream.write_all(request(body).as_bytes()).unwrap();
    head(&mut stream).lines().next().unwrap().to_owned()
}

fn request(body: &str) -> String {
    let length = body.len();
    format!(
        "POST http://echo.example.com/ HTTP/1.1\r\nHost: echo.example.com\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[test]
fn what_is_under_way_goes_on_and_what_begins_is_examined_anew() {
    let stage = Stage::new(knows(&[]), |_| {}, |_| ok(b"done"));
    let new = value(171);
    assert!(post(&stage, &new).contains(" 200 "));
    let bundle = std::fs::read(stage.path("ca.pem")).unwrap();
    // Half of a request, and a connection on which one has been answered.
    let (mut half, mut kept) = (connect(&stage), connect(&stage));
    let whole = request("a clean text");
    half.write_all(&whole.as_bytes()[..whole.len() - 5]).unwrap();
    kept.write_all(request("clean").as_bytes()).unwrap();
    assert!(head(&mut kept).contains(" 200 "));
    let mut socket = plain(&stage);
    echoed(&mut socket, Message::text("before"));
    stage.reload(knows(&[&new]), |_| {});
    half.write_all(&whole.as_bytes()[whole.len() - 5..]).unwrap();
    assert!(head(&mut half).contains(" 200 "));
    assert!(post(&stage, &new).contains(" 403 "));
    // Also over connections that are older, and under the same authority.
    echoed(&mut socket, Message::text("after"));
    socket.send(Message::text(new.as_str())).unwrap();
    assert_eq!(closed(&mut socket).0, CloseCode::Policy);
    assert_eq!(bundle, std::fs::read(stage.path("ca.pem")).unwrap());
}

/// What the session has shown and been refused for is not forgotten.
#[test]
fn pieces_and_hits_outlive_a_reload() {
    let policy = |text: &str| Config::parse("policy.toml", &format!("version = 1\n{text}")).unwrap();
    let set = |text: &'static str| {
        move |settings: &mut Settings| {
            settings.config(policy(text));
        }
    };
    let (first, other) = (value(172), value(173));
    let three = "[quarantine]\nhits = 3\n";
    let stage = Stage::new(knows(&[&first]), set(three), |_| ok(b"done"));
    assert!(post(&stage, &first[..14]).contains(" 200 "));
    stage.reload(knows(&[&other, &first]), set(three));
    // The rest of it, which alone would be no more than the beginning was.
    assert!(post(&stage, &first[14..28]).contains(" 403 "));
    assert!(post(&stage, &other).contains(" 403 "));
    assert!(!stage.guard.is_quarantined());
    stage.reload(knows(&[&other]), set("[quarantine]\nhits = 3\nminutes = 60\n"));
    assert!(post(&stage, &format!("again {other}")).contains(" 403 "));
    assert!(stage.guard.is_quarantined());
    stage.reload(engine(), set(three));
    assert!(stage.guard.is_quarantined());
    assert!(post(&stage, "clean").contains(" 403 "));
    stage.guard.lift_quarantine();
    assert!(post(&stage, "clean").contains(" 200 "));
}

#[test]
fn settings_with_which_no_guard_would_start_change_nothing() {
    let stage = Stage::new(knows(&[]), |_| {}, |_| ok(b"done"));
    let mut settings = Settings::new(knows(&[&value(174)]));
    settings.upstream_root(b"nothing".to_vec());
    assert_eq!(stage.guard.reload(settings).unwrap_err().code(), "E_UPSTREAM_CA");
    assert!(post(&stage, &value(174)).contains(" 200 "));
}

/// A made-up key tells engines apart that would refuse it from those that would not.
#[test]
fn settings_are_tested_by_a_made_up_key() {
    let key = keys::github(&mut Rng::new(175), "ghp_");
    let code = |engine: Engine, config: Config| {
        let mut settings = Settings::new(engine);
        settings.config(config);
        settings.self_test(&key).map_err(|error| error.code())
    };
    let with = |high: Action| {
        let mut policy = Policy::default();
        policy.action(Confidence::High, high);
        Engine::builder().rules(exfilter::rules::builtin()).policy(policy).build().unwrap()
    };
    let says = |text: &str| Config::parse("policy.toml", &format!("version = 1\n{text}")).unwrap();
    assert_eq!(code(engine(), Config::default()), Ok(()));
    assert_eq!(code(Engine::builder().build().unwrap(), Config::default()), Err("E_SELF_TEST"));
    // An engine that does other than the policy says.
    assert_eq!(code(with(Action::Report), Config::default()), Err("E_SELF_TEST"));
    assert_eq!(code(with(Action::Report), says("[actions]\nhigh = \"report\"\n")), Ok(()));
    // A text that is in every request is no secret.
    let rule = exfilter::Rule::new("word", "nothing", "nothing");
    let mut policy = Policy::default();
    policy.action(Confidence::Medium, Action::Block);
    let mut rules = exfilter::rules::builtin();
    rules.push(rule);
    let greedy = Engine::builder().rules(rules).policy(policy).build().unwrap();
    assert_eq!(code(greedy, Config::default()), Err("E_SELF_TEST"));
}
