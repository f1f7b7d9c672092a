//! What was found, and what was not examined: `Finding` and `Opaque`. Offsets and names, never content.

use std::ops::Range;

use exfilter::{Event, HeaderPart, HostPattern, Kind, LanePath, Proof, Slot};
use pyo3::prelude::*;

use crate::flow::Flow;
use crate::input::Input;
use crate::{engine, words};

/// One finding.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Finding {
    finding: exfilter::Finding,
    path: LanePath,
    engine: exfilter::Engine,
}

impl Finding {
    fn of_rule(&self) -> Option<&exfilter::Rule> {
        match self.finding.kind() {
            Kind::Rule(id) => Some(self.engine.rule(id)),
            Kind::Known(..) => None,
        }
    }

    /// Whether it stands in a slot's value as a rule's slot says that a credential does: as the whole of it.
    fn is_in(&self, slot: &Slot, flow: &exfilter::Flow, value: &[u8]) -> bool {
        let range = self.finding.outer();
        let whole = |from: usize| range == Range { start: from as u64, end: value.len() as u64 };
        match (slot, flow.slot_ref()) {
            (Slot::Header(home, part), Slot::Header(name, _)) if home == name => match part {
                HeaderPart::Whole => whole(0),
                HeaderPart::Bearer => behind(value, &["bearer", "token"]).is_some_and(whole),
                HeaderPart::BasicUser | HeaderPart::BasicPassword => behind(value, &["basic"])
                    .is_some_and(|from| range.start >= from as u64 && !self.path.steps().is_empty()),
                _ => false,
            },
            (Slot::Cookie(home), Slot::Cookie(name)) | (Slot::Query(home), Slot::Query(name)) => {
                home == name && whole(0)
            }
            _ => false,
        }
    }
}

/// Where the credential begins in a header's value that begins with one of these schemes.
fn behind(value: &[u8], schemes: &[&str]) -> Option<usize> {
    let end = value.iter().position(|byte| *byte == b' ')?;
    let known = schemes.iter().any(|scheme| value[..end].eq_ignore_ascii_case(scheme.as_bytes()));
    let spaces = value[end..].iter().take_while(|byte| **byte == b' ').count();
    known.then_some(end + spaces)
}

#[pymethods]
impl Finding {
    /// The rule that matched, by id; None for an enrolled secret.
    #[getter]
    fn rule(&self) -> Option<&str> {
        Some(&self.of_rule()?.id)
    }

    /// The enrolled secret, by name; None for a rule.
    #[getter]
    fn secret(&self) -> Option<&str> {
        match self.finding.kind() {
            Kind::Known(id, _) => Some(self.engine.secret_name(id)),
            Kind::Rule(_) => None,
        }
    }

    /// The spelling in which an enrolled secret was found.
    #[getter]
    fn form(&self) -> Option<&'static str> {
        match self.finding.kind() {
            Kind::Known(_, form) => Some(form.as_str()),
            Kind::Rule(_) => None,
        }
    }

    /// Who issues the credential.
    #[getter]
    fn provider(&self) -> Option<&str> {
        Some(&self.of_rule()?.provider)
    }

    /// What the credential opens.
    #[getter]
    fn opens(&self) -> Option<&str> {
        Some(&self.of_rule()?.opens)
    }

    /// How to revoke it.
    #[getter]
    fn revoke(&self) -> Option<&str> {
        Some(&self.of_rule()?.revoke)
    }

    /// Whether the match is only the credential's beginning (a PEM block, a JWT).
    #[getter]
    fn open_ended(&self) -> bool {
        self.of_rule().is_some_and(|rule| rule.open_ended)
    }

    /// Where it begins in the stream, in bytes.
    #[getter]
    fn start(&self) -> u64 {
        self.finding.outer().start
    }

    /// Where it ends in the stream.
    #[getter]
    fn end(&self) -> u64 {
        self.finding.outer().end
    }

    /// Where it begins in the decoded content that `path` names.
    #[getter]
    fn inner_start(&self) -> u64 {
        self.finding.inner().start
    }

    /// Where it ends there.
    #[getter]
    fn inner_end(&self) -> u64 {
        self.finding.inner().end
    }

    /// Through which decoders it was reached, outermost first: "gzip > package/index.js". Empty for the stream itself.
    #[getter]
    fn path(&self) -> String {
        self.path.to_string()
    }

    /// "low", "medium", "high" or "confirmed".
    #[getter]
    fn confidence(&self) -> &'static str {
        self.finding.confidence().as_str()
    }

    /// What the rule's checksum said: "none", "verified" or "failed".
    #[getter]
    fn proof(&self) -> &'static str {
        match self.finding.proof() {
            Proof::None => "none",
            Proof::Verified => "verified",
            Proof::Failed => "failed",
        }
    }

    /// Whether the value is one that the provider's documentation shows.
    #[getter]
    fn documented(&self) -> bool {
        self.finding.documented()
    }

    /// Whether its confidence is lower for where it stands: anybody can make one, and its path is one of tests or examples.
    #[getter]
    fn fixture(&self) -> bool {
        self.finding.fixture()
    }

    /// Whether it is an enrolled secret in the slot and at the host it is bound to.
    #[getter]
    fn bound(&self) -> bool {
        self.finding.bound()
    }

    /// What the policy did about it: "allow", "report", "redact" or "block".
    #[getter]
    fn action(&self) -> &'static str {
        self.finding.action().as_str()
    }

    /// The line, from 1; only on flows that count lines.
    #[getter]
    fn line(&self) -> Option<u64> {
        self.finding.line().map(|(line, _)| line)
    }

    /// The column in bytes, from 1.
    #[getter]
    fn column(&self) -> Option<u64> {
        self.finding.line().map(|(_, column)| column)
    }

    /// The public beginning of the match; empty for enrolled secrets.
    #[getter]
    fn preview(&self) -> &str {
        self.finding.preview()
    }

    /// Whether it is at or above a confidence and no documented example.
    fn counts(&self, confidence: &str) -> PyResult<bool> {
        Ok(self.finding.counts(words::confidence(confidence)?))
    }

    /// Whether a rule found it where its provider's credentials belong: at one of the provider's hosts, as the whole value of one of the slots that the rule
    /// names. `flow` and `value` are those that were examined.
    fn at_home(&self, flow: &Flow, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        let value = Input::of_value(value)?;
        let (Some(rule), Some(to)) = (self.of_rule(), flow.0.authority()) else { return Ok(false) };
        let host =
            |host: &String| HostPattern::parse(host.as_bytes()).is_ok_and(|host| host.matches(to.host()));
        let slot =
            |slot: &String| Slot::parse(slot.as_bytes()).is_ok_and(|slot| self.is_in(&slot, &flow.0, &value));
        Ok(rule.hosts.iter().any(host) && rule.slots.iter().any(slot))
    }

    fn __repr__(&self) -> String {
        let (what, name) = match (self.rule(), self.secret()) {
            (Some(rule), _) => ("rule", rule),
            (None, secret) => ("secret", secret.unwrap_or_default()),
        };
        let (start, end) = (self.start(), self.end());
        let confidence = self.confidence();
        format!("Finding({what}={name:?}, start={start}, end={end}, confidence='{confidence}')")
    }
}

/// A range that was not examined.
#[pyclass(frozen, module = "exfilter")]
pub(crate) struct Opaque {
    opaque: exfilter::Opaque,
    path: LanePath,
}

#[pymethods]
impl Opaque {
    /// Why, as one word: "encrypted", "depth", ...
    #[getter]
    fn reason(&self) -> &'static str {
        self.opaque.reason().as_str()
    }

    /// Why, as a clause.
    #[getter]
    fn describe(&self) -> &'static str {
        self.opaque.reason().describe()
    }

    /// Where it begins in the stream, in bytes.
    #[getter]
    fn start(&self) -> u64 {
        self.opaque.outer().start
    }

    /// Where it ends in the stream.
    #[getter]
    fn end(&self) -> u64 {
        self.opaque.outer().end
    }

    /// Through which decoders it was reached.
    #[getter]
    fn path(&self) -> String {
        self.path.to_string()
    }

    /// What the policy did about it: "allow", "report" or "block".
    #[getter]
    fn action(&self) -> &'static str {
        self.opaque.action().as_str()
    }

    fn __repr__(&self) -> String {
        format!("Opaque(reason='{}', start={}, end={})", self.reason(), self.start(), self.end())
    }
}

/// An event as Python has it; None for kinds that this version does not know.
pub(crate) fn event(
    py: Python<'_>,
    engine: &exfilter::Engine,
    stream: &exfilter::Stream,
    event: Event,
) -> PyResult<Option<Py<PyAny>>> {
    let path = match &event {
        Event::Finding(finding) => stream.path(finding.path()).clone(),
        Event::Opaque(opaque) => stream.path(opaque.path()).clone(),
        _ => return Ok(None),
    };
    event_at(py, engine, event, path)
}

/// The same of an event whose path is at hand.
pub(crate) fn event_at(
    py: Python<'_>,
    engine: &exfilter::Engine,
    event: Event,
    path: LanePath,
) -> PyResult<Option<Py<PyAny>>> {
    Ok(match event {
        Event::Finding(finding) => {
            Some(Py::new(py, Finding { finding, path, engine: engine::keep(engine) })?.into_any())
        }
        Event::Opaque(opaque) => Some(Py::new(py, Opaque { opaque, path })?.into_any()),
        _ => None,
    })
}
