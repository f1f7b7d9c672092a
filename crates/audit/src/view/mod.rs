//! [`View`]: what a process sees: which files at which paths, which variables, and as whom it reads.
//!
//! ```text
//! here.rs          this process                    root.rs      a folder as `/`, a user, variables from a file
//! bubblewrap.rs    the arguments of bwrap          process.rs   the namespaces of a running process
//! devcontainer.rs  a devcontainer.json             mounts.rs    paths inside -> paths of this machine; links end inside
//!                                                  folder.rs    folders of this machine, and what is opened beside them
//! ```

mod access;
mod bubblewrap;
mod devcontainer;
mod error;
mod folder;
mod here;
mod mounts;
mod process;
mod root;

use std::path::{Path, PathBuf};

pub use access::Reader;
pub use error::ViewError;
use mounts::Origin;
pub(crate) use mounts::{EntryKind, Miss, Spot, mode};

use crate::secret::Value;
use mounts::Mounts;

/// What a process sees.
pub struct View {
    mounts: Mounts,
    reader: Option<Reader>,
    variables: Vec<Variable>,
    home: Option<PathBuf>,
    folder: Option<PathBuf>,
    own_process: Option<u32>,
    notes: Vec<(&'static str, String)>,
}

/// A variable of the environment. Its value is wiped when it is dropped, and has no `Debug`.
pub struct Variable {
    pub(crate) name: Vec<u8>,
    pub(crate) value: Value,
}

impl View {
    /// An empty view: no files, no variables.
    fn empty() -> View {
        View {
            mounts: Mounts::default(),
            reader: None,
            variables: Vec::new(),
            home: None,
            folder: None,
            own_process: None,
            notes: Vec::new(),
        }
    }

    /// Puts a folder or file of this machine at a path inside; what stood there or below is hidden.
    pub fn mount(&mut self, from: &Path, at: &Path) -> &mut View {
        self.mounts.push(at, Origin::Host(from.to_path_buf()));
        self
    }

    /// Reads as this user: what its permission bits do not allow is not read.
    pub fn reader(&mut self, reader: Reader) -> &mut View {
        self.reader = Some(reader);
        self
    }

    /// The home of the user, inside.
    pub fn home(&mut self, home: &Path) -> &mut View {
        self.home = Some(home.to_path_buf());
        self
    }

    /// The folder of the project, inside.
    pub fn folder(&mut self, folder: &Path) -> &mut View {
        self.folder = Some(folder.to_path_buf());
        self
    }

    /// Forgets the variables and takes those that `text` names, one `NAME=value` per line, as `docker run --env-file` reads it.
    pub fn variables_from(&mut self, text: &[u8]) -> &mut View {
        self.variables = root::variables(text);
        self
    }

    /// The home, inside.
    pub fn home_folder(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The folder of the project, inside.
    pub fn project_folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// What about the view is not known, each a stable word and a clause: it was not examined.
    pub fn notes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.notes.iter().map(|(reason, what)| (*reason, what.as_str()))
    }

    pub(crate) fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The value of a variable.
    pub(crate) fn variable(&self, name: &str) -> Option<&[u8]> {
        self.variables.iter().rev().find(|v| v.name == name.as_bytes()).map(|v| v.value.expose())
    }

    /// The process that audits, where it is part of the view: its environment is that of the view.
    pub(crate) fn own_process(&self) -> Option<u32> {
        self.own_process
    }

    fn set(&mut self, name: &[u8], value: &[u8]) {
        self.unset(name);
        self.variables.push(Variable { name: name.to_vec(), value: Value::new(value) });
    }

    fn unset(&mut self, name: &[u8]) {
        self.variables.retain(|v| v.name != name);
    }

    fn note(&mut self, reason: &'static str, what: impl Into<String>) {
        self.notes.push((reason, what.into()));
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "View({} mounts, {} variables)", self.mounts.len(), self.variables.len())
    }
}
