//! Connections: who comes in, and what is asked of whom.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use exfilter::Authority;
use exfilter::wire::Conversation;
use http::{Method, Request, Response, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ask;
use crate::busy::UnderWay;
use crate::dns;
use crate::exchange::{exchange, refuse_closed, refuse_plainly};
use crate::guard::Shared;
use crate::limits::{FIELDS, HEAD_BUFFER, STREAM_WINDOW, STREAMS};
use crate::listener::Kind;
use crate::message::{AnswerBody, whole};
use crate::metrics;
use crate::prefixed::Prefixed;
use crate::socks;
use crate::tunnel::tunnel;
use crate::ui::Ui;

/// The place of a connection among those that may be open, and that it is under way.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    _under_way: UnderWay,
}

/// What a connection is.
#[derive(Clone)]
pub(crate) enum Role {
    /// A client that uses a proxy, and its place among those that may. A tunnel keeps the place.
    Proxy(Arc<Place>),
    /// What it says to this server, through a tunnel.
    Inside(Authority),
}

/// What is spoken.
#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Takes connections until the runtime ends.
pub(crate) async fn listen(shared: Arc<Shared>, listener: Kind) -> io::Result<()> {
    let places = shared.places.clone();
    accept(listener, places, |stream, place| {
        let shared = shared.newest();
        match stream {
            Accepted::Tcp(stream) => drop(tokio::spawn(receive(shared, stream, place))),
            #[cfg(unix)]
            Accepted::Unix(stream) => drop(tokio::spawn(receive(shared, stream, place))),
        }
    })
    .await
}

/// Tells metrics until the runtime ends.
pub(crate) async fn tell(shared: Arc<Shared>, listener: Kind) -> io::Result<()> {
    accept(listener, Arc::new(Semaphore::new(READERS)), |stream, place| {
        let shared = shared.clone();
        tokio::spawn(async move {
            match stream {
                Accepted::Tcp(stream) => metrics::serve(shared, stream).await,
                #[cfg(unix)]
                Accepted::Unix(stream) => metrics::serve(shared, stream).await,
            }
            drop(place);
        });
    })
    .await
}

/// Answers questions of the DNS until the runtime ends.
pub(crate) async fn name(shared: Arc<Shared>, listener: Kind) -> io::Result<()> {
    accept(listener, Arc::new(Semaphore::new(ASKERS)), |stream, place| {
        let shared = shared.newest();
        tokio::spawn(async move {
            // Whoever gets no answer asks again.
            let _ = match stream {
                Accepted::Tcp(stream) => dns::serve_stream(shared, stream).await,
                #[cfg(unix)]
                Accepted::Unix(stream) => dns::serve_stream(shared, stream).await,
            };
            drop(place);
        });
    })
    .await
}

/// Shows what happens until the runtime ends.
pub(crate) async fn show(
    shared: Arc<Shared>,
    ui: Arc<Ui>,
    listener: std::net::TcpListener,
) -> io::Result<()> {
    accept(Kind::Tcp(listener), Arc::new(Semaphore::new(READERS)), |stream, place| {
        let (shared, ui) = (shared.newest(), ui.clone());
        tokio::spawn(async move {
            match stream {
                Accepted::Tcp(stream) => ui.serve(shared, stream).await,
                #[cfg(unix)]
                Accepted::Unix(_) => {}
            }
            drop(place);
        });
    })
    .await
}

/// Whoever came in.
enum Accepted {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Those who ask for names at once.
const ASKERS: usize = 64;

/// Those who read metrics at once.
const READERS: usize = 8;

async fn accept(
    listener: Kind,
    places: Arc<Semaphore>,
    mut serve: impl FnMut(Accepted, OwnedSemaphorePermit),
) -> io::Result<()> {
    let listener = Accepting::new(listener)?;
    loop {
        let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
        match listener.next().await {
            Ok(stream) => serve(stream, place),
            Err(_) => pause().await,
        }
    }
}

enum Accepting {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Accepting {
    fn new(listener: Kind) -> io::Result<Accepting> {
        Ok(match listener {
            Kind::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Accepting::Tcp(TcpListener::from_std(listener)?)
            }
            #[cfg(unix)]
            Kind::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Accepting::Unix(UnixListener::from_std(listener)?)
            }
        })
    }

    async fn next(&self) -> io::Result<Accepted> {
        match self {
            Accepting::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                let _ = stream.set_nodelay(true);
                Ok(Accepted::Tcp(stream))
            }
            #[cfg(unix)]
            Accepting::Unix(listener) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}

/// Without it, a lack of descriptors would be a loop at full speed.
pub(crate) async fn pause() {
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
}

/// Serves a client: of HTTP, or of SOCKS.
async fn receive<S>(shared: Arc<Shared>, stream: S, permit: OwnedSemaphorePermit)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let place = Place { _permit: permit, _under_way: shared.busy.begin() };
    let opened = tokio::time::timeout(shared.limits.head, Prefixed::new(stream));
    let Ok(Ok(io)) = opened.await else { return };
    match io.ahead() {
        [] => {}
        [socks::VERSION, ..] => {
            socks::serve(shared, io).await;
            drop(place);
        }
        _ => serve(shared, io, Role::Proxy(Arc::new(place)), Protocol::Http1).await,
    }
}

/// Serves the requests of a connection. Boxed, for tunnels come back here.
pub(crate) fn serve<S>(
    shared: Arc<Shared>,
    io: S,
    role: Role,
    protocol: Protocol,
) -> Pin<Box<dyn Future<Output = ()> + Send>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    Box::pin(async move {
        let limits = shared.limits.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (shared, role) = (shared.newest(), role.clone());
            async move { Ok::<_, Infallible>(answer(shared, role, request).await) }
        });
        // How a connection ends is told by its requests.
        match protocol {
            Protocol::Http1 => {
                let mut builder = http1::Builder::new();
                builder
                    .timer(TokioTimer::new())
                    .header_read_timeout(limits.head)
                    .max_headers(FIELDS)
                    .max_buf_size(HEAD_BUFFER);
                let _ = builder.serve_connection(TokioIo::new(io), service).with_upgrades().await;
            }
            Protocol::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder
                    .timer(TokioTimer::new())
                    .max_concurrent_streams(STREAMS)
                    // Parts of an object that wait for the one before them must leave room for it: all streams together cannot take all of the connection's.
                    .initial_stream_window_size(STREAM_WINDOW)
                    .initial_connection_window_size(2 * STREAMS * STREAM_WINDOW)
                    .max_header_list_size(u32::try_from(HEAD_BUFFER).expect("it is small"))
                    .keep_alive_interval(limits.head)
                    .keep_alive_timeout(limits.connect);
                let _ = builder.serve_connection(TokioIo::new(io), service).await;
            }
        }
    })
}

async fn answer(shared: Arc<Shared>, role: Role, mut request: Request<Incoming>) -> Response<AnswerBody> {
    match role {
        Role::Inside(_) if request.method() == Method::CONNECT => {
            refuse_plainly(&shared, None, Conversation::Tunnel, "a tunnel within a tunnel")
        }
        Role::Inside(to) => exchange(shared, to, request).await,
        Role::Proxy(place) if request.method() == Method::CONNECT => {
            let target = request.uri().authority().map_or("", |authority| authority.as_str());
            let checked = shared.target(target);
            let to = match checked.and_then(|to| shared.admits(&to, to.host()).map(|()| to)) {
                Ok(to) => to,
                Err(closed) => {
                    let shown = shared.target(target).ok();
                    return refuse_closed(&shared, shown.as_ref(), Conversation::Tunnel, closed);
                }
            };
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                if let Ok(upgraded) = upgrade.await {
                    tunnel(shared, to, TokioIo::new(upgraded)).await;
                }
                drop(place);
            });
            Response::new(whole(""))
        }
        Role::Proxy(_) => {
            let scheme = request.uri().scheme_str().unwrap_or("");
            let authority = request.uri().authority().map_or("", |authority| authority.as_str());
            match crate::gate::read(authority, "http") {
                Ok(to) if scheme == "http" && ask::is_asked(&to) => ask::answer(shared, to, request).await,
                Ok(to) if scheme == "http" && request.version() <= Version::HTTP_11 => {
                    exchange(shared, to, request).await
                }
                _ => refuse_plainly(
                    &shared,
                    None,
                    Conversation::Plain,
                    "this is a proxy: it takes CONNECT, and addresses that begin with http://",
                ),
            }
        }
    }
}
