//! Anthropic's sandbox-runtime (`srt`): `srt-settings.json`. Both proxies are the guard, which speaks SOCKS at the same port. Its `mitmProxy` would lead HTTP alone to the guard, and SOCKS past it. With proxies of others it
//! asks for no domain itself; the list must not be empty, for then there is no network at all.

use serde_json::json;

use super::{FILE, Guard, Sandbox, Settings};
use crate::fault::Fault;

const MARK: &str = "written by exfilter guard";

pub(super) fn settings(guard: &Guard<'_>) -> Result<Settings, Fault> {
    let port = guard.port(Sandbox::Srt)?;
    let value = json!({
        "//": MARK,
        "network": {
            "allowedDomains": ["exfilter.invalid"],
            "deniedDomains": [],
            "httpProxyPort": port,
            "socksProxyPort": port,
        },
        "filesystem": { "denyRead": [], "allowWrite": ["."], "denyWrite": [] },
    });
    Ok(Settings {
        text: super::json(&value),
        mark: MARK.to_owned(),
        hints: vec![guard.with_variables(&format!("srt --settings {FILE} COMMAND"))],
    })
}
