//! Logins: what asks a token endpoint for tokens, and its answer, which comes in with placeholders.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use exfilter::substitute::{Logins, Substitutes, TokenAnswer, TokenRequest};
use exfilter::wire::{Conversation, RequestHead};
use exfilter::{Authority, Engine, StoreKey};
use http::{HeaderMap, Response, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::task::block_in_place;
use zeroize::Zeroizing;

use crate::error::GuardError;
use crate::exchange::{failed, refuse_plainly};
use crate::guard::Shared;
use crate::held::Held;
use crate::message::{self, AnswerBody, strip, whole};
use crate::record::{Outcome, Record};
use crate::scrub;
use crate::whose;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

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

impl Login<'_> {
    /// Whether nothing of the answer passes in which tokens were not looked for.
    fn is_strict(&self) -> bool {
        self.request.keeps() || self.request.refuses_others()
    }
}

/// A body of which the beginning was read already.
struct Behind {
    first: Option<Bytes>,
    rest: Incoming,
}

impl Body for Behind {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        Pin::new(&mut this.rest).poll_frame(cx).map_err(Into::into)
    }
}

/// What a request is, if its answer may hold tokens. `logins` are those that it was examined with: by the same it is told whose refresh it is.
pub(crate) fn asked(
    shared: &Shared,
    to: &Authority,
    head: &RequestHead,
    held: &mut Held,
    logins: &Substitutes,
) -> Option<TokenRequest> {
    let body = short(held);
    let mut request = shared.endpoints.request(logins, to, head, body.as_ref().map(|body| &body[..]))?;
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
    logins.exchange_body(to, head, &short(held)?).map(wiped)
}

/// All of a short body.
fn short(held: &mut Held) -> Option<Zeroizing<Vec<u8>>> {
    let len = usize::try_from(held.len()).ok().filter(|_| held.len() <= BODY)?;
    // Never grown, so never copied.
    let mut body = Zeroizing::new(Vec::with_capacity(len));
    held.pieces().for_each(|piece| body.extend_from_slice(&piece));
    Some(body)
}

/// Bytes that are wiped when nobody has them any more.
fn wiped(bytes: Zeroizing<Vec<u8>>) -> Bytes {
    Bytes::from_owner(bytes)
}

/// Engines that know the tokens of logins beside what was set.
pub(crate) fn engines(
    logins: &Logins,
    (engine, scrubber): &(Engine, Option<Engine>),
) -> Result<(Engine, Option<Engine>), GuardError> {
    if logins.is_empty() {
        return Ok((engine.clone(), scrubber.clone()));
    }
    let key = || {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut bytes[..]).map_err(|_| GuardError::random())?;
        StoreKey::from_bytes(&bytes[..]).map_err(|_| GuardError::logins())
    };
    let examining = logins.engine(engine, key()?).map_err(|_| GuardError::logins())?;
    let scrubbing = logins.scrubber(scrubber.as_ref(), key()?).map_err(|_| GuardError::logins())?;
    Ok((examining, Some(scrubbing)))
}

/// The answer that the client gets: with placeholders, and from then on their tokens are looked for; or none, with the reason.
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    login: Login<'_>,
    response: Response<Incoming>,
) -> Response<AnswerBody> {
    let Login { to, conversation, .. } = login;
    let (mut parts, mut body) = response.into_parts();
    let refuse = |why: &str| refuse_plainly(shared, Some(to), conversation, why);
    let Ok(headers) = message::trailers(&parts.headers) else {
        return refuse("the head of the token endpoint's answer is malformed");
    };
    let mut answer = login.request.answer(parts.status.as_u16(), &headers);
    match read(shared, &mut body, &mut answer).await {
        Ok(()) => {}
        // No endpoint says so much, and of this one nobody knows that it is one.
        Err(Ended::Long(more)) if !login.is_strict() => {
            strip(&mut parts.headers);
            parts.headers.remove(header::ALT_SVC);
            parts.extensions.clear();
            let first = wiped(Zeroizing::new([answer.bytes(), &more].concat()));
            let body = Behind { first: Some(first), rest: body };
            let newest = shared.newest();
            return match newest.scrubber.as_ref().filter(|_| login.injected) {
                Some(scrubber) => {
                    scrub::headers(scrubber, to, &mut parts.headers);
                    let body = scrub::Scrubbed::new(scrubber, to, &parts.headers, body);
                    Response::from_parts(parts, body.boxed_unsync())
                }
                None => Response::from_parts(parts, body.boxed_unsync()),
            };
        }
        Err(Ended::Long(_)) => return refuse("the answer of the token endpoint is longer than 1 MiB"),
        Err(Ended::Early) => {
            return failed(
                shared,
                to,
                conversation,
                502,
                "the token endpoint's answer did not come to its end",
            );
        }
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
            response
        }
        Err(why) => refuse(&why),
    }
}

/// Why an answer was not read to its end.
enum Ended {
    Early,
    /// With the bytes that are too many.
    Long(Bytes),
}

async fn read(shared: &Shared, body: &mut Incoming, answer: &mut TokenAnswer) -> Result<(), Ended> {
    loop {
        match tokio::time::timeout(shared.limits.idle, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                // Trailers say nothing that a client of a token endpoint reads.
                let Ok(data) = frame.into_data() else { continue };
                if answer.push(&data).is_err() {
                    return Err(Ended::Long(data));
                }
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
    whose::teach(shared, answer);
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
    // Tokens may stand in it once more, so it is wiped when the client has what comes of it.
    let mut body = match rewritten.body() {
        Some(body) => {
            OF_THE_BODY.iter().for_each(|name| drop(headers.remove(*name)));
            Zeroizing::new(body.to_vec())
        }
        None => {
            headers.remove(header::CONTENT_LENGTH);
            Zeroizing::new(answer.bytes().to_vec())
        }
    };
    // With the tokens of this answer, which may stand in it once more; and with those of the request, which may be forgotten by now.
    let newest = shared.newest();
    let is_scrubbed = login.injected || login.request.keeps();
    let both = different(newest.scrubber.as_ref(), shared.scrubber.as_ref());
    for scrubber in both.into_iter().flatten().filter(|_| is_scrubbed) {
        scrub::headers(scrubber, to, &mut headers);
        match scrub::body(scrubber, to, &headers, &body) {
            Some(None) => {}
            Some(Some(cleaned)) => body = Zeroizing::new(cleaned),
            None => return Err("the answer of the token endpoint holds what must not be told".into()),
        }
    }
    Ok((wiped(body), headers))
}

/// Both engines, or one where they are the same.
fn different<'a>(newest: Option<&'a Engine>, before: Option<&'a Engine>) -> [Option<&'a Engine>; 2] {
    let is_same = newest.zip(before).is_some_and(|(newest, before)| newest.is_same(before));
    [newest, before.filter(|_| !is_same)]
}

#[cfg(test)]
mod tests {
    use exfilter::Engine;

    use super::different;

    #[test]
    fn one_engine_scrubs_once() {
        let engine = || Engine::builder().build().expect("nothing is in it");
        let (one, other) = (engine(), engine());
        let same = one.clone();
        let count = |newest, before| different(newest, before).into_iter().flatten().count();
        assert_eq!(count(Some(&one), Some(&same)), 1);
        assert_eq!(count(Some(&one), Some(&other)), 2);
        assert_eq!((count(Some(&one), None), count(None, Some(&one)), count(None, None)), (1, 1, 0));
    }
}
