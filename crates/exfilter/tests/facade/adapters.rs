//! The adapters of `exfilter::io`: the same findings as the stream, and nothing lets a byte out that the stream holds.

use std::io::{ErrorKind, Read, Write};

use exfilter::io::{Reader, Writer};
use exfilter::{Authority, Engine, Event, Flow};
use exfilter_testing::{Rng, keys, run, split, wrap};

fn flow() -> Flow {
    Flow::outbound(Authority::parse(b"https://api.example.com").unwrap()).reference(1)
}

fn engine() -> Engine {
    Engine::builder().rules(exfilter::rules::builtin()).build().unwrap()
}

/// Content with a token in some wrapping, or without.
fn content(rng: &mut Rng, planted: bool) -> Vec<u8> {
    let token = if planted { keys::github(rng, "ghp_") } else { b"nothing".to_vec() };
    let mut content = wrap::wrap(rng, wrap::Layer::Text, &token);
    for _ in 0..rng.below(3) {
        // zlib is found only where content begins.
        let layers = wrap::LAYERS.into_iter().filter(|layer| *layer != wrap::Layer::Zlib);
        let layer = *rng.pick(&layers.collect::<Vec<_>>());
        content = wrap::wrap(rng, layer, &content);
    }
    content
}

#[test]
fn reader_and_writer_say_what_the_stream_says() {
    let engine = engine();
    let mut rng = Rng::new(31);
    for case in 0..60 {
        let planted = case % 3 > 0;
        let content = content(&mut rng, planted);
        let expected = run::run(&engine, &flow(), &content, &split::whole(content.len()));

        let blocked = expected.last.is_block();
        assert!(blocked || !planted, "case {case}");

        let mut writer = Writer::new(engine.stream(flow()), Vec::new());
        let mut failed = None;
        let mut at = 0;
        for n in split::random(&mut rng, content.len(), 400) {
            if let Err(error) = writer.write_all(&content[at..at + n]) {
                failed = Some(error);
                break;
            }
            at += n;
        }
        let mut events = Vec::new();
        events.extend(std::iter::from_fn(|| writer.poll_event()));
        let through = writer.get_ref().len();
        assert_eq!(writer.get_ref()[..], content[..through], "what left is what came");
        match failed {
            Some(error) => {
                assert_eq!(error.kind(), ErrorKind::PermissionDenied);
                assert!(error.to_string().contains("reference"), "{error}");
                assert!(writer.write_all(b"more").is_err(), "a refusal stays");
                assert!(writer.finish().is_err());
            }
            None => match writer.finish() {
                Ok(out) => assert!(out == content && !blocked, "case {case}"),
                Err(error) => assert!(error.kind() == ErrorKind::PermissionDenied && blocked, "case {case}"),
            },
        }
        assert!(through as u64 <= expected.findings().map(|f| f.outer().start).min().unwrap_or(u64::MAX));
        // A writer that fails is not written to any more, so it may have seen less than the whole.
        let known: Vec<&Event> = expected.events.iter().map(|(event, _)| event).collect();
        assert!(events.iter().all(|event| known.contains(&event)), "case {case}");

        let mut reader = Reader::new(engine.stream(flow()), &content[..]);
        let mut out = Vec::new();
        let result = reader.read_to_end(&mut out);
        assert_eq!(result.is_err(), blocked, "case {case}");
        assert_eq!(out[..], content[..out.len()]);
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            assert!(reader.read(&mut [0; 8]).is_err(), "a refusal stays");
        } else {
            assert_eq!(out.len(), content.len());
        }
        // One chunk of the reader is longer than these contents.
        let events: Vec<Event> = std::iter::from_fn(|| reader.poll_event()).collect();
        assert!(events.iter().eq(known), "case {case}");
    }
}

#[test]
fn a_writer_hands_out_edited_bytes() {
    let engine = engine();
    let mut rng = Rng::new(32);
    for _ in 0..20 {
        let token = keys::github(&mut rng, "ghp_");
        let content = [b"{\"prompt\": \"use ", &token[..], b" for it\"}"].concat();
        let flow = Flow::outbound(Authority::parse(b"https://api.anthropic.com").unwrap()).editable();
        let mut writer = Writer::new(engine.stream(flow), Vec::new());
        let mut at = 0;
        for n in split::random(&mut rng, content.len(), 20) {
            writer.write_all(&content[at..at + n]).unwrap();
            at += n;
        }
        let out = writer.finish().unwrap();
        let stars = vec![b'*'; token.len()];
        assert_eq!(out, [b"{\"prompt\": \"use ", &stars[..], b" for it\"}"].concat());
    }
}

#[test]
fn flush_and_drop_let_nothing_out_that_is_held() {
    let engine = engine();
    let mut rng = Rng::new(33);
    let token = keys::github(&mut rng, "ghp_");
    let mut out = Vec::new();
    {
        let mut writer = Writer::new(engine.stream(flow()), &mut out);
        writer.write_all(b"key = ").unwrap();
        writer.write_all(&token[..20]).unwrap();
        writer.flush().unwrap();
    }
    assert!(b"key = ".starts_with(&out[..]), "{} bytes had left", out.len());
}
