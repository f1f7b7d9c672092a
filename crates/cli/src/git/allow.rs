//! `.exfilter-allow.toml`: findings that a repository allows, one by one, for a time.
//!
//! ```toml
//! [[allow]]
//! id = "exf1-..."
//! path = "tests/fixtures/key.pem"
//! reason = "made for the tests, opens nothing"
//! until = 2027-03-01
//! ```
//!
//! It is read from a commit that whoever receives the push has already, never from the working tree or from what is pushed: who adds a secret must not be able
//! to allow it in the same breath. An entry lasts 180 days at most. What is confirmed cannot be allowed.

use serde::Deserialize;
use toml::value::Datetime;

use super::check;
use super::date::{date, day, today};
use super::repo::Repo;
use crate::fault::Fault;
use crate::scan::accept::Allowed;
use crate::text::plain;

/// The file, at the top of the repository.
pub(crate) const FILE: &str = ".exfilter-allow.toml";

/// Days that an entry may last.
pub(crate) const DAYS: i64 = 180;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    allow: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    path: String,
    reason: String,
    until: Datetime,
}

/// What the file says at some commits, and what is wrong with it. A file that cannot be read allows nothing.
#[derive(Default)]
pub(crate) struct Allowance {
    /// What is allowed.
    pub(crate) allowed: Vec<Allowed>,
    /// What is not, and why.
    pub(crate) notes: Vec<String>,
}

/// Reads the file as it is at each of `commits`; says which of them there are.
///
/// # Errors
///
/// When git cannot be run.
pub(crate) fn at(repo: &Repo, commits: &[String]) -> Result<(Allowance, Vec<String>), Fault> {
    let (mut allowance, mut there) = (Allowance::default(), Vec::new());
    let names: Vec<String> =
        commits.iter().flat_map(|commit| [commit.clone(), format!("{commit}:{FILE}")]).collect();
    if names.is_empty() {
        return Ok((allowance, there));
    }
    let mut objects = check::read(repo, &names, LONGEST + 1)?.into_iter();
    for commit in commits {
        if objects.next().flatten().is_some() {
            there.push(commit.clone());
        }
        if let Some(bytes) = objects.next().flatten() {
            read(&bytes, today(), &mut allowance);
        }
    }
    allowance.notes.sort();
    allowance.notes.dedup();
    Ok((allowance, there))
}

fn read(bytes: &[u8], today: i64, allowance: &mut Allowance) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if bytes.len() as u64 <= LONGEST => text,
        _ => return allowance.notes.push(format!("{FILE} is too long or no UTF-8; it allows nothing")),
    };
    let document: Document = match toml::from_str(text) {
        Ok(document) => document,
        Err(error) => {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            return allowance.notes.push(format!("{FILE}:{line}: it is not understood and allows nothing"));
        }
    };
    for entry in document.allow {
        match entry.check(today) {
            Ok(allowed) => allowance.allowed.push(allowed),
            Err(what) => allowance.notes.push(format!("{FILE}: {}: {what}", plain(&entry.id))),
        }
    }
}

impl Entry {
    fn check(&self, today: i64) -> Result<Allowed, String> {
        let id = self.id.parse().map_err(|error| format!("{error}"))?;
        let until = self.until.date.ok_or("until is a date, as 2027-03-01")?;
        let until = day(i64::from(until.year), i64::from(until.month), i64::from(until.day));
        if self.reason.trim().is_empty() {
            return Err("it needs a reason".into());
        }
        if self.path.is_empty() {
            return Err("it needs a path".into());
        }
        if until < today {
            return Err(format!("it ended on {}", date(until)));
        }
        if until - today > DAYS {
            return Err(format!("it lasts too long; {} is the last day that counts today", last_day()));
        }
        Ok(Allowed { id, path: self.path.clone().into_bytes() })
    }
}

/// The last day that an entry of today may name.
pub(crate) fn last_day() -> String {
    date(today() + DAYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "exf1-aaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn allowed(text: &str) -> Allowance {
        let mut allowance = Allowance::default();
        read(text.as_bytes(), day(2026, 11, 29), &mut allowance);
        allowance
    }

    fn entry(id: &str, reason: &str, until: &str) -> String {
        format!("[[allow]]\nid = \"{id}\"\npath = \"a/b\"\nreason = \"{reason}\"\nuntil = {until}\n")
    }

    #[test]
    fn an_entry_needs_an_id_a_reason_and_an_end() {
        let good = allowed(&entry(ID, "a test", "2027-03-01"));
        assert_eq!(good.allowed, [Allowed { id: ID.parse().expect("an id"), path: b"a/b".to_vec() }]);
        assert!(good.notes.is_empty());
        for (text, what) in [
            (entry("exf1-b", "a test", "2027-03-01"), "base32"),
            (entry(ID, " ", "2027-03-01"), "reason"),
            (entry(ID, "a test", "2026-11-28"), "ended on 2026-11-28"),
            (entry(ID, "a test", "2027-11-28"), "too long"),
            (entry(ID, "a test", "10:00:00"), "date"),
            (format!("{}more = 1\n", entry(ID, "a test", "2027-03-01")), "not understood"),
            ("[[allow]]\nid = \"x\"\n".into(), "not understood"),
        ] {
            let bad = allowed(&text);
            assert!(bad.allowed.is_empty(), "{text}");
            assert!(bad.notes[0].contains(what), "{:?}", bad.notes);
        }
    }
}
