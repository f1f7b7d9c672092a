//! What it takes to have an engine: read the rules and compile everything, or take over a saved one.
//!
//! `start [--repeat 15]`
//!
//! CPU time of this thread, medians. "compiled" reads the text of the rules and builds the engine; of known secrets it counts the compiling, not the enrolment, which "enrolled" is.
//! "saved" checks and reads what [`Engine::to_bytes`] wrote. Rules' automata are built when a literal is first met, in both.

use std::time::Duration;

use exfilter::{Engine, Fingerprint, KnownSecrets, Rule, Spellings, StoreKey};
use exfilter_bench::secrets;
use exfilter_bench::timing::{cpu, median, option};

fn main() {
    let repeat: usize = option("--repeat", 15);
    println!("medians of {repeat} repeats, ms of CPU time\n");
    println!(
        "{:<34} {:>6} {:>8} {:>9} {:>9} {:>7} {:>9} {:>7}",
        "engine", "rules", "secrets", "enrolled", "compiled", "saved", "saved, KB", "ratio"
    );
    row("rules", core, 0, None, repeat);
    row("all rules", all, 0, None, repeat);
    row("all rules, fingerprints", all, 10_000, None, repeat);
    row("all rules, raw values", all, 10_000, Some(Spellings::Raw), repeat);
    row("all rules, raw and five forms", all, 10_000, Some(Spellings::Few), repeat);
    row("all rules, all spellings", all, 1_000, Some(Spellings::All), repeat);
}

fn core() -> Vec<Rule> {
    exfilter::rules::builtin()
}

fn all() -> Vec<Rule> {
    exfilter::rules::builtin().into_iter().chain(exfilter::rules::more()).collect()
}

fn key() -> StoreKey {
    StoreKey::from_bytes(&[0x5A; 32]).expect("32 bytes are a key")
}

/// Enrols values, or what a store keeps of them where `spellings` are none.
fn enrol(count: usize, spellings: Option<Spellings>) -> KnownSecrets {
    let mut known = KnownSecrets::new(key());
    known.spellings(spellings.unwrap_or_default());
    for (i, value) in secrets::values(count).iter().enumerate() {
        let name = format!("secret-{i}");
        match spellings {
            Some(_) => known.add(&name, value, Vec::new()).expect("a made-up value is enrolled"),
            None => {
                // Values of which too little would remain are none for a fingerprint.
                if let Ok(kept) = Fingerprint::new(&key(), value) {
                    known.add_fingerprint(&name, &kept, Vec::new());
                }
            }
        }
    }
    known
}

fn row(name: &str, rules: fn() -> Vec<Rule>, count: usize, spellings: Option<Spellings>, repeat: usize) {
    let (mut enrolled, mut compiled, mut saved) = (Vec::new(), Vec::new(), Vec::new());
    let (mut kept, mut size, mut known) = (0, 0, 0);
    for _ in 0..repeat {
        let (time, secrets) = cpu(|| enrol(count, spellings));
        enrolled.push(time);
        known = secrets.len();
        let (time, engine) = cpu(|| {
            let mut builder = Engine::builder();
            builder.rules(rules());
            if count > 0 {
                builder.known_secrets(secrets);
            }
            builder.build().expect("the built-in rules compile")
        });
        compiled.push(time);
        let bytes = engine.to_bytes(&key()).expect("the key is the one that the secrets have");
        let (time, again) = cpu(|| Engine::from_bytes(&bytes, &key()).expect("it was just saved"));
        saved.push(time);
        (kept, size) = (again.rules().len(), bytes.len());
    }
    let [enrolled, compiled, saved] = [enrolled, compiled, saved].map(|mut times| median(&mut times));
    println!(
        "{name:<34} {kept:>6} {known:>8} {:>9.1} {:>9.1} {:>7.1} {:>9.0} {:>6.1}x",
        millis(enrolled),
        millis(compiled),
        millis(saved),
        size as f64 / 1e3,
        compiled.as_secs_f64() / saved.as_secs_f64()
    );
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
