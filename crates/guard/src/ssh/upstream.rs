//! The way out: a server's key is verified against the user's known hosts, then the user's own keys log in.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use exfilter::Authority;
use russh::client::{self, Handle};
#[cfg(unix)]
use russh::keys::agent::AgentIdentity;
#[cfg(unix)]
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate, load_secret_key};
use russh::{ChannelId, Preferred, cipher};

use super::known_hosts::Known;
use super::pace::{Pace, Paced, Side};
use super::settings::SshSettings;
use crate::dial::Dialer;
use crate::limits::GuardLimits;

/// The ciphers that are offered, the fastest first.
pub(super) const CIPHERS: &[cipher::Name] = &[
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// The most keys of an agent that are tried: servers hang up after six.
#[cfg(unix)]
const TRIED: usize = 6;

/// What a server says beside channels.
pub(crate) struct Upstream {
    known: Known,
    refused: Arc<AtomicBool>,
    pace: Arc<Pace>,
}

impl client::Handler for Upstream {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        // Certificates are not asked for.
        let admits = key.certificate().is_none() && self.known.admits(&key.public_key());
        self.refused.store(!admits, Ordering::Relaxed);
        Ok(admits)
    }

    async fn data(&mut self, _: ChannelId, data: &[u8], _: &mut client::Session) -> Result<(), russh::Error> {
        self.pace.came(Side::Server, data.len());
        Ok(())
    }

    async fn extended_data(
        &mut self,
        _: ChannelId,
        _: u32,
        data: &[u8],
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        self.pace.came(Side::Server, data.len());
        Ok(())
    }
}

/// Connects and logs in. The error says why not, without what the server said.
pub(crate) async fn connect(
    dialer: &Dialer,
    limits: &GuardLimits,
    settings: &SshSettings,
    to: &Authority,
    user: &str,
    pace: &Arc<Pace>,
) -> Result<Handle<Upstream>, &'static str> {
    let known = Known::read(&settings.known_hosts, to.host(), to.port());
    if known.is_empty() {
        return Err(match known.has_authority {
            true => {
                "the server is known by a certificate authority alone, whose certificates are not read here; add its key to known_hosts"
            }
            false => {
                "the server's key is not known: nobody has verified it; connect once without exfilter, or add it to known_hosts"
            }
        });
    }
    let keys = known.algorithms(&Preferred::DEFAULT.key);
    let config = client::Config {
        preferred: Preferred { key: Cow::Owned(keys), cipher: Cow::Borrowed(CIPHERS), ..Preferred::DEFAULT },
        client_id: super::id(),
        channel_buffer_size: super::MESSAGES,
        keepalive_interval: Some(super::ALIVE),
        nodelay: true,
        ..client::Config::default()
    };
    let tcp = dialer.tcp(to).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => crate::gate::Closed::Private.text(),
        std::io::ErrorKind::TimedOut => "the server could not be reached in time",
        std::io::ErrorKind::ConnectionRefused => "the server refused the connection",
        _ => "the server could not be found or reached",
    })?;
    let _ = tcp.set_nodelay(true);
    let refused = Arc::new(AtomicBool::new(false));
    let handler = Upstream { known, refused: refused.clone(), pace: pace.clone() };
    let io = Paced::new(tcp, pace.clone(), Side::Server);
    let shaken = tokio::time::timeout(limits.connect, client::connect_stream(Arc::new(config), io, handler));
    let mut handle = match shaken.await {
        Ok(Ok(handle)) => handle,
        Ok(Err(_)) if refused.load(Ordering::Relaxed) => {
            return Err(
                "the server's key is not the one that is known: somebody may stand between, or it has a new one",
            );
        }
        Ok(Err(russh::Error::NoCommonAlgo { .. })) => {
            return Err(
                "the server has no algorithm that is spoken here, or no key of a kind that is known of it",
            );
        }
        Ok(Err(_)) => return Err("the server speaks no SSH that is understood"),
        Err(_) => return Err("the server did not answer in time"),
    };
    match tokio::time::timeout(limits.head, log_in(&mut handle, settings, user)).await {
        Ok(Ok(())) => Ok(handle),
        Ok(Err(why)) => Err(why),
        Err(_) => Err("the server did not answer in time"),
    }
}

async fn log_in(
    handle: &mut Handle<Upstream>,
    settings: &SshSettings,
    user: &str,
) -> Result<(), &'static str> {
    let mut offered = false;
    for file in &settings.identities {
        let Ok(key) = load_secret_key(file, None) else { continue };
        offered = true;
        let hash = rsa_hash(handle, key.algorithm().is_rsa()).await;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        if handle.authenticate_publickey(user, key).await.is_ok_and(|result| result.success()) {
            return Ok(());
        }
    }
    #[cfg(unix)]
    if let Some(socket) = &settings.agent {
        let Ok(mut agent) = AgentClient::connect_uds(socket).await else {
            return Err("the ssh-agent cannot be reached");
        };
        let identities = agent.request_identities().await.map_err(|_| "the ssh-agent does not answer")?;
        for identity in identities.into_iter().take(TRIED) {
            offered = true;
            let tried = match identity {
                AgentIdentity::PublicKey { key, .. } => {
                    let hash = rsa_hash(handle, key.algorithm().is_rsa()).await;
                    handle.authenticate_publickey_with(user, key, hash, &mut agent).await
                }
                AgentIdentity::Certificate { certificate, .. } => {
                    let is_rsa = certificate.algorithm().is_rsa();
                    let hash = rsa_hash(handle, is_rsa).await;
                    handle.authenticate_certificate_with(user, certificate, hash, &mut agent).await
                }
            };
            if tried.is_ok_and(|result| result.success()) {
                return Ok(());
            }
        }
    }
    // Some servers, of public repositories, ask for nothing.
    if handle.authenticate_none(user).await.is_ok_and(|result| result.success()) {
        return Ok(());
    }
    Err(match offered {
        true => "the server takes none of the keys that there are",
        false => {
            "there is no key to log in with: start ssh-agent (ssh-add), or name a key without a pass phrase (--ssh-key)"
        }
    })
}

async fn rsa_hash(handle: &Handle<Upstream>, is_rsa: bool) -> Option<HashAlg> {
    if !is_rsa {
        return None;
    }
    handle.best_supported_rsa_hash().await.ok().flatten().flatten()
}
