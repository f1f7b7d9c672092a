//! What scans and hooks set up alike: the engine.

use exfilter::{Engine, KnownSecrets, Limits, Policy, Profile, Rule};

/// Findings listed per file; the rest are counted per rule.
const FINDINGS: u32 = 100_000;

/// Ranges that were not examined, listed per file; the rest are counted.
const OPAQUES: u32 = 10_000;

/// Bytes of objects kept for deltas of a pack that is scanned as a file, where memory is the process's own.
const BASES: u64 = 512 << 20;

/// A builder for content at rest.
pub(crate) fn engine(
    rules: Vec<Rule>,
    secrets: Option<KnownSecrets>,
    strict_examples: bool,
) -> exfilter::EngineBuilder {
    let mut policy = Policy::default();
    policy.strict_examples(strict_examples);
    let mut limits = Limits::default();
    limits.findings = FINDINGS;
    limits.opaques = OPAQUES;
    limits.bases = BASES;
    let mut builder = Engine::builder();
    // Nothing waits for a verdict here, so every way is tried.
    builder.rules(rules).policy(policy).limits(limits).profile(Profile::Thorough);
    if let Some(secrets) = secrets {
        builder.known_secrets(secrets);
    }
    builder
}
