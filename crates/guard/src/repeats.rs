//! [`Repeats`]: requests that were refused before, byte for byte, and tell whoever sends them once more nothing new.

use std::collections::VecDeque;
use std::time::Duration;

use exfilter::wire::RequestHead;
use exfilter::{Authority, Inspector};

/// How many refusals are kept in mind: those of a client's retries come one behind the other.
const KEPT: usize = 64;

/// For how long after the last time. git-lfs tries for half a minute.
const WITHIN: Duration = Duration::from_secs(120);

/// The fields that decide how a body is read.
const READING: [&str; 5] =
    ["content-type", "content-encoding", "content-range", "content-transfer-encoding", "npm-command"];

/// What a refused request was, under a key of this process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape([u8; 32]);

/// Refusals for enrolled secrets in bodies.
pub(crate) struct Repeats {
    key: [u8; 32],
    seen: VecDeque<(Shape, Duration)>,
}

impl Repeats {
    /// None so far; the key is random.
    pub(crate) fn new(key: [u8; 32]) -> Repeats {
        Repeats { key, seen: VecDeque::new() }
    }

    /// What begins with everything that decides how a body is read; the body follows.
    pub(crate) fn begin(&self, to: &Authority, inspector: &Inspector) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        let head: &RequestHead = inspector.head();
        // Each with its length, so that no two are the same behind each other.
        let mut add = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
        };
        add(to.to_string().as_bytes());
        add(inspector.conversation().as_str().as_bytes());
        add(head.method().as_bytes());
        add(head.target().path());
        for name in READING {
            head.headers().all(name).for_each(&mut add);
            add(b"\n");
        }
        hasher
    }

    /// Whether it was refused within the last minutes; remembers it.
    pub(crate) fn note(&mut self, hasher: &blake3::Hasher, now: Duration) -> bool {
        let shape = Shape(*hasher.finalize().as_bytes());
        self.seen.retain(|(_, when)| now.saturating_sub(*when) <= WITHIN);
        let before = self.seen.len();
        self.seen.retain(|(one, _)| *one != shape);
        let was_there = self.seen.len() < before;
        if self.seen.len() == KEPT {
            self.seen.pop_front();
        }
        self.seen.push_back((shape, now));
        was_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_a_repeat_for_a_while() {
        let mut repeats = Repeats::new([7; 32]);
        let of = |n: u64| {
            let mut hasher = blake3::Hasher::new_keyed(&[7; 32]);
            hasher.update(&n.to_le_bytes());
            hasher
        };
        let at = Duration::from_secs;
        assert!(
            !repeats.note(&of(1), at(0)) && repeats.note(&of(1), at(100)) && repeats.note(&of(1), at(220))
        );
        assert!(!repeats.note(&of(1), at(341)), "it is too long ago");
        assert!((2..66).all(|n| !repeats.note(&of(n), at(342))));
        assert!(!repeats.note(&of(1), at(342)), "it was forgotten");
        assert_eq!(repeats.seen.len(), KEPT);
    }
}
