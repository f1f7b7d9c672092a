//! Packs that git made, compared object by object with what git says of them, and packs that no git makes.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use exfilter_codec::pack::{self, Pack};
use exfilter_codec::{Decoder, Fault, Member};
use proptest::prelude::*;
use sha1::{Digest as _, Sha1};

use crate::support::{End, Rng, assert_can_be_sent, blind, cases, cut, lens, resets, run};

const KEPT: u64 = 16 << 20;

fn new() -> Pack {
    Pack::new(KEPT, 1000)
}

/// Objects as they come out: name, whether whole, content.
type Objects = Vec<(String, bool, Vec<u8>)>;

fn objects(pack: &[u8], lens: &[usize], cap: usize, kept: u64) -> (Objects, End) {
    let mut decoder = Pack::new(kept, 1000);
    let run = run(&mut decoder, cut(pack, lens), cap);
    let members: Vec<Member> = decoder.members().expect("a pack has members").drain(..).collect();
    let ends = members.iter().skip(1).map(|member| member.at).chain([run.out.len() as u64]);
    let objects = members.iter().zip(ends).map(|(member, end)| {
        (member.name.clone(), member.whole, run.out[member.at as usize..end as usize].to_vec())
    });
    (objects.collect(), run.end)
}

fn all(pack: &[u8]) -> (Objects, End) {
    objects(pack, &[pack.len().max(1)], usize::MAX, KEPT)
}

// Packs by hand.

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

/// The header of an object of a type and size.
fn header(kind: u8, size: usize) -> Vec<u8> {
    let mut out = vec![kind << 4 | (size & 15) as u8];
    let mut rest = size >> 4;
    while rest > 0 {
        *out.last_mut().expect("it has a byte") |= 0x80;
        out.push((rest & 0x7f) as u8);
        rest >>= 7;
    }
    out
}

fn object(kind: u8, content: &[u8]) -> Vec<u8> {
    [header(kind, content.len()), zlib(content)].concat()
}

fn ref_delta(base: &[u8], delta: &[u8]) -> Vec<u8> {
    [header(7, delta.len()), base.to_vec(), zlib(delta)].concat()
}

fn ofs_delta(distance: u64, delta: &[u8]) -> Vec<u8> {
    let mut bytes = vec![(distance & 0x7f) as u8];
    let mut rest = distance >> 7;
    while rest > 0 {
        rest -= 1;
        bytes.insert(0, (rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    [header(6, delta.len()), bytes, zlib(delta)].concat()
}

fn varint(mut n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = (n & 0x7f) as u8;
        n >>= 7;
        out.push(if n > 0 { byte | 0x80 } else { byte });
        if n == 0 {
            return out;
        }
    }
}

/// A delta that copies all of a base of `len` bytes and appends `tail`.
fn appending(len: usize, tail: &[u8]) -> Vec<u8> {
    let mut out = [varint(len), varint(len + tail.len())].concat();
    let mut at = 0;
    while at < len {
        let n = (len - at).min(0xffff);
        out.push(0xbf);
        out.extend_from_slice(&(at as u32).to_le_bytes());
        out.extend_from_slice(&(n as u16).to_le_bytes());
        at += n;
    }
    for piece in tail.chunks(127) {
        out.push(piece.len() as u8);
        out.extend_from_slice(piece);
    }
    out
}

fn seal(count: u32, objects: &[Vec<u8>]) -> Vec<u8> {
    let mut out = [&b"PACK\0\0\0\x02"[..], &count.to_be_bytes(), &objects.concat()].concat();
    let sum = Sha1::digest(&out);
    out.extend_from_slice(&sum);
    out
}

fn id(kind: &str, content: &[u8]) -> Vec<u8> {
    Sha1::digest([format!("{kind} {}\0", content.len()).as_bytes(), content].concat()).to_vec()
}

fn name(kind: &str, content: &[u8]) -> String {
    let id = id(kind, content);
    format!("{kind} {:02x}{:02x}{:02x}{:02x}", id[0], id[1], id[2], id[3])
}

#[test]
fn objects_come_out_with_their_names() {
    let pack = seal(3, &[object(3, b"hello\n"), object(1, b"tree 0\n\nmessage\n"), object(3, b"")]);
    assert!(pack::starts(&pack));
    let (objects, end) = all(&pack);
    assert_eq!(end, End::At(pack.len() as u64));
    let expected = [("blob", &b"hello\n"[..]), ("commit", b"tree 0\n\nmessage\n"), ("blob", b"")];
    assert_eq!(objects, expected.map(|(kind, content)| (name(kind, content), true, content.to_vec())));
}

#[test]
fn a_delta_may_come_before_its_base() {
    let base = b"a line that stands in both\n".repeat(9);
    let first = [&base[..], b"and one more\n"].concat();
    let second = [&first[..], b"and another\n"].concat();
    let deltas = [appending(first.len(), b"and another\n"), appending(base.len(), b"and one more\n")];
    let pack = seal(
        3,
        &[
            ref_delta(&id("blob", &first), &deltas[0]),
            ref_delta(&id("blob", &base), &deltas[1]),
            object(3, &base),
        ],
    );
    let (objects, end) = all(&pack);
    assert_eq!(end, End::At(pack.len() as u64));
    let expected = [&base, &first, &second].map(|content| (name("blob", content), true, content.clone()));
    assert_eq!(objects, expected);
    blind(new, &pack, &[5, 1, 40], 7);
}

#[test]
fn what_has_no_base_is_what_it_inserts() {
    let text = b"a token that is new";
    let pack = seal(2, &[ref_delta(&[7; 20], &appending(300, text)), object(3, b"other")]);
    let (objects, end) = all(&pack);
    assert_eq!(end, End::At(pack.len() as u64));
    assert_eq!(objects[0], (name("blob", b"other"), true, b"other".to_vec()));
    assert_eq!(objects[1], ("delta at 12".into(), false, [&b"\n"[..], text].concat()));
    // Nothing may be kept: what waits is handed out at once, and a base is gone.
    let pack = seal(2, &[object(3, b"0123456789"), ofs_delta(19, &appending(10, text))]);
    let (objects, _) = objects_without_room(&pack);
    assert!(!objects[1].1);
    assert_eq!(objects[1].2, [&b"\n"[..], text].concat());
}

fn objects_without_room(pack: &[u8]) -> (Objects, End) {
    objects(pack, &[pack.len()], usize::MAX, 0)
}

#[test]
fn cycles_end_as_deltas_without_bases() {
    let (a, b) = ([1; 20], [2; 20]);
    let pack = seal(2, &[ref_delta(&a, &appending(10, b"one")), ref_delta(&b, &appending(10, b"two"))]);
    let (objects, end) = all(&pack);
    assert_eq!(end, End::At(pack.len() as u64));
    assert!(objects.iter().all(|(_, whole, _)| !whole), "{objects:?}");
}

/// A chain of the greatest depth that git makes, each delta on the one before.
#[test]
fn a_chain_of_4095_deltas_is_carried_out() {
    let mut content = b"the first line\n".to_vec();
    let mut objects = vec![object(3, &content)];
    for n in 0..4095 {
        let tail = format!("{n}\n").into_bytes();
        let delta = appending(content.len(), &tail);
        let distance = objects.last().expect("it is not empty").len() as u64;
        objects.push(ofs_delta(distance, &delta));
        content.extend(tail);
    }
    let pack = seal(4096, &objects);
    let mut decoder = Pack::new(KEPT, 5000);
    let run = run(&mut decoder, [&pack[..]], 64 << 10);
    assert_eq!(run.end, End::At(pack.len() as u64));
    let members = decoder.members().expect("a pack has members");
    assert!(members.iter().all(|member| member.whole) && members.len() == 4096);
    assert!(run.out.ends_with(&content));
}

#[test]
fn what_breaks_the_format_is_corrupt_after_all_that_came_before() {
    let whole = object(3, b"hello, this is whole");
    let longer = [header(3, 30), zlib(b"shorter than it says")].concat();
    let shorter = [header(3, 3), zlib(b"longer than it says")].concat();
    let mut broken = object(3, b"its checksum does not fit");
    let last = broken.len() - 1;
    broken[last] ^= 1;
    let other_base = ofs_delta(whole.len() as u64, &appending(21, b"x"));
    let reserved = ofs_delta(whole.len() as u64, &[20, 1, 0]);
    let behind = ofs_delta(13 + whole.len() as u64, &appending(20, b"x"));
    let unknown = [header(5, 3), zlib(b"abc")].concat();
    for (what, bad) in [longer, shorter, broken, other_base, reserved, behind, unknown].iter().enumerate() {
        let pack = seal(2, &[whole.clone(), bad.clone()]);
        let run = blind(new, &pack, &[3, 17], 5);
        assert!(matches!(run.end, End::Bad(_, Fault::Corrupt)), "{what}: {:?}", run.end);
        assert!(run.out.starts_with(b"hello, this is whole"), "{what}");
    }
    // The part of a broken object that could be inflated.
    let longer = [header(3, 30), zlib(b"shorter than it says")].concat();
    let (objects, _) = all(&seal(1, &[longer]));
    assert_eq!(objects, [("blob at 12".to_string(), true, b"shorter than it says".to_vec())]);
}

#[test]
fn the_trailer_is_compared_and_ends_the_pack() {
    let pack = seal(1, &[object(3, b"hello")]);
    let mut wrong = pack.clone();
    let last = wrong.len() - 1;
    wrong[last] ^= 1;
    wrong.extend([0; 12]);
    assert!(matches!(all(&wrong).1, End::Bad(_, Fault::Corrupt)));
    let more = [&pack[..], b"what follows is not the pack's"].concat();
    assert_eq!(all(&more).1, End::At(pack.len() as u64));
    let (objects, end) = all(&pack[..pack.len() - 25]);
    assert!(matches!(end, End::Bad(_, Fault::Truncated)), "{objects:?}");
    assert!(!pack::starts(b"PACK\0\0\0\x02\0\0\0\0"));
    assert!(!pack::starts(b"PACK\0\0\0\x04\0\0\0\x01"));
    let many = [&b"PACK\0\0\0\x02"[..], &1001_u32.to_be_bytes()].concat();
    assert!(matches!(all(&many).1, End::Bad(_, Fault::Members)));
}

#[test]
fn large_objects_are_handed_out_as_they_come() {
    let mut rng = Rng(5);
    let large = rng.text(3 << 20);
    let longer = [&large[..], b"and its end"].concat();
    let first = object(3, &large);
    let pack =
        seal(2, &[first.clone(), ofs_delta(first.len() as u64, &appending(large.len(), b"and its end"))]);
    for cap in [1000, usize::MAX] {
        let (objects, end) = objects(&pack, &[4096], cap, KEPT);
        assert_eq!(end, End::At(pack.len() as u64));
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[0].0, "blob at 12");
        assert!(objects[0].2 == large && objects[1].2 == longer);
    }
    // While it is inflated nothing is held, and what is kept is bounded.
    let mut decoder = Pack::new(1 << 20, 10);
    let mut out = Vec::new();
    for chunk in pack[..first.len()].chunks(512) {
        let _ = decoder.decode(chunk, &mut out, usize::MAX);
        assert!(decoder.unreleased() <= 512 && decoder.kept_bytes() <= 1 << 20);
    }
}

#[test]
fn a_pack_is_a_new_one_after_reset() {
    assert_can_be_sent::<Pack>();
    let base = b"some text and more of it ".repeat(8);
    let pack = seal(
        3,
        &[ref_delta(&id("blob", &base), &appending(base.len(), b"z")), object(3, &base), object(2, b"tree")],
    );
    resets(new, Decoder::reset, &pack);
}

proptest! {
    #![proptest_config(cases(200))]

    /// Slices change nothing, whatever breaks.
    #[test]
    fn damage_is_blind_to_slices(seed in any::<u64>(), lens in lens(), flips in 0..3_usize) {
        let mut rng = Rng(seed);
        let base = rng.text(400);
        let other = rng.text(300);
        let tail = rng.text(40);
        let first = object(3, &base);
        let distance = first.len() as u64;
        let mut pack = seal(5, &[
            first,
            ofs_delta(distance, &appending(base.len(), &tail)),
            ref_delta(&id("blob", &other), &appending(other.len(), &tail)),
            ref_delta(&rng.noise(20), &appending(77, &tail)),
            object(1, &other),
        ]);
        for _ in 0..flips {
            let at = rng.below(pack.len());
            pack[at] ^= 1 << rng.below(8);
        }
        blind(new, &pack, &lens, 9);
    }
}

// Packs of git's.

fn git(dir: &Path, args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("HOME", dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("git ends");
    writer.join().expect("the writer does not panic");
    assert!(output.status.success(), "git {args:?}");
    Some(output.stdout)
}

/// A repository with a random history, written by fast-import: files that change a little, tags, names, empty files. None without git.
fn history(dir: &Path, rng: &mut Rng, format: &str) -> Option<()> {
    git(dir, &["init", "-q", "--bare", &format!("--object-format={format}"), "."], b"")?;
    let mut files: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    let mut stream = Vec::new();
    for commit in 1..=3 + rng.below(9) {
        let message = rng.text(30);
        let _ = write!(
            stream,
            "commit refs/heads/main\nmark :{commit}\ncommitter A <a@example.org> {commit} +0000\ndata {}\n",
            message.len()
        );
        stream.extend(message);
        stream.push(b'\n');
        let first = rng.below(6);
        for name in (first..first + 1 + rng.below(4)).map(|name| name % 6) {
            let len = [0, 40, 900, 20_000, 90_000][rng.below(5)];
            let content = files.entry(name).or_insert_with(|| rng.text(len));
            for _ in 0..rng.below(4) {
                let at = rng.below(content.len() + 1);
                let len = rng.below(60);
                let new = rng.text(len);
                content.splice(at..at, new);
            }
            let _ = write!(stream, "M 100644 inline dir{}/file{name}\ndata {}\n", name % 2, content.len());
            stream.extend_from_slice(content);
            stream.push(b'\n');
        }
    }
    stream.extend_from_slice(b"tag v1\nfrom :1\ntagger A <a@example.org> 9 +0000\ndata 5\nfirst\n");
    git(dir, &["fast-import", "--quiet"], &stream)?;
    Some(())
}

/// Every object of the pack, by id, as `git cat-file` shows it.
fn expected(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let format = "--batch=%(objecttype) %(objectname) %(objectsize)";
    let all = git(dir, &["cat-file", "--batch-all-objects", format], b"").expect("git is there");
    let (mut rest, mut objects) = (&all[..], BTreeMap::new());
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(&rest[..end]).expect("it is ASCII");
        let [kind, id, size] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("three words: {line}") };
        let (content, after) = rest[end + 1..].split_at(size.parse().expect("a size"));
        objects.insert(format!("{kind} {}", &id[..8]), content.to_vec());
        rest = &after[1..];
    }
    objects
}

#[test]
fn packs_of_git_hold_what_git_says() {
    let mut deltas = 0;
    for seed in 0..44 {
        let mut rng = Rng(seed);
        let dir = tempfile::tempdir().expect("a folder can be made");
        let sha256 = seed % 8 == 7;
        let format = if sha256 { "sha256" } else { "sha1" };
        if history(dir.path(), &mut rng, format).is_none() {
            println!("skipped: there is no git");
            return;
        }
        let expected = expected(dir.path());
        let mut args = vec!["pack-objects", "--stdout", "--all", "--revs", "-q", "--window=20"];
        if seed % 2 == 0 {
            args.push("--delta-base-offset");
        }
        if seed % 3 == 0 {
            args.push("--depth=200");
        }
        let pack = git(dir.path(), &args, b"").expect("git is there");
        assert!(pack::starts(&pack));
        deltas += u32::from(pack.len() < expected.values().map(Vec::len).sum::<usize>() / 2);
        for (lens, cap) in
            [(vec![pack.len()], usize::MAX), (vec![1 + rng.below(3000), 7], 1 + rng.below(5000))]
        {
            let (objects, end) = objects(&pack, &lens, cap, KEPT);
            assert_eq!(end, End::At(pack.len() as u64), "history {seed}");
            let contents: BTreeMap<Vec<u8>, String> =
                objects.iter().map(|(name, _, content)| (content.clone(), name.clone())).collect();
            assert_eq!(objects.len(), expected.len(), "history {seed}");
            for (name, content) in &expected {
                let found = contents.get(content);
                // What ids of a repository with SHA-256 are is known from the first one on.
                assert!(found.is_some_and(|found| sha256 || found == name), "history {seed}: {name}");
            }
        }
        blind(new, &pack[..pack.len().min(3000)], &[11, 300], 50);
    }
    assert!(deltas > 10, "histories are to make deltas");
}
