//! Puts hooks into a repository, or into the folder of all repositories of a user, and takes them away again.
//!
//! A hook that is there already moves to `NAME.before-exfilter` and runs after ours, with the same arguments and input. A folder for all repositories
//! (core.hooksPath) replaces each one's own hooks, so there every hook of git hands on to the repository's.

use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::exit;
use crate::fault::Fault;
use crate::git::repo::{Repo, path_of};
use crate::hook::args::{HookName, InstallArgs};
use crate::term::Term;
use crate::text::{escape, path_bytes};

/// The line by which our hooks are known.
const MARK: &str = "# Put here by `exfilter hook install`; `exfilter hook uninstall` takes it away.";

/// What follows the name of a hook that was there before.
const BEFORE: &str = ".before-exfilter";

/// The hooks of git that a repository may have, those of ours apart, and those that change what git does by being there.
const OTHERS: [&str; 18] = [
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "update",
    "post-receive",
    "post-update",
    "reference-transaction",
    "pre-auto-gc",
    "post-rewrite",
    "sendemail-validate",
    "post-index-change",
];

/// Puts hooks where they are asked for.
///
/// # Errors
///
/// When there is no repository, or a file cannot be written.
pub(super) fn install(args: &InstallArgs, term: &Term) -> Result<u8, Fault> {
    let (dir, hands_on) = if args.global { global_dir()? } else { (repo_dir()?, false) };
    fs::create_dir_all(&dir).map_err(|error| fault(&dir, "the folder cannot be made", &error))?;
    for hook in &args.hook {
        put(&dir, hook.as_str(), &check_script(*hook, hands_on)?)?;
    }
    if hands_on {
        let ours = |name: &&str| !args.hook.iter().any(|hook| hook.as_str() == *name);
        let rest = HookName::ALL.map(HookName::as_str);
        for name in OTHERS.iter().copied().chain(rest).filter(ours) {
            put(&dir, name, hand_on_script(name).as_bytes())?;
        }
        git(&["config", "--global", "core.hooksPath", &text(&dir)?])?;
    }
    let names: Vec<&str> = args.hook.iter().map(|hook| hook.as_str()).collect();
    term.note(&format_args!("{} installed in {}", names.join(", "), escape(path_bytes(&dir))));
    Ok(exit::CLEAN)
}

/// Takes our hooks away, and puts back what was there before.
///
/// # Errors
///
/// When there is no repository, or a file cannot be removed.
pub(super) fn uninstall(global: bool, term: &Term) -> Result<u8, Fault> {
    let (dir, hands_on) = if global { global_dir()? } else { (repo_dir()?, false) };
    let mut taken = Vec::new();
    for name in OTHERS.iter().copied().chain(HookName::ALL.map(HookName::as_str)) {
        let path = dir.join(name);
        if !is_ours(&path)? {
            continue;
        }
        fs::remove_file(&path).map_err(|error| fault(&path, "it cannot be removed", &error))?;
        let before = before(&path);
        if before.symlink_metadata().is_ok() {
            fs::rename(&before, &path).map_err(|error| fault(&before, "it cannot be put back", &error))?;
        }
        taken.push(name);
    }
    if hands_on && !taken.is_empty() {
        git(&["config", "--global", "--unset", "core.hooksPath"])?;
        // Not if somebody has put something into it.
        let _ = fs::remove_dir(&dir);
    }
    let place = escape(path_bytes(&dir));
    match taken.is_empty() {
        true => term.note(&format_args!("{place} has no hook of exfilter's")),
        false => term.note(&format_args!("removed from {place}")),
    }
    Ok(exit::CLEAN)
}

/// The folder of the repository's hooks, wherever that is.
fn repo_dir() -> Result<PathBuf, Fault> {
    Ok(path_of(&Repo::at(Path::new(".")).line(&["rev-parse", "--git-path", "hooks"])?))
}

/// The folder of hooks for all repositories, and whether it is of our making: then hooks there hand on to the repository's.
fn global_dir() -> Result<(PathBuf, bool), Fault> {
    let ours = config_dir()?.join("exfilter").join("hooks");
    // Without a value git fails, which says that there is none.
    let set = git(&["config", "--global", "--path", "core.hooksPath"]).unwrap_or_default();
    if set.is_empty() || path_of(&set) == ours { Ok((ours, true)) } else { Ok((path_of(&set), false)) }
}

fn config_dir() -> Result<PathBuf, Fault> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config"))).ok_or_else(|| {
        Fault::new("HOME", "it is not set, so there is no folder for hooks of all repositories", "set it")
    })
}

fn git(args: &[&str]) -> Result<Vec<u8>, Fault> {
    Repo::at(Path::new(".")).line(args)
}

/// Writes a hook, and moves another one out of its way.
fn put(dir: &Path, name: &str, script: &[u8]) -> Result<(), Fault> {
    let path = dir.join(name);
    let before = before(&path);
    let moves = path.symlink_metadata().is_ok() && !is_ours(&path)?;
    if moves {
        if before.symlink_metadata().is_ok() {
            let what = "there is a hook, and another one that was moved out of the way earlier";
            return Err(Fault::new(
                escape(path_bytes(&path)),
                what,
                format!("remove one of the two ({BEFORE})"),
            ));
        }
        fs::rename(&path, &before).map_err(|error| fault(&path, "it cannot be moved away", &error))?;
    }
    write(dir, &path, script).map_err(|error| {
        if moves {
            // Rather the other hook alone than none.
            let _ = fs::rename(&before, &path);
        }
        fault(&path, "it cannot be written", &error)
    })
}

/// Whole and a program, or not at all: git passes over a hook that is none.
fn write(dir: &Path, path: &Path, script: &[u8]) -> std::io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".exfilter-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    let mut file = builder.tempfile_in(dir)?;
    file.write_all(script)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn is_ours(path: &Path) -> Result<bool, Fault> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes.windows(MARK.len()).any(|window| window == MARK.as_bytes())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(fault(path, "it cannot be read", &error)),
    }
}

fn before(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(BEFORE);
    PathBuf::from(name)
}

/// The hook that checks. If the program is not where it was, the shell says so and fails, and git does not go on.
fn check_script(hook: HookName, hands_on: bool) -> Result<Vec<u8>, Fault> {
    let exe = exe()?;
    let then = match hands_on {
        true => format!("\"$(git rev-parse --git-common-dir)/hooks/{}\"", hook.as_str()),
        false => format!("\"$0{BEFORE}\""),
    };
    let mut script = format!("#!/bin/sh\n{MARK}\nexec ").into_bytes();
    script.extend(quoted(exe.as_os_str()));
    script.extend(format!(" hook {} --then {then} -- \"$@\"\n", hook.as_str()).into_bytes());
    Ok(script)
}

/// A hook that hands on to the repository's own.
fn hand_on_script(name: &str) -> String {
    format!(
        "#!/bin/sh\n{MARK}\nhook=\"$(git rev-parse --git-common-dir)/hooks/{name}\"\nif [ -x \"$hook\" ]; then exec \"$hook\" \"$@\"; fi\n"
    )
}

/// This program.
///
/// # Errors
///
/// When the system does not say.
pub(super) fn exe() -> Result<PathBuf, Fault> {
    std::env::current_exe()
        .map_err(|error| Fault::new("exfilter", format!("where it stands is not known: {error}"), ""))
}

/// A word of the shell.
pub(super) fn quoted(word: &OsStr) -> Vec<u8> {
    let mut out = vec![b'\''];
    for byte in word.as_encoded_bytes() {
        match byte {
            b'\'' => out.extend_from_slice(br"'\''"),
            byte => out.push(*byte),
        }
    }
    out.push(b'\'');
    out
}

fn text(path: &Path) -> Result<String, Fault> {
    path.to_str().map(String::from).ok_or_else(|| {
        Fault::new(escape(path_bytes(path)), "the folder's name is no text", "set XDG_CONFIG_HOME")
    })
}

fn fault(path: &Path, what: &str, error: &std::io::Error) -> Fault {
    Fault::new(escape(path_bytes(path)), format!("{what}: {error}"), "")
}
