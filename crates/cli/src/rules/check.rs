//! `exfilter rules check`.

use std::path::PathBuf;

use super::write;
use crate::fault::Fault;
use crate::term::Term;
use crate::text::{count, escape, path_bytes};
use crate::{exit, rulepack};

/// Checks every file, alone and together, and says everything that is wrong.
pub(super) fn check(files: &[PathBuf], term: &Term) -> Result<u8, Fault> {
    let mut faults = Vec::new();
    let mut entries = Vec::new();
    let mut lines = Vec::new();
    for file in files {
        match rulepack::parse_sound(file) {
            Ok((parsed, wrong)) => {
                if wrong.is_empty() {
                    lines.push((escape(path_bytes(file)), count(parsed.len() as u64, "rule", "rules")));
                }
                entries.extend(parsed);
                faults.extend(wrong);
            }
            Err(fault) => faults.push(fault),
        }
    }
    let problems = exfilter::rules::check(&entries);
    lines.retain(|(file, _)| problems.iter().all(|problem| problem.file() != file));
    faults.extend(problems.iter().map(|problem| {
        let message = format!("{} (rule {})", problem.message(), problem.rule());
        rulepack::at(problem.file(), problem.line(), problem.field(), &message)
    }));
    for fault in &faults {
        term.note(fault);
    }
    write(term, |out| lines.iter().try_for_each(|(file, rules)| writeln!(out, "{file}: ok, {rules}")))?;
    Ok(if faults.is_empty() { exit::CLEAN } else { exit::SETUP })
}
