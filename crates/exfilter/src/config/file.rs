//! [`Config`]: what a policy file says.

use std::time::Duration;

use exfilter_engine::{Action, Confidence, HostPattern, Limits, Mode, OpaqueReason, Policy, Quarantine};

use super::ConfigError;
use super::table::{Document, Table};
use crate::Inspection;
use crate::substitute::{TokenEndpoints, Trust};

/// A policy file that was read. The default is what an empty one says.
#[derive(Clone, Debug, Default)]
pub struct Config {
    mode: Mode,
    strict_examples: bool,
    foreign: Option<Action>,
    accounts: Trust,
    policy: Policy,
    hosts: Hosts,
    /// Why content may be left unexamined.
    passes: Vec<OpaqueReason>,
    /// What it sets, in order.
    limits: Vec<(&'static str, u64)>,
    body: Option<u64>,
    quarantine_hits: Option<u32>,
    quarantine_minutes: Option<u64>,
    token_endpoints: TokenEndpoints,
}

#[derive(Clone, Debug, Default)]
struct Hosts {
    allow: Option<Vec<HostPattern>>,
    deny: Vec<HostPattern>,
    tunnel: Vec<HostPattern>,
    llm: Vec<HostPattern>,
}

const FIELDS: [&str; 12] = [
    "version",
    "mode",
    "strict_examples",
    "foreign",
    "accounts",
    "actions",
    "opaque",
    "hosts",
    "limits",
    "hold",
    "quarantine",
    "oauth",
];

const MODES: [(&str, Mode); 2] = [("enforce", Mode::Enforce), ("observe", Mode::Observe)];

const TRUSTS: [(&str, Trust); 3] = [("first", Trust::First), ("known", Trust::Known), ("any", Trust::Any)];

const ACTIONS: [(&str, Action); 4] = [
    ("allow", Action::Allow),
    ("report", Action::Report),
    ("redact", Action::Redact),
    ("block", Action::Block),
];

const CONFIDENCES: [(&str, Confidence); 4] = [
    ("low", Confidence::Low),
    ("medium", Confidence::Medium),
    ("high", Confidence::High),
    ("confirmed", Confidence::Confirmed),
];

/// Limits that count, with the most that makes sense.
const COUNTS: [(&str, u64); 7] = [
    ("findings", 10_000_000),
    ("opaques", 10_000_000),
    ("lanes", 1024),
    ("containers", 64),
    ("shapes", 16),
    ("ratio", 1_000_000),
    ("members", 1 << 32),
];

/// Limits in bytes, likewise.
const BYTES: [(&str, u64); 5] = [
    ("ratio_grace", 1 << 40),
    ("output", 1 << 44),
    ("window", 2 << 30),
    ("windows", 16 << 30),
    ("bases", 64 << 30),
];

/// The field of `hold` that is one of the limits.
const STREAM: &str = "stream";
const STREAM_MAX: u64 = 1 << 30;
const BODY_MAX: u64 = 4 << 30;

/// The field of `oauth` that is a table.
const ENDPOINTS: &str = "endpoints";

/// The longest time within which hits are counted, in minutes: a week.
const MINUTES_MAX: u64 = 7 * 24 * 60;

impl Config {
    /// Reads a policy file. `name` is what errors call it; nothing is read from disk.
    ///
    /// # Errors
    ///
    /// The first fault, with its line, its field and what to write instead.
    pub fn parse(name: &str, text: &str) -> Result<Config, ConfigError> {
        let document = Document { name, text };
        let fields = document.parse()?;
        let top = Table::new(document, &fields, &FIELDS)?;
        if top.number("version", 0..=u64::MAX)?.is_none() {
            return Err(top.wrong("version", "is missing; write version = 1 above everything else"));
        }
        top.number("version", 1..=1)?;
        let mut config = Config {
            mode: top.word("mode", "mode", &MODES)?.unwrap_or_default(),
            strict_examples: top.flag("strict_examples")?.unwrap_or_default(),
            foreign: top.word("foreign", "action for foreign keys", &[ACTIONS[1], ACTIONS[3]])?,
            accounts: top.word("accounts", "word for accounts", &TRUSTS)?.unwrap_or_default(),
            ..Config::default()
        };
        config.policy.mode(config.mode).strict_examples(config.strict_examples);
        config.read_actions(&top)?;
        config.read_opaque(&top)?;
        config.read_hosts(&top)?;
        config.read_limits(&top)?;
        config.read_quarantine(&top)?;
        config.read_oauth(&top)?;
        Ok(config)
    }

    /// The policy of an engine.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The bounds of an engine's streams.
    pub fn limits(&self) -> Limits {
        self.limits_over(Limits::default())
    }

    /// The same, where what the file leaves out has other defaults.
    pub fn limits_over(&self, mut limits: Limits) -> Limits {
        for (name, value) in &self.limits {
            let value = *value;
            // Each was found to be in its range, which fits.
            match *name {
                "findings" => limits.findings = value as u32,
                "opaques" => limits.opaques = value as u32,
                "lanes" => limits.lanes = value as u32,
                "containers" => limits.containers = value as u8,
                "shapes" => limits.shapes = value as u8,
                "ratio" => limits.ratio = value,
                "members" => limits.members = value,
                "ratio_grace" => limits.ratio_grace = value,
                "output" => limits.output = value,
                "window" => limits.window = value,
                "windows" => limits.windows = value,
                "bases" => limits.bases = value,
                STREAM => limits.max_hold = value,
                _ => unreachable!("there are no other limits"),
            }
        }
        limits
    }

    /// Whether anything is blocked or redacted.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Overrules the file's mode.
    pub fn set_mode(&mut self, mode: Mode) -> &mut Config {
        self.mode = mode;
        self.policy.mode(mode);
        self
    }

    /// Whether keys of providers' documentation are keys like any other.
    pub fn strict_examples(&self) -> bool {
        self.strict_examples
    }

    /// What is done about a provider's key that is not enrolled, where that provider takes it: [`Action::Report`] or [`Action::Block`].
    pub fn foreign(&self) -> Action {
        self.foreign.unwrap_or(Action::Report)
    }

    /// Which credentials are the session's own at hosts of language models ([`Accounts`](crate::substitute::Accounts)). In mode observe nobody asks.
    pub fn accounts(&self) -> Trust {
        if self.mode == Mode::Observe { Trust::Any } else { self.accounts }
    }

    /// The hosts of language models that the file names.
    pub fn models(&self) -> &[HostPattern] {
        &self.hosts.llm
    }

    /// Says to an inspection of requests what the file says about them. In mode observe nothing is refused.
    pub fn apply(&self, inspection: &mut Inspection) {
        inspection.own_keys(if self.mode == Mode::Observe { Action::Report } else { self.foreign() });
        if let Some(bytes) = self.body {
            inspection.replace_max(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
    }

    /// What counts the hits of a session, with none so far. In mode observe nothing is refused, so it never begins.
    pub fn quarantine(&self) -> Quarantine {
        let hits = match self.mode {
            Mode::Observe => 0,
            Mode::Enforce => self.quarantine_hits.unwrap_or(Quarantine::HITS),
        };
        let within = self.quarantine_minutes.map_or(Quarantine::WITHIN, |n| Duration::from_secs(60 * n));
        Quarantine::new(hits, within)
    }

    /// Where logins get their tokens, and where those belong: the built-in ones and the file's.
    pub fn token_endpoints(&self) -> &TokenEndpoints {
        &self.token_endpoints
    }

    /// Whether a proxy learns from what a host, in its canonical spelling, says of token endpoints ([`LearnedEndpoints`](crate::substitute::LearnedEndpoints)): from those that the file names, and where it says nothing from all that may be reached.
    pub fn learns_from(&self, host: &str) -> bool {
        self.admits(host) && self.token_endpoints.learns_from(host)
    }

    /// Whether a host, in its canonical spelling ([`Authority::host`](crate::Authority::host)), may be reached. In mode observe any may.
    pub fn admits(&self, host: &str) -> bool {
        let matches = |patterns: &[HostPattern]| patterns.iter().any(|pattern| pattern.matches(host));
        self.mode == Mode::Observe
            || !matches(&self.hosts.deny) && self.hosts.allow.as_deref().is_none_or(matches)
    }

    /// Whether a connection that nobody can look into (TLS that is not intercepted, SSH) may be made to a host.
    pub fn tunnels_to(&self, host: &str) -> bool {
        self.admits(host) && self.hosts.tunnel.iter().any(|pattern| pattern.matches(host))
    }

    /// The least confidence of findings that do not pass on their way out; `None` if all do.
    pub fn acts_from(&self) -> Option<Confidence> {
        let acts = |confidence: &Confidence| self.policy.action_for(*confidence) > Action::Report;
        CONFIDENCES.iter().map(|(_, confidence)| *confidence).find(acts)
    }

    /// The reasons of which the file says that what was not examined for them passes.
    pub fn passes(&self) -> &[OpaqueReason] {
        &self.passes
    }

    fn read_actions(&mut self, top: &Table<'_, '_>) -> Result<(), ConfigError> {
        let names = CONFIDENCES.map(|(name, _)| name);
        let Some(actions) = top.table("actions", &[&names[..], &["llm"]].concat())? else { return Ok(()) };
        for (name, confidence) in CONFIDENCES {
            if let Some(action) = actions.word(name, "action", &ACTIONS)? {
                self.policy.action(confidence, action);
            }
        }
        let Some(llm) = actions.table("llm", &names)? else { return Ok(()) };
        for (name, confidence) in CONFIDENCES {
            if let Some(action) = llm.word(name, "action", &ACTIONS)? {
                self.policy.llm_action(confidence, action);
            }
        }
        Ok(())
    }

    fn read_opaque(&mut self, top: &Table<'_, '_>) -> Result<(), ConfigError> {
        let names = OpaqueReason::ALL.map(OpaqueReason::as_str);
        let Some(opaque) = top.table("opaque", &names)? else { return Ok(()) };
        for reason in OpaqueReason::ALL {
            let actions = [ACTIONS[0], ACTIONS[1], ACTIONS[3]];
            if let Some(action) = opaque.word(reason.as_str(), "action for this", &actions)? {
                self.policy.opaque(reason, action);
                if action < Action::Block {
                    self.passes.push(reason);
                }
            }
        }
        Ok(())
    }

    fn read_hosts(&mut self, top: &Table<'_, '_>) -> Result<(), ConfigError> {
        let Some(hosts) = top.table("hosts", &["llm", "allow", "deny", "tunnel"])? else { return Ok(()) };
        if let Some(llm) = hosts.hosts("llm")? {
            self.hosts.llm.clone_from(&llm);
            self.policy.llm_hosts(llm);
        }
        self.hosts.allow = hosts.hosts("allow")?;
        self.hosts.deny = hosts.hosts("deny")?.unwrap_or_default();
        self.hosts.tunnel = hosts.hosts("tunnel")?.unwrap_or_default();
        Ok(())
    }

    fn read_limits(&mut self, top: &Table<'_, '_>) -> Result<(), ConfigError> {
        let names = [COUNTS.map(|(name, _)| name).as_slice(), &BYTES.map(|(name, _)| name)].concat();
        if let Some(limits) = top.table("limits", &names)? {
            for (name, most) in COUNTS {
                self.limits.extend(limits.number(name, 1..=most)?.map(|value| (name, value)));
            }
            for (name, most) in BYTES {
                self.limits.extend(limits.bytes(name, 0..=most)?.map(|value| (name, value)));
            }
        }
        if let Some(hold) = top.table("hold", &[STREAM, "body"])? {
            self.limits.extend(hold.bytes(STREAM, 1024..=STREAM_MAX)?.map(|value| (STREAM, value)));
            self.body = hold.bytes("body", 0..=BODY_MAX)?;
        }
        Ok(())
    }

    fn read_quarantine(&mut self, top: &Table<'_, '_>) -> Result<(), ConfigError> {
        let Some(quarantine) = top.table("quarantine", &["hits", "minutes"])? else { return Ok(()) };
        let hits = quarantine.number("hits", 0..=u64::from(Quarantine::HITS_MAX))?;
        self.quarantine_hits = hits.map(|hits| hits as u32);
        self.quarantine_minutes = quarantine.number("minutes", 1..=MINUTES_MAX)?;
        Ok(())
    }

    fn read_oauth(&mut self, top: &Table<'_, '_>) -> Result<(), ConfigError> {
        let Some(oauth) = top.table("oauth", &["other", "learn", ENDPOINTS])? else { return Ok(()) };
        if let Some(other) =
            oauth.word("other", "action for tokens that are not kept", &[ACTIONS[1], ACTIONS[3]])?
        {
            self.token_endpoints.set_other(other);
        }
        if let Some(hosts) = oauth.hosts("learn")? {
            self.token_endpoints.learn_from(hosts);
        }
        for (named, hosts) in oauth.hosts_by_name(ENDPOINTS)? {
            self.token_endpoints.add(&named.name, &hosts).map_err(|error| {
                oauth.wrong_name(ENDPOINTS, &named, &format!("{error}; {}", error.remedy()))
            })?;
        }
        Ok(())
    }
}
