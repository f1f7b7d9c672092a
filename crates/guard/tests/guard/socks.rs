//! Clients of SOCKS5.

use std::io::{Read as _, Write as _};

use exfilter_testing::{Rng, keys};

use crate::raw::connect;
use crate::stage::{Stage, engine, has, ok, pattern, soon};

#[test]
fn requests_through_it_are_examined() {
    if !has("curl", &["--version"]) {
        return;
    }
    let stage = Stage::usual();
    let proxy = format!("socks5h://{}", stage.guard.address().unwrap());
    let key = String::from_utf8(keys::github(&mut Rng::new(41), "ghp_")).unwrap();
    for url in ["https://echo.example.com/", "http://echo.example.com/"] {
        stage.server.forget();
        let ran = stage.run(&["curl", "-sS", "-x", &proxy, "-d", "hello", url]);
        assert_eq!(ran.said, "done\n");
        assert_eq!(stage.server.requests()[0].body, b"hello");
        let ran = stage.run(&["curl", "-sS", "-x", &proxy, "-d", &key, url]);
        assert!(ran.said.contains("secret detected in body"), "{}", ran.said);
        stage.nothing_arrived(key.as_bytes());
    }
}

#[test]
fn what_may_not_be_reached_is_told_at_once() {
    let set = |settings: &mut exfilter_guard::Settings| {
        settings.allow(pattern("echo.example.com"));
    };
    let stage = Stage::new(engine(), set, |_| ok(b"done"));
    let greeted = |code| vec![5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0];
    let cases: [(Vec<u8>, Vec<u8>); 12] = [
        (name(b"other.example.com", 443), greeted(2)),
        (name(b"echo.example.com\0.other.example", 443), greeted(2)),
        (name(b"echo.example.com:443", 443), greeted(2)),
        (name(b"u@echo.example.com", 443), greeted(2)),
        (name(b"echo.example.com", 0), greeted(2)),
        (name(b"\xff", 443), greeted(2)),
        (name(b"", 443), greeted(2)),
        // Addresses, which are not on the list either.
        (vec![5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 80], greeted(2)),
        ([&[5, 1, 0, 5, 1, 0, 4][..], &[0; 15], &[1, 0, 80]].concat(), greeted(2)),
        // UDP, a kind of address that there is none of, a password.
        (vec![5, 1, 0, 5, 3, 0, 1, 127, 0, 0, 1, 0, 80], greeted(7)),
        (vec![5, 1, 0, 5, 1, 0, 2], greeted(8)),
        (vec![5, 1, 2], vec![5, 0xff]),
    ];
    for (said, expected) in cases {
        let mut stream = connect(&stage);
        stream.write_all(&said).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(answer, expected, "{said:?}");
    }
    // SOCKS4 is nothing.
    let mut stream = connect(&stage);
    stream.write_all(&[4, 1, 0, 80, 127, 0, 0, 1, 0]).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(&[0, 90]));
    assert_eq!(stage.server.connections(), 0);
    assert!(soon(|| stage.refusals().len() >= 11), "{:?}", stage.refusals());
}

#[test]
fn a_key_in_a_name_is_not_repeated() {
    let mut rule = exfilter::Rule::new("acme-key", "acme-", "acme-[0-9a-f]{32}");
    rule.confidence = exfilter::Confidence::High;
    let engine = exfilter::Engine::builder().rules([rule]).build().unwrap();
    let stage = Stage::new(engine, |_| {}, |_| ok(b"done"));
    let key = [b"acme-", &Rng::new(42).text(keys::HEX, 32)[..]].concat();
    let mut stream = connect(&stage);
    stream.write_all(&name(&[&key[..], b".example.com"].concat(), 443)).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, [5, 0, 5, 2, 0, 1, 0, 0, 0, 0, 0, 0]);
    let records = stage.records();
    assert!(records.len() == 1 && records[0].to.is_none(), "{records:?}");
    assert!(!format!("{records:?}").contains(str::from_utf8(&key).unwrap()));
}

/// What a client says that wants to go there by name.
fn name(name: &[u8], port: u16) -> Vec<u8> {
    [&[5, 1, 0, 5, 1, 0, 3, u8::try_from(name.len()).unwrap()][..], name, &port.to_be_bytes()].concat()
}
