//! [`Lfs`]: content that git keeps elsewhere, and that leaves beside the push: what stands in the repository is a pointer.
//!
//! ```text
//! version https://git-lfs.github.com/spec/v1        at most 1024 bytes, keys sorted behind the version
//! oid sha256:4d7a2146...                            <git dir>/lfs/objects/4d/7a/4d7a2146...
//! size 12345
//! ```
//!
//! See <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::OnceLock;

use super::repo::{Repo, path_of};
use crate::fault::Fault;

/// The longest pointer, in bytes.
const LONGEST: usize = 1024;

/// Where the content is.
pub(super) struct Lfs<'a> {
    repo: &'a Repo,
    storage: OnceLock<Result<PathBuf, Fault>>,
}

/// An object from its beginning, which was read to see what it is.
pub(super) struct Peeked<R> {
    head: io::Cursor<Vec<u8>>,
    rest: R,
}

impl<R: Read> Peeked<R> {
    /// Reads the beginning of an object.
    pub(super) fn new(mut rest: R) -> io::Result<Peeked<R>> {
        let mut head = Vec::new();
        (&mut rest).take(LONGEST as u64 + 1).read_to_end(&mut head)?;
        Ok(Peeked { head: io::Cursor::new(head), rest })
    }

    /// The id of the content, if the object is a pointer.
    pub(super) fn pointer(&self) -> Option<String> {
        pointer(self.head.get_ref()).map(String::from)
    }
}

impl<R: Read> Read for Peeked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.head.read(buffer)? {
            0 => self.rest.read(buffer),
            n => Ok(n),
        }
    }
}

impl<'a> Lfs<'a> {
    /// That of a repository.
    pub(super) fn new(repo: &'a Repo) -> Lfs<'a> {
        Lfs { repo, storage: OnceLock::new() }
    }

    /// Where the content of an id is, or would be.
    ///
    /// # Errors
    ///
    /// When git does not say where it is kept.
    pub(super) fn path(&self, oid: &str) -> Result<PathBuf, Fault> {
        let storage = self.storage.get_or_init(|| {
            let args = ["rev-parse", "--path-format=absolute", "--git-common-dir"];
            let dir = path_of(&self.repo.line(&args)?);
            // Without a value git fails, which says that there is none.
            let set = self.repo.line(&["config", "--get", "lfs.storage"]).unwrap_or_default();
            Ok(dir.join(if set.is_empty() { "lfs".into() } else { path_of(&set) }))
        });
        let storage = storage.as_ref().map_err(Clone::clone)?;
        Ok(storage.join("objects").join(&oid[..2]).join(&oid[2..4]).join(oid))
    }
}

/// The id that a pointer names: 64 digits.
pub(super) fn pointer(bytes: &[u8]) -> Option<&str> {
    if bytes.len() > LONGEST {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    // Older ones name another place.
    let version = lines.next()?.strip_prefix("version https://")?;
    if !version.ends_with("/spec/v1") {
        return None;
    }
    let oid = lines.find_map(|line| line.strip_prefix("oid sha256:"))?.trim_end();
    (oid.len() == 64 && oid.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(oid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_told_from_other_texts() {
        let oid = "4d".repeat(32);
        let good = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12345\n");
        assert_eq!(pointer(good.as_bytes()), Some(&oid[..]));
        for bad in [
            good.replace("spec/v1", "spec"),
            good.replace("4d4d", "4d/.."),
            good.replace("oid", "id"),
            format!("{good}{}", "x".repeat(LONGEST)),
            String::new(),
        ] {
            assert_eq!(pointer(bad.as_bytes()), None, "{bad}");
        }
    }
}
