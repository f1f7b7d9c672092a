//! Logins in a sandbox: a token endpoint's answer ([RFC 6749](https://www.rfc-editor.org/rfc/rfc6749), section 5) comes in with placeholders in it, and the tokens stay outside.
//!
//! ```text
//! client -- code, device code, refresh placeholder --> proxy -- code, device code, refresh token --> token endpoint
//! client <- {"access_token": placeholder, ...} ------- proxy <- {"access_token": token, ...} -------
//! client -- Authorization: Bearer placeholder -------> proxy -- Authorization: Bearer token -------> the API's hosts
//! ```
//!
//! | token | is put in |
//! |---|---|
//! | `access_token` | `Authorization` at the hosts of the API; `subject_token` at the endpoint ([RFC 8693](https://www.rfc-editor.org/rfc/rfc8693)) |
//! | `refresh_token` | the body's field `refresh_token` at the endpoint, a form's or a document's |
//! | the last segment of an address that is a credential (`incoming_webhook.url` of Slack) | the path of that address |
//! | `id_token` | `subject_token` at the endpoint |
//! | all three | `token` at that host's address for revocations ([RFC 7009](https://www.rfc-editor.org/rfc/rfc7009)): that of the endpoint with `revoke` or `revocation` in the place of `token`, in the body or as the only parameter; in the path of npm's; of a learned endpoint the one that its server names, in the body |
//!
//! Heads have tokens at the port of https, that of the endpoint, and those that a policy names. Everywhere else a placeholder is text, and the token is an enrolled secret ([`Logins::engine`]). Of a JSON web token the placeholder has the head and the claims, which clients read (when it expires, whose it is), and another signature: what it was signed for stays
//! legible, and opens nothing. Nothing else of the answer changes.
//!
//! A server of the [Model Context Protocol](https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization) names its authorization server itself ([RFC 9728](https://www.rfc-editor.org/rfc/rfc9728)), and that its endpoints ([RFC 8414](https://www.rfc-editor.org/rfc/rfc8414), OpenID Connect Discovery). [`LearnedEndpoints`] reads what
//! clients ask for that, and says how far it is believed; whose words count, the policy says ([`Config::learns_from`](crate::config::Config::learns_from)).
//!
//! [`TokenEndpoints`] knows which addresses are such endpoints and where their tokens belong; [`Logins`] keeps the tokens, in memory alone. A refresh gives new ones, or the same: those from before stay until [`Logins::MOST`] are kept, for it
//! is the server that says when a token is good for nothing.
//!
//! ```
//! use exfilter::substitute::{Logins, TokenEndpoints};
//! use exfilter::wire::{Headers, RequestHead};
//! use exfilter::Authority;
//!
//! let (endpoints, logins) = (TokenEndpoints::default(), Logins::new([7; 32])); // a random seed, from the system
//! let to = Authority::parse(b"https://github.com")?;
//! let head = RequestHead::new(b"POST", b"/login/oauth/access_token", [("host", "github.com")])?;
//! let request = endpoints.request(&logins.substitutes(), &to, &head, None).expect("it is a token endpoint");
//!
//! let mut answer = request.answer(200, &Headers::new());
//! answer.push(br#"{"access_token":"q8Zt4LmN0pR7sVx2Wb5K","token_type":"bearer"}"#)?;
//! let rewritten = answer.finish(&logins)?;
//! let body = String::from_utf8_lossy(rewritten.body().expect("there was a token"));
//! assert!(!body.contains("q8Zt4LmN0pR7sVx2Wb5K") && body.ends_with(r#"","token_type":"bearer"}"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod endpoints;
mod host;
mod kept;
mod known;
mod learn;
mod learned;
mod metadata;
mod near;
mod request;
mod resource;
mod url;

pub use answer::{AnswerError, Rewritten, TokenAnswer};
pub(super) use endpoints::Endpoint;
pub use endpoints::TokenEndpoints;
pub use host::TokenHost;
pub(super) use kept::Home;
pub use kept::Logins;
use kept::Token;
pub use learned::LearnedEndpoints;
pub use metadata::{MetadataAnswer, MetadataRequest};
pub use request::TokenRequest;
pub(super) use request::{members, name};
