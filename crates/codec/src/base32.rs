//! Base32 and base32hex, decoded at a chosen alignment.
//!
//! [RFC 4648] packs five bytes into a group of eight characters. Whoever finds a run of its characters in the middle of something
//! does not know where the groups begin, so the run is decoded at all eight alignments, one [`Phase`] each. Letters of either case
//! are the same; padding is no character and ends the run.
//!
//! # Mapping
//!
//! Counting characters after the skipped ones, and output bytes of one phase from 0, byte `i` is made of the characters
//! `8 * i / 5 .. (8 * (i + 1)).div_ceil(5)`. It is handed out with the last of them, so nothing is left at the end of a run but bits
//! that make no byte.
//!
//! # Examples
//!
//! ```
//! use exfilter_codec::base32::{Alphabet, Phase};
//!
//! let mut out = Vec::new();
//! let mut phase = Phase::new(Alphabet::Base32, 1); // the first character belongs to something else
//! assert_eq!(phase.decode(b"xIFBEG===", &mut out), 6);
//! assert_eq!(out, b"ABC");
//! ```
//!
//! [RFC 4648]: https://www.rfc-editor.org/rfc/rfc4648#section-6

/// Which characters stand for the values 0 to 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// `A-Z 2-7`, base32 proper ([RFC 4648 section 6](https://www.rfc-editor.org/rfc/rfc4648#section-6)).
    Base32,
    /// `0-9 A-V`, base32hex, which sorts as the bytes do
    /// ([RFC 4648 section 7](https://www.rfc-editor.org/rfc/rfc4648#section-7)).
    Base32Hex,
}

/// Marks what is no character of an alphabet; values have five bits.
const NONE: u8 = 0xff;

/// The value of every character of each alphabet; [`NONE`] for all others.
const VALUES: [[u8; 256]; 2] =
    [values(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), values(b"0123456789ABCDEFGHIJKLMNOPQRSTUV")];

impl Alphabet {
    /// Whether `byte` is one of its characters, in either case. Padding is not.
    #[inline]
    #[must_use]
    pub const fn contains(self, byte: u8) -> bool {
        self.values()[byte as usize] != NONE
    }

    const fn values(self) -> &'static [u8; 256] {
        match self {
            Alphabet::Base32 => &VALUES[0],
            Alphabet::Base32Hex => &VALUES[1],
        }
    }
}

/// A decoder at one alignment. It keeps less than a byte.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Phase {
    alphabet: Alphabet,
    /// Characters still to be skipped.
    skip: u8,
    /// Bits in `acc`, 0..=7.
    bits: u8,
    /// The bits that make no byte yet, the newest lowest.
    acc: u8,
}

impl Phase {
    /// A decoder that skips the first `skip` (0..=7) characters.
    #[must_use]
    pub const fn new(alphabet: Alphabet, skip: u8) -> Self {
        Self { alphabet, skip, bits: 0, acc: 0 }
    }

    /// Decodes the characters with which `chars` begins, appending the bytes that are complete now; returns how many characters that
    /// were.
    pub fn decode(&mut self, chars: &[u8], out: &mut Vec<u8>) -> usize {
        let values = self.alphabet.values();
        let mut at = 0;
        loop {
            if self.skip == 0 && self.bits == 0 {
                at += decode_groups(values, &chars[at..], out);
            }
            let Some(char) = chars.get(at) else { return at };
            let value = values[usize::from(*char)];
            if value == NONE {
                return at;
            }
            at += 1;
            if self.skip > 0 {
                self.skip -= 1;
            } else {
                self.push(value, out);
            }
        }
    }

    /// Characters with bits that are not in the output yet, 0..=2. Skipped ones do not count.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.bits.div_ceil(5) as usize
    }

    fn push(&mut self, value: u8, out: &mut Vec<u8>) {
        let acc = u16::from(self.acc) << 5 | u16::from(value);
        self.bits += 5;
        if self.bits >= 8 {
            self.bits -= 8;
            out.push((acc >> self.bits) as u8);
        }
        // What is above the bits that count has been handed out.
        self.acc = (acc & ((1 << self.bits) - 1)) as u8;
    }
}

/// Says how much is pending, not what.
impl std::fmt::Debug for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Phase")
            .field("alphabet", &self.alphabet)
            .field("skip", &self.skip)
            .field("pending", &self.pending())
            .finish_non_exhaustive()
    }
}

/// Decodes the whole groups with which `chars` begins; returns their length.
fn decode_groups(values: &[u8; 256], chars: &[u8], out: &mut Vec<u8>) -> usize {
    let mut taken = 0;
    for eight in chars.chunks_exact(8) {
        let (mut bits, mut all) = (0u64, 0);
        for char in eight {
            let value = values[usize::from(*char)];
            bits = bits << 5 | u64::from(value & 31);
            all |= value;
        }
        if all == NONE {
            break;
        }
        out.extend_from_slice(&bits.to_be_bytes()[3..]);
        taken += 8;
    }
    taken
}

const fn values(chars: &[u8; 32]) -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut i = 0;
    while i < 32 {
        table[chars[i] as usize] = i as u8;
        table[chars[i].to_ascii_lowercase() as usize] = i as u8;
        i += 1;
    }
    table
}
