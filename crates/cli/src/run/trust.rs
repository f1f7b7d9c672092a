//! The private folder with the certificate authorities.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;

use tempfile::TempDir;

use crate::ask;
use crate::sandbox::{self, Variable};

/// A folder that only its owner may enter, which is deleted with this.
pub(super) struct Trust {
    folder: TempDir,
}

impl Trust {
    /// Writes the certificates.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub(super) fn new(bundle: &str) -> io::Result<Trust> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("exfilter-run-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.tempdir()?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let trust = Trust { folder };
        options.open(trust.bundle())?.write_all(bundle.as_bytes())?;
        Ok(trust)
    }

    /// The folder.
    pub(super) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Where the guard's socket is, if it has one.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("guard.sock")
    }

    /// Where the guard answers questions of the DNS.
    #[cfg(target_os = "linux")]
    pub(super) fn names(&self) -> PathBuf {
        self.folder.path().join("names.sock")
    }

    /// Writes what resolvers in a network of their own read.
    ///
    /// # Errors
    ///
    /// Those of the system.
    #[cfg(target_os = "linux")]
    pub(super) fn resolver(&self) -> io::Result<PathBuf> {
        let path = self.folder.path().join("resolv.conf");
        std::fs::write(&path, "nameserver 127.0.0.1\n")?;
        Ok(path)
    }

    fn bundle(&self) -> PathBuf {
        self.folder.path().join("certificates.pem")
    }

    /// What the command gets: the proxy, whom to trust, and whom its hooks ask.
    pub(super) fn variables(&self, proxy: &str) -> Vec<Variable> {
        let mut variables = sandbox::variables(None, Some(proxy), Some(&self.bundle().to_string_lossy()));
        variables.push((ask::VARIABLE.to_owned(), Some(proxy.to_owned())));
        variables
    }
}
