//! What the codecs promise, checked against independent implementations.
#![cfg(all(
    feature = "brotli",
    feature = "bzip2",
    feature = "gzip",
    feature = "xz",
    feature = "zip",
    feature = "zstd"
))]
#![expect(clippy::unwrap_used, reason = "what a test cannot do ends it")]

#[path = "codec/ar.rs"]
mod ar;
#[path = "codec/ascii85.rs"]
mod ascii85;
#[path = "codec/base32.rs"]
mod base32;
#[path = "codec/base58.rs"]
mod base58;
#[path = "codec/base64.rs"]
mod base64;
#[path = "codec/base85.rs"]
mod base85;
#[path = "codec/brotli.rs"]
mod brotli;
#[path = "codec/bzip2.rs"]
mod bzip2;
#[path = "codec/charcodes.rs"]
mod charcodes;
#[path = "codec/cpio.rs"]
mod cpio;
#[path = "codec/deflate.rs"]
mod deflate;
#[path = "codec/dump.rs"]
mod dump;
#[path = "codec/framing.rs"]
mod framing;
#[path = "codec/gzip.rs"]
mod gzip;
#[path = "codec/gzip_faults.rs"]
mod gzip_faults;
#[path = "codec/inflate.rs"]
mod inflate;
#[path = "codec/multipart.rs"]
mod multipart;
#[path = "codec/pack.rs"]
mod pack;
#[path = "codec/support.rs"]
mod support;
#[path = "codec/tar.rs"]
mod tar;
#[path = "codec/tar_faults.rs"]
mod tar_faults;
#[path = "codec/uuencode.rs"]
mod uuencode;
#[path = "codec/xz.rs"]
mod xz;
#[path = "codec/zip.rs"]
mod zip;
#[path = "codec/zip_directory.rs"]
mod zip_directory;
#[path = "codec/zip_faults.rs"]
mod zip_faults;
#[path = "codec/zstd.rs"]
mod zstd;
#[path = "codec/zstd_faults.rs"]
mod zstd_faults;
#[path = "codec/zstd_frames.rs"]
mod zstd_frames;
#[path = "codec/zstd_reach.rs"]
mod zstd_reach;
