//! Servers of one test: they keep every byte that they receive.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use exfilter::wire::http1::{self, Parsed};
use exfilter::wire::{BodyLength, RequestHead};

/// A request as it arrived.
#[derive(Clone)]
pub(super) struct Arrived {
    pub(super) head: RequestHead,
    pub(super) body: Vec<u8>,
}

/// What a server answers with: status, media type, body.
pub(super) type Answer = (u16, String, Vec<u8>);

/// A server on this machine.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    bytes: Arc<Mutex<Vec<u8>>>,
    requests: Arc<Mutex<Vec<Arrived>>>,
}

impl Server {
    /// Answers requests, one a connection, with what `answer` says.
    pub(super) fn start(answer: impl Fn(&Arrived) -> Answer + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server {
            address: listener.local_addr().unwrap(),
            bytes: Arc::default(),
            requests: Arc::default(),
        };
        let (bytes, requests, answer) = (server.bytes.clone(), server.requests.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (bytes, requests, answer) = (bytes.clone(), requests.clone(), answer.clone());
                thread::spawn(move || serve(stream, &bytes, &requests, &*answer));
            }
        });
        server
    }

    /// Everything that arrived, also what was no whole request.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    /// Whole requests of a method.
    pub(super) fn requests(&self, method: &str) -> Vec<Arrived> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|request| request.head.method() == method).cloned().collect()
    }

    pub(super) fn forget(&self) {
        self.bytes.lock().unwrap().clear();
        self.requests.lock().unwrap().clear();
    }
}

fn serve(
    mut stream: TcpStream,
    bytes: &Mutex<Vec<u8>>,
    requests: &Mutex<Vec<Arrived>>,
    answer: &dyn Fn(&Arrived) -> Answer,
) {
    let mut reader =
        BodyReader::new(stream.try_clone().unwrap(), |chunk| bytes.lock().unwrap().extend_from_slice(chunk));
    let Some(head) = reader.head() else { return };
    let mut body = Vec::new();
    while let Some(chunk) = reader.next(head.length()) {
        body.extend(chunk);
    }
    if !reader.is_whole() {
        return;
    }
    let arrived = Arrived { head, body };
    let (status, media_type, body) = answer(&arrived);
    requests.lock().unwrap().push(arrived);
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&body);
}

/// Reads requests of a connection: heads, and bodies without their chunks.
pub(super) struct BodyReader<F> {
    stream: TcpStream,
    seen: F,
    buffer: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Head,
    /// Bytes left of the body, or of a chunk.
    Body(u64),
    Chunk,
    Whole,
    Broken,
}

impl<F: FnMut(&[u8])> BodyReader<F> {
    pub(super) fn new(stream: TcpStream, seen: F) -> BodyReader<F> {
        BodyReader { stream, seen, buffer: Vec::new(), state: State::Head }
    }

    /// The next head; `None` at the end, or for one that is refused.
    pub(super) fn head(&mut self) -> Option<RequestHead> {
        self.state = State::Head;
        loop {
            match http1::parse(&self.buffer).ok()? {
                Parsed::Complete { head, consumed } => {
                    self.buffer.drain(..consumed);
                    self.state = match head.length() {
                        BodyLength::Exactly(0) => State::Whole,
                        BodyLength::Exactly(n) => State::Body(n),
                        BodyLength::Chunked => State::Chunk,
                    };
                    return Some(*head);
                }
                Parsed::Incomplete => self.fill().then_some(())?,
            }
        }
    }

    /// The next bytes of the body; `None` at its end, or where the connection ends before.
    pub(super) fn next(&mut self, length: BodyLength) -> Option<Vec<u8>> {
        loop {
            match self.state {
                State::Body(0) if length == BodyLength::Chunked => {
                    self.line()?;
                    self.state = State::Chunk;
                }
                State::Body(0) => self.state = State::Whole,
                State::Body(left) => {
                    if self.buffer.is_empty() && !self.fill() {
                        self.state = State::Broken;
                        return None;
                    }
                    let n = self.buffer.len().min(left as usize);
                    self.state = State::Body(left - n as u64);
                    return Some(self.buffer.drain(..n).collect());
                }
                State::Chunk => {
                    let line = self.line()?;
                    let size = u64::from_str_radix(std::str::from_utf8(&line).ok()?, 16).ok()?;
                    self.state = State::Body(size);
                    if size == 0 {
                        self.line()?;
                        self.state = State::Whole;
                    }
                }
                State::Whole | State::Broken | State::Head => return None,
            }
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.state == State::Whole
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|w| w == b"\r\n") {
                let line = self.buffer.drain(..at + 2).take(at).collect();
                return Some(line);
            }
            if !self.fill() {
                self.state = State::Broken;
                return None;
            }
        }
    }

    fn fill(&mut self) -> bool {
        let mut chunk = [0; 8 << 10];
        let n = self.stream.read(&mut chunk).unwrap_or(0);
        (self.seen)(&chunk[..n]);
        self.buffer.extend_from_slice(&chunk[..n]);
        n > 0
    }
}
