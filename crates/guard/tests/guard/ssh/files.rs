//! scp and sftp.

use std::io::Write as _;
use std::sync::Arc;

use exfilter_guard::{Outcome, Record, Sink};
use exfilter_testing::{Rng, keys, wrap};

use super::stage::{Stage, has_ssh, leaks};
use crate::stage::{engine, has, soon};

/// Bytes of a file in a packet, as OpenSSH's `scp` and server agree.
const PACKET: usize = 32_640;

#[test]
fn files_arrive_or_are_refused() {
    if !has_ssh() || !has("scp", &["-V"]) && !std::path::Path::new("/usr/bin/scp").exists() {
        return;
    }
    let stage = Stage::usual();
    let mut rng = Rng::new(51);
    let token = keys::github(&mut rng, "ghp_");
    let clean = rng.bytes(2_000_001);
    let (file, empty) = (stage.write("clean.bin", &clean), stage.write("empty", b""));
    let dirty = [&rng.bytes(100_000)[..], b"\nkey = ", &token, b"\n", &rng.bytes(300_000)].concat();
    let dirty = stage.write("dirty.txt", &dirty);
    let at_end = stage.write("end.txt", &[b"key = ", &token[..]].concat());
    let config = stage.text("ssh_config");
    let target = format!("{}:{}", stage.user(), stage.text("there"));
    for mode in ["-O", "-s"] {
        stage.run(&["scp", "-q", mode, "-p", "-F", &config, &file, &empty, &format!("{target}/")], b"").ok();
        assert!(stage.there("clean.bin") == clean, "{mode} {}", stage.there("clean.bin").len());
        assert!(stage.path("there/empty").exists());
        assert_eq!(stage.last().outcome, Outcome::Sent);
        let back = format!("{target}/clean.bin");
        stage.run(&["scp", "-q", mode, "-F", &config, &back, "back.bin"], b"").ok();
        assert!(std::fs::read(stage.path("back.bin")).unwrap() == clean, "{mode}");
        for (path, name) in [(&dirty, "dirty.txt"), (&at_end, "end.txt")] {
            let ran = stage.run(&["scp", mode, "-F", &config, path, &format!("{target}/")], b"");
            assert!(ran.code != Some(0), "{mode} {name} {}", ran.said);
            assert!(
                ran.said.contains("secret detected in") && ran.said.contains(name),
                "{mode} {name} {}",
                ran.said
            );
            assert!(!leaks(&stage.there(name), &token), "{mode} {name}");
            let why = stage.last_refusal().unwrap();
            assert!(why.contains("github-pat") && why.contains(name), "{why}");
        }
        for name in ["clean.bin", "empty", "dirty.txt", "end.txt"] {
            let _ = std::fs::remove_file(stage.path("there").join(name));
        }
    }
    // Packets that are held, behind some that are not: where they end, a run goes on. scp cuts a file where answers come out of order.
    let mut runs = rng.bytes(2_000_000);
    for end in (PACKET..runs.len()).step_by(3 * PACKET) {
        runs[end - 150..end + 150].copy_from_slice(&wrap::base64(&rng.bytes(225), false, true));
    }
    let held = stage.write("held.bin", &runs);
    for mode in ["-O", "-s"] {
        stage.run(&["scp", "-q", mode, "-F", &config, &held, &format!("{target}/")], b"").ok();
        assert!(stage.there("held.bin") == runs, "{mode} {}", stage.there("held.bin").len());
    }
    // A folder, and a secret as a name.
    std::fs::create_dir_all(stage.path("d/e")).unwrap();
    std::fs::write(stage.path("d/e/x.txt"), b"x").unwrap();
    for mode in ["-O", "-s"] {
        stage.run(&["scp", "-q", mode, "-r", "-F", &config, "d", &format!("{target}/{mode}")], b"").ok();
        assert_eq!(std::fs::read(stage.path(&format!("there/{mode}/e/x.txt"))).unwrap(), b"x");
        let name = String::from_utf8(token.clone()).unwrap();
        let ran = stage.run(&["scp", mode, "-F", &config, &empty, &format!("{target}/{name}")], b"");
        assert!(ran.code != Some(0) && !stage.path("there").join(&name).exists(), "{mode} {}", ran.said);
    }
}

#[test]
fn sftp_goes_on_behind_a_refusal() {
    if !has_ssh() || !std::path::Path::new("/usr/bin/sftp").exists() {
        return;
    }
    let stage = Stage::usual();
    let mut rng = Rng::new(52);
    let token = keys::github(&mut rng, "ghp_");
    let clean = rng.bytes(500_000);
    let (file, dirty) = (stage.write("a.bin", &clean), stage.write("k.txt", &[&token[..], b"\n"].concat()));
    let there = stage.text("there");
    let batch = stage.write(
        "batch",
        format!("cd {there}\n-put {dirty} k.txt\nput {file} a.bin\nrename a.bin b.bin\nmkdir m\nls\nget b.bin c.bin\nrm b.bin\n")
            .as_bytes(),
    );
    let ran = stage.run(&["sftp", "-b", &batch, "-F", &stage.text("ssh_config"), &stage.user()], b"");
    assert_eq!(ran.code, Some(0), "{} {}", ran.text(), ran.said);
    assert!(ran.said.contains("secret detected in"), "{}", ran.said);
    assert!(!leaks(&stage.there("k.txt"), &token) && stage.path("there/m").is_dir());
    assert!(std::fs::read(stage.path("c.bin")).unwrap() == clean);
    assert!(stage.last_refusal().unwrap().contains("github-pat"));
    let left = || stage.records().last().is_some_and(|record| record.outcome == Outcome::Sent);
    assert!(soon(left), "the end of the channel tells what left");
}

/// Writes down how each thing ended, where a client can look.
struct Written(std::path::PathBuf);

impl Sink for Written {
    fn record(&self, record: &Record) -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&self.0)?;
        writeln!(file, "{:?}", record.outcome)
    }
}

#[test]
fn a_refused_file_is_recorded_before_its_client_is_told() {
    if !has_ssh() || !std::path::Path::new("/usr/bin/sftp").exists() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (book, seen) = (dir.path().join("book"), dir.path().join("seen"));
    let sink = Arc::new(Written(book.clone()));
    let stage = Stage::new(engine(), |settings, _| {
        settings.sink(sink);
    });
    let token = keys::github(&mut Rng::new(53), "ghp_");
    let dirty = stage.write("k.txt", &[&token[..], b"\n"].concat());
    let (there, book, shown) = (stage.text("there"), book.display(), seen.display());
    // The channel is open still when the client looks.
    let text = format!("-put {dirty} {there}/k.txt\n!cp {book} {shown}\nmkdir {there}/m\n");
    let batch = stage.write("batch", text.as_bytes());
    let ran = stage.run(&["sftp", "-b", &batch, "-F", &stage.text("ssh_config"), &stage.user()], b"");
    assert_eq!(ran.code, Some(0), "{} {}", ran.text(), ran.said);
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.contains("Refused") && seen.contains("github-pat") && !seen.contains("Sent"), "{seen}");
}
