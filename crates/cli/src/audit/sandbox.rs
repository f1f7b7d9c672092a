//! The view that the arguments describe.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use exfilter_audit::{Reader, View};
use zeroize::Zeroizing;

use crate::audit::args::SandboxArgs;
use crate::fault::Fault;
use crate::text::{escape, path_bytes};

/// The longest file that describes a sandbox, in bytes.
const LONGEST: u64 = 8 << 20;

/// The view of this process, or the one that the arguments describe.
///
/// # Errors
///
/// Names the option.
pub(super) fn view(args: &SandboxArgs) -> Result<View, Fault> {
    if !args.as_sandbox {
        return Ok(View::here());
    }
    let user = args.user.as_ref();
    let described = args.root.is_some()
        || args.bwrap.is_some()
        || args.devcontainer.is_some()
        || args.pid.is_some()
        || user.is_some()
        || args.env_file.is_some()
        || !args.mount.is_empty();
    if !described {
        return Err(Fault::new(
            "--as-sandbox",
            "the sandbox is not described",
            "add --root, --mount, --user, --env-file, --bwrap, --devcontainer or --pid",
        ));
    }
    let failed = |option: &str, error: exfilter_audit::ViewError| Fault::new(option, error.to_string(), "");
    let mut view = if let Some(pid) = args.pid {
        View::of_process(pid).map_err(|error| failed("--pid", error))?
    } else if let Some(file) = &args.bwrap {
        View::of_bubblewrap(&read("--bwrap", file)?).map_err(|error| failed("--bwrap", error))?
    } else {
        // With nothing but a user or variables it is this machine that they see; with mounts alone there is nothing else.
        let whole = args.mount.is_empty() && args.devcontainer.is_none();
        let root = args.root.as_deref().or(whole.then_some(Path::new("/")));
        let base = match root {
            Some(root) => {
                View::of_root(root, user.map(|user| user.user)).map_err(|error| failed("--root", error))?
            }
            None => View::of_nothing(),
        };
        match &args.devcontainer {
            Some(file) => View::of_devcontainer(&read("--devcontainer", file)?, file, base)
                .map_err(|error| failed("--devcontainer", error))?,
            None => base,
        }
    };
    for (from, at) in &args.mount {
        view.mount(from, at);
    }
    if let Some(file) = &args.env_file {
        view.variables_from(&read("--env-file", file)?);
    }
    if let Some(user) = user {
        view.reader(Reader::new(user.user, user.groups.clone()));
    }
    Ok(view)
}

fn read(option: &str, file: &Path) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let mut text = Zeroizing::new(Vec::new());
    let opened = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(LONGEST).read_to_end(&mut text)
    } else {
        File::open(file).and_then(|file| file.take(LONGEST).read_to_end(&mut text))
    };
    opened.map_err(|error| {
        let place = format!("{option} {}", escape(path_bytes(file)));
        Fault::new(place, format!("the file cannot be read: {error}"), "check the path")
    })?;
    Ok(text)
}
