//! Lists of character codes: `103, 104, 112`, `0x67,0x68`, `67:68:70`, `chr(103)+chr(104)`.
//!
//! | [`Form`] | a code | where |
//! |---|---|---|
//! | [`Decimal`](Form::Decimal) | `103`, at most 255 | arrays of bytes in JSON and programs, `String.fromCharCode(103, 104)`, `[char]103+[char]104`, [`od -t u1`][od] |
//! | [`Hexadecimal`](Form::Hexadecimal) | `67`, `0x67`, and groups of two to four bytes (`6768`) | fingerprints, arrays in C, hex dumps (`xxd`, `hexdump -C`) |
//! | [`Octal`](Form::Octal) | `147`, `0o147` | `od -b` |
//! | [`Binary`](Form::Binary) | `01100111`, `0b01100111` | |
//! | [`Css`](Form::Css) | one to six hexadecimal digits behind a backslash | [escapes of CSS][css] |
//! | [`Words`](Form::Words) | two or four bytes as one number, the lowest byte first: four or eight hexadecimal digits, or six octal ones | `hexdump`, `od`, `od -x`, `xxd -e` |
//!
//! A list is a [`code`], a [`gap`], a code, and so on; which of the forms it is in shows as it goes: it is in those in which all codes can be.
//! Between two codes a key may stand (`"1":`), as objects have them that are made of arrays of bytes, and the end of a line of a hex dump: its characters, and the offset of the next one.
//!
//! `10 11 12` is a list in two forms; whoever does not know reads it as both. What [`escape`](crate::escape) undoes (`\147`, `%67`, `=67`, `&#103;`) is no list.
//!
//! Both functions look at a bounded number of bytes and answer [`Parsed::Open`] as long as more bytes could change the answer.
//!
//! # Examples
//!
//! ```
//! use exfilter_codec::charcodes::{Form, Parsed, code, gap, values};
//!
//! let text = b"103, 0x68]";
//! let Parsed::Found(first) = code(text, false, true) else { panic!("a number") };
//! assert_eq!((first.len, first.forms.contains(Form::Decimal)), (3, true));
//! let Parsed::Found(between) = gap(&text[3..], true) else { panic!("a comma") };
//! assert_eq!(between.len, 2);
//! assert_eq!(values(b"0x68", Form::Hexadecimal).collect::<Vec<u8>>(), b"h");
//! assert_eq!(gap(b"]", true), Parsed::Nothing);
//! // The number may go on.
//! assert_eq!(code(b"10", false, false), Parsed::Open);
//! ```
//!
//! [od]: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/od.html
//! [css]: https://www.w3.org/TR/css-syntax-3/#consume-escaped-code-point

mod lines;

use self::lines::dump_line;

/// The longest code, in characters.
pub const CODE_MAX: usize = 10;

/// The longest gap, in bytes: blanks, a sign, a word. [`DUMP_MAX`] of the lines of a hex dump.
pub const GAP_MAX: usize = 32;

/// The most that may stand between the last code of a line of a hex dump and the first one of the next, in bytes.
pub const DUMP_MAX: usize = 96;

/// Letters of the word that a gap may hold (`chr`, `char`, `byte`).
const WORD_MAX: usize = 6;

/// How codes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One to three decimal digits.
    Decimal,
    /// Pairs of hexadecimal digits, one to four; or one or more digits behind `0x`.
    Hexadecimal,
    /// Three octal digits.
    Octal,
    /// Eight binary digits.
    Binary,
    /// Hexadecimal digits behind a backslash.
    Css,
    /// Four or eight hexadecimal digits, or six octal ones, for two or four bytes of which the lowest comes first.
    Words,
}

impl Form {
    /// All of them.
    pub const ALL: [Form; 6] =
        [Form::Decimal, Form::Hexadecimal, Form::Octal, Form::Binary, Form::Css, Form::Words];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Some forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forms(u8);

impl Forms {
    /// Whether a form is one of them.
    #[must_use]
    pub const fn contains(self, form: Form) -> bool {
        self.0 & form.bit() != 0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What stands at the beginning of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed<T> {
    /// More bytes decide.
    Open,
    /// Nothing of the kind.
    Nothing,
    /// This.
    Found(T),
}

/// A code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Its characters.
    pub len: usize,
    /// The forms that it may be in; one at least.
    pub forms: Forms,
}

/// What stands between two codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Its bytes.
    pub len: usize,
    /// The code behind it.
    pub next: Code,
}

/// The code at the beginning of `text`; `escaped` says whether a backslash stands before it, `eof` that nothing follows.
#[must_use]
pub fn code(text: &[u8], escaped: bool, eof: bool) -> Parsed<Code> {
    let run = text.iter().take(CODE_MAX + 1).take_while(|b| is_part(**b)).count();
    let len = run - suffix(&text[..run]);
    if run == 0 && !text.is_empty() || run > CODE_MAX {
        return Parsed::Nothing;
    }
    if run == text.len() && !eof {
        return Parsed::Open;
    }
    let forms = forms(&text[..len], escaped);
    if forms.is_empty() { Parsed::Nothing } else { Parsed::Found(Code { len, forms }) }
}

/// What stands before the next code, at the beginning of `text`, and that code; `eof` says that nothing follows.
#[must_use]
pub fn gap(text: &[u8], eof: bool) -> Parsed<Gap> {
    match dump_line(text, eof) {
        Parsed::Nothing => {}
        open_or_found => return open_or_found,
    }
    let (mut at, mut word, mut keyed) = (behind_code(text), false, false);
    loop {
        if at > GAP_MAX {
            return Parsed::Nothing;
        }
        let Some(&byte) = text.get(at) else { return if eof { Parsed::Nothing } else { Parsed::Open } };
        if byte == b'%'
            && let Some(digits) = text.get(at + 1..at + 3)
            && is_percent_sign(digits)
        {
            at += 3;
            continue;
        }
        if byte == b'%' && at + 3 > text.len() && !eof {
            return Parsed::Open;
        }
        if !is_part(byte) {
            if byte >= 0x80 || byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r') {
                return Parsed::Nothing;
            }
            // An operator behind a call, not a point of a number.
            if byte == b'.' && !(at > 0 && matches!(text[at - 1], b')' | b' ')) {
                return Parsed::Nothing;
            }
            at += 1;
            continue;
        }
        if at == 0 {
            return Parsed::Nothing;
        }
        let is_break = matches!(byte, b'n' | b'r' | b't') && text[at - 1] == b'\\';
        if is_break {
            // A line break or tab in a string.
            at += 1;
            continue;
        }
        let run = text[at..].iter().take(CODE_MAX + 1).take_while(|b| is_part(**b)).count();
        if run <= CODE_MAX && at + run == text.len() && !eof {
            return Parsed::Open;
        }
        if !keyed {
            match key(text, at, run, eof) {
                Parsed::Open => return Parsed::Open,
                Parsed::Nothing => {}
                Parsed::Found(end) => {
                    (at, keyed) = (end, true);
                    continue;
                }
            }
        }
        let escaped = text[at - 1] == b'\\';
        let (run, whole) = (run - suffix(&text[at..at + run]), run);
        let forms = if run <= CODE_MAX { forms(&text[at..at + run], escaped) } else { Forms(0) };
        if !forms.is_empty() {
            return match text[at - 1] {
                b'%' | b'=' | b'#' => Parsed::Nothing,
                // Only one blank may end the code before it.
                b'\\' if at > 1 && !(at == 2 && matches!(text[0], b' ' | b'\t' | b'\n')) => Parsed::Nothing,
                _ => Parsed::Found(Gap { len: at, next: Code { len: run, forms } }),
            };
        }
        let is_word = whole <= WORD_MAX && text[at..at + whole].iter().all(u8::is_ascii_alphabetic);
        if word || !is_word {
            return Parsed::Nothing;
        }
        word = true;
        at += whole;
    }
}

/// The bytes that `code` stands for in `form`, one to four; none if it is no code in it.
pub fn values(code: &[u8], form: Form) -> impl Iterator<Item = u8> + use<> {
    let (value, bytes) = value(code, form).unwrap_or((0, 0));
    value.to_be_bytes().into_iter().skip(4 - bytes)
}

/// The length of the letters behind a decimal number that say of which type it is (`103U`, `103u8`).
fn suffix(run: &[u8]) -> usize {
    let digits = run.iter().take_while(|b| b.is_ascii_digit()).count();
    match &run[digits..] {
        suffix @ (b"u" | b"U" | b"u8" | b"U8") if digits > 0 => suffix.len(),
        _ => 0,
    }
}

/// The length of what [`suffix`] has left behind a code.
fn behind_code(text: &[u8]) -> usize {
    let run = text.iter().take(3).take_while(|b| is_part(**b)).count();
    // A digit stood before it.
    match &text[..run] {
        suffix @ (b"u" | b"U" | b"u8" | b"U8") => suffix.len(),
        _ => 0,
    }
}

/// Where the key ends whose digits stand at `text[at..at + run]`: in quotes, with a colon behind them.
fn key(text: &[u8], at: usize, run: usize, eof: bool) -> Parsed<usize> {
    let quote = text[at - 1];
    if !matches!(quote, b'"' | b'\'') || run > CODE_MAX || !text[at..at + run].iter().all(u8::is_ascii_digit)
    {
        return Parsed::Nothing;
    }
    let behind = &text[at + run..];
    let backslashes = behind.iter().take(BACKSLASHES).take_while(|b| **b == b'\\').count();
    match (behind.get(backslashes), behind.get(backslashes + 1)) {
        (Some(end), Some(b':')) if *end == quote => Parsed::Found(at + run + backslashes + 2),
        (Some(end), None) if *end == quote && !eof => Parsed::Open,
        (None, _) if !eof => Parsed::Open,
        _ => Parsed::Nothing,
    }
}

/// The most backslashes before a quote or a line break: strings in strings in strings.
const BACKSLASHES: usize = 3;

/// Letters, digits and `_`, which belong to the same word as a digit beside them.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether two digits behind `%` stand for a sign or a blank: lists stand in URLs too.
fn is_percent_sign(digits: &[u8]) -> bool {
    let digits = str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
    digits.is_some_and(|sign| {
        matches!(sign, b'\t' | b'\n' | b'\r' | b' '..=b'~') && !is_part(sign) && sign != b'.'
    })
}

fn forms(code: &[u8], escaped: bool) -> Forms {
    if escaped || matches!(code, [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..]) {
        return forms_by_value(code, escaped);
    }
    // Most are none or decimal, which the highest digit and the length tell without a value in each form.
    let highest = code.iter().fold(0, |highest, digit| highest.max(DIGITS[usize::from(*digit)]));
    let bit = |form: Form, fits: bool| if fits { form.bit() } else { 0 };
    Forms(match code.len() {
        1..=3 => {
            let decimal = highest < 10 && value(code, Form::Decimal).is_some();
            let octal = highest < 8 && code.len() == 3 && code[0] < b'4';
            let hexadecimal = highest < 16 && code.len() == 2;
            bit(Form::Decimal, decimal) | bit(Form::Octal, octal) | bit(Form::Hexadecimal, hexadecimal)
        }
        len @ (4 | 6 | 8) => {
            let words = if len == 6 { highest < 8 && code[0] < b'2' } else { highest < 16 };
            bit(Form::Hexadecimal, highest < 16)
                | bit(Form::Binary, highest < 2 && len == 8)
                | bit(Form::Words, words)
        }
        _ => 0,
    })
}

/// The forms in which a code has a value.
fn forms_by_value(code: &[u8], escaped: bool) -> Forms {
    let fits = |form: &Form| (*form == Form::Css) == escaped && value(code, *form).is_some();
    Forms(Form::ALL.iter().filter(|form| fits(form)).fold(0, |bits, form| bits | form.bit()))
}

/// The value of every digit, up to hexadecimal ones; more for what is none.
const DIGITS: [u8; 256] = {
    let mut digits = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value];
        digits[digit as usize] = value as u8;
        digits[digit.to_ascii_uppercase() as usize] = value as u8;
        value += 1;
    }
    digits
};

/// What a code stands for in a form, and in how many bytes.
fn value(code: &[u8], form: Form) -> Option<(u32, usize)> {
    let (digits, base, lens, bytes) = match (form, code) {
        (Form::Decimal, _) => (code, 10, 1..=3, 1),
        (Form::Hexadecimal, [b'0', b'x' | b'X', digits @ ..]) => {
            (digits, 16, 1..=8, digits.len().div_ceil(2))
        }
        (Form::Hexadecimal, _) if code.len().is_multiple_of(2) => (code, 16, 2..=8, code.len() / 2),
        (Form::Hexadecimal, _) => return None,
        (Form::Octal, [b'0', b'o' | b'O', digits @ ..]) => (digits, 8, 1..=3, 1),
        (Form::Octal, _) => (code, 8, 3..=3, 1),
        (Form::Binary, [b'0', b'b' | b'B', digits @ ..]) => (digits, 2, 1..=8, 1),
        (Form::Binary, _) => (code, 2, 8..=8, 1),
        (Form::Css, _) => (code, 16, 1..=6, 1),
        (Form::Words, [b'0', b'x' | b'X', digits @ ..]) if digits.len().is_multiple_of(4) => {
            (digits, 16, 4..=8, digits.len() / 2)
        }
        (Form::Words, _) if code.len() == 6 => (code, 8, 6..=6, 2),
        (Form::Words, _) if code.len().is_multiple_of(4) => (code, 16, 4..=8, code.len() / 2),
        (Form::Words, _) => return None,
    };
    if !lens.contains(&digits.len()) {
        return None;
    }
    let mut value = 0u32;
    for digit in digits {
        // Eight digits are less than 2^32.
        value = value * base + char::from(*digit).to_digit(base)?;
    }
    let fits = bytes == 4 || value < 1 << (8 * bytes);
    let value = if form == Form::Words { value.swap_bytes() >> (32 - 8 * bytes) } else { value };
    fits.then_some((value, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_a_value_in_the_forms_that_it_is_in() {
        let digits = b"0123789afAFxXobBZ_";
        let mut codes = vec![Vec::new()];
        for len in 0..5 {
            let longer: Vec<Vec<u8>> = codes
                .iter()
                .filter(|code| code.len() == len)
                .flat_map(|code| digits.map(|d| [&code[..], &[d]].concat()))
                .collect();
            codes.extend(longer);
        }
        let tail: Vec<Vec<u8>> =
            codes.iter().filter(|code| code.len() == 3).map(|code| [b"10110", &code[..]].concat()).collect();
        for code in codes.into_iter().chain(tail) {
            for escaped in [false, true] {
                assert_eq!(forms(&code, escaped), forms_by_value(&code, escaped), "{}", code.escape_ascii());
            }
        }
    }

    /// What a list stands for in each form that it is in to its end, and where that is.
    fn read(text: &[u8], escaped: bool) -> (Vec<(Form, Vec<u8>)>, usize) {
        let mut lists: Vec<(Form, Vec<u8>)> = Form::ALL.iter().map(|form| (*form, Vec::new())).collect();
        let (mut at, mut end, mut escaped) = (0, 0, escaped);
        while let Parsed::Found(code) = code(&text[at..], escaped, true) {
            if !lists.iter().any(|(form, _)| code.forms.contains(*form)) {
                break;
            }
            lists.retain(|(form, _)| code.forms.contains(*form));
            for (form, list) in &mut lists {
                list.extend(values(&text[at..at + code.len], *form));
            }
            end = at + code.len;
            let Parsed::Found(gap) = gap(&text[end..], true) else { break };
            at = end + gap.len;
            escaped = text[at - 1] == b'\\';
        }
        (lists, end)
    }

    #[test]
    fn lists_are_read_as_programs_and_tools_write_them() {
        for (text, form) in [
            ("103,104,112,95", Form::Decimal),
            ("103, 104, 112, 95]", Form::Decimal),
            ("103) + chr(104) + chr(112) + chr(95)", Form::Decimal),
            ("103+[char]104+[char]112+[char]95", Form::Decimal),
            ("103, (byte) 104, (byte) 112, (byte) 95}", Form::Decimal),
            ("103,\\n    104,\\n    112,\\n    95", Form::Decimal),
            ("103%2C%20104%2C%20112%2c%2095", Form::Decimal),
            ("67:68:70:5F", Form::Hexadecimal),
            ("0x67, 0x68, 0x70, 0x5f", Form::Hexadecimal),
            ("6768 705f\n", Form::Hexadecimal),
            ("147 150 160 137", Form::Octal),
            ("01100111 01101000 01110000 01011111", Form::Binary),
            ("103u8, 104u8, 112u8, 95u8", Form::Decimal),
            ("103U,104U,112U,95U}", Form::Decimal),
            ("103).chr(104).chr(112).chr(95);", Form::Decimal),
            ("103) . chr(104) . chr(112) . chr(95);", Form::Decimal),
            ("103,\"1\":104,\"2\":112,\"1000\":95}", Form::Decimal),
            ("103,\n  \"1\": 104,\n  \"2\": 112,\n  \"3\": 95\n}", Form::Decimal),
            ("103,\\\"1\\\":104,\\\"2\\\":112,\\\"3\\\":95}", Form::Decimal),
            ("6867 5f70\n", Form::Words),
            ("064147 057560\n", Form::Words),
            ("0x5f706867, 0x00000000", Form::Words),
        ] {
            let (lists, _) = read(text.as_bytes(), false);
            assert!(
                lists.iter().any(|(of, list)| *of == form && list.starts_with(b"ghp_")),
                "{text}: {lists:?}"
            );
        }
        for text in ["67\\68\\70\\5f", "67 \\68 \\70 \\5f ", "000067\\000068\\000070\\00005f"] {
            let (lists, _) = read(text.as_bytes(), true);
            assert_eq!(lists, [(Form::Css, b"ghp_".to_vec())], "{text}");
        }
    }

    #[test]
    fn hex_dumps_go_on_in_the_next_line() {
        let text = b"00000000: 3132 3334 3536 3738 3930 6162 6364 6566  1234567890abcdef\n00000010: 6768 690a                                ghi.\n";
        let (lists, _) = read(text, false);
        assert_eq!(lists[0], (Form::Hexadecimal, b"\0\0\0\x001234567890abcdefghi\n".to_vec()));
    }

    #[test]
    fn every_tool_writes_dumps_of_its_own() {
        for (text, form) in [
            // hexdump -C, od -tx1, od -tx1z, od -b, od -tu1, hexdump, od, xxd -e, and a line that stands for others.
            (
                "30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n00000010  67 68 69 0a                                       |ghi.|\n",
                Form::Hexadecimal,
            ),
            (
                "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66\n0000020 67 68 69 0a\n0000024\n",
                Form::Hexadecimal,
            ),
            (
                "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  >0123456789abcdef<\n000010 67 68 69 0a  >ghi.<\n",
                Form::Hexadecimal,
            ),
            (
                "060 061 062 063 064 065 066 067 070 071 141 142 143 144 145 146\n0000020 147 150 151 012\n",
                Form::Octal,
            ),
            (
                " 48  49  50  51  52  53  54  55  56  57  97  98  99 100 101 102\n0000020 103 104 105  10\n",
                Form::Decimal,
            ),
            (
                "3130 3332 3534 3736 3938 6261 6463 6665\n0000010 6867 0a69                    \n0000014\n",
                Form::Words,
            ),
            ("030460 031462 032464 033466 034470 061141 062143 063145\n0000020 064147 005151\n", Form::Words),
            (
                "33323130 37363534 62613938 66656463  0123456789abcdef\n00000010: 0a696867                             ghi.\n",
                Form::Words,
            ),
            ("30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66\n*\n0000040 67 68 69 0a\n", Form::Hexadecimal),
        ] {
            let escaped = text.replace('\n', "\\n");
            let twice = text.replace('\n', "\\\\n");
            for text in [text, &escaped, &twice] {
                let (lists, _) = read(text.trim_start().as_bytes(), false);
                let is_it =
                    |(of, list): &(Form, Vec<u8>)| *of == form && list.starts_with(b"0123456789abcdefghi\n");
                assert!(lists.iter().any(is_it), "{text}: {lists:?}");
            }
        }
    }

    #[test]
    fn what_is_an_escape_is_no_list() {
        for text in ["%67%68%70", "=67=68=70", "&#103;&#104;&#112;", "\\147\\150\\160"] {
            let at = text.find(|c: char| c.is_ascii_digit()).expect("a digit");
            let (_, end) = read(&text.as_bytes()[at..], text.starts_with('\\'));
            assert!(end <= 3, "{text}");
        }
        for text in ["1.5, 2.5", "2026_11_28", "12345678901", "abc"] {
            assert!(read(text.as_bytes(), false).1 <= 1, "{text}");
        }
    }
}
