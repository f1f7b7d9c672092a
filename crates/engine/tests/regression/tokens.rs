//! Base32 and base58.

use exfilter_engine::{Confidence, Engine, Limits, OpaqueReason};
use exfilter_testing::{Rng, keys, run, split, wrap};

use super::lanes::{finds, in_any_chunks};
use crate::laws::outbound;
use crate::support;

/// The paths of what is found, which is at least one thing.
fn paths(engine: &Engine, content: &[u8]) -> Vec<String> {
    finds(engine, content);
    let run = run::run(engine, &outbound(), content, &split::whole(content.len()));
    run.findings().zip(&run.events).map(|(_, (_, path))| path.clone()).collect()
}

#[test]
fn base32_of_either_alphabet_and_case() {
    let mut rng = Rng::new(401);
    let secret = rng.text(keys::BASE62, 24);
    let engine = support::engine(std::slice::from_ref(&secret), Limits::default());
    for value in [keys::github(&mut rng, "ghp_"), secret] {
        for alphabet in [wrap::BASE32, wrap::BASE32HEX] {
            for pad in [false, true] {
                let run = wrap::base32(&value, alphabet, pad);
                for run in [run.to_ascii_lowercase(), run] {
                    for before in ["", "key=", "\"", "\\n", "%20", "\\u0020"] {
                        let content = [before.as_bytes(), &run, b"\n"].concat();
                        assert_eq!(paths(&engine, &content), ["base32"], "{before}");
                    }
                }
            }
        }
    }
}

/// Lines whose ends lie anywhere in a group of eight characters.
#[test]
fn folded_base32() {
    let mut rng = Rng::new(402);
    let engine = support::engine(&[], Limits::default());
    for width in 40..60 {
        let value = [&rng.text(keys::HEX, width)[..], b" ", &keys::github(&mut rng, "ghp_"), b" "].concat();
        let run = wrap::base32(&value, wrap::BASE32, true);
        for between in ["\n", "\r\n", "\\n"] {
            let lines = run.chunks(width).collect::<Vec<_>>().join(between.as_bytes());
            finds(&engine, &[b"key: ", &lines[..], b"\n"].concat());
            let inner = [b"key: ", &lines[..], b"\n"].concat();
            finds(&engine, &wrap::base64(&inner, false, true));
        }
    }
}

/// A token is one number: all of it is held until it is over, and not longer.
#[test]
fn a_token_of_base58_is_held() {
    let mut rng = Rng::new(403);
    let engine = support::engine(&[], Limits::default());
    let token = wrap::base58(&keys::github(&mut rng, "ghp_"));
    for before in ["", "\"", "key=", "\\n", "%20"] {
        for after in ["", "\"", " ", "&", "\\n", "="] {
            let content = [before.as_bytes(), &token, after.as_bytes()].concat();
            assert_eq!(paths(&engine, &content), ["base58"], "{before} {after}");
        }
    }
    let mut stream = engine.stream(outbound());
    let token = wrap::base58(&rng.bytes(300));
    assert_eq!(stream.push(&token).through(), Some(0));
    let through = stream.push(&[b' '; 128]).through();
    assert!(through.is_some_and(|through| through > token.len() as u64), "{through:?}");
}

/// What holds one character that is none of base58, has others beside it, or is too long, is no token, and leaves at once.
#[test]
fn what_is_no_token_of_base58_leaves() {
    let mut rng = Rng::new(404);
    let engine = support::engine(&[], Limits::default());
    for other in [&b"0"[..], b"_", b"+"] {
        let token = wrap::base58(&rng.bytes(200));
        let mut stream = engine.stream(outbound());
        let _ = stream.push(&[&token[..100], other].concat());
        let through = stream.push(&token[100..]).through();
        assert!(through.is_some_and(|through| through > 100), "{through:?}");
    }
    let mut stream = engine.stream(outbound());
    let through = stream.push(&wrap::base58(&rng.bytes(700))).through();
    assert!(through.is_some_and(|through| through > 600), "{through:?}");
}

/// An escape anywhere in a token cuts it in two, of which neither is its beginning.
#[test]
fn one_escape_anywhere_in_a_token() {
    let mut rng = Rng::new(405);
    let engine = support::engine(&[], Limits::default());
    let value = [&rng.text(keys::BASE62, 60)[..], b" ", &keys::github(&mut rng, "ghp_")].concat();
    let token = wrap::base58(&value);
    for at in 0..token.len() {
        let byte = token[at];
        for escape in
            [format!("\\u{byte:04x}"), format!("%{byte:02X}"), format!("&#{byte};"), format!("={byte:02X}")]
        {
            let spelled = [&token[..at], escape.as_bytes(), &token[at + 1..]].concat();
            finds(&engine, &[b"{\"v\": \"", &spelled[..], b"\"}"].concat());
        }
        if at > 0 {
            finds(&engine, &[b"v: ", &token[..at], b"=\r\n", &token[at..], b"\n"].concat());
        }
    }
}

/// One token in a line each: lines of 32 characters and more look like a folded run.
#[test]
fn tokens_in_lines() {
    let mut rng = Rng::new(406);
    let engine = support::engine(&[], Limits::default());
    let mut lines: Vec<Vec<u8>> = (0..5).map(|_| wrap::base58(&rng.bytes(40))).collect();
    for n in 0..lines.len() {
        let other = std::mem::replace(&mut lines[n], wrap::base58(&keys::github(&mut rng, "ghp_")));
        finds(&engine, &lines.join(&b"\n"[..]));
        lines[n] = other;
    }
}

/// What is too deep to be read is reported if there is something in it.
#[test]
fn a_token_for_which_no_lane_can_be_had_is_reported() {
    let mut rng = Rng::new(407);
    let mut limits = Limits::default();
    limits.shapes = 1;
    let engine = support::engine(&[], limits);
    let token = wrap::base58(&keys::github(&mut rng, "ghp_"));
    let noise = wrap::base58(&rng.bytes(40));
    for (token, is_refused) in [(token, true), (noise, false)] {
        let content = wrap::base64(&[b"the key is ", &token[..], b" "].concat(), false, false);
        in_any_chunks(&engine, &content, |run| {
            let refused = run.opaques().filter(|o| o.reason() == OpaqueReason::Depth).count();
            assert_eq!(refused, usize::from(is_refused));
        });
    }
}

/// A JSON web token whose time was over for years was blocked like one that opens something.
#[test]
fn a_token_whose_time_is_over_is_told_of_and_blocks_nothing() {
    let engine = Engine::builder().rules(exfilter_rules::builtin()).build().unwrap();
    let part = |json: &str| wrap::base64(json.as_bytes(), true, false);
    for (exp, confidence) in [(1_700_000_000u64, Confidence::Medium), (4_000_000_000, Confidence::High)] {
        let claims = format!(r#"{{"sub":"someone","exp":{exp}}}"#);
        let signature = Rng::new(403).text(keys::BASE62, 43);
        let token = [part(r#"{"alg":"HS256","typ":"JWT"}"#), part(&claims), signature].join(&b'.');
        let content = [&token[..], b"\n"].concat();
        let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
        let found: Vec<_> = run.findings().map(|finding| finding.confidence()).collect();
        assert_eq!(found, [confidence], "{exp}");
        assert_eq!(run.last.is_block(), confidence == Confidence::High, "{exp}");
    }
}
