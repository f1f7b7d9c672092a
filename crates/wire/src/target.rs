//! [`Target`]: what stands behind the method, in parts.

use std::ops::Range;

use crate::error::HeadError;
use crate::percent::{self, Plus};

/// A request target ([RFC 9112 section 3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2)): `/path?query`, `http://host/path`, `host:port` or `*`.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    text: Vec<u8>,
    /// Scheme of an address.
    scheme: Range<usize>,
    authority: Range<usize>,
    path: Range<usize>,
    /// Behind the question mark.
    query: Range<usize>,
}

impl Target {
    /// Reads a target; `connect` says that the method is CONNECT, whose target is `host:port`.
    pub(crate) fn parse(text: &[u8], connect: bool) -> Result<Target, HeadError> {
        // A fragment is never sent; blanks and controls end or split a request line for some readers.
        if text.is_empty() || text.iter().any(|b| *b <= b' ' || *b == 0x7f || *b == b'#') {
            return Err(HeadError::target());
        }
        let whole = text.to_vec();
        let target = |scheme, authority, path, query| Target { text: whole, scheme, authority, path, query };
        if connect {
            return Ok(target(0..0, 0..text.len(), 0..0, 0..0));
        }
        if text == b"*" {
            return Ok(target(0..0, 0..0, 0..1, 0..0));
        }
        let (scheme, from) = match text.iter().position(|b| *b == b'/') {
            Some(0) => (0..0, 0),
            Some(slash) => {
                let scheme = &text[..slash];
                let is_scheme =
                    matches!(scheme.to_ascii_lowercase().as_slice(), b"http:" | b"https:" | b"ws:" | b"wss:");
                if !is_scheme || text.get(slash + 1) != Some(&b'/') {
                    return Err(HeadError::target());
                }
                (0..slash - 1, slash + 2)
            }
            None => return Err(HeadError::target()),
        };
        let authority = match from {
            0 => 0..0,
            _ => {
                let len = text[from..].iter().take_while(|b| !matches!(b, b'/' | b'?')).count();
                if len == 0 {
                    return Err(HeadError::target());
                }
                from..from + len
            }
        };
        let start = authority.end.max(from);
        let mark = text[start..].iter().position(|b| *b == b'?').map(|at| start + at);
        let path = start..mark.unwrap_or(text.len());
        let query = mark.map_or(0..0, |mark| mark + 1..text.len());
        Ok(target(scheme, authority, path, query))
    }

    /// The whole of it, as it came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The scheme of an address, as it came.
    #[must_use]
    pub fn scheme(&self) -> Option<&[u8]> {
        (!self.scheme.is_empty()).then(|| &self.text[self.scheme.clone()])
    }

    /// `host[:port]`, if it stands there.
    #[must_use]
    pub fn authority(&self) -> Option<&[u8]> {
        (!self.authority.is_empty()).then(|| &self.text[self.authority.clone()])
    }

    /// The path as it came; empty for `host:port`.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.text[self.path.clone()]
    }

    /// The query as it came, without the question mark.
    #[must_use]
    pub fn query(&self) -> &[u8] {
        &self.text[self.query.clone()]
    }

    /// The segments of the path with their places in the target, as they came: `/a/b` has two.
    pub fn segments(&self) -> impl Iterator<Item = Range<usize>> {
        let path = if self.path() == b"*" { 0..0 } else { self.path.clone() };
        let path = path.start + usize::from(!path.is_empty())..path.end;
        pieces(&self.text, path, b'/')
    }

    /// The decoded segments of the path.
    #[must_use]
    pub fn decoded_segments(&self) -> Vec<Vec<u8>> {
        self.segments().map(|range| percent::decode(&self.text[range], Plus::Itself)).collect()
    }

    /// The parameters of the query: where name and value stand in the target.
    pub fn parameters(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        pieces(&self.text, self.query.clone(), b'&').map(|piece| {
            let equals = self.text[piece.clone()].iter().position(|b| *b == b'=');
            match equals {
                Some(at) => (piece.start..piece.start + at, piece.start + at + 1..piece.end),
                None => (piece.clone(), piece.end..piece.end),
            }
        })
    }

    /// Whether at most one parameter has this name.
    #[must_use]
    pub fn has_once(&self, name: &str) -> bool {
        let is =
            |range: &Range<usize>| percent::decode(&self.text[range.clone()], Plus::Blank) == name.as_bytes();
        self.parameters().filter(|(range, _)| is(range)).nth(1).is_none()
    }

    /// The decoded value of a parameter, the first one of that name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<Vec<u8>> {
        let (_, value) = self
            .parameters()
            .find(|(n, _)| percent::decode(&self.text[n.clone()], Plus::Blank) == name.as_bytes())?;
        Some(percent::decode(&self.text[value], Plus::Blank))
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({} bytes)", self.text.len())
    }
}

/// The pieces of `range` between separators; none of an empty range.
fn pieces(text: &[u8], range: Range<usize>, separator: u8) -> impl Iterator<Item = Range<usize>> {
    let mut at = (!range.is_empty()).then_some(range.start);
    std::iter::from_fn(move || {
        let start = at?;
        let len = text[start..range.end].iter().take_while(|b| **b != separator).count();
        let end = start + len;
        at = (end < range.end).then_some(end + 1);
        Some(start..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, Vec<String>, Vec<(String, String)>) {
        let target = Target::parse(text.as_bytes(), false).expect("a target");
        let show = |range: Range<usize>| String::from_utf8_lossy(&target.as_bytes()[range]).into_owned();
        let segments = target.segments().map(show).collect();
        let parameters = target.parameters().map(|(name, value)| (show(name), show(value))).collect();
        (String::from_utf8_lossy(target.path()).into_owned(), segments, parameters)
    }

    #[test]
    fn targets_have_parts() {
        let (path, segments, parameters) = parts("/a//b%2Fc/?x=1&y&=z&q=a=b");
        assert_eq!(
            (path.as_str(), segments),
            ("/a//b%2Fc/", ["a", "", "b%2Fc", ""].map(String::from).to_vec())
        );
        let expected = [("x", "1"), ("y", ""), ("", "z"), ("q", "a=b")];
        assert_eq!(parameters, expected.map(|(n, v)| (n.to_string(), v.to_string())));
        let target = Target::parse(b"HTTP://h.example:8/p?q", false).expect("a target");
        assert_eq!(
            (target.authority(), target.path(), target.query()),
            (Some(&b"h.example:8"[..]), &b"/p"[..], &b"q"[..])
        );
        assert_eq!(parts("https://h?q=1").2, [("q".to_string(), "1".to_string())]);
        assert!(parts("*").1.is_empty());
        for refused in ["", "a/b", "ftp://x/", "http:/x", "http:///x", "/a b", "/a#b", "/a\r", "x"] {
            assert!(Target::parse(refused.as_bytes(), false).is_err(), "{refused:?}");
        }
    }
}
