//! Writes a file whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::fault::Fault;
use crate::text::{escape, path_bytes};

/// Lets `render` write to `path`. A regular file is replaced when everything is on disk; a device or pipe is written to.
///
/// # Errors
///
/// Names the path and what the system said.
pub(crate) fn to_file(
    path: &Path,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Fault> {
    to_file_of("--output", "the report", path, render)
}

/// The same for another option than `--output`, and for something else than a report.
///
/// # Errors
///
/// Likewise.
pub(crate) fn to_file_of(
    option: &str,
    what: &str,
    path: &Path,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Fault> {
    write(path, render).map_err(|error| {
        Fault::new(
            format!("{option} {}", escape(path_bytes(path))),
            format!("{what} could not be written: {error}"),
            "name a file in a folder that exists and can be written to",
        )
    })
}

fn write(path: &Path, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // Renaming over a link would replace the link, over a device the device.
    let target: PathBuf = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    match fs::metadata(&target) {
        Ok(meta) if meta.is_dir() => return Err(io::Error::from(io::ErrorKind::IsADirectory)),
        Ok(meta) if !meta.is_file() => {
            let mut out = BufWriter::new(OpenOptions::new().write(true).open(&target)?);
            render(&mut out)?;
            return out.flush();
        }
        _ => {}
    }
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".exfilter-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As for any new file: the umask decides who may read it.
        let mode = fs::metadata(&target).map_or(0o666, |meta| meta.permissions().mode() & 0o777);
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    let mut temporary = builder.tempfile_in(folder)?;
    {
        let mut out = BufWriter::new(temporary.as_file_mut());
        render(&mut out)?;
        out.flush()?;
    }
    temporary.as_file().sync_all()?;
    temporary.persist(&target).map_err(|error| error.error)?;
    Ok(())
}
