//! [`Logins`]: the tokens that stay outside.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use exfilter_engine::{Authority, Binding, Engine, HostPattern, KnownSecrets, Slot, StoreKey};
use exfilter_wire::RequestHead;
use zeroize::{Zeroize as _, Zeroizing};

use super::endpoints::HTTPS;
use super::{Endpoint, TokenEndpoints};
use crate::substitute::slots::Entry;
use crate::substitute::{SubstituteError, Substitutes, placeholder, scrubbing};

/// The fields of bodies in which tokens are put.
const FIELDS: [&str; 4] = ["refresh_token", "subject_token", "actor_token", "token"];

/// The longest token, in bytes: heads have no room for longer ones.
const TOKEN_MAX: usize = 16 << 10;

/// The shortest secret that [`KnownSecrets`] take, in bytes.
pub(super) const SECRET_MIN: usize = 12;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Access,
    Refresh,
    Id,
    /// In an address, which it opens.
    Url,
}

impl Token {
    /// By the name of its member, for one that is no address.
    pub(super) fn of(name: &str) -> Token {
        match name {
            "refresh_token" => Token::Refresh,
            "id_token" => Token::Id,
            _ => Token::Access,
        }
    }
}

/// Where a token came from, and so where it is put in a body.
#[derive(Clone)]
pub(crate) struct Home {
    endpoint: Arc<Endpoint>,
    token: Token,
}

impl Home {
    /// Whether it is put into a field of bodies to this host, and of that of this request, if one is given.
    pub(crate) fn takes(&self, to: &Authority, head: Option<&RequestHead>, field: &str) -> bool {
        match (field, self.token) {
            ("refresh_token", Token::Refresh)
            | ("subject_token" | "actor_token", Token::Access | Token::Id) => self.endpoint.takes(to, head),
            ("token", Token::Access | Token::Refresh | Token::Id) => self.endpoint.revokes(to, head),
            _ => false,
        }
    }

    /// Whether it is put into this part of the address of a request, by which it is revoked.
    pub(crate) fn is_revoked_by(&self, to: &Authority, head: &RequestHead, slot: &Slot) -> bool {
        self.token != Token::Url && self.endpoint.revokes_by_address(to, head, slot)
    }

    /// Whether it is put into heads to this host, where it is bound to such ones.
    pub(crate) fn is_good_at(&self, to: &Authority, host: &HostPattern) -> bool {
        match self.token {
            Token::Access => self.endpoint.has_port(to, host),
            Token::Url => {
                to.port() == HTTPS && self.endpoint.url_bindings().any(|binding| binding.host == *host)
            }
            Token::Refresh | Token::Id => false,
        }
    }

    /// Where it came from.
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    fn is_same(&self, other: &Home) -> bool {
        self.token == other.token && self.endpoint.is_same(&other.endpoint)
    }

    /// Whether it is the same, of the same policy.
    fn is(&self, other: &Home) -> bool {
        self.token == other.token && Arc::ptr_eq(&self.endpoint, &other.endpoint)
    }

    /// The same as bindings of an enrolled secret, which know no paths.
    fn bindings(&self) -> Vec<Binding> {
        let hosts = self.endpoint.own_hosts().filter_map(|host| HostPattern::parse(host.as_bytes()).ok());
        let fields = FIELDS.iter().filter(|field| match self.token {
            Token::Refresh => matches!(**field, "refresh_token" | "token"),
            Token::Access | Token::Id => **field != "refresh_token",
            Token::Url => false,
        });
        let slots: Vec<Slot> =
            fields.flat_map(|field| [Slot::Form((*field).into()), Slot::Json(format!("/{field}"))]).collect();
        hosts
            .flat_map(|host| slots.iter().map(move |slot| Binding { host: host.clone(), slot: slot.clone() }))
            .collect()
    }
}

/// The tokens of a session's logins, and the placeholders that its clients have. Clones share them.
///
/// Holds plaintext, which is wiped on drop: it belongs into a proxy and never into a sandbox.
///
/// # Resource usage
///
/// At most [`Logins::MOST`] tokens of at most 16 KiB, and of those from learned endpoints [`Logins::MOST_LEARNED`].
#[derive(Clone)]
pub struct Logins(Arc<Shared>);

struct Shared {
    seed: Zeroizing<[u8; 32]>,
    current: RwLock<Arc<Substitutes>>,
    /// One login at a time changes it, and them.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many were ever kept.
    count: u64,
    /// Those of [`Logins::rebind`]: what was asked before may be answered after it.
    endpoints: Option<TokenEndpoints>,
}

impl Logins {
    /// The most tokens that are kept: then those that were not used for the longest time are forgotten, refresh tokens last, and their placeholders good for nothing.
    pub const MOST: usize = 256;

    /// The most of them that are from endpoints which their servers alone have named ([`LearnedEndpoints`](super::LearnedEndpoints)): they do not drive out those of other logins.
    pub const MOST_LEARNED: usize = 128;

    /// The most of them that are from one such host.
    pub const MOST_OF_A_HOST: usize = 16;

    /// None so far. Placeholders follow from the seed: with a random one, no two sessions have one in common. The caller wipes its own copy.
    pub fn new(mut seed: [u8; 32]) -> Logins {
        let empty = Arc::new(Substitutes::without_rules());
        let (current, state) = (RwLock::new(empty), Mutex::default());
        let shared = Shared { seed: Zeroizing::new(seed), current, state };
        seed.zeroize();
        Logins(Arc::new(shared))
    }

    /// The placeholders and tokens as they stand now, the same `Arc` until a login changes them: for [`Inspection::substitutes`](crate::Inspection::substitutes), [`Substitutes::exchange`] and [`Substitutes::exchange_body`].
    #[must_use]
    pub fn substitutes(&self) -> Arc<Substitutes> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.substitutes().is_empty()
    }

    /// The same engine with the tokens among its known secrets, bound to where they are put; where it has none, they are enrolled under `key`. Of JSON web tokens it is the signatures, for the placeholders have the rest. Those of learned endpoints
    /// may be anything ([`KnownSecrets::add_chosen`]).
    ///
    /// # Errors
    ///
    /// [`SubstituteError`] if there is no such engine; none is known for which that is so.
    pub fn engine(&self, engine: &Engine, key: StoreKey) -> Result<Engine, SubstituteError> {
        let mut known = engine.known_secrets().unwrap_or_else(|| KnownSecrets::new(key));
        known.fragments(true);
        self.enrol(&mut known, true)?;
        engine.to_builder().known_secrets(known).build().map_err(|_| SubstituteError::form())
    }

    /// An engine that takes the tokens out of what servers answer, and what `scrubber` takes out, if there is one.
    ///
    /// # Errors
    ///
    /// As [`Logins::engine`] has it.
    pub fn scrubber(&self, scrubber: Option<&Engine>, key: StoreKey) -> Result<Engine, SubstituteError> {
        let mut known = scrubber.and_then(Engine::known_secrets).unwrap_or_else(|| KnownSecrets::new(key));
        self.enrol(&mut known, false)?;
        let mut builder = match scrubber {
            Some(scrubber) => scrubber.to_builder(),
            None => {
                let mut builder = Engine::builder();
                builder.policy(scrubbing());
                builder
            }
        };
        builder.known_secrets(known).build().map_err(|_| SubstituteError::form())
    }

    fn enrol(&self, known: &mut KnownSecrets, bound: bool) -> Result<(), SubstituteError> {
        for entry in self.substitutes().entries() {
            let secret = placeholder::secret_part(&entry.real);
            let mut bindings = Vec::new();
            // A part is never the whole of a slot.
            if bound && secret.len() == entry.real.len() {
                bindings.clone_from(&entry.bindings);
                bindings.extend(entry.homes.iter().flat_map(Home::bindings));
            }
            let enrolled = match entry.chosen_by {
                Some(_) => known.add_chosen(&entry.name, secret, bindings),
                None => known.add_kept(&entry.name, secret, bindings, false),
            };
            enrolled.map_err(|_| SubstituteError::guessable())?;
        }
        Ok(())
    }

    /// Other endpoints, those of a new policy: tokens belong where these say from now on. One whose endpoint is none of them any more belongs nowhere, and is looked for all the same; so is one of a learned endpoint whose hosts they
    /// [learn from](TokenEndpoints::learns_from) no more, and it stays so if they do again.
    pub fn rebind(&self, endpoints: &TokenEndpoints) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.endpoints = Some(endpoints.clone());
        let before = self.substitutes();
        let entries = before.entries().iter().map(|entry| {
            let mut changed = Entry::clone(entry);
            changed.homes.clear();
            for Home { endpoint, token } in &entry.homes {
                if let Some(endpoint) = endpoints.in_place_of(endpoint) {
                    come_home(&mut changed, Home { endpoint, token: *token });
                }
            }
            changed.bindings = bindings(&changed.homes);
            if changed.homes.iter().any(|home| !home.endpoint.is_learned()) {
                changed.chosen_by = None;
            }
            Arc::new(changed)
        });
        let next = Arc::new(Substitutes::of_logins(before.rules.clone(), entries.collect()));
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = next;
    }

    /// Keeps the tokens of an answer, all or none, and gives their placeholders, in order. A token that is kept already has the one that it has.
    pub(super) fn keep(
        &self,
        asked: &Arc<Endpoint>,
        tokens: &[(Token, Zeroizing<Vec<u8>>)],
    ) -> Result<Vec<String>, SubstituteError> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoint = match &state.endpoints {
            Some(endpoints) => endpoints.in_place_of(asked),
            None => Some(asked.clone()),
        };
        let before = self.substitutes();
        let host = asked.own_hosts().next().unwrap_or_default();
        let is_learned = endpoint.as_ref().unwrap_or(asked).is_learned();
        let chosen_by = is_learned.then(|| host.to_owned());
        let mut entries = before.entries().to_vec();
        let rules =
            if before.is_empty() { Arc::new(exfilter_rules::builtin()) } else { before.rules.clone() };
        let mut placeholders = Vec::with_capacity(tokens.len());
        let mut number = state.count;
        let mut is_changed = false;
        for (token, real) in tokens {
            // What came in as a placeholder comes back as one.
            let echoed = entries.iter().find(|entry| entry.placeholder.as_bytes() == real.as_slice());
            if let Some(entry) = echoed {
                entry.touch();
                placeholders.push(entry.placeholder.clone());
                continue;
            }
            let home = endpoint.clone().map(|endpoint| Home { endpoint, token: *token });
            let known = entries.iter().position(|entry| entry.real.as_slice() == real.as_slice());
            if let Some(at) = known {
                let entry = &entries[at];
                placeholders.push(entry.placeholder.clone());
                entry.touch();
                let home = home.map(|home| as_it_was(entry, home));
                let at_home = |home: &Home| entry.homes.iter().any(|one| one.is(home));
                let home = home.filter(|home| !at_home(home));
                let is_confirmed = entry.chosen_by.is_some() && chosen_by.is_none();
                if home.is_some() || is_confirmed {
                    let mut changed = Entry::clone(entry);
                    home.into_iter().for_each(|home| come_home(&mut changed, home));
                    changed.chosen_by = changed.chosen_by.filter(|_| !is_confirmed);
                    entries[at] = Arc::new(changed);
                    is_changed = true;
                }
                continue;
            }
            if real.len() > TOKEN_MAX {
                return Err(SubstituteError::form());
            }
            // Less could not be enrolled, and would get out.
            if placeholder::secret_part(real).len() < SECRET_MIN {
                return Err(SubstituteError::guessable());
            }
            // One that cannot be looked for must not be kept: every later login would fail for it.
            let key = StoreKey::from_bytes(&self.0.seed[..]).map_err(|_| SubstituteError::form())?;
            let (secret, mut alone) = (placeholder::secret_part(real), KnownSecrets::new(key));
            match is_learned {
                true => alone.add_chosen("", secret, Vec::new()).map_err(|_| SubstituteError::chosen())?,
                false => {
                    alone.add_kept("", secret, Vec::new(), false).map_err(|_| SubstituteError::form())?
                }
            }
            number += 1;
            let name = format!("token {number} of {host}");
            let is_taken = |text: &str| {
                entries.iter().any(|one| one.placeholder == text || one.real.as_slice() == text.as_bytes())
            };
            let placeholder = placeholder::make_for_token(&self.0.seed, &name, real, &rules, is_taken)?;
            placeholders.push(placeholder.clone());
            let (real, homes) = (real.clone(), Vec::from_iter(home));
            let (bindings, chosen_by, used) = (bindings(&homes), chosen_by.clone(), Arc::default());
            let entry = Entry { name, placeholder, real, bindings, homes, chosen_by, used };
            entry.touch();
            entries.push(Arc::new(entry));
            is_changed = true;
        }
        // Who looks for tokens need not begin anew.
        if !is_changed {
            return Ok(placeholders);
        }
        forget(&mut entries, &placeholders);
        state.count = number;
        let next = Arc::new(Substitutes::of_logins(rules, entries));
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(placeholders)
    }
}

/// Of a learned endpoint, what was known when it gave the token first: what was learned since must not send it to others.
fn as_it_was(entry: &Entry, home: Home) -> Home {
    let is_it = |one: &&Home| one.endpoint.is_learned() && one.endpoint.is_same(&home.endpoint);
    let before = entry.homes.iter().find(is_it).map(|one| one.endpoint.clone());
    Home { endpoint: before.unwrap_or(home.endpoint), token: home.token }
}

/// One more place of a token; none is there twice, and the newest says where it is good.
fn come_home(entry: &mut Entry, home: Home) {
    entry.homes.retain(|one| !one.is_same(&home));
    entry.homes.push(home);
    entry.bindings = bindings(&entry.homes);
}

/// Where a token is put in heads.
fn bindings(homes: &[Home]) -> Vec<Binding> {
    let mut all: Vec<Binding> = Vec::new();
    for Home { endpoint, token } in homes {
        let here: Vec<Binding> = match token {
            Token::Access => endpoint.bindings.clone(),
            Token::Url => endpoint.url_bindings().collect(),
            Token::Refresh | Token::Id => Vec::new(),
        };
        here.into_iter().for_each(|one| {
            if !all.contains(&one) {
                all.push(one);
            }
        });
    }
    all
}

/// Forgets what is too many. A refresh token is used once in an hour, and without it a client must log in again: access tokens go before. Those that servers may have chosen go before all others, and among them, of
/// which there may be few, those that were not used for the longest time, for refresh tokens that were used up would be all that stays.
fn forget(entries: &mut Vec<Arc<Entry>>, newest: &[String]) {
    let is_new = |entry: &Entry| newest.contains(&entry.placeholder);
    let by_use = |entry: &Entry| (is_new(entry), entry.last_used());
    let hosts: BTreeSet<String> = entries.iter().filter_map(|entry| entry.chosen_by.clone()).collect();
    for host in hosts {
        let is_its = |entry: &Entry| entry.chosen_by.as_ref() == Some(&host);
        forget_some(entries, Logins::MOST_OF_A_HOST, is_its, by_use);
    }
    forget_some(entries, Logins::MOST_LEARNED, |entry| entry.chosen_by.is_some(), by_use);
    let rank = |entry: &Entry| {
        let is_refresh = entry.homes.iter().any(|home| home.token == Token::Refresh);
        (is_new(entry), entry.chosen_by.is_none(), is_refresh, entry.last_used())
    };
    forget_some(entries, Logins::MOST, |_| true, rank);
}

/// Forgets what is too many of some, the lowest rank first.
fn forget_some<R: Ord>(
    entries: &mut Vec<Arc<Entry>>,
    most: usize,
    is_one: impl Fn(&Entry) -> bool,
    rank: impl Fn(&Entry) -> R,
) {
    let surplus = entries.iter().filter(|entry| is_one(entry)).count().saturating_sub(most);
    for _ in 0..surplus {
        let some = (0..entries.len()).filter(|at| is_one(&entries[*at]));
        let oldest = some.min_by_key(|at| rank(&entries[*at]));
        oldest.map(|at| entries.remove(at));
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logins({} tokens)", self.substitutes().entries().len())
    }
}
