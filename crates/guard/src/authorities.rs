//! [`Authorities`]: the certificate authority that signs now, and the one that will sign next.
//!
//! ```text
//! days      0          7          14         21
//! first     signs ---->in file -->.                                 good until day 21
//! second    in file    signs ---->in file -->.                      good until day 21
//! third                in file    signs ---->in file -->.           good until day 28
//! ```
//!
//! Whoever has read the file knows whom to trust for [`PERIOD`] at least, and for twice that if he has read it just after a change.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use exfilter::HostPattern;
use rustls::ServerConfig;

use crate::authority_cert::CertificateAuthority;
use crate::error::GuardError;

/// How long one signs.
pub(crate) const PERIOD: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long before its end one is not used any more.
const MARGIN: Duration = Duration::from_secs(24 * 60 * 60);

/// The authorities of a guard, and those of servers that clients need beside them.
pub(crate) struct Authorities {
    pair: Mutex<Pair>,
    /// In PEM.
    roots: String,
}

struct Pair {
    current: Arc<CertificateAuthority>,
    /// None where the guard does not live that long.
    next: Option<Arc<CertificateAuthority>>,
    since: SystemTime,
}

impl Authorities {
    /// With names as the list of hosts allows them; `lasting` ones are renewed.
    pub(crate) fn new(
        allow: Option<&[HostPattern]>,
        roots: &str,
        lasting: bool,
        now: SystemTime,
    ) -> Result<Authorities, GuardError> {
        let make = || CertificateAuthority::new(allow, now).map(Arc::new);
        let (current, next) = (make()?, lasting.then(make).transpose()?);
        Ok(Authorities { pair: Mutex::new(Pair { current, next, since: now }), roots: roots.to_owned() })
    }

    /// The one that signs, in PEM.
    pub(crate) fn own(&self) -> String {
        self.lock().current.pem()
    }

    /// Whom clients must trust: the one that signs, the next one, those of servers.
    pub(crate) fn bundle(&self) -> String {
        let pair = self.lock();
        bundle([Some(&pair.current), pair.next.as_ref()], &self.roots)
    }

    /// How connections to `host` are terminated.
    pub(crate) fn config(&self, host: &str) -> Result<Arc<ServerConfig>, GuardError> {
        let current = self.lock().current.clone();
        current.config(host)
    }

    /// Where the one that signs has done so for `period`, or ends soon, the next one takes its place, after `write` has told clients of the one that follows. False if it is not time yet. What `write` cannot do changes nothing.
    pub(crate) fn renew(
        &self,
        allow: Option<&[HostPattern]>,
        period: Duration,
        now: SystemTime,
        write: impl FnOnce(&str) -> io::Result<()>,
    ) -> io::Result<bool> {
        let (before, next) = {
            let pair = self.lock();
            let Some(next) = pair.next.clone() else { return Ok(false) };
            // A clock that was put back is none that has gone on.
            let has_signed = now.duration_since(pair.since).is_ok_and(|signed| signed >= period);
            if !has_signed && pair.current.is_good_at(now + MARGIN) {
                return Ok(false);
            }
            (pair.current.clone(), next)
        };
        let make = || CertificateAuthority::new(allow, now).map(Arc::new).map_err(io::Error::other);
        // After a long sleep of the machine the next one may be at its end, too.
        let next = if next.is_good_at(now + 2 * MARGIN) { next } else { make()? };
        let following = make()?;
        // The one that signs until then stays in: somebody may read the file and connect before it does not.
        write(&bundle([Some(&next), Some(&following), Some(&before)], &self.roots))?;
        *self.lock() = Pair { current: next, next: Some(following), since: now };
        Ok(true)
    }

    fn lock(&self) -> MutexGuard<'_, Pair> {
        self.pair.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bundle<const N: usize>(authorities: [Option<&Arc<CertificateAuthority>>; N], roots: &str) -> String {
    let own: String = authorities.into_iter().flatten().map(|authority| authority.pem()).collect();
    format!("{own}{roots}")
}
