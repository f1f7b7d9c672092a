//! How many generated credentials the rules find, in twelve carriers.
//!
//! `quality [--all]`: the forms of `forms.tsv`, which are written from providers' descriptions and apart from the rules' patterns, by tier; then the
//! rules' own examples, by provider. Lists what is missed; with `--all` every provider. Exits with 1 if a tier misses its goal.
//!
//! A credential counts as found if a rule of its own finds it where it stands: generic rules, which know a name only, do not count.

mod carriers;

use std::collections::BTreeMap;
use std::process::ExitCode;

use exfilter::rules::{builtin, builtin_entries, example, more, more_entries};
use exfilter::{Confidence, Engine, Event, Flow, Kind, Policy, Profile};

use carriers::CARRIERS;
use sha2::{Digest, Sha256};

/// Texts made of each template.
const SEEDS: u64 = 5;

/// What tiers have to reach, in hundredths.
const GOALS: [(&str, f64); 2] = [("T1", 100.0), ("T2", 98.0)];

struct Form {
    tier: String,
    credential: String,
    name: Option<String>,
    checksum: Option<exfilter::Checksum>,
    template: String,
}

fn main() -> ExitCode {
    let all = std::env::args().any(|arg| arg == "--all");
    let engine = Engine::builder()
        .rules([builtin(), more()].concat())
        .policy(Policy::default())
        .profile(Profile::Inline)
        .build()
        .expect("the pack builds");
    let forms = forms();
    println!("{} forms, {SEEDS} texts each, in {} carriers", forms.len(), CARRIERS.len());
    let mut tiers: BTreeMap<&str, Vec<Count>> = BTreeMap::new();
    let mut misses: Vec<(String, Vec<&str>)> = Vec::new();
    for form in &forms {
        let counts = tiers.entry(&form.tier).or_insert_with(|| vec![Count::default(); CARRIERS.len()]);
        let mut missed = Vec::new();
        for (carrier, count) in CARRIERS.iter().zip(counts) {
            let mut one = Count::default();
            for seed in 0..SEEDS {
                let value =
                    example::expand(&form.template, form.checksum, seed).expect("the template is one");
                let Some(text) = carrier.carry(form.name.as_deref(), &value) else { continue };
                one.add(look(&engine, &text));
            }
            if one.found < one.total {
                missed.push(carrier.name);
            }
            count.join(one);
        }
        if !missed.is_empty() {
            misses.push((format!("{} {}", form.tier, form.credential), missed));
        }
    }
    println!("\n{:10} {}", "", tiers.keys().map(|tier| format!("{tier:>22}")).collect::<String>());
    println!("{:10} {}", "carrier", "   found  at block tier".repeat(tiers.len()));
    for (at, carrier) in CARRIERS.iter().enumerate() {
        let cells: String = tiers.values().map(|counts| counts[at].to_string()).collect();
        println!("{:10} {cells}", carrier.name);
    }
    let mut reached = true;
    for (tier, counts) in &tiers {
        let sum = counts.iter().fold(Count::default(), |sum, one| sum.and(*one));
        let goal = GOALS.iter().find(|(name, _)| name == tier).map_or(0.0, |(_, goal)| *goal);
        println!("{tier}: {} of {} ({:.2} %; goal {goal} %)", sum.found, sum.total, sum.percent());
        reached &= sum.percent() >= goal;
    }
    println!("\nnot found in every carrier: {}", misses.len());
    for (form, carriers) in &misses {
        println!("  {form:40} {}", carriers.join(", "));
    }
    let false_alarms = decoys(&engine, &forms);
    reached &= false_alarms == 0;
    pack(&engine, all);
    if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is made of a credential and is none: its SHA-256, what XOR with one byte makes of it, its first half. How many would be blocked. A key that stands in
/// a half as a whole (the id in a signed request) is no false alarm: what counts is found to the half's end.
fn decoys(engine: &Engine, forms: &[Form]) -> usize {
    let carrier = CARRIERS.iter().find(|carrier| carrier.name == "json").expect("there is JSON");
    let (mut total, mut blocked) = (0, Vec::new());
    for form in forms {
        for seed in 0..SEEDS {
            let value = example::expand(&form.template, form.checksum, seed).expect("the template is one");
            let digest: String = Sha256::digest(&value).iter().map(|byte| format!("{byte:02x}")).collect();
            let masked: Vec<u8> = value.iter().map(|byte| (byte ^ 0x15) & 0x7f).collect();
            let half = &value[..value.len() / 2];
            for (what, decoy) in [("SHA-256", digest.as_bytes()), ("XOR", &masked), ("half", half)] {
                let Some(text) = carrier.carry(form.name.as_deref(), decoy) else { continue };
                total += 1;
                let at =
                    text.windows(decoy.len()).position(|part| part == decoy).map_or(0, |at| at + decoy.len());
                if findings(engine, &text)
                    .iter()
                    .any(|found| found.confidence >= Confidence::High && found.end + 4 > at as u64)
                {
                    blocked.push(format!("{what} of {}", form.credential));
                }
            }
        }
    }
    println!("\ndecoys at the block tier: {} of {total}", blocked.len());
    let count = blocked.len();
    blocked.dedup();
    blocked.iter().for_each(|decoy| println!("  {decoy}"));
    count
}

/// The rules' own examples, by provider.
fn pack(engine: &Engine, all: bool) {
    let mut providers: BTreeMap<String, Vec<Count>> = BTreeMap::new();
    for entry in builtin_entries().iter().chain(&more_entries()) {
        let rule = &entry.rule;
        let counts =
            providers.entry(rule.provider.clone()).or_insert_with(|| vec![Count::default(); CARRIERS.len()]);
        // Examples with quotes and lines of their own are of one carrier, and would have to be written otherwise in another.
        for template in entry.examples.iter().filter(|text| !text.contains(['"', '\'', '\n', ' ', '>'])) {
            let value = example::expand(template, rule.checksum, 1).expect("the pack's templates are some");
            // Bytes that are no text have no place in text.
            if !value.iter().all(u8::is_ascii_graphic) {
                continue;
            }
            for (carrier, count) in CARRIERS.iter().zip(counts.iter_mut()) {
                if let Some(text) = carrier.carry(None, &value) {
                    count.add(look_for(engine, &text, &rule.id));
                }
            }
        }
    }
    let sums = |counts: &[Count]| counts.iter().fold(Count::default(), |sum, one| sum.and(*one));
    let total = providers.values().fold(Count::default(), |sum, counts| sum.and(sums(counts)));
    println!(
        "\nthe pack's own examples: {} of {} ({:.2} %), {} providers",
        total.found,
        total.total,
        total.percent(),
        providers.len()
    );
    let heads: String = CARRIERS.iter().map(|carrier| format!("{:>7}", carrier.short)).collect();
    println!("{:24}{heads}", "provider");
    for (provider, counts) in &providers {
        if all || sums(counts).found < sums(counts).total {
            let cells: String =
                counts.iter().map(|one| format!("{:>3}/{:<3}", one.found, one.total)).collect();
            println!("{:24}{cells}", provider.chars().take(23).collect::<String>());
        }
    }
}

/// The surest finding of a rule that knows the form.
fn look(engine: &Engine, text: &[u8]) -> Option<Confidence> {
    let generic = |id: &str| ["generic-", "http-bearer"].iter().any(|generic| id.starts_with(generic));
    let found = findings(engine, text);
    found.into_iter().filter(|found| !generic(&found.id)).map(|found| found.confidence).max()
}

fn look_for(engine: &Engine, text: &[u8], id: &str) -> Option<Confidence> {
    let found = findings(engine, text);
    found.into_iter().filter(|found| found.id == id).map(|found| found.confidence).max()
}

struct Found {
    id: String,
    confidence: Confidence,
    /// Where it ends in the text.
    end: u64,
}

fn findings(engine: &Engine, text: &[u8]) -> Vec<Found> {
    let mut scanner = engine.scanner(Flow::outbound_unknown());
    let mut found = Vec::new();
    let _ = scanner.scan(text, &mut |event| {
        if let Event::Finding(finding) = event
            && let Kind::Rule(rule) = finding.kind()
        {
            let id = engine.rule(rule).id.clone();
            found.push(Found { id, confidence: finding.confidence(), end: finding.outer().end });
        }
    });
    found
}

/// Texts, those in which something was found, and those in which it would be blocked.
#[derive(Clone, Copy, Default)]
struct Count {
    total: u32,
    found: u32,
    blocked: u32,
}

impl Count {
    fn add(&mut self, found: Option<Confidence>) {
        self.total += 1;
        self.found += u32::from(found.is_some());
        self.blocked += u32::from(found >= Some(Confidence::High));
    }

    fn join(&mut self, other: Count) {
        *self = self.and(other);
    }

    fn and(self, other: Count) -> Count {
        Count {
            total: self.total + other.total,
            found: self.found + other.found,
            blocked: self.blocked + other.blocked,
        }
    }

    fn percent(self) -> f64 {
        100.0 * f64::from(self.found) / f64::from(self.total.max(1))
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let blocked = 100.0 * f64::from(self.blocked) / f64::from(self.total.max(1));
        write!(f, "{:6.1} %  {blocked:6.1} %     ", self.percent())
    }
}

fn forms() -> Vec<Form> {
    let given = |text: &str| (text != "-").then(|| text.to_string());
    let lines = include_str!("forms.tsv").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.splitn(5, '\t').collect();
            let [tier, credential, name, checksum, template] = fields[..] else {
                panic!("a line of forms.tsv has five fields: {line}")
            };
            let checksum = given(checksum).map(|name| {
                let known = exfilter::Checksum::ALL.into_iter().find(|one| one.as_str() == name);
                known.expect("the checksum is a known one")
            });
            Form {
                tier: tier.into(),
                credential: credential.into(),
                name: given(name),
                checksum,
                template: template.replace("\\n", "\n"),
            }
        })
        .collect()
}
