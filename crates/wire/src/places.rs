//! The texts of a head, and the places in them where a credential may stand.

use std::ops::Range;

use crate::head::RequestHead;
use crate::headers::Headers;
use crate::percent::{self, Plus};

/// Where in a message something stands. Names are content: they are shown by nobody who has not looked at them.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// The names of headers, cookies and parameters, one a line.
    Names,
    /// The request target.
    Target,
    /// A segment of the path, from 0.
    Segment(u32),
    /// A parameter of the query, decoded name.
    Parameter(Vec<u8>),
    /// A header, name in lower case.
    Header(String),
    /// A cookie.
    Cookie(Vec<u8>),
    /// A trailer, name in lower case.
    Trailer(String),
    /// The body.
    Body,
}

impl Place {
    /// The word for the kind of place.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Place::Names => "names",
            Place::Target => "url",
            Place::Segment(_) => "path",
            Place::Parameter(_) => "query",
            Place::Header(_) => "header",
            Place::Cookie(_) => "cookie",
            Place::Trailer(_) => "trailer",
            Place::Body => "body",
        }
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

/// A text of the head: examined whole, as it came.
#[derive(Clone)]
pub struct Text {
    /// Where it stands.
    pub place: Place,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Places in it that have values of their own.
    pub parts: Vec<Part>,
}

/// A place in a text.
#[derive(Clone)]
pub struct Part {
    /// The place.
    pub place: Place,
    /// The bytes of the text that spell its value.
    pub range: Range<usize>,
    /// The value, decoded.
    pub value: Vec<u8>,
}

impl Text {
    fn whole(place: Place, bytes: &[u8]) -> Text {
        Text { place, bytes: bytes.to_vec(), parts: Vec::new() }
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({:?}, {} parts)", self.place, self.parts.len())
    }
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Part({:?})", self.place)
    }
}

/// Every text of a head, in order: names, the target, the value of each header. All bytes of the head but the method, which is a short token, the version and what separates them
/// stand in one of them.
#[must_use]
pub fn texts(head: &RequestHead) -> Vec<Text> {
    let mut names: Vec<&[u8]> = vec![head.method().as_bytes()];
    names.extend(head.headers().iter().map(|(name, _)| name.as_bytes()));
    let target = target(head);
    let cookies: Vec<Text> = head.headers().iter().map(|(name, value)| header(name, value)).collect();
    let inner: Vec<Vec<u8>> = std::iter::once(&target)
        .chain(&cookies)
        .flat_map(|text| &text.parts)
        .filter_map(|part| match &part.place {
            Place::Parameter(name) | Place::Cookie(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    names.extend(inner.iter().map(Vec::as_slice));
    let mut texts = vec![Text::whole(Place::Names, &names.join(&b'\n')), target];
    texts.extend(cookies);
    texts
}

/// The texts of trailers.
#[must_use]
pub fn trailers(trailers: &Headers) -> Vec<Text> {
    let names: Vec<&[u8]> = trailers.iter().map(|(name, _)| name.as_bytes()).collect();
    let mut texts = vec![Text::whole(Place::Names, &names.join(&b'\n'))];
    texts.extend(trailers.iter().map(|(name, value)| Text::whole(Place::Trailer(name.into()), value)));
    texts
}

fn target(head: &RequestHead) -> Text {
    let target = head.target();
    let bytes = target.as_bytes();
    let mut text = Text::whole(Place::Target, bytes);
    text.parts.extend(target.segments().enumerate().filter(|(_, range)| !range.is_empty()).map(
        |(n, range)| {
            let value = percent::decode(&bytes[range.clone()], Plus::Itself);
            Part { place: Place::Segment(n as u32), range, value }
        },
    ));
    text.parts.extend(target.parameters().map(|(name, range)| {
        let name = percent::decode(&bytes[name], Plus::Blank);
        let value = percent::decode(&bytes[range.clone()], Plus::Blank);
        Part { place: Place::Parameter(name), range, value }
    }));
    text
}

fn header(name: &str, value: &[u8]) -> Text {
    let mut text = Text::whole(Place::Header(name.into()), value);
    if name == "cookie" {
        let mut at = 0;
        for pair in value.split(|b| *b == b';') {
            let end = at + pair.len();
            let blanks = pair.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            if let Some(equals) = pair.iter().position(|b| *b == b'=') {
                let name = pair[blanks.min(equals)..equals].to_vec();
                let range = at + equals + 1..end;
                let value = value[range.clone()].to_vec();
                text.parts.push(Part { place: Place::Cookie(name), range, value });
            }
            at = end + 1;
        }
    }
    text
}
