//! git: pkt-lines, pushes of every kind, reports, advertisements; in any chunking.

use exfilter_testing::{Rng, split};
use exfilter_wire::git::{Advertisement, Receive, Report, pkt};
use proptest::prelude::*;

const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";
const ZERO: &str = "0000000000000000000000000000000000000000";
const CAPS: &str = " report-status-v2 side-band-64k object-format=sha1 agent=git/2.47.3";

fn line(data: &str) -> String {
    format!("{:04x}{data}", data.len() + 4)
}

/// What a push is read as.
#[derive(Debug, PartialEq)]
struct Read {
    consumed: usize,
    names: Vec<(String, bool)>,
    lines: usize,
    result: Result<(), String>,
}

fn read(body: &[u8], chunks: &[usize]) -> Read {
    let mut push = Receive::new();
    let (mut consumed, mut lines, mut at) = (0, 0, 0);
    let mut result = Ok(());
    for n in chunks {
        let chunk = &body[at..at + n];
        at += n;
        let mut rest = chunk;
        let taken = push.feed(&mut rest, &mut |_| lines += 1);
        consumed += n - rest.len();
        if taken.is_err() {
            // Where it breaks.
            consumed -= push.unread().len();
        }
        result = taken.and_then(|()| push.rest(rest));
        if result.is_err() {
            break;
        }
    }
    let result = result.and_then(|()| push.finish()).map_err(|e| e.to_string());
    let names =
        push.commands().iter().map(|c| (String::from_utf8_lossy(c.name()).into(), c.deletes())).collect();
    Read { consumed, names, lines, result }
}

fn whole(body: &str) -> Read {
    let read_whole = read(body.as_bytes(), &[body.len()]);
    let mut rng = Rng::new(body.len() as u64);
    for chunks in split::standard(&mut rng, body.len()) {
        let again = read(body.as_bytes(), &chunks);
        assert_eq!((again.result.clone(), again.consumed), (read_whole.result.clone(), read_whole.consumed));
        if again.result.is_ok() {
            assert_eq!(again, read_whole);
        }
    }
    read_whole
}

fn pack(rest: &str) -> String {
    format!("PACK\0\0\0\x02\0\0\0\x01{rest}")
}

#[test]
fn pushes_of_every_kind_are_read() {
    let main = format!("{OLD} {NEW} refs/heads/main");
    let plain = format!("{}0000{}", line(&format!("{main}\0{CAPS}")), pack("x"));
    assert_eq!(whole(&plain).names, [("refs/heads/main".to_string(), false)]);

    let shallow =
        format!("{}{}0000{}", line(&format!("shallow {OLD}")), line(&format!("{main}\0{CAPS}")), pack(""));
    assert_eq!(whole(&shallow).lines, 2);

    let options = format!("{}00000009a.b=c0000{}", line(&format!("{main}\0{CAPS} push-options")), pack(""));
    assert_eq!((whole(&options).lines, whole(&options).result), (2, Ok(())));

    let delete = format!("{}0000", line(&format!("{OLD} {ZERO} refs/heads/old\0{CAPS}")));
    assert_eq!(whole(&delete).names, [("refs/heads/old".to_string(), true)]);

    let two = format!(
        "{}{}0000{}",
        line(&format!("{main}\0{CAPS}\n")),
        line(&format!("{ZERO} {NEW} refs/tags/v 1\n")),
        pack("")
    );
    assert_eq!(whole(&two).names[1].0, "refs/tags/v 1");

    let (old, new) = (OLD.repeat(2)[..64].to_string(), NEW.repeat(2)[..64].to_string());
    let sha256 = format!("{}0000{}", line(&format!("{old} {new} refs/heads/main\0{CAPS}")), pack(""));
    assert_eq!(whole(&sha256).names.len(), 1);

    let signed = [
        line(&format!("push-cert\0{CAPS} push-options")),
        line("certificate version 0.1\n"),
        line("pusher A <a@example.com> 1 +0000\n"),
        line("nonce x\n"),
        line("push-option a=b\n"),
        line("\n"),
        line(&format!("{main}\n")),
        line("-----BEGIN SSH SIGNATURE-----\n"),
        line("U1NI\n"),
        line("-----END SSH SIGNATURE-----\n"),
        line("push-cert-end\n"),
        "0000".into(),
        line("a=b"),
        "0000".into(),
        pack(""),
    ]
    .concat();
    assert_eq!(whole(&signed).names, [("refs/heads/main".to_string(), false)]);
    assert_eq!(whole(&signed).result, Ok(()));
    assert_eq!(whole("0000").result, Ok(()));
}

#[test]
fn what_is_no_push_is_refused() {
    let main = format!("{OLD} {NEW} refs/heads/main");
    let command = line(&format!("{main}\0{CAPS}"));
    let delete = line(&format!("{OLD} {ZERO} refs/heads/old\0{CAPS}"));
    for (body, why) in [
        (pack(""), "length of a pkt-line"),
        ("".into(), "before its end"),
        ("00".into(), "before its end"),
        (command.clone(), "before its end"),
        (format!("{command}0000"), "before its end"),
        (format!("{command}0000PAC"), "before its end"),
        (format!("{command}0000JUNK"), "not followed by a pack"),
        (format!("{command}0000PACK\0\0\0\x02\0\0\0\0{}", "x".repeat(21)), "follow the end"),
        (format!("{command}0001"), "no command"),
        (format!("{command}0003"), "length of a pkt-line"),
        (format!("{delete}0000x"), "follow the end"),
        ("0000x".into(), "follow the end"),
        (format!("{}0000", line("hello")), "no command"),
        (format!("{}0000", line(&format!("{OLD} {NEW} \0{CAPS}"))), "no command"),
        (format!("{}0000", line(&format!("{OLD} {NEW}0 refs/heads/main"))), "no command"),
        (format!("{}0000", line(&format!("{OLD} {} refs/heads/main", "2".repeat(64)))), "no command"),
        (format!("{}0000", line(&format!("push-cert\0{CAPS}"))), "certificate"),
        ("fff1".into(), "length of a pkt-line"),
        ("00ag".into(), "length of a pkt-line"),
    ] {
        assert!(whole(&body).result.unwrap_err().contains(why), "{why}");
    }
}

#[test]
fn a_report_is_what_git_reads() {
    let mut push = Receive::new();
    let body = format!(
        "{}{}0000",
        line(&format!("{OLD} {NEW} refs/heads/main\0{CAPS}")),
        line(&format!("{ZERO} {NEW} refs/tags/v1"))
    );
    push.feed(&mut body.as_bytes(), &mut |_| {}).unwrap();
    let message = vec!["exfilter: push blocked\u{1b}[31m".to_string(), "é".to_string()];
    let report = Report { push: &push, reason: "secret detected\nin config.py:3", message: &message };
    let bytes = report.to_bytes();
    let text = String::from_utf8(bytes).unwrap();
    let reason = "secret detected?in config.py:3";
    let refs = ["refs/heads/main", "refs/tags/v1"].map(|name| line(&format!("ng {name} {reason}\n")));
    let status = format!("000eunpack ok\n{}0000", refs.concat());
    let bands =
        [line("\u{2}exfilter: push blocked?[31m\n"), line("\u{2}?\n"), line(&format!("\u{1}{status}"))];
    let expected = format!("{}0000", bands.concat());
    assert_eq!(text, expected);

    let mut bare = Receive::new();
    let body = format!("{}0000", line(&format!("{OLD} {NEW} refs/heads/main\0report-status")));
    bare.feed(&mut body.as_bytes(), &mut |_| {}).unwrap();
    let bytes = Report { push: &bare, reason: "no", message: &message }.to_bytes();
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        format!("000eunpack ok\n{}0000", line("ng refs/heads/main no\n"))
    );
}

/// Thousands of refs: the report is longer than one line of a side band.
#[test]
fn long_reports_are_cut_into_lines() {
    let mut body = line(&format!("{OLD} {NEW} refs/heads/main\0{CAPS}"));
    (0..3000).for_each(|n| body.push_str(&line(&format!("{ZERO} {NEW} refs/tags/v{n}"))));
    body.push_str("0000");
    let mut push = Receive::new();
    push.feed(&mut body.as_bytes(), &mut |_| {}).unwrap();
    let bytes = Report { push: &push, reason: "blocked by policy", message: &[] }.to_bytes();
    let (mut rest, mut status) = (&bytes[..], Vec::new());
    while let pkt::Decoded::Complete { packet, consumed } = pkt::decode(rest).unwrap() {
        rest = &rest[consumed..];
        match packet {
            pkt::Packet::Data(data) => status.extend_from_slice(data.strip_prefix(b"\x01").unwrap()),
            _ => break,
        }
    }
    assert!(rest.is_empty());
    assert_eq!(status.windows(3).filter(|w| w == b"ng ").count(), 3001);
}

#[test]
fn no_thin_is_added_once_and_nothing_else_changes() {
    let first = format!("{OLD} refs/heads/main\0report-status ofs-delta\n");
    let head = format!("{}0000", line("# service=git-receive-pack\n"));
    let tail = format!("{}0000", line(&format!("{NEW} refs/heads/x\n")));
    let added = line(&format!("{OLD} refs/heads/main\0report-status ofs-delta no-thin\n"));
    let no_ref = line(&format!("{ZERO} capabilities^{{}}\0report-status"));
    let with = line(&format!("{OLD} r\0no-thin ofs-delta\n"));
    for (input, output) in [
        (format!("{head}{}{tail}", line(&first)), format!("{head}{added}{tail}")),
        (format!("{}{tail}", line(&first)), format!("{added}{tail}")),
        (
            format!("{}{}{tail}", line("version 1\n"), line(&first)),
            format!("{}{added}{tail}", line("version 1\n")),
        ),
        (
            format!("{head}{no_ref}0000"),
            format!("{head}{}0000", line(&format!("{ZERO} capabilities^{{}}\0report-status no-thin"))),
        ),
        (format!("{head}{with}{tail}"), format!("{head}{with}{tail}")),
        (format!("{head}{tail}"), format!("{head}{tail}")),
        ("<html>not git</html>".into(), "<html>not git</html>".into()),
        (format!("{head}{}", line("ERR no\n")), format!("{head}{}", line("ERR no\n"))),
        ("001".into(), "001".into()),
    ] {
        let mut rng = Rng::new(9);
        for chunks in split::standard(&mut rng, input.len()) {
            let (mut rewriter, mut out, mut at) = (Advertisement::new(), Vec::new(), 0);
            for n in chunks {
                rewriter.feed(&input.as_bytes()[at..at + n], &mut out);
                at += n;
            }
            rewriter.finish(&mut out);
            assert_eq!(String::from_utf8_lossy(&out), output);
            assert_eq!(rewriter.is_added(), output.contains("no-thin"));
        }
    }
}

proptest! {
    /// Any bytes are read the same in any chunking, and never make a parser fail in another way than it says.
    #[test]
    fn reading_does_not_depend_on_chunks(pieces in prop::collection::vec(prop_oneof![
        Just("0000".to_string()), Just("0004".to_string()), Just(line(&format!("{OLD} {NEW} refs/heads/a\0push-options"))),
        Just(line("push-cert\0x")), Just(line("\n")), Just(line("push-cert-end")), Just(line(&format!("{OLD} {ZERO} b"))),
        Just("PACK\0\0\0\x02\0\0\0\0".to_string()), "[ -~]{0,6}", Just(line(&format!("shallow {OLD}"))),
    ], 0..8), seed in any::<u64>()) {
        let body = pieces.concat();
        let first = read(body.as_bytes(), &[body.len()]);
        let mut rng = Rng::new(seed);
        for chunks in split::standard(&mut rng, body.len()) {
            let again = read(body.as_bytes(), &chunks);
            prop_assert_eq!(&again.result, &first.result);
            prop_assert_eq!(&again.names, &first.names);
        }
        let mut rewriter = Advertisement::new();
        let mut out = Vec::new();
        rewriter.feed(body.as_bytes(), &mut out);
        rewriter.finish(&mut out);
        prop_assert!(out.len() >= body.len());
    }
}

/// A line that is no command was read again with all that came behind it, and its capabilities kept each time.
#[test]
fn a_push_that_is_broken_is_not_read_on() {
    let line = format!("x\0{}", "c".repeat(60_000));
    let body = format!("{:04x}{line}", line.len() + 4);
    let mut push = Receive::new();
    assert!(push.feed(&mut body.as_bytes(), &mut |_| {}).is_err());
    let memory = push.memory();
    let mut lines = 0;
    for _ in 0..100 {
        let mut rest = &b"x"[..];
        assert!(push.feed(&mut rest, &mut |_| lines += 1).is_err());
        assert_eq!(rest, b"x");
    }
    assert_eq!((lines, push.memory()), (0, memory));
}
