//! The store of known secrets: what an engine must know of a person's secrets, kept so that it is of no use to whoever steals it.
//!
//! A [`Store`] is a set of [`Record`]s under a [`Key`]. By default a record keeps a [fingerprint](exfilter_engine::Fingerprint) of its value: 16 bits of a keyed hash
//! and a keyed MAC, of which at least 80 bits remain to be guessed by whoever has stolen file *and* key. Values that are too weak for that, and those that
//! are asked for, are sealed: encrypted one by one. The file alone tells nothing, not even names.
//!
//! ```
//! use exfilter_store::{Entropy, KeyRing, NewRecord, Source, Store, StoreError, Use};
//! # struct Random(u8);
//! # impl Entropy for Random {
//! #     fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
//! #         bytes.iter_mut().for_each(|b| { self.0 = self.0.wrapping_add(1); *b = self.0 });
//! #         Ok(())
//! #     }
//! # }
//! # let mut entropy = Random(0);
//! let ring = KeyRing::generate(&mut entropy)?;
//! let mut store = Store::new(&ring, 0);
//! let record = NewRecord::new("DEPLOY_TOKEN", Source::Env("DEPLOY_TOKEN".into()), 0);
//! store.add(record, b"q8Zt4LmN0pR7sVx2Yb5Kd9Fg", false, &mut entropy)?;
//! let file = store.to_bytes(&mut entropy)?;
//!
//! let again = Store::open(&file, &ring, 1)?;
//! assert_eq!(again.records()[0].remaining(), 116);
//! let secrets = again.known_secrets(Use::All)?; // for Engine::builder()
//! assert_eq!(secrets.len(), 1);
//! # Ok::<(), StoreError>(())
//! ```
//!
//! The crate does no I/O and has no random numbers of its own, but with the feature `os`, whose module `os` knows files, modes and locks.
#![forbid(unsafe_code)]

mod error;
mod key;
#[cfg(feature = "os")]
pub mod os;
mod record;
pub mod source;
mod store;
mod tlv;

pub use error::StoreError;
pub use key::{Entropy, Key, KeyId, KeyRing};
pub use record::{Mode, NewRecord, Record, Source};
#[doc(hidden)]
pub use store::sealed_body;
pub use store::{Added, Audience, Store, Use, audience_of};

#[cfg(test)]
mod tests {
    use std::panic::{RefUnwindSafe, UnwindSafe};

    use super::*;

    #[test]
    fn public_types_cross_threads_and_panics() {
        fn shared<T: Send + Sync + UnwindSafe + RefUnwindSafe + 'static>() {}
        shared::<Store>();
        shared::<KeyRing>();
        shared::<Record>();
        shared::<StoreError>();
    }
}
