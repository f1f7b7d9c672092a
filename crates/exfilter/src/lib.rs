//! exfilter stops secrets on their way out.
//!
//! It compiles *known secrets* (a user's own, held as keyed fingerprints) and *key patterns* (rules for providers' token formats) into one
//! multi-pattern automaton and runs it over byte streams. Chunk by chunk it answers how many bytes may leave. This crate is the one that
//! programs name; it gathers the engine, the rules and adapters.
//!
//! # A proxy in five lines
//!
//! ```
//! use exfilter::{Authority, Engine, Event, Flow, Verdict};
//!
//! let engine = Engine::builder().rules(exfilter::rules::builtin()).build()?; // once per process
//! let mut stream = engine.stream(Flow::outbound(Authority::parse(b"https://api.example.com")?));
//! let body: [&[u8]; 2] = [b"{\"text\": \"hel", b"lo\"}"];
//! let mut pushed: Vec<u8> = Vec::new();
//! for chunk in body {
//!     pushed.extend(chunk); // the embedder keeps the bytes ...
//!     match stream.push(chunk) {
//!         Verdict::Forward { through } | Verdict::Edit { through } => assert!(through <= pushed.len() as u64), // ... and forwards these
//!         Verdict::Block(block) => panic!("{}", block.reference()),
//!     }
//! }
//! assert_eq!(stream.finish(), Verdict::Forward { through: 17 });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Known secrets
//!
//! ```
//! use exfilter::{Engine, Flow, KnownSecrets, StoreKey, Verdict};
//!
//! let mut secrets = KnownSecrets::new(StoreKey::from_bytes(&[7; 32])?); // from the keyring
//! secrets.add("DEPLOY_TOKEN", b"q8Zt4LmN0pR7sVx2", vec![])?;
//! let engine = Engine::builder().known_secrets(secrets).build()?;
//! let mut stream = engine.stream(Flow::outbound_unknown());
//! let _ = stream.push(b"cThadDRMbU4wcFI3c1Z4Mg=="); // in base64
//! assert!(stream.finish().is_block());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to go
//!
//! [`Inspector`] for whole requests, with refusals that each client shows; [`Stream`] and its laws; [`Flow`] for what the engine must know of a message; [`Policy`] for what is done about a finding; [`io`] for
//! `Read` and `Write`; [`substitute`] for placeholders that stand for real credentials; [`rules`] for the rule format.
//!
//! # Features
//!
//! `config` (on by default): the module `config`, which reads the policy file that the command and the proxies share.
#![forbid(unsafe_code)]

#[cfg(feature = "config")]
pub mod config;
pub mod inspector;
pub mod io;
pub mod substitute;

pub use exfilter_engine::*;
/// The rule format and the built-in pack.
pub use exfilter_rules as rules;
/// Request heads, conversations and the forms of refusals.
pub use exfilter_wire as wire;
pub use inspector::{Inspection, Inspector};

#[cfg(test)]
mod tests {
    use std::panic::UnwindSafe;

    use super::*;

    #[test]
    fn public_types_cross_threads_and_panics() {
        fn shared<T: Send + Sync + UnwindSafe + 'static>() {}
        fn owned<T: Send + UnwindSafe + 'static>() {}
        shared::<Inspection>();
        shared::<inspector::Uploads>();
        shared::<inspector::Sighting>();
        shared::<wire::RequestHead>();
        shared::<wire::Reply>();
        owned::<Inspector>();
    }
}
