//! Files that only their owner may read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::error::OsError;
use super::replace::{Step, replace};

/// Reads a file that nobody but its owner can read or write, of `longest` bytes at most; none if it is not there.
///
/// # Errors
///
/// It is no regular file, somebody else's, or its mode or its folder's lets others in.
pub fn read_private(path: &Path, longest: usize) -> Result<Option<Zeroizing<Vec<u8>>>, OsError> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits() as i32);
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink()) => {
            let _ = error;
            return Err(OsError::exposed(
                path,
                "a key must not be a symbolic link",
                "put the key itself there",
            ));
        }
        Err(error) => return Err(OsError::io(path, "opened", error)),
    };
    check(path, &file)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(longest + 1));
    let read = file.take(longest as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| OsError::io(path, "read", error))?;
    Ok(Some(bytes))
}

/// Replaces a file that nobody but its owner can read; makes its folder if there is none.
///
/// # Errors
///
/// Those of the file system, and of the hook.
pub fn write_private(
    path: &Path,
    bytes: &[u8],
    hook: &mut dyn FnMut(Step) -> io::Result<()>,
) -> Result<(), OsError> {
    make_folder(path)?;
    replace(path, bytes, hook).map_err(|error| OsError::io(path, "written", error))
}

/// Makes the folder of `path`, open to its owner alone.
pub(crate) fn make_folder(path: &Path) -> Result<(), OsError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| OsError::io(folder, "made", error))
}

#[cfg(unix)]
fn check(path: &Path, file: &File) -> Result<(), OsError> {
    use std::os::unix::fs::MetadataExt;

    let me = rustix::process::geteuid().as_raw();
    let meta = file.metadata().map_err(|error| OsError::io(path, "looked at", error))?;
    if !meta.is_file() {
        return Err(OsError::exposed(path, "the key is no regular file", "put a regular file there"));
    }
    if meta.uid() != me {
        return Err(OsError::exposed(
            path,
            "the key belongs to another user",
            "give it to the user who runs this",
        ));
    }
    if meta.mode() & 0o077 != 0 {
        return Err(OsError::exposed(
            path,
            "the key can be read or written by others",
            "chmod it to 600; if others use this machine, `exfilter secrets rotate-key` makes another one",
        ));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let meta = std::fs::metadata(folder).map_err(|error| OsError::io(folder, "looked at", error))?;
    let is_sticky = meta.mode() & 0o1000 != 0;
    if meta.mode() & 0o022 != 0 && !is_sticky {
        return Err(OsError::exposed(
            folder,
            "others can put another key into this folder",
            "chmod it to 700",
        ));
    }
    if meta.uid() != me && meta.uid() != 0 {
        return Err(OsError::exposed(
            folder,
            "the key's folder belongs to another user",
            "keep the key elsewhere",
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check(path: &Path, file: &File) -> Result<(), OsError> {
    let meta = file.metadata().map_err(|error| OsError::io(path, "looked at", error))?;
    if meta.is_file() {
        return Ok(());
    }
    Err(OsError::exposed(path, "the key is no regular file", "put a regular file there"))
}
