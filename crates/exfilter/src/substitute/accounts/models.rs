//! Hosts of language models, and where a request to one has credentials.

use exfilter_engine::{HostPattern, Slot};
use exfilter_wire::RequestHead;
use exfilter_wire::places::{Place, Text};
use zeroize::Zeroizing;

use crate::inspector::slot;

/// Hosts of one provider, and the parts of heads in which it takes credentials.
struct Model {
    hosts: &'static [&'static str],
    /// Whether one account is meant at all of them; else each of them is a customer's.
    is_one: bool,
    headers: &'static [&'static str],
    parameters: &'static [&'static str],
    /// What names of cookies begin with.
    cookies: &'static [&'static str],
}

const fn model(hosts: &'static [&'static str], headers: &'static [&'static str]) -> Model {
    Model { hosts, is_one: true, headers, parameters: &[], cookies: &[] }
}

const BEARER: &[&str] = &["authorization"];

/// A subprotocol of WebSocket that is a key: <https://developers.openai.com/api/docs/guides/realtime-websocket>.
const PROTOCOLS: &str = "sec-websocket-protocol";
const KEY_PROTOCOL: &[u8] = b"openai-insecure-api-key.";

const MODELS: &[Model] = &[
    model(&["api.anthropic.com", "mcp-proxy.anthropic.com"], &["authorization", "x-api-key"]),
    model(&["api.openai.com", "eu.api.openai.com", "us.api.openai.com"], &["authorization", PROTOCOLS]),
    Model {
        cookies: &["__Secure-next-auth.session-token"],
        ..model(&["chatgpt.com", "*.chatgpt.com"], BEARER)
    },
    model(&["*.githubcopilot.com"], BEARER),
    // https://docs.cloud.google.com/apis/docs/system-parameters
    Model {
        parameters: &["key", "$key", "access_token", "oauth_token"],
        ..model(&["generativelanguage.googleapis.com"], &["authorization", "x-goog-api-key"])
    },
    Model {
        parameters: &["key", "$key", "access_token", "oauth_token"],
        ..model(&["cloudcode-pa.googleapis.com"], &["authorization", "x-goog-api-key"])
    },
    Model {
        is_one: false,
        parameters: &["api-key", "subscription-key"],
        ..model(&["*.openai.azure.com"], &["authorization", "api-key", "ocp-apim-subscription-key"])
    },
    model(&["api.mistral.ai"], BEARER),
    model(&["api.x.ai"], &["authorization", "x-api-key"]),
    model(&["openrouter.ai"], BEARER),
    model(&["api.groq.com"], BEARER),
];

/// Whatever a gateway may take.
const OTHER: Model =
    Model { is_one: false, ..model(&[], &["authorization", "x-api-key", "api-key", "x-goog-api-key"]) };

/// Where a request goes: at which hosts the same account is meant, and where its credentials stand.
pub(super) struct At<'a> {
    model: &'static Model,
    /// The name of the group of hosts.
    pub(super) group: &'a str,
    /// The pattern by which each host is a group of its own.
    each: Option<HostPattern>,
}

/// A credential in a head.
pub(super) struct Credential<'a> {
    pub(super) text: &'a Text,
    /// The place, and the slot that it is.
    pub(super) at: &'a Place,
    pub(super) slot: Slot,
    /// What stands in it.
    pub(super) value: &'a [u8],
    /// The credential in it.
    pub(super) bare: Zeroizing<Vec<u8>>,
    /// For people.
    pub(super) place: String,
}

/// The group of a host of a language model, of which `further` are some too.
pub(super) fn of<'a>(host: &'a str, further: &[HostPattern]) -> Option<At<'a>> {
    let is_at = |name: &&str| HostPattern::parse(name.as_bytes()).is_ok_and(|pattern| pattern.matches(host));
    let known = MODELS.iter().find(|model| model.hosts.iter().any(is_at));
    let other = || further.iter().any(|pattern| pattern.matches(host)).then_some(&OTHER);
    let model = known.or_else(other)?;
    let pattern =
        |name: &&str| HostPattern::parse(name.as_bytes()).ok().filter(|pattern| pattern.matches(host));
    let each = match model.hosts {
        [] => further.iter().find(|pattern| pattern.matches(host)).cloned(),
        hosts => hosts.iter().find_map(pattern),
    };
    let group = if model.is_one { model.hosts[0] } else { host };
    Some(At { model, group, each: each.filter(|_| !model.is_one) })
}

/// Whether a group stands in the table.
pub(super) fn is_group(name: &str) -> bool {
    MODELS.iter().any(|model| model.is_one && model.hosts[0] == name)
}

/// The groups of which patterns name a host, or one above it.
pub(super) fn groups(patterns: &[HostPattern]) -> impl Iterator<Item = &'static str> {
    let is_named = |name: &&str| {
        let is_above = patterns.iter().any(|pattern| pattern.matches(name));
        is_above || HostPattern::parse(name.as_bytes()).is_ok_and(|pattern| patterns.contains(&pattern))
    };
    let named = MODELS.iter().filter(move |model| model.is_one && model.hosts.iter().any(&is_named));
    named.map(|model| model.hosts[0])
}

impl At<'_> {
    /// Whether another group is of the same suffix: another customer's host, or another gateway's.
    pub(super) fn is_beside(&self, group: &str) -> bool {
        self.each.as_ref().is_some_and(|pattern| pattern.matches(group))
    }

    /// The credentials in the texts of a head.
    pub(super) fn credentials<'a>(&self, texts: &'a [Text]) -> Vec<Credential<'a>> {
        let mut all = Vec::new();
        for text in texts {
            if let Place::Header(name) = &text.place
                && self.model.headers.contains(&name.as_str())
            {
                let place = format!("header:{name}");
                for bare in values(name, &text.bytes) {
                    let (slot, bare) = (slot(&text.place), Zeroizing::new(bare.to_vec()));
                    all.push(Credential {
                        text,
                        at: &text.place,
                        slot,
                        value: &text.bytes,
                        bare,
                        place: place.clone(),
                    });
                }
            }
            for part in &text.parts {
                let is_one = match &part.place {
                    Place::Parameter(name) => self.model.parameters.iter().any(|one| one.as_bytes() == name),
                    Place::Cookie(name) => {
                        self.model.cookies.iter().any(|one| name.starts_with(one.as_bytes()))
                    }
                    _ => false,
                };
                let bare = part.value.trim_ascii();
                if is_one && !bare.is_empty() {
                    let (slot, bare) = (slot(&part.place), Zeroizing::new(bare.to_vec()));
                    let place = part.place.kind().to_owned();
                    all.push(Credential { text, at: &part.place, slot, value: &part.value, bare, place });
                }
            }
        }
        all
    }
}

/// The credentials in a field of a head.
fn values<'a>(name: &str, value: &'a [u8]) -> Vec<&'a [u8]> {
    if name == PROTOCOLS {
        let items = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        return items.filter_map(|item| item.strip_prefix(KEY_PROTOCOL)).collect();
    }
    Some(behind_scheme(value)).filter(|bare| !bare.is_empty()).into_iter().collect()
}

/// What follows the scheme of a field, if that is a usual one; else all of it.
pub(super) fn behind_scheme(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    let end = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    let is_scheme =
        ["bearer", "token", "basic"].iter().any(|one| value[..end].eq_ignore_ascii_case(one.as_bytes()));
    if is_scheme { value[end..].trim_ascii() } else { value }
}

/// The credential in `Authorization`, if there is one such field.
pub(in crate::substitute) fn bearer(head: &RequestHead) -> Option<Zeroizing<Vec<u8>>> {
    let mut fields = head.headers().all("authorization");
    let (Some(field), None) = (fields.next(), fields.next()) else { return None };
    Some(behind_scheme(field)).filter(|bare| !bare.is_empty()).map(|bare| Zeroizing::new(bare.to_vec()))
}
