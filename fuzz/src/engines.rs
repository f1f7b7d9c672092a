//! The engines and flows that contents are run through.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use exfilter_engine::{
    Action, Authority, Binding, Confidence, Engine, Flow, HostPattern, KnownSecrets, Limits, Mode, Policy,
    Profile, Slot, StoreKey,
};
use exfilter_testing::{Rng, keys};

/// The enrolled values: one of every shape, and a long one that is enrolled in pieces.
pub static SECRETS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut rng = Rng::new(1);
    let mut values: Vec<Vec<u8>> = (0..6).map(|_| keys::secret(&mut rng)).collect();
    values.push(b"a phrase, with commas; and \"quotes\" that no gate covers".to_vec());
    values.push(rng.text(keys::BASE64URL, 450));
    values
});

/// One engine for each pair of limits and policy.
pub static ENGINES: LazyLock<Vec<Engine>> = LazyLock::new(|| {
    let tight: Vec<Limits> = (1..4).map(tight).collect();
    let mut all = vec![
        engine(Limits::default(), Policy::default()),
        build(Limits::default(), strict(), Profile::Thorough),
        engine(tight[1].clone(), strict()),
    ];
    let mut observe = Policy::default();
    observe.mode(Mode::Observe);
    all.push(engine(Limits::default(), observe));
    all.extend(tight.into_iter().map(|limits| engine(limits, Policy::default())));
    all
});

/// Which of them looks on and lets everything through.
pub const OBSERVER: usize = 3;

const HOST: &str = "api.example.com";

fn tight(by: u8) -> Limits {
    let mut limits = Limits::default();
    limits.findings = by.into();
    limits.opaques = by.into();
    limits.lanes = 3 * u32::from(by);
    limits.containers = by;
    limits.shapes = by;
    limits.ratio_grace = 2048;
    limits.ratio = 8;
    limits.output = 20_000 * u64::from(by);
    limits.members = by.into();
    limits.window = 128 << 10;
    limits.windows = 300 << 10;
    limits.max_hold = 700;
    limits
}

fn strict() -> Policy {
    let mut policy = Policy::default();
    policy.action(Confidence::Low, Action::Redact).action(Confidence::Medium, Action::Redact);
    policy.action(Confidence::High, Action::Redact).strict_examples(true);
    policy
}

fn engine(limits: Limits, policy: Policy) -> Engine {
    build(limits, policy, Profile::Inline)
}

fn build(limits: Limits, policy: Policy, profile: Profile) -> Engine {
    let key = StoreKey::from_bytes(&[9; 32]).expect("a key has 32 bytes");
    let mut known = KnownSecrets::new(key);
    known.fragments(true);
    for (i, secret) in SECRETS.iter().enumerate() {
        let bindings = if i % 2 == 0 { vec![home()] } else { Vec::new() };
        known.add(&format!("SECRET_{i}"), secret, bindings).expect("random values are accepted");
    }
    Engine::builder()
        .rules(exfilter_rules::builtin())
        .known_secrets(known)
        .policy(policy)
        .limits(limits)
        .profile(profile)
        .build()
        .expect("the built-in rules build")
}

fn home() -> Binding {
    Binding { host: HostPattern::parse(HOST.as_bytes()).expect("the pattern is well formed"), slot: bearer() }
}

fn bearer() -> Slot {
    Slot::parse(b"header:authorization:bearer").expect("the slot is well formed")
}

/// Where bytes go.
pub fn flow(u: &mut Unstructured<'_>) -> Result<Flow> {
    let to =
        |url: &str| Flow::outbound(Authority::parse(url.as_bytes()).expect("the address is well formed"));
    let flow = match u.int_in_range(0..=7u8)? {
        0 => Flow::at_rest().lines(),
        1 => Flow::at_rest(),
        2 => Flow::inbound(),
        3 => Flow::outbound_unknown(),
        4 => to("https://api.example.com").slot(bearer()),
        5 => to("https://api.openai.com").editable(),
        6 => to("https://other.example").editable(),
        _ => to("https://other.example"),
    };
    Ok(flow.reference(1))
}

/// The most that a stream may say it holds: what its lanes keep, and what findings and opaque ranges leave behind.
pub fn most_memory(limits: &Limits) -> usize {
    let lanes = (limits.lanes as usize + 1) * (16 << 10);
    let paths = (limits.findings as usize + limits.opaques as usize) * 512;
    lanes + paths + (16 << 10)
}
