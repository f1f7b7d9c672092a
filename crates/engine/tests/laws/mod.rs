//! One file per law of `stream.rs`.

mod split_blind;
mod watermark;
