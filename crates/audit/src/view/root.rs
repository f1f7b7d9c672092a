//! A folder as `/`: an unpacked image, a chroot, a virtual machine's disk; and variables from a file.

use std::path::Path;

use super::mounts::Origin;
use super::{Variable, View, ViewError};
use crate::secret::Value;

impl View {
    /// What a process sees whose `/` is `folder`: no variables, the home of `user` as that folder's `/etc/passwd` has it. Without a user,
    /// it reads whatever this process can.
    ///
    /// # Errors
    ///
    /// If `folder` is none.
    pub fn of_root(folder: &Path, user: Option<u32>) -> Result<View, ViewError> {
        if !folder.is_dir() {
            return Err(ViewError::new("the root is not a folder that can be read"));
        }
        let mut view = View::empty();
        view.mounts.push(Path::new("/"), Origin::Host(folder.to_path_buf()));
        #[cfg(unix)]
        let user = user.unwrap_or_else(|| rustix::process::geteuid().as_raw());
        #[cfg(not(unix))]
        let user = user.unwrap_or(0);
        view.home = view.home_of(user);
        Ok(view)
    }

    /// A view without any file, to be mounted into.
    pub fn of_nothing() -> View {
        View::empty()
    }

    /// The home of a user by the view's own `/etc/passwd`.
    pub(super) fn home_of(&self, user: u32) -> Option<std::path::PathBuf> {
        /// The longest file that is read for it.
        const LONGEST: u64 = 1 << 20;
        let spot = self.locate(Path::new("/etc/passwd")).ok()?;
        let (file, _) = self.open(&spot).ok()?;
        let mut text = String::new();
        std::io::Read::read_to_string(&mut std::io::Read::take(file, LONGEST), &mut text).ok()?;
        text.lines().find_map(|line| {
            let parts: Vec<&str> = line.split(':').collect();
            (parts.len() >= 6 && parts[2].parse() == Ok(user)).then(|| parts[5].into())
        })
    }
}

/// The variables of a file: `NAME=value` per line, nothing quoted, `#` begins a comment.
pub(super) fn variables(text: &[u8]) -> Vec<Variable> {
    let mut variables: Vec<Variable> = Vec::new();
    for line in text.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii_start().starts_with(b"#") {
            continue;
        }
        let Some(equals) = memchr::memchr(b'=', line) else { continue };
        let name = line[..equals].trim_ascii().to_vec();
        variables.retain(|v| v.name != name);
        variables.push(Variable { name, value: Value::new(&line[equals + 1..]) });
    }
    variables
}
