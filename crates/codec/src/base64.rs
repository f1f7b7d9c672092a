//! Base64 and base64url, decoded at a chosen alignment.
//!
//! [RFC 4648] packs three bytes into a quad of four characters. Whoever finds a run of base64 characters in the middle of
//! something does not know where the quads begin, so the run is decoded at all four alignments, one [`Phase`] each:
//!
//! ```text
//! characters   c0       c1       c2       c3
//! bits         aaaaaa   aabbbb   bbbbcc   cccccc
//! bytes        \__ byte 0 __/\__ byte 1 __/\_ 2 _/
//! ```
//!
//! # Mapping
//!
//! Counting characters after the skipped ones, and output bytes of one phase from 0, byte `i` is made of the characters
//! `8 * i / 6 .. (8 * (i + 1)).div_ceil(6)`: bytes `3q`, `3q + 1`, `3q + 2` of the characters `4q..4q + 2`,
//! `4q + 1..4q + 3`, `4q + 2..4q + 4`.
//!
//! # Examples
//!
//! ```
//! use exfilter_codec::base64::Phase;
//!
//! let mut out = Vec::new();
//! let mut phase = Phase::new(1); // the first character belongs to something else
//! phase.decode(b"nQUJD", &mut out);
//! assert_eq!(out, b"ABC");
//! ```
//!
//! [RFC 4648]: https://www.rfc-editor.org/rfc/rfc4648#section-4

/// The value of every character of both alphabets; [`NONE`] for all others.
const VALUES: [u8; 256] = values();

/// Marks what is no character of either alphabet. Its low six bits are not looked at: it decodes as value 63.
const NONE: u8 = 0xff;

/// [`VALUES`] shifted to the place of each character of a quad, so that a quad is three ORs.
const SHIFTED: [[u32; 256]; 4] = [shifted(18), shifted(12), shifted(6), shifted(0)];

/// Whether `byte` is a character of base64 or base64url (`A-Z a-z 0-9 + / - _`). Padding is not.
#[inline]
#[must_use]
pub const fn is_char(byte: u8) -> bool {
    VALUES[byte as usize] != NONE
}

/// The value of a character of base64 or base64url, 0..=63; none of other bytes.
#[inline]
#[must_use]
pub const fn value(byte: u8) -> Option<u8> {
    match VALUES[byte as usize] {
        NONE => None,
        value => Some(value),
    }
}

/// A decoder at one alignment.
///
/// It decodes both alphabets at once, mixed or not, knows no padding and keeps at most one incomplete quad.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Phase {
    /// Characters still to be skipped.
    skip: u8,
    /// Characters in `acc`, 0..=3.
    len: u8,
    /// The values of the incomplete quad, six bits each, the newest lowest.
    acc: u32,
}

impl Phase {
    /// A decoder that skips the first `skip` (0..=3) characters.
    #[must_use]
    pub const fn new(skip: u8) -> Self {
        Self { skip, len: 0, acc: 0 }
    }

    /// Decodes `chars`, appending the bytes of every quad that is complete now.
    ///
    /// All of `chars` should be characters for which [`is_char`] holds; others count as characters of an unspecified value.
    pub fn decode(&mut self, chars: &[u8], out: &mut Vec<u8>) {
        let skipped = chars.len().min(usize::from(self.skip));
        self.skip -= skipped as u8;
        let mut chars = &chars[skipped..];
        while self.len != 0 {
            let Some((&char, rest)) = chars.split_first() else { return };
            chars = rest;
            self.push(char, out);
        }
        let (bulk, rest) = chars.split_at(chars.len() & !3);
        decode_quads(bulk, out);
        for &char in rest {
            self.push(char, out);
        }
    }

    /// Appends the whole bytes of an incomplete quad (two characters hold one byte, three hold two, one holds none) and
    /// forgets it.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match self.len {
            2 => out.push((self.acc >> 4) as u8),
            3 => out.extend_from_slice(&[(self.acc >> 10) as u8, (self.acc >> 2) as u8]),
            _ => {}
        }
        (self.len, self.acc) = (0, 0);
    }

    /// Characters decoded but not in the output yet, 0..=3. Skipped ones do not count.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.len as usize
    }

    fn push(&mut self, char: u8, out: &mut Vec<u8>) {
        self.acc = self.acc << 6 | u32::from(VALUES[usize::from(char)] & 63);
        self.len += 1;
        if self.len == 4 {
            out.extend_from_slice(&self.acc.to_be_bytes()[1..]);
            (self.len, self.acc) = (0, 0);
        }
    }
}

/// Says how much is pending, not what.
impl std::fmt::Debug for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Phase").field("skip", &self.skip).field("pending", &self.len).finish_non_exhaustive()
    }
}

/// Decodes whole quads; a remainder is ignored.
fn decode_quads(chars: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + chars.len() / 4 * 3, 0);
    let made = &mut out[start..];
    // Eight characters a step. The steps are independent of each other, which is what keeps a superscalar core busy.
    let (pairs, quad) = chars.split_at(chars.len() & !7);
    let (made, last) = made.split_at_mut(pairs.len() / 4 * 3);
    for (six, eight) in made.chunks_exact_mut(6).zip(pairs.chunks_exact(8)) {
        let bits = u64::from(quad_bits(&eight[..4])) << 24 | u64::from(quad_bits(&eight[4..]));
        six.copy_from_slice(&bits.to_be_bytes()[2..]);
    }
    for (three, four) in last.chunks_exact_mut(3).zip(quad.chunks_exact(4)) {
        three.copy_from_slice(&quad_bits(four).to_be_bytes()[1..]);
    }
}

#[inline(always)]
fn quad_bits(four: &[u8]) -> u32 {
    SHIFTED[0][usize::from(four[0])]
        | SHIFTED[1][usize::from(four[1])]
        | SHIFTED[2][usize::from(four[2])]
        | SHIFTED[3][usize::from(four[3])]
}

const fn values() -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut i = 0;
    while i < 26 {
        table[b'A' as usize + i] = i as u8;
        table[b'a' as usize + i] = 26 + i as u8;
        i += 1;
    }
    let mut i = 0;
    while i < 10 {
        table[b'0' as usize + i] = 52 + i as u8;
        i += 1;
    }
    table[b'+' as usize] = 62;
    table[b'-' as usize] = 62;
    table[b'/' as usize] = 63;
    table[b'_' as usize] = 63;
    table
}

const fn shifted(by: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = ((VALUES[i] & 63) as u32) << by;
        i += 1;
    }
    table
}
