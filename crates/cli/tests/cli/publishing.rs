//! Packages under their real clients, against a registry on this machine: what arrives, and that nothing of what was planted does.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use crate::harness::{Run, Sandbox, github_token, nested};
use crate::registry::Registry;

/// Whether there is such a program; says so if not.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn has(program: &str, version: &str) -> bool {
    let output = Command::new(program).arg("--version").output();
    let there = output.is_ok_and(|output| {
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success() && said.trim_start_matches(|c: char| !c.is_ascii_digit()).starts_with(version)
    });
    if !there {
        println!("skipped: there is no {program} {version}");
    }
    there
}

struct Project {
    sandbox: Sandbox,
    registry: Registry,
}

impl Project {
    fn new() -> Project {
        let project = Project { sandbox: Sandbox::new(), registry: Registry::new() };
        fs::create_dir_all(project.sandbox.top().join("home")).unwrap();
        project
    }

    /// A package of the npm family, with scripts that leave a trace.
    fn npm() -> Project {
        let project = Project::new();
        let address = project.registry.address();
        let manifest = serde_json::json!({
            "name": "demo-dlp", "version": "1.0.0", "license": "MIT", "main": "index.js",
            "scripts": {"prepublishOnly": "echo prepublishOnly >> ../trace"},
        });
        project.sandbox.file("package.json", manifest.to_string());
        project.sandbox.file("index.js", "module.exports = 1\n");
        project.sandbox.file("README.md", "# demo\n");
        let token = "x".repeat(8);
        project
            .sandbox
            .file(".npmrc", format!("registry=http://{address}/\n//{address}/:_authToken={token}\n"));
        project
    }

    fn publish(&self, client: &str, words: &[&str]) -> Run {
        self.publish_as(&[client], words)
    }

    fn publish_as(&self, args: &[&str], words: &[&str]) -> Run {
        let mut command = self.sandbox.command(&[&["publish"], args, &["--"], words].concat());
        let home = self.sandbox.top().join("home");
        command.current_dir(self.sandbox.tree("")).env("HOME", &home).env("CI", "1");
        command.env("npm_config_update_notifier", "false").env("npm_config_audit", "false");
        command.env("npm_config_cache", home.join("cache"));
        for keep in ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
            if let Some(value) = std::env::var_os(keep).or_else(|| default_of(keep)) {
                command.env(keep, value);
            }
        }
        command
            .env("CARGO_REGISTRIES_LOCAL_INDEX", format!("sparse+http://{}/index/", self.registry.address()));
        command.env("CARGO_REGISTRIES_LOCAL_TOKEN", "x".repeat(8));
        command.env("TWINE_USERNAME", "u").env("TWINE_PASSWORD", "x".repeat(8));
        command.env("UV_PUBLISH_USERNAME", "u").env("UV_PUBLISH_PASSWORD", "x".repeat(8));
        command.env("UV_CACHE_DIR", home.join("uv"));
        self.sandbox.finish(&mut command)
    }

    /// Whether a text stands in anything that was sent, packed or not.
    fn received(&self, text: &str) -> bool {
        self.registry
            .uploads()
            .iter()
            .any(|request| layers(&request.body, 3).iter().any(|body| holds(body, text)))
    }
}

/// Where cargo and rustup are when nothing says so: the home of whoever runs the tests.
fn default_of(name: &str) -> Option<std::ffi::OsString> {
    let home = std::env::var_os("HOME")?;
    let folder = match name {
        "CARGO_HOME" => ".cargo",
        "RUSTUP_HOME" => ".rustup",
        _ => return None,
    };
    let path = Path::new(&home).join(folder);
    path.is_dir().then(|| path.into_os_string())
}

fn holds(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A body, what its base64 runs stand for, and what its gzip members and zip entries hold.
fn layers(body: &[u8], depth: usize) -> Vec<Vec<u8>> {
    let mut all = vec![body.to_vec()];
    if depth == 0 {
        return all;
    }
    for run in body.split(|byte| !byte.is_ascii_alphanumeric() && !b"+/=".contains(byte)) {
        if run.len() > 200 {
            all.extend(layers(&unbase64(run), depth - 1));
        }
    }
    for at in 0..body.len().saturating_sub(4) {
        let mut out = Vec::new();
        if body[at..].starts_with(b"\x1f\x8b\x08") {
            let _ = flate2::read::GzDecoder::new(&body[at..]).read_to_end(&mut out);
        } else if body[at..].starts_with(b"PK\x03\x04") && body.len() > at + 30 {
            let length = |at: usize| usize::from(u16::from_le_bytes([body[at], body[at + 1]]));
            let start = (at + 30 + length(at + 26) + length(at + 28)).min(body.len());
            let _ = flate2::read::DeflateDecoder::new(&body[start..]).read_to_end(&mut out);
        }
        if !out.is_empty() {
            all.extend(layers(&out, depth - 1));
        }
    }
    all
}

fn unbase64(run: &[u8]) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = |byte: &u8| alphabet.iter().position(|one| one == byte).unwrap_or(0) as u32;
    run.chunks(4)
        .flat_map(|four| {
            let bits = four.iter().fold(0, |bits, byte| bits << 6 | value(byte)) << (6 * (4 - four.len()));
            [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]
        })
        .collect()
}

/// A clean package arrives, and one with a secret, plainly and in an archive in it, does not.
fn family(client: &str, words: &[&str]) {
    let project = Project::npm();
    let run = project.publish(client, words).exits_with(0).notes("examined");
    let uploads = project.registry.uploads();
    assert_eq!((uploads.len(), &uploads[0].method[..]), (1, "PUT"), "{run:?}");
    assert!(uploads[0].path.contains("demo-dlp"), "{}", uploads[0].path);
    assert!(project.received("module.exports = 1"), "the search looks where the content is");
    assert_eq!(fs::read_to_string(project.sandbox.top().join("trace")).unwrap(), "prepublishOnly\n");
    // Fewer processes, for node takes long to start.
    let words = &[words, &["--ignore-scripts"]].concat()[..];
    for archive in [false, true] {
        let project = Project::npm();
        let token = github_token();
        let content = if archive { nested(&token) } else { format!("key = '{token}'\n").into_bytes() };
        project.sandbox.file("lib/data", content);
        let run = project.publish(client, words).exits_with(1);
        let run =
            run.notes("exfilter: publish refused: 1 secret").notes("package/lib/data").notes("github-pat");
        assert!(project.registry.uploads().is_empty(), "nothing is sent");
        let id = run.stderr.split("--allow ").nth(1).unwrap().lines().next().unwrap();
        if !archive {
            project.publish_as(&[client, "--allow", id], words).exits_with(0);
            assert!(project.received(&token), "the search finds what is sent");
        }
    }
}

#[test]
fn npm_publishes_what_was_examined() {
    if has("npm", "") {
        family("npm", &["--tag", "next"]);
    }
}

#[test]
fn pnpm_publishes_what_was_examined() {
    if has("pnpm", "") {
        family("pnpm", &["--no-git-checks"]);
    }
}

#[test]
fn bun_publishes_what_was_examined() {
    if has("bun", "") {
        family("bun", &[]);
    }
}

#[test]
fn yarn_publishes_what_was_examined_or_nothing() {
    if has("yarn", "1.") {
        family("yarn", &[]);
    } else if has("yarn", "") {
        let project = Project::npm();
        project.publish("yarn", &[]).exits_with(2).notes("from version 2 on");
        assert!(project.registry.uploads().is_empty());
    }
}

#[test]
fn cargo_publishes_what_was_examined() {
    if !has("cargo", "") {
        return;
    }
    let project = || {
        let project = Project::new();
        project.sandbox.file(
            "Cargo.toml",
            "[package]\nname = \"demo-dlp\"\nversion = \"1.0.0\"\nedition = \"2021\"\nlicense = \"MIT\"\ndescription = \"d\"\n[workspace]\n",
        );
        project.sandbox.file("src/lib.rs", "//! Clean.\n");
        project
    };
    let words = ["--registry", "local", "--allow-dirty"];
    let clean = project();
    let run = clean.publish("cargo", &words).exits_with(0);
    let uploads = clean.registry.uploads();
    assert_eq!((uploads.len(), &uploads[0].path[..]), (1, "/api/v1/crates/new"), "{run:?}");
    assert!(clean.received("//! Clean."), "the search looks where the content is");
    let dirty = project();
    let token = github_token();
    dirty.sandbox.file("src/key.txt", format!("{token}\n"));
    let run = dirty.publish("cargo", &words).exits_with(1);
    run.notes("publish refused: 1 secret")
        .notes("demo-dlp-1.0.0.crate > gzip > demo-dlp-1.0.0/src/key.txt:1:1");
    assert!(dirty.registry.uploads().is_empty(), "nothing is sent");
}

/// A wheel by hand: a zip archive with what the clients read of it.
fn wheel(content: &[u8]) -> Vec<u8> {
    let metadata = b"Metadata-Version: 2.1\nName: demo-dlp\nVersion: 1.0.0\nLicense: MIT\n\nA demo.\n";
    let wheel = b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let members: [(&str, &[u8]); 4] = [
        ("demo_dlp/__init__.py", content),
        ("demo_dlp-1.0.0.dist-info/METADATA", metadata),
        ("demo_dlp-1.0.0.dist-info/WHEEL", wheel),
        ("demo_dlp-1.0.0.dist-info/RECORD", b""),
    ];
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(content).unwrap();
        let packed = encoder.finish().unwrap();
        let mut sum = flate2::Crc::new();
        sum.update(content);
        let mut common = vec![20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0x5a];
        common.extend(sum.sum().to_le_bytes());
        common.extend((packed.len() as u32).to_le_bytes());
        common.extend((content.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend((out.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(&packed);
    }
    let (start, count) = (out.len() as u32, (members.len() as u16).to_le_bytes());
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count);
    out.extend(count);
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// Files that are named are examined and sent.
fn python(client: &str, url: &str) {
    let project = || {
        let project = Project::new();
        project.sandbox.file("dist/demo_dlp-1.0.0-py3-none-any.whl", wheel(b"CLEAN = 1\n"));
        project
    };
    let name = "dist/demo_dlp-1.0.0-py3-none-any.whl";
    let clean = project();
    let address = format!("http://{}/legacy/", clean.registry.address());
    let run = clean.publish(client, &[url, &address, name]).exits_with(0);
    assert_eq!(clean.registry.uploads().len(), 1, "{run:?}");
    assert!(clean.received("CLEAN = 1"), "the search looks where the content is");
    let dirty = project();
    let token = github_token();
    dirty.sandbox.file(name, wheel(format!("KEY = '{token}'\n").as_bytes()));
    let address = format!("http://{}/legacy/", dirty.registry.address());
    let run = dirty.publish(client, &[url, &address, name]).exits_with(1);
    run.notes("publish refused: 1 secret").notes(".whl > demo_dlp/__init__.py:1:8");
    assert!(dirty.registry.uploads().is_empty(), "nothing is sent");
}

#[test]
fn twine_publishes_what_was_examined() {
    if has("twine", "") {
        python("twine", "--repository-url");
        Project::new().publish("twine", &[]).exits_with(2).notes("no files are named");
    }
}

#[test]
fn uv_publishes_what_was_examined() {
    if has("uv", "") {
        python("uv", "--publish-url");
        // Without files it builds them, here with the builder that it has in itself.
        let project = Project::new();
        project.sandbox.file(
            "pyproject.toml",
            "[project]\nname = \"demo-dlp\"\nversion = \"1.0.0\"\ndescription = \"d\"\nrequires-python = \">=3.8\"\n\
             [build-system]\nrequires = [\"uv_build>=0.5,<99\"]\nbuild-backend = \"uv_build\"\n",
        );
        project.sandbox.file("src/demo_dlp/__init__.py", "CLEAN = 1\n");
        let address = format!("http://{}/legacy/", project.registry.address());
        project.publish("uv", &["--publish-url", &address]).exits_with(0);
        assert_eq!(project.registry.uploads().len(), 2, "a wheel and a source distribution");
        project.sandbox.file("src/demo_dlp/key.py", format!("KEY = '{}'\n", github_token()));
        let run = project.publish("uv", &["--publish-url", &address]).exits_with(1);
        run.notes("demo_dlp-1.0.0.tar.gz > gzip > demo_dlp-1.0.0/src/demo_dlp/key.py:1:8");
        assert_eq!(project.registry.uploads().len(), 2, "nothing more is sent");
    }
}

#[test]
fn what_cannot_be_vouched_for_is_not_published() {
    let project = Project::npm();
    // A client that is not there, in one line; words that would send something else.
    let mut command = project.sandbox.command(&["publish", "bun"]);
    let run = project.sandbox.finish(command.env("PATH", project.sandbox.top()));
    assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
    let _ = run.exits_with(2).notes("bun: it could not be run");
    for words in [&["--workspaces"][..], &["../other"], &["--tag"], &["--prefix=/"]] {
        project.publish("npm", words).exits_with(2);
    }
    // A script that fails, and content that cannot be examined.
    if has("npm", "") {
        let mut cut = crate::harness::gzip(&b"some text that is longer than a guess ".repeat(4000));
        cut.truncate(cut.len() - 9);
        project.sandbox.file("cut.gz", cut);
        project.publish("npm", &[]).exits_with(3).notes("1 range not examined").notes("cut.gz > gzip");
        project.sandbox.file(
            "package.json",
            "{\"name\":\"demo-dlp\",\"version\":\"1.0.0\",\"scripts\":{\"prepack\":\"exit 3\"}}",
        );
        project.publish("npm", &[]).exits_with(2).notes("npm pack: it failed");
    }
    assert!(project.registry.uploads().is_empty());
}

/// Of the README.
#[test]
fn the_line_for_package_json_refuses_too() {
    if !cfg!(unix) || !has("npm", "") {
        return;
    }
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let line = readme.lines().find(|line| line.starts_with("\"prepublishOnly\"")).expect("the README has it");
    let project = Project::npm();
    let manifest =
        format!("{{\"name\":\"demo-dlp\",\"version\":\"1.0.0\",\"license\":\"MIT\",\"scripts\":{{{line}}}}}");
    project.sandbox.file("package.json", manifest);
    let bin = project.sandbox.top().join("bin");
    fs::create_dir(&bin).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_exfilter"), bin.join("exfilter")).unwrap();
    let path = std::env::join_paths(
        std::iter::once(bin).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let publish = || {
        let mut npm = Command::new("npm");
        npm.arg("publish").current_dir(project.sandbox.tree("")).env("PATH", path.as_ref().unwrap());
        npm.env("HOME", project.sandbox.top().join("home")).env("npm_config_update_notifier", "false");
        project.sandbox.checked(npm.output().unwrap())
    };
    publish().exits_with(0);
    assert_eq!(project.registry.uploads().len(), 1);
    project.sandbox.file("lib/key", format!("{}\n", github_token()));
    let run = publish();
    assert!(run.code != Some(0) && run.stdout.contains("package/lib/key:1:1"), "{run:?}");
    assert_eq!(project.registry.uploads().len(), 1, "nothing more is sent");
}
