//! [`page`]: a pack as a page for people.

use std::fmt::Write as _;

use exfilter_engine::{KeyClass, Rule};

use crate::format::RuleEntry;

/// The page that lists a pack, in Markdown: each provider's rules, what they open, how sure a match is and whether it is checked.
///
/// `packs` are the rules that are read always and those that are read when they are asked for, each with a heading.
pub fn page(packs: &[(&str, &[RuleEntry])]) -> String {
    let mut out = String::from(HEAD);
    let rules: usize = packs.iter().map(|(_, entries)| entries.len()).sum();
    let mut providers: Vec<&str> = packs
        .iter()
        .flat_map(|(_, entries)| entries.iter().map(|entry| entry.rule.provider.as_str()))
        .collect();
    providers.sort_unstable();
    providers.dedup();
    let _ = writeln!(out, "{rules} rules of {} providers.", providers.len());
    for (heading, entries) in packs {
        let _ = write!(out, "\n## {heading}\n\n");
        out.push_str("| provider | rule | opens | class | confidence | check | context |\n|---|---|---|---|---|---|---|\n");
        let mut rules: Vec<&Rule> = entries.iter().map(|entry| &entry.rule).collect();
        rules.sort_by_key(|rule| (rule.provider.to_lowercase(), rule.id.clone()));
        let mut last = "";
        for rule in rules {
            let provider = if rule.provider == last { "" } else { rule.provider.as_str() };
            last = &rule.provider;
            let class = match rule.class {
                KeyClass::Admin => "**admin**",
                other => other.as_str(),
            };
            let checked = rule.checksum.map_or("", |checksum| checksum.as_str());
            let _ = writeln!(
                out,
                "| {} | [{}]({}) | {} | {class} | {} | {checked} | {} |",
                cell(provider),
                rule.id,
                rule.source,
                cell(&rule.opens),
                rule.confidence.as_str(),
                context(rule)
            );
        }
    }
    out
}

/// What has to stand around a credential for its rule to find it.
pub(crate) fn context(rule: &Rule) -> &'static str {
    let named = rule.pattern.contains("(?P<value>");
    match (named, rule.ignore_case) {
        (false, _) => "none",
        (true, true) => "its name",
        (true, false) => "its place",
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

const HEAD: &str = "# The rules

Written by `exfilter rules page`; a test says when it is out of date. What one rule says in full: `exfilter rules show ID`.\n
- *class*: what a key gives. **admin** administers an account, *user* acts as a person, *service* as a program, *test* reaches a sandbox, *publishable* is meant to be seen.
- *confidence*: how sure a match is when nothing is checked. A check that verifies makes it high, one that fails a step lower.
- *context*: what has to stand around a key for it to be found: nothing, the name of a setting before it (`ACME_API_KEY=`), or the place it belongs to (an address, a file's format).
- The link leads to the page where the form is described. Where no page of the provider does, the rule is medium and says so in its file.

";
