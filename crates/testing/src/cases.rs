//! TOML cases: what users rely on, written down as content and what is said about it.
//!
//! The files are `crates/testing/cases/*.toml`; [`all`] reads them. Each case is run whole, byte by byte, at every two-way split (of small
//! contents; at some of large ones) and at random chunkings, through whatever [`Driver`] is given, and has to come to the same each time.
//!
//! # Format
//!
//! ```toml
//! rules = "features"                 # builtin, features or none, for all cases of the file
//!
//! [[rule]]                           # more rules; confidence is high unless it says otherwise
//! id = "acme-key"
//! literals = ["acme_"]
//! pattern = 'acme_[0-9a-f]{32}'
//!
//! [[secret]]                         # enrolled in all cases; a case may have more
//! name = "DEPLOY"
//! make = "{alnum:30}"                # a template, expanded from the name
//! bindings = ["api.example.com header:authorization:bearer"]
//!
//! [[case]]
//! name = "in base64 in a gzip"
//! flow = { to = "https://example.com", slot = "body", editable = false }    # or kind = "at-rest", "inbound", "unknown"
//! policy = { mode = "observe", strict_examples = false, actions = { medium = "block" } }
//! limits = { ratio = 3 }
//! content = [                        # parts, nested in any order
//!     { text = "a " },
//!     { gzip = [{ base64 = [{ make = "acme_{hex:32}", as = "key" }] }] },
//!     { secret = "DEPLOY", form = "hex" },
//! ]
//! verdict = "block"                  # forward, edit, block
//! reason = "finding"                 # of a block: finding or an opaque reason
//! opaque = ["ratio"]                 # all opaque ranges
//! edited = [{ text = "a " }]         # what has left, where that is worth spelling out
//!
//! [[case.finding]]                   # all findings; what is left out is not compared, flags are false and the path is empty
//! rule = "acme-key"                  # or secret = "DEPLOY", form = "hex"
//! at = "key"                         # the mark: exact in the stream itself and in base64 in it
//! path = "gzip > base64"
//! confidence = "high"
//! action = "block"
//! ```
//!
//! Whatever a case says, the harness also holds every run to what must always be true: `through` never runs backwards, what leaves is what
//! came but for the edits, edited marks are gone and their neighbours are not, and coverage is complete if and only if nothing is opaque.

mod check;
mod content;
mod file;

use std::collections::BTreeMap;
use std::path::Path;

use exfilter_engine::{
    Action, Authority, Binding, Boundary, Checksum, Confidence, Engine, Flow, HostPattern, KnownSecrets,
    Lead, Limits, Mode, OpaqueReason, Policy, Rule, Slot, StoreKey,
};

use self::content::{Content, Names};
use self::file::{CaseText, File, FlowText, PolicyText, RuleText, SecretText};
use crate::run::{Input, Run};

/// Whatever runs a stream: the engine itself, or a binding.
pub type Driver<'a> = dyn FnMut(&Engine, &Flow, &[Input<'_>]) -> Run + 'a;

/// One case, ready to be run.
pub struct Case {
    file: String,
    text: CaseText,
    engine: Engine,
    flow: Flow,
    content: Content,
    edited: Option<Vec<u8>>,
}

impl Case {
    /// `file: name`.
    pub fn name(&self) -> String {
        format!("{}: {}", self.file, self.text.name)
    }

    /// Runs the case through the engine's own stream.
    ///
    /// # Panics
    ///
    /// If anything is not as the case says; the message has no content in it.
    pub fn check(&self) {
        self.check_with(&mut |engine, flow, inputs| crate::run::drive(engine, flow, inputs));
    }

    /// Runs the case through `driver`.
    ///
    /// # Panics
    ///
    /// As [`Case::check`].
    pub fn check_with(&self, driver: &mut Driver<'_>) {
        check::check(self, driver);
    }
}

/// All cases.
///
/// # Panics
///
/// If a file cannot be read or is not in the format.
pub fn all() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of cases is there")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    paths.sort();
    paths
        .iter()
        .flat_map(|path| {
            let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            parse(&name, &std::fs::read_to_string(path).expect("a case file can be read"))
        })
        .collect()
}

/// The cases of one file.
///
/// # Panics
///
/// If the text is not in the format.
pub fn parse(file: &str, text: &str) -> Vec<Case> {
    let File { rules, rule, secret, case } = toml::from_str(text).unwrap_or_else(|e| panic!("{file}: {e}"));
    let mut all = match rules.as_deref() {
        Some("builtin") => exfilter_rules::builtin(),
        Some("features") => crate::rules::features(),
        Some("none") | None => Vec::new(),
        Some(other) => panic!("{file}: no set of rules {other}"),
    };
    all.extend(rule.iter().map(rule_of));
    case.into_iter().map(|text| case_of(file, text, &all, &secret)).collect()
}

fn case_of(file: &str, text: CaseText, rules: &[Rule], shared: &[SecretText]) -> Case {
    let secrets: Vec<SecretText> = shared.iter().chain(&text.secret).cloned().collect();
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).expect("32 bytes"));
    let mut values = BTreeMap::new();
    for secret in &secrets {
        let value = content::expand(&secret.make, None, seed(&secret.name));
        let bindings = secret.bindings.iter().map(|b| binding_of(b)).collect();
        known.add(&secret.name, &value, bindings).unwrap_or_else(|e| panic!("{file}: {}: {e}", secret.name));
        values.insert(secret.name.clone(), value);
    }
    crate::canary::note(values.values().map(Vec::as_slice));
    let engine = Engine::builder()
        .rules(rules.iter().cloned())
        .known_secrets(known)
        .policy(policy_of(&text.policy))
        .limits(limits_of(&text.limits))
        .build()
        .unwrap_or_else(|e| panic!("{file}: {e}"));
    let mut flow = flow_of(&text.flow);
    if text.finding.iter().any(|f| f.line.is_some()) {
        flow = flow.lines();
    }
    let none = BTreeMap::new();
    let names = Names { secrets: &values, marks: &none, seed: seed(&text.name) };
    let content = content::build(&text.content, &names);
    let names = Names { marks: &content.marks, ..names };
    let edited = text.edited.as_ref().map(|parts| content::build(parts, &names).bytes);
    Case { file: file.into(), engine, flow, content, edited, text }
}

/// A seed from a name, so that cases do not depend on each other's order.
fn seed(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

fn rule_of(text: &RuleText) -> Rule {
    let mut rule = Rule::new(&text.id, &text.literals[0], &text.pattern);
    rule.literals = text.literals.clone();
    rule.ignore_case = text.ignore_case;
    rule.lead = text.lead.as_ref().map(|l| Lead { class: l.class.clone(), min: l.min, max: l.max });
    rule.left = text.left.as_deref().map_or(Boundary::Word, boundary);
    rule.right = text.right.as_deref().map_or(Boundary::Word, boundary);
    rule.open_ended = text.open_ended;
    rule.checksum = text.checksum.as_deref().map(checksum);
    rule.min_entropy = text.min_entropy;
    rule.confidence = confidence(text.confidence.as_deref().unwrap_or("high"));
    if let Some(template) = &text.documented {
        let value = content::expand(template, text.checksum.as_deref(), 1);
        rule.documented = vec![Rule::example_digest(None, &value)];
    }
    rule
}

fn binding_of(text: &str) -> Binding {
    let (host, slot) = text.split_once(' ').unwrap_or_else(|| panic!("a binding is HOST SLOT"));
    Binding {
        host: HostPattern::parse(host.as_bytes()).unwrap_or_else(|e| panic!("{e}")),
        slot: Slot::parse(slot.as_bytes()).unwrap_or_else(|e| panic!("{e}")),
    }
}

fn flow_of(text: &FlowText) -> Flow {
    let mut flow = match text.kind.as_deref() {
        None => {
            let to = text.to.as_deref().unwrap_or("https://example.com");
            Flow::outbound(Authority::parse(to.as_bytes()).unwrap_or_else(|e| panic!("{e}")))
        }
        Some("unknown") => Flow::outbound_unknown(),
        Some("inbound") => Flow::inbound(),
        Some("at-rest") => Flow::at_rest(),
        Some(other) => panic!("no kind of flow {other}"),
    };
    if let Some(slot) = &text.slot {
        flow = flow.slot(Slot::parse(slot.as_bytes()).unwrap_or_else(|e| panic!("{e}")));
    }
    if text.editable {
        flow = flow.editable();
    }
    flow.reference(1)
}

fn policy_of(text: &PolicyText) -> Policy {
    let mut policy = Policy::default();
    match text.mode.as_deref() {
        None | Some("enforce") => {}
        Some("observe") => drop(policy.mode(Mode::Observe)),
        Some(other) => panic!("no mode {other}"),
    }
    policy.strict_examples(text.strict_examples);
    for (word, what) in &text.actions {
        policy.action(confidence(word), action(what));
    }
    for (word, what) in &text.llm_actions {
        policy.llm_action(confidence(word), action(what));
    }
    for (word, what) in &text.opaque {
        policy.opaque(reason(word), action(what));
    }
    policy
}

fn limits_of(text: &BTreeMap<String, u64>) -> Limits {
    let mut limits = Limits::default();
    for (name, n) in text {
        let small = || u32::try_from(*n).expect("the limit fits");
        match name.as_str() {
            "findings" => limits.findings = small(),
            "opaques" => limits.opaques = small(),
            "lanes" => limits.lanes = small(),
            "containers" => limits.containers = u8::try_from(*n).expect("the limit fits"),
            "shapes" => limits.shapes = u8::try_from(*n).expect("the limit fits"),
            "ratio_grace" => limits.ratio_grace = *n,
            "ratio" => limits.ratio = *n,
            "output" => limits.output = *n,
            "members" => limits.members = *n,
            "window" => limits.window = *n,
            "windows" => limits.windows = *n,
            "max_hold" => limits.max_hold = *n,
            other => panic!("no limit {other}"),
        }
    }
    limits
}

fn boundary(word: &str) -> Boundary {
    match word {
        "none" => Boundary::None,
        "word" => Boundary::Word,
        "dashed" => Boundary::Dashed,
        "base64" => Boundary::Base64,
        other => panic!("no boundary {other}"),
    }
}

fn checksum(word: &str) -> Checksum {
    let found = Checksum::ALL.into_iter().find(|c| c.as_str() == word);
    found.unwrap_or_else(|| panic!("no checksum {word}"))
}

fn confidence(word: &str) -> Confidence {
    [Confidence::Low, Confidence::Medium, Confidence::High, Confidence::Confirmed]
        .into_iter()
        .find(|c| c.as_str() == word)
        .unwrap_or_else(|| panic!("no confidence {word}"))
}

fn action(word: &str) -> Action {
    match word {
        "allow" => Action::Allow,
        "report" => Action::Report,
        "redact" => Action::Redact,
        "block" => Action::Block,
        other => panic!("no action {other}"),
    }
}

fn reason(word: &str) -> OpaqueReason {
    OpaqueReason::ALL.into_iter().find(|r| r.as_str() == word).unwrap_or_else(|| panic!("no reason {word}"))
}
