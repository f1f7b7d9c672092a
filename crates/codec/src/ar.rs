//! ar: static libraries and Debian packages, with the names of [System V and GNU] and of [BSD].
//!
//! ```text
//!    0 name 16 | mtime 12 | uid 6 | gid 6 | mode 8 | 48 size 10 | 58 "`\n"      60 bytes, text filled up with spaces
//!  +-------------+--------+----------------------+--------+-----------
//!  | "!<arch>\n" | header | content, padded to 2 | header | content ...
//!  | 8           | 60     |                      | 60     |
//!  +-------------+--------+----------------------+--------+-----------
//! ```
//!
//! | name field | means |
//! |---|---|
//! | `name/`, `name` | the name itself, of System V and GNU, and of BSD |
//! | `/`, `/SYM64/`, `__.SYMDEF` | a table of symbols |
//! | `//` | the table of long names, each with `/` and a line feed behind it, or a zero |
//! | `/123` | the name at offset 123 of that table; `/123:456` in a thin archive is one of an archive in it |
//! | `#1/20` | the first 20 bytes of the content, filled up with zeros |
//!
//! Nothing marks the end. A thin archive, `!<thin>\n`, holds the headers of its members and not their contents, but for
//! its tables.
//!
//! [System V and GNU]: https://sourceware.org/git/?p=binutils-gdb.git;a=blob;f=include/aout/ar.h
//! [BSD]: https://man.freebsd.org/cgi/man.cgi?query=ar&sektion=5

use std::mem;

use crate::decoder::Fault;
use crate::segmenter::{Part, Segmenter, before_zero, fill, keep, take, take_steps};

/// The bytes an archive begins with.
pub const MAGIC: [u8; 8] = *b"!<arch>\n";

/// The bytes a thin archive begins with.
pub const THIN_MAGIC: [u8; 8] = *b"!<thin>\n";

/// Bytes that [`starts`] wants to see: the magic number and a header.
pub const PROBE_LEN: usize = MAGIC.len() + HEADER;

/// Bytes of the table of long names that are kept.
pub const NAMES_MAX: usize = 1 << 20;

/// The length of a header.
const HEADER: usize = 60;

/// Whether `prefix` begins with an archive's magic number, thin or not, and a member's header. Fewer than [`PROBE_LEN`]
/// bytes never do: an archive without members has nothing to name.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    let (magic, rest) = prefix.split_at(prefix.len().min(MAGIC.len()));
    (magic == MAGIC || magic == THIN_MAGIC)
        && rest.first_chunk().is_some_and(|header| Header(header).size().is_some())
}

/// Names the members of an ar archive and says where their contents stand.
///
/// The tables of symbols and names are members too, named as their headers name them. A name that stands at the beginning
/// of the content is no part of the content. Of a thin archive all members but the tables have length 0. A reference
/// to a name that does not end within the first [`NAMES_MAX`] bytes of the last table before it, or to none, is reported
/// as it stands.
///
/// # Errors
///
/// [`Fault::Corrupt`] for another magic number, a header that does not end as headers do, a size that is no decimal number,
/// and a name longer than the content it stands in; [`Fault::Truncated`] where the archive ends inside its magic number, a
/// header or a member; [`Fault::Members`]. The end of the input after a whole member is accepted, as is missing padding of
/// the last one.
///
/// # Resource usage
///
/// 200 bytes, a name of at most [`Part::NAME_MAX`] bytes and a table of at most [`NAMES_MAX`], whatever the input. A
/// member may cost a look at [`Part::NAME_MAX`] bytes of the table.
///
/// # Examples
///
/// ```
/// use exfilter_codec::ar::{self, Ar};
/// use exfilter_codec::{Part, Segmenter};
///
/// let mut archive = ar::MAGIC.to_vec();
/// archive.extend(format!("{:<48}{:<10}`\n2.0\n", "debian-binary", 4).bytes());
/// assert!(ar::starts(&archive));
///
/// let mut parts = Vec::new();
/// let mut ar = Ar::new(1000);
/// assert_eq!(ar.feed(&archive, &mut |part| parts.push(part)), Ok(()));
/// assert_eq!(parts[0], Part::Begin { at: 68, header: 8, len: 4, name: b"debian-binary".to_vec() });
/// assert_eq!(parts[1], Part::End { at: 72 });
/// ```
pub struct Ar {
    state: State,
    /// The header being read; the first `have` bytes are.
    head: [u8; HEADER],
    have: usize,
    /// Offset of the next input byte.
    offset: u64,
    /// Offset of the header of what is being read.
    current: u64,
    thin: bool,
    /// The table of long names, as much as is kept of it.
    names: Vec<u8>,
    members: u64,
    max_members: u64,
}

enum State {
    Magic,
    Header,
    /// A name at the beginning of a content; `len` bytes of content follow it.
    Name {
        left: u64,
        name: Vec<u8>,
        len: u64,
    },
    Content {
        left: u64,
        is_names: bool,
    },
    Padding,
    /// After an error or the end: everything is ignored.
    Dead,
}

impl Ar {
    /// A reader for at most `max_members` members, tables among them.
    #[must_use]
    pub fn new(max_members: u64) -> Self {
        Self {
            state: State::Magic,
            head: [0; HEADER],
            have: 0,
            offset: 0,
            current: 0,
            thin: false,
            names: Vec::new(),
            members: 0,
            max_members,
        }
    }

    /// Bytes held for the table of long names, at most [`NAMES_MAX`].
    #[must_use]
    pub fn memory(&self) -> usize {
        self.names.capacity()
    }

    /// Reads the header in `head`.
    fn header(&mut self, sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        self.current = self.offset - HEADER as u64;
        let corrupt = (self.current, Fault::Corrupt);
        let head = self.head;
        let header = Header(&head);
        let size = header.size().ok_or(corrupt)?;
        let field = header.name();
        if !self.thin
            && let Some(left) = field.strip_prefix(b"#1/").and_then(decimal)
        {
            let len = size.checked_sub(left).ok_or(corrupt)?;
            self.state = State::Name { left, name: Vec::new(), len };
            return if left == 0 { self.begin(len, Vec::new(), sink) } else { Ok(()) };
        }
        let is_table = matches!(field, b"/" | b"//" | b"/SYM64/");
        let len = if self.thin && !is_table { 0 } else { size };
        let name = match field {
            [b'/', reference @ ..] => self.long_name(reference).unwrap_or(field),
            [name @ .., b'/'] | name => name,
        };
        let name = name.to_vec();
        self.begin(len, name, sink)?;
        if field == b"//" {
            self.names.clear();
            if let State::Content { is_names, .. } = &mut self.state {
                *is_names = true;
            }
        }
        Ok(())
    }

    /// The name in the table that a name field refers to.
    fn long_name(&self, reference: &[u8]) -> Option<&[u8]> {
        // Some writers of thin archives leave a slash at the end of the field.
        let reference = without_spaces(reference.strip_suffix(b"/").unwrap_or(reference));
        let mut numbers = reference.splitn(2, |&b| b == b':');
        let at = numbers.next().and_then(decimal)?;
        if let Some(member) = numbers.next() {
            decimal(member)?;
        }
        let rest = self.names.get(usize::try_from(at).ok()?..)?;
        // A byte more for the slash at its end.
        let seen = &rest[..rest.len().min(Part::NAME_MAX + 1)];
        let name = match seen.iter().position(|&b| matches!(b, b'\n' | 0)) {
            Some(end) => &seen[..end],
            None if seen.len() == rest.len() && self.names.len() == NAMES_MAX => return None,
            None => seen,
        };
        let name = name.strip_suffix(b"/").unwrap_or(name);
        Some(&name[..name.len().min(Part::NAME_MAX)]).filter(|name| !name.is_empty())
    }

    /// Keeps what fits of the table of long names.
    fn keep_names(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(NAMES_MAX - self.names.len())];
        if self.names.capacity() - self.names.len() < bytes.len() {
            // Twice as much, but not over the limit.
            let more = self.names.len().min(NAMES_MAX - self.names.len());
            self.names.reserve_exact(more.max(bytes.len()));
        }
        self.names.extend_from_slice(bytes);
    }

    fn begin(&mut self, len: u64, name: Vec<u8>, sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        let (at, header) = (self.offset, self.current);
        if self.members == self.max_members {
            return Err((header, Fault::Members));
        }
        self.members += 1;
        sink(Part::Begin { at, header, len, name });
        self.state = State::Content { left: len, is_names: false };
        if len == 0 {
            self.end(sink);
        }
        Ok(())
    }

    fn end(&mut self, sink: &mut dyn FnMut(Part)) {
        sink(Part::End { at: self.offset });
        // The magic number and headers are of even length.
        self.state = if self.offset.is_multiple_of(2) { State::Header } else { State::Padding };
    }

    fn step(&mut self, input: &mut &[u8], sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        match mem::replace(&mut self.state, State::Header) {
            State::Magic => {
                if !fill(&mut self.head[..MAGIC.len()], &mut self.have, input, &mut self.offset) {
                    self.state = State::Magic;
                    return Ok(());
                }
                self.have = 0;
                self.thin = self.head.starts_with(&THIN_MAGIC);
                if !self.thin && !self.head.starts_with(&MAGIC) {
                    return Err((0, Fault::Corrupt));
                }
            }
            State::Header => {
                if fill(&mut self.head, &mut self.have, input, &mut self.offset) {
                    self.have = 0;
                    return self.header(sink);
                }
            }
            State::Name { left, mut name, len } => {
                let taken = take(input, left, &mut self.offset);
                keep(&mut name, taken);
                let left = left - taken.len() as u64;
                if left == 0 {
                    name.truncate(before_zero(&name).len());
                    return self.begin(len, name, sink);
                }
                self.state = State::Name { left, name, len };
            }
            State::Content { left, is_names } => {
                let taken = take(input, left, &mut self.offset);
                if is_names {
                    self.keep_names(taken);
                }
                let left = left - taken.len() as u64;
                self.state = State::Content { left, is_names };
                if left == 0 {
                    self.end(sink);
                }
            }
            State::Padding => {
                take(input, 1, &mut self.offset);
            }
            State::Dead => {
                take(input, u64::MAX, &mut self.offset);
                self.state = State::Dead;
            }
        }
        Ok(())
    }
}

impl Segmenter for Ar {
    fn feed(&mut self, input: &[u8], sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        take_steps(input, |input| self.step(input, sink)).inspect_err(|_| self.state = State::Dead)
    }

    fn finish(&mut self, _sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        match mem::replace(&mut self.state, State::Dead) {
            State::Magic => Err((0, Fault::Truncated)),
            State::Header if self.have > 0 => Err((self.offset - self.have as u64, Fault::Truncated)),
            State::Name { .. } | State::Content { .. } => Err((self.current, Fault::Truncated)),
            State::Header | State::Padding | State::Dead => Ok(()),
        }
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Ar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ar")
            .field("offset", &self.offset)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

/// A view of a header.
struct Header<'a>(&'a [u8; HEADER]);

impl Header<'_> {
    /// The name field without the spaces that fill it up.
    fn name(&self) -> &[u8] {
        without_spaces(&self.0[..16])
    }

    /// The size field; nothing if it is no number, or if the header does not end as headers do.
    fn size(&self) -> Option<u64> {
        if self.0[58..] != *b"`\n" {
            return None;
        }
        decimal(without_spaces(&self.0[48..58]))
    }
}

fn without_spaces(field: &[u8]) -> &[u8] {
    let end = field.iter().rposition(|&b| b != b' ').map_or(0, |last| last + 1);
    &field[..end]
}

/// A number of 1 to 15 digits: no field is longer.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    digits.iter().try_fold(0, |value: u64, &digit| {
        digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0'))
    })
}
