//! CONNECT: whose tunnel it is, and what is spoken in it.

use std::sync::Arc;

use exfilter::Authority;
use exfilter::wire::Conversation;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::LazyConfigAcceptor;

use crate::door::{self, Protocol};
use crate::guard::Shared;
use crate::prefixed::Prefixed;
use crate::record::{Outcome, Record};
use crate::ssh;

/// A fatal alert `unrecognized_name` ([RFC 6066 section 3](https://www.rfc-editor.org/rfc/rfc6066#section-3)).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// Serves what comes through a tunnel to `to` (https).
pub(crate) async fn tunnel<S>(shared: Arc<Shared>, to: Authority, io: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let opened = tokio::time::timeout(shared.limits.connect, Prefixed::new(io));
    let Ok(Ok(io)) = opened.await else {
        // Of servers that speak first there is nothing to examine, and nothing was dialled.
        return closed(&shared, &to, "a tunnel in which the client said nothing");
    };
    match io.ahead() {
        [] => {}
        [0x16, ..] => encrypted(shared, to, io).await,
        ahead if begins_request(ahead) => {
            let text = format!("http://{}:{}", to.host(), to.port());
            match Authority::parse(text.as_bytes()) {
                Ok(to) => door::serve(shared, io, door::Role::Inside(to), Protocol::Http1).await,
                Err(_) => closed(&shared, &to, "a tunnel to no host"),
            }
        }
        [b'S', b'S', b'H', ..] if shared.ssh.is_some() => secure_shell(shared, to, io).await,
        [b'S', b'S', b'H', ..] => closed(&shared, &to, "a tunnel of SSH, into which nobody can look"),
        _ => closed(&shared, &to, "a tunnel of neither TLS nor HTTP, into which nobody can look"),
    }
}

async fn secure_shell<S>(shared: Arc<Shared>, to: Authority, io: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let text = format!("ssh://{}:{}", to.host(), to.port());
    match (Authority::parse(text.as_bytes()), shared.ssh.clone()) {
        (Ok(to), Some(settings)) => ssh::serve(shared, settings, to, io).await,
        _ => closed(&shared, &to, "a tunnel to no host"),
    }
}

async fn encrypted<S>(shared: Arc<Shared>, to: Authority, io: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let patience = shared.limits.connect;
    let hello = LazyConfigAcceptor::new(Acceptor::default(), io);
    let Ok(Ok(hello)) = tokio::time::timeout(patience, hello).await else {
        return closed(&shared, &to, "a tunnel whose TLS does not parse");
    };
    let is_other = hello
        .client_hello()
        .server_name()
        .is_some_and(|name| !name.trim_end_matches('.').eq_ignore_ascii_case(to.host()));
    if is_other {
        // Recorded before it is told, as all refusals are.
        closed(&shared, &to, "TLS names another host (SNI) than the tunnel");
        let mut io = hello.io;
        let _ = io.write_all(&UNRECOGNIZED_NAME).await;
        let _ = io.shutdown().await;
        return;
    }
    let Ok(config) = shared.authority.config(to.host()) else {
        return closed(&shared, &to, "no certificate could be made for this host");
    };
    let Ok(Ok(tls)) = tokio::time::timeout(patience, hello.into_stream(config)).await else {
        let why = "the client ended the TLS handshake: it may not trust the guard's certificate authority";
        return failed(&shared, &to, why);
    };
    let protocol = match tls.get_ref().1.alpn_protocol() {
        Some(b"h2") => Protocol::Http2,
        _ => Protocol::Http1,
    };
    door::serve(shared, tls, door::Role::Inside(to), protocol).await;
}

/// Whether these bytes can be the beginning of a request of HTTP/1.1: a method.
fn begins_request(ahead: &[u8]) -> bool {
    let method = ahead.iter().take_while(|b| b.is_ascii_uppercase()).count();
    // `PRI` begins HTTP/2 without TLS, which nobody speaks to proxies.
    method >= 3
        && (method == ahead.len() || ahead[method] == b' ')
        && !ahead.starts_with(b"PRI ")
        && !ahead.starts_with(b"SSH")
}

fn closed(shared: &Shared, to: &Authority, why: &str) {
    let outcome = Outcome::Refused { why: why.into() };
    let _ = shared.sink.record(&Record::new(Some(to.to_string()), Conversation::Tunnel.as_str(), outcome));
}

fn failed(shared: &Shared, to: &Authority, why: &'static str) {
    let outcome = Outcome::Failed { why };
    let _ = shared.sink.record(&Record::new(Some(to.to_string()), Conversation::Tunnel.as_str(), outcome));
}
