//! [`Telemetry`]: what is told of each request, and the counts, for a collector of OpenTelemetry ([OTLP over HTTP, in JSON](https://opentelemetry.io/docs/specs/otlp/#otlphttp)).
//!
//! - A record is a log record, told when it is decided: `server.address`, `server.port`, `url.scheme`, `http.request.method`, `http.request.body.size` by the semantic conventions, and what they have no name for as `exfilter.*`. It holds what the journal has of it and nothing else: no address behind the
//!   host, no content, no credentials. It is no span, for a span is what has ended, and records come before what they tell of.
//! - Counts are those of [`metrics`](crate::metrics), as cumulative sums and gauges.
//! - Nothing waits for a collector. Records that come while the queue is full, and those that it does not take, are counted ([`Telemetry::report`]) and gone: the journal is the record.

mod export;
mod json;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use exfilter::wire::percent::{self, Plus};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Uri, header};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

pub(crate) use self::export::Exporter;
use crate::error::GuardError;
use crate::record::Record;

/// The most records of a batch.
const BATCH: usize = 512;

/// The most bytes of a batch, if it has more than one record.
const BATCH_BYTES: usize = 1 << 20;

/// The most bytes of records that wait.
const QUEUE_BYTES: usize = 8 << 20;

/// Fields that the connection has itself, or that say what is sent.
const OWN: [HeaderName; 6] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::TRANSFER_ENCODING,
];

/// A collector, and what waits for it.
pub struct Telemetry {
    base: Uri,
    headers: HeaderMap,
    service: String,
    timeout: Duration,
    flush: Duration,
    interval: Duration,
    most: usize,
    state: Mutex<State>,
    /// A batch is full.
    full: Notify,
    /// Until when the rest may be sent, once the guard has ended.
    end: watch::Sender<Option<Instant>>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<String>,
    bytes: usize,
    report: TelemetryReport,
}

/// What became of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TelemetryReport {
    /// Records that the collector has taken.
    pub taken: u64,
    /// Records that came while the queue was full.
    pub dropped: u64,
    /// Records that could not be sent, or were refused.
    pub lost: u64,
    /// Why something was not taken the last time, if that ever was so; also of counts.
    pub why: Option<&'static str>,
}

impl Telemetry {
    /// For the collector at an address like `http://collector.example:4318`: `/v1/logs` and `/v1/metrics` are added to its path.
    ///
    /// # Errors
    ///
    /// [`GuardError`] for what is no such address. One with a password in it, a query or a fragment is none.
    pub fn new(url: &str) -> Result<Telemetry, GuardError> {
        let uri: Uri = url.trim_end_matches('/').parse().map_err(|_| GuardError::telemetry())?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let is_host =
            uri.authority().is_some_and(|all| !all.host().is_empty() && !all.as_str().contains('@'));
        if !is_http || !is_host || uri.query().is_some() || url.contains('#') {
            return Err(GuardError::telemetry());
        }
        Ok(Telemetry {
            base: uri,
            headers: HeaderMap::new(),
            service: "exfilter".into(),
            timeout: Duration::from_secs(10),
            flush: Duration::from_secs(3),
            interval: Duration::from_secs(60),
            most: 2048,
            state: Mutex::default(),
            full: Notify::new(),
            end: watch::Sender::new(None),
        })
    }

    /// Adds fields to each request, in the form of `OTEL_EXPORTER_OTLP_HEADERS`: `name=value,name=value`, percent-encoded.
    ///
    /// # Errors
    ///
    /// [`GuardError`] for another form, of which nothing is repeated. Then none is added.
    pub fn headers(&mut self, list: &str) -> Result<&mut Telemetry, GuardError> {
        let mut headers = self.headers.clone();
        for pair in list.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(GuardError::telemetry_headers)?;
            let name = HeaderName::from_bytes(name.trim().as_bytes());
            let value = HeaderValue::from_bytes(&percent::decode(value.trim().as_bytes(), Plus::Itself));
            let (Ok(name), Ok(mut value)) = (name, value) else {
                return Err(GuardError::telemetry_headers());
            };
            if OWN.contains(&name) {
                return Err(GuardError::telemetry_headers());
            }
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        self.headers = headers;
        Ok(self)
    }

    /// Sets `service.name`. Default: `exfilter`.
    pub fn service_name(&mut self, name: &str) -> &mut Telemetry {
        name.clone_into(&mut self.service);
        self
    }

    /// How long one request to the collector may take. Default: 10 s.
    pub fn timeout(&mut self, timeout: Duration) -> &mut Telemetry {
        self.timeout = timeout;
        self
    }

    /// How long what is left may take when the guard has ended. Default: 3 s.
    pub fn flush(&mut self, flush: Duration) -> &mut Telemetry {
        self.flush = flush;
        self
    }

    /// From one sending of the counts to the next. Default: 60 s.
    pub fn metric_interval(&mut self, interval: Duration) -> &mut Telemetry {
        self.interval = interval;
        self
    }

    /// The most records that wait. Default: 2048.
    pub fn queue(&mut self, most: usize) -> &mut Telemetry {
        self.most = most;
        self
    }

    /// Where the collector is.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.base.to_string()
    }

    /// What became of records so far; all of it once the guard has ended.
    #[must_use]
    pub fn report(&self) -> TelemetryReport {
        self.state().report.clone()
    }

    /// Takes a record along, if there is room.
    pub(crate) fn add(&self, record: &Record) {
        let line = json::log_record(record);
        let mut state = self.state();
        let is_ended = self.end.borrow().is_some();
        if is_ended || state.queue.len() >= self.most || state.bytes + line.len() > QUEUE_BYTES {
            state.report.dropped += 1;
            return;
        }
        state.bytes += line.len();
        state.queue.push_back(line);
        if state.queue.len() == BATCH {
            self.full.notify_one();
        }
    }

    /// The next batch: its records, and how many they are.
    fn batch(&self) -> Option<(String, u64)> {
        let mut state = self.state();
        let (mut lines, mut bytes) = (Vec::new(), 0);
        while let Some(line) = state.queue.front() {
            if lines.len() == BATCH || !lines.is_empty() && bytes + line.len() > BATCH_BYTES {
                break;
            }
            bytes += line.len();
            lines.extend(state.queue.pop_front());
        }
        state.bytes -= bytes;
        (!lines.is_empty()).then(|| (lines.join(","), lines.len() as u64))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says nothing of headers.
impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Telemetry({})", self.base)
    }
}

/// Begins to send, if there is a collector.
pub(crate) fn start(
    telemetry: Option<&Arc<Telemetry>>,
    dialer: &crate::dial::Dialer,
    counts: impl Fn() -> String + Send + 'static,
) -> std::io::Result<Option<Exporter>> {
    let Some(telemetry) = telemetry else { return Ok(None) };
    Exporter::start(telemetry.clone(), dialer.clone(), counts).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;

    fn record() -> Record {
        Record::new(Some("https://example.com:443".to_owned()), "plain", Outcome::Sent)
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let mut telemetry = Telemetry::new("http://127.0.0.1:4318").expect("an address");
        telemetry.queue(1000);
        (0..1010).for_each(|_| telemetry.add(&record()));
        let report = telemetry.report();
        assert_eq!((report.dropped, report.taken, report.lost, report.why), (10, 0, 0, None));
        let batches: Vec<u64> = std::iter::from_fn(|| telemetry.batch()).map(|(_, number)| number).collect();
        assert_eq!(batches, [512, 488]);
        assert_eq!(telemetry.state().bytes, 0);
        // What is long counts by its bytes.
        let mut long = record();
        long.outcome = Outcome::Refused { why: "x".repeat(BATCH_BYTES / 2) };
        (0..40).for_each(|_| telemetry.add(&long));
        let waiting = telemetry.state().queue.len();
        let report = telemetry.report();
        assert!((5..17).contains(&waiting) && report.dropped == 10 + 40 - waiting as u64, "{waiting}");
        let (text, number) = telemetry.batch().expect("a batch");
        assert!(number == 1 && text.len() > BATCH_BYTES / 2);
        // Once it has ended nothing is taken along.
        telemetry.end.send_replace(Some(Instant::now()));
        while telemetry.batch().is_some() {}
        telemetry.add(&record());
        assert!(telemetry.batch().is_none());
    }

    #[test]
    fn addresses_and_headers_are_read_or_refused() {
        for url in [
            "http://127.0.0.1:4318",
            "https://c.example.com/otlp/",
            "http://[::1]:4318",
            "http://c.example.com",
        ] {
            let telemetry = Telemetry::new(url).expect(url);
            assert_eq!(telemetry.endpoint().trim_end_matches('/'), url.trim_end_matches('/'));
        }
        for url in [
            "",
            "c.example.com:4317",
            "c.example.com",
            "grpc://c.example.com",
            "http://",
            "http://me:word@c.example.com",
            "http://c.example.com/?x=1",
            "http://c.example.com/#x",
            "/v1",
            "http://c example.com",
            "unix:/run/otel.sock",
        ] {
            let error = Telemetry::new(url).expect_err(url);
            assert!(error.code() == "E_OTEL" && !error.to_string().contains("word"), "{url}");
        }
        let mut telemetry = Telemetry::new("http://127.0.0.1:4318").expect("an address");
        telemetry.headers(" a=b%2C%20c , Authorization=Basic bWU6,,x=").expect("headers");
        let value = |name: &str| telemetry.headers.get(name).map(HeaderValue::as_bytes);
        assert_eq!((value("a"), value("authorization")), (Some(&b"b, c"[..]), Some(&b"Basic bWU6"[..])));
        assert!(telemetry.headers.values().all(HeaderValue::is_sensitive) && telemetry.headers.len() == 3);
        for list in
            ["a", "a b=c", "=c", "a=b%0D%0Ax: y", "host=x", "Content-Type=x", "a=1,transfer-encoding=x"]
        {
            let error = telemetry.headers(list).expect_err(list);
            assert_eq!(error.code(), "E_OTEL_HEADERS");
        }
        assert_eq!(telemetry.headers.len(), 3);
        assert!(!format!("{telemetry:?}").contains("Basic"));
    }
}
