//! [`Damage`]: why something could not be read.

use std::fmt;

/// Why an object, or a file of objects, cannot be read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// The index of a pack is not one that is understood.
    Index,
    /// The file is no pack, or not the one that its index speaks of.
    Pack,
    /// The index says that the object is where the pack has none.
    Offset,
    /// What stands in front of the object is not understood.
    Header,
    /// What the object is a difference to is not in the pack, or is itself a difference to the object.
    Base,
    /// Its compressed content is broken, or has another length than it should.
    Body,
    /// Its difference does not fit what it is a difference to.
    Delta,
    /// It is longer than the caller wants it.
    Long,
    /// The file could not be read.
    Read,
    /// Its content is not what its id says.
    Id,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Damage::Index => "the index of its pack is damaged",
            Damage::Pack => "its pack is not the one that the index speaks of",
            Damage::Offset => "the index says that it is where its pack has none",
            Damage::Header => "its pack is damaged where it begins",
            Damage::Base => "what it is a difference to is not in its pack",
            Damage::Body => "its compressed content is damaged",
            Damage::Delta => "its difference does not fit what it is based on",
            Damage::Long => "it is too long",
            Damage::Read => "its file cannot be read",
            Damage::Id => "its content is not what its id says",
        })
    }
}

impl std::error::Error for Damage {}
