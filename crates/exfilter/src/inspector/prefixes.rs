//! [`Prefixes`]: the beginnings of conversations that were found clean, so that a conversation that is sent again with every turn is not examined again.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use exfilter_engine::{Coverage, Edit, Engine, Stream, Verdict};
use exfilter_wire::{Conversation, RequestHead};
use highway::{HighwayHash as _, HighwayHasher, Key};
use zeroize::{Zeroize as _, Zeroizing};

/// Bodies that are shorter are examined in the time that comparing takes.
pub(super) const SHORTEST: u64 = 64 << 10;

/// What is compared and remembered at once, in bytes.
const BLOCK: u64 = 32 << 10;

/// What is pushed once more before the offset up to which all was decided, for matches that look back, in bytes.
const CONTEXT: usize = 4 << 10;

/// Before that, among how many bytes a place is sought at which no token is cut. Together no more than what a stream that settles has seen nothing under way in ([`Stream::settled`]).
const EDGE_MAX: usize = 1 << 10;

/// How far that offset may lie behind a block's end.
const OPEN_MAX: u64 = 4 << 10;

/// The most that is kept of a body while it is compared, in bytes.
const KEPT_MAX: usize = 256 << 10;

/// Blocks after which nobody hopes any more that something which was found or is under way will be over.
const UNSETTLED_MAX: u32 = 8;

/// Blocks in each of two generations, so that some 450 MB of conversations are known at least: as many as a table of 16 384 places takes.
const GENERATION: usize = 14_000;

/// Heads in each of two generations.
const HEADS: usize = 256;

/// What requests of one session have sent before and was found clean: their inspections share one of these ([`Inspection::prefixes`](super::Inspection::prefixes)).
///
/// A coding agent sends the whole conversation with every turn. Of a body to an API of language models as much as was sent before, to the same host, is compared instead of examined: by a keyed digest
/// ([HighwayHash](https://arxiv.org/abs/1612.06257), 128 bits) under a random key, of every 32 KiB with all that stands before; who sends never sees one. Digests of what was found clean by an engine are forgotten when another one comes. Nothing is remembered behind something that was found, redacted or not examined.
///
/// A head is compared too, all of it but for the length of the body, which is what it is: a client sends most of its requests with the same one.
///
/// Each session has its own: how long an answer takes tells whether something was sent before.
///
/// # Resource usage
///
/// Some 30 bytes for each 32 KiB, 1 MiB at most, and 200 KiB for heads; while a body is compared, up to 300 KiB of it.
#[derive(Clone)]
pub struct Prefixes(Arc<Shared>);

struct Shared {
    key: Zeroizing<[u64; 4]>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    engine: Option<Engine>,
    blocks: Generations<Settled, GENERATION>,
    heads: Generations<Arc<CleanHead>, HEADS>,
}

/// What was known lately: of two tables of `N` entries the older is given up when the younger is full.
struct Generations<T, const N: usize> {
    young: HashMap<Digest, T>,
    old: HashMap<Digest, T>,
}

/// What is known of a head that was found clean.
pub(super) struct CleanHead {
    pub(super) conversation: Conversation,
    pub(super) coverage: Coverage,
    /// Whether it says that the body is a part of something ([`RequestHead::part`]).
    pub(super) has_part: bool,
}

type Digest = [u64; 2];

/// How far before a block's end everything is decided; none if something is under way there.
type Settled = Option<u16>;

impl Prefixes {
    /// One that knows nothing, under a random key.
    #[must_use]
    pub fn new() -> Prefixes {
        // The system's random numbers, as hash maps take them: nobody who sends bytes sees anything that is made with them.
        let key = Zeroizing::new(std::array::from_fn(|_| RandomState::new().hash_one(0_u8)));
        Prefixes(Arc::new(Shared { key, memory: Mutex::default() }))
    }

    /// How many blocks are known.
    #[must_use]
    pub fn len(&self) -> usize {
        let memory = self.lock();
        memory.blocks.young.len() + memory.blocks.old.len()
    }

    /// Whether none are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Prefixes {
    fn default() -> Prefixes {
        Prefixes::new()
    }
}

impl fmt::Debug for Prefixes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefixes({} blocks)", self.len())
    }
}

impl Memory {
    /// Forgets what another engine has found.
    fn settle_on(&mut self, engine: &Engine) {
        if !self.is_of(engine) {
            *self = Memory { engine: Some(engine.clone()), ..Memory::default() };
        }
    }

    fn is_of(&self, engine: &Engine) -> bool {
        self.engine.as_ref().is_some_and(|known| known.is_same(engine))
    }
}

impl<T, const N: usize> Default for Generations<T, N> {
    fn default() -> Generations<T, N> {
        Generations { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<T: Clone, const N: usize> Generations<T, N> {
    fn look(&mut self, digest: &Digest) -> Option<T> {
        if let Some(known) = self.young.get(digest) {
            return Some(known.clone());
        }
        let known = self.old.remove(digest)?;
        self.insert(*digest, known.clone());
        Some(known)
    }

    fn insert(&mut self, digest: Digest, known: T) {
        if self.young.len() >= N {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(digest, known);
    }
}

/// One head, as it is compared with those that were sent before.
pub(super) struct SentHead<'a> {
    prefixes: &'a Prefixes,
    engine: &'a Engine,
    digest: Digest,
}

impl<'a> SentHead<'a> {
    /// Of a request that goes to `to`.
    pub(super) fn new(
        prefixes: &'a Prefixes,
        engine: &'a Engine,
        to: &str,
        head: &RequestHead,
    ) -> SentHead<'a> {
        prefixes.lock().settle_on(engine);
        let mut hasher = HighwayHasher::new(Key(*prefixes.0.key));
        // No body begins so: its place is as long as it says.
        hasher.append(&u64::MAX.to_le_bytes());
        let mut put = |part: &[u8]| {
            hasher.append(&(part.len() as u64).to_le_bytes());
            hasher.append(part);
        };
        put(to.as_bytes());
        put(head.method().as_bytes());
        put(head.target().as_bytes());
        // Names are examined in their own case, which fields do not have any more.
        put(head.headers().names());
        for (name, value) in head.headers().iter() {
            put(name.as_bytes());
            // How long the body is says the body itself; as many digits as lengths have are no secret.
            let is_length =
                name == "content-length" && value.len() < 10 && value.iter().all(u8::is_ascii_digit);
            put(if is_length { b"" } else { value });
        }
        SentHead { prefixes, engine, digest: hasher.finalize128() }
    }

    /// What is known of it.
    pub(super) fn known(&self) -> Option<Arc<CleanHead>> {
        let mut memory = self.prefixes.lock();
        if memory.is_of(self.engine) { memory.heads.look(&self.digest) } else { None }
    }

    /// Remembers that it is clean.
    pub(super) fn remember(&self, head: CleanHead) {
        let mut memory = self.prefixes.lock();
        if memory.is_of(self.engine) {
            memory.heads.insert(self.digest, Arc::new(head));
        }
    }
}

/// One body, as it is compared with what was sent before, and remembered.
pub(super) struct Prefix {
    prefixes: Prefixes,
    engine: Engine,
    hasher: HighwayHasher,
    /// Bytes of the body so far.
    pushed: u64,
    state: State,
}

enum State {
    /// Everything so far was sent before.
    Comparing {
        /// The bytes from which the stream would go on.
        kept: Zeroizing<Vec<u8>>,
        /// Where they begin.
        from: u64,
    },
    /// The stream has it; so many blocks behind each other were not settled.
    Examining { unsettled: u32 },
    /// The stream has it, and nothing more is remembered.
    Done,
}

impl Prefix {
    /// Of a body that goes to `place`; what else is different in its examination stands in that too.
    pub(super) fn new(prefixes: &Prefixes, engine: &Engine, place: &str) -> Prefix {
        prefixes.lock().settle_on(engine);
        let mut hasher = HighwayHasher::new(Key(*prefixes.0.key));
        hasher.append(&(place.len() as u64).to_le_bytes());
        hasher.append(place.as_bytes());
        let state = State::Comparing { kept: Zeroizing::default(), from: 0 };
        Prefix { prefixes: prefixes.clone(), engine: engine.clone(), hasher, pushed: 0, state }
    }

    /// Pushes the next bytes into the stream, or passes them by. The edits of all but the last push into the stream are added to `edits`.
    pub(super) fn push(&mut self, stream: &mut Stream, chunk: &[u8], edits: &mut Vec<Edit>) -> Verdict {
        let mut verdict = match &self.state {
            State::Comparing { from, .. } => Verdict::Forward { through: *from },
            _ if chunk.is_empty() => stream.push(&[]),
            _ => Verdict::Forward { through: 0 },
        };
        let mut rest = chunk;
        while !rest.is_empty() {
            if let Verdict::Edit { .. } = verdict {
                edits.extend_from_slice(stream.edits());
            }
            if matches!(self.state, State::Done) {
                return stream.push(rest);
            }
            let room = (BLOCK - self.pushed % BLOCK) as usize;
            let (part, behind) = rest.split_at(rest.len().min(room));
            rest = behind;
            self.hasher.append(part);
            self.pushed += part.len() as u64;
            let is_end = self.pushed.is_multiple_of(BLOCK);
            verdict = match &mut self.state {
                State::Comparing { .. } => {
                    let known = if is_end { self.look() } else { Some(None) };
                    let through = self.keep(part, known.flatten());
                    if known.is_some() {
                        Verdict::Forward { through }
                    } else {
                        let verdict = self.begin(stream);
                        self.remember(stream);
                        verdict
                    }
                }
                State::Examining { .. } => {
                    let verdict = stream.push(part);
                    if is_end {
                        self.remember(stream);
                    }
                    verdict
                }
                State::Done => stream.push(part),
            };
            if let State::Comparing { kept, .. } = &self.state
                && kept.len() > KEPT_MAX
            {
                verdict = self.begin(stream);
            }
        }
        verdict
    }

    /// Gives the stream what it has not got yet: the body ends, or is examined from here on.
    pub(super) fn begin(&mut self, stream: &mut Stream) -> Verdict {
        let state = mem::replace(&mut self.state, State::Examining { unsettled: 0 });
        let State::Comparing { kept, from } = state else {
            self.state = state;
            return stream.push(&[]);
        };
        if from > 0 {
            stream.resume(from);
        }
        stream.push(&kept)
    }

    /// Memory in bytes.
    pub(super) fn memory(&self) -> usize {
        let kept = match &self.state {
            State::Comparing { kept, .. } => kept.capacity(),
            _ => 0,
        };
        size_of::<Prefix>() + kept
    }

    fn digest(&self) -> Digest {
        self.hasher.clone().finalize128()
    }

    /// Whether a block is known, to this engine: another one may have come meanwhile.
    fn look(&self) -> Option<Settled> {
        let mut memory = self.prefixes.lock();
        if memory.is_of(&self.engine) { memory.blocks.look(&self.digest()) } else { None }
    }

    /// Keeps the last bytes that were pushed, but for what need not be pushed once more. Returns where what is kept begins.
    fn keep(&mut self, part: &[u8], settled: Settled) -> u64 {
        let State::Comparing { kept, from } = &mut self.state else { return 0 };
        let Some(open) = settled else {
            append(kept, part);
            return *from;
        };
        // As long as a match may look back, and a little more to find where no token is cut.
        let wanted = usize::from(open) + CONTEXT;
        let near = |bytes: &[u8]| {
            let end = bytes.len().checked_sub(wanted)?;
            let start = end.checked_sub(EDGE_MAX)?;
            edge(&bytes[start..end]).map(|edge| start + edge)
        };
        if let Some(at) = near(part) {
            kept.zeroize();
            append(kept, &part[at..]);
            *from = self.pushed - (part.len() - at) as u64;
        } else {
            append(kept, part);
            if let Some(at) = near(kept) {
                kept.drain(..at);
                *from += at as u64;
            }
        }
        *from
    }

    /// Remembers a block that the stream has examined.
    fn remember(&mut self, stream: &mut Stream) {
        let State::Examining { unsettled } = &mut self.state else { return };
        let settled = stream.settled().map(|decided| self.pushed - decided).filter(|open| *open <= OPEN_MAX);
        let settled = settled.and_then(|open| u16::try_from(open).ok());
        *unsettled = if settled.is_some() { 0 } else { *unsettled + 1 };
        if *unsettled > UNSETTLED_MAX {
            self.state = State::Done;
            return;
        }
        let digest = self.digest();
        let mut memory = self.prefixes.lock();
        if memory.is_of(&self.engine) {
            memory.blocks.insert(digest, settled);
        }
    }
}

/// Appends without leaving copies behind that nobody wipes.
fn append(kept: &mut Zeroizing<Vec<u8>>, part: &[u8]) {
    let len = kept.len() + part.len();
    if len > kept.capacity() {
        let room = if kept.is_empty() {
            BLOCK as usize + 2 * CONTEXT
        } else {
            (2 * len).min(KEPT_MAX + BLOCK as usize)
        };
        let mut larger = Zeroizing::new(Vec::with_capacity(room.max(len)));
        larger.extend_from_slice(kept);
        *kept = larger;
    }
    kept.extend_from_slice(part);
}

/// Where no token is cut: behind the last byte that belongs to none.
fn edge(bytes: &[u8]) -> Option<usize> {
    let is_edge = |b: &u8| {
        matches!(b, b' ' | b'"' | b',' | b';' | b':' | b'(' | b')' | b'{' | b'}' | b'[' | b']' | b'\n')
    };
    bytes.iter().rposition(is_edge).map(|at| at + 1)
}
