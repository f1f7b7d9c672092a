//! [`Approvals`]: refusals that a person may let pass once, and those that were let pass.
//!
//! ```text
//! refused --offer--> a number, at the page --grant--> ids, for one host and some minutes --used--> one request that leaves
//! ```

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use exfilter::FindingId;

use crate::record::Noted;

/// How long a request may be sent again after it was approved.
pub(crate) const LASTS: Duration = Duration::from_secs(5 * 60);

/// The most refusals that are offered; with one more the oldest is not any more. As many as the page shows.
const OFFERED: usize = 1000;

/// The most that are approved and not used.
const GRANTED: usize = 100;

/// What is offered, and what is approved. Times are those since the guard was started.
#[derive(Default)]
pub(crate) struct Approvals(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    wanted: bool,
    offers: VecDeque<(u64, Offer)>,
    /// How many offers there have been.
    count: u64,
    grants: Vec<Grant>,
}

/// A refusal that may be let pass.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// Where it was to go.
    pub(crate) to: String,
    pub(crate) conversation: &'static str,
    /// What it was refused for.
    pub(crate) noted: Vec<Noted>,
    pub(crate) ids: Vec<FindingId>,
}

struct Grant {
    to: String,
    ids: Vec<FindingId>,
    until: Duration,
}

impl Approvals {
    /// From now on there is somebody who can approve.
    pub(crate) fn begin(&self) {
        self.lock().wanted = true;
    }

    /// Offers a refusal; gives its number, if there is somebody to offer it to.
    pub(crate) fn offer(&self, offer: Offer) -> Option<u64> {
        let mut kept = self.lock();
        if !kept.wanted {
            return None;
        }
        kept.count += 1;
        let number = kept.count;
        if kept.offers.len() >= OFFERED {
            kept.offers.pop_front();
        }
        kept.offers.push_back((number, offer));
        Some(number)
    }

    /// Takes an offer, for it can be taken once. What `record` cannot write down is not approved, and is offered on.
    ///
    /// # Errors
    ///
    /// There is no such offer any more, or it could not be recorded.
    pub(crate) fn grant(
        &self,
        number: u64,
        now: Duration,
        record: impl FnOnce(&Offer) -> std::io::Result<()>,
    ) -> Result<(), NotGranted> {
        let mut kept = self.lock();
        let at = kept.offers.iter().position(|(offered, _)| *offered == number).ok_or(NotGranted::Gone)?;
        kept.grants.retain(|grant| grant.until > now);
        if kept.grants.len() >= GRANTED {
            return Err(NotGranted::Full);
        }
        // Nobody else may take it meanwhile, or be told of it before it is recorded; and no request waits for the disk.
        let Some((_, offer)) = kept.offers.remove(at) else { return Err(NotGranted::Gone) };
        drop(kept);
        let recorded = record(&offer);
        let mut kept = self.lock();
        if recorded.is_err() {
            let at = kept.offers.partition_point(|(offered, _)| *offered < number);
            kept.offers.insert(at, (number, offer));
            return Err(NotGranted::NotRecorded);
        }
        kept.grants.push(Grant { to: offer.to, ids: offer.ids, until: now + LASTS });
        Ok(())
    }

    /// What is approved on its way to a host.
    pub(crate) fn of(&self, to: &str, now: Duration) -> Vec<FindingId> {
        let kept = self.lock();
        let live = kept.grants.iter().filter(|grant| grant.to == to && grant.until > now);
        live.flat_map(|grant| grant.ids.iter().copied()).collect()
    }

    /// Uses up what a request takes; false if it is not there any more, so that the request must not leave.
    #[must_use]
    pub(crate) fn used(&self, to: &str, ids: &[FindingId], now: Duration) -> bool {
        let mut kept = self.lock();
        kept.grants.retain(|grant| grant.until > now);
        let is_granted =
            |id: &FindingId| kept.grants.iter().any(|grant| grant.to == to && grant.ids.contains(id));
        if !ids.iter().all(is_granted) {
            return false;
        }
        let mut taken: Vec<Grant> = Vec::new();
        for id in ids {
            if taken.iter().any(|grant| grant.ids.contains(id)) {
                continue;
            }
            // The one that ends first.
            let first = kept.grants.iter().position(|grant| grant.to == to && grant.ids.contains(id));
            taken.extend(first.map(|at| kept.grants.remove(at)));
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why nothing is approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotGranted {
    /// It was approved before, or is too old.
    Gone,
    /// Too many are approved and not used.
    Full,
    NotRecorded,
}

impl NotGranted {
    pub(crate) fn text(self) -> &'static str {
        match self {
            NotGranted::Gone => "it was approved before, or is too old: let it be sent, and refused, again\n",
            NotGranted::Full => "too many are approved and not used yet\n",
            NotGranted::NotRecorded => "it could not be recorded, so it is not approved\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "https://example.com:443";
    const ELSEWHERE: &str = "https://example.org:443";

    fn id(n: u8) -> FindingId {
        FindingId::of_line("rule", b"path", &[b'a' + n])
    }

    fn offer(to: &str, ids: &[u8]) -> Offer {
        let ids = ids.iter().map(|n| id(*n)).collect();
        Offer { to: to.to_owned(), conversation: "plain", noted: Vec::new(), ids }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_approval_is_for_one_request_to_one_host() {
        let approvals = Approvals::default();
        assert_eq!(approvals.offer(offer(HERE, &[1])), None, "nobody is there to approve");
        approvals.begin();
        let number = approvals.offer(offer(HERE, &[1])).expect("it is offered");
        assert!(approvals.of(HERE, at(0)).is_empty() && !approvals.used(HERE, &[id(1)], at(0)));
        assert_eq!(
            approvals.grant(number, at(0), |_| Err(std::io::ErrorKind::Other.into())),
            Err(NotGranted::NotRecorded)
        );
        assert!(approvals.of(HERE, at(0)).is_empty());
        assert_eq!(approvals.grant(number, at(0), |_| Ok(())), Ok(()));
        assert_eq!(approvals.grant(number, at(0), |_| Ok(())), Err(NotGranted::Gone), "once");
        assert_eq!(approvals.grant(number + 1, at(0), |_| Ok(())), Err(NotGranted::Gone));
        assert_eq!((approvals.of(HERE, at(1)), approvals.of(ELSEWHERE, at(1))), (vec![id(1)], Vec::new()));
        assert!(!approvals.used(ELSEWHERE, &[id(1)], at(1)) && !approvals.used(HERE, &[id(2)], at(1)));
        assert!(!approvals.used(HERE, &[id(1), id(2)], at(1)), "all or none");
        assert!(approvals.used(HERE, &[id(1)], at(1)));
        assert!(!approvals.used(HERE, &[id(1)], at(1)) && approvals.of(HERE, at(1)).is_empty());
    }

    #[test]
    fn an_approval_ends() {
        let approvals = Approvals::default();
        approvals.begin();
        let number = approvals.offer(offer(HERE, &[1])).expect("it is offered");
        approvals.grant(number, at(10), |_| Ok(())).expect("it is there");
        let end = at(10) + LASTS;
        assert_eq!(approvals.of(HERE, end - at(1)), [id(1)]);
        assert!(approvals.of(HERE, end).is_empty() && !approvals.used(HERE, &[id(1)], end));
    }

    #[test]
    fn several_are_used_together() {
        let approvals = Approvals::default();
        approvals.begin();
        for ids in [&[1, 2][..], &[3], &[1]] {
            let number = approvals.offer(offer(HERE, ids)).expect("it is offered");
            approvals.grant(number, at(0), |_| Ok(())).expect("it is there");
        }
        // Two refusals, whose findings stand in one request now.
        assert!(approvals.used(HERE, &[id(2), id(3)], at(0)));
        assert_eq!(approvals.of(HERE, at(0)), [id(1)]);
        assert!(!approvals.used(HERE, &[id(2)], at(0)));
    }

    #[test]
    fn there_are_bounds() {
        let approvals = Approvals::default();
        approvals.begin();
        let numbers: Vec<u64> = (0..OFFERED + 1).filter_map(|_| approvals.offer(offer(HERE, &[1]))).collect();
        assert_eq!(approvals.grant(numbers[0], at(0), |_| Ok(())), Err(NotGranted::Gone));
        for number in &numbers[1..=GRANTED] {
            approvals.grant(*number, at(0), |_| Ok(())).expect("there is room");
        }
        assert_eq!(approvals.grant(numbers[GRANTED + 1], at(0), |_| Ok(())), Err(NotGranted::Full));
        assert_eq!(approvals.grant(numbers[GRANTED + 1], LASTS, |_| Ok(())), Ok(()));
    }
}
