//! JSON web tokens as bearers: at which hosts a token says that it is at home.
//!
//! A token tells who made it and for whom ([RFC 7519](https://www.rfc-editor.org/rfc/rfc7519), `iss` and `aud`). At a host that it names itself it belongs to whoever answers there, and some issuers have hosts of their own beside
//! those. Nobody asks whether the signature is right: whoever writes a token of his own has one that opens nothing, and what he hides in it is looked for as anywhere.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use exfilter_engine::{Authority, HostPattern};
use exfilter_wire::fields::{self, Member};
use exfilter_wire::places::Place;
use zeroize::Zeroizing;

/// The rule that finds them.
pub(super) const RULE: &str = "json-web-token";

/// The longest claims that are read, in bytes of base64; those with many groups have some kilobytes.
const CLAIMS_MAX: usize = 16 << 10;

/// The most members of them.
const MEMBERS_MAX: usize = 4096;

/// Who makes tokens, as a token names it or as what is before a slash of that, and the hosts at which they are bearers beside those that it names.
const ISSUERS: [(&str, &[&str]); 4] = [
    // https://developers.openai.com/codex/auth
    ("https://auth.openai.com", &["chatgpt.com", "*.chatgpt.com", "api.openai.com", "auth.openai.com"]),
    // https://distribution.github.io/distribution/spec/auth/jwt/
    ("auth.docker.io", &["registry-1.docker.io"]),
    // https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference; a resource is named by a number in newer ones.
    ("https://login.microsoftonline.com", MICROSOFT),
    ("https://sts.windows.net", MICROSOFT),
];

/// None at which customers' own programs answer.
const MICROSOFT: &[&str] = &[
    "graph.microsoft.com",
    "management.azure.com",
    "management.core.windows.net",
    "*.vault.azure.net",
    "*.azurecr.io",
    "dev.azure.com",
    "*.dev.azure.com",
    "*.visualstudio.com",
];

/// Whether all of `value` is one token that is at home at a host.
pub(super) fn is_at_home(value: &[u8], host: &str) -> bool {
    let Some(claims) = claims(value) else { return false };
    let strings = |is: &dyn Fn(&str) -> bool| strings(&claims, is);
    let is_named = |name: &str| {
        // Registries of images name themselves without a scheme.
        let rest = name.strip_prefix("https://").unwrap_or(name);
        let named = format!("https://{}", rest.split(['/', '?', '#']).next().unwrap_or_default());
        Authority::parse(named.as_bytes()).is_ok_and(|named| named.host() == host)
    };
    let issuers = strings(&|at| at == "/iss");
    // Of two, readers take the one or the other.
    let issuer = if let [one] = issuers[..] { one } else { "" };
    let is_index = |rest: &str| rest.strip_prefix('/').is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    let audience =
        strings(&|at| at.strip_prefix("/aud").is_some_and(|rest| rest.is_empty() || is_index(rest)));
    let is_by = |name: &str| {
        let rest = issuer.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let matches = |pattern: &&str| HostPattern::parse(pattern.as_bytes()).is_ok_and(|p| p.matches(host));
    std::iter::once(issuer).chain(audience).any(is_named)
        || ISSUERS.iter().any(|(name, hosts)| is_by(name) && hosts.iter().any(matches))
}

/// Whose token `value` is, if all of it is one that says so: who made it, and what that one calls the person. Two makers may have the same name for different people.
pub(crate) fn person(value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let claims = claims(value)?;
    let one = |name: &str| {
        let is_it = |member: &&Member| matches!(&member.place, Place::Json(at) if at == name);
        // Of two, readers take the one or the other, and of another type who knows what.
        match claims.iter().filter(is_it).collect::<Vec<_>>()[..] {
            [one] if one.is_string && !one.value.is_empty() => Some(&one.value),
            _ => None,
        }
    };
    let (issuer, subject) = (one("/iss")?, one("/sub")?);
    let length = (issuer.len() as u64).to_le_bytes();
    Some(Zeroizing::new([&length[..], issuer, subject].concat()))
}

/// The strings at places of claims.
fn strings<'a>(claims: &'a [Member], is: &dyn Fn(&str) -> bool) -> Vec<&'a str> {
    let here =
        claims.iter().filter(|member| member.is_string && matches!(&member.place, Place::Json(at) if is(at)));
    here.filter_map(|member| std::str::from_utf8(&member.value).ok()).collect()
}

/// The claims of a token with a signature.
fn claims(value: &[u8]) -> Option<Vec<Member>> {
    let mut parts = value.split(|b| *b == b'.');
    let (Some(head), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let is_base64 = |part: &[u8]| {
        !part.is_empty() && part.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if claims.len() > CLAIMS_MAX || ![head, claims, signature].into_iter().all(is_base64) {
        return None;
    }
    fields::document(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?, MEMBERS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> Vec<u8> {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(claims), part("signature")).into_bytes()
    }

    #[test]
    fn tokens_are_at_home_where_they_say_or_their_issuer_does() {
        let openai = r#"{"aud":["https://api.openai.com/v1"],"iss":"https://auth.openai.com"}"#;
        let azure = r#"{"aud":"797f4846","iss":"https://login.microsoftonline.com/tenant/v2.0"}"#;
        let own = r#"{"iss":"https://ref.example.co/auth/v1","aud":"authenticated"}"#;
        for (claims, host, expected) in [
            (openai, "chatgpt.com", true),
            (openai, "api.openai.com", true),
            // Of companies it keeps what they say in some country.
            (openai, "eu.chatgpt.com", true),
            (openai, "openai.com", false),
            (openai, "chatgpt.com.example.com", false),
            (azure, "management.azure.com", true),
            (azure, "my.vault.azure.net", true),
            (azure, "chatgpt.com", false),
            (own, "ref.example.co", true),
            (own, "other.example.co", false),
            (r#"{"aud":"HTTPS://api.example.com"}"#, "api.example.com", false),
            (r#"{"aud":"https://api.example.com:8443?x"}"#, "api.example.com", true),
            (r#"{"aud":"http://api.example.com"}"#, "api.example.com", false),
            (r#"{"aud":"quay.io","iss":"quay"}"#, "quay.io", true),
            (r#"{"aud":"registry.docker.io","iss":"auth.docker.io"}"#, "registry-1.docker.io", true),
            (r#"{"aud":"registry.docker.io","iss":"docker.io"}"#, "registry-1.docker.io", false),
            (r#"{"aud":"https://me@api.example.com"}"#, "api.example.com", false),
            (r#"{"iss":"https://auth.openai.com.example.com"}"#, "chatgpt.com", false),
            (r#"{"iss":"https://auth.openai.com/"}"#, "chatgpt.com", true),
            (r#"{"iss":"https://auth.openai.com","iss":"https://example.com"}"#, "chatgpt.com", false),
            (r#"{"x":{"iss":"https://auth.openai.com","aud":"https://chatgpt.com"}}"#, "chatgpt.com", false),
            (r#"{"iss":1,"aud":[2,{"a":"https://api.example.com"}]}"#, "api.example.com", false),
            ("[]", "api.example.com", false),
        ] {
            assert_eq!(is_at_home(&token(claims), host), expected, "{claims} {host}");
        }
    }

    #[test]
    fn a_person_is_told_by_who_says_so() {
        let of = |claims: &str| person(&token(claims)).map(|person| person.to_vec());
        let one = of(r#"{"iss":"https://auth.openai.com","sub":"u1","exp":1}"#);
        assert!(one.is_some() && one == of(r#"{"exp":2,"sub":"u\u0031","iss":"https://auth.openai.com"}"#));
        for other in [
            r#"{"iss":"https://auth.openai.com","sub":"u2"}"#,
            r#"{"iss":"https://auth.openai.co","sub":"mu1"}"#,
            r#"{"iss":"https://auth.openai.com","sub":"u1","sub":"u2"}"#,
            r#"{"iss":"https://auth.openai.com","sub":"u1","sub":2}"#,
            r#"{"iss":"https://auth.openai.com","sub":""}"#,
            r#"{"iss":"https://auth.openai.com"}"#,
            r#"{"sub":"u1"}"#,
            r#"{"x":{"iss":"https://auth.openai.com","sub":"u1"}}"#,
        ] {
            assert!(of(other) != one, "{other}");
        }
        assert_eq!(person(b"no.token.at.all"), None);
    }

    #[test]
    fn what_is_no_whole_token_is_at_home_nowhere() {
        let good = token(r#"{"aud":"https://api.example.com"}"#);
        let is_home = |value: &[u8]| is_at_home(value, "api.example.com");
        assert!(is_home(&good));
        for (before, behind) in
            [(&b" "[..], &b""[..]), (b"", b" "), (b"", b".x"), (b"a.", b""), (b"", b",x"), (b"", b"=")]
        {
            assert!(!is_home(&[before, &good, behind].concat()));
        }
        let long = format!(r#"{{"aud":"https://api.example.com","x":"{}"}}"#, "x".repeat(CLAIMS_MAX));
        assert!(!is_home(&token(&long)) && !is_home(b"") && !is_home(b"..") && !is_home(b"a.b.c"));
    }
}
