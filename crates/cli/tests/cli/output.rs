//! The forms of the report.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::harness::{ACME_RULES, Sandbox, acme_key, github_token, gzip, tar};

/// A tree with something of everything.
fn tree() -> Sandbox {
    let s = Sandbox::new();
    s.file("a b.txt", format!("{}\n{}\n", acme_key("hi"), acme_key("lo")));
    s.file("x.tgz", gzip(&tar(&[("package/x.js", github_token().as_bytes())])));
    let whole = gzip(&(0..20_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    s.file("cut.gz", &whole[..whole.len() / 2]);
    s.file(".git/HEAD", "ref: refs/heads/main\n");
    s.file(".git/objects/x", "nothing");
    s
}

#[test]
fn json() {
    let s = tree();
    let run = s.run(&["scan", "tree", "--rules", "acme.toml", "--format", "json"]).exits_with(1);
    let json = run.json();
    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["coverage", "findings", "skipped", "summary", "tool", "version"]);
    assert_eq!(json["version"], 1);
    assert_eq!(json["tool"]["name"], "exfilter");
    let findings = json["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 3, "{json:#}");
    let first = &findings[0];
    assert_eq!(first["path"], "tree/a b.txt");
    assert_eq!(first["rule"], "acme-high");
    assert_eq!(first["provider"], "Acme");
    assert_eq!(first["class"], "admin");
    assert_eq!((&first["admin"], &first["instead"]), (&true.into(), &"a key of one project".into()));
    assert_eq!((&findings[1]["admin"], &findings[1]["instead"]), (&false.into(), &Value::Null));
    assert_eq!(first["confidence"], "high");
    assert_eq!(first["outer"], serde_json::json!({"start": 0, "end": 32}));
    assert_eq!(first["preview"], "acme_hi_");
    assert_eq!(first["counts"], true);
    assert_eq!(findings[1]["line"], 2);
    assert_eq!(findings[1]["counts"], false);
    assert_eq!(json["coverage"]["complete"], false);
    assert_eq!(json["coverage"]["files"], 4);
    assert_eq!(json["coverage"]["not_examined"][0]["path"], "tree/cut.gz");
    assert_eq!(json["coverage"]["not_examined"][0]["reason"], "truncated");
    assert_eq!(json["skipped"][0]["path"], "tree/.git/objects");
    assert_eq!(json["skipped"][0]["reason"], "git-objects");
    assert_eq!(json["summary"]["findings"]["high"], 2);
    assert_eq!(json["summary"]["findings"]["low"], 1);
    assert_eq!(json["summary"]["exit_code"], 1);
}

/// What anybody can make is less sure in a path of tests, below what was named: where the tree lies says nothing.
#[test]
fn keys_of_tests_are_less_sure() {
    let s = Sandbox::new();
    let rules = ACME_RULES.replace("confidence = \"high\"", "self_issued = true\nconfidence = \"high\"");
    fs::write(s.top().join("made.toml"), rules).unwrap();
    s.file("deploy/server.key", acme_key("hi"));
    s.file("tests/server.key", acme_key("hi"));
    s.file("x.tgz", gzip(&tar(&[("pkg/fixtures/x", acme_key("hi").as_bytes())])));
    let told = |paths: &[&str], more: &[&str]| {
        let run = s.run(&[&["scan", "--rules", "made.toml", "--format", "json"][..], paths, more].concat());
        let json = run.exits_with(1).json();
        let findings = json["findings"].as_array().unwrap().iter();
        let told = |found: &Value| {
            (found["confidence"].as_str().unwrap().to_owned(), found["fixture"].as_bool().unwrap())
        };
        findings.map(told).collect::<Vec<_>>()
    };
    let (high, medium) = (("high".to_owned(), false), ("medium".to_owned(), true));
    assert_eq!(told(&["tree"], &[]), [high.clone(), medium.clone(), medium.clone()]);
    assert_eq!(told(&["tree"], &["--strict-examples"]), [high.clone(), high.clone(), high.clone()]);
    let below = s.tree("tests");
    assert_eq!(told(&[below.to_str().unwrap()], &[]), [high]);
    assert_eq!(told(&["tree/tests/server.key"], &[]), [medium]);
    s.run(&["scan", "--rules", "made.toml", "tree"]).exits_with(1).prints("medium, in tests");
}

#[test]
fn the_table_marks_admin_keys_and_says_what_would_do() {
    let s = tree();
    let run = s.run(&["scan", "tree", "--rules", "acme.toml"]).exits_with(1);
    let run =
        run.prints("ADMIN KEY: the Acme API").prints("less would do:\n  acme-high  a key of one project\n");
    assert_eq!(run.stdout.matches("ADMIN KEY").count(), 1);
}

#[test]
fn jsonl() {
    let s = tree();
    let run = s.run(&["scan", "tree", "--rules", "acme.toml", "--format", "jsonl"]).exits_with(1);
    let types: Vec<String> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_string())
        .collect();
    assert_eq!(
        types,
        ["tool", "finding", "finding", "finding", "not_examined", "skipped", "coverage", "summary"]
    );
}

pub(crate) fn validate_sarif(log: &Value) {
    let mut schema: Value =
        serde_json::from_str(include_str!("../data/sarif-2.1.0-rtm.5.json")).expect("the schema is JSON");
    // As published, the patterns of two properties that are not used here are no regular expressions (`{2}]?$`).
    for owner in ["run", "toolComponent"] {
        let language = schema.pointer_mut(&format!("/definitions/{owner}/properties/language")).unwrap();
        assert!(language.as_object_mut().unwrap().remove("pattern").is_some());
    }
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    let errors: Vec<String> =
        validator.iter_errors(log).map(|e| format!("{} at {}", e, e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{log:#}");
}

#[test]
fn sarif() {
    let s = tree();
    let run = s.run(&["scan", "tree", "--rules", "acme.toml", "--format", "sarif"]).exits_with(1);
    let log = run.json();
    validate_sarif(&log);
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    let region = &results[0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(
        *region,
        serde_json::json!({"startLine": 1, "startColumn": 1, "byteOffset": 0, "byteLength": 32})
    );
    let place = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(place, "tree/a%20b.txt");
    assert_eq!(results[0]["level"], "error");
    assert!(results[0]["message"]["text"].as_str().unwrap().ends_with("; it is an admin key."));
    let admin = &log["runs"][0]["tool"]["driver"]["rules"][0];
    assert_eq!(admin["properties"]["tags"][2], "admin-key");
    assert!(
        admin["help"]["text"]
            .as_str()
            .unwrap()
            .contains("Less would do for most tasks: a key of one project.")
    );
    assert_eq!(results[1]["level"], "note");
    let member = &results[2]["locations"][0];
    assert_eq!(member["logicalLocations"][0]["fullyQualifiedName"], "gzip > package/x.js");
    assert!(member["physicalLocation"]["region"]["startLine"].is_null());
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 3);
    for result in results {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(invocation["toolExecutionNotifications"][0]["descriptor"]["id"], "truncated");
}

#[test]
fn sarif_of_nothing() {
    let s = Sandbox::new();
    s.file("a.txt", "nothing\n");
    let log = s.run(&["scan", "tree", "--format", "sarif"]).exits_with(0).json();
    validate_sarif(&log);
    assert_eq!(log["runs"][0]["results"], serde_json::json!([]));
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn a_report_file_is_replaced_whole() {
    let s = tree();
    fs::write(s.top().join("out.report"), "old").unwrap();
    let args = ["scan", "tree", "--rules", "acme.toml", "--format", "json", "--output", "out.report"];
    let run = s.run(&args).exits_with(1).notes("out.report written: 3 findings");
    assert_eq!(run.stdout, "");
    let text = fs::read_to_string(s.top().join("out.report")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["findings"].as_array().unwrap().len(), 3);
    let left: Vec<_> = fs::read_dir(s.top())
        .unwrap()
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with(".exfilter-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[cfg(unix)]
#[test]
fn a_device_as_report_file_stays_a_device() {
    use std::os::unix::fs::FileTypeExt;
    let s = tree();
    s.run(&["scan", "tree", "--output", "/dev/null"]).exits_with(1);
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[cfg(unix)]
#[test]
fn a_link_as_report_file_stays_a_link() {
    let s = tree();
    fs::write(s.top().join("real.report"), "old").unwrap();
    std::os::unix::fs::symlink("real.report", s.top().join("link.report")).unwrap();
    s.run(&["scan", "tree", "--output", "link.report"]).exits_with(1);
    assert!(fs::symlink_metadata(s.top().join("link.report")).unwrap().is_symlink());
    assert!(fs::read_to_string(s.top().join("real.report")).unwrap().contains("x.tgz"));
}

#[test]
fn colours_are_asked_for() {
    let s = tree();
    s.run(&["scan", "tree", "--color", "always"]).exits_with(1).prints("\x1b[31mhigh\x1b[0m");
    s.run(&["scan", "tree", "--color", "never"]).exits_with(1).prints_not("\x1b");
}

#[test]
fn quiet_prints_findings_only() {
    let s = Sandbox::new();
    s.file("a.txt", "nothing\n");
    let run = s.run(&["scan", "tree", "--quiet"]).exits_with(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    s.file("b.txt", github_token());
    let run = s.run(&["scan", "tree", "--quiet"]).exits_with(1);
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let s = Sandbox::new();
    for i in 0..3000 {
        s.file(format!("{i}.txt"), acme_key("hi"));
    }
    let mut child = s
        .command(&["scan", "tree", "--rules", "acme.toml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let run = s.checked(child.wait_with_output().unwrap()).exits_with(1);
    assert_eq!(run.stderr, "");
}

#[test]
fn two_tokens_in_one_block_are_two_rows() {
    let s = Sandbox::new();
    let text = format!("{}\n{}\n", github_token(), acme_key("hi"));
    s.file("a.zst", crate::harness::zstd(text.as_bytes()));
    let run = s.run(&["scan", "tree", "--rules", "acme.toml"]).exits_with(1);
    run.prints("tree/a.zst > zstd:1:1 ").prints("tree/a.zst > zstd:2:1 ").prints("2 findings (2 high)");
}

#[test]
fn findings_beyond_the_cap_are_counted_and_count() {
    let s = Sandbox::new();
    let mut text = String::new();
    for _ in 0..100_050 {
        text.push_str(&acme_key("hi"));
        text.push('\n');
    }
    s.file("a.txt", text);
    let args = ["scan", "tree", "--rules", "acme.toml", "--min", "confirmed", "--format", "json"];
    let json = s.run(&args).exits_with(1).json();
    assert_eq!(json["findings"].as_array().unwrap().len(), 0);
    assert_eq!(json["summary"]["findings"]["high"], 100_000);
    assert_eq!(json["summary"]["hidden"], 100_000);
    assert_eq!(json["summary"]["not_listed"][0]["rule"], "acme-high");
    assert_eq!(json["summary"]["not_listed"][0]["count"], 50);
}
