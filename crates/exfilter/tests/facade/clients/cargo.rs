//! `cargo publish`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::registry::{Files, Registry, json, write};
use super::{Ran, has};

#[test]
fn cargo_publish() {
    if !has("cargo", &["--version"]) {
        return;
    }
    let published = Arc::new(AtomicBool::new(false));
    let seen = published.clone();
    let registry = Registry::start(73, move |request| {
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
    let publish = |files: Files| -> Ran {
        let dir = tempfile::tempdir().unwrap();
        let manifest = "[package]\nname = \"demo-dlp\"\nversion = \"1.0.0\"\nedition = \"2021\"\ndescription = \"d\"\nlicense = \"MIT\"\nreadme = \"README.md\"\n[workspace]\n";
        let own = [("Cargo.toml", manifest), ("src/lib.rs", "//! demo\n"), ("README.md", "# demo\n")];
        write(dir.path(), &own.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())));
        write(dir.path(), &files);
        published.store(false, Ordering::SeqCst);
        let index = format!("sparse+{}/index/", registry.proxy.url());
        let home = registry.home.path().join("cargo");
        let rustup = std::env::var("RUSTUP_HOME")
            .unwrap_or_else(|_| format!("{}/.rustup", std::env::var("HOME").unwrap_or_default()));
        let env = [
            ("CARGO_HOME", home.to_str().unwrap()),
            ("RUSTUP_HOME", rustup.as_str()),
            ("CARGO_REGISTRIES_DEMO_INDEX", index.as_str()),
            ("CARGO_REGISTRIES_DEMO_TOKEN", registry.password.as_str()),
            ("CARGO_TERM_COLOR", "never"),
        ];
        let args = ["cargo", "publish", "--registry", "demo", "--no-verify", "--allow-dirty"];
        registry.run(dir.path(), &env, &args)
    };
    let ran = publish(Vec::new());
    let body = registry.arrived(&ran, "PUT");
    let metadata = u32::from_le_bytes(body[..4].try_into().unwrap()) as usize;
    let value: serde_json::Value = serde_json::from_slice(&body[4..4 + metadata]).unwrap();
    assert_eq!(value["name"], "demo-dlp");

    let line = [b"// ", &registry.token[..], b"\n"].concat();
    let places = [
        "secret detected in package > gzip > demo-dlp-1.0.0/data/key.txt:1:14 (github-pat)",
        "secret detected in metadata",
        "secret detected in package > gzip > demo-dlp-1.0.0/data/nested.tgz > gzip > inner.zip > ",
        "secret detected in package > gzip:",
        "secret detected in package > gzip > demo-dlp-1.0.0/src/lib.rs:1:4 (github-pat)",
    ];
    let planted = registry.planted().into_iter().chain([vec![("src/lib.rs".to_owned(), line)]]);
    for (files, place) in planted.zip(places) {
        let ran = publish(files);
        registry.refused(&ran, "PUT", "cargo-publish");
        assert!(ran.said.contains(place), "{place}: {}", ran.said);
    }
}
