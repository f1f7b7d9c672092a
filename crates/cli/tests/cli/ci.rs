//! What the GitHub action and the GitLab template run, in the environment that those give them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{Run, github_token};
use crate::repo::Repo;

fn bindings(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bindings").join(name)
}

/// The action's script.
fn github(repo: &Repo, dir: &Path, variables: &[(&str, &str)]) -> Option<Run> {
    let script = bindings("github-action/check.sh");
    let mut command = repo.command("bash", &[script.to_str()?]);
    finish(repo, &mut command, dir, variables)
}

/// The lines of the template's job, as a runner gives them to a shell.
fn gitlab(repo: &Repo, dir: &Path, variables: &[(&str, &str)]) -> Option<Run> {
    let text = std::fs::read_to_string(bindings("gitlab/exfilter.gitlab-ci.yml")).unwrap();
    let script: Vec<&str> = text.lines().skip_while(|line| line.trim() != "- |").skip(1).collect();
    assert!(script.len() >= 4 && script.iter().all(|line| line.starts_with("      ")), "{text}");
    let mut command = repo.command("sh", &["-e", "-c", &script.join("\n")]);
    finish(repo, &mut command, dir, variables)
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn finish(repo: &Repo, command: &mut Command, dir: &Path, variables: &[(&str, &str)]) -> Option<Run> {
    command.current_dir(dir).env("EXFILTER", env!("CARGO_BIN_EXE_exfilter")).stdin(Stdio::null());
    for name in ["BASE", "HEAD", "BEFORE", "GITHUB_SHA", "BASELINE", "SARIF", "FAIL_ON"] {
        command.env_remove(name);
    }
    match command.envs(variables.iter().copied()).output() {
        Ok(output) => Some(repo.checked(output)),
        Err(_) => {
            println!("skipped: there is no shell");
            None
        }
    }
}

type Runner = fn(&Repo, &Path, &[(&str, &str)]) -> Option<Run>;

#[test]
fn what_a_push_brings_is_looked_at_and_nothing_else() {
    let runners: [(Runner, &str, &str, &str); 2] = [
        (github, "BEFORE", "GITHUB_SHA", "BASE"),
        (gitlab, "CI_COMMIT_BEFORE_SHA", "CI_COMMIT_SHA", "CI_MERGE_REQUEST_DIFF_BASE_SHA"),
    ];
    for (run, before, after, base) in runners {
        let Some(repo) = Repo::new() else { return };
        let tree = repo.top().join("tree");
        repo.commit("old", &[("a", format!("{}\n", github_token()).as_bytes())]);
        let first = repo.commit("without", &[("a", b"1\n".as_slice())]);
        let clean = repo.commit("clean", &[("b", b"2\n".as_slice())]);
        let dirty = repo.commit("dirty", &[("c", format!("{}\n", github_token()).as_bytes())]);
        let last = repo.commit("undone", &[("c", b"3\n".as_slice())]);
        let zeros = "0".repeat(40);
        let gone = "1".repeat(40);
        for (from, to, code, place) in [
            (&first, &clean, 0, "clean"),
            (&clean, &last, 1, "c:1:1 in commit"),
            (&zeros, &clean, 1, "a:1:1 in commit"),
            (&gone, &clean, 1, "a:1:1 in commit"),
            (&last, &clean, 0, "clean: 0 objects"),
        ] {
            let Some(run) = run(&repo, &tree, &[(before, from), (after, to)]) else { return };
            let _ = run.exits_with(code).prints(place);
        }
        let merge = [(before, &zeros[..]), (base, &clean), ("HEAD", &dirty), (after, &dirty)];
        let Some(run) = run(&repo, &tree, &merge) else { return };
        let _ = run.exits_with(1).prints("c:1:1 in commit").prints_not("a:1:1");
    }
}

#[test]
fn the_action_gets_the_history_that_a_checkout_leaves_out() {
    let Some(repo) = Repo::new() else { return };
    let first = repo.commit("first", &[("a", b"1\n".as_slice())]);
    repo.commit("with", &[("a", format!("{}\n", github_token()).as_bytes())]);
    let last = repo.commit("without", &[("a", b"2\n".as_slice())]);
    let url = format!("file://{}", repo.top().join("tree").display());
    let clone = repo.top().join("clone");
    repo.git(&["clone", "-q", "--depth", "1", &url, clone.to_str().unwrap()]);
    let sarif = repo.top().join("out.report");
    let variables = [("BEFORE", &first[..]), ("GITHUB_SHA", &last), ("SARIF", sarif.to_str().unwrap())];
    let Some(run) = github(&repo, &clone, &variables) else { return };
    let _ = run.exits_with(1);
    assert!(std::fs::read_to_string(&sarif).unwrap().contains("github-pat"));
}
