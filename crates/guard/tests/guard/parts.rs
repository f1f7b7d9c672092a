//! Large files, as clients of S3 send them: in parts, several at the same time, each in chunks of its own.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use exfilter_testing::{Rng, keys};
use http_body_util::Full;
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::raw::{head, tls, trusting, tunnel};
use crate::stage::{Stage, soon};

const HOST: &str = "echo.example.com";

/// A part as botocore writes it.
fn put(number: usize, content: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "PUT /key?partNumber={number}&uploadId=u HTTP/1.1\r\nHost: {HOST}\r\nContent-Encoding: aws-chunked\r\nX-Amz-Content-SHA256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n\
         X-Amz-Decoded-Content-Length: {}\r\nX-Amz-Trailer: x-amz-checksum-crc32\r\nTransfer-Encoding: chunked\r\n\r\n",
        content.len()
    )
    .into_bytes();
    let body = chunks(content);
    out.extend(format!("{:x}\r\n", body.len()).into_bytes());
    out.extend(body);
    out.extend_from_slice(b"\r\n0\r\n\r\n");
    out
}

fn chunks(content: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for piece in content.chunks(1000) {
        body.extend([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
    }
    body.extend_from_slice(b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n");
    body
}

/// Sends parts, the last one first and all at the same time, and gives the statuses in their order.
fn send(stage: &Stage, parts: &[&[u8]]) -> Vec<String> {
    std::thread::scope(|scope| {
        let answers: Vec<_> = parts
            .iter()
            .enumerate()
            .rev()
            .map(|(n, content)| {
                let answer = scope.spawn(move || {
                    let mut stream = tls(stage, &format!("{HOST}:443"), HOST);
                    stream.write_all(&put(n + 1, content)).unwrap();
                    head(&mut stream)
                });
                // It has been read, and waits.
                std::thread::sleep(Duration::from_millis(20));
                answer
            })
            .collect();
        let answers = answers.into_iter().rev().map(|answer| answer.join().unwrap());
        answers.map(|head| head.split(' ').nth(1).unwrap_or_default().to_owned()).collect()
    })
}

#[test]
fn parts_that_are_sent_at_the_same_time_are_one_object() {
    let stage = Stage::usual();
    let mut rng = Rng::new(41);
    let parts: Vec<Vec<u8>> = (0..6).map(|_| rng.bytes(5000)).collect();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    assert_eq!(send(&stage, &parts), ["200"; 6], "{:?}", stage.refusals());
    // What they were sent as arrives.
    assert!(soon(|| stage.server.requests().len() == 6));
    for request in stage.server.requests() {
        assert!(request.body.starts_with(b"3e8\r\n") && request.body.ends_with(b"AAAAAA==\r\n\r\n"));
    }
    assert!(stage.records().iter().all(|record| record.unseen.is_empty()), "{:?}", stage.records());
}

/// In one connection of HTTP/2 those that wait leave room for the one they wait for, however many they are.
#[test]
fn parts_in_one_connection_do_not_starve_each_other() {
    const PARTS: usize = 40;
    const LEN: usize = 300_000;
    let stage = Stage::usual();
    let mut rng = Rng::new(43);
    let part = |number: usize, content: &[u8]| {
        Request::put(format!("https://{HOST}/key?partNumber={number}&uploadId=u"))
            .header("content-encoding", "aws-chunked")
            .header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
            .header("x-amz-decoded-content-length", LEN)
            .header("x-amz-trailer", "x-amz-checksum-crc32")
            .body(Full::new(Bytes::from(chunks(content))))
            .unwrap()
    };
    let parts: Vec<_> = (1..=PARTS).map(|number| part(number, &rng.bytes(LEN))).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let statuses: Vec<u16> = runtime.block_on(async {
        let (stream, _) = tunnel(&stage, &format!("{HOST}:443"));
        stream.set_nonblocking(true).unwrap();
        let mut config = trusting(&stage);
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from(HOST).unwrap();
        let stream = TcpStream::from_std(stream).unwrap();
        let tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        let mut answers = Vec::new();
        // The last one first: all of the others wait, and as much of them as has room has come when the first one is sent.
        for part in parts.into_iter().rev() {
            let mut sender = sender.clone();
            answers.push(tokio::spawn(async move { sender.send_request(part).await }));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut statuses = Vec::new();
        for answer in answers {
            statuses.push(answer.await.unwrap().unwrap().status().as_u16());
        }
        statuses
    });
    assert_eq!(statuses, [200; PARTS], "{:?}", stage.refusals());
    assert!(stage.server.requests().len() == PARTS);
}

/// A secret that is cut by the end of a part is found with the next one, and what comes behind that is refused, too.
#[test]
fn a_secret_in_two_parts_does_not_arrive() {
    let stage = Stage::usual();
    let mut rng = Rng::new(42);
    let key = keys::github(&mut rng, "ghp_");
    let object = [&rng.text(keys::HEX, 4980), &b"\n"[..], &key, b"\n", &rng.text(keys::HEX, 9000)].concat();
    let parts: Vec<&[u8]> = object.chunks(5000).collect();
    let said = send(&stage, &parts);
    assert!(said[0] == "200" && said[1..].iter().all(|status| status == "403"), "{said:?}");
    assert_eq!(stage.server.requests().len(), 1);
}

/// One whose first part never comes waits no longer than a client may be silent.
#[test]
fn a_part_of_nothing_is_refused() {
    let limits = |settings: &mut exfilter_guard::Settings| {
        let mut limits = exfilter_guard::GuardLimits::default();
        limits.idle = Duration::from_millis(300);
        settings.limits(limits);
    };
    let stage = Stage::new(crate::stage::engine(), limits, |_| crate::stage::ok(b"done"));
    let mut stream = tls(&stage, &format!("{HOST}:443"), HOST);
    stream.write_all(&put(2, b"hello")).unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 403"));
    assert!(stage.server.requests().is_empty());
}
