//! [`RunKeys`]: the keys of one run, which never leave memory but for the clients' own.

use std::time::{SystemTime, UNIX_EPOCH};

use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{Certificate, PrivateKey, PublicKey};
use zeroize::Zeroizing;

use crate::error::GuardError;

/// How long certificates are good, from two days ago on: clocks differ, and a run does not take longer.
const BEFORE: u64 = 2 * 86_400;
const AFTER: u64 = 8 * 86_400;

/// An authority for host keys, the host key of all hosts, and the key with which clients log in.
pub(crate) struct RunKeys {
    authority: PrivateKey,
    pub(crate) host: PrivateKey,
    client: PrivateKey,
}

impl RunKeys {
    /// New ones.
    pub(crate) fn new() -> Result<RunKeys, GuardError> {
        Ok(RunKeys { authority: fresh()?, host: fresh()?, client: fresh()? })
    }

    /// The line for clients' `known_hosts`.
    pub(crate) fn known_hosts(&self) -> Result<String, GuardError> {
        let key = self.authority.public_key().to_openssh().map_err(|_| GuardError::certificate())?;
        Ok(format!("@cert-authority * {key}\n"))
    }

    /// The private key for clients, in the form of OpenSSH.
    pub(crate) fn client_key(&self) -> Result<Zeroizing<String>, GuardError> {
        self.client.to_openssh(LineEnding::LF).map_err(|_| GuardError::certificate())
    }

    /// Whether it is the clients' own.
    pub(crate) fn is_client(&self, key: &PublicKey) -> bool {
        key.key_data() == self.client.public_key().key_data()
    }

    /// A certificate of the host key for one name.
    pub(crate) fn certificate(&self, host: &str) -> Result<Certificate, GuardError> {
        let error = |_| GuardError::certificate();
        let mut nonce = vec![0; 32];
        getrandom::fill(&mut nonce).map_err(|_| GuardError::random())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let public = self.host.public_key().key_data().clone();
        let mut builder =
            Builder::new(nonce, public, now.saturating_sub(BEFORE), now + AFTER).map_err(error)?;
        builder.cert_type(CertType::Host).map_err(error)?;
        builder.key_id("exfilter, for one run").map_err(error)?;
        builder.valid_principal(host).map_err(error)?;
        builder.sign(&self.authority).map_err(error)
    }
}

fn fresh() -> Result<PrivateKey, GuardError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut seed[..]).map_err(|_| GuardError::random())?;
    Ok(PrivateKey::from(Ed25519Keypair::from_seed(&seed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_for_one_name() {
        let keys = RunKeys::new().expect("keys");
        let certificate = keys.certificate("git.example.com").expect("a certificate");
        assert_eq!(certificate.valid_principals(), ["git.example.com"]);
        let authority = keys.authority.public_key().fingerprint(Default::default());
        assert!(certificate.validate([&authority]).is_ok());
        let other = RunKeys::new().expect("keys");
        assert!(
            certificate.validate([&other.authority.public_key().fingerprint(Default::default())]).is_err()
        );
        assert!(keys.is_client(keys.client.public_key()) && !keys.is_client(other.client.public_key()));
        assert!(keys.known_hosts().expect("a line").starts_with("@cert-authority * ssh-ed25519 "));
    }
}
