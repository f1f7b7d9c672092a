//! [`TokenEndpoints`]: which addresses give tokens, and where those belong.

use std::sync::Arc;

use exfilter_engine::{Action, Authority, Binding, HostPattern, Slot};
use exfilter_wire::RequestHead;
use exfilter_wire::percent::{self, Plus};

use super::Home;
use super::host::TokenHost;
use super::known::{BASIC, BEARER, KNOWN, Known, MEMBERS};
use super::learn::Learn;
use super::learned::{self, Asked, Learned, LearnedEndpoints, Wanted};
use super::metadata::plain_path;
use super::url::SecretUrl;
use crate::substitute::{SubstituteError, Substitutes};

/// One address of a token endpoint.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Address {
    pub(super) authority: Authority,
    /// The path as [`normalised`] has it: for finding requests, where too many are better than too few.
    pub(super) path: String,
    /// The path byte for byte: for putting tokens in, where it is the other way round.
    pub(super) spelled: String,
}

impl Address {
    /// One that a server names itself: no pattern, and spelled in one way.
    pub(super) fn plain(url: &str) -> Option<Address> {
        let address = address(url)?;
        let path = plain_path(&address.spelled)?;
        (!path.is_empty()).then_some(address)
    }

    /// As people write it.
    pub(super) fn url(&self) -> String {
        let (host, path) = (self.authority.host(), &self.spelled);
        match self.authority.port() {
            HTTPS => format!("https://{host}{path}"),
            port => format!("https://{host}:{port}{path}"),
        }
    }

    /// Whether a request has a body for it, byte for byte.
    fn is_posted(&self, head: &RequestHead) -> bool {
        is_posted(head) && head.target().path() == self.spelled.as_bytes()
    }
}

/// Where `npm logout` and `yarn logout` send a `DELETE`, the token in the path.
const NPM_LOGOUT: ([&str; 2], &str) = (["registry.npmjs.org", "registry.yarnpkg.com"], "/-/user/token/*");

/// The port of https.
pub(super) const HTTPS: u16 = 443;

/// A token endpoint, which may have several addresses.
#[derive(Debug)]
pub(crate) struct Endpoint {
    addresses: Vec<Address>,
    method: Option<&'static str>,
    pub(super) members: &'static [&'static str],
    pub(super) urls: &'static [SecretUrl],
    /// Where access tokens are good.
    hosts: Vec<TokenHost>,
    /// The same as bindings, which know no ports.
    pub(super) bindings: Vec<Binding>,
    /// What its server said beside that, if nobody else knows it.
    learned: Option<Learned>,
}

impl Endpoint {
    /// One that a server has named.
    pub(super) fn learned(address: Address, hosts: Vec<TokenHost>, learned: Learned) -> Endpoint {
        Endpoint {
            addresses: vec![address],
            // By this it is none for the other addresses of its host.
            method: Some("POST"),
            members: MEMBERS,
            urls: &[],
            bindings: bindings(&hosts, BEARER),
            hosts,
            learned: Some(learned),
        }
    }

    fn new(known: &Known) -> Option<Endpoint> {
        let hosts: Vec<TokenHost> =
            known.hosts.iter().filter_map(|host| TokenHost::parse(host.as_bytes()).ok()).collect();
        Some(Endpoint {
            addresses: known.tokens.iter().map(|text| address(text)).collect::<Option<_>>()?,
            method: known.method,
            members: known.members,
            urls: known.urls,
            bindings: bindings(&hosts, known.slots),
            hosts,
            learned: None,
        })
    }

    /// Whether a request to this path is one for tokens.
    pub(super) fn gives(&self, to: &Authority, method: &str, path: &str) -> bool {
        self.method.is_none_or(|one| one == method) && self.is_at(to, Some(path))
    }

    /// The hosts at which its access tokens are good.
    pub(super) fn good_at(&self) -> Vec<HostPattern> {
        let mut hosts: Vec<HostPattern> = self.bindings.iter().map(|binding| binding.host.clone()).collect();
        hosts.dedup();
        hosts
    }

    /// Whether it is a learned one, and this is a request for tokens there.
    fn gives_as_learned(&self, wanted: &Wanted<'_>) -> bool {
        let is_asked = |learned: &Learned| self.addresses.iter().any(|one| learned.is_asked(wanted, one));
        self.learned.as_ref().is_some_and(is_asked)
    }

    /// The same as far as the words of those go whom a policy lets be heard; none if they do not go so far.
    fn heard(self: &Arc<Endpoint>, learn: &Learn) -> Option<Arc<Endpoint>> {
        let (learned, address) = (self.learned.as_ref()?, self.addresses.first()?);
        let hosts = learned.heard(learn, address, &self.hosts)?;
        let is_all = hosts.len() == self.hosts.len();
        let less = || Arc::new(Endpoint::learned(address.clone(), hosts, learned.clone()));
        Some(if is_all { self.clone() } else { less() })
    }

    /// Whether its server alone has named it.
    pub(super) fn is_learned(&self) -> bool {
        self.learned.is_some()
    }

    /// Whether it is at this host, and at this path, if one is given.
    pub(crate) fn is_at(&self, to: &Authority, path: Option<&str>) -> bool {
        self.addresses
            .iter()
            .any(|one| one.authority == *to && path.is_none_or(|path| matches(&one.path, path)))
    }

    /// Whether access tokens that are bound to such hosts are good at the port of this one: that of https, that of the endpoint, or that of the policy.
    pub(super) fn has_port(&self, to: &Authority, host: &HostPattern) -> bool {
        let is_usual =
            to.port() == HTTPS || self.addresses.iter().any(|one| one.authority.port() == to.port());
        self.hosts
            .iter()
            .filter(|one| one.pattern == *host)
            .any(|one| one.port.map_or(is_usual, |port| port == to.port()))
    }

    /// Where the credentials in addresses are good.
    pub(super) fn url_bindings(&self) -> impl Iterator<Item = Binding> {
        self.urls.iter().filter_map(SecretUrl::binding)
    }

    /// Whether tokens are put into bodies to this host, and into that of this request, if one is given.
    pub(crate) fn takes(&self, to: &Authority, head: Option<&RequestHead>) -> bool {
        self.has_body(to, head, is_spelled)
    }

    /// The same for revocations: their address is that for tokens with `revoke` or `revocation` in the place of `token`, or the one that was learned. At any other path of the host users might store what they send.
    pub(crate) fn revokes(&self, to: &Authority, head: Option<&RequestHead>) -> bool {
        match &self.learned {
            Some(learned) => learned
                .revocation
                .as_ref()
                .is_some_and(|one| one.authority == *to && head.is_none_or(|head| one.is_posted(head))),
            None => self.has_body(to, head, is_beside),
        }
    }

    /// The same for revocations by the address alone: npm's, and those with one parameter, `token`.
    pub(crate) fn revokes_by_address(&self, to: &Authority, head: &RequestHead, slot: &Slot) -> bool {
        let (target, (hosts, logout)) = (head.target(), NPM_LOGOUT);
        let query = target.query();
        if self.is_learned() {
            return false;
        }
        match (slot, head.method()) {
            (Slot::Path(_), "DELETE") => {
                hosts.contains(&to.host())
                    && self.is_at(to, None)
                    && query.is_empty()
                    && is_spelled(logout, target.path())
            }
            (Slot::Query(name), "POST") => {
                let is_alone = !query.iter().any(|byte| matches!(byte, b'&' | b';'));
                let is_here = |one: &Address| one.authority == *to && is_beside(&one.spelled, target.path());
                name == "token" && is_alone && self.addresses.iter().any(is_here)
            }
            _ => false,
        }
    }

    fn has_body(
        &self,
        to: &Authority,
        head: Option<&RequestHead>,
        is_at: impl Fn(&str, &[u8]) -> bool,
    ) -> bool {
        let is_asked =
            |one: &Address, head: &RequestHead| is_posted(head) && is_at(&one.spelled, head.target().path());
        self.addresses.iter().any(|one| one.authority == *to && head.is_none_or(|head| is_asked(one, head)))
    }

    /// Whether it is at all addresses of another one, for the same tokens.
    fn is_for(&self, other: &Endpoint) -> bool {
        self.members == other.members
            && self.method == other.method
            && other.addresses.iter().all(|one| self.addresses.contains(one))
    }

    /// Whether both are the same endpoint, whatever their policies say of its tokens.
    pub(super) fn is_same(&self, other: &Endpoint) -> bool {
        self.is_for(other) && other.is_for(self)
    }

    /// Whether every request with a grant is for tokens there: hosts that have one more address for them than is known.
    fn has_grants(&self) -> bool {
        self.method.is_none()
    }

    /// The hosts of its addresses.
    pub(super) fn own_hosts(&self) -> impl Iterator<Item = &str> {
        self.addresses.iter().map(|one| one.authority.host())
    }

    /// What is told once, of a learned one: where its tokens are not put in, and which line of a policy would change that.
    pub(super) fn hint(&self) -> Option<String> {
        self.learned.as_ref()?.hint(self.addresses.first()?, &self.hosts)
    }

    /// The line of a policy that would have tokens put in at one more server.
    pub(super) fn line_with(&self, more: &Authority) -> Option<String> {
        let hosts = self.hosts.iter().cloned().chain(learned::host(more)).collect::<Vec<_>>();
        Some(learned::line(self.addresses.first()?, &hosts))
    }

    /// The hosts at which access tokens are good, as people read it.
    pub(super) fn shown_hosts(&self) -> String {
        let mut hosts: Vec<String> = self.hosts.iter().map(TokenHost::shown).collect();
        let more = hosts.len().saturating_sub(3);
        hosts.truncate(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", hosts.join(", "))
    }
}

/// Token endpoints: the built-in ones, those of a policy, and those that servers name themselves, if they are [learned](TokenEndpoints::set_learned).
#[derive(Clone, Debug)]
pub struct TokenEndpoints {
    pub(super) endpoints: Vec<Arc<Endpoint>>,
    learned: Option<LearnedEndpoints>,
    learn: Learn,
    other: Action,
}

impl Default for TokenEndpoints {
    /// The built-in ones. Tokens that are not kept outside are reported.
    fn default() -> TokenEndpoints {
        let endpoints = KNOWN.iter().filter_map(Endpoint::new).map(Arc::new).collect();
        TokenEndpoints { endpoints, learned: None, learn: Learn::default(), other: Action::Report }
    }
}

impl TokenEndpoints {
    /// The most that may be added.
    pub const MOST: usize = 1000;

    /// Adds one: its address (`https://id.example.com/oauth2/token`), and the hosts of the API at which its access tokens are bearers; where these have no port, at 443 and that of the address. It goes before the built-in ones.
    ///
    /// # Errors
    ///
    /// [`SubstituteError`] for an address without TLS or a path, or with a query, and without any host.
    pub fn add(&mut self, url: &str, hosts: &[TokenHost]) -> Result<&mut TokenEndpoints, SubstituteError> {
        let address = address(url).ok_or(SubstituteError::endpoint())?;
        if hosts.is_empty() || self.endpoints.len() >= KNOWN.len() + TokenEndpoints::MOST {
            return Err(SubstituteError::endpoint());
        }
        let endpoint = Endpoint {
            addresses: vec![address],
            method: None,
            members: MEMBERS,
            urls: &[],
            hosts: hosts.to_vec(),
            bindings: bindings(hosts, BASIC),
            learned: None,
        };
        self.endpoints.insert(0, Arc::new(endpoint));
        Ok(self)
    }

    /// Knows from now on what is learned in this session, too: where none of the others is at the host.
    pub fn set_learned(&mut self, learned: &LearnedEndpoints) -> &mut TokenEndpoints {
        self.learned = Some(learned.clone());
        self
    }

    /// Learns from these hosts alone, and believes them of others too ([`LearnedEndpoints`]): from none, if there are none. Without this, all are heard about themselves.
    pub fn learn_from(&mut self, hosts: Vec<HostPattern>) -> &mut TokenEndpoints {
        self.learn = Learn::Named(hosts);
        self
    }

    /// Whether what a host, in its canonical spelling, says of token endpoints is heard.
    #[must_use]
    pub fn learns_from(&self, host: &str) -> bool {
        self.learn.is_from(host)
    }

    /// What is done about an answer with tokens that are not kept outside: at an address that is not known, to a refresh token that is not from here, or for a server at which they would not be put in. [`Action::Report`], or [`Action::Block`].
    pub fn set_other(&mut self, action: Action) -> &mut TokenEndpoints {
        self.other = action;
        self
    }

    /// The same.
    #[must_use]
    pub fn other(&self) -> Action {
        self.other
    }

    /// Which of them gives tokens for a request.
    pub(super) fn of(
        &self,
        to: &Authority,
        method: &str,
        path: &str,
        has_grant: bool,
    ) -> Option<Arc<Endpoint>> {
        let exact = self.endpoints.iter().find(|endpoint| endpoint.gives(to, method, path));
        let here = |endpoint: &&Arc<Endpoint>| has_grant && endpoint.has_grants() && endpoint.is_at(to, None);
        exact.or_else(|| self.endpoints.iter().find(here)).cloned()
    }

    /// The learned one that gives tokens for a request. What `logins` has from one that is forgotten, or that another policy did not know, is still from there: a refresh with that is answered with placeholders, too.
    pub(super) fn learned_of(&self, logins: &Substitutes, wanted: &Wanted<'_>) -> Option<Asked> {
        if self.has_host(wanted.to.host()) {
            return None;
        }
        let named = self.learned.as_ref().and_then(|learned| learned.of(&self.learn, wanted));
        named.or_else(|| {
            let homes = logins.entries().iter().flat_map(|entry| &entry.homes);
            let endpoint = homes.map(Home::endpoint).find(|endpoint| endpoint.gives_as_learned(wanted));
            endpoint.map(|endpoint| Asked { endpoint: endpoint.clone(), is_elsewhere: false })
        })
    }

    /// Whether tokens that are asked for a server at which they are not put in come in as they are.
    pub(super) fn lets_pass(&self, asked: &Asked) -> bool {
        asked.is_elsewhere && !self.learn.is_named()
    }

    /// Which of them is in the place of one of another policy's. A learned one stays, unless the policy knows its host, or hears its server no more.
    pub(super) fn in_place_of(&self, other: &Arc<Endpoint>) -> Option<Arc<Endpoint>> {
        if !other.is_learned() {
            return self.endpoints.iter().find(|endpoint| endpoint.is_for(other)).cloned();
        }
        let is_there = |endpoint: &&Arc<Endpoint>| {
            let is_one = |one: &Address| endpoint.is_at(&one.authority, Some(&one.path));
            endpoint.members == other.members && other.addresses.iter().all(is_one)
        };
        let known = self.endpoints.iter().find(is_there).cloned();
        let is_free = || other.own_hosts().all(|host| !self.has_host(host));
        known.or_else(|| other.heard(&self.learn).filter(|_| is_free()))
    }

    /// Whether one that is not learned is at this host.
    fn has_host(&self, host: &str) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.own_hosts().any(|own| own == host))
    }
}

/// Whether a request has a body, and nothing in its address but the path.
fn is_posted(head: &RequestHead) -> bool {
    head.method() == "POST" && head.target().query().is_empty()
}

fn bindings(hosts: &[TokenHost], slots: &[&str]) -> Vec<Binding> {
    let slots: Vec<Slot> = slots.iter().filter_map(|slot| Slot::parse(slot.as_bytes()).ok()).collect();
    let all = hosts.iter().flat_map(|host| slots.iter().map(move |slot| (host, slot)));
    all.map(|(host, slot)| Binding { host: host.pattern.clone(), slot: slot.clone() }).collect()
}

/// `https://host:port/path`.
fn address(url: &str) -> Option<Address> {
    let rest = url.strip_prefix("https://")?;
    let (host, path) = rest.split_once('/')?;
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'%' | b'\\' | b';');
    let spelled = Some(path).filter(|path| path.bytes().all(is_plain)).map(|path| format!("/{path}"))?;
    let path = normalised(spelled.as_bytes());
    let authority = Authority::parse(format!("https://{host}").as_bytes()).ok()?;
    (!path.is_empty()).then_some(Address { authority, path, spelled })
}

/// A path as servers may read it: unescaped, without empty segments and dots, in small letters. One address must not be two for whoever looks for it.
pub(crate) fn normalised(path: &[u8]) -> String {
    let decoded = percent::decode(path, Plus::Itself);
    let text = String::from_utf8_lossy(&decoded).to_lowercase().replace('\\', "/");
    let mut segments: Vec<&str> = Vec::new();
    for segment in text.split('/') {
        match segment.split(';').next().unwrap_or(segment).trim() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    segments.join("/")
}

/// Whether a path is one of those of a pattern. Some servers take `token.json` for `token`.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    let last = pattern.len() - 1;
    let is_same = |(n, (one, other)): (usize, (&&str, &&str))| {
        let more = other.strip_prefix(*one);
        *one == "*" || more.is_some_and(|more| more.is_empty() || n == last && more.starts_with('.'))
    };
    pattern.len() == path.len() && pattern.iter().zip(&path).enumerate().all(is_same)
}

/// Whether a path is that for revocations beside one for tokens, byte for byte.
fn is_beside(pattern: &str, path: &[u8]) -> bool {
    let Some(before) = pattern.strip_suffix("/token") else { return false };
    ["revoke", "revocation"].iter().any(|last| is_spelled(&format!("{before}/{last}"), path))
}

/// Whether a path is one of those of a pattern, byte for byte.
fn is_spelled(pattern: &str, path: &[u8]) -> bool {
    let mut segments = path.split(|byte| *byte == b'/');
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_any = |one: &[u8]| one.iter().all(is_plain) && !matches!(one, b"" | b"." | b"..");
    let mut is_next = |one: &str| {
        segments.next().is_some_and(|other| if one == "*" { is_any(other) } else { one.as_bytes() == other })
    };
    pattern.split('/').all(&mut is_next) && segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_whole() {
        let endpoints = TokenEndpoints::default();
        assert_eq!(endpoints.endpoints.len(), KNOWN.len());
        for (known, endpoint) in KNOWN.iter().zip(&endpoints.endpoints) {
            assert_eq!(endpoint.addresses.len(), known.tokens.len());
            assert_eq!(endpoint.bindings.len(), known.hosts.len() * known.slots.len(), "{:?}", known.tokens);
        }
    }

    #[test]
    fn an_address_is_one_however_it_is_spelled() {
        for path in [
            "/login/oauth/access_token",
            "/login//oauth/access_token/",
            "/Login/oauth/access%5Ftoken",
            "/x/../login/./oauth/access_token;a=b",
            "/login%2Foauth\\access_token",
        ] {
            assert_eq!(normalised(path.as_bytes()), "login/oauth/access_token", "{path}");
        }
        for same in ["common/oauth2/v2.0/token", "common/oauth2/v2.0/token.json"] {
            assert!(matches("*/oauth2/v2.0/token", same));
        }
        for other in [
            "common/oauth2/v2.0/tokens",
            "common/oauth2.json/v2.0/token",
            "oauth2/v2.0/token",
            "a/b/oauth2/v2.0/token",
            "common/oauth2/v2.0/token/x",
            "",
        ] {
            assert!(!matches("*/oauth2/v2.0/token", other), "{other}");
        }
    }

    #[test]
    fn tokens_are_put_where_the_path_is_spelled_the_same() {
        let pattern = "/*/oauth2/v2.0/token";
        assert!(is_spelled(pattern, b"/common/oauth2/v2.0/token"));
        for other in [
            "/common/oauth2/v2.0/token.json",
            "/common/oauth2/v2.0/Token",
            "/common/oauth2/v2.0/token/",
            "/common/oauth2/v2.0/%74oken",
            "/common/oauth2/v2.0/token;x",
            "//oauth2/v2.0/token",
            "/../oauth2/v2.0/token",
            "/a%2Fb/oauth2/v2.0/token",
            "common/oauth2/v2.0/token",
            "/common/oauth2\\v2.0/token",
            "",
        ] {
            assert!(!is_spelled(pattern, other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn further_ones_have_tls_and_a_path() {
        let hosts = [TokenHost::parse(b"api.example.com").expect("a host")];
        let mut endpoints = TokenEndpoints::default();
        for bad in [
            "http://id.example.com/token",
            "https://id.example.com",
            "https://id.example.com/",
            "https://id.example.com/token?x=1",
            "id.example.com/token",
            "https://id.example.com/to ken",
        ] {
            assert!(endpoints.add(bad, &hosts).is_err(), "{bad}");
        }
        assert!(endpoints.add("https://id.example.com/token", &[]).is_err());
        endpoints.add("https://id.example.com:8443/oauth2/Token", &hosts).expect("an address");
        let to = |text: &str| Authority::parse(text.as_bytes()).expect("an authority");
        let of = |text: &str, grant| endpoints.of(&to(text), "POST", "oauth2/token", grant).is_some();
        assert!(of("https://id.example.com:8443", false) && !of("https://id.example.com", true));
        assert!(!of("https://github.com", false) && of("https://github.com", true));
        assert!(!of("https://registry.npmjs.org", false), "its endpoint has another path");
    }
}
