//! Checksums and structures that can be verified offline.

/// The closed list of constructions a rule may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Checksum {
    /// GitHub's and npm's construction.
    Crc32Base62,
}

impl Checksum {
    /// Whether `value` carries a valid checksum. Never panics, for any bytes.
    pub fn verify(self, value: &[u8]) -> bool {
        let _ = value;
        false
    }
}
