//! Real values taken out of what a server that got one answers: an echo must not tell the client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use exfilter::{Authority, Edit, Engine, Flow, Stream, Verdict};
use http::HeaderMap;
use http::header::{self, HeaderValue};
use http_body::{Body, Frame};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Takes values out of header fields. A field that cannot be cleaned is left out.
pub(crate) fn headers(engine: &Engine, to: &Authority, map: &mut HeaderMap) {
    let names: Vec<header::HeaderName> = map.keys().cloned().collect();
    for name in names {
        if whole(engine, to, name.as_str().as_bytes()) != Some(None) {
            map.remove(&name);
            continue;
        }
        let values: Vec<HeaderValue> = map.get_all(&name).iter().cloned().collect();
        let cleaned: Vec<Option<Option<Vec<u8>>>> =
            values.iter().map(|value| whole(engine, to, value.as_bytes())).collect();
        if cleaned.iter().all(|cleaned| *cleaned == Some(None)) {
            continue;
        }
        map.remove(&name);
        for (value, cleaned) in values.into_iter().zip(cleaned) {
            let value = match cleaned {
                Some(None) => value,
                Some(Some(bytes)) => match HeaderValue::from_bytes(&bytes) {
                    Ok(value) => value,
                    Err(_) => continue,
                },
                None => continue,
            };
            map.append(name.clone(), value);
        }
    }
}

/// `Some(None)`: nothing is in it; `Some(Some(_))`: the same without; `None`: it cannot be taken out.
pub(crate) fn whole(engine: &Engine, to: &Authority, bytes: &[u8]) -> Option<Option<Vec<u8>>> {
    cleaned(engine, flow(to), bytes)
}

/// The same of a whole body with this head.
pub(crate) fn body(
    engine: &Engine,
    to: &Authority,
    head: &HeaderMap,
    bytes: &[u8],
) -> Option<Option<Vec<u8>>> {
    cleaned(engine, with_codings(flow(to), head), bytes)
}

fn cleaned(engine: &Engine, flow: Flow, bytes: &[u8]) -> Option<Option<Vec<u8>>> {
    let mut stream = engine.stream(flow);
    let mut edits: Vec<Edit> = Vec::new();
    let pushed = stream.push(bytes);
    edits.extend_from_slice(stream.edits());
    let last = stream.finish();
    edits.extend_from_slice(stream.edits());
    if pushed.is_block() || last.is_block() {
        return None;
    }
    if edits.is_empty() {
        return Some(None);
    }
    let mut out = bytes.to_vec();
    edits.iter().for_each(|edit| edit.apply(0, &mut out));
    Some(Some(out))
}

/// Towards the client, so that the policy acts.
fn flow(to: &Authority) -> Flow {
    Flow::outbound(to.clone()).editable()
}

fn with_codings(flow: Flow, head: &HeaderMap) -> Flow {
    let codings: Vec<&[u8]> =
        head.get_all(header::CONTENT_ENCODING).iter().map(HeaderValue::as_bytes).collect();
    if codings.is_empty() { flow } else { flow.content_encoding(&codings.join(&b", "[..])) }
}

/// A body of an answer without real values. What may still become one is held back; where one cannot be taken out, the body ends with an error.
pub(crate) struct Scrubbed<B> {
    inner: B,
    stream: Stream,
    /// What has not left, and where in the stream it begins.
    pending: Vec<u8>,
    at: u64,
    ended: bool,
    /// What comes once all of the body has left.
    trailers: Option<HeaderMap>,
    events: bool,
}

impl<B> Scrubbed<B> {
    pub(crate) fn new(engine: &Engine, to: &Authority, head: &HeaderMap, inner: B) -> Scrubbed<B> {
        let flow = with_codings(flow(to), head);
        let events = head
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().to_ascii_lowercase().starts_with(b"text/event-stream"));
        let stream = engine.stream(flow);
        Scrubbed { inner, stream, pending: Vec::new(), at: 0, ended: false, trailers: None, events }
    }

    /// Decides about what is pending as if nothing followed. A value of which a part has left is none: it would have been held back.
    fn end_event(&mut self) -> Result<Bytes, BoxError> {
        let mut stream = self.stream.engine().stream(Flow::outbound_unknown().editable());
        let mut edits = Vec::new();
        let pushed = stream.push(&self.pending);
        edits.extend_from_slice(stream.edits());
        let last = stream.finish();
        edits.extend_from_slice(stream.edits());
        if pushed.is_block() || last.is_block() {
            self.pending.clear();
            return Err("the answer holds what must not be told".into());
        }
        edits.iter().for_each(|edit| edit.apply(0, &mut self.pending));
        self.at += self.pending.len() as u64;
        Ok(Bytes::from(std::mem::take(&mut self.pending)))
    }

    /// Takes what may leave off the pending bytes.
    fn take(&mut self, verdict: Verdict) -> Result<Bytes, BoxError> {
        let Some(through) = verdict.through() else {
            self.pending.clear();
            return Err("the answer holds what must not be told".into());
        };
        for edit in self.stream.edits() {
            edit.apply(self.at, &mut self.pending);
        }
        let n = through.saturating_sub(self.at).min(self.pending.len() as u64);
        self.at += n;
        let rest = self.pending.split_off(usize::try_from(n).unwrap_or(0));
        Ok(Bytes::from(std::mem::replace(&mut self.pending, rest)))
    }
}

fn ends_event(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\n\n") || bytes.ends_with(b"\r\n\r\n")
}

impl<B> Body for Scrubbed<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            if this.ended {
                return Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
            }
            let out = match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        this.pending.extend_from_slice(&data);
                        let verdict = this.stream.push(&data);
                        if this.events && !verdict.is_block() && ends_event(&this.pending) {
                            // No value goes on over an event's end, and a client may wait for the event before anything else comes.
                            this.end_event()
                        } else {
                            this.take(verdict)
                        }
                    }
                    Err(frame) => {
                        // Trailers that hold one are left out.
                        this.trailers = frame.into_trailers().ok().filter(|map| {
                            map.iter().all(|(name, value)| {
                                let engine = this.stream.engine();
                                let clean = |bytes: &[u8]| {
                                    let mut stream = engine.stream(Flow::outbound_unknown());
                                    !stream.push(bytes).is_block() && !stream.finish().is_block()
                                };
                                clean(name.as_str().as_bytes()) && clean(value.as_bytes())
                            })
                        });
                        continue;
                    }
                },
                Some(Err(error)) => Err(error.into()),
                None => {
                    this.ended = true;
                    let verdict = this.stream.finish();
                    this.take(verdict)
                }
            };
            match out {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Err(error) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}
