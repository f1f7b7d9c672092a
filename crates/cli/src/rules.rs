//! `exfilter rules`.

use std::path::PathBuf;

use exfilter::{Engine, Rule};
use serde::Serialize;

use crate::args::{ListFormat, RulesArgs, RulesCommand};
use crate::fault::Fault;
use crate::term::Term;
use crate::text::{count, escape, path_bytes, shorten};
use crate::{exit, output, rulepack};

/// Runs `exfilter rules`.
///
/// # Errors
///
/// Rule files that cannot be read or parsed, when listing.
pub(crate) fn run(args: &RulesArgs, term: &Term) -> Result<u8, Fault> {
    match &args.command {
        RulesCommand::Check { files } => check(files, term),
        RulesCommand::List { rules, no_builtin, format } => {
            list(&rulepack::load(rules, !no_builtin)?, *format, term)
        }
    }
}

/// Checks every file, and says everything that is wrong.
fn check(files: &[PathBuf], term: &Term) -> Result<u8, Fault> {
    let mut lines = Vec::new();
    let mut failed = false;
    for file in files {
        match check_one(file) {
            Ok(rules) => lines.push(format!("{}: ok, {rules}", escape(path_bytes(file)))),
            Err(faults) => {
                failed = true;
                for fault in faults {
                    term.note(&fault);
                }
            }
        }
    }
    write(term, |out| lines.iter().try_for_each(|line| writeln!(out, "{line}")))?;
    Ok(if failed { exit::SETUP } else { exit::CLEAN })
}

fn check_one(file: &std::path::Path) -> Result<String, Vec<Fault>> {
    let entries = rulepack::parse(file).map_err(|fault| vec![fault])?;
    let n = entries.len() as u64;
    let rules: Vec<Rule> = entries.into_iter().map(|entry| entry.rule).collect();
    // What the engine will refuse is better known now.
    Engine::builder().rules(rules).build().map_err(|error| {
        let name = escape(path_bytes(file));
        vec![Fault::new(name, escape(error.to_string().as_bytes()), "")]
    })?;
    Ok(count(n, "rule", "rules"))
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
                        shorten(&escape(format!("{}: {}", rule.provider, rule.opens).as_bytes()))
                            .into_owned(),
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
