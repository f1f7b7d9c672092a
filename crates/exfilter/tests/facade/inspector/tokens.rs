//! What people log in with where a program has it from a file: JSON web tokens, and keys in either of two fields.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use exfilter_testing::{Rng, canary, keys};

use super::bodies::gzip;
use super::{Request, engine, text};

/// A token with these claims, as long as real ones.
fn token(rng: &mut Rng, claims: &str) -> Vec<u8> {
    let part = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let head = part(br#"{"alg":"RS256","kid":"19344e65","typ":"JWT"}"#);
    let token = format!("{head}.{}.{}", part(claims.as_bytes()), part(&rng.bytes(256))).into_bytes();
    canary::note([&token[..]]);
    token
}

/// As Codex has it in `~/.codex/auth.json` after a login with ChatGPT: longer than what its rule looks at.
fn chatgpt(rng: &mut Rng) -> Vec<u8> {
    let groups: Vec<String> = (0..40).map(|_| format!("\"org-{}\"", rng.below(1 << 30))).collect();
    let claims = format!(
        r#"{{"aud":["https://api.openai.com/v1"],"exp":1993000000,"https://api.openai.com/auth":{{"groups":[{}]}},"iss":"https://auth.openai.com"}}"#,
        groups.join(",")
    );
    token(rng, &claims)
}

fn ask(to: &'static str, value: &[u8]) -> Request {
    Request::new(to, "GET", "/models").field("authorization", [b"Bearer ", value].concat())
}

#[test]
fn tokens_pass_where_they_say_that_they_belong() {
    let mut rng = Rng::new(71);
    let engine = engine(&[]);
    let openai = chatgpt(&mut rng);
    let own = token(&mut rng, r#"{"iss":"https://ref.example.co/auth/v1","exp":1993000000}"#);
    for (to, value, passes) in [
        ("https://chatgpt.com", &openai, true),
        ("https://api.openai.com", &openai, true),
        ("https://example.com", &openai, false),
        ("http://chatgpt.com", &openai, false),
        ("https://ref.example.co", &own, true),
        ("https://other.example.co", &own, false),
        ("https://chatgpt.com", &own, false),
    ] {
        let outcome = ask(to, value).run(&engine);
        assert_eq!(outcome.blocked, !passes, "{to}: {:?}", outcome.operator);
        assert!(!outcome.sightings.is_empty(), "it is told of");
    }
    // Elsewhere than as the bearer it is a secret like any other.
    let body = Request::new("https://ref.example.co", "POST", "/").body(&own);
    assert!(body.run(&engine).blocked);
    let other = Request::new("https://ref.example.co", "GET", "/").field("x-note", &own);
    assert!(other.run(&engine).blocked);
}

/// What is hidden in a token that somebody has made up is found as anywhere.
#[test]
fn nothing_passes_within_a_token() {
    let mut rng = Rng::new(72);
    let enrolled = rng.text(keys::BASE62, 40);
    let engine = engine(&[("S", &enrolled, &[])]);
    for secret in [keys::github(&mut rng, "ghp_"), enrolled] {
        let claims =
            format!(r#"{{"iss":"https://a.example.com","x":"{}"}}"#, String::from_utf8(secret).unwrap());
        let outcome = ask("https://a.example.com", &token(&mut rng, &claims)).run(&engine);
        assert!(outcome.blocked, "{:?}", outcome.sightings);
    }
}

/// Python's client of Anthropic's API sends its key as the bearer, older ones in a field of its own.
#[test]
fn keys_pass_in_either_field() {
    let entries = exfilter::rules::builtin_entries();
    let entry = entries.iter().find(|entry| entry.rule.id == "anthropic-api-key").unwrap();
    let key = exfilter::rules::example::expand(&entry.examples[0], entry.rule.checksum, 73).unwrap();
    let engine = engine(&[]);
    let to = "https://api.anthropic.com";
    assert!(!ask(to, &key).run(&engine).blocked);
    assert!(!Request::new(to, "GET", "/").field("x-api-key", &key).run(&engine).blocked);
    assert!(ask("https://example.com", &key).run(&engine).blocked);
}

/// The id of a key in a signature, of a profile in a file or of an address that somebody else has signed.
#[test]
fn signatures_pass_at_aws() {
    let mut rng = Rng::new(75);
    let engine = engine(&[]);
    let hex = text(&rng.text(keys::HEX, 64));
    let id = |begins: &str, rng: &mut Rng| {
        format!("{begins}{}", text(&rng.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)))
    };
    let ids = ["AKIA", "ASIA"].map(|begins| id(begins, &mut rng));
    let another = id("AKIA", &mut rng);
    for id in ids {
        let scope = format!("{id}/20261130/us-east-1/s3/aws4_request");
        let header =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={hex}");
        let target = format!("/key?X-Amz-Credential={}&X-Amz-Signature={hex}", scope.replace('/', "%2F"));
        for (to, passes) in [("https://b.s3.amazonaws.com", true), ("https://example.com", false)] {
            let signed = Request::new(to, "PUT", "/key").field("authorization", &header);
            let address = Request::new(to, "GET", &target);
            for request in [signed, address] {
                let outcome = request.run(&engine);
                assert_eq!(outcome.blocked, !passes, "{to}: {:?}", outcome.operator);
            }
        }
        let aws = "https://b.s3.amazonaws.com";
        let refused = |request: Request| assert!(request.run(&engine).blocked);
        refused(Request::new(aws, "PUT", "/key").body(&id));
        refused(Request::new(aws, "PUT", "/key").field("x-amz-meta-note", &id));
        refused(
            Request::new(aws, "PUT", "/key").field("authorization", header.replace("us-east-1", &another)),
        );
        refused(Request::new(aws, "GET", format!("/key?prefix={id}")));
        refused(Request::new(aws, "GET", target.replace("us-east-1", &another)));
    }
}

/// What is overwritten in a long body, and cannot be in its place, is refused in a short one, too.
#[test]
fn what_cannot_be_overwritten_is_refused_in_bodies_of_any_length() {
    let mut rng = Rng::new(74);
    let engine = engine(&[]);
    let mut key = keys::github(&mut rng, "ghp_");
    // Without its checksum it is of medium confidence, which is overwritten on its way to a model.
    key[20] = if key[20] == b'a' { b'b' } else { b'a' };
    let deep = base64::prelude::BASE64_STANDARD.encode(gzip(&key));
    for words in [0, 10_000] {
        let body = format!(r#"{{"model":"m","input":"look {deep}{}"}}"#, " word".repeat(words));
        let request = Request::new("https://api.openai.com", "POST", "/v1/responses")
            .editable()
            .field("content-type", "application/json")
            .field("content-length", body.len().to_string())
            .body(&body);
        let outcome = request.run(&engine);
        assert!(outcome.blocked && outcome.sent.is_empty(), "{words}: {:?}", outcome.sightings);
    }
}
