//! [`TokenRequest`]: a request whose answer may hold tokens.

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use exfilter_engine::{Action, Authority, HostPattern};
use exfilter_wire::fields::{self, Member};
use exfilter_wire::percent::{self, Plus};
use exfilter_wire::places::{self, Place};
use exfilter_wire::{Headers, RequestHead};
use zeroize::{Zeroize as _, Zeroizing};

use super::TokenEndpoints;
use super::answer::{TokenAnswer, WINDOW};
use super::endpoints::{Endpoint, normalised};
use super::known::MEMBERS;
use super::learned::{Asked, Wanted};
use super::resource::Resource;
use super::url::SecretUrl;
use crate::inspector::decoded;
use crate::substitute::accounts::{Asking, bearer};
use crate::substitute::{Substitutes, is_tls};

/// The longest body that is read for what is asked, in bytes.
pub(crate) const BODY_MAX: usize = 16 << 10;

/// The most fields of one.
pub(crate) const FIELDS_MAX: usize = 256;

/// What says that a request is for tokens, at a host that has an endpoint for them.
const GRANTS: [&str; 7] = [
    "grant_type",
    "device_code",
    "code_verifier",
    "refresh_token",
    "subject_token",
    "actor_token",
    "assertion",
];

/// All that a plain refresh says. With anything else an endpoint might take it for another grant.
const OF_A_REFRESH: [&str; 10] = [
    "grant_type",
    "refresh_token",
    "client_id",
    "client_secret",
    "scope",
    "resource",
    "audience",
    "redirect_uri",
    "client_info",
    // Why Codex asks.
    "refresh_reason",
];

/// The name of Copilot's token in an answer.
const COPILOTS: &[&str] = &["token"];

/// A request whose answer may hold tokens, from [`TokenEndpoints::request`].
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// Where the tokens belong; none if they are not kept.
    endpoint: Option<Arc<Endpoint>>,
    why: Why,
    other: Action,
    /// For which credentials they are given, if whose those are says whose they are.
    asking: Option<Asking>,
}

/// Why the tokens are not kept, if they are not.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    Kept,
    Unknown,
    Own,
    /// Copilot's, for a token of GitHub.
    Exchanged,
    /// They are asked for a server at which they would not be put in; with the line of the policy that would have it so.
    Elsewhere(Option<String>),
    Observed,
}

impl TokenEndpoints {
    /// What a request to `to` is, if its answer may hold tokens. `body` is the whole body, if that has at most 16 KiB. `logins` are the placeholders that are exchanged in this request: those of [`Logins`](super::Logins) may be others by then.
    pub fn request(
        &self,
        logins: &Substitutes,
        to: &Authority,
        head: &RequestHead,
        body: Option<&[u8]>,
    ) -> Option<TokenRequest> {
        let codings = head.codings();
        let is_coded = !codings.is_empty() && !codings.eq_ignore_ascii_case(b"identity");
        let plain = body.filter(|_| is_coded).and_then(|body| decoded(&codings, body, BODY_MAX, WINDOW));
        let text = if is_coded { plain.as_ref().map(|plain| &plain[..]) } else { body };
        let asked = text.and_then(|text| read(head, text));
        let resource = Resource::new(head, body, asked.as_deref());
        // Frameworks read these forms as they read the others, and one of a thousand fields too.
        let is_mentioned = (head.media_type() == b"multipart/form-data"
            || fields::has(head) && asked.is_none())
            && text.is_some_and(|text| text.windows(GRANTS[0].len()).any(|one| one == GRANTS[0].as_bytes()));
        let is_unread = is_unread(head, text, asked.as_deref());
        let asked = asked.unwrap_or_default();
        let says = |one: &str| {
            asked.iter().any(|member| name(member) == Some(one)) || head.target().parameter(one).is_some()
        };
        let is_read = matches!(head.method(), "GET" | "HEAD");
        // Some endpoints take it from the address.
        let is_named = says(GRANTS[0]) || is_mentioned;
        let says_grant = says(GRANTS[0])
            || !is_read && (GRANTS.iter().any(|one| says(one)) || says("code") && says("client_id"));
        let path = normalised(head.target().path());
        if let Some(asking) = copilot(to, head) {
            let (asking, other) = (Some(asking), Action::Report);
            return Some(TokenRequest { endpoint: None, why: Why::Exchanged, other, asking });
        }
        let learned = || {
            let wanted = Wanted {
                to,
                method: head.method(),
                spelled: head.target().path(),
                path: &path,
                // Nobody's word may have answers to anything else held.
                has_grant: says_grant,
                resource: resource.clone(),
            };
            self.learned_of(logins, &wanted)
        };
        let known = self.of(to, head.method(), &path, says_grant || is_mentioned);
        let known = known.map(|endpoint| Asked { endpoint, is_elsewhere: false });
        let Some(found) = known.or_else(learned) else {
            let unknown =
                TokenRequest { endpoint: None, why: Why::Unknown, other: self.other(), asking: None };
            return is_named.then_some(unknown);
        };
        let is_own = head.target().query().is_empty()
            && codings.is_empty()
            && body.is_some_and(|body| is_read_alike(head, body))
            && is_refresh_of_others(&asked, logins);
        let mut asking = None;
        let (endpoint, why) = if is_own {
            // What stands at other addresses of the host, somebody else may have put there.
            if !found.endpoint.is_learned() && found.endpoint.takes(to, Some(head)) {
                asking =
                    refresh_token(&asked).map(|token| Asking::new(vec![token], found.endpoint.good_at()));
            }
            (None, Why::Own)
        } else if self.lets_pass(&found) && !brings_placeholder(head, &asked, logins) {
            let line = resource.authority().and_then(|to| found.endpoint.line_with(to));
            (None, Why::Elsewhere(line))
        } else {
            let hosts = || found.endpoint.good_at();
            let grants = grants(head, &asked, is_unread);
            asking = (!grants.is_empty()).then(|| Asking::new(grants, hosts()));
            (Some(found.endpoint), Why::Kept)
        };
        Some(TokenRequest { endpoint, why, other: self.other(), asking })
    }
}

impl TokenRequest {
    /// Says that nothing is changed: the answer is looked at, and passes.
    pub fn observe(&mut self) -> &mut TokenRequest {
        (self.endpoint, self.why, self.other) = (None, Why::Observed, Action::Report);
        self.asking = None;
        self
    }

    /// Whether tokens in the answer are kept outside.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.endpoint.is_some()
    }

    /// Whether an answer with tokens that are not kept is refused.
    #[must_use]
    pub fn refuses_others(&self) -> bool {
        self.other == Action::Block && !self.keeps()
    }

    /// Begins with the answer, of which this is the head.
    #[must_use]
    pub fn answer(&self, status: u16, headers: &Headers) -> TokenAnswer {
        TokenAnswer::new(self.clone(), status, headers)
    }

    pub(super) fn endpoint(&self) -> Option<&Arc<Endpoint>> {
        self.endpoint.as_ref()
    }

    /// The names of tokens in the answer.
    pub(super) fn members(&self) -> &'static [&'static str] {
        match (&self.endpoint, &self.why) {
            (Some(endpoint), _) => endpoint.members,
            (None, Why::Exchanged) => COPILOTS,
            (None, _) => MEMBERS,
        }
    }

    /// For which credentials tokens are given.
    pub(super) fn asking(&self) -> Option<&Asking> {
        self.asking.as_ref()
    }

    /// The addresses in it that are credentials.
    pub(super) fn urls(&self) -> &'static [SecretUrl] {
        self.endpoint.as_ref().map_or(&[], |endpoint| endpoint.urls)
    }

    /// Why tokens are not kept, in words; where they belong, if they are.
    pub(super) fn words(&self) -> String {
        match (&self.endpoint, &self.why) {
            (Some(endpoint), _) => {
                let hint = endpoint.hint().unwrap_or_default();
                format!("placeholders, good at {}{hint}", endpoint.shown_hosts())
            }
            (None, Why::Own) => "as they are: they answer a refresh token that was there before".into(),
            (None, Why::Exchanged) => {
                "as they are: Copilot's own, which it gives for a token of GitHub".into()
            }
            (None, Why::Elsewhere(line)) => {
                let line = line.iter().map(|line| {
                    format!("; whoever trusts it with them writes {line}, and they stay outside")
                });
                let rest: String = line.collect();
                format!("as they are: they are asked for a server at which they would not be put in{rest}")
            }
            (None, Why::Observed) => "as they are: nothing is changed in mode observe".into(),
            _ => {
                "as they are: the address is no known token endpoint ([oauth.endpoints] in the policy)".into()
            }
        }
    }
}

/// Where Copilot's clients exchange a token of GitHub for one of Copilot's, which is good for half an hour.
fn copilot(to: &Authority, head: &RequestHead) -> Option<Asking> {
    let is_it = is_tls(to)
        && to.host() == "api.github.com"
        && head.target().path() == b"/copilot_internal/v2/token"
        && head.method() == "GET";
    let hosts = || HostPattern::parse(b"*.githubcopilot.com").into_iter().collect();
    bearer(head).filter(|_| is_it).map(|bearer| Asking::new(vec![bearer], hosts()))
}

/// The token of a plain refresh.
fn refresh_token(asked: &[Member]) -> Option<Zeroizing<Vec<u8>>> {
    let member = asked.iter().find(|member| name(member) == Some("refresh_token"))?;
    Some(Zeroizing::new(member.value.to_vec()))
}

/// All credentials for which a request asks for tokens: whose they are says whose the tokens are. None for a login, which brings a code. An empty one stands for what cannot be told.
fn grants(head: &RequestHead, asked: &[Member], is_unread: bool) -> Vec<Zeroizing<Vec<u8>>> {
    let target = head.target().as_bytes();
    let members = asked.iter().filter_map(|member| Some((plain_name(name(member)?), member.value.to_vec())));
    let parameters = head.target().parameters().map(|(name, value)| {
        let name = percent::decode(&target[name], Plus::Blank);
        (plain_name(&String::from_utf8_lossy(&name)), percent::decode(&target[value], Plus::Blank))
    });
    let all: Vec<(String, Zeroizing<Vec<u8>>)> =
        members.chain(parameters).map(|(name, value)| (name, Zeroizing::new(value))).collect();
    let types: Vec<&[u8]> =
        all.iter().filter(|(name, _)| name == "granttype").map(|(_, value)| &value[..]).collect();
    let for_itself = types.iter().any(|one| !LOGINS.contains(one) && !BY_TOKENS.contains(one));
    let is_one = |name: &str| CREDENTIALS.contains(&name) || for_itself && OF_CLIENTS.contains(&name);
    let mut grants: Vec<Zeroizing<Vec<u8>>> = all
        .iter()
        .filter(|(name, value)| is_one(name) && !value.is_empty())
        .map(|(_, value)| value.clone())
        .collect();
    if for_itself {
        grants.extend(authorization(head));
    }
    let is_login = types.iter().all(|one| LOGINS.contains(one));
    if is_unread || grants.is_empty() && !is_login {
        grants.push(Zeroizing::default());
    }
    grants
}

/// Names of credentials for which tokens are given, of which none is for once (RFC 6749 section 6, RFC 7521 section 4.1, RFC 8693 section 2.1), as [`plain_name`] has them.
const CREDENTIALS: [&str; 3] = ["refreshtoken", "assertion", "subjecttoken"];

/// The same of a client that asks for itself, or with a password (RFC 6749 sections 4.3 and 4.4, RFC 7523 section 2.2).
const OF_CLIENTS: [&str; 3] = ["clientsecret", "clientassertion", "password"];

/// Grants by what a person has just allowed (RFC 6749 section 4.1, RFC 8628 section 3.4).
const LOGINS: [&[u8]; 2] = [b"authorization_code", b"urn:ietf:params:oauth:grant-type:device_code"];

/// Grants by one of [`CREDENTIALS`]: who the client is says nothing there.
const BY_TOKENS: [&[u8]; 4] = [
    b"refresh_token",
    b"urn:ietf:params:oauth:grant-type:jwt-bearer",
    b"urn:ietf:params:oauth:grant-type:saml2-bearer",
    b"urn:ietf:params:oauth:grant-type:token-exchange",
];

/// A name as any server may read it: Google takes `subjectToken` too, and some frameworks `name[]`.
fn plain_name(name: &str) -> String {
    let name = name.split('[').next().unwrap_or_default();
    name.chars().filter(|one| !matches!(one, '_' | '-')).map(|one| one.to_ascii_lowercase()).collect()
}

/// The credentials in `Authorization`: of a name and a password the latter.
fn authorization(head: &RequestHead) -> Vec<Zeroizing<Vec<u8>>> {
    let texts = places::texts(head);
    let fields =
        texts.iter().filter(|text| matches!(&text.place, Place::Header(name) if name == "authorization"));
    let last = |text: &places::Text| text.parts.last().map_or(&text.bytes, |part| &part.value).clone();
    fields.map(last).map(Zeroizing::new).collect()
}

/// Whether a request may ask for tokens in what is not read, or in what another one reads otherwise.
fn is_unread(head: &RequestHead, text: Option<&[u8]>, asked: Option<&[Member]>) -> bool {
    let is_otherwise = |text: &[u8]| match is_form(head) {
        true => text.iter().any(|byte| b";{<\"\\\r\n".contains(byte)),
        false => !is_read_alike(head, text),
    };
    let is_body_unread = match text {
        None => !matches!(head.method(), "GET" | "HEAD"),
        Some(text) => {
            let is_nothing = matches!(text.trim_ascii(), b"" | b"null");
            !is_nothing && (asked.is_none() || is_otherwise(text))
        }
    };
    is_body_unread || head.target().query().contains(&b';')
}

/// Whether a token that is kept is put into a request, or may be: what comes of it is kept, too.
fn brings_placeholder(head: &RequestHead, asked: &[Member], logins: &Substitutes) -> bool {
    let fields = head.headers().iter().map(|(_, value)| value);
    let values = asked.iter().map(|member| &member.value[..]).chain(fields);
    values.into_iter().any(|value| logins.is_in(value))
}

/// Members of a form or a document, whose values are wiped: any may be a credential.
#[derive(Default)]
pub(crate) struct Members(Vec<Member>);

impl Members {
    pub(crate) fn new(members: Vec<Member>) -> Members {
        Members(members)
    }
}

impl DerefMut for Members {
    fn deref_mut(&mut self) -> &mut [Member] {
        &mut self.0
    }
}

impl Deref for Members {
    type Target = [Member];

    fn deref(&self) -> &[Member] {
        &self.0
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|member| member.value.zeroize());
    }
}

/// The members of a form or a document, if a request has one and it is not coded.
pub(crate) fn members(head: &RequestHead, body: &[u8]) -> Option<Members> {
    if head.codings().is_empty() { read(head, body) } else { None }
}

/// The same of a body that is decoded.
fn read(head: &RequestHead, body: &[u8]) -> Option<Members> {
    if body.len() > BODY_MAX || !fields::has(head) {
        return None;
    }
    let members = match is_form(head) {
        true => fields::fields(body, FIELDS_MAX),
        false => fields::document(body, FIELDS_MAX),
    };
    members.map(Members::new)
}

/// The name of a field, or of a member of the document itself.
pub(crate) fn name(member: &Member) -> Option<&str> {
    match &member.place {
        Place::Field(name) => std::str::from_utf8(name).ok(),
        Place::Json(pointer) => pointer.strip_prefix('/').filter(|name| !name.contains('/')),
        _ => None,
    }
}

/// Whether a body says the same to every reader: some servers end a field of a form at `;` too, and some read a form whatever it says that it is.
pub(super) fn is_read_alike(head: &RequestHead, body: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._~%+*/:=&-".contains(byte);
    if is_form(head) {
        body.iter().all(is_plain)
    } else {
        !body.iter().any(|byte| matches!(byte, b'&' | b';'))
    }
}

fn is_form(head: &RequestHead) -> bool {
    head.media_type() == b"application/x-www-form-urlencoded"
}

/// Whether it is a plain refresh by a token that is not from here. Who has that has it already, and its file would be left with a placeholder that ends with the session.
fn is_refresh_of_others(asked: &[Member], logins: &Substitutes) -> bool {
    let names: Vec<&str> = asked.iter().map(|member| name(member).unwrap_or_default()).collect();
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    let value =
        |of: &str| asked.iter().find(|member| name(member) == Some(of)).map(|member| &member.value[..]);
    let is_other = |token: &[u8]| !token.is_empty() && !logins.has_placeholder(token);
    distinct.len() == names.len()
        && names.iter().all(|name| OF_A_REFRESH.contains(name))
        && value("grant_type") == Some(b"refresh_token")
        && value("refresh_token").is_some_and(is_other)
}
