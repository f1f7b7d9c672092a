//! Bodies: the same outcome in any chunking, parts of their own, redaction of coded ones, and what is no push.

use std::io::Write as _;

use exfilter::inspector::Sighting;
use exfilter::wire::Conversation;
use exfilter::{Engine, Event};
use exfilter_testing::{Rng, keys, split, wrap};

use super::{Outcome, Request, engine};

const LLM: &str = "https://api.anthropic.com";

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0; zstd_safe::compress_bound(bytes.len())];
    let len = zstd_safe::compress(&mut out[..], bytes, 3).unwrap();
    out.truncate(len);
    out
}

/// The body of `cargo publish`.
pub(super) fn crate_body(metadata: &[u8], package: &[u8]) -> Vec<u8> {
    let len = |part: &[u8]| (part.len() as u32).to_le_bytes();
    [&len(metadata)[..], metadata, &len(package), package].concat()
}

/// A sighting without the range of the body in which it is: that is told by windows, which are longer where the body is kept.
fn what(sighting: &Sighting) -> String {
    let event = match sighting.event() {
        Event::Finding(f) => {
            format!("{:?} {:?} {:?} {:?} {:?}", f.kind(), f.inner(), f.confidence(), f.action(), f.line())
        }
        Event::Opaque(o) => format!("{:?} {:?}", o.reason(), o.action()),
        other => format!("{other:?}"),
    };
    format!("{} {} {event}", sighting.place(), sighting.path())
}

/// One outcome for all chunkings; nothing of what is refused or edited has left in any.
pub(super) fn in_all_chunkings(engine: &Engine, request: &Request, secret: &[u8]) -> Outcome {
    let whole = request.run(engine);
    // The body may be the embedder's to keep.
    let mut inspection = request.inspection();
    let held = request.run_in(engine, inspection.held(), &[request.body.len()]);
    let [ours, theirs] = [&held, &whole].map(|outcome| {
        let mut all: Vec<String> = outcome.sightings.iter().map(what).collect();
        all.sort();
        all
    });
    assert_eq!(ours, theirs);
    assert_eq!((held.blocked, &held.replacement), (whole.blocked, &whole.replacement));
    assert_eq!((&held.subject, &held.head, held.complete), (&whole.subject, &whole.head, whole.complete));
    let mut rng = Rng::new(request.body.len() as u64);
    for chunks in split::standard(&mut rng, request.body.len()) {
        let (mut inspection, mut alike) = (request.inspection(), &whole);
        if chunks.len() % 2 == 0 {
            (_, alike) = (inspection.held(), &held);
        }
        let outcome = request.run_in(engine, &inspection, &chunks);
        let contains = |bytes: &[u8]| bytes.windows(secret.len()).any(|w| w == secret);
        assert!(!contains(&outcome.sent) || secret.starts_with(b"nothing"));
        assert_eq!(outcome.sightings, alike.sightings);
        assert_eq!((outcome.blocked, &outcome.replacement), (alike.blocked, &alike.replacement));
        assert_eq!((&outcome.subject, &outcome.operator), (&alike.subject, &alike.operator));
        assert_eq!((&outcome.head, outcome.complete), (&alike.head, alike.complete));
        if !whole.blocked {
            assert_eq!(outcome.sent, whole.sent);
        }
        assert!(!outcome.shows(secret));
    }
    whole
}

#[test]
fn outcomes_do_not_depend_on_chunks() {
    let mut rng = Rng::new(51);
    let enrolled = rng.text(keys::BASE62, 30);
    let engine = engine(&[("S", &enrolled, &[])]);
    let cases = std::env::var("EXFILTER_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(24);
    for case in 0..cases {
        let token = keys::github(&mut rng, "ghp_");
        let secret = if case % 4 == 0 { &b"nothing of interest"[..] } else { &token };
        let layers = wrap::LAYERS.into_iter().filter(|layer| *layer != wrap::Layer::Zlib).collect::<Vec<_>>();
        let layer = *rng.pick(&layers);
        let body = wrap::wrap(&mut rng, layer, secret);
        let to = "https://other.example";
        let request = match case % 6 {
            0 => Request::new(to, "POST", "/x").body(&body),
            1 => Request::new(to, "POST", "/x").field("content-encoding", "gzip").body(gzip(&body)),
            2 => Request::new(LLM, "POST", "/v1/messages").editable().body(&body),
            3 => Request::new(LLM, "POST", "/v1/messages")
                .editable()
                .field("content-encoding", "zstd")
                .body(zstd(&body)),
            4 => Request::new(to, "PUT", "/api/v1/crates/new")
                .body(crate_body(b"{\"name\":\"demo\"}", &gzip(&body))),
            _ => Request::new(to, "PUT", "/api/v1/crates/new").body(crate_body(&body, &gzip(b"x"))),
        };
        in_all_chunkings(&engine, &request, secret);
    }
}

#[test]
fn parts_of_a_crate_are_examined_and_must_be_whole() {
    let mut rng = Rng::new(52);
    let engine = engine(&[]);
    let token = keys::github(&mut rng, "ghp_");
    let metadata = [b"{\"readme\":\"", &token[..], b"\"}"].concat();
    let clean = crate_body(b"{\"name\":\"demo\"}", &gzip(b"some package"));
    let send = |body: &[u8]| {
        let request = Request::new("https://crates.io", "PUT", "/api/v1/crates/new").body(body);
        in_all_chunkings(&engine, &request, &token)
    };
    let outcome = send(&clean);
    assert!(!outcome.blocked && outcome.complete && outcome.sent == clean);
    assert!(send(&crate_body(&metadata, &gzip(b"x"))).text.unwrap().contains("metadata"));
    let in_package = send(&crate_body(b"{}", &gzip(&[b"a\n", &token[..]].concat())));
    let text = in_package.text.unwrap();
    assert!(text.contains("package") && text.contains("(github-pat)"), "{text}");
    for broken in [&clean[..clean.len() - 3], &[&clean[..], b"x"].concat(), &clean[..2], b"{}", b""] {
        assert!(send(broken).blocked, "{} bytes", broken.len());
    }
}

#[test]
fn coded_bodies_are_redacted_as_text() {
    let mut rng = Rng::new(53);
    let enrolled = rng.text(keys::BASE62, 30);
    let engine = engine(&[("S", &enrolled, &[])]);
    let token = keys::github(&mut rng, "ghp_");
    let say = |secret: &[u8]| [b"{\"text\":\"use ", secret, b" please\"}"].concat();
    let mut history = Vec::new();
    for turn in 0..3 {
        history.push(if turn == 1 { say(&enrolled) } else { say(&token) });
        let text = [&b"{\"messages\":["[..], &history.join(&b','), &b"]}"[..]].concat();
        let stars = |text: &[u8]| {
            let mut text = String::from_utf8(text.to_vec()).unwrap();
            for secret in [&token, &enrolled] {
                let secret = std::str::from_utf8(secret).unwrap();
                text = text.replace(secret, &"*".repeat(secret.len()));
            }
            text.into_bytes()
        };
        for (coding, body) in [("gzip", gzip(&text)), ("zstd", zstd(&text)), ("", text.clone())] {
            let mut request = Request::new(LLM, "POST", "/v1/messages").editable().body(&body);
            if !coding.is_empty() {
                request =
                    request.field("content-encoding", coding).field("content-length", body.len().to_string());
            }
            let outcome = in_all_chunkings(&engine, &request, &token);
            assert!(!outcome.blocked);
            let arrived = if coding.is_empty() { outcome.sent } else { outcome.replacement.unwrap() };
            // The same bytes in every turn, and JSON still.
            assert_eq!(arrived, stars(&text));
            let _: serde_json::Value = serde_json::from_slice(&arrived).unwrap();
            let head = String::from_utf8(outcome.head).unwrap();
            assert!(!head.contains("content-encoding"));
            assert!(coding.is_empty() || head.contains(&format!("content-length: {}\r\n", arrived.len())));
        }
    }
}

#[test]
fn clean_coded_bodies_stay_as_they_are_and_others_are_refused() {
    let mut rng = Rng::new(54);
    let engine = engine(&[]);
    let token = keys::github(&mut rng, "ghp_");
    let coded = |text: &[u8]| {
        Request::new(LLM, "POST", "/v1/messages")
            .editable()
            .field("content-encoding", "gzip")
            .body(gzip(text))
    };
    let clean = in_all_chunkings(&engine, &coded(b"{\"text\":\"hello\"}"), &token);
    assert!(!clean.blocked && clean.replacement.is_none() && clean.sent == gzip(b"{\"text\":\"hello\"}"));

    // Not editable, another host, what follows the coding, and too long.
    let text = [b"say ", &token[..]].concat();
    let mut request = coded(&text);
    request.editable = false;
    assert!(in_all_chunkings(&engine, &request, &token).blocked);
    request = coded(&text);
    request.to = "https://other.example";
    assert!(in_all_chunkings(&engine, &request, &token).blocked);
    request = coded(b"hello");
    request.body.extend_from_slice(&token);
    assert!(in_all_chunkings(&engine, &request, &token).blocked);
    let mut short = coded(&text).inspection();
    short.replace_max(30);
    for chunks in [vec![coded(&text).body.len()], vec![1; coded(&text).body.len()]] {
        let outcome = coded(&text).run_in(&engine, &short, &chunks);
        assert!(outcome.blocked && outcome.replacement.is_none());
    }
    // A digest of the body is in the head.
    assert!(in_all_chunkings(&engine, &coded(&text).field("content-digest", "sha-256=:x:"), &token).blocked);
    let plain = Request::new(LLM, "POST", "/v1/messages").editable().body(&text);
    assert!(!in_all_chunkings(&engine, &plain, &token).blocked);
    assert!(in_all_chunkings(&engine, &plain.field("content-md5", "x"), &token).blocked);
    // Two codings.
    let request = Request::new(LLM, "POST", "/")
        .editable()
        .field("content-encoding", "gzip, gzip")
        .body(gzip(&gzip(&text)));
    assert!(in_all_chunkings(&engine, &request, &token).blocked);
}

#[test]
fn what_is_no_push_is_refused() {
    let mut rng = Rng::new(55);
    let engine = engine(&[]);
    let token = String::from_utf8(keys::github(&mut rng, "ghp_")).unwrap();
    let line = |data: &str| format!("{:04x}{data}", data.len() + 4);
    let (old, new, zero) = ("1".repeat(40), "2".repeat(40), "0".repeat(40));
    let caps = "report-status side-band-64k push-options";
    let push = |body: &str| {
        let request = Request::new("https://git.example", "POST", "/r.git/git-receive-pack").body(body);
        in_all_chunkings(&engine, &request, token.as_bytes())
    };
    let delete = line(&format!("{old} {zero} refs/heads/old\0{caps}"));
    assert!(!push(&format!("{delete}00000000")).blocked, "a delete without options");
    assert!(!push("0000").blocked, "a probe");
    let main = line(&format!("{old} {new} refs/heads/main\0{caps}"));
    let empty_pack = format!("PACK\0\0\0\u{2}\0\0\0\0{}", "x".repeat(20));
    assert!(!push(&format!("{main}00000000{empty_pack}")).blocked, "a pack without objects");
    for broken in [
        "PACK\0\0\0\u{2}\0\0\0\0".to_string(),
        format!("{main}00000000"),
        format!("{main}0000"),
        format!("{main}00000000JUNK and more of it"),
        format!("{delete}00000000x"),
        "0000x".into(),
        format!("{main}00000000PACK\0\0\0\u{2}\0\0\0\u{5}{}", "x".repeat(40)),
        String::new(),
    ] {
        let outcome = push(&broken);
        assert!(outcome.blocked && outcome.sent.is_empty() && !outcome.head_left, "{} bytes", broken.len());
    }
    // In an option, right behind the line's length, and in the name of a ref.
    let option = format!("{delete}0000{}0000", line(&token));
    let outcome = push(&option);
    assert!(
        outcome.blocked
            && String::from_utf8_lossy(&outcome.subject.unwrap())
                .contains("ng refs/heads/old secret detected in git commands")
    );
    let named = line(&format!("{old} {zero} refs/heads/{token}\0{caps}"));
    let outcome = push(&format!("{named}00000000"));
    assert!(
        outcome.blocked
            && String::from_utf8_lossy(&outcome.subject.unwrap()).contains("unpack secret detected")
    );
    let coded = Request::new("https://git.example", "POST", "/r.git/git-receive-pack")
        .field("content-encoding", "gzip")
        .body(gzip(format!("{delete}00000000").as_bytes()));
    assert!(coded.run(&engine).blocked);
}

#[test]
fn conversations_are_refused_in_their_own_form() {
    let mut rng = Rng::new(56);
    let engine = engine(&[]);
    let token = String::from_utf8(keys::github(&mut rng, "ghp_")).unwrap();
    let json = ("content-type", "application/json");
    let mcp = Request::new("https://mcp.example", "POST", "/mcp")
        .field(json.0, json.1)
        .field("mcp-session-id", "1")
        .body(format!("{{\"jsonrpc\":\"2.0\",\"id\":41,\"params\":\"{token}\"}}"));
    let outcome = in_all_chunkings(&engine, &mcp, token.as_bytes());
    assert!(
        String::from_utf8(outcome.subject.unwrap())
            .unwrap()
            .contains("{\"jsonrpc\":\"2.0\",\"id\":41,\"error\":")
    );

    let npm = Request::new("https://registry.npmjs.org", "PUT", "/demo")
        .field(json.0, json.1)
        .field("npm-command", "publish");
    let outcome = npm.body(format!("{{\"readme\":\"{token}\"}}")).run(&engine);
    let reply = String::from_utf8(outcome.subject.unwrap()).unwrap();
    assert!(
        reply.starts_with("HTTP/1.1 422 ") && reply.contains("secret detected in body:1:12 (github-pat)"),
        "{reply}"
    );

    let tunnel = Request::new("http://h.example", "GET", "/").field("upgrade", "tls/1.0").run(&engine);
    assert!(tunnel.blocked && !tunnel.head_left);
    assert_eq!(Request::new(LLM, "POST", "/v1/messages").head().conversation(), Conversation::Anthropic);
    let call = Request::new(LLM, "POST", "/v1/messages").body(&token).run(&engine);
    assert!(
        String::from_utf8(call.subject.unwrap())
            .unwrap()
            .contains("{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\"")
    );
}

/// Tokens are renewed with secrets in bodies: they pass in their field, and nowhere else.
#[test]
fn credentials_in_small_bodies_pass_in_their_places() {
    let mut rng = Rng::new(57);
    let (value, form) = (rng.text(keys::BASE62, 30), rng.text(keys::BASE62, 30));
    let engine = engine(&[
        ("REFRESH", &value, &["auth.example json:/auth/refresh_token"]),
        ("CLIENT", &form, &["auth.example form:client_secret"]),
    ]);
    let send = |media_type: &str, body: Vec<u8>, to| {
        let request = Request::new(to, "POST", "/token")
            .field("content-type", media_type)
            .field("content-length", body.len().to_string())
            .body(body);
        let outcome = in_all_chunkings(&engine, &request, b"nothing");
        assert!(!outcome.shows(&value) && !outcome.shows(&form));
        !outcome.blocked
    };
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let (value, form) = (text(&value), text(&form));
    let to = "https://auth.example";
    let json = |body: String| send("application/json", body.into_bytes(), to);
    assert!(json(format!("{{\"auth\": {{\"refresh_token\": \"{value}\"}}, \"x\": 1}}")));
    let escaped: String = value.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    assert!(json(format!("{{\"auth\":{{\"refresh_token\":\"{escaped}\"}}}}")));
    assert!(!json(format!("{{\"refresh_token\":\"{value}\"}}")), "another place");
    assert!(!json(format!("{{\"auth\":{{\"refresh_token\":\"{value}x\"}}}}")), "not the whole value");
    assert!(!json(format!("{{\"auth\":{{\"refresh_token\":\"{value}\"}},\"x\":\"{value}\"}}")), "once more");
    assert!(!json(format!("{{\"auth\":{{\"refresh_token\":\"{form}\"}}}}")), "another secret");
    assert!(!json(format!("{{\"auth\":{{\"refresh_token\":\"{value}\"}}")), "no document");
    let long = format!("{{\"auth\":{{\"refresh_token\":\"{value}\"}},\"x\":\"{}\"}}", "x ".repeat(9000));
    assert!(!json(long), "too long for a token request");
    assert!(!send("text/plain", format!("{{\"auth\":{{\"refresh_token\":\"{value}\"}}}}").into_bytes(), to));
    let fields = |body: String| send("application/x-www-form-urlencoded", body.into_bytes(), to);
    assert!(fields(format!("grant_type=x&client_secret={form}&a=b")));
    assert!(!fields(format!("grant_type=x&client_id={form}")));
    assert!(!send(
        "application/x-www-form-urlencoded",
        format!("client_secret={form}").into_bytes(),
        "https://evil.example"
    ));
    // What is refused for another reason stays refused.
    let tunnel =
        Request::new(to, "POST", "/x").field("content-type", "application/json").field("content-length", "2");
    assert!(tunnel.field("upgrade", "tls/1.0").body("[]").run(&engine).blocked);
}
