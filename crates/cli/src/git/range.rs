//! `exfilter scan --git`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::repo::Repo;
use super::{check, list};
use crate::args::{Incomplete, ScanArgs};
use crate::fault::Fault;
use crate::scan::accept::Accepted;
use crate::scan::file::Examiner;
use crate::scan::progress::Progress;
use crate::scan::report::{Floors, Reason};
use crate::scan::tally::Tally;
use crate::term::Term;
use crate::text::{escape, path_bytes};
use crate::{policy, rulepack};

/// Scans the history that `args` name.
///
/// # Errors
///
/// Wrong usage, set-up, and what git refuses. What goes wrong with an object is part of the report.
pub(crate) fn scan(args: &ScanArgs, term: &Term) -> Result<u8, Fault> {
    let (dir, revisions) = split(&args.paths)?;
    // Where no folder is named, the environment says which repository is meant, as it does to git.
    let repo = if dir.as_os_str() == "." { Repo::at(&dir) } else { Repo::named(&dir) };
    if args.git.staged && !revisions.is_empty() {
        return Err(Fault::new("--staged", "it takes no revisions", "leave one of them out"));
    }
    if !args.rules.trust_rules {
        rulepack::keep_out_of_the_tree(&args.rules.rules, std::slice::from_ref(&dir))?;
    }
    let config = policy::load(&args.policy, std::slice::from_ref(&dir), args.rules.trust_rules, term)?;
    let engine = crate::scan::engine(args, &config, term)?;
    let accepted = args.accept.baseline.as_deref().map_or(Ok(Accepted::default()), Accepted::read)?;
    let objects = if args.git.staged {
        list::staged(&repo)?
    } else {
        let (extra, revisions) = range(&revisions, args.git.since.as_deref())?;
        list::reachable(&repo, &extra, &revisions)?
    };
    let progress = Progress::new(term.shows_progress() && !args.output.quiet);
    let tally = Tally::new(&engine, Floors::of(&args.judge, &config), accepted).pass(config.passes());
    let examiner = Examiner::new(&engine, &progress).with_ids();
    if args.git.staged {
        for object in &objects {
            check::look_at_text(&tally, &object.path(), None, &object.path);
        }
    }
    let ends = if args.git.staged { HashSet::new() } else { list::shallow(&repo)? };
    for object in objects.iter().filter(|object| ends.contains(&object.id)) {
        check::tell_gap(&tally, object, Reason::Shallow);
    }
    check::run(&repo, &objects, args.jobs, &examiner, &tally)?;
    progress.end();
    let mut report = tally.close(engine.clone(), args.judge.incomplete == Incomplete::Fail);
    report.unit = ["object", "objects"];
    crate::scan::tell(&report, args, term)
}

/// The folder, and the revisions behind it.
fn split(paths: &[PathBuf]) -> Result<(PathBuf, Vec<String>), Fault> {
    let mut rest = paths;
    let mut dir = PathBuf::from(".");
    if let [first, after @ ..] = paths
        && first.is_dir()
    {
        (dir, rest) = (first.clone(), after);
    }
    let revisions = rest.iter().map(|revision| revision_of(revision));
    Ok((dir, revisions.collect::<Result<_, _>>()?))
}

fn revision_of(path: &Path) -> Result<String, Fault> {
    let name = escape(path_bytes(path));
    let text = path.to_str().map(String::from);
    let fault = |what: &str| Fault::new(name.clone(), what, "give a folder, then revisions or ranges");
    checked(text.ok_or_else(|| fault("it is neither a folder nor a revision"))?)
}

/// A revision as rev-list reads it from its input: one line, and no option.
fn checked(revision: String) -> Result<String, Fault> {
    if revision.is_empty() || revision.starts_with('-') || revision.contains(char::is_control) {
        let name = escape(revision.as_bytes());
        return Err(Fault::new(name, "it is no revision", "give a commit, a branch, a tag or a range A..B"));
    }
    Ok(revision)
}

/// What rev-list is asked for: all of it, unless revisions are given.
fn range(revisions: &[String], since: Option<&str>) -> Result<(Vec<&'static str>, Vec<String>), Fault> {
    let mut wanted = revisions.to_vec();
    let mut extra = Vec::new();
    match since {
        Some(since) => {
            if wanted.is_empty() {
                wanted.push("HEAD".into());
            }
            wanted.push(format!("^{}", checked(since.to_string())?));
        }
        None if wanted.is_empty() => extra.push("--all"),
        None => {}
    }
    Ok((extra, wanted))
}
