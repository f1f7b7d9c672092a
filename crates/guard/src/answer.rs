//! What a server answers, on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use exfilter::substitute::MetadataRequest;
use exfilter::wire::git::Advertisement;
use exfilter::{Authority, Engine};
use http::{Response, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;

use crate::message::{self, AnswerBody, strip};
use crate::overheard::Overheard;
use crate::scrub::{self, Scrubbed};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What is done with an answer.
pub(crate) struct Treatment<'a> {
    pub(crate) to: &'a Authority,
    /// Takes real values out, where the server got one.
    pub(crate) scrubber: Option<&'a Engine>,
    /// Rewrites what a push needs to know.
    pub(crate) advertisement: Option<Advertisement>,
    /// Learns from what a server says of itself.
    pub(crate) metadata: Option<MetadataRequest>,
}

/// The answer that the client gets.
pub(crate) fn answer(treatment: Treatment<'_>, response: Response<Incoming>) -> Response<AnswerBody> {
    let (mut parts, body) = response.into_parts();
    let metadata = treatment.metadata.and_then(|asked| {
        let headers = message::trailers(&parts.headers).ok()?;
        asked.answer(parts.status.as_u16(), &headers)
    });
    strip(&mut parts.headers);
    // Other ways to the same server are none.
    parts.headers.remove(header::ALT_SVC);
    let reason = parts.extensions.remove::<ReasonPhrase>();
    parts.extensions.clear();
    let body: AnswerBody = match metadata {
        Some(metadata) => Overheard::new(body, metadata, &parts.headers).boxed_unsync(),
        None => body.map_err(Into::into).boxed_unsync(),
    };
    if let Some(scrubber) = treatment.scrubber {
        scrub::headers(scrubber, treatment.to, &mut parts.headers);
        let body = Scrubbed::new(scrubber, treatment.to, &parts.headers, body);
        return Response::from_parts(parts, body.boxed_unsync());
    }
    reason.map(|reason| parts.extensions.insert(reason));
    let is_refs = parts.status == 200 && !parts.headers.contains_key(header::CONTENT_ENCODING);
    match treatment.advertisement.filter(|_| is_refs) {
        Some(advertisement) => {
            parts.headers.remove(header::CONTENT_LENGTH);
            let body = Rewritten { inner: body, advertisement: Some(advertisement) };
            Response::from_parts(parts, body.boxed_unsync())
        }
        None => Response::from_parts(parts, body),
    }
}

/// Refs as a push is to see them.
struct Rewritten {
    inner: AnswerBody,
    advertisement: Option<Advertisement>,
}

impl Body for Rewritten {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            let Some(advertisement) = &mut this.advertisement else { return Poll::Ready(None) };
            let mut out = Vec::new();
            match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => advertisement.feed(&data, &mut out),
                    Err(_) => continue,
                },
                Some(Err(error)) => {
                    this.advertisement = None;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    advertisement.finish(&mut out);
                    this.advertisement = None;
                }
            }
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from(out)))));
            }
        }
    }
}
