//! [`TokenHost`]: hosts at which tokens are good.

use std::fmt;

use exfilter_engine::{Authority, HostPattern, ParseError};

use super::endpoints::HTTPS;

/// Hosts at which access tokens are good: `api.example.com`, `*.example.com`, or `api.example.com:8443` for that port alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHost {
    pub(super) pattern: HostPattern,
    pub(super) port: Option<u16>,
}

impl TokenHost {
    /// Parses a pattern of hosts, with or without a port.
    ///
    /// # Errors
    ///
    /// [`ParseError`] says what is wrong with the text, without repeating it.
    pub fn parse(text: &[u8]) -> Result<TokenHost, ParseError> {
        // The colons of an IPv6 address stand before its bracket.
        let colon = text
            .iter()
            .rposition(|byte| *byte == b':')
            .filter(|_| !text.ends_with(b"]") && !text.ends_with(b"/"));
        let Some(colon) = colon else {
            return Ok(TokenHost { pattern: HostPattern::parse(text)?, port: None });
        };
        let port = Authority::parse(&[b"https://port", &text[colon..]].concat())?.port();
        Ok(TokenHost { pattern: HostPattern::parse(&text[..colon])?, port: Some(port) })
    }

    /// As people write it: without the port of https.
    pub(super) fn shown(&self) -> String {
        match self.port {
            Some(HTTPS) => self.pattern.to_string(),
            _ => self.to_string(),
        }
    }
}

/// At the ports at which tokens are good where none is said: that of https, and its endpoint's.
impl From<HostPattern> for TokenHost {
    fn from(pattern: HostPattern) -> TokenHost {
        TokenHost { pattern, port: None }
    }
}

impl fmt::Display for TokenHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.pattern)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_ports() {
        let parsed = |text: &str| TokenHost::parse(text.as_bytes()).map(|host| (host.to_string(), host.port));
        for (text, port) in [
            ("api.example.com", None),
            ("*.example.com", None),
            ("[::1]", None),
            ("api.example.com:8443", Some(8443)),
            ("*.example.com:1", Some(1)),
            ("[::1]:65535", Some(65535)),
        ] {
            assert_eq!(parsed(text).ok(), Some((text.to_owned(), port)));
        }
        for bad in ["", ":8443", "a:", "a:0", "a:65536", "a:x", "a:1/", "a:1:2", "*:1", "::1", "https://a"] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }
}
