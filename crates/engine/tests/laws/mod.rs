//! One file per law of `stream.rs`. Law 4's heap is measured in a binary of its own, `tests/memory.rs`.

mod bounded;
mod covered;
mod mute;
mod one_engine;
mod pieces;
mod split_blind;
mod total;
mod watermark;
mod whole;

pub(crate) use self::split_blind::{cases, nested, outbound};
