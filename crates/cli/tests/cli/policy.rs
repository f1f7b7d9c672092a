//! The policy file: what it says about scans and hooks, and which file is none.

use std::fs;
use std::path::PathBuf;

use crate::harness::{Run, Sandbox, acme_key, github_token, gzip};
use crate::repo::Repo;

/// A policy beside the scanned tree.
fn policy(sandbox: &Sandbox, text: &str) -> PathBuf {
    let path = sandbox.top().join("policy.toml");
    fs::write(&path, format!("version = 1\n{text}")).unwrap();
    path
}

fn scan(sandbox: &Sandbox, text: &str) -> Run {
    let path = policy(sandbox, text);
    sandbox.run(&["scan", "tree", "--policy", path.to_str().unwrap()])
}

#[test]
fn a_scan_goes_by_the_policy() {
    let sandbox = Sandbox::new();
    let packed = gzip(&b"some text that is long enough ".repeat(9000));
    sandbox.file("cut.gz", &packed[..packed.len() - 40]);
    scan(&sandbox, "").exits_with(3);
    // What the policy lets pass is told of, and does not fail the scan.
    scan(&sandbox, "opaque.truncated = \"report\"\n").exits_with(0).prints("cut.gz");
    scan(&sandbox, "opaque.corrupt = \"report\"\n").exits_with(3);
    scan(&sandbox, "opaque.truncated = \"block\"\n").exits_with(3);
    sandbox.file("cut.gz", &packed);
    scan(&sandbox, "").exits_with(0);
    scan(&sandbox, "[limits]\nratio_grace = \"1 KiB\"\nratio = 2\n").exits_with(3);
    // A policy says nothing about which findings fail a scan: --fail-on does.
    sandbox.file("a.txt", github_token());
    scan(&sandbox, "mode = \"observe\"\nactions.high = \"allow\"\n").exits_with(1);
}

#[test]
fn the_usual_policy_is_read_unless_told_otherwise() {
    let sandbox = Sandbox::new();
    let packed = gzip(&b"some text that is long enough ".repeat(9000));
    sandbox.file("cut.gz", &packed[..packed.len() - 40]);
    let config = sandbox.top().join("config");
    fs::create_dir_all(config.join("exfilter")).unwrap();
    fs::write(config.join("exfilter/policy.toml"), "version = 1\nopaque.truncated = \"allow\"\n").unwrap();
    let run = |args: &[&str], config: &PathBuf| {
        sandbox.finish(sandbox.command(args).env("XDG_CONFIG_HOME", config))
    };
    run(&["scan", "tree"], &config).exits_with(0);
    run(&["scan", "tree", "--no-policy"], &config).exits_with(3);
    // In the tree that is scanned it decides nothing.
    run(&["scan", "."], &config).exits_with(3).notes("lies inside the scanned tree and is not read");
    run(&["scan", ".", "--trust-rules"], &config).exits_with(0);
    run(&["scan", "tree"], &sandbox.top().join("nowhere")).exits_with(3);
    fs::write(config.join("exfilter/policy.toml"), "version = 1\nmod = \"observe\"\n").unwrap();
    run(&["scan", "tree"], &config)
        .exits_with(2)
        .notes("policy.toml:2: mod: is not known here; did you mean mode?");
}

#[test]
fn what_is_no_policy_ends_the_scan() {
    let sandbox = Sandbox::new();
    sandbox.file("a.txt", "nothing");
    let inside = sandbox.file("policy.toml", "version = 1\n");
    let at = |path: &str| sandbox.run(&["scan", "tree", "--policy", path]);
    at("missing.toml").exits_with(2).notes("missing.toml: there is no such file");
    at(inside.to_str().unwrap()).exits_with(2).notes("inside the scanned tree");
    at("tree").exits_with(2);
    scan(&sandbox, "actions.high = 3\n").exits_with(2).notes("policy.toml:2: actions.high: is no action");
    fs::write(sandbox.top().join("policy.toml"), b"version = 1\n\xff").unwrap();
    at("policy.toml").exits_with(2).notes("cannot be read");
    // A value that slipped into it is not repeated.
    let token = github_token();
    scan(&sandbox, &format!("mode = \"{token}\"\n")).exits_with(2);
    scan(&sandbox, &format!("{token} = 1\n")).exits_with(2).notes("policy.toml:2: ?: is not known here");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let path = policy(&sandbox, "");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        at("policy.toml").exits_with(2).notes("others may write this policy");
    }
}

#[test]
fn a_hook_refuses_what_the_policy_blocks() {
    let Some(repo) = Repo::new() else { return };
    let rules = repo.rules();
    let rules = rules.to_str().unwrap();
    repo.commit("first", &[("README", b"nothing\n".as_slice())]);
    repo.write("a.txt", acme_key("md").as_bytes());
    repo.git(&["add", "a.txt"]);
    let path = repo.top().join("policy.toml");
    let hook = |text: &str, more: &[&str]| {
        fs::write(&path, format!("version = 1\n{text}")).unwrap();
        let args = ["hook", "pre-commit", "--rules", rules, "--policy", path.to_str().unwrap()];
        repo.run(&[&args[..], more].concat())
    };
    hook("", &[]).exits_with(0).notes("acme-medium");
    hook("actions.medium = \"block\"", &[]).exits_with(1).notes("commit refused");
    hook("actions.medium = \"block\"", &["--fail-on", "high"]).exits_with(0);
    hook("actions.medium = \"block\"\nmode = \"observe\"", &[]).exits_with(0).notes("acme-medium");
    hook("mode = \"observ\"", &[]).exits_with(2);
}
