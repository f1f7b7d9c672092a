//! The collector of OpenTelemetry that is told what happens: `--otel`, or the variables that programs have for it.

use std::sync::Arc;
use std::time::Duration;

use exfilter_guard::{GuardError, Telemetry, TelemetryReport};

use super::args::GuardArgs;
use crate::fault::Fault;
use crate::term::Term;
use crate::text::count;

/// Where the collector is, by the [specification](https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Fields of requests to it.
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// Whether telemetry is asked for.
pub(super) fn is_asked(args: &GuardArgs) -> bool {
    !args.no_otel && (args.otel.is_some() || named().is_some())
}

/// The collector that is asked for. One that the environment names and that cannot be used is told of and passed over: telemetry ends no run that did not ask for it.
///
/// # Errors
///
/// An address of `--otel`, or headers for it, that cannot be used. Of headers nothing is repeated.
pub(super) fn collector(args: &GuardArgs, term: &Term) -> Result<Option<Arc<Telemetry>>, Fault> {
    if args.no_otel {
        return Ok(None);
    }
    if let Some(url) = &args.otel {
        return made(url).map(Some).map_err(|error| {
            Fault::new("--otel", format!("{}: {error}", error.code()), "as in --otel http://127.0.0.1:4318")
        });
    }
    let Some(url) = named() else { return Ok(None) };
    match made(&url) {
        Ok(telemetry) => Ok(Some(telemetry)),
        Err(error) => {
            term.note(&format_args!("{ENDPOINT}: {}: {error}; no collector is told anything", error.code()));
            Ok(None)
        }
    }
}

/// The address that the environment names, if it is one for HTTP.
fn named() -> Option<String> {
    let is_off = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let is_other = variable("OTEL_EXPORTER_OTLP_PROTOCOL").is_some_and(|value| !value.starts_with("http/"));
    variable(ENDPOINT).filter(|_| !is_off && !is_other)
}

fn made(url: &str) -> Result<Arc<Telemetry>, GuardError> {
    let mut telemetry = Telemetry::new(url)?;
    if let Some(headers) = variable(HEADERS) {
        telemetry.headers(&headers)?;
    }
    if let Some(name) = variable("OTEL_SERVICE_NAME") {
        telemetry.service_name(&name);
    }
    if let Some(timeout) = millis("OTEL_EXPORTER_OTLP_TIMEOUT") {
        telemetry.timeout(timeout);
    }
    if let Some(interval) = millis("OTEL_METRIC_EXPORT_INTERVAL") {
        telemetry.metric_interval(interval);
    }
    if let Some(most) = variable("OTEL_BLRP_MAX_QUEUE_SIZE").and_then(|value| value.parse().ok()) {
        telemetry.queue(most);
    }
    Ok(Arc::new(telemetry))
}

fn millis(name: &str) -> Option<Duration> {
    let millis = variable(name)?.trim().parse().ok().filter(|millis| *millis > 0)?;
    Some(Duration::from_millis(millis))
}

/// A variable that is set. One that is no text has no form that fits.
fn variable(name: &str) -> Option<String> {
    let set = std::env::var_os(name).filter(|value| !value.is_empty())?;
    Some(set.into_string().unwrap_or_else(|_| "?".into()))
}

/// What is told at the end if something was not taken.
pub(super) fn summary(report: &TelemetryReport) -> Option<String> {
    let missing = report.dropped + report.lost;
    let why = report.why.filter(|_| missing > 0 || report.taken == 0);
    if missing == 0 && why.is_none() {
        return None;
    }
    let mut text = match missing {
        0 => "the counts did not reach the collector of telemetry".to_owned(),
        _ => format!(
            "{} did not reach the collector of telemetry, {} did",
            count(missing, "record", "records"),
            report.taken
        ),
    };
    if report.dropped > 0 {
        text.push_str(&format!("; {} came while too many waited", report.dropped));
    }
    if let Some(why) = why {
        text.push_str(&format!("; the last reason: {why}"));
    }
    Some(text)
}
