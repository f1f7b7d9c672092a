//! Brotli ([RFC 7932]): one stream, which nothing marks.
//!
//! ```text
//! +-------+-----------------------------------------------------------+
//! | WBITS | meta-blocks, up to the one that says it is the last ...   |      all in bits, the lowest of a byte first;
//! +-------+-----------------------------------------------------------+      zeros up to the next byte at the end
//!   WBITS: 1, 4 or 7 bits; the window is 2 to the 10..=24 less 16
//!   meta-block: last, empty, size of content; then compressed with its own codes, or as it is, or metadata to be skipped
//! ```
//!
//! There is no magic number: it is decoded where something else (a declared content coding) says that it stands.
//!
//! [RFC 7932]: https://www.rfc-editor.org/rfc/rfc7932

use brotli_decompressor::{
    BrotliDecoderErrorCode, BrotliDecompressStream, BrotliResult, BrotliState, HuffmanCode,
    SliceWrapper as _, StandardAlloc,
};
use zeroize::Zeroize as _;

use crate::decoder::{Decoder, Fault, Next, Step, take_turns};

/// Bytes taken from the library at a time.
const ROOM: usize = 4 * 1024;

type Stream = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

/// A push decoder for Brotli.
///
/// # Latency
///
/// None: a byte is handed out as soon as the last bit of the symbol that yields it has been given, so
/// [`Decoder::unreleased`] is 0 whenever the decoder is drained (its last step was not [`Step::Full`]).
///
/// # Checks
///
/// The format has no checksum. "Large windows" are no Brotli and [`Fault::WindowTooLarge`]; so is the meta-block for which the
/// ring of past output becomes larger than the limit. A window that is declared and not needed does not make it so. Shared
/// dictionaries are not supported; what refers to one is [`Fault::Corrupt`].
///
/// # End
///
/// [`Step::Done`] is reported with the last byte of the last meta-block, without a look at what follows.
///
/// # Resource usage
///
/// Nothing before the first byte, then 8 KiB for state and buffers and at most 4 MiB for codes, as meta-blocks define them, and
/// the ring: it holds what has been made and the meta-block at hand, up to the declared window, which is 16 MiB at most. The
/// ring is wiped when it is given back, but not the smaller ones that it has outgrown.
///
/// The library is given a byte at a time: what it says of broken input depends on how much it is given. That takes some 50 ns a
/// byte.
pub struct Brotli {
    state: State,
    /// The largest ring that is kept, in bytes.
    window_limit: u64,
    /// Present from the first byte on.
    stream: Option<Box<Stream>>,
    /// What the library has made last.
    room: Box<[u8; ROOM]>,
    /// Whether the library may have more output.
    waiting: bool,
    /// Input consumed since the beginning.
    total_in: u64,
    /// `total_in` when nothing was waiting for the last time.
    drained_in: u64,
    starts: Vec<u64>,
}

#[derive(Clone, Copy)]
enum State {
    Body,
    /// A fault, but what was made before it is still in the ring from `from` on.
    Failing {
        fault: Fault,
        from: usize,
    },
    Ended,
    Failed(Fault),
}

impl Brotli {
    /// A decoder that keeps at most `window_limit` bytes of past output.
    #[must_use]
    pub fn new(window_limit: u64) -> Self {
        Self {
            state: State::Body,
            window_limit,
            stream: None,
            room: Box::new([0; ROOM]),
            waiting: false,
            total_in: 0,
            drained_in: 0,
            starts: Vec::new(),
        }
    }

    /// Forgets everything, wipes the ring and gives it back; the limit stays.
    pub fn reset(&mut self) {
        self.wipe();
        self.stream = None;
        (self.state, self.waiting) = (State::Body, false);
        (self.total_in, self.drained_in) = (0, 0);
    }

    fn wipe(&mut self) {
        use brotli_decompressor::SliceWrapperMut as _;
        self.room.zeroize();
        if let Some(stream) = &mut self.stream {
            stream.ringbuffer.slice_mut().zeroize();
        }
    }

    /// Decodes `input` until it, the stream or the room ends; returns what was consumed and how to go on.
    fn body(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        let mut used = 0;
        loop {
            // A byte is given when all that could be made of those before has been handed out.
            let source = if self.waiting { &[] } else { &input[used..input.len().min(used + 1)] };
            if source.is_empty() && !self.waiting {
                return (used, Next::Input);
            }
            let room = ROOM.min(limit - out.len());
            if room == 0 {
                self.waiting = true;
                return (used, Next::Room);
            }
            let stream = self.stream.get_or_insert_with(|| {
                let [a, b, c] = [StandardAlloc::default(); 3];
                Box::new(BrotliState::new_strict(a, b, c))
            });
            let (mut left_in, mut took, mut left_out, mut made, mut total) = (source.len(), 0, room, 0, 0);
            let result = BrotliDecompressStream(
                &mut left_in,
                &mut took,
                source,
                &mut left_out,
                &mut made,
                &mut self.room[..room],
                &mut total,
                stream,
            );
            used += took;
            out.extend_from_slice(&self.room[..made]);
            self.waiting = made == room;
            match result {
                BrotliResult::NeedsMoreInput if self.waiting => {}
                BrotliResult::NeedsMoreInput => {
                    if stream.ringbuffer_size as u64 > self.window_limit {
                        self.state = State::Failed(Fault::WindowTooLarge);
                        return (used, Next::State);
                    }
                }
                BrotliResult::NeedsMoreOutput => self.waiting = true,
                BrotliResult::ResultSuccess => {
                    self.waiting = false;
                    self.state = State::Ended;
                    return (used, Next::State);
                }
                BrotliResult::ResultFailure => {
                    self.waiting = false;
                    self.state = State::Failing { fault: fault(stream.error_code), from: taken(stream) };
                    return (used, Next::State);
                }
            }
        }
    }

    /// Hands out what the library had made when it found a fault.
    fn fail(&mut self, fault: Fault, from: usize, out: &mut Vec<u8>, limit: usize) -> Next {
        let rest = self.stream.as_ref().and_then(|stream| {
            let to = usize::try_from(stream.pos).ok()?;
            stream.ringbuffer.slice().get(from..to)
        });
        let rest = rest.unwrap_or_default();
        let made = rest.len().min(limit - out.len());
        out.extend_from_slice(&rest[..made]);
        if made < rest.len() {
            self.state = State::Failing { fault, from: from + made };
            return Next::Room;
        }
        self.state = State::Failed(fault);
        Next::State
    }
}

/// Where in the ring what has been taken out of it ends.
fn taken(stream: &Stream) -> usize {
    let ring = u64::try_from(stream.ringbuffer_size).unwrap_or(0);
    let taken = stream.partial_pos_out.saturating_sub(stream.rb_roundtrips.saturating_mul(ring));
    usize::try_from(taken).unwrap_or(usize::MAX)
}

fn fault(error: BrotliDecoderErrorCode) -> Fault {
    use BrotliDecoderErrorCode as Code;
    match error {
        // The only window that cannot be declared marks those that are no Brotli.
        Code::BROTLI_DECODER_ERROR_FORMAT_WINDOW_BITS
        | Code::BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES
        | Code::BROTLI_DECODER_ERROR_ALLOC_TREE_GROUPS
        | Code::BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MAP
        | Code::BROTLI_DECODER_ERROR_ALLOC_RING_BUFFER_1
        | Code::BROTLI_DECODER_ERROR_ALLOC_RING_BUFFER_2
        | Code::BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES => Fault::WindowTooLarge,
        _ => Fault::Corrupt,
    }
}

impl Drop for Brotli {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Brotli {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Brotli").field("total_in", &self.total_in).finish_non_exhaustive()
    }
}

impl Decoder for Brotli {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        let limit = out.len().saturating_add(cap);
        take_turns(input, |rest| {
            let (used, next) = match self.state {
                State::Ended => (0, Next::Done),
                State::Failed(fault) => (0, Next::Bad(fault)),
                State::Body => self.body(rest, out, limit),
                State::Failing { fault, from } => (0, self.fail(fault, from, out, limit)),
            };
            self.total_in += used as u64;
            if !self.waiting {
                self.drained_in = self.total_in;
            }
            (used, next)
        })
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.state = State::Failed(Fault::Truncated);
        Err(Fault::Truncated)
    }

    fn unreleased(&self) -> u64 {
        self.total_in - self.drained_in
    }

    fn block_max(&self) -> u64 {
        0
    }

    fn reset(&mut self) {
        Brotli::reset(self);
    }

    fn window_bytes(&self) -> u64 {
        let Some(stream) = &self.stream else { return 0 };
        let groups = [&stream.literal_hgroup, &stream.insert_copy_hgroup, &stream.distance_hgroup];
        let codes = groups.map(|group| group.codes.slice().len()).iter().sum::<usize>();
        let ring = stream.ringbuffer.slice().len();
        (size_of::<Stream>() + codes * size_of::<HuffmanCode>() + ring) as u64
    }

    /// Whether the last meta-block has ended: nothing before it tells a stream from noise.
    fn is_established(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}
