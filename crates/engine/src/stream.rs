//! [`Stream`] (skeleton; signatures are final).

use crate::coverage::Coverage;
use crate::event::{Edit, Event};
use crate::finding::{PathId, RuleId, SecretId};
use crate::path::LanePath;
use crate::verdict::Verdict;

/// One stream of bytes.
pub struct Stream {
    coverage: Coverage,
}

impl Stream {
    /// Examines the next bytes and says how far the stream may leave.
    pub fn push(&mut self, chunk: &[u8]) -> Verdict {
        let _ = chunk;
        todo!()
    }

    /// Ends the stream: `through` is its length, or it is blocked.
    pub fn finish(&mut self) -> Verdict {
        todo!()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        todo!()
    }

    /// The edits to apply before the bytes up to `through` leave.
    pub fn edits(&self) -> &[Edit] {
        todo!()
    }

    /// Says that `len` bytes were lost before they reached the stream.
    pub fn gap(&mut self, len: u64) -> Verdict {
        let _ = len;
        todo!()
    }

    /// What has been examined.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// The path behind an id of this stream.
    pub fn path(&self, id: PathId) -> &LanePath {
        let _ = id;
        todo!()
    }

    /// Findings beyond [`Limits::findings`](crate::Limits::findings), counted per rule.
    pub fn suppressed(&self) -> impl Iterator<Item = (RuleId, u64)> + '_ {
        std::iter::empty()
    }

    /// The same for enrolled secrets.
    pub fn suppressed_secrets(&self) -> impl Iterator<Item = (SecretId, u64)> + '_ {
        std::iter::empty()
    }
}
