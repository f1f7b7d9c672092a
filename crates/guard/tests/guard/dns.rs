//! Names that are asked for: answered without asking anybody, and examined together.

use std::io::Write as _;
use std::net::{Ipv4Addr, UdpSocket};

use exfilter::{Engine, KnownSecrets, StoreKey};
use exfilter_guard::{Outcome, Settings};
use exfilter_testing::{Rng, canary, keys};

use crate::raw::{connect, head};
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
