//! The guard beside itself with the engine off, which looks into no body: how fast uploads are, how long a request waits, and what many flows at once take.
//!
//! `guard [--known 1000] [--size 100000000] [--rounds 5] [--requests 400] [--flows 2000] [--coded 100]`
//!
//! Clients, guard and server are in this process and speak over loopback: plain HTTP, which is the hard case, for TLS takes the same time with the engine and without; and HTTPS, which the guard intercepts, with
//! TLS on both sides of it, as nearly everything is sent. Uploads and requests are interleaved, and told as medians and ratios of wall time. Many flows at once have a guard in a process of its own, whose memory is told. `--flows` needs about three descriptors a flow (`ulimit -n`).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use exfilter::config::Config;
use exfilter::{Engine, Mode};
use exfilter_bench::timing::{median, option, speed};
use exfilter_bench::tls::{self, Line, Server};
use exfilter_bench::{corpus, secrets};
use exfilter_guard::{Guard, GuardLimits, Listener, Running, Settings};

const HOST: &str = "upload.example";

fn main() {
    let known: usize = option("--known", 1000);
    let rounds: usize = option("--rounds", 5);
    if let Some(server) = std::env::args().skip_while(|word| word != ALONE).nth(1) {
        return alone(known, server.parse().expect("an address"));
    }
    let tls = Arc::new(Server::new(HOST));
    let (server, server_of_tls) = (serve(None), serve(Some(tls.clone())));
    let [off, on] = [false, true].map(|examines| {
        let (guard, root) = start(full(known), server, Some((server_of_tls, &tls)), examines);
        (address(&guard), root, guard)
    });
    let ways = |is_tls| {
        [
            Way {
                to: if is_tls { server_of_tls } else { server },
                is_proxy: false,
                root: is_tls.then(|| tls.root.clone()),
            },
            Way { to: off.0, is_proxy: true, root: is_tls.then(|| off.1.clone()) },
            Way { to: on.0, is_proxy: true, root: is_tls.then(|| on.1.clone()) },
        ]
    };
    println!("all shipped rules, {known} known secrets; the guard beside itself with the engine off");

    println!("\nuploads, MB/s of wall time");
    println!("{:12} {:>10} {:>10} {:>10} {:>8}", "corpus", "direct", "off", "on", "on/off");
    for name in ["code", "json"] {
        let body = repeated(&corpus::read(name, usize::MAX), option("--size", 100_000_000));
        for is_tls in [false, true] {
            let ways = ways(is_tls);
            let mut times = [const { Vec::new() }; 3];
            for _ in 0..rounds {
                for (way, times) in ways.iter().zip(&mut times) {
                    let mut line = way.open();
                    times.push(timed(|| way.post(&mut line, &body)));
                }
            }
            let [direct, off, on] = times.each_mut().map(|times| median(times));
            let [d, f, n] = [direct, off, on].map(|time| speed(body.len(), time));
            let name = format!("{name}{}", if is_tls { ", HTTPS" } else { "" });
            println!("{name:12} {d:>10.0} {f:>10.0} {n:>10.0} {:>8.2}", off.as_secs_f64() / on.as_secs_f64());
        }
    }

    println!("\na request over an open connection, microseconds, median");
    println!(
        "{:14} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "body", "direct", "off", "on", "on-off", "on-direct"
    );
    let json = corpus::read("json", 8_000_000);
    for (name, len) in [("2 KB", 2_000), ("20 KB", 20_000), ("560 KB", 560_000)] {
        for is_tls in [false, true] {
            let mut lines = ways(is_tls).map(|way| (way.open(), way, Vec::new()));
            for i in 0..option("--requests", 400_usize) {
                let body = &json[(i * 7919) % (json.len() - len)..][..len];
                for (line, way, times) in &mut lines {
                    times.push(timed(|| way.post(line, body)));
                }
            }
            let [direct, off, on] = lines.map(|(_, _, mut times)| median(&mut times).as_secs_f64() * 1e6);
            let name = format!("{name}{}", if is_tls { ", HTTPS" } else { "" });
            println!(
                "{name:14} {direct:>10.0} {off:>10.0} {on:>10.0} {:>10.0} {:>10.0}",
                on - off,
                on - direct
            );
        }
    }

    flows(server, known, &json);
}

/// How the process with a guard alone is asked for.
const ALONE: &str = "--alone";

/// Runs a guard, and nothing else, until standard input ends.
fn alone(known: usize, server: SocketAddr) {
    let (running, _) = start(full(known), server, None, true);
    println!("{}", address(&running));
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}

/// An engine that looks for everything.
fn full(known: usize) -> Engine {
    // The corpora hold keys of test suites: they are found and told, and nothing is refused.
    let mut config = Config::default();
    config.set_mode(Mode::Observe);
    let mut builder = Engine::builder();
    builder
        .rules(exfilter::rules::builtin())
        .known_secrets(secrets::enrol(known))
        .policy(config.policy().clone());
    builder.build().expect("the built-in rules compile")
}

/// Flows at once, each half way through its body; some of them in zstd with windows of 2 MiB.
fn flows(server: SocketAddr, known: usize, json: &[u8]) {
    let (count, coded) = (option("--flows", 2000), option("--coded", 100));
    let long = coded_body(json);
    let program = std::env::current_exe().expect("this program");
    let mut process = Command::new(program)
        .args([ALONE, &server.to_string(), "--known", &known.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let told = process.stdout.take().expect("it is piped");
    BufReader::new(told).read_line(&mut line).expect("it says where it is");
    let guard: SocketAddr = line.trim().parse().expect("an address");
    let memory = |field| status(process.id(), field);
    let before = memory("VmRSS:");
    let begun = Instant::now();
    let mut open: Vec<(TcpStream, &[u8])> = (0..count)
        .map(|i| {
            let (body, coding): (&[u8], _) = match i < coded {
                true => (&long, "Content-Encoding: zstd\r\n"),
                false => (&json[(i * 7919) % 4_000_000..][..40_000], ""),
            };
            let mut stream = connect(guard);
            let (half, rest) = body.split_at(body.len() / 2);
            stream.write_all(head(true, body.len(), coding).as_bytes()).expect("the guard reads");
            stream.write_all(half).expect("the guard reads");
            (stream, rest)
        })
        .collect();
    std::thread::sleep(Duration::from_secs(3));
    let held = memory("VmRSS:");
    for (stream, rest) in &mut open {
        stream.write_all(rest).expect("the guard reads");
    }
    let sent = open.iter_mut().map(|(stream, _)| answered(stream)).filter(|status| *status == 200).count();
    println!(
        "\n{count} flows at once, {coded} of them in zstd with windows of 2 MiB: {sent} of them sent, after {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    println!(
        "memory of the guard's process: {:.0} MB before, {:.0} MB half way, {:.0} MB at most",
        before as f64 / 1e6,
        held as f64 / 1e6,
        memory("VmHWM:") as f64 / 1e6
    );
    drop(process.stdin.take());
    let _ = process.wait();
}

fn coded_body(json: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).expect("level 3");
    encoder.window_log(21).expect("a window of 2 MiB");
    encoder.write_all(json).expect("memory");
    encoder.finish().expect("memory")
}

/// A guard with `engine`, which looks into bodies if it `examines`, and the authority that its clients trust.
fn start(
    engine: Engine,
    server: SocketAddr,
    of_tls: Option<(SocketAddr, &Server)>,
    examines: bool,
) -> (Running, String) {
    let mut settings = Settings::new(engine);
    let mut limits = GuardLimits::default();
    limits.connections = 10_000;
    limits.unexamined = !examines;
    settings.resolve(HOST, 80, server).limits(limits).observe();
    if let Some((server, tls)) = of_tls {
        settings.resolve(HOST, 443, server).upstream_root(tls.root.clone().into_bytes());
    }
    let guard = Guard::new(settings).expect("the system has certificate authorities");
    let root = guard.certificate().to_owned();
    (guard.start(Listener::loopback().expect("a free port")).expect("threads"), root)
}

fn address(running: &Running) -> SocketAddr {
    running.address().expect("a TCP listener has one")
}

/// A server that reads bodies and says that it did.
fn serve(tls: Option<Arc<Server>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tls = tls.clone();
            std::thread::spawn(move || {
                let _ = stream.set_nodelay(true);
                let line: Box<dyn Line> = match tls {
                    Some(tls) => tls.accept(stream),
                    None => Box::new(stream),
                };
                let mut reader = BufReader::with_capacity(64 << 10, line);
                while let Some(len) = length(&mut reader) {
                    let read = std::io::copy(&mut reader.by_ref().take(len), &mut std::io::sink());
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
                    let writer = reader.get_mut();
                    if read.ok() != Some(len)
                        || writer.write_all(answer).and_then(|()| writer.flush()).is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Reads a head; the length of its body.
fn length(reader: &mut impl BufRead) -> Option<u64> {
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            return Some(length);
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("it listens");
    stream.set_nodelay(true).expect("a socket");
    stream
}

fn head(to_proxy: bool, len: usize, more: &str) -> String {
    let target = if to_proxy { format!("http://{HOST}/") } else { "/".into() };
    format!("POST {target} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len}\r\n{more}\r\n")
}

/// How a server is reached.
struct Way {
    to: SocketAddr,
    is_proxy: bool,
    /// What its certificate is signed by, if it has one.
    root: Option<String>,
}

impl Way {
    fn open(&self) -> Box<dyn Line> {
        let mut stream = connect(self.to);
        let Some(root) = &self.root else { return Box::new(stream) };
        if self.is_proxy {
            write!(stream, "CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n").expect("it reads");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("it answers");
                head.push(byte[0]);
            }
            assert!(head.starts_with(b"HTTP/1.1 200"), "a tunnel was refused");
        }
        tls::connect(stream, HOST, root)
    }

    fn post(&self, line: &mut Box<dyn Line>, body: &[u8]) {
        let head = head(self.is_proxy && self.root.is_none(), body.len(), "");
        line.write_all(head.as_bytes()).expect("it reads");
        line.write_all(body).and_then(|()| line.flush()).expect("it reads");
        assert_eq!(answered(line), 200, "a body was refused");
    }
}

/// Reads an answer; its status.
fn answered(stream: &mut impl Read) -> u16 {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() {
        return 0;
    }
    let Some(len) = length(&mut reader) else { return 0 };
    let _ = std::io::copy(&mut reader.take(len), &mut std::io::sink());
    line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn repeated(bytes: &[u8], len: usize) -> Vec<u8> {
    bytes.iter().copied().cycle().take(len).collect()
}

/// A line of a process' status, in bytes.
fn status(process: u32, field: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
}
