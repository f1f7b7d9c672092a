//! [`Place`]: where a standing guard listens.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::str::FromStr;

use exfilter_guard::Listener;

/// Where a standing guard listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// An address of this machine.
    Address(SocketAddr),
    /// A unix socket.
    #[cfg(unix)]
    Socket(PathBuf),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        #[cfg(unix)]
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err("no path".into()) } else { Ok(Place::Socket(path.into())) };
        }
        text.parse().map(Place::Address).map_err(|_| "neither ADDRESS:PORT nor unix:PATH".into())
    }
}

/// A listener, and what is removed when it ends.
pub(super) struct Opened {
    pub(super) listener: Listener,
    /// The address, with the port that was given to it.
    pub(super) address: Option<SocketAddr>,
    /// The same, or the socket, as it is typed.
    pub(super) shown: String,
    pub(super) socket: Option<Socket>,
}

/// A socket in the file system. It is removed with this.
pub(super) struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Place {
    /// Begins to listen. A socket that a guard before left behind is replaced, one at which somebody listens is not.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub(super) fn open(&self) -> io::Result<Opened> {
        match self {
            Place::Address(address) => {
                let listener = TcpListener::bind(address)?;
                let address = listener.local_addr()?;
                let shown = address.to_string();
                Ok(Opened { listener: Listener::tcp(listener), address: Some(address), shown, socket: None })
            }
            #[cfg(unix)]
            Place::Socket(path) => {
                use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
                use std::os::unix::net::{UnixListener, UnixStream};
                let is_left = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket())
                    && UnixStream::connect(path)
                        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
                if is_left {
                    std::fs::remove_file(path)?;
                }
                let listener = UnixListener::bind(path)?;
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
                let (listener, socket) = (Listener::unix(listener), Some(Socket(path.clone())));
                Ok(Opened { listener, address: None, shown: self.shown(), socket })
            }
        }
    }

    /// As it is typed.
    pub(super) fn shown(&self) -> String {
        match self {
            Place::Address(address) => address.to_string(),
            #[cfg(unix)]
            Place::Socket(path) => format!("unix:{}", crate::text::escape(crate::text::path_bytes(path))),
        }
    }
}
