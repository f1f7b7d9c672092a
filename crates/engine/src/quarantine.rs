//! [`Quarantine`]: when a session has been refused for secrets so often that nothing of it may leave any more.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::verdict::Reference;

/// Counts the refusals of a session that had to do with enrolled secrets. A verdict is an oracle: whoever may send guesses, and watches which are refused, learns a value after all. After some hits within some
/// time the session is in quarantine, until a person lifts it: its flows are refused whatever they hold ([`Flow::quarantined`](crate::Flow::quarantined)), in the words of any other refusal for a secret.
///
/// The embedder keeps one for as long as it keeps the [`Session`](crate::Session), and tells the time, by any clock that does not run backwards: of several that are merged, the same one.
///
/// # Resource usage
///
/// 24 bytes for each hit, of which fewer are kept than it takes.
///
/// ```
/// use std::time::Duration;
/// use exfilter_engine::{Engine, Flow, KnownSecrets, Quarantine, StoreKey, Verdict};
///
/// let mut secrets = KnownSecrets::new(StoreKey::from_bytes(&[7; 32])?);
/// secrets.add("DEPLOY_TOKEN", b"q8Zt4LmN0pR7sVx2", vec![])?;
/// let engine = Engine::builder().known_secrets(secrets).build()?;
///
/// let mut quarantine = Quarantine::new(2, Duration::from_secs(600));
/// let mut send = |body: &str, now: u64| {
///     let flow = Flow::outbound_unknown();
///     let mut stream = engine.stream(if quarantine.is_active() { flow.quarantined() } else { flow });
///     let _ = stream.push(body.as_bytes());
///     let Verdict::Block(block) = stream.finish() else { return true };
///     if block.counts() {
///         quarantine.note(block.reference(), Duration::from_secs(now));
///     }
///     false
/// };
/// assert_eq!([send("q8Zt4LmN0pR7sVx2", 1), send("clean", 2), send("q8Zt4LmN0pR7sVx2", 3), send("clean", 4)], [false, true, false, false]);
/// quarantine.lift();
/// assert!(!quarantine.is_active());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Quarantine {
    limit: u32,
    within: Duration,
    /// When, and of which refusal; without those that cannot matter any more.
    hits: BTreeSet<(Duration, u64)>,
    since: Option<Duration>,
}

impl Quarantine {
    /// How many hits it takes, if nobody says otherwise.
    pub const HITS: u32 = 5;
    /// Within what time, if nobody says otherwise.
    pub const WITHIN: Duration = Duration::from_secs(600);
    /// The most that it may take.
    pub const HITS_MAX: u32 = 1000;

    /// One that takes `hits` within some time, [`Quarantine::HITS_MAX`] at most; 0 for one that never begins.
    pub fn new(hits: u32, within: Duration) -> Quarantine {
        Quarantine { limit: hits.min(Quarantine::HITS_MAX), within, hits: BTreeSet::new(), since: None }
    }

    /// Takes a refusal that had to do with an enrolled secret, and [counts](crate::Block::counts); the same one twice counts once. True if the quarantine begins with it.
    pub fn note(&mut self, hit: Reference, now: Duration) -> bool {
        let counted = self.hits.iter().any(|(_, reference)| *reference == hit.0);
        if self.limit == 0 || self.is_active() || counted {
            return false;
        }
        self.hits.insert((now, hit.0));
        self.settle();
        self.is_active()
    }

    /// Adds what another one has counted, of the same session elsewhere or under another limit. True if the quarantine begins with it. One that never begins keeps it for others.
    pub fn merge(&mut self, other: &Quarantine) -> bool {
        let was_active = self.is_active();
        self.hits.extend(&other.hits);
        self.since = self.since.or(other.since);
        self.settle();
        !was_active && self.is_active()
    }

    /// Ends it: all hits are forgotten.
    pub fn lift(&mut self) {
        self.hits.clear();
        self.since = None;
    }

    /// Whether nothing of the session may leave.
    pub fn is_active(&self) -> bool {
        self.since().is_some()
    }

    /// When it began.
    pub fn since(&self) -> Option<Duration> {
        self.since.filter(|_| self.limit > 0)
    }

    /// How many hits it takes; 0 if it never begins.
    pub fn hits(&self) -> u32 {
        self.limit
    }

    fn settle(&mut self) {
        let limit = self.limit as usize;
        if limit == 0 {
            while self.hits.len() > Quarantine::HITS_MAX as usize {
                self.hits.pop_first();
            }
            return;
        }
        let times: Vec<Duration> = self.hits.iter().map(|(when, _)| *when).collect();
        let begins = times.windows(limit).find(|hits| hits[limit - 1] - hits[0] <= self.within);
        self.since = self.since.or(begins.map(|hits| hits[limit - 1]));
        while self.hits.len() >= limit.max(2) {
            self.hits.pop_first();
        }
    }
}

impl Default for Quarantine {
    fn default() -> Quarantine {
        Quarantine::new(Quarantine::HITS, Quarantine::WITHIN)
    }
}

impl fmt::Debug for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_active() { "active" } else { "waiting" };
        write!(f, "Quarantine({} of {} hits, {state})", self.hits.len(), self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn so_many_within_the_time_begin_it() {
        let mut one = Quarantine::new(3, at(10));
        assert!(!one.note(Reference(1), at(0)) && !one.note(Reference(2), at(5)));
        assert!(!one.note(Reference(3), at(11)), "the first was too long ago");
        assert!(!one.note(Reference(3), at(12)), "it was counted");
        assert!(one.note(Reference(4), at(15)) && one.since() == Some(at(15)));
        assert!(!one.note(Reference(5), at(16)) && one.is_active(), "it begins once");
        one.lift();
        assert!(!one.is_active() && !one.note(Reference(6), at(17)));
    }

    #[test]
    fn hits_of_two_places_are_put_together() {
        let hits = |references: [u64; 2], from: u64| {
            let mut one = Quarantine::new(3, at(10));
            for (n, reference) in references.into_iter().enumerate() {
                one.note(Reference(reference), at(from + n as u64));
            }
            one
        };
        let (mut one, other, same) = (hits([1, 2], 3), hits([7, 8], 4), hits([1, 2], 3));
        assert!(!one.merge(&same) && one.merge(&other) && !one.merge(&other));
        let mut third = hits([9, 10], 40);
        assert!(third.merge(&one), "what is in quarantine elsewhere is so here");
        assert!(!hits([1, 2], 3).merge(&hits([9, 10], 40)));
    }

    #[test]
    fn one_that_never_begins_keeps_what_was_counted() {
        let mut active = Quarantine::new(2, at(10));
        assert!(!active.note(Reference(1), at(1)) && active.note(Reference(2), at(2)));
        let mut never = Quarantine::new(0, at(10));
        assert!(!never.merge(&active) && !never.is_active() && never.since().is_none());
        let mut again = Quarantine::new(5, at(10));
        assert!(again.merge(&never) && again.since() == Some(at(2)));
    }

    #[test]
    fn it_may_be_switched_off_and_one_hit_may_be_enough() {
        let mut never = Quarantine::new(0, at(10));
        assert!((0..9).all(|n| !never.note(Reference(n), at(0))) && !never.is_active());
        assert!(Quarantine::new(1, at(0)).note(Reference(1), at(0)));
        assert_eq!(Quarantine::new(u32::MAX, at(1)).hits(), Quarantine::HITS_MAX);
    }
}
