//! The table for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use exfilter_audit::{Advice, Find, Severity};

use super::shown::{Shown, remarks};
use crate::output::columns;
use crate::text::{count, shorten, size};

/// Writes the secrets, the worst first, then capabilities, what to do, what was not examined, and the summary.
pub(super) fn write(
    shown: &Shown<'_>,
    colour: bool,
    verbose: bool,
    quiet: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    if verbose {
        for find in &shown.finds {
            whole(shown, find, colour, out)?;
        }
    } else {
        let rows: Vec<[String; 5]> = shown
            .finds
            .iter()
            .map(|find| {
                let place = find.places.first().map(|place| shown.place(place)).unwrap_or_default();
                [
                    find.severity.as_str().into(),
                    shorten(&place).into_owned(),
                    find.id.clone(),
                    opens(find),
                    remarks(find).join(", "),
                ]
            })
            .collect();
        let paint =
            |row: usize, column: usize| (colour && column == 0).then(|| colour_of(shown.finds[row].severity));
        columns(&rows, paint, out)?;
    }
    capabilities(shown, colour, out)?;
    if !verbose && !quiet {
        what_to_do(shown, out)?;
    }
    gaps(shown, colour, verbose, out)?;
    if verbose && !shown.report.skipped.is_empty() {
        writeln!(out, "\nskipped:")?;
        let rows: Vec<[String; 3]> = shown
            .report
            .skipped
            .iter()
            .map(|one| {
                let rest =
                    if one.bytes > 0 { format!("{} not read", size(one.bytes)) } else { String::new() };
                [format!("  {}", shorten(&shown.short(&one.name))), one.reason.as_str().into(), rest]
            })
            .collect();
        columns(&rows, |_, _| None, out)?;
    }
    if !quiet {
        if !(shown.finds.is_empty() && shown.capabilities.is_empty() && shown.report.gaps.is_empty()) {
            writeln!(out)?;
        }
        writeln!(out, "{}", summary(shown))?;
        if let Some(line) = skipped(shown, verbose) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn opens(find: &Find) -> String {
    let provider = if find.provider.is_empty() { String::new() } else { format!("{}: ", find.provider) };
    shorten(&format!("{provider}{} ({})", find.opens, find.class.as_str())).into_owned()
}

/// One secret with everything that is known of it.
fn whole(shown: &Shown<'_>, find: &Find, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let severity = find.severity.as_str();
    match colour {
        true => write!(out, "\x1b[{}m{severity}\x1b[0m", colour_of(find.severity))?,
        false => write!(out, "{severity}")?,
    }
    let preview = if find.preview.is_empty() { String::new() } else { format!("  {}\u{2026}", find.preview) };
    writeln!(out, "  {}  {}{preview}", find.id, opens(find))?;
    let remarks = remarks(find);
    if !remarks.is_empty() {
        writeln!(out, "  {}", remarks.join(", "))?;
    }
    for place in &find.places {
        let mode = place.mode.map(|mode| format!("  mode {mode:04o}")).unwrap_or_default();
        let tool = if place.tool.is_empty() { String::new() } else { format!("  ({})", place.tool) };
        writeln!(out, "  at {}{tool}{mode}", shown.place(place))?;
    }
    if find.more_places > 0 {
        writeln!(out, "  and in {}", count(find.more_places, "more place", "more places"))?;
    }
    writeln!(out, "  revoke: {}", find.revoke)?;
    for advice in &find.advice {
        writeln!(out, "  {}.", advice.text())?;
    }
    writeln!(out)
}

fn capabilities(shown: &Shown<'_>, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    if shown.capabilities.is_empty() {
        return Ok(());
    }
    if !shown.finds.is_empty() {
        writeln!(out)?;
    }
    heading("without any secret:", colour, out)?;
    let rows: Vec<[String; 4]> = shown
        .capabilities
        .iter()
        .map(|one| {
            [
                format!("  {}", one.severity.as_str()),
                shorten(&shown.short(&one.name)).into_owned(),
                one.id.into(),
                shorten(&one.opens).into_owned(),
            ]
        })
        .collect();
    let paint = |row: usize, column: usize| {
        (colour && column == 0).then(|| colour_of(shown.capabilities[row].severity))
    };
    columns(&rows, paint, out)
}

/// Each piece of advice once, with how many it is about.
fn what_to_do(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    /// Pieces of advice in the short form of the report.
    const MOST: usize = 6;
    let mut about: BTreeMap<Advice, (Severity, u64)> = BTreeMap::new();
    let each =
        shown.finds.iter().flat_map(|find| find.advice.iter().map(move |advice| (*advice, find.severity)));
    for (advice, severity) in each.chain(shown.capabilities.iter().map(|one| (one.advice, one.severity))) {
        if severity >= shown.fail_on {
            let entry = about.entry(advice).or_insert((severity, 0));
            entry.0 = entry.0.max(severity);
            entry.1 += 1;
        }
    }
    if about.is_empty() {
        return Ok(());
    }
    let mut about: Vec<_> = about.into_iter().collect();
    about.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
    writeln!(out, "\nwhat to do (--verbose says it for each secret, with how to revoke it):")?;
    for (advice, (_, n)) in about.iter().take(MOST) {
        writeln!(out, "  {n} {}: {}.", advice.as_str(), advice.text())?;
    }
    Ok(())
}

fn gaps(shown: &Shown<'_>, colour: bool, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    /// Parts listed in the short form: build artefacts and test files of a home are full of broken archives.
    const LISTED: usize = 20;
    let report = shown.report;
    if report.gaps.is_empty() && report.unlisted_gaps == 0 {
        return Ok(());
    }
    if !(shown.finds.is_empty() && shown.capabilities.is_empty()) {
        writeln!(out)?;
    }
    heading("not examined:", colour, out)?;
    let listed = if verbose { report.gaps.len() } else { report.gaps.len().min(LISTED) };
    let rows: Vec<[String; 3]> = report.gaps[..listed]
        .iter()
        .map(|gap| [format!("  {}", shorten(&shown.short(&gap.name))), gap.reason.into(), gap.what.clone()])
        .collect();
    columns(&rows, |_, _| None, out)?;
    let hidden = (report.gaps.len() - listed) as u64;
    if hidden > 0 {
        writeln!(out, "  and {hidden} more; --verbose lists them")?;
    }
    if report.unlisted_gaps > 0 {
        writeln!(out, "  and {} more, which are counted only", report.unlisted_gaps)?;
    }
    Ok(())
}

fn heading(text: &str, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    match colour {
        true => writeln!(out, "\x1b[1m{text}\x1b[0m"),
        false => writeln!(out, "{text}"),
    }
}

fn colour_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "1;31",
        Severity::High => "31",
        Severity::Medium => "33",
        Severity::Low => "36",
        Severity::Info => "2",
    }
}

/// One line: what was found and how much was looked at.
pub(super) fn summary(shown: &Shown<'_>) -> String {
    let totals = &shown.report.totals;
    let mut looked = vec![format!("{}, {} read", count(totals.files, "file", "files"), size(totals.bytes))];
    if totals.known_places > 0 {
        looked.push(count(totals.known_places, "known place", "known places"));
    }
    if totals.processes > 0 {
        looked.push(format!(
            "{} of processes",
            count(totals.processes, "environment or argument list", "environments and argument lists")
        ));
    }
    if totals.closed > 0 {
        looked.push(format!("{} closed to this user", totals.closed));
    }
    let by: Vec<String> =
        shown.by_severity().iter().map(|(severity, n)| format!("{n} {}", severity.as_str())).collect();
    let complete = shown.report.gaps.is_empty() && shown.report.unlisted_gaps == 0;
    let mut line = match (shown.finds.len(), shown.capabilities.len()) {
        (0, 0) if complete && shown.hidden == 0 => "nothing found".to_string(),
        (0, 0) => "nothing found at this severity".to_string(),
        (secrets, 0) => format!("{} ({})", count(secrets as u64, "secret", "secrets"), by.join(", ")),
        (secrets, capabilities) => format!(
            "{} and {} ({})",
            count(secrets as u64, "secret", "secrets"),
            count(capabilities as u64, "capability", "capabilities"),
            by.join(", ")
        ),
    };
    line.push_str(&format!(": {}", looked.join("; ")));
    if shown.hidden > 0 {
        line.push_str(&format!("; {} hidden by --min", shown.hidden));
    }
    if totals.unlisted_finds > 0 {
        line.push_str(&format!("; {} more not listed", totals.unlisted_finds));
    }
    let gaps = shown.report.gaps.len() as u64 + shown.report.unlisted_gaps;
    if gaps > 0 {
        line.push_str(&format!("; not examined: {}", count(gaps, "part", "parts")));
    }
    line
}

fn skipped(shown: &Shown<'_>, listed: bool) -> Option<String> {
    let skips = &shown.report.skips;
    let all: u64 = skips.iter().map(|(_, n, _)| n).sum();
    if all == 0 {
        return None;
    }
    let reasons: Vec<String> = skips
        .iter()
        .map(|(reason, n, bytes)| match bytes {
            0 => format!("{n} {}", reason.as_str()),
            bytes => format!("{n} {}, {}", reason.as_str(), size(*bytes)),
        })
        .collect();
    let hint = if listed { "" } else { "; --verbose lists them" };
    Some(format!("skipped: {all} ({}){hint}", reasons.join("; ")))
}

#[cfg(test)]
mod tests {
    use exfilter_audit::{Masked, Report};

    use super::*;

    #[test]
    fn an_empty_report_says_so() {
        let report = Report::default();
        let shown = Shown::new(&report, None, Severity::Low, Severity::Medium, 0);
        assert_eq!(summary(&shown), "nothing found: 0 files, 0 B read");
    }

    #[test]
    fn the_home_is_a_tilde() {
        let report = Report::default();
        let shown =
            Shown::new(&report, Some(std::path::Path::new("/home/u")), Severity::Low, Severity::Medium, 0);
        assert_eq!(shown.short(&Masked::fixed("/home/u/.npmrc")), "~/.npmrc");
        assert_eq!(shown.short(&Masked::fixed("/home/us/.npmrc")), "/home/us/.npmrc");
    }
}
