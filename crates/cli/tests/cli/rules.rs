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

/// Two rules that can be imported and two that cannot, as another program writes them.
const FOREIGN: &str = r#"
title = "Others"

[[rules]]
id = "acme-token"
description = "A token of Acme"
regex = '\b(acmetok_[0-9a-z]{24})(?:[\s"\x27;]|$)'
keywords = ["acmetok_"]

[[rules]]
id = "Acme Password"
regex = '(?i)[\w.-]{0,50}?(?:acme)[ \t]{0,9}=[ \t]{0,9}([0-9a-z]{20})(?:[\s;]|$)'
path = '\.env$'

[[rules]]
id = "digits"
regex = '[0-9]{40}'

[[rules]]
id = "files"
path = '\.p12$'
"#;

#[test]
fn import_names_what_it_cannot_express_and_scan_takes_the_rest() {
    let s = Sandbox::new();
    std::fs::write(s.top().join("other.toml"), FOREIGN).unwrap();
    let run = s.run(&["rules", "import", "other.toml", "-o", "ours.toml"]).exits_with(0);
    run.notes("other.toml:13: Acme Password: changed: path: ")
        .notes("other.toml:15: digits: not imported: regex: begins with no fixed text")
        .notes("other.toml:19: files: not imported: regex: there is none")
        .notes("other.toml: 4 rules: 2 imported, 0 in part, 2 not; 2 rules written");
    let quiet = s.run(&["rules", "import", "other.toml", "--quiet", "--prefix", "x-"]).exits_with(0);
    quiet.prints("id = \"x-acme-token\"").prints("id = \"x-acme-password\"");
    let mut rng = exfilter_testing::Rng::new(5);
    let text = |rng: &mut exfilter_testing::Rng, n| {
        String::from_utf8(rng.text(b"0123456789abcdefghijklmnopqrstuvwxyz", n)).unwrap()
    };
    s.file("a.txt", format!("t = acmetok_{}", text(&mut rng, 24)));
    s.file("b.txt", format!("ACME = {};\n", text(&mut rng, 20)));
    s.file("c.txt", format!("acme = {}|\n", text(&mut rng, 20)));
    let scan = s.run(&["scan", "tree", "--no-builtin", "--rules", "ours.toml"]).exits_with(1);
    let scan =
        scan.prints("imported-acme-token").prints("imported-acme-password").prints("a.txt").prints("b.txt");
    scan.prints_not("c.txt");
}

#[test]
fn import_of_something_else_says_what_is_wrong() {
    let s = Sandbox::new();
    for (text, note) in [
        ("rules = 1", "bad.toml:1: rules: is a integer; write each rule under [[rules]]"),
        ("a = 1\nb = ", "bad.toml:2: is no TOML: "),
        ("title = \"x\"", "bad.toml:1: rules: there are none; give a file"),
        ("[[rules]]\nid = \"x\"\nregex = \"a(\"", "bad.toml: none of its rules could be imported"),
    ] {
        std::fs::write(s.top().join("bad.toml"), text).unwrap();
        s.run(&["rules", "import", "bad.toml"]).exits_with(2).notes(note);
    }
    s.run(&["rules", "import", "none.toml"]).exits_with(2).notes("none.toml: the rule file cannot be read");
    std::fs::write(s.top().join("other.toml"), FOREIGN).unwrap();
    s.run(&["rules", "import", "other.toml", "--prefix", "A_"]).exits_with(2).notes("--prefix");
}
