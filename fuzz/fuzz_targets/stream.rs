//! The laws of the stream: any chunking says the same, `through` never runs backwards, memory stays bounded.
#![no_main]

use std::sync::LazyLock;

use exfilter_engine::{Authority, Engine, Flow, KnownSecrets, Limits, StoreKey};
use exfilter_fuzz::Choices;
use exfilter_testing::{Rng, keys, run, split};
use libfuzzer_sys::fuzz_target;

static SECRETS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut rng = Rng::new(1);
    (0..5).map(|_| keys::secret(&mut rng)).collect()
});

static ENGINES: LazyLock<Vec<Engine>> = LazyLock::new(|| (0..4).map(engine).collect());

fn engine(tightness: u32) -> Engine {
    let mut known = KnownSecrets::new(StoreKey::from_bytes(&[9; 32]).expect("32 bytes"));
    for (i, secret) in SECRETS.iter().enumerate() {
        known.add(&i.to_string(), secret, vec![]).expect("a random value is accepted");
    }
    let mut limits = Limits::default();
    if tightness > 0 {
        limits.lanes = 4 * tightness;
        limits.containers = tightness as u8;
        limits.shapes = tightness as u8;
        limits.ratio_grace = 4096;
        limits.ratio = 10;
        limits.findings = tightness;
        limits.max_hold = 1000;
    }
    let rules = exfilter_rules::builtin();
    Engine::builder()
        .rules(rules)
        .known_secrets(known)
        .limits(limits)
        .build()
        .expect("the built-in rules build")
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let engine = &ENGINES[choices.below(ENGINES.len())];
    let outbound = || Flow::outbound(Authority::parse(b"https://example.com").expect("well formed"));
    let flow = match choices.byte() % 4 {
        0 => Flow::at_rest().lines(),
        1 => outbound().editable(),
        _ => outbound(),
    };
    let flow = flow.reference(1);
    let chunks = choices.byte();
    let content = choices.content(&SECRETS, 4);
    let whole = run::run(engine, &flow, &content, &split::whole(content.len()));
    let chunks = if chunks % 3 == 0 { split::every(content.len(), 1) } else { choices.chunks(content.len()) };
    let parts = run::run(engine, &flow, &content, &chunks);
    assert_eq!(whole.facts(), parts.facts());
    let mut through = 0;
    for (pushed, verdict) in parts.verdicts {
        if let Some(now) = verdict.through() {
            assert!(through <= now && now <= pushed as u64);
            through = now;
        }
    }
});
