//! Memory: a large file needs that of a small one. Run with `--ignored`; it scans 2 GiB.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::process::Stdio;

use crate::harness::{Sandbox, github_token};

/// The most memory that a scan of `len` bytes had at one time, in bytes.
fn peak(len: u64) -> u64 {
    let s = Sandbox::new();
    let path = s.tree("big");
    let mut file = File::create(&path).unwrap();
    file.set_len(len).unwrap();
    file.seek(SeekFrom::Start(len - 100)).unwrap();
    file.write_all(format!("\n{}\n", github_token()).as_bytes()).unwrap();
    drop(file);
    let child = s.command(&["scan", "tree"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let waiter = std::thread::spawn(move || child.wait_with_output().unwrap());
    let mut peak = 0;
    while !waiter.is_finished() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kib = line.and_then(|l| l.trim().strip_suffix(" kB")).and_then(|n| n.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) * 1024);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    s.checked(waiter.join().unwrap()).exits_with(1);
    peak
}

#[test]
#[ignore = "scans 2 GiB"]
fn a_large_file_needs_the_memory_of_a_small_one() {
    let small = peak(64 << 20);
    let large = peak(2 << 30);
    println!("peak: {small} bytes for 64 MiB, {large} bytes for 2 GiB");
    assert!(large < small + (4 << 20), "{small} -> {large}");
}
