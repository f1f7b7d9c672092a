//! Settings of what starts sandboxes, by which a guard is the only way out of them: `exfilter guard --sandbox`.
//!
//! ```text
//! claude.rs        Claude Code's settings.json: its sandbox for commands, and the variables of the agent
//! codex.rs         Codex's config.toml: its own proxy, behind which the guard is
//! devcontainer.rs  devcontainer.json of a container without a network
//! firecracker.rs   a virtual machine without a network, with a vsock
//! gvisor.rs        Docker's daemon.json: a runtime without a network that may use sockets
//! srt.rs           sandbox-runtime's settings
//! ```
//!
//! Nothing here is a secret: variables have placeholders.

mod claude;
mod codex;
mod devcontainer;
mod firecracker;
mod gvisor;
mod srt;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use exfilter_store::os::write_private;

use super::{Seat, Variable};
use crate::fault::Fault;
use crate::secrets::open;
use crate::text::{escape, path_bytes};

/// What starts a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sandbox {
    /// Claude Code: settings.json
    Claude,
    /// Codex: config.toml
    Codex,
    /// A development container: devcontainer.json
    Devcontainer,
    /// Firecracker: a part of a machine's configuration
    Firecracker,
    /// gVisor by Docker: daemon.json
    Gvisor,
    /// Anthropic's sandbox-runtime: srt-settings.json
    Srt,
}

/// Where such a sandbox finds what is the guard's, unless the user says otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    /// The folder of the certificates; none for that which they are in.
    pub(crate) certificates: Option<&'static str>,
    /// The proxy; none for the guard's own address.
    pub(crate) proxy: Option<&'static str>,
}

/// A guard, as settings name it.
pub(crate) struct Guard<'a> {
    /// The first address at which it listens.
    pub(crate) address: Option<SocketAddr>,
    /// The first socket at which it listens.
    pub(crate) socket: Option<PathBuf>,
    /// The file of certificates, out here.
    pub(crate) certificates: PathBuf,
    /// The file with variables and its form, if one is written.
    pub(crate) env_file: Option<(PathBuf, Seat)>,
    /// The variables of the sandbox.
    pub(crate) variables: &'a [Variable],
}

/// Settings, and what is to be done with them.
pub(crate) struct Settings {
    text: String,
    /// What stands in settings that were written here, and in no others.
    mark: String,
    /// A line each.
    hints: Vec<String>,
}

/// What stands for the file of the settings in a hint.
const FILE: &str = "{FILE}";

/// Where a container has the guard's folders.
const IN_CONTAINER: Places =
    Places { certificates: Some("/run/exfilter/trust"), proxy: Some("http://127.0.0.1:8080") };

/// Where containers have the folder of the socket.
const SOCKET_IN_CONTAINER: &str = "/run/exfilter/socket";

impl Sandbox {
    /// Its name on the command line.
    fn name(self) -> &'static str {
        match self {
            Sandbox::Claude => "claude",
            Sandbox::Codex => "codex",
            Sandbox::Devcontainer => "devcontainer",
            Sandbox::Firecracker => "firecracker",
            Sandbox::Gvisor => "gvisor",
            Sandbox::Srt => "srt",
        }
    }

    /// Where it has what is the guard's.
    pub(crate) fn places(self) -> Places {
        match self {
            Sandbox::Devcontainer | Sandbox::Gvisor => IN_CONTAINER,
            Sandbox::Firecracker => Places { proxy: IN_CONTAINER.proxy, certificates: None },
            Sandbox::Claude | Sandbox::Codex | Sandbox::Srt => Places { certificates: None, proxy: None },
        }
    }

    /// The settings by which `guard` is the only way out.
    ///
    /// # Errors
    ///
    /// Where such a sandbox cannot reach it.
    pub(crate) fn settings(self, guard: &Guard<'_>) -> Result<Settings, Fault> {
        match self {
            Sandbox::Claude => claude::settings(guard),
            Sandbox::Codex => codex::settings(guard),
            Sandbox::Devcontainer => devcontainer::settings(guard),
            Sandbox::Firecracker => firecracker::settings(guard),
            Sandbox::Gvisor => gvisor::settings(guard),
            Sandbox::Srt => srt::settings(guard),
        }
    }
}

impl Settings {
    /// What is to be done with them, a line each, where they are in `file`.
    pub(crate) fn hints(&self, file: Option<&Path>) -> impl Iterator<Item = String> {
        let shown = file.map_or_else(|| "FILE".to_owned(), |path| escape(path_bytes(path)));
        self.hints.iter().map(move |hint| hint.replace(FILE, &shown))
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Writes them to a file, for its owner alone. One that stands there and was not written here is left as it is.
    ///
    /// # Errors
    ///
    /// Such a file, and those of the system.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Fault> {
        let shown = || escape(path_bytes(path));
        let is_other = match std::fs::read(path) {
            Ok(text) => !text.is_empty() && !holds(&text, self.mark.as_bytes()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => {
                return Err(Fault::new(shown(), format!("it cannot be read: {error}"), "name another file"));
            }
        };
        if is_other {
            let what = "the file is there already, and `exfilter guard` did not write it";
            return Err(Fault::new(shown(), what, "name another file, and take over what will stand in it"));
        }
        write_private(path, self.text.as_bytes(), &mut |_| Ok(())).map_err(|error| open::fault(&error))
    }
}

fn holds(text: &[u8], mark: &[u8]) -> bool {
    text.windows(mark.len()).any(|at| at == mark)
}

impl Guard<'_> {
    /// The port at which it listens on this machine's loopback.
    fn port(&self, sandbox: Sandbox) -> Result<u16, Fault> {
        self.address.filter(|address| address.ip().is_loopback()).map(|address| address.port()).ok_or_else(
            || lacks(sandbox, "it uses a proxy at this machine's own address", "--listen 127.0.0.1:8080"),
        )
    }

    /// The folder and the name of its socket.
    fn socket(&self, sandbox: Sandbox) -> Result<(&str, &str), Fault> {
        let Some(socket) = &self.socket else {
            return Err(lacks(
                sandbox,
                "it has no network, and reaches a socket alone",
                "--listen unix:socket/guard.sock",
            ));
        };
        let parts = || Some((socket.parent()?.to_str()?, socket.file_name()?.to_str()?));
        parts().ok_or_else(|| lacks(sandbox, "the path of the socket is no text", "another path"))
    }

    /// The folder of the certificates.
    fn trust(&self, sandbox: Sandbox) -> Result<&str, Fault> {
        let folder = self.certificates.parent().and_then(Path::to_str);
        folder.ok_or_else(|| lacks(sandbox, "the path of the certificates is no text", "another --bundle"))
    }

    /// How the variables come into a program that is started by a shell.
    fn with_variables(&self, command: &str) -> String {
        match &self.env_file {
            Some((file, Seat::Shell | Seat::Codex)) => format!(". {}; {command}", escape(path_bytes(file))),
            _ => format!("{command}, with the variables that --env-file FILE --for shell writes"),
        }
    }
}

fn lacks(sandbox: Sandbox, why: &str, remedy: &str) -> Fault {
    Fault::new(format!("--sandbox {}", sandbox.name()), why, format!("give {remedy}"))
}

/// Members of an object for the variables that have a value.
fn object(variables: &[Variable]) -> serde_json::Value {
    let members = variables
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.as_deref()?.to_owned().into())));
    serde_json::Value::Object(members.collect())
}

fn json(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(listen: &str) -> Guard<'static> {
        static VARIABLES: std::sync::LazyLock<Vec<Variable>> = std::sync::LazyLock::new(|| {
            [("EXFILTER_GUARD", "http://127.0.0.1:8080"), ("HTTPS_PROXY", "http://127.0.0.1:8080")]
                .map(|(name, value)| (name.to_owned(), Some(value.to_owned())))
                .into_iter()
                .chain([("SSL_CERT_DIR".to_owned(), None)])
                .collect()
        });
        Guard {
            address: listen.parse().ok(),
            socket: listen.strip_prefix("unix:").map(PathBuf::from),
            certificates: PathBuf::from("/srv/guard/trust/ca.pem"),
            env_file: Some((PathBuf::from("/srv/guard/guard.env"), Seat::Shell)),
            variables: &VARIABLES,
        }
    }

    fn json_of(sandbox: Sandbox, listen: &str) -> serde_json::Value {
        let settings = sandbox.settings(&guard(listen)).expect("it can be reached");
        assert!(holds(settings.text().as_bytes(), settings.mark.as_bytes()), "{sandbox:?}");
        assert!(settings.hints(None).next().is_some(), "{sandbox:?}");
        serde_json::from_str(settings.text()).expect("it is JSON")
    }

    #[test]
    fn proxies_of_a_port_lead_to_it() {
        let claude = json_of(Sandbox::Claude, "127.0.0.1:8080");
        assert_eq!(claude["sandbox"]["network"]["httpProxyPort"], 8080);
        assert_eq!(claude["sandbox"]["network"]["socksProxyPort"], 8080);
        assert_eq!(claude["sandbox"]["allowUnsandboxedCommands"], false);
        assert_eq!(claude["env"]["HTTPS_PROXY"], "http://127.0.0.1:8080");
        assert!(claude["env"].get("SSL_CERT_DIR").is_none());
        let srt = json_of(Sandbox::Srt, "127.0.0.1:8080");
        assert_eq!(srt["network"]["httpProxyPort"], 8080);
        assert_eq!(srt["network"]["socksProxyPort"], 8080);
        let hints = Sandbox::Srt.settings(&guard("127.0.0.1:8080")).expect("it can be reached");
        let hints: Vec<String> = hints.hints(Some(Path::new("/srv/srt.json"))).collect();
        assert_eq!(hints, [". /srv/guard/guard.env; srt --settings /srv/srt.json COMMAND"]);
        let codex = Sandbox::Codex.settings(&guard("127.0.0.1:8080")).expect("it can be reached");
        let codex: toml::Table = codex.text().parse().expect("it is TOML");
        let name = codex["default_permissions"].as_str().expect("a name");
        let network = &codex["permissions"][name]["network"];
        assert_eq!(network["enabled"].as_bool(), Some(true));
        assert_eq!(network["allow_upstream_proxy"].as_bool(), Some(true));
        assert_eq!(codex["features"]["network_proxy"].as_bool(), Some(true));
    }

    #[test]
    fn what_has_no_network_has_a_socket() {
        let container = json_of(Sandbox::Devcontainer, "unix:/srv/guard/socket/guard.sock");
        assert_eq!(container["runArgs"][0], "--network=none");
        let mounts = container["mounts"].as_array().expect("a list");
        assert!(
            mounts
                .iter()
                .any(|mount| { mount == "source=/srv/guard/socket,target=/run/exfilter/socket,type=bind" })
        );
        assert!(mounts.iter().any(|mount| {
            mount == "source=/srv/guard/trust,target=/run/exfilter/trust,type=bind,readonly"
        }));
        assert_eq!(container["containerEnv"]["EXFILTER_GUARD"], "http://127.0.0.1:8080");
        let start = container["postStartCommand"].as_str().expect("a command");
        assert!(start.contains("UNIX-CONNECT:/run/exfilter/socket/guard.sock"), "{start}");
        let daemon = json_of(Sandbox::Gvisor, "unix:/srv/guard/socket/guard.sock");
        let arguments = daemon["runtimes"]["runsc-exfilter"]["runtimeArgs"].as_array().expect("a list");
        assert!(arguments.iter().any(|argument| argument == "--network=none"));
        assert!(arguments.iter().any(|argument| argument == "--host-uds=open"));
        let machine = json_of(Sandbox::Firecracker, "unix:/srv/vm/vm.vsock_8080");
        assert_eq!(machine["vsock"]["uds_path"], "/srv/vm/vm.vsock");
        assert_eq!(machine["network-interfaces"].as_array().map(Vec::len), Some(0));
    }

    #[test]
    fn what_cannot_be_reached_is_told() {
        for (sandbox, listen, remedy) in [
            (Sandbox::Claude, "unix:/srv/guard.sock", "--listen 127.0.0.1:8080"),
            (Sandbox::Srt, "172.17.0.1:8080", "--listen 127.0.0.1:8080"),
            (Sandbox::Codex, "unix:/srv/guard.sock", "--listen 127.0.0.1:8080"),
            (Sandbox::Devcontainer, "127.0.0.1:8080", "--listen unix:"),
            (Sandbox::Gvisor, "127.0.0.1:8080", "--listen unix:"),
            (Sandbox::Firecracker, "127.0.0.1:8080", "--listen unix:"),
            (Sandbox::Firecracker, "unix:/srv/vm/vm.vsock", "_8080"),
            (Sandbox::Firecracker, "unix:/srv/vm/vm.vsock_80x", "_8080"),
        ] {
            let said = sandbox.settings(&guard(listen)).err().map(|fault| fault.to_string());
            let said = said.unwrap_or_default();
            assert!(said.contains(remedy) && said.contains(sandbox.name()), "{sandbox:?} {listen}: {said}");
        }
    }

    #[test]
    fn a_file_that_is_somebody_elses_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        for sandbox in Sandbox::value_variants() {
            let listen = match sandbox {
                Sandbox::Claude | Sandbox::Codex | Sandbox::Srt => "127.0.0.1:8080",
                Sandbox::Devcontainer | Sandbox::Gvisor => "unix:/srv/guard.sock",
                Sandbox::Firecracker => "unix:/srv/vm.vsock_8080",
            };
            let settings = sandbox.settings(&guard(listen)).expect("it can be reached");
            let path = folder.path().join(sandbox.name());
            settings.write(&path).expect("nothing is there");
            settings.write(&path).expect("it was written here");
            assert_eq!(std::fs::read_to_string(&path).expect("a file"), settings.text());
            std::fs::write(&path, "{\"mine\": 1}").expect("a file");
            let said = settings.write(&path).expect_err("it is mine").to_string();
            assert!(said.contains("did not write it"), "{said}");
            assert_eq!(std::fs::read(&path).expect("a file"), b"{\"mine\": 1}");
        }
    }
}
