//! [`Finding`]: where what was found, and never the value itself.

use std::ops::Range;

use crate::id::FindingId;
use crate::policy::{Action, Confidence};
use crate::secrets::Form;

/// The index of a rule in its engine; [`Engine::rule`](crate::Engine::rule) resolves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub(crate) u32);

/// The index of an enrolled secret in its engine; [`Engine::secret_name`](crate::Engine::secret_name) resolves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId(pub(crate) u32);

/// The index of a lane path in its stream; [`Stream::path`](crate::Stream::path) resolves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(pub(crate) u32);

/// What matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A key pattern.
    Rule(RuleId),
    /// An enrolled secret, in some form.
    Known(SecretId, Form),
}

/// What a rule's checksum said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// The rule has no checksum.
    None,
    /// The checksum or the structure is valid.
    Verified,
    /// It is not; the finding stands, one step less sure.
    Failed,
}

/// One finding. Holds offsets and names, no content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub(crate) outer: Range64,
    pub(crate) path: PathId,
    pub(crate) inner: Range64,
    pub(crate) kind: Kind,
    pub(crate) confidence: Confidence,
    pub(crate) proof: Proof,
    pub(crate) documented: bool,
    pub(crate) fixture: bool,
    pub(crate) bound: bool,
    pub(crate) chosen: bool,
    pub(crate) action: Action,
    pub(crate) approved: bool,
    pub(crate) line: Option<(u64, u64)>,
    pub(crate) preview: Preview,
    pub(crate) id: Option<FindingId>,
}

/// A half-open range of offsets that can be ordered (`Range` cannot).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Range64 {
    /// Ordered by end first: findings are counted in the order in which their last byte arrives.
    pub(crate) end: u64,
    pub(crate) start: u64,
}

/// The public prefix of a match (`ghp_`), at most 12 bytes: the literal that the rule is anchored at, never a
/// byte of the secret part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Preview {
    pub(crate) len: u8,
    pub(crate) bytes: [u8; 12],
}

impl Preview {
    /// Cuts at 12 bytes; a literal is ASCII or is left out.
    pub(crate) fn new(literal: &str) -> Preview {
        let mut bytes = [0; 12];
        if !literal.is_ascii() || literal.bytes().any(|b| b.is_ascii_control()) {
            return Preview { len: 0, bytes };
        }
        let len = literal.len().min(bytes.len());
        bytes[..len].copy_from_slice(&literal.as_bytes()[..len]);
        Preview { len: len as u8, bytes }
    }
}

impl Finding {
    /// The range in the outer stream: from the byte that holds the first bit of the value to the byte after its last.
    pub fn outer(&self) -> Range<u64> {
        self.outer.start..self.outer.end
    }

    /// The range in the lane where it was found.
    pub fn inner(&self) -> Range<u64> {
        self.inner.start..self.inner.end
    }

    /// The lane; [`Stream::path`](crate::Stream::path) names it.
    pub fn path(&self) -> PathId {
        self.path
    }

    /// What matched.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How sure it is.
    pub fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// What the rule's checksum said.
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// Whether the value is one that the provider's documentation shows.
    pub fn documented(&self) -> bool {
        self.documented
    }

    /// Whether its confidence is lower for where it stands: anybody can make one, and a path says that it is of tests or examples.
    pub fn fixture(&self) -> bool {
        self.fixture
    }

    /// Whether it is an enrolled secret in the slot and at the host it is bound to.
    pub fn bound(&self) -> bool {
        self.bound
    }

    /// Whether it is an enrolled secret that somebody else may have chosen ([`KnownSecrets::add_chosen`](crate::KnownSecrets::add_chosen)): its refusal counts for no quarantine.
    pub fn is_chosen(&self) -> bool {
        self.chosen
    }

    /// What the policy did about it.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Whether it would be refused, had nobody approved it ([`Flow::approved`](crate::Flow::approved)).
    pub fn is_approved(&self) -> bool {
        self.approved
    }

    /// A name for it that stays: of an enrolled secret, and of a value that nobody can guess. For others see [`FindingId::of_line`].
    pub fn id(&self) -> Option<FindingId> {
        self.id
    }

    /// Line and column, both from 1, the column in bytes; only on flows that count lines.
    pub fn line(&self) -> Option<(u64, u64)> {
        self.line
    }

    /// The public prefix of the match (`ghp_`); empty for enrolled secrets. Never a byte of the secret part.
    pub fn preview(&self) -> &str {
        std::str::from_utf8(&self.preview.bytes[..usize::from(self.preview.len)]).unwrap_or("")
    }
}
