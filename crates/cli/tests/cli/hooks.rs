//! Hooks under a real git: what is refused and what passes, with what words.

use std::fs;

use crate::harness::{acme_key, github_token, gzip, nested};
use crate::repo::Repo;

/// A repository with a remote, one commit pushed, and our hooks.
fn pushed() -> Option<Repo> {
    let repo = Repo::new()?;
    repo.remote();
    repo.commit("first", &[("README", b"nothing\n".as_slice())]);
    repo.git(&["push", "-q", "origin", "main"]);
    repo.run(&["hook", "install"]).exits_with(0).notes("pre-commit, pre-push installed");
    Some(repo)
}

#[track_caller]
fn refused(repo: &Repo, token: &str, place: &str) {
    let run = repo.git_run(&["push", "origin", "HEAD", "--tags"]).exits_with(1);
    let run = run.notes("exfilter: push refused: 1 secret").notes(place).notes("github-pat").notes("exf1-");
    let _ = run.notes("To fix it").notes(".exfilter-allow.toml");
    assert!(!repo.remote_has(token));
}

#[test]
fn a_clean_push_arrives_as_it_is() {
    let Some(repo) = pushed() else { return };
    let head = repo.commit("second", &[("src/a.rs", b"fn main() {}\n".as_slice())]);
    repo.git(&["tag", "-a", "v1", "-m", "a tag"]);
    repo.git_run(&["push", "origin", "main", "v1"]).exits_with(0);
    assert_eq!(repo.git(&["ls-remote", "origin", "refs/heads/main"]).split('\t').next(), Some(&head[..]));
    // A new branch, and one that is deleted.
    repo.git_run(&["push", "origin", "HEAD:refs/heads/other"]).exits_with(0);
    repo.git_run(&["push", "origin", ":other"]).exits_with(0);
    repo.git_run(&["push", "origin", "main"]).exits_with(0);
}

#[test]
fn a_secret_in_a_file_of_an_old_commit_is_refused() {
    let Some(repo) = pushed() else { return };
    let token = github_token();
    let commit = repo.commit("with", &[("app/config.py", format!("a = 1\nkey = '{token}'\n").as_bytes())]);
    repo.commit("without", &[("app/config.py", b"a = 1\n".as_slice())]);
    refused(&repo, &token, &format!("app/config.py:2:8 in commit {}", &commit[..8]));
    // Onto a new branch, and by its address, too.
    repo.git_run(&["push", "origin", "HEAD:refs/heads/new"]).exits_with(1);
    let url = repo.top().join("remote.git");
    repo.git_run(&["push", url.to_str().unwrap(), "HEAD:refs/heads/new"]).exits_with(1);
    // Taken out of the history it passes, also by force.
    repo.git(&["reset", "-q", "--hard", "HEAD~2"]);
    repo.commit("clean", &[("app/config.py", b"a = 2\n".as_slice())]);
    repo.git_run(&["push", "--force", "origin", "main"]).exits_with(0);
}

#[test]
fn a_secret_in_a_message_a_tag_or_a_name_is_refused() {
    let Some(repo) = pushed() else { return };
    let tokens: Vec<String> = (0..4).map(|_| github_token()).collect();
    let base = repo.git(&["rev-parse", "HEAD"]);
    repo.commit(&format!("use {}", tokens[0]), &[("b", b"1\n".as_slice())]);
    refused(&repo, &tokens[0], "commit ");
    repo.git(&["reset", "-q", "--hard", &base]);
    repo.git(&["tag", "-a", "v2", "-m", &format!("use {}", tokens[1])]);
    refused(&repo, &tokens[1], "tag ");
    repo.git(&["tag", "-d", "v2"]);
    repo.commit("a name", &[(&format!("keys/{}.txt", tokens[2]), b"2\n".as_slice())]);
    refused(&repo, &tokens[2], "keys/");
    repo.git(&["reset", "-q", "--hard", &base]);
    repo.git(&["tag", &format!("v-{}", tokens[3])]);
    let run = repo.git_run_quietly(&["push", "origin", "--tags"]);
    assert!(run.0 == Some(1) && run.1.contains("the name of a ref"), "{run:?}");
}

#[test]
fn a_secret_in_a_nested_archive_is_refused() {
    let Some(repo) = pushed() else { return };
    let token = github_token();
    repo.commit("archive", &[("data/blob.gz", nested(&token).as_slice())]);
    refused(&repo, &token, "data/blob.gz > gzip > inner.tgz > gzip > config.js:1:");
}

#[test]
fn what_cannot_be_examined_is_refused() {
    let Some(repo) = pushed() else { return };
    let mut cut = gzip(&b"some text that is longer than a guess ".repeat(4000));
    cut.truncate(cut.len() - 9);
    repo.commit("cut", &[("cut.gz", cut.as_slice())]);
    let run = repo.git_run(&["push", "origin", "main"]).exits_with(1);
    run.notes("exfilter: push refused: 1 range not examined").notes("cut.gz > gzip");
}

#[test]
fn a_commit_is_checked_as_it_is_staged() {
    let Some(repo) = pushed() else { return };
    let token = github_token();
    repo.write("a.env", format!("TOKEN={token}\n").as_bytes());
    repo.git(&["add", "a.env"]);
    // The working tree is clean again, the index is not.
    repo.write("a.env", b"TOKEN=\n");
    let run = repo.git_run(&["commit", "-m", "a"]).exits_with(1);
    run.notes("exfilter: commit refused: 1 secret").notes("a.env:1:7").notes("git add");
    repo.git(&["add", "a.env"]);
    repo.write("a.env", format!("TOKEN={token}\n").as_bytes());
    repo.git_run(&["commit", "-m", "a"]).exits_with(0);
    // `commit -a` has an index of its own.
    repo.git_run(&["commit", "-a", "-m", "b"]).exits_with(1);
}

#[test]
fn what_is_medium_is_a_warning() {
    let Some(repo) = pushed() else { return };
    let rules = repo.rules();
    repo.write("a", format!("{}\n", acme_key("md")).as_bytes());
    repo.git(&["add", "a"]);
    let args = ["hook", "pre-commit", "--rules", rules.to_str().unwrap(), "--trust-rules"];
    repo.run(&args).exits_with(0).notes("1 place to look at; not refused").notes("acme-medium");
    repo.run(&[&args[..], &["--fail-on", "medium"]].concat()).exits_with(1).notes("commit refused");
}

#[test]
fn a_finding_is_allowed_by_what_the_remote_has() {
    let Some(repo) = pushed() else { return };
    let token = github_token();
    let with = format!("key = '{token}'\n");
    repo.commit("with", &[("tests/key.py", with.as_bytes())]);
    let run = repo.git_run(&["push", "origin", "main"]).exits_with(1);
    let entry: Vec<&str> = run.stderr.lines().skip_while(|line| *line != "  [[allow]]").take(5).collect();
    let entry = entry.join("\n").replace("...", "made for the tests");
    repo.git(&["reset", "-q", "--hard", "HEAD~1"]);
    // What is pushed cannot allow itself.
    repo.commit("both", &[("tests/key.py", with.as_bytes()), (".exfilter-allow.toml", entry.as_bytes())]);
    repo.git_run(&["push", "origin", "main"]).exits_with(1);
    repo.git(&["reset", "-q", "--hard", "HEAD~1"]);
    repo.commit("allow", &[(".exfilter-allow.toml", entry.as_bytes())]);
    repo.git_run(&["push", "origin", "main"]).exits_with(0);
    repo.commit("with", &[("tests/key.py", with.as_bytes())]);
    repo.git_run(&["push", "origin", "main"]).exits_with(0);
    assert!(repo.remote_has(&token));
    // At that path only, and no other value.
    repo.commit("elsewhere", &[("src/key.py", with.as_bytes())]);
    // The blob is the same, so git sends no new one: its path is not looked at again.
    repo.commit("other", &[("tests/key.py", format!("key = '{}'\n", github_token()).as_bytes())]);
    repo.git_run(&["push", "origin", "main"]).exits_with(1).notes("tests/key.py:1:8");
}

#[test]
fn what_is_confirmed_cannot_be_allowed() {
    let Some(repo) = Repo::new() else { return };
    let token = github_token();
    repo.write("key.py", format!("key = '{token}'\n").as_bytes());
    repo.git(&["add", "key.py"]);
    let run = repo.run(&["hook", "pre-commit"]).exits_with(1);
    let entry: Vec<&str> = run.stderr.lines().skip_while(|line| *line != "  [[allow]]").take(5).collect();
    let entry = entry.join("\n").replace("...", "made for the tests");
    repo.git(&["reset", "-q"]);
    repo.commit("allow", &[(".exfilter-allow.toml", entry.as_bytes())]);
    repo.git(&["add", "key.py"]);
    repo.run(&["hook", "pre-commit"]).exits_with(0);
    // The value is one of this environment's: now it is known to open something.
    let run = repo.run_with(&["hook", "pre-commit", "--secrets-from-env"], "DEPLOY_TOKEN", &token);
    let run = run.exits_with(1).notes("confirmed").notes("key.py:1:8");
    assert!(!run.stderr.contains("[[allow]]"), "{run:?}");
}

#[test]
fn a_hook_that_was_there_runs_after_ours() {
    let Some(repo) = Repo::new() else { return };
    repo.remote();
    let hook = repo.top().join("tree/.git/hooks/pre-push");
    let log = repo.top().join("log");
    let script = format!("#!/bin/sh\ncat > '{}'\necho \"$1\" >> '{0}'\nexit 7\n", log.display());
    fs::write(&hook, script).unwrap();
    make_program(&hook);
    repo.run(&["hook", "install", "--hook", "pre-push"]).exits_with(0);
    // Once more changes nothing.
    repo.run(&["hook", "install", "--hook", "pre-push"]).exits_with(0);
    repo.commit("first", &[("a", b"1\n".as_slice())]);
    repo.git_run(&["push", "origin", "main"]).exits_with(1);
    let seen = fs::read_to_string(&log).unwrap();
    assert!(seen.starts_with("refs/heads/main ") && seen.ends_with("origin\n"), "{seen}");
    fs::remove_file(&log).unwrap();
    repo.commit("second", &[("b", format!("{}\n", github_token()).as_bytes())]);
    repo.git_run(&["push", "origin", "main"]).exits_with(1).notes("push refused");
    assert!(!log.exists(), "what is refused goes no further");
    repo.run(&["hook", "uninstall"]).exits_with(0);
    assert!(fs::read_to_string(&hook).unwrap().contains("exit 7"));
    repo.run(&["hook", "uninstall"]).exits_with(0).notes("no hook of exfilter's");
}

#[test]
fn hooks_of_all_repositories_hand_on_to_the_repositorys_own() {
    let Some(repo) = Repo::new() else { return };
    repo.remote();
    let own = repo.top().join("tree/.git/hooks");
    let log = repo.top().join("log");
    for name in ["commit-msg", "pre-commit"] {
        fs::write(own.join(name), format!("#!/bin/sh\necho {name} >> '{}'\n", log.display())).unwrap();
        make_program(&own.join(name));
    }
    repo.run(&["hook", "install", "--global"]).exits_with(0);
    repo.write("a", b"clean\n");
    repo.git(&["add", "a"]);
    repo.git_run(&["commit", "-m", "clean"]).exits_with(0);
    assert_eq!(fs::read_to_string(&log).unwrap(), "pre-commit\ncommit-msg\n");
    repo.write("a", format!("{}\n", github_token()).as_bytes());
    repo.git_run(&["commit", "-a", "-m", "not clean"]).exits_with(1).notes("commit refused");
    repo.run(&["hook", "uninstall", "--global"]).exits_with(0);
    repo.git(&["commit", "-q", "-a", "-m", "not clean"]);
    assert!(repo.try_git(&["config", "--global", "core.hooksPath"]).stdout.is_empty());
}

#[test]
fn the_server_looks_at_what_it_has_not_let_in() {
    let Some(repo) = Repo::new() else { return };
    let remote = repo.remote();
    repo.commit("first", &[("a", b"1\n".as_slice())]);
    repo.git(&["push", "-q", "origin", "main"]);
    let hook = remote.join("hooks/pre-receive");
    fs::write(&hook, format!("#!/bin/sh\nexec '{}' hook pre-receive\n", env!("CARGO_BIN_EXE_exfilter")))
        .unwrap();
    make_program(&hook);
    let token = github_token();
    repo.commit("with", &[("b", format!("{token}\n").as_bytes())]);
    repo.commit("without", &[("b", b"2\n".as_slice())]);
    let run = repo.git_run(&["push", "origin", "main"]).exits_with(1);
    run.notes("remote: exfilter: push refused: 1 secret")
        .notes("b:1:1 in commit")
        .notes("pre-receive hook declined");
    assert!(!repo.remote_has(&token));
    repo.git(&["reset", "-q", "--hard", "HEAD~2"]);
    repo.commit("clean", &[("b", b"2\n".as_slice())]);
    repo.git_run(&["push", "origin", "main"]).exits_with(0);
    repo.git_run(&["push", "origin", "HEAD:refs/heads/x"]).exits_with(0);
    repo.git_run(&["push", "origin", ":x"]).exits_with(0);
}

#[test]
fn a_server_may_let_pass_what_the_pusher_names_and_records_it() {
    let Some(repo) = Repo::new() else { return };
    let remote = repo.remote();
    repo.commit("first", &[("a", b"1\n".as_slice())]);
    repo.git(&["push", "-q", "origin", "main"]);
    repo.git(&["-C", remote.to_str().unwrap(), "config", "receive.advertisePushOptions", "true"]);
    let hook = remote.join("hooks/pre-receive");
    let record = repo.top().join("passed.report");
    let install = |more: &str| {
        let exe = env!("CARGO_BIN_EXE_exfilter");
        fs::write(&hook, format!("#!/bin/sh\nexec '{exe}' hook pre-receive {more}\n")).unwrap();
        make_program(&hook);
    };
    install("");
    let token = github_token();
    repo.commit("with", &[("b", format!("{token}\n").as_bytes())]);
    let run = repo.git_run(&["push", "origin", "main"]).exits_with(1);
    let id = run.stderr.split("id = \"").nth(1).unwrap().split('"').next().unwrap().to_string();
    let option = format!("exfilter.allow={id}");
    let push = ["push", "-o", &option, "origin", "main"];
    repo.git_run(&push).exits_with(1).notes("lets nothing pass on request");
    install(&format!("--overrides '{}'", record.display()));
    repo.git_run(&["push", "-o", "exfilter.allow=all", "origin", "main"]).exits_with(1);
    let other = "exfilter.allow=exf1-aaaaaaaaaaaaaaaaaaaaaaaaaa";
    repo.git_run(&["push", "-o", other, "origin", "main"]).exits_with(1).notes("push refused");
    repo.git_run(&push).exits_with(0);
    assert!(repo.remote_has(&token));
    let text = fs::read_to_string(&record).unwrap();
    assert!(text.lines().last().unwrap().contains(&format!(" {id} refs/heads/main ")), "{text}");
    // Where it cannot be recorded nothing passes.
    install(&format!("--overrides '{}/none/x'", record.display()));
    repo.commit("more", &[("c", format!("{}\n", github_token()).as_bytes())]);
    repo.git_run(&push).exits_with(1).notes("cannot be recorded");
}

#[test]
fn whatever_goes_wrong_refuses() {
    let Some(repo) = pushed() else { return };
    let zeros = "0".repeat(40);
    let there_is_none = "1".repeat(40);
    for input in
        ["what is this\n".to_string(), format!("refs/heads/a {there_is_none} refs/heads/a {zeros}\n")]
    {
        let run = repo.run_piped(&["hook", "pre-push"], input.as_bytes());
        assert_eq!(run.code, Some(2), "{run:?}");
    }
    // The program is not where it was.
    let hook = repo.top().join("tree/.git/hooks/pre-push");
    let script = fs::read_to_string(&hook).unwrap();
    fs::write(&hook, script.replace(env!("CARGO_BIN_EXE_exfilter"), "/nowhere/exfilter")).unwrap();
    repo.commit("second", &[("b", b"2\n".as_slice())]);
    repo.git_run(&["push", "origin", "main"]).exits_with(1);
}

pub(crate) fn make_program(path: &std::path::Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = path;
}
