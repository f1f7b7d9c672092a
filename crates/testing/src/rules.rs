//! Rules that use every feature of the engine, small enough to reason about.

use exfilter_engine::{Boundary, Checksum, Confidence, Lead, Rule};

/// Fixed and open lengths, checksums, a lead, an ungated literal, case folding with an entropy floor.
pub fn features() -> Vec<Rule> {
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
    let mut varying = Rule::new("varying", "ATATT3", "ATATT3[A-Za-z0-9_-]{20,90}=[0-9A-F]{8}");
    varying.checksum = Some(Checksum::Crc32UpperHex);
    varying.confidence = Confidence::High;
    vec![github, varying, open, lead, url, context]
}
