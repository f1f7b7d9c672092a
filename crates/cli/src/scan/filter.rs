//! [`Filter`]: which entries of a folder the user asked to leave out, and why.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::walk::{Leave, SkipReason, is_git_objects};
use crate::fault::Fault;

/// The filters of one walked folder. The walker's own are off: what they leave out they leave out silently.
pub(crate) struct Filter {
    exclude: Gitignore,
    git: Option<GitFilter>,
    git_objects: bool,
}

/// What git ignores, read folder by folder.
struct GitFilter {
    root: PathBuf,
    /// The root by its real name, so that the folders above it can be asked too.
    real_root: PathBuf,
    /// The highest folder whose `.gitignore` counts.
    top: PathBuf,
    /// `.git/info/exclude` and the user's global file.
    general: Vec<Gitignore>,
    by_folder: Mutex<HashMap<PathBuf, Option<Arc<Gitignore>>>>,
}

impl Filter {
    /// The filters for the folder `root`. Patterns were checked by [`check`].
    pub(crate) fn new(root: &Path, leave: &Leave) -> Filter {
        let mut builder = strict(root);
        for pattern in &leave.patterns {
            let _ = builder.add_line(None, pattern);
        }
        Filter {
            exclude: builder.build().unwrap_or_else(|_| Gitignore::empty()),
            git: leave.gitignored.then(|| GitFilter::new(root)),
            git_objects: leave.git_objects,
        }
    }

    /// Why `path` is left out, if it is.
    pub(crate) fn reason_to_skip(&self, path: &Path, folder: bool) -> Option<SkipReason> {
        if folder && !self.git_objects && is_git_objects(path) {
            return Some(SkipReason::GitObjects);
        }
        if self.exclude.matched(path, folder).is_ignore() {
            return Some(SkipReason::Excluded);
        }
        if self.git.as_ref().is_some_and(|git| git.ignores(path, folder)) {
            return Some(SkipReason::Gitignore);
        }
        None
    }
}

impl GitFilter {
    fn new(root: &Path) -> GitFilter {
        let real_root = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
        let repository = real_root.ancestors().find(|p| p.join(".git").exists()).map(Path::to_path_buf);
        let mut general = Vec::new();
        if let Some(top) = &repository {
            let mut builder = GitignoreBuilder::new(top);
            if builder.add(top.join(".git/info/exclude")).is_none() {
                general.extend(builder.build());
            }
        }
        general.push(Gitignore::global().0);
        let top = repository.unwrap_or_else(|| real_root.clone());
        GitFilter { root: root.to_path_buf(), real_root, top, general, by_folder: Mutex::default() }
    }

    /// The nearest file that says something about the path decides, as in git.
    fn ignores(&self, path: &Path, folder: bool) -> bool {
        let Ok(relative) = path.strip_prefix(&self.root) else { return false };
        let path = self.real_root.join(relative);
        for parent in path.ancestors().skip(1) {
            if let Some(rules) = self.rules_of(parent) {
                match rules.matched(&path, folder) {
                    Match::None => {}
                    decided => return decided.is_ignore(),
                }
            }
            if parent == self.top || parent.join(".git").exists() {
                break;
            }
        }
        self.general.iter().any(|rules| rules.matched(&path, folder).is_ignore())
    }

    fn rules_of(&self, folder: &Path) -> Option<Arc<Gitignore>> {
        let mut by_folder = self.by_folder.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = by_folder.get(folder) {
            return known.clone();
        }
        let file = folder.join(".gitignore");
        let rules = file.is_file().then(|| {
            let mut builder = GitignoreBuilder::new(folder);
            let _ = builder.add(file);
            Arc::new(builder.build().unwrap_or_else(|_| Gitignore::empty()))
        });
        by_folder.insert(folder.to_path_buf(), rules.clone());
        rules
    }
}

/// Git takes an open bracket as it is; whoever types one on a command line has made a mistake.
fn strict(root: &Path) -> GitignoreBuilder {
    let mut builder = GitignoreBuilder::new(root);
    builder.allow_unclosed_class(false);
    builder
}

/// Checks the patterns of `--exclude`.
///
/// # Errors
///
/// Names the pattern that is none.
pub(crate) fn check(patterns: &[String]) -> Result<(), Fault> {
    let mut builder = strict(Path::new(""));
    for pattern in patterns {
        let checked = builder.add_line(None, pattern).map(|_| ()).and_then(|()| builder.build().map(|_| ()));
        if checked.is_err() {
            return Err(Fault::new(
                format!("--exclude {}", crate::text::escape(pattern.as_bytes())),
                "this is no pattern in the syntax of .gitignore",
                "close its brackets and braces, or escape them with a backslash",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_patterns_are_named() {
        assert!(check(&["*.min.js".into(), "/dist".into()]).is_ok());
        let fault = check(&["a[".into()]).expect_err("the bracket is open");
        assert!(fault.to_string().starts_with("--exclude a["));
    }
}
