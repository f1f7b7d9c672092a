//! token_answer: any answer of a token endpoint is rewritten or refused; no token of one that passes is in it, what is not a token stays as it is, any slices say the same, and each placeholder goes back as its token.
#![no_main]

use std::sync::LazyLock;

use arbitrary::{Arbitrary, Result, Unstructured};
use exfilter::Authority;
use exfilter::substitute::{Logins, TokenEndpoints};
use exfilter::wire::{Headers, RequestHead};
use exfilter_fuzz::slices::{Slices, cut};
use exfilter_testing::{Rng, keys};
use libfuzzer_sys::fuzz_target;
use memchr::memmem;

/// Tokens: opaque ones, with a form, and one with three parts.
static TOKENS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut rng = Rng::new(3);
    let mut tokens =
        vec![rng.text(keys::BASE62, 40), keys::github(&mut rng, "gho_"), rng.text(keys::BASE64URL, 90)];
    let signature = rng.text(keys::BASE64URL, 86);
    tokens.push([&b"eyJhbGciOiJFUzI1NiJ9.eyJleHAiOjE3OTYwMDAwMDB9."[..], &signature].concat());
    tokens
});

/// What answers are put together of.
const PIECES: [&[u8]; 24] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\"",
    b"=",
    b"&",
    b" ",
    b"\\",
    b"\"access_token\":",
    b"\"refresh_token\":",
    b"\"id_token\":",
    b"\"Access\\u005ftoken\":",
    b"access_token=",
    b"refresh_token=",
    b"null",
    b"\"\"",
    b"12",
    b"\"expires_in\":28800",
    b"%5F",
    b"\\u0061",
    b"<html>",
];

struct Input {
    status: u16,
    media_type: &'static str,
    body: Vec<u8>,
    slices: Slices,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.status, self.media_type, self.body.escape_ascii())
    }
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Input> {
        let status = *u.choose(&[200, 200, 201, 400, 502])?;
        let media_type =
            *u.choose(&["application/json", "application/x-www-form-urlencoded", "text/plain", ""])?;
        let slices = u.arbitrary()?;
        let mut body = Vec::new();
        while !u.is_empty() && body.len() < 4096 {
            match u.int_in_range(0..=9u8)? {
                0 => body.push(u.arbitrary()?),
                1 => body.extend_from_slice(u.choose(&TOKENS)?),
                2 => {
                    // A whole member, which luck makes too seldom.
                    let name = u.choose(&["access_token", "refresh_token", "id_token", "x"])?;
                    let token = String::from_utf8_lossy(u.choose(&TOKENS)?).into_owned();
                    body.extend_from_slice(format!("\"{name}\":\"{token}\"").as_bytes());
                }
                _ => body.extend_from_slice(u.choose(&PIECES)?),
            }
        }
        Ok(Input { status, media_type, body, slices })
    }
}

fuzz_target!(|input: Input| {
    let whole = run(&input, &[&input.body]);
    let pieces = cut(&input.body, &input.slices.of(input.body.len()));
    assert!(run(&input, &pieces) == whole, "slices: {input:?}");
});

/// What passes, if it does.
fn run(input: &Input, pieces: &[&[u8]]) -> Option<Vec<u8>> {
    let to = Authority::parse(b"https://github.com").expect("an authority");
    let head =
        RequestHead::new(b"POST", b"/login/oauth/access_token", [("host", "github.com")]).expect("a head");
    let logins = Logins::new([7; 32]);
    let request = TokenEndpoints::default().request(&logins.substitutes(), &to, &head, None).expect("a token endpoint");
    let mut headers = Headers::new();
    headers.add(b"content-type", input.media_type.as_bytes()).expect("a field");
    let mut answer = request.answer(input.status, &headers);
    pieces.iter().for_each(|piece| answer.push(piece).expect("it is short"));
    let rewritten = answer.finish(&logins).ok()?;
    let Some(body) = rewritten.body() else { return Some(input.body.clone()) };
    assert!(rewritten.is_kept() && !logins.is_empty());
    // Each placeholder stands for a token that stood in its place; with the tokens back, the answer is what came, but for how strings were escaped.
    let (set, mut back) = (logins.substitutes(), body.to_vec());
    let mut found = 0;
    for (_, placeholder) in set.placeholders() {
        let sent = |field: &str| {
            let form = format!("{field}={placeholder}");
            let fields = [("host", "github.com"), ("content-type", "application/x-www-form-urlencoded")];
            let head = RequestHead::new(b"POST", b"/login/oauth/access_token", fields).expect("a head");
            let body = set.exchange_body(&to, &head, form.as_bytes())?;
            Some(body[field.len() + 1..].to_vec())
        };
        let real =
            sent("subject_token").or_else(|| sent("refresh_token")).expect("it is put in one of these");
        while let Some(at) = memmem::find(&back, placeholder.as_bytes()) {
            back.splice(at..at + placeholder.len(), real.iter().copied());
            found += 1;
        }
    }
    let is_escaped = [&input.body[..], body].iter().any(|text| text.contains(&b'\\') || text.contains(&b'%'));
    assert!(is_escaped || found > 0 && back == input.body, "{input:?}");
    Some(body.to_vec())
}
