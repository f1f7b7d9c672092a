//! [`Scanner`]: whole buffers, one after another.

use crate::coverage::Coverage;
use crate::event::Event;
use crate::finding::PathId;
use crate::path::LanePath;
use crate::stream::Stream;
use crate::verdict::Verdict;

/// A stream that is used again for each buffer: `push` and `finish` in one call.
///
/// ```
/// use exfilter_engine::{Engine, Flow, Rule};
/// let engine = Engine::builder().rules([Rule::new("acme-key", "acme_", "acme_[0-9a-f]{32}")]).build()?;
/// let mut scanner = engine.scanner(Flow::at_rest());
/// let mut findings = 0;
/// for text in ["nothing here", "acme_0123456789abcdef0123456789abcdef"] {
///     let _ = scanner.scan(text.as_bytes(), &mut |_| findings += 1);
/// }
/// assert_eq!(findings, 1);
/// # Ok::<(), exfilter_engine::BuildError>(())
/// ```
#[derive(Debug)]
pub struct Scanner {
    stream: Stream,
}

impl Scanner {
    pub(crate) fn new(stream: Stream) -> Scanner {
        Scanner { stream }
    }

    /// Examines a whole buffer.
    pub fn scan(&mut self, bytes: &[u8], on_event: &mut dyn FnMut(Event)) -> Verdict {
        self.stream.reset();
        let mut scratch = self.stream.engine().borrow_scratch();
        let _ = self.stream.push_with(&mut scratch, bytes, on_event);
        let verdict = self.stream.finish_with(&mut scratch, on_event);
        self.stream.engine().return_scratch(scratch);
        verdict
    }

    /// Whether a whole buffer holds nothing that would be told of: no finding, not even a piece of a known secret, and nothing that was not examined. What is said of it, another scan says. Nothing of it is kept.
    pub fn is_spotless(&mut self, bytes: &[u8]) -> bool {
        let mut scratch = self.stream.engine().borrow_scratch();
        let verdict = self.stream.push_whole_with(&mut scratch, bytes, &mut |_| {});
        self.stream.engine().return_scratch(scratch);
        let is_spotless = matches!(verdict, Verdict::Forward { .. }) && self.stream.is_spotless();
        self.stream.reset();
        is_spotless
    }

    /// What was examined in the last buffer.
    pub fn coverage(&self) -> Coverage {
        self.stream.coverage()
    }

    /// The path behind an id of the last buffer.
    pub fn path(&self, id: PathId) -> &LanePath {
        self.stream.path(id)
    }
}
