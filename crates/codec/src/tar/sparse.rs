//! The map in front of a sparse member's content, of GNU's pax format 1.0.

/// Reads a map in any slicing: a count, then that many pairs of an offset and a length, each of them decimal digits and a
/// line feed. Zeros, not read here, fill up the block.
pub(super) struct Map {
    /// Numbers that follow; nothing before the count.
    left: Option<u64>,
    value: u64,
    digits: u8,
}

/// More digits than a number below 2^63 has.
const DIGITS_MAX: u8 = 19;

impl Map {
    pub(super) fn new() -> Self {
        Self { left: None, value: 0, digits: 0 }
    }

    /// Whether the map is whole, or is none.
    pub(super) fn has_ended(&self) -> bool {
        self.left == Some(0)
    }

    /// Bytes of `input` that belong to the map, with the first one that does not belong into any.
    pub(super) fn feed(&mut self, input: &[u8]) -> usize {
        for (&byte, read) in input.iter().zip(1..) {
            match byte {
                b'0'..=b'9' if self.digits + 1 < DIGITS_MAX => {
                    self.value = self.value * 10 + u64::from(byte - b'0');
                    self.digits += 1;
                }
                b'\n' if self.digits > 0 => {
                    self.left = Some(self.left.map_or(2 * self.value, |left| left - 1));
                    (self.value, self.digits) = (0, 0);
                }
                _ => self.left = Some(0),
            }
            if self.has_ended() {
                return read;
            }
        }
        input.len()
    }
}
