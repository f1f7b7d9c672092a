//! [`Examiner`]: one file, or one stream, through the engine.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use exfilter::{Engine, Event, Flow, OpaqueReason, PathId, Stream};

use super::ahead::Ahead;
use super::ids;
use super::progress::Progress;
use super::report::{Gap, Lane, Place, Reason, Seen, Suppressed};
use super::walk::SkipReason;
use crate::ask;
use crate::text::path_bytes;

/// Bytes per read. Large enough that the system call does not count, small enough for every thread to keep one.
const READ: usize = 64 * 1024;

thread_local! {
    /// Every thread reads into its own buffer, allocated once.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// What came of one file.
#[derive(Default)]
pub(crate) struct Examined {
    /// The findings, in the order in which the engine told them.
    pub(crate) seen: Vec<Seen>,
    /// What was not examined.
    pub(crate) gaps: Vec<Gap>,
    /// Gaps beyond those that the engine lists one by one.
    pub(crate) unlisted_gaps: u64,
    /// Findings beyond those that the engine lists one by one.
    pub(crate) suppressed: Vec<Suppressed>,
    /// The number of the guard's refusal, if it was asked and refused.
    pub(crate) refusal: Option<String>,
    /// Bytes read.
    pub(crate) bytes: u64,
    /// The first of them that the engine had not let go when it was last asked.
    through: u64,
    /// Bytes that decoders produced.
    pub(crate) decoded: u64,
    /// Compressed containers.
    pub(crate) containers: u64,
    /// Members of archives.
    pub(crate) members: u64,
}

impl Examined {
    /// Whether there is nothing to tell of it but how much it was.
    pub(crate) fn is_clean(&self) -> bool {
        let is_told = !self.seen.is_empty() || !self.gaps.is_empty() || self.refusal.is_some();
        !is_told && self.unlisted_gaps == 0 && self.suppressed.is_empty()
    }

    /// What the guard says of it.
    pub(crate) fn take(&mut self, answer: ask::Answer) {
        self.refusal = self.refusal.take().or(answer.refusal);
        self.gaps.extend(answer.unseen.into_iter().map(|why| Gap::tail(0, Reason::Guard(why))));
    }

    /// What stands at the same place, and was examined by itself.
    pub(crate) fn add(&mut self, other: Examined) {
        self.seen.extend(other.seen);
        self.gaps.extend(other.gaps);
        self.unlisted_gaps += other.unlisted_gaps;
        self.suppressed.extend(other.suppressed);
        self.refusal = self.refusal.take().or(other.refusal);
        self.bytes += other.bytes;
        self.decoded += other.decoded;
        self.containers += other.containers;
        self.members += other.members;
    }
}

/// Why a path was not opened.
pub(crate) enum Closed {
    /// The system refused.
    Error(io::Error),
    /// It is no regular file (any more).
    Special(SkipReason),
}

/// Examines readers with an engine.
#[derive(Clone, Copy)]
pub(crate) struct Examiner<'a> {
    engine: &'a Engine,
    progress: &'a Progress,
    /// Whether weak findings get ids too, for which the beginning of the content is kept.
    ids: bool,
    guard: Option<&'a ask::Guard>,
    /// Folders and files that were named.
    roots: &'a [PathBuf],
    /// Whether nothing else is examined at the same time: then a second thread helps.
    is_alone: bool,
}

impl<'a> Examiner<'a> {
    /// Examines with `engine`, and tells `progress`.
    pub(crate) fn new(engine: &'a Engine, progress: &'a Progress) -> Examiner<'a> {
        Examiner { engine, progress, ids: false, guard: None, roots: &[], is_alone: false }
    }

    /// Names every finding, weak ones too.
    pub(crate) fn with_ids(self) -> Examiner<'a> {
        Examiner { ids: true, ..self }
    }

    /// Asks a guard about everything too, for it knows secrets that are not known here.
    pub(crate) fn asking(self, guard: Option<&'a ask::Guard>) -> Examiner<'a> {
        Examiner { guard, ..self }
    }

    /// Looks at what lies below `roots`: what stands above them says nothing of a file.
    pub(crate) fn in_roots(self, roots: &'a [PathBuf]) -> Examiner<'a> {
        Examiner { roots, ..self }
    }

    /// Has a second thread unpack what is large and compressed, if there is a processor for it: for those who examine one thing at a time.
    pub(crate) fn alone(self) -> Examiner<'a> {
        Examiner { is_alone: available_parallelism().is_ok_and(|n| n.get() > 1), ..self }
    }

    /// The part of a path that says what a file is.
    fn below<'p>(&self, path: &'p [u8]) -> &'p [u8] {
        let under = |root: &PathBuf| {
            let root = path_bytes(root);
            path.strip_prefix(root).filter(|rest| root.ends_with(b"/") || rest.starts_with(b"/"))
        };
        // An absolute path that was named itself is known by its last part.
        let named = || match path {
            [b'/', ..] => path.rsplit(|byte| *byte == b'/').next().unwrap_or(path),
            _ => path,
        };
        self.roots.iter().filter_map(under).min_by_key(|rest| rest.len()).unwrap_or_else(named)
    }

    /// Reads `reader`, which is what stands at `path`, to its end. Whatever happens on the way, what was found before it stands, and what comes after
    /// it is a gap.
    pub(crate) fn examine(&self, path: &[u8], reader: &mut dyn Read) -> Examined {
        let mut kept = ids::Kept::new(self.ids);
        let mut examined = self.pushing(path, |take, examined| {
            BUFFER.with_borrow_mut(|buffer| {
                loop {
                    match reader.read(buffer) {
                        Ok(0) => return None,
                        Ok(n) => {
                            kept.take(&buffer[..n]);
                            take(&buffer[..n], examined);
                        }
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Some(error),
                    }
                }
            })
        });
        self.name(&mut examined, path, kept.beginning());
        examined
    }

    /// Examines `content`, which is what stands at `path` and is in memory: nothing of it is copied.
    pub(crate) fn examine_whole(&self, path: &[u8], content: &[u8]) -> Examined {
        let mut examined = self.pushing(path, |take, examined| {
            content.chunks(READ).for_each(|piece| take(piece, examined));
            None
        });
        self.name(&mut examined, path, ids::beginning(content));
        examined
    }

    /// Names findings that the engine gave no id, by the beginning of what was examined.
    fn name(&self, examined: &mut Examined, path: &[u8], beginning: &[u8]) {
        if self.ids {
            ids::of_content(&mut examined.seen, self.engine, path, beginning);
        }
    }

    /// Examines what `bring` brings, piece by piece, until it ends with or without an error.
    fn pushing(
        &self,
        path: &[u8],
        bring: impl FnOnce(&mut dyn FnMut(&[u8], &mut Examined), &mut Examined) -> Option<io::Error>,
    ) -> Examined {
        let mut examined = Examined::default();
        let whole = catch_unwind(AssertUnwindSafe(|| self.drive(path, bring, &mut examined)));
        if whole.is_err() {
            let from = examined.through;
            examined.gaps.push(Gap::tail(from, Reason::Internal));
        }
        self.progress.file();
        examined
    }

    fn drive(
        &self,
        path: &[u8],
        bring: impl FnOnce(&mut dyn FnMut(&[u8], &mut Examined), &mut Examined) -> Option<io::Error>,
        examined: &mut Examined,
    ) {
        let mut stream = self.engine.stream(Flow::at_rest().lines().file(self.below(path)));
        let mut lanes = Lanes::default();
        let mut question = self.guard.and_then(ask::Guard::begin);
        let mut push = |stream: &mut Stream, bytes: &[u8], examined: &mut Examined| {
            // At rest nothing blocks; what a verdict says beside that is how far the engine has come.
            let verdict = stream.push(bytes);
            if let Some(question) = &mut question {
                question.push(bytes);
            }
            examined.bytes += bytes.len() as u64;
            examined.through = verdict.through().unwrap_or(examined.through);
            lanes.drain(stream, examined);
            self.progress.bytes(bytes.len());
        };
        let mut ahead = None;
        let mut is_first = true;
        let mut take = |bytes: &[u8], examined: &mut Examined| {
            // What is shorter is unpacked before a thread is there.
            if is_first && self.is_alone && bytes.len() >= READ {
                ahead = Ahead::begin(&mut stream, bytes);
            }
            is_first = false;
            match &mut ahead {
                None => push(&mut stream, bytes, examined),
                Some(ahead) => {
                    if let Some(piece) = ahead.take(bytes) {
                        push(&mut stream, &piece, examined);
                    }
                }
            }
        };
        let failed = bring(&mut take, examined);
        let mut thread = None;
        if let Some((rest, unpacking)) = ahead.map(Ahead::finish) {
            rest.iter().for_each(|piece| push(&mut stream, piece, examined));
            thread = Some(unpacking);
        }
        let _verdict = stream.finish();
        lanes.drain(&mut stream, examined);
        if thread.is_some_and(|thread| thread.join().is_err()) {
            examined.gaps.push(Gap::tail(0, Reason::Internal));
        }
        let coverage = stream.coverage();
        examined.decoded = coverage.decoded;
        examined.containers = coverage.containers;
        examined.members = coverage.members;
        let told = examined.gaps.len() as u64;
        let all: u64 = OpaqueReason::ALL.iter().map(|reason| coverage.opaque(*reason)).sum();
        examined.unlisted_gaps = all.saturating_sub(told);
        examined.suppressed =
            stream.suppressed().map(|(rule, n)| Suppressed::rule(self.engine.rule(rule), n)).collect();
        examined.suppressed.extend(
            stream
                .suppressed_secrets()
                .map(|(secret, n)| Suppressed::secret(self.engine.secret_name(secret), n)),
        );
        if let Some(question) = question.filter(|_| failed.is_none()) {
            examined.take(question.finish());
        }
        if let Some(error) = failed {
            examined.gaps.push(Gap::tail(examined.bytes, Reason::of_read(&error)));
        }
    }
}

/// The lanes of one stream by their ids, each described once.
#[derive(Default)]
struct Lanes {
    known: HashMap<PathId, Arc<Lane>>,
}

impl Lanes {
    fn of(&mut self, stream: &Stream, id: PathId) -> Arc<Lane> {
        Arc::clone(self.known.entry(id).or_insert_with(|| Arc::new(Lane::new(stream.path(id)))))
    }

    fn drain(&mut self, stream: &mut Stream, examined: &mut Examined) {
        while let Some(event) = stream.poll_event() {
            match event {
                Event::Finding(finding) => {
                    let lane = self.of(stream, finding.path());
                    examined.seen.push(Seen::new(finding, lane, Place::Content));
                }
                Event::Opaque(opaque) => {
                    let lane = self.of(stream, opaque.path());
                    examined.gaps.push(Gap::opaque(&opaque, lane));
                }
                // Events are an open list; the ones that matter to a scan are the two above.
                _ => {}
            }
        }
    }
}

/// Opens a file for reading without ever waiting: between the walk and this call it may have become a pipe, a device or
/// a link, so it is opened without blocking, without following, and looked at again.
pub(crate) fn open(path: &Path, named: bool) -> Result<File, Closed> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let follow = if named { 0 } else { libc::O_NOFOLLOW };
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC | follow);
    }
    #[cfg(not(unix))]
    let _ = named;
    let file = options.open(path).map_err(|error| {
        #[cfg(unix)]
        if error.raw_os_error() == Some(libc::ELOOP) && !named {
            return Closed::Special(SkipReason::Symlink);
        }
        Closed::Error(error)
    })?;
    let kind = file.metadata().map_err(Closed::Error)?.file_type();
    if kind.is_file() { Ok(file) } else { Err(Closed::Special(SkipReason::of(kind))) }
}

#[cfg(test)]
mod tests {
    use exfilter::Rule;

    use super::*;

    /// Gives its pieces, then fails as told.
    struct Script(Vec<&'static [u8]>, fn() -> io::Result<usize>);

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return (self.1)();
            }
            let piece = self.0.remove(0);
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    fn examine(then: fn() -> io::Result<usize>) -> Examined {
        let rule = Rule::new("acme-key", "acme_", "acme_[0-9]{16}");
        let engine = Engine::builder().rules([rule]).build().expect("the rule is sound");
        let progress = Progress::new(false);
        let mut reader = Script(vec![b"key acme_01234567", b"89012345 end", &[b'.'; 1000]], then);
        Examiner::new(&engine, &progress).examine(b"file", &mut reader)
    }

    #[test]
    fn what_was_found_before_a_panic_stands_and_the_rest_is_a_gap() {
        let examined = examine(|| panic!("as a fault of the engine would"));
        assert_eq!(examined.seen.len(), 1);
        assert_eq!(examined.seen[0].line(), Some((1, 5)));
        assert_eq!(examined.gaps[0].reason.as_str(), "internal");
        assert!((900..=1029).contains(&examined.gaps[0].start), "{:?}", examined.gaps);
    }

    #[test]
    fn what_was_found_before_a_read_error_stands_and_the_rest_is_a_gap() {
        let examined = examine(|| Err(io::Error::from(io::ErrorKind::TimedOut)));
        assert_eq!(examined.seen.len(), 1);
        assert_eq!((examined.gaps[0].start, examined.gaps[0].reason.as_str()), (1029, "read-error"));
        assert_eq!(examined.bytes, 1029);
    }

    #[test]
    fn a_whole_file_has_no_gap() {
        let examined = examine(|| Ok(0));
        assert_eq!((examined.seen.len(), examined.gaps.len(), examined.bytes), (1, 0, 1029));
    }
}
