//! A server of one test: TLS for every name it is given, or none, HTTP/1.1 and HTTP/2, and it keeps what it receives.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{self, Message};

/// A request as it arrived.
#[derive(Clone)]
pub(crate) struct Arrived {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) http2: bool,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let value = self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value);
        value.map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

/// What a server answers with.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// A server on this machine.
pub(crate) struct Upstream {
    pub(crate) tls: SocketAddr,
    pub(crate) plain: SocketAddr,
    pub(crate) ca: String,
    seen: Seen,
    _runtime: Runtime,
}

#[derive(Clone, Default)]
struct Seen {
    bytes: Arc<Mutex<Vec<u8>>>,
    requests: Arc<Mutex<Vec<Arrived>>>,
    connections: Arc<Mutex<usize>>,
    messages: Arc<Mutex<Vec<Vec<u8>>>>,
}

type Handler = Arc<dyn Fn(&Arrived) -> Answer + Send + Sync>;

impl Upstream {
    pub(crate) fn start(
        hosts: &[&str],
        protocols: &[&[u8]],
        answer: impl Fn(&Arrived) -> Answer + Send + Sync + 'static,
    ) -> Upstream {
        let ca_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&ca_key).unwrap();
        let issuer = Issuer::new(params, ca_key);
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], der)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (seen, handler): (Seen, Handler) = (Seen::default(), Arc::new(answer));
        let listen = |acceptor: Option<TlsAcceptor>| {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let address = listener.local_addr().unwrap();
            let (seen, handler) = (seen.clone(), handler.clone());
            runtime.spawn(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                loop {
                    let (tcp, _) = listener.accept().await.unwrap();
                    *seen.connections.lock().unwrap() += 1;
                    let (seen, handler, acceptor) = (seen.clone(), handler.clone(), acceptor.clone());
                    tokio::spawn(async move {
                        match acceptor {
                            None => serve(tcp, false, seen, handler).await,
                            Some(acceptor) => {
                                let Ok(tls) = acceptor.accept(tcp).await else { return };
                                let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
                                serve(tls, http2, seen, handler).await;
                            }
                        }
                    });
                }
            });
            address
        };
        let (tls, plain) = (listen(Some(acceptor)), listen(None));
        Upstream { tls, plain, ca: ca.pem(), seen, _runtime: runtime }
    }

    /// Everything that arrived, decrypted, also what was no whole request.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.seen.bytes.lock().unwrap().clone()
    }

    pub(crate) fn requests(&self) -> Vec<Arrived> {
        self.seen.requests.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.seen.connections.lock().unwrap()
    }

    /// What was said over WebSocket.
    pub(crate) fn messages(&self) -> Vec<Vec<u8>> {
        self.seen.messages.lock().unwrap().clone()
    }

    pub(crate) fn forget(&self) {
        self.seen.bytes.lock().unwrap().clear();
        self.seen.requests.lock().unwrap().clear();
    }
}

async fn serve<S>(io: S, http2: bool, seen: Seen, handler: Handler)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(Tap { inner: io, bytes: seen.bytes.clone() });
    let service = service_fn(move |request: Request<Incoming>| {
        let (seen, handler) = (seen.clone(), handler.clone());
        async move { Ok::<_, Infallible>(respond(request, http2, &seen, &handler).await) }
    });
    if http2 {
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(io, service)
            .await;
    } else {
        let _ =
            hyper::server::conn::http1::Builder::new().serve_connection(io, service).with_upgrades().await;
    }
}

async fn respond(
    request: Request<Incoming>,
    http2: bool,
    seen: &Seen,
    handler: &Handler,
) -> Response<Full<Bytes>> {
    let mut request = request;
    let upgrade = request.headers().contains_key("upgrade").then(|| hyper::upgrade::on(&mut request));
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Response::new(Full::default()) };
    let list = |map: &http::HeaderMap| {
        map.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect::<Vec<_>>()
    };
    let trailers = body.trailers().map(list).unwrap_or_default();
    let arrived = Arrived {
        method: parts.method.to_string(),
        target: parts.uri.path_and_query().map_or("", |target| target.as_str()).to_owned(),
        http2,
        headers: list(&parts.headers),
        body: body.to_bytes().to_vec(),
        trailers,
    };
    if let Some(upgrade) = upgrade {
        return converse(upgrade, arrived, seen);
    }
    let answer = tokio::task::block_in_place(|| handler(&arrived));
    seen.requests.lock().unwrap().push(arrived);
    let mut response = Response::builder().status(answer.status.max(200));
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Full::from(answer.body)).unwrap()
}

/// Speaks WebSocket: says first which credential it got, and then what it is told.
fn converse(upgrade: hyper::upgrade::OnUpgrade, asked: Arrived, seen: &Seen) -> Response<Full<Bytes>> {
    let key = asked.header("sec-websocket-key").unwrap_or_default();
    let authorization = asked.header("authorization").unwrap_or_default();
    let protocol = asked.header("sec-websocket-protocol");
    let accepted = tungstenite::handshake::derive_accept_key(key.as_bytes());
    seen.requests.lock().unwrap().push(asked);
    let messages = seen.messages.clone();
    tokio::spawn(async move {
        let io = TokioIo::new(upgrade.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
        socket.send(Message::text(format!("you are {authorization}"))).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            let said = message.clone().into_data();
            messages.lock().unwrap().push(said.to_vec());
            let sent = match message {
                Message::Text(text) if text.as_str() == "close" => {
                    let frame = CloseFrame { code: CloseCode::Normal, reason: "as asked".into() };
                    socket.close(Some(frame)).await
                }
                Message::Text(_) | Message::Binary(_) => socket.send(message).await,
                _ => Ok(()),
            };
            if sent.is_err() {
                return;
            }
        }
    });
    let mut response = Response::builder().status(101);
    if let Some(protocol) = protocol {
        response = response.header("sec-websocket-protocol", protocol);
    }
    response
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", accepted)
        .body(Full::default())
        .unwrap()
}

/// Keeps what is read.
struct Tap<S> {
    inner: S,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.bytes.lock().unwrap().extend_from_slice(&buf.filled()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
