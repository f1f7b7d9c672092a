//! `gem push`.

use super::registry::{Files, Registry, write};
use super::{Ran, has, run};

#[test]
fn gem_push() {
    if !has("gem", &["--version"]) {
        return;
    }
    let registry =
        Registry::start(75, |_| (200, "text/plain".into(), b"Successfully registered gem".to_vec()));
    let push = |files: Files| -> (Ran, Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        let spec = "Gem::Specification.new do |s|\n  s.name = 'demo-dlp'\n  s.version = '1.0.0'\n  s.summary = 'demo'\n  s.authors = ['T']\n  s.homepage = 'https://example.com'\n  s.license = 'MIT'\n  s.files = Dir['**/*'] - ['demo.gemspec']\nend\n";
        let own = [("demo.gemspec", spec), ("lib/demo.rb", "X = 1\n"), ("README.md", "# demo\n")];
        write(dir.path(), &own.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())));
        write(dir.path(), &files);
        let made = run(dir.path(), registry.home.path(), &[], &["gem", "build", "demo.gemspec"]);
        assert!(made.ok, "{}", made.said);
        let file = std::fs::read(dir.path().join("demo-dlp-1.0.0.gem")).unwrap();
        let (host, key) = (registry.proxy.url(), registry.password.as_str());
        let args = ["gem", "push", "--host", &host, "demo-dlp-1.0.0.gem"];
        (registry.run(dir.path(), &[("GEM_HOST_API_KEY", key), ("RUBYGEMS_HOST", &host)], &args), file)
    };
    let (ran, file) = push(Vec::new());
    assert!(registry.arrived(&ran, "POST") == file);
    for files in registry.planted() {
        let (ran, _) = push(files);
        registry.refused(&ran, "POST", "gem-push");
    }
}
