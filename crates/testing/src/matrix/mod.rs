//! The wrapping matrix: every [wrapping](WRAPPINGS) in every [carrier](CARRIERS), of keys and of what looks like keys.

mod carriers;
mod wrappings;

pub use carriers::{CARRIERS, Carrier};
use exfilter_engine::{Engine, Event, Flow, KnownSecrets, Profile, Scanner, StoreKey};
use exfilter_rules::RuleEntry;
use exfilter_rules::example::expand;
pub use wrappings::{Group, WRAPPINGS, Wrapping};

use crate::keys;
use crate::rng::Rng;

/// The carriers in which a wrapping must be seen through to count.
pub const COUNTS: usize = 4;

/// The keys that are wrapped: of four providers, and a value that only its owner knows.
pub struct Keys {
    /// By provider, as the rules make them.
    pub provider: Vec<Vec<u8>>,
    /// Any value.
    pub own: Vec<u8>,
}

impl Keys {
    /// Keys made from a seed.
    ///
    /// # Panics
    ///
    /// If a rule that is used has gone.
    pub fn new(seed: u64) -> Keys {
        let entries = exfilter_rules::builtin_entries();
        let example = |id: &str| {
            let entry =
                entries.iter().find(|entry| entry.rule.id == id).unwrap_or_else(|| panic!("no rule {id}"));
            of_rule(entry, seed)
        };
        let provider =
            ["github-pat", "npm-access-token", "aws-access-key-id", "anthropic-api-key"].map(example);
        Keys { provider: provider.to_vec(), own: Rng::new(seed).text(keys::BASE64URL, 32) }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.provider.iter().chain([&self.own])
    }

    /// An engine that knows all values, and no rule, in the thorough profile.
    ///
    /// # Panics
    ///
    /// If it does not compile.
    pub fn known(&self) -> Engine {
        crate::canary::note(self.all().map(Vec::as_slice));
        let mut known = KnownSecrets::new(StoreKey::from_bytes(&[7; 32]).expect("32 bytes"));
        for (n, value) in self.all().enumerate() {
            known.add(&format!("KEY_{n}"), value, Vec::new()).expect("a strong value");
        }
        Engine::builder()
            .known_secrets(known)
            .profile(Profile::Thorough)
            .build()
            .expect("five values compile")
    }
}

fn of_rule(entry: &RuleEntry, seed: u64) -> Vec<u8> {
    let template = entry.examples.first().expect("every rule has an example");
    expand(template, entry.rule.checksum, seed).expect("the checker has seen it")
}

/// A row: a wrapping, and the carriers in which it was seen through for every key.
pub struct Row {
    /// The wrapping.
    pub wrapping: &'static Wrapping,
    /// By carrier.
    pub seen: [bool; CARRIERS.len()],
}

impl Row {
    /// Whether the wrapping counts.
    pub fn counts(&self) -> bool {
        self.seen.iter().filter(|seen| **seen).count() >= COUNTS
    }
}

/// Tries every wrapping in every carrier, on each of `values`.
pub fn rows(engine: &Engine, flow: &Flow, values: &[&[u8]]) -> Vec<Row> {
    let mut scanner = engine.scanner(flow.clone());
    let mut rng = Rng::new(17);
    let mut row = |wrapping: &'static Wrapping| {
        let mut seen = [true; CARRIERS.len()];
        for value in values {
            let wrapped = (wrapping.make)(&mut rng, value);
            for (carrier, seen) in CARRIERS.iter().zip(&mut seen) {
                let content = wrapping.framed(&mut rng, carrier.carry(&wrapped), carrier.at(), wrapped.len());
                *seen &= finds(&mut scanner, &content);
            }
        }
        Row { wrapping, seen }
    };
    WRAPPINGS.iter().map(&mut row).collect()
}

/// What looks like a key and is none: each must be seen through by nothing, in any wrapping.
fn look_alikes(keys: &Keys) -> Vec<(&'static str, Vec<u8>)> {
    let mut rng = Rng::new(4);
    let github = &keys.provider[0];
    vec![
        ("commit id", rng.text(keys::HEX, 40)),
        ("SHA-256", rng.text(keys::HEX, 64)),
        ("SRI hash", [b"sha512-".as_slice(), &crate::wrap::base64(&rng.bytes(64), false, true)].concat()),
        ("UUID", b"3f2a9c1e-7b4d-4e8f-9a6b-5c0d1e2f3a4b".to_vec()),
        ("image", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &rng.bytes(90)].concat()),
        ("half a key", github[..github.len() / 2].to_vec()),
        ("name", b"a_rather_long_identifier_in_a_program".to_vec()),
    ]
}

/// How many scans [`false_alarms`] makes with each engine.
pub fn look_alike_scans(keys: &Keys) -> usize {
    look_alikes(keys).len() * WRAPPINGS.len()
}

/// The look-alikes in which an engine finds something, with the wrapping in which it does.
pub fn false_alarms(engine: &Engine, flow: &Flow, keys: &Keys) -> Vec<String> {
    let mut scanner = engine.scanner(flow.clone());
    let mut rng = Rng::new(5);
    let mut alarms = Vec::new();
    for (name, content) in look_alikes(keys) {
        for wrapping in WRAPPINGS {
            let wrapped = (wrapping.make)(&mut rng, &content);
            let len = wrapped.len();
            let wrapped = wrapping.framed(&mut rng, wrapped, 0, len);
            if finds(&mut scanner, &wrapped) {
                alarms.push(format!("{name} in {}", wrapping.name));
            }
        }
    }
    alarms
}

/// Whether something is found in `content`.
fn finds(scanner: &mut Scanner, content: &[u8]) -> bool {
    let mut found = false;
    let _ = scanner.scan(content, &mut |event| found |= matches!(event, Event::Finding(_)));
    found
}
