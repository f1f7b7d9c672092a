//! Values that somebody else may have chosen: they are looked for, and what is refused for them counts for no quarantine.

use exfilter_engine::{
    Binding, Engine, Event, Flow, HostPattern, KnownSecrets, Profile, Slot, StoreKey, Verdict,
};
use exfilter_testing::{Rng, canary, keys, wrap};

fn key() -> StoreKey {
    StoreKey::from_bytes(&[7; 32]).unwrap()
}

fn value(seed: u64, len: usize) -> Vec<u8> {
    let value = Rng::new(seed).text(keys::BASE62, len);
    canary::note([&value[..]]);
    value
}

/// Whether a text is refused, and whether that counts; in one piece, and byte for byte.
fn refused(engine: &Engine, flow: &Flow, text: &[u8]) -> Option<bool> {
    let [whole, cut] = [text.len().max(1), 1].map(|len| {
        let mut stream = engine.stream(flow.clone());
        for chunk in text.chunks(len) {
            let _ = stream.push(chunk);
        }
        match stream.finish() {
            Verdict::Block(block) => {
                assert!(block.is_for_secret());
                let found = std::iter::from_fn(|| stream.poll_event());
                let all: Vec<bool> = found
                    .filter_map(|event| match event {
                        Event::Finding(finding) => Some(finding.is_chosen()),
                        _ => None,
                    })
                    .collect();
                assert_eq!(block.counts(), all.contains(&false));
                Some(block.counts())
            }
            _ => None,
        }
    });
    assert_eq!(whole, cut);
    whole
}

#[test]
fn a_chosen_value_is_refused_and_counts_for_nothing() {
    let (chosen, own) = (value(1, 40), value(2, 40));
    for profile in [Profile::Inline, Profile::Thorough] {
        let mut known = KnownSecrets::new(key());
        known.add_chosen("CHOSEN", &chosen, vec![]).unwrap();
        known.add("OWN", &own, vec![]).unwrap();
        let engine = Engine::builder().known_secrets(known).profile(profile).build().unwrap();
        let flow = Flow::outbound_unknown();
        let of = |parts: &[&[u8]]| refused(&engine, &flow, &parts.concat());
        assert_eq!(of(&[b"clean"]), None);
        assert_eq!(of(&[b"x ", &chosen, b" x"]), Some(false));
        assert_eq!(of(&[&wrap::base64(&chosen, false, true)]), Some(false));
        assert_eq!(of(&[b"x ", &own, b" x"]), Some(true));
        // Whichever stands first.
        assert_eq!(of(&[b"x ", &chosen, b" x ", &own]), Some(true));
        assert_eq!(of(&[b"x ", &own, b" x ", &chosen]), Some(true));
    }
}

/// Who says that a guess of his is a value of his own has not got it through where that is at home.
#[test]
fn a_chosen_value_that_is_a_secret_is_the_secret() {
    let secret = value(3, 40);
    let flow = |slot: &str| {
        let authority = exfilter_engine::Authority::parse(b"https://evil.example.com").unwrap();
        Flow::outbound(authority).slot(Slot::parse(slot.as_bytes()).unwrap())
    };
    for is_first in [true, false] {
        let mut known = KnownSecrets::new(key());
        let home = || Binding {
            host: HostPattern::parse(b"evil.example.com").unwrap(),
            slot: Slot::parse(b"header:x-key").unwrap(),
        };
        if is_first {
            known.add("OWN", &secret, vec![]).unwrap();
        }
        known.add_chosen("CHOSEN", &secret, vec![home()]).unwrap();
        if !is_first {
            known.add("OWN", &secret, vec![]).unwrap();
        }
        let engine = Engine::builder().known_secrets(known).build().unwrap();
        assert_eq!(refused(&engine, &flow("header:x-key"), &secret), Some(true), "{is_first}");
        assert_eq!(refused(&engine, &flow("header:x-other"), &secret), Some(true), "{is_first}");
    }
}

#[test]
fn what_does_not_look_drawn_is_not_enrolled() {
    let mut known = KnownSecrets::new(key());
    // What every web token that is signed in the same way begins with.
    let head = wrap::base64(br#"{"alg":"HS256","typ":"JWT"}"#, true, false);
    for (text, code) in [
        (&b"short"[..], "E_SHORT"),
        (b"supersecretpassword", "E_COMMON"),
        (b"192.168.100.100", "E_NOTSECRET"),
        (b"aaaaaaaaaaaaaaaaaaaaaaaa", "E_WEAK"),
        (b"application/x-www-form-urlencoded", "E_CHOSEN"),
        (&head, "E_CHOSEN"),
        (b"correct horse battery staple", "E_CHOSEN"),
    ] {
        let refusal = known.add_chosen("X", text, vec![]).unwrap_err();
        assert_eq!(refusal.code(), code, "{}", String::from_utf8_lossy(text));
    }
    assert!(known.is_empty());
    // Of a long one what looks like text is not looked for.
    let text = b"https-api-example-com-v1-messages-and-what-comes-behind-".repeat(4);
    let drawn = value(4, 250);
    let long = [&text[..192], &drawn].concat();
    known.add_chosen("X", &long, vec![]).unwrap();
    let engine = Engine::builder().known_secrets(known).build().unwrap();
    assert_eq!(refused(&engine, &Flow::outbound_unknown(), &text[..192]), None);
    assert_eq!(refused(&engine, &Flow::outbound_unknown(), &drawn), Some(false));
}

/// Eight characters of a chosen value may be anybody's.
#[test]
fn pieces_of_chosen_values_are_not_counted() {
    let (chosen, own) = (value(5, 24), value(6, 24));
    let mut known = KnownSecrets::new(key());
    known.fragments(true).add_chosen("CHOSEN", &chosen, vec![]).unwrap();
    known.add("OWN", &own, vec![]).unwrap();
    let engine = Engine::builder().known_secrets(known).build().unwrap();
    let pieces = |value: &[u8]| [&value[..8], b" and ", &value[8..16], b" and ", &value[16..]].concat();
    assert_eq!(refused(&engine, &Flow::outbound_unknown(), &pieces(&chosen)), None);
    assert_eq!(refused(&engine, &Flow::outbound_unknown(), &pieces(&own)), Some(true));
}
