//! Where tests and examples stand: by the path of a file, and in a program of Rust behind the line that begins its tests.
//!
//! Some credentials anybody makes at a desk: private keys, wallets, tokens that a program signs itself. Tests and examples are full of such that open nothing, and neither their form nor a checksum tells
//! them from others; where they stand does.

/// What stands before the tests of a module in Rust ([the book](https://doc.rust-lang.org/book/ch11-03-test-organization.html)), with its automaton id.
pub(crate) const MARK: (&[u8], u32) = (b"#[cfg(test)]", u32::MAX - 16);

/// What a directory or file is called, or a part of its name between `-`, `_`, `.` and spaces, that holds tests, examples or explanations; digits may stand behind it.
const WORDS: [&[u8]; 33] = [
    b"test",
    b"tests",
    b"testing",
    b"testcase",
    b"testcases",
    b"testdata",
    b"testfile",
    b"testfiles",
    b"testkey",
    b"testkeys",
    b"unittest",
    b"unittests",
    b"e2e",
    b"spec",
    b"specs",
    b"fixture",
    b"fixtures",
    b"mock",
    b"mocks",
    b"example",
    b"examples",
    b"sample",
    b"samples",
    b"bench",
    b"benches",
    b"benchmark",
    b"benchmarks",
    b"demo",
    b"demos",
    b"tutorial",
    b"tutorials",
    b"docs",
    b"readme",
];

/// Whether a path says that its file belongs to tests or examples: `pkg/tests/keys/rsa.pem`, `src/__fixtures__/a.json`, `token_test.go`. Directories are parted by `/` or `\`; case does not matter.
///
/// ```
/// use exfilter_engine::is_fixture_path;
///
/// assert!(is_fixture_path(b"package/test/fixtures/server.key"));
/// assert!(is_fixture_path(b"src/signer.spec.ts"));
/// assert!(!is_fixture_path(b"deploy/latest/server.key"));
/// ```
pub fn is_fixture_path(path: &[u8]) -> bool {
    let mut words = path.split(|b| matches!(b, b'/' | b'\\' | b'-' | b'_' | b'.' | b' '));
    words.any(|word| {
        let digits = word.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let word = &word[..word.len() - digits];
        WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
    })
}
