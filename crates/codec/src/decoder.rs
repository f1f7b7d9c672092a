//! The [`Decoder`] trait.

/// What a decoder did with its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// All input was consumed; more may come.
    More,
    /// The output cap was reached after `consumed` input bytes; call again with the rest (also when nothing is left:
    /// more output is waiting).
    Full {
        /// Input bytes consumed by this call.
        consumed: usize,
    },
    /// The content ended after `consumed` input bytes; what follows is not part of it.
    Done {
        /// Input bytes consumed by this call.
        consumed: usize,
    },
    /// The input is broken, or needs what is not at hand. The decoder must not be used again.
    Bad {
        /// Input bytes consumed by this call.
        consumed: usize,
        /// What is wrong.
        fault: Fault,
    },
}

/// Why a codec gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The input breaks the format, or its checksum does not fit.
    Corrupt,
    /// The input is what its format forbids, and readers that take it all the same differ in what they read.
    Ambiguous,
    /// The input ended inside the content.
    Truncated,
    /// A dictionary is needed.
    MissingDictionary,
    /// The declared window is over the limit.
    WindowTooLarge,
    /// A part of the format that is not looked into.
    Unsupported,
    /// The content is encrypted.
    Encrypted,
    /// More members than the limit, or more blocks than make sense.
    Members,
}

/// Where a piece of a framing's output comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The input from this offset on, as it stands.
    Plain(u64),
    /// The input from this offset on, byte for byte, with other values: what was masked, or stands for a boundary.
    Changed(u64),
    /// Input of about the same time.
    Made,
}

/// A piece of a framing's output, up to the next piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Offset of its first byte in the output.
    pub at: u64,
    /// Where it comes from.
    pub source: Source,
}

/// A named part of what a decoder yields, up to the next one: content of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Offset of its first byte in the output.
    pub at: u64,
    /// Words of the format and numbers, nothing of the content.
    pub name: String,
    /// Whether it is all there; else it is what can be told of it.
    pub whole: bool,
}

/// A transform from bytes to bytes.
pub trait Decoder: Send + std::panic::UnwindSafe {
    /// Decodes `input`, appending at most `cap` bytes to `out`.
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step;

    /// Says that no input follows. [`Step::Done`] with `consumed: 0` if the content was complete, else [`Step::Bad`] with
    /// [`Fault::Truncated`]; [`Step::Full`] while output is waiting.
    fn finish(&mut self, out: &mut Vec<u8>, cap: usize) -> Step {
        match self.decode(&[], out, cap) {
            Step::More => match self.end() {
                Ok(()) => Step::Done { consumed: 0 },
                Err(fault) => Step::Bad { consumed: 0, fault },
            },
            step => step,
        }
    }

    /// Ends the content where all input has been taken and all output handed out: what [`Decoder::finish`] comes down to.
    ///
    /// # Errors
    ///
    /// [`Fault::Truncated`] if it may not end here.
    fn end(&mut self) -> Result<(), Fault>;

    /// Input bytes consumed so far whose information is not in the output yet: 0 for a decoder without latency (but for a
    /// symbol cut in two), the part of the current block that has been taken in for a block-wise one.
    fn unreleased(&self) -> u64;

    /// The longest input unit that [`Decoder::unreleased`] can cover, in bytes; 0 for a decoder without latency.
    fn block_max(&self) -> u64;

    /// How many input bytes follow that surely belong to the content, whatever they are; 0 if that is not known.
    fn left(&self) -> u64 {
        0
    }

    /// Memory held for windows and tables, in bytes.
    fn window_bytes(&self) -> u64;

    /// Whether at least one member or frame ended with everything verified, or one block was decoded: from then on the
    /// content is what its magic number said.
    fn is_established(&self) -> bool;

    /// Whether the output is the input as it stands: a member that is stored.
    fn is_plain(&self) -> bool {
        false
    }

    /// The pieces that the output of a framing is joined of, in order; the caller drains them. None for a decoder whose output is not such.
    fn pieces(&mut self) -> Option<&mut Vec<Piece>> {
        None
    }

    /// The members that the output is made of, as they begin, in order; the caller drains them. None for a decoder whose output is one piece of content.
    fn members(&mut self) -> Option<&mut Vec<Member>> {
        None
    }

    /// Memory held for output that later input may refer to, windows apart, in bytes.
    fn kept_bytes(&self) -> u64 {
        0
    }

    /// The name of what is being decoded, once it is known; any bytes.
    fn name(&self) -> Option<&[u8]> {
        None
    }

    /// What the entry of a zip archive turned out to be, and its length, once it has ended as it should; none of other content.
    #[cfg(feature = "zip")]
    fn entry(&self) -> Option<(crate::zip::Entry, u64)> {
        None
    }

    /// Makes a used decoder new again, with its limits: what was in it is forgotten, memory may be kept for what comes.
    fn reset(&mut self);

    /// Offsets (from the first byte ever given to this decoder) at which concatenated members after the first one
    /// began; the caller drains it.
    fn member_starts(&mut self) -> &mut Vec<u64>;
}

/// How decoding goes on after a turn.
pub(crate) enum Next {
    /// With the new state.
    State,
    /// With more input.
    Input,
    /// With more room.
    Room,
    /// Not at all: the content is over.
    Done,
    /// Not at all: the input is broken.
    Bad(Fault),
}

/// Takes turns on `input` until more of it or more room is needed, or the content is over. A turn is given what is left and says how much of it
/// it consumed.
pub(crate) fn take_turns(input: &[u8], mut turn: impl FnMut(&[u8]) -> (usize, Next)) -> Step {
    let mut consumed = 0;
    loop {
        let (used, next) = turn(&input[consumed..]);
        consumed += used;
        match next {
            Next::State => {}
            Next::Input => return Step::More,
            Next::Room => return Step::Full { consumed },
            Next::Done => return Step::Done { consumed },
            Next::Bad(fault) => return Step::Bad { consumed, fault },
        }
    }
}
