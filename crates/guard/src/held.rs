//! [`Held`]: a body until its verdict, in memory and behind that in an unlinked file; [`Released`], the same on its way out.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use exfilter::Edit;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use crate::limits::GuardLimits;

/// Bytes read from a file at once.
const STEP: usize = 64 << 10;

/// What all bodies of a guard hold together.
#[derive(Default)]
pub(crate) struct Budget {
    memory: AtomicUsize,
    spool: AtomicU64,
}

impl Budget {
    /// Bytes in memory and in files.
    pub(crate) fn held(&self) -> (u64, u64) {
        (self.memory.load(Ordering::Relaxed) as u64, self.spool.load(Ordering::Relaxed))
    }
}

/// A body that waits for its verdict.
pub(crate) struct Held {
    limits: Arc<GuardLimits>,
    budget: Arc<Budget>,
    memory: Vec<Bytes>,
    in_memory: usize,
    file: Option<File>,
    in_file: u64,
}

/// Why a body is not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// It is longer than a body may be, or the files are full.
    TooLong,
    /// The file could not be written.
    Failed,
}

impl Full {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Full::TooLong => "blocked by policy: the body is longer than what is held until its verdict",
            Full::Failed => {
                "blocked by policy: the body could not be held until its verdict, for no file could be written"
            }
        }
    }
}

impl Held {
    pub(crate) fn new(limits: &Arc<GuardLimits>, budget: &Arc<Budget>) -> Held {
        let (limits, budget) = (limits.clone(), budget.clone());
        Held { limits, budget, memory: Vec::new(), in_memory: 0, file: None, in_file: 0 }
    }

    /// Keeps more.
    pub(crate) fn push(&mut self, chunk: Bytes) -> Result<(), Full> {
        if self.len() + chunk.len() as u64 > self.limits.body {
            return Err(Full::TooLong);
        }
        let fits = self.file.is_none()
            && self.in_memory + chunk.len() <= self.limits.memory_per_body
            && self.budget.memory.load(Ordering::Relaxed) + chunk.len() <= self.limits.memory;
        if fits {
            self.budget.memory.fetch_add(chunk.len(), Ordering::Relaxed);
            self.in_memory += chunk.len();
            self.memory.push(chunk);
            return Ok(());
        }
        let before = self.budget.spool.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        self.in_file += chunk.len() as u64;
        if before + chunk.len() as u64 > self.limits.spool {
            return Err(Full::TooLong);
        }
        let file = match &mut self.file {
            Some(file) => file,
            // Made without a name, or unlinked at once, and for its owner alone.
            none => none.insert(tempfile::tempfile().map_err(|_| Full::Failed)?),
        };
        file.write_all(&chunk).map_err(|_| Full::Failed)
    }

    /// Forgets what was held: the request is refused.
    pub(crate) fn clear(&mut self) {
        self.budget.memory.fetch_sub(self.in_memory, Ordering::Relaxed);
        self.budget.spool.fetch_sub(self.in_file, Ordering::Relaxed);
        (self.memory, self.in_memory, self.file, self.in_file) = (Vec::new(), 0, None, 0);
    }

    /// How many bytes are held.
    pub(crate) fn len(&self) -> u64 {
        self.in_memory as u64 + self.in_file
    }

    /// The bytes, in pieces, to be read once more; where the file fails they end.
    pub(crate) fn pieces(&mut self) -> impl Iterator<Item = Bytes> + '_ {
        let mut file = self.file.as_mut().and_then(|file| file.seek(SeekFrom::Start(0)).ok().map(|_| file));
        let from_file = std::iter::from_fn(move || {
            let mut buffer = vec![0; STEP];
            let n = file.as_mut()?.read(&mut buffer).ok().filter(|n| *n > 0)?;
            buffer.truncate(n);
            Some(Bytes::from(buffer))
        });
        self.memory.iter().cloned().chain(from_file)
    }

    /// Lets the body go, with its edits and trailers. `exact` says that its length is told.
    pub(crate) fn release(
        mut self,
        edits: Vec<Edit>,
        trailers: Option<HeaderMap>,
        exact: bool,
    ) -> io::Result<Released> {
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(0))?;
        }
        let mut edits = edits;
        edits.sort_by_key(|edit| (edit.range().start, edit.range().end));
        edits.dedup();
        Ok(Released { next: 0, at: 0, edits, edit: 0, trailers, exact, held: self })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A body on its way out.
pub(crate) struct Released {
    held: Held,
    /// The next piece in memory.
    next: usize,
    at: u64,
    edits: Vec<Edit>,
    /// The first edit that does not end before `at`.
    edit: usize,
    trailers: Option<HeaderMap>,
    exact: bool,
}

impl Released {
    fn piece(&mut self) -> io::Result<Option<Bytes>> {
        if let Some(piece) = self.held.memory.get_mut(self.next) {
            self.next += 1;
            return Ok(Some(std::mem::take(piece)));
        }
        let left = self.held.in_file - self.at.saturating_sub(self.held.in_memory as u64);
        let Some(file) = self.held.file.as_mut().filter(|_| left > 0) else { return Ok(None) };
        let mut buffer = vec![0; STEP.min(usize::try_from(left).unwrap_or(STEP))];
        file.read_exact(&mut buffer)?;
        Ok(Some(Bytes::from(buffer)))
    }

    fn edited(&mut self, piece: Bytes) -> Bytes {
        let (start, end) = (self.at, self.at + piece.len() as u64);
        self.at = end;
        let mut out = None;
        for edit in self.edits[self.edit..].iter().take_while(|edit| edit.range().start < end) {
            edit.apply(start, out.get_or_insert_with(|| piece.to_vec()));
        }
        let is_over = |edit: &Edit| edit.range().end <= end;
        self.edit += self.edits[self.edit..].iter().take_while(|edit| is_over(edit)).count();
        out.map_or(piece, Bytes::from)
    }
}

impl Body for Released {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        Poll::Ready(match this.piece() {
            Ok(Some(piece)) => Some(Ok(Frame::data(this.edited(piece)))),
            Ok(None) => this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))),
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.at == self.held.len() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.exact {
            true => SizeHint::with_exact(self.held.len() - self.at),
            false => SizeHint::new(),
        }
    }
}
