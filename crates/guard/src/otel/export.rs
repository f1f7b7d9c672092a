//! [`Exporter`]: sends what waits, on a thread of its own.

use std::cell::Cell;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{Telemetry, json};
use crate::dial::Dialer;

/// How long a batch waits for more.
const DELAY: Duration = Duration::from_secs(1);

/// How often a batch is tried.
const ATTEMPTS: u32 = 5;

/// The first wait before another try; each is twice as long as the one before.
const BACKOFF: Duration = Duration::from_secs(1);

/// The longest that a collector may have a batch wait.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How much of an answer is read, in bytes.
const ANSWER_MAX: usize = 64 << 10;

/// A thread that sends.
pub(crate) struct Exporter {
    telemetry: Arc<Telemetry>,
    /// A guard can be shared, and this cannot.
    done: Mutex<mpsc::Receiver<()>>,
}

impl Exporter {
    /// Begins to send. `counts` gives them in the form of OpenMetrics.
    pub(super) fn start(
        telemetry: Arc<Telemetry>,
        dialer: Dialer,
        counts: impl Fn() -> String + Send + 'static,
    ) -> io::Result<Exporter> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut instance = [0; 16];
        getrandom::fill(&mut instance).map_err(io::Error::other)?;
        let (told, done) = mpsc::channel();
        let shared = telemetry.clone();
        std::thread::Builder::new().name("exfilter-otel".into()).spawn(move || {
            let _told = told;
            let telemetry = &*shared;
            let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(dialer.clone());
            let instance: String = instance.iter().map(|byte| format!("{byte:02x}")).collect();
            let resource = json::resource(&telemetry.service, &instance);
            let sender = Sender { telemetry, dialer, client, resource, flying: Cell::new(0) };
            runtime.block_on(async {
                tokio::select! {
                    () = sender.work(&counts) => {}
                    () = past(telemetry.end.subscribe()) => sender.telemetry.fail("the collector is too slow"),
                }
            });
            sender.give_up();
            drop(sender);
            // A name that is being looked up does not hold the end.
            runtime.shutdown_background();
        })?;
        Ok(Exporter { telemetry, done: Mutex::new(done) })
    }

    /// Sends what is left, within the time for it.
    pub(crate) fn finish(self) {
        self.telemetry.end.send_replace(Some(Instant::now() + self.telemetry.flush));
        let done = self.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        let _ = done.recv_timeout(self.telemetry.flush + DELAY);
    }
}

/// Ends when the time is over in which the rest may be sent.
async fn past(mut end: watch::Receiver<Option<Instant>>) {
    let until = end.wait_for(Option::is_some).await.ok().and_then(|until| *until);
    sleep_until(until.unwrap_or_else(Instant::now)).await;
}

/// Why a request was not taken.
enum Failure {
    /// Another try may help, after this time if the collector has named one.
    Passing(&'static str, Option<Duration>),
    /// There is nobody.
    Unreachable(&'static str),
    Lasting(&'static str),
}

struct Sender<'a> {
    telemetry: &'a Telemetry,
    dialer: Dialer,
    client: Client<Dialer, Full<Bytes>>,
    resource: Value,
    /// Records that are on their way.
    flying: Cell<u64>,
}

impl Sender<'_> {
    async fn work(&self, counts: &impl Fn() -> String) {
        let telemetry = self.telemetry;
        let mut end = telemetry.end.subscribe();
        let begun = json::now();
        let mut due = Instant::now() + telemetry.interval;
        loop {
            let is_last = tokio::select! {
                _ = end.wait_for(Option::is_some) => true,
                () = telemetry.full.notified() => false,
                () = sleep(DELAY.min(telemetry.interval)) => false,
            };
            while let Some((records, number)) = telemetry.batch() {
                if !self.deliver(json::logs(&self.resource, &records), number, &mut end).await && is_last {
                    return;
                }
            }
            if is_last || Instant::now() >= due {
                due = Instant::now() + telemetry.interval;
                // They are sums, so the next ones make up for those that are not taken.
                if let Some(body) = json::metrics(&self.resource, &counts(), &begun)
                    && let Err(Failure::Passing(why, _) | Failure::Unreachable(why) | Failure::Lasting(why)) =
                        self.post("/v1/metrics", &Bytes::from(body), "rejectedDataPoints").await
                {
                    telemetry.fail(why);
                }
            }
            if is_last {
                return;
            }
        }
    }

    /// Sends a batch, several times if that may help. False if there is nobody.
    async fn deliver(&self, body: String, number: u64, end: &mut watch::Receiver<Option<Instant>>) -> bool {
        self.flying.set(number);
        let (body, mut wait) = (Bytes::from(body), BACKOFF);
        for attempt in 1..=ATTEMPTS {
            let is_last = end.borrow().is_some();
            let (why, after) = match self.post("/v1/logs", &body, "rejectedLogRecords").await {
                Ok(rejected) => {
                    let rejected = rejected.min(number);
                    self.flying.set(0);
                    let mut state = self.telemetry.state();
                    state.report.taken += number - rejected;
                    state.report.lost += rejected;
                    drop(state);
                    if rejected > 0 {
                        self.telemetry.fail("the collector rejected some of them");
                    }
                    return true;
                }
                Err(Failure::Passing(why, after)) => (why, after),
                Err(Failure::Unreachable(why)) if is_last => {
                    self.telemetry.fail(why);
                    self.lose();
                    return false;
                }
                Err(Failure::Unreachable(why)) => (why, None),
                Err(Failure::Lasting(why)) => {
                    self.telemetry.fail(why);
                    break;
                }
            };
            self.telemetry.fail(why);
            if attempt < ATTEMPTS {
                let pause = after.map_or_else(|| jitter(wait), |after| after.min(WAIT_MAX));
                wait *= 2;
                if is_last {
                    sleep(pause).await;
                } else {
                    // At the end it is tried once more at once.
                    let _ = timeout(pause, end.wait_for(Option::is_some)).await;
                }
            }
        }
        self.lose();
        true
    }

    /// Gives how many the collector rejected of what it took.
    async fn post(&self, path: &str, body: &Bytes, rejected: &str) -> Result<u64, Failure> {
        const BROKEN: Failure = Failure::Lasting("the request could not be written");
        let base = self.telemetry.base.to_string();
        let uri = Uri::try_from(format!("{}{path}", base.trim_end_matches('/'))).map_err(|_| BROKEN)?;
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        let agent = concat!("exfilter/", env!("CARGO_PKG_VERSION"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
        headers.extend(self.telemetry.headers.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(password) = self.dialer.password(&uri) {
            headers.insert(header::PROXY_AUTHORIZATION, password);
        }
        *request.uri_mut() = uri;
        let answered = timeout(self.telemetry.timeout, self.client.request(request)).await;
        let response = match answered {
            Err(_) => return Err(Failure::Passing("the collector did not answer in time", None)),
            Ok(Err(error)) if error.is_connect() => {
                return Err(Failure::Unreachable(
                    "the collector cannot be reached, or its certificate not verified",
                ));
            }
            Ok(Err(_)) => return Err(Failure::Passing("the collector closed the connection", None)),
            Ok(Ok(response)) => response,
        };
        match response.status() {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                let after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
                let after = after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
                Err(Failure::Passing("the collector is busy", after))
            }
            status if status.is_success() => Ok(self.rejected(response, rejected).await),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(Failure::Lasting("the collector lets nobody in without other headers"))
            }
            _ => Err(Failure::Lasting("the collector refused them")),
        }
    }

    /// Of an answer that cannot be read nothing is known but that all was taken.
    async fn rejected(&self, response: Response<Incoming>, name: &str) -> u64 {
        let body = Limited::new(response.into_body(), ANSWER_MAX).collect();
        let Ok(Ok(body)) = timeout(self.telemetry.timeout, body).await else { return 0 };
        let answer: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
        let number = &answer["partialSuccess"][name];
        number.as_u64().or_else(|| number.as_str()?.parse().ok()).unwrap_or(0)
    }

    /// What was on its way is lost.
    fn lose(&self) {
        self.telemetry.state().report.lost += self.flying.take();
    }

    /// All that is left is lost.
    fn give_up(&self) {
        self.lose();
        while let Some((_, number)) = self.telemetry.batch() {
            self.telemetry.state().report.lost += number;
        }
    }
}

impl Telemetry {
    fn fail(&self, why: &'static str) {
        self.state().report.why = Some(why);
    }
}

/// Between a half and three halves of a time, so that not all come back at once.
fn jitter(wait: Duration) -> Duration {
    let mut byte = [128];
    let _ = getrandom::fill(&mut byte);
    wait / 2 + wait * u32::from(byte[0]) / 255
}
