//! What is meant to break the audit, or to make it take long.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use exfilter_audit::{Audit, Skip};
use exfilter_testing::Rng;

use crate::home::{ENGINE, Home, assert_mute, find, github, mode, program, secret};

#[test]
fn pipes_sockets_and_devices_are_not_read() {
    let home = Home::new();
    if let Some(mkfifo) = program("mkfifo") {
        for name in [".netrc", "pipe"] {
            crate::home::client(&home, &mkfifo, &[home.path(name).to_str().unwrap()], b"").unwrap();
        }
    }
    let _socket = std::os::unix::net::UnixListener::bind(home.path("socket")).unwrap();
    symlink("/dev/zero", home.path(".pgpass")).unwrap();
    symlink("/dev/zero", home.path("zero")).unwrap();
    let start = Instant::now();
    let report = home.audit();
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(report.finds.is_empty());
    assert!(
        report.skips.iter().any(|(reason, n, _)| *reason == Skip::Special && *n >= 2),
        "{:?}",
        report.skips
    );
}

#[test]
fn a_file_of_fifty_gigabytes_is_read_to_its_budget_and_told() {
    let home = Home::new();
    let token = github();
    let mut begin = token.clone().into_bytes();
    begin.push(b'\n');
    fs::write(home.path("big.bin"), &begin).unwrap();
    File::options().write(true).open(home.path("big.bin")).unwrap().set_len(50_000_000_000).unwrap();
    let start = Instant::now();
    let report = home.audit();
    assert!(start.elapsed() < Duration::from_secs(20));
    find(&report, "big.bin", "");
    let (_, count, bytes) = report.skips.iter().find(|(reason, ..)| *reason == Skip::OverBudget).unwrap();
    assert_eq!((*count, *bytes), (1, 50_000_000_000 - 256 * 1024));
    assert_eq!(report.totals.bytes, 256 * 1024);
}

#[test]
fn a_known_place_over_its_limit_is_a_gap() {
    let home = Home::new();
    let file = home.file(".claude/projects/p/t.jsonl", "{}\n");
    File::options().write(true).open(file).unwrap().set_len(65 << 20).unwrap();
    let report = home.audit();
    assert_eq!(report.gaps.len(), 1, "{:#?}", report.gaps);
    assert_eq!(report.gaps[0].reason, "over-limit");
}

#[test]
fn fields_that_were_not_read_are_a_gap() {
    for (name, line, times) in
        [(".netrc", "machine h login me\n", 300_000), (".config/gh/hosts.yml", "- token: abcdef1\n", 20_100)]
    {
        let home = Home::new();
        home.file(name, line.repeat(times));
        let report = home.audit();
        assert!(report.gaps.iter().any(|gap| gap.reason == "over-limit"), "{name}: {:#?}", report.gaps);
    }
}

#[test]
fn links_end_in_the_view_and_loops_end() {
    let home = Home::new();
    let outside = tempfile::TempDir::new().unwrap();
    fs::write(outside.path().join("netrc"), format!("machine h login me password {}\n", secret(20))).unwrap();
    // An absolute link leads to the view's own files, not to this machine's.
    symlink(outside.path().join("netrc"), home.path(".netrc")).unwrap();
    symlink("/home/u/dotfiles/npmrc", home.path(".npmrc")).unwrap();
    home.file("dotfiles/npmrc", format!("//r.example/:_authToken={}\n", secret(30)));
    symlink(".aws", home.path(".aws")).unwrap();
    symlink("..", home.path("up")).unwrap();
    symlink("../../../../../../../etc", home.path("etc")).unwrap();
    let report = home.audit();
    assert_eq!(report.finds.len(), 1, "{:#?}", report.finds);
    let found = find(&report, "dotfiles/npmrc", "_authToken");
    assert_eq!(found.count(), 1, "it is read where it lies: {found:#?}");
}

#[test]
fn what_the_user_cannot_read_is_closed() {
    let home = Home::new();
    home.file(".netrc", format!("machine h login me password {}\n", secret(20)));
    home.file("open.txt", github());
    mode(&home.path("open.txt"), 0o644);
    let mut view = home.view();
    // Nobody: the files belong to whoever runs the tests.
    view.reader(exfilter_audit::Reader::new(65_533, vec![65_533]));
    let report = Audit::new(ENGINE.clone(), view).run().unwrap();
    assert_mute(&report);
    assert_eq!(report.finds.len(), 1, "{:#?}", report.finds);
    assert!(report.totals.closed >= 1);
}

#[test]
fn a_value_at_the_end_of_a_long_transcript_is_found_whole() {
    let home = Home::new();
    let token = github();
    let mut text = "{\"text\": \"nothing to see\"}\n".repeat(200_000);
    text.push_str(&format!("{{\"text\": \"export T={token}\"}}\n"));
    home.file(".claude/projects/p/t.jsonl", &text);
    home.file(".env", format!("T_TOKEN={token}\n"));
    let report = home.audit();
    assert_eq!(report.finds.len(), 1, "both places hold one value: {:#?}", report.finds);
    assert_eq!(report.finds[0].count(), 2);
}

#[test]
fn values_are_handed_out_once_for_each_place_and_only_there() {
    let home = Home::new();
    let (token, password) = (github(), secret(20));
    home.file(".env", format!("GITHUB_TOKEN={token}\nDB_PASSWORD={password}\n"));
    /// Value, source, field and rule.
    type Taken = (Vec<u8>, String, String, Option<String>);
    let taken: Mutex<Vec<Taken>> = Mutex::default();
    let audit = Audit::new(ENGINE.clone(), home.view());
    let report = audit
        .run_with(&|found| {
            let rule = found.rule().map(|rule| rule.id.clone());
            taken.lock().unwrap().push((
                found.expose().to_vec(),
                found.source().into(),
                found.field().into(),
                rule,
            ));
        })
        .unwrap();
    assert_mute(&report);
    let mut taken = taken.into_inner().unwrap();
    taken.sort();
    let mut expected = vec![
        (
            token.into_bytes(),
            "/home/u/.env".to_string(),
            "GITHUB_TOKEN".to_string(),
            Some("github-pat".to_string()),
        ),
        (password.into_bytes(), "/home/u/.env".to_string(), "DB_PASSWORD".to_string(), None),
    ];
    expected.sort();
    assert_eq!(taken.len(), expected.len());
    assert!(taken == expected, "the values, sources, fields or rules differ");
}

#[test]
fn a_secret_in_a_name_is_masked() {
    let home = Home::new();
    let token = github();
    home.file(format!("dump-{token}.env"), format!("X_TOKEN={}\n", secret(30)));
    home.file("a.json", "{}");
    home.file(
        ".mcp.json",
        format!("{{\"mcpServers\": {{\"{token}\": {{\"env\": {{\"A_TOKEN\": \"{}\"}}}}}}}}", secret(30)),
    );
    let report = home.audit();
    assert_eq!(report.finds.len(), 3, "the token in JSON is one too: {:#?}", report.finds);
    assert!(report.finds.iter().any(|find| find.places[0].name.as_bytes().ends_with(b"****.env")));
}

#[test]
fn whoever_else_can_read_it_makes_it_worse() {
    let home = Home::new();
    let folder = home.path("shared");
    home.file("shared/a.txt", github());
    mode(&home.path("shared/a.txt"), 0o644);
    mode(&folder, 0o755);
    for folder in [home.root().to_path_buf(), home.root().join("home"), home.path("")] {
        mode(&folder, 0o755);
    }
    let report = home.audit();
    assert_eq!(report.finds[0].severity, exfilter_audit::Severity::Critical);
    // A folder that lets nobody pass closes what is in it.
    mode(&folder, 0o700);
    let report = home.audit();
    assert_eq!(report.finds[0].severity, exfilter_audit::Severity::High);
    assert!(Path::new(&folder).exists());
}

#[test]
fn small_files_are_told_apart() {
    // More than one look takes, in the order that the folder gives.
    let home = Home::new();
    let mut rng = Rng::new(91);
    let mut wanted = Vec::new();
    for number in 0..300 {
        let token = github();
        let mut text: String =
            (0..rng.below(900)).map(|_| ["one ", "two\n", "(three) ", "\u{e9}\r\n"][rng.below(4)]).collect();
        match number % 10 {
            // The whole of it: first, last, inside, in digits.
            0 => text.insert_str(0, &token),
            1 => text.push_str(&token),
            2 => text = format!("{text} {token} {text}"),
            3 => text.extend(token.bytes().map(|byte| format!("{byte:02x}"))),
            // Its halves: last in one file, first in others.
            4 => text.push_str(&token[..20]),
            5 => text.insert_str(0, &token[20..]),
            // A container, and what is told by its beginning.
            6 => text = format!("5\r\nghp_{}\r\n23\r\n{}\r\n0\r\n\r\n", &token[4..5], &token[5..]),
            _ => {}
        }
        let name = format!("{number:03}.txt");
        home.file(&name, text);
        if number % 10 < 4 || number % 10 == 6 {
            wanted.push(name);
        }
    }
    let report = home.audit();
    let places = report.finds.iter().flat_map(|find| &find.places);
    let mut found: Vec<String> =
        places.map(|place| String::from_utf8_lossy(place.name.as_bytes())[8..].into()).collect();
    found.sort();
    assert_eq!(found, wanted);
    assert_eq!(report.totals.files, 300);
}
