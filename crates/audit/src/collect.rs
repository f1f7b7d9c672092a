//! [`Collector`]: puts values that stand in several places together, and makes the report.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering as Order};
use std::sync::{Mutex, MutexGuard, PoisonError};

use exfilter::Confidence;

use crate::advice::Advice;
use crate::candidate::{Candidate, What};
use crate::names::Masked;
use crate::report::{Capability, Exposure, Find, FoundAt, Gap, Report, Skip, Skipped};
use crate::secret::Digest;
use crate::severity::{Facts, severity};

/// Values that are listed; the rest are counted. Bounds the memory of an audit of hostile files.
const MAX_FINDS: usize = 20_000;
/// Places remembered per value, before the most exposed ones are chosen.
const MAX_PLACES: usize = 256;
/// Gaps that are listed.
const MAX_GAPS: usize = 1000;
/// Skipped paths that are listed, per reason.
const MAX_SKIPPED: u64 = 1000;

/// Takes what the sources find, from any thread.
pub(crate) struct Collector {
    now: i64,
    /// What is counted for every file, without a lock.
    files: AtomicU64,
    bytes: AtomicU64,
    known_places: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_key: HashMap<Key, usize>,
    drafts: Vec<Draft>,
    report: Report,
    skips: HashMap<Skip, (u64, u64)>,
}

/// What tells one find from another.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Value(Digest),
    /// The value was not at hand: the same kind in the same content.
    Place(String, Masked, Masked, String, Option<(u64, u64)>),
}

struct Draft {
    what: What,
    confidence: Confidence,
    documented: bool,
    expires: Option<i64>,
    locked: bool,
    preview: String,
    advice: Vec<Advice>,
    places: Vec<FoundAt>,
    more: u64,
}

impl Collector {
    /// Judges what has ended by `now`, in seconds since 1970.
    pub(crate) fn new(now: i64) -> Collector {
        let (files, bytes, known_places) = Default::default();
        Collector { now, files, bytes, known_places, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in another thread leaves sums, not references.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what was found in one place.
    pub(crate) fn found(&self, candidates: Vec<Candidate>) {
        if candidates.is_empty() {
            return;
        }
        let mut state = self.state();
        candidates.into_iter().for_each(|candidate| state.add(candidate));
    }

    pub(crate) fn capability(&self, capability: Capability) {
        self.state().report.capabilities.push(capability);
    }

    pub(crate) fn gap(&self, name: Masked, reason: &'static str, what: String) {
        let report = &mut self.state().report;
        if report.gaps.len() < MAX_GAPS {
            report.gaps.push(Gap { name, reason, what });
        } else {
            report.unlisted_gaps += 1;
        }
    }

    /// Counts `n` gaps that are not listed one by one.
    pub(crate) fn more_gaps(&self, n: u64) {
        self.state().report.unlisted_gaps += n;
    }

    /// Notes what was left out; `name` is asked for only if it is listed.
    pub(crate) fn skipped(&self, reason: Skip, bytes: u64, name: impl FnOnce() -> Masked) {
        let listed = {
            let mut state = self.state();
            let (count, sum) = state.skips.entry(reason).or_default();
            *count += 1;
            *sum += bytes;
            *count <= MAX_SKIPPED
        };
        if listed {
            let name = name();
            self.state().report.skipped.push(Skipped { name, reason, bytes });
        }
    }

    pub(crate) fn file(&self, bytes: u64, known: bool) {
        self.files.fetch_add(1, Order::Relaxed);
        self.bytes.fetch_add(bytes, Order::Relaxed);
        self.known_places.fetch_add(u64::from(known), Order::Relaxed);
    }

    pub(crate) fn process(&self, bytes: u64) {
        let totals = &mut self.state().report.totals;
        totals.processes += 1;
        totals.bytes += bytes;
    }

    pub(crate) fn closed(&self) {
        self.state().report.totals.closed += 1;
    }

    pub(crate) fn unlisted(&self, n: u64) {
        self.state().report.totals.unlisted_finds += n;
    }

    /// The report: the worst first, admin keys first among equals.
    pub(crate) fn close(self) -> Report {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut report = state.report;
        report.totals.files += self.files.into_inner();
        report.totals.bytes += self.bytes.into_inner();
        report.totals.known_places += self.known_places.into_inner();
        report.finds = state.drafts.into_iter().map(|draft| draft.close(self.now)).collect();
        report.finds.sort_by(|a, b| {
            (b.severity, a.class, b.confidence, &a.id)
                .cmp(&(a.severity, b.class, a.confidence, &b.id))
                .then_with(|| match (a.places.first(), b.places.first()) {
                    (Some(a), Some(b)) => by_exposure(a, b),
                    _ => Ordering::Equal,
                })
        });
        report.capabilities.sort_by(|a, b| (b.severity, a.id, &a.name).cmp(&(a.severity, b.id, &b.name)));
        report.gaps.sort_by(|a, b| (&a.name, a.reason, &a.what).cmp(&(&b.name, b.reason, &b.what)));
        report.skipped.sort_by(|a, b| (a.reason, &a.name).cmp(&(b.reason, &b.name)));
        report.skips =
            state.skips.into_iter().map(|(reason, (count, bytes))| (reason, count, bytes)).collect();
        report.skips.sort_unstable();
        report
    }
}

impl State {
    fn add(&mut self, candidate: Candidate) {
        let key = match candidate.digest {
            Some(digest) => Key::Value(digest),
            None => {
                let place = &candidate.place;
                Key::Place(
                    candidate.what.id.clone(),
                    place.name.clone(),
                    place.field.clone(),
                    place.lane.clone(),
                    place.line,
                )
            }
        };
        if let Some(draft) = self.by_key.get(&key).map(|at| &mut self.drafts[*at]) {
            draft.join(candidate);
        } else if self.drafts.len() < MAX_FINDS {
            self.by_key.insert(key, self.drafts.len());
            self.drafts.push(Draft {
                what: candidate.what,
                confidence: candidate.confidence,
                documented: candidate.documented,
                expires: candidate.expires,
                locked: candidate.locked,
                preview: candidate.preview,
                advice: candidate.advice,
                places: vec![candidate.place],
                more: 0,
            });
        } else {
            self.report.totals.unlisted_finds += 1;
        }
    }
}

impl Draft {
    /// The same value once more: the better description stays, and the place is noted once.
    fn join(&mut self, other: Candidate) {
        if other.what.is_better(&self.what) {
            self.what = other.what;
            self.preview = other.preview;
        }
        self.confidence = self.confidence.max(other.confidence);
        self.documented &= other.documented;
        self.locked &= other.locked;
        self.expires = self.expires.max(other.expires);
        self.advice.extend(other.advice);
        if self.places.contains(&other.place) {
            return;
        }
        if self.places.len() < MAX_PLACES {
            self.places.push(other.place);
        } else {
            self.more += 1;
        }
    }

    fn close(mut self, now: i64) -> Find {
        self.places.sort_by(by_exposure);
        let over = self.places.len().saturating_sub(Find::MAX_PLACES);
        let open_to_all = self.places.iter().any(|place| place.exposure == Exposure::All);
        self.places.truncate(Find::MAX_PLACES);
        // What to do about the kind stands first, what to do about the places behind it.
        let first = self.advice.first().copied();
        self.advice.sort_unstable();
        self.advice.dedup();
        if self.advice.len() > 1 {
            self.advice.retain(|one| *one != Advice::Other);
        }
        if let Some(at) = first.and_then(|first| self.advice.iter().position(|one| *one == first)) {
            self.advice[..=at].rotate_right(1);
        }
        let expired = self.expires.is_some_and(|expires| expires <= now);
        Find {
            severity: severity(Facts {
                class: self.what.class,
                confidence: self.confidence,
                documented: self.documented,
                expired,
                locked: self.locked,
                open_to_all,
            }),
            id: self.what.id,
            provider: self.what.provider,
            opens: self.what.opens,
            class: self.what.class,
            confidence: self.confidence,
            documented: self.documented,
            expires: self.expires,
            expired,
            locked: self.locked,
            advice: self.advice,
            revoke: self.what.revoke,
            preview: self.preview,
            more_places: self.more + over as u64,
            places: self.places,
        }
    }
}

/// The most exposed place first, then by name.
fn by_exposure(a: &FoundAt, b: &FoundAt) -> Ordering {
    (b.exposure.cmp(&a.exposure))
        .then_with(|| (a.source, &a.name, &a.field).cmp(&(b.source, &b.name, &b.field)))
        .then_with(|| (a.line, &a.lane).cmp(&(b.line, &b.lane)))
}
