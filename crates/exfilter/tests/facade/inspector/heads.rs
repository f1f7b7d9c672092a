//! Heads: everything in them is examined, credentials are at home in their slots and nowhere else, and refusals say no more than they may.

use exfilter::{Action, Authority, Flow, Inspection, Inspector};
use exfilter_testing::wrap::{self, LAYERS};
use exfilter_testing::{Rng, keys};

use super::{Request, engine, text};

/// `user:password` in base64.
pub(super) fn basic(user: &str, password: &str) -> String {
    let pair = format!("{user}:{password}");
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::from("Basic ");
    for group in pair.as_bytes().chunks(3) {
        let bits = group.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for n in 0..4 {
            let digit = (bits >> (18 - 6 * n)) & 63;
            out.push(if n <= group.len() { alphabet[digit as usize] as char } else { '=' });
        }
    }
    out
}

#[test]
fn a_secret_anywhere_in_a_head_is_refused() {
    let mut rng = Rng::new(41);
    let engine = engine(&[]);
    let token = text(&keys::github(&mut rng, "ghp_"));
    let to = "https://other.example";
    let encoded: String = token.bytes().map(|b| format!("%{b:02x}")).collect();
    let requests = [
        (Request::new(to, "GET", format!("/a/{token}/b")), "path:1"),
        (Request::new(to, "GET", format!("/a/{encoded}")), "path:1"),
        (Request::new(to, "GET", format!("/a?x=1&key={token}")), "query:key"),
        (Request::new(to, "GET", format!("/a?{token}")), "names"),
        (Request::new(to, "GET", "/").field("x-data", &token), "header:x-data"),
        (
            Request::new(to, "GET", "/").field("authorization", format!("Bearer {token}")),
            "header:authorization:bearer",
        ),
        (
            Request::new(to, "GET", "/").field("authorization", basic("me", &token)),
            "header:authorization:basic.password",
        ),
        (Request::new(to, "GET", "/").field("cookie", format!("a=1; b={token}")), "cookie:b"),
        (Request::new(to, "GET", "/").field(&format!("x-{token}"), "1"), "names"),
        (Request::new(to, "GET", "/").field("cookie", format!("{token}=1")), "names"),
    ];
    for (request, place) in requests {
        let outcome = request.run(&engine);
        assert!(outcome.blocked && !outcome.head_left, "{place}");
        assert!(outcome.sightings.iter().any(|s| s.place() == place), "{place}: {:?}", outcome.sightings);
        assert!(!outcome.shows(token.as_bytes()), "{place}");
    }
    let mut request = Request::new(to, "POST", "/");
    request.trailers.push(("x-sum".into(), token.clone().into_bytes()));
    let outcome = request.run(&engine);
    assert!(outcome.blocked && outcome.sightings[0].place() == "trailer:x-sum");
    let clean =
        Request::new(to, "GET", "/a/b?c=d").field("cookie", "a=b").field("accept", "*/*").run(&engine);
    assert!(!clean.blocked && clean.head_left && clean.sightings.is_empty() && clean.complete);
}

/// A head is looked at as one text first: what a stream of its own would find in one of its values must not get lost in that, whatever stands before.
#[test]
fn nothing_hides_behind_other_headers() {
    let mut rng = Rng::new(45);
    let engine = engine(&[]);
    let mut refused = 0;
    for case in 0..400 {
        let key = keys::github(&mut rng, "ghp_");
        let mut value = key.clone();
        for _ in 0..1 + rng.below(2) {
            let layer = LAYERS[rng.below(LAYERS.len())];
            value = wrap::wrap(&mut rng, layer, &value);
        }
        if case % 3 == 0 {
            // Without its end nothing is to be found, often: the head passes, too, then.
            value.truncate(value.len() / 2);
        }
        let encoded: String = value.iter().map(|b| format!("%{b:02x}")).collect();
        let mut stream = engine.stream(Flow::outbound(Authority::parse(b"https://other.example").unwrap()));
        let found = stream.push(&value).is_block() || stream.finish().is_block();
        let before = rng.below(40);
        let folded = text(&rng.text(keys::BASE62, before));
        let mut request = Request::new("https://other.example", "GET", format!("/{folded}?a={encoded}&b=1"))
            .field("x-before", &folded)
            .field("cookie", format!("a={folded}; b=2"));
        let as_header = value.iter().all(|b| matches!(b, b' '..=b'~'));
        if as_header && rng.below(2) == 0 {
            request = Request { target: "/".into(), ..request }.field("x-value", &value);
        }
        let outcome = request.field("x-after", &folded).run(&engine);
        assert!(outcome.blocked || !found, "case {case}");
        refused += usize::from(found);
    }
    assert!(refused > 200, "{refused}");
}

#[test]
fn a_key_is_at_home_where_its_rule_says_and_nowhere_else() {
    let mut rng = Rng::new(42);
    let engine = engine(&[]);
    let token = text(&keys::github(&mut rng, "ghp_"));
    let home = "https://api.github.com";
    let passes = |request: Request| {
        let outcome = request.run(&engine);
        assert!(!outcome.shows(token.as_bytes()));
        !outcome.blocked
    };
    let request = |to, value: String| Request::new(to, "GET", "/user").field("authorization", value);
    assert!(passes(request(home, format!("Bearer {token}"))));
    assert!(passes(request(home, format!("token {token}"))));
    assert!(passes(request("https://github.com", basic("x-access-token", &token))));
    assert!(passes(request("https://github.com", basic(&token, ""))));
    assert!(!passes(request("https://github.com.evil.example", format!("Bearer {token}"))));
    assert!(!passes(request(home, format!("Bearer x {token}"))), "the whole value, or nothing");
    assert!(
        !passes(request(home, format!("Bearer {token}")).field("x", &token)),
        "once more in another slot"
    );
    assert!(!passes(Request::new(home, "GET", "/").field("x-key", &token)));
    let other = text(&keys::github(&mut rng, "ghp_"));
    assert!(!passes(request(home, basic(&token, &format!("{other} x")))));

    let mut strict = request(home, String::new()).inspection();
    strict.own_keys(Action::Block);
    let bearer = request(home, format!("Bearer {token}"));
    assert!(bearer.run_in(&engine, &strict, &[0]).blocked);
    let sightings = bearer.run(&engine).sightings;
    assert!(sightings.iter().any(|s| s.is_own_key() && s.action() == Action::Report));
}

#[test]
fn an_enrolled_secret_passes_in_its_slots_alone() {
    let mut rng = Rng::new(43);
    let values: Vec<String> = (0..5).map(|_| text(&rng.text(keys::BASE62, 28))).collect();
    let engine = engine(&[
        ("QUERY", values[0].as_bytes(), &["api.example.com query:key"]),
        ("COOKIE", values[1].as_bytes(), &["api.example.com cookie:session"]),
        ("PATH", values[2].as_bytes(), &["api.example.com path:1"]),
        ("BEARER", values[3].as_bytes(), &["api.example.com header:authorization:bearer"]),
        ("BASIC", values[4].as_bytes(), &["api.example.com header:authorization:basic.password"]),
    ]);
    let to = "https://api.example.com";
    let request = |n: usize, to, value: &str| match n {
        0 => Request::new(to, "GET", format!("/a?x=1&key={value}&y=2")),
        1 => Request::new(to, "GET", "/").field("cookie", format!("a=1; session={value}; b=2")),
        2 => Request::new(to, "GET", format!("/bot/{value}/send")),
        3 => Request::new(to, "GET", "/").field("authorization", format!("Bearer {value}")),
        _ => Request::new(to, "GET", "/").field("authorization", basic("user", value)),
    };
    for n in 0..5 {
        for (m, value) in values.iter().enumerate() {
            let outcome = request(n, to, value).run(&engine);
            assert_eq!(outcome.blocked, n != m, "secret {m} in slot {n}");
            assert!(!outcome.shows(value.as_bytes()));
            assert!(request(n, "https://evil.example", value).run(&engine).blocked);
        }
        let longer = format!("{}x", values[n]);
        assert!(request(n, to, &longer).run(&engine).blocked, "it is not the whole value");
    }
}

/// The verdict is an oracle: its text must not say which secret was hit, nor where.
#[test]
fn refusals_for_enrolled_secrets_are_all_alike() {
    let mut rng = Rng::new(44);
    let (a, b) = (text(&rng.text(keys::BASE62, 28)), text(&rng.text(keys::BASE62, 40)));
    let engine = engine(&[("A_LONG_NAME", a.as_bytes(), &[]), ("B", b.as_bytes(), &[])]);
    let to = "https://evil.example";
    let keys: Vec<String> = (0..12).map(|_| text(&keys::github(&mut rng, "ghp_")) + "\n").collect();
    let requests = [
        Request::new(to, "POST", "/").body(&a),
        Request::new(to, "POST", "/").body(format!("{} {b}", "x".repeat(5000))),
        Request::new(to, "POST", format!("/{b}")),
        Request::new(to, "POST", "/").field("x-y", &a),
        // Behind more keys of rules than a refusal lists.
        Request::new(to, "POST", "/").body([keys.concat(), a.clone()].concat()),
    ];
    let outcomes: Vec<_> = requests.iter().map(|request| request.run(&engine)).collect();
    for outcome in &outcomes {
        assert_eq!(outcome.subject, outcomes[0].subject, "one reference was asked for");
        assert!(outcome.text.as_ref().unwrap().starts_with("blocked by policy, reference "));
        let operator = outcome.operator.as_ref().unwrap();
        assert!(
            ["A_LONG_NAME", "(B)", "(github-pat)"].iter().any(|name| operator.contains(name)),
            "{operator}"
        );
        assert!(!outcome.shows(a.as_bytes()) && !outcome.shows(b.as_bytes()));
    }
}

#[test]
fn a_head_for_another_host_is_an_error() {
    let engine = engine(&[]);
    let inspection = Inspection::new(Authority::parse(b"https://api.example.com").unwrap());
    let head = |fields: &[(&str, &str)], target: &str| {
        exfilter::wire::RequestHead::new(b"GET", target.as_bytes(), fields.iter().copied()).unwrap()
    };
    for (fields, target, fits) in [
        (&[("host", "api.example.com")][..], "/", true),
        (&[("host", "API.example.com:443")], "/", true),
        (&[("host", "api.example.com:80")], "/", false),
        (&[("host", "evil.example")], "/", false),
        (&[], "/", false),
        (&[("host", "api.example.com")], "https://evil.example/", false),
        (&[("host", "api.example.com")], "https://api.example.com/", true),
        (&[(":authority", "api.example.com")], "/", true),
    ] {
        assert_eq!(
            Inspector::new(&engine, &inspection, head(fields, target)).is_ok(),
            fits,
            "{fields:?} {target}"
        );
    }
}
