//! Rules from the built-in pack and from files.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use exfilter::rules::RuleEntry;
use exfilter::{BuildError, Rule};

use crate::fault::Fault;
use crate::scan::walk::STDIN;
use crate::text::{escape, path_bytes, plain};

/// The longest rule file that is read, in bytes; a pack of all known providers has a tenth of it.
const LONGEST: u64 = 16 << 20;

/// Where the rules of files stand, by id: file and line.
pub(crate) type Origins = HashMap<String, String>;

/// Rules, and where those that came from files stand.
pub(crate) struct Loaded {
    /// The rules, the built-in ones first.
    pub(crate) rules: Vec<Rule>,
    origins: Origins,
}

impl Loaded {
    /// Says where the rule stands that the engine refused.
    pub(crate) fn fault(origins: &Origins, error: &BuildError) -> Fault {
        let id = error.subject().strip_prefix("rule ").unwrap_or(error.subject());
        match origins.get(id) {
            Some(place) => Fault::new(place.clone(), plain(&format!("{id}: {}", error.message())), ""),
            None => Fault::new(plain(error.subject()), plain(error.message()), ""),
        }
    }

    /// The rules, and `FILE:LINE` of each that came from a file.
    pub(crate) fn split(self) -> (Vec<Rule>, Origins) {
        (self.rules, self.origins)
    }
}

/// The rules to scan with: the built-in pack unless it is left out, the further rules if they are asked for, and those of `files`.
///
/// With `faults`, what is wrong with a single rule of a file is pushed there, and the rest is loaded.
///
/// # Errors
///
/// Names the file, the line and the field.
pub(crate) fn load(
    files: &[PathBuf],
    builtin: bool,
    more: bool,
    mut faults: Option<&mut Vec<Fault>>,
) -> Result<Loaded, Fault> {
    let mut rules = if builtin { exfilter::rules::builtin() } else { Vec::new() };
    if more {
        rules.extend(exfilter::rules::more());
    }
    let mut taken: HashSet<String> = match files {
        [] => HashSet::new(),
        _ => rules.iter().map(|rule| rule.id.clone()).collect(),
    };
    let mut origins = HashMap::new();
    for file in files {
        let entries = match &mut faults {
            None => parse(file)?,
            Some(faults) => {
                let (entries, wrong) = parse_sound(file)?;
                faults.extend(wrong);
                entries
            }
        };
        for entry in entries {
            let id = entry.rule.id.clone();
            if !taken.insert(id.clone()) {
                let fault = Fault::new(
                    format!("{}:{}", entry.file, entry.line("id")),
                    format!("id: there is another rule {}", plain(&id)),
                    "give it a name of its own, or leave the built-in rules out with --no-builtin",
                );
                match &mut faults {
                    None => return Err(fault),
                    Some(faults) => faults.push(fault),
                }
                continue;
            }
            origins.insert(id, format!("{}:{}", entry.file, entry.line("")));
            rules.push(entry.rule);
        }
    }
    Ok(Loaded { rules, origins })
}

/// Reads and parses one rule file.
///
/// # Errors
///
/// Names the file, the line and the field.
pub(crate) fn parse(file: &Path) -> Result<Vec<RuleEntry>, Fault> {
    let text = read(file)?;
    let name = escape(path_bytes(file));
    exfilter::rules::parse(&name, &text)
        .map_err(|error| at(error.file(), error.line(), error.field(), error.message()))
}

/// Reads one rule file, and says of each rule that cannot be read what is wrong.
///
/// # Errors
///
/// A file that cannot be read.
pub(crate) fn parse_sound(file: &Path) -> Result<(Vec<RuleEntry>, Vec<Fault>), Fault> {
    let text = read(file)?;
    let (entries, errors) = exfilter::rules::parse_sound(&escape(path_bytes(file)), &text);
    let fault =
        |error: &exfilter::rules::RuleError| at(error.file(), error.line(), error.field(), error.message());
    Ok((entries, errors.iter().map(fault).collect()))
}

/// All rules that come with the program unless they are left out, and those of `files`, with what their files say beside.
///
/// # Errors
///
/// Names the file, the line and the field.
pub(crate) fn entries(files: &[PathBuf], builtin: bool) -> Result<Vec<RuleEntry>, Fault> {
    let mut entries = Vec::new();
    for file in files {
        entries.extend(parse(file)?);
    }
    if builtin {
        entries.extend(exfilter::rules::builtin_entries());
        entries.extend(exfilter::rules::more_entries());
    }
    Ok(entries)
}

/// A fault at a field of a rule file.
pub(crate) fn at(file: &str, line: usize, field: &str, message: &str) -> Fault {
    let what = if field.is_empty() { message.to_string() } else { format!("{field}: {message}") };
    Fault::new(format!("{file}:{line}"), plain(&what), "")
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

/// Takes away the rules from files that the engine refuses, and says why.
pub(crate) fn drop_unsound(rules: &mut Vec<Rule>, origins: &Origins, faults: &mut Vec<Fault>) {
    rules.retain(|rule| {
        if !origins.contains_key(&rule.id) {
            return true;
        }
        // Eagerly, so that one with too large an automaton is refused here and not passed over later.
        match exfilter::Engine::builder().rules([rule.clone()]).eager(true).build() {
            Ok(_) => true,
            Err(error) => {
                faults.push(Loaded::fault(origins, &error));
                false
            }
        }
    });
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
