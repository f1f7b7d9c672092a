//! What once let something out, by its cause.

use exfilter::inspector::{Prefixes, Uploads};
use exfilter::{Action, Confidence, Engine, Event, Inspector, OpaqueReason, Policy};
use exfilter_testing::{Rng, keys, split, wrap};

use super::bodies::{crate_body, gzip, in_all_chunkings, zstd};
use super::{Outcome, Request, engine, text};

const LLM: &str = "https://api.anthropic.com";

/// A small document is held to its end, and what a verdict lets go is in no later one's edits: those of the first chunks were lost.
#[test]
fn edits_of_a_held_body_are_those_of_all_its_chunks() {
    let mut rng = Rng::new(91);
    let engine = engine(&[]);
    let token = keys::github(&mut rng, "ghp_");
    let text = [b"{\"a\":\"", &token[..], b"\",\"b\":\"", "x ".repeat(2000).as_bytes(), b"\"}"].concat();
    let request = Request::new(LLM, "POST", "/v1/messages")
        .editable()
        .field("content-type", "application/json")
        .field("content-length", text.len().to_string())
        .body(&text);
    let outcome = in_all_chunkings(&engine, &request, &token);
    assert!(!outcome.blocked);
    assert_eq!(outcome.sent.len(), text.len());
}

/// The four bytes of a length were in no text, so a token that began with them left, and only then was the body found to be no crate.
#[test]
fn lengths_of_a_crate_are_examined_with_what_follows_them() {
    let mut rng = Rng::new(92);
    let engine = engine(&[]);
    let token = keys::github(&mut rng, "ghp_");
    let tail = " and more ".repeat(100);
    for body in
        [token.clone(), [&token, tail.as_bytes()].concat(), [&2u32.to_le_bytes()[..], b"{}", &token].concat()]
    {
        let request = Request::new("https://evil.example", "PUT", "/api/v1/crates/new").body(&body);
        assert!(in_all_chunkings(&engine, &request, &token).blocked);
    }
}

/// Bytes behind the package let go of all that was held of it.
#[test]
fn what_follows_a_crate_lets_nothing_of_it_go() {
    let mut rng = Rng::new(93);
    let engine = engine(&[]);
    let token = keys::github(&mut rng, "ghp_");
    // The last bytes of a package that is not compressed, so that they are there as they are.
    let mut stored = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut stored, &token).unwrap();
    let stored = stored.finish().unwrap();
    // Cut behind the value: its deflate stream goes on.
    let cut = stored.windows(token.len()).position(|w| w == token).unwrap() + token.len();
    let body = [&crate_body(b"{}", &stored[..cut])[..], b"x"].concat();
    let request = Request::new("https://crates.io", "PUT", "/api/v1/crates/new").body(&body);
    assert!(in_all_chunkings(&engine, &request, &token).blocked);
}

/// `Upgrade` is a list, in one field or in several, and a server takes what it knows of it.
#[test]
fn http2_is_offered_to_nobody() {
    let engine = engine(&[]);
    for fields in [&["h2c"][..], &["websocket, h2c"], &["websocket", "h2c"], &["H2C,websocket"]] {
        let mut request = Request::new("http://h.example", "GET", "/").field("connection", "upgrade");
        for field in fields {
            request = request.field("upgrade", field);
        }
        let outcome = request.run(&engine);
        let head = text(&outcome.head).to_ascii_lowercase();
        assert!(outcome.blocked || !head.contains("h2c"), "{fields:?}: {head}");
    }
    let websocket = Request::new("http://h.example", "GET", "/")
        .field("connection", "upgrade")
        .field("upgrade", "websocket")
        .run(&engine);
    assert!(!websocket.blocked && text(&websocket.head).contains("upgrade: websocket"));
    let two = Request::new("http://h.example", "GET", "/")
        .field("upgrade", "websocket")
        .field("upgrade", "tls/1.0");
    assert!(two.run(&engine).blocked);
}

/// Findings that are redacted but do not block were redacted in plain bodies and left in coded ones.
#[test]
fn coded_bodies_are_redacted_as_plain_ones_are() {
    let mut rng = Rng::new(94);
    let mut policy = Policy::default();
    policy.action(Confidence::High, exfilter::Action::Report);
    let engine = Engine::builder().rules(exfilter::rules::builtin()).policy(policy).build().unwrap();
    let token = keys::github(&mut rng, "ghp_");
    let say = [b"{\"text\":\"use ", &token[..], b" please\"}"].concat();
    for (coding, body) in [("gzip", gzip(&say)), ("zstd", zstd(&say))] {
        let request =
            Request::new(LLM, "POST", "/v1/messages").editable().field("content-encoding", coding).body(body);
        let outcome = in_all_chunkings(&engine, &request, &token);
        let arrived = outcome.replacement.expect("it is redacted");
        assert!(!outcome.blocked && !arrived.windows(token.len()).any(|w| w == token), "{coding}");
    }
}

/// A part that pretends to be the first of another object, by a parameter that stands twice or a path that is spelled otherwise.
#[test]
fn a_part_is_of_one_object_however_its_address_is_spelled() {
    let mut rng = Rng::new(95);
    let engine = engine(&[]);
    let mut send = |uploads: &Uploads, target: &str, body: &[u8]| {
        let request = Request::new("https://s3.example", "PUT", target).body(body);
        let mut inspection = request.inspection();
        inspection.uploads(uploads);
        let chunks = split::random(&mut rng, request.body.len(), 700);
        !request.run_in(&engine, &inspection, &chunks).blocked
    };
    let uploads = Uploads::new();
    assert!(send(&uploads, "/b/key?partNumber=1&uploadId=u", b"some text"));
    for other in [
        "/b/k%65y?partNumber=1&uploadId=u",
        "/b//key?partNumber=1&uploadId=u",
        "/b/./key?partNumber=1&uploadId=u",
        "/b/x/../key?partNumber=1&uploadId=u",
        "/b/other?partNumber=1&partNumber=2&uploadId=u",
        "/b/other?partNumber=1&uploadId=x&uploadId=u",
    ] {
        assert!(!send(&uploads, other, b"another text"), "{other}");
    }
    assert!(send(&uploads, "/b/k%65y?partNumber=2&uploadId=u", b"some text"));
}

/// The half of `user:password` that is at home took the whole of its base64 out of the text, with what the other half spells.
#[test]
fn what_is_at_home_takes_no_more_than_itself_out_of_a_text() {
    let mut rng = Rng::new(96);
    let enrolled = keys::secret(&mut rng);
    let spelled = keys::github(&mut rng, "ghp_");
    let engine = engine(&[("USER", &enrolled, &["api.example.com header:authorization:basic.user"])]);
    // So that what follows begins a group of base64.
    let pad = "x".repeat((3 - (enrolled.len() + 1) % 3) % 3);
    let head = super::heads::basic(&text(&enrolled), &pad);
    let request = |value: String| {
        Request::new("https://api.example.com", "GET", "/").field("authorization", value).run(&engine)
    };
    assert!(!request(head.clone()).blocked);
    assert!(request(head + &text(&spelled)).blocked);
}

/// Bytes behind the end of a part were answered as if nothing had come.
#[test]
fn bytes_behind_a_part_are_misuse() {
    let engine = engine(&[]);
    let request = Request::new("https://s3.example", "PUT", "/b/key?partNumber=1&uploadId=u");
    let mut inspection = request.inspection();
    inspection.uploads(&Uploads::new());
    let mut inspector = exfilter::Inspector::new(&engine, &inspection, request.head()).unwrap();
    assert!(!inspector.push(b"some text").is_block() && !inspector.finish().is_block());
    assert!(inspector.push(b"more").is_block());
}

/// Where a push breaks depended on how it came, and a line that is none, or not over, was in no text: it counted as not examined, which a policy may let pass.
#[test]
fn lines_at_which_a_push_breaks_are_examined() {
    let mut rng = Rng::new(99);
    let mut policy = Policy::default();
    for reason in [OpaqueReason::Corrupt, OpaqueReason::Truncated] {
        policy.opaque(reason, Action::Report);
    }
    let lenient = Engine::builder().rules(exfilter::rules::builtin()).policy(policy).build().unwrap();
    let token = String::from_utf8(keys::github(&mut rng, "ghp_")).unwrap();
    let shallow = format!("0035shallow {}\n", "1".repeat(40));
    for line in [
        // A line of 255 bytes that ends before.
        format!("00ff{token} "),
        format!("00ff{token}"),
        // No command, no length, no packet of a push.
        format!("{:04x}{token}", token.len() + 4),
        format!("{token}{}", " and more".repeat(20)),
        format!("0003{token}"),
        format!("0001{token}{}", " ".repeat(200)),
    ] {
        let body = format!("{shallow}{line}");
        let request = Request::new("https://git.example", "POST", "/r.git/git-receive-pack").body(&body);
        for engine in [&engine(&[]), &lenient] {
            let outcome = in_all_chunkings(engine, &request, token.as_bytes());
            assert!(outcome.blocked, "{} bytes", line.len());
            let found =
                outcome.sightings.iter().find(|sighting| matches!(sighting.event(), Event::Finding(_)));
            assert!(found.is_some(), "{} bytes", line.len());
        }
    }
}

/// What is compared was examined behind the trailers, so a conversation that came again was refused for another reason than before.
#[test]
fn a_compared_body_is_told_of_before_its_trailers() {
    let mut rng = Rng::new(100);
    let engine = engine(&[]);
    let (token, other) = (keys::github(&mut rng, "ghp_"), keys::github(&mut rng, "ghp_"));
    let clean = "a line of the conversation\\n".repeat(4000);
    // What stands at the very end is decided about at the end, behind the trailers.
    let rest = &clean.as_bytes()[..3000];
    let body = [b"{\"messages\":[\"", clean.as_bytes(), &token, b"\",\"", rest, b"\"]}"].concat();
    let mut request = Request::new(LLM, "POST", "/v1/messages")
        .field("content-type", "application/json")
        .field("content-length", body.len().to_string())
        .body(&body);
    request.trailers.push(("x-sum".into(), other));
    let mut inspection = request.inspection();
    inspection.prefixes(&Prefixes::new());
    let told = |outcome: &Outcome| (outcome.text.clone(), outcome.sightings.clone());
    let first = request.run_in(&engine, &inspection, &split::whole(body.len()));
    assert!(first.text.clone().unwrap().contains("detected in body"));
    let again = request.run_in(&engine, &inspection, &split::every(body.len(), 1000));
    assert_eq!(told(&again), told(&first));
}

/// Whoever says that the body is held and hands over another one, or none, gets a refusal, and what is whole is replaced as if it had been kept.
#[test]
fn a_held_body_is_replaced_if_it_is_handed_over() {
    let mut rng = Rng::new(101);
    let engine = engine(&[]);
    let token = keys::github(&mut rng, "ghp_");
    let body = gzip(&[b"{\"a\":\"", &token[..], b"\"}"].concat());
    let request = Request::new(LLM, "POST", "/v1/messages").editable().field("content-encoding", "gzip");
    let run = |pieces: &[&[u8]], held: bool| {
        let mut inspection = request.inspection();
        if held {
            inspection.held();
        }
        let mut inspector = Inspector::new(&engine, &inspection, request.head()).unwrap();
        let _ = inspector.push(&body);
        let verdict = inspector.finish_held(pieces);
        (verdict.is_block(), inspector.replacement().map(<[u8]>::to_vec))
    };
    let (blocked, kept) = run(&[], false);
    assert!(!blocked && kept.is_some());
    let (first, rest) = body.split_at(7);
    for whole in [&[&body[..]][..], &[first, rest], &[first, b"", rest, b""]] {
        assert_eq!(run(whole, true), (false, kept.clone()));
    }
    for other in [&[][..], &[first], &[rest], &[&body[..], b"x"], &[&body[..], &body[..]]] {
        assert_eq!(run(other, true), (true, None), "{} pieces", other.len());
    }
}

/// What would be redacted and could not be decoded for it was reported only, where an action for flows that are not edited is a report: two codings, or padding, were a way around a redaction.
#[test]
fn what_would_be_redacted_and_cannot_be_is_refused() {
    let mut rng = Rng::new(102);
    let mut policy = Policy::default();
    for confidence in [Confidence::High, Confidence::Confirmed] {
        policy.action(confidence, Action::Report).llm_action(confidence, Action::Redact);
    }
    let engine = Engine::builder().rules(exfilter::rules::builtin()).policy(policy).build().unwrap();
    let token = keys::github(&mut rng, "ghp_");
    let text = [b"{\"a\":\"", &token[..], b"\"}"].concat();
    let request = |coding: &str, body: Vec<u8>| {
        let request = Request::new(LLM, "POST", "/v1/messages").field("content-encoding", coding).body(body);
        (request.clone().editable(), request)
    };
    let (edited, plain) = request("gzip", gzip(&text));
    let outcome = in_all_chunkings(&engine, &edited, &token);
    assert!(!outcome.blocked && outcome.replacement.is_some());
    assert!(!plain.run(&engine).blocked, "who applies no edits has what the policy says of those");
    let padded = [&text[..], &b" ".repeat(1 << 20)].concat();
    for (coding, body) in
        [("gzip, gzip", gzip(&gzip(&text))), ("gzip", gzip(&padded)), ("zstd", zstd(&padded))]
    {
        let (edited, plain) = request(coding, body);
        assert!(in_all_chunkings(&engine, &edited, &token).blocked, "{coding}");
        assert!(!plain.run(&engine).blocked, "{coding}");
    }
}

/// Whether a body is decoded whole does not depend on its pieces, where it decodes to a little more than is taken.
#[test]
fn pieces_of_a_held_body_make_no_difference() {
    let mut rng = Rng::new(103);
    let engine = engine(&[]);
    let token = keys::github(&mut rng, "ghp_");
    let body = |spaces: usize| wrap::zlib(&mut Rng::new(1), &[&token[..], &b" ".repeat(spaces)].concat());
    let (mut replaced, mut refused) = (0, 0);
    for spaces in [2_000, 3_000, 4_000, 5_000, 6_000, 8_000, 20_000, 60_000] {
        let body = body(spaces);
        let request =
            Request::new(LLM, "POST", "/v1/messages").editable().field("content-encoding", "deflate");
        let run = |cut: usize| {
            let mut inspection = request.inspection();
            let mut inspector = Inspector::new(&engine, inspection.held(), request.head()).unwrap();
            let _ = inspector.push(&body);
            let (first, rest) = body.split_at(cut);
            let blocked = inspector.finish_held([first, rest]).is_block();
            (blocked, inspector.replacement().map(<[u8]>::to_vec))
        };
        let whole = run(0);
        (1..body.len()).for_each(|cut| assert!(run(cut) == whole, "{spaces} spaces, cut at {cut}"));
        *(if whole.0 { &mut refused } else { &mut replaced }) += 1;
    }
    assert!(replaced > 0 && refused > 0, "{replaced} and {refused}");
}
