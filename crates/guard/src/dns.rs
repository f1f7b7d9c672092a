//! A server of the DNS that asks nobody: names that may be reached have the addresses that it was told, all others are refused. What is asked is examined as any name is.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use exfilter::Authority;
use exfilter::wire::dns::{Answer, MESSAGE_MAX, Query};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UdpSocket;

use crate::authority_cert::ip;
use crate::gate::Closed;
use crate::guard::Shared;
use crate::record::{Outcome, Record};

/// How a record calls it.
const DNS: &str = "dns";

/// The addresses that are told of names that may be reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Addresses {
    /// These, of every name.
    Same { v4: Option<Ipv4Addr>, v6: Option<Ipv6Addr> },
    /// Of each name another one, by which it is found again.
    Own,
}

/// A message of TCP has its length before it, in two bytes ([RFC 1035 section 4.2.2](https://www.rfc-editor.org/rfc/rfc1035#section-4.2.2)). Answers until the client ends.
pub(crate) async fn serve_stream<S>(shared: Arc<Shared>, mut io: S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let length = tokio::time::timeout(shared.limits.idle, io.read_u16()).await??;
        // A byte more than is read: what is longer is told from what is whole, and is not gone on with.
        let length = usize::from(length).min(MESSAGE_MAX + 1);
        let mut message = [0; MESSAGE_MAX + 1];
        let message = &mut message[..length];
        tokio::time::timeout(shared.limits.head, io.read_exact(message)).await??;
        let Some(reply) = reply(&shared.newest(), message, Addresses::Own) else { return Ok(()) };
        let framed =
            [&u16::try_from(reply.len()).map_err(io::Error::other)?.to_be_bytes()[..], &reply].concat();
        tokio::time::timeout(shared.limits.head, io.write_all(&framed)).await??;
        if length > MESSAGE_MAX {
            return Ok(());
        }
    }
}

/// Answers until the runtime ends.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    socket: std::net::UdpSocket,
    addresses: Addresses,
) -> io::Result<()> {
    let socket = UdpSocket::from_std(socket)?;
    // A byte more than is read: what is longer is told from what is whole.
    let mut message = [0; MESSAGE_MAX + 1];
    loop {
        let Ok((len, from)) = socket.recv_from(&mut message).await else {
            crate::door::pause().await;
            continue;
        };
        if let Some(reply) = reply(&shared.newest(), &message[..len], addresses) {
            // Whoever does not get it asks again.
            let _ = socket.send_to(&reply, from).await;
        }
    }
}

fn reply(shared: &Shared, message: &[u8], addresses: Addresses) -> Option<Vec<u8>> {
    let query = match Query::parse(message) {
        Ok(query) => query,
        Err(malformed) => return malformed.reply().map(|reply| reply.to_vec()),
    };
    let to = read(query.name());
    let checked = to.as_ref().ok_or(Closed::Malformed).and_then(|(to, spelled)| shared.admits(to, spelled));
    let Err(closed) = checked else {
        let answer = match (addresses, &to) {
            (Addresses::Same { v4, v6 }, _) => Answer::Addresses { v4, v6 },
            (Addresses::Own, Some((to, _))) => match shared.given.address(to.host()) {
                Some(ip) => Answer::Addresses { v4: Some(ip), v6: None },
                None => refused(shared, Some(to.to_string()), "there have been too many names"),
            },
            (Addresses::Own, None) => Answer::Refused,
        };
        return Some(query.reply(&answer));
    };
    // Of a name that holds a secret nothing is repeated.
    let told = to.filter(|_| !matches!(closed, Closed::Secret(_))).map(|(to, _)| to.to_string());
    let mut record = Record::new(told, DNS, Outcome::Refused { why: closed.text().into() });
    if let Closed::Secret(Some(hit)) = closed {
        record.quarantine = shared.count_hit(hit);
    }
    // What is refused is refused, recorded or not.
    let _ = shared.sink.record(&record);
    Some(query.reply(&Answer::Refused))
}

fn refused(shared: &Shared, to: Option<String>, why: &str) -> Answer {
    let _ = shared.sink.record(&Record::new(to, DNS, Outcome::Refused { why: why.into() }));
    Answer::Refused
}

/// A name of a host, and as it was asked for.
fn read(name: &[u8]) -> Option<(Authority, &str)> {
    let is_host = |b: &u8| b.is_ascii_alphanumeric() || b"._-".contains(b);
    let spelled = str::from_utf8(name).ok().filter(|name| name.bytes().all(|b| is_host(&b)))?;
    let to = Authority::parse(format!("dns://{spelled}:53").as_bytes()).ok()?;
    ip(to.host()).is_none().then_some((to, spelled))
}
