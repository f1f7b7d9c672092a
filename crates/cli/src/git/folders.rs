//! Where the objects of a repository are: its own folder, those that it borrows from, and the packs in them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::repo::{Repo, path_of};
use crate::scan::file;

/// How far folders borrow from folders, as in git.
const DEPTH: usize = 5;

/// More folders than these are git's affair.
const FOLDERS: usize = 64;

/// The longest list of folders that is read, in bytes.
const LIST: u64 = 1 << 20;

/// The folders of objects that are found; git knows of the rest. None if it does not say where they are.
pub(super) fn of(repo: &Repo) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let args = ["rev-parse", "--path-format=absolute", "--git-path", "objects"];
    let Ok(own) = repo.line(&args) else { return folders };
    add(path_of(&own), DEPTH, &mut folders);
    let borrowed = repo.variable("GIT_ALTERNATE_OBJECT_DIRECTORIES").unwrap_or_default();
    for folder in std::env::split_paths(&borrowed) {
        // A relative one is relative to where git runs; a quoted one is not understood here.
        if folder.is_absolute() {
            add(folder, DEPTH, &mut folders);
        }
    }
    folders
}

/// Packs of a folder that have an index, largest first.
pub(super) fn packs(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder.join("pack")) else { return Vec::new() };
    let packs = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let path = entry.path();
        (path.extension() == Some(OsStr::new("pack"))).then_some(())?;
        Some((entry.metadata().ok()?.len(), path))
    });
    let mut packs: Vec<_> = packs.collect();
    packs.sort_by(|a, b| b.cmp(a));
    packs.into_iter().map(|(_, path)| path).collect()
}

fn add(folder: PathBuf, depth: usize, folders: &mut Vec<PathBuf>) {
    if folders.contains(&folder) || folders.len() >= FOLDERS {
        return;
    }
    let mut list = Vec::new();
    if let Ok(file) = file::open(&folder.join("info/alternates"), true) {
        read(file, &mut list);
    }
    let from = folder.clone();
    folders.push(folder);
    for line in list.split(|byte| *byte == b'\n') {
        // A line in quotes is one with escapes.
        if depth > 0 && !line.is_empty() && !matches!(line[0], b'#' | b'"') {
            add(from.join(path_of(line)), depth - 1, folders);
        }
    }
}

/// A short file; nothing of one that is too long or cannot be read.
fn read(file: File, into: &mut Vec<u8>) {
    let whole = file.take(LIST + 1).read_to_end(into);
    if whole.is_err() || into.len() as u64 > LIST {
        into.clear();
    }
}
