//! The proxy behind which this machine stands.

use exfilter_guard::UpstreamProxy;

use super::args::GuardArgs;
use crate::fault::Fault;

/// The proxy that is asked for, or that the environment names as it does for any program.
///
/// # Errors
///
/// What is no address of a proxy that the guard can use. Nothing of it is repeated: passwords stand in such addresses.
pub(super) fn proxy(args: &GuardArgs) -> Result<Option<UpstreamProxy>, Fault> {
    let without = variable(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
    if let Some(url) = &args.upstream_proxy {
        return made("--upstream-proxy", url, url, &without);
    }
    if args.direct {
        return Ok(None);
    }
    let all = variable(&["all_proxy", "ALL_PROXY"]);
    let https = variable(&["https_proxy", "HTTPS_PROXY"]).or_else(|| all.clone()).unwrap_or_default();
    let http = variable(&["http_proxy", "HTTP_PROXY"]).or(all).unwrap_or_default();
    made("HTTPS_PROXY and its kin", &https, &http, &without)
}

fn made(name: &str, https: &str, http: &str, without: &str) -> Result<Option<UpstreamProxy>, Fault> {
    if https.is_empty() && http.is_empty() {
        return Ok(None);
    }
    UpstreamProxy::new(https, http, without).map(Some).map_err(|error| {
        let remedy = "name one by --upstream-proxy, or go without by --direct";
        Fault::new(name, format!("{}: {error}", error.code()), remedy)
    })
}

/// The first of these variables that is set. One that is no text is none of an address.
fn variable(names: &[&str]) -> Option<String> {
    let set = names.iter().find_map(|name| std::env::var_os(name).filter(|value| !value.is_empty()))?;
    Some(set.into_string().unwrap_or_else(|_| "?".into()))
}
