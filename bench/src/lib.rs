//! What the benches share: corpora, made-up secrets, engines, the baseline and a clock.

pub mod corpus;
pub mod rivals;
pub mod secrets;
pub mod timing;
pub mod tls;
#[cfg(feature = "vectorscan")]
pub mod vectorscan;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use exfilter::{Authority, Engine, Flow, Limits, Profile, Rule, Stream, Verdict};

/// The chunk in which a proxy reads.
pub const CHUNK: usize = 64 * 1024;

/// An engine with the built-in rules and `known` made-up secrets.
pub fn engine(known: usize) -> Engine {
    engine_of(exfilter::rules::builtin(), known)
}

/// An engine with these rules and `known` made-up secrets.
pub fn engine_of(rules: Vec<Rule>, known: usize) -> Engine {
    let mut builder = Engine::builder();
    builder.rules(rules);
    if known > 0 {
        builder.known_secrets(secrets::enrol(known));
    }
    builder.build().expect("the built-in rules compile")
}

/// The same in a profile.
pub fn profiled(known: usize, profile: Profile) -> Engine {
    limited(known, profile, Limits::default())
}

/// The same with limits.
pub fn limited(known: usize, profile: Profile, limits: Limits) -> Engine {
    let mut builder = Engine::builder();
    builder.rules(exfilter::rules::builtin()).profile(profile).limits(limits);
    if known > 0 {
        builder.known_secrets(secrets::enrol(known));
    }
    builder.build().expect("the built-in rules compile")
}

/// A body on its way to a host that is bound to nothing; with `--whole` one that is kept until its end, as proxies do.
pub fn flow() -> Flow {
    let flow = Flow::outbound(Authority::parse(b"https://upload.example").expect("a well-formed authority"));
    if timing::flag("--whole") { flow.whole() } else { flow }
}

/// What one pass over a body ended with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Findings delivered as events.
    pub findings: u64,
    /// Ranges that were not examined.
    pub opaque: u64,
    /// Bytes that decoders produced.
    pub decoded: u64,
    /// Whether the verdict was a block.
    pub blocked: bool,
}

/// Pushes `body` in chunks of `chunk` bytes through a new stream and ends it.
pub fn scan(engine: &Engine, body: &[u8], chunk: usize) -> Outcome {
    let mut stream = engine.stream(flow());
    let mut outcome = Outcome::default();
    for part in body.chunks(chunk) {
        let verdict = stream.push(part);
        drain(&mut stream, verdict, &mut outcome);
    }
    let verdict = stream.finish();
    drain(&mut stream, verdict, &mut outcome);
    outcome.decoded = stream.coverage().decoded;
    outcome
}

fn drain(stream: &mut Stream, verdict: Verdict, outcome: &mut Outcome) {
    outcome.blocked |= verdict.is_block();
    while let Some(event) = stream.poll_event() {
        match event {
            exfilter::Event::Finding(_) => outcome.findings += 1,
            _ => outcome.opaque += 1,
        }
    }
}

/// The rules' literals, each once, with whether case counts.
pub fn literals(rules: &[Rule]) -> Vec<(String, bool)> {
    let mut all: Vec<(String, bool)> =
        rules.iter().flat_map(|r| r.literals.iter().map(|l| (l.clone(), r.ignore_case))).collect();
    all.sort();
    all.dedup();
    all
}

/// The baseline: aho-corasick's DFA over the rules' literals. Where case does not count it gets the lower, upper and
/// capitalised spellings.
pub fn baseline(rules: &[Rule]) -> AhoCorasick {
    let mut needles = Vec::new();
    for (literal, ignore_case) in literals(rules) {
        if ignore_case {
            let lower = literal.to_ascii_lowercase();
            let mut capitalised = lower.clone();
            if let Some(first) = capitalised.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            needles.extend([lower, literal.to_ascii_uppercase(), capitalised]);
        } else {
            needles.push(literal);
        }
    }
    needles.sort();
    needles.dedup();
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .match_kind(MatchKind::Standard)
        .build(needles)
        .expect("the rules' literals fit one DFA")
}

/// Counts the baseline's matches, without overlaps, in chunks of `chunk` bytes.
pub fn baseline_scan(dfa: &AhoCorasick, body: &[u8], chunk: usize) -> usize {
    body.chunks(chunk).map(|part| dfa.find_iter(part).count()).sum()
}

/// Counts a byte that is rare in text: the speed at which memory can be read with a branch per hit.
pub fn memchr_scan(body: &[u8]) -> usize {
    memchr::memchr_iter(0xC1, body).count()
}
