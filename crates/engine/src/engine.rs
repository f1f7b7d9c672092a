//! [`Engine`]: rules and known secrets, compiled.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use exfilter_automaton::{Anchors, Automaton, Builder, ByteSet, Gate};

use crate::compile::Compiled;
use crate::context::Scratch;
use crate::error::BuildError;
use crate::finding::{RuleId, SecretId};
use crate::flow::Flow;
use crate::fragments::Fragments;
use crate::lane::Glance;
use crate::limits::Limits;
use crate::measure::Measures;
use crate::policy::{Confidence, Policy, Profile};
use crate::rule::Rule;
use crate::scanner::Scanner;
use crate::secrets::{DeltaNeedle, Form, KnownSecrets, Needle, ScatteredNeedle, Tag};
use crate::slot::Homes;
use crate::stream::Stream;
use crate::{confirm, fixture, lane, secrets};

/// Compiled rules and secrets: built once per process, cheap to clone, shared by all streams, immutable.
///
/// # Resource usage
///
/// [`Engine::memory`] says it. A rule's automaton is built when what follows one of its literals first looks like a match for 32 bytes (or at [`EngineBuilder::build`] with
/// [`EngineBuilder::eager`]); each is at most 1 MiB, most have a few KiB.
///
/// ```
/// use exfilter_engine::{Engine, Event, Flow, Rule};
/// let engine = Engine::builder().rules([Rule::new("acme-key", "acme_", "acme_[0-9a-f]{32}")]).build()?;
/// let mut stream = engine.stream(Flow::at_rest());
/// let _ = stream.push(b"key = acme_0123456789abcdef01234567");
/// let _ = stream.push(b"89abcdef\n");
/// let _ = stream.finish();
/// let Some(Event::Finding(finding)) = stream.poll_event() else { panic!("a finding") };
/// assert_eq!(finding.outer(), 6..43);
/// # Ok::<(), exfilter_engine::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Engine {
    pub(crate) core: Arc<Core>,
}

/// Collects what an [`Engine`] is made of.
#[derive(Debug)]
pub struct EngineBuilder {
    /// Compiled already.
    shared: Vec<Arc<Compiled>>,
    rules: Vec<Rule>,
    secrets: Option<KnownSecrets>,
    policy: Policy,
    limits: Limits,
    profile: Profile,
    eager: bool,
}

pub(crate) struct Core {
    pub(crate) rules: Vec<Arc<Compiled>>,
    pub(crate) automaton: Automaton,
    pub(crate) known: Option<Known>,
    /// Whether rules look at joined text.
    pub(crate) joined: bool,
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) profile: Profile,
    pub(crate) reach: Reach,
    pub(crate) glance: Option<Glance>,
    /// The least number of bytes that something is found in.
    pub(crate) shortest: usize,
    /// Streams opened so far, and the key under which they are counted, and entries of archives hashed.
    opened: AtomicU64,
    references: RandomState,
    #[expect(
        clippy::vec_box,
        reason = "a scratch moves between here and whoever borrows it; boxed, that is a pointer"
    )]
    pool: Mutex<Vec<Box<Scratch>>>,
}

impl Core {
    /// Puts together what was compiled; `plan` is that of the same automaton, if it was built before.
    pub(crate) fn new(
        rules: Vec<Arc<Compiled>>,
        known: Option<Known>,
        profile: Profile,
        limits: &Limits,
        policy: &Policy,
        plan: Option<&[u8]>,
    ) -> Result<Core, String> {
        let deltas = known.as_ref().and_then(|k| k.deltas.as_ref());
        let needles: &[Needle] = known.as_ref().map_or(&[], |k| &k.needles);
        let mut reach = Reach::of(&rules, needles);
        reach.kept = reach.kept.max(deltas.map_or(0, |deltas| deltas.reach));
        let fragments = known.as_ref().and_then(|known| known.fragments.as_ref());
        reach.kept = reach.kept.max(fragments.map_or(0, |fragments| fragments.head));
        let mut builder = Builder::new();
        builder.key(known.as_ref().map_or(1, |k| k.keys.anchor));
        for (id, rule) in rules.iter().enumerate() {
            for literal in &rule.facts.literals {
                builder.literal(literal, id as u32, rule.facts.gate, rule.rule.ignore_case);
            }
        }
        for (magic, id) in
            lane::MAGICS.into_iter().chain(lane::DIRECTORIES).chain(lane::TEXTS).chain([fixture::MARK])
        {
            builder.literal(magic, id, Gate::None, false);
        }
        for (magic, id) in lane::odds() {
            builder.odd_literal(magic, id);
        }
        for (id, needle) in needles.iter().enumerate() {
            match needle.tag {
                Tag::Whole(tag) => builder.anchor(tag, id as u32, needle.gate),
                Tag::Coarse(tag) => builder.coarse_anchor(tag, id as u32, needle.gate),
            };
        }
        let run = shortest_run(&rules, needles);
        builder.base64_runs(deltas.map_or(run, |deltas| deltas.shortest_run(run)));
        builder.escapes(true).wide(true).lists(true);
        if let Some(plan) = plan {
            builder.plan(plan);
        }
        let automaton = builder.build()?;
        Ok(Core {
            glance: Glance::new(&rules, needles),
            shortest: shortest(&rules, needles).min(fragments.map_or(usize::MAX, |_| lane::PIECE_TEXT)),
            joined: profile == Profile::Thorough && (known.is_some() || !rules.is_empty()),
            rules,
            automaton,
            known,
            policy: policy.clone(),
            limits: limits.clone(),
            profile,
            reach,
            opened: AtomicU64::new(0),
            references: RandomState::new(),
            pool: Mutex::new(Vec::new()),
        })
    }

    /// A hash that nobody outside of this process can foresee.
    pub(crate) fn hash(&self, value: &impl std::hash::Hash) -> u64 {
        self.references.hash_one(value)
    }
}

pub(crate) struct Known {
    pub(crate) keys: secrets::Keys,
    pub(crate) enrolled: Vec<secrets::Enrolled>,
    pub(crate) homes: Homes,
    pub(crate) needles: Vec<Needle>,
    /// None in the profile that does not look for them.
    pub(crate) scattered: Option<Scattered>,
    /// As with those.
    pub(crate) deltas: Option<Deltas>,
    pub(crate) fragments: Option<Fragments>,
}

/// Needles of scattered letters and digits.
pub(crate) struct Scattered {
    pub(crate) anchors: Anchors,
    pub(crate) needles: Vec<ScatteredNeedle>,
    /// Letters and digits with which the anchors end.
    pub(crate) ends: ByteSet,
    /// Letters and digits that may stand before the end of an anchor, and belong to the same needle.
    pub(crate) reach: usize,
}

/// Needles of differences.
pub(crate) struct Deltas {
    pub(crate) anchors: Anchors,
    /// The same in base64.
    pub(crate) runs: Anchors,
    pub(crate) needles: Vec<DeltaNeedle>,
    /// Differences with which the anchors begin.
    pub(crate) first: ByteSet,
    /// Bytes that may stand before the end of an anchor, and belong to the same needle.
    pub(crate) reach: usize,
}

/// How far before a position that the automaton reports a candidate may begin, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// Over token characters: leads, and needles with nothing else before their anchor.
    pub(crate) token: usize,
    /// Over anything.
    pub(crate) mixed: usize,
    /// Needles in UTF-16.
    pub(crate) utf16: usize,
    /// Needles of the ungated tier, the anchor's own length included; 0 without any.
    pub(crate) plain: usize,
    /// The most of `token`, `mixed`, `utf16` and `plain`.
    pub(crate) before: usize,
    /// What a lane's tail keeps before undecided positions.
    pub(crate) kept: usize,
}

/// Working memories kept by an engine.
const POOL: usize = 64;

impl Engine {
    /// An empty builder: no rules, no secrets, default policy and limits.
    pub fn builder() -> EngineBuilder {
        EngineBuilder {
            shared: Vec::new(),
            rules: Vec::new(),
            secrets: None,
            policy: Policy::default(),
            limits: Limits::default(),
            profile: Profile::default(),
            eager: false,
        }
    }

    /// A builder with what this engine has: its rules, which are not compiled again, its known secrets, policy, limits and profile. For the same engine with something more.
    pub fn to_builder(&self) -> EngineBuilder {
        EngineBuilder {
            shared: self.core.rules.clone(),
            rules: Vec::new(),
            secrets: self.known_secrets(),
            policy: self.core.policy.clone(),
            limits: self.core.limits.clone(),
            profile: self.core.profile,
            eager: false,
        }
    }

    /// The known secrets of this engine, for a set with more of them under the same key; `None` if it has none. Values that are added to it are looked for in all [`Spellings`](crate::Spellings), and
    /// pieces of them are counted if pieces of others are.
    pub fn known_secrets(&self) -> Option<KnownSecrets> {
        let known = self.core.known.as_ref()?;
        let mut secrets = KnownSecrets::under(known.keys.clone());
        secrets.enrolled.clone_from(&known.enrolled);
        secrets.needles.clone_from(&known.needles);
        if let Some(Scattered { needles, ends, .. }) = &known.scattered {
            secrets.scattered.clone_from(needles);
            secrets.ends = *ends;
        }
        if let Some(Deltas { needles, first, .. }) = &known.deltas {
            secrets.deltas.clone_from(needles);
            secrets.first_deltas = *first;
        }
        if let Some(fragments) = &known.fragments {
            secrets.fragmented.clone_from(&fragments.secrets);
            secrets.fragments = true;
        }
        secrets.is_counted = false;
        Some(secrets)
    }

    /// Opens a stream.
    pub fn stream(&self, flow: Flow) -> Stream {
        Stream::new(self.clone(), flow)
    }

    /// A scanner of whole buffers: one stream, used again and again.
    pub fn scanner(&self, flow: Flow) -> Scanner {
        Scanner::new(self.stream(flow))
    }

    /// The rule behind an id of this engine.
    pub fn rule(&self, id: RuleId) -> &Rule {
        &self.core.rules[id.0 as usize].rule
    }

    /// All rules, in the order of their ids.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.core.rules.iter().map(|c| &c.rule)
    }

    /// The name under which a secret was enrolled.
    pub fn secret_name(&self, id: SecretId) -> &str {
        self.core.known.as_ref().map_or("", |known| &known.enrolled[id.0 as usize].name)
    }

    /// Whether a secret is a canary: a value that nobody uses, whose appearance anywhere is an alarm.
    pub fn is_canary(&self, id: SecretId) -> bool {
        self.core.known.as_ref().is_some_and(|known| known.enrolled[id.0 as usize].canary)
    }

    /// The limits of its streams.
    pub fn limits(&self) -> &Limits {
        &self.core.limits
    }

    /// Memory of the compiled tables in bytes, the rules' automata apart.
    pub fn memory(&self) -> usize {
        let needles = self.core.known.as_ref().map_or(0, |k| k.needles.len() * size_of::<Needle>());
        let scattered = self.core.known.as_ref().and_then(|k| k.scattered.as_ref());
        let scattered =
            scattered.map_or(0, |s| s.anchors.memory() + s.needles.len() * size_of::<ScatteredNeedle>());
        let deltas = self.core.known.as_ref().and_then(|k| k.deltas.as_ref());
        let deltas = deltas
            .map_or(0, |d| d.anchors.memory() + d.runs.memory() + d.needles.len() * size_of::<DeltaNeedle>());
        let fragments = self.core.known.as_ref().and_then(|k| k.fragments.as_ref());
        self.core.automaton.memory()
            + needles
            + fragments.map_or(0, Fragments::memory)
            + scattered
            + deltas
            + self.core.glance.as_ref().map_or(0, Glance::memory)
    }

    /// Spellings of known secrets that are looked for: one and more for each.
    pub fn needles(&self) -> usize {
        self.core.known.as_ref().map_or(0, |known| known.needles.len())
    }

    /// Whether content that begins with these bytes, 512 or all there are, may be something that is told by its beginning alone: an archive, frames, zlib. Everything else is found wherever it stands: texts of which
    /// this is not so may be examined behind each other in one stream, with something between them that ends lines and tokens.
    pub fn is_told_by_its_beginning(bytes: &[u8]) -> bool {
        lane::may_begin(bytes)
    }

    /// Whether it is another handle on the same compiled engine.
    pub fn is_same(&self, other: &Engine) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }

    pub(crate) fn next_reference(&self, seed: u64) -> u64 {
        if seed == 0 {
            // Keyed and random per engine: whoever sees a reference learns nothing of the others.
            return self.core.references.hash_one(self.core.opened.fetch_add(1, Ordering::Relaxed));
        }
        // SplitMix64's finaliser: distinct inputs give distinct references, neighbours do not look alike.
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn borrow_scratch(&self) -> Box<Scratch> {
        self.core.pool.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(crate) fn return_scratch(&self, scratch: Box<Scratch>) {
        let mut pool = self.core.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < POOL {
            pool.push(scratch);
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secrets = self.core.known.as_ref().map_or(0, |k| k.enrolled.len());
        write!(f, "Engine({} rules, {secrets} secrets)", self.core.rules.len())
    }
}

impl EngineBuilder {
    /// Adds rules.
    pub fn rules(&mut self, rules: impl IntoIterator<Item = Rule>) -> &mut EngineBuilder {
        self.rules.extend(rules);
        self
    }

    /// Adds the rules of another engine, before all others. They are not compiled again, nor are their automata: for a second engine of another profile, or with other secrets.
    pub fn rules_of(&mut self, engine: &Engine) -> &mut EngineBuilder {
        self.shared.extend(engine.core.rules.iter().cloned());
        self
    }

    /// Sets the known secrets.
    pub fn known_secrets(&mut self, secrets: KnownSecrets) -> &mut EngineBuilder {
        self.secrets = Some(secrets);
        self
    }

    /// Sets the policy.
    pub fn policy(&mut self, policy: Policy) -> &mut EngineBuilder {
        self.policy = policy;
        self
    }

    /// Sets the limits.
    pub fn limits(&mut self, limits: Limits) -> &mut EngineBuilder {
        self.limits = limits;
        self
    }

    /// Sets how far secrets are looked for in text that was changed.
    pub fn profile(&mut self, profile: Profile) -> &mut EngineBuilder {
        self.profile = profile;
        self
    }

    /// Builds every rule's automaton at once, so that a rule that is too large is an error here. Needed for rules that
    /// [`exfilter_rules::check`](https://docs.rs/exfilter-rules) has not seen.
    pub fn eager(&mut self, eager: bool) -> &mut EngineBuilder {
        self.eager = eager;
        self
    }

    /// Compiles; the only step that can fail. Takes what the builder holds.
    ///
    /// # Errors
    ///
    /// [`BuildError`] names the rule and says what to write instead.
    pub fn build(&mut self) -> Result<Engine, BuildError> {
        let mut measures = Measures::default();
        let compile = |rule| Compiled::measured(rule, &mut measures).map(Arc::new);
        let new = std::mem::take(&mut self.rules).into_iter().map(compile);
        let shared = std::mem::take(&mut self.shared).into_iter().map(Ok);
        let rules = shared.chain(new).collect::<Result<Vec<_>, BuildError>>()?;
        let mut ids: Vec<&str> = rules.iter().map(|r| r.rule.id.as_str()).collect();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|w| w[0] == w[1]) {
            return Err(BuildError::rule(twice[0], "its id stands twice; give each rule an id of its own"));
        }
        if self.eager {
            rules.iter().try_for_each(|rule| rule.check_dfa())?;
        }
        let known = self.secrets.take().map(|secrets| {
            let KnownSecrets {
                keys,
                enrolled,
                needles,
                scattered,
                deltas,
                fragmented,
                ends,
                first_deltas,
                ..
            } = secrets;
            let thorough = self.profile == Profile::Thorough;
            let scattered =
                (thorough && !scattered.is_empty()).then(|| Scattered::new(&keys, scattered, ends));
            let deltas = (thorough && !deltas.is_empty()).then(|| Deltas::new(&keys, deltas, first_deltas));
            let homes = Homes::new(&enrolled);
            let fragments = Fragments::new(&keys, fragmented, &enrolled);
            Known { keys, enrolled, homes, needles, scattered, deltas, fragments }
        });
        let core = Core::new(rules, known, self.profile, &self.limits, &self.policy, None);
        Ok(Engine { core: Arc::new(core.map_err(BuildError::engine)?) })
    }
}

/// The length of the shortest match.
fn shortest(rules: &[Arc<Compiled>], needles: &[Needle]) -> usize {
    let rules = rules.iter().map(|r| r.facts.min_len);
    rules.chain(needles.iter().map(|needle| needle.len as usize)).min().unwrap_or(0)
}

/// The length from which a base64 run is decoded: what the shortest match that could be blocked is encoded to, on its own. A run also holds
/// what stands around a match, so shorter matches are missed only where they are all that was encoded. Known secrets have their own
/// needles for base64, but for those that have no other spelling.
fn shortest_run(rules: &[Arc<Compiled>], needles: &[Needle]) -> usize {
    let blocks = |r: &&Arc<Compiled>| r.rule.confidence >= Confidence::High || r.rule.checksum.is_some();
    let shortest = rules.iter().filter(blocks).map(|r| r.facts.min_len).min().unwrap_or(18);
    let alone = needles
        .iter()
        .filter(|needle| needle.decoded && needle.form == Form::Raw)
        .map(|needle| needle.len as usize)
        .min();
    (4 * shortest.min(alone.unwrap_or(usize::MAX)) / 3).clamp(16, 28)
}

impl Scattered {
    pub(crate) fn new(keys: &secrets::Keys, needles: Vec<ScatteredNeedle>, ends: ByteSet) -> Scattered {
        let tags = needles.iter().enumerate().map(|(id, needle)| (needle.tag, id as u32)).collect();
        let farthest = needles.iter().map(|needle| needle.anchor).max().unwrap_or(0);
        // Eight letters of an anchor, and one before what is encoded.
        Scattered { anchors: Anchors::new(keys.anchor, tags), needles, ends, reach: farthest as usize + 9 }
    }
}

impl Deltas {
    pub(crate) fn new(keys: &secrets::Keys, needles: Vec<DeltaNeedle>, first: ByteSet) -> Deltas {
        let tags = needles.iter().enumerate().map(|(id, needle)| (needle.tag, id as u32)).collect();
        let farthest = needles.iter().map(|needle| needle.anchor).max().unwrap_or(0);
        let in_base64 = |(id, needle): (usize, &DeltaNeedle)| needle.runs.map(|tag| (tag, id as u32));
        let runs = needles.iter().enumerate().flat_map(in_base64).collect();
        let (anchors, runs) = (Anchors::new(keys.anchor, tags).gated(first), Anchors::new(keys.anchor, runs));
        // Eight differences are those of nine bytes.
        Deltas { anchors, runs, needles, first, reach: farthest as usize + 9 }
    }

    /// The length from which a base64 run is decoded if `others` ask for one of that length: no needle spells what is XORed, so the shortest value
    /// alone is enough.
    fn shortest_run(&self, others: usize) -> usize {
        let shortest = self.needles.iter().map(|needle| needle.len as usize).min().unwrap_or(usize::MAX / 4);
        others.min((4 * shortest / 3).max(16))
    }
}

impl Reach {
    fn of(rules: &[Arc<Compiled>], needles: &[Needle]) -> Reach {
        let mut reach = Reach::default();
        for lead in rules.iter().filter_map(|r| r.facts.lead.as_ref()) {
            reach.token = reach.token.max(lead.max);
        }
        for needle in needles {
            let back = (needle.anchor + needle.before) as usize;
            let slot = match needle.gate {
                Gate::Utf16 => &mut reach.utf16,
                Gate::None => &mut reach.plain,
                Gate::Token | Gate::NonLower | Gate::UpperOrDigit if needle.token_before => &mut reach.token,
                Gate::Token | Gate::NonLower | Gate::UpperOrDigit => &mut reach.mixed,
            };
            *slot = (*slot).max(back);
            if needle.gate == Gate::None {
                reach.plain = reach.plain.max(back + 1);
            }
        }
        // What an escape may cut is held while the escape is still open.
        reach.token = reach.token.max(4);
        reach.before = reach.token.max(reach.mixed).max(reach.utf16).max(reach.plain);
        reach.kept = lane::ESCAPE_BACK + reach.before + confirm::BOUNDARY_REACH + 2;
        reach.kept = reach.kept.max(lane::LISTING_BACK);
        reach
    }
}
