//! A guard before a server, and clients that use it.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exfilter::{Engine, Event, Flow, HostPattern};
use exfilter_guard::{Guard, Listener, Outcome, Record, Running, Settings, Sink};

use crate::upstream::{Answer, Arrived, Upstream};

/// The names under which the server of a test is reached, at 443 with TLS and at 80 without.
pub(crate) const HOSTS: [&str; 11] = [
    "api.github.com",
    "github.com",
    "registry.npmjs.org",
    "echo.example.com",
    "api.anthropic.com",
    "console.anthropic.com",
    "api.openai.com",
    "chatgpt.com",
    AWS,
    "mcp.echo.example.com",
    "mcp.example.net",
];

/// One that asks for signatures.
pub(crate) const AWS: &str = "sts.eu-west-1.amazonaws.com";

/// A name of the same server that leads nowhere: only a proxy would find it.
pub(crate) const ELSEWHERE: &str = "elsewhere.example.com";

/// Records of a guard.
#[derive(Default)]
pub(crate) struct Records(Mutex<Vec<Record>>);

impl Records {
    pub(crate) fn all(&self) -> Vec<Record> {
        self.0.lock().unwrap().clone()
    }
}

impl Sink for Records {
    fn record(&self, record: &Record) -> std::io::Result<()> {
        self.0.lock().unwrap().push(record.clone());
        Ok(())
    }
}

pub(crate) struct Stage {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) server: Upstream,
    pub(crate) engine: Engine,
    pub(crate) guard: Running,
    records: Arc<Records>,
}

/// What a client printed, both streams, and how it ended.
pub(crate) struct Ran {
    pub(crate) ok: bool,
    pub(crate) said: String,
}

/// The longest that a client may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn engine() -> Engine {
    Engine::builder().rules(exfilter::rules::builtin()).build().unwrap()
}

pub(crate) fn ok(body: &[u8]) -> Answer {
    Answer { status: 200, headers: vec![("content-type", "text/plain".into())], body: body.to_vec() }
}

impl Stage {
    /// With the built-in rules, to the usual hosts.
    pub(crate) fn usual() -> Stage {
        Stage::new(engine(), |_| {}, |_| ok(b"done\n"))
    }

    pub(crate) fn new(
        engine: Engine,
        set: impl FnOnce(&mut Settings),
        answer: impl Fn(&Arrived) -> Answer + Send + Sync + 'static,
    ) -> Stage {
        Stage::with(engine, &[b"h2", b"http/1.1"], set, answer)
    }

    pub(crate) fn with(
        engine: Engine,
        protocols: &[&[u8]],
        set: impl FnOnce(&mut Settings),
        answer: impl Fn(&Arrived) -> Answer + Send + Sync + 'static,
    ) -> Stage {
        let server = Upstream::start(&[&HOSTS[..], &[ELSEWHERE]].concat(), protocols, answer);
        let mut settings = before(&server, engine.clone());
        let records = Arc::new(Records::default());
        settings.sink(records.clone());
        set(&mut settings);
        let guard = Guard::new(settings).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), guard.bundle()).unwrap();
        let guard = guard.start(Listener::loopback().unwrap()).unwrap();
        Stage { dir, server, engine, guard, records }
    }

    /// Takes another engine for what begins from now on.
    pub(crate) fn reload(&self, engine: Engine, set: impl FnOnce(&mut Settings)) {
        let mut settings = before(&self.server, engine);
        set(&mut settings);
        self.guard.reload(settings).unwrap();
    }

    pub(crate) fn proxy(&self) -> String {
        format!("http://{}", self.guard.address().unwrap())
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.records.all()
    }

    /// Why requests were refused, in order.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let why = |record: Record| match record.outcome {
            Outcome::Refused { why } => Some(why),
            _ => None,
        };
        self.records().into_iter().filter_map(why).collect()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.dir.path().join(name), bytes).unwrap();
        self.path(name)
    }

    /// Runs a client in the environment that `exfilter run` makes.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_in(self.dir.path(), &[], args)
    }

    pub(crate) fn run_in(&self, dir: &Path, env: &[(&str, &str)], args: &[&str]) -> Ran {
        let log = tempfile::NamedTempFile::new().unwrap();
        // Both behind each other: two places in the file would overwrite one another.
        let writer = || std::fs::OpenOptions::new().append(true).open(log.path()).unwrap();
        let (proxy, ca) = (self.proxy(), self.path("ca.pem"));
        let mut command = Command::new(args[0]);
        command.args(&args[1..]).current_dir(dir).env_clear();
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
            command.env(name, &proxy);
        }
        for name in [
            "SSL_CERT_FILE",
            "CURL_CA_BUNDLE",
            "GIT_SSL_CAINFO",
            "NODE_EXTRA_CA_CERTS",
            "REQUESTS_CA_BUNDLE",
            "npm_config_cafile",
        ] {
            command.env(name, &ca);
        }
        let mut child = command
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .env("LC_ALL", "C")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(writer())
            .stderr(writer())
            .spawn()
            .unwrap();
        let ok = ended(&mut child).is_some_and(|status| status.success());
        Ran { ok, said: String::from_utf8_lossy(&std::fs::read(log.path()).unwrap()).into_owned() }
    }

    /// Nothing of `secret` has arrived: not as it is, not decoded, not half of it.
    pub(crate) fn nothing_arrived(&self, secret: &[u8]) {
        let bytes = self.server.bytes();
        assert!(!holds(&self.engine, &bytes), "a secret arrived");
        for piece in [&secret[..secret.len() / 2], &secret[secret.len() / 2..]] {
            assert!(!bytes.windows(piece.len()).any(|window| window == piece), "a piece arrived");
        }
    }
}

/// Settings of a guard before a server.
fn before(server: &Upstream, engine: Engine) -> Settings {
    let mut settings = Settings::new(engine);
    settings.upstream_root(server.ca.clone().into_bytes());
    for host in HOSTS {
        settings.resolve(host, 443, server.tls).resolve(host, 80, server.plain);
    }
    settings
}

/// How a process ended; one that takes too long is killed.
pub(crate) fn ended(child: &mut Child) -> Option<ExitStatus> {
    let begun = Instant::now();
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return Some(status),
            None if begun.elapsed() > PATIENCE => {
                child.kill().unwrap();
                child.wait().unwrap();
                return None;
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Whether the engine finds anything of high confidence.
fn holds(engine: &Engine, bytes: &[u8]) -> bool {
    let mut found = false;
    let _ = engine.scanner(Flow::at_rest()).scan(bytes, &mut |event| {
        found |= matches!(event, Event::Finding(f) if f.confidence() >= exfilter::Confidence::High);
    });
    found
}

pub(crate) fn pattern(text: &str) -> HostPattern {
    HostPattern::parse(text.as_bytes()).unwrap()
}

/// Whether a program is there; a line says if not.
pub(crate) fn has(program: &str, args: &[&str]) -> bool {
    let ran = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_there = ran.is_ok_and(|status| status.success());
    if !is_there {
        println!("skipped: {program} is not on this machine");
    }
    is_there
}

/// Whether something becomes true within a few seconds.
pub(crate) fn soon(is: impl Fn() -> bool) -> bool {
    (0..200).any(|_| {
        let now = is();
        if !now {
            std::thread::sleep(Duration::from_millis(20));
        }
        now
    })
}
