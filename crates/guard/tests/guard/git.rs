//! `git push` over HTTPS to `git http-backend`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use exfilter_testing::{Rng, keys};

use crate::stage::{Ran, Stage, engine, has};
use crate::upstream::{Answer, Arrived};

/// Answers as a CGI script does.
fn backend(root: &Path, request: &Arrived) -> Answer {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "tester")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", request.header("content-type").unwrap_or_default())
        .env("HTTP_CONTENT_ENCODING", request.header("content-encoding").unwrap_or_default())
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
    let head = String::from_utf8_lossy(&out[..end]).into_owned();
    let value =
        |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(|v| v.trim().to_string());
    Answer {
        status: value("Status:").and_then(|status| status[..3].parse().ok()).unwrap_or(200),
        headers: vec![("content-type", value("Content-Type:").unwrap_or_default())],
        body: out[end + 4..].to_vec(),
    }
}

struct Repository {
    stage: Stage,
}

impl Repository {
    fn new() -> Repository {
        let root = tempfile::tempdir().unwrap();
        let bare = root.path().join("r.git");
        let stage = Stage::new(engine(), |_| {}, move |request| backend(root.path(), request));
        let config = "[user]\nname = T\nemail = t@example.com\n[init]\ndefaultBranch = main\n";
        std::fs::write(stage.path(".gitconfig"), config).unwrap();
        let bare = bare.to_str().unwrap();
        for args in [
            &["init", "-q", "--bare", bare][..],
            &["-C", bare, "config", "http.receivepack", "true"],
            &["init", "-q", "work"],
            &["-C", "work", "remote", "add", "origin", "https://github.com/r.git"],
        ] {
            let ran = stage.run(&[&["git"], args].concat());
            assert!(ran.ok, "{}", ran.said);
        }
        Repository { stage }
    }

    fn git(&self, args: &[&str]) -> Ran {
        self.stage.run_in(
            &self.stage.dir.path().join("work"),
            &[("GIT_TERMINAL_PROMPT", "0")],
            &[&["git"], args].concat(),
        )
    }

    fn commit(&self, name: &str, content: &[u8]) {
        std::fs::write(self.stage.dir.path().join("work").join(name), content).unwrap();
        for args in [&["add", "-A"][..], &["commit", "-q", "-m", "change"]] {
            let ran = self.git(args);
            assert!(ran.ok, "{}", ran.said);
        }
    }
}

#[test]
fn pushes_arrive_or_are_refused_with_the_file() {
    if !has("git", &["--version"]) {
        return;
    }
    let repository = Repository::new();
    let mut rng = Rng::new(31);
    repository.commit("a.txt", &rng.bytes(100_000));
    let ran = repository.git(&["push", "-q", "origin", "main"]);
    assert!(ran.ok, "{}", ran.said);
    let ran = repository.git(&["ls-remote", "origin"]);
    assert!(ran.said.contains("refs/heads/main"), "{}", ran.said);

    let token = keys::github(&mut rng, "ghp_");
    repository.stage.server.forget();
    repository.commit("config.py", &[b"x = 1\nkey = '", &token[..], b"'\n"].concat());
    // Large, so that git sends it in chunks after a probe.
    repository.commit("b.bin", &rng.bytes(3 << 20));
    let ran = repository.git(&["push", "origin", "main"]);
    assert!(!ran.ok, "{}", ran.said);
    assert!(
        ran.said.contains("! [remote rejected] main -> main (secret detected in config.py:2:8"),
        "{}",
        ran.said
    );
    repository.stage.nothing_arrived(&token);
    assert!(repository.stage.refusals()[0].contains("config.py:2"), "{:?}", repository.stage.refusals());

    // In the history, not in the tree.
    repository.commit("config.py", b"x = 1\n");
    assert!(!repository.git(&["push", "origin", "main"]).ok);
    repository.stage.nothing_arrived(&token);
    assert!(repository.git(&["reset", "-q", "--hard", "origin/main"]).ok);
    repository.commit("b.bin", &rng.bytes(3 << 20));
    let ran = repository.git(&["push", "-q", "origin", "main"]);
    assert!(ran.ok, "{}", ran.said);
    let clone = repository.stage.run(&["git", "clone", "-q", "https://github.com/r.git", "again"]);
    assert!(clone.ok, "{}", clone.said);
}
