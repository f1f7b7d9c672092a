//! Which variables hold secrets, and what the command gets instead.

use std::ffi::OsString;

use exfilter::substitute::{AwsKeys, Substitutes};
use exfilter::wire::percent::{self, Plus};
use exfilter::{Authority, Binding, Engine, Flow, KeyClass, KnownSecrets};
use exfilter_store::Store;
use zeroize::Zeroizing;

use crate::env::{self, Found, Refused};
use crate::fault::Fault;
use crate::secrets::open::{self, KEY_VARIABLE};
use crate::secrets::recognise::Recogniser;
use crate::text::escape;

/// The variables in which programs look for keys of AWS: the id, its secret, the token of a session.
const AWS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// The variables with fields of requests to collectors of OpenTelemetry, which let in there.
const TELEMETRY: [&str; 4] = [
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
];

/// Variables with keys of language models, and those in which programs look for the address that they are meant for, if it is not the provider's: a company's gateway.
const GATEWAYS: [(&str, &str); 9] = [
    ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
    ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"),
    ("OPENAI_API_KEY", "OPENAI_BASE_URL"),
    ("CODEX_API_KEY", "OPENAI_BASE_URL"),
    ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"),
    ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
    ("COPILOT_PROVIDER_API_KEY", "COPILOT_PROVIDER_BASE_URL"),
    ("LITELLM_API_KEY", "LITELLM_API_BASE"),
    ("HF_TOKEN", "HF_ENDPOINT"),
];

/// Where such programs put them.
const GATEWAY_SLOTS: [&str; 4] =
    ["header:authorization:bearer", "header:x-api-key", "header:api-key", "header:x-goog-api-key"];

/// To whom signatures are made with them.
const AWS_HOSTS: &str = "AWS, in signatures,";

/// A variable of this process.
pub(super) struct Variable {
    name: OsString,
    /// As it is printed and compared.
    shown: String,
    value: Zeroizing<Vec<u8>>,
}

/// What becomes of the environment.
pub(super) struct Prepared {
    /// The secrets of the environment and the store, for the engine.
    pub(super) known: KnownSecrets,
    /// Those that are put into requests.
    pub(super) real: KnownSecrets,
    pub(super) substitutes: Substitutes,
    /// Lines about what was replaced or removed.
    pub(super) notes: Vec<String>,
    /// Variables with what the command gets instead: a placeholder, or nothing.
    pub(super) changes: Vec<(OsString, Option<String>)>,
}

/// Options of [`prepare`].
pub(super) struct Wishes<'a> {
    pub(super) keep: &'a [String],
    pub(super) further: &'a [String],
    /// Only looks, and changes nothing.
    pub(super) observe: bool,
}

/// The variables of this process.
pub(super) fn variables() -> Vec<Variable> {
    std::env::vars_os()
        .map(|(name, value)| Variable {
            shown: escape(name.as_encoded_bytes()),
            name,
            value: Zeroizing::new(value.into_encoded_bytes()),
        })
        .collect()
}

/// Finds the secrets in `variables` and makes placeholders for those that belong somewhere.
///
/// # Errors
///
/// No random numbers, or a store that cannot be read.
pub(super) fn prepare(
    variables: &[Variable],
    wishes: &Wishes<'_>,
    store: Option<&Store>,
    known: KnownSecrets,
    keys: &mut impl FnMut() -> Result<exfilter::StoreKey, Fault>,
    seed: [u8; 32],
) -> Result<Prepared, Fault> {
    let mut recogniser = Recogniser::new()?;
    let (real, substitutes) = (KnownSecrets::new(keys()?), Substitutes::new(seed));
    let mut prepared = Prepared { known, real, substitutes, notes: Vec::new(), changes: Vec::new() };
    let found = secrets(variables, wishes.further, &mut recogniser);
    let aws = if wishes.observe { Vec::new() } else { prepared.aws(variables, &found, wishes.keep) };
    for found in found {
        let mut bindings = bindings(&found, store, &mut recogniser)?;
        bindings.extend(at_gateways(variables, &found.value));
        // One that is too weak to be looked for is taken away all the same.
        let weak = prepared.known.add(&found.names, &found.value, bindings.clone()).err();
        if wishes.observe {
            continue;
        }
        let carriers: Vec<&Variable> =
            variables.iter().filter(|variable| *variable.value == *found.value).collect();
        let (kept, changed): (Vec<&Variable>, Vec<&Variable>) =
            carriers.into_iter().partition(|variable| is_kept(&variable.shown, wishes.keep));
        if !kept.is_empty() || changed.is_empty() {
            for variable in kept {
                prepared.notes.push(format!("{} is passed on as it is (--keep)", variable.shown));
            }
            if changed.is_empty() {
                continue;
            }
        }
        let signs = aws.iter().find(|(value, _)| **value == *found.value);
        let instead = match weak {
            None if let Some((_, placeholder)) = signs => Ok((placeholder.clone(), AWS_HOSTS.to_owned())),
            None => prepared.placeholder(&found, bindings),
            Some(refusal) => Err(refusal.to_string()),
        };
        for variable in changed {
            let (line, placeholder) = match &instead {
                Ok((placeholder, hosts)) => (
                    format!("{} is a placeholder; the real value goes to {hosts} alone", variable.shown),
                    Some(placeholder.clone()),
                ),
                Err(why) => (format!("{} is taken away: {why}", variable.shown), None),
            };
            prepared.notes.push(line);
            prepared.changes.push((variable.name.clone(), placeholder));
        }
    }
    prepared.changes.push((KEY_VARIABLE.into(), None));
    Ok(prepared)
}

impl Prepared {
    /// Makes a placeholder; also the hosts at which it is exchanged. The error says why there is none, and what to do.
    fn placeholder(&mut self, found: &Found, bindings: Vec<Binding>) -> Result<(String, String), String> {
        let mut hosts: Vec<String> = bindings.iter().map(|binding| binding.host.to_string()).collect();
        hosts.sort();
        hosts.dedup();
        let more = hosts.len().saturating_sub(3);
        hosts.truncate(3);
        let mut hosts = hosts.join(", ");
        if more > 0 {
            hosts.push_str(&format!(" and {more} more"));
        }
        // First, so that whatever is put in can be taken out of answers.
        self.real.add(&found.names, &found.value, Vec::new()).map_err(|refusal| refusal.to_string())?;
        match self.substitutes.add(&found.names, &found.value, bindings) {
            Ok(placeholder) => Ok((placeholder.to_owned(), hosts)),
            Err(error) if error.code() == "E_UNBOUND" => Err(format!(
                "nobody knows where it belongs; enrol it (exfilter secrets add), say where (exfilter secrets bind), or give --keep {}",
                found.variable
            )),
            Err(error) => Err(format!("{error}; {}", error.remedy())),
        }
    }

    /// Placeholders of the keys of AWS, by their values, where there is a pair: with them is signed, so they are none for themselves.
    fn aws(
        &mut self,
        variables: &[Variable],
        found: &[Found],
        keep: &[String],
    ) -> Vec<(Zeroizing<Vec<u8>>, String)> {
        let of = |name: &str| {
            let variable =
                variables.iter().find(|variable| variable.shown == name && !is_kept(name, keep))?;
            found.iter().find(|found| found.value == variable.value).map(|found| found.value.clone())
        };
        let (Some(id), Some(secret)) = (of(AWS[0]), of(AWS[1])) else { return Vec::new() };
        let token = of(AWS[2]);
        // First, so that whatever is put in can be taken out of answers.
        let mut values = vec![(AWS[0], id), (AWS[1], secret)];
        values.extend(token.map(|token| (AWS[2], token)));
        if values.iter().any(|(name, value)| self.real.add(name, value, Vec::new()).is_err()) {
            return Vec::new();
        }
        let keys = AwsKeys {
            id: &values[0].1,
            secret: &values[1].1,
            token: values.get(2).map(|(_, token)| &token[..]),
        };
        let Ok(made) = self.substitutes.add_aws(AWS[0], keys) else { return Vec::new() };
        let made = [Some(made.id), Some(made.secret), made.token].into_iter().flatten();
        values.into_iter().map(|(_, value)| value).zip(made).collect()
    }

    /// Takes away the headers for a collector of telemetry, and looks for their values; where this process uses them itself, also if nothing else is changed.
    pub(super) fn withhold(
        &mut self,
        variables: &[Variable],
        wishes: &Wishes<'_>,
        store: Option<&Store>,
        is_used: bool,
    ) {
        for variable in variables {
            let is_header = TELEMETRY.contains(&variable.shown.as_str());
            if !is_header || variable.value.is_empty() || is_kept(&variable.shown, wishes.keep) {
                continue;
            }
            for pair in variable.value.split(|byte| *byte == b',') {
                let Some(at) = pair.iter().position(|byte| *byte == b'=') else { continue };
                let value = Zeroizing::new(percent::decode(&pair[at + 1..], Plus::Itself));
                let value = value.trim_ascii();
                // What is behind a scheme too. Values that are too weak to be looked for are none that open anything.
                let behind = value.iter().position(|byte| *byte == b' ').map(|at| &value[at + 1..]);
                let is_one = behind.is_some() || is_credential(&pair[..at]);
                for one in [Some(value), behind].into_iter().flatten().filter(|_| is_one) {
                    // One that is enrolled anyway, from the store or another variable, has its own places.
                    let is_known = store.is_some_and(|store| matches!(store.name_of(one), Ok(Some(_))))
                        || variables.iter().any(|other| other.value.as_slice() == one);
                    if !is_known {
                        let _ = self.known.add(&variable.shown, one, Vec::new());
                    }
                }
            }
            if wishes.observe && !is_used {
                continue;
            }
            let before = self.changes.iter().find(|(name, _)| *name == variable.name);
            if before.is_some_and(|(_, placeholder)| placeholder.is_none()) {
                continue;
            }
            self.changes.retain(|(name, _)| *name != variable.name);
            self.changes.push((variable.name.clone(), None));
            self.notes.push(format!(
                "{} is taken away: it lets in at a collector of telemetry; or give --keep {0}",
                variable.shown
            ));
        }
    }

    /// Takes away the variables in whose value the engine still finds what it would not let out: a header with a token in it, a key file.
    pub(super) fn sweep(&mut self, variables: &[Variable], keep: &[String], engine: &Engine) {
        for variable in variables {
            let is_changed = self.changes.iter().any(|(name, _)| *name == variable.name);
            if is_changed || is_kept(&variable.shown, keep) {
                continue;
            }
            let text = Zeroizing::new([variable.name.as_encoded_bytes(), b"=", &variable.value].concat());
            let mut stream = engine.stream(Flow::outbound_unknown());
            let (pushed, last) = (stream.push(&text), stream.finish());
            if pushed.is_block() || last.is_block() {
                self.notes.push(format!(
                    "{} is taken away: a secret stands in its value; or give --keep {0}",
                    variable.shown
                ));
                self.changes.push((variable.name.clone(), None));
            }
        }
    }
}

/// The values that are secrets: by the names of their variables, or by a rule.
fn secrets(variables: &[Variable], further: &[String], recogniser: &mut Recogniser) -> Vec<Found> {
    let mut refused: Vec<Refused> = Vec::new();
    let pairs = || variables.iter().map(|variable| (variable.shown.clone(), variable.value.clone()));
    let mut found = env::chosen(pairs(), further, &mut refused);
    for (name, value) in pairs() {
        let is_there = found.iter().any(|found| found.value == value);
        if is_there || value.len() < 12 || value.len() > 8 << 10 {
            continue;
        }
        let is_key = recogniser
            .recognise(&name, &value)
            .is_some_and(|rule| !rule.documented && rule.class != KeyClass::Publishable);
        if is_key {
            found.push(Found { names: name.clone(), variable: name, value });
        }
    }
    found
}

/// Whether the value of a field of this name lets in: others, like a dataset's name, stand in many requests.
fn is_credential(field: &[u8]) -> bool {
    let field = field.to_ascii_lowercase();
    [&b"auth"[..], b"key", b"token", b"secret", b"pass", b"credential", b"team"]
        .iter()
        .any(|word| field.windows(word.len()).any(|part| part == *word))
}

/// Where a value belongs: as the store says, or the rule that knows it.
fn bindings(
    found: &Found,
    store: Option<&Store>,
    recogniser: &mut Recogniser,
) -> Result<Vec<Binding>, Fault> {
    let mut places: Vec<(String, String)> = Vec::new();
    if let Some(store) = store {
        let name = store.name_of(&found.value).map_err(|error| open::secret_fault("store", &error))?;
        let record = store.records().iter().find(|record| Some(record.name()) == name);
        places.extend(record.into_iter().flat_map(|record| record.bindings().to_vec()));
    }
    if places.is_empty() {
        places = recogniser.recognise(&found.variable, &found.value).map_or(Vec::new(), |rule| rule.bindings);
    }
    Ok(open::bindings(&places))
}

/// The addresses that the variables beside a value name for it. Whoever has set them has said by that where it goes.
fn at_gateways(variables: &[Variable], value: &[u8]) -> Vec<Binding> {
    let of = |name: &str| variables.iter().find(|variable| variable.shown == name);
    let carried = GATEWAYS.iter().filter(|(key, _)| of(key).is_some_and(|key| *key.value == value));
    let hosts = carried.filter_map(|(_, address)| {
        // Without TLS whoever answers may be anybody.
        let rest = std::str::from_utf8(&of(address)?.value).ok()?.strip_prefix("https://")?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = Authority::parse(format!("https://{host}").as_bytes()).ok()?.host().to_owned();
        Some(GATEWAY_SLOTS.map(|slot| (host.clone(), slot.to_owned())))
    });
    open::bindings(&hosts.flatten().collect::<Vec<_>>())
}

fn is_kept(name: &str, keep: &[String]) -> bool {
    keep.iter().any(|pattern| env::matches(pattern, name))
}
