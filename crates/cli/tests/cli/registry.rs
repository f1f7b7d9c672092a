//! A registry on this machine that takes whatever it is sent and remembers every byte of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A registry for every client of the tests.
pub(crate) struct Registry {
    address: String,
    got: Arc<Mutex<Vec<Request>>>,
}

/// What a client has sent.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

impl Registry {
    pub(crate) fn new() -> Registry {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let got = Arc::new(Mutex::new(Vec::new()));
        let (shared, own) = (Arc::clone(&got), address.clone());
        // It ends with the tests' process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, own) = (Arc::clone(&shared), own.clone());
                std::thread::spawn(move || serve(stream, &shared, &own));
            }
        });
        Registry { address, got }
    }

    /// `127.0.0.1:12345`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Packages that were sent, and the requests that brought them.
    pub(crate) fn uploads(&self) -> Vec<Request> {
        let got = self.got.lock().unwrap_or_else(PoisonError::into_inner);
        got.iter().filter(|request| !request.body.is_empty()).cloned().collect()
    }
}

fn serve(stream: TcpStream, got: &Mutex<Vec<Request>>, address: &str) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_string(), words.next()?.to_string());
    let (mut length, mut chunked, mut expects) = (0, false, false);
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let header = line.trim().to_ascii_lowercase();
        match header.split_once(':').map(|(name, value)| (name, value.trim())) {
            None => break,
            Some(("content-length", value)) => length = value.parse().ok()?,
            Some(("transfer-encoding", "chunked")) => chunked = true,
            Some(("expect", _)) => expects = true,
            Some(_) => {}
        }
    }
    let mut stream = stream;
    if expects {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if chunked {
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            let n = usize::from_str_radix(line.trim(), 16).ok()?;
            let start = body.len();
            body.resize(start + n + 2, 0);
            reader.read_exact(&mut body[start..]).ok()?;
            body.truncate(start + n);
            if n == 0 {
                break;
            }
        }
    }
    let mut all = got.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(Request { method: method.clone(), path: path.clone(), body });
    let published = all.iter().any(|request| request.path.ends_with("/crates/new"));
    drop(all);
    let (status, text) = answer(&method, &path, address, published);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(text.as_bytes()).ok()?;
    Some(())
}

fn answer(method: &str, path: &str, address: &str, published: bool) -> (&'static str, String) {
    match (method, path) {
        ("GET", "/index/config.json") => {
            ("200 OK", format!("{{\"dl\":\"http://{address}/dl\",\"api\":\"http://{address}\"}}"))
        }
        // What cargo waits for.
        ("GET", path) if path.starts_with("/index/") && published => {
            let sum = "0".repeat(64);
            let text = format!(
                "{{\"name\":\"demo-dlp\",\"vers\":\"1.0.0\",\"deps\":[],\"cksum\":\"{sum}\",\"features\":{{}},\"yanked\":false}}\n"
            );
            ("200 OK", text)
        }
        ("PUT", path) if path.ends_with("/crates/new") => {
            ("200 OK", "{\"warnings\":{\"invalid_categories\":[],\"invalid_badges\":[],\"other\":[]}}".into())
        }
        ("PUT", _) => ("201 Created", "{\"ok\":true}".into()),
        ("POST", _) => ("200 OK", "{}".into()),
        _ => ("404 Not Found", "{}".into()),
    }
}
