//! How lines of hex dumps follow each other.

use super::{BACKSLASHES, DUMP_MAX, Gap, Parsed, code};

/// From the last code of a line of a hex dump to the first one of the next: blanks, the line's characters behind two of them or more, a line break, perhaps a line that
/// stands for others, an offset of four to eight digits, perhaps a colon, and blanks. The line break may be written as strings have it.
///
/// Without characters the offset has six digits at least, two zeros first: else it may be a code.
#[inline]
pub(super) fn dump_line(text: &[u8], eof: bool) -> Parsed<Gap> {
    match text.first() {
        None | Some(b' ' | b'\n' | b'\r' | b'\\') => next_line(text, eof),
        Some(_) => Parsed::Nothing,
    }
}

/// The same, where one may end.
fn next_line(text: &[u8], eof: bool) -> Parsed<Gap> {
    let is_cut = text.len() > DUMP_MAX;
    let (text, eof) = (&text[..text.len().min(DUMP_MAX)], eof && !is_cut);
    let open = if eof || is_cut { Parsed::Nothing } else { Parsed::Open };
    let blanks = text.iter().take_while(|b| **b == b' ').count();
    let mut at = match text.get(blanks) {
        None if blanks == text.len() => return open,
        Some(b'\n' | b'\r' | b'\\') => blanks,
        _ if blanks < 2 => return Parsed::Nothing,
        _ => 0,
    };
    let has_column = at == 0 && blanks > 0;
    // What the column holds may look like a line break.
    while at < text.len() {
        match line_break(&text[at..]) {
            Parsed::Open => return open,
            Parsed::Found(len) => {
                if has_column && (is_between_halves(&text[..at]) || is_list(&text[..at])) {
                    return Parsed::Nothing;
                }
                match offset(text, at + len, has_column, eof) {
                    Parsed::Open => return open,
                    Parsed::Nothing if has_column => {}
                    found_or_nothing => return found_or_nothing,
                }
            }
            Parsed::Nothing if !has_column => return Parsed::Nothing,
            Parsed::Nothing => {}
        }
        if !matches!(text[at], b' '..=b'~') {
            return Parsed::Nothing;
        }
        at += 1;
    }
    open
}

/// Whether two blanks, with which the rest of a line of a hex dump begins, stand between the halves of its codes: its characters, in bars, come behind those.
fn is_between_halves(rest: &[u8]) -> bool {
    let [b' ', b' ', inner @ .., b'|'] = rest else { return false };
    inner.first() != Some(&b'|') && inner.windows(3).any(|three| three == b"  |")
}

/// Whether the rest of a line is decimal numbers that are set in columns, and not characters.
fn is_list(rest: &[u8]) -> bool {
    let mut numbers = rest.split(|b| *b == b' ');
    numbers.all(|number| number.len() <= 3 && number.iter().all(u8::is_ascii_digit))
}

/// The length of the line break at the beginning of `text`, as it is or as strings write it.
fn line_break(text: &[u8]) -> Parsed<usize> {
    let backslashes = text.iter().take(BACKSLASHES).take_while(|b| **b == b'\\').count();
    match (backslashes, text.get(backslashes)) {
        (_, None) => Parsed::Open,
        (0, Some(b'\n')) | (1.., Some(b'n')) => Parsed::Found(backslashes + 1),
        (0, Some(b'\r')) => match text.get(1) {
            None => Parsed::Open,
            Some(b'\n') => Parsed::Found(2),
            Some(_) => Parsed::Nothing,
        },
        _ => Parsed::Nothing,
    }
}

/// The offset that begins a line of a hex dump at `at`, with the first code behind it.
fn offset(text: &[u8], at: usize, has_column: bool, eof: bool) -> Parsed<Gap> {
    let open = if eof { Parsed::Nothing } else { Parsed::Open };
    let mut at = at;
    if text.get(at) == Some(&b'*') {
        match line_break(&text[at + 1..]) {
            Parsed::Found(len) => at += 1 + len,
            Parsed::Open => return open,
            Parsed::Nothing => return Parsed::Nothing,
        }
    }
    let digits = text[at..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let after = at + digits;
    let is_zero = text[at..after].iter().take(2).all(|b| *b == b'0');
    if digits > 8 || !has_column && !is_zero {
        return Parsed::Nothing;
    }
    match text.get(after) {
        None => return open,
        Some(b':' | b' ') if digits >= if has_column { 4 } else { 6 } => {}
        Some(_) => return Parsed::Nothing,
    }
    let colon = usize::from(text[after] == b':');
    let blanks = text[after + colon..].iter().take_while(|b| **b == b' ').count();
    let len = after + colon + blanks;
    match code(&text[len..], false, eof) {
        Parsed::Open => open,
        Parsed::Found(next) if (1..=OFFSET_BLANKS).contains(&blanks) => Parsed::Found(Gap { len, next }),
        Parsed::Found(_) | Parsed::Nothing => Parsed::Nothing,
    }
}

/// The most blanks behind an offset.
const OFFSET_BLANKS: usize = 8;
