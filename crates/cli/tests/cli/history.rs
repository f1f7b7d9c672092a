//! `scan --git`: every object once, told with its path and its commit; what is staged, and baselines.

use std::fs;

use crate::harness::{acme_key, github_token, nested};
use crate::repo::Repo;

#[test]
fn a_secret_that_is_gone_from_the_tree_is_found_in_its_commit() {
    let Some(repo) = Repo::new() else { return };
    repo.commit("first", &[("README", b"nothing\n".as_slice())]);
    let config = format!("host = \"a\"\n\nkey = \"{}\"\n", github_token());
    let commit = repo.commit("second", &[("app/config.py", config.as_bytes())]);
    // The same value in the next version is not told of again, and neither is its end.
    repo.commit("third", &[("app/config.py", [b"# a line more\n", config.as_bytes()].concat().as_slice())]);
    repo.commit("fourth", &[("app/config.py", b"key = os.environ[\"KEY\"]\n")]);
    let run = repo.run(&["scan", "--git", "."]).exits_with(1);
    let run = run.prints(&format!("app/config.py:3:8 in commit {}", &commit[..8])).prints("github-pat");
    assert_eq!(run.stdout.matches("github-pat").count(), 1, "{}", run.stdout);
    let json = repo.run(&["scan", "--git", "--format", "json"]).json();
    assert_eq!(json["findings"][0]["commit"], commit[..8]);
    assert!(json["findings"][0]["id"].as_str().is_some_and(|id| id.starts_with("exf1-")));
    assert_eq!(json["coverage"]["complete"], true);
    // A revision that is not there.
    repo.run(&["scan", "--git", ".", "no-such-branch"]).exits_with(2);
    repo.run(&["scan", "--git", ".", "--", "-x"]).exits_with(2);
}

#[test]
fn messages_names_tags_and_archives_are_looked_at() {
    let Some(repo) = Repo::new() else { return };
    let tokens: Vec<String> = (0..5).map(|_| github_token()).collect();
    repo.commit(&format!("a message with {}", tokens[0]), &[("a", b"1".as_slice())]);
    repo.commit("a name", &[(&format!("keys/{}", tokens[1]), b"2".as_slice())]);
    repo.git(&["tag", "-a", "v1", "-m", &format!("a tag with {}", tokens[2])]);
    repo.commit("an archive", &[("data.bin", nested(&tokens[3]).as_slice())]);
    repo.git(&["branch", "other"]);
    repo.commit("on no branch", &[("b", format!("{}\n", tokens[4]).as_bytes())]);
    repo.git(&["reset", "-q", "--hard", "other"]);
    let run = repo.run(&["scan", "--git", "."]).exits_with(1);
    let run = run
        .prints("commit ")
        .prints("keys/")
        .prints("tag ")
        .prints("data.bin > gzip > inner.tgz > gzip > config.js:1:")
        .prints(" in commit ");
    assert_eq!(run.stdout.matches("github-pat").count(), 4, "{}", run.stdout);
}

#[test]
fn a_range_is_what_it_says() {
    let Some(repo) = Repo::new() else { return };
    let first = repo.commit("first", &[("a", format!("{}\n", github_token()).as_bytes())]);
    repo.commit("second", &[("b", format!("{}\n", github_token()).as_bytes())]);
    for args in
        [&["scan", "--git", "--since", &first][..], &["scan", "--git", ".", &format!("{first}..HEAD")]]
    {
        repo.run(args).exits_with(1).prints("b:1:1 in commit").prints_not("a:1:1");
    }
    repo.run(&["scan", "--git", "--since", "HEAD"]).exits_with(0).prints("clean: 0 objects");
}

#[test]
fn staged_is_the_index_and_not_the_working_tree() {
    let Some(repo) = Repo::new() else { return };
    // Also before the first commit.
    repo.write("a", format!("{}\n", github_token()).as_bytes());
    repo.run(&["scan", "--git", "--staged"]).exits_with(0);
    repo.git(&["add", "a"]);
    repo.write("a", b"clean again\n");
    repo.run(&["scan", "--git", "--staged"]).exits_with(1).prints("a:1:1");
    repo.commit("it is committed", &[]);
    repo.write("b", b"clean\n");
    repo.git(&["add", "b"]);
    repo.run(&["scan", "--git", "--staged"]).exits_with(0);
}

#[test]
fn a_baseline_survives_lines_that_move() {
    let Some(repo) = Repo::new() else { return };
    let (strong, weak) = (github_token(), acme_key("md"));
    let rules = repo.rules();
    let content = format!("one\ntoken = \"{strong}\"\nweak = \"{weak}\"\n");
    repo.commit("first", &[("a.py", content.as_bytes())]);
    let base = repo.top().join("base.report");
    let (base, rules) = (base.to_str().unwrap(), rules.to_str().unwrap());
    let scan = ["scan", "--git", ".", "--rules", rules, "--trust-rules"];
    repo.run(&[&scan[..], &["--write-baseline", base]].concat()).exits_with(1);
    let text = fs::read_to_string(base).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("exf1-")).count(), 2, "{text}");
    let moved = format!("two\nand three\n    token = \"{strong}\"\n\n  weak = \"{weak}\"\n");
    repo.commit("moved", &[("a.py", moved.as_bytes())]);
    repo.run(&[&scan[..], &["--baseline", base]].concat()).exits_with(0).prints("accepted");
    repo.commit("new", &[("b.py", format!("{}\n", github_token()).as_bytes())]);
    repo.run(&[&scan[..], &["--baseline", base]].concat())
        .exits_with(1)
        .prints("b.py:1:1")
        .prints_not("a.py");
    // Files too.
    repo.run(&["scan", "a.py", "--rules", rules, "--trust-rules", "--baseline", base]).exits_with(0);
    fs::write(base, "exf1-what\n").unwrap();
    repo.run(&[&scan[..], &["--baseline", base]].concat()).exits_with(2).notes("base.report:1");
}

#[test]
fn an_object_that_is_missing_is_not_clean() {
    let Some(repo) = Repo::new() else { return };
    repo.commit("first", &[("a", b"some content\n".as_slice())]);
    let blob = repo.git(&["rev-parse", "HEAD:a"]);
    fs::remove_file(repo.top().join("tree/.git/objects").join(&blob[..2]).join(&blob[2..])).unwrap();
    let run = repo.run(&["scan", "--git", "."]);
    assert!(matches!(run.code, Some(2 | 3)), "{run:?}");
}

#[test]
fn a_baseline_accepts_the_name_of_a_folder() {
    let Some(repo) = Repo::new() else { return };
    repo.write(&format!("keys-{}/a", github_token()), b"1\n");
    let base = repo.top().join("base.report");
    let base = base.to_str().unwrap();
    repo.run(&["scan", ".", "--write-baseline", base]).exits_with(1).prints("(name)");
    repo.run(&["scan", ".", "--baseline", base]).exits_with(0).prints("accepted");
}

#[test]
fn a_shallow_clone_is_not_all_of_a_history() {
    let Some(repo) = Repo::new() else { return };
    repo.commit("with", &[("a", format!("{}\n", github_token()).as_bytes())]);
    repo.commit("without", &[("a", b"1\n".as_slice())]);
    repo.commit("more", &[("b", b"2\n".as_slice())]);
    let clone = repo.top().join("clone");
    let (clone, url) = (clone.to_str().unwrap(), format!("file://{}", repo.top().join("tree").display()));
    repo.git(&["clone", "-q", "--depth", "2", &url, clone]);
    repo.run(&["scan", "--git", clone]).exits_with(3).prints("shallow");
    // A range that ends before that is whole.
    repo.run(&["scan", "--git", clone, "HEAD~1..HEAD"]).exits_with(0);
    repo.git(&["-C", clone, "fetch", "-q", "--unshallow"]);
    repo.run(&["scan", "--git", clone]).exits_with(1);
}
