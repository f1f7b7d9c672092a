//! Base85 with the alphabets of RFC 1924 and Z85, and the lines of git's binary patches.
//!
//! Five characters are a number to the base of 85 that makes four bytes. A group that makes more than 32 bits is a fault. The last group
//! may be shorter: two to four characters make one byte less than they are, as if characters of the highest value followed. Groups are
//! counted from the first character, so a token is decoded from its beginning. Adobe's form is [`ascii85`](crate::ascii85).
//!
//! # Mapping
//!
//! The bytes `4q..4q + 4` are made of the characters `5q..5q + 5`, each of all of them.
//!
//! # Examples
//!
//! ```
//! use exfilter_codec::Step;
//! use exfilter_codec::base85::{Alphabet, Base85};
//!
//! let mut out = Vec::new();
//! let mut token = Base85::new(Alphabet::Z85);
//! assert_eq!(token.decode(b"HelloWo", &mut out), Step::More);
//! assert_eq!(token.decode(b"rld,", &mut out), Step::Done { consumed: 3 });
//! assert_eq!(out, b"\x86\x4f\xd2\x6f\xb5\x59\xf7\x5b");
//! ```

use std::ops::Range;

use crate::{Fault, Step};

/// Which characters stand for the values 0 to 84.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// That of [RFC 1924](https://www.rfc-editor.org/rfc/rfc1924#section-4.2), which git and Python's `base64.b85encode` use for groups
    /// of five: digits, letters and ``!#$%&()*+-;<=>?@^_`{|}~``.
    Rfc1924,
    /// That of [ZeroMQ RFC 32](https://rfc.zeromq.org/spec/32/): digits, letters and `.-:+=^!/*?&<>()[]{}@%$#`.
    Z85,
    /// The characters of [`ascii85`](crate::ascii85), `!` to `u`, without its abbreviations, marks and white space.
    Ascii,
}

/// Marks what is no character of an alphabet.
const NONE: u8 = 0xff;

/// The value of every character of each alphabet; [`NONE`] for all others.
const VALUES: [[u8; 256]; 3] = [
    values(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"),
    values(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"),
    values(b"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstu"),
];

impl Alphabet {
    /// Whether `byte` is one of its characters.
    #[inline]
    #[must_use]
    pub const fn contains(self, byte: u8) -> bool {
        self.values()[byte as usize] != NONE
    }

    /// What a character stands for, 0 to 84, if it is one.
    #[inline]
    #[must_use]
    pub const fn value(self, byte: u8) -> Option<u8> {
        match self.values()[byte as usize] {
            NONE => None,
            value => Some(value),
        }
    }

    /// What five characters stand for as one number of 32 bits, the first byte highest; `None` if one is none of the alphabet's, or they are too many for it.
    #[inline]
    #[must_use]
    pub fn group(self, chars: [u8; 5]) -> Option<u32> {
        let values = chars.map(|byte| self.values()[usize::from(byte)]);
        let number = values.iter().fold(0, |number, value| number * 85 + u64::from(*value));
        let most = values.into_iter().fold(0, u8::max);
        if most == NONE { None } else { u32::try_from(number).ok() }
    }

    const fn values(self) -> &'static [u8; 256] {
        match self {
            Alphabet::Rfc1924 => &VALUES[0],
            Alphabet::Z85 => &VALUES[1],
            Alphabet::Ascii => &VALUES[2],
        }
    }
}

/// A decoder of one token. It keeps at most one incomplete group.
#[derive(Clone, PartialEq, Eq)]
pub struct Base85 {
    alphabet: Alphabet,
    group: Group,
    ended: Option<Result<(), Fault>>,
}

impl Base85 {
    /// A decoder of a token that has not begun.
    #[must_use]
    pub const fn new(alphabet: Alphabet) -> Self {
        Self { alphabet, group: Group::new(), ended: None }
    }

    /// Decodes the characters with which `chars` begins, appending the bytes of every group that is complete now.
    ///
    /// [`Step::More`] if all were characters. [`Step::Done`] before the first byte that is none; the last group has been handed out.
    /// [`Step::Bad`] with [`Fault::Corrupt`] after a group that makes too much, with [`Fault::Truncated`] where a last group of one
    /// character ends. Whoever ended stays ended.
    pub fn decode(&mut self, chars: &[u8], out: &mut Vec<u8>) -> Step {
        if let Some(result) = self.ended {
            return step(0, result);
        }
        let values = self.alphabet.values();
        for (at, char) in chars.iter().enumerate() {
            match values[usize::from(*char)] {
                NONE => return step(at, self.finish(out)),
                value => match self.group.push(value) {
                    Ok(None) => {}
                    Ok(Some(bytes)) => out.extend_from_slice(&bytes),
                    Err(fault) => {
                        self.ended = Some(Err(fault));
                        return step(at + 1, Err(fault));
                    }
                },
            }
        }
        Step::More
    }

    /// Says that no character follows, and appends the bytes of an incomplete group.
    ///
    /// # Errors
    ///
    /// The fault that [`Base85::decode`] reported or would report now.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        if let Some(result) = self.ended {
            return result;
        }
        let result = self.group.finish().map(|(bytes, len)| out.extend_from_slice(&bytes[..len]));
        self.ended = Some(result);
        result
    }

    /// Characters decoded but not in the output yet, 0..=4.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.group.len()
    }
}

/// Says how much is pending, not what.
impl std::fmt::Debug for Base85 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Base85")
            .field("alphabet", &self.alphabet)
            .field("pending", &self.pending())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// A decoder of the lines that follow `literal N` or `delta N` in a [git binary patch]: each begins with a letter that says how many
/// bytes it makes (`A-Z` 1 to 26, `a-z` 27 to 52), then come whole groups in the alphabet of RFC 1924, the last one filled up. An empty line
/// ends them. What they make is a zlib stream.
///
/// ```
/// use exfilter_codec::Step;
/// use exfilter_codec::base85::GitLines;
///
/// let mut out = Vec::new();
/// let lines = b"CVPazd\n\nliteral 0\n";
/// let step = GitLines::new().decode(lines, &mut |from, bytes| out.push((from, bytes.to_vec())));
/// assert_eq!((step, out), (Step::Done { consumed: 8 }, vec![(1..6, b"abc".to_vec())]));
/// ```
///
/// [git binary patch]: https://github.com/git/git/blob/v2.47.0/apply.c
#[derive(Clone, PartialEq, Eq)]
pub struct GitLines {
    state: Line,
    group: Group,
    /// Input bytes taken.
    at: u64,
}

/// What of a line comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Length,
    /// Groups that make as many bytes.
    Groups(u8),
    End,
    /// The second half of a line's end; whether the line is empty.
    Newline(bool),
    Over(Result<(), Fault>),
}

impl GitLines {
    /// A decoder at the beginning of a line.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: Line::Length, group: Group::new(), at: 0 }
    }

    /// Decodes `input`. `sink` is given the bytes of every group that is complete now and where its characters stand, counted from
    /// the first byte ever given to this decoder.
    ///
    /// [`Step::Done`] after an empty line; [`Step::Bad`] with [`Fault::Corrupt`] after a byte that does not belong there, or a group that
    /// makes too much. Whoever ended stays ended.
    pub fn decode(&mut self, input: &[u8], sink: &mut impl FnMut(Range<u64>, &[u8])) -> Step {
        let values = Alphabet::Rfc1924.values();
        for (taken, byte) in input.iter().enumerate() {
            if let Line::Over(result) = self.state {
                return step(taken, result);
            }
            self.at += 1;
            self.state = match (self.state, byte) {
                (Line::Length, b'A'..=b'Z') => Line::Groups(byte - b'A' + 1),
                (Line::Length, b'a'..=b'z') => Line::Groups(byte - b'a' + 27),
                (Line::Length, b'\r') => Line::Newline(true),
                (Line::Length, b'\n') | (Line::Newline(true), b'\n') => Line::Over(Ok(())),
                (Line::End, b'\n') | (Line::Newline(false), b'\n') => Line::Length,
                (Line::End, b'\r') => Line::Newline(false),
                (Line::Groups(left), _) => match values[usize::from(*byte)] {
                    NONE => Line::Over(Err(Fault::Corrupt)),
                    value => match self.group.push(value) {
                        Ok(None) => Line::Groups(left),
                        Ok(Some(bytes)) => {
                            let made = left.min(4);
                            sink(self.at - 5..self.at, &bytes[..usize::from(made)]);
                            if made == left { Line::End } else { Line::Groups(left - made) }
                        }
                        Err(fault) => Line::Over(Err(fault)),
                    },
                },
                _ => Line::Over(Err(Fault::Corrupt)),
            };
        }
        match self.state {
            Line::Over(result) => step(input.len(), result),
            _ => Step::More,
        }
    }

    /// Says that no input follows; an empty line may be missing.
    ///
    /// # Errors
    ///
    /// The fault that [`GitLines::decode`] reported, or [`Fault::Truncated`] inside a line's groups.
    pub fn finish(&mut self) -> Result<(), Fault> {
        let result = match self.state {
            Line::Over(result) => result,
            Line::Groups(_) => Err(Fault::Truncated),
            _ => Ok(()),
        };
        self.state = Line::Over(result);
        result
    }

    /// Characters decoded but not in the output yet, 0..=4.
    #[must_use]
    pub const fn pending(&self) -> usize {
        if matches!(self.state, Line::Over(_)) { 0 } else { self.group.len() }
    }
}

impl Default for GitLines {
    fn default() -> Self {
        Self::new()
    }
}

/// Says how much is pending, not what.
impl std::fmt::Debug for GitLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitLines")
            .field("state", &self.state)
            .field("pending", &self.pending())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// A group of five digits that is not complete.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    value: u32,
    len: u8,
}

impl Group {
    pub(crate) const fn new() -> Self {
        Self { value: 0, len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }

    /// Takes a digit, 0..=84; the bytes if it is the fifth.
    pub(crate) fn push(&mut self, digit: u8) -> Result<Option<[u8; 4]>, Fault> {
        let value = u64::from(self.value) * 85 + u64::from(digit);
        if self.len < 4 {
            // Four digits are less than 2^26.
            (self.value, self.len) = (value as u32, self.len + 1);
            return Ok(None);
        }
        *self = Self::new();
        u32::try_from(value).map(|value| Some(value.to_be_bytes())).map_err(|_| Fault::Corrupt)
    }

    /// The bytes of an incomplete group, and how many of them count; forgets it.
    pub(crate) fn finish(&mut self) -> Result<([u8; 4], usize), Fault> {
        let len = self.len();
        if len < 2 {
            *self = Self::new();
            return if len == 0 { Ok(([0; 4], 0)) } else { Err(Fault::Truncated) };
        }
        loop {
            if let Some(bytes) = self.push(84)? {
                return Ok((bytes, len - 1));
            }
        }
    }
}

/// What a call that ended after `consumed` bytes returns.
pub(crate) fn step(consumed: usize, result: Result<(), Fault>) -> Step {
    match result {
        Ok(()) => Step::Done { consumed },
        Err(fault) => Step::Bad { consumed, fault },
    }
}

const fn values(chars: &[u8; 85]) -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut i = 0;
    while i < 85 {
        table[chars[i] as usize] = i as u8;
        i += 1;
    }
    table
}
