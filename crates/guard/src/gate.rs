//! [`Gate`]: where requests may go at all, before anything is resolved.

use exfilter::{Authority, Engine, Flow, HostPattern, Verdict};

use crate::authority_cert::ip;

/// The list of hosts, and the engine that looks at names.
pub(crate) struct Gate {
    pub(crate) engine: Engine,
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
    /// A secret stands in its name.
    Secret,
    /// It is an address of this machine or of a private network.
    Private,
}

impl Closed {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Closed::Malformed => "the request does not name one host and port",
            Closed::NotAllowed => "this host is not one of those that may be reached (--allow)",
            Closed::Secret => "blocked by policy: the host's name",
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
        if self.holds_secret(to) {
            return Err(Closed::Secret);
        }
        let host = to.host();
        let is_listed = |patterns: &Vec<HostPattern>| patterns.iter().any(|pattern| pattern.matches(host));
        let listed = self.allow.as_ref().is_some_and(is_listed);
        if self.allow.is_some() && !listed {
            return Err(Closed::NotAllowed);
        }
        if !listed && ip(host).is_some_and(|ip| self.is_closed(ip)) {
            return Err(Closed::Private);
        }
        Ok(())
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
    fn holds_secret(&self, to: &Authority) -> bool {
        let joined = to.host().replace('.', "");
        [to.host(), &joined].iter().any(|text| {
            let mut stream = self.engine.stream(Flow::outbound(to.clone()));
            let pushed = stream.push(text.as_bytes());
            matches!((pushed, stream.finish()), (Verdict::Block(_), _) | (_, Verdict::Block(_)))
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
