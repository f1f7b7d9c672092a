//! bzip2, all streams as one output. The format has no specification but its [programs]; others have [written it down].
//!
//! ```text
//! +----------+-------+------------+---------------------+-------------+---------+
//! | B  Z  h  | LEVEL | blocks ... | 17 72 45 38 50 90   | CRC32 (32)  | padding |      LEVEL: 31..39, times 100 000
//! +----------+-------+------------+---------------------+-------------+---------+      bytes are in a block
//!   block:
//! +---------------------+------------+---+-----------+-------------------------+
//! | 31 41 59 26 53 59   | CRC32 (32) | R | ORIG (24) | tables and codes ...    |      all in bits, the highest of a byte
//! +---------------------+------------+---+-----------+-------------------------+      first; only a stream ends at a byte
//! ```
//!
//! The headers of streams are read here; the blocks are decoded by libbz2-rs.
//!
//! [programs]: https://sourceware.org/bzip2/
//! [written it down]: https://github.com/dsnet/compress/blob/master/doc/bzip2-format.pdf

use bzip2::{Decompress, Status};

use crate::decoder::{Decoder, Fault, Next, Step, take_turns};

/// The bytes a stream begins with; the level and the magic number of a block or of the end follow.
pub const MAGIC: [u8; 3] = *b"BZh";

/// The magic number of a block, as it stands behind the level.
pub const BLOCK_MAGIC: [u8; 6] = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59];

/// The magic number of a stream's end, behind the level if there is no block.
pub const END_MAGIC: [u8; 6] = [0x17, 0x72, 0x45, 0x38, 0x50, 0x90];

/// Bytes that [`starts`] wants to see.
pub const PROBE_LEN: usize = 10;

/// The most input that a block may take, in bytes: 900 001 codes of 20 bits (2 250 003 bytes), 32 767 selectors of at most 6
/// bits (24 576) and six tables whose 258 code lengths differ by no more than 19 steps of 2 bits each (7546), the magic number
/// and the fields before them, and the end of the stream.
const BLOCK_MAX: u64 = 2_283_000;

/// Output room offered first when a block ends, doubled as it proves too small: offering means clearing.
const ROOM: usize = 4 * 1024;

/// The largest offer.
const ROOM_MAX: usize = 128 * 1024;

/// Input given to the library at a time, in bytes. From eight bytes on it takes more than it needs, and how much depends on
/// what it is given.
const PIECE: u64 = 7;

/// Bytes of content in a block for each level.
const LEVEL: u64 = 100_000;

/// Whether `prefix` begins with the header of a stream and the magic number of a block or of the end.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    prefix.len() >= PROBE_LEN
        && prefix.iter().take(PROBE_LEN).zip(0..).all(|(&byte, at)| fits(at, prefix[4], byte))
}

/// A push decoder for bzip2.
///
/// # Latency
///
/// One block: up to 900 000 bytes of content, and more of runs of equal bytes, which are shortened first. Nothing of a block
/// is known before its last byte, so [`Decoder::unreleased`] counts all that has been taken in since the last block was handed
/// out.
///
/// # Checks
///
/// The CRC-32 of each block and of each stream are verified; a block is handed out before that is known. A block that takes
/// more input than one with tables of a sensible length can is [`Fault::Corrupt`].
///
/// # End
///
/// What follows a stream and is not the start of another one, down to the magic number of its first block, ends the content.
/// [`Step::Done`] is reported at the first byte that cannot belong to it; up to nine bytes before it may have looked like it.
///
/// # Resource usage
///
/// Nothing before the first block, then 2.5 bytes for each byte of a block, 2.25 MB at most, and about 64 KB for tables. That
/// is half the speed and two thirds of the memory of bzip2's other algorithm, which can lose output before a fault. The memory
/// is libbz2-rs's and is not wiped when it is given back.
pub struct Bzip2 {
    state: State,
    /// Present while there are blocks.
    stream: Option<Decompress>,
    /// The level of the stream, as it is written.
    level: u8,
    /// Whether the content is one stream, whatever follows.
    single: bool,
    /// Whether some of the output of a block may not have been handed out.
    waiting: bool,
    /// Whether some of the output of the last block has been handed out, and not all of it.
    yielding: bool,
    total_in: u64,
    /// `total_in` when the last block had been handed out.
    drained_in: u64,
    established: bool,
    starts: Vec<u64>,
}

#[derive(Clone, Copy)]
enum State {
    /// `at` bytes of a stream's first ten have been seen; `end` says which magic number the last six of them are, `first` that
    /// no stream has been seen yet.
    Magic {
        at: usize,
        end: u8,
        first: bool,
    },
    /// `at` bytes of the checksum of a stream without blocks have been seen.
    Empty {
        at: u8,
    },
    Blocks,
    Ended,
    Failed(Fault),
}

impl Bzip2 {
    /// A decoder that expects the first byte of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Magic { at: 0, end: 0, first: true },
            stream: None,
            level: 0,
            single: false,
            waiting: false,
            yielding: false,
            total_in: 0,
            drained_in: 0,
            established: false,
            starts: Vec::new(),
        }
    }

    /// A decoder for one stream, which ends with its last byte.
    #[cfg(feature = "zip")]
    pub(crate) fn single() -> Self {
        Self { single: true, ..Self::new() }
    }

    /// Forgets everything and gives the memory back.
    pub fn reset(&mut self) {
        *self = Self { single: self.single, ..Self::new() };
    }

    /// Reads a byte of a stream's first ten; false if it does not fit, and then it is not consumed.
    fn magic_byte(&mut self, at: usize, end: u8, first: bool, byte: u8) -> bool {
        let end = if at == 4 { byte } else { end };
        if !fits(at, end, byte) {
            self.state = if first { State::Failed(Fault::Corrupt) } else { State::Ended };
            return false;
        }
        if at == 3 {
            self.level = byte;
        }
        self.state = State::Magic { at: at + 1, end, first };
        if at + 1 == PROBE_LEN {
            if !first {
                self.starts.push(self.total_in - 9);
            }
            self.state = if end == END_MAGIC[0] { State::Empty { at: 0 } } else { self.begin_blocks() };
        }
        true
    }

    /// Opens a stream that has blocks.
    fn begin_blocks(&mut self) -> State {
        let mut head = [0; PROBE_LEN];
        head[..3].copy_from_slice(&MAGIC);
        head[3] = self.level;
        head[4..].copy_from_slice(&BLOCK_MAGIC);
        // The algorithm that takes less memory: the other one forgets what it made in a call that ends with a fault.
        self.stream = Some(Decompress::new(true));
        (self.waiting, self.yielding) = (false, false);
        // The byte that completes the magic number is not counted yet.
        self.drained_in = self.total_in + 1;
        match self.feed(&head, &mut Vec::new(), 0) {
            (PROBE_LEN, 0, Ok(Status::Ok)) => State::Blocks,
            (_, _, Ok(Status::MemNeeded)) => State::Failed(Fault::WindowTooLarge),
            _ => State::Failed(Fault::Corrupt),
        }
    }

    /// Reads a byte of the checksum of a stream without blocks, which is zero.
    fn empty_byte(&mut self, at: u8, byte: u8) -> bool {
        self.state = match (byte, at) {
            (0, 3) => self.end_stream(),
            (0, _) => State::Empty { at: at + 1 },
            _ => State::Failed(Fault::Corrupt),
        };
        byte == 0
    }

    /// The stream was one: returns what may follow.
    fn end_stream(&mut self) -> State {
        self.established = true;
        self.stream = None;
        if self.single { State::Ended } else { State::Magic { at: 0, end: 0, first: false } }
    }

    /// Gives `input` to the library; at most `room` bytes come out. Returns what was consumed and what was made.
    fn feed(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        room: usize,
    ) -> (usize, usize, Result<Status, bzip2::Error>) {
        let Some(stream) = &mut self.stream else { return (0, 0, Ok(Status::Ok)) };
        let start = out.len();
        out.resize(start + room, 0);
        let before = (stream.total_in(), stream.total_out());
        let result = stream.decompress(input, &mut out[start..]);
        let used = (stream.total_in() - before.0) as usize;
        let made = (stream.total_out() - before.1) as usize;
        out.truncate(start + made);
        (used, made, result)
    }

    /// Decodes blocks. The library is given either input and no room, so that it stops when a block is complete, or room and
    /// no input, so that it stops when a block has been handed out: what it does then does not depend on slices.
    fn blocks(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        let mut offer = ROOM;
        while self.waiting {
            let room = offer.min(limit - out.len());
            if room == 0 {
                return (0, Next::Room);
            }
            let (_, made, result) = self.feed(&[], out, room);
            self.yielding |= made > 0;
            if result.is_err() {
                self.state = State::Failed(Fault::Corrupt);
                return (0, Next::State);
            }
            if made < room {
                self.waiting = false;
                if self.yielding {
                    (self.yielding, self.established) = (false, true);
                    self.drained_in = self.total_in;
                }
            }
            offer = (offer * 2).min(ROOM_MAX);
        }
        if input.is_empty() {
            return (0, Next::Input);
        }
        let mut left = BLOCK_MAX - (self.total_in - self.drained_in);
        let mut used = 0;
        loop {
            let rest = &input[used..];
            let piece = &rest[..rest.len().min(left.min(PIECE) as usize)];
            if rest.is_empty() {
                // A block whose last byte is the last one given is complete too: only room tells.
                self.waiting = true;
                return (used, Next::State);
            }
            let (took, _, result) = self.feed(piece, out, 0);
            used += took;
            left -= took as u64;
            match result {
                Ok(Status::Ok) if took > 0 && took == piece.len() => continue,
                Ok(Status::Ok) if left > 0 => self.waiting = true,
                Ok(Status::StreamEnd) => self.state = self.end_stream(),
                Ok(Status::MemNeeded) => self.state = State::Failed(Fault::WindowTooLarge),
                _ => self.state = State::Failed(Fault::Corrupt),
            }
            return (used, Next::State);
        }
    }
}

/// Whether `byte` can be byte `at` (0..=9) of a stream whose byte 4 is `end`.
fn fits(at: usize, end: u8, byte: u8) -> bool {
    match at {
        0..3 => byte == MAGIC[at],
        3 => matches!(byte, b'1'..=b'9'),
        _ if end == END_MAGIC[0] => byte == END_MAGIC[at - 4],
        _ => byte == BLOCK_MAGIC[at - 4],
    }
}

impl Default for Bzip2 {
    fn default() -> Self {
        Self::new()
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Bzip2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bzip2").field("total_in", &self.total_in).finish_non_exhaustive()
    }
}

impl Decoder for Bzip2 {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        let limit = out.len().saturating_add(cap);
        take_turns(input, |rest| {
            let (used, next) = match (self.state, rest.first()) {
                (State::Ended, _) => (0, Next::Done),
                (State::Failed(fault), _) => (0, Next::Bad(fault)),
                (State::Blocks, _) => self.blocks(rest, out, limit),
                (_, None) => (0, Next::Input),
                (State::Magic { at, end, first }, Some(&byte)) => {
                    (usize::from(self.magic_byte(at, end, first, byte)), Next::State)
                }
                (State::Empty { at }, Some(&byte)) => (usize::from(self.empty_byte(at, byte)), Next::State),
            };
            self.total_in += used as u64;
            if !matches!(self.state, State::Blocks) {
                self.drained_in = self.total_in;
            }
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
        self.total_in - self.drained_in
    }

    fn block_max(&self) -> u64 {
        BLOCK_MAX
    }

    fn reset(&mut self) {
        Bzip2::reset(self);
    }

    fn window_bytes(&self) -> u64 {
        const TABLES: u64 = 64 * 1024;
        match self.stream {
            Some(_) => u64::from(self.level - b'0') * LEVEL * 5 / 2 + TABLES,
            None => 0,
        }
    }

    fn is_established(&self) -> bool {
        self.established
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}
