//! One file per law of `stream.rs`. Law 4's heap is measured in a binary of its own, `tests/memory.rs`.

mod covered;
mod one_engine;
mod split_blind;
mod watermark;
