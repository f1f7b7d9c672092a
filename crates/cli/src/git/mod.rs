//! A repository's objects through the engine.
//!
//! ```text
//! range.rs   what of a repository is meant            repo.rs   git as a child process: what it is told, and what it says
//!    |
//! list.rs    rev-list, diff --> objects in order ---> direct.rs   packs and loose files: exfilter_odb --+--> exfilter::Stream, one per object
//!                                                        |        folders.rs   where they are           |
//!                                                        +-----> cat.rs   cat-file --batch: the rest --+
//!
//! check.rs   every object once, findings told once --> ../scan/tally.rs
//! lfs.rs     what a pointer stands for
//! allow.rs   .exfilter-allow.toml of a commit                 date.rs   days
//! ```
//!
//! The user's own git says which objects are meant. Where there are more than a few they are read here and compared with their ids; for what is not found so, is damaged or
//! too long git is asked: quarantines, partial clones and whatever else it knows are its affair.

pub(crate) mod allow;
mod cat;
pub(crate) mod check;
pub(crate) mod date;
mod direct;
mod folders;
mod lfs;
pub(crate) mod list;
mod range;
pub(crate) mod repo;

pub(crate) use range::scan;
