//! [`Log`]: what the streams of one request have found, in order, and whether any of them blocks.

use std::collections::VecDeque;

use exfilter_engine::{
    Action, Block, BlockReason, Confidence, Coverage, Event, FindingId, Kind, LaneStep, Session, Stream,
    Verdict,
};

use super::sighting::Sighting;

/// Sightings that wait to be polled; more are counted and not kept. A block does not depend on it.
const WAITING_MAX: usize = 4096;

/// Acting sightings that are kept for the refusal.
const ACTING_MAX: usize = 8;

/// The findings, the block and the coverage of a request.
#[derive(Default)]
pub(super) struct Log {
    pub(super) waiting: VecDeque<Sighting>,
    pub(super) dropped: u64,
    /// Whether there was a sighting, polled or not, of something else than a credential that is at home.
    pub(super) told: bool,
    /// The first of those that are the reason of a refusal.
    pub(super) acting: Vec<Sighting>,
    pub(super) acted: u64,
    /// Whether one of those, kept or not, is an enrolled secret.
    pub(super) acts_on_known: bool,
    /// Whether one of them is one that nobody else has chosen.
    pub(super) counts: bool,
    /// Whether one of them stands elsewhere than in the body.
    pub(super) known_outside: bool,
    pub(super) blocked: Option<Block>,
    /// What would be refused, had nobody approved it.
    pub(super) approved: Vec<FindingId>,
    pub(super) coverage: Coverage,
    /// What the session has shown of secrets in pieces, before this request and in it.
    pub(super) session: Session,
    /// Whether something stands in a tree of a pack: its names are not shown then.
    pub(super) in_names: bool,
}

impl Log {
    /// Takes a sighting.
    pub(super) fn take(&mut self, sighting: Sighting) {
        let is_tree = |step: &LaneStep| matches!(step, LaneStep::Member(name) if name.starts_with("tree "));
        self.in_names |= sighting.path.steps().iter().any(is_tree);
        self.told |= !sighting.is_at_home();
        if sighting.action() == Action::Block {
            self.acted += 1;
            if let Event::Finding(finding) = sighting.event()
                && matches!(finding.kind(), Kind::Known(..))
            {
                self.acts_on_known = true;
                self.counts |= !finding.is_chosen();
            }
            if self.acting.len() < ACTING_MAX {
                self.acting.push(sighting.clone());
            }
        }
        if self.waiting.len() == WAITING_MAX {
            self.dropped += 1;
        } else {
            self.waiting.push_back(sighting);
        }
    }

    /// Whether nothing was found so far but credentials that are at home, not even a piece of a secret, and all was examined.
    pub(super) fn is_spotless(&self) -> bool {
        self.blocked.is_none()
            && !self.told
            && self.approved.is_empty()
            && self.session.is_empty()
            && self.coverage.is_complete()
    }

    /// How many sightings there were so far, polled ones apart.
    pub(super) fn seen(&self) -> u64 {
        self.waiting.len() as u64 + self.dropped
    }

    /// Takes the events that a stream has told since.
    pub(super) fn drain(&mut self, stream: &mut Stream, place: &str, base: u64) {
        self.session.merge(&stream.contribution());
        while let Some(event) = stream.poll_event() {
            self.note_approved(&event);
            let path = match &event {
                Event::Finding(finding) => stream.path(finding.path()).clone(),
                Event::Opaque(opaque) => stream.path(opaque.path()).clone(),
                _ => continue,
            };
            self.take(Sighting { place: place.into(), base, path, event, own: false, file: None });
        }
    }

    /// Remembers what passes because somebody has approved it.
    pub(super) fn note_approved(&mut self, event: &Event) {
        if let Event::Finding(finding) = event
            && finding.is_approved()
            && let Some(id) = finding.id()
        {
            self.add_approved(&[id]);
        }
    }

    /// Adds what passed elsewhere in the request because somebody has approved it.
    pub(super) fn add_approved(&mut self, ids: &[FindingId]) {
        for id in ids {
            if !self.approved.contains(id) {
                self.approved.push(*id);
            }
        }
    }

    /// For what the request is refused, if a person may approve all of it.
    pub(super) fn approvable(&self) -> Option<Vec<FindingId>> {
        let BlockReason::Finding(Kind::Rule(_)) = self.blocked?.reason() else { return None };
        if self.acting.is_empty() || self.acted != self.acting.len() as u64 {
            return None;
        }
        let mut ids = Vec::with_capacity(self.acting.len());
        for sighting in &self.acting {
            let Event::Finding(finding) = sighting.event() else { return None };
            if !matches!(finding.kind(), Kind::Rule(_)) || finding.confidence() != Confidence::Medium {
                return None;
            }
            ids.push(finding.id()?);
        }
        ids.sort_unstable();
        ids.dedup();
        Some(ids)
    }

    /// Takes a verdict; the first block stays.
    pub(super) fn settle(&mut self, verdict: Verdict) {
        if let Verdict::Block(block) = verdict {
            self.blocked.get_or_insert(block);
        }
    }
}
