//! [`Accepted`]: findings that somebody has looked at: those of a baseline, and those that are allowed.
//!
//! A baseline is a file of lines, `exf1-... rule path`, sorted, of which only the first word counts: lines of two branches merge
//! without conflict, and a line that is moved or indented keeps its id. No enrolled secret is ever accepted.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use exfilter::{Confidence, FindingId};

use super::report::{Report, Row};
use crate::fault::Fault;
use crate::text::{escape, path_bytes, plain};

/// The longest baseline that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// An id that is accepted at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// Which finding.
    pub(crate) id: FindingId,
    /// Where, from the top of the repository.
    pub(crate) path: Vec<u8>,
}

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Accepted {
    baseline: BTreeSet<FindingId>,
    allowed: Vec<Allowed>,
}

impl Accepted {
    /// What the baseline at `path` accepts.
    ///
    /// # Errors
    ///
    /// Names the file, and the line that is none of a baseline.
    pub(crate) fn read(path: &Path) -> Result<Accepted, Fault> {
        let name = escape(path_bytes(path));
        let fault = |what: String, remedy: &str| Fault::new(name.clone(), what, remedy);
        let len = fs::metadata(path).map(|meta| meta.len()).unwrap_or(0);
        if len > LONGEST {
            return Err(fault(format!("a baseline has at most {LONGEST} bytes"), "write it anew"));
        }
        let text = fs::read_to_string(path).map_err(|error| {
            fault(format!("the baseline cannot be read: {error}"), "write one with --write-baseline")
        })?;
        let mut baseline = BTreeSet::new();
        for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            let Some(id) = line.split_whitespace().next() else { continue };
            let id = id.parse().map_err(|error| {
                Fault::new(
                    format!("{name}:{}", n + 1),
                    format!("{error}"),
                    "write it anew with --write-baseline",
                )
            })?;
            baseline.insert(id);
        }
        Ok(Accepted { baseline, allowed: Vec::new() })
    }

    /// These, wherever they stand.
    pub(crate) fn of_ids(ids: &[FindingId]) -> Accepted {
        Accepted { baseline: ids.iter().copied().collect(), allowed: Vec::new() }
    }

    /// The same, and what is `allowed`.
    pub(crate) fn allow(mut self, allowed: Vec<Allowed>) -> Accepted {
        self.allowed.extend(allowed);
        self
    }

    /// The rows that are not accepted; counts the others.
    pub(crate) fn leave(&self, path: &Path, rows: Vec<Row>, accepted: &mut u64) -> Vec<Row> {
        if self.baseline.is_empty() && self.allowed.is_empty() {
            return rows;
        }
        let before = rows.len();
        let rows: Vec<Row> = rows.into_iter().filter(|row| !self.holds(path, row)).collect();
        *accepted += (before - rows.len()) as u64;
        rows
    }

    fn holds(&self, path: &Path, row: &Row) -> bool {
        // What stands at one place may be several values, one in another: each has to be accepted by itself.
        row.leads().all(|seen| {
            let Some(id) = seen.id else { return false };
            let is_allowed = || self.allowed.iter().any(|one| one.id == id && one.path == path_bytes(path));
            seen.finding.confidence() < Confidence::Confirmed && (self.baseline.contains(&id) || is_allowed())
        })
    }
}

/// Writes a baseline of all that a report lists.
///
/// # Errors
///
/// Those of `out`.
pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = BTreeSet::new();
    for file in &report.files {
        for row in file.rows.iter().filter(|row| row.lead.finding.confidence() < Confidence::Confirmed) {
            for seen in row.leads() {
                if let Some(id) = seen.id {
                    let rule = plain(seen.rule_id(&report.engine));
                    lines.insert(format!("{id} {rule} {}", file.name.full()));
                }
            }
        }
    }
    writeln!(out, "# Findings that exfilter accepts with --baseline. The first word of a line counts.")?;
    for line in &lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
