//! [`Ledger`]: what a stream has decided. Findings come in, the policy speaks, events, edits and the verdict come out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::context::{Facts, Found, Fragment, Live, Scratch, Unseen};
use crate::coverage::{Coverage, Opaque, OpaqueReason};
use crate::engine::Core;
use crate::event::{Edit, Event};
use crate::finding::{Finding, Kind, PathId, Range64, RuleId, SecretId};
use crate::id::FindingId;
use crate::path::{LanePath, LaneStep, Trail};
use crate::policy::{Action, Confidence};
use crate::secrets::Form;
use crate::session::{Covered, Session};
use crate::slot::{Home, SlotValue};
use crate::verdict::{Block, BlockReason, Mark, Reference};

/// Decisions of one stream.
pub(crate) struct Ledger {
    mark: Mark,
    blocked: Option<BlockReason>,
    paths: Vec<LanePath>,
    findings: u32,
    opaques: u32,
    suppressed: BTreeMap<What, u64>,
    coverage: [u64; OpaqueReason::COUNT],
    /// Edits whose bytes have not been released, in order, not overlapping.
    edits: Vec<Edit>,
    /// The last findings: what is found as it is spelled may be found again where the spelling is undone.
    recent: Option<Box<Recent>>,
    /// Which characters of secrets were seen in pieces, by their numbers among those whose pieces are counted.
    pieces: Option<Box<Pieces>>,
    /// Findings that wait for the end of a slot in which a secret may be at home.
    slot: Option<Box<SlotValue>>,
}

/// What a suppressed finding is counted under.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Rule(RuleId),
    Secret(SecretId),
}

/// The last findings.
#[derive(Default)]
struct Recent {
    told: VecDeque<Told>,
    /// Those below the stream itself: what stands in one frame is found again where frames are joined.
    below: VecDeque<Below>,
}

impl Recent {
    fn memory(&self) -> usize {
        // Steps that lanes have left behind, with their counts of references.
        let steps = self.below.iter().flat_map(|below| below.trail.steps());
        let steps = steps.map(|step| size_of::<Trail>() + 2 * size_of::<usize>() + step.memory());
        size_of::<Recent>()
            + steps.sum::<usize>()
            + self.told.capacity() * size_of::<Told>()
            + self.below.capacity() * size_of::<Below>()
    }
}

/// A finding that was decided about.
struct Told {
    what: What,
    outer: Range64,
    /// Whether it was made in text whose spelling (escapes, hexadecimal digits) was undone.
    undone: bool,
    confidence: Confidence,
}

/// A finding in a lane below the stream.
struct Below {
    what: What,
    outer: Range64,
    inner: Range64,
    framed: bool,
    trail: Arc<Trail>,
    /// Whether it has been found again.
    again: bool,
}

/// Paths that a new one is compared with.
const RECENT_PATHS: usize = 8;

/// Bytes between two findings of a secret of which the second one, a part, is not told of: a line of a key, and its break.
const BESIDE: u64 = 96;

/// Findings that a new one is compared with.
const RECENT_FINDINGS: usize = 16;

/// By number; few streams have any.
#[derive(Default)]
struct Pieces(BTreeMap<u32, Covered>);

impl Ledger {
    pub(crate) fn new(core: &Core, facts: &Facts, reference: u64) -> Ledger {
        let quarantined = facts.flow.is_quarantined();
        Ledger {
            mark: Mark::new(Reference(reference)),
            blocked: quarantined.then_some(BlockReason::Quarantine),
            paths: Vec::new(),
            findings: 0,
            opaques: 0,
            suppressed: BTreeMap::new(),
            coverage: [0; OpaqueReason::COUNT],
            edits: Vec::new(),
            recent: None,
            pieces: None,
            slot: SlotValue::open(core, facts),
        }
    }

    /// Whether it watches a slot in which a secret may be at home.
    pub(crate) fn has_slot(&self) -> bool {
        self.slot.is_some()
    }

    /// Makes it new for another stream of the same facts. Of one that has nothing in it, and had no slot when it was new, only the reference changes.
    pub(crate) fn renew(&mut self, core: &Core, facts: &Facts, had_slot: bool, reference: u64) {
        if self.is_spotless() && self.paths.is_empty() && self.recent.is_none() && !had_slot {
            self.mark = Mark::new(Reference(reference));
        } else {
            *self = Ledger::new(core, facts, reference);
        }
    }

    /// Takes over what the last feed has found.
    pub(crate) fn settle(
        &mut self,
        core: &Core,
        facts: &Facts,
        scratch: &mut Scratch,
        on_event: &mut dyn FnMut(Event),
    ) {
        if scratch.found.is_empty() && scratch.unseen.is_empty() {
            return;
        }
        scratch.found.sort_unstable();
        scratch.found.dedup();
        scratch.unseen.sort_unstable();
        match &mut self.slot {
            Some(slot) => {
                slot.defer(&mut scratch.found, &mut scratch.unseen);
                if slot.is_full() {
                    slot.spoil();
                    self.close_slot(core, facts, on_event);
                }
            }
            None => {
                self.decide(core, facts, scratch.found.drain(..), scratch.unseen.drain(..), None, on_event);
            }
        }
    }

    /// Shows the bytes of the stream to the slot that may be some secret's home.
    pub(crate) fn watch_slot(
        &mut self,
        core: &Core,
        facts: &Facts,
        bytes: &[u8],
        on_event: &mut dyn FnMut(Event),
    ) {
        if let Some(slot) = &mut self.slot
            && !slot.take(bytes)
        {
            slot.spoil();
            self.close_slot(core, facts, on_event);
        }
    }

    /// Decides about the findings that waited for the end of the slot.
    pub(crate) fn close_slot(&mut self, core: &Core, facts: &Facts, on_event: &mut dyn FnMut(Event)) {
        let Some(mut slot) = self.slot.take() else { return };
        let home = slot.home(core);
        let (found, unseen) = slot.deferred();
        self.decide(core, facts, found.into_iter(), unseen.into_iter(), home, on_event);
    }

    /// Says that the slot's value is not whole.
    pub(crate) fn spoil_slot(&mut self) {
        if let Some(slot) = &mut self.slot {
            slot.spoil();
        }
    }

    /// Whether bytes wait for the end of a slot.
    pub(crate) fn is_waiting(&self) -> bool {
        self.slot.is_some()
    }

    /// Whether nothing was found or left unexamined so far, not even a piece, and nothing waits.
    pub(crate) fn is_spotless(&self) -> bool {
        let counted = self.findings > 0 || self.opaques > 0 || !self.suppressed.is_empty();
        self.blocked.is_none()
            && !counted
            && self.coverage.iter().all(|n| *n == 0)
            && self.edits.is_empty()
            && self.pieces.is_none()
            && self.slot.is_none()
    }

    /// Blocks for a reason of the stream's own; the first reason stays.
    pub(crate) fn block(&mut self, reason: BlockReason) -> Block {
        Block { reason: *self.blocked.get_or_insert(reason), mark: self.mark }
    }

    pub(crate) fn blocked(&self) -> Option<Block> {
        self.blocked.map(|reason| Block { reason, mark: self.mark })
    }

    pub(crate) fn reference(&self) -> Reference {
        self.mark.reference()
    }

    pub(crate) fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// The most that may be released without cutting an edit in two.
    pub(crate) fn clamp(&self, through: u64) -> u64 {
        let cut = self.edits.iter().find(|e| e.range.start < through && through < e.range.end);
        cut.map_or(through, |e| e.range.start)
    }

    /// Forgets edits whose bytes were released before.
    pub(crate) fn release_edits(&mut self, through: u64) {
        self.edits.retain(|e| e.range.end > through);
    }

    pub(crate) fn path(&self, id: PathId) -> &LanePath {
        static ROOT: LanePath = LanePath { steps: Vec::new() };
        id.0.checked_sub(1).and_then(|i| self.paths.get(i as usize)).unwrap_or(&ROOT)
    }

    pub(crate) fn coverage(&self, bytes: u64, live: &Live) -> Coverage {
        Coverage {
            bytes,
            decoded: live.decoded,
            containers: live.containers,
            archives: live.archives.into(),
            members: live.members,
            opaque: self.coverage,
            discarded: live.discarded,
        }
    }

    pub(crate) fn suppressed(&self) -> impl Iterator<Item = (RuleId, u64)> + '_ {
        self.suppressed.iter().filter_map(|(what, n)| match what {
            What::Rule(id) => Some((*id, *n)),
            What::Secret(_) => None,
        })
    }

    pub(crate) fn suppressed_secrets(&self) -> impl Iterator<Item = (SecretId, u64)> + '_ {
        self.suppressed.iter().filter_map(|(what, n)| match what {
            What::Secret(id) => Some((*id, *n)),
            What::Rule(_) => None,
        })
    }

    pub(crate) fn memory(&self) -> usize {
        let steps =
            self.paths.iter().map(|path| path.steps.capacity()).sum::<usize>() * size_of::<LaneStep>();
        steps
            + self.paths.capacity() * size_of::<LanePath>()
            + self.edits.capacity() * size_of::<Edit>()
            + self.recent.as_ref().map_or(0, |recent| recent.memory())
            + self.slot.as_ref().map_or(0, |s| s.memory())
            + self
                .pieces
                .as_ref()
                .map_or(0, |pieces| size_of::<Pieces>() + pieces.0.len() * 2 * size_of::<(u32, Covered)>())
    }

    /// Decides about what was found, in the order in which it was; `home` is the range of a slot whose secret is at home.
    fn decide(
        &mut self,
        core: &Core,
        facts: &Facts,
        found: impl Iterator<Item = Found>,
        unseen: impl Iterator<Item = Unseen>,
        home: Option<Home>,
        on_event: &mut dyn FnMut(Event),
    ) {
        let mut unseen = unseen.peekable();
        for found in found {
            while let Some(unseen) = unseen.next_if(|u| u.when < found.when) {
                self.settle_unseen(core, facts, unseen, on_event);
            }
            let bound = home.as_ref().is_some_and(|home| home.holds(&found));
            self.settle_found(core, facts, found, bound, on_event);
        }
        for unseen in unseen {
            self.settle_unseen(core, facts, unseen, on_event);
        }
    }

    fn settle_found(
        &mut self,
        core: &Core,
        facts: &Facts,
        mut found: Found,
        bound: bool,
        on_event: &mut dyn FnMut(Event),
    ) {
        let what = match found.kind {
            Kind::Rule(id) => What::Rule(id),
            Kind::Known(id, _) => What::Secret(id),
        };
        if let Some(fragment) = &found.fragment
            && (bound || !self.is_enough(core, facts, fragment))
        {
            return;
        }
        if self.is_known_below(what, &found) {
            return;
        }
        let step = found.trail.as_ref().map(|trail| &trail.step);
        let undone = matches!(step, Some(LaneStep::Escapes | LaneStep::Hex));
        let unescaped = step == Some(&LaneStep::Escapes);
        // Only there do outer ranges say where a match of a rule is, to the byte.
        let exact = found.trail.as_ref().is_none_or(|t| t.up.is_none() && unescaped);
        let beside = matches!(found.kind, Kind::Known(_, Form::Part)) && self.is_beside(what, &found.outer);
        if matches!(what, What::Secret(_)) || exact {
            let same = |t: &Told| {
                t.what == what
                    && t.outer == found.outer
                    && t.undone != undone
                    && t.confidence >= found.confidence
            };
            // Of a rule, the match as it stands is the one to be told of.
            let told = &mut self.recent.get_or_insert_default().told;
            if (undone || matches!(what, What::Secret(_))) && told.iter().any(same) {
                return;
            }
            if told.len() == RECENT_FINDINGS {
                told.pop_front();
            }
            told.push_back(Told { what, outer: found.outer, undone, confidence: found.confidence });
        }
        let fixture = found.confidence > Confidence::Medium && is_fixture(core, facts, &found);
        if fixture {
            found.confidence = Confidence::Medium;
        }
        let enrolled = match found.kind {
            Kind::Rule(_) => None,
            Kind::Known(id, _) => core.known.as_ref().and_then(|known| known.enrolled.get(id.0 as usize)),
        };
        let chosen = enrolled.is_some_and(|enrolled| enrolled.chosen);
        let mut action = match bound {
            true => Action::Allow,
            false => core.policy.decide(&facts.flow, found.confidence, found.documented),
        };
        if action == Action::Redact {
            let cut = matches!(found.kind, Kind::Rule(id) if core.rules[id.0 as usize].rule.open_ended);
            match edit_of(&found) {
                Some(edit) if !cut => insert_edit(&mut self.edits, edit),
                _ => action = Action::Block,
            }
        }
        // One that is counted alone would be approved again and again: nobody is told of it.
        let approved = action == Action::Block
            && matches!(found.kind, Kind::Rule(_))
            && found.confidence == Confidence::Medium
            && self.findings < core.limits.findings
            && facts.flow.approves(found.id);
        if approved {
            action = Action::Report;
        }
        if action == Action::Block {
            self.block(BlockReason::Finding(found.kind));
            // Behind a value that counts for nothing, one may stand that does.
            let counts = matches!(found.kind, Kind::Known(..)) && !chosen;
            if counts && self.blocked().is_some_and(|block| block.is_for_secret()) {
                self.mark.count();
            }
        }
        if beside {
            return;
        }
        if self.findings >= core.limits.findings {
            *self.suppressed.entry(what).or_default() += 1;
            return;
        }
        self.findings += 1;
        let id = match found.kind {
            Kind::Rule(_) => found.id,
            Kind::Known(..) => enrolled.map(|enrolled| FindingId::of_secret(&enrolled.whole.0)),
        };
        on_event(Event::Finding(Finding {
            outer: found.outer,
            path: self.intern(found.trail.as_deref()),
            inner: found.inner,
            kind: found.kind,
            confidence: found.confidence,
            proof: found.proof,
            documented: found.documented,
            fixture,
            bound,
            chosen,
            action,
            approved,
            line: found.line,
            preview: found.preview,
            id,
        }));
    }

    /// Whether the same secret was found directly before, or there.
    fn is_beside(&self, what: What, outer: &Range64) -> bool {
        let mut told = self.recent.iter().flat_map(|recent| &recent.told);
        told.any(|told| {
            told.what == what && told.outer.start < outer.end && told.outer.end + BESIDE >= outer.start
        })
    }

    /// Takes a piece of a secret; whether it is a finding, with all that this stream and its session have shown.
    fn is_enough(&mut self, core: &Core, facts: &Facts, fragment: &Fragment) -> bool {
        let fragments = core.known.as_ref().and_then(|known| known.fragments.as_ref());
        let Some(of) = fragments.and_then(|fragments| fragments.secrets.get(fragment.number as usize)) else {
            return false;
        };
        let covered = self.pieces.get_or_insert_default().0.entry(fragment.number).or_default();
        covered.join(fragment.covered);
        let mut all = *covered;
        all.join(facts.flow.shown_before().map_or(Covered::default(), |session| session.covered(&of.id)));
        of.is_told_by(all)
    }

    /// What the stream has shown in pieces.
    pub(crate) fn contribution(&self, core: &Core) -> Session {
        let mut session = Session::new();
        if let Some(fragments) = core.known.as_ref().and_then(|known| known.fragments.as_ref()) {
            for (number, covered) in self.pieces.iter().flat_map(|pieces| &pieces.0) {
                session.note(fragments.secrets[*number as usize].id, *covered);
            }
        }
        session
    }

    /// Whether a finding is one that was told of: in the same lanes, but for framings, at the same place of the last one.
    fn is_known_below(&mut self, what: What, found: &Found) -> bool {
        let Some(trail) = &found.trail else { return false };
        let other = |below: &&mut Below| {
            let ways = [trail, &below.trail].map(|trail| trail.steps().filter(|step| !step.is_framing()));
            let [this, that] = ways;
            below.framed != found.framed
                && !below.again
                && (below.what, below.inner) == (what, found.inner)
                && below.outer.start < found.outer.end
                && found.outer.start < below.outer.end
                && this.eq(that)
        };
        let below = &mut self.recent.get_or_insert_default().below;
        if let Some(below) = below.iter_mut().find(other) {
            below.again = true;
            return true;
        }
        if below.len() == RECENT_FINDINGS {
            below.pop_front();
        }
        let Found { outer, inner, framed, .. } = *found;
        below.push_back(Below { what, outer, inner, framed, trail: Arc::clone(trail), again: false });
        false
    }

    /// Decides about what was not examined.
    pub(crate) fn settle_unseen(
        &mut self,
        core: &Core,
        facts: &Facts,
        unseen: Unseen,
        on_event: &mut dyn FnMut(Event),
    ) {
        self.coverage[unseen.reason as usize] += 1;
        let action = core.policy.decide_opaque(&facts.flow, unseen.reason);
        if action == Action::Block {
            self.block(BlockReason::Opaque(unseen.reason));
        }
        if self.opaques >= core.limits.opaques {
            return;
        }
        self.opaques += 1;
        let path = self.intern(unseen.trail.as_deref());
        let outer = unseen.outer.start..unseen.outer.end;
        on_event(Event::Opaque(Opaque { reason: unseen.reason, outer, path, action }));
    }

    fn intern(&mut self, trail: Option<&Trail>) -> PathId {
        if trail.is_none() {
            return PathId(0);
        }
        let path = LanePath::from_trail(trail);
        let recent = self.paths.len().saturating_sub(RECENT_PATHS);
        let at = match self.paths[recent..].iter().position(|p| *p == path) {
            Some(at) => recent + at,
            None => {
                self.paths.push(path);
                self.paths.len() - 1
            }
        };
        PathId(at as u32 + 1)
    }
}

/// Whether what a rule found is one that anybody can make, where tests or examples are.
fn is_fixture(core: &Core, facts: &Facts, found: &Found) -> bool {
    let Kind::Rule(id) = found.kind else { return false };
    core.rules[id.0 as usize].rule.self_issued
        && !core.policy.strict_examples
        && (found.in_tests || facts.place(found.trail.as_deref()).is_fixture)
}

/// Inserts an edit in order and joins it with those it overlaps; what two fills claim is filled with asterisks.
fn insert_edit(edits: &mut Vec<Edit>, mut edit: Edit) {
    let first = edits.partition_point(|e| e.range.end <= edit.range.start);
    let last = edits.partition_point(|e| e.range.start < edit.range.end);
    for other in edits.drain(first..last.max(first)) {
        edit.range = edit.range.start.min(other.range.start)..edit.range.end.max(other.range.end);
        if other.fill != edit.fill {
            edit.fill = b'*';
        }
    }
    edits.insert(first, edit);
}

/// What overwrites characters of base64 and hexadecimal digits: both decode to `U`, at any alignment, so text stays text below them.
const FILL_BASE64: u8 = b'V';
const FILL_HEX: u8 = b'5';

/// The edit that removes a finding; none where its bytes cannot be overwritten alone.
fn edit_of(found: &Found) -> Option<Edit> {
    let (outer, inner) = found.writable?;
    match (found.trail.as_deref(), found.kind) {
        // A needle's characters are wholly the value's; those before it are shared with a neighbour. Deeper layers are edited by their lanes,
        // or not at all.
        (None, Kind::Known(_, Form::Base64(1))) => {
            return Some(Edit { range: inner.start..inner.end, fill: FILL_BASE64 });
        }
        (None, Kind::Known(_, Form::Hex)) => {
            return Some(Edit { range: outer.start..outer.end, fill: FILL_HEX });
        }
        (None, Kind::Known(_, Form::Base64(_))) => return None,
        (None, _) => return Some(Edit { range: outer.start..outer.end, fill: b'*' }),
        (Some(Trail { up: None, step: LaneStep::Base64, .. }), _) => {}
        (Some(Trail { up: None, step: LaneStep::Hex, .. }), _) => {
            return Some(Edit { range: outer.start..outer.end, fill: FILL_HEX });
        }
        // An escape is overwritten whole.
        (Some(Trail { up: None, step: LaneStep::Escapes, .. }), _) => {
            return Some(Edit { range: outer.start..outer.end, fill: b'*' });
        }
        // In an archive, or below one: a digest may cover it.
        (Some(_), _) => return None,
    }
    // In base64 a character at either end may hold bits of a neighbour: it stays, with at most four bits of the value.
    let start = outer.start + u64::from(!(8 * inner.start).is_multiple_of(6));
    let end = outer.end - u64::from(!(8 * inner.end).is_multiple_of(6));
    (start < end).then_some(Edit { range: start..end, fill: FILL_BASE64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_stay_apart_and_in_order() {
        let mut edits = Vec::new();
        for (start, end, fill) in
            [(40, 84, b'A'), (36, 60, b'*'), (90, 95, b'A'), (10, 20, b'*'), (20, 25, b'A')]
        {
            insert_edit(&mut edits, Edit { range: start..end, fill });
        }
        let seen: Vec<_> = edits.iter().map(|e| (e.range.start, e.range.end, e.fill)).collect();
        assert_eq!(seen, [(10, 20, b'*'), (20, 25, b'A'), (36, 84, b'*'), (90, 95, b'A')]);
        insert_edit(&mut edits, Edit { range: 0..100, fill: b'A' });
        assert_eq!((edits.len(), edits[0].range.clone(), edits[0].fill), (1, 0..100, b'*'));
    }
}
