//! Placeholders: the real value comes to its host alone, in its slot alone, and not back.

use std::sync::Arc;

use exfilter::substitute::{AwsKeys, Substitutes, scrubbing};
use exfilter::{Binding, Engine, HostPattern, KnownSecrets, Slot, StoreKey};
use exfilter_testing::{Rng, keys};

use crate::stage::{AWS, Stage, has};
use crate::upstream::{Answer, Arrived};

pub(crate) struct Token {
    pub(crate) stage: Stage,
    pub(crate) real: String,
    pub(crate) placeholder: String,
}

fn binding(host: &str, slot: &str) -> Binding {
    Binding {
        host: HostPattern::parse(host.as_bytes()).unwrap(),
        slot: Slot::parse(slot.as_bytes()).unwrap(),
    }
}

fn known(value: &[u8], bindings: Vec<Binding>) -> KnownSecrets {
    exfilter_testing::canary::note([value]);
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).unwrap());
    known.add("TOKEN", value, bindings).unwrap();
    known
}

/// Says what it got, in its body and in a header.
fn echo(request: &Arrived) -> Answer {
    let authorization = request.header("authorization").unwrap_or_default();
    let body = format!("{} got {authorization} and that was all", request.target);
    match request.target.as_str() {
        "/events" => Answer {
            status: 200,
            headers: vec![("content-type", "text/event-stream".into())],
            body: format!("data: {authorization}\n\ndata: end\n\n").into_bytes(),
        },
        _ => Answer { status: 200, headers: vec![("x-echo", authorization)], body: body.into_bytes() },
    }
}

/// What knows a value and its home, and its placeholder.
pub(crate) fn with_token(value: &[u8], hosts: &[&str]) -> (Engine, Arc<Substitutes>, Engine, String) {
    let bindings = || -> Vec<Binding> {
        let slots = ["header:authorization:bearer", "header:authorization:basic.password"];
        hosts.iter().flat_map(|host| slots.map(|slot| binding(host, slot))).collect()
    };
    let mut substitutes = Substitutes::new([9; 32]);
    let placeholder = substitutes.add("TOKEN", value, bindings()).unwrap().to_owned();
    let engine = Engine::builder()
        .rules(exfilter::rules::builtin())
        .known_secrets(known(value, bindings()))
        .build()
        .unwrap();
    let scrubber =
        Engine::builder().known_secrets(known(value, Vec::new())).policy(scrubbing()).build().unwrap();
    (engine, Arc::new(substitutes), scrubber, placeholder)
}

pub(crate) fn token(value: &[u8], hosts: &[&str]) -> Token {
    let (engine, substitutes, scrubber, placeholder) = with_token(value, hosts);
    let set = |settings: &mut exfilter_guard::Settings| {
        settings.substitutes(substitutes, scrubber);
    };
    let stage = Stage::new(engine, set, echo);
    Token { stage, real: String::from_utf8(value.to_vec()).unwrap(), placeholder }
}

impl Token {
    fn curl(&self, args: &[&str]) -> String {
        self.stage.server.forget();
        self.stage.run(&[&["curl", "-sS", "-i"], args].concat()).said
    }

    fn has_real(&self) -> bool {
        self.stage.server.bytes().windows(self.real.len()).any(|w| w == self.real.as_bytes())
    }
}

#[test]
fn real_values_go_home_and_nowhere_else() {
    if !has("curl", &["--version"]) {
        return;
    }
    // With a form that a rule knows, at a host that the rule does not know; and without one.
    for value in [keys::github(&mut Rng::new(41), "ghp_"), Rng::new(42).text(keys::BASE62, 40)] {
        let token = token(&value, &["echo.example.com"]);
        let (placeholder, real) = (&token.placeholder, &token.real);
        let stars = "*".repeat(real.len());
        for protocol in ["--http1.1", "--http2-prior-knowledge"] {
            let bearer = format!("Authorization: Bearer {placeholder}");
            let said = token.curl(&[protocol, "-H", &bearer, "https://echo.example.com/a"]);
            let arrived = token.stage.server.requests();
            assert_eq!(arrived[0].header("authorization").unwrap(), format!("Bearer {real}"));
            // The echo is scrubbed, in the header and in the body.
            assert!(said.contains(&format!("/a got Bearer {stars} and that was all")), "{said}");
            assert!(said.to_lowercase().contains(&format!("x-echo: bearer {stars}")), "{said}");
            assert!(!said.contains(real.as_str()));
            let said = token.curl(&[protocol, "-H", &bearer, "https://echo.example.com/events"]);
            assert!(said.contains(&format!("data: Bearer {stars}\n\ndata: end")), "{said}");
        }
        let user = format!("me:{placeholder}");
        let said = token.curl(&["-u", &user, "https://echo.example.com/a"]);
        let got = token.stage.server.requests()[0].header("authorization").unwrap();
        let pair = exfilter_testing::wrap::base64(format!("me:{real}").as_bytes(), false, true);
        assert_eq!(got, format!("Basic {}", String::from_utf8(pair).unwrap()));
        assert!(!said.contains(&got[6..]), "an echo in base64 is scrubbed too: {said}");

        // Another host, another slot, no TLS, more than the whole value: a placeholder is text.
        let bearer = format!("Authorization: Bearer {placeholder}");
        let more = format!("Authorization: Bearer {placeholder}x");
        let other = format!("X-Other: {placeholder}");
        for args in [
            &["-H", &bearer, "https://github.com/a"][..],
            &["-H", &bearer, "http://echo.example.com/a"],
            &["-H", &other, "https://echo.example.com/a"],
            &["-H", &more, "https://echo.example.com/a"],
            &["-d", placeholder, "https://echo.example.com/a"],
        ] {
            token.curl(args);
            assert!(!token.has_real(), "{args:?}");
        }
    }
}

#[test]
fn credentials_of_others_are_refused_where_ours_is_put() {
    if !has("curl", &["--version"]) {
        return;
    }
    let token = token(&Rng::new(43).text(keys::BASE62, 40), &["echo.example.com"]);
    let foreign = "Authorization: Bearer somebody-elses-credential";
    let said = token.curl(&["-H", foreign, "https://echo.example.com/a"]);
    assert!(said.contains("not the session's own") && token.stage.server.requests().is_empty(), "{said}");
    // Without any, with the real value itself, and elsewhere it is nobody's business.
    let real = format!("Authorization: Bearer {}", token.real);
    for args in [
        &["https://echo.example.com/a"][..],
        &["-H", foreign, "https://github.com/a"],
        &["-H", &real, "https://echo.example.com/a"],
    ] {
        token.curl(args);
        assert_eq!(token.stage.server.requests().len(), 1, "{args:?}");
    }
    // The real value elsewhere is what is never sent.
    token.curl(&["-d", &token.real, "https://github.com/a"]);
    assert!(token.stage.server.requests().is_empty());
}

/// A real client signs with placeholders; the server gets what the real keys have signed.
#[test]
fn signatures_of_aws_are_made_anew() {
    if !has("curl", &["--aws-sigv4", "aws:amz", "--version"]) {
        return;
    }
    let mut rng = Rng::new(331);
    let id = format!("AKIA{}", String::from_utf8(rng.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)).unwrap());
    let secret = String::from_utf8(rng.text(keys::BASE62, 40)).unwrap();
    let mut substitutes = Substitutes::new([9; 32]);
    let keys = AwsKeys { id: id.as_bytes(), secret: secret.as_bytes(), token: None };
    let made = substitutes.add_aws("AWS", keys).unwrap();
    let engine = Engine::builder()
        .rules(exfilter::rules::builtin())
        .known_secrets(known(secret.as_bytes(), Vec::new()))
        .build()
        .unwrap();
    let scrubber = Engine::builder()
        .known_secrets(known(id.as_bytes(), Vec::new()))
        .policy(scrubbing())
        .build()
        .unwrap();
    let set = |settings: &mut exfilter_guard::Settings| {
        settings.substitutes(Arc::new(substitutes), scrubber);
    };
    let stage = Stage::new(engine, set, echo);
    let (url, user) = (format!("https://{AWS}/"), format!("{}:{}", made.id, made.secret));
    let ask = |user: &str, url: &str, more: &[&str]| {
        let signing = ["curl", "-sS", "-i", "--aws-sigv4", "aws:amz:eu-west-1:sts", "--user", user];
        stage.run(&[&signing[..], more, &["-d", "Action=GetCallerIdentity", url]].concat()).said
    };
    let said = ask(&user, &url, &[]);
    let arrived = stage.server.requests();
    assert_eq!(arrived.len(), 1, "{said}");
    let authorization = arrived[0].header("authorization").unwrap();
    assert!(authorization.contains(&format!("Credential={id}/")), "{authorization}");
    assert!(!authorization.contains(&made.id));
    assert_eq!(arrived[0].body, b"Action=GetCallerIdentity");
    // The server says what it got, and the client sees nothing of it.
    assert!(said.contains("200") && !said.contains(&id), "{said}");
    assert!(stage.records()[0].injected);
    // Somebody else's keys, a secret that is not the placeholder's, another host.
    stage.server.forget();
    let other =
        format!("AKIA{}", String::from_utf8(rng.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)).unwrap());
    for (user, url, why) in [
        (format!("{other}:{}", made.secret), url.as_str(), "header:authorization"),
        (format!("{}:{}", made.id, "x".repeat(40)), &url, "does not verify"),
        (user.clone(), "https://echo.example.com/", "aws-access-key-id"),
    ] {
        let said = ask(&user, url, &[]);
        assert!(said.contains(why), "{why}: {said}");
    }
    assert!(stage.server.requests().is_empty());
    stage.nothing_arrived(secret.as_bytes());
}
