//! What a hook says: what, where, why, how to fix it, and how to allow one finding.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use exfilter::{Confidence, FindingId, Kind};

use crate::exit;
use crate::git::allow;
use crate::hook::args::HookName;
use crate::scan::report::{FileReport, Lane, Report, Row, location};
use crate::term::Term;
use crate::text::{count, plain, shorten};

/// Findings and gaps that are listed; a push of generated keys has thousands.
const LISTED: usize = 20;

/// What is about to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Commit,
    Push,
    Publish,
}

impl From<HookName> for Act {
    fn from(hook: HookName) -> Act {
        match hook {
            HookName::Commit => Act::Commit,
            HookName::Push | HookName::Receive => Act::Push,
        }
    }
}

/// Says why `act` is refused, or what passes with a warning.
pub(crate) fn verdict(act: Act, report: &Report, term: &Term) {
    let text = match report.exit {
        exit::CLEAN => warnings(report),
        _ => refusal(act, report),
    };
    if !text.is_empty() {
        term.say(&text);
    }
}

fn warnings(report: &Report) -> String {
    let mut out = String::new();
    let rows: Vec<_> = report.rows().collect();
    if !rows.is_empty() {
        let _ = writeln!(
            out,
            "exfilter: {} to look at; not refused:",
            count(rows.len() as u64, "place", "places")
        );
        list(&mut out, report, &rows);
    }
    out
}

fn refusal(act: Act, report: &Report) -> String {
    let mut out = String::new();
    let rows: Vec<_> = report.rows().collect();
    let is_refused = |row: &Row| report.floors.fails(&row.lead.finding);
    let (refused, warned): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, row)| is_refused(row));
    let what = match act {
        Act::Commit => "commit",
        Act::Push => "push",
        Act::Publish => "publish",
    };
    let mut why = Vec::new();
    if report.exit == exit::FOUND {
        let all = refused.len() + report.refusals().count();
        why.push(count(all.max(1) as u64, "secret", "secrets"));
    }
    if report.totals.gaps > 0 {
        why.push(format!("{} not examined", count(report.totals.gaps, "range", "ranges")));
    }
    let _ = writeln!(out, "exfilter: {what} refused: {}", why.join(", "));
    list(&mut out, report, &refused);
    guarded(&mut out, report);
    gaps(&mut out, report);
    if report.refusals().next().is_some() {
        let _ =
            writeln!(out, "The guard asks no more after its first refusal; its operator sees what it is.");
    }
    if !refused.is_empty() {
        fix(&mut out, act, report, &refused);
        permit(&mut out, act, &refused);
    }
    if !warned.is_empty() {
        let _ = writeln!(out, "To look at, not refused:");
        list(&mut out, report, &warned);
    }
    out
}

/// Findings, one a line.
pub(super) fn list(out: &mut String, report: &Report, rows: &[(&FileReport, &Row)]) {
    for (file, row) in rows.iter().take(LISTED) {
        let lead = &row.lead;
        let _ = writeln!(
            out,
            "  {}  {}  {}  {}  {}",
            lead.location(file),
            lead.rule_id(&report.engine),
            shorten(&lead.opens(&report.engine)),
            lead.finding.confidence().as_str(),
            lead.preview(),
        );
    }
    if rows.len() > LISTED {
        let _ = writeln!(out, "  and {} more", rows.len() - LISTED);
    }
}

/// What the guard of the sandbox refused, one a line. Which secret it is, it says to its own operator alone.
pub(super) fn guarded(out: &mut String, report: &Report) {
    for (file, reference) in report.refusals().take(LISTED) {
        let place = location(&file.name, &Lane::default());
        let commit = file.commit.as_ref().map(|commit| format!(" in commit {commit}")).unwrap_or_default();
        let _ = writeln!(out, "  {place}{commit}  blocked by policy, reference {reference} of the guard");
    }
}

/// What was not examined, one a line.
pub(super) fn gaps(out: &mut String, report: &Report) {
    for (file, gap) in report.gaps().take(LISTED) {
        let place = location(&file.name, &gap.lane);
        let _ = writeln!(out, "  {place}  {}  not examined: {}", gap.range(), gap.reason.describe());
    }
    if report.totals.gaps > 0 {
        let _ = writeln!(out, "What is not examined is not let pass; --incomplete ok lets it pass.");
    }
}

fn fix(out: &mut String, act: Act, report: &Report, rows: &[(&FileReport, &Row)]) {
    let how = match act {
        Act::Commit => "take it out of the file and `git add` it again",
        Act::Publish => "take it out of the file, or the file out of the package",
        Act::Push => {
            "take it out of every commit that is pushed (`git commit --amend`, `git rebase -i`); a later commit that deletes it is not enough"
        }
    };
    let _ = writeln!(out, "To fix it: {how}. Read it from the environment or a secret store instead.");
    let mut ways: Vec<String> = rows
        .iter()
        .filter_map(|(_, row)| row.lead.rule(&report.engine))
        .filter(|rule| !rule.revoke.is_empty())
        .map(|rule| format!("  revoke {}: {}", plain(&rule.id), plain(&rule.revoke)))
        .collect();
    ways.sort();
    ways.dedup();
    if !ways.is_empty() {
        let _ = writeln!(out, "If it has ever left this machine, revoke it:\n{}", ways.join("\n"));
    }
}

/// How one finding is allowed. What is confirmed is not.
fn permit(out: &mut String, act: Act, rows: &[(&FileReport, &Row)]) {
    // A value that two rules know, as sure, has two ids.
    let may = |row: &&(&FileReport, &Row)| {
        row.1.leads().all(|seen| {
            seen.id.is_some()
                && seen.finding.confidence() < Confidence::Confirmed
                && matches!(seen.finding.kind(), Kind::Rule(_))
        })
    };
    let Some((file, row)) = rows.iter().find(may) else { return };
    let ids: BTreeSet<FindingId> = row.leads().filter_map(|seen| seen.id).collect();
    let place = match act {
        Act::Commit => "is committed already (HEAD)",
        Act::Push => "the remote has already",
        Act::Publish => {
            let ids: Vec<String> = ids.iter().map(|id| format!("--allow {id}")).collect();
            let _ = writeln!(out, "If it is no secret: exfilter publish {}", ids.join(" "));
            return;
        }
    };
    let _ = writeln!(out, "If it is no secret, allow it in {} of a commit that {place}:", allow::FILE);
    let (path, until) = (file.allow_path(), allow::last_day());
    for id in ids {
        let _ = writeln!(
            out,
            "  [[allow]]\n  id = \"{id}\"\n  path = {path}\n  reason = \"...\"\n  until = {until}"
        );
    }
    if rows.len() > 1 {
        let _ = writeln!(out, "`exfilter scan --git --format json` has the ids of the others.");
    }
}
