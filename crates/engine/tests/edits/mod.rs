//! Redaction: what leaves after the edits holds no value any more, and is otherwise what came.

use exfilter_engine::{Action, Authority, Confidence, Event, Flow, Limits, Verdict};
use exfilter_testing::{Rng, forms, keys, run, split, wrap};

use crate::laws::{cases, outbound};
use crate::support;

fn to_llm() -> Flow {
    Flow::outbound(Authority::parse(b"https://api.anthropic.com").unwrap()).editable().reference(1)
}

/// Text with values in it, some of them in some spelling, some in base64 or hexadecimal digits together with their neighbours.
fn content(rng: &mut Rng, secrets: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..1 + rng.below(6) {
        let value = match rng.below(3) {
            0 => keys::github(rng, "ghp_"),
            1 => [b"sk-live-", &rng.text(keys::BASE62, 30)[..]].concat(),
            _ => rng.pick(secrets).clone(),
        };
        out.extend(wrap::text(rng));
        out.extend(match rng.below(6) {
            0 => wrap::wrap(rng, wrap::Layer::Base64, &value),
            5 => wrap::wrap(rng, wrap::Layer::Hex, &value),
            1 => rng.pick(&forms::all()).spell(&value),
            2 => [b"\"", &value[..], b"\""].concat(),
            3 => [&value[..], b",", &value].concat(),
            _ => [b" ", &value[..], b"\n"].concat(),
        });
        out.push(*rng.pick(b" \n;"));
    }
    out
}

#[test]
fn nothing_is_left_of_what_was_redacted_and_everything_of_the_rest() {
    let mut edited = 0;
    for case in cases(1) {
        let mut rng = Rng::new(case << 8 | 13);
        let secrets: Vec<Vec<u8>> = (0..3).map(|_| keys::secret(&mut rng)).collect();
        let engine = support::engine(&secrets, Limits::default());
        let content = content(&mut rng, &secrets);
        let mut first: Option<Vec<u8>> = None;
        for chunks in split::standard(&mut rng, content.len()) {
            // What leaves on the way and what is kept until its end is edited alike.
            let flow = if rng.one_in(2) { to_llm().whole() } else { to_llm() };
            let run = run::run(&engine, &flow, &content, &chunks);
            let redacted: Vec<_> =
                run.findings().filter(|f| f.action() == Action::Redact).map(|f| f.outer()).collect();
            for (at, (sent, came)) in run.sent.iter().zip(&content).enumerate() {
                let at = at as u64;
                assert!(
                    sent == came || redacted.iter().any(|r| r.contains(&at)),
                    "case {case}: a byte outside of every finding changed, at {at}"
                );
            }
            // Also what has left before a block was edited.
            let mut left = Vec::new();
            let mut scanner = engine.scanner(outbound());
            let _ = scanner.scan(&run.sent, &mut |event| match event {
                Event::Finding(f) if f.confidence() >= Confidence::High => left.push((f.kind(), f.outer())),
                _ => {}
            });
            assert!(left.is_empty(), "case {case}: {left:?} has left, redacted were {redacted:?}");
            if matches!(run.last, Verdict::Block(_)) {
                continue;
            }
            edited += usize::from(!run.edits.is_empty());
            assert_eq!(run.sent.len(), content.len(), "case {case}: the length changed");
            match &first {
                None => first = Some(run.sent),
                Some(first) => assert!(*first == run.sent, "case {case}: what leaves depends on chunks"),
            }
        }
    }
    assert!(edited > 100, "{edited} runs were edited");
}

#[test]
fn codings_stay_codings_and_decode_to_text() {
    let mut rng = Rng::new(71);
    let engine = support::engine(&[], Limits::default());
    for case in 0..200 {
        let key = keys::github(&mut rng, "ghp_");
        let note = rng.text(keys::BASE62, 20 + case % 7);
        let plain = [b"{\"note\": \"", &note[..], b"\", \"token\": \"", &key, b"\"}"].concat();
        let base64 = wrap::base64(&plain, false, false);
        let hex: Vec<u8> = plain.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect();
        for coded in [base64, hex] {
            let content = [b"{\"data\": \"", &coded[..], b"\"}"].concat();
            let run = run::run(&engine, &to_llm(), &content, &[content.len()]);
            assert!(!matches!(run.last, Verdict::Block(_)) && !run.edits.is_empty(), "case {case}");
            let sent = &run.sent[10..run.sent.len() - 2];
            let decoded = match coded[0] {
                b'7' => {
                    let byte = |two: &[u8]| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap();
                    sent.chunks(2).map(byte).collect()
                }
                _ => wrap::unbase64(sent),
            };
            let text = String::from_utf8(decoded).unwrap();
            assert!(
                text.is_ascii() && text.len() == plain.len() && text.contains(&"U".repeat(36)),
                "case {case}"
            );
            assert!(text.starts_with("{\"note\": \"") && text.ends_with("\"}"), "case {case}");
        }
    }
}
