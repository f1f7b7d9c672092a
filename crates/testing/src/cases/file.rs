//! The TOML of case files, as it stands.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// A named set of rules for all cases: `builtin`, `features` or `none`.
    #[serde(default)]
    pub(crate) rules: Option<String>,
    /// More rules for all cases.
    #[serde(default)]
    pub(crate) rule: Vec<RuleText>,
    /// Secrets enrolled in all cases.
    #[serde(default)]
    pub(crate) secret: Vec<SecretText>,
    pub(crate) case: Vec<CaseText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleText {
    pub(crate) id: String,
    pub(crate) literals: Vec<String>,
    pub(crate) pattern: String,
    #[serde(default)]
    pub(crate) ignore_case: bool,
    pub(crate) lead: Option<LeadText>,
    pub(crate) left: Option<String>,
    pub(crate) right: Option<String>,
    #[serde(default)]
    pub(crate) open_ended: bool,
    pub(crate) checksum: Option<String>,
    pub(crate) min_entropy: Option<f32>,
    pub(crate) confidence: Option<String>,
    /// A template; what it makes from seed 1 is a documented example.
    pub(crate) documented: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeadText {
    pub(crate) class: String,
    pub(crate) min: u16,
    pub(crate) max: u16,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretText {
    pub(crate) name: String,
    pub(crate) make: String,
    /// `HOST SLOT`.
    #[serde(default)]
    pub(crate) bindings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseText {
    pub(crate) name: String,
    /// Why the case does not hold yet; it is run with `EXFILTER_IGNORED=1` only.
    pub(crate) ignore: Option<String>,
    #[serde(default)]
    pub(crate) secret: Vec<SecretText>,
    #[serde(default)]
    pub(crate) flow: FlowText,
    #[serde(default)]
    pub(crate) policy: PolicyText,
    #[serde(default)]
    pub(crate) limits: BTreeMap<String, u64>,
    pub(crate) content: Vec<Part>,
    #[serde(default)]
    pub(crate) finding: Vec<FindingText>,
    #[serde(default)]
    pub(crate) opaque: Vec<String>,
    /// `forward`, `edit` or `block`.
    pub(crate) verdict: String,
    /// Why it is blocked: `finding` or an opaque reason.
    pub(crate) reason: Option<String>,
    /// What has left in the end.
    pub(crate) edited: Option<Vec<Part>>,
    /// Findings that were counted only.
    #[serde(default)]
    pub(crate) suppressed: u64,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FlowText {
    /// An authority; `https://example.com` by default.
    pub(crate) to: Option<String>,
    /// `unknown`, `inbound`, `at-rest`: instead of `to`.
    pub(crate) kind: Option<String>,
    pub(crate) slot: Option<String>,
    #[serde(default)]
    pub(crate) editable: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyText {
    pub(crate) mode: Option<String>,
    #[serde(default)]
    pub(crate) strict_examples: bool,
    /// From confidence to action.
    #[serde(default)]
    pub(crate) actions: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) llm_actions: BTreeMap<String, String>,
    /// From reason to action.
    #[serde(default)]
    pub(crate) opaque: BTreeMap<String, String>,
}

/// A part of the content: one of the first group of fields says which, the rest say how.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// Text as it stands.
    pub(crate) text: Option<String>,
    /// Bytes in hexadecimal.
    pub(crate) hex: Option<String>,
    /// A template of `exfilter_rules::example`.
    pub(crate) make: Option<String>,
    /// An example of a built-in rule.
    pub(crate) rule: Option<String>,
    /// A secret by its name.
    pub(crate) secret: Option<String>,
    /// This many random bytes.
    pub(crate) random: Option<usize>,
    /// Parts that follow each other.
    pub(crate) of: Option<Vec<Part>>,
    pub(crate) base64: Option<Vec<Part>>,
    pub(crate) gzip: Option<Vec<Part>>,
    pub(crate) zstd: Option<Vec<Part>>,
    pub(crate) tar: Option<Vec<MemberText>>,
    pub(crate) ar: Option<Vec<MemberText>>,
    pub(crate) cpio: Option<Vec<MemberText>>,
    /// Bytes that never arrive; only directly in a case's content.
    pub(crate) gap: Option<u64>,
    /// As many asterisks as the mark is long; only in `edited`.
    pub(crate) stars: Option<String>,
    /// The mark's bytes; only in `edited`.
    pub(crate) same: Option<String>,

    /// A name for the part.
    #[serde(rename = "as")]
    pub(crate) mark: Option<String>,
    /// Of templates and rules.
    pub(crate) checksum: Option<String>,
    #[serde(default)]
    pub(crate) example: usize,
    pub(crate) seed: Option<u64>,
    /// Of secrets.
    pub(crate) form: Option<String>,
    pub(crate) layers: Option<u8>,
    #[serde(default)]
    pub(crate) shift: u8,
    #[serde(default)]
    pub(crate) url: bool,
    #[serde(default)]
    pub(crate) pad: bool,
    /// Of gzip and zstd.
    pub(crate) level: Option<i32>,
    /// Repeated this many times.
    pub(crate) times: Option<usize>,
    /// This many bytes are missing at its end.
    #[serde(default)]
    pub(crate) cut: usize,
    /// The byte here, counted from the end if negative, has all bits flipped.
    pub(crate) flip: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberText {
    pub(crate) name: Vec<Part>,
    pub(crate) content: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindingText {
    pub(crate) rule: Option<String>,
    pub(crate) secret: Option<String>,
    /// The mark where it stands.
    pub(crate) at: Option<String>,
    #[serde(default)]
    pub(crate) path: String,
    pub(crate) form: Option<String>,
    pub(crate) confidence: Option<String>,
    pub(crate) proof: Option<String>,
    #[serde(default)]
    pub(crate) documented: bool,
    #[serde(default)]
    pub(crate) bound: bool,
    pub(crate) action: Option<String>,
    pub(crate) line: Option<(u64, u64)>,
}
