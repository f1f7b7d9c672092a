//! Where stores live: files, their modes, locks, and the system's random numbers.
//!
//! ```text
//! store   $XDG_DATA_HOME/exfilter/store        encrypted; of no use alone, so it may be in a backup
//! key     $XDG_STATE_HOME/exfilter/store.key   0600, in a place that backups and dotfile repositories leave out; or in the keyring (feature `keyring`)
//! ```
//!
//! [`Home`] knows both; [`Home::load`] reads, [`Home::edit`] locks, reads and, at [`Edit::commit`], replaces the store so that at every moment either the old one or
//! the new one is there.

mod error;
mod health;
mod home;
mod keyfile;
#[cfg(feature = "keyring")]
mod keyring;
mod replace;

pub use error::OsError;
pub use health::{Health, harden};
pub use home::{Edit, Home, Opened, Rotation, read_store};
pub use keyfile::{read_private, write_private};
pub use replace::{Step, replace};

use crate::error::StoreError;
use crate::key::Entropy;

/// The random numbers of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        getrandom::fill(bytes).map_err(|_| StoreError::no_entropy())
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
