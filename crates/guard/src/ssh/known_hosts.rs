//! The user's files of known hosts: which keys a server may have.

use std::path::PathBuf;

use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, PublicKey};
use sha1::Sha1;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// What is known of a server.
#[derive(Default)]
pub(crate) struct Known {
    keys: Vec<PublicKey>,
    revoked: Vec<PublicKey>,
    /// Whether an authority is named for it, whose certificates are not read here.
    pub(crate) has_authority: bool,
}

impl Known {
    /// Reads the files. One that cannot be read says nothing, and what cannot be read in one is no key.
    pub(crate) fn read(files: &[PathBuf], host: &str, port: u16) -> Known {
        let mut known = Known::default();
        for file in files {
            let short = file.metadata().is_ok_and(|meta| meta.len() <= LONGEST);
            if let Some(bytes) = short.then(|| std::fs::read(file).ok()).flatten() {
                known.add(&String::from_utf8_lossy(&bytes), host, port);
            }
        }
        known
    }

    fn add(&mut self, text: &str, host: &str, port: u16) {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let name = if port == 22 { host } else { format!("[{host}]:{port}") };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            // Fields may be apart by tabs and by more than one blank.
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            let Ok(entry) = line.parse::<Entry>() else { continue };
            if !matches(entry.host_patterns(), &name) {
                continue;
            }
            match entry.marker() {
                None => self.keys.push(entry.public_key().clone()),
                Some(Marker::Revoked) => self.revoked.push(entry.public_key().clone()),
                Some(Marker::CertAuthority) => self.has_authority = true,
            }
        }
    }

    /// Whether the server may have this key.
    pub(crate) fn admits(&self, key: &PublicKey) -> bool {
        let is = |other: &PublicKey| other.key_data() == key.key_data();
        self.keys.iter().any(is) && !self.revoked.iter().any(is)
    }

    /// Whether nothing is known of it.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Which of the algorithms there is a key for: a server shows another key otherwise, which nobody knows.
    pub(crate) fn algorithms(&self, all: &[Algorithm]) -> Vec<Algorithm> {
        let of = |key: &PublicKey, algorithm: &Algorithm| match algorithm {
            Algorithm::Rsa { .. } => key.algorithm().is_rsa(),
            other => key.algorithm() == *other,
        };
        all.iter().filter(|algorithm| self.keys.iter().any(|key| of(key, algorithm))).cloned().collect()
    }
}

fn matches(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => {
            let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(salt) else { return false };
            mac.update(name.as_bytes());
            mac.finalize().into_bytes()[..] == hash[..]
        }
        HostPatterns::Patterns(patterns) => {
            let mut found = false;
            for pattern in patterns {
                let (negated, pattern) = match pattern.strip_prefix('!') {
                    Some(pattern) => (true, pattern),
                    None => (false, pattern.as_str()),
                };
                if is_like(pattern.to_ascii_lowercase().as_bytes(), name.as_bytes()) {
                    if negated {
                        return false;
                    }
                    found = true;
                }
            }
            found
        }
    }
}

/// `*` is any characters, `?` one. Takes the product of both lengths at most.
fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on if what follows the last `*` does not fit.
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            back = Some((p + 1, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((after, from)) = back {
            back = Some((after, from + 1));
            p = after;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use russh::keys::PrivateKey;
    use russh::keys::ssh_key::private::Ed25519Keypair;

    use super::*;

    fn key(seed: u8) -> PublicKey {
        PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32])).public_key().clone()
    }

    fn known(text: &str, host: &str, port: u16) -> Known {
        let mut known = Known::default();
        known.add(text, host, port);
        known
    }

    #[test]
    fn names_patterns_and_ports() {
        let line = |hosts: &str, seed| format!("{hosts} {}\n", key(seed).to_openssh().expect("a key"));
        let text = [
            line("git.example.com,192.0.2.7", 1),
            line("*.corp.example,!bad.corp.example", 2),
            line("[git.example.com]:2222", 3),
            line("@revoked *.corp.example", 4),
            line("@cert-authority *.ca.example", 5),
            "garbage\n# comment\n\n".into(),
            line("EXAMPLE.org\t", 6),
        ]
        .concat();
        for (host, port, seed, admits) in [
            ("git.example.com", 22, 1, true),
            ("192.0.2.7", 22, 1, true),
            ("git.example.com", 22, 3, false),
            ("git.example.com", 2222, 3, true),
            ("git.example.com", 2222, 1, false),
            ("a.corp.example", 22, 2, true),
            ("bad.corp.example", 22, 2, false),
            ("a.corp.example", 22, 4, false),
            ("x.ca.example", 22, 5, false),
            ("example.org", 22, 6, true),
            ("other.example", 22, 1, false),
        ] {
            assert_eq!(known(&text, host, port).admits(&key(seed)), admits, "{host}:{port} {seed}");
        }
        assert!(known(&text, "x.ca.example", 22).has_authority);
        assert!(known(&text, "nobody.example", 22).is_empty());
        assert_eq!(
            known(&text, "git.example.com", 22)
                .algorithms(&[Algorithm::Ed25519, Algorithm::Rsa { hash: None }]),
            [Algorithm::Ed25519]
        );
    }

    #[test]
    fn a_revoked_key_is_refused_though_it_is_listed() {
        let openssh = key(1).to_openssh().expect("a key");
        let text = format!("host.example {openssh}\n@revoked * {openssh}\n");
        assert!(!known(&text, "host.example", 22).admits(&key(1)));
    }

    #[test]
    fn hashed_names() {
        let salt = [7_u8; 20];
        let mut mac = Hmac::<Sha1>::new_from_slice(&salt).expect("any length");
        mac.update(b"[git.example.com]:2222");
        let hash: [u8; 20] = mac.finalize().into_bytes().into();
        let patterns = HostPatterns::HashedName { salt: salt.to_vec(), hash };
        assert!(matches(&patterns, "[git.example.com]:2222") && !matches(&patterns, "git.example.com"));
    }
}
