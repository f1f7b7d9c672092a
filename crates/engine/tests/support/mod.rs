//! Engines that the tests share.

use exfilter_engine::{Boundary, Checksum, Confidence, Engine, KnownSecrets, Lead, Limits, Rule, StoreKey};

/// Rules that use every feature: fixed and open lengths, checksums, leads, ungated literals, case folding, entropy.
pub(crate) fn rules() -> Vec<Rule> {
    let mut github = Rule::new("github", "ghp_", "ghp_[A-Za-z0-9]{36}");
    github.checksum = Some(Checksum::Crc32Base62);
    github.confidence = Confidence::High;
    let mut open = Rule::new("open", "sk-live-", "sk-live-[A-Za-z0-9]{20,64}");
    open.confidence = Confidence::High;
    let mut lead = Rule::new("lead", "Q~", "Q~[A-Za-z0-9_.~-]{24,34}");
    lead.lead = Some(Lead { class: "A-Za-z0-9_.~-".into(), min: 4, max: 8 });
    lead.confidence = Confidence::High;
    let mut url = Rule::new("url", "://", "://[^\\s:/@\"']{1,30}:(?P<value>[^\\s/@\"']{8,40})@");
    url.confidence = Confidence::Medium;
    url.right = Boundary::None;
    let mut context = Rule::new(
        "context",
        "secret_access_key",
        "(?i:secret_access_key)[\"' ]{0,3}[:=][\"' ]{0,3}(?P<value>[A-Za-z0-9/+]{40})",
    );
    context.ignore_case = true;
    context.min_entropy = Some(3.5);
    context.confidence = Confidence::High;
    vec![github, open, lead, url, context]
}

/// A set of known secrets under a fixed key.
pub(crate) fn known(values: &[Vec<u8>]) -> KnownSecrets {
    let mut secrets = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).expect("32 bytes"));
    for (i, value) in values.iter().enumerate() {
        secrets.add(&format!("SECRET_{i}"), value, vec![]).expect("a random value is accepted");
    }
    secrets
}

/// An engine of [`rules`] and `values`.
pub(crate) fn engine(values: &[Vec<u8>], limits: Limits) -> Engine {
    Engine::builder()
        .rules(rules())
        .known_secrets(known(values))
        .limits(limits)
        .eager(true)
        .build()
        .expect("the test rules build")
}
