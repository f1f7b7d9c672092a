//! YAML, as configurations have it: mappings and lists by indentation, quoted and block scalars, flow collections on one line.
//!
//! Not a parser of YAML: no anchors, no merge keys, no documents within documents. It reads line by line, so that a file that is no YAML
//! any more (a template, say) still gives its fields, and nothing expands.

use zeroize::Zeroizing;

use super::path::Trail;
use super::{MAX_VALUE, Sink, json};

/// A collection that is open: its indentation, and how many parts of the trail its entries stand below.
struct Level {
    indent: usize,
    depth: usize,
    /// For lists: the number of the next element.
    next: Option<usize>,
}

/// Indentations remembered; deeper ones are read as the deepest.
const MAX_LEVELS: usize = 128;

/// Reads `bytes` from `at` on.
pub(super) fn read(bytes: &[u8], mut at: usize, sink: &mut Sink<'_>) {
    let mut trail = Trail::new();
    let mut levels: Vec<Level> = Vec::new();
    while at < bytes.len() {
        let end = at + memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
        let line = bytes[at..end].trim_ascii_end();
        let mut indent = line.iter().take_while(|b| **b == b' ' || **b == b'\t').count();
        let mut next = end + 1;
        let mut from = at + indent;
        let line_end = at + line.len();
        at = next;
        if from >= line_end || bytes[from] == b'#' || bytes[from] == b'%' || line == b"---" || line == b"..."
        {
            continue;
        }
        // `- - key: value`: each dash is an element one level further in.
        let mut dashes = 0;
        while from < line_end && bytes[from] == b'-' && (from + 1 == line_end || bytes[from + 1] == b' ') {
            enter(&mut levels, &mut trail, indent, true);
            let blanks = bytes[from + 1..line_end].iter().take_while(|b| **b == b' ').count();
            from += 1 + blanks;
            indent += 1 + blanks;
            dashes += 1;
            if dashes > MAX_LEVELS {
                break;
            }
        }
        if from >= line_end {
            continue;
        }
        let Some((name, rest)) = key(&bytes[from..line_end]) else {
            if dashes > 0 {
                scalar(bytes, from, line_end, &mut trail, sink);
            }
            continue;
        };
        enter(&mut levels, &mut trail, indent, false);
        trail.push(name);
        let value_at = from + rest;
        let text = &bytes[value_at.min(line_end)..line_end];
        let value_from = value_at + (text.len() - text.trim_ascii_start().len());
        match bytes.get(value_from).filter(|_| value_from < line_end) {
            Some(b'|' | b'>') => {
                next = block(bytes, at, indent, &mut trail, sink);
                at = next;
            }
            Some(_) => scalar(bytes, value_from, line_end, &mut trail, sink),
            // What follows, further in, belongs to this name: it stays on the trail until a line of this indentation comes.
            None => {}
        }
    }
}

/// Makes `indent` the innermost level: closes those further in, opens it if it is new, and puts the number of a list's element on the trail.
fn enter(levels: &mut Vec<Level>, trail: &mut Trail, indent: usize, list: bool) {
    while levels.last().is_some_and(|level| {
        level.indent > indent
            // A list may stand at the indentation of the name that holds it; a name there ends the list.
            || (level.indent == indent && level.next.is_some() && !list)
    }) {
        levels.pop();
    }
    let known = levels.last().filter(|level| level.indent == indent && level.next.is_some() == list);
    match known.map(|level| level.depth) {
        Some(depth) => trail.pop_to(depth),
        None if levels.len() < MAX_LEVELS => {
            levels.push(Level { indent, depth: trail.depth(), next: list.then_some(0) });
        }
        None => {}
    }
    if list
        && let Some(level) = levels.last_mut()
        && let Some(next) = &mut level.next
    {
        trail.push_index(*next);
        *next += 1;
    }
}

/// The key at the beginning of a line, and where what follows its colon begins.
fn key(line: &[u8]) -> Option<(&[u8], usize)> {
    if let Some(&quote @ (b'"' | b'\'')) = line.first() {
        let close = 1 + memchr::memchr(quote, &line[1..])?;
        let after = &line[close + 1..];
        let blanks = after.len() - after.trim_ascii_start().len();
        return (after.get(blanks) == Some(&b':')).then(|| (&line[1..close], close + 1 + blanks + 1));
    }
    if matches!(line.first(), Some(b'{' | b'[' | b'&' | b'*' | b'!' | b'|' | b'>')) {
        return None;
    }
    let mut from = 0;
    loop {
        let colon = from + memchr::memchr(b':', &line[from..])?;
        match line.get(colon + 1) {
            None | Some(b' ' | b'\t') => return Some((line[..colon].trim_ascii(), colon + 1)),
            Some(_) => from = colon + 1,
        }
    }
}

/// A value on one line.
fn scalar(bytes: &[u8], mut from: usize, end: usize, trail: &mut Trail, sink: &mut Sink<'_>) {
    // Tags and anchors.
    while from < end && matches!(bytes[from], b'!' | b'&') {
        let word = bytes[from..end].iter().take_while(|b| !b.is_ascii_whitespace()).count();
        let blanks = bytes[from + word..end].iter().take_while(|b| b.is_ascii_whitespace()).count();
        from += word + blanks;
    }
    if from >= end {
        return;
    }
    match bytes[from] {
        b'{' | b'[' => json::read_flow(bytes, from, end, trail, sink),
        quote @ (b'"' | b'\'') => {
            let value = quoted(&bytes[from + 1..end], quote);
            sink(trail.name(), &value, from + 1);
        }
        b'#' => {}
        _ => {
            let text = &bytes[from..end];
            let text = &text[..memchr::memmem::find(text, b" #").unwrap_or(text.len())];
            sink(trail.name(), text.trim_ascii_end(), from);
        }
    }
}

fn quoted(text: &[u8], quote: u8) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if quote == b'"' => match bytes.next() {
                Some(b'n') => out.push(b'\n'),
                Some(b't') => out.push(b'\t'),
                Some(b'r') => out.push(b'\r'),
                Some(other) => out.push(other),
                None => {}
            },
            b'\'' if quote == b'\'' && bytes.peek() == Some(&b'\'') => {
                bytes.next();
                out.push(b'\'');
            }
            byte if byte == quote => break,
            byte => out.push(byte),
        }
    }
    out
}

/// The block scalar whose lines begin at `at` and stand further in than `indent`. Returns where it ends.
fn block(bytes: &[u8], mut at: usize, indent: usize, trail: &mut Trail, sink: &mut Sink<'_>) -> usize {
    let start = at;
    let mut out = Zeroizing::new(Vec::new());
    let mut first = None;
    while at < bytes.len() {
        let end = at + memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
        let line = &bytes[at..end];
        let own = line.iter().take_while(|b| **b == b' ').count();
        if !line.trim_ascii().is_empty() && own <= indent {
            break;
        }
        let cut = *first.get_or_insert(own);
        if out.len() + line.len() < MAX_VALUE {
            out.extend_from_slice(&line[cut.min(line.len()).min(own)..]);
            out.push(b'\n');
        }
        at = end + 1;
    }
    sink(trail.name(), out.trim_ascii_end(), start);
    at.min(bytes.len())
}
