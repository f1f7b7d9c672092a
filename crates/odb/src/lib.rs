//! Git's object database, read without git and without I/O: who calls gives bytes of files, and gets objects.
//!
//! ```text
//! .idx bytes --> Index     id -> offset
//!                  |
//! wanted ids --> Plan      which entries of the pack are needed, and which is based on which: trees of deltas ("families")
//!                  |
//! .pack bytes --> Walker   each family from its root down: every entry inflated once, every object handed out once
//! loose file  --> Walker::loose
//! ```
//!
//! Whoever reads objects in the order of commits inflates the bases of deltas again and again, or keeps them in a cache. Along the tree of deltas each object is made
//! once, of its base, which is at hand. Of the children of an object the one with the most below it comes last, and takes the object's place: so what is kept on the
//! way down halves what is below it each time, and is at most as many objects as the number of a family's objects has binary digits, however long its chains are.
//!
//! # What is checked
//!
//! Files are outside bytes: every length is bounded before anything is allocated for it, and nothing panics. An object's content is compared with its id by
//! [`Hash::names`], which the caller does, for it knows what it asked for. What is damaged, too long or missing is told, object by object, and never replaced.
//!
//! # Examples
//!
//! ```
//! use exfilter_odb::{Hash, Kind};
//!
//! let id = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
//! let hash = Hash::of_hex(id).expect("it has forty digits");
//! assert!(hash.names(&exfilter_odb::parse_id(id).expect("they are digits"), Kind::Blob, b""));
//! ```

#![forbid(unsafe_code)]

mod damage;
mod delta;
mod entry;
mod id;
mod index;
mod inflate;
mod plan;
mod walk;

pub use damage::Damage;
pub use id::{Hash, Kind, Sum, parse_id};
pub use index::{HEAD, Index};
pub use plan::{Plan, Wanted};
pub use walk::{Found, Walker};

/// Bytes of a file, wherever they are.
pub trait Source {
    /// Replaces what is in `into` by `len` bytes from offset `at` on, by fewer where the file ends before.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    fn read(&self, at: u64, len: usize, into: &mut Vec<u8>) -> std::io::Result<()>;
}

impl Source for [u8] {
    fn read(&self, at: u64, len: usize, into: &mut Vec<u8>) -> std::io::Result<()> {
        into.clear();
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(self.len());
        into.extend_from_slice(&self[from..from.saturating_add(len).min(self.len())]);
        Ok(())
    }
}
