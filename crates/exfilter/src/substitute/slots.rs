//! [`Substitutes`]: which placeholder stands for what, and where.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use exfilter_engine::{Authority, Binding, HeaderPart, HostPattern, Rule, Slot};
use exfilter_wire::RequestHead;
use zeroize::{Zeroize as _, Zeroizing};

use super::aws::Pair;
use super::logins::Home;
use super::{SubstituteError, placeholder};

/// The placeholders of one sandbox and the real values behind them.
///
/// Holds plaintext, which is wiped on drop: it belongs into a proxy and never into a sandbox.
pub struct Substitutes {
    pub(super) seed: [u8; 32],
    pub(super) rules: Arc<Vec<Rule>>,
    entries: Vec<Arc<Entry>>,
    pub(super) aws: Vec<Pair>,
}

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) placeholder: String,
    pub(super) real: Zeroizing<Vec<u8>>,
    pub(super) bindings: Vec<Binding>,
    /// Of a login's token, the places in bodies.
    pub(super) homes: Vec<Home>,
    /// The host that has given it, if that is known by its own word alone: then it may have chosen it.
    pub(super) chosen_by: Option<String>,
    /// When it was put somewhere for the last time; one value for all copies.
    pub(super) used: Arc<AtomicU64>,
}

impl Entry {
    /// Says that it is used.
    pub(super) fn touch(&self) {
        // Only the order counts.
        static CLOCK: AtomicU64 = AtomicU64::new(0);
        self.used.store(CLOCK.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Whether it is put into heads to this host, where it is bound to such ones: tokens of logins are at home at some ports.
    fn is_good_at(&self, to: &Authority, host: &HostPattern) -> bool {
        self.homes.is_empty() || self.homes.iter().any(|home| home.is_good_at(to, host))
    }

    pub(super) fn last_used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

impl Substitutes {
    /// An empty set. Placeholders follow from the seed, the names and the forms of values: with a random seed for each sandbox, no two
    /// sandboxes have one in common. The caller wipes its own copy of the seed.
    pub fn new(seed: [u8; 32]) -> Substitutes {
        let rules = Arc::new(exfilter_rules::builtin());
        Substitutes { seed, rules, entries: Vec::new(), aws: Vec::new() }
    }

    /// One without anything, for which no rules are read.
    pub(super) fn without_rules() -> Substitutes {
        Substitutes::of_logins(Arc::default(), Vec::new())
    }

    /// Those of logins.
    pub(super) fn of_logins(rules: Arc<Vec<Rule>>, entries: Vec<Arc<Entry>>) -> Substitutes {
        Substitutes { seed: [0; 32], rules, entries, aws: Vec::new() }
    }

    pub(super) fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// Adds a value and gives its placeholder. The caller wipes its own copy of the value.
    ///
    /// # Errors
    ///
    /// [`SubstituteError`] for values that do not fit into a header or are too short, names that are there already, and values that are bound to no
    /// slot but bodies.
    pub fn add(&mut self, name: &str, real: &[u8], bindings: Vec<Binding>) -> Result<&str, SubstituteError> {
        if self.entries.iter().any(|entry| entry.name == name) {
            return Err(SubstituteError::twice());
        }
        if !bindings.iter().any(|binding| is_exchanged(&binding.slot)) {
            return Err(SubstituteError::unbound());
        }
        let is_taken = |text: &str| {
            let is_this =
                |entry: &Arc<Entry>| entry.placeholder == text || entry.real.as_slice() == text.as_bytes();
            self.entries.iter().any(is_this)
        };
        let placeholder = placeholder::make(&self.seed, name, real, &self.rules, is_taken)?;
        let real = Zeroizing::new(real.to_vec());
        let (name, homes, chosen_by, used) = (name.to_owned(), Vec::new(), None, Arc::default());
        self.entries.push(Arc::new(Entry { name, placeholder, real, bindings, homes, chosen_by, used }));
        Ok(&self.entries[self.entries.len() - 1].placeholder)
    }

    /// The placeholder of a value, by its name.
    pub fn placeholder(&self, name: &str) -> Option<&str> {
        self.entries.iter().find(|entry| entry.name == name).map(|entry| entry.placeholder.as_str())
    }

    /// Names and placeholders, in the order in which they were added.
    /// Those of keys of AWS are not among them.
    pub fn placeholders(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| (entry.name.as_str(), entry.placeholder.as_str()))
    }

    /// Whether it has nothing to put anywhere.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.aws.is_empty()
    }

    /// The value of a slot with the real credential in it, if the whole of it is a placeholder that is at home there. `value` is as the message has it: of
    /// a header all of it, with its scheme; of a query parameter, a cookie or a path segment what it decodes to.
    ///
    /// Only over TLS: whoever answers without it may be anybody.
    pub fn inject(&self, to: &Authority, slot: &Slot, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.at_home(to, slot)
            .find_map(|(entry, part)| exchange(value, part, entry).inspect(|_| entry.touch()))
    }

    /// Whether a real credential is put into this slot at this host: any other one there is somebody else's.
    pub fn expects(&self, to: &Authority, slot: &Slot) -> bool {
        self.expected(to, slot).next().is_some()
    }

    /// The values that are put into this slot.
    pub(super) fn expected(&self, to: &Authority, slot: &Slot) -> impl Iterator<Item = &Entry> {
        self.at_home(to, slot).map(|(entry, _)| entry)
    }

    /// Whether the whole of `value`, as it is decoded in exactly this slot, is a placeholder that is at home there.
    /// So is a signature of AWS that is made anew. A field of bodies is asked of the host, whatever its path.
    pub fn is_at_home(&self, to: &Authority, slot: &Slot, value: &[u8]) -> bool {
        self.is_at_home_in(to, None, slot, value)
    }

    /// The same in this request, if one is given: tokens of logins are put into bodies at one address.
    pub(crate) fn is_at_home_in(
        &self,
        to: &Authority,
        head: Option<&RequestHead>,
        slot: &Slot,
        value: &[u8],
    ) -> bool {
        if let Slot::Header(name, HeaderPart::Whole) = slot
            && self.is_signed(to, name, value)
        {
            return true;
        }
        if head.is_some_and(|head| self.revoked(to, head, slot, value).is_some()) {
            return true;
        }
        let field = match slot {
            Slot::Form(name) => Some(name.as_str()),
            Slot::Json(pointer) => pointer.strip_prefix('/'),
            _ => None,
        };
        if let Some(field) = field {
            return is_tls(to)
                && self.entries.iter().any(|entry| {
                    let is_home = |home: &Home| home.takes(to, head, field);
                    value == entry.placeholder.as_bytes() && entry.homes.iter().any(is_home)
                });
        }
        self.at_home(to, slot).any(|(entry, part)| {
            let is_here = match slot {
                Slot::Header(_, here) => *here == part,
                _ => true,
            };
            is_here && value == entry.placeholder.as_bytes()
        })
    }

    /// The token of a login that is revoked by the address of a request, if `value` is its placeholder.
    pub(super) fn revoked(
        &self,
        to: &Authority,
        head: &RequestHead,
        slot: &Slot,
        value: &[u8],
    ) -> Option<&Entry> {
        let is_its = |entry: &&Arc<Entry>| {
            value == entry.placeholder.as_bytes()
                && entry.homes.iter().any(|home| home.is_revoked_by(to, head, slot))
        };
        self.entries.iter().filter(|_| is_tls(to)).find(is_its).map(|entry| &**entry)
    }

    /// Whether it is one of the placeholders.
    pub(super) fn has_placeholder(&self, value: &[u8]) -> bool {
        self.entries.iter().any(|entry| entry.placeholder.as_bytes() == value)
    }

    /// The value for which a placeholder stands.
    pub(super) fn real_of(&self, placeholder: &[u8]) -> Option<&[u8]> {
        let entry = self.entries.iter().find(|entry| entry.placeholder.as_bytes() == placeholder)?;
        Some(&entry.real)
    }

    /// Whether one of the placeholders stands in a text.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        let is_there = |placeholder: &[u8]| text.windows(placeholder.len()).any(|one| one == placeholder);
        self.entries.iter().any(|entry| is_there(entry.placeholder.as_bytes()))
    }

    fn at_home(&self, to: &Authority, slot: &Slot) -> impl Iterator<Item = (&Entry, HeaderPart)> {
        let is_tls = is_tls(to);
        let entries = self.entries.iter().map(|entry| &**entry);
        let bindings = entries.flat_map(|entry| entry.bindings.iter().map(move |b| (entry, b)));
        bindings
            .filter(move |(entry, binding)| {
                is_tls && binding.host.matches(to.host()) && entry.is_good_at(to, &binding.host)
            })
            .filter_map(move |(entry, binding)| Some((entry, part(slot, &binding.slot)?)))
    }
}

impl Drop for Substitutes {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

impl fmt::Debug for Substitutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Substitutes({} values)", self.entries.len())
    }
}

/// Whoever answers without it may be anybody.
pub(crate) fn is_tls(to: &Authority) -> bool {
    matches!(to.scheme(), "https" | "wss")
}

/// Whether values are exchanged in a slot at all.
fn is_exchanged(slot: &Slot) -> bool {
    matches!(slot, Slot::Header(..) | Slot::Cookie(_) | Slot::Query(_) | Slot::Path(_))
}

/// The part of the slot `here` in which a value bound to `home` stands, if it is the same slot.
fn part(here: &Slot, home: &Slot) -> Option<HeaderPart> {
    match (here, home) {
        (Slot::Header(here, _), Slot::Header(home, part)) => (here == home).then_some(*part),
        _ => (is_exchanged(home) && here == home).then_some(HeaderPart::Whole),
    }
}

/// `value` with the entry's real value in the place of its placeholder, if that is what its part is.
fn exchange(value: &[u8], part: HeaderPart, entry: &Entry) -> Option<Zeroizing<Vec<u8>>> {
    let placeholder = entry.placeholder.as_bytes();
    match part {
        HeaderPart::Whole => (value == placeholder).then(|| entry.real.clone()),
        HeaderPart::Bearer => {
            let start = behind(value, &["bearer", "token"])?;
            (&value[start..] == placeholder).then(|| Zeroizing::new([&value[..start], &entry.real].concat()))
        }
        HeaderPart::BasicUser | HeaderPart::BasicPassword => {
            let start = behind(value, &["basic"])?;
            let decoded = BASE64_STANDARD.decode(&value[start..]).ok()?;
            let colon = decoded.iter().position(|byte| *byte == b':')?;
            let (user, password) = (&decoded[..colon], &decoded[colon + 1..]);
            let is_user = part == HeaderPart::BasicUser;
            if (if is_user { user } else { password }) != placeholder {
                return None;
            }
            let pair: [&[u8]; 3] =
                if is_user { [&entry.real, b":", password] } else { [user, b":", &entry.real] };
            let pair = Zeroizing::new(pair.concat());
            let encoded = Zeroizing::new(BASE64_STANDARD.encode(&*pair));
            Some(Zeroizing::new([&value[..start], encoded.as_bytes()].concat()))
        }
        _ => None,
    }
}

/// Where the credential begins behind one of these schemes.
fn behind(value: &[u8], schemes: &[&str]) -> Option<usize> {
    let end = value.iter().position(|byte| *byte == b' ')?;
    let is_known = schemes.iter().any(|scheme| value[..end].eq_ignore_ascii_case(scheme.as_bytes()));
    let blanks = value[end..].iter().take_while(|byte| **byte == b' ').count();
    is_known.then_some(end + blanks)
}
