//! [`Accounts`]: into whose account a request to a language model goes.
//!
//! A host that may be reached is everybody's: whoever makes an agent send data there with a credential of his own has them in his account. So at hosts of language models a credential must be one of the session's own:
//!
//! | own is | from |
//! |---|---|
//! | a placeholder that is exchanged there, or an enrolled secret that is bound there | [`Substitutes`], the engine's known secrets |
//! | what stood in the files of logins when the session began | [`OwnLogins`] |
//! | what a token endpoint gave for one of these, or Copilot's for a token of GitHub | [`TokenAnswer::teach`](super::TokenAnswer::teach) |
//! | a JSON web token of the same person as one of these | its `iss` and `sub` |
//! | the first that a host is sent, where none of these is known or was used | [`Trust::First`] |
//!
//! Any other one is a stranger's. The first is one that the server takes: one that it refuses (400, 401, 403) is forgotten.
//!
//! ```
//! use exfilter::substitute::{Accounts, Asked, OwnLogins, Trust, Whose};
//! use exfilter::wire::RequestHead;
//! use exfilter::{Authority, Engine, HostPattern};
//!
//! let mut known = OwnLogins::new([7; 32]); // a random key, from the system
//! let host = [HostPattern::parse(b"api.anthropic.com")?];
//! known.add(b"a-token-of-a-file", &host).close(&host);
//!
//! let (accounts, engine) = (Accounts::new([8; 32]), Engine::builder().build()?);
//! let to = Authority::parse(b"https://api.anthropic.com")?;
//! let whose = |bearer: &str| {
//!     let head = RequestHead::new(b"POST", b"/v1/files", [("authorization", bearer)])?;
//!     let asked = Asked { trust: Trust::First, models: &[], known: &known, own: &[], engine: &engine };
//!     Ok::<_, Box<dyn std::error::Error>>(accounts.whose(&asked, &to, &head))
//! };
//! assert!(matches!(whose("Bearer a-token-of-a-file")?, Whose::Own));
//! assert!(matches!(whose("Bearer another-one")?, Whose::Strangers(place) if place == "header:authorization"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod models;
mod own;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use exfilter_engine::{Authority, Engine, HostPattern};
use exfilter_wire::RequestHead;
use exfilter_wire::places;
use zeroize::Zeroizing;

use super::Substitutes;
use super::aws::is_aws;
use super::request::is_bound;
use models::Credential;
pub(super) use models::bearer;
use own::Digest;
pub use own::OwnLogins;

/// The most hosts whose first credential is remembered; there are no first ones of more. Below a suffix there are names without end.
const GROUPS_MAX: usize = 4096;

/// Which credentials are the session's own at hosts of language models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trust {
    /// Those that are known, and where none is, the first that a host is sent.
    #[default]
    First,
    /// Those that are known, and no others.
    Known,
    /// Any.
    Any,
}

/// What a session has learned of its accounts. Clones share it.
///
/// Holds digests under a key, and no credential.
#[derive(Clone)]
pub struct Accounts(Arc<Mutex<State>>);

struct State {
    learned: OwnLogins,
    /// Tokens that stay outside, and were given for a stranger's.
    strangers: OwnLogins,
    groups: HashMap<String, Group>,
}

/// Hosts at which the same account is meant.
#[derive(Default)]
struct Group {
    /// Whether one that is known was used there.
    is_used: bool,
    first: Option<Remembered>,
    /// Whether a refresh by a token that nobody knows was believed.
    is_refreshed: bool,
}

/// The first credentials of a host.
struct Remembered {
    credentials: Vec<Digest>,
    people: Vec<Digest>,
    /// Whether the server took them.
    is_taken: bool,
}

/// What a request is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Which credentials count.
    pub trust: Trust,
    /// Hosts of language models beside those that are known.
    pub models: &'a [HostPattern],
    /// What the files of logins hold.
    pub known: &'a OwnLogins,
    /// The session's placeholders, by sets.
    pub own: &'a [&'a Substitutes],
    /// Which enrolled secrets are at home, this knows.
    pub engine: &'a Engine,
}

/// Whose the credentials of a request are.
#[derive(Debug)]
#[must_use]
pub enum Whose {
    /// The session's; or there are none, or nobody asks at this host.
    Own,
    /// The session's, if it is sent as the first: see [`Accounts::take`].
    First(First),
    /// Somebody else's, in this place.
    Strangers(String),
}

/// Credentials that would be the first of a host.
pub struct First {
    group: String,
    credentials: Vec<Digest>,
    people: Vec<Digest>,
    place: String,
}

impl First {
    /// Where they stand.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }
}

impl fmt::Debug for First {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "First({})", self.place)
    }
}

/// By which credentials a request asks for others, and where those are good. There may be placeholders among them.
#[derive(Clone)]
pub(super) struct Asking {
    credentials: Vec<Zeroizing<Vec<u8>>>,
    hosts: Vec<HostPattern>,
}

impl Asking {
    pub(super) fn new(credentials: Vec<Zeroizing<Vec<u8>>>, hosts: Vec<HostPattern>) -> Asking {
        Asking { credentials, hosts }
    }
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asking")
    }
}

impl Accounts {
    /// Of a session that begins. The key is a random one of the system's; the caller wipes its own copy.
    pub fn new(key: [u8; 32]) -> Accounts {
        let (learned, strangers) = (OwnLogins::new(key), OwnLogins::new(key));
        let state = State { learned, strangers, groups: HashMap::new() };
        Accounts(Arc::new(Mutex::new(state)))
    }

    /// Whose the credentials of a request are.
    pub fn whose(&self, asked: &Asked<'_>, to: &Authority, head: &RequestHead) -> Whose {
        let place = models::of(to.host(), asked.models).filter(|_| asked.trust != Trust::Any && !is_aws(to));
        let Some(place) = place else { return Whose::Own };
        if let Some(more) = places::more_parts(head) {
            // A credential may stand where nobody looks.
            return Whose::Strangers(more.to_owned());
        }
        let texts = places::texts(head);
        let all = place.credentials(&texts);
        if all.is_empty() {
            return Whose::Own;
        }
        let mut state = self.state();
        let State { learned, strangers, groups } = &mut *state;
        let is_own = |one: &&Credential<'_>| {
            let put_in = |set: &&Substitutes| {
                let real = set.inject(to, &one.slot, one.value);
                real.is_some_and(|real| !strangers.has(models::behind_scheme(&real), to.host()))
            };
            asked.own.iter().any(put_in)
                || asked.known.has(&one.bare, to.host())
                || learned.has(&one.bare, to.host())
                || is_bound(asked.engine, to, one.text, one.at, one.value)
        };
        let (own, others): (Vec<&Credential<'_>>, Vec<_>) = all.iter().partition(is_own);
        if !own.is_empty()
            && !groups.get(place.group).is_some_and(|group| group.is_used)
            && let Some(group) = room_for(groups, place.group)
        {
            group.is_used = true;
        }
        let group = groups.get(place.group);
        let remembered = group.and_then(|group| group.first.as_ref());
        let (mut credentials, mut people) = (Vec::new(), Vec::new());
        for other in &others {
            credentials.push(learned.digest(&other.bare));
            people.extend(learned.person(&other.bare));
        }
        let is_remembered = |one: &&&Credential<'_>| {
            remembered.is_some_and(|first| {
                let person = learned.person(&one.bare);
                first.credentials.contains(&learned.digest(&one.bare))
                    || person.is_some_and(|person| first.people.contains(&person))
            })
        };
        // The first are remembered, whatever else was used since: they are in use.
        let is_first = asked.trust == Trust::First;
        let stranger = others.iter().find(|one| !(is_first && is_remembered(one)));
        let Some(stranger) = stranger else {
            // Until the server has taken it, each request with it says how that went.
            return match others
                .first()
                .filter(|_| remembered.is_some_and(|first| first.waits_for(&credentials)))
            {
                Some(other) => Whose::First(First {
                    group: place.group.to_owned(),
                    credentials,
                    people,
                    place: other.place.clone(),
                }),
                None => Whose::Own,
            };
        };
        // Below a suffix every name is somebody's, and one is the session's.
        let is_settled_beside = || {
            let beside =
                groups.iter().filter(|(name, _)| name.as_str() != place.group && place.is_beside(name));
            beside.into_iter().any(|(_, group)| group.is_used || group.first.is_some())
        };
        let is_open = is_first
            && remembered.is_none()
            && !group.is_some_and(|group| group.is_used)
            && !asked.known.is_closed(to.host())
            && !is_settled_beside();
        match is_open {
            true => Whose::First(First {
                group: place.group.to_owned(),
                credentials,
                people,
                place: stranger.place.clone(),
            }),
            false => Whose::Strangers(stranger.place.clone()),
        }
    }

    /// Remembers the first credentials of a host, before they are sent. False if meanwhile another one was the first.
    #[must_use]
    pub fn take(&self, first: &First) -> bool {
        let mut state = self.state();
        let Some(group) = room_for(&mut state.groups, &first.group) else { return false };
        match &group.first {
            Some(before) => before.credentials == first.credentials,
            None if group.is_used => false,
            None => {
                let (credentials, people) = (first.credentials.clone(), first.people.clone());
                group.first = Some(Remembered { credentials, people, is_taken: false });
                true
            }
        }
    }

    /// Says what a server answered to the first credentials: a status, or nothing. Those that it does not take are forgotten, if it never took them.
    pub fn answered(&self, first: &First, status: Option<u16>) {
        let mut state = self.state();
        let Some(group) = state.groups.get_mut(&first.group) else { return };
        let is_it = |one: &&mut Remembered| one.credentials == first.credentials;
        let Some(remembered) = group.first.as_mut().filter(is_it) else { return };
        match status {
            Some(101 | 200..300) => remembered.is_taken = true,
            // Google says 400 to a key that is none.
            None | Some(400 | 401 | 403) if !remembered.is_taken => {
                group.first = None;
                if !group.is_used && !group.is_refreshed {
                    state.groups.remove(&first.group);
                }
            }
            _ => {}
        }
    }

    /// Takes credentials that were given for others, if those are all the session's own. Those that are `kept` outside are its own anyway, unless they are a stranger's.
    pub(super) fn learn(&self, asked: &Asked<'_>, asking: &Asking, given: &[&[u8]], kept: bool) {
        if given.is_empty() {
            return;
        }
        let mut state = self.state();
        let State { learned, strangers, groups } = &mut *state;
        let real_of = |one: &[u8]| asked.own.iter().find_map(|set| set.real_of(one));
        // What was given for a stranger's stays one, however often it is exchanged.
        let is_strangers = |one: &[u8]| real_of(one).is_some_and(|real| strangers.has(real, ""));
        let is_own = |one: &[u8]| match real_of(one) {
            Some(real) => !strangers.has(real, ""),
            None => asked.known.has_at(one, &asking.hosts) || learned.has_at(one, &asking.hosts),
        };
        if !asking.credentials.iter().all(|one| is_own(one)) {
            // Of a login that no file tells, the first refresh is believed as its first token was.
            let of: Vec<&str> = models::groups(&asking.hosts).collect();
            let is_settled =
                |name: &&str| groups.get(*name).is_some_and(|group| group.is_used || group.is_refreshed);
            let is_open = asked.trust == Trust::First
                && !asked.known.is_one_closed(&asking.hosts)
                && !asking.credentials.iter().any(|one| is_strangers(one));
            if of.is_empty() || !is_open || of.iter().any(is_settled) {
                if kept && asked.trust != Trust::Any {
                    given.iter().for_each(|one| {
                        strangers.add(one, &[]);
                    });
                }
                return;
            }
            of.into_iter().for_each(|name| groups.entry(name.to_owned()).or_default().is_refreshed = true);
        }
        let brought = asking.credentials.iter().map(|one| &one[..]).filter(|one| real_of(one).is_none());
        for credential in given.iter().copied().filter(|_| !kept).chain(brought) {
            learned.add(credential, &asking.hosts);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is remembered of a group of hosts, if there is room for it: always for one that stands in the table.
fn room_for<'a>(groups: &'a mut HashMap<String, Group>, name: &str) -> Option<&'a mut Group> {
    let has_room = groups.len() < GROUPS_MAX || groups.contains_key(name) || models::is_group(name);
    has_room.then(|| groups.entry(name.to_owned()).or_default())
}

impl Remembered {
    /// Whether these are they, and no server has taken them yet.
    fn waits_for(&self, credentials: &[Digest]) -> bool {
        !self.is_taken && self.credentials == credentials
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Accounts")
    }
}
