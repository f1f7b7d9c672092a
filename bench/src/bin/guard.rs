//! The guard beside itself with the engine off, which looks into no body: how fast uploads are, how long a request waits, and what many flows at once take.
//!
//! `guard [--known 1000] [--size 100000000] [--rounds 5] [--requests 400] [--flows 2000] [--coded 100]`
//!
//! Clients, guard and server are in this process and speak HTTP without TLS over loopback, which is the hard case: TLS would take the same time on both sides. Uploads and requests are interleaved,
//! and told as medians and ratios of wall time. Many flows at once have a guard in a process of its own, whose memory is told. `--flows` needs about three descriptors a flow (`ulimit -n`).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use exfilter::config::Config;
use exfilter::{Engine, Mode};
use exfilter_bench::timing::{median, option, speed};
use exfilter_bench::{corpus, secrets};
use exfilter_guard::{Guard, GuardLimits, Listener, Running, Settings};

const HOST: &str = "upload.example";

fn main() {
    let known: usize = option("--known", 1000);
    let rounds: usize = option("--rounds", 5);
    if let Some(server) = std::env::args().skip_while(|word| word != ALONE).nth(1) {
        return alone(known, server.parse().expect("an address"));
    }
    let server = serve();
    let on = start(full(known), server, true);
    let off = start(full(known), server, false);
    let (on, off) = (address(&on), address(&off));
    println!(
        "all shipped rules, {known} known secrets; the guard beside itself with the engine off"
    );

    println!("\nuploads, MB/s of wall time");
    println!("{:8} {:>10} {:>10} {:>10} {:>8}", "corpus", "direct", "off", "on", "on/off");
    for name in ["code", "json"] {
        let body = repeated(&corpus::read(name, usize::MAX), option("--size", 100_000_000));
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..rounds {
            for (to, times) in [server, off, on].into_iter().zip(&mut times) {
                times.push(timed(|| post(&mut connect(to), to != server, &body)));
            }
        }
        let [direct, off, on] = times.each_mut().map(|times| median(times));
        let [d, f, n] = [direct, off, on].map(|time| speed(body.len(), time));
        println!("{name:8} {d:>10.0} {f:>10.0} {n:>10.0} {:>8.2}", off.as_secs_f64() / on.as_secs_f64());
    }

    println!("\na request over an open connection, microseconds, median");
    println!("{:8} {:>10} {:>10} {:>10} {:>10} {:>10}", "body", "direct", "off", "on", "on-off", "on-direct");
    let json = corpus::read("json", 8_000_000);
    for (name, len) in [("2 KB", 2_000), ("20 KB", 20_000), ("560 KB", 560_000)] {
        let mut lines = [server, off, on].map(|to| (to, connect(to), Vec::new()));
        for i in 0..option("--requests", 400_usize) {
            let body = &json[(i * 7919) % (json.len() - len)..][..len];
            for (to, stream, times) in &mut lines {
                times.push(timed(|| post(stream, *to != server, body)));
            }
        }
        let [direct, off, on] = lines.map(|(_, _, mut times)| median(&mut times).as_secs_f64() * 1e6);
        println!("{name:8} {direct:>10.0} {off:>10.0} {on:>10.0} {:>10.0} {:>10.0}", on - off, on - direct);
    }

    flows(server, known, &json);
}

/// How the process with a guard alone is asked for.
const ALONE: &str = "--alone";

/// Runs a guard, and nothing else, until standard input ends.
fn alone(known: usize, server: SocketAddr) {
    let running = start(full(known), server, true);
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

/// A guard with `engine`, which looks into bodies if it `examines`.
fn start(engine: Engine, server: SocketAddr, examines: bool) -> Running {
    let mut settings = Settings::new(engine);
    let mut limits = GuardLimits::default();
    limits.connections = 10_000;
    limits.unexamined = !examines;
    settings.resolve(HOST, 80, server).limits(limits).observe();
    let guard = Guard::new(settings).expect("the system has certificate authorities");
    guard.start(Listener::loopback().expect("a free port")).expect("threads")
}

fn address(running: &Running) -> SocketAddr {
    running.address().expect("a TCP listener has one")
}

/// A server that reads bodies and says that it did.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = stream.set_nodelay(true);
                let mut writer = stream.try_clone().expect("descriptors");
                let mut reader = BufReader::with_capacity(64 << 10, stream);
                while let Some(len) = length(&mut reader) {
                    let read = std::io::copy(&mut reader.by_ref().take(len), &mut std::io::sink());
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
                    if read.ok() != Some(len) || writer.write_all(answer).is_err() {
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

fn post(stream: &mut TcpStream, to_proxy: bool, body: &[u8]) {
    stream.write_all(head(to_proxy, body.len(), "").as_bytes()).expect("it reads");
    stream.write_all(body).expect("it reads");
    assert_eq!(answered(stream), 200, "a body was refused");
}

/// Reads an answer; its status.
fn answered(stream: &mut TcpStream) -> u16 {
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
