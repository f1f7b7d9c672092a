//! What is done about a finding: [`Confidence`] is evidence, [`Action`] is policy.

use crate::coverage::OpaqueReason;
use crate::finding::Finding;
use crate::flow::{Direction, Flow, HostPattern};

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// A shape that ordinary data has too: never blocked inline.
    Low,
    /// A distinctive context or prefix.
    Medium,
    /// A verified checksum or parsed structure, or a format nothing else has.
    High,
    /// An enrolled secret, a foreign credential or a canary.
    Confirmed,
}

impl Confidence {
    /// The word used in rule files and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
            Confidence::Confirmed => "confirmed",
        }
    }

    /// One step less sure.
    pub(crate) fn lowered(self) -> Confidence {
        match self {
            Confidence::Low | Confidence::Medium => Confidence::Low,
            Confidence::High => Confidence::Medium,
            Confidence::Confirmed => Confidence::High,
        }
    }
}

/// What the policy does about something, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Nothing.
    Allow,
    /// An event.
    Report,
    /// An event and an edit that overwrites the value; a block where the flow is not editable.
    Redact,
    /// An event and the end of the flow.
    Block,
}

impl Action {
    /// As it is written: `allow`, `report`, `redact`, `block`.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Allow => "allow",
            Action::Report => "report",
            Action::Redact => "redact",
            Action::Block => "block",
        }
    }
}

/// Whether the policy's blocks block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Everything is reported, nothing is blocked or edited.
    Observe,
    /// The policy's actions are carried out.
    #[default]
    Enforce,
}

/// How far secrets are looked for in text that was changed on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// In every spelling and behind every decoder: what programs do to text. For proxies.
    #[default]
    Inline,
    /// Also in pieces. Known secrets: as letters and digits in order, in either case, with up to 32 other bytes between two of them
    /// ([`Form::Scattered`](crate::Form::Scattered)): strings that a program joins, groups, separators, changed case; and
    /// XORed with a byte ([`Form::Xor`](crate::Form::Xor)). Keys of rules: where a
    /// program joins strings, a line goes on, or characters without width or of full width stand
    /// ([`LaneStep::Joined`](crate::LaneStep::Joined)). Both: text in base85 ([`LaneStep::Base85`](crate::LaneStep::Base85)). Holds back at least the last seven letters and digits of ordinary text and the last
    /// eight bytes of anything, at most 28, and takes longer. For hooks and audits.
    Thorough,
}

/// The policy of an engine: a table from evidence to action.
///
/// Defaults (outbound): *confirmed* and *high* block, and are redacted to LLM hosts where the flow is editable;
/// *medium* and *low* are reported, *medium* is redacted to LLM hosts; documented examples are reported; opaque content blocks by
/// its reason ([`OpaqueReason::blocks_by_default`]). Inbound and at rest nothing blocks.
///
/// ```
/// use exfilter_engine::{Action, Confidence, Policy};
/// let mut policy = Policy::default();
/// policy.action(Confidence::Medium, Action::Block).strict_examples(true);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    pub(crate) mode: Mode,
    pub(crate) actions: [Action; 4],
    pub(crate) llm_actions: [Action; 4],
    pub(crate) llm_hosts: Vec<HostPattern>,
    pub(crate) strict_examples: bool,
    pub(crate) opaque: [Option<Action>; OpaqueReason::COUNT],
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            mode: Mode::Enforce,
            actions: [Action::Report, Action::Report, Action::Block, Action::Block],
            llm_actions: [Action::Report, Action::Redact, Action::Redact, Action::Redact],
            llm_hosts: [
                "api.anthropic.com",
                "api.openai.com",
                "chatgpt.com",
                "*.chatgpt.com",
                "generativelanguage.googleapis.com",
                "cloudcode-pa.googleapis.com",
                "*.githubcopilot.com",
                "*.openai.azure.com",
                "api.mistral.ai",
                "api.x.ai",
                "openrouter.ai",
                "api.groq.com",
            ]
            .iter()
            .map(|p| HostPattern::parse(p.as_bytes()).expect("the built-in host patterns are well formed"))
            .collect(),
            strict_examples: false,
            opaque: [None; OpaqueReason::COUNT],
        }
    }
}

impl Policy {
    /// Sets whether blocks block.
    pub fn mode(&mut self, mode: Mode) -> &mut Policy {
        self.mode = mode;
        self
    }

    /// Sets the outbound action for a confidence.
    pub fn action(&mut self, confidence: Confidence, action: Action) -> &mut Policy {
        self.actions[confidence as usize] = action;
        self
    }

    /// Sets the outbound action for a confidence to LLM hosts on editable flows.
    pub fn llm_action(&mut self, confidence: Confidence, action: Action) -> &mut Policy {
        self.llm_actions[confidence as usize] = action;
        self
    }

    /// Replaces the hosts that count as LLM hosts.
    pub fn llm_hosts(&mut self, hosts: Vec<HostPattern>) -> &mut Policy {
        self.llm_hosts = hosts;
        self
    }

    /// Sets whether documented examples, and what [stands in a path of tests](crate::Finding::fixture), are treated like any other match.
    pub fn strict_examples(&mut self, strict: bool) -> &mut Policy {
        self.strict_examples = strict;
        self
    }

    /// Sets the outbound action for content that was not examined for `reason`. `Redact` counts as `Block`.
    pub fn opaque(&mut self, reason: OpaqueReason, action: Action) -> &mut Policy {
        self.opaque[reason as usize] = Some(action);
        self
    }

    /// What is done about a finding of this confidence on its way to a host of no language model.
    pub fn action_for(&self, confidence: Confidence) -> Action {
        if self.mode == Mode::Observe {
            return self.actions[confidence as usize].min(Action::Report);
        }
        self.actions[confidence as usize]
    }

    /// What is done about content that was not examined, on its way out.
    pub fn opaque_action(&self, reason: OpaqueReason) -> Action {
        self.decide_opaque(&Flow::outbound_unknown(), reason)
    }

    /// What is done about a finding of this confidence on this flow.
    pub(crate) fn decide(&self, flow: &Flow, confidence: Confidence, documented: bool) -> Action {
        if flow.direction() != Direction::Outbound || self.mode == Mode::Observe {
            return Action::Report;
        }
        if documented && !self.strict_examples {
            return Action::Report;
        }
        let to_llm = flow.is_edited()
            && flow.authority().is_some_and(|a| self.llm_hosts.iter().any(|p| p.matches(a.host())));
        let action =
            if to_llm { self.llm_actions[confidence as usize] } else { self.actions[confidence as usize] };
        if action == Action::Redact && !flow.is_editable() { Action::Block } else { action }
    }

    /// What is done about content that was not examined.
    pub(crate) fn decide_opaque(&self, flow: &Flow, reason: OpaqueReason) -> Action {
        if flow.direction() != Direction::Outbound || self.mode == Mode::Observe {
            return Action::Report;
        }
        match self.opaque[reason as usize] {
            Some(Action::Redact) => Action::Block,
            Some(action) => action,
            None if reason.blocks_by_default() => Action::Block,
            None => Action::Report,
        }
    }

    /// Whether a finding that is not decided yet could end in more than a report.
    pub(crate) fn may_act(&self, flow: &Flow, ceiling: Confidence) -> bool {
        [Confidence::Low, Confidence::Medium, Confidence::High, Confidence::Confirmed]
            .into_iter()
            .filter(|c| *c <= ceiling)
            .any(|c| self.decide(flow, c, false) > Action::Report)
    }
}

impl Finding {
    /// Whether the finding is at or above `floor` and is no documented example: what exit codes count.
    pub fn counts(&self, floor: Confidence) -> bool {
        self.confidence() >= floor && !self.documented()
    }
}
