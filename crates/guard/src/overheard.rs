//! What a server says of itself, read while it goes to the client as it is.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use exfilter::substitute::MetadataAnswer;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body from which is learned. That is done before its last bytes are given to the client, for with them it may ask for a token.
pub(crate) struct Overheard<B> {
    inner: B,
    /// None once it has ended.
    answer: Option<MetadataAnswer>,
    /// How many bytes are still to come, if the head says so.
    rest: Option<u64>,
}

impl<B> Overheard<B> {
    pub(crate) fn new(inner: B, answer: MetadataAnswer, head: &HeaderMap) -> Overheard<B> {
        let len = head.get(header::CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
        Overheard { inner, answer: Some(answer), rest: len }
    }

    fn end(&mut self) {
        if let Some(answer) = self.answer.take() {
            answer.finish();
        }
    }
}

impl<B> Body for Overheard<B>
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
        let frame = match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                // Of a part nothing is learned.
                this.answer = None;
                return Poll::Ready(Some(Err(error.into())));
            }
            None => {
                this.end();
                return Poll::Ready(None);
            }
        };
        let data = frame.data_ref();
        if let (Some(answer), Some(data)) = (&mut this.answer, data) {
            answer.push(data);
        }
        let len = data.map_or(0, |data| data.len() as u64);
        this.rest = this.rest.map(|rest| rest.saturating_sub(len));
        if data.is_none() || this.rest == Some(0) || this.inner.is_end_stream() {
            this.end();
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use exfilter::Authority;
    use exfilter::substitute::LearnedEndpoints;
    use exfilter::wire::{Headers, RequestHead};
    use http_body_util::BodyExt as _;

    use super::*;

    /// Frames that come one by one.
    struct Frames(std::collections::VecDeque<&'static str>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            Poll::Ready(self.0.pop_front().map(|text| match text {
                "!" => Err("gone".into()),
                text => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
            }))
        }
    }

    /// How much is known after each frame.
    fn overhear(frames: &[&'static str], len: Option<&'static str>) -> (Vec<String>, String) {
        let learned = LearnedEndpoints::new();
        let to = Authority::parse(b"https://id.example.com").expect("an authority");
        let fields = [("host", "id.example.com")];
        let path = b"/.well-known/oauth-authorization-server";
        let head = RequestHead::new(b"GET", path, fields).expect("a head");
        let mut headers = Headers::new();
        headers.add(b"content-type", b"application/json").expect("a field");
        let answer = learned.asked(&to, &head).and_then(|asked| asked.answer(200, &headers));
        let mut map = HeaderMap::new();
        len.map(|len| map.insert(header::CONTENT_LENGTH, header::HeaderValue::from_static(len)));
        let frames = Frames(frames.iter().copied().collect());
        let mut body = Overheard::new(frames, answer.expect("it is asked for"), &map);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (mut known, mut passed) = (Vec::new(), String::new());
        while let Some(frame) = runtime.block_on(body.frame()) {
            known.push(format!("{learned:?}"));
            let data = frame.ok().and_then(|frame| frame.into_data().ok()).unwrap_or_default();
            passed.push_str(&String::from_utf8_lossy(&data));
        }
        known.push(format!("{learned:?}"));
        (known, passed)
    }

    #[test]
    fn the_end_is_learned_from_before_it_is_passed_on() {
        let (nothing, one) =
            ("LearnedEndpoints(0 servers, 0 resources)", "LearnedEndpoints(1 servers, 0 resources)");
        let frames =
            [r#"{"issuer":"https://id.example.com","#, r#""token_endpoint":"https://id.example.com/token"}"#];
        let len = "83";
        assert_eq!(frames.concat().len().to_string(), len);
        assert_eq!(
            overhear(&frames, Some(len)),
            (vec![nothing.into(), one.into(), one.into()], frames.concat())
        );
        // Where the end is told by itself, nobody knows it before.
        assert_eq!(overhear(&frames, None).0, [nothing, nothing, one]);
        assert_eq!(overhear(&[frames[0], "!"], None).0, [nothing, nothing, nothing]);
    }
}
