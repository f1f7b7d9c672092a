//! What the user may say to `exfilter env`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::secrets::args::PlaceArgs;

/// `exfilter env`.
#[derive(Args)]
pub(crate) struct EnvArgs {
    /// What it is printed for
    #[arg(long = "for", value_enum, default_value_t = Seat::Shell, value_name = "WHOM")]
    pub(crate) seat: Seat,

    /// Only placeholders of these secrets; may be given several times [default: of all that are sealed and at home in a header, cookie, query or path]
    #[arg(long, value_name = "NAME", conflicts_with = "no_secrets")]
    pub(crate) secret: Vec<String>,
    /// No placeholders
    #[arg(long)]
    pub(crate) no_secrets: bool,
    /// What placeholders are made from, 32 random bytes; made if there is none [default: exfilter/sandbox.seed in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "FILE")]
    pub(crate) seed: Option<PathBuf>,

    /// The proxy, as in http://127.0.0.1:8080
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,
    /// The certificate, in PEM, of whoever signs for the proxy, where the sandbox has it
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Where Claude Code finds Anthropic's API, if not at its own address
    #[arg(long, value_name = "URL")]
    pub(crate) anthropic_base_url: Option<String>,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// What an environment is printed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Seat {
    /// Claude Code: its settings.json
    Claude,
    /// Codex: lines for the shell that starts it
    Codex,
    /// Cursor: its settings.json, for its terminals
    Cursor,
    /// Lines of NAME=VALUE without quotes, as `docker run --env-file` and systemd read them
    Docker,
    /// Lines for a shell
    Shell,
}
