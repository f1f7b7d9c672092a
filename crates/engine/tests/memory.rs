//! Law 4, measured: what a stream keeps, counted by the allocator, against what [`Stream::memory`] says.
//!
//! The working memory is dropped before each look, so that only the engine and the stream are left; events are not queued.
#![expect(clippy::unwrap_used, reason = "what a test cannot do ends it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use exfilter_engine::{Authority, Engine, Flow, KnownSecrets, Limits, Scratch, StoreKey, Stream};
use exfilter_testing::{Rng, canary, keys, rules, wrap};

/// Counts the live bytes of each thread.
struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

fn count(by: isize) {
    // A thread that ends frees after its counter is gone.
    let _ = LIVE.try_with(|live| live.set(live.get() + by));
}

// SAFETY: every call goes to the system's allocator with the arguments it came with; counting touches no memory of the heap.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps `dealloc`'s contract, and the block came from the system's allocator.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: the caller keeps `realloc`'s contract, and the block came from the system's allocator.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn live() -> isize {
    LIVE.with(Cell::get)
}

/// The pack and some rules that open more, all automata built, and 100 secrets.
fn engine() -> Engine {
    let mut rng = Rng::new(71);
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).unwrap());
    for i in 0..100 {
        let value = keys::secret(&mut rng);
        canary::note([&value[..]]);
        known.add(&format!("SECRET_{i}"), &value, vec![]).unwrap();
    }
    let mut all = exfilter_rules::builtin();
    all.extend(rules::features());
    Engine::builder().rules(all).known_secrets(known).eager(true).build().unwrap()
}

fn outbound() -> Flow {
    Flow::outbound(Authority::parse(b"https://example.com").unwrap())
}

/// What is seen of a stream: the most that the allocator counts, and the least by which the stream's own account is above it.
#[derive(Debug, Default)]
struct Seen {
    most: usize,
    /// The account when `most` was seen.
    said: usize,
    /// The most that is missing in an account.
    missing: usize,
    /// How often it was looked at, and how often there was more than [`GOAL`].
    looks: usize,
    over: usize,
}

/// Structure and heap of a stream of which no more than the identity lane is alive.
const GOAL: usize = 4 << 10;

/// Feeds `content` in small chunks and looks at the heap after some of them.
fn watch(engine: &Engine, flow: &Flow, content: &[u8], chunk: usize, looks: usize) -> Seen {
    let mut scratch = Scratch::new();
    let mut seen = Seen::default();
    let before = live();
    let mut stream = engine.stream(flow.clone());
    let every = (content.len() / chunk / looks).max(1);
    for (i, chunk) in content.chunks(chunk).enumerate() {
        let _ = stream.push_with(&mut scratch, chunk, &mut |_| {});
        if i % every == 0 {
            scratch = Scratch::new();
            look(&stream, before, &mut seen);
        }
    }
    let _ = stream.finish_with(&mut scratch, &mut |_| {});
    drop(scratch);
    look(&stream, before, &mut seen);
    seen
}

fn look(stream: &Stream, before: isize, seen: &mut Seen) {
    let heap = usize::try_from(live() - before).unwrap_or(0);
    let (most, said) = (heap + size_of::<Stream>(), stream.memory());
    // What is kept for deltas is an account of its own.
    let apart = (stream.windows() + stream.kept()) as usize;
    // Its buffers grow by doubling.
    seen.missing = seen.missing.max(most.saturating_sub(said + apart + stream.kept() as usize));
    let most = most.saturating_sub(apart);
    seen.looks += 1;
    seen.over += usize::from(most > GOAL);
    if most > seen.most {
        (seen.most, seen.said) = (most, said);
    }
}

/// Source code, JSON and bytes of any value.
fn ordinary(len: usize) -> Vec<(&'static str, Vec<u8>)> {
    let source = [
        &include_bytes!("../src/stream.rs")[..],
        include_bytes!("../src/lane/mod.rs"),
        include_bytes!("../src/secrets.rs"),
        include_bytes!("laws/total.rs"),
    ]
    .concat();
    let mut rng = Rng::new(72);
    let mut json = b"[".to_vec();
    while json.len() < len {
        let (id, hash, name) =
            (rng.below(100_000), rng.text(b"0123456789abcdef", 40), rng.text(b"abcdefghijkl", 9));
        json.extend(format!("{{\"id\": {id}, \"resolved\": \"https://registry.example/").bytes());
        json.extend(
            [&name[..], b"/-/", &name, b"-1.0.0.tgz#", &hash, b"\", \"ok\": true, \"text\": \"a\\nb\"},\n"]
                .concat(),
        );
    }
    vec![("code", source), ("json", json), ("random bytes", rng.bytes(len))]
}

#[test]
fn an_untouched_stream() {
    let engine = engine();
    for flow in [outbound(), Flow::at_rest(), Flow::inbound().lines()] {
        let before = live();
        let stream = engine.stream(flow);
        let heap = usize::try_from(live() - before).unwrap();
        println!(
            "untouched: {} in the structure, {heap} on the heap, {} by its account",
            size_of::<Stream>(),
            stream.memory()
        );
        assert!(size_of::<Stream>() + heap <= UNTOUCHED, "{} + {heap}", size_of::<Stream>());
        assert!(stream.memory() >= size_of::<Stream>() + heap - HOST);
    }
}

/// Structure and heap of a stream that has not seen a byte.
const UNTOUCHED: usize = 1024;
/// The name of the flow's host and scheme, which the embedder brings.
const HOST: usize = 64;

#[test]
fn the_identity_lane_on_ordinary_content() {
    let engine = engine();
    for (name, content) in ordinary(200 << 10) {
        for (flow, chunk) in [(outbound(), 1), (outbound(), 1460), (Flow::at_rest().lines(), 64 << 10)] {
            // Byte by byte, a part is enough.
            let content = if chunk == 1 { &content[..40 << 10] } else { &content };
            let seen = watch(&engine, &flow, content, chunk, 500);
            println!("{name} in chunks of {chunk}: {seen:?}");
            // Digests in JSON open the lanes of a run, escapes in code those of text, at times while the stream is looked at.
            let often = if name == "json" { 4 } else { 50 };
            assert!(
                seen.most <= 6 << 10 && often * seen.over <= seen.looks,
                "{name} in chunks of {chunk}: {seen:?}"
            );
            // What looks like a magic number in escapes has a decoder for a moment, whose handle is not in the account.
            let apart = if seen.over == 0 { HOST } else { 4 * HOST };
            assert!(seen.missing <= apart, "{name} in chunks of {chunk}: {seen:?}");
        }
    }
}

#[test]
fn the_account_is_true_of_streams_with_lanes() {
    let engine = engine();
    let mut rng = Rng::new(73);
    let mut worst = Seen::default();
    for _ in 0..60 {
        let key = keys::github(&mut rng, "ghp_");
        let mut content = wrap::wrap(&mut rng, wrap::Layer::Text, &key);
        for _ in 0..rng.below(5) {
            let layer = *rng.pick(&wrap::LAYERS);
            content = wrap::wrap(&mut rng, layer, &content);
        }
        let seen = watch(&engine, &outbound(), &content, 1 + rng.below(300), 60);
        if seen.missing > worst.missing {
            worst = seen;
        }
    }
    println!("nested: {worst:?}");
    assert!(worst.missing <= SLACK, "{worst:?}");
}

/// What the account may leave out: handles of decoders, names on the way, and the host.
const SLACK: usize = 4 << 10;

/// Working memory is the engine's, which lasts: what each stream adds to it is lost.
#[test]
fn the_same_again_adds_nothing_to_working_memory() {
    let engine = engine();
    let mut rng = Rng::new(75);
    let mut contents: Vec<(String, Vec<u8>)> = Vec::new();
    for layer in wrap::LAYERS {
        let text = wrap::text(&mut rng);
        contents.push((format!("{layer:?}"), wrap::wrap(&mut rng, layer, &text)));
    }
    let lists = wrap::codes(&mut rng, b"a list of the codes of characters, and what follows it. ");
    contents.push(("codes".into(), lists.repeat(20)));
    contents.push(("escaped codes".into(), wrap::json(&mut rng, &lists.repeat(20))));
    let scan = |content: &[u8], size: usize| {
        let mut stream = engine.stream(outbound());
        content.chunks(size).for_each(|chunk| {
            let _ = stream.push(chunk);
        });
        let _ = stream.finish();
        while stream.poll_event().is_some() {}
    };
    for (name, content) in &contents {
        for size in [50, 4096] {
            (0..20).for_each(|_| scan(content, size));
            let before = live();
            (0..40).for_each(|_| scan(content, size));
            let grown = live() - before;
            assert!(grown < 4096, "{name} in chunks of {size}: {grown} bytes more");
        }
    }
}

#[test]
fn the_account_is_true_of_what_adversaries_send() {
    let engine = engine();
    let mut rng = Rng::new(74);
    let mut names = wrap::tar(&[([b"a/".repeat(49), b"b".to_vec()].concat(), b"ghp_".to_vec())]);
    names.truncate(1024);
    let adversaries: Vec<(&str, Vec<u8>)> = vec![
        ("prefixes", b"ghp_".repeat(8000)),
        ("open prefixes", b"sk-live-".repeat(4000)),
        ("open prefixes of many lengths", b"glrt-".repeat(6000)),
        ("short prefixes", b"Nj".repeat(16000)),
        ("web tokens", b"eyJ".repeat(10000)),
        ("heads of armoured keys", b"-----BEGIN PRIVATE KEY-----\n".repeat(1000)),
        ("base64 in base64", b"VVVV".repeat(8000)),
        ("lists of codes", b"103, 104, 112, ".repeat(3000)),
        ("lists of codes in base64", wrap::base64(&b"67:68:70:5f:".repeat(3000), false, false)),
        ("lists of lists of codes", {
            let codes =
                |text: &[u8]| text.iter().map(|b| format!("{b:02x} ")).collect::<String>().into_bytes();
            codes(&codes(&b"67 68 70 ".repeat(400)))
        }),
        ("gzip magic", b"\x1f\x8b\x08\0\0\0\0\0\0\x03".repeat(3000)),
        ("gzip magic in base64", wrap::base64(&b"\x1f\x8b\x08\0\0\0\0\0\0\x03".repeat(2000), false, false)),
        ("zstd magic", b"\x28\xb5\x2f\xfd".repeat(8000)),
        ("gzip headers", b"\x1f\x8b\x08\x08\0\0\0\0\0\x03name".repeat(2000)),
        ("empty gzip members", wrap::gzip(&mut rng, b"").repeat(1500)),
        ("zlib that goes on", b"x\x01\0\xff\xff\0\0".repeat(4000)),
        ("gzip that goes on", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\0\xff\xff\0\0".repeat(2000)),
        ("zlib in base64", wrap::base64(&b"x\x01\0\xff\xff\0\0".repeat(4000), false, false)),
        ("dumps of a character", b"000000   a\n".repeat(3000)),
        ("dumps of words", b"00000000: 6768 705f 6162 6364\n".repeat(1000)),
        ("strings over lines", b"\"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\" +\n".repeat(1000)),
        ("members", names.repeat(40)),
        ("members of an ar", {
            let one = wrap::ar(&[(b"a", b"x")]);
            [&one[..8], &one[8..].repeat(600)].concat()
        }),
        ("long names of an ar", {
            let members: Vec<_> = (0..200).map(|i| (format!("{i}/{}", "a/".repeat(200)), "x")).collect();
            wrap::ar(&members)
        }),
        ("members of a cpio", wrap::cpio(wrap::Cpio::Old, &[(b"a", b"x")])[..30].repeat(1500)),
        ("keys", (0..800).flat_map(|_| [&keys::github(&mut rng, "ghp_")[..], b"\n"].concat()).collect()),
        ("a gzip of zeros", wrap::gzip(&mut rng, &vec![0; 900_000])),
        ("a gzip of keys", {
            let keys: Vec<u8> =
                (0..800).flat_map(|_| [&keys::github(&mut rng, "ghp_")[..], b"\n"].concat()).collect();
            wrap::gzip(&mut rng, &keys)
        }),
    ];
    let limits = Limits::default();
    let bound = 256 << 10;
    for (name, content) in &adversaries {
        for flow in [outbound(), outbound().editable(), Flow::at_rest().lines()] {
            let seen = watch(&engine, &flow, content, 700, 100);
            println!("{name} ({:?}): {seen:?}", flow.direction());
            assert!(seen.missing <= SLACK, "{name}: {seen:?}");
            assert!(seen.most <= bound, "{name}: {seen:?}");
        }
    }
    assert_eq!((limits.lanes, limits.windows), (64, 16 << 20), "the bound is that of the default limits");
}
