//! [`replace`]: a file that is, at every moment, either the old one or the new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What is about to be done, or has just been done, on the way to a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing has been done.
    Begin,
    /// A new file is there beside the old one, and empty.
    Created,
    /// Half of it is written.
    Torn,
    /// All of it is written.
    Written,
    /// It is on the disk.
    Synced,
    /// It has the name of the old one.
    Renamed,
    /// So it has on the disk.
    Done,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Step; 7] =
        [Step::Begin, Step::Created, Step::Torn, Step::Written, Step::Synced, Step::Renamed, Step::Done];
}

/// Replaces the file at `path` by `bytes`, readable by its owner alone. `hook` is asked at every step; what it fails with is what the disk would
/// have failed with there.
///
/// A symbolic link is followed, so that what it points to is replaced and not the link.
///
/// # Errors
///
/// Those of the file system, and of the hook. Up to and including [`Step::Synced`] the old file is as it was; after it the new one stands in its place.
pub fn replace(path: &Path, bytes: &[u8], hook: &mut dyn FnMut(Step) -> io::Result<()>) -> io::Result<()> {
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    hook(Step::Begin)?;
    let (mut file, temporary) = create_beside(&real)?;
    let mut new = || {
        hook(Step::Created)?;
        let (first, second) = bytes.split_at(bytes.len() / 2);
        file.write_all(first)?;
        hook(Step::Torn)?;
        file.write_all(second)?;
        hook(Step::Written)?;
        file.sync_all()?;
        hook(Step::Synced)?;
        std::fs::rename(&temporary, &real)
    };
    if let Err(error) = new() {
        // If it cannot be removed either, it lies there under a name that nothing reads.
        let _ = std::fs::remove_file(&temporary);
        return Err(error);
    }
    hook(Step::Renamed)?;
    sync_folder(&real)?;
    hook(Step::Done)
}

/// A new, empty file beside `path` that only its owner can read.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for _ in 0..16 {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| io::Error::other("there are no random numbers"))?;
        let temporary = folder.join(format!(".exfilter-{:016x}.tmp", u64::from_le_bytes(random)));
        match options.open(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("no name for a new file is free"))
}

/// Writes the folder's names to the disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
