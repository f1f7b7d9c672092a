//! `exfilter rules import`.

use std::path::Path;

use exfilter::rules::{ImportOptions, RemarkKind};

use super::write;
use crate::fault::Fault;
use crate::term::Term;
use crate::text::{count, escape, path_bytes, plain};
use crate::{exit, output, rulepack};

/// Imports the rules of another program's file, and names those that could not be.
pub(super) fn import(
    file: &Path,
    output: Option<&Path>,
    prefix: &str,
    quiet: bool,
    term: &Term,
) -> Result<u8, Fault> {
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
