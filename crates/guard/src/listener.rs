//! [`Listener`]: where clients come in.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
#[cfg(unix)]
use std::os::unix::net::UnixListener;

/// Where clients come in.
pub struct Listener(pub(crate) Kind);

pub(crate) enum Kind {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listener {
    /// A free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn loopback() -> io::Result<Listener> {
        Ok(Listener(Kind::Tcp(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?)))
    }

    /// A listener that is there already.
    #[must_use]
    pub fn tcp(listener: TcpListener) -> Listener {
        Listener(Kind::Tcp(listener))
    }

    /// A unix socket, for a sandbox without a network.
    #[cfg(unix)]
    #[must_use]
    pub fn unix(listener: UnixListener) -> Listener {
        Listener(Kind::Unix(listener))
    }

    /// Its address, if it has one.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Kind::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Kind::Unix(_) => None,
        }
    }
}
