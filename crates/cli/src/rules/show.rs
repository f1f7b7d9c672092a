//! `exfilter rules show`.

use std::io::{self, Write};

use exfilter::rules::RuleEntry;
use exfilter::{Boundary, Confidence, KeyClass, Rule};

use super::write;
use crate::fault::Fault;
use crate::rules::args::{RuleSource, ShowFormat};
use crate::term::Term;
use crate::text::plain;
use crate::{exit, rulepack};

/// Says everything about one rule.
pub(super) fn show(id: &str, from: &RuleSource, format: ShowFormat, term: &Term) -> Result<u8, Fault> {
    let entries = rulepack::entries(&from.rules, !from.no_builtin)?;
    let Some(entry) = entries.iter().find(|entry| entry.rule.id == id) else {
        return Err(unknown(id, &entries));
    };
    match format {
        ShowFormat::Text => write(term, |out| words(entry, out))?,
        ShowFormat::Toml => {
            let rules = [entry.rule.clone()];
            let text = exfilter::rules::to_toml(&entry.rule.provider, &rules);
            write(term, |out| out.write_all(text.as_bytes()))?;
        }
    }
    Ok(exit::CLEAN)
}

fn unknown(id: &str, entries: &[RuleEntry]) -> Fault {
    let stem = id.split('-').next().unwrap_or(id);
    let like: Vec<&str> = entries
        .iter()
        .map(|entry| entry.rule.id.as_str())
        .filter(|other| other.contains(stem))
        .take(8)
        .collect();
    let remedy = if like.is_empty() || stem.len() < 3 {
        "exfilter rules list --more-rules names all".to_string()
    } else {
        format!("there are {}", like.join(", "))
    };
    Fault::new(plain(id), "there is no rule of that id", remedy)
}

fn words(entry: &RuleEntry, out: &mut dyn Write) -> io::Result<()> {
    let rule = &entry.rule;
    let mut line = |name: &str, text: &str| match text.is_empty() {
        true => Ok(()),
        false => writeln!(out, "{name:<13}{}", plain(text)),
    };
    line("rule", &rule.id)?;
    line("provider", &rule.provider)?;
    line("opens", &rule.opens)?;
    line("class", class(rule.class))?;
    line("confidence", confidence(rule))?;
    line("begins with", &rule.literals.join("  "))?;
    if rule.ignore_case {
        line("", "in any case")?;
    }
    if let Some(lead) = &rule.lead {
        let count = if lead.min == lead.max {
            format!("{} of", lead.min)
        } else {
            format!("{} to {} of", lead.min, lead.max)
        };
        line("before it", &format!("{count} [{}]", lead.class))?;
    }
    line("pattern", &rule.pattern)?;
    line("left", boundary(rule.left, "before"))?;
    line("right", boundary(rule.right, "behind"))?;
    line("longest", &format!("{} bytes", rule.max_len))?;
    if rule.whole_len > 0 {
        line("whole from", &format!("{} bytes on: a shorter value is one step less sure", rule.whole_len))?;
    }
    if rule.open_ended {
        line("", "a match is only the beginning: it is blocked and never overwritten")?;
    }
    if rule.self_issued {
        line("", "anybody can make one: in a path of tests or examples it is medium at most")?;
    }
    if let Some(checksum) = rule.checksum {
        line(
            "check",
            &format!(
                "{}: where it verifies the match is high, where not one step less sure",
                checksum.as_str()
            ),
        )?;
    }
    if let Some(least) = rule.min_entropy {
        line("randomness", &format!("at least {least} bits per character of the value"))?;
    }
    let vetoes: Vec<&str> = rule.vetoes.iter().map(|veto| veto.as_str()).collect();
    line("leaves out", &vetoes.join(", "))?;
    line("at home at", &rule.hosts.join("  "))?;
    line("in", &rule.slots.join("  "))?;
    if !rule.documented.is_empty() {
        line("examples", &format!("{} are known, of documentation and test suites", rule.documented.len()))?;
    }
    line("revoke", &rule.revoke)?;
    line("instead", &rule.instead)?;
    line("described at", &rule.source)?;
    line("file", &format!("{}:{}", entry.file, entry.line("")))?;
    for (name, texts) in [("found in", &entry.examples), ("not in", &entry.counter_examples)] {
        for (at, text) in texts.iter().enumerate() {
            line(if at == 0 { name } else { "" }, text)?;
        }
    }
    Ok(())
}

fn class(class: KeyClass) -> &'static str {
    match class {
        KeyClass::Admin => "admin: administers an account, an organisation or a cluster",
        KeyClass::User => "user: acts as a person",
        KeyClass::Service => "service: acts as a program",
        KeyClass::Test => "test: reaches a sandbox or a test mode only",
        KeyClass::Publishable => "publishable: meant to be seen; worth knowing, not worth blocking",
        other => other.as_str(),
    }
}

fn confidence(rule: &Rule) -> &'static str {
    match rule.confidence {
        Confidence::High => "high: blocked on its way out",
        Confidence::Medium => "medium: reported",
        Confidence::Low => "low: reported, and left out by --min medium",
        other => other.as_str(),
    }
}

fn boundary(boundary: Boundary, side: &str) -> &'static str {
    match (boundary, side) {
        (Boundary::Word, "before") => "no letter, digit or _ before it",
        (Boundary::Word, _) => "no letter, digit or _ behind it",
        (Boundary::Dashed, "before") => "no letter, digit, _ or - before it",
        (Boundary::Dashed, _) => "no letter, digit, _ or - behind it",
        (Boundary::Base64, "before") => "no character of base64 before it",
        (Boundary::Base64, _) => "no character of base64 behind it",
        _ => "",
    }
}
