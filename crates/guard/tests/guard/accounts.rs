//! Whose credentials go to language models: the session's own logins pass, also when their tokens come anew, and a stranger's are refused before a byte of the request has left.

use std::sync::{Arc, Mutex};

use exfilter::config::Config;
use exfilter::rules::{builtin_entries, example};
use exfilter::substitute::OwnLogins;
use exfilter_guard::{Outcome, Settings};
use exfilter_testing::{Rng, canary, keys, wrap};

use crate::placeholders::with_token;
use crate::stage::{Stage, engine, has, pattern};
use crate::upstream::{Answer, Arrived};

const CLAUDE: &str = "api.anthropic.com";
const WHY: &str = "not known to be the session's own";

/// A token as a provider forms it.
fn token(rule: &str, seed: u64) -> String {
    let entries = builtin_entries();
    let entry = entries.iter().find(|entry| entry.rule.id == rule).unwrap();
    let token = example::expand(&entry.examples[0], entry.rule.checksum, seed).unwrap();
    canary::note([&token[20..]]);
    String::from_utf8(token).unwrap()
}

fn login(seed: u64) -> String {
    token("anthropic-oauth-token", seed)
}

fn opaque(seed: u64) -> String {
    let text = Rng::new(seed).text(keys::BASE62, 60);
    canary::note([&text[..]]);
    String::from_utf8(text).unwrap()
}

/// A token of ChatGPT for a person.
fn jwt(subject: &str, seed: u64) -> String {
    let part = |text: &str| String::from_utf8(wrap::base64(text.as_bytes(), true, false)).unwrap();
    let claims = format!(
        r#"{{"aud":["https://api.openai.com/v1"],"iss":"https://auth.openai.com","sub":"{subject}","jti":"{seed}"}}"#
    );
    format!("{}.{}.{}", part(r#"{"alg":"RS256","typ":"JWT"}"#), part(&claims), opaque(seed))
}

/// What files hold: good at hosts, at which no others are.
fn files(seed: u8, logins: &[(&str, &str)]) -> OwnLogins {
    let mut known = OwnLogins::new([seed; 32]);
    for (credential, host) in logins {
        known.add(credential.as_bytes(), &[pattern(host)]).close(&[pattern(host)]);
    }
    known
}

fn config(text: &str) -> Config {
    Config::parse("policy.toml", &format!("version = 1\n{text}")).unwrap()
}

/// An API to which one token after the other is good, and its token endpoint.
struct Api {
    refused: Mutex<Vec<String>>,
    given: Mutex<Vec<(String, String)>>,
}

impl Api {
    fn answer(&self, request: &Arrived) -> Answer {
        let document = |status: u16, body: String| Answer {
            status,
            headers: vec![("content-type", "application/json".into())],
            body: body.into_bytes(),
        };
        if request.target == "/v1/oauth/token" {
            let (access, refresh) = self.given.lock().unwrap().remove(0);
            let body = format!(r#"{{"access_token":"{access}","refresh_token":"{refresh}"}}"#);
            return document(200, body);
        }
        let bearer = request.header("authorization").unwrap_or_default();
        let is_refused = self.refused.lock().unwrap().iter().any(|one| bearer.ends_with(one.as_str()));
        document(if is_refused { 401 } else { 200 }, "{}".into())
    }
}

struct Scene {
    stage: Stage,
    api: Arc<Api>,
}

impl Scene {
    fn new(set: impl FnOnce(&mut Settings)) -> Scene {
        Scene::with(engine(), set)
    }

    fn with(engine: exfilter::Engine, set: impl FnOnce(&mut Settings)) -> Scene {
        let api = Arc::new(Api { refused: Mutex::default(), given: Mutex::default() });
        let answering = api.clone();
        Scene { stage: Stage::new(engine, set, move |request| answering.answer(request)), api }
    }

    /// Uploads a file with this field. Whether it has arrived: all of it, or nothing.
    fn arrives(&self, url: &str, field: &str) -> bool {
        self.stage.server.forget();
        let ran = self.stage.run(&["curl", "-sS", "-i", "-H", field, "-d", "what is uploaded", url]);
        let has_arrived = self.stage.server.bytes().windows(8).any(|window| window == b"uploaded");
        assert_eq!(ran.said.contains(WHY) || ran.said.contains("not the session's own"), !has_arrived);
        if !has_arrived {
            assert!(self.stage.server.requests().is_empty());
        }
        has_arrived
    }

    fn bearer(&self, host: &str, credential: &str) -> bool {
        self.arrives(&format!("https://{host}/v1/files"), &format!("Authorization: Bearer {credential}"))
    }

    /// Asks for other tokens by one, and gives what the client gets.
    fn refresh(&self, by: &str, access: &str, refresh: &str) -> String {
        self.api.given.lock().unwrap().push((access.into(), refresh.into()));
        let body = format!("grant_type=refresh_token&refresh_token={by}&client_id=x");
        self.stage.run(&["curl", "-sS", "-d", &body, "https://console.anthropic.com/v1/oauth/token"]).said
    }

    /// Nothing of a credential stands in what is told.
    fn tells_nothing(&self, of: &[&str]) {
        let told = format!("{:?}", self.stage.records());
        assert!(of.iter().all(|credential| !told.contains(&credential[credential.len() - 12..])));
    }
}

#[test]
fn a_strangers_login_is_refused_beside_an_own_one() {
    if !has("curl", &["--version"]) {
        return;
    }
    let (mine, other, key, theirs) = (login(1), login(2), token("anthropic-api-key", 3), opaque(4));
    // A login alone.
    let scene = Scene::new(|settings| {
        settings.own_logins(files(1, &[(&mine, CLAUDE)]));
    });
    for (credential, passes) in
        [(&other, false), (&mine, true), (&other, false), (&key, false), (&theirs, false)]
    {
        assert_eq!(scene.bearer(CLAUDE, credential), passes);
    }
    assert!(!scene.arrives("https://api.anthropic.com/v1/files", &format!("x-api-key: {key}")));
    // In the form of its client, and without what it was refused for.
    let header = format!("Authorization: Bearer {other}");
    let ran =
        scene.stage.run(&["curl", "-sS", "-H", &header, "-d", "{}", "https://api.anthropic.com/v1/messages"]);
    assert!(ran.said.contains(r#""type":"error""#) && ran.said.contains(WHY), "{}", ran.said);
    assert!(scene.stage.refusals().iter().all(|why| why.contains("stands in header:")));
    scene.tells_nothing(&[&mine, &other, &key, &theirs]);
    // Beside a key of the environment.
    let value = token("anthropic-api-key", 5);
    let (engine, substitutes, scrubber, placeholder) = with_token(value.as_bytes(), &[CLAUDE]);
    let scene = Scene::with(engine, |settings| {
        settings.substitutes(substitutes, scrubber).own_logins(files(1, &[(&mine, CLAUDE)]));
    });
    for (credential, passes) in [(&other, false), (&mine, true), (&placeholder, true), (&theirs, false)] {
        assert_eq!(scene.bearer(CLAUDE, credential), passes);
    }
    // A key alone, once it is in use.
    let (engine, substitutes, scrubber, placeholder) = with_token(value.as_bytes(), &[CLAUDE]);
    let scene = Scene::with(engine, |settings| {
        settings.substitutes(substitutes, scrubber);
    });
    assert!(scene.bearer(CLAUDE, &placeholder) && !scene.bearer(CLAUDE, &other));
    // Nobody asks in mode observe, or where the policy says so.
    for text in ["accounts = \"any\"", "mode = \"observe\""] {
        let scene = Scene::new(|settings| {
            settings.own_logins(files(1, &[(&mine, CLAUDE)])).config(config(text));
        });
        assert!(scene.bearer(CLAUDE, &other), "{text}");
    }
}

#[test]
fn where_nothing_is_known_the_first_passes_and_a_second_does_not() {
    if !has("curl", &["--version"]) {
        return;
    }
    let (wrong, mine, other) = (login(11), login(12), login(13));
    let scene = Scene::new(|_| {});
    scene.api.refused.lock().unwrap().push(wrong.clone());
    for (credential, passes) in
        [(&wrong, true), (&mine, true), (&mine, true), (&other, false), (&wrong, false)]
    {
        assert_eq!(scene.bearer(CLAUDE, credential), passes);
    }
    assert!(scene.bearer("api.openai.com", &opaque(14)) && !scene.bearer("api.openai.com", &opaque(15)));
    assert!(scene.bearer("echo.example.com", &opaque(16)) && scene.bearer("echo.example.com", &opaque(17)));
    let trusted = |record: &&exfilter_guard::Record| record.trusted;
    let records = scene.stage.records();
    assert_eq!(records.iter().filter(trusted).count(), 3);
    assert!(records.iter().filter(trusted).all(|record| record.outcome == Outcome::Sent));
    scene.tells_nothing(&[&wrong, &mine, &other]);
    // Not where the policy wants to know them.
    let scene = Scene::new(|settings| {
        settings.config(config("accounts = \"known\""));
    });
    assert!(!scene.bearer(CLAUDE, &mine));
}

#[test]
fn tokens_that_an_endpoint_gives_for_an_own_one_pass() {
    if !has("curl", &["--version"]) {
        return;
    }
    let [mine, next, last, stolen] = [21, 22, 23, 24].map(login);
    let [refresh, second, theirs] = [25, 26, 27].map(opaque);
    let known = || {
        let mut known = files(1, &[(&mine, CLAUDE)]);
        known.add(refresh.as_bytes(), &[pattern(CLAUDE)]);
        known
    };
    let scene = Scene::new(|settings| {
        settings.own_logins(known());
    });
    assert!(scene.refresh(&theirs, &stolen, &opaque(28)).contains(&stolen));
    assert!(!scene.bearer(CLAUDE, &stolen));
    assert!(scene.refresh(&refresh, &next, &second).contains(&next));
    assert!(scene.bearer(CLAUDE, &next) && scene.bearer(CLAUDE, &mine));
    // What is learned outlives a reload.
    scene.stage.reload(engine(), |settings| {
        settings.own_logins(known());
    });
    scene.refresh(&second, &last, &opaque(29));
    assert!(scene.bearer(CLAUDE, &last) && scene.bearer(CLAUDE, &next) && !scene.bearer(CLAUDE, &stolen));
    scene.tells_nothing(&[&next, &last, &stolen, &refresh, &second, &theirs]);
    // A login inside has placeholders, and passes unless the policy wants to know all.
    for (text, passes) in [("", true), ("accounts = \"known\"", false)] {
        let scene = Scene::new(|settings| {
            settings.own_logins(known()).config(config(text));
        });
        scene.api.given.lock().unwrap().push((login(30), opaque(31)));
        let address = "https://console.anthropic.com/v1/oauth/token";
        let said =
            scene.stage.run(&["curl", "-sS", "-d", "grant_type=authorization_code&code=x", address]).said;
        let placeholder = said.split('"').nth(3).unwrap();
        assert!(placeholder.starts_with("sk-ant-") && placeholder != login(30));
        assert_eq!(scene.bearer(CLAUDE, placeholder), passes, "{text}");
        assert!(scene.bearer(CLAUDE, &mine));
    }
}

#[test]
fn a_token_of_the_same_person_passes_and_that_of_another_does_not() {
    if !has("curl", &["--version"]) {
        return;
    }
    let mine = jwt("me", 41);
    let scene = Scene::new(|settings| {
        settings.own_logins(files(1, &[(&mine, "chatgpt.com")]));
    });
    assert!(scene.bearer("chatgpt.com", &mine) && scene.bearer("chatgpt.com", &jwt("me", 42)));
    assert!(!scene.bearer("chatgpt.com", &jwt("you", 43)) && !scene.bearer("chatgpt.com", &opaque(44)));
    // WebSocket, as Codex speaks it, is a request first.
    let upgrade = |credential: &str| {
        let field = format!("Authorization: Bearer {credential}");
        let fields = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
        let mut args = vec!["curl", "-sS", "-i", "--http1.1", "--max-time", "20", "-H", &field];
        fields.iter().for_each(|field| args.extend(["-H", field]));
        args.extend([
            "-H",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            "https://chatgpt.com/backend-api/x",
        ]);
        scene.stage.run(&args).said
    };
    assert!(upgrade(&jwt("you", 45)).contains(WHY) && !upgrade(&jwt("me", 46)).contains(WHY));
}

#[test]
fn a_reload_brings_the_logins_of_now() {
    if !has("curl", &["--version"]) {
        return;
    }
    let (before, after, other) = (login(51), login(52), login(53));
    let scene = Scene::new(|settings| {
        settings.own_logins(files(1, &[(&before, CLAUDE)]));
    });
    assert!(scene.bearer(CLAUDE, &before) && !scene.bearer(CLAUDE, &after));
    scene.stage.reload(engine(), |settings| {
        settings.own_logins(files(2, &[(&after, CLAUDE)]));
    });
    assert!(!scene.bearer(CLAUDE, &before) && scene.bearer(CLAUDE, &after) && !scene.bearer(CLAUDE, &other));
    // Files that nobody inside can write are read again by themselves, and not for every request.
    let file = Arc::new(Mutex::new((before.clone(), 0)));
    let reading = file.clone();
    let scene = Scene::new(|settings| {
        settings.own_logins(files(1, &[(&before, CLAUDE)]));
        settings.logins_again(move |known| {
            let mut file = reading.lock().unwrap();
            file.1 += 1;
            known.add(file.0.as_bytes(), &[pattern(CLAUDE)]);
        });
    });
    assert!(scene.bearer(CLAUDE, &before));
    assert_eq!(file.lock().unwrap().1, 0);
    file.lock().unwrap().0.clone_from(&after);
    assert!(scene.bearer(CLAUDE, &after) && scene.bearer(CLAUDE, &after) && scene.bearer(CLAUDE, &before));
    assert_eq!(file.lock().unwrap().1, 1);
}
