//! `exfilter run`, in order.

use std::ffi::OsString;
use std::io;
use std::process::Command;

use exfilter_guard::Listener;

use super::args::RunArgs;
use super::child::{self, Depth};
use super::demo;
#[cfg(target_os = "linux")]
use super::isolate;
use super::setup::{self, Life, Readers};
use super::ssh;
use super::trust::Trust;
use crate::fault::Fault;
use crate::term::Term;

/// Runs the command.
///
/// # Errors
///
/// What could not be set up. The command was not run then.
pub(crate) fn run(args: &RunArgs, term: &Term) -> Result<u8, Fault> {
    if args.demo {
        return demo::run(term);
    }
    #[cfg(target_os = "linux")]
    let inside = args.isolate.then(isolate::check).transpose()?;
    #[cfg(not(target_os = "linux"))]
    if args.isolate {
        return Err(Fault::new("--isolate", "there are such namespaces on Linux alone", "leave it out"));
    }
    let ssh = (!args.no_ssh).then(|| ssh::settings(&args.ssh)).transpose()?;
    let ready = setup::ready(&args.guard, Life::OfACommand, args.isolate, ssh, term)?;
    let summary = ready.summary(&args.guard);
    let trust = Trust::new(ready.guard.bundle()).map_err(|error| {
        Fault::new(
            "--",
            format!("no private folder for certificates: {error}"),
            "set TMPDIR to one that can be written",
        )
    })?;
    let keys = ready.guard.ssh().map_err(|error| setup::fault(&error))?;
    let secure_shell = keys.map(|(hosts, key)| ssh::prepare(trust.folder(), &hosts, &key)).transpose();
    let secure_shell = secure_shell.map_err(|error| {
        Fault::new("ssh", format!("its files cannot be written: {error}"), "give --no-ssh")
    })?;
    let listener = listener(args, &trust)
        .map_err(|error| Fault::new("guard", format!("it cannot listen: {error}"), ""))?;
    let running = ready.guard.start(listener).map_err(|error| setup::fault(&error))?;
    #[cfg(target_os = "linux")]
    if inside == Some(isolate::Names::Unknown) {
        term.note(&"bubblewrap gives no capability here: names are not answered inside, and programs must use the proxy");
    } else if inside.is_some() {
        let names = std::os::unix::net::UnixListener::bind(trust.names());
        let names = names.map_err(|error| Fault::new("guard", format!("it cannot listen: {error}"), ""))?;
        running.names(Listener::unix(names));
    }
    if !args.guard.quiet {
        ready.notes.iter().for_each(|note| term.note(note));
    }
    summary.tell_key(term);
    setup::show(&args.guard, &running, Readers::Command, term)?;
    let (mut command, depth) = command(
        args,
        &trust,
        #[cfg(target_os = "linux")]
        inside,
    )?;
    change(&mut command, ready.changes.into_iter().map(|(name, value)| (name, value.map(OsString::from))));
    // In namespaces the port is known there alone.
    let proxy = running.address().map(|address| format!("http://{address}")).unwrap_or_default();
    let trusted = trust.variables(&proxy).into_iter();
    change(&mut command, trusted.map(|(name, value)| (name.into(), value.map(OsString::from))));
    change(&mut command, secure_shell.into_iter().flatten().map(|(name, value)| (name.into(), value)));
    let code = child::run(command, depth).map_err(|error| child::fault(&args.command, &error));
    // Waits for what is under way, so that the summary has all of it.
    drop(running);
    if code.is_ok() {
        summary.tell(term);
    }
    code
}

/// Where the guard listens.
fn listener(args: &RunArgs, trust: &Trust) -> io::Result<Listener> {
    #[cfg(unix)]
    if args.isolate {
        return Ok(Listener::unix(std::os::unix::net::UnixListener::bind(trust.socket())?));
    }
    let _ = (args, trust);
    Listener::loopback()
}

/// The command, perhaps in namespaces.
fn command(
    args: &RunArgs,
    trust: &Trust,
    #[cfg(target_os = "linux")] inside: Option<isolate::Names>,
) -> Result<(Command, Depth), Fault> {
    #[cfg(target_os = "linux")]
    if let Some(names) = inside {
        let mut command = isolate::command(trust, names, args.guard.ui_file.as_deref(), &args.command)?;
        for name in isolate::BROKER_VARIABLES {
            command.env_remove(name);
        }
        return Ok((command, Depth::BehindBubblewrap));
    }
    let _ = trust;
    let mut command = Command::new(&args.command[0]);
    command.args(&args.command[1..]);
    Ok((command, Depth::Child))
}

fn change(command: &mut Command, changes: impl Iterator<Item = (OsString, Option<OsString>)>) {
    for (name, value) in changes {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}
