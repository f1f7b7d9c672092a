//! [`OwnLogins`]: credentials that are known to be the session's own, as digests.

use std::collections::HashMap;
use std::fmt;

use exfilter_engine::HostPattern;
use zeroize::{Zeroize as _, Zeroizing};

use crate::inspector::person;

/// What tells equal values.
pub(super) type Digest = [u8; 16];

/// Credentials that are known to be the session's own: what stands in the files in which clients keep their logins, and what was given for it since.
///
/// Holds digests under a key, and no value. Of a JSON web token it knows too who made it and whose it is (`iss`, `sub`): another one of the same person is as good, for tokens come anew each hour. Nobody asks whether the signature is
/// right. Who writes a token with somebody else's name has one that opens nothing, and one with a right signature is that person's.
///
/// # Resource usage
///
/// At most [`OwnLogins::MOST`] credentials, with the hosts of each.
#[derive(Clone)]
pub struct OwnLogins {
    key: Zeroizing<[u8; 32]>,
    credentials: HashMap<Digest, Known>,
    people: HashMap<Digest, Known>,
    closed: Vec<HostPattern>,
    /// How many were added.
    count: u64,
}

/// What is known of a credential, or a person.
#[derive(Clone)]
struct Known {
    /// Where it is good; everywhere, if none are named.
    hosts: Vec<HostPattern>,
    /// The how manieth it was.
    number: u64,
}

impl OwnLogins {
    /// The most credentials. Of more the oldest is forgotten, and so a stranger's.
    pub const MOST: usize = 4096;

    /// None so far. The key is a random one of the system's; the caller wipes its own copy.
    pub fn new(mut key: [u8; 32]) -> OwnLogins {
        let own = OwnLogins {
            key: Zeroizing::new(key),
            credentials: HashMap::new(),
            people: HashMap::new(),
            closed: Vec::new(),
            count: 0,
        };
        key.zeroize();
        own
    }

    /// Adds a credential, good at these hosts; at all, if none are named. The caller wipes its own copy.
    pub fn add(&mut self, credential: &[u8], hosts: &[HostPattern]) -> &mut OwnLogins {
        let credential = credential.trim_ascii();
        if credential.is_empty() {
            return self;
        }
        let (digest, person) = (self.digest(credential), self.person(credential));
        self.count += 1;
        add(&mut self.credentials, digest, hosts, self.count);
        if let Some(person) = person {
            add(&mut self.people, person, hosts, self.count);
        }
        self
    }

    /// Says that all credentials are known that are the session's own at these hosts: no other one becomes one there by being the first.
    pub fn close(&mut self, hosts: &[HostPattern]) -> &mut OwnLogins {
        for host in hosts {
            if !self.closed.contains(host) {
                self.closed.push(host.clone());
            }
        }
        self
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.credentials.is_empty() && self.closed.is_empty()
    }

    /// Whether a credential is the session's own at a host.
    pub(super) fn has(&self, credential: &[u8], host: &str) -> bool {
        let is_there =
            |known: &Known| known.hosts.is_empty() || known.hosts.iter().any(|one| one.matches(host));
        self.credentials.get(&self.digest(credential)).is_some_and(is_there)
            || self.person(credential).is_some_and(|person| self.people.get(&person).is_some_and(is_there))
    }

    /// The same at one of the hosts for which patterns stand, written as they are here.
    pub(super) fn has_at(&self, credential: &[u8], patterns: &[HostPattern]) -> bool {
        let is_there = |host: &HostPattern| {
            patterns.iter().any(|pattern| pattern == host || pattern.matches(host.host()))
        };
        let known = self.credentials.get(&self.digest(credential));
        known.is_some_and(|known| known.hosts.is_empty() || known.hosts.iter().any(is_there))
    }

    /// Whether all of a host are known.
    pub(super) fn is_closed(&self, host: &str) -> bool {
        self.closed.iter().any(|one| one.matches(host))
    }

    /// Whether all of one of these are known.
    pub(super) fn is_one_closed(&self, patterns: &[HostPattern]) -> bool {
        self.closed.iter().any(|one| patterns.contains(one))
    }

    pub(super) fn digest(&self, credential: &[u8]) -> Digest {
        let mut digest = [0; 16];
        digest.copy_from_slice(&blake3::keyed_hash(&self.key, credential).as_bytes()[..16]);
        digest
    }

    /// Whose token it is, if it is one that says so.
    pub(super) fn person(&self, credential: &[u8]) -> Option<Digest> {
        person(credential).map(|person| self.digest(&person))
    }
}

/// One more, or more hosts of one that is there. Of more than [`OwnLogins::MOST`] the oldest is forgotten.
fn add(all: &mut HashMap<Digest, Known>, digest: Digest, hosts: &[HostPattern], number: u64) {
    if let Some(known) = all.get_mut(&digest) {
        known.number = number;
        if hosts.is_empty() {
            known.hosts.clear();
        } else if !known.hosts.is_empty() {
            hosts.iter().for_each(|host| {
                if !known.hosts.contains(host) {
                    known.hosts.push(host.clone());
                }
            });
        }
        return;
    }
    if all.len() >= OwnLogins::MOST
        && let Some(oldest) = all.iter().min_by_key(|(_, known)| known.number).map(|(digest, _)| *digest)
    {
        all.remove(&oldest);
    }
    all.insert(digest, Known { hosts: hosts.to_vec(), number });
}

impl fmt::Debug for OwnLogins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnLogins({} credentials)", self.credentials.len())
    }
}
