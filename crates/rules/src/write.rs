//! [`to_toml`]: rules as the text of a rule file.

use std::fmt::Write as _;

use exfilter_engine::{Boundary, Rule};
use toml::Value;

use crate::format::{BOUNDARIES, CONFIDENCES};

/// A rule file of these rules, which [`parse`](crate::parse) reads back. It has no examples: whoever keeps it adds them, and then
/// [`check`](crate::check()) proves the rules. Fields at their defaults are left out.
///
/// ```
/// let rules: Vec<_> = exfilter_rules::builtin().into_iter().filter(|rule| rule.provider == "npm").collect();
/// let text = exfilter_rules::to_toml("npm", &rules);
/// let read = exfilter_rules::parse("again.toml", &text)?;
/// assert!(read.iter().map(|entry| &entry.rule).eq(&rules));
/// # Ok::<(), exfilter_rules::RuleError>(())
/// ```
pub fn to_toml(provider: &str, rules: &[Rule]) -> String {
    let mut out = format!("provider = {}\n", text(provider));
    for rule in rules {
        out.push_str("\n[[rule]]\n");
        let mut field = |name: &str, value: String| {
            let _ = writeln!(out, "{name} = {value}");
        };
        field("id", text(&rule.id));
        field("opens", text(&rule.opens));
        field("class", text(rule.class.as_str()));
        field("literals", list(rule.literals.iter().map(|literal| text(literal))));
        if rule.ignore_case {
            field("ignore_case", "true".into());
        }
        if let Some(lead) = &rule.lead {
            field(
                "lead",
                format!("{{ class = {}, min = {}, max = {} }}", text(&lead.class), lead.min, lead.max),
            );
        }
        field("pattern", text(&rule.pattern));
        for (name, boundary) in [("left", rule.left), ("right", rule.right)] {
            if boundary != Boundary::default() {
                field(name, text(word(BOUNDARIES, boundary)));
            }
        }
        if rule.open_ended {
            field("open_ended", "true".into());
        }
        if rule.self_issued {
            field("self_issued", "true".into());
        }
        field("max_len", rule.max_len.to_string());
        if rule.whole_len > 0 {
            field("whole_len", rule.whole_len.to_string());
        }
        if let Some(checksum) = rule.checksum {
            field("checksum", text(checksum.as_str()));
        }
        if let Some(least) = rule.min_entropy {
            field("min_entropy", format!("{least:?}"));
        }
        if !rule.vetoes.is_empty() {
            field("veto", list(rule.vetoes.iter().map(|veto| text(veto.as_str()))));
        }
        field("confidence", text(word(CONFIDENCES, rule.confidence)));
        for (name, values) in [("hosts", &rule.hosts), ("slots", &rule.slots)] {
            if !values.is_empty() {
                field(name, list(values.iter().map(|value| text(value))));
            }
        }
        if !rule.documented.is_empty() {
            let hex =
                |digest: &[u8; 16]| text(&digest.iter().map(|b| format!("{b:02x}")).collect::<String>());
            field("documented", list(rule.documented.iter().map(hex)));
        }
        field("revoke", text(&rule.revoke));
        if !rule.instead.is_empty() {
            field("instead", text(&rule.instead));
        }
        field("source", text(&rule.source));
        field("examples", "[]".into());
        field("counter_examples", "[]".into());
    }
    out
}

fn word<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, of)| *of == value).map_or("", |(word, _)| word)
}

fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}

/// A string, quoted as it reads best.
fn text(text: &str) -> String {
    Value::from(text).to_string()
}
