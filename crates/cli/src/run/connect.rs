//! `exfilter connect`: from a pipe through the proxy that the environment names, as `ProxyCommand` of ssh. `exfilter run` and `exfilter guard` write it into configurations of ssh.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

use clap::Args;

use crate::exit;
use crate::fault::Fault;

/// Variables that name the proxy, the first that is set.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The longest answer of a proxy before the connection, in bytes.
const ANSWER_MAX: usize = 16 << 10;

/// Bytes that are passed on at once.
const STEP: usize = 64 << 10;

/// `exfilter connect`.
#[derive(Args)]
pub(crate) struct ConnectArgs {
    /// The host
    host: String,
    /// Its port
    port: u16,
    /// The proxy: http://HOST:PORT, or unix:PATH for a guard's socket [default: the one that HTTPS_PROXY names]
    #[arg(long, value_name = "PLACE")]
    proxy: Option<String>,
}

/// Connects, and passes on what comes until both sides have ended.
///
/// # Errors
///
/// There is no proxy, or it refuses.
pub(crate) fn run(args: &ConnectArgs) -> Result<u8, Fault> {
    let fault = |what: String| Fault::new("connect", what, "run this within exfilter run, or give --proxy");
    let proxy = args.proxy.clone().or_else(proxy);
    let proxy = proxy.ok_or_else(|| fault("no variable names a proxy (HTTPS_PROXY)".into()))?;
    let (mut stream, rest) =
        opened(&proxy, &args.host, args.port).map_err(|error| fault(error.to_string()))?;
    let mut up = stream.try_clone().map_err(|error| fault(error.to_string()))?;
    // It ends with the process: nothing comes from a server that has closed.
    std::thread::spawn(move || {
        let _ = pass(&mut io::stdin().lock(), &mut up);
        let _ = up.end();
    });
    let mut out = io::stdout().lock();
    // A pipe that is closed is the end.
    let _ = out.write_all(&rest).and_then(|()| pass(&mut stream, &mut out));
    Ok(exit::CLEAN)
}

/// A connection through the proxy of the environment, to a host.
///
/// # Errors
///
/// There is no proxy with a port, or it refuses.
pub(super) fn tunnel(host: &str, port: u16) -> io::Result<TcpStream> {
    let proxy = proxy().ok_or_else(|| io::Error::other("no variable names a proxy (HTTPS_PROXY)"))?;
    let (line, early) = opened(&proxy, host, port)?;
    match line {
        // In TLS the client speaks first.
        Line::Tcp(stream) if early.is_empty() => Ok(stream),
        _ => Err(io::Error::other("the proxy is of another kind")),
    }
}

/// A connection through a proxy to a host, and what came behind the proxy's answer.
fn opened(proxy: &str, host: &str, port: u16) -> io::Result<(Line, Vec<u8>)> {
    let told = |what: &str, error: io::Error| io::Error::new(error.kind(), format!("{what}: {error}"));
    let target = target(host, port)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "this is no name of a host"))?;
    let mut line = Line::reach(proxy).map_err(|error| told("the proxy cannot be reached", error))?;
    let early = open(&mut line, &target).map_err(|error| told("the proxy gives no connection", error))?;
    Ok((line, early))
}

/// The proxy that the environment names.
fn proxy() -> Option<String> {
    PROXIES.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// A connection to the proxy.
enum Line {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Line {
    fn reach(proxy: &str) -> io::Result<Line> {
        #[cfg(unix)]
        if let Some(path) = proxy.strip_prefix("unix:") {
            return UnixStream::connect(path).map(Line::Unix);
        }
        let stream =
            TcpStream::connect(proxy.strip_prefix("http://").unwrap_or(proxy).trim_end_matches('/'))?;
        let _ = stream.set_nodelay(true);
        Ok(Line::Tcp(stream))
    }

    fn try_clone(&self) -> io::Result<Line> {
        match self {
            Line::Tcp(stream) => stream.try_clone().map(Line::Tcp),
            #[cfg(unix)]
            Line::Unix(stream) => stream.try_clone().map(Line::Unix),
        }
    }

    /// Says that no more comes.
    fn end(&self) -> io::Result<()> {
        match self {
            Line::Tcp(stream) => stream.shutdown(Shutdown::Write),
            #[cfg(unix)]
            Line::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    fn set_read_timeout(&self, time: Duration) -> io::Result<()> {
        match self {
            Line::Tcp(stream) => stream.set_read_timeout(Some(time)),
            #[cfg(unix)]
            Line::Unix(stream) => stream.set_read_timeout(Some(time)),
        }
    }
}

impl Read for Line {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Line::Tcp(stream) => stream.read(bytes),
            #[cfg(unix)]
            Line::Unix(stream) => stream.read(bytes),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Line::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Line::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Line::Tcp(stream) => stream.flush(),
            #[cfg(unix)]
            Line::Unix(stream) => stream.flush(),
        }
    }
}

/// The target of a request: what a name may not hold would be a request of its own.
fn target(host: &str, port: u16) -> Option<String> {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
    if host.is_empty() || !host.bytes().all(is_name) {
        return None;
    }
    Some(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

/// Asks for a tunnel; gives what came behind the answer.
fn open(stream: &mut Line, target: &str) -> io::Result<Vec<u8>> {
    stream.write_all(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n").as_bytes())?;
    let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
    let end = loop {
        if let Some(at) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        let n = stream.read(&mut piece)?;
        if n == 0 || answer.len() > ANSWER_MAX {
            return Err(io::Error::other("it closed the connection"));
        }
        answer.extend_from_slice(&piece[..n]);
    };
    let status = answer.split(|b| *b == b' ').nth(1).unwrap_or_default();
    if status == b"200" {
        return Ok(answer.split_off(end));
    }
    let mut text = answer.split_off(end);
    let _ = stream.set_read_timeout(Duration::from_secs(2));
    let _ = stream.take(ANSWER_MAX as u64).read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text);
    Err(io::Error::other(crate::text::plain(text.lines().next().unwrap_or("it says no more"))))
}

fn pass(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; STEP];
    loop {
        let n = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(&buffer[..n])?;
        to.flush()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_names() {
        assert_eq!(target("git.example.com", 22).as_deref(), Some("git.example.com:22"));
        assert_eq!(target("::1", 2222).as_deref(), Some("[::1]:2222"));
        for host in ["", "a b", "a\r\nb", "a/b", "u@h", "a%00"] {
            assert_eq!(target(host, 22), None, "{host}");
        }
    }
}
