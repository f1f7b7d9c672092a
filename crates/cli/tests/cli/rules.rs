//! Rule files: their faults, and where they may not come from.

use std::fs;

use crate::harness::{ACME_RULES, Sandbox, acme_key, github_token};

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
    run.notes("bad.toml:15: examples: ").notes("acme-high");
}

#[test]
fn an_id_of_another_rule_is_refused() {
    let s = Sandbox::new();
    s.file("a.txt", "nothing\n");
    fs::write(s.top().join("again.toml"), ACME_RULES.replacen("acme-medium", "github-pat", 1)).unwrap();
    let run = s.run(&["scan", "tree", "--rules", "again.toml"]).exits_with(2);
    run.notes("again.toml:19: id: there is another rule github-pat");
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
    let filtered = ["rules", "list", "--rules", "acme.toml", "--provider", "acme", "--class", "test"];
    s.run(&filtered).exits_with(0).prints("acme-low ").prints_not("acme-high").prints("1 rule\n");
    s.run(&["rules", "list", "--provider", "stripe", "--class", "admin", "--confidence", "high"])
        .exits_with(0)
        .prints("stripe-secret-key")
        .prints_not("stripe-test-key");
}

#[test]
fn show_says_everything_of_a_rule() {
    let s = Sandbox::new();
    let run = s.run(&["rules", "show", "stripe-secret-key"]).exits_with(0);
    run.prints("provider     Stripe\n")
        .prints("class        admin: ")
        .prints("confidence   high: blocked on its way out\n")
        .prints("begins with  sk_live_")
        .prints("instead      A restricted key")
        .prints("file         rules/stripe.toml:");
    s.run(&["rules", "show", "nats-nkey-seed"]).exits_with(0).prints("check        crc16-base32: ");
    s.run(&["rules", "show", "acme-high", "--rules", "acme.toml"]).exits_with(0).prints("acme.toml:4\n");
    let toml = s.run(&["rules", "show", "github-pat", "--format", "toml"]).exits_with(0);
    assert_eq!(exfilter_rules_of(&toml.stdout), ["github-pat"]);
    s.run(&["rules", "show", "github-pad"])
        .exits_with(2)
        .notes("github-pad: there is no rule")
        .notes("github-pat");
}

fn exfilter_rules_of(text: &str) -> Vec<String> {
    let rules = exfilter::rules::parse("shown.toml", text).expect("what is shown is a rule file");
    rules.into_iter().map(|entry| entry.rule.id).collect()
}

#[test]
fn test_says_what_matches_where_and_why_not() {
    let s = Sandbox::new();
    let good = github_token();
    let mut spoilt = good.clone();
    let last = if spoilt.ends_with('0') { '1' } else { '0' };
    spoilt.pop();
    spoilt.push(last);
    let text = format!(
        "a {good}\nb {spoilt}\nc {good}x\nd {}\ne x{}\nf {}9\ng ghp_{}\nh API_KEY=the_quick_brown_fox_jumps_over_lazy_dogs\n",
        acme_key("hi"),
        acme_key("hi"),
        acme_key("hi"),
        "y".repeat(60)
    );
    std::fs::write(s.top().join("t.txt"), text).unwrap();
    let run = s.run(&["rules", "test", "t.txt", "--rules", "acme.toml"]).exits_with(1);
    run.prints("t.txt:1:3 ")
        .prints("high    its check verifies\n")
        .prints("t.txt:2:3 ")
        .prints("its check does not verify: one step less sure")
        .prints("t.txt:4:3 ")
        .prints("t.txt:5:4 ")
        .prints("something stands before the match: a letter, a digit or _")
        .prints("t.txt:6:3 ")
        .prints("it goes on behind the match: a letter, a digit or _")
        .prints("t.txt:7:3 ")
        .prints("its value has 0.46 bits per character, and 4 are asked for")
        .prints("t.txt:8:3 ")
        .prints("its value has a shape that the rule leaves out: words");
    let short = s.run_piped(&["rules", "test", "-", "--rule", "npm-access-token"], b"npm_01", 3);
    short.exits_with(0).prints("0 matches").prints("<stdin>:1:1").prints("the pattern takes 6 bytes");
    s.run(&["rules", "test", "t.txt", "--rule", "none"]).exits_with(2).notes("none: there is no rule");
    s.run(&["rules", "test", "none.txt"]).exits_with(2).notes("none.txt: it cannot be read");
}

#[test]
fn new_writes_a_file_that_passes_its_check() {
    let s = Sandbox::new();
    s.run(&["rules", "new", "umbrella-api-key", "-o", "umbrella.toml"])
        .exits_with(0)
        .notes("rules check umbrella.toml");
    s.run(&["rules", "check", "umbrella.toml"]).exits_with(0).prints("umbrella.toml: ok, 1 rule");
    s.run(&["rules", "new", "umbrella-api-key", "-o", "umbrella.toml"]).exits_with(2).notes("--output");
    s.run(&["rules", "new", "umbrella-api-key", "--provider", "Um \"B\""])
        .exits_with(0)
        .prints(r#"= "Um \"B\"""#);
    s.run(&["rules", "new", "Umbrella"]).exits_with(2).notes("lower-case letters");
}

#[test]
fn every_rule_file_is_of_the_schema() {
    let s = Sandbox::new();
    let schema = s.run(&["rules", "schema"]).exits_with(0).json();
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    let valid = |text: &str| {
        let value: serde_json::Value = toml::from_str(text).expect("a rule file is TOML");
        validator.iter_errors(&value).map(|e| format!("{e} at {}", e.instance_path())).collect::<Vec<_>>()
    };
    for (name, text) in exfilter::rules::builtin_files().iter().chain(exfilter::rules::more_files()) {
        assert_eq!(valid(text), Vec::<String>::new(), "{name}");
    }
    assert_eq!(valid(ACME_RULES), Vec::<String>::new());
    for (from, to) in [
        ("max_len", "maxlen"),
        ("instead = \"a key of one project\"\n", ""),
        ("\"high\"", "\"confirmed\""),
        ("= 32", "= 4096"),
        ("\"acme-high\"", "\"Acme\""),
    ] {
        assert!(!valid(&ACME_RULES.replacen(from, to, 1)).is_empty(), "{from}");
    }
}

#[test]
fn keep_going_names_what_is_faulty_and_loads_the_rest() {
    let s = Sandbox::new();
    s.file("a.txt", acme_key("hi"));
    s.file("b.txt", acme_key("md"));
    s.file("c.txt", acme_key("lo"));
    let bad = ACME_RULES.replacen("acme_hi_[0-9a-f]{24}'", "acme_hi_(?=x)[0-9a-f]{24}'", 1).replacen(
        "max_len = 32\nconfidence = \"medium\"",
        "maxlen = 32\nconfidence = \"medium\"",
        1,
    );
    std::fs::write(s.top().join("bad.toml"), bad).unwrap();
    s.run(&["scan", "tree", "--rules", "bad.toml"]).exits_with(2).notes("bad.toml:24: maxlen");
    let run =
        s.run(&["scan", "tree", "--rules", "bad.toml", "--keep-going", "--fail-on", "low"]).exits_with(1);
    let run =
        run.notes("left out: bad.toml:24: maxlen").notes("left out: bad.toml:4: acme-high: the pattern");
    run.prints("acme-low").prints_not("acme-high").prints_not("acme-medium");
    let check = s.run(&["rules", "check", "bad.toml"]).exits_with(2);
    check.notes("bad.toml:24: maxlen").notes("bad.toml:9: pattern: look-around");
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
