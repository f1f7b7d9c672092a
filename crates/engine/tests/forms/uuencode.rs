//! Keys in uuencode.

use exfilter_engine::{Engine, OpaqueReason};
use exfilter_testing::{Rng, keys, run, split, wrap};

use crate::laws::{cases, outbound};

fn inline() -> Engine {
    Engine::builder().rules(exfilter_rules::builtin()).build().expect("the built-in rules compile")
}

#[test]
fn keys_are_found_and_held_in_any_chunking() {
    let engine = inline();
    for case in cases(4) {
        let mut rng = Rng::new(case << 8 | 32);
        let key = keys::github(&mut rng, "ghp_");
        let inner = [&wrap::text(&mut rng)[..], b" ", &key, b"\n", &wrap::text(&mut rng)].concat();
        let before = wrap::text(&mut rng);
        let content = [&before[..], &wrap::uuencode(&mut rng, &inner), b"behind it\n"].concat();
        let whole = run::run(&engine, &outbound().lines(), &content, &split::whole(content.len()));
        assert!(whole.last.is_block(), "case {case}");
        assert!(whole.events.iter().all(|(_, path)| path == "uuencode"), "case {case}: {:?}", whole.events);
        let start = whole.findings().map(|found| found.outer().start).min().expect("it was found");
        for chunks in split::standard(&mut rng, content.len()) {
            let run = run::run(&engine, &outbound().lines(), &content, &chunks);
            assert_eq!(run.facts(), whole.facts(), "case {case}");
            assert!(run.through() <= start, "case {case}: {} of {start}", run.through());
            let left = wrap::unuuencode(&content[..run.through() as usize]);
            assert!(!left.windows(8).any(|w| w == &key[..8]), "case {case}");
        }
    }
}

#[test]
fn what_only_begins_like_it_is_not_reported() {
    let engine = inline();
    for content in [
        &b"begin 644 notes\nand then some text\n"[..],
        b"the line is `begin 644 NAME`, then the data",
        b"begin 644 x\n\n\nmore",
        b"begin 644 x",
        b"begin 999 x\n#0V%T\n}",
    ] {
        let run = run::run(&engine, &outbound(), content, &split::whole(content.len()));
        assert!(run.events.is_empty() && run.opaques().next().is_none(), "{}", content.escape_ascii());
    }
}

#[test]
fn what_breaks_off_is_reported() {
    let engine = inline();
    for (content, reason) in [
        (&b"begin 644 x\n#0V%T\n}"[..], OpaqueReason::Corrupt),
        (b"begin 644 x\n#0V%T\n#0V", OpaqueReason::Truncated),
    ] {
        let run = run::run(&engine, &outbound(), content, &split::whole(content.len()));
        let reasons: Vec<OpaqueReason> = run.opaques().map(|opaque| opaque.reason()).collect();
        assert_eq!(reasons, [reason], "{}", content.escape_ascii());
    }
}
