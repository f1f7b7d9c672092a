//! [`UpstreamProxy`]: the proxy behind which this machine stands, as companies have one.

use std::fmt;
use std::io;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service as _;

use crate::error::GuardError;

/// The proxies by which servers are reached: of HTTP, asked for tunnels, and for addresses as they are where nothing is encrypted.
///
/// A server that is reached by one is looked up by that proxy, so it alone knows whether a name leads into a private network.
#[derive(Clone)]
pub struct UpstreamProxy(Arc<Matcher>);

/// No tunnel was opened.
#[derive(Debug)]
pub(crate) struct NoTunnel;

impl UpstreamProxy {
    /// For `https`, for `http`, and hosts that are reached without: addresses like `http://user:password@proxy.example:3128`, empty for none, and names, suffixes and networks as `NO_PROXY` has them.
    ///
    /// # Errors
    ///
    /// [`GuardError`] for what is no address of a proxy that speaks HTTP without TLS.
    pub fn new(https: &str, http: &str, without: &str) -> Result<UpstreamProxy, GuardError> {
        let matcher = |without: &str| Matcher::builder().https(https).http(http).no(without).build();
        // What it cannot read it passes over, and then nothing would stand between.
        let all = matcher("");
        for (text, scheme) in [(https, "https"), (http, "http")] {
            let uri = Uri::builder().scheme(scheme).authority("example.com").path_and_query("/").build();
            let proxy = uri.ok().and_then(|uri| all.intercept(&uri));
            let speaks_http = proxy.is_some_and(|proxy| {
                proxy.uri().scheme_str() == Some("http")
                    && proxy.uri().host().is_some_and(|host| !host.is_empty())
            });
            if !text.is_empty() && !speaks_http {
                return Err(GuardError::upstream_proxy());
            }
        }
        Ok(UpstreamProxy(Arc::new(matcher(without))))
    }

    /// The proxy for a server.
    pub(crate) fn of(&self, server: &Uri) -> Option<Intercept> {
        self.0.intercept(server)
    }
}

/// Says nothing of passwords.
impl fmt::Debug for UpstreamProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UpstreamProxy")
    }
}

impl fmt::Display for NoTunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the upstream proxy opened no tunnel")
    }
}

impl std::error::Error for NoTunnel {}

/// A connection to a proxy.
pub(crate) async fn connect(proxy: &Uri) -> io::Result<TcpStream> {
    let host = proxy.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    TcpStream::connect((host, proxy.port_u16().unwrap_or(80))).await
}

/// A tunnel to a server.
pub(crate) async fn tunnel(proxy: &Intercept, server: Uri) -> io::Result<TcpStream> {
    let connector = Connector(|proxy: Uri| async move { connect(&proxy).await.map(TokioIo::new) });
    let mut tunnel = Tunnel::new(proxy.uri().clone(), connector);
    if let Some(password) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(password.clone());
    }
    match tunnel.call(server).await {
        Ok(io) => Ok(io.into_inner()),
        Err(_) => Err(io::Error::other(NoTunnel)),
    }
}

/// A function as what the HTTP library calls a connector.
#[derive(Clone)]
struct Connector<F>(F);

impl<F, Fut> tower_service::Service<Uri> for Connector<F>
where
    F: FnMut(Uri) -> Fut,
    Fut: Future<Output = io::Result<TokioIo<TcpStream>>>,
{
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Fut;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Fut {
        (self.0)(uri)
    }
}
