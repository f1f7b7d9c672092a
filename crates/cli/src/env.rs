//! Known secrets from the environment of this process.
//!
//! Which names hold secrets by custom the audit knows; values are fingerprinted under a random key that lives as long as
//! the process, and are never printed.

use std::path::Path;

use exfilter::{KnownSecrets, StoreKey};
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::text;

/// The shortest value that is looked at; anything below is a flag or a number.
const SHORTEST: usize = 8;

/// A variable whose value was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The variable, escaped.
    pub(crate) name: String,
    /// A stable code.
    pub(crate) code: &'static str,
    /// What to do about it.
    pub(crate) remedy: String,
}

/// What the environment yielded.
pub(crate) struct FromEnv {
    /// The secrets, for the engine.
    pub(crate) secrets: KnownSecrets,
    /// What was not taken.
    pub(crate) refused: Vec<Refused>,
    /// How many were taken.
    pub(crate) taken: usize,
}

/// Takes the secrets out of the environment, and adds them to those of a store, if there are some.
///
/// # Errors
///
/// When the system has no random numbers for the key.
pub(crate) fn collect(more_names: &[String], stored: Option<KnownSecrets>) -> Result<FromEnv, Fault> {
    let secrets = match stored {
        Some(stored) => stored,
        None => KnownSecrets::new(fresh_key()?),
    };
    let mut from = FromEnv { secrets, refused: Vec::new(), taken: 0 };
    // A file may hold a value in pieces.
    from.secrets.fragments(true);
    for Found { names, value, .. } in chosen(variables(), more_names, &mut from.refused) {
        match from.secrets.add(&names, &value, Vec::new()) {
            Ok(()) => from.taken += 1,
            Err(refusal) => {
                let (code, remedy) = (refusal.code(), refusal.remedy().into());
                from.refused.push(Refused { name: names, code, remedy });
            }
        }
    }
    from.refused.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(from)
}

/// The variables of this process; their names as text, escaped.
pub(crate) fn variables() -> impl Iterator<Item = (String, Zeroizing<Vec<u8>>)> {
    std::env::vars_os().map(|(name, value)| {
        let value = Zeroizing::new(value.into_encoded_bytes());
        (text::escape(name.as_encoded_bytes()), value)
    })
}

/// A key that lives as long as this process.
fn fresh_key() -> Result<StoreKey, Fault> {
    let mut key = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut key[..]).map_err(|_| {
        Fault::new(
            "--secrets-from-env",
            "the system gave no random numbers for the fingerprint key",
            "leave the option out, or make getrandom(2) available to this process",
        )
    })?;
    StoreKey::from_bytes(&key[..])
        .map_err(|error| Fault::new("--secrets-from-env", error.to_string(), "please report this"))
}

/// A value, and the variables that carry it.
pub(crate) struct Found {
    /// The variables, each perhaps with what of it the value is.
    pub(crate) names: String,
    /// The first variable.
    pub(crate) variable: String,
    /// The value.
    pub(crate) value: Zeroizing<Vec<u8>>,
}

/// The values to enrol, each once, under the names that carry it.
pub(crate) fn chosen(
    variables: impl Iterator<Item = (String, Zeroizing<Vec<u8>>)>,
    more_names: &[String],
    refused: &mut Vec<Refused>,
) -> Vec<Found> {
    // The names of a value, each with the variable that it is of.
    type Names = Vec<(String, String)>;
    let mut by_value: Vec<(Zeroizing<Vec<u8>>, Names)> = Vec::new();
    let mut take = |name: (String, String), value: Zeroizing<Vec<u8>>| match by_value
        .iter_mut()
        .find(|v| v.0 == value)
    {
        Some((_, names)) => names.push(name),
        None => by_value.push((value, vec![name])),
    };
    for (name, value) in variables {
        let asked = more_names.iter().any(|pattern| matches(pattern, &name));
        if !asked && !exfilter_audit::is_secret_variable(&name) {
            continue;
        }
        match judge(&name, &value, asked) {
            Verdict::No => {}
            Verdict::Refuse(code, remedy) => {
                refused.push(Refused { name, code, remedy: remedy.into() });
            }
            Verdict::Take { password } => {
                // A password that is too short on its own is still found in the whole address.
                if let Some(password) = password.filter(|p| p.len() >= SHORTEST) {
                    take((format!("{name} (its password)"), name.clone()), password);
                }
                take((name.clone(), name), value);
            }
        }
    }
    let mut chosen: Vec<Found> = by_value
        .into_iter()
        .map(|(value, mut names)| {
            names.sort();
            let variable = names[0].1.clone();
            let names = names.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
            Found { names, variable, value }
        })
        .collect();
    chosen.sort_by(|a, b| a.names.cmp(&b.names));
    chosen
}

/// What becomes of one variable.
enum Verdict {
    /// It only looked like one that holds a secret; not worth a word.
    No,
    /// It is not taken.
    Refuse(&'static str, &'static str),
    /// It is taken, and the password in it too.
    Take { password: Option<Zeroizing<Vec<u8>>> },
}

/// The password in a value that is an address with one.
pub(crate) fn password_in(value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (_, rest) = std::str::from_utf8(value).ok()?.split_once("://")?;
    password_of(rest)
}

fn judge(name: &str, value: &[u8], asked: bool) -> Verdict {
    let upper = name.to_ascii_uppercase();
    if !asked && (upper.contains("PUBLISHABLE") || upper.contains("PUBLIC_")) {
        return Verdict::Refuse(
            "E_PUBLIC",
            "its name says that it is public; give the name with --env-name to take it all the same",
        );
    }
    if value.is_empty() {
        return Verdict::No;
    }
    let is_url = upper.ends_with("_URL") || upper.ends_with("_URI");
    let as_text = std::str::from_utf8(value).unwrap_or("");
    let password = password_in(value);
    if as_text.contains("://") && password.is_none() || is_url && !as_text.contains("://") {
        // Addresses are everywhere; without user and password they are no secrets.
        if !asked {
            return if is_url {
                Verdict::No
            } else {
                Verdict::Refuse("E_URL", "an address without user and password is no secret")
            };
        }
    }
    if value.len() < SHORTEST {
        return Verdict::Refuse(
            "E_SHORT",
            "values under 8 bytes would be found everywhere; use a longer secret",
        );
    }
    let lower = as_text.to_ascii_lowercase();
    if matches!(lower.as_str(), "disabled" | "enabled" | "undefined" | "redacted" | "changeme" | "required") {
        return Verdict::Refuse("E_COMMON", "the value is an everyday word");
    }
    let template = (as_text.contains("${") && as_text.contains('}'))
        || (as_text.contains("{{") && as_text.contains("}}"));
    if template || (as_text.starts_with('<') && as_text.ends_with('>')) {
        return Verdict::Refuse(
            "E_TEMPLATE",
            "the value is a reference or a template; export what it stands for",
        );
    }
    if is_path(as_text) {
        return Verdict::Refuse(
            "E_PATH",
            "the value is the path of a file; scan with the secret itself in the variable",
        );
    }
    Verdict::Take { password }
}

/// The password in `user:password@host`, decoded from percent-encoding.
fn password_of(rest: &str) -> Option<Zeroizing<Vec<u8>>> {
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let (userinfo, _) = authority.rsplit_once('@')?;
    // Some services take the token as the user (`https://TOKEN@host`).
    let password = userinfo.split_once(':').map_or(userinfo, |(_, password)| password);
    let mut decoded = Zeroizing::new(Vec::with_capacity(password.len()));
    let mut bytes = password.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let pair =
            (byte == b'%').then(|| Some((hex_digit(ahead.next()?)?, hex_digit(ahead.next()?)?))).flatten();
        match pair {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                bytes = ahead;
            }
            None => decoded.push(byte),
        }
    }
    Some(decoded)
}

fn hex_digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

fn is_path(value: &str) -> bool {
    let windows = value.as_bytes().get(1..3).is_some_and(|b| b == b":\\" || b == b":/");
    value.starts_with("~/")
        || value.starts_with("./")
        || value.starts_with("../")
        || windows
        // Base64 may begin with a slash: only what exists is a path.
        || (value.starts_with('/') && Path::new(value).exists())
}

/// Whether `name` matches `pattern`, in which `*` stands for any characters.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            back = Some((p, n));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| c.eq_ignore_ascii_case(&name[n])) {
            p += 1;
            n += 1;
        } else if let Some((star, at)) = back {
            back = Some((star, at + 1));
            p = star + 1;
            n = at + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(variables: &[(&str, &str)], more: &[&str]) -> (Vec<String>, Vec<(String, &'static str)>) {
        let mut refused = Vec::new();
        let more: Vec<String> = more.iter().map(ToString::to_string).collect();
        let variables = variables.iter().map(|(n, v)| (n.to_string(), Zeroizing::new(v.as_bytes().to_vec())));
        let chosen = chosen(variables, &more, &mut refused);
        (
            chosen.into_iter().map(|c| c.names).collect(),
            refused.into_iter().map(|r| (r.name, r.code)).collect(),
        )
    }

    #[test]
    fn patterns() {
        assert!(matches("*_TOKEN", "GH_TOKEN"));
        assert!(matches("*_TOKEN", "gh_token"));
        assert!(!matches("*_TOKEN", "GH_TOKEN_FILE"));
        assert!(matches("TF_VAR_*", "TF_VAR_db"));
        assert!(matches("*a*b*", "xxaxxbxx"));
        assert!(!matches("", "x"));
    }

    #[test]
    fn one_value_under_two_names_is_one_secret() {
        let (names, refused) = choose(&[("GH_TOKEN", "abcdefgh12345"), ("CI_TOKEN", "abcdefgh12345")], &[]);
        assert_eq!(names, ["CI_TOKEN, GH_TOKEN"]);
        assert!(refused.is_empty());
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let (names, refused) = choose(
            &[
                ("A_TOKEN", "true"),
                ("B_TOKEN", "${B_TOKEN_REAL}"),
                ("C_CREDENTIALS", "./creds.json"),
                ("D_TOKEN", "https://example.com/token"),
                ("E_URL", "https://example.com/"),
                ("PATH", "/usr/bin:/bin"),
                ("STRIPE_PUBLISHABLE_KEY", "pk_whatever_it_is"),
            ],
            &[],
        );
        assert!(names.is_empty(), "{names:?}");
        let codes: Vec<_> = refused.iter().map(|r| r.1).collect();
        assert_eq!(codes, ["E_SHORT", "E_TEMPLATE", "E_PATH", "E_URL", "E_PUBLIC"]);
    }

    #[test]
    fn addresses_yield_their_password() {
        let mut refused = Vec::new();
        let url = format!("postgres://app:{}@db/prod", "p%40ss-w0rd-xyz");
        let url = Zeroizing::new(url.into_bytes());
        let chosen = chosen([("DATABASE_URL".to_string(), url)].into_iter(), &[], &mut refused);
        assert_eq!(chosen[0].names, "DATABASE_URL");
        assert_eq!(chosen[1].names, "DATABASE_URL (its password)");
        assert_eq!(chosen[1].value.as_slice(), b"p@ss-w0rd-xyz");
    }

    #[test]
    fn further_names_are_taken() {
        let (names, _) = choose(&[("MY_THING", "abcdefgh12345")], &["MY_*"]);
        assert_eq!(names, ["MY_THING"]);
    }
}
