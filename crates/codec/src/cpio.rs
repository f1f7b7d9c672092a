//! cpio: [odc], which is POSIX's, [newc and crc] of System V, and the old binary one of either byte order.
//!
//! ```text
//!  newc  "070701", crc "070702"                                                                110 bytes
//!    6 inode | mode | uid | gid | links | mtime | 54 size | device 2 × 8 | rdevice 2 × 8 | 94 name size | 102 sum
//!      each 8 hexadecimal digits
//!  odc   "070707"                                                                              76 bytes
//!    6 device 6 | inode 6 | mode 6 | uid 6 | gid 6 | links 6 | rdevice 6 | mtime 11 | 59 name size 6 | 65 size 11
//!      octal digits
//!  old   070707 octal                                                                          26 bytes
//!    2 device | inode | mode | uid | gid | links | rdevice | mtime 2 × 2 | 20 name size | 22 size 2 × 2
//!      words of 16 bits; of two the upper one first
//!  +--------+---------+---------+--------+---------+---------+--------+--------------+-----------
//!  | header | name, 0 | content | header | name, 0 | content | header | "TRAILER!!!" | zeros ...
//!  +--------+---------+---------+--------+---------+---------+--------+--------------+-----------
//! ```
//!
//! newc and crc pad headers with their names, and contents, to 4 bytes; the old format to 2; odc not at all. The name's
//! size counts its zero.
//!
//! After the trailer, and any zeros, another archive may follow: an [initramfs] is a row of them.
//!
//! [odc]: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_07
//! [newc and crc]: https://man.freebsd.org/cgi/man.cgi?query=cpio&sektion=5
//! [initramfs]: https://docs.kernel.org/driver-api/early-userspace/buffer-format.html

mod header;

use std::mem;

use self::header::{Begins, Format, Header};
use crate::decoder::Fault;
use crate::segmenter::{Part, Segmenter, before_zero, fill, keep, take, take_steps};

/// The bytes a header of the newc format begins with.
pub const NEWC_MAGIC: [u8; 6] = *b"070701";

/// The bytes a header of the crc format begins with: newc with a sum over each content.
pub const CRC_MAGIC: [u8; 6] = *b"070702";

/// The bytes a header of the odc format begins with.
pub const ODC_MAGIC: [u8; 6] = *b"070707";

/// The bytes a header of the old binary format begins with, written by a little-endian machine.
pub const BINARY_LE_MAGIC: [u8; 2] = 0o070_707_u16.to_le_bytes();

/// The bytes a header of the old binary format begins with, written by a big-endian machine.
pub const BINARY_BE_MAGIC: [u8; 2] = 0o070_707_u16.to_be_bytes();

/// Bytes that [`starts`] looks at, if there are as many.
pub const PROBE_LEN: usize = header::LONGEST;

/// The name that ends an archive.
const TRAILER: &[u8] = b"TRAILER!!!";

/// Whether `prefix` begins with a whole header that makes sense: digits where they belong, a type of file that exists, a
/// name of 1 to 4095 bytes, and, as far as it is seen, no control bytes in it and a zero at its end. Of random data one
/// place in 2^35 does.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    header::is_plausible(prefix)
}

/// How many bytes [`starts`] wants to see of what begins with `prefix`, as far as `prefix` tells: at most [`PROBE_LEN`], and no
/// content. What has as many is decided: more of it changes nothing.
#[must_use]
pub fn probe_len(prefix: &[u8]) -> usize {
    match Format::of(prefix) {
        Begins::Not => 0,
        Begins::Wants(len) => len,
        Begins::As(format) => {
            let name = format.header(prefix).map_or(0, |header| header.name);
            usize::try_from(name).map_or(PROBE_LEN, |name| PROBE_LEN.min(format.len() + name))
        }
    }
}

/// Names the members of a cpio archive, and of those after it, and says where their contents stand.
///
/// Every member is reported, those without content (directories, devices, all but one of several hard links) with length
/// 0; the content of a symbolic link is its target. The trailer is no member.
///
/// Archives may follow one another after zeros, if they are newc, crc or odc; anything else after a trailer is ignored. Sums
/// of contents are not looked at.
///
/// # Errors
///
/// [`Fault::Corrupt`] for a header without the magic number of those before it (newc and crc go together), digits that are
/// none, no name, and a name that does not end with a zero; [`Fault::Truncated`] where the input ends before a trailer, with
/// the offset of the header of the member it ends in, or that of the end between members; [`Fault::Members`].
///
/// # Resource usage
///
/// 200 bytes, and a name of at most [`Part::NAME_MAX`] bytes, whatever the input.
///
/// # Examples
///
/// ```
/// use exfilter_codec::cpio::{self, Cpio};
/// use exfilter_codec::{Part, Segmenter};
///
/// // Device and inode, mode, what else there is of no interest, sizes.
/// let member = |name: &str, content: &str| {
///     let (name_size, size) = (name.len() + 1, content.len());
///     format!("070707{:012o}{:06o}{:035o}{name_size:06o}{size:011o}{name}\0{content}", 0, 0o100_644, 0)
/// };
/// let archive = [member("passwd", "root"), member("TRAILER!!!", "")].concat();
/// assert!(cpio::starts(archive.as_bytes()));
///
/// let mut parts = Vec::new();
/// let mut cpio = Cpio::new(1000);
/// assert_eq!(cpio.feed(archive.as_bytes(), &mut |part| parts.push(part)), Ok(()));
/// assert_eq!(parts[0], Part::Begin { at: 83, header: 0, len: 4, name: b"passwd".to_vec() });
/// assert_eq!(parts[1], Part::End { at: 87 });
/// ```
pub struct Cpio {
    state: State,
    /// The header being read; the first `have` bytes are.
    head: [u8; header::LONGEST],
    have: usize,
    /// Offset of the next input byte.
    offset: u64,
    /// Offset of the header of what is being read.
    current: u64,
    /// The format of the archive, once a header has told.
    format: Option<Format>,
    members: u64,
    max_members: u64,
}

enum State {
    Header,
    /// `padding` and `size` bytes of content follow the name.
    Name {
        left: u64,
        padding: u64,
        size: u64,
        name: Vec<u8>,
    },
    NamePadding {
        left: u64,
        size: u64,
        name: Vec<u8>,
    },
    Content {
        left: u64,
        padding: u64,
    },
    /// Padding after a content.
    Padding {
        left: u64,
    },
    /// Padding after the trailer's name.
    TrailerPadding {
        left: u64,
    },
    /// After a trailer: zeros, then in `head` what may be the magic number of another archive.
    Between,
    /// After an error or the end: everything is ignored.
    Dead,
}

impl Cpio {
    /// A reader for at most `max_members` members, in all archives together.
    #[must_use]
    pub fn new(max_members: u64) -> Self {
        Self {
            state: State::Header,
            head: [0; header::LONGEST],
            have: 0,
            offset: 0,
            current: 0,
            format: None,
            members: 0,
            max_members,
        }
    }

    /// Fills `head` up to `len` bytes; true once it is.
    fn fill(&mut self, len: usize, input: &mut &[u8]) -> bool {
        fill(&mut self.head[..len], &mut self.have, input, &mut self.offset)
    }

    /// Reads on in a header.
    fn header(&mut self, input: &mut &[u8]) -> Result<(), (u64, Fault)> {
        self.current = self.offset - self.have as u64;
        let corrupt = (self.current, Fault::Corrupt);
        let format = loop {
            match Format::of(&self.head[..self.have]) {
                Begins::As(format) => break format,
                Begins::Not => return Err(corrupt),
                Begins::Wants(len) => {
                    if !self.fill(len, input) {
                        return Ok(());
                    }
                }
            }
        };
        if *self.format.get_or_insert(format) != format {
            return Err(corrupt);
        }
        if self.fill(format.len(), input) {
            self.have = 0;
            let Header { name, size, .. } = format.header(&self.head).ok_or(corrupt)?;
            let padding = format.padding(format.len() as u64 + name);
            self.state = State::Name { left: name, padding, size, name: Vec::new() };
        }
        Ok(())
    }

    fn begin(&mut self, len: u64, name: Vec<u8>, sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        let (at, header) = (self.offset, self.current);
        if self.members == self.max_members {
            return Err((header, Fault::Members));
        }
        self.members += 1;
        sink(Part::Begin { at, header, len, name });
        let padding = self.format.map_or(0, |format| format.padding(len));
        self.state = State::Content { left: len, padding };
        if len == 0 {
            self.end(padding, sink);
        }
        Ok(())
    }

    fn end(&mut self, padding: u64, sink: &mut dyn FnMut(Part)) {
        sink(Part::End { at: self.offset });
        self.state = if padding == 0 { State::Header } else { State::Padding { left: padding } };
    }

    fn step(&mut self, input: &mut &[u8], sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        match mem::replace(&mut self.state, State::Header) {
            State::Header => return self.header(input),
            State::Name { left, padding, size, mut name } => {
                let taken = take(input, left, &mut self.offset);
                keep(&mut name, taken);
                let left = left - taken.len() as u64;
                if left > 0 {
                    self.state = State::Name { left, padding, size, name };
                    return Ok(());
                }
                if taken.last() != Some(&0) {
                    return Err((self.current, Fault::Corrupt));
                }
                name.truncate(before_zero(&name).len());
                if name == TRAILER {
                    self.format = None;
                    self.state = State::TrailerPadding { left: padding };
                } else if padding > 0 {
                    self.state = State::NamePadding { left: padding, size, name };
                } else {
                    return self.begin(size, name, sink);
                }
            }
            State::NamePadding { left, size, name } => {
                let left = left - take(input, left, &mut self.offset).len() as u64;
                if left == 0 {
                    return self.begin(size, name, sink);
                }
                self.state = State::NamePadding { left, size, name };
            }
            State::Content { left, padding } => {
                let left = left - take(input, left, &mut self.offset).len() as u64;
                self.state = State::Content { left, padding };
                if left == 0 {
                    self.end(padding, sink);
                }
            }
            State::Padding { left } => {
                let left = left - take(input, left, &mut self.offset).len() as u64;
                if left > 0 {
                    self.state = State::Padding { left };
                }
            }
            State::TrailerPadding { left } => {
                let left = left - take(input, left, &mut self.offset).len() as u64;
                self.state = if left == 0 { State::Between } else { State::TrailerPadding { left } };
            }
            State::Between => self.between(input),
            State::Dead => {
                take(input, u64::MAX, &mut self.offset);
                self.state = State::Dead;
            }
        }
        Ok(())
    }

    /// Reads on after a trailer.
    fn between(&mut self, input: &mut &[u8]) {
        self.state = State::Between;
        if self.have == 0 {
            let zeros = input.iter().position(|&b| b != 0).unwrap_or(input.len());
            take(input, zeros as u64, &mut self.offset);
        }
        if input.is_empty() || !self.fill(NEWC_MAGIC.len(), input) {
            return;
        }
        let is_text = self.head.starts_with(b"0");
        self.state = match Format::of(&self.head[..self.have]) {
            Begins::As(_) if is_text => State::Header,
            _ => State::Dead,
        };
    }
}

impl Segmenter for Cpio {
    fn feed(&mut self, input: &[u8], sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        take_steps(input, |input| self.step(input, sink)).inspect_err(|_| self.state = State::Dead)
    }

    fn finish(&mut self, _sink: &mut dyn FnMut(Part)) -> Result<(), (u64, Fault)> {
        match mem::replace(&mut self.state, State::Dead) {
            State::Header => Err((self.offset - self.have as u64, Fault::Truncated)),
            State::Padding { .. } => Err((self.offset, Fault::Truncated)),
            State::Name { .. } | State::NamePadding { .. } | State::Content { .. } => {
                Err((self.current, Fault::Truncated))
            }
            State::TrailerPadding { .. } | State::Between | State::Dead => Ok(()),
        }
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Cpio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cpio")
            .field("offset", &self.offset)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}
