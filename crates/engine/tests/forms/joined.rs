//! Keys of rules that a program joins from pieces.

use exfilter_engine::{Confidence, Engine, Profile, Rule};
use exfilter_testing::run::{self, Run};
use exfilter_testing::wrap::JOINTS;
use exfilter_testing::{Rng, keys, rules, split, wrap};

use crate::laws::{cases, outbound};
use crate::support;

fn thorough() -> Engine {
    let mut builder = Engine::builder();
    builder.rules(rules::features()).profile(Profile::Thorough).build().expect("the test rules build")
}

/// A key in pieces, all of one length or of any.
fn pieces(rng: &mut Rng, key: &[u8], joint: &str) -> Vec<u8> {
    let (size, any) = (1 + rng.below(key.len() - 1), rng.one_in(2));
    let mut out = Vec::new();
    let mut rest = key;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(if any { 1 + rng.below(size) } else { size }.min(rest.len()));
        out.extend(piece);
        rest = after;
        if !rest.is_empty() {
            out.extend(joint.as_bytes());
        }
    }
    if out == key {
        out = [&key[..6], joint.as_bytes(), &key[6..]].concat();
    }
    out
}

fn fullwidth(key: &[u8]) -> Vec<u8> {
    let wide = |b: &u8| char::from_u32(0xff00 + u32::from(*b - b' ')).map_or_else(String::new, String::from);
    key.iter().map(wide).collect::<String>().into_bytes()
}

/// The paths of the findings.
fn paths(run: &Run) -> Vec<&str> {
    run.events.iter().map(|(_, path)| path.as_str()).collect()
}

#[test]
fn every_joint_is_seen_through() {
    let mut rng = Rng::new(601);
    let engine = thorough();
    for joint in JOINTS {
        // No piece of the second one matches alone.
        for key in
            [keys::github(&mut rng, "ghp_"), [b"sk-live-".as_slice(), &rng.text(keys::BASE62, 20)].concat()]
        {
            let joined = pieces(&mut rng, &key, joint);
            let content = [b"let key = \"".as_slice(), &joined, b"\";\n"].concat();
            let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
            if joint.contains(',') && key.starts_with(b"sk-") {
                // No checksum tells it from a list of names.
                assert!(run.events.is_empty(), "{joint:?}");
                continue;
            }
            let path = if joint.is_ascii() && joint != "\\\n" { "joined" } else { "escapes" };
            assert_eq!(paths(&run), [path], "{joint:?}: {}", String::from_utf8_lossy(&content));
            let outer = run.findings().next().expect("one finding").outer();
            assert_eq!(outer, 11..11 + joined.len() as u64, "{joint:?}");
        }
    }
}

#[test]
fn joined_keys_are_found_and_held_in_any_chunking() {
    let mut rng = Rng::new(602);
    let engine = thorough();
    for case in cases(4) {
        let mut rng = Rng::new(rng.next_u64() ^ case);
        let key = keys::token(&mut rng);
        let joint = *rng.pick(&JOINTS);
        let joined = if rng.one_in(8) { fullwidth(&key) } else { pieces(&mut rng, &key, joint) };
        let quoted = [b"= \"".as_slice(), &joined, b"\""].concat();
        let before = wrap::text(&mut rng);
        let (inner, layer) = match rng.below(4) {
            0 | 1 => (quoted, None),
            2 => (wrap::gzip(&mut rng, &quoted), Some("gzip")),
            _ => (wrap::tar(&[("a.js", &quoted)]), Some("tar")),
        };
        let content = [&before[..], b"; ", &inner, b";\n", &wrap::text(&mut rng)].concat();
        let whole = run::run(&engine, &outbound().lines(), &content, &split::whole(content.len()));
        assert!(
            whole.last.is_block(),
            "case {case}: {layer:?}, {joint:?}: {:?}",
            String::from_utf8_lossy(&joined)
        );
        let start = whole.findings().map(|found| found.outer().start).min().expect("it was found");
        if layer.is_none() {
            assert_eq!(start, before.len() as u64 + 5, "case {case}: {joint:?}");
        }
        for chunks in split::standard(&mut rng, content.len()) {
            let run = run::run(&engine, &outbound().lines(), &content, &chunks);
            assert_eq!(run.facts(), whole.facts(), "case {case}: {layer:?}, {joint:?}");
            assert!(
                run.through() <= start,
                "case {case}: {} of {start}, {joint:?}, {chunks:?}",
                run.through()
            );
        }
    }
}

#[test]
fn a_known_secret_of_full_width_is_found_and_held_in_any_chunking() {
    let mut rng = Rng::new(607);
    let secret = keys::secret(&mut rng);
    let engine = support::thorough(std::slice::from_ref(&secret));
    let (head, tail) = secret.split_at(9);
    for written in [fullwidth(&secret), [head, &fullwidth(tail)].concat(), [&fullwidth(head), tail].concat()]
    {
        let before = wrap::text(&mut rng);
        let content = [&before[..], b" key: ", &written, b"\n", &wrap::text(&mut rng)].concat();
        let start = before.len() as u64 + 6;
        let whole = run::run(&engine, &outbound().lines(), &content, &split::whole(content.len()));
        assert_eq!(whole.findings().map(|found| found.outer().start).collect::<Vec<_>>(), [start]);
        for chunks in split::standard(&mut rng, content.len()) {
            let run = run::run(&engine, &outbound().lines(), &content, &chunks);
            assert_eq!(run.facts(), whole.facts(), "{chunks:?}");
            assert!(run.through() <= start, "{} of {start}, {chunks:?}", run.through());
        }
    }
}

#[test]
fn a_known_secret_in_markup_is_found_and_held_in_any_chunking() {
    let mut rng = Rng::new(609);
    let run_of_word = "</w:t></w:r><w:r w:rsidR=\"00A1\"><w:rPr><w:lang w:val=\"en>US\"/></w:rPr><w:t>";
    for joint in ["</b><b>", run_of_word, "</span><span class=\"m\">", ") -12 ("] {
        let secret = keys::secret(&mut rng);
        let engine = support::thorough(std::slice::from_ref(&secret));
        let before = wrap::text(&mut rng);
        let written = pieces(&mut rng, &secret, joint);
        let content = [&before[..], b" <b>", &written, b"</b>\n", &wrap::text(&mut rng)].concat();
        let start = before.len() as u64 + 4;
        let whole = run::run(&engine, &outbound().lines(), &content, &split::whole(content.len()));
        let found: Vec<u64> = whole.findings().map(|found| found.outer().start).collect();
        assert_eq!(found, [start], "{joint}: {}", written.escape_ascii());
        for chunks in split::standard(&mut rng, content.len()) {
            let run = run::run(&engine, &outbound().lines(), &content, &chunks);
            assert_eq!(run.facts(), whole.facts(), "{joint}: {chunks:?}");
            assert!(run.through() <= start, "{} of {start}, {chunks:?}", run.through());
        }
    }
}

#[test]
fn cells_are_no_key_and_what_stands_behind_an_element_is_read() {
    let mut rng = Rng::new(610);
    let engine = thorough();
    let key = keys::github(&mut rng, "ghp_");
    let (rest, half) = (String::from_utf8(rng.text(keys::BASE62, 40)).unwrap(), 20);
    let [head, tail] = [&key[..half], &key[half..]].map(|piece| String::from_utf8(piece.to_vec()).unwrap());
    let run = |content: &str| {
        run::run(&engine, &outbound(), content.as_bytes(), &split::whole(content.len())).findings().count()
    };
    for cells in ["</code></td><td>", "</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>", "</t></si><si><t>"] {
        assert_eq!(
            run(&format!("<tr><td><code>sk-live-{cells}GitHub{cells}{rest}</td></tr>\n")),
            0,
            "{cells}"
        );
        assert_eq!(run(&format!("<td>{head}{cells}{tail}</td>\n")), 1, "{cells}: its checksum verifies");
    }
    for before in ["a</", "i<n; ", "x</b></i", "a</b c"] {
        assert_eq!(run(&format!("{before}\"{head}\" + \"{tail}\";\n")), 1, "{before}");
    }
    assert_eq!(run(&format!("f(sk-live-{head}) - ({tail}, 1)\n")), 0, "no number stands there");
}

/// Neither lane may leave to the other what that one does not read.
#[test]
fn signs_of_full_width_and_lines_behind_equals_signs_are_seen_through() {
    let value = Rng::new(608).text(keys::BASE62, 24);
    let mut rule = Rule::new("pair", "acme_key", "acme_key[:=][0-9A-Za-z]{24}");
    rule.confidence = Confidence::High;
    let engine = Engine::builder().rules([rule]).profile(Profile::Thorough).build().expect("the rule builds");
    for between in ["\u{ff1a}", "\u{ff1d}", "=\\\n", "=\\\r\n", "\u{200b}=", "=\u{200b}", ":"] {
        let content =
            [b"x acme_key".as_slice(), between.as_bytes(), &value, b" and so on, for a while.\n"].concat();
        let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
        assert_eq!(run.findings().count(), 1, "{between:?}: {:?}", paths(&run));
    }
}

#[test]
fn a_list_of_names_is_no_key() {
    let engine = Engine::builder()
        .rules(exfilter_rules::builtin())
        .profile(Profile::Thorough)
        .build()
        .expect("the built-in rules compile");
    let names =
        b"literals = [\"gldt-\", \"glft-\", \"glimt-\", \"glsoat-\", \"glffct-\", \"glwt-\", \"glsess-\"]";
    let run = run::run(&engine, &outbound(), names, &split::whole(names.len()));
    assert!(run.events.is_empty(), "{:?}", run.events);
    // The same letters one by one are no list of names.
    let letters = names.iter().filter(|b| b.is_ascii_lowercase() || **b == b'-').skip(8);
    let letters: Vec<String> = letters.map(|b| format!("'{}'", char::from(*b))).collect();
    let letters = letters.join(", ").into_bytes();
    let run = run::run(&engine, &outbound(), &letters, &split::whole(letters.len()));
    assert!(run.last.is_block(), "{}", String::from_utf8_lossy(&letters));
}

#[test]
fn a_key_as_it_is_spelled_is_found_once() {
    let mut rng = Rng::new(603);
    let engine = thorough();
    let open = [b"sk-live-".as_slice(), &rng.text(keys::BASE62, 30)].concat();
    for key in [keys::github(&mut rng, "ghp_"), open] {
        for (before, behind) in [
            ("[\"name\", \"", "\", \"other\"]"),
            ("{\"a\":\"x\",\"k\":\"", "\",\"b\":\"c\"}"),
            ("'", "' + 'tail'"),
        ] {
            let content = [before.as_bytes(), &key, behind.as_bytes()].concat();
            let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
            assert_eq!(paths(&run), [""], "{before}{behind}");
        }
    }
}

#[test]
fn pieces_have_neighbours() {
    let mut rng = Rng::new(604);
    let engine = thorough();
    let key = keys::github(&mut rng, "ghp_");
    let content = [b"[\"name\", \"", &key[..12], b"\", \"", &key[12..], b"\"]"].concat();
    let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
    assert_eq!(paths(&run), ["joined"]);
}

#[test]
fn what_joins_nothing_is_silent() {
    let mut rng = Rng::new(605);
    let engine = thorough();
    let key = [b"sk-live-".as_slice(), &rng.text(keys::BASE62, 30)].concat();
    let long = format!("\"{}+ \"", " ".repeat(40));
    for between in [
        "\n",
        " ",
        "\n    ",
        "\\n",
        "\": \"",
        "\"; \"",
        "\" = \"",
        "\" + x + \"",
        "\"",
        "+",
        ", ",
        long.as_str(),
    ] {
        for at in [9, 14, 20] {
            let content =
                [b"key = \"".as_slice(), &key[..at], between.as_bytes(), &key[at..], b"\"\n"].concat();
            let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
            let alone = key.len() - at >= 28 && between == "+";
            assert!(run.events.is_empty() || alone, "{between:?} at {at}: {:?}", paths(&run));
        }
    }
}

#[test]
fn the_inline_profile_does_not_join() {
    let mut rng = Rng::new(606);
    let engine = Engine::builder().rules(rules::features()).build().expect("the test rules build");
    let key = keys::github(&mut rng, "ghp_");
    let content = [b"\"", &key[..20], b"\" + \"", &key[20..], b"\""].concat();
    let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
    assert!(run.events.is_empty());
}

#[test]
fn little_is_held_of_text_without_keys() {
    let mut rng = Rng::new(607);
    let engine = thorough();
    let mut stream = engine.stream(outbound());
    let mut fed = 0;
    for word in wrap::text(&mut rng).chunks(7).cycle().take(2000) {
        fed += word.len() as u64;
        let through = stream.push(word).through().expect("nothing is found");
        assert!(fed - through <= 200, "{} bytes are held", fed - through);
    }
    let quiet = stream.push(&[b' '; 200]).through();
    assert_eq!(quiet, Some(fed + 200), "blanks end what may go on");
}
