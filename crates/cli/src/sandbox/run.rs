//! The variables of a sandbox, in order.

use std::io::Read;
use std::path::{MAIN_SEPARATOR, Path};

use exfilter::Authority;

use super::args::EnvArgs;
use super::variables::variables;
use super::{form, placeholders};
use crate::exit;
use crate::fault::Fault;
use crate::secrets::open::{absolute, shown};
use crate::term::Term;

/// The longest file of certificates that is looked at, in bytes.
const CERTIFICATES_MAX: u64 = 4 << 20;

/// Runs `exfilter env`.
///
/// # Errors
///
/// Wrong usage, and files that cannot be opened.
pub(crate) fn run(args: &EnvArgs, term: &Term) -> Result<u8, Fault> {
    let proxy = args.proxy.as_deref().map(|proxy| address("--proxy", proxy)).transpose()?;
    let ca = args.ca.as_deref().map(certificate).transpose()?;
    let mut variables = variables(Some(args.seat), proxy.as_deref(), ca.as_deref());
    if let Some(url) = &args.anthropic_base_url {
        variables.push(("ANTHROPIC_BASE_URL".to_owned(), Some(address("--anthropic-base-url", url)?)));
    }
    variables.extend(placeholders::of(args, term)?.into_iter().map(|(name, value)| (name, Some(value))));
    if variables.is_empty() {
        let remedy = "give --proxy and --ca, and keep secrets with `exfilter secrets add --sealed`";
        return Err(Fault::new("env", "there is nothing to print", remedy));
    }
    let text = form::text(args.seat, &variables);
    term.report(|out| out.write_all(text.as_bytes()))
        .map_err(|error| Fault::new("<stdout>", format!("it cannot be written: {error}"), ""))?;
    Ok(exit::CLEAN)
}

/// An address of HTTP without a password in it: what is written on a command line is read by others.
fn address(option: &str, url: &str) -> Result<String, Fault> {
    let fault = |what: String| Fault::new(option, what, "write http://host:port");
    let (_, rest) = url.split_once("://").unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let scheme = &url[..url.len() - rest.len()];
    let authority =
        Authority::parse([scheme, host].concat().as_bytes()).map_err(|error| fault(error.to_string()))?;
    if !matches!(authority.scheme(), "http" | "https") {
        return Err(fault("it is no address of HTTP".into()));
    }
    let is_plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-~".contains(&b));
    if !is_plain {
        return Err(fault("its path has more than letters, digits and /._-~".into()));
    }
    Ok(url.to_owned())
}

/// The path of a file of certificates, and of nothing that a sandbox must not have.
fn certificate(path: &Path) -> Result<String, Fault> {
    let fault = |what: String, remedy: &str| Fault::new(shown(path), what, remedy);
    let mut text = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(CERTIFICATES_MAX).read_to_end(&mut text))
        .map_err(|error| fault(format!("the certificate cannot be read: {error}"), ""))?;
    let has = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    if has(b"PRIVATE KEY-----") {
        let remedy = "give the certificate alone: of mitmproxy it is mitmproxy-ca-cert.pem";
        return Err(fault(
            "it holds a private key, with which a sandbox could sign for anybody".into(),
            remedy,
        ));
    }
    if !has(b"-----BEGIN CERTIFICATE-----") {
        return Err(fault("it is no certificate in PEM".into(), "give the proxy's certificate authority"));
    }
    let path = absolute(path);
    let text = path.to_str().filter(|text| !text.contains(char::is_control));
    let text = text.map(|text| text.replace(MAIN_SEPARATOR, "/"));
    text.ok_or_else(|| fault("its path is no plain text".into(), "put it elsewhere"))
}
