//! Zstandard ([RFC 8878]), all frames as one output.
//!
//! ```text
//! +-------------+-----+-----+---------+---------+----------------------------+---------------+
//! | 28 b5 2f fd | FHD |  WD | DID     | FCS     | blocks ...                 | XXH64 (4, LE) |
//! +-------------+-----+-----+---------+---------+----------------------------+---------------+
//!   FHD: bits 7-6 size of FCS, 5 single segment (no WD), 3 reserved, 2 checksum, 1-0 size of DID
//!   block: 3 bytes LE (bit 0 last, bits 2-1 type: 0 raw, 1 RLE, 2 compressed, bits 23-3 size), then its content
//!
//! +----------------+-------------+--------------+
//! | 5x 2a 4d 18    | size (4 LE) | skipped      |      a skippable frame
//! +----------------+-------------+--------------+
//! ```
//!
//! The frame and block headers are read here, for the limits and to know where a block begins, and how far the matches of
//! a block refer back; the blocks themselves are decoded by libzstd.
//!
//! [RFC 8878]: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1

mod frame;
mod fse;
mod sequences;
mod watch;

use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use self::frame::{
    BLOCK, BLOCK_HEADER, BlockHeader, FRAME_HEADER, FrameHeader, Kind, checksum_flag, window_size,
};
use self::sequences::Reach;
use self::watch::Watch;
use crate::decoder::{Decoder, Fault, Next, Step, take_turns};

/// The bytes a frame begins with.
pub const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Bytes that [`starts`] wants to see.
pub const PROBE_LEN: usize = 4;

/// What a skippable frame begins with, but for the first byte, `50..=5f`.
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];

/// What libzstd needs apart from a window and three blocks, and a little more, in bytes.
const TABLES: u64 = 97 * 1024;

/// Output room offered first when a block ends, doubled as it proves too small: offering means clearing.
const ROOM: usize = 4 * 1024;

/// Whether `prefix` begins with the magic number of a frame that has content (not of a skippable one).
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    prefix.starts_with(&MAGIC)
}

/// A push decoder for Zstandard.
///
/// # Latency
///
/// One block. A raw block's bytes are handed out as they come; a compressed one's when its last byte has been given
/// ([`Decoder::unreleased`] counts what has been taken in of it). Some of an incomplete block can be decoded by who wants
/// to, so nothing of it may be considered released.
///
/// # Checks
///
/// The frame's content checksum and its declared size are verified, at the end of the frame.
///
/// A frame that declares a larger window than the limit is decoded with a window of the limit for as long as nothing in
/// it can refer further back; the block in which something could is refused ([`Fault::WindowTooLarge`]), and the first one
/// if the limit is below the size of a block.
///
/// A match may refer back as far as the window goes and no farther, but libzstd does not hold frames to that: what it reads
/// then depends on whether it decodes at once or piece by piece, into which memory, and others refuse it. So a frame is
/// given up at the block in which a match does so ([`Fault::Ambiguous`]), and also at a first block that this libzstd
/// refuses and older releases take.
///
/// Dictionaries are not supported ([`Fault::MissingDictionary`]). That is said when a block of such a frame has been
/// passed over and another block header follows, or at the frame's end: programs that know Zstandard hold its magic number
/// as a constant, with machine code behind it, and most of that asks for a dictionary.
///
/// # End
///
/// Skippable frames are skipped wherever they stand. What follows a frame and is not the start of another one ends the
/// content. [`Step::Done`] is reported at the first byte that cannot belong to a further frame's magic number; up to
/// three bytes before it may have looked like it.
///
/// # Resource usage
///
/// Nothing before the first frame, then about 95 KiB for tables, 128 KiB for a block, and the window and two blocks; one
/// more block at first, and in a frame that may be longer than its window. The memory is not wiped when it is given back.
pub struct Zstd {
    state: State,
    /// No frame whose window is larger is decoded, in bytes.
    window_limit: u64,
    /// Whether the content is one frame, whatever follows.
    single: bool,
    /// Present from the first block on.
    context: Option<DCtx<'static>>,
    /// Memory for what has been decoded so far, in bytes. What the context holds may be more: it may have been used before.
    memory: u64,
    /// The header being read.
    head: [u8; FRAME_HEADER],
    frame: Frame,
    watch: Watch,
    /// Whether the output of the last block may not have been handed out in full.
    waiting: bool,
    /// Bytes consumed of a block whose content is not in the output yet.
    held: u64,
    total_in: u64,
    established: bool,
    starts: Vec<u64>,
}

/// The frame being decoded.
#[derive(Clone, Copy, Default)]
struct Frame {
    header: FrameHeader,
    /// The largest block, in bytes.
    block_max: usize,
    /// Output of this frame so far.
    made: u64,
    /// A block in which more output than this is reached may refer to what the decoder does not keep.
    reach: u64,
    /// Whether a block with content has been passed over for want of a dictionary.
    passed: bool,
    /// The window descriptor that libzstd is told.
    window_byte: u8,
    /// Whether it has been told of the frame.
    told: bool,
}

impl Frame {
    /// The most output so far and of the next block.
    fn reached(&self) -> u64 {
        self.made + self.block_max as u64
    }
}

#[derive(Clone, Copy)]
enum State {
    /// `at` bytes of a magic number have been seen; `skippable` is known from the first one on, `first` says that no frame
    /// has been seen yet.
    Magic {
        at: u8,
        skippable: bool,
        first: bool,
    },
    /// `at` of the four bytes of a skippable frame's size have been seen.
    SkipSize {
        at: usize,
    },
    Skip {
        left: u32,
    },
    /// `at` bytes of a frame header are in `head`.
    FrameHeader {
        at: usize,
    },
    /// `at` bytes of a block header are in `head`.
    BlockHeader {
        at: usize,
    },
    Block {
        kind: Kind,
        left: usize,
        last: bool,
    },
    /// A block that needs a dictionary.
    Pass {
        left: usize,
        last: bool,
    },
    Checksum {
        left: usize,
    },
    Ended,
    Failed(Fault),
}

impl Zstd {
    /// A decoder for frames whose window is at most `window_limit` bytes (never more than 2 GiB).
    #[must_use]
    pub fn new(window_limit: u64) -> Self {
        Self {
            state: State::Magic { at: 0, skippable: false, first: true },
            window_limit: window_limit.min(1 << 31),
            single: false,
            context: None,
            memory: 0,
            head: [0; FRAME_HEADER],
            frame: Frame::default(),
            watch: Watch::default(),
            waiting: false,
            held: 0,
            total_in: 0,
            established: false,
            starts: Vec::new(),
        }
    }

    /// A decoder for one frame, and skippable ones before it, which ends with its last byte.
    #[cfg(feature = "zip")]
    pub(crate) fn single(window_limit: u64) -> Self {
        Self { single: true, ..Self::new(window_limit) }
    }

    /// Forgets everything; the limit stays. More than 1 MiB of memory is given back.
    pub fn reset(&mut self) {
        const KEEP: usize = 1024 * 1024;
        let context = self.context.take().filter(|context| context.sizeof() <= KEEP);
        let (single, starts) = (self.single, std::mem::take(&mut self.starts));
        *self = Self { context, single, starts, ..Self::new(self.window_limit) };
        self.starts.clear();
    }

    fn fail(&mut self, fault: Fault) {
        self.state = State::Failed(fault);
    }

    fn magic_byte(&mut self, at: u8, skippable: bool, first: bool, byte: u8) -> bool {
        let index = usize::from(at);
        let skippable = match at {
            0 => byte & 0xf0 == 0x50,
            _ => skippable,
        };
        let fits = match at {
            0 if skippable => true,
            _ if skippable => byte == SKIPPABLE[index - 1],
            _ => byte == MAGIC[index],
        };
        self.state = match (fits, at) {
            (false, _) if first => State::Failed(Fault::Corrupt),
            (false, _) => State::Ended,
            (true, 3) if skippable => State::SkipSize { at: 0 },
            (true, 3) => State::FrameHeader { at: 0 },
            (true, _) => State::Magic { at: at + 1, skippable, first },
        };
        if fits && at == 3 && !first {
            self.starts.push(self.total_in - 3);
        }
        fits
    }

    /// Takes bytes for a header of `need` bytes into `head`; returns the number taken.
    fn collect(&mut self, at: usize, need: usize, input: &[u8]) -> usize {
        let taken = input.len().min(need - at);
        self.head[at..at + taken].copy_from_slice(&input[..taken]);
        taken
    }

    /// Reads the frame header in `head`.
    fn begin_frame(&mut self) -> Result<(), Fault> {
        let header = FrameHeader::parse(&self.head)?;
        let (window_byte, reach) = if header.window <= self.window_limit {
            (header.window_byte, u64::MAX)
        } else {
            let byte = frame::largest_window(self.window_limit).ok_or(Fault::WindowTooLarge)?;
            (byte, window_size(byte))
        };
        self.frame = Frame { header, block_max: header.block_max(), reach, window_byte, ..Frame::default() };
        self.watch.begin(header.may_exceed_window() || !self.established);
        if header.dictionary == 0 && self.frame.block_max as u64 > reach {
            return Err(Fault::WindowTooLarge);
        }
        Ok(())
    }

    /// Tells libzstd of the frame, when a block of it has begun: magic numbers stand before what is none.
    fn open_frame(&mut self) -> Result<(), Fault> {
        self.frame.told = true;
        let Frame { header, window_byte, block_max, .. } = self.frame;
        // libzstd is given a header of our own, without the content size. With it, libzstd would find out about a wrong
        // size while it decodes the last block, and keep that block to itself.
        let header = [MAGIC[0], MAGIC[1], MAGIC[2], MAGIC[3], checksum_flag(header.checksum), window_byte];
        self.prepare_context()?;
        let blocks = if self.watch.is_on() { 4 } else { 3 };
        self.memory = self.memory.max(TABLES + window_size(window_byte) + blocks * block_max as u64);
        let mut nothing = Vec::new();
        match self.feed(&header, &mut nothing, 0) {
            Some((6, 0)) => Ok(()),
            _ => Err(Fault::Corrupt),
        }
    }

    fn prepare_context(&mut self) -> Result<(), Fault> {
        // Only a failed allocation ends in an error here.
        let log = self.window_limit.max(1 << 10).next_power_of_two().trailing_zeros();
        let context = match self.context.take() {
            Some(context) => context,
            None => {
                let mut context = DCtx::try_create().ok_or(Fault::WindowTooLarge)?;
                context.set_parameter(DParameter::WindowLogMax(log)).map_err(|_| Fault::WindowTooLarge)?;
                context
            }
        };
        let context = self.context.insert(context);
        context.reset(ResetDirective::SessionOnly).map_err(|_| Fault::WindowTooLarge)?;
        Ok(())
    }

    /// Gives `input`, which must not reach beyond the current block, to libzstd; at most `room` bytes come out. Returns
    /// what was consumed and what was made, or nothing on an error.
    fn feed(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize) -> Option<(usize, usize)> {
        let start = out.len();
        out.resize(start + room, 0);
        let mut source = InBuffer::around(input);
        let mut target = OutBuffer::around(&mut out[start..]);
        let result = match &mut self.context {
            Some(context) => context.decompress_stream(&mut target, &mut source).ok(),
            None => None,
        };
        let (used, made) = (source.pos(), target.pos());
        out.truncate(start + made);
        self.frame.made += made as u64;
        result.map(|_| (used, made))
    }

    fn begin_block(&mut self) -> Result<(), Fault> {
        let header = [self.head[0], self.head[1], self.head[2]];
        let BlockHeader { kind, left, last } = BlockHeader::parse(header, self.frame.block_max)?;
        if self.frame.header.dictionary != 0 {
            if self.frame.passed {
                return Err(Fault::MissingDictionary);
            }
            self.state = State::Pass { left, last };
            self.pass(0);
            return Ok(());
        }
        if left > 0 && self.frame.reached() > self.frame.reach {
            return Err(Fault::WindowTooLarge);
        }
        if !self.frame.told {
            self.open_frame()?;
        }
        let mut nothing = Vec::new();
        match self.feed(&header, &mut nothing, 0) {
            Some((BLOCK_HEADER, 0)) => {}
            _ => return Err(Fault::Corrupt),
        }
        self.state = State::Block { kind, left, last };
        if kind == Kind::Raw {
            self.held = 0;
        }
        if left == 0 {
            self.end_block(last);
        }
        Ok(())
    }

    fn end_block(&mut self, last: bool) {
        self.held = 0;
        self.watch.end_block(self.frame.header.may_exceed_window() || !self.established);
        let fits = self.frame.header.content_size.is_none_or(|size| size == self.frame.made);
        self.state = match (last, self.frame.header.checksum) {
            (false, _) => State::BlockHeader { at: 0 },
            (true, _) if !fits => State::Failed(Fault::Corrupt),
            (true, true) => State::Checksum { left: 4 },
            (true, false) => self.end_frame(),
        };
    }

    /// The frame was one: returns what may follow.
    fn end_frame(&mut self) -> State {
        self.established = true;
        if self.single {
            return State::Ended;
        }
        State::Magic { at: 0, skippable: false, first: false }
    }

    /// Passes over `taken` bytes of a block that cannot be decoded.
    fn pass(&mut self, taken: usize) {
        if let State::Pass { left, last } = self.state {
            self.held += taken as u64;
            self.frame.passed |= taken > 0;
            self.state = match left - taken {
                0 if last => State::Failed(Fault::MissingDictionary),
                0 => State::BlockHeader { at: 0 },
                left => State::Pass { left, last },
            };
        }
    }

    /// Decodes block content; returns what was consumed and how to go on.
    fn block(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        let State::Block { kind, mut left, last } = self.state else { return (0, Next::State) };
        let mut used = 0;
        let mut offer = ROOM;
        loop {
            let room = limit - out.len();
            let source = &input[used..];
            let source = &source[..source.len().min(left)];
            if source.is_empty() && !self.waiting {
                return (used, Next::Input);
            }
            // A block is completed only when there is room, and room is offered only when something can come out.
            let yields = kind == Kind::Raw || self.waiting || source.len() == left;
            if yields && room == 0 {
                return (used, Next::Room);
            }
            let (source, room) = match kind {
                Kind::Raw => (&source[..source.len().min(room)], source.len().min(room)),
                // Nothing comes out before the block's last byte.
                Kind::Rle | Kind::Compressed if yields => (source, room.min(offer)),
                Kind::Rle | Kind::Compressed => (source, 0),
            };
            let reach = match kind {
                // Once there is output, libzstd has the block, though it may keep a byte of it back.
                Kind::Compressed if !self.waiting => self.reach(source, left),
                _ => Reach::Within,
            };
            let fault = match reach {
                Reach::Within => None,
                Reach::Beyond => Some(Fault::Ambiguous),
                // What libzstd reads in what cannot be read here may be anything.
                Reach::Broken if self.feed(source, out, 0).is_some() => Some(Fault::Ambiguous),
                Reach::Broken => Some(self.refused(source)),
            };
            if let Some(fault) = fault {
                self.held += source.len() as u64;
                self.fail(fault);
                return (used + source.len(), Next::State);
            }
            let fed = self.feed(source, out, room);
            let fault = match fed {
                Some(_) => None,
                None if kind == Kind::Compressed => Some(self.refused(source)),
                None => Some(Fault::Corrupt),
            };
            let (took, made) = fed.unwrap_or((source.len(), 0));
            used += took;
            left -= took;
            if kind != Kind::Raw {
                self.held += took as u64;
                self.waiting = yields && made == room;
            }
            if let Some(fault) = fault {
                self.fail(fault);
                return (used, Next::State);
            }
            self.state = State::Block { kind, left, last };
            offer = (offer * 2).min(BLOCK);
            if left == 0 && !self.waiting {
                self.established |= kind == Kind::Compressed;
                self.end_block(last);
                return (used, Next::State);
            }
        }
    }

    /// How far a compressed block refers back of which this is the next part, if none is missing behind it.
    fn reach(&mut self, source: &[u8], left: usize) -> Reach {
        self.watch.note(source, left);
        let header = self.frame.header;
        if source.len() < left || !header.may_exceed_window() {
            return Reach::Within;
        }
        match self.watch.reach(source, header.window) {
            // Nobody takes a match from before the beginning.
            Reach::Beyond if self.frame.reached() <= header.window => Reach::Within,
            reach => reach,
        }
    }

    /// What a block is, with `last` as its last part, that libzstd refuses. Before any was decoded it may be noise.
    fn refused(&mut self, last: &[u8]) -> Fault {
        let may_be_read = !self.established && self.watch.may_be_read(last, self.frame.reached());
        if may_be_read { Fault::Ambiguous } else { Fault::Corrupt }
    }

    fn checksum(&mut self, left: usize, input: &[u8]) -> usize {
        let source = &input[..input.len().min(left)];
        let fits = self.feed(source, &mut Vec::new(), 0) == Some((source.len(), 0));
        self.state = match left - source.len() {
            _ if !fits => State::Failed(Fault::Corrupt),
            0 => self.end_frame(),
            left => State::Checksum { left },
        };
        source.len()
    }

    /// Reads what is not block content; returns how much. There is input.
    fn structure(&mut self, input: &[u8]) -> usize {
        match self.state {
            State::Magic { at, skippable, first } => {
                usize::from(self.magic_byte(at, skippable, first, input[0]))
            }
            State::SkipSize { at } => {
                let taken = self.collect(at, 4, input);
                if at + taken == 4 {
                    let left = u32::from_le_bytes([self.head[0], self.head[1], self.head[2], self.head[3]]);
                    self.state = State::Skip { left };
                    self.skip(0);
                } else {
                    self.state = State::SkipSize { at: at + taken };
                }
                taken
            }
            State::Skip { left } => {
                let taken = u32::try_from(input.len()).map_or(left, |len| len.min(left));
                self.skip(taken);
                taken as usize
            }
            State::FrameHeader { at } => {
                let need = if at == 0 { 1 } else { frame::header_len(self.head[0]) };
                let taken = self.collect(at, need, input);
                self.state = State::FrameHeader { at: at + taken };
                if at + taken == frame::header_len(self.head[0]) {
                    self.state = match self.begin_frame() {
                        Ok(()) => State::BlockHeader { at: 0 },
                        Err(fault) => State::Failed(fault),
                    };
                }
                taken
            }
            State::BlockHeader { at } => {
                let taken = self.collect(at, BLOCK_HEADER, input);
                self.held += taken as u64;
                self.state = State::BlockHeader { at: at + taken };
                if at + taken == BLOCK_HEADER
                    && let Err(fault) = self.begin_block()
                {
                    self.fail(fault);
                }
                taken
            }
            State::Checksum { left } => self.checksum(left, input),
            State::Pass { left, .. } => {
                let taken = input.len().min(left);
                self.pass(taken);
                taken
            }
            State::Block { .. } | State::Ended | State::Failed(_) => 0,
        }
    }

    fn skip(&mut self, taken: u32) {
        if let State::Skip { left } = self.state {
            self.state = match left - taken {
                0 => State::Magic { at: 0, skippable: false, first: false },
                left => State::Skip { left },
            };
        }
    }
}

impl Decoder for Zstd {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        let limit = out.len().saturating_add(cap);
        take_turns(input, |rest| {
            let (used, next) = match self.state {
                State::Ended => (0, Next::Done),
                State::Failed(fault) => (0, Next::Bad(fault)),
                State::Block { .. } => self.block(rest, out, limit),
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
        (BLOCK + BLOCK_HEADER) as u64
    }

    fn window_bytes(&self) -> u64 {
        self.memory
    }

    fn reset(&mut self) {
        Zstd::reset(self);
    }

    fn is_established(&self) -> bool {
        self.established
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Zstd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Zstd").field("total_in", &self.total_in).finish_non_exhaustive()
    }
}
