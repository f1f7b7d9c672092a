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

/// Many small commits and a large one, in one pack; the commit and the name of a blob in it that holds a token.
fn packed(repo: &Repo) -> (String, String) {
    for n in 0..40 {
        let files: Vec<(String, String)> =
            (0..20).map(|i| (format!("f{i}"), format!("{n}\n{i}\n"))).collect();
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, text)| (&name[..], text.as_bytes())).collect();
        for (name, content) in &files {
            repo.write(name, content);
        }
        repo.git(&["add", "--", "."]);
        repo.commit(&format!("number {n}"), &[]);
    }
    let commit = repo.commit("with", &[("config", format!("a\n{}\n", github_token()).as_bytes())]);
    repo.commit("without", &[("config", b"a\n")]);
    repo.git(&["repack", "-q", "-adf", "--window=50"]);
    (commit, repo.git(&["rev-parse", "HEAD~1:config"]))
}

#[test]
fn a_packed_history_is_read_to_its_end() {
    let Some(repo) = Repo::new() else { return };
    let (commit, _) = packed(&repo);
    for jobs in ["1", "2"] {
        let run = repo.run(&["scan", "--git", ".", "--jobs", jobs]).exits_with(1);
        run.prints(&format!("config:2:1 in commit {}", &commit[..8]));
    }
}

#[test]
fn a_damaged_pack_is_incomplete_and_says_so() {
    let Some(repo) = Repo::new() else { return };
    let (_, blob) = packed(&repo);
    let folder = repo.top().join("tree/.git/objects/pack");
    let find = |ending: &str| {
        let mut paths = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        paths.find(|path| path.extension().is_some_and(|is| is == ending)).unwrap()
    };
    let (pack, index) = (find("pack"), find("idx"));
    let verified = repo.git(&["verify-pack", "-v", index.to_str().unwrap()]);
    let line: Vec<&str> =
        verified.lines().find(|line| line.starts_with(&blob)).unwrap().split_whitespace().collect();
    let (len, at): (usize, usize) = (line[3].parse().unwrap(), line[4].parse().unwrap());
    let mut bytes = fs::read(&pack).unwrap();
    bytes[at + len - 1] ^= 1;
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, &bytes).unwrap();
    let run = repo.run(&["scan", "--git", "."]).exits_with(3);
    run.prints("config").prints("compressed content is damaged").prints_not("github-pat");
    // An index that says that the blob is what another one is.
    bytes[at + len - 1] ^= 1;
    fs::write(&pack, &bytes).unwrap();
    let mut lies = fs::read(&index).unwrap();
    let n = u32::from_be_bytes(lies[8 + 255 * 4..8 + 256 * 4].try_into().unwrap()) as usize;
    let offsets = 8 + 256 * 4 + n * 24;
    let number = |at: usize, bytes: &[u8]| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let of = |offset: usize, bytes: &[u8]| {
        (0..n).map(|i| offsets + 4 * i).find(|i| number(*i, bytes) as usize == offset).unwrap()
    };
    let other = repo.git(&["rev-parse", "HEAD:config"]);
    let line: Vec<&str> =
        verified.lines().find(|line| line.starts_with(&other)).unwrap().split_whitespace().collect();
    let (from, to) = (of(line[4].parse().unwrap(), &lies), of(at, &lies));
    lies.copy_within(from..from + 4, to);
    fs::remove_file(&index).unwrap();
    fs::write(&index, &lies).unwrap();
    // Whether it is read here or by git, as few objects are.
    for range in ["HEAD", "HEAD~2..HEAD"] {
        let run = repo.run(&["scan", "--git", ".", range]).exits_with(3);
        run.prints("config").prints("its content is not what its id says");
    }
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
