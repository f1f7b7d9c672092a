//! How the lines of a folded run follow each other: line breaks and blanks, as they are or escaped.

use exfilter_codec::base64::is_char;
use exfilter_codec::escape::{self, Parsed};

/// The shortest line of a folded run that another one may follow, in characters.
pub(crate) const LINE_MIN: u64 = 32;

/// The most that may stand between two lines of a folded run, in bytes: a line break, and blanks.
pub(crate) const FOLD_MAX: usize = 32;

/// What follows a line of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fold {
    /// More bytes decide.
    Open,
    /// Nothing.
    End,
    /// Another line, at this index; it may begin with zlib's header.
    Line(usize, bool),
}

/// What follows the line that ends at index `end` of `bytes`: [`Fold::Line`] where another one begins with a base64 character.
pub(crate) fn next_line(bytes: &[u8], end: usize, eof: bool) -> Fold {
    let open = if eof { Fold::End } else { Fold::Open };
    let after = &bytes[end..bytes.len().min(end + FOLD_MAX)];
    let len = match line_break(after) {
        Some(0) => return Fold::End,
        Some(len) => len,
        None => return open,
    };
    let Some(blanks) = blanks(&after[len..], after.len() < FOLD_MAX) else { return open };
    let line = end + len + blanks;
    match bytes.get(line) {
        _ if len + blanks >= FOLD_MAX => Fold::End,
        None => open,
        Some(b) if !is_char(*b) => Fold::End,
        Some(_) => Fold::Line(line, false),
    }
}

/// The length of the line break that `bytes` begin with: as it is, or escaped once or several times (`\n`, `%0D%0A`, `\\n`). 0 if there is none, `None`
/// if more bytes decide.
fn line_break(bytes: &[u8]) -> Option<usize> {
    const MAX: usize = 16;
    let (mut at, mut escaped) = (0, false);
    while at < MAX {
        let byte = *bytes.get(at)?;
        let (len, made) = match byte {
            b'\n' | b'\r' => (1, byte),
            // What a backslash that was itself escaped stands for.
            b'n' if escaped => (1, b'\n'),
            b'r' if escaped => (1, b'\r'),
            b'\\' | b'%' | b'&' => match escape::parse(&bytes[at..]) {
                Parsed::Escape(escape) => (escape.len(), *escape.bytes().first().unwrap_or(&b'\n')),
                Parsed::Incomplete => return None,
                Parsed::Text => return Some(0),
            },
            _ => return Some(0),
        };
        at += len;
        escaped = made == b'\\';
        match made {
            b'\n' => return Some(at),
            b'\r' | b'\\' => {}
            _ => return Some(0),
        }
    }
    Some(0)
}

/// The length of the blanks that `bytes` begin with, as they are or escaped; `None` if more bytes, that may come, decide.
fn blanks(bytes: &[u8], more: bool) -> Option<usize> {
    let mut at = 0;
    loop {
        at += match bytes.get(at) {
            Some(b' ' | b'\t') => 1,
            Some(b'\\' | b'%' | b'&') => match escape::parse(&bytes[at..]) {
                Parsed::Escape(escape) if matches!(escape.bytes(), [b' ' | b'\t']) => escape.len(),
                Parsed::Incomplete if more => return None,
                Parsed::Escape(_) | Parsed::Incomplete | Parsed::Text => return Some(at),
            },
            _ => return Some(at),
        };
    }
}
