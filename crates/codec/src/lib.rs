//! Content formats as sans-IO push decoders: a format's bytes in, bytes or named parts out.
//!
//! Nothing here knows about secrets, streams or policies; the engine nests these in any order. Three kinds of thing
//! live here:
//!
//! - a [`Decoder`] turns bytes into other bytes (deflate, zlib, gzip, bzip2, xz, zstd, Brotli, an entry of a zip archive, uuencode, dumps of characters, the objects of a git pack), or joins the pieces
//!   that a protocol cut content into (HTTP chunks, server-sent events, gRPC messages, WebSocket frames);
//! - a [`Segmenter`] finds names and boundaries inside bytes and never copies or cuts them (tar, ar, cpio);
//! - [`base64`], [`base32`] and [`hex`] decode runs of their characters at a chosen alignment, [`base85`] and [`ascii85`] a text from its
//!   beginning, [`base58`] a whole token; [`escape`] and [`charcodes`] read what an escape in text, and each code of a list, stands for.
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
//! # Latency, and what marks a format
//!
//! | decoder | [`Decoder::block_max`] | begins with | after its end |
//! |---|---|---|---|
//! | `gzip::Gzip` | 0 | `1f 8b 08` | further members |
//! | `zlib::Zlib` | 0 | `78` and one of four bytes, as a guess | nothing |
//! | `deflate::Deflate` | 0 | nothing | nothing |
//! | `brotli::Brotli` | 0 | nothing | nothing |
//! | `xz::Xz` | 5 bytes | `fd 37 7a 58 5a 00` | padding, further streams |
//! | `zstd::Zstd` | a block, 128 KiB | `28 b5 2f fd` | further frames |
//! | `bzip2::Bzip2` | a block, 2.3 MB | `42 5a 68`, a level, a block's magic number | further streams |
//! | [`dump::Dump`] | a byte's columns, 8 characters | `000000  ` and a character's columns | nothing |
//! | [`uuencode::Uuencode`] | a character | `begin `, a mode, a name and a line feed | nothing |
//! | `pack::Pack` | an object, 1 MiB; a delta that waits for its base | `PACK`, a version, and an object that makes sense | nothing |
//! | `zip::ZipEntry` | that of its method | `50 4b 03 04` and a header that makes sense | nothing |
//!
//! [`sealed::Sealed`] tells formats that nothing here looks into.
//!
//! The framings have no latency, begin with nothing but a first frame that makes sense, and go on to the end of the input, but for HTTP chunks, whose
//! last one is marked. [`Decoder::pieces`] says where the pieces of their output stand in the input.
//!
//! | segmenter | begins with | ends with | after its end |
//! |---|---|---|---|
//! | [`tar::Tar`] | a header with a checksum that fits | a block of zeros, or the input | anything |
//! | [`ar::Ar`] | `!<arch>` or `!<thin>`, a line feed, and a header | the input | nothing |
//! | [`cpio::Cpio`] | `070701`, `070702`, `070707`, or octal 070707 in 16 bits, and a header that makes sense | a trailer | zeros, further archives, anything |
//!
//! # Features
//!
//! All of them are on by default.
//!
//! - `deflate`: `deflate::Deflate`, `zlib::Zlib` and `websocket::WebSocket`, on miniz_oxide's inflate.
//! - `gzip`: `gzip::Gzip`; implies `deflate`.
//! - `pack`: `pack::Pack`, packs of git; implies `deflate`.
//! - `zip`: `zip::ZipEntry`; implies `deflate`. Methods other than stored and deflate are those of the features that are on.
//! - `zstd`: `zstd::Zstd`, on libzstd, which is C.
//! - `bzip2`: `bzip2::Bzip2`, on libbz2-rs.
//! - `xz`: `xz::Xz`, on liblzma, which is C.
//! - `brotli`: `brotli::Brotli`, on brotli-decompressor.
//!
//! What decodes text, uuencode, the other framings, and tar, ar and cpio, need none of them and are always there.
#![forbid(unsafe_code)]

pub mod ar;
pub mod ascii85;
pub mod base32;
pub mod base58;
pub mod base64;
pub mod base85;
#[cfg(feature = "brotli")]
pub mod brotli;
#[cfg(feature = "bzip2")]
pub mod bzip2;
pub mod charcodes;
pub mod chunked;
pub mod cpio;
mod decoder;
#[cfg(feature = "deflate")]
pub mod deflate;
pub mod dump;
pub mod escape;
mod framing;
pub mod grpc;
#[cfg(feature = "gzip")]
pub mod gzip;
pub mod hex;
#[cfg(feature = "deflate")]
mod inflate;
pub mod multipart;
#[cfg(feature = "pack")]
pub mod pack;
pub mod sealed;
mod segmenter;
pub mod sse;
pub mod tar;
pub mod uuencode;
#[cfg(feature = "deflate")]
pub mod websocket;
#[cfg(feature = "xz")]
pub mod xz;
#[cfg(feature = "zip")]
pub mod zip;
#[cfg(feature = "deflate")]
pub mod zlib;
#[cfg(feature = "zstd")]
pub mod zstd;

pub use decoder::{Decoder, Fault, Member, Piece, Source, Step};
pub use segmenter::{Part, Segmenter};
