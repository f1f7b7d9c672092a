//! `mvn deploy:deploy-file`, with the plugins that Debian packages.

use std::path::Path;

use exfilter_testing::{Rng, wrap};

use super::registry::{Files, Registry, write};
use super::{Ran, has};

/// Where Debian keeps what Maven would get from its central repository.
const PLUGINS: &str = "/usr/share/maven-repo";

const DEPLOY: &str = "org/apache/maven/plugins/maven-deploy-plugin/3.0.0";

#[test]
fn mvn_deploy() {
    if !has("mvn", &["--version"]) || !Path::new(PLUGINS).join(DEPLOY).is_dir() {
        println!("skipped: Maven's deploy plugin is not here");
        return;
    }
    let registry = Registry::start(76, |request| {
        let status = if request.head.method() == "GET" { 404 } else { 201 };
        (status, "text/plain".into(), Vec::new())
    });
    let home = registry.home.path();
    let settings = format!(
        "<settings><localRepository>{}/m2</localRepository><mirrors><mirror><id>debian</id><mirrorOf>central</mirrorOf><url>file://{PLUGINS}</url></mirror></mirrors></settings>",
        home.display()
    );
    write(home, &[("settings.xml".into(), settings.into_bytes())]);
    let settings = home.join("settings.xml");
    let deploy = |files: Files| -> (Ran, Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        let mut entries = vec![wrap::zip_entry(b"demo/A.txt", b"text", b"text", 0)];
        entries.extend(files.iter().map(|(name, content)| {
            let packed = wrap::deflate(&mut Rng::new(7), content);
            wrap::zip_entry(name.as_bytes(), &packed, content, 8)
        }));
        let jar = [entries.concat(), wrap::zip_directory(&entries)].concat();
        write(dir.path(), &[("demo.jar".into(), jar.clone())]);
        let url = format!("-Durl={}/repo", registry.proxy.url());
        let args = [
            "mvn",
            "-B",
            "-q",
            "-s",
            settings.to_str().unwrap(),
            "org.apache.maven.plugins:maven-deploy-plugin:3.0.0:deploy-file",
            &url,
            "-DrepositoryId=demo",
            "-Dfile=demo.jar",
            "-DgroupId=com.acme",
            "-DartifactId=demo",
            "-Dversion=1.0",
            "-Dpackaging=jar",
        ];
        (registry.run(dir.path(), &[], &args), jar)
    };
    let (ran, jar) = deploy(Vec::new());
    assert!(ran.ok, "{}", ran.said);
    let sent = registry.server.requests("PUT");
    assert!(registry.proxy.bodies("PUT").iter().eq(sent.iter().map(|request| &request.body)));
    let is_jar = |path: &[u8]| path.ends_with(b".jar");
    assert!(sent.iter().any(|request| is_jar(request.head.target().path()) && request.body == jar));
    for files in registry.planted() {
        let (ran, _) = deploy(files);
        // What describes the package, and sums, may arrive; it holds nothing.
        registry.shown(&ran, "maven-upload");
        assert!(!registry.server.requests("PUT").iter().any(|request| is_jar(request.head.target().path())));
    }
}
