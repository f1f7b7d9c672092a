//! The speed of a stream against aho-corasick's DFA over the same rules' literals, same process, same corpora.
//!
//! `ratio [--repeat 7] [--chunk 65536] [--known 1000] [--mb 16] [--corpus NAME] [--whole] [--thorough]`, or `ratio --literals` for the literals.
//! `--thorough` compares both profiles with the identity lane alone instead: how many times as long they take, with the rules alone and with the secrets too.
//! `--whole` for bodies that are kept until their end, as proxies keep them ([`exfilter::Flow::whole`]).
//! Goal: 0.8. "of best" is the ratio of the least times instead of the medians: what is left when others use the machine.

use std::time::Duration;

use exfilter::{Limits, Profile};
use exfilter_bench::timing::{cpu, flag, median, option, speed};
use exfilter_bench::{
    CHUNK, baseline, baseline_scan, corpus, engine, limited, literals, memchr_scan, profiled, scan,
};

fn main() {
    let rules = exfilter::rules::builtin();
    if flag("--literals") {
        for (literal, ignore_case) in literals(&rules) {
            let hex: String = literal.bytes().map(|b| format!("{b:02x}")).collect();
            println!("{hex}{}", if ignore_case { " i" } else { "" });
        }
        return;
    }
    let repeat: usize = option("--repeat", 7);
    let chunk: usize = option("--chunk", CHUNK);
    let known: usize = option("--known", 1000);
    let most = option("--mb", 16usize) * 1_000_000;
    let only: String = option("--corpus", String::new());

    if flag("--thorough") {
        return thorough(repeat, chunk, known, most, &only);
    }
    let dfa = baseline(&rules);
    let full = engine(known);
    let bare = engine(0);
    println!(
        "{} rules, {} literals ({} in the DFA, {} KB), {known} known secrets, chunks of {chunk} bytes, medians of {repeat} interleaved repeats, thread CPU time\n",
        rules.len(),
        literals(&rules).len(),
        dfa.patterns_len(),
        dfa.memory_usage() / 1000,
    );
    println!(
        "{:8} {:>5} {:>12} {:>12} {:>12} {:>12} {:>7} {:>7} {:>12} {:>9} {:>7} {:>10} {:>7}",
        "corpus",
        "MB",
        "memchr MB/s",
        "AC-DFA MB/s",
        "rules MB/s",
        "+known MB/s",
        "ratio",
        "of best",
        "rules ratio",
        "findings",
        "opaque",
        "decoded MB",
        "blocked"
    );
    let mut worst = f64::INFINITY;
    for (name, _) in corpus::ALL {
        if !only.is_empty() && only != name {
            continue;
        }
        let body = corpus::read(name, most);
        let outcome = scan(&full, &body, chunk);
        let mut times = [const { Vec::<Duration>::new() }; 4];
        for _ in 0..repeat {
            times[0].push(cpu(|| memchr_scan(&body)).0);
            times[1].push(cpu(|| baseline_scan(&dfa, &body, chunk)).0);
            times[2].push(cpu(|| scan(&bare, &body, chunk)).0);
            times[3].push(cpu(|| scan(&full, &body, chunk)).0);
        }
        let least = |t: &[Duration]| t.iter().min().map_or(0.0, Duration::as_secs_f64);
        let best = least(&times[1]) / least(&times[3]);
        let [mem, ac, rules_only, all] = times.each_mut().map(|t| speed(body.len(), median(t)));
        worst = worst.min(all / ac);
        println!(
            "{name:8} {:>5.1} {mem:>12.0} {ac:>12.0} {rules_only:>12.0} {all:>12.0} {:>7.2} {best:>7.2} {:>12.2} {:>9} {:>7} {:>10.1} {:>7}",
            body.len() as f64 / 1e6,
            all / ac,
            rules_only / ac,
            outcome.findings,
            outcome.opaque,
            outcome.decoded as f64 / 1e6,
            if outcome.blocked { "yes" } else { "no" },
        );
    }
    println!(
        "\nworst ratio {worst:.2} (goal: 0.80 on code and JSON; b64 decodes base64, gzip and tar beside, the baseline does not)"
    );
}

/// The profiles against the identity lane alone: the inline one with limits that allow no layer, which still looks at runs.
fn thorough(repeat: usize, chunk: usize, known: usize, most: usize, only: &str) {
    println!(
        "medians of {repeat} interleaved repeats, chunks of {chunk} bytes; goals on code and JSON: inline 3 times the identity lane, thorough 6 times\n"
    );
    println!(
        "{:8} {:>5} {:>6} {:>13} {:>12} {:>14} {:>17} {:>19} {:>17}",
        "corpus",
        "MB",
        "known",
        "identity MB/s",
        "inline MB/s",
        "thorough MB/s",
        "inline/identity",
        "thorough/identity",
        "thorough/inline"
    );
    for (name, _) in corpus::ALL {
        if !only.is_empty() && only != name {
            continue;
        }
        let body = corpus::read(name, most);
        for known in [0, known] {
            let mut none = Limits::default();
            (none.containers, none.shapes) = (0, 0);
            let engines = [
                limited(known, Profile::Inline, none),
                profiled(known, Profile::Inline),
                profiled(known, Profile::Thorough),
            ];
            let mut times = [const { Vec::<Duration>::new() }; 3];
            for _ in 0..repeat {
                for (times, engine) in times.iter_mut().zip(&engines) {
                    times.push(cpu(|| scan(engine, &body, chunk)).0);
                }
            }
            let [identity, inline, thorough] = times.each_mut().map(|t| speed(body.len(), median(t)));
            println!(
                "{name:8} {:>5.1} {known:>6} {identity:>13.0} {inline:>12.0} {thorough:>14.0} {:>17.2} {:>19.2} {:>17.2}",
                body.len() as f64 / 1e6,
                identity / inline,
                identity / thorough,
                inline / thorough,
            );
        }
    }
}
