//! The report as one JSON document.
//!
//! ```text
//! {
//!   "version": 1, "tool": {"name", "version"},
//!   "findings": [{
//!     "severity": "critical" | "high" | "medium" | "low" | "info",
//!     "id": "github-pat", "provider": "GitHub", "opens": "...", "class": "admin" | "user" | "service" | "test" | "publishable",
//!     "confidence": "...", "example": false, "expires": "2026-11-29" | null, "expired": false, "locked": false,
//!     "preview": "ghp_",                     the public prefix; never a byte of the secret part
//!     "advice": [{"kind": "forge", "text": "..."}], "revoke": "...", "counts": true,
//!     "places": [{
//!       "source": "environment" | "process-environment" | "process-arguments" | "file",
//!       "tool": "npm", "name": "/home/u/.npmrc", "field": "...", "line": 1, "column": 40, "lane": "",
//!       "mode": "0600" | null, "exposure": "owner" | "group" | "all"
//!     }],
//!     "places_total": 3
//!   }],
//!   "capabilities": [{"severity", "id", "opens", "name", "advice", "counts"}],
//!   "coverage": {"complete", "files", "bytes", "known_places", "processes", "closed", "not_examined": [{"name", "reason", "description"}], "not_listed"},
//!   "skipped": [{"path", "reason", "bytes"}],
//!   "summary": {"secrets": {"critical": 0, ...}, "hidden", "not_listed", "skipped": {"symlink": {"count", "bytes"}}, "fail_on", "exit_code"}
//! }
//! ```

use std::io::{self, Write};

use exfilter_audit::{Find, FoundAt, Severity, date};
use serde_json::{Map, Value, json};

use super::shown::{Shown, full};

/// Writes the document.
pub(super) fn write(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = shown.report;
    let totals = &report.totals;
    let mut skips = Map::new();
    for (reason, count, bytes) in &report.skips {
        skips.insert(reason.as_str().into(), json!({"count": count, "bytes": bytes}));
    }
    let mut secrets = Map::new();
    for severity in Severity::ALL {
        let n = report.finds.iter().filter(|find| find.severity == severity).count();
        secrets.insert(severity.as_str().into(), n.into());
    }
    let document = json!({
        "version": 1,
        "tool": {"name": "exfilter", "version": env!("CARGO_PKG_VERSION")},
        "findings": shown.finds.iter().map(|find| finding(shown, find)).collect::<Vec<_>>(),
        "capabilities": shown.capabilities.iter().map(|one| json!({
            "severity": one.severity.as_str(),
            "id": one.id,
            "opens": one.opens,
            "name": full(&one.name),
            "advice": {"kind": one.advice.as_str(), "text": one.advice.text()},
            "counts": one.severity >= shown.fail_on,
        })).collect::<Vec<_>>(),
        "coverage": {
            "complete": report.gaps.is_empty() && report.unlisted_gaps == 0,
            "files": totals.files,
            "bytes": totals.bytes,
            "known_places": totals.known_places,
            "processes": totals.processes,
            "closed": totals.closed,
            "not_examined": report.gaps.iter().map(|gap| json!({
                "name": full(&gap.name), "reason": gap.reason, "description": gap.what,
            })).collect::<Vec<_>>(),
            "not_listed": report.unlisted_gaps,
        },
        "skipped": report.skipped.iter().map(|one| json!({
            "path": full(&one.name), "reason": one.reason.as_str(), "description": one.reason.describe(), "bytes": one.bytes,
        })).collect::<Vec<_>>(),
        "summary": {
            "secrets": secrets,
            "hidden": shown.hidden,
            "not_listed": totals.unlisted_finds,
            "skipped": skips,
            "fail_on": shown.fail_on.as_str(),
            "exit_code": shown.exit,
        },
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn finding(shown: &Shown<'_>, find: &Find) -> Value {
    json!({
        "severity": find.severity.as_str(),
        "id": find.id,
        "provider": find.provider,
        "opens": find.opens,
        "class": find.class.as_str(),
        "confidence": find.confidence.as_str(),
        "example": find.documented,
        "expires": find.expires.map(date),
        "expired": find.expired,
        "locked": find.locked,
        "preview": find.preview,
        "advice": find.advice.iter().map(|one| json!({"kind": one.as_str(), "text": one.text()})).collect::<Vec<_>>(),
        "revoke": find.revoke,
        "counts": find.severity >= shown.fail_on,
        "places": find.places.iter().map(place).collect::<Vec<_>>(),
        "places_total": find.count(),
    })
}

fn place(place: &FoundAt) -> Value {
    json!({
        "source": place.source.as_str(),
        "tool": place.tool,
        "name": full(&place.name),
        "field": full(&place.field),
        "line": place.line.map(|line| line.0),
        "column": place.line.map(|line| line.1),
        "lane": place.lane,
        "mode": place.mode.map(|mode| format!("{mode:04o}")),
        "exposure": place.exposure.as_str(),
    })
}
