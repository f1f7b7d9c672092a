//! Where the bytes go: [`Flow`], [`Authority`], [`Slot`].

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::error::ParseError;
use crate::fixture::Place;
use crate::id::FindingId;
use crate::session::Session;

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Out of the machine: the policy blocks and edits.
    Outbound,
    /// Into it: findings are reported.
    Inbound,
    /// Nowhere: files, folders. Findings are reported.
    AtRest,
}

/// What the embedder says about one stream of bytes.
///
/// ```
/// use exfilter_engine::{Authority, Flow, Slot};
/// let flow = Flow::outbound(Authority::parse(b"https://api.github.com")?).slot(Slot::parse(b"header:authorization:bearer")?);
/// # Ok::<(), exfilter_engine::ParseError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Flow {
    direction: Direction,
    authority: Option<Authority>,
    slot: Slot,
    editable: bool,
    edited_decoded: bool,
    lines: bool,
    place: Place,
    reference: u64,
    codings: Box<[Coding]>,
    /// What nearly no flow has.
    rare: Option<Arc<Rare>>,
    quarantined: bool,
    whole: bool,
}

/// In one place, for a stream that waits is to be small.
#[derive(Clone, Debug, Default)]
struct Rare {
    session: Session,
    approved: Vec<FindingId>,
}

/// A content coding ([RFC 9110 section 8.4.1](https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    /// zlib, or deflate without a header, as some senders have it.
    Deflate,
    Brotli,
    Zstd,
    Bzip2,
    Xz,
    Unknown,
}

impl Coding {
    fn parse(name: &[u8]) -> Option<Coding> {
        const NAMES: [(&str, Option<Coding>); 9] = [
            ("", None),
            ("identity", None),
            ("gzip", Some(Coding::Gzip)),
            ("x-gzip", Some(Coding::Gzip)),
            ("deflate", Some(Coding::Deflate)),
            ("br", Some(Coding::Brotli)),
            ("zstd", Some(Coding::Zstd)),
            ("bzip2", Some(Coding::Bzip2)),
            ("xz", Some(Coding::Xz)),
        ];
        let known = NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()));
        known.map_or(Some(Coding::Unknown), |(_, coding)| *coding)
    }
}

impl Flow {
    /// Bytes on their way to `authority`.
    pub fn outbound(authority: Authority) -> Flow {
        Flow { authority: Some(authority), ..Flow::new(Direction::Outbound) }
    }

    /// Bytes on their way out, to a place without an authority (a pipe, a package).
    pub fn outbound_unknown() -> Flow {
        Flow::new(Direction::Outbound)
    }

    /// Bytes that come in.
    pub fn inbound() -> Flow {
        Flow::new(Direction::Inbound)
    }

    /// Bytes of a file.
    pub fn at_rest() -> Flow {
        Flow::new(Direction::AtRest)
    }

    fn new(direction: Direction) -> Flow {
        let (slot, codings) = (Slot::Body, Box::default());
        Flow {
            direction,
            authority: None,
            slot,
            editable: false,
            edited_decoded: false,
            lines: false,
            place: Place::default(),
            reference: 0,
            codings,
            rare: None,
            quarantined: false,
            whole: false,
        }
    }

    /// Sets which part of the message the bytes are. Default [`Slot::Body`].
    #[must_use]
    pub fn slot(mut self, slot: Slot) -> Flow {
        self.slot = slot;
        self
    }

    /// Says that nothing leaves before [`Stream::finish`](crate::Stream::finish): the embedder keeps the bytes until then. `through` stays 0 until it is all, all edits come at the end, and a block as soon as there is one.
    ///
    /// How far an outbound stream may leave is asked after each push, and lanes are stepped in windows of 64 bytes for it; where nobody wants to know, it takes a tenth less on text, and a fifth less on what is compressed.
    ///
    /// # Resource usage
    ///
    /// Edits are kept until the end: 24 bytes for each.
    #[must_use]
    pub fn whole(mut self) -> Flow {
        self.whole = true;
        self
    }

    /// Says that the embedder applies edits; without it every redaction is a block.
    #[must_use]
    pub fn editable(mut self) -> Flow {
        self.editable = true;
        self
    }

    /// Says that the embedder edits what coded bytes decode to, if they are refused: what would be redacted on an [editable](Flow::editable) flow is a block here, not a report.
    #[must_use]
    pub fn edited_decoded(mut self) -> Flow {
        self.edited_decoded = true;
        self
    }

    /// Asks for line and column on findings.
    #[must_use]
    pub fn lines(mut self) -> Flow {
        self.lines = true;
        self
    }

    /// Says at which path the bytes are a file's, as the sender names it (not where it happens to lie on this machine). Of what stands in tests and examples, what a rule finds that anybody can make
    /// ([`Rule::self_issued`](crate::Rule::self_issued)) is of medium confidence at most. Members of archives have paths of their own.
    ///
    /// ```
    /// use exfilter_engine::Flow;
    /// let flow = Flow::at_rest().file(b"tests/keys/server.pem");
    /// ```
    #[must_use]
    pub fn file(mut self, path: &[u8]) -> Flow {
        self.place = Place::of(path);
        self
    }

    /// Says how the content is coded: the value of `Content-Encoding`, several values joined by commas. `gzip`, `deflate` (zlib, or without its
    /// header), `br`, `zstd`, `bzip2` and `xz` are undone, in the reverse order; any other is [`OpaqueReason::UnknownCoding`].
    ///
    /// It is a hint: the bytes are examined as they are too, and what is compressed is found without it, but for Brotli and deflate without a
    /// header, which begin with no mark. Content that is not what it says is [`OpaqueReason::Corrupt`].
    ///
    /// ```
    /// use exfilter_engine::Flow;
    /// let flow = Flow::outbound_unknown().content_encoding(b"br");
    /// ```
    ///
    /// [`OpaqueReason::Corrupt`]: crate::OpaqueReason::Corrupt
    /// [`OpaqueReason::UnknownCoding`]: crate::OpaqueReason::UnknownCoding
    #[must_use]
    pub fn content_encoding(mut self, value: &[u8]) -> Flow {
        self.codings =
            value.split(|b| *b == b',').filter_map(|name| Coding::parse(name.trim_ascii())).collect();
        self
    }

    /// The codings, in the order in which they were applied.
    pub(crate) fn codings(&self) -> &[Coding] {
        &self.codings
    }

    /// Sets the number from which the stream's [`Reference`](crate::Reference) is made; without it references are random.
    #[must_use]
    pub fn reference(mut self, reference: u64) -> Flow {
        self.reference = reference;
        self
    }

    /// Says what the session has shown before in pieces of known secrets, see [`Session`]. A snapshot: what other streams show while this one is open counts in the next ones.
    #[must_use]
    pub fn session(mut self, session: &Session) -> Flow {
        if !(session.is_empty() && self.rare.is_none()) {
            self.rare_mut().session = session.clone();
        }
        self
    }

    /// Says that nothing of the session may leave: the stream is refused whatever it holds, and examined all the same. See [`Quarantine`](crate::Quarantine).
    #[must_use]
    pub fn quarantined(mut self) -> Flow {
        self.quarantined = true;
        self
    }

    /// Says which findings a person has approved: what would be refused for them alone passes, and is reported ([`Finding::is_approved`](crate::Finding::is_approved)). Only of rules, and only of medium
    /// confidence; whatever else has such an id is refused all the same.
    #[must_use]
    pub fn approved(mut self, findings: &[FindingId]) -> Flow {
        if !(findings.is_empty() && self.rare.is_none()) {
            self.rare_mut().approved = findings.to_vec();
        }
        self
    }

    fn rare_mut(&mut self) -> &mut Rare {
        Arc::make_mut(self.rare.get_or_insert_default())
    }

    pub(crate) fn approves(&self, finding: Option<FindingId>) -> bool {
        match (&self.rare, finding) {
            (Some(rare), Some(finding)) => rare.approved.contains(&finding),
            _ => false,
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    pub(crate) fn is_quarantined(&self) -> bool {
        self.quarantined
    }

    pub(crate) fn shown_before(&self) -> Option<&Session> {
        self.rare.as_ref().map(|rare| &rare.session).filter(|session| !session.is_empty())
    }

    /// Which way the bytes go.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Where they go.
    pub fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    /// Which part of the message they are.
    pub fn slot_ref(&self) -> &Slot {
        &self.slot
    }

    /// Whether the embedder applies edits.
    pub fn is_editable(&self) -> bool {
        self.editable
    }

    /// Whether what the bytes are, or what they decode to, is edited.
    pub(crate) fn is_edited(&self) -> bool {
        self.editable || self.edited_decoded
    }

    /// Whether findings carry lines.
    pub fn counts_lines(&self) -> bool {
        self.lines
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn reference_seed(&self) -> u64 {
        self.reference
    }
}

/// Scheme, host and port, in one canonical spelling that policy and dialling share.
///
/// The host is lower case, without a trailing dot; IPv4 addresses are dotted decimal, IPv6 addresses are in brackets. Refused:
/// userinfo, NUL and other control characters, characters outside ASCII (give A-labels), octal, hex or short forms of
/// IPv4, empty labels, a path.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    scheme: String,
    host: String,
    port: u16,
}

impl Authority {
    /// Parses `https://host[:port]`, `ssh://...` or any other `scheme://host:port`; a port may be left out for http, https, ws, wss,
    /// ssh and git. One trailing `/` is accepted.
    ///
    /// # Errors
    ///
    /// [`ParseError`] says what is wrong with the text, without repeating it.
    pub fn parse(text: &[u8]) -> Result<Authority, ParseError> {
        let text = std::str::from_utf8(text).map_err(|_| ParseError::new("an authority must be ASCII"))?;
        let (scheme, rest) = text
            .split_once("://")
            .ok_or(ParseError::new("an authority needs a scheme, as in https://host"))?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if scheme.is_empty()
            || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        {
            return Err(ParseError::new("a scheme has letters, digits, '+', '-' and '.' only"));
        }
        let scheme = scheme.to_ascii_lowercase();
        if rest.contains('@') {
            return Err(ParseError::new("an authority must not carry userinfo"));
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(inner) => {
                let (host, tail) = inner
                    .split_once(']')
                    .ok_or(ParseError::new("an IPv6 address needs its closing bracket"))?;
                let ip: Ipv6Addr = host.parse().map_err(|_| ParseError::new("not an IPv6 address"))?;
                let port = match tail {
                    "" => None,
                    _ => Some(
                        tail.strip_prefix(':').ok_or(ParseError::new("only a port may follow the host"))?,
                    ),
                };
                (format!("[{ip}]"), port)
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (canonical_host(host)?, Some(port)),
                None => (canonical_host(rest)?, None),
            },
        };
        let port = match port {
            Some(p) if !p.is_empty() && p.len() <= 5 && p.bytes().all(|b| b.is_ascii_digit()) => p
                .parse::<u16>()
                .ok()
                .filter(|p| *p != 0)
                .ok_or(ParseError::new("a port is a number from 1 to 65535"))?,
            Some(_) => return Err(ParseError::new("a port is a number from 1 to 65535")),
            None => match scheme.as_str() {
                "http" | "ws" => 80,
                "https" | "wss" => 443,
                "ssh" => 22,
                "git" => 9418,
                _ => return Err(ParseError::new("this scheme has no default port; write host:port")),
            },
        };
        Ok(Authority { scheme, host, port })
    }

    /// The scheme, lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The canonical host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

/// A host or `*.suffix`. A suffix pattern matches names below the suffix, not the suffix itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPattern {
    pub(crate) host: String,
    pub(crate) below: bool,
}

impl HostPattern {
    /// Parses `host` or `*.suffix`.
    ///
    /// # Errors
    ///
    /// [`ParseError`], as [`Authority::parse`] does for hosts.
    pub fn parse(text: &[u8]) -> Result<HostPattern, ParseError> {
        let text = std::str::from_utf8(text).map_err(|_| ParseError::new("a host pattern must be ASCII"))?;
        match text.strip_prefix("*.") {
            Some(suffix) => Ok(HostPattern { host: canonical_host(suffix)?, below: true }),
            None => Ok(HostPattern { host: canonical_host(text)?, below: false }),
        }
    }

    /// The host, or the suffix.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the canonical `host` matches.
    pub fn matches(&self, host: &str) -> bool {
        if self.below {
            host.strip_suffix(self.host.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        } else {
            host == self.host
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.host)
    }
}

fn canonical_host(text: &str) -> Result<String, ParseError> {
    if let Some(inner) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        let ip: Ipv6Addr = inner.parse().map_err(|_| ParseError::new("not an IPv6 address"))?;
        return Ok(format!("[{ip}]"));
    }
    let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if host.is_empty() || host.len() > 253 {
        return Err(ParseError::new("a host has 1 to 253 characters"));
    }
    if !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')) {
        return Err(ParseError::new("a host has letters, digits, '-', '_' and '.' only; give A-labels"));
    }
    if host.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(ParseError::new("a host has labels of 1 to 63 characters"));
    }
    let last = host.rsplit('.').next().unwrap_or("");
    let numeric = last.bytes().all(|b| b.is_ascii_digit())
        || (last.starts_with("0x") && last[2..].bytes().all(|b| b.is_ascii_hexdigit()));
    if numeric {
        let ip: Ipv4Addr = host
            .parse()
            .map_err(|_| ParseError::new("an IPv4 address is four decimal numbers, no other form"))?;
        return Ok(ip.to_string());
    }
    Ok(host)
}

/// How a credential is spelled inside a header value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderPart {
    /// The whole value.
    Whole,
    /// What follows `Bearer `.
    Bearer,
    /// The user name in `Basic base64(user:password)`.
    BasicUser,
    /// The password in it.
    BasicPassword,
}

/// A place in a message where a credential may stand.
///
/// Grammar: `body`, `header:NAME[:bearer|basic.user|basic.password]`, `cookie:NAME`, `query:NAME`, `path:N`, `form:NAME`,
/// `json:/POINTER`, `ssh:password`. Header names are compared in lower case.
///
/// A flow's slot says what the stream's bytes are; a secret's bound slot says where it is at home. `header:authorization` as a
/// flow carries the raw header value, and matches bindings to any part of that header.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Slot {
    /// The body.
    Body,
    /// A header: name in lower case, and the part of its value.
    Header(String, HeaderPart),
    /// A cookie.
    Cookie(String),
    /// A query parameter, decoded.
    Query(String),
    /// A path segment, from 0.
    Path(u32),
    /// A form field, decoded.
    Form(String),
    /// A string in a JSON body, by JSON pointer.
    Json(String),
    /// The password of an SSH connection.
    SshPassword,
}

impl Slot {
    /// Parses the grammar above.
    ///
    /// # Errors
    ///
    /// [`ParseError`] says what was expected.
    pub fn parse(text: &[u8]) -> Result<Slot, ParseError> {
        let text = std::str::from_utf8(text).map_err(|_| ParseError::new("a slot must be UTF-8"))?;
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let name = |rest: &str| {
            if rest.is_empty() {
                Err(ParseError::new("this slot needs a name"))
            } else {
                Ok(rest.to_string())
            }
        };
        Ok(match kind {
            "body" if rest.is_empty() => Slot::Body,
            "header" => {
                let (header, part) = rest.split_once(':').unwrap_or((rest, ""));
                let part = match part {
                    "" => HeaderPart::Whole,
                    "bearer" => HeaderPart::Bearer,
                    "basic.user" => HeaderPart::BasicUser,
                    "basic.password" => HeaderPart::BasicPassword,
                    _ => {
                        return Err(ParseError::new("a header part is bearer, basic.user or basic.password"));
                    }
                };
                Slot::Header(name(header)?.to_ascii_lowercase(), part)
            }
            "cookie" => Slot::Cookie(name(rest)?),
            "query" => Slot::Query(name(rest)?),
            "form" => Slot::Form(name(rest)?),
            "path" => {
                Slot::Path(rest.parse().map_err(|_| ParseError::new("path takes the number of a segment"))?)
            }
            "json" if rest.starts_with('/') => Slot::Json(rest.into()),
            "json" => return Err(ParseError::new("json takes a pointer that begins with '/'")),
            "ssh" if rest == "password" => Slot::SshPassword,
            _ => {
                return Err(ParseError::new(
                    "a slot is body, header:NAME, cookie:NAME, query:NAME, path:N, form:NAME, json:/POINTER or ssh:password",
                ));
            }
        })
    }
}
