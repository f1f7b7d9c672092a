//! [`Mounts`]: paths inside a view to paths of this machine.
//!
//! Symbolic links are followed by hand, so that an absolute one ends inside the view and not on this machine, and a bounded number of times.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::View;
use super::folder::{self, Folder};
use crate::report::Exposure;

/// Links followed on the way to one file, as the kernel has it.
const MAX_LINKS: usize = 40;

/// Where what stands at a path comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This machine.
    Host(PathBuf),
    /// A symbolic link that the view's maker puts there.
    Link(PathBuf),
    /// An empty file system, or one that is not looked into.
    Nothing,
}

/// The mounts in the order in which they were made: a later one hides what an earlier one put at its path or below.
#[derive(Default)]
pub(super) struct Mounts {
    list: Vec<(PathBuf, Origin)>,
}

impl Mounts {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn push(&mut self, at: &Path, origin: Origin) {
        let at = plain(at);
        self.list.retain(|(old, _)| !old.starts_with(&at));
        self.list.push((at, origin));
    }

    /// Where what stands at `inside` comes from.
    fn origin(&self, inside: &Path) -> Origin {
        let mount = self
            .list
            .iter()
            .filter(|(at, _)| inside.starts_with(at))
            .max_by_key(|(at, _)| at.as_os_str().len());
        match mount {
            Some((at, Origin::Host(host))) => {
                let rest = inside.strip_prefix(at).expect("the mount is a prefix");
                Origin::Host(if rest.as_os_str().is_empty() { host.clone() } else { host.join(rest) })
            }
            Some((at, Origin::Link(target))) if at == inside => Origin::Link(target.clone()),
            _ => Origin::Nothing,
        }
    }

    /// Whether a path of this machine is what a mount puts somewhere: whoever made the mount meant where it leads.
    fn is_source(&self, host: &Path) -> bool {
        self.list.iter().any(|(_, origin)| matches!(origin, Origin::Host(source) if source == host))
    }

    /// Names directly in `folder` at or above mounts.
    fn names_in(&self, folder: &Path) -> BTreeSet<OsString> {
        self.list
            .iter()
            .filter_map(|(at, _)| at.strip_prefix(folder).ok()?.components().next())
            .map(|first| first.as_os_str().to_owned())
            .collect()
    }
}

/// A path without `.`, `..` and repetitions, absolute.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::ParentDir => {
                out.pop();
            }
            _ => {}
        }
    }
    out
}

/// A file or folder of a view.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    /// Its path inside, without links.
    pub(crate) inside: PathBuf,
    /// Its path on this machine; none for folders that only mounts make.
    host: Option<Host>,
    /// The folder of this machine that lists it, if it is open.
    beside: Option<Folder>,
}

/// A path of this machine.
#[derive(Clone, Debug)]
enum Host {
    /// The same as inside, as nearly all are where somebody looks at an own home.
    Same,
    At(PathBuf),
}

impl Spot {
    /// Its path on this machine; none for folders that only mounts make.
    pub(crate) fn host(&self) -> Option<&Path> {
        match self.host.as_ref()? {
            Host::Same => Some(&self.inside),
            Host::At(path) => Some(path),
        }
    }

    /// Lets go of its folder: it will be opened by its path.
    pub(crate) fn alone(mut self) -> Spot {
        self.beside = None;
        self
    }
}

/// Why a path leads nowhere.
#[derive(Debug)]
pub(crate) enum Miss {
    /// Nothing stands there.
    Absent,
    /// The user of the view cannot read it.
    Closed,
    /// The user of the view can, and whoever runs the audit cannot.
    ClosedHere,
    /// It is no regular file.
    Special,
    /// The system says otherwise.
    Error(io::Error),
}

impl Miss {
    fn of(error: io::Error, other_reader: bool) -> Miss {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Miss::Absent,
            io::ErrorKind::PermissionDenied if other_reader => Miss::ClosedHere,
            io::ErrorKind::PermissionDenied => Miss::Closed,
            _ => Miss::Error(error),
        }
    }
}

/// One entry of a folder.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a OsStr,
    pub(crate) kind: EntryKind,
    /// The folder of this machine that lists it; none for what a mount puts there.
    beside: Option<&'a Folder>,
}

/// What an entry is, as far as the folder tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Folder,
    File,
    Link,
    Special,
}

impl EntryKind {
    fn of(kind: fs::FileType) -> EntryKind {
        if kind.is_dir() {
            EntryKind::Folder
        } else if kind.is_file() {
            EntryKind::File
        } else if kind.is_symlink() {
            EntryKind::Link
        } else {
            EntryKind::Special
        }
    }
}

impl View {
    fn miss(&self, error: io::Error) -> Miss {
        Miss::of(error, self.reader.is_some())
    }

    /// Follows a path inside to what it leads to.
    pub(crate) fn locate(&self, path: &Path) -> Result<Spot, Miss> {
        let mut rest: VecDeque<OsString> = parts(path);
        let mut at = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = rest.pop_front() {
            if part == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&part);
            let target = match self.mounts.origin(&next) {
                Origin::Nothing if self.mounts.names_in(&next).is_empty() => return Err(Miss::Absent),
                Origin::Nothing => None,
                Origin::Link(target) => Some(target),
                Origin::Host(host) => {
                    let meta = fs::symlink_metadata(&host).map_err(|error| self.miss(error))?;
                    if meta.is_symlink() {
                        Some(fs::read_link(&host).map_err(|error| self.miss(error))?)
                    } else {
                        let enters = self.reader.as_ref().is_none_or(|reader| reader.may_enter(&meta));
                        if meta.is_dir() && !rest.is_empty() && !enters {
                            return Err(Miss::Closed);
                        }
                        None
                    }
                }
            };
            match target {
                None => at = next,
                Some(target) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Miss::Absent);
                    }
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    for part in parts(&target).into_iter().rev() {
                        rest.push_front(part);
                    }
                }
            }
        }
        Ok(self.spot(at))
    }

    /// The path inside, which holds no links, with where it is on this machine.
    fn spot(&self, inside: PathBuf) -> Spot {
        let host = match self.mounts.origin(&inside) {
            Origin::Host(host) if host == inside => Some(Host::Same),
            Origin::Host(host) => Some(Host::At(host)),
            _ => None,
        };
        Spot { inside, host, beside: None }
    }

    /// The entry `name` of a folder that was located before; nothing is followed.
    pub(crate) fn child(&self, folder: &Path, name: &OsStr) -> Spot {
        self.spot(folder.join(name))
    }

    /// The same of an entry that was listed: it will be opened beside its folder.
    pub(crate) fn listed(&self, folder: &Spot, entry: &Entry<'_>) -> Spot {
        match (entry.beside, &folder.host) {
            (Some(beside), Some(host)) => Spot {
                inside: folder.inside.join(entry.name),
                host: Some(match host {
                    Host::Same => Host::Same,
                    Host::At(host) => Host::At(host.join(entry.name)),
                }),
                beside: Some(beside.clone()),
            },
            _ => self.child(&folder.inside, entry.name),
        }
    }

    /// Opens a located file for reading without ever waiting: it is opened without blocking, without following, and looked at again.
    pub(crate) fn open(&self, spot: &Spot) -> Result<(File, Metadata), Miss> {
        let file = self.open_listed(spot)?;
        let meta = file.metadata().map_err(Miss::Error)?;
        if meta.is_file() { Ok((file, meta)) } else { Err(Miss::Special) }
    }

    /// The same of what was listed as a regular file just now, which is not looked at again: what took its place meanwhile gives an error or
    /// nothing when it is read, or more than a small file has, and then it is to be looked at.
    pub(crate) fn open_listed(&self, spot: &Spot) -> Result<File, Miss> {
        let Some(host) = spot.host() else { return Err(Miss::Special) };
        if let Some(reader) = &self.reader {
            // Whoever runs the audit may not read what the user of the view may, and the other way round.
            let meta = fs::symlink_metadata(host).map_err(|error| self.miss(error))?;
            if !reader.may_read(&meta) {
                return Err(Miss::Closed);
            }
        }
        let opened = match (&spot.beside, host.file_name()) {
            (Some(folder), Some(name)) => folder.file(name),
            _ => folder::file(host),
        };
        opened.map_err(|error| {
            #[cfg(unix)]
            if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
                || error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error())
            {
                return Miss::Special;
            }
            self.miss(error)
        })
    }

    /// Gives every entry of a located folder to `take`, those that mounts put there included.
    pub(crate) fn list(&self, folder: &Spot, take: &mut dyn FnMut(Entry<'_>)) -> Result<(), Miss> {
        let mounted = self.mounts.names_in(&folder.inside);
        for name in &mounted {
            let inside = folder.inside.join(name);
            let kind = match self.mounts.origin(&inside) {
                Origin::Host(host) => match fs::symlink_metadata(&host) {
                    Ok(meta) => EntryKind::of(meta.file_type()),
                    Err(_) => continue,
                },
                Origin::Link(_) => EntryKind::Link,
                Origin::Nothing => EntryKind::Folder,
            };
            take(Entry { name, kind, beside: None });
        }
        let Some(host) = folder.host() else { return Ok(()) };
        if let Some(reader) = &self.reader {
            let meta = fs::metadata(host).map_err(|error| self.miss(error))?;
            if !reader.may_read(&meta) || !reader.may_enter(&meta) {
                return Err(Miss::Closed);
            }
        }
        let folder = Folder::open(host, self.mounts.is_source(host)).map_err(|error| self.miss(error))?;
        folder
            .list(&mut |name, kind| {
                if !mounted.contains(name) {
                    take(Entry { name, kind, beside: Some(&folder) });
                }
            })
            .map_err(Miss::Error)
    }

    /// Whether a located socket can be connected to, as far as permission bits tell. Nothing is dialled.
    pub(crate) fn may_use(&self, spot: &Spot) -> bool {
        let Some(host) = spot.host() else { return false };
        match &self.reader {
            Some(reader) => fs::metadata(host).is_ok_and(|meta| reader.may_write(&meta)),
            None => writable(host),
        }
    }

    /// Who else can read a file: its own bits count only where every folder on the way lets others pass.
    pub(crate) fn exposure(&self, inside: &Path, meta: &Metadata) -> Exposure {
        let Some(bits) = mode(meta) else { return Exposure::Owner };
        let mut exposure = match bits {
            bits if bits & 0o004 != 0 => Exposure::All,
            bits if bits & 0o040 != 0 => Exposure::Group,
            _ => return Exposure::Owner,
        };
        for folder in inside.ancestors().skip(1) {
            let Origin::Host(host) = self.mounts.origin(folder) else { continue };
            let Some(bits) = fs::metadata(host).ok().and_then(|meta| mode(&meta)) else { continue };
            let passes = match bits {
                bits if bits & 0o001 != 0 => Exposure::All,
                bits if bits & 0o010 != 0 => Exposure::Group,
                _ => Exposure::Owner,
            };
            exposure = exposure.min(passes);
        }
        exposure
    }
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}

/// Permission bits, where the system has them.
#[cfg(unix)]
pub(crate) fn mode(meta: &Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    Some(meta.mode() & 0o7777)
}

/// Permission bits, where the system has them.
#[cfg(not(unix))]
pub(crate) fn mode(_meta: &Metadata) -> Option<u32> {
    None
}

#[cfg(unix)]
fn writable(path: &Path) -> bool {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}

#[cfg(not(unix))]
fn writable(path: &Path) -> bool {
    path.exists()
}
