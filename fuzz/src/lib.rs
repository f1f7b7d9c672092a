//! What the fuzz targets share: inputs with a structure, made from the fuzzer's bytes, and the oracles that several targets use.
//!
//! Everything here is deterministic: the same bytes make the same input everywhere, so a file replays what it once crashed.
#![forbid(unsafe_code)]

pub mod archive;
pub mod content;
pub mod damage;
pub mod decoder;
pub mod encode;
pub mod engines;
pub mod requests;
pub mod rulefile;
pub mod slices;
pub mod text;
pub mod wire;
