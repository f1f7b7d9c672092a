//! Parts that were cut out of long values: keys that the real programs make, and values of other kinds.

use std::path::Path;
use std::process::{Command, Stdio};

use exfilter_engine::{Engine, Fingerprint, Form, Kind, KnownSecrets, Profile, StoreKey};
use exfilter_testing::run::{Run, run};
use exfilter_testing::{Rng, canary, keys, split, wrap};

use crate::laws::outbound;

fn key() -> StoreKey {
    StoreKey::from_bytes(&[7; 32]).unwrap()
}

/// Engines of a value: by its plaintext, and by what is kept of it.
fn engines(value: &[u8]) -> [Engine; 2] {
    canary::note([value]);
    let mut known = KnownSecrets::new(key());
    known.add("KEY", value, Vec::new()).unwrap();
    let mut kept = KnownSecrets::new(key());
    let bytes = Fingerprint::new(&key(), value).unwrap().to_bytes();
    kept.add_fingerprint("KEY", &Fingerprint::from_bytes(&bytes).unwrap(), Vec::new());
    [known, kept].map(|secrets| Engine::builder().known_secrets(secrets).build().unwrap())
}

fn sent(engine: &Engine, content: &[u8]) -> Run {
    run(engine, &outbound(), content, &split::every(content.len(), 100))
}

fn parts(run: &Run) -> usize {
    run.findings().filter(|found| matches!(found.kind(), Kind::Known(_, Form::Part))).count()
}

fn made(dir: &Path, args: &[&str]) -> bool {
    let ran = Command::new(args[0])
        .args(&args[1..])
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    ran.is_ok_and(|status| status.success())
}

/// Offsets of characters of a key's body, without breaks.
fn body(text: &[u8]) -> Vec<usize> {
    let begin = text.windows(5).skip(10).position(|there| there == b"-----").unwrap() + 16;
    let end = text.len() - text.iter().rev().position(|byte| *byte == b'E').unwrap() - 6;
    (begin..end).filter(|at| text[*at].is_ascii_alphanumeric() || b"+/".contains(&text[*at])).collect()
}

/// Keys of the real programs: of the second half of a body, which is secret, any 64 characters are found, and what is public is not.
#[test]
fn a_part_of_a_key_of_a_real_program_is_found_and_its_public_key_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let program =
        |name: &str, args: &[&str], label: &str| (name.to_owned(), made(dir, args), label.to_owned());
    let keys = [
        program("rsa", &["openssl", "genrsa", "-traditional", "-out", "rsa", "2048"], "PKCS#1"),
        program("rsa8", &["openssl", "genrsa", "-out", "rsa8", "2048"], "PKCS#8"),
        program("rsa4", &["openssl", "genrsa", "-out", "rsa4", "3072"], "PKCS#8, 3072 bits"),
        program(
            "locked",
            &["openssl", "genrsa", "-aes128", "-passout", "pass:long enough", "-out", "locked", "2048"],
            "encrypted",
        ),
        program("ssh", &["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", "ssh"], "OpenSSH"),
        program(
            "ssh-locked",
            &["ssh-keygen", "-q", "-t", "rsa", "-N", "long enough", "-f", "ssh-locked"],
            "OpenSSH, encrypted",
        ),
    ];
    for (name, is_there, label) in keys {
        if !is_there {
            println!("skipped: nothing on this machine makes a key as {label} has it");
            continue;
        }
        let text = std::fs::read(dir.join(&name)).unwrap();
        let chars = body(&text);
        let joined: Vec<u8> = chars.iter().map(|at| text[*at]).collect();
        for engine in engines(&text) {
            let whole = sent(&engine, &text);
            assert!(whole.last.is_block() && parts(&whole) <= 1, "{label}: {:?}", whole.events);
            // Behind the numbers OpenSSH has a comment.
            let behind = if name == "ssh" { 60 } else { 0 };
            for from in (chars.len() / 2..chars.len() - 64 - behind).step_by(3) {
                let cut = &text[chars[from]..=chars[from + 63]];
                let escaped = String::from_utf8_lossy(cut).replace('\n', "\\n").into_bytes();
                for cut in [cut, &escaped, &joined[from..from + 64]] {
                    let told = sent(&engine, &[b"key: '", cut, b"'"].concat());
                    assert!(told.last.is_block(), "{label}, from character {from}");
                }
            }
        }
        // What belongs to the key and is public.
        let public = if name.starts_with("ssh") {
            vec![std::fs::read(dir.join(format!("{name}.pub"))).unwrap()]
        } else {
            let pass = ["-passin", "pass:long enough"];
            let out = |args: &[&str]| made(dir, &[args, &pass[..]].concat());
            assert!(out(&["openssl", "pkey", "-in", &name, "-pubout", "-out", "public"]));
            assert!(out(&["openssl", "rsa", "-in", &name, "-RSAPublicKey_out", "-out", "public1"]));
            assert!(out(&[
                "openssl",
                "req",
                "-x509",
                "-key",
                &name,
                "-subj",
                "/CN=x",
                "-days",
                "1",
                "-out",
                "certificate"
            ]));
            ["public", "public1", "certificate"].map(|name| std::fs::read(dir.join(name)).unwrap()).to_vec()
        };
        for engine in engines(&text) {
            for public in &public {
                let flat: Vec<u8> = public.iter().copied().filter(|byte| *byte != b'\n').collect();
                assert_eq!(parts(&sent(&engine, public)) + parts(&sent(&engine, &flat)), 0, "{label}");
            }
        }
    }
}

#[test]
fn a_part_is_told_of_once_where_more_of_the_secret_stands() {
    let mut rng = Rng::new(96);
    let value = rng.text(keys::BASE64URL, 1000);
    for engine in engines(&value) {
        let told = |content: &[u8]| {
            let told = sent(&engine, content);
            (parts(&told), told.findings().count(), told.last.is_block())
        };
        assert_eq!(told(&value[400..464]), (1, 1, true));
        assert_eq!(told(&value[390..580]), (1, 1, true));
        assert_eq!(told(&value[300..331]), (0, 0, false));
        // Two that are far apart are two.
        let junk = b"nothing of it, ".repeat(20);
        assert_eq!(told(&[&value[300..400], &junk[..], &value[600..700]].concat()), (2, 2, true));
        // As decoded content has it.
        let coded = wrap::base64(&[b"a part: ", &value[400..470]].concat(), false, true);
        assert_eq!(told(&coded), (1, 1, true));
        let (in_parts, all, _) = told(&value);
        assert!(in_parts == 1 && all <= 1 + 6, "{in_parts} {all}");
    }
}

#[test]
fn parts_are_split_blind() {
    let mut rng = Rng::new(97);
    let value = rng.text(keys::BASE62, 600);
    let [plain, kept] = engines(&value);
    let mut known = KnownSecrets::new(key());
    known.add("KEY", &value, Vec::new()).unwrap();
    let thorough = Engine::builder().known_secrets(known).profile(Profile::Thorough).build().unwrap();
    let saved = Engine::from_bytes(&plain.to_bytes(&key()).unwrap(), &key()).unwrap();
    for engine in [plain, kept, thorough, saved] {
        for _ in 0..12 {
            let mut content = Vec::new();
            for _ in 0..4 {
                let from = rng.below(value.len());
                let to = (from + rng.below(200)).min(value.len());
                let piece = &value[from..to];
                content.extend(match rng.below(4) {
                    0 => wrap::base64(&[b"some text ", piece].concat(), false, true),
                    1 => wrap::gzip(&mut rng, piece),
                    _ => piece.to_vec(),
                });
                content.extend(wrap::text(&mut rng));
            }
            let mut first = None;
            for chunks in split::standard(&mut rng, content.len()) {
                let told = run(&engine, &outbound(), &content, &chunks);
                let first_at = told.findings().map(|found| found.outer().start).min();
                assert!(first_at.is_none_or(|at| told.through() <= at));
                let facts = told.facts();
                match &first {
                    None => first = Some(facts),
                    Some(first) => assert_eq!(*first, facts),
                }
            }
        }
    }
}
