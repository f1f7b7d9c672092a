//! Faults that were there once, each under the name of its cause.

use exfilter_engine::{
    Action, Authority, Binding, Engine, Flow, HostPattern, KnownSecrets, Limits, OpaqueReason, Policy, Rule,
    Slot, StoreKey,
};
use exfilter_testing::{Rng, forms, keys, run, split, wrap};

use crate::laws::outbound;
use crate::support;

mod archives;
mod codes;
mod fixtures;
mod formats;
mod framing;
mod guesses;
mod lanes;
mod listing;
mod tokens;
mod wide;

/// An anchor says where its needle would begin. Where the bytes in between cannot be the needle's, that place may have been released long ago,
/// and `through` ran backwards to it.
#[test]
fn an_anchor_behind_what_cannot_be_its_needle() {
    let mut rng = Rng::new(91);
    let values: Vec<Vec<u8>> = ["sk-live-", "ghp_", ""]
        .map(|prefix| [prefix.as_bytes(), &rng.text(keys::BASE62, 32)].concat())
        .to_vec();
    let engine = support::engine(&values, Limits::default());
    for value in &values {
        for form in forms::all() {
            let spelled = form.spell(value);
            for at in 0..spelled.len().min(80) {
                // Of what may stand in front two of the five in turn: each meets each form in most places.
                for before in
                    [&b"    "[..], b"text \"", b"\0\0\0", b"a", b"=\0"].iter().cycle().skip(2 * at).take(2)
                {
                    let content = [&b" ".repeat(200)[..], before, &spelled[at..], b" and more"].concat();
                    let run = run::run(&engine, &outbound(), &content, &split::every(content.len(), 1));
                    let through: Vec<_> = run.verdicts.iter().filter_map(|v| v.1.through()).collect();
                    assert!(through.is_sorted(), "{form:?} from {at} on");
                }
            }
        }
    }
}

fn at(slot: &str) -> Flow {
    let authority = Authority::parse(b"https://api.example.com").unwrap();
    Flow::outbound(authority).slot(Slot::parse(slot.as_bytes()).unwrap())
}

/// An engine with the test rules, a secret that is at home in the password of a Basic header, and one without a home.
fn with_home(policy: Policy) -> (Engine, Vec<u8>, Vec<u8>) {
    let mut rng = Rng::new(92);
    let (home, other) = (rng.text(keys::BASE62, 32), rng.text(keys::BASE62, 32));
    let mut secrets = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).unwrap());
    let host = HostPattern::parse(b"api.example.com").unwrap();
    let slot = Slot::parse(b"header:authorization:basic.password").unwrap();
    secrets.add("HOME", &home, vec![Binding { host, slot }]).unwrap();
    secrets.add("OTHER", &other, vec![]).unwrap();
    let rules = exfilter_testing::rules::features();
    (Engine::builder().rules(rules).known_secrets(secrets).policy(policy).build().unwrap(), home, other)
}

fn basic(pair: &[u8]) -> Vec<u8> {
    [b"Basic ", &wrap::base64(pair, false, true)[..]].concat()
}

/// The home of one part of a header was the whole header, so what stood beside it was let through.
#[test]
fn a_home_is_no_home_for_its_neighbours() {
    let (engine, home, other) = with_home(Policy::default());
    let is_blocked = |header: &[u8]| {
        let chunks = split::whole(header.len());
        run::run(&engine, &at("header:authorization"), header, &chunks).last.is_block()
    };
    assert!(!is_blocked(&basic(&[b"someone:", &home[..]].concat())));
    assert!(is_blocked(&basic(&[&other[..], b":", &home].concat())));
    let token = keys::github(&mut Rng::new(93), "ghp_");
    assert!(is_blocked(&[&basic(&[b"uu:", &home[..]].concat())[..], b" ", &token].concat()));
}

/// A value that went on after a whole secret was taken for the secret when the rest came in one piece too long to be kept.
#[test]
fn what_is_too_long_for_a_home_is_not_at_home() {
    let (engine, home, _) = with_home(Policy::default());
    let header = [&basic(&[b"someone:", &home[..]].concat())[..], &[b' '; 9000]].concat();
    let head = header.len() - 9000;
    for chunks in [split::whole(header.len()), split::two(header.len(), head), split::every(header.len(), 64)]
    {
        assert!(run::run(&engine, &at("header:authorization"), &header, &chunks).last.is_block());
    }
}

/// Findings that waited for the end of a slot were kept without a limit.
#[test]
fn a_slot_full_of_findings_is_no_home() {
    let (engine, home, other) = with_home(Policy::default());
    let many = [&other[..], b" "].concat().repeat(4000);
    let pair = [&b"someone:"[..], &home].concat();
    // Compressed, the header stays under the length that is kept.
    let header = [&basic(&pair)[..], b" ", &wrap::gzip(&mut Rng::new(94), &many)].concat();
    assert!(header.len() < 8000);
    for chunks in [split::whole(header.len()), split::every(header.len(), 1)] {
        let mut stream = engine.stream(at("header:authorization"));
        let mut rest = &header[..];
        for len in chunks {
            let _ = stream.push(&rest[..len]);
            rest = &rest[len..];
            assert!(stream.memory() < 512 << 10, "{}", stream.memory());
        }
        assert!(stream.finish().is_block());
    }
}

/// What a stream was not shown after `discard` still counted as examined.
#[test]
fn what_is_discarded_is_not_examined() {
    let (engine, _, other) = with_home(Policy::default());
    let mut stream = engine.stream(outbound());
    assert!(stream.push(&[&other[..], b" and so on ", &[b'.'; 300]].concat()).is_block());
    assert!(stream.coverage().is_complete());
    stream.discard();
    assert!(stream.push(b"more").is_block());
    assert!(!stream.coverage().is_complete());
    assert!((4..80).contains(&stream.coverage().discarded));
}

/// A name that a global header gives to every member was shown although a key stood in that header.
#[test]
fn a_key_in_a_global_header_is_masked_in_names() {
    let mut rng = Rng::new(95);
    let (first, second) = (keys::github(&mut rng, "ghp_"), keys::github(&mut rng, "ghp_"));
    let record = |len: usize| [format!("{len} path=").as_bytes(), &first, b"\n"].concat();
    let records = record(record(10).len());
    let mut archive = wrap::tar(&[(&b"pax"[..], &records[..]), (b"a", &[&second[..], b"\n"].concat())]);
    archive[156] = b'g';
    let sum: u32 =
        archive[..148].iter().chain(&[b' '; 8]).chain(&archive[156..512]).map(|b| u32::from(*b)).sum();
    archive[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let engine = support::engine(&[], Limits::default());
    for chunks in [split::whole(archive.len()), split::every(archive.len(), 1)] {
        let run = run::run(&engine, &outbound(), &archive, &chunks);
        let paths: Vec<_> = run.events.iter().map(|(_, path)| path.to_string()).collect();
        assert_eq!(paths, ["", "<masked>"]);
    }
}

/// A value with a gap in it was still taken for a whole one.
#[test]
fn a_gap_leaves_nothing_at_home() {
    let mut policy = Policy::default();
    policy.opaque(OpaqueReason::Gap, Action::Report);
    let (engine, home, _) = with_home(policy);
    let mut stream = engine.stream(at("header:authorization"));
    let _ = stream.push(&basic(&[b"uu:", &home[..]].concat()));
    let _ = stream.gap(10);
    assert!(stream.finish().is_block());
}

/// The length of a gap was added without care.
#[test]
fn a_gap_of_any_length() {
    let engine = support::engine(&[], Limits::default());
    let mut stream = engine.stream(outbound());
    let _ = stream.push(b"before");
    assert!(stream.gap(u64::MAX).is_block());
    assert!(stream.finish().is_block());
}

/// A frame over the window limit was taken for a chance magic number unless the content began with it.
#[test]
fn a_large_window_is_reported_wherever_the_frame_stands() {
    let mut limits = Limits::default();
    limits.window = 1 << 18;
    let engine = support::engine(&[], limits);
    // No flags, and a window descriptor of 128 MiB (exponent 17 over 2^10); blocks of 128 KiB of one letter.
    let frame = [&b"\x28\xb5\x2f\xfd\x00\x88"[..], &b"\x02\0\x10x".repeat(4)].concat();
    for before in [&b""[..], b"--boundary\r\n\r\n"] {
        let content = [before, &frame].concat();
        for chunks in [split::whole(content.len()), split::every(content.len(), 1)] {
            let run = run::run(&engine, &outbound(), &content, &chunks);
            assert!(run.opaques().any(|o| o.reason() == OpaqueReason::WindowTooLarge));
            assert!(run.last.is_block());
        }
    }
}

/// Programs that know Zstandard hold its magic number as a constant, and code follows it. What that code would have to be read as was
/// reported: a window of gigabytes, a dictionary, or one stored block.
#[test]
fn a_magic_number_in_a_program_is_no_frame() {
    let engine = support::engine(&[], Limits::default());
    for code in [
        &b"\x75\xe9\x0f\xb6\x57\x04\x48\x8d\x0d"[..],
        b"\x0f\x84\x5a\x01\x00\x00\x8b\x07\x83",
        b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff",
        b"\x00\x00\x08\x00\x00\x90\xff\xff\xff",
    ] {
        let content = [&b"text \x28\xb5\x2f\xfd"[..], code, &[0x90; 200]].concat();
        for chunks in [split::whole(content.len()), split::every(content.len(), 1)] {
            let run = run::run(&engine, &outbound(), &content, &chunks);
            assert_eq!(run.opaques().count(), 0, "{code:02x?}");
            assert!(!run.last.is_block());
        }
    }
}

/// A magic number that a program writes in escapes was taken for the beginning of a container.
#[test]
fn a_magic_number_in_escapes_is_no_container() {
    let engine = support::engine(&[], Limits::default());
    for magic in [&br"\x1f\x8b\x08\0\0"[..], br"\x28\xb5\x2f\xfd", b"%1F%8B%08%00", b"=28=B5/=FD"] {
        let content = [b"const MAGIC: &[u8] = b\"", magic, b"\";\nand more of it, as it comes\n"].concat();
        for chunks in [split::whole(content.len()), split::every(content.len(), 1)] {
            let run = run::run(&engine, &outbound(), &content, &chunks);
            assert_eq!(run.opaques().count(), 0);
            assert!(!run.last.is_block());
        }
    }
}

/// What a zip archive only stores was decoded once in the archive and once in the entry.
#[test]
fn a_stored_entry_begins_its_containers_once() {
    let mut rng = Rng::new(96);
    let engine = support::engine(&[], Limits::default());
    let content = [&keys::github(&mut rng, "ghp_")[..], b"\n"].concat();
    let inner = wrap::gzip(&mut rng, &content);
    let mut archive = b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0".to_vec();
    archive.extend(crc32fast::hash(&inner).to_le_bytes());
    archive.extend([(inner.len() as u32).to_le_bytes(), (inner.len() as u32).to_le_bytes()].concat());
    archive.extend([b"\x04\0\0\0a.gz", &inner[..], b"PK\x01\x02 and so on"].concat());
    for chunks in [split::whole(archive.len()), split::every(archive.len(), 1)] {
        let run = run::run(&engine, &outbound(), &archive, &chunks);
        let paths: Vec<_> = run.events.iter().map(|(_, path)| path.to_string()).collect();
        assert_eq!(paths, ["a.gz > gzip"]);
    }
}

/// A gzip header that yields nothing excused the fault of a container beside it.
#[test]
fn a_header_alone_covers_nothing() {
    let engine = support::engine(&[], Limits::default());
    let idle = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\xff\xff";
    // A compressed block, then one of the reserved type.
    let mut broken = vec![0; 1000];
    let len = zstd_safe::compress(&mut broken[..], &b"hello ".repeat(100), 3).unwrap();
    broken.truncate(len);
    // Magic number, descriptor, two bytes of size; then the header of the only block, which shall not be the last one.
    assert_eq!((broken[4], broken[7] & 7), (0x60, 5));
    broken[7] &= !1;
    broken.extend(b"\x06\0\0");
    let content = [&b"text "[..], idle, &broken, &[b'.'; 200]].concat();
    let run = run::run(&engine, &outbound(), &content, &split::whole(content.len()));
    assert!(run.opaques().any(|o| o.reason() == OpaqueReason::Corrupt));
    assert!(run.last.is_block());
}

/// A rule that is too large to run, and that nobody had checked, never matched and said nothing.
#[test]
fn a_rule_too_large_to_run_is_not_silent() {
    let pattern = "tok_(?:[a-z]{1,40}[0-9]?[a-z]{1,40}-?){1,20}zz";
    let engine = Engine::builder().rules([Rule::new("large", "tok_", pattern)]).build().unwrap();
    let run = run::run(&engine, &outbound(), b"tok_abcdefghijklmnopzz ", &split::whole(23));
    assert!(run.opaques().any(|o| o.reason() == OpaqueReason::Internal));
    assert!(run.last.is_block());
    let error = Engine::builder().rules([Rule::new("large", "tok_", pattern)]).eager(true).build();
    assert!(error.is_err());
}
