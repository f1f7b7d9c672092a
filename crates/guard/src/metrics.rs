//! [`Metrics`]: counts in the form of [OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/), which Prometheus reads. They hold no content and no names of hosts.
//!
//! | name | labels | what |
//! |---|---|---|
//! | `exfilter_requests_total` | `conversation`, `outcome` | requests, messages of WebSocket, and connections that came to none |
//! | `exfilter_request_bytes_total` | `conversation`, `outcome` | bytes of their bodies |
//! | `exfilter_findings_total` | `confidence`, `action` | what was found |
//! | `exfilter_unexamined_total` | `reason`, `action` | what could not be examined |
//! | `exfilter_injected_total` | | requests into which real credentials were put |
//! | `exfilter_connections` | | connections that are open |
//! | `exfilter_held_bytes` | `where` | bytes of bodies that wait for their verdict |

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::guard::Shared;
use crate::message::{AnswerBody, whole};
#[cfg(feature = "otel")]
use crate::otel::Telemetry;
use crate::record::{Record, Sink};
use crate::settings::Settings;
use crate::ui::Timeline;

type Labels = [(&'static str, &'static str); 2];

/// What is counted. It is told of each request, and tells the next one.
pub(crate) struct Metrics {
    next: Arc<dyn Sink>,
    #[cfg(feature = "otel")]
    pub(crate) telemetry: Option<Arc<Telemetry>>,
    pub(crate) timeline: Timeline,
    registry: Registry,
    requests: Family<Labels, Counter>,
    bytes: Family<Labels, Counter>,
    findings: Family<Labels, Counter>,
    unexamined: Family<Labels, Counter>,
    injected: Counter,
    connections: Gauge,
    held: Family<[(&'static str, &'static str); 1], Gauge>,
}

impl Metrics {
    pub(crate) fn new(settings: &Settings) -> Metrics {
        let mut metrics = Metrics {
            next: settings.sink.clone(),
            #[cfg(feature = "otel")]
            telemetry: settings.telemetry.clone(),
            timeline: Timeline::default(),
            registry: Registry::with_prefix("exfilter"),
            requests: Family::default(),
            bytes: Family::default(),
            findings: Family::default(),
            unexamined: Family::default(),
            injected: Counter::default(),
            connections: Gauge::default(),
            held: Family::default(),
        };
        let registry = &mut metrics.registry;
        registry.register(
            "requests",
            "Requests, and connections that came to none",
            metrics.requests.clone(),
        );
        registry.register("request_bytes", "Bytes of the bodies of requests", metrics.bytes.clone());
        registry.register("findings", "What was found in requests", metrics.findings.clone());
        registry.register("unexamined", "Parts that could not be examined", metrics.unexamined.clone());
        registry.register("injected", "Requests with a real credential put in", metrics.injected.clone());
        registry.register("connections", "Connections that are open", metrics.connections.clone());
        registry.register("held_bytes", "Bytes of bodies that wait for their verdict", metrics.held.clone());
        metrics
    }

    /// All of them as text.
    pub(crate) fn text(&self, shared: &Shared) -> String {
        let open = shared.limits.connections.saturating_sub(shared.places.available_permits());
        self.connections.set(i64::try_from(open).unwrap_or(i64::MAX));
        let (memory, file) = shared.budget.held();
        for (place, bytes) in [("memory", memory), ("file", file)] {
            self.held.get_or_create(&[("where", place)]).set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl Sink for Metrics {
    fn record(&self, record: &Record) -> io::Result<()> {
        let labels = [("conversation", record.conversation), ("outcome", record.outcome.as_str())];
        self.requests.get_or_create(&labels).inc();
        self.bytes.get_or_create(&labels).inc_by(record.bytes);
        for noted in &record.noted {
            let labels = [("confidence", noted.confidence.as_str()), ("action", noted.action.as_str())];
            self.findings.get_or_create(&labels).inc();
        }
        for unseen in &record.unseen {
            let labels = [("reason", unseen.reason.as_str()), ("action", unseen.action.as_str())];
            self.unexamined.get_or_create(&labels).inc();
        }
        self.injected.inc_by(u64::from(record.injected));
        let told = self.next.record(record);
        if told.is_ok() {
            self.timeline.add(record);
            #[cfg(feature = "otel")]
            if let Some(telemetry) = &self.telemetry {
                telemetry.add(record);
            }
        }
        told
    }
}

/// Tells whoever asks for `/metrics`.
pub(crate) async fn serve<S>(shared: Arc<Shared>, io: S)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let patience = shared.limits.head;
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(&shared, &request);
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience).keep_alive(false);
    let _ = builder.serve_connection(TokioIo::new(io), service).await;
}

fn answer(shared: &Shared, request: &Request<Incoming>) -> Response<AnswerBody> {
    if request.uri().path() != "/metrics" {
        let mut response = Response::new(whole("/metrics\n"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    let mut response = Response::new(whole(shared.metrics.text(shared)));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
