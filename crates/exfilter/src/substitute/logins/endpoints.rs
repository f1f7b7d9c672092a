//! [`TokenEndpoints`]: which addresses give tokens, and where those belong.

use std::fmt;
use std::sync::Arc;

use exfilter_engine::{Action, Authority, Binding, HostPattern, ParseError, Slot};
use exfilter_wire::RequestHead;
use exfilter_wire::percent::{self, Plus};

use crate::substitute::SubstituteError;

/// A provider's endpoints: those for tokens (`*` is any one segment), and the hosts of its APIs. Hosts at which customers' own programs answer are none.
struct Known {
    tokens: &'static [&'static str],
    method: Option<&'static str>,
    members: &'static [&'static str],
    hosts: &'static [&'static str],
    slots: &'static [&'static str],
    urls: &'static [SecretUrl],
}

/// An address in an answer whose last segment is a credential.
#[derive(Debug, PartialEq)]
pub(super) struct SecretUrl {
    /// The end of the member's pointer.
    pointer: &'static str,
    /// What people call the member.
    pub(super) name: &'static str,
    host: &'static str,
    /// What the path begins with, of segments; `*` is any one.
    before: &'static [&'static str],
}

/// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
const WEBHOOK: SecretUrl = SecretUrl {
    pointer: "/incoming_webhook/url",
    name: "incoming_webhook.url",
    host: "hooks.slack.com",
    before: &["services", "*", "*"],
};

impl SecretUrl {
    /// Whether a member is the address, in any case of letters.
    pub(super) fn is_at(&self, pointer: &str) -> bool {
        let at = pointer.len().checked_sub(self.pointer.len());
        at.and_then(|at| pointer.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(self.pointer))
    }

    /// Where in an address the credential begins, if it is such a one.
    pub(super) fn secret(&self, url: &[u8]) -> Option<usize> {
        let url = str::from_utf8(url).ok()?;
        let mut segments =
            url.strip_prefix("https://")?.strip_prefix(self.host)?.strip_prefix('/')?.split('/');
        let is_plain = |one: &str| !one.is_empty() && one.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_before = self.before.iter().all(|known| {
            segments.next().is_some_and(|one| is_plain(one) && (*known == "*" || *known == one))
        });
        let secret = segments.next().filter(|one| is_plain(one) && is_before)?;
        segments.next().is_none().then_some(url.len() - secret.len())
    }

    fn binding(&self) -> Option<Binding> {
        let host = HostPattern::parse(self.host.as_bytes()).ok()?;
        Some(Binding { host, slot: Slot::Path(self.before.len().try_into().ok()?) })
    }
}

/// The names of tokens in answers ([RFC 6749](https://www.rfc-editor.org/rfc/rfc6749), section 5.1; OpenID Connect Core, section 3.1.3.3).
pub(super) const MEMBERS: &[&str] = &["access_token", "refresh_token", "id_token"];

const SLACK: &[&str] = &["access_token", "refresh_token", "id_token", "bot_access_token"];

const BEARER: &[&str] = &["header:authorization:bearer"];

/// Also as the password of git, package managers and registries.
const BASIC: &[&str] = &["header:authorization:bearer", "header:authorization:basic.password"];

const KNOWN: &[Known] = &[
    // https://code.claude.com/docs/en/authentication; the addresses are those that the client asks.
    Known {
        tokens: &[
            "https://platform.claude.com/v1/oauth/token",
            "https://console.anthropic.com/v1/oauth/token",
            "https://api.anthropic.com/v1/oauth/token",
            "https://claude.ai/v1/oauth/token",
        ],
        method: None,
        members: MEMBERS,
        hosts: &[
            "api.anthropic.com",
            "platform.claude.com",
            "console.anthropic.com",
            "claude.ai",
            "mcp-proxy.anthropic.com",
        ],
        slots: BEARER,
        urls: &[],
    },
    // The same client makes a key of the API with such a token.
    Known {
        tokens: &["https://api.anthropic.com/api/oauth/claude_cli/create_api_key"],
        method: Some("POST"),
        members: &["raw_key"],
        hosts: &["api.anthropic.com"],
        slots: &["header:x-api-key", "header:authorization:bearer"],
        urls: &[],
    },
    // https://developers.openai.com/codex/auth
    Known {
        tokens: &["https://auth.openai.com/oauth/token"],
        method: None,
        members: MEMBERS,
        hosts: &["api.openai.com", "chatgpt.com", "auth.openai.com"],
        slots: BEARER,
        urls: &[],
    },
    // https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
    Known {
        tokens: &["https://github.com/login/oauth/access_token"],
        method: None,
        members: MEMBERS,
        hosts: &[
            "api.github.com",
            "github.com",
            "uploads.github.com",
            "gist.github.com",
            "*.githubcopilot.com",
            "ghcr.io",
            "*.pkg.github.com",
        ],
        slots: BASIC,
        urls: &[],
    },
    // https://developers.google.com/identity/protocols/oauth2/native-app, https://docs.cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token, https://docs.cloud.google.com/iam/docs/cloud-oauth-api-overview
    Known {
        tokens: &[
            "https://oauth2.googleapis.com/token",
            "https://www.googleapis.com/oauth2/v4/token",
            "https://accounts.google.com/o/oauth2/token",
            "https://sts.googleapis.com/v1/token",
            "https://sts.googleapis.com/v1/oauthtoken",
            "https://cloudoauth.googleapis.com/v1/organizations/*/token",
            "https://cloudoauth.googleapis.com/v1/common/token",
        ],
        method: None,
        members: MEMBERS,
        hosts: &["*.googleapis.com", "*.pkg.dev", "gcr.io", "*.gcr.io"],
        // Not in the address, as `access_token`: that is in the access log of a bucket, which belongs to whoever has made it.
        slots: BASIC,
        urls: &[],
    },
    // https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
    Known {
        tokens: &[
            "https://login.microsoftonline.com/*/oauth2/v2.0/token",
            "https://login.microsoftonline.com/*/oauth2/token",
            // Its older name.
            "https://login.windows.net/*/oauth2/token",
        ],
        method: None,
        members: MEMBERS,
        hosts: &[
            "graph.microsoft.com",
            "management.azure.com",
            "management.core.windows.net",
            "*.vault.azure.net",
            "*.blob.core.windows.net",
            "*.dfs.core.windows.net",
            "*.queue.core.windows.net",
            "*.table.core.windows.net",
            "*.azurecr.io",
            "dev.azure.com",
            "*.dev.azure.com",
            "*.visualstudio.com",
        ],
        slots: BASIC,
        urls: &[],
    },
    // https://docs.gitlab.com/api/oauth2/
    Known {
        tokens: &["https://gitlab.com/oauth/token"],
        method: None,
        members: MEMBERS,
        hosts: &["gitlab.com", "registry.gitlab.com"],
        slots: BASIC,
        urls: &[],
    },
    // https://github.com/npm/registry/blob/main/docs/user/authentication.md; npm's web login asks `doneUrl` until it has a token.
    Known {
        tokens: &["https://registry.npmjs.org/-/v1/done"],
        method: None,
        members: &["token"],
        hosts: &["registry.npmjs.org"],
        slots: BASIC,
        urls: &[],
    },
    Known {
        tokens: &["https://registry.npmjs.org/-/user/*", "https://registry.npmjs.org/-/user/*/-rev/*"],
        method: Some("PUT"),
        members: &["token"],
        hosts: &["registry.npmjs.org"],
        slots: BASIC,
        urls: &[],
    },
    Known {
        tokens: &["https://registry.npmjs.org/-/npm/v1/tokens"],
        method: Some("POST"),
        members: &["token"],
        hosts: &["registry.npmjs.org"],
        slots: BASIC,
        urls: &[],
    },
    // The name by which Yarn asks npm's registry. What is given there is not put in at the other name.
    Known {
        tokens: &["https://registry.yarnpkg.com/-/v1/done"],
        method: None,
        members: &["token"],
        hosts: &["registry.yarnpkg.com"],
        slots: BASIC,
        urls: &[],
    },
    Known {
        tokens: &["https://registry.yarnpkg.com/-/user/*", "https://registry.yarnpkg.com/-/user/*/-rev/*"],
        method: Some("PUT"),
        members: &["token"],
        hosts: &["registry.yarnpkg.com"],
        slots: BASIC,
        urls: &[],
    },
    Known {
        tokens: &["https://registry.yarnpkg.com/-/npm/v1/tokens"],
        method: Some("POST"),
        members: &["token"],
        hosts: &["registry.yarnpkg.com"],
        slots: BASIC,
        urls: &[],
    },
    // https://huggingface.co/docs/hub/oauth
    Known {
        tokens: &["https://huggingface.co/oauth/token"],
        method: None,
        members: MEMBERS,
        hosts: &["huggingface.co"],
        slots: BASIC,
        urls: &[],
    },
    // https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/
    Known {
        tokens: &["https://auth.atlassian.com/oauth/token"],
        method: None,
        members: MEMBERS,
        hosts: &["api.atlassian.com"],
        slots: BEARER,
        urls: &[],
    },
    // https://developer.atlassian.com/cloud/bitbucket/oauth-2/
    Known {
        tokens: &["https://bitbucket.org/site/oauth2/access_token"],
        method: None,
        members: MEMBERS,
        hosts: &["api.bitbucket.org", "bitbucket.org"],
        slots: BASIC,
        urls: &[],
    },
    // https://docs.slack.dev/authentication/installing-with-oauth, https://docs.slack.dev/authentication/using-token-rotation, https://docs.slack.dev/ai/slack-mcp-server/
    Known {
        tokens: &[
            "https://slack.com/api/oauth.v2.access",
            "https://slack.com/api/oauth.v2.user.access",
            "https://slack.com/api/oauth.v2.exchange",
            "https://slack.com/api/openid.connect.token",
            // The older one, whose answers have a token of the bot beside that of the user.
            "https://slack.com/api/oauth.access",
        ],
        method: None,
        members: SLACK,
        hosts: &["slack.com", "mcp.slack.com"],
        slots: BEARER,
        urls: &[WEBHOOK],
    },
    // https://linear.app/developers/oauth-2-0-authentication
    Known {
        tokens: &["https://api.linear.app/oauth/token"],
        method: None,
        members: MEMBERS,
        hosts: &["api.linear.app", "mcp.linear.app"],
        slots: BEARER,
        urls: &[],
    },
    // https://developers.notion.com/reference/create-a-token
    Known {
        tokens: &["https://api.notion.com/v1/oauth/token"],
        method: None,
        members: MEMBERS,
        hosts: &["api.notion.com"],
        slots: BEARER,
        urls: &[],
    },
];

/// One address of a token endpoint.
#[derive(Debug, PartialEq)]
struct Address {
    authority: Authority,
    /// The path as [`normalised`] has it: for finding requests, where too many are better than too few.
    path: String,
    /// The path byte for byte: for putting tokens in, where it is the other way round.
    spelled: String,
}

/// Where `npm logout` and `yarn logout` send a `DELETE`, the token in the path.
const NPM_LOGOUT: ([&str; 2], &str) = (["registry.npmjs.org", "registry.yarnpkg.com"], "/-/user/token/*");

/// The port of https.
const HTTPS: u16 = 443;

/// Hosts at which access tokens are good: `api.example.com`, `*.example.com`, or `api.example.com:8443` for that port alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHost {
    pattern: HostPattern,
    port: Option<u16>,
}

impl TokenHost {
    /// Parses a pattern of hosts, with or without a port.
    ///
    /// # Errors
    ///
    /// [`ParseError`] says what is wrong with the text, without repeating it.
    pub fn parse(text: &[u8]) -> Result<TokenHost, ParseError> {
        // The colons of an IPv6 address stand before its bracket.
        let colon = text
            .iter()
            .rposition(|byte| *byte == b':')
            .filter(|_| !text.ends_with(b"]") && !text.ends_with(b"/"));
        let Some(colon) = colon else {
            return Ok(TokenHost { pattern: HostPattern::parse(text)?, port: None });
        };
        let port = Authority::parse(&[b"https://port", &text[colon..]].concat())?.port();
        Ok(TokenHost { pattern: HostPattern::parse(&text[..colon])?, port: Some(port) })
    }
}

/// Any port at which tokens are good.
impl From<HostPattern> for TokenHost {
    fn from(pattern: HostPattern) -> TokenHost {
        TokenHost { pattern, port: None }
    }
}

impl fmt::Display for TokenHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.pattern)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

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
}

impl Endpoint {
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
        })
    }

    /// Whether a request to this path is one for tokens.
    pub(super) fn gives(&self, to: &Authority, method: &str, path: &str) -> bool {
        self.method.is_none_or(|one| one == method) && self.is_at(to, Some(path))
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

    /// The same for revocations: their address is that for tokens with `revoke` or `revocation` in the place of `token`. At any other path of the host users might store what they send.
    pub(crate) fn revokes(&self, to: &Authority, head: Option<&RequestHead>) -> bool {
        self.has_body(to, head, is_beside)
    }

    /// The same for revocations by the address alone: npm's, and those with one parameter, `token`.
    pub(crate) fn revokes_by_address(&self, to: &Authority, head: &RequestHead, slot: &Slot) -> bool {
        let (target, (hosts, logout)) = (head.target(), NPM_LOGOUT);
        let query = target.query();
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
        self.addresses.iter().any(|one| {
            let is_asked = |head: &RequestHead| {
                let target = head.target();
                head.method() == "POST" && target.query().is_empty() && is_at(&one.spelled, target.path())
            };
            one.authority == *to && head.is_none_or(is_asked)
        })
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

    /// The hosts at which access tokens are good, as people read it.
    pub(super) fn shown_hosts(&self) -> String {
        let mut hosts: Vec<String> = self.hosts.iter().map(TokenHost::to_string).collect();
        let more = hosts.len().saturating_sub(3);
        hosts.truncate(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", hosts.join(", "))
    }
}

/// Token endpoints: the built-in ones, and those of a policy.
#[derive(Clone, Debug)]
pub struct TokenEndpoints {
    pub(super) endpoints: Vec<Arc<Endpoint>>,
    other: Action,
}

impl Default for TokenEndpoints {
    /// The built-in ones. Tokens that are not kept outside are reported.
    fn default() -> TokenEndpoints {
        let endpoints = KNOWN.iter().filter_map(Endpoint::new).map(Arc::new).collect();
        TokenEndpoints { endpoints, other: Action::Report }
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
        };
        self.endpoints.insert(0, Arc::new(endpoint));
        Ok(self)
    }

    /// What is done about an answer with tokens that are not kept outside: at an address that is not known, or to a refresh token that is not from here. [`Action::Report`], or [`Action::Block`].
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

    /// Which of them is in the place of one of another policy's.
    pub(super) fn in_place_of(&self, other: &Endpoint) -> Option<Arc<Endpoint>> {
        self.endpoints.iter().find(|endpoint| endpoint.is_for(other)).cloned()
    }
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
    fn hosts_with_ports() {
        let parsed = |text: &str| TokenHost::parse(text.as_bytes()).map(|host| (host.to_string(), host.port));
        for (text, port) in [
            ("api.example.com", None),
            ("*.example.com", None),
            ("[::1]", None),
            ("api.example.com:8443", Some(8443)),
            ("*.example.com:1", Some(1)),
            ("[::1]:65535", Some(65535)),
        ] {
            assert_eq!(parsed(text).ok(), Some((text.to_owned(), port)));
        }
        for bad in ["", ":8443", "a:", "a:0", "a:65536", "a:x", "a:1/", "a:1:2", "*:1", "::1", "https://a"] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_in_addresses() {
        let secret = |url: &str| WEBHOOK.secret(url.as_bytes()).map(|at| url[at..].to_owned());
        let good = "https://hooks.slack.com/services/T0123/B0123/";
        assert_eq!(secret(&format!("{good}AbCd")).as_deref(), Some("AbCd"));
        for bad in ["", "a/b", "a?b", "a#b", "a%41", "a/"] {
            assert_eq!(secret(&format!("{good}{bad}")), None, "{bad}");
        }
        for bad in [
            "http://hooks.slack.com/services/T/B/a",
            "https://hooks.slack.com.example.com/services/T/B/a",
            "https://hooks.slack.com:8443/services/T/B/a",
            "https://hooks.slack.com/workflows/T/B/a",
            "https://hooks.slack.com/services/T/a",
            "https://hooks.slack.com/services/T//a",
        ] {
            assert_eq!(secret(bad), None, "{bad}");
        }
        assert!(WEBHOOK.is_at("/incoming_webhook/url") && WEBHOOK.is_at("/a/Incoming_Webhook/URL"));
        assert!(!WEBHOOK.is_at("/incoming_webhook/configuration_url") && !WEBHOOK.is_at("/url"));
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
