//! Logins: what asks a token endpoint for tokens, and its answer, which comes in with placeholders.

use std::sync::Arc;

use bytes::Bytes;
use exfilter::Authority;
use exfilter::substitute::{Substitutes, TokenAnswer, TokenRequest};
use exfilter::wire::{Conversation, RequestHead};
use http::{HeaderMap, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use tokio::task::block_in_place;

use crate::exchange::{failed, refuse_plainly};
use crate::guard::Shared;
use crate::held::Held;
use crate::message::{self, AnswerBody, strip, whole};
use crate::record::{Outcome, Record};
use crate::scrub;

/// The longest body that is looked at for what it asks, in bytes.
const BODY: u64 = 16 << 10;

/// Fields of a head that tell of the bytes of a body, which are others now.
const OF_THE_BODY: [&str; 7] =
    ["content-encoding", "content-length", "content-md5", "digest", "content-digest", "repr-digest", "etag"];

/// A request for tokens that was sent.
pub(crate) struct Login<'a> {
    pub(crate) to: &'a Authority,
    pub(crate) conversation: Conversation,
    pub(crate) request: TokenRequest,
    pub(crate) injected: bool,
}

/// What a request is, if its answer may hold tokens.
pub(crate) fn asked(
    shared: &Shared,
    to: &Authority,
    head: &RequestHead,
    held: &mut Held,
) -> Option<TokenRequest> {
    let body = short(held);
    let endpoints = shared.gate.config.token_endpoints();
    let mut request = endpoints.request(&shared.logins, to, head, body.as_deref())?;
    if shared.observe {
        request.observe();
    }
    Some(request)
}

/// The body with tokens in it where they belong, if there is one.
pub(crate) fn exchange_body(
    logins: &Substitutes,
    to: &Authority,
    head: &RequestHead,
    held: &mut Held,
) -> Option<Bytes> {
    if logins.is_empty() {
        return None;
    }
    let body = logins.exchange_body(to, head, &short(held)?)?;
    Some(Bytes::copy_from_slice(&body))
}

/// All of a short body.
fn short(held: &mut Held) -> Option<Vec<u8>> {
    (held.len() <= BODY).then(|| held.pieces().flatten().collect())
}

/// The answer that the client gets: with placeholders, and from then on their tokens are looked for; or none, with the reason.
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    login: Login<'_>,
    response: Response<Incoming>,
) -> Response<AnswerBody> {
    let Login { to, conversation, .. } = login;
    let (parts, body) = response.into_parts();
    let refuse = |why: &str| refuse_plainly(shared, Some(to), conversation, why);
    let Ok(headers) = message::trailers(&parts.headers) else {
        return refuse("the head of the token endpoint's answer is malformed");
    };
    let mut answer = login.request.answer(parts.status.as_u16(), &headers);
    match read(shared, body, &mut answer).await {
        Ok(()) => {}
        Err(Ended::Early) => {
            return failed(
                shared,
                to,
                conversation,
                502,
                "the token endpoint's answer did not come to its end",
            );
        }
        Err(Ended::Refused(why)) => return refuse(&why),
    }
    match block_in_place(|| settle(shared, &login, &answer, &parts.headers)) {
        Ok((body, mut headers)) => {
            strip(&mut headers);
            headers.remove(header::ALT_SVC);
            headers.remove(header::TRAILER);
            headers.remove(header::TRANSFER_ENCODING);
            let mut response = Response::new(whole(body));
            *response.status_mut() = parts.status;
            *response.headers_mut() = headers;
            // What a server says there has not been looked at.
            response.extensions_mut().remove::<ReasonPhrase>();
            response
        }
        Err(why) => refuse(&why),
    }
}

/// Why an answer was not read to its end.
enum Ended {
    Early,
    Refused(String),
}

async fn read(shared: &Shared, mut body: Incoming, answer: &mut TokenAnswer) -> Result<(), Ended> {
    loop {
        match tokio::time::timeout(shared.limits.idle, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                // Trailers say nothing that a client of a token endpoint reads.
                let Ok(data) = frame.into_data() else { continue };
                answer.push(&data).map_err(|error| Ended::Refused(error.to_string()))?;
            }
            Ok(None) => return Ok(()),
            Ok(Some(Err(_))) | Err(_) => return Err(Ended::Early),
        }
    }
}

/// Keeps the tokens, has them looked for, records it, and gives body and head. The error says why the answer must not pass.
fn settle(
    shared: &Arc<Shared>,
    login: &Login<'_>,
    answer: &TokenAnswer,
    headers: &HeaderMap,
) -> Result<(Bytes, HeaderMap), String> {
    let to = login.to;
    let rewritten = answer.finish(&shared.logins).map_err(|error| error.to_string())?;
    if rewritten.is_kept() {
        match shared.look_for_logins() {
            Ok(true) => {}
            Ok(false) => return Err("the guard has ended".into()),
            Err(error) => return Err(error.to_string()),
        }
    }
    if let Some(what) = rewritten.told() {
        let outcome = if rewritten.is_kept() { Outcome::Kept { what } } else { Outcome::Given { what } };
        let record = Record::new(Some(to.to_string()), login.conversation.as_str(), outcome);
        shared.sink.record(&record).map_err(|_| "the answer could not be recorded".to_owned())?;
    }
    let mut headers = headers.clone();
    let mut body = match rewritten.body() {
        Some(body) => {
            OF_THE_BODY.iter().for_each(|name| drop(headers.remove(*name)));
            Bytes::copy_from_slice(body)
        }
        None => {
            headers.remove(header::CONTENT_LENGTH);
            Bytes::copy_from_slice(answer.bytes())
        }
    };
    // With the tokens of this answer, which may stand in it once more.
    let newest = shared.newest();
    if let Some(scrubber) = newest.scrubber.as_ref().filter(|_| login.injected || login.request.keeps()) {
        scrub::headers(scrubber, to, &mut headers);
        match scrub::body(scrubber, to, &headers, &body) {
            Some(None) => {}
            Some(Some(cleaned)) => body = Bytes::from(cleaned),
            None => return Err("the answer of the token endpoint holds what must not be told".into()),
        }
    }
    Ok((body, headers))
}
