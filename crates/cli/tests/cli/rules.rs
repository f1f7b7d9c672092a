//! Rule files: their faults, and where they may not come from.

use std::fs;

use crate::harness::{ACME_RULES, Sandbox, acme_key};

#[test]
fn a_fault_has_file_line_and_field() {
    let s = Sandbox::new();
    s.file("a.txt", "nothing\n");
    fs::write(s.top().join("bad.toml"), ACME_RULES.replacen("max_len", "maxlen", 1)).unwrap();
    s.run(&["scan", "tree", "--rules", "bad.toml"]).exits_with(2).notes("bad.toml:10: maxlen");
    s.run(&["rules", "check", "bad.toml"]).exits_with(2).notes("bad.toml:10: maxlen");
    s.run(&["scan", "tree", "--rules", "none.toml"])
        .exits_with(2)
        .notes("none.toml: the rule file cannot be read");
    fs::write(s.top().join("latin.toml"), b"provider = \"A\"\n# \xff\n").unwrap();
    s.run(&["scan", "tree", "--rules", "latin.toml"]).exits_with(2).notes("latin.toml:2: ");
}

#[test]
fn a_pattern_without_bound_is_refused() {
    let s = Sandbox::new();
    fs::write(
        s.top().join("bad.toml"),
        ACME_RULES.replacen("acme_hi_[0-9a-f]{24}'", "acme_hi_[0-9a-f]+'", 1),
    )
    .unwrap();
    s.run(&["rules", "check", "bad.toml"]).exits_with(2).notes("bad.toml:").notes("pattern");
}

#[test]
fn an_example_that_does_not_match_is_told() {
    let s = Sandbox::new();
    fs::write(
        s.top().join("bad.toml"),
        ACME_RULES.replacen("[\"acme_hi_{hex:24}\"]", "[\"acme_hi_{hex:20}\"]", 1),
    )
    .unwrap();
    let run = s.run(&["rules", "check", "bad.toml", "acme.toml"]).exits_with(2);
    run.notes("bad.toml:14: examples: ").notes("acme-high");
}

#[test]
fn an_id_of_another_rule_is_refused() {
    let s = Sandbox::new();
    s.file("a.txt", "nothing\n");
    fs::write(s.top().join("again.toml"), ACME_RULES.replacen("acme-medium", "github-pat", 1)).unwrap();
    let run = s.run(&["scan", "tree", "--rules", "again.toml"]).exits_with(2);
    run.notes("again.toml:18: id: there is another rule github-pat");
}

#[test]
fn check_says_ok() {
    let s = Sandbox::new();
    s.run(&["rules", "check", "acme.toml"]).exits_with(0).prints("acme.toml: ok, 3 rules");
}

#[test]
fn list() {
    let s = Sandbox::new();
    s.run(&["rules", "list"]).exits_with(0).prints("github").prints(" rules\n");
    let args = ["rules", "list", "--rules", "acme.toml", "--no-builtin", "--format", "json"];
    let json = s.run(&args).exits_with(0).json();
    assert_eq!(json.as_array().unwrap().len(), 3);
    assert_eq!(json[0]["id"], "acme-high");
}

#[test]
fn a_rule_file_in_the_scanned_tree_is_refused() {
    let s = Sandbox::new();
    s.file("rules.toml", ACME_RULES);
    s.file("a.txt", acme_key("hi"));
    let run = s.run(&["scan", "tree", "--rules", "tree/rules.toml"]).exits_with(2);
    run.notes("tree/rules.toml: the rule file lies inside the scanned tree").notes("--trust-rules");
    s.run(&["scan", "tree", "--rules", "tree/rules.toml", "--trust-rules"]).exits_with(1).prints("acme-high");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("tree/rules.toml", s.top().join("innocent.toml")).unwrap();
        s.run(&["scan", "tree", "--rules", "innocent.toml"])
            .exits_with(2)
            .notes("lies inside the scanned tree");
    }
}
