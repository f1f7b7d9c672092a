//! What was examined and what was not: [`Coverage`], [`Opaque`], [`OpaqueReason`].

use std::ops::Range;

use crate::finding::PathId;
use crate::policy::Action;

/// Why a range was not examined. A closed list: a reader may rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpaqueReason {
    /// Encrypted content.
    Encrypted,
    /// A content coding that is not known.
    UnknownCoding,
    /// A compressed frame that needs a dictionary.
    MissingDictionary,
    /// A frame that makes use of a window over [`Limits::window`](crate::Limits::window).
    WindowTooLarge,
    /// More output than [`Limits::ratio`](crate::Limits::ratio) allows.
    Ratio,
    /// More output than [`Limits::output`](crate::Limits::output) allows.
    TotalOutput,
    /// Nested deeper, or more lanes at once, than the limits allow.
    Depth,
    /// More members than [`Limits::members`](crate::Limits::members) allows.
    Members,
    /// A decoder found its input broken.
    Corrupt,
    /// The stream ended inside a container.
    Truncated,
    /// Bytes were lost before they reached the stream.
    Gap,
    /// A delta whose base is not at hand.
    UnresolvedBase,
    /// A body whose end cannot be told.
    Undelimited,
    /// A candidate was held longer than [`Limits::max_hold`](crate::Limits::max_hold).
    Hold,
    /// A tunnel inside the stream.
    Tunnel,
    /// Spooled content could not be kept.
    Spool,
    /// A fault of the engine.
    Internal,
    /// A known format that is not looked into.
    UnsupportedFormat,
    /// High-entropy content of no known format.
    HighEntropy,
}

impl OpaqueReason {
    /// Every reason, in order of declaration.
    pub const ALL: [OpaqueReason; 19] = [
        OpaqueReason::Encrypted,
        OpaqueReason::UnknownCoding,
        OpaqueReason::MissingDictionary,
        OpaqueReason::WindowTooLarge,
        OpaqueReason::Ratio,
        OpaqueReason::TotalOutput,
        OpaqueReason::Depth,
        OpaqueReason::Members,
        OpaqueReason::Corrupt,
        OpaqueReason::Truncated,
        OpaqueReason::Gap,
        OpaqueReason::UnresolvedBase,
        OpaqueReason::Undelimited,
        OpaqueReason::Hold,
        OpaqueReason::Tunnel,
        OpaqueReason::Spool,
        OpaqueReason::Internal,
        OpaqueReason::UnsupportedFormat,
        OpaqueReason::HighEntropy,
    ];

    pub(crate) const COUNT: usize = OpaqueReason::ALL.len();

    /// Whether the default outbound policy blocks on it.
    pub fn blocks_by_default(self) -> bool {
        !matches!(self, OpaqueReason::UnsupportedFormat | OpaqueReason::HighEntropy)
    }

    /// A stable word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            OpaqueReason::Encrypted => "encrypted",
            OpaqueReason::UnknownCoding => "unknown-coding",
            OpaqueReason::MissingDictionary => "missing-dictionary",
            OpaqueReason::WindowTooLarge => "window-too-large",
            OpaqueReason::Ratio => "ratio",
            OpaqueReason::TotalOutput => "total-output",
            OpaqueReason::Depth => "depth",
            OpaqueReason::Members => "members",
            OpaqueReason::Corrupt => "corrupt",
            OpaqueReason::Truncated => "truncated",
            OpaqueReason::Gap => "gap",
            OpaqueReason::UnresolvedBase => "unresolved-base",
            OpaqueReason::Undelimited => "undelimited",
            OpaqueReason::Hold => "hold",
            OpaqueReason::Tunnel => "tunnel",
            OpaqueReason::Spool => "spool",
            OpaqueReason::Internal => "internal",
            OpaqueReason::UnsupportedFormat => "unsupported-format",
            OpaqueReason::HighEntropy => "high-entropy",
        }
    }

    /// One clause for people: what happened.
    pub fn describe(self) -> &'static str {
        match self {
            OpaqueReason::Encrypted => "the content is encrypted",
            OpaqueReason::UnknownCoding => "the content coding is not known",
            OpaqueReason::MissingDictionary => "the frame needs a dictionary that is not at hand",
            OpaqueReason::WindowTooLarge => "the frame declares a window over the limit",
            OpaqueReason::Ratio => "it decompresses to more than the ratio limit allows",
            OpaqueReason::TotalOutput => "it decodes to more than the output limit allows",
            OpaqueReason::Depth => "it is nested deeper than the limit allows",
            OpaqueReason::Members => "it has more members than the limit allows",
            OpaqueReason::Corrupt => "the container is broken",
            OpaqueReason::Truncated => "the container ends before its end",
            OpaqueReason::Gap => "bytes were lost before they were examined",
            OpaqueReason::UnresolvedBase => "the base of a delta is not at hand",
            OpaqueReason::Undelimited => "the end of the content cannot be told",
            OpaqueReason::Hold => "too much input came without output",
            OpaqueReason::Tunnel => "the stream turned into a tunnel",
            OpaqueReason::Spool => "the content could not be spooled",
            OpaqueReason::Internal => "the engine failed on it",
            OpaqueReason::UnsupportedFormat => "the format is not looked into",
            OpaqueReason::HighEntropy => "it looks encrypted or compressed in no known format",
        }
    }
}

/// A range that was not examined, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opaque {
    pub(crate) reason: OpaqueReason,
    pub(crate) outer: Range<u64>,
    pub(crate) path: PathId,
    pub(crate) action: Action,
}

impl Opaque {
    /// Why.
    pub fn reason(&self) -> OpaqueReason {
        self.reason
    }

    /// The range of the outer stream, in bytes from its beginning.
    pub fn outer(&self) -> Range<u64> {
        self.outer.clone()
    }

    /// The lane whose content it was; [`Stream::path`](crate::Stream::path) names it.
    pub fn path(&self) -> PathId {
        self.path
    }

    /// What the policy did about it.
    pub fn action(&self) -> Action {
        self.action
    }
}

/// What a stream has examined so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coverage {
    /// Bytes of the outer stream that were pushed.
    pub bytes: u64,
    /// Bytes that decoders produced, over all lanes.
    pub decoded: u64,
    /// Decoded containers (compressed streams and entries of zip archives).
    pub containers: u64,
    /// Archives (tar).
    pub archives: u64,
    /// Members of archives (tar and zip).
    pub members: u64,
    /// Bytes that came after [`Stream::discard`](crate::Stream::discard), or waited for their window then.
    pub discarded: u64,
    /// Ranges that were not examined, counted per reason; index with [`Coverage::opaque`].
    pub(crate) opaque: [u64; OpaqueReason::COUNT],
}

impl Coverage {
    /// How many ranges were not examined for `reason`.
    pub fn opaque(&self, reason: OpaqueReason) -> u64 {
        self.opaque[reason as usize]
    }

    /// Adds what another stream of the same message has examined.
    pub fn add(&mut self, other: &Coverage) {
        self.bytes += other.bytes;
        self.decoded += other.decoded;
        self.containers += other.containers;
        self.archives += other.archives;
        self.members += other.members;
        self.discarded += other.discarded;
        self.opaque.iter_mut().zip(other.opaque).for_each(|(n, more)| *n += more);
    }

    /// Whether everything was examined.
    pub fn is_complete(&self) -> bool {
        self.discarded == 0 && self.opaque.iter().all(|n| *n == 0)
    }
}
