//! [`Names`]: looks for secrets in the names of files, and masks them wherever a name is shown.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use exfilter::{Confidence, Engine, Event, Finding, Flow};

use super::ids;
use super::report::{Lane, Place, Seen};
use crate::text::{Name, path_bytes};

/// The engine, as far as names are concerned.
pub(crate) struct Names {
    engine: Engine,
}

impl Names {
    /// Looks with `engine`.
    pub(crate) fn new(engine: &Engine) -> Names {
        Names { engine: engine.clone() }
    }

    /// What stands in the last component of `path`.
    pub(crate) fn look(&self, path: &Path) -> Vec<Seen> {
        let Some(name) = path.file_name() else { return Vec::new() };
        let mut seen = Vec::new();
        self.each(name.as_encoded_bytes(), |finding, lane| {
            seen.push(Seen::new(finding, lane.into(), Place::Name));
        });
        ids::of_names(&mut seen, &self.engine, name.as_encoded_bytes());
        seen
    }

    /// What stands in a text, such as a path or the name of a ref.
    pub(crate) fn look_at(&self, text: &[u8]) -> Vec<Seen> {
        let mut seen = Vec::new();
        self.each(text, |finding, lane| seen.push(Seen::new(finding, lane.into(), Place::Name)));
        ids::of_names(&mut seen, &self.engine, text);
        seen
    }

    /// The name under which `path` is reported. What may be a secret in it is masked but for its public prefix; shapes
    /// that ordinary names have too (digests, for one) are left readable.
    pub(crate) fn of(&self, path: &Path) -> Name {
        let raw = path_bytes(path);
        let shown = raw.strip_prefix(b"./").filter(|rest| !rest.is_empty()).unwrap_or(raw);
        let hidden = catch_unwind(AssertUnwindSafe(|| {
            let mut hidden = Vec::new();
            self.each(shown, |finding, lane| {
                if finding.confidence() >= Confidence::Medium && !finding.documented() {
                    hidden.push(secret_part(shown, &finding, lane.is_identity()));
                }
            });
            hidden
        }));
        match hidden {
            Ok(hidden) => Name::new(shown, &hidden),
            // A name that could not be examined is not shown at all.
            Err(_) => Name::new(shown, std::slice::from_ref(&(0..shown.len()))),
        }
    }

    fn each(&self, bytes: &[u8], mut found: impl FnMut(Finding, Lane)) {
        let mut stream = self.engine.stream(Flow::at_rest());
        // At rest nothing blocks; the findings are what is wanted.
        let _verdict = stream.push(bytes);
        let _verdict = stream.finish();
        while let Some(event) = stream.poll_event() {
            if let Event::Finding(finding) = event {
                let lane = Lane::new(stream.path(finding.path()));
                found(finding, lane);
            }
        }
    }
}

/// The range of a finding in `text` without its public prefix.
fn secret_part(text: &[u8], finding: &Finding, as_is: bool) -> Range<usize> {
    let outer = finding.outer();
    let start = usize::try_from(outer.start).unwrap_or(usize::MAX).min(text.len());
    let end = usize::try_from(outer.end).unwrap_or(usize::MAX).min(text.len());
    let prefix = finding.preview().len();
    let shown = as_is
        && text[start..end]
            .get(..prefix)
            .is_some_and(|b| b.eq_ignore_ascii_case(finding.preview().as_bytes()));
    start + if shown { prefix } else { 0 }..end
}
