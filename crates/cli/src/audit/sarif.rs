//! The report as SARIF 2.1.0. A secret is a result whose locations are all the places it stands in; a capability is a result too.

use std::collections::BTreeMap;
use std::io::{self, Write};

use exfilter_audit::{Find, FoundAt, Masked, Severity, SourceKind};
use serde_json::{Map, Value, json};

use super::shown::{Shown, full, remarks};
use crate::exit;
use crate::text::Name;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Writes the log.
pub(super) fn write(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rules: BTreeMap<String, Value> = BTreeMap::new();
    for find in &shown.finds {
        rules.entry(find.id.clone()).or_insert_with(|| descriptor(find));
    }
    for one in &shown.capabilities {
        let id = format!("capability-{}", one.id);
        rules.entry(id.clone()).or_insert_with(|| {
            json!({
                "id": id,
                "shortDescription": {"text": one.opens},
                "help": {"text": one.advice.text()},
                "defaultConfiguration": {"level": level(one.severity)},
                "properties": {"tags": ["security"], "security-severity": score(one.severity)},
            })
        });
    }
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    let mut results: Vec<Value> =
        shown.finds.iter().map(|find| result(find, index[find.id.as_str()])).collect();
    for one in &shown.capabilities {
        let id = format!("capability-{}", one.id);
        results.push(json!({
            "ruleId": id,
            "ruleIndex": index[id.as_str()],
            "level": level(one.severity),
            "message": {"text": format!("{}.", one.opens)},
            "locations": [{"logicalLocations": [{"fullyQualifiedName": full(&one.name), "kind": "resource"}]}],
            "properties": {"severity": one.severity.as_str(), "advice": [one.advice.text()]},
        }));
    }
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "exfilter",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules.values().collect::<Vec<_>>(),
            }},
            "invocations": [invocation(shown)],
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn descriptor(find: &Find) -> Value {
    let short = if find.provider.is_empty() {
        find.opens.clone()
    } else {
        format!("{}: {}", find.provider, find.opens)
    };
    json!({
        "id": find.id,
        "shortDescription": {"text": short},
        "help": {"text": format!("To revoke it: {}", find.revoke)},
        "defaultConfiguration": {"level": level(find.severity)},
        "properties": {"tags": ["security", "secret"], "security-severity": score(find.severity), "class": find.class.as_str()},
    })
}

fn result(find: &Find, index: usize) -> Value {
    let mut text = format!("{}: {}", find.id, find.opens);
    for remark in remarks(find) {
        text.push_str(&format!("; {remark}"));
    }
    text.push('.');
    json!({
        "ruleId": find.id,
        "ruleIndex": index,
        "level": level(find.severity),
        "message": {"text": text},
        "locations": find.places.iter().map(location).collect::<Vec<_>>(),
        "properties": {
            "severity": find.severity.as_str(),
            "class": find.class.as_str(),
            "confidence": find.confidence.as_str(),
            "preview": find.preview,
            "advice": find.advice.iter().map(|one| one.text()).collect::<Vec<_>>(),
        },
    })
}

fn location(place: &FoundAt) -> Value {
    let mut location = Map::new();
    if place.source == SourceKind::File {
        let mut physical = Map::new();
        physical
            .insert("artifactLocation".into(), json!({"uri": Name::new(place.name.as_bytes(), &[]).uri()}));
        // A line inside an archive would be read as one of the archive.
        if let (true, Some((line, column))) = (place.lane.is_empty(), place.line) {
            physical.insert("region".into(), json!({"startLine": line, "startColumn": column}));
        }
        location.insert("physicalLocation".into(), Value::Object(physical));
    }
    let logical = logical(place);
    if !logical.is_empty() {
        location
            .insert("logicalLocations".into(), json!([{"fullyQualifiedName": logical, "kind": "member"}]));
    }
    Value::Object(location)
}

/// What is no file: variables, arguments, members of archives, fields.
fn logical(place: &FoundAt) -> String {
    let mut words: Vec<String> = Vec::new();
    if place.source != SourceKind::File {
        words.push(full(&place.name));
    }
    if !place.lane.is_empty() {
        words.push(place.lane.clone());
    }
    if !place.field.is_empty() {
        words.push(full(&place.field));
    }
    words.join(" ")
}

fn invocation(shown: &Shown<'_>) -> Value {
    let report = shown.report;
    let note = |level: &str, id: &str, text: String, name: Option<&Masked>| {
        let mut note = Map::new();
        note.insert("level".into(), level.into());
        note.insert("descriptor".into(), json!({"id": id}));
        note.insert("message".into(), json!({"text": text}));
        if let Some(name) = name {
            note.insert(
                "locations".into(),
                json!([{"logicalLocations": [{"fullyQualifiedName": full(name), "kind": "resource"}]}]),
            );
        }
        Value::Object(note)
    };
    let mut notes: Vec<Value> = report
        .gaps
        .iter()
        .map(|gap| note("error", gap.reason, format!("Not examined: {}.", gap.what), Some(&gap.name)))
        .collect();
    if report.unlisted_gaps > 0 {
        notes.push(note(
            "error",
            "not-listed",
            format!("{} more were not examined.", report.unlisted_gaps),
            None,
        ));
    }
    for (reason, count, bytes) in &report.skips {
        let text = format!("{count} skipped, {bytes} bytes not read: {}.", reason.describe());
        notes.push(note("note", &format!("skipped-{}", reason.as_str()), text, None));
    }
    json!({
        "executionSuccessful": report.gaps.is_empty() && report.unlisted_gaps == 0 && shown.exit != exit::SETUP,
        "exitCode": shown.exit,
        "toolExecutionNotifications": notes,
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The scale of CVSS, as code hosts show it.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "1.0",
    }
}
