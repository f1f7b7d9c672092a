//! SSH through the guard: the settings of its gateway, and what the command's ssh, scp, sftp and git need to go that way.
//!
//! ```text
//! private folder   ssh/config       every host by `exfilter connect`, the run's authority, the run's key, no agent; behind that, the user's own configuration
//!                  ssh/known_hosts  the run's authority, for every host
//!                  ssh/key          the run's key, which opens the guard and nothing else
//!                  ssh/bin/         ssh, scp and sftp with that configuration, first in PATH
//! ```
//!
//! A guard by itself writes the first three into a folder for its sandbox, and `connect`, which is what finds a way to the guard there.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use exfilter_guard::SshSettings;
use exfilter_store::os::write_private;

use super::args::SshArgs;
use crate::fault::Fault;
use crate::sandbox::Variable;
use crate::secrets::open;
use crate::text::escape;

/// Programs that get the configuration.
const PROGRAMS: [&str; 3] = ["ssh", "scp", "sftp"];

/// Variables that would lead to the user's own keys.
const AGENT: [&str; 2] = ["SSH_AUTH_SOCK", "SSH_AGENT_PID"];

/// What the gateway is told.
///
/// # Errors
///
/// A verb that is none.
pub(super) fn settings(args: &SshArgs) -> Result<SshSettings, Fault> {
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
    Ok(settings)
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
    let connect = format!("{} connect", in_configuration(&std::env::current_exe()?));
    write(&config, &configuration(&place, &connect), 0o600)?;
    for name in PROGRAMS {
        if let Some(path) = program(name) {
            let text = format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", quoted(&path), quoted(&config));
            write(&bin.join(name), &text, 0o700)?;
        }
    }
    let mut path = vec![bin];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    out.push(("PATH", std::env::join_paths(path).ok()));
    out.extend(git(&quoted(&ssh), &config).map(|(name, value)| (name, Some(value.into()))));
    Ok(out)
}

/// Variables by which git uses a configuration.
fn git(ssh: &str, config: &Path) -> [(&'static str, String); 2] {
    [("GIT_SSH_COMMAND", format!("{ssh} -F {}", quoted(config))), ("GIT_SSH_VARIANT", "ssh".into())]
}

/// How ssh in a sandbox comes to the guard.
pub(super) struct Way<'a> {
    /// The proxy: http://HOST:PORT.
    pub(super) proxy: &'a str,
    /// A socket of the guard, where the sandbox may have it.
    pub(super) socket: Option<&'a Path>,
}

/// Writes the files for a sandbox that has `folder` as `inside`, and gives its variables.
///
/// # Errors
///
/// A proxy that ssh cannot be led through, and those of the system.
pub(super) fn prepare_sandbox(
    folder: &Path,
    inside: &Path,
    way: &Way<'_>,
    known_hosts: &str,
    key: &str,
) -> Result<Vec<Variable>, Fault> {
    let script = connect(way)?;
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder).map_err(|error| {
        Fault::new(open::shown(folder), format!("it cannot be made: {error}"), "name another folder")
    })?;
    // By a shell: where the sandbox has it, nothing may be started perhaps.
    let configuration =
        configuration(inside, &format!("/bin/sh {}", in_configuration(&inside.join("connect"))));
    for (name, text) in
        [("known_hosts", known_hosts), ("key", key), ("connect", &script), ("config", &configuration)]
    {
        write_private(&folder.join(name), text.as_bytes(), &mut |_| Ok(()))
            .map_err(|error| open::fault(&error))?;
    }
    let mut out: Vec<Variable> = AGENT.iter().map(|name| ((*name).to_owned(), None)).collect();
    out.extend(git("ssh", &inside.join("config")).map(|(name, value)| (name.to_owned(), Some(value))));
    Ok(out)
}

/// A script for `ProxyCommand` that needs one of several programs.
fn connect(way: &Way<'_>) -> Result<String, Fault> {
    let place = way.proxy.strip_prefix("http://").map(|place| place.trim_end_matches('/'));
    let place = place.and_then(|place| place.rsplit_once(':'));
    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_[]:".contains(&b));
    let (host, port) =
        place.filter(|(host, port)| is_plain(host) && port.parse::<u16>().is_ok()).ok_or_else(|| {
            Fault::new("--proxy-inside", "ssh finds no way to this proxy", "write http://host:port")
        })?;
    let socket = way.socket.map_or("''".into(), quoted);
    Ok(format!(
        "# From ssh to the guard: connect HOST PORT.\n\
         host={host} port={port} socket={socket}\n\
         has() {{ command -v \"$1\" > /dev/null 2>&1; }}\n\
         if has exfilter && [ -S \"$socket\" ]; then exec exfilter connect --proxy \"unix:$socket\" \"$1\" \"$2\"; fi\n\
         if has exfilter; then exec exfilter connect --proxy \"http://$host:$port\" \"$1\" \"$2\"; fi\n\
         if has socat; then exec socat - \"PROXY:$host:$1:$2,proxyport=$port\"; fi\n\
         if has ncat; then exec ncat --proxy \"$host:$port\" --proxy-type http \"$1\" \"$2\"; fi\n\
         # The one of OpenBSD; others have no proxies.\n\
         if has nc && nc -h 2>&1 | grep -q -e '-X'; then exec nc -X connect -x \"$host:$port\" \"$1\" \"$2\"; fi\n\
         echo 'exfilter: ssh needs exfilter, socat, ncat or nc of OpenBSD to come to the guard; install one' >&2\n\
         exit 1\n"
    ))
}

/// The first value of a setting counts, so the user's own configuration, which has names for hosts, comes behind.
fn configuration(place: &Path, connect: &str) -> String {
    let file = |name: &str| place.join(name).to_string_lossy().replace('%', "%%");
    format!(
        "Host *\n\
         \x20 ProxyCommand {connect} %h %p\n\
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

/// For the shell that a configuration's commands are given to.
fn in_configuration(path: &Path) -> String {
    quoted(Path::new(&path.to_string_lossy().replace('%', "%%")))
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
