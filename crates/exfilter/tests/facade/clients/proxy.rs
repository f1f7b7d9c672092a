//! A proxy as an embedder writes one: bytes leave as far as the verdict says, and a refusal is what the inspector replies.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use exfilter::wire::{BodyLength, Reply, RequestHead, http1};
use exfilter::{Audience, Authority, Engine, Inspection, Inspector, Verdict};

use super::server::BodyReader;

/// A proxy before one server.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    /// Kinds of conversations that were refused.
    pub(super) refused: Arc<Mutex<Vec<&'static str>>>,
    came: Arc<Mutex<Vec<Came>>>,
}

/// A request as its client sent it: the method, and the body without its chunks.
type Came = (String, Vec<u8>);

impl Proxy {
    pub(super) fn start(engine: Engine, upstream: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = Proxy { address, refused: Arc::default(), came: Arc::default() };
        let (refused, came) = (proxy.refused.clone(), proxy.came.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (engine, refused, came) = (engine.clone(), refused.clone(), came.clone());
                thread::spawn(move || converse(client, &engine, address, upstream, &refused, &came));
            }
        });
        proxy
    }

    /// Bodies that clients sent with a method, in the order in which they came to their ends; those of refused requests too.
    pub(super) fn bodies(&self, method: &str) -> Vec<Vec<u8>> {
        let came = self.came.lock().unwrap();
        came.iter().filter(|(by, _)| by == method).map(|(_, body)| body.clone()).collect()
    }

    pub(super) fn forget(&self) {
        self.refused.lock().unwrap().clear();
        self.came.lock().unwrap().clear();
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn converse(
    mut client: TcpStream,
    engine: &Engine,
    own: SocketAddr,
    upstream: SocketAddr,
    refused: &Mutex<Vec<&'static str>>,
    came: &Mutex<Vec<Came>>,
) {
    let authority = Authority::parse(format!("http://{own}").as_bytes()).unwrap();
    let mut reader = BodyReader::new(client.try_clone().unwrap(), |_| {});
    while let Some(head) = reader.head() {
        let mut inspector = match Inspector::new(engine, &Inspection::new(authority.clone()), head) {
            Ok(inspector) => inspector,
            Err(error) => {
                let _ = client.write_all(&Reply::bad_request(error).to_http1());
                return;
            }
        };
        let mut line =
            Line { upstream, stream: None, chunked: inspector.head().length() == BodyLength::Chunked };
        let (mut pending, mut sent, mut body) = (Vec::new(), 0, Vec::new());
        let length = inspector.head().length();
        if inspector.head().headers().get("expect").is_some() {
            client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        }
        while let Some(chunk) = reader.next(length) {
            pending.extend_from_slice(&chunk);
            body.extend_from_slice(&chunk);
            let verdict = inspector.push(&chunk);
            release(&inspector, verdict, &mut pending, &mut sent, &mut line);
        }
        if !reader.is_whole() {
            return;
        }
        came.lock().unwrap().push((inspector.head().method().to_owned(), body));
        let last = inspector.finish();
        // Of a push nothing has left, so all of it is here.
        inspector.locate([&pending]);
        if let Some(reply) = inspector.reply(Audience::Subject) {
            refused.lock().unwrap().push(inspector.conversation().as_str());
            // The body was read to its end, so the client listens.
            drop(line);
            let _ = client.write_all(&reply.to_http1());
            continue;
        }
        release(&inspector, last, &mut pending, &mut sent, &mut line);
        let answer = line.finish(&inspector.forwarded_head());
        let _ = client.write_all(&rewritten(&inspector, answer));
        return;
    }
}

fn release(inspector: &Inspector, verdict: Verdict, pending: &mut Vec<u8>, sent: &mut u64, line: &mut Line) {
    let Some(through) = verdict.through() else { return };
    let out: Vec<u8> = pending.drain(..(through - *sent) as usize).collect();
    *sent = through;
    if !out.is_empty() {
        line.send(&inspector.forwarded_head(), &out);
    }
}

/// The connection to the server, opened when the first byte may leave.
struct Line {
    upstream: SocketAddr,
    stream: Option<TcpStream>,
    chunked: bool,
}

impl Line {
    fn open(&mut self, head: &RequestHead) -> &mut TcpStream {
        let upstream = self.upstream;
        self.stream.get_or_insert_with(|| {
            let mut head = head.clone();
            head.headers_mut().set("connection", b"close").unwrap();
            let mut stream = TcpStream::connect(upstream).unwrap();
            stream.write_all(&http1::write(&head)).unwrap();
            stream
        })
    }

    fn send(&mut self, head: &RequestHead, bytes: &[u8]) {
        let chunked = self.chunked;
        let stream = self.open(head);
        if chunked {
            write!(stream, "{:x}\r\n", bytes.len()).unwrap();
        }
        stream.write_all(bytes).unwrap();
        if chunked {
            stream.write_all(b"\r\n").unwrap();
        }
    }

    fn finish(mut self, head: &RequestHead) -> Vec<u8> {
        let chunked = self.chunked;
        let stream = self.open(head);
        if chunked {
            stream.write_all(b"0\r\n\r\n").unwrap();
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }
}

/// The answer of a server, with refs as the inspector wants them shown.
fn rewritten(inspector: &Inspector, answer: Vec<u8>) -> Vec<u8> {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    let Some(mut advertisement) = inspector.advertisement().filter(|_| answer.starts_with(b"HTTP/1.1 200"))
    else {
        return answer;
    };
    let mut body = Vec::new();
    advertisement.feed(&answer[end..], &mut body);
    advertisement.finish(&mut body);
    assert!(advertisement.is_added());
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let lines = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
    let head: Vec<String> = lines.filter(|line| !line.is_empty()).map(String::from).collect();
    let head = format!("{}\r\nContent-Length: {}\r\n\r\n", head.join("\r\n"), body.len());
    [head.into_bytes(), body].concat()
}
