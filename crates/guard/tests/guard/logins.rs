//! Logins through the guard: the client has placeholders, the API gets the tokens, and nothing of a token comes in.

use std::sync::{Arc, Mutex};

use exfilter::Engine;
use exfilter::config::Config;
use exfilter_guard::{Outcome, Record, Settings};
use exfilter_testing::{Rng, canary, keys};

use crate::placeholders::with_token;
use crate::stage::{Ran, Stage, engine, has};
use crate::upstream::{Answer, Arrived};

/// A provider that gives a new pair for a code or for its last refresh token, and an API that knows its access tokens.
struct Provider {
    rng: Rng,
    access: Vec<String>,
    refresh: Vec<String>,
    /// How the next answer is made of the pair.
    shape: fn(&str, &str) -> Answer,
}

impl Provider {
    fn new() -> Arc<Mutex<Provider>> {
        let (access, refresh) = (Vec::new(), Vec::new());
        Arc::new(Mutex::new(Provider { rng: Rng::new(77), access, refresh, shape: document }))
    }

    fn answer(&mut self, request: &Arrived) -> Answer {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let field = |name: &str| {
            let value = body.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
            value.map(str::to_owned)
        };
        match request.target.as_str() {
            "/login/oauth/access_token" | "/oauth2/token" => {
                let is_good = field("code").as_deref() == Some("good")
                    || field("refresh_token").is_some_and(|token| self.refresh.last() == Some(&token));
                if !is_good {
                    return json(400, r#"{"error":"invalid_grant"}"#.into());
                }
                let access = String::from_utf8(keys::github(&mut self.rng, "gho_")).unwrap();
                let refresh = String::from_utf8(self.rng.text(keys::BASE62, 44)).unwrap();
                canary::note([access.as_bytes(), refresh.as_bytes()]);
                let answer = (self.shape)(&access, &refresh);
                self.access.push(access);
                self.refresh.push(refresh);
                answer
            }
            _ => {
                let bearer = request.header("authorization").unwrap_or_default();
                let is_known = self.access.iter().any(|token| bearer == format!("Bearer {token}"));
                let status = if is_known { 200 } else { 401 };
                Answer { status, headers: vec![("x-echo", bearer.clone())], body: bearer.into_bytes() }
            }
        }
    }

    fn tokens(&self) -> Vec<String> {
        self.access.iter().chain(&self.refresh).cloned().collect()
    }
}

fn json(status: u16, body: String) -> Answer {
    let headers = vec![("content-type", "application/json; charset=utf-8".into()), ("etag", "\"x\"".into())];
    Answer { status, headers, body: body.into_bytes() }
}

fn document(access: &str, refresh: &str) -> Answer {
    let body = format!(
        r#"{{"access_token":"{access}","token_type":"bearer","expires_in":28800,"refresh_token":"{refresh}"}}"#
    );
    json(200, body)
}

/// With tokens where no client looks for them.
fn talkative(access: &str, refresh: &str) -> Answer {
    let mut answer = document(access, refresh);
    answer.headers.push(("x-debug", format!("issued {access}")));
    answer.headers.push(("location", format!("https://github.com/done/{refresh}")));
    let body = String::from_utf8(answer.body).unwrap();
    answer.body = body.replace("}", &format!(r#","debug":"again {access}"}}"#)).into_bytes();
    answer
}

fn in_gzip(access: &str, refresh: &str) -> Answer {
    let mut answer = document(access, refresh);
    answer.headers.push(("content-encoding", "gzip".into()));
    answer.body = stored(&answer.body);
    answer
}

/// A gzip stream of one stored block.
pub(crate) fn stored(text: &[u8]) -> Vec<u8> {
    let len = u16::try_from(text.len()).unwrap();
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1];
    out.extend(len.to_le_bytes());
    out.extend((!len).to_le_bytes());
    out.extend(text);
    let mut crc = u32::MAX;
    for byte in text {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    out.extend((!crc).to_le_bytes());
    out.extend(u32::from(len).to_le_bytes());
    out
}

struct Scene {
    stage: Stage,
    provider: Arc<Mutex<Provider>>,
    /// Everything that the client's side has seen.
    seen: Mutex<String>,
}

impl Scene {
    fn new(config: &str) -> Scene {
        Scene::with(engine(), config, |_| {})
    }

    fn with(engine: Engine, config: &str, more: impl FnOnce(&mut Settings)) -> Scene {
        let provider = Provider::new();
        let answering = provider.clone();
        let config = Config::parse("policy.toml", &format!("version = 1\n{config}")).unwrap();
        let set = |settings: &mut Settings| {
            settings.config(config);
            more(settings);
        };
        let stage = Stage::new(engine, set, move |request| answering.lock().unwrap().answer(request));
        Scene { stage, provider, seen: Mutex::default() }
    }

    fn curl(&self, args: &[&str]) -> Ran {
        // The proxy's own 200 is no answer of the server.
        let ran = self.stage.run(&[&["curl", "-sS", "-i", "--suppress-connect-headers"], args].concat());
        self.seen.lock().unwrap().push_str(&ran.said);
        ran
    }

    fn post(&self, url: &str, form: &str) -> String {
        self.curl(&["-d", form, url]).said
    }

    fn login(&self) -> (String, String) {
        pair(&self.post(TOKEN, "client_id=x&code=good&grant_type=authorization_code"))
    }

    fn ask(&self, host: &str, bearer: &str) -> String {
        self.curl(&["-H", &format!("Authorization: Bearer {bearer}"), &format!("https://{host}/user")]).said
    }

    /// Nothing of a token has come in, beyond the beginning that all have.
    fn nothing_came_in(&self) {
        let seen = self.seen.lock().unwrap();
        for token in self.provider.lock().unwrap().tokens() {
            let secret = token.strip_prefix("gho_").unwrap_or(&token);
            let piece = (0..secret.len() - 8).find(|at| seen.contains(&secret[*at..at + 8]));
            assert_eq!(piece, None, "a piece of a token came in");
        }
    }
}

const TOKEN: &str = "https://github.com/login/oauth/access_token";

/// The tokens in a document.
fn pair(said: &str) -> (String, String) {
    let value = |name: &str| {
        let (_, rest) = said.split_once(&format!("\"{name}\":\"")).unwrap_or_else(|| panic!("{said}"));
        rest.split('"').next().unwrap().to_owned()
    };
    (value("access_token"), value("refresh_token"))
}

#[test]
fn a_login_and_its_refreshes_stay_outside() {
    if !has("curl", &["--version"]) {
        return;
    }
    let scene = Scene::new("");
    let said = scene.post(TOKEN, "client_id=x&code=good&grant_type=authorization_code");
    assert!(said.contains(r#""token_type":"bearer","expires_in":28800,"#), "{said}");
    let (access, refresh) = pair(&said);
    assert!(access.starts_with("gho_") && access.len() == 40 && refresh.len() == 44);
    for host in ["api.github.com", "github.com"] {
        assert!(scene.ask(host, &access).contains(" 200"), "{host}");
    }
    // Elsewhere the placeholder is what it looks like; nobody gets the token, and another one's is refused by the API alone.
    scene.ask("echo.example.com", &access);
    assert!(scene.ask("api.github.com", &refresh).contains(" 401"));
    assert!(scene.ask("api.github.com", "nobodys").contains(" 401"));
    // Rotation: the new pair is good, the old refresh token is the server's to refuse.
    let grant = |refresh: &str| format!("grant_type=refresh_token&refresh_token={refresh}&client_id=x");
    let (second, rotated) = pair(&scene.post(TOKEN, &grant(&refresh)));
    assert!(second != access && rotated != refresh);
    assert!(scene.ask("api.github.com", &second).contains(" 200"));
    assert!(
        scene.ask("api.github.com", &access).contains(" 200"),
        "the first one is good for as long as the server says"
    );
    assert!(scene.post(TOKEN, &grant(&refresh)).contains("invalid_grant"));
    let (third, _) = pair(&scene.post(TOKEN, &grant(&rotated)));
    assert!(scene.ask("api.github.com", &third).contains(" 200"));
    // Another field, another host, another path: the token does not leave.
    scene.stage.server.forget();
    for (url, form) in [
        (TOKEN, format!("client_id={rotated}")),
        ("https://api.github.com/login/oauth/access_token", grant(&rotated)),
        ("https://github.com/other", grant(&rotated)),
        ("https://echo.example.com/oauth2/token", grant(&rotated)),
        ("http://github.com/login/oauth/access_token", grant(&rotated)),
    ] {
        scene.post(url, &form);
    }
    let arrived = String::from_utf8_lossy(&scene.stage.server.bytes()).into_owned();
    for token in scene.provider.lock().unwrap().tokens() {
        assert!(!arrived.contains(&token));
    }
    scene.nothing_came_in();
    let kept: Vec<_> =
        scene.stage.records().into_iter().filter(|r| matches!(r.outcome, Outcome::Kept { .. })).collect();
    assert_eq!(kept.len(), 3);
    assert_eq!(
        kept[0].outcome,
        Outcome::Kept {
            what: "access_token, refresh_token: the client has placeholders, good at api.github.com, github.com, uploads.github.com and 4 more".into()
        }
    );
    assert!(scene.stage.records().iter().filter(|record| record.injected).count() >= 7);
}

/// Whoever gets hold of a token all the same: it goes nowhere but home.
#[test]
fn the_tokens_themselves_are_enrolled() {
    if !has("curl", &["--version"]) {
        return;
    }
    let scene = Scene::new("");
    scene.login();
    let (access, refresh) = {
        let provider = scene.provider.lock().unwrap();
        (provider.access[0].clone(), provider.refresh[0].clone())
    };
    scene.stage.server.forget();
    let coded = exfilter_testing::wrap::base64(refresh.as_bytes(), false, true);
    for text in [refresh.clone(), String::from_utf8(coded).unwrap(), access.chars().rev().collect()] {
        let said = scene.stage.run(&["curl", "-sS", "-d", &text, "https://echo.example.com/x"]).said;
        assert!(said.contains("blocked by policy, reference"), "{said}");
    }
    scene.stage.nothing_arrived(refresh.as_bytes());
    scene.nothing_came_in();
    // A reload keeps them: what was set anew knows them, too.
    scene.stage.reload(engine(), |_| {});
    let said = scene.stage.run(&["curl", "-sS", "-d", &refresh, "https://echo.example.com/x"]).said;
    assert!(said.contains("blocked by policy, reference"), "{said}");
}

#[test]
fn a_reload_keeps_logins_that_are_under_way() {
    if !has("curl", &["--version"]) {
        return;
    }
    let scene = Scene::new("");
    let (access, refresh) = scene.login();
    scene.stage.reload(engine(), |_| {});
    assert!(scene.ask("api.github.com", &access).contains(" 200"));
    let (second, _) = pair(&scene.post(TOKEN, &format!("grant_type=refresh_token&refresh_token={refresh}")));
    assert!(scene.ask("api.github.com", &second).contains(" 200"));
    scene.nothing_came_in();
}

#[test]
fn a_reload_says_anew_where_tokens_belong() {
    if !has("curl", &["--version"]) {
        return;
    }
    let policy =
        |hosts: &str| format!("[oauth.endpoints]\n\"https://echo.example.com/oauth2/token\" = [{hosts}]");
    let scene = Scene::new(&policy("\"api.anthropic.com\", \"api.github.com\""));
    let form = "grant_type=authorization_code&code=good";
    let (access, _) = pair(&scene.post("https://echo.example.com/oauth2/token", form));
    assert!(scene.ask("api.github.com", &access).contains(" 200"));
    let narrow = format!("version = 1\n{}", policy("\"api.anthropic.com\""));
    let narrow = Config::parse("policy.toml", &narrow).unwrap();
    scene.stage.reload(engine(), |settings| {
        settings.config(narrow);
    });
    assert!(scene.ask("api.github.com", &access).contains(" 401"));
    assert!(scene.ask("api.anthropic.com", &access).contains(" 200"));
    scene.nothing_came_in();
}

#[test]
fn servers_that_tell_a_token_twice_or_in_another_way() {
    if !has("curl", &["--version"]) {
        return;
    }
    let scene = Scene::new("");
    for shape in [talkative, in_gzip] {
        scene.provider.lock().unwrap().shape = shape;
        let (access, _) = scene.login();
        assert!(scene.ask("api.github.com", &access).contains(" 200"));
    }
    assert!(scene.seen.lock().unwrap().contains("again ****"), "the second place is overwritten");
    // What cannot be read does not come in at all.
    let shapes: [fn(&str, &str) -> Answer; 5] = [
        |access, _| Answer {
            status: 200,
            headers: vec![("content-type", "text/html".into())],
            body: format!("<b>{access}</b>").into_bytes(),
        },
        |access, _| json(200, format!(r#"{{"access_token":"{access}""#)),
        |access, _| json(200, format!(r#"{{"access_token":["{access}"]}}"#)),
        |access, refresh| {
            let mut answer = document(access, refresh);
            answer.headers.push(("location", format!("https://github.com/#access_token={access}")));
            answer
        },
        |access, refresh| {
            let mut answer = document(access, refresh);
            answer.body.extend(vec![b' '; 2 << 20]);
            answer
        },
    ];
    for (n, shape) in shapes.into_iter().enumerate() {
        scene.provider.lock().unwrap().shape = shape;
        let said = scene.post(TOKEN, "code=good&grant_type=authorization_code");
        assert!(said.contains("token"), "{n}: {said}");
        assert!(!said.contains("\"access_token\":\""), "{n}: {said}");
    }
    assert_eq!(scene.stage.refusals().len(), shapes.len());
    scene.nothing_came_in();
}

#[test]
fn addresses_of_the_policy_and_those_that_nobody_knows() {
    if !has("curl", &["--version"]) {
        return;
    }
    let form = "grant_type=authorization_code&code=good";
    let url = "https://echo.example.com/oauth2/token";
    let known =
        Scene::new("[oauth.endpoints]\n\"https://echo.example.com/oauth2/token\" = [\"api.anthropic.com\"]");
    let (access, _) = pair(&known.post(url, form));
    assert!(known.ask("api.anthropic.com", &access).contains(" 200"));
    assert!(known.ask("github.com", &access).contains(" 401"));
    known.nothing_came_in();

    let unknown = Scene::new("");
    let (access, _) = pair(&unknown.post(url, form));
    assert!(unknown.provider.lock().unwrap().access.contains(&access), "it passes as it came");
    let given = |record: &Record| match &record.outcome {
        Outcome::Given { what } => Some(what.clone()),
        _ => None,
    };
    let told: Vec<String> = unknown.stage.records().iter().filter_map(given).collect();
    assert!(told.len() == 1 && told[0].contains("no known token endpoint"), "{told:?}");

    let closed = Scene::new("[oauth]\nother = \"block\"");
    let said = closed.post(url, form);
    assert!(said.contains("tokens that are not kept outside"), "{said}");
    closed.nothing_came_in();
}

/// Whoever asks for another protocol gets no answer that nobody reads.
#[test]
fn a_token_endpoint_speaks_no_websocket() {
    if !has("curl", &["--version"]) {
        return;
    }
    let token = String::from_utf8(Rng::new(79).text(keys::BASE62, 44)).unwrap();
    let body = format!(r#"{{"token":"{token}"}}"#);
    let stage = Stage::new(engine(), |_| {}, move |_| json(200, body.clone()));
    let url = "https://registry.npmjs.org/-/v1/done?authId=1";
    let upgrade =
        ["-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13"];
    let upgrade = [&upgrade[..], &["-H", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]].concat();
    let said = stage.run(&[&["curl", "-sS", "--http1.1"], &upgrade[..], &[url]].concat()).said;
    assert!(said.contains("speaks no WebSocket") && stage.server.requests().is_empty(), "{said}");
    let said = stage.run(&["curl", "-sS", url]).said;
    assert!(said.starts_with("{\"token\":\"") && !said.contains(&token[..8]), "{said}");
}

/// What an address that nobody knows answers at length passes as it came.
#[test]
fn long_answers_of_others_pass() {
    if !has("curl", &["--version"]) {
        return;
    }
    let body = vec![b'a'; 3 << 20];
    let answered = body.clone();
    let stage = Stage::new(
        engine(),
        |_| {},
        move |_| Answer { status: 200, headers: Vec::new(), body: answered.clone() },
    );
    let url = "https://echo.example.com/x";
    let said = stage.run(&["curl", "-sS", "-d", "grant_type=x", url]).said;
    assert!(said.as_bytes() == body, "{} bytes", said.len());
    // Where a credential was put into the request, it is taken out.
    let value = keys::github(&mut Rng::new(80), "ghp_");
    let (engine, substitutes, scrubber, placeholder) = with_token(&value, &["echo.example.com"]);
    let set = |settings: &mut Settings| {
        settings.substitutes(substitutes, scrubber);
    };
    let answer = move |request: &Arrived| {
        let bearer = request.header("authorization").unwrap_or_default().into_bytes();
        Answer { status: 200, headers: Vec::new(), body: [&body[..], &bearer, &body].concat() }
    };
    let stage = Stage::new(engine, set, answer);
    let header = format!("Authorization: Bearer {placeholder}");
    let said = stage.run(&["curl", "-sS", "-H", &header, "-d", "grant_type=x", url]).said;
    assert!(said.len() > 6 << 20 && said.contains("Bearer "), "{} bytes", said.len());
    assert!(!said.contains(std::str::from_utf8(&value[4..]).unwrap()));
    let arrived = stage.server.requests()[0].header("authorization").unwrap();
    assert_eq!(arrived.as_bytes(), [b"Bearer ", &value[..]].concat());
}

/// In mode observe nothing is changed.
#[test]
fn observing_leaves_logins_alone() {
    if !has("curl", &["--version"]) {
        return;
    }
    let provider = Provider::new();
    let answering = provider.clone();
    let set = |settings: &mut Settings| {
        settings.observe();
    };
    let stage = Stage::new(engine(), set, move |request| answering.lock().unwrap().answer(request));
    let said = stage.run(&["curl", "-sS", "-d", "grant_type=authorization_code&code=good", TOKEN]).said;
    assert!(provider.lock().unwrap().access.contains(&pair(&said).0), "{said}");
    assert!(stage.records().iter().any(|record| matches!(record.outcome, Outcome::Given { .. })));
}

/// Beside a token of the environment that belongs to the same host.
#[test]
fn a_login_is_no_strangers_credential() {
    if !has("curl", &["--version"]) {
        return;
    }
    let value = keys::github(&mut Rng::new(78), "ghp_");
    let (engine, substitutes, scrubber, placeholder) = with_token(&value, &["api.github.com"]);
    let scene = Scene::with(engine, "", |settings| {
        settings.substitutes(substitutes, scrubber);
    });
    let (access, _) = scene.login();
    assert!(scene.ask("api.github.com", &access).contains(" 200"));
    assert!(scene.ask("api.github.com", "nobodys").contains("not the session's own"));
    scene.stage.server.forget();
    assert!(scene.ask("api.github.com", &placeholder).contains(" 401"));
    let arrived = scene.stage.server.requests()[0].header("authorization").unwrap();
    assert_eq!(arrived.as_bytes(), [b"Bearer ", &value[..]].concat());
    scene.nothing_came_in();
}
