//! Firecracker: what stands in a machine's configuration (`--config-file`). It has no network interface; a connection of the guest to a port of its vsock comes out at the socket of that name, where the guard listens.
//! See <https://github.com/firecracker-microvm/firecracker/blob/main/docs/vsock.md>.

use serde_json::json;

use super::{Guard, Sandbox, Settings, lacks};
use crate::fault::Fault;
use crate::text::{escape, path_bytes};

/// The first number that a guest may have.
const GUEST: u32 = 3;

pub(super) fn settings(guard: &Guard<'_>) -> Result<Settings, Fault> {
    let (folder, name) = guard.socket(Sandbox::Firecracker)?;
    let port = name.rsplit_once('_').and_then(|(path, port)| Some((path, port.parse::<u32>().ok()?)));
    let Some((path, port)) = port.filter(|(path, _)| !path.is_empty()) else {
        let why = "the name of the guard's socket ends with the port that the guest dials";
        return Err(lacks(Sandbox::Firecracker, why, "--listen unix:vm.vsock_8080"));
    };
    let path = format!("{folder}/{path}");
    let value = json!({
        "vsock": { "guest_cid": GUEST, "uds_path": path },
        "network-interfaces": [],
    });
    Ok(Settings {
        text: super::json(&value),
        mark: serde_json::Value::from(path).to_string(),
        hints: vec![
            "take it over into the machine's configuration, and start a guard for each machine".to_owned(),
            format!("in the guest: socat TCP-LISTEN:8080,bind=127.0.0.1,fork VSOCK-CONNECT:2:{port} &"),
            format!("the guest needs {} and the variables", escape(path_bytes(&guard.certificates))),
        ],
    })
}
