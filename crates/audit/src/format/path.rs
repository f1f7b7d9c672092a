//! [`Trail`]: the name of a field under way, as a stack of parts.

use super::{MAX_DEPTH, MAX_NAME};

/// The parts of a name joined by dots. Parts that do not fit are counted and left out, so that leaving them finds the way back.
pub(super) struct Trail {
    text: Vec<u8>,
    /// Lengths of `text` before each part.
    marks: Vec<usize>,
    /// Parts that were left out, all of them deeper than those in `marks`.
    over: usize,
}

impl Trail {
    pub(super) fn new() -> Trail {
        Trail { text: Vec::new(), marks: Vec::new(), over: 0 }
    }

    /// Enters a part.
    pub(super) fn push(&mut self, part: &[u8]) {
        if self.over > 0 || self.marks.len() >= MAX_DEPTH || self.text.len() + part.len() + 1 > MAX_NAME {
            self.over += 1;
            return;
        }
        self.marks.push(self.text.len());
        if !self.text.is_empty() {
            self.text.push(b'.');
        }
        self.text.extend_from_slice(part);
    }

    /// Enters the `n`th element of a list.
    pub(super) fn push_index(&mut self, n: usize) {
        self.push(n.to_string().as_bytes());
    }

    /// Leaves the last part.
    pub(super) fn pop(&mut self) {
        if self.over > 0 {
            self.over -= 1;
        } else if let Some(mark) = self.marks.pop() {
            self.text.truncate(mark);
        }
    }

    /// Parts entered.
    pub(super) fn depth(&self) -> usize {
        self.marks.len() + self.over
    }

    /// Leaves parts until `depth` are left.
    pub(super) fn pop_to(&mut self, depth: usize) {
        while self.depth() > depth {
            self.pop();
        }
    }

    /// The name.
    pub(super) fn name(&self) -> &[u8] {
        &self.text
    }
}
