//! Rules from the built-in pack and from files.

use std::fs;
use std::path::{Path, PathBuf};

use exfilter::Rule;

use crate::fault::Fault;
use crate::scan::walk::STDIN;
use crate::text::{escape, path_bytes};

/// The longest rule file that is read, in bytes; a pack of all known providers has a tenth of it.
const LONGEST: u64 = 16 << 20;

/// The rules to scan with: the built-in pack unless it is left out, and those of `files`.
///
/// # Errors
///
/// Names the file, the line and the field.
pub(crate) fn load(files: &[PathBuf], builtin: bool) -> Result<Vec<Rule>, Fault> {
    let mut rules = if builtin { exfilter::rules::builtin() } else { Vec::new() };
    for file in files {
        let entries = parse(file)?;
        rules.extend(entries.into_iter().map(|entry| entry.rule));
    }
    Ok(rules)
}

/// Reads and parses one rule file.
///
/// # Errors
///
/// Names the file, the line and the field.
pub(crate) fn parse(file: &Path) -> Result<Vec<exfilter::rules::RuleEntry>, Fault> {
    let text = read(file)?;
    let name = escape(path_bytes(file));
    exfilter::rules::parse(&name, &text).map_err(|error| {
        let mut what = error.field().to_string();
        if !what.is_empty() {
            what.push_str(": ");
        }
        what.push_str(error.message());
        Fault::new(format!("{}:{}", error.file(), error.line()), what, "")
    })
}

/// Reads a rule file.
///
/// # Errors
///
/// Names the file.
pub(crate) fn read(file: &Path) -> Result<String, Fault> {
    let name = escape(path_bytes(file));
    let size = fs::metadata(file).map(|meta| meta.len());
    let text = match size {
        Ok(size) if size > LONGEST => {
            return Err(Fault::new(name, format!("a rule file has at most {LONGEST} bytes"), "split it"));
        }
        Ok(_) => fs::read(file),
        Err(error) => Err(error),
    };
    let text = text.map_err(|error| {
        Fault::new(name.clone(), format!("the rule file cannot be read: {error}"), "check the path")
    })?;
    String::from_utf8(text).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good].iter().filter(|b| **b == b'\n').count() + 1;
        Fault::new(format!("{name}:{line}"), "a rule file is UTF-8 text", "save it as UTF-8")
    })
}

/// Refuses rule files that lie inside a scanned tree: whoever writes the tree would decide what is found in it.
///
/// # Errors
///
/// Names the file and the tree.
pub(crate) fn keep_out_of_the_tree(files: &[PathBuf], roots: &[PathBuf]) -> Result<(), Fault> {
    for file in files {
        let Ok(real) = file.canonicalize() else { continue };
        let inside = roots
            .iter()
            .filter(|root| root.as_os_str() != STDIN)
            .find(|root| root.canonicalize().is_ok_and(|root| real.starts_with(root)));
        if let Some(root) = inside {
            return Err(Fault::new(
                escape(path_bytes(file)),
                format!("the rule file lies inside the scanned tree {}", escape(path_bytes(root))),
                "keep it elsewhere, or give --trust-rules if nobody else writes that tree",
            ));
        }
    }
    Ok(())
}
