//! The report as one JSON document.
//!
//! ```text
//! {
//!   "version": 1,                          grows when a field changes its meaning or goes away; new fields may come
//!   "tool": {"name": "exfilter", "version": "0.1.0"},
//!   "findings": [{
//!     "path": "a/b.tgz",                   masked where a secret stands in it, then escaped as \xNN (backslash: \x5c)
//!     "commit": null | "1234abcd",         the commit that has the file first, where a history was scanned
//!     "id": null | "exf1-...",             stays while the value does; for a baseline or an allowance
//!     "place": "content" | "name",         in the file, or in its name (offsets then count in the name)
//!     "lane": "gzip > package/x.js",       the way through decoders; "" for the file itself
//!     "line": 12, "column": 5,             from 1, the column in bytes, both in the lane; null where not known
//!     "outer": {"start": 0, "end": 40},    bytes of the file: from the one with the value's first bit
//!     "inner": {"start": 7, "end": 47},    bytes of the lane
//!     "kind": "rule" | "known",
//!     "rule": "github-pat",                "known-secret" for enrolled secrets, "canary" for canaries
//!     "secret": null | "GH_TOKEN",         the name of the enrolled secret
//!     "form": null | "base64",             the spelling it was found in
//!     "provider": "GitHub", "opens": "...", "class": "user", "revoke": "...",      null for enrolled secrets
//!     "admin": false,                      it administers an account
//!     "instead": null | "...",             what gives less than an admin key and would do for most tasks
//!     "confidence": "low" | "medium" | "high" | "confirmed",
//!     "proof": "none" | "verified" | "failed",       what the checksum said
//!     "example": false,                    the value stands in the provider's documentation
//!     "fixture": false,                    less sure than it would be elsewhere: its path is one of tests or examples
//!     "counts": true,                      at or above --fail-on
//!     "preview": "ghp_",                   the public prefix; never a byte of the secret part
//!     "also": [{"lane", "inner", "kind", "rule", "secret", "form", "confidence"}]    less sure findings at this place
//!   }],
//!   "coverage": {
//!     "complete": true, "files": 3, "bytes": 900, "decoded": 0, "containers": 0, "members": 0,
//!     "not_examined": [{"path", "lane", "start", "end", "reason", "description"}],   end is null where not known
//!     "not_listed": 0                      ranges beyond those listed
//!   },
//!   "skipped": [{"path", "reason", "description"}],   left out on purpose
//!   "summary": {
//!     "findings": {"confirmed": 0, "high": 1, "medium": 0, "low": 0, "examples": 0},
//!     "not_listed": [{"path", "rule", "confidence", "count"}],   findings that are counted only
//!     "accepted": 0,                       in the baseline, or allowed
//!     "hidden": 0,                         below --min
//!     "not_examined": 0, "skipped": {"symlink": 2},
//!     "fail_on": "medium", "exit_code": 1
//!   }
//! }
//! ```
//!
//! Findings stand in the order of path, place and offset. Strings hold names and words only: no content.

use std::collections::BTreeMap;
use std::io::{self, Write};

use exfilter::{Kind, Proof};
use serde::Serialize;

use crate::scan::report::{FileReport, Gap, Place, Report, Row, Seen, Skipped};

/// The version of the document's form.
pub(super) const VERSION: u32 = 1;

/// Writes the document.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        version: VERSION,
        tool: Tool::new(),
        findings: report.rows().map(|(file, row)| finding(report, file, row)).collect(),
        coverage: coverage(report),
        skipped: report.skipped.iter().map(skipped).collect(),
        summary: summary(report),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    tool: Tool,
    findings: Vec<FindingView<'a>>,
    coverage: CoverageView<'a>,
    skipped: Vec<SkippedView<'a>>,
    summary: SummaryView<'a>,
}

/// Who wrote the report.
#[derive(Serialize)]
pub(super) struct Tool {
    name: &'static str,
    version: &'static str,
}

impl Tool {
    pub(super) fn new() -> Tool {
        Tool { name: "exfilter", version: env!("CARGO_PKG_VERSION") }
    }
}

/// One finding. Every name in it was masked and escaped before.
#[derive(Serialize)]
pub(super) struct FindingView<'a> {
    path: &'a str,
    commit: Option<&'a str>,
    id: Option<String>,
    place: &'static str,
    lane: &'a str,
    line: Option<u64>,
    column: Option<u64>,
    outer: Span,
    inner: Span,
    kind: &'static str,
    rule: &'a str,
    secret: Option<String>,
    form: Option<&'static str>,
    provider: Option<&'a str>,
    opens: Option<&'a str>,
    class: Option<&'static str>,
    revoke: Option<&'a str>,
    admin: bool,
    instead: Option<&'a str>,
    confidence: &'static str,
    proof: &'static str,
    example: bool,
    fixture: bool,
    counts: bool,
    preview: &'a str,
    also: Vec<AlsoView<'a>>,
}

#[derive(Serialize)]
struct Span {
    start: u64,
    end: u64,
}

#[derive(Serialize)]
struct AlsoView<'a> {
    lane: &'a str,
    inner: Span,
    kind: &'static str,
    rule: &'a str,
    secret: Option<String>,
    form: Option<&'static str>,
    confidence: &'static str,
}

/// What was examined.
#[derive(Serialize)]
pub(super) struct CoverageView<'a> {
    complete: bool,
    files: u64,
    bytes: u64,
    decoded: u64,
    containers: u64,
    members: u64,
    not_examined: Vec<GapView<'a>>,
    not_listed: u64,
}

/// Something that was not examined.
#[derive(Serialize)]
pub(super) struct GapView<'a> {
    path: &'a str,
    lane: &'a str,
    start: u64,
    end: Option<u64>,
    reason: &'static str,
    description: String,
}

/// Something that was left out.
#[derive(Serialize)]
pub(super) struct SkippedView<'a> {
    path: &'a str,
    reason: &'static str,
    description: &'static str,
}

/// Sums.
#[derive(Serialize)]
pub(super) struct SummaryView<'a> {
    findings: CountsView,
    not_listed: Vec<SuppressedView<'a>>,
    accepted: u64,
    hidden: u64,
    not_examined: u64,
    skipped: BTreeMap<&'static str, u64>,
    fail_on: &'static str,
    exit_code: u8,
}

#[derive(Serialize)]
struct CountsView {
    confirmed: u64,
    high: u64,
    medium: u64,
    low: u64,
    examples: u64,
}

#[derive(Serialize)]
struct SuppressedView<'a> {
    path: &'a str,
    rule: &'a str,
    confidence: &'static str,
    count: u64,
}

/// A finding for machines.
pub(super) fn finding<'a>(report: &'a Report, file: &'a FileReport, row: &'a Row) -> FindingView<'a> {
    let lead = &row.lead;
    let found = &lead.finding;
    let rule = lead.rule(&report.engine);
    let (secret, form) = lead.secret(&report.engine).unzip();
    let line = lead.line();
    FindingView {
        path: file.name.full(),
        commit: file.commit.as_deref(),
        id: lead.id.map(|id| id.to_string()),
        place: match lead.place {
            Place::Content => "content",
            Place::Name => "name",
        },
        lane: lead.lane.text(),
        line: line.map(|l| l.0),
        column: line.map(|l| l.1),
        outer: span(found.outer()),
        inner: span(found.inner()),
        kind: kind(lead),
        rule: lead.rule_id(&report.engine),
        secret,
        form,
        provider: rule.map(|r| r.provider.as_str()),
        opens: rule.map(|r| r.opens.as_str()),
        class: rule.map(|r| r.class.as_str()),
        revoke: rule.map(|r| r.revoke.as_str()),
        admin: lead.is_admin(&report.engine),
        instead: rule.map(|r| r.instead.as_str()).filter(|text| !text.is_empty()),
        confidence: found.confidence().as_str(),
        proof: match found.proof() {
            Proof::None => "none",
            Proof::Verified => "verified",
            Proof::Failed => "failed",
        },
        example: found.documented(),
        fixture: found.fixture(),
        counts: report.floors.fails(found),
        preview: found.preview(),
        also: row.also.iter().map(|seen| also(report, seen)).collect(),
    }
}

fn also<'a>(report: &'a Report, seen: &'a Seen) -> AlsoView<'a> {
    let (secret, form) = seen.secret(&report.engine).unzip();
    AlsoView {
        lane: seen.lane.text(),
        inner: span(seen.finding.inner()),
        kind: kind(seen),
        rule: seen.rule_id(&report.engine),
        secret,
        form,
        confidence: seen.finding.confidence().as_str(),
    }
}

fn span(range: std::ops::Range<u64>) -> Span {
    Span { start: range.start, end: range.end }
}

fn kind(seen: &Seen) -> &'static str {
    match seen.finding.kind() {
        Kind::Rule(_) => "rule",
        Kind::Known(..) => "known",
    }
}

fn coverage(report: &Report) -> CoverageView<'_> {
    CoverageView {
        not_examined: report.gaps().map(|(file, one)| gap(file, one)).collect(),
        ..coverage_sums(report)
    }
}

/// The sums of the coverage, without the list.
pub(super) fn coverage_sums(report: &Report) -> CoverageView<'_> {
    let totals = &report.totals;
    CoverageView {
        complete: report.is_complete(),
        files: totals.files,
        bytes: totals.bytes,
        decoded: totals.decoded,
        containers: totals.containers,
        members: totals.members,
        not_examined: Vec::new(),
        not_listed: totals.gaps - report.gaps().count() as u64,
    }
}

/// A gap for machines.
pub(super) fn gap<'a>(file: &'a FileReport, gap: &'a Gap) -> GapView<'a> {
    GapView {
        path: file.name.full(),
        lane: gap.lane.text(),
        start: gap.start,
        end: gap.end,
        reason: gap.reason.as_str(),
        description: gap.reason.describe(),
    }
}

/// A skipped path for machines.
pub(super) fn skipped(one: &Skipped) -> SkippedView<'_> {
    SkippedView { path: one.name.full(), reason: one.reason.as_str(), description: one.reason.describe() }
}

/// The sums for machines.
pub(super) fn summary(report: &Report) -> SummaryView<'_> {
    let [low, medium, high, confirmed] = report.totals.by_confidence;
    SummaryView {
        findings: CountsView { confirmed, high, medium, low, examples: report.totals.examples },
        not_listed: report
            .files
            .iter()
            .flat_map(|file| file.suppressed.iter().map(move |one| (file, one)))
            .map(|(file, one)| SuppressedView {
                path: file.name.full(),
                rule: &one.what,
                confidence: one.confidence.as_str(),
                count: one.count,
            })
            .collect(),
        accepted: report.totals.accepted,
        hidden: report.totals.hidden,
        not_examined: report.totals.gaps,
        skipped: report.skipped_by_reason().into_iter().map(|(reason, n)| (reason.as_str(), n)).collect(),
        fail_on: report.floors.fail_on.as_str(),
        exit_code: report.exit,
    }
}
