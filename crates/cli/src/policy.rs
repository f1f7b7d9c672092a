//! The policy file: where it is, and that nobody else writes it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use exfilter::Mode;
use exfilter::config::Config;

use crate::args::PolicyArgs;
use crate::fault::Fault;
use crate::scan::report::Report;
use crate::term::Term;
use crate::text::{escape, path_bytes};
use crate::{exit, rulepack};

/// The longest file that is read, in bytes; the reader of policies takes less.
const LONGEST: u64 = 1 << 20;

/// Reads the policy that is asked for, or the usual one if there is one. `roots` are what is scanned: whoever writes there decides nothing.
///
/// # Errors
///
/// A file that cannot be read, that is no policy, that others may write, or that lies in a scanned tree.
pub(crate) fn load(args: &PolicyArgs, roots: &[PathBuf], trusts: bool, term: &Term) -> Result<Config, Fault> {
    if let Some(path) = &args.policy {
        if !trusts {
            rulepack::keep_out_of_the_tree(std::slice::from_ref(path), roots)?;
        }
        return read(path)?.ok_or_else(|| {
            Fault::new(name(path), "there is no such file", "write one, or leave --policy out")
        });
    }
    let Some(path) = usual().filter(|_| !args.no_policy) else { return Ok(Config::default()) };
    if !trusts && rulepack::keep_out_of_the_tree(std::slice::from_ref(&path), roots).is_err() {
        if path.exists() {
            term.note(&format_args!(
                "{}: the policy lies inside the scanned tree and is not read; --trust-rules reads it",
                name(&path)
            ));
        }
        return Ok(Config::default());
    }
    Ok(read(&path)?.unwrap_or_default())
}

/// Whether there is a policy file that [`load`] would read.
#[cfg(feature = "guard")]
pub(crate) fn is_there(args: &PolicyArgs) -> bool {
    args.policy.is_some() || (!args.no_policy && usual().is_some_and(|path| path.exists()))
}

/// Lets pass what a policy that only observes would refuse. What could not be set up refuses in any mode.
pub(crate) fn observe(config: &Config, report: &mut Report) {
    if config.mode() == Mode::Observe && report.exit != exit::SETUP {
        report.exit = exit::CLEAN;
    }
}

/// `~/.config/exfilter/policy.toml`, if there is a home.
fn usual() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(config.join("exfilter").join("policy.toml"))
}

/// `None` where there is no such file.
fn read(path: &Path) -> Result<Option<Config>, Fault> {
    let fault = |what: String, remedy| Fault::new(name(path), what, remedy);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(fault(format!("the policy cannot be read: {error}"), "")),
    };
    if is_open_to_others(&file) {
        return Err(fault("others may write this policy".into(), "chmod o-w it, and look what it says"));
    }
    let mut text = String::new();
    file.take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|error| fault(format!("the policy cannot be read: {error}"), ""))?;
    let parsed = Config::parse(&name(path), &text);
    parsed.map(Some).map_err(|error| {
        let field = if error.field().is_empty() { String::new() } else { format!("{}: ", error.field()) };
        Fault::new(format!("{}:{}", error.file(), error.line()), format!("{field}{}", error.message()), "")
    })
}

/// Whether anybody may write it. A device or a pipe, as a shell makes one of `<(...)`, is its owner's.
fn is_open_to_others(file: &File) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o002 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

fn name(path: &Path) -> String {
    escape(path_bytes(path)).to_string()
}
