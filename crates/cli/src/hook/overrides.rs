//! Findings that a pusher lets pass with `git push -o exfilter.allow=ID`, on a server that takes that, and the record of it.
//!
//! ```text
//! 2026-11-29 1764410000 exf1-...  refs/heads/main <old> <new>        one line for each finding and ref, before anything is let in
//! ```

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use exfilter::FindingId;

use super::pushed::Update;
use crate::fault::Fault;
use crate::git::date::{date, today};
use crate::term::Term;
use crate::text::{escape, path_bytes};

/// The push option, before the id.
const OPTION: &str = "exfilter.allow=";

/// Push options that are read; git sends as many as it is told to.
const MOST: u64 = 1000;

/// The findings that the pusher asks for, recorded in `record`; none if this server takes none.
///
/// # Errors
///
/// For ids that are none, and when they cannot be recorded.
pub(super) fn asked(record: Option<&Path>, updates: &[Update], term: &Term) -> Result<Vec<FindingId>, Fault> {
    let ids = ids(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))?;
    match record {
        _ if ids.is_empty() => {}
        None => {
            term.note(&format_args!("{OPTION}: this server lets nothing pass on request"));
            return Ok(Vec::new());
        }
        Some(record) => write(record, &ids, updates).map_err(|error| {
            Fault::new(
                escape(path_bytes(record)),
                format!("what is let pass on request cannot be recorded: {error}"),
                "",
            )
        })?,
    }
    Ok(ids)
}

fn ids(variable: impl Fn(&str) -> Option<String>) -> Result<Vec<FindingId>, Fault> {
    let count = variable("GIT_PUSH_OPTION_COUNT").and_then(|count| count.parse().ok()).unwrap_or(0u64);
    let mut ids = Vec::new();
    for i in 0..count.min(MOST) {
        let Some(option) = variable(&format!("GIT_PUSH_OPTION_{i}")) else { continue };
        let Some(id) = option.strip_prefix(OPTION) else { continue };
        ids.push(
            id.parse().map_err(|error| Fault::new(OPTION, format!("{error}"), "give the id of a finding"))?,
        );
    }
    Ok(ids)
}

fn write(record: &Path, ids: &[FindingId], updates: &[Update]) -> std::io::Result<()> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut lines = String::new();
    for id in ids {
        for update in updates {
            let [old, new] = [&update.old, &update.new].map(|id| id.as_deref().unwrap_or("none"));
            let name = escape(&update.name);
            lines.push_str(&format!("{} {seconds} {id} {name} {old} {new}\n", date(today())));
        }
    }
    let mut file = OpenOptions::new().create(true).append(true).open(record)?;
    // In one piece, for others may be writing too.
    file.write_all(lines.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_git_gives_them() {
        let id = "exf1-aaaaaaaaaaaaaaaaaaaaaaaaaa";
        let with = |options: &[&str]| {
            let options: Vec<String> = options.iter().map(|option| option.to_string()).collect();
            ids(move |name| match name.strip_prefix("GIT_PUSH_OPTION_") {
                Some("COUNT") => Some(options.len().to_string()),
                Some(i) => options.get(i.parse::<usize>().ok()?).cloned(),
                None => None,
            })
        };
        assert_eq!(with(&["ci.skip", &format!("{OPTION}{id}")]).expect("it is an id").len(), 1);
        assert!(with(&["exfilter.allow=all"]).is_err());
        assert!(with(&[]).expect("there are none").is_empty());
    }
}
