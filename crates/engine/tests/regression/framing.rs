//! Framings: content that a protocol cut.

use exfilter_engine::{Action, Confidence, Direction, Engine, Flow, Limits, OpaqueReason, Policy};
use exfilter_testing::framing::{self, FRAMINGS, Framing, frame};
use exfilter_testing::{Rng, keys, run, split, wrap};

use crate::laws::outbound;
use crate::support;

/// Runs `content` in several chunkings, each with the same outcome and nothing of a finding released, and gives one run back.
fn in_any_chunks(engine: &Engine, flow: &Flow, content: &[u8]) -> run::Run {
    let whole = run::run(engine, flow, content, &split::whole(content.len()));
    for size in [1, 7, 64, 1000] {
        let other = run::run(engine, flow, content, &split::every(content.len(), size));
        assert_eq!(whole.facts(), other.facts(), "in chunks of {size}");
        let through: Vec<_> = other.verdicts.iter().filter_map(|verdict| verdict.1.through()).collect();
        assert!(through.is_sorted());
        for found in other.findings().filter(|_| flow.direction() == Direction::Outbound) {
            assert!(through.iter().all(|through| *through <= found.outer().start), "{:?}", found.outer());
        }
    }
    whole
}

fn plain() -> Engine {
    support::engine(&[], Limits::default())
}

fn paths(run: &run::Run) -> Vec<&str> {
    run.events.iter().map(|(_, path)| path.as_str()).collect()
}

/// A body with a key in it, and where that stands.
fn body(seed: u64) -> (Vec<u8>, usize) {
    let key = keys::github(&mut Rng::new(seed), "ghp_");
    let body = [&b"{\"a\": 1, \"some words before\": \""[..], &key, b"\", \"more\": [1, 2, 3]}"].concat();
    let at = memchr::memmem::find(&body, &key).expect("it is in there");
    (body, at)
}

#[test]
fn a_cut_key_is_found_to_the_byte() {
    let mut rng = Rng::new(400);
    let (body, at) = body(400);
    for framing in FRAMINGS {
        for cut in [1, 3, 4, 20, 39] {
            let content = frame(&mut rng, framing, &body, &[at / 2, at + cut]);
            let run = in_any_chunks(&plain(), &outbound().lines(), &content);
            assert_eq!(run.findings().count(), 1, "{framing:?}, cut at {cut}");
            assert!(run.last.is_block() && run.coverage.is_complete(), "{framing:?}: {:?}", run.events);
            assert_eq!(run.coverage.containers, 0);
            let name = ["chunked", "sse", "grpc", "websocket"][framing as usize];
            assert_eq!(paths(&run), [name]);
            let range = run.findings().next().expect("one").outer();
            let len = (range.end - range.start) as usize;
            assert!(framing == Framing::WebSocket || (40..70).contains(&len), "{framing:?}: {range:?}");
        }
    }
}

/// In a frame the key stands as it is, also in base64: it is told of once.
#[test]
fn what_stands_in_one_frame_is_told_of_once() {
    let mut rng = Rng::new(401);
    let (body, at) = body(401);
    let key = &body[at..at + 40];
    let inner = [
        (&b"--"[..], key.to_vec()),
        (b"base64", wrap::base64(&[b"some words: ", key, b" and"].concat(), false, true)),
        (b"gzip", wrap::gzip(&mut rng, &[b"some words: ", key, b" and"].concat())),
        (b"utf16", key.iter().flat_map(|byte| [*byte, 0]).collect()),
        (b"escapes", [&b"\\u0067"[..], &key[1..]].concat()),
    ];
    for (name, inner) in inner {
        let content = [&b"{\"words\": \""[..], &inner, b"\", \"more\": 1, \"and\": 2}"].concat();
        // A stored block shows it as it is, too.
        let bare = in_any_chunks(&plain(), &Flow::at_rest(), &content).findings().count();
        for framing in [Framing::Chunked, Framing::Grpc, Framing::Events] {
            if framing == Framing::Events && name == b"gzip" {
                continue;
            }
            let cuts = [5, content.len() - 10];
            let framed = frame(&mut rng, framing, &content, &cuts);
            for flow in [outbound(), Flow::at_rest()] {
                let run = in_any_chunks(&plain(), &Flow::at_rest(), &framed);
                assert_eq!(run.findings().count(), bare, "{framing:?}: {:?}", paths(&run));
                assert!(run.coverage.is_complete());
                let run = run::run(&plain(), &flow, &framed, &split::every(framed.len(), 64));
                assert_eq!(run.findings().count(), bare, "{framing:?}: {:?}", paths(&run));
            }
        }
    }
}

#[test]
fn what_is_in_frames_is_looked_into() {
    let mut rng = Rng::new(402);
    let (body, _) = body(402);
    for _ in 0..30 {
        let packed = match rng.below(3) {
            0 => wrap::gzip(&mut rng, &body),
            1 => wrap::zstd(&mut rng, &body),
            _ => [&b"{\"data\": \""[..], &wrap::base64(&body, false, true), b"\"}"].concat(),
        };
        let (framing, content) = framing::any(&mut rng, &packed);
        let run = in_any_chunks(&plain(), &outbound(), &content);
        assert!(run.findings().count() >= 1, "{framing:?}");
        assert!(run.coverage.is_complete(), "{framing:?}: {:?}", run.events);
    }
}

/// The body of a request is compressed, its chunks hold events, and what holds the chunks is compressed again.
#[test]
fn framings_below_codings_and_in_chunks() {
    let mut rng = Rng::new(403);
    let (body, at) = body(403);
    for framing in FRAMINGS {
        let inner = frame(&mut rng, framing, &body, &[at + 10]);
        let packed = wrap::brotli(&mut rng, &inner);
        let run = in_any_chunks(&plain(), &outbound().content_encoding(b"br"), &packed);
        assert_eq!(run.findings().count(), 1, "{framing:?}");
        assert!(run.coverage.is_complete());
        if framing != Framing::Chunked {
            let chunks = frame(&mut rng, Framing::Chunked, &inner, &[9, 30, inner.len() / 2]);
            let run = in_any_chunks(&plain(), &outbound(), &chunks);
            assert_eq!(run.findings().count(), 1, "{framing:?}");
            assert!(run.coverage.is_complete());
        }
    }
}

#[test]
fn broken_frames_are_reported() {
    let mut rng = Rng::new(404);
    let (body, at) = body(404);
    let cuts = [5, 9, 14, 19, 25, at + 10, at + 50];
    for framing in [Framing::Chunked, Framing::Grpc, Framing::WebSocket] {
        let content = frame(&mut rng, framing, &body, &cuts);
        let run = in_any_chunks(&plain(), &outbound(), &content[..content.len() - 8]);
        assert_eq!(
            run.opaques().map(|opaque| opaque.reason()).collect::<Vec<_>>(),
            [OpaqueReason::Truncated]
        );
        let run =
            in_any_chunks(&plain(), &outbound(), &[&content[..content.len() - 8], &[0xee; 200]].concat());
        assert!(run.opaques().any(|opaque| opaque.reason() == OpaqueReason::Corrupt), "{framing:?}");
        assert!(run.findings().count() >= 1);
    }
    // A message compressed with something else.
    let mut content = frame(&mut rng, Framing::Grpc, &body, &cuts);
    content.extend([&[1, 0, 0, 0, 50][..], &rng.bytes(50)].concat());
    let run = in_any_chunks(&plain(), &outbound(), &content);
    let reasons: Vec<_> = run.opaques().map(|opaque| opaque.reason()).collect();
    assert_eq!(reasons, [OpaqueReason::UnsupportedFormat]);
}

/// What only looks like frames is scanned as it stands, and nothing is said; also of what a first frame would have cut.
#[test]
fn look_alikes_are_withdrawn() {
    let mut rng = Rng::new(405);
    let words = b"words and more words, for a line or so, and then some\r\n".repeat(4);
    let mut contents: Vec<Vec<u8>> = [
        "10\r\n20\r\n30\r\n",
        "1\r\n00:00:01,000 --> 00:00:04,000\r\nHello\r\n\r\n2\r\n",
        "5\r\nhello\r\nand so on, but not in chunks\r\n",
        "dead beef\r\n",
        "data: 1\nother: 2\n",
        "data:\n  key: value\n",
        "id: 7\nname: someone\n",
        ":root { color: red }\n",
        "event: x\n\nnot an event stream\n",
        "retry",
        "0\r\n\r\n",
        "a",
        "\0",
        "\0\0\0\x18ftypmp42\0\0\0\0",
    ]
    .iter()
    .flat_map(|text| [text.as_bytes().to_vec(), [text.as_bytes(), &words].concat()])
    .collect();
    contents.push(vec![0; 5000]);
    contents.push([&[0x82, 0x85][..], &rng.bytes(400)].concat());
    for content in &contents {
        let run = in_any_chunks(&plain(), &outbound(), content);
        assert!(
            run.coverage.is_complete() && run.events.is_empty(),
            "{:?}",
            String::from_utf8_lossy(content)
        );
        assert!(!run.last.is_block());
    }
    // Noise behind the beginnings of all of them.
    for seed in 0..3000 {
        let mut rng = Rng::new(seed);
        let first = *rng.pick(&[0, 1, 0x81, 0x82, 0xc1, 0x88, b'5', b'd']);
        let content = [&[first][..], &rng.bytes(300)].concat();
        let run = run::run(&plain(), &outbound(), &content, &split::whole(content.len()));
        assert!(run.coverage.is_complete(), "seed {seed}: {:?}", run.events);
    }
    // A gzip stream that begins in what is no chunk is told of when it breaks.
    let noise = rng.bytes(20_000);
    let mut packed = wrap::gzip(&mut rng, &noise);
    let len = packed.len();
    packed[len - 2000..].fill(0xaa);
    let content = [&b"5\r\nhello\r\n99\r\n"[..], &packed].concat();
    let run = in_any_chunks(&plain(), &outbound(), &content);
    assert!(!run.coverage.is_complete());
}

/// Edits stay possible where a key stands in one frame, and what is cut blocks.
#[test]
fn a_cut_key_is_not_edited() {
    let mut rng = Rng::new(406);
    let (body, at) = body(406);
    for (cut, edited) in [(at - 3, true), (at + 10, false)] {
        let content = frame(&mut rng, Framing::Chunked, &body, &[cut]);
        let mut policy = Policy::default();
        policy.action(Confidence::High, Action::Redact);
        let rules = exfilter_testing::rules::features();
        let engine = Engine::builder().rules(rules).policy(policy).build().expect("the test rules build");
        let mut stream = engine.stream(outbound().editable());
        let _ = stream.push(&content);
        assert_eq!(stream.finish().is_block(), !edited);
    }
}

/// A cut runs through escapes, too.
#[test]
fn cuts_in_escapes() {
    let mut rng = Rng::new(407);
    let (body, at) = body(407);
    let escaped: Vec<u8> = body
        .iter()
        .enumerate()
        .flat_map(|(i, byte)| {
            if i >= at && i < at + 40 && i % 2 == 0 {
                format!("\\u{byte:04x}").into_bytes()
            } else {
                vec![*byte]
            }
        })
        .collect();
    for cut in at..at + 140 {
        for framing in FRAMINGS {
            let content = frame(&mut rng, framing, &escaped, &[cut]);
            let run = run::run(&plain(), &outbound(), &content, &split::whole(content.len()));
            assert_eq!(run.findings().count(), 1, "{framing:?}, cut at {}", cut - at);
        }
    }
}
