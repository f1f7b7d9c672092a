//! The page that shows what happens.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use exfilter::{Action, Confidence, Engine, Policy, Rule};
use exfilter_guard::Outcome;
use exfilter_testing::{Rng, keys};

use crate::raw::{connect, head};
use crate::stage::{Stage, ok};

pub(crate) struct Page {
    address: SocketAddr,
    path: String,
    key: String,
}

impl Page {
    pub(crate) fn new(stage: &Stage) -> Page {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shown = stage.guard.show(listener).unwrap();
        let url = shown.looking();
        let key = shown.approving().strip_prefix(&format!("{url}#")).unwrap().to_owned();
        let path = url.strip_prefix(&format!("http://{address}")).unwrap().to_owned();
        assert_eq!(path.len(), 34);
        assert_eq!(key.len(), 32);
        Page { address, path, key }
    }

    /// The answer to a request as it stands here.
    fn say(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Its address, to look or to approve.
    pub(crate) fn url(&self, approving: bool) -> String {
        let key = if approving { format!("#{}", self.key) } else { String::new() };
        format!("http://{}{}{key}", self.address, self.path)
    }

    fn get(&self, path: &str) -> String {
        self.say(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address))
    }

    fn records(&self, after: u64) -> serde_json::Value {
        let answer = self.get(&format!("{}records?after={after}", self.path));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

/// Posts a text; the status of the answer.
pub(crate) fn post(stage: &Stage, body: &str) -> u16 {
    post_to(stage, "echo.example.com", body)
}

fn post_to(stage: &Stage, host: &str, body: &str) -> u16 {
    let mut stream = connect(stage);
    let length = body.len();
    let request =
        format!("POST http://{host}/ HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    head(&mut stream).split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn records_are_shown_without_content() {
    let stage = Stage::usual();
    let page = Page::new(&stage);
    let token = String::from_utf8(keys::github(&mut Rng::new(191), "ghp_")).unwrap();
    post(&stage, "clean");
    post(&stage, &token);
    let told = page.records(0);
    assert_eq!((told["next"].as_u64(), told["quarantine"].as_bool()), (Some(2), Some(false)));
    let [sent, refused] = &told["records"].as_array().unwrap()[..] else { panic!("there are two: {told}") };
    assert_eq!((sent["outcome"].as_str(), sent["bytes"].as_u64()), (Some("sent"), Some(5)));
    assert_eq!(
        (refused["outcome"].as_str(), refused["to"].as_str()),
        (Some("refused"), Some("http://echo.example.com:80"))
    );
    assert_eq!(refused["found"][0]["what"], "github-pat");
    assert!(!told.to_string().contains(&token[4..20]));
    assert_eq!(page.records(2)["records"], serde_json::json!([]));
    assert_eq!(page.records(1)["records"].as_array().unwrap().len(), 1);
}

#[test]
fn the_page_loads_nothing_and_is_for_whoever_has_its_address() {
    let stage = Stage::usual();
    let page = Page::new(&stage);
    let (first, second) = (page.get(&page.path), page.get(&page.path));
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    let policy = |answer: &str| {
        let line = answer.lines().find(|line| line.starts_with("content-security-policy: ")).unwrap();
        line.to_owned()
    };
    assert!(policy(&first).contains("default-src 'none'; script-src 'nonce-"));
    assert_ne!(policy(&first), policy(&second), "a nonce is for one page");
    let nonce = policy(&first).split("'nonce-").nth(1).unwrap()[..32].to_owned();
    assert_eq!(first.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
    for outside in ["http://", "https://", "src=", "innerHTML", "{nonce}"] {
        assert!(!first.split_once("\r\n\r\n").unwrap().1.contains(outside), "{outside}");
    }
    // Without the token, or with another.
    for path in ["/", "/records", "/00000000000000000000000000000000/", &page.path[..33], "//"] {
        assert!(page.get(path).starts_with("HTTP/1.1 404"), "{path}");
    }
    assert!(page.get(&format!("{}else", page.path)).starts_with("HTTP/1.1 404"));
    // A name that leads here, no name, two; and the page of somebody else.
    let (path, here) = (&page.path, page.address);
    for headers in [
        format!("Host: rebound.example.com:{}", here.port()),
        "Host: 127.0.0.1".to_owned(),
        format!("Host: {here}\r\nHost: {here}"),
        format!("Host: {here}\r\nSec-Fetch-Site: cross-site"),
        format!("Host: {here}\r\nSec-Fetch-Site: same-site"),
    ] {
        let answer = page.say(&format!("GET {path} HTTP/1.1\r\n{headers}\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 421"), "{headers}: {answer}");
    }
    let headers = format!("Host: localhost:{}\r\nSec-Fetch-Site: same-origin", here.port());
    assert!(page.say(&format!("GET {path} HTTP/1.1\r\n{headers}\r\n\r\n")).starts_with("HTTP/1.1 200"));
    let answer = page.say(&format!("POST {path} HTTP/1.1\r\nHost: {here}\r\nContent-Length: 0\r\n\r\n"));
    assert!(answer.starts_with("HTTP/1.1 405"));
    // Others than this machine never see it.
    let everywhere = TcpListener::bind("0.0.0.0:0").unwrap();
    assert_eq!(stage.guard.show(everywhere).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

/// Findings of medium confidence are refused, so a person may approve them.
pub(crate) fn strict() -> Stage {
    let mut rule = Rule::new("acme-key", "acme_", "acme_[0-9a-zA-Z]{32}");
    rule.confidence = Confidence::Medium;
    let mut policy = Policy::default();
    policy.action(Confidence::Medium, Action::Block);
    let rules = exfilter::rules::builtin().into_iter().chain([rule]);
    let engine = Engine::builder().rules(rules).policy(policy).build().unwrap();
    Stage::new(engine, |_| {}, |_| ok(b"done\n"))
}

pub(crate) fn key(rng: &mut Rng) -> String {
    format!("acme_{}", String::from_utf8(rng.text(keys::BASE62, 32)).unwrap())
}

impl Page {
    /// Approves as the page does; the status.
    fn approve(&self, number: u64) -> u16 {
        let here = self.address;
        self.ask_to_approve(
            number,
            &format!("Host: {here}\r\nOrigin: http://{here}\r\nX-Exfilter-Approve: {}", self.key),
        )
    }

    fn ask_to_approve(&self, number: u64, headers: &str) -> u16 {
        let path = &self.path;
        let answer = self
            .say(&format!("POST {path}approve/{number} HTTP/1.1\r\n{headers}\r\nContent-Length: 0\r\n\r\n"));
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// The numbers under which refusals are offered, in order.
    fn offered(&self) -> Vec<u64> {
        let told = self.records(0);
        let records = told["records"].as_array().unwrap();
        let refused = records.iter().filter(|record| record["outcome"] == "refused");
        refused.filter_map(|record| record["approval"].as_u64()).collect()
    }
}

#[test]
fn a_refusal_is_approved_once() {
    let stage = strict();
    let page = Page::new(&stage);
    let token = key(&mut Rng::new(192));
    assert_eq!(post(&stage, &token), 403);
    assert_eq!(page.offered(), [1]);
    assert_eq!(post(&stage, &token), 403, "nobody has approved it");
    assert_eq!(page.approve(1), 200);
    assert_eq!(page.approve(1), 409, "once");
    // Not elsewhere, and not with another beside it.
    assert_eq!(post_to(&stage, "github.com", &token), 403);
    assert_eq!(post(&stage, &format!("{token} {}", key(&mut Rng::new(193)))), 403);
    assert_eq!(post(&stage, "clean"), 200, "which uses nothing up");
    assert!(!stage.server.bytes().windows(token.len()).any(|window| window == token.as_bytes()));
    assert_eq!(post(&stage, &token), 200);
    assert_eq!(post(&stage, &token), 403, "it was used");
    let arrived = stage.server.bytes();
    assert_eq!(arrived.windows(token.len()).filter(|window| *window == token.as_bytes()).count(), 1);
    // What the records say: who approved what is known, the value is not.
    let records = stage.records();
    let approved = records.iter().find(|record| record.outcome == Outcome::Approved).unwrap();
    let sent = records.iter().rfind(|record| record.outcome == Outcome::Sent).unwrap();
    let id = approved.noted[0].id.unwrap();
    assert_eq!(
        (approved.to.as_deref(), approved.approval, approved.noted[0].what.as_str()),
        (Some("http://echo.example.com:80"), Some(1), "acme-key")
    );
    assert_eq!((sent.noted[0].id, sent.noted[0].approved), (Some(id), true));
    assert!(!format!("{records:?}").contains(&token[6..20]));
    let told = page.records(0).to_string();
    assert!(told.contains(&id.to_string()) && !told.contains(&token[6..20]));
}

#[test]
fn what_is_sure_is_never_offered() {
    let stage = strict();
    let page = Page::new(&stage);
    let mut rng = Rng::new(194);
    let sure = String::from_utf8(keys::github(&mut rng, "ghp_")).unwrap();
    assert_eq!(post(&stage, &sure), 403);
    assert_eq!(post(&stage, &format!("{} {sure}", key(&mut rng))), 403);
    assert!(page.offered().is_empty());
    assert_eq!(page.approve(1), 409);
    // Without a page there is nobody who approves.
    let stage = strict();
    assert_eq!(post(&stage, &key(&mut rng)), 403);
    assert_eq!(stage.records()[0].approval, None);
}

/// Of several requests at once that take the same approval one leaves.
#[test]
fn an_approval_is_not_used_twice_at_the_same_time() {
    let stage = strict();
    let page = Page::new(&stage);
    let token = key(&mut Rng::new(195));
    assert_eq!(post(&stage, &token), 403);
    assert_eq!(page.approve(1), 200);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| post(&stage, &token))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(stage.server.requests().len(), 1);
}

#[test]
fn whoever_is_behind_the_guard_cannot_approve() {
    let stage = strict();
    let page = Page::new(&stage);
    let token = key(&mut Rng::new(196));
    assert_eq!(post(&stage, &token), 403);
    let (here, port) = (page.address, page.address.port());
    let (good, other) = (&page.key, "0".repeat(32));
    for headers in [
        format!("Host: {here}\r\nOrigin: http://{here}"),
        format!("Host: {here}\r\nOrigin: http://{here}\r\nX-Exfilter-Approve: {other}"),
        format!("Host: {here}\r\nOrigin: http://{here}\r\nX-Exfilter-Approve: {}", &page.path[1..33]),
        format!(
            "Host: {here}\r\nOrigin: http://{here}\r\nX-Exfilter-Approve: {good}\r\nX-Exfilter-Approve: {other}"
        ),
        format!("Host: {here}\r\nX-Exfilter-Approve: {good}"),
        format!("Host: {here}\r\nOrigin: null\r\nX-Exfilter-Approve: {good}"),
        format!("Host: {here}\r\nOrigin: http://rebound.example.com:{port}\r\nX-Exfilter-Approve: {good}"),
        format!("Host: {here}\r\nOrigin: http://localhost:{port}\r\nX-Exfilter-Approve: {good}"),
        format!(
            "Host: {here}\r\nOrigin: http://{here}\r\nOrigin: http://{here}\r\nX-Exfilter-Approve: {good}"
        ),
    ] {
        assert_eq!(page.ask_to_approve(1, &headers), 403, "{headers}");
    }
    let rebound = format!(
        "Host: rebound.example.com:{port}\r\nOrigin: http://rebound.example.com:{port}\r\nX-Exfilter-Approve: {good}"
    );
    assert_eq!(page.ask_to_approve(1, &rebound), 421);
    let path = &page.path;
    let get = page.say(&format!("GET {path}approve/1 HTTP/1.1\r\nHost: {here}\r\nOrigin: http://{here}\r\nX-Exfilter-Approve: {good}\r\n\r\n"));
    assert!(get.starts_with("HTTP/1.1 405"), "{get}");
    for number in ["", "x", "+1", "1/", "18446744073709551616"] {
        let answer = page.say(&format!("POST {path}approve/{number} HTTP/1.1\r\nHost: {here}\r\nOrigin: http://{here}\r\nX-Exfilter-Approve: {good}\r\nContent-Length: 0\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 404"), "{number}: {answer}");
    }
    // Not even who knows the key: the guard leads nobody to its page.
    for host in [
        here.to_string(),
        format!("localhost:{port}"),
        format!("0.0.0.0:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
    ] {
        let mut stream = connect(&stage);
        let request = format!("GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let head = head(&mut stream);
        assert!(head.starts_with("HTTP/1.1 502"), "{host}: {head}");
    }
    assert_eq!(post(&stage, &token), 403);
    assert!(stage.server.requests().is_empty());
}
