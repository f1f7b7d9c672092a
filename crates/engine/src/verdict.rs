//! [`Verdict`]: what may leave.

use std::fmt;

use crate::coverage::OpaqueReason;
use crate::engine::Engine;
use crate::finding::Kind;

/// What the embedder may do with the bytes it has pushed so far.
#[must_use = "a verdict that is ignored lets secrets out"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The first `through` bytes of the stream may leave.
    Forward {
        /// Bytes from the beginning of the stream; never decreases.
        through: u64,
    },
    /// They may leave after [`Stream::edits`](crate::Stream::edits) has been applied; only on editable flows.
    Edit {
        /// Bytes from the beginning of the stream; never decreases.
        through: u64,
    },
    /// Nothing more may leave.
    Block(Block),
}

impl Verdict {
    /// How far the stream may have left: `None` when blocked.
    pub fn through(self) -> Option<u64> {
        match self {
            Verdict::Forward { through } | Verdict::Edit { through } => Some(through),
            Verdict::Block(_) => None,
        }
    }

    /// Whether nothing more may leave.
    pub fn is_block(self) -> bool {
        matches!(self, Verdict::Block(_))
    }
}

/// Why a stream was blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockReason {
    /// A finding.
    Finding(Kind),
    /// Content that was not examined.
    Opaque(OpaqueReason),
    /// The session is in quarantine ([`Quarantine`](crate::Quarantine)).
    Quarantine,
    /// `push` after `finish`, or after a block was discarded.
    Misuse,
}

/// Who reads a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The person at their own terminal or log: everything but the value.
    Operator,
    /// Whatever sent the bytes: nothing about enrolled secrets, for the verdict is an oracle.
    Subject,
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub(crate) reason: BlockReason,
    pub(crate) mark: Mark,
}

/// A reference, and above its bits whether one of the enrolled secrets that a block is for was chosen by nobody else: each stream that waits has one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u64);

impl Mark {
    const COUNTS: u64 = 1 << 63;

    pub(crate) fn new(reference: Reference) -> Mark {
        Mark(reference.0 & !Mark::COUNTS)
    }

    pub(crate) fn reference(self) -> Reference {
        Reference(self.0 & !Mark::COUNTS)
    }

    pub(crate) fn count(&mut self) {
        self.0 |= Mark::COUNTS;
    }

    fn counts(self) -> bool {
        self.0 & Mark::COUNTS != 0
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, counts: {}", self.reference(), self.counts())
    }
}

impl Block {
    /// Why.
    pub fn reason(&self) -> BlockReason {
        self.reason
    }

    /// The number under which the operator's log has the details.
    pub fn reference(&self) -> Reference {
        self.mark.reference()
    }

    /// Whether it is a hit: a secret that is enrolled, whole or in pieces, or a canary. See [`Block::counts`].
    pub fn is_for_secret(&self) -> bool {
        matches!(self.reason, BlockReason::Finding(Kind::Known(..)))
    }

    /// Whether a [`Quarantine`](crate::Quarantine) counts it: it is a hit, and not only of values that somebody else may have chosen ([`KnownSecrets::add_chosen`](crate::KnownSecrets::add_chosen)).
    pub fn counts(&self) -> bool {
        self.mark.counts()
    }

    /// The sentence for an audience. For [`Audience::Subject`] and an enrolled secret, or a quarantine, it is the constant
    /// `blocked by policy, reference <id>`.
    pub fn audience_text(&self, engine: &Engine, audience: Audience) -> String {
        let reference = self.reference();
        match (self.reason, audience) {
            (BlockReason::Finding(Kind::Rule(rule)), _) => {
                let rule = engine.rule(rule);
                format!("blocked by policy: {} ({}), reference {reference}", rule.id, rule.opens)
            }
            (BlockReason::Finding(Kind::Known(secret, form)), Audience::Operator) => format!(
                "blocked by policy: the {} {} ({}), reference {reference}",
                if engine.is_canary(secret) { "canary" } else { "enrolled secret" },
                engine.secret_name(secret),
                form.as_str()
            ),
            (BlockReason::Opaque(reason), _) => {
                format!("blocked by policy: {}, reference {reference}", reason.describe())
            }
            (BlockReason::Quarantine, Audience::Operator) => {
                format!("blocked: the session is in quarantine after repeated hits, reference {reference}")
            }
            (BlockReason::Misuse, Audience::Operator) => {
                format!("blocked: bytes were pushed after the end of the stream, reference {reference}")
            }
            (_, Audience::Subject) => format!("blocked by policy, reference {reference}"),
        }
    }
}

/// The public number of one refusal: 60 bits that say nothing about the content.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reference(pub(crate) u64);

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        for i in 0..12 {
            let digit = (self.0 >> (5 * i)) & 31;
            write!(f, "{}", ALPHABET[digit as usize] as char)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
