//! [`HeadError`] and [`GitError`]: what is refused, without repeating it.

use std::fmt;

/// Why a request head was refused: it is malformed, or two readers could take it for different requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadError {
    kind: HeadFault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeadFault {
    TooLong,
    TooManyFields,
    RequestLine,
    Method,
    Target,
    Version,
    LineEnd,
    Fold,
    Name,
    Value,
    Twice,
    Length,
    LengthAndChunks,
    TransferCoding,
    Host,
    OtherHost,
    HopByHop,
    Spelling,
}

impl HeadError {
    pub(crate) const fn too_long() -> HeadError {
        HeadError { kind: HeadFault::TooLong }
    }

    pub(crate) const fn too_many_fields() -> HeadError {
        HeadError { kind: HeadFault::TooManyFields }
    }

    pub(crate) const fn request_line() -> HeadError {
        HeadError { kind: HeadFault::RequestLine }
    }

    pub(crate) const fn method() -> HeadError {
        HeadError { kind: HeadFault::Method }
    }

    pub(crate) const fn target() -> HeadError {
        HeadError { kind: HeadFault::Target }
    }

    pub(crate) const fn version() -> HeadError {
        HeadError { kind: HeadFault::Version }
    }

    pub(crate) const fn line_end() -> HeadError {
        HeadError { kind: HeadFault::LineEnd }
    }

    pub(crate) const fn fold() -> HeadError {
        HeadError { kind: HeadFault::Fold }
    }

    pub(crate) const fn name() -> HeadError {
        HeadError { kind: HeadFault::Name }
    }

    pub(crate) const fn value() -> HeadError {
        HeadError { kind: HeadFault::Value }
    }

    pub(crate) const fn twice() -> HeadError {
        HeadError { kind: HeadFault::Twice }
    }

    pub(crate) const fn length() -> HeadError {
        HeadError { kind: HeadFault::Length }
    }

    pub(crate) const fn length_and_chunks() -> HeadError {
        HeadError { kind: HeadFault::LengthAndChunks }
    }

    pub(crate) const fn transfer_coding() -> HeadError {
        HeadError { kind: HeadFault::TransferCoding }
    }

    pub(crate) const fn host() -> HeadError {
        HeadError { kind: HeadFault::Host }
    }

    pub(crate) const fn hop_by_hop() -> HeadError {
        HeadError { kind: HeadFault::HopByHop }
    }

    pub(crate) const fn spelling() -> HeadError {
        HeadError { kind: HeadFault::Spelling }
    }

    /// The request names another host than the one it is sent to.
    #[must_use]
    pub const fn other_host() -> HeadError {
        HeadError { kind: HeadFault::OtherHost }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            HeadFault::TooLong => "the request head is too long",
            HeadFault::TooManyFields => "the request head has too many fields",
            HeadFault::RequestLine => "the request line is not a method, a target and a version",
            HeadFault::Method => "the method is no token",
            HeadFault::Target => "the target is no path and no address",
            HeadFault::Version => "the version is not HTTP/1.0 or HTTP/1.1",
            HeadFault::LineEnd => "a line of the head does not end with CR LF",
            HeadFault::Fold => "a header value goes on in another line",
            HeadFault::Name => "a header name is no token",
            HeadFault::Value => "a header value holds a control character",
            HeadFault::Twice => "a header that may stand once stands twice",
            HeadFault::Length => "the content length is no number",
            HeadFault::LengthAndChunks => "the head has a content length and a transfer coding",
            HeadFault::TransferCoding => "the last transfer coding is not chunked",
            HeadFault::Host => "the head does not name one host",
            HeadFault::OtherHost => "the head names another host than the one it is sent to",
            HeadFault::HopByHop => {
                "the head says of a header that belongs to the message that it is for the next hop alone"
            }
            HeadFault::Spelling => "a header name is that of another header for some readers",
        })
    }
}

impl std::error::Error for HeadError {}

/// Why bytes are no part of a git conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GitError {
    kind: GitFault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GitFault {
    Length,
    Command,
    Certificate,
    TooMuch,
    Trailing,
    NoPack,
    Truncated,
}

impl GitError {
    pub(crate) const fn length() -> GitError {
        GitError { kind: GitFault::Length }
    }

    pub(crate) const fn command() -> GitError {
        GitError { kind: GitFault::Command }
    }

    pub(crate) const fn certificate() -> GitError {
        GitError { kind: GitFault::Certificate }
    }

    pub(crate) const fn too_much() -> GitError {
        GitError { kind: GitFault::TooMuch }
    }

    pub(crate) const fn trailing() -> GitError {
        GitError { kind: GitFault::Trailing }
    }

    pub(crate) const fn no_pack() -> GitError {
        GitError { kind: GitFault::NoPack }
    }

    pub(crate) const fn truncated() -> GitError {
        GitError { kind: GitFault::Truncated }
    }

    /// Whether it ended too early, and nothing else is wrong with it.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.kind == GitFault::Truncated
    }
}

impl fmt::Display for GitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            GitFault::Length => "the length of a pkt-line is none",
            GitFault::Command => "a pkt-line is no command of a push",
            GitFault::Certificate => "the certificate of a push is malformed",
            GitFault::TooMuch => "the push has too many commands",
            GitFault::Trailing => "bytes follow the end of the push",
            GitFault::NoPack => "the commands of the push are not followed by a pack",
            GitFault::Truncated => "the push ends before its end",
        })
    }
}

impl std::error::Error for GitError {}
