//! Placeholders that stand for real credentials in a sandbox, and are exchanged for them on the way out.
//!
//! Whatever runs in the sandbox holds a placeholder: as long as the real value, of the same form, with a valid checksum, and good for nothing. A proxy puts the
//! real value in its place only where it belongs: at a host and in a slot that it is bound to, over TLS, as the slot's whole value. Everywhere else a placeholder is
//! text like any other, which rules find as they find a real one. Bodies are no slot: who could have a value replaced in a body could have it written anywhere. The tokens of logins alone are put into
//! one field of bodies to where they came from: see [`Logins`].
//!
//! ```
//! use exfilter::substitute::{SubstituteError, Substitutes};
//! use exfilter::{Authority, Binding, HostPattern, Slot};
//!
//! let mut substitutes = Substitutes::new([7; 32]); // a random seed for each sandbox, from the system
//! let home = Binding { host: HostPattern::parse(b"api.example.com")?, slot: Slot::parse(b"header:authorization:bearer")? };
//! let placeholder = substitutes.add("DEPLOY_TOKEN", b"dt_q8Zt4LmN0pR7sVx2Wb5K", vec![home])?.to_owned();
//! assert_eq!(placeholder.len(), 23);
//!
//! let header = format!("Bearer {placeholder}");
//! let slot = Slot::parse(b"header:authorization")?;
//! let to = Authority::parse(b"https://api.example.com")?;
//! let real = substitutes.inject(&to, &slot, header.as_bytes()).expect("it is at home there");
//! assert_eq!(&real[..], b"Bearer dt_q8Zt4LmN0pR7sVx2Wb5K");
//!
//! let elsewhere = Authority::parse(b"https://attacker.example")?;
//! assert!(substitutes.inject(&elsewhere, &slot, header.as_bytes()).is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accounts;
mod aws;
mod error;
mod logins;
mod placeholder;
mod request;
mod scrubbing;
mod slots;

pub use accounts::{Accounts, Asked, First, OwnLogins, Trust, Whose};
pub(crate) use aws::is_aws;
pub use aws::{AwsKeys, AwsPlaceholders, SignError};
pub use error::SubstituteError;
pub use logins::{
    AnswerError, LearnedEndpoints, Logins, MetadataAnswer, MetadataRequest, Rewritten, TokenAnswer,
    TokenEndpoints, TokenHost, TokenRequest,
};
pub use scrubbing::scrubbing;
pub use slots::Substitutes;
pub(crate) use slots::is_tls;
