//! Ways round the hooks that were once open: a range that is not what leaves, an allowance that the pusher wrote, an object that no ref reaches.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::github_token;
use crate::hooks::make_program;
use crate::repo::Repo;

/// A repository with a remote that looks at what it gets, and one commit pushed.
fn guarded() -> Option<Repo> {
    let repo = Repo::new()?;
    let remote = repo.remote();
    repo.commit("first", &[("README", b"nothing\n".as_slice())]);
    repo.git(&["push", "-q", "origin", "main"]);
    let hook = remote.join("hooks/pre-receive");
    fs::write(&hook, format!("#!/bin/sh\nexec '{}' hook pre-receive\n", env!("CARGO_BIN_EXE_exfilter")))
        .unwrap();
    make_program(&hook);
    Some(repo)
}

/// What a client that is no git sends: commands and objects as it likes. Returns the report and what the hook says.
fn send(repo: &Repo, commands: &[(&str, &str, &str)], objects: &[&str]) -> String {
    let mut pack = repo.command("git", &["pack-objects", "--stdout", "-q"]);
    let mut pack = pack.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let ids: String = objects.iter().map(|id| format!("{id}\n")).collect();
    pack.stdin.take().unwrap().write_all(ids.as_bytes()).unwrap();
    let pack = pack.wait_with_output().unwrap().stdout;
    let mut body = Vec::new();
    for (i, (old, new, name)) in commands.iter().enumerate() {
        let capabilities = if i == 0 { "\0report-status" } else { "" };
        let line = format!("{old} {new} {name}{capabilities}");
        body.extend_from_slice(format!("{:04x}{line}", line.len() + 4).as_bytes());
    }
    body.extend_from_slice(b"0000");
    body.extend_from_slice(&pack);
    let remote = repo.top().join("remote.git");
    let mut server: Command = repo.command("git", &["receive-pack", remote.to_str().unwrap()]);
    let mut server =
        server.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    server.stdin.take().unwrap().write_all(&body).unwrap();
    let output = server.wait_with_output().unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

fn entry_of(stderr: &str) -> String {
    let lines = stderr.lines().map(str::trim_end).skip_while(|line| !line.ends_with("[[allow]]"));
    let entry: Vec<&str> = lines.take(5).collect();
    entry.join("\n").replace("remote: ", "").replace("...", "made for the tests")
}

#[test]
fn what_a_ref_was_is_asked_of_the_server_and_not_of_the_client() {
    let Some(repo) = guarded() else { return };
    let token = github_token();
    let base = repo.git(&["rev-parse", "HEAD"]);
    repo.commit("with", &[("key.py", format!("key = '{token}'\n").as_bytes())]);
    let entry = entry_of(&repo.git_run(&["push", "origin", "main"]).exits_with(1).stderr);
    assert!(entry.contains("id = \"exf1-"), "{entry}");
    repo.git(&["reset", "-q", "--hard", &base]);
    let allow = repo.commit("allow", &[(".exfilter-allow.toml", entry.as_bytes())]);
    let with = repo.commit("with", &[("key.py", format!("key = '{token}'\n").as_bytes())]);
    // The client says that a ref stands at the commit of its own that allows it all.
    let zeros = "0".repeat(40);
    let commands = [(&allow[..], &with[..], "refs/heads/other"), (&zeros, &with, "refs/heads/evil")];
    let list = repo.git(&["rev-list", "--objects", &format!("{base}..{with}")]);
    let objects: Vec<&str> = list.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let said = send(&repo, &commands, &objects);
    assert!(said.contains("push refused") && said.contains("ng refs/heads/evil"), "{said}");
    assert!(!repo.remote_has(&token));
}

#[test]
fn an_object_that_no_ref_reaches_is_looked_at() {
    let Some(repo) = guarded() else { return };
    let token = github_token();
    let base = repo.git(&["rev-parse", "HEAD"]);
    repo.write("loose", format!("{token}\n").as_bytes());
    let blob = repo.git(&["hash-object", "-w", "loose"]);
    let clean = repo.commit("clean", &[("b", b"2\n".as_slice())]);
    let tree = repo.git(&["rev-parse", "HEAD^{tree}"]);
    let file = repo.git(&["rev-parse", "HEAD:b"]);
    let commands = [(&base[..], &clean[..], "refs/heads/main")];
    let said = send(&repo, &commands, &[&clean, &tree, &file, &blob]);
    assert!(said.contains("push refused: 1 secret") && said.contains("blob "), "{said}");
    assert!(!repo.remote_has(&token));
    // What the server has already may come again.
    let first = repo.git(&["rev-parse", "main~1:README"]);
    let said = send(&repo, &commands, &[&clean, &tree, &file, &first]);
    assert!(said.contains("ok refs/heads/main"), "{said}");
}

#[test]
fn what_was_fetched_from_elsewhere_leaves() {
    let Some(repo) = Repo::new() else { return };
    repo.remote();
    let token = github_token();
    repo.commit("with", &[("a", format!("{token}\n").as_bytes())]);
    repo.commit("without", &[("a", b"1\n".as_slice())]);
    repo.git(&["push", "-q", "origin", "main"]);
    repo.run(&["hook", "install"]).exits_with(0);
    // The remote has it; where pushes go now has nothing.
    let public = repo.top().join("public.git");
    repo.git(&["init", "-q", "--bare", "-b", "main", public.to_str().unwrap()]);
    repo.git(&["config", "remote.origin.pushurl", public.to_str().unwrap()]);
    repo.git(&["fetch", "-q", "origin"]);
    repo.commit("more", &[("b", b"2\n".as_slice())]);
    repo.git_run(&["push", "origin", "HEAD:refs/heads/new"]).exits_with(1).notes("a:1:1 in commit");
    repo.git(&["config", "--unset", "remote.origin.pushurl"]);
    repo.git_run(&["push", "origin", "HEAD:refs/heads/new"]).exits_with(0);
}

#[test]
fn what_was_cloned_from_elsewhere_leaves() {
    let Some(repo) = Repo::new() else { return };
    repo.commit("with", &[("a", format!("{}\n", github_token()).as_bytes())]);
    repo.commit("without", &[("a", b"1\n".as_slice())]);
    let (clone, public) = (repo.top().join("clone"), repo.top().join("public.git"));
    let (clone, public) = (clone.to_str().unwrap(), public.to_str().unwrap());
    let tree = repo.top().join("tree");
    repo.git(&["clone", "-q", tree.to_str().unwrap(), clone]);
    repo.git(&["init", "-q", "--bare", "-b", "main", public]);
    let mut install = repo.command(env!("CARGO_BIN_EXE_exfilter"), &["hook", "install"]);
    assert!(install.current_dir(clone).output().unwrap().status.success());
    // To where it came from it may go back.
    repo.git_run(&["-C", clone, "push", "origin", "HEAD:refs/heads/new"]).exits_with(0);
    repo.git(&["-C", clone, "remote", "set-url", "origin", public]);
    let run = repo.git_run(&["-C", clone, "push", "origin", "HEAD:refs/heads/new"]).exits_with(1);
    run.notes("a:1:1 in commit");
}

#[test]
fn a_name_that_holds_a_secret_is_not_said_in_the_entry_that_would_allow_it() {
    let Some(repo) = Repo::new() else { return };
    let token = github_token();
    let path = format!("keys/{token}.txt");
    repo.write(&path, format!("{}\n", github_token()).as_bytes());
    repo.git(&["add", "."]);
    let run = repo.run(&["hook", "pre-commit"]).exits_with(1);
    run.notes("keys/ghp_*").notes("path = \"...\"");
}

#[test]
fn an_example_is_no_word_about_the_key_that_follows_it() {
    let Some(repo) = Repo::new() else { return };
    let example = format!("tok_{}", "3141592653589793");
    let digest: String = exfilter::Rule::example_digest(None, example.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let rules = format!(
        "provider = \"Tok\"\n[[rule]]\nid = \"tok\"\nopens = \"tok\"\nclass = \"user\"\nliterals = [\"tok_\"]\n\
         pattern = 'tok_[0-9]{{16}}'\nmax_len = 20\nconfidence = \"high\"\ndocumented = [\"{digest}\"]\n\
         revoke = \"https://tok.example\"\nsource = \"https://tok.example\"\nexamples = [\"tok_{{digit:16}}\"]\n\
         counter_examples = [\"tok_{{digit:15}}\"]\n"
    );
    let file = repo.top().join("tok.toml");
    fs::write(&file, rules).unwrap();
    repo.commit("example", &[("a", format!("key = {example}\n").as_bytes())]);
    let args = ["scan", "--git", ".", "--rules", file.to_str().unwrap()];
    repo.run(&args).exits_with(0);
    let key = format!("tok_{}", "2718281828459045");
    repo.commit("key", &[("a", format!("key = {key}\n").as_bytes())]);
    repo.run(&args).exits_with(1).prints("a:1:7 in commit");
}

#[test]
fn the_repository_that_is_named_is_the_one_that_is_scanned() {
    let Some(repo) = Repo::new() else { return };
    repo.commit("with", &[("a", format!("{}\n", github_token()).as_bytes())]);
    let other = repo.top().join("other");
    repo.git(&["init", "-q", other.to_str().unwrap()]);
    let git_dir = other.join(".git");
    let tree = repo.top().join("tree");
    // As in a hook of another repository.
    let run = |dir: &Path| {
        let dir = dir.to_str().unwrap();
        repo.run_with(&["scan", "--git", dir], "GIT_DIR", git_dir.to_str().unwrap())
    };
    run(&tree).exits_with(1).prints("a:1:1");
    run(Path::new(".")).exits_with(0);
}

#[test]
fn the_framework_tells_of_one_branch_and_all_are_looked_at() {
    let Some(repo) = Repo::new() else { return };
    let remote = repo.remote();
    let url = remote.to_str().unwrap().to_string();
    let run = |more: &[(&str, &str)]| {
        let mut env =
            vec![("PRE_COMMIT", "1"), ("PRE_COMMIT_REMOTE_NAME", "origin"), ("PRE_COMMIT_REMOTE_URL", &url)];
        env.extend(more);
        repo.run_among(&["hook", "pre-push"], &env)
    };
    let token = github_token();
    repo.commit("with", &[("a", format!("{token}\n").as_bytes())]);
    let first = repo.commit("without", &[("a", b"1\n".as_slice())]);
    // All of the history is new: the framework says nothing more.
    run(&[]).exits_with(1).notes("a:1:1 in commit");
    repo.git(&["push", "-q", "origin", "main"]);
    run(&[]).exits_with(0);
    // Two branches leave, and it tells of the first.
    let clean = repo.commit("clean", &[("b", b"2\n".as_slice())]);
    let told = [
        ("PRE_COMMIT_FROM_REF", &first[..]),
        ("PRE_COMMIT_TO_REF", &clean),
        ("PRE_COMMIT_REMOTE_BRANCH", "refs/heads/main"),
    ];
    run(&told).exits_with(0);
    repo.git(&["checkout", "-q", "-b", "other"]);
    repo.commit("dirty", &[("c", format!("{}\n", github_token()).as_bytes())]);
    repo.git(&["checkout", "-q", "main"]);
    run(&told).exits_with(1).notes("c:1:1 in commit");
}

#[test]
fn what_a_pointer_stands_for_leaves_too() {
    let Some(repo) = Repo::new() else { return };
    repo.remote();
    repo.run(&["hook", "install"]).exits_with(0);
    let oid = "4d".repeat(32);
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 45\n");
    repo.write("big.bin", pointer.as_bytes());
    repo.git(&["add", "big.bin"]);
    // Content that is not here goes nowhere.
    repo.run(&["hook", "pre-commit"]).exits_with(0);
    let kept = repo.top().join("tree/.git/lfs/objects/4d/4d");
    fs::create_dir_all(&kept).unwrap();
    fs::write(kept.join(&oid), format!("A=1\nB=2\nTOKEN={}\n", github_token())).unwrap();
    repo.git_run(&["commit", "-m", "big"]).exits_with(1).notes("big.bin:3:7");
    repo.git(&["commit", "-q", "--no-verify", "-m", "big"]);
    repo.git_run(&["push", "origin", "main"]).exits_with(1).notes("big.bin:3:7 in commit");
    repo.git(&["config", "lfs.storage", "../elsewhere"]);
    repo.git_run(&["push", "origin", "main"]).exits_with(0);
}
