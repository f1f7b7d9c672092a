//! [`Uploads`]: objects that come in many requests, each one stream.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use exfilter_engine::{Action, Authority, Engine, Event, Flow, OpaqueReason, Stream, Verdict};
use exfilter_wire::{Part, PartAt};
use zeroize::Zeroizing;

use super::log::Log;
use super::sighting::Sighting;

/// Objects that can be gone on with at once: each has a stream.
const OPEN_MAX: usize = 256;

/// Engines that objects wait with: each login makes a new one, and an object goes on with the one with which it began.
const ENGINES_MAX: usize = 8;

/// Objects that are known, those apart that are over: of the others it is known only that they cannot be gone on with.
const KNOWN_MAX: usize = 4096;

/// Parts of which it is known what stood in them. Clients send those again soon that a server has not taken.
const CLEAN_MAX: usize = 4096;

/// The end of a part that is examined as the end of the object, for nobody knows whether it is: a key with what it is written in.
const TAIL: usize = 4 << 10;

/// The objects of one session that are being uploaded in parts. Cheap to clone; clones are the same.
///
/// A part that does not follow the one before it (sent at the same time, out of order) is not examined and reported as a gap, which blocks unless the policy says otherwise: an embedder lets one that is
/// [early](Uploads::is_early) wait for its turn. An object of which a part was refused stays refused. Where 256 are under way, the one that has waited longest is given up for a new one, and its further parts are gaps. So are
/// those of objects that began with one of more than eight engines, the one that was not gone on with for the longest time.
///
/// # Resource usage
///
/// A stream for each of at most 256 objects, with at most eight engines among those that wait, and 100 bytes for each of at most 4096; parts of more are refused. Of the last 4096 clean parts 72 bytes each: sent again, byte for
/// byte, they pass.
#[derive(Clone, Default)]
pub struct Uploads {
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    uploads: HashMap<Name, Upload>,
    /// The last parts with a number that were clean: whose they are, their numbers, and digests.
    clean: VecDeque<(Name, u64, Name)>,
    /// How often one was put back.
    turn: u64,
}

/// A digest of what names an object: the names themselves are as long as their senders like.
type Name = [u8; blake3::OUT_LEN];

enum Upload {
    /// What was examined so far, of so many bytes and parts; since this turn.
    Waits(Box<Stream>, Progress, Tail, u64),
    /// A part of it is on its way.
    Busy,
    Refused,
}

/// The last bytes of an object so far.
type Tail = Zeroizing<Vec<u8>>;

#[derive(Clone, Copy, Default)]
struct Progress {
    bytes: u64,
    parts: u64,
}

/// What became of the wish to go on with an object.
pub(super) enum Taken {
    Part(Box<PartBody>),
    /// It cannot be gone on with.
    Gap,
    /// There are too many.
    Full,
}

impl Uploads {
    /// No objects.
    #[must_use]
    pub fn new() -> Uploads {
        Uploads::default()
    }

    /// How many objects are known.
    pub fn len(&self) -> usize {
        self.lock().uploads.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all objects: further parts of them are refused, but for those that begin anew.
    pub fn clear(&self) {
        *self.lock() = Open::default();
    }

    /// Whether a part has the number of one behind others that have not come yet, or are on their way to this host. Clients that send parts at the same time do not wait for the answers; nothing of this one is to be examined before those are.
    #[must_use]
    pub fn is_early(&self, to: &Authority, part: &Part) -> bool {
        let PartAt::Number(number) = part.at else { return false };
        match self.lock().uploads.get(&name(&to.to_string(), part)) {
            Some(Upload::Waits(_, progress, ..)) => number > progress.parts + 1,
            Some(Upload::Busy) => true,
            Some(Upload::Refused) => false,
            None => number > 1,
        }
    }

    /// Whether anything of a part's object has come to this host.
    #[must_use]
    pub fn knows(&self, to: &Authority, part: &Part) -> bool {
        self.lock().uploads.contains_key(&name(&to.to_string(), part))
    }

    /// Takes an object out, to go on with it or to begin it.
    pub(super) fn take(&self, engine: &Engine, flow: &Flow, part: &Part) -> Taken {
        let host = flow.authority().map(ToString::to_string).unwrap_or_default();
        let key = name(&host, part);
        let mut open = self.lock();
        let has_room = open.uploads.contains_key(&key) || open.makes_room();
        let (stream, progress, tail) = match open.uploads.get_mut(&key) {
            Some(upload @ Upload::Waits(..)) => match std::mem::replace(upload, Upload::Busy) {
                Upload::Waits(stream, progress, tail, _) => (stream, progress, tail),
                _ => return Taken::Gap,
            },
            Some(_) => return Taken::Gap,
            None if !has_room => return Taken::Full,
            None => {
                open.uploads.insert(key, Upload::Busy);
                let tail = Zeroizing::new(Vec::with_capacity(2 * TAIL));
                (Box::new(engine.stream(flow.clone())), Progress::default(), tail)
            }
        };
        let number = if let PartAt::Number(number) = part.at { number } else { 0 };
        let again =
            || open.clean.iter().find(|(of, one, _)| (*of, *one) == (key, number)).map(|(.., sum)| *sum);
        if let Some(sum) = (number <= progress.parts).then(again).flatten() {
            open.wait(key, stream, progress, tail);
            drop(open);
            let stream = Some(Box::new(engine.stream(flow.clone())));
            let mut body = PartBody::new(self, key, (engine, flow), stream, Tail::default());
            body.again = Some(sum);
            return Taken::Part(Box::new(body));
        }
        let fits = match part.at {
            PartAt::Byte(start) => start == progress.bytes,
            PartAt::Number(number) => number == progress.parts + 1,
            PartAt::Next => true,
            PartAt::Nowhere => progress.parts > 0,
        };
        if !fits {
            if progress.parts == 0 {
                open.uploads.remove(&key);
            } else {
                open.wait(key, stream, progress, tail);
            }
            return Taken::Gap;
        }
        drop(open);
        let mut body = PartBody::new(self, key, (engine, flow), Some(stream), tail);
        (body.progress, body.last, body.number) = (progress, part.last, number);
        Taken::Part(Box::new(body))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(host: &str, part: &Part) -> Name {
    *blake3::Hasher::new().update(host.as_bytes()).update(b"\n").update(&part.upload).finalize().as_bytes()
}

impl Open {
    /// Whether there is room for one more; the one that has waited longest may have to be given up for it.
    fn makes_room(&mut self) -> bool {
        if self.uploads.len() >= KNOWN_MAX {
            return false;
        }
        let has_stream = |upload: &&Upload| !matches!(upload, Upload::Refused);
        if self.uploads.values().filter(has_stream).count() < OPEN_MAX {
            return true;
        }
        let since = |upload: &Upload| match upload {
            Upload::Waits(.., turn) => Some(*turn),
            _ => None,
        };
        let oldest = self.uploads.values_mut().filter_map(|upload| Some((since(upload)?, upload)));
        let Some((_, oldest)) = oldest.min_by_key(|(turn, _)| *turn) else { return false };
        *oldest = Upload::Refused;
        true
    }

    fn wait(&mut self, key: Name, stream: Box<Stream>, progress: Progress, tail: Tail) {
        self.turn += 1;
        self.uploads.insert(key, Upload::Waits(stream, progress, tail, self.turn));
        self.give_up_engines();
    }

    /// Gives up what keeps more engines alive than may be, those first that were not gone on with for the longest time.
    fn give_up_engines(&mut self) {
        let mut waiting: Vec<(u64, &mut Upload)> = Vec::new();
        for upload in self.uploads.values_mut() {
            if let Upload::Waits(.., turn) = upload {
                waiting.push((*turn, upload));
            }
        }
        waiting.sort_unstable_by_key(|(turn, _)| Reverse(*turn));
        let mut engines: Vec<Engine> = Vec::new();
        for (_, upload) in waiting {
            let Upload::Waits(stream, ..) = &*upload else { continue };
            if engines.iter().any(|engine| stream.is_of(engine)) {
                continue;
            }
            if engines.len() < ENGINES_MAX {
                engines.push(stream.engine().clone());
            } else {
                *upload = Upload::Refused;
            }
        }
    }
}

impl std::fmt::Debug for Uploads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Uploads({})", self.len())
    }
}

/// One part on its way. Dropped before its end, it leaves its object refused for good.
pub(super) struct PartBody {
    uploads: Uploads,
    key: Name,
    /// None once it was given back.
    stream: Option<Box<Stream>>,
    progress: Progress,
    last: bool,
    /// The number, if it has one.
    number: u64,
    sum: blake3::Hasher,
    /// What it was when it was examined: it is sent again, and passes if it is the same.
    again: Option<Name>,
    pushed: u64,
    tail: Tail,
    engine: Engine,
    flow: Flow,
}

impl Drop for PartBody {
    fn drop(&mut self) {
        if self.stream.is_some() && self.again.is_none() {
            self.uploads.lock().uploads.insert(self.key, Upload::Refused);
        }
    }
}

impl PartBody {
    fn new(
        uploads: &Uploads,
        key: Name,
        (engine, flow): (&Engine, &Flow),
        stream: Option<Box<Stream>>,
        tail: Tail,
    ) -> PartBody {
        PartBody {
            uploads: uploads.clone(),
            key,
            stream,
            progress: Progress::default(),
            last: false,
            number: 0,
            sum: blake3::Hasher::new(),
            again: None,
            pushed: 0,
            tail,
            engine: engine.clone(),
            flow: flow.clone(),
        }
    }

    pub(super) fn push(&mut self, chunk: &[u8], log: &mut Log) -> Verdict {
        if self.number > 0 || self.again.is_some() {
            self.sum.update(chunk);
        }
        if self.again.is_some() {
            self.pushed += chunk.len() as u64;
            return Verdict::Forward { through: 0 };
        }
        let Some(stream) = &mut self.stream else { return self.through(0) };
        let verdict = stream.push(chunk);
        log.drain(stream, "upload", 0);
        log.settle(verdict);
        self.pushed += chunk.len() as u64;
        for piece in chunk.rchunks(TAIL).take(1) {
            let excess = (self.tail.len() + piece.len()).saturating_sub(2 * TAIL);
            if excess > 0 {
                let keep = TAIL.min(self.tail.len());
                let from = self.tail.len() - keep;
                self.tail.copy_within(from.., 0);
                self.tail.truncate(keep);
            }
            self.tail.extend_from_slice(piece);
        }
        self.through(verdict.through().unwrap_or(0))
    }

    /// Ends the part, and the object if it is the last one.
    pub(super) fn finish(&mut self, log: &mut Log) -> Verdict {
        let Some(mut stream) = self.stream.take() else { return self.through(u64::MAX) };
        if let Some(sum) = self.again {
            if self.sum.finalize() != sum {
                log.settle(stream.unexamined(OpaqueReason::Gap, 0..self.pushed));
            }
            log.drain(&mut stream, "upload", 0);
            log.coverage.add(&stream.coverage());
            return Verdict::Forward { through: self.pushed };
        }
        let verdict = if self.last { stream.finish() } else { stream.catch_up() };
        log.drain(&mut stream, "upload", 0);
        log.settle(verdict);
        log.coverage.add(&stream.coverage());
        if !self.last && log.blocked.is_none() {
            self.examine_tail(log);
        }
        let progress = Progress { bytes: self.progress.bytes + self.pushed, parts: self.progress.parts + 1 };
        let mut open = self.uploads.lock();
        match (log.blocked.is_some(), self.last) {
            (true, _) => drop(open.uploads.insert(self.key, Upload::Refused)),
            (false, true) => drop(open.uploads.remove(&self.key)),
            (false, false) => {
                if self.number > 0 {
                    open.clean.truncate(CLEAN_MAX - 1);
                    open.clean.push_front((self.key, self.number, *self.sum.finalize().as_bytes()));
                }
                open.wait(self.key, stream, progress, std::mem::take(&mut self.tail));
            }
        }
        drop(open);
        Verdict::Forward { through: self.pushed }
    }

    /// All of a part leaves with it, so what stands at its end is decided as if the object ended there. Only findings count, and none that the beginning of the
    /// tail may have made: containers and tokens begin before it.
    fn examine_tail(&mut self, log: &mut Log) {
        let tail = &self.tail[self.tail.len().saturating_sub(TAIL)..];
        let start = self.progress.bytes + self.pushed - tail.len() as u64;
        let mut stream = self.engine.stream(self.flow.clone());
        let _ = stream.push(tail);
        let Verdict::Block(block) = stream.finish() else { return };
        let mut found = Log::default();
        found.drain(&mut stream, "upload", start);
        let counts = |sighting: &Sighting| {
            let is_whole = sighting.range().start > start || start == 0;
            is_whole && matches!(sighting.event(), Event::Finding(f) if f.action() == Action::Block)
        };
        if found.waiting.iter().any(counts) {
            found.waiting.into_iter().filter(counts).for_each(|sighting| log.take(sighting));
            log.settle(Verdict::Block(block));
        }
    }

    pub(super) fn refuse(&mut self, reason: OpaqueReason, log: &mut Log) {
        if let Some(stream) = &mut self.stream {
            log.settle(stream.unexamined(reason, 0..0));
            log.drain(stream, "upload", 0);
        }
    }

    /// The answer to bytes behind the end. The object goes on, but not with this request.
    pub(super) fn misuse(&mut self) -> Verdict {
        let mut stream = self.engine.stream(self.flow.clone());
        let _ = stream.finish();
        stream.push(&[])
    }

    pub(super) fn memory(&self) -> usize {
        self.stream.as_ref().map_or(0, |stream| stream.memory()) + self.tail.capacity()
    }

    pub(super) fn discard(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.discard();
        }
    }

    /// How much of the part may leave, where so much of the object may.
    fn through(&self, object: u64) -> Verdict {
        Verdict::Forward { through: object.saturating_sub(self.progress.bytes).min(self.pushed) }
    }
}
