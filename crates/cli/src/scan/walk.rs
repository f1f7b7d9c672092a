//! [`Walk`]: the paths to scan, one after another.
//!
//! Everything is walked. What is left out is told, with a reason: nothing is skipped silently, and nothing by its
//! file name, size or media type.

use std::collections::{HashSet, VecDeque};
use std::ffi::OsStr;
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::WalkBuilder;

use super::filter::Filter;

/// The argument that stands for standard input.
pub(crate) const STDIN: &str = "-";

/// One step of the walk.
pub(crate) enum Step {
    /// Standard input is to be examined.
    Stdin,
    /// A regular file is to be examined. `named` ones were given by the user and may be reached through a symlink.
    File { path: PathBuf, named: bool },
    /// Only the name is there to be examined: folders, and what is skipped.
    Name { path: PathBuf },
    /// Left out.
    Skip { path: PathBuf, reason: SkipReason },
    /// Named by the user, and not there.
    Missing { path: PathBuf, error: io::Error },
    /// Named by the user, and nothing that can be read to its end.
    Special { path: PathBuf, reason: SkipReason },
    /// Could not be walked.
    Fault { path: PathBuf, error: io::Error },
}

/// Why something was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SkipReason {
    /// A symbolic link inside a folder.
    Symlink,
    /// Git's object store.
    GitObjects,
    /// Git ignores it, and `--gitignore` was given.
    Gitignore,
    /// It matches `--exclude`.
    Excluded,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character or block device.
    Device,
    /// Something else that is no file.
    Other,
}

impl SkipReason {
    /// A stable word for reports.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            SkipReason::Symlink => "symlink",
            SkipReason::GitObjects => "git-objects",
            SkipReason::Gitignore => "gitignore",
            SkipReason::Excluded => "excluded",
            SkipReason::Fifo => "fifo",
            SkipReason::Socket => "socket",
            SkipReason::Device => "device",
            SkipReason::Other => "other",
        }
    }

    /// One clause for people.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            SkipReason::Symlink => "a symbolic link; name it to follow it",
            SkipReason::GitObjects => "git's object store; --git-objects walks into it",
            SkipReason::Gitignore => "git ignores it, and --gitignore was given",
            SkipReason::Excluded => "it matches --exclude",
            SkipReason::Fifo => "a named pipe; pipe it to `exfilter scan -`",
            SkipReason::Socket => "a socket",
            SkipReason::Device => "a device",
            SkipReason::Other => "no regular file",
        }
    }

    /// What a file type that is neither file nor folder is.
    pub(crate) fn of(kind: FileType) -> SkipReason {
        if kind.is_symlink() {
            return SkipReason::Symlink;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileTypeExt;
            if kind.is_fifo() {
                return SkipReason::Fifo;
            }
            if kind.is_socket() {
                return SkipReason::Socket;
            }
            if kind.is_char_device() || kind.is_block_device() {
                return SkipReason::Device;
            }
        }
        SkipReason::Other
    }
}

/// What the user asked to leave out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leave {
    /// What git ignores.
    pub(crate) gitignored: bool,
    /// Patterns in the syntax of `.gitignore`.
    pub(crate) patterns: Vec<String>,
    /// Whether git's object stores are walked all the same.
    pub(crate) git_objects: bool,
}

/// The walk over all paths that the user named, in order.
pub(crate) struct Walk {
    roots: VecDeque<PathBuf>,
    /// The real paths of all roots: a root inside another one is walked once, as itself.
    named: Arc<HashSet<PathBuf>>,
    leave: Leave,
    inside: Option<Inside>,
}

/// The walk through one folder.
struct Inside {
    walk: ignore::Walk,
    root: PathBuf,
    /// What the filter turned down since the last step.
    skipped: Arc<Mutex<Vec<(PathBuf, SkipReason)>>>,
    pending: VecDeque<Step>,
}

impl Walk {
    /// A walk; no folder is read before the first step.
    pub(crate) fn new(roots: Vec<PathBuf>, leave: Leave) -> Walk {
        let named = match roots.as_slice() {
            [_] => HashSet::new(),
            roots => roots.iter().filter_map(|root| root.canonicalize().ok()).collect(),
        };
        Walk { roots: roots.into(), named: Arc::new(named), leave, inside: None }
    }

    /// Begins with one named path.
    fn enter(&mut self, root: PathBuf) -> Option<Step> {
        if root.as_os_str() == STDIN {
            return Some(Step::Stdin);
        }
        // What the user names is followed, through any number of links.
        let kind = match fs::metadata(&root) {
            Ok(meta) => meta.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Some(Step::Missing { path: root, error });
            }
            Err(error) => return Some(Step::Fault { path: root, error }),
        };
        if kind.is_file() {
            return Some(Step::File { path: root, named: true });
        }
        if !kind.is_dir() {
            return Some(Step::Special { path: root, reason: SkipReason::of(kind) });
        }
        self.inside = Some(Inside::new(root, &self.leave, Arc::clone(&self.named)));
        None
    }
}

impl Iterator for Walk {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(inside) = &mut self.inside {
                match inside.step() {
                    Some(step) => return Some(step),
                    None => self.inside = None,
                }
            }
            let root = self.roots.pop_front()?;
            if let Some(step) = self.enter(root) {
                return Some(step);
            }
        }
    }
}

impl Inside {
    fn new(root: PathBuf, leave: &Leave, named: Arc<HashSet<PathBuf>>) -> Inside {
        let skipped = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&skipped);
        let filter = Filter::new(&root, leave);
        let walked_alone = move |path: &Path, root: &(PathBuf, PathBuf)| {
            !named.is_empty()
                && path.strip_prefix(&root.0).is_ok_and(|relative| named.contains(&root.1.join(relative)))
        };
        let both = (root.clone(), root.canonicalize().unwrap_or_else(|_| root.clone()));
        let walk = WalkBuilder::new(&root)
            .standard_filters(false)
            .follow_links(false)
            .filter_entry(move |entry| {
                let folder = entry.file_type().is_some_and(|t| t.is_dir());
                if entry.depth() == 0 {
                    return true;
                }
                if walked_alone(entry.path(), &both) {
                    return false;
                }
                match filter.reason_to_skip(entry.path(), folder) {
                    None => true,
                    Some(reason) => {
                        sink.lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push((entry.path().to_path_buf(), reason));
                        false
                    }
                }
            })
            .build();
        Inside { walk, root, skipped, pending: VecDeque::new() }
    }

    fn step(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.pending.pop_front() {
                return Some(step);
            }
            let next = self.walk.next();
            let skipped = std::mem::take(&mut *self.skipped.lock().unwrap_or_else(PoisonError::into_inner));
            for (path, reason) in skipped {
                self.pending.push_back(Step::Name { path: path.clone() });
                self.pending.push_back(Step::Skip { path, reason });
            }
            match next {
                Some(Ok(entry)) => self.take(entry),
                Some(Err(error)) => {
                    let (path, error) = split(error);
                    self.pending
                        .push_back(Step::Fault { path: path.unwrap_or_else(|| self.root.clone()), error });
                }
                None if self.pending.is_empty() => return None,
                None => {}
            }
        }
    }

    fn take(&mut self, entry: ignore::DirEntry) {
        let depth = entry.depth();
        let kind = entry.file_type();
        let path = entry.into_path();
        if depth == 0 {
            return;
        }
        match kind {
            Some(kind) if kind.is_file() => self.pending.push_back(Step::File { path, named: false }),
            Some(kind) if kind.is_dir() => self.pending.push_back(Step::Name { path }),
            kind => {
                let reason = kind.map_or(SkipReason::Other, SkipReason::of);
                self.pending.push_back(Step::Name { path: path.clone() });
                self.pending.push_back(Step::Skip { path, reason });
            }
        }
    }
}

/// Takes the path and the system's error out of what the walker wraps around them.
fn split(error: ignore::Error) -> (Option<PathBuf>, io::Error) {
    fn path_of(error: &ignore::Error) -> Option<&Path> {
        match error {
            ignore::Error::WithPath { path, .. } => Some(path),
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
            ignore::Error::Loop { child, .. } => Some(child),
            _ => None,
        }
    }
    let path = path_of(&error).map(Path::to_path_buf);
    let error = error.into_io_error().unwrap_or_else(|| io::Error::other("it could not be walked"));
    // The walker's error repeats the path; only the system's part is wanted, for the name is printed masked.
    let error = match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::from(error.kind()),
    };
    (path, error)
}

/// Whether `path` is git's object store: `.git/objects`, or that of a submodule.
pub(crate) fn is_git_objects(path: &Path) -> bool {
    if path.file_name() != Some(OsStr::new("objects")) {
        return false;
    }
    let Some(parent) = path.parent() else { return false };
    parent.file_name() == Some(OsStr::new(".git"))
        || (parent.components().any(|c| c.as_os_str() == ".git") && parent.join("HEAD").is_file())
}
