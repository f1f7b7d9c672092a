//! [`Resource`]: what a token is asked for ([RFC 8707](https://www.rfc-editor.org/rfc/rfc8707)).

use exfilter_engine::Authority;
use exfilter_wire::RequestHead;
use exfilter_wire::fields::Member;
use exfilter_wire::places::Place;

use super::metadata::Url;
use super::request::is_read_alike;

/// The parameter.
const NAME: &str = "resource";

/// The server for which a client asks a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    /// None is named.
    Any,
    /// One, in the way that every reader reads; none if it is no address that could be known.
    One(Option<Url>),
    /// Readers may differ. Then the token is good where it was given, and nowhere else.
    Unclear,
}

impl Resource {
    /// What a request says: nothing is clear with a query, a content coding, or a body that is none, or is read in two ways. `members` are those of the body.
    pub(super) fn new(head: &RequestHead, body: Option<&[u8]>, members: Option<&[Member]>) -> Resource {
        let is_plain = head.target().query().is_empty()
            && head.codings().is_empty()
            && body.is_some_and(|body| is_read_alike(head, body));
        let Some(members) = members.filter(|_| is_plain) else { return Resource::Unclear };
        let mut named = members.iter().filter(|member| is_like_it(member));
        let Some(one) = named.next() else { return Resource::Any };
        let is_it = match &one.place {
            Place::Field(name) => &name[..] == NAME.as_bytes(),
            Place::Json(pointer) => pointer.strip_prefix('/') == Some(NAME) && one.is_string,
            _ => false,
        };
        if !is_it || named.next().is_some() {
            return Resource::Unclear;
        }
        // RFC 6749, section 3.2: without a value it is left out.
        if one.value.is_empty() {
            return Resource::Any;
        }
        Resource::One(str::from_utf8(&one.value).ok().and_then(Url::parse))
    }

    /// The server, if it is one that can be known.
    pub(super) fn authority(&self) -> Option<&Authority> {
        match self {
            Resource::One(Some(url)) => Some(&url.authority),
            _ => None,
        }
    }
}

/// Whether some reader takes a member for the parameter: in any case of letters, with blanks, as one of a list (`resource[]`, `resource.0`).
fn is_like_it(member: &Member) -> bool {
    let name = match &member.place {
        Place::Field(name) => &name[..],
        Place::Json(pointer) => pointer.split('/').nth(1).unwrap_or_default().as_bytes(),
        _ => return false,
    };
    let start = name.iter().position(u8::is_ascii_graphic).unwrap_or(name.len());
    name[start..].get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME.as_bytes()))
}
