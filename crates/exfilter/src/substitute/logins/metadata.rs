//! [`MetadataRequest`] and [`MetadataAnswer`]: what servers say of themselves, read with bounds.

use std::fmt;

use exfilter_engine::Authority;
use exfilter_wire::fields::{self, Member};
use exfilter_wire::places::Place;
use exfilter_wire::{Headers, RequestHead};

use super::answer::WINDOW;
use super::endpoints::Address;
use super::learned::{LearnedEndpoints, Protected, Server};
use crate::inspector::decoded;

/// The longest document, as it comes and decoded, in bytes: they have some two thousand.
const DOCUMENT_MAX: usize = 64 << 10;

/// The most members of one.
const MEMBERS_MAX: usize = 4096;

/// The most authorization servers of a resource: clients ask one of them.
const SERVERS_MAX: usize = 8;

/// The longest address that is believed, in bytes: it is told of, and kept.
const URL_MAX: usize = 512;

const RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// RFC 8414 has both before the path of the issuer, OpenID Connect Discovery the second one behind it.
const SERVER: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

/// A request for what a server says of itself, from [`LearnedEndpoints::asked`].
#[derive(Clone)]
pub struct MetadataRequest {
    learned: LearnedEndpoints,
    document: Document,
    /// What the document must say that it is of.
    subject: Url,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Document {
    /// Of a protected resource.
    Resource,
    /// Of an authorization server.
    Server,
}

/// An answer to it, as it comes. It passes as it is: what is kept here is a copy.
pub struct MetadataAnswer {
    request: MetadataRequest,
    codings: Vec<u8>,
    /// None once there is too much.
    bytes: Option<Vec<u8>>,
}

/// An address as RFC 8414 and RFC 9728 have them: `https://host:port/path`, without a query and a fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) authority: Authority,
    /// Without the slash at its end; empty for the host itself.
    pub(super) path: String,
}

impl LearnedEndpoints {
    /// What a request to `to` asks a server about itself: a `GET` over TLS, of one of the addresses of [RFC 8414](https://www.rfc-editor.org/rfc/rfc8414), [RFC 9728](https://www.rfc-editor.org/rfc/rfc9728) and OpenID Connect Discovery, spelled plainly. Nothing is said of all others.
    #[must_use]
    pub fn asked(&self, to: &Authority, head: &RequestHead) -> Option<MetadataRequest> {
        let target = head.target();
        if head.method() != "GET" || to.scheme() != "https" || !target.query().is_empty() {
            return None;
        }
        let path = str::from_utf8(target.path()).ok()?;
        let below =
            |known: &str| path.strip_prefix(known).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let (document, rest) = match below(RESOURCE) {
            Some(rest) => (Document::Resource, rest),
            None => {
                let before = SERVER.iter().find_map(|known| below(known));
                (Document::Server, before.or_else(|| path.strip_suffix(SERVER[1]))?)
            }
        };
        let subject = Url { authority: to.clone(), path: plain_path(rest)?.to_owned() };
        Some(MetadataRequest { learned: self.clone(), document, subject })
    }
}

impl MetadataRequest {
    /// Begins with the answer, of which this is the head; `None` if nothing is learned from it.
    #[must_use]
    pub fn answer(self, status: u16, headers: &Headers) -> Option<MetadataAnswer> {
        let media_type = headers.get("content-type")?;
        let media_type = media_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let is_whole = status == 200 && headers.get("content-range").is_none();
        if !is_whole || !media_type.eq_ignore_ascii_case(b"application/json") {
            return None;
        }
        let codings: Vec<&[u8]> = headers.all("content-encoding").map(<[u8]>::trim_ascii).collect();
        let codings = codings.join(&b","[..]).to_ascii_lowercase();
        let codings = if codings == b"identity" { Vec::new() } else { codings };
        Some(MetadataAnswer { request: self, codings, bytes: Some(Vec::new()) })
    }
}

impl MetadataAnswer {
    /// Takes the next bytes of the body. Nothing is learned from more than 64 KiB.
    pub fn push(&mut self, chunk: &[u8]) {
        if let Some(bytes) = &mut self.bytes {
            if bytes.len() + chunk.len() > DOCUMENT_MAX {
                self.bytes = None;
            } else {
                bytes.extend_from_slice(chunk);
            }
        }
    }

    /// Ends the answer, and says whether something was learned from it: from a JSON document alone, with one coding at most, that says of itself what the address says that it was asked for.
    pub fn finish(self) -> bool {
        let Some(bytes) = self.bytes else { return false };
        let text = match self.codings.is_empty() {
            true => bytes,
            false => match decoded(&self.codings, &bytes, DOCUMENT_MAX, WINDOW) {
                Some(text) => text.to_vec(),
                None => return false,
            },
        };
        let MetadataRequest { learned, document, subject } = self.request;
        match document {
            Document::Resource => resource(&text, subject).map(|one| learned.add_resource(one)).is_some(),
            Document::Server => server(&text, subject).map(|one| learned.add_server(one)).is_some(),
        }
    }
}

/// What a resource says: RFC 9728, section 2.
fn resource(text: &[u8], subject: Url) -> Option<Protected> {
    let members = members(text)?;
    let named = Url::parse(string(&members, "resource").ok()??)?;
    // Section 3.3: what was asked for is the path behind the address, or the address at which a client was told to ask here, which is any of the same host.
    let is_asked =
        named.authority == subject.authority && (subject.path.is_empty() || subject.path == named.path);
    if !is_asked {
        return None;
    }
    let mut issuers: Vec<Url> = Vec::new();
    for (n, member) in of(&members, "authorization_servers").enumerate() {
        let Place::Json(pointer) = &member.place else { return None };
        let is_next = *pointer == format!("/authorization_servers/{n}") && member.is_string;
        if !is_next || n >= SERVERS_MAX || !is_in_list(text, member) {
            return None;
        }
        let issuer = Url::parse(str::from_utf8(&member.value).ok()?)?;
        if !issuers.contains(&issuer) {
            issuers.push(issuer);
        }
    }
    (!issuers.is_empty()).then(|| Protected::new(named, issuers))
}

/// What an authorization server says: RFC 8414, section 2.
fn server(text: &[u8], subject: Url) -> Option<Server> {
    let members = members(text)?;
    let issuer = Url::parse(string(&members, "issuer").ok()??)?;
    // Section 3.3.
    if issuer != subject {
        return None;
    }
    let address = Address::plain(string(&members, "token_endpoint").ok()??)?;
    let revocation = string(&members, "revocation_endpoint").ok()?.and_then(Address::plain);
    Some(Server::new(issuer, address, revocation))
}

/// The members of an object, if it is one, by the letter.
fn members(text: &[u8]) -> Option<Vec<Member>> {
    str::from_utf8(text).ok()?;
    if text.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let members = fields::document(text, MEMBERS_MAX)?;
    members.iter().all(|member| member.is_string || is_bare(&member.value)).then_some(members)
}

/// A member of the object by its name. Readers differ in what they make of two of them, and of other cases of letters: then it is none.
fn string<'a>(members: &'a [Member], name: &str) -> Result<Option<&'a str>, ()> {
    let mut named = of(members, name);
    let Some(member) = named.next() else { return Ok(None) };
    let is_it = matches!(&member.place, Place::Json(pointer) if pointer.strip_prefix('/') == Some(name));
    match named.next() {
        None if is_it && member.is_string => str::from_utf8(&member.value).map(Some).map_err(|_| ()),
        None if is_it && member.value == b"null" => Ok(None),
        _ => Err(()),
    }
}

/// The members that are, or are in, the one of this name, in any case of letters.
fn of<'a>(members: &'a [Member], name: &str) -> impl Iterator<Item = &'a Member> {
    members.iter().filter(move |member| match &member.place {
        Place::Json(pointer) => {
            pointer.split('/').nth(1).is_some_and(|first| first.eq_ignore_ascii_case(name))
        }
        _ => false,
    })
}

/// Whether a string stands in a list: an object may have numbers for names.
fn is_in_list(text: &[u8], member: &Member) -> bool {
    let before = member.range.start.checked_sub(1).and_then(|quote| text.get(..quote)).unwrap_or_default();
    before.trim_ascii_end().ends_with(b"[") || before.trim_ascii_end().ends_with(b",")
}

/// Whether it is `null`, `true`, `false`, or a number as JSON has them.
fn is_bare(text: &[u8]) -> bool {
    if matches!(text, b"null" | b"true" | b"false") {
        return true;
    }
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(text);
    if whole == 0 || whole > 1 && text[0] == b'0' {
        return false;
    }
    let mut rest = &text[whole..];
    if let Some(behind) = rest.strip_prefix(b".") {
        let fraction = digits(behind);
        rest = &behind[fraction..];
        if fraction == 0 {
            return false;
        }
    }
    if let Some(behind) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let behind = behind.strip_prefix(b"+").or_else(|| behind.strip_prefix(b"-")).unwrap_or(behind);
        return !behind.is_empty() && digits(behind) == behind.len();
    }
    rest.is_empty()
}

impl Url {
    /// Parses one that every reader reads alike.
    pub(super) fn parse(text: &str) -> Option<Url> {
        if text.len() > URL_MAX {
            return None;
        }
        let rest = text.strip_prefix("https://")?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = Authority::parse(format!("https://{host}").as_bytes()).ok()?;
        Some(Url { authority, path: plain_path(path)?.to_owned() })
    }

    /// Whether a path is its own, or below it.
    pub(super) fn holds(&self, path: &str) -> bool {
        path.strip_prefix(&self.path[..]).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// A path without the slash at its end, if it has nothing in it that readers take for different things. Empty, or with a slash at its beginning.
pub(super) fn plain_path(path: &str) -> Option<&str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@:+=".contains(&byte);
    let is_segment = |one: &str| !matches!(one, "" | "." | "..") && one.bytes().all(is_plain);
    let is_path =
        path.is_empty() || path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment));
    (is_path && path.len() <= URL_MAX).then_some(path)
}

impl fmt::Debug for MetadataRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MetadataRequest({})", self.subject.authority)
    }
}

impl fmt::Debug for MetadataAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MetadataAnswer({} bytes)", self.bytes.as_ref().map_or(0, Vec::len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain() {
        for (text, path) in [
            ("https://a.example", ""),
            ("https://a.example/", ""),
            ("https://A.example:8443/x/y~z", "/x/y~z"),
            ("https://a.example/x/", "/x"),
            ("https://[::1]/x", "/x"),
        ] {
            assert_eq!(Url::parse(text).expect(text).path, path, "{text}");
        }
        for bad in [
            "",
            "http://a.example",
            "HTTPS://a.example",
            "https://",
            "https:///x",
            "https://u@a.example",
            "https://u:p@a.example/x",
            "https://a.example?x",
            "https://a.example/x?y=1",
            "https://a.example/x#y",
            "https://a.example#y",
            "https://a.example/x//y",
            "https://a.example//",
            "https://a.example/./x",
            "https://a.example/../x",
            "https://a.example/%78",
            "https://a.example/*",
            "https://a.example/x;y",
            "https://a.example/x y",
            "https://a.example\\x",
            "https://a.example:0/",
            "https://1.2.3/x",
        ] {
            assert!(Url::parse(bad).is_none(), "{bad}");
        }
        assert!(Url::parse(&format!("https://a.example/{}", "x".repeat(URL_MAX))).is_none());
    }

    #[test]
    fn numbers_are_those_of_json() {
        for good in ["0", "-1", "10.5", "1e5", "1.5E-7", "null", "true", "false"] {
            assert!(is_bare(good.as_bytes()), "{good}");
        }
        for bad in ["", "-", "01", "1.", ".5", "1e", "1e+", "x", "nul", "nulls", "1-", "1e5.", "+1", "inf"] {
            assert!(!is_bare(bad.as_bytes()), "{bad}");
        }
    }
}
