//! `exfilter rules list`, and what is generated from the pack.

use std::path::Path;

use exfilter::Rule;
use serde::Serialize;

use super::{write, write_text};
use crate::args::ListFormat;
use crate::fault::Fault;
use crate::rules::args::{RuleFilter, RuleSource};
use crate::term::Term;
use crate::text::{count, plain, shorten};
use crate::{exit, output, rulepack};

#[derive(Serialize)]
struct RuleView<'a> {
    id: &'a str,
    provider: &'a str,
    opens: &'a str,
    class: &'static str,
    confidence: &'static str,
    checksum: Option<&'static str>,
    hosts: &'a [String],
    revoke: &'a str,
    instead: Option<&'a str>,
    source: &'a str,
}

/// Lists rules.
pub(super) fn list(
    from: &RuleSource,
    filter: &RuleFilter,
    format: ListFormat,
    term: &Term,
) -> Result<u8, Fault> {
    let loaded = rulepack::load(&from.rules, !from.no_builtin, from.more_rules, None)?;
    let mut rules: Vec<&Rule> = loaded.rules.iter().filter(|rule| passes(rule, filter)).collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    match format {
        ListFormat::Json => {
            let view: Vec<RuleView<'_>> = rules.iter().map(|rule| view(rule)).collect();
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

fn passes(rule: &Rule, filter: &RuleFilter) -> bool {
    let named = |name: &String| rule.provider.to_lowercase().contains(&name.to_lowercase());
    filter.provider.as_ref().is_none_or(named)
        && filter.class.is_none_or(|class| class.is(rule.class))
        && filter.confidence.is_none_or(|level| exfilter::Confidence::from(level) == rule.confidence)
}

fn view(rule: &Rule) -> RuleView<'_> {
    RuleView {
        id: &rule.id,
        provider: &rule.provider,
        opens: &rule.opens,
        class: rule.class.as_str(),
        confidence: rule.confidence.as_str(),
        checksum: rule.checksum.map(|checksum| checksum.as_str()),
        hosts: &rule.hosts,
        revoke: &rule.revoke,
        instead: (!rule.instead.is_empty()).then_some(rule.instead.as_str()),
        source: &rule.source,
    }
}

/// Writes the page that lists the pack.
pub(super) fn page(to: Option<&Path>, term: &Term) -> Result<u8, Fault> {
    let (builtin, more) = (exfilter::rules::builtin_entries(), exfilter::rules::more_entries());
    let packs = [("Built in", &builtin[..]), ("Read with `--more-rules`", &more[..])];
    write_text(&exfilter::rules::page(&packs), to, term)?;
    Ok(exit::CLEAN)
}

/// Writes the schema of rule files.
pub(super) fn schema(to: Option<&Path>, term: &Term) -> Result<u8, Fault> {
    write_text(&exfilter::rules::schema(), to, term)?;
    Ok(exit::CLEAN)
}
