//! The corpora that `corpus.py` lays out.

use std::env;
use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Name and file of every corpus, in the order of the tables.
pub const ALL: [(&str, &str); 5] = [
    ("code", "code.txt"),
    ("json", "json.txt"),
    ("minjs", "minjs.txt"),
    ("lock", "lock.txt"),
    ("b64", "b64.txt"),
];

/// The folder that `corpus.py` fills.
pub fn cache() -> PathBuf {
    env::var_os("EXFILTER_BENCH_CACHE")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".cache"), PathBuf::from)
}

/// The first `most` bytes of a corpus.
pub fn read(name: &str, most: usize) -> Vec<u8> {
    let file = ALL.iter().find(|(n, _)| *n == name).map_or("tgz.bin", |(_, file)| file);
    let path = cache().join("corpora").join(file);
    let mut bytes = fs::read(&path).unwrap_or_else(|_| {
        panic!("{file} is missing: run `python3 bench/corpus.py` first, it downloads pinned packages")
    });
    bytes.truncate(most);
    bytes
}

/// Published npm packages under 4 MB, each whole, up to `most` bytes in all.
pub fn packages(most: usize) -> Vec<Vec<u8>> {
    let folder = cache().join("packages");
    let mut names: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|_| panic!("no packages: run `python3 bench/corpus.py` first"))
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "tgz"))
        .collect();
    names.sort();
    let mut total = 0;
    let mut out = Vec::new();
    for path in names {
        let bytes = fs::read(&path).expect("a package that was listed can be read");
        if bytes.len() < 4_000_000 && total + bytes.len() <= most {
            total += bytes.len();
            out.push(bytes);
        }
    }
    out
}

/// Standard base64.
pub fn base64(bytes: &[u8]) -> Vec<u8> {
    STANDARD.encode(bytes).into_bytes()
}

/// A gzip member at the usual level.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).and_then(|()| out.finish()).expect("writing to memory does not fail")
}

/// A zstd frame at the usual level, in the way a streaming client writes it.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).expect("writing to memory does not fail")
}
