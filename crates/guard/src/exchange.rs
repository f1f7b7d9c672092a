//! One request: examined whole, then refused or sent.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use exfilter::substitute::{First, Substitutes};
use exfilter::wire::{Asked, Conversation, Reply, RequestHead, Why};
use exfilter::{Audience, Authority, Edit, Inspector};
use http::{HeaderMap, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use crate::answer::{Treatment, answer};
use crate::approvals::Offer;
use crate::gate::Closed;
use crate::guard::{LONG, Shared};
use crate::held::{Held, Released};
use crate::limits::DRAIN;
use crate::login;
use crate::message::{self, AnswerBody};
use crate::record::{Outcome, Record};
use crate::upstream_proxy::NoTunnel;
use crate::websocket;
use crate::whose::{self, whose};

/// Two requests at once may take what was approved once.
const USED_UP: &str = "what was approved for it was used by another request, or is too old";

/// A piece of so many bytes is looked at where it keeps nobody waiting, if its body is [`LONG`].
const STEP: usize = 16 << 10;

/// Fields of a request that asks for a part of an answer, or for one only if it is another.
const OF_A_PART: [&str; 4] = ["range", "if-range", "if-none-match", "if-modified-since"];

/// What was read of a body.
struct Taken {
    held: Held,
    edits: Vec<Edit>,
    trailers: Option<HeaderMap>,
    /// Why it is refused, whatever is in it.
    refusal: Option<&'static str>,
    /// Of all of it, from when it is known that it is refused for what is in it.
    digest: Option<blake3::Hasher>,
    /// Whether something of it is not held.
    is_cut: bool,
}

/// What is known of a request that is refused: of its body the length and the digest, if it was read whole.
struct Seen {
    begun: Instant,
    bytes: u64,
    digest: Option<blake3::Hasher>,
}

/// Answers a request to `to`. A panic on the way is a refusal.
pub(crate) async fn exchange(
    shared: Arc<Shared>,
    to: Authority,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    let task = tokio::spawn(run(shared.clone(), to.clone(), request));
    let task = AbortOnDrop(task);
    match task.await {
        Ok(response) => response,
        Err(_) => {
            let why = "an internal fault; what was being examined was not sent";
            refuse_plainly(&shared, Some(&to), Conversation::Plain, why)
        }
    }
}

async fn run(shared: Arc<Shared>, to: Authority, mut request: Request<Incoming>) -> Response<AnswerBody> {
    let begun = Instant::now();
    if let Err(closed) = shared.admits(&to, to.host()) {
        let response = refuse_closed(&shared, Some(&to), Conversation::Plain, closed);
        pass_over(&shared, request.headers().contains_key(header::EXPECT), request.body_mut()).await;
        return response;
    }
    let upgrade = match websocket::is_asked(request.method(), request.version(), request.headers()) {
        Some(true) => Some(hyper::upgrade::on(&mut request)),
        Some(false) => return websocket::malformed(&shared, &to),
        None => None,
    };
    let (parts, mut body) = request.into_parts();
    let waits = parts.headers.contains_key(header::EXPECT);
    let head = match message::head(&parts, &to) {
        Ok(head) => head,
        Err(reply) => {
            pass_over(&shared, waits, &mut body).await;
            return malformed(&shared, &to, &reply);
        }
    };
    let part = head.part();
    let turn = shared.turns_of_parts.wait(&shared.uploads, &to, part.as_ref(), shared.limits.idle).await;
    let mut inspection = shared.inspection(&to);
    inspection.editable().held().uploads(&shared.uploads).prefixes(&shared.prefixes);
    if let Some(substitutes) = &shared.substitutes {
        inspection.substitutes(substitutes);
    }
    let logins = shared.logins.substitutes();
    if !logins.is_empty() {
        inspection.substitutes(&logins);
    }
    inspection.approved(&shared.approvals.of(&to.to_string(), shared.started.elapsed()));
    let mut inspector = match Inspector::new(&shared.engine, &inspection, head) {
        Ok(inspector) => inspector,
        Err(error) => {
            pass_over(&shared, waits, &mut body).await;
            return malformed(&shared, &to, &Reply::bad_request(error));
        }
    };
    let (first, foreign) = match whose(&shared, &logins, &to, &inspector) {
        Ok(first) => (first, None),
        Err(why) => (None, Some(why)),
    };
    if waits && (inspector.verdict().is_block() || foreign.is_some()) {
        // The client asks before it sends the body, and is told no.
        return refuse(
            &shared,
            &to,
            &mut inspector,
            foreign.as_deref(),
            Seen { begun, bytes: 0, digest: None },
        );
    }
    let mut taken = match take(&shared, &to, &mut inspector, body).await {
        Ok(taken) => taken,
        Err(why) => return failed(&shared, &to, inspector.conversation(), 408, why),
    };
    let bytes = taken.held.len();
    let verdict = shared.in_turn(bytes, || inspector.finish_held(taken.held.pieces())).await;
    drop(turn);
    shared.note(inspector.session());
    taken.edits.extend_from_slice(inspector.edits());
    if let Some(why) = taken.refusal {
        return refuse(&shared, &to, &mut inspector, Some(why), Seen { begun, bytes, digest: None });
    }
    if verdict.is_block() || foreign.is_some() {
        if inspector.conversation() == Conversation::GitReceivePack {
            shared.in_turn(bytes, || inspector.locate(taken.held.pieces())).await;
        }
        if taken.digest.is_none() && !taken.is_cut && inspector.is_hit_in_body_alone() {
            let mut digest = shared.repeats().begin(&to, &inspector);
            shared.in_turn(bytes, || add_held(&mut digest, &mut taken.held)).await;
            taken.digest = Some(digest);
        }
        taken.held.clear();
        let digest = taken.digest.take();
        return refuse(&shared, &to, &mut inspector, foreign.as_deref(), Seen { begun, bytes, digest });
    }
    if !shared.may_use(&to, inspector.approved()) {
        taken.held.clear();
        return refuse(&shared, &to, &mut inspector, Some(USED_UP), Seen { begun, bytes, digest: None });
    }
    let tells_length = parts.headers.contains_key(header::CONTENT_LENGTH);
    let manner = Manner { begun, tells_length, upgrade, logins, first };
    send(&shared, &to, inspector, taken, manner).await
}

/// Reads and forgets the body of a request that is refused for its head: clients that send all of it before they listen to an answer would be told of a broken connection, and not why. One that
/// waits to be asked for it is not.
async fn pass_over(shared: &Shared, waits: bool, body: &mut Incoming) {
    let mut read = 0;
    while !waits && read <= DRAIN {
        let frame = tokio::time::timeout(shared.limits.idle, body.frame()).await;
        let Ok(Some(Ok(frame))) = frame else { break };
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
}

/// Reads the body to its end, and examines it. The error says that the client went away or is too slow.
async fn take(
    shared: &Arc<Shared>,
    to: &Authority,
    inspector: &mut Inspector,
    mut body: Incoming,
) -> Result<Taken, &'static str> {
    let held = Held::new(&shared.limits, &shared.budget);
    let mut taken =
        Taken { held, edits: Vec::new(), trailers: None, refusal: None, digest: None, is_cut: false };
    let mut read = 0_u64;
    loop {
        let frame = match tokio::time::timeout(shared.limits.idle, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => return Ok(taken),
            Ok(Some(Err(_))) | Err(_) => {
                // Nothing has left, and where the request ends is not known.
                return Err("the request did not come to its end");
            }
        };
        match frame.into_data() {
            Ok(data) => {
                read += data.len() as u64;
                if read > DRAIN && taken.refusal.is_some() {
                    return Ok(taken);
                }
                look(shared, to, inspector, &mut taken, data).await;
            }
            Err(frame) => {
                let Ok(map) = frame.into_trailers() else { continue };
                match message::trailers(&map) {
                    Ok(headers) => drop(inspector.trailers(&headers)),
                    Err(_) => taken.refusal = Some("the trailers are malformed"),
                }
                taken.trailers = Some(map);
            }
        }
    }
}

fn add_held(digest: &mut blake3::Hasher, held: &mut Held) {
    for piece in held.pieces() {
        digest.update(&piece);
    }
}

async fn look(shared: &Shared, to: &Authority, inspector: &mut Inspector, taken: &mut Taken, data: Bytes) {
    if taken.refusal.is_some() {
        return;
    }
    let bytes = taken.held.len();
    let piece = if shared.limits.examines() { &data[..] } else { &[] };
    // What is long comes as fast as it is read: the next piece is read while this one is looked at.
    let verdict = match data.len() >= STEP {
        true => shared.in_turn(bytes, || inspector.push(piece)).await,
        false => inspector.push(piece),
    };
    // From here on nothing may be held any more. Of what is refused for something else only a short beginning is read once more: a hit behind it may count twice.
    let is_begun = taken.digest.is_some() || taken.is_cut;
    if verdict.is_block() && !is_begun && (bytes < LONG || inspector.is_hit_in_body_alone()) {
        let mut digest = shared.repeats().begin(to, inspector);
        shared.in_turn(bytes, || add_held(&mut digest, &mut taken.held)).await;
        taken.digest = Some(digest);
    }
    if let Some(digest) = &mut taken.digest {
        digest.update(&data);
    }
    taken.edits.extend_from_slice(inspector.edits());
    // Of a push the files are looked up once it is refused.
    let is_kept = !verdict.is_block() || inspector.conversation() == Conversation::GitReceivePack;
    taken.is_cut |= !is_kept;
    if is_kept && let Err(full) = taken.held.push(data) {
        taken.held.clear();
        taken.refusal = Some(full.text());
    }
}

/// How a request is sent.
struct Manner {
    /// Since when it was looked at.
    begun: Instant,
    /// Whether the client said how long the body is.
    tells_length: bool,
    /// Where the client goes on, if it asks for WebSocket.
    upgrade: Option<OnUpgrade>,
    /// The tokens of logins, as they stood when it was examined.
    logins: Arc<Substitutes>,
    /// The credentials in it, if they are the first of their host.
    first: Option<First>,
}

/// Sends what may leave, with real credentials in it where they belong, and gives the answer.
async fn send(
    shared: &Arc<Shared>,
    to: &Authority,
    mut inspector: Inspector,
    mut taken: Taken,
    manner: Manner,
) -> Response<AnswerBody> {
    let conversation = inspector.conversation();
    let mut record = Record::new(Some(to.to_string()), conversation.as_str(), Outcome::Sent);
    record.bytes = taken.held.len();
    record.decided(inspector.head().method(), manner.begun);
    note(shared, &mut inspector, &mut record);
    let mut head = inspector.forwarded_head();
    let mut replaced = inspector.replacement().map(Bytes::copy_from_slice);
    let is_whole = taken.edits.is_empty() && replaced.is_none();
    let token = login::asked(shared, to, inspector.head(), &mut taken.held, &manner.logins);
    if token.is_some() && manner.upgrade.is_some() && !shared.observe {
        return refuse_plainly(shared, Some(to), conversation, "a token endpoint speaks no WebSocket");
    }
    if token.is_some() {
        // It is read whole: of a part nobody knows what stands before it.
        let headers = head.headers_mut();
        let _ = headers.set("accept-encoding", b"identity");
        headers.remove("range");
        headers.remove("if-range");
    }
    let learns = shared.gate.learns_from(to.host());
    let metadata = if learns { shared.learned.asked(to, inspector.head()) } else { None };
    if metadata.is_some() {
        // Who has it from another session asks whether it has changed, and then nothing would be learned.
        let headers = head.headers_mut();
        OF_A_PART.iter().for_each(|name| headers.remove(name));
    }
    if is_whole
        && let Some(body) = login::exchange_body(&manner.logins, to, inspector.head(), &mut taken.held)
    {
        record.injected = true;
        let headers = head.headers_mut();
        headers.remove("transfer-encoding");
        let _ = headers.set("content-length", body.len().to_string().as_bytes());
        let _ = headers.set("accept-encoding", b"identity");
        replaced = Some(body);
    }
    if let Some(substitutes) = &shared.substitutes {
        let bytes = taken.held.len();
        match shared.in_turn(bytes, || substitutes.sign(to, &head, taken.held.pieces())).await {
            Ok(None) => {}
            Ok(Some(_)) if !is_whole => {
                return refuse_plainly(shared, Some(to), conversation, "what is overwritten in it is signed");
            }
            Ok(Some(signed)) => {
                head = signed;
                record.injected = true;
                let _ = head.headers_mut().set("accept-encoding", b"identity");
            }
            Err(error) => return refuse_plainly(shared, Some(to), conversation, &error.to_string()),
        }
    }
    for substitutes in shared.substitutes.iter().chain([&manner.logins]).filter(|set| !set.is_empty()) {
        match substitutes.exchange(to, &head) {
            Ok(None) => {}
            Ok(Some(exchanged)) => {
                head = exchanged;
                record.injected = true;
                // What is coded cannot be scrubbed.
                let _ = head.headers_mut().set("accept-encoding", b"identity");
            }
            Err(error) => return malformed(shared, to, &Reply::bad_request(error)),
        }
    }
    let request = outgoing(shared, to, &head, taken, replaced, manner.tells_length);
    let Some(request) = request else {
        return refuse_plainly(shared, Some(to), conversation, "the request could not be written anew");
    };
    let (injected, advertisement) = (record.injected, inspector.advertisement());
    let first = manner.first;
    if let Some(first) = &first {
        // Two requests at once may have been the first.
        if !shared.accounts.take(first) {
            return refuse_plainly(shared, Some(to), conversation, &whose::strangers(first.place()));
        }
        record.trusted = true;
    }
    let answered = |status| {
        first.iter().for_each(|first| shared.accounts.answered(first, status));
    };
    if shared.sink.record(&record).is_err() {
        answered(None);
        let why = "the request could not be recorded";
        return message::refusal(&Reply::refuse(
            conversation,
            Asked::default(),
            Why { text: why, details: &[] },
        ));
    }
    drop(inspector);
    if let Some(client) = manner.upgrade {
        let response = websocket::open(shared.clone(), to.clone(), request, client, injected).await;
        // What was not reached has taken nothing.
        answered(Some(response.status().as_u16()).filter(|status| !matches!(status, 502..=504)));
        return response;
    }
    let response = match tokio::time::timeout(shared.limits.answer, shared.client.request(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            answered(None);
            return failed(shared, to, conversation, 502, why(&error));
        }
        Err(_) => {
            answered(None);
            return failed(shared, to, conversation, 504, "the server did not answer in time");
        }
    };
    answered(Some(response.status().as_u16()));
    if let Some(token) = token {
        return login::answer(shared, login::Login { to, conversation, request: token, injected }, response)
            .await;
    }
    let scrubber = shared.scrubber.as_ref().filter(|_| injected);
    answer(Treatment { to, scrubber, advertisement, metadata }, response)
}

fn outgoing(
    shared: &Shared,
    to: &Authority,
    head: &RequestHead,
    taken: Taken,
    replaced: Option<Bytes>,
    tells_length: bool,
) -> Option<Request<Released>> {
    let (mut held, mut edits) = (taken.held, taken.edits);
    let is_replaced = replaced.is_some();
    if let Some(bytes) = replaced {
        held = Held::new(&shared.limits, &shared.budget);
        held.push(bytes).ok()?;
        edits.clear();
    }
    let exact = tells_length || is_replaced || held.len() == 0;
    let body = held.release(edits, taken.trailers, exact).ok()?;
    let mut request = message::request(head, to, body)?;
    let headers = request.headers_mut();
    message::strip(headers);
    for name in [header::EXPECT, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    if let Some(password) = shared.dialer.password(request.uri()) {
        request.headers_mut().insert(header::PROXY_AUTHORIZATION, password);
    }
    Some(request)
}

/// The refusal of a request in its client's form. `other` is a reason that the inspector does not know.
fn refuse(
    shared: &Shared,
    to: &Authority,
    inspector: &mut Inspector,
    other: Option<&str>,
    Seen { begun, bytes, digest }: Seen,
) -> Response<AnswerBody> {
    let conversation = inspector.conversation();
    let known = inspector.reply(Audience::Subject);
    let why = match (inspector.text(Audience::Operator), other) {
        (Some(text), _) => text,
        (None, Some(text)) => text.to_owned(),
        (None, None) => "blocked by policy".to_owned(),
    };
    let mut reply = known.unwrap_or_else(|| {
        let text = format!("blocked by policy: {}", other.unwrap_or("not allowed"));
        Reply::refuse(conversation, Asked::default(), Why { text: &text, details: &[] })
    });
    if other.is_some()
        && conversation == Conversation::GitReceivePack
        && inspector.text(Audience::Subject).is_none()
    {
        // Without its commands a report would be none.
        reply = Reply::refuse(Conversation::Plain, Asked::default(), Why { text: &why, details: &[] });
    }
    let outcome = Outcome::Refused { why };
    let mut record = Record::new(Some(to.to_string()), conversation.as_str(), outcome);
    record.bytes = bytes;
    record.decided(inspector.head().method(), begun);
    note(shared, inspector, &mut record);
    record.quarantine = shared.count_once(inspector, digest.as_ref());
    if let Some(ids) = inspector.approvable().filter(|_| other.is_none()) {
        let noted = record.noted.iter().filter(|noted| noted.id.is_some_and(|id| ids.contains(&id))).cloned();
        let (to, conversation) = (to.to_string(), conversation.as_str());
        let offer = Offer { to, conversation, noted: noted.collect(), ids };
        record.approval = shared.approvals.offer(offer);
    }
    // What is refused is refused, recorded or not.
    let _ = shared.sink.record(&record);
    message::refusal(&reply)
}

/// The refusal of what came to no inspection.
pub(crate) fn refuse_plainly(
    shared: &Shared,
    to: Option<&Authority>,
    conversation: Conversation,
    why: &str,
) -> Response<AnswerBody> {
    let to = to.map(ToString::to_string);
    let _ = shared.sink.record(&Record::new(to, conversation.as_str(), Outcome::Refused { why: why.into() }));
    let text = format!("exfilter: {why}");
    message::refusal(&Reply::refuse(conversation, Asked::default(), Why { text: &text, details: &[] }))
}

/// The refusal of what may not go there.
pub(crate) fn refuse_closed(
    shared: &Shared,
    to: Option<&Authority>,
    conversation: Conversation,
    closed: Closed,
) -> Response<AnswerBody> {
    let Closed::Secret(hit) = closed else { return refuse_plainly(shared, to, conversation, closed.text()) };
    // Of a name that holds a secret nothing is repeated.
    let why = closed.text();
    let mut record = Record::new(None, conversation.as_str(), Outcome::Refused { why: why.into() });
    record.quarantine = hit.is_some_and(|hit| shared.count_hit(hit));
    let _ = shared.sink.record(&record);
    let text = format!("exfilter: {why}");
    message::refusal(&Reply::refuse(conversation, Asked::default(), Why { text: &text, details: &[] }))
}

fn malformed(shared: &Shared, to: &Authority, reply: &Reply) -> Response<AnswerBody> {
    let why = String::from_utf8_lossy(&reply.body).trim_end().to_owned();
    let record = Record::new(Some(to.to_string()), Conversation::Plain.as_str(), Outcome::Refused { why });
    let _ = shared.sink.record(&record);
    message::refusal(reply)
}

pub(crate) fn failed(
    shared: &Shared,
    to: &Authority,
    conversation: Conversation,
    status: u16,
    why: &'static str,
) -> Response<AnswerBody> {
    let _ = shared.sink.record(&Record::new(
        Some(to.to_string()),
        conversation.as_str(),
        Outcome::Failed { why },
    ));
    close(status, why)
}

fn close(status: u16, text: &str) -> Response<AnswerBody> {
    let mut response = Response::new(message::whole(format!("exfilter: {text}\n")));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Tells a record what an inspector has seen.
pub(crate) fn note(shared: &Shared, inspector: &mut Inspector, record: &mut Record) {
    while let Some(sighting) = inspector.poll() {
        record.note(&shared.engine, &sighting);
    }
}

/// Why a request could not be sent, without what the server said.
fn why(error: &hyper_util::client::legacy::Error) -> &'static str {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(why) = cause.downcast_ref::<std::io::Error>().and_then(telling) {
            return why;
        }
        source = cause.source();
    }
    match error.is_connect() {
        true => UNREACHABLE,
        false => "the server closed the connection without an answer",
    }
}

/// Why there is no connection to a server.
pub(crate) fn unreachable(error: &std::io::Error) -> &'static str {
    telling(error).unwrap_or(UNREACHABLE)
}

const UNREACHABLE: &str = "the server could not be found or reached";

fn telling(error: &std::io::Error) -> Option<&'static str> {
    if let Some(inner) = error.get_ref() {
        if inner.is::<rustls::Error>() {
            return Some("the server's certificate cannot be verified, or it speaks no TLS");
        }
        if inner.is::<NoTunnel>() {
            return Some("the upstream proxy cannot be reached, or opened no tunnel to the server");
        }
    }
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => Some(Closed::Private.text()),
        std::io::ErrorKind::TimedOut => Some("the server could not be reached in time"),
        std::io::ErrorKind::ConnectionRefused => Some("the server refused the connection"),
        _ => None,
    }
}

/// A task that ends with whoever waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.get_mut().0).poll(cx)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
