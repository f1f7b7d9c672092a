//! Keys with characters in them that are drawn as nothing, or in other characters that look the same; in the inline profile.

use exfilter_engine::Engine;
use exfilter_testing::{Rng, keys, rules, run, split, wrap};

use crate::laws::{cases, outbound};

fn inline() -> Engine {
    Engine::builder().rules(rules::features()).build().expect("the test rules build")
}

fn fullwidth(key: &[u8]) -> String {
    key.iter().filter_map(|b| char::from_u32(u32::from(*b) + 0xfee0)).collect()
}

/// A key with `between` at some places, the first and last ones among them.
fn spaced(key: &[u8], between: &str) -> Vec<u8> {
    let text = std::str::from_utf8(key).expect("keys are ASCII");
    let (head, tail) = text.split_at(1);
    let (middle, last) = tail.split_at(tail.len() - 1);
    let (left, right) = middle.split_at(9);
    [head, between, left, between, right, between, last].concat().into_bytes()
}

#[test]
fn every_disguise_is_seen_through() {
    let mut rng = Rng::new(621);
    let engine = inline();
    let open = [b"sk-live-".as_slice(), &rng.text(keys::BASE62, 20)].concat();
    for key in [keys::github(&mut rng, "ghp_"), open] {
        let mut disguised: Vec<Vec<u8>> = [
            "\u{ad}", "\u{200b}", "\u{200d}", "\u{200e}", "\u{202e}", "\u{2060}", "\u{2064}", "\u{2069}",
            "\u{fe0f}", "\u{feff}",
        ]
        .iter()
        .flat_map(|none| [1, 2, 9, 40].map(|times| spaced(&key, &none.repeat(times))))
        .collect();
        for written in ["\\u200b", "\\u{2060}", "&#8203;", "&#xad;", "\\\n", "\\\r\n"] {
            disguised.push(spaced(&key, written));
        }
        let (head, tail) = key.split_at(7);
        disguised.push(fullwidth(&key).into_bytes());
        disguised.push([head, fullwidth(tail).as_bytes()].concat());
        disguised.push([fullwidth(head).as_bytes(), tail].concat());
        disguised.push([head, fullwidth(&tail[..1]).as_bytes(), &tail[1..]].concat());
        disguised.push(
            key.iter().flat_map(|b| fullwidth(&[*b]).into_bytes().into_iter().chain(*b"\xc2\xad")).collect(),
        );
        disguised.push(
            key.iter().flat_map(|b| format!("\\u{:04x}", u32::from(*b) + 0xfee0).into_bytes()).collect(),
        );
        // What shows nothing and spells ASCII: tags, also as JSON writes them, and variation selectors.
        let hidden = |from: u32| key.iter().filter_map(move |b| char::from_u32(from + u32::from(*b)));
        disguised.push(hidden(0xe0000).collect::<String>().into_bytes());
        disguised.push(hidden(0xe0100 - 16).collect::<String>().into_bytes());
        disguised
            .push(hidden(0xe0000).flat_map(|c| format!("\\u{{{:x}}}", u32::from(c)).into_bytes()).collect());
        let units =
            |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|u| format!("\\u{u:04x}")).collect::<String>();
        disguised.push(hidden(0xe0000).flat_map(|c| units(c).into_bytes()).collect());
        for disguised in disguised {
            let before = b"let key = \"".as_slice();
            let content = [before, &disguised, b"\";\n"].concat();
            let whole = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
            let shown = content.escape_ascii();
            let paths: Vec<&str> = whole.events.iter().map(|(_, path)| path.as_str()).collect();
            assert!(matches!(paths[..], ["escapes" | "escapes > escapes"]), "{paths:?}: {shown}");
            let found = whole.findings().next().expect("one finding").outer();
            assert_eq!(found.start, before.len() as u64, "{shown}");
            for chunks in [split::every(content.len(), 1), split::every(content.len(), 5)] {
                let run = run::run(&engine, &outbound(), &content, &chunks);
                assert_eq!(run.facts(), whole.facts(), "{shown}");
                assert!(run.through() <= found.start, "{} bytes had left: {shown}", run.through());
            }
        }
    }
}

#[test]
fn flags_emoji_and_variants_of_characters_are_text() {
    let mut rng = Rng::new(622);
    let engine = inline();
    let tags =
        |of: &str| -> String { of.bytes().filter_map(|b| char::from_u32(0xe0000 + u32::from(b))).collect() };
    let texts = [
        format!("\u{1f3f4}{}\u{e007f} and \u{1f3f4}{}\u{e007f}", tags("gbeng"), tags("gbsct")),
        "a heart \u{2764}\u{fe0f}, \u{845b}\u{e0100}\u{57ce}\u{5e02} and \u{8fbb}\u{e0101}".repeat(20),
        // A key with what is drawn differently in it is no key.
        format!("{}\u{e0100}{}", "ghp_", String::from_utf8_lossy(&rng.text(keys::BASE62, 20))),
    ];
    for text in texts {
        let run = run::run(&engine, &outbound(), text.as_bytes(), &split::every(text.len(), 7));
        assert_eq!(run.events.len(), 0, "{text}");
        assert_eq!(run.sent, text.as_bytes());
    }
}

#[test]
fn disguised_keys_are_found_and_held_in_any_chunking() {
    let engine = inline();
    for case in cases(2) {
        let mut rng = Rng::new(case << 8 | 31);
        let key = keys::token(&mut rng);
        let text = [&wrap::text(&mut rng)[..], b" ", &key, b" ", &wrap::text(&mut rng)].concat();
        let content = wrap::disguised(&mut rng, &text);
        let whole = run::run(&engine, &outbound().lines(), &content, &split::whole(content.len()));
        assert!(whole.last.is_block(), "case {case}");
        let start = whole.findings().map(|found| found.outer().start).min().expect("it was found");
        for chunks in split::standard(&mut rng, content.len()) {
            let run = run::run(&engine, &outbound().lines(), &content, &chunks);
            assert_eq!(run.facts(), whole.facts(), "case {case}");
            assert!(run.through() <= start, "case {case}: {} of {start}", run.through());
        }
    }
}

#[test]
fn text_with_such_characters_is_not_held_for_long() {
    let engine = inline();
    let words = "Donau\u{ad}dampf\u{ad}schiff \u{645}\u{6cc}\u{200c}\u{62e}\u{648} \u{ff21}\u{ff22}\u{ff23}\u{ff0c}\u{4e2d}\u{6587}\u{3002} ";
    let mut stream = engine.stream(outbound());
    let mut fed = 0;
    for chunk in words.repeat(100).as_bytes().chunks(7) {
        fed += chunk.len() as u64;
        let through = stream.push(chunk).through().expect("nothing is found");
        assert!(fed - through <= 200, "{} bytes are held", fed - through);
    }
}
