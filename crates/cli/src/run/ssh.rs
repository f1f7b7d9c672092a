//! SSH through the guard: the settings of its gateway, and what the command's ssh, scp, sftp and git need to go that way.
//!
//! ```text
//! private folder   ssh/config       every host by `exfilter connect`, the run's authority, the run's key, no agent; behind that, the user's own configuration
//!                  ssh/known_hosts  the run's authority, for every host
//!                  ssh/key          the run's key, which opens the guard and nothing else
//!                  ssh/bin/         ssh, scp and sftp with that configuration, first in PATH
//! ```

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use exfilter_guard::SshSettings;

use super::args::RunArgs;
use crate::fault::Fault;
use crate::text::escape;

/// Programs that get the configuration.
const PROGRAMS: [&str; 3] = ["ssh", "scp", "sftp"];

/// Variables that would lead to the user's own keys.
const AGENT: [&str; 2] = ["SSH_AUTH_SOCK", "SSH_AGENT_PID"];

/// What the gateway is told, unless there is to be none.
///
/// # Errors
///
/// A verb that is none.
pub(super) fn settings(args: &RunArgs) -> Result<Option<SshSettings>, Fault> {
    if args.no_ssh {
        return Ok(None);
    }
    let mut settings = SshSettings::new();
    if let Some(socket) = std::env::var_os(AGENT[0]).filter(|socket| !socket.is_empty()) {
        settings.agent(socket.into());
    }
    for file in &args.ssh_key {
        settings.identity(file.clone());
    }
    for file in &args.ssh_known_hosts {
        settings.known_hosts(file.clone());
    }
    if let Some(home) = std::env::var_os("HOME").filter(|home| !home.is_empty()) {
        settings.known_hosts(Path::new(&home).join(".ssh/known_hosts"));
    }
    settings.known_hosts("/etc/ssh/ssh_known_hosts".into());
    for name in &args.ssh_verb {
        if !settings.verb(name) {
            return Err(Fault::new(
                format!("--ssh-verb {}", escape(name.as_bytes())),
                "this is nothing that can be done",
                format!("give one of {}", SshSettings::VERBS.join(", ")),
            ));
        }
    }
    Ok(Some(settings))
}

/// Writes the files, and gives the variables of the command.
///
/// # Errors
///
/// Those of the system.
pub(super) fn prepare(
    folder: &Path,
    known_hosts: &str,
    key: &str,
) -> io::Result<Vec<(&'static str, Option<OsString>)>> {
    let mut out: Vec<(&str, Option<OsString>)> = AGENT.iter().map(|name| (*name, None)).collect();
    let Some(ssh) = program(PROGRAMS[0]) else { return Ok(out) };
    let place = folder.join("ssh");
    let (config, bin) = (place.join("config"), place.join("bin"));
    std::fs::create_dir_all(&bin)?;
    write(&place.join("known_hosts"), known_hosts, 0o600)?;
    write(&place.join("key"), key, 0o600)?;
    write(&config, &configuration(&place, &std::env::current_exe()?), 0o600)?;
    for name in PROGRAMS {
        if let Some(path) = program(name) {
            let text = format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", quoted(&path), quoted(&config));
            write(&bin.join(name), &text, 0o700)?;
        }
    }
    let mut path = vec![bin];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    out.push(("PATH", std::env::join_paths(path).ok()));
    let command = format!("{} -F {}", quoted(&ssh), quoted(&config));
    out.push(("GIT_SSH_COMMAND", Some(command.into())));
    out.push(("GIT_SSH_VARIANT", Some("ssh".into())));
    Ok(out)
}

/// The first value of a setting counts, so the user's own configuration, which has names for hosts, comes behind.
fn configuration(place: &Path, program: &Path) -> String {
    let file = |name: &str| place.join(name).to_string_lossy().replace('%', "%%");
    let program = quoted(Path::new(&program.to_string_lossy().replace('%', "%%")));
    format!(
        "Host *\n\
         \x20 ProxyCommand {program} connect %h %p\n\
         \x20 UserKnownHostsFile \"{}\"\n\
         \x20 GlobalKnownHostsFile /dev/null\n\
         \x20 StrictHostKeyChecking yes\n\
         \x20 UpdateHostKeys no\n\
         \x20 VerifyHostKeyDNS no\n\
         \x20 IdentityFile \"{}\"\n\
         \x20 IdentitiesOnly yes\n\
         \x20 IdentityAgent none\n\
         \x20 PreferredAuthentications publickey\n\
         \x20 ForwardAgent no\n\
         \x20 ForwardX11 no\n\
         \x20 ControlMaster no\n\
         \x20 ControlPath none\n\
         \x20 Compression no\n\
         \x20 Ciphers ^aes256-gcm@openssh.com\n\
         \x20 Include ~/.ssh/config\n",
        file("known_hosts"),
        file("key"),
    )
}

/// Where a program is.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_absolute() && file.is_file())
}

/// For a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', "'\\''"))
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)?.write_all(text.as_bytes())
}
