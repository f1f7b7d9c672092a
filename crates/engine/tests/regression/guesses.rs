//! What begins by a guess: what it takes for its own, what it leaves to others, and what it may not call incomplete.

use exfilter_engine::{Confidence, Engine, OpaqueReason, Profile, Rule};
use exfilter_testing::{Rng, keys, run, split, wrap};

use super::lanes::{finds, in_any_chunks};

fn rules() -> Engine {
    Engine::builder().rules(exfilter_rules::builtin()).profile(Profile::Inline).build().unwrap()
}

/// zlib's stream of content, which does not stand in it as it is.
fn packed(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    std::iter::repeat_with(|| wrap::zlib(rng, content)).find(|packed| packed.len() < content.len()).unwrap()
}

fn is_clean(engine: &Engine, content: &[u8]) {
    in_any_chunks(engine, content, |run| {
        assert!(!run.last.is_block(), "{:?}: {}", run.events, content.escape_ascii());
        assert_eq!(run.opaques().count(), 0, "{:?}: {}", run.events, content.escape_ascii());
    });
}

/// A number with zeros at its end and a column of one character behind it was a dump with a line that was whole, and what followed it a fault: a table was blocked.
#[test]
fn a_table_is_no_dump() {
    let engine = rules();
    for text in [
        "0.000000   0\n1.000000   1\n2.000000   4\n",
        "bytes  1000000   x\nfiles       12   y\n",
        "{\"out\": \"0.000000   0\\n1.000000   1\\n\"}",
        "$ od -c .env | head -1\n0000000   a   b   c  \\n   d   e   f   g   h   i   j   k   l   m   n   o\nThat is all of it.\n",
        "0000000   a   b   c  \\n\n00000",
    ] {
        is_clean(&engine, text.as_bytes());
    }
}

/// Each offset with six zeros at its end began the same dump once more, up to the limit of lanes.
#[test]
fn a_dump_is_read_once() {
    let mut rng = Rng::new(811);
    let token = keys::github(&mut rng, "ghp_");
    let columns =
        |part: &[u8]| part.iter().map(|byte| format!("   {}", char::from(*byte))).collect::<String>();
    let offsets = (0..90).map(|n| format!("{}000000", n % 10));
    let lines = offsets.map(|offset| format!("{offset}{}\n", columns(b"0123456789abcdef")));
    let dump: String = lines.collect::<String>()
        + &token.chunks(16).map(|part| format!("7000000{}\n", columns(part))).collect::<String>();
    in_any_chunks(&rules(), dump.as_bytes(), |run| {
        assert_eq!(run.findings().count(), 1, "{:?}", run.events);
        assert_eq!(run.opaques().count(), 0, "{:?}", run.events);
    });
}

/// What was folded together is a list of texts as often: where one began behind a string, a mark or a line, the last byte of the one before it stood in front of the
/// match, so no boundary held.
#[test]
fn items_of_a_list_are_texts_of_their_own() {
    let mut rule = Rule::new("acme", "acme_", "acme_[0-9a-f]{25}");
    rule.confidence = Confidence::High;
    let engine = Engine::builder().rules([rule]).build().expect("a rule compiles");
    let mut rng = Rng::new(812);
    for len in [25, 26, 27] {
        let mut item = || [b"acme_".as_slice(), &rng.text(keys::HEX, 25), &b" -"[..len - 25]].concat();
        let items = [item(), item(), item()];
        let digits =
            |item: &Vec<u8>| item.iter().map(|b| format!("{b:02x}")).collect::<String>().into_bytes();
        let base32 = |item: &Vec<u8>| wrap::base32(item, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", false);
        for (name, written) in [
            ("base64", items.each_ref().map(|item| wrap::base64(item, false, false))),
            ("hex", items.each_ref().map(digits)),
            ("base32", items.each_ref().map(base32)),
        ] {
            for between in ["\n", "\n# ", "\n  - ", "\",\n  \"", "\\\",\\n  \\\""] {
                if name == "base32" && matches!(between, "\n" | "\n# ") && len > 25 {
                    // Without a line of whole groups they are no list.
                    continue;
                }
                let [first, second, third] = &written;
                let list = [
                    b"list: [\n\"",
                    &first[..],
                    between.as_bytes(),
                    second,
                    between.as_bytes(),
                    third,
                    b"\"\n]\n",
                ];
                in_any_chunks(&engine, &list.concat(), |run| {
                    let places: std::collections::BTreeSet<u64> =
                        run.findings().map(|found| found.outer().end).collect();
                    assert_eq!(places.len(), 3, "{name} {between:?} {len}: {:?}", run.events);
                });
            }
        }
    }
}

/// In the chunks of further pictures a number stands in front of the stream, so one that was cut into several counted as corrupt.
#[test]
fn further_pictures_are_in_pieces_too() {
    let pixels = packed(&mut Rng::new(813), &Rng::new(9).text(keys::HEX, 60_000));
    let mut picture =
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x80\0\0\0\x80\x08\x06\0\0\0\xc3\x3e\x61\xcb".to_vec();
    for (n, piece) in pixels.chunks(8192).enumerate() {
        picture.extend((piece.len() as u32 + 4).to_be_bytes());
        picture.extend([&b"fdAT\0\0\0"[..], &[n as u8], piece, b"\x01\x02\x03\x04"].concat());
    }
    is_clean(&rules(), &picture);
}

/// A format that begins in the last bytes of a stored entry, and goes on behind it, began nowhere.
#[test]
fn what_only_begins_in_a_stored_entry_is_told_of() {
    let entry = wrap::zip_entry(b"a", b"text, Rar!", b"text, Rar!", 0);
    let content = [
        &entry[..],
        b"\x1a\x07\x01\0\x33\x92\xb5\xe5\x0a\x01\x05\x06\0\x05\x01\x01\x80\x80\0 and so on, and on",
    ]
    .concat();
    in_any_chunks(&rules(), &content, |run| {
        let unread = |opaque: &exfilter_engine::Opaque| opaque.reason() == OpaqueReason::UnsupportedFormat;
        assert!(run.opaques().any(unread), "{:?}", run.events);
    });
}

/// The header of a pack hid the streams of zlib behind it. If the first object was none, the pack was none either, and nothing was told.
#[test]
fn a_pack_that_is_none_hides_nothing() {
    let mut rng = Rng::new(814);
    let text = [
        rng.text(keys::BASE62, 300),
        b" key = ".to_vec(),
        keys::github(&mut rng, "ghp_"),
        b" and so on".to_vec(),
    ]
    .concat();
    // A blob of no length.
    let content = [b"a: PACK\0\0\0\x02\0\0\0\x01\x30".as_slice(), &packed(&mut rng, &text)].concat();
    let engine = rules();
    for chunks in [split::whole(content.len()), split::every(content.len(), 1)] {
        let run = run::run(&engine, &crate::laws::outbound(), &content, &chunks);
        assert!(run.last.is_block(), "{:?}", run.events);
    }
}

/// A magic number that is written in escapes of one kind hid text with escapes of others.
#[test]
fn packed_content_hides_no_text_in_other_escapes() {
    let token = keys::github(&mut Rng::new(815), "ghp_");
    let text = std::str::from_utf8(&token).unwrap();
    let engine = rules();
    for before in [
        "x%5E2",
        "%1f%8b%08%00%00%00%00%00%00%03",
        "%1f%8b%08%00%00%00%00%00%00%03%00%ff%ff%00%00",
        "\\x1f\\x8b\\x08\\x00",
    ] {
        for token in [
            text.replace('_', "\\u005f"),
            text.replace('_', "%5F"),
            text.replace('_', "&#95;"),
            text.replace('_', "=5F"),
        ] {
            finds(
                &engine,
                format!("{{\"query\": \"{before} a\", \"key\": \"{token}\", \"more\": \"and so on\"}}")
                    .as_bytes(),
            );
        }
    }
}

/// A picture of one colour, and what masks one in a document, are a thousand times as long as what zlib makes of them, and were refused as bombs.
#[test]
fn a_blank_picture_is_no_bomb() {
    let pixels = packed(&mut Rng::new(816), &vec![0xff; 12_000_000]);
    let picture = [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x07\xd0\0\0\x07\xd0\x08\x02\0\0\0\xc3\x3e\x61\xcb".as_slice(),
        &(pixels.len() as u32).to_be_bytes(),
        b"IDAT",
        &pixels,
        b"\x01\x02\x03\x04",
    ]
    .concat();
    let engine = rules();
    let body = [b"{\"data\": \"".as_slice(), &wrap::base64(&picture, false, true), b"\"}"].concat();
    for content in [picture, body] {
        let run = run::run(&engine, &crate::laws::outbound(), &content, &split::every(content.len(), 4000));
        assert!(!run.last.is_block(), "{:?}", run.events);
        assert_eq!(run.opaques().count(), 0, "{:?}", run.events);
    }
}

/// Headers of zlib with an empty block behind them cost three microseconds each, a second for a megabyte.
#[test]
fn headers_without_number_are_told_of() {
    let engine = rules();
    let content = [b"text ".as_slice(), &b"x\x9c\x03".repeat(8000)].concat();
    let facts =
        [split::whole(content.len()), split::every(content.len(), 1), split::every(content.len(), 5000)].map(
            |chunks| {
                let run = run::run(&engine, &crate::laws::outbound(), &content, &chunks);
                assert!(
                    run.last.is_block()
                        && run.opaques().any(|opaque| opaque.reason() == OpaqueReason::Members)
                );
                run.facts()
            },
        );
    assert!(facts.iter().all(|of| *of == facts[0]));
    is_clean(&engine, &[b"text ".as_slice(), &b"x\x9c\x03 and more of it".repeat(9000)].concat());
}

/// What a font has by chance, two in twenty-five of them, was a stream whose first block is stored: it went on for 64 KiB, whatever they were, and ended as corrupt.
#[test]
fn a_stored_block_is_no_evidence() {
    let noise = Rng::new(817).bytes(70_000);
    let engine = rules();
    for content in [
        [b"glyf x\x01\0\xff\xff\0\0".as_slice(), &noise].concat(),
        [b"glyf x\x01\0\xff\xff\0\0".as_slice(), &noise[..50_000]].concat(),
    ] {
        for chunks in [split::whole(content.len()), split::every(content.len(), 1000)] {
            let run = run::run(&engine, &crate::laws::outbound(), &content, &chunks);
            assert!(!run.last.is_block() && run.opaques().count() == 0, "{:?}", run.events);
        }
    }
}

/// Grey pixels are digits for the same digits, as deep as one looks.
#[test]
fn grey_pixels_are_no_text() {
    let pixels = packed(&mut Rng::new(818), &[0x33; 5000]);
    let picture = [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x07\xd0\0\0\x07\xd0\x08\0\0\0\0\xc3\x3e\x61\xcb\0\0\x01\0IDAT"
            .as_slice(),
        &pixels,
        b"\x01\x02\x03\x04",
    ];
    is_clean(&rules(), &picture.concat());
}
