//! `secrets canary add`: keys that nobody uses.

use exfilter::rules::{RuleEntry, example};
use exfilter::{Confidence, KeyClass};
use exfilter_store::os::now;
use exfilter_store::{NewRecord, Source};
use zeroize::Zeroizing;

use super::list;
use super::open::{Place, fault, secret_fault};
use crate::fault::Fault;
use crate::term::Term;
use crate::text::escape;

/// Times that a template is expanded before it is given up.
const TRIES: usize = 16;

/// Runs `secrets canary add`.
pub(crate) fn add(place: &Place, kind: &str, name: Option<&str>, term: &Term) -> Result<(), Fault> {
    let entry = entry(kind)?;
    let rule = &entry.rule;
    let value = mint(&entry)?;
    let mut edit = place.edit()?;
    let taken = |name: &str| edit.store().records().iter().any(|record| record.name() == name);
    let name = match name {
        Some(name) => name.to_owned(),
        None => {
            let numbered = (1..).map(|n| format!("canary-{}-{n}", rule.id));
            numbered.into_iter().find(|name| !taken(name)).expect("there are more numbers than records")
        }
    };
    let mut new = NewRecord::new(&name, Source::Minted, now());
    new.canary = true;
    new.rule = Some(rule.id.clone());
    new.class = Some(rule.class);
    edit.add(new, &value, false).map_err(|error| secret_fault(&name, &error))?;
    edit.commit().map_err(|error| fault(&error))?;
    list::write(term, |out| {
        out.write_all(&value)?;
        writeln!(out)
    })?;
    term.note(&format_args!(
        "{}: a canary in the form of {} ({}); put it where only a thief would take it: wherever it is found, it is an alarm",
        escape(name.as_bytes()),
        rule.id,
        rule.provider,
    ));
    Ok(())
}

/// The rule of that id, or the best one of that provider.
fn entry(kind: &str) -> Result<RuleEntry, Fault> {
    let mut entries = exfilter::rules::builtin_entries();
    entries.extend(exfilter::rules::more_entries());
    if let Some(at) = entries.iter().position(|entry| entry.rule.id == kind) {
        return Ok(entries.swap_remove(at));
    }
    let wanted = kind.to_ascii_lowercase();
    let is_of = |entry: &&RuleEntry| {
        let rule = &entry.rule;
        let provider = rule.provider.to_ascii_lowercase();
        let named = provider == wanted || provider.split([' ', '.', '/']).any(|word| word == wanted);
        let tempting = !matches!(rule.class, KeyClass::Test | KeyClass::Publishable);
        (named || rule.id.split('-').next() == Some(&wanted)) && tempting && !entry.examples.is_empty()
    };
    // What is surely taken for a key, and opens much; the earlier one of equals.
    let rank = |entry: &&RuleEntry| {
        (entry.rule.checksum.is_some(), entry.rule.confidence >= Confidence::High, !entry.rule.open_ended)
    };
    let best = entries.iter().filter(is_of).rev().max_by_key(rank).cloned();
    best.ok_or_else(|| {
        Fault::new(
            format!("--kind {}", escape(kind.as_bytes())),
            "there is no rule of that id or provider",
            "`exfilter rules list --more-rules` has them",
        )
    })
}

/// A key of the rule's format that nobody has, with a valid checksum.
///
/// Templates are expanded from 64 bits, which is enough for a key that opens nothing: no two canaries are the same, and nobody makes one by chance.
fn mint(entry: &RuleEntry) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let rule = &entry.rule;
    let fault = |what: &str| Fault::new(rule.id.clone(), what, "choose another rule");
    let checked = |value: &[u8]| rule.checksum.is_none_or(|checksum| checksum.verify(value));
    for template in &entry.examples {
        for _ in 0..TRIES {
            let mut seed = [0; 8];
            getrandom::fill(&mut seed).map_err(|_| fault("the system gave no random numbers"))?;
            let value = example::expand(template, rule.checksum, u64::from_le_bytes(seed));
            let value = Zeroizing::new(value.map_err(|error| fault(&error.to_string()))?);
            let found = exfilter::rules::oracle::find_all(std::slice::from_ref(rule), &value);
            let is_whole = found.iter().any(|found| found.start == 0 && found.end == value.len());
            if is_whole && checked(&value) && exfilter::Strength::of(&value).is_ok() {
                return Ok(value);
            }
        }
    }
    Err(fault("no canary can be made of its examples"))
}
