//! What is said over WebSocket.

use std::io::{Read, Write};

use exfilter::config::Config;
use exfilter::{Engine, KnownSecrets, StoreKey};
use exfilter_guard::{GuardLimits, Outcome};
use exfilter_testing::{Rng, canary, keys, wrap};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

use crate::placeholders::token;
use crate::raw::{connect, head, tls, tunnel};
use crate::stage::{Stage, engine, ok, soon};

/// A client's connection, behind the server's first words, which are returned too.
fn open<S: Read + Write>(stream: S, url: &str, more: &[(&'static str, &str)]) -> (WebSocket<S>, String) {
    let mut request = url.into_client_request().unwrap();
    for (name, value) in more {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let (mut socket, _) = client(request, stream).map_err(|error| error.to_string()).unwrap();
    let first = socket.read().unwrap().into_text().unwrap().to_string();
    (socket, first)
}

pub(crate) fn plain(stage: &Stage) -> WebSocket<std::net::TcpStream> {
    let (stream, said) = tunnel(stage, "echo.example.com:80");
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    open(stream, "ws://echo.example.com/chat", &[]).0
}

/// The code and the reason with which a connection is closed.
pub(crate) fn closed<S: Read + Write>(socket: &mut WebSocket<S>) -> (CloseCode, String) {
    loop {
        match socket.read() {
            Ok(Message::Close(Some(frame))) => return (frame.code, frame.reason.to_string()),
            Ok(_) => {}
            Err(error) => panic!("it ended without a word: {error}"),
        }
    }
}

pub(crate) fn echoed<S: Read + Write>(socket: &mut WebSocket<S>, message: Message) {
    socket.send(message.clone()).unwrap();
    assert!(socket.read().unwrap() == message);
}

#[test]
fn clean_messages_arrive_as_they_are() {
    let stage = Stage::usual();
    let mut rng = Rng::new(31);
    let (mut socket, _) = open(
        tls(&stage, "echo.example.com:443", "echo.example.com"),
        "wss://echo.example.com/chat?room=1",
        &[("sec-websocket-protocol", "chat"), ("sec-websocket-extensions", "permessage-deflate")],
    );
    echoed(&mut socket, Message::text("hello"));
    echoed(&mut socket, Message::text(""));
    echoed(&mut socket, Message::binary(rng.bytes(500_000)));
    // What ends in the middle of something that could become a key is not kept back.
    echoed(&mut socket, Message::text(String::from_utf8(rng.text(keys::HEX, 64)).unwrap()));
    let part = |opcode, text: &'static str, last| {
        let header = FrameHeader { is_final: last, opcode: OpCode::Data(opcode), ..FrameHeader::default() };
        Message::Frame(Frame::from_payload(header, text.into()))
    };
    socket.send(part(Data::Text, "in two ", false)).unwrap();
    // Between the frames of a message.
    socket.send(Message::Ping("p".into())).unwrap();
    socket.send(part(Data::Continue, "pieces", true)).unwrap();
    assert!(matches!(socket.read().unwrap(), Message::Pong(payload) if payload == "p"));
    assert_eq!(socket.read().unwrap(), Message::text("in two pieces"));
    socket.send(Message::text("close")).unwrap();
    assert_eq!(closed(&mut socket), (CloseCode::Normal, "as asked".into()));
    let asked = &stage.server.requests()[0];
    assert_eq!(asked.target, "/chat?room=1");
    assert_eq!(asked.header("sec-websocket-protocol").unwrap(), "chat");
    assert_eq!(asked.header("sec-websocket-extensions"), None);
    assert!(stage.refusals().is_empty(), "{:?}", stage.refusals());
    // The same through a proxy request without a tunnel.
    let mut stream = connect(&stage);
    let request = "GET http://echo.example.com/ HTTP/1.1\r\nHost: echo.example.com\r\nConnection: Upgrade\r\nUpgrade: \
                   websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 101"));
}

#[test]
fn a_secret_closes_the_connection_and_does_not_arrive() {
    let stage = Stage::usual();
    let mut rng = Rng::new(32);
    let key = keys::github(&mut rng, "ghp_");
    let text = |bytes: &[u8]| Message::text(String::from_utf8(bytes.to_vec()).unwrap());
    let json = [b"{\"text\": \"", &key[..], b"\"}"].concat();
    let frame = |reason: &[u8]| {
        let reason = String::from_utf8(reason.to_vec()).unwrap().into();
        Message::Close(Some(tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: CloseCode::Normal,
            reason,
        }))
    };
    for message in [
        text(&json),
        Message::binary(key.clone()),
        Message::binary(wrap::gzip(&mut rng, &json)),
        text(&wrap::base64(&json, false, true)),
        frame(&key),
    ] {
        stage.server.forget();
        let mut socket = plain(&stage);
        echoed(&mut socket, Message::text("first"));
        socket.send(message).unwrap();
        let (code, reason) = closed(&mut socket);
        // Who closes gets the same code back.
        if code != CloseCode::Normal {
            assert_eq!(code, CloseCode::Policy);
            assert!(reason.contains("secret detected"), "{reason}");
        }
        stage.nothing_arrived(&key);
        assert!(!stage.server.messages().iter().any(|message| message.windows(10).any(|w| w == &key[..10])));
    }
    let refused: Vec<_> = stage
        .records()
        .into_iter()
        .filter(|record| matches!(record.outcome, Outcome::Refused { .. }))
        .map(|record| (record.conversation, record.to, !record.noted.is_empty()))
        .collect();
    assert_eq!(refused, vec![("websocket", Some("http://echo.example.com:80".to_owned()), true); 5]);
}

/// What one message begins and the next one ends does not arrive whole.
#[test]
fn a_secret_in_two_messages_is_noticed() {
    let stage = Stage::usual();
    let key = keys::github(&mut Rng::new(33), "ghp_");
    let mut socket = plain(&stage);
    let (begin, end) = key.split_at(key.len() / 2);
    echoed(&mut socket, Message::binary(begin.to_vec()));
    socket.send(Message::binary(end.to_vec())).unwrap();
    assert_eq!(closed(&mut socket).0, CloseCode::Policy);
    assert!(!stage.server.messages().iter().any(|message| message == end));
}

#[test]
fn models_get_a_redacted_message() {
    let stage = Stage::usual();
    let key = String::from_utf8(keys::github(&mut Rng::new(34), "ghp_")).unwrap();
    let stream = tls(&stage, "api.anthropic.com:443", "api.anthropic.com");
    let (mut socket, _) = open(stream, "wss://api.anthropic.com/v1/live", &[]);
    let message = |key: &str| Message::text(format!("{{\"content\": \"my key is {key} ok\"}}"));
    for _ in 0..3 {
        socket.send(message(&key)).unwrap();
        assert_eq!(socket.read().unwrap(), message(&"*".repeat(key.len())));
    }
    stage.nothing_arrived(key.as_bytes());
}

#[test]
fn what_the_server_got_is_not_told() {
    let key = keys::github(&mut Rng::new(35), "ghp_");
    let token = token(&key, &["api.github.com"]);
    let stream = tls(&token.stage, "api.github.com:443", "api.github.com");
    let authorization = format!("Bearer {}", token.placeholder);
    let (mut socket, first) = open(stream, "wss://api.github.com/live", &[("authorization", &authorization)]);
    let got = token.stage.server.requests()[0].header("authorization").unwrap();
    assert_eq!(got, format!("Bearer {}", token.real));
    assert_eq!(first, format!("you are Bearer {}", "*".repeat(key.len())));
    echoed(&mut socket, Message::text("still there"));
}

#[test]
fn what_is_no_websocket_is_closed() {
    let mut limits = GuardLimits::default();
    limits.message = 10_000;
    let set = |settings: &mut exfilter_guard::Settings| {
        settings.limits(limits);
    };
    let stage = Stage::new(engine(), set, |_| ok(b"done"));
    let mut socket = plain(&stage);
    socket.send(Message::binary(vec![b'a'; 10_001])).unwrap();
    assert_eq!(closed(&mut socket).0, CloseCode::Size);
    let mut socket = plain(&stage);
    // A frame without a mask, and with a reserved bit.
    socket.get_mut().write_all(b"\xf1\x03abc").unwrap();
    assert!(matches!(
        socket.read(),
        Ok(Message::Close(_)) | Err(Error::ConnectionClosed | Error::Protocol(_))
    ));
    assert!(soon(|| stage.refusals().len() == 2), "{:?}", stage.refusals());
    assert!(stage.server.messages().iter().all(|message| message.len() < 100));
    // Whoever asks for two protocols is asked which.
    let (mut stream, _) = tunnel(&stage, "echo.example.com:80");
    let request = "GET / HTTP/1.1\r\nHost: echo.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket, other\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 403"));
}

/// Codex talks to its models so. Of a closed connection it knows no reason, opens another one and sends the same again, five times; of an error it tells, and ends.
#[test]
fn a_refusal_is_an_error_where_the_protocol_has_one() {
    let mut rng = Rng::new(36);
    let value = rng.text(keys::BASE62, 40);
    canary::note([&value[..]]);
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).unwrap());
    known.add("TOKEN", &value, Vec::new()).unwrap();
    let engine = Engine::builder().rules(exfilter::rules::builtin()).known_secrets(known).build().unwrap();
    let config = Config::parse("policy.toml", "version = 1\n[quarantine]\nhits = 2\n").unwrap();
    let set = |settings: &mut exfilter_guard::Settings| {
        settings.config(config);
    };
    let stage = Stage::new(engine, set, |_| ok(b"done"));
    let open = |host: &'static str, path: &str| {
        let stream = tls(&stage, &format!("{host}:443"), host);
        open(stream, &format!("wss://{host}{path}"), &[]).0
    };
    // What cannot be overwritten in its place.
    let base64 = |bytes: &[u8]| String::from_utf8(wrap::base64(bytes, false, true)).unwrap();
    let hidden = base64(&wrap::gzip(&mut rng, &value));
    let message = Message::text(format!(r#"{{"type":"response.create","input":"{hidden}"}}"#));
    for (host, path) in [("chatgpt.com", "/backend-api/codex/responses"), ("api.openai.com", "/v1/responses")]
    {
        let mut socket = open(host, path);
        for _ in 0..3 {
            echoed(&mut socket, Message::text("first"));
            socket.send(message.clone()).unwrap();
            let error = socket.read().unwrap().into_text().unwrap();
            assert!(error.starts_with(r#"{"type":"error","status":400,"error":{"#), "{error}");
            assert!(error.contains("blocked by policy, reference "), "{error}");
            // The same again tells nobody anything.
            assert!(!stage.guard.is_quarantined());
        }
        stage.nothing_arrived(hidden.as_bytes());
        // The second host is another place.
        if host == "chatgpt.com" {
            stage.guard.lift_quarantine();
        }
    }
    // One of another kind closes, as in any other protocol.
    let mut socket = open("api.openai.com", "/v1/responses");
    socket.send(Message::binary(wrap::gzip(&mut rng, &value))).unwrap();
    assert_eq!(closed(&mut socket).0, CloseCode::Policy);
    assert!(stage.guard.is_quarantined());
}

/// What left is told of with each message, whether something stood in it or not.
#[test]
fn each_message_is_recorded() {
    let stage = Stage::usual();
    let mut socket = plain(&stage);
    echoed(&mut socket, Message::text("hello"));
    echoed(&mut socket, Message::binary(vec![7; 1000]));
    let messages: Vec<u64> = stage
        .records()
        .iter()
        .filter(|record| record.conversation == "websocket" && record.outcome == Outcome::Sent)
        .map(|record| record.bytes)
        .collect();
    assert_eq!(messages, [5, 1000]);
}
