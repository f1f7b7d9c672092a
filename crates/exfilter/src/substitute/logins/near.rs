//! Whose hosts are one owner's, as far as their names tell.

use exfilter_engine::Authority;

/// Whether a host is the other one, or is above it: `example.com` is above `auth.example.com`.
///
/// Who has a name has those below it, if only because the names of others go through his servers. The other way round it is not so: `github.io` has names for strangers.
pub(super) fn is_or_is_above(host: &str, below: &str) -> bool {
    host == below || is_above(host, below)
}

/// Whether one of two hosts is the other one, or above it. Names that only have something in common, as `mcp.example.com` and `auth.example.com` do, are not near: `example.com` may be a name under which strangers have theirs, and nobody who was asked answers there.
pub(super) fn is_near(one: &str, other: &str) -> bool {
    one == other || is_above(one, other) || is_above(other, one)
}

/// Whether tokens may go to a port, where those of this address are given: another one of the same host may be another's.
pub(super) fn is_port(port: u16, endpoint: &Authority) -> bool {
    port == super::endpoints::HTTPS || port == endpoint.port()
}

fn is_above(host: &str, below: &str) -> bool {
    // Numbers go from the left to the right, and one label is a whole domain of the world.
    let is_name = !host.starts_with('[') && !below.starts_with('[') && !is_ipv4(host) && !is_ipv4(below);
    is_name
        && host.contains('.')
        && below.strip_suffix(host).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

fn is_ipv4(host: &str) -> bool {
    host.parse::<std::net::Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_above_and_below() {
        for (one, other, near) in [
            ("example.com", "example.com", true),
            ("example.com", "auth.example.com", true),
            ("example.com", "a.b.example.com", true),
            ("com", "example.com", false),
            ("localhost", "localhost", true),
            ("localhost", "a.localhost", false),
            ("example.com", "badexample.com", false),
            ("mcp.example.com", "auth.example.com", false),
            ("me.github.io", "you.github.io", false),
            ("2.3.4.5", "2.3.4.5", true),
            ("3.4.5", "2.3.4.5", false),
            ("[::1]", "[::1]", true),
        ] {
            assert_eq!((is_near(one, other), is_near(other, one)), (near, near), "{one} {other}");
        }
        assert!(is_or_is_above("example.com", "auth.example.com"));
        assert!(!is_or_is_above("auth.example.com", "example.com"));
    }
}
