//! Which values are no secrets, or too weak to be fingerprinted.

use crate::secrets::Refusal;

/// Values shorter than this are refused, in bytes.
pub(crate) const MIN_LEN: usize = 12;
/// Values longer than this are refused, in bytes.
pub(crate) const MAX_LEN: usize = 64 << 10;
/// Values whose secret part is estimated below this are refused, in bits.
const MIN_BITS: f64 = 40.0;

/// The length of the public prefix: issuers put their mark in front, up to `_`, `-` or `.`.
///
/// At most 16 bytes, and never more than what leaves [`MIN_LEN`] bytes of secret part.
pub(crate) fn public_prefix(value: &[u8]) -> usize {
    let mut prefix = 0;
    for (i, b) in value.iter().enumerate().take(16.min(value.len().saturating_sub(MIN_LEN))) {
        match b {
            b'_' | b'-' | b'.' if i >= 2 => prefix = i + 1,
            b'_' | b'-' | b'.' => {}
            // A mark is made of few letters; `sk-ant-api03-`, `github_pat_`.
            _ if b.is_ascii_alphanumeric() && i - prefix < 8 => {}
            _ => break,
        }
    }
    prefix
}

/// An upper estimate of what it takes to guess the secret part, in bits.
pub(crate) fn bits(value: &[u8]) -> f64 {
    let secret = &value[public_prefix(value)..];
    let has = |f: fn(&u8) -> bool| secret.iter().any(f);
    let mut alphabet = 0.0f64;
    if has(|b| b.is_ascii_digit()) {
        alphabet += 10.0;
    }
    let hex = secret.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    if has(u8::is_ascii_lowercase) {
        alphabet += if hex { 6.0 } else { 26.0 };
    }
    if has(u8::is_ascii_uppercase) {
        alphabet += if hex { 6.0 } else { 26.0 };
    }
    let signs = || secret.iter().filter(|b| !b.is_ascii_alphanumeric());
    if signs().next().is_some() && !hex {
        // Those of base64url or base64, or any.
        let only = |these: &[u8]| signs().all(|b| these.contains(b));
        alphabet += if only(b"-_") || only(b"+/=") { 2.0 } else { 16.0 };
    }
    let len = secret.len() as f64;
    let by_class = len * alphabet.max(2.0).log2();
    // Repeated and few characters, and runs such as 12345678 or abcdefgh, carry little.
    let by_entropy = len * crate::confirm::shannon(secret) + 8.0;
    let steps = secret.windows(2).filter(|w| w[1].wrapping_sub(w[0]) <= 1 || w[0] == w[1]).count() as f64;
    // Random characters have some, too.
    let expected = 2.0 * (len - 1.0).max(0.0) / alphabet.max(2.0);
    let steps = (steps - expected - 2.0 * expected.sqrt()).max(0.0);
    let by_steps = by_class * (1.0 - 0.9 * steps / (len - 1.0).max(1.0));
    by_class.min(by_entropy * 1.5).min(by_steps)
}

/// Whether characters look as if they were drawn: of neighbouring letters and digits, more than a quarter are of different classes, a capital with a small letter behind it apart, for words
/// begin so. Of drawn ones nearly half are; of words, and of names made of words, a fifth.
pub(crate) fn looks_drawn(value: &[u8]) -> bool {
    let class = |byte: u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase());
    let begins_word = |two: &[u8]| two[0].is_ascii_uppercase() && two[1].is_ascii_lowercase();
    let pairs = || value.windows(2).filter(|two| two.iter().all(u8::is_ascii_alphanumeric));
    let changes = pairs().filter(|two| class(two[0]) != class(two[1]) && !begins_word(two)).count();
    4 * changes > pairs().count()
}

/// Says why a value of that length cannot be enrolled, if so.
pub(crate) fn refuse_length(value: &[u8]) -> Option<Refusal> {
    let no = |code, message, remedy| Some(Refusal::new(code, message, remedy));
    if value.len() < MIN_LEN {
        return no(
            "E_SHORT",
            "the value has fewer than 12 bytes",
            "use a longer secret, or protect it by a key pattern",
        );
    }
    if value.len() > MAX_LEN {
        return no(
            "E_LONG",
            "the value has more than 64 KiB",
            "enrol the credential inside it, not the file around it",
        );
    }
    None
}

/// Says why `value` must not be enrolled, if so.
pub(crate) fn refuse(value: &[u8]) -> Option<Refusal> {
    let no = |code, message, remedy| Some(Refusal::new(code, message, remedy));
    if let Some(refusal) = refuse_length(value) {
        return Some(refusal);
    }
    let text = String::from_utf8_lossy(value);
    let trimmed = text.trim();
    let lower = trimmed.to_ascii_lowercase();
    if lower.starts_with("-----begin") && !lower.contains("private key") {
        return no("E_PUBLIC", "the value is a public key or a certificate", "enrol the private key instead");
    }
    if ["ssh-rsa ", "ssh-ed25519 ", "ecdsa-sha2-", "sk-ssh-"].iter().any(|p| lower.starts_with(p)) {
        return no("E_PUBLIC", "the value is a public key", "enrol the private key instead");
    }
    let template = lower.starts_with("${")
        || lower.starts_with("$(")
        || lower.contains("{{")
        || (lower.starts_with('<') && lower.ends_with('>'))
        || lower.starts_with("your_")
        || lower.starts_with("your-")
        || lower.contains("xxxxxx")
        || lower.contains("******");
    if template {
        return no("E_TEMPLATE", "the value is a placeholder", "enrol the value that replaces it");
    }
    if lower.ends_with("example") || lower.ends_with("examplekey") {
        return no("E_EXAMPLE", "the value is a documented example", "enrol a real credential");
    }
    if COMMON.iter().any(|c| lower == *c || lower.strip_suffix(|c: char| c.is_ascii_digit()) == Some(*c)) {
        return no(
            "E_COMMON",
            "the value is in every list of common passwords",
            "change it, then enrol the new one",
        );
    }
    if is_plain_setting(trimmed) {
        return no(
            "E_NOTSECRET",
            "the value is a path, an address without a password or a number",
            "enrol only values that open something",
        );
    }
    if bits(value) < MIN_BITS {
        return no(
            "E_WEAK",
            "the value can be guessed from its fingerprint",
            "change it to a random one of 16 characters or more",
        );
    }
    None
}

fn is_plain_setting(text: &str) -> bool {
    let path = (text.starts_with('/') || text.starts_with("./") || text.starts_with("~/"))
        && text.matches('/').count() >= 2
        && !text.contains('=')
        && !text.contains('+')
        // Base64 may begin with a slash.
        && !looks_drawn(text.as_bytes());
    let url = text.split_once("://").is_some_and(|(scheme, rest)| {
        scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'-')
            && !rest.contains('@')
            && !rest.contains('?')
            && rest.split('/').all(|part| part.len() < 20)
    });
    let number = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'-' | b':' | b' '));
    path || url || number
}

/// Lower case, 12 bytes or more (shorter ones are refused by length).
const COMMON: [&str; 16] = [
    "changemechangeme",
    "changemeplease",
    "passwordpassword",
    "password12345",
    "administrator",
    "letmeinletmein",
    "qwertyuiop",
    "qwertyuiopasdfghjkl",
    "1q2w3e4r5t6y",
    "iloveyouiloveyou",
    "supersecretpassword",
    "mysecretpassword",
    "secretsecret",
    "defaultpassword",
    "notarealsecret",
    "thisisnotasecret",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_where_the_secret_begins() {
        let body = "q8Zt4LmN0pR7sVx2Yb5Kd9Fg3Hj6Wc1A";
        for prefix in ["ghp_", "github_pat_", "sk-ant-api03-", "xoxb-", ""] {
            assert_eq!(public_prefix(format!("{prefix}{body}").as_bytes()), prefix.len(), "{prefix}");
        }
    }

    #[test]
    fn values_that_are_no_secrets_are_refused_with_a_code() {
        for (value, code) in [
            ("short", "E_SHORT"),
            ("${DATABASE_PASSWORD}", "E_TEMPLATE"),
            ("<your-key-goes-here>", "E_TEMPLATE"),
            ("/usr/local/bin/program", "E_NOTSECRET"),
            ("/opt/Android/Sdk/ndk/27.0.12077973/toolchains/llvm/prebuilt", "E_NOTSECRET"),
            ("/nix/store/bin/Project2/Sources/x86_64-linux", "E_NOTSECRET"),
            ("https://localhost:8080/path", "E_NOTSECRET"),
            ("192.168.100.100", "E_NOTSECRET"),
            ("supersecretpassword1", "E_COMMON"),
            ("aaaaaaaaaaaaaaaaaaaa", "E_WEAK"),
            ("abcdefghijklmnop", "E_WEAK"),
            ("-----BEGIN PUBLIC KEY-----\nMIIB", "E_PUBLIC"),
            ("wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", "E_EXAMPLE"),
        ] {
            assert_eq!(refuse(value.as_bytes()).map(|r| r.code()), Some(code), "{value}");
        }
        for value in [
            "q8Zt4LmN0pR7sVx2",
            "/q8Zt4LmN0pR/7sVx2Yb5Kd9Fg3Hj6Wc1A",
            "correct horse battery staple",
            "3f9c1d7be24a68051c3d",
            "Tr0ub4dor&3xyz!",
        ] {
            assert_eq!(refuse(value.as_bytes()), None, "{value}");
        }
    }
}
