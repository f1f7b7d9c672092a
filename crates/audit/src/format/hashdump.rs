//! Hash dumps, as Subversion keeps credentials: names and values, each behind a line that says which it is and how long (`svn_hash_write2`).

use memchr::memchr;

use super::Sink;

/// Reads `bytes`.
pub(super) fn read(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut at = 0;
    let mut name: &[u8] = b"";
    while let Some((kind, range)) = entry(bytes, at) {
        let content = &bytes[range.clone()];
        match kind {
            b'K' => name = content,
            _ => sink(name, content, range.start),
        }
        // A line break ends it.
        at = range.end + 1;
    }
}

/// The entry at an offset: whether it is a name or a value, and where that stands.
fn entry(bytes: &[u8], at: usize) -> Option<(u8, std::ops::Range<usize>)> {
    let rest = bytes.get(at..)?;
    let line = &rest[..memchr(b'\n', rest)?];
    let (kind, digits) = match line {
        [kind @ (b'K' | b'V'), b' ', digits @ ..] => (*kind, digits),
        _ => return None,
    };
    let len: usize = std::str::from_utf8(digits.trim_ascii_end()).ok()?.parse().ok()?;
    let start = at + line.len() + 1;
    let end = start.checked_add(len).filter(|end| *end <= bytes.len())?;
    Some((kind, start..end))
}
