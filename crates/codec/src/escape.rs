//! Escapes inside text: what a few characters stand for.
//!
//! | begins with | forms | where |
//! |---|---|---|
//! | `\` | `\n \r \t \b \f \v \a \e \0 \\ \/ \" \'`, `\uXXXX` and pairs of surrogates, `\u{X..}`, `\UXXXXXXXX`, `\xXX`, up to three octal digits, the end of a line | JSON ([RFC 8259]), C, JavaScript, shells |
//! | `%` | `%XX`, `%uXXXX` | URLs ([RFC 3986]), `escape()` |
//! | `&` | `&#N;`, `&#xX;`, `&amp; &lt; &gt; &quot; &apos;` | HTML and XML |
//! | `=` | `=XX` in capitals, the end of a line | quoted-printable ([RFC 2045 section 6.7]) |
//! | a character | without width, which stands for nothing (U+00AD, U+200B to U+200F, U+202A to U+202E, U+2060 to U+2064, U+2066 to U+2069, U+FE00 to U+FE0F, U+FEFF); a fullwidth form of an ASCII character (U+FF01 to U+FF5E); a tag (U+E0020 to U+E007E), which shows nothing and spells an ASCII character, and the other two of tags (U+E0001, U+E007F), which stand for nothing; a variation selector from the 17th on (U+E0100), of which some make bytes from 16 on, for one that is printable ASCII | [UTF-8] |
//!
//! Text that is none of these is left alone, so one reader serves all of them, and what is encoded twice is read twice.
//!
//! ```
//! use exfilter_codec::escape::{Escape, Parsed, parse};
//!
//! assert_eq!(parse(br"\u0067hp"), Parsed::Escape(Escape::new(6, b"g")));
//! assert_eq!(parse(b"%6"), Parsed::Incomplete);
//! assert_eq!(parse(b"%zz"), Parsed::Text);
//! ```
//!
//! [RFC 8259]: https://www.rfc-editor.org/rfc/rfc8259#section-7
//! [RFC 3986]: https://www.rfc-editor.org/rfc/rfc3986#section-2.1
//! [UTF-8]: https://www.rfc-editor.org/rfc/rfc3629
//! [RFC 2045 section 6.7]: https://www.rfc-editor.org/rfc/rfc2045#section-6.7

/// The longest escape, in bytes: a pair of surrogates.
pub const MAX_LEN: usize = 12;

/// Whether `byte` begins escapes.
#[inline]
#[must_use]
pub const fn is_introducer(byte: u8) -> bool {
    matches!(byte, b'\\' | b'%' | b'&' | b'=' | 0xc2 | 0xe2 | 0xef | 0xf3)
}

/// What stands at the beginning of some bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// An escape.
    Escape(Escape),
    /// What more bytes may make an escape of; at the end of the content it is text. At most [`MAX_LEN`] bytes.
    Incomplete,
    /// No escape: the first byte stands for itself.
    Text,
}

/// An escape and what it stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Escape {
    len: u8,
    made: u8,
    bytes: [u8; 4],
}

impl Escape {
    /// An escape of `len` bytes that stands for `bytes`, at most four; none for a line that goes on, or a character without width.
    ///
    /// # Panics
    ///
    /// If there are more.
    #[must_use]
    pub fn new(len: usize, bytes: &[u8]) -> Escape {
        let mut made = [0; 4];
        made[..bytes.len()].copy_from_slice(bytes);
        Escape { len: len as u8, made: bytes.len() as u8, bytes: made }
    }

    fn of(len: usize, code: u32) -> Escape {
        let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        Escape::new(len, c.encode_utf8(&mut [0; 4]).as_bytes())
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Never: an escape has a length.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// What it stands for: UTF-8 of a code point, or one byte.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.made)]
    }
}

/// Says how long things are, not what they hold.
impl std::fmt::Debug for Escape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Escape({} for {})", self.len, self.made)
    }
}

/// As [`Escape`]'s.
impl std::fmt::Debug for Parsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Parsed::Escape(escape) => escape.fmt(f),
            Parsed::Incomplete => f.write_str("Incomplete"),
            Parsed::Text => f.write_str("Text"),
        }
    }
}

/// Reads what stands at the beginning of `text`.
#[must_use]
pub fn parse(text: &[u8]) -> Parsed {
    match text.first() {
        Some(b'\\') => backslash(text),
        Some(b'%') => match text.get(1) {
            Some(b'u') => digits(text, 2, 4).map_or_else(|parsed| parsed, |code| escape(6, code)),
            _ => byte(text, 1, |b| b.is_ascii_hexdigit()),
        },
        Some(b'&') => entity(text),
        Some(b'=') => match text.get(1) {
            Some(b'\n' | b'\r') => line(text),
            _ => byte(text, 1, |b| matches!(b, b'0'..=b'9' | b'A'..=b'F')),
        },
        Some(0xc2 | 0xe2 | 0xef | 0xf3) => character(text),
        _ => Parsed::Text,
    }
}

/// A character that is drawn as nothing, or as an ASCII character.
fn character(text: &[u8]) -> Parsed {
    let made = |c: u8| Parsed::Escape(Escape::new(3, &[c]));
    let tag = |c: u8| Parsed::Escape(Escape::new(4, &[c]));
    match *text {
        [0xc2, 0xad, ..] => Parsed::Escape(Escape::new(2, b"")),
        [0xe2, 0x80, 0x8b..=0x8f | 0xaa..=0xae, ..]
        | [0xe2, 0x81, 0xa0..=0xa4 | 0xa6..=0xa9, ..]
        | [0xef, 0xbb, 0xbf, ..]
        | [0xef, 0xb8, 0x80..=0x8f, ..] => Parsed::Escape(Escape::new(3, b"")),
        [0xef, 0xbc, third @ 0x81..=0xbf, ..] => made(third - 0x81 + b'!'),
        [0xef, 0xbd, third @ 0x80..=0x9e, ..] => made(third - 0x80 + b'`'),
        [0xf3, 0xa0, 0x80, fourth @ 0xa0..=0xbf, ..] => tag(fourth - 0xa0 + b' '),
        [0xf3, 0xa0, 0x81, fourth @ 0x80..=0xbe, ..] => tag(fourth - 0x80 + b'@'),
        [0xf3, 0xa0, third @ (0x84 | 0x85), fourth @ 0x80..=0xbf, ..] => {
            match (third - 0x84) * 64 + (fourth - 0x80) + 16 {
                byte @ b' '..=b'~' => tag(byte),
                _ => Parsed::Text,
            }
        }
        [0xf3, 0xa0, 0x80, 0x81, ..] | [0xf3, 0xa0, 0x81, 0xbf, ..] => Parsed::Escape(Escape::new(4, b"")),
        [0xc2 | 0xe2 | 0xef | 0xf3] | [0xe2, 0x80 | 0x81] | [0xef, 0xb8 | 0xbb..=0xbd] => Parsed::Incomplete,
        [0xf3, 0xa0] | [0xf3, 0xa0, 0x80 | 0x81 | 0x84 | 0x85] => Parsed::Incomplete,
        _ => Parsed::Text,
    }
}

fn backslash(text: &[u8]) -> Parsed {
    let one = |b: u8| Parsed::Escape(Escape::new(2, &[b]));
    let Some(second) = text.get(1) else { return Parsed::Incomplete };
    match second {
        b'n' => one(b'\n'),
        b'r' => one(b'\r'),
        b't' => one(b'\t'),
        b'b' => one(8),
        b'f' => one(12),
        b'v' => one(11),
        b'a' => one(7),
        b'e' => one(27),
        b'\\' | b'/' | b'"' | b'\'' => one(*second),
        b'\n' | b'\r' => line(text),
        b'x' | b'X' => byte(text, 2, |b| b.is_ascii_hexdigit()),
        b'U' => digits(text, 2, 8).map_or_else(|parsed| parsed, |code| escape(10, code)),
        b'u' if text.get(2) == Some(&b'{') => braced(text),
        b'u' => match digits(text, 2, 4) {
            Err(Parsed::Text) => short_unit(text),
            Err(parsed) => parsed,
            Ok(high @ 0xd800..=0xdbff) => low_surrogate(text, high),
            Ok(code) => escape(6, code),
        },
        b'0'..=b'7' => octal(text),
        _ => Parsed::Text,
    }
}

/// The second half of a pair: without one the first stands for nothing.
fn low_surrogate(text: &[u8], high: u32) -> Parsed {
    match (text.get(6), text.get(7)) {
        (None, _) | (Some(b'\\'), None) => Parsed::Incomplete,
        (Some(b'\\'), Some(b'u')) => match digits(text, 8, 4) {
            Err(Parsed::Incomplete) => Parsed::Incomplete,
            Ok(low @ 0xdc00..=0xdfff) => escape(12, 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00))),
            _ => escape(6, high),
        },
        _ => escape(6, high),
    }
}

/// `\u` with two or three digits for a printable character, as shells read it, where no other digit follows.
fn short_unit(text: &[u8]) -> Parsed {
    let len = text[2..].iter().take(3).take_while(|b| b.is_ascii_hexdigit()).count();
    match digits(text, 2, len) {
        Ok(code @ 0x21..=0x7e) if len >= 2 => escape(2 + len, code),
        _ => Parsed::Text,
    }
}

/// `\u{X..}`, one to six digits.
fn braced(text: &[u8]) -> Parsed {
    let mut code = 0;
    for at in 3..10 {
        match text.get(at) {
            None => return Parsed::Incomplete,
            Some(b'}') if at > 3 => return escape(at + 1, code),
            Some(b) => match char::from(*b).to_digit(16) {
                Some(digit) if at < 9 => code = code << 4 | digit,
                _ => return Parsed::Text,
            },
        }
    }
    Parsed::Text
}

/// One to three digits; three only for a byte. Behind a zero three more, as `echo` and `printf` of shells read it, if they stand for a printable character.
fn octal(text: &[u8]) -> Parsed {
    if let [_, b'0', b'0' | b'1', rest @ ..] = text {
        match rest {
            [second @ b'0'..=b'7', third @ b'0'..=b'7', ..] => {
                let code = (text[2] - b'0') << 6 | (second - b'0') << 3 | (third - b'0');
                if (b'!'..=b'~').contains(&code) {
                    return Parsed::Escape(Escape::new(5, &[code]));
                }
            }
            [] | [b'0'..=b'7'] => return Parsed::Incomplete,
            _ => {}
        }
    }
    let mut code = 0;
    let most = if text[1] <= b'3' { 4 } else { 3 };
    for at in 1..most {
        match text.get(at) {
            None => return Parsed::Incomplete,
            Some(b @ b'0'..=b'7') => code = code << 3 | (b - b'0'),
            Some(_) => return Parsed::Escape(Escape::new(at, &[code])),
        }
    }
    Parsed::Escape(Escape::new(most, &[code]))
}

/// The end of a line after its introducer: the line goes on.
fn line(text: &[u8]) -> Parsed {
    match (text[1], text.get(2)) {
        (b'\r', None) => Parsed::Incomplete,
        (b'\r', Some(b'\n')) => Parsed::Escape(Escape::new(3, b"")),
        _ => Parsed::Escape(Escape::new(2, b"")),
    }
}

/// `&#N;`, `&#xX;` and the five names of XML. Seven digits at most. As browsers read it, the semicolon may be missing in front of another one or of a tag.
fn entity(text: &[u8]) -> Parsed {
    if text.get(1) == Some(&b'#') {
        let hex = matches!(text.get(2), Some(b'x' | b'X'));
        let (from, base) = if hex { (3, 16) } else { (2, 10) };
        let mut code: u32 = 0;
        for at in from..from + 8 {
            match text.get(at) {
                None => return Parsed::Incomplete,
                Some(b';') if at > from => return escape(at + 1, code),
                Some(b'&' | b'<') if at > from => return escape(at, code),
                Some(b) => match char::from(*b).to_digit(base) {
                    Some(digit) if at < from + 7 => code = code * base + digit,
                    _ => return Parsed::Text,
                },
            }
        }
        return Parsed::Text;
    }
    let names =
        [(&b"&amp;"[..], b'&'), (b"&lt;", b'<'), (b"&gt;", b'>'), (b"&quot;", b'"'), (b"&apos;", b'\'')];
    for (name, made) in names {
        if text.starts_with(name) {
            return Parsed::Escape(Escape::new(name.len(), &[made]));
        }
        if name.starts_with(text) {
            return Parsed::Incomplete;
        }
    }
    Parsed::Text
}

/// Two hexadecimal digits at `from` that make a byte.
fn byte(text: &[u8], from: usize, is_digit: impl Fn(u8) -> bool) -> Parsed {
    let digit = |at: usize| text.get(at).map(|b| is_digit(*b).then(|| char::from(*b).to_digit(16)).flatten());
    match (digit(from), digit(from + 1)) {
        (None, _) | (Some(Some(_)), None) => Parsed::Incomplete,
        (Some(Some(high)), Some(Some(low))) => {
            Parsed::Escape(Escape::new(from + 2, &[(high << 4 | low) as u8]))
        }
        _ => Parsed::Text,
    }
}

/// The number that `len` hexadecimal digits at `from` make.
fn digits(text: &[u8], from: usize, len: usize) -> Result<u32, Parsed> {
    let mut code: u32 = 0;
    for at in from..from + len {
        let b = text.get(at).ok_or(Parsed::Incomplete)?;
        let digit = char::from(*b).to_digit(16).ok_or(Parsed::Text)?;
        code = code << 4 | digit;
    }
    Ok(code)
}

fn escape(len: usize, code: u32) -> Parsed {
    Parsed::Escape(Escape::of(len, code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(text: &str, len: usize, made: &[u8]) {
        assert_eq!(parse(text.as_bytes()), Parsed::Escape(Escape::new(len, made)), "{text}");
        // Every beginning of it is open, and no longer text makes another thing of it.
        for cut in 1..len {
            assert!(
                matches!(parse(&text.as_bytes()[..cut]), Parsed::Incomplete),
                "{:?} of {text} is {:?}",
                &text[..cut],
                parse(&text.as_bytes()[..cut])
            );
        }
    }

    #[test]
    fn every_form() {
        is("\\n", 2, b"\n");
        is("\\/x", 2, b"/");
        is("\\u0067", 6, b"g");
        is("\\u00e9", 6, "\u{e9}".as_bytes());
        is("\\ud83d\\ude00", 12, "\u{1f600}".as_bytes());
        is("\\u{1F600}", 9, "\u{1f600}".as_bytes());
        is("\\U0001f600", 10, "\u{1f600}".as_bytes());
        is("\\x67", 4, b"g");
        is("\\147", 4, b"g");
        is("\\0147", 5, b"g");
        is("\\\r\n", 3, b"");
        is("%67", 3, b"g");
        is("\u{e0067}", 4, b"g");
        is("\u{e0020}", 4, b" ");
        is("\u{e007e}", 4, b"~");
        is("\u{e007f}", 4, b"");
        is("\u{e0001}", 4, b"");
        is("\u{e0157}", 4, b"g");
        is("\u{e0110}", 4, b" ");
        is("\u{e016e}", 4, b"~");
        is("%e9", 3, b"\xe9");
        is("%u0067", 6, b"g");
        is("&#103;", 6, b"g");
        is("&#x0000067;", 11, b"g");
        is("&quot;", 6, b"\"");
        is("=67", 3, b"g");
        is("=\r\n", 3, b"");
        for none in ["\u{200b}", "\u{200c}", "\u{200d}", "\u{2060}", "\u{feff}", "\u{ad}"] {
            is(none, none.len(), b"");
        }
        for shown in b'!'..=b'~' {
            let form = char::from_u32(0xff00 + u32::from(shown - b' ')).expect("a character");
            is(&form.to_string(), 3, &[shown]);
        }
    }

    #[test]
    fn what_is_shorter_than_it_looks() {
        for (text, len, made) in [
            ("\\ud83dx", 6, "\u{fffd}"),
            ("\\ud83d\\n", 6, "\u{fffd}"),
            ("\\ude00", 6, "\u{fffd}"),
            ("\\18", 2, "\u{1}"),
            ("\\477", 3, "'"),
            ("\\u67\\u68", 4, "g"),
            ("\\u067x", 5, "g"),
            ("\\0129", 4, "\n"),
            ("\\0017", 4, "\u{1}"),
            ("&#103&#104", 5, "g"),
            ("&#x67<", 5, "g"),
            ("=\n", 2, ""),
            ("=\ra", 2, ""),
        ] {
            assert_eq!(parse(text.as_bytes()), Parsed::Escape(Escape::new(len, made.as_bytes())), "{text}");
        }
    }

    #[test]
    fn what_is_text() {
        for text in [
            "a",
            "",
            "\\q",
            "\\xg1",
            "\\u00g0",
            "\\u{}",
            "\\u{1234567}",
            "%g0",
            "% 1",
            "&#;",
            "&#12345678;",
            "&nbsp;",
            "=a0",
            "==",
            "&#x;",
            "\u{a0}",
            "\u{200a}",
            "\u{2010}",
            "\u{2065}",
            "\u{206a}",
            "\u{fe10}",
            "\u{e0002}",
            "\u{e0100}",
            "\u{e0180}",
            "\u{feef}",
            "\u{ff00}",
            "\u{ff5f}",
        ] {
            assert_eq!(parse(text.as_bytes()), Parsed::Text, "{text}");
        }
    }

    #[test]
    fn total_and_open_only_while_short() {
        let mut state = 7u64;
        let symbols =
            b"\\%&=#xuU0123456789abcdefABCDEF;{}nrt/\"\r\n \xff\xef\xbb\xbc\xbd\xbf\xe2\x80\x81\x8b\xa0\xc2\xad";
        for _ in 0..200_000 {
            let mut text = [0; MAX_LEN + 3];
            for b in &mut text {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                *b = symbols[(state >> 33) as usize % symbols.len()];
            }
            let whole = parse(&text);
            assert_ne!(whole, Parsed::Incomplete);
            for cut in 1..text.len() {
                match parse(&text[..cut]) {
                    Parsed::Incomplete => assert!(cut < MAX_LEN),
                    // A decision does not change when more bytes come.
                    decided => assert_eq!(decided, whole),
                }
            }
        }
    }
}
