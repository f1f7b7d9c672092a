//! `exfilter publish`: a package is packed by its client, examined as the file that it is, and that file is published.
//!
//! ```text
//! words.rs    what may be said to the client, and what would make it send something else
//! client.rs   one client each: how it packs, how it is given the file
//! run.rs      pack --> ../scan/file.rs: every byte of the file --> verdict --> publish
//! ```

pub(crate) mod args;
mod client;
mod run;
mod words;

pub(crate) use run::run;
