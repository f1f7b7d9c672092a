//! Names that hold secrets by custom: of fields, wherever they stand, and of variables.

use exfilter::KeyClass;

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    /// How much it seems to open.
    pub(crate) class: KeyClass,
    /// People choose its values, and put blanks in them.
    pub(crate) pass_phrase: bool,
}

/// A name that says nothing.
pub(crate) const ANY: Hint = Hint { class: KeyClass::Service, pass_phrase: false };

/// Last words of names that hold secrets.
const LAST: &[&str] = &[
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "apikey",
    "credential",
    "credentials",
    "dsn",
    "authorization",
    "auth",
    "pat",
    "pass",
    "jwt",
    "cookie",
    "psk",
    "passcode",
    "secretkey",
    "accesskey",
    "privatekey",
    "authtoken",
    "accesstoken",
    "connectionstring",
    "pgpassword",
    "sshpass",
    "dbpasswd",
    "dbpassword",
];

/// Last two words.
const LAST_TWO: &[(&str, &str)] = &[
    ("api", "key"),
    ("access", "key"),
    ("secret", "key"),
    ("private", "key"),
    ("auth", "key"),
    ("admin", "key"),
    ("service", "key"),
    ("signing", "key"),
    ("encryption", "key"),
    ("master", "key"),
    ("account", "key"),
    ("deploy", "key"),
    ("license", "key"),
    ("connection", "string"),
    ("session", "key"),
    ("storage", "key"),
    ("shared", "key"),
    ("hmac", "key"),
    ("webhook", "url"),
    ("openai", "key"),
    ("anthropic", "key"),
    ("gemini", "key"),
    ("google", "key"),
    ("xai", "key"),
    ("mistral", "key"),
    ("groq", "key"),
    ("hf", "key"),
    ("key", "data"),
    ("secret", "id"),
    ("secret", "string"),
    ("secret", "base"),
    ("key", "base"),
];

/// Words anywhere that say it is none.
const NOT: &[&str] = &[
    "public",
    "publishable",
    "example",
    "max",
    "min",
    "num",
    "count",
    "csrf",
    "enable",
    "enabled",
    "disable",
    "use",
    "require",
    "required",
    "allow",
    "show",
];

/// Words that say that it administers.
const ADMIN: &[&str] = &["admin", "root", "superuser", "master", "owner"];

/// What the name of a field says; nothing where it says nothing. Names are paths: the last part decides.
pub(crate) fn hint(name: &[u8]) -> Option<Hint> {
    let words = words(last_part(name));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let last = *words.last()?;
    if !is_named(&words) || words.iter().any(|word| NOT.contains(word)) {
        return None;
    }
    let admin = words.iter().any(|word| ADMIN.contains(word));
    let pass_phrase =
        ["password", "passwd", "passphrase", "pwd", "pass"].iter().any(|word| last.ends_with(word));
    Some(Hint { class: if admin { KeyClass::Admin } else { KeyClass::Service }, pass_phrase })
}

/// Last words of variables that hold addresses, perhaps with a password in them.
const ADDRESS: &[&str] = &["url", "uri"];

/// First words of variables that a tool keeps for its credentials.
const FIRST: &[&[&str]] = &[&["slack"], &["stripe"], &["arm"], &["tf", "var"]];

/// Whole names that are none of a field's, for they say too little there.
const WHOLE: &[&str] = &["session"];

/// Whether a variable of this name holds a secret, or an address that may have a password in it, by custom: what [`Audit`](crate::Audit) believes of a field, and some that tools keep
/// for their credentials. Names that say that they are public count too; who enrols values says why it does not take them.
pub fn is_secret_variable(name: &str) -> bool {
    let words = words(name.as_bytes());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some(last) = words.last() else { return false };
    is_named(&words)
        || ADDRESS.contains(last) && words.len() > 1
        || FIRST.iter().any(|first| words.len() > first.len() && words.starts_with(first))
        || matches!(words[..], [word] if WHOLE.contains(&word) || word.ends_with("passwd"))
}

fn is_named(words: &[&str]) -> bool {
    match words {
        [.., before, last] => LAST.contains(last) || LAST_TWO.contains(&(before, last)),
        [last] => LAST.contains(last),
        [] => false,
    }
}

pub(crate) fn last_part(name: &[u8]) -> &[u8] {
    let name = &name[memchr::memrchr(b'.', name).map_or(0, |n| n + 1)..];
    &name[memchr::memrchr(b':', name).map_or(0, |n| n + 1)..]
}

/// The words of a name in lower case: `dbPassword`, `DB_PASSWORD` and `db-password` are `db`, `password`.
pub(crate) fn words(name: &[u8]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut lower_before = false;
    for &byte in name.iter().take(200) {
        if byte.is_ascii_alphanumeric() {
            if byte.is_ascii_uppercase() && lower_before && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            lower_before = byte.is_ascii_lowercase();
            if !byte.is_ascii_digit() {
                word.push(char::from(byte.to_ascii_lowercase()));
            }
        } else {
            lower_before = false;
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_hold_secrets() {
        for name in [
            "GITHUB_TOKEN",
            "dbPassword",
            "services.web.environment.API_KEY",
            "//registry.npmjs.org/:_authToken",
            "client-secret",
            "AWS_SECRET_ACCESS_KEY",
            "PGPASSWORD2",
            "SSHPASS",
            "HF_KEY",
            "users.0.user.client-key-data",
            "headers.Authorization",
            "SENTRY_DSN",
        ] {
            assert!(hint(name.as_bytes()).is_some(), "{name}");
        }
        for name in [
            "max_tokens",
            "token_type",
            "PATH",
            "STRIPE_PUBLISHABLE_KEY",
            "tokenizer",
            "password_file",
            "public_token",
            "key",
        ] {
            assert!(hint(name.as_bytes()).is_none(), "{name}");
        }
        assert_eq!(hint(b"OPENAI_ADMIN_KEY").map(|h| h.class), Some(KeyClass::Admin));
    }

    #[test]
    fn variables_that_hold_secrets() {
        for name in [
            "GH_TOKEN",
            "gh_token",
            "OPENAI_KEY",
            "DATABASE_URL",
            "SLACK_APP",
            "TF_VAR_db",
            "DBPASSWD",
            "BORG_PASSPHRASE",
            "SESSION",
            "STRIPE_PUBLISHABLE_KEY",
            "MYSQL_PWD",
        ] {
            assert!(is_secret_variable(name), "{name}");
        }
        for name in ["PATH", "GH_TOKEN_FILE", "URL", "SLACK", "DESKTOP_SESSION", "TF_LOG", "CHARMAP", ""] {
            assert!(!is_secret_variable(name), "{name}");
        }
    }
}
