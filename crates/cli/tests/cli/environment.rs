//! `--secrets-from-env`: values are found in any spelling and printed in none.

use crate::harness::{Run, Sandbox, base64, secret};

fn hex(value: &str) -> String {
    value.bytes().map(|b| format!("{b:02x}")).collect()
}

fn run(s: &Sandbox, variables: &[(&str, &str)], args: &[&str]) -> Run {
    let mut command = s.command(&["scan", "tree", "--secrets-from-env"]);
    command.args(args).envs(variables.iter().copied());
    s.finish(&mut command)
}

#[test]
fn raw_base64_and_hex() {
    let s = Sandbox::new();
    let value = secret(32);
    s.file("raw.txt", format!("key = {value}\n"));
    s.file("base64.txt", format!("key = {}\n", base64(value.as_bytes())));
    s.file("shifted.txt", format!("key = {}\n", base64(format!("u:{value}").as_bytes())));
    s.file("hex.txt", format!("key = {}\n", hex(&value)));
    s.file("none.txt", "key = nothing\n");
    let json = run(&s, &[("DEPLOY_TOKEN", &value)], &["--format", "json"]).exits_with(1).json();
    let mut files: Vec<&str> =
        json["findings"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap()).collect();
    files.dedup();
    assert_eq!(files, ["tree/base64.txt", "tree/hex.txt", "tree/raw.txt", "tree/shifted.txt"]);
    for finding in json["findings"].as_array().unwrap() {
        assert_eq!(finding["kind"], "known");
        assert_eq!(finding["rule"], "known-secret");
        assert_eq!(finding["secret"], "DEPLOY_TOKEN");
        assert_eq!(finding["confidence"], "confirmed");
        assert_eq!(finding["preview"], "");
    }
    assert_eq!(json["findings"].as_array().unwrap().len(), 4, "one row for each place: {json:#}");
    // The other forms are mute too.
    for format in ["table", "jsonl", "sarif"] {
        let run = run(&s, &[("DEPLOY_TOKEN", &value)], &["--format", format]).exits_with(1);
        run.prints("DEPLOY_TOKEN");
    }
}

#[test]
fn in_pieces_numbers_and_markup() {
    let s = Sandbox::new();
    let value = secret(32);
    let by = |size: usize, joint: &str| {
        value.as_bytes().chunks(size).map(String::from_utf8_lossy).collect::<Vec<_>>().join(joint)
    };
    s.file("variables.py", format!("a = '{}'\nb = '{}'\n", &value[..16], &value[16..]));
    s.file("bold.html", format!("<p><b>{}</b></p>\n", by(3, "</b><b>")));
    s.file("page.txt", format!("[({})] TJ\n", by(5, ") -12 (")));
    let lines: Vec<String> =
        base64(value.as_bytes()).as_bytes().chunks(20).map(|l| String::from_utf8_lossy(l).into()).collect();
    s.file("lines.txt", lines.join("\n"));
    s.file(
        "labels.txt",
        format!(
            "{}.example.com\n",
            hex(&value).as_bytes().chunks(30).map(String::from_utf8_lossy).collect::<Vec<_>>().join(".")
        ),
    );
    let mut digits = vec![0_u8];
    for byte in value.bytes() {
        let mut carry = u32::from(byte);
        for digit in &mut digits {
            carry += u32::from(*digit) * 256;
            (*digit, carry) = ((carry % 10) as u8, carry / 10);
        }
        while carry > 0 {
            digits.push((carry % 10) as u8);
            carry /= 10;
        }
    }
    s.file("number.txt", format!("n = {}\n", digits.iter().rev().map(u8::to_string).collect::<String>()));
    let json = run(&s, &[("DEPLOY_TOKEN", &value)], &["--format", "json"]).exits_with(1).json();
    let mut files: Vec<&str> =
        json["findings"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap()).collect();
    files.dedup();
    let all = ["bold.html", "labels.txt", "lines.txt", "number.txt", "page.txt", "variables.py"];
    assert_eq!(files, all.map(|file| format!("tree/{file}")));
}

#[test]
fn a_secret_in_a_file_name_is_masked() {
    let s = Sandbox::new();
    let value = secret(32);
    s.file(format!("dump-{value}.txt"), "nothing\n");
    run(&s, &[("DEPLOY_TOKEN", &value)], &[]).exits_with(1).prints("tree/dump-*").prints("(name)");
}

#[test]
fn a_known_secret_that_is_a_token_is_one_row() {
    let s = Sandbox::new();
    let token = crate::harness::github_token();
    s.file("a.txt", format!("t={token}\n"));
    let json = run(&s, &[("GH_TOKEN", &token)], &["--format", "json"]).exits_with(1).json();
    assert_eq!(json["findings"].as_array().unwrap().len(), 1, "{json:#}");
    assert_eq!(json["findings"][0]["secret"], "GH_TOKEN");
    let also = json["findings"][0]["also"].as_array().unwrap();
    assert!(also.iter().any(|a| a["kind"] == "rule"), "{json:#}");
    run(&s, &[("GH_TOKEN", &token)], &[]).prints("your GH_TOKEN (raw)").prints("1 finding (1 confirmed)");
}

#[test]
fn other_variables_are_left_alone_unless_named() {
    let s = Sandbox::new();
    let value = secret(32);
    s.file("a.txt", &value);
    run(&s, &[("MY_THING", &value)], &[]).exits_with(0).notes("no variable holds a secret");
    run(&s, &[("MY_THING", &value)], &["--env-name", "MY_*"]).exits_with(1).prints("MY_THING");
    run(&s, &[("MY_THING", &value)], &["--min", "low"]).exits_with(0);
}

#[test]
fn refused_values_are_counted_and_listed() {
    let s = Sandbox::new();
    s.file("a.txt", "nothing\n");
    let value = secret(32);
    let variables = [
        ("A_TOKEN", "true"),
        ("B_TOKEN", "${OTHER}"),
        ("C_TOKEN", value.as_str()),
        ("D_TOKEN", "aaaaaaaaaaaaaaaa"),
    ];
    run(&s, &variables, &[]).exits_with(0).notes("3 variables were not taken; --verbose says which and why");
    let verbose = run(&s, &variables, &["--verbose"]).exits_with(0);
    let verbose = verbose.notes("A_TOKEN not taken: E_SHORT: ").notes("B_TOKEN not taken: E_TEMPLATE: ");
    verbose.notes("D_TOKEN not taken: E_WEAK: ");
}

#[test]
fn the_password_of_an_address_is_found_alone() {
    let s = Sandbox::new();
    let password = secret(24);
    s.file("a.txt", format!("{password}\n"));
    let url = format!("postgres://app:{password}@db.internal/prod");
    let run = run(&s, &[("DATABASE_URL", &url)], &[]).exits_with(1);
    run.prints("DATABASE_URL (its password)");
}
