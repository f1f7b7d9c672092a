//! A development container: `devcontainer.json`, or what is to be taken over into one. It has no network, so neither SSH, questions of the DNS nor IPv6 lead out of it, which a firewall by addresses leaves open; the guard's socket is
//! mounted, and `socat` in the container leads the port of a proxy to it.

use serde_json::json;

use super::{Guard, SOCKET_IN_CONTAINER, Sandbox, Settings};
use crate::ask;
use crate::fault::Fault;

pub(super) fn settings(guard: &Guard<'_>) -> Result<Settings, Fault> {
    let (folder, name) = guard.socket(Sandbox::Devcontainer)?;
    let trust = guard.trust(Sandbox::Devcontainer)?;
    let certificates = super::IN_CONTAINER.certificates.unwrap_or_default();
    let value = json!({
        "runArgs": ["--network=none", "--cap-drop=NET_ADMIN", "--cap-drop=NET_RAW"],
        "mounts": [
            format!("source={folder},target={SOCKET_IN_CONTAINER},type=bind"),
            format!("source={trust},target={certificates},type=bind,readonly"),
        ],
        "containerEnv": super::object(guard.variables),
        "postStartCommand": format!(
            "nohup socat TCP-LISTEN:8080,bind=127.0.0.1,fork,reuseaddr UNIX-CONNECT:{SOCKET_IN_CONTAINER}/{name} >/dev/null 2>&1 &"
        ),
    });
    Ok(Settings {
        text: super::json(&value),
        mark: ask::VARIABLE.to_owned(),
        hints: vec![
            "add image or build to it, with socat in the image, or take it over into .devcontainer/devcontainer.json".to_owned(),
            "the container's user must be the one that runs this guard, or reach its socket otherwise".to_owned(),
        ],
    })
}
