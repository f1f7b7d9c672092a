//! [`LearnedEndpoints`]: token endpoints that servers name themselves, and how far they are believed.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use exfilter_engine::{Authority, HostPattern};

use super::Endpoint;
use super::endpoints::Address;
use super::host::TokenHost;
use super::learn::Learn;
use super::metadata::Url;
use super::near::{is_near, is_or_is_above, is_port};
use super::resource::Resource;

/// The most hosts that are told of at once.
const HINTS: usize = 4;

/// What authorization servers and resources have said of themselves. Clones share it; for one session each.
///
/// Whoever answers at an allowed host can say anything, so nothing is believed about others:
///
/// - At the host of a [known](super::TokenEndpoints) endpoint nothing counts that was learned.
/// - A document below a path speaks for that path, and for the host only where the path is empty.
/// - A learned address counts for itself alone, and if its own server has not named it, for requests with a grant alone: nobody can have the answers of others held.
/// - Tokens are put into heads at the endpoint's own host; at the issuer's, if that is above it (`example.com` of `auth.example.com`), for who is below might be a stranger; and at a resource that names the issuer, if one of the two hosts is the other one or above it, and the client has asked for a
///   token for that resource ([RFC 8707](https://www.rfc-editor.org/rfc/rfc8707)) or it is the same host. The port must be that of https or of the endpoint. Where readers may differ in what is asked for, at the endpoint's own host alone.
/// - At any other resource they are not put in, and it is told what in the policy would say so.
///
/// Whose words count, the policy says. Where it [names hosts](super::TokenEndpoints::learn_from), theirs do. Where it says nothing, those of all do, but only of an endpoint of their own or below their name; and tokens that are asked for a server at which they would not be put in come in as they are, unless they
/// come of a token that is kept.
///
/// # Resource usage
///
/// At most [`LearnedEndpoints::MOST`] servers and as many resources, each with a few addresses of at most 512 bytes.
#[derive(Clone, Default)]
pub struct LearnedEndpoints(Arc<Mutex<State>>);

/// Both from the oldest to the newest.
#[derive(Default)]
struct State {
    servers: Vec<Server>,
    resources: Vec<Protected>,
}

/// An authorization server.
pub(super) struct Server {
    issuer: Url,
    address: Address,
    revocation: Option<Address>,
}

/// A protected resource.
pub(super) struct Protected {
    url: Url,
    issuers: Vec<Url>,
    told: Arc<AtomicBool>,
}

/// What is known of a learned endpoint beside its address and hosts.
#[derive(Clone, Debug)]
pub(super) struct Learned {
    own: Own,
    pub(super) revocation: Option<Address>,
    /// The hosts whose words these are.
    named_by: Vec<String>,
    elsewhere: Vec<Elsewhere>,
}

/// Whether its own server has named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Own {
    /// No: of requests to it those with a grant are for tokens.
    No,
    /// The owner of a path of the server: every `POST` to it is, spelled as it is.
    Path,
    /// The owner of the server: every `POST` to it is, however it is spelled.
    Host,
}

/// A resource at which tokens are not put in.
#[derive(Clone, Debug)]
struct Elsewhere {
    host: TokenHost,
    /// Whether it was told.
    told: Arc<AtomicBool>,
}

/// What a client asks an endpoint for.
pub(super) struct Wanted<'a> {
    pub(super) to: &'a Authority,
    pub(super) method: &'a str,
    /// As it came, and as servers may read it.
    pub(super) spelled: &'a [u8],
    pub(super) path: &'a str,
    /// Whether it says so in the one plain way.
    pub(super) has_grant: bool,
    pub(super) resource: Resource,
}

/// The endpoint that gives them.
pub(super) struct Asked {
    pub(super) endpoint: Arc<Endpoint>,
    /// Whether they are asked for a server at which they are not put in.
    pub(super) is_elsewhere: bool,
}

impl Own {
    /// Whether a request to an address is one for tokens.
    fn is_asked(self, wanted: &Wanted<'_>, address: &Address) -> bool {
        let is_there = address.authority == *wanted.to && address.path == wanted.path;
        let is_spelled = address.spelled.as_bytes() == wanted.spelled;
        let is_it = match self {
            Own::No => is_spelled && wanted.has_grant,
            Own::Path => is_spelled,
            Own::Host => true,
        };
        wanted.method == "POST" && is_there && is_it
    }
}

impl LearnedEndpoints {
    /// The most servers, and resources, that are remembered. Then the oldest are forgotten; no host has more than [eight](LearnedEndpoints::MOST_OF_A_HOST), so one that names many does not drive out the others.
    pub const MOST: usize = 64;

    /// The most of one host.
    pub const MOST_OF_A_HOST: usize = 8;

    /// Nothing so far.
    #[must_use]
    pub fn new() -> LearnedEndpoints {
        LearnedEndpoints::default()
    }

    /// Forgets what other hosts than these have said.
    pub fn retain(&self, is_kept: impl Fn(&str) -> bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.servers.retain(|one| is_kept(one.issuer.authority.host()));
        state.resources.retain(|one| is_kept(one.url.authority.host()));
    }

    pub(super) fn add_server(&self, server: Server) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.servers.retain(|one| one.issuer != server.issuer);
        add(&mut state.servers, server, |one| one.issuer.authority.host());
    }

    pub(super) fn add_resource(&self, mut resource: Protected) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = state.resources.iter().position(|one| one.url == resource.url) {
            resource.told = state.resources.remove(at).told;
        }
        add(&mut state.resources, resource, |one| one.url.authority.host());
    }

    /// The endpoint that a request asks, as it stands now: what is learned later changes nothing of tokens that it has given.
    pub(super) fn of(&self, learn: &Learn, wanted: &Wanted<'_>) -> Option<Asked> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_heard = |one: &Server| {
            let counts = learn.is_named() || one.own() > Own::No || one.speaks_for_below();
            counts && learn.is_from(one.issuer.authority.host())
        };
        let is_there = |one: &&Server| one.address.authority == *wanted.to && one.address.path == wanted.path;
        let there: Vec<&Server> = state.servers.iter().filter(is_there).filter(|one| is_heard(one)).collect();
        // Others may have named another spelling, which is another address.
        let is_spelled = |one: &Server| one.address.spelled.as_bytes() == wanted.spelled;
        let asked = there.iter().filter(|one| one.own().is_asked(wanted, &one.address));
        let best = asked.max_by_key(|one| (is_spelled(one), one.own()))?;
        let named: Vec<&Server> =
            there.iter().copied().filter(|one| one.address.spelled == best.address.spelled).collect();
        let own = named.iter().map(|one| one.own()).max()?;
        let (mut hosts, mut elsewhere) = (Vec::new(), Vec::new());
        let endpoint = &best.address.authority;
        hosts.extend(host(endpoint));
        let is_clear = wanted.resource != Resource::Unclear;
        for server in named.iter().filter(|_| is_clear) {
            let is_believed = server.speaks_for(endpoint);
            if is_believed {
                hosts.extend(host(&server.issuer.authority));
            }
            let is_its = |one: &&Protected| {
                one.issuers.contains(&server.issuer) && learn.is_from(one.url.authority.host())
            };
            for resource in state.resources.iter().filter(is_its) {
                let at = &resource.url.authority;
                let is_chosen = match &wanted.resource {
                    Resource::One(url) => url.as_ref() == Some(&resource.url),
                    _ => true,
                };
                let is_same = at.host() == endpoint.host()
                    || is_believed && at.host() == server.issuer.authority.host();
                let is_near = is_near(at.host(), endpoint.host())
                    || is_believed && is_near(at.host(), server.issuer.authority.host());
                if !is_chosen {
                    continue;
                }
                if is_port(at.port(), endpoint) && (is_same || is_near && wanted.resource != Resource::Any) {
                    hosts.extend(host(at));
                } else if let Some(host) = host(at) {
                    elsewhere.push(Elsewhere { host, told: resource.told.clone() });
                }
            }
        }
        let hosts = distinct(hosts);
        elsewhere.retain(|one: &Elsewhere| !hosts.contains(&one.host));
        let is_elsewhere = match &wanted.resource {
            Resource::One(url) => {
                let at = url.as_ref().and_then(|url| host(&url.authority));
                at.is_none_or(|at| !hosts.contains(&at))
            }
            Resource::Any | Resource::Unclear => false,
        };
        let revocation = named.iter().find_map(|one| one.revocation.clone());
        let named_by = named.iter().map(|one| one.issuer.authority.host().to_owned()).collect();
        let learned = Learned { own, revocation, named_by, elsewhere };
        let endpoint = Arc::new(Endpoint::learned(best.address.clone(), hosts, learned));
        Some(Asked { endpoint, is_elsewhere })
    }
}

impl Server {
    pub(super) fn new(issuer: Url, address: Address, revocation: Option<Address>) -> Server {
        let mut server = Server { issuer, address, revocation: None };
        // Tokens go there in bodies: to the endpoint's own server, and below the path for which the document speaks.
        let is_its = |one: &Address| one.authority == server.address.authority && server.has(one);
        server.revocation = revocation.filter(|one| server.own() > Own::No && is_its(one));
        server
    }

    /// Whether an address is its own. Below a path that users fill everything of the host can be named, but not be had.
    fn has(&self, one: &Address) -> bool {
        one.authority == self.issuer.authority && self.issuer.holds(&one.spelled)
    }

    fn own(&self) -> Own {
        match self.has(&self.address) {
            false => Own::No,
            true if self.is_at_root() => Own::Host,
            true => Own::Path,
        }
    }

    /// Whether the owner of the host has said so, and not only that of a path.
    fn is_at_root(&self) -> bool {
        self.issuer.path.is_empty()
    }

    /// Whether what it says of where tokens belong counts: of its own host, and if the host is its own, of those below.
    fn speaks_for(&self, endpoint: &Authority) -> bool {
        let (own, its) = (&self.issuer.authority, endpoint.host());
        is_port(own.port(), endpoint)
            && (own.host() == its || self.is_at_root() && is_or_is_above(own.host(), its))
    }

    /// Whether its host is its own, and its endpoint's is that one or below it.
    fn speaks_for_below(&self) -> bool {
        self.is_at_root() && self.speaks_for(&self.address.authority)
    }
}

impl Protected {
    pub(super) fn new(url: Url, issuers: Vec<Url>) -> Protected {
        Protected { url, issuers, told: Arc::default() }
    }
}

impl Learned {
    /// Whether a request to its address is one for tokens.
    pub(super) fn is_asked(&self, wanted: &Wanted<'_>, address: &Address) -> bool {
        self.own.is_asked(wanted, address)
    }

    /// Where tokens are put in as far as the words of those go whom a policy lets be heard; none if it hears nobody who has named the endpoint.
    pub(super) fn heard(
        &self,
        learn: &Learn,
        address: &Address,
        hosts: &[TokenHost],
    ) -> Option<Vec<TokenHost>> {
        let is_own = |one: &&TokenHost| one.pattern.matches(address.authority.host());
        let is_heard = |one: &&TokenHost| is_own(one) || learn.is_from(one.pattern.host());
        let is_named = self.named_by.iter().any(|host| learn.is_from(host));
        is_named.then(|| hosts.iter().filter(is_heard).cloned().collect())
    }

    /// Which line of the policy would have tokens put in where they are not, if that was not told yet.
    pub(super) fn hint(&self, address: &Address, hosts: &[TokenHost]) -> Option<String> {
        let news = self.elsewhere.iter().filter(|one| !one.told.swap(true, Ordering::Relaxed)).count();
        if news == 0 {
            return None;
        }
        let mut others = distinct(self.elsewhere.iter().map(|one| one.host.clone()).collect());
        others.truncate(HINTS);
        let shown: Vec<String> = others.iter().map(TokenHost::shown).collect();
        Some(format!(
            "; not at {}, for which there is its own word alone: whoever trusts it with these tokens writes {}",
            shown.join(", "),
            line(address, &[hosts, &others].concat())
        ))
    }
}

/// The line of a policy that says where tokens are put in.
pub(super) fn line(address: &Address, hosts: &[TokenHost]) -> String {
    let quoted: Vec<String> = hosts.iter().map(|host| format!("\"{}\"", host.shown())).collect();
    format!("\"{}\" = [{}] under [oauth.endpoints] in the policy", address.url(), quoted.join(", "))
}

/// One more, and the oldest goes if there are too many.
fn add<T>(all: &mut Vec<T>, one: T, host: impl Fn(&T) -> &str) {
    let here = |other: &T| host(other) == host(&one);
    if all.iter().filter(|other| here(other)).count() >= LearnedEndpoints::MOST_OF_A_HOST {
        let oldest = all.iter().position(here);
        oldest.map(|at| all.remove(at));
    } else if all.len() >= LearnedEndpoints::MOST {
        all.remove(0);
    }
    all.push(one);
}

/// A host at one port.
pub(super) fn host(authority: &Authority) -> Option<TokenHost> {
    let pattern = HostPattern::parse(authority.host().as_bytes()).ok()?;
    Some(TokenHost { pattern, port: Some(authority.port()) })
}

fn distinct(hosts: Vec<TokenHost>) -> Vec<TokenHost> {
    let mut all: Vec<TokenHost> = Vec::with_capacity(hosts.len());
    for host in hosts {
        if !all.contains(&host) {
            all.push(host);
        }
    }
    all
}

impl fmt::Debug for LearnedEndpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        write!(f, "LearnedEndpoints({} servers, {} resources)", state.servers.len(), state.resources.len())
    }
}
