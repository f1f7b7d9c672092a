//! Hexadecimal digits, decoded at a chosen alignment.
//!
//! Two digits of either case make a byte ([RFC 4648 section 8]). Whoever finds a run of digits in the middle of something does not
//! know where the pairs begin, so the run is decoded at both alignments, one [`Phase`] each. Counting digits after the skipped one,
//! byte `i` is made of the digits `2 * i` and `2 * i + 1`.
//!
//! ```
//! use exfilter_codec::hex::Phase;
//!
//! let mut out = Vec::new();
//! let mut phase = Phase::new(1); // the first digit belongs to something else
//! assert_eq!(phase.decode(b"0414243-", &mut out), 7);
//! assert_eq!(out, b"ABC");
//! ```
//!
//! [RFC 4648 section 8]: https://www.rfc-editor.org/rfc/rfc4648#section-8

/// A decoder at one alignment. It keeps at most one digit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Phase {
    /// Digits still to be skipped.
    skip: u8,
    /// The value of a digit whose partner has not come.
    high: Option<u8>,
}

impl Phase {
    /// A decoder that skips the first `skip` (0 or 1) digits.
    #[must_use]
    pub const fn new(skip: u8) -> Self {
        Self { skip, high: None }
    }

    /// Decodes the digits with which `chars` begins, appending the bytes that are complete now; returns how many digits that were.
    pub fn decode(&mut self, chars: &[u8], out: &mut Vec<u8>) -> usize {
        for (at, char) in chars.iter().enumerate() {
            let Some(value) = value(*char) else { return at };
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            self.high = match self.high {
                None => Some(value),
                Some(high) => {
                    out.push(high << 4 | value);
                    None
                }
            };
        }
        chars.len()
    }

    /// Digits decoded but not in the output yet, 0 or 1. Skipped ones do not count.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.high.is_some() as usize
    }
}

/// Says how much is pending, not what.
impl std::fmt::Debug for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Phase")
            .field("skip", &self.skip)
            .field("pending", &self.pending())
            .finish_non_exhaustive()
    }
}

fn value(char: u8) -> Option<u8> {
    match char {
        b'0'..=b'9' => Some(char - b'0'),
        b'a'..=b'f' => Some(char - b'a' + 10),
        b'A'..=b'F' => Some(char - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_in_either_case_cut_anywhere() {
        let bytes: Vec<u8> = (0..=255).collect();
        let lower: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        for text in [lower.clone(), lower.to_uppercase()] {
            for size in [1, 2, 3, 100, 1000] {
                let (mut phase, mut out) = (Phase::new(0), Vec::new());
                for chunk in text.as_bytes().chunks(size) {
                    assert_eq!(phase.decode(chunk, &mut out), chunk.len());
                }
                assert_eq!((phase.pending(), &out), (0, &bytes));
            }
        }
    }

    #[test]
    fn digits_only() {
        for b in 0..=255u8 {
            let is_digit = b.is_ascii_hexdigit();
            assert_eq!(Phase::new(0).decode(&[b], &mut Vec::new()), usize::from(is_digit));
        }
    }
}
