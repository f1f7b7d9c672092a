//! `exfilter secrets`: kept, listed, found by a scan, moved, exported; and what is told when something is wrong.

use std::fs;

use crate::harness::{Run, Sandbox, base64, github_token, plant, secret};

/// Runs with a home of its own in the sandbox.
fn run(s: &Sandbox, args: &[&str]) -> Run {
    s.finish(s.command(args).env("HOME", s.top().join("home")))
}

/// The same, with standard input.
fn piped(s: &Sandbox, args: &[&str], input: &str) -> Run {
    use std::io::Write;
    let mut command = s.command(args);
    command.env("HOME", s.top().join("home")).stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that fails before it reads has closed it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    s.checked(child.wait_with_output().unwrap())
}

fn add(s: &Sandbox, name: &str, value: &str) -> Run {
    piped(s, &["secrets", "add", name, "--stdin"], &format!("{value}\n"))
}

fn list(s: &Sandbox) -> serde_json::Value {
    run(s, &["secrets", "list", "--format", "json"]).exits_with(0).json()
}

#[test]
fn what_is_added_is_found_by_a_scan() {
    let s = Sandbox::new();
    let (value, token) = (secret(32), github_token());
    add(&s, "DEPLOY", &value).exits_with(0).notes("DEPLOY: kept as a fingerprint");
    add(&s, "GH", &token).exits_with(0).notes("github-pat (GitHub); at home in 15 places");
    s.file("raw.txt", format!("x={value}\n"));
    s.file("base64.txt", format!("x={}\n", base64(format!("y{value}").as_bytes())));
    s.file("token.txt", &token);
    let scan = run(&s, &["scan", "tree"]).exits_with(1).notes("looking for 2 known secrets of");
    let scan = scan.prints("your DEPLOY (raw)").prints("your GH (raw)").prints("3 findings (3 confirmed)");
    assert!(scan.stdout.contains("base64.txt > base64"), "{scan:#?}");
    run(&s, &["scan", "tree", "--no-store"]).exits_with(1).prints("1 finding (1 high)");
    run(&s, &["scan", "tree", "--store"]).exits_with(1).prints("3 confirmed");
    let listed = list(&s);
    assert_eq!(listed[1]["name"], "GH");
    assert_eq!(listed[1]["rule"], "github-pat");
    assert_eq!(listed[1]["class"], "user");
    assert_eq!(listed[1]["bindings"].as_array().unwrap().len(), 15);
    assert!(listed[0]["remaining"].as_u64().unwrap() >= 80);
    run(&s, &["secrets", "list"]).exits_with(0).prints("2 secrets").prints("bits remain");
}

#[test]
fn without_a_store_nothing_is_said_and_asking_for_one_fails() {
    let s = Sandbox::new();
    s.file("a.txt", "nothing\n");
    let scan = run(&s, &["scan", "tree"]).exits_with(0);
    assert!(scan.stderr.is_empty(), "{scan:#?}");
    run(&s, &["scan", "tree", "--store"]).exits_with(2).notes("E_NOSTORE");
    run(&s, &["secrets", "list"]).exits_with(2).notes("E_NOSTORE");
    // Nor is one made where there is no home.
    s.run(&["secrets", "list"]).exits_with(2).notes("neither HOME nor XDG_DATA_HOME");
    s.run(&["scan", "tree"]).exits_with(0);
}

#[test]
fn a_store_that_cannot_be_opened_ends_a_scan() {
    let s = Sandbox::new();
    s.file("a.txt", "nothing\n");
    add(&s, "DEPLOY", &secret(32)).exits_with(0);
    let store = s.top().join("home/.local/share/exfilter/store");
    let key = s.top().join("home/.local/state/exfilter/store.key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        run(&s, &["scan", "tree"]).exits_with(2).notes("E_MODE").notes("chmod it to 600");
        run(&s, &["scan", "tree", "--no-store"]).exits_with(0);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let bytes = fs::read(&store).unwrap();
    fs::write(&store, &bytes[..bytes.len() / 2]).unwrap();
    run(&s, &["scan", "tree"]).exits_with(2).notes("E_TRUNCATED");
    add(&s, "OTHER", &secret(32)).exits_with(2).notes("E_TRUNCATED");
    fs::write(&store, &bytes).unwrap();
    add(&s, "OTHER", &secret(32)).exits_with(0);
    fs::write(&store, &bytes).unwrap();
    run(&s, &["scan", "tree"]).exits_with(2).notes("E_DOWNGRADED").notes("generation 1, and 2 has been seen");
    fs::remove_file(&key).unwrap();
    run(&s, &["secrets", "doctor"]).exits_with(2).notes("E_NOKEY");
}

#[test]
fn values_that_are_none_are_refused_with_a_remedy() {
    let s = Sandbox::new();
    for (value, code) in
        [("short", "E_SHORT"), ("aaaaaaaaaaaaaaaaaaaaaa", "E_WEAK"), ("<your-key-goes-here>", "E_TEMPLATE")]
    {
        let run = add(&s, "X", value).exits_with(2).notes(code);
        assert!(run.stderr.contains("; "), "{run:#?}");
    }
    run(&s, &["secrets", "add", "X", "--env", "NOT_SET"]).exits_with(2).notes("the variable is not set");
    run(&s, &["secrets", "add", "X", "--file", "missing"]).exits_with(2).notes("it cannot be read");
    run(&s, &["secrets", "list"]).exits_with(2).notes("E_NOSTORE");
    let value = secret(30);
    add(&s, "X", &value).exits_with(0);
    add(&s, "X", &value).exits_with(0).notes("X: unchanged");
    add(&s, "Y", &value).exits_with(2).notes("E_TWICE");
    add(&s, "X", &secret(30)).exits_with(2).notes("E_NAME");
    piped(&s, &["secrets", "add", "X", "--stdin", "--replace"], &secret(30))
        .exits_with(0)
        .notes("X: replaced");
    run(&s, &["secrets", "remove", "X", "Z"]).exits_with(2).notes("E_MISSING");
    run(&s, &["secrets", "remove", "X"]).exits_with(0).notes("1 secret forgotten");
    assert!(list(&s).as_array().unwrap().is_empty());
}

#[test]
fn files_of_variables_are_enrolled_again_and_again() {
    let s = Sandbox::new();
    let (token, password, whole) = (secret(40), secret(14), secret(24));
    let env = |token: &str| {
        format!(
            "# settings\nexport API_TOKEN=\"{token}\"\nDB_PASSWORD='{password}' # weak\nOTHER_TOKEN=${{X}}\nHOST=db\n\
             DATABASE_URL=postgres://app:{whole}@db.internal/prod\n"
        )
    };
    fs::write(s.top().join(".env"), env(&token)).unwrap();
    let enroll = |args: &[&str]| run(&s, &[&["secrets", "enroll", ".env"], args].concat()).exits_with(0);
    enroll(&["--dry-run"]).notes("4 new").notes("nothing was written");
    enroll(&[])
        .notes("API_TOKEN: kept as a fingerprint")
        .notes("DB_PASSWORD: kept sealed")
        .notes("DATABASE_URL (its password): kept as a fingerprint")
        .notes("OTHER_TOKEN not kept: E_")
        .notes("4 new, 0 replaced, 0 unchanged, 1 not kept");
    enroll(&[]).notes("0 new, 0 replaced, 4 unchanged");
    // In UTF-16, and the password as it is.
    s.file("a.bin", token.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    s.file("b.txt", &whole);
    run(&s, &["scan", "tree"]).exits_with(1).prints("your API_TOKEN").prints("DATABASE_URL (its password)");
    run(&s, &["secrets", "doctor"]).exits_with(0).prints("DB_PASSWORD: sealed");
    fs::write(s.top().join(".env"), env(&secret(40))).unwrap();
    run(&s, &["secrets", "doctor"]).exits_with(1).prints("API_TOKEN: its source has another value now");
    enroll(&[]).notes("0 new, 1 replaced, 3 unchanged");
    run(&s, &["scan", "tree"]).exits_with(1).prints_not("your API_TOKEN");
}

#[test]
fn the_environment_and_further_names_are_enrolled() {
    let s = Sandbox::new();
    let mut command = s.command(&["secrets", "enroll", "--env", "--name", "MY_*"]);
    command.env("HOME", s.top().join("home")).env("DEPLOY_TOKEN", secret(30)).env("MY_THING", secret(30));
    s.finish(&mut command).exits_with(0).notes("2 new");
    let mut command = s.command(&["secrets", "add", "SIGNING", "--env", "SIGN", "--sealed"]);
    command.env("HOME", s.top().join("home")).env("SIGN", secret(30));
    s.finish(&mut command).exits_with(0).notes("SIGNING: kept sealed, as asked");
    let names: Vec<_> =
        list(&s).as_array().unwrap().iter().map(|r| r["source"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["$DEPLOY_TOKEN", "$MY_THING", "$SIGN"]);
}

#[test]
fn what_other_programs_print_is_imported() {
    let s = Sandbox::new();
    let (a, b) = (secret(30), secret(30));
    let vault = format!(
        r#"{{"data":{{"data":{{"api_key":"{a}","username":"app","host":"db.internal.example"}},"metadata":{{"version":1}}}}}}"#
    );
    let import = |args: &[&str], input: &str| piped(&s, &[&["secrets", "import"], args].concat(), input);
    import(&["--from", "vault", "--prefix", "prod/"], &vault)
        .exits_with(0)
        .notes("prod/api_key: kept as a fingerprint")
        .notes("username not kept: E_NOTSECRET")
        .notes("host not kept: E_NOTSECRET");
    let secret = format!(
        r#"{{"kind":"Secret","metadata":{{"name":"app"}},"data":{{"token":"{}"}}}}"#,
        base64(b.as_bytes())
    );
    plant(base64(b.as_bytes()).as_bytes());
    import(&["--from", "kubernetes", "--name", "*token"], &secret).exits_with(0).notes("app/token: kept");
    import(&["--from", "kubernetes", "--name", "other"], &secret).exits_with(0).notes("0 new");
    import(&["--from", "doppler"], &secret).exits_with(2).notes("not what this tool prints");
    import(&["--from", "sops"], &b).exits_with(2).notes("not JSON");
    s.file("a.txt", format!("{a} {b}"));
    run(&s, &["scan", "tree"]).exits_with(1).prints("your prod/api_key").prints("your app/token");
}

#[test]
fn a_secret_is_bound_and_unbound() {
    let s = Sandbox::new();
    add(&s, "DEPLOY", &secret(30)).exits_with(0);
    let bind = |args: &[&str]| run(&s, &[&["secrets", "bind", "DEPLOY"], args].concat());
    bind(&["api.example.com", "header:authorization:bearer"]).exits_with(0).notes("is at home in");
    bind(&["api.example.com", "header:authorization:bearer"]).exits_with(0).notes("was at home in");
    bind(&["https://api.example.com", "body"]).exits_with(2).notes("a host has");
    bind(&["api.example.com", "somewhere"]).exits_with(2).notes("a slot is");
    assert_eq!(list(&s)[0]["bindings"][0]["slot"], "header:authorization:bearer");
    bind(&["api.example.com", "--remove"]).exits_with(0).notes("1 binding removed");
    bind(&["api.example.com", "--remove"]).exits_with(2).notes("it is not at home there");
}

#[test]
fn a_key_is_rotated_with_what_is_found() {
    let s = Sandbox::new();
    let (kept, typed) = (secret(32), secret(32));
    fs::write(s.top().join("kept"), format!("{kept}\n")).unwrap();
    run(&s, &["secrets", "add", "KEPT", "--file", "kept"]).exits_with(0);
    add(&s, "TYPED", &typed).exits_with(0);
    piped(&s, &["secrets", "add", "SEALED", "--sealed", "--stdin"], &secret(32)).exits_with(0);
    let key = s.top().join("home/.local/state/exfilter/store.key");
    let before = fs::read(&key).unwrap();
    run(&s, &["secrets", "rotate-key"])
        .exits_with(3)
        .notes("TYPED: its value is not found")
        .notes("both keys are kept");
    s.file("a.txt", format!("{kept} {typed}"));
    run(&s, &["scan", "tree"]).exits_with(1).prints("your KEPT").prints("your TYPED");
    run(&s, &["secrets", "doctor"]).exits_with(1).prints("values missing: TYPED");
    piped(&s, &["secrets", "add", "TYPED", "--replace", "--stdin"], &typed).exits_with(0);
    run(&s, &["secrets", "rotate-key"]).exits_with(0).notes("3 secrets under a new key");
    let after = fs::read(&key).unwrap();
    assert!(before[40..72] != after[40..72] && after.len() == before.len());
    run(&s, &["scan", "tree"]).exits_with(1).prints("your KEPT").prints("your TYPED");
    fs::remove_file(s.top().join("kept")).unwrap();
    run(&s, &["secrets", "rotate-key", "--finish"])
        .exits_with(0)
        .notes("KEPT: forgotten")
        .notes("1 secret under a new key");
    assert_eq!(list(&s).as_array().unwrap().len(), 1);
}

#[test]
fn an_export_finds_without_names() {
    let s = Sandbox::new();
    let (value, weak) = (secret(32), secret(14));
    fs::write(s.top().join(".env"), format!("PROD_TOKEN={value}\nWEAK_TOKEN={weak}\n")).unwrap();
    run(&s, &["secrets", "enroll", ".env"]).exits_with(0);
    let export =
        |args: &[&str]| run(&s, &[&["secrets", "export", "--for", "ci", "-o", "ci.store"], args].concat());
    export(&[]).exits_with(3).notes("WEAK_TOKEN not exported: E_EXPORT").notes("1 fingerprint, for 90 days");
    export(&["PROD_TOKEN", "--days", "7"]).exits_with(0);
    export(&["OTHER"]).exits_with(2).notes("there is no such secret");
    let label = list(&s)[0]["label"].as_str().unwrap().to_owned();
    s.file("a.txt", &value);
    // Somewhere else: no home, the key in a variable.
    let key = fs::read_to_string(s.top().join("ci.store.key")).unwrap();
    plant(key.trim().as_bytes());
    fs::remove_file(s.top().join("ci.store.key")).unwrap();
    let scan =
        |key: &str| s.finish(s.command(&["scan", "tree", "--store=ci.store"]).env("EXFILTER_STORE_KEY", key));
    scan(&key).exits_with(1).prints(&format!("your {label} (raw)")).prints_not("PROD");
    scan(&"0".repeat(64)).exits_with(2).notes("E_KEY");
    s.run(&["scan", "tree", "--store=ci.store"])
        .exits_with(2)
        .notes("neither EXFILTER_STORE_KEY nor this file");
    run(&s, &["secrets", "list", "--store", "ci.store"]).exits_with(2).notes("E_EXPORTED");
    assert!(!fs::read(s.top().join("ci.store")).unwrap().windows(4).any(|w| w == b"PROD"));
}

#[test]
fn a_canary_is_minted_and_its_appearance_is_an_alarm() {
    let s = Sandbox::new();
    for (kind, rule) in [("github", "github-"), ("aws", "aws-"), ("npm-access-token", "npm-access-token")] {
        let minted = run(&s, &["secrets", "canary", "add", "--kind", kind]).exits_with(0).notes(rule);
        s.file(format!("{kind}.txt"), format!("k={}", minted.stdout));
    }
    let json = run(&s, &["scan", "tree", "--format", "json"]).exits_with(1).json();
    let findings = json["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 3, "{json:#}");
    for finding in findings {
        assert_eq!((&finding["rule"], &finding["confidence"]), (&"canary".into(), &"confirmed".into()));
    }
    run(&s, &["scan", "tree"])
        .exits_with(1)
        .prints("ALARM: your canary canary-github-")
        .prints("3 confirmed");
    run(&s, &["scan", "tree", "--format", "sarif"]).exits_with(1).prints("One of your own canaries");
    run(&s, &["secrets", "canary", "add", "--kind", "nobody"]).exits_with(2).notes("there is no rule");
    run(&s, &["secrets", "list"]).exits_with(0).prints("canary");
    // Canaries go with the key: they are sealed.
    run(&s, &["secrets", "rotate-key"]).exits_with(0).notes("3 secrets under a new key");
}

#[test]
fn a_store_of_its_own_place_has_its_key_beside_it() {
    let s = Sandbox::new();
    let value = secret(30);
    let store = ["--store", "mine.store"];
    piped(&s, &[&["secrets"], &store[..], &["add", "A", "--stdin"]].concat(), &value).exits_with(0);
    assert!(s.top().join("mine.store.key").exists());
    s.file("a.txt", &value);
    s.run(&["scan", "tree", "--store=mine.store"]).exits_with(1).prints("your A (raw)");
    run(&s, &["scan", "tree"]).exits_with(0);
    run(&s, &["secrets", "doctor", "--store", "mine.store"])
        .exits_with(0)
        .prints("store and key lie in one folder");
    // Together with the values of the environment.
    let other = secret(30);
    s.file("b.txt", &other);
    let mut both = s.command(&["scan", "tree", "--store=mine.store", "--secrets-from-env"]);
    s.finish(both.env("B_TOKEN", &other)).exits_with(1).prints("your A (raw)").prints("your B_TOKEN (raw)");
}

/// At a terminal, which `script` of util-linux makes: what is typed is not shown.
#[cfg(unix)]
#[test]
fn a_value_is_typed_without_being_shown() {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("skipped: there is no `script` here");
        return;
    }
    let s = Sandbox::new();
    let value = secret(30);
    let command = format!("{} secrets add TYPED", env!("CARGO_BIN_EXE_exfilter"));
    let mut child = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env("HOME", s.top().join("home"))
        .env_remove("XDG_DATA_HOME")
        .env_remove("XDG_STATE_HOME")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    let mut byte = [0; 1];
    while !shown.ends_with(b"not shown: ") && stdout.read(&mut byte).unwrap() == 1 {
        shown.push(byte[0]);
    }
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(format!("{value}\n").as_bytes()).unwrap();
    stdout.read_to_end(&mut shown).unwrap();
    drop(stdin);
    let mut output = child.wait_with_output().unwrap();
    output.stdout = shown;
    s.checked(output).exits_with(0).prints("Value of TYPED").prints("TYPED: kept as a fingerprint");
    s.file("a.txt", &value);
    run(&s, &["scan", "tree"]).exits_with(1).prints("your TYPED (raw)");
}
