//! What the codecs promise, checked against independent implementations.

#[path = "codec/base64.rs"]
mod base64;
#[path = "codec/gzip.rs"]
mod gzip;
#[path = "codec/support.rs"]
mod support;
#[path = "codec/tar.rs"]
mod tar;
#[path = "codec/zstd.rs"]
mod zstd;
