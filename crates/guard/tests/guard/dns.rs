//! Names that are asked for: answered without asking anybody, and examined together.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};

use exfilter::{Engine, KnownSecrets, StoreKey};
use exfilter_guard::{Listener, Outcome, Settings};
use exfilter_testing::{Rng, canary, keys};

use crate::raw::{connect, head, tunnel};
use crate::stage::{PATIENCE, Stage, ok, pattern};

const HERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

/// A guard that knows a value, before names below `example.com` alone.
fn stage(value: &str, set: impl FnOnce(&mut Settings)) -> Stage {
    canary::note([value.as_bytes()]);
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).unwrap());
    known.fragments(true).add("TOKEN", value.as_bytes(), Vec::new()).unwrap();
    let engine = Engine::builder().rules(exfilter::rules::builtin()).known_secrets(known).build().unwrap();
    let set = |settings: &mut Settings| {
        settings.allow(pattern("*.example.com"));
        set(settings);
    };
    Stage::new(engine, set, |_| ok(b"done"))
}

struct Asking(UdpSocket);

impl Asking {
    fn new(stage: &Stage) -> Asking {
        let here = UdpSocket::bind("127.0.0.1:0").unwrap();
        let place = here.local_addr().unwrap();
        stage.guard.dns(here, Some(HERE), None).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(place).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Asking(socket)
    }

    fn send(&self, message: &[u8]) -> Vec<u8> {
        self.0.send(message).unwrap();
        let mut reply = [0; 600];
        let len = self.0.recv(&mut reply).unwrap();
        reply[..len].to_vec()
    }

    /// The code of the answer, and how many addresses it has.
    fn ask(&self, name: &str, kind: u8) -> (u8, u8) {
        let mut message = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            message.push(u8::try_from(label.len()).unwrap());
            message.extend(label.as_bytes());
        }
        message.extend([0, 0, kind, 0, 1]);
        let reply = self.send(&message);
        assert_eq!(reply[..2], [7, 7]);
        if reply[7] > 0 {
            assert!(reply.ends_with(&HERE.octets()));
        }
        (reply[3] & 15, reply[7])
    }
}

const FOUND: (u8, u8) = (0, 1);
const REFUSED: (u8, u8) = (5, 0);

#[test]
fn names_that_may_be_reached_have_the_address_that_was_told() {
    let stage = stage("vK3nB8wQ2mZ7xR4tY9pL6sD1", |_| {});
    let dns = Asking::new(&stage);
    assert_eq!((dns.ask("echo.example.com", 1), dns.ask("ECHO.example.COM", 1)), (FOUND, FOUND));
    // Nothing else is known of it.
    assert_eq!((dns.ask("echo.example.com", 28), dns.ask("echo.example.com", 16)), ((0, 0), (0, 0)));
    for name in ["example.com", "example.org", "localhost", "127.0.0.1", "a b.example.com", "x@y.example.com"]
    {
        assert_eq!(dns.ask(name, 1), REFUSED, "{name}");
    }
    // What is no question is told so, and the next one is answered.
    assert_eq!(dns.send(&[1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])[3] & 15, 1);
    dns.0.send(b"x").unwrap();
    assert_eq!(dns.ask("echo.example.com", 1), FOUND);
    assert!(stage.records().iter().all(|record| record.conversation == "dns"));
    assert_eq!(stage.refusals().len(), 6);
    assert!(stage.server.requests().is_empty());
}

/// Hexadecimal digits of a value, a few in each name: no name holds anything by itself.
#[test]
fn a_secret_that_is_spread_over_names_is_put_together() {
    let mut rng = Rng::new(181);
    let value = String::from_utf8(rng.text(keys::BASE62, 40)).unwrap();
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    let pieces: Vec<&str> = (0..8).map(|n| &hex[10 * n..10 * n + 10]).collect();
    // As they are, each asked for twice, as resolvers do; and numbered.
    for number in [false, true] {
        let stage = stage(&value, |_| {});
        let dns = Asking::new(&stage);
        let mut told = Vec::new();
        for (n, piece) in pieces.iter().enumerate() {
            let name = match number {
                false => format!("{piece}.example.com"),
                true => format!("{n}.{piece}.x.example.com"),
            };
            told.push(dns.ask(&name, 1));
            assert_eq!(dns.ask(&name, 1), told[n]);
        }
        // Until so much of it is shown that it counts; what is refused has not been shown.
        assert!(told[..2] == [FOUND, FOUND] && told.contains(&REFUSED), "{told:?}");
        assert!(told.iter().filter(|told| **told == FOUND).count() < 7, "{told:?}");
        let record = stage.records().pop().unwrap();
        assert!(record.to.is_none() && matches!(record.outcome, Outcome::Refused { .. }));
        // It is not held against what is clean.
        assert_eq!(dns.ask("echo.example.com", 1), FOUND);
    }
}

/// The same by the proxy, which would have them looked up.
#[test]
fn names_of_hosts_are_put_together_too() {
    let mut rng = Rng::new(182);
    let value = String::from_utf8(rng.text(b"abcdefghijklmnopqrstuvwxyz0123456789", 40)).unwrap();
    // Ten characters a time, which count by themselves; and five, which only count together.
    for len in [10, 5] {
        let stage = stage(&value, |_| {});
        let tunnel = |name: &str| {
            let mut stream = connect(&stage);
            write!(stream, "CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n").unwrap();
            head(&mut stream).starts_with("HTTP/1.1 200")
        };
        let pieces = value.as_bytes().chunks(len).map(|piece| String::from_utf8_lossy(piece));
        let told: Vec<bool> = pieces.map(|piece| tunnel(&format!("{piece}.example.com"))).collect();
        assert!(told[0] && told[1] && told.contains(&false), "{told:?}");
        assert!(told.iter().filter(|told| **told).count() * len < 35, "{told:?}");
        assert!(tunnel("echo.example.com"));
    }
}

/// A question of one name, as it is sent over TCP.
fn framed(name: &str, kind: u8) -> Vec<u8> {
    let mut message = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, kind, 0, 1]);
    [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], &message].concat()
}

/// The code of the next answer, and the address that it ends with.
fn read(stream: &mut TcpStream) -> Option<(u8, Option<Ipv4Addr>)> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut reply = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut reply).ok()?;
    let address: [u8; 4] = *reply.last_chunk()?;
    Some((reply[3] & 15, (reply[7] > 0).then(|| address.into())))
}

#[test]
fn a_tunnel_to_the_address_of_a_name_is_one_to_the_name() {
    let stage = stage("vK3nB8wQ2mZ7xR4tY9pL6sD1", |_| {});
    let listener = Listener::loopback().unwrap();
    let place = listener.address().unwrap();
    stage.guard.names(listener);
    let open = || {
        let stream = TcpStream::connect(place).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let mut asking = open();
    let mut ask = |name: &str, kind: u8| {
        asking.write_all(&framed(name, kind)).unwrap();
        read(&mut asking).unwrap()
    };
    let here = ask("echo.example.com", 1).1.unwrap();
    assert_eq!(here, Ipv4Addr::new(127, 64, 0, 1));
    assert_eq!(ask("ECHO.example.com", 1), (0, Some(here)), "one name has one address");
    assert_eq!(ask("echo.example.com", 28), (0, None), "there is no other kind");
    assert_eq!((ask("example.org", 1), ask("localhost", 1)), ((5, None), (5, None)));
    assert_eq!(ask("other.example.com", 1), (0, Some(Ipv4Addr::new(127, 64, 0, 2))));
    // What is no question is answered as such, what is too long or an answer ends the connection, and half a message is none.
    let mut other = open();
    other.write_all(&[0, 12, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    assert_eq!(read(&mut other).unwrap().0, 1);
    other.write_all(&framed("echo.example.com", 1)).unwrap();
    assert_eq!(read(&mut other), Some((0, Some(here))));
    other.write_all(&[&[0xff, 0xff, 1, 2, 1, 0][..], &[0; 600]].concat()).unwrap();
    assert!(read(&mut other).is_none_or(|(code, address)| code != 0 && address.is_none()));
    assert_eq!(read(&mut other), None);
    let mut half = open();
    half.write_all(&framed("echo.example.com", 1)[..9]).unwrap();
    half.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read(&mut half), None);

    let (mut stream, said) = tunnel(&stage, &format!("{here}:80"));
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: echo.example.com\r\nConnection: close\r\n\r\n").unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 200"));
    assert_eq!(stage.records().last().unwrap().to.as_deref(), Some("http://echo.example.com:80"));
    // Another name than the address has, and an address that no name has.
    let (mut stream, _) = tunnel(&stage, &format!("{here}:80"));
    stream.write_all(b"GET / HTTP/1.1\r\nHost: other.example.com\r\nConnection: close\r\n\r\n").unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 400"));
    for target in ["127.64.0.3:443", "127.0.0.1:443", "127.64.0.0:443"] {
        assert!(!tunnel(&stage, target).1.starts_with("HTTP/1.1 200"), "{target}");
    }
    assert_eq!(stage.server.requests().len(), 1);
}
