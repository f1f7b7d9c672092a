//! Names of objects, and the checksum of a pack: SHA-1 or SHA-256, which a pack does not say.

use std::fmt::Write as _;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// What ids are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Sha1,
    Sha256,
}

impl Format {
    /// Bytes of an id.
    pub(super) const fn len(self) -> usize {
        match self {
            Format::Sha1 => 20,
            Format::Sha256 => 32,
        }
    }
}

/// The id of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Oid {
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

impl Oid {
    /// The id that stands in front of `bytes`.
    pub(super) fn read(format: Format, bytes: &[u8]) -> Option<Oid> {
        match format {
            Format::Sha1 => bytes.first_chunk().copied().map(Oid::Sha1),
            Format::Sha256 => bytes.first_chunk().copied().map(Oid::Sha256),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Oid::Sha1(bytes) => bytes,
            Oid::Sha256(bytes) => bytes,
        }
    }

    /// Its first eight digits.
    pub(super) fn short(&self) -> String {
        self.bytes().iter().take(4).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// Both checksums, until it is known which one counts.
#[derive(Clone)]
pub(super) struct Sums {
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
}

impl Sums {
    pub(super) fn new(format: Option<Format>) -> Sums {
        Sums {
            sha1: (format != Some(Format::Sha256)).then(Sha1::new),
            sha256: (format != Some(Format::Sha1)).then(Sha256::new),
        }
    }

    pub(super) fn settle(&mut self, format: Format) {
        match format {
            Format::Sha1 => self.sha256 = None,
            Format::Sha256 => self.sha1 = None,
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
    }

    /// What they come to, SHA-1 first.
    pub(super) fn finish(self) -> Vec<Oid> {
        let sha1 = self.sha1.map(|sum| Oid::Sha1(sum.finalize().into()));
        let sha256 = self.sha256.map(|sum| Oid::Sha256(sum.finalize().into()));
        sha1.into_iter().chain(sha256).collect()
    }
}
