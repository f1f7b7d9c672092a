//! Real clients through a small proxy that runs `Inspector`, against small servers that keep what they receive: what is clean arrives as it is, what holds a secret is refused so that
//! the client says why, and no byte of the secret has arrived.
//!
//! A client that is not on the machine is skipped, and a line says so.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod cargo;
mod gem;
mod git;
mod lfs;
mod maven;
mod node;
mod proxy;
mod python;
mod registry;
mod server;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use exfilter::{Engine, Event, Flow};

/// What a client printed, both streams, and whether it succeeded.
struct Ran {
    ok: bool,
    said: String,
}

/// The longest that a client may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a client in an environment of its own. What it prints goes to a file, so that it never waits for a reader.
fn run(dir: &Path, home: &Path, env: &[(&str, &str)], args: &[&str]) -> Ran {
    let log = tempfile::NamedTempFile::new().unwrap();
    // Both behind each other: two places in the file would overwrite one another.
    let writer = || std::fs::OpenOptions::new().append(true).open(log.path()).unwrap();
    let mut child = Command::new(args[0])
        .args(&args[1..])
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("LC_ALL", "C")
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(writer())
        .stderr(writer())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if begun.elapsed() > PATIENCE => {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let said = String::from_utf8_lossy(&std::fs::read(log.path()).unwrap()).into_owned();
    Ran { ok: status.is_some_and(|status| status.success()), said }
}

/// Whether a client is on the machine; says so if it is not.
fn has(program: &str, args: &[&str]) -> bool {
    let found = Command::new(OsStr::new(program))
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        println!("skipped: {program} is not here");
    }
    found
}

/// Whether a secret, or eight characters of it, stand in bytes, as they are or in anything that the engine decodes.
fn holds(engine: &Engine, bytes: &[u8], secret: &[u8]) -> bool {
    let parts = secret[4..].windows(8).any(|part| bytes.windows(8).any(|w| w == part));
    let mut stream = engine.stream(Flow::at_rest());
    let _ = (stream.push(bytes), stream.finish());
    parts || std::iter::from_fn(|| stream.poll_event()).any(|event| matches!(event, Event::Finding(_)))
}
