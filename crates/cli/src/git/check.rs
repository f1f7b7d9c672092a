//! Objects through the engine: each once, by as many threads as there are, and told in the order of their commits.

use std::collections::HashSet;
use std::io::{ErrorKind, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use exfilter::{Confidence, FindingId};
use exfilter_odb::{Damage, Hash, Kind, Sum, parse_id};

use super::cat::Cat;
use super::direct::{self, Left};
use super::lfs::{self, Lfs, Peeked};
use super::list::{Listed, short};
use super::repo::Repo;
use crate::fault::Fault;
use crate::scan::file::{self, Closed, Examined, Examiner};
use crate::scan::report::{Gap, Reason, Seen};
use crate::scan::tally::Tally;
use crate::text::Name;

/// Objects asked for at once: what is written before anything is read must fit into a pipe, and a user with many pipes has 8 KiB in each.
const BATCH: usize = 120;

/// Objects under which one thread is faster than several.
const FEW: usize = 64;

/// How often git may end before it should: each time costs a process.
const FAILURES: usize = 64;

/// What came of one object.
struct Outcome {
    order: usize,
    path: PathBuf,
    name: Option<Name>,
    commit: Option<String>,
    examined: Examined,
}

/// Examines `objects`, and tells `tally`.
///
/// # Errors
///
/// When git cannot be run. Whatever goes wrong with an object is part of the report.
pub(crate) fn run(
    repo: &Repo,
    objects: &[Listed],
    jobs: Option<NonZeroUsize>,
    examiner: &Examiner<'_>,
    tally: &Tally,
) -> Result<(), Fault> {
    let lfs = Lfs::new(repo);
    let (outcomes, looked) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    let keep = |outcome: Outcome| {
        looked.fetch_add(1, Ordering::Relaxed);
        if outcome.examined.is_clean() {
            // It leaves nothing but sums, and there may be millions.
            tell(vec![outcome], tally);
        } else {
            outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
        }
    };
    let processors = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads_for = |n: usize| if n < FEW { 1 } else { jobs.map_or_else(processors, NonZeroUsize::get) };
    let left = direct::run(repo, objects, threads_for(objects.len()), &|order, kind, content| {
        let object = &objects[order];
        let path = place(object, kind).0;
        let mut examined = examiner.examine_whole(&path, content);
        if let Some(oid) = lfs::pointer(content).filter(|_| kind == Kind::Blob) {
            add_kept(&mut examined, &path, oid, examiner, &lfs);
        }
        keep(Outcome::new(order, object, kind, examined));
    })?;
    let asking = Asking { repo, objects, examiner, lfs: &lfs, failures: AtomicUsize::new(0) };
    let next = AtomicUsize::new(0);
    direct::in_threads(repo, threads_for(left.len()), &|| {
        let mut cat = None;
        loop {
            let first = next.fetch_add(BATCH, Ordering::Relaxed);
            let batch = left.get(first..left.len().min(first.saturating_add(BATCH)));
            let Some(batch) = batch.filter(|batch| !batch.is_empty()) else { return Ok(()) };
            asking.ask(&mut cat, batch, &keep)?;
        }
    })?;
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    if looked.into_inner() != objects.len() {
        return Err(Fault::new(repo.name(), "not every object was looked at", "please report this"));
    }
    outcomes.sort_by_key(|outcome| outcome.order);
    tell(outcomes, tally);
    Ok(())
}

impl Outcome {
    fn new(order: usize, object: &Listed, kind: Kind, examined: Examined) -> Outcome {
        let (path, name, is_commit) = place(object, kind);
        let commit = if is_commit { None } else { object.commit.clone() };
        Outcome { order, path: super::repo::path_of(&path), name, commit, examined }
    }
}

/// What git is asked for.
struct Asking<'a> {
    repo: &'a Repo,
    objects: &'a [Listed],
    examiner: &'a Examiner<'a>,
    lfs: &'a Lfs<'a>,
    /// How often it ended before it should.
    failures: AtomicUsize,
}

impl Asking<'_> {
    /// Examines objects that `cat` is asked for, which is started where it does not run.
    fn ask(&self, cat: &mut Option<Cat>, mut batch: &[Left], keep: &dyn Fn(Outcome)) -> Result<(), Fault> {
        while !batch.is_empty() {
            if self.failures.load(Ordering::Relaxed) >= FAILURES {
                batch.iter().for_each(|left| {
                    keep(self.unread(*left, Reason::ReadError("git failed too often".into())))
                });
                return Ok(());
            }
            let running = match &mut *cat {
                Some(running) => running,
                none => none.insert(Cat::start(self.repo)?),
            };
            let (done, whole) = self.examine(running, batch, keep);
            batch = &batch[done..];
            if !whole {
                // It is gone, or not to be understood. Of what comes after the object that did that, another one may know.
                *cat = None;
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Examines a batch up to an object at which git fails; how many that were, and whether git can be asked for more.
    fn examine(&self, cat: &mut Cat, batch: &[Left], keep: &dyn Fn(Outcome)) -> (usize, bool) {
        let asked = cat.ask(batch.iter().map(|left| self.objects[left.object].id.as_str()));
        for (i, left) in batch.iter().enumerate() {
            let object = &self.objects[left.object];
            let (mut seen, mut kind) = (None, Kind::Blob);
            let found = match &asked {
                Ok(()) => cat.next(|is, len, content| {
                    kind = is;
                    seen = Some(self.look(object, is, len, content));
                }),
                Err(error) => Err(error.kind().into()),
            };
            match found {
                Ok(Some(())) => keep(Outcome::new(left.object, object, kind, seen.unwrap_or_default())),
                Ok(None) => keep(self.unread(*left, Reason::Vanished("git has no such object here".into()))),
                Err(error) => {
                    // Findings in its beginning stand.
                    let mut outcome = self.unread(*left, Reason::of_read(&error));
                    if let Some(mut examined) = seen {
                        let from = examined.bytes;
                        examined.gaps.retain(|gap| !matches!(gap.reason, Reason::ReadError(_)));
                        examined
                            .gaps
                            .extend(outcome.examined.gaps.pop().map(|gap| Gap::tail(from, gap.reason)));
                        outcome = Outcome::new(left.object, object, kind, examined);
                    }
                    keep(outcome);
                    return (i + 1, false);
                }
            }
        }
        (batch.len(), true)
    }

    /// Examines an object of `len` bytes, and compares it with its id, which git does not do.
    fn look(&self, object: &Listed, kind: Kind, len: u64, content: &mut dyn Read) -> Examined {
        let id = parse_id(&object.id).unwrap_or_default();
        let hash = Hash::of_hex(&object.id).unwrap_or(Hash::Sha1);
        let mut summed = Summed { content, sum: hash.begin(kind, len) };
        let mut peeked = match Peeked::new(&mut summed) {
            Ok(peeked) => peeked,
            Err(error) => return unexamined(Reason::of_read(&error)),
        };
        let path = place(object, kind).0;
        let pointer = peeked.pointer().filter(|_| kind == Kind::Blob);
        let mut examined = self.examiner.examine(&path, &mut peeked);
        if examined.bytes == len && !summed.sum.names(&id) {
            // What git shows was examined; what the id stands for may be something else.
            examined.gaps.push(Gap::tail(0, Reason::ReadError(Damage::Id.to_string())));
        }
        if let Some(oid) = pointer {
            add_kept(&mut examined, &path, &oid, self.examiner, self.lfs);
        }
        examined
    }

    /// An object that is not to be had: because of what is wrong with it, if that was seen, or else as git says.
    fn unread(&self, left: Left, said: Reason) -> Outcome {
        let why = left.why.filter(|damage| *damage != Damage::Long);
        let reason = why.map_or(said, |damage| Reason::ReadError(damage.to_string()));
        Outcome::new(left.object, &self.objects[left.object], Kind::Blob, unexamined(reason))
    }
}

/// Content whose sum is taken as it is read.
struct Summed<'a> {
    content: &'a mut dyn Read,
    sum: Sum,
}

impl Read for Summed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.content.read(buffer)?;
        self.sum.update(&buffer[..n]);
        Ok(n)
    }
}

/// Examines what an object points to, if that is here and may leave.
fn add_kept(examined: &mut Examined, path: &[u8], oid: &str, examiner: &Examiner<'_>, lfs: &Lfs<'_>) {
    examined.add(match lfs.path(oid) {
        Ok(file) => match file::open(&file, true) {
            Ok(mut content) => examiner.examine(path, &mut content),
            // It is nowhere here, so it cannot leave from here.
            Err(Closed::Error(error)) if error.kind() == ErrorKind::NotFound => return,
            Err(Closed::Error(error)) => unexamined(Reason::of_open(&error)),
            Err(Closed::Special(reason)) => unexamined(Reason::Special(reason)),
        },
        Err(fault) => unexamined(Reason::ReadError(fault.to_string())),
    });
}

/// Where an object is said to be: its path, a name for it if it has none, and whether that names the commit.
fn place(object: &Listed, kind: Kind) -> (Vec<u8>, Option<Name>, bool) {
    let id = short(&object.id);
    match kind {
        Kind::Blob if object.path.is_empty() => (Vec::new(), Some(Name::fixed(&format!("blob {id}"))), false),
        Kind::Blob => (object.path.clone(), None, false),
        // Names of files stand in it; that it is a folder is said by the slash.
        Kind::Tree => ([&object.path[..], b"/"].concat(), None, false),
        Kind::Commit => (b"commit".to_vec(), Some(Name::fixed(&format!("commit {id}"))), true),
        Kind::Tag => (b"tag".to_vec(), Some(Name::fixed(&format!("tag {id}"))), true),
    }
}

fn unexamined(reason: Reason) -> Examined {
    let mut examined = Examined::default();
    examined.gaps.push(Gap::tail(0, reason));
    examined
}

/// Tells of what was found in the order of commits; what stands at a path in one version after another is told of once.
fn tell(outcomes: Vec<Outcome>, tally: &Tally) {
    let mut told: HashSet<(PathBuf, FindingId, Confidence, bool)> = HashSet::new();
    for mut outcome in outcomes {
        // A commit or a tag is no version of another one.
        if outcome.name.is_none() {
            // Weak values share an id, an example and a key among them: one is no word about the other.
            let key = |seen: &Seen| {
                let finding = &seen.finding;
                Some((outcome.path.clone(), seen.id?, finding.confidence(), finding.documented()))
            };
            outcome.examined.seen.retain(|seen| !key(seen).is_some_and(|key| told.contains(&key)));
            told.extend(outcome.examined.seen.iter().filter_map(key));
        }
        tally.object(&outcome.path, outcome.name, outcome.commit, outcome.examined);
    }
}

/// Looks at a text that leaves beside the objects: the name of a ref, or a path.
pub(crate) fn look_at_text(tally: &Tally, path: &Path, name: Option<Name>, text: &[u8]) {
    let seen = tally.look_at_text(text);
    if !seen.is_empty() {
        let mut examined = Examined::default();
        examined.seen = seen;
        tally.object(path, name, None, examined);
    }
}

/// Tells of a commit that something about it was not examined.
pub(crate) fn tell_gap(tally: &Tally, commit: &Listed, reason: Reason) {
    let (path, name, _) = place(commit, Kind::Commit);
    tally.object(&super::repo::path_of(&path), name, None, unexamined(reason));
}

/// Objects by their names, which may be any that git knows: what is small of each, and nothing for what is not there.
///
/// # Errors
///
/// When git cannot be run or is gone.
pub(crate) fn read(repo: &Repo, names: &[String], most: u64) -> Result<Vec<Option<Vec<u8>>>, Fault> {
    let gone = |error: std::io::Error| Fault::new("git cat-file", format!("it failed: {error}"), "");
    let mut cat = Cat::start(repo)?;
    let mut objects = Vec::with_capacity(names.len());
    for batch in names.chunks(BATCH / 4) {
        cat.ask(batch.iter().map(String::as_str)).map_err(gone)?;
        for _ in batch {
            let content = cat.next(|_, _, content| {
                let mut bytes = Vec::new();
                content.take(most).read_to_end(&mut bytes).map(|_| bytes)
            });
            objects.push(content.map_err(gone)?.transpose().map_err(gone)?);
        }
    }
    Ok(objects)
}
