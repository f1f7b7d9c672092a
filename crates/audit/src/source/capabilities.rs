//! What the environment can do that no value stands for: sockets, routes, identities. Nothing is dialled.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::advice::Advice;
use crate::audit::Context;
use crate::names::Masked;
use crate::report::Capability;
use crate::severity::Severity;

/// A socket at a fixed path, or one that a variable names.
struct Socket {
    id: &'static str,
    opens: &'static str,
    severity: Severity,
    advice: Advice,
    variables: &'static [&'static str],
    paths: &'static [&'static str],
}

/// `{runtime}` is the runtime folder of the user.
static SOCKETS: &[Socket] = &[
    Socket {
        id: "container-engine",
        opens: "root on the machine, through its container engine",
        severity: Severity::Critical,
        advice: Advice::EngineSocket,
        variables: &["DOCKER_HOST", "CONTAINER_HOST"],
        paths: &[
            "/var/run/docker.sock",
            "/run/docker.sock",
            "/run/containerd/containerd.sock",
            "/run/crio/crio.sock",
            "/run/podman/podman.sock",
        ],
    },
    Socket {
        id: "container-engine-rootless",
        opens: "every file and container of the user, through a rootless container engine",
        severity: Severity::High,
        advice: Advice::EngineSocket,
        variables: &[],
        paths: &["{runtime}/docker.sock", "{runtime}/podman/podman.sock"],
    },
    Socket {
        id: "ssh-agent",
        opens: "every host that trusts a key in the SSH agent, while the agent runs",
        severity: Severity::High,
        advice: Advice::AgentSocket,
        variables: &["SSH_AUTH_SOCK"],
        paths: &["{runtime}/keyring/ssh", "{runtime}/gcr/ssh", "{runtime}/ssh-agent.socket"],
    },
    Socket {
        id: "gpg-agent",
        opens: "signing and decrypting with the keys of the GnuPG agent, and SSH if it serves that",
        severity: Severity::Medium,
        advice: Advice::AgentSocket,
        variables: &[],
        paths: &["~/.gnupg/S.gpg-agent", "{runtime}/gnupg/S.gpg-agent", "{runtime}/gnupg/S.gpg-agent.ssh"],
    },
    Socket {
        id: "session-bus",
        opens: "the desktop session: its keyring, if it is unlocked, and starting programs outside the sandbox",
        severity: Severity::High,
        advice: Advice::Keyring,
        variables: &["DBUS_SESSION_BUS_ADDRESS"],
        paths: &["{runtime}/bus"],
    },
    Socket {
        id: "keyring-socket",
        opens: "the keyring's control socket",
        severity: Severity::Medium,
        advice: Advice::Keyring,
        variables: &["GNOME_KEYRING_CONTROL"],
        paths: &["{runtime}/keyring/control"],
    },
    Socket {
        id: "git-credential-cache",
        opens: "the passwords that git's credential cache holds",
        severity: Severity::High,
        advice: Advice::Forge,
        variables: &[],
        paths: &["~/.git-credential-cache/socket", "~/.cache/git/credential/socket"],
    },
    Socket {
        id: "editor-credentials",
        opens: "the editor's git credentials, which it forwards",
        severity: Severity::High,
        advice: Advice::Forge,
        variables: &["VSCODE_GIT_IPC_HANDLE"],
        paths: &[],
    },
    Socket {
        id: "password-manager",
        opens: "the password manager's agent: what it unlocks without asking",
        severity: Severity::High,
        advice: Advice::Vault,
        variables: &[],
        paths: &["~/.1password/agent.sock", "~/.bitwarden-ssh-agent.sock", "~/.config/op/op-daemon.sock"],
    },
];

/// Variables whose presence says that an identity can be asked for.
struct Identity {
    variable: &'static str,
    id: &'static str,
    opens: &'static str,
    severity: Severity,
}

static IDENTITIES: &[Identity] = &[
    Identity {
        variable: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        id: "aws-container-role",
        opens: "credentials of the container's AWS role",
        severity: Severity::High,
    },
    Identity {
        variable: "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        id: "aws-container-role",
        opens: "credentials of the container's AWS role",
        severity: Severity::High,
    },
    Identity {
        variable: "AWS_WEB_IDENTITY_TOKEN_FILE",
        id: "aws-web-identity",
        opens: "credentials of an AWS role, by a token in a file",
        severity: Severity::High,
    },
    Identity {
        variable: "IDENTITY_ENDPOINT",
        id: "azure-managed-identity",
        opens: "tokens of the Azure managed identity",
        severity: Severity::High,
    },
    Identity {
        variable: "MSI_ENDPOINT",
        id: "azure-managed-identity",
        opens: "tokens of the Azure managed identity",
        severity: Severity::High,
    },
    Identity {
        variable: "AZURE_FEDERATED_TOKEN_FILE",
        id: "azure-workload-identity",
        opens: "tokens of the Azure workload identity",
        severity: Severity::High,
    },
    Identity {
        variable: "ACTIONS_ID_TOKEN_REQUEST_URL",
        id: "github-actions-identity",
        opens: "identity tokens of the job, and every cloud role that trusts them",
        severity: Severity::High,
    },
    Identity {
        variable: "ACTIONS_RUNTIME_URL",
        id: "github-actions-runtime",
        opens: "caches and artifacts of the workflow",
        severity: Severity::Medium,
    },
    Identity {
        variable: "GCE_METADATA_HOST",
        id: "google-metadata",
        opens: "tokens of the machine's Google service account",
        severity: Severity::Medium,
    },
];

/// Looks at what the view can do.
pub(crate) fn run(context: &Context<'_>) {
    let runtime = runtime_folder(context);
    for socket in SOCKETS {
        let mut seen: Vec<PathBuf> = Vec::new();
        for variable in socket.variables {
            let Some(value) = context.view.variable(variable) else { continue };
            match address(value) {
                Address::Path(path) => {
                    look(context, socket, &context.view.absolute(path), &mut seen);
                }
                Address::Remote => {
                    let name = context.names.mask(&[variable.as_bytes(), b"=", value].concat());
                    context.collector.capability(Capability {
                        severity: socket.severity,
                        id: socket.id,
                        opens: socket.opens.into(),
                        name,
                        advice: socket.advice,
                    });
                }
                Address::None => {}
            }
        }
        for path in socket.paths {
            let path = match (path.strip_prefix("{runtime}/"), path.strip_prefix("~/")) {
                (Some(rest), _) => match &runtime {
                    Some(runtime) => runtime.join(rest),
                    None => continue,
                },
                (_, Some(rest)) => match context.view.home_folder() {
                    Some(home) => home.join(rest),
                    None => continue,
                },
                _ => PathBuf::from(path),
            };
            look(context, socket, &path, &mut seen);
        }
    }
    for identity in IDENTITIES {
        if context.view.variable(identity.variable).is_some_and(|value| !value.is_empty()) {
            context.collector.capability(Capability {
                severity: identity.severity,
                id: identity.id,
                opens: identity.opens.into(),
                name: Masked::fixed(identity.variable),
                advice: Advice::Metadata,
            });
        }
    }
    metadata(context);
    debugging(context);
}

fn look(context: &Context<'_>, socket: &Socket, path: &Path, seen: &mut Vec<PathBuf>) {
    let Ok(spot) = context.view.locate(path) else { return };
    let is_socket = spot.host().is_some_and(|host| {
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileTypeExt;
            std::fs::symlink_metadata(host).is_ok_and(|meta| meta.file_type().is_socket())
        }
        #[cfg(not(unix))]
        {
            host.exists()
        }
    });
    if !is_socket || seen.contains(&spot.inside) {
        return;
    }
    seen.push(spot.inside.clone());
    if !context.view.may_use(&spot) {
        return context.collector.closed();
    }
    context.collector.capability(Capability {
        severity: socket.severity,
        id: socket.id,
        opens: socket.opens.into(),
        name: context.names.mask(spot.inside.as_os_str().as_encoded_bytes()),
        advice: socket.advice,
    });
}

/// Where a variable that names a socket leads.
enum Address<'a> {
    Path(&'a [u8]),
    Remote,
    None,
}

/// `/run/x.sock`, `unix:///run/x.sock`, `unix:path=/run/bus,guid=..`, `tcp://host:2375`.
fn address(value: &[u8]) -> Address<'_> {
    if let Some(rest) = value.strip_prefix(b"unix:path=") {
        let end = rest.iter().position(|b| matches!(b, b',' | b';')).unwrap_or(rest.len());
        return Address::Path(&rest[..end]);
    }
    let path = value.strip_prefix(b"unix://").unwrap_or(value);
    match path {
        [b'/', ..] => Address::Path(path),
        _ if value.starts_with(b"tcp://") || value.starts_with(b"ssh://") => Address::Remote,
        _ => Address::None,
    }
}

fn runtime_folder(context: &Context<'_>) -> Option<PathBuf> {
    if let Some(folder) = context.view.variable("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        return Some(context.view.absolute(folder));
    }
    #[cfg(unix)]
    {
        context
            .view
            .own_process()
            .map(|_| PathBuf::from(format!("/run/user/{}", rustix::process::getuid().as_raw())))
    }
    #[cfg(not(unix))]
    {
        None
    }
}

/// The address of the metadata service, in the byte order of `/proc/net/route`.
const METADATA: u32 = u32::from_le_bytes([169, 254, 169, 254]);

/// Whether the machine's cloud would tell its identity: there is a route, and the machine says that it is a cloud's. Nothing is asked.
fn metadata(context: &Context<'_>) {
    let Some(route) = text(context, "/proc/net/route") else { return };
    let Some(specific) = route_to_metadata(&route) else { return };
    let vendor = ["sys_vendor", "product_name", "chassis_asset_tag", "bios_vendor"]
        .iter()
        .filter_map(|file| text(context, &format!("/sys/class/dmi/id/{file}")))
        .find_map(|text| cloud(&text));
    let (severity, opens) = match vendor {
        Some(cloud) => (Severity::High, format!("the identity of the {cloud} machine, if its metadata service answers (it was not asked)")),
        None if specific => (Severity::Medium, "a machine's identity, if the metadata service answers (it was not asked): it has a route of its own".into()),
        None => (Severity::Info, "a machine's identity, if there is a metadata service (it was not asked): the default route leads there".into()),
    };
    context.collector.capability(Capability {
        severity,
        id: "metadata-route",
        opens,
        name: Masked::fixed("169.254.169.254"),
        advice: Advice::Metadata,
    });
}

/// Whether a routing table leads to the metadata service, and if so whether by a route of its own.
fn route_to_metadata(table: &str) -> Option<bool> {
    let mut found = None;
    for line in table.lines().skip(1) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let number = |at: usize| words.get(at).and_then(|word| u32::from_str_radix(word, 16).ok());
        let (Some(destination), Some(flags), Some(mask)) = (number(1), number(3), number(7)) else {
            continue;
        };
        // Up, and no route that rejects.
        let usable = flags & 1 != 0 && flags & 0x200 == 0;
        if usable && METADATA & mask == destination {
            found = Some(found.unwrap_or(false) || mask != 0);
        }
    }
    found
}

fn cloud(text: &str) -> Option<&'static str> {
    const CLOUDS: &[(&str, &str)] = &[
        ("Amazon", "AWS"),
        ("Google", "Google Cloud"),
        ("7783-7084-3265-9085-8269-3286-77", "Azure"),
        ("OracleCloud", "Oracle Cloud"),
        ("DigitalOcean", "DigitalOcean"),
        ("Alibaba", "Alibaba Cloud"),
        ("OpenStack", "OpenStack"),
        ("Hetzner", "Hetzner"),
        ("Scaleway", "Scaleway"),
    ];
    CLOUDS.iter().find(|(mark, _)| text.contains(mark)).map(|(_, cloud)| *cloud)
}

/// Whether memory of the user's other processes can be read: then everything that any of them holds is in reach.
fn debugging(context: &Context<'_>) {
    if context.view.own_process().is_none() {
        return;
    }
    let scope = text(context, "/proc/sys/kernel/yama/ptrace_scope");
    if scope.as_deref().is_none_or(|scope| scope.trim() == "0") && Path::new("/proc/self/mem").exists() {
        context.collector.capability(Capability {
            severity: Severity::Medium,
            id: "debug-processes",
            opens: "the memory of every other process of the same user: ptrace is not restricted".into(),
            name: Masked::fixed("/proc/sys/kernel/yama/ptrace_scope"),
            advice: Advice::Environment,
        });
    }
}

/// A short file of the kernel as text.
fn text(context: &Context<'_>, path: &str) -> Option<String> {
    let spot = context.view.locate(Path::new(path)).ok()?;
    let (file, _) = context.view.open(&spot).ok()?;
    let mut text = String::new();
    file.take(64 << 10).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    #[test]
    fn routes() {
        let default = "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
        let link = "eth0\t0000FEA9\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        let local = "eth0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n";
        let rejected = "*\tFEA9FEA9\t00000000\t0200\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n";
        assert_eq!(route_to_metadata(&format!("{HEAD}{local}")), None);
        assert_eq!(route_to_metadata(&format!("{HEAD}{default}{local}")), Some(false));
        assert_eq!(route_to_metadata(&format!("{HEAD}{default}{link}")), Some(true));
        assert_eq!(route_to_metadata(&format!("{HEAD}{rejected}")), None);
    }

    #[test]
    fn addresses() {
        assert!(matches!(address(b"/run/a.sock"), Address::Path(b"/run/a.sock")));
        assert!(matches!(address(b"unix:///run/a.sock"), Address::Path(b"/run/a.sock")));
        assert!(matches!(address(b"unix:path=/run/bus,guid=1"), Address::Path(b"/run/bus")));
        assert!(matches!(address(b"tcp://10.0.0.1:2375"), Address::Remote));
        assert!(matches!(address(b"unix:abstract=/tmp/x"), Address::None));
    }
}
