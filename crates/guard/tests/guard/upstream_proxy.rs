//! Behind another proxy.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use exfilter_guard::UpstreamProxy;
use exfilter_testing::{Rng, keys};

use crate::raw::head;
use crate::stage::{ELSEWHERE, Stage, engine, has, ok};

/// A proxy that leads every tunnel to the place it is told, and answers all else itself.
struct Proxy {
    address: SocketAddr,
    to: Arc<Mutex<Option<SocketAddr>>>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (to, heads) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(Vec::new())));
        let proxy = Proxy { address, to: Arc::clone(&to), heads: Arc::clone(&heads) };
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let (to, heads) = (to.clone(), heads.clone());
                std::thread::spawn(move || {
                    let said = head(&mut client);
                    heads.lock().unwrap().push(said.clone());
                    let place: Option<SocketAddr> = *to.lock().unwrap();
                    match place.filter(|_| said.starts_with("CONNECT ")) {
                        Some(place) => join(client, TcpStream::connect(place).unwrap()),
                        None if said.starts_with("CONNECT ") => {
                            client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
                        }
                        None => {
                            client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nproxy\n").unwrap();
                        }
                    }
                });
            }
        });
        proxy
    }

    fn stage(&self, user: &str) -> Stage {
        let url = format!("http://{user}{}", self.address);
        let proxy = UpstreamProxy::new(&url, &url, "direct.example.com").unwrap();
        let stage = Stage::new(engine(), |settings| _ = settings.upstream_proxy(proxy), |_| ok(b"server\n"));
        *self.to.lock().unwrap() = Some(stage.server.tls);
        stage
    }

    fn heads(&self) -> Vec<String> {
        std::mem::take(&mut self.heads.lock().unwrap())
    }
}

fn join(mut client: TcpStream, mut server: TcpStream) {
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || copy(&mut from_client, &mut to_server));
    copy(&mut server, &mut client);
}

fn copy(from: &mut TcpStream, to: &mut TcpStream) {
    let mut buffer = [0; 16 << 10];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

#[test]
fn servers_are_reached_through_it() {
    if !has("curl", &["--version"]) {
        return;
    }
    let proxy = Proxy::start();
    let stage = proxy.stage("user:word@");
    let (https, http) = (format!("https://{ELSEWHERE}/"), format!("http://{ELSEWHERE}/a?b"));
    assert_eq!(stage.run(&["curl", "-sS", "-d", "hello", &https]).said, "server\n");
    let login = format!("Basic {}", "dXNlcjp3b3Jk");
    let heads = proxy.heads();
    assert!(
        heads.len() == 1 && heads[0].starts_with(&format!("CONNECT {ELSEWHERE}:443 HTTP/1.1")),
        "{heads:?}"
    );
    assert!(heads[0].contains(&login));
    // The server itself is told nothing of it.
    assert!(stage.server.requests()[0].header("proxy-authorization").is_none());
    // What is not encrypted the proxy gets as it is.
    assert_eq!(stage.run(&["curl", "-sS", &http]).said, "proxy\n");
    let heads = proxy.heads();
    assert!(
        heads[0].starts_with(&format!("GET http://{ELSEWHERE}:80/a?b HTTP/1.1")) && heads[0].contains(&login),
        "{heads:?}"
    );
    // Nothing is asked of it before the verdict.
    let key = String::from_utf8(keys::github(&mut Rng::new(51), "ghp_")).unwrap();
    for url in [&https, &http] {
        let ran = stage.run(&["curl", "-sS", "-d", &key, url]);
        assert!(ran.said.contains("secret detected"), "{}", ran.said);
    }
    assert!(proxy.heads().is_empty());
    // Those with an address of their own, and those on the list of exceptions, are reached without.
    assert_eq!(stage.run(&["curl", "-sS", "http://echo.example.com/"]).said, "server\n");
    let ran = stage.run(&["curl", "-sS", "http://direct.example.com/"]);
    assert!(ran.said.contains("could not be found or reached"), "{}", ran.said);
    assert!(proxy.heads().is_empty());
}

#[test]
fn one_that_opens_no_tunnel_is_told() {
    if !has("curl", &["--version"]) {
        return;
    }
    let proxy = Proxy::start();
    let stage = proxy.stage("");
    *proxy.to.lock().unwrap() = None;
    let ran = stage.run(&["curl", "-sS", &format!("https://{ELSEWHERE}/")]);
    assert!(ran.said.contains("opened no tunnel"), "{}", ran.said);
}

#[test]
fn what_is_no_proxy_is_refused() {
    for url in
        ["socks5://127.0.0.1:1080", "https://127.0.0.1:1080", "http://", "ftp://a", "a b", "http:// /", "?"]
    {
        assert!(
            UpstreamProxy::new(url, "", "").is_err() && UpstreamProxy::new("", url, "").is_err(),
            "{url}"
        );
    }
    for url in ["http://127.0.0.1:3128", "proxy.example:3128", "http://u:p@[::1]:3128/", ""] {
        let proxy = UpstreamProxy::new(url, url, "a.example,.b.example");
        assert!(proxy.is_ok_and(|proxy| !format!("{proxy:?}").contains("3128")), "{url}");
    }
}
