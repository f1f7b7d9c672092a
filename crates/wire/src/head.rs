//! [`RequestHead`]: one canonical reading of a request's head.

use crate::aws_chunks::is_aws_chunked;
use crate::error::HeadError;
use crate::headers::{HEAD_MAX, Headers, is_token};
use crate::target::Target;

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// As many bytes; 0 where the head says nothing.
    Exactly(u64),
    /// In chunks, until the last one.
    Chunked,
}

/// The longest method, in bytes.
const METHOD_MAX: usize = 32;

/// Fields that may stand once: two of them are two requests for two readers.
const ONCE: [&str; 8] = [
    "host",
    "content-length",
    "transfer-encoding",
    "content-type",
    "content-range",
    "upload-offset",
    "authorization",
    "proxy-authorization",
];

/// Fields that belong to the message, whoever passes it on.
const MESSAGE: [&str; 7] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "content-range",
    "authorization",
    "cookie",
];

/// The head of a request: method, target and header fields.
///
/// Made of parts, as a proxy has them ([`RequestHead::new`]), or of the bytes of HTTP/1.1 ([`http1::parse`](crate::http1::parse)); the rules
/// are the same. What two readers may take for different requests is refused: a content length with a transfer coding, two lengths, two hosts, control characters, blanks in names.
///
/// ```
/// use exfilter_wire::{Conversation, RequestHead};
/// let head = RequestHead::new(b"PUT", b"/api/v1/crates/new", [("Host", "crates.io"), ("Content-Length", "12")])?;
/// assert_eq!(head.conversation(), Conversation::CargoPublish);
/// # Ok::<(), exfilter_wire::HeadError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RequestHead {
    method: String,
    target: Target,
    headers: Headers,
    length: BodyLength,
}

impl RequestHead {
    /// Takes the parts of a head. `:authority` counts as `host`; other names that begin with a colon are refused.
    ///
    /// # Errors
    ///
    /// [`HeadError`] says what is malformed or ambiguous, without repeating it.
    pub fn new<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        method: &[u8],
        target: &[u8],
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<RequestHead, HeadError> {
        let mut headers = Headers::new();
        let mut authority: Option<Vec<u8>> = None;
        for (name, value) in fields {
            match name.as_ref() {
                b":authority" => {
                    if authority.replace(value.as_ref().to_vec()).is_some() {
                        return Err(HeadError::twice());
                    }
                }
                name => headers.add(name, value.as_ref())?,
            }
        }
        if let Some(authority) = authority {
            match headers.get("host") {
                Some(host) if host.eq_ignore_ascii_case(&authority) => {}
                Some(_) => return Err(HeadError::host()),
                None => headers.add(b"host", &authority)?,
            }
        }
        RequestHead::checked(method, target, headers)
    }

    /// Reads what the fields say together.
    pub(crate) fn checked(method: &[u8], target: &[u8], headers: Headers) -> Result<RequestHead, HeadError> {
        if method.is_empty() || method.len() > METHOD_MAX || !method.iter().all(|b| is_token(*b)) {
            return Err(HeadError::method());
        }
        if target.len() > HEAD_MAX {
            return Err(HeadError::too_long());
        }
        let method = String::from_utf8(method.to_vec()).map_err(|_| HeadError::method())?;
        let target = Target::parse(target, method == "CONNECT")?;
        if ONCE.iter().any(|name| headers.all(name).nth(1).is_some()) {
            return Err(HeadError::twice());
        }
        // Whoever takes `Connection` at its word drops what it names, and the next reader sees another length or another host.
        let is_of_message =
            |name: &[u8]| MESSAGE.iter().any(|field| name.eq_ignore_ascii_case(field.as_bytes()));
        if headers.all("connection").flat_map(list).any(is_of_message) {
            return Err(HeadError::hop_by_hop());
        }
        // Gateways that hand fields on as variables write `-` as `_`.
        let is_same = |name: &str, field: &&str| name.contains('_') && name.replace('_', "-") == **field;
        if headers.iter().any(|(name, _)| ONCE.iter().any(|field| is_same(name, field))) {
            return Err(HeadError::spelling());
        }
        let length = body_length(&headers)?;
        Ok(RequestHead { method, target, headers, length })
    }

    /// The method, as it came.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The target.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The header fields, to change what is sent on.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// How long the body is.
    #[must_use]
    pub fn length(&self) -> BodyLength {
        self.length
    }

    /// `host[:port]` as the head names it: in the target, or in the host field.
    #[must_use]
    pub fn host(&self) -> Option<&[u8]> {
        self.target.authority().or_else(|| self.headers.get("host"))
    }

    /// Whether the target and the host field, where both are there, name the same host.
    #[must_use]
    pub fn names_one_host(&self) -> bool {
        match (self.target.authority(), self.headers.get("host")) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            (one, other) => one.is_some() || other.is_some(),
        }
    }

    /// The codings of the body in the order in which they were applied, chunks apart: content codings, then transfer codings. The chunks of S3's clients ([`AwsChunks`](crate::AwsChunks)) are none, where they were put around all else: see [`RequestHead::is_aws_chunked`].
    #[must_use]
    pub fn codings(&self) -> Vec<u8> {
        let mut content: Vec<&[u8]> = self.headers.all("content-encoding").flat_map(list).collect();
        if self.is_aws_chunked() {
            content.pop_if(|last| is_aws_chunked(last));
        }
        let transfer = self.headers.all("transfer-encoding").flat_map(list);
        let codings: Vec<&[u8]> = content
            .into_iter()
            .chain(transfer.filter(|coding| !coding.eq_ignore_ascii_case(b"chunked")))
            .collect();
        codings.join(&b", "[..])
    }

    /// Whether the body is in the chunks of S3's clients, around all its codings. Servers go by `x-amz-content-sha256: STREAMING-...`, which some clients send without the content coding; one that is named without that field
    /// is a coding that nobody undoes.
    #[must_use]
    pub fn is_aws_chunked(&self) -> bool {
        let mut transfer = self.headers.all("transfer-encoding").flat_map(list);
        transfer.all(|coding| coding.eq_ignore_ascii_case(b"chunked"))
            && self.headers.all("x-amz-content-sha256").any(|hash| hash.starts_with(b"STREAMING-"))
    }

    /// The protocols that the client would go on with, of all `Upgrade` fields.
    pub fn upgrades(&self) -> impl Iterator<Item = &[u8]> {
        self.headers.all("upgrade").flat_map(list)
    }

    /// The media type of the body in lower case, without parameters.
    #[must_use]
    pub fn media_type(&self) -> Vec<u8> {
        let value = self.headers.get("content-type").unwrap_or_default();
        let end = value.iter().position(|b| *b == b';').unwrap_or(value.len());
        crate::headers::trim(&value[..end]).to_ascii_lowercase()
    }
}

impl std::fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestHead")
            .field("target", &self.target)
            .field("headers", &self.headers)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// The members of a list with commas.
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|b| *b == b',').map(crate::headers::trim).filter(|member| !member.is_empty())
}

fn body_length(headers: &Headers) -> Result<BodyLength, HeadError> {
    let length = headers.get("content-length");
    let Some(coding) = headers.get("transfer-encoding") else {
        let Some(length) = length else { return Ok(BodyLength::Exactly(0)) };
        if length.is_empty() || length.len() > 18 || !length.iter().all(u8::is_ascii_digit) {
            return Err(HeadError::length());
        }
        let number = length.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
        return Ok(BodyLength::Exactly(number));
    };
    if length.is_some() {
        return Err(HeadError::length_and_chunks());
    }
    let codings: Vec<&[u8]> = list(coding).collect();
    let chunked = |coding: &&[u8]| coding.eq_ignore_ascii_case(b"chunked");
    match codings.split_last() {
        Some((last, others)) if chunked(last) && !others.iter().any(chunked) => Ok(BodyLength::Chunked),
        _ => Err(HeadError::transfer_coding()),
    }
}
