//! gVisor, as a runtime of Docker: `/etc/docker/daemon.json`, or what is to be taken over into it. Sandboxes of that runtime have no network and may open sockets of the host that are mounted into them.
//! See <https://gvisor.dev/docs/user_guide/networking/>.

use serde_json::json;

use super::{Guard, SOCKET_IN_CONTAINER, Sandbox, Settings};
use crate::fault::Fault;
use crate::sandbox::Seat;
use crate::text::{escape, path_bytes};

/// The runtime's name.
const RUNTIME: &str = "runsc-exfilter";

pub(super) fn settings(guard: &Guard<'_>) -> Result<Settings, Fault> {
    let (folder, name) = guard.socket(Sandbox::Gvisor)?;
    let trust = guard.trust(Sandbox::Gvisor)?;
    let certificates = super::IN_CONTAINER.certificates.unwrap_or_default();
    let value = json!({
        "runtimes": {
            RUNTIME: { "path": "runsc", "runtimeArgs": ["--network=none", "--host-uds=open"] },
        },
    });
    let variables = match &guard.env_file {
        Some((file, Seat::Docker)) => format!("--env-file {} ", escape(path_bytes(file))),
        _ => String::new(),
    };
    Ok(Settings {
        text: super::json(&value),
        mark: RUNTIME.to_owned(),
        hints: vec![
            "take it over into /etc/docker/daemon.json, and have Docker read it".to_owned(),
            format!(
                "docker run --runtime {RUNTIME} --network none {variables}-v {folder}:{SOCKET_IN_CONTAINER} -v {trust}:{certificates}:ro IMAGE"
            ),
            format!(
                "in it: socat TCP-LISTEN:8080,bind=127.0.0.1,fork UNIX-CONNECT:{SOCKET_IN_CONTAINER}/{name} &"
            ),
        ],
    })
}
