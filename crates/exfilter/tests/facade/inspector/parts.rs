//! One object in many requests.

use exfilter::Engine;
use exfilter::inspector::{Prefixes, Uploads};
use exfilter_testing::{Rng, keys, split, wrap};

use super::{Outcome, Request, engine};

const OCI: &str = "/v2/a/blobs/uploads/0123";

/// Sends one request of a session.
fn send(engine: &Engine, uploads: &Uploads, request: &Request, rng: &mut Rng) -> Outcome {
    send_with(engine, uploads, &Prefixes::new(), request, rng)
}

/// As [`send`], where heads that were sent before are known.
fn send_with(
    engine: &Engine,
    uploads: &Uploads,
    prefixes: &Prefixes,
    request: &Request,
    rng: &mut Rng,
) -> Outcome {
    let mut inspection = request.inspection();
    inspection.uploads(uploads).prefixes(prefixes);
    let chunks = split::random(rng, request.body.len(), 700);
    request.run_in(engine, &inspection, &chunks)
}

fn patch(body: &[u8], start: Option<usize>) -> Request {
    let request = Request::new("https://registry.example", "PATCH", OCI).body(body);
    match start {
        Some(start) => request.field("content-range", format!("{start}-{}", start + body.len().max(1) - 1)),
        None => request,
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A layer of which no part makes sense alone.
fn layer(rng: &mut Rng, secret: &[u8]) -> Vec<u8> {
    let text: Vec<u8> =
        (0..3000).flat_map(|n| format!("line {n} {}\n", rng.below(9999)).into_bytes()).collect();
    gzip(&[&text, secret, b"\n", &text].concat())
}

#[test]
fn an_object_in_parts_is_one_stream() {
    let mut rng = Rng::new(81);
    let engine = engine(&[]);
    let token = keys::github(&mut rng, "ghp_");
    for case in 0..12 {
        let planted = case % 2 == 0;
        let object = layer(&mut rng, if planted { &token } else { b"nothing" });
        // Parts in order may have the same head.
        let (uploads, prefixes) = (Uploads::new(), Prefixes::new());
        let (a, b) = (1 + rng.below(object.len() / 2), object.len() / 2 + rng.below(object.len() / 2));
        let pieces = [&object[..a], &object[a..b], &object[b..]];
        let (mut at, mut blocked) = (0, false);
        for piece in pieces {
            let range = (case % 4 < 2).then_some(at);
            let outcome = send_with(&engine, &uploads, &prefixes, &patch(piece, range), &mut rng);
            assert!(outcome.blocked || outcome.sent == piece);
            assert!(!outcome.shows(&token));
            assert!(outcome.blocked || !blocked, "what is refused stays refused");
            blocked |= outcome.blocked;
            at += piece.len();
        }
        let end = Request::new("https://registry.example", "PUT", format!("{OCI}?digest=sha256:0"));
        blocked |= send(&engine, &uploads, &end, &mut rng).blocked;
        assert_eq!(blocked, planted, "case {case}");
        assert_eq!(uploads.len(), usize::from(planted));
    }
}

#[test]
fn a_secret_that_parts_cut_or_end_with_is_found() {
    let mut rng = Rng::new(82);
    let engine = engine(&[]);
    let token = keys::github(&mut rng, "ghp_");
    let uploads = Uploads::new();
    let text = [b"key = ", &token[..]].concat();
    // Nobody says that the object goes on.
    assert!(send(&engine, &uploads, &patch(&text, None), &mut rng).blocked);
    uploads.clear();
    let first = send(&engine, &uploads, &patch(&text[..20], None), &mut rng);
    assert!(!first.blocked);
    let second = send(&engine, &uploads, &patch(&text[20..], None), &mut rng);
    assert!(second.blocked && second.sent.is_empty());
}

/// All of a part leaves with it, so what it decodes to is examined to its end, not to that of a window.
#[test]
fn what_a_part_decodes_to_is_examined_before_it_leaves() {
    let mut rng = Rng::new(84);
    let engine = engine(&[]);
    for case in 0..40 {
        let token = keys::github(&mut rng, "ghp_");
        // Behind it stands what packs well: a few bytes of the coded text, and enough to decide about it.
        let lines = (0..200 + 40 * case).flat_map(|n| format!("line {n} {}\n", rng.below(9999)).into_bytes());
        let text = [lines.collect::<Vec<u8>>(), token.clone(), vec![b'\n'; 3000]].concat();
        let object = gzip(&text);
        let uploads = Uploads::new();
        let cut = rng.below(object.len() - 200);
        assert!(!send(&engine, &uploads, &patch(&object[..cut], Some(0)), &mut rng).blocked);
        let second = send(&engine, &uploads, &patch(&object[cut..], Some(cut)), &mut rng);
        assert!(second.blocked, "case {case}");
        assert!(!second.shows(&token));
    }
}

/// Parts may end anywhere, in whatever is being decoded.
#[test]
fn an_object_of_any_kind_is_one_stream() {
    let mut rng = Rng::new(85);
    let engine = engine(&[]);
    for case in 0..120 {
        let token = keys::github(&mut rng, "ghp_");
        let layer = wrap::LAYERS[case % wrap::LAYERS.len()];
        let object = wrap::wrap(&mut rng, layer, &[b"text ", &token[..], b" text"].concat());
        let uploads = Uploads::new();
        let (mut at, mut blocked) = (0, false);
        while at < object.len() {
            let end = (at + 1 + rng.below(1 + object.len() / 3)).min(object.len());
            blocked |= send(&engine, &uploads, &patch(&object[at..end], Some(at)), &mut rng).blocked;
            at = end;
        }
        let end = Request::new("https://registry.example", "PUT", format!("{OCI}?digest=sha256:0"));
        blocked |= send(&engine, &uploads, &end, &mut rng).blocked;
        assert!(blocked, "case {case}: {layer:?}");
    }
}

#[test]
fn parts_that_do_not_follow_are_refused() {
    let mut rng = Rng::new(83);
    let engine = engine(&[]);
    let uploads = Uploads::new();
    let part = |number: usize| {
        Request::new("https://s3.example", "PUT", format!("/b/key?partNumber={number}&uploadId=u"))
            .body(b"some text")
    };
    let complete = Request::new("https://s3.example", "POST", "/b/key?uploadId=u").body(b"<Complete/>");
    assert!(send(&engine, &uploads, &complete, &mut rng).blocked, "of an object that nobody has seen");
    assert!(send(&engine, &uploads, &part(2), &mut rng).blocked);
    assert!(!send(&engine, &uploads, &part(1), &mut rng).blocked);
    assert!(send(&engine, &uploads, &part(3), &mut rng).blocked);
    assert!(send(&engine, &uploads, &part(1).body(b"another text"), &mut rng).blocked);
    assert!(!send(&engine, &uploads, &part(2), &mut rng).blocked);
    assert!(!send(&engine, &uploads, &complete, &mut rng).blocked);
    assert!(uploads.is_empty());
    // Without a session no part but the first is known to make sense.
    assert!(part(2).run(&engine).blocked && !part(1).run(&engine).blocked);
    assert!(patch(b"abc", Some(5)).run(&engine).blocked && !patch(b"abc", Some(0)).run(&engine).blocked);
    // A part that is given up leaves its object unfinished.
    let mut inspection = part(1).inspection();
    inspection.uploads(&uploads);
    drop(exfilter::Inspector::new(&engine, &inspection, part(1).head()).unwrap());
    assert!(send(&engine, &uploads, &part(1), &mut rng).blocked);
    // Another host's object of the same name is another one.
    let mut other = part(1);
    other.to = "https://other.example";
    assert!(!send(&engine, &uploads, &other, &mut rng).blocked);
    // More objects than can be gone on with: those that have waited longest are given up, and nobody takes a later part of one for a first one.
    let many = Uploads::new();
    let mut blocked = |n: usize, part: usize| {
        let target = format!("/b/{n}?partNumber={part}&uploadId=u");
        send(&engine, &many, &Request::new("https://s3.example", "PUT", target).body(b"x"), &mut rng).blocked
    };
    assert!((0..300).all(|n| !blocked(n, 1)));
    assert!(!blocked(299, 2) && !blocked(44, 2) && blocked(43, 2) && blocked(0, 2) && blocked(0, 1));
    assert!((300..4096).all(|n| !blocked(n, 1)));
    assert!(blocked(4096, 1), "more than are known");
    assert_eq!(many.len(), 4096);
}

/// A server that has not taken a part gets it once more; what is another one has not been examined.
#[test]
fn a_part_that_is_sent_again_passes_if_it_is_the_same() {
    let mut rng = Rng::new(87);
    let engine = engine(&[]);
    let token = keys::github(&mut rng, "ghp_");
    let uploads = Uploads::new();
    let object = layer(&mut rng, b"nothing");
    let parts: Vec<&[u8]> = object.chunks(object.len() / 3 + 1).collect();
    let put = |number: usize, body: &[u8]| {
        Request::new("https://b.s3.amazonaws.com", "PUT", format!("/key?partNumber={number}&uploadId=u"))
            .body(body)
    };
    let mut passes = |number: usize, body: &[u8]| {
        let outcome = send(&engine, &uploads, &put(number, body), &mut rng);
        assert_eq!(outcome.sent.is_empty(), outcome.blocked);
        assert!(outcome.blocked || outcome.sent == body);
        !outcome.blocked
    };
    assert!(passes(1, parts[0]) && passes(1, parts[0]) && passes(2, parts[1]));
    // Another one, a part of it, more than it, and what would be a part of the end.
    let longer = [parts[1], b"x"].concat();
    for other in [&b"other"[..], &parts[1][1..], &longer, &token, parts[0]] {
        assert!(!passes(2, other));
    }
    // It goes on all the same.
    assert!(passes(1, parts[0]) && passes(2, parts[1]) && passes(3, parts[2]));
    uploads.clear();
    assert!(!passes(2, parts[1]));
}

/// Each login makes an engine; objects that wait must not keep all of them.
#[test]
fn objects_that_wait_keep_few_engines() {
    let mut rng = Rng::new(90);
    let uploads = Uploads::new();
    let part = |n: usize, start: usize, body: &[u8]| {
        Request::new("https://registry.example", "PATCH", format!("/v2/a/blobs/uploads/{n}"))
            .body(body)
            .field("content-range", format!("{start}-{}", start + body.len() - 1))
    };
    let engines: Vec<Engine> = (0..12).map(|_| engine(&[])).collect();
    for (n, engine) in engines.iter().enumerate() {
        for object in [n, 100 + n] {
            assert!(!send(engine, &uploads, &part(object, 0, b"begun"), &mut rng).blocked, "{object}");
        }
        // The first one goes on all the time, with the engine that it began with.
        let went_on = send(engine, &uploads, &part(0, 5 + 5 * n, b"going"), &mut rng);
        assert!(!went_on.blocked, "{n}");
    }
    let newest = engines.last().unwrap();
    let goes_on = |object: usize, start: usize, rng: &mut Rng| {
        !send(newest, &uploads, &part(object, start, b"still"), rng).blocked
    };
    assert!(goes_on(0, 65, &mut rng));
    let alive: Vec<usize> = (1..12).filter(|n| goes_on(*n, 5, &mut rng)).collect();
    assert_eq!(alive, (5..12).collect::<Vec<_>>(), "seven beside the first");
    for n in 1..12 {
        assert_eq!(goes_on(100 + n, 5, &mut rng), n >= 5, "{n}");
    }
    // With one engine there may be many.
    let uploads = Uploads::new();
    for n in 0..100 {
        assert!(!send(newest, &uploads, &part(n, 0, b"begun"), &mut rng).blocked);
    }
    assert!((0..100).all(|n| !send(newest, &uploads, &part(n, 5, b"still"), &mut rng).blocked));
}
