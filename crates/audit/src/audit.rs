//! [`Audit`]: from what is asked to the report.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use exfilter::Engine;
use rayon::iter::{IntoParallelRefIterator, ParallelBridge, ParallelIterator};

use crate::collect::Collector;
use crate::names::{Masked, Names};
use crate::place::Index;
use crate::report::{Report, Skip};
use crate::secret::{DigestKey, FoundValue};
use crate::sieve::Sieve;
use crate::source::content::{Examined, Examiner};
use crate::source::tray::Tray;
use crate::source::walk::{Step, Walk};
use crate::source::{capabilities, environment, files, places, processes};
use crate::view::{Miss, View};

/// Bytes read of a file that no table knows, unless asked otherwise.
pub const FILE_LIMIT: u64 = 256 << 10;

/// Steps of the walk that one task takes: to hand them out one by one takes longer than to read a small file.
const TASK: usize = 32;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Looks {
    /// Variables of the environment.
    pub environment: bool,
    /// Other processes.
    pub processes: bool,
    /// Places where tools keep credentials.
    pub places: bool,
    /// Other files of the home, the project and the named folders.
    pub files: bool,
    /// Sockets, routes, identities.
    pub capabilities: bool,
}

impl Default for Looks {
    fn default() -> Looks {
        Looks { environment: true, processes: true, places: true, files: true, capabilities: true }
    }
}

impl Looks {
    /// Nothing at all.
    pub fn nothing() -> Looks {
        Looks { environment: false, processes: false, places: false, files: false, capabilities: false }
    }
}

/// An audit to be run.
pub struct Audit {
    engine: Engine,
    bulk: Engine,
    view: View,
    looks: Looks,
    folders: Vec<PathBuf>,
    file_limit: u64,
    git_objects: bool,
    logins_only: bool,
    now: i64,
    jobs: Option<NonZeroUsize>,
}

/// Why an audit could not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditError {
    what: &'static str,
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl std::error::Error for AuditError {}

/// What every source works with.
pub(crate) struct Context<'a> {
    pub(crate) view: &'a View,
    pub(crate) names: &'a Names,
    pub(crate) collector: &'a Collector,
    /// Examines what a table knows.
    pub(crate) known: Examiner<'a>,
    /// Examines everything else.
    pub(crate) bulk: Examiner<'a>,
    pub(crate) file_limit: u64,
}

impl Context<'_> {
    /// Hands on what came of a content.
    pub(crate) fn take(&self, examined: Examined, name: &dyn Fn() -> Masked) {
        /// Gaps listed per content.
        const LISTED: usize = 8;
        self.collector.unlisted(examined.unlisted);
        let over = examined.gaps.len().saturating_sub(LISTED);
        if over > 0 {
            self.collector.more_gaps(over as u64);
        }
        for (reason, what) in examined.gaps.into_iter().take(LISTED) {
            self.collector.gap(name(), reason, what);
        }
        self.collector.found(examined.candidates);
    }
}

impl Audit {
    /// An audit of a view with an engine's rules.
    pub fn new(engine: Engine, view: View) -> Audit {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Audit {
            bulk: engine.clone(),
            engine,
            view,
            looks: Looks::default(),
            folders: Vec::new(),
            file_limit: FILE_LIMIT,
            git_objects: false,
            logins_only: false,
            now: now.map_or(0, |now| now.as_secs().cast_signed()),
            jobs: None,
        }
    }

    /// Another engine for files that no table knows: one of a quicker profile, since there are many.
    pub fn bulk(&mut self, engine: Engine) -> &mut Audit {
        self.bulk = engine;
        self
    }

    /// What is looked at.
    pub fn looks(&mut self, looks: Looks) -> &mut Audit {
        self.looks = looks;
        self
    }

    /// Reads this folder or file of the view too, beside the home and the project.
    pub fn folder(&mut self, inside: &Path) -> &mut Audit {
        self.folders.push(inside.to_path_buf());
        self
    }

    /// Bytes read of a file that no table knows.
    pub fn file_limit(&mut self, bytes: u64) -> &mut Audit {
        self.file_limit = bytes;
        self
    }

    /// Whether git's object stores are read: what was committed, stashed or removed, in objects and packs of up to 1 GiB. They take as long as the histories are large.
    pub fn git_objects(&mut self, read: bool) -> &mut Audit {
        self.git_objects = read;
        self
    }

    /// Of the known places, only the files of the home in which agents and the clients of language models keep their logins: few, and short. Nothing of a project is among them, for that is whoever's has written it.
    pub fn logins_only(&mut self) -> &mut Audit {
        self.looks = Looks { places: true, ..Looks::nothing() };
        self.logins_only = true;
        self
    }

    /// The time by which credentials have ended, in seconds since 1970.
    pub fn now(&mut self, seconds: i64) -> &mut Audit {
        self.now = seconds;
        self
    }

    /// Files read at the same time; the number of processors unless told.
    pub fn jobs(&mut self, jobs: Option<NonZeroUsize>) -> &mut Audit {
        self.jobs = jobs;
        self
    }

    /// Runs, and reports.
    ///
    /// # Errors
    ///
    /// When the system gives no random numbers or no threads. Whatever goes wrong with a single source is part of the report.
    pub fn run(&self) -> Result<Report, AuditError> {
        self.run_with(&|_| {})
    }

    /// Runs, reports, and shows every value to `take` while it is at hand, from any thread: the seam for whoever enrols what was found.
    /// The values are wiped afterwards, so `take` keeps what it needs in a form of its own.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Audit::run).
    pub fn run_with(&self, take: &(dyn Fn(&FoundValue<'_>) + Sync)) -> Result<Report, AuditError> {
        let key = DigestKey::random().ok_or(AuditError { what: "the system gave no random numbers" })?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.jobs.map_or(0, NonZeroUsize::get))
            .thread_name(|n| format!("audit-{n}"))
            // Readers of formats recurse as deep as their limits let them.
            .stack_size(8 << 20)
            .build()
            .map_err(|_| AuditError { what: "the system gave no threads" })?;
        let names = Names::new(&self.engine);
        let collector = Collector::new(self.now);
        let context = Context {
            view: &self.view,
            names: &names,
            collector: &collector,
            known: Examiner { engine: &self.engine, names: &names, key: &key, take },
            bulk: Examiner { engine: &self.bulk, names: &names, key: &key, take },
            file_limit: self.file_limit,
        };
        pool.install(|| self.sources(&context));
        Ok(collector.close())
    }

    fn sources(&self, context: &Context<'_>) {
        for (reason, what) in self.view.notes() {
            context.collector.gap(Masked::fixed("sandbox"), reason, what.into());
        }
        if self.looks.environment {
            guarded(context, "environment", &|| environment::run(context));
        }
        if self.looks.processes {
            guarded(context, "processes", &|| processes::run(context));
        }
        if self.looks.capabilities {
            guarded(context, "capabilities", &|| capabilities::run(context));
        }
        let index = Index::new();
        let mut done = Done::default();
        if self.looks.places {
            guarded_mut(context, "known places", &mut || {
                let known = places::find(context, &index, self.logins_only);
                known.par_iter().for_each(|known| files::run(context, &known.spot, Some(known.place)));
                known.into_iter().for_each(|known| done.add(known.spot.inside.into_os_string()));
            });
        }
        let mut folders = self.folders.clone();
        if self.looks.files {
            folders.extend(self.view.home_folder().map(Path::to_path_buf));
            folders.extend(self.view.project_folder().map(Path::to_path_buf));
        }
        if !folders.is_empty() {
            guarded(context, "files", &|| {
                let mut walk = Walk::new(&self.view, &folders, self.git_objects);
                let tasks = std::iter::from_fn(|| {
                    let steps: Vec<Step> = walk.by_ref().take(TASK).collect();
                    (!steps.is_empty()).then_some(steps)
                });
                tasks.par_bridge().for_each_init(Tray::default, |tray, steps| {
                    steps.into_iter().for_each(|step| self.step(context, &index, &done, tray, step));
                    files::look(context, tray);
                });
            });
        } else if let Some(home) = self.view.home_folder() {
            context.collector.skipped(Skip::NotAsked, 0, || names_of(context, home));
        }
    }

    fn step(&self, context: &Context<'_>, index: &Index, done: &Done, tray: &mut Tray, step: Step) {
        match step {
            Step::File(spot) => {
                if done.holds(spot.inside.as_os_str()) {
                    return;
                }
                match index.of(spot.inside.as_os_str().as_encoded_bytes()) {
                    Some(place) => files::run(context, &spot, Some(place)),
                    None => files::run_bulk(context, spot, tray),
                }
            }
            Step::Link(spot) => {
                // Who keeps such files elsewhere puts a link where the tool looks for them.
                let place = index.of(spot.inside.as_os_str().as_encoded_bytes());
                match place.map(|place| (place, self.view.locate(&spot.inside))) {
                    Some((place, Ok(target))) if target.host().is_some_and(Path::is_file) => {
                        if !done.holds(target.inside.as_os_str()) {
                            files::run(context, &target, Some(place));
                        }
                    }
                    _ => context.collector.skipped(Skip::Link, 0, || names_of(context, &spot.inside)),
                }
            }
            Step::Skip(path, reason) => context.collector.skipped(reason, 0, || names_of(context, &path)),
            Step::Closed => context.collector.closed(),
            // A folder that went away while it was walked was none of the view's any more.
            Step::Fault(path, Miss::Absent) if !self.folders.contains(&path) => {}
            Step::Fault(path, miss) => {
                let what = match miss {
                    Miss::ClosedHere => "the audited user may read it, this one may not".into(),
                    Miss::Error(error) => format!("it could not be listed: {}", error.kind()),
                    _ => "it is not there".into(),
                };
                context.collector.gap(names_of(context, &path), "unreadable", what);
            }
        }
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audit({:?}, {:?})", self.view, self.looks)
    }
}

/// Files of known places that were read: few, and every other file is asked whether it is one.
#[derive(Default)]
struct Done {
    paths: HashSet<OsString>,
    sieve: Sieve,
}

impl Done {
    fn add(&mut self, path: OsString) {
        self.sieve.add(path.as_encoded_bytes());
        self.paths.insert(path);
    }

    fn holds(&self, path: &OsStr) -> bool {
        self.sieve.may_hold(path.as_encoded_bytes()) && self.paths.contains(path)
    }
}

fn names_of(context: &Context<'_>, path: &Path) -> Masked {
    context.names.mask(path.as_os_str().as_encoded_bytes())
}

/// Runs a source; a panic in it is a gap, and the others go on.
fn guarded(context: &Context<'_>, source: &str, work: &dyn Fn()) {
    guarded_mut(context, source, &mut || work());
}

fn guarded_mut(context: &Context<'_>, source: &str, work: &mut dyn FnMut()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        context.collector.gap(Masked::fixed(source), "internal", "the audit failed on it".into());
    }
}
