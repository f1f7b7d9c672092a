//! Codex: `config.toml`, with a profile of permissions for the commands that it runs. They reach its own proxy alone, and that one the guard, by the variables with which Codex is started. Every host is let through there: which may be
//! reached the guard says. Placeholders are handed on, though their names look like those of secrets.

use super::{Guard, Sandbox, Settings};
use crate::fault::Fault;

const MARK: &str = "# Written by exfilter guard.";

/// What may be read and written is what Codex has for a workspace.
const PROFILE: &str = r#"
default_permissions = "exfilter"

[permissions.exfilter.filesystem]
":minimal" = "read"
":root" = "read"
":tmpdir" = "write"

[permissions.exfilter.filesystem.":project_roots"]
"." = "write"

[permissions.exfilter.network]
enabled = true
mode = "full"
allow_upstream_proxy = true

[permissions.exfilter.network.domains]
"*" = "allow"

[features]
network_proxy = true

[shell_environment_policy]
inherit = "all"
ignore_default_excludes = true
"#;

pub(super) fn settings(guard: &Guard<'_>) -> Result<Settings, Fault> {
    guard.port(Sandbox::Codex)?;
    Ok(Settings {
        text: format!("{MARK}\n{PROFILE}"),
        mark: MARK.to_owned(),
        hints: vec!["take it over into ~/.codex/config.toml".to_owned(), guard.with_variables("codex")],
    })
}
