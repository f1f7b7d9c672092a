//! What a request costs beside its bytes: a coding agent's head and body through `Inspector`, and the same bytes through a bare stream.
//!
//! `requests [--known 100] [--rounds 400] [--cold]`
//!
//! With `--cold` each measured step begins when everything else has used the caches, as in a proxy that has its own work between requests. Thread CPU time, interleaved; medians in microseconds. `head` is the making of an inspector, `body` its push and finish. `stream` is one outbound stream over the body alone, and `one text` one over the head's
//! bytes: what a head costs at least. `first` and `again` are the body's push and finish where the session's `Prefixes` do not know it, and where they do.

use std::hint::black_box;
use std::time::Duration;

use exfilter::inspector::{Inspection, Inspector, Prefixes};
use exfilter::wire::RequestHead;
use exfilter::{Authority, Flow, Limits, Profile};
use exfilter_bench::timing::{cpu, flag, median, option};
use exfilter_bench::{corpus, limited};

/// What Claude Code sends, but for its key.
const FIELDS: [(&str, &str); 16] = [
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "*"),
    (
        "anthropic-beta",
        "claude-code-20250219,interleaved-thinking-2025-05-14,fine-grained-tool-streaming-2025-05-14",
    ),
    ("anthropic-dangerous-direct-browser-access", "true"),
    ("anthropic-version", "2023-06-01"),
    ("connection", "keep-alive"),
    ("content-type", "application/json"),
    ("host", "api.anthropic.com"),
    ("sec-fetch-mode", "cors"),
    ("user-agent", "claude-cli/2.0.14 (external, cli)"),
    ("x-api-key", "placeholder"),
    ("x-app", "cli"),
    ("x-stainless-lang", "js"),
    ("x-stainless-runtime", "node"),
    ("x-stainless-timeout", "600"),
];

fn main() {
    let known: usize = option("--known", 100);
    let rounds: usize = option("--rounds", 400);
    let junk = vec![1_u8; if flag("--cold") { 8 << 20 } else { 0 }];
    let evict = || black_box(junk.iter().step_by(64).map(|b| u64::from(*b)).sum::<u64>());
    let json = corpus::read("json", 16_000_000);
    let engine = limited(known, Profile::Inline, Limits::default());
    let to = || Authority::parse(b"https://api.anthropic.com").expect("an authority");
    let mut inspection = Inspection::new(to());
    inspection.editable();
    let text: Vec<u8> =
        FIELDS.iter().flat_map(|(name, value)| format!("{name}: {value}\n").into_bytes()).collect();
    println!("{known} known secrets, a head of {} bytes; microseconds of thread CPU time", text.len());
    println!(
        "{:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>15}",
        "body", "parse", "head", "one text", "body", "first", "again", "stream", "all / stream"
    );
    for len in [200, 20_000, 560_000] {
        let mut times = [const { Vec::<Duration>::new() }; 7];
        for round in 0..=rounds {
            let at = round * 7919 * 13 % (json.len() - len);
            let body = &json[at..at + len];
            let (parse, head) =
                cpu(|| RequestHead::new(b"POST", b"/v1/messages?beta=true", FIELDS).expect("a head"));
            evict();
            let (open, mut inspector) = cpu(|| Inspector::new(&engine, &inspection, head).expect("a head"));
            evict();
            let (whole, _) = cpu(|| (inspector.push(body), inspector.finish()));
            let prefixes = Prefixes::new();
            let sent = || {
                let fields = FIELDS.into_iter().chain([("content-length", "560000")]);
                let head = RequestHead::new(b"POST", b"/v1/messages?beta=true", fields).expect("a head");
                let mut inspection = inspection.clone();
                inspection.prefixes(&prefixes);
                let mut inspector = Inspector::new(&engine, &inspection, head).expect("a head");
                evict();
                cpu(|| (inspector.push(body), inspector.finish())).0
            };
            let (first, again) = (sent(), sent());
            evict();
            let (one, _) = cpu(|| {
                let mut stream = engine.stream(Flow::outbound(to()));
                black_box((stream.push(&text), stream.finish()))
            });
            evict();
            let (bare, _) = cpu(|| {
                let mut stream = engine.stream(Flow::outbound(to()).editable());
                black_box((stream.push(body), stream.finish()))
            });
            // What is built on first use is no request's affair.
            if round > 0 {
                times
                    .iter_mut()
                    .zip([parse, open, one, whole, first, again, bare])
                    .for_each(|(all, time)| all.push(time));
            }
        }
        let [parse, open, one, whole, first, again, bare] =
            times.each_mut().map(|all| median(all).as_secs_f64() * 1e6);
        let ratio = (parse + open + whole) / bare;
        println!(
            "{len:>8} {parse:>9.1} {open:>9.1} {one:>9.1} {whole:>9.1} {first:>9.1} {again:>9.1} {bare:>9.1} {ratio:>15.2}"
        );
    }
}
