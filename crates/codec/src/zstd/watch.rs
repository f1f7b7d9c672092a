//! [`Watch`]: compressed blocks are looked at while libzstd decodes them.

use super::sequences::{Reach, Sequences};

/// What is known of the blocks of a frame: until one was decoded, and if the frame may be longer than its window.
#[derive(Default)]
pub(super) struct Watch {
    sequences: Option<Box<Sequences>>,
    /// The part of a block that has been taken in, if it came in parts.
    block: Vec<u8>,
}

impl Watch {
    /// Begins with a frame, whose blocks are looked at or not.
    pub(super) fn begin(&mut self, is_on: bool) {
        self.sequences = is_on.then(Box::default);
        self.block.clear();
    }

    /// Takes note of the next part of a block, of which `left` bytes are missing before it.
    pub(super) fn note(&mut self, source: &[u8], left: usize) {
        if self.sequences.is_none() || self.block.is_empty() && source.len() == left {
            return;
        }
        if self.block.is_empty() {
            self.block.reserve_exact(left);
        }
        self.block.extend_from_slice(source);
    }

    /// How far a block refers back whose last part is `last`, which has been noted.
    pub(super) fn reach(&mut self, last: &[u8], window: u64) -> Reach {
        let block = if self.block.is_empty() { last } else { &self.block };
        self.sequences.as_mut().map_or(Reach::Within, |sequences| sequences.reach(block, window))
    }

    /// Whether some library may take such a block, which libzstd refuses, if its matches refer back `most` bytes at most.
    pub(super) fn may_be_read(&mut self, last: &[u8], most: u64) -> bool {
        let block = if self.block.is_empty() { last } else { &self.block };
        self.sequences.as_mut().is_some_and(|sequences| sequences.may_be_read(block, most))
    }

    /// Ends a block; says whether further ones are looked at.
    pub(super) fn end_block(&mut self, is_on: bool) {
        self.block.clear();
        if !is_on {
            *self = Self::default();
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.sequences.is_some()
    }
}
