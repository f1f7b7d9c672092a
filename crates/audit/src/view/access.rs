//! [`Reader`]: who reads, where it is not whoever runs the audit.

use std::fs::Metadata;

/// A user and its groups, by numbers of this machine. Permission bits decide; lists of access (ACLs) and capabilities are not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    user: u32,
    groups: Vec<u32>,
}

impl Reader {
    /// A user with its groups; user 0 reads everything.
    pub fn new(user: u32, groups: Vec<u32>) -> Reader {
        Reader { user, groups }
    }

    /// The user's number.
    pub fn user(&self) -> u32 {
        self.user
    }

    /// Whether the file or folder can be read.
    pub(crate) fn may_read(&self, meta: &Metadata) -> bool {
        self.has(meta, 4)
    }

    /// Whether the file, socket or folder can be written.
    pub(crate) fn may_write(&self, meta: &Metadata) -> bool {
        self.has(meta, 2)
    }

    /// Whether what is in the folder can be reached.
    pub(crate) fn may_enter(&self, meta: &Metadata) -> bool {
        self.has(meta, 1)
    }

    #[cfg(unix)]
    fn has(&self, meta: &Metadata, bit: u32) -> bool {
        use std::os::unix::fs::MetadataExt;
        let mode = meta.mode();
        let bits = if self.user == 0 {
            return true;
        } else if meta.uid() == self.user {
            mode >> 6
        } else if self.groups.contains(&meta.gid()) {
            mode >> 3
        } else {
            mode
        };
        bits & bit != 0
    }

    #[cfg(not(unix))]
    fn has(&self, _meta: &Metadata, _bit: u32) -> bool {
        true
    }
}
