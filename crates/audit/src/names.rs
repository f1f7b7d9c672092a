//! [`Names`]: names masked where a secret stands in them. Names of files and fields are content too.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use exfilter::{Confidence, Engine, Event, Flow};

/// A name that holds no secret any more: what may be one is overwritten with `*`. It may hold control characters; who shows it escapes it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Masked(Vec<u8>);

impl Masked {
    /// A name of the program's own making.
    pub fn fixed(text: &str) -> Masked {
        Masked(text.as_bytes().to_vec())
    }

    /// The bytes, not escaped.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Masked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Masks names with an engine.
#[derive(Clone, Debug)]
pub struct Names {
    engine: Engine,
}

impl Names {
    /// Masks what `engine` finds.
    pub fn new(engine: &Engine) -> Names {
        Names { engine: engine.clone() }
    }

    /// The name under which `raw` is reported. What may be a secret in it is masked but for its public prefix; shapes that ordinary names
    /// have too (digests, for one) are left readable. A name that could not be examined is masked whole.
    pub fn mask(&self, raw: &[u8]) -> Masked {
        let hidden = catch_unwind(AssertUnwindSafe(|| self.hidden(raw)));
        let mut masked = raw.to_vec();
        match hidden {
            Ok(hidden) => hidden.into_iter().for_each(|range| masked[range].fill(b'*')),
            Err(_) => masked.fill(b'*'),
        }
        Masked(masked)
    }

    fn hidden(&self, raw: &[u8]) -> Vec<Range<usize>> {
        let mut hidden = Vec::new();
        let mut stream = self.engine.stream(Flow::at_rest());
        // At rest nothing blocks; the findings are what is wanted.
        let _verdict = stream.push(raw);
        let _verdict = stream.finish();
        while let Some(event) = stream.poll_event() {
            let Event::Finding(finding) = event else { continue };
            if finding.confidence() < Confidence::Medium || finding.documented() {
                continue;
            }
            let outer = finding.outer();
            let start = usize::try_from(outer.start).unwrap_or(usize::MAX).min(raw.len());
            let end = usize::try_from(outer.end).unwrap_or(usize::MAX).min(raw.len());
            let prefix = finding.preview();
            let as_is = stream.path(finding.path()).steps().is_empty();
            let shown = as_is
                && raw[start..end]
                    .get(..prefix.len())
                    .is_some_and(|b| b.eq_ignore_ascii_case(prefix.as_bytes()));
            hidden.push(start + if shown { prefix.len() } else { 0 }..end);
        }
        hidden
    }
}
