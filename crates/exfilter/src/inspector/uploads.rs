//! [`Uploads`]: objects that come in many requests, each one stream.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use exfilter_engine::{Action, Engine, Event, Flow, OpaqueReason, Stream, Verdict};
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

/// The end of a part that is examined as the end of the object, for nobody knows whether it is: a key with what it is written in.
const TAIL: usize = 4 << 10;

/// The objects of one session that are being uploaded in parts. Cheap to clone; clones are the same.
///
/// A part that does not follow the one before it (sent at the same time, sent again, out of order) is not examined and reported as a gap, which blocks unless the policy says otherwise. An
/// object of which a part was refused stays refused. Where 256 are under way, the one that has waited longest is given up for a new one, and its further parts are gaps. So are those of objects that began with one of more than
/// eight engines, the one that was not gone on with for the longest time.
///
/// # Resource usage
///
/// A stream for each of at most 256 objects, with at most eight engines among those that wait, and 100 bytes for each of at most 4096; parts of more are refused.
#[derive(Clone, Default)]
pub struct Uploads {
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    uploads: HashMap<Name, Upload>,
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
        self.lock().uploads.clear();
    }

    /// Takes an object out, to go on with it or to begin it.
    pub(super) fn take(&self, engine: &Engine, flow: &Flow, part: &Part) -> Taken {
        let host = flow.authority().map(ToString::to_string).unwrap_or_default();
        let key = *blake3::Hasher::new()
            .update(host.as_bytes())
            .update(b"\n")
            .update(&part.upload)
            .finalize()
            .as_bytes();
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
        Taken::Part(Box::new(PartBody {
            uploads: self.clone(),
            key,
            stream: Some(stream),
            progress,
            last: part.last,
            pushed: 0,
            tail,
            engine: engine.clone(),
            flow: flow.clone(),
        }))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

/// One part on its way. Dropped before its end, it leaves its object unfinished for good.
pub(super) struct PartBody {
    uploads: Uploads,
    key: Name,
    /// None once it was given back.
    stream: Option<Box<Stream>>,
    progress: Progress,
    last: bool,
    pushed: u64,
    tail: Tail,
    engine: Engine,
    flow: Flow,
}

impl PartBody {
    pub(super) fn push(&mut self, chunk: &[u8], log: &mut Log) -> Verdict {
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
            (false, false) => open.wait(self.key, stream, progress, std::mem::take(&mut self.tail)),
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
