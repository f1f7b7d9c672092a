//! [`Gate`]: where requests may go at all, before anything is resolved.

use exfilter::config::Config;
use exfilter::{Authority, Block, Engine, Flow, HostPattern, Reference, Verdict};

use crate::authority_cert::ip;

/// The list of hosts, and the engine that looks at names.
pub(crate) struct Gate {
    pub(crate) engine: Engine,
    pub(crate) config: Config,
    pub(crate) allow: Option<Vec<HostPattern>>,
    pub(crate) closed_network: bool,
}

/// Why a request may not go there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Its name is none, or is spelled so that two readers would read two.
    Malformed,
    /// It is not on the list.
    NotAllowed,
    /// A secret stands in its name; with the number of the refusal, if that counts for the quarantine.
    Secret(Option<Reference>),
    /// It is an address of this machine or of a private network.
    Private,
}

impl Closed {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Closed::Malformed => "the request does not name one host and port",
            Closed::NotAllowed => {
                "this host is not one of those that may be reached (--allow, or hosts in the policy)"
            }
            Closed::Secret(_) => "blocked by policy: the host's name",
            Closed::Private => {
                "this is an address of the machine or of a private network; allow it by its name (--allow)"
            }
        }
    }
}

impl Gate {
    /// Reads the target of a CONNECT (`host:port`), for TLS or without it.
    pub(crate) fn tunnel(&self, target: &str, scheme: &str) -> Result<Authority, Closed> {
        // A port must be given: `host` alone is another thing for each reader.
        let after_host = target.rsplit(']').next().unwrap_or(target);
        if !after_host.contains(':') {
            return Err(Closed::Malformed);
        }
        read(target, scheme)
    }

    /// Whether a host may be reached, by its name.
    pub(crate) fn check(&self, to: &Authority) -> Result<(), Closed> {
        if let Some(block) = self.held_secret(to) {
            return Err(Closed::Secret(block.counts().then(|| block.reference())));
        }
        let host = to.host();
        let listed = self.is_listed(host);
        if !self.config.admits(host) || listed == Some(false) {
            return Err(Closed::NotAllowed);
        }
        if listed.is_none() && ip(host).is_some_and(|ip| self.is_closed(ip)) {
            return Err(Closed::Private);
        }
        Ok(())
    }

    /// Whether what a host says of token endpoints is heard: it may be reached, and the policy says so.
    pub(crate) fn learns_from(&self, host: &str) -> bool {
        self.config.learns_from(host) && self.is_listed(host) != Some(false)
    }

    /// Whether a host is on the list; none if there is no list.
    fn is_listed(&self, host: &str) -> Option<bool> {
        self.allow.as_ref().map(|patterns| patterns.iter().any(|pattern| pattern.matches(host)))
    }

    /// The labels of a host that a client chooses: those before the suffix by which it is allowed, or, where any host is, before the last two.
    pub(crate) fn own<'a>(&self, host: &'a str) -> &'a str {
        if ip(host).is_some() {
            return "";
        }
        let matching = self.allow.iter().flatten().filter(|pattern| pattern.matches(host));
        if let Some(suffix) = matching.map(|pattern| pattern.host().len()).max() {
            return host[..host.len() - suffix].trim_end_matches('.');
        }
        host.rmatch_indices('.').nth(1).map_or("", |(at, _)| &host[..at])
    }

    /// Whether an address to which a name was resolved may be dialled.
    pub(crate) fn may_dial(&self, to: &Authority, address: std::net::IpAddr) -> bool {
        // By a name that is on the list as it stands, its owner decides where it leads.
        let host = to.host();
        let named = self.allow.iter().flatten().any(|pattern| pattern.host() == host);
        named || !self.is_closed(address)
    }

    fn is_closed(&self, address: std::net::IpAddr) -> bool {
        use std::net::IpAddr;
        let address = address.to_canonical();
        let is_metadata = match address {
            IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast() || ip.is_multicast(),
            // fd00:ec2::254 too.
            IpAddr::V6(ip) => {
                ip.is_unicast_link_local() || ip.is_multicast() || ip.segments()[..2] == [0xfd00, 0x0ec2]
            }
        };
        let is_private = match address {
            IpAddr::V4(ip) => {
                let [a, b, ..] = ip.octets();
                ip.is_private() || ip.is_loopback() || a == 0 || (a == 100 && b & 0xc0 == 64)
            }
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local(),
        };
        is_metadata || (self.closed_network && is_private)
    }

    /// Names are sent to resolvers, so they are content: as they stand, and with their labels joined.
    fn held_secret(&self, to: &Authority) -> Option<Block> {
        let joined = to.host().replace('.', "");
        [to.host(), &joined].iter().find_map(|text| {
            let mut stream = self.engine.stream(Flow::outbound(to.clone()));
            let pushed = stream.push(text.as_bytes());
            match (pushed, stream.finish()) {
                (_, Verdict::Block(block)) | (Verdict::Block(block), _) => Some(block),
                _ => None,
            }
        })
    }
}

/// Reads `host[:port]`.
pub(crate) fn read(host: &str, scheme: &str) -> Result<Authority, Closed> {
    // What `Authority` would take away as the end of an address is no part of a host here.
    if host.contains('/') {
        return Err(Closed::Malformed);
    }
    Authority::parse(format!("{scheme}://{host}").as_bytes()).map_err(|_| Closed::Malformed)
}

#[cfg(test)]
mod tests {
    use exfilter_testing::Rng;

    use super::*;

    fn gate(allow: &[&str], closed_network: bool) -> Gate {
        let pattern = |text: &&str| HostPattern::parse(text.as_bytes()).expect("a pattern");
        let allow = (!allow.is_empty()).then(|| allow.iter().map(pattern).collect());
        let rule = exfilter::Rule::new("acme-key", "acme_", "acme_[0-9a-f]{32}");
        let engine = Engine::builder().rules([rule]).build().expect("one rule compiles");
        Gate { engine, config: Config::default(), allow, closed_network }
    }

    /// Whatever a target is made of: it is refused, or what is dialled is spelled as it is compared.
    #[test]
    fn targets_are_canonical_or_refused() {
        const PIECES: [&str; 22] = [
            "example",
            "EXAMPLE",
            ".",
            "..",
            ":",
            ":443",
            ":0",
            "@",
            "[",
            "]",
            "::1",
            "0x7f",
            "017",
            "127.0.0.1",
            "%00",
            "\u{e9}",
            "-",
            "_",
            "1",
            "/",
            "\\",
            " ",
        ];
        let gate = gate(&["example"], true);
        let (mut rng, mut read) = (Rng::new(77), 0);
        for _ in 0..20_000 {
            let text: String = (0..1 + rng.below(6)).map(|_| PIECES[rng.below(PIECES.len())]).collect();
            let Ok(to) = gate.tunnel(&text, "https") else { continue };
            read += 1;
            let again = gate.tunnel(&format!("{}:{}", to.host(), to.port()), "https");
            assert_eq!(again.as_ref(), Ok(&to), "{text}");
            assert!(!to.host().contains(['@', '/', '%', ' ', '\\']) && !to.host().ends_with('.'), "{text}");
            assert_eq!(gate.check(&to).is_ok(), to.host() == "example", "{text}");
        }
        assert!(read > 50, "{read}");
    }

    #[test]
    fn clients_choose_what_is_before_the_suffix() {
        let listed = gate(&["*.example.com", "*.corp.example.com", "exact.example.org"], true);
        for (host, own) in
            [("a.b.example.com", "a.b"), ("x.corp.example.com", "x"), ("exact.example.org", "")]
        {
            assert_eq!(listed.own(host), own, "{host}");
        }
        let open = gate(&[], false);
        for (host, own) in [
            ("a.b.example.com", "a.b"),
            ("example.com", ""),
            ("localhost", ""),
            ("127.0.0.1", ""),
            ("[::1]", ""),
        ] {
            assert_eq!(open.own(host), own, "{host}");
        }
    }

    #[test]
    fn private_addresses_in_any_dress() {
        let open = gate(&[], false);
        let closed = gate(&[], true);
        let named = gate(&["10.0.0.5", "*.corp.example"], true);
        let to = |text: &str| Authority::parse(format!("https://{text}").as_bytes()).expect("an authority");
        for host in [
            "127.0.0.1",
            "10.0.0.5",
            "172.16.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "[::1]",
            "[fd00::1]",
            "[::ffff:10.0.0.5]",
        ] {
            assert_eq!(
                (open.check(&to(host)), closed.check(&to(host))),
                (Ok(()), Err(Closed::Private)),
                "{host}"
            );
        }
        for host in
            ["169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "224.0.0.1"]
        {
            assert_eq!(open.check(&to(host)), Err(Closed::Private), "{host}");
        }
        assert_eq!(named.check(&to("10.0.0.5")), Ok(()));
        // A name below a suffix may be anybody's, so it leads to no private address.
        let private = "10.0.0.9".parse().expect("an address");
        assert!(!named.may_dial(&to("a.corp.example"), private));
        assert!(gate(&["a.corp.example"], true).may_dial(&to("a.corp.example"), private));
    }
}
