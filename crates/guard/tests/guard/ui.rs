//! The page that shows what happens.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use exfilter_testing::{Rng, keys};

use crate::raw::{connect, head};
use crate::stage::Stage;

struct Page {
    address: SocketAddr,
    path: String,
}

impl Page {
    fn new(stage: &Stage) -> Page {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let url = stage.guard.show(listener).unwrap();
        let path = url.strip_prefix(&format!("http://{address}")).unwrap().to_owned();
        assert_eq!(path.len(), 34);
        Page { address, path }
    }

    /// The answer to a request as it stands here.
    fn say(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
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

fn post(stage: &Stage, body: &str) {
    let mut stream = connect(stage);
    let length = body.len();
    let request = format!(
        "POST http://echo.example.com/ HTTP/1.1\r\nHost: echo.example.com\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    head(&mut stream);
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
