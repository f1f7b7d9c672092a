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
//!
//! # Examples
//!
//! Decoding gzip as it comes, with a cap on each step's output:
//!
#![cfg_attr(feature = "gzip", doc = "```")]
#![cfg_attr(not(feature = "gzip"), doc = "```ignore")]
//! use exfilter_codec::gzip::{self, Gzip};
//! use exfilter_codec::{Decoder, Step};
//!
//! // A member with one stored block of five bytes.
//! let packed = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x05\0\xfa\xffhello\x86\xa6\x10\x36\x05\0\0\0";
//! assert!(gzip::starts(packed));
//!
//! let mut decoder = Gzip::new();
//! let mut out = Vec::new();
//! for chunk in packed.chunks(7) {
//!     let mut rest = chunk;
//!     while let Step::Full { consumed } = decoder.decode(rest, &mut out, 4) {
//!         rest = &rest[consumed..];
//!     }
//! }
//! assert_eq!(decoder.finish(&mut out, 4), Step::Done { consumed: 0 });
//! assert_eq!(out, b"hello");
//! ```
//!
//! Naming the members of a tar archive:
//!
//! ```
//! use exfilter_codec::tar::Tar;
//! use exfilter_codec::{Fault, Part, Segmenter};
//!
//! fn names(archive: &[u8]) -> Result<Vec<Vec<u8>>, (u64, Fault)> {
//!     let mut names = Vec::new();
//!     let mut sink = |part| {
//!         if let Part::Begin { name, .. } = part {
//!             names.push(name);
//!         }
//!     };
//!     let mut tar = Tar::new(1000);
//!     tar.feed(archive, &mut sink)?;
//!     tar.finish(&mut sink)?;
//!     Ok(names)
//! }
//!
//! assert_eq!(names(&[0; 1024]), Ok(vec![]));
//! ```
//!
//! # Features
//!
//! - `gzip` (default): `gzip::Gzip`, on miniz_oxide's inflate.
//! - `zstd` (default): `zstd::Zstd`, on libzstd, which is C.
//!
//! base64 and tar need neither and are always there.
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
