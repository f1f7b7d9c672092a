//! `exfilter env`: what a sandbox gets, and what it must not get.

use std::fs;
use std::process::Command;

use crate::harness::{Run, Sandbox, github_token, secret};

/// Runs with a home of its own.
fn run(s: &Sandbox, args: &[&str]) -> Run {
    s.finish(s.command(args).env("HOME", s.top().join("home")))
}

/// Keeps a value that stands in a variable.
fn add(s: &Sandbox, name: &str, value: &str, more: &[&str]) {
    let args = [&["secrets", "add", name, "--env", "VALUE"], more].concat();
    let mut command = s.command(&args);
    s.finish(command.env("HOME", s.top().join("home")).env("VALUE", value)).exits_with(0);
}

fn certificate(s: &Sandbox) -> String {
    let path = s.top().join("ca cert.pem");
    fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_sandbox_gets_placeholders_a_proxy_and_certificates() {
    let s = Sandbox::new();
    let token = github_token();
    // Not under the name of the variable in which the test has them.
    for (name, value, more) in [
        ("GH_TOKEN", &token, &["--sealed"][..]),
        ("PLAIN", &secret(32), &[]),
        ("UNBOUND", &secret(32), &["--sealed"]),
    ] {
        let input = s.top().join("value");
        fs::write(&input, value).unwrap();
        run(&s, &[&["secrets", "add", name, "--file", input.to_str().unwrap()], more].concat()).exits_with(0);
        fs::remove_file(input).unwrap();
    }
    let ca = certificate(&s);
    let base = ["env", "--proxy", "http://127.0.0.1:8080", "--ca", &ca];
    let shell = run(&s, &base).exits_with(0);
    let line = shell.stdout.lines().find(|line| line.starts_with("export GH_TOKEN=")).unwrap().to_owned();
    let placeholder = line.split_once('=').unwrap().1;
    assert!(placeholder.starts_with("ghp_") && placeholder.len() == token.len() && placeholder != token);
    assert!(!shell.stdout.contains("PLAIN") && !shell.stdout.contains("UNBOUND"));
    let shell = shell.prints("export HTTPS_PROXY=http://127.0.0.1:8080\n").prints("export http_proxy=");
    for name in
        ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"]
    {
        assert!(shell.stdout.contains(&format!("export {name}='{ca}'\n")), "{shell:#?}");
    }
    // A shell reads it as it was meant.
    let echoed =
        Command::new("sh").arg("-c").arg(format!("{}printf %s \"$SSL_CERT_FILE\"", shell.stdout)).output();
    if let Ok(echoed) = echoed {
        assert_eq!(echoed.stdout, ca.as_bytes());
    }
    // The same seed gives the same ones, another seed others.
    run(&s, &base).exits_with(0).prints(&line);
    let other = s.top().join("other.seed");
    run(&s, &["env", "--seed", other.to_str().unwrap()])
        .exits_with(0)
        .prints_not(&line)
        .prints("export GH_TOKEN=ghp_");
    assert_eq!(fs::read(&other).unwrap().len(), 32);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&other).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&other, fs::Permissions::from_mode(0o644)).unwrap();
        run(&s, &["env", "--seed", other.to_str().unwrap()]).exits_with(2).notes("E_MODE");
    }
    // As agents want it.
    let claude =
        run(&s, &[&base[..], &["--for", "claude", "--anthropic-base-url", "http://127.0.0.1:9/v1"]].concat());
    let settings = claude.exits_with(0).json();
    assert_eq!(settings["env"]["GH_TOKEN"], placeholder);
    assert_eq!(settings["env"]["NODE_EXTRA_CA_CERTS"], ca.as_str());
    assert_eq!(settings["env"]["ANTHROPIC_BASE_URL"], "http://127.0.0.1:9/v1");
    let cursor = run(&s, &[&base[..], &["--for", "cursor"]].concat()).exits_with(0).json();
    assert_eq!(cursor["http.proxy"], "http://127.0.0.1:8080");
    assert_eq!(cursor["terminal.integrated.env.linux"]["GH_TOKEN"], placeholder);
    run(&s, &[&base[..], &["--for", "codex"]].concat()).exits_with(0).prints("export CODEX_CA_CERTIFICATE=");
    run(&s, &[&base[..], &["--no-secrets"]].concat()).exits_with(0).prints_not("GH_TOKEN");
}

/// What leads around the proxy is said too: emptied, or taken away where a shell reads it.
#[test]
fn a_sandbox_is_not_led_around_the_proxy() {
    let s = Sandbox::new();
    let ca = certificate(&s);
    let base = ["env", "--no-secrets", "--proxy", "http://127.0.0.1:8080", "--ca", &ca];
    let shell = run(&s, &base).exits_with(0);
    for line in [
        "export NO_PROXY=''",
        "export ALL_PROXY=http://127.0.0.1:8080",
        "export NODE_USE_ENV_PROXY=1",
        "unset GIT_SSL_NO_VERIFY",
    ] {
        assert!(shell.stdout.lines().any(|told| told == line), "{line} is not in {shell:#?}");
    }
    let docker = run(&s, &[&base[..], &["--for", "docker"]].concat()).exits_with(0);
    docker
        .prints("\nNO_PROXY=\n")
        .prints("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=")
        .prints_not("GIT_SSL_NO_VERIFY");
    // One without the other names nothing of it.
    run(&s, &["env", "--no-secrets", "--ca", &ca]).exits_with(0).prints_not("PROXY");
    run(&s, &["env", "--no-secrets", "--proxy", "http://h:1"]).exits_with(0).prints_not("CERT");
}

#[test]
fn what_has_no_placeholder_is_said() {
    let s = Sandbox::new();
    run(&s, &["env"]).exits_with(2).notes("there is nothing to print");
    add(&s, "FINGERPRINT", &secret(32), &[]);
    add(&s, "SEALED", &secret(32), &["--sealed"]);
    let asked = |name: &str| run(&s, &["env", "--secret", name]).exits_with(2);
    asked("FINGERPRINT").notes("kept as a fingerprint");
    asked("SEALED").notes("E_UNBOUND");
    asked("NOBODY").notes("no secret has this name");
    run(&s, &["secrets", "bind", "SEALED", "api.example.com", "header:x-key"]).exits_with(0);
    // Programs look for it where it came from.
    run(&s, &["env", "--secret", "SEALED"]).exits_with(0).prints("export VALUE=");
}

#[test]
fn what_a_sandbox_must_not_have_is_refused() {
    let s = Sandbox::new();
    let pem = s.top().join("ca.pem");
    let refused = |text: &str| {
        fs::write(&pem, text).unwrap();
        run(&s, &["env", "--ca", pem.to_str().unwrap()]).exits_with(2)
    };
    refused("nothing").notes("no certificate in PEM");
    let (dashes, word) = ("-----", "PRIVATE");
    let cert = format!("{dashes}BEGIN CERTIFICATE{dashes}\nAAAA\n{dashes}END CERTIFICATE{dashes}\n");
    let key = format!("{cert}{dashes}BEGIN {word} KEY{dashes}\nAAAA\n{dashes}END {word} KEY{dashes}\n");
    refused(&key).notes("it holds a private key").notes("mitmproxy-ca-cert.pem");
    let password = secret(16);
    for proxy in ["127.0.0.1:8080", "ftp://h:1", "http://h:1/a b", "http://", "http://h:1/'"] {
        run(&s, &["env", "--proxy", proxy]).exits_with(2).notes("write http://host:port");
    }
    run(&s, &["env", "--proxy", &format!("http://me:{password}@h:1")])
        .exits_with(2)
        .notes("must not carry userinfo");
}
