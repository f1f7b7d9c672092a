//! Placeholders: their form, and that a real value comes only where it belongs.

use exfilter::rules::{builtin_entries, example};
use exfilter::substitute::Substitutes;
use exfilter::{Authority, Binding, Checksum, Engine, Event, Flow, HostPattern, Kind, Slot};
use exfilter_testing::{Rng, keys};

fn binding(host: &str, slot: &str) -> Binding {
    let host = HostPattern::parse(host.as_bytes()).unwrap();
    Binding { host, slot: Slot::parse(slot.as_bytes()).unwrap() }
}

fn to(authority: &str) -> Authority {
    Authority::parse(authority.as_bytes()).unwrap()
}

fn slot(text: &str) -> Slot {
    Slot::parse(text.as_bytes()).unwrap()
}

fn anywhere() -> Vec<Binding> {
    vec![binding("api.example.com", "header:x-key")]
}

/// The rules that find something in a text.
fn found(engine: &Engine, text: &[u8]) -> Vec<String> {
    let mut rules = Vec::new();
    let _ = engine.scanner(Flow::at_rest()).scan(text, &mut |event| {
        if let Event::Finding(finding) = event
            && let Kind::Rule(id) = finding.kind()
        {
            rules.push(engine.rule(id).id.clone());
        }
    });
    rules
}

#[test]
fn the_rule_that_finds_a_credential_finds_its_placeholder() {
    let engine = Engine::builder().rules(exfilter::rules::builtin()).build().unwrap();
    let mut made = 0;
    let mut substitutes = Substitutes::new([9; 32]);
    let mut missed = Vec::new();
    for (number, entry) in builtin_entries().iter().enumerate() {
        for (n, template) in entry.examples.iter().enumerate() {
            let text = example::expand(template, entry.rule.checksum, number as u64).unwrap();
            // A credential alone: its rule finds all of it.
            let mut whole = false;
            let _ = engine.scanner(Flow::at_rest()).scan(&text, &mut |event| {
                whole |= matches!(event, Event::Finding(f) if f.outer() == (0..text.len() as u64));
            });
            if !whole || !text.iter().all(u8::is_ascii_graphic) || text.starts_with(b"http") {
                continue;
            }
            let Ok(placeholder) = substitutes.add(&format!("{number}.{n}"), &text, anywhere()) else {
                continue;
            };
            assert_eq!(placeholder.len(), text.len(), "{}", entry.rule.id);
            assert_ne!(placeholder.as_bytes(), text, "{}", entry.rule.id);
            // An object in base64 may be telling from its first key to its last, so of it a placeholder has the length only.
            let is_kept = |checksum: &&Checksum| checksum.verify(&text) && **checksum != Checksum::Base64Json;
            for checksum in Checksum::ALL.iter().filter(is_kept) {
                assert!(checksum.verify(placeholder.as_bytes()), "{}", entry.rule.id);
            }
            made += 1;
            // What stands behind a name in its example is no credential alone, and some have fixed text within.
            if !found(&engine, placeholder.as_bytes()).contains(&entry.rule.id) {
                missed.push(entry.rule.id.clone());
            }
        }
    }
    assert!(made > 60, "{made}");
    for must in [
        "github-pat",
        "github-fine",
        "github-oauth",
        "npm",
        "anthropic",
        "slack-bot",
        "stripe",
        "gitlab",
        "aws-access-key",
        "grafana-service",
        "atlassian",
        "pypi",
        "zuplo",
    ] {
        assert!(!missed.iter().any(|id| id.starts_with(must)), "{must}: {missed:?}");
    }
}

#[test]
fn a_placeholder_has_nothing_of_the_value_but_its_beginning() {
    let mut rng = Rng::new(3);
    let mut substitutes = Substitutes::new([3; 32]);
    for number in 0..500 {
        let real = keys::secret(&mut rng);
        let placeholder =
            substitutes.add(&number.to_string(), &real, anywhere()).unwrap().as_bytes().to_vec();
        assert_eq!(placeholder.len(), real.len());
        let window = 8;
        let begins = |at: usize| at < 13;
        for at in (0..=real.len() - window).filter(|at| !begins(*at)) {
            let piece = &real[at..at + window];
            assert!(!placeholder.windows(window).any(|other| other == piece));
        }
    }
}

#[test]
fn seeds_and_names_decide() {
    let real = keys::github(&mut Rng::new(1), "ghp_");
    let of = |seed: u8, name: &str| {
        let mut substitutes = Substitutes::new([seed; 32]);
        substitutes.add(name, &real, anywhere()).unwrap().to_owned()
    };
    assert_eq!(of(1, "A"), of(1, "A"));
    assert_ne!(of(1, "A"), of(2, "A"));
    assert_ne!(of(1, "A"), of(1, "B"));
    assert!(of(1, "A").starts_with("ghp_"));
}

#[test]
fn a_real_value_comes_only_where_it_is_at_home() {
    let mut rng = Rng::new(2);
    let real = keys::github(&mut rng, "ghp_");
    let mut substitutes = Substitutes::new([5; 32]);
    let home = ["header:authorization:bearer", "query:key", "cookie:session", "path:1", "body"];
    let bindings = home.iter().map(|slot| binding("*.example.com", slot)).collect();
    let placeholder = substitutes.add("A", &real, bindings).unwrap().to_owned();
    let placeholder = placeholder.as_bytes();
    let at = to("https://api.example.com");
    let header = [b"Bearer ", placeholder].concat();
    let inject = |to: &Authority, place: &str, value: &[u8]| {
        substitutes.inject(to, &slot(place), value).map(|value| value.to_vec())
    };
    assert_eq!(inject(&at, "header:authorization", &header), Some([b"Bearer ", &real[..]].concat()));
    assert_eq!(
        inject(&at, "header:authorization", &[b"token  ", placeholder].concat()),
        Some([b"token  ", &real[..]].concat())
    );
    for place in ["query:key", "cookie:session", "path:1"] {
        assert_eq!(inject(&at, place, placeholder), Some(real.clone()));
        assert!(substitutes.expects(&at, &slot(place)));
    }
    for (host, place, value) in [
        ("https://example.com", "header:authorization", &header[..]),
        ("https://api.example.org", "header:authorization", &header),
        ("http://api.example.com", "header:authorization", &header),
        ("https://api.example.com", "header:x-other", &header),
        ("https://api.example.com", "header:authorization", placeholder),
        ("https://api.example.com", "header:authorization", &[&header[..], b" "].concat()),
        ("https://api.example.com", "header:authorization", &[&header[..], b"x"].concat()),
        ("https://api.example.com", "header:authorization", b"Bearer "),
        ("https://api.example.com", "header:authorization", b""),
        ("https://api.example.com", "query:other", placeholder),
        ("https://api.example.com", "query:key", &[b" ", placeholder].concat()),
        ("https://api.example.com", "body", placeholder),
        ("https://api.example.com", "path:2", placeholder),
    ] {
        assert_eq!(inject(&to(host), place, value), None, "{host} {place}");
    }
    assert!(!substitutes.expects(&to("https://api.example.com"), &slot("body")));
    assert!(!substitutes.expects(&to("http://api.example.com"), &slot("query:key")));
}

#[test]
fn basic_credentials_are_taken_apart_and_put_together() {
    use base64::Engine as _;
    let encode = |text: &[u8]| base64::prelude::BASE64_STANDARD.encode(text);
    let real = keys::github(&mut Rng::new(4), "ghp_");
    for (part, user_first) in [("basic.user", true), ("basic.password", false)] {
        let mut substitutes = Substitutes::new([6; 32]);
        let home = binding("github.com", &format!("header:authorization:{part}"));
        let placeholder = substitutes.add("A", &real, vec![home]).unwrap().as_bytes().to_vec();
        let pair =
            |value: &[u8]| if user_first { [value, b":x"].concat() } else { [b"git:", value].concat() };
        let header = format!("Basic {}", encode(&pair(&placeholder)));
        let injected =
            substitutes.inject(&to("https://github.com"), &slot("header:authorization"), header.as_bytes());
        assert_eq!(injected.unwrap().to_vec(), format!("Basic {}", encode(&pair(&real))).into_bytes());
        for wrong in [
            "Basic ",
            "Basic ====",
            &format!("Basic {}", encode(&placeholder)),
            &format!("Bearer {}", encode(&pair(&placeholder))),
        ] {
            assert!(
                substitutes
                    .inject(&to("https://github.com"), &slot("header:authorization"), wrong.as_bytes())
                    .is_none()
            );
        }
    }
}

#[test]
fn what_has_no_placeholder_is_said_with_a_code() {
    let mut substitutes = Substitutes::new([1; 32]);
    let real = keys::github(&mut Rng::new(1), "ghp_");
    substitutes.add("A", &real, anywhere()).unwrap();
    for (name, value, bindings, code) in [
        ("A", &real[..], anywhere(), "E_TWICE"),
        ("B", b"with a blank and more text", anywhere(), "E_UNPRINTABLE"),
        ("C", b"line\r\nbreak-0123456789abcdef", anywhere(), "E_UNPRINTABLE"),
        ("D", b"", anywhere(), "E_UNPRINTABLE"),
        ("E", b"short1234567", anywhere(), "E_SHORT"),
        ("F", &real, vec![], "E_UNBOUND"),
        ("G", &real, vec![binding("api.example.com", "body")], "E_UNBOUND"),
    ] {
        let error = substitutes.add(name, value, bindings).unwrap_err();
        assert_eq!(error.code(), code, "{name}");
        assert!(!error.remedy().is_empty() && !error.to_string().contains("0123456789"));
    }
    assert_eq!(substitutes.placeholders().len(), 1);
    let shown = format!("{substitutes:?}");
    assert_eq!(shown, "Substitutes(1 values)");
}

#[test]
fn whatever_else_stands_in_a_slot_stays_as_it_is() {
    use base64::Engine as _;
    let standard = base64::prelude::BASE64_STANDARD;
    let mut rng = Rng::new(8);
    let real = keys::github(&mut rng, "ghp_");
    let mut substitutes = Substitutes::new([8; 32]);
    let home = ["bearer", "basic.user", "basic.password"]
        .map(|part| binding("github.com", &format!("header:authorization:{part}")));
    let placeholder = substitutes.add("A", &real, home.to_vec()).unwrap().as_bytes().to_vec();
    let contains = |text: &[u8]| text.windows(placeholder.len()).any(|window| window == placeholder);
    let (to, slot) = (to("https://github.com"), slot("header:authorization"));
    let basic = |pair: &[u8]| format!("Basic {}", standard.encode(pair)).into_bytes();
    let seeds = [
        [b"Bearer ", &placeholder[..]].concat(),
        basic(&[b"git:", &placeholder[..]].concat()),
        basic(&[&placeholder[..], b":x"].concat()),
        Vec::new(),
    ];
    for _ in 0..20_000 {
        let mut value = rng.pick(&seeds).clone();
        for _ in 0..rng.below(4) {
            let at = rng.below(value.len() + 1);
            match rng.below(3) {
                0 if at < value.len() => value[at] ^= 1 << rng.below(8),
                1 if at < value.len() => drop(value.remove(at)),
                _ => value.insert(at, rng.below(256) as u8),
            }
        }
        let Some(injected) = substitutes.inject(&to, &slot, &value) else { continue };
        // What comes out is what came in with the one for the other, and the placeholder was whole.
        let tail = value.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
        assert!(contains(&value) || standard.decode(tail).is_ok_and(|pair| contains(&pair)));
        assert_eq!(injected.len(), value.len());
    }
}

/// Whole heads: headers, cookies, parameters and segments, each by itself, and nothing else.
#[test]
fn heads_are_exchanged_slot_by_slot() {
    let mut rng = Rng::new(71);
    let mut substitutes = Substitutes::new([9; 32]);
    let mut real = Vec::new();
    for slot in ["header:x-key", "header:authorization:basic.password", "cookie:sid", "query:k", "path:1"] {
        let value = String::from_utf8(rng.text(keys::BASE62, 32)).unwrap();
        let given = substitutes.add(slot, value.as_bytes(), vec![binding("api.example.com", slot)]).unwrap();
        real.push((given.to_owned(), value));
    }
    let head = |values: [&str; 5]| {
        let [key, password, sid, k, segment] = values;
        let basic = exfilter_testing::wrap::base64(format!("me:{password}").as_bytes(), false, true);
        let basic = format!("Basic {}", String::from_utf8(basic).unwrap());
        let (target, cookie) =
            (format!("/a/{segment}/b?q=1&k={k}&k2={k}"), format!("a=b; sid={sid}; other={sid}"));
        let fields = [
            ("host", "api.example.com"),
            ("x-key", key),
            ("x-other", key),
            ("authorization", &basic),
            ("cookie", &cookie),
        ];
        exfilter::wire::RequestHead::new(b"GET", target.as_bytes(), fields).unwrap()
    };
    let given: Vec<&str> = real.iter().map(|(given, _)| given.as_str()).collect();
    let given: [&str; 5] = given.try_into().unwrap();
    let before = head(given);
    assert!(substitutes.exchange(&to("https://other.example.com"), &before).unwrap().is_none());
    assert!(substitutes.exchange(&to("http://api.example.com"), &before).unwrap().is_none());
    let after = substitutes.exchange(&to("https://api.example.com"), &before).unwrap().unwrap();
    let [key, password, sid, k, segment] = [0, 1, 2, 3, 4].map(|n| real[n].1.as_str());
    let target = format!("/a/{segment}/b?q=1&k={k}&k2={}", given[3]);
    assert_eq!(after.target().as_bytes(), target.as_bytes());
    let field = |name: &str| String::from_utf8(after.headers().get(name).unwrap().to_vec()).unwrap();
    assert_eq!((field("x-key"), field("x-other")), (key.to_owned(), given[0].to_owned()));
    assert_eq!(field("cookie"), format!("a=b; sid={sid}; other={}", given[2]));
    let basic = exfilter_testing::wrap::base64(format!("me:{password}").as_bytes(), false, true);
    assert_eq!(field("authorization").into_bytes(), [b"Basic ", &basic[..]].concat());
    // In the inspector they pass where they are exchanged, though rules may know their form.
    let engine = Engine::builder().rules(exfilter::rules::builtin()).build().unwrap();
    assert_eq!(substitutes.foreign(&engine, &to("https://api.example.com"), &before), None);
    let others = head(["somebody-elses", given[1], given[2], given[3], given[4]]);
    let foreign = substitutes.foreign(&engine, &to("https://api.example.com"), &others);
    assert_eq!(foreign.as_deref(), Some("header:x-key"));
}

/// Where people have a login beside a key, and a client takes the login for the bearer, that is not somebody else's; another key is.
#[test]
fn a_login_is_not_somebody_elses_beside_a_key() {
    let entries = builtin_entries();
    let of = |id: &str, seed: u64| {
        let entry = entries.iter().find(|entry| entry.rule.id == id).unwrap();
        String::from_utf8(example::expand(&entry.examples[0], entry.rule.checksum, seed).unwrap()).unwrap()
    };
    let engine = Engine::builder().rules(exfilter::rules::builtin()).build().unwrap();
    let mut substitutes = Substitutes::new([9; 32]);
    let (key, other) = (of("anthropic-api-key", 1), of("anthropic-api-key", 2));
    let bindings =
        ["header:x-api-key", "header:authorization:bearer"].map(|slot| binding("api.anthropic.com", slot));
    let given = substitutes.add("K", key.as_bytes(), bindings.to_vec()).unwrap().to_owned();
    let api = to("https://api.anthropic.com");
    let head = |name: &str, value: &str| {
        let fields = [("host", "api.anthropic.com"), (name, value)];
        exfilter::wire::RequestHead::new(b"POST", b"/v1/messages", fields).unwrap()
    };
    let foreign = |name: &str, value: &str| substitutes.foreign(&engine, &api, &head(name, value));
    let bearer = |value: &str| foreign("authorization", &format!("Bearer {value}"));
    let login = of("anthropic-oauth-token", 3);
    assert_eq!((bearer(&given), bearer(&login), bearer("something-else")), (None, None, None));
    assert_eq!(bearer(&other).as_deref(), Some("header:authorization"));
    assert_eq!(bearer(&format!("{login} {other}")).as_deref(), Some("header:authorization"));
    assert_eq!(foreign("x-api-key", &given), None);
    assert_eq!(foreign("x-api-key", &login).as_deref(), Some("header:x-api-key"));
    // The real one is put in either field.
    for (name, value) in [("authorization", format!("Bearer {given}")), ("x-api-key", given.clone())] {
        let after = substitutes.exchange(&api, &head(name, &value)).unwrap().unwrap();
        assert!(after.headers().get(name).unwrap().ends_with(key.as_bytes()));
    }
}
