//! Lists of numbers, as far as it takes to see that one begins: three numbers within [`Automaton::LOOKAHEAD`](crate::Automaton::LOOKAHEAD) bytes.

/// What stands at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// A list begins.
    Begins,
    /// None does.
    No,
    /// The bytes are over before that shows.
    Open,
}

/// Characters of the longest number and of the longest word.
const NUMBER_MAX: usize = 10;
const WORD_MAX: usize = 6;

/// How many numbers make a list.
pub(crate) const NUMBERS: u32 = 3;

/// How many of those have two characters at least.
pub(crate) const LONG: u32 = 2;

/// Whether a number may begin at `at`: a digit with no letter, digit or `_` before it but for the one of `\\n`, `\\r` and `\\t`.
#[inline]
pub(crate) fn is_beginning(hay: &[u8], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).map(|at| hay[at]);
    hay[at].is_ascii_digit()
        && match before(1) {
            Some(b'n' | b'r' | b't') => before(2) == Some(b'\\'),
            Some(byte) => !is_part(byte),
            None => true,
        }
}

/// Whether `window`, which begins with a number, begins with a list of them. All of its numbers begin with a digit, or are pairs of hexadecimal
/// digits; three of the former are asked for, the first of them and one more with two characters at least: `[0, 0, 1]` and `12, 0, 1` stand for no text
/// and for no archive. Between two of them stand signs and blanks, and at most one word.
pub(crate) fn list(window: &[u8]) -> List {
    let (mut at, mut numbers, mut long, mut word) = (0, 0, 0, true);
    loop {
        let run = window[at..].iter().take_while(|b| is_part(**b)).count();
        let text = &window[at..at + run];
        let is_digit = text.first().is_some_and(u8::is_ascii_digit);
        if is_digit && text.get(1).is_some_and(u8::is_ascii_alphanumeric) {
            long += 1;
        }
        if is_digit && numbers + 1 == NUMBERS && long >= LONG {
            return List::Begins;
        }
        let is_over = at + run < window.len();
        if run > NUMBER_MAX || is_digit && is_over && (long == 0 || numbers + 1 == NUMBERS) {
            return List::No;
        }
        if !is_over {
            return List::Open;
        }
        if is_digit {
            (numbers, word) = (numbers + 1, false);
        } else if run % 2 == 0 && text.iter().all(u8::is_ascii_hexdigit) {
            word = false;
        } else if !word && run <= WORD_MAX && text.iter().all(u8::is_ascii_alphabetic) {
            word = true;
        } else {
            return List::No;
        }
        at += run;
        while let Some(byte) = window.get(at) {
            match byte {
                b'n' | b'r' | b't' if window[at - 1] == b'\\' => {}
                _ if is_part(*byte) => break,
                // An operator behind a call, not a point of a number.
                b'.' if matches!(window[at - 1], b')' | b' ') => {}
                b'.' | 0x80.. => return List::No,
                b' '.. | b'\t' | b'\n' | b'\r' => {}
                _ => return List::No,
            }
            at += 1;
        }
        if at == window.len() {
            return List::Open;
        }
    }
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_are_a_list() {
        for text in [
            "103,104,1",
            "0x67, 0x68, 0x7",
            "67:5f:70:6",
            "103) + chr(104) + chr(1",
            "28 b5 2f fd 04",
            "103,\\n104,\\n105",
            "00000000: 6768 7",
            "103).chr(104).chr(1",
            "103u8, 104u8, 1",
            "103,\"1\":104",
        ] {
            assert_eq!(list(text.as_bytes()), List::Begins, "{text}");
        }
        for text in ["1.5, 2.5, 3.5", "1 or more 2", "1 of the 3", "12345678901, ", "1, 20, 30", "10, 0, 1,"]
        {
            assert_eq!(list(text.as_bytes()), List::No, "{text}");
        }
        assert_eq!(list(b"103, 104, "), List::Open);
        assert_eq!(list(b"103, 4, 1"), List::Open);
        assert_eq!(list(b"31,139,8"), List::Begins);
    }
}
