//! Bodies in the chunks of S3's clients: their content is examined as servers store it, and so are the lines around it.

use exfilter::inspector::Uploads;
use exfilter::{Action, Engine, KnownSecrets, OpaqueReason, Policy, StoreKey};
use exfilter_testing::{Rng, canary, keys, split};

use super::bodies::{gzip, in_all_chunkings};
use super::{Request, engine};

const BUCKET: &str = "https://b.s3.us-east-1.amazonaws.com";
const UNSIGNED: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// As botocore and the SDKs write it: chunks of so many bytes, and a sum behind them.
fn chunks(body: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in body.chunks(size) {
        out.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n");
    out
}

/// With the fields that such a client sends.
fn put(target: &str, len: usize, body: impl AsRef<[u8]>) -> Request {
    Request::new(BUCKET, "PUT", target)
        .field("content-encoding", "aws-chunked")
        .field("transfer-encoding", "chunked")
        .field("x-amz-content-sha256", UNSIGNED)
        .field("x-amz-decoded-content-length", len.to_string())
        .field("x-amz-trailer", "x-amz-checksum-crc32")
        .body(body)
}

#[test]
fn what_is_clean_passes_as_it_is() {
    let engine = engine(&[]);
    for (body, size) in [(&b""[..], 1), (b"hello", 5), (&[b'a'; 3000], 1000)] {
        let request = put("/key", body.len(), chunks(body, size));
        let outcome = in_all_chunkings(&engine, &request, b"nothing of interest");
        assert!(!outcome.blocked && outcome.complete && outcome.sightings.is_empty(), "{outcome:?}");
        assert_eq!(outcome.sent, request.body);
    }
    let body = gzip(&b"some words and more of them ".repeat(400));
    let request = put("/key", body.len(), chunks(&body, 50)).field("content-type", "application/gzip");
    assert!(!in_all_chunkings(&engine, &request, b"nothing of interest").blocked);
}

#[test]
fn a_secret_is_found_where_servers_would_have_it() {
    let mut rng = Rng::new(61);
    let token = keys::github(&mut rng, "ghp_");
    let enrolled = rng.text(keys::BASE62, 40);
    let engine = engine(&[("S", &enrolled, &[])]);
    let text: Vec<u8> =
        (0..40).flat_map(|n| format!("line {n} {}\n", rng.below(9999)).into_bytes()).collect();
    for secret in [&token, &enrolled] {
        let body = [&text[..], secret, b"\n", &text].concat();
        // The line of a chunk stands in the middle of it, or of what is around it.
        for (body, size) in [(body.clone(), 1 << 20), (body.clone(), 30), (gzip(&body), 100)] {
            let outcome = in_all_chunkings(&engine, &put("/key", body.len(), chunks(&body, size)), secret);
            assert!(outcome.blocked && outcome.sent.is_empty(), "{outcome:?}");
        }
        // With a coding of its own below the chunks.
        let body = gzip(&body);
        let mut request = put("/key", body.len(), chunks(&body, 64));
        request.fields[0].1 = b"gzip,aws-chunked".to_vec();
        assert!(in_all_chunkings(&engine, &request, secret).blocked);
        // A client's own words around it.
        let secret_text = String::from_utf8(secret.to_vec()).unwrap();
        for framed in [
            format!("5;chunk-signature={secret_text}\r\nhello\r\n0\r\n\r\n"),
            format!("5\r\nhello\r\n0\r\nx-amz-note:{secret_text}\r\n\r\n"),
        ] {
            let outcome = in_all_chunkings(&engine, &put("/key", 5, framed), secret);
            assert!(outcome.blocked, "{outcome:?}");
        }
    }
}

#[test]
fn what_is_in_no_such_chunks_is_refused() {
    let engine = engine(&[]);
    let good = chunks(b"hello", 5);
    let cut = &good[..good.len() - 2];
    let behind = [&good[..], b"x"].concat();
    for body in [&b"hello"[..], cut, &behind, b"5\nhello\n0\n\n", b""] {
        let outcome = put("/key", 5, body).run(&engine);
        assert!(outcome.blocked && !outcome.complete && outcome.sent.is_empty(), "{outcome:?}");
    }
    // Below another coding they are none that is known.
    let mut request = put("/key", 5, gzip(&good));
    request.fields[0].1 = b"aws-chunked,gzip".to_vec();
    assert!(request.run(&engine).blocked);
}

/// A server that knows no chunks has the body as it stands, so it is looked for there too, whatever the policy says about broken ones.
#[test]
fn what_is_in_no_chunks_is_examined_as_it_stands() {
    let mut rng = Rng::new(64);
    let enrolled = String::from_utf8(rng.text(keys::BASE62, 40)).unwrap();
    canary::note([enrolled.as_bytes()]);
    let mut policy = Policy::default();
    policy.opaque(OpaqueReason::Corrupt, Action::Report).opaque(OpaqueReason::Truncated, Action::Report);
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[5; 32]).unwrap());
    known.add("S", enrolled.as_bytes(), vec![]).unwrap();
    let engine = Engine::builder().known_secrets(known).policy(policy).build().unwrap();
    let long = format!("{}{enrolled}", "1".repeat(1500));
    for body in [
        format!("hello {enrolled} and more"),
        format!("4\r\n{enrolled}"),
        format!("5\r\nhello\r\n{enrolled}\r\n0\r\n\r\n"),
        format!("0\r\n\r\n{enrolled}"),
        format!("5;{enrolled}"),
        long,
    ] {
        let outcome = in_all_chunkings(&engine, &put("/key", 5, &body), enrolled.as_bytes());
        assert!(outcome.blocked && !outcome.complete, "{outcome:?}");
    }
    assert!(!put("/key", 5, "hello").run(&engine).blocked);
}

/// Pieces in the lines and in the content are of one request.
#[test]
fn pieces_in_lines_and_content_are_counted_together() {
    let secret = Rng::new(65).text(keys::BASE62, 40);
    canary::note([&secret[..]]);
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[5; 32]).unwrap());
    known.fragments(true).add("S", &secret, vec![]).unwrap();
    let engine = Engine::builder().known_secrets(known).build().unwrap();
    let half = |at: std::ops::Range<usize>| String::from_utf8(secret[at].to_vec()).unwrap();
    let body = format!("14;{}\r\n{}\r\n0\r\n\r\n", half(0..20), half(20..40));
    assert!(put("/key", 20, body).run(&engine).blocked);
    let alone = format!("14\r\n{}\r\n0\r\n\r\n", half(20..40));
    assert!(!put("/key", 20, alone).run(&engine).blocked);
}

/// What would be overwritten in another body is refused here: chunks say how long they are.
#[test]
fn nothing_is_overwritten_in_chunks() {
    let token = keys::github(&mut Rng::new(62), "ghp_");
    let engine = engine(&[]);
    let body = [b"{\"text\":\"", &token[..], b"\"}"].concat();
    let request = Request::new("https://api.anthropic.com", "POST", "/v1/messages")
        .editable()
        .field("content-type", "application/json")
        .field("content-encoding", "aws-chunked")
        .field("x-amz-content-sha256", UNSIGNED)
        .body(chunks(&body, 1000));
    assert!(in_all_chunkings(&engine, &request, &token).blocked);
}

/// A large file comes in parts, each in chunks of its own.
#[test]
fn parts_in_chunks_are_one_object() {
    let mut rng = Rng::new(63);
    let token = keys::github(&mut rng, "ghp_");
    let engine = engine(&[]);
    for (secret, blocked) in [(&token[..], true), (b"nothing of interest", false)] {
        let object = gzip(&[&rng.bytes(4000), secret, b"\n", &rng.bytes(4000)].concat());
        let uploads = Uploads::new();
        let mut refused = false;
        for (n, part) in object.chunks(object.len() / 2 + 1).enumerate() {
            let target = format!("/key?partNumber={}&uploadId=u", n + 1);
            let request = put(&target, part.len(), chunks(part, 900));
            let mut inspection = request.inspection();
            inspection.uploads(&uploads);
            let pieces = split::random(&mut rng, request.body.len(), 700);
            refused |= request.run_in(&engine, &inspection, &pieces).blocked;
        }
        assert_eq!(refused, blocked);
    }
}
