//! Faults of the lanes: escapes, hexadecimal digits, containers.

use exfilter_engine::{Checksum, Confidence, Engine, Flow, Limits, OpaqueReason, Proof, Rule};
use exfilter_testing::{Rng, keys, run, split, wrap, zstd};

use crate::laws::outbound;
use crate::support;

/// The chunkings that each case is run in.
fn chunkings(len: usize) -> Vec<Vec<usize>> {
    vec![split::whole(len), split::every(len, 1), split::every(len, 61)]
}

/// Runs `content` in several chunkings and gives each run to `check`. Nothing of what is found may have left before.
pub(super) fn in_any_chunks(engine: &Engine, content: &[u8], check: impl Fn(&run::Run)) {
    for chunks in chunkings(content.len()) {
        let run = run::run(engine, &outbound(), content, &chunks);
        let through: Vec<_> = run.verdicts.iter().filter_map(|v| v.1.through()).collect();
        assert!(through.is_sorted(), "through ran backwards");
        for found in run.findings() {
            assert!(through.iter().all(|through| *through <= found.outer().start), "{:?}", found.outer());
        }
        check(&run);
    }
}

pub(super) fn finds(engine: &Engine, content: &[u8]) {
    in_any_chunks(engine, content, |run| assert!(run.findings().count() > 0, "{}", lossy(content)));
}

/// Content of a test, which holds no key that was ever issued; long runs are left out.
fn lossy(content: &[u8]) -> String {
    String::from_utf8_lossy(&content[..content.len().min(60)]).into_owned()
}

/// `value` with the byte at `at` written as JSON may write it.
fn escaped(value: &[u8], at: usize) -> Vec<u8> {
    let escape = format!("\\u{:04x}", value[at]);
    [&value[..at], escape.as_bytes(), &value[at + 1..]].concat()
}

/// A candidate that spans a byte outside tokens and is cut by an escape made the text lane begin there, and end at once.
#[test]
fn an_escape_cuts_a_candidate_with_a_name() {
    let mut rng = Rng::new(201);
    let (value, token) = (rng.text(keys::BASE62, 40), keys::github(&mut rng, "ghp_"));
    let engine = support::engine(std::slice::from_ref(&value), Limits::default());
    let rules_only = support::engine(&[], Limits::default());
    for at in [0, 1, 5, 13, 39] {
        for name in ["secret_access_key = \"", "secret_access_key=", "https://user:", "a: '"] {
            finds(&engine, &[name.as_bytes(), &escaped(&value, at), b"\" and more"].concat());
            finds(&engine, &[name.as_bytes(), &escaped(&token, at), b"\" and more"].concat());
        }
        // The name and the value are one candidate.
        finds(&rules_only, &[b"secret_access_key = \"", &escaped(&value, at)[..], b"\"\n"].concat());
    }
}

/// What stands for nothing, behind a line break after escapes, was read again with every window, kept and held for as long as it went on.
#[test]
fn what_stands_for_nothing_is_not_held() {
    let engine = support::engine(&[], Limits::default());
    for nothing in ["\u{200b}", "\\\n"] {
        let content = format!("\\u0041{}\n{} and more", "A".repeat(40), nothing.repeat(20_000));
        let mut stream = engine.stream(outbound());
        let mut through = 0;
        for chunk in content.as_bytes().chunks(1000) {
            through = stream.push(chunk).through().expect("nothing is blocked");
            assert!(stream.memory() < 64 << 10, "{nothing:?}");
        }
        assert!(through + 200 > content.len() as u64, "{nothing:?}: {through} of {}", content.len());
    }
}

/// A match of less than eleven ASCII bytes whose literal is in escapes, in base64: seen whole, the run was passed over.
#[test]
fn a_short_rule_in_base64() {
    let mut rule = Rule::new("short", "abc", "abc[0-9]{4}");
    rule.confidence = Confidence::High;
    let engine = Engine::builder().rules([rule]).build().expect("a rule compiles");
    let content = [&[0xff; 7][..], b"a%62c1234", &[0xff; 8]].concat();
    finds(&engine, &wrap::base64(&content, false, false));
}

/// What stands in noise, wherever a long run of its spelling is cut: lanes pass over bytes in which nothing begins.
#[test]
fn something_in_noise() {
    let mut rng = Rng::new(211);
    let mut rule = Rule::new("token", "acme_", "acme_[0-9A-Za-z]{16}");
    rule.confidence = Confidence::High;
    let secret = rng.text(keys::BASE62, 32);
    let known = support::known(std::slice::from_ref(&secret));
    let engine = Engine::builder().rules([rule]).known_secrets(known).build().expect("a rule compiles");
    let token = [b"acme_", &rng.text(keys::BASE62, 16)[..]].concat();
    let wide: Vec<u8> = token.iter().flat_map(|byte| [*byte, 0]).collect();
    let planted = [
        token.clone(),
        secret,
        escaped(&token, 1),
        escaped(&token, 18),
        wide,
        wrap::gzip(&mut rng, &token),
        wrap::base64(&token, false, false),
        wrap::codes(&mut rng, &token),
    ];
    for round in 0..120 {
        let (before, what) = (rng.bytes(1000 + round % 193), &planted[round % planted.len()]);
        let content = [&before[..], &[0xff], what, &[0xff], &rng.bytes(400)].concat();
        let base64 = wrap::base64(&content, false, false);
        finds(&engine, &[&b"AAA"[..round % 4], &base64].concat());
        finds(&engine, &base64.chunks(76).flat_map(|line| [line, b"\n"].concat()).collect::<Vec<u8>>());
        let digits: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
        finds(&engine, digits.as_bytes());
        finds(&engine, &wrap::base32(&content, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", true));
    }
}

/// What follows text that holds a container, in the same slice of it: it was taken for a part of that text, and not looked at again.
#[test]
fn what_follows_a_container_in_escapes() {
    let mut rng = Rng::new(212);
    let engine = support::engine(&[], Limits::default());
    let (key, token) = (rng.text(keys::BASE62, 40), keys::github(&mut rng, "ghp_"));
    let noise = rng.bytes(300);
    let slashed = |bytes: &[u8]| -> Vec<u8> {
        let base64 = wrap::base64(bytes, false, false);
        base64
            .iter()
            .flat_map(|b| if *b == b'/' { &b"\\/"[..] } else { std::slice::from_ref(b) })
            .copied()
            .collect()
    };
    let spelled = |bytes: &[u8], before: &str| -> String {
        bytes.iter().map(|byte| format!("{before}{byte:02x}")).collect()
    };
    let packed = wrap::gzip(&mut rng, &noise);
    let data = slashed(&packed);
    for blanks in 0..12 {
        let name = [&b" ".repeat(blanks), &b"\"secret_access_key\": \""[..]].concat();
        finds(&engine, &[b"{\"data\":\"", &data[..], b"\",", &name, &escaped(&key, 3), b"\"}"].concat());
    }
    for (before, other) in [("%", "\\x"), ("\\x", "%")] {
        for between in (70..220).step_by(7) {
            let text = b"and more text ".iter().cycle().take(between).copied().collect::<Vec<u8>>();
            let (gzip, token) = (spelled(&packed, before), spelled(&token, other));
            let content = [gzip.as_bytes(), b" ", &text, b" key=", token.as_bytes(), b"\n"].concat();
            for flow in [outbound(), Flow::at_rest()] {
                let run = run::run(&engine, &flow, &content, &split::whole(content.len()));
                assert_eq!(run.findings().count(), 1, "{before}, {between} bytes, {flow:?}");
            }
        }
    }
}

/// The first byte of xz's magic number as `%fD`, in noise that is passed over.
#[test]
fn an_escape_of_both_cases_in_noise() {
    let mut rng = Rng::new(213);
    let mut rule = Rule::new("token", "acme_", "acme_[0-9A-Za-z]{16}");
    rule.confidence = Confidence::High;
    let engine = Engine::builder().rules([rule]).build().expect("a rule compiles");
    let token = [b"acme_", &rng.text(keys::BASE62, 16)[..]].concat();
    let packed = wrap::xz(&token);
    let mut high = |n: usize| -> Vec<u8> { rng.bytes(n).iter().map(|byte| byte | 0x80).collect() };
    for first in ["%fD", "%Fd", "%fd", "%FD"] {
        let rest =
            packed[1..].iter().flat_map(|b| if *b == b'%' { &b"%25"[..] } else { std::slice::from_ref(b) });
        let rest: Vec<u8> = rest.copied().collect();
        let content = [&high(700)[..], first.as_bytes(), &rest, &high(300)].concat();
        finds(&engine, &wrap::base64(&content, false, false));
        let digits: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
        finds(&engine, digits.as_bytes());
        let content = [first.as_bytes(), &rest, &high(60)].concat();
        finds(&engine, &wrap::base64(&content, false, false));
    }
}

/// A long value with one escape, wherever it stands: the candidate that failed was kept only if the escape stood near its end.
#[test]
fn one_escape_anywhere_in_a_long_value() {
    let mut rng = Rng::new(202);
    for len in [20, 57, 70, 128, 400] {
        let value = rng.text(keys::BASE62, len);
        let engine = support::engine(std::slice::from_ref(&value), Limits::default());
        for at in (0..len).step_by(len / 20) {
            finds(&engine, &[b"{\"v\": \"", &escaped(&value, at)[..], b"\"}"].concat());
            finds(&engine, &escaped(&value, at));
        }
    }
}

/// A value in digits of both cases was left to the needles of the parent, which know one case each.
#[test]
fn hexadecimal_digits_of_both_cases() {
    let mut rng = Rng::new(203);
    let value = rng.text(keys::BASE62, 32);
    let engine = support::engine(std::slice::from_ref(&value), Limits::default());
    let lower: String = value.iter().map(|b| format!("{b:02x}")).collect();
    let mixed: String =
        lower.chars().enumerate().map(|(i, c)| if i % 3 == 0 { c.to_ascii_uppercase() } else { c }).collect();
    for digits in [lower.clone(), lower.to_uppercase(), mixed] {
        for before in ["", "digest: ", "0x", "aA0", "%20", "\\n", "\\u00200x"] {
            let content = format!("{before}{digits}\n");
            in_any_chunks(&engine, content.as_bytes(), |run| {
                assert_eq!(run.findings().count(), 1, "{before} once");
            });
        }
    }
}

/// The lane of zlib at the beginning of content began behind bytes that had left.
#[test]
fn zlib_is_held_from_its_first_byte() {
    let mut rng = Rng::new(204);
    let token = keys::github(&mut rng, "ghp_");
    let engine = support::engine(&[], Limits::default());
    let packed = wrap::zlib(&mut rng, &[b"token ", &token[..], b"\n"].concat());
    finds(&engine, &packed);
    finds(&engine, &wrap::gzip(&mut rng, &packed));
    finds(&engine, &[b"{\"z\": \"", &wrap::base64(&packed, false, true)[..], b"\"}"].concat());
    // What begins as zlib does and is none leaves as soon as that is seen.
    let mut stream = engine.stream(outbound());
    assert_eq!(stream.push(b"x").through(), Some(0));
    assert_eq!(stream.push(b" ").through(), Some(2));
}

/// Magic numbers of which some or all bytes are written as escapes.
#[test]
fn magic_numbers_in_escapes() {
    let mut rng = Rng::new(205);
    let token = keys::github(&mut rng, "ghp_");
    let engine = support::engine(&[], Limits::default());
    let content = [b"token ", &token[..], b"\n"].concat();
    for packed in [
        wrap::gzip(&mut rng, &content),
        wrap::zstd(&mut rng, &content),
        wrap::zip(&mut rng, &content),
        wrap::xz(&content),
    ] {
        let python: String = packed
            .iter()
            .map(|b| match b {
                b'\\' | b'\'' => format!("\\{}", *b as char),
                b' '..=b'~' => char::from(*b).to_string(),
                _ => format!("\\x{b:02x}"),
            })
            .collect();
        let all: String = packed.iter().map(|b| format!("%{b:02X}")).collect();
        for text in [python, all] {
            finds(&engine, format!("data = b'{text}'\n").as_bytes());
        }
    }
    // Token characters of the magic number in escapes.
    let packed = wrap::zip(&mut rng, &content);
    let rest: String = packed[2..].iter().map(|b| format!("={b:02X}")).collect();
    finds(&engine, format!("x\nP=4B{rest}\n").as_bytes());
    // One escape, and the rest as it is.
    let packed = wrap::gzip(&mut rng, &content);
    finds(&engine, &[b"\\x1f", &packed[1..]].concat());
}

/// A stored entry that says to be shorter than it is cut a container in it in two; the parent took it for examined.
#[test]
fn a_container_that_its_entry_cuts_is_not_clean() {
    let mut rng = Rng::new(206);
    let engine = support::engine(&[], Limits::default());
    let token = keys::github(&mut rng, "ghp_");
    let packed = wrap::gzip(&mut rng, &[&rng_text(7), &token[..]].concat());
    let shown = 12;
    let mut entry = wrap::zip_entry(b"a", &packed[..shown], &packed[..shown], 0);
    entry.extend(&packed[shown..]);
    in_any_chunks(&engine, &entry, |run| {
        assert!(run.findings().count() > 0 || is_opaque(run, OpaqueReason::Truncated));
    });
}

/// An entry that says to be empty hid its deflated body.
#[test]
fn an_entry_that_says_to_be_empty_is_not_clean() {
    let mut rng = Rng::new(207);
    let engine = support::engine(&[], Limits::default());
    let token = keys::github(&mut rng, "ghp_");
    let body = wrap::deflate(&mut rng, &[&rng_text(9), &token[..]].concat());
    let entry = [wrap::zip_entry(b"a", b"", b"", 8), body].concat();
    in_any_chunks(&engine, &entry, |run| assert!(is_opaque(run, OpaqueReason::Corrupt)));
    // One that is empty, as archives have them.
    let empty = wrap::zip_entry(b"a/", b"", b"", 8);
    for next in [&b""[..], &wrap::zip_entry(b"b", b"x", b"x", 0), b"PK\x01\x02and so on"] {
        let content = [&empty[..], next].concat();
        in_any_chunks(&engine, &content, |run| assert!(run.coverage.is_complete()));
    }
}

/// A match from beyond the window was read from what libzstd's memory held there, and a program that decodes the frame at once read the token.
#[test]
fn a_zstd_frame_that_is_read_in_two_ways_is_not_clean() {
    let mut rng = Rng::new(208);
    let engine = support::engine(&[], Limits::default());
    let token = keys::github(&mut rng, "ghp_");
    let frame = zstd::beyond_window(&mut rng, &token);
    let after_another = [&wrap::zstd(&mut rng, b"harmless text")[..], &frame].concat();
    for content in [
        &frame[..],
        &[&b"see: "[..], &frame, b" and more"].concat(),
        &after_another,
        &wrap::base64(&frame, false, true),
        &wrap::gzip(&mut rng, &frame),
        &wrap::zip_entry(b"a", &frame, &frame, 0),
        &wrap::zip_entry(b"a", &frame, &frame, 93),
    ] {
        in_any_chunks(&engine, content, |run| {
            assert!(is_opaque(run, OpaqueReason::Corrupt), "{}", lossy(content));
            assert!(run.last.is_block());
        });
    }
}

fn rng_text(seed: u64) -> Vec<u8> {
    wrap::text(&mut Rng::new(seed))
}

fn is_opaque(run: &run::Run, reason: OpaqueReason) -> bool {
    run.opaques().any(|opaque| opaque.reason() == reason)
}

/// Of two candidates that end at the same escape, the one that is only reported dropped the hold of the one that blocks.
#[test]
fn the_hold_of_the_stricter_candidate_stays() {
    let mut rng = Rng::new(208);
    let value = rng.text(keys::BASE62, 40);
    let engine = support::engine(std::slice::from_ref(&value), Limits::default());
    for at in [14, 20, 39] {
        finds(&engine, &[b"https://secret_access_key: ", &escaped(&value, at)[..], b"@host/"].concat());
    }
}

/// A match as it stands hid a surer one of the same range where escapes are undone.
#[test]
fn what_is_surer_is_told_of_also_where_it_is_unescaped() {
    let mut rule = Rule::new("percent", "TOK-", "TOK-[A-Za-z0-9%]{20,90}=[0-9A-F]{8}");
    rule.checksum = Some(Checksum::Crc32UpperHex);
    rule.confidence = Confidence::Medium;
    let engine = Engine::builder().rules(vec![rule]).build().unwrap();
    let body = [b"TOK-", &Rng::new(209).text(keys::BASE62, 30)[..], b"="].concat();
    let sum = format!("{:08X}", crc32fast::hash(&body));
    let spelled = [&body[..9], format!("%{:02X}", body[9]).as_bytes(), &body[10..], sum.as_bytes()].concat();
    in_any_chunks(&engine, &[b"q=", &spelled[..], b" "].concat(), |run| {
        assert!(run.findings().any(|found| found.proof() == Proof::Verified));
        assert!(run.last.is_block());
    });
}

/// A run that was folded was decoded line by line: of an archive in it no more than the first line was seen.
#[test]
fn folded_runs() {
    let mut rng = Rng::new(210);
    let token = keys::github(&mut rng, "ghp_");
    let engine = support::engine(&[], Limits::default());
    let content = [&rng_text(11)[..], b" ", &token, b" ", &rng_text(12)].concat();
    let packed = [wrap::gzip(&mut rng, &content), wrap::zlib(&mut rng, &content), content.clone()];
    for inner in packed {
        let digits: String = inner.iter().map(|b| format!("{b:02x}")).collect();
        for run in [wrap::base64(&inner, false, true), digits.into_bytes()] {
            for width in [40, 61, 64, 76] {
                for between in
                    ["\n", "\r\n", "\\n", "\\r\\n", "\\\n", "\n    ", "%0A", "%0D%0A", "&#10;", "\\\\n"]
                {
                    let folded = run.chunks(width).collect::<Vec<_>>().join(between.as_bytes());
                    finds(&engine, &[b"body:\n\n", &folded[..], b"\nand"].concat());
                }
            }
        }
    }
    // Another text begins on a line of its own.
    let other = wrap::base64(&wrap::zlib(&mut rng, &content), false, true);
    let before = wrap::base64(&rng.text(keys::BASE62, 30), false, true);
    finds(&engine, &[&before[..], b"\n", &other].concat());
}

/// Content as a zip entry holds it, in Huffman codes, so that nothing of it stands as it is.
fn deflated(rng: &mut Rng, content: &[u8]) -> Vec<u8> {
    loop {
        let body = wrap::deflate(rng, content);
        if body[0] & 6 != 0 {
            return body;
        }
    }
}

/// Receivers read version, flags and method from the central directory: a local header that lies about them was dismissed.
#[test]
fn zip_headers_that_lie() {
    let mut rng = Rng::new(211);
    let engine = support::engine(&[], Limits::default());
    let content = [&rng_text(13)[..], b" ", &keys::github(&mut rng, "ghp_")].concat();
    let body = deflated(&mut rng, &content);
    let said = |content: &[u8]| {
        in_any_chunks(&engine, content, |run| {
            assert!(run.findings().count() > 0 || !run.coverage.is_complete(), "called clean");
        });
    };
    let entry = wrap::zip_entry(b"a.txt", &body, &content, 8);
    for (at, byte) in [(4, 64), (6, 0x80), (8, 0x77)] {
        let mut lying = entry.clone();
        lying[at] = byte;
        said(&[lying, wrap::zip_directory(std::slice::from_ref(&entry))].concat());
    }
    said(&wrap::zip_entry(&[b'a'; 4097], &body, &content, 8));
    let first = wrap::zip_entry(b"first", b"x", b"x", 0);
    // Sizes that are wrong, under a name that cannot be shown.
    let directory = wrap::zip_directory(&[first.clone(), wrap::zip_entry(b"a\tb", &body, &content, 8)]);
    said(&[&first[..], &wrap::zip_entry(b"a\tb", b"", b"", 8), &body, &directory].concat());
    said(&[&first[..], &wrap::zip_entry(b"a\tb", &body[..1], b"zzzz", 8), &body[1..], &directory].concat());
    // A stored entry that ends inside the beginning of the next one.
    for shown in [1, 2, 3, 4, 10, 29] {
        said(&[&wrap::zip_entry(b"x", &entry[..shown], &entry[..shown], 0)[..], &entry[shown..]].concat());
    }
    let packed = wrap::gzip(&mut rng, &content);
    for shown in [1, 2, 3, 9] {
        said(&[&wrap::zip_entry(b"x", &packed[..shown], &packed[..shown], 0)[..], &packed[shown..]].concat());
    }
}

/// A name that is a key in another spelling was shown.
#[test]
fn names_in_other_spellings_are_masked() {
    let mut rng = Rng::new(212);
    let engine = support::engine(&[], Limits::default());
    let token = keys::github(&mut rng, "ghp_");
    let hex: String = token.iter().map(|b| format!("{b:02x}")).collect();
    let percent: String = token.iter().map(|b| format!("%{b:02X}")).collect();
    let base64 = wrap::base64(&token, false, false);
    let base32 = wrap::base32(&token, wrap::BASE32, false);
    let spellings = [
        base64.clone(),
        hex.into_bytes(),
        percent.into_bytes(),
        wrap::base64(&base64, true, false),
        base32.to_ascii_lowercase(),
        wrap::base32(&token, wrap::BASE32HEX, false),
        wrap::base58(&token),
    ];
    for name in spellings {
        let entry = wrap::zip_entry(&name, b"", b"", 0);
        let content = [&wrap::zip_entry(&name, &token, &token, 0)[..], &entry].concat();
        in_any_chunks(&engine, &content, |run| {
            assert!(run.events.len() > 1);
            for (_, path) in &run.events {
                assert!(!path.as_bytes().windows(name.len()).any(|part| part == name), "a name is shown");
            }
        });
    }
}

/// An edit went over the line break of folded base64.
#[test]
fn redaction_keeps_line_breaks() {
    let mut rng = Rng::new(213);
    let engine = support::engine(&[], Limits::default());
    let token = keys::github(&mut rng, "ghp_");
    let text = [&[b'w'; 40][..], b" ", &token, b" ", &[b'z'; 60]].concat();
    let run = wrap::base64(&text, false, true);
    let folded = run.chunks(60).flat_map(|line| [line, b"\n"].concat()).collect::<Vec<u8>>();
    let run = run::run(&engine, &outbound().editable(), &folded, &split::whole(folded.len()));
    let breaks = |bytes: &[u8]| bytes.iter().filter(|b| **b == b'\n').count();
    assert!(run.last.is_block() || breaks(&run.sent) == breaks(&folded));
}

/// The offset of a stream that had lost nearly 2^64 bytes overflowed.
#[test]
fn gaps_that_are_too_long() {
    let engine = support::engine(&[], Limits::default());
    for len in [u64::MAX, 1 << 62, (1 << 62) + 1] {
        let mut stream = engine.stream(outbound());
        let _ = stream.push(b"x");
        assert!(stream.gap(len).is_block());
        assert!(stream.push(&[b'x'; 200]).is_block());
        assert!(stream.finish().is_block());
    }
}

/// What stood behind the end of a declared coding without a mark of its own was neither decoded nor reported.
#[test]
fn nothing_may_follow_a_declared_coding() {
    let mut rng = Rng::new(214);
    let engine = support::engine(&[], Limits::default());
    let token = [&b"token ".repeat(40)[..], &keys::github(&mut rng, "ghp_")].concat();
    let harmless = b"harmless ".repeat(40);
    for (coding, streams) in [
        ("br", [wrap::brotli(&mut rng, b"harmless"), wrap::brotli(&mut rng, &token)]),
        ("deflate", [deflated(&mut rng, &harmless), deflated(&mut rng, &token)]),
        ("deflate", [wrap::zlib(&mut rng, b"harmless"), wrap::zlib(&mut rng, &token)]),
    ] {
        let content = streams.concat();
        for chunks in chunkings(content.len()) {
            let flow = outbound().content_encoding(coding.as_bytes());
            let run = run::run(&engine, &flow, &content, &chunks);
            assert!(is_opaque(&run, OpaqueReason::Corrupt) && run.last.is_block(), "{coding}");
            let first = &streams[0];
            let run = run::run(&engine, &flow, first, &split::every(first.len(), 3));
            assert!(run.coverage.is_complete() && !run.last.is_block(), "{coding}");
        }
    }
}

/// A rule with wildcards kept runs from being told by a glance. What a glance does not see, no lane may find in one chunking and not in the other.
#[test]
fn a_wildcard_is_text_where_characters_spell_it() {
    let mut rng = Rng::new(202);
    let token = rng.text(keys::BASE62, 20);
    let mut rule = Rule::new("wild", "acm:", "acm:.acm:[0-9A-Za-z]{20}");
    rule.confidence = Confidence::High;
    let engine = Engine::builder().rules([rule]).build().expect("the rule compiles");
    let with = |wildcard: u8| [b"acm:", &[wildcard][..], b"acm:", &token].concat();
    let (text, other) = (with(b'.'), with(0xff));
    for padding in [0, 5, 2000] {
        // Nothing but bytes that are no text.
        let around: Vec<u8> = (0..padding).map(|at| 0x80 | (at % 97) as u8).collect();
        let content = |value: &[u8]| [&around[..], value, &around].concat();
        let spelled = |value: &[u8]| [b"(", &wrap::base64(&content(value), false, true)[..], b") "].concat();
        for value in [&text, &other] {
            finds(&engine, &content(value));
        }
        finds(&engine, &spelled(&text));
        in_any_chunks(&engine, &spelled(&other), |run| assert_eq!(run.findings().count(), 0, "{padding}"));
    }
}
