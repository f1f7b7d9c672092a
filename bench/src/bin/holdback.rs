//! How many bytes a stream holds back: bytes fed minus `through` after every byte, per kind of content.
//!
//! `holdback [--mb 4] [--known 1000] [--only NAME] [--thorough]`. Goals on code and JSON: median 64, 99th percentile 256, 99.9th 2048.
//! A stream that is blocked lets nothing through any more: it is counted and the rest goes to a new stream.

use exfilter::{Engine, Profile};
use exfilter_bench::timing::{flag, option};
use exfilter_bench::{corpus, flow, profiled};

/// How often each number of held bytes was seen; the last slot takes everything above.
struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    const SLOTS: usize = 1 << 18;

    fn new() -> Histogram {
        Histogram { counts: vec![0; Histogram::SLOTS], total: 0, max: 0 }
    }

    fn add(&mut self, held: u64) {
        self.counts[(held as usize).min(Histogram::SLOTS - 1)] += 1;
        self.total += 1;
        self.max = self.max.max(held);
    }

    /// The least number that this share of the offsets does not exceed.
    fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (held, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return held as u64;
            }
        }
        self.max
    }

    /// Shares per power of two, as text.
    fn bars(&self) -> String {
        let mut out = String::new();
        let (mut low, mut high) = (0usize, 1usize);
        while low < Histogram::SLOTS {
            let sum: u64 = self.counts[low..high.min(Histogram::SLOTS)].iter().sum();
            if sum > 0 {
                let share = sum as f64 / self.total as f64;
                let bar = "#".repeat((share * 50.0).round() as usize);
                out.push_str(&format!("    {low:>6} - {:<6} {:>9.4} % {bar}\n", high - 1, share * 100.0));
            }
            (low, high) = (high, high * 2);
        }
        out
    }
}

/// Feeds the body byte by byte; returns the number of blocks. What follows a block is a new stream in plain text, and left out in
/// anything that cannot be read from its middle.
fn feed(engine: &Engine, body: &[u8], plain: bool, histogram: &mut Histogram) -> u64 {
    let (mut blocks, mut start) = (0, 0);
    'streams: while start < body.len() {
        let mut stream = engine.stream(flow());
        for (i, byte) in body[start..].iter().enumerate() {
            let verdict = stream.push(std::slice::from_ref(byte));
            let fed = i as u64 + 1;
            match verdict.through() {
                Some(through) => histogram.add(fed - through),
                None => {
                    blocks += 1;
                    if !plain {
                        return blocks;
                    }
                    start += i + 1;
                    continue 'streams;
                }
            }
            while stream.poll_event().is_some() {}
        }
        let verdict = stream.finish();
        if !verdict.is_block() {
            assert_eq!(
                verdict.through(),
                Some((body.len() - start) as u64),
                "a clean stream ends with all of it through"
            );
        }
        return blocks;
    }
    blocks
}

/// Makes the bodies of one kind of content.
type Bodies<'a> = &'a dyn Fn() -> Vec<Vec<u8>>;

fn main() {
    let most = option("--mb", 4usize) * 1_000_000;
    let known: usize = option("--known", 1000);
    let only: String = option("--only", String::new());
    let profile = if flag("--thorough") { Profile::Thorough } else { Profile::Inline };
    let engine = profiled(known, profile);
    let text = |name: &str| vec![corpus::read(name, most)];
    let pieces = |bytes: Vec<u8>| bytes.chunks(500_000).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let packages = || corpus::packages(most);

    println!(
        "{known} known secrets and the built-in rules, outbound, byte by byte; bytes fed minus through\n"
    );
    println!(
        "{:22} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7}  goal",
        "content", "MB", "median", "p90", "p99", "p99.9", "max", "blocks"
    );
    let mut bars = Vec::new();
    let kinds: [(&str, Bodies<'_>, bool); 10] = [
        ("code", &|| text("code"), true),
        ("JSON", &|| text("json"), true),
        ("minified JS", &|| text("minjs"), false),
        ("lock files", &|| text("lock"), false),
        ("base64 of tgz", &|| packages().iter().map(|p| corpus::base64(p)).collect(), false),
        ("tgz", &packages, false),
        (
            "gzip of code",
            &|| pieces(corpus::read("code", most)).iter().map(|p| corpus::gzip(p)).collect(),
            false,
        ),
        (
            "gzip of JSON",
            &|| pieces(corpus::read("json", most)).iter().map(|p| corpus::gzip(p)).collect(),
            false,
        ),
        (
            "zstd of code",
            &|| pieces(corpus::read("code", most)).iter().map(|p| corpus::zstd(p)).collect(),
            false,
        ),
        (
            "zstd of JSON",
            &|| pieces(corpus::read("json", most)).iter().map(|p| corpus::zstd(p)).collect(),
            false,
        ),
    ];
    for (name, bodies, goal) in kinds {
        if !only.is_empty() && only != name {
            continue;
        }
        let mut histogram = Histogram::new();
        let plain = ["code", "JSON", "minified JS", "lock files"].contains(&name);
        let (mut blocks, mut bytes) = (0, 0);
        for body in bodies() {
            bytes += body.len();
            blocks += feed(&engine, &body, plain, &mut histogram);
        }
        let [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map(|q| histogram.quantile(q));
        let verdict = match goal {
            true if p50 <= 64 && p99 <= 256 && p999 <= 2048 => "met",
            true => "MISSED",
            false => "-",
        };
        println!(
            "{name:22} {:>6.1} {p50:>8} {p90:>8} {p99:>8} {p999:>8} {:>8} {blocks:>7}  {verdict}",
            bytes as f64 / 1e6,
            histogram.max
        );
        bars.push((name, histogram.bars()));
    }
    println!("\nbytes held, share of the offsets");
    for (name, bars) in bars {
        println!("  {name}\n{bars}");
    }
}
