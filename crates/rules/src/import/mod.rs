//! [`import`]: rule files of gitleaks, Kingfisher and Nosey Parker, and of what reads the same, into rules of ours.
//!
//! ```text
//! TOML  ->  one regular expression, searched for anywhere     foreign.rs   fields, remarks
//! YAML  ->                                                    yaml.rs
//!       ->  literals | pattern that begins with them | edges  rewrite.rs   syntax trees
//!       ->  the pattern as text                               print.rs
//! ```
//!
//! # What becomes of a regular expression
//!
//! - It is read for bytes: classes such as `\w` are ASCII, as they are in Go. Lazy repetitions stay what they are, but the longest match counts.
//! - What stands before its first fixed text and needs not be there (`[\w.-]{0,50}?`) is dropped: the same values are found, and a match begins at the fixed
//!   text. What has to be there becomes the rule's `lead`.
//! - What may only stand in front of a match (`\b`, `(?:^|[\s"])`) becomes the strictest of the four boundaries that lets all of it through, so some values
//!   are found which the original passes over, and none is lost. What may only stand behind it (`(?:[\s;]|$)`) does so where it comes to the same; else the pattern
//!   ends with it, behind the value.
//! - Repetitions without an upper bound get one.
//! - Its group becomes the value. Where the alternatives that it begins with are of different shape, each becomes a rule.
//!
//! Whatever else is read otherwise than it was meant is a [`Remark`], and so is every rule, or part of one, that is not imported.

mod foreign;
mod print;
mod rewrite;
mod yaml;

use std::fmt;

use exfilter_engine::Rule;

use crate::error::RuleError;
use crate::write::to_toml;

/// How rules are imported.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImportOptions {
    /// What the ids begin with, so that they are none of the built-in rules': `imported-` unless told.
    pub prefix: String,
}

impl Default for ImportOptions {
    fn default() -> ImportOptions {
        ImportOptions { prefix: "imported-".into() }
    }
}

/// What an import yields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Import {
    /// The rules, in the order of the file.
    pub rules: Vec<ImportedRule>,
    /// What was not imported, or not as it was meant, in the order of the file.
    pub remarks: Vec<Remark>,
    /// How many rules the file has.
    pub total: usize,
    /// The file's title.
    pub title: String,
    /// Rules that are not imported at all, and in part: two of one name may stand on one line.
    lost: usize,
    partly: usize,
}

/// A rule, and what it comes from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImportedRule {
    /// The rule.
    pub rule: Rule,
    /// The id that the file gives it.
    pub from: String,
    /// The regular expression that the file gives it.
    pub regex: String,
    /// The keywords that the file gives it: other programs run the regular expression only where one of them stands.
    pub keywords: Vec<String>,
    /// The line on which the file begins with it, from 1.
    pub line: usize,
}

/// What a [`Remark`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemarkKind {
    /// The rule is not imported.
    Lost,
    /// Some alternatives of the rule are not imported.
    Partly,
    /// The rule, or the file, is read otherwise than it is meant.
    Changed,
}

impl RemarkKind {
    /// The words used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            RemarkKind::Lost => "not imported",
            RemarkKind::Partly => "imported in part",
            RemarkKind::Changed => "changed",
        }
    }
}

/// Something that is not imported as it stands in the file.
///
/// Displayed as `gitleaks.toml:7: acme-key: not imported: regex: begins with no fixed text`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remark {
    /// What it says.
    pub kind: RemarkKind,
    /// The id that the file gives the rule; empty where the remark is about the file.
    pub rule: String,
    /// The name under which the text was given.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The field.
    pub field: String,
    /// What is the matter.
    pub message: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Remark { kind, rule, file, line, field, message } = self;
        write!(f, "{file}:{line}: ")?;
        if !rule.is_empty() {
            write!(f, "{rule}: ")?;
        }
        write!(f, "{}: {field}: {message}", kind.as_str())
    }
}

impl Import {
    /// How many of the file's rules are imported whole, in part, and not at all.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.total.saturating_sub(self.lost + self.partly), self.partly, self.lost)
    }

    /// The rules as a rule file, which [`parse`](crate::parse) reads.
    pub fn to_toml(&self) -> String {
        let rules: Vec<Rule> = self.rules.iter().map(|imported| imported.rule.clone()).collect();
        to_toml(&self.title, &rules)
    }
}

/// Whether a file's name says that it is YAML.
fn is_yaml(name: &str) -> bool {
    [".yml", ".yaml"].iter().any(|end| name.to_ascii_lowercase().ends_with(end))
}

/// Reads the rules of a file as gitleaks has them, or, if its name ends in `.yml` or `.yaml`, as Kingfisher and Nosey Parker do. `name` is what
/// errors and remarks call it; nothing is read from disk.
///
/// Fields that are not known are remarks, not faults: other programs add their own.
///
/// # Resource usage
///
/// Every pattern is compiled once, to see that the engine takes it: some milliseconds each, and more for one that is refused for its size.
///
/// # Errors
///
/// A text that is no TOML or has no rules, with its line and what to write instead.
///
/// # Examples
///
/// ```
/// use exfilter_rules::{ImportOptions, import};
///
/// let text = r#"
/// [[rules]]
/// id = "acme-key"
/// description = "A key of the Acme API"
/// regex = '(?i)[\w.-]{0,50}?(?:acme)[ \t]{0,5}=[ \t]{0,5}([a-f0-9]{32})(?:[\s;]|$)'
/// keywords = ["acme"]
/// entropy = 3
///
/// [[rules]]
/// id = "forty-digits"
/// regex = '\b[0-9a-f]{40}\b'
/// "#;
/// let import = import("other.toml", text, &ImportOptions::default())?;
/// assert_eq!(import.counts(), (1, 0, 1));
/// assert_eq!(import.rules[0].rule.literals, ["acme"]);
/// assert_eq!(import.rules[0].rule.pattern, r"(?i:acme)[\t ]{0,5}=[\t ]{0,5}(?P<value>[0-9A-Fa-f]{32})(?:[\t-\r ;]|\z)");
/// assert_eq!(import.remarks[0].rule, "forty-digits");
/// assert_eq!(exfilter_rules::parse("ours.toml", &import.to_toml())?.len(), 1);
/// # Ok::<(), exfilter_rules::RuleError>(())
/// ```
pub fn import(name: &str, text: &str, options: &ImportOptions) -> Result<Import, RuleError> {
    if is_yaml(name) { yaml::read(name, text, options) } else { foreign::read(name, text, options) }
}
