//! [`Shown`]: the report as it is told: names escaped, what is below the floor hidden and counted.

use std::collections::BTreeMap;
use std::path::Path;

use exfilter_audit::{Capability, Exposure, Find, FoundAt, Masked, Report, Severity, SourceKind, date};

use crate::text::{Name, path_bytes};

/// A report, ready to be told.
pub(super) struct Shown<'a> {
    pub(super) report: &'a Report,
    pub(super) home: Option<Vec<u8>>,
    /// Secrets at or above the floor.
    pub(super) finds: Vec<&'a Find>,
    pub(super) capabilities: Vec<&'a Capability>,
    /// Secrets and capabilities below it.
    pub(super) hidden: usize,
    pub(super) fail_on: Severity,
    pub(super) exit: u8,
}

impl<'a> Shown<'a> {
    pub(super) fn new(
        report: &'a Report,
        home: Option<&Path>,
        min: Severity,
        fail_on: Severity,
        exit: u8,
    ) -> Shown<'a> {
        let finds: Vec<&Find> = report.finds.iter().filter(|find| find.severity >= min).collect();
        let capabilities: Vec<&Capability> =
            report.capabilities.iter().filter(|capability| capability.severity >= min).collect();
        let all = report.finds.len() + report.capabilities.len();
        Shown {
            report,
            home: home.map(|home| path_bytes(home).to_vec()).filter(|home| home.len() > 1),
            hidden: all - finds.len() - capabilities.len(),
            finds,
            capabilities,
            fail_on,
            exit,
        }
    }

    /// Secrets and capabilities by severity, the worst first.
    pub(super) fn by_severity(&self) -> Vec<(Severity, u64)> {
        let mut counts: BTreeMap<Severity, u64> = BTreeMap::new();
        for severity in
            self.finds.iter().map(|f| f.severity).chain(self.capabilities.iter().map(|c| c.severity))
        {
            *counts.entry(severity).or_default() += 1;
        }
        counts.into_iter().rev().collect()
    }

    /// A path with `~` for the home, escaped.
    pub(super) fn short(&self, name: &Masked) -> String {
        let raw = name.as_bytes();
        match self.home.as_ref().and_then(|home| raw.strip_prefix(home.as_slice())) {
            Some(rest) if rest.is_empty() || rest.starts_with(b"/") => format!("~{}", full_of(rest)),
            _ => full_of(raw),
        }
    }

    /// Where a value stands, for people: `~/.npmrc:3 //registry.npmjs.org/:_authToken`.
    pub(super) fn place(&self, place: &FoundAt) -> String {
        let mut text = self.short(&place.name);
        if let (SourceKind::File, Some((line, _))) = (place.source, place.line) {
            text.push_str(&format!(":{line}"));
        }
        if place.source == SourceKind::ProcessArguments {
            text.push_str(" arguments");
        }
        if !place.lane.is_empty() {
            text.push_str(&format!(" > {}", place.lane));
        }
        if !place.field.is_empty() {
            text.push_str(&format!(" {}", full(&place.field)));
        }
        text
    }
}

/// A name, escaped.
pub(super) fn full(name: &Masked) -> String {
    full_of(name.as_bytes())
}

fn full_of(raw: &[u8]) -> String {
    Name::new(raw, &[]).full().to_string()
}

/// What else is to be known of a value, in few words.
pub(super) fn remarks(find: &Find) -> Vec<String> {
    let mut words = Vec::new();
    match find.places.first().map(|place| (place.exposure, place.source)) {
        Some((Exposure::All, _)) => words.push("every user can read it".into()),
        Some((Exposure::Group, _)) => words.push("its group can read it".into()),
        _ => {}
    }
    if find.documented {
        words.push("documented example".into());
    }
    match find.expires {
        Some(at) if find.expired => words.push(format!("expired {}", date(at))),
        Some(at) => words.push(format!("expires {}", date(at))),
        None => {}
    }
    if find.locked {
        words.push("locked by a passphrase".into());
    }
    if find.count() > 1 {
        words.push(format!("in {} places", find.count()));
    }
    words
}
