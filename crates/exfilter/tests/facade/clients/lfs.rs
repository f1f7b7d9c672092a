//! git-lfs: the batch API, and objects that are put where it says.

use exfilter_testing::{Rng, wrap};

use super::registry::{Registry, write};
use super::server::{Answer, Arrived};
use super::{Ran, has};

/// What a server of git-lfs answers: every object is to be put at the host that was asked.
fn answer(request: &Arrived) -> Answer {
    let json = |value: serde_json::Value| {
        (200, "application/vnd.git-lfs+json".to_owned(), value.to_string().into_bytes())
    };
    match (request.head.method(), request.head.target().path()) {
        ("POST", path) if path.ends_with(b"/objects/batch") => {
            let host = String::from_utf8_lossy(request.head.host().unwrap()).into_owned();
            let asked: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            let object = |object: &serde_json::Value| {
                let oid = object["oid"].as_str().unwrap();
                let to = |what: &str| serde_json::json!({"href": format!("http://{host}/{what}/{oid}")});
                serde_json::json!({
                    "oid": oid, "size": object["size"],
                    "actions": {"upload": to("objects"), "verify": to("verify")},
                })
            };
            let objects: Vec<_> = asked["objects"].as_array().unwrap().iter().map(object).collect();
            json(serde_json::json!({"transfer": "basic", "objects": objects}))
        }
        ("PUT", _) => (200, "text/plain".into(), Vec::new()),
        _ => json(serde_json::json!({})),
    }
}

/// A repository of git-lfs with one file. What git pushes goes past the proxy; what git-lfs sends does not.
fn push(registry: &Registry, content: &[u8], branch: &str) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("{}/r.git/info/lfs", registry.proxy.url());
    write(dir.path(), &[("a.bin".into(), content.to_vec())]);
    let mut last = None;
    for args in [
        &["init", "-q", "."][..],
        &["init", "-q", "--bare", "bare"],
        &["lfs", "install", "--local"],
        &["config", "lfs.url", &url],
        &["config", "lfs.locksverify", "false"],
        // It tries eight times otherwise, over half a minute, whatever the answer is.
        &["config", "lfs.transfer.maxretries", "1"],
        &["lfs", "track", "*.bin"],
        &["remote", "add", "origin", "bare"],
        &["add", "a.bin", ".gitattributes"],
        &["commit", "-q", "-m", "a file"],
        &["push", "origin", &format!("main:refs/heads/{branch}")],
    ] {
        let before: Option<Ran> = last.take();
        assert!(before.is_none_or(|ran| ran.ok));
        let env = [("GIT_TERMINAL_PROMPT", "0")];
        last = Some(registry.run(dir.path(), &env, &[&["git"], args].concat()));
    }
    last.unwrap()
}

#[test]
fn objects_arrive_or_are_refused_with_the_reason() {
    if !has("git", &["lfs", "version"]) {
        return;
    }
    let registry = Registry::start(73, answer);
    let config = "[user]\nname = T\nemail = t@example.com\n[init]\ndefaultBranch = main\n";
    std::fs::write(registry.home.path().join(".gitconfig"), config).unwrap();
    let mut rng = Rng::new(74);
    let clean = rng.bytes(300_000);
    let ran = push(&registry, &clean, "main");
    assert!(registry.arrived(&ran, "PUT") == clean, "{}", ran.said);

    let line = [b"key = ", &registry.token[..], b"\n"].concat();
    let mut late = rng.text(b"abc \n", 200_000);
    late.extend_from_slice(&line);
    let nested = wrap::gzip(&mut rng, &wrap::tar(&[("inner.zip", wrap::zip(&mut Rng::new(5), &line))]));
    for content in [line, late, nested] {
        let ran = push(&registry, &content, "main");
        registry.refused(&ran, "PUT", "lfs-object");
    }
    // The names of refs stand in what is asked before.
    let branch = String::from_utf8(registry.token.clone()).unwrap();
    let ran = push(&registry, &clean, &branch);
    registry.refused(&ran, "POST", "lfs-batch");
    assert_eq!(registry.proxy.bodies("POST").len(), 1, "it is not tried again");
    assert!(registry.proxy.bodies("PUT").is_empty());
}
