//! Messages of the HTTP library as `exfilter` reads them, and back.

use bytes::Bytes;
use exfilter::Authority;
use exfilter::wire::{HeadError, Headers, Reply, RequestHead};
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};

use crate::gate::read;

/// A body of an answer.
pub(crate) type AnswerBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Fields that say something of one connection. `te` is kept where gRPC asks for trailers.
const OF_ONE_CONNECTION: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "proxy-authenticate",
    "upgrade",
    "http2-settings",
];

/// The head of a request to `to`, in the form that servers get.
///
/// # Errors
///
/// The answer to one that names another host, or is no head.
pub(crate) fn head(parts: &Parts, to: &Authority) -> Result<RequestHead, Reply> {
    if let Some(authority) = parts.uri.authority() {
        let named = read(authority.as_str(), to.scheme());
        if named.as_ref() != Ok(to) {
            return Err(Reply::bad_request(HeadError::other_host()));
        }
    }
    let host = parts.uri.authority().map(|authority| authority.as_str());
    let has_host = parts.headers.contains_key(header::HOST);
    let implied = host.filter(|_| !has_host).map(|host| ("host", host.as_bytes()));
    let fields = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    RequestHead::new(parts.method.as_str().as_bytes(), target.as_bytes(), implied.into_iter().chain(fields))
        .map_err(Reply::bad_request)
}

/// The request that a server gets. `None` if it cannot be written.
pub(crate) fn request<B>(head: &RequestHead, to: &Authority, body: B) -> Option<Request<B>> {
    let mut uri = Vec::from(to.to_string());
    match head.target().as_bytes() {
        b"*" => {}
        target => uri.extend_from_slice(target),
    }
    let mut request = Request::new(body);
    *request.uri_mut() = Uri::try_from(uri).ok()?;
    *request.method_mut() = Method::from_bytes(head.method().as_bytes()).ok()?;
    *request.headers_mut() = header_map(head.headers())?;
    Some(request)
}

/// Fields as the HTTP library has them.
pub(crate) fn header_map(headers: &Headers) -> Option<HeaderMap> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        map.append(name, HeaderValue::from_bytes(value).ok()?);
    }
    Some(map)
}

/// Trailers as `exfilter` reads them.
pub(crate) fn trailers(map: &HeaderMap) -> Result<Headers, Reply> {
    let mut headers = Headers::new();
    for (name, value) in map {
        headers.add(name.as_str().as_bytes(), value.as_bytes()).map_err(Reply::bad_request)?;
    }
    Ok(headers)
}

/// Takes out what is meant for the neighbour alone, also what `Connection` names.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in named {
        // Whoever names one of these wants the next reader to read another request.
        if ![header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::AUTHORIZATION]
            .contains(&name)
        {
            headers.remove(&name);
        }
    }
    for name in OF_ONE_CONNECTION {
        headers.remove(name);
    }
    let wants_trailers = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"trailers");
    if !headers.get(header::TE).is_some_and(wants_trailers) {
        headers.remove(header::TE);
    }
}

/// A refusal as an answer.
pub(crate) fn refusal(reply: &Reply) -> Response<AnswerBody> {
    let mut response = Response::new(whole(reply.body.clone()));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::FORBIDDEN);
    if let Ok(reason) = hyper::ext::ReasonPhrase::try_from(reply.reason.as_bytes()) {
        response.extensions_mut().insert(reason);
    }
    for (name, value) in &reply.headers {
        let line: String = value.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::try_from(line)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// A body that is there already.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> AnswerBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}
