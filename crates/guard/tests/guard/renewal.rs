//! The certificate authority of a guard that stands for long, by a clock that is told.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use exfilter_guard::{Guard, Listener, Running, Settings};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::raw::connect_to;
use crate::stage::{engine, pattern};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug)]
struct At(SystemTime);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(self.0.duration_since(SystemTime::UNIX_EPOCH).ok()?))
    }
}

/// Whether a client that has read this bundle trusts the guard at that time.
fn trusts(guard: &Running, bundle: &str, now: SystemTime) -> bool {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        let _ = roots.add(certificate.unwrap());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_details(provider, Arc::new(At(now)))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (mut stream, said) = connect_to(guard.address().unwrap(), "echo.example.com:443");
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    let name = ServerName::try_from("echo.example.com").unwrap();
    let mut tls = ClientConnection::new(Arc::new(config), name).unwrap();
    while tls.is_handshaking() {
        if tls.complete_io(&mut stream).is_err() {
            return false;
        }
    }
    true
}

fn own(bundle: &str) -> usize {
    CertificateDer::pem_slice_iter(bundle.as_bytes()).count()
}

/// Renews, and gives what clients are told then.
fn renew(guard: &Running, now: SystemTime) -> Option<String> {
    let mut told = None;
    let keep = |bundle: &str| {
        told = Some(bundle.to_owned());
        Ok(())
    };
    let is_renewed = guard.renew(now, keep).unwrap();
    assert_eq!(is_renewed, told.is_some());
    told
}

fn lasting() -> (Running, String) {
    let mut settings = Settings::new(engine());
    settings.lasting().allow(pattern("echo.example.com"));
    let guard = Guard::new(settings).unwrap();
    let bundle = guard.bundle().to_owned();
    (guard.start(Listener::loopback().unwrap()).unwrap(), bundle)
}

#[test]
fn clients_of_a_week_ago_trust_the_next_authority() {
    let (guard, first) = lasting();
    let begun = SystemTime::now();
    let at = |days: u32| begun + days * DAY;
    assert!(trusts(&guard, &first, at(0)));
    assert_eq!((renew(&guard, at(0)), renew(&guard, at(6))), (None, None), "it is not time yet");
    assert_eq!(renew(&guard, begun - DAY), None, "a clock that was put back");
    let second = renew(&guard, at(8)).unwrap();
    assert_ne!(first, second);
    assert_eq!(own(&second), own(&first) + 1, "the one before is in it, too");
    // Whoever has read the first file goes on, for as long as the second authority signs; whoever reads the second file, longer.
    assert!(
        trusts(&guard, &first, at(8)) && trusts(&guard, &first, at(15)) && trusts(&guard, &second, at(15))
    );
    assert_eq!(renew(&guard, at(14)), None);
    let third = renew(&guard, at(15)).unwrap();
    assert!(
        !trusts(&guard, &first, at(15)) && trusts(&guard, &second, at(15)) && trusts(&guard, &third, at(15))
    );
    assert!(trusts(&guard, &second, at(22)));
    assert_eq!(own(&third), own(&second), "what is older is not");
    // Late: the next one is still good.
    let fourth = renew(&guard, at(30)).unwrap();
    assert!(trusts(&guard, &third, at(30)) && trusts(&guard, &fourth, at(30)));
}

/// Nobody must be met by an authority of which he could not have heard.
#[test]
fn what_clients_were_not_told_of_does_not_sign() {
    let (guard, first) = lasting();
    let at = |days: u32| SystemTime::now() + days * DAY;
    for _ in 0..2 {
        let failed = guard.renew(at(8), |_| Err(io::ErrorKind::StorageFull.into()));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
    let second = renew(&guard, at(9)).unwrap();
    assert!(trusts(&guard, &first, at(9)) && trusts(&guard, &second, at(9)));
    // The machine slept for longer than the next one was good: both are made anew.
    let later = renew(&guard, at(60)).unwrap();
    assert!(trusts(&guard, &later, at(60)) && !trusts(&guard, &second, at(60)));
}

/// A guard for one command has one, and nothing to renew.
#[test]
fn a_short_life_needs_no_next_one() {
    let settings = Settings::new(engine());
    let guard = Guard::new(settings).unwrap();
    let (bundle, certificate) = (guard.bundle().to_owned(), guard.certificate().to_owned());
    assert!(bundle.starts_with(&certificate));
    let guard = guard.start(Listener::loopback().unwrap()).unwrap();
    assert_eq!(renew(&guard, SystemTime::now() + 30 * DAY), None);
    assert!(trusts(&guard, &certificate, SystemTime::now()));
}
