//! [`SecretUrl`]: addresses that are credentials.

use exfilter_engine::{Binding, HostPattern, Slot};

/// An address in an answer whose last segment is a credential.
#[derive(Debug, PartialEq)]
pub(super) struct SecretUrl {
    /// The end of the member's pointer.
    pub(super) pointer: &'static str,
    /// What people call the member.
    pub(super) name: &'static str,
    pub(super) host: &'static str,
    /// What the path begins with, of segments; `*` is any one.
    pub(super) before: &'static [&'static str],
}

impl SecretUrl {
    /// Whether a member is the address, in any case of letters.
    pub(super) fn is_at(&self, pointer: &str) -> bool {
        let at = pointer.len().checked_sub(self.pointer.len());
        at.and_then(|at| pointer.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(self.pointer))
    }

    /// Where in an address the credential begins, if it is such a one.
    pub(super) fn secret(&self, url: &[u8]) -> Option<usize> {
        let url = str::from_utf8(url).ok()?;
        let mut segments =
            url.strip_prefix("https://")?.strip_prefix(self.host)?.strip_prefix('/')?.split('/');
        let is_plain = |one: &str| !one.is_empty() && one.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_before = self.before.iter().all(|known| {
            segments.next().is_some_and(|one| is_plain(one) && (*known == "*" || *known == one))
        });
        let secret = segments.next().filter(|one| is_plain(one) && is_before)?;
        segments.next().is_none().then_some(url.len() - secret.len())
    }

    pub(super) fn binding(&self) -> Option<Binding> {
        let host = HostPattern::parse(self.host.as_bytes()).ok()?;
        Some(Binding { host, slot: Slot::Path(self.before.len().try_into().ok()?) })
    }
}

#[cfg(test)]
mod tests {
    use crate::substitute::logins::known::WEBHOOK;

    #[test]
    fn secrets_in_addresses() {
        let secret = |url: &str| WEBHOOK.secret(url.as_bytes()).map(|at| url[at..].to_owned());
        let good = "https://hooks.slack.com/services/T0123/B0123/";
        assert_eq!(secret(&format!("{good}AbCd")).as_deref(), Some("AbCd"));
        for bad in ["", "a/b", "a?b", "a#b", "a%41", "a/"] {
            assert_eq!(secret(&format!("{good}{bad}")), None, "{bad}");
        }
        for bad in [
            "http://hooks.slack.com/services/T/B/a",
            "https://hooks.slack.com.example.com/services/T/B/a",
            "https://hooks.slack.com:8443/services/T/B/a",
            "https://hooks.slack.com/workflows/T/B/a",
            "https://hooks.slack.com/services/T/a",
            "https://hooks.slack.com/services/T//a",
        ] {
            assert_eq!(secret(bad), None, "{bad}");
        }
        assert!(WEBHOOK.is_at("/incoming_webhook/url") && WEBHOOK.is_at("/a/Incoming_Webhook/URL"));
        assert!(!WEBHOOK.is_at("/incoming_webhook/configuration_url") && !WEBHOOK.is_at("/url"));
    }
}
