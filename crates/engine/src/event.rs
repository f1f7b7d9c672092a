//! [`Event`] and [`Edit`]: what a stream tells its embedder beside the verdict.

use std::ops::Range;

use crate::coverage::Opaque;
use crate::finding::Finding;

/// Something a stream found. Holds no content.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A secret.
    Finding(Finding),
    /// A range that was not examined.
    Opaque(Opaque),
}

/// Bytes to overwrite before they are forwarded. Same length, so offsets stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub(crate) range: Range<u64>,
    pub(crate) fill: u8,
}

impl Edit {
    /// The outer range to overwrite.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// The byte to overwrite it with: `*`, or a base64 character inside base64.
    pub fn fill(&self) -> u8 {
        self.fill
    }

    /// Applies the edit to `chunk`, whose first byte stands at `offset` of the stream; what lies outside is left alone.
    pub fn apply(&self, offset: u64, chunk: &mut [u8]) {
        let start = self.range.start.saturating_sub(offset).min(chunk.len() as u64) as usize;
        let end = self.range.end.saturating_sub(offset).min(chunk.len() as u64) as usize;
        chunk[start..end.max(start)].fill(self.fill);
    }
}
