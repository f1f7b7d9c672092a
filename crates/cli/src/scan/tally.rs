//! [`Tally`]: collects what the tasks of a scan bring, in any order, and turns it into a report.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use exfilter::{Engine, OpaqueReason};

use super::accept::Accepted;
use super::file::Examined;
use super::merge;
use super::names::Names;
use super::report::{FileReport, Floors, Gap, Reason, Report, Seen, Skipped, Totals};
use super::walk::{STDIN, SkipReason};
use crate::exit::Outcome;
use crate::text::Name;

/// The common account of all tasks. Clean files leave nothing but sums.
pub(crate) struct Tally {
    names: Names,
    floors: Floors,
    accepted: Accepted,
    passes: Vec<OpaqueReason>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    files: Vec<FileReport>,
    skipped: Vec<(PathBuf, Skipped)>,
    totals: Totals,
    /// Gaps that the policy lets pass.
    passed: u64,
    outcome: Outcome,
}

impl Tally {
    /// An empty account.
    pub(crate) fn new(engine: &Engine, floors: Floors, accepted: Accepted) -> Tally {
        let (passes, inner) = Default::default();
        Tally { names: Names::new(engine), floors, accepted, passes, inner }
    }

    /// Lets what was not examined for these reasons pass: it is told of and does not fail the scan.
    pub(crate) fn pass(mut self, reasons: &[OpaqueReason]) -> Tally {
        self.passes = reasons.to_vec();
        self
    }

    /// What stands in a text that names something.
    pub(crate) fn look_at_text(&self, text: &[u8]) -> Vec<Seen> {
        self.names.look_at(text)
    }

    /// What stands in the name of a path.
    pub(crate) fn look_at_name(&self, path: &Path) -> Vec<Seen> {
        self.names.look(path)
    }

    /// A file was examined.
    pub(crate) fn examined(&self, path: PathBuf, in_name: Vec<Seen>, examined: Examined) {
        let name = || self.name(&path);
        self.account(&path, &name, None, in_name, examined);
    }

    /// An object of a repository was examined: what stands at `path` since `commit`.
    pub(crate) fn object(&self, path: &Path, name: Option<Name>, commit: Option<String>, examined: Examined) {
        let name = || name.clone().unwrap_or_else(|| self.name(path));
        self.account(path, &name, commit, Vec::new(), examined);
    }

    fn account(
        &self,
        path: &Path,
        name: &dyn Fn() -> Name,
        commit: Option<String>,
        in_name: Vec<Seen>,
        examined: Examined,
    ) {
        let told = !in_name.is_empty() || !examined.is_clean();
        let mut seen = in_name;
        seen.extend(examined.seen);
        let mut accepted = 0;
        let file = told.then(|| FileReport {
            name: name(),
            path: path.to_path_buf(),
            commit,
            rows: self.accepted.leave(path, merge::rows(seen), &mut accepted),
            gaps: examined.gaps,
            unlisted_gaps: examined.unlisted_gaps,
            suppressed: examined.suppressed,
            refusal: examined.refusal,
        });
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.totals.files += 1;
        inner.totals.bytes += examined.bytes;
        inner.totals.decoded += examined.decoded;
        inner.totals.containers += examined.containers;
        inner.totals.members += examined.members;
        inner.totals.accepted += accepted;
        if let Some(file) = file {
            inner.push(file, &self.floors, &self.passes);
        }
    }

    /// A path was not examined, or only its name was.
    pub(crate) fn unexamined(&self, path: PathBuf, in_name: Vec<Seen>, gap: Option<Gap>) {
        if in_name.is_empty() && gap.is_none() {
            return;
        }
        let mut accepted = 0;
        let file = FileReport {
            name: self.name(&path),
            commit: None,
            rows: self.accepted.leave(&path, merge::rows(in_name), &mut accepted),
            path,
            gaps: gap.into_iter().collect(),
            unlisted_gaps: 0,
            suppressed: Vec::new(),
            refusal: None,
        };
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.totals.accepted += accepted;
        inner.push(file, &self.floors, &self.passes);
    }

    /// A path was left out.
    pub(crate) fn skipped(&self, path: PathBuf, reason: SkipReason) {
        let skipped = Skipped { name: self.name(&path), reason };
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).skipped.push((path, skipped));
    }

    /// Something that was asked for could not be done.
    pub(crate) fn setup_failed(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).outcome.setup = true;
    }

    /// A step came to nothing, and not even its path can be told.
    pub(crate) fn lost(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).totals.gaps += 1;
    }

    /// The report, sorted. `strict` says whether what was not examined fails the scan.
    pub(crate) fn close(self, engine: Engine, strict: bool) -> Report {
        let Inner { mut files, mut skipped, totals, passed, mut outcome } =
            self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        files.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        skipped.sort_by(|a, b| a.0.as_os_str().cmp(b.0.as_os_str()));
        outcome.incomplete = strict && totals.gaps > passed;
        Report {
            engine,
            files,
            skipped: skipped.into_iter().map(|(_, skipped)| skipped).collect(),
            totals,
            floors: self.floors,
            exit: outcome.code(),
            unit: ["file", "files"],
        }
    }

    fn name(&self, path: &Path) -> Name {
        if path.as_os_str() == STDIN { Name::fixed("<stdin>") } else { self.names.of(path) }
    }
}

impl Inner {
    fn push(&mut self, file: FileReport, floors: &Floors, passes: &[OpaqueReason]) {
        self.totals.add(&file, floors);
        // Of those that are not listed nobody knows the reason.
        let passed = |gap: &&Gap| matches!(gap.reason, Reason::Opaque(reason) if passes.contains(&reason));
        self.passed += file.gaps.iter().filter(passed).count() as u64;
        self.outcome.found |= file.fails(floors);
        self.files.push(file);
    }
}
