//! Archives: ar and cpio, and what stands in them.

use exfilter_engine::{Engine, Flow, Limits, OpaqueReason};
use exfilter_testing::{Rng, keys, run, split, wrap};

use crate::laws::outbound;
use crate::support;

/// Runs `content` in several chunkings, each with the same outcome, and gives one run back.
fn in_any_chunks(engine: &Engine, content: &[u8]) -> run::Run {
    let flow = outbound().lines();
    let whole = run::run(engine, &flow, content, &split::whole(content.len()));
    for size in [1, 7, 64, 1000] {
        let other = run::run(engine, &flow, content, &split::every(content.len(), size));
        assert_eq!(whole.facts(), other.facts(), "in chunks of {size}");
    }
    whole
}

fn paths(run: &run::Run) -> Vec<&str> {
    run.events.iter().map(|(_, path)| path.as_str()).collect()
}

fn plain() -> Engine {
    support::engine(&[], Limits::default())
}

fn key(seed: u64) -> Vec<u8> {
    keys::github(&mut Rng::new(seed), "ghp_")
}

/// All the ways to write an archive of these members.
fn all(members: &[(&[u8], &[u8])]) -> Vec<Vec<u8>> {
    let cpio = |format| wrap::cpio(format, members);
    vec![
        wrap::ar(members),
        wrap::bsd_ar(members),
        cpio(wrap::Cpio::Newc),
        cpio(wrap::Cpio::Odc),
        cpio(wrap::Cpio::Old),
    ]
}

#[test]
fn members_have_names_and_lines_of_their_own() {
    let second = [b"one\ntwo ", &key(301)[..], b"\n"].concat();
    for archive in all(&[(b"first", b"a\nb\nc\n"), (b"second", &second), (b"a longer name/third", &key(302))])
    {
        let run = in_any_chunks(&plain(), &archive);
        assert_eq!(paths(&run), ["second", "a longer name/third"]);
        let lines: Vec<_> = run.findings().map(|found| found.line()).collect();
        assert_eq!(lines, [Some((2, 5)), Some((1, 1))]);
        assert!(run.coverage.is_complete());
        assert_eq!(run.coverage.archives, 1);
        assert!((3..5).contains(&run.coverage.members), "{}", run.coverage.members);
    }
}

/// tar is told by 512 bytes; these were not looked for in less.
#[test]
fn archives_shorter_than_a_header_of_tar() {
    for archive in all(&[(b"a", &key(303))]) {
        assert!(archive.len() < 512);
        let run = in_any_chunks(&plain(), &archive);
        assert_eq!(paths(&run), ["a"]);
        // Also in base64, whose short runs are looked at as a whole.
        let text = [b"{\"a\": \"", &wrap::base64(&archive, false, true)[..], b"\"}"].concat();
        let run = in_any_chunks(&plain(), &text);
        assert_eq!(paths(&run), ["base64 > a"]);
        assert_eq!(run.coverage.archives, 1);
    }
    for archive in all(&[(b"a", b"nothing to see")]) {
        let text = [b"{\"a\": \"", &wrap::base64(&archive, false, true)[..], b"\"}"].concat();
        let run = in_any_chunks(&plain(), &text);
        assert!(run.coverage.is_complete() && run.events.is_empty());
        assert_eq!(run.coverage.archives, 1);
    }
}

#[test]
fn a_debian_package() {
    let mut rng = Rng::new(304);
    let secret = [&b"\n\nTOKEN="[..], &key(304), b"\n"].concat();
    let control = wrap::tar(&[(&b"./control"[..], &b"Package: a\n"[..]), (b"./postinst", &secret)]);
    let data = wrap::tar(&[(&b"./etc/a.conf"[..], &secret[..])]);
    let package = wrap::ar(&[
        (&b"debian-binary"[..], b"2.0\n".to_vec()),
        (b"control.tar.gz", wrap::gzip(&mut rng, &control)),
        (b"data.tar.xz", wrap::xz(&data)),
    ]);
    let run = in_any_chunks(&plain(), &package);
    let expected = ["control.tar.gz > gzip > ./postinst", "data.tar.xz > xz > ./etc/a.conf"];
    assert_eq!(paths(&run), expected);
    assert!(run.findings().all(|found| found.line() == Some((3, 7))));
    assert!(run.coverage.is_complete());
    assert_eq!((run.coverage.archives, run.coverage.containers, run.coverage.members), (3, 2, 6));
    // What a member begins with counts as declared: it is told of when it breaks.
    let mut broken = package.clone();
    let data = memchr::memmem::find(&package, b"\xfd7zXZ").expect("the archive is there");
    broken[data + 40..].fill(0xaa);
    let run = in_any_chunks(&plain(), &broken);
    assert!(run.opaques().any(|opaque| opaque.reason() == OpaqueReason::Corrupt));
}

#[test]
fn an_initramfs() {
    let mut rng = Rng::new(305);
    let early = wrap::cpio(wrap::Cpio::Newc, &[(b"kernel/microcode.bin", b"microcode")]);
    let late = wrap::cpio(wrap::Cpio::Newc, &[(b"etc/passwd", &key(305))]);
    let image = wrap::gzip(&mut rng, &[&early[..], &[0; 300], &late].concat());
    let run = in_any_chunks(&plain(), &image);
    assert_eq!(paths(&run), ["gzip > etc/passwd"]);
    assert!(run.coverage.is_complete());
}

#[test]
fn archives_that_end_early() {
    for archive in all(&[(b"first", &b"words ".repeat(40)), (b"second", &b"words ".repeat(40))]) {
        for len in [archive.len() / 2, archive.len() / 2 + 90] {
            let run = in_any_chunks(&plain(), &archive[..len]);
            assert!(run.opaques().all(|opaque| opaque.reason() == OpaqueReason::Truncated));
            assert_eq!(run.opaques().count(), 1);
        }
    }
}

/// After the last member of ar nothing marks its end: what follows is a broken header. After cpio's trailer it is nobody's.
#[test]
fn what_follows_an_archive() {
    let rest = b"something that is no member, as long as a header of ar or longer, with ".repeat(2);
    for (i, archive) in all(&[(b"first", b"words!")]).into_iter().enumerate() {
        let content = [&archive[..], &rest, &key(306)].concat();
        let run = in_any_chunks(&plain(), &content);
        let expected = if i < 2 { vec![OpaqueReason::Corrupt] } else { vec![] };
        assert_eq!(run.opaques().map(|opaque| opaque.reason()).collect::<Vec<_>>(), expected);
        assert_eq!(run.findings().count(), 1, "it is scanned all the same");
    }
}

#[test]
fn text_that_begins_like_an_archive_is_none() {
    let digits = "0707070000010000021006440000000000000000010000000000000000000000";
    for text in [
        "!<arch>\nand so on, for as long as a header, and longer than that: it has no size".to_string(),
        "!<arch>\n".into(),
        "070701".into(),
        "0707070707".repeat(30),
        format!("{digits}5000000000042and this is no name that ends, but text that goes on and on"),
        format!("{digits}5000000000042and this"),
        "070701".to_string() + &"00000081a4".repeat(30),
        "\u{1f}0701 and so on".repeat(20),
    ] {
        for content in [text.clone(), format!("{text}\n{}", "more of it ".repeat(100))] {
            let run = in_any_chunks(&plain(), content.as_bytes());
            assert_eq!(run.opaques().count(), 0, "{content}");
            assert_eq!(run.coverage.archives, 0, "{content}");
            assert!(!run.last.is_block());
        }
    }
}

#[test]
fn members_are_limited() {
    let mut limits = Limits::default();
    limits.members = 2;
    let engine = support::engine(&[], limits);
    for archive in all(&[(b"a", b"1"), (b"b", b"2"), (b"c", b"3"), (b"d", &key(307))]) {
        let run = in_any_chunks(&engine, &archive);
        assert!(run.opaques().any(|opaque| opaque.reason() == OpaqueReason::Members));
        assert_eq!(run.coverage.members, 2);
        assert_eq!(run.findings().count(), 1, "it is scanned all the same");
    }
}

/// A finding in ar's table of names masks what refers to the table, however far away, and nothing before it.
#[test]
fn names_in_a_table_are_masked() {
    let name = wrap::base64(&[b"key:", &key(308)[..], b";"].concat(), true, false);
    let archive = wrap::ar(&[(&b"plain"[..], &b".".repeat(9000)[..]), (&name, &key(309)), (b"b", &key(310))]);
    for flow in [outbound(), Flow::at_rest()] {
        let run = run::run(&plain(), &flow, &archive, &split::whole(archive.len()));
        assert_eq!(paths(&run), ["// > base64", "<masked>", "<masked>"]);
    }
    let run = in_any_chunks(&plain(), &archive);
    assert_eq!(run.findings().count(), 3);
}

/// A name behind the digits of cpio's header has no boundary before it, and is not found; it is masked still.
#[test]
fn a_key_behind_digits_is_masked() {
    for archive in all(&[(&key(311), &key(312)), (b"other", &key(313))]) {
        let run = in_any_chunks(&plain(), &archive);
        let names: Vec<_> =
            paths(&run).into_iter().filter(|path| !path.is_empty() && *path != "//").collect();
        assert_eq!(names[0], "<masked>");
        assert!(names.len() == 2, "{names:?}");
    }
}

#[test]
fn a_long_name_is_cut() {
    let name = ["a\u{200b}".repeat(100).as_bytes(), &b"\xff".repeat(200)].concat();
    for archive in all(&[(&name, &key(314))]) {
        let run = in_any_chunks(&plain(), &archive);
        let path = paths(&run)[0];
        assert!(path.starts_with("a\\u{200b}a") && path.ends_with('\u{2026}'), "{path}");
        assert_eq!(path.chars().count(), 257);
    }
}

/// A form: its files are named, and lines are counted in each.
#[test]
fn a_form() {
    let source = [&b"import os\nKEY = \""[..], &key(331), b"\"\n"].concat();
    let packed = wrap::xz(&wrap::tar(&[(&b"a/b.py"[..], &source[..])]));
    let part = |disposition: &str, content: &[u8]| {
        let head = format!("--XyZ\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
        [head.as_bytes(), content, b"\r\n"].concat()
    };
    let form = [
        &part("name=\":action\"", b"file_upload")[..],
        &part("name=\"content\"; filename=\"a-1.tar.xz\"", &packed),
        &part("name=\"note\"", &key(332)),
        &part("name=\"script\"; filename=\"x.py\"", &source),
        b"--XyZ--\r\n",
        &key(333),
    ]
    .concat();
    let run = in_any_chunks(&plain(), &form);
    assert_eq!(paths(&run), ["a-1.tar.xz > xz > a/b.py", "note", "x.py", ""]);
    let lines: Vec<_> = run.findings().map(|found| found.line()).collect();
    assert_eq!(lines[..3], [Some((2, 8)), Some((1, 1)), Some((2, 8))]);
    assert!(run.coverage.is_complete());
    // A name in which a secret stands is not said.
    let name = String::from_utf8(key(334)).expect("it is ASCII");
    let form = [&part(&format!("name=\"f\"; filename=\"{name}\""), &source)[..], b"--XyZ--\r\n"].concat();
    let run = in_any_chunks(&plain(), &form);
    assert_eq!(paths(&run), ["", "<masked>"]);
}
