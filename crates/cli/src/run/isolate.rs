//! `--isolate`: the command in namespaces of its own, without a network; the guard's socket is the only way out.
//!
//! ```text
//! exfilter run --+-- guard, on a unix socket in the private folder
//!                `-- bwrap (new network, processes, IPC; the same files)
//!                      `-- exfilter forward: 127.0.0.1:N <-> the socket
//!                            |   127.0.0.1:53 <-> the guard's answers: a name that may be reached has an address of its own in 127.64.0.0/10
//!                            |   any of these, ports 80, 443 and 22 <-> the socket, as a tunnel to that address
//!                            `-- COMMAND, with N in the variables for proxies
//! ```

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::trust::Trust;
use crate::fault::Fault;

/// Sockets of programs that would start a process elsewhere, or use a network for whoever asks.
const BROKERS: [&str; 9] = [
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/dbus/system_bus_socket",
    "/run/systemd/private",
    "/run/snapd.socket",
    // They would ask the network for names.
    "/run/systemd/resolve/io.systemd.Resolve",
    "/run/nscd/socket",
    "/run/avahi-daemon/socket",
];

/// Variables that name such sockets.
pub(super) const BROKER_VARIABLES: [&str; 5] =
    ["SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST", "CONTAINER_HOST", "TMUX"];

/// What says whom programs ask for names.
const RESOLVER: &str = "/etc/resolv.conf";

/// Signals of a terminal go to all of its group, and bubblewrap would end by them before the command has had its say.
const SHIELD: &str = "trap '' INT QUIT; exec \"$0\" \"$@\"";

/// What makes it possible to answer names, at port 53 of a loopback that nobody else has.
const LOW_PORTS: [&str; 2] = ["--cap-add", "CAP_NET_BIND_SERVICE"];

/// Whether names can be answered inside: a bubblewrap that is set-uid gives nobody a capability.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Answered,
    Unknown,
}

/// Whether bubblewrap is there and may make namespaces, and what is possible in them.
///
/// # Errors
///
/// Says what is missing.
pub(super) fn check() -> Result<Names, Fault> {
    if probe(&LOW_PORTS)?.status.success() {
        return Ok(Names::Answered);
    }
    let output = probe(&[])?;
    if output.status.success() {
        return Ok(Names::Unknown);
    }
    let said = crate::text::plain(String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or(""));
    Err(Fault::new(
        "--isolate",
        format!("bubblewrap may not make namespaces here: {}", crate::text::shorten(&said)),
        "allow user namespaces (in a container: a seccomp profile that allows them, or --privileged), or leave --isolate out",
    ))
}

fn probe(further: &[&str]) -> Result<Output, Fault> {
    let mut command = Command::new("bwrap");
    command.args(["--dev-bind", "/", "/", "--unshare-net", "--unshare-pid", "--proc", "/proc"]);
    command.args(["--cap-drop", "ALL"]).args(further).arg("true");
    command.stdin(Stdio::null()).output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Fault::new(
            "--isolate",
            "bubblewrap (bwrap) is not installed",
            "install the package bubblewrap, or leave --isolate out",
        ),
        _ => Fault::new("--isolate", format!("bubblewrap cannot be run: {error}"), ""),
    })
}

/// The command in bubblewrap, with `exfilter forward` before it. It finds an empty file where the hidden one is.
///
/// # Errors
///
/// The path of this program is not known.
pub(super) fn command(
    trust: &Trust,
    names: Names,
    hidden: Option<&Path>,
    command: &[OsString],
) -> Result<Command, Fault> {
    let program = std::env::current_exe().map_err(|error| {
        Fault::new("--isolate", format!("the path of this program is not known: {error}"), "")
    })?;
    let mut out = Command::new("sh");
    out.args(["-c", SHIELD, "bwrap", "--dev-bind", "/", "/"]);
    for broker in BROKERS.iter().filter(|path| Path::new(path).exists()) {
        out.args(["--bind", "/dev/null"]).arg(real(broker));
    }
    // A terminal multiplexer shows what stands on the screen to whoever asks, and types for him.
    let multiplexer =
        std::env::var("TMUX").ok().and_then(|tmux| Some(PathBuf::from(tmux.split(',').next()?)));
    for path in
        multiplexer.as_deref().filter(|path| path.is_absolute() && path.exists()).into_iter().chain(hidden)
    {
        out.args(["--bind", "/dev/null"]).arg(path.canonicalize().unwrap_or_else(|_| path.into()));
    }
    let own = format!("/tmp/tmux-{}", rustix::process::getuid().as_raw());
    for folder in [own.as_str(), "/run/screen"].iter().filter(|folder| is_folder(OsStr::new(folder))) {
        out.args(["--tmpfs", folder]);
    }
    // Session buses and agents; what needs the folder finds an empty one.
    if let Some(folder) = std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| is_folder(folder)) {
        out.arg("--tmpfs").arg(folder);
    }
    // Wherever that file is: a link may lead to one of another resolver. Without one, resolvers ask 127.0.0.1 anyway.
    let answers = names == Names::Answered;
    if answers && let Ok(place) = Path::new(RESOLVER).canonicalize() {
        let own = trust.resolver().map_err(|error| {
            Fault::new("--isolate", format!("the resolver's file cannot be written: {error}"), "")
        })?;
        out.arg("--ro-bind").arg(own).arg(place);
    }
    // The environments of other processes have the real values.
    out.args(["--unshare-net", "--unshare-pid", "--unshare-ipc", "--proc", "/proc", "--cap-drop", "ALL"]);
    if answers {
        out.args(LOW_PORTS);
    }
    out.args(["--die-with-parent", "--"]);
    out.arg(program).arg("forward").arg("--socket").arg(trust.socket());
    if answers {
        out.arg("--names").arg(trust.names());
    }
    out.arg("--").args(command);
    Ok(out)
}

fn real(path: &str) -> PathBuf {
    Path::new(path).canonicalize().unwrap_or_else(|_| path.into())
}

fn is_folder(path: &OsStr) -> bool {
    Path::new(path).is_absolute() && Path::new(path).is_dir()
}
