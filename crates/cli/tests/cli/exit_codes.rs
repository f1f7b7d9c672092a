//! 0 clean, 1 found, 3 incomplete, 2 set-up; 2 beats 1 beats 3.

use crate::harness::{Sandbox, acme_key, github_token, gzip};

fn truncated() -> Vec<u8> {
    let whole = gzip(&(0..20_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    whole[..whole.len() / 2].to_vec()
}

#[test]
fn zero_one_three() {
    let s = Sandbox::new();
    s.file("clean/a.txt", "nothing\n");
    s.file("found/a.txt", github_token());
    s.file("cut/a.gz", truncated());
    s.run(&["scan", "tree/clean"]).exits_with(0);
    s.run(&["scan", "tree/found"]).exits_with(1);
    s.run(&["scan", "tree/cut"]).exits_with(3);
}

#[test]
fn usage_is_two() {
    let s = Sandbox::new();
    s.run(&["scan"]).exits_with(2);
    s.run(&["scan", "tree", "--nonsense"]).exits_with(2);
    s.run(&["scan", "tree", "--jobs", "0"]).exits_with(2);
    s.run(&["scan", "tree", "--exclude", "a["]).exits_with(2).notes("--exclude a[");
    s.run(&["scan", "-", "-"]).exits_with(2).notes("standard input can be read once only");
    s.run(&["scan", "tree", "--no-builtin"]).exits_with(2).notes("nothing to look for");
    s.run(&["scan", "--help"]).exits_with(0).prints("--fail-on");
}

#[test]
fn precedence() {
    let s = Sandbox::new();
    s.file("found.txt", github_token());
    s.file("cut.gz", truncated());
    s.run(&["scan", "tree"]).exits_with(1).prints("not examined:").prints("found.txt:1:1");
    let run = s.run(&["scan", "tree", "no-such-path"]).exits_with(2);
    run.notes("no-such-path: there is no such file").prints("found.txt:1:1");
    let run = s.run(&["scan", "tree", "--output", "no-such-folder/x"]).exits_with(2);
    run.notes("--output no-such-folder/x");
}

#[test]
fn fail_on() {
    let s = Sandbox::new();
    for tier in ["lo", "md", "hi"] {
        s.file(format!("{tier}/a.txt"), acme_key(tier));
    }
    let expected = [("low", [1, 1, 1]), ("medium", [0, 1, 1]), ("high", [0, 0, 1]), ("confirmed", [0, 0, 0])];
    for (level, codes) in expected {
        for (tier, code) in ["lo", "md", "hi"].into_iter().zip(codes) {
            let folder = format!("tree/{tier}");
            let args = ["scan", &folder, "--rules", "acme.toml", "--no-builtin", "--fail-on", level];
            s.run(&args).exits_with(code);
        }
    }
    s.run(&["scan", "tree/lo", "--rules", "acme.toml"]).exits_with(0);
    s.run(&["scan", "tree/md", "--rules", "acme.toml"]).exits_with(1);
}

#[test]
fn hidden_findings_still_count() {
    let s = Sandbox::new();
    s.file("a.txt", acme_key("md"));
    let run = s.run(&["scan", "tree", "--rules", "acme.toml", "--min", "high"]).exits_with(1);
    run.prints_not("tree/a.txt").prints("1 hidden by --min");
}

#[test]
fn documented_examples_never_fail_unless_asked() {
    let s = Sandbox::new();
    // AWS's own example key, put together here so that this file has no finding itself.
    s.file("a.txt", format!("key: {}{}\n", "AKIAIOSFODNN7", "EXAMPLE"));
    s.run(&["scan", "tree"]).exits_with(0).prints(" example ").prints("1 documented example");
    s.run(&["scan", "tree", "--strict-examples"]).exits_with(1).prints_not(" example ");
}
