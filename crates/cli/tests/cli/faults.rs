//! Files that cannot be read to their end are never clean.

#![cfg(unix)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use crate::harness::{Run, Sandbox, github_token};

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

/// A user that owns nothing.
const NOBODY: u32 = 65534;

#[test]
fn unreadable_files_and_folders() {
    let s = Sandbox::new();
    s.file("a.txt", "nothing\n");
    s.file("locked.txt", "nothing\n");
    s.file("shut/b.txt", "nothing\n");
    fs::set_permissions(s.top(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(s.tree("locked.txt"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(s.tree("shut"), fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = s.command(&["scan", "tree"]);
    if is_root() {
        // Root reads everything: run a copy that nobody may run.
        let copy = s.top().join("exfilter-copy");
        fs::copy(env!("CARGO_BIN_EXE_exfilter"), &copy).unwrap();
        let mut other = std::process::Command::new(copy);
        other
            .args(["scan", "tree"])
            .current_dir(s.top())
            .stdin(Stdio::null())
            .env_clear()
            .uid(NOBODY)
            .gid(NOBODY);
        command = other;
    }
    let run = s.finish(&mut command);
    fs::set_permissions(s.tree("shut"), fs::Permissions::from_mode(0o755)).unwrap();
    let run =
        run.exits_with(3).notes("tree/locked.txt: it cannot be read").notes("tree/shut: it cannot be read");
    run.prints("unreadable").prints("no findings: 1 file").prints_not("clean");
}

#[test]
fn a_named_file_that_is_not_there_is_a_usage_error_and_the_rest_is_scanned() {
    let s = Sandbox::new();
    s.file("a.txt", github_token());
    let run =
        s.run(&["scan", "nowhere.txt", "tree"]).exits_with(2).notes("nowhere.txt: there is no such file");
    run.prints("tree/a.txt:1:1");
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_error_on_the_way() {
    let s = Sandbox::new();
    // A regular file by its type whose first byte cannot be read.
    let run = s.run(&["scan", "/proc/self/mem"]).exits_with(3).notes("/proc/self/mem: reading it failed");
    run.prints("read-error").prints_not("clean");
}

/// Runs a scan that is held up by standard input after it has seen the folder and before it opens what is in it, and
/// changes the folder meanwhile.
fn run_while(s: &Sandbox, change: impl FnOnce()) -> Run {
    let mut child = s
        .command(&["scan", "-", "tree"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // More than a pipe holds: when this returns, the folder has been read.
    stdin.write_all(&vec![b'\n'; 1 << 20]).unwrap();
    change();
    drop(stdin);
    s.checked(child.wait_with_output().unwrap())
}

#[test]
fn a_file_that_vanishes() {
    let s = Sandbox::new();
    let file = s.file("a.txt", "nothing\n");
    s.file("b.txt", "nothing\n");
    let run = run_while(&s, || fs::remove_file(file).unwrap()).exits_with(3);
    run.notes("tree/a.txt: it vanished").prints("vanished").prints("no findings: 2 files");
}

#[test]
fn a_file_that_turns_into_a_pipe_does_not_hang() {
    let s = Sandbox::new();
    let file = s.file("a.txt", "nothing\n");
    let run = run_while(&s, || {
        fs::remove_file(&file).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    });
    run.exits_with(3).prints("special-file");
}

#[test]
fn a_file_that_turns_into_a_link_is_not_followed() {
    let s = Sandbox::new();
    let file = s.file("a.txt", "nothing\n");
    fs::write(s.top().join("outside"), github_token()).unwrap();
    let run = run_while(&s, || {
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(s.top().join("outside"), &file).unwrap();
    });
    run.exits_with(3).prints("special-file");
}
