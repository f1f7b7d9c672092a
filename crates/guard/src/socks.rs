//! SOCKS5 ([RFC 1928](https://www.rfc-editor.org/rfc/rfc1928)): the way to a tunnel for clients that know no other. CONNECT alone, without authentication.
//!
//! ```text
//! client  05 n METHODS     05 01 00 TYPE ADDRESS PORT          as behind CONNECT of HTTP
//! guard            05 00                              05 00 00 01 0 0 0 0 0 0
//! ```
//!
//! The answer says that the tunnel is open before anybody is dialled: that happens for each request in it, after its verdict.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use exfilter::Authority;
use exfilter::wire::Conversation;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::exchange::{refuse_closed, refuse_plainly};
use crate::gate::Closed;
use crate::guard::Shared;
use crate::tunnel::tunnel;

/// With what its messages begin.
pub(crate) const VERSION: u8 = 5;

const NO_AUTHENTICATION: u8 = 0;
const NO_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;

/// What a client is answered.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Answer {
    Open = 0,
    NotAllowed = 2,
    NoSuchCommand = 7,
    NoSuchAddress = 8,
}

/// Serves a client of which nothing was read yet.
pub(crate) async fn serve<S>(shared: Arc<Shared>, mut io: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let asked = tokio::time::timeout(shared.limits.head, ask(&shared, &mut io));
    let Ok(Ok(Some(to))) = asked.await else {
        // Whoever is refused is told and hung up on; whoever says nothing sensible is hung up on.
        let _ = io.shutdown().await;
        return;
    };
    tunnel(shared, to, io).await;
}

/// Where the client wants to go, if it may.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    shared: &Shared,
    io: &mut S,
) -> io::Result<Option<Authority>> {
    let [version, count] = read(io).await?;
    let mut methods = [0; 255];
    let methods = &mut methods[..count.into()];
    io.read_exact(methods).await?;
    if version != VERSION || !methods.contains(&NO_AUTHENTICATION) {
        refused(shared, None, "a SOCKS client that wants to log in: the guard asks for no password");
        io.write_all(&[VERSION, NO_METHOD]).await?;
        return Ok(None);
    }
    io.write_all(&[VERSION, NO_AUTHENTICATION]).await?;
    let [version, command, _, kind] = read(io).await?;
    if version != VERSION {
        return Ok(None);
    }
    let host = match kind {
        1 => Ipv4Addr::from(read(io).await?).to_string().into_bytes(),
        4 => format!("[{}]", Ipv6Addr::from(read(io).await?)).into_bytes(),
        3 => {
            let [length] = read(io).await?;
            let mut name = vec![0; length.into()];
            io.read_exact(&mut name).await?;
            name
        }
        _ => {
            answer(io, Answer::NoSuchAddress).await?;
            return Ok(None);
        }
    };
    let port = u16::from_be_bytes(read(io).await?);
    if command != CONNECT {
        refused(shared, None, "SOCKS for UDP or for connections from outside, into which nobody can look");
        answer(io, Answer::NoSuchCommand).await?;
        return Ok(None);
    }
    let target = String::from_utf8(host).map(|host| format!("{host}:{port}"));
    let to = target.map_err(|_| Closed::Malformed).and_then(|target| shared.target(&target));
    match to.as_ref().map_err(|closed| *closed).and_then(|to| shared.admits(to, to.host())) {
        Ok(()) => answer(io, Answer::Open).await?,
        Err(closed) => {
            // What it is told has no room for a reason.
            drop(refuse_closed(shared, to.as_ref().ok(), Conversation::Tunnel, closed));
            answer(io, Answer::NotAllowed).await?;
            return Ok(None);
        }
    }
    Ok(to.ok())
}

async fn read<const N: usize>(io: &mut (impl AsyncRead + Unpin)) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    io.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn answer(io: &mut (impl AsyncWrite + Unpin), answer: Answer) -> io::Result<()> {
    io.write_all(&[VERSION, answer as u8, 0, 1, 0, 0, 0, 0, 0, 0]).await
}

fn refused(shared: &Shared, to: Option<&Authority>, why: &str) {
    // What it is told has no room for a reason.
    drop(refuse_plainly(shared, to, Conversation::Tunnel, why));
}
