//! `exfilter guard` while it runs: settings that are read anew, and an end that nobody is asked for.

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use crate::harness::{Run, Sandbox, github_token, plant, secret};
use crate::upstream::{Answer, Upstream};

/// A guard of its own, before a server. It does not outlive its test.
struct Standing {
    sandbox: Sandbox,
    server: Upstream,
    guard: Child,
    said: Lines<BufReader<ChildStderr>>,
    address: String,
    dns: String,
    page: String,
}

impl Drop for Standing {
    fn drop(&mut self) {
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

impl Standing {
    fn new(token: &str) -> Standing {
        Standing::with(token, &[])
    }

    fn with(token: &str, further: &[&str]) -> Standing {
        let sandbox = Sandbox::new();
        let server = Upstream::start(&["other.example.com"], &[b"http/1.1"], |_| Answer {
            status: 200,
            headers: Vec::new(),
            body: b"done".to_vec(),
        });
        let place = format!("other.example.com:80:{}", server.plain);
        let mut command = sandbox.command(&[
            "guard",
            "--listen",
            "127.0.0.1:0",
            "--bundle",
            "ca.pem",
            "--env-file",
            "sandbox.env",
            "--log",
            "run.log",
            "--policy",
            "policy.toml",
            "--resolve",
            &place,
            "--dns",
            "127.0.0.1:0",
            "--dns-answer",
            "192.0.2.9",
            "--ui",
        ]);
        let policy = sandbox.top().join("policy.toml");
        write_policy(&policy, "version = 1\n");
        command.args(["--resolve", &format!("other.example.com:443:{}", server.tls)]).args(further);
        command.env("HOME", sandbox.top().join("home")).env("GH_TOKEN", token).stderr(Stdio::piped());
        let mut guard = command.spawn().unwrap();
        let said = BufReader::new(guard.stderr.take().unwrap()).lines();
        let mut standing = Standing {
            sandbox,
            server,
            guard,
            said,
            address: String::new(),
            dns: String::new(),
            page: String::new(),
        };
        let line = standing.line_with("the guard listens at ");
        standing.address = line.rsplit(' ').next().unwrap().to_owned();
        let line = standing.line_with("names are answered at ");
        standing.dns = line.rsplit(' ').next().unwrap().to_owned();
        let line = standing.line_with("what happens is shown, and refusals are approved, at ");
        standing.page = line.rsplit(' ').next().unwrap().split('#').next().unwrap().to_owned();
        standing.line_with("is signed by this run's key");
        standing
    }

    fn path(&self, name: &str) -> PathBuf {
        self.sandbox.top().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Waits for a line that holds this.
    #[track_caller]
    fn line_with(&mut self, text: &str) -> String {
        let line = self.said.by_ref().map(Result::unwrap).find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("it ended before it said {text:?}"))
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.guard.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).unwrap()
    }

    /// The answer to a request over a connection of its own.
    fn post(&self, body: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request(body).as_bytes()).unwrap();
        answer(stream)
    }

    /// The code with which a name is answered, and the address.
    fn resolve(&self, name: &str) -> (u8, Option<[u8; 4]>) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut message = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            message.push(u8::try_from(label.len()).unwrap());
            message.extend(label.as_bytes());
        }
        message.extend([0, 0, 1, 0, 1]);
        socket.send_to(&message, &self.dns).unwrap();
        let mut reply = [0; 600];
        let len = socket.recv(&mut reply).unwrap();
        (reply[3] & 15, (reply[7] > 0).then(|| *reply[..len].last_chunk().unwrap()))
    }

    /// A command of the person who runs the guard.
    fn run(&self, args: &[&str], value: &str) -> Run {
        let mut command = self.sandbox.command(args);
        self.sandbox.finish(command.env("HOME", self.path("home")).env("VALUE", value))
    }
}

fn request(body: &str) -> String {
    let length = body.len();
    format!(
        "POST http://other.example.com/ HTTP/1.1\r\nHost: other.example.com\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn write_policy(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_guard_reads_its_settings_anew_and_drops_nothing() {
    let token = github_token();
    let mut guard = Standing::new(&token);
    // Backwards: drawn one behind the other, two of them share most of their characters.
    let value: String = secret(40).chars().rev().collect();
    plant(value.as_bytes());
    let said = guard.post(&value);
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    let (bundle, variables) = (guard.text("ca.pem"), guard.text("sandbox.env"));
    let mut half = guard.connect();
    let whole = request("a clean text");
    let (first, rest) = whole.split_at(whole.len() - 5);
    half.write_all(first.as_bytes()).unwrap();
    assert_eq!(guard.resolve("other.example.com"), (0, Some([192, 0, 2, 9])));
    // A secret that is kept from now on.
    guard.run(&["secrets", "add", "NEW", "--env", "VALUE"], &value).exits_with(0);
    guard.signal("-HUP");
    guard.line_with("settings, rules, store and policy were read anew");
    half.write_all(rest.as_bytes()).unwrap();
    assert!(answer(half).starts_with("HTTP/1.1 200"));
    assert!(guard.post(&value).contains("blocked by policy, reference "));
    assert!(guard.post("clean").starts_with("HTTP/1.1 200"));
    // Who trusts the guard, or has a placeholder of it, still does.
    assert_eq!((bundle, variables), (guard.text("ca.pem"), guard.text("sandbox.env")));
    // What cannot be used changes nothing, and is told in one line.
    for (policy, why) in
        [("version = 1\nmood = \"observe\"\n", "policy.toml:2: mood"), ("version = 2\n", "policy.toml:1")]
    {
        write_policy(&guard.path("policy.toml"), policy);
        guard.signal("-HUP");
        let line = guard.line_with("what was in force stays in force");
        assert!(line.contains(why), "{line}");
        assert!(guard.post(&value).contains("blocked by policy, reference "));
        assert!(guard.post("clean").starts_with("HTTP/1.1 200"));
    }
    // What is not there any more would have less looked for.
    write_policy(&guard.path("policy.toml"), "version = 1\n");
    let home = guard.path("home");
    std::fs::rename(&home, guard.path("elsewhere")).unwrap();
    guard.signal("-HUP");
    let line = guard.line_with("what was in force stays in force");
    assert!(line.contains("store: the file that was read before is not there any more"), "{line}");
    assert!(guard.post(&value).contains("blocked by policy, reference "));
    std::fs::rename(guard.path("elsewhere"), &home).unwrap();
    write_policy(&guard.path("policy.toml"), "version = 1\n[hosts]\ndeny = [\"other.example.com\"]\n");
    guard.signal("-HUP");
    guard.line_with("were read anew");
    assert!(guard.post("clean").contains("not one of those that may be reached"));
    let (place, path) = guard.page.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut page = TcpStream::connect(place).unwrap();
    write!(page, "GET /{path}records HTTP/1.1\r\nHost: {place}\r\n\r\n").unwrap();
    let shown = answer(page);
    assert!(
        shown.contains("not one of those that may be reached") && !shown.contains(&value[..12]),
        "{shown}"
    );
    assert_eq!(guard.resolve("other.example.com"), (5, None));
    guard.signal("-TERM");
    assert!(guard.guard.wait().unwrap().success());
    let log = guard.text("run.log");
    let told: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reloads: Vec<_> = told
        .iter()
        .filter(|line| line["event"] == "reload")
        .map(|line| line["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(reloads, ["done", "failed", "failed", "failed", "done"]);
    assert!(!log.contains(&value[..12]));
    guard.sandbox.run(&["log", "verify", "run.log"]).exits_with(0);
}

/// A file that was written since is believed once the person who runs the guard says so, and not before: clients may be able to write it.
#[test]
fn a_reload_reads_the_logins_of_the_home() {
    let mut guard = Standing::new(&github_token());
    // Backwards, as above.
    let [before, after] = [(); 2].map(|()| secret(60).chars().rev().collect::<String>());
    let file = guard.path("home/.local/share/opencode/auth.json");
    let write = |key: &str| {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, format!(r#"{{"anthropic":{{"type":"api","key":"{key}"}}}}"#)).unwrap();
    };
    let policy = "version = 1\naccounts = \"known\"\n[hosts]\nllm = [\"other.example.com\"]\n";
    write_policy(&guard.path("policy.toml"), policy);
    let passes = |guard: &Standing, key: &str| {
        let field = format!("Authorization: Bearer {key}\r\nContent-Length");
        let mut stream = guard.connect();
        stream.write_all(request("a file").replace("Content-Length", &field).as_bytes()).unwrap();
        let said = answer(stream);
        assert!(!said.contains(&key[..12]));
        said.starts_with("HTTP/1.1 200")
    };
    let reload = |guard: &mut Standing| {
        guard.signal("-HUP");
        guard.line_with("settings, rules, store and policy were read anew");
    };
    write(&before);
    reload(&mut guard);
    assert!(passes(&guard, &before) && !passes(&guard, &after));
    write(&after);
    assert!(!passes(&guard, &after));
    reload(&mut guard);
    assert!(passes(&guard, &after) && !passes(&guard, &before));
    assert!(!guard.text("run.log").contains(&before[..12]) && !guard.text("run.log").contains(&after[..12]));
}

/// Whatever was answered is written down, however the guard ends.
#[test]
fn what_was_acknowledged_outlives_the_guard() {
    let token = github_token();
    let mut guard = Standing::new(&token);
    for n in 0..20 {
        assert!(guard.post(&format!("number {n}")).starts_with("HTTP/1.1 200"));
    }
    guard.signal("-KILL");
    guard.guard.wait().unwrap();
    let log = guard.text("run.log");
    assert_eq!(log.lines().filter(|line| line.contains("\"sent\"")).count(), 20);
    assert_eq!(guard.server.requests().len(), 20);
    let start: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    let key = start["key"].as_str().unwrap();
    let run = guard.sandbox.run(&["log", "verify", "run.log", "--key", key]).exits_with(0);
    run.notes("21 lines in one chain").notes("it did not end in order");
}

/// What hooks ask is answered as a request would be, and goes nowhere.
#[test]
fn the_guard_itself_is_asked() {
    let token = github_token();
    let guard = Standing::new(&token);
    let ask = |first: &str, body: &str| {
        let mut stream = guard.connect();
        let head = "Host: exfilter.invalid\r\nConnection: close\r\n";
        let length = body.len();
        stream
            .write_all(format!("{first}\r\n{head}Content-Length: {length}\r\n\r\n{body}").as_bytes())
            .unwrap();
        answer(stream)
    };
    let examine = |body: &str| {
        let said = ask("POST http://exfilter.invalid/examine HTTP/1.1", body);
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        let body = said.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str::<serde_json::Value>(body).unwrap()
    };
    assert_eq!(examine("a clean text"), serde_json::json!({"version": 1, "refused": false}));
    let enrolled = examine(&format!("some {token} text"));
    let members: Vec<&String> = enrolled.as_object().unwrap().keys().collect();
    assert_eq!(members, ["enrolled", "reference", "refused", "version"]);
    assert_eq!((&enrolled["refused"], &enrolled["enrolled"]), (&true.into(), &true.into()));
    // Drawn otherwise: of tokens drawn one behind the other the pieces are the same.
    let other = exfilter_testing::keys::github(&mut exfilter_testing::Rng::new(8), "ghp_");
    plant(&other);
    let other = examine(&format!("a\nkey = {}\n", String::from_utf8(other).unwrap()));
    assert_eq!(other["enrolled"], false);
    assert_eq!(other["findings"], serde_json::json!([{"rule": "github-pat", "place": "body"}]));
    assert_eq!(other["unseen"], serde_json::json!([]));
    // Nothing else is there.
    for first in ["GET http://exfilter.invalid/examine HTTP/1.1", "POST http://exfilter.invalid/ HTTP/1.1"] {
        assert!(ask(first, "").contains("the guard itself is asked by POST"));
    }
    assert!(guard.server.requests().is_empty());
    let log = guard.text("run.log");
    assert_eq!(log.matches("\"conversation\":\"hook\"").count(), 2, "{log}");
    let proxy = format!("EXFILTER_GUARD=http://{}", guard.address);
    assert!(guard.text("sandbox.env").contains(&proxy));
}

/// A sandbox that has read the file once goes on after the next authority has taken its place.
#[test]
fn the_certificate_authority_is_renewed_without_a_break() {
    let mut guard = Standing::with(&github_token(), &["--renew-after", "0"]);
    let curl = |guard: &Standing, bundle: &str| {
        let proxy = format!("http://{}", guard.address);
        let mut command = Command::new("curl");
        command.args(["-s", "-m", "60", "-o", "answer", "-x", &proxy, "--cacert", bundle]);
        command.arg("https://other.example.com/").current_dir(guard.sandbox.top()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).status().map(|status| status.code())
    };
    let Ok(code) = curl(&guard, "ca.pem") else { return };
    // The guard's own answer: it does not know the server's authority.
    assert_eq!(code, Some(0));
    let mut bundles = vec![guard.text("ca.pem")];
    for _ in 0..2 {
        guard.signal("-HUP");
        guard.line_with("the next certificate authority signs from now on");
        bundles.push(guard.text("ca.pem"));
    }
    for (n, bundle) in bundles.iter().enumerate() {
        std::fs::write(guard.path("read.pem"), bundle).unwrap();
        // 60: the certificate is not trusted.
        assert_eq!(curl(&guard, "read.pem").unwrap(), Some(if n == 0 { 60 } else { 0 }), "{n}");
        assert!(!bundle.contains("PRIVATE"));
    }
    // A file that cannot be written leaves the authority in force.
    std::fs::remove_file(guard.path("ca.pem")).unwrap();
    std::fs::create_dir(guard.path("ca.pem")).unwrap();
    guard.signal("-HUP");
    guard.line_with("the certificate authority could not be renewed");
    assert_eq!(curl(&guard, "read.pem").unwrap(), Some(0));
}
