//! Names made safe to print.
//!
//! The name of a file is content: it may hold control characters, bytes that are no UTF-8, marks that reorder the
//! line on screen, and a secret. [`Name`] is the only form in which a name reaches an output: masked where a finding
//! stands in it, then escaped as `\xNN`, reversibly.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

/// The longest name shown to people, in characters. Machine formats carry the whole name.
pub(crate) const SHOWN: usize = 200;

/// A masked and escaped name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    masked: Vec<u8>,
    text: String,
    is_masked: bool,
}

impl Name {
    /// Masks `hidden` ranges of `raw` and escapes the rest.
    pub(crate) fn new(raw: &[u8], hidden: &[Range<usize>]) -> Name {
        let mut masked = raw.to_vec();
        for range in hidden {
            let end = range.end.min(masked.len());
            masked[range.start.min(end)..end].fill(b'*');
        }
        let text = escape(&masked);
        Name { masked, text, is_masked: !hidden.is_empty() }
    }

    /// A name in which what must not be shown was overwritten: `raw` is what it was before.
    pub(crate) fn overwritten(raw: &[u8], masked: &[u8]) -> Name {
        Name { masked: masked.to_vec(), text: escape(masked), is_masked: raw != masked }
    }

    /// A name of the program's own making.
    pub(crate) fn fixed(text: &str) -> Name {
        Name { masked: text.as_bytes().to_vec(), text: text.into(), is_masked: false }
    }

    /// Whether something in it is hidden.
    pub(crate) fn is_masked(&self) -> bool {
        self.is_masked
    }

    /// The whole name, escaped.
    pub(crate) fn full(&self) -> &str {
        &self.text
    }

    /// The name as people see it: at most [`SHOWN`] characters, cut in the middle.
    pub(crate) fn short(&self) -> Cow<'_, str> {
        shorten(&self.text)
    }

    /// A URI reference (RFC 3986): absolute names become `file:` URIs, others stay relative.
    pub(crate) fn uri(&self) -> String {
        let mut uri = String::with_capacity(self.masked.len() + 8);
        if self.masked.starts_with(b"/") {
            uri.push_str("file://");
        }
        let relative = uri.is_empty();
        let mut first = relative;
        for &byte in &self.masked {
            match byte {
                b'/' => first = false,
                // A colon in the first segment of a relative reference would read as a scheme.
                b':' if first => {
                    uri.push_str("%3A");
                    continue;
                }
                _ => {}
            }
            let byte = if cfg!(windows) && byte == b'\\' { b'/' } else { byte };
            if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte) {
                uri.push(byte as char);
            } else {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
        uri
    }
}

/// The bytes of a path, as the system spells it on Unix.
pub(crate) fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// Cuts a text for people to [`SHOWN`] characters; what is left out is in the middle, for both ends tell files apart.
pub(crate) fn shorten(text: &str) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= SHOWN {
        return Cow::Borrowed(text);
    }
    let head = SHOWN / 3;
    let tail = SHOWN - head - 1;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    Cow::Owned(format!("{start}\u{2026}{end}"))
}

/// Escapes control characters, invisible and reordering marks, backslashes and bytes that are no UTF-8.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_deceptive(c) || (c == '\\' && !cfg!(windows)) {
                let mut buffer = [0; 4];
                hex(&mut out, c.encode_utf8(&mut buffer).as_bytes());
            } else {
                out.push(c);
            }
        }
        hex(&mut out, chunk.invalid());
    }
    out
}

/// Text of rule files and messages for a terminal: backslashes stay, for patterns are full of them, lines are joined.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            c if is_deceptive(c) => hex(&mut out, c.encode_utf8(&mut [0; 4]).as_bytes()),
            c => out.push(c),
        }
    }
    out
}

fn hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "\\x{byte:02x}");
    }
}

/// Characters that move the cursor, reorder the line or cannot be seen.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A number of bytes for people: `4.5 MB`, decimal units.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `1 file`, `2 files`.
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        assert_eq!(escape(b"a\x1b[31m\xff.txt"), r"a\x1b[31m\xff.txt");
        assert_eq!(escape("caf\u{e9}\u{202e}".as_bytes()), "caf\u{e9}\\xe2\\x80\\xae");
    }

    #[test]
    fn names_are_masked_before_they_are_escaped() {
        let name = Name::new(b"dir/tok_SECRET\n", std::slice::from_ref(&(8..14)));
        assert_eq!(name.full(), r"dir/tok_******\x0a");
        assert_eq!(name.uri(), "dir/tok_******%0A");
    }

    #[test]
    fn long_names_are_cut_for_people_only() {
        let name = Name::new("x".repeat(500).as_bytes(), &[]);
        assert_eq!(name.short().chars().count(), SHOWN);
        assert_eq!(name.full().len(), 500);
    }

    #[test]
    fn uris() {
        assert_eq!(Name::new(b"/a b/c", &[]).uri(), "file:///a%20b/c");
        assert_eq!(Name::new(b"a:b/c:d", &[]).uri(), "a%3Ab/c:d");
    }

    #[test]
    fn sizes() {
        assert_eq!(size(999), "999 B");
        assert_eq!(size(4_500_000), "4.5 MB");
        assert_eq!(size(999_960), "1.0 MB");
    }
}
