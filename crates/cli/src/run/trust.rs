//! The private folder with the certificate authorities, and the variables that name them and the proxy.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;

use tempfile::TempDir;

/// Variables that name a file with all certificate authorities.
const CERTIFICATES: [&str; 13] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "npm_config_cafile",
    "DENO_CERT",
    "NODE_EXTRA_CA_CERTS",
    "AWS_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "NIX_SSL_CERT_FILE",
    "BUNDLE_SSL_CA_CERT",
];

/// Variables that name the proxy, in both cases.
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Variables that would lead around it.
const AROUND: [&str; 5] = ["NO_PROXY", "no_proxy", "npm_config_noproxy", "SSL_CERT_DIR", "GIT_SSL_NO_VERIFY"];

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

    fn bundle(&self) -> PathBuf {
        self.folder.path().join("certificates.pem")
    }

    /// What the command gets: the proxy, and whom to trust.
    pub(super) fn variables(&self, proxy: &str) -> Vec<(&'static str, Option<String>)> {
        variables(&self.bundle().to_string_lossy(), proxy)
    }
}

/// The proxy, and the file of those whom to trust; `None` is a variable that is taken away.
pub(super) fn variables(bundle: &str, proxy: &str) -> Vec<(&'static str, Option<String>)> {
    let mut out: Vec<(&str, Option<String>)> =
        CERTIFICATES.iter().map(|name| (*name, Some(bundle.to_owned()))).collect();
    out.extend(proxies(proxy).map(|(name, proxy)| (name, Some(proxy))));
    // Emptied, not removed: a program that has a list of its own asks for the variable first.
    out.extend([("NO_PROXY", Some(String::new())), ("no_proxy", Some(String::new()))]);
    out.extend(AROUND.iter().skip(2).map(|name| (*name, None)));
    // Node's own requests ask the environment for a proxy only then.
    out.push(("NODE_USE_ENV_PROXY", Some("1".into())));
    out
}

/// The variables that name the proxy.
pub(super) fn proxies(proxy: &str) -> impl Iterator<Item = (&'static str, String)> {
    PROXIES.iter().map(|name| (*name, proxy.to_owned()))
}
