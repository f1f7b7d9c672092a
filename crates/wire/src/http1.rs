//! The bytes of an HTTP/1.1 request head ([RFC 9112](https://www.rfc-editor.org/rfc/rfc9112)).
//!
//! ```text
//! PUT /path HTTP/1.1 CRLF
//! Host: h CRLF            no blank before the colon, no line that begins with a blank,
//! Name: value CRLF        no CR or LF alone, no NUL
//! CRLF
//! ```

use crate::error::HeadError;
use crate::head::RequestHead;
use crate::headers::{HEAD_MAX, Headers};

/// What stands at the beginning of bytes.
#[derive(Debug)]
pub enum Parsed {
    /// A whole head.
    Complete {
        /// The head.
        head: Box<RequestHead>,
        /// Its length in bytes; the body follows.
        consumed: usize,
    },
    /// The beginning of one, as far as it goes.
    Incomplete,
}

/// Reads the head at the beginning of `bytes`. Call it again with more of them while it is incomplete; from [`HEAD_MAX`] bytes on it never is.
///
/// # Errors
///
/// [`HeadError`] says what is malformed or ambiguous. The connection cannot be used further.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HeadError> {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4);
    let seen = &bytes[..end.unwrap_or(bytes.len())];
    if seen.len() > HEAD_MAX || (end.is_none() && bytes.len() >= HEAD_MAX) {
        return Err(HeadError::too_long());
    }
    let Some(end) = end else { return Ok(Parsed::Incomplete) };
    let mut lines = Lines { rest: &bytes[..end - 2] };
    let line = lines.next().unwrap_or(Err(HeadError::request_line()))?;
    let mut words = line.split(|b| *b == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(HeadError::request_line());
    };
    if !matches!(version, b"HTTP/1.1" | b"HTTP/1.0") {
        return Err(HeadError::version());
    }
    let headers = fields(lines)?;
    if version == b"HTTP/1.1" && headers.get("host").is_none() {
        return Err(HeadError::host());
    }
    // A reader of the older version does not know chunks, and takes them for a body without an end or for the next request.
    if version == b"HTTP/1.0" && headers.get("transfer-encoding").is_some() {
        return Err(HeadError::transfer_coding());
    }
    let head = RequestHead::checked(method, target, headers)?;
    Ok(Parsed::Complete { head: Box::new(head), consumed: end })
}

/// Writes a head as HTTP/1.1 has it, or HTTP/1.0 where it names no host, without which the later version has no requests.
#[must_use]
pub fn write(head: &RequestHead) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(head.method().as_bytes());
    out.push(b' ');
    out.extend_from_slice(head.target().as_bytes());
    let is_old = head.headers().get("host").is_none() && head.headers().get("transfer-encoding").is_none();
    out.extend_from_slice(if is_old { b" HTTP/1.0\r\n" } else { b" HTTP/1.1\r\n" });
    for (name, value) in head.headers().iter() {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// The lines of a head, which end with CR LF; a CR or LF of its own is an error.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<&'a [u8], HeadError>;

    fn next(&mut self) -> Option<Result<&'a [u8], HeadError>> {
        if self.rest.is_empty() {
            return None;
        }
        let at = memchr::memchr2(b'\r', b'\n', self.rest);
        let Some(at) = at.filter(|at| self.rest[*at..].starts_with(b"\r\n")) else {
            self.rest = &[];
            return Some(Err(HeadError::line_end()));
        };
        let line = &self.rest[..at];
        self.rest = &self.rest[at + 2..];
        Some(Ok(line))
    }
}

fn fields(lines: Lines<'_>) -> Result<Headers, HeadError> {
    let mut headers = Headers::new();
    for line in lines {
        let line = line?;
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(HeadError::fold());
        }
        let colon = memchr::memchr(b':', line).ok_or(HeadError::name())?;
        headers.add(&line[..colon], &line[colon + 1..])?;
    }
    Ok(headers)
}
