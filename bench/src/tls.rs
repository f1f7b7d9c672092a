//! TLS for benches: a server's certificate by an authority of its own, and clients that trust one.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// A connection of either kind.
pub trait Line: Read + Write + Send {}

impl<T: Read + Write + Send> Line for T {}

/// A server's side.
pub struct Server {
    config: Arc<ServerConfig>,
    /// The authority that signed its certificate, in PEM.
    pub root: String,
}

impl Server {
    /// For one name.
    ///
    /// # Panics
    ///
    /// If no certificate can be made.
    #[must_use]
    pub fn new(name: &str) -> Server {
        let ca_key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&ca_key).expect("a certificate");
        let issuer = Issuer::new(params, ca_key);
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .expect("a certificate and its key");
        Server { config: Arc::new(config), root: ca.pem() }
    }

    /// A connection that a client has opened.
    ///
    /// # Panics
    ///
    /// If the library cannot begin one.
    #[must_use]
    pub fn accept(&self, stream: TcpStream) -> Box<dyn Line> {
        let connection = ServerConnection::new(self.config.clone()).expect("a connection");
        Box::new(StreamOwned::new(connection, stream))
    }
}

/// A client's side of a connection to `name`, which trusts the authority `root`, in PEM.
///
/// # Panics
///
/// If the authority cannot be read.
#[must_use]
pub fn connect(stream: TcpStream, name: &str, root: &str) -> Box<dyn Line> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(root.as_bytes()) {
        roots.add(root.expect("a certificate")).expect("an authority");
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    Box::new(StreamOwned::new(connection, stream))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
