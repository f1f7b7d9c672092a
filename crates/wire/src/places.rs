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
    /// What follows `Bearer ` or `token ` in a header.
    Bearer(String),
    /// The user in `Basic base64(user:password)`.
    BasicUser(String),
    /// The password in it.
    BasicPassword(String),
    /// A cookie.
    Cookie(Vec<u8>),
    /// A trailer, name in lower case.
    Trailer(String),
    /// A field of a form, decoded name.
    Field(Vec<u8>),
    /// A string of a JSON document, by its pointer.
    Json(String),
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
            Place::Bearer(_) => "bearer",
            Place::BasicUser(_) => "basic.user",
            Place::BasicPassword(_) => "basic.password",
            Place::Cookie(_) => "cookie",
            Place::Trailer(_) => "trailer",
            Place::Field(_) => "form",
            Place::Json(_) => "json",
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

/// Places of one kind that a text is asked for; what stands behind is examined with the text alone.
const PARTS_MAX: usize = 256;

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
    names.push(head.headers().names());
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
    let mut texts = vec![Text::whole(Place::Names, trailers.names())];
    texts.extend(trailers.iter().map(|(name, value)| Text::whole(Place::Trailer(name.into()), value)));
    texts
}

/// Where a head has more parameters or cookies than [`texts`] tells apart: those behind the 256th stand in the whole text alone.
#[must_use]
pub fn more_parts(head: &RequestHead) -> Option<&'static str> {
    let has_more = |value: &[u8]| value.split(|b| *b == b';').nth(PARTS_MAX).is_some();
    if head.target().parameters().nth(PARTS_MAX).is_some() {
        Some("query")
    } else {
        head.headers().all("cookie").any(has_more).then_some("cookie")
    }
}

fn target(head: &RequestHead) -> Text {
    let target = head.target();
    let bytes = target.as_bytes();
    let mut text = Text::whole(Place::Target, bytes);
    text.parts.extend(
        target.segments().enumerate().take(PARTS_MAX).filter(|(_, range)| !range.is_empty()).map(
            |(n, range)| {
                let value = percent::decode(&bytes[range.clone()], Plus::Itself);
                Part { place: Place::Segment(n as u32), range, value }
            },
        ),
    );
    text.parts.extend(target.parameters().take(PARTS_MAX).map(|(name, range)| {
        let name = percent::decode(&bytes[name], Plus::Blank);
        let value = percent::decode(&bytes[range.clone()], Plus::Blank);
        Part { place: Place::Parameter(name), range, value }
    }));
    text
}

fn header(name: &str, value: &[u8]) -> Text {
    let mut text = Text::whole(Place::Header(name.into()), value);
    if name.ends_with("authorization") {
        credential(name, &mut text);
    }
    if name == "cookie" {
        let mut at = 0;
        for pair in value.split(|b| *b == b';').take(PARTS_MAX) {
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

/// The credential in `Scheme value`.
fn credential(name: &str, text: &mut Text) {
    let value = &text.bytes;
    let scheme = value.iter().take_while(|b| **b != b' ').count();
    let blanks = value[scheme..].iter().take_while(|b| **b == b' ').count();
    let range = scheme + blanks..value.len();
    if range.is_empty() {
        return;
    }
    let credential = &value[range.clone()];
    match value[..scheme].to_ascii_lowercase().as_slice() {
        b"bearer" | b"token" => {
            let value = credential.to_vec();
            text.parts = vec![Part { place: Place::Bearer(name.into()), range, value }];
        }
        b"basic" => {
            let Some(pair) = base64(credential) else { return };
            let Some(colon) = pair.iter().position(|b| *b == b':') else { return };
            // The characters that hold bits of it and no others: what the other half spells is no part of it.
            let part = |place, span: Range<usize>| {
                let (from, to) = (8 * span.start / 6, (8 * span.end).div_ceil(6));
                let spelled = range.start + from..(range.start + to).min(range.end);
                Part { place, range: spelled, value: pair[span].to_vec() }
            };
            text.parts = vec![
                part(Place::BasicUser(name.into()), 0..colon),
                part(Place::BasicPassword(name.into()), colon + 1..pair.len()),
            ];
        }
        _ => {}
    }
}

/// Decodes base64 of either alphabet, padded or not; `None` for anything else.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|b| *b != b'=').map_or(0, |at| at + 1);
    let (mut out, mut bits, mut have) = (Vec::with_capacity(end), 0u32, 0);
    for b in &text[..end] {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    Some(out)
}
