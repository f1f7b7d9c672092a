//! The report as SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>).
//!
//! A finding in the file itself has line, column and bytes in its region. One inside an archive has the bytes of the
//! archive as its region, for a line number would be read as one of the archive; the way inside is its logical location,
//! and the line there is in `properties`. Columns count bytes, which SARIF has no word for: on lines with characters
//! outside ASCII they are too large.

use std::collections::BTreeMap;
use std::io::{self, Write};

use exfilter::{Confidence, KeyClass, Rule};
use serde_json::{Map, Value, json};

use crate::exit;
use crate::scan::report::{CANARY, FileReport, Gap, Lane, Place, Report, Row};

/// Where the schema of the format is published.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Writes the log.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let rules = Rules::of(report);
    let results: Vec<Value> = report.rows().map(|(file, row)| result(report, &rules, file, row)).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "exfilter",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules.descriptors,
            }},
            "invocations": [invocation(report)],
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

/// The rules that occur, and where each stands in the list.
struct Rules {
    index: BTreeMap<String, usize>,
    descriptors: Vec<Value>,
}

impl Rules {
    fn of(report: &Report) -> Rules {
        let mut found: BTreeMap<String, Option<&Rule>> = BTreeMap::new();
        for (_, row) in report.rows() {
            let lead = &row.lead;
            found.insert(lead.rule_id(&report.engine).into(), lead.rule(&report.engine));
        }
        let index = found.keys().enumerate().map(|(i, id)| (id.clone(), i)).collect();
        let descriptors = found.iter().map(|(id, rule)| descriptor(id, *rule)).collect();
        Rules { index, descriptors }
    }
}

fn descriptor(id: &str, rule: Option<&Rule>) -> Value {
    let Some(rule) = rule else {
        let (short, full, help) = match id {
            CANARY => (
                "One of your own canaries",
                "A key that nobody uses was taken from where it had been put.",
                "Find out who could read the place where it had been put.",
            ),
            _ => (
                "One of your own secrets",
                "The value of a secret that was given to the scanner, in some spelling.",
                "Revoke it where it was issued, then remove it.",
            ),
        };
        return json!({
            "id": id,
            "shortDescription": {"text": short},
            "fullDescription": {"text": full},
            "help": {"text": help},
            "defaultConfiguration": {"level": "error"},
            "properties": {"tags": ["security", "secret"], "precision": "very-high", "security-severity": "9.5"},
        });
    };
    let short = match (rule.provider.is_empty(), rule.opens.is_empty()) {
        (false, false) => format!("{}: {}", rule.provider, rule.opens),
        (true, false) => rule.opens.clone(),
        (false, true) => rule.provider.clone(),
        (true, true) => id.to_string(),
    };
    let mut descriptor = Map::new();
    descriptor.insert("id".into(), id.into());
    descriptor.insert("shortDescription".into(), json!({"text": short}));
    let mut help = Vec::new();
    if !rule.revoke.is_empty() {
        help.push(format!("To revoke it: {}.", rule.revoke.trim_end_matches('.')));
    }
    if !rule.instead.is_empty() {
        help.push(format!("Less would do for most tasks: {}.", rule.instead.trim_end_matches('.')));
    }
    if !help.is_empty() {
        descriptor.insert("help".into(), json!({"text": help.join(" ")}));
    }
    let mut tags = vec!["security", "secret"];
    if rule.class == KeyClass::Admin {
        tags.push("admin-key");
    }
    if rule.source.starts_with("https://") && rule.source.bytes().all(|b| b.is_ascii_graphic()) {
        descriptor.insert("helpUri".into(), rule.source.clone().into());
    }
    descriptor.insert("defaultConfiguration".into(), json!({"level": level(rule.confidence)}));
    descriptor.insert(
        "properties".into(),
        json!({
            "tags": tags,
            "precision": precision(rule.confidence),
            "security-severity": severity(rule.class),
            "class": rule.class.as_str(),
        }),
    );
    Value::Object(descriptor)
}

fn result(report: &Report, rules: &Rules, file: &FileReport, row: &Row) -> Value {
    let lead = &row.lead;
    let finding = &lead.finding;
    let id = lead.rule_id(&report.engine);
    let example = report.floors.is_example(finding);
    let opens = lead.opens(&report.engine);
    let mut text = match lead.secret(&report.engine) {
        Some((name, form)) if id == CANARY => format!("The canary {name} ({form})"),
        Some((name, form)) => format!("The enrolled secret {name} ({form})"),
        None if opens.is_empty() => format!("A match of {id}"),
        None => format!("{id}: {opens}"),
    };
    if lead.is_admin(&report.engine) {
        text.push_str("; it is an admin key");
    }
    if example {
        text.push_str("; the value is an example from the provider's documentation");
    }
    if lead.place == Place::Name {
        text.push_str("; it stands in the name of the file");
    }
    text.push('.');
    let region = (lead.place == Place::Content).then(|| {
        let outer = finding.outer();
        let mut region = Map::new();
        if let (true, Some((line, column))) = (lead.lane.is_identity(), lead.line()) {
            region.insert("startLine".into(), line.into());
            region.insert("startColumn".into(), column.into());
        }
        region.insert("byteOffset".into(), outer.start.into());
        region.insert("byteLength".into(), outer.end.saturating_sub(outer.start).into());
        Value::Object(region)
    });
    let mut properties = Map::new();
    properties.insert("confidence".into(), finding.confidence().as_str().into());
    properties.insert("example".into(), finding.documented().into());
    properties.insert("fixture".into(), finding.fixture().into());
    properties.insert("preview".into(), finding.preview().into());
    if let (false, Some((line, column))) = (lead.lane.is_identity(), lead.line()) {
        properties.insert("line".into(), line.into());
        properties.insert("column".into(), column.into());
    }
    let also: Vec<&str> = row.also.iter().map(|seen| seen.rule_id(&report.engine)).collect();
    if !also.is_empty() {
        properties.insert("also".into(), json!(also));
    }
    json!({
        "ruleId": id,
        "ruleIndex": rules.index.get(id),
        "level": if example { "note" } else { level(finding.confidence()) },
        "message": {"text": text},
        "locations": [location(file, &lead.lane, region)],
        "properties": properties,
    })
}

fn location(file: &FileReport, lane: &Lane, region: Option<Value>) -> Value {
    let mut physical = Map::new();
    let uri = if file.name.full() == "<stdin>" { "stdin".into() } else { file.name.uri() };
    physical.insert("artifactLocation".into(), json!({"uri": uri}));
    if let Some(region) = region {
        physical.insert("region".into(), region);
    }
    let mut location = Map::new();
    location.insert("physicalLocation".into(), Value::Object(physical));
    if !lane.is_identity() {
        location.insert(
            "logicalLocations".into(),
            json!([{"fullyQualifiedName": lane.text(), "kind": "member"}]),
        );
    }
    Value::Object(location)
}

fn invocation(report: &Report) -> Value {
    let mut notes: Vec<Value> = report.gaps().map(|(file, gap)| notification(file, gap)).collect();
    let unlisted = report.totals.gaps - notes.len() as u64;
    if unlisted > 0 {
        notes.push(json!({
            "level": "error",
            "descriptor": {"id": "not-listed"},
            "message": {"text": format!("{unlisted} more ranges were not examined.")},
        }));
    }
    if report.totals.suppressed > 0 {
        notes.push(json!({
            "level": "warning",
            "descriptor": {"id": "findings-not-listed"},
            "message": {"text": format!("{} more findings are counted and not listed.", report.totals.suppressed)},
        }));
    }
    for (reason, n) in report.skipped_by_reason() {
        notes.push(json!({
            "level": "note",
            "descriptor": {"id": format!("skipped-{}", reason.as_str())},
            "message": {"text": format!("{n} skipped: {}.", reason.describe())},
        }));
    }
    json!({
        "executionSuccessful": report.is_complete() && report.exit != exit::SETUP,
        "exitCode": report.exit,
        "toolExecutionNotifications": notes,
    })
}

fn notification(file: &FileReport, gap: &Gap) -> Value {
    let region =
        gap.end.map(|end| json!({"byteOffset": gap.start, "byteLength": end.saturating_sub(gap.start)}));
    json!({
        "level": "error",
        "descriptor": {"id": gap.reason.as_str()},
        "message": {"text": format!("Not examined ({}): {}.", gap.range(), gap.reason.describe())},
        "locations": [location(file, &gap.lane, region)],
    })
}

fn level(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "note",
        Confidence::Medium => "warning",
        Confidence::High | Confidence::Confirmed => "error",
    }
}

fn precision(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
        Confidence::Confirmed => "very-high",
    }
}

/// The scale of CVSS, as code hosts show it.
fn severity(class: KeyClass) -> &'static str {
    match class {
        KeyClass::Admin => "9.5",
        KeyClass::User => "8.5",
        KeyClass::Service => "8.0",
        KeyClass::Test => "3.0",
        KeyClass::Publishable => "1.0",
        _ => "7.0",
    }
}
