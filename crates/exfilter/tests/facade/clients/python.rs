//! `twine upload` and `uv publish`.

use super::registry::{Files, Registry, write};
use super::{Ran, has, run};

/// `option` is what names the registry.
fn uploads(command: &[&str], option: &str) {
    let registry = Registry::start(72, |_| (200, "text/plain".into(), b"OK".to_vec()));
    let upload = |files: Files, kind: &str| -> (Ran, Vec<u8>) {
        let dist = tempfile::tempdir().unwrap();
        write(&dist.path().join("content"), &[("__init__.py".into(), b"x = 1\n".to_vec())]);
        let mut readme = b"# demo\n".to_vec();
        for (name, content) in files {
            match name.as_str() {
                "README.md" => readme = content,
                _ => write(&dist.path().join("content"), &[(name, content)]),
            }
        }
        write(dist.path(), &[("readme".into(), readme)]);
        let made = run(dist.path(), registry.home.path(), &[], &["python3", "-c", MAKE_DIST, kind]);
        assert!(made.ok, "{}", made.said);
        let name = made.said.trim().to_string();
        let file = std::fs::read(dist.path().join(&name)).unwrap();
        let url = format!("{}/legacy/", registry.proxy.url());
        let args = [command, &[option, &url, "-u", "__token__", "-p", &registry.password, &name]].concat();
        (registry.run(dist.path(), &[("NO_COLOR", "1"), ("COLUMNS", "400")], &args), file)
    };
    for kind in ["wheel", "sdist"] {
        let (ran, file) = upload(Vec::new(), kind);
        let body = registry.arrived(&ran, "POST");
        assert!(body.windows(file.len()).any(|window| window == file));
        for files in registry.planted() {
            let (ran, _) = upload(files, kind);
            registry.refused(&ran, "POST", "pypi-upload");
        }
    }
}

#[test]
fn twine() {
    let options = ["upload", "--non-interactive", "--disable-progress-bar"];
    if has("twine", &["--version"]) {
        uploads(&[&["twine"], &options[..]].concat(), "--repository-url");
    }
}

#[test]
fn uv() {
    if has("uv", &["--version"]) {
        uploads(&["uv", "publish"], "--publish-url");
    }
}

/// Makes a wheel or an sdist of a package of the files in `content`, with nothing but Python's own modules; prints its name.
const MAKE_DIST: &str = r#"
import io, os, sys, tarfile, zipfile
files = {}
for top, _, names in os.walk('content'):
    for n in names:
        path = os.path.join(top, n)
        files['demo_dlp' + path[len('content'):]] = open(path, 'rb').read()
meta = b'Metadata-Version: 2.1\nName: demo-dlp\nVersion: 1.0\nSummary: demo\n\n' + open('readme', 'rb').read()
if sys.argv[1] == 'wheel':
    name = 'demo_dlp-1.0-py3-none-any.whl'
    info = 'demo_dlp-1.0.dist-info/'
    files[info + 'METADATA'] = meta
    files[info + 'WHEEL'] = b'Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n'
    record = ''.join('%s,,\n' % n for n in files) + info + 'RECORD,,\n'
    files[info + 'RECORD'] = record.encode()
    with zipfile.ZipFile(name, 'w', zipfile.ZIP_DEFLATED) as z:
        for n, data in files.items():
            z.writestr(n, data)
else:
    name = 'demo_dlp-1.0.tar.gz'
    files['PKG-INFO'] = meta
    with tarfile.open(name, 'w:gz') as t:
        for n, data in files.items():
            member = tarfile.TarInfo('demo_dlp-1.0/' + n)
            member.size = len(data)
            t.addfile(member, io.BytesIO(data))
print(name)
"#;
