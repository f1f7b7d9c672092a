//! The table of known places to the files of a view: where the home is, what variables move, what patterns stand for.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::audit::Context;
use crate::names::Masked;
use crate::place::{FILES, FOLDERS, Index, PLACES, Place, matches};
use crate::view::{EntryKind, Miss, Spot, View};

/// Entries that one pattern looks at; what is beyond is told.
const MAX_ENTRIES: usize = 200_000;
/// Folders that `**` goes down.
const MAX_DEPTH: usize = 12;

/// A file that stands where a tool keeps its credentials.
pub(crate) struct Known {
    pub(crate) spot: Spot,
    pub(crate) place: &'static Place,
}

/// The files of the view that the table knows, each once; or those of them alone in which agents keep logins.
pub(crate) fn find(context: &Context<'_>, index: &Index, logins_only: bool) -> Vec<Known> {
    let mut finder = Finder {
        view: context.view,
        seen: HashSet::new(),
        known: Vec::new(),
        closed: Vec::new(),
        full: false,
    };
    for place in PLACES.iter().filter(|place| !logins_only || place.has_logins()) {
        for path in place.paths.iter().filter(|path| !logins_only || path.starts_with("~/")) {
            for path in rooted(context.view, path) {
                finder.expand(&path, place);
            }
        }
    }
    for (variable, path) in FILES.iter().filter(|_| !logins_only) {
        let Some(value) = context.view.variable(variable) else { continue };
        let Some(place) = index.of(path.trim_start_matches("~/").as_bytes()) else { continue };
        for file in value.split(|b| *b == b':').filter(|file| !file.is_empty()) {
            finder.file(&context.view.absolute(file), place);
        }
    }
    if finder.full {
        let what =
            format!("a pattern stands for more than {MAX_ENTRIES} entries; the rest was not looked at");
        context.collector.gap(Masked::fixed("known places"), "too-many", what);
    }
    for path in &finder.closed {
        let name = context.names.mask(path.as_os_str().as_encoded_bytes());
        let what = "the audited user may read it, this one may not";
        context.collector.gap(name, "unreadable-here", what.into());
    }
    finder.known
}

/// Where a path of the table begins in this view; several where a variable moves its folder.
fn rooted(view: &View, path: &str) -> Vec<PathBuf> {
    if path.starts_with('/') {
        return vec![path.into()];
    }
    if let Some(rest) = path.strip_prefix("$XDG_RUNTIME_DIR/") {
        return view
            .variable("XDG_RUNTIME_DIR")
            .map(|folder| view.absolute(folder).join(rest))
            .into_iter()
            .collect();
    }
    let Some(rest) = path.strip_prefix("~/") else {
        return view.project_folder().map(|folder| folder.join(path)).into_iter().collect();
    };
    let mut roots: Vec<PathBuf> = view.home_folder().map(|home| home.join(rest)).into_iter().collect();
    for (variable, folder) in FOLDERS {
        if let Some(inner) = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'))
            && let Some(value) = view.variable(variable).filter(|value| !value.is_empty())
        {
            roots.push(view.absolute(value).join(inner));
        }
    }
    roots
}

impl View {
    /// A path as a variable of the view writes it.
    pub(crate) fn absolute(&self, path: &[u8]) -> PathBuf {
        let text = String::from_utf8_lossy(path);
        match (text.strip_prefix("~/"), self.home_folder(), self.project_folder()) {
            (Some(rest), Some(home), _) => home.join(rest),
            (_, _, Some(folder)) => folder.join(text.as_ref()),
            _ => Path::new("/").join(text.as_ref()),
        }
    }
}

struct Finder<'a> {
    view: &'a View,
    seen: HashSet<PathBuf>,
    known: Vec<Known>,
    /// What the user of the view may reach and whoever runs the audit may not.
    closed: Vec<PathBuf>,
    full: bool,
}

impl Finder<'_> {
    /// Finds the files that a path with patterns stands for.
    fn expand(&mut self, path: &Path, place: &'static Place) {
        let parts: Vec<String> =
            path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        let fixed = parts.iter().take_while(|part| !part.contains('*')).count();
        if fixed == parts.len() {
            return self.file(path, place);
        }
        let start: PathBuf = parts[..fixed].iter().collect();
        let Ok(spot) = self.view.locate(&start) else { return };
        let mut budget = MAX_ENTRIES;
        self.below(&spot, &parts[fixed..], place, 0, &mut budget);
        self.full |= budget == 0;
    }

    fn below(
        &mut self,
        folder: &Spot,
        parts: &[String],
        place: &'static Place,
        depth: usize,
        budget: &mut usize,
    ) {
        let Some((first, rest)) = parts.split_first() else { return };
        let deep = first == "**";
        if deep {
            // No folder at all is one way to read it.
            self.below(folder, rest, place, depth, budget);
        }
        if depth > MAX_DEPTH {
            return;
        }
        let mut names: Vec<(OsString, EntryKind)> = Vec::new();
        let listed = self.view.list(folder, &mut |entry| {
            if *budget > 0 {
                *budget -= 1;
                if deep || matches(first.as_bytes(), entry.name.as_encoded_bytes(), false) {
                    names.push((entry.name.to_owned(), entry.kind));
                }
            }
        });
        if listed.is_err() {
            return;
        }
        names.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (name, kind) in names {
            let child = self.view.child(&folder.inside, &name);
            match kind {
                EntryKind::Folder if deep => self.below(&child, parts, place, depth + 1, budget),
                EntryKind::Folder if !rest.is_empty() => self.below(&child, rest, place, depth + 1, budget),
                EntryKind::File | EntryKind::Link if rest.is_empty() && !deep => {
                    self.file(&child.inside, place)
                }
                EntryKind::Link if !rest.is_empty() && !deep => {
                    if let Ok(spot) = self.view.locate(&child.inside) {
                        self.below(&spot, rest, place, depth + 1, budget);
                    }
                }
                _ => {}
            }
        }
    }

    fn file(&mut self, path: &Path, place: &'static Place) {
        match self.view.locate(path) {
            Ok(spot) => {
                let is_file = spot
                    .host()
                    .is_some_and(|host| std::fs::symlink_metadata(host).is_ok_and(|meta| !meta.is_dir()));
                if is_file && self.seen.insert(spot.inside.clone()) {
                    self.known.push(Known { spot, place });
                }
            }
            Err(Miss::ClosedHere) => {
                if self.seen.insert(path.to_path_buf()) {
                    self.closed.push(path.to_path_buf());
                }
            }
            Err(_) => {}
        }
    }
}
