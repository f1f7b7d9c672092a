//! [`Part`]: one request of several that carry one object.
//!
//! | who | how it says so |
//! |---|---|
//! | OCI registries | `PATCH /v2/NAME/blobs/uploads/ID`, with `Content-Range` or in order; `PUT ...?digest=` ends it |
//! | S3 | `PUT ?partNumber=N&uploadId=ID`; `POST ?uploadId=ID` ends it |
//! | resumable uploads of Google and others | `Content-Range: bytes 0-99/1000` |
//! | tus | `PATCH`, `Upload-Offset: 100` |

use crate::conversation::Conversation;
use crate::head::RequestHead;

/// Which part of which object a request carries.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// What names the object: the same for all of its parts at one host. Content: never shown.
    pub upload: Vec<u8>,
    /// Where it belongs.
    pub at: PartAt,
    /// Whether the object ends with it.
    pub last: bool,
}

/// Where a part belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartAt {
    /// At this offset.
    Byte(u64),
    /// It is the part of this number, from 1.
    Number(u64),
    /// Behind the one that came last.
    Next,
    /// It has nothing of the object; its body is something else.
    Nowhere,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part").field("at", &self.at).field("last", &self.last).finish_non_exhaustive()
    }
}

impl RequestHead {
    /// Which part of an object the request carries; `None` if it carries no part, or a whole one.
    #[must_use]
    pub fn part(&self) -> Option<Part> {
        if !matches!(self.method(), "PUT" | "POST" | "PATCH") {
            return None;
        }
        let target = self.target();
        let key = |id: Option<Vec<u8>>| [&self.path_of_object()[..], b"\n", &id.unwrap_or_default()].concat();
        let range = self.headers().get("content-range").and_then(content_range);
        let start = range.map_or(PartAt::Next, |range| PartAt::Byte(range.start));
        if self.conversation() == Conversation::OciBlob {
            return match self.method() {
                "PATCH" => Some(Part { upload: key(None), at: start, last: false }),
                "PUT" => Some(Part { upload: key(None), at: start, last: true }),
                _ => None,
            };
        }
        if let Some(id) = target.parameter("uploadId") {
            // Where one of them stands twice, one server goes by the first and another one by the last.
            let number = match target.has_once("uploadId") && target.has_once("partNumber") {
                true => target.parameter("partNumber").map(|number| digits(&number)),
                false => Some(None),
            };
            return Some(match number {
                Some(number) => {
                    Part { upload: key(Some(id)), at: PartAt::Number(number.unwrap_or(0)), last: false }
                }
                None => Part { upload: key(Some(id)), at: PartAt::Nowhere, last: true },
            });
        }
        if let Some(offset) = self.headers().get("upload-offset") {
            let at = PartAt::Byte(digits(offset).unwrap_or(u64::MAX));
            return Some(Part { upload: key(None), at, last: false });
        }
        let range = range?;
        let last = range.total == Some(range.end);
        if last && range.start == 0 {
            return None;
        }
        let id = target.parameter("upload_id").or_else(|| Some(target.query().to_vec()));
        Some(Part { upload: key(id), at: start, last })
    }
}

impl RequestHead {
    /// The path as servers understand it, however it is spelled.
    fn path_of_object(&self) -> Vec<u8> {
        let mut path: Vec<Vec<u8>> = Vec::new();
        for segment in self.target().decoded_segments() {
            match segment.as_slice() {
                b"" | b"." => {}
                b".." => drop(path.pop()),
                _ => path.push(segment),
            }
        }
        path.join(&b'/')
    }
}

/// A range of an object, and its length if it is known.
#[derive(Clone, Copy)]
struct ContentRange {
    start: u64,
    end: u64,
    total: Option<u64>,
}

/// `bytes 0-99/1000`, `bytes 0-99/*`, or OCI's `0-99`. What asks how far an upload is (`bytes */1000`) is none.
fn content_range(value: &[u8]) -> Option<ContentRange> {
    let value = value.strip_prefix(b"bytes ").or_else(|| value.strip_prefix(b"bytes=")).unwrap_or(value);
    let (range, total) = match value.iter().position(|b| *b == b'/') {
        Some(slash) => (&value[..slash], digits(&value[slash + 1..])),
        None => (value, None),
    };
    if range == b"*" {
        return None;
    }
    // What is malformed is a part that belongs nowhere known, and so refused.
    let unknown = ContentRange { start: u64::MAX, end: u64::MAX, total: None };
    let dash = range.iter().position(|b| *b == b'-');
    Some(match dash.map(|dash| (digits(&range[..dash]), digits(&range[dash + 1..]))) {
        Some((Some(start), Some(last))) if last >= start => ContentRange { start, end: last + 1, total },
        _ => unknown,
    })
}

fn digits(text: &[u8]) -> Option<u64> {
    let fits = !text.is_empty() && text.len() <= 18 && text.iter().all(u8::is_ascii_digit);
    fits.then(|| text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(method: &str, target: &str, field: (&str, &str)) -> Option<(PartAt, bool)> {
        let head =
            RequestHead::new(method.as_bytes(), target.as_bytes(), [("host", "h"), field]).expect("a head");
        head.part().map(|part| (part.at, part.last))
    }

    #[test]
    fn parts_are_told_by_heads() {
        use PartAt::{Byte, Next, Nowhere, Number};
        let none = ("x", "y");
        let range = |value| ("content-range", value);
        let oci = "/v2/a/blobs/uploads/id";
        for (method, target, field, expected) in [
            ("PATCH", oci, none, Some((Next, false))),
            ("PATCH", oci, range("100-199"), Some((Byte(100), false))),
            ("PUT", "/v2/a/blobs/uploads/id?digest=x", none, Some((Next, true))),
            ("POST", "/v2/a/blobs/uploads/?digest=x", none, None),
            ("PUT", "/b/key?partNumber=2&uploadId=u", none, Some((Number(2), false))),
            ("PUT", "/b/key?partNumber=x&uploadId=u", none, Some((Number(0), false))),
            ("POST", "/b/key?uploadId=u", none, Some((Nowhere, true))),
            ("PUT", "/u", range("bytes 0-99/1000"), Some((Byte(0), false))),
            ("PUT", "/u", range("bytes 900-999/1000"), Some((Byte(900), true))),
            ("PUT", "/u", range("bytes 0-999/1000"), None),
            ("PUT", "/u", range("bytes 0-999/*"), Some((Byte(0), false))),
            ("PUT", "/u", range("bytes */1000"), None),
            ("PUT", "/u", range("bytes x"), Some((Byte(u64::MAX), false))),
            ("PUT", "/u", range("bytes 9-3/10"), Some((Byte(u64::MAX), false))),
            ("PATCH", "/files/1", ("upload-offset", "70"), Some((Byte(70), false))),
            ("GET", "/u", range("bytes 0-99/1000"), None),
            ("POST", "/u", none, None),
        ] {
            assert_eq!(part(method, target, field), expected, "{method} {target} {field:?}");
        }
    }
}
