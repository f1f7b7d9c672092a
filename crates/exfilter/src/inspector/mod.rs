//! [`Inspector`]: one request on its way out, head, body and trailers, and how it is refused.
//!
//! # A proxy
//!
//! ```
//! use exfilter::inspector::{Inspection, Inspector};
//! use exfilter::wire::RequestHead;
//! use exfilter::{Audience, Authority, Engine, Verdict};
//!
//! let engine = Engine::builder().rules(exfilter::rules::builtin()).build()?;
//! let to = Authority::parse(b"https://registry.npmjs.org")?;
//! let fields = [("Host", "registry.npmjs.org"), ("Content-Type", "application/json"), ("npm-command", "publish")];
//! let head = RequestHead::new(b"PUT", b"/demo", fields)?;
//!
//! let mut inspector = Inspector::new(&engine, &Inspection::new(to), head)?;
//! // The head may leave if it is no block, and unless the inspector holds it; then bytes of the body up to `through`.
//! assert!(!inspector.verdict().is_block() && !inspector.holds_head());
//! let mut verdict = inspector.push(b"{\"name\":\"demo\"}");
//! verdict = inspector.finish();
//! assert_eq!(verdict, Verdict::Forward { through: 15 });
//! assert!(inspector.reply(Audience::Subject).is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is examined
//!
//! | part | as |
//! |---|---|
//! | names of headers, cookies, parameters; the method | one text, a name a line |
//! | the target | a text, escapes and all; each segment and each parameter, decoded, as its slot |
//! | each header | a text of its own; its credential (`Bearer`, `Basic`) and each cookie as a slot |
//! | the body | a stream with its codings undone; a push: commands, options and certificate as a text, the pack as a stream; a crate: metadata, then the package |
//! | trailers | as headers |
//!
//! A form or JSON document of at most 16 KiB that would be refused is looked at once more by its places (`form:NAME`, `json:/POINTER`), since tokens are renewed that way.
//!
//! A credential passes where it is at home: an enrolled secret in the slot and at the host it is bound to, and a key of a rule where the rule says that such keys belong
//! ([`Inspection::own_keys`]). It must be the slot's whole value; the text around it is examined without it.
//!
//! One object in many requests (OCI layers, S3 and resumable uploads) is one stream where the inspections share [`Uploads`]; without it, parts behind the first are refused, for
//! what an archive holds in its middle nobody can tell.
//!
//! A conversation with a language model, which comes again with every turn, is compared with what the session has sent before where the inspections share [`Prefixes`], and examined from where it differs.
//!
//! Of requests that have the same head as one that was found clean, whoever has compared the heads needs to examine the bodies alone ([`Repeat`]).
//!
//! The body must come as it is without HTTP's chunks. Everything the laws of [`Stream`](crate::Stream) say holds for it: the outcome does not depend on chunks.
mod body;
mod chunked;
mod decoded;
mod head;
mod inspect;
mod inspection;
mod locate;
mod log;
mod prefixes;
mod repeat;
mod reply;
mod sighting;
mod signed;
mod token;
mod transcode;
mod uploads;

pub(crate) use head::slot;
pub use inspect::Inspector;
pub use inspection::Inspection;
pub use prefixes::Prefixes;
pub use repeat::Repeat;
pub use sighting::Sighting;
pub(crate) use token::person;
pub(crate) use transcode::decoded;
pub use uploads::Uploads;
