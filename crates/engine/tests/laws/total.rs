//! Law 3: no input makes a push panic, fail, or take more than linear time.

use std::time::Duration;

use exfilter_engine::{Engine, Flow, KnownSecrets, Limits, StoreKey};
use exfilter_testing::{Rng, canary, keys, rules, run, split, wrap};

use super::split_blind::{cases, nested, outbound};
use crate::support;

#[test]
fn arbitrary_bytes_in_arbitrary_chunks() {
    for case in cases(2) {
        let mut rng = Rng::new(case << 8 | 9);
        let secrets: Vec<Vec<u8>> = (0..2).map(|_| keys::secret(&mut rng)).collect();
        let engine = support::engine(&secrets, Limits::default());
        let mut content = Vec::new();
        for _ in 0..rng.below(12) {
            let piece = match rng.below(11) {
                0 => {
                    let n = rng.below(300);
                    rng.bytes(n)
                }
                1 => {
                    let n = rng.below(300);
                    rng.text(b"ABCDabcd0123+/-_=", n)
                }
                2 => b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(),
                3 => b"\x28\xb5\x2f\xfd".to_vec(),
                4 => {
                    let n = rng.below(700);
                    [*rng.pick(b"\0AV\xff\x1f ")].repeat(n)
                }
                5 => wrap::tar(&[(rng.bytes(9), rng.bytes(30))]),
                9 => wrap::ar(&[(rng.bytes(9), rng.bytes(30)), (rng.bytes(30), rng.bytes(3))]),
                10 => wrap::cpio(wrap::Cpio::Old, &[(rng.bytes(9), rng.bytes(30))]),
                6 => {
                    let n = rng.below(44);
                    secrets[0].iter().copied().take(n).collect()
                }
                7 => {
                    let n = rng.below(5000);
                    wrap::base64(&rng.bytes(n), true, true)
                }
                _ => wrap::text(&mut rng),
            };
            content.extend(piece);
        }
        survives(&mut rng, &engine, &content);
    }
}

#[test]
fn mutated_containers() {
    for case in cases(2) {
        let mut rng = Rng::new(case << 8 | 10);
        let secrets: Vec<Vec<u8>> = (0..2).map(|_| keys::secret(&mut rng)).collect();
        let engine = support::engine(&secrets, Limits::default());
        let planted = secrets[0].clone();
        let (mut content, _) = nested(&mut rng, &planted);
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(content.len() + 1);
            match rng.below(6) {
                0 => content.truncate(at),
                1 if at < content.len() => content[at] ^= 1 << rng.below(8),
                2 if at < content.len() => content[at] = *rng.pick(b"\0\xff\x7f\x80"),
                3 => drop(content.splice(at..at, rng.bytes(3))),
                4 => {
                    let end = (at + rng.below(40)).min(content.len());
                    drop(content.drain(at..end));
                }
                _ => {
                    let end = (at + rng.below(400)).min(content.len());
                    let again = content[at..end].to_vec();
                    drop(content.splice(at..at, again));
                }
            }
        }
        survives(&mut rng, &engine, &content);
    }
}

/// Runs it, whatever comes of it, and holds the runs against each other.
fn survives(rng: &mut Rng, engine: &Engine, content: &[u8]) {
    for flow in [outbound().editable().lines(), Flow::at_rest()] {
        let whole = run::run(engine, &flow, content, &split::whole(content.len()));
        let chunks = split::random(rng, content.len(), 100);
        let run = run::run(engine, &flow, content, &chunks);
        // The ranges of faults are a matter of law 1's own tests.
        assert_eq!(whole.coverage, run.coverage);
        assert_eq!(whole.last.is_block(), run.last.is_block());
        assert_eq!(whole.findings().count(), run.findings().count());
    }
}

/// What it sends, and how to make about so many bytes of it.
type Adversary = (&'static str, fn(usize) -> Vec<u8>);

/// Inputs that a scanner with a quadratic corner would drown in.
fn adversaries() -> Vec<Adversary> {
    fn fill(unit: &[u8], n: usize) -> Vec<u8> {
        unit.repeat(n / unit.len() + 1)
    }
    vec![
        ("prefixes of a fixed length", |n| fill(b"ghp_", n)),
        ("prefixes of an open length", |n| fill(b"sk-live-", n)),
        ("prefixes and a little more", |n| fill(b"sk-live-abcdefgh ", n)),
        ("matches side by side", |n| fill(b"sk-live-abcdefghijklmnopqrstuvwx ", n)),
        ("leads without an end", |n| fill(b"abcdQ~", n)),
        ("prefixes of many open matches at once", |n| fill(b"glrt-", n)),
        ("beginnings of web tokens", |n| fill(b"eyJ", n)),
        ("beginnings of two letters", |n| fill(b"Nj", n)),
        ("keywords", |n| fill(b"secret_access_key=", n)),
        ("URLs that never get to their host", |n| fill(b"://user:", n)),
        ("one long line of a token alphabet", |n| Rng::new(1).text(keys::BASE62, n)),
        ("one long line of text", |n| fill(b"all work and no play ", n)),
        ("heads of armoured keys", |n| fill(b"-----BEGIN PRIVATE KEY-----\n", n)),
        ("base64 that is base64 that is base64", |n| fill(b"VVVV", n)),
        ("runs that end early", |n| fill(b"QUJDREVGR0hJSktMTU5P!", n)),
        ("base64 of prefixes", |n| wrap::base64(&fill(b"ghp_", n * 3 / 4), false, false)),
        ("magic numbers of gzip", |n| fill(b"\x1f\x8b\x08\0\0\0\0\0\0\x03", n)),
        ("magic numbers of gzip, back to back", |n| fill(b"\x1f\x8b\x08", n)),
        ("magic numbers of zstd", |n| fill(b"\x28\xb5\x2f\xfd", n)),
        ("empty gzip members", |n| fill(&wrap::gzip(&mut Rng::new(3), b""), n)),
        ("gzip headers that never end", |n| fill(b"\x1f\x8b\x08\x08\0\0\0\0\0\x03name", n)),
        ("gzip in base64", |n| wrap::base64(&fill(b"\x1f\x8b\x08\0\0\0\0\0\0\x03", n * 3 / 4), false, false)),
        ("zeros", |n| vec![0; n]),
        ("UTF-16", |n| fill(b"a\0b\0c\0d\0", n)),
        ("members of a tar", |n| {
            let mut one = wrap::tar(&[(b"a".to_vec(), b"x".to_vec())]);
            one.truncate(1024);
            fill(&one, n)
        }),
        ("members of an ar", |n| {
            let one = wrap::ar(&[(b"a", b"x")]);
            [&one[..8], &fill(&one[8..], n)].concat()
        }),
        ("members of an ar with one long name", |n| {
            let name = b"a/".repeat(2000);
            let two = wrap::ar(&[(&name, b"x"), (&name, b"x")]);
            let (head, member) = two.split_at(two.len() - 62);
            [&two[..head.len() - 62], &fill(&[&member[..1], b"0              ", &member[16..]].concat(), n)]
                .concat()
        }),
        ("members of a cpio", |n| {
            let one = wrap::cpio(wrap::Cpio::Old, &[(b"a", b"x")]);
            fill(&one[..30], n)
        }),
        ("beginnings of an enrolled secret", |n| fill(&enrolled()[..20], n)),
        ("an enrolled secret again and again", |n| fill(&enrolled(), n)),
        ("a piece of one again and again", |n| fill(&enrolled()[3..11], n)),
        ("a gzip of prefixes", |n| wrap::gzip(&mut Rng::new(4), &Rng::new(5).text(b"ghp_", n))),
    ]
}

fn enrolled() -> Vec<u8> {
    Rng::new(6).text(keys::BASE62, 24)
}

/// Processor time of this thread. A clock of the wall would measure the other tests; there is no count of steps to ask for.
#[cfg(unix)]
fn thread_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// The least time of so many runs.
fn time(engine: &Engine, flow: &Flow, content: &[u8], chunk: usize, runs: usize) -> Duration {
    let chunks = split::every(content.len(), chunk);
    (0..runs)
        .map(|_| {
            let mut stream = engine.stream(flow.clone());
            let before = thread_time();
            let mut rest = content;
            for n in &chunks {
                let (now, after) = rest.split_at(*n);
                rest = after;
                let _ = stream.push(now);
            }
            let _ = stream.finish();
            thread_time() - before
        })
        .min()
        .expect("there are runs")
}

/// Four times the input may take this many times as long: twice for each doubling, and a seventh for what memory costs.
const FOURFOLD: f64 = 2.3 * 2.3;
/// Four MiB in less than this are not looked at: nothing that grows faster than its input gets there.
const FAST: Duration = Duration::from_millis(8);

#[cfg(unix)]
#[test]
fn work_is_linear() {
    let secret = enrolled();
    canary::note([&secret[..]]);
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).unwrap());
    known.fragments(true).add("SECRET", &secret, vec![]).unwrap();
    let mut all = exfilter_rules::builtin();
    all.extend(rules::features());
    let engine = Engine::builder().rules(all).known_secrets(known).build().unwrap();
    let mut slow = Vec::new();
    for (name, make) in adversaries() {
        for (flow, chunk) in [(outbound(), 1460), (Flow::at_rest().lines(), 16 << 10)] {
            // Long enough to be measured.
            let mut n = 32 << 10;
            while n < 1 << 20 && time(&engine, &flow, &make(n), chunk, 1) < Duration::from_millis(3) {
                n *= 2;
            }
            let (once, more) = (make(n), make(4 * n));
            // One run of each is enough where nothing disturbs it.
            let mut ratios = [1, 1, 3, 3, 3, 3, 3].into_iter().map(|runs| {
                let time = |content: &[u8]| time(&engine, &flow, content, chunk, runs);
                let (once, more) = (time(&once), time(&more));
                // What is this fast on megabytes waits for memory alone, and more of it leaves the caches.
                if more < FAST { 1.0 } else { more.as_secs_f64() / once.as_secs_f64() }
            });
            let ratio = ratios.find(|ratio| *ratio <= FOURFOLD);
            if std::env::var_os("EXFILTER_SPEEDS").is_some() {
                let mib = n as f64 / f64::from(1 << 20) / time(&engine, &flow, &once, chunk, 3).as_secs_f64();
                println!("{name} ({:?}): {mib:.1} MiB/s, fourfold takes {ratio:.2?} times", flow.direction());
            }
            if ratio.is_none() {
                slow.push(format!("{name} ({:?}), from {n} bytes on", flow.direction()));
            }
        }
    }
    assert!(slow.is_empty(), "more than linear: {slow:#?}");
}
