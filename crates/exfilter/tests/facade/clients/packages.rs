//! `npm publish`, `twine upload` and `cargo publish` against small registries.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use exfilter::Engine;
use exfilter_testing::{Rng, keys};

use super::proxy::Proxy;
use super::server::{Arrived, Server};
use super::{Ran, has, holds, run};

fn engine() -> Engine {
    Engine::builder().rules(exfilter::rules::builtin()).build().unwrap()
}

fn json(status: u16, body: &str) -> (u16, String, Vec<u8>) {
    (status, "application/json".into(), body.as_bytes().to_vec())
}

/// The request that arrived, once.
fn only(server: &Server, method: &str) -> Arrived {
    let requests = server.requests(method);
    assert_eq!(requests.len(), 1);
    requests[0].clone()
}

#[test]
fn npm_publish() {
    if !has("npm", &["--version"]) {
        return;
    }
    let mut rng = Rng::new(71);
    let token = keys::github(&mut rng, "ghp_");
    let (server, engine) =
        (Server::start(|r| json(if r.head.method() == "GET" { 404 } else { 201 }, "{}")), engine());
    let proxy = Proxy::start(engine.clone(), server.address);
    let dir = tempfile::tempdir().unwrap();
    let publish = |files: &[(&str, &[u8])]| -> Ran {
        let package = tempfile::tempdir().unwrap();
        std::fs::write(package.path().join("package.json"), r#"{"name":"@acme/demo","version":"1.0.0"}"#)
            .unwrap();
        for (name, content) in files {
            std::fs::write(package.path().join(name), content).unwrap();
        }
        let auth = String::from_utf8(Rng::new(1).text(keys::BASE62, 12)).unwrap();
        let config = format!("//{}/:_authToken={auth}\nupdate-notifier=false\naudit=false\n", proxy.address);
        std::fs::write(dir.path().join(".npmrc"), config).unwrap();
        let registry = format!("--registry={}/", proxy.url());
        server.forget();
        run(
            package.path(),
            dir.path(),
            &[],
            &["npm", "publish", &registry, "--ignore-scripts", "--access", "public"],
        )
    };
    let planted = [b"const key = '", &token[..], b"'\n"].concat();
    let readme = [b"# demo\nuse ", &token[..], b"\n"].concat();

    let ran = publish(&[("index.js", b"module.exports = 1\n"), ("README.md", b"# demo\n")]);
    assert!(ran.ok, "{}", ran.said);
    let body: serde_json::Value = serde_json::from_slice(&only(&server, "PUT").body).unwrap();
    assert_eq!(body["name"], "@acme/demo");

    for files in [&[("index.js", &planted[..])][..], &[("README.md", &readme[..])]] {
        let ran = publish(files);
        assert!(!ran.ok && ran.said.contains("secret detected in body"), "{}", ran.said);
        assert!(ran.said.contains("(github-pat)"), "{}", ran.said);
        assert!(server.requests("PUT").is_empty());
        assert!(!holds(&engine, &server.bytes(), &token));
    }
    assert!(proxy.refused.lock().unwrap().iter().all(|what| *what == "npm-publish"));
}

#[test]
fn twine_upload() {
    let python = std::env::var("EXFILTER_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    if !has(&python, &["-m", "twine", "--version"]) {
        return;
    }
    let mut rng = Rng::new(72);
    let token = keys::github(&mut rng, "ghp_");
    let (server, engine) = (Server::start(|_| (200, "text/plain".into(), b"OK".to_vec())), engine());
    let proxy = Proxy::start(engine.clone(), server.address);
    let dir = tempfile::tempdir().unwrap();
    let upload = |content: &[u8], kind: &str| -> (Ran, Vec<u8>) {
        let dist = tempfile::tempdir().unwrap();
        std::fs::write(dist.path().join("content"), content).unwrap();
        let made = run(dist.path(), dir.path(), &[], &[&python, "-c", MAKE_DIST, kind]);
        assert!(made.ok, "{}", made.said);
        let name = made.said.trim().to_string();
        let file = std::fs::read(dist.path().join(&name)).unwrap();
        let url = format!("{}/legacy/", proxy.url());
        let password = String::from_utf8(Rng::new(2).text(keys::BASE62, 12)).unwrap();
        server.forget();
        let args = [
            &python,
            "-m",
            "twine",
            "upload",
            "--non-interactive",
            "--disable-progress-bar",
            "--repository-url",
            &url,
            "-u",
            "__token__",
            "-p",
            &password,
            &name,
        ];
        (run(dist.path(), dir.path(), &[], &args), file)
    };
    for kind in ["wheel", "sdist"] {
        let (ran, file) = upload(b"x = 1\n", kind);
        assert!(ran.ok, "{}", ran.said);
        let body = only(&server, "POST").body;
        assert!(body.windows(file.len()).any(|w| w == file));
        let (ran, _) = upload(&[b"key = '", &token[..], b"'\n"].concat(), kind);
        assert!(!ran.ok && ran.said.contains("secret detected in body"), "{}", ran.said);
        assert!(server.requests("POST").is_empty());
        assert!(!holds(&engine, &server.bytes(), &token));
    }
    assert!(proxy.refused.lock().unwrap().iter().all(|what| *what == "pypi-upload"));
}

/// Makes a wheel or an sdist of a package whose only file is `content`, with nothing but Python's own modules; prints its name.
const MAKE_DIST: &str = r#"
import io, sys, tarfile, zipfile, hashlib, base64
content = open('content', 'rb').read()
meta = b'Metadata-Version: 2.1\nName: demo-dlp\nVersion: 1.0\nSummary: demo\n'
if sys.argv[1] == 'wheel':
    name = 'demo_dlp-1.0-py3-none-any.whl'
    info = 'demo_dlp-1.0.dist-info/'
    files = {'demo_dlp/__init__.py': content, info + 'METADATA': meta,
             info + 'WHEEL': b'Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n'}
    record = ''.join('%s,,\n' % n for n in files) + info + 'RECORD,,\n'
    files[info + 'RECORD'] = record.encode()
    with zipfile.ZipFile(name, 'w', zipfile.ZIP_DEFLATED) as z:
        for n, data in files.items():
            z.writestr(n, data)
else:
    name = 'demo_dlp-1.0.tar.gz'
    with tarfile.open(name, 'w:gz') as t:
        for n, data in {'PKG-INFO': meta, 'demo_dlp/__init__.py': content}.items():
            member = tarfile.TarInfo('demo_dlp-1.0/' + n)
            member.size = len(data)
            t.addfile(member, io.BytesIO(data))
print(name)
"#;

#[test]
fn cargo_publish() {
    if !has("cargo", &["--version"]) {
        return;
    }
    let mut rng = Rng::new(73);
    let token = keys::github(&mut rng, "ghp_");
    let published = Arc::new(AtomicBool::new(false));
    let seen = published.clone();
    let server = Server::start(move |request| {
        let host = String::from_utf8_lossy(request.head.host().unwrap()).into_owned();
        let path = String::from_utf8_lossy(request.head.target().path()).into_owned();
        if path.ends_with("config.json") {
            return json(200, &format!("{{\"dl\":\"http://{host}/dl\",\"api\":\"http://{host}\"}}"));
        }
        if request.head.method() == "PUT" {
            seen.store(true, Ordering::SeqCst);
            return json(200, r#"{"warnings":{"invalid_categories":[],"invalid_badges":[],"other":[]}}"#);
        }
        if !seen.load(Ordering::SeqCst) {
            return json(404, "{}");
        }
        let entry = format!(
            "{{\"name\":\"demo-dlp\",\"vers\":\"1.0.0\",\"deps\":[],\"cksum\":\"{}\",\"features\":{{}},\"yanked\":false}}\n",
            "0".repeat(64)
        );
        json(200, &entry)
    });
    let engine = engine();
    let proxy = Proxy::start(engine.clone(), server.address);
    let home = tempfile::tempdir().unwrap();
    let publish = |content: &[u8], readme: &[u8]| -> Ran {
        let dir = tempfile::tempdir().unwrap();
        let manifest = "[package]\nname = \"demo-dlp\"\nversion = \"1.0.0\"\nedition = \"2021\"\ndescription = \"d\"\nlicense = \"MIT\"\nreadme = \"README.md\"\n[workspace]\n";
        std::fs::create_dir(dir.path().join("src")).unwrap();
        std::fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
        std::fs::write(dir.path().join("src/lib.rs"), content).unwrap();
        std::fs::write(dir.path().join("README.md"), readme).unwrap();
        server.forget();
        published.store(false, Ordering::SeqCst);
        let index = format!("sparse+{}/index/", proxy.url());
        let auth = String::from_utf8(Rng::new(3).text(keys::BASE62, 12)).unwrap();
        let cargo_home = home.path().join("cargo");
        let rustup = std::env::var("RUSTUP_HOME")
            .unwrap_or_else(|_| format!("{}/.rustup", std::env::var("HOME").unwrap_or_default()));
        let env = [
            ("CARGO_HOME", cargo_home.to_str().unwrap()),
            ("RUSTUP_HOME", rustup.as_str()),
            ("CARGO_REGISTRIES_DEMO_INDEX", index.as_str()),
            ("CARGO_REGISTRIES_DEMO_TOKEN", auth.as_str()),
            ("CARGO_TERM_COLOR", "never"),
        ];
        run(
            dir.path(),
            home.path(),
            &env,
            &["cargo", "publish", "--registry", "demo", "--no-verify", "--allow-dirty"],
        )
    };
    let ran = publish(b"//! demo\n", b"# demo\n");
    assert!(ran.ok, "{}", ran.said);
    let body = only(&server, "PUT").body;
    let metadata = u32::from_le_bytes(body[..4].try_into().unwrap()) as usize;
    let value: serde_json::Value = serde_json::from_slice(&body[4..4 + metadata]).unwrap();
    assert_eq!(value["name"], "demo-dlp");

    let line = |before: &str| [before.as_bytes(), &token[..], b"\n"].concat();
    for (content, readme, place) in [
        (
            line("// "),
            b"# demo\n".to_vec(),
            "secret detected in package > gzip > demo-dlp-1.0.0/src/lib.rs:1:4 (github-pat)",
        ),
        (b"//! demo\n".to_vec(), line("# demo\nuse "), "secret detected in metadata"),
    ] {
        let ran = publish(&content, &readme);
        assert!(!ran.ok && ran.said.contains(place), "{}", ran.said);
        assert!(server.requests("PUT").is_empty());
        assert!(!holds(&engine, &server.bytes(), &token));
    }
    assert!(proxy.refused.lock().unwrap().iter().all(|what| *what == "cargo-publish"));
    assert!(Path::new(home.path()).exists());
}
