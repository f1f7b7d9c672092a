//! The table for people.

use std::io::{self, Write};

use exfilter::{Confidence, KeyClass};
use unicode_width::UnicodeWidthStr;

use super::Style;
use crate::scan::report::{FileReport, Report, Row, location};
use crate::text::{count, plain, shorten, size};

/// Columns are aligned up to this width; what is wider pushes its own line only.
const ALIGNED: usize = 72;

/// Writes the table, what was not examined, and the summary.
pub(super) fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<[String; 5]> = report.rows().map(|(file, row)| cells(report, row, file)).collect();
    let colours: Vec<Option<&'static str>> = if style.colour {
        report.rows().map(|(_, row)| Some(colour_of(report, row))).collect()
    } else {
        Vec::new()
    };
    columns(&rows, |row, column| colours.get(row).copied().flatten().filter(|_| column == 3), out)?;
    let suppressed: Vec<_> =
        report.files.iter().flat_map(|f| f.suppressed.iter().map(move |s| (f, s))).collect();
    for (file, one) in &suppressed {
        writeln!(out, "{}  {} more of {} not listed", file.name.short(), one.count, one.what)?;
    }
    admin_keys(report, style, out)?;
    gaps(report, style, !rows.is_empty() || !suppressed.is_empty(), out)?;
    if style.verbose && !report.skipped.is_empty() {
        writeln!(out, "skipped:")?;
        let rows: Vec<[String; 3]> = report
            .skipped
            .iter()
            .map(|s| [format!("  {}", s.name.short()), s.reason.as_str().into(), s.reason.describe().into()])
            .collect();
        columns(&rows, |_, _| None, out)?;
    }
    if style.quiet {
        return Ok(());
    }
    writeln!(out, "{}", summary(report))?;
    if let Some(line) = skipped(report, style.verbose) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn cells(report: &Report, row: &Row, file: &FileReport) -> [String; 5] {
    let lead = &row.lead;
    let mut rule = lead.rule_id(&report.engine).to_string();
    let mut others: Vec<&str> =
        row.also.iter().map(|seen| seen.rule_id(&report.engine)).filter(|id| *id != rule).collect();
    others.sort_unstable();
    others.dedup();
    if !others.is_empty() {
        rule.push_str(&format!(" (also {})", others.join(", ")));
    }
    [
        lead.location(file),
        rule,
        match lead.is_admin(&report.engine) {
            true => format!("ADMIN KEY: {}", shorten(&lead.opens(&report.engine))),
            false => shorten(&lead.opens(&report.engine)).into_owned(),
        },
        sureness(report, row).into(),
        lead.preview(),
    ]
}

fn sureness(report: &Report, row: &Row) -> &'static str {
    let finding = &row.lead.finding;
    match finding.confidence() {
        _ if report.floors.is_example(finding) => "example",
        _ if finding.fixture() => "medium, in tests",
        confidence => confidence.as_str(),
    }
}

fn colour_of(report: &Report, row: &Row) -> &'static str {
    if report.floors.is_example(&row.lead.finding) {
        return "2";
    }
    match row.lead.finding.confidence() {
        Confidence::Confirmed => "1;31",
        Confidence::High => "31",
        Confidence::Medium => "33",
        Confidence::Low => "36",
    }
}

/// What would do with less than the admin keys that were found.
fn admin_keys(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let rules = report.rows().filter(|(_, row)| !report.floors.is_example(&row.lead.finding));
    let rules = rules.filter_map(|(_, row)| row.lead.rule(&report.engine));
    let mut advice: Vec<[String; 2]> = rules
        .filter(|rule| rule.class == KeyClass::Admin && !rule.instead.is_empty())
        .map(|rule| [format!("  {}", rule.id), plain(&rule.instead)])
        .collect();
    advice.sort_unstable();
    advice.dedup();
    if advice.is_empty() || style.quiet {
        return Ok(());
    }
    writeln!(out, "\nadmin keys give more than most tasks need; less would do:")?;
    columns(&advice, |_, _| None, out)?;
    writeln!(out)
}

/// Writes aligned columns. `paint` names the colour of a cell (SGR parameters).
pub(crate) fn columns<const N: usize>(
    rows: &[[String; N]],
    paint: impl Fn(usize, usize) -> Option<&'static str>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            let own = cell.width();
            if own <= ALIGNED {
                *width = own.max(*width);
            }
        }
    }
    for (i, row) in rows.iter().enumerate() {
        for (j, cell) in row.iter().enumerate() {
            match paint(i, j) {
                Some(colour) => write!(out, "\x1b[{colour}m{cell}\x1b[0m")?,
                None => write!(out, "{cell}")?,
            }
            if j + 1 < N {
                let gap = widths[j].saturating_sub(cell.width()) + 2;
                write!(out, "{:gap$}", "")?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

fn gaps(report: &Report, style: &Style, follows: bool, out: &mut dyn Write) -> io::Result<()> {
    if report.is_complete() {
        return Ok(());
    }
    if follows {
        writeln!(out)?;
    }
    let heading = "not examined:";
    match style.colour {
        true => writeln!(out, "\x1b[1m{heading}\x1b[0m")?,
        false => writeln!(out, "{heading}")?,
    }
    let rows: Vec<[String; 4]> = report
        .gaps()
        .map(|(file, gap)| {
            [
                format!("  {}", location(&file.name, &gap.lane)),
                gap.range(),
                gap.reason.as_str().into(),
                gap.reason.describe(),
            ]
        })
        .collect();
    columns(&rows, |_, _| None, out)?;
    for file in report.files.iter().filter(|f| f.unlisted_gaps > 0) {
        writeln!(
            out,
            "  {}  {} not listed",
            file.name.short(),
            count(file.unlisted_gaps, "more range", "more ranges")
        )?;
    }
    Ok(())
}

/// One line: what was found and how much was looked at.
pub(crate) fn summary(report: &Report) -> String {
    let totals = &report.totals;
    let looked =
        format!("{}, {} examined", count(totals.files, report.unit[0], report.unit[1]), size(totals.bytes));
    let mut found = Vec::new();
    for confidence in [Confidence::Confirmed, Confidence::High, Confidence::Medium, Confidence::Low] {
        let n = totals.by_confidence[confidence as usize];
        if n > 0 {
            found.push(format!("{n} {}", confidence.as_str()));
        }
    }
    let mut line = match (report.findings(), found.is_empty()) {
        (0, _) if report.is_complete() && totals.suppressed == 0 => format!("clean: {looked}"),
        (0, _) => format!("no findings: {looked}"),
        (n, _) => format!("{} ({}): {looked}", count(n, "finding", "findings"), found.join(", ")),
    };
    if totals.examples > 0 {
        line.push_str(&format!("; {}", count(totals.examples, "documented example", "documented examples")));
    }
    if totals.suppressed > 0 {
        line.push_str(&format!("; {} more not listed", totals.suppressed));
    }
    if totals.accepted > 0 {
        line.push_str(&format!("; {} accepted", totals.accepted));
    }
    if totals.hidden > 0 {
        line.push_str(&format!("; {} hidden by --min", totals.hidden));
    }
    if totals.gaps > 0 {
        line.push_str(&format!("; not examined: {}", count(totals.gaps, "range", "ranges")));
    }
    line
}

/// One line: what was left out, and how to see it.
fn skipped(report: &Report, listed: bool) -> Option<String> {
    if report.skipped.is_empty() {
        return None;
    }
    let reasons: Vec<String> = report
        .skipped_by_reason()
        .into_iter()
        .map(|(reason, n)| format!("{n} {}", reason.as_str()))
        .collect();
    let hint = if listed { "" } else { "; --verbose lists them" };
    Some(format!("skipped: {} ({}){hint}", report.skipped.len(), reasons.join(", ")))
}
