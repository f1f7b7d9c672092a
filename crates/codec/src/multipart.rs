//! multipart/form-data and its kin: the parts of a form, by [RFC 2046 section 5.1] and [RFC 7578].
//!
//! ```text
//!  --boundary CRLF                                            first line: a delimiter, which names the boundary
//!  Content-Disposition: form-data; name="f"; filename="x" CRLF
//!  Content-Type: text/plain CRLF
//!  CRLF
//!  content CRLF
//!  --boundary CRLF  ...next part...  CRLF --boundary-- CRLF   behind two more hyphens nothing follows
//! ```
//!
//! Contents stand in a body as they are, so all that a reader adds are names, and where lines are counted anew.
//!
//! [RFC 2046 section 5.1]: https://www.rfc-editor.org/rfc/rfc2046#section-5.1
//! [RFC 7578]: https://www.rfc-editor.org/rfc/rfc7578

use crate::decoder::Fault;
use crate::segmenter::{Part, Segmenter, keep, take};

/// The longest boundary, in bytes.
pub const BOUNDARY_MAX: usize = 70;

/// Bytes that [`starts`] wants to see at the most.
pub const PROBE_LEN: usize = 2 + BOUNDARY_MAX + 2 + FIELD.len();

/// What the name of a part's first header field begins with; none but these fields mean anything there.
const FIELD: &[u8] = b"content-";

/// Bytes of a part's header that are kept; a name that stands farther back is not seen.
const HEAD_MAX: usize = 16 << 10;

/// Whether `prefix` begins with a delimiter and the first header field of a part.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    let seen = &prefix[..prefix.len().min(PROBE_LEN)];
    let Some(end) = memchr::memchr(b'\n', seen) else { return false };
    let line = &seen[..end];
    let boundary = line.strip_suffix(b"\r").unwrap_or(line).strip_prefix(b"--");
    boundary.is_some_and(is_boundary)
        && seen[end + 1..].get(..FIELD.len()).is_some_and(|field| field.eq_ignore_ascii_case(FIELD))
}

fn is_boundary(text: &[u8]) -> bool {
    (1..=BOUNDARY_MAX).contains(&text.len())
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte))
        && text.last() != Some(&b' ')
}

/// Names the parts of a form, each by its file's name or else by its field's, and says where their contents stand.
///
/// A content goes up to the end of the delimiter behind it: which of its last bytes are none is known only there. Nothing declares its length, so that of a
/// [`Part::Begin`] is `u64::MAX`. A part without a name has an empty one.
///
/// # Errors
///
/// [`Fault::Corrupt`] for a first line that is no delimiter, and [`Fault::Members`]. A form that ends in the middle of a part is accepted.
///
/// # Resource usage
///
/// 16 KiB of a part's header, whatever the input.
///
/// # Examples
///
/// ```
/// use exfilter_codec::multipart::{self, Multipart};
/// use exfilter_codec::{Part, Segmenter};
///
/// let form = b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.py\"\r\n\r\nx = 1\r\n--b--\r\n";
/// assert!(multipart::starts(form));
///
/// let mut parts = Vec::new();
/// assert_eq!(Multipart::new(1000).feed(form, &mut |part| parts.push(part)), Ok(()));
/// assert_eq!(parts[0], Part::Begin { at: 66, header: 5, len: u64::MAX, name: b"a.py".to_vec() });
/// assert_eq!(parts[1], Part::End { at: 80 });
/// ```
pub struct Multipart {
    state: State,
    /// A line break, two hyphens and the boundary.
    delimiter: Vec<u8>,
    /// What is kept of a line or a header.
    kept: Vec<u8>,
    /// Offset of the next input byte, and of the header of this part.
    offset: u64,
    header: u64,
    members: u64,
    max_members: u64,
}

#[derive(Clone, Copy)]
enum State {
    First,
    /// The header of a part; how long the line is so far, and whether it is a carriage return.
    Header {
        len: u64,
        cr: bool,
    },
    /// A content; so many bytes of a delimiter stand behind its last line break, which is the first of them.
    Content {
        matched: usize,
    },
    /// The rest of a delimiter's line, of which so many are hyphens.
    Line {
        hyphens: usize,
        padded: bool,
    },
    /// Behind the last part, or after an error: everything is ignored.
    Dead,
}

impl Multipart {
    /// A reader for at most `max_members` parts.
    #[must_use]
    pub fn new(max_members: u64) -> Self {
        Self {
            state: State::First,
            delimiter: Vec::new(),
            kept: Vec::new(),
            offset: 0,
            header: 0,
            members: 0,
            max_members,
        }
    }

    /// Bytes held, at most some 16 KiB.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.kept.capacity() + self.delimiter.capacity()
    }

    /// The first line is whole.
    fn first(&mut self) -> Result<(), (u64, Fault)> {
        let line = self.kept.strip_suffix(b"\n").unwrap_or(&self.kept);
        let boundary = line.strip_suffix(b"\r").unwrap_or(line).strip_prefix(b"--");
        let boundary = boundary.filter(|text| is_boundary(text)).ok_or((0, Fault::Corrupt))?;
        self.delimiter = [b"\n--", boundary].concat();
        self.next_header();
        Ok(())
    }

    fn next_header(&mut self) {
        self.kept.clear();
        self.header = self.offset;
        self.state = State::Header { len: 0, cr: false };
    }

    fn begin(&mut self, sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        if self.members == self.max_members {
            return Err((self.header, Fault::Members));
        }
        self.members += 1;
        sink(Part::Begin { at: self.offset, header: self.header, len: u64::MAX, name: name(&self.kept) });
        self.kept.clear();
        // A delimiter may follow at once: the line break is there.
        self.state = State::Content { matched: 1 };
        Ok(())
    }

    fn step(&mut self, input: &mut &[u8], sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        match self.state {
            State::First => {
                let taken = take(input, line_end(input), &mut self.offset);
                self.kept.extend_from_slice(&taken[..taken.len().min(PROBE_LEN)]);
                if taken.ends_with(b"\n") {
                    return self.first();
                }
                if self.offset > PROBE_LEN as u64 {
                    return Err((0, Fault::Corrupt));
                }
            }
            State::Header { len, cr } => {
                let taken = take(input, line_end(input), &mut self.offset);
                let room = HEAD_MAX.saturating_sub(self.kept.len());
                self.kept.extend_from_slice(&taken[..taken.len().min(room)]);
                let line = taken.strip_suffix(b"\n").unwrap_or(taken);
                let cr = if len == 0 { line == b"\r" } else { cr && line.is_empty() };
                let len = len + line.len() as u64;
                self.state = State::Header { len, cr };
                if taken.ends_with(b"\n") {
                    if len == 0 || cr {
                        return self.begin(sink);
                    }
                    self.state = State::Header { len: 0, cr: false };
                }
            }
            State::Content { matched: 0 } => {
                let found = memchr::memchr(b'\n', input);
                take(input, found.map_or(u64::MAX, |at| at as u64 + 1), &mut self.offset);
                self.state = State::Content { matched: usize::from(found.is_some()) };
            }
            State::Content { matched } => {
                if input[0] == self.delimiter[matched] {
                    take(input, 1, &mut self.offset);
                    self.state = match matched + 1 == self.delimiter.len() {
                        true => State::Line { hyphens: 0, padded: false },
                        false => State::Content { matched: matched + 1 },
                    };
                } else {
                    // Looked at once more: it may be a line break itself, which stands in a delimiter nowhere else.
                    self.state = State::Content { matched: 0 };
                }
            }
            State::Line { hyphens, padded } => {
                self.state = match input[0] {
                    b'-' if hyphens < 2 && !padded => State::Line { hyphens: hyphens + 1, padded },
                    b' ' | b'\t' | b'\r' => State::Line { hyphens, padded: true },
                    b'\n' if hyphens != 1 => {
                        take(input, 1, &mut self.offset);
                        sink(Part::End { at: self.offset });
                        match hyphens {
                            0 => self.next_header(),
                            _ => self.state = State::Dead,
                        }
                        return Ok(());
                    }
                    // Another line that begins like a delimiter.
                    _ => {
                        self.state = State::Content { matched: 0 };
                        return Ok(());
                    }
                };
                take(input, 1, &mut self.offset);
            }
            State::Dead => {
                take(input, u64::MAX, &mut self.offset);
            }
        }
        Ok(())
    }
}

impl Segmenter for Multipart {
    fn feed(&mut self, input: &[u8], sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        crate::segmenter::take_steps(input, |input| self.step(input, sink))
            .inspect_err(|_| self.state = State::Dead)
    }

    fn finish(&mut self, _sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        self.state = State::Dead;
        Ok(())
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Multipart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Multipart")
            .field("offset", &self.offset)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

/// Bytes up to the end of a line, or all.
fn line_end(input: &[u8]) -> u64 {
    memchr::memchr(b'\n', input).map_or(u64::MAX, |at| at as u64 + 1)
}

/// The name in a part's header: of its file, or else of its field.
fn name(head: &[u8]) -> Vec<u8> {
    // A line that begins with a blank goes on with the one before.
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in head.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match lines.last_mut() {
            Some(last) if line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) => last.extend(line),
            _ => lines.push(line.to_vec()),
        }
    }
    const DISPOSITION: &[u8] = b"content-disposition:";
    let is_it = |line: &&Vec<u8>| {
        line.get(..DISPOSITION.len()).is_some_and(|field| field.eq_ignore_ascii_case(DISPOSITION))
    };
    let Some(line) = lines.iter().find(is_it) else { return Vec::new() };
    let (mut file, mut field) = (None, None);
    for (key, value) in parameters(&line[DISPOSITION.len()..]) {
        let slot = match &key[..] {
            b"filename" | b"filename*" => &mut file,
            b"name" | b"name*" => &mut field,
            _ => continue,
        };
        slot.get_or_insert(value);
    }
    let mut out = Vec::new();
    keep(&mut out, &file.or(field).unwrap_or_default());
    out
}

/// The parameters behind the first `;`: names in lower case, values without quotes and what quotes escape.
fn parameters(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(at) = memchr::memchr(b';', rest) {
        rest = rest[at + 1..].trim_ascii_start();
        let Some(equals) = rest.iter().position(|byte| matches!(byte, b'=' | b';')) else { break };
        if rest[equals] == b';' {
            continue;
        }
        let key = rest[..equals].trim_ascii().to_ascii_lowercase();
        rest = rest[equals + 1..].trim_ascii_start();
        let mut value = Vec::new();
        match rest.strip_prefix(b"\"") {
            Some(quoted) => {
                let mut bytes = quoted.iter().enumerate();
                let mut end = quoted.len();
                while let Some((at, byte)) = bytes.next() {
                    match byte {
                        b'"' => {
                            end = at;
                            break;
                        }
                        // Browsers escape nothing with it, so only what would end the value counts: `C:\x` is a name.
                        b'\\' if quoted.get(at + 1).is_some_and(|next| matches!(next, b'"' | b'\\')) => {
                            value.extend(bytes.next().map(|(_, byte)| *byte));
                        }
                        _ => value.push(*byte),
                    }
                }
                rest = &quoted[end..];
            }
            None => {
                let end = rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
                value.extend(rest[..end].trim_ascii_end());
                rest = &rest[end..];
            }
        }
        all.push((key, value));
    }
    all
}
