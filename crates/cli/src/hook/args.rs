//! What the user may say to `exfilter hook`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::args::{AllowArgs, RefuseArgs};

/// `exfilter hook`.
#[derive(Args)]
pub(crate) struct HookArgs {
    /// What to do with hooks.
    #[command(subcommand)]
    pub(crate) command: HookCommand,
}

/// What `exfilter hook` does.
#[derive(Subcommand)]
pub(crate) enum HookCommand {
    /// Put hooks into a repository, in front of those that are there, or into the settings of a coding agent
    Install(InstallArgs),
    /// Take the hooks away and put back what was there before
    Uninstall {
        /// Those of all repositories, or of the agent's own settings, of this user
        #[arg(long)]
        global: bool,
        /// Out of the settings of a coding agent
        #[arg(long, value_name = "AGENT", value_enum)]
        agent: Option<Agent>,
    },
    /// Check what is staged; git runs it before a commit
    PreCommit(CheckArgs),
    /// Check the objects that would leave; git runs it before a push
    PrePush(CheckArgs),
    /// Check the objects that a push brings; git runs it on the server
    PreReceive(ReceiveArgs),
    /// Check what a coding agent is about to send, run, read or say; the agent runs it, with its JSON on standard input
    Agent(AgentArgs),
}

/// `exfilter hook pre-receive`.
#[derive(Args)]
pub(crate) struct ReceiveArgs {
    /// Let a finding pass that the pusher names (`git push -o exfilter.allow=ID`), and write each into this file. What is enrolled never passes
    #[arg(long, value_name = "FILE")]
    pub(crate) overrides: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) check: CheckArgs,
}

/// A coding agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Agent {
    /// Claude Code
    Claude,
    /// Codex CLI
    Codex,
    /// Cursor
    Cursor,
}

impl Agent {
    /// As it is typed.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Agent::Claude => "claude",
            Agent::Codex => "codex",
            Agent::Cursor => "cursor",
        }
    }
}

/// `exfilter hook agent`.
#[derive(Args)]
pub(crate) struct AgentArgs {
    /// Whose JSON it is
    #[arg(value_enum)]
    pub(crate) agent: Agent,
    #[command(flatten)]
    pub(crate) refuse: RefuseArgs,
    #[command(flatten)]
    pub(crate) allow: AllowArgs,
    /// Refuse what is not decided after this many seconds; less than the agent's own limit
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) within: u64,
}

/// `exfilter hook install`.
#[derive(Args)]
pub(crate) struct InstallArgs {
    /// For all repositories of this user (core.hooksPath); their own hooks run after. With --agent into this user's settings
    #[arg(long)]
    pub(crate) global: bool,
    /// Into the settings of a coding agent, of the project here
    #[arg(long, value_name = "AGENT", value_enum, conflicts_with = "hook")]
    pub(crate) agent: Option<Agent>,
    /// The hooks: pre-commit, pre-push, pre-receive
    #[arg(long, value_name = "HOOK", value_enum, default_values_t = [HookName::Commit, HookName::Push])]
    pub(crate) hook: Vec<HookName>,
}

/// A hook of git.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HookName {
    /// Before a commit
    #[value(name = "pre-commit")]
    Commit,
    /// Before a push
    #[value(name = "pre-push")]
    Push,
    /// On the server, before a push is taken
    #[value(name = "pre-receive")]
    Receive,
}

impl HookName {
    /// All of them.
    pub(crate) const ALL: [HookName; 3] = [HookName::Commit, HookName::Push, HookName::Receive];

    /// As git calls it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            HookName::Commit => "pre-commit",
            HookName::Push => "pre-push",
            HookName::Receive => "pre-receive",
        }
    }
}

/// What a hook is given.
#[derive(Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) refuse: RefuseArgs,
    /// A program to run when nothing is refused, if it is there: the hook that was installed before
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) then: Option<PathBuf>,
    /// What git gives to the hook
    #[arg(last = true, value_name = "ARG")]
    pub(crate) git: Vec<std::ffi::OsString>,
}
