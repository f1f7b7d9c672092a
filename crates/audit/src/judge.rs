//! Whether a field holds a secret, where no rule and no table says so: by its name (`secret_names.rs`) and by what its value looks like.

use exfilter::Confidence;

pub(crate) use crate::secret_names::{ANY, Hint, hint};
use crate::secret_names::{last_part, words};

/// Whether the name is that of a point in time at which something ends.
pub(crate) fn is_expiry(name: &[u8]) -> bool {
    let words = words(last_part(name));
    let joined = words.concat();
    [
        "expiresat",
        "expires",
        "expiry",
        "expiration",
        "expirydate",
        "tokenexpiry",
        "expireson",
        "expiresdate",
        "notafter",
    ]
    .contains(&joined.as_str())
}

/// Whether the name is that of a token for further ones.
pub(crate) fn is_renewal(name: &[u8]) -> bool {
    words(last_part(name)).iter().any(|word| word == "refresh")
}

/// The name without its last part.
pub(crate) fn parent(name: &[u8]) -> &[u8] {
    &name[..memchr::memrchr(b'.', name).unwrap_or(0)]
}

/// The shortest value that is reported, in bytes.
const SHORTEST: usize = 6;

/// How sure it is that the value of a field whose name says so is a secret; nothing where it is none.
pub(crate) fn weigh(hint: Hint, value: &[u8]) -> Option<Confidence> {
    if value.len() < SHORTEST || value.len() > 16 << 10 || is_stand_in(value) {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?;
    let blanks = text.split_ascii_whitespace().count() - 1;
    if (blanks > 0 && !hint.pass_phrase && !text.starts_with("-----BEGIN"))
        || blanks > 12 && !text.starts_with("-----BEGIN")
    {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    if WORDS.contains(&lower.as_str()) || is_setting(text) {
        return None;
    }
    // A call, an expression, a name of something else.
    if !hint.pass_phrase && text.contains(['(', '[', '{', '<', '|']) && !text.contains("://") {
        return None;
    }
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    let mixed = text.bytes().any(|b| b.is_ascii_uppercase()) && text.bytes().any(|b| b.is_ascii_lowercase());
    let random = text.len() >= 12 && entropy(value) >= 3.0 && (digits || mixed);
    Some(if random { Confidence::Medium } else { Confidence::Low })
}

/// Whether a value stands for one that comes from elsewhere, or for none: templates, references, masks.
pub(crate) fn is_stand_in(value: &[u8]) -> bool {
    let text = value.trim_ascii();
    let lower = text.to_ascii_lowercase();
    let has = |mark: &[u8]| memchr::memmem::find(&lower, mark).is_some();
    let begins = |mark: &[u8]| lower.starts_with(mark);
    text.is_empty()
        || begins(b"$")
        || begins(b"%(")
        || (begins(b"%") && text.ends_with(b"%"))
        || (begins(b"<") && text.ends_with(b">"))
        || has(b"${")
        || has(b"{{")
        || has(b"<%")
        || has(b"****")
        || has(b"xxxxxx")
        || [
            &b"op://"[..],
            b"vault:",
            b"env:",
            b"env.",
            b"process.env",
            b"os.environ",
            b"getenv",
            b"file:",
            b"!vault",
            b"enc[",
            b"ref+",
            b"secretref",
            b"keychain:",
            b"aws-sm://",
            b"sm://",
            b"ssm:",
            b"arn:aws:",
        ]
        .iter()
        .any(|mark| begins(mark))
        || [
            &b"your_"[..],
            b"your-",
            b"changeme",
            b"change_me",
            b"change-me",
            b"replace",
            b"placeholder",
            b"dummy",
            b"todo",
            b"example",
            b"redacted",
            b"not-a-real",
            b"insert_",
            b"<your",
        ]
        .iter()
        .any(|mark| begins(mark))
        || lower.ends_with(b"example")
        || text.iter().all(|b| *b == text[0])
}

/// Everyday words that stand where a secret could.
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "token",
    "required",
    "optional",
    "default",
    "disabled",
    "enabled",
    "undefined",
    "string",
    "inherit",
    "unknown",
    "bearer",
    "basic",
    "oauth2",
    "oauth",
    "apikey",
    "api_key",
    "keyring",
    "plaintext",
    "prompt",
    "null",
    "none",
    "false",
    "true",
    "always",
    "never",
    "test",
    "testing",
    "sample",
];

/// Paths, addresses without a password, numbers, dotted names.
fn is_setting(text: &str) -> bool {
    let path =
        (text.starts_with(['/', '~', '.']) && text.matches('/').count() >= 1 && !text.contains(['+', '=']))
            || text.as_bytes().get(1..3).is_some_and(|b| b == b":\\");
    let url = text.contains("://")
        && !text.contains('@')
        && !text.contains('?')
        && text.split('/').all(|part| part.len() < 20);
    let number = text.bytes().all(|b| b.is_ascii_digit() || b".,:-+ ".contains(&b)) && text.len() < 20;
    let dotted = text.len() < 60
        && text.contains('.')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'_');
    path || url || number || dotted
}

/// Shannon's entropy in bits per byte.
fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value {
        counts[usize::from(*byte)] += 1;
    }
    let len = value.len() as f64;
    counts.iter().filter(|n| **n > 0).map(|n| f64::from(*n) / len).map(|p| -p * p.log2()).sum()
}

/// Who issues what a name speaks of: first words of variables and who they belong to.
pub(crate) fn provider(name: &[u8]) -> &'static str {
    const PROVIDERS: &[(&str, &str)] = &[
        ("aws", "Amazon Web Services"),
        ("azure", "Microsoft Azure"),
        ("arm", "Microsoft Azure"),
        ("gcp", "Google Cloud"),
        ("google", "Google"),
        ("gemini", "Google"),
        ("github", "GitHub"),
        ("gh", "GitHub"),
        ("gitlab", "GitLab"),
        ("openai", "OpenAI"),
        ("anthropic", "Anthropic"),
        ("claude", "Anthropic"),
        ("npm", "npm"),
        ("pypi", "PyPI"),
        ("twine", "PyPI"),
        ("cargo", "crates.io"),
        ("docker", "Docker"),
        ("slack", "Slack"),
        ("stripe", "Stripe"),
        ("sentry", "Sentry"),
        ("hf", "Hugging Face"),
        ("huggingface", "Hugging Face"),
        ("cloudflare", "Cloudflare"),
        ("digitalocean", "DigitalOcean"),
        ("vault", "HashiCorp Vault"),
        ("terraform", "HashiCorp"),
        ("tfe", "HashiCorp"),
        ("datadog", "Datadog"),
        ("dd", "Datadog"),
        ("twilio", "Twilio"),
        ("sendgrid", "SendGrid"),
        ("mistral", "Mistral AI"),
        ("groq", "Groq"),
        ("xai", "xAI"),
        ("deepseek", "DeepSeek"),
        ("vercel", "Vercel"),
        ("netlify", "Netlify"),
        ("heroku", "Heroku"),
        ("postgres", "PostgreSQL"),
        ("pg", "PostgreSQL"),
        ("pgpassword", "PostgreSQL"),
        ("mysql", "MySQL"),
        ("redis", "Redis"),
        ("mongo", "MongoDB"),
        ("mongodb", "MongoDB"),
        ("jira", "Atlassian"),
        ("atlassian", "Atlassian"),
        ("linear", "Linear"),
        ("notion", "Notion"),
        ("supabase", "Supabase"),
        ("snowflake", "Snowflake"),
        ("databricks", "Databricks"),
        ("wandb", "Weights & Biases"),
        ("kaggle", "Kaggle"),
    ];
    let words = words(last_part(name));
    let find = |word: &str| PROVIDERS.iter().find(|(first, _)| *first == word).map(|(_, provider)| *provider);
    words.iter().find_map(|word| find(word)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use exfilter::KeyClass;
    use exfilter_testing::{Rng, keys};

    use super::*;

    #[test]
    fn values_that_are_none() {
        let hint = Hint { class: KeyClass::Service, pass_phrase: false };
        for value in [
            "${TOKEN}",
            "$TOKEN",
            "{{ secrets.X }}",
            "<your token>",
            "changeme",
            "true",
            "8080",
            "/run/secrets/token",
            "./token.txt",
            "https://example.com/token",
            "os.environ['X']",
            "xxxxxxxxxxxx",
            "op://vault/item/field",
            "get_token()",
            "several words here",
            "aaaaaaaaaaaaaaa",
            "my.module.token_name",
        ] {
            assert_eq!(weigh(hint, value.as_bytes()), None, "{value}");
        }
        let random = keys::secret(&mut Rng::new(7));
        assert_eq!(weigh(hint, &random), Some(Confidence::Medium));
        assert_eq!(weigh(Hint { pass_phrase: true, ..hint }, b"three small words"), Some(Confidence::Low));
    }

    #[test]
    fn ends() {
        for name in ["expiresAt", "a.b.expires_at", "token_expiry", "expiry_date"] {
            assert!(is_expiry(name.as_bytes()), "{name}");
        }
        assert!(!is_expiry(b"expires_in"));
    }
}
