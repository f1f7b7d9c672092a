//! WebSocket ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455)): what is said after an upgrade, message by message.
//!
//! ```text
//! client --message--> whole? --> examined as a body of its own, and behind what was said before ------> server
//! client <--message-- real values taken out, where the server got one <-------------------------------- server
//! ```
//!
//! Each side has its own frames, pings and masks; what is the same is the messages. A refused one closes the connection, but where the client's protocol has an error for it: then it is told so, and goes on. Nothing is compressed: `Sec-WebSocket-Extensions` is not passed on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use exfilter::wire::{Conversation, RequestHead, error_message};
use exfilter::{Audience, Authority, Edit, Engine, Inspector};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::block_in_place;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tower_service::Service as _;
use zeroize::Zeroizing;

use crate::answer::{Treatment, answer};
use crate::exchange::{failed, note, refuse_plainly, unreachable};
use crate::guard::{LONG, Shared};
use crate::held::Released;
use crate::message::{AnswerBody, strip, whole};
use crate::record::{Outcome, Record};
use crate::scrub;

/// How a record calls it.
const WEBSOCKET: &str = "websocket";

/// The most bytes of the reason in a close frame.
const REASON_MAX: usize = 120;

/// How much of what has left, and of a message behind it, is looked at together: no value that is looked for is longer but for keys in PEM.
const SEAM: usize = 4 << 10;

/// How long a side has to answer that the other one closes.
const LAST: Duration = Duration::from_secs(5);

/// How many refusals wait until a client reads them.
const REFUSALS: usize = 4;

/// What the client is told by nobody but the guard.
enum Told {
    /// A message of its was refused.
    Refusal(Utf8Bytes),
    /// The connection ends.
    Close(CloseFrame),
}

/// Whether a request asks for an upgrade to WebSocket, and whether for nothing else and in the form that there is of it.
pub(crate) fn is_asked(method: &Method, version: Version, headers: &HeaderMap) -> Option<bool> {
    let upgrades: Vec<&[u8]> =
        headers.get_all(header::UPGRADE).iter().map(|value| value.as_bytes().trim_ascii()).collect();
    let mentions = |value: &[u8]| value.to_ascii_lowercase().windows(9).any(|window| window == b"websocket");
    if !upgrades.iter().any(|value| mentions(value)) {
        return None;
    }
    let alone = matches!(upgrades[..], [value] if value.eq_ignore_ascii_case(b"websocket"));
    Some(alone && *method == Method::GET && version == Version::HTTP_11)
}

/// Asks the server for the upgrade, and passes messages on from then on.
pub(crate) async fn open(
    shared: Arc<Shared>,
    to: Authority,
    mut request: Request<Released>,
    client: OnUpgrade,
    injected: bool,
) -> Response<AnswerBody> {
    let Ok(place) = shared.upgrades.clone().try_acquire_owned() else {
        return failed(
            &shared,
            &to,
            Conversation::Plain,
            503,
            "there are too many open WebSocket connections",
        );
    };
    let headers = request.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
    // What is for an upstream proxy alone would come to the server, through its tunnel.
    headers.remove(header::PROXY_AUTHORIZATION);
    let line = match shared.one_request.clone().call(request.uri().clone()).await {
        Ok(line) => line,
        Err(error) => return failed(&shared, &to, Conversation::Plain, 502, unreachable(&error)),
    };
    let path = request.uri().path().to_owned();
    // To a server itself goes the path alone.
    if let Some(target) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = target.into();
    }
    let asked = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(line).await?;
        tokio::spawn(connection.with_upgrades());
        sender.send_request(request).await
    };
    let mut response = match tokio::time::timeout(shared.limits.answer, asked).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            let why = "the server closed the connection without an answer";
            return failed(&shared, &to, Conversation::Plain, 502, why);
        }
        Err(_) => {
            return failed(&shared, &to, Conversation::Plain, 504, "the server did not answer in time");
        }
    };
    let scrubber = shared.scrubber.clone().filter(|_| injected);
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return answer(
            Treatment { to: &to, scrubber: scrubber.as_ref(), advertisement: None, metadata: None },
            response,
        );
    }
    if response.headers().contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
        let why = "the server uses extensions of WebSocket for which nobody asked";
        return failed(&shared, &to, Conversation::Plain, 502, why);
    }
    let server = hyper::upgrade::on(&mut response);
    let conversation = spoken(&to, &path);
    let mut headers = std::mem::take(response.headers_mut());
    strip(&mut headers);
    if let Some(scrubber) = &scrubber {
        scrub::headers(scrubber, &to, &mut headers);
    }
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    tokio::spawn(async move {
        relay(shared, to, conversation, scrubber, client, server).await;
        drop(place);
    });
    let mut response = Response::new(whole(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    response
}

/// The answer to a request that asks for it in another way than there is.
pub(crate) fn malformed(shared: &Shared, to: &Authority) -> Response<AnswerBody> {
    refuse_plainly(
        shared,
        Some(to),
        Conversation::Plain,
        "this asks for WebSocket and for something else too",
    )
}

/// What is spoken at an address: messages are what a client would post there.
fn spoken(to: &Authority, path: &str) -> Conversation {
    let head = RequestHead::new(b"POST", path.as_bytes(), [("host", to.host())]);
    head.map_or(Conversation::Plain, |head| head.conversation())
}

async fn relay(
    shared: Arc<Shared>,
    to: Authority,
    conversation: Conversation,
    scrubber: Option<Engine>,
    client: OnUpgrade,
    server: OnUpgrade,
) {
    let (Ok(client), Ok(server)) = tokio::join!(client, server) else { return };
    let most = shared.limits.message;
    let config = WebSocketConfig::default().max_message_size(Some(most)).max_frame_size(Some(most));
    let client = WebSocketStream::from_raw_socket(TokioIo::new(client), Role::Server, Some(config)).await;
    let server = WebSocketStream::from_raw_socket(TokioIo::new(server), Role::Client, Some(config)).await;
    let Some(said) = Said::new(&shared, &to, conversation) else { return };
    let (to_client, from_client) = client.split();
    let (to_server, from_server) = server.split();
    let (tell, told) = mpsc::channel(REFUSALS);
    let mut up = std::pin::pin!(up(said, from_client, to_server, tell));
    let mut down = std::pin::pin!(down(&to, scrubber.as_ref(), from_server, to_client, told));
    tokio::select! {
        () = &mut up => drop(tokio::time::timeout(LAST, down).await),
        () = &mut down => drop(tokio::time::timeout(LAST, up).await),
    }
}

/// Passes on what the client says, until it closes or is refused.
async fn up<C, S>(
    mut said: Said,
    mut client: SplitStream<WebSocketStream<C>>,
    mut server: SplitSink<WebSocketStream<S>, Message>,
    tell: mpsc::Sender<Told>,
) where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let why = loop {
        let message = match client.next().await {
            Some(Ok(message)) => message,
            Some(Err(Error::Capacity(_))) => {
                break (
                    CloseCode::Size,
                    said.refuse("a message is longer than what is held until its verdict"),
                );
            }
            Some(Err(Error::Protocol(_) | Error::Utf8(_))) => {
                break (CloseCode::Protocol, said.refuse("these are no frames of WebSocket"));
            }
            // It went away; the server is told so.
            Some(Err(_)) | None => break (CloseCode::Away, String::new()),
        };
        let passed = match message {
            Message::Text(text) => match said.look(text.as_str().as_bytes(), true) {
                Ok(None) => Ok(Message::Text(text)),
                Ok(Some(edited)) => match Utf8Bytes::try_from(Bytes::from(edited)) {
                    Ok(text) => Ok(Message::Text(text)),
                    Err(_) => Err(said.refuse("a message could not be written anew")),
                },
                Err(why) => match error_message(said.conversation, &why) {
                    Some(error) => {
                        // Whoever is told of none any more has gone.
                        let _ = tell.send(Told::Refusal(error.into())).await;
                        continue;
                    }
                    None => Err(why),
                },
            },
            Message::Binary(bytes) => match said.look(&bytes, false) {
                Ok(edited) => Ok(Message::Binary(edited.map_or(bytes, Bytes::from))),
                Err(why) => Err(why),
            },
            Message::Close(frame) => {
                let reason = frame.as_ref().map_or("", |frame| frame.reason.as_str());
                match said.look(reason.as_bytes(), true) {
                    // A reason that would have to be changed is left out.
                    Ok(edited) => Ok(Message::Close(frame.filter(|_| edited.is_none()))),
                    Err(why) => Err(why),
                }
            }
            // Each side has its own; what stands in them goes nowhere.
            _ => continue,
        };
        match passed {
            Ok(message) => {
                let closes = message.is_close();
                if server.send(message).await.is_err() || closes {
                    return;
                }
            }
            Err(why) => break (CloseCode::Policy, why),
        }
    };
    let (code, reason) = why;
    // Before the server hears of it: what it answers to that is not what the client is to be told.
    let _ = tell.send(Told::Close(CloseFrame { code, reason: cut(&reason).into() })).await;
    // The server learns nothing of why.
    let away = CloseFrame { code: CloseCode::Away, reason: Utf8Bytes::default() };
    let _ = server.send(Message::Close(Some(away))).await;
    // Until it has closed, too.
    while let Some(Ok(_)) = client.next().await {}
}

/// Passes on what the server says, until it closes or the client was refused.
async fn down<C, S>(
    to: &Authority,
    scrubber: Option<&Engine>,
    mut server: SplitStream<WebSocketStream<S>>,
    mut client: SplitSink<WebSocketStream<C>, Message>,
    mut told: mpsc::Receiver<Told>,
) where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut listens = true;
    let close = loop {
        let message = tokio::select! {
            biased;
            told = told.recv(), if listens => match told {
                Some(Told::Refusal(text)) => {
                    if client.send(Message::Text(text)).await.is_err() {
                        break None;
                    }
                    continue;
                }
                Some(Told::Close(frame)) => break Some(frame),
                // The client closed by itself; the server's answer is still to come.
                None => { listens = false; continue }
            },
            message = server.next() => message,
        };
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(_)) => break Some(CloseFrame { code: CloseCode::Error, reason: Utf8Bytes::default() }),
            None => break Some(CloseFrame { code: CloseCode::Away, reason: Utf8Bytes::default() }),
        };
        let passed = match (message, scrubber) {
            (Message::Ping(_) | Message::Pong(_) | Message::Frame(_), _) => continue,
            (message, None) => Some(message),
            (Message::Text(text), Some(engine)) => match scrub::whole(engine, to, text.as_str().as_bytes()) {
                Some(None) => Some(Message::Text(text)),
                Some(Some(clean)) => Utf8Bytes::try_from(Bytes::from(clean)).ok().map(Message::Text),
                None => None,
            },
            (Message::Binary(bytes), Some(engine)) => scrub::whole(engine, to, &bytes)
                .map(|clean| Message::Binary(clean.map_or(bytes, Bytes::from))),
            (Message::Close(frame), Some(engine)) => {
                Some(Message::Close(frame.filter(|frame| {
                    scrub::whole(engine, to, frame.reason.as_str().as_bytes()) == Some(None)
                })))
            }
        };
        let Some(message) = passed else {
            let reason = "the answer holds what must not be told";
            break Some(CloseFrame { code: CloseCode::Policy, reason: reason.into() });
        };
        let closes = message.is_close();
        if client.send(message).await.is_err() || closes {
            break None;
        }
    };
    if close.is_some() {
        let _ = client.send(Message::Close(close)).await;
    }
}

/// What a client says over one connection, as it is examined.
struct Said {
    shared: Arc<Shared>,
    to: Authority,
    conversation: Conversation,
    /// The head of a request that is nothing but a message.
    head: RequestHead,
    /// The end of what has left: a secret may begin in one message and end in the next.
    tail: Zeroizing<Vec<u8>>,
    /// The binary messages that have left, as one body: what is tunnelled is cut anywhere, archives too.
    tunnelled: Inspector,
}

impl Said {
    fn new(shared: &Arc<Shared>, to: &Authority, conversation: Conversation) -> Option<Said> {
        let host = to.to_string();
        let host = host.rsplit('/').next().unwrap_or_default();
        let head = RequestHead::new(b"POST", b"/", [("host", host.as_bytes())]).ok()?;
        let tunnelled = Inspector::new(&shared.engine, &shared.inspection(to), head.clone()).ok()?;
        let tail = Zeroizing::new(Vec::with_capacity(SEAM));
        Some(Said { shared: shared.clone(), to: to.clone(), conversation, head, tail, tunnelled })
    }

    /// Examines a message: it may leave as it is, or changed, or not at all; then what the client is told.
    fn look(&mut self, payload: &[u8], is_text: bool) -> Result<Option<Vec<u8>>, String> {
        match payload.len() as u64 >= LONG {
            true => block_in_place(|| self.look_here(payload, is_text)),
            false => self.look_here(payload, is_text),
        }
    }

    fn look_here(&mut self, payload: &[u8], is_text: bool) -> Result<Option<Vec<u8>>, String> {
        let shared = self.shared.newest();
        let mut inspection = shared.inspection(&self.to);
        let mut record = Record::new(Some(self.to.to_string()), WEBSOCKET, Outcome::Sent);
        record.bytes = payload.len() as u64;
        let (seam, head) = (inspection.clone(), self.head.clone());
        let opened = Inspector::new(&shared.engine, inspection.editable(), head.clone());
        let seam = opened.and_then(|one| Ok((one, Inspector::new(&shared.engine, &seam, head)?)));
        let Ok((mut one, mut seam)) = seam else {
            return Err(self.refuse("a message could not be examined"));
        };
        let mut edits: Vec<Edit> = Vec::new();
        let pushed = one.push(payload);
        edits.extend_from_slice(one.edits());
        let last = one.finish();
        edits.extend_from_slice(one.edits());
        shared.note(one.session());
        note(&shared, &mut one, &mut record);
        if pushed.is_block() || last.is_block() {
            let mut digest = shared.repeats().begin(&self.to, &one);
            digest.update(payload);
            return Err(refused(&shared, record, &one, Some(&digest)));
        }
        let changed = match one.replacement() {
            Some(replaced) => Some(replaced.to_vec()),
            None if edits.is_empty() => None,
            None => {
                let mut changed = payload.to_vec();
                edits.iter().for_each(|edit| edit.apply(0, &mut changed));
                Some(changed)
            }
        };
        let leaves = changed.as_deref().unwrap_or(payload);
        let _ = seam.push(&self.tail);
        let _ = seam.push(&leaves[..leaves.len().min(SEAM)]);
        if !self.tail.is_empty() && seam.finish().is_block() {
            note(&shared, &mut seam, &mut record);
            return Err(refused(&shared, record, &seam, None));
        }
        if !is_text {
            let verdict = self.tunnelled.push(leaves);
            // What would have to be changed has left in part, or did not have to be by itself.
            if verdict.is_block() || !self.tunnelled.edits().is_empty() {
                // It has the engine with which the connection began.
                note(&self.shared, &mut self.tunnelled, &mut record);
                return Err(refused(&shared, record, &self.tunnelled, None));
            }
            while self.tunnelled.poll().is_some() {}
        }
        let is_told = !payload.is_empty() || !record.noted.is_empty() || !record.unseen.is_empty();
        if is_told && shared.sink.record(&record).is_err() {
            return Err("the message could not be recorded".into());
        }
        self.remember(changed.as_deref().unwrap_or(payload));
        Ok(changed)
    }

    /// Keeps the end of what leaves.
    fn remember(&mut self, leaves: &[u8]) {
        let new = &leaves[leaves.len().saturating_sub(SEAM)..];
        let old = (SEAM - new.len()).min(self.tail.len());
        let begins = self.tail.len() - old;
        self.tail.drain(..begins);
        self.tail.extend_from_slice(new);
    }

    /// Records that the connection ends, and returns why.
    fn refuse(&self, why: &str) -> String {
        let outcome = Outcome::Refused { why: why.into() };
        let _ = self.shared.sink.record(&Record::new(Some(self.to.to_string()), WEBSOCKET, outcome));
        why.to_owned()
    }
}

/// Records that a message does not leave, and returns what the client is told. By its digest it is known when it comes again, as clients send it who know no better.
fn refused(shared: &Shared, mut record: Record, by: &Inspector, digest: Option<&blake3::Hasher>) -> String {
    let usual = || "blocked by policy".to_owned();
    record.outcome = Outcome::Refused { why: by.text(Audience::Operator).unwrap_or_else(usual) };
    record.quarantine = shared.count_once(by, digest);
    // What is refused is refused, recorded or not.
    let _ = shared.sink.record(&record);
    by.text(Audience::Subject).unwrap_or_else(usual)
}

/// As much of a text as a close frame has room for.
fn cut(text: &str) -> String {
    let fits = (0..=text.len().min(REASON_MAX)).rev().find(|at| text.is_char_boundary(*at));
    text[..fits.unwrap_or(0)].to_owned()
}
