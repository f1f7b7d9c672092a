//! What no client of good faith says.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use exfilter_testing::{Rng, keys};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::stage::{Stage, engine, ok, pattern};

pub(crate) fn connect(stage: &Stage) -> TcpStream {
    let stream = TcpStream::connect(stage.guard.address().unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

pub(crate) fn head(stream: &mut impl std::io::Read) -> String {
    let mut out = Vec::new();
    let mut byte = [0];
    while !out.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        out.push(byte[0]);
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn all(stream: &mut impl std::io::Read) -> String {
    let mut out = Vec::new();
    let _ = stream.read_to_end(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

pub(crate) fn tunnel(stage: &Stage, target: &str) -> (TcpStream, String) {
    connect_to(stage.guard.address().unwrap(), target)
}

/// A tunnel by the guard at an address.
pub(crate) fn connect_to(guard: SocketAddr, target: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(guard).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n").unwrap();
    let said = head(&mut stream);
    (stream, said)
}

/// TLS to `name` through a tunnel to `target`.
pub(crate) fn tls(stage: &Stage, target: &str, name: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let (stream, said) = tunnel(stage, target);
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    let name = ServerName::try_from(name.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(trusting(stage)), name).unwrap(), stream)
}

/// What clients in the sandbox trust.
pub(crate) fn trusting(stage: &Stage) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let pem = std::fs::read(stage.path("ca.pem")).unwrap();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let _ = roots.add(certificate.unwrap());
    }
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[test]
fn targets_are_one_host_and_port() {
    let stage = Stage::usual();
    for target in [
        "echo.example.com",
        "echo.example.com:",
        "echo.example.com:0",
        "echo.example.com:70000",
        "user@echo.example.com:443",
        "echo.example.com:443:443",
        "0x7f.0.0.1:443",
        "017.0.0.1:443",
        "127.1:443",
        "2130706433:443",
        "[::1:443",
        "a..b:443",
        "ec\u{a0}ho.example.com:443",
        "echo.example.com%00.evil.example:443",
        "169.254.169.254:80",
        "[fe80::1]:80",
        "[::ffff:169.254.169.254]:80",
    ] {
        let (_, said) = tunnel(&stage, target);
        assert!(!said.starts_with("HTTP/1.1 200"), "{target}: {said}");
    }
    for target in ["echo.example.com:443", "ECHO.example.com.:443", "[2001:db8::1]:443"] {
        let (_, said) = tunnel(&stage, target);
        assert!(said.starts_with("HTTP/1.1 200"), "{target}: {said}");
    }
    for line in
        ["GET / HTTP/1.1", "GET https://echo.example.com/ HTTP/1.1", "GET ftp://echo.example.com/ HTTP/1.1"]
    {
        let mut stream = connect(&stage);
        write!(stream, "{line}\r\nHost: echo.example.com\r\nConnection: close\r\n\r\n").unwrap();
        let said = all(&mut stream);
        assert!(said.starts_with("HTTP/1.1 403") || said.starts_with("HTTP/1.1 400"), "{line}: {said}");
    }
    assert_eq!(stage.server.connections(), 0, "nothing is dialled before a verdict");
}

#[test]
fn a_name_that_holds_a_secret_is_never_resolved() {
    let stage = Stage::usual();
    let token = String::from_utf8(keys::github(&mut Rng::new(8), "ghp_")).unwrap();
    let (_, said) = tunnel(&stage, &format!("{token}.example.com:443"));
    // Lower case, as names are: a key of a rule is none any more.
    assert!(said.starts_with("HTTP/1.1 200") || said.starts_with("HTTP/1.1 403"), "{said}");
    let mut known = exfilter::KnownSecrets::new(exfilter::StoreKey::from_bytes(&[3; 32]).unwrap());
    let value = Rng::new(9).text(keys::HEX, 32);
    exfilter_testing::canary::note([value.as_slice()]);
    known.add("HEX", &value, Vec::new()).unwrap();
    let engine = exfilter::Engine::builder().known_secrets(known).build().unwrap();
    let stage = Stage::new(engine, |_| {}, |_| ok(b""));
    let value = String::from_utf8(value).unwrap();
    for name in
        [format!("{value}.evil.example:443"), format!("{}.{}.evil.example:443", &value[..16], &value[16..])]
    {
        let (_, said) = tunnel(&stage, &name);
        assert!(said.starts_with("HTTP/1.1 403") && !said.contains(&value), "{said}");
    }
    assert!(stage.records().iter().all(|record| record.to.is_none()), "the name is not repeated");
}

#[test]
fn the_three_names_must_be_one() {
    let stage = Stage::usual();
    let mut other = tls(&stage, "echo.example.com:443", "github.com");
    assert!(
        other.write_all(b"GET / HTTP/1.1\r\nHost: github.com\r\n\r\n").is_err() || all(&mut other).is_empty()
    );
    let mut stream = tls(&stage, "echo.example.com:443", "echo.example.com");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: github.com\r\nConnection: close\r\n\r\n").unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 400"));
    for request in [
        "GET / HTTP/1.1\r\nHost: echo.example.com\r\nHost: github.com\r\n\r\n",
        "GET https://github.com/ HTTP/1.1\r\nHost: echo.example.com\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: echo.example.com:444\r\n\r\n",
    ] {
        let mut stream = tls(&stage, "echo.example.com:443", "echo.example.com");
        stream.write_all(request.as_bytes()).unwrap();
        assert!(head(&mut stream).starts_with("HTTP/1.1 400"), "{request}");
    }
    assert_eq!(stage.server.connections(), 0);
    let said = stage.refusals();
    assert!(said[0].contains("SNI"), "{said:?}");
    // And where they are one, it passes.
    let mut stream = tls(&stage, "echo.example.com:443", "echo.example.com");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: Echo.Example.com:443\r\nConnection: close\r\n\r\n").unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 200"));
}

/// Whatever two readers may read differently arrives as one reading, or not at all.
#[test]
fn smuggled_requests_do_not_arrive() {
    let inner = "GET /smuggled HTTP/1.1\r\nHost: echo.example.com\r\n\r\n";
    for request in [
        format!(
            "POST /a HTTP/1.1\r\nHost: echo.example.com\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}",
            inner.len() + 5
        ),
        format!(
            "POST /a HTTP/1.1\r\nHost: echo.example.com\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{:x}\r\n{inner}\r\n0\r\n\r\n",
            inner.len()
        ),
        format!(
            "POST /a HTTP/1.1\r\nHost: echo.example.com\r\nContent-Length: 0\r\nContent-Length: {}\r\n\r\n{inner}",
            inner.len()
        ),
        format!(
            "POST /a HTTP/1.1\r\nHost: echo.example.com\r\nContent-Length: {0}, {0}\r\n\r\n{inner}",
            inner.len()
        ),
        format!("POST /a HTTP/1.1\r\nHost: echo.example.com\r\nTransfer-Encoding: xchunked\r\n\r\n{inner}"),
        format!(
            "POST /a HTTP/1.1\r\nHost: echo.example.com\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{inner}"
        ),
        format!(
            "POST /a HTTP/1.1\r\nHost: echo.example.com\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n{inner}"
        ),
        format!("POST /a HTTP/1.1\r\nHost: echo.example.com\r\nContent-Length: +0\r\n\r\n{inner}"),
        format!(
            "POST /a HTTP/1.1\r\nHost: echo.example.com\r\nX: a\rContent-Length: {}\r\n\r\n{inner}",
            inner.len()
        ),
        format!(
            "POST /a HTTP/1.0\r\nHost: echo.example.com\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"
        ),
    ] {
        let stage = Stage::with(engine(), &[b"http/1.1"], |_| {}, |_| ok(b""));
        let mut stream = tls(&stage, "echo.example.com:443", "echo.example.com");
        let _ = stream.write_all(request.as_bytes());
        let said = head(&mut stream);
        let arrived = stage.server.requests();
        // A second request is one for the guard too: examined, and sent as one.
        for request in &arrived {
            let framing = [request.header("content-length"), request.header("transfer-encoding")];
            assert!(framing.iter().flatten().count() <= 1, "{said}");
        }
        assert!(arrived.len() <= 2, "{said}");
        let records = stage.records();
        let sent = records.iter().filter(|record| record.outcome == exfilter_guard::Outcome::Sent).count();
        assert!(sent >= arrived.len(), "the guard has seen every request that arrived: {said}");
    }
}

#[test]
pub(crate) fn tunnels_of_anything_else_are_closed_with_a_reason() {
    let stage = Stage::usual();
    for (bytes, why) in [
        (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], "SSH"),
        (b"\x00\x01\x02\x03", "neither TLS nor HTTP"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "neither TLS nor HTTP"),
        (b"\x16\x03\x01\x00\x05hello", "does not parse"),
        (b"EHLO x\r\n", "one host"),
    ] {
        let (mut stream, said) = tunnel(&stage, "echo.example.com:443");
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        stream.write_all(bytes).unwrap();
        let _ = stream.shutdown(std::net::Shutdown::Write);
        all(&mut stream);
        // HTTP that does not parse is answered by the library.
        let is_told = || why == "one host" || stage.refusals().last().is_some_and(|said| said.contains(why));
        assert!(crate::stage::soon(is_told), "{why}: {:?}", stage.refusals());
    }
    assert_eq!(stage.server.connections(), 0);
}

#[test]
fn only_hosts_of_the_list() {
    let set = |settings: &mut exfilter_guard::Settings| {
        settings.allow(pattern("echo.example.com")).allow(pattern("*.anthropic.com"));
    };
    let stage = Stage::new(engine(), set, |_| ok(b"done"));
    for (target, may) in [
        ("echo.example.com:443", true),
        ("api.anthropic.com:443", true),
        ("anthropic.com:443", false),
        ("evil-anthropic.com:443", false),
        ("github.com:443", false),
        ("echo.example.com.evil.example:443", false),
        ("127.0.0.1:443", false),
    ] {
        let (_, said) = tunnel(&stage, target);
        assert_eq!(said.starts_with("HTTP/1.1 200"), may, "{target}: {said}");
    }
    assert_eq!(stage.server.connections(), 0);
    // The certificate authority is good for those hosts alone, and clients see that it is.
    let mut stream = tls(&stage, "api.anthropic.com:443", "api.anthropic.com");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: api.anthropic.com\r\nConnection: close\r\n\r\n").unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 200"));
    if crate::stage::has("curl", &["--version"]) {
        let ran = stage.run(&["curl", "-sS", "https://echo.example.com/"]);
        assert_eq!(ran.said, "done");
    }
}

/// A closed network: this machine and private networks are out of reach.
#[test]
fn private_addresses_are_out_of_reach() {
    let set = |settings: &mut exfilter_guard::Settings| {
        settings.closed_network();
    };
    let stage = Stage::new(engine(), set, |_| ok(b"done"));
    for target in [
        "127.0.0.1:443",
        "10.1.2.3:443",
        "192.168.1.1:80",
        "[::1]:443",
        "[fd12::1]:443",
        "[::ffff:10.0.0.1]:1",
    ] {
        let (_, said) = tunnel(&stage, target);
        assert!(said.starts_with("HTTP/1.1 403"), "{target}: {said}");
    }
    // A name that leads there is found out when it is dialled.
    let mut stream = connect(&stage);
    let port = stage.server.plain.port();
    write!(
        stream,
        "GET http://localhost:{port}/ HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let said = all(&mut stream);
    assert!(said.starts_with("HTTP/1.1 502") && said.contains("private network"), "{said}");
    assert_eq!(stage.server.connections(), 0);
}

/// Trailers are examined with the request, and arrive with it.
#[test]
fn trailers_are_part_of_the_request() {
    let stage = Stage::usual();
    let token = String::from_utf8(keys::github(&mut Rng::new(10), "ghp_")).unwrap();
    for (value, may) in [("a b", true), (token.as_str(), false)] {
        stage.server.forget();
        let mut stream = tls(&stage, "echo.example.com:443", "echo.example.com");
        let head = "POST /t HTTP/1.1\r\nHost: echo.example.com\r\nTransfer-Encoding: chunked\r\nTrailer: x-end\r\n\r\n";
        write!(stream, "{head}3\r\nabc\r\n0\r\nx-end: {value}\r\n\r\n").unwrap();
        let said = self::head(&mut stream);
        assert_eq!(said.starts_with("HTTP/1.1 200"), may, "{said}");
        let arrived = stage.server.requests();
        assert_eq!(arrived.len(), usize::from(may));
        for request in arrived {
            assert_eq!(
                (request.body.as_slice(), request.trailers),
                (&b"abc"[..], vec![("x-end".to_owned(), value.into())])
            );
        }
    }
    stage.nothing_arrived(token.as_bytes());
}
