//! Bodies: wrappings of a secret, redaction, trailers, WebSocket, answers.

use exfilter::{Engine, KnownSecrets, StoreKey};
use exfilter_testing::matrix::{CARRIERS, Group, Keys, WRAPPINGS};
use exfilter_testing::{Rng, keys, wrap};

use crate::stage::{Stage, engine, has, ok};
use crate::upstream::Answer;

/// Every coding, escape, character set and container, in JSON and in a form: nothing arrives, neither as it is nor as it was wrapped.
#[test]
fn wrapped_secrets_do_not_arrive() {
    if !has("curl", &["--version"]) {
        return;
    }
    let keys = Keys::new(5);
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).unwrap());
    exfilter_testing::canary::note(keys.all().map(Vec::as_slice));
    for (n, key) in keys.all().enumerate() {
        known.add(&format!("KEY_{n}"), key, Vec::new()).unwrap();
    }
    let engine = Engine::builder().rules(exfilter::rules::builtin()).known_secrets(known).build().unwrap();
    let stage = Stage::new(engine, |_| {}, |_| ok(b"done"));
    let mut rng = Rng::new(6);
    let mut tried = 0;
    let mut config = String::new();
    let groups = [Group::Coding, Group::Escape, Group::Charset, Group::Container, Group::Nested];
    for wrapping in WRAPPINGS.iter().filter(|wrapping| groups.contains(&wrapping.group)) {
        let key = &keys.provider[0];
        let body = CARRIERS[1].carry(&(wrapping.make)(&mut rng, key));
        // Whatever the inspector lets through is not the proxy's business: those are told of by the matrix itself.
        let mut stream = stage.engine.stream(exfilter::Flow::outbound_unknown());
        let seen = stream.push(&body).is_block() | stream.finish().is_block();
        if !seen {
            continue;
        }
        let file = stage.write(&format!("{tried}.bin"), &body);
        tried += 1;
        config +=
            &format!("next\nurl = \"https://echo.example.com/{tried}\"\ndata-binary = \"@{file}\"\nsilent\n");
    }
    assert!(tried >= 30, "{tried}");
    let config = stage.write("config", config.trim_start_matches("next\n").as_bytes());
    let ran = stage.run(&["curl", "--parallel-max", "4", "-K", &config]);
    assert!(ran.ok, "{}", ran.said);
    assert_eq!(stage.refusals().len(), tried);
    assert!(stage.server.requests().is_empty());
    stage.nothing_arrived(&keys.provider[0]);
}

/// What goes to a model is redacted, and the rest arrives as it is; also in a compressed body, which is then sent without its coding.
#[test]
fn models_get_redacted_bodies() {
    if !has("curl", &["--version"]) {
        return;
    }
    let stage = Stage::usual();
    let mut rng = Rng::new(11);
    let token = keys::github(&mut rng, "ghp_");
    let (before, behind) = (b"{\"messages\":[{\"role\":\"user\",\"content\":\"my key is ", b" ok\"}]}");
    let body = [&before[..], &token, behind].concat();
    let starred = [&before[..], &vec![b'*'; token.len()], behind].concat();
    let plain = format!("@{}", stage.write("plain.json", &body));
    let url = "https://api.anthropic.com/v1/messages";
    let json = "Content-Type: application/json";
    let ran = stage.run(&["curl", "-sS", "-H", json, "--data-binary", &plain, url]);
    assert_eq!(ran.said, "done\n");
    assert!(stage.server.requests()[0].body == starred);
    let coded = format!("@{}", stage.write("coded.bin", &wrap::zstd(&mut rng, &body)));
    let coding = "Content-Encoding: zstd";
    stage.server.forget();
    let ran = stage.run(&["curl", "-sS", "-H", json, "-H", coding, "--data-binary", &coded, url]);
    assert_eq!(ran.said, "done\n");
    let arrived = &stage.server.requests()[0];
    assert!(arrived.body == starred && arrived.header("content-encoding").is_none());
    assert_eq!(arrived.header("content-length").unwrap(), starred.len().to_string());
    stage.nothing_arrived(&token);
    // Many edits, in a body that lies in a file.
    let lines: Vec<Vec<u8>> =
        (0..60).map(|_| [&body[..], b"\n", &rng.text(keys::HEX, 4000)].concat()).collect();
    let long = lines.concat();
    let clean: Vec<u8> = {
        let find = |window: &[u8]| window == token;
        let mut out = long.clone();
        let at: Vec<usize> =
            long.windows(token.len()).enumerate().filter(|(_, w)| find(w)).map(|(n, _)| n).collect();
        at.iter().for_each(|at| out[*at..at + token.len()].fill(b'*'));
        out
    };
    let set = |settings: &mut exfilter_guard::Settings| {
        let mut limits = exfilter_guard::GuardLimits::default();
        limits.memory_per_body = 50_000;
        settings.limits(limits);
    };
    let stage = Stage::new(engine(), set, |_| ok(b"done"));
    let file = format!("@{}", stage.write("long.json", &long));
    assert_eq!(stage.run(&["curl", "-sS", "--data-binary", &file, url]).said, "done");
    assert!(stage.server.requests()[0].body == clean);
}

/// An answer comes back as the server gave it.
#[test]
fn answers_come_back_as_they_are() {
    if !has("curl", &["--version"]) {
        return;
    }
    let mut rng = Rng::new(12);
    let body = rng.bytes(2_000_000);
    let answer = body.clone();
    for protocols in [&[&b"http/1.1"[..]][..], &[b"h2"]] {
        let answer = answer.clone();
        let stage = Stage::with(
            engine(),
            protocols,
            |_| {},
            move |request| Answer {
                status: if request.target == "/204" { 204 } else { 201 },
                headers: vec![("x-thing", "a b".into()), ("alt-svc", "h3=\":443\"".into())],
                body: if request.method == "HEAD" || request.target == "/204" {
                    Vec::new()
                } else {
                    answer.clone()
                },
            },
        );
        let out = stage.path("out.bin");
        let ran = stage.run(&["curl", "-sS", "-D", "-", "-o", &out, "https://echo.example.com/"]);
        assert!(ran.said.contains("201") && ran.said.contains("x-thing: a b"), "{}", ran.said);
        assert!(!ran.said.contains("alt-svc"), "{}", ran.said);
        assert!(std::fs::read(&out).unwrap() == body);
        let ran = stage.run(&["curl", "-sSI", "https://echo.example.com/"]);
        assert!(ran.ok && ran.said.contains("201"), "{}", ran.said);
        let ran = stage.run(&["curl", "-sS", "-w", "%{http_code}", "https://echo.example.com/204"]);
        assert_eq!(ran.said, "204");
    }
}

/// `Expect: 100-continue`: of a request whose head is refused the client sends no body.
#[test]
fn a_refused_head_is_told_before_the_body() {
    if !has("curl", &["--version"]) {
        return;
    }
    let stage = Stage::usual();
    let token = String::from_utf8(keys::github(&mut Rng::new(13), "ghp_")).unwrap();
    let file = format!("@{}", stage.write("long.bin", &vec![b'a'; 3_000_000]));
    let header = format!("X-Data: {token}");
    let args = |more: &[&'static str]| {
        let mut args =
            vec!["curl", "-sS", "--http1.1", "-H", "Expect: 100-continue", "-w", "\n%{size_upload}"];
        args.extend_from_slice(more);
        args
    };
    let mut refused = args(&["--data-binary"]);
    refused.extend([file.as_str(), "-H", &header, "https://echo.example.com/"]);
    let ran = stage.run(&refused);
    assert!(
        ran.said.contains("secret detected in header:x-data") && ran.said.ends_with("\n0"),
        "{}",
        ran.said
    );
    let mut clean = args(&["--data-binary"]);
    clean.extend([file.as_str(), "https://echo.example.com/"]);
    let ran = stage.run(&clean);
    assert!(ran.said.ends_with("\n3000000"), "{}", ran.said);
}
