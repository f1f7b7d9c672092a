//! Entries of zip archives ([APPNOTE.TXT] 4.3.7), each for itself.
//!
//! ```text
//! +-------------+-----+-------+--------+------+------+-------+--------+------+------+------+
//! | PK 03 04    | VER | FLAGS | METHOD | TIME | DATE | CRC32 | PACKED | SIZE | NLEN | XLEN |      LE; CRC32, PACKED and
//! +-------------+-----+-------+--------+------+------+-------+--------+------+------+------+      SIZE of 4 bytes, the
//! | name (NLEN) | extra fields (XLEN) | body (PACKED) | data descriptor |                         rest of 2
//! +-------------+---------------------+---------------+-----------------+
//!   FLAGS: bit 0 encrypted, 3 CRC32 and sizes are zero here and follow in a descriptor, 6 and 13 encrypted too, 11 UTF-8
//!   extra field: id (2), length (2), value; id 0001: sizes of 8 bytes, where those of 4 are all ones
//! ```
//!
//! An archive's entries stand one behind the other, between anything, and are listed once more at its end. Whoever streams
//! looks for `PK 03 04` and decodes what stands there, as receivers that stream do.
//!
//! [APPNOTE.TXT]: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

mod descriptor;
mod directory;
mod header;

use crc32fast::Hasher;

use self::descriptor::{Descriptor, Fit};
pub use self::directory::{
    DIRECTORY_MAGIC, Directory, END_LEN, END_MAGIC, End, Headers, LOCATOR_LEN, Listed, Progress,
};
use self::header::Header;
#[cfg(feature = "bzip2")]
use crate::bzip2::Bzip2;
use crate::decoder::{Decoder, Fault, Next, Step, take_turns};
use crate::deflate::Deflate;
#[cfg(feature = "xz")]
use crate::xz::Xz;
#[cfg(feature = "zstd")]
use crate::zstd::Zstd;

/// The bytes an entry begins with.
pub const MAGIC: [u8; 4] = header::MAGIC;

/// Bytes that [`starts`] wants to see.
pub const PROBE_LEN: usize = header::LEN;

/// Methods.
const STORED: u16 = 0;
const DEFLATE: u16 = 8;
#[cfg(feature = "bzip2")]
const BZIP2: u16 = 12;
#[cfg(feature = "zstd")]
const ZSTD: u16 = 93;
#[cfg(feature = "xz")]
const XZ: u16 = 95;

/// Whether `prefix` begins with an entry's header that makes sense: a version, flags and a method that exist (4.4.5), and a name of 1 to 4096
/// bytes. Of random data one place in 2^57 does.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    header::is_plausible(prefix)
}

/// Whether `prefix` may begin an entry: receivers that read the central directory do not look at most of the header. A magic number and a name.
#[must_use]
pub fn may_start(prefix: &[u8]) -> bool {
    prefix.len() >= PROBE_LEN && prefix.starts_with(&MAGIC) && prefix[26..28] != [0, 0]
}

/// What an entry is, whoever says so: itself when it has been decoded, or the archive's [`Directory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// How its body is compressed.
    pub method: u16,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// CRC-32 of the content.
    pub crc: u32,
    /// Length of the body, in bytes.
    pub packed: u64,
    /// Length of the content, in bytes.
    pub size: u64,
}

impl Entry {
    /// What the local header with which `bytes` begin says of the body, sizes and checksum apart, which may stand behind it.
    #[must_use]
    pub fn announced(bytes: &[u8]) -> Option<Entry> {
        let header = Header::parse(bytes.first_chunk()?);
        let entry =
            Entry { method: header.method, encrypted: header.is_encrypted(), crc: 0, packed: 0, size: 0 };
        Some(entry)
    }

    /// The same of an entry of which all is known.
    #[must_use]
    pub fn kind(self) -> Entry {
        Entry { crc: 0, packed: 0, size: 0, ..self }
    }
}

/// A push decoder for one entry of a zip archive.
///
/// The methods are stored (0) and deflate (8), and behind the features of their names bzip2 (12), Zstandard (93) and xz (95).
/// A body of these three may have several streams or frames if the header tells its size, else it has one.
///
/// # Latency
///
/// That of the method. None for stored and deflate.
///
/// # Checks
///
/// The CRC-32 and both sizes are verified. A body that ends before or after its declared size is [`Fault::Corrupt`].
/// Encrypted entries are [`Fault::Encrypted`]; other methods, and stored entries whose size is not in the header (where
/// they end cannot be told), are [`Fault::Unsupported`]. All of these are said when the name is known.
///
/// # End
///
/// [`Step::Done`] is reported with the last byte of the body or of its data descriptor. The descriptor may have a signature
/// or not, and sizes of 4 or of 8 bytes: it is the form that fits. Should two fit (the content is empty), the extra field
/// decides.
///
/// # Resource usage
///
/// Name and extra fields of at most 64 KiB each, then what the decoder of the method takes.
pub struct ZipEntry {
    state: State,
    window_limit: u64,
    head: [u8; header::LEN],
    header: Header,
    name: Vec<u8>,
    extra: Vec<u8>,
    /// Decodes the body; kept for the next entry.
    inner: Option<Inner>,
    /// Of the content.
    crc: Hasher,
    /// Content so far.
    size: u64,
    total_in: u64,
    /// Where the body begins.
    body_at: u64,
    /// Whether the header makes sense.
    plausible: bool,
    /// Whether checksum and sizes have been found right.
    verified: bool,
    /// Whether it ended without a body.
    empty: bool,
    /// Length of the body, when it has ended.
    packed: u64,
    starts: Vec<u64>,
}

#[derive(Clone, Copy)]
enum State {
    /// `at` bytes of the header are in `head`.
    Header {
        at: usize,
    },
    /// Some of the name is in `name`.
    Name,
    /// Some of the extra fields is in `extra`.
    Extra,
    Stored {
        left: u64,
    },
    /// `left` is known if the header tells the size of the body.
    Packed {
        left: Option<u64>,
    },
    Descriptor(Descriptor),
    /// Behind an entry that is compressed and says to be empty; `at` bytes of a signature have been seen, the last one being `last`.
    Behind {
        at: u8,
        last: u8,
    },
    Ended,
    Failed(Fault),
}

/// The decoders of methods.
enum Inner {
    Deflate(Deflate),
    #[cfg(feature = "bzip2")]
    Bzip2(Bzip2),
    #[cfg(feature = "zstd")]
    Zstd(Zstd),
    #[cfg(feature = "xz")]
    Xz(Xz),
}

impl Inner {
    /// A decoder for `method`, `last` if it is the right one. `single` if only the body itself tells where it ends.
    fn new(method: u16, single: bool, window_limit: u64, last: Option<Self>) -> Option<Self> {
        match (method, last) {
            (DEFLATE, Some(Self::Deflate(mut deflate))) => {
                deflate.reset();
                Some(Self::Deflate(deflate))
            }
            (DEFLATE, _) => Some(Self::Deflate(Deflate::new())),
            #[cfg(feature = "bzip2")]
            (BZIP2, _) => Some(Self::Bzip2(if single { Bzip2::single() } else { Bzip2::new() })),
            #[cfg(feature = "zstd")]
            (ZSTD, _) if single => Some(Self::Zstd(Zstd::single(window_limit))),
            #[cfg(feature = "zstd")]
            (ZSTD, _) => Some(Self::Zstd(Zstd::new(window_limit))),
            #[cfg(feature = "xz")]
            (XZ, _) if single => Some(Self::Xz(Xz::single(window_limit))),
            #[cfg(feature = "xz")]
            (XZ, _) => Some(Self::Xz(Xz::new(window_limit))),
            _ => {
                // What only some methods need.
                let _ = (single, window_limit);
                None
            }
        }
    }

    fn decoder(&self) -> &dyn Decoder {
        match self {
            Self::Deflate(deflate) => deflate,
            #[cfg(feature = "bzip2")]
            Self::Bzip2(bzip2) => bzip2,
            #[cfg(feature = "zstd")]
            Self::Zstd(zstd) => zstd,
            #[cfg(feature = "xz")]
            Self::Xz(xz) => xz,
        }
    }

    fn decoder_mut(&mut self) -> &mut dyn Decoder {
        match self {
            Self::Deflate(deflate) => deflate,
            #[cfg(feature = "bzip2")]
            Self::Bzip2(bzip2) => bzip2,
            #[cfg(feature = "zstd")]
            Self::Zstd(zstd) => zstd,
            #[cfg(feature = "xz")]
            Self::Xz(xz) => xz,
        }
    }
}

impl ZipEntry {
    /// A decoder for one entry. `window_limit` is what the decoder of its method is given, if that has windows of several
    /// sizes.
    #[must_use]
    pub fn new(window_limit: u64) -> Self {
        Self {
            state: State::Header { at: 0 },
            window_limit,
            head: [0; header::LEN],
            header: Header::default(),
            name: Vec::new(),
            extra: Vec::new(),
            inner: None,
            crc: Hasher::new(),
            size: 0,
            total_in: 0,
            body_at: 0,
            plausible: false,
            verified: false,
            empty: false,
            packed: 0,
            starts: Vec::new(),
        }
    }

    /// Forgets everything; the limit stays, and so does the memory of the last method if that is deflate.
    pub fn reset(&mut self) {
        let mut inner = self.inner.take().filter(|inner| matches!(inner, Inner::Deflate(_)));
        if let Some(Inner::Deflate(deflate)) = &mut inner {
            deflate.reset();
        }
        *self = Self { inner, ..Self::new(self.window_limit) };
    }

    /// The entry's name as it stands in the archive, once its header has been read: the UTF-8 one if the extra fields
    /// have another. At most 64 KiB; neither its encoding nor its form is looked at.
    #[must_use]
    pub fn name(&self) -> Option<&[u8]> {
        let known = !matches!(self.state, State::Header { .. } | State::Name | State::Extra);
        (known && self.body_at > 0).then_some(&self.name[..])
    }

    /// What the entry turned out to be, and where it ends, in bytes from its beginning; once it has ended as it should. Bytes that were taken to see that it is
    /// empty are not part of it.
    #[must_use]
    pub fn entry(&self) -> Option<(Entry, u64)> {
        let end = if self.empty { self.body_at } else { self.total_in };
        let (crc, method) = (self.crc.clone().finalize(), self.header.method);
        let entry = Entry { method, encrypted: false, crc, packed: self.packed, size: self.size };
        (self.verified && matches!(self.state, State::Ended)).then_some((entry, end))
    }

    /// The entry says to be empty, and so it is.
    fn end_empty(&mut self) -> State {
        (self.verified, self.empty) = (true, true);
        State::Ended
    }

    /// Takes bytes of the header; returns how many.
    fn head(&mut self, at: usize, input: &[u8]) -> usize {
        let taken = input.len().min(header::LEN - at);
        let magic = &MAGIC[at.min(MAGIC.len())..];
        let fitting = magic.iter().zip(input).take_while(|(wanted, byte)| wanted == byte).count();
        if fitting < magic.len().min(taken) {
            // The byte at fault is not consumed.
            self.state = State::Failed(Fault::Corrupt);
            return fitting;
        }
        self.head[at..at + taken].copy_from_slice(&input[..taken]);
        self.state = State::Header { at: at + taken };
        if at + taken == header::LEN {
            self.header = Header::parse(&self.head);
            self.plausible = starts(&self.head);
            self.state = State::Name;
        }
        taken
    }

    /// Reads the extra fields that have been collected, and says what the body is.
    fn begin_body(&mut self) -> State {
        let mut header = self.header;
        if let Some(name) = header.read_extra(&self.extra, &self.name) {
            self.name = name.to_vec();
        }
        self.extra = Vec::new();
        self.header = header;
        let method = header.method;
        match header.body_len() {
            _ if header.is_encrypted() => State::Failed(Fault::Encrypted),
            _ if header.is_patch() => State::Failed(Fault::Unsupported),
            Some(left) if method == STORED => State::Stored { left },
            None if method == STORED => State::Failed(Fault::Unsupported),
            // What has no content needs no block either.
            Some(0) if header.size == 0 && header.crc == 0 => State::Behind { at: 0, last: 0 },
            left => match Inner::new(method, left.is_none(), self.window_limit, self.inner.take()) {
                Some(inner) => {
                    if !matches!(inner, Inner::Deflate(_)) {
                        self.starts.push(self.body_at);
                    }
                    self.inner = Some(inner);
                    State::Packed { left }
                }
                None => State::Failed(Fault::Unsupported),
            },
        }
    }

    /// Hands out what is stored.
    fn stored(&mut self, left: u64, input: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        if left == 0 {
            self.end_body(0);
            return (0, Next::State);
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        let taken = input.len().min(most).min(limit - out.len());
        if taken == 0 {
            return (0, if input.is_empty() { Next::Input } else { Next::Room });
        }
        out.extend_from_slice(&input[..taken]);
        self.made(&input[..taken]);
        self.state = State::Stored { left: left - taken as u64 };
        (taken, Next::State)
    }

    /// Decodes the body.
    fn packed(&mut self, left: Option<u64>, input: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        let Some(mut inner) = self.inner.take() else { return (0, Next::State) };
        let most = left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX);
        let input = &input[..input.len().min(most)];
        let start = out.len();
        let decoder = inner.decoder_mut();
        let mut step = decoder.decode(input, out, limit - start);
        let used = match step {
            Step::More => input.len(),
            Step::Full { consumed } | Step::Done { consumed } | Step::Bad { consumed, .. } => consumed,
        };
        if step == Step::More && left == Some(used as u64) {
            step = match decoder.finish(out, limit - out.len()) {
                // It is the body that is cut short, not the input.
                Step::Bad { fault: Fault::Truncated, .. } => Step::Bad { consumed: 0, fault: Fault::Corrupt },
                step => step,
            };
        }
        self.starts.extend(decoder.member_starts().drain(..).map(|at| self.body_at + at));
        self.made(&out[start..]);
        self.inner = Some(inner);
        let left = left.map(|left| left - used as u64);
        self.state = State::Packed { left };
        let next = match step {
            Step::More => Next::Input,
            Step::Full { .. } => Next::Room,
            Step::Bad { fault, .. } => {
                self.state = State::Failed(fault);
                Next::State
            }
            Step::Done { .. } => {
                self.end_body(used);
                if left.is_some_and(|left| left > 0) {
                    self.state = State::Failed(Fault::Corrupt);
                }
                Next::State
            }
        };
        (used, next)
    }

    /// Counts content that was handed out.
    fn made(&mut self, content: &[u8]) {
        self.crc.update(content);
        self.size += content.len() as u64;
    }

    /// The body ended, `used` bytes after those that have been counted.
    fn end_body(&mut self, used: usize) {
        let crc = self.crc.clone().finalize();
        let packed = self.total_in + used as u64 - self.body_at;
        self.packed = packed;
        self.state = if self.header.has_descriptor() {
            State::Descriptor(Descriptor::new(crc, packed, self.size, self.header.zip64))
        } else if (crc, self.size) == (self.header.crc, self.header.size) {
            self.verified = true;
            State::Ended
        } else {
            State::Failed(Fault::Corrupt)
        };
    }

    /// Reads what is not the body; returns how much. There is input, or nothing is left of the name or the extra fields.
    fn structure(&mut self, input: &[u8]) -> usize {
        match self.state {
            State::Header { at } => self.head(at, input),
            State::Name => {
                let taken = collect(&mut self.name, self.header.name_len, input);
                if self.name.len() == usize::from(self.header.name_len) {
                    self.state = State::Extra;
                }
                taken
            }
            State::Extra => {
                let taken = collect(&mut self.extra, self.header.extra_len, input);
                if self.extra.len() == usize::from(self.header.extra_len) {
                    self.body_at = self.total_in + taken as u64;
                    self.state = self.begin_body();
                }
                taken
            }
            State::Descriptor(mut descriptor) => {
                let Some(&byte) = input.first() else { return 0 };
                let fit = descriptor.byte(byte);
                self.state = match fit {
                    Fit::More => State::Descriptor(descriptor),
                    Fit::Whole => {
                        self.verified = true;
                        State::Ended
                    }
                    // The byte at fault is not consumed.
                    Fit::No => State::Failed(Fault::Corrupt),
                };
                usize::from(fit != Fit::No)
            }
            State::Behind { at, last } => {
                let Some(&byte) = input.first() else { return 0 };
                self.state = match (at, last, byte) {
                    (0, _, b'P') | (1, _, b'K') | (2, _, 1 | 3 | 5..=7) => {
                        State::Behind { at: at + 1, last: byte }
                    }
                    (3, 1, 2) | (3, 3, 4) | (3, 5, 6) | (3, 6, 6 | 7) | (3, 7, 8) => self.end_empty(),
                    _ => State::Failed(Fault::Corrupt),
                };
                // The byte at fault is not consumed.
                usize::from(!matches!(self.state, State::Failed(_)))
            }
            State::Stored { .. } | State::Packed { .. } | State::Ended | State::Failed(_) => 0,
        }
    }

    /// Whether the state goes on without input.
    fn is_idle(&self) -> bool {
        match self.state {
            State::Name => self.header.name_len > 0,
            State::Extra => self.header.extra_len > 0,
            _ => true,
        }
    }
}

/// Takes what `field` still needs to have `len` bytes; returns how much.
fn collect(field: &mut Vec<u8>, len: u16, input: &[u8]) -> usize {
    let taken = input.len().min(usize::from(len) - field.len());
    field.extend_from_slice(&input[..taken]);
    taken
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for ZipEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZipEntry").field("total_in", &self.total_in).finish_non_exhaustive()
    }
}

impl Decoder for ZipEntry {
    fn is_plain(&self) -> bool {
        self.body_at > 0 && self.header.method == STORED && !self.header.is_encrypted()
    }

    fn name(&self) -> Option<&[u8]> {
        ZipEntry::name(self)
    }

    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        let limit = out.len().saturating_add(cap);
        take_turns(input, |rest| {
            let (used, next) = match self.state {
                State::Ended => (0, Next::Done),
                State::Failed(fault) => (0, Next::Bad(fault)),
                State::Stored { left } => self.stored(left, rest, out, limit),
                State::Packed { left } => self.packed(left, rest, out, limit),
                _ if rest.is_empty() && self.is_idle() => (0, Next::Input),
                _ => (self.structure(rest), Next::State),
            };
            self.total_in += used as u64;
            (used, next)
        })
    }

    fn end(&mut self) -> Result<(), Fault> {
        if matches!(self.state, State::Behind { .. }) {
            self.state = self.end_empty();
            return Ok(());
        }
        self.state = State::Failed(Fault::Truncated);
        Err(Fault::Truncated)
    }

    fn unreleased(&self) -> u64 {
        match (&self.state, &self.inner) {
            (State::Packed { .. }, Some(inner)) => inner.decoder().unreleased(),
            _ => 0,
        }
    }

    fn left(&self) -> u64 {
        let of = |len: u16, taken: &[u8]| u64::from(len).saturating_sub(taken.len() as u64);
        match self.state {
            State::Name => of(self.header.name_len, &self.name) + u64::from(self.header.extra_len),
            State::Extra => of(self.header.extra_len, &self.extra),
            State::Stored { left } => left,
            _ => 0,
        }
    }

    fn block_max(&self) -> u64 {
        self.inner.as_ref().map_or(0, |inner| inner.decoder().block_max())
    }

    fn reset(&mut self) {
        ZipEntry::reset(self);
    }

    fn entry(&self) -> Option<(Entry, u64)> {
        ZipEntry::entry(self)
    }

    fn window_bytes(&self) -> u64 {
        let fields = self.name.len() + self.extra.len();
        fields as u64 + self.inner.as_ref().map_or(0, |inner| inner.decoder().window_bytes())
    }

    /// Whether checksum and sizes are right, or the name is one and the body is what the method says or the header makes sense. Memory of a program that has
    /// archives open, and what decodes to noise, has headers too.
    fn is_established(&self) -> bool {
        let inner = self.inner.as_ref().is_some_and(|inner| inner.decoder().is_established());
        let is_named = !self.name.iter().any(u8::is_ascii_control);
        self.verified || is_named && (inner || self.plausible && self.body_at > 0)
    }

    /// Where streams or frames of the body begin that have a magic number, the first one among them.
    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}
