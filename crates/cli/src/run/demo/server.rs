//! [`Server`]: speaks HTTP over TLS on this machine, answers every request with the credential that it got, and keeps every byte.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The most that is kept, in bytes: the program sends some kilobytes.
const MOST: usize = 1 << 20;

/// What arrived.
#[derive(Default)]
pub(super) struct Arrived {
    pub(super) requests: u64,
    /// As it was decrypted.
    pub(super) bytes: Vec<u8>,
}

/// A server of this process.
pub(super) struct Server {
    address: SocketAddr,
    certificate: String,
    arrived: Arc<Mutex<Arrived>>,
}

impl Server {
    /// Starts one that is `host`, until the process ends.
    ///
    /// # Errors
    ///
    /// Those of the system, and of what makes certificates.
    pub(super) fn start(host: &str) -> io::Result<Server> {
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).map_err(io::Error::other)?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .map_err(io::Error::other)?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let (address, arrived) = (listener.local_addr()?, Arc::<Mutex<Arrived>>::default());
        let (acceptor, kept) = (TlsAcceptor::from(Arc::new(config)), arrived.clone());
        let runtime = super::super::child::runtime()?;
        std::thread::Builder::new().name("demo-server".into()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(acceptor.clone(), stream, kept.clone()));
                }
            });
        })?;
        Ok(Server { address, certificate: made.cert.pem(), arrived })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its certificate, in PEM.
    pub(super) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// What arrived so far.
    pub(super) fn arrived(&self) -> MutexGuard<'_, Arrived> {
        lock(&self.arrived)
    }
}

fn lock(arrived: &Mutex<Arrived>) -> MutexGuard<'_, Arrived> {
    arrived.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, arrived: Arc<Mutex<Arrived>>) {
    let Ok(inner) = acceptor.accept(stream).await else { return };
    let io = TokioIo::new(Kept { inner, arrived: arrived.clone() });
    let service = service_fn(move |request| answer(request, arrived.clone()));
    // A connection that breaks is the other side's end.
    let _ = http1::Builder::new().serve_connection(io, service).await;
}

/// Says which credential came, as an API that is debugged does.
async fn answer(
    request: Request<Incoming>,
    arrived: Arc<Mutex<Arrived>>,
) -> hyper::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    body.collect().await?;
    lock(&arrived).requests += 1;
    let credential =
        head.headers.get(AUTHORIZATION).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
    Ok(Response::new(Full::new(credential.into())))
}

/// A stream of which everything that is read is kept.
struct Kept<S> {
    inner: S,
    arrived: Arc<Mutex<Arrived>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Kept<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        let mut arrived = lock(&self.arrived);
        let new = &buf.filled()[before..];
        let room = MOST.saturating_sub(arrived.bytes.len());
        arrived.bytes.extend_from_slice(&new[..new.len().min(room)]);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Kept<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
