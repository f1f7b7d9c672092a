//! Variables by which programs find the proxy and those whom to trust: one table, for `exfilter env`, `exfilter guard` and `exfilter run`.

use super::args::Seat;

/// Variables that name the proxy, in both cases: many programs know one spelling alone.
pub(crate) const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Variables that name hosts to which no proxy leads. Emptied, not removed: a program that has a list of its own asks for the variable first.
pub(crate) const WITHOUT: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Further variables that would lead around the proxy.
const AROUND: [&str; 1] = ["npm_config_noproxy"];

/// Node's own requests ask the environment for a proxy only then.
const NODE: &str = "NODE_USE_ENV_PROXY";

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

/// Codex's own, which wins over OpenSSL's.
const CODEX_CERTIFICATE: &str = "CODEX_CA_CERTIFICATE";

/// Variables that would have other authorities trusted, or none asked for.
const ELSEWHERE: [&str; 2] = ["SSL_CERT_DIR", "GIT_SSL_NO_VERIFY"];

/// A variable and its value; `None` is one that is taken away.
pub(crate) type Variable = (String, Option<String>);

/// The variables of a sandbox, or of any command if there is no seat.
pub(crate) fn variables(seat: Option<Seat>, proxy: Option<&str>, bundle: Option<&str>) -> Vec<Variable> {
    let mut out: Vec<(&str, Option<&str>)> = Vec::new();
    if let Some(bundle) = bundle {
        out.extend(CERTIFICATES.map(|name| (name, Some(bundle))));
        if seat.is_none_or(|seat| seat == Seat::Codex) {
            out.push((CODEX_CERTIFICATE, Some(bundle)));
        }
        out.extend(ELSEWHERE.map(|name| (name, None)));
    }
    if let Some(proxy) = proxy {
        out.extend(PROXIES.map(|name| (name, Some(proxy))));
        out.extend(WITHOUT.map(|name| (name, Some(""))));
        out.extend(AROUND.map(|name| (name, None)));
        out.push((NODE, Some("1")));
    }
    out.into_iter().map(|(name, value)| (name.to_owned(), value.map(str::to_owned))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_gets_what_a_command_gets_and_no_name_twice() {
        let all = variables(None, Some("http://h:1"), Some("/ca"));
        for seat in [Seat::Claude, Seat::Codex, Seat::Cursor, Seat::Docker, Seat::Shell] {
            let some = variables(Some(seat), Some("http://h:1"), Some("/ca"));
            assert!(some.iter().all(|variable| all.contains(variable)));
            let missing: Vec<_> = all.iter().filter(|variable| !some.contains(variable)).collect();
            assert!(missing.iter().all(|(name, _)| name == CODEX_CERTIFICATE), "{missing:?}");
            assert_eq!(missing.is_empty(), seat == Seat::Codex);
        }
        let mut names: Vec<&String> = all.iter().map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all.len());
        assert!(variables(None, None, None).is_empty());
    }
}
