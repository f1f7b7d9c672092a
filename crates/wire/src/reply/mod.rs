//! [`Reply`]: a refusal in the form in which its client shows it to a person.

mod forms;

use crate::conversation::Conversation;
use crate::error::HeadError;
use crate::git::Receive;

pub use forms::{error_event, error_message};

/// An answer to a request that is not passed on.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The reason phrase: some clients show nothing else.
    pub reason: String,
    /// Header fields, the length of the body apart.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the rest of the request's body is to be read before or while the answer is sent, and the connection kept. A client that cannot send its body to the end may show a failed
    /// connection instead of the answer, or send the rest anew.
    pub drain: bool,
}

/// Why a request is refused, in the words that its sender may read.
#[derive(Clone, Copy, Debug)]
pub struct Why<'a> {
    /// One line.
    pub text: &'a str,
    /// Lines with more, where a client shows them; may be empty.
    pub details: &'a [String],
}

/// What is known of the request that is refused.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Asked<'a> {
    /// The commands of a push, as far as they were read.
    pub push: Option<&'a Receive>,
    /// The `id` of a JSON-RPC request, if it is a number.
    pub id: Option<i64>,
}

impl<'a> Asked<'a> {
    /// Of a push.
    #[must_use]
    pub fn push(mut self, push: &'a Receive) -> Asked<'a> {
        self.push = Some(push);
        self
    }

    /// Of JSON-RPC.
    #[must_use]
    pub fn id(mut self, id: Option<i64>) -> Asked<'a> {
        self.id = id;
        self
    }
}

/// The longest text in a status line, in bytes.
const REASON_MAX: usize = 240;

impl Reply {
    /// The refusal of a request of this conversation.
    #[must_use]
    pub fn refuse(conversation: Conversation, asked: Asked<'_>, why: Why<'_>) -> Reply {
        forms::refuse(conversation, asked, why)
    }

    /// The answer to a head that was refused. The connection is to be closed: where the request ends is not known.
    #[must_use]
    pub fn bad_request(error: HeadError) -> Reply {
        let text = error.to_string();
        let mut reply = Reply::text(400, &text);
        reply.headers.push(("Connection", "close".into()));
        reply.drain = false;
        reply
    }

    /// The bytes of HTTP/1.1, with the length of the body.
    #[must_use]
    pub fn to_http1(&self) -> Vec<u8> {
        let mut out =
            format!("HTTP/1.1 {:03} {}\r\n", self.status, one_line(&self.reason, REASON_MAX)).into_bytes();
        for (name, value) in &self.headers {
            out.extend(format!("{name}: {}\r\n", one_line(value, REASON_MAX)).into_bytes());
        }
        out.extend(format!("Content-Length: {}\r\n\r\n", self.body.len()).into_bytes());
        out.extend_from_slice(&self.body);
        out
    }

    pub(crate) fn new(status: u16, reason: &str, media_type: &str, body: Vec<u8>) -> Reply {
        Reply {
            status,
            reason: one_line(reason, REASON_MAX),
            headers: vec![("Content-Type", media_type.into()), ("Cache-Control", "no-store".into())],
            body,
            drain: true,
        }
    }

    pub(crate) fn text(status: u16, text: &str) -> Reply {
        Reply::new(status, phrase(status), "text/plain; charset=utf-8", format!("{text}\n").into_bytes())
    }

    pub(crate) fn json(status: u16, body: String) -> Reply {
        Reply::new(status, phrase(status), "application/json", body.into_bytes())
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("body", &self.body.len())
            .field("drain", &self.drain)
            .finish_non_exhaustive()
    }
}

/// The usual reason phrase.
pub(crate) fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        422 => "Unprocessable Entity",
        _ => "Refused",
    }
}

/// Printable ASCII in one line, cut to `max` bytes: what may stand in a status line, a header or a pkt-line.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).take(max).collect()
}
