//! A folder to scan, planted secrets, and runs of the command whose every output is searched for them.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::Value;
use tempfile::TempDir;

/// Every run of [`WINDOW`] bytes of the secret parts planted by any test of this process.
static PLANTED: LazyLock<Mutex<HashSet<[u8; WINDOW]>>> = LazyLock::new(Mutex::default);

/// Characters of a secret part that may not be seen in a row.
const WINDOW: usize = 10;

const ALNUM: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A fresh random-looking text of `len` letters and digits, remembered as planted.
pub(crate) fn secret(len: usize) -> String {
    static SEED: AtomicU64 = AtomicU64::new(1);
    let mut state = SEED.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let text: String = (0..len)
        .map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ALNUM[((z ^ (z >> 31)) % 62) as usize] as char
        })
        .collect();
    plant(text.as_bytes());
    text
}

/// Remembers bytes that no output may show.
pub(crate) fn plant(value: &[u8]) {
    let mut planted = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
    planted.extend(value.windows(WINDOW).map(|w| <[u8; WINDOW]>::try_from(w).unwrap()));
}

/// A GitHub token with a valid checksum that nobody ever issued.
pub(crate) fn github_token() -> String {
    let body = secret(30);
    let sum = exfilter_testing::keys::github_checksum(body.as_bytes());
    format!("ghp_{body}{}", std::str::from_utf8(&sum).unwrap())
}

/// A rule file with one rule of every confidence; `acme_hi_`, `acme_md_` and `acme_lo_` before 24 hex digits.
pub(crate) const ACME_RULES: &str = r#"
provider = "Acme"

[[rule]]
id = "acme-high"
opens = "the Acme API"
class = "admin"
literals = ["acme_hi_"]
pattern = 'acme_hi_[0-9a-f]{24}'
max_len = 32
confidence = "high"
revoke = "https://acme.example/keys"
instead = "a key of one project"
source = "https://docs.acme.example/keys"
examples = ["acme_hi_{hex:24}"]
counter_examples = ["acme_hi_{hex:23}"]

[[rule]]
id = "acme-medium"
opens = "the Acme API"
class = "service"
literals = ["acme_md_"]
pattern = 'acme_md_[0-9a-f]{24}'
max_len = 32
confidence = "medium"
revoke = "https://acme.example/keys"
source = "https://docs.acme.example/keys"
examples = ["acme_md_{hex:24}"]
counter_examples = ["acme_md_{hex:23}"]

[[rule]]
id = "acme-low"
opens = "the Acme API"
class = "test"
literals = ["acme_lo_"]
pattern = 'acme_lo_[0-9a-f]{24}'
max_len = 32
confidence = "low"
revoke = "https://acme.example/keys"
source = "https://docs.acme.example/keys"
examples = ["acme_lo_{hex:24}"]
counter_examples = ["acme_lo_{hex:23}"]
"#;

/// A key for one of the rules above: `hi`, `md` or `lo`.
pub(crate) fn acme_key(tier: &str) -> String {
    let hex: String = secret(12).bytes().map(|b| format!("{b:02x}")).collect();
    plant(hex.as_bytes());
    format!("acme_{tier}_{hex}")
}

/// A temporary folder: `tree/` is what is scanned, beside it is everything else.
pub(crate) struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Sandbox {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("tree")).unwrap();
        fs::write(dir.path().join("acme.toml"), ACME_RULES).unwrap();
        Sandbox { dir }
    }

    /// The folder that holds everything.
    pub(crate) fn top(&self) -> &Path {
        self.dir.path()
    }

    /// A path inside the scanned tree.
    pub(crate) fn tree(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join("tree").join(name)
    }

    /// Writes a file into the scanned tree.
    pub(crate) fn file(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.tree(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The command, in the sandbox and without the environment of the tests.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_exfilter"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null()).env_clear();
        for keep in ["PATH", "SystemRoot", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(keep) {
                command.env(keep, value);
            }
        }
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Run {
        self.finish(&mut self.command(args))
    }

    /// Runs the command with standard input in the given pieces.
    pub(crate) fn run_piped<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8], piece: usize) -> Run {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        for chunk in input.chunks(piece) {
            stdin.write_all(chunk).unwrap();
        }
        drop(stdin);
        self.checked(child.wait_with_output().unwrap())
    }

    /// Runs a prepared command to its end.
    pub(crate) fn finish(&self, command: &mut Command) -> Run {
        self.checked(command.output().unwrap())
    }

    /// Looks through every output, files written beside the tree included, for planted secrets.
    pub(crate) fn checked(&self, output: Output) -> Run {
        assert_mute(&output.stdout, "standard output");
        assert_mute(&output.stderr, "standard error");
        for entry in fs::read_dir(self.dir.path()).unwrap().flatten() {
            if entry.path().extension().is_some_and(|e| e == "report") {
                assert_mute(&fs::read(entry.path()).unwrap(), "a report file");
            }
        }
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("reports are UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("messages are UTF-8"),
        }
    }
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) -> Run {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Run {
        assert!(self.stdout.contains(text), "{text:?} is missing in {self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn prints_not(self, text: &str) -> Run {
        assert!(!self.stdout.contains(text), "{text:?} stands in {self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn notes(self, text: &str) -> Run {
        assert!(self.stderr.contains(text), "{text:?} is missing in {self:#?}");
        self
    }

    #[cfg(all(feature = "otel", unix))]
    #[track_caller]
    pub(crate) fn notes_not(self, text: &str) -> Run {
        assert!(!self.stderr.contains(text), "{text:?} stands in {self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:#?}"))
    }
}

#[track_caller]
fn assert_mute(output: &[u8], what: &str) {
    let planted = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = output.windows(WINDOW).any(|w| planted.contains(w));
    assert!(!seen, "a planted secret stands in {what}");
}

/// Compresses with gzip.
pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A compressed archive in another one, with `token` in a file of the inner one.
pub(crate) fn nested(token: &str) -> Vec<u8> {
    let words = "let value of config in module return ".repeat(20);
    let inner = gzip(&tar(&[("config.js", format!("{words}\"{token}\"\n").as_bytes())]));
    gzip(&tar(&[("inner.tgz", &inner), ("zeros", &[0; 9000])]))
}

/// Compresses with zstd.
pub(crate) fn zstd(content: &[u8]) -> Vec<u8> {
    let mut out = vec![0; zstd_safe::compress_bound(content.len())];
    let len = zstd_safe::compress(&mut out[..], content, 3).unwrap();
    out.truncate(len);
    out
}

/// Makes a tar archive (ustar) of regular files.
pub(crate) fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    exfilter_testing::wrap::tar(members)
}

/// Encodes as base64 (RFC 4648).
pub(crate) fn base64(content: &[u8]) -> String {
    String::from_utf8(exfilter_testing::wrap::base64(content, false, true)).unwrap()
}
