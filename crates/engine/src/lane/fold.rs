//! How the lines of a folded run follow each other: line breaks and blanks, as they are or escaped, what marks a comment, a quotation or a diff, or the end of a string and the beginning of the
//! next, as programs and arrays have them.

use exfilter_codec::base64::is_char;
use exfilter_codec::escape::{self, Parsed};

use super::joined::{self, Stop};

/// The shortest line of a folded run that another one may follow, in characters.
pub(crate) const LINE_MIN: u64 = 32;

/// The most that may stand between two lines of a folded run, in bytes: a line break, blanks and a mark.
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

/// What follows the line of `len` characters that ends at index `end` of `bytes`: [`Fold::Line`] where another one begins with a base64 character. `quoted` says whether it may be another
/// string.
pub(crate) fn next_line(bytes: &[u8], end: usize, len: u64, quoted: bool, eof: bool) -> Fold {
    let open = if eof { Fold::End } else { Fold::Open };
    let after = &bytes[end..bytes.len().min(end + FOLD_MAX)];
    let more = after.len() < FOLD_MAX;
    let joint = match line_break(after) {
        Some(0) if !quoted || !matches!(after.first(), Some(b'"' | b'\'' | b'`' | b'\\')) => {
            return Fold::End;
        }
        Some(0) => match joined::joint(after, more && !eof) {
            Ok(len) => len,
            Err(Stop::Open) => return open,
            Err(Stop::Other) => return Fold::End,
        },
        Some(broken) => {
            let Some(blanks) = blanks(&after[broken..], more) else { return open };
            let at = broken + blanks;
            match mark(&after[at..], len, more && !eof) {
                Some(mark) => at + mark,
                None => return open,
            }
        }
        None => return open,
    };
    let line = end + joint;
    match bytes.get(line) {
        _ if joint >= FOLD_MAX => Fold::End,
        None => open,
        Some(b) if !is_char(*b) => Fold::End,
        Some(_) => Fold::Line(line, false),
    }
}

/// Whether lines of hexadecimal digits of this length are digests, one behind the other, and not one text.
pub(crate) fn is_digest(len: u64) -> bool {
    matches!(len, 32 | 40 | 48 | 56 | 64 | 96 | 128)
}

/// Where the line begins whose text begins at index `text`: a sign of a diff right before it belongs to it.
pub(crate) fn line_at(bytes: &[u8], text: usize) -> usize {
    text - usize::from(bytes[..text].last() == Some(&b'+'))
}

/// The length of what marks the line at the beginning of `bytes`: signs with a blank behind them, and the sign of a diff in front of lines of `len` characters; `None` if more bytes, that may come, decide.
///
/// The sign of a diff is a base64 character, and begins lines of a folded text too; but with it they have one character more than whole groups of four.
fn mark(bytes: &[u8], len: u64, more: bool) -> Option<usize> {
    let mut at = 0;
    for _ in 0..MARKS {
        let signs = bytes[at..].iter().take(SIGNS + 1).take_while(|b| b"#/*>;|+-".contains(b)).count();
        let behind = &bytes[at + signs..];
        if behind.is_empty() && more {
            return None;
        }
        if signs == 0 || signs > SIGNS || !matches!(behind.first(), Some(b' ' | b'\t')) {
            break;
        }
        let blanks = behind.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        if blanks == behind.len() && more {
            return None;
        }
        at += signs + blanks;
    }
    Some(if at == 0 && len % 4 == 1 && bytes.first() == Some(&b'+') { 1 } else { at })
}

/// Signs of a mark, and marks of a line, at most.
const SIGNS: usize = 3;
const MARKS: usize = 2;

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
