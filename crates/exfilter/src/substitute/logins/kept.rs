//! [`Logins`]: the tokens that stay outside.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use exfilter_engine::{
    Action, Authority, Binding, Confidence, Engine, HostPattern, KnownSecrets, Policy, Slot, StoreKey,
};
use zeroize::{Zeroize as _, Zeroizing};

use super::Endpoint;
use crate::substitute::slots::Entry;
use crate::substitute::{SubstituteError, Substitutes, placeholder};

/// The fields of bodies in which tokens are put.
const FIELDS: [&str; 4] = ["refresh_token", "subject_token", "actor_token", "token"];

/// The longest token, in bytes: heads have no room for longer ones.
const TOKEN_MAX: usize = 16 << 10;

/// The shortest secret that [`KnownSecrets`] take, in bytes.
const SECRET_MIN: usize = 12;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Access,
    Refresh,
    Id,
}

impl Token {
    /// By the name of its member.
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
    /// Whether it is put into a field of bodies to this host, and this path, if one is given.
    pub(crate) fn takes(&self, to: &Authority, path: Option<&str>, field: &str) -> bool {
        match (field, self.token) {
            ("refresh_token", Token::Refresh)
            | ("subject_token" | "actor_token", Token::Access | Token::Id) => self.endpoint.is_at(to, path),
            ("token", _) => self.endpoint.revokes_at(to, path),
            _ => false,
        }
    }

    /// The same as bindings of an enrolled secret, which know no paths.
    fn bindings(&self) -> Vec<Binding> {
        let hosts = self.endpoint.own_hosts().filter_map(|host| HostPattern::parse(host.as_bytes()).ok());
        let fields = FIELDS.iter().filter(|field| match self.token {
            Token::Refresh => matches!(**field, "refresh_token" | "token"),
            _ => **field != "refresh_token",
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
/// At most [`Logins::MOST`] tokens of at most 16 KiB.
#[derive(Clone)]
pub struct Logins(Arc<Shared>);

struct Shared {
    seed: Zeroizing<[u8; 32]>,
    current: RwLock<Arc<Substitutes>>,
    /// How many were ever kept; one login at a time adds to them.
    count: Mutex<u64>,
}

impl Logins {
    /// The most tokens that are kept: then those that were kept first are forgotten, and their placeholders good for nothing.
    pub const MOST: usize = 256;

    /// None so far. Placeholders follow from the seed: with a random one, no two sessions have one in common. The caller wipes its own copy.
    pub fn new(mut seed: [u8; 32]) -> Logins {
        let empty = Arc::new(Substitutes::without_rules());
        let shared = Shared { seed: Zeroizing::new(seed), current: RwLock::new(empty), count: Mutex::new(0) };
        seed.zeroize();
        Logins(Arc::new(shared))
    }

    /// The placeholders and tokens as they stand now: for [`Inspection::substitutes`](crate::Inspection::substitutes), [`Substitutes::exchange`] and [`Substitutes::exchange_body`].
    #[must_use]
    pub fn substitutes(&self) -> Arc<Substitutes> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.substitutes().is_empty()
    }

    /// The same engine with the tokens among its known secrets, bound to where they are put; where it has none, they are enrolled under `key`. Of JSON web tokens it is the signatures, for the placeholders have the rest.
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
                let mut policy = Policy::default();
                policy
                    .action(Confidence::Confirmed, Action::Redact)
                    .llm_action(Confidence::Confirmed, Action::Redact);
                let mut builder = Engine::builder();
                builder.policy(policy);
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
            known.add_kept(&entry.name, secret, bindings, false).map_err(|_| SubstituteError::guessable())?;
        }
        Ok(())
    }

    /// Whether it is a placeholder of a token that is kept.
    pub(super) fn has_placeholder(&self, value: &[u8]) -> bool {
        self.substitutes().entries().iter().any(|entry| entry.placeholder.as_bytes() == value)
    }

    /// Keeps the tokens of an answer, all or none, and gives their placeholders, in order. A token that is kept already has the one that it has.
    pub(super) fn keep(
        &self,
        endpoint: &Arc<Endpoint>,
        tokens: &[(Token, Zeroizing<Vec<u8>>)],
    ) -> Result<Vec<String>, SubstituteError> {
        let mut count = self.0.count.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.substitutes();
        let mut entries = before.entries().to_vec();
        let rules =
            if before.is_empty() { Arc::new(exfilter_rules::builtin()) } else { before.rules.clone() };
        let mut placeholders = Vec::with_capacity(tokens.len());
        let mut number = *count;
        for (token, real) in tokens {
            // What came in as a placeholder comes back as one.
            if entries.iter().any(|entry| entry.placeholder.as_bytes() == real.as_slice()) {
                placeholders.push(String::from_utf8_lossy(real).into_owned());
                continue;
            }
            let home = Home { endpoint: endpoint.clone(), token: *token };
            let bindings = if *token == Token::Access { endpoint.bindings.clone() } else { Vec::new() };
            let known = entries.iter().position(|entry| entry.real.as_slice() == real.as_slice());
            if let Some(at) = known {
                let entry = &entries[at];
                placeholders.push(entry.placeholder.clone());
                let more: Vec<Binding> =
                    bindings.into_iter().filter(|b| !entry.bindings.contains(b)).collect();
                let is_there =
                    entry.homes.iter().any(|one| Arc::ptr_eq(&one.endpoint, endpoint) && one.token == *token);
                if !is_there || !more.is_empty() {
                    let mut changed = Entry::clone(entry);
                    changed.bindings.extend(more);
                    if !is_there {
                        changed.homes.push(home);
                    }
                    entries[at] = Arc::new(changed);
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
            number += 1;
            let host = endpoint.own_hosts().next().unwrap_or_default();
            let name = format!("token {number} of {host}");
            let is_taken = |text: &str| {
                entries.iter().any(|one| one.placeholder == text || one.real.as_slice() == text.as_bytes())
            };
            let placeholder = placeholder::make_for_token(&self.0.seed, &name, real, &rules, is_taken)?;
            placeholders.push(placeholder.clone());
            let (real, homes) = (real.clone(), vec![home]);
            entries.push(Arc::new(Entry { name, placeholder, real, bindings, homes }));
        }
        let surplus = entries.len().saturating_sub(Logins::MOST);
        entries.drain(..surplus);
        *count = number;
        let next = Arc::new(Substitutes::of_logins(rules, entries));
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(placeholders)
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logins({} tokens)", self.substitutes().entries().len())
    }
}
