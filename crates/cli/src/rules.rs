//! `exfilter rules`.

use std::path::{Path, PathBuf};

use exfilter::Rule;
use exfilter::rules::{ImportOptions, RemarkKind};
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
/// Rule files that cannot be read or parsed, when listing or importing, and rules that cannot be written.
pub(crate) fn run(args: &RulesArgs, term: &Term) -> Result<u8, Fault> {
    match &args.command {
        RulesCommand::Check { files } => check(files, term),
        RulesCommand::List { rules, no_builtin, more_rules, format } => {
            list(&rulepack::load(rules, !no_builtin, *more_rules)?.rules, *format, term)
        }
        RulesCommand::Import { file, output, prefix, quiet } => {
            import(file, output.as_deref(), prefix, *quiet, term)
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

/// Imports the rules of another program's file, and names those that could not be.
fn import(file: &Path, output: Option<&Path>, prefix: &str, quiet: bool, term: &Term) -> Result<u8, Fault> {
    if !prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        let what = "an id has lower-case letters, digits and dashes";
        return Err(Fault::new("--prefix", what, "write one of these, as in acme-"));
    }
    let text = rulepack::read(file)?;
    let name = escape(path_bytes(file));
    let mut options = ImportOptions::default();
    options.prefix = prefix.into();
    let import = exfilter::rules::import(&name, &text, &options)
        .map_err(|error| rulepack::at(error.file(), error.line(), error.field(), error.message()))?;
    for remark in import.remarks.iter().filter(|remark| !quiet || remark.kind != RemarkKind::Changed) {
        term.note(&plain(&remark.to_string()));
    }
    let (whole, partly, lost) = import.counts();
    let rules = count(import.total as u64, "rule", "rules");
    let all = count(import.rules.len() as u64, "rule", "rules");
    term.note(&format_args!(
        "{name}: {rules}: {whole} imported, {partly} in part, {lost} not; {all} written"
    ));
    if import.rules.is_empty() {
        let remedy = "see above why; rules of our own form need fixed text to begin with, and an end";
        return Err(Fault::new(name, "none of its rules could be imported", remedy));
    }
    let text = format!("# Imported from {}.\n{}", plain(&name), import.to_toml());
    match output {
        Some(path) => output::to_file(path, |out| out.write_all(text.as_bytes()))?,
        None => write(term, |out| out.write_all(text.as_bytes()))?,
    }
    Ok(exit::CLEAN)
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
