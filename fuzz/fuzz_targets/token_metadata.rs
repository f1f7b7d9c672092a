//! What servers say of their token endpoints: nothing malformed is believed, slices change nothing, and whatever a stranger says, a token goes to its endpoint's own hosts alone.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter::substitute::{LearnedEndpoints, Logins, TokenEndpoints};
use exfilter::wire::{Headers, RequestHead};
use exfilter::{Authority, HostPattern, Slot};
use exfilter_fuzz::slices::{Slices, cut};
use exfilter_testing::{Rng, keys};
use libfuzzer_sys::fuzz_target;

/// The endpoint that is asked, which its owner has named.
const TOKEN: (&str, &str) = ("https://auth.example.com", "/token");

/// Who else says something.
const HOSTS: [&str; 5] = [
    "https://evil.example.net",
    "https://evil.auth.example.com",
    "https://evil.example.com",
    "https://auth.example.com:8443",
    "https://example.net",
];

/// What they ask for, and what documents are put together of.
const PATHS: [&str; 6] = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-protected-resource",
    "/x/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server/x",
    "/.well-known/oauth-protected-resource/x",
];

const PIECES: [&str; 26] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    " ",
    "null",
    "12",
    "\"issuer\":",
    "\"token_endpoint\":",
    "\"revocation_endpoint\":",
    "\"resource\":",
    "\"authorization_servers\":",
    "\"https://auth.example.com\"",
    "\"https://auth.example.com/token\"",
    "\"https://auth.example.com:8443\"",
    "\"https://evil.example.net\"",
    "\"https://evil.example.net/x\"",
    "\"https://evil.auth.example.com\"",
    "\"https://evil.example.com\"",
    "\"https://evil.example.net/token\"",
    "\"https://example.net\"",
    "\"https://user@auth.example.com\"",
];

#[derive(Debug)]
struct Said {
    host: &'static str,
    path: &'static str,
    text: Vec<u8>,
    slices: Slices,
}

impl<'a> Arbitrary<'a> for Said {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Said> {
        let (host, path) = (*u.choose(&HOSTS)?, *u.choose(&PATHS)?);
        let slices = u.arbitrary()?;
        let mut text = Vec::new();
        if u.arbitrary()? {
            // A whole one, which luck makes too seldom.
            let own = format!("\"{host}{}\"", if path.contains("/x") { "/x" } else { "" });
            let other = *u.choose(&PIECES[16..])?;
            let document = match path.contains("resource") {
                true => format!("{{\"resource\":{own},\"authorization_servers\":[{other}]}}"),
                false => {
                    format!("{{\"issuer\":{own},\"token_endpoint\":{other},\"revocation_endpoint\":{other}}}")
                }
            };
            text.extend_from_slice(document.as_bytes());
        }
        for _ in 0..u.int_in_range(0..=12)? {
            match u.int_in_range(0..=9u8)? {
                0 => text.push(u.arbitrary()?),
                _ => text.extend_from_slice(u.choose(&PIECES)?.as_bytes()),
            }
        }
        Ok(Said { host, path, text, slices })
    }
}

fuzz_target!(|said: Vec<Said>| {
    let (whole, sliced) = (LearnedEndpoints::new(), LearnedEndpoints::new());
    for learned in [&whole, &sliced] {
        let own =
            "{\"issuer\":\"https://auth.example.com\",\"token_endpoint\":\"https://auth.example.com/token\"}";
        assert!(says(learned, TOKEN.0, PATHS[0], &[own.as_bytes()]));
    }
    let mut is_learned = false;
    for one in said.iter().take(16) {
        let pieces = cut(&one.text, &one.slices.of(one.text.len()));
        let is = says(&whole, one.host, one.path, &[&one.text]);
        assert!(is == says(&sliced, one.host, one.path, &pieces), "slices: {one:?}");
        is_learned |= is;
    }
    assert!(format!("{whole:?}") == format!("{sliced:?}"));
    // A login reads all rules.
    if !is_learned {
        return;
    }
    let (mut themselves, mut named) = (TokenEndpoints::default(), TokenEndpoints::default());
    let heard =
        ["*.example.com", "*.example.net", "example.net"].map(|text| HostPattern::parse(text.as_bytes()));
    named.learn_from(heard.into_iter().map(|host| host.expect("a host")).collect());
    for endpoints in [&mut themselves, &mut named] {
        endpoints.set_learned(&whole);
        log_in(endpoints, &said);
    }
});

/// A login at the endpoint, whose token goes nowhere else.
fn log_in(endpoints: &TokenEndpoints, said: &[Said]) {
    let logins = Logins::new([7; 32]);
    let form = "grant_type=authorization_code&code=x";
    let head = request("POST", TOKEN.0, TOKEN.1);
    let asked = endpoints.request(&logins.substitutes(), &authority(TOKEN.0), &head, Some(form.as_bytes()));
    let asked = asked.filter(|asked| asked.keeps()).expect("its owner has named it");
    let mut answer = asked.answer(200, &Headers::new());
    let token = String::from_utf8(Rng::new(7).text(keys::BASE62, 40)).expect("it is ASCII");
    answer.push(format!("{{\"access_token\":\"{token}\"}}").as_bytes()).expect("it is short");
    answer.finish(&logins).expect("it is one token");
    let set = logins.substitutes();
    let (_, placeholder) = set.placeholders().next().expect("it is kept");
    let slot = Slot::parse(b"header:authorization").expect("a slot");
    let bearer = format!("Bearer {placeholder}");
    for host in HOSTS {
        assert!(set.inject(&authority(host), &slot, bearer.as_bytes()).is_none(), "{host}: {said:?}");
        for path in ["/token", "/x", "/revoke"] {
            let form = format!("token={placeholder}&subject_token={placeholder}");
            let head = request("POST", host, path);
            assert!(
                set.exchange_body(&authority(host), &head, form.as_bytes()).is_none(),
                "{host}: {said:?}"
            );
        }
    }
    assert!(set.inject(&authority(TOKEN.0), &slot, bearer.as_bytes()).is_some());
}

fn authority(text: &str) -> Authority {
    Authority::parse(text.as_bytes()).expect("an authority")
}

fn request(method: &str, host: &str, path: &str) -> RequestHead {
    let to = authority(host);
    let fields = [("host", to.host()), ("content-type", "application/x-www-form-urlencoded")];
    RequestHead::new(method.as_bytes(), path.as_bytes(), fields).expect("a head")
}

/// Whether something is learned.
fn says(learned: &LearnedEndpoints, host: &str, path: &str, pieces: &[&[u8]]) -> bool {
    let asked =
        learned.asked(&authority(host), &request("GET", host, path)).expect("it is an address for that");
    let mut headers = Headers::new();
    headers.add(b"content-type", b"application/json").expect("a field");
    let mut answer = asked.answer(200, &headers).expect("it may be learned from");
    pieces.iter().for_each(|piece| answer.push(piece));
    answer.finish()
}
