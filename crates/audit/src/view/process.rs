//! The view of a running process: its mounts through `/proc/PID/root`, its variables, its user.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::mounts::Origin;
use super::{Reader, Variable, View, ViewError};
use crate::secret::Value;

/// The longest environment that is read, in bytes: the kernel's own limit of arguments and environment is 6 MiB.
const LONGEST: u64 = 8 << 20;

impl View {
    /// What the process `pid` of this machine sees.
    ///
    /// # Errors
    ///
    /// If there is none, or if its root may not be looked into: that takes the rights of a debugger.
    pub fn of_process(pid: u32) -> Result<View, ViewError> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        if !folder.is_dir() {
            return Err(ViewError::new(format!("there is no process {pid}")));
        }
        let root = folder.join("root");
        if fs::read_dir(&root).is_err() {
            return Err(ViewError::new(format!(
                "the root of process {pid} cannot be read; run as its user, or as root"
            )));
        }
        let mut view = View::empty();
        view.mounts.push(Path::new("/"), Origin::Host(root));
        match environ(&folder.join("environ")) {
            Ok(variables) => view.variables = variables,
            Err(_) => {
                view.note("environment-closed", format!("the environment of process {pid} cannot be read"))
            }
        }
        let status = fs::read_to_string(folder.join("status"))
            .map_err(|_| ViewError::new(format!("the status of process {pid} cannot be read")))?;
        let numbers = |field: &str| -> Vec<u32> {
            let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("");
            line.split_ascii_whitespace().filter_map(|n| n.parse().ok()).collect()
        };
        // Real, effective, saved, file system: the last one is who reads.
        let user = numbers("Uid:").last().copied();
        let user = user.ok_or_else(|| ViewError::new(format!("process {pid} has no user")))?;
        let mut groups = numbers("Groups:");
        groups.extend(numbers("Gid:"));
        view.reader = Some(Reader::new(user, groups));
        view.folder = fs::read_link(folder.join("cwd")).ok();
        view.home = view
            .variable("HOME")
            .map(|home| PathBuf::from(String::from_utf8_lossy(home).into_owned()))
            .or_else(|| view.home_of(user));
        Ok(view)
    }
}

fn environ(path: &Path) -> std::io::Result<Vec<Variable>> {
    let mut text = Zeroizing::new(Vec::new());
    File::open(path)?.take(LONGEST).read_to_end(&mut text)?;
    Ok(text
        .split(|b| *b == 0)
        .filter_map(|pair| {
            let equals = memchr::memchr(b'=', pair)?;
            Some(Variable { name: pair[..equals].to_vec(), value: Value::new(&pair[equals + 1..]) })
        })
        .collect())
}
