//! [`Place`]: where a standing guard listens.

use std::io;
use std::net::{SocketAddr, TcpListener};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
#[cfg(unix)]
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

/// A socket in the file system. It is removed with this, unless another one is there by then.
pub(super) struct Socket {
    #[cfg(unix)]
    path: PathBuf,
    #[cfg(unix)]
    id: Option<(u64, u64)>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        #[cfg(unix)]
        if self.id.is_some() && id(&self.path) == self.id {
            let _ = std::fs::remove_file(&self.path);
        }
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
                let listener = Listener::unix(bind(path)?);
                let socket = Some(Socket { path: path.clone(), id: id(path) });
                Ok(Opened { listener, address: None, shown: self.shown(), socket })
            }
        }
    }

    /// The socket, if it is one.
    pub(super) fn socket(&self) -> Option<&Path> {
        match self {
            Place::Address(_) => None,
            #[cfg(unix)]
            Place::Socket(path) => Some(path),
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

/// What tells one file from another under the same name.
#[cfg(unix)]
fn id(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::symlink_metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Listens at `path`, for its owner alone. A socket has the mode that the process makes files with, so it is made in a folder that nobody else may enter, and comes to its place when it has its
/// mode: there is no moment at which others can connect.
#[cfg(unix)]
fn bind(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt as _;
    // It may come to a place where it has a longer path than a socket can be found by.
    std::os::unix::net::SocketAddr::from_pathname(path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // Short: the path of a socket may have some hundred bytes.
    builder.prefix(".").permissions(std::fs::Permissions::from_mode(0o700));
    let folder = builder.tempdir_in(parent).map_err(|error| {
        let shown = crate::text::escape(crate::text::path_bytes(parent));
        io::Error::new(error.kind(), format!("nothing can be made in the folder {shown}: {}", error.kind()))
    })?;
    let made = folder.path().join("s");
    let listener = UnixListener::bind(&made)?;
    std::fs::set_permissions(&made, std::fs::Permissions::from_mode(0o600))?;
    take_away(path, &folder.path().join("o"))?;
    // A link takes the place of nothing, were somebody else as quick.
    match std::fs::hard_link(&made, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(taken("something is there already"))
        }
        // Some file systems have no links.
        Err(_) => std::fs::rename(&made, path),
        Ok(()) => Ok(()),
    }?;
    Ok(listener)
}

/// Takes away the socket of a guard that has ended, and nothing else.
#[cfg(unix)]
fn take_away(path: &Path, aside: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt as _;
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(meta) if !meta.file_type().is_socket() => return Err(taken("a file that is no socket is there")),
        Ok(_) => {}
    }
    if !is_left(path) {
        return Err(taken("somebody listens there already"));
    }
    std::fs::rename(path, aside)?;
    if !is_left(aside) {
        // Another guard was quicker, and this one is its socket.
        std::fs::hard_link(aside, path).or_else(|_| std::fs::rename(aside, path))?;
        return Err(taken("somebody listens there already"));
    }
    Ok(())
}

/// Whether nobody listens at a socket any more.
#[cfg(unix)]
fn is_left(path: &Path) -> bool {
    UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(unix)]
fn taken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, what.to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = std::fs::read_dir(folder).expect("it is there").flatten();
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Says that something is done, whatever becomes of who holds it: a test that fails must end.
    struct Done<'a>(&'a AtomicBool);

    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Begins to listen where nobody does. A process that another test starts has a copy of what listened before, until it is a program of its own.
    fn open(path: &Path) -> Opened {
        let open = || Place::Socket(path.to_path_buf()).open();
        for _ in 0..60_000 {
            match open() {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                opened => return opened.expect("it listens"),
            }
        }
        open().expect("it listens")
    }

    /// Looks all the while: what can be seen under the name is never open to others.
    #[test]
    fn a_socket_has_its_mode_from_the_first_moment_on() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("guard.sock");
        // The last one was left behind, and open to everybody.
        drop(UnixListener::bind(&path).expect("a socket"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).expect("its own");
        let old = id(&path);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let Ok(meta) = std::fs::symlink_metadata(&path) else { continue };
                    let is_old = Some((meta.dev(), meta.ino())) == old;
                    assert!(is_old || meta.permissions().mode() & 0o777 == 0o600);
                }
            });
            let _done = Done(&done);
            for _ in 0..200 {
                let opened = open(&path);
                UnixStream::connect(&path).expect("its owner may");
                // As if it had been killed.
                std::mem::forget(opened.socket);
            }
        });
        assert_eq!(names(dir.path()), ["guard.sock"]);
        drop(open(&path));
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn what_is_not_left_behind_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("guard.sock");
        let why = || Place::Socket(path.clone()).open().err().expect("it is taken").to_string();
        std::fs::write(&path, "a text").expect("a file");
        assert_eq!(why(), "a file that is no socket is there");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"a text");
        std::fs::remove_file(&path).expect("it is there");
        let first = Place::Socket(path.clone()).open().expect("it listens");
        assert_eq!(why(), "somebody listens there already");
        UnixStream::connect(&path).expect("the first still listens");
        // Another one in its place is not removed with the first.
        std::fs::remove_file(&path).expect("it is there");
        let second = UnixListener::bind(&path).expect("a socket");
        drop(first);
        assert_eq!(names(dir.path()), ["guard.sock"]);
        drop(second);
        let nowhere = Place::Socket(dir.path().join("none/guard.sock")).open().err().expect("no folder");
        assert!(nowhere.to_string().contains("nothing can be made in the folder"), "{nowhere}");
        let long = Place::Socket(dir.path().join("x".repeat(150))).open().err().expect("too long");
        assert!(!long.to_string().is_empty() && names(dir.path()) == ["guard.sock"]);
    }
}
