//! Files that the real clients write. A client that is not installed is skipped, and says so.

use std::fs;

use exfilter_audit::{Audit, Exposure, Severity};

use crate::home::{ENGINE, Home, assert_mute, client, find, github, mode, plant, program, secret};

#[test]
fn git_credentials_remotes_headers_and_messages() {
    let Some(git) = program("git") else { return };
    let home = Home::new();
    let run = |args: &[&str], input: &str| client(&home, &git, args, input.as_bytes());
    let (stored, remote, header, message) = (secret(20), secret(22), secret(24), github());
    run(&["config", "--global", "credential.helper", "store"], "").unwrap();
    run(&["config", "--global", "user.name", "me"], "").unwrap();
    run(&["config", "--global", "user.email", "me@example.com"], "").unwrap();
    // A password with characters that the store percent-encodes.
    let odd = format!("{stored}/@:");
    run(
        &["credential", "approve"],
        &format!("protocol=https\nhost=git.example\nusername=me\npassword={odd}\n\n"),
    )
    .unwrap();
    run(&["init", "-q", "work"], "").unwrap();
    run(&["-C", "work", "remote", "add", "origin", &format!("https://me:{remote}@git.example/r.git")], "")
        .unwrap();
    let basic = exfilter_testing::wrap::base64(format!("x-access-token:{header}").as_bytes(), false, true);
    let basic = String::from_utf8(basic).unwrap();
    let value = format!("AUTHORIZATION: basic {basic}");
    run(&["-C", "work", "config", "http.https://git.example/.extraheader", &value], "").unwrap();
    run(&["-C", "work", "commit", "-q", "--allow-empty", "-m", &format!("remove {message}")], "").unwrap();

    let report = home.audit();
    assert_eq!(find(&report, ".git-credentials", "me@git.example").id, "git-password");
    find(&report, "work/.git/config", "remote \"origin\".url");
    assert_eq!(find(&report, "work/.git/config", "extraheader").id, "git-http-header");
    // The reflog has the subject of every commit, those that were taken back included.
    let token = report.finds.iter().find(|find| find.id == "github-pat").unwrap();
    assert!(
        token.places.iter().any(|place| place.name.as_bytes().ends_with(b".git/logs/HEAD")),
        "{token:#?}"
    );
    assert!(report.skips.iter().any(|(reason, ..)| reason.as_str() == "git-objects"));
}

#[test]
fn what_git_has_of_removed_and_stashed_files() {
    let Some(git) = program("git") else { return };
    let home = Home::new();
    let run = |args: &[&str]| client(&home, &git, &[&["-C", "work"], args].concat(), b"").unwrap();
    let (packed, loose, stashed) = (github(), github(), github());
    client(&home, &git, &["init", "-q", "work"], b"").unwrap();
    for (name, value) in [("user.name", "me"), ("user.email", "me@example.com")] {
        run(&["config", name, value]);
    }
    let commit = |file: &str, token: &str| {
        home.file(format!("work/{file}"), format!("token = \"{token}\"\n"));
        run(&["add", "--all"]);
        run(&["commit", "-q", "-m", "add"]);
        fs::remove_file(home.path(format!("work/{file}"))).unwrap();
        run(&["commit", "-q", "-a", "-m", "remove"]);
    };
    commit("a.py", &packed);
    run(&["gc", "-q"]);
    commit("b.py", &loose);
    home.file("work/c.py", format!("token = \"{stashed}\"\n"));
    run(&["stash", "-q", "--include-untracked"]);

    assert!(home.audit().finds.iter().all(|find| find.id != "github-pat"), "no object is read unasked");
    let report = Audit::new(ENGINE.clone(), home.view()).git_objects(true).run().unwrap();
    assert_mute(&report);
    let places = report.finds.iter().filter(|find| find.id == "github-pat").flat_map(|find| &find.places);
    let mut packs: Vec<bool> = places.map(|place| place.name.as_bytes().ends_with(b".pack")).collect();
    packs.sort_unstable();
    assert_eq!(packs, [false, false, true], "{:#?}", report.finds);
    assert!(report.skips.iter().all(|(reason, ..)| reason.as_str() != "git-objects"));
}

#[test]
fn npm_tokens() {
    let Some(npm) = program("npm") else { return };
    let home = Home::new();
    let (token, password) = (secret(36), secret(18));
    let basic = exfilter_testing::wrap::base64(format!("me:{password}").as_bytes(), false, true);
    let basic = String::from_utf8(basic).unwrap();
    plant(&basic);
    let set =
        |name: &str, value: &str| client(&home, &npm, &["config", "set", &format!("{name}={value}")], b"");
    if set("//registry.example/:_authToken", &token).is_none() {
        return;
    }
    set("//other.example/:_auth", &basic).unwrap();
    let report = home.audit();
    assert_eq!(find(&report, ".npmrc", "//registry.example/:_authToken").id, "npm-registry-token");
    assert_eq!(find(&report, ".npmrc", "//other.example/:_auth").places[0].exposure, Exposure::Owner);
}

#[test]
fn ssh_keys_with_and_without_a_passphrase() {
    let Some(keygen) = program("ssh-keygen") else { return };
    let home = Home::new();
    fs::create_dir_all(home.path(".ssh")).unwrap();
    for (name, kind, passphrase, form) in [
        ("id_ed25519", "ed25519", "", "RFC4716"),
        ("locked", "ed25519", "correct horse", "RFC4716"),
        ("old", "ecdsa", "", "PEM"),
        ("old_locked", "ecdsa", "correct horse", "PEM"),
        ("pkcs8_locked", "ecdsa", "correct horse", "PKCS8"),
    ] {
        let file = home.path(".ssh").join(name);
        let args = ["-q", "-t", kind, "-m", form, "-N", passphrase, "-f", file.to_str().unwrap()];
        client(&home, &keygen, &args, b"").unwrap();
    }
    let report = home.audit();
    for (name, severity, locked) in [
        ("id_ed25519", Severity::High, false),
        ("/locked", Severity::Medium, true),
        ("/old", Severity::High, false),
        ("old_locked", Severity::Medium, true),
        ("pkcs8_locked", Severity::Medium, true),
    ] {
        let found = find(&report, &format!(".ssh/{}", name.trim_start_matches('/')), "");
        assert_eq!((found.severity, found.locked), (severity, locked), "{name}");
        assert_eq!(found.id, "ssh-private-key");
    }
    assert_eq!(report.finds.len(), 5, "public keys are none: {:#?}", report.finds);
}

#[test]
fn gnupg_keys() {
    let Some(gpg) = program("gpg") else { return };
    // The agent's socket has to fit into 108 bytes, so the home is short.
    let home = Home::new();
    fs::create_dir_all(home.path(".gnupg")).unwrap();
    mode(&home.path(".gnupg"), 0o700);
    for (user, passphrase) in [("open@example.com", ""), ("locked@example.com", "correct horse")] {
        let args = [
            "--batch",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            passphrase,
            "--quick-gen-key",
            user,
            "ed25519",
            "sign",
            "never",
        ];
        if client(&home, &gpg, &args, b"").is_none() {
            return;
        }
    }
    if let Some(gpgconf) = program("gpgconf") {
        client(&home, &gpgconf, &["--kill", "all"], b"");
    }
    let report = home.audit();
    let keys: Vec<_> = report.finds.iter().filter(|find| find.id == "gpg-private-key").collect();
    let locked: Vec<bool> = keys.iter().map(|key| key.locked).collect();
    assert_eq!(locked, [false, true], "{keys:#?}");
}

#[test]
fn aws_profiles() {
    let Some(aws) = program("aws") else { return };
    let home = Home::new();
    let (key, session) = (secret(40), secret(300));
    let set = |name: &str, value: &str| {
        client(&home, &aws, &["configure", "set", name, value, "--profile", "work"], b"")
    };
    if set("aws_secret_access_key", &key).is_none() {
        return;
    }
    set("aws_session_token", &session).unwrap();
    let report = home.audit();
    assert_eq!(find(&report, ".aws/credentials", "work.aws_secret_access_key").severity, Severity::High);
    find(&report, ".aws/credentials", "work.aws_session_token");
}

#[test]
fn kubectl_users() {
    let Some(kubectl) = program("kubectl") else { return };
    let home = Home::new();
    let (token, password) = (secret(40), secret(16));
    let set = |args: &[&str]| client(&home, &kubectl, &[&["config", "set-credentials"], args].concat(), b"");
    if set(&["robot", &format!("--token={token}")]).is_none() {
        return;
    }
    set(&["me", "--username=me", &format!("--password={password}")]).unwrap();
    set(&["cloud", "--exec-command=login", "--exec-api-version=client.authentication.k8s.io/v1"]).unwrap();
    let report = home.audit();
    let helper = report.capabilities.iter().find(|one| one.id == "credential-helper").unwrap();
    assert!(helper.name.as_bytes().ends_with(b"user.exec.command"), "{helper:?}");
    assert_eq!(find(&report, ".kube/config", "user.token").id, "kubernetes-token");
    assert_eq!(find(&report, ".kube/config", "user.password").id, "kubernetes-password");
}

#[test]
fn cargo_and_pip() {
    let home = Home::new();
    let (token, password) = (secret(35), secret(20));
    if let Some(pip) = program("pip3") {
        let url = format!("https://me:{password}@pypi.example/simple");
        if client(&home, &pip, &["config", "--user", "set", "global.index-url", &url], b"").is_some() {
            find(&home.audit(), "pip/pip.conf", "global.index-url");
        }
    }
    // The one that runs this test: what stands in the path may be rustup's, which has nothing in this home.
    let own = std::env::var_os("CARGO").map(std::path::PathBuf::from);
    let Some(cargo) = own.or_else(|| program("cargo")) else { return };
    if client(&home, &cargo, &["login", "--registry", "crates-io"], token.as_bytes()).is_some() {
        assert_eq!(
            find(&home.audit(), ".cargo/credentials.toml", "registry.token").id,
            "cargo-registry-token"
        );
    }
}

#[test]
fn terraform_state() {
    let Some(terraform) = program("terraform") else { return };
    let home = Home::new();
    let password = secret(24);
    // `terraform_data` is built in: nothing is downloaded.
    home.file(
        "main.tf",
        format!("resource \"terraform_data\" \"db\" {{\n  input = {{ password = \"{password}\" }}\n}}\n"),
    );
    if client(&home, &terraform, &["init", "-input=false"], b"").is_none()
        || client(&home, &terraform, &["apply", "-auto-approve", "-input=false"], b"").is_none()
    {
        return;
    }
    let report = home.audit();
    let found = find(&report, "terraform.tfstate", "password");
    assert_eq!(found.id, "state-value");
}

#[test]
fn histories_of_shells() {
    let Some(bash) = program("bash") else { return };
    let home = Home::new();
    let (token, password) = (secret(32), secret(20));
    let script = format!(
        "HISTFILE=$HOME/.bash_history; set -o history; export API_TOKEN={token}; history -s \"export API_TOKEN={token}\"; history -s \"curl -u me:{password} https://example.com\"; history -w"
    );
    client(&home, &bash, &["-c", &script], b"").unwrap();
    let report = home.audit();
    find(&report, ".bash_history", "API_TOKEN");
    find(&report, ".bash_history", "--user.password");
}
