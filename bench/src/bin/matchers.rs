//! The engine beside other matchers, with the same rules, in one process: memchr, aho-corasick's DFA, keywords and then one regular expression after
//! another, and Vectorscan in streaming mode (feature `vectorscan`).
//!
//! `matchers [--repeat 5] [--chunk 65536] [--threads 1] [--mb 16] [--corpus NAME] [--rules FILE] [--drop ID,ID] [--known 10000] [--slow-mb 2] [--only NAME,NAME] [--hits]`
//!
//! The rules are those of the file that `ruleset.py` fetches which are imported whole and which Vectorscan takes. It gets them twice: as the file writes them, and as the
//! import has them (bounded, what may stand before the keyword left out). `--chunk 0` gives whole corpora at once. Keywords-first gets the first `--slow-mb` MB.
//! `--only` runs the matchers of these names, and counts no hits: for a profile.
//! Repeats are interleaved; figures are medians of thread CPU time, with the distance of the fastest from the slowest in percent behind `±`.
//! With `--threads 2` each matcher runs on two threads at a time, and their speeds are added.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Barrier;
use std::time::Duration;

use exfilter::{Engine, Event, Limits, Profile, Rule};
use exfilter_bench::rivals::{self, KeywordsFirst, Pair};
use exfilter_bench::timing::{cpu, flag, option, speed};
use exfilter_bench::{CHUNK, baseline, baseline_scan, corpus, flow, limited, memchr_scan, secrets};

/// More findings than there are.
const FINDINGS: u32 = 1 << 20;

/// What one thread runs.
type Runner<'a> = Box<dyn FnMut(&[u8]) + 'a>;

/// A matcher.
struct Matcher<'a> {
    name: &'static str,
    /// Whether it is so slow that it gets little.
    slow: bool,
    runner: Box<dyn Fn() -> Runner<'a> + Sync + 'a>,
}

impl<'a> Matcher<'a> {
    fn new(name: &'static str, runner: impl Fn() -> Runner<'a> + Sync + 'a) -> Matcher<'a> {
        Matcher { name, slow: false, runner: Box::new(runner) }
    }
}

fn main() {
    let repeat: usize = option("--repeat", 5);
    let chunk: usize = match option("--chunk", CHUNK) {
        0 => usize::MAX,
        chunk => chunk,
    };
    let threads: usize = option("--threads", 1);
    let most = option("--mb", 16usize) * 1_000_000;
    let slow = option("--slow-mb", 2usize) * 1_000_000;
    let only: String = option("--corpus", String::new());
    let known: usize = option("--known", 10_000);

    let (pairs, left_out) =
        rules_for_all(&option("--rules", String::new()), &option("--drop", String::new()));
    let rules: Vec<Rule> = pairs.iter().flat_map(|pair| pair.rules.clone()).collect();
    let identity = engine(rules.clone(), 0, none());
    let inline = engine(rules.clone(), 0, Limits::default());
    let shipped_identity = limited(known, Profile::Inline, none());
    let shipped = limited(known, Profile::Inline, Limits::default());
    let dfa = baseline(&rules);
    let keywords = KeywordsFirst::new(&pairs);
    #[cfg(feature = "vectorscan")]
    let (written, imported) = (scanners::written(&pairs), scanners::imported(&pairs));

    println!(
        "{} rules of the file on all sides, {} in the engine, {} in the DFA as literals; {} of the file left out:",
        pairs.len(),
        rules.len(),
        dfa.patterns_len(),
        left_out.len()
    );
    left_out.iter().for_each(|line| println!("  {line}"));
    #[cfg(feature = "vectorscan")]
    scanners::say(&[("as written", &written), ("as imported", &imported)]);
    let chunks = if chunk == usize::MAX { "whole".to_string() } else { format!("{chunk} bytes") };
    println!(
        "chunks: {chunks}; {threads} thread{}; medians of {repeat} interleaved repeats, MB/s of thread CPU time, ± distance of fastest and slowest in percent\n",
        if threads == 1 { "" } else { "s" }
    );

    let scan = |engine: &Engine, body: &[u8]| {
        exfilter_bench::scan(engine, body, chunk);
    };
    let matchers = vec![
        Matcher::new("memchr", || {
            Box::new(|body| {
                std::hint::black_box(memchr_scan(body));
            })
        }),
        Matcher::new("AC-DFA", || {
            Box::new(|body| {
                std::hint::black_box(baseline_scan(&dfa, body, chunk));
            })
        }),
        Matcher {
            slow: true,
            ..Matcher::new("keywords", || {
                Box::new(|body| {
                    let mut n = 0u64;
                    keywords.scan(body, |_, _| n += 1);
                    std::hint::black_box(n);
                })
            })
        },
        Matcher::new("identity", || Box::new(|body| scan(&identity, body))),
        Matcher::new("inline", || Box::new(|body| scan(&inline, body))),
        Matcher::new("ship+id", || Box::new(|body| scan(&shipped_identity, body))),
        Matcher::new("ship+in", || Box::new(|body| scan(&shipped, body))),
    ];
    #[cfg(feature = "vectorscan")]
    let matchers: Vec<_> = matchers
        .into_iter()
        .chain([("VS-written", &written), ("VS-import", &imported)].map(|(name, database)| {
            Matcher::new(name, move || {
                let mut scratch = database.scratch();
                Box::new(move |body| {
                    let mut n = 0u64;
                    database.scan(&mut scratch, body, chunk, |_, _| n += 1);
                    std::hint::black_box(n);
                })
            })
        }))
        .collect();
    let wanted: String = option("--only", String::new());
    let matchers: Vec<_> = matchers
        .into_iter()
        .filter(|matcher| wanted.is_empty() || wanted.split(',').any(|name| name == matcher.name))
        .collect();

    let mut table = Vec::new();
    for (name, _) in corpus::ALL.iter().filter(|(name, _)| only.is_empty() || only == *name) {
        let body = corpus::read(name, most);
        table.push((*name, measure(&matchers, &body, slow, repeat, threads)));
    }
    print_speeds(&matchers, &table);
    print_ratios(&matchers, &table, known);
    if !wanted.is_empty() {
        return;
    }
    let agreed = Agreement { pairs: &pairs, chunk, slow, keywords: &keywords };
    for (name, _) in &table {
        agreed.print(name, &corpus::read(name, most));
    }
}

/// Limits that allow no layer: the identity lane alone.
fn none() -> Limits {
    let mut limits = Limits::default();
    (limits.containers, limits.shapes) = (0, 0);
    limits
}

fn engine(rules: Vec<Rule>, known: usize, mut limits: Limits) -> Engine {
    limits.findings = FINDINGS;
    let mut builder = Engine::builder();
    builder.rules(rules).limits(limits);
    if known > 0 {
        builder.known_secrets(secrets::enrol(known));
    }
    builder.build().expect("imported rules compile")
}

/// The rules that every matcher takes, and what is left out, with the reason.
fn rules_for_all(path: &str, drop: &str) -> (Vec<Pair>, Vec<String>) {
    let import = rivals::import(path);
    let mut left_out: Vec<String> = import
        .remarks
        .iter()
        .filter(|remark| remark.kind != exfilter::rules::RemarkKind::Changed)
        .map(|remark| format!("{}: {}", remark.rule, remark.message))
        .collect();
    let dropped: HashSet<&str> = drop.split(',').filter(|id| !id.is_empty()).collect();
    let mut pairs = rivals::pairs(&import);
    pairs.retain(|pair| {
        let reason = match dropped.contains(pair.id.as_str()) {
            true => Some("dropped by --drop".to_string()),
            false => refusal(pair),
        };
        left_out.extend(reason.iter().map(|reason| format!("{}: {reason}", pair.id)));
        reason.is_none()
    });
    (pairs, left_out)
}

#[cfg(feature = "vectorscan")]
fn refusal(pair: &Pair) -> Option<String> {
    scanners::refusal(pair)
}

#[cfg(not(feature = "vectorscan"))]
fn refusal(_: &Pair) -> Option<String> {
    None
}

/// Speeds of each matcher in MB/s: all repeats.
fn measure(
    matchers: &[Matcher<'_>],
    body: &[u8],
    slow: usize,
    repeat: usize,
    threads: usize,
) -> Vec<Vec<f64>> {
    let mut speeds = vec![Vec::new(); matchers.len()];
    for round in 0..=repeat {
        for (matcher, speeds) in matchers.iter().zip(&mut speeds) {
            let body = if matcher.slow { &body[..body.len().min(slow)] } else { body };
            let sum = together(matcher, body, threads).iter().map(|time| speed(body.len(), *time)).sum();
            // The first round builds what is built on first use.
            if round > 0 {
                speeds.push(sum);
            }
        }
    }
    speeds.iter_mut().for_each(|speeds| speeds.sort_by(f64::total_cmp));
    speeds
}

fn together(matcher: &Matcher<'_>, body: &[u8], threads: usize) -> Vec<Duration> {
    let barrier = Barrier::new(threads);
    let one = || {
        let mut run = (matcher.runner)();
        barrier.wait();
        cpu(|| run(body)).0
    };
    if threads == 1 {
        return vec![one()];
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        running.into_iter().map(|thread| thread.join().expect("a matcher does not panic")).collect()
    })
}

type Table<'a> = [(&'a str, Vec<Vec<f64>>)];

fn middle(speeds: &[f64]) -> f64 {
    speeds[speeds.len() / 2]
}

fn print_speeds(matchers: &[Matcher<'_>], table: &Table<'_>) {
    print!("{:8}", "MB/s");
    matchers.iter().for_each(|matcher| print!(" {:>15}", matcher.name));
    println!();
    for (name, speeds) in table {
        print!("{name:8}");
        for speeds in speeds {
            let spread = 100.0 * (speeds[speeds.len() - 1] - speeds[0]) / middle(speeds);
            print!(" {:>15}", format!("{:.0} ±{spread:.0}", middle(speeds)));
        }
        println!();
    }
    println!();
}

fn print_ratios(matchers: &[Matcher<'_>], table: &Table<'_>, known: usize) {
    let at = |name: &str| matchers.iter().position(|matcher| matcher.name == name);
    let rows = [
        ("identity / VS-written", "identity", "VS-written"),
        ("identity / VS-import", "identity", "VS-import"),
        ("inline / VS-written", "inline", "VS-written"),
        ("inline / VS-import", "inline", "VS-import"),
        ("shipped+known, identity / VS-written", "ship+id", "VS-written"),
        ("shipped+known, inline / VS-written", "ship+in", "VS-written"),
        ("identity / keywords", "identity", "keywords"),
        ("identity / AC-DFA", "identity", "AC-DFA"),
        ("identity / memchr", "identity", "memchr"),
        ("VS-written / memchr", "VS-written", "memchr"),
        ("shipped+known, identity / memchr", "ship+id", "memchr"),
        ("time of inline / identity", "identity", "inline"),
    ];
    print!("{:38}", "ratio of the medians");
    table.iter().for_each(|(name, _)| print!(" {name:>8}"));
    println!();
    for (label, above, below) in rows {
        let (Some(above), Some(below)) = (at(above), at(below)) else { continue };
        print!("{label:38}");
        for (_, speeds) in table {
            print!(" {:>8.3}", middle(&speeds[above]) / middle(&speeds[below]));
        }
        println!();
    }
    println!(
        "\nship: all rules that come with the engine and {known} known secrets in all their forms; the others have the imported rules alone\n"
    );
}

/// Counts hits on all sides: rule by rule, those that end in one place, or in neighbouring ones, once.
struct Agreement<'a> {
    pairs: &'a [Pair],
    chunk: usize,
    slow: usize,
    keywords: &'a KeywordsFirst,
}

impl Agreement<'_> {
    fn print(&self, name: &str, body: &[u8]) {
        let ours = self.ours(body);
        let slow = self.slow.min(body.len());
        let mut keywords = Hits::default();
        self.keywords.scan(&body[..slow], |rule, end| keywords.add(rule, end as u64));
        println!("hits on {name}: engine {}, without entropy floors, each value once;", ours.total());
        println!(
            "  on the first {slow} bytes: engine {}, keywords first {}",
            self.ours(&body[..slow]).total(),
            keywords.total()
        );
        #[cfg(feature = "vectorscan")]
        for (which, database) in
            [("as written", scanners::written(self.pairs)), ("as imported", scanners::imported(self.pairs))]
        {
            let mut hits = Hits::default();
            let of = scanners::owners(self.pairs, which == "as imported");
            database
                .scan(&mut database.scratch(), body, self.chunk, |id, end| hits.add(of[id as usize], end));
            println!("  Vectorscan {which}: {}", hits.total());
            self.differences(&ours, &hits);
        }
    }

    fn ours(&self, body: &[u8]) -> Hits {
        let mut of = HashMap::new();
        let mut rules = Vec::new();
        for (at, pair) in self.pairs.iter().enumerate() {
            for rule in &pair.rules {
                let mut rule = rule.clone();
                rule.min_entropy = None;
                of.insert(rule.id.clone(), at);
                rules.push(rule);
            }
        }
        let engine = engine(rules, 0, none());
        let mut stream = engine.stream(flow());
        let mut hits = Hits::default();
        let mut drain = |stream: &mut exfilter::Stream| {
            while let Some(event) = stream.poll_event() {
                if let Event::Finding(finding) = event
                    && let exfilter::Kind::Rule(id) = finding.kind()
                {
                    hits.add(of[&engine.rule(id).id], finding.outer().end);
                }
            }
        };
        for part in body.chunks(self.chunk) {
            let _verdict = stream.push(part);
            drain(&mut stream);
        }
        let _verdict = stream.finish();
        drain(&mut stream);
        hits
    }

    #[cfg_attr(not(feature = "vectorscan"), expect(dead_code, reason = "there is nothing to compare with"))]
    fn differences(&self, ours: &Hits, theirs: &Hits) {
        if !flag("--hits") {
            return;
        }
        for (at, pair) in self.pairs.iter().enumerate() {
            let (a, b) = (ours.of(at), theirs.of(at));
            if a != b {
                println!("    {}: engine {a}, Vectorscan {b}", pair.id);
            }
        }
    }
}

/// Ends of matches by rule.
#[derive(Default)]
struct Hits(BTreeMap<usize, Vec<u64>>);

impl Hits {
    fn add(&mut self, rule: usize, end: u64) {
        self.0.entry(rule).or_default().push(end);
    }

    fn of(&self, rule: usize) -> usize {
        let Some(ends) = self.0.get(&rule) else { return 0 };
        let mut ends = ends.clone();
        ends.sort_unstable();
        ends.dedup();
        1 + ends.windows(2).filter(|two| two[1] > two[0] + 1).count()
    }

    fn total(&self) -> usize {
        self.0.keys().map(|rule| self.of(*rule)).sum()
    }
}

#[cfg(feature = "vectorscan")]
mod scanners {
    use exfilter_bench::rivals::{Pair, spelled};
    use exfilter_bench::vectorscan::{Database, version};

    /// Why Vectorscan does not take a rule, if so.
    pub(super) fn refusal(pair: &Pair) -> Option<String> {
        let written = Database::new(std::slice::from_ref(&pair.regex));
        let imported = Database::new(&pair.rules.iter().map(spelled).collect::<Vec<_>>());
        let refusal = written.err().or_else(|| imported.err())?;
        Some(format!("Vectorscan: {}", refusal.message))
    }

    pub(super) fn written(pairs: &[Pair]) -> Database {
        compiled(&pairs.iter().map(|pair| pair.regex.clone()).collect::<Vec<_>>())
    }

    pub(super) fn imported(pairs: &[Pair]) -> Database {
        compiled(&pairs.iter().flat_map(|pair| pair.rules.iter().map(spelled)).collect::<Vec<_>>())
    }

    fn compiled(patterns: &[String]) -> Database {
        Database::new(patterns).unwrap_or_else(|refusal| panic!("Vectorscan refuses the set: {refusal:?}"))
    }

    /// The pair behind each pattern.
    pub(super) fn owners(pairs: &[Pair], imported: bool) -> Vec<usize> {
        let count = |pair: &Pair| if imported { pair.rules.len() } else { 1 };
        pairs.iter().enumerate().flat_map(|(at, pair)| std::iter::repeat_n(at, count(pair))).collect()
    }

    pub(super) fn say(databases: &[(&str, &Database)]) {
        for (name, database) in databases {
            let (size, stream) = database.sizes();
            println!(
                "Vectorscan {}, rules {name}: {} KB, {stream} bytes a stream, scratch of {} KB a thread",
                version(),
                size / 1000,
                database.scratch().size() / 1000
            );
        }
    }
}
