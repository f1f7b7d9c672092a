//! [`Sighting`]: an event of a request, and where in it.

use std::ops::Range;

use exfilter_engine::{Action, Event, LanePath};

/// Something that was found in a request. Holds no content; names in it are masked where a finding stands in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub(super) place: String,
    pub(super) base: u64,
    pub(super) path: LanePath,
    pub(super) event: Event,
    pub(super) own: bool,
    /// The file that an object of a pack is, and a commit that has it.
    pub(super) file: Option<(String, String)>,
}

impl Sighting {
    /// The part of the request: `url`, `header:cookie`, `body`, `git commands`, ...
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The range in that part; in a body, in the whole body.
    pub fn range(&self) -> Range<u64> {
        let outer = match &self.event {
            Event::Finding(finding) => finding.outer(),
            Event::Opaque(opaque) => opaque.outer(),
            _ => 0..0,
        };
        self.base + outer.start..self.base + outer.end
    }

    /// The decoders through which it was reached.
    pub fn path(&self) -> &LanePath {
        &self.path
    }

    /// What the stream told.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// What was done about it.
    pub fn action(&self) -> Action {
        match &self.event {
            _ if self.own => Action::Report,
            Event::Finding(finding) => finding.action(),
            Event::Opaque(opaque) => opaque.action(),
            _ => Action::Report,
        }
    }

    /// Whether it is the request's own key, where such keys belong.
    pub fn is_own_key(&self) -> bool {
        self.own
    }

    /// Whether it is a credential where it belongs: the request's own key, or an enrolled secret in a slot that it is bound to.
    pub fn is_at_home(&self) -> bool {
        self.own || matches!(&self.event, Event::Finding(finding) if finding.bound())
    }

    /// Where it is, for people: `body > gzip > package/config.js:3:7`, or `config.py:3:7 in commit 1234abcd` in a push whose files were looked up
    /// ([`Inspector::locate`](super::Inspector::locate)).
    pub fn location(&self) -> String {
        let mut text = self.place.clone();
        let path = self.path.to_string();
        let mut path = path.as_str();
        if let Some((file, _)) = &self.file {
            text.clone_from(file);
            // Behind the pack and the object.
            path = path.splitn(3, " > ").nth(2).unwrap_or_default();
        }
        if !path.is_empty() {
            text.push_str(" > ");
            text.push_str(path);
        }
        if let Event::Finding(finding) = &self.event
            && let Some((line, column)) = finding.line()
        {
            text.push_str(&format!(":{line}:{column}"));
        }
        if let Some((_, commit)) = &self.file {
            text.push_str(&format!(" in commit {commit}"));
        }
        text
    }
}
