//! `npm publish`, and what pnpm, Yarn and bun do.

use super::registry::{Files, Registry, json, write};
use super::{Ran, has};

/// A client of npm's registry.
struct Client {
    name: &'static str,
    args: &'static [&'static str],
    /// Its own variable with the password, if it has one.
    password: Option<&'static str>,
}

fn publishes(client: &Client) {
    if !has(client.name, &["--version"]) {
        return;
    }
    let registry = Registry::start(71, |request| {
        let status = if request.head.method() == "GET" { 404 } else { 201 };
        json(status, "{}")
    });
    let publish = |files: Files| -> Ran {
        let package = tempfile::tempdir().unwrap();
        let (address, url) = (registry.proxy.address, registry.proxy.url());
        let manifest = r#"{"name":"@acme/demo","version":"1.0.0","license":"MIT","description":"demo"}"#;
        let npmrc = format!(
            "registry={url}/\n//{address}/:_authToken={}\nupdate-notifier=false\naudit=false\n",
            registry.password
        );
        let yarnrc = format!(
            "npmRegistryServer: {url}\nnpmAuthToken: {}\nunsafeHttpWhitelist: [127.0.0.1]\nenableTelemetry: false\n",
            registry.password
        );
        let own: [(&str, &str); 6] = [
            ("package.json", manifest),
            ("index.js", "module.exports = 1\n"),
            ("README.md", "# demo\n"),
            (".npmrc", &npmrc),
            (".yarnrc.yml", &yarnrc),
            ("yarn.lock", ""),
        ];
        write(package.path(), &own.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())));
        write(package.path(), &files);
        std::fs::write(registry.home.path().join(".npmrc"), &npmrc).unwrap();
        let option = format!("--registry={url}/");
        let mut args = [&[client.name], client.args].concat();
        let home = registry.home.path().to_str().unwrap();
        let mut env = vec![("CI", "1"), ("XDG_CACHE_HOME", home), ("XDG_DATA_HOME", home)];
        env.extend(client.password.map(|name| (name, registry.password.as_str())));
        match client.name {
            "yarn" => {
                env.push(("YARN_ENABLE_IMMUTABLE_INSTALLS", "0"));
                let ran = registry.run(package.path(), &env, &["yarn", "install"]);
                assert!(ran.ok, "{}", ran.said);
            }
            _ => args.push(&option),
        }
        registry.run(package.path(), &env, &args)
    };
    let ran = publish(Vec::new());
    let body: serde_json::Value = serde_json::from_slice(&registry.arrived(&ran, "PUT")).unwrap();
    assert_eq!(body["name"], "@acme/demo");
    for files in registry.planted() {
        let ran = publish(files);
        registry.refused(&ran, "PUT", "npm-publish");
    }
}

#[test]
fn npm() {
    let args = &["publish", "--ignore-scripts", "--access", "public"];
    publishes(&Client { name: "npm", args, password: None });
}

#[test]
fn pnpm() {
    let args = &["publish", "--ignore-scripts", "--no-git-checks", "--access", "public"];
    publishes(&Client { name: "pnpm", args, password: None });
}

#[test]
fn bun() {
    let args = &["publish", "--ignore-scripts", "--access", "public"];
    publishes(&Client { name: "bun", args, password: Some("NPM_CONFIG_TOKEN") });
}

#[test]
fn yarn() {
    publishes(&Client { name: "yarn", args: &["npm", "publish", "--access", "public"], password: None });
}
