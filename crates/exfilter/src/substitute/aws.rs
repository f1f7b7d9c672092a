//! AWS's signatures (Signature Version 4), made anew: a sandbox signs with placeholders, a server gets what the real keys would have signed.
//!
//! ```text
//! Authorization: AWS4-HMAC-SHA256 Credential=AKIA.../20261129/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=0123...
//!
//! canonical = METHOD \n PATH \n QUERY \n name:value\n... \n names \n hash of the body
//! signature = HMAC(HMAC(HMAC(HMAC(HMAC("AWS4" + secret, day), region), service), "aws4_request"), "AWS4-HMAC-SHA256" \n time \n scope \n hash of canonical)
//! ```
//!
//! The form is that of [AWS's documentation](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). Services differ in how they write paths; what the client has signed with its placeholder tells which way it
//! went, and what does not verify by any is not signed. So nothing is signed that is not exactly what the sandbox wanted, and nothing can be hidden in a signature.

use std::fmt;

use exfilter_engine::{Authority, HostPattern};
use exfilter_wire::RequestHead;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::placeholder;
use super::{SubstituteError, Substitutes};

/// Hosts that ask for such signatures.
const HOSTS: [&str; 3] = ["*.amazonaws.com", "*.api.aws", "*.amazonaws.com.cn"];

/// Parts of names below those at which customers' own programs answer.
const OTHERS: [&str; 9] = [
    "execute-api",
    "elb",
    "compute",
    "compute-1",
    "elasticbeanstalk",
    "cloudfront",
    "awsglobalaccelerator",
    "awsapprunner",
    "lightsail",
];

/// The longest part of a scope.
const WORD: usize = 64;

const ALGORITHM: &[u8] = b"AWS4-HMAC-SHA256";
const TOKEN: &str = "x-amz-security-token";
const DATE: &str = "x-amz-date";
const HASH: &str = "x-amz-content-sha256";
const END: &str = "aws4_request";

/// A body that is not signed, where a service allows it; the second one is in chunks, with a sum behind them that its sender computes and nobody signs.
const UNSIGNED: [&[u8]; 2] = [b"UNSIGNED-PAYLOAD", b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"];

/// Fields that a proxy changes: they are left out of the new signature, which need not have them.
const CHANGED: [&str; 10] = [
    "accept-encoding",
    "connection",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// The most fields that a signature names; a request has a dozen.
const NAMES: usize = 100;

/// Keys of an AWS account.
#[derive(Clone, Copy)]
pub struct AwsKeys<'a> {
    /// The id of the access key.
    pub id: &'a [u8],
    /// Its secret.
    pub secret: &'a [u8],
    /// The token of a session, if the keys are those of one.
    pub token: Option<&'a [u8]>,
}

/// What stands for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsPlaceholders {
    /// For the id.
    pub id: String,
    /// For the secret.
    pub secret: String,
    /// For the token.
    pub token: Option<String>,
}

/// Keys and what stands for them.
pub(super) struct Pair {
    id: Zeroizing<Vec<u8>>,
    secret: Zeroizing<Vec<u8>>,
    token: Option<Zeroizing<Vec<u8>>>,
    placeholders: AwsPlaceholders,
}

impl Substitutes {
    /// Adds keys of AWS and gives what stands for them. A request to AWS that is signed with these is signed anew with the keys ([`Substitutes::sign`]). The caller wipes its own copy.
    ///
    /// # Errors
    ///
    /// [`SubstituteError`] for keys that are too short, do not fit into a header, or are there already.
    pub fn add_aws(&mut self, name: &str, keys: AwsKeys<'_>) -> Result<AwsPlaceholders, SubstituteError> {
        if self.aws.iter().any(|pair| pair.id.as_slice() == keys.id) {
            return Err(SubstituteError::twice());
        }
        let make = |part: &str, real: &[u8]| {
            placeholder::make(&self.seed, &format!("{name} {part}"), real, &self.rules, |text| {
                self.aws.iter().any(|pair| pair.placeholders.id == text)
            })
        };
        let placeholders = AwsPlaceholders {
            id: make("id", keys.id)?,
            secret: make("secret", keys.secret)?,
            token: keys.token.map(|token| make("token", token)).transpose()?,
        };
        self.aws.push(Pair {
            id: Zeroizing::new(keys.id.to_vec()),
            secret: Zeroizing::new(keys.secret.to_vec()),
            token: keys.token.map(|token| Zeroizing::new(token.to_vec())),
            placeholders: placeholders.clone(),
        });
        Ok(placeholders)
    }

    /// The head signed anew with the real keys, where it is signed with their placeholders, goes to AWS over TLS, and the signature verifies. `None` where it is not. It is for the server alone, after the request was decided
    /// with its placeholders in it. `body` is the whole body, which is read if the head does not say its hash.
    ///
    /// # Errors
    ///
    /// [`SignError`] for a signature that was made with a placeholder, and cannot be made anew.
    pub fn sign<C: AsRef<[u8]>>(
        &self,
        to: &Authority,
        head: &RequestHead,
        body: impl IntoIterator<Item = C>,
    ) -> Result<Option<RequestHead>, SignError> {
        if self.aws.is_empty() || !is_aws(to) {
            return Ok(None);
        }
        let of = |text: &[u8]| self.aws.iter().find(|pair| has(text, pair.placeholders.id.as_bytes()));
        if of(head.target().query()).is_some() {
            return Err(SignError(Kind::InAddress));
        }
        let values: Vec<&[u8]> = head.headers().all("authorization").collect();
        let [value] = values[..] else {
            return if values.iter().any(|value| of(value).is_some()) {
                Err(SignError(Kind::Form))
            } else {
                Ok(None)
            };
        };
        let Some(pair) = of(value) else { return Ok(None) };
        let signed = Signed::parse(value).ok_or(SignError(Kind::Form))?;
        if signed.id != pair.placeholders.id {
            return Err(SignError(Kind::Form));
        }
        let hash = payload(head, body)?;
        let canonical = signed.verified(head, &hash, pair.placeholders.secret.as_bytes())?;
        let mut tokens = head.headers().all(TOKEN);
        if tokens.next() != pair.placeholders.token.as_deref().map(str::as_bytes) || tokens.next().is_some() {
            return Err(SignError(Kind::Token));
        }
        drop(tokens);
        let mut out = head.clone();
        let refused = |_| SignError(Kind::Form);
        if let Some(token) = &pair.token {
            out.headers_mut().set(TOKEN, token).map_err(refused)?;
        }
        let names: Vec<&str> = signed.names.iter().copied().filter(|name| !CHANGED.contains(name)).collect();
        let signature =
            signed.sign(&out, &names, &canonical, &hash, &pair.secret).ok_or(SignError(Kind::Form))?;
        let id = std::str::from_utf8(&pair.id).map_err(|_| SignError(Kind::Form))?;
        let value = format!(
            "AWS4-HMAC-SHA256 Credential={id}/{}, SignedHeaders={}, Signature={}",
            signed.scope,
            names.join(";"),
            hex(&signature)
        );
        out.headers_mut().set("authorization", value.as_bytes()).map_err(refused)?;
        Ok(Some(out))
    }

    /// Whether a header holds what [`Substitutes::sign`] writes anew, or refuses: the placeholder of a token, or a signature by the placeholder of a key.
    pub(super) fn is_signed(&self, to: &Authority, name: &str, value: &[u8]) -> bool {
        is_aws(to)
            && match name {
                TOKEN => self
                    .aws
                    .iter()
                    .any(|pair| pair.placeholders.token.as_deref().map(str::as_bytes) == Some(value)),
                "authorization" => {
                    let id = Signed::parse(value).map(|signed| signed.id);
                    self.aws.iter().any(|pair| id == Some(pair.placeholders.id.as_str()))
                }
                _ => false,
            }
    }

    /// What a header with a signature by a placeholder holds beside that and the signature; `None` for other headers. It leaves as it is.
    pub(crate) fn around_signature(&self, to: &Authority, name: &str, value: &[u8]) -> Option<Vec<u8>> {
        if name != "authorization" || !self.is_signed(to, name, value) {
            return None;
        }
        let signed = Signed::parse(value)?;
        Some(format!("{} {} {}", signed.scope, signed.parts.join(" "), signed.names.join(" ")).into_bytes())
    }

    /// Whether a header is signed by a key that is none of ours, where ours would be.
    pub(super) fn is_signed_by_others(&self, to: &Authority, name: &str, value: &[u8]) -> bool {
        name == "authorization"
            && !self.aws.is_empty()
            && is_aws(to)
            && value.starts_with(b"AWS4-")
            && !self.is_signed(to, name, value)
    }
}

/// Only over TLS: whoever answers without it may be anybody. Nor where customers' own programs answer, who would get the id and the token.
pub(crate) fn is_aws(to: &Authority) -> bool {
    if to.host().split('.').any(|label| OTHERS.contains(&label)) {
        return false;
    }
    let is_host =
        |text: &&str| HostPattern::parse(text.as_bytes()).is_ok_and(|pattern| pattern.matches(to.host()));
    to.scheme() == "https" && HOSTS.iter().any(is_host)
}

/// What is signed of the body: as the head says it, or its hash.
fn payload<C: AsRef<[u8]>>(
    head: &RequestHead,
    body: impl IntoIterator<Item = C>,
) -> Result<Vec<u8>, SignError> {
    let mut said = head.headers().all(HASH);
    match (said.next(), said.next()) {
        (None, _) => {
            let mut hash = Sha256::new();
            body.into_iter().for_each(|piece| hash.update(piece.as_ref()));
            Ok(hex(&hash.finalize()).into_bytes())
        }
        (Some(said), None)
            if UNSIGNED.contains(&said) || said.len() == 64 && said.iter().all(u8::is_ascii_hexdigit) =>
        {
            Ok(said.to_vec())
        }
        (Some(said), None) if said.starts_with(b"STREAMING-") => Err(SignError(Kind::Streaming)),
        _ => Err(SignError(Kind::Form)),
    }
}

/// What a header with a signature says.
struct Signed<'a> {
    id: &'a str,
    /// `day/region/service/aws4_request`.
    scope: &'a str,
    parts: [&'a str; 3],
    names: Vec<&'a str>,
    signature: [u8; 32],
}

/// How a client has written the path and the query.
struct Canonical {
    path: Vec<u8>,
    query: Vec<u8>,
}

impl<'a> Signed<'a> {
    fn parse(value: &'a [u8]) -> Option<Signed<'a>> {
        let rest = value.strip_prefix(ALGORITHM)?;
        let rest = std::str::from_utf8(rest).ok()?.strip_prefix(' ')?;
        let (mut credential, mut names, mut signature) = (None, None, None);
        for part in rest.split(',') {
            let (name, value) = part.trim_matches(' ').split_once('=')?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut names,
                "Signature" => &mut signature,
                _ => return None,
            };
            if place.replace(value).is_some() {
                return None;
            }
        }
        let (id, scope) = credential?.split_once('/')?;
        let mut words = scope.split('/');
        let parts = [words.next()?, words.next()?, words.next()?];
        let is_word = |word: &&str| {
            !word.is_empty()
                && word.len() <= WORD
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'.')
        };
        if words.next() != Some(END) || words.next().is_some() || !parts.iter().all(is_word) {
            return None;
        }
        let names: Vec<&str> = names?.split(';').collect();
        // In order, once each, so there is one way to write them.
        let is_name = |name: &&str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        };
        if names.len() > NAMES
            || !names.iter().all(is_name)
            || !names.is_sorted_by(|a, b| a < b)
            || !names.contains(&"host")
        {
            return None;
        }
        Some(Signed { id, scope, parts, names, signature: unhex(signature?)? })
    }

    /// How the client has written what it signed with its secret.
    fn verified(&self, head: &RequestHead, hash: &[u8], secret: &[u8]) -> Result<Canonical, SignError> {
        // What is not signed could be another one's.
        let all = head.headers().iter().map(|(name, _)| name);
        if all.filter(|name| name.starts_with("x-amz-")).any(|name| !self.names.contains(&name)) {
            return Err(SignError(Kind::Unsigned));
        }
        for canonical in Canonical::all(head) {
            let made = self.sign(head, &self.names, &canonical, hash, secret).ok_or(SignError(Kind::Form))?;
            if made == self.signature {
                return Ok(canonical);
            }
        }
        Err(SignError(Kind::Signature))
    }

    fn sign(
        &self,
        head: &RequestHead,
        names: &[&str],
        canonical: &Canonical,
        hash: &[u8],
        secret: &[u8],
    ) -> Option<[u8; 32]> {
        let mut dates = head.headers().all(DATE);
        let (Some(date), None) = (dates.next(), dates.next()) else { return None };
        if date.len() != 16 || !date.starts_with(self.parts[0].as_bytes()) {
            return None;
        }
        let mut text = Sha256::new();
        for part in [head.method().as_bytes(), b"\n", &canonical.path, b"\n", &canonical.query, b"\n"] {
            text.update(part);
        }
        for name in names {
            text.update(name);
            text.update(b":");
            let mut count = 0;
            for value in head.headers().all(name) {
                if count > 0 {
                    text.update(b",");
                }
                text.update(trimmed(value));
                count += 1;
            }
            if count == 0 {
                return None;
            }
            text.update(b"\n");
        }
        for part in [b"\n", names.join(";").as_bytes(), b"\n", hash] {
            text.update(part);
        }
        let text = hex(&text.finalize());
        let key = Zeroizing::new([b"AWS4", secret].concat());
        let mut key = Zeroizing::new(mac(&key, &[self.parts[0].as_bytes()]));
        for part in [self.parts[1], self.parts[2], END] {
            key = Zeroizing::new(mac(&key[..], &[part.as_bytes()]));
        }
        Some(mac(&key[..], &[ALGORITHM, b"\n", date, b"\n", self.scope.as_bytes(), b"\n", text.as_bytes()]))
    }
}

impl Canonical {
    /// The ways in which clients write them: the path as it is sent (S3), or each byte of it written once more (all others), with and without `.`, `..` and empty segments; parameters in order, as they are or written anew.
    fn all(head: &RequestHead) -> impl Iterator<Item = Canonical> {
        let sent = match head.target().path() {
            b"" => b"/",
            path => path,
        };
        let short = shortened(sent);
        let mut paths = vec![sent.to_vec(), encoded(&short, b"/"), encoded(sent, b"/"), short];
        paths.dedup();
        let pairs: Vec<(&[u8], &[u8])> = head
            .target()
            .query()
            .split(|b| *b == b'&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| match pair.iter().position(|b| *b == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &b""[..]),
            })
            .collect();
        let anew = |text: &[u8]| encoded(&decoded(text), b"");
        let query = |write: &dyn Fn(&[u8]) -> Vec<u8>| {
            let mut pairs: Vec<_> = pairs.iter().map(|(name, value)| (write(name), write(value))).collect();
            pairs.sort();
            let pairs: Vec<Vec<u8>> =
                pairs.into_iter().map(|(name, value)| [&name[..], b"=", &value].concat()).collect();
            pairs.join(&b'&')
        };
        let mut queries = vec![query(&anew), query(&|text: &[u8]| text.to_vec())];
        queries.dedup();
        paths.into_iter().flat_map(move |path| {
            queries.clone().into_iter().map(move |query| Canonical { path: path.clone(), query })
        })
    }
}

/// Why a request cannot be signed anew. Carries nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignError(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    InAddress,
    Form,
    Streaming,
    Unsigned,
    Signature,
    Token,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::InAddress => "a signature of AWS in the address cannot be made anew; sign in the header",
            Kind::Form => "the signature of AWS has no form that can be made anew (AWS4-HMAC-SHA256, with x-amz-date)",
            Kind::Streaming => "a body whose chunks are signed (STREAMING-...) cannot be signed anew; send it unsigned or with its hash",
            Kind::Unsigned => "a field x-amz-... is not in the signature of AWS, so it cannot be made anew",
            Kind::Signature => "the signature of AWS does not verify with the placeholder's secret, so it is not made anew",
            Kind::Token => "the session token is not the placeholder that belongs to the key of AWS",
        })
    }
}

impl std::error::Error for SignError {}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (pair, out) in text.as_bytes().chunks(2).zip(&mut out) {
        *out = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

/// A value without blanks around it, and with one where several stand.
fn trimmed(value: &[u8]) -> Vec<u8> {
    let words = value.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !word.is_empty());
    words.collect::<Vec<&[u8]>>().join(&b' ')
}

/// As addresses have it, but for what is `kept`.
fn encoded(text: &[u8], kept: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b'-' | b'.' | b'_' | b'~' => out.push(*byte),
            _ if byte.is_ascii_alphanumeric() || kept.contains(byte) => out.push(*byte),
            _ => out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
        }
    }
    out
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| (*byte as char).to_digit(16));
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(byte) = text.get(at) {
        match (byte, digit(text.get(at + 1)), digit(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high << 4 | low).unwrap_or(0));
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

/// A path without `.`, `..` and empty segments.
fn shortened(path: &[u8]) -> Vec<u8> {
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in path.split(|b| *b == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    let mut out = [b"/", &segments.join(&b'/')[..]].concat();
    let ends = path.ends_with(b"/") || path.ends_with(b"/.") || path.ends_with(b"/..");
    if ends && out.len() > 1 {
        out.push(b'/');
    }
    out
}
