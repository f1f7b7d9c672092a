//! `git push` over HTTP to `git http-backend`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use exfilter::{Authority, Engine, Flow, Inspection, Inspector};
use exfilter_testing::{Rng, keys, split};

use super::proxy::Proxy;
use super::server::{Answer, Arrived, Server};
use super::{Ran, has, holds, run};

/// A repository of its own, a server with a bare one, and the proxy between them.
struct Stage {
    _dir: tempfile::TempDir,
    work: PathBuf,
    bare: PathBuf,
    home: PathBuf,
    server: Server,
    proxy: Proxy,
    engine: Engine,
}

/// Answers as a CGI script does.
fn backend(root: &Path, request: &Arrived) -> Answer {
    let target = request.head.target();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let field = |name: &str| text(request.head.headers().get(name).unwrap_or_default());
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "tester")
        .env("REQUEST_METHOD", request.head.method())
        .env("PATH_INFO", text(target.path()))
        .env("QUERY_STRING", text(target.query()))
        .env("CONTENT_TYPE", field("content-type"))
        .env("HTTP_CONTENT_ENCODING", field("content-encoding"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut stdin, body) = (child.stdin.take().unwrap(), request.body.clone());
    let writer = std::thread::spawn(move || stdin.write_all(&body));
    let out = child.wait_with_output().unwrap().stdout;
    let _ = writer.join().unwrap();
    let end = out.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = text(&out[..end]);
    let value = |name: &str| {
        head.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_string())
    };
    let status = value("Status:").and_then(|status| status[..3].parse().ok()).unwrap_or(200);
    (status, value("Content-Type:").unwrap_or_default(), out[end + 4..].to_vec())
}

impl Stage {
    fn new(format: &str) -> Option<Stage> {
        if !has("git", &["--version"]) {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let (work, bare, home) = (path("work"), path("root").join("r.git"), path("home"));
        std::fs::create_dir_all(&home).unwrap();
        let config = "[user]\nname = T\nemail = t@example.com\n[init]\ndefaultBranch = main\n[push]\nautoSetupRemote = true\n";
        std::fs::write(home.join(".gitconfig"), config).unwrap();
        let root = path("root");
        std::fs::create_dir_all(&root).unwrap();
        let server = Server::start(move |request| backend(&root, request));
        let engine = Engine::builder().rules(exfilter::rules::builtin()).build().unwrap();
        let proxy = Proxy::start(engine.clone(), server.address);
        let stage = Stage { work, bare, home, server, proxy, engine, _dir: dir };
        let format = format!("--object-format={format}");
        let bare = stage.bare.to_str().unwrap().to_string();
        let outside = stage.home.clone();
        for args in [
            &["init", "-q", "--bare", &format, &bare][..],
            &["-C", &bare, "config", "http.receivepack", "true"],
            &["-C", &bare, "config", "receive.advertisePushOptions", "true"],
            &["init", "-q", &format, stage.work.to_str().unwrap()],
        ] {
            let ran = run(&outside, &stage.home, &[], &[&["git"], args].concat());
            assert!(ran.ok, "{}", ran.said);
        }
        let url = format!("{}/r.git", stage.proxy.url());
        assert!(stage.git(&["remote", "add", "origin", &url]).ok);
        Some(stage)
    }

    fn git(&self, args: &[&str]) -> Ran {
        run(&self.work, &self.home, &[("GIT_TERMINAL_PROMPT", "0")], &[&["git"], args].concat())
    }

    fn commit(&self, name: &str, content: &[u8], message: &str) {
        let file = self.work.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
        for args in [&["add", "-A"][..], &["commit", "-q", "-m", message]] {
            let ran = self.git(args);
            assert!(ran.ok, "{}", ran.said);
        }
    }

    fn at(&self, dir: &Path, what: &str) -> String {
        run(dir, &self.home, &[], &["git", "rev-parse", "--verify", "-q", what]).said
    }

    /// Pushes, which must be refused with a text that names the place; nothing of the secret has arrived.
    fn refused(&self, args: &[&str], secret: &[u8], says: &str) {
        self.server.forget();
        let before = run(&self.bare, &self.home, &[], &["git", "for-each-ref"]).said;
        let ran = self.git(&[&["push"], args].concat());
        assert!(!ran.ok, "{}", ran.said);
        assert!(ran.said.contains(says), "{says}: {}", ran.said);
        assert!(!ran.said.contains("Everything up-to-date"), "{}", ran.said);
        // A large push begins with a probe of four bytes.
        let arrived = self.server.requests("POST");
        assert!(arrived.iter().all(|request| request.body == b"0000"), "a push is whole or nothing");
        assert!(!holds(&self.engine, &self.server.bytes(), secret));
        assert_eq!(run(&self.bare, &self.home, &[], &["git", "for-each-ref"]).said, before);
    }
}

/// Whether the engine looks into packs: else a push of objects is refused, for nobody knows what they are.
fn reads_packs(stage: &Stage) -> bool {
    stage.commit("probe.txt", b"probe", "probe");
    let ran = run(
        &stage.work,
        &stage.home,
        &[],
        &["sh", "-c", "git rev-list --objects HEAD | git pack-objects -q ../home/probe"],
    );
    let name = format!("probe-{}.pack", ran.said.trim());
    let pack = std::fs::read(stage.home.join(name)).unwrap();
    let mut stream = stage.engine.stream(Flow::at_rest());
    let _ = (stream.push(&pack), stream.finish());
    let reads = stream.coverage().containers > 0;
    if !reads {
        println!("the engine does not look into packs: only refusals are tried");
        stage.refused(&["origin", "main"], b"nothing that could be there", "the container is broken");
    }
    reads
}

#[test]
fn pushes_arrive_or_are_refused_with_the_reason() {
    for format in ["sha1", "sha256"] {
        let Some(stage) = Stage::new(format) else { return };
        let mut rng = Rng::new(61);
        if !reads_packs(&stage) {
            return;
        }
        let token = keys::github(&mut rng, "ghp_");
        let line = |before: &str| [before.as_bytes(), &token, b"\n"].concat();

        // Clean ones: the first, a delta, a delete, a tag, a push option, a new branch at an old commit.
        stage.commit("src/main.rs", &vec![b'x'; 3000], "first");
        let ran = stage.git(&["push", "-o", "a.b=c", "origin", "main"]);
        assert!(ran.ok, "{}", ran.said);
        stage.commit("src/main.rs", &[vec![b'x'; 3000], b"more\n".to_vec()].concat(), "second");
        for args in [
            &["push", "origin", "main"][..],
            &["push", "origin", "main:refs/heads/other"],
            &["push", "origin", ":refs/heads/other"],
        ] {
            let ran = stage.git(args);
            assert!(ran.ok, "{}", ran.said);
        }
        assert!(stage.git(&["tag", "-a", "v1", "-m", "a tag"]).ok && stage.git(&["push", "origin", "v1"]).ok);
        assert_eq!(stage.at(&stage.bare, "main"), stage.at(&stage.work, "HEAD"));
        assert!(run(&stage.bare, &stage.home, &[], &["git", "fsck", "--strict"]).ok);
        let clean = stage.at(&stage.work, "HEAD").trim().to_string();
        let reset = || assert!(stage.git(&["reset", "-q", "--hard", &clean]).ok);

        let rejected = "! [remote rejected] main -> main (secret detected in ";
        // Ids in packs of SHA-256 are not those of its trees, so there objects stand for files.
        let in_file =
            |file: &str| if format == "sha1" { format!("{rejected}{file}") } else { rejected.to_string() };
        stage.commit("config.py", &line("a = 1\nkey = "), "configuration");
        let head = stage.at(&stage.work, "HEAD");
        let in_config = in_file(&format!("config.py:2:7 in commit {}", &head[..8]));
        stage.refused(&["origin", "main"], &token, &in_config);
        stage.refused(
            &["--atomic", "origin", "main", "main:refs/heads/b"],
            &token,
            "! [remote rejected] main -> b (secret detected",
        );
        stage.refused(&["--force", "origin", "main"], &token, "remote: exfilter: refused");
        if format == "sha256" {
            // What follows is the same for either.
            continue;
        }
        // Old commits of the same push hold it, the last one does not.
        stage.commit("src/b.txt", b"b", "something else");
        stage.commit("config.py", b"a = 1\n", "without");
        stage.refused(&["origin", "main"], &token, &in_config);
        reset();
        // A line added to a large file: a delta.
        stage.commit("src/main.rs", &[vec![b'x'; 3000], line("more\nkey = ")].concat(), "third");
        stage.refused(&["origin", "main"], &token, &in_file("src/main.rs:2:7 in commit "));
        reset();
        stage.commit("a.txt", b"a", &format!("message {}", String::from_utf8_lossy(&token)));
        stage.refused(&["origin", "main"], &token, rejected);
        reset();
        stage.commit(&format!("{}.txt", String::from_utf8_lossy(&token)), b"a", "name");
        stage.refused(&["origin", "main"], &token, rejected);
        reset();
        assert!(stage.git(&["tag", "-a", "v2", "-m", &String::from_utf8_lossy(&token)]).ok);
        stage.refused(&["origin", "v2"], &token, "! [remote rejected] v2 -> v2 (secret detected in ");
        let option = String::from_utf8_lossy(&token).into_owned();
        stage.refused(
            &["-o", &option, "origin", "HEAD:refs/heads/o"],
            &token,
            "secret detected in git commands",
        );
        let name = format!("HEAD:refs/heads/{option}");
        stage.refused(&["origin", &name], &token, "remote unpack failed: secret detected in git commands");
        // A large push, in chunks after a probe.
        let noise = rng.bytes(3 << 20);
        std::fs::write(stage.work.join("noise.bin"), &noise).unwrap();
        stage.commit("late.txt", &line("key = "), "large");
        stage.refused(&["origin", "main"], &token, rejected);
        reset();
        std::fs::write(stage.work.join("noise.bin"), &noise).unwrap();
        stage.commit("late.txt", b"nothing", "large");
        let ran = stage.git(&["push", "origin", "main"]);
        assert!(ran.ok, "{}", ran.said);
        assert_eq!(stage.at(&stage.bare, "main"), stage.at(&stage.work, "HEAD"));
        // What arrived in the end is what the client sent, in any chunking the inspector says the same of it.
        let pushes = stage.server.requests("POST");
        let push = pushes.last().unwrap();
        same_in_all_chunkings(&stage.engine, push);
        let refused = stage.proxy.refused.lock().unwrap().clone();
        // The probe of a large push is answered by the server.
        assert!(refused.len() >= 10 && refused.iter().all(|what| *what == "git-push"), "{refused:?}");
    }
}

fn same_in_all_chunkings(engine: &Engine, push: &Arrived) {
    let host = String::from_utf8_lossy(push.head.host().unwrap()).into_owned();
    let mut inspection = Inspection::new(Authority::parse(format!("http://{host}").as_bytes()).unwrap());
    inspection.reference(3);
    let body = &push.body;
    let mut rng = Rng::new(5);
    for chunks in [
        split::whole(body.len()),
        split::every(body.len(), 4096),
        split::random(&mut rng, body.len(), 50_000),
    ] {
        let mut inspector = Inspector::new(engine, &inspection, push.head.clone()).unwrap();
        let mut at = 0;
        for n in chunks {
            let _ = inspector.push(&body[at..at + n]);
            at += n;
        }
        assert_eq!(inspector.finish().through(), Some(body.len() as u64));
        assert!(inspector.coverage().is_complete());
    }
}

/// What is refused before a push or a fetch has begun is shown too.
#[test]
fn refusals_before_a_push_are_shown() {
    let Some(stage) = Stage::new("sha1") else { return };
    let mut rng = Rng::new(62);
    let token = String::from_utf8(keys::github(&mut rng, "ghp_")).unwrap();
    stage.commit("a.txt", b"a", "first");
    let url = format!("{}/r.git", stage.proxy.url());
    let header = format!("http.extraHeader=X-Data: {token}");
    for args in [&["-c", &header, "push", &url, "main"][..], &["-c", &header, "ls-remote", &url]] {
        let ran = stage.git(args);
        assert!(
            !ran.ok && ran.said.contains("remote error: secret detected in header:x-data (github-pat)"),
            "{}",
            ran.said
        );
    }
    assert!(!holds(&stage.engine, &stage.server.bytes(), token.as_bytes()));
}
