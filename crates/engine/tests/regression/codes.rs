//! Lists of character codes.

use exfilter_engine::{Confidence, Engine, Limits, OpaqueReason, Rule};
use exfilter_testing::{Rng, keys, run, split, wrap};

use crate::laws::outbound;
use crate::support;

fn rules() -> Engine {
    Engine::builder().rules(exfilter_rules::builtin()).build().unwrap()
}

fn list(bytes: &[u8], between: &str, write: fn(&u8) -> String) -> String {
    bytes.iter().map(write).collect::<Vec<_>>().join(between)
}

#[test]
fn a_token_in_a_list_has_its_place_and_its_path() {
    let token = keys::github(&mut Rng::new(701), "ghp_");
    let decimal = |b: &u8| b.to_string();
    let pair = |b: &u8| format!("{b:02x}");
    let dump = wrap::hex_dump(&[b"some text in front, ".as_slice(), &token, b", and behind"].concat());
    let engine = rules();
    for (before, text, after) in [
        ("[", list(&token, ", ", decimal), "]"),
        ("key 7: ", list(&token, ":", pair), "\n"),
        ("{\"data\":[", list(&token, ",", decimal), "],\"n\":1}"),
        ("\"body\\n", list(&token, "\\n", decimal), "\\nend\""),
        ("String.fromCharCode(", list(&token, ",", decimal), ")"),
        ("chr(", list(&token, ") + chr(", decimal), ")"),
        ("{(byte) ", list(&token, ", (byte) ", decimal), "}"),
        ("q=", list(&token, "%2C", decimal), "&x=1"),
        ("content: '\\", list(&token, " \\", |b| format!("{b:x}")), "'"),
        ("$k = [char]", list(&token, "+[char]", decimal), "\r\n"),
        ("", list(&token, " ", |b| format!("{b:08b}")), ""),
        ("xxd: \n", String::from_utf8(dump).unwrap(), ""),
    ] {
        let content = [before, &text, after].concat().into_bytes();
        for chunks in
            [split::whole(content.len()), split::every(content.len(), 1), split::every(content.len(), 7)]
        {
            let run = run::run(&engine, &outbound(), &content, &chunks);
            assert!(run.last.is_block(), "{before}");
            assert_eq!(run.findings().count(), 1, "{before}: {:?}", run.events);
            assert!(run.events.iter().any(|(_, path)| path.ends_with("codes")), "{before}");
            let start = run.findings().next().unwrap().outer().start;
            assert!(run.through() <= start, "{before}: {} bytes had left", run.through());
        }
    }
}

#[test]
fn an_archive_in_a_list_is_looked_into() {
    let mut rng = Rng::new(702);
    let token = keys::github(&mut rng, "ghp_");
    let packed = wrap::gzip(&mut rng, &[b"some text and then ".as_slice(), &token, b" and more"].concat());
    let content = format!("Buffer.from([{}])", list(&packed, ", ", |b| b.to_string())).into_bytes();
    for chunks in [split::whole(content.len()), split::every(content.len(), 5)] {
        let run = run::run(&rules(), &outbound(), &content, &chunks);
        assert!(run.last.is_block());
        assert!(run.events.iter().any(|(_, path)| path == "codes > gzip"), "{:?}", run.events);
    }
}

#[test]
fn numbers_that_mean_something_else_are_passed_over() {
    let magic = [0x1fu8, 0x8b, 8];
    let texts = [
        format!("if (head[0..3] == [{}])", list(&magic, ", ", |b| format!("{b:#x}"))),
        format!("[{}]", list(&[0x78, 0x9c, 1, 0, 0], ", ", |b| b.to_string())),
        "2026-11-28 04:03:52 10.0.0.1 - 200 1234 5678\n".repeat(50),
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16\n".repeat(50),
    ];
    let engine = rules();
    for text in texts {
        for chunks in [split::whole(text.len()), split::every(text.len(), 1)] {
            let run = run::run(&engine, &outbound(), text.as_bytes(), &chunks);
            assert!(run.events.is_empty(), "{:?}", run.events);
            assert_eq!(run.last.through(), Some(text.len() as u64));
        }
    }
}

#[test]
fn a_list_for_which_no_lane_can_be_had_is_reported() {
    let mut limits = Limits::default();
    limits.shapes = 0;
    let secret = keys::secret(&mut Rng::new(703));
    let engine = support::engine(std::slice::from_ref(&secret), limits);
    let content = list(&secret, ", ", |b| b.to_string()).into_bytes();
    for chunks in [split::whole(content.len()), split::every(content.len(), 3)] {
        let run = run::run(&engine, &outbound(), &content, &chunks);
        assert!(run.opaques().any(|o| o.reason() == OpaqueReason::Depth));
    }
    let idle = b"1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20";
    let run = run::run(&engine, &outbound(), idle, &split::every(idle.len(), 3));
    assert!(run.events.is_empty(), "{:?}", run.events);
}

/// A list that ends as many bytes behind two blanks as a line of a hex dump may take: read again without what follows, it was one.
#[test]
fn a_list_that_ends_where_a_hex_dump_would() {
    let mut rule = Rule::new("token", "acme_", "acme_[0-9A-Za-z]{16}");
    rule.confidence = Confidence::High;
    let engine = Engine::builder().rules([rule]).build().expect("a rule compiles");
    let token = [b"acme_", &Rng::new(702).text(b"0123456789", 16)[..]].concat();
    for more in 9..20 {
        let first = list(&token[..5], ",", |b| b.to_string());
        let rest = list(&token[5..], ",", |b| b.to_string());
        let more = ",32".repeat(more);
        let content = format!(
            "x = [{first}  {rest},32,100{more}\n00000000: 41. and more text follows here, and more\n"
        );
        let content = content.as_bytes();
        let run = run::run(&engine, &outbound(), content, &split::whole(content.len()));
        assert_eq!(run.findings().count(), 1, "{} bytes", content.len());
    }
}
