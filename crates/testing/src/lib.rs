//! What the tests of the workspace share: random numbers from a seed, keys, chunk splitters, wrappings and the TOML case harness.
//!
//! Not published. Nothing here is fast, and everything is deterministic.
#![forbid(unsafe_code)]

pub mod canary;
pub mod cases;
pub mod forms;
pub mod framing;
pub mod keys;
pub mod matrix;
pub mod pack;
pub mod rng;
pub mod rules;
pub mod run;
pub mod split;
pub mod wrap;
pub mod zstd;

pub use rng::Rng;
