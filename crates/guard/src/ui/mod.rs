//! A page of this machine that shows what happens: the last records, without content. One thing can be done there: to let a refusal pass once, where that may be let pass at all.
//!
//! - Its address holds a token that is made for the run; whoever has it not is told nothing, not even that there is a page.
//! - It answers under its own address alone: another site whose name leads here (DNS rebinding) has another `Host`, and another site's script says so (`Sec-Fetch-Site`).
//! - The page may load nothing and ask nobody but this server (`Content-Security-Policy`), and shows whatever it is told as text.
//! - What lets a refusal pass is another token. It stands behind the `#` of an address that is told to a person alone, so a browser sends it to nobody; the page's script puts it into a header of a POST,
//!   which no form and no other site can do, and which must come from the page's own `Origin`.

mod timeline;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use self::timeline::Timeline;
use crate::guard::Shared;
use crate::message::{AnswerBody, whole};

const PAGE: &str = include_str!("page.html");

/// Bytes of a token, and of the nonce of a page.
const RANDOM: usize = 16;

/// The header with what lets a refusal pass.
const KEY: &str = "x-exfilter-approve";

/// Where the page is, and who may see it.
pub(crate) struct Ui {
    token: String,
    key: String,
    hosts: [String; 2],
}

/// Addresses of a page that shows what happens ([`Running::show`](crate::Running::show)).
pub struct Page {
    url: String,
    key: String,
}

impl Page {
    /// With it one can look.
    #[must_use]
    pub fn looking(&self) -> &str {
        &self.url
    }

    /// With it one can also let refusals pass. For a person alone: whatever is behind the guard must not learn it, not from its environment, nor from a text or a file that it can read.
    #[must_use]
    pub fn approving(&self) -> String {
        format!("{}#{}", self.url, self.key)
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Page(..)")
    }
}

impl Ui {
    /// At an address of this machine.
    pub(crate) fn new(address: SocketAddr) -> io::Result<Ui> {
        let hosts = [address.to_string(), format!("localhost:{}", address.port())];
        Ok(Ui { token: random()?, key: random()?, hosts })
    }

    /// The addresses of the page.
    pub(crate) fn page(&self) -> Page {
        Page { url: format!("http://{}/{}/", self.hosts[0], self.token), key: self.key.clone() }
    }

    /// Serves a connection.
    pub(crate) async fn serve<S>(self: Arc<Ui>, shared: Arc<Shared>, io: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let patience = shared.limits.head;
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = self.answer(&shared, &request);
            async move { Ok::<_, Infallible>(answer) }
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(patience).keep_alive(false);
        let _ = builder.serve_connection(TokioIo::new(io), service).await;
    }

    fn answer(&self, shared: &Shared, request: &Request<Incoming>) -> Response<AnswerBody> {
        if !self.is_own(request.headers()) {
            return plain(StatusCode::MISDIRECTED_REQUEST, "this server has another name\n");
        }
        let path = request.uri().path().strip_prefix('/').and_then(|path| path.split_once('/'));
        let Some((_, place)) = path.filter(|(token, _)| is_same(token.as_bytes(), &self.token)) else {
            return plain(StatusCode::NOT_FOUND, "nothing is here\n");
        };
        if let Some(number) = place.strip_prefix("approve/") {
            return self.approve(shared, request, number);
        }
        match place {
            _ if request.method() != Method::GET => plain(StatusCode::METHOD_NOT_ALLOWED, "GET alone\n"),
            "" => page(),
            "records" => {
                let after = request.uri().query().and_then(|query| query.strip_prefix("after="));
                let mut told = shared.metrics.timeline.tell(after.and_then(|n| n.parse().ok()).unwrap_or(0));
                told["quarantine"] = shared.is_quarantined().into();
                respond(StatusCode::OK, "application/json", told.to_string(), "default-src 'none'")
            }
            _ => plain(StatusCode::NOT_FOUND, "nothing is here\n"),
        }
    }

    /// Lets a refusal pass once.
    fn approve(&self, shared: &Shared, request: &Request<Incoming>, number: &str) -> Response<AnswerBody> {
        if request.method() != Method::POST {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "POST alone\n");
        }
        let one = |name: HeaderName| {
            let mut values = request.headers().get_all(name).iter();
            values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)
        };
        // The host is one of this server's: it was looked at before.
        let own = one(header::HOST).map(|host| [b"http://", host].concat());
        let is_own = own.is_some() && one(header::ORIGIN) == own.as_deref();
        let has_key = one(HeaderName::from_static(KEY)).is_some_and(|key| is_same(key, &self.key));
        if !is_own || !has_key {
            return plain(
                StatusCode::FORBIDDEN,
                "only this page approves, at the address that has its key\n",
            );
        }
        let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
        match number.parse().ok().filter(|_| is_number).map(|number| shared.approve(number)) {
            None => plain(StatusCode::NOT_FOUND, "nothing is here\n"),
            Some(Ok(())) => plain(StatusCode::OK, "it may be sent once within the next five minutes\n"),
            Some(Err(why)) => plain(StatusCode::CONFLICT, why.text()),
        }
    }

    /// Whether a request is for this server, and from nobody else's page.
    fn is_own(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let is_here = |host: &HeaderValue| self.hosts.iter().any(|own| own.as_bytes() == host.as_bytes());
        let is_own_host = hosts.next().is_some_and(is_here) && hosts.next().is_none();
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        is_own_host && site.is_none_or(|site| site == b"same-origin" || site == b"none")
    }
}

fn page() -> Response<AnswerBody> {
    let Ok(nonce) = random() else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "the system gives no random numbers\n");
    };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    respond(StatusCode::OK, "text/html; charset=utf-8", PAGE.replace("{nonce}", &nonce), &policy)
}

fn plain(status: StatusCode, text: &'static str) -> Response<AnswerBody> {
    respond(status, "text/plain; charset=utf-8", text.to_owned(), "default-src 'none'")
}

fn respond(status: StatusCode, kind: &'static str, body: String, policy: &str) -> Response<AnswerBody> {
    let mut response = Response::new(whole(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Compared by hashes, so how much of a guess is right does not show in the time.
fn is_same(guess: &[u8], token: &str) -> bool {
    blake3::hash(guess) == blake3::hash(token.as_bytes())
}

/// Digits that nobody guesses.
fn random() -> io::Result<String> {
    let mut bytes = [0; RANDOM];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
