//! xz ([The .xz File Format]), all streams as one output.
//!
//! ```text
//! +-------------------+-------+---------+------------+-------+-----------------------------------+-------+
//! | fd 37 7a 58 5a 00 | FLAGS | CRC (4) | blocks ... | index | CRC (4), size of index (4), FLAGS | Y  Z  |
//! +-------------------+-------+---------+------------+-------+-----------------------------------+-------+
//!   block: header (size, sizes, filters, CRC), LZMA2 chunks, padding to 4 bytes, check (CRC32, CRC64 or SHA-256)
//!   chunk: 00 end
//!          01, 02     size - 1 (2, BE), content; 01 forgets the dictionary
//!          80..=ff    size of content - 1 (bits 4-0, then 2 bytes BE), size - 1 (2, BE), properties from c0 on, range code;
//!                     e0 and above forget the dictionary
//! ```
//!
//! The headers of streams, blocks and chunks are read here, for the limits and to know where a chunk ends; everything is
//! decoded and verified by liblzma.
//!
//! [The .xz File Format]: https://tukaani.org/xz/xz-file-format.txt

mod header;

use liblzma::stream::{Action, Error, Status, Stream};

use self::header::{BlockHeader, Refusal};
use crate::decoder::{Decoder, Fault, Next, Step, take_turns};

/// The bytes a stream begins with.
pub const MAGIC: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0x00];

/// Bytes that [`starts`] wants to see.
pub const PROBE_LEN: usize = 8;

/// Bytes of a stream's header.
const STREAM_HEADER: usize = 12;

/// Sizes of the checks, in bytes, by their id.
const CHECK_SIZES: [u8; 16] = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

/// Bytes of a range code that are taken in before the symbols they hold come out.
const LOOKAHEAD: u64 = 5;

/// What liblzma takes beside the dictionary, in bytes, rounded up.
const TABLES: u64 = 64 * 1024;

/// Output room offered first, doubled as it proves too small: offering means clearing.
const ROOM: usize = 4 * 1024;

/// The largest offer.
const ROOM_MAX: usize = 128 * 1024;

/// Whether `prefix` begins with the magic number of a stream and flags that exist.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    prefix.starts_with(&MAGIC) && matches!(prefix[MAGIC.len()..], [0, 0..=15, ..])
}

/// A push decoder for xz.
///
/// # Latency
///
/// A byte is handed out as soon as liblzma has read the code of the symbol that yields it. A range code overlaps with what
/// follows, so [`Decoder::unreleased`] counts the last 5 bytes taken in of a chunk that is not complete.
///
/// # Checks
///
/// All checksums are verified, and the index; a check of a kind that liblzma does not know is passed over.
///
/// A block that declares a larger dictionary than the limit is decoded with a dictionary of the limit for as long as nothing
/// in it can refer further back; the chunk in which something could is refused ([`Fault::WindowTooLarge`]).
///
/// Filters other than LZMA2 and delta, which are those for machine code, are [`Fault::Unsupported`].
///
/// # End
///
/// Zeros behind a stream are padding. What follows and is not the start of another one ends the content. [`Step::Done`] is
/// reported at the first byte that cannot belong to a further stream's magic number; up to five bytes before it may have
/// looked like it.
///
/// # Resource usage
///
/// Nothing before the first stream, then about 64 KiB and the dictionary. The memory is liblzma's and is not wiped when it is
/// given back.
pub struct Xz {
    state: State,
    /// No dictionary is larger, in bytes.
    window_limit: u64,
    /// Present inside of a stream.
    stream: Option<Stream>,
    /// The header being read.
    head: Box<[u8; header::MAX]>,
    block: Block,
    /// Size of the check behind each block.
    check: u8,
    /// Whether the content is one stream, whatever follows.
    single: bool,
    /// Whether some output may not have been handed out.
    waiting: bool,
    /// Bytes whose symbols may not have come out.
    held: u64,
    total_in: u64,
    established: bool,
    starts: Vec<u64>,
}

/// The block being decoded.
#[derive(Clone, Copy, Default)]
struct Block {
    /// Size of the dictionary that is kept, in bytes.
    window: u64,
    /// A chunk in which more content than this is reached may refer to what is not kept.
    reach: u64,
    /// Content since the dictionary was forgotten.
    made: u64,
    /// Size of the chunks so far.
    packed: u64,
}

#[derive(Clone, Copy)]
enum State {
    /// `at` bytes of a magic number have been seen; `first` says that no stream has been.
    Magic {
        at: usize,
        first: bool,
    },
    /// `at` bytes of a stream's header are in `head`.
    StreamHeader {
        at: usize,
    },
    /// The first byte of a block's header or of the index.
    BlockStart,
    /// `at` of `need` bytes of a block's header are in `head`.
    BlockHeader {
        at: usize,
        need: usize,
    },
    /// `at` of `need` bytes of a chunk's header are in `head`; `need` is known from the first one on.
    ChunkHeader {
        at: usize,
        need: usize,
    },
    /// `left` of a chunk of `len` bytes, a range code if `coded`.
    Chunk {
        left: usize,
        len: usize,
        coded: bool,
    },
    /// Padding and check behind the chunks.
    BlockEnd {
        left: usize,
    },
    Index,
    Ended,
    Failed(Fault),
}

impl Xz {
    /// A decoder for streams whose dictionary is at most `window_limit` bytes (never more than 2 GiB).
    #[must_use]
    pub fn new(window_limit: u64) -> Self {
        Self {
            state: State::Magic { at: 0, first: true },
            window_limit: window_limit.min(1 << 31),
            stream: None,
            head: Box::new([0; header::MAX]),
            block: Block::default(),
            check: 0,
            single: false,
            waiting: false,
            held: 0,
            total_in: 0,
            established: false,
            starts: Vec::new(),
        }
    }

    /// A decoder for one stream, which ends with its last byte.
    #[cfg(feature = "zip")]
    pub(crate) fn single(window_limit: u64) -> Self {
        Self { single: true, ..Self::new(window_limit) }
    }

    /// Forgets everything and gives the memory back; the limit stays.
    pub fn reset(&mut self) {
        *self = Self { single: self.single, ..Self::new(self.window_limit) };
    }

    /// Reads a byte of a magic number or of the padding before it; false if it is neither, and then it is not consumed.
    fn magic_byte(&mut self, at: usize, first: bool, byte: u8) -> bool {
        let is_padding = !first && at == 0 && byte == 0;
        if !is_padding && byte != MAGIC[at] {
            self.state = if first { State::Failed(Fault::Corrupt) } else { State::Ended };
            return false;
        }
        self.state = match at {
            _ if is_padding => State::Magic { at, first },
            5 => State::StreamHeader { at: MAGIC.len() },
            _ => State::Magic { at: at + 1, first },
        };
        if at == 5 {
            self.head[..MAGIC.len()].copy_from_slice(&MAGIC);
            if !first {
                self.starts.push(self.total_in - 5);
            }
        }
        true
    }

    /// Takes bytes for a header of `need` bytes into `head`; returns the number taken.
    fn collect(&mut self, at: usize, need: usize, input: &[u8]) -> usize {
        let taken = input.len().min(need - at);
        self.head[at..at + taken].copy_from_slice(&input[..taken]);
        taken
    }

    /// Opens the stream whose header is in `head`.
    fn begin_stream(&mut self) -> Result<State, Fault> {
        // What is allocated is bounded by the headers that are let through; this is a second bound.
        let limit = self.window_limit.saturating_add(16 * TABLES);
        // Only a failed allocation ends in an error here.
        self.stream = Some(Stream::new_stream_decoder(limit, 0).map_err(|_| Fault::WindowTooLarge)?);
        self.check = CHECK_SIZES[usize::from(self.head[7] & 0x0f)];
        self.waiting = false;
        self.give(STREAM_HEADER)?;
        Ok(State::BlockStart)
    }

    /// Opens the block whose header is in the first `len` bytes of `head`.
    fn begin_block(&mut self, len: usize) -> Result<State, Fault> {
        let header = BlockHeader::parse(&self.head[..len]).map_err(|refusal| match refusal {
            Refusal::Corrupt => Fault::Corrupt,
            Refusal::Filter => Fault::Unsupported,
        })?;
        let (window, reach) = if header.dictionary <= self.window_limit {
            (header.dictionary, u64::MAX)
        } else {
            let shrunk = header.shrink(&mut self.head[..len], self.window_limit);
            let window = shrunk.ok_or(Fault::WindowTooLarge)?;
            (window, window)
        };
        self.block = Block { window, reach, made: 0, packed: 0 };
        self.give(len)?;
        Ok(State::ChunkHeader { at: 0, need: 1 })
    }

    /// Opens the chunk whose header is in the first `len` bytes of `head`.
    fn begin_chunk(&mut self, len: usize) -> Result<State, Fault> {
        let control = self.head[0];
        self.block.packed += len as u64;
        if control == 0 {
            self.give(len)?;
            let padding = (4 - self.block.packed % 4) % 4;
            return Ok(self.end_of_block(padding as usize + usize::from(self.check)));
        }
        let short = |at: usize| usize::from(u16::from_be_bytes([self.head[at], self.head[at + 1]]));
        let coded = control >= 0x80;
        let size = short(1) + 1 + if coded { usize::from(control & 0x1f) << 16 } else { 0 };
        let len_of_code = if coded { short(3) + 1 } else { size };
        if control == 1 || control >= 0xe0 {
            self.block.made = 0;
        }
        self.block.made += size as u64;
        if self.block.made > self.block.reach {
            return Err(Fault::WindowTooLarge);
        }
        self.block.packed += len_of_code as u64;
        self.give(len)?;
        Ok(State::Chunk { left: len_of_code, len: len_of_code, coded })
    }

    fn end_of_block(&mut self, left: usize) -> State {
        if left > 0 {
            return State::BlockEnd { left };
        }
        self.established = true;
        State::BlockStart
    }

    /// The stream was one: returns what may follow.
    fn end_stream(&mut self) -> State {
        self.established = true;
        self.stream = None;
        if self.single { State::Ended } else { State::Magic { at: 0, first: false } }
    }

    /// Gives the first `len` bytes of `head`, a header, to liblzma, which yields nothing then. It may take more than one call.
    fn give(&mut self, len: usize) -> Result<(), Fault> {
        let mut at = 0;
        while at < len {
            match feed(&mut self.stream, &self.head[at..len], &mut Vec::new(), 0) {
                (used @ 1.., 0, Ok(_)) => at += used,
                (_, _, Ok(_)) => return Err(Fault::Corrupt),
                (_, _, Err(error)) => return Err(fault(error)),
            }
        }
        Ok(())
    }

    /// Decodes a chunk; returns what was consumed and how to go on.
    fn chunk(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        let State::Chunk { mut left, len, coded } = self.state else { return (0, Next::State) };
        let mut used = 0;
        let mut offer = ROOM;
        loop {
            let source = &input[used..];
            let source = &source[..source.len().min(left)];
            if left == 0 && !self.waiting {
                self.held = 0;
                self.state = State::ChunkHeader { at: 0, need: 1 };
                return (used, Next::State);
            }
            if source.is_empty() && !self.waiting {
                self.held = if coded { LOOKAHEAD.min((len - left) as u64) } else { 0 };
                return (used, Next::Input);
            }
            let room = offer.min(limit - out.len());
            if room == 0 {
                return (used, Next::Room);
            }
            let (took, made, result) = feed(&mut self.stream, source, out, room);
            used += took;
            left -= took;
            self.waiting = made == room;
            self.state = State::Chunk { left, len, coded };
            if let Err(error) = result {
                self.state = State::Failed(fault(error));
                return (used, Next::State);
            }
            // A range code that ends before its chunk is an error of liblzma's, so there was progress.
            if took == 0 && made == 0 && !source.is_empty() {
                self.state = State::Failed(Fault::Corrupt);
                return (used, Next::State);
            }
            offer = (offer * 2).min(ROOM_MAX);
        }
    }

    /// Gives what is behind the chunks to liblzma, at most `left` bytes; returns what was consumed.
    fn verify(&mut self, input: &[u8], left: usize) -> usize {
        let input = &input[..input.len().min(left)];
        let (used, made, result) = feed(&mut self.stream, input, &mut Vec::new(), 0);
        self.state = match (self.state, result) {
            (_, Err(error)) => State::Failed(fault(error)),
            (State::Index, Ok(Status::StreamEnd)) => self.end_stream(),
            _ if used < input.len() || made > 0 => State::Failed(Fault::Corrupt),
            (State::BlockEnd { left }, Ok(_)) => self.end_of_block(left - used),
            (state, Ok(_)) => state,
        };
        used
    }

    /// Reads what is not in a chunk; returns how much. There is input.
    fn structure(&mut self, input: &[u8]) -> usize {
        let (taken, state) = match self.state {
            State::Magic { at, first } => return usize::from(self.magic_byte(at, first, input[0])),
            State::StreamHeader { at } => {
                let taken = self.collect(at, STREAM_HEADER, input);
                let at = at + taken;
                (
                    taken,
                    if at == STREAM_HEADER { self.begin_stream() } else { Ok(State::StreamHeader { at }) },
                )
            }
            // The index begins where a block's header has a size of zero.
            State::BlockStart if input[0] == 0 => {
                self.state = State::Index;
                return self.verify(input, usize::MAX);
            }
            State::BlockStart => {
                self.head[0] = input[0];
                (1, Ok(State::BlockHeader { at: 1, need: (usize::from(input[0]) + 1) * 4 }))
            }
            State::BlockHeader { at, need } => {
                let taken = self.collect(at, need, input);
                let at = at + taken;
                (taken, if at == need { self.begin_block(need) } else { Ok(State::BlockHeader { at, need }) })
            }
            State::ChunkHeader { at: 0, .. } => {
                self.head[0] = input[0];
                let need = match input[0] {
                    0 => 1,
                    1 | 2 => 3,
                    0x80..0xc0 => 5,
                    0xc0.. => 6,
                    // Not a chunk.
                    3..0x80 => 0,
                };
                match need {
                    0 => (1, Err(Fault::Corrupt)),
                    1 => (1, self.begin_chunk(1)),
                    need => (1, Ok(State::ChunkHeader { at: 1, need })),
                }
            }
            State::ChunkHeader { at, need } => {
                let taken = self.collect(at, need, input);
                let at = at + taken;
                (taken, if at == need { self.begin_chunk(need) } else { Ok(State::ChunkHeader { at, need }) })
            }
            State::BlockEnd { left } => return self.verify(input, left),
            State::Index => return self.verify(input, usize::MAX),
            State::Chunk { .. } | State::Ended | State::Failed(_) => return 0,
        };
        self.state = state.unwrap_or_else(State::Failed);
        taken
    }
}

/// Gives `input` to liblzma; at most `room` bytes come out. Returns what was consumed and what was made.
fn feed(
    stream: &mut Option<Stream>,
    input: &[u8],
    out: &mut Vec<u8>,
    room: usize,
) -> (usize, usize, Result<Status, Error>) {
    let Some(stream) = stream else { return (0, 0, Err(Error::Program)) };
    let start = out.len();
    out.resize(start + room, 0);
    let before = (stream.total_in(), stream.total_out());
    let result = stream.process(input, &mut out[start..], Action::Run);
    let used = (stream.total_in() - before.0) as usize;
    let made = (stream.total_out() - before.1) as usize;
    out.truncate(start + made);
    (used, made, result)
}

/// What an error of liblzma's means.
fn fault(error: Error) -> Fault {
    match error {
        Error::Options | Error::UnsupportedCheck => Fault::Unsupported,
        Error::Mem | Error::MemLimit => Fault::WindowTooLarge,
        Error::Data | Error::Format | Error::Program | Error::NoCheck => Fault::Corrupt,
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Xz {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Xz").field("total_in", &self.total_in).finish_non_exhaustive()
    }
}

impl Decoder for Xz {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        let limit = out.len().saturating_add(cap);
        take_turns(input, |rest| {
            let (used, next) = match self.state {
                State::Ended => (0, Next::Done),
                State::Failed(fault) => (0, Next::Bad(fault)),
                State::Chunk { .. } => self.chunk(rest, out, limit),
                _ if rest.is_empty() => (0, Next::Input),
                _ => (self.structure(rest), Next::State),
            };
            self.total_in += used as u64;
            (used, next)
        })
    }

    fn end(&mut self) -> Result<(), Fault> {
        if matches!(self.state, State::Magic { first: false, .. }) {
            self.state = State::Ended;
            return Ok(());
        }
        self.state = State::Failed(Fault::Truncated);
        Err(Fault::Truncated)
    }

    fn unreleased(&self) -> u64 {
        self.held
    }

    fn block_max(&self) -> u64 {
        LOOKAHEAD
    }

    fn reset(&mut self) {
        Xz::reset(self);
    }

    fn window_bytes(&self) -> u64 {
        match self.stream {
            Some(_) => self.block.window + TABLES,
            None => 0,
        }
    }

    /// Whether a block has ended with its check found right.
    fn is_established(&self) -> bool {
        self.established
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}
