//! Conversations, without I/O: request heads, who speaks, git's pushes, and how each client wants a refusal.
//!
//! It knows nothing of secrets: the facade joins it with the engine. A body's *content* (archives, base64, packs) is the business of `exfilter-codec`.
//!
//! # A request
//!
//! [`RequestHead`] is one canonical reading of a head: what two readers may take for different requests is a [`HeadError`]. [`places::texts`] are its
//! texts, with the places in them where a credential may stand; [`RequestHead::conversation`] says what the client is doing.
//!
//! ```
//! use exfilter_wire::http1::{self, Parsed};
//! use exfilter_wire::{Asked, Conversation, Reply, Why};
//!
//! let bytes = b"PUT /@acme%2fdemo HTTP/1.1\r\nHost: registry.npmjs.org\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
//! let Parsed::Complete { head, consumed } = http1::parse(bytes)? else { panic!("it is whole") };
//! assert_eq!(&bytes[consumed..], b"{}");
//! assert_eq!(head.conversation(), Conversation::NpmPublish);
//!
//! let why = Why { text: "secret detected in lib/index.js:1", details: &[] };
//! let reply = Reply::refuse(head.conversation(), Asked::default(), why);
//! assert_eq!(reply.status, 422);
//! # Ok::<(), exfilter_wire::HeadError>(())
//! ```
//!
//! # A push
//!
//! ```
//! use exfilter_wire::git::{Receive, Report};
//!
//! let zeros = "0".repeat(40);
//! let command = format!("{zeros} {} refs/heads/main\0report-status side-band-64k\n", "1".repeat(40));
//! let body = format!("{:04x}{command}0000PACK...", command.len() + 4);
//! let mut push = Receive::new();
//! let mut rest = body.as_bytes();
//! push.feed(&mut rest, &mut |_line| {})?;
//! assert_eq!(rest, b"PACK...");
//! let report = Report { push: &push, reason: "secret detected", message: &[] }.to_bytes();
//! assert!(String::from_utf8_lossy(&report).contains("ng refs/heads/main secret detected"));
//! # Ok::<(), exfilter_wire::GitError>(())
//! ```
//!
//! # Resource usage
//!
//! A head has at most [`HEAD_MAX`] bytes and [`FIELDS_MAX`] fields; a push's commands 16 MiB. Every parser is linear in its input and yields the same for
//! any chunking.
#![forbid(unsafe_code)]

mod aws_chunks;
mod conversation;
mod crate_upload;
pub mod dns;
mod error;
pub mod fields;
pub mod git;
mod head;
mod headers;
pub mod http1;
mod json;
mod part;
pub mod percent;
pub mod places;
mod reply;
pub mod ssh;
mod target;

pub use aws_chunks::{AwsChunk, AwsChunks};
pub use conversation::Conversation;
pub use crate_upload::{CrateUpload, Section};
pub use error::{GitError, HeadError};
pub use head::{BodyLength, RequestHead};
pub use headers::{FIELDS_MAX, HEAD_MAX, Headers};
pub use json::Members;
pub use part::{Part, PartAt};
pub use reply::{Asked, Reply, Why, error_event, error_message};
pub use target::Target;
