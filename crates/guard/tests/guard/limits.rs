//! What is too long, too slow or too much.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use exfilter_guard::GuardLimits;
use exfilter_testing::{Rng, keys};

use crate::stage::{Stage, engine, has, ok, pattern};

fn limited(change: impl FnOnce(&mut GuardLimits)) -> Stage {
    let mut limits = GuardLimits::default();
    change(&mut limits);
    let set = |settings: &mut exfilter_guard::Settings| {
        settings.limits(limits);
    };
    Stage::new(engine(), set, |_| ok(b"done"))
}

#[test]
fn long_bodies_go_to_a_file_and_arrive_as_they_are() {
    if !has("curl", &["--version"]) {
        return;
    }
    let stage = limited(|limits| limits.memory_per_body = 100_000);
    let mut rng = Rng::new(21);
    let clean = rng.bytes(3_000_000);
    let file = format!("@{}", stage.write("clean.bin", &clean));
    for chunked in [&[][..], &["-H", "Transfer-Encoding: chunked"]] {
        stage.server.forget();
        let args =
            [&["curl", "-sS", "--http1.1", "--data-binary", &file], chunked, &["https://echo.example.com/"]]
                .concat();
        assert_eq!(stage.run(&args).said, "done");
        assert!(stage.server.requests()[0].body == clean);
    }
    stage.server.forget();
    // A secret at the very end: nothing of what stands before it leaves.
    let token = keys::github(&mut rng, "ghp_");
    let file = format!("@{}", stage.write("late.bin", &[&clean[..], b" ", &token].concat()));
    let ran = stage.run(&["curl", "-sS", "--data-binary", &file, "https://echo.example.com/"]);
    assert!(ran.said.contains("secret detected in body"), "{}", ran.said);
    assert!(
        stage.server.requests().is_empty() && !stage.server.bytes().windows(64).any(|w| w == &clean[..64])
    );
}

#[test]
fn bodies_beyond_the_limit_are_refused() {
    if !has("curl", &["--version"]) {
        return;
    }
    for change in [
        (|limits: &mut GuardLimits| limits.body = 200_000) as fn(&mut GuardLimits),
        |limits| (limits.memory_per_body, limits.spool) = (1000, 200_000),
        |limits| (limits.memory, limits.spool) = (1000, 200_000),
    ] {
        let stage = limited(change);
        let file = format!("@{}", stage.write("long.bin", &vec![b'a'; 300_000]));
        let ran = stage.run(&["curl", "-sS", "--data-binary", &file, "https://echo.example.com/"]);
        assert!(ran.said.contains("longer than what is held"), "{}", ran.said);
        assert!(stage.server.requests().is_empty());
        // What was held is given back.
        let ran = stage.run(&["curl", "-sS", "-d", "short", "https://echo.example.com/"]);
        assert_eq!(ran.said, "done");
    }
}

/// Node sends all of a body before it reads an answer; where the connection ends before that, it tells of a broken pipe.
#[test]
fn who_sends_a_long_body_is_told_why_it_is_refused() {
    let stage = Stage::new(
        engine(),
        |settings| {
            settings.allow(pattern("echo.example.com"));
        },
        |_| ok(b"done"),
    );
    // More than what sockets hold, and no proxy can have it all before it reads.
    const BODY: usize = 16 << 20;
    let heads = [
        ("POST http://elsewhere.example.com/ HTTP/1.1\r\nHost: elsewhere.example.com\r\n", "403"),
        ("POST http://echo.example.com/ HTTP/1.1\r\nHost: other.example.com\r\n", "400"),
    ];
    for (head, status) in heads {
        let mut client = TcpStream::connect(stage.guard.address().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        client.write_all(format!("{head}Content-Length: {BODY}\r\n\r\n").as_bytes()).unwrap();
        for _ in 0..BODY >> 16 {
            client.write_all(&[b'a'; 1 << 16]).expect("it is read to its end");
        }
        let mut answer = [0; 12];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), format!("HTTP/1.1 {status}"), "{head}");
        // One that waits to be asked for it is told at once.
        let mut client = TcpStream::connect(stage.guard.address().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let expect = format!("{head}Expect: 100-continue\r\nContent-Length: {BODY}\r\n\r\n");
        client.write_all(expect.as_bytes()).unwrap();
        client.read_exact(&mut answer).unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), format!("HTTP/1.1 {status}"), "{head}");
    }
    assert!(stage.server.requests().is_empty());
}

#[test]
fn slow_clients_are_cut_off() {
    let stage = limited(|limits| {
        let short = Duration::from_millis(300);
        (limits.head, limits.idle, limits.connect) = (short, short, short);
    });
    for text in [
        "POST http://echo.example.com/ HTTP/1.1\r\nHost: echo.exa",
        "POST http://echo.example.com/ HTTP/1.1\r\nHost: echo.example.com\r\nContent-Length: 10\r\n\r\nabc",
        "CONNECT echo.example.com:443 HTTP/1.1\r\nHost: echo.example.com:443\r\n\r\n",
        "CONNECT echo.example.com:443 HTTP/1.1\r\nHost: echo.example.com:443\r\n\r\n\x16\x03",
    ] {
        let mut stream = TcpStream::connect(stage.guard.address().unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let begun = Instant::now();
        stream.write_all(text.as_bytes()).unwrap();
        let mut out = Vec::new();
        let ended = stream.read_to_end(&mut out);
        assert!(ended.is_ok() && begun.elapsed() < Duration::from_secs(60), "{text:?}: {ended:?}");
    }
    assert_eq!(stage.server.connections(), 0);
}

#[test]
fn long_heads_are_refused() {
    let stage = Stage::usual();
    for fields in [
        format!("X: {}\r\n", "a".repeat(200_000)),
        "X: a\r\n".repeat(600),
        "X: aaaaaaaaaaaaaaaa\r\n".repeat(20_000),
    ] {
        let mut stream = TcpStream::connect(stage.guard.address().unwrap()).unwrap();
        let text = format!("GET http://echo.example.com/ HTTP/1.1\r\nHost: echo.example.com\r\n{fields}\r\n");
        let _ = stream.write_all(text.as_bytes());
        let mut out = Vec::new();
        let _ = stream.read_to_end(&mut out);
        let said = String::from_utf8_lossy(&out);
        assert!(out.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
    }
    assert_eq!(stage.server.connections(), 0);
}

/// A tunnel keeps its place: more connections than there may be wait for one to end.
#[test]
fn connections_are_counted_to_their_end() {
    let stage = limited(|limits| limits.connections = 2);
    let tunnel = || {
        let mut stream = TcpStream::connect(stage.guard.address().unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
        stream
            .write_all(b"CONNECT echo.example.com:443 HTTP/1.1\r\nHost: echo.example.com:443\r\n\r\n")
            .unwrap();
        stream
    };
    let is_open = |stream: &mut TcpStream| stream.read(&mut [0; 12]).is_ok_and(|n| n > 0);
    let (mut first, mut second, mut third) = (tunnel(), tunnel(), tunnel());
    assert!(is_open(&mut first) && is_open(&mut second));
    assert!(!is_open(&mut third));
    drop(first);
    assert!(crate::stage::soon(|| is_open(&mut third.try_clone().unwrap())));
}
