//! `exfilter rules`.

use std::path::PathBuf;

use exfilter::Rule;
use serde::Serialize;

use crate::args::{ListFormat, RulesArgs, RulesCommand};
use crate::fault::Fault;
use crate::term::Term;
use crate::text::{count, escape, path_bytes, plain, shorten};
use crate::{exit, output, rulepack};

/// Runs `exfilter rules`.
///
/// # Errors
///
/// Rule files that cannot be read or parsed, when listing.
pub(crate) fn run(args: &RulesArgs, term: &Term) -> Result<u8, Fault> {
    match &args.command {
        RulesCommand::Check { files } => check(files, term),
        RulesCommand::List { rules, no_builtin, more_rules, format } => {
            list(&rulepack::load(rules, !no_builtin, *more_rules)?.rules, *format, term)
        }
    }
}

/// Checks every file, alone and together, and says everything that is wrong.
fn check(files: &[PathBuf], term: &Term) -> Result<u8, Fault> {
    let mut faults = Vec::new();
    let mut entries = Vec::new();
    let mut lines = Vec::new();
    for file in files {
        match rulepack::parse(file) {
            Ok(parsed) => {
                let rules = count(parsed.len() as u64, "rule", "rules");
                lines.push((escape(path_bytes(file)), rules));
                entries.extend(parsed);
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

#[derive(Serialize)]
struct RuleView<'a> {
    id: &'a str,
    provider: &'a str,
    opens: &'a str,
    class: &'static str,
    confidence: &'static str,
    checksum: bool,
    hosts: &'a [String],
    revoke: &'a str,
    source: &'a str,
}

fn list(rules: &[Rule], format: ListFormat, term: &Term) -> Result<u8, Fault> {
    let mut rules: Vec<&Rule> = rules.iter().collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    match format {
        ListFormat::Json => {
            let view: Vec<RuleView<'_>> = rules
                .iter()
                .map(|rule| RuleView {
                    id: &rule.id,
                    provider: &rule.provider,
                    opens: &rule.opens,
                    class: rule.class.as_str(),
                    confidence: rule.confidence.as_str(),
                    checksum: rule.checksum.is_some(),
                    hosts: &rule.hosts,
                    revoke: &rule.revoke,
                    source: &rule.source,
                })
                .collect();
            write(term, |out| {
                serde_json::to_writer_pretty(&mut *out, &view)?;
                writeln!(out)
            })?;
        }
        ListFormat::Table => {
            let rows: Vec<[String; 4]> = rules
                .iter()
                .map(|rule| {
                    [
                        rule.id.clone(),
                        rule.confidence.as_str().into(),
                        rule.class.as_str().into(),
                        shorten(&plain(&format!("{}: {}", rule.provider, rule.opens))).into_owned(),
                    ]
                })
                .collect();
            write(term, |out| {
                output::columns(&rows, |_, _| None, out)?;
                writeln!(out, "{}", count(rows.len() as u64, "rule", "rules"))
            })?;
        }
    }
    Ok(exit::CLEAN)
}

fn write(
    term: &Term,
    render: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> Result<(), Fault> {
    term.report(render)
        .map_err(|error| Fault::new("standard output", format!("the list could not be written: {error}"), ""))
}
