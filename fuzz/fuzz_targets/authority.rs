//! authority: what names a host and port is read as one canonical spelling, or refused; what is written is read as the same; patterns match by whole labels.
#![no_main]

use exfilter_engine::{Authority, HostPattern};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    if let Ok(authority) = Authority::parse(text) {
        let written = authority.to_string();
        let again = Authority::parse(written.as_bytes()).expect("what is written is an authority");
        assert!(again == authority);
        let host = authority.host();
        assert!(!host.is_empty() && host.is_ascii() && !host.ends_with('.') && host.len() <= 253);
        assert!(!host.bytes().any(|b| b.is_ascii_uppercase() || b <= b' ' || b"@/\\%#?".contains(&b)));
        assert!(authority.port() != 0);
        // Whatever resolvers take for an address, in whatever form, is one in its usual form here.
        if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            assert!(host.parse::<std::net::Ipv4Addr>().is_ok());
        }
        let same = HostPattern::parse(host.as_bytes()).expect("a host is a pattern");
        assert!(same.matches(host) && same.host() == host);
        if let Some((_, suffix)) = host.split_once('.')
            && let Ok(below) = HostPattern::parse(format!("*.{suffix}").as_bytes())
        {
            assert!(below.matches(host) && !below.matches(suffix));
        }
    }
    if let Ok(pattern) = HostPattern::parse(text) {
        let again = HostPattern::parse(pattern.to_string().as_bytes()).expect("what is written is a pattern");
        assert!(again == pattern);
    }
});
