//! What objects are, and their ids.

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A commit.
    Commit,
    /// A folder.
    Tree,
    /// A file's content.
    Blob,
    /// An annotated tag.
    Tag,
}

impl Kind {
    /// The word in front of the content that ids are made of.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Commit => "commit",
            Kind::Tree => "tree",
            Kind::Blob => "blob",
            Kind::Tag => "tag",
        }
    }

    /// What a word says.
    pub(crate) fn of_word(word: &[u8]) -> Option<Kind> {
        [Kind::Commit, Kind::Tree, Kind::Blob, Kind::Tag]
            .into_iter()
            .find(|kind| kind.word().as_bytes() == word)
    }
}

/// The hash that a repository's ids are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1: ids of 20 bytes.
    Sha1,
    /// SHA-256: ids of 32 bytes.
    Sha256,
}

impl Hash {
    /// The hash of an id that is written in digits.
    #[must_use]
    pub fn of_hex(id: &str) -> Option<Hash> {
        [Hash::Sha1, Hash::Sha256].into_iter().find(|hash| 2 * hash.len() == id.len())
    }

    /// Bytes of an id.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no id is empty")]
    pub const fn len(self) -> usize {
        match self {
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
        }
    }

    /// Whether `id` is the id of an object with this content.
    #[must_use]
    pub fn names(self, id: &[u8], kind: Kind, content: &[u8]) -> bool {
        let mut sum = self.begin(kind, content.len() as u64);
        sum.update(content);
        sum.names(id)
    }

    /// The same for an object of `len` bytes that comes piece by piece.
    #[must_use]
    pub fn begin(self, kind: Kind, len: u64) -> Sum {
        let head = format!("{} {len}\0", kind.word());
        match self {
            Hash::Sha1 => Sum(State::Sha1(Sha1::new_with_prefix(head))),
            Hash::Sha256 => Sum(State::Sha256(Sha256::new_with_prefix(head))),
        }
    }
}

/// What an object comes to so far.
#[derive(Clone)]
pub struct Sum(State);

#[derive(Clone)]
enum State {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Sum {
    /// Takes the next bytes of its content.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha1(sum) => sum.update(bytes),
            State::Sha256(sum) => sum.update(bytes),
        }
    }

    /// Whether `id` is the id of what came.
    #[must_use]
    pub fn names(self, id: &[u8]) -> bool {
        match self.0 {
            State::Sha1(sum) => sum.finalize()[..] == *id,
            State::Sha256(sum) => sum.finalize()[..] == *id,
        }
    }
}

/// Says nothing of what came.
impl std::fmt::Debug for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sum").finish_non_exhaustive()
    }
}

/// The bytes of an id that is written in digits.
#[must_use]
pub fn parse_id(digits: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| (digit as char).to_digit(16).map(|value| value as u8);
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let mut id = Vec::with_capacity(digits.len() / 2);
    for pair in digits.as_bytes().chunks_exact(2) {
        id.push(value(pair[0])? << 4 | value(pair[1])?);
    }
    Some(id)
}
