//! Packs of git: objects, each deflated, some of them as a difference to another one
//! ([gitformat-pack](https://git-scm.com/docs/gitformat-pack)).
//!
//! ```text
//! +--------+---------+-----------+--------+-----+--------+---------+
//! | "PACK" | version | count     | object | ... | object | trailer |     trailer: SHA-1 or SHA-256 of all before it
//! +--------+---------+-----------+--------+-----+--------+---------+
//!   4        4, BE     4, BE       a header and zlib: pack/entry.rs; what a delta inflates to: pack/delta.rs
//! ```
//!
//! Objects come out one behind the other, each as content of its own, with a name of its kind and id ([`Decoder::members`]). Deltas are carried out on
//! objects that came before, as far as those are kept, or that come later. What is based on something else is handed out as the bytes that it
//! inserts, with a line feed for each copy, and its member says so.
//!
//! ```text
//!  header -> entry -> body -> zlib -> whole object ------------------------------> (kept) -> out
//!              ^        \---> zlib -> delta, on what is kept --------------------> (kept) -> out
//!              |         \--> zlib -> delta that waits --- its base has come ----> (kept) -> out
//!              +---- next ------------------------------- no base has come: inserted bytes -> out
//! ```

mod bases;
mod delta;
mod entry;
mod oid;

use std::collections::VecDeque;
use std::sync::Arc;

use self::bases::{Bases, Content, Object, Waiting};
use self::delta::{Delta, Went};
use self::entry::{Base, HEADER_MAX, Header, Kind, Parsed, Stored};
use self::oid::{Format, Oid, Sums};
use crate::decoder::{Decoder, Fault, Member, Next, Step, take_turns};
use crate::zlib::{self, Zlib};

/// What a pack begins with, up to its version.
pub const MAGIC: [u8; 7] = *b"PACK\0\0\0";

/// Bytes that [`starts`] wants to see.
pub const PROBE_LEN: usize = HEADER;

/// Bytes of the header.
const HEADER: usize = 12;

/// Objects of at most so many bytes are handed out when they are whole, because their ids are their names.
const NAMED_MAX: u64 = 1 << 20;

/// What the maps of bases take before an entry of theirs is counted, in bytes: a node of each.
const NODES: u64 = 2 << 10;

/// Bytes inflated at once.
const CHUNK: usize = 16 << 10;

/// Whether `prefix` begins with the header of a pack that has objects, and the first of them, as far as it is there, makes sense.
#[must_use]
pub fn starts(prefix: &[u8]) -> bool {
    let Some((header, first)) = prefix.split_first_chunk::<HEADER>() else { return false };
    let is_header = header.starts_with(&MAGIC) && matches!(header[7], 2 | 3) && header[8..] != [0; 4];
    // The first object of a pack can be based on nothing before it, but on something that comes later or not at all.
    let is_object = match entry::parse(&first[..first.len().min(HEADER_MAX)], HEADER as u64, None) {
        Parsed::More => true,
        Parsed::Bad => false,
        Parsed::Header(Header { stored: Stored::Whole(_), .. }) => {
            let len = first.iter().position(|byte| byte & 0x80 == 0).map_or(first.len(), |last| last + 1);
            let body = &first[len..];
            body.len() < zlib::PROBE_LEN || zlib::is_header(body)
        }
        Parsed::Header(_) => true,
    };
    is_header && is_object
}

/// A push decoder for packs.
///
/// # Latency
///
/// An object of at most 1 MiB, and the instructions of a delta, are handed out when they are whole; a larger object as it is inflated, or as its delta is
/// carried out. A delta whose base has not come waits for it, to the end of the objects at most. [`Decoder::unreleased`] counts from the beginning of the first
/// object that was not handed out.
///
/// # Checks
///
/// Sizes of objects and of bases, checksums of zlib, instructions of deltas, the number of objects and the checksum at the end. What comes after that is not the
/// pack's. An id is compared with nothing but the ids that deltas ask for; whether a pack has SHA-1 or SHA-256 is not written in it: it is told by the first
/// delta with an id, or by the trailer. Before that, names are those of SHA-1.
///
/// # Resource usage
///
/// What is given to [`Pack::new`], half as much again while a base is used that had to make room, 1 MiB for each of an object and the delta in hand, and 60 KiB.
/// All of it is wiped on drop.
pub struct Pack {
    cap: u64,
    members_max: u64,
    state: State,
    /// With what it fails once all is handed out.
    then: Option<Fault>,
    head: Vec<u8>,
    left: u32,
    total_in: u64,
    /// `total_in` when nothing was waiting for the last time.
    drained_in: u64,
    total_out: u64,
    sums: Sums,
    format: Option<Format>,
    zlib: Zlib,
    /// What was inflated and not used: from `chunk_at` on.
    chunk: Content,
    chunk_at: usize,
    /// Whether the body is over.
    inflated: bool,
    job: Job,
    bases: Bases,
    queue: VecDeque<Waiting>,
    members: Vec<Member>,
    starts: Vec<u64>,
    established: bool,
}

#[derive(Clone, Copy)]
enum State {
    Header,
    Entry,
    Body,
    /// What is whole is handed out, from this byte on.
    Emit {
        at: usize,
    },
    /// What waited is next, or another entry.
    Next,
    /// All that waits is handed out as it stands.
    GiveUp,
    Trailer,
    Ended,
    Failed(Fault),
}

/// What is being made of an entry.
struct Job {
    /// Where it stands.
    at: u64,
    /// Bytes that its body has, and those that came.
    size: u64,
    taken: u64,
    kind: Option<Kind>,
    /// How its body is carried out.
    delta: Option<Delta>,
    base: Option<Object>,
    /// For which base it is kept as it stands.
    waits_for: Option<Base>,
    /// Whether it is handed out as it comes, and the length for which there is room to keep it too.
    passes: bool,
    keeps: Option<u64>,
    object: Content,
    /// Of a passing object.
    sums: Option<Sums>,
    /// What is wrong with it. The body is read to its end, so that where the pack fails depends on no slice.
    wrong: Option<Fault>,
    /// Whether what comes of the delta says nothing any more. A body that is longer than it should be is used up to its length, however it comes.
    refused: bool,
}

impl Job {
    fn none() -> Job {
        Job {
            at: 0,
            size: 0,
            taken: 0,
            kind: None,
            delta: None,
            base: None,
            waits_for: None,
            passes: false,
            keeps: None,
            object: Content::default(),
            sums: None,
            wrong: None,
            refused: false,
        }
    }
}

impl Pack {
    /// A decoder that expects the first byte of a pack, keeps at most `cap` bytes of objects for deltas, and takes at most `members` objects.
    #[must_use]
    pub fn new(cap: u64, members: u64) -> Pack {
        Pack {
            cap,
            members_max: members,
            state: State::Header,
            then: None,
            head: Vec::new(),
            left: 0,
            total_in: 0,
            drained_in: 0,
            total_out: 0,
            sums: Sums::new(None),
            format: None,
            zlib: Zlib::new(),
            chunk: Content::default(),
            chunk_at: 0,
            inflated: false,
            job: Job::none(),
            bases: Bases::new(cap),
            queue: VecDeque::new(),
            members: Vec::new(),
            starts: Vec::new(),
            established: false,
        }
    }

    fn turn(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        match self.state {
            State::Header => self.header(input),
            State::Entry => self.entry(input, out),
            State::Body => self.body(input, out, limit),
            State::Emit { at } => (0, self.emit(at, out, limit)),
            State::Next => (0, self.next(out)),
            State::GiveUp => {
                self.bases.give_up(&mut self.queue);
                self.state = State::Next;
                (0, Next::State)
            }
            State::Trailer => self.trailer(input),
            State::Ended => (0, Next::Done),
            State::Failed(fault) => (0, Next::Bad(fault)),
        }
    }

    /// Takes bytes until `head` has `len` of them; true once it has.
    fn fill(&mut self, input: &[u8], len: usize) -> (usize, bool) {
        let used = input.len().min(len - self.head.len());
        self.head.extend_from_slice(&input[..used]);
        (used, self.head.len() == len)
    }

    fn header(&mut self, input: &[u8]) -> (usize, Next) {
        let (used, whole) = self.fill(input, HEADER);
        if !whole {
            return (used, Next::Input);
        }
        let count = self.head[8..].try_into().map_or(0, u32::from_be_bytes);
        let is_header = self.head.starts_with(&MAGIC) && matches!(self.head[7], 2 | 3);
        self.head.clear();
        self.left = count;
        self.state = if !is_header {
            State::Failed(Fault::Corrupt)
        } else if u64::from(count) > self.members_max {
            State::Failed(Fault::Members)
        } else {
            State::Next
        };
        (used, Next::State)
    }

    fn entry(&mut self, input: &[u8], out: &[u8]) -> (usize, Next) {
        for (i, byte) in input.iter().enumerate() {
            if self.head.is_empty() {
                self.job.at = self.total_in + i as u64;
            }
            self.head.push(*byte);
            match entry::parse(&self.head, self.job.at, self.format) {
                Parsed::More => {}
                Parsed::Bad => {
                    self.fail(Fault::Corrupt);
                    return (i + 1, Next::State);
                }
                Parsed::Header(header) => {
                    self.begin(&header, out);
                    return (i + 1, Next::State);
                }
            }
        }
        (input.len(), Next::Input)
    }

    /// Sets out for the body of an entry.
    fn begin(&mut self, header: &Header, out: &[u8]) {
        if let Some(format) = header.format {
            self.settle(format);
        }
        self.left -= 1;
        let over = self.head.len() - header.over;
        self.zlib.reset();
        self.chunk.0.clear();
        (self.chunk_at, self.inflated) = (0, false);
        // Two bytes of a body yield nothing, whatever they are.
        let body = std::mem::take(&mut self.head);
        let _ = self.zlib.decode(&body[over..], &mut self.chunk.0, CHUNK);
        self.job = Job { at: self.job.at, size: header.size, ..Job::none() };
        self.state = State::Body;
        match header.stored {
            Stored::Whole(kind) => {
                self.job.kind = Some(kind);
                self.announce(header.size, out);
            }
            Stored::Delta(base) => {
                self.job.base = self.bases.get(base);
                let may_wait = header.size <= NAMED_MAX && self.bases.may_wait(base, header.size);
                if self.job.base.is_none() && may_wait {
                    self.job.waits_for = Some(base);
                } else {
                    self.carry_out(out);
                }
            }
        }
    }

    /// Carries out the delta in hand, on its base or without.
    fn carry_out(&mut self, out: &[u8]) {
        self.job.delta = Some(Delta::new());
        match &self.job.base {
            // How long its result is comes first.
            Some(base) => self.job.kind = Some(base.kind),
            None => {
                self.job.passes = true;
                let name = format!("delta at {}", self.job.at);
                self.member(name, false, out.len());
            }
        }
    }

    /// An object of `len` bytes is to come.
    fn announce(&mut self, len: u64, out: &[u8]) {
        let Some(kind) = self.job.kind else { return };
        self.job.passes = len > NAMED_MAX;
        if self.job.passes {
            self.job.keeps = self.bases.reserve(len).then_some(len);
            let mut sums = Sums::new(self.format);
            sums.update(format!("{} {len}\0", kind.word()).as_bytes());
            self.job.sums = Some(sums);
            let name = format!("{} at {}", kind.word(), self.job.at);
            self.member(name, true, out.len());
        }
    }

    /// A member begins behind what is in `out`.
    fn member(&mut self, name: String, whole: bool, made: usize) {
        let at = self.total_out.wrapping_add(made as u64);
        self.members.push(Member { at, name, whole });
    }

    fn body(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> (usize, Next) {
        if self.is_waiting() {
            return (0, self.use_chunk(out, limit));
        }
        if self.inflated {
            self.settle_body(out);
            return (0, Next::State);
        }
        self.chunk.0.clear();
        self.chunk_at = 0;
        let step = self.zlib.decode(input, &mut self.chunk.0, CHUNK);
        self.job.taken += self.chunk.0.len() as u64;
        let used = match step {
            Step::More => input.len(),
            Step::Full { consumed } | Step::Done { consumed } | Step::Bad { consumed, .. } => consumed,
        };
        match step {
            Step::Bad { fault, .. } => self.then = Some(fault),
            Step::Done { .. } => self.inflated = true,
            Step::More if used == 0 && self.chunk.0.is_empty() => return (0, Next::Input),
            Step::More | Step::Full { .. } => {}
        }
        if self.job.taken > self.job.size {
            let more = (self.job.taken - self.job.size) as usize;
            let len = self.chunk.0.len().saturating_sub(more);
            self.chunk.0.truncate(len);
            self.job.wrong = Some(Fault::Corrupt);
        }
        self.inflated |= self.then.is_some();
        (used, Next::State)
    }

    /// Whether something that was inflated, or a copy, is not used up.
    fn is_waiting(&self) -> bool {
        self.chunk_at < self.chunk.0.len() || self.job.delta.as_ref().is_some_and(Delta::is_copying)
    }

    /// Makes something of what was inflated.
    fn use_chunk(&mut self, out: &mut Vec<u8>, limit: usize) -> Next {
        let chunk = std::mem::take(&mut self.chunk);
        let next = self.use_bytes(&chunk.0, out, limit);
        self.chunk = chunk;
        next
    }

    fn use_bytes(&mut self, chunk: &[u8], out: &mut Vec<u8>, limit: usize) -> Next {
        let job = &mut self.job;
        let input = &chunk[self.chunk_at..];
        if job.refused {
            self.chunk_at = chunk.len();
            return Next::State;
        }
        if job.waits_for.is_some() {
            job.object.extend(input, NAMED_MAX as usize);
            self.chunk_at = chunk.len();
            return Next::State;
        }
        let (passes, before) = (job.passes, out.len());
        let (used, next) = match &mut job.delta {
            None if passes => {
                let used = input.len().min(limit.saturating_sub(out.len()));
                out.extend_from_slice(&input[..used]);
                (used, if used == 0 { Next::Room } else { Next::State })
            }
            None => {
                job.object.extend(input, NAMED_MAX as usize);
                (input.len(), Next::State)
            }
            Some(delta) => {
                let base = job.base.as_ref().map(|base| &base.content.0[..]);
                let (used, went) = match passes {
                    true => delta.run(input, base, out, limit),
                    false => delta.run(input, base, &mut job.object.0, usize::MAX),
                };
                let size = delta.size();
                match went {
                    Went::Room => (used, Next::Room),
                    Went::Input => (used, Next::State),
                    Went::Header => {
                        if job.base.is_some() {
                            self.announce(size, out);
                        }
                        (used, Next::State)
                    }
                    Went::Bad => {
                        (job.wrong, job.refused) = (Some(Fault::Corrupt), true);
                        (input.len(), Next::State)
                    }
                }
            }
        };
        self.chunk_at += used;
        let job = &mut self.job;
        if passes {
            let fresh = &out[before..];
            if let Some(sums) = &mut job.sums {
                sums.update(fresh);
            }
            if let Some(len) = job.keeps {
                job.object.extend(fresh, len as usize);
            }
        }
        next
    }

    /// The body is over and used up.
    fn settle_body(&mut self, out: &[u8]) {
        let is_whole = match &self.job.delta {
            Some(delta) => delta.is_done(),
            None => self.job.taken == self.job.size,
        };
        let cut = (!is_whole && self.job.waits_for.is_none()).then_some(Fault::Corrupt);
        self.then = self.then.or(self.job.wrong).or(cut);
        self.end_body(out);
    }

    fn end_body(&mut self, out: &[u8]) {
        let kept = self.job.keeps.take();
        if let Some(len) = kept {
            self.bases.give_back(len);
        }
        if let Some(base) = self.job.waits_for.take() {
            let waiting =
                Waiting { at: self.job.at, delta: std::mem::take(&mut self.job.object), base: None };
            let came = waiting.delta.0.len() as u64 == self.job.size;
            if !came {
                self.then = self.then.or(Some(Fault::Corrupt));
            }
            self.bases.wait(base, waiting);
            self.established |= self.then.is_none();
            self.state = if self.then.is_some() { State::GiveUp } else { State::Next };
            return;
        }
        let Some(kind) = self.job.kind.filter(|_| self.then.is_none()) else {
            // A part of an object, or what a delta inserts. The latter has been handed out.
            if !self.job.passes && !self.job.object.0.is_empty() {
                let word = self.job.kind.map_or("delta", Kind::word);
                let name = format!("{word} at {}", self.job.at);
                self.member(name, true, out.len());
                self.state = State::Emit { at: 0 };
            } else {
                self.established |= self.then.is_none();
                self.over();
            }
            return;
        };
        self.established = true;
        let ids = match self.job.sums.take() {
            Some(sums) => sums.finish(),
            None => {
                let mut sums = Sums::new(self.format);
                sums.update(format!("{} {}\0", kind.word(), self.job.object.0.len()).as_bytes());
                sums.update(&self.job.object.0);
                sums.finish()
            }
        };
        let content = Arc::new(std::mem::take(&mut self.job.object));
        let object = Object { kind, content };
        if !self.job.passes || kept.is_some() {
            self.bases.take(self.job.at, &ids, &object, &mut self.queue);
            self.bases.keep(self.job.at, &ids, object.clone());
        }
        if self.job.passes {
            self.over();
        } else {
            let name = format!("{} {}", kind.word(), ids.first().map_or(String::new(), Oid::short));
            self.member(name, true, out.len());
            self.job.base = Some(object);
            self.state = State::Emit { at: 0 };
        }
    }

    /// Hands out an object that is whole, or what there is of one that is not.
    fn emit(&mut self, at: usize, out: &mut Vec<u8>, limit: usize) -> Next {
        let bytes = match &self.job.base {
            Some(object) if self.job.object.0.is_empty() => &object.content.0,
            _ => &self.job.object.0,
        };
        let n = (bytes.len() - at).min(limit.saturating_sub(out.len()));
        out.extend_from_slice(&bytes[at..at + n]);
        if at + n == bytes.len() {
            self.over();
            return Next::State;
        }
        self.state = State::Emit { at: at + n };
        Next::Room
    }

    /// The job is over.
    fn over(&mut self) {
        self.job = Job::none();
        self.state = if self.then.is_some() { State::GiveUp } else { State::Next };
    }

    /// Takes what waited and waits no more, or goes on.
    fn next(&mut self, out: &[u8]) -> Next {
        if let Some(waiting) = self.queue.pop_front() {
            self.bases.release(&waiting);
            let size = waiting.delta.0.len() as u64;
            self.job = Job { at: waiting.at, size, taken: size, base: waiting.base, ..Job::none() };
            self.chunk = waiting.delta;
            (self.chunk_at, self.inflated) = (0, true);
            self.carry_out(out);
            self.state = State::Body;
        } else if let Some(fault) = self.then {
            self.state = State::Failed(fault);
        } else if self.left > 0 {
            self.state = State::Entry;
        } else if self.bases.first_waiting().is_some() {
            self.state = State::GiveUp;
        } else {
            self.state = State::Trailer;
        }
        Next::State
    }

    fn trailer(&mut self, input: &[u8]) -> (usize, Next) {
        let short = Format::Sha1.len();
        let mut used = 0;
        if self.head.len() < short && self.format != Some(Format::Sha256) {
            let (taken, whole) = self.fill(input, short);
            used = taken;
            if !whole {
                return (used, Next::Input);
            }
        }
        let sums = self.sums.clone().finish();
        let is = |head: &[u8], format: Format| {
            Oid::read(format, head).is_some_and(|sum| head.len() == format.len() && sums.contains(&sum))
        };
        if self.head.len() == short && is(&self.head, Format::Sha1) {
            self.end_with(Format::Sha1);
            return (used, Next::State);
        }
        if self.format == Some(Format::Sha1) {
            self.state = State::Failed(Fault::Corrupt);
            return (used, Next::State);
        }
        let (taken, whole) = self.fill(&input[used..], Format::Sha256.len());
        used += taken;
        if !whole {
            return (used, Next::Input);
        }
        if is(&self.head, Format::Sha256) {
            self.end_with(Format::Sha256);
        } else {
            self.state = State::Failed(Fault::Corrupt);
        }
        (used, Next::State)
    }

    fn end_with(&mut self, format: Format) {
        self.settle(format);
        self.state = State::Ended;
    }

    fn settle(&mut self, format: Format) {
        // Every delta with an id says it anew; all ids at hand are looked through once.
        if self.format == Some(format) {
            return;
        }
        self.format = Some(format);
        self.sums.settle(format);
        self.bases.settle(format);
    }

    /// Fails once all that is at hand has been handed out.
    fn fail(&mut self, fault: Fault) {
        self.then = Some(fault);
        self.head.clear();
        self.state = match self.state {
            State::Body => {
                self.inflated = true;
                State::Body
            }
            State::Emit { at } => State::Emit { at },
            State::Entry | State::Next | State::GiveUp => State::GiveUp,
            State::Header | State::Trailer => State::Failed(fault),
            state @ (State::Ended | State::Failed(_)) => state,
        };
    }
}

/// Says how far it is, not what it holds.
impl std::fmt::Debug for Pack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pack").field("total_in", &self.total_in).finish_non_exhaustive()
    }
}

impl Decoder for Pack {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Step {
        let before = out.len();
        let limit = before.saturating_add(cap);
        // `total_out` counts from the beginning of the decoder, `out` may hold more.
        self.total_out = self.total_out.wrapping_sub(before as u64);
        let step = take_turns(input, |rest| {
            let in_trailer = matches!(self.state, State::Trailer);
            let (used, next) = self.turn(rest, out, limit);
            if !in_trailer && used > 0 {
                self.sums.update(&rest[..used]);
            }
            self.total_in += used as u64;
            if !self.is_waiting() && !matches!(next, Next::Room) {
                self.drained_in = self.total_in;
            }
            (used, next)
        });
        self.total_out = self.total_out.wrapping_add(out.len() as u64);
        step
    }

    fn finish(&mut self, out: &mut Vec<u8>, cap: usize) -> Step {
        if self.then.is_none() && !matches!(self.state, State::Ended | State::Failed(_)) {
            self.fail(Fault::Truncated);
        }
        match self.decode(&[], out, cap) {
            Step::More => Step::Bad { consumed: 0, fault: Fault::Truncated },
            step => step,
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        match self.state {
            State::Ended => Ok(()),
            _ => Err(Fault::Truncated),
        }
    }

    fn unreleased(&self) -> u64 {
        let in_hand = match self.state {
            State::Body if self.job.passes && self.job.delta.is_none() => Some(self.drained_in),
            State::Body | State::Emit { .. } => Some(self.job.at),
            State::Entry if !self.head.is_empty() => Some(self.job.at),
            _ => None,
        };
        let first = [in_hand, self.bases.first_waiting()].into_iter().flatten().min();
        first.map_or(0, |first| self.total_in - first)
    }

    fn block_max(&self) -> u64 {
        NAMED_MAX
    }

    fn window_bytes(&self) -> u64 {
        let object = match (&self.state, &self.job.base) {
            (State::Emit { .. }, Some(object)) => object.content.0.capacity(),
            // Room was made for it among what is kept.
            _ if self.job.passes => 0,
            _ => self.job.object.0.capacity(),
        };
        let own = size_of::<Pack>() as u64 + NODES;
        own + self.zlib.window_bytes() + (self.chunk.0.capacity() + object) as u64
    }

    fn kept_bytes(&self) -> u64 {
        self.bases.held()
    }

    fn is_established(&self) -> bool {
        self.established
    }

    fn members(&mut self) -> Option<&mut Vec<Member>> {
        Some(&mut self.members)
    }

    fn reset(&mut self) {
        *self = Pack::new(self.cap, self.members_max);
    }

    fn member_starts(&mut self) -> &mut Vec<u64> {
        &mut self.starts
    }
}
