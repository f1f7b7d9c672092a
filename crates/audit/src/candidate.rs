//! [`Candidate`]: one value in one place, before values that stand in several places are put together.

use exfilter::{Confidence, KeyClass, Rule};

use crate::advice::Advice;
use crate::grant::Grant;
use crate::report::FoundAt;
use crate::secret::Digest;

/// One value in one place. Holds no content but the public prefix.
pub(crate) struct Candidate {
    /// Tells equal values; none where the value itself was not at hand.
    pub(crate) digest: Option<Digest>,
    pub(crate) what: What,
    pub(crate) confidence: Confidence,
    pub(crate) documented: bool,
    pub(crate) expires: Option<i64>,
    pub(crate) locked: bool,
    pub(crate) preview: String,
    pub(crate) advice: Vec<Advice>,
    pub(crate) place: FoundAt,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) struct What {
    /// How much is known: of several descriptions of one value the one with the greatest weight is shown.
    pub(crate) weight: u8,
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) opens: String,
    pub(crate) class: KeyClass,
    pub(crate) revoke: String,
}

impl What {
    /// What a rule says.
    pub(crate) fn of_rule(rule: &Rule, confidence: Confidence) -> What {
        let weight = match (is_generic(rule), confidence) {
            (false, Confidence::High | Confidence::Confirmed) => 6,
            (false, Confidence::Medium) => 5,
            (true, Confidence::High | Confidence::Confirmed | Confidence::Medium) => 3,
            (_, Confidence::Low) => 1,
        };
        What {
            weight,
            id: rule.id.clone(),
            provider: rule.provider.clone(),
            opens: rule.opens.clone(),
            class: rule.class,
            revoke: rule.revoke.clone(),
        }
    }

    /// What a field of a known place opens.
    pub(crate) fn of_grant(grant: &Grant) -> What {
        What {
            weight: 4,
            id: grant.id.into(),
            provider: grant.provider.into(),
            opens: grant.opens.into(),
            class: grant.class,
            revoke: grant.revoke.into(),
        }
    }

    /// What the name of a field says.
    pub(crate) fn of_name(grant: &Grant, provider: &str, class: KeyClass) -> What {
        What { weight: 2, provider: provider.into(), class: class.min(grant.class), ..What::of_grant(grant) }
    }

    /// Whether this describes the value better than `other`. Equal weights are decided by the id, so that no order of work shows.
    pub(crate) fn is_better(&self, other: &What) -> bool {
        (self.weight, other.id.as_str()) > (other.weight, self.id.as_str())
    }
}

/// Rules for shapes that many issuers use: a field whose meaning is known says more.
pub(crate) fn is_generic(rule: &Rule) -> bool {
    matches!(rule.provider.as_str(), "JSON Web Tokens" | "URLs" | "Private keys")
}

/// What to do about what a rule finds.
pub(crate) fn advice_of(rule: &Rule) -> Advice {
    let any =
        |words: &[&str]| words.iter().any(|word| rule.provider.contains(word) || rule.id.contains(word));
    if any(&["private-key", "putty"]) {
        Advice::PrivateKey
    } else if any(&["Google Cloud", "gcp"]) {
        Advice::GoogleKey
    } else if any(&[
        "Amazon",
        "Azure",
        "DigitalOcean",
        "Alibaba",
        "Cloudflare",
        "Heroku",
        "Vercel",
        "Netlify",
        "Hetzner",
        "Linode",
        "Fly.io",
    ]) {
        Advice::CloudKey
    } else if any(&["npm", "PyPI", "crates.io", "RubyGems", "NuGet", "Packagist", "Hex.pm", "JFrog"]) {
        Advice::Registry
    } else if any(&["GitHub", "GitLab", "Bitbucket", "Atlassian", "Gitea"]) {
        Advice::Forge
    } else if any(&["Docker"]) {
        Advice::Containers
    } else if any(&["Kubernetes"]) {
        Advice::Kubernetes
    } else if any(&["Vault", "HashiCorp", "age", "1Password", "Doppler", "Infisical"]) {
        Advice::Vault
    } else if any(&[
        "OpenAI",
        "Anthropic",
        "Hugging Face",
        "Mistral",
        "Groq",
        "xAI",
        "Cohere",
        "Replicate",
        "Perplexity",
        "DeepSeek",
        "Gemini",
    ]) {
        Advice::AiService
    } else if any(&["url-password", "MongoDB", "PlanetScale", "Supabase", "Neon", "Databricks", "Snowflake"])
    {
        Advice::Database
    } else {
        Advice::Other
    }
}
