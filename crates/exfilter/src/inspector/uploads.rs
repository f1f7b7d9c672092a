//! [`Uploads`]: objects that come in many requests, each one stream.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use exfilter_engine::{Action, Engine, Event, Flow, OpaqueReason, Stream, Verdict};
use exfilter_wire::{Part, PartAt};
use zeroize::Zeroizing;

use super::log::Log;
use super::sighting::Sighting;

/// Objects under way at once.
const OPEN_MAX: usize = 256;

/// The end of a part that is examined as the end of the object, for nobody knows whether it is: a key with what it is written in.
const TAIL: usize = 4 << 10;

/// The objects of one session that are being uploaded in parts. Cheap to clone; clones are the same.
///
/// A part that does not follow the one before it (sent at the same time, sent again, out of order) is not examined and reported as a gap, which blocks unless the policy says otherwise. An
/// object of which a part was refused stays refused.
///
/// # Resource usage
///
/// A stream and a name for each of at most 256 objects; parts of more are refused.
#[derive(Clone, Default)]
pub struct Uploads {
    open: Arc<Mutex<HashMap<Vec<u8>, Upload>>>,
}

enum Upload {
    /// What was examined so far, of so many bytes and parts.
    Waits(Box<Stream>, Progress, Tail),
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
        self.lock().len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all objects: further parts of them are refused, but for those that begin anew.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Takes an object out, to go on with it or to begin it.
    pub(super) fn take(&self, engine: &Engine, flow: &Flow, part: &Part) -> Taken {
        let host = flow.authority().map(ToString::to_string).unwrap_or_default();
        let key = [host.as_bytes(), b"\n", &part.upload].concat();
        let mut open = self.lock();
        let is_full = open.len() >= OPEN_MAX;
        let (stream, progress, tail) = match open.get_mut(&key) {
            Some(upload @ Upload::Waits(..)) => match std::mem::replace(upload, Upload::Busy) {
                Upload::Waits(stream, progress, tail) => (stream, progress, tail),
                _ => return Taken::Gap,
            },
            Some(_) => return Taken::Gap,
            None if is_full => return Taken::Full,
            None => {
                open.insert(key.clone(), Upload::Busy);
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
            let was = if progress.parts == 0 { None } else { Some(Upload::Waits(stream, progress, tail)) };
            match was {
                Some(was) => open.insert(key, was),
                None => open.remove(&key),
            };
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

    fn put(&self, key: &[u8], upload: Upload) {
        self.lock().insert(key.to_vec(), upload);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Vec<u8>, Upload>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
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
    key: Vec<u8>,
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
        match (log.blocked.is_some(), self.last) {
            (true, _) => self.uploads.put(&self.key, Upload::Refused),
            (false, true) => drop(self.uploads.lock().remove(&self.key)),
            (false, false) => {
                let tail = std::mem::take(&mut self.tail);
                self.uploads.put(&self.key, Upload::Waits(stream, progress, tail));
            }
        }
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
