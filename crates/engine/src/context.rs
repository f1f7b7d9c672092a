//! What lanes work with while bytes are fed: [`Context`], and [`Scratch`], the working memory of a worker.

use std::ops::Range;
use std::sync::Arc;

use exfilter_automaton::{Hit, Workspace};
use exfilter_codec::Decoder;
use zeroize::Zeroize;

use crate::compile::Compiled;
use crate::coverage::OpaqueReason;
use crate::engine::Core;
use crate::finding::{Kind, Preview, Proof, Range64, SecretId};
use crate::fixture::Place;
use crate::flow::{Direction, Flow};
use crate::id::FindingId;
use crate::lane::{Ahead, Escaped, Group, LaneKind, Touched};
use crate::path::{LaneStep, Trail};
use crate::policy::Confidence;
use crate::secrets::Form;
use crate::session::Covered;
use crate::unpack::Unpacking;

/// What a flow means for its lanes.
pub(crate) struct Facts {
    pub(crate) flow: Flow,
    /// The schedule's window, in bytes: lanes that are alive are stepped on its absolute multiples.
    pub(crate) window: u64,
    pub(crate) lines: bool,
    pub(crate) known_may_act: bool,
}

/// Window of flows whose bytes wait for a verdict.
const WINDOW: u64 = 64;
/// Window of flows that hold nothing back, or all of it.
const WINDOW_AT_REST: u64 = 1024;

impl Facts {
    pub(crate) fn new(core: &Core, flow: Flow) -> Facts {
        let window = if holds(&flow) { WINDOW } else { WINDOW_AT_REST };
        let known_may_act = core.known.is_some() && core.policy.may_act(&flow, Confidence::Confirmed);
        Facts { window, lines: flow.counts_lines(), known_may_act, flow }
    }

    /// Where what was found stands: in a member of an archive, or in the flow's own file.
    pub(crate) fn place(&self, trail: Option<&Trail>) -> Place {
        let outer = self.flow.place();
        trail.map_or(outer, |trail| match trail.steps().any(|step| matches!(step, LaneStep::Member(_))) {
            true => trail.place.within(outer),
            false => outer,
        })
    }

    /// Whether a part of this flow may leave while the rest is held back.
    pub(crate) fn holds(&self) -> bool {
        holds(&self.flow)
    }
}

fn holds(flow: &Flow) -> bool {
    flow.direction() == Direction::Outbound && !flow.is_whole()
}

/// Counters of a stream that its lanes share.
#[derive(Default)]
pub(crate) struct Live {
    /// Lanes alive, the root apart.
    pub(crate) lanes: u32,
    /// What decoders keep for what may refer to it, in KiB: a stream that has seen nothing has no room for more.
    pub(crate) kept: u32,
    pub(crate) windows: u64,
    pub(crate) decoded: u64,
    pub(crate) containers: u64,
    pub(crate) members: u64,
    /// Each has 60 bytes at least, so they are few enough.
    pub(crate) archives: u32,
    /// Streams of zlib that began in the middle of content.
    pub(crate) zlib: u32,
    /// Bytes pushed after scanning was given up.
    pub(crate) discarded: u64,
    /// What takes the place of the decoder of the container with which the stream begins.
    pub(crate) unpacking: Option<Box<Unpacking>>,
}

/// What a feed works with.
pub(crate) struct Context<'a> {
    pub(crate) core: &'a Core,
    pub(crate) facts: &'a Facts,
    pub(crate) live: &'a mut Live,
    pub(crate) scratch: &'a mut Scratch,
    /// The end of the window that is being fed.
    pub(crate) when: u64,
}

impl Context<'_> {
    /// Notes a range that is not examined.
    pub(crate) fn opaque(
        &mut self,
        reason: OpaqueReason,
        outer: Range<u64>,
        trail: Option<Arc<Trail>>,
        when: u64,
    ) {
        let outer = Range64 { start: outer.start, end: outer.end };
        self.scratch.unseen.push(Unseen { when, outer, reason, trail });
    }

    /// Whether a finding of this rule could end in more than a report.
    pub(crate) fn may_act(&self, rule: &Compiled) -> bool {
        let ceiling = match rule.rule.checksum {
            Some(_) => rule.rule.confidence.max(Confidence::High),
            None => rule.rule.confidence,
        };
        self.core.policy.may_act(&self.facts.flow, ceiling)
    }
}

/// A finding before the policy has seen it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    /// The window in which it was decided: the order of events.
    pub(crate) when: u64,
    /// Whether it was made in content that a framing joined: of two that are the same, the other one comes first.
    pub(crate) framed: bool,
    pub(crate) outer: Range64,
    pub(crate) inner: Range64,
    pub(crate) kind: Kind,
    pub(crate) confidence: Confidence,
    pub(crate) proof: Proof,
    pub(crate) documented: bool,
    /// Whether tests were said to follow before it.
    pub(crate) in_tests: bool,
    pub(crate) preview: Preview,
    pub(crate) line: Option<(u64, u64)>,
    pub(crate) trail: Option<Arc<Trail>>,
    /// Its id, if the value is strong.
    pub(crate) id: Option<FindingId>,
    /// The credential itself, where an edit may overwrite it in the outer stream: the outer range and the lane's.
    pub(crate) writable: Option<(Range64, Range64)>,
    /// Of a piece of a secret, what it covers: whether that is a finding the ledger knows.
    pub(crate) fragment: Option<Box<Fragment>>,
}

/// A piece of a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fragment {
    /// Place of the secret among those whose pieces are counted.
    pub(crate) number: u32,
    pub(crate) covered: Covered,
}

impl Found {
    /// A known secret in one of its spellings; nothing of it is shown.
    pub(crate) fn known(when: u64, outer: Range64, inner: Range64, secret: u32, form: Form) -> Found {
        Found {
            when,
            framed: false,
            outer,
            inner,
            kind: Kind::Known(SecretId(secret), form),
            confidence: Confidence::Confirmed,
            proof: Proof::None,
            documented: false,
            in_tests: false,
            preview: Preview::new(""),
            line: None,
            trail: None,
            id: None,
            writable: None,
            fragment: None,
        }
    }
}

/// A range that was not examined, before the policy has seen it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unseen {
    pub(crate) when: u64,
    pub(crate) outer: Range64,
    pub(crate) reason: OpaqueReason,
    pub(crate) trail: Option<Arc<Trail>>,
}

/// Working memory of one worker: buffers that streams borrow while bytes are pushed.
///
/// # Resource usage
///
/// About 80 KiB once warm, 2 KiB per group of base64 lanes that was alive at one time, and four decoders, 43 KiB each for deflate, 1.1 MiB at most for Zstandard. Bytes of streams stay in its buffers until they are
/// overwritten; dropping it wipes them. It holds no state of a stream.
#[derive(Default)]
pub struct Scratch {
    buffers: Vec<Vec<u8>>,
    hits: Vec<Vec<Hit>>,
    pub(crate) work: Workspace,
    pub(crate) ahead: Ahead,
    #[expect(clippy::vec_box, reason = "a group moves between here and its lane; boxed, that is a pointer")]
    groups: Vec<Box<Group>>,
    #[expect(clippy::vec_box, reason = "as a group")]
    escaped: Vec<Box<Escaped>>,
    /// With what they are for: a kind, and the largest window.
    decoders: Vec<((LaneKind, u64), Box<dyn Decoder>)>,
    pub(crate) touched: Touched,
    /// For the look at scattered letters: a bit for each of them, and for each that may end an anchor.
    pub(crate) letters: Vec<u64>,
    pub(crate) ending: Vec<u64>,
    pub(crate) found: Vec<Found>,
    pub(crate) unseen: Vec<Unseen>,
    /// Whether what is being fed is a name.
    pub(crate) in_name: bool,
}

/// Buffers kept for reuse: more than lanes in lanes have in hand at once.
const BUFFERS: usize = 64;

/// Groups kept for reuse.
const GROUPS: usize = 16;

/// Decoders kept for reuse: the magic numbers of one format may stand again and again where nothing of it follows.
const DECODERS: usize = 4;

impl Scratch {
    /// Empty working memory; it grows on use.
    pub fn new() -> Scratch {
        Scratch::default()
    }

    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_default()
    }

    pub(crate) fn give_buffer(&mut self, mut buffer: Vec<u8>) {
        // One that was never filled would be taken before those that have room.
        if buffer.capacity() == 0 {
            return;
        }
        if self.buffers.len() < BUFFERS {
            buffer.clear();
            self.buffers.push(buffer);
        } else {
            buffer.zeroize();
        }
    }

    pub(crate) fn hits(&mut self) -> Vec<Hit> {
        self.hits.pop().unwrap_or_default()
    }

    pub(crate) fn give_hits(&mut self, mut hits: Vec<Hit>) {
        hits.clear();
        if self.hits.len() < BUFFERS {
            self.hits.push(hits);
        }
    }

    pub(crate) fn group(&mut self) -> Option<Box<Group>> {
        self.groups.pop()
    }

    pub(crate) fn give_group(&mut self, group: Box<Group>) {
        if self.groups.len() < GROUPS {
            self.groups.push(group);
        }
    }

    /// A decoder for content of a kind, with windows of at most `window` bytes, as good as new.
    pub(crate) fn decoder(&mut self, kind: LaneKind, window: u64) -> Option<Box<dyn Decoder>> {
        let at = self.decoders.iter().position(|(of, _)| *of == (kind, window))?;
        Some(self.decoders.swap_remove(at).1)
    }

    pub(crate) fn give_decoder(&mut self, kind: LaneKind, window: u64, mut decoder: Box<dyn Decoder>) {
        if self.decoders.len() < DECODERS {
            decoder.reset();
            self.decoders.push(((kind, window), decoder));
        }
    }

    pub(crate) fn escaped(&mut self) -> Option<Box<Escaped>> {
        self.escaped.pop()
    }

    pub(crate) fn give_escaped(&mut self, escaped: Box<Escaped>) {
        if self.escaped.len() < GROUPS {
            self.escaped.push(escaped);
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A cleared vector still has its bytes; `Vec::zeroize` wipes the whole capacity.
        self.buffers.iter_mut().for_each(Zeroize::zeroize);
    }
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scratch(..)")
    }
}
