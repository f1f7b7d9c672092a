//! Formats in the middle of content, formats that are not looked into, and text as tools fold and dump it.

use exfilter_engine::{Engine, OpaqueReason, Profile};
use exfilter_testing::{Rng, keys, run, split, wrap};

use crate::laws::outbound;

fn rules(profile: Profile) -> Engine {
    Engine::builder().rules(exfilter_rules::builtin()).profile(profile).build().unwrap()
}

fn token(seed: u64) -> Vec<u8> {
    keys::github(&mut Rng::new(seed), "ghp_")
}

/// Looks for one finding below `path`, in any chunks, of which nothing has left.
fn is_found(engine: &Engine, content: &[u8], path: &str, case: &str) {
    let len = content.len();
    for chunks in [split::whole(len), split::every(len, 1), split::every(len, 7), split::every(len, 700)] {
        let run = run::run(engine, &outbound(), content, &chunks);
        assert!(run.last.is_block(), "{case}");
        assert!(run.events.iter().any(|(_, of)| of.ends_with(path)), "{case}: {:?}", run.events);
        let start = run.findings().map(|found| found.outer().start).min().expect("a finding");
        assert!(run.through() <= start, "{case}: {} bytes had left", run.through());
    }
}

#[test]
fn zlib_is_found_wherever_it_stands() {
    let mut rng = Rng::new(801);
    let token = token(801);
    let text =
        [b"some text before it, BT (".as_slice(), &token, b") Tj ET and more of it, so that there is enough"]
            .concat();
    let zlib = wrap::zlib(&mut rng, &text);
    let document = [
        b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Length 99/Filter/FlateDecode>>\nstream\n".as_slice(),
        &zlib,
        b"\nendstream\nendobj\n",
    ]
    .concat();
    let picture =
        [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x60zTXtComment\0\0".as_slice(), &zlib].concat();
    let engine = rules(Profile::Inline);
    is_found(&engine, &document, "zlib", "a document");
    is_found(&engine, &picture, "zlib", "a picture");
    for (name, content) in [("document", &document), ("picture", &picture)] {
        let body = [b"{\"data\": \"".as_slice(), &wrap::base64(content, false, true), b"\"}"].concat();
        is_found(&engine, &body, "base64 > zlib", name);
    }
    let far = [rng.bytes(3000), zlib.clone()].concat();
    is_found(
        &engine,
        &[b"data: ".as_slice(), &wrap::base64(&far, false, true)].concat(),
        "base64 > zlib",
        "far behind",
    );
    let escaped: String = zlib.iter().map(|b| std::ascii::escape_default(*b).to_string()).collect();
    is_found(
        &engine,
        format!("exec(decompress(b'{escaped}'))").as_bytes(),
        "escapes > zlib",
        "bytes in Python",
    );
    let escaped: String = zlib.iter().map(|b| format!("\\x{b:02x}")).collect();
    is_found(&engine, format!("char data[] = \"{escaped}\";").as_bytes(), "escapes > zlib", "bytes in C");
}

#[test]
fn zlib_of_others_is_looked_into_once() {
    let mut rng = Rng::new(802);
    let packed = exfilter_testing::pack::any(&mut rng, &[b"a: ".as_slice(), &token(802), b"\n"].concat());
    let run = run::run(&rules(Profile::Inline), &outbound(), &packed, &split::whole(packed.len()));
    assert!(
        run.findings().count() > 0 && run.events.iter().all(|(_, path)| path != "zlib"),
        "{:?}",
        run.events
    );
    // A picture is one stream in several pieces, which are no fault.
    let pixels = wrap::zlib(&mut rng, &Rng::new(9).bytes(30_000));
    let mut picture =
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x80\0\0\0\x80\x08\x06\0\0\0\xc3\x3e\x61\xcb".to_vec();
    for piece in pixels.chunks(8192) {
        picture.extend((piece.len() as u32).to_be_bytes());
        picture.extend([b"IDAT", piece, b"\x01\x02\x03\x04"].concat());
    }
    let run = run::run(&rules(Profile::Inline), &outbound(), &picture, &split::whole(picture.len()));
    assert!(!run.last.is_block(), "{:?}", run.events);
    assert_eq!(run.opaques().count(), 0, "{:?}", run.events);
}

#[test]
fn formats_that_are_not_looked_into_are_told_of() {
    for content in [
        &b"Rar!\x1a\x07\x01\0\x33\x92\xb5\xe5\x0a\x01\x05\x06\0\x05\x01\x01\x80\x80\0 and so on, and on"[..],
        b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0\x2e\x19\x4a\x26\x6b\x95\x34\x8c\x27\x77\xd0\xe3\x14\x2a\xd1\x7b\x15\x5a",
        b"\x1f\x9d\x90\x68\xca\xb0\x61\xf3\x86\x02 and so on, and on and on and on",
        b"\xff\x06\0\0sNaPpY\x01\x0a\0\0\x82\x40\xae\xb2hello\n and so on, and on",
    ] {
        let tokens = [content, b"\n"].concat();
        for chunks in [split::whole(tokens.len()), split::every(tokens.len(), 1), split::every(tokens.len(), 9)] {
            let run = run::run(&rules(Profile::Inline), &outbound(), &tokens, &chunks);
            let reasons: Vec<OpaqueReason> = run.opaques().map(|opaque| opaque.reason()).collect();
            assert_eq!(reasons, [OpaqueReason::UnsupportedFormat], "{}", content.escape_ascii());
        }
    }
    let text = b"The format begins with Rar! or 7z, and LZIP is another; ](\0\0) is none.";
    let run = run::run(&rules(Profile::Inline), &outbound(), text, &split::whole(text.len()));
    assert_eq!(run.opaques().count(), 0, "{:?}", run.events);
}

#[test]
fn runs_go_on_as_programs_write_them() {
    let mut rng = Rng::new(803);
    let text = [
        rng.text(keys::HEX, 90),
        b" key = ".to_vec(),
        token(803),
        b" and what stands behind it, a line or two of it".to_vec(),
    ]
    .concat();
    let packed = wrap::gzip(&mut rng, &text);
    let engine = rules(Profile::Inline);
    for between in [
        "\n# ",
        "\n// ",
        "\n * ",
        "\n> ",
        "\n+",
        "\n+    # ",
        "\" +\n  \"",
        "\",\n    \"",
        "\"\n\"",
        "'\n    b'",
        "' .\n  '",
        "\\\"\n+\\\"",
        "\\\",\\n  \\\"",
    ] {
        let first = between.trim_start_matches(['"', '\'', '\\', ',']).trim_start_matches("n  ");
        let first = if between.starts_with('\n') { first } else { "\n\"" };
        let fold = |run: &[u8], width: usize| {
            let lines: Vec<&str> = run.chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
            format!("data:{first}{}\n", lines.join(between)).into_bytes()
        };
        is_found(&engine, &fold(&wrap::base64(&text, false, true), 76), "base64", between);
        is_found(&engine, &fold(&wrap::base64(&packed, false, true), 60), "base64 > gzip", between);
        let digits: String = text.iter().map(|b| format!("{b:02x}")).collect();
        if between != "\n+" {
            is_found(&engine, &fold(digits.as_bytes(), 60), "hex", between);
        }
    }
}

#[test]
fn dumps_and_objects_are_lists_too() {
    let content = [b"some text in front, ".as_slice(), &token(804), b", and behind it some more\n"].concat();
    let engine = rules(Profile::Inline);
    let dump = wrap::character_dump(&content);
    is_found(&engine, &[b"$ od -c .env\n".as_slice(), &dump].concat(), "dump", "od -c");
    let escaped = String::from_utf8(dump).unwrap().replace('\\', "\\\\").replace('\n', "\\n");
    is_found(&engine, format!("{{\"out\": \"{escaped}\"}}").as_bytes(), "dump", "od -c in JSON");
    for (name, dump) in [
        ("xxd", wrap::hex_dump(&content)),
        ("hexdump -C", wrap::canonical_dump(&content)),
        ("hexdump", wrap::word_dump(&content, false)),
        ("od", wrap::word_dump(&content, true)),
        ("an object", wrap::keyed(&content, ",")),
        ("an object in lines", wrap::keyed(&content, ",\n  ")),
    ] {
        is_found(&engine, &[b"dump:\n".as_slice(), &dump].concat(), "codes", name);
        let escaped =
            String::from_utf8(dump).unwrap().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        is_found(&engine, format!("{{\"out\": \"{escaped}\"}}").as_bytes(), "codes", name);
    }
}

#[test]
fn escapes_that_shells_and_browsers_read() {
    let token = token(805);
    let each = |write: fn(&u8) -> String| token.iter().map(write).collect::<String>();
    let engine = rules(Profile::Inline);
    for (case, content) in [
        ("$'\\u67'", format!("$'{}'", each(|b| format!("\\u{b:x}")))),
        ("\\0147", format!("echo -e '{}'", each(|b| format!("\\0{b:03o}")))),
        ("&#103", format!("<p>{}</p>", each(|b| format!("&#{b}")))),
    ] {
        is_found(&engine, content.as_bytes(), "escapes", case);
    }
    let engine = rules(Profile::Thorough);
    let text = std::str::from_utf8(&token).unwrap();
    for (case, content) in [
        ("Markdown", format!("the key {} is", text.replace('_', "\\_"))),
        ("UTF-7", format!("TOKEN+AD0-{} is", text.replace('_', "+AF8-"))),
    ] {
        is_found(&engine, content.as_bytes(), "joined", case);
    }
    let digits = token.iter().map(|b| format!("{b:02x}")).collect::<String>();
    is_found(&rules(Profile::Inline), format!("1\t\\x{digits}\tx").as_bytes(), "hex", "PostgreSQL");
}
