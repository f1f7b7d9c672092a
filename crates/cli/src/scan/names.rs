//! [`Names`]: looks for secrets in the names of files, and masks them wherever a name is shown.

use std::path::Path;

use exfilter::{Engine, Event, Finding, Flow};

use super::ids;
use super::report::{Lane, Place, Seen};
use crate::text::{Name, path_bytes};

/// The engine, as far as names are concerned.
pub(crate) struct Names {
    engine: Engine,
    masks: exfilter_audit::Names,
}

impl Names {
    /// Looks with `engine`.
    pub(crate) fn new(engine: &Engine) -> Names {
        Names { engine: engine.clone(), masks: exfilter_audit::Names::new(engine) }
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
        Name::overwritten(shown, self.masks.mask(shown).as_bytes())
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
