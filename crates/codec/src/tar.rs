//! tar: [POSIX ustar and pax], GNU and v7.
//!
//! ```text
//!    0 name 100 | mode 8 | uid 8 | gid 8 | size 12 | mtime 12 | checksum 8 | type 1 | link name 100 |
//!  257 "ustar" 0 "00" (POSIX) or "ustar  " 0 (GNU) | user 32 | group 32 | device 16 | 345 prefix 155 |      512 bytes
//!      old GNU sparse: 482 more follow? 1
//!  +--------+----------------------+--------+--------------+---------------+
//!  | header | content, zero-padded | header | content ...  | two zero      |
//!  | 512    | to 512               | 512    |              | blocks        |
//!  +--------+----------------------+--------+--------------+---------------+
//! ```
//!
//! Headers of type `x` and `g` (pax records `LEN KEY=VALUE\\n`), `L` and `K` (GNU long names) describe the member after
//! them.
//!
//! A sparse member holds what is between its holes. The old kind, type `S`, has the map of them in its header and extension
//! blocks behind it; the pax kinds, whose records are `GNU.sparse.*`, have it in the records, or, from [format 1.0] on, in
//! front of the content.
//!
//! [format 1.0]: https://www.gnu.org/software/tar/manual/html_node/PAX-1.html
//! [POSIX ustar and pax]: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_01

mod header;
mod pax;
mod sparse;

use std::mem;

use self::header::{Header, Type};
use self::pax::Records;
use self::sparse::Map;
use crate::decoder::Fault;
use crate::segmenter::{Part, Segmenter, before_zero, fill, keep, take, take_steps};

/// The size of a block: headers are one, contents are padded to whole ones.
pub const BLOCK: usize = 512;

/// Names the members of a tar archive and says where their contents stand.
///
/// Every member is reported, those without content (links, directories, devices) with length 0. A name is the pax
/// `GNU.sparse.name` or `path`, else the GNU long name, else the header's prefix and name, `/` between them. The map in
/// front of a sparse member's content is no part of the content; what is no map ends with its block.
///
/// # Errors
///
/// [`Fault::Corrupt`] for a header whose checksum does not fit, a size that is none, and broken pax records;
/// [`Fault::Truncated`] where the archive ends inside a member or headers; [`Fault::Members`]. The end of the input after
/// a whole member is accepted, as is missing padding of the last one.
///
/// # Resource usage
///
/// 850 bytes, and up to four names of at most [`Part::NAME_MAX`] bytes, whatever the input.
pub struct Tar {
    state: State,
    /// The header being read; the first `have` bytes are.
    block: [u8; BLOCK],
    have: usize,
    /// Offset of the next input byte.
    offset: u64,
    /// Offset of the first header that describes the next member.
    first_header: Option<u64>,
    /// Offset of the first header of what is being read.
    current: u64,
    /// What `x` headers said of the next member.
    next: Described,
    /// What `g` headers said of all members after them, and the offset of the first of them.
    all: Described,
    global_header: Option<u64>,
    long_name: Option<Vec<u8>>,
    members: u64,
    max_members: u64,
}

/// What pax records say of a member.
#[derive(Default)]
struct Described {
    path: Option<Vec<u8>>,
    /// `GNU.sparse.name`: the path of a sparse member, whose `path` is a made-up one.
    sparse_name: Option<Vec<u8>>,
    size: Option<u64>,
    /// `GNU.sparse.major`: whether a sparse member's map stands in front of its content.
    sparse_map: bool,
}

enum State {
    Header,
    /// Extension blocks of an old GNU sparse header, kept in `block` one after the other; `size` is the content's.
    Sparse {
        size: u64,
        name: Vec<u8>,
    },
    /// The map in front of a sparse member's content.
    SparseMap {
        left: u64,
        map: Map,
        name: Vec<u8>,
    },
    /// From the end of that map to the next block; `size` is the content's.
    SparsePadding {
        left: u64,
        size: u64,
        name: Vec<u8>,
    },
    Content {
        left: u64,
        padding: u16,
    },
    LongName {
        left: u64,
        padding: u16,
        name: Vec<u8>,
        ended: bool,
    },
    Pax {
        left: u64,
        padding: u16,
        records: Records,
        global: bool,
    },
    Skip {
        left: u64,
    },
    /// After the end, or after an error: everything is ignored.
    Dead,
}

impl Tar {
    /// A reader for at most `max_members` members.
    #[must_use]
    pub fn new(max_members: u64) -> Self {
        Self {
            state: State::Header,
            block: [0; BLOCK],
            have: 0,
            offset: 0,
            first_header: None,
            global_header: None,
            current: 0,
            next: Described::default(),
            all: Described::default(),
            long_name: None,
            members: 0,
            max_members,
        }
    }

    /// Whether a tar archive begins with `block`: a header with a checksum that fits, and the ustar magic or, for v7, a
    /// printable name and number fields. Fewer than [`BLOCK`] bytes never are.
    #[must_use]
    pub fn sniff(block: &[u8]) -> bool {
        block.first_chunk().is_some_and(|block| Header(block).is_plausible())
    }

    /// Fills `block`; true once it is whole.
    fn fill(&mut self, input: &mut &[u8]) -> bool {
        let whole = fill(&mut self.block, &mut self.have, input, &mut self.offset);
        if whole {
            self.have = 0;
        }
        whole
    }

    /// Reads the header in `block`.
    fn header(&mut self, sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        let at = self.offset - BLOCK as u64;
        let block = self.block;
        let header = Header(&block);
        if header.is_zero() {
            self.state = State::Dead;
            return match self.first_header {
                Some(first) => Err((first, Fault::Truncated)),
                None => Ok(()),
            };
        }
        if !header.checksum_fits() {
            return Err((at, Fault::Corrupt));
        }
        let size = header.size().ok_or((at, Fault::Corrupt))?;
        let padding = padding(size);
        let kind = header.kind();
        self.current = match kind {
            Type::Pax { global: true } => *self.global_header.get_or_insert(at),
            _ => *self.first_header.get_or_insert(at),
        };
        match kind {
            Type::Pax { global } => {
                self.state = State::Pax { left: size, padding, records: Records::new(), global };
            }
            Type::LongName => {
                self.state = State::LongName { left: size, padding, name: Vec::new(), ended: false };
            }
            Type::LongLink => self.state = State::Skip { left: size + u64::from(padding) },
            Type::Content | Type::NoContent | Type::OldSparse => {
                let described = mem::take(&mut self.next);
                let size = match kind {
                    Type::NoContent => 0,
                    _ => described.size.or(self.all.size).unwrap_or(size),
                };
                let own = described.sparse_name.or(described.path).or(self.long_name.take());
                let name = match (own, &self.all.path, self.global_header) {
                    (Some(name), _, _) => name,
                    (None, Some(path), Some(from)) => {
                        self.current = from;
                        path.clone()
                    }
                    _ => header.name(),
                };
                if kind == Type::OldSparse && header.sparse_goes_on() {
                    self.state = State::Sparse { size, name };
                } else if kind == Type::Content && described.sparse_map && size > 0 {
                    self.state = State::SparseMap { left: size, map: Map::new(), name };
                } else {
                    self.begin(size, name, sink)?;
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, len: u64, name: Vec<u8>, sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        let at = self.offset;
        let header = self.current;
        self.first_header = None;
        if self.members == self.max_members {
            return Err((header, Fault::Members));
        }
        self.members += 1;
        sink(Part::Begin { at, header, len, name });
        // Not of `len` alone: a map may fill the last block in part.
        let padding = padding(at.wrapping_add(len));
        self.state = State::Content { left: len, padding };
        if len == 0 {
            sink(Part::End { at });
            self.state = State::Skip { left: u64::from(padding) };
        }
        Ok(())
    }

    fn step(&mut self, input: &mut &[u8], sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        match mem::replace(&mut self.state, State::Header) {
            State::Header => {
                if self.fill(input) {
                    return self.header(sink);
                }
            }
            State::Sparse { size, name } => {
                if !self.fill(input) || Header(&self.block).extension_goes_on() {
                    self.state = State::Sparse { size, name };
                } else {
                    return self.begin(size, name, sink);
                }
            }
            State::SparseMap { left, mut map, name } => {
                let seen = take(&mut &input[..], left, &mut 0);
                let read = map.feed(seen) as u64;
                take(input, read, &mut self.offset);
                let left = left - read;
                if left == 0 || map.has_ended() {
                    let padding = u64::from(padding(self.offset)).min(left);
                    let size = left - padding;
                    if padding == 0 {
                        return self.begin(size, name, sink);
                    }
                    self.state = State::SparsePadding { left: padding, size, name };
                } else {
                    self.state = State::SparseMap { left, map, name };
                }
            }
            State::SparsePadding { left, size, name } => {
                let left = left - take(input, left, &mut self.offset).len() as u64;
                if left == 0 {
                    return self.begin(size, name, sink);
                }
                self.state = State::SparsePadding { left, size, name };
            }
            State::Content { left, padding } => {
                let taken = take(input, left, &mut self.offset).len() as u64;
                self.state = State::Content { left: left - taken, padding };
                if left == taken {
                    sink(Part::End { at: self.offset });
                    self.state = State::Skip { left: u64::from(padding) };
                }
            }
            State::LongName { left, padding, mut name, mut ended } => {
                let taken = take(input, left, &mut self.offset);
                let text = before_zero(taken);
                if !ended {
                    keep(&mut name, text);
                    ended = text.len() < taken.len();
                }
                let left = left - taken.len() as u64;
                if left == 0 {
                    self.long_name = Some(name);
                    self.state = State::Skip { left: u64::from(padding) };
                } else {
                    self.state = State::LongName { left, padding, name, ended };
                }
            }
            State::Pax { left, padding, mut records, global } => {
                let taken = take(input, left, &mut self.offset);
                let header = self.current;
                let described = if global { &mut self.all } else { &mut self.next };
                records.feed(taken, described).map_err(|fault| (header, fault))?;
                let left = left - taken.len() as u64;
                if left == 0 {
                    records.finish().map_err(|fault| (header, fault))?;
                    self.state = State::Skip { left: u64::from(padding) };
                } else {
                    self.state = State::Pax { left, padding, records, global };
                }
            }
            State::Skip { left } => {
                let taken = take(input, left, &mut self.offset).len() as u64;
                if taken < left {
                    self.state = State::Skip { left: left - taken };
                }
            }
            State::Dead => {
                take(input, u64::MAX, &mut self.offset);
                self.state = State::Dead;
            }
        }
        Ok(())
    }
}

impl Segmenter for Tar {
    fn feed(&mut self, input: &[u8], sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        take_steps(input, |input| self.step(input, sink)).inspect_err(|_| self.state = State::Dead)
    }

    fn finish(&mut self, _sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        let truncated = |at| Err((at, Fault::Truncated));
        let partial = &self.block[..self.have];
        match (mem::replace(&mut self.state, State::Dead), self.first_header) {
            (State::Dead, _) => Ok(()),
            (State::Content { .. } | State::Pax { left: 1.., .. }, _) => truncated(self.current),
            (_, Some(first)) => truncated(first),
            (State::Header, None) if partial.iter().any(|&b| b != 0) => {
                truncated(self.offset - self.have as u64)
            }
            // Between members, in the padding of the last one, or in the zero blocks at the end.
            _ => Ok(()),
        }
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Tar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tar")
            .field("offset", &self.offset)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

/// Bytes from the end of `size` bytes of content to the next block.
fn padding(size: u64) -> u16 {
    (size.wrapping_neg() % BLOCK as u64) as u16
}
