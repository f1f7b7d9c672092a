//! Answers of token endpoints: what becomes of them, and where their placeholders are exchanged.

use std::io::Write as _;
use std::sync::Arc;

use exfilter::config::Config;
use exfilter::inspector::{Inspection, Inspector};
use exfilter::substitute::{AnswerError, Logins, Rewritten, Substitutes, TokenEndpoints};
use exfilter::wire::{Headers, RequestHead};
use exfilter::{Authority, Engine, Flow, HostPattern, Slot, StoreKey};
use exfilter_testing::{Rng, keys};
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) const GITHUB: &str = "https://github.com";
pub(crate) const PATH: &str = "/login/oauth/access_token";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

pub(crate) fn to(authority: &str) -> Authority {
    Authority::parse(authority.as_bytes()).unwrap()
}

fn head(host: &str, path: &str, media_type: &str, len: usize) -> RequestHead {
    let fields = [("host", host), ("content-type", media_type), ("content-length", &len.to_string())];
    RequestHead::new(b"POST", path.as_bytes(), fields).unwrap()
}

pub(crate) fn token(seed: u64) -> String {
    String::from_utf8(Rng::new(seed).text(keys::BASE62, 40)).unwrap()
}

/// A JSON web token with these claims, and its signature.
fn web_token(seed: u64, claims: &Value) -> (String, String) {
    let part = |value: &Value| {
        String::from_utf8(exfilter_testing::wrap::base64(value.to_string().as_bytes(), true, false)).unwrap()
    };
    let signature = String::from_utf8(Rng::new(seed).text(keys::BASE64URL, 342)).unwrap();
    (format!("{}.{}.{signature}", part(&json!({"alg": "RS256"})), part(claims)), signature)
}

/// The answer to a request for tokens at GitHub, in pieces.
fn finish(
    logins: &Logins,
    status: u16,
    fields: &[(&str, &str)],
    pieces: &[&[u8]],
) -> Result<Rewritten, AnswerError> {
    let head = head("github.com", PATH, FORM, 0);
    let request = TokenEndpoints::default().request(&logins.substitutes(), &to(GITHUB), &head, None).unwrap();
    assert!(request.keeps());
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.add(name.as_bytes(), value.as_bytes()).unwrap();
    }
    let mut answer = request.answer(status, &headers);
    pieces.iter().try_for_each(|piece| answer.push(piece))?;
    answer.finish(logins)
}

fn answered(logins: &Logins, body: &str) -> String {
    let rewritten = finish(logins, 200, &[("content-type", JSON)], &[body.as_bytes()]).unwrap();
    String::from_utf8(rewritten.body().unwrap().to_vec()).unwrap()
}

/// The placeholder for a refresh token of GitHub's, and its token.
fn login(logins: &Logins, seed: u64) -> (String, String) {
    let real = token(seed);
    let body: Value =
        serde_json::from_str(&answered(logins, &json!({"refresh_token": real}).to_string())).unwrap();
    (body["refresh_token"].as_str().unwrap().to_owned(), real)
}

#[test]
fn a_request_among_tokens_of_logins_does_not_repeat() {
    let logins = Logins::new([7; 32]);
    let engine = Engine::builder().rules(exfilter::rules::builtin()).build().unwrap();
    let repeats = |logins: &Logins| {
        let head = RequestHead::new(b"POST", b"/x", [("host", "api.github.com")]).unwrap();
        let mut inspection = Inspection::new(to("https://api.github.com"));
        inspection.substitutes(&logins.substitutes());
        let mut inspector = Inspector::new(&engine, &inspection, head).unwrap();
        assert!(!inspector.push(b"{}").is_block() && !inspector.finish().is_block());
        inspector.into_repeat().is_some()
    };
    assert!(repeats(&logins), "there are none");
    let _ = login(&logins, 9);
    assert!(!repeats(&logins), "they are renewed, and stand in bodies");
}

#[test]
fn tokens_are_replaced_and_nothing_else_is() {
    let logins = Logins::new([7; 32]);
    let (access, refresh) = (String::from_utf8(keys::github(&mut Rng::new(1), "gho_")).unwrap(), token(2));
    let text = |access: &str, refresh: &str| {
        format!(
            "{{ \"access_token\":\"{access}\",\n\t\"expires_in\": 28800, \"refresh_token\":\"{refresh}\" ,\"scope\":\"a\\u00e9 \\/\",\"id_token\":null}}\n"
        )
    };
    let body = answered(&logins, &text(&access, &refresh));
    let read: Value = serde_json::from_str(&body).unwrap();
    let (access_placeholder, placeholder) =
        (read["access_token"].as_str().unwrap(), read["refresh_token"].as_str().unwrap());
    assert_eq!(body, text(access_placeholder, placeholder));
    assert!(access_placeholder.starts_with("gho_") && access_placeholder.len() == access.len());
    assert!(access_placeholder != access && placeholder != refresh && placeholder.len() == refresh.len());
    // The same token has the same placeholder, wherever it stands and however its name is written.
    let again = answered(
        &logins,
        &format!(
            r#"[{{"Access_Token":"{refresh}"}},{{"x":{{"refresh\u005ftoken":"{refresh}","refresh_token":""}}}}]"#
        ),
    );
    assert_eq!(again.matches(placeholder).count(), 2);
    assert!(!again.contains(&refresh));
    // What came in as a placeholder comes back as one.
    let echoed = answered(&logins, &json!({"access_token": placeholder}).to_string());
    assert!(echoed.contains(placeholder));
    // A form, as GitHub answers where nothing else is asked for.
    let form = format!("access_token={access}&scope=repo%2Cgist&token_type=bearer");
    let rewritten = finish(
        &logins,
        200,
        &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
        &[form.as_bytes()],
    )
    .unwrap();
    assert_eq!(rewritten.body().unwrap(), form.replace(&access, access_placeholder).as_bytes());
    assert_eq!(
        rewritten.told().unwrap(),
        "access_token: the client has placeholders, good at api.github.com, github.com, uploads.github.com and 4 more"
    );
    // Twice under one name: each has its own.
    let (a, b) = (token(3), token(4));
    let twice = answered(&logins, &format!(r#"{{"access_token":"{a}","access_token":"{b}"}}"#));
    assert!(!twice.contains(&a) && !twice.contains(&b));
    // An answer without any stays as it is.
    let pending = br#"{"error":"authorization_pending"}"#;
    let rewritten = finish(&logins, 400, &[("content-type", JSON)], &[pending]).unwrap();
    assert!(rewritten.body().is_none() && rewritten.told().is_none() && !rewritten.is_kept());
}

#[test]
fn a_web_token_keeps_what_clients_read() {
    let logins = Logins::new([7; 32]);
    let claims = json!({"exp": 1_796_000_000, "account": "a-1234", "email": "me@example.com"});
    let (real, signature) = web_token(5, &claims);
    let body = answered(&logins, &json!({"access_token": real, "id_token": real}).to_string());
    let read: Value = serde_json::from_str(&body).unwrap();
    let placeholder = read["access_token"].as_str().unwrap();
    let kept = real.len() - signature.len();
    assert_eq!((placeholder.len(), &placeholder[..kept]), (real.len(), &real[..kept]));
    let window = |text: &str| (0..text.len() - 8).any(|at| real[kept..].contains(&text[at..at + 8]));
    assert!(!window(&placeholder[kept..]), "nothing of the signature");
    // The engine looks for the signature, and takes no placeholder for a secret.
    let engine = logins.engine(&Engine::builder().build().unwrap(), key()).unwrap();
    let blocks = |text: &str| {
        let mut stream = engine.stream(Flow::outbound_unknown());
        let _ = stream.push(text.as_bytes());
        stream.finish().is_block()
    };
    assert!(blocks(&format!("x {real} x")) && !blocks(&format!("x {placeholder} x")));
    // One that nobody signed opens nothing.
    let unsigned = format!("{}.", &real[..kept - 1]);
    let rewritten = finish(
        &logins,
        200,
        &[("content-type", JSON)],
        &[json!({"id_token": unsigned}).to_string().as_bytes()],
    );
    assert!(rewritten.unwrap().body().is_none());
}

pub(crate) fn key() -> StoreKey {
    StoreKey::from_bytes(&[3; 32]).unwrap()
}

pub(crate) fn coded(coding: &str, text: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        "zstd" => {
            let mut out = vec![0; zstd_safe::compress_bound(text.len())];
            let len = zstd_safe::compress(&mut out[..], text, 3).unwrap();
            out.truncate(len);
            out
        }
        _ => text.to_vec(),
    }
}

/// Fields of an answer's head.
type Fields<'a> = &'a [(&'a str, &'a str)];

#[test]
fn what_cannot_be_read_does_not_pass() {
    let logins = Logins::new([7; 32]);
    let real = token(11);
    let whole = json!({"access_token": real}).to_string();
    let gzip = coded("gzip", whole.as_bytes());
    let many =
        json!({"a": (0..17).map(|n| json!({"access_token": token(n + 20)})).collect::<Vec<_>>()}).to_string();
    let deep = format!("{}{whole}{}", "[".repeat(40), "]".repeat(40));
    let members = format!("[{}{whole}]", "1,".repeat(5000));
    let (doubled, bare) = (format!("{whole}{whole}"), format!("\"{real}\""));
    let location = format!("https://x.example/#access_token={real}");
    let json = [("content-type", JSON)];
    let within = json!({"data": whole}).to_string();
    let twice = json!({"data": [json!({"a": whole}).to_string()]}).to_string();
    let query = json!({"url": format!("https://x.example/?a=1&access_token={real}")}).to_string();
    let behind = format!("ess_token={real}&scope=repo");
    let part = [("content-type", FORM), ("content-range", "bytes 3-60/61")];
    let refused: [(Fields<'_>, &[u8]); 20] = [
        // Within a string, and where its name stands before what came.
        (&json, within.as_bytes()),
        (&json, twice.as_bytes()),
        (&json, query.as_bytes()),
        (&part, behind.as_bytes()),
        (&json, &whole.as_bytes()[..whole.len() - 1]),
        (&json, doubled.as_bytes()),
        (&json, b"<html>access_token</html>"),
        (&json, bare.as_bytes()),
        (&json, br#"{"access_token":["x"]}"#),
        (&json, br#"{"access_token":{"token":"x"}}"#),
        (&json, br#"{"access_token":12345678901234567890}"#),
        (&json, br#"{"access_token":"short"}"#),
        (&json, br#"{"access_token":"blanks in the middle of a token"}"#),
        (&json, many.as_bytes()),
        (&json, deep.as_bytes()),
        (&json, members.as_bytes()),
        (&[("content-type", "text/plain")], real.as_bytes()),
        (&[("content-type", JSON), ("content-encoding", "gzip")], &gzip[..gzip.len() - 9]),
        (&[("content-type", JSON), ("content-encoding", "gzip, gzip")], &gzip),
        (&[("content-type", JSON), ("location", &location)], b"{}"),
    ];
    for (n, (fields, body)) in refused.into_iter().enumerate() {
        let error = finish(&logins, 200, fields, &[body]).expect_err(&n.to_string());
        assert!(!error.to_string().contains(&real) && !error.to_string().contains("1 MiB"), "{n} {error}");
    }
    assert!(logins.is_empty(), "of what is refused nothing is kept");
    let long = vec![b' '; (1 << 20) + 1];
    assert!(finish(&logins, 200, &json, &[&long]).unwrap_err().to_string().contains("1 MiB"));
    finish(&logins, 206, &[("content-type", FORM)], &[behind.as_bytes()]).unwrap_err();
    // What only speaks of them passes.
    for said in [
        r#"{"error":"x","error_description":"no access_token, or refresh_token: expired?"}"#,
        r#"{"a":"the access_token"}"#,
    ] {
        assert!(finish(&logins, 400, &json, &[said.as_bytes()]).unwrap().body().is_none());
        assert!(finish(&logins, 200, &json, &[said.as_bytes()]).unwrap().body().is_none());
    }
    // A page of a gateway says that something is wrong; a bomb is none.
    let page =
        finish(&logins, 502, &[("content-type", "text/html")], &[b"<html>bad gateway</html>"]).unwrap();
    assert!(page.body().is_none());
    let bomb = coded("gzip", &vec![b' '; 4 << 20]);
    finish(&logins, 200, &[("content-type", JSON), ("content-encoding", "gzip")], &[&bomb]).unwrap_err();
}

#[test]
fn a_refresh_placeholder_is_put_in_one_field_of_one_address() {
    let logins = Logins::new([7; 32]);
    let (placeholder, real) = login(&logins, 31);
    let set = logins.substitutes();
    let exchange = |authority: &str, path: &str, media_type: &str, body: &str| {
        let to = to(authority);
        let head = head(to.host(), path, media_type, body.len());
        set.exchange_body(&to, &head, body.as_bytes()).map(|body| String::from_utf8(body.to_vec()).unwrap())
    };
    let form = format!("grant_type=refresh_token&refresh_token={placeholder}&client_id=x");
    assert_eq!(exchange(GITHUB, PATH, FORM, &form).unwrap(), form.replace(&placeholder, &real));
    let document = format!(r#"{{"client_id":"x","refresh_token" : "{placeholder}"}}"#);
    assert_eq!(
        exchange(GITHUB, PATH, "application/json; charset=utf-8", &document).unwrap(),
        document.replace(&placeholder, &real)
    );
    let revoked = format!("token={placeholder}&token_type_hint=refresh_token");
    for (authority, path, media_type, body) in [
        // Another host, another address, no TLS, another port.
        ("https://api.github.com", PATH, FORM, &form),
        ("https://gitlab.com", "/oauth/token", FORM, &form),
        (GITHUB, "/login/oauth/authorize", FORM, &form),
        (GITHUB, "/oauth/revoke", FORM, &form),
        (GITHUB, "/oauth/revoke", FORM, &revoked),
        (GITHUB, "/login/oauth/revoke", FORM, &revoked),
        // Another spelling, which may be another address.
        (GITHUB, "/login/oauth/access_token/", FORM, &form),
        (GITHUB, "/Login/oauth/access_token", FORM, &form),
        (GITHUB, "/login/oauth/access%5Ftoken", FORM, &form),
        (GITHUB, "/x/../login/oauth/access_token", FORM, &form),
        (GITHUB, "/login/oauth/access_token.json", FORM, &form),
        (GITHUB, "/login/oauth/access_token;x", FORM, &form),
        (GITHUB, "/login/oauth/access_token?x=1", FORM, &form),
        ("http://github.com", PATH, FORM, &form),
        ("https://github.com:8443", PATH, FORM, &form),
        // Another field, another form, a part of a value, twice.
        (GITHUB, PATH, FORM, &format!("client_id={placeholder}")),
        (GITHUB, PATH, FORM, &revoked),
        (GITHUB, PATH, "text/plain", &form),
        (GITHUB, PATH, FORM, &format!("refresh_token={placeholder}x")),
        (GITHUB, PATH, FORM, &format!("{form}&refresh%5Ftoken={placeholder}")),
        (GITHUB, PATH, JSON, &format!(r#"{{"a":{{"refresh_token":"{placeholder}"}}}}"#)),
        (GITHUB, PATH, JSON, &format!(r#"{document}x"#)),
    ] {
        assert!(exchange(authority, path, media_type, body).is_none(), "{authority}{path} {media_type}");
    }
    let long = format!("{form}&x={}", "x".repeat(16 << 10));
    assert!(exchange(GITHUB, PATH, FORM, &long).is_none());
    // It is no bearer, anywhere.
    let bearer = format!("Bearer {placeholder}");
    let slot = Slot::parse(b"header:authorization").unwrap();
    assert!(set.inject(&to("https://api.github.com"), &slot, bearer.as_bytes()).is_none());
}

#[test]
fn an_access_placeholder_is_a_bearer_at_the_hosts_of_its_api() {
    let logins = Logins::new([7; 32]);
    let real = String::from_utf8(keys::github(&mut Rng::new(41), "gho_")).unwrap();
    let read: Value =
        serde_json::from_str(&answered(&logins, &json!({"access_token": real}).to_string())).unwrap();
    let placeholder = read["access_token"].as_str().unwrap();
    let base = Engine::builder().rules(exfilter::rules::builtin()).build().unwrap();
    let engine = logins.engine(&base, key()).unwrap();
    let send = |host: &str, bearer: &str, body: &str| {
        let bearer = format!("Bearer {bearer}");
        let len = body.len().to_string();
        let fields = [("host", host), ("authorization", &bearer), ("content-length", &len)];
        let head = RequestHead::new(b"POST", b"/a", fields).unwrap();
        let to = to(&format!("https://{host}"));
        let mut inspection = Inspection::new(to.clone());
        inspection.substitutes(&Arc::new(Substitutes::new([1; 32]))).substitutes(&logins.substitutes());
        let mut inspector = Inspector::new(&engine, &inspection, head).unwrap();
        let _ = inspector.push(body.as_bytes());
        if inspector.finish().is_block() {
            return None;
        }
        let sent = logins.substitutes().exchange(&to, inspector.head()).unwrap();
        let sent = sent.as_ref().unwrap_or(inspector.head()).headers().get("authorization").unwrap().to_vec();
        Some(String::from_utf8(sent).unwrap())
    };
    assert_eq!(send("api.github.com", placeholder, "clean"), Some(format!("Bearer {real}")));
    // The token itself is at home there, too, and nowhere else: not as it is, nor in any coding.
    assert_eq!(send("api.github.com", &real, "clean"), Some(format!("Bearer {real}")));
    let coded = String::from_utf8(exfilter_testing::wrap::base64(real.as_bytes(), false, true)).unwrap();
    for body in [real.as_str(), &coded, &real.chars().rev().collect::<String>()] {
        assert_eq!(send("api.github.com", placeholder, body), None);
        assert_eq!(send("echo.example.com", "none", body), None);
    }
    assert_eq!(send("echo.example.com", &real, "clean"), None);
    // What takes tokens out of answers takes it out.
    let scrubber = logins.scrubber(None, key()).unwrap();
    let mut stream = scrubber.stream(Flow::outbound(to("https://api.github.com")).editable());
    let _ = stream.push(format!("got {real}.").as_bytes());
    let _ = stream.finish();
    assert_eq!(stream.edits().len(), 1);
}

#[test]
fn a_refresh_by_a_token_from_before_gives_what_the_client_can_keep() {
    let logins = Logins::new([7; 32]);
    let (placeholder, _) = login(&logins, 51);
    let mut endpoints = TokenEndpoints::default();
    let keeps = |endpoints: &TokenEndpoints, target: &str, body: &str| {
        let head = head("github.com", target, FORM, body.len());
        let request =
            endpoints.request(&logins.substitutes(), &to(GITHUB), &head, Some(body.as_bytes())).unwrap();
        (request.keeps(), request.refuses_others())
    };
    let other = token(52);
    let plain = format!("grant_type=refresh_token&refresh_token={other}&client_id=x");
    assert_eq!(keeps(&endpoints, PATH, &plain), (false, false));
    // As Codex says why it asks.
    assert_eq!(keeps(&endpoints, PATH, &format!("{plain}&refresh_reason=proactive_expiry")), (false, false));
    // Whatever else is in it may make it another grant.
    for body in [
        plain.replace(&other, &placeholder),
        format!("{plain}&code=x"),
        format!("{plain}&grant_type=authorization_code"),
        format!("{plain}&Grant_Type=authorization_code"),
        plain.replace("grant_type=refresh_token", "grant_type=authorization_code"),
        plain.replace(&other, ""),
        "grant_type=refresh_token".to_owned(),
        // Some servers end a field there.
        format!("{plain};grant_type=authorization_code;code=x"),
    ] {
        assert_eq!(keeps(&endpoints, PATH, &body), (true, false), "{body}");
    }
    assert_eq!(keeps(&endpoints, "/login/oauth/access_token?code=x", &plain), (true, false));
    // Some servers read a form whatever it says that it is.
    let document = |scope: &str| {
        json!({"grant_type": "refresh_token", "refresh_token": other, "scope": scope}).to_string()
    };
    for (scope, kept) in
        [("a b:c", false), ("&grant_type=authorization_code&code=x", true), (";code=x", true)]
    {
        let body = document(scope);
        let head = head("github.com", PATH, JSON, body.len());
        let set = logins.substitutes();
        let request = endpoints.request(&set, &to(GITHUB), &head, Some(body.as_bytes())).unwrap();
        assert_eq!(request.keeps(), kept, "{body}");
    }
    // So many fields are none that could be read, but for somebody.
    let many = format!("{}grant_type=authorization_code&code=x", "a&".repeat(300));
    assert_eq!(keeps(&endpoints, "/other/token", &many), (true, false));
    // Another spelling of the address, and another address of the same host.
    for target in ["/login//oauth/%61ccess_token/", "/other/token"] {
        assert_eq!(
            keeps(&endpoints, target, "grant_type=authorization_code&code=x"),
            (true, false),
            "{target}"
        );
    }
    endpoints.set_other(exfilter::Action::Block);
    assert_eq!(keeps(&endpoints, PATH, &plain), (false, true));
}

/// A placeholder that is forgotten while its request is under way is exchanged in it, so its answer is kept too.
#[test]
fn whose_refresh_it_is_says_the_set_that_is_exchanged() {
    let logins = Logins::new([7; 32]);
    let (placeholder, real) = login(&logins, 55);
    let set = logins.substitutes();
    for seed in 0..2 * Logins::MOST as u64 {
        login(&logins, 1000 + seed);
    }
    let body = format!("grant_type=refresh_token&refresh_token={placeholder}");
    let head = head("github.com", PATH, FORM, body.len());
    let asked = |set: &Substitutes| {
        let request =
            TokenEndpoints::default().request(set, &to(GITHUB), &head, Some(body.as_bytes())).unwrap();
        (request.keeps(), set.exchange_body(&to(GITHUB), &head, body.as_bytes()))
    };
    let (keeps, exchanged) = asked(&set);
    assert!(keeps && String::from_utf8_lossy(&exchanged.unwrap()).contains(&real));
    let (keeps, exchanged) = asked(&logins.substitutes());
    assert!(!keeps && exchanged.is_none(), "nothing of it is from here any more");
}

/// What stands in an address is in logs, and those of a bucket are its owner's.
#[test]
fn no_token_is_put_into_an_address_of_google() {
    let logins = Logins::new([7; 32]);
    let google = to("https://oauth2.googleapis.com");
    let head = head("oauth2.googleapis.com", "/token", FORM, 0);
    let request = TokenEndpoints::default().request(&logins.substitutes(), &google, &head, None).unwrap();
    let mut answer = request.answer(200, &Headers::new());
    answer.push(json!({"access_token": token(56)}).to_string().as_bytes()).unwrap();
    answer.finish(&logins).unwrap();
    let set = logins.substitutes();
    let (_, placeholder) = set.placeholders().next().unwrap();
    let storage = to("https://storage.googleapis.com");
    let target = format!("/bucket/x?access_token={placeholder}");
    let head = RequestHead::new(b"GET", target.as_bytes(), [("host", "storage.googleapis.com")]).unwrap();
    assert!(set.exchange(&storage, &head).unwrap().is_none());
    let bearer = format!("Bearer {placeholder}");
    let slot = Slot::parse(b"header:authorization").unwrap();
    assert!(set.inject(&storage, &slot, bearer.as_bytes()).is_some());
}

#[test]
fn addresses_that_nobody_knows_are_told_of_or_refused() {
    let logins = Logins::new([7; 32]);
    let config = |text: &str| Config::parse("policy.toml", &format!("version = 1\n[oauth]\n{text}")).unwrap();
    let body = "grant_type=client_credentials&client_id=x";
    let answer = |config: &Config, body: &str| {
        let head = head("id.example.com", "/oauth2/token", FORM, body.len());
        let request = config.token_endpoints().request(
            &logins.substitutes(),
            &to("https://id.example.com"),
            &head,
            Some(body.as_bytes()),
        )?;
        let mut answer = request.answer(200, &Headers::new());
        answer.push(json!({"access_token": token(61)}).to_string().as_bytes()).unwrap();
        Some(
            answer
                .finish(&logins)
                .map(|rewritten| (rewritten.is_kept(), rewritten.told().unwrap_or_default())),
        )
    };
    let told = answer(&config(""), body).unwrap().unwrap();
    assert!(!told.0 && told.1.contains("no known token endpoint"), "{}", told.1);
    assert!(answer(&config("other = \"block\""), body).unwrap().is_err());
    assert!(answer(&config(""), "client_id=x").is_none(), "a request like any other");
    let known =
        config("[oauth.endpoints]\n\"https://id.example.com/oauth2/token\" = [\"*.api.example.com\"]");
    let told = answer(&known, body).unwrap().unwrap();
    assert!(told.0 && told.1.ends_with("good at *.api.example.com"), "{}", told.1);
    assert!(answer(&known, "client_id=x").unwrap().unwrap().0);
    for (text, what) in [
        (
            "[oauth.endpoints]\n\"http://id.example.com/token\" = [\"a.example\"]",
            "policy.toml:4: oauth.endpoints.?: a token endpoint has an address with TLS",
        ),
        (
            "[oauth.endpoints]\n\"https://id.example.com/token\" = []",
            "policy.toml:4: oauth.endpoints.?: a token endpoint",
        ),
        (
            "[oauth.endpoints]\n\"https://id.example.com/token\" = \"a\"",
            "policy.toml:4: oauth.endpoints.?: write a list",
        ),
        ("other = \"allow\"", "policy.toml:3: oauth.other: is no action"),
        ("endpoints = 3", "policy.toml:3: oauth.endpoints: is a table"),
    ] {
        let error = Config::parse("policy.toml", &format!("version = 1\n[oauth]\n{text}\n")).unwrap_err();
        assert!(error.to_string().starts_with(what), "{error}");
    }
    let mut endpoints = TokenEndpoints::default();
    let hosts = [HostPattern::parse(b"api.example.com").unwrap().into()];
    for n in 0..TokenEndpoints::MOST {
        endpoints.add(&format!("https://id{n}.example.com/token"), &hosts).unwrap();
    }
    assert_eq!(endpoints.add("https://more.example.com/token", &hosts).unwrap_err().code(), "E_ENDPOINT");
}

/// Who looks for tokens begins anew only where there is a reason.
#[test]
fn what_comes_again_changes_nothing() {
    let (logins, endpoints) = (Logins::new([7; 32]), TokenEndpoints::default());
    let (access, refresh) = (token(51), token(52));
    let answered = |body: Value| {
        let head = head("github.com", PATH, FORM, 0);
        let request = endpoints.request(&logins.substitutes(), &to(GITHUB), &head, None).unwrap();
        let mut answer = request.answer(200, &Headers::new());
        answer.push(body.to_string().as_bytes()).unwrap();
        let rewritten = answer.finish(&logins).unwrap();
        assert!(rewritten.is_kept());
        let read: Value = serde_json::from_slice(rewritten.body().unwrap()).unwrap();
        (read, logins.substitutes())
    };
    let tokens = json!({"access_token": access, "refresh_token": refresh});
    let (given, kept) = answered(tokens.clone());
    let (again, same) = answered(tokens);
    assert!(given == again && Arc::ptr_eq(&kept, &same));
    // Nor do placeholders that come back.
    let (echoed, same) = answered(given.clone());
    assert!(given == echoed && Arc::ptr_eq(&kept, &same));
    // The same token for something else, and another one.
    let (_, other) = answered(json!({"refresh_token": access}));
    assert!(!Arc::ptr_eq(&kept, &other));
    let (_, more) = answered(json!({"refresh_token": token(53)}));
    assert!(!Arc::ptr_eq(&other, &more));
}

#[test]
fn the_tokens_that_were_not_used_for_the_longest_time_are_forgotten() {
    let logins = Logins::new([7; 32]);
    let placeholders: Vec<String> = (0..=Logins::MOST as u64).map(|n| login(&logins, 1000 + n).0).collect();
    let exchanged = |placeholder: &str| {
        let body = format!("refresh_token={placeholder}");
        let head = head("github.com", PATH, FORM, body.len());
        logins.substitutes().exchange_body(&to(GITHUB), &head, body.as_bytes()).is_some()
    };
    assert!(!exchanged(&placeholders[0]));
    assert!(placeholders[1..].iter().all(|placeholder| exchanged(placeholder)));
    assert_eq!(format!("{logins:?}"), "Logins(256 tokens)");
}

/// Logins at the same time: each has its own placeholder, and none is lost.
#[test]
fn logins_at_the_same_time_are_all_kept() {
    let logins = Logins::new([7; 32]);
    let made: Vec<(String, String)> = std::thread::scope(|scope| {
        let one = |n: u64| {
            let logins = &logins;
            scope.spawn(move || (0..8).map(|m| login(logins, 2000 + 8 * n + m)).collect::<Vec<_>>())
        };
        let all: Vec<_> = (0..4).map(one).collect();
        all.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for (placeholder, real) in made {
        let body = format!("refresh_token={placeholder}");
        let head = head("github.com", PATH, FORM, body.len());
        let sent = logins.substitutes().exchange_body(&to(GITHUB), &head, body.as_bytes()).unwrap();
        assert_eq!(&sent[..], format!("refresh_token={real}").as_bytes());
    }
}

/// A document with tokens in it, by numbers, so that what is in the answer is known.
fn document(tokens: Vec<String>) -> impl Strategy<Value = Value> {
    let names =
        prop::sample::select(vec!["access_token", "refresh_token", "id_token", "expires_in", "a b", "é\"\\"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(tokens).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..5).prop_map(|pairs| Value::from_iter(
                pairs.into_iter().map(|(name, value)| (name.to_owned(), value))
            )),
        ]
    })
}

/// The same document without its tokens; whether one stands where tokens do, and whether something else does.
fn without(value: &mut Value, tokens: &[String], is_token: bool, seen: &mut (bool, bool)) {
    match value {
        Value::String(text) if is_token && tokens.contains(text) => {
            seen.0 = true;
            *value = "token".into();
        }
        Value::Null if is_token => {}
        Value::String(text) if is_token && text.is_empty() => {}
        // One may stand in the other.
        Value::Array(_) | Value::Object(_) if is_token => {
            seen.1 = true;
            without(value, tokens, false, seen);
        }
        Value::Number(_) | Value::Bool(_) | Value::String(_) if is_token => seen.1 = true,
        Value::Array(items) => items.iter_mut().for_each(|item| without(item, tokens, false, seen)),
        Value::Object(members) => members.iter_mut().for_each(|(name, member)| {
            let is_token = ["access_token", "refresh_token", "id_token"].contains(&name.as_str());
            without(member, tokens, is_token, seen);
        }),
        _ => {}
    }
}

proptest! {
    #[test]
    fn any_answer_is_rewritten_whole_or_refused(
        document in document((0..3).map(token).collect()),
        coding in prop::sample::select(vec!["identity", "gzip", "deflate", "zstd"]),
        pretty in any::<bool>(),
        cut in 1_usize..40,
    ) {
        let tokens: Vec<String> = (0..3).map(token).collect();
        let logins = Logins::new([7; 32]);
        let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) }.unwrap();
        let body = coded(coding, text.as_bytes());
        let pieces: Vec<&[u8]> = body.chunks(cut).collect();
        let fields = [("content-type", JSON), ("content-encoding", coding)];
        let mut expected = document.clone();
        let (mut has_token, mut has_other) = (false, false);
        if document.is_object() || document.is_array() {
            let mut seen = (false, false);
            without(&mut expected, &tokens, false, &mut seen);
            (has_token, has_other) = seen;
        }
        match finish(&logins, 200, &fields, &pieces) {
            Err(_) => prop_assert!(has_other || !(document.is_object() || document.is_array())),
            Ok(rewritten) => {
                prop_assert!(rewritten.is_kept() == has_token);
                let got: Value = match rewritten.body() {
                    Some(body) => serde_json::from_slice(body).unwrap(),
                    None => document,
                };
                let placeholders: Vec<String> = tokens.iter().map(|real| {
                    let body = answered(&logins, &json!({"access_token": real}).to_string());
                    serde_json::from_str::<Value>(&body).unwrap()["access_token"].as_str().unwrap().to_owned()
                }).collect();
                let mut plain = got;
                without(&mut plain, &placeholders, false, &mut (false, false));
                prop_assert_eq!(plain, expected);
            }
        }
    }
}
