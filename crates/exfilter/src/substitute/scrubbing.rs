//! What takes real values out of answers.

use exfilter_engine::{Action, Confidence, Policy};

/// The policy of an engine that takes its known secrets out of what servers answer: they are overwritten, also in answers of language models.
#[must_use]
pub fn scrubbing() -> Policy {
    let mut policy = Policy::default();
    policy.action(Confidence::Confirmed, Action::Redact).llm_action(Confidence::Confirmed, Action::Redact);
    policy
}
