//! [`Health`]: what the system let us do to protect keys in memory.

use std::fmt;

use crate::key::{Key, KeyRing};

/// What protects a key while it is in memory, and what does not.
pub struct Health {
    /// Whether the keys stay out of swap.
    locked: bool,
    /// Whether core dumps and other processes of the same user are kept out.
    hardened: bool,
    /// Held while the keys are in memory.
    _guards: Vec<region::LockGuard>,
}

impl Health {
    /// Locks the keys of `ring` and `more` into memory.
    pub(crate) fn of(ring: &KeyRing, more: &[&Key], hardened: bool) -> Health {
        let keys = [Some(ring.current()), ring.next()].into_iter().flatten().chain(more.iter().copied());
        let guards: Vec<_> =
            keys.map(|key| region::lock(key.as_bytes().as_ptr(), key.as_bytes().len())).collect();
        let locked = guards.iter().all(Result::is_ok);
        Health { locked, hardened, _guards: guards.into_iter().flatten().collect() }
    }

    /// Whether the keys stay out of swap: `RLIMIT_MEMLOCK` may forbid it.
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// Whether [`harden`] was done before and worked.
    pub fn is_hardened(&self) -> bool {
        self.hardened
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Health(locked: {}, hardened: {})", self.locked, self.hardened)
    }
}

/// Keeps core dumps, and other processes of the same user, away from the memory of this one; whether the system has that. For the whole process and for good, so a
/// program calls it itself, at its start.
pub fn harden() -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok()
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// Whether [`harden`] has been done.
pub(crate) fn is_hardened() -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, dumpable_behavior};
        matches!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable))
    }
    #[cfg(not(target_os = "linux"))]
    false
}
