//! The view that the arguments of bubblewrap make (`man bwrap`).

use std::path::Path;

use super::mounts::Origin;
use super::{View, ViewError, here};

/// Arguments that are read; a longer list is no command line.
const MAX_ARGUMENTS: usize = 100_000;

impl View {
    /// What a process sees that bubblewrap starts with these arguments, the environment of this process being its own unless they say
    /// otherwise. `text` is a command line with shell quotes, or arguments each ended by a NUL, as `--args` reads them; the name of the
    /// program may stand in front.
    ///
    /// # Errors
    ///
    /// If an option lacks a value, or quotes are open.
    pub fn of_bubblewrap(text: &[u8]) -> Result<View, ViewError> {
        let arguments = split(text)?;
        let mut view = View::empty();
        view.variables = here::variables();
        view.folder = std::env::current_dir().ok();
        let mut arguments = arguments.iter().map(Vec::as_slice).peekable();
        if arguments.peek().is_some_and(|first| !first.starts_with(b"-")) {
            arguments.next();
        }
        let mut lower: Option<Vec<u8>> = None;
        while let Some(option) = arguments.next() {
            if !option.starts_with(b"--") || option == b"--" {
                break;
            }
            let mut next =
                || arguments.next().ok_or_else(|| ViewError::new(format!("{} lacks a value", shown(option))));
            match option {
                b"--bind" | b"--ro-bind" | b"--dev-bind" | b"--bind-try" | b"--ro-bind-try"
                | b"--dev-bind-try" => {
                    let (from, at) = (path(next()?), path(next()?));
                    if option.ends_with(b"-try") && !from.exists() {
                        continue;
                    }
                    view.mounts.push(&at, Origin::Host(from));
                }
                b"--tmpfs" | b"--dev" | b"--mqueue" | b"--dir" => {
                    let at = path(next()?);
                    // An empty folder hides nothing of what was bound there before; an empty file system does.
                    if option != b"--dir" {
                        view.mounts.push(&at, Origin::Nothing);
                    }
                }
                b"--proc" => {
                    let at = path(next()?);
                    view.mounts.push(&at, Origin::Host("/proc".into()));
                }
                b"--unshare-pid" | b"--unshare-all" => {
                    view.note(
                        "unshared-processes",
                        "the sandbox has processes of its own; those of this machine were not read",
                    );
                }
                b"--symlink" => {
                    let (target, at) = (path(next()?), path(next()?));
                    view.mounts.push(&at, Origin::Link(target));
                }
                b"--setenv" => {
                    let (name, value) = (next()?.to_vec(), next()?);
                    view.set(&name, value);
                }
                b"--unsetenv" => {
                    let name = next()?;
                    view.unset(name);
                }
                b"--clearenv" => view.variables.clear(),
                b"--chdir" => view.folder = Some(path(next()?)),
                b"--file" | b"--bind-data" | b"--ro-bind-data" => {
                    next()?;
                    let at = path(next()?);
                    view.mounts.push(&at, Origin::Nothing);
                    view.note(
                        "file-descriptor",
                        "a file that bubblewrap reads from a file descriptor was not read",
                    );
                }
                b"--args" => {
                    next()?;
                    view.note(
                        "file-descriptor",
                        "arguments that bubblewrap reads from a file descriptor are not known",
                    );
                }
                b"--overlay-src" => lower = Some(next()?.to_vec()),
                b"--overlay" | b"--tmp-overlay" | b"--ro-overlay" => {
                    let upper =
                        if option == b"--overlay" { Some((next()?.to_vec(), next()?).0) } else { None };
                    let at = path(next()?);
                    if let Some(from) = upper.or_else(|| lower.clone()) {
                        view.mounts.push(&at, Origin::Host(path(&from)));
                    }
                    view.note("overlay", "of an overlay only the uppermost layer was read");
                }
                b"--uid" | b"--gid" | b"--hostname" | b"--lock-file" | b"--sync-fd" | b"--seccomp"
                | b"--add-seccomp-fd" | b"--userns" | b"--userns2" | b"--pidns" | b"--block-fd"
                | b"--userns-block-fd" | b"--info-fd" | b"--json-status-fd" | b"--exec-label"
                | b"--file-label" | b"--cap-add" | b"--cap-drop" | b"--argv0" | b"--perms" | b"--size"
                | b"--remount-ro" => {
                    next()?;
                }
                b"--chmod" => {
                    next()?;
                    next()?;
                }
                // What is left takes no value.
                _ => {}
            }
        }
        if view.notes.iter().any(|(reason, _)| *reason == "unshared-processes") {
            view.mounts.push(Path::new("/proc"), Origin::Nothing);
        }
        view.home = view.variable("HOME").map(path);
        Ok(view)
    }
}

/// Arguments by NULs, or by the quotes of a shell.
fn split(text: &[u8]) -> Result<Vec<Vec<u8>>, ViewError> {
    let arguments: Vec<Vec<u8>> = if text.contains(&0) {
        text.split(|b| *b == 0).filter(|a| !a.is_empty()).map(<[u8]>::to_vec).collect()
    } else {
        // A line that goes on behind a backslash is one line.
        let text = text
            .split(|b| *b == b'\n')
            .map(|line| line.strip_suffix(b"\\").unwrap_or(line))
            .collect::<Vec<_>>()
            .join(&b' ');
        let mut words = shlex::bytes::Shlex::new(&text);
        let list = words.by_ref().take(MAX_ARGUMENTS + 1).collect();
        if words.had_error {
            return Err(ViewError::new("the command line has an open quote"));
        }
        list
    };
    if arguments.len() > MAX_ARGUMENTS {
        return Err(ViewError::new("the command line has too many arguments"));
    }
    Ok(arguments)
}

fn path(bytes: &[u8]) -> std::path::PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// An option's own name is no content unless somebody glued a value to it.
fn shown(option: &[u8]) -> String {
    let name: String = option
        .iter()
        .take(24)
        .take_while(|b| b.is_ascii_lowercase() || **b == b'-')
        .map(|b| char::from(*b))
        .collect();
    if name.len() == option.len() { name } else { "an option".into() }
}
