//! Where tests and examples stand: by the path of a file, and in a file of Rust behind the line that begins its tests.
//!
//! Some credentials anybody makes at a desk: private keys, wallets. Tests and examples are full of such that open nothing, and neither their form nor a checksum tells them from others; where they stand
//! does.

/// What stands before the tests of a module in Rust ([the book](https://doc.rust-lang.org/book/ch11-03-test-organization.html)), with its automaton id.
pub(crate) const MARK: (&[u8], u32) = (b"#[cfg(test)]", u32::MAX - 16);

/// What a path says of its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// It belongs to tests, examples or explanations.
    pub(crate) is_fixture: bool,
    /// It is a file of Rust, whose tests may stand in it.
    pub(crate) is_rust: bool,
}

impl Place {
    pub(crate) fn of(path: &[u8]) -> Place {
        Place { is_fixture: is_fixture(path), is_rust: path.ends_with(b".rs") }
    }

    /// Of a file in something that has a place: an archive among tests holds tests.
    pub(crate) fn within(self, outer: Place) -> Place {
        Place { is_fixture: self.is_fixture || outer.is_fixture, ..self }
    }
}

/// Directories of tests, examples and explanations, without what stands before and behind their names (`__tests__`, `examples2`).
const DIRECTORIES: [&str; 28] = [
    "test",
    "tests",
    "testcase",
    "testcases",
    "testdata",
    "testfile",
    "testfiles",
    "testkey",
    "testkeys",
    "unittest",
    "unittests",
    "e2e",
    "spec",
    "specs",
    "fixture",
    "fixtures",
    "mock",
    "mocks",
    "example",
    "examples",
    "sample",
    "samples",
    "bench",
    "benches",
    "benchmarks",
    "tutorial",
    "tutorials",
    "docs",
];

/// What a directory ends with that holds tests: `integration-tests`, `test_data`.
const ENDS: [&str; 8] =
    ["tests", "testdata", "fixtures", "examples", "samples", "mocks", "benchmarks", "tutorials"];

/// What a directory is called that begins with `test`: `test-data`.
const BEHIND_TEST: [&str; 12] = [
    "data",
    "files",
    "fixtures",
    "keys",
    "certs",
    "cases",
    "resources",
    "vectors",
    "assets",
    "utils",
    "support",
    "suite",
];

/// Words in the name of a file, before its ending: `test_key.pem`, `README.md`, and the one before the ending of a program, `signer.spec.ts`.
const WORDS: [&str; 11] = [
    "test", "tests", "testkey", "spec", "fixture", "fixtures", "mock", "example", "sample", "bench", "readme",
];

/// Whether a path says that its file belongs to tests, examples or explanations: `pkg/tests/keys/rsa.pem`, `src/__fixtures__/a.json`, `token_test.go`. Directories are parted by `/` or `\`; case does not matter.
///
/// Directories count by their whole name, for a package is called what it likes (`mock-server-0.1.0/`), and so is a host (`docs.example.com/privkey.pem`). What lies below a directory with a dot before its name, where
/// people keep keys, is no test.
fn is_fixture(path: &[u8]) -> bool {
    let lower = path.to_ascii_lowercase();
    let Ok(path) = str::from_utf8(&lower) else { return false };
    let (above, file) = path.rsplit_once(['/', '\\']).unwrap_or(("", path));
    let directories = || above.split(['/', '\\']).filter(|part| !matches!(*part, "." | ".."));
    !directories().any(|part| part.starts_with('.')) && (directories().any(is_directory) || is_file(file))
}

fn is_directory(name: &str) -> bool {
    let name = name.trim_matches('_').trim_end_matches(|c: char| c.is_ascii_digit());
    if name.contains('.') {
        return false;
    }
    let both = name.split_once(['-', '_']);
    DIRECTORIES.contains(&name)
        || name.rsplit_once(['-', '_']).is_some_and(|(_, end)| ENDS.contains(&end))
        || both
            .is_some_and(|(first, behind)| matches!(first, "test" | "tests") && BEHIND_TEST.contains(&behind))
}

fn is_file(name: &str) -> bool {
    let is_word = |word: &str| WORDS.contains(&word.trim_end_matches(|c: char| c.is_ascii_digit()));
    let dotted: Vec<&str> = name.split('.').collect();
    // A name with more dots is that of a host.
    match &dotted[..] {
        [stem] | [stem, _] => stem.split(['-', '_', ' ']).any(is_word),
        [stem, kind, _] => is_word(kind) || stem.split(['-', '_', ' ']).any(is_word) && *kind == "d",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_tests() {
        for path in [
            "package/test/fixtures/server.key",
            "pkg-1.0/tests/keys/rsa.pem",
            r"pkg\tests\key.pem",
            "src/__fixtures__/a.json",
            "token_test.go",
            "src/signer.spec.ts",
            "a/integration-tests/key",
            "a/test_data/key",
            "a/test-data/key",
            "README.md",
            "a/Examples2/x",
            "tests/data.zip",
            "keys/rsa-test.pem",
            "./tests/a",
        ] {
            assert!(Place::of(path.as_bytes()).is_fixture, "{path}");
        }
        for path in [
            "",
            "/",
            "deploy/latest/server.key",
            "mock-server-0.1.0/src/prod.pem",
            "mock-server/prod.pem",
            "spec-parser/prod.pem",
            "etc/letsencrypt/live/docs.example.com/privkey.pem",
            "test.company.com.key",
            "tests/.ssh/id_rsa",
            "docs/.aws/key",
            "test-server/prod.pem",
            "contest/a.pem",
            "acme-demo/key.pem",
            "home/demo/id_rsa",
        ] {
            assert!(!Place::of(path.as_bytes()).is_fixture, "{path}");
        }
        assert!(
            !Place::of(b"tests/\xff/a").is_fixture
                && !Place::of(b"a.rst").is_rust
                && Place::of(b"a.rs").is_rust
        );
    }
}
