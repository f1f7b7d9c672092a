//! [`LearnedEndpoints`]: token endpoints that servers name themselves, and how far they are believed.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use exfilter_engine::{Authority, HostPattern};

use super::Endpoint;
use super::endpoints::Address;
use super::host::TokenHost;
use super::metadata::Url;
use super::near::{is_near, is_or_is_above, is_port};

/// The most hosts that are told of at once.
const HINTS: usize = 4;

/// What authorization servers and resources have said of themselves. Clones share it; for one session each.
///
/// Whoever answers at an allowed host can say anything, so nothing is believed about others:
///
/// - At the host of a [known](super::TokenEndpoints) endpoint nothing counts that was learned.
/// - A learned address counts for itself alone, and if its own server has not named it, for requests with a grant alone: nobody can have the answers of others held.
/// - Tokens are put into heads at the endpoint's own host; at the issuer's, if that is above it (`example.com` of `auth.example.com`), for who is below might be a stranger; and at a resource that names the issuer, if one of the two hosts is the other one or above it, and the client has asked for a
///   token for that resource ([RFC 8707](https://www.rfc-editor.org/rfc/rfc8707)) or it is the same host. The port must be that of https or of the endpoint.
/// - At any other resource they are not put in, and it is told what in the policy would say so.
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
    resources: Vec<Resource>,
}

/// An authorization server.
pub(super) struct Server {
    issuer: Url,
    /// Whether the owner of the host has said so, and not only that of a path.
    is_at_root: bool,
    address: Address,
    revocation: Option<Address>,
    /// Whether the endpoint is the issuer's own.
    is_own: bool,
}

/// A protected resource.
pub(super) struct Resource {
    url: Url,
    issuers: Vec<Url>,
    told: Arc<AtomicBool>,
}

/// What is known of a learned endpoint beside its address and hosts.
#[derive(Debug)]
pub(super) struct Learned {
    /// Whether every `POST` to it is for tokens; else those with a grant.
    pub(super) is_own: bool,
    pub(super) revocation: Option<Address>,
    elsewhere: Vec<Elsewhere>,
}

/// A resource at which tokens are not put in.
#[derive(Debug)]
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
    pub(super) has_grant: bool,
    /// The resources that it names, if it names any.
    pub(super) resources: Option<Vec<Url>>,
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

    pub(super) fn add_server(&self, server: Server) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |one: &Server| one.issuer == server.issuer && one.is_at_root == server.is_at_root;
        state.servers.retain(|one| !is_same(one));
        add(&mut state.servers, server, |one| one.issuer.authority.host());
    }

    pub(super) fn add_resource(&self, mut resource: Resource) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = state.resources.iter().position(|one| one.url == resource.url) {
            resource.told = state.resources.remove(at).told;
        }
        add(&mut state.resources, resource, |one| one.url.authority.host());
    }

    /// The endpoint that a request asks, as it stands now: what is learned later changes nothing of tokens that it has given.
    pub(super) fn of(&self, wanted: &Wanted<'_>) -> Option<Endpoint> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = |one: &&Server| one.address.authority == *wanted.to && one.address.path == wanted.path;
        let there: Vec<&Server> = state.servers.iter().filter(is_there).collect();
        // Others may have named another spelling, which is another address.
        let is_spelled = |one: &Server| one.address.spelled.as_bytes() == wanted.spelled;
        let best = there.iter().max_by_key(|one| (is_spelled(one), one.is_own))?;
        let named: Vec<&Server> =
            there.iter().copied().filter(|one| one.address.spelled == best.address.spelled).collect();
        let is_own = named.iter().any(|one| one.is_own);
        let is_asked = is_own || wanted.has_grant && is_spelled(best);
        if wanted.method != "POST" || !is_asked {
            return None;
        }
        let (mut hosts, mut elsewhere) = (Vec::new(), Vec::new());
        let endpoint = &best.address.authority;
        hosts.extend(host(endpoint));
        for server in &named {
            let is_believed = server.speaks_for(endpoint);
            if is_believed {
                hosts.extend(host(&server.issuer.authority));
            }
            for resource in state.resources.iter().filter(|one| one.issuers.contains(&server.issuer)) {
                let at = &resource.url.authority;
                let is_chosen = wanted.resources.as_ref().is_none_or(|all| all.contains(&resource.url));
                let is_same = at.host() == endpoint.host()
                    || is_believed && at.host() == server.issuer.authority.host();
                let is_near = is_near(at.host(), endpoint.host())
                    || is_believed && is_near(at.host(), server.issuer.authority.host());
                if !is_chosen {
                    continue;
                }
                if is_port(at.port(), endpoint) && (is_same || is_near && wanted.resources.is_some()) {
                    hosts.extend(host(at));
                } else if let Some(host) = host(at) {
                    elsewhere.push(Elsewhere { host, told: resource.told.clone() });
                }
            }
        }
        let hosts = distinct(hosts);
        elsewhere.retain(|one: &Elsewhere| !hosts.contains(&one.host));
        let revocation = named.iter().find_map(|one| one.revocation.clone());
        Some(Endpoint::learned(best.address.clone(), hosts, Learned { is_own, revocation, elsewhere }))
    }
}

impl Server {
    pub(super) fn new(
        issuer: Url,
        is_at_root: bool,
        address: Address,
        revocation: Option<Address>,
    ) -> Server {
        // Below a path that users fill everything of the host can be named, but not be had.
        let is_own =
            |one: &Address| one.authority == issuer.authority && (is_at_root || issuer.holds(&one.spelled));
        let revocation = revocation.filter(|one| is_own(one) && is_own(&address));
        let is_own = is_own(&address);
        Server { issuer, is_at_root, address, revocation, is_own }
    }

    /// Whether what it says of where tokens belong counts: of its own host, and if the host is its own, of those below.
    fn speaks_for(&self, endpoint: &Authority) -> bool {
        let (own, its) = (&self.issuer.authority, endpoint.host());
        is_port(own.port(), endpoint)
            && (own.host() == its || self.is_at_root && is_or_is_above(own.host(), its))
    }
}

impl Resource {
    pub(super) fn new(url: Url, issuers: Vec<Url>) -> Resource {
        Resource { url, issuers, told: Arc::default() }
    }
}

impl Learned {
    /// Which line of the policy would have tokens put in where they are not, if that was not told yet.
    pub(super) fn hint(&self, address: &Address, hosts: &[TokenHost]) -> Option<String> {
        let news = self.elsewhere.iter().filter(|one| !one.told.swap(true, Ordering::Relaxed)).count();
        if news == 0 {
            return None;
        }
        let mut others = distinct(self.elsewhere.iter().map(|one| one.host.clone()).collect());
        others.truncate(HINTS);
        let shown = |hosts: &[TokenHost]| hosts.iter().map(TokenHost::shown).collect::<Vec<_>>();
        let all = [shown(hosts), shown(&others)].concat();
        let quoted: Vec<String> = all.iter().map(|host| format!("\"{host}\"")).collect();
        Some(format!(
            "; not at {}, for which there is its own word alone: whoever trusts it with these tokens writes \"{}\" = [{}] under [oauth.endpoints] in the policy",
            shown(&others).join(", "),
            address.url(),
            quoted.join(", ")
        ))
    }
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
fn host(authority: &Authority) -> Option<TokenHost> {
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
