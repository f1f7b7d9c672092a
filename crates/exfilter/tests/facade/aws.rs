//! Signatures of AWS that are made anew: with the placeholder's they verify, with the real keys they are what AWS would make, and nothing else is signed.

use exfilter::substitute::{AwsKeys, AwsPlaceholders, Substitutes};
use exfilter::wire::RequestHead;
use exfilter::{Authority, Engine, Inspection, Inspector, KnownSecrets, StoreKey};
use exfilter_testing::{Rng, canary, keys};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const TIME: &str = "20261129T123045Z";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Keys {
    id: String,
    secret: String,
    token: String,
}

/// Characters of an alphabet, by a rule that another program can follow.
fn walk(alphabet: &[u8], step: usize, from: usize, count: usize) -> String {
    (0..count).map(|n| alphabet[(step * n + from) % alphabet.len()] as char).collect()
}

fn told() -> Keys {
    Keys {
        id: format!("AKIA{}", walk(BASE32, 7, 3, 16)),
        secret: walk(BASE64, 11, 5, 40),
        token: walk(BASE64, 13, 9, 200),
    }
}

fn drawn(seed: u64) -> Keys {
    let mut rng = Rng::new(seed);
    let mut text = |alphabet: &[u8], count| String::from_utf8(rng.text(alphabet, count)).unwrap();
    let keys = Keys {
        id: format!("ASIA{}", text(BASE32, 16)),
        secret: text(BASE64, 40),
        token: text(keys::BASE62, 300),
    };
    canary::note([keys.secret.as_bytes(), keys.token.as_bytes()]);
    keys
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A request, with its path and query as they are sent and as they are signed.
#[derive(Clone)]
struct Request {
    method: &'static str,
    host: &'static str,
    scope: [&'static str; 2],
    target: String,
    path: &'static str,
    query: &'static str,
    fields: Vec<(&'static str, String)>,
    hash: String,
}

impl Request {
    /// The signature, step by step as the documentation has it.
    fn signature(&self, secret: &str) -> (String, String) {
        let mut fields: Vec<(&str, String)> = self.fields.clone();
        fields.push(("host", self.host.to_owned()));
        fields.push(("x-amz-date", TIME.to_owned()));
        fields.sort();
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        let lines: String = fields
            .iter()
            .map(|(name, value)| {
                format!("{name}:{}\n", value.split_whitespace().collect::<Vec<_>>().join(" "))
            })
            .collect();
        let names = names.join(";");
        let canonical =
            format!("{}\n{}\n{}\n{lines}\n{names}\n{}", self.method, self.path, self.query, self.hash);
        let [region, service] = self.scope;
        let scope = format!("20261129/{region}/{service}/aws4_request");
        let text =
            format!("AWS4-HMAC-SHA256\n{TIME}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        let mut key = mac(format!("AWS4{secret}").as_bytes(), "20261129");
        for part in [region, service, "aws4_request"] {
            key = mac(&key, part);
        }
        (names, hex(&mac(&key, &text)))
    }

    fn authorization(&self, keys: (&str, &str)) -> String {
        let (names, signature) = self.signature(keys.1);
        let [region, service] = self.scope;
        format!(
            "AWS4-HMAC-SHA256 Credential={}/20261129/{region}/{service}/aws4_request, SignedHeaders={names}, Signature={signature}",
            keys.0
        )
    }

    fn head(&self, authorization: &str) -> RequestHead {
        let mut fields = vec![("host", self.host.to_owned()), ("x-amz-date", TIME.to_owned())];
        fields.extend(self.fields.clone());
        fields.push(("authorization", authorization.to_owned()));
        RequestHead::new(self.method.as_bytes(), self.target.as_bytes(), fields).unwrap()
    }

    fn to(&self) -> Authority {
        Authority::parse(format!("https://{}", self.host).as_bytes()).unwrap()
    }
}

fn token_request(token: &str) -> Request {
    Request {
        method: "POST",
        host: "sts.eu-west-1.amazonaws.com",
        scope: ["eu-west-1", "sts"],
        target: "/".into(),
        path: "/",
        query: "",
        fields: vec![
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8".into()),
            ("x-amz-security-token", token.into()),
        ],
        hash: hex(&Sha256::digest(BODY)),
    }
}

const BODY: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

/// Paths and queries as services have them.
fn requests() -> Vec<Request> {
    let hash = hex(&Sha256::digest(b"hello"));
    vec![
        Request {
            method: "PUT",
            host: "s3.us-east-1.amazonaws.com",
            scope: ["us-east-1", "s3"],
            target: "/bucket/a%20b/%C3%A9~x.txt?x-id=PutObject&tagging".into(),
            path: "/bucket/a%20b/%C3%A9~x.txt",
            query: "tagging=&x-id=PutObject",
            fields: vec![("x-amz-content-sha256", hash.clone())],
            hash,
        },
        Request {
            method: "GET",
            host: "lambda.us-east-1.amazonaws.com",
            scope: ["us-east-1", "lambda"],
            target: "/2015-03-31/functions/arn%3Aaws%3Alambda/x/../y?b=2&a=1%2F2&a=0".into(),
            path: "/2015-03-31/functions/arn%253Aaws%253Alambda/y",
            query: "a=0&a=1%2F2&b=2",
            fields: vec![("x-note", "  two   blanks ".into())],
            hash: EMPTY.into(),
        },
    ]
}

fn substitutes(keys: &Keys, with_token: bool) -> (Substitutes, AwsPlaceholders) {
    let mut substitutes = Substitutes::new([5; 32]);
    let token = with_token.then_some(keys.token.as_bytes());
    let aws = AwsKeys { id: keys.id.as_bytes(), secret: keys.secret.as_bytes(), token };
    let made = substitutes.add_aws("AWS", aws).unwrap();
    (substitutes, made)
}

/// What botocore 1.44 signs at that time, with keys that both can make.
#[test]
fn signatures_are_those_of_another_program() {
    let keys = told();
    let [put, get] = &requests()[..] else { panic!("there are two") };
    for (request, signature) in [
        (&token_request(&keys.token), "800683f723bbfd4d59e0b725a49cbcfd770f26532b8b4e5371113d768843ddde"),
        (put, "289dd9ae63cd23888cc2eef49d10886e51e6e4ae221bf03c34ad1f35db50587a"),
        (get, "075467ef921b95515b99b0663355597818c472ceafdcc050218b6ab1c6865fcb"),
    ] {
        assert_eq!(request.signature(&keys.secret).1, signature, "{}", request.target);
    }
}

#[test]
fn what_a_placeholder_has_signed_is_signed_by_the_real_key() {
    let keys = drawn(701);
    let (substitutes, made) = substitutes(&keys, false);
    assert!(made.id.starts_with("ASIA") && made.id.len() == 20 && made.secret.len() == 40);
    for request in requests() {
        let head = request.head(&request.authorization((&made.id, &made.secret)));
        // The head says the hash, or there is no body.
        let signed = substitutes.sign(&request.to(), &head, [b""; 0]).unwrap().unwrap();
        let real = request.authorization((&keys.id, &keys.secret));
        assert_eq!(signed.headers().get("authorization").unwrap(), real.as_bytes(), "{}", request.target);
        assert_eq!(signed.target().as_bytes(), head.target().as_bytes());
        assert_eq!(signed.headers().len(), head.headers().len());
    }
    // A field that a proxy changes is not in the new signature.
    let mut request = requests().remove(1);
    let plain = request.clone();
    request.fields.push(("accept-encoding", "gzip".into()));
    let head = request.head(&request.authorization((&made.id, &made.secret)));
    let signed = substitutes.sign(&request.to(), &head, [b""; 0]).unwrap().unwrap();
    let real = plain.authorization((&keys.id, &keys.secret));
    assert_eq!(signed.headers().get("authorization").unwrap(), real.as_bytes());
}

#[test]
fn keys_of_a_session_bring_their_token() {
    let keys = drawn(702);
    let (substitutes, made) = substitutes(&keys, true);
    let token = made.token.clone().unwrap();
    let request = token_request(&token);
    let head = request.head(&request.authorization((&made.id, &made.secret)));
    // A body in any pieces.
    let signed = substitutes.sign(&request.to(), &head, [&BODY[..7], &BODY[7..]]).unwrap().unwrap();
    let real = token_request(&keys.token).authorization((&keys.id, &keys.secret));
    assert_eq!(signed.headers().get("authorization").unwrap(), real.as_bytes());
    assert_eq!(signed.headers().get("x-amz-security-token").unwrap(), keys.token.as_bytes());
    let why = |request: &Request, body: &[u8]| {
        let head = request.head(&request.authorization((&made.id, &made.secret)));
        substitutes.sign(&request.to(), &head, [body]).unwrap_err().to_string()
    };
    assert!(why(&request, b"another body").contains("does not verify"));
    assert!(why(&token_request(&"x".repeat(300)), BODY).contains("session token"));
    let mut without = request.clone();
    without.fields.pop();
    assert!(why(&without, BODY).contains("session token"));
}

#[test]
fn what_cannot_be_signed_anew_is_refused() {
    let keys = drawn(703);
    let (substitutes, made) = substitutes(&keys, false);
    let request = requests().remove(0);
    let good = request.authorization((&made.id, &made.secret));
    let sign = |request: &Request, authorization: &str| {
        substitutes.sign(&request.to(), &request.head(authorization), [b"hello"]).map(|head| head.is_some())
    };
    let why = |request: &Request, authorization: &str| sign(request, authorization).unwrap_err().to_string();
    assert_eq!(sign(&request, &good), Ok(true));
    // Another secret, another hash, something that was added or changed.
    assert!(why(&request, &request.authorization((&made.id, &keys.secret))).contains("does not verify"));
    let mut other = request.clone();
    other.target = "/bucket/another?x-id=PutObject&tagging".into();
    assert!(why(&other, &good).contains("does not verify"));
    let mut further = request.clone();
    further.fields.push(("x-amz-acl", "public-read".into()));
    assert!(why(&further, &good).contains("is not in the signature"));
    for streamed in ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"] {
        let mut chunks = request.clone();
        (chunks.fields[0].1, chunks.hash) = (streamed.into(), streamed.into());
        assert!(why(&chunks, &chunks.authorization((&made.id, &made.secret))).contains("chunks are signed"));
    }
    // As clients send files to S3 unless they are told otherwise.
    for word in ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"] {
        let mut unsigned = request.clone();
        (unsigned.fields[0].1, unsigned.hash) = (word.into(), word.into());
        assert_eq!(sign(&unsigned, &unsigned.authorization((&made.id, &made.secret))), Ok(true));
    }
    // Other forms of the header.
    for (from, to) in [
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        ("aws4_request", "aws5_request"),
        ("SignedHeaders=host;", "SignedHeaders="),
        ("host;x-amz-content-sha256", "x-amz-content-sha256;host"),
        ("Signature=", "Signature=0"),
        (", Signature", ", Signature=0, Signature"),
        ("x-amz-date,", "x-amz-date;x-none,"),
        ("/20261129/", "/20261128/"),
    ] {
        let changed = good.replace(from, to);
        assert_ne!(changed, good);
        let said = why(&request, &changed);
        assert!(said.contains("no form") || said.contains("does not verify"), "{changed}: {said}");
    }
    let mut query = request.clone();
    query.target = format!("/bucket?X-Amz-Credential={}%2F20261129%2Fus-east-1%2Fs3%2Faws4_request", made.id);
    assert!(why(&query, &good).contains("in the address"));
    // Whatever is said, nothing of it is repeated.
    assert!(!why(&further, &good).contains(&made.id));

    // Not ours, not AWS, not over TLS: not signed, and the placeholder stays one.
    let others = drawn(704);
    assert_eq!(sign(&request, &request.authorization((&others.id, &others.secret))), Ok(false));
    let head = request.head(&good);
    for to in
        ["https://example.com", "http://s3.us-east-1.amazonaws.com", "https://amazonaws.com.example.com"]
    {
        let to = Authority::parse(to.as_bytes()).unwrap();
        assert!(substitutes.sign(&to, &head, [b"hello"]).unwrap().is_none(), "{to}");
    }
}

/// The inspector lets through what is signed anew, and nothing that only looks like it.
#[test]
fn a_signature_by_a_placeholder_passes_at_aws_alone() {
    let keys = drawn(705);
    let (substitutes, made) = substitutes(&keys, true);
    let substitutes = std::sync::Arc::new(substitutes);
    let engine = Engine::builder().rules(exfilter::rules::builtin()).build().unwrap();
    let request = token_request(made.token.as_deref().unwrap());
    let good = request.authorization((&made.id, &made.secret));
    let passes = |to: &Authority, head: RequestHead, body: &[u8]| {
        let mut inspection = Inspection::new(to.clone());
        inspection.substitutes(&substitutes);
        let mut inspector = Inspector::new(&engine, &inspection, head).unwrap();
        let _ = inspector.push(body);
        !inspector.finish().is_block()
    };
    assert!(passes(&request.to(), request.head(&good), BODY));
    assert!(!passes(&request.to(), request.head(&good), format!("key={}", made.id).as_bytes()));
    let mut elsewhere = request.clone();
    elsewhere.host = "sts.example.com";
    assert!(!passes(&elsewhere.to(), elsewhere.head(&good), BODY));
    // The scope is the sandbox's own words, and so is the service that it names.
    let secret = hex(&Rng::new(707).bytes(30));
    canary::note([secret.as_bytes()]);
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[5; 32]).unwrap());
    known.add("S", secret.as_bytes(), Vec::new()).unwrap();
    let knowing = Engine::builder().rules(exfilter::rules::builtin()).known_secrets(known).build().unwrap();
    let refused = |request: &Request| {
        let mut inspection = Inspection::new(request.to());
        inspection.substitutes(&substitutes);
        let head = request.head(&request.authorization((&made.id, &made.secret)));
        let mut inspector = Inspector::new(&knowing, &inspection, head).unwrap();
        let _ = inspector.push(BODY);
        inspector.finish().is_block()
    };
    assert!(!refused(&request));
    for scope in [[&*secret, "sts"], ["eu-west-1", &*secret]] {
        let mut hidden = request.clone();
        hidden.scope = scope.map(|word| &*String::leak(word.to_owned()));
        assert!(refused(&hidden), "as the region: {}", scope[0] == secret);
    }
    // A customer's own program would get id and token.
    let mut own = request.clone();
    own.host = "a1b2.execute-api.eu-west-1.amazonaws.com";
    let head = own.head(&own.authorization((&made.id, &made.secret)));
    assert!(substitutes.sign(&own.to(), &head, [BODY]).unwrap().is_none());
    assert!(refused(&own));
    // Somebody else's keys, where ours are put.
    let others = drawn(706);
    let foreign = request.head(&request.authorization((&others.id, &others.secret)));
    assert_eq!(
        substitutes.foreign(&engine, &request.to(), &foreign).as_deref(),
        Some("header:authorization")
    );
    assert_eq!(substitutes.foreign(&engine, &request.to(), &request.head(&good)), None);
}
