//! Letters and digits of known secrets with other bytes between them.

use exfilter_engine::{Flow, Form, Kind};
use exfilter_testing::run::Run;
use exfilter_testing::{Rng, keys, run, split, wrap};

use crate::laws::{cases, outbound};
use crate::support;

/// The spellings in which known secrets were found.
fn forms(run: &Run) -> Vec<Form> {
    let known = run.findings().filter_map(|finding| match finding.kind() {
        Kind::Known(_, form) => Some(form),
        Kind::Rule(_) => None,
    });
    known.collect()
}

/// A value with other bytes between some of its letters and digits, some of which go over to the other case.
fn scatter(rng: &mut Rng, value: &[u8]) -> Vec<u8> {
    const JOINTS: [&str; 13] = [
        "\\n    \\\"",
        "\" + \"",
        "' '",
        "-",
        " ",
        "\n    ",
        "', '",
        "\u{200b}",
        "\\\n",
        ".",
        "\u{1}",
        "\"\n  \"",
        "\r\n\t",
    ];
    let joint = *rng.pick(&JOINTS);
    let (size, fold) = (1 + rng.below(9), rng.below(3));
    let mut out = Vec::new();
    for (i, byte) in value.iter().enumerate() {
        if i > 0 && i % size == 0 {
            out.extend(joint.as_bytes());
        }
        out.push(match fold {
            0 => *byte,
            1 => byte.to_ascii_uppercase(),
            _ if byte.is_ascii_lowercase() => byte.to_ascii_uppercase(),
            _ => byte.to_ascii_lowercase(),
        });
    }
    out
}

#[test]
fn scattered_values_are_found_and_held_in_any_chunking() {
    let mut rng = Rng::new(501);
    for case in cases(4) {
        let mut rng = Rng::new(rng.next_u64() ^ case);
        let value = keys::secret(&mut rng);
        let engine = support::thorough(std::slice::from_ref(&value));
        let scattered = scatter(&mut rng, &value);
        let before = wrap::text(&mut rng);
        let (inner, layer) = match rng.below(3) {
            0 => (scattered.clone(), None),
            1 => (wrap::gzip(&mut rng, &scattered), Some("gzip")),
            _ => (wrap::tar(&[("a.js", &scattered)]), Some("tar")),
        };
        let content = [&before[..], b"; ", &inner, b";\n", &wrap::text(&mut rng)].concat();
        let whole = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
        assert!(whole.last.is_block(), "case {case}: {layer:?}");
        // Stored blocks show it twice.
        assert!(forms(&whole).len() == 1 || layer == Some("gzip"), "case {case}: {layer:?}");
        let start = if layer.is_none() {
            before.len() + 2 + scattered.iter().position(u8::is_ascii_alphanumeric).unwrap_or(0)
        } else {
            before.len() + 2 + inner.len()
        };
        for chunks in split::standard(&mut rng, content.len()) {
            let run = run::run(&engine, &outbound(), &content, &chunks);
            assert_eq!(run.facts(), whole.facts(), "case {case}: {layer:?}");
            assert!(
                run.through() as usize <= start,
                "case {case}: {layer:?}: {} of {start}, {scattered:?}, {chunks:?}",
                run.through()
            );
        }
    }
}

/// Base64, base32 and digits that no lane reads, for nothing tells where their lines and groups belong together.
#[test]
fn encodings_in_pieces_are_found_and_held_in_any_chunking() {
    const JOINTS: [&str; 7] = ["\n", ".", " ", "_", "\", \"", "\r\n> ", "'\n + '"];
    let mut rng = Rng::new(508);
    for case in cases(6) {
        let mut rng = Rng::new(rng.next_u64() ^ case);
        let value = keys::secret(&mut rng);
        let engine = support::thorough(std::slice::from_ref(&value));
        let around = 1 + rng.below(9);
        let whole = [&rng.text(b"abc =:", around)[..], &value, b"\n"].concat();
        let encoded = match rng.below(4) {
            0 => wrap::base64(&whole, false, rng.one_in(2)),
            1 => wrap::base32(&whole, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", rng.one_in(2)),
            2 => wrap::base32(&whole, b"abcdefghijklmnopqrstuvwxyz234567", false),
            _ => whole.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect(),
        };
        let (joint, size) = (rng.pick(&JOINTS).as_bytes(), 4 + rng.below(24));
        let pieces = encoded.chunks(size).collect::<Vec<_>>().join(joint);
        let before = wrap::text(&mut rng);
        let content = [&before[..], b" = \"", &pieces, b"\"\n", &wrap::text(&mut rng)].concat();
        let whole = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
        assert!(whole.last.is_block(), "case {case}: {}", pieces.escape_ascii());
        for chunks in split::standard(&mut rng, content.len()) {
            let run = run::run(&engine, &outbound(), &content, &chunks);
            assert_eq!(run.facts(), whole.facts(), "case {case}");
            let first = run.findings().map(|found| found.outer().start).min().expect("it was found");
            assert!(run.through() <= first, "case {case}: {} of {first}, {chunks:?}", run.through());
        }
    }
}

#[test]
fn a_value_as_it_is_spelled_is_found_once() {
    let mut rng = Rng::new(502);
    let value = keys::secret(&mut rng);
    let engine = support::thorough(std::slice::from_ref(&value));
    for spelled in [value.clone(), [b"=".as_slice(), &value, b"=="].concat(), wrap::json(&mut rng, &value)] {
        let content = [b"token: \"".as_slice(), &spelled, b"\"\n"].concat();
        let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
        assert_eq!(forms(&run).len(), 1, "{:?}", forms(&run));
        assert!(!forms(&run).contains(&Form::Scattered));
    }
}

#[test]
fn too_much_between_two_letters_ends_it() {
    let mut rng = Rng::new(503);
    let value = rng.text(keys::BASE62, 24);
    let engine = support::thorough(std::slice::from_ref(&value));
    for (between, found) in [(32, true), (33, false)] {
        for at in [1, 4, 12, 23] {
            let (front, back) = value.split_at(at);
            let content = [front, &vec![b' '; between], back].concat();
            for chunks in [split::whole(content.len()), split::every(content.len(), 1)] {
                let run = run::run(&engine, &outbound(), &content, &chunks);
                assert_eq!(run.last.is_block(), found, "{between} blanks after {at} letters");
            }
        }
    }
}

#[test]
fn little_is_held_of_text_without_secrets() {
    let mut rng = Rng::new(504);
    let engine = support::thorough(&[keys::secret(&mut rng), rng.text(keys::BASE62, 40)]);
    let mut stream = engine.stream(outbound());
    let mut fed = 0;
    for word in wrap::text(&mut rng).chunks(7).cycle().take(2000) {
        fed += word.len() as u64;
        let through = stream.push(word).through().expect("nothing is found");
        assert!(fed - through <= 700, "{} bytes are held", fed - through);
    }
    let quiet = stream.push(&[b' '; 200]).through();
    // But for the bytes of a value that may begin at any place, XORed with something.
    assert!(quiet.is_some_and(|through| through + 40 > fed + 200), "blanks end what may go on");
}

#[test]
fn the_inline_profile_does_not_look_for_them() {
    let mut rng = Rng::new(505);
    let value = rng.text(keys::BASE62, 24);
    let engine = support::engine(std::slice::from_ref(&value), exfilter_engine::Limits::default());
    let content = value.chunks(4).collect::<Vec<_>>().join(&b'-');
    let run = run::run(&engine, &Flow::outbound_unknown(), &content, &split::whole(content.len()));
    assert!(!run.last.is_block());
}

/// What stands there as it is spelled is not told of twice, however much else was found since in the same batch.
#[test]
fn a_later_finding_makes_nobody_forget_an_earlier_one() {
    let mut rng = Rng::new(531);
    let values = [rng.text(keys::BASE62, 35), rng.text(keys::BASE62, 30)];
    let engine = support::thorough(&values);
    for apart in [5_000, 6_400, 7_000, 12_000] {
        let filler = b"some words, ".repeat(apart / 12);
        let content = [&b"a = "[..], &values[0], b"\n", &filler, &values[1], b"\n", &filler].concat();
        for size in [content.len(), 9_000, 1024, 64, 63] {
            let run = run::run(&engine, &Flow::at_rest(), &content, &split::every(content.len(), size));
            assert_eq!(forms(&run), [Form::Raw, Form::Raw], "{apart} bytes apart, {size} at a time");
        }
    }
}

/// A value that is whole is held until its window is fed, also if so much follows it that nothing goes on.
#[test]
fn a_whole_value_before_a_gap_is_held() {
    let mut rng = Rng::new(532);
    for case in 0..200 {
        let value = rng.text(keys::BASE62, 17 + case % 9);
        let engine = support::thorough(std::slice::from_ref(&value));
        let pieces: Vec<u8> = value.iter().flat_map(|byte| [*byte, b'-']).collect();
        let before = b"words ".repeat(3 + case % 17);
        let content =
            [&before[..], &pieces, &b" ".repeat(30 + case % 5), b"q and so on, for a while"].concat();
        let run = run::run(&engine, &outbound(), &content, &split::every(content.len(), 1));
        let start = run.findings().map(|found| found.outer().start).min().expect("it is found");
        assert!(start >= before.len() as u64 && forms(&run) == [Form::Scattered], "case {case}");
        assert!(run.sent.len() as u64 <= start, "case {case}: {} of {start} have left", run.sent.len());
    }
}
