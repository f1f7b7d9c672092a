//! Lists of character codes: `103, 104, 112`, `0x67,0x68`, `67:68:70`.
//!
//! | [`Form`] | a code | between codes | where |
//! |---|---|---|---|
//! | [`Numbers`](Form::Numbers) | decimal; octal after `0o`, or after `0` if every digit is octal; hexadecimal after `0x` | `,` | arrays of bytes in JSON and programs (`[103,104]`, `String.fromCharCode(103, 104)`, Go's `[]byte{0x67, 0x68}`), [`od -t u1`][od] |
//! | [`Pairs`](Form::Pairs) | two hexadecimal digits of either case | `:`, `-` or `,` | fingerprints and keys as `openssl` prints them, hex dumps, `.reg` files |
//!
//! Spaces, tabs and the ends of lines may stand around what is between codes, or alone. All codes of a list are separated in the same
//! way. A list begins at its first code, whatever brackets or names stand before it, and is over at what is neither a code nor between codes: the
//! closing bracket, a second comma, a code above 255, a number with a letter or `_` right behind it. A leading `0` is read
//! as [ECMAScript] reads it: `010` is 8, `089` is 89.
//!
//! `10 11 12` is a list in both forms; whoever does not know reads it as both. Codes behind backslashes are [`escape`](crate::escape)'s.
//!
//! # Examples
//!
//! ```
//! use exfilter_codec::charcodes::{Form, List, Parsed};
//!
//! let mut out = Vec::new();
//! let mut list = List::new(Form::Numbers);
//! let mut sink = |from, byte| out.push((from, byte));
//! // The last code may go on.
//! assert_eq!(list.parse(b"103, 0x68, 11", &mut sink), Parsed::Incomplete);
//! assert_eq!(list.parse(b"2);", &mut sink), Parsed::End { at: 14 });
//! assert_eq!(out, [(0..3, b'g'), (5..9, b'h'), (11..14, b'p')]);
//! ```
//!
//! [od]: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/od.html
//! [ECMAScript]: https://tc39.es/ecma262/#sec-additional-syntax-numeric-literals

use std::ops::Range;

/// The longest code, in characters: leading zeros count.
pub const MAX_LEN: usize = 8;

/// How codes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As numbers of programs.
    Numbers,
    /// As two hexadecimal digits each.
    Pairs,
}

/// What is known of a list after some of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The list may go on.
    Incomplete,
    /// The list is over.
    End {
        /// Where the last code ends, counted from the first byte ever given to this reader; 0 if there was none.
        at: u64,
    },
}

/// A reader of one list. It keeps at most one code.
#[derive(Clone, PartialEq, Eq)]
pub struct List {
    form: Form,
    /// The code that is being read.
    code: [u8; MAX_LEN],
    len: u8,
    /// What stands between codes, once a second one has come: blanks alone are a blank.
    between: Option<u8>,
    /// What has come since the last code, in the same way; nothing yet right behind it.
    gap: Option<u8>,
    /// Input bytes taken.
    at: u64,
    /// Where the last code ends.
    end: u64,
    over: bool,
}

impl List {
    /// A reader of a list that has not begun. Blanks may come first.
    #[must_use]
    pub const fn new(form: Form) -> Self {
        Self { form, code: [0; MAX_LEN], len: 0, between: None, gap: None, at: 0, end: 0, over: false }
    }

    /// Reads `text`. `sink` is given what every code stands for that is known to be complete now, and where it stands, counted from the first
    /// byte ever given to this reader. A code is complete when something that is no part of it follows.
    ///
    /// A list that is over stays over.
    pub fn parse(&mut self, text: &[u8], sink: &mut impl FnMut(Range<u64>, u8)) -> Parsed {
        for byte in text {
            if !self.over {
                self.over = !self.take(*byte, sink);
                self.at += 1;
            }
        }
        if self.over { Parsed::End { at: self.end } } else { Parsed::Incomplete }
    }

    /// Says that no text follows, which completes the last code; returns where it ends, as [`Parsed::End`] does.
    pub fn finish(&mut self, sink: &mut impl FnMut(Range<u64>, u8)) -> u64 {
        if !self.over {
            self.over = true;
            self.complete(sink);
        }
        self.end
    }

    /// Characters of a code that is not in the output yet, at most [`MAX_LEN`].
    #[must_use]
    pub const fn pending(&self) -> usize {
        if self.over { 0 } else { self.len as usize }
    }

    /// Whether the list goes on with `byte`.
    fn take(&mut self, byte: u8, sink: &mut impl FnMut(Range<u64>, u8)) -> bool {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            if self.len == 0 && self.end > 0 {
                // Blanks around a comma are of no account; without one they separate.
                if self.between.is_some_and(|between| Some(between) != self.gap) {
                    return false;
                }
                self.between = self.gap.take();
            }
            let goes_on = self.goes_on(byte);
            if goes_on {
                self.code[usize::from(self.len)] = byte;
                self.len += 1;
            }
            return goes_on;
        }
        if self.len > 0 && !self.complete(sink) {
            return false;
        }
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                self.gap = self.gap.or(Some(b' '));
                true
            }
            _ if self.end > 0 && self.separates(byte) && matches!(self.gap, None | Some(b' ')) => {
                self.gap = Some(byte);
                self.between.is_none_or(|between| between == byte)
            }
            _ => false,
        }
    }

    fn separates(&self, byte: u8) -> bool {
        match self.form {
            Form::Numbers => byte == b',',
            Form::Pairs => matches!(byte, b':' | b'-' | b','),
        }
    }

    /// Whether `byte` may be the next one of the code.
    fn goes_on(&self, byte: u8) -> bool {
        let code = &self.code[..usize::from(self.len)];
        match (self.form, code) {
            (Form::Pairs, _) => code.len() < 2 && byte.is_ascii_hexdigit(),
            (Form::Numbers, [b'0']) if matches!(byte, b'x' | b'X' | b'o' | b'O') => true,
            (Form::Numbers, [b'0', b'x' | b'X', ..]) => code.len() < MAX_LEN && byte.is_ascii_hexdigit(),
            (Form::Numbers, [b'0', b'o' | b'O', ..]) => code.len() < MAX_LEN && is_octal(&byte),
            (Form::Numbers, _) => code.len() < MAX_LEN && byte.is_ascii_digit(),
        }
    }

    /// Hands out the code that has been read, if it is one.
    fn complete(&mut self, sink: &mut impl FnMut(Range<u64>, u8)) -> bool {
        let code = &self.code[..usize::from(self.len)];
        let (digits, base) = match (self.form, code) {
            (Form::Pairs, [_, _]) => (code, 16),
            (Form::Pairs, _) => return false,
            (Form::Numbers, [b'0', b'x' | b'X', digits @ ..]) => (digits, 16),
            (Form::Numbers, [b'0', b'o' | b'O', digits @ ..]) => (digits, 8),
            (Form::Numbers, [b'0', ..]) if code.iter().all(is_octal) => (code, 8),
            (Form::Numbers, _) => (code, 10),
        };
        if digits.is_empty() {
            return false;
        }
        // Eight digits are less than 2^32.
        let value = digits.iter().filter_map(|digit| char::from(*digit).to_digit(base));
        let Ok(value) = u8::try_from(value.fold(0, |code, digit| code * base + digit)) else { return false };
        sink(self.at - u64::from(self.len)..self.at, value);
        (self.end, self.len, self.gap) = (self.at, 0, None);
        true
    }
}

/// Says how much is pending, not what.
impl std::fmt::Debug for List {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("List")
            .field("form", &self.form)
            .field("pending", &self.pending())
            .field("at", &self.at)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

fn is_octal(digit: &u8) -> bool {
    matches!(digit, b'0'..=b'7')
}
