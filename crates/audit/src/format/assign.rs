//! `name = value`, one per line, under `[section]`: INI, `.properties`, `.env`, `.npmrc`, git's config, and the assignments in shell scripts.
//!
//! ```text
//! [section "sub"]                 the name of what follows begins with it
//! export NAME="va\"lue"           quotes may run over lines, as keys in `.env` files do
//! //host/:_authToken=value        the first `=` separates; without one, the first `: `
//! ENV NAME=value                  Dockerfiles
//! ```

use zeroize::Zeroizing;

use super::path::Trail;
use super::{MAX_VALUE, Sink};

/// Words that stand before a name.
const BEFORE: &[&[u8]] = &[
    b"export ",
    b"declare -x ",
    b"local ",
    b"set -x ",
    b"set -gx ",
    b"set ",
    b"setx ",
    b"ENV ",
    b"ARG ",
    b"$env:",
    b"$Env:",
];

/// Reads `bytes` from `at` on.
pub(super) fn read(bytes: &[u8], mut at: usize, sink: &mut Sink<'_>) {
    let mut trail = Trail::new();
    while at < bytes.len() {
        let end = at + memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
        let line = &bytes[at..end];
        let trimmed = line.trim_ascii();
        let start = at + (line.len() - line.trim_ascii_start().len());
        at = end + 1;
        if trimmed.is_empty() || matches!(trimmed[0], b'#' | b';' | b'!') {
            continue;
        }
        if trimmed[0] == b'[' && trimmed.ends_with(b"]") {
            trail.pop_to(0);
            trail.push(&trimmed[1..trimmed.len() - 1]);
            continue;
        }
        let Some((name, value_at)) = split(trimmed) else { continue };
        trail.push(name);
        let (value, value_start, next) = value(bytes, start + value_at, start + trimmed.len());
        sink(trail.name(), &value, value_start);
        trail.pop();
        at = at.max(next);
    }
}

/// The name, and where what follows the separator begins.
fn split(line: &[u8]) -> Option<(&[u8], usize)> {
    let mut from = 0;
    for word in BEFORE {
        if line.starts_with(word) {
            from = word.len();
            break;
        }
    }
    let rest = &line[from..];
    let separator = match memchr::memchr(b'=', rest) {
        Some(equals) => equals,
        None => match memchr::memmem::find(rest, b": ") {
            Some(colon) => colon,
            // fish's and csh's `set NAME value`.
            None if from > 0 => memchr::memchr(b' ', rest)?,
            None => return None,
        },
    };
    let mut name = rest[..separator].trim_ascii();
    // `+=`, `?=`, `:=`
    while let [shorter @ .., b'+' | b'?' | b':'] = name {
        name = shorter.trim_ascii();
    }
    let name = unquote(name);
    // Whoever compares (`==`), or has words in front, assigns nothing.
    let plain = name.len() <= 200
        && !name.is_empty()
        && !name.contains(&b'(')
        && rest.get(separator + 1) != Some(&b'=');
    plain.then_some((name, from + separator + 1))
}

fn unquote(name: &[u8]) -> &[u8] {
    match name {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        other => other,
    }
}

/// The value in `bytes[from..end]`, where its spelling begins, and where the next line is to be looked for.
fn value(bytes: &[u8], from: usize, end: usize) -> (Zeroizing<Vec<u8>>, usize, usize) {
    let from = from.min(end);
    let line = &bytes[from..end];
    let start = from + (line.len() - line.trim_ascii_start().len());
    let text = bytes[start..end].trim_ascii();
    if let Some(&quote @ (b'"' | b'\'')) = text.first() {
        let mut out = Zeroizing::new(Vec::new());
        if let Some(close) = closing(bytes, start + 1, quote, &mut out) {
            return (out, start + 1, close + 1);
        }
    }
    let comment =
        [&b" #"[..], b" ;", b"\t#"].iter().filter_map(|mark| memchr::memmem::find(text, mark)).min();
    let text = text[..comment.unwrap_or(text.len())].trim_ascii_end();
    let text = text.strip_suffix(b";").unwrap_or(text);
    (Zeroizing::new(text.to_vec()), start, end)
}

/// Undoes the escapes of the quoted value that begins at `from` into `out`, and says where its closing quote stands.
///
/// Where none stands within [`MAX_VALUE`] bytes, no other value begins with such a quote there either, so the search is linear altogether.
fn closing(bytes: &[u8], from: usize, quote: u8, out: &mut Vec<u8>) -> Option<usize> {
    let limit = bytes.len().min(from + MAX_VALUE);
    let mut at = from;
    while at < limit {
        match bytes[at] {
            b'\\' if quote == b'"' && at + 1 < limit => {
                match bytes[at + 1] {
                    b'n' => out.push(b'\n'),
                    b'r' => out.push(b'\r'),
                    b't' => out.push(b'\t'),
                    other => out.push(other),
                }
                at += 2;
            }
            byte if byte == quote => return Some(at),
            byte => {
                out.push(byte);
                at += 1;
            }
        }
    }
    None
}
