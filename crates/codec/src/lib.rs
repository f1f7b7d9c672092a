//! Content formats as sans-IO push decoders: a format's bytes in, bytes or named parts out.
//!
//! Nothing here knows about secrets, streams or policies; the engine nests these in any order. Three kinds of thing
//! live here:
//!
//! - a [`Decoder`] turns bytes into other bytes (gzip, zstd);
//! - a [`Segmenter`] finds names and boundaries inside bytes and never copies or cuts them (tar);
//! - [`base64`] decodes runs of base64 characters at a chosen alignment.
//!
//! # Rules every codec keeps
//!
//! 1. It never panics and never blocks, for any input in any slicing; the concatenated output, the final [`Step`] and
//!    [`Decoder::unreleased`] at equal input offsets do not depend on the slicing.
//! 2. It hands out everything that can be decoded from what it was given. What it cannot hand out yet is counted by
//!    [`Decoder::unreleased`].
//! 3. Every size read from the input is bounded before anything is allocated for it.
//! 4. Output that was produced before a fault has been handed out when the fault is reported.
#![forbid(unsafe_code)]

pub mod base64;
mod decoder;
#[cfg(feature = "gzip")]
pub mod gzip;
mod segmenter;
pub mod tar;
#[cfg(feature = "zstd")]
pub mod zstd;

pub use decoder::{Decoder, Fault, Step};
pub use segmenter::{Part, Segmenter};
