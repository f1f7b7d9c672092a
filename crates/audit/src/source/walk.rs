//! [`Walk`]: folders of a view, one entry after another. No link is followed, no kernel's file system is entered.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::report::Skip;
use crate::view::{EntryKind, Miss, Spot, View};

/// File systems of the kernel, whose files have no end or do something when they are read.
const KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];
/// The longest path that is walked, in bytes.
const LONGEST: usize = 4096;

/// Entries from which on they are opened beside their folder.
const FEW: usize = 8;

/// One step of the walk.
pub(crate) enum Step {
    /// A regular file.
    File(Spot),
    /// A symbolic link: it matters only where a known place is one.
    Link(Spot),
    /// Left out.
    Skip(PathBuf, Skip),
    /// Could not be listed by the audited user.
    Closed,
    /// Could not be listed.
    Fault(PathBuf, Miss),
}

/// A walk. Memory is that of the folders that wait, not of the files.
pub(crate) struct Walk<'a> {
    view: &'a View,
    /// Whether git's object stores are walked into.
    git_objects: bool,
    waiting: Vec<Spot>,
    roots: HashSet<PathBuf>,
    ready: Vec<Step>,
}

impl<'a> Walk<'a> {
    /// A walk through these folders, each once, even where one lies in another.
    pub(crate) fn new(view: &'a View, folders: &[PathBuf], git_objects: bool) -> Walk<'a> {
        let mut walk =
            Walk { view, git_objects, waiting: Vec::new(), roots: HashSet::new(), ready: Vec::new() };
        for folder in folders {
            match view.locate(folder) {
                Ok(spot) => {
                    let file = spot.host().is_some_and(Path::is_file);
                    if walk.roots.insert(spot.inside.clone()) {
                        if file { walk.ready.push(Step::File(spot)) } else { walk.waiting.push(spot) }
                    }
                }
                Err(Miss::Closed) => walk.ready.push(Step::Closed),
                Err(miss) => walk.ready.push(Step::Fault(folder.clone(), miss)),
            }
        }
        walk
    }

    fn folder(&mut self, folder: &Spot) {
        let mut entries: Vec<(Spot, EntryKind)> = Vec::new();
        let view = self.view;
        match view.list(folder, &mut |entry| entries.push((view.listed(folder, &entry), entry.kind))) {
            Ok(()) => {}
            Err(Miss::Closed) => self.ready.push(Step::Closed),
            Err(miss) => self.ready.push(Step::Fault(folder.inside.clone(), miss)),
        }
        // Of a folder with few entries it is not worth a descriptor, of which there are few.
        let few = entries.len() < FEW;
        for (spot, kind) in entries {
            let spot = if few { spot.alone() } else { spot };
            if spot.inside.as_os_str().len() > LONGEST {
                let error = std::io::Error::from(std::io::ErrorKind::InvalidFilename);
                self.ready.push(Step::Fault(folder.inside.clone(), Miss::Error(error)));
                continue;
            }
            match kind {
                EntryKind::File => self.ready.push(Step::File(spot)),
                EntryKind::Link => self.ready.push(Step::Link(spot)),
                EntryKind::Special => self.ready.push(Step::Skip(spot.inside, Skip::Special)),
                // A root inside another one is walked once, as itself.
                EntryKind::Folder if self.roots.contains(&spot.inside) => {}
                EntryKind::Folder => match reason_to_skip(&spot.inside, self.git_objects) {
                    Some(reason) => self.ready.push(Step::Skip(spot.inside, reason)),
                    // Many may wait, and each would hold its parent open.
                    None => self.waiting.push(spot.alone()),
                },
            }
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.ready.pop() {
                return Some(step);
            }
            let folder = self.waiting.pop()?;
            self.folder(&folder);
        }
    }
}

fn reason_to_skip(folder: &Path, git_objects: bool) -> Option<Skip> {
    if KERNEL.iter().any(|kernel| folder == Path::new(kernel)) {
        return Some(Skip::Kernel);
    }
    (!git_objects && is_git_objects(folder)).then_some(Skip::GitObjects)
}

/// Whether a folder is the object store of a git repository, or of one of its modules.
fn is_git_objects(folder: &Path) -> bool {
    let (Some(name), Some(parent)) = (folder.file_name(), folder.parent()) else { return false };
    name == OsStr::new("objects") && parent.components().any(|part| part.as_os_str() == ".git")
}

/// Whether a file stands in such a store.
pub(crate) fn is_git_object(file: &Path) -> bool {
    static WORD: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"/objects/"));
    // Nearly all paths are told by a search for one word.
    let named = WORD.find(file.as_os_str().as_encoded_bytes()).is_some();
    named && file.ancestors().skip(1).any(is_git_objects)
}
