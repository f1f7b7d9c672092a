//! A repository's objects through the engine.
//!
//! ```text
//! range.rs   what of a repository is meant            repo.rs   git as a child process: what it is told, and what it says
//!    |
//! list.rs    rev-list, diff --> objects in order ---> cat.rs    cat-file --batch --> exfilter::Stream, one per object
//!                                                        |
//! check.rs   every object once, findings told once ------+--> ../scan/tally.rs
//! lfs.rs     what a pointer stands for
//! allow.rs   .exfilter-allow.toml of a commit                 date.rs   days
//! ```
//!
//! The user's own git reads the repository: packs, loose objects, alternates, quarantines and partial clones are its affair, and whatever it
//! would send is what it shows.

pub(crate) mod allow;
mod cat;
pub(crate) mod check;
pub(crate) mod date;
mod lfs;
pub(crate) mod list;
mod range;
pub(crate) mod repo;

pub(crate) use range::scan;
