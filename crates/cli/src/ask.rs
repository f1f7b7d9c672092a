//! [`Guard`]: a guard that is asked about what a hook in its sandbox would let leave. Enrolled secrets are there and not here: a sandbox has no store.
//!
//! ```text
//! EXFILTER_GUARD=http://127.0.0.1:8080     where it is: `exfilter run` and `exfilter guard` set it
//! POST http://exfilter.invalid/examine     one request for each text or file, over few connections; what the guard answers says `crates/guard/src/ask.rs`
//! ```
//!
//! If it does not answer, nothing passes. After its first refusal it is asked no more: the outcome is known, and each further hit would count for a quarantine.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use exfilter::{Authority, Engine};
use serde_json::Value;

use crate::fault::Fault;
use crate::sandbox::PROXIES;
use crate::term::Term;
use crate::text::{plain, shorten};

/// The variable that says where the guard is.
pub(crate) const VARIABLE: &str = "EXFILTER_GUARD";

/// Bytes that are gathered before they are sent: of a small file the request is one packet.
const GATHERED: usize = 64 << 10;

/// The longest head of an answer, and the longest answer, in bytes.
const HEAD_MAX: usize = 16 << 10;
const ANSWER_MAX: usize = 64 << 10;

/// To connect, and between two pieces of what is said either way: the guard examines as it reads, and may have to end the last part.
const CONNECT: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);

/// For how long a connection is used again; the guard closes one that says nothing for a minute.
const FRESH: Duration = Duration::from_secs(20);

const HEAD: &[u8] = b"POST http://exfilter.invalid/examine HTTP/1.1\r\nHost: exfilter.invalid\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The guard of this sandbox.
pub(crate) struct Guard {
    addresses: Vec<SocketAddr>,
    /// As the variable has it, to be printed.
    shown: String,
    idle: Mutex<Vec<(TcpStream, Instant)>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether it has refused something.
    refused: bool,
    /// What kept it from answering.
    failed: Option<String>,
}

/// What the guard says of one text or file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The number of the refusal, where an enrolled secret stands in it, or nothing may leave any more.
    pub(crate) refusal: Option<String>,
    /// Why it could not examine all of it.
    pub(crate) unseen: Vec<String>,
}

impl Guard {
    /// The guard that the environment names, if it names one and that one answers. In what looks like a sandbox, where neither a guard nor `engine` knows a secret, a note says so.
    ///
    /// # Errors
    ///
    /// What it names is no address, or no guard answers there.
    pub(crate) fn of_environment(engine: &Engine, term: &Term) -> Result<Option<Guard>, Fault> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let Some(value) = set(VARIABLE) else {
            if engine.needles() == 0 && PROXIES.iter().any(|name| set(name).is_some()) {
                term.note(&format_args!(
                    "only rules are looked for: there is no store, and no guard to ask ({VARIABLE})"
                ));
            }
            return Ok(None);
        };
        let guard = Guard::at(&value.to_string_lossy())?;
        // Before anything else, so that it is told at once. Of nothing at all it refuses what it would refuse of anything.
        let answer = guard.ask(b"");
        guard.end()?;
        match answer.refusal {
            None => Ok(Some(guard)),
            Some(reference) => {
                let what =
                    format!("the guard lets nothing pass any more: blocked by policy, reference {reference}");
                Err(Fault::new(VARIABLE, what, "its operator sees why"))
            }
        }
    }

    fn at(value: &str) -> Result<Guard, Fault> {
        let fault = |what: &str| Fault::new(VARIABLE, what, "give http://HOST:PORT, as `exfilter run` does");
        let address = Authority::parse(value.trim_end_matches('/').as_bytes())
            .ok()
            .filter(|to| to.scheme() == "http")
            .ok_or_else(|| fault("it is no address of a guard"))?;
        let host = address.host().trim_matches(['[', ']']);
        let addresses: Vec<_> = (host, address.port())
            .to_socket_addrs()
            .map_err(|_| fault("the host that it names is not known"))?
            .collect();
        let shown = shorten(&plain(value)).into_owned();
        Ok(Guard { addresses, shown, idle: Mutex::default(), state: Mutex::default() })
    }

    /// Asks about a text.
    pub(crate) fn ask(&self, text: &[u8]) -> Answer {
        let Some(mut question) = self.begin() else { return Answer::default() };
        question.push(text);
        question.finish()
    }

    /// Begins to ask; `None` where the outcome is known already.
    pub(crate) fn begin(&self) -> Option<Question<'_>> {
        let state = self.state();
        let is_known = state.refused || state.failed.is_some();
        (!is_known).then(|| Question { guard: self, stream: None, gathered: Vec::new(), failed: None })
    }

    /// Whether everything that was asked was answered.
    ///
    /// # Errors
    ///
    /// Something was not: then nothing may pass.
    pub(crate) fn end(&self) -> Result<(), Fault> {
        let Some(why) = self.state().failed.clone() else { return Ok(()) };
        let what = format!("the guard at {} {why}, so nothing leaves", self.shown);
        Err(Fault::new(VARIABLE, what, "start it again, or unset the variable where there is none"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some((stream, _)) = idle.filter(|(_, since)| since.elapsed() < FRESH) {
            return Ok(stream);
        }
        let mut failed = io::ErrorKind::AddrNotAvailable.into();
        for address in &self.addresses {
            match TcpStream::connect_timeout(address, CONNECT) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    return Ok(stream);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

/// What is being asked.
pub(crate) struct Question<'a> {
    guard: &'a Guard,
    stream: Option<TcpStream>,
    gathered: Vec<u8>,
    failed: Option<io::Error>,
}

impl Question<'_> {
    /// Goes on with what it is about.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if bytes.is_empty() || self.failed.is_some() {
            return;
        }
        if self.stream.is_none() && self.gathered.is_empty() {
            self.gathered.extend_from_slice(HEAD);
        }
        self.gathered.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
        self.gathered.extend_from_slice(bytes);
        self.gathered.extend_from_slice(b"\r\n");
        if self.gathered.len() >= GATHERED {
            self.failed = self.flush().err();
        }
    }

    /// The answer. Where there is none, [`Guard::end`] says so.
    pub(crate) fn finish(mut self) -> Answer {
        let guard = self.guard;
        match self.answer() {
            Ok(answer) => {
                guard.state().refused |= answer.refusal.is_some();
                answer
            }
            Err(why) => {
                guard.state().failed.get_or_insert(why);
                Answer::default()
            }
        }
    }

    fn answer(&mut self) -> Result<Answer, String> {
        let told = |error: io::Error| format!("does not answer ({error})");
        if let Some(error) = self.failed.take() {
            return Err(told(error));
        }
        if self.stream.is_none() && self.gathered.is_empty() {
            self.gathered.extend_from_slice(HEAD);
        }
        self.gathered.extend_from_slice(b"0\r\n\r\n");
        self.flush().map_err(told)?;
        let Some(mut stream) = self.stream.take() else { return Err("does not answer".into()) };
        let (is_ok, body) = read(&mut stream).map_err(told)?;
        let answer = is_ok.then(|| understood(&body)).flatten();
        if answer.is_some() {
            let mut idle = self.guard.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push((stream, Instant::now()));
        }
        answer.ok_or_else(|| "answers as none does".to_owned())
    }

    fn flush(&mut self) -> io::Result<()> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(self.guard.connect()?),
        };
        stream.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(())
    }
}

/// Reads an answer: whether all is well, and its body.
fn read(stream: &mut impl Read) -> io::Result<(bool, Vec<u8>)> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    let mut fill = |bytes: &mut Vec<u8>| match stream.read(&mut chunk)? {
        0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        n => {
            bytes.extend_from_slice(&chunk[..n]);
            Ok(())
        }
    };
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if bytes.len() > HEAD_MAX {
            return Err(bad("the head of its answer is too long"));
        }
        fill(&mut bytes)?;
    };
    let mut body = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let is_ok = head.starts_with("http/1.1 200 ");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length
        .and_then(|length| length.trim().parse().ok())
        .filter(|length| *length <= ANSWER_MAX)
        .ok_or_else(|| bad("its answer has no length that could be"))?;
    while body.len() < length {
        fill(&mut body)?;
    }
    Ok((is_ok && body.len() == length, body))
}

/// What an answer says; `None` if it is none of a guard.
fn understood(body: &[u8]) -> Option<Answer> {
    let value: Value = serde_json::from_slice(body).ok().filter(|value: &Value| value["version"] == 1)?;
    if !value["refused"].as_bool()? {
        return Some(Answer::default());
    }
    let mut answer = Answer::default();
    if value["enrolled"].as_bool()? {
        let reference = value["reference"].as_str()?;
        let is_one =
            (1..=32).contains(&reference.len()) && reference.bytes().all(|b| b.is_ascii_alphanumeric());
        answer.refusal = is_one.then(|| reference.to_owned());
        // A refusal is one, whatever it is called.
        answer.refusal.get_or_insert_with(|| "unknown".into());
        return Some(answer);
    }
    for reason in value["unseen"].as_array()? {
        answer.unseen.push(shorten(&plain(reason.as_str()?)).into_owned());
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_those_of_a_guard_or_none() {
        let refused = |rest: &str| format!("{{\"version\":1,\"refused\":true,{rest}}}");
        let clean = understood(b"{\"version\":1,\"refused\":false}");
        assert_eq!(clean, Some(Answer::default()));
        let enrolled = understood(refused("\"enrolled\":true,\"reference\":\"abc2\"").as_bytes());
        assert_eq!(enrolled.and_then(|answer| answer.refusal).as_deref(), Some("abc2"));
        let odd = understood(refused("\"enrolled\":true,\"reference\":\"\\u001b[2J\"").as_bytes());
        assert_eq!(odd.and_then(|answer| answer.refusal).as_deref(), Some("unknown"));
        let rule =
            understood(refused("\"enrolled\":false,\"findings\":[],\"unseen\":[\"ratio\"]").as_bytes());
        assert_eq!(rule, Some(Answer { refusal: None, unseen: vec!["ratio".into()] }));
        for text in ["", "{}", "done", "{\"version\":2,\"refused\":false}", "{\"version\":1}"] {
            assert_eq!(understood(text.as_bytes()), None, "{text}");
        }
        assert_eq!(understood(refused("\"enrolled\":false").as_bytes()), None);
    }

    #[test]
    fn answers_are_read_within_bounds() {
        let answer = |text: &str| read(&mut text.as_bytes());
        let good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert!(answer(good).is_ok_and(|(is_ok, body)| is_ok && body == b"ok"));
        assert!(answer(&good.replace("200", "403")).is_ok_and(|(is_ok, _)| !is_ok));
        for bad in [
            &good[..20],
            &good[..good.len() - 1],
            "HTTP/1.1 200 OK\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
            &"x".repeat(HEAD_MAX + 4096),
        ] {
            assert!(answer(bad).is_err());
        }
        // What stands behind an answer belongs to none.
        assert!(answer(&format!("{good}more")).is_ok_and(|(is_ok, _)| !is_ok));
    }

    #[test]
    fn addresses_are_of_http() {
        assert!(Guard::at("http://127.0.0.1:8080").is_ok() && Guard::at("http://[::1]:8080/").is_ok());
        for bad in ["https://127.0.0.1:1", "127.0.0.1:1", "http://", "x", "http://a@b:1"] {
            assert!(Guard::at(bad).is_err(), "{bad}");
        }
    }
}
