//! [`Dialer`]: the way out. It resolves and connects when a request is sent, which is after its verdict.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use exfilter::Authority;
use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::authority_cert::{ip, pem};
use crate::error::GuardError;
use crate::gate::Gate;
use crate::upstream_proxy::{self, UpstreamProxy};

/// Certificate authorities for servers, and the same in PEM.
pub(crate) struct Roots {
    store: RootCertStore,
    pem: String,
}

impl Roots {
    /// Those of the system and further ones.
    pub(crate) fn load(further: &[Vec<u8>]) -> Result<Roots, GuardError> {
        let mut roots = Roots { store: RootCertStore::empty(), pem: String::new() };
        // Single ones that cannot be read are left out: fewer servers are verified then, never more.
        for certificate in rustls_native_certs::load_native_certs().certs {
            roots.add(certificate);
        }
        for text in further {
            let before = roots.store.len();
            for certificate in CertificateDer::pem_slice_iter(text) {
                roots.add(certificate.map_err(|_| GuardError::upstream_root())?);
            }
            if roots.store.len() == before {
                return Err(GuardError::upstream_root());
            }
        }
        if roots.store.is_empty() { Err(GuardError::roots()) } else { Ok(roots) }
    }

    /// All of them in PEM.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    fn add(&mut self, certificate: CertificateDer<'static>) {
        let text = pem(&certificate);
        if self.store.add(certificate).is_ok() {
            self.pem.push_str(&text);
        }
    }

    /// How TLS to servers is spoken; `protocols` are offered.
    pub(crate) fn config(&self, protocols: &[&[u8]]) -> Result<Arc<ClientConfig>, GuardError> {
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|_| GuardError::certificate())?
                .with_root_certificates(self.store.clone())
                .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

/// Where the guard's own pages are.
#[derive(Default)]
pub(crate) struct Pages(Mutex<Vec<SocketAddr>>);

impl Pages {
    pub(crate) fn add(&self, page: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(page);
    }

    /// Whether somebody who connects there comes to one of them: also by no address, which is that of this machine.
    fn is_one(&self, address: SocketAddr) -> bool {
        let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ip = address.ip().to_canonical();
        pages.iter().any(|page| page.port() == address.port() && (page.ip() == ip || ip.is_unspecified()))
    }
}

/// Connects to servers.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub(crate) gate: Arc<Gate>,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) resolve: Arc<HashMap<(String, u16), SocketAddr>>,
    pub(crate) proxy: Option<UpstreamProxy>,
    /// Whether also what is not encrypted goes through a tunnel of that proxy: it is no plain request then.
    pub(crate) tunnels: bool,
    pub(crate) pages: Arc<Pages>,
    pub(crate) patience: Duration,
}

impl Dialer {
    /// What the upstream proxy wants to know beside a request that it gets as it is.
    pub(crate) fn password(&self, uri: &Uri) -> Option<HeaderValue> {
        self.plain_proxy(uri)?.basic_auth().cloned()
    }

    /// The upstream proxy, where it gets requests as they are.
    fn plain_proxy(&self, uri: &Uri) -> Option<Intercept> {
        let is_plain = !self.tunnels && uri.scheme_str() == Some("http");
        let proxy = self.proxy.as_ref().filter(|_| is_plain)?;
        let is_placed = read(uri).is_ok_and(|to| self.place(&to).is_some());
        proxy.of(uri).filter(|_| !is_placed)
    }

    /// The address that was set for a server.
    fn place(&self, to: &Authority) -> Option<&SocketAddr> {
        self.resolve.get(&(bare(to).to_owned(), to.port()))
    }

    async fn connect(self, uri: Uri) -> io::Result<TokioIo<Line>> {
        let to = read(&uri)?;
        if let Some(proxy) = self.plain_proxy(&uri) {
            let tcp = tokio::time::timeout(self.patience, upstream_proxy::connect(proxy.uri())).await??;
            let _ = tcp.set_nodelay(true);
            return Ok(TokioIo::new(Line::Proxy(tcp)));
        }
        let tcp = self.tcp(&to).await?;
        let _ = tcp.set_nodelay(true);
        if to.scheme() != "https" {
            return Ok(TokioIo::new(Line::Plain(tcp)));
        }
        let name = match ip(to.host()) {
            Some(ip) => ServerName::from(ip),
            None => ServerName::try_from(to.host().to_owned())
                .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?,
        };
        let handshake = TlsConnector::from(self.tls).connect(name, tcp);
        let tls = tokio::time::timeout(self.patience, handshake).await??;
        Ok(TokioIo::new(Line::Tls(Box::new(tls))))
    }

    /// Connects to a host, if its address may be dialled.
    pub(crate) async fn tcp(&self, to: &Authority) -> io::Result<TcpStream> {
        if let Some(address) = self.place(to) {
            return tokio::time::timeout(self.patience, TcpStream::connect(address)).await?;
        }
        if let Some(proxy) = &self.proxy {
            let server =
                Uri::try_from(to.to_string()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
            if let Some(proxy) = proxy.of(&server) {
                return tokio::time::timeout(self.patience, upstream_proxy::tunnel(&proxy, server)).await?;
            }
        }
        let lookup = tokio::net::lookup_host((bare(to), to.port()));
        let addresses = tokio::time::timeout(self.patience, lookup).await??;
        let mut last = io::Error::from(io::ErrorKind::PermissionDenied);
        for address in
            addresses.filter(|address| self.gate.may_dial(to, address.ip()) && !self.pages.is_one(*address))
        {
            match tokio::time::timeout(self.patience, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }
}

impl tower_service::Service<Uri> for Dialer {
    type Response = TokioIo<Line>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Line>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

fn read(uri: &Uri) -> io::Result<Authority> {
    let (scheme, authority) = (uri.scheme_str().unwrap_or(""), uri.authority().map_or("", |a| a.as_str()));
    Authority::parse(format!("{scheme}://{authority}").as_bytes())
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

/// A host without the brackets of an address.
fn bare(to: &Authority) -> &str {
    to.host().trim_start_matches('[').trim_end_matches(']')
}

/// A connection to a server.
pub(crate) enum Line {
    Plain(TcpStream),
    /// The upstream proxy, which gets requests as they are.
    Proxy(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        match self {
            Line::Tls(tls) if tls.get_ref().1.alpn_protocol() == Some(b"h2") => {
                Connected::new().negotiated_h2()
            }
            Line::Proxy(_) => Connected::new().proxy(true),
            _ => Connected::new(),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Plain(tcp) | Line::Proxy(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Line::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Line::Plain(tcp) | Line::Proxy(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Line::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Plain(tcp) | Line::Proxy(tcp) => Pin::new(tcp).poll_flush(cx),
            Line::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Plain(tcp) | Line::Proxy(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Line::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
