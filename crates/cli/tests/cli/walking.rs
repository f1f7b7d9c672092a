//! What is walked, what is skipped and told, and names that try to deceive.

use std::fs;

use crate::harness::{Sandbox, acme_key, github_token};

#[test]
fn a_folder_with_a_token() {
    let s = Sandbox::new();
    s.file("src/config.js", format!("// settings\n\nconst token = \"{}\";\n", github_token()));
    s.file("src/other.js", "const nothing = 1;\n");
    let run = s.run(&["scan", "tree"]).exits_with(1);
    let run =
        run.prints("tree/src/config.js:3:16").prints("github").prints("ghp_\u{2026}").prints("2 files, ");
    assert!(!run.stdout.contains("\x1b["), "no colours in a pipe: {run:?}");
}

#[test]
fn a_clean_folder_says_so() {
    let s = Sandbox::new();
    s.file("a.txt", "nothing here\n");
    s.file("b/c.txt", "nor there\n");
    s.run(&["scan", "tree"]).exits_with(0).prints("clean: 2 files, 23 B examined");
}

#[test]
fn an_empty_folder_is_clean() {
    let s = Sandbox::new();
    s.run(&["scan", "tree"]).exits_with(0).prints("clean: 0 files, 0 B examined");
}

#[test]
fn the_current_folder_has_short_names() {
    let s = Sandbox::new();
    s.file("a.txt", github_token());
    let mut command = s.command(&["scan", "."]);
    let run = s.finish(command.current_dir(s.tree(""))).exits_with(1);
    assert!(run.stdout.starts_with("a.txt:1:1 "), "{run:?}");
}

#[test]
fn hidden_and_ignored_files_are_walked() {
    let s = Sandbox::new();
    s.file(".gitignore", ".env\nbuild/\n");
    s.file(".env", github_token());
    s.file("build/out.js", github_token());
    s.run(&["scan", "tree"]).exits_with(1).prints("tree/.env:1:1").prints("tree/build/out.js:1:1");
}

#[test]
fn gitignore_skips_and_tells() {
    let s = Sandbox::new();
    s.file(".gitignore", ".env\nbuild/\n*.log\n!keep.log\n");
    s.file(".env", github_token());
    s.file("build/out.js", github_token());
    s.file("sub/a.log", github_token());
    s.file("sub/keep.log", "nothing\n");
    s.file("sub/.gitignore", "only-here\n");
    s.file("sub/only-here", github_token());
    s.file("only-here", "nothing\n");
    let run = s.run(&["scan", "tree", "--gitignore", "--verbose"]).exits_with(0);
    let run = run.prints("4 gitignore").prints("tree/.env").prints("tree/build ").prints("tree/sub/a.log");
    run.prints("tree/sub/only-here").prints("clean: 4 files");
}

#[test]
fn exclude_skips_and_tells() {
    let s = Sandbox::new();
    s.file("a.min.js", github_token());
    s.file("vendor/deep/b.js", github_token());
    s.file("c.js", "nothing\n");
    let run = s.run(&["scan", "tree", "--exclude", "*.min.js", "--exclude", "/vendor"]).exits_with(0);
    run.prints("clean: 1 file,").prints("skipped: 2 (2 excluded); --verbose lists them");
}

#[test]
fn git_objects_are_skipped_and_told_but_the_rest_of_git_is_not() {
    let s = Sandbox::new();
    s.file(".git/HEAD", "ref: refs/heads/main\n");
    s.file(".git/objects/ab/cd", github_token());
    s.file(".git/config", format!("url = https://x:{}@host/\n", github_token()));
    s.file("objects/here", github_token());
    let run = s.run(&["scan", "tree", "--verbose"]).exits_with(1);
    let run = run.prints("tree/.git/config:1:17").prints("tree/objects/here:1:1").prints("1 git-objects");
    run.prints("tree/.git/objects ").prints_not("ab/cd");
    s.run(&["scan", "tree", "--git-objects"]).exits_with(1).prints("tree/.git/objects/ab/cd:1:1");
}

#[cfg(unix)]
#[test]
fn symlinks_are_told_and_not_followed() {
    let s = Sandbox::new();
    s.file("real/a.txt", "nothing\n");
    std::os::unix::fs::symlink("..", s.tree("real/loop")).unwrap();
    fs::write(s.top().join("outside.txt"), github_token()).unwrap();
    std::os::unix::fs::symlink(s.top().join("outside.txt"), s.tree("link.txt")).unwrap();
    let run = s.run(&["scan", "tree", "--verbose"]).exits_with(0);
    run.prints("clean: 1 file,").prints("2 symlink").prints("tree/link.txt").prints("tree/real/loop");
}

#[cfg(unix)]
#[test]
fn a_named_symlink_is_followed() {
    let s = Sandbox::new();
    s.file("real/a.txt", github_token());
    std::os::unix::fs::symlink("tree/real/a.txt", s.top().join("file-link")).unwrap();
    std::os::unix::fs::symlink("tree/real", s.top().join("folder-link")).unwrap();
    s.run(&["scan", "file-link"]).exits_with(1).prints("file-link:1:1");
    s.run(&["scan", "folder-link"]).exits_with(1).prints("folder-link/a.txt:1:1");
}

#[cfg(unix)]
#[test]
fn pipes_and_sockets_are_told_and_not_opened() {
    let s = Sandbox::new();
    s.file("a.txt", "nothing\n");
    let made = std::process::Command::new("mkfifo").arg(s.tree("pipe")).status().unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(s.tree("socket")).unwrap();
    let run = s.run(&["scan", "tree", "--verbose"]).exits_with(0);
    run.prints("1 fifo").prints("1 socket").prints("tree/pipe").prints("tree/socket");
    // What was asked for by name and cannot be examined is not clean.
    s.run(&["scan", "tree/pipe"]).exits_with(3).prints("special-file").prints_not("clean");
}

#[cfg(unix)]
#[test]
fn names_that_are_no_utf8_or_move_the_cursor_are_escaped() {
    use std::os::unix::ffi::OsStrExt;
    let s = Sandbox::new();
    s.file(std::ffi::OsStr::from_bytes(b"bad\xff\x1b[2Jname.txt"), github_token());
    s.file("rtl\u{202e}txt.js", github_token());
    let run = s.run(&["scan", "tree"]).exits_with(1);
    run.prints(r"tree/bad\xff\x1b[2Jname.txt:1:1")
        .prints(r"tree/rtl\xe2\x80\xaetxt.js:1:1")
        .prints_not("\x1b");
    let json = s.run(&["scan", "tree", "--format", "json"]).exits_with(1).json();
    assert_eq!(json["findings"][0]["path"], r"tree/bad\xff\x1b[2Jname.txt");
}

#[test]
fn long_names_are_cut_for_people() {
    let s = Sandbox::new();
    let deep = format!("{}/{}", "d".repeat(200), "f".repeat(200));
    s.file(&deep, github_token());
    let run = s.run(&["scan", "tree"]).exits_with(1);
    let place = run.stdout.split(":1:1").next().unwrap();
    assert_eq!(place.chars().count(), 200, "{run:?}");
    let json = s.run(&["scan", "tree", "--format", "json"]).json();
    assert_eq!(json["findings"][0]["path"], format!("tree/{deep}"));
}

#[test]
fn a_secret_in_a_file_name_is_found_and_masked() {
    let s = Sandbox::new();
    let token = github_token();
    s.file(format!("{token}/a.txt"), acme_key("hi"));
    s.file(format!("x-{}.txt", github_token()), "nothing\n");
    let run = s.run(&["scan", "tree", "--rules", "acme.toml"]).exits_with(1);
    let masked = "*".repeat(36);
    let run =
        run.prints(&format!("tree/ghp_{masked} (name)")).prints(&format!("tree/x-ghp_{masked}.txt (name)"));
    run.prints(&format!("tree/ghp_{masked}/a.txt:1:1"));
    let json = s.run(&["scan", "tree", "--format", "json", "--exclude", "x-*"]).json();
    assert_eq!(json["findings"][0]["place"], "name");
    // It is masked where it is skipped, too.
    s.run(&["scan", "tree", "--exclude", "ghp_*", "--verbose"]).prints(&format!("tree/ghp_{masked} "));
}

#[test]
fn nul_bytes_hide_nothing() {
    let s = Sandbox::new();
    let mut content = vec![0_u8; 5000];
    content.extend_from_slice(github_token().as_bytes());
    content.extend_from_slice(&[0; 100]);
    s.file("core.bin", content);
    s.run(&["scan", "tree"]).exits_with(1).prints("tree/core.bin:1:5001");
}

#[test]
fn the_order_does_not_depend_on_threads() {
    let s = Sandbox::new();
    for i in 0..200 {
        s.file(
            format!("d{:02}/f{i:03}.txt", i % 17),
            format!("{}\n{}\n", acme_key("hi"), "x".repeat(20_000)),
        );
    }
    let one = s.run(&["scan", "tree", "--rules", "acme.toml", "--jobs", "1"]).exits_with(1);
    let many = s.run(&["scan", "tree", "--rules", "acme.toml", "--jobs", "7"]).exits_with(1);
    assert_eq!(one.stdout, many.stdout);
    let places: Vec<&str> = one.stdout.lines().filter_map(|l| l.split(":1:1").next()).take(200).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn the_same_path_twice_is_scanned_once() {
    let s = Sandbox::new();
    s.file("a.txt", "nothing\n");
    s.run(&["scan", "tree", "./tree", "tree/"]).exits_with(0).prints("clean: 1 file,");
}

#[test]
fn a_path_inside_another_is_scanned_once() {
    let s = Sandbox::new();
    s.file("a.txt", "nothing\n");
    s.file("sub/b.txt", "nothing\n");
    s.file("sub/deep/c.txt", "nothing\n");
    for paths in [["tree", "tree/sub"], ["tree/sub", "tree"], ["tree/a.txt", "tree"]] {
        s.run(&[&["scan"], &paths[..]].concat()).exits_with(0).prints("clean: 3 files,");
    }
}
