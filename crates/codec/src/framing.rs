//! What framings share: output that stands in the input, in pieces.

use crate::decoder::{Next, Piece, Source};

/// Notes where output comes from.
#[derive(Default)]
pub(crate) struct Pieces {
    made: u64,
    /// Where the output goes on if it is the same piece.
    next: Option<Source>,
    pub(crate) list: Vec<Piece>,
}

impl Pieces {
    /// The next `len` bytes of output come from `source`.
    pub(crate) fn note(&mut self, source: Source, len: usize) {
        if len == 0 {
            return;
        }
        if self.next != Some(source) {
            self.list.push(Piece { at: self.made, source });
        }
        let len = len as u64;
        self.made += len;
        self.next = Some(match source {
            Source::Plain(from) => Source::Plain(from + len),
            Source::Changed(from) => Source::Changed(from + len),
            Source::Made => Source::Made,
        });
    }

    /// Hands out what `input`, which stands at `at`, has of `left` bytes; returns how much, and how decoding goes on if that is not all.
    pub(crate) fn copy(
        &mut self,
        left: u64,
        input: &[u8],
        at: u64,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> (usize, Next) {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(limit - out.len());
        let taken = &input[..input.len().min(most)];
        if taken.is_empty() {
            return (0, if input.is_empty() { Next::Input } else { Next::Room });
        }
        out.extend_from_slice(taken);
        self.note(Source::Plain(at), taken.len());
        (taken.len(), Next::State)
    }

    /// Hands out a line feed that stands for a boundary at `at`; whether there was room.
    pub(crate) fn separate(&mut self, at: u64, out: &mut Vec<u8>, limit: usize) -> bool {
        if out.len() >= limit {
            return false;
        }
        out.push(b'\n');
        self.note(Source::Changed(at), 1);
        true
    }
}
