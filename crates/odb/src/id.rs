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
        let head = format!("{} {}\0", kind.word(), content.len());
        match self {
            Hash::Sha1 => Sha1::new().chain_update(head).chain_update(content).finalize()[..] == *id,
            Hash::Sha256 => Sha256::new().chain_update(head).chain_update(content).finalize()[..] == *id,
        }
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
