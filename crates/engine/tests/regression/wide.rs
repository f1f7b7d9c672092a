//! Text in UTF-16 and UTF-32.

use exfilter_engine::{Confidence, Engine, Form, Kind, Limits, OpaqueReason};
use exfilter_testing::{Rng, keys, run, split};

use crate::laws::outbound;
use crate::support;

fn le(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|b| [*b, 0]).collect()
}

fn be(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|b| [0, *b]).collect()
}

fn rules() -> Engine {
    Engine::builder().rules(exfilter_rules::builtin()).build().unwrap()
}

#[test]
fn a_token_in_utf16_has_its_place_and_its_path() {
    let token = keys::github(&mut Rng::new(601), "ghp_");
    let engine = rules();
    for (name, before, text, after) in [
        ("alone", &b""[..], le(&token), &b""[..]),
        ("behind bytes", b"xyz", le(&token), b""),
        ("with a mark", b"\xff\xfe", le(&token), b"\x00\x00"),
        ("big-endian, to its last character", b"", be(&token), b""),
        ("big-endian, bytes behind it", b"\xfe\xff", be(&token), b"\xff\xff"),
        ("big-endian, in quotes", b"key = \"", be(&token), b"\";"),
        ("little-endian, in quotes", b"key = \"", le(&token), b"\";"),
        ("little-endian, a letter behind it", b"key=", le(&token), b"Z;"),
        ("little-endian, other letters in front", b"\xe9\x00\x2d\x4e", le(&token), b"\x2d\x4e"),
    ] {
        let content = [before, &text, after].concat();
        for chunks in
            [split::whole(content.len()), split::every(content.len(), 1), split::every(content.len(), 7)]
        {
            let run = run::run(&engine, &outbound(), &content, &chunks);
            assert!(run.last.is_block(), "{name}");
            // Longer by the letter behind it, the token may be one of another format.
            let found: Vec<_> = run.findings().filter(|f| f.confidence() == Confidence::High).collect();
            assert_eq!(found.len(), 1, "{name}");
            assert!(run.events.iter().any(|(_, path)| path == "utf16"), "{name}");
            let start = before.len() as u64 + u64::from(text[0] == 0);
            assert_eq!(found[0].outer().start, start, "{name}");
            assert!(run.through() <= start, "{name}: {} bytes had left", run.through());
        }
    }
}

#[test]
fn an_enrolled_value_in_utf16_is_found_by_its_needles() {
    let value = keys::secret(&mut Rng::new(602));
    let engine = support::engine(std::slice::from_ref(&value), Limits::default());
    for text in [le(&value), be(&value)] {
        let content = [&le(b"here it is: ")[..], &text, &le(b", in the middle of text")].concat();
        let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
        assert!(run.last.is_block());
        // Its needles find it in the bytes, in both orders; the lane does not find it again.
        let forms: Vec<_> = run.findings().map(|f| f.kind()).collect();
        let raw = |kind: &Kind| matches!(kind, Kind::Known(_, Form::Raw));
        assert!(!forms.is_empty() && !forms.iter().any(raw), "{forms:?}");
    }
}

#[test]
fn text_for_which_no_lane_can_be_had_is_reported() {
    let mut limits = Limits::default();
    limits.shapes = 0;
    let engine = Engine::builder().rules(exfilter_rules::builtin()).limits(limits).build().unwrap();
    let content = le(&keys::github(&mut Rng::new(603), "ghp_"));
    for chunks in [split::whole(content.len()), split::every(content.len(), 3)] {
        let run = run::run(&engine, &outbound(), &content, &chunks);
        assert!(run.opaques().any(|o| o.reason() == OpaqueReason::Depth));
    }
}

#[test]
fn a_value_cut_by_a_soft_line_break_is_found_wherever_it_is_cut() {
    let value = keys::secret(&mut Rng::new(603));
    let engine = support::engine(std::slice::from_ref(&value), Limits::default());
    for cut in 20..value.len() - 2 {
        for pad in [0, 40, 100, 300] {
            let text = [
                &b"x ".repeat(pad)[..],
                b"se_name  ",
                &value[..cut],
                b"=\r\n",
                &value[cut..],
                b"=0Aconfiguration",
            ]
            .concat();
            for (name, content) in [("plain", text.clone()), ("wide", le(&text))] {
                let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
                let known = run.findings().any(|f| matches!(f.kind(), Kind::Known(..)));
                assert!(known, "{name}, cut at {cut} behind {pad}: {:?}", run.events);
            }
        }
    }
}

#[test]
fn a_token_in_utf32_has_its_place_and_its_path() {
    let token = keys::github(&mut Rng::new(609), "ghp_");
    let engine = rules();
    let little: Vec<u8> = token.iter().flat_map(|b| u32::from(*b).to_le_bytes()).collect();
    let big: Vec<u8> = token.iter().flat_map(|b| u32::from(*b).to_be_bytes()).collect();
    for (name, before, text, after) in [
        ("alone", &b""[..], &little, &b""[..]),
        ("with a mark", b"\xff\xfe\0\0", &little, b"\0\0\0\0"),
        ("in quotes", b"key = \"", &little, b"\";"),
        ("a letter behind it", b"key=", &little, b"Z;"),
        ("big-endian, to its last character", b"", &big, b""),
        ("big-endian, with a mark", b"\0\0\xfe\xff", &big, b"\xff\xff"),
        ("big-endian, in quotes", b"key = \"", &big, b"\";"),
    ] {
        let content = [before, text, after].concat();
        let whole = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
        for n in [1, 3, 7] {
            let run = run::run(&engine, &outbound(), &content, &split::every(content.len(), n));
            assert!(run.last.is_block(), "{name}");
            assert_eq!(run.facts(), whole.facts(), "{name}");
            assert!(run.events.iter().all(|(_, path)| path == "utf32"), "{name}: {:?}", run.events);
            let found: Vec<_> = run.findings().filter(|f| f.confidence() == Confidence::High).collect();
            let start = before.len() as u64 + if text[0] == 0 { 3 } else { 0 };
            assert_eq!(found.iter().map(|f| f.outer().start).collect::<Vec<_>>(), [start], "{name}");
            assert!(run.through() <= start, "{name}: {} bytes had left", run.through());
        }
    }
}

#[test]
fn an_enrolled_value_in_utf32_is_found() {
    let value = keys::secret(&mut Rng::new(610));
    let engine = support::engine(std::slice::from_ref(&value), Limits::default());
    let content: Vec<u8> = value.iter().flat_map(|b| u32::from(*b).to_le_bytes()).collect();
    let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
    assert!(run.findings().any(|found| matches!(found.kind(), Kind::Known(..))));
}
