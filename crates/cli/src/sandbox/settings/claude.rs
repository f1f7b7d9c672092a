//! Claude Code: `settings.json`. Its sandbox is for the commands that it runs; what the agent itself sends goes by the variables. Both proxies are the guard, which speaks SOCKS at the same port:
//! what a program does not send by HTTP does not go round it. See <https://code.claude.com/docs/en/settings>.

use serde_json::json;

use super::{FILE, Guard, Sandbox, Settings};
use crate::ask;
use crate::fault::Fault;

pub(super) fn settings(guard: &Guard<'_>) -> Result<Settings, Fault> {
    let port = guard.port(Sandbox::Claude)?;
    let value = json!({
        "env": super::object(guard.variables),
        "sandbox": {
            "enabled": true,
            "failIfUnavailable": true,
            "allowUnsandboxedCommands": false,
            "network": { "httpProxyPort": port, "socksProxyPort": port },
        },
    });
    Ok(Settings {
        text: super::json(&value),
        mark: ask::VARIABLE.to_owned(),
        hints: vec![format!("claude --settings {FILE}, or take it over into ~/.claude/settings.json")],
    })
}
