//! Files that the clients of registries and forges write, or read; those that log in ask a server that these tests are.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use exfilter_audit::{Audit, Severity};
use exfilter_testing::wrap;

use crate::home::{ENGINE, Home, assert_mute, client, client_with, find, github, plant, program, secret};

/// A server that lets everybody in, and remembers who came.
struct Server {
    address: String,
    seen: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn new() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                // An empty connection ends it.
                match connection.and_then(|connection| answer(connection, &kept)) {
                    Ok(true) | Err(_) => {}
                    Ok(false) => return,
                }
            }
        });
        Server { address, seen, thread: Some(thread) }
    }

    /// What `Authorization` said, each time.
    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(TcpStream::connect(&self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Answers one request; false if there was none.
fn answer(connection: TcpStream, seen: &Mutex<Vec<String>>) -> std::io::Result<bool> {
    let mut reader = BufReader::new(connection);
    let (mut authorization, mut length, mut path, mut lines) = (None, 0, String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(lines > 0);
        }
        lines += 1;
        let line = line.trim_end();
        if lines == 1 {
            line.split(' ').nth(1).unwrap_or_default().clone_into(&mut path);
        }
        match line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim())) {
            Some((name, value)) if name == "authorization" => authorization = Some(value.to_owned()),
            Some((name, value)) if name == "content-length" => length = value.parse().unwrap_or(0),
            None if line.is_empty() => break,
            _ => {}
        }
    }
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    // A registry of containers asks before it lets anybody in.
    let asks = path.starts_with("/v2") && authorization.is_none();
    let (status, body) = if asks { ("401 Unauthorized", "") } else { ("200 OK", r#"{"login":"me"}"#) };
    seen.lock().unwrap().extend(authorization);
    write!(
        reader.get_mut(),
        "HTTP/1.1 {status}\r\nWWW-Authenticate: Basic realm=\"x\"\r\nX-Oauth-Scopes: repo, read:org, gist\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    Ok(true)
}

/// User and password as clients write both.
fn basic(user: &str, password: &str) -> String {
    let basic = wrap::base64(format!("{user}:{password}").as_bytes(), false, true);
    let basic = String::from_utf8(basic).unwrap();
    plant(&basic);
    basic
}

#[test]
fn docker_and_skopeo_logins() {
    for (name, file) in [("docker", ".docker/config.json"), ("skopeo", ".config/containers/auth.json")] {
        let Some(tool) = program(name) else { continue };
        let (home, server, password) = (Home::new(), Server::new(), secret(24));
        let folder = home.path(file);
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        let authfile = format!("--authfile={}", folder.display());
        let own: &[&str] = if name == "docker" { &[] } else { &["--tls-verify=false", &authfile] };
        let args =
            [&["login", "--username=me", "--password-stdin"], own, &[server.address.as_str()]].concat();
        basic("me", &password);
        if client(&home, &tool, &args, password.as_bytes()).is_none() {
            continue;
        }
        let report = home.audit();
        let found = find(&report, file, &format!("auths.{}.auth", server.address));
        assert_eq!((found.id.as_str(), found.severity), ("docker-config-auth", Severity::High), "{name}");
    }
}

#[test]
fn github_cli_logins() {
    let Some(gh) = program("gh") else { return };
    let (home, server, token) = (Home::new(), Server::new(), github());
    // The one host that it speaks to without TLS.
    let proxy = format!("http://{}", server.address);
    let args = ["auth", "login", "--with-token", "--hostname", "github.localhost"];
    let env = [("HTTP_PROXY", proxy.as_str()), ("GH_NO_UPDATE_NOTIFIER", "1")];
    if client_with(&home, &gh, &args, &env, token.as_bytes()).is_none() {
        return;
    }
    let report = home.audit();
    let found = find(&report, "gh/hosts.yml", "oauth_token");
    assert_eq!((found.id.as_str(), found.places.len()), ("github-pat", 1));
}

#[test]
fn gitlab_cli_tokens() {
    let Some(glab) = program("glab") else { return };
    let (home, token) = (Home::new(), secret(26));
    if client(&home, &glab, &["config", "set", "token", &token, "--host", "gitlab.example"], b"").is_none() {
        return;
    }
    let report = home.audit();
    assert_eq!(find(&report, "glab-cli/config.yml", "hosts.gitlab.example.token").id, "gitlab-cli-login");
}

#[test]
fn pnpm_and_yarn_tokens() {
    let tokens = [secret(36), secret(36)];
    if let Some(pnpm) = program("pnpm") {
        let home = Home::new();
        let name = "//registry.example/:_authToken";
        if client(&home, &pnpm, &["config", "set", name, &tokens[0]], b"").is_some() {
            assert_eq!(find(&home.audit(), "", name).id, "npm-registry-token");
        }
    }
    if let Some(yarn) = program("yarn") {
        let home = Home::new();
        if client(&home, &yarn, &["config", "set", "npmAuthToken", "--home", &tokens[1]], b"").is_some() {
            assert_eq!(find(&home.audit(), ".yarnrc.yml", "npmAuthToken").id, "npm-registry-token");
        }
    }
}

#[test]
fn poetry_and_uv_logins() {
    let (password, token, other) = (secret(20), secret(40), secret(22));
    if let Some(poetry) = program("poetry") {
        let home = Home::new();
        // No keyring of the desktop is written to.
        let env = [("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")];
        let set = |args: &[&str]| client_with(&home, &poetry, &[&["config"], args].concat(), &env, b"");
        if set(&["http-basic.work", "me", &password]).is_some() {
            set(&["pypi-token.work", &token]).unwrap();
            let report = home.audit();
            assert_eq!(find(&report, "pypoetry/auth.toml", "work.password").id, "package-index-password");
            assert_eq!(find(&report, "pypoetry/auth.toml", "pypi-token.work").id, "pypi-upload-password");
        }
    }
    if let Some(uv) = program("uv") {
        let home = Home::new();
        let args = ["auth", "login", "https://pypi.example", "--username", "me", "--password", &other];
        if client(&home, &uv, &args, b"").is_some() {
            assert_eq!(
                find(&home.audit(), "uv/credentials/credentials.toml", "password").id,
                "package-index-password"
            );
        }
    }
}

#[test]
fn composer_and_rclone_logins() {
    let (password, token, other) = (secret(20), secret(40), secret(18));
    if let Some(composer) = program("composer") {
        let home = Home::new();
        let set = |args: &[&str]| client(&home, &composer, &[&["config", "--global"], args].concat(), b"");
        if set(&["http-basic.repo.example", "me", &password]).is_some() {
            set(&["bearer.other.example", &token]).unwrap();
            let report = home.audit();
            find(&report, "composer/auth.json", "http-basic.repo.example.password");
            find(&report, "composer/auth.json", "bearer.other.example");
        }
    }
    if let Some(rclone) = program("rclone") {
        let home = Home::new();
        let pass = format!("pass={other}");
        if client(
            &home,
            &rclone,
            &["config", "create", "work", "webdav", "url=https://dav.example", &pass],
            b"",
        )
        .is_some()
        {
            // Obscured, which whoever has rclone undoes.
            find(&home.audit(), "rclone/rclone.conf", "work.pass");
        }
    }
}

#[test]
fn twine_sends_what_is_found() {
    let (Some(twine), Some(tar)) = (program("twine"), program("tar")) else { return };
    let (home, server, password) = (Home::new(), Server::new(), secret(24));
    let address = &server.address;
    home.file(
        ".pypirc",
        format!("[distutils]\nindex-servers = work\n\n[work]\nrepository = http://{address}/\nusername = me\npassword = {password}\n"),
    );
    home.file("pkg-1.0/PKG-INFO", "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n");
    client(&home, &tar, &["czf", "pkg-1.0.tar.gz", "pkg-1.0"], b"").unwrap();
    let args = ["upload", "--non-interactive", "--disable-progress-bar", "-r", "work", "pkg-1.0.tar.gz"];
    if client(&home, &twine, &args, b"").is_none() {
        return;
    }
    let sent = server.seen();
    let taken = Mutex::new(Vec::new());
    let report = Audit::new(ENGINE.clone(), home.view())
        .run_with(&|found| taken.lock().unwrap().push(String::from_utf8_lossy(found.expose()).into_owned()))
        .unwrap();
    assert_mute(&report);
    assert_eq!(find(&report, ".pypirc", "work.password").id, "pypi-upload-password");
    let found = taken.into_inner().unwrap();
    assert!(
        sent.iter()
            .any(|header| found.iter().any(|value| *header == format!("Basic {}", basic("me", value))))
    );
}
