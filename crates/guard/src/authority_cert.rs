//! [`CertificateAuthority`]: made for one run, and the certificates that it gives out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use exfilter::HostPattern;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType, SerialNumber,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::error::GuardError;
use crate::limits::CERTIFICATES;

/// What clients may speak, the first that they offer. HTTP/2 is for those that speak nothing else (gRPC): over one connection on this machine it brings nothing, and uploads of curl 7.88, and
/// so of git, may stall in it once a window is used up.
const PROTOCOLS: [&[u8]; 2] = [b"http/1.1", b"h2"];

/// An authority whose key is in memory alone, and one more key for all its certificates.
pub(crate) struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    key: KeyPair,
    configs: Mutex<HashMap<String, Arc<ServerConfig>>>,
    /// Days around now.
    from: (i32, u8, u8),
    until: (i32, u8, u8),
    /// The same day, since 1970.
    last: i64,
}

impl CertificateAuthority {
    /// With names as the list of hosts allows them, where there is one.
    pub(crate) fn new(
        allow: Option<&[HostPattern]>,
        now: SystemTime,
    ) -> Result<CertificateAuthority, GuardError> {
        let error = |_| GuardError::certificate();
        let today = day(now);
        let (from, until) = (civil(today - BEFORE), civil(today + GOOD));
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "exfilter, for one run");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = allow.map(constraints);
        params.serial_number = Some(serial()?);
        let date = |(year, month, day)| rcgen::date_time_ymd(year, month, day);
        (params.not_before, params.not_after) = (date(from), date(until));
        let key = KeyPair::generate().map_err(error)?;
        let certificate = params.self_signed(&key).map_err(error)?.der().clone();
        let leaf = KeyPair::generate().map_err(error)?;
        let issuer = Issuer::new(params, key);
        let (configs, last) = (Mutex::default(), today + GOOD);
        Ok(CertificateAuthority { issuer, certificate, key: leaf, configs, from, until, last })
    }

    /// Whether its certificates are good then.
    pub(crate) fn is_good_at(&self, time: SystemTime) -> bool {
        day(time) < self.last
    }

    /// The authority's certificate in PEM.
    pub(crate) fn pem(&self) -> String {
        pem(&self.certificate)
    }

    /// How connections to `host` are terminated; its certificate is made at the first.
    pub(crate) fn config(&self, host: &str) -> Result<Arc<ServerConfig>, GuardError> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = configs.get(host) {
            return Ok(config.clone());
        }
        let config = Arc::new(self.make(host)?);
        if configs.len() >= CERTIFICATES {
            configs.clear();
        }
        configs.insert(host.to_owned(), config.clone());
        Ok(config)
    }

    fn make(&self, host: &str) -> Result<ServerConfig, GuardError> {
        let error = |_| GuardError::certificate();
        let mut params = CertificateParams::default();
        let name = match ip(host) {
            Some(ip) => SanType::IpAddress(ip),
            None => SanType::DnsName(host.try_into().map_err(error)?),
        };
        params.subject_alt_names = vec![name];
        params.distinguished_name.push(DnType::OrganizationName, "exfilter, for one run");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(serial()?);
        let date = |(year, month, day)| rcgen::date_time_ymd(year, month, day);
        (params.not_before, params.not_after) = (date(self.from), date(self.until));
        let leaf = params.signed_by(&self.key, &self.issuer).map_err(error)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|_| GuardError::certificate())?
                .with_no_client_auth()
                .with_single_cert(vec![leaf.der().clone(), self.certificate.clone()], key)
                .map_err(|_| GuardError::certificate())?;
        config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }
}

/// A certificate in PEM.
pub(crate) fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = BASE64_STANDARD.encode(certificate);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        out.push_str(str::from_utf8(line).expect("base64 is ASCII"));
        out.push('\n');
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}

/// The address that a canonical host is.
pub(crate) fn ip(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// What the authority may give certificates for: the hosts of the list and nothing else. A constraint to a name holds for all names below it too.
fn constraints(allow: &[HostPattern]) -> NameConstraints {
    let hosts: Vec<String> = allow.iter().map(|pattern| pattern.host().to_owned()).collect();
    let one = |ip: IpAddr| {
        let width = if ip.is_ipv4() { 32 } else { 128 };
        GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(ip, width))
    };
    let mut permitted: Vec<GeneralSubtree> = hosts
        .iter()
        .map(|host| ip(host).map_or_else(|| GeneralSubtree::DnsName(host.clone()), one))
        .collect();
    let has_names = hosts.iter().any(|host| ip(host).is_none());
    let has_addresses = hosts.iter().any(|host| ip(host).is_some());
    let mut excluded = Vec::new();
    if !has_addresses {
        excluded = [CidrSubnet::from_v4_prefix([0; 4], 0), CidrSubnet::from_v6_prefix([0; 16], 0)]
            .map(GeneralSubtree::IpAddress)
            .to_vec();
    }
    if !has_names {
        // Of a kind that is not named at all, everything would be permitted.
        permitted.push(GeneralSubtree::DnsName("invalid".into()));
    }
    NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded }
}

fn serial() -> Result<SerialNumber, GuardError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| GuardError::random())?;
    // A positive number of the same length always.
    bytes[0] = bytes[0] & 0x3f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// Days for which a certificate is good before it is made: clocks differ.
const BEFORE: i64 = 2;

/// And after: a week before an authority signs, a week in which it does, and one for whoever is late ([`PERIOD`](crate::authorities::PERIOD)).
const GOOD: i64 = 21;

/// The day of a time, since 1970.
fn day(time: SystemTime) -> i64 {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    i64::try_from(seconds / 86_400).unwrap_or(0)
}

/// The date of a day since 1970 (Howard Hinnant's `civil_from_days`).
fn civil(day: i64) -> (i32, u8, u8) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let small = |n: i64| u8::try_from(n).expect("months and days are small");
    (i32::try_from(year).expect("a clock's year is small"), small(month), small(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        for (day, date) in [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (19_722, (2023, 12, 31)),
            (20_786, (2026, 11, 29)),
        ] {
            assert_eq!(civil(day), date);
        }
    }
}
