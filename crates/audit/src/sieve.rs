//! [`Sieve`]: which of few names a name may be, by its length and two of its bytes: nearly every file of a home is asked about, and nearly none is one of them.

/// Names, of which some that are not among them are let through.
#[derive(Default)]
pub(crate) struct Sieve {
    bits: [u64; 16],
}

impl Sieve {
    pub(crate) fn add(&mut self, name: &[u8]) {
        let (word, bit) = slot(name);
        self.bits[word] |= bit;
    }

    /// Whether the name may be among them.
    pub(crate) fn may_hold(&self, name: &[u8]) -> bool {
        let (word, bit) = slot(name);
        self.bits[word] & bit != 0
    }
}

fn slot(name: &[u8]) -> (usize, u64) {
    let byte = |at: usize| name.get(at).map_or(0, |byte| usize::from(*byte));
    let mixed = (name.len() * 37) ^ (byte(name.len().wrapping_sub(1)) * 5) ^ (byte(name.len() / 2) * 11);
    (mixed / 64 % 16, 1 << (mixed % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_held_and_most_else_is_not() {
        let mut sieve = Sieve::default();
        let names: Vec<String> = (0..100).map(|n| format!("{}/name-{n}", "folder".repeat(n % 7))).collect();
        names.iter().for_each(|name| sieve.add(name.as_bytes()));
        assert!(names.iter().all(|name| sieve.may_hold(name.as_bytes())));
        let others =
            (0..10_000).filter(|n| sieve.may_hold(format!("other{n}.{}", n % 97).as_bytes())).count();
        assert!(others < 3_000, "{others}");
        assert!(!Sieve::default().may_hold(b""));
        sieve.add(b"");
        assert!(sieve.may_hold(b""));
    }
}
