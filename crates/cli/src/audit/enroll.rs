//! `audit --enroll`: what was found is kept in the store, so that scans and hooks look for it.

use std::sync::{Mutex, PoisonError};

use exfilter::Confidence;
use exfilter_audit::FoundValue;
use exfilter_store::Source;
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::secrets::enroll::keep_all;
use crate::secrets::open::Place;
use crate::secrets::{Candidate, harden};
use crate::term::Term;

/// What finds are called in the store.
const FINDER: &str = "audit";

/// Values on their way to the store, as often as they were found.
#[derive(Default)]
pub(super) struct Taken(Mutex<Vec<(Zeroizing<Vec<u8>>, Origin)>>);

/// Where a value stands, and what it is called there.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    place: String,
    name: String,
}

impl Taken {
    /// Nothing yet. Values are in this process's memory from here on.
    pub(super) fn new() -> Taken {
        harden();
        Taken::default()
    }

    /// Takes a value, unless it is a mere guess, by a rule or by a name, or a part of it is missing. A guess that is no secret would be found wherever it stands, and block.
    pub(super) fn take(&self, found: &FoundValue<'_>) {
        if !found.is_whole() || found.confidence() == Confidence::Low {
            return;
        }
        let rule = found.rule().map_or("value", |rule| rule.id.as_str());
        let name = if found.field().is_empty() { rule } else { found.field() };
        let origin = Origin { place: found.source().to_owned(), name: name.to_owned() };
        let value = Zeroizing::new(found.expose().to_vec());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((value, origin));
    }

    /// Keeps all of them, and says of each what became of it.
    ///
    /// # Errors
    ///
    /// A store that cannot be opened or written.
    pub(super) fn keep(self, place: &Place, term: &Term) -> Result<(), Fault> {
        let mut taken = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Each once, from the first of its places in the order of their names.
        taken.sort_by(|one, other| (&*one.0, &one.1).cmp(&(&*other.0, &other.1)));
        taken.dedup_by(|later, first| later.0 == first.0);
        let mut candidates: Vec<Candidate> = taken
            .into_iter()
            .map(|(value, Origin { place, name })| {
                let place = format!("{place} {name}");
                Candidate { name, value, source: Source::Other { finder: FINDER.into(), place } }
            })
            .collect();
        candidates.sort_by_cached_key(|candidate| (candidate.name.clone(), candidate.source.to_string()));
        keep_all(place, candidates, Vec::new(), (false, false), term).map(drop)
    }
}
