//! The messages of OTLP in their JSON form: names in camel case, numbers of 64 bits as strings, enums as numbers.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use exfilter::Authority;
use serde_json::{Value, json};

use crate::record::{Noted, Outcome, Record, Unseen};

/// The most findings and parts that were not examined that are listed of a record; more are counted.
const LISTED: usize = 20;

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u8 = 2;

/// Nanoseconds since 1970, as a string.
pub(super) fn now() -> String {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos()).to_string()
}

/// Who tells.
pub(super) fn resource(service: &str, instance: &str) -> Value {
    json!({ "attributes": [
        text("service.name", service),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("service.instance.id", instance),
    ] })
}

fn scope() -> Value {
    json!({ "name": "exfilter", "version": env!("CARGO_PKG_VERSION") })
}

/// An `ExportLogsServiceRequest` with these records.
pub(super) fn logs(resource: &Value, records: &str) -> String {
    let scope = scope();
    format!(
        r#"{{"resourceLogs":[{{"resource":{resource},"scopeLogs":[{{"scope":{scope},"logRecords":[{records}]}}]}}]}}"#
    )
}

/// A `LogRecord`.
pub(super) fn log_record(record: &Record) -> String {
    let (severity, severity_text) = match &record.outcome {
        _ if record.quarantine => (17, "ERROR"),
        Outcome::Refused { .. } | Outcome::Given { .. } | Outcome::Failed { .. } => (13, "WARN"),
        _ => (9, "INFO"),
    };
    let mut attributes = Vec::new();
    if let Some(to) = record.to.as_ref().and_then(|to| Authority::parse(to.as_bytes()).ok()) {
        let host = to.host().trim_start_matches('[').trim_end_matches(']');
        attributes.push(text("server.address", host));
        attributes.push(number("server.port", to.port().into()));
        attributes.push(text("url.scheme", to.scheme()));
    }
    attributes.extend(record.method.map(|method| text("http.request.method", method)));
    attributes.push(number("http.request.body.size", record.bytes));
    attributes.push(text("exfilter.conversation", record.conversation));
    attributes.push(text("exfilter.outcome", record.outcome.as_str()));
    attributes.extend(record.why().map(|why| text("exfilter.reason", why)));
    if let Some(took) = record.took {
        attributes.push(attribute("exfilter.duration", json!({ "doubleValue": took.as_secs_f64() })));
    }
    attributes.push(truth("exfilter.injected", record.injected));
    attributes.extend(record.approval.map(|approval| number("exfilter.approval", approval)));
    attributes.push(truth("exfilter.quarantine", record.quarantine));
    attributes.push(number("exfilter.findings.count", record.noted.len() as u64));
    attributes.push(number("exfilter.unexamined.count", record.unseen.len() as u64));
    let names: BTreeSet<&str> = record.noted.iter().map(|noted| noted.what.as_str()).take(LISTED).collect();
    attributes
        .extend(list("exfilter.findings.names", names.iter().map(|name| json!({ "stringValue": name }))));
    attributes.extend(list("exfilter.findings", record.noted.iter().take(LISTED).map(noted)));
    attributes.extend(list("exfilter.unexamined", record.unseen.iter().take(LISTED).map(unseen)));
    let time = now();
    let what = [Some(record.outcome.as_str()), record.to.as_deref(), record.why()];
    json!({
        "timeUnixNano": time, "observedTimeUnixNano": time,
        "severityNumber": severity, "severityText": severity_text,
        "eventName": "exfilter.record",
        "body": { "stringValue": what.into_iter().flatten().collect::<Vec<_>>().join(" ") },
        "attributes": attributes,
    })
    .to_string()
}

fn noted(noted: &Noted) -> Value {
    let mut values = vec![
        text(if noted.enrolled { "secret" } else { "rule" }, &noted.what),
        text("place", &noted.place),
        text("confidence", noted.confidence.as_str()),
        text("action", noted.action.as_str()),
    ];
    values.extend(noted.id.map(|id| text("id", &id.to_string())));
    json!({ "kvlistValue": { "values": values } })
}

fn unseen(unseen: &Unseen) -> Value {
    let values = [
        text("reason", unseen.reason.as_str()),
        text("place", &unseen.place),
        text("action", unseen.action.as_str()),
    ];
    json!({ "kvlistValue": { "values": values } })
}

/// An `ExportMetricsServiceRequest` with the counts of a text in the form of OpenMetrics, as [`Metrics`](crate::metrics::Metrics) writes it: names without line feeds and labels of which no value is escaped.
pub(super) fn metrics(resource: &Value, text: &str, begun: &str) -> Option<String> {
    let mut metrics: Vec<Value> = Vec::new();
    let (mut help, mut kind, mut points) = (("", ""), "", Vec::new());
    let now = now();
    for line in text.lines().chain(["# HELP "]) {
        if let Some(next) = line.strip_prefix("# HELP ") {
            metrics.extend(metric(help, kind, std::mem::take(&mut points)));
            help = next.split_once(' ').unwrap_or((next, ""));
        } else if let Some(next) = line.strip_prefix("# TYPE ") {
            kind = next.rsplit(' ').next().unwrap_or_default();
        } else if !line.starts_with('#') {
            points.extend(point(line, begun, &now));
        }
    }
    let all = json!({ "resourceMetrics": [{
        "resource": resource, "scopeMetrics": [{ "scope": scope(), "metrics": metrics }],
    }] });
    // Nobody is sent an empty envelope.
    (!metrics.is_empty()).then(|| all.to_string())
}

fn metric((name, description): (&str, &str), kind: &str, points: Vec<Value>) -> Option<Value> {
    if points.is_empty() {
        return None;
    }
    let unit = if name.ends_with("bytes") { "By" } else { "1" };
    // Collectors write dots as underscores for Prometheus, so the names are the same there.
    let mut metric = json!({ "name": name.replacen('_', ".", 1), "description": description, "unit": unit });
    match kind {
        "counter" => {
            metric["sum"] =
                json!({ "aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": points });
        }
        _ => metric["gauge"] = json!({ "dataPoints": points }),
    }
    Some(metric)
}

/// `name{label="value",label="value"} 3`.
fn point(line: &str, begun: &str, now: &str) -> Option<Value> {
    let (name, value) = line.rsplit_once(' ')?;
    let value: i64 = value.parse().ok()?;
    let labels = name.split_once('{').and_then(|(_, rest)| rest.strip_suffix('}')).unwrap_or_default();
    let labels = labels.split(',').filter_map(|label| label.split_once('='));
    let attributes: Vec<Value> = labels.map(|(name, value)| text(name, value.trim_matches('"'))).collect();
    Some(json!({
        "attributes": attributes, "startTimeUnixNano": begun, "timeUnixNano": now, "asInt": value.to_string(),
    }))
}

fn attribute(key: &str, value: Value) -> Value {
    json!({ "key": key, "value": value })
}

fn text(key: &str, value: &str) -> Value {
    attribute(key, json!({ "stringValue": value }))
}

fn number(key: &str, value: u64) -> Value {
    attribute(key, json!({ "intValue": value.to_string() }))
}

fn truth(key: &str, value: bool) -> Value {
    attribute(key, json!({ "boolValue": value }))
}

/// None if it is empty.
fn list(key: &str, values: impl Iterator<Item = Value>) -> Option<Value> {
    let values: Vec<Value> = values.collect();
    (!values.is_empty()).then(|| attribute(key, json!({ "arrayValue": { "values": values } })))
}
