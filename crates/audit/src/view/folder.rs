//! [`Folder`]: a folder of this machine that is open: what it lists is opened beside it, whatever happens to the way there, and without going that way again.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use super::mounts::EntryKind;

#[cfg(unix)]
pub(crate) use unix::{Folder, file};

#[cfg(unix)]
mod unix {
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::ffi::OsStrExt as _;
    use std::sync::Arc;

    use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};
    use rustix::io::retry_on_intr;
    use rustix::path::Arg;

    use super::{EntryKind, File, OsStr, Path, io};

    /// An open folder.
    #[derive(Clone, Debug)]
    pub(crate) struct Folder(Arc<OwnedFd>);

    impl Folder {
        /// Opens a folder; `follow` says that its path may be a link, as those of mounts are.
        pub(crate) fn open(path: &Path, follow: bool) -> io::Result<Folder> {
            let mut flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            flags.set(OFlags::NOFOLLOW, !follow);
            Ok(Folder(Arc::new(openat(CWD, path, flags, Mode::empty())?)))
        }

        /// Gives every entry to `take`, in the order of the file system.
        pub(crate) fn list(&self, take: &mut dyn FnMut(&OsStr, EntryKind)) -> io::Result<()> {
            for entry in Dir::read_from(&self.0)? {
                let entry = entry?;
                let name = entry.file_name();
                if matches!(name.to_bytes(), b"." | b"..") {
                    continue;
                }
                let kind = match entry.file_type() {
                    // Not all file systems tell.
                    FileType::Unknown => statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)
                        .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
                    kind => kind,
                };
                let kind = match kind {
                    FileType::RegularFile => EntryKind::File,
                    FileType::Directory => EntryKind::Folder,
                    FileType::Symlink => EntryKind::Link,
                    // What the system does not know is nothing to be opened, and is told of.
                    _ => EntryKind::Special,
                };
                take(OsStr::from_bytes(name.to_bytes()), kind);
            }
            Ok(())
        }

        /// Opens an entry for reading, without waiting or following.
        pub(crate) fn file(&self, name: &OsStr) -> io::Result<File> {
            file_at(&*self.0, name)
        }
    }

    /// Opens a file by its path for reading, without waiting or following.
    pub(crate) fn file(path: &Path) -> io::Result<File> {
        file_at(CWD, path)
    }

    fn file_at(folder: impl AsFd, path: impl Arg + Copy) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(File::from(retry_on_intr(|| openat(folder.as_fd(), path, flags, Mode::empty()))?))
    }
}

#[cfg(not(unix))]
pub(crate) use other::{Folder, file};

#[cfg(not(unix))]
mod other {
    use std::path::PathBuf;

    use super::{EntryKind, File, OsStr, Path, io};

    /// A folder, by its path.
    #[derive(Clone, Debug)]
    pub(crate) struct Folder(PathBuf);

    impl Folder {
        /// A folder; links are followed.
        pub(crate) fn open(path: &Path, _follow: bool) -> io::Result<Folder> {
            Ok(Folder(path.to_path_buf()))
        }

        /// Gives every entry to `take`, in the order of the file system.
        pub(crate) fn list(&self, take: &mut dyn FnMut(&OsStr, EntryKind)) -> io::Result<()> {
            for entry in std::fs::read_dir(&self.0)? {
                let entry = entry?;
                take(&entry.file_name(), entry.file_type().map_or(EntryKind::Special, EntryKind::of));
            }
            Ok(())
        }

        /// Opens an entry for reading.
        pub(crate) fn file(&self, name: &OsStr) -> io::Result<File> {
            file(&self.0.join(name))
        }
    }

    /// Opens a file by its path for reading.
    pub(crate) fn file(path: &Path) -> io::Result<File> {
        File::open(path)
    }
}
