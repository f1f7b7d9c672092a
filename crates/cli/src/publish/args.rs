//! What the user may say to `exfilter publish`.

use std::ffi::OsString;

use clap::{Args, ValueEnum};
use exfilter::FindingId;

use crate::args::{Incomplete, Level, PolicyArgs, RuleArgs, SecretArgs};

/// `exfilter publish`.
#[derive(Args)]
pub(crate) struct PublishArgs {
    /// Which client packs and publishes
    #[arg(value_enum)]
    pub(crate) client: Client,
    /// Refuse for findings of at least this confidence [default: what the policy blocks, which is high without one]
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) fail_on: Option<Level>,
    /// Whether content that could not be examined refuses too
    #[arg(long, value_enum, default_value_t = Incomplete::Fail, value_name = "WHAT")]
    pub(crate) incomplete: Incomplete,
    /// Let a finding pass; may be given several times. What is enrolled never passes
    #[arg(long, value_name = "ID", value_parser = crate::args::finding_id)]
    pub(crate) allow: Vec<FindingId>,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    /// What the client is told; with twine and uv the files to publish, too
    #[arg(last = true, value_name = "ARG")]
    pub(crate) words: Vec<OsString>,
}

/// A client of a package registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// npm
    Npm,
    /// pnpm
    Pnpm,
    /// Yarn 1; later ones cannot publish a file
    Yarn,
    /// Bun
    Bun,
    /// Cargo
    Cargo,
    /// twine
    Twine,
    /// uv
    Uv,
}

impl Client {
    /// The program.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Client::Npm => "npm",
            Client::Pnpm => "pnpm",
            Client::Yarn => "yarn",
            Client::Bun => "bun",
            Client::Cargo => "cargo",
            Client::Twine => "twine",
            Client::Uv => "uv",
        }
    }
}
