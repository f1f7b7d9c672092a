//! XML as settings files have it: elements, attributes, and the pairs that many of them use for their own names.
//!
//! ```text
//! <servers><server><password>v</password>                       servers.server.password
//! <add key="ClearTextPassword" value="v"/>                      ....ClearTextPassword   (key or name, and value)
//! <data-source user="u" password="v"/>                          data-source.password
//! ```

use memchr::{memchr, memmem};
use zeroize::Zeroizing;

use super::Sink;
use super::path::Trail;

/// Attributes of one element that are looked at.
const MAX_ATTRIBUTES: usize = 64;

/// Reads `bytes`.
pub(super) fn read(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut trail = Trail::new();
    let mut at = 0;
    while let Some(open) = memchr(b'<', &bytes[at..]).map(|n| at + n) {
        let text = bytes[at..open].trim_ascii();
        if !text.is_empty() && trail.depth() > 0 {
            let start = at + (bytes[at..open].len() - bytes[at..open].trim_ascii_start().len());
            sink(trail.name(), &decoded(text), start);
        }
        let rest = &bytes[open..];
        at = if rest.starts_with(b"<!--") {
            open + memmem::find(rest, b"-->").map_or(rest.len(), |n| n + 3)
        } else if rest.starts_with(b"<![CDATA[") {
            let end = memmem::find(rest, b"]]>").unwrap_or(rest.len());
            sink(trail.name(), &rest[9.min(end)..end], open + 9);
            open + (end + 3).min(rest.len())
        } else if rest.starts_with(b"<?") || rest.starts_with(b"<!") {
            open + memchr(b'>', rest).map_or(rest.len(), |n| n + 1)
        } else if rest.starts_with(b"</") {
            trail.pop();
            open + memchr(b'>', rest).map_or(rest.len(), |n| n + 1)
        } else {
            element(bytes, open + 1, &mut trail, sink)
        };
    }
}

/// A start tag whose name begins at `at`. Returns where it ends.
fn element(bytes: &[u8], mut at: usize, trail: &mut Trail, sink: &mut Sink<'_>) -> usize {
    let name_end =
        at + bytes[at..].iter().take_while(|b| !b.is_ascii_whitespace() && !b"/>".contains(b)).count();
    trail.push(&bytes[at..name_end]);
    at = name_end;
    let mut named: Option<Zeroizing<Vec<u8>>> = None;
    let mut valued: Option<(Zeroizing<Vec<u8>>, usize)> = None;
    let mut seen = 0;
    loop {
        at += bytes[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
        match bytes.get(at) {
            None => break,
            Some(b'>') => {
                at += 1;
                break;
            }
            Some(b'/') => {
                at += 1;
                if bytes.get(at) == Some(&b'>') {
                    pair(named.take(), valued.take(), trail, sink);
                    trail.pop();
                    return at + 1;
                }
            }
            Some(_) => {
                let name = at;
                at += bytes[at..]
                    .iter()
                    .take_while(|b| !b.is_ascii_whitespace() && !b"=/>".contains(b))
                    .count();
                let name = &bytes[name..at];
                if bytes.get(at) != Some(&b'=') {
                    // A lone `<` in text; anything that is no attribute is passed over.
                    at += usize::from(name.is_empty());
                    continue;
                }
                at += 1;
                let Some(&quote @ (b'"' | b'\'')) = bytes.get(at) else { continue };
                let start = at + 1;
                let Some(len) = memchr(quote, &bytes[start..]) else { return bytes.len() };
                at = start + len + 1;
                seen += 1;
                if seen > MAX_ATTRIBUTES {
                    continue;
                }
                let value = decoded(&bytes[start..start + len]);
                match name {
                    b"key" | b"name" => named = Some(value),
                    b"value" => valued = Some((value, start)),
                    _ => {
                        trail.push(name);
                        sink(trail.name(), &value, start);
                        trail.pop();
                    }
                }
            }
        }
    }
    pair(named, valued, trail, sink);
    at
}

fn pair(
    named: Option<Zeroizing<Vec<u8>>>,
    valued: Option<(Zeroizing<Vec<u8>>, usize)>,
    trail: &mut Trail,
    sink: &mut Sink<'_>,
) {
    if let Some((value, start)) = valued {
        trail.push(named.as_ref().map_or(b"value", |name| name.as_slice()));
        sink(trail.name(), &value, start);
        trail.pop();
    }
}

/// Undoes the five entities that XML defines.
fn decoded(text: &[u8]) -> Zeroizing<Vec<u8>> {
    const ENTITIES: [(&[u8], u8); 5] =
        [(b"&amp;", b'&'), (b"&lt;", b'<'), (b"&gt;", b'>'), (b"&quot;", b'"'), (b"&apos;", b'\'')];
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut at = 0;
    while at < text.len() {
        match ENTITIES.iter().find(|(entity, _)| text[at..].starts_with(entity)) {
            Some((entity, byte)) => {
                out.push(*byte);
                at += entity.len();
            }
            None => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    out
}
