//! Ascii85: Adobe's `<~ ~>`, the filter of PDF and PostScript, and the lines that `btoa` wrote.
//!
//! Five characters from `!` to `u` are a number to the base of 85 that makes four bytes, as in [`base85`](crate::base85). `z` is four zero
//! bytes and `y` (of `btoa` 4.2) four spaces, both only between groups. White space counts nowhere. `~` ends the text, with the `>` that
//! follows it; `<~` may begin it. Sources: PostScript Language Reference, third edition, section 3.13.3; [PDF 1.7], section 7.4.3.
//!
//! What stands between the lines `xbtoa Begin` and `xbtoa End` has neither mark and no short last group: what fills up the last one
//! comes out as bytes.
//!
//! # Examples
//!
//! ```
//! use exfilter_codec::Step;
//! use exfilter_codec::ascii85::Ascii85;
//!
//! let mut out = Vec::new();
//! let step = Ascii85::new().decode(b"<~z9jqo^F*2\nM7~> ", &mut |from, bytes| out.push((from, bytes.to_vec())));
//! assert_eq!(step, Step::Done { consumed: 16 });
//! assert_eq!(out, [(2..3, vec![0; 4]), (3..8, b"Man ".to_vec()), (8..14, b"sure".to_vec())]);
//! ```
//!
//! [PDF 1.7]: https://opensource.adobe.com/dc-acrobat-sdk-docs/pdfstandards/PDF32000_2008.pdf

use std::ops::Range;

use crate::base85::{Group, step};
use crate::{Fault, Step};

/// Whether `byte` is a character of Ascii85 (`!` to `u`, `y`, `z`). White space and the marks are not.
#[inline]
#[must_use]
pub const fn is_char(byte: u8) -> bool {
    matches!(byte, b'!'..=b'u' | b'y' | b'z')
}

/// A decoder of one text. It keeps at most one incomplete group.
#[derive(Clone, PartialEq, Eq)]
pub struct Ascii85 {
    state: State,
    group: Group,
    /// Where the first character of the group stands, and where the last one ends.
    start: u64,
    end: u64,
    /// Input bytes taken.
    at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first character.
    Begin,
    /// The first one was `<`: a character, or half of a mark.
    Less,
    Text,
    /// After `~`.
    Tilde,
    Over(Result<(), Fault>),
}

impl Ascii85 {
    /// A decoder of a text that has not begun; what it begins with may be the mark `<~` or not.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Begin, group: Group::new(), start: 0, end: 0, at: 0 }
    }

    /// Decodes `input`. `sink` is given the bytes of every group that is complete now and where it stands from its first character to its
    /// last, counted from the first byte ever given to this decoder.
    ///
    /// [`Step::Done`] after the closing mark, or before the first byte that is no part of the text; the last group has been handed out.
    /// [`Step::Bad`] with [`Fault::Corrupt`] after a group that makes too much, or a `z` or `y` inside one, with [`Fault::Truncated`] where
    /// a last group of one character ends. Whoever ended stays ended.
    pub fn decode(&mut self, input: &[u8], sink: &mut impl FnMut(Range<u64>, &[u8])) -> Step {
        if let State::Over(result) = self.state {
            return step(0, result);
        }
        for (taken, byte) in input.iter().enumerate() {
            let state = match (self.state, byte) {
                (State::Less, b'~') => {
                    self.group = Group::new();
                    State::Text
                }
                (State::Tilde, b'>') => State::Over(Ok(())),
                (State::Tilde, _) => {
                    self.state = State::Over(Ok(()));
                    return step(taken, Ok(()));
                }
                (state, b'!'..=b'u') => {
                    if self.group.len() == 0 {
                        self.start = self.at;
                    }
                    self.end = self.at + 1;
                    match self.group.push(byte - b'!') {
                        Ok(None) if state == State::Begin && *byte == b'<' => State::Less,
                        Ok(None) => State::Text,
                        Ok(Some(bytes)) => {
                            sink(self.start..self.end, &bytes);
                            State::Text
                        }
                        Err(fault) => State::Over(Err(fault)),
                    }
                }
                (_, b'z' | b'y') if self.group.len() == 0 => {
                    sink(self.at..self.at + 1, if *byte == b'z' { &[0; 4] } else { b"    " });
                    State::Text
                }
                (_, b'z' | b'y') => {
                    self.group = Group::new();
                    State::Over(Err(Fault::Corrupt))
                }
                (State::Begin, 0 | b'\t'..=b'\r' | b' ') => State::Begin,
                (_, 0 | b'\t'..=b'\r' | b' ') => State::Text,
                (_, b'~') => self.flush(sink).map_or_else(|fault| State::Over(Err(fault)), |()| State::Tilde),
                _ => return step(taken, self.finish(sink)),
            };
            self.at += 1;
            self.state = state;
            if let State::Over(result) = state {
                return step(taken + 1, result);
            }
        }
        Step::More
    }

    /// Says that no input follows, and hands out the bytes of an incomplete group.
    ///
    /// # Errors
    ///
    /// The fault that [`Ascii85::decode`] reported or would report now.
    pub fn finish(&mut self, sink: &mut impl FnMut(Range<u64>, &[u8])) -> Result<(), Fault> {
        if let State::Over(result) = self.state {
            return result;
        }
        let result = self.flush(sink);
        self.state = State::Over(result);
        result
    }

    /// Input bytes from the first character of an incomplete group on: what was taken and is not in the output yet.
    #[must_use]
    pub const fn pending(&self) -> u64 {
        if self.group.len() == 0 { 0 } else { self.at - self.start }
    }

    fn flush(&mut self, sink: &mut impl FnMut(Range<u64>, &[u8])) -> Result<(), Fault> {
        let (bytes, len) = self.group.finish()?;
        if len > 0 {
            sink(self.start..self.end, &bytes[..len]);
        }
        Ok(())
    }
}

impl Default for Ascii85 {
    fn default() -> Self {
        Self::new()
    }
}

/// Says how much is pending, not what.
impl std::fmt::Debug for Ascii85 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ascii85")
            .field("state", &self.state)
            .field("pending", &self.pending())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
