//! [`may_start`]: whether the first block of a deflate stream makes sense.

/// The lengths of codes of a dynamic block, in the order in which they are written ([RFC 1951 section 3.2.7](https://www.rfc-editor.org/rfc/rfc1951#section-3.2.7)).
const LENGTHS: u32 = 19;

/// The most symbols of each alphabet that a dynamic block may have, less what is always there.
const MORE_LITERALS: u32 = 29;
const MORE_DISTANCES: u32 = 29;

/// Bytes that are looked at.
const LOOKED_AT: usize = 30;

/// Whether a stream may begin with `prefix`, as far as the first 30 bytes tell: a stored block has its length twice, the code of a dynamic block's lengths is complete, and nothing in a
/// block of fixed codes lies before its beginning. Every stream that zlib decodes passes.
///
/// # Examples
///
/// ```
/// use exfilter_codec::deflate::may_start;
///
/// // A stored block of five bytes; the same with another complement.
/// assert!(may_start(b"\x01\x05\0\xfa\xffhello"));
/// assert!(!may_start(b"\x01\x05\0\xfa\xfehello"));
/// ```
#[must_use]
pub fn may_start(prefix: &[u8]) -> bool {
    let mut bits = Bits { bytes: &prefix[..prefix.len().min(LOOKED_AT)], at: 0 };
    // Where the bytes are over nothing speaks against it.
    bits.block().unwrap_or(true)
}

/// Reads bits, the lowest of a byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next `n` bits as a number, the first one lowest; none if there are fewer.
    fn take(&mut self, n: u32) -> Option<u32> {
        (0..n).try_fold(0, |value, i| Some(value | self.bit()? << i))
    }

    fn bit(&mut self) -> Option<u32> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        Some(bit.into())
    }

    /// The next `n` bits of a code, the first one highest, behind `code`.
    fn code(&mut self, code: u32, n: u32) -> Option<u32> {
        (0..n).try_fold(code, |code, _| Some(code << 1 | self.bit()?))
    }

    /// Whether a block makes sense; none if its bytes are over.
    fn block(&mut self) -> Option<bool> {
        self.bit()?;
        match self.take(2)? {
            0 => {
                self.at = self.at.next_multiple_of(8);
                let len = self.take(16)?;
                Some(self.take(16)? == !len & 0xffff)
            }
            1 => self.fixed(),
            2 => self.dynamic(),
            _ => Some(false),
        }
    }

    /// Whether the code of a dynamic block's lengths is complete.
    fn dynamic(&mut self) -> Option<bool> {
        let (literals, distances) = (self.take(5)?, self.take(5)?);
        if literals > MORE_LITERALS || distances > MORE_DISTANCES {
            return Some(false);
        }
        let lengths = (self.take(4)? + 4).min(LENGTHS);
        let mut used = 0;
        for _ in 0..lengths {
            let len = self.take(3)?;
            used += if len > 0 { 128 >> len } else { 0 };
        }
        Some(used == 128)
    }

    /// Whether all that is at hand of a block of fixed codes makes sense.
    fn fixed(&mut self) -> Option<bool> {
        let mut made = 0;
        loop {
            // Symbols by the length of their codes, and where those begin (section 3.2.6).
            let seven = self.code(0, 7)?;
            let symbol = match seven {
                0..=0b001_0111 => 256 + seven,
                _ => match self.code(seven, 1)? {
                    eight @ 0b0011_0000..=0b1011_1111 => eight - 0b0011_0000,
                    eight @ 0b1100_0000..=0b1100_0111 => 280 + eight - 0b1100_0000,
                    eight => 144 + self.code(eight, 1)? - 0b1_1001_0000,
                },
            };
            let len = match symbol {
                0..=255 => 1,
                256 => return Some(true),
                257..=264 => symbol - 254,
                265..=284 => {
                    let extra = (symbol - 261) / 4;
                    3 + (((symbol - 261) % 4 + 4) << extra) + self.take(extra)?
                }
                285 => 258,
                _ => return Some(false),
            };
            if symbol > 256 {
                let code = self.code(0, 5)?;
                let distance = match code {
                    0..=3 => code + 1,
                    4..=29 => {
                        let extra = code / 2 - 1;
                        1 + ((2 + code % 2) << extra) + self.take(extra)?
                    }
                    _ => return Some(false),
                };
                if distance > made {
                    return Some(false);
                }
            }
            made += len;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn deflated(content: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(content).expect("writing to memory");
        encoder.finish().expect("writing to memory")
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

        #[test]
        fn what_was_deflated_may_start(
            content in prop_oneof![vec(any::<u8>(), 0..300), vec(b'a'..=b'f', 0..3000)], level in 0..=9u32, cut in 0..60usize,
        ) {
            let packed = deflated(&content, level);
            prop_assert!(may_start(&packed));
            prop_assert!(may_start(&packed[..cut.min(packed.len())]));
        }
    }

    #[test]
    fn noise_seldom_may() {
        let mut state = 1u64;
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u8
        };
        let seen = (0..10_000).filter(|_| may_start(&std::array::from_fn::<u8, 30, _>(|_| byte()))).count();
        assert!(seen < 300, "{seen} of 10000");
    }
}
